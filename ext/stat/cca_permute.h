/* cca_permute.h - is the correlation of two sets of columns more than chance pairing of rows makes? */
#ifndef PYTHIA_STAT_CCA_PERMUTE_H
#define PYTHIA_STAT_CCA_PERMUTE_H

#include "ext/base/poll.h"

/* x: n x nx, y: n x ny, by columns, finite; both are overwritten. The statistic is Pillai's trace, the
** sum of the squared canonical correlations. *p = (1 + draws at least as large) / (1 + draws); NaN
** where a side has rank 0. The same seed gives the same p. O(n nx ny) a draw. SQLITE_OK,
** SQLITE_NOMEM, SQLITE_INTERRUPT, SQLITE_RANGE for a matrix that is too large. */
int pythia_cca_permute(double *x, size_t nx, double *y, size_t ny, size_t n, int64_t draws,
                       uint64_t seed, double *p, PythiaPoll *poll);

#endif
