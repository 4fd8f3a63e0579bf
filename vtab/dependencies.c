/* dependencies.c - pythia_dependencies: which siblings wait for which, as all traces together show it
** (ext/trace/dependency.h).
**
** A row per request type, call path of the parent, and pair of trace points of its children that were in
** this order in at least one parent span. `support` counts the parent spans in which they were, `contradicted`
** those in which they overlapped or were the other way round; a dependence is what nothing contradicts. In
** order of names. Computed from the stored traces that are in groups, by every reading anew. */
#include "ext/trace/dependency.h"

#include <stdlib.h>

#include "ext/capture/capture.h"
#include "vtab/tables.h"

enum {
    COL_REQUEST_TYPE,
    COL_PARENT_PATH,
    COL_BEFORE,
    COL_AFTER,
    COL_SUPPORT,
    COL_CONTRADICTED,
    COL_N
};

typedef struct Learn {
    PythiaCursor *cursor;
    PythiaDependencies found;
    const PythiaModel *model;
    uint32_t only; /* request type; 0: all */
} Learn;

static int learn_trace(void *context, const PythiaTrace *trace, const PythiaAnalysis *analysis) {
    Learn *l = context;
    if (!analysis->head.group || (l->only && analysis->request.type != l->only)) return SQLITE_OK;
    return pythia_dependencies_add(&l->found, trace, l->model,
                                   pythia_capture_names(l->cursor->capture), analysis->request.type,
                                   &analysis->paths, &l->cursor->poll);
}

/* ---- rows ---- */

typedef struct DependencyRow {
    PythiaText request_type, path, before, after;
    int64_t support, contradicted;
} DependencyRow;

static int row_compare(const void *a, const void *b) {
    const DependencyRow *x = a, *y = b;
    int order = pythia_text_compare(x->request_type, y->request_type);
    if (!order) order = pythia_text_compare(x->path, y->path);
    if (!order) order = pythia_text_compare(x->before, y->before);
    return order ? order : pythia_text_compare(x->after, y->after);
}

/* The text of each call path that is a parent, made once: texts[node]. */
typedef struct PathTexts {
    PythiaText *texts;
    PythiaArena arena;
} PathTexts;

static int path_text(PathTexts *p, const PythiaCallPaths *paths, const PythiaNames *names,
                     uint32_t node) {
    if (!node || p->texts[node].p) return SQLITE_OK;
    size_t n = 0;
    for (uint32_t at = node; at; at = paths->nodes[at].parent)
        n += pythia_names_tracepoint_text(names, paths->nodes[at].tracepoint).n + 1;
    char *text = pythia_arena_alloc(&p->arena, n);
    if (!text) return SQLITE_NOMEM;
    p->texts[node] = (PythiaText){text, n - 1};
    size_t end = n; /* from the leaf to the root, so from the back */
    for (uint32_t at = node; at; at = paths->nodes[at].parent) {
        PythiaText name = pythia_names_tracepoint_text(names, paths->nodes[at].tracepoint);
        text[--end] = ';';
        end -= name.n;
        memcpy(text + end, name.p, name.n);
    }
    return SQLITE_OK;
}

static int make_rows(Learn *l, PathTexts *texts, DependencyRow **rows, size_t *n) {
    PythiaCapture *capture = l->cursor->capture;
    const PythiaNames *names = pythia_capture_names(capture);
    const PythiaCallPaths *paths = pythia_capture_call_paths(capture);
    texts->texts = pythia_alloc_zero(((size_t)paths->n + 1) * sizeof *texts->texts);
    *rows = pythia_alloc_array(2 * (size_t)l->found.n + 1, sizeof **rows);
    int rc = texts->texts && *rows ? SQLITE_OK : SQLITE_NOMEM;
    for (uint32_t i = 0; !rc && i < l->found.n; i++) {
        const PythiaDependency *p = &l->found.pairs[i];
        PythiaText a = pythia_names_tracepoint_text(names, p->a);
        PythiaText b = pythia_names_tracepoint_text(names, p->b);
        rc = path_text(texts, paths, names, p->parent);
        if (rc) break;
        DependencyRow row = {.request_type = pythia_names_text(names, p->request_type),
                             .path = texts->texts[p->parent]};
        if (p->a_first) {
            row.before = a;
            row.after = b;
            row.support = p->a_first;
            row.contradicted = p->b_first + p->overlapped;
            (*rows)[(*n)++] = row;
        }
        if (p->b_first) {
            row.before = b;
            row.after = a;
            row.support = p->b_first;
            row.contradicted = p->a_first + p->overlapped;
            (*rows)[(*n)++] = row;
        }
        rc = pythia_poll(&l->cursor->poll);
    }
    if (!rc && *n > 1) qsort(*rows, *n, sizeof **rows, row_compare);
    return rc;
}

static void put_rows(PythiaRows *out, const DependencyRow *rows, size_t n) {
    for (size_t i = 0; i < n && !out->rc; i++) {
        const DependencyRow *row = &rows[i];
        pythia_rows_text(out, row->request_type);
        pythia_rows_text(out, row->path);
        pythia_rows_text(out, row->before);
        pythia_rows_text(out, row->after);
        pythia_rows_int(out, row->support);
        pythia_rows_int(out, row->contradicted);
        pythia_rows_end(out);
    }
}

static int dependencies_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    Learn l = {.cursor = cursor};
    PathTexts texts = {0};
    DependencyRow *rows = NULL;
    size_t nrows = 0;
    char **error = &cursor->vtab->base.zErrMsg;
    if (!cursor->capture) return SQLITE_OK;
    const PythiaBound *type = pythia_bound(bounds, n, COL_REQUEST_TYPE, PYTHIA_EQ);
    if (type) {
        PythiaText text = pythia_value_text(type->value);
        l.only = pythia_intern_find(&pythia_capture_names(cursor->capture)->strings, text);
        if (!l.only) return SQLITE_OK;
    }
    int rc = pythia_capture_settle(cursor->capture, &cursor->poll, error);
    if (!rc) rc = pythia_capture_model(cursor->capture, &l.model, error);
    if (!rc)
        rc =
            pythia_capture_each_trace(cursor->capture, 0, 0, &cursor->poll, learn_trace, &l, error);
    if (!rc) rc = make_rows(&l, &texts, &rows, &nrows);
    if (!rc) put_rows(&cursor->rows, rows, nrows);
    pythia_dependencies_clear(&l.found);
    pythia_free(rows);
    pythia_free(texts.texts);
    pythia_arena_clear(&texts.arena);
    return rc ? rc : cursor->rows.rc;
}

static const PythiaUse dependencies_uses[] = {{COL_REQUEST_TYPE, PYTHIA_EQ, 0, 0.1}};

const PythiaTable pythia_table_dependencies = {
    .name = "pythia_dependencies",
    .columns = "request_type TEXT, parent_path TEXT, before TEXT, after TEXT, support INTEGER,"
               " contradicted INTEGER",
    .nvisible = COL_N,
    .uses = dependencies_uses,
    .nuses = 1,
    .rows = 1000,
    .fill = dependencies_fill,
};
