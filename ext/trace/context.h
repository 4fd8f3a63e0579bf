/* context.h - the calling context tree of many traces: where time goes, by call path.
**
** A node is a call path: (parent node, trace point), with sums over all spans that have it. Either over all
** spans, or over what lies on critical paths. What has no call path has a place all the same:
**   - the time on a path between two roots, at a node of its own with trace point 0;
**   - in a DAG of single events a step from one event to the next, at the node (trace point of the next) below
**     the node (trace point of the first). */
#ifndef PYTHIA_TRACE_CONTEXT_H
#define PYTHIA_TRACE_CONTEXT_H

#include "ext/trace/path.h"
#include "ext/trace/stretch.h"

typedef struct PythiaContextNode {
    uint32_t parent; /* node; 0: none */
    uint32_t tracepoint;
    uint32_t depth;
    uint32_t seen_in;    /* number of the trace that was counted last */
    int64_t traces;      /* traces that have it */
    int64_t count;       /* spans that have it; on paths those in which a stretch lies */
    int64_t duration_ns; /* summed durations of the spans; on paths not used */
    int64_t exclusive_ns;
    int64_t inclusive_ns; /* pythia_context_finish() */
} PythiaContextNode;

typedef struct PythiaContext {
    PythiaContextNode *nodes; /* nodes[1 .. n]; parents first */
    uint32_t n;
    size_t nodes_capacity;
    uint32_t *slots;
    uint32_t mask;
    uint32_t trace;          /* number of the current one */
    uint32_t *of_span, *way; /* scratch: the node of each span; those of a way up */
    struct PythiaContextSpan *spans;
    size_t of_span_capacity, way_capacity, spans_capacity;
} PythiaContext;

/* A zeroed PythiaContext is empty. All functions return SQLITE_OK, NOMEM, FULL, or TOOBIG when a sum does not fit
** 64 bits. Nothing is known of a tree whose last call failed. */

/* Adds the stretches of one trace. tracepoint: of each span. */
int pythia_context_add_stretches(PythiaContext *context, const PythiaSpanColumns *trace,
                                 const int64_t *tracepoint, const PythiaStretches *stretches);
/* The same from a path as it was walked. */
int pythia_context_add_path(PythiaContext *context, const PythiaTrace *trace,
                            const PythiaPath *path);
/* Adds all spans of a trace: their durations as recorded, and as exclusive time what their children do not
** cover. SQLITE_EMPTY: the columns are damaged, and nothing was added. */
int pythia_context_add_spans(PythiaContext *context, const PythiaSpanColumns *trace,
                             const int64_t *tracepoint, int is_dag);
/* Adds up inclusive times: on paths the exclusive ones of a node and all below it, else the durations. */
int pythia_context_finish(PythiaContext *context, int on_path);
void pythia_context_clear(PythiaContext *context);

#endif
