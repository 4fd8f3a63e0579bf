/* folded.c - folded stacks, the input of flame graph programs: a line a call path with its time.
**
**   frontend/GET /cart;cart/GET /cart;redis/HGETALL 182345
**
** The frames are the trace points of spans from the root down, the number is the time in ns that these
** spans spent in themselves (self_ns of pythia_spans: not covered by a child), over all traces. Call paths
** without any are left out. A semicolon inside a name would be the end of a frame and becomes a comma. Lines
** are in order of their frames. What is kept in memory is the tree of call paths, not the traces. */
#include "ext/trace/signature.h"
#include "ext/write/formats.h"

#include <stdlib.h>

typedef struct FoldedState {
    PythiaCallPaths paths;
    PythiaTracePaths of_trace;
    int64_t *self_ns; /* [node] */
    size_t capacity;
    uint32_t known; /* nodes that have their number */
    const PythiaNames *names;
} FoldedState;

static int folded_trace(PythiaExport *export, const PythiaExportTrace *t, char **error) {
    FoldedState *s = export->state;
    (void)error;
    s->names = t->names;
    int rc = pythia_trace_paths(&s->of_trace, &s->paths, t->trace, t->names);
    if (!rc)
        rc = pythia_grow((void **)&s->self_ns, &s->capacity, (size_t)s->paths.n + 1,
                         sizeof *s->self_ns);
    if (rc) return rc;
    for (; s->known <= s->paths.n; s->known++)
        s->self_ns[s->known] = 0;
    for (uint32_t i = 0; !rc && i < t->trace->nspans; i++) {
        int64_t *sum = &s->self_ns[s->of_trace.nodes[i]];
        if (__builtin_add_overflow(*sum, pythia_span_self_ns(t->trace, i), sum))
            return SQLITE_TOOBIG;
        rc = pythia_poll(export->poll);
    }
    return rc;
}

/* ---- the tree, in order ---- */

typedef struct FoldedChild {
    uint32_t parent, node;
    PythiaText name;
} FoldedChild;

static int child_compare(const void *a, const void *b) {
    const FoldedChild *x = a, *y = b;
    if (x->parent != y->parent) return x->parent < y->parent ? -1 : 1;
    int order = pythia_text_compare(x->name, y->name);
    return order ? order : x->node < y->node ? -1 : x->node > y->node;
}

static void put_frame(PythiaBuf *stack, PythiaText name) {
    size_t from = stack->n;
    pythia_buf_utf8(stack, name);
    for (size_t i = from; i < stack->n; i++)
        if (stack->data[i] == ';')
            stack->data[i] = ',';
        else if (stack->data[i] < ' ')
            stack->data[i] = ' ';
}

/* An open level of the walk: the next of its children, and where its frame ends. */
typedef struct FoldedLevel {
    uint32_t next, end;
    size_t bytes;
} FoldedLevel;

typedef struct FoldedWalk {
    FoldedChild *children;
    uint32_t *first; /* [parent]: of its children; [parent + 1]: one behind the last */
    FoldedLevel *levels;
    size_t levels_capacity;
    PythiaBuf stack;
} FoldedWalk;

static int walk_open(FoldedWalk *w, const FoldedState *s) {
    uint32_t n = s->paths.n;
    w->children = pythia_alloc_array((size_t)n + 1, sizeof *w->children);
    w->first = pythia_alloc_zero(((size_t)n + 2) * sizeof *w->first);
    if (!w->children || !w->first) return SQLITE_NOMEM;
    for (uint32_t node = 1; node <= n; node++)
        w->children[node - 1] =
            (FoldedChild){s->paths.nodes[node].parent, node,
                          pythia_names_tracepoint_text(s->names, s->paths.nodes[node].tracepoint)};
    if (n > 1) qsort(w->children, n, sizeof *w->children, child_compare);
    for (uint32_t i = 0; i < n; i++)
        w->first[w->children[i].parent + 1]++;
    for (uint32_t i = 0; i <= n; i++)
        w->first[i + 1] += w->first[i];
    return SQLITE_OK;
}

static int walk(PythiaExport *export, FoldedWalk *w, const FoldedState *s, char **error) {
    size_t depth = 0;
    int rc = pythia_grow((void **)&w->levels, &w->levels_capacity, 1, sizeof *w->levels);
    if (!rc) w->levels[depth++] = (FoldedLevel){w->first[0], w->first[1], 0};
    while (!rc && depth) {
        FoldedLevel *level = &w->levels[depth - 1];
        if (level->next == level->end) {
            depth--;
            continue;
        }
        const FoldedChild *child = &w->children[level->next++];
        w->stack.n = level->bytes;
        if (w->stack.n) pythia_buf_byte(&w->stack, ';');
        put_frame(&w->stack, child->name);
        if (s->self_ns[child->node] > 0) {
            pythia_buf_text(&export->out, pythia_buf_as_text(&w->stack));
            pythia_buf_format(&export->out, " %lld\n", (long long)s->self_ns[child->node]);
        }
        rc = w->stack.rc ? w->stack.rc : pythia_export_step(export, error);
        if (!rc)
            rc =
                pythia_grow((void **)&w->levels, &w->levels_capacity, depth + 1, sizeof *w->levels);
        if (!rc)
            w->levels[depth++] =
                (FoldedLevel){w->first[child->node], w->first[child->node + 1], w->stack.n};
    }
    return rc;
}

static int folded_end(PythiaExport *export, char **error) {
    const FoldedState *s = export->state;
    FoldedWalk w = {0};
    if (!s->names) return SQLITE_OK; /* no trace came */
    int rc = walk_open(&w, s);
    if (!rc) rc = walk(export, &w, s, error);
    pythia_free(w.children);
    pythia_free(w.first);
    pythia_free(w.levels);
    pythia_buf_clear(&w.stack);
    return rc;
}

static void folded_release(void *state) {
    FoldedState *s = state;
    pythia_call_paths_clear(&s->paths);
    pythia_trace_paths_clear(&s->of_trace);
    pythia_free(s->self_ns);
}

const PythiaExportFormat pythia_export_folded = {
    .name = "folded",
    .trace = folded_trace,
    .end = folded_end,
    .state_bytes = sizeof(FoldedState),
    .release = folded_release,
};
