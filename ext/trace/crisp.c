/* crisp.c - see crisp.h.
**
** The children of a span are a range of `by_start` and of `by_end`: first[p] .. first[p] + count[p] - 1.
** While times are being cut, by_start lists them in the order of the trace; then both are sorted, each by
** its time. So the last child to end is the last of by_end, and how many starts and ends lie in a window is
** told by four binary searches.
**
** All walks hold their place in arrays. Each span is queued and pushed once. */
#include "ext/trace/crisp.h"

#include <stdlib.h>

typedef struct Key {
    int64_t time_ns;
    uint32_t span;
} Key;

typedef struct Crisp {
    const PythiaTrace *trace;
    PythiaCrispSpan *spans;
    uint32_t *first, *count; /* [span] */
    Key *by_start, *by_end;
    uint32_t *rank;    /* [span]: its place in by_end */
    uint32_t *stack;   /* room for all spans */
    uint32_t hostname; /* string id of the attribute key, 0: no trace has it */
    PythiaArena *arena;
} Crisp;

const char *pythia_crisp_fate_name(int fate) {
    static const char *const name[] = {"outside", "kept", "exempt", "clipped", "dropped"};
    return fate >= 0 && fate <= PYTHIA_CRISP_DROPPED ? name[fate] : "?";
}

/* ---- the tree ----------------------------------------------------------------------------------------- */

/* A table of spans by id, the later of two with one id: slots hold index + 1. */
static int ids_build(Crisp *c, uint32_t **slots, uint64_t *mask) {
    uint64_t n = 16;
    while (n < (uint64_t)c->trace->nspans * 2)
        n *= 2;
    *mask = n - 1;
    *slots = pythia_arena_alloc(c->arena, n * sizeof **slots);
    if (!*slots) return SQLITE_NOMEM;
    memset(*slots, 0, n * sizeof **slots);
    for (uint32_t i = 0; i < c->trace->nspans; i++) {
        uint64_t s = pythia_id_hash(c->trace->spans[i].id) & *mask;
        while ((*slots)[s] &&
               !pythia_id_equal(c->trace->spans[(*slots)[s] - 1].id, c->trace->spans[i].id))
            s = (s + 1) & *mask;
        (*slots)[s] = i + 1;
    }
    return SQLITE_OK;
}

/* References other than the first CHILD_OF are links; they change the parent of the span that has them. */
static int parents_by_reference(Crisp *c) {
    const PythiaTrace *trace = c->trace;
    uint32_t *slots = NULL;
    uint64_t mask = 0;
    for (uint32_t l = 0; l < trace->nlinks; l++) {
        const PythiaLinkTo *link = &trace->links[l];
        const PythiaSpan *span = &trace->spans[link->from_span];
        int32_t *parent = &c->spans[link->from_span].parent;
        if (link->kind == PYTHIA_LINK_FOLLOWS_FROM && pythia_id_equal(link->span, span->parent_id))
            *parent = -1;
        if (link->kind != PYTHIA_LINK_PARENT) continue;
        int rc = slots ? SQLITE_OK : ids_build(c, &slots, &mask);
        if (rc) return rc;
        uint64_t s = pythia_id_hash(link->span) & mask;
        while (slots[s] && !pythia_id_equal(trace->spans[slots[s] - 1].id, link->span))
            s = (s + 1) & mask;
        *parent = (int32_t)slots[s] - 1;
    }
    return SQLITE_OK;
}

static void spans_begin(Crisp *c) {
    for (uint32_t i = 0; i < c->trace->nspans; i++) {
        const PythiaSpan *span = &c->trace->spans[i];
        int64_t end = span->end_ns > span->start_ns ? span->end_ns : span->start_ns;
        c->spans[i] = (PythiaCrispSpan){.start_ns = span->start_ns,
                                        .end_ns = end,
                                        .duration_ns = end - span->start_ns,
                                        .parent = span->parent};
    }
}

/* The children of each span, in the order of the trace. */
static void children_collect(Crisp *c) {
    uint32_t n = c->trace->nspans, sum = 0;
    memset(c->count, 0, n * sizeof *c->count);
    for (uint32_t i = 0; i < n; i++)
        if (c->spans[i].parent >= 0) c->count[c->spans[i].parent]++;
    for (uint32_t i = 0; i < n; i++) {
        c->first[i] = sum;
        sum += c->count[i];
        c->count[i] = 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        int32_t p = c->spans[i].parent;
        if (p >= 0) c->by_start[c->first[p] + c->count[p]++].span = i;
    }
}

/* ---- cutting ------------------------------------------------------------------------------------------ */

/* The host name of a span's process; empty: unknown. */
static PythiaText span_host(const Crisp *c, uint32_t span) {
    uint32_t resource = c->trace->spans[span].resource;
    if (!c->hostname || resource >= c->trace->nresources) return (PythiaText){"", 0};
    const PythiaResourceSet *set = &c->trace->resources[resource];
    for (uint32_t v = 0; v < set->n; v++)
        if (set->values[v].key == c->hostname && set->values[v].type == PYTHIA_VALUE_TEXT)
            return (PythiaText){set->values[v].of.text, set->values[v].n};
    return (PythiaText){"", 0};
}

static int is_server(const Crisp *c, uint32_t span) {
    return c->trace->spans[span].kind == PYTHIA_KIND_SERVER;
}

static int is_exempt(const Crisp *c, uint32_t parent, uint32_t child) {
    int64_t most = c->spans[parent].duration_ns;
    if (c->count[parent] != 1 || c->spans[child].duration_ns > most + most / 100) return 0;
    if (is_server(c, child)) {
        int32_t above = c->spans[parent].parent;
        if (c->trace->spans[parent].kind == PYTHIA_KIND_CLIENT) return 1;
        if (!is_server(c, parent) && above >= 0 && is_server(c, (uint32_t)above)) return 1;
    }
    PythiaText a = span_host(c, parent), b = span_host(c, child);
    return a.n && b.n && !pythia_text_equal(a, b);
}

static void child_cut(const Crisp *c, uint32_t parent, uint32_t child) {
    const PythiaCrispSpan *p = &c->spans[parent];
    PythiaCrispSpan *s = &c->spans[child];
    if (is_exempt(c, parent, child)) {
        s->fate = PYTHIA_CRISP_EXEMPT;
        if (s->duration_ns > p->duration_ns) s->duration_ns = p->duration_ns;
    } else if (s->start_ns >= p->start_ns && s->end_ns <= p->end_ns) {
        s->fate = PYTHIA_CRISP_KEPT;
    } else if (s->start_ns < p->start_ns && s->end_ns > p->start_ns && s->end_ns <= p->end_ns) {
        s->fate = PYTHIA_CRISP_CLIPPED;
        s->duration_ns -= p->start_ns - s->start_ns;
        s->start_ns = p->start_ns;
    } else if (s->start_ns >= p->start_ns && s->start_ns < p->end_ns) {
        s->fate = PYTHIA_CRISP_CLIPPED;
        s->duration_ns -= s->end_ns - p->end_ns;
        s->end_ns = p->end_ns;
    } else {
        s->fate = PYTHIA_CRISP_DROPPED;
    }
}

/* Level by level. What is below a dropped span keeps its times, and its children. */
static void tree_cut(Crisp *c, uint32_t root) {
    uint32_t *queue = c->stack, n = 0;
    queue[n++] = root;
    c->spans[root].fate = PYTHIA_CRISP_KEPT;
    for (uint32_t at = 0; at < n; at++) {
        uint32_t p = queue[at], left = 0;
        Key *children = c->by_start + c->first[p];
        int dropped = c->spans[p].fate == PYTHIA_CRISP_DROPPED;
        for (uint32_t i = 0; i < c->count[p]; i++) {
            uint32_t child = children[i].span;
            if (child == root) continue; /* references in a circle */
            if (dropped)
                c->spans[child].fate = PYTHIA_CRISP_DROPPED;
            else
                child_cut(c, p, child);
            queue[n++] = child;
        }
        for (uint32_t i = 0; i < c->count[p]; i++) {
            uint32_t child = children[i].span;
            if (child != root && (dropped || c->spans[child].fate != PYTHIA_CRISP_DROPPED))
                children[left++].span = child;
        }
        c->count[p] = left;
    }
}

static int key_compare(const void *a, const void *b) {
    const Key *x = a, *y = b;
    if (x->time_ns != y->time_ns) return x->time_ns < y->time_ns ? -1 : 1;
    return x->span < y->span ? -1 : x->span > y->span;
}

static void keys_sort(Key *keys, uint32_t n) {
    for (uint32_t i = 1; i < n; i++)
        if (key_compare(&keys[i - 1], &keys[i]) > 0) {
            qsort(keys, n, sizeof *keys, key_compare);
            return;
        }
}

static void children_sort(Crisp *c) {
    for (uint32_t p = 0; p < c->trace->nspans; p++) {
        Key *start = c->by_start + c->first[p], *end = c->by_end + c->first[p];
        for (uint32_t i = 0; i < c->count[p]; i++) {
            uint32_t child = start[i].span;
            start[i].time_ns = c->spans[child].start_ns;
            end[i] = (Key){c->spans[child].end_ns, child};
        }
        keys_sort(start, c->count[p]);
        keys_sort(end, c->count[p]);
        for (uint32_t i = 0; i < c->count[p]; i++)
            c->rank[end[i].span] = i;
    }
}

/* ---- the path ----------------------------------------------------------------------------------------- */

/* How many keys are less than a time, or equal to it. */
static uint32_t keys_below(const Key *keys, uint32_t n, int64_t time_ns, int or_equal) {
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (keys[middle].time_ns < time_ns || (or_equal && keys[middle].time_ns == time_ns))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t events_within(const Crisp *c, uint32_t parent, int64_t from_ns, int64_t to_ns) {
    const Key *start = c->by_start + c->first[parent], *end = c->by_end + c->first[parent];
    uint32_t n = c->count[parent];
    return keys_below(start, n, to_ns, 1) - keys_below(start, n, from_ns, 0) +
           keys_below(end, n, to_ns, 1) - keys_below(end, n, from_ns, 0);
}

static int happens_before(const Crisp *c, uint32_t parent, uint32_t before, uint32_t later) {
    const PythiaCrispSpan *b = &c->spans[before], *l = &c->spans[later];
    if (b->end_ns < l->start_ns) return 1;
    if (b->end_ns >= l->end_ns || b->start_ns >= l->start_ns) return 0;
    /* 100 * overlap < duration, without overflow */
    int64_t duration = c->spans[parent].duration_ns;
    if (b->end_ns - l->start_ns >= duration / 100 + (duration % 100 != 0)) return 0;
    return events_within(c, parent, l->start_ns, b->end_ns) == 2;
}

/* Puts the children of a span that are on the path onto the stack, the last to end on top. */
static void path_children(const Crisp *c, uint32_t span, uint32_t *depth) {
    const Key *end = c->by_end + c->first[span];
    uint32_t from = *depth, later = 0;
    int64_t left = c->spans[span].duration_ns;
    for (uint32_t i = c->count[span]; i-- > 0;) {
        uint32_t child = end[i].span;
        if (*depth > from && !happens_before(c, span, child, later)) continue;
        later = c->stack[(*depth)++] = child;
        left -= c->spans[child].duration_ns;
    }
    c->spans[span].exclusive_ns = left > 0 ? left : 0;
    for (uint32_t i = from, j = *depth; i + 1 < j; i++) {
        uint32_t swap = c->stack[i];
        c->stack[i] = c->stack[--j];
        c->stack[j] = swap;
    }
}

static void path_find(const Crisp *c, PythiaCrisp *out, uint32_t root) {
    uint32_t depth = 0;
    out->npath = 0;
    c->stack[depth++] = root;
    while (depth) {
        uint32_t span = c->stack[--depth];
        out->path[out->npath++] = span;
        c->spans[span].position = out->npath;
        path_children(c, span, &depth);
    }
}

/* ---- drag and slack ----------------------------------------------------------------------------------- */

static int64_t between(int64_t low, int64_t value, int64_t high) {
    return value > high ? (high > low ? high : low) : value > low ? value : low;
}

static void span_drag(const Crisp *c, uint32_t span) {
    PythiaCrispSpan *s = &c->spans[span];
    s->drag_ns = s->duration_ns;
    s->exclusive_drag_ns = s->exclusive_ns;
    if (s->parent < 0 || c->rank[span] == 0) return;
    int64_t next = c->by_end[c->first[s->parent] + c->rank[span] - 1].time_ns;
    int64_t own = s->end_ns - next;
    s->drag_ns = between(0, own, s->duration_ns);
    if (c->count[span]) {
        const PythiaCrispSpan *last =
            &c->spans[c->by_end[c->first[span] + c->count[span] - 1].span];
        own = s->end_ns - (last->end_ns > next ? last->end_ns : next);
        if (last->start_ns > next) own += last->start_ns - next;
    }
    s->exclusive_drag_ns = between(0, own, s->exclusive_ns);
}

/* The latest end of each child is kept in slack_ns, until the earliest start is known. */
static void latest_ends(const Crisp *c, uint32_t parent) {
    const Key *end = c->by_end + c->first[parent];
    int64_t limit = c->spans[parent].end_ns, last_on_path = INT64_MIN;
    for (uint32_t i = c->count[parent]; i-- > 0;) {
        PythiaCrispSpan *s = &c->spans[end[i].span];
        if (end[i].time_ns < last_on_path) limit = last_on_path;
        s->slack_ns = limit;
        if (s->position && s->parent >= 0) last_on_path = end[i].time_ns;
    }
}

static void children_slack(const Crisp *c, uint32_t parent) {
    const Key *start = c->by_start + c->first[parent], *end = c->by_end + c->first[parent];
    const Key *best = NULL;
    Key key;
    uint32_t ended = 0, n = c->count[parent];
    latest_ends(c, parent);
    for (uint32_t i = 0; i < n; i++) {
        PythiaCrispSpan *s = &c->spans[start[i].span];
        for (; ended < n && end[ended].time_ns < start[i].time_ns; ended++) {
            Key e = {c->spans[end[ended].span].start_ns, end[ended].span};
            if (best && key_compare(&e, &key) <= 0) continue;
            key = e;
            best = &end[ended];
        }
        int64_t earliest = best ? best->time_ns : start[0].time_ns;
        s->slack_ns = s->position ? 0 : s->slack_ns - s->duration_ns - earliest;
    }
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

static int crisp_open(Crisp *c, PythiaCrisp *out, const PythiaTrace *trace,
                      const PythiaNames *names) {
    size_t n = (size_t)trace->nspans + 1;
    pythia_arena_reset(&out->arena);
    out->spans = pythia_arena_alloc(&out->arena, n * sizeof *out->spans);
    out->path = pythia_arena_alloc(&out->arena, n * sizeof *out->path);
    *c = (Crisp){.trace = trace, .spans = out->spans, .arena = &out->arena};
    c->by_start = pythia_arena_alloc(c->arena, n * sizeof *c->by_start);
    c->by_end = pythia_arena_alloc(c->arena, n * sizeof *c->by_end);
    c->first = pythia_arena_alloc(c->arena, n * sizeof *c->first);
    c->count = pythia_arena_alloc(c->arena, n * sizeof *c->count);
    c->rank = pythia_arena_alloc(c->arena, n * sizeof *c->rank);
    c->stack = pythia_arena_alloc(c->arena, n * sizeof *c->stack);
    if (!out->spans || !out->path || !c->by_start || !c->by_end || !c->first || !c->count ||
        !c->rank || !c->stack)
        return SQLITE_NOMEM;
    c->hostname = pythia_intern_find(&names->strings, PYTHIA_TEXT("hostname"));
    spans_begin(c);
    return parents_by_reference(c);
}

int pythia_crisp_walk(PythiaCrisp *crisp, const PythiaTrace *trace, const PythiaNames *names,
                      uint32_t root) {
    Crisp c;
    int rc = crisp_open(&c, crisp, trace, names);
    if (rc) return rc;
    children_collect(&c);
    c.spans[root].parent = -1; /* cut off; it stays among the children of what was its parent */
    tree_cut(&c, root);
    children_sort(&c);
    path_find(&c, crisp, root);
    for (uint32_t i = 0; i < crisp->npath; i++)
        span_drag(&c, crisp->path[i]);
    for (uint32_t p = 0; p < trace->nspans; p++)
        if (c.count[p]) children_slack(&c, p);
    return SQLITE_OK;
}

void pythia_crisp_clear(PythiaCrisp *crisp) {
    pythia_arena_clear(&crisp->arena);
    memset(crisp, 0, sizeof *crisp);
}
