/* test_stat_partial.c - partial correlation and its p, against least squares by normal equations. */
#include "ext/stat/distribution.h"
#include "ext/stat/partial.h"
#include "ext/stat/relation.h"
#include "tests/unit/test.h"
#include "tests/unit/trace_util.h"

#include <math.h>

enum { ROWS = 40, MOST = 12 };

/* The squares that a regression of y on the columns and a constant leaves, and its rank: Gaussian elimination of
** the normal equations, in long double. */
static long double left(const double *y, double columns[][ROWS], int n, const int *rows, int nrows,
                        int *rank) {
    long double a[MOST + 1][MOST + 2] = {{0}}, rest = 0, mean_y = 0;
    for (int i = 0; i < nrows; i++)
        mean_y += y[rows[i]] / (long double)nrows;
    for (int c = 0; c < n; c++) {
        long double mean_c = 0;
        for (int i = 0; i < nrows; i++)
            mean_c += columns[c][rows[i]] / (long double)nrows;
        for (int i = 0; i < nrows; i++) {
            long double dx = columns[c][rows[i]] - mean_c;
            a[c][n] += dx * (y[rows[i]] - mean_y);
            for (int d = 0; d < n; d++)
                a[c][d] += dx * columns[d][rows[i]];
        }
    }
    for (int i = 0; i < nrows; i++)
        rest += (y[rows[i]] - mean_y) * (y[rows[i]] - mean_y);
    *rank = 0;
    for (int c = 0; c < n; c++) { /* each pivot takes its part of the squares away */
        long double pivot = a[c][c];
        if (fabsl(pivot) < 1e-6L) continue;
        ++*rank;
        rest -= a[c][n] * a[c][n] / pivot;
        for (int d = c + 1; d < n; d++) {
            long double factor = a[d][c] / pivot;
            for (int e = c; e <= n; e++)
                a[d][e] -= factor * a[c][e];
        }
    }
    return rest;
}

typedef struct Variable {
    int levels; /* 0: a number */
    double value[ROWS];
    uint32_t level[ROWS], row[ROWS];
    double packed[ROWS];
    uint32_t packed_level[ROWS], n;
    int has[ROWS];
} Variable;

static void variable_make(Variable *v, SampleRandom *random, int missing) {
    v->levels = sample_chance(random, 50) ? 0 : 2 + (int)sample_below(random, 3);
    v->n = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        v->has[i] = !missing || sample_below(random, 6) > 0;
        v->value[i] = sample_below(random, 30);
        v->level[i] = v->levels ? sample_below(random, (uint32_t)v->levels) : 0;
        if (!v->has[i]) continue;
        v->row[v->n] = i;
        v->packed[v->n] = v->value[i];
        v->packed_level[v->n++] = v->level[i];
    }
}

static PythiaSeries series_of(const Variable *v) {
    return (PythiaSeries){.n = v->n,
                          .row = v->row,
                          .value = v->levels ? NULL : v->packed,
                          .level = v->packed_level,
                          .levels = (uint32_t)v->levels};
}

/* Appends the columns of a variable. */
static int expand(const Variable *v, double columns[][ROWS], int n) {
    if (!v->levels) {
        for (int i = 0; i < ROWS; i++)
            columns[n][i] = v->value[i];
        return n + 1;
    }
    for (int k = 1; k < v->levels; k++, n++)
        for (int i = 0; i < ROWS; i++)
            columns[n][i] = v->level[i] == (uint32_t)k;
    return n;
}

static void check_one(SampleRandom *random, int given_n) {
    Variable v[4];
    double y[ROWS], columns[MOST][ROWS];
    int rows[ROWS], nrows = 0, n = 0, rank_without, rank_with;
    PythiaGiven *given;
    PythiaPartial partial;
    for (int k = 0; k <= given_n; k++)
        variable_make(&v[k], random, k == 0 || k == given_n);
    if (sample_chance(random, 10)) v[given_n] = v[0]; /* a copy of what is given */
    for (int i = 0; i < ROWS; i++) {
        y[i] = 1e9 + sample_below(random, 50);
        for (int k = 0; k <= given_n; k++)
            y[i] += v[k].levels ? 7 * v[k].level[i] : 2 * v[k].value[i];
    }
    CU_ASSERT_EQUAL_FATAL(pythia_given_open(y, ROWS, &given), SQLITE_OK);
    for (int k = 0; k < given_n; k++) {
        PythiaSeries s = series_of(&v[k]);
        CU_ASSERT_EQUAL_FATAL(pythia_given_add(given, &s), SQLITE_OK);
        n = expand(&v[k], columns, n);
    }
    for (int i = 0; i < ROWS; i++) {
        int has = 1;
        for (int k = 0; k <= given_n; k++)
            has &= v[k].has[i];
        if (has) rows[nrows++] = i;
    }
    PythiaSeries s = series_of(&v[given_n]);
    CU_ASSERT_EQUAL_FATAL(pythia_given_test(given, &s, &partial, NULL), SQLITE_OK);
    long double without = left(y, columns, n, rows, nrows, &rank_without);
    n = expand(&v[given_n], columns, n);
    long double with = left(y, columns, n, rows, nrows, &rank_with);
    CU_ASSERT_EQUAL(partial.n, (uint32_t)nrows);
    if (rank_with == rank_without) {
        CU_ASSERT(partial.p == 1 && partial.correlation == 0);
    } else {
        double r2 = (double)(1 - with / without);
        double p = pythia_r2_p(r2, (double)(with / without), rank_with - rank_without,
                               nrows - 1 - rank_with);
        CU_ASSERT(fabs(partial.correlation * partial.correlation - r2) < 1e-8);
        CU_ASSERT(fabs(log(partial.p) - log(p)) < 1e-5);
    }
    pythia_given_close(given);
}

static void test_random(void) {
    SampleRandom random = {31};
    for (int round = 0; round < 600; round++)
        check_one(&random, 1 + round % 3);
}

/* With nothing given it is the test of the variable alone; the sign is that of the slope. */
static void test_alone(void) {
    double x[ROWS], y[ROWS];
    uint32_t row[ROWS];
    SampleRandom random = {3};
    PythiaGiven *given;
    PythiaPartial partial;
    PythiaRelation relation;
    for (uint32_t i = 0; i < ROWS; i++) {
        row[i] = i;
        x[i] = sample_below(&random, 100);
        y[i] = 300 - 2 * x[i] + sample_below(&random, 100);
    }
    PythiaSeries s = {.n = ROWS, .row = row, .value = x};
    CU_ASSERT_EQUAL_FATAL(pythia_given_open(y, ROWS, &given), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_given_test(given, &s, &partial, NULL), SQLITE_OK);
    pythia_relation_numeric(x, y, ROWS, &relation);
    CU_ASSERT(fabs(partial.correlation - relation.correlation) < 1e-12);
    CU_ASSERT(fabs(partial.p / relation.p - 1) < 1e-9);
    /* Given itself it tells nothing more; and nothing is left of what is a function of it. */
    CU_ASSERT_EQUAL(pythia_given_add(given, &s), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_given_test(given, &s, &partial, NULL), SQLITE_OK);
    CU_ASSERT(partial.p == 1 && partial.correlation == 0);
    for (uint32_t i = 0; i < ROWS; i++)
        y[i] = 5 + 3 * x[i];
    double other[ROWS];
    for (uint32_t i = 0; i < ROWS; i++)
        other[i] = sample_below(&random, 100);
    s.value = other;
    CU_ASSERT_EQUAL(pythia_given_test(given, &s, &partial, NULL), SQLITE_OK);
    CU_ASSERT(partial.p == 1);
    pythia_given_close(given);
}

/* No more columns than the rows can bear, and nothing to say of too few rows. */
static void test_limits(void) {
    double y[ROWS] = {1, 5, 2}, x[ROWS];
    uint32_t row[ROWS], level[ROWS];
    PythiaGiven *given;
    PythiaPartial partial;
    for (uint32_t i = 0; i < ROWS; i++) {
        row[i] = i;
        x[i] = i * 7 % 11;
        level[i] = i % 10;
    }
    PythiaSeries number = {.n = ROWS, .row = row, .value = x};
    PythiaSeries many = {.n = ROWS, .row = row, .level = level, .levels = 10};
    CU_ASSERT_EQUAL_FATAL(pythia_given_open(y, ROWS, &given), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_given_add(given, &many), SQLITE_FULL);
    for (int i = 0; i < ROWS / 5; i++)
        CU_ASSERT_EQUAL(pythia_given_add(given, &number), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_given_add(given, &number), SQLITE_FULL);
    number.n = 2;
    CU_ASSERT_EQUAL(pythia_given_test(given, &number, &partial, NULL), SQLITE_OK);
    CU_ASSERT(isnan(partial.p) && isnan(partial.correlation));
    number.n = 0;
    CU_ASSERT_EQUAL(pythia_given_test(given, &number, &partial, NULL), SQLITE_OK);
    CU_ASSERT(isnan(partial.p));
    pythia_given_close(given);
}

PYTHIA_SUITE(stat_partial, {"against normal equations", test_random}, {"alone", test_alone},
             {"limits", test_limits})
