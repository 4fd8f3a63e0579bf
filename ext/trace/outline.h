/* outline.h - happened-before in a plain trace, from two small numbers a span.
**
** before.h builds labels for a whole trace and then answers in O(log depth). A join over many small traces asks
** each of them little: what it costs is reading and building. In a plain trace - spans in a tree, no links that
** order anything, siblings in causal order, one tolerance for all clocks - the same answer follows from what can
** be kept of every span in eight bytes, by one climb to where two events part:
**
**   x happened before y exactly when x reaches the end of the item that contains it, in the span that is their
**   lowest common ancestor, and that item precedes the one that contains y (order.h).
**
** An item precedes every later one that begins at or after its end (less the tolerance): with one clock that
** is transitive, so that the first such sibling says it all. Points are few, and compared by their times. */
#ifndef PYTHIA_TRACE_OUTLINE_H
#define PYTHIA_TRACE_OUTLINE_H

#include "ext/trace/order.h"

typedef struct PythiaOutlineSpan {
    uint32_t parent; /* distance back to the parent; of a root, to -1 */
    uint32_t reach;  /* distance to the first sibling that it precedes, 0: none; and two bits */
} PythiaOutlineSpan;
#define PYTHIA_OUTLINE_WAITED ((uint32_t)1 << 31) /* it precedes the end of its parent */
#define PYTHIA_OUTLINE_BEHIND                                                                      \
    ((uint32_t)1 << 30) /* it begins after its parent's end, which precedes it */

/* Of a trace as columns: distance back to the parent (0: a root), effective times (see trace.h). Parents lie before
** their children (whoever decodes the columns checks that), spans in preorder, siblings sorted; less than 2^30 spans.
** Makes `spans`; scratch has room for 2 * n + 1 numbers. Linear: 0, and nothing is decided, where siblings overlap so
** much that the first that one precedes is not found in a few steps. */
int pythia_outline_make(PythiaOutlineSpan *spans, const int64_t *parent, const int64_t *from_ns,
                        const int64_t *to_ns, uint32_t n, int64_t tolerance_ns, uint32_t *scratch);

/* One plain trace. Events are numbered as in trace.h. */
typedef struct PythiaOutline {
    const PythiaOutlineSpan *spans;
    uint32_t nspans, npoints;
    /* For points alone: */
    const int64_t *from_ns, *to_ns; /* [span] effective */
    const int64_t *point_span;      /* [point] span; less first_span it is the index in the trace */
    const int64_t *point_ns;        /* [point] as recorded */
    int64_t first_span;
    int64_t tolerance_ns; /* of every clock */
} PythiaOutline;

/* Whether event x happened before event y. O(depth). */
int pythia_outline_test(const PythiaOutline *outline, uint32_t x, uint32_t y);

/* The same for the starts and ends of two spans at once: a set of PYTHIA_PAIR_ bits. */
enum {
    PYTHIA_PAIR_START_START = 1,
    PYTHIA_PAIR_START_END = 2, /* the start of s before the end of t */
    PYTHIA_PAIR_END_START = 4,
    PYTHIA_PAIR_END_END = 8
};
unsigned pythia_outline_spans(const PythiaOutline *outline, uint32_t s, uint32_t t);

#endif
