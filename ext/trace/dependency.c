/* dependency.c - see dependency.h.
**
** One sweep over the children of a span, by start. For each trace point that was seen so far the latest end is
** kept: a child overlaps one of that trace point when its start lies before that end. And the first start: the
** order of the two is decided when the child's end lies behind that. So a span costs its children times the
** different ones among them. */
#include "ext/trace/dependency.h"

/* The children of one span, by trace point. */
typedef struct PythiaSiblings {
    uint32_t n;
    uint32_t tracepoint[PYTHIA_SIBLINGS_MOST]; /* in order of their first start */
    int64_t from_ns[PYTHIA_SIBLINGS_MOST];     /* the first start */
    int64_t to_ns[PYTHIA_SIBLINGS_MOST];       /* the latest end so far */
    int64_t tolerance_ns[PYTHIA_SIBLINGS_MOST];
    uint64_t
        overlaps[PYTHIA_SIBLINGS_MOST]; /* bit: with which of those before it, itself included */
    uint64_t decided[PYTHIA_SIBLINGS_MOST]; /* likewise: that the order is no matter of tolerance */
    uint32_t count[PYTHIA_SIBLINGS_MOST];
} PythiaSiblings;

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t tolerance_of(const PythiaModel *model, const PythiaNames *names,
                            uint32_t tracepoint) {
    uint32_t service = tracepoint && tracepoint <= names->ntracepoints
                           ? names->tracepoints[tracepoint].service
                           : 0;
    return pythia_model_tolerance_ns(model, names, service, service);
}

/* Takes a child in; 0 when there are too many different ones. */
static int siblings_add(PythiaSiblings *s, const PythiaSpan *span, const PythiaModel *model,
                        const PythiaNames *names) {
    uint32_t own = 0;
    while (own < s->n && s->tracepoint[own] != span->tracepoint)
        own++;
    if (own == PYTHIA_SIBLINGS_MOST) return 0;
    if (own == s->n) {
        s->tracepoint[own] = span->tracepoint;
        s->tolerance_ns[own] = tolerance_of(model, names, span->tracepoint);
        s->overlaps[own] = s->decided[own] = s->count[own] = 0;
        s->from_ns[own] = span->from_ns;
        s->n++;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        if (!s->count[i]) continue; /* itself, for the first time */
        int64_t tolerance = larger(s->tolerance_ns[i], s->tolerance_ns[own]);
        uint32_t later = i > own ? i : own;
        uint64_t bit = (uint64_t)1 << (i > own ? own : i);
        if (s->to_ns[i] - tolerance > span->from_ns) s->overlaps[later] |= bit;
        if (span->to_ns - tolerance > s->from_ns[i]) s->decided[later] |= bit;
    }
    s->to_ns[own] = s->count[own] ? larger(s->to_ns[own], span->to_ns) : span->to_ns;
    s->count[own]++;
    return 1;
}

/* ---- the table ---- */

static uint64_t pair_hash(uint32_t type, uint32_t parent, uint32_t a, uint32_t b) {
    return pythia_hash_mix((uint64_t)type << 32 | parent, (uint64_t)a << 32 | b);
}

static uint32_t slot_of(const PythiaDependencies *d, uint32_t type, uint32_t parent, uint32_t a,
                        uint32_t b) {
    uint32_t slot = (uint32_t)pair_hash(type, parent, a, b) & d->mask;
    for (; d->slots[slot]; slot = (slot + 1) & d->mask) {
        const PythiaDependency *p = &d->pairs[d->slots[slot] - 1];
        if (p->a == a && p->b == b && p->parent == parent && p->request_type == type) break;
    }
    return slot;
}

static int table_make_room(PythiaDependencies *d) {
    enum { FIRST_SLOTS = 256 };
    if (d->n >= UINT32_MAX / 4) return SQLITE_FULL;
    int rc = pythia_grow((void **)&d->pairs, &d->capacity, (size_t)d->n + 1, sizeof *d->pairs);
    if (rc || (d->slots && (d->n + 1) * 2 <= d->mask + 1)) return rc;
    uint32_t n = d->slots ? (d->mask + 1) * 2 : FIRST_SLOTS;
    uint32_t *slots = pythia_alloc_zero((size_t)n * sizeof *slots);
    if (!slots) return SQLITE_NOMEM;
    pythia_free(d->slots);
    d->slots = slots;
    d->mask = n - 1;
    for (uint32_t i = 0; i < d->n; i++) {
        const PythiaDependency *p = &d->pairs[i];
        d->slots[slot_of(d, p->request_type, p->parent, p->a, p->b)] = i + 1;
    }
    return SQLITE_OK;
}

static int pair_get(PythiaDependencies *d, uint32_t type, uint32_t parent, uint32_t a, uint32_t b,
                    PythiaDependency **pair) {
    int rc = table_make_room(d);
    if (rc) return rc;
    uint32_t slot = slot_of(d, type, parent, a, b);
    if (!d->slots[slot]) {
        d->pairs[d->n] = (PythiaDependency){type, parent, a, b, 0, 0, 0};
        d->slots[slot] = ++d->n;
    }
    *pair = &d->pairs[d->slots[slot] - 1];
    return SQLITE_OK;
}

const PythiaDependency *pythia_dependencies_find(const PythiaDependencies *d, uint32_t type,
                                                 uint32_t parent, uint32_t a, uint32_t b) {
    if (!d->slots) return NULL;
    uint32_t slot = a <= b ? slot_of(d, type, parent, a, b) : slot_of(d, type, parent, b, a);
    return d->slots[slot] ? &d->pairs[d->slots[slot] - 1] : NULL;
}

void pythia_dependencies_clear(PythiaDependencies *d) {
    pythia_free(d->pairs);
    pythia_free(d->slots);
    pythia_free(d->siblings);
    memset(d, 0, sizeof *d);
}

/* ---- traces ---- */

/* What the children of one parent span say of each pair of trace points: x was first. */
static int siblings_count(PythiaDependencies *d, const PythiaSiblings *s, uint32_t type,
                          uint32_t parent) {
    for (uint32_t x = 0; x < s->n; x++) {
        for (uint32_t y = x; y < s->n; y++) {
            if (!((s->decided[y] | s->overlaps[y]) >> x & 1)) continue;
            uint32_t first = s->tracepoint[x], second = s->tracepoint[y];
            PythiaDependency *pair;
            int rc = first <= second ? pair_get(d, type, parent, first, second, &pair)
                                     : pair_get(d, type, parent, second, first, &pair);
            if (rc) return rc;
            if (s->overlaps[y] >> x & 1)
                pair->overlapped++;
            else if (first <= second)
                pair->a_first++;
            else
                pair->b_first++;
        }
    }
    return SQLITE_OK;
}

static int children_add(PythiaDependencies *d, const PythiaTrace *trace, const PythiaModel *model,
                        const PythiaNames *names, uint32_t type, uint32_t parent, uint32_t first,
                        uint32_t stop, PythiaPoll *poll) {
    PythiaSiblings *s = d->siblings;
    s->n = 0;
    if (first >= stop || trace->spans[first].last >= stop) return SQLITE_OK; /* none, or one */
    for (uint32_t c = first; c < stop; c = trace->spans[c].last) {
        int rc = pythia_poll(poll);
        if (rc) return rc;
        if (!siblings_add(s, &trace->spans[c], model, names)) return SQLITE_OK;
    }
    return siblings_count(d, s, type, parent);
}

int pythia_dependencies_add(PythiaDependencies *d, const PythiaTrace *trace,
                            const PythiaModel *model, const PythiaNames *names, uint32_t type,
                            const PythiaTracePaths *paths, PythiaPoll *poll) {
    if (trace->is_dag) return SQLITE_OK;
    if (!d->siblings) d->siblings = pythia_alloc(sizeof *d->siblings);
    if (!d->siblings) return SQLITE_NOMEM;
    int rc = children_add(d, trace, model, names, type, 0, 0, trace->nspans, poll);
    for (uint32_t i = 0; !rc && i < trace->nspans; i++)
        rc = children_add(d, trace, model, names, type, paths->nodes[i], i + 1,
                          trace->spans[i].last, poll);
    return rc;
}
