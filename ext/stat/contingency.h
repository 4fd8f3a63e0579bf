/* contingency.h - how much two categories, or values cut into classes, tell about each other. */
#ifndef PYTHIA_STAT_CONTINGENCY_H
#define PYTHIA_STAT_CONTINGENCY_H

#include "ext/base/poll.h"

typedef struct PythiaContingency {
    size_t n;
    size_t levels_a, levels_b; /* that occur */
    double entropy_a, entropy_b;
    double mutual_information; /* nats; 0 for independent frequencies, at most the lesser entropy */
    double g, chi2;   /* of independence: likelihood ratio, 2 n times the above; Pearson's */
    double df;        /* (levels_a - 1) (levels_b - 1) */
    double p;         /* of g, by chi squared; NaN where df is 0 */
    double cramers_v; /* 0 .. 1; NaN where a side has one level */
} PythiaContingency;

/* a[i] in 0 .. levels_a-1, b[i] likewise. The table is never laid out: O(n log n) time and O(n +
** levels) memory for any number of levels. n = 0 gives NaN everywhere. SQLITE_OK, SQLITE_NOMEM,
** SQLITE_INTERRUPT, SQLITE_RANGE for a level out of range. */
int pythia_contingency(const uint32_t *a, uint32_t levels_a, const uint32_t *b, uint32_t levels_b,
                       size_t n, PythiaContingency *result, PythiaPoll *poll);

/* Cuts values at their quantiles (type 7) i / classes, i = 1 .. classes-1: the class of a value is
** the number of cuts below it. Classes may be empty where values are tied. SQLITE_OK,
** SQLITE_NOMEM, SQLITE_INTERRUPT. */
int pythia_quantile_classes(const double *x, size_t n, uint32_t classes, uint32_t *class_of,
                            PythiaPoll *poll);

#endif
