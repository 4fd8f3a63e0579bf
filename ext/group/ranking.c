/* ranking.c - which variables of a group go with the response; see variables.h.
**
** Each variable is tested alone, on the rows that have it: a number by the F of regression, a category by
** the F of an analysis of variance. Left out of the ranking, because they would only dilute it:
**
**   constants    nothing can be said of them
**   identifiers  a category that is (nearly) different on every row explains any response
**   copies       of variables that say the same on every row one stands for all: an attribute before a sum
**                before a count, then the first by key. The others show their correlation and p, and no rank.
**                The same is said by numbers that are equal up to unit and origin, by categories that divide
**                the rows equally, and by a number and a category of two values that do.
**
** Of the rest leaders are chosen one after the other: first the variable with the least p alone, then the one with
** the least p given the leaders so far (partial.h), until none is left that passes ALPHA by Bonferroni's bound over
** all of the rest, or LEADERS_MOST are found. What goes along with a cause goes along with the response, too; given
** the cause it does not any more. The p of a leader given those before it is never taken to be less than theirs;
** every other variable counts with the larger of its p alone and its p given all leaders: it must be of use in
** either case. These p are adjusted together (Benjamini and Hochberg, 1995). Leaders are ranked first, in their
** order, then the others by adjusted p, then by absolute correlation, then by key. Of equal p the larger (partial)
** correlation wins: of two variables, each given the other, the one with the larger correlation has the larger
** partial correlation. A variable that passes ALPHA_PROXY alone and not given the leaders is a proxy of that leader
** which takes most of it away.
**
** How often a call path occurs can explain by the time that is spent there. Where that time accounts for less than
** half of what goes along with the count - cov(count, time) < cov(count, response) / 2 - the count marks something
** else, and can lead only where no other variable passes.
**
** A category of more than MANY_LEVELS levels has those with fewer than RARE rows taken together as one.
**
** weight: of the ranked numbers, counts and categories of two levels (as 0 and 1, the level with the larger
** responses) without missing rows the best JOINT_MOST, but no more than one for JOINT_ROWS rows, go into one
** canonical correlation analysis with the response (cca.h); a column that depends on others there gets none.
** Where a variable's correlation is high and its weight near 0, others say the same better. A positive weight
** goes with larger responses. */
#include "ext/group/variables.h"

#include "ext/stat/adjust.h"
#include "ext/stat/cca.h"
#include "ext/stat/moments.h"
#include "ext/stat/partial.h"
#include "ext/stat/relation.h"

#include <math.h>
#include <stdlib.h>

enum { MANY_LEVELS = 100, RARE = 5, JOINT_MOST = 20, JOINT_ROWS = 5, IDENTIFIER_ROWS = 5 };
enum { LEADERS_MOST = 8 };
static const double ALPHA = 0.01, ALPHA_PROXY = 0.05;

typedef struct Ranking {
    const PythiaVariables *variables;
    const PythiaVariable *list;
    PythiaPoll *poll;
    PythiaRanked *ranked; /* in the order of list, until the end */
    uint32_t n, rows;
    /* Scratch for one variable, and for a second: */
    uint32_t *row, *other_row, *level;
    double *value, *other_value, *response;
} Ranking;

static void ranking_clear(Ranking *r) {
    pythia_free(r->row);
    pythia_free(r->other_row);
    pythia_free(r->level);
    pythia_free(r->value);
    pythia_free(r->other_value);
    pythia_free(r->response);
}

static int ranking_alloc(Ranking *r) {
    r->row = pythia_alloc_array(r->rows, sizeof *r->row);
    r->other_row = pythia_alloc_array(r->rows, sizeof *r->other_row);
    r->level = pythia_alloc_array((size_t)r->rows + 1, sizeof *r->level);
    r->value = pythia_alloc_array(r->rows, sizeof *r->value);
    r->other_value = pythia_alloc_array(r->rows, sizeof *r->other_value);
    r->response = pythia_alloc_array(r->rows, sizeof *r->response);
    int ok = r->row && r->other_row && r->level && r->value && r->other_value && r->response;
    return ok ? SQLITE_OK : SQLITE_NOMEM;
}

/* ---- one variable ----------------------------------------------------------------------------------- */

static int is_identifier(const PythiaVariable *v) {
    if (v->kind != PYTHIA_VARIABLE_CATEGORY) return 0;
    if (v->levels > PYTHIA_LEVELS_MAX || v->levels == v->n) return 1;
    return v->n >= IDENTIFIER_ROWS && v->levels > v->n / 2;
}

/* Numbers the levels so that the rare ones share the last number; returns how many there are then. */
static uint32_t merge_rare(uint32_t *level, uint32_t n, uint32_t levels, uint32_t *count) {
    memset(count, 0, levels * sizeof *count);
    for (uint32_t i = 0; i < n; i++)
        count[level[i]]++;
    uint32_t kept = 0, rare = 0;
    for (uint32_t k = 0; k < levels; k++) {
        int is_rare = count[k] < RARE;
        rare |= (uint32_t)is_rare;
        count[k] = is_rare ? UINT32_MAX : kept++;
    }
    for (uint32_t i = 0; i < n; i++)
        level[i] = count[level[i]] == UINT32_MAX ? kept : count[level[i]];
    return kept + rare;
}

/* The values of a variable, in scratch; merged (may be NULL) is set to 1 where rare levels became one. */
static int series_read(Ranking *r, uint32_t variable, PythiaSeries *series, int *merged) {
    const PythiaVariable *v = &r->list[variable];
    pythia_variable_read(r->variables, variable, r->row, r->value);
    *series = (PythiaSeries){.n = v->n, .row = r->row, .value = r->value};
    if (v->kind != PYTHIA_VARIABLE_CATEGORY) return SQLITE_OK;
    uint32_t levels = v->levels;
    for (uint32_t i = 0; i < v->n; i++)
        r->level[i] = (uint32_t)r->value[i];
    if (levels > MANY_LEVELS) {
        uint32_t *count = pythia_alloc_array(levels, sizeof *count);
        if (!count) return SQLITE_NOMEM;
        uint32_t fewer = merge_rare(r->level, v->n, levels, count);
        pythia_free(count);
        if (merged) *merged = fewer < levels;
        levels = fewer;
    }
    series->value = NULL;
    series->level = r->level;
    series->levels = levels;
    return SQLITE_OK;
}

static int relate(Ranking *r, uint32_t variable) {
    const PythiaVariable *v = &r->list[variable];
    PythiaRanked *ranked = &r->ranked[variable];
    const double *response = pythia_variables_response(r->variables);
    PythiaRelation relation;
    PythiaSeries series;
    int merged = 0;
    *ranked = (PythiaRanked){.variable = variable,
                             .correlation = NAN,
                             .p = NAN,
                             .partial = NAN,
                             .p_given = NAN,
                             .p_adjusted = NAN,
                             .weight = NAN};
    if (v->levels < 2) {
        ranked->note = PYTHIA_NOTE_CONSTANT;
        return SQLITE_OK;
    }
    if (is_identifier(v)) {
        ranked->note = PYTHIA_NOTE_IDENTIFIER;
        return SQLITE_OK;
    }
    int rc = series_read(r, variable, &series, &merged);
    for (uint32_t i = 0; !rc && i < v->n; i++)
        r->response[i] = response[r->row[i]];
    if (!rc && series.value)
        pythia_relation_numeric(series.value, r->response, v->n, &relation);
    else if (!rc)
        rc = pythia_relation_category(series.level, series.levels, r->response, v->n, &relation);
    if (rc) return rc;
    if (merged) ranked->note = PYTHIA_NOTE_MERGED;
    ranked->correlation = ranked->partial = relation.correlation;
    ranked->p = ranked->p_given = relation.p;
    return SQLITE_OK;
}

/* ---- copies ------------------------------------------------------------------------------------------ */

/* A variable as it is compared with others. */
typedef struct Content {
    uint64_t hash;
    uint32_t variable;
    uint8_t divides;    /* only how it divides the rows matters: a category, or two values */
    uint8_t preference; /* attribute 0, sum 1, count 2 */
} Content;

static int content_compare(const void *a, const void *b) {
    const Content *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    if (x->preference != y->preference) return x->preference - y->preference;
    return x->variable < y->variable ? -1 : x->variable > y->variable; /* the list is by key */
}

/* Reads a variable in its normal form, in which variables that say the same are equal: levels are numbered in
** order of first sight; of numbers the first is 0 and the first other one 1, the rest in proportion. */
static int content_read(Ranking *r, uint32_t variable, uint32_t *row, double *value) {
    const PythiaVariable *v = &r->list[variable];
    pythia_variable_read(r->variables, variable, row, value);
    if (v->kind != PYTHIA_VARIABLE_CATEGORY) {
        double origin = v->n ? value[0] : 0, unit = 0;
        for (uint32_t i = 0; i < v->n; i++) {
            double x = value[i] - origin;
            if (unit == 0) unit = x;
            value[i] = x == 0 ? 0 : x / unit;
        }
        return SQLITE_OK;
    }
    uint32_t *seen = pythia_alloc_zero(v->levels * sizeof *seen), next = 0;
    if (!seen) return SQLITE_NOMEM;
    for (uint32_t i = 0; i < v->n; i++) {
        uint32_t *level = &seen[(uint32_t)value[i]]; /* its number + 1 */
        if (!*level) *level = ++next;
        value[i] = *level - 1;
    }
    pythia_free(seen);
    return SQLITE_OK;
}

static int content_make(Ranking *r, uint32_t variable, Content *content) {
    const PythiaVariable *v = &r->list[variable];
    int rc = content_read(r, variable, r->row, r->value);
    if (rc) return rc;
    uint64_t rows = pythia_hash64(r->row, v->n * sizeof *r->row);
    uint64_t values = pythia_hash64(r->value, v->n * sizeof *r->value);
    content->variable = variable;
    content->divides = v->kind == PYTHIA_VARIABLE_CATEGORY || v->levels == 2;
    content->preference = v->kind == PYTHIA_VARIABLE_COUNT ? 2 : v->is_sum ? 1 : 0;
    content->hash = pythia_hash_mix(rows + content->divides, values);
    return SQLITE_OK;
}

/* Whether a variable equals the one that r->other_row and other_value hold. */
static int content_equal(Ranking *r, const Content *a, const Content *b, int *equal) {
    uint32_t n = r->list[a->variable].n;
    *equal = 0;
    if (a->divides != b->divides || n != r->list[b->variable].n) return SQLITE_OK;
    int rc = content_read(r, a->variable, r->row, r->value);
    if (rc) return rc;
    *equal = memcmp(r->row, r->other_row, n * sizeof *r->row) == 0 &&
             memcmp(r->value, r->other_value, n * sizeof *r->value) == 0;
    return SQLITE_OK;
}

/* Marks what equals the first of contents[0 .. n), which have one hash. */
static int mark_copies_of(Ranking *r, const Content *contents, uint32_t n) {
    int rc = content_read(r, contents[0].variable, r->other_row, r->other_value), equal = 0;
    for (uint32_t i = 1; !rc && i < n; i++) {
        PythiaRanked *ranked = &r->ranked[contents[i].variable];
        if (ranked->note == PYTHIA_NOTE_COPY) continue;
        rc = content_equal(r, &contents[i], &contents[0], &equal);
        if (!rc && equal) {
            ranked->note = PYTHIA_NOTE_COPY;
            ranked->of = contents[0].variable;
        }
        if (!rc) rc = pythia_poll(r->poll);
    }
    return rc;
}

static int mark_copies(Ranking *r) {
    Content *contents = pythia_alloc_array(r->n, sizeof *contents);
    uint32_t n = 0;
    int rc = contents ? SQLITE_OK : SQLITE_NOMEM;
    for (uint32_t i = 0; !rc && i < r->n; i++) {
        int note = r->ranked[i].note;
        if (note == PYTHIA_NOTE_CONSTANT || note == PYTHIA_NOTE_IDENTIFIER) continue;
        rc = content_make(r, i, &contents[n++]);
        if (!rc) rc = pythia_poll(r->poll);
    }
    if (!rc) qsort(contents, n, sizeof *contents, content_compare);
    for (uint32_t i = 0; !rc && i < n; i++) {
        uint32_t end = i + 1;
        while (end < n && contents[end].hash == contents[i].hash)
            end++;
        if (end - i > 1 && r->ranked[contents[i].variable].note != PYTHIA_NOTE_COPY)
            rc = mark_copies_of(r, contents + i, end - i);
    }
    pythia_free(contents);
    return rc;
}

/* ---- leaders ----------------------------------------------------------------------------------------- */

typedef struct Selection {
    PythiaGiven *given;
    uint32_t leader[LEADERS_MOST]; /* variables */
    int n, full;
    double last; /* p of the last leader */
    uint32_t candidates;
    unsigned char *is_mark; /* [variable]: a count whose own time does not account for it */
} Selection;

/* Whether a variable is ranked at all. */
static int is_candidate(const PythiaRanked *ranked) {
    return ranked->note != PYTHIA_NOTE_COPY && !isnan(ranked->p);
}

/* Whether a count goes along with more of the response than twice the time spent on its call path. */
static int is_mark(Ranking *r, uint32_t variable) {
    const double *response = pythia_variables_response(r->variables);
    PythiaComoments own = {0}, all = {0};
    if (r->list[variable].kind != PYTHIA_VARIABLE_COUNT ||
        !pythia_variable_time(r->variables, variable, r->other_value))
        return 0;
    pythia_variable_read(r->variables, variable, r->row, r->value);
    for (uint32_t i = 0; i < r->rows; i++) {
        pythia_comoments_add(&own, r->value[i], r->other_value[i]);
        pythia_comoments_add(&all, r->value[i], response[i]);
    }
    double with_time = pythia_comoments_covar_samp(&own);
    double with_response = pythia_comoments_covar_samp(&all);
    return with_response < 0 ? with_time >= 0 || with_time > with_response / 2
                             : with_time < with_response / 2;
}

/* Tests all that are no leaders given those. */
static int test_given(Ranking *r, Selection *s) {
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < r->n; i++) {
        PythiaRanked *ranked = &r->ranked[i];
        PythiaSeries series;
        PythiaPartial partial;
        if (!is_candidate(ranked) || ranked->lead) continue;
        rc = series_read(r, i, &series, NULL);
        if (!rc) rc = pythia_given_test(s->given, &series, &partial, r->poll);
        if (rc) break;
        /* Too few rows in common: it must be taken for what it is alone. */
        ranked->partial = partial.correlation;
        ranked->p_given = isnan(partial.p) ? ranked->p : partial.p;
    }
    return rc;
}

/* The best of those that are no leaders; NULL when it does not pass. */
static PythiaRanked *next_leader(const Ranking *r, const Selection *s, int marks) {
    PythiaRanked *best = NULL;
    for (uint32_t i = 0; i < r->n; i++) {
        PythiaRanked *ranked = &r->ranked[i];
        if (!is_candidate(ranked) || ranked->lead || s->is_mark[i] != marks) continue;
        if (best &&
            !(ranked->p_given < best->p_given ||
              (ranked->p_given == best->p_given && fabs(ranked->partial) > fabs(best->partial))))
            continue;
        best = ranked;
    }
    return best && best->p_given * s->candidates <= ALPHA ? best : NULL;
}

static int lead(Ranking *r, Selection *s, PythiaRanked *ranked) {
    PythiaSeries series;
    ranked->lead = (uint32_t)s->n + 1;
    if (ranked->p_given < s->last) ranked->p_given = s->last;
    s->last = ranked->p_given;
    s->leader[s->n++] = ranked->variable;
    int rc = series_read(r, ranked->variable, &series, NULL);
    if (!rc) rc = pythia_given_add(s->given, &series);
    s->full = rc == SQLITE_FULL || s->n == LEADERS_MOST;
    if (rc == SQLITE_FULL) return SQLITE_OK;
    return rc ? rc : test_given(r, s);
}

/* Names the leader that takes most of a variable away. */
static int mark_proxy(Ranking *r, const Selection *s, PythiaRanked *ranked) {
    double most = -1;
    int rc = SQLITE_OK;
    for (int k = 0; !rc && k < s->n; k++) {
        PythiaGiven *given = NULL;
        PythiaSeries series;
        PythiaPartial partial = {.p = NAN};
        rc = pythia_given_open(pythia_variables_response(r->variables), r->rows, &given);
        if (!rc) rc = series_read(r, s->leader[k], &series, NULL);
        if (!rc) rc = pythia_given_add(given, &series);
        if (rc == SQLITE_FULL) rc = SQLITE_OK;
        if (!rc) rc = series_read(r, ranked->variable, &series, NULL);
        if (!rc) rc = pythia_given_test(given, &series, &partial, r->poll);
        pythia_given_close(given);
        if (rc || !(partial.p > most)) continue;
        most = partial.p;
        ranked->note = PYTHIA_NOTE_PROXY;
        ranked->of = s->leader[k];
    }
    return rc;
}

static int choose_leaders(Ranking *r) {
    Selection s = {0};
    int rc = pythia_given_open(pythia_variables_response(r->variables), r->rows, &s.given);
    s.is_mark = pythia_alloc_zero((size_t)r->n + 1);
    if (!rc && !s.is_mark) rc = SQLITE_NOMEM;
    for (uint32_t i = 0; !rc && i < r->n; i++) {
        if (!is_candidate(&r->ranked[i])) continue;
        s.candidates++;
        s.is_mark[i] = (unsigned char)is_mark(r, i);
    }
    for (int marks = 0; !rc && marks < 2; marks++)
        for (PythiaRanked *best; !rc && !s.full && (best = next_leader(r, &s, marks)) != NULL;)
            rc = lead(r, &s, best);
    for (uint32_t i = 0; !rc && i < r->n; i++) {
        PythiaRanked *ranked = &r->ranked[i];
        if (!is_candidate(ranked) || ranked->lead) continue;
        if (ranked->p * s.candidates <= ALPHA_PROXY && ranked->p_given * s.candidates > ALPHA_PROXY)
            rc = mark_proxy(r, &s, ranked);
        if (ranked->p_given < ranked->p) ranked->p_given = ranked->p;
    }
    pythia_given_close(s.given);
    pythia_free(s.is_mark);
    return rc;
}

/* ---- ranks ------------------------------------------------------------------------------------------- */

static int ranked_compare(const void *a, const void *b) {
    const PythiaRanked *x = a, *y = b;
    int x_has = !isnan(x->p_adjusted), y_has = !isnan(y->p_adjusted);
    if (x->lead && y->lead) return x->lead < y->lead ? -1 : 1;
    if (!x->lead != !y->lead) return x->lead ? -1 : 1;
    if (x_has != y_has) return y_has - x_has;
    if (x_has && x->p_adjusted != y->p_adjusted) return x->p_adjusted < y->p_adjusted ? -1 : 1;
    double rx = fabs(x->correlation), ry = fabs(y->correlation);
    if (x_has && rx != ry) return rx > ry ? -1 : 1;
    return x->variable < y->variable ? -1 : x->variable > y->variable;
}

static int adjust_and_sort(Ranking *r) {
    double *p = pythia_alloc_array(r->n, 2 * sizeof *p);
    if (!p) return SQLITE_NOMEM;
    for (uint32_t i = 0; i < r->n; i++)
        p[i] = is_candidate(&r->ranked[i]) ? r->ranked[i].p_given : NAN;
    int rc = pythia_p_adjust(PYTHIA_ADJUST_BH, p, r->n, p + r->n);
    for (uint32_t i = 0; !rc && i < r->n; i++)
        r->ranked[i].p_adjusted = p[r->n + i];
    pythia_free(p);
    if (rc) return rc;
    qsort(r->ranked, r->n, sizeof *r->ranked, ranked_compare);
    for (uint32_t i = 0; i < r->n && !isnan(r->ranked[i].p_adjusted); i++)
        r->ranked[i].rank = i + 1;
    return SQLITE_OK;
}

/* ---- the joint analysis -------------------------------------------------------------------------------- */

typedef struct Joint {
    PythiaCca *cca;
    PythiaCcaResult *result;
    double *values;          /* [place * rows + row] */
    uint32_t of[JOINT_MOST]; /* places in r->ranked */
    int n;
} Joint;

/* Chooses what takes part, by rank. */
static void joint_choose(Joint *j, const Ranking *r) {
    uint32_t most = r->rows / JOINT_ROWS < JOINT_MOST ? r->rows / JOINT_ROWS : JOINT_MOST;
    for (uint32_t i = 0; i < r->n && r->ranked[i].rank && (uint32_t)j->n < most; i++) {
        const PythiaVariable *v = &r->list[r->ranked[i].variable];
        if ((v->kind != PYTHIA_VARIABLE_CATEGORY || v->levels == 2) && v->n == r->rows)
            j->of[j->n++] = i;
    }
}

static void joint_read(const Ranking *r, uint32_t variable, double *x) {
    PythiaRelation relation;
    pythia_variable_read(r->variables, variable, r->row, x);
    if (r->list[variable].kind != PYTHIA_VARIABLE_CATEGORY) return;
    pythia_relation_numeric(x, pythia_variables_response(r->variables), r->rows, &relation);
    for (uint32_t i = 0; relation.correlation < 0 && i < r->rows; i++)
        x[i] = 1 - x[i];
}

static int joint_run(Joint *j, const Ranking *r, char **error) {
    const double *response = pythia_variables_response(r->variables);
    double x[JOINT_MOST];
    j->values = pythia_alloc_array((size_t)r->rows * (size_t)j->n, sizeof *j->values);
    if (!j->values) return SQLITE_NOMEM;
    for (int k = 0; k < j->n; k++)
        joint_read(r, r->ranked[j->of[k]].variable, j->values + (size_t)k * r->rows);
    int rc = pythia_cca_open(j->n, 1, &j->cca, error);
    for (uint32_t i = 0; !rc && i < r->rows; i++) {
        for (int k = 0; k < j->n; k++)
            x[k] = j->values[(size_t)k * r->rows + i];
        rc = pythia_cca_add(j->cca, x, &response[i], error);
        if (!rc) rc = pythia_poll(r->poll);
    }
    return rc ? rc : pythia_cca_finish(j->cca, &j->result, error);
}

static int weigh(Ranking *r, char **error) {
    Joint j = {0};
    joint_choose(&j, r);
    if (!j.n) return SQLITE_OK;
    int rc = joint_run(&j, r, error);
    if (!rc && j.result->d == 1) {
        double sign = j.result->loading_y[0] < 0 ? -1 : 1;
        for (int k = 0; k < j.n; k++)
            if (j.result->kept_x[k]) r->ranked[j.of[k]].weight = sign * j.result->weight_x[k];
    }
    pythia_cca_result_free(j.result);
    pythia_cca_close(j.cca);
    pythia_free(j.values);
    return rc;
}

int pythia_variables_rank(const PythiaVariables *variables, PythiaPoll *poll, PythiaRanked **list,
                          char **error) {
    Ranking r = {.variables = variables, .poll = poll, .rows = pythia_variables_rows(variables)};
    r.list = pythia_variables_list(variables, &r.n);
    r.ranked = pythia_alloc_array(r.n, sizeof *r.ranked);
    int rc = r.ranked ? ranking_alloc(&r) : SQLITE_NOMEM;
    for (uint32_t i = 0; !rc && i < r.n; i++) {
        rc = relate(&r, i);
        if (!rc) rc = pythia_poll(poll);
    }
    if (!rc) rc = mark_copies(&r);
    if (!rc) rc = choose_leaders(&r);
    if (!rc) rc = adjust_and_sort(&r);
    if (!rc) rc = weigh(&r, error);
    ranking_clear(&r);
    if (rc) pythia_free(r.ranked);
    *list = rc ? NULL : r.ranked;
    return rc;
}

/* ---- positions of edges --------------------------------------------------------------------------------- */

typedef struct EdgeOrder {
    double offset;
    PythiaText source, destination;
    int phases;
    uint32_t edge;
} EdgeOrder;

static int edge_order_compare(const void *a, const void *b) {
    const EdgeOrder *x = a, *y = b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    int order = pythia_text_compare(x->source, y->source);
    if (!order) order = pythia_text_compare(x->destination, y->destination);
    return order ? order : x->phases - y->phases;
}

int pythia_group_edge_order(const PythiaGroup *group, const PythiaNames *names, uint32_t **edges,
                            uint32_t *n) {
    EdgeOrder *orders = pythia_alloc_array(group->nedges, sizeof *orders);
    *edges = pythia_alloc_array(group->nedges, sizeof **edges);
    *n = 0;
    if (!orders || !*edges) {
        pythia_free(orders);
        pythia_free(*edges);
        *edges = NULL;
        return SQLITE_NOMEM;
    }
    for (uint32_t i = 0; i < group->nedges; i++) {
        const PythiaGroupEdge *e = &group->edges[i];
        if (e->n < 1) continue;
        orders[(*n)++] = (EdgeOrder){pythia_sum_mean(e->offsets, e->n),
                                     pythia_names_tracepoint_text(names, e->source),
                                     pythia_names_tracepoint_text(names, e->destination),
                                     e->source_phase << 2 | e->destination_phase, i};
    }
    qsort(orders, *n, sizeof *orders, edge_order_compare);
    for (uint32_t i = 0; i < *n; i++)
        (*edges)[i] = orders[i].edge;
    pythia_free(orders);
    return SQLITE_OK;
}
