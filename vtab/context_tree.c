/* context_tree.c - pythia_context_tree([group_id [, request_type [, scope]]]): where the time of many requests goes,
** by call path.
**
** scope 'path' (the default): the stretches of critical paths; exclusive times sum to the durations of the
** requests. scope 'all': all spans. Without a group or request type all traces that are in groups count.
** Rows come in preorder, of siblings the one with the most inclusive time first; node_id is the place. */
#include "vtab/scan.h"
#include "vtab/tables.h"

#include <stdlib.h>

enum {
    COL_NODE_ID,
    COL_PARENT_ID,
    COL_TRACEPOINT,
    COL_DEPTH,
    COL_TRACES,
    COL_COUNT,
    COL_INCLUSIVE,
    COL_EXCLUSIVE,
    COL_N,
    COL_GROUP = COL_N,
    COL_TYPE,
    COL_SCOPE,
    COL_ALL
};

/* A node among its siblings. */
typedef struct Child {
    uint32_t parent, node;
    int64_t inclusive_ns;
    PythiaText name;
} Child;

/* By parent; the most time first, then by name, which is unique among siblings. */
static int child_compare(const void *a, const void *b) {
    const Child *x = a, *y = b;
    if (x->parent != y->parent) return x->parent < y->parent ? -1 : 1;
    if (x->inclusive_ns != y->inclusive_ns) return x->inclusive_ns > y->inclusive_ns ? -1 : 1;
    return pythia_text_compare(x->name, y->name);
}

static void put_node(PythiaRows *rows, const PythiaContextNode *node, PythiaText name, uint32_t id,
                     uint32_t parent_id) {
    pythia_rows_int(rows, id);
    if (parent_id)
        pythia_rows_int(rows, parent_id);
    else
        pythia_rows_null(rows);
    pythia_rows_text(rows, node->tracepoint ? name : (PythiaText){NULL, 0});
    pythia_rows_int(rows, node->depth);
    pythia_rows_int(rows, node->traces);
    pythia_rows_int(rows, node->count);
    pythia_rows_int(rows, node->inclusive_ns);
    pythia_rows_int(rows, node->exclusive_ns);
    pythia_rows_end(rows);
}

/* Rows in preorder. children: sorted; first[node]: where those of a node begin; id[node]: its row. */
static void put_tree(PythiaRows *rows, const PythiaContext *tree, const Child *children,
                     const uint32_t *first, uint32_t *id, uint32_t *next) {
    uint32_t at = 0, rows_put = 0;
    for (uint32_t n = 0; n <= tree->n; n++)
        next[n] = first[n];
    for (;;) { /* at: the node whose next child is wanted; 0: above the roots */
        if (next[at] < tree->n && children[next[at]].parent == at) {
            const Child *child = &children[next[at]++];
            id[child->node] = ++rows_put;
            put_node(rows, &tree->nodes[child->node], child->name, rows_put, at ? id[at] : 0);
            at = child->node;
        } else if (at) {
            at = tree->nodes[at].parent;
        } else {
            return;
        }
    }
}

static int tree_rows(PythiaRows *rows, const PythiaContext *tree, const PythiaNames *names) {
    size_t n = (size_t)tree->n + 1;
    Child *children = pythia_alloc_array(n, sizeof *children);
    uint32_t *numbers = pythia_alloc_array(n * 3, sizeof *numbers);
    int rc = children && numbers ? SQLITE_OK : SQLITE_NOMEM;
    for (uint32_t i = 1; !rc && i <= tree->n; i++) {
        const PythiaContextNode *node = &tree->nodes[i];
        children[i - 1] = (Child){node->parent, i, node->inclusive_ns,
                                  pythia_names_tracepoint_text(names, node->tracepoint)};
    }
    if (!rc && tree->n) qsort(children, tree->n, sizeof *children, child_compare);
    for (uint32_t i = 0; !rc && i <= tree->n; i++)
        numbers[i] = tree->n;
    for (uint32_t i = tree->n; !rc && i-- > 0;)
        numbers[children[i].parent] = i;
    if (!rc) put_tree(rows, tree, children, numbers, numbers + n, numbers + 2 * n);
    pythia_free(children);
    pythia_free(numbers);
    return rc;
}

/* Finds what the arguments name. *found 0: nothing has that name. */
static int read_members(PythiaCursor *cursor, const PythiaBound *bounds, int n,
                        PythiaMembers *members, int *found) {
    const PythiaBound *group = pythia_bound(bounds, n, COL_GROUP, PYTHIA_EQ);
    const PythiaBound *type = pythia_bound(bounds, n, COL_TYPE, PYTHIA_EQ);
    *found = 1;
    if (group)
        *found = pythia_group_of_text(pythia_value_text(group->value), &members->group) &&
                 members->group;
    if (type) {
        members->request_type = pythia_intern_find(&pythia_capture_names(cursor->capture)->strings,
                                                   pythia_value_text(type->value));
        if (!members->request_type) *found = 0;
    }
    return SQLITE_OK;
}

static int tree_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    const PythiaBound *scope = pythia_bound(bounds, n, COL_SCOPE, PYTHIA_EQ);
    PythiaText word = scope ? pythia_value_text(scope->value) : PYTHIA_TEXT("path");
    int on_path = pythia_text_equal(word, PYTHIA_TEXT("path")), found = 0;
    PythiaMembers members = {0, 0};
    PythiaContext tree = {0};
    char **error = &cursor->vtab->base.zErrMsg;
    if (!on_path && !pythia_text_equal(word, PYTHIA_TEXT("all")))
        return pythia_vtab_fail(cursor->vtab, SQLITE_ERROR,
                                "pythia_context_tree: there is no scope '%.*s', only 'path' and"
                                " 'all'",
                                (int)word.n, word.p ? word.p : "");
    if (!cursor->capture) return SQLITE_OK;
    int rc = pythia_capture_settle(cursor->capture, &cursor->poll, error);
    if (!rc) rc = read_members(cursor, bounds, n, &members, &found);
    if (!rc && found)
        rc =
            pythia_capture_context(cursor->capture, &members, on_path, &cursor->poll, &tree, error);
    if (!rc) rc = tree_rows(&cursor->rows, &tree, pythia_capture_names(cursor->capture));
    pythia_context_clear(&tree);
    return rc;
}

static const PythiaUse tree_uses[] = {
    {COL_GROUP, PYTHIA_EQ, 0, 1}, {COL_TYPE, PYTHIA_EQ, 0, 1}, {COL_SCOPE, PYTHIA_EQ, 0, 1}};

const PythiaTable pythia_table_context_tree = {
    .name = "pythia_context_tree",
    .columns = "node_id INTEGER, parent_id INTEGER, tracepoint TEXT, depth INTEGER, traces INTEGER,"
               " count INTEGER, inclusive_ns INTEGER, exclusive_ns INTEGER, group_id TEXT HIDDEN,"
               " request_type TEXT HIDDEN, scope TEXT HIDDEN",
    .nvisible = COL_N,
    .nhidden = COL_ALL - COL_N,
    .uses = tree_uses,
    .nuses = 3,
    .rows = 200,
    .fill = tree_fill,
};
