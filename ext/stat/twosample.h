/* twosample.h - do two samples come from the same distribution, and how far apart are they?
**
** a and b hold finite values, sorted ascending. With many observations everything is significant:
** rank by the distance - D, Cliff's delta, or Wasserstein's in the unit of the values - and not by
** p. An empty side makes all results NaN. */
#ifndef PYTHIA_STAT_TWOSAMPLE_H
#define PYTHIA_STAT_TWOSAMPLE_H

#include "ext/base/poll.h"

typedef struct PythiaTwoSample {
    double statistic;
    double p; /* two-sided */
} PythiaTwoSample;

/* Kolmogorov-Smirnov: the largest distance between the two distribution functions. p is exact,
** given the ties, for up to fifty million pairs, else Stephens' form of the limit. SQLITE_OK,
** SQLITE_NOMEM, SQLITE_INTERRUPT. */
int pythia_ks(const double *a, size_t n_a, const double *b, size_t n_b, PythiaTwoSample *result,
              PythiaPoll *poll);

/* Mann-Whitney: U of a, the number of pairs in which a is larger, ties counting one half. p is
** exact without ties and with less than 50 values on either side, else normal, corrected for ties
** and for continuity. */
int pythia_mann_whitney(const double *a, size_t n_a, const double *b, size_t n_b,
                        PythiaTwoSample *result, PythiaPoll *poll);

/* 2 U / (n_a n_b) - 1, in [-1, 1]: how much more often a is larger than b than the reverse. */
double pythia_cliffs_delta(const double *a, size_t n_a, const double *b, size_t n_b);

/* Wasserstein's first distance: the area between the distribution functions; how far the values of
** one would have to be moved, on average, to make the other. */
double pythia_wasserstein(const double *a, size_t n_a, const double *b, size_t n_b);

/* Szekely's energy distance, sqrt(2 E|A-B| - E|A-A'| - E|B-B'|): the root of twice the area under the
** squared difference of the distribution functions. Its unit is the root of that of the values. */
double pythia_energy_distance(const double *a, size_t n_a, const double *b, size_t n_b);

#endif
