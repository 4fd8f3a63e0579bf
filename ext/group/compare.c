/* compare.c - see compare.h: durations, groups, edges; and the ranking of what was found.
**
** Every test leaves a Finding, whether anything was found or not, because the adjustment of p-values must know
** how many there were. The times on edges of a group are kept as (edge, set, value) where they are not 0, and
** sorted when the group ends. Attributes: compare_variables.c. */
#include "ext/group/compare.h"

#include "ext/group/comparison.h"
#include "ext/stat/adjust.h"
#include "ext/stat/shares.h"

#include <math.h>
#include <stdlib.h>

int pythia_comparison_open(PythiaPoll *poll, PythiaComparison **comparison) {
    *comparison = pythia_alloc_zero(sizeof **comparison);
    if (!*comparison) return SQLITE_NOMEM;
    (*comparison)->poll = poll;
    return SQLITE_OK;
}

static void times_clear(PythiaComparison *c) {
    pythia_intern_clear(&c->edges);
    c->ntimes = 0;
}

void pythia_comparison_close(PythiaComparison *c) {
    if (!c) return;
    pythia_variables_close(c->variables);
    times_clear(c);
    pythia_free(c->times);
    pythia_free(c->sides);
    pythia_free(c->findings);
    pythia_free(c->types);
    pythia_free(c->groups);
    pythia_free(c->changes);
    pythia_trace_paths_clear(&c->paths);
    pythia_call_paths_clear(&c->call_paths);
    pythia_names_clear(&c->names);
    pythia_arena_clear(&c->arena);
    pythia_free(c);
}

PythiaNames *pythia_comparison_names(PythiaComparison *c) {
    return &c->names;
}

void pythia_comparison_totals(PythiaComparison *c, const size_t n[2]) {
    c->total[0] = n[0];
    c->total[1] = n[1];
}

/* ---- findings --------------------------------------------------------------------------------------- */

int pythia_comparison_add(PythiaComparison *c, const PythiaChange *change, double part,
                          int in_group) {
    int rc = pythia_grow((void **)&c->findings, &c->findings_capacity, c->nfindings + 1,
                         sizeof *c->findings);
    if (!rc)
        c->findings[c->nfindings++] =
            (PythiaFinding){*change, part, c->ntypes - 1, in_group ? c->ngroups : 0};
    return rc;
}

static double mean_of(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return n ? sum / (double)n : NAN;
}

/* The difference of two samples of times, sorted. 0: a sample is empty. */
static int times_test(PythiaComparison *c, PythiaChange *change, const double *const x[2],
                      const size_t n[2], int *rc) {
    PythiaTwoSample test;
    for (int side = 0; side < 2; side++) {
        change->n[side] = (int64_t)n[side];
        change->mean_ns[side] = mean_of(x[side], n[side]);
    }
    if (!n[0] || !n[1]) return 0;
    *rc = pythia_mann_whitney(x[1], n[1], x[0], n[0], &test, c->poll);
    change->effect = pythia_cliffs_delta(x[1], n[1], x[0], n[0]);
    change->p = test.p;
    change->change = change->effect > 0 ? PYTHIA_CHANGE_SLOWER : PYTHIA_CHANGE_FASTER;
    return *rc == SQLITE_OK;
}

static double impact_of(const PythiaChange *change) {
    if (!change->n[0] || !change->n[1]) return 0;
    return fabs(change->mean_ns[1] - change->mean_ns[0]) * (double)(change->n[0] + change->n[1]);
}

int pythia_comparison_text(PythiaComparison *c, PythiaBuf *text, PythiaText *kept) {
    int rc = text->rc;
    const char *copy =
        rc ? NULL : pythia_arena_copy(&c->arena, text->n ? (char *)text->data : "", text->n);
    if (!rc && !copy) rc = SQLITE_NOMEM;
    *kept = (PythiaText){copy ? copy : "", copy ? text->n : 0};
    pythia_buf_clear(text);
    return rc;
}

void pythia_comparison_percent(PythiaBuf *out, double before, double after) {
    pythia_buf_format(out, "%.3g %% -> %.3g %%", 100 * before, 100 * after);
}

/* How many of `all` these are, in both sets. */
static int share_add(PythiaComparison *c, PythiaChange change, const size_t n[2],
                     const size_t all[2], int in_group) {
    uint64_t counts[2][2];
    for (int side = 0; side < 2; side++) {
        counts[side][0] = n[side];
        counts[side][1] = all[side] - n[side];
    }
    PythiaTwoSample test = pythia_shares(counts[0], counts[1], 2);
    PythiaBuf text = {0};
    change.change = !n[0] ? PYTHIA_CHANGE_NEW : !n[1] ? PYTHIA_CHANGE_GONE : PYTHIA_CHANGE_SHIFTED;
    change.effect = test.statistic;
    change.p = test.p;
    if (!all[0] || !all[1]) return SQLITE_OK;
    pythia_comparison_percent(&text, (double)n[0] / (double)all[0], (double)n[1] / (double)all[1]);
    int rc = pythia_comparison_text(c, &text, &change.detail);
    return rc ? rc : pythia_comparison_add(c, &change, 1, in_group);
}

int pythia_comparison_type(PythiaComparison *c, uint32_t type, const double *const durations[2],
                           const size_t n[2]) {
    int rc = pythia_grow((void **)&c->types, &c->types_capacity, c->ntypes + 1, sizeof *c->types);
    PythiaChange change = {.what = PYTHIA_OF_TYPE, .request_type = type};
    if (rc) return rc;
    c->type = type;
    c->in_type[0] = n[0];
    c->in_type[1] = n[1];
    c->nrows = 0;
    c->types[c->ntypes++] = 0;
    if (times_test(c, &change, durations, n, &rc)) {
        c->types[c->ntypes - 1] = impact_of(&change);
        rc = pythia_comparison_add(c, &change, 1, 0);
    }
    if (!rc) rc = share_add(c, change, n, c->total, 0);
    if (!rc && n[0] && n[1]) rc = pythia_variables_open(c->poll, &c->variables);
    return rc;
}

int pythia_comparison_wants(const PythiaComparison *c) {
    return c->variables != NULL;
}

/* ---- edges ------------------------------------------------------------------------------------------ */

/* An edge as it is interned. */
typedef struct EdgeKey {
    uint32_t source, destination, source_phase, destination_phase;
} EdgeKey;

static int times_add(PythiaComparison *c, int side, const PythiaPathEdges *edges) {
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < edges->n; i++) {
        const PythiaPathEdge *e = &edges->edges[i];
        EdgeKey key = {e->source, e->destination, e->source_phase, e->destination_phase};
        uint32_t edge;
        rc = pythia_intern(&c->edges, (PythiaText){(const char *)&key, sizeof key}, &edge);
        if (!rc)
            rc = pythia_grow((void **)&c->times, &c->times_capacity, c->ntimes + 1,
                             sizeof *c->times);
        if (!rc)
            c->times[c->ntimes++] = (PythiaEdgeTime){(double)e->value_ns, edge, (uint32_t)side};
    }
    return rc;
}

static int time_compare(const void *a, const void *b) {
    const PythiaEdgeTime *x = a, *y = b;
    if (x->edge != y->edge) return x->edge < y->edge ? -1 : 1;
    if (x->side != y->side) return x->side < y->side ? -1 : 1;
    return x->value < y->value ? -1 : x->value > y->value;
}

/* One edge: its times of both sets, those that were 0 and left out in front. */
static int edge_test(PythiaComparison *c, const PythiaEdgeTime *times, size_t n, double *scratch,
                     PythiaChange *change, int *tested) {
    double *x[2] = {scratch, scratch + c->in_group[0]};
    size_t at = 0;
    EdgeKey key;
    PythiaText text = pythia_intern_text(&c->edges, times[0].edge);
    memcpy(&key, text.p, sizeof key);
    *change = (PythiaChange){.what = PYTHIA_OF_EDGE,
                             .request_type = c->type,
                             .group = c->group,
                             .source = key.source,
                             .destination = key.destination,
                             .source_phase = (uint8_t)key.source_phase,
                             .destination_phase = (uint8_t)key.destination_phase};
    for (uint32_t side = 0; side < 2; side++) {
        size_t first = at;
        while (at < n && times[at].side == side)
            at++;
        size_t zeros = c->in_group[side] - (at - first);
        memset(x[side], 0, zeros * sizeof *x[side]);
        for (size_t i = first; i < at; i++)
            x[side][zeros + i - first] = times[i].value;
    }
    int rc = SQLITE_OK;
    const double *const both[2] = {x[0], x[1]};
    *tested = times_test(c, change, both, c->in_group, &rc);
    return rc;
}

/* The edges of the group that ends. */
static int edges_end(PythiaComparison *c) {
    size_t first = c->nfindings;
    double all = 0;
    int rc = SQLITE_OK;
    if (!c->ntimes) return SQLITE_OK;
    double *scratch = pythia_alloc_array(c->in_group[0] + c->in_group[1], sizeof *scratch);
    if (!scratch) return SQLITE_NOMEM;
    qsort(c->times, c->ntimes, sizeof *c->times, time_compare);
    for (size_t i = 0, end; !rc && i < c->ntimes; i = end) {
        PythiaChange change;
        int tested;
        for (end = i; end < c->ntimes && c->times[end].edge == c->times[i].edge;)
            end++;
        rc = edge_test(c, c->times + i, end - i, scratch, &change, &tested);
        if (!rc && tested)
            rc = pythia_comparison_add(c, &change, fabs(change.mean_ns[1] - change.mean_ns[0]), 1);
        if (!rc) rc = pythia_poll(c->poll);
    }
    for (size_t i = first; i < c->nfindings; i++)
        all += c->findings[i].part;
    for (size_t i = first; i < c->nfindings; i++)
        c->findings[i].part = all > 0 ? c->findings[i].part / all : 0;
    pythia_free(scratch);
    times_clear(c);
    return rc;
}

/* ---- groups ----------------------------------------------------------------------------------------- */

int pythia_comparison_group(PythiaComparison *c, uint64_t group, const double *const durations[2],
                            const size_t n[2]) {
    PythiaChange change = {.what = PYTHIA_OF_GROUP, .request_type = c->type, .group = group};
    int rc = edges_end(c);
    if (!rc)
        rc = pythia_grow((void **)&c->groups, &c->groups_capacity, c->ngroups + 1,
                         sizeof *c->groups);
    if (rc) return rc;
    c->group = group;
    c->in_group[0] = n[0];
    c->in_group[1] = n[1];
    c->groups[c->ngroups++] = (PythiaGroupImpact){c->ntypes - 1, 0};
    if (times_test(c, &change, durations, n, &rc)) {
        c->groups[c->ngroups - 1].impact = impact_of(&change);
        rc = pythia_comparison_add(c, &change, 1, 1);
    }
    if (!rc && c->in_type[0] && c->in_type[1]) rc = share_add(c, change, n, c->in_type, 0);
    return rc;
}

int pythia_comparison_member(PythiaComparison *c, int side, const PythiaTrace *trace,
                             const PythiaPathEdges *edges, int64_t duration_ns) {
    int rc = SQLITE_OK;
    if (!c->variables) return SQLITE_OK;
    if (c->in_group[0] && c->in_group[1]) rc = times_add(c, side, edges);
    if (!rc) rc = pythia_trace_paths(&c->paths, &c->call_paths, trace, &c->names);
    if (!rc)
        rc = pythia_grow((void **)&c->sides, &c->sides_capacity, (size_t)c->nrows + 1,
                         sizeof *c->sides);
    if (rc) return rc;
    c->sides[c->nrows++] = (uint8_t)side;
    return pythia_variables_add(c->variables, trace, &c->names, &c->paths, (double)duration_ns);
}

int pythia_comparison_type_end(PythiaComparison *c) {
    int rc = edges_end(c);
    if (!rc && c->variables && c->nrows) rc = pythia_comparison_variables(c);
    pythia_variables_close(c->variables);
    c->variables = NULL;
    return rc;
}

/* ---- the list ---------------------------------------------------------------------------------------- */

/* Gives every finding its score. */
static int findings_score(PythiaComparison *c) {
    double *in_type = pythia_alloc_zero((c->ntypes + 1) * sizeof *in_type), all = 0;
    if (!in_type) return SQLITE_NOMEM;
    for (size_t i = 0; i < c->ntypes; i++)
        all += c->types[i];
    for (size_t i = 0; i < c->ngroups; i++)
        in_type[c->groups[i].type] += c->groups[i].impact;
    for (size_t i = 0; i < c->nfindings; i++) {
        PythiaFinding *f = &c->findings[i];
        double part = f->part * (all > 0 ? c->types[f->type] / all : 0);
        int whole = f->change.what == PYTHIA_OF_TYPE && f->change.change != PYTHIA_CHANGE_SLOWER &&
                    f->change.change != PYTHIA_CHANGE_FASTER;
        if (whole) part = 1; /* of all requests */
        if (f->group) {
            const PythiaGroupImpact *g = &c->groups[f->group - 1];
            part *= in_type[g->type] > 0 ? g->impact / in_type[g->type] : 0;
        }
        f->change.score = fabs(f->change.effect) * part;
    }
    pythia_free(in_type);
    return SQLITE_OK;
}

static int findings_adjust(PythiaComparison *c) {
    double *p = pythia_alloc_array(c->nfindings + 1, 2 * sizeof *p);
    if (!p) return SQLITE_NOMEM;
    double *adjusted = p + c->nfindings;
    for (size_t i = 0; i < c->nfindings; i++)
        p[i] = c->findings[i].change.p;
    int rc = pythia_p_adjust(PYTHIA_ADJUST_BH, p, c->nfindings, adjusted);
    for (size_t i = 0; !rc && i < c->nfindings; i++)
        c->findings[i].change.p_adjusted = adjusted[i];
    pythia_free(p);
    return rc;
}

/* What qsort() is to look at beside the changes: names, for what is otherwise equal. */
typedef struct Ranked {
    PythiaChange change;
    PythiaText request_type, source, destination;
} Ranked;

static int descending(double x, double y) {
    return x > y ? -1 : x < y;
}

static int ranked_compare(const void *a, const void *b) {
    const Ranked *x = a, *y = b;
    const PythiaChange *p = &x->change, *q = &y->change;
    int order = descending(p->score, q->score);
    if (!order) order = descending(fabs(p->effect), fabs(q->effect));
    if (!order) order = p->what - q->what;
    if (!order) order = pythia_text_compare(x->request_type, y->request_type);
    if (!order) order = p->group < q->group ? -1 : p->group > q->group;
    if (!order) order = pythia_text_compare(x->source, y->source);
    if (!order) order = pythia_text_compare(x->destination, y->destination);
    if (!order) order = p->source_phase - q->source_phase;
    if (!order) order = p->destination_phase - q->destination_phase;
    if (!order) order = pythia_text_compare(p->key, q->key);
    return order ? order : p->change - q->change;
}

int pythia_comparison_finish(PythiaComparison *c, const PythiaChange **changes, size_t *n) {
    *n = 0;
    *changes = NULL;
    int rc = findings_adjust(c);
    if (!rc) rc = findings_score(c);
    Ranked *ranked = rc ? NULL : pythia_alloc_array(c->nfindings + 1, sizeof *ranked);
    c->changes = rc ? NULL : pythia_alloc_array(c->nfindings + 1, sizeof *c->changes);
    if (!rc && (!ranked || !c->changes)) rc = SQLITE_NOMEM;
    for (size_t i = 0; !rc && i < c->nfindings; i++) {
        const PythiaChange *change = &c->findings[i].change;
        if (!(change->p_adjusted < PYTHIA_COMPARE_ALPHA) || !(fabs(change->effect) > 0)) continue;
        ranked[(*n)++] = (Ranked){*change, pythia_names_text(&c->names, change->request_type),
                                  pythia_names_tracepoint_text(&c->names, change->source),
                                  pythia_names_tracepoint_text(&c->names, change->destination)};
    }
    if (!rc && *n > 1) qsort(ranked, *n, sizeof *ranked, ranked_compare);
    for (size_t i = 0; i < *n; i++)
        c->changes[i] = ranked[i].change;
    pythia_free(ranked);
    *changes = c->changes;
    return rc;
}
