/* cca_mixed.h - canonical correlation analysis of variables that are numbers or categories.
**
** A category takes part with a column of zeros and ones for each level but the first (in binary
** order); any other coding gives the same correlations. What comes out is per variable, not per
** level. More than PYTHIA_MIXED_LEVELS levels are capped: the rare ones are merged. A category in
** which most rows have a level of their own - an identifier - would fit anything and is left out. */
#ifndef PYTHIA_STAT_CCA_MIXED_H
#define PYTHIA_STAT_CCA_MIXED_H

#include "ext/stat/cca.h"
#include "ext/stat/data.h"

enum { PYTHIA_MIXED_LEVELS = 100 };

typedef struct PythiaMixedVariable {
    int category;
    int of_y;
    PythiaCcaSpan span;  /* its columns on its side; n is 0 where it is left out */
    PythiaLevels levels; /* of a category */
    /* NULL; "constant"; "identifier"; "rare levels merged"; "depends on others": it adds nothing to
    ** those before it that is not there already. */
    const char *note;
    double *weight, *loading, *cross; /* d each: of the joint analysis; NaN where it is left out. Of
                                      ** a category: see pythia_cca_together() */
    double correlation, p; /* alone, with all of the other side; NaN where undefined. With a single
                           ** number on either side Pearson's r with its sign */
} PythiaMixedVariable;

typedef struct PythiaMixed {
    size_t n; /* variables, those of Y first */
    PythiaMixedVariable *variable;
    PythiaCca *cca;          /* NULL: a side has nothing in it */
    PythiaCcaResult *result; /* NULL likewise */
    double *numbers;
    double p_permutation; /* NaN: not asked for, or nothing to permute */
} PythiaMixed;

/* Analyses the rows; the first y_variables columns are Y. alone: also every variable by itself.
** permutations > 0: p_permutation is the share of random pairings of the rows of X with those of Y
** that have a sum of squared correlations (Pillai's trace) at least as large, (1 + #) / (1 + all),
** the same for the same seed. The data must stay as long as the analysis does. mixed is zeroed, and
** to be closed also after a failure, which has a message where it is not SQLITE_NOMEM or
** SQLITE_INTERRUPT. */
int pythia_mixed_run(PythiaMixed *mixed, const PythiaData *data, size_t y_variables, int alone,
                     int64_t permutations, uint64_t seed, PythiaPoll *poll, char **error);

/* The same for an analysis that was fed with numbers only, one column a variable; takes it over. */
int pythia_mixed_numbers(PythiaMixed *mixed, PythiaCca *cca, size_t y_variables, size_t variables,
                         int alone, char **error);

void pythia_mixed_close(PythiaMixed *mixed);

#endif
