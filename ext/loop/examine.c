/* examine.c - one problem of a cycle; see step.h.
**
** The edges of a group are ranked by their part of the problem:
**
**   VARIATION  share of the variance, Cov(edge, duration) / Var(duration)
**   SLOW       share of the mean
**   STRUCTURE  share of what the group takes longer than the fastest group of its type
**
** Shares of the variance are taken from the earlier and from the later half of the members, and the smaller one
** ranks: what one burst of something else did, be it large, is in one half alone. The share of all members is what
** is said and added up. Where no edge has a SETTLED_PART of localized_share in both halves the members do not agree yet,
** and more are waited for, up to SETTLED_SAMPLES times min_samples.
**
** Those at the top that together hold localized_share are looked at. An edge is granular when the search
** space knows no trace point in it that could still be switched on, and the innermost span around it is
** on, whose variables are wanted. When the granular ones hold localized_share the culprit is found;
** otherwise the strategy is asked about the first of the others. */
#include "ext/loop/step.h"

#include "ext/group/variables.h"

#include <math.h>
#include <stdlib.h>

enum { EDGES_LOOKED_AT = 4, SETTLED_SAMPLES = 10 };
#define SETTLED_PART 0.25

typedef struct Ranked {
    uint32_t edge, position;
    double share, rank; /* rank: what it is ranked by */
} Ranked;

/* Sums over one half of the members; durations less the mean of the group. */
typedef struct Half {
    double n, time, squares;
    double *values, *products; /* [edge] */
} Half;

typedef struct Examine {
    PythiaCycle *step;
    const PythiaProblemGroup *problem;
    Ranked *ranked;
    uint32_t n, looked; /* edges; those that are looked at */
    PythiaPick picks[EDGES_LOOKED_AT];
    PythiaQuestion questions[EDGES_LOOKED_AT];
    int granular[EDGES_LOOKED_AT];
    PythiaVariables *variables;
    uint32_t response; /* the edge whose value is to be explained; UINT32_MAX: the duration */
    uint64_t branch;
} Examine;

static PythiaText named(PythiaBuf *buf, PythiaText name, int phase) {
    size_t before = buf->n;
    pythia_buf_text(buf, name);
    pythia_buf_byte(buf, ' ');
    pythia_buf_str(buf, pythia_phase_name(phase));
    return (PythiaText){(const char *)buf->data + before, buf->n - before};
}

/* ---- ranking ------------------------------------------------------------------------------------------- */

static double mean_in(const PythiaGroup *group, const PythiaGroupEdge *e) {
    for (uint32_t i = 0; i < group->nedges; i++) {
        const PythiaGroupEdge *other = &group->edges[i];
        if (other->source == e->source && other->destination == e->destination &&
            other->source_phase == e->source_phase &&
            other->destination_phase == e->destination_phase)
            return pythia_sum_mean(other->sum, group->n);
    }
    return 0;
}

static double edge_share(const PythiaProblemGroup *p, const PythiaGroupEdge *e) {
    const PythiaGroup *g = p->group;
    double mean = pythia_sum_mean(e->sum, g->n), all = pythia_sum_mean(g->sum, g->n);
    if (p->kind == PYTHIA_OF_SLOW) return all > 0 ? mean / all : 0;
    if (p->kind == PYTHIA_OF_STRUCTURE) {
        double excess = all - pythia_sum_mean(p->reference->sum, p->reference->n);
        return excess > 0 ? (mean - mean_in(p->reference, e)) / excess : 0;
    }
    double total = pythia_sum_variance(g->sum, g->squares, g->n);
    return total > 0 ? pythia_sum_covariance(e->sum, g->sum, e->product, g->n) / total : 0;
}

/* ---- halves --------------------------------------------------------------------------------------------- */

typedef struct Halves {
    PythiaGroup *group;
    uint32_t nedges;
    int64_t seen;
    double mean;
    Half half[2];
} Halves;

static int see_half(void *context, const PythiaTrace *trace, const PythiaAnalysis *analysis) {
    Halves *h = context;
    Half *half = &h->half[2 * h->seen++ >= h->group->n];
    double time = (double)analysis->head.duration_ns - h->mean;
    (void)trace;
    half->n++;
    half->time += time;
    half->squares += time * time;
    for (uint32_t i = 0; i < analysis->edges.n; i++) {
        const PythiaPathEdge *e = &analysis->edges.edges[i];
        PythiaGroupEdge *edge;
        int rc = pythia_group_edge(h->group, e->source, e->source_phase, e->destination,
                                   e->destination_phase, &edge);
        if (rc) return rc;
        size_t at = (size_t)(edge - h->group->edges);
        if (at >= h->nedges) continue; /* no edge of the group */
        half->values[at] += (double)e->value_ns;
        half->products[at] += (double)e->value_ns * time;
    }
    return SQLITE_OK;
}

static double half_share(const Half *half, uint32_t edge) {
    double variance = half->squares - half->time * half->time / half->n;
    double covariance = half->products[edge] - half->values[edge] * half->time / half->n;
    return half->n > 0 && variance > 0 ? covariance / variance : 0;
}

/* Ranks edges by the smaller of the shares that they have in the two halves. */
static int rank_by_halves(Examine *x) {
    PythiaGroup *group = x->problem->group;
    Halves h = {.group = group, .nedges = group->nedges};
    h.mean = pythia_sum_mean(group->sum, group->n);
    double *sums = pythia_alloc_zero(((size_t)4 * h.nedges + 1) * sizeof *sums);
    if (!sums) return SQLITE_NOMEM;
    for (int i = 0; i < 2; i++) {
        h.half[i].values = sums + (size_t)(2 * i) * h.nedges;
        h.half[i].products = sums + (size_t)(2 * i + 1) * h.nedges;
    }
    int rc = pythia_judged_each(x->step->capture, x->problem->judgement, group->id, x->step->poll,
                                see_half, &h, x->step->error);
    for (uint32_t i = 0; !rc && i < x->n; i++)
        x->ranked[i].rank = fmin(half_share(&h.half[0], x->ranked[i].edge),
                                 half_share(&h.half[1], x->ranked[i].edge));
    pythia_free(sums);
    return rc;
}

/* ---- the order ------------------------------------------------------------------------------------------ */

static int ranked_compare(const void *a, const void *b) {
    const Ranked *x = a, *y = b;
    if (x->rank != y->rank) return x->rank > y->rank ? -1 : 1;
    return x->position < y->position ? -1 : x->position > y->position;
}

static int rank_edges(Examine *x) {
    const PythiaGroup *group = x->problem->group;
    uint32_t *order = NULL;
    double sum = 0;
    int rc = pythia_group_edge_order(group, pythia_capture_names(x->step->capture), &order, &x->n);
    if (!rc) {
        x->ranked = pythia_alloc_array((size_t)x->n + 1, sizeof *x->ranked);
        if (!x->ranked) rc = SQLITE_NOMEM;
    }
    for (uint32_t i = 0; !rc && i < x->n; i++) {
        double share = edge_share(x->problem, &group->edges[order[i]]);
        x->ranked[i] = (Ranked){order[i], i + 1, share, share};
    }
    pythia_free(order);
    if (!rc && x->problem->kind == PYTHIA_OF_VARIATION) rc = rank_by_halves(x);
    if (rc) return rc;
    qsort(x->ranked, x->n, sizeof *x->ranked, ranked_compare);
    while (x->looked < x->n && x->looked < EDGES_LOOKED_AT &&
           (!x->looked || (sum < x->step->localized_share && x->ranked[x->looked].rank > 0)))
        sum += x->ranked[x->looked++].share;
    return SQLITE_OK;
}

/* ---- the members --------------------------------------------------------------------------------------- */

static int see_member(void *context, const PythiaTrace *trace, const PythiaAnalysis *analysis) {
    Examine *x = context;
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < x->looked; i++)
        rc = pythia_pick_see(&x->picks[i], trace, &analysis->path, &analysis->edges);
    return rc;
}

static int make_questions(Examine *x) {
    PythiaCycle *step = x->step;
    const PythiaNames *names = pythia_capture_names(step->capture);
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < x->looked; i++)
        rc = pythia_pick_open(&x->picks[i], step->space, names, x->problem->group,
                              x->ranked[i].edge);
    if (!rc)
        rc = pythia_judged_each(step->capture, x->problem->judgement, x->problem->group->id,
                                step->poll, see_member, x, step->error);
    for (uint32_t i = 0; !rc && i < x->looked; i++)
        rc = pythia_question_make(&x->questions[i], &x->picks[i], x->ranked[i].position,
                                  &step->switches, step->poll);
    return rc;
}

/* The trace point of the innermost span around an edge; empty: not known. */
static PythiaText around_of(const Examine *x, uint32_t i) {
    const PythiaSpace *space = x->step->space;
    uint32_t node = x->questions[i].candidates.around;
    if (!node) return (PythiaText){NULL, 0};
    return pythia_intern_text(&space->texts, space->nodes[node].point);
}

/* What is on the path is on, whatever is known of its switch. */
static int around_is_off(const Examine *x, uint32_t i) {
    const PythiaPick *pick = &x->picks[i];
    PythiaText around = around_of(x, i);
    if (!around.p) return 0;
    uint32_t point = x->step->space->nodes[x->questions[i].candidates.around].point;
    for (uint32_t k = 0; k < pick->n; k++)
        if (pick->events[k] && pick->events[k] >> 2 == point) return 0;
    return pythia_switch_of(&x->step->switches, around, x->questions[i].request_type) ==
           PYTHIA_SWITCH_OPEN;
}

/* Notes which of the loop's trace points made the edges visible. */
static void note_help(Examine *x) {
    PythiaSwitches *w = &x->step->switches;
    for (size_t k = 0; k < w->n; k++) {
        const PythiaOwned *o = &w->owned[k];
        if (!o->enabled || !pythia_text_equal(o->request_type, x->problem->judgement->name))
            continue;
        for (uint32_t i = 0; i < x->looked; i++) {
            const PythiaQuestion *q = &x->questions[i];
            PythiaText around = around_of(x, i);
            if (pythia_text_equal(o->tracepoint, q->source) ||
                pythia_text_equal(o->tracepoint, q->destination) ||
                (around.p && pythia_text_equal(o->tracepoint, around)))
                x->step->helped[k] = 1;
        }
    }
}

/* ---- the culprit --------------------------------------------------------------------------------------- */

static int see_variables(void *context, const PythiaTrace *trace, const PythiaAnalysis *analysis) {
    Examine *x = context;
    double response = (double)analysis->head.duration_ns;
    if (x->response != UINT32_MAX) {
        const PythiaGroupEdge *of = &x->problem->group->edges[x->response];
        response = 0;
        for (uint32_t i = 0; i < analysis->edges.n; i++) {
            const PythiaPathEdge *e = &analysis->edges.edges[i];
            if (e->source == of->source && e->destination == of->destination &&
                e->source_phase == of->source_phase &&
                e->destination_phase == of->destination_phase)
                response = (double)e->value_ns;
        }
    }
    return pythia_variables_add(x->variables, trace, pythia_capture_names(x->step->capture),
                                &analysis->paths, response);
}

/* Says which variable goes with an edge of the group: the first by rank, where that means something. */
static int say_variable(Examine *x, PythiaBuf *out) {
    PythiaCycle *step = x->step;
    PythiaRanked *ranked = NULL;
    uint32_t n;
    int rc = pythia_variables_open(step->poll, &x->variables);
    if (!rc)
        rc = pythia_judged_each(step->capture, x->problem->judgement, x->problem->group->id,
                                step->poll, see_variables, x, step->error);
    if (!rc)
        rc = pythia_variables_finish(x->variables, pythia_capture_names(step->capture),
                                     pythia_capture_call_paths(step->capture));
    if (!rc) rc = pythia_variables_rank(x->variables, step->poll, &ranked, step->error);
    if (!rc) {
        const PythiaVariable *list = pythia_variables_list(x->variables, &n);
        if (n && ranked[0].rank == 1 && ranked[0].p_adjusted < 0.05) {
            pythia_buf_str(out, "; it goes with ");
            pythia_buf_text(out, list[ranked[0].variable].key);
            pythia_buf_format(out, " (r = %.2f)", ranked[0].correlation);
        } else {
            pythia_buf_str(out, "; no variable that is recorded goes with it");
        }
    }
    pythia_free(ranked);
    pythia_variables_close(x->variables);
    x->variables = NULL;
    return rc ? rc : out->rc;
}

static void say_culprit(const Examine *x, uint32_t i, PythiaText around, PythiaBuf *out) {
    static const char *const of[] = {"the variance", "the time", "what it takes longer"};
    const PythiaQuestion *q = &x->questions[i];
    pythia_buf_format(out, "%.0f %% of %s of ", 100 * fmin(1, x->ranked[i].share),
                      of[x->problem->kind]);
    pythia_buf_text(out, q->request_type);
    if (pythia_text_equal(q->source, q->destination)) {
        pythia_buf_str(out, " is inside ");
        pythia_buf_text(out, q->source);
    } else {
        pythia_buf_str(out, " lies between ");
        named(out, q->source, q->source_phase);
        pythia_buf_str(out, " and ");
        named(out, q->destination, q->destination_phase);
        if (around.p) {
            pythia_buf_str(out, ", inside ");
            pythia_buf_text(out, around);
        }
    }
    pythia_buf_format(
        out, " (%.3g ms on average)",
        pythia_sum_mean(x->problem->group->edges[x->ranked[i].edge].sum, x->problem->group->n) /
            1e6);
}

static int culprit(Examine *x, uint32_t i) {
    const PythiaQuestion *q = &x->questions[i];
    PythiaBuf reason = {0}, source = {0}, destination = {0};
    PythiaText around = around_of(x, i);
    int known;
    PythiaDecision d = {.action = "localized",
                        .request_type = q->request_type,
                        .group = x->problem->group->id,
                        .strategy = pythia_text(x->step->strategy)};
    d.source = named(&source, q->source, q->source_phase);
    d.destination = named(&destination, q->destination, q->destination_phase);
    d.tracepoint = around.p ? around : q->source;
    int rc = source.rc ? source.rc : destination.rc;
    if (!rc) rc = pythia_step_localized(x->step, &d, &known);
    if (!rc && known)
        pythia_step_why(x->step, "%.*s is localized already", (int)q->request_type.n,
                        q->request_type.p);
    if (!rc && !known) {
        say_culprit(x, i, around, &reason);
        x->response = x->problem->kind == PYTHIA_OF_VARIATION ? x->ranked[i].edge : UINT32_MAX;
        rc = say_variable(x, &reason);
        d.reason = (PythiaText){(const char *)reason.data, reason.n};
        if (!rc) rc = pythia_step_write(x->step, &d);
    }
    pythia_buf_clear(&reason);
    pythia_buf_clear(&source);
    pythia_buf_clear(&destination);
    return rc;
}

/* ---- what could tell more -------------------------------------------------------------------------------- */

static int enable(Examine *x, uint32_t i, PythiaText tracepoint, PythiaText reason) {
    const PythiaQuestion *q = &x->questions[i];
    PythiaCycle *step = x->step;
    PythiaBuf source = {0}, destination = {0};
    int affordable = 1;
    PythiaDecision d = {.action = "enable",
                        .request_type = q->request_type,
                        .group = x->problem->group->id,
                        .tracepoint = tracepoint,
                        .strategy = pythia_text(step->strategy),
                        .reason = reason};
    d.source = named(&source, q->source, q->source_phase);
    d.destination = named(&destination, q->destination, q->destination_phase);
    int rc = source.rc ? source.rc : destination.rc;
    if (!rc) rc = pythia_step_affordable(step, tracepoint, q->request_type, &affordable);
    if (!rc && affordable) rc = pythia_step_switch(step, &d, 1, x->branch);
    if (!rc && !affordable)
        pythia_step_why(step, "%.*s would exceed the budget", (int)tracepoint.n, tracepoint.p);
    pythia_buf_clear(&source);
    pythia_buf_clear(&destination);
    return rc;
}

static int ask(Examine *x, uint32_t i) {
    PythiaCycle *step = x->step;
    PythiaChoices choices = {0};
    int64_t budget = (int64_t)step->budget_points - step->enabled;
    if (budget < 1) {
        pythia_step_why(step, "the budget of this cycle is used up");
        return SQLITE_OK;
    }
    int rc = pythia_strategy_ask(step->loop, step->capture, step->strategy, &x->questions[i],
                                 &step->switches, &step->layers, budget, &choices, step->error);
    for (size_t k = 0; !rc && k < choices.n; k++)
        rc = enable(x, i, choices.list[k].tracepoint, choices.list[k].reason);
    if (!rc && !choices.n)
        pythia_step_why(step, "the strategy %s has nothing to switch on for %.*s", step->strategy,
                        (int)x->questions[i].request_type.n, x->questions[i].request_type.p);
    pythia_choices_clear(&choices);
    return rc;
}

static uint64_t branch_of(const PythiaProblemGroup *problem) {
    for (size_t i = 0; i < problem->judgement->n; i++)
        if (problem->judgement->members[i].group == problem->group->id)
            return problem->judgement->members[i].branch;
    return 0;
}

/* Whether the members agree on where the variance lies, or there are so many that they never will. */
static int is_settled(const Examine *x) {
    const PythiaCycle *step = x->step;
    return x->problem->kind != PYTHIA_OF_VARIATION || !x->n ||
           x->ranked[0].rank >= SETTLED_PART * step->localized_share ||
           x->problem->group->n >= SETTLED_SAMPLES * step->thresholds.min_samples;
}

static int conclude(Examine *x) {
    double granular = 0;
    uint32_t first = UINT32_MAX, best = UINT32_MAX, bare = UINT32_MAX;
    for (uint32_t i = 0; i < x->looked; i++) {
        x->granular[i] = !x->questions[i].candidates.n;
        if (x->granular[i]) granular += x->ranked[i].share;
        if (!x->granular[i] && first == UINT32_MAX) first = i;
        if (x->granular[i] && best == UINT32_MAX) best = i;
        if (x->granular[i] && bare == UINT32_MAX && around_is_off(x, i)) bare = i;
    }
    if (best != UINT32_MAX && granular >= x->step->localized_share - 1e-9) {
        if (bare == best)
            return enable(x, bare, around_of(x, bare),
                          PYTHIA_TEXT("the innermost span around the edge, for its variables"));
        return culprit(x, best);
    }
    if (first != UINT32_MAX) return ask(x, first);
    pythia_step_why(x->step, "%.*s varies on many edges, none of which holds enough",
                    (int)x->problem->judgement->name.n, x->problem->judgement->name.p);
    return SQLITE_OK;
}

int pythia_step_examine(PythiaCycle *step, const PythiaProblemGroup *problem) {
    Examine x = {.step = step, .problem = problem, .response = UINT32_MAX};
    x.branch = branch_of(problem);
    int rc = rank_edges(&x);
    if (!rc && !is_settled(&x)) {
        problem->judgement->unsettled = 1;
        pythia_step_why(step, "%.*s: %lld requests do not agree yet on where their variance lies",
                        (int)problem->judgement->name.n, problem->judgement->name.p,
                        (sqlite3_int64)problem->group->n);
    } else {
        if (!rc) rc = make_questions(&x);
        if (!rc) note_help(&x);
        if (!rc) rc = conclude(&x);
    }
    for (uint32_t i = 0; i < EDGES_LOOKED_AT; i++) {
        pythia_pick_clear(&x.picks[i]);
        pythia_question_clear(&x.questions[i]);
    }
    pythia_free(x.ranked);
    return rc;
}
