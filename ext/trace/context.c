/* context.c - see context.h.
**
** Nodes are found by a hash table over (parent, trace point). Within one trace `of_span` keeps the node of each
** span that was needed: first the way up to a span whose node is known is noted, then it is gone down again. */
#include "ext/trace/context.h"

typedef struct PythiaContextSpan {
    int64_t start_ns; /* as recorded */
    int64_t from_ns, to_ns;
    int64_t covered_ns, reach_ns; /* time covered by children so far, and up to where */
} ContextSpan;

enum { FIRST_SLOTS = 256 };

static int slots_make_room(PythiaContext *c) {
    if (c->n >= UINT32_MAX / 4) return SQLITE_FULL;
    if (c->slots && (c->n + 1) * 2 <= c->mask + 1) return SQLITE_OK;
    uint32_t n = c->slots ? (c->mask + 1) * 2 : FIRST_SLOTS;
    uint32_t *slots = pythia_alloc_zero((size_t)n * sizeof *slots);
    if (!slots) return SQLITE_NOMEM;
    for (uint32_t node = 1; node <= c->n; node++) {
        uint32_t at =
            (uint32_t)pythia_hash_mix(c->nodes[node].parent, c->nodes[node].tracepoint) & (n - 1);
        while (slots[at])
            at = (at + 1) & (n - 1);
        slots[at] = node;
    }
    pythia_free(c->slots);
    c->slots = slots;
    c->mask = n - 1;
    return SQLITE_OK;
}

static int node_get(PythiaContext *c, uint32_t parent, uint32_t tracepoint, uint32_t *node) {
    int rc = slots_make_room(c);
    if (rc) return rc;
    uint32_t at = (uint32_t)pythia_hash_mix(parent, tracepoint) & c->mask;
    for (; (*node = c->slots[at]) != 0; at = (at + 1) & c->mask)
        if (c->nodes[*node].parent == parent && c->nodes[*node].tracepoint == tracepoint)
            return SQLITE_OK;
    rc = pythia_grow((void **)&c->nodes, &c->nodes_capacity, (size_t)c->n + 2, sizeof *c->nodes);
    if (rc) return rc;
    *node = c->slots[at] = ++c->n;
    c->nodes[*node] = (PythiaContextNode){.parent = parent,
                                          .tracepoint = tracepoint,
                                          .depth = parent ? c->nodes[parent].depth + 1 : 0};
    return SQLITE_OK;
}

/* Adds one span, or what stands for one, to a node. */
static int node_add(PythiaContext *c, uint32_t node, int64_t duration_ns, int64_t exclusive_ns) {
    PythiaContextNode *n = &c->nodes[node];
    n->count++;
    if (n->seen_in != c->trace) n->traces++;
    n->seen_in = c->trace;
    return __builtin_add_overflow(n->duration_ns, duration_ns, &n->duration_ns) ||
                   __builtin_add_overflow(n->exclusive_ns, exclusive_ns, &n->exclusive_ns)
               ? SQLITE_TOOBIG
               : SQLITE_OK;
}

static int trace_begin(PythiaContext *c, uint32_t nspans) {
    int rc = pythia_grow((void **)&c->of_span, &c->of_span_capacity, nspans, sizeof *c->of_span);
    if (!rc) rc = pythia_grow((void **)&c->way, &c->way_capacity, nspans, sizeof *c->way);
    if (rc) return rc;
    memset(c->of_span, 0, nspans * sizeof *c->of_span);
    c->trace++;
    return SQLITE_OK;
}

/* ---- what lies on paths ----------------------------------------------------------------------------------- */

int pythia_context_add_stretches(PythiaContext *c, const PythiaSpanColumns *trace,
                                 const int64_t *tracepoint, const PythiaStretches *stretches) {
    int rc = trace_begin(c, trace->nspans);
    for (uint32_t i = 0; !rc && i < stretches->n; i++) {
        uint32_t span = stretches->spans[i], n = 0;
        for (uint32_t at = span; !c->of_span[at]; at -= (uint32_t)trace->parent[at]) {
            c->way[n++] = at;
            if (!trace->parent[at]) break;
        }
        while (!rc && n--) {
            uint32_t at = c->way[n];
            uint32_t parent = trace->parent[at] ? c->of_span[at - (uint32_t)trace->parent[at]] : 0;
            rc = node_get(c, parent, (uint32_t)tracepoint[at], &c->of_span[at]);
        }
        if (!rc) rc = node_add(c, c->of_span[span], 0, stretches->ns[span]);
    }
    return rc;
}

/* The node of a span of a trace. */
static int node_of(PythiaContext *c, const PythiaTrace *trace, uint32_t span, uint32_t *node) {
    uint32_t n = 0;
    int rc = SQLITE_OK;
    for (int64_t at = span; at >= 0 && !c->of_span[at]; at = trace->spans[at].parent)
        c->way[n++] = (uint32_t)at;
    while (!rc && n--) {
        const PythiaSpan *s = &trace->spans[c->way[n]];
        uint32_t parent = s->parent < 0 ? 0 : c->of_span[s->parent];
        rc = node_get(c, parent, s->tracepoint, &c->of_span[c->way[n]]);
    }
    if (!rc) *node = c->of_span[span];
    return rc;
}

/* The node of the step from one event of a DAG to the next. */
static int node_of_step(PythiaContext *c, const PythiaTrace *trace, const PythiaStep *step,
                        uint32_t *node) {
    uint32_t from;
    int rc = node_get(c, 0, pythia_event_tracepoint(trace, step[0].event), &from);
    return rc ? rc : node_get(c, from, pythia_event_tracepoint(trace, step[1].event), node);
}

int pythia_context_add_path(PythiaContext *c, const PythiaTrace *trace, const PythiaPath *path) {
    int rc = trace_begin(c, trace->nspans);
    if (!rc)
        rc = pythia_grow((void **)&c->spans, &c->spans_capacity, trace->nspans, sizeof *c->spans);
    for (uint32_t i = 0; !rc && i < trace->nspans; i++) /* -1: no stretch lies in it so far */
        c->spans[i].covered_ns = -1;
    for (uint32_t i = 0; !rc && i + 1 < path->n; i++) {
        const PythiaStep *step = &path->steps[i];
        int64_t ns = step[1].time_ns - step[0].time_ns;
        uint32_t node;
        if (step->between != PYTHIA_NO_SPAN) {
            ContextSpan *span = &c->spans[step->between];
            span->covered_ns = (span->covered_ns < 0 ? 0 : span->covered_ns) + ns;
            continue;
        }
        rc = trace->is_dag ? node_of_step(c, trace, step, &node) : node_get(c, 0, 0, &node);
        if (!rc) rc = node_add(c, node, 0, ns);
    }
    for (uint32_t i = 0; !rc && i < trace->nspans; i++) {
        uint32_t node;
        if (c->spans[i].covered_ns < 0) continue;
        rc = node_of(c, trace, i, &node);
        if (!rc) rc = node_add(c, node, 0, c->spans[i].covered_ns);
    }
    return rc;
}

/* ---- all spans -------------------------------------------------------------------------------------------- */

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* Fills in a span and tells its parent what it covers; siblings come in order of their start. */
static int span_cover(ContextSpan *spans, const PythiaSpanColumns *trace, uint32_t i) {
    if (trace->parent[i] < 0 || trace->parent[i] > i) return SQLITE_EMPTY;
    ContextSpan *s = &spans[i], *p = trace->parent[i] ? s - trace->parent[i] : NULL;
    int64_t end;
    if (!pythia_columns_times(trace, i, p ? p->start_ns : trace->trace_start_ns, &s->start_ns,
                              &end))
        return SQLITE_EMPTY;
    s->from_ns = p ? later(s->start_ns, p->from_ns) : s->start_ns;
    s->to_ns = later(end, s->from_ns);
    s->covered_ns = 0;
    s->reach_ns = s->from_ns;
    if (!p) return SQLITE_OK;
    int64_t from = later(s->from_ns, p->reach_ns), to = s->to_ns < p->to_ns ? s->to_ns : p->to_ns;
    if (to <= from) return SQLITE_OK;
    p->covered_ns += to - from;
    p->reach_ns = to;
    return SQLITE_OK;
}

int pythia_context_add_spans(PythiaContext *c, const PythiaSpanColumns *trace,
                             const int64_t *tracepoint, int is_dag) {
    int rc = trace_begin(c, trace->nspans);
    if (!rc)
        rc = pythia_grow((void **)&c->spans, &c->spans_capacity, trace->nspans, sizeof *c->spans);
    for (uint32_t i = 0; !rc && i < trace->nspans; i++)
        rc = span_cover(c->spans, trace, i);
    for (uint32_t i = 0; !rc && i < trace->nspans; i++) {
        uint32_t above = i - (uint32_t)trace->parent[i], parent = 0;
        if (trace->parent[i] && !is_dag) parent = c->of_span[above];
        if (trace->parent[i] && is_dag) rc = node_get(c, 0, (uint32_t)tracepoint[above], &parent);
        if (!rc) rc = node_get(c, parent, (uint32_t)tracepoint[i], &c->of_span[i]);
        const ContextSpan *s = &c->spans[i];
        if (!rc)
            rc = node_add(c, c->of_span[i], trace->duration_ns[i],
                          s->to_ns - s->from_ns - s->covered_ns);
    }
    return rc;
}

/* ---- the sums --------------------------------------------------------------------------------------------- */

int pythia_context_finish(PythiaContext *c, int on_path) {
    for (uint32_t i = 1; i <= c->n; i++)
        c->nodes[i].inclusive_ns = on_path ? c->nodes[i].exclusive_ns : c->nodes[i].duration_ns;
    for (uint32_t i = c->n; on_path && i > 0; i--) {
        PythiaContextNode *parent = &c->nodes[c->nodes[i].parent];
        if (c->nodes[i].parent &&
            __builtin_add_overflow(parent->inclusive_ns, c->nodes[i].inclusive_ns,
                                   &parent->inclusive_ns))
            return SQLITE_TOOBIG;
    }
    return SQLITE_OK;
}

void pythia_context_clear(PythiaContext *c) {
    pythia_free(c->nodes);
    pythia_free(c->slots);
    pythia_free(c->of_span);
    pythia_free(c->way);
    pythia_free(c->spans);
    memset(c, 0, sizeof *c);
}
