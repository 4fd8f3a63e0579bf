/* search_space.c - pythia_search_space: the calling contexts of trace points, as pythia_learn() found them.
**
** One row per node of the tree, in preorder: a trace point below those that enclose it, for each request type.
** first_position and last_position are its smallest and largest place on a critical path that was learned, from
** 1; NULL: on none. skeleton: without it the parts of a trace would not hang together. */
#include "ext/loop/loop.h"
#include "vtab/tables.h"

enum {
    COL_NODE,
    COL_PARENT,
    COL_TYPE,
    COL_TRACEPOINT,
    COL_LAYER,
    COL_DEPTH,
    COL_COUNT,
    COL_FIRST,
    COL_LAST,
    COL_TRACES,
    COL_ON_PATH,
    COL_SKELETON,
    COL_SINGLE,
    COL_N
};

static void put_place(PythiaRows *rows, uint32_t place) {
    if (place)
        pythia_rows_int(rows, place);
    else
        pythia_rows_null(rows);
}

static void put_node(PythiaRows *rows, const PythiaSpace *space, const PythiaLayers *layers,
                     uint32_t i) {
    const PythiaSpaceNode *node = &space->nodes[i];
    pythia_rows_int(rows, i);
    put_place(rows, node->parent);
    pythia_rows_text(rows, pythia_intern_text(&space->texts, node->type));
    pythia_rows_text(rows, pythia_intern_text(&space->texts, node->point));
    pythia_rows_text(rows, layers->of[node->point]);
    pythia_rows_int(rows, node->depth);
    pythia_rows_int(rows, node->count);
    put_place(rows, node->first);
    put_place(rows, node->last);
    pythia_rows_int(rows, node->traces);
    pythia_rows_int(rows, node->on_path);
    pythia_rows_int(rows, node->skeleton);
    pythia_rows_int(rows, node->single);
    pythia_rows_end_id(rows, i);
}

static int space_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    const PythiaBound *type = pythia_bound(bounds, n, COL_TYPE, PYTHIA_EQ);
    const PythiaSpace *space;
    PythiaLayers layers = {0};
    char **error = &cursor->vtab->base.zErrMsg;
    int rc =
        pythia_loop_space(cursor->vtab->host->loop, cursor->capture, &cursor->poll, &space, error);
    if (rc) return rc;
    uint32_t only = type ? pythia_intern_find(&space->texts, pythia_value_text(type->value)) : 0;
    rc = pythia_layers_load(cursor->capture, &space->texts, &layers, error);
    for (uint32_t i = 1; !rc && i <= space->nnodes; i++) {
        if (type && space->nodes[i].type != only) continue;
        put_node(&cursor->rows, space, &layers, i);
        rc = pythia_poll(&cursor->poll);
    }
    pythia_layers_clear(&layers);
    return rc;
}

static const PythiaUse space_uses[] = {{COL_TYPE, PYTHIA_EQ, 0, 0.1}};

const PythiaTable pythia_table_search_space = {
    .name = "pythia_search_space",
    .columns = "node_id INTEGER, parent_id INTEGER, request_type TEXT, tracepoint TEXT, layer TEXT,"
               " depth INTEGER, count INTEGER, first_position INTEGER, last_position INTEGER,"
               " traces INTEGER, on_path INTEGER, skeleton INTEGER, single INTEGER",
    .nvisible = COL_N,
    .uses = space_uses,
    .nuses = 1,
    .rows = 500,
    .fill = space_fill,
};
