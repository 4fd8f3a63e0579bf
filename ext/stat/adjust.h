/* adjust.h - p-values corrected for the number of tests made. */
#ifndef PYTHIA_STAT_ADJUST_H
#define PYTHIA_STAT_ADJUST_H

#include <stddef.h>

#include "ext/base/text.h"

typedef enum PythiaAdjust {
    PYTHIA_ADJUST_NONE,
    PYTHIA_ADJUST_BONFERRONI,
    PYTHIA_ADJUST_HOLM,
    PYTHIA_ADJUST_HOCHBERG,
    PYTHIA_ADJUST_HOMMEL,
    PYTHIA_ADJUST_BH, /* Benjamini-Hochberg: the false discovery rate */
    PYTHIA_ADJUST_BY  /* Benjamini-Yekutieli: the same under any dependence */
} PythiaAdjust;

/* Names without regard to case: none, bonferroni, holm, hochberg, hommel, BH (or fdr), BY.
** 1 and *method, or 0. */
int pythia_adjust_named(PythiaText name, PythiaAdjust *method);

/* adjusted[i] for p[i] in 0..1. NaN stays NaN and is not counted. SQLITE_OK, SQLITE_NOMEM. */
int pythia_p_adjust(PythiaAdjust method, const double *p, size_t n, double *adjusted);

#endif
