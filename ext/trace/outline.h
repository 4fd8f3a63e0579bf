/* outline.h - happened-before in a plain trace, straight from columns.
**
** before.h builds labels for a whole trace and then answers in O(log depth). A join over many small traces asks
** each of them little: what it costs is reading and building. In a plain trace - spans in a tree, no links that
** order anything, siblings in causal order, one tolerance for all clocks - the same answer follows from parents
** and effective times alone, by one climb to where two events part:
**
**   x happened before y exactly when x reaches the end of the item that contains it, in the span that is their
**   lowest common ancestor, and that item precedes the one that contains y (order.h).
**
** An item precedes every later one that begins at or after its end (less the tolerance): with one clock that
** is transitive, so nothing needs to be built. */
#ifndef PYTHIA_TRACE_OUTLINE_H
#define PYTHIA_TRACE_OUTLINE_H

#include "ext/trace/order.h"

/* One plain trace. Parents lie before their children (whoever decodes the columns checks that), spans in
** preorder, siblings and points as in trace.h. Events are numbered as there. */
typedef struct PythiaOutline {
    const int64_t *parent;          /* [span] distance back to the parent, 0: a root */
    const int64_t *from_ns, *to_ns; /* [span] effective */
    uint32_t nspans;
    const int64_t *point_span; /* [point] span; less first_span it is the index in the trace */
    const int64_t *point_ns;   /* [point] as recorded */
    uint32_t npoints;
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
