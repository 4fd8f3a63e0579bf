/* partition.h - cutting an ordered variable into few parts, within which a response differs little. */
#ifndef PYTHIA_STAT_PARTITION_H
#define PYTHIA_STAT_PARTITION_H

#include "ext/base/poll.h"

enum { PYTHIA_PARTS_MAX = 20 };

/* x: n values in ascending order, y[i] the response at x[i]; all finite. Parts are runs of x, equal values stay
** together: part k ends before index ends[k] (ends[*found - 1] = n, n >= 1). Of all partitions into so many parts
** the one with the least sum of squares about the parts' means. parts 0: their number is found, see
** partition.c; else as many as asked for, 1 .. PYTHIA_PARTS_MAX, or as there are distinct values.
** SQLITE_OK, NOMEM, INTERRUPT, RANGE. */
int pythia_partition(const double *x, const double *y, size_t n, int parts,
                     size_t ends[PYTHIA_PARTS_MAX], int *found, PythiaPoll *poll);

#endif
