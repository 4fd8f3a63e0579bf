/* shares.h - two samples of categories, and of numbers where there are many of them: how far apart, and whether
** that can be chance. Beside twosample.h, which is exact and pays for it. */
#ifndef PYTHIA_STAT_SHARES_H
#define PYTHIA_STAT_SHARES_H

#include "ext/stat/twosample.h"

/* Two samples as counts of the same levels. statistic: Cramer's V, the square root of chi^2 / n, with the
** correction for its bias (Bergsma 2013), from 0 (the same shares) to 1 (no level in common). p: Fisher's exact test, two-sided, of two levels and at most
** PYTHIA_FISHER_MOST values; else Pearson's chi^2. A level that neither sample has is none. NaN both: an
** empty sample; p 1 and V 0: fewer than two levels. */
enum { PYTHIA_FISHER_MOST = 2000 };
PythiaTwoSample pythia_shares(const uint64_t *a, const uint64_t *b, size_t levels);

/* Kolmogorov-Smirnov as pythia_ks(), but for more than a hundred thousand pairs p is the first term of the
** limit, 2 exp(-2 D^2 n), which is never below the limit itself. */
int pythia_ks_quick(const double *a, size_t n_a, const double *b, size_t n_b,
                    PythiaTwoSample *result, PythiaPoll *poll);

#endif
