/* stretch.c - see stretch.h.
**
** The items of a span are its children, chained backwards by `before` from `child`, and its points, first_point ..
** points - 1. As the walk only goes back, both ends only move back: what lies behind the current event is cut off
** when it is met. */
#include "ext/trace/stretch.h"

typedef struct PythiaStretchSpan {
    int64_t start_ns; /* as recorded */
    int64_t from_ns, to_ns;
    int64_t latest_ns; /* the largest end of this span and the siblings before it */
    uint32_t parent;
    uint32_t before; /* the sibling before this one, or NONE */
    uint32_t child;  /* the last child that is not behind the walk, or NONE */
    uint32_t first_point, points;
    uint32_t met; /* a stretch lies in it */
} Span;

#define NONE UINT32_MAX

typedef struct Walk {
    PythiaStretches *out;
    const PythiaSpanColumns *trace;
    Span *spans;
    uint32_t steps; /* left before the walk gives up */
} Walk;

/* Where the walk is: at the start or end of a span, or at a point of it. */
typedef struct Place {
    uint32_t span, point;
    int phase;
    int64_t ns;
} Place;

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* 0: a second root, or damage. */
static int points_fill(Walk *w) {
    const PythiaSpanColumns *t = w->trace;
    int64_t before = 0;
    for (uint32_t k = 0; k < t->npoints; k++) {
        if (t->point_span[k] < before || t->point_span[k] >= t->nspans) return 0;
        before = t->point_span[k];
        Span *s = &w->spans[before];
        int64_t ns = (int64_t)((uint64_t)s->start_ns + (uint64_t)t->point_ns[k]);
        if (ns < 0 || ns > PYTHIA_TIME_MAX) return 0;
        if (!s->points) s->first_point = k;
        s->points = k + 1;
    }
    return 1;
}

static int spans_fill(Walk *w) {
    const PythiaSpanColumns *t = w->trace;
    for (uint32_t i = 0; i < t->nspans; i++) {
        Span *s = &w->spans[i], *p = NULL;
        int64_t end;
        if (t->parent[i] < 0 || t->parent[i] > i || (t->parent[i] == 0) != (i == 0)) return 0;
        if (i) p = &w->spans[i - (uint32_t)t->parent[i]];
        if (!pythia_columns_times(t, i, p ? p->start_ns : t->trace_start_ns, &s->start_ns, &end))
            return 0;
        s->from_ns = p ? later(s->start_ns, p->from_ns) : s->start_ns;
        s->to_ns = s->latest_ns = later(end, s->from_ns);
        s->parent = i - (uint32_t)t->parent[i];
        s->child = s->before = NONE;
        s->first_point = s->points = 0;
        s->met = 0;
        if (!p) continue;
        if (p->child != NONE) {
            s->before = p->child;
            s->latest_ns = later(s->to_ns, w->spans[p->child].latest_ns);
        }
        p->child = i;
    }
    return points_fill(w);
}

/* Of the children from `child` back, the one that ends last but not behind limit_ns; of equal ends the last.
** NONE: there is none. */
static uint32_t child_before(Walk *w, uint32_t child, int64_t limit_ns) {
    const Span *spans = w->spans;
    uint32_t best = NONE;
    for (; child != NONE; child = spans[child].before) {
        if (!w->steps) break;
        w->steps--;
        if (spans[child].to_ns <= limit_ns &&
            (best == NONE || spans[child].to_ns > spans[best].to_ns))
            best = child;
        if (best != NONE && spans[child].latest_ns <= spans[best].to_ns) break;
    }
    return best;
}

static int64_t point_time(const Walk *w, const Span *span, uint32_t point) {
    return later(span->start_ns + w->trace->point_ns[point], span->from_ns);
}

/* The latest point that is not behind limit_ns, or NONE. */
static uint32_t point_before(const Walk *w, Span *span, int64_t limit_ns) {
    while (span->points > span->first_point && point_time(w, span, span->points - 1) > limit_ns)
        span->points--;
    return span->points > span->first_point ? span->points - 1 : NONE;
}

/* The item of span p that directly precedes the current place, which is an event of p or the start of a child of
** p; or p's start. */
static Place place_before(Walk *w, const Place *at, uint32_t p) {
    Span *span = &w->spans[p];
    if (at->phase == PYTHIA_PHASE_START)
        span->child = w->spans[at->span].before;
    else if (at->phase == PYTHIA_PHASE_POINT)
        while (span->child != NONE && w->spans[span->child].from_ns >= at->ns)
            span->child = w->spans[span->child].before;
    else
        while (span->child != NONE && w->spans[span->child].from_ns > at->ns)
            span->child = w->spans[span->child].before;
    uint32_t child = child_before(w, span->child, at->ns);
    uint32_t point = span->points ? point_before(w, span, at->ns) : NONE;
    if (child == NONE && point == NONE) return (Place){p, NONE, PYTHIA_PHASE_START, span->from_ns};
    if (point != NONE) {
        /* At one instant a child that took time lies before the point, one that took none behind it. */
        int64_t ns = point_time(w, span, point);
        const Span *c = child == NONE ? NULL : &w->spans[child];
        if (!c || ns > c->to_ns || (ns == c->to_ns && c->from_ns < ns)) {
            span->points = point; /* those before it are left */
            return (Place){p, point, PYTHIA_PHASE_POINT, ns};
        }
    }
    return (Place){child, NONE, PYTHIA_PHASE_END, w->spans[child].to_ns};
}

static void walk(Walk *w) {
    PythiaStretches *out = w->out;
    Place at = {0, NONE, PYTHIA_PHASE_END, w->spans[0].to_ns};
    while (w->steps && (at.span || at.phase != PYTHIA_PHASE_START)) {
        uint32_t p = at.phase == PYTHIA_PHASE_START ? w->spans[at.span].parent : at.span;
        w->steps--;
        Place next = place_before(w, &at, p);
        if (!w->spans[p].met) {
            w->spans[p].met = 1;
            out->ns[p] = 0;
            out->spans[out->n++] = p;
        }
        out->ns[p] += at.ns - next.ns;
        at = next;
    }
}

int pythia_stretches_find(PythiaStretches *out, const PythiaSpanColumns *trace) {
    uint32_t n = trace->nspans;
    out->n = 0;
    if (!n) return SQLITE_EMPTY;
    int rc = pythia_grow((void **)&out->spans, &out->spans_capacity, n, sizeof *out->spans);
    if (!rc) rc = pythia_grow((void **)&out->ns, &out->ns_capacity, n, sizeof *out->ns);
    if (!rc)
        rc = pythia_grow((void **)&out->scratch, &out->scratch_capacity, n, sizeof *out->scratch);
    if (rc) return rc;
    uint64_t steps = 16 * ((uint64_t)n + trace->npoints) + 64;
    Walk w = {out, trace, out->scratch, steps > UINT32_MAX ? UINT32_MAX : (uint32_t)steps};
    if (!spans_fill(&w)) return SQLITE_EMPTY;
    walk(&w);
    return w.steps ? SQLITE_OK : SQLITE_EMPTY;
}

void pythia_stretches_clear(PythiaStretches *stretches) {
    pythia_free(stretches->spans);
    pythia_free(stretches->ns);
    pythia_free(stretches->scratch);
    memset(stretches, 0, sizeof *stretches);
}
