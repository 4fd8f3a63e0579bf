/* test_stat_twosample.c - two samples against counting all their orders, and against known
** answers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ext/stat/order.h"
#include "ext/stat/twosample.h"
#include "tests/unit/test_stat_support.h"

static double slow_d(const double *a, size_t n_a, const double *b, size_t n_b) {
    double most = 0;
    for (size_t k = 0; k < n_a + n_b; k++) {
        double at = k < n_a ? a[k] : b[k - n_a], f = 0, g = 0;
        for (size_t i = 0; i < n_a; i++)
            f += a[i] <= at;
        for (size_t j = 0; j < n_b; j++)
            g += b[j] <= at;
        most = fmax(most, fabs(f * (double)n_b - g * (double)n_a));
    }
    return most / (double)(n_a * n_b);
}

static double slow_u(const double *a, size_t n_a, const double *b, size_t n_b) {
    double u = 0;
    for (size_t i = 0; i < n_a; i++)
        for (size_t j = 0; j < n_b; j++)
            u += a[i] > b[j] ? 1 : a[i] == b[j] ? 0.5 : 0;
    return u;
}

/* The share of all ways to divide the pooled values in which the statistic is at least as far
** off. */
static void slow_p(const double *pool, size_t n_a, size_t n_b, double *ks_p, double *mw_p) {
    double d = slow_d(pool, n_a, pool + n_a, n_b), u = slow_u(pool, n_a, pool + n_a, n_b);
    double half = (double)(n_a * n_b) / 2, all = 0, ks = 0, mw = 0;
    for (unsigned set = 0; set < 1u << (n_a + n_b); set++) {
        double a[16], b[16];
        size_t i = 0, j = 0;
        if ((size_t)__builtin_popcount(set) != n_a) continue;
        for (size_t k = 0; k < n_a + n_b; k++) {
            if (set >> k & 1)
                a[i++] = pool[k];
            else
                b[j++] = pool[k];
        }
        all++;
        ks += slow_d(a, n_a, b, n_b) > d - 1e-9;
        mw += fabs(slow_u(a, n_a, b, n_b) - half) > fabs(u - half) - 1e-9;
    }
    *ks_p = ks / all;
    *mw_p = mw / all;
}

static void test_slow(void) {
    StatRandom random = {51};
    for (int round = 0; round < 60; round++) {
        size_t n_a = 1 + (size_t)(stat_uniform(&random) * 5);
        size_t n_b = 1 + (size_t)(stat_uniform(&random) * 6);
        int ties = round % 2;
        double pool[16], ks_p, mw_p;
        for (size_t i = 0; i < n_a + n_b; i++) {
            double x = stat_normal(&random) + (i < n_a);
            pool[i] = ties ? floor(2 * x) : x;
        }
        slow_p(pool, n_a, n_b, &ks_p, &mw_p);
        double d = slow_d(pool, n_a, pool + n_a, n_b), u = slow_u(pool, n_a, pool + n_a, n_b);
        PythiaTwoSample ks, mw;
        pythia_sort(pool, n_a, NULL);
        pythia_sort(pool + n_a, n_b, NULL);
        CU_ASSERT_EQUAL(pythia_ks(pool, n_a, pool + n_a, n_b, &ks, NULL), SQLITE_OK);
        CU_ASSERT_EQUAL(pythia_mann_whitney(pool, n_a, pool + n_a, n_b, &mw, NULL), SQLITE_OK);
        CU_ASSERT(stat_near(ks.statistic, d, 1e-14) && stat_near(mw.statistic, u, 1e-14));
        CU_ASSERT(stat_near(ks.p, ks_p, 1e-12));
        if (!ties) CU_ASSERT(stat_near(mw.p, mw_p, 1e-12));
        double delta = pythia_cliffs_delta(pool, n_a, pool + n_a, n_b);
        CU_ASSERT(stat_near(delta, 2 * u / (double)(n_a * n_b) - 1, 1e-12) || fabs(delta) < 1e-12);
    }
}

static void test_edges(void) {
    double a[] = {1, 2, 3}, b[] = {11, 12, 13}, same[] = {4, 4, 4};
    PythiaTwoSample two;
    CU_ASSERT_EQUAL(pythia_ks(a, 3, b, 0, &two, NULL), SQLITE_OK);
    CU_ASSERT(isnan(two.statistic) && isnan(two.p));
    CU_ASSERT_EQUAL(pythia_ks(a, 3, a, 3, &two, NULL), SQLITE_OK);
    CU_ASSERT(two.statistic == 0 && two.p == 1);
    CU_ASSERT_EQUAL(pythia_mann_whitney(same, 3, same, 3, &two, NULL), SQLITE_OK);
    CU_ASSERT(two.statistic == 4.5 && isnan(two.p));
    CU_ASSERT_EQUAL(pythia_wasserstein(a, 3, b, 3), 10);
    CU_ASSERT_EQUAL(pythia_wasserstein(b, 3, a, 3), 10);
    CU_ASSERT_EQUAL(pythia_wasserstein(a, 3, a, 3), 0);
    CU_ASSERT_EQUAL(pythia_cliffs_delta(a, 3, b, 3), -1);
    CU_ASSERT(isnan(pythia_wasserstein(a, 0, b, 3)));
}

/* Splits a table with columns grp (a, b) and x into two sorted samples; n[side] values each. */
static double *golden_sides(const char *file, size_t n[2]) {
    StatTable table;
    char path[80];
    snprintf(path, sizeof path, "multi/%s.csv", file);
    CU_ASSERT_FATAL(stat_table_open(path, &table));
    double *all = stat_table_column(&table, "x"), *x = malloc((table.rows + 1) * sizeof *x);
    size_t j = stat_table_find(&table, "grp"), k = 0;
    CU_ASSERT_FATAL(all && x && j < table.columns);
    for (int side = 0; side < 2; side++) {
        size_t from = k;
        for (size_t i = 0; i < table.rows; i++)
            if (table.cell[i * table.columns + j][0] == "ab"[side]) x[k++] = all[i];
        n[side] = k - from;
        pythia_sort(x + from, n[side], NULL);
    }
    free(all);
    stat_table_close(&table);
    return x;
}

static void test_golden(void) {
    static const char *const files[] = {"two_small", "two_small_ties", "two_disjoint",
                                        "two_mid",   "two_same",       "two_var",
                                        "two_lat",   "two_big_ties"};
    if (!stat_golden_open()) return;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char py[64], r[64];
        size_t n[2];
        int known;
        double *x = golden_sides(files[i], n);
        snprintf(py, sizeof py, "twosample_py|two/%s", files[i]);
        snprintf(r, sizeof r, "twosample_r|two/%s", files[i]);
        PythiaTwoSample ks, mw;
        CU_ASSERT_EQUAL(pythia_ks(x, n[0], x + n[0], n[1], &ks, NULL), SQLITE_OK);
        CU_ASSERT_EQUAL(pythia_mann_whitney(x, n[0], x + n[0], n[1], &mw, NULL), SQLITE_OK);
        CU_ASSERT(stat_near(ks.statistic, stat_golden(py, "ks_D", NULL), 1e-12));
        double p = stat_golden(py, "ks_p_exact_conditional_on_ties", &known);
        if (!known) p = stat_golden(py, "ks_p_stephens_NR", NULL);
        if (!stat_near(ks.p, p, 1e-9)) printf("\n%s ks_p %.17g %.17g", files[i], ks.p, p);
        CU_ASSERT(stat_near(ks.p, p, 1e-9));
        CU_ASSERT_EQUAL(mw.statistic, stat_golden(py, "mw_U_a", NULL));
        p = stat_golden(r, "mw_p_exact", &known);
        if (!known) p = stat_golden(r, "mw_p_cc", NULL);
        if (!stat_near(mw.p, p, 1e-9)) printf("\n%s mw_p %.17g %.17g", files[i], mw.p, p);
        CU_ASSERT(stat_near(mw.p, p, 1e-9));
        CU_ASSERT(stat_near(pythia_wasserstein(x, n[0], x + n[0], n[1]),
                            stat_golden(py, "wasserstein1", NULL), 1e-10));
        CU_ASSERT(stat_near(pythia_cliffs_delta(x, n[0], x + n[0], n[1]),
                            stat_golden(r, "cliffs_delta_a_minus_b", NULL), 1e-10));
        free(x);
    }
}

PYTHIA_SUITE(stat_twosample, {"all orders counted", test_slow}, {"edges", test_edges},
             {"golden two samples", test_golden})
