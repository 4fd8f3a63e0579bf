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

typedef struct Parting {
    int64_t level; /* lowest common ancestor, -1: the trace */
    int64_t x,
        y;       /* children of it on the way to either side; NONE: that side is the level itself */
    int stopped; /* something on x's side is not waited for below its item */
} Parting;

static int64_t above(const PythiaOutline *o, int64_t span) {
    return o->parent[span] ? span - o->parent[span] : -1;
}

/* Whether the end of span p waits for what lies from .. to in it. */
static int waits(const PythiaOutline *o, int64_t p, int64_t from_ns, int64_t to_ns) {
    return from_ns <= o->to_ns[p] && to_ns - o->tolerance_ns <= o->to_ns[p];
}

static Parting part(const PythiaOutline *o, int64_t s, int64_t t) {
    Parting at = {0, NONE, NONE, 0};
    while (s != t) {
        if (s > t) {
            /* the parent of what was left behind is s */
            if (at.x != NONE) at.stopped |= !waits(o, s, o->from_ns[at.x], o->to_ns[at.x]);
            at.x = s;
            s = above(o, s);
        } else {
            at.y = t;
            t = above(o, t);
        }
    }
    at.level = s;
    return at;
}

/* Child s of a span before child t of the same. */
static int child_precedes(const PythiaOutline *o, int64_t s, int64_t t) {
    return s < t && o->to_ns[s] - o->tolerance_ns <= o->from_ns[t];
}

unsigned pythia_outline_spans(const PythiaOutline *o, uint32_t s, uint32_t t) {
    if (s == t) return PYTHIA_PAIR_START_END;
    Parting at = part(o, s, t);
    if (at.x == NONE) /* t lies in s: s ends before it when t begins after that */
        return PYTHIA_PAIR_START_START | PYTHIA_PAIR_START_END |
               (o->from_ns[at.y] > o->to_ns[s] ? PYTHIA_PAIR_END_START | PYTHIA_PAIR_END_END : 0);
    if (at.stopped) return 0;
    if (at.y == NONE)
        return waits(o, t, o->from_ns[at.x], o->to_ns[at.x])
                   ? PYTHIA_PAIR_START_END | PYTHIA_PAIR_END_END
                   : 0;
    return child_precedes(o, at.x, at.y) ? PYTHIA_PAIR_START_START | PYTHIA_PAIR_START_END |
                                               PYTHIA_PAIR_END_START | PYTHIA_PAIR_END_END
                                         : 0;
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
    if (x == y) return 0;
    int64_t s = span_of(o, x), t = span_of(o, y);
    Parting at = part(o, s, t);
    if (at.x == NONE && is_start(o, x)) return 1;
    if ((at.y == NONE && is_start(o, y)) || at.stopped) return 0;
    Item a = own_item(o, x, s), b = own_item(o, y, t);
    if (at.x != NONE) {
        /* A point must be waited for by the end of its own span, and that span by the one above it. */
        if (x >= 2 * o->nspans && !waits(o, s, a.from_ns, a.to_ns)) return 0;
        a = child_item(o, at.x);
    }
    if (at.y != NONE) b = child_item(o, at.y);
    return item_precedes(o, &a, &b);
}
