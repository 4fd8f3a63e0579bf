/* relation.h - how strongly one variable goes with a response: the single-variable tests behind the
** ranking of keys. They are what CCA gives for one variable, without the matrices. */
#ifndef PYTHIA_STAT_RELATION_H
#define PYTHIA_STAT_RELATION_H

#include <stddef.h>
#include <stdint.h>

typedef struct PythiaRelation {
    size_t n;      /* observations used */
    size_t levels; /* category: levels that occur; numeric: 0 */
    double
        correlation; /* numeric: Pearson's r; category: eta >= 0. NaN: x or y is constant, n < 2 */
    double f;        /* the F of regression or analysis of variance; infinite for a perfect fit */
    double df1, df2;
    double p; /* NaN where df2 < 1; down to about 1e-308, then 0 */
} PythiaRelation;

/* Pearson's correlation and the two-sided p of its t. x, y finite. */
void pythia_relation_numeric(const double *x, const double *y, size_t n, PythiaRelation *result);

/* One-way analysis of variance: correlation = sqrt(eta squared), p of F with (levels - 1, n -
** levels). level[i] in 0 .. n_levels-1. SQLITE_OK, SQLITE_NOMEM, SQLITE_RANGE for a level out of
** range. */
int pythia_relation_category(const uint32_t *level, uint32_t n_levels, const double *y, size_t n,
                             PythiaRelation *result);

/* Spearman's rho: Pearson's r of mid-ranks, p by the same t. SQLITE_OK, SQLITE_NOMEM. */
int pythia_relation_ranks(const double *x, const double *y, size_t n, PythiaRelation *result);

#endif
