/* path.c - see path.h.
**
** The walk holds one event at a time. Which events may precede it is a question to the items of one
** span: its own for an end or a point, its parent's for a start. Items are built when the walk first
** asks for them and kept until it ends, in an arena; `place` tells where an event stands among them.
** Every event is entered at most once (`seen`), which bounds the walk whatever the links say. */
#include "ext/trace/path.h"

struct PythiaPathScratch {
    PythiaArena arena;
    PythiaItems **items; /* [span], [nspans] for the trace itself; NULL: not built */
    uint32_t *place;     /* [event]: position among the items of its span or parent */
    unsigned char *seen; /* [event] */
    const uint32_t *link_sources;
    uint32_t *successors, *predecessors; /* of a DAG: edges that leave and enter each span */
};

typedef struct Walk {
    PythiaPath *path;
    const PythiaTrace *trace;
    const PythiaModel *model;
    const PythiaNames *names;
    const PythiaRequest *request;
    struct PythiaPathScratch *s;
} Walk;

/* ---- the request ----------------------------------------------------------------------------------- */

static uint32_t request_last_event(const PythiaTrace *trace) {
    uint32_t best = 0, phase = trace->is_dag ? 0 : 1;
    for (uint32_t i = 1; i < trace->nspans; i++) {
        /* At the same instant an unrelated later span wins, a descendant does not. */
        int64_t to = trace->spans[i].to_ns, best_to = trace->spans[best].to_ns;
        if (to > best_to || (to == best_to && i >= trace->spans[best].last)) best = i;
    }
    uint32_t event = 2 * best + phase;
    for (uint32_t i = 0; i < trace->npoints; i++)
        if (pythia_event_time_ns(trace, 2 * trace->nspans + i) > pythia_event_time_ns(trace, event))
            event = 2 * trace->nspans + i;
    return event;
}

int pythia_request_find(const PythiaTrace *trace, const PythiaModel *model, PythiaNames *names,
                        PythiaRequest *request) {
    memset(request, 0, sizeof *request);
    if (!trace->nspans) return SQLITE_EMPTY;
    for (uint32_t i = 0; i < trace->nspans; i = trace->spans[i].last)
        if (trace->spans[i].parent_id.form == PYTHIA_ID_NONE) {
            request->root = i;
            break;
        }
    const PythiaSpan *root = &trace->spans[request->root];
    const PythiaTypeRule *best = NULL;
    for (uint32_t i = 0; model->rule && i < trace->nspans + trace->npoints; i++) {
        uint32_t tracepoint = i < trace->nspans ? trace->spans[i].tracepoint
                                                : trace->points[i - trace->nspans].tracepoint;
        const PythiaTypeRule *rule = model->rule(model->rule_context, tracepoint);
        if (rule && (!best || rule->rank < best->rank)) best = rule;
    }
    if (best)
        request->type = best->request_type;
    else if (root->tracepoint && root->tracepoint <= names->ntracepoints)
        request->type = names->tracepoints[root->tracepoint].text;
    int end = best && best->request_end != PYTHIA_END_AUTO ? best->request_end : model->request_end;
    if (end == PYTHIA_END_AUTO)
        end =
            root->flags & PYTHIA_SPAN_ANCHORED || trace->is_dag ? PYTHIA_END_LAST : PYTHIA_END_ROOT;
    uint32_t root_end = 2 * request->root + (trace->is_dag ? 0 : 1);
    request->until_last = end == PYTHIA_END_LAST;
    request->end_event = request->until_last ? request_last_event(trace) : root_end;
    request->start_ns = root->from_ns;
    request->end_ns = pythia_event_time_ns(trace, request->end_event);
    if (request->end_ns < request->start_ns) request->end_ns = request->start_ns;
    return SQLITE_OK;
}

/* ---- the walk --------------------------------------------------------------------------------------- */

static int walk_degrees(Walk *w) {
    size_t bytes = w->trace->nspans * sizeof(uint32_t);
    w->s->successors = pythia_arena_alloc(&w->s->arena, bytes);
    w->s->predecessors = pythia_arena_alloc(&w->s->arena, bytes);
    if (!w->s->successors || !w->s->predecessors) return SQLITE_NOMEM;
    memset(w->s->successors, 0, bytes);
    memset(w->s->predecessors, 0, bytes);
    pythia_dag_degrees(w->trace, w->s->link_sources, w->s->successors, w->s->predecessors);
    return SQLITE_OK;
}

static int walk_open(Walk *w) {
    const PythiaTrace *trace = w->trace;
    if (!w->path->scratch) {
        w->path->scratch = pythia_alloc_zero(sizeof *w->path->scratch);
        if (!w->path->scratch) return SQLITE_NOMEM;
    }
    w->s = w->path->scratch;
    pythia_arena_reset(&w->s->arena);
    size_t nevents = pythia_trace_events(trace), nitems = (size_t)trace->nspans + 1;
    w->s->items = pythia_arena_alloc(&w->s->arena, nitems * sizeof(PythiaItems *));
    w->s->place = pythia_arena_alloc(&w->s->arena, nevents * sizeof *w->s->place);
    w->s->seen = pythia_arena_alloc(&w->s->arena, nevents);
    if (!w->s->items || !w->s->place || !w->s->seen) return SQLITE_NOMEM;
    memset(w->s->items, 0, nitems * sizeof(PythiaItems *));
    memset(w->s->seen, 0, nevents);
    int rc = pythia_trace_link_sources(trace, &w->s->arena, &w->s->link_sources);
    return rc || !trace->is_dag ? rc : walk_degrees(w);
}

static int walk_items(Walk *w, uint32_t span, PythiaItems **items) {
    PythiaItems **known = &w->s->items[span == PYTHIA_NO_SPAN ? w->trace->nspans : span];
    if (!*known) {
        PythiaItems *built = pythia_arena_alloc(&w->s->arena, sizeof *built);
        if (!built) return SQLITE_NOMEM;
        int rc = pythia_items_build(built, &w->s->arena, w->trace, w->model, w->names, span);
        if (rc) return rc;
        for (uint32_t i = 0; i < built->n; i++)
            w->s->place[built->items[i].first] = i;
        *known = built;
    }
    *items = *known;
    return SQLITE_OK;
}

static int walk_push(Walk *w, const PythiaStep *step) {
    int rc = pythia_grow((void **)&w->path->steps, &w->path->capacity, (size_t)w->path->n + 1,
                         sizeof *step);
    if (!rc) w->path->steps[w->path->n++] = *step;
    return rc;
}

/* The link into the start of `span` that has the latest source, if one is later than *time_ns. */
static uint32_t walk_link(const Walk *w, uint32_t span, int64_t time_ns) {
    uint32_t best = PYTHIA_NO_SPAN, low = 0, high = w->trace->nlinks;
    while (low < high) { /* links are sorted by span: the first of this one */
        uint32_t middle = low + (high - low) / 2;
        if (w->trace->links[middle].from_span < span)
            low = middle + 1;
        else
            high = middle;
    }
    for (uint32_t l = low; l < w->trace->nlinks && w->trace->links[l].from_span == span; l++) {
        uint32_t source = w->s->link_sources[l];
        if (source == PYTHIA_NO_SPAN || w->s->seen[source]) continue;
        int64_t t = pythia_event_time_ns(w->trace, source);
        if (t > time_ns && t >= w->request->start_ns) {
            best = source;
            time_ns = t;
        }
    }
    return best;
}

/* A leaf's end follows its start; no items are needed. */
static int span_is_leaf(const PythiaTrace *trace, uint32_t span) {
    return trace->spans[span].last == span + 1 && !trace->spans[span].npoints;
}

/* The same in a DAG of single events: the latest of the recorded predecessors. */
static void walk_dag_predecessor(const Walk *w, uint32_t event, PythiaStep *step) {
    const PythiaTrace *trace = w->trace;
    uint32_t own = pythia_event_span(trace, event);
    int64_t time_ns = INT64_MIN;
    step->between = PYTHIA_NO_SPAN;
    step->kind = PYTHIA_EDGE_SEQUENCE;
    step->event = PYTHIA_NO_SPAN;
    if (event >= 2 * trace->nspans) { /* a point hangs on its record */
        step->event = 2 * own;
        return;
    }
    if (trace->spans[own].parent >= 0) {
        step->event = 2 * (uint32_t)trace->spans[own].parent;
        time_ns = pythia_event_time_ns(trace, step->event);
    }
    uint32_t link = w->s->link_sources ? walk_link(w, own, time_ns) : PYTHIA_NO_SPAN;
    if (link != PYTHIA_NO_SPAN) step->event = link;
    if (step->event != PYTHIA_NO_SPAN)
        step->kind =
            pythia_dag_edge_kind(w->s->successors[step->event / 2], w->s->predecessors[own]);
}

/* Where the walk goes from `event`. step: event, between and kind of the edge that is walked over, or
** event PYTHIA_NO_SPAN where nothing precedes. */
static int walk_predecessor(Walk *w, uint32_t event, PythiaStep *step) {
    const PythiaTrace *trace = w->trace;
    int phase = pythia_event_phase(trace, event);
    uint32_t own = pythia_event_span(trace, event), span = own;
    if (phase == PYTHIA_PHASE_START)
        span = trace->spans[own].parent < 0 ? PYTHIA_NO_SPAN : (uint32_t)trace->spans[own].parent;
    step->between = span;
    step->kind = PYTHIA_EDGE_SEQUENCE;
    step->event = span == PYTHIA_NO_SPAN ? PYTHIA_NO_SPAN : 2 * span;
    if (phase == PYTHIA_PHASE_END && span_is_leaf(trace, own)) return SQLITE_OK;
    PythiaItems *items;
    int rc = walk_items(w, span, &items);
    if (rc) return rc;
    uint32_t j = w->s->place[event];
    PythiaCover cover = {0};
    uint32_t i = pythia_items_cover(items, j, &cover);
    while (i != PYTHIA_NO_ITEM && w->s->seen[items->items[i].last])
        i = pythia_items_cover(items, j, &cover);
    if (i != PYTHIA_NO_ITEM) step->event = items->items[i].last;
    if (step->event != PYTHIA_NO_SPAN) step->kind = pythia_items_edge_kind(items, i, j);
    if (phase != PYTHIA_PHASE_START || !w->s->link_sources) return SQLITE_OK;
    uint32_t link = walk_link(
        w, own,
        step->event == PYTHIA_NO_SPAN ? INT64_MIN : pythia_event_time_ns(trace, step->event));
    if (link != PYTHIA_NO_SPAN) {
        step->event = link;
        step->kind = PYTHIA_EDGE_LINK;
    }
    return SQLITE_OK;
}

static void path_reverse(PythiaPath *path) {
    for (uint32_t i = 0, j = path->n; i + 1 < j; i++) {
        PythiaStep step = path->steps[i];
        path->steps[i] = path->steps[--j];
        path->steps[j] = step;
    }
}

int pythia_path_walk(PythiaPath *path, const PythiaTrace *trace, const PythiaModel *model,
                     const PythiaNames *names, const PythiaRequest *request) {
    Walk w = {path, trace, model, names, request, NULL};
    path->n = 0;
    int rc = walk_open(&w);
    const uint32_t first = 2 * request->root;
    int64_t time_ns = request->end_ns;
    PythiaStep step = {request->end_event, PYTHIA_NO_SPAN, time_ns, PYTHIA_EDGE_SEQUENCE};
    while (!rc) {
        step.time_ns = time_ns;
        rc = walk_push(&w, &step);
        uint32_t event = step.event;
        w.s->seen[event] = 1;
        if (rc || event == first) break;
        if (trace->is_dag)
            walk_dag_predecessor(&w, event, &step);
        else
            rc = walk_predecessor(&w, event, &step);
        if (rc) break;
        /* A start that nothing precedes is another root's: the request's own start comes before it. */
        if (step.event == PYTHIA_NO_SPAN || w.s->seen[step.event]) step.event = first;
        int64_t t = pythia_event_time_ns(trace, step.event);
        if (t < time_ns) time_ns = t;
        if (time_ns < request->start_ns || step.event == first) time_ns = request->start_ns;
    }
    if (!rc) path_reverse(path);
    return rc;
}

void pythia_path_clear(PythiaPath *path) {
    pythia_free(path->steps);
    if (path->scratch) {
        pythia_arena_clear(&path->scratch->arena);
        pythia_free(path->scratch);
    }
    memset(path, 0, sizeof *path);
}

/* ---- edges ------------------------------------------------------------------------------------------ */

static int edge_same(const PythiaPathEdge *a, const PythiaPathEdge *b) {
    return a->source == b->source && a->destination == b->destination &&
           a->source_phase == b->source_phase && a->destination_phase == b->destination_phase;
}

static uint64_t edge_hash(const PythiaPathEdge *e) {
    return pythia_hash_mix((uint64_t)e->source << 32 | e->destination,
                           (uint64_t)e->source_phase << 8 | e->destination_phase);
}

int pythia_path_edges(PythiaPathEdges *out, const PythiaPath *path, const PythiaTrace *trace) {
    out->n = 0;
    if (path->n < 2) return SQLITE_OK;
    size_t slots = 16;
    while (slots < (size_t)path->n * 2)
        slots *= 2;
    int rc = pythia_grow((void **)&out->edges, &out->capacity, path->n, sizeof *out->edges);
    if (!rc)
        rc = pythia_grow((void **)&out->slots, &out->slots_capacity, slots, sizeof *out->slots);
    if (rc) return rc;
    memset(out->slots, 0, slots * sizeof *out->slots);
    for (uint32_t i = 0; i + 1 < path->n; i++) {
        const PythiaStep *a = &path->steps[i], *b = &path->steps[i + 1];
        PythiaPathEdge edge = {
            .source = pythia_event_tracepoint(trace, a->event),
            .destination = pythia_event_tracepoint(trace, b->event),
            .source_phase = (uint8_t)pythia_event_phase(trace, a->event),
            .destination_phase = (uint8_t)pythia_event_phase(trace, b->event),
            .kind = (uint8_t)a->kind,
            .between = a->between == PYTHIA_NO_SPAN ? 0 : trace->spans[a->between].tracepoint,
            .value_ns = b->time_ns - a->time_ns,
            .offset_ns = a->time_ns - path->steps[0].time_ns};
        size_t slot = edge_hash(&edge) & (slots - 1);
        while (out->slots[slot] && !edge_same(&out->edges[out->slots[slot] - 1], &edge))
            slot = (slot + 1) & (slots - 1);
        if (out->slots[slot]) {
            out->edges[out->slots[slot] - 1].value_ns += edge.value_ns;
        } else {
            out->edges[out->n] = edge;
            out->slots[slot] = ++out->n;
        }
    }
    return SQLITE_OK;
}

void pythia_path_edges_clear(PythiaPathEdges *edges) {
    pythia_free(edges->edges);
    pythia_free(edges->slots);
    memset(edges, 0, sizeof *edges);
}
