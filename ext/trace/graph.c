/* graph.c - see graph.h.
**
** Nodes 0 .. nevents - 1 are the events, the gates follow level by level: position * classes + class. Edges are
** made twice by the same code, once to be counted and once to be put in their places. */
#include "ext/trace/graph.h"

enum {
    LABEL_CELLS_MOST = 8 << 20, /* of 4 bytes */
    BITS_WORDS_MOST = 4 << 20,  /* of 8 bytes, for one set and direction */
    CIRCLE_SEARCHES_MOST = 64   /* beyond: links that may be part of a circle are dropped unseen */
};

/* ---- building --------------------------------------------------------------------------------------- */

typedef struct Edges {
    const PythiaBefore *b;
    uint32_t *gates; /* [level]: its first gate; one more entry: all nodes */
    uint32_t
        *count;   /* [node]: of its edges; while they are put in place: where the next one goes */
    uint32_t *to; /* NULL: only count */
} Edges;

static void edge_add(Edges *e, uint32_t from, uint32_t to) {
    if (e->to)
        e->to[e->count[from]++] = to;
    else
        e->count[from]++;
}

static void level_edges(Edges *e, uint32_t level) {
    const PythiaBefore *b = e->b;
    const PythiaWideLevel *w = pythia_before_wide(b, level);
    uint32_t n = pythia_before_items(b, level), k = w ? w->nclasses : 1, gates = e->gates[level];
    for (uint32_t c = 0; n && level < b->trace->nspans && c < k; c++)
        edge_add(e, 2 * level, gates + c);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t event = b->event[b->first[level] + i];
        uint32_t last =
            pythia_event_phase(b->trace, event) == PYTHIA_PHASE_START ? event + 1 : event;
        edge_add(e, gates + i * k + (w ? w->class[i] : 0), event);
        for (uint32_t c = 0; c < k; c++) {
            uint32_t reach = w ? w->reach[(size_t)i * k + c] : b->reach[b->first[level] + i];
            if (i + 1 < n) edge_add(e, gates + i * k + c, gates + (i + 1) * k + c);
            if (reach < n) edge_add(e, last, gates + reach * k + c);
        }
    }
}

static void all_edges(Edges *e) {
    const PythiaTrace *t = e->b->trace;
    if (e->b->listed) {
        for (size_t i = 0; i < e->b->nedges; i++)
            edge_add(e, e->b->edges[i].source, e->b->edges[i].destination);
        return;
    }
    for (uint32_t level = 0; !t->is_dag && level <= t->nspans; level++)
        level_edges(e, level);
    for (uint32_t i = 0; t->is_dag && i < t->nspans; i++)
        if (t->spans[i].parent >= 0) edge_add(e, 2 * (uint32_t)t->spans[i].parent, 2 * i);
    for (uint32_t l = 0; e->b->link_sources && l < t->nlinks; l++)
        if (e->b->link_sources[l] != PYTHIA_NO_SPAN)
            edge_add(e, e->b->link_sources[l], 2 * t->links[l].from_span);
}

/* Numbers the gates. TOOBIG: there are more than numbers. */
static int number_gates(Edges *e, uint32_t *nnodes) {
    const PythiaBefore *b = e->b;
    uint64_t n = b->nevents;
    for (uint32_t level = 0; level <= b->trace->nspans; level++) {
        e->gates[level] = (uint32_t)n;
        if (b->trace->is_dag || b->listed) continue;
        const PythiaWideLevel *w = pythia_before_wide(b, level);
        n += (uint64_t)pythia_before_items(b, level) * (w ? w->nclasses : 1);
        if (n > INT32_MAX) return SQLITE_TOOBIG;
    }
    *nnodes = (uint32_t)n;
    return SQLITE_OK;
}

/* Sums counts into the beginnings of ranges; first has one entry more. */
static uint32_t counts_to_ranges(const uint32_t *count, uint32_t n, uint32_t *first) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        first[i] = sum;
        sum += count[i];
    }
    return first[n] = sum;
}

static void *room(PythiaGraph *g, size_t n) {
    return pythia_arena_alloc(&g->arena, n * sizeof(uint32_t));
}

/* Edges the other way round. */
static void reverse_edges(PythiaGraph *g, uint32_t *count) {
    memset(count, 0, g->nnodes * sizeof *count);
    for (uint32_t i = 0; i < g->nedges; i++)
        count[g->next[1][i]]++;
    counts_to_ranges(count, g->nnodes, g->first[0]);
    memcpy(count, g->first[0], g->nnodes * sizeof *count);
    for (uint32_t from = 0; from < g->nnodes; from++)
        for (uint32_t i = g->first[1][from]; i < g->first[1][from + 1]; i++)
            g->next[0][count[g->next[1][i]]++] = from;
}

static int graph_edges(PythiaGraph *g, const PythiaBefore *b, uint32_t *count, uint32_t *gates) {
    Edges e = {b, gates, count, NULL};
    memset(count, 0, g->nnodes * sizeof *count);
    all_edges(&e);
    for (int d = 0; d < 2; d++)
        if (!(g->first[d] = room(g, (size_t)g->nnodes + 1))) return SQLITE_NOMEM;
    g->nedges = counts_to_ranges(count, g->nnodes, g->first[1]);
    for (int d = 0; d < 2; d++)
        if (!(g->next[d] = room(g, (size_t)g->nedges + 1))) return SQLITE_NOMEM;
    memcpy(count, g->first[1], g->nnodes * sizeof *count);
    e.to = g->next[1];
    all_edges(&e);
    reverse_edges(g, count);
    return SQLITE_OK;
}

/* ---- topological order ------------------------------------------------------------------------------- */

/* Takes one edge out, in both directions; ranges keep a hole that is filled by a loop on no node: the
** neighbour is written over with the node itself, which every walk has met already. */
static void edge_remove(PythiaGraph *g, uint32_t from, uint32_t to) {
    for (uint32_t i = g->first[1][from]; i < g->first[1][from + 1]; i++)
        if (g->next[1][i] == to) {
            g->next[1][i] = from;
            break;
        }
    for (uint32_t i = g->first[0][to]; i < g->first[0][to + 1]; i++)
        if (g->next[0][i] == from) {
            g->next[0][i] = to;
            break;
        }
    g->dropped++;
}

static uint32_t order_from(PythiaGraph *g, uint32_t done, uint32_t placed, uint32_t *waiting) {
    for (; done < placed; done++) {
        uint32_t node = g->order[done];
        g->place[node] = done;
        for (uint32_t i = g->first[1][node]; i < g->first[1][node + 1]; i++) {
            uint32_t to = g->next[1][i];
            if (to != node && !--waiting[to]) g->order[placed++] = to;
        }
    }
    return placed;
}

/* The first link from `l` on that is part of a circle; its number, or nlinks. */
static int find_circle(PythiaGraph *g, const PythiaBefore *b, const uint32_t *waiting,
                       uint32_t *l) {
    const PythiaTrace *t = b->trace;
    for (; *l < t->nlinks; ++*l) {
        uint32_t from = b->link_sources[*l], to = 2 * t->links[*l].from_span;
        if (from == PYTHIA_NO_SPAN || !waiting[from] || !waiting[to]) continue;
        if (g->dropped >= CIRCLE_SEARCHES_MOST) return SQLITE_OK;
        int rc = pythia_graph_walk(g, &to, 1, 1, NULL);
        if (rc || pythia_graph_met(g, from)) return rc;
    }
    return SQLITE_OK;
}

/* Kahn's algorithm. Where it is stuck there is a circle, and a link in it: trees have none. */
static int graph_order(PythiaGraph *g, const PythiaBefore *b, uint32_t *waiting) {
    uint32_t placed = 0, done = 0, link = 0;
    for (uint32_t i = 0; i < g->nnodes; i++) {
        waiting[i] = g->first[0][i + 1] - g->first[0][i];
        if (!waiting[i]) g->order[placed++] = i;
    }
    for (;;) {
        done = placed = order_from(g, done, placed, waiting);
        if (placed == g->nnodes || !b->link_sources) return SQLITE_OK;
        int rc = find_circle(g, b, waiting, &link);
        if (rc || link >= b->trace->nlinks) return rc ? rc : SQLITE_INTERNAL;
        uint32_t to = 2 * b->trace->links[link].from_span;
        edge_remove(g, b->link_sources[link], to);
        if (!g->left_out) {
            g->left_out = pythia_arena_alloc(&g->arena, b->trace->nlinks);
            if (!g->left_out) return SQLITE_NOMEM;
            memset(g->left_out, 0, b->trace->nlinks);
        }
        g->left_out[link++] = 1;
        if (!--waiting[to]) g->order[placed++] = to;
    }
}

int pythia_graph_need(PythiaBefore *b) {
    if (b->graph) return SQLITE_OK;
    PythiaGraph *g = pythia_alloc_zero(sizeof *g);
    if (!g) return SQLITE_NOMEM;
    uint32_t *gates = pythia_alloc_array((size_t)b->trace->nspans + 1, sizeof *gates),
             *count = NULL;
    Edges e = {b, gates, NULL, NULL};
    int rc = gates ? number_gates(&e, &g->nnodes) : SQLITE_NOMEM;
    if (!rc) {
        count = pythia_alloc_array((size_t)g->nnodes + 1, sizeof *count);
        g->order = room(g, g->nnodes);
        g->place = room(g, g->nnodes);
        g->seen = room(g, g->nnodes);
        g->stack = room(g, g->nnodes);
        if (!count || !g->order || !g->place || !g->seen || !g->stack) rc = SQLITE_NOMEM;
    }
    if (!rc) memset(g->seen, 0, g->nnodes * sizeof *g->seen);
    if (!rc) rc = graph_edges(g, b, count, gates);
    if (!rc) rc = graph_order(g, b, count);
    pythia_free(gates);
    pythia_free(count);
    if (rc)
        pythia_graph_free(g);
    else
        b->graph = g;
    return rc;
}

void pythia_graph_free(PythiaGraph *g) {
    if (!g) return;
    pythia_arena_clear(&g->arena);
    pythia_free(g->past);
    pythia_free(g);
}

/* ---- what the graph leaves out ---------------------------------------------------------------------- */

/* Whether the links of a trace could close a circle: without tolerance every edge leads forward in time. */
static int circles_are_possible(const PythiaTrace *trace, const PythiaModel *model,
                                const PythiaNames *names) {
    if (trace->is_dag || !trace->nlinks) return 0;
    if (model->causality == PYTHIA_CAUSALITY_LEARNED) return 1;
    for (uint32_t i = 0; i < trace->nspans; i++) {
        uint32_t t = trace->spans[i].tracepoint;
        uint32_t service = t && t <= names->ntracepoints ? names->tracepoints[t].service : 0;
        if (pythia_model_tolerance_ns(model, names, service, service) > 0) return 1;
    }
    return 0;
}

/* Builds the graph where it can leave something out. before->graph NULL: it does not. */
static int graph_of_links(PythiaBefore *before, const PythiaTrace *trace, const PythiaModel *model,
                          const PythiaNames *names) {
    if (!circles_are_possible(trace, model, names)) return SQLITE_OK;
    int rc = pythia_before_build(before, trace, model, names);
    return rc || before->is_tree ? rc : pythia_graph_need(before);
}

typedef struct LinkFilter {
    const PythiaBefore *before;
    uint32_t link; /* the next one */
    int (*edge)(void *context, const PythiaEdge *edge);
    void *context;
} LinkFilter;

/* Links come in their order, those without a source left out. */
static int filter_edge(void *context, const PythiaEdge *edge) {
    LinkFilter *f = context;
    if (edge->kind != PYTHIA_EDGE_LINK) return f->edge(f->context, edge);
    while (f->before->link_sources[f->link] == PYTHIA_NO_SPAN)
        f->link++;
    return f->before->graph->left_out[f->link++] ? SQLITE_OK : f->edge(f->context, edge);
}

int pythia_graph_edges(const PythiaTrace *trace, const PythiaModel *model, const PythiaNames *names,
                       int (*edge)(void *context, const PythiaEdge *edge), void *context) {
    PythiaBefore before = {0};
    int rc = graph_of_links(&before, trace, model, names);
    if (!rc && before.graph && before.graph->left_out) {
        LinkFilter f = {&before, 0, edge, context};
        rc = pythia_trace_edges(trace, model, names, filter_edge, &f);
    } else if (!rc) {
        rc = pythia_trace_edges(trace, model, names, edge, context);
    }
    pythia_before_clear(&before);
    return rc;
}

int pythia_links_refused(const PythiaTrace *trace, const PythiaModel *model,
                         const PythiaNames *names, uint32_t *n) {
    PythiaBefore before = {0};
    int rc = pythia_trace_links_backward(trace, n);
    if (!rc) rc = graph_of_links(&before, trace, model, names);
    if (!rc && before.graph) *n += before.graph->dropped;
    pythia_before_clear(&before);
    return rc;
}

/* ---- walks ------------------------------------------------------------------------------------------- */

static void walk_begin(PythiaGraph *g) {
    if (++g->walk) return;
    memset(g->seen, 0, g->nnodes * sizeof *g->seen); /* the numbers are used up */
    g->walk = 1;
}

int pythia_graph_walk(PythiaGraph *g, const uint32_t *sources, uint32_t n, int after,
                      PythiaPoll *poll) {
    const uint32_t *first = g->first[after], *next = g->next[after];
    uint32_t depth = 0;
    walk_begin(g);
    for (uint32_t s = 0; s < n; s++) {
        uint32_t node = sources[s];
        for (;;) {
            for (uint32_t i = first[node]; i < first[node + 1]; i++) {
                uint32_t to = next[i];
                if (to == node || g->seen[to] == g->walk) continue;
                g->seen[to] = g->walk;
                g->stack[depth++] = to;
            }
            if (!depth) break;
            node = g->stack[--depth];
            int rc = pythia_poll(poll);
            if (rc) return rc;
        }
    }
    return SQLITE_OK;
}

/* ---- single tests ------------------------------------------------------------------------------------ */

/* Divides the events into chains and finds every node's past. *fits 0: the stride does not suffice. */
static int label_try(PythiaGraph *g, const PythiaBefore *b, size_t stride, int *fits) {
    g->stride = stride;
    g->past = pythia_alloc_zero(g->nnodes * stride * sizeof *g->past);
    uint32_t *top = pythia_alloc_zero(stride * sizeof *top);
    if (!g->past || !top) {
        pythia_free(top);
        return SQLITE_NOMEM;
    }
    *fits = 1;
    g->nchains = 0;
    for (uint32_t p = 0; p < g->nnodes && *fits; p++) {
        uint32_t node = g->order[p], *past = g->past + node * stride;
        for (uint32_t i = g->first[0][node]; i < g->first[0][node + 1]; i++) {
            const uint32_t *other = g->past + g->next[0][i] * stride;
            for (uint32_t c = 0; c < g->nchains; c++)
                if (other[c] > past[c]) past[c] = other[c];
        }
        if (node >= b->nevents || !pythia_event_exists(b->trace, node)) continue;
        uint32_t c = 0;
        while (c < g->nchains && past[c] != top[c])
            c++;
        if (c == stride) {
            *fits = 0;
        } else {
            if (c == g->nchains) g->nchains++;
            g->chain[node] = c;
            g->height[node] = past[c] = ++top[c];
        }
    }
    pythia_free(top);
    return SQLITE_OK;
}

static int graph_label(PythiaGraph *g, const PythiaBefore *b) {
    if (!g->chain) g->chain = room(g, b->nevents);
    if (!g->height) g->height = room(g, b->nevents);
    if (!g->chain || !g->height) return SQLITE_NOMEM;
    memset(g->chain, 0, b->nevents * sizeof *g->chain);
    memset(g->height, 0xff, b->nevents * sizeof *g->height); /* what is no event precedes nothing */
    for (size_t stride = 8; g->nnodes * stride <= LABEL_CELLS_MOST; stride *= 4) {
        int fits = 0;
        int rc = label_try(g, b, stride, &fits);
        g->labels = fits;
        if (fits && !rc) return SQLITE_OK;
        pythia_free(g->past);
        g->past = NULL;
        g->labels = 0;
        if (rc) return rc;
    }
    g->labels = -1;
    return SQLITE_OK;
}

/* Walks from x, no further than where y stands. */
static int test_walk(PythiaGraph *g, uint32_t x, uint32_t y) {
    uint32_t depth = 0, end = g->place[y], node = x;
    walk_begin(g);
    for (;;) {
        for (uint32_t i = g->first[1][node]; i < g->first[1][node + 1]; i++) {
            uint32_t to = g->next[1][i];
            if (to == y) return 1;
            if (g->place[to] > end || g->seen[to] == g->walk) continue;
            g->seen[to] = g->walk;
            g->stack[depth++] = to;
        }
        g->spent++;
        if (!depth) return 0;
        node = g->stack[--depth];
    }
}

int pythia_graph_test(PythiaBefore *b, uint32_t x, uint32_t y, int *yes) {
    int rc = pythia_graph_need(b);
    PythiaGraph *g = b->graph;
    *yes = 0;
    if (rc || x == y || g->place[x] >= g->place[y]) return rc;
    if (!g->labels && g->spent > 4 * (uint64_t)g->nnodes) rc = graph_label(g, b);
    if (rc) return rc;
    *yes =
        g->labels > 0 ? g->past[y * g->stride + g->chain[x]] >= g->height[x] : test_walk(g, x, y);
    return SQLITE_OK;
}

/* ---- enumeration ------------------------------------------------------------------------------------- */

/* One topological pass: which members lie behind (before) every node. */
static int set_bits(PythiaEventSet *set, const PythiaBefore *b, int after, PythiaPoll *poll) {
    PythiaGraph *g = b->graph;
    size_t words = ((size_t)set->list.n + 63) / 64;
    uint64_t *bits = pythia_alloc_zero(g->nnodes * words * sizeof *bits);
    if (!bits) return SQLITE_NOMEM;
    for (uint32_t p = 0; p < g->nnodes; p++) {
        uint32_t node = g->order[after ? g->nnodes - 1 - p : p];
        uint64_t *own = bits + node * words;
        for (uint32_t i = g->first[after][node]; i < g->first[after][node + 1]; i++) {
            uint32_t other = g->next[after][i];
            if (other == node) continue;
            for (size_t w = 0; w < words; w++)
                own[w] |= bits[other * words + w];
            uint32_t member = other < b->nevents ? set->index[other] : 0;
            if (member) own[(member - 1) / 64] |= (uint64_t)1 << (member - 1) % 64;
        }
        int rc = pythia_poll(poll);
        if (rc) {
            pythia_free(bits);
            return rc;
        }
    }
    set->bits[after] = bits;
    return SQLITE_OK;
}

static int list_bits(const PythiaEventSet *set, uint32_t x, int after, PythiaEvents *out) {
    size_t words = ((size_t)set->list.n + 63) / 64;
    for (size_t w = 0; w < words; w++)
        for (uint64_t bits = set->bits[after][x * words + w]; bits; bits &= bits - 1) {
            uint32_t member = (uint32_t)(w * 64) + (uint32_t)__builtin_ctzll(bits);
            int rc = pythia_events_add(out, set->list.events[member]);
            if (rc) return rc;
        }
    return SQLITE_OK;
}

static int list_walk(PythiaBefore *b, uint32_t x, int after, PythiaEventSet *set, PythiaEvents *out,
                     PythiaPoll *poll) {
    PythiaGraph *g = b->graph;
    const uint32_t *first = g->first[after], *next = g->next[after];
    uint32_t depth = 0, node = x;
    walk_begin(g);
    for (;;) {
        for (uint32_t i = first[node]; i < first[node + 1]; i++) {
            uint32_t to = next[i];
            if (to == node || g->seen[to] == g->walk) continue;
            g->seen[to] = g->walk;
            g->stack[depth++] = to;
            int wanted = to < b->nevents && (!set || set->index[to]);
            int rc = wanted ? pythia_events_add(out, to) : SQLITE_OK;
            if (rc) return rc;
        }
        if (set) set->spent[after]++;
        if (!depth) return SQLITE_OK;
        node = g->stack[--depth];
        int rc = pythia_poll(poll);
        if (rc) return rc;
    }
}

int pythia_graph_list(PythiaBefore *b, uint32_t x, int after, PythiaEventSet *within,
                      PythiaEvents *out, PythiaPoll *poll) {
    int rc = pythia_graph_need(b);
    if (!rc && within) rc = pythia_event_set_index(within, b->nevents);
    if (rc) return rc;
    if (!within) return list_walk(b, x, after, NULL, out, poll);
    uint64_t words = ((uint64_t)within->list.n + 63) / 64, cost = words * b->graph->nnodes;
    /* Once the walks have cost as much as the pass would, the pass is made. */
    if (!within->bits[after] && words && cost <= BITS_WORDS_MOST && within->spent[after] > cost)
        rc = set_bits(within, b, after, poll);
    if (rc) return rc;
    return within->bits[after] ? list_bits(within, x, after, out)
                               : list_walk(b, x, after, within, out, poll);
}
