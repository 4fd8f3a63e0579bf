/* test_stat_interval.c - the lower end of a standard deviation: known values, and how often it is right. */
#include "ext/stat/interval.h"
#include "ext/stat/order.h"
#include "tests/unit/test.h"
#include "tests/unit/trace_util.h"

#include <math.h>
#include <stdlib.h>

static void test_z(void) {
    CU_ASSERT(pythia_normal_z(0.5) == 0);
    CU_ASSERT(fabs(pythia_normal_z(0.95) - 1.6448536269514722) < 1e-12);
    CU_ASSERT(fabs(pythia_normal_z(0.975) - 1.959963984540054) < 1e-12);
    CU_ASSERT(fabs(pythia_normal_z(0.999999) - 4.753424308822899) < 1e-9);
    CU_ASSERT(isnan(pythia_normal_z(0.4)) && isnan(pythia_normal_z(1)) &&
              isnan(pythia_normal_z(NAN)));
}

/* Bonett's formula written down once more, for values whose trimmed mean is plain to see. */
static void test_known(void) {
    /* n = 8: trimmed by 1 / (2 sqrt(4)) = 1/4 on either side: mean of 4, 5, 5, 6 is 5. */
    const double x[8] = {1, 2, 4, 5, 5, 6, 8, 17};
    double mean = 6, ss = 0, fourth = 0, z = 1.6448536269514722, c = 8 / (8 - z);
    for (int i = 0; i < 8; i++) {
        ss += (x[i] - mean) * (x[i] - mean);
        fourth += pow(x[i] - 5, 4);
    }
    double kurtosis = 8 * fourth / (ss * ss), error = z * c * sqrt((kurtosis - 5.0 / 8) / 7);
    double want = sqrt(exp(log(c) - error));
    CU_ASSERT(fabs(pythia_stddev_lower(x, 8, z) - want) < 1e-12);
    CU_ASSERT(pythia_stddev_lower(x, 8, 0) == 1);
    CU_ASSERT(pythia_stddev_lower(x, 4, z) == 0);
    CU_ASSERT(pythia_stddev_lower(x, 0, z) == 0);
    const double equal[6] = {3, 3, 3, 3, 3, 3};
    CU_ASSERT(pythia_stddev_lower(equal, 6, z) == 1);
    const double scaled[8] = {1e150, 2e150, 4e150, 5e150, 5e150, 6e150, 8e150, 17e150};
    CU_ASSERT(fabs(pythia_stddev_lower(scaled, 8, z) - want) < 1e-12);
}

static double exponential(SampleRandom *random) {
    return -log((1.0 + sample_below(random, 1u << 30)) / ((1u << 30) + 1.0));
}

/* The true deviation lies below the bound in about 5 of 100 samples, also of skewed values. */
static void test_coverage(void) {
    enum { N = 60, ROUNDS = 2000 };
    SampleRandom random = {9};
    double x[N], z = pythia_normal_z(0.95);
    int above_skewed = 0, above_flat = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double mean = 0, ss = 0;
        for (int i = 0; i < N; i++)
            x[i] = exponential(&random);
        CU_ASSERT_EQUAL_FATAL(pythia_sort(x, N, NULL), SQLITE_OK);
        for (int i = 0; i < N; i++)
            mean += x[i] / N;
        for (int i = 0; i < N; i++)
            ss += (x[i] - mean) * (x[i] - mean);
        above_skewed += sqrt(ss / (N - 1)) * pythia_stddev_lower(x, N, z) > 1;
        for (int i = 0; i < N; i++)
            x[i] = sample_below(&random, 1u << 30) / (double)(1u << 30);
        CU_ASSERT_EQUAL_FATAL(pythia_sort(x, N, NULL), SQLITE_OK);
        mean = ss = 0;
        for (int i = 0; i < N; i++)
            mean += x[i] / N;
        for (int i = 0; i < N; i++)
            ss += (x[i] - mean) * (x[i] - mean);
        above_flat += sqrt(ss / (N - 1)) * pythia_stddev_lower(x, N, z) > sqrt(1.0 / 12);
    }
    CU_ASSERT(above_skewed < ROUNDS / 10);
    CU_ASSERT(above_flat > ROUNDS / 50 && above_flat < ROUNDS / 10);
}

PYTHIA_SUITE(stat_interval, {"z", test_z}, {"known values", test_known},
             {"how often it is right", test_coverage})
