/* ksample.c - Brown-Forsythe and Kruskal-Wallis.
**
** Brown-Forsythe sorts values into their samples (a counting sort by sample), finds each sample's
** median by selection, and hands |x - median| to the one-way analysis of variance of relation.c.
** Kruskal-Wallis is 12 / (n (n + 1)) times the sum over samples of n_i (mean rank - (n + 1) / 2)^2,
** divided by 1 - sum (t^3 - t) / (n^3 - n) for groups of t ties. Centred ranks are halves of whole
** numbers, so sums of them are exact. */
#include "ext/stat/ksample.h"

#include <math.h>
#include <string.h>

#include "ext/base/mem.h"
#include "ext/stat/distribution.h"
#include "ext/stat/order.h"
#include "ext/stat/quantile.h"
#include "ext/stat/relation.h"

/* start[s] .. start[s+1]-1 are the places of sample s when values are sorted by sample. start has
** samples + 1 elements. */
static int sample_starts(const uint32_t *sample, size_t n, uint32_t samples, size_t *start) {
    memset(start, 0, ((size_t)samples + 1) * sizeof *start);
    for (size_t i = 0; i < n; i++) {
        if (sample[i] >= samples) return SQLITE_RANGE;
        start[sample[i] + 1]++;
    }
    for (uint32_t s = 0; s < samples; s++)
        start[s + 1] += start[s];
    return SQLITE_OK;
}

/* median[s] of every sample; sorted is scratch for n values, next for `samples` places. */
static int sample_medians(const double *x, const uint32_t *sample, size_t n, uint32_t samples,
                          const size_t *start, size_t *next, double *sorted, double *median,
                          PythiaPoll *poll) {
    memcpy(next, start, samples * sizeof *next);
    for (size_t i = 0; i < n; i++)
        sorted[next[sample[i]]++] = x[i];
    for (uint32_t s = 0; s < samples; s++) {
        int rc = pythia_median(sorted + start[s], start[s + 1] - start[s], &median[s], poll);
        if (rc) return rc;
    }
    return SQLITE_OK;
}

int pythia_brown_forsythe(const double *x, const uint32_t *sample, size_t n, uint32_t samples,
                          PythiaKSample *result, PythiaPoll *poll) {
    *result = (PythiaKSample){NAN, NAN, NAN, NAN};
    size_t *start = pythia_alloc_array((size_t)samples + 1, 2 * sizeof *start);
    double *distance = pythia_alloc_array(n + samples, sizeof *distance);
    int rc = start && distance ? SQLITE_OK : SQLITE_NOMEM;
    double *median = distance ? distance + n : NULL;
    if (rc == SQLITE_OK) rc = sample_starts(sample, n, samples, start);
    if (rc == SQLITE_OK)
        rc = sample_medians(x, sample, n, samples, start, start + samples + 1, distance, median,
                            poll);
    if (rc == SQLITE_OK) {
        PythiaRelation relation;
        for (size_t i = 0; i < n; i++)
            distance[i] = fabs(x[i] - median[sample[i]]);
        rc = pythia_relation_category(sample, samples, distance, n, &relation);
        if (rc == SQLITE_OK && relation.levels > 1)
            *result = (PythiaKSample){relation.f, relation.df1, relation.df2, relation.p};
    }
    pythia_free(start);
    pythia_free(distance);
    return rc;
}

/* 1 - sum (t^3 - t) / (n^3 - n) over groups of t equal ranks. x is a sorted copy. */
static double tie_correction(const double *x, size_t n) {
    double ties = 0;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && x[end] <= x[i];)
            end++;
        double t = (double)(end - i);
        ties += t * t * t - t;
    }
    double all = (double)n;
    return 1 - ties / (all * all * all - all);
}

int pythia_kruskal(const double *x, const uint32_t *sample, size_t n, uint32_t samples,
                   PythiaKSample *result, PythiaPoll *poll) {
    *result = (PythiaKSample){NAN, NAN, NAN, NAN};
    size_t *start = pythia_alloc_array((size_t)samples + 1, sizeof *start);
    double *rank = pythia_alloc_array(n, 2 * sizeof *rank);
    double *sum = pythia_alloc_zero(((size_t)samples + 1) * sizeof *sum);
    int rc = start && rank && sum ? SQLITE_OK : SQLITE_NOMEM;
    if (rc == SQLITE_OK) rc = sample_starts(sample, n, samples, start);
    if (rc == SQLITE_OK) rc = pythia_ranks(x, n, rank, poll);
    if (rc == SQLITE_OK) {
        memcpy(rank + n, x, n * sizeof *x);
        rc = pythia_sort(rank + n, n, poll);
    }
    if (rc == SQLITE_OK) {
        double all = (double)n, squares = 0, used = 0;
        for (size_t i = 0; i < n; i++)
            sum[sample[i]] += rank[i] - (all + 1) / 2;
        for (uint32_t s = 0; s < samples; s++) {
            double count = (double)(start[s + 1] - start[s]);
            if (!(count > 0)) continue;
            squares += sum[s] * sum[s] / count;
            used++;
        }
        double correction = tie_correction(rank + n, n);
        if (used > 1 && correction > 0) {
            double h = 12 / (all * (all + 1)) * squares / correction;
            *result = (PythiaKSample){h, used - 1, NAN, pythia_chi2_upper(h, used - 1)};
        }
    }
    pythia_free(start);
    pythia_free(rank);
    pythia_free(sum);
    return rc;
}
