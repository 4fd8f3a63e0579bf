/* histogram.h - counts in bins of equal width, and their picture in one line of text. */
#ifndef PYTHIA_STAT_HISTOGRAM_H
#define PYTHIA_STAT_HISTOGRAM_H

#include "ext/base/buf.h"

enum { PYTHIA_HISTOGRAM_BINS = 20, PYTHIA_HISTOGRAM_BINS_MAX = 1000 };

/* counts[0 .. bins-1] of n finite values, in any order, over [low, high] cut into `bins` bins of
** equal width; the last one includes high. Values outside are not counted. low == high: all in the
** first. */
void pythia_histogram_count(const double *x, size_t n, double low, double high, int bins,
                            uint64_t *counts);

/* Appends one character a bin: a space for an empty one, else U+2581 .. U+2588 in proportion to the
** largest count, rounded up, so that a bin with a single value shows. */
void pythia_histogram_line(const uint64_t *counts, int bins, PythiaBuf *out);

/* Both, from the smallest to the largest value. n = 0 appends nothing. bins in 1 ..
** PYTHIA_HISTOGRAM_BINS_MAX, else SQLITE_RANGE. SQLITE_OK, SQLITE_NOMEM. */
int pythia_histogram(const double *x, size_t n, int bins, PythiaBuf *out);

#endif
