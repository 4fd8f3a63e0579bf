/* test_stat_quantile.c - sorting and selection against qsort, quantiles against their
** definitions. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ext/stat/order.h"
#include "ext/stat/quantile.h"
#include "tests/unit/test_stat_support.h"

enum { N = 3000 };

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Orders that quicksorts stumble over, and random ones. */
static void fill(double *x, size_t n, int kind, StatRandom *random) {
    for (size_t i = 0; i < n; i++) {
        double at = (double)i;
        switch (kind) {
        case 0:
            x[i] = stat_normal(random);
            break;
        case 1:
            x[i] = at;
            break;
        case 2:
            x[i] = -at;
            break;
        case 3:
            x[i] = 7;
            break;
        case 4:
            x[i] = floor(3 * stat_uniform(random));
            break;
        case 5: /* organ pipe */
            x[i] = i < n / 2 ? at : (double)(n - i);
            break;
        default: /* sawtooth */
            x[i] = (double)(i % 17);
        }
    }
}

static void test_sort(void) {
    StatRandom random = {11};
    static double x[N], y[N];
    for (int round = 0; round < 140; round++) {
        size_t n = round < 70 ? (size_t)round : 70 + (size_t)(stat_uniform(&random) * (N - 70));
        fill(x, n, round % 7, &random);
        memcpy(y, x, n * sizeof *x);
        CU_ASSERT_EQUAL(pythia_sort(x, n, NULL), SQLITE_OK);
        qsort(y, n, sizeof *y, ascending);
        CU_ASSERT(stat_same(x, y, n));
    }
}

/* The pattern of McIlroy's adversary (1999): it answers comparisons so that pivots are always bad.
** Here its known effect is enough: a median-of-three killer sequence. */
static void test_killer(void) {
    static double x[N], y[N];
    size_t half = N / 2;
    for (size_t i = 0; i < half; i++) {
        x[i] = i % 2 ? (double)(half + i) : (double)(i + 1);
        x[half + i] = (double)(2 * (i + 1));
    }
    memcpy(y, x, sizeof x);
    CU_ASSERT_EQUAL(pythia_sort(x, N, NULL), SQLITE_OK);
    qsort(y, N, sizeof *y, ascending);
    CU_ASSERT(stat_same(x, y, N));
}

static void test_select(void) {
    StatRandom random = {12};
    static double x[N], y[N];
    for (int round = 0; round < 140; round++) {
        size_t n = 1 + (size_t)(stat_uniform(&random) * (N - 1));
        size_t k = (size_t)(stat_uniform(&random) * (double)n);
        fill(x, n, round % 7, &random);
        memcpy(y, x, n * sizeof *x);
        CU_ASSERT_EQUAL(pythia_select(x, n, k, NULL), SQLITE_OK);
        qsort(y, n, sizeof *y, ascending);
        CU_ASSERT_EQUAL(x[k], y[k]);
        int parted = 1;
        for (size_t i = 0; i < n; i++)
            parted &= i < k ? x[i] <= x[k] : x[i] >= x[k];
        CU_ASSERT(parted);
    }
}

static void test_ranks(void) {
    double x[] = {3, 1, 3, 2, 3}, ranks[5], right[] = {4, 1, 4, 2, 4};
    CU_ASSERT_EQUAL(pythia_ranks(x, 5, ranks, NULL), SQLITE_OK);
    CU_ASSERT(stat_same(ranks, right, 5));
}

/* Quantiles in place equal those of sorted values; all types lie within the range, do not fall with
** p, and shift and scale with the values. */
static void test_types(void) {
    StatRandom random = {13};
    static double x[N], work[N];
    for (int round = 0; round < 60; round++) {
        size_t n = 1 + (size_t)(stat_uniform(&random) * 60);
        fill(x, n, round % 7, &random);
        pythia_sort(x, n, NULL);
        for (int type = 1; type <= 9; type++) {
            double last = -INFINITY;
            for (int i = 0; i <= 20; i++) {
                double p = i / 20.0, value = pythia_quantile_sorted(x, n, p, type), placed;
                memcpy(work, x, n * sizeof *x);
                for (size_t j = n; j-- > 1;) { /* shuffled */
                    size_t k = (size_t)(stat_uniform(&random) * (double)(j + 1));
                    double swap = work[j];
                    work[j] = work[k];
                    work[k] = swap;
                }
                CU_ASSERT_EQUAL(pythia_quantile(work, n, p, type, &placed, NULL), SQLITE_OK);
                CU_ASSERT_EQUAL(value, placed);
                CU_ASSERT(value >= last && value >= x[0] && value <= x[n - 1]);
                last = value;
            }
        }
    }
}

/* p = k/n must meet the k-th value for type 1 although k/n is not a binary fraction. */
static void test_fuzz(void) {
    double x[49];
    for (int n = 1; n <= 49; n++) {
        for (int i = 0; i < n; i++)
            x[i] = i + 1;
        for (int k = 1; k <= n; k++) {
            CU_ASSERT_EQUAL(pythia_quantile_sorted(x, (size_t)n, (double)k / n, 1), k);
            double middle = k < n ? k + 0.5 : k;
            CU_ASSERT_EQUAL(pythia_quantile_sorted(x, (size_t)n, (double)k / n, 2), middle);
        }
    }
}

static void test_robust(void) {
    double x[] = {1, 1, 2, 2, 4, 6, 9}, y[7], value;
    memcpy(y, x, sizeof x);
    CU_ASSERT_EQUAL(pythia_mad(y, 7, &value, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(value, 1);
    memcpy(y, x, sizeof x);
    CU_ASSERT_EQUAL(pythia_iqr(y, 7, &value, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(value, 3.5);
    memcpy(y, x, sizeof x);
    CU_ASSERT_EQUAL(pythia_robust_cov(y, 7, &value, NULL), SQLITE_OK);
    CU_ASSERT(stat_near(value, 0.7413, 1e-15));
    CU_ASSERT_EQUAL(pythia_median(y, 0, &value, NULL), SQLITE_OK);
    CU_ASSERT(isnan(value));
    CU_ASSERT_EQUAL(pythia_quantile(y, 7, 1.5, 7, &value, NULL), SQLITE_RANGE);
    CU_ASSERT_EQUAL(pythia_quantile(y, 7, 0.5, 0, &value, NULL), SQLITE_RANGE);
    double far[] = {-1.7e308, 1.7e308};
    CU_ASSERT_EQUAL(pythia_median(far, 2, &value, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(value, 0);
}

static void golden_case(const char *name) {
    StatTable table;
    char path[100], field[32];
    snprintf(path, sizeof path, "uni/%s.csv", name + strlen("percentiles|pct/"));
    CU_ASSERT_FATAL(stat_table_open(path, &table));
    double *x = stat_table_column(&table, "x"), value;
    size_t n = table.rows;
    CU_ASSERT_PTR_NOT_NULL_FATAL(x);
    for (int type = 1; type <= 9; type++)
        for (int i = 0; i < 13; i++) {
            snprintf(field, sizeof field, "probs[%d]", i);
            double p = stat_golden(name, field, NULL);
            snprintf(field, sizeof field, "type%d[%d]", type, i);
            double right = stat_golden(name, field, NULL);
            CU_ASSERT_EQUAL(pythia_quantile(x, n, p, type, &value, NULL), SQLITE_OK);
            /* Interpolation near zero cancels: the spread of the values sets the scale. */
            double scale = type <= 3 ? 0 : 1e-14 * fmax(fabs(x[0]), fabs(x[n - 1]));
            int near =
                stat_near(value, right, type <= 3 ? 0 : 1e-14) || fabs(value - right) <= scale;
            if (!near) printf("\n%s %s: %.17g, known %.17g", name, field, value, right);
            CU_ASSERT(near);
        }
    CU_ASSERT_EQUAL(pythia_iqr(x, n, &value, NULL), SQLITE_OK);
    CU_ASSERT(stat_near(value, stat_golden(name, "iqr7", NULL), 1e-9));
    CU_ASSERT_EQUAL(pythia_mad(x, n, &value, NULL), SQLITE_OK);
    CU_ASSERT(stat_near(value, stat_golden(name, "mad_raw", NULL), 1e-12));
    free(x);
    stat_table_close(&table);
}

static void test_golden(void) {
    const char *name;
    if (!stat_golden_open()) return;
    for (size_t i = 0; (name = stat_golden_case("percentiles|", i)) != NULL; i++)
        golden_case(name);
}

PYTHIA_SUITE(stat_quantile, {"sort equals qsort", test_sort}, {"a hostile order", test_killer},
             {"select", test_select}, {"ranks", test_ranks}, {"nine types", test_types},
             {"p = k/n", test_fuzz}, {"robust measures", test_robust},
             {"golden quantiles", test_golden})
