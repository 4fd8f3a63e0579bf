/* retime.c - see retime.h.
**
** The graph has an edge for each pair that matters, and not for each pair of the order, of which there can be as many
** as the square of the events. Where the clocks of the items of a span need no tolerance, those that precede item
** j are the first ones of the items sorted by (end, position): so there is a node for each such prefix, which
** happens with the last of it, and j has one predecessor. Otherwise the cover predecessors are taken.
**
** Times are found in topological order. Should links and tolerances ever close a circle, it is opened where it is met
** first, the same way for the recorded times and for the new ones. */
#include "ext/trace/retime.h"

typedef struct PythiaRetimeEdge {
    uint32_t from, to;
} Edge;

typedef struct Retime {
    PythiaRetime *out;
    const PythiaTrace *trace;
    const PythiaModel *model;
    const PythiaNames *names;
    const unsigned char *wanted;
    int64_t less_ns;
    int64_t *delay_ns; /* [event] */
    int64_t *last_ns;  /* [node]: the latest predecessor so far; INT64_MIN: none */
    PythiaArena items; /* of one span at a time */
} Retime;

/* ---- the graph ------------------------------------------------------------------------------------------ */

static int add_edge(PythiaRetime *r, uint32_t from, uint32_t to) {
    int rc = pythia_grow((void **)&r->edges, &r->edges_capacity, r->nedges + 1, sizeof *r->edges);
    if (!rc && r->nedges >= UINT32_MAX) rc = SQLITE_TOOBIG;
    if (!rc) r->edges[r->nedges++] = (Edge){from, to};
    return rc;
}

static int take_edge(void *context, const PythiaEdge *edge) {
    return add_edge(((Retime *)context)->out, edge->source, edge->destination);
}

/* How many items end before item j begins, in the order of by_to. */
static uint32_t items_before(const PythiaItems *items, uint32_t j) {
    uint32_t low = 0, high = items->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const PythiaItemEnd *e = &items->by_to[middle];
        if (e->to_ns < items->items[j].from_ns ||
            (e->to_ns == items->items[j].from_ns && e->position < j))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* One node for each prefix of by_to but the first, which is its only item. */
static int edges_by_prefix(Retime *r, const PythiaItems *items, uint32_t span) {
    PythiaRetime *out = r->out;
    uint32_t first = out->nnodes;
    int rc = SQLITE_OK;
    if ((uint64_t)first + items->n >= UINT32_MAX) return SQLITE_TOOBIG;
    for (uint32_t k = 1; !rc && k < items->n; k++) { /* node first + k - 1: items 0 .. k of by_to */
        uint32_t before = k == 1 ? items->items[items->by_to[0].position].last : first + k - 2;
        rc = add_edge(out, before, first + k - 1);
        if (!rc) rc = add_edge(out, items->items[items->by_to[k].position].last, first + k - 1);
    }
    if (items->n > 1) out->nnodes += items->n - 1;
    for (uint32_t j = 0; !rc && j < items->n; j++) {
        uint32_t n = items_before(items, j), to = items->items[j].first;
        if (n > 1)
            rc = add_edge(out, first + n - 2, to);
        else if (n)
            rc = add_edge(out, items->items[items->by_to[0].position].last, to);
        else if (span != PYTHIA_NO_SPAN)
            rc = add_edge(out, 2 * span, to);
    }
    return rc;
}

static int edges_by_cover(Retime *r, const PythiaItems *items, uint32_t span) {
    int rc = SQLITE_OK;
    for (uint32_t j = 0; !rc && j < items->n; j++) {
        PythiaCover cover = {0};
        uint32_t i = pythia_items_cover(items, j, &cover);
        if (i == PYTHIA_NO_ITEM && span != PYTHIA_NO_SPAN)
            rc = add_edge(r->out, 2 * span, items->items[j].first);
        for (; !rc && i != PYTHIA_NO_ITEM; i = pythia_items_cover(items, j, &cover))
            rc = add_edge(r->out, items->items[i].last, items->items[j].first);
    }
    return rc;
}

static int span_edges(Retime *r, uint32_t span) {
    PythiaItems items;
    if (span != PYTHIA_NO_SPAN && r->trace->spans[span].last == span + 1 &&
        !r->trace->spans[span].npoints)
        return add_edge(r->out, 2 * span, 2 * span + 1);
    pythia_arena_reset(&r->items);
    int rc = pythia_items_build(&items, &r->items, r->trace, r->model, r->names, span);
    if (rc) return rc;
    int exact = !items.nesting && items.nclocks == 1 && items.clocks[0].tolerance_ns == 0;
    return exact ? edges_by_prefix(r, &items, span) : edges_by_cover(r, &items, span);
}

static int graph_fill(Retime *r) {
    const PythiaTrace *trace = r->trace;
    const uint32_t *sources = NULL;
    r->out->nedges = 0;
    if (trace->is_dag) return pythia_trace_edges(trace, r->model, r->names, take_edge, r);
    int rc = span_edges(r, PYTHIA_NO_SPAN);
    for (uint32_t i = 0; !rc && i < trace->nspans; i++)
        rc = span_edges(r, i);
    if (!rc) rc = pythia_trace_link_sources(trace, &r->out->arena, &sources);
    for (uint32_t l = 0; !rc && sources && l < trace->nlinks; l++)
        if (sources[l] != PYTHIA_NO_SPAN)
            rc = add_edge(r->out, sources[l], 2 * trace->links[l].from_span);
    return rc;
}

/* ---- time ------------------------------------------------------------------------------------------------ */

/* Edges by source, how many predecessors a node still waits for, and the nodes in the order in which they happen. */
typedef struct Order {
    uint32_t *first, *to, *waits, *queue;
    uint32_t n; /* of queue */
} Order;

static int order_open(const PythiaRetime *r, PythiaArena *arena, Order *o) {
    size_t nodes = (size_t)r->nnodes + 1;
    o->first = pythia_arena_alloc(arena, nodes * sizeof *o->first);
    o->waits = pythia_arena_alloc(arena, nodes * sizeof *o->waits);
    o->queue = pythia_arena_alloc(arena, nodes * sizeof *o->queue);
    o->to = pythia_arena_alloc(arena, (r->nedges + 1) * sizeof *o->to);
    if (!o->first || !o->waits || !o->queue || !o->to) return SQLITE_NOMEM;
    memset(o->first, 0, nodes * sizeof *o->first);
    memset(o->waits, 0, nodes * sizeof *o->waits);
    for (size_t e = 0; e < r->nedges; e++) {
        o->first[r->edges[e].from]++;
        o->waits[r->edges[e].to]++;
    }
    for (uint32_t i = 0, sum = 0; i <= r->nnodes; i++) {
        sum += o->first[i];
        o->first[i] = sum; /* the end, which moves down to the beginning */
    }
    for (size_t e = r->nedges; e-- > 0;)
        o->to[--o->first[r->edges[e].from]] = r->edges[e].to;
    o->n = 0;
    for (uint32_t i = 0; i < r->nnodes; i++)
        if (!o->waits[i]) o->queue[o->n++] = i;
    return SQLITE_OK;
}

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static void tell_successors(const Retime *r, const Order *o, uint32_t node, int64_t ns) {
    for (uint32_t k = o->first[node]; k < o->first[node + 1]; k++)
        r->last_ns[o->to[k]] = later(r->last_ns[o->to[k]], ns);
}

/* Brings the nodes into order and finds the delay of each from the recorded times. */
static void find_delays(const Retime *r, Order *o) {
    uint32_t events = pythia_trace_events(r->trace), done = 0, spare = 0;
    for (uint32_t i = 0; i < r->out->nnodes; i++)
        r->last_ns[i] = INT64_MIN;
    for (;;) {
        for (; done < o->n; done++) {
            uint32_t node = o->queue[done];
            int64_t ns = node < events ? r->out->before_ns[node] : r->last_ns[node];
            if (node < events && r->last_ns[node] != INT64_MIN)
                r->delay_ns[node] = ns - r->last_ns[node];
            tell_successors(r, o, node, ns);
            for (uint32_t k = o->first[node]; k < o->first[node + 1]; k++)
                if (o->waits[o->to[k]] && !--o->waits[o->to[k]]) o->queue[o->n++] = o->to[k];
        }
        while (spare < r->out->nnodes && !o->waits[spare])
            spare++;
        if (spare == r->out->nnodes) return;
        o->waits[spare] = 0; /* a circle */
        o->queue[o->n++] = spare;
    }
}

/* Without overflow; times that far away are all alike. */
static int64_t plus(int64_t a, int64_t b) {
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum) && sum > -PYTHIA_TIME_MAX && sum < PYTHIA_TIME_MAX)
        return sum;
    return b < 0 ? -PYTHIA_TIME_MAX : PYTHIA_TIME_MAX;
}

/* The same order again, now from the delays. */
static void put_in_time(const Retime *r, const Order *o) {
    uint32_t events = pythia_trace_events(r->trace);
    for (uint32_t i = 0; i < r->out->nnodes; i++)
        r->last_ns[i] = INT64_MIN;
    for (uint32_t i = 0; i < o->n; i++) {
        uint32_t node = o->queue[i];
        int64_t ns = r->last_ns[node];
        if (node < events) {
            ns = ns == INT64_MIN ? r->out->before_ns[node] : plus(ns, r->delay_ns[node]);
            r->out->after_ns[node] = ns;
        }
        tell_successors(r, o, node, ns);
    }
}

/* ---- less time ------------------------------------------------------------------------------------------- */

static void event_less(const Retime *r, uint32_t event, int64_t *left) {
    int64_t own = r->delay_ns[event], taken = own < *left ? own : *left;
    if (taken <= 0) return;
    r->delay_ns[event] -= taken;
    *left -= taken;
}

static int span_less(Retime *r, uint32_t span) {
    int64_t left = r->less_ns;
    PythiaItems items;
    if (left < 0) {
        r->delay_ns[2 * span + 1] = plus(r->delay_ns[2 * span + 1], -left);
        return SQLITE_OK;
    }
    event_less(r, 2 * span + 1, &left);
    if (!left) return SQLITE_OK;
    pythia_arena_reset(&r->items);
    int rc = pythia_items_build(&items, &r->items, r->trace, r->model, r->names, span);
    for (uint32_t j = items.end; !rc && left;) {
        PythiaCover cover = {0};
        j = pythia_items_cover(&items, j, &cover);
        if (j == PYTHIA_NO_ITEM) break;
        event_less(r, items.items[j].first, &left);
    }
    return rc;
}

static int wanted_less(Retime *r) {
    const PythiaTrace *trace = r->trace;
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < trace->nspans + trace->npoints; i++) {
        int is_span = i < trace->nspans;
        uint32_t event = is_span ? 2 * i : 2 * trace->nspans + i - trace->nspans;
        int64_t left = r->less_ns;
        if (!r->wanted[pythia_event_tracepoint(trace, event)]) continue;
        if (is_span && !trace->is_dag)
            rc = span_less(r, i);
        else if (left < 0)
            r->delay_ns[event] = plus(r->delay_ns[event], -left);
        else
            event_less(r, event, &left);
    }
    return rc;
}

/* ---- all of it --------------------------------------------------------------------------------------------- */

static int retime_open(Retime *r) {
    PythiaRetime *out = r->out;
    uint32_t events = pythia_trace_events(r->trace);
    pythia_arena_reset(&out->arena);
    out->nnodes = events;
    int rc = graph_fill(r);
    out->before_ns = pythia_arena_alloc(&out->arena, events * sizeof *out->before_ns);
    out->after_ns = pythia_arena_alloc(&out->arena, events * sizeof *out->after_ns);
    r->delay_ns = pythia_arena_alloc(&out->arena, events * sizeof *r->delay_ns);
    r->last_ns = pythia_arena_alloc(&out->arena, out->nnodes * sizeof *r->last_ns);
    if (!rc && (!out->before_ns || !out->after_ns || !r->delay_ns || !r->last_ns))
        rc = SQLITE_NOMEM;
    for (uint32_t e = 0; !rc && e < events; e++) {
        out->before_ns[e] = out->after_ns[e] = pythia_event_time_ns(r->trace, e);
        r->delay_ns[e] = 0;
    }
    return rc;
}

static int64_t request_duration(const Retime *r, const PythiaRequest *request) {
    const PythiaRetime *out = r->out;
    int64_t end = out->after_ns[request->end_event], start = out->after_ns[2 * request->root];
    for (uint32_t e = 0; request->until_last && e < pythia_trace_events(r->trace); e++)
        if (pythia_event_exists(r->trace, e)) end = later(end, out->after_ns[e]);
    return end > start ? end - start : 0;
}

int pythia_retime(PythiaRetime *retime, const PythiaTrace *trace, const PythiaModel *model,
                  const PythiaNames *names, const PythiaRequest *request,
                  const unsigned char *wanted, int64_t less_ns, int64_t *duration_ns) {
    Retime r = {.out = retime,
                .trace = trace,
                .model = model,
                .names = names,
                .wanted = wanted,
                .less_ns = less_ns};
    Order order;
    int rc = retime_open(&r);
    if (!rc) rc = order_open(retime, &retime->arena, &order);
    if (!rc) find_delays(&r, &order);
    if (!rc) rc = wanted_less(&r);
    if (!rc) {
        put_in_time(&r, &order);
        *duration_ns = request_duration(&r, request);
    }
    pythia_arena_clear(&r.items);
    return rc;
}

void pythia_retime_clear(PythiaRetime *retime) {
    pythia_free(retime->edges);
    pythia_arena_clear(&retime->arena);
    memset(retime, 0, sizeof *retime);
}
