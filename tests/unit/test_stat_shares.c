/* test_stat_shares.c - categories of two samples: Fisher's test against its definition, chi^2 against published
** tables, and the quick form of Kolmogorov-Smirnov against the exact one. */
#include "ext/stat/shares.h"

#include <math.h>
#include <stdlib.h>

#include "ext/stat/distribution.h"
#include "ext/stat/order.h"
#include "tests/unit/test.h"

static double choose(double n, double k) {
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

/* The sum over all tables with these margins that are not more likely. */
static double slow_fisher(uint64_t a0, uint64_t a1, uint64_t b0, uint64_t b1) {
    double row = (double)(a0 + a1), column = (double)(a0 + b0), n = row + (double)(b0 + b1),
           sum = 0;
    double seen = choose(column, (double)a0) + choose(n - column, row - (double)a0);
    const double low = fmax(0, row + column - n);
    const int tables = (int)(fmin(row, column) - low) + 1;
    for (int i = 0; i < tables; i++) {
        const double x = low + i;
        double weight = choose(column, x) + choose(n - column, row - x);
        if (weight <= seen + 1e-7) sum += exp(weight - choose(n, row));
    }
    return fmin(sum, 1);
}

static void test_fisher(void) {
    for (uint64_t a0 = 0; a0 <= 9; a0++)
        for (uint64_t a1 = 0; a1 <= 9; a1++)
            for (uint64_t b0 = 0; b0 <= 9; b0++)
                for (uint64_t b1 = 0; b1 <= 9; b1++) {
                    const uint64_t a[2] = {a0, a1}, b[2] = {b0, b1};
                    PythiaTwoSample t = pythia_shares(a, b, 2);
                    if (!(a0 + a1) || !(b0 + b1)) {
                        CU_ASSERT(isnan(t.p) && isnan(t.statistic));
                        continue;
                    }
                    CU_ASSERT_DOUBLE_EQUAL(t.p, slow_fisher(a0, a1, b0, b1), 1e-9);
                    CU_ASSERT(t.statistic >= 0 && t.statistic <= 1);
                    /* Neither the order of the samples nor that of the levels matters. */
                    const uint64_t c[2] = {a1, a0}, d[2] = {b1, b0};
                    CU_ASSERT_DOUBLE_EQUAL(pythia_shares(b, a, 2).p, t.p, 1e-12);
                    CU_ASSERT_DOUBLE_EQUAL(pythia_shares(c, d, 2).p, t.p, 1e-12);
                }
    /* R: fisher.test(matrix(c(3, 1, 1, 3), 2)), of the lady who tasted tea; and one far out */
    const uint64_t lady[2][2] = {{3, 1}, {1, 3}}, far[2][2] = {{500, 20}, {20, 500}};
    CU_ASSERT_DOUBLE_EQUAL(pythia_shares(lady[0], lady[1], 2).p, 0.485714285714286, 1e-12);
    CU_ASSERT(pythia_shares(far[0], far[1], 2).p < 1e-200);
}

static void test_chi2(void) {
    /* R: chisq.test(rbind(c(762, 327, 468), c(484, 239, 477))), Agresti (2007), p. 39 */
    const uint64_t a[4] = {762, 327, 0, 468}, b[4] = {484, 239, 0, 477};
    PythiaTwoSample t = pythia_shares(a, b, 4);
    CU_ASSERT_DOUBLE_EQUAL(t.p / 2.95358918321e-07, 1, 1e-9);
    double n = 2757, chi2 = 30.0701490957547;
    CU_ASSERT_DOUBLE_EQUAL(t.statistic, sqrt((chi2 / n - 2 / (n - 1)) / (1 - 1 / (n - 1))), 1e-9);
    const uint64_t whole[2] = {30, 0}, other[2] = {0, 50}, one[1] = {4};
    CU_ASSERT_DOUBLE_EQUAL(pythia_shares(whole, other, 2).statistic, 1, 1e-12);
    CU_ASSERT_EQUAL(pythia_shares(one, one, 1).p, 1);
    CU_ASSERT_EQUAL(pythia_shares(whole, whole, 2).statistic, 0);
}

static void test_ks_quick(void) {
    enum { MOST = 1500 };
    static double a[MOST], b[MOST];
    srand(7);
    for (int k = 0; k < 30; k++) {
        size_t n_a = 50 + (size_t)rand() % (MOST - 50), n_b = 50 + (size_t)rand() % (MOST - 50);
        for (size_t i = 0; i < n_a; i++)
            a[i] = rand() % 1000;
        for (size_t i = 0; i < n_b; i++)
            b[i] = rand() % 1000 + k * 3;
        pythia_sort(a, n_a, NULL);
        pythia_sort(b, n_b, NULL);
        PythiaTwoSample exact, quick;
        CU_ASSERT_EQUAL(pythia_ks(a, n_a, b, n_b, &exact, NULL), SQLITE_OK);
        CU_ASSERT_EQUAL(pythia_ks_quick(a, n_a, b, n_b, &quick, NULL), SQLITE_OK);
        CU_ASSERT_DOUBLE_EQUAL(quick.statistic, exact.statistic, 1e-12);
        /* Never much smaller, and of the same order where it matters. */
        CU_ASSERT(quick.p >= exact.p * 0.99);
        if (exact.p < 0.05 && exact.p > 1e-12) CU_ASSERT(quick.p < exact.p * 3);
    }
    const double same[3] = {1, 2, 3};
    PythiaTwoSample t;
    CU_ASSERT_EQUAL(pythia_ks_quick(same, 3, same, 3, &t, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(t.statistic, 0);
    CU_ASSERT_EQUAL(t.p, 1);
}

PYTHIA_SUITE(stat_shares, {"Fisher's exact test", test_fisher}, {"chi^2", test_chi2},
             {"quick Kolmogorov-Smirnov", test_ks_quick})
