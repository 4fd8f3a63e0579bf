/* saved.c - the search space in the store; see space.h.
**
** Nodes are rows of pythia_xspace, numbered as in memory; a path is a row of pythia_xpath whose steps are
** varints, node << 2 | phase. What is read is taken as hostile: a parent must come before its child and
** be of its type, a step must name a node of its path's type. */
#include "ext/search/space.h"

#include "ext/base/buf.h"
#include "ext/base/bytes.h"
#include "ext/store/space.h"

#include <stdlib.h>

#define VERSION_KEY "space"

int pythia_space_version(PythiaStore *store, int64_t *version, char **error) {
    char *text = NULL;
    int rc = pythia_store_config_get(store, VERSION_KEY, &text, error);
    *version = text ? strtoll(text, NULL, 10) : 0;
    sqlite3_free(text);
    return rc;
}

static int damaged(const char *table, int64_t id, const char *what, char **error) {
    return pythia_fail(error, SQLITE_CORRUPT_VTAB, "pythia_%s, row %lld: %s", table,
                       (sqlite3_int64)id, what);
}

typedef struct Load {
    PythiaSpace *space;
    PythiaPoll *poll;
    uint32_t *steps;
    size_t capacity;
    char **error;
} Load;

static int load_node(void *context, const PythiaSpaceRow *row) {
    Load *l = context;
    PythiaSpace *space = l->space;
    PythiaSpaceNode node = {.single = row->single != 0, .skeleton = row->skeleton != 0};
    if (row->id != (int64_t)space->nnodes + 1 || row->parent < 0 || row->parent >= row->id)
        return damaged("xspace", row->id, "a node is out of order", l->error);
    node.parent = (uint32_t)row->parent;
    node.count = row->count;
    node.traces = row->traces;
    node.on_path = row->on_path;
    int rc = pythia_intern(&space->texts, row->request_type, &node.type);
    if (!rc) rc = pythia_intern(&space->texts, row->tracepoint, &node.point);
    if (rc) return rc;
    if (node.parent) {
        if (space->nodes[node.parent].type != node.type)
            return damaged("xspace", row->id, "a node and its parent differ in type", l->error);
        node.depth = space->nodes[node.parent].depth + 1;
    }
    rc = pythia_space_add_node(space, &node);
    return rc ? rc : pythia_poll(l->poll);
}

static int load_path(void *context, const PythiaSpacePathRow *row) {
    Load *l = context;
    uint32_t type = pythia_intern_find(&l->space->texts, row->request_type), n = 0;
    PythiaBytes bytes = pythia_bytes(row->steps.p ? row->steps.p : "", row->steps.n);
    while (!bytes.bad && pythia_bytes_left(&bytes)) {
        uint64_t step = pythia_bytes_varint(&bytes);
        if (bytes.bad || step >> 2 < 1 || step >> 2 > l->space->nnodes || (step & 3) == 3 ||
            l->space->nodes[step >> 2].type != type)
            return damaged("xpath", row->id, "a step names no node of its type", l->error);
        int rc = pythia_grow((void **)&l->steps, &l->capacity, (size_t)n + 1, sizeof *l->steps);
        if (rc) return rc;
        l->steps[n++] = (uint32_t)step;
    }
    if (!n) return damaged("xpath", row->id, "a path has no steps", l->error);
    int rc = pythia_space_add_path(l->space, type, row->count > 0 ? row->count : 1, l->steps, n);
    return rc ? rc : pythia_poll(l->poll);
}

int pythia_space_load(PythiaStore *store, PythiaSpace *space, PythiaPoll *poll, char **error) {
    Load l = {.space = space, .poll = poll, .error = error};
    pythia_space_clear(space);
    int rc = pythia_store_space_nodes(store, load_node, &l, error);
    if (!rc) rc = pythia_store_space_paths(store, load_path, &l, error);
    if (!rc) rc = pythia_space_index(space);
    pythia_free(l.steps);
    if (rc) pythia_space_clear(space);
    return rc;
}

static int save_nodes(PythiaSpaceWriter *writer, const PythiaSpace *space, char **error) {
    int rc = SQLITE_OK;
    for (uint32_t i = 1; !rc && i <= space->nnodes; i++) {
        const PythiaSpaceNode *node = &space->nodes[i];
        PythiaSpaceRow row = {.id = i,
                              .parent = node->parent,
                              .request_type = pythia_intern_text(&space->texts, node->type),
                              .tracepoint = pythia_intern_text(&space->texts, node->point),
                              .single = node->single,
                              .skeleton = node->skeleton,
                              .count = node->count,
                              .traces = node->traces,
                              .on_path = node->on_path};
        rc = pythia_store_space_node_put(writer, &row, error);
    }
    return rc;
}

static int save_paths(PythiaSpaceWriter *writer, const PythiaSpace *space, char **error) {
    PythiaBuf buf = {0};
    int rc = SQLITE_OK;
    for (uint32_t p = 0; !rc && p < space->npaths; p++) {
        const PythiaSpacePath *path = &space->paths[p];
        buf.n = 0;
        for (uint32_t i = 0; i < path->n; i++)
            pythia_buf_varint(&buf, space->steps[path->first + i]);
        PythiaSpacePathRow row = {(int64_t)p + 1,
                                  pythia_intern_text(&space->texts, path->type),
                                  path->count,
                                  {(const char *)buf.data, buf.n}};
        rc = buf.rc ? buf.rc : pythia_store_space_path_put(writer, &row, error);
    }
    pythia_buf_clear(&buf);
    return rc;
}

int pythia_space_save(PythiaStore *store, const PythiaSpace *space, char **error) {
    PythiaSpaceWriter writer = {0};
    int rc = pythia_store_space_begin(store, &writer, error);
    if (!rc) rc = save_nodes(&writer, space, error);
    if (!rc) rc = save_paths(&writer, space, error);
    pythia_store_space_end(&writer);
    if (rc) return rc;
    char version[32];
    int64_t number = 0;
    while (!number)
        sqlite3_randomness(sizeof number, &number);
    sqlite3_snprintf(sizeof version, version, "%lld", (sqlite3_int64)number);
    return pythia_store_config_set(store, VERSION_KEY, version, error);
}
