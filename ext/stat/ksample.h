/* ksample.h - do several samples have the same spread, or the same location?
**
** The samples come as values in any order with the number of the sample that each belongs to.
** Results are NaN where fewer than two samples have values, and where nothing varies. */
#ifndef PYTHIA_STAT_KSAMPLE_H
#define PYTHIA_STAT_KSAMPLE_H

#include "ext/base/poll.h"

typedef struct PythiaKSample {
    double statistic;
    double df1, df2; /* df2: NaN for a statistic with one number of degrees of freedom */
    double p;        /* NaN where degrees of freedom are missing */
} PythiaKSample;

/* Brown & Forsythe 1974, the robust form of Levene's test: the F of an analysis of variance of
** the distances of values from the median of their sample. Do some samples vary more than others?
** x finite; sample[i] in 0 .. samples-1, some may be empty. SQLITE_OK, SQLITE_NOMEM,
** SQLITE_INTERRUPT, SQLITE_RANGE for a number out of range. */
int pythia_brown_forsythe(const double *x, const uint32_t *sample, size_t n, uint32_t samples,
                          PythiaKSample *result, PythiaPoll *poll);

/* Kruskal & Wallis 1952: H of mid-ranks, corrected for ties, with p from chi squared. Do some
** samples tend to larger values than others? Arguments as above. */
int pythia_kruskal(const double *x, const uint32_t *sample, size_t n, uint32_t samples,
                   PythiaKSample *result, PythiaPoll *poll);

#endif
