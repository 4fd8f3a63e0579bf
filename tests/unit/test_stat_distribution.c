/* test_stat_distribution.c - tail probabilities against closed forms, and corrections for multiple
** tests against their definitions. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ext/stat/adjust.h"
#include "ext/stat/distribution.h"
#include "tests/unit/test_stat_support.h"

/* P(F > f) = (1 + 2 f / df2)^(-df2 / 2) where df1 = 2. */
static void test_f_two(void) {
    for (int i = 0; i < 17; i++)
        for (int j = 0; j < 20; j++) {
            double df2 = pow(2.7, i), f = 1e-6 * pow(3.1, j);
            double right = exp(-df2 / 2 * log1p(2 * f / df2));
            if (right < 1e-300) continue;
            double relative = 1e-13 + 4 * DBL_EPSILON * fabs(log(right));
            CU_ASSERT(stat_near(pythia_f_upper(f, 2, df2), right, relative));
        }
}

/* Two degrees of freedom, and one, of Student's t. */
static void test_t(void) {
    for (int i = 0; i < 295; i++) {
        double t = 1e-3 * pow(3.3, i);
        double relative = 1e-13 + 8 * DBL_EPSILON * fabs(log(t));
        CU_ASSERT(stat_near(pythia_t_two_sided(t, 1), 2 * atan(1 / t) / acos(-1), relative));
        double root = sqrt(2 + t * t); /* 1 - t / root, without cancellation */
        CU_ASSERT(stat_near(pythia_t_two_sided(-t, 2), 2 / root / (root + t), relative));
    }
    /* Many degrees of freedom: the normal distribution, up to terms of 1/df. */
    for (int i = 0; i < 14; i++) {
        double t = 0.1 * pow(1.5, i);
        CU_ASSERT(stat_near(pythia_t_two_sided(t, 1e13), pythia_normal_two_sided(t), 1e-7));
    }
}

static void test_chi2(void) {
    for (int i = 0; i < 35; i++) {
        double x = 1e-5 * pow(1.7, i);
        CU_ASSERT(stat_near(pythia_chi2_upper(x, 2), exp(-x / 2), 1e-12));
        CU_ASSERT(stat_near(pythia_chi2_upper(x, 4), exp(-x / 2) * (1 + x / 2), 1e-12));
        CU_ASSERT(stat_near(pythia_chi2_upper(x, 1), erfc(sqrt(x / 2)), 1e-11));
    }
    CU_ASSERT_EQUAL(pythia_chi2_upper(0, 3), 1);
}

/* I_x(a, b) with whole a and b is a binomial tail, summed here in long double. */
static void test_beta_binomial(void) {
    StatRandom random = {31};
    for (int round = 0; round < 500; round++) {
        int a = 1 + (int)(stat_uniform(&random) * 60), b = 1 + (int)(stat_uniform(&random) * 60);
        double x = stat_uniform(&random), y = 1 - x;
        long double sum = 0;
        for (int i = a; i < a + b; i++)
            sum += expl(lgammal(a + b) - lgammal(i + 1.0L) - lgammal((long double)(a + b - i)) +
                        i * logl(x) + (a + b - 1 - i) * logl(y));
        CU_ASSERT(stat_near(pythia_beta_lower(a, b, x, y), (double)sum, 1e-12));
        CU_ASSERT(fabs(pythia_beta_lower_log(a, b, x, y) - (double)logl(fmaxl(sum, LDBL_MIN))) <
                  1e-12);
        double other = pythia_beta_lower(b, a, y, x);
        CU_ASSERT(fabs(pythia_beta_lower(a, b, x, y) + other - 1) < 1e-13);
    }
}

static void test_deep(void) {
    CU_ASSERT(stat_near(pythia_beta_lower(150, 1, 1e-2, 0.99), 1e-300, 1e-11));
    CU_ASSERT(stat_near(pythia_beta_lower_log(5000, 1, 1e-2, 0.99), 5000 * log(1e-2), 1e-14));
    CU_ASSERT_EQUAL(pythia_f_upper(INFINITY, 3, 4), 0);
    CU_ASSERT_EQUAL(pythia_f_upper(0, 3, 4), 1);
    CU_ASSERT(isnan(pythia_f_upper(NAN, 3, 4)) && isnan(pythia_f_upper(1, 0, 4)));
    CU_ASSERT(isnan(pythia_r2_p(0.5, 0.5, 1, 0)));
    CU_ASSERT(stat_near(pythia_normal_two_sided(1.959963984540054), 0.05, 1e-14));
}

/* Hommel by its definition: reject the intersection of every set by Simes; the adjusted p of one
** hypothesis is the largest over all sets that hold it. */
static double hommel_slow(const double *p, int n, int of) {
    double most = 0;
    for (unsigned set = 1; set < 1u << n; set++) {
        double sorted[16], simes = 1;
        int m = 0;
        if (!(set >> of & 1)) continue;
        for (int i = 0; i < n; i++) {
            if (!(set >> i & 1)) continue;
            int at = m++;
            for (; at > 0 && sorted[at - 1] > p[i]; at--)
                sorted[at] = sorted[at - 1];
            sorted[at] = p[i];
        }
        for (int i = 0; i < m; i++)
            simes = fmin(simes, m * sorted[i] / (i + 1));
        most = fmax(most, simes);
    }
    return most;
}

/* Likewise for Holm with Bonferroni in place of Simes. */
static double holm_slow(const double *p, int n, int of) {
    double most = 0;
    for (unsigned set = 1; set < 1u << n; set++) {
        double least = 1;
        int m = 0;
        if (!(set >> of & 1)) continue;
        for (int i = 0; i < n; i++)
            if (set >> i & 1) {
                least = fmin(least, p[i]);
                m++;
            }
        most = fmax(most, fmin(1, m * least));
    }
    return most;
}

static void test_adjust_closed(void) {
    StatRandom random = {32};
    for (int round = 0; round < 200; round++) {
        int n = 1 + (int)(stat_uniform(&random) * 8);
        double p[8], hommel[8], holm[8];
        for (int i = 0; i < n; i++)
            p[i] = floor(pow(stat_uniform(&random), 2) * 50) / 50;
        CU_ASSERT_EQUAL(pythia_p_adjust(PYTHIA_ADJUST_HOMMEL, p, (size_t)n, hommel), SQLITE_OK);
        CU_ASSERT_EQUAL(pythia_p_adjust(PYTHIA_ADJUST_HOLM, p, (size_t)n, holm), SQLITE_OK);
        for (int i = 0; i < n; i++) {
            CU_ASSERT(stat_near(hommel[i], hommel_slow(p, n, i), 1e-12));
            CU_ASSERT(stat_near(holm[i], holm_slow(p, n, i), 1e-12));
        }
    }
}

static void test_adjust_null(void) {
    double p[] = {0.01, NAN, 0.04}, q[3];
    CU_ASSERT_EQUAL(pythia_p_adjust(PYTHIA_ADJUST_BH, p, 3, q), SQLITE_OK);
    CU_ASSERT(q[0] == 0.02 && isnan(q[1]) && q[2] == 0.04);
    CU_ASSERT_EQUAL(pythia_p_adjust(PYTHIA_ADJUST_HOMMEL, p, 0, q), SQLITE_OK);
    PythiaAdjust method;
    CU_ASSERT(pythia_adjust_named(PYTHIA_TEXT("fdr"), &method) && method == PYTHIA_ADJUST_BH);
    CU_ASSERT(pythia_adjust_named(PYTHIA_TEXT("Hommel"), &method));
    CU_ASSERT(!pythia_adjust_named(PYTHIA_TEXT("hom"), &method));
    CU_ASSERT(!pythia_adjust_named(PYTHIA_TEXT(""), &method));
}

static void test_adjust_golden(void) {
    static const char *const methods[] = {"bonferroni", "holm", "hochberg", "hommel", "BH", "BY"};
    const char *name;
    static double p[1000], q[1000];
    if (!stat_golden_open()) return;
    for (size_t i = 0; (name = stat_golden_case("padj|", i)) != NULL; i++) {
        char field[40];
        size_t n = 0;
        int known = 1;
        for (; n < 1000; n++) {
            snprintf(field, sizeof field, "p[%d]", (int)n);
            p[n] = stat_golden(name, field, &known);
            if (!known) break;
        }
        if (n == 0) p[n++] = stat_golden(name, "p", NULL);
        for (size_t m = 0; m < sizeof methods / sizeof methods[0]; m++) {
            PythiaAdjust method;
            CU_ASSERT(pythia_adjust_named(pythia_text(methods[m]), &method));
            CU_ASSERT_EQUAL(pythia_p_adjust(method, p, n, q), SQLITE_OK);
            for (size_t k = 0; k < n; k++) {
                snprintf(field, sizeof field, "%s[%d]", methods[m], (int)k);
                double right = stat_golden(name, field, &known);
                if (!known) right = stat_golden(name, methods[m], &known);
                CU_ASSERT(known);
                if (!stat_near(q[k], right, 1e-12)) printf("\n%s %s: %.17g", name, field, q[k]);
                CU_ASSERT(stat_near(q[k], right, 1e-12));
            }
        }
    }
}

PYTHIA_SUITE(stat_distribution, {"F with two degrees of freedom", test_f_two}, {"t", test_t},
             {"chi squared", test_chi2}, {"beta as binomial tail", test_beta_binomial},
             {"far tails", test_deep}, {"Holm and Hommel by definition", test_adjust_closed},
             {"adjusting with NULL", test_adjust_null}, {"golden p_adjust", test_adjust_golden})
