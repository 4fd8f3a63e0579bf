/* test_stat_moments.c - one-pass moments and exact sums against slow obvious versions, against
** exact answers, and against each other. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ext/stat/exact.h"
#include "ext/stat/moments.h"
#include "tests/unit/test_stat_support.h"

enum { N = 500 };

/* Two passes in long double. */
static double slow_power(const double *x, size_t n, int power) {
    long double mean = 0, sum = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[i];
    mean /= (long double)n;
    for (size_t i = 0; i < n; i++)
        sum += powl(x[i] - mean, power);
    return (double)sum;
}

static PythiaNumber real_number(double x) {
    return (PythiaNumber){0, 0, x};
}

static PythiaNumber integer_number(int64_t x) {
    return (PythiaNumber){1, x, 0};
}

static void test_slow(void) {
    StatRandom random = {1};
    double x[N];
    for (int round = 0; round < 20; round++) {
        size_t n = 2 + (size_t)(stat_uniform(&random) * (N - 2));
        for (size_t i = 0; i < n; i++)
            x[i] = exp(3 * stat_normal(&random)) - 5;
        PythiaMoments m = pythia_moments_of(x, n);
        CU_ASSERT(stat_near(m.m2, slow_power(x, n, 2), 1e-13));
        CU_ASSERT(stat_near(m.m4, slow_power(x, n, 4), 1e-12));
        CU_ASSERT(fabs(m.m3 - slow_power(x, n, 3)) <= 1e-12 * pow(m.m2, 1.5));
    }
}

static void test_merge(void) {
    StatRandom random = {2};
    double x[N];
    for (int round = 0; round < 50; round++) {
        double offset = round % 2 ? 1e9 : 0;
        for (size_t i = 0; i < N; i++)
            x[i] = offset + stat_normal(&random);
        size_t cut = (size_t)(stat_uniform(&random) * (N + 1));
        PythiaMoments all = pythia_moments_of(x, N), a = pythia_moments_of(x, cut);
        PythiaMoments b = pythia_moments_of(x + cut, N - cut);
        pythia_moments_merge(&a, &b);
        CU_ASSERT_EQUAL(a.n, N);
        CU_ASSERT(fabs(pythia_moments_mean(&a) - pythia_moments_mean(&all)) <=
                  offset * 1e-15 + 1e-14);
        CU_ASSERT(stat_near(a.m2, all.m2, 1e-13));
        CU_ASSERT(fabs(a.m3 - all.m3) <= 1e-12 * pow(all.m2, 1.5));
        CU_ASSERT(stat_near(a.m4, all.m4, 1e-12));
    }
}

/* Integers beyond 2^53 whose differences are all that matters. */
static void test_integers(void) {
    PythiaMoments m = {0}, a = {0}, b = {0};
    for (int i = 0; i < 10; i++) {
        int64_t x = INT64_C(1714521600008913126) + i;
        pythia_moments_add_integer(&m, x);
        pythia_moments_add_integer(i < 4 ? &a : &b, x);
    }
    CU_ASSERT(stat_near(pythia_moments_var_samp(&m), 55.0 / 6, 1e-14));
    pythia_moments_merge(&a, &b);
    CU_ASSERT(stat_near(pythia_moments_var_samp(&a), 55.0 / 6, 1e-14));
    PythiaMoments far = {0};
    pythia_moments_add_integer(&far, INT64_MIN);
    pythia_moments_add_integer(&far, INT64_MAX);
    CU_ASSERT(stat_near(pythia_moments_var_pop(&far), ldexp(1, 126), 1e-15));
    PythiaMoments mixed = {0};
    pythia_moments_add_integer(&mixed, (INT64_C(1) << 60) + 1);
    pythia_moments_add(&mixed, 0x1p60);
    CU_ASSERT_EQUAL(pythia_moments_var_pop(&mixed), 0.25);
}

static void test_edges(void) {
    PythiaMoments m = {0};
    CU_ASSERT(isnan(pythia_moments_mean(&m)) && isnan(pythia_moments_cov(&m)));
    pythia_moments_add(&m, 5);
    CU_ASSERT(isnan(pythia_moments_cov(&m)));
    CU_ASSERT_EQUAL(pythia_moments_cov_pop(&m), 0);
    double pair[] = {-1, 1}, equal[] = {7.25, 7.25, 7.25}, negative[] = {-2, -4};
    m = pythia_moments_of(pair, 2);
    CU_ASSERT(isnan(pythia_moments_cov(&m)));
    m = pythia_moments_of(equal, 3);
    CU_ASSERT_EQUAL(pythia_moments_cov(&m), 0);
    CU_ASSERT(isnan(pythia_moments_skewness(&m)));
    m = pythia_moments_of(negative, 2);
    CU_ASSERT(stat_near(pythia_moments_cov(&m), sqrt(2) / 3, 1e-15));
    double five[] = {1, 2, 3, 4, 10}; /* m2 = 50, m3 = 180, m4 = 1394 in whole numbers */
    m = pythia_moments_of(five, 5);
    CU_ASSERT(stat_near(m.m2, 50, 1e-15) && stat_near(m.m3, 180, 1e-14));
    CU_ASSERT(stat_near(m.m4, 1394, 1e-14));
}

/* Sums, after any values have come and gone in any order, are those of the values that are left. */
static void test_exact_window(void) {
    StatRandom random = {3};
    PythiaExactSums *window = calloc(1, sizeof *window), *fresh = calloc(1, sizeof *fresh);
    double x[N];
    CU_ASSERT_FATAL(window && fresh);
    for (size_t i = 0; i < N; i++) {
        x[i] = stat_normal(&random) * pow(10, floor(40 * stat_uniform(&random)) - 20);
        if (i % 50 == 7) x[i] = 1e300;
        if (i % 50 == 8) x[i] = 5e-324;
        pythia_exact_sums_add(window, real_number(x[i]), 1);
        if (i < 20) continue;
        pythia_exact_sums_add(window, real_number(x[i - 20]), -1);
        memset(fresh, 0, sizeof *fresh);
        for (size_t j = i - 19; j <= i; j++)
            pythia_exact_sums_add(fresh, real_number(x[j]), 1);
        CU_ASSERT_EQUAL(pythia_exact_sums_mean(window), pythia_exact_sums_mean(fresh));
        CU_ASSERT_EQUAL(pythia_exact_sums_var(window, 1), pythia_exact_sums_var(fresh, 1));
        CU_ASSERT_EQUAL(pythia_exact_sums_cov(window, 1), pythia_exact_sums_cov(fresh, 1));
    }
    free(window);
    free(fresh);
}

static void test_exact_outlier(void) {
    PythiaExactSums *sums = calloc(1, sizeof *sums);
    CU_ASSERT_FATAL(sums != NULL);
    for (int i = 1; i <= 3; i++)
        pythia_exact_sums_add(sums, real_number(i), 1);
    pythia_exact_sums_add(sums, real_number(1e15), 1);
    pythia_exact_sums_add(sums, integer_number(INT64_MIN), 1);
    pythia_exact_sums_add(sums, real_number(-1.7e308), 1);
    CU_ASSERT(pythia_exact_sums_var(sums, 1) > 1e300);
    pythia_exact_sums_add(sums, real_number(-1.7e308), -1);
    pythia_exact_sums_add(sums, integer_number(INT64_MIN), -1);
    pythia_exact_sums_add(sums, real_number(1e15), -1);
    CU_ASSERT_EQUAL(pythia_exact_sums_mean(sums), 2);
    CU_ASSERT_EQUAL(pythia_exact_sums_var(sums, 1), 1);
    CU_ASSERT_EQUAL(pythia_exact_sums_cov(sums, 1), 0.5);
    for (int i = 1; i <= 3; i++)
        pythia_exact_sums_add(sums, real_number(i), -1);
    CU_ASSERT(isnan(pythia_exact_sums_mean(sums)) && isnan(pythia_exact_sums_var(sums, 0)));
    free(sums);
}

/* Whole numbers small enough for the textbook formula to be exact in 64 bits. */
static void test_exact_pairs(void) {
    StatRandom random = {4};
    PythiaExactPairs *pairs = calloc(1, sizeof *pairs);
    CU_ASSERT_FATAL(pairs != NULL);
    for (int round = 0; round < 200; round++) {
        int64_t n = 2 + (int64_t)(stat_uniform(&random) * 50), sx = 0, sy = 0, sxy = 0, sxx = 0,
                syy = 0;
        double scale = ldexp(1, (int)(stat_uniform(&random) * 600) - 300);
        memset(pairs, 0, sizeof *pairs);
        for (int64_t i = 0; i < n; i++) {
            int64_t x = (int64_t)(stat_normal(&random) * 1000);
            int64_t y = (int64_t)(stat_normal(&random) * 1000) - x / 3;
            sx += x;
            sy += y;
            sxy += x * y;
            sxx += x * x;
            syy += y * y;
            PythiaNumber a = round % 2 ? integer_number(x) : real_number((double)x * scale);
            pythia_exact_pairs_add(pairs, a, integer_number(y), 1);
        }
        double cross = (double)(n * sxy - sx * sy), unit = round % 2 ? 1 : scale;
        double xx = (double)(n * sxx - sx * sx), yy = (double)(n * syy - sy * sy);
        CU_ASSERT(stat_near(pythia_exact_pairs_covar(pairs, 1) / unit,
                            cross / (double)(n * (n - 1)), 4e-16));
        CU_ASSERT(stat_near(pythia_exact_pairs_corr(pairs), cross / sqrt(xx * yy), 1e-15));
    }
    free(pairs);
}

static void test_comoments(void) {
    StatRandom random = {5};
    PythiaComoments all = {0}, a = {0}, b = {0};
    PythiaExactPairs *pairs = calloc(1, sizeof *pairs);
    double x[N], y[N];
    const double *columns[] = {x, y};
    double matrix[4];
    CU_ASSERT_FATAL(pairs != NULL);
    for (size_t i = 0; i < N; i++) {
        x[i] = 1e9 + stat_normal(&random);
        y[i] = 1e6 - 2 * (x[i] - 1e9) + stat_normal(&random);
        pythia_comoments_add(&all, x[i], y[i]);
        pythia_comoments_add(i < 123 ? &a : &b, x[i], y[i]);
        pythia_exact_pairs_add(pairs, real_number(x[i]), real_number(y[i]), 1);
    }
    pythia_comoments_merge(&a, &b);
    double right = pythia_exact_pairs_covar(pairs, 1);
    CU_ASSERT(stat_near(pythia_comoments_covar_samp(&all), right, 1e-13));
    CU_ASSERT(stat_near(pythia_comoments_covar_samp(&a), right, 1e-13));
    CU_ASSERT(stat_near(pythia_comoments_corr(&a), pythia_exact_pairs_corr(pairs), 1e-13));
    pythia_covariance_matrix(columns, 2, N, matrix);
    CU_ASSERT(stat_near(matrix[1], right, 1e-12) && matrix[1] == matrix[2]);
    PythiaMoments m = pythia_moments_of(y, N);
    CU_ASSERT(stat_near(matrix[3], pythia_moments_var_samp(&m), 1e-12));
    free(pairs);
}

/* Skewness and kurtosis may be 0 up to rounding, and are given only where n > 3. */
static void golden_compare(const char *name, const char *field, double value, double relative) {
    int known, shape = relative >= 1e-9;
    double right = stat_golden(name, field, &known);
    int near = stat_near(value, right, relative) || (shape && fabs(value - right) <= 1e-10);
    if (shape && !known) return;
    if (!near) printf("\n%s %s: %.17g, known %.17g", name, field, value, right);
    CU_ASSERT(near);
}

static void golden_case(const char *name) {
    StatTable table;
    char path[100];
    snprintf(path, sizeof path, "uni/%s.csv", name + strlen("cov|cov/"));
    CU_ASSERT_FATAL(stat_table_open(path, &table));
    PythiaExactSums *sums = calloc(1, sizeof *sums);
    PythiaMoments m = {0};
    CU_ASSERT_FATAL(sums != NULL);
    for (size_t i = 0; i < table.rows; i++) {
        int integer = !strpbrk(table.cell[i], ".eE");
        PythiaNumber x = {integer, integer ? strtoll(table.cell[i], NULL, 10) : 0,
                          strtod(table.cell[i], NULL)};
        pythia_exact_sums_add(sums, x, 1);
        if (integer)
            pythia_moments_add_integer(&m, x.integer);
        else
            pythia_moments_add(&m, x.real);
    }
    golden_compare(name, "mean", pythia_exact_sums_mean(sums), 2e-16);
    golden_compare(name, "var_samp", pythia_exact_sums_var(sums, 1), 4e-16);
    golden_compare(name, "cv_samp", pythia_exact_sums_cov(sums, 1), 4e-16);
    golden_compare(name, "cv_pop", pythia_exact_sums_cov(sums, 0), 4e-16);
    golden_compare(name, "mean", pythia_moments_mean(&m), 1e-14);
    golden_compare(name, "var_pop", pythia_moments_var_pop(&m), 1e-12);
    golden_compare(name, "cv_samp", pythia_moments_cov(&m), 1e-12);
    golden_compare(name, "skew_G1", pythia_moments_skewness(&m), 1e-9);
    golden_compare(name, "kurt_excess_G2", pythia_moments_kurtosis(&m), 1e-9);
    golden_compare(name, "bimodality_coef_sas", pythia_moments_bimodality(&m), 1e-9);
    free(sums);
    stat_table_close(&table);
}

static void test_golden(void) {
    const char *name;
    if (!stat_golden_open()) return;
    for (size_t i = 0; (name = stat_golden_case("cov|", i)) != NULL; i++)
        golden_case(name);
}

PYTHIA_SUITE(stat_moments, {"moments equal two passes", test_slow},
             {"merge equals one pass", test_merge}, {"integers beyond 2^53", test_integers},
             {"edges", test_edges}, {"a window equals its rows", test_exact_window},
             {"an outlier leaves nothing behind", test_exact_outlier},
             {"exact pairs", test_exact_pairs}, {"comoments", test_comoments},
             {"golden moments", test_golden})
