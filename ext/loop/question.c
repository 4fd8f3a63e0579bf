/* question.c - from an edge of a group to the trace points that could say more about it; see loop.h.
**
** The members of a group need not have one critical path: their structure is the same, not their timing.
** The one that is matched against the search space is that of the member to which the edge cost most,
** for that is the time that wants an explanation. */
#include "ext/loop/internal.h"

#include "ext/group/variables.h"

#include <math.h>

void pythia_question_clear(PythiaQuestion *q) {
    pythia_candidates_clear(&q->candidates);
    pythia_arena_clear(&q->arena);
    memset(q, 0, sizeof *q);
}

int pythia_pick_open(PythiaPick *pick, const PythiaSpace *space, const PythiaNames *names,
                     PythiaGroup *group, uint32_t edge) {
    *pick = (PythiaPick){.space = space, .names = names, .group = group, .best = -1};
    pick->edge_of = group->edges[edge];
    pick->mean = pythia_sum_mean(pick->edge_of.sum, group->n);
    pick->products = pythia_alloc_zero(((size_t)group->nedges + 1) * sizeof *pick->products);
    return pick->products ? SQLITE_OK : SQLITE_NOMEM;
}

void pythia_pick_clear(PythiaPick *pick) {
    pythia_free(pick->products);
    pythia_free(pick->events);
    pythia_free(pick->texts);
    memset(pick, 0, sizeof *pick);
}

/* The space's text for a trace point of the capture, 0: it has none. */
static int pick_text(PythiaPick *pick, uint32_t tracepoint, uint32_t *text) {
    const PythiaNames *names = pick->names;
    *text = 0;
    if (!tracepoint || tracepoint > names->ntracepoints) return SQLITE_OK;
    int rc = pythia_grow((void **)&pick->texts, &pick->texts_capacity,
                         (size_t)names->ntracepoints + 1, sizeof *pick->texts);
    if (rc) return rc;
    while (pick->ntexts <= names->ntracepoints)
        pick->texts[pick->ntexts++] = 0;
    if (!pick->texts[tracepoint])
        pick->texts[tracepoint] =
            1 + pythia_intern_find(&pick->space->texts,
                                   pythia_names_tracepoint_text(names, tracepoint));
    *text = pick->texts[tracepoint] - 1;
    return SQLITE_OK;
}

static int is_edge(const PythiaPick *pick, const PythiaTrace *trace, const PythiaStep *step) {
    const PythiaGroupEdge *e = &pick->edge_of;
    return pythia_event_tracepoint(trace, step[0].event) == e->source &&
           pythia_event_tracepoint(trace, step[1].event) == e->destination &&
           pythia_event_phase(trace, step[0].event) == e->source_phase &&
           pythia_event_phase(trace, step[1].event) == e->destination_phase;
}

/* The step at which the edge took longest on a path; path->n: nowhere. */
static uint32_t longest_step(const PythiaPick *pick, const PythiaTrace *trace,
                             const PythiaPath *path) {
    uint32_t best = path->n;
    int64_t longest = -1;
    for (uint32_t i = 0; i + 1 < path->n; i++) {
        int64_t ns = path->steps[i + 1].time_ns - path->steps[i].time_ns;
        if (ns > longest && is_edge(pick, trace, &path->steps[i])) {
            longest = ns;
            best = i;
        }
    }
    return best;
}

/* Takes the path of a member if the edge took longer there than on those before. */
static int pick_path(PythiaPick *pick, const PythiaTrace *trace, const PythiaPath *path,
                     int64_t value) {
    if (value <= pick->best) return SQLITE_OK;
    uint32_t edge = longest_step(pick, trace, path);
    if (edge == path->n) return SQLITE_OK;
    int rc = pythia_grow((void **)&pick->events, &pick->capacity, path->n, sizeof *pick->events);
    for (uint32_t i = 0; !rc && i < path->n; i++) {
        uint32_t event = path->steps[i].event, text;
        rc = pick_text(pick, pythia_event_tracepoint(trace, event), &text);
        pick->events[i] = text ? text << 2 | (uint32_t)pythia_event_phase(trace, event) : 0;
    }
    if (rc) return rc;
    pick->best = value;
    pick->n = path->n;
    pick->edge = edge;
    return SQLITE_OK;
}

int pythia_pick_see(PythiaPick *pick, const PythiaTrace *trace, const PythiaPath *path,
                    const PythiaPathEdges *edges) {
    const PythiaGroupEdge *of = &pick->edge_of;
    int64_t value = -1;
    for (uint32_t i = 0; i < edges->n; i++) {
        const PythiaPathEdge *e = &edges->edges[i];
        if (e->source == of->source && e->destination == of->destination &&
            e->source_phase == of->source_phase && e->destination_phase == of->destination_phase)
            value = e->value_ns;
    }
    double off = (value > 0 ? (double)value : 0) - pick->mean;
    for (uint32_t i = 0; i < edges->n; i++) {
        const PythiaPathEdge *e = &edges->edges[i];
        uint32_t known = pick->group->nedges;
        PythiaGroupEdge *edge;
        int rc = pythia_group_edge(pick->group, e->source, e->source_phase, e->destination,
                                   e->destination_phase, &edge);
        if (rc) return rc;
        if (pick->group->nedges != known) return SQLITE_CORRUPT_VTAB;
        pick->products[edge - pick->group->edges] += off * (double)e->value_ns;
    }
    return pick_path(pick, trace, path, value);
}

static PythiaText kept(PythiaArena *arena, PythiaText text, int *rc) {
    char *copy = pythia_arena_alloc(arena, text.n + 1);
    if (!copy) {
        *rc = SQLITE_NOMEM;
        return (PythiaText){"", 0};
    }
    if (text.n) memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    return (PythiaText){copy, text.n};
}

/* ---- what edges have in common --------------------------------------------------------------------------- */

/* Below this correlation two edges are taken to vary each on its own. */
#define VARY_TOGETHER 0.5

/* Adds what the question's edge shares with another edge to the candidates that lie in both. */
static int covary_edge(PythiaQuestion *q, const PythiaPick *pick, const PythiaGroupEdge *other,
                       double share, const unsigned char *closed, PythiaPick *texts,
                       PythiaPoll *poll) {
    PythiaCandidates both = {0};
    uint32_t source = 0, destination = 0;
    int rc = pick_text(texts, other->source, &source);
    if (!rc) rc = pick_text(texts, other->destination, &destination);
    if (rc || !source || !destination) return rc;
    uint32_t ends[2] = {source << 2 | other->source_phase,
                        destination << 2 | other->destination_phase};
    PythiaStretch stretch = {pythia_intern_find(&pick->space->texts, q->request_type), ends, 2, 0};
    rc = pythia_candidates_find(pick->space, &stretch, closed, poll, &both);
    if (both.found == PYTHIA_FOUND_TREE) both.n = 0; /* no path has it: a guess too many */
    for (uint32_t i = 0; !rc && i < both.n; i++)
        for (uint32_t k = 0; k < q->candidates.n; k++) {
            PythiaCandidate *c = &q->candidates.list[k];
            if (pick->space->nodes[both.list[i].node].point == pick->space->nodes[c->node].point)
                c->covariance += share;
        }
    pythia_candidates_clear(&both);
    return rc;
}

/* Edges that vary together have a common cause, and a trace point that lies in both may be near it. */
static int covary(PythiaQuestion *q, const PythiaPick *pick, const unsigned char *closed,
                  PythiaPoll *poll) {
    const PythiaGroup *group = pick->group;
    const PythiaGroupEdge *own = &pick->edge_of;
    PythiaPick texts = {.space = pick->space, .names = pick->names};
    double total = pythia_sum_variance(group->sum, group->squares, group->n);
    double variance = pythia_sum_variance(own->sum, own->squares, group->n);
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && total > 0 && variance > 0 && i < group->nedges; i++) {
        const PythiaGroupEdge *e = &group->edges[i];
        if (e->source == own->source && e->destination == own->destination &&
            e->source_phase == own->source_phase && e->destination_phase == own->destination_phase)
            continue;
        double covariance = pick->products[i] / (double)(group->n - 1);
        double of_it = pythia_sum_variance(e->sum, e->squares, group->n);
        if (!(of_it > 0) || covariance / sqrt(variance * of_it) < VARY_TOGETHER) continue;
        rc = covary_edge(q, pick, e, covariance / total, closed, &texts, poll);
    }
    pythia_free(texts.texts);
    return rc;
}

/* ---- the question ------------------------------------------------------------------------------------------ */

int pythia_question_make(PythiaQuestion *q, const PythiaPick *pick, uint32_t position,
                         const PythiaSwitches *switches, PythiaPoll *poll) {
    const PythiaNames *names = pick->names;
    const PythiaGroupEdge *e = &pick->edge_of;
    int rc = SQLITE_OK;
    unsigned char *closed = NULL;
    q->group = pick->group->id;
    q->position = position;
    q->source_phase = e->source_phase;
    q->destination_phase = e->destination_phase;
    q->request_type = kept(&q->arena, pythia_names_text(names, pick->group->request_type), &rc);
    q->source = kept(&q->arena, pythia_names_tracepoint_text(names, e->source), &rc);
    q->destination = kept(&q->arena, pythia_names_tracepoint_text(names, e->destination), &rc);
    if (rc || pick->best < 0) return rc;
    PythiaStretch stretch = {pythia_intern_find(&pick->space->texts, q->request_type), pick->events,
                             pick->n, pick->edge};
    if (!stretch.type) return SQLITE_OK; /* nothing was learned of it */
    rc = pythia_switches_closed(switches, pick->space, q->request_type, &closed);
    for (uint32_t i = 0; !rc && i < pick->n; i++) /* what is on the path is on */
        if (pick->events[i]) closed[pick->events[i] >> 2] = 1;
    if (!rc) rc = pythia_candidates_find(pick->space, &stretch, closed, poll, &q->candidates);
    if (!rc) rc = covary(q, pick, closed, poll);
    pythia_free(closed);
    return rc;
}

/* ---- stored groups --------------------------------------------------------------------------------------- */

static int see_member(void *context, const PythiaTrace *trace, const PythiaAnalysis *analysis) {
    return pythia_pick_see(context, trace, &analysis->path, &analysis->edges);
}

/* The position of the edge with the largest share of the variance, or of the mean where nothing varies. */
static uint32_t top_position(const PythiaGroup *group, const uint32_t *order, uint32_t n) {
    double total = pythia_sum_variance(group->sum, group->squares, group->n), most = -1;
    uint32_t best = 0;
    for (uint32_t i = 0; i < n; i++) {
        const PythiaGroupEdge *e = &group->edges[order[i]];
        double value = total > 0 ? pythia_sum_covariance(e->sum, group->sum, e->product, group->n)
                                 : pythia_sum_mean(e->sum, group->n);
        if (best && !(value > most)) continue;
        most = value;
        best = i + 1;
    }
    return best;
}

static int of_group(PythiaLoop *loop, PythiaCapture *capture, const PythiaSwitches *switches,
                    PythiaGroup *group, uint32_t position, PythiaPoll *poll, PythiaQuestion *q,
                    int *found, char **error) {
    const PythiaNames *names = pythia_capture_names(capture);
    const PythiaSpace *space;
    PythiaPick pick = {0};
    uint32_t *order = NULL, n = 0;
    int rc = pythia_loop_space(loop, capture, poll, &space, error);
    if (!rc) rc = pythia_capture_group_edges(capture, group, error);
    if (!rc) rc = pythia_group_edge_order(group, names, &order, &n);
    if (!rc && !position) position = top_position(group, order, n);
    *found = !rc && position >= 1 && position <= n;
    if (*found) {
        rc = pythia_pick_open(&pick, space, names, group, order[position - 1]);
        if (!rc)
            rc = pythia_capture_each_trace(capture, group->id, 0, poll, see_member, &pick, error);
        if (!rc) rc = pythia_question_make(q, &pick, position, switches, poll);
    }
    pythia_free(order);
    pythia_pick_clear(&pick);
    return rc;
}

int pythia_question_of_group(PythiaLoop *loop, PythiaCapture *capture,
                             const PythiaSwitches *switches, uint64_t group, uint32_t position,
                             PythiaPoll *poll, PythiaQuestion *question, int *found, char **error) {
    PythiaGroups *groups = NULL;
    *found = 0;
    int rc = pythia_capture_groups(capture, poll, &groups, error);
    if (rc) return rc;
    PythiaGroup *known = pythia_groups_find(groups, group);
    if (!known || known->n < 1) return SQLITE_OK;
    return of_group(loop, capture, switches, known, position, poll, question, found, error);
}
