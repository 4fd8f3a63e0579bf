/* before.h - happened-before on one trace: tests, enumeration, and the filters of joins.
**
** x happened before y when edges of the trace (order.h) lead from x to y. The relation is strict, and
** exists only inside a trace. It is answered without its closure, in one of two ways:
**
**   - span trees without links, by labels of the items of every span. Lamport's relation on a tree is
**     decided where x and y part: in the span that is their lowest common ancestor, by the order of its
**     items, provided that x reaches the end of the item that contains it. A test costs O(log depth),
**     an enumeration its output and O(depth * log);
**   - X-Trace, trees with links, and causality learned, by a graph (graph.h).
**
** Every function is iterative and allocates through sqlite3_malloc64(). A PythiaBefore is used by one
** thread at a time; functions that only ask may still build what they need first. */
#ifndef PYTHIA_TRACE_BEFORE_H
#define PYTHIA_TRACE_BEFORE_H

#include "ext/base/poll.h"
#include "ext/trace/order.h"

typedef struct PythiaGraph PythiaGraph; /* graph.h */
typedef struct PythiaWideLevel PythiaWideLevel;

typedef struct PythiaBefore {
    const PythiaTrace *trace; /* borrowed */
    PythiaArena arena, scratch;
    int is_tree;        /* the labels decide */
    uint32_t nevents;   /* of the trace */
    PythiaGraph *graph; /* built when first needed */
    const uint32_t *link_sources;
    PythiaEdge *edges; /* causality is learned: all edges, as order.h gives them; else NULL */
    size_t nedges, edges_capacity;
    int listed; /* the edges are what counts */
    /* A level is the items of one span; the last level, number nspans, is that of the roots. The items of
    ** a level lie one after the other in sort order, each in a slot; its position is its number within the
    ** level. */
    uint32_t *first;         /* [level]: slot of its first item; one more entry: all slots */
    uint32_t *event;         /* [slot]: the event that enters the item */
    uint32_t *slot;          /* [event]: of the item that the event enters, or is */
    uint32_t *next_child;    /* [slot]: first span below at or after it; the level's end: none */
    uint32_t *reach;         /* [slot]: position of the first item that it precedes */
    uint32_t *reach_most;    /* [slot]: largest reach of the level up to here */
    uint32_t *by_reach;      /* [slot]: positions of the level by reach */
    PythiaWideLevel **wide;  /* [level]: where one number does not tell what an item precedes */
    uint32_t *points_before; /* [span]: points of spans before it; one more entry: all points */
    uint32_t *jump;          /* [span]: an ancestor far up, for climbing in O(log depth) */
    uint32_t *stop; /* [span]: nearest span at or above it that is asynchronous, or NO_SPAN */
    uint32_t *late; /* asynchronous spans, ascending */
    uint32_t nlate;
    uint32_t *late_points; /* points that their span's end does not wait for, ascending */
    uint32_t nlate_points;
    uint64_t *memo; /* [span], of one call: see before_filter.c */
    uint64_t epoch;
} PythiaBefore;

/* A zeroed PythiaBefore is empty. Building again keeps memory. The trace must stay as it is until then.
** O(n log n). SQLITE_OK or NOMEM. */
int pythia_before_build(PythiaBefore *before, const PythiaTrace *trace, const PythiaModel *model,
                        const PythiaNames *names);
void pythia_before_clear(PythiaBefore *before);

/* A growing list of events. */
typedef struct PythiaEvents {
    uint32_t *events;
    uint32_t n;
    size_t capacity;
} PythiaEvents;
int pythia_events_add(PythiaEvents *list, uint32_t event);
void pythia_events_clear(PythiaEvents *list);

/* A set of events of one trace, and what is remembered about it between calls. A zeroed one is empty;
** fill `list` ascending, then call pythia_event_set_begin(). */
typedef struct PythiaEventSet {
    PythiaEvents list;
    uint32_t *index;   /* [event]: 1 + place in the list, 0: no member; made when asked for */
    uint64_t *bits[2]; /* [direction][node]: members that come after, before; graphs only */
    uint64_t spent[2]; /* steps walked in each direction for want of bits */
    uint32_t *rank;    /* [place]: length of the longest chain of members up to it */
} PythiaEventSet;
/* Forgets what was remembered of an earlier trace or list. */
void pythia_event_set_begin(PythiaEventSet *set);
void pythia_event_set_clear(PythiaEventSet *set);
/* Makes `index` where there is none. */
int pythia_event_set_index(PythiaEventSet *set, uint32_t nevents);

/* Whether x happened before y. */
int pythia_before_test(PythiaBefore *before, uint32_t x, uint32_t y, int *yes);

/* The events that x happened before (after = 1) or that happened before x (after = 0), appended to
** `out` in no particular order. within (may be NULL) restricts them to a set. poll may be NULL. */
int pythia_before_list(PythiaBefore *before, uint32_t x, int after, PythiaEventSet *within,
                       PythiaEvents *out, PythiaPoll *poll);

/* What a join keeps of D(q), the events of a set that happened before q. FIRST: those that no other one
** happened before; RECENT: those that happened before no other one. Both can be several, where events
** are concurrent. With n > 0: the n that come first when D(q) is ranked by the length of the longest chain
** within D(q) that ends (RECENT: begins) at an event, then by recorded time, then by number (RECENT:
** latest time and largest number first). one: of the events without n, the one that comes first so. */
enum { PYTHIA_FILTER_ALL = 0, PYTHIA_FILTER_FIRST, PYTHIA_FILTER_RECENT };
typedef struct PythiaFilter {
    int kind; /* PYTHIA_FILTER_* */
    int one;
    uint32_t n; /* 0: no number */
} PythiaFilter;
/* Appends to `out`; with a number in order of rank. */
int pythia_before_filter(PythiaBefore *before, uint32_t q, PythiaEventSet *set,
                         const PythiaFilter *filter, PythiaEvents *out, PythiaPoll *poll);

/* ---- for the files of this relation ------------------------------------------------------------------ */

/* More than one class of items in a level: several clocks, or nesting order. `class` is what decides by
** whom an item is preceded. */
struct PythiaWideLevel {
    uint32_t n, nclasses;
    unsigned char *class; /* [position] */
    uint32_t *reach; /* [position * nclasses + class]: first item of the class that it precedes */
    uint32_t *by_reach; /* [class * n + k]: positions by reach of that class */
};

static inline const PythiaWideLevel *pythia_before_wide(const PythiaBefore *b, uint32_t level) {
    return b->wide ? b->wide[level] : NULL;
}
static inline uint32_t pythia_before_items(const PythiaBefore *b, uint32_t level) {
    return b->first[level + 1] - b->first[level];
}
static inline uint32_t pythia_before_level(const PythiaBefore *b, uint32_t span) {
    int32_t parent = b->trace->spans[span].parent;
    return parent < 0 ? b->trace->nspans : (uint32_t)parent;
}
/* Whether item i of a level precedes item j, at once or by way of others. */
static inline int pythia_before_items_precede(const PythiaBefore *b, uint32_t level, uint32_t i,
                                              uint32_t j) {
    const PythiaWideLevel *w = pythia_before_wide(b, level);
    if (!w) return b->reach[b->first[level] + i] <= j;
    return w->reach[(size_t)i * w->nclasses + w->class[j]] <= j;
}
/* Position of a span's end among its own items. */
static inline uint32_t pythia_before_end(const PythiaBefore *b, uint32_t span) {
    return b->slot[2 * span + 1] - b->first[span];
}

/* The events of the items of a level from a position on, but for the level's own end. */
typedef struct PythiaSuffix {
    uint32_t spans, spans_end;   /* events of spans below */
    uint32_t points, points_end; /* their points */
    uint32_t own, own_end;       /* points of the level's span */
} PythiaSuffix;
void pythia_before_suffix(const PythiaBefore *b, uint32_t level, uint32_t position,
                          PythiaSuffix *suffix);
/* The predecessors of x level by level; innermost: no further than the first level that has any. */
int pythia_before_predecessors(PythiaBefore *before, uint32_t x, PythiaEventSet *within,
                               int innermost, PythiaEvents *out, PythiaPoll *poll);
/* Number of the first entry of an ascending list that is at least `event`. */
uint32_t pythia_events_at(const PythiaEvents *list, uint32_t event);

#endif
