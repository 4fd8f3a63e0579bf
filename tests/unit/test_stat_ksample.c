/* test_stat_ksample.c - several samples, contingency tables and levels against plain definitions. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ext/stat/cca_permute.h"
#include "ext/stat/contingency.h"
#include "ext/stat/data.h"
#include "ext/stat/ksample.h"
#include "ext/stat/relation.h"
#include "ext/stat/twosample.h"
#include "tests/unit/test_stat_support.h"

static int double_compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Brown-Forsythe by its definition. */
static double slow_brown_forsythe(const double *x, const uint32_t *sample, size_t n, uint32_t k) {
    double z[64] = {0}, mean[8] = {0}, count[8] = {0}, all = 0, between = 0, within = 0, used = 0;
    for (uint32_t s = 0; s < k; s++) {
        double of[64];
        size_t m = 0;
        for (size_t i = 0; i < n; i++)
            if (sample[i] == s) of[m++] = x[i];
        if (m == 0) continue;
        qsort(of, m, sizeof *of, double_compare);
        double median = (of[(m - 1) / 2] + of[m / 2]) / 2;
        for (size_t i = 0; i < n; i++)
            if (sample[i] == s) z[i] = fabs(x[i] - median);
    }
    for (size_t i = 0; i < n; i++) {
        mean[sample[i]] += z[i];
        count[sample[i]]++;
        all += z[i] / (double)n;
    }
    for (uint32_t s = 0; s < k; s++) {
        if (count[s] == 0) continue;
        used++;
        mean[s] /= count[s];
        between += count[s] * (mean[s] - all) * (mean[s] - all);
    }
    for (size_t i = 0; i < n; i++)
        within += (z[i] - mean[sample[i]]) * (z[i] - mean[sample[i]]);
    return between / (used - 1) / (within / ((double)n - used));
}

/* Kruskal-Wallis as the analysis of variance of ranks: H = (n - 1) eta squared. */
static double slow_kruskal(const double *x, const uint32_t *sample, size_t n, uint32_t k) {
    double rank[64], mean[8] = {0}, count[8] = {0}, between = 0, total = 0;
    for (size_t i = 0; i < n; i++) {
        rank[i] = 0.5;
        for (size_t j = 0; j < n; j++)
            rank[i] += x[j] < x[i] ? 1 : x[j] == x[i] ? 0.5 : 0;
        mean[sample[i]] += rank[i];
        count[sample[i]]++;
    }
    double middle = ((double)n + 1) / 2;
    for (size_t i = 0; i < n; i++)
        total += (rank[i] - middle) * (rank[i] - middle);
    for (uint32_t s = 0; s < k; s++)
        if (count[s] > 0)
            between += count[s] * (mean[s] / count[s] - middle) * (mean[s] / count[s] - middle);
    return ((double)n - 1) * between / total;
}

static void test_slow(void) {
    StatRandom random = {7};
    for (int round = 0; round < 200; round++) {
        size_t n = 12 + (size_t)(stat_uniform(&random) * 40);
        double x[64];
        uint32_t sample[64], k = 2 + (uint32_t)(stat_uniform(&random) * 5);
        for (size_t i = 0; i < n; i++) {
            x[i] = floor(stat_uniform(&random) * (round % 2 ? 10 : 1e6)) + 1e6 * (round % 3);
            sample[i] = (uint32_t)(stat_uniform(&random) * k);
        }
        sample[0] = 0;
        sample[1] = 1;
        PythiaKSample got;
        CU_ASSERT_EQUAL(pythia_brown_forsythe(x, sample, n, k, &got, NULL), SQLITE_OK);
        double right = slow_brown_forsythe(x, sample, n, k);
        CU_ASSERT_DOUBLE_EQUAL(got.statistic, right, 1e-9 * (1 + right));
        CU_ASSERT_EQUAL(pythia_kruskal(x, sample, n, k, &got, NULL), SQLITE_OK);
        CU_ASSERT(stat_near(got.statistic, slow_kruskal(x, sample, n, k), 1e-11));
    }
    uint32_t wrong = 9;
    double one = 1;
    PythiaKSample got;
    CU_ASSERT_EQUAL(pythia_kruskal(&one, &wrong, 1, 3, &got, NULL), SQLITE_RANGE);
    CU_ASSERT_EQUAL(pythia_brown_forsythe(&one, &wrong, 1, 3, &got, NULL), SQLITE_RANGE);
    CU_ASSERT_EQUAL(pythia_kruskal(&one, &wrong, 0, 3, &got, NULL), SQLITE_OK);
    CU_ASSERT(isnan(got.statistic) && isnan(got.p));
}

/* The table laid out. */
static void test_contingency(void) {
    StatRandom random = {8};
    for (int round = 0; round < 100; round++) {
        enum { A = 5, B = 4, N = 80 };
        uint32_t a[N], b[N];
        double cell[A][B] = {{0}}, row[A] = {0}, column[B] = {0}, mi = 0, chi2 = 0;
        size_t n = 10 + (size_t)(stat_uniform(&random) * 70);
        for (size_t i = 0; i < n; i++) {
            a[i] = (uint32_t)(stat_uniform(&random) * A);
            b[i] = round % 2 ? a[i] % B : (uint32_t)(stat_uniform(&random) * B);
            cell[a[i]][b[i]]++;
            row[a[i]]++;
            column[b[i]]++;
        }
        for (int i = 0; i < A; i++)
            for (int j = 0; j < B; j++) {
                double expected = row[i] * column[j] / (double)n;
                if (cell[i][j] > 0) mi += cell[i][j] / (double)n * log(cell[i][j] / expected);
                if (expected > 0) chi2 += pow(cell[i][j] - expected, 2) / expected;
            }
        PythiaContingency got;
        CU_ASSERT_EQUAL(pythia_contingency(a, A, b, B, n, &got, NULL), SQLITE_OK);
        CU_ASSERT_DOUBLE_EQUAL(got.mutual_information, mi, 1e-13);
        CU_ASSERT_DOUBLE_EQUAL(got.chi2, chi2, 1e-10);
        CU_ASSERT_DOUBLE_EQUAL(got.g, 2 * (double)n * mi, 1e-10);
        CU_ASSERT(got.mutual_information <= got.entropy_a + 1e-12);
        CU_ASSERT(got.mutual_information <= got.entropy_b + 1e-12);
    }
    uint32_t class_of[6];
    const double x[6] = {5, 1, 1, 1, 9, 7};
    CU_ASSERT_EQUAL(pythia_quantile_classes(x, 6, 2, class_of, NULL), SQLITE_OK); /* cut at 3 */
    CU_ASSERT(class_of[0] == 1 && class_of[1] == 0 && class_of[2] == 0 && class_of[5] == 1);
}

static void data_row(PythiaData *data, const char *text, PythiaNumber number) {
    CU_ASSERT_EQUAL(pythia_data_room(data), SQLITE_OK);
    if (text) {
        CU_ASSERT_EQUAL(pythia_data_text(data, 0, pythia_text(text)), SQLITE_OK);
    } else {
        pythia_data_number(data, 0, number);
    }
    data->rows++;
}

static void test_levels(void) {
    PythiaData data = {0};
    PythiaLevels levels = {0};
    CU_ASSERT_EQUAL_FATAL(pythia_data_open(&data, 1), SQLITE_OK);
    data_row(&data, "b", (PythiaNumber){0});
    data_row(&data, "1", (PythiaNumber){0});
    data_row(&data, NULL, (PythiaNumber){1, 1, 0});
    data_row(&data, "a", (PythiaNumber){0});
    data_row(&data, NULL, (PythiaNumber){0, 0, 0.5});
    data_row(&data, NULL, (PythiaNumber){0, 0, 1.0});
    data_row(&data, "b", (PythiaNumber){0});
    CU_ASSERT(pythia_data_is_category(&data, 0));
    CU_ASSERT_EQUAL(pythia_data_levels(&data, 0, 0, &levels, NULL), SQLITE_OK);
    static const uint32_t right[] = {3, 1, 1, 2, 0, 1, 3};
    CU_ASSERT_EQUAL(levels.n, 4);
    for (size_t i = 0; i < 7; i++)
        CU_ASSERT_EQUAL(levels.of[i], right[i]);
    CU_ASSERT(pythia_text_equal(levels.name[0], PYTHIA_TEXT("0.5")));
    pythia_levels_close(&levels);
    /* The two most frequent stay. */
    CU_ASSERT_EQUAL(pythia_data_levels(&data, 0, 3, &levels, NULL), SQLITE_OK);
    static const uint32_t capped[] = {1, 0, 0, 2, 2, 0, 1};
    CU_ASSERT(levels.n == 3 && levels.merged);
    for (size_t i = 0; i < 7; i++)
        CU_ASSERT_EQUAL(levels.of[i], capped[i]);
    CU_ASSERT(pythia_text_equal(levels.name[2], PYTHIA_TEXT("(other)")));
    pythia_levels_close(&levels);
    pythia_data_close(&data);
}

/* Neighbouring time stamps in nanoseconds are different numbers, until a value makes it impossible. */
static void test_shift(void) {
    const int64_t stamp = 1700000000000000000;
    PythiaData data = {0};
    double x[3];
    CU_ASSERT_EQUAL_FATAL(pythia_data_open(&data, 1), SQLITE_OK);
    data_row(&data, NULL, (PythiaNumber){1, stamp, 0});
    data_row(&data, NULL, (PythiaNumber){1, stamp + 1, 0});
    pythia_data_numbers(&data, 0, x);
    CU_ASSERT(x[0] == 0 && x[1] == 1);
    CU_ASSERT(pythia_shift_back(&data.shift[0], 0.5) == (double)stamp);
    data_row(&data, NULL, (PythiaNumber){0, 0, 2.5});
    pythia_data_numbers(&data, 0, x);
    CU_ASSERT(x[0] == (double)stamp && x[1] == (double)(stamp + 1) && x[2] == 2.5);
    pythia_data_close(&data);
    PythiaShift shift = {0};
    double plain;
    CU_ASSERT(pythia_shift_value(&shift, (PythiaNumber){1, INT64_MIN, 0}, &plain) == 0);
    CU_ASSERT(pythia_shift_value(&shift, (PythiaNumber){1, INT64_MAX, 0}, &plain) ==
              (double)INT64_MAX);
    CU_ASSERT(plain == (double)INT64_MIN && shift.base == 0);
}

/* All orders of a few rows: the permutation p comes close to the exact one. */
static void test_permute(void) {
    const double x[5] = {1, 2, 3, 4, 5}, y[5] = {2, 1, 4, 3, 6};
    double sx[5], sy[5], p, again;
    memcpy(sx, x, sizeof x);
    memcpy(sy, y, sizeof y);
    CU_ASSERT_EQUAL(pythia_cca_permute(sx, 1, sy, 1, 5, 20000, 3, &p, NULL), SQLITE_OK);
    PythiaRelation observed;
    int at_least = 0, order[5];
    pythia_relation_numeric(x, y, 5, &observed);
    for (int code = 0; code < 3125; code++) {
        int used = 0, rest = code;
        double shuffled[5];
        for (int i = 0; i < 5; i++, rest /= 5) {
            order[i] = rest % 5;
            used |= 1 << order[i];
            shuffled[i] = y[order[i]];
        }
        PythiaRelation drawn;
        if (used != 31) continue;
        pythia_relation_numeric(x, shuffled, 5, &drawn);
        at_least += fabs(drawn.correlation) >= fabs(observed.correlation) - 1e-12;
    }
    CU_ASSERT_DOUBLE_EQUAL(p, at_least / 120.0, 0.01);
    memcpy(sx, x, sizeof x);
    memcpy(sy, y, sizeof y);
    CU_ASSERT_EQUAL(pythia_cca_permute(sx, 1, sy, 1, 5, 20000, 3, &again, NULL), SQLITE_OK);
    CU_ASSERT(p == again);
    double constant[5] = {7, 7, 7, 7, 7};
    CU_ASSERT_EQUAL(pythia_cca_permute(constant, 1, sy, 1, 5, 10, 3, &p, NULL), SQLITE_OK);
    CU_ASSERT(isnan(p));
}

static double slow_energy(const double *a, size_t n_a, const double *b, size_t n_b) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n_a; i++)
        for (size_t j = 0; j < n_b; j++)
            ab += fabs(a[i] - b[j]) / (double)(n_a * n_b);
    for (size_t i = 0; i < n_a; i++)
        for (size_t j = 0; j < n_a; j++)
            aa += fabs(a[i] - a[j]) / (double)(n_a * n_a);
    for (size_t i = 0; i < n_b; i++)
        for (size_t j = 0; j < n_b; j++)
            bb += fabs(b[i] - b[j]) / (double)(n_b * n_b);
    return sqrt(2 * ab - aa - bb);
}

static void test_energy(void) {
    StatRandom random = {9};
    for (int round = 0; round < 50; round++) {
        double a[20], b[20];
        size_t n_a = 1 + (size_t)(stat_uniform(&random) * 19);
        size_t n_b = 1 + (size_t)(stat_uniform(&random) * 19);
        for (size_t i = 0; i < 20; i++) {
            a[i] = floor(stat_uniform(&random) * 30);
            b[i] = stat_uniform(&random) * 30 + 20;
        }
        qsort(a, n_a, sizeof *a, double_compare);
        qsort(b, n_b, sizeof *b, double_compare);
        CU_ASSERT(
            stat_near(pythia_energy_distance(a, n_a, b, n_b), slow_energy(a, n_a, b, n_b), 1e-9));
    }
}

PYTHIA_SUITE(stat_ksample, {"against definitions", test_slow},
             {"contingency tables", test_contingency}, {"levels", test_levels},
             {"large integers", test_shift}, {"permutations", test_permute},
             {"energy distance", test_energy})
