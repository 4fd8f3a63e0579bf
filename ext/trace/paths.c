/* paths.c - see paths.h. A depth-first search whose stack is the path itself. */
#include "ext/trace/paths.h"

#include <stdlib.h>

typedef struct Edges {
    PythiaEdge *edges;
    size_t n, capacity;
} Edges;

static int take_edge(void *context, const PythiaEdge *edge) {
    Edges *e = context;
    int rc = pythia_grow((void **)&e->edges, &e->capacity, e->n + 1, sizeof *e->edges);
    if (!rc && e->n >= UINT32_MAX) rc = SQLITE_TOOBIG;
    if (!rc) e->edges[e->n++] = *edge;
    return rc;
}

typedef struct Successor {
    int64_t ns;
    uint32_t source, event;
} Successor;

static int successor_compare(const void *a, const void *b) {
    const Successor *x = a, *y = b;
    if (x->source != y->source) return x->source < y->source ? -1 : 1;
    if (x->ns != y->ns) return x->ns < y->ns ? -1 : 1;
    return x->event < y->event ? -1 : x->event > y->event;
}

/* Successors by event, and what has no predecessor: those come as successors of PYTHIA_NO_SPAN, and so last. */
static int paths_fill(PythiaPaths *p, const PythiaTrace *trace, const Edges *edges) {
    size_t n = edges->n + p->nevents, count = 0;
    Successor *list = pythia_alloc_array(n + 1, sizeof *list);
    p->to = pythia_arena_alloc(&p->arena, (n + 1) * sizeof *p->to);
    if (!list || !p->to) {
        pythia_free(list);
        return SQLITE_NOMEM;
    }
    for (size_t e = 0; e < edges->n; e++) {
        uint32_t to = edges->edges[e].destination;
        list[count++] = (Successor){pythia_event_time_ns(trace, to), edges->edges[e].source, to};
        p->on_path[to] = 1;
    }
    for (uint32_t i = 0; i < p->nevents; i++)
        if (!p->on_path[i] && pythia_event_exists(trace, i))
            list[count++] = (Successor){pythia_event_time_ns(trace, i), PYTHIA_NO_SPAN, i};
    if (count) qsort(list, count, sizeof *list, successor_compare);
    size_t at = 0, unique = 0;
    for (uint32_t i = 0; i <= p->nevents; i++) {
        uint32_t source = i < p->nevents ? i : PYTHIA_NO_SPAN;
        p->first[i] = (uint32_t)unique;
        for (; at < count && list[at].source == source; at++)
            if (unique == p->first[i] || p->to[unique - 1] != list[at].event)
                p->to[unique++] = list[at].event; /* a link may repeat an edge */
    }
    p->sources = p->to + p->first[p->nevents];
    p->nsources = (uint32_t)unique - p->first[p->nevents];
    pythia_free(list);
    memset(p->on_path, 0, p->nevents);
    return SQLITE_OK;
}

int pythia_paths_begin(PythiaPaths *p, const PythiaTrace *trace, const PythiaModel *model,
                       const PythiaNames *names) {
    Edges edges = {0};
    pythia_arena_reset(&p->arena);
    p->n = p->source = p->nsources = 0;
    p->nevents = pythia_trace_events(trace);
    p->events = pythia_arena_alloc(&p->arena, p->nevents * sizeof *p->events);
    p->next = pythia_arena_alloc(&p->arena, p->nevents * sizeof *p->next);
    p->first = pythia_arena_alloc(&p->arena, ((size_t)p->nevents + 1) * sizeof *p->first);
    p->on_path = pythia_arena_alloc(&p->arena, p->nevents);
    if (!p->events || !p->next || !p->first || !p->on_path) return SQLITE_NOMEM;
    memset(p->on_path, 0, p->nevents);
    int rc = pythia_trace_edges(trace, model, names, take_edge, &edges);
    if (!rc) rc = paths_fill(p, trace, &edges);
    pythia_free(edges.edges);
    return rc;
}

static void path_push(PythiaPaths *p, uint32_t event) {
    p->on_path[event] = 1;
    p->next[p->n] = p->first[event];
    p->events[p->n++] = event;
}

int pythia_paths_next(PythiaPaths *p) {
    if (p->n) p->on_path[p->events[--p->n]] = 0; /* the last event has no more successors */
    for (int grew = 0;;) {
        if (!p->n) {
            if (p->source >= p->nsources) return 0;
            path_push(p, p->sources[p->source++]);
            grew = 1;
        }
        uint32_t event = p->events[p->n - 1], *next = &p->next[p->n - 1];
        while (*next < p->first[event + 1] && p->on_path[p->to[*next]])
            ++*next;
        if (*next < p->first[event + 1]) {
            path_push(p, p->to[(*next)++]);
            grew = 1;
        } else if (grew) {
            return 1;
        } else {
            p->on_path[event] = 0;
            p->n--;
        }
    }
}

void pythia_paths_clear(PythiaPaths *p) {
    pythia_arena_clear(&p->arena);
    memset(p, 0, sizeof *p);
}
