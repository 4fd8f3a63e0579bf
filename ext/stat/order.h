/* order.h - sorting, selection and ranks of doubles, without recursion.
**
** All values must be ordered among themselves: no NaN. Both zeros compare equal. */
#ifndef PYTHIA_STAT_ORDER_H
#define PYTHIA_STAT_ORDER_H

#include "ext/base/poll.h"

/* Sorts ascending, in linear time where n is large and there is memory for a copy, else in O(n log n)
** in the worst case. SQLITE_OK or SQLITE_INTERRUPT; the array is a permutation of its input either
** way. poll may be NULL. */
int pythia_sort(double *x, size_t n, PythiaPoll *poll);
/* The same with the caller's memory for n doubles, which then need not be fetched from the system. */
int pythia_sort_with(double *x, size_t n, void *scratch, PythiaPoll *poll);

/* Reorders x so that x[k] is what sorting would put there, nothing before it is larger and nothing
** after it smaller. O(n) expected, O(n log n) in the worst case. k < n. */
int pythia_select(double *x, size_t n, size_t k, PythiaPoll *poll);

/* ranks[i] = the rank of x[i], from 1; ties share the mean of their ranks. SQLITE_NOMEM,
** SQLITE_INTERRUPT. x and ranks are different arrays of n elements. */
int pythia_ranks(const double *x, size_t n, double *ranks, PythiaPoll *poll);

#endif
