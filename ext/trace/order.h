/* order.h - the causal order inside one span of a trace.
**
** The items of a span P are its children (intervals), its points and its own end (both of zero length).
** Item i precedes item j when i sorts earlier by (from, to, record), P's end after all others at its
** instant, and to(i) <= from(j) + tolerance. Items that overlap are concurrent. The roots of a trace
** are the items of the trace itself (P = PYTHIA_NO_SPAN), which has no end.
**
** The cover predecessors of j: with k the last item in sort order that precedes j, all i that precede j
** and do not precede k. An item without any is preceded by P's start. */
#ifndef PYTHIA_TRACE_ORDER_H
#define PYTHIA_TRACE_ORDER_H

#include "ext/trace/model.h"

#define PYTHIA_NO_SPAN UINT32_MAX

/* Phases of events. */
enum { PYTHIA_PHASE_START = 0, PYTHIA_PHASE_END = 1, PYTHIA_PHASE_POINT = 2 };
/* Kinds of edges. call: into the first child(ren) from the parent's start; fork: the same into a child
** that outlives its parent; return: from the only item before a span's end to it; join: one of several;
** sequence: between siblings, points, and from a start to an end with nothing between; link. */
enum {
    PYTHIA_EDGE_SEQUENCE = 0,
    PYTHIA_EDGE_CALL,
    PYTHIA_EDGE_RETURN,
    PYTHIA_EDGE_FORK,
    PYTHIA_EDGE_JOIN,
    PYTHIA_EDGE_LINK
};

const char *pythia_phase_name(int phase);
const char *pythia_edge_name(int kind);

/* Events by number, see trace.h. */
static inline int pythia_event_phase(const PythiaTrace *trace, uint32_t event) {
    return event < 2 * trace->nspans && !trace->is_dag ? (int)(event & 1) : PYTHIA_PHASE_POINT;
}
static inline uint32_t pythia_event_span(const PythiaTrace *trace, uint32_t event) {
    return event < 2 * trace->nspans ? event / 2 : trace->points[event - 2 * trace->nspans].span;
}
static inline uint32_t pythia_event_tracepoint(const PythiaTrace *trace, uint32_t event) {
    return event < 2 * trace->nspans ? trace->spans[event / 2].tracepoint
                                     : trace->points[event - 2 * trace->nspans].tracepoint;
}
/* Effective time: from_ns, to_ns, or a point's time not before its span's start. */
int64_t pythia_event_time_ns(const PythiaTrace *trace, uint32_t event);
/* Recorded time. */
int64_t pythia_event_raw_ns(const PythiaTrace *trace, uint32_t event);

typedef struct PythiaItem {
    int64_t from_ns, to_ns;
    int64_t tolerance_ns; /* of its clock; between two items the larger one holds */
    uint32_t first, last; /* events: where one enters and leaves it; equal for points and the end */
    uint32_t before;      /* k: position of the last item that precedes this one; PYTHIA_NO_ITEM */
    uint32_t clock;       /* index into clocks */
} PythiaItem;

#define PYTHIA_NO_ITEM UINT32_MAX

typedef struct PythiaItemEnd {
    int64_t to_ns;
    uint32_t position, clock;
} PythiaItemEnd;

/* The items with one tolerance. Resolutions are powers of ten, so there are not many of these. */
enum { PYTHIA_CLOCKS_MAX = 20 };
typedef struct PythiaItemClock {
    int64_t tolerance_ns;
    uint32_t first, last; /* range of by_to */
} PythiaItemClock;

typedef struct PythiaLearnedItems PythiaLearnedItems; /* learned.h */

/* The items of one span, in an arena. */
typedef struct PythiaItems {
    PythiaItem *items;    /* in sort order */
    PythiaItemEnd *by_to; /* by (clock, to_ns, position) ascending */
    uint32_t n;
    uint32_t end; /* position of P's own end; n for the trace itself */
    int nesting;  /* causality is nesting: only points and the end have predecessors */
    uint32_t nclocks;
    PythiaItemClock *clocks;
    const PythiaLearnedItems *learned; /* causality is learned; NULL: the order of time holds */
} PythiaItems;

/* The items of a span (PYTHIA_NO_SPAN: of the trace) in sort order, with their clocks; `before` and
** by_to are left open. Linear. Memory comes from the arena. SQLITE_OK or NOMEM. */
int pythia_items_sort(PythiaItems *items, PythiaArena *arena, const PythiaTrace *trace,
                      const PythiaModel *model, const PythiaNames *names, uint32_t span);
/* The same, and `before` of each, in O(n log n). */
int pythia_items_build(PythiaItems *items, PythiaArena *arena, const PythiaTrace *trace,
                       const PythiaModel *model, const PythiaNames *names, uint32_t span);

/* Whether item i precedes item j (positions). */
int pythia_items_precede(const PythiaItems *items, uint32_t i, uint32_t j);

/* Walks the cover predecessors of item j: `state` starts as 0, each call gives the next position, the one
** with the largest (to, position) first, and PYTHIA_NO_ITEM at the end. */
typedef struct PythiaCover {
    uint32_t next[PYTHIA_CLOCKS_MAX]; /* per clock: one behind the next entry of by_to to look at */
    int begun, k_given;
} PythiaCover;
uint32_t pythia_items_cover(const PythiaItems *items, uint32_t j, PythiaCover *state);

/* Kind of the edge from item i (PYTHIA_NO_ITEM: from the span's start) to item j. */
int pythia_items_edge_kind(const PythiaItems *items, uint32_t i, uint32_t j);

/* The event that a link of the trace comes from: the latest event of the linked span that is not later
** than the start of the linking span; PYTHIA_NO_SPAN when the link leads to another trace, to no known
** span, or leads back in time. `sources` has one entry per link of the trace. Time alone is looked at: where
** clocks are coarse, links can still close a circle, see graph.h. */
int pythia_trace_link_sources(const PythiaTrace *trace, PythiaArena *arena,
                              const uint32_t **sources);
/* How many links to spans of the same trace lead back in time. */
int pythia_trace_links_backward(const PythiaTrace *trace, uint32_t *n);

/* Whether a number stands for an event: in a DAG of single events only the even ones do. */
static inline int pythia_event_exists(const PythiaTrace *trace, uint32_t event) {
    return !trace->is_dag || event >= 2 * trace->nspans || !(event & 1);
}

/* Kind of an edge in a DAG of single events, from the number of successors of its source and of
** predecessors of its destination: join before fork before sequence. */
static inline int pythia_dag_edge_kind(uint32_t successors, uint32_t predecessors) {
    return predecessors > 1 ? PYTHIA_EDGE_JOIN
           : successors > 1 ? PYTHIA_EDGE_FORK
                            : PYTHIA_EDGE_SEQUENCE;
}

/* How many edges leave and enter each span of a DAG; arrays of nspans, zeroed by the caller. */
void pythia_dag_degrees(const PythiaTrace *trace, const uint32_t *link_sources,
                        uint32_t *successors, uint32_t *predecessors);

/* All edges of a trace, links that close a circle among them (pythia_graph_edges() leaves those out), in no
** particular order of time: calls `edge` for each; a non-zero return stops
** and is returned. between: the span the edge lies in, or PYTHIA_NO_SPAN. */
typedef struct PythiaEdge {
    uint32_t source, destination; /* events */
    uint32_t between;
    int kind;
} PythiaEdge;
/* SQLITE_OK, NOMEM, or what `edge` returned. */
int pythia_trace_edges(const PythiaTrace *trace, const PythiaModel *model, const PythiaNames *names,
                       int (*edge)(void *context, const PythiaEdge *edge), void *context);

#endif
