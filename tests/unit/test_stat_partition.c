/* test_stat_partition.c - optimal partitions against trying all of them, and what is found without a number. */
#include "ext/stat/partition.h"
#include "tests/unit/test.h"
#include "tests/unit/trace_util.h"

#include <math.h>
#include <stdlib.h>

static double squares(const double *y, size_t first, size_t end) {
    double mean = 0, sum = 0;
    for (size_t i = first; i < end; i++)
        mean += y[i] / (double)(end - first);
    for (size_t i = first; i < end; i++)
        sum += (y[i] - mean) * (y[i] - mean);
    return sum;
}

static double within(const double *y, const size_t *ends, int parts) {
    double sum = 0;
    for (int k = 0; k < parts; k++)
        sum += squares(y, k ? ends[k - 1] : 0, ends[k]);
    return sum;
}

/* The least sum over all ways to cut n values into parts between distinct x. */
static double least(const double *x, const double *y, size_t n, int parts) {
    double best = INFINITY;
    for (uint32_t cuts = 0; cuts < 1u << (n - 1); cuts++) {
        size_t ends[32];
        int k = 0, allowed = 1;
        for (size_t i = 1; i < n; i++)
            if (cuts >> (i - 1) & 1) {
                if (x[i] == x[i - 1] || k == 30) allowed = 0;
                ends[k++] = i;
            }
        ends[k++] = n;
        if (allowed && k == parts) best = fmin(best, within(y, ends, k));
    }
    return best;
}

static void test_optimal(void) {
    SampleRandom random = {5};
    for (int round = 0; round < 200; round++) {
        double x[12] = {0}, y[12];
        size_t n = 1 + sample_below(&random, 12), ends[PYTHIA_PARTS_MAX], distinct = 1;
        for (size_t i = 0; i < n; i++) {
            x[i] = i ? x[i - 1] + sample_below(&random, 3) : 7;
            y[i] = sample_below(&random, 10);
            distinct += i && x[i] != x[i - 1];
        }
        for (int parts = 1; parts <= 5; parts++) {
            int found;
            CU_ASSERT_EQUAL_FATAL(pythia_partition(x, y, n, parts, ends, &found, NULL), SQLITE_OK);
            CU_ASSERT_EQUAL_FATAL((size_t)found,
                                  (size_t)parts < distinct ? (size_t)parts : distinct);
            CU_ASSERT_EQUAL(ends[found - 1], n);
            for (int k = 0; k + 1 < found; k++)
                CU_ASSERT(ends[k] > (k ? ends[k - 1] : 0) && x[ends[k]] != x[ends[k] - 1]);
            CU_ASSERT(fabs(within(y, ends, found) - least(x, y, n, found)) < 1e-9);
        }
    }
}

/* y = step(x) + noise: the steps are found, and only they. */
static void test_found(void) {
    enum { N = 600 };
    static double x[N], y[N];
    SampleRandom random = {17};
    size_t ends[PYTHIA_PARTS_MAX];
    int found;
    for (size_t i = 0; i < N; i++) {
        const size_t tenth = i / 60;
        x[i] = (double)tenth;
        y[i] = (x[i] < 3 ? 10 : x[i] < 8 ? 50 : 90) + sample_below(&random, 7);
    }
    CU_ASSERT_EQUAL_FATAL(pythia_partition(x, y, N, 0, ends, &found, NULL), SQLITE_OK);
    CU_ASSERT(found == 3 && ends[0] == 180 && ends[1] == 480);
    /* A straight line: about three parts, the zeros apart. */
    for (size_t i = 0; i < N; i++)
        y[i] = 100 * x[i] + sample_below(&random, 50);
    CU_ASSERT_EQUAL_FATAL(pythia_partition(x, y, N, 0, ends, &found, NULL), SQLITE_OK);
    CU_ASSERT(found == 3);
    for (size_t i = 0; i < N; i++) /* mostly zeros, as with a queue */
        x[i] = i < 400 ? 0 : i < 500 ? 1 + (double)(i / 25 % 4) : 5 + (double)(i / 20 % 5);
    for (size_t i = 1; i < N; i++)
        for (size_t k = i; k && x[k] < x[k - 1]; k--) {
            double swap = x[k];
            x[k] = x[k - 1];
            x[k - 1] = swap;
        }
    for (size_t i = 0; i < N; i++)
        y[i] = 20 * x[i] + sample_below(&random, 30);
    CU_ASSERT_EQUAL_FATAL(pythia_partition(x, y, N, 0, ends, &found, NULL), SQLITE_OK);
    CU_ASSERT(found == 3 && ends[0] == 400);
}

/* What has no cause is not cut: one part in nearly all of many tries. */
static void test_nothing(void) {
    enum { N = 40, ROUNDS = 300 };
    double x[N], y[N];
    SampleRandom random = {23};
    int cut = 0;
    for (int round = 0; round < ROUNDS; round++) {
        size_t ends[PYTHIA_PARTS_MAX];
        int found;
        for (size_t i = 0; i < N; i++) {
            x[i] = (double)i;
            y[i] = 0;
            for (int k = 0; k < 4; k++) /* about normal */
                y[i] += sample_below(&random, 1000);
        }
        CU_ASSERT_EQUAL_FATAL(pythia_partition(x, y, N, 0, ends, &found, NULL), SQLITE_OK);
        cut += found > 1;
    }
    CU_ASSERT(cut < ROUNDS / 8);
    for (size_t i = 0; i < N; i++)
        y[i] = 3;
    size_t ends[PYTHIA_PARTS_MAX];
    int found;
    CU_ASSERT_EQUAL(pythia_partition(x, y, N, 0, ends, &found, NULL), SQLITE_OK);
    CU_ASSERT(found == 1 && ends[0] == N);
}

/* More distinct values than cells. */
static void test_many(void) {
    enum { N = 20000 };
    double *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y);
    size_t ends[PYTHIA_PARTS_MAX];
    int found;
    CU_ASSERT_FATAL(x && y);
    for (size_t i = 0; i < N; i++) {
        x[i] = (double)i / 3;
        y[i] = (i < 15000 ? 1 : 5) + (double)(i * 7919 % 1000) / 1000;
    }
    CU_ASSERT_EQUAL(pythia_partition(x, y, N, 0, ends, &found, NULL), SQLITE_OK);
    CU_ASSERT(found == 2 && ends[0] > 14900 && ends[0] < 15100 && ends[1] == N);
    CU_ASSERT_EQUAL(pythia_partition(x, y, N, 21, ends, &found, NULL), SQLITE_RANGE);
    CU_ASSERT_EQUAL(pythia_partition(x, y, 0, 1, ends, &found, NULL), SQLITE_RANGE);
    free(x);
    free(y);
}

PYTHIA_SUITE(stat_partition, {"the best of all partitions", test_optimal},
             {"as many parts as there are", test_found}, {"no cause, one part", test_nothing},
             {"many values", test_many})
