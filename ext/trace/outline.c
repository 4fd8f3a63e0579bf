/* outline.c - see outline.h.
**
** Where two spans part is found by climbing from the one with the larger number: in preorder a span never lies
** above one with a smaller number. On the way up from x's side every span that is left behind must be waited for
** by its parent, except the last one, which is the item that is compared.
**
** At one instant a span's items sort so: points before children that begin there, and its own end behind whatever
** begins at or before it. */
#include "ext/trace/outline.h"

#define NONE INT64_MIN /* -1 stands for the trace itself, the parent of its roots */

enum { ALL_PAIRS = 15, STEPS_A_SPAN = 32 };

/* ---- making ------------------------------------------------------------------------------------------- */

/* Whether the end of a span that ends at end_ns waits for what lies from .. to in it. */
static int waits(int64_t end_ns, int64_t from_ns, int64_t to_ns, int64_t tolerance_ns) {
    return from_ns <= end_ns && to_ns - tolerance_ns <= end_ns;
}

int pythia_outline_make(PythiaOutlineSpan *spans, const int64_t *parent, const int64_t *from_ns,
                        const int64_t *to_ns, uint32_t n, int64_t tolerance_ns, uint32_t *scratch) {
    /* From the last span back, children before their parents. first[p + 1]: the first child of p so far (p = -1: the
    ** first root); next: the sibling behind. 0: none, as span 0 lies behind nobody. */
    uint32_t *first = scratch, *next = scratch + n + 1;
    uint64_t steps = STEPS_A_SPAN * (uint64_t)n;
    memset(first, 0, ((size_t)n + 1) * sizeof *first);
    for (uint32_t s = n; s-- > 0;) {
        uint32_t back = parent[s] ? (uint32_t)parent[s] : s + 1, p = s - back; /* -1 wraps around */
        uint32_t behind = first[p + 1], reach;
        int64_t end_ns = to_ns[s] - tolerance_ns;
        next[s] = behind;
        first[p + 1] = s;
        for (; behind && from_ns[behind] < end_ns; behind = next[behind])
            if (!steps--) return 0;
        reach = behind ? behind - s : 0;
        if (back <= s) {
            if (waits(to_ns[p], from_ns[s], to_ns[s], tolerance_ns)) reach |= PYTHIA_OUTLINE_WAITED;
            if (from_ns[s] > to_ns[p]) reach |= PYTHIA_OUTLINE_BEHIND;
        }
        spans[s] = (PythiaOutlineSpan){back, reach};
    }
    return 1;
}

/* ---- asking ------------------------------------------------------------------------------------------- */

typedef struct Parting {
    int64_t x,
        y; /* children of the lowest common ancestor on the way to either side; NONE: it is that side */
    int stopped; /* something on x's side is not waited for below its item */
} Parting;

static int64_t above(const PythiaOutline *o, int64_t span) {
    return span - o->spans[span].parent;
}

static Parting part(const PythiaOutline *o, int64_t s, int64_t t) {
    Parting at = {NONE, NONE, 0};
    while (s != t) {
        if (s > t) {
            if (at.x != NONE) at.stopped |= !(o->spans[at.x].reach & PYTHIA_OUTLINE_WAITED);
            at.x = s;
            s = above(o, s);
        } else {
            at.y = t;
            t = above(o, t);
        }
    }
    return at;
}

/* Span s before span t of the same parent. */
static int sibling_precedes(const PythiaOutline *o, int64_t s, int64_t t) {
    int64_t reach = o->spans[s].reach & (PYTHIA_OUTLINE_BEHIND - 1);
    return reach && t - s >= reach;
}

unsigned pythia_outline_spans(const PythiaOutline *o, uint32_t s, uint32_t t) {
    if (s == t) return PYTHIA_PAIR_START_END;
    Parting at = part(o, s, t);
    if (at.x == NONE) /* t lies in s: s ends before it when t begins after that */
        return o->spans[at.y].reach & PYTHIA_OUTLINE_BEHIND
                   ? ALL_PAIRS
                   : PYTHIA_PAIR_START_START | PYTHIA_PAIR_START_END;
    if (at.stopped) return 0;
    if (at.y == NONE)
        return o->spans[at.x].reach & PYTHIA_OUTLINE_WAITED
                   ? PYTHIA_PAIR_START_END | PYTHIA_PAIR_END_END
                   : 0;
    return sibling_precedes(o, at.x, at.y) ? ALL_PAIRS : 0;
}

/* An item of a span: a child, a point of it, or its end. */
typedef struct Item {
    int64_t number; /* of the child or point */
    int64_t from_ns, to_ns;
    int rank; /* order at the same from_ns */
} Item;
enum { RANK_POINT = 0, RANK_CHILD, RANK_END };

static Item child_item(const PythiaOutline *o, int64_t span) {
    return (Item){span, o->from_ns[span], o->to_ns[span], RANK_CHILD};
}

/* The item that an end or a point is in its own span. */
static Item own_item(const PythiaOutline *o, uint32_t event, int64_t span) {
    if (event < 2 * o->nspans) return (Item){0, o->to_ns[span], o->to_ns[span], RANK_END};
    int64_t point = event - 2 * o->nspans, ns = o->point_ns[point];
    if (ns < o->from_ns[span]) ns = o->from_ns[span];
    return (Item){point, ns, ns, RANK_POINT};
}

static int item_precedes(const PythiaOutline *o, const Item *a, const Item *b) {
    int earlier = a->rank == b->rank         ? a->number < b->number
                  : a->from_ns != b->from_ns ? a->from_ns < b->from_ns
                                             : a->rank < b->rank;
    return earlier && a->to_ns - o->tolerance_ns <= b->from_ns;
}

static int64_t span_of(const PythiaOutline *o, uint32_t event) {
    if (event < 2 * o->nspans) return event / 2;
    return o->point_span[event - 2 * o->nspans] - o->first_span;
}

static int is_start(const PythiaOutline *o, uint32_t event) {
    return event < 2 * o->nspans && !(event & 1);
}

int pythia_outline_test(const PythiaOutline *o, uint32_t x, uint32_t y) {
    if (x < 2 * o->nspans && y < 2 * o->nspans)
        return x != y && pythia_outline_spans(o, x / 2, y / 2) >> (2 * (x & 1) + (y & 1)) & 1;
    if (x == y) return 0;
    int64_t s = span_of(o, x), t = span_of(o, y);
    Parting at = part(o, s, t);
    if (at.x == NONE && is_start(o, x)) return 1;
    if ((at.y == NONE && is_start(o, y)) || at.stopped) return 0;
    Item a = own_item(o, x, s), b = own_item(o, y, t);
    if (at.x != NONE) {
        /* A point must be waited for by the end of its own span, and that span by the one above it. */
        if (x >= 2 * o->nspans && !waits(o->to_ns[s], a.from_ns, a.to_ns, o->tolerance_ns))
            return 0;
        a = child_item(o, at.x);
    }
    if (at.y != NONE) b = child_item(o, at.y);
    return item_precedes(o, &a, &b);
}
