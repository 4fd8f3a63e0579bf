/* quantile.h - exact quantiles of the nine definitions of Hyndman and Fan (1996), and the robust
** measures that rest on them.
**
** Type 7 is SQL's percentile_cont and the default everywhere; type 1 is percentile_disc. Values
** must not be NaN. An empty array gives NaN. Functions marked "in place" reorder their argument. */
#ifndef PYTHIA_STAT_QUANTILE_H
#define PYTHIA_STAT_QUANTILE_H

#include "ext/base/poll.h"

/* 0 <= p <= 1, type 1..9; anything else gives NaN. */
double pythia_quantile_sorted(const double *sorted, size_t n, double p, int type);

/* In place, by selection, O(n). SQLITE_OK, SQLITE_INTERRUPT; SQLITE_RANGE for a bad p or type. */
int pythia_quantile(double *x, size_t n, double p, int type, double *result, PythiaPoll *poll);

int pythia_median(double *x, size_t n, double *result, PythiaPoll *poll); /* in place */
/* Median absolute deviation from the median, not scaled. In place: x is overwritten. */
int pythia_mad(double *x, size_t n, double *result, PythiaPoll *poll);
int pythia_iqr(double *x, size_t n, double *result, PythiaPoll *poll); /* in place */
/* Robust coefficient of variation, 1.4826 mad / |median|; NaN where the median is 0. In place: x is
** overwritten. 1.4826 makes it agree with the plain one for normal values. */
int pythia_robust_cov(double *x, size_t n, double *result, PythiaPoll *poll);

#endif
