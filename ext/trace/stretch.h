/* stretch.h - how much of the critical path lies in each span, straight from columns.
**
** The stretches of a critical path (path.h) belong to spans, and for sums over many traces nothing else of the
** path is needed. For the plain case, which is nearly every trace, they are found here without making a
** PythiaTrace first: one tree, no links, siblings in causal order, no tolerance, and a request that ends with
** its root. The answer is that of pythia_path_walk().
**
** How. One pass over the spans, parents first, gives effective times, the sibling before each, and the largest end
** among a span and the siblings before it. The walk goes back from the root's end as path.h says. Which sibling
** precedes is found by stepping back from one to the one before; it stops when no earlier one can end later than
** the best so far. Where siblings overlap so much that this takes long, the trace is given back undecided. */
#ifndef PYTHIA_TRACE_STRETCH_H
#define PYTHIA_TRACE_STRETCH_H

#include "ext/trace/order.h"

/* One trace as columns, the spans in preorder and siblings as in trace.h. All of it may be damaged. */
typedef struct PythiaSpanColumns {
    const int64_t *parent;   /* distance back to the parent, 0: a root */
    const int64_t *start_ns; /* distance to the start of the parent, of a root to trace_start_ns */
    const int64_t *duration_ns;
    int64_t trace_start_ns;
    uint32_t nspans;
    const int64_t *point_span; /* of each point, ascending */
    const int64_t *point_ns;   /* distance to the start of the span */
    uint32_t npoints;
} PythiaSpanColumns;

/* Start and end of span i as recorded, from the starts of those before it; 0 when they cannot be. */
static inline int pythia_columns_times(const PythiaSpanColumns *trace, uint32_t i,
                                       int64_t parent_start_ns, int64_t *start_ns,
                                       int64_t *end_ns) {
    *start_ns = (int64_t)((uint64_t)parent_start_ns + (uint64_t)trace->start_ns[i]);
    *end_ns = (int64_t)((uint64_t)*start_ns + (uint64_t)trace->duration_ns[i]);
    return *start_ns >= 0 && *start_ns <= PYTHIA_TIME_MAX && *end_ns >= 0 &&
           *end_ns <= PYTHIA_TIME_MAX;
}

/* A zeroed PythiaStretches is empty; it is reused from trace to trace. */
typedef struct PythiaStretches {
    uint32_t *spans; /* those in which a stretch lies, n of them, each once */
    uint32_t n;
    int64_t *ns; /* [span]: the time spent there; valid for those in `spans` */
    struct PythiaStretchSpan *scratch;
    size_t spans_capacity, ns_capacity, scratch_capacity;
} PythiaStretches;

/* Walks from the end of span 0. SQLITE_OK; NOMEM; SQLITE_EMPTY when the trace is not plain, is not worth deciding
** here, or is damaged: then read it, and ask pythia_path_walk(). */
int pythia_stretches_find(PythiaStretches *out, const PythiaSpanColumns *trace);
void pythia_stretches_clear(PythiaStretches *stretches);

#endif
