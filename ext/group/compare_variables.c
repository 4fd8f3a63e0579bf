/* compare_variables.c - the attributes of a type in two sets; see compare.h.
**
** A variable that one set lacks altogether is compared by its presence. A category that is (nearly) different on
** every row is an identifier and says nothing. Of a category with more than two levels those with fewer than
** RARE rows are taken together. The correlation within the sets is that of the deviations from the means of
** each set, so that what differs between the sets alone has none. */
#include "ext/group/comparison.h"
#include "ext/stat/order.h"
#include "ext/stat/relation.h"
#include "ext/stat/shares.h"

#include <math.h>

enum { RARE = 5 };

typedef struct Scratch {
    uint32_t *row, *level;
    double *value, *rest, *sorted;
    uint64_t *counts; /* 2 * levels */
    size_t counts_capacity;
    uint32_t *place; /* [level]: after rare ones were taken together */
    size_t place_capacity;
} Scratch;

typedef struct Test {
    PythiaComparison *c;
    Scratch *s;
    const PythiaVariable *variable;
    uint32_t index;
    size_t n[2];    /* rows that have it */
    double mean[2]; /* numbers */
    PythiaChange change;
    double correlation;
} Test;

static int scratch_open(Scratch *s, uint32_t rows) {
    size_t n = (size_t)rows + 1;
    s->row = pythia_alloc_array(n, sizeof *s->row);
    s->level = pythia_alloc_array(n, sizeof *s->level);
    s->value = pythia_alloc_array(n, sizeof *s->value);
    s->rest = pythia_alloc_array(n, sizeof *s->rest);
    s->sorted = pythia_alloc_array(n, sizeof *s->sorted);
    return s->row && s->level && s->value && s->rest && s->sorted ? SQLITE_OK : SQLITE_NOMEM;
}

static void scratch_close(Scratch *s) {
    pythia_free(s->row);
    pythia_free(s->level);
    pythia_free(s->value);
    pythia_free(s->rest);
    pythia_free(s->sorted);
    pythia_free(s->counts);
    pythia_free(s->place);
}

static int side_of(const Test *t, uint32_t i) {
    return t->c->sides[t->s->row[i]];
}

/* Takes the mean of its set from each of the values; the means. */
static void center(const Test *t, double *x, double mean[2]) {
    double sum[2] = {0, 0};
    for (uint32_t i = 0; i < t->variable->n; i++)
        sum[side_of(t, i)] += x[i];
    for (int side = 0; side < 2; side++)
        mean[side] = t->n[side] ? sum[side] / (double)t->n[side] : NAN;
    for (uint32_t i = 0; i < t->variable->n; i++)
        x[i] -= mean[side_of(t, i)];
}

/* The durations of the rows that have the variable, as deviations. */
static void durations(const Test *t) {
    const double *response = pythia_variables_response(t->c->variables);
    double mean[2];
    for (uint32_t i = 0; i < t->variable->n; i++)
        t->s->rest[i] = response[t->s->row[i]];
    center(t, t->s->rest, mean);
}

/* ---- numbers ---------------------------------------------------------------------------------------- */

static int test_number(Test *t) {
    Scratch *s = t->s;
    PythiaTwoSample test;
    PythiaRelation relation;
    size_t next[2] = {0, t->n[0]};
    for (uint32_t i = 0; i < t->variable->n; i++)
        s->sorted[next[side_of(t, i)]++] = s->value[i];
    int rc = pythia_sort(s->sorted, t->n[0], t->c->poll);
    if (!rc) rc = pythia_sort(s->sorted + t->n[0], t->n[1], t->c->poll);
    if (!rc)
        rc = pythia_ks_quick(s->sorted, t->n[0], s->sorted + t->n[0], t->n[1], &test, t->c->poll);
    if (rc) return rc;
    t->change.effect = test.statistic;
    t->change.p = test.p;
    durations(t);
    center(t, s->value, t->mean);
    pythia_relation_numeric(s->value, s->rest, t->variable->n, &relation);
    t->correlation = relation.correlation;
    PythiaBuf text = {0};
    pythia_buf_format(&text, "mean %.4g -> %.4g", t->mean[0], t->mean[1]);
    return pythia_comparison_text(t->c, &text, &t->change.detail);
}

/* ---- categories ------------------------------------------------------------------------------------- */

/* The level whose share changed most, and by what. */
static int category_detail(Test *t, uint32_t levels, const size_t all[2]) {
    const uint64_t *counts = t->s->counts;
    PythiaBuf text = {0};
    uint32_t best = 0;
    double most = -1, share[2] = {0, 0};
    for (uint32_t k = 0; k <= levels; k++) { /* the last one is absence */
        double before = (double)counts[k] / (double)all[0];
        double after = (double)counts[levels + 1 + k] / (double)all[1];
        if (!(fabs(after - before) > most)) continue;
        most = fabs(after - before);
        best = k;
        share[0] = before;
        share[1] = after;
    }
    if (best == levels)
        pythia_buf_str(&text, "absent");
    else
        pythia_buf_json_text(&text, pythia_variable_level(t->c->variables, t->index, best));
    pythia_buf_byte(&text, ' ');
    pythia_comparison_percent(&text, share[0], share[1]);
    return pythia_comparison_text(t->c, &text, &t->change.detail);
}

/* Takes levels of few rows together, where there are more than two; how many there are then. */
static uint32_t merge_rare(Scratch *s, uint32_t levels) {
    uint64_t *before = s->counts, *after = s->counts + levels;
    uint32_t kept = 0, rare = UINT32_MAX;
    for (uint32_t k = 0; k < levels; k++) {
        uint64_t a = before[k], b = after[k];
        uint32_t to = kept;
        if (levels > 2 && a + b < RARE) {
            if (rare == UINT32_MAX) rare = kept++;
            to = rare;
        } else {
            kept++;
        }
        s->place[k] = to;
        if (to == k) continue;
        before[k] = after[k] = 0;
        before[to] = (to == rare ? before[to] : 0) + a;
        after[to] = (to == rare ? after[to] : 0) + b;
    }
    return kept;
}

static int test_category(Test *t, const size_t all[2]) {
    Scratch *s = t->s;
    uint32_t levels = t->variable->levels, with_absence = levels + 1;
    PythiaRelation relation;
    int rc = pythia_grow((void **)&s->counts, &s->counts_capacity, 2 * (size_t)with_absence,
                         sizeof *s->counts);
    if (!rc)
        rc = pythia_grow((void **)&s->place, &s->place_capacity, with_absence, sizeof *s->place);
    if (rc) return rc;
    memset(s->counts, 0, 2 * (size_t)with_absence * sizeof *s->counts);
    for (uint32_t i = 0; i < t->variable->n; i++) {
        s->level[i] = (uint32_t)s->value[i];
        s->counts[(size_t)with_absence * (size_t)side_of(t, i) + s->level[i]]++;
    }
    s->counts[levels] = all[0] - t->n[0];
    s->counts[with_absence + levels] = all[1] - t->n[1];
    rc = category_detail(t, levels, all);
    uint32_t kept = rc ? 0 : merge_rare(s, with_absence);
    if (rc) return rc;
    PythiaTwoSample test = pythia_shares(s->counts, s->counts + with_absence, kept);
    t->change.effect = test.statistic;
    t->change.p = test.p;
    durations(t);
    for (uint32_t i = 0; i < t->variable->n; i++)
        s->level[i] = s->place[s->level[i]];
    rc = pythia_relation_category(s->level, kept, s->rest, t->variable->n, &relation);
    t->correlation = relation.correlation;
    return rc;
}

/* ---- all of them ------------------------------------------------------------------------------------ */

static void test_presence(Test *t, const size_t all[2]) {
    const uint64_t before[2] = {t->n[0], all[0] - t->n[0]}, after[2] = {t->n[1], all[1] - t->n[1]};
    PythiaTwoSample test = pythia_shares(before, after, 2);
    t->change.change = t->n[0] ? PYTHIA_CHANGE_GONE : PYTHIA_CHANGE_NEW;
    t->change.effect = test.statistic;
    t->change.p = test.p;
}

static int is_identifier(const PythiaVariable *v) {
    return v->kind == PYTHIA_VARIABLE_CATEGORY &&
           (v->levels > PYTHIA_LEVELS_MAX || v->levels > v->n / 2);
}

static int variable_test(PythiaComparison *c, Scratch *s, const PythiaVariable *v, uint32_t index,
                         const size_t all[2]) {
    Test t = {.c = c, .s = s, .variable = v, .index = index, .correlation = NAN};
    t.change = (PythiaChange){.what = PYTHIA_OF_ATTRIBUTE,
                              .change = PYTHIA_CHANGE_SHIFTED,
                              .request_type = c->type,
                              .mean_ns = {NAN, NAN}};
    if (is_identifier(v)) return SQLITE_OK;
    pythia_variable_read(c->variables, index, s->row, s->value);
    for (uint32_t i = 0; i < v->n; i++)
        t.n[side_of(&t, i)]++;
    if (v->levels < 2 && v->n == c->nrows) return SQLITE_OK; /* the same on every row */
    int rc = SQLITE_OK;
    if (!t.n[0] || !t.n[1])
        test_presence(&t, all);
    else
        rc = v->kind == PYTHIA_VARIABLE_CATEGORY ? test_category(&t, all) : test_number(&t);
    PythiaBuf key = {0};
    pythia_buf_text(&key, v->key);
    int kept = pythia_comparison_text(c, &key, &t.change.key);
    if (!rc) rc = kept;
    t.change.n[0] = (int64_t)t.n[0];
    t.change.n[1] = (int64_t)t.n[1];
    double part = isnan(t.correlation) ? 0 : fabs(t.correlation);
    return rc ? rc : pythia_comparison_add(c, &t.change, part, 0);
}

int pythia_comparison_variables(PythiaComparison *c) {
    Scratch s = {0};
    uint32_t n = 0;
    size_t all[2] = {0, 0};
    for (uint32_t i = 0; i < c->nrows; i++)
        all[c->sides[i]]++;
    int rc = pythia_variables_finish(c->variables, &c->names, &c->call_paths);
    if (!rc) rc = scratch_open(&s, c->nrows);
    const PythiaVariable *list = rc ? NULL : pythia_variables_list(c->variables, &n);
    for (uint32_t i = 0; !rc && i < n; i++)
        rc = variable_test(c, &s, &list[i], i, all);
    scratch_close(&s);
    return rc;
}
