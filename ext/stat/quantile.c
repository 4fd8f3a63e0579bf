/* quantile.c - quantiles by definition.
**
** Hyndman & Fan, Sample quantiles in statistical packages, American Statistician 50 (1996),
** 361-365. Each definition gives, for p, a place between the order statistics number j and j + 1
** (from 1) and a weight for the upper one. np is computed with a fuzz of 4 epsilon, so that p = k /
** n, which is rarely exact in binary, meets the k-th value and does not jump past it. */
#include "ext/stat/quantile.h"

#include <float.h>
#include <math.h>

#include "ext/base/mem.h"
#include "ext/stat/order.h"

/* As many values are looked through by way of a sample. */
#ifdef PYTHIA_TEST
enum { SAMPLED_LEAST = 1 << 10 };
#else
enum { SAMPLED_LEAST = 1 << 17 };
#endif

/* The quantile is (1 - weight) * x[low] + weight * x[high], indices from 0. */
typedef struct Place {
    size_t low, high;
    double weight;
} Place;

static Place place_at(size_t n, double j, double weight) {
    Place at = {0, 0, weight};
    double last = (double)(n - 1);
    at.low = j < 1 ? 0 : j - 1 > last ? n - 1 : (size_t)(j - 1);
    at.high = j < 0 ? 0 : j > last ? n - 1 : (size_t)j;
    return at;
}

/* Types 1 to 3 take a value or the middle of two. */
static Place place_step(size_t n, double p, int type) {
    double np = (double)n * p - (type == 3 ? 0.5 : 0);
    double fuzz = 4 * DBL_EPSILON;
    double j = floor(np + fuzz * fmax(1, fabs(np)));
    double above = np - j > fuzz * fmax(1, fabs(np));
    double weight = above;
    if (type == 2 && above == 0) weight = 0.5;
    if (type == 3 && above == 0) weight = fmod(j, 2) != 0; /* half to even */
    return place_at(n, j, weight);
}

/* Types 4 to 9 interpolate at the plotting position (k - a) / (n + 1 - a - b). */
static Place place_line(size_t n, double p, int type) {
    static const double position[][2] = {{0, 1}, {0.5, 0.5},         {0, 0},
                                         {1, 1}, {1.0 / 3, 1.0 / 3}, {3.0 / 8, 3.0 / 8}};
    double a = position[type - 4][0], b = position[type - 4][1];
    double np = type == 7 ? 1 + (double)(n - 1) * p : a + p * ((double)n + 1 - a - b);
    double fuzz = 4 * DBL_EPSILON;
    double j = floor(np + (type == 7 ? 0 : fuzz));
    double weight = np - j;
    if (type != 7 && fabs(weight) < fuzz) weight = 0;
    return place_at(n, j, weight);
}

static int place_of(size_t n, double p, int type, Place *at) {
    if (!(p >= 0 && p <= 1) || type < 1 || type > 9) return SQLITE_RANGE;
    *at = type <= 3 ? place_step(n, p, type) : place_line(n, p, type);
    return SQLITE_OK;
}

/* Between two values without leaving their range, and without overflow. */
static double between(double low, double high, double weight) {
    if (weight <= 0 || low == high) return low;
    if (weight >= 1) return high;
    double step = high - low;
    return isfinite(step) ? low + weight * step : (1 - weight) * low + weight * high;
}

double pythia_quantile_sorted(const double *sorted, size_t n, double p, int type) {
    Place at;
    if (n == 0 || place_of(n, p, type, &at)) return NAN;
    return between(sorted[at.low], sorted[at.high], at.weight);
}

/* Two neighbouring order statistics, number k and k or k + 1 (from 0), from a sample: they lie between
** two values of the sorted sample but for very bad luck, so one pass that counts what is below, and
** gathers what is between, leaves a few hundredths of the values to select from (after Floyd & Rivest
** 1975). x stays as it is. *found is 0 where it did not work out. */
static int select_sampled(const double *x, size_t n, size_t low, size_t high, double *at_low,
                          double *at_high, int *found, PythiaPoll *poll) {
    enum { SAMPLE = SAMPLED_LEAST / 8 };
    size_t room = n / 8, between = 0, below = 0;
    *found = 0;
    double *sample = pythia_alloc_array(SAMPLE + room, sizeof *sample);
    if (!sample) return SQLITE_OK;
    double *kept = sample + SAMPLE;
    uint64_t random = 1;
    for (int i = 0; i < SAMPLE; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        sample[i] = x[(size_t)(((random >> 32) * (uint64_t)n) >> 32)];
    }
    int rc = pythia_sort(sample, SAMPLE, NULL);
    double share = (double)low / (double)n, place = share * SAMPLE;
    double margin =
        5 * sqrt(SAMPLE * share * (1 - share)) + 8; /* standard deviations of the place */
    double a = place < margin ? -INFINITY : sample[(int)(place - margin)];
    double b = place + margin >= SAMPLE ? INFINITY : sample[(int)(place + margin)];
    for (size_t i = 0; rc == SQLITE_OK && i < n && between < room; i++) {
        below += x[i] < a;
        kept[between] = x[i];
        between += (x[i] >= a) & (x[i] <= b);
        if (i % (1 << 20) == 0 && poll) rc = pythia_poll_now(poll);
    }
    if (rc == SQLITE_OK && between < room && low >= below && high < below + between) {
        rc = pythia_select(kept, between, low - below, poll);
        *at_low = *at_high = kept[low - below];
        if (rc == SQLITE_OK && high > low) {
            *at_high = kept[high - below];
            for (size_t i = high - below; i < between; i++)
                *at_high = fmin(*at_high, kept[i]);
        }
        *found = 1;
    }
    pythia_free(sample);
    return rc;
}

int pythia_quantile(double *x, size_t n, double p, int type, double *result, PythiaPoll *poll) {
    Place at;
    *result = NAN;
    int rc = n ? place_of(n, p, type, &at) : place_of(1, p, type, &at);
    if (rc || n == 0) return rc;
    double low, high;
    int found = 0;
    if (n >= SAMPLED_LEAST)
        rc = select_sampled(x, n, at.low, at.weight > 0 ? at.high : at.low, &low, &high, &found,
                            poll);
    if (rc == SQLITE_OK && !found) rc = pythia_select(x, n, at.low, poll);
    if (rc) return rc;
    if (found) {
        *result = between(low, high, at.weight);
        return SQLITE_OK;
    }
    low = high = x[at.low];
    /* Everything after x[low] is at least as large: the next order statistic is the least of it. */
    if (at.high > at.low && at.weight > 0) {
        high = x[at.low + 1];
        for (size_t i = at.low + 2; i < n; i++)
            if (x[i] < high) high = x[i];
    }
    *result = between(low, high, at.weight);
    return SQLITE_OK;
}

int pythia_median(double *x, size_t n, double *result, PythiaPoll *poll) {
    return pythia_quantile(x, n, 0.5, 7, result, poll);
}

int pythia_mad(double *x, size_t n, double *result, PythiaPoll *poll) {
    double median;
    int rc = pythia_median(x, n, &median, poll);
    for (size_t i = 0; i < n; i++)
        x[i] = fabs(x[i] - median);
    return rc ? rc : pythia_median(x, n, result, poll);
}

int pythia_iqr(double *x, size_t n, double *result, PythiaPoll *poll) {
    double low = NAN, high = NAN;
    int rc = pythia_quantile(x, n, 0.25, 7, &low, poll);
    if (rc == SQLITE_OK) rc = pythia_quantile(x, n, 0.75, 7, &high, poll);
    *result = rc ? NAN : high - low;
    return rc;
}

int pythia_robust_cov(double *x, size_t n, double *result, PythiaPoll *poll) {
    double median, mad = NAN;
    int rc = pythia_median(x, n, &median, poll);
    for (size_t i = 0; i < n; i++)
        x[i] = fabs(x[i] - median);
    if (rc == SQLITE_OK) rc = pythia_median(x, n, &mad, poll);
    *result = rc || !(fabs(median) > 0) ? NAN : 1.4826 * mad / fabs(median);
    return rc;
}
