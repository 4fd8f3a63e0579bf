/* cca.h - canonical correlation analysis: which combination of the X variables goes best with which
** combination of the Y variables.
**
** Streaming: rows are added one by one and folded into a triangular factor, so memory does not grow
** with them. Constant, duplicate and dependent columns are found and set aside (rank-aware); all
** degrees of freedom use ranks. Signs: in each dimension the X loading of the largest absolute
** value is positive. Weights are standardised: they apply to (x - mean) / sd and give variates of
** unit variance. A caller that has categories codes them one column a level, without the first. */
#ifndef PYTHIA_STAT_CCA_H
#define PYTHIA_STAT_CCA_H

#include "ext/base/poll.h"

enum { PYTHIA_CCA_COLUMNS_MAX = 1000 }; /* of both sides together */

typedef struct PythiaCca PythiaCca;

/* The result for d = min(rank_x, rank_y) dimensions, the largest correlation first. Arrays of d, or
** matrices of columns x d by rows: weight_x[column * d + dimension]. One block of memory. */
typedef struct PythiaCcaResult {
    int64_t n; /* rows */
    int columns_x, columns_y;
    int rank_x, rank_y;
    int d;
    double *correlation; /* in 0..1 */
    double *rest;        /* 1 - correlation^2, also where that is very small */
    /* Tests that this dimension and all after it are uncorrelated. NaN where the rows are too few
    ** (n - 1 < rank_x + rank_y): correlations are then forced and mean nothing. */
    double *wilks;
    double *f, *df1, *df2, *p;      /* Rao's approximation, exact where a side has rank 1 or 2 */
    double *chi2, *p_chi2;          /* Bartlett's; degrees of freedom df1 */
    double *lawley, *p_lawley;      /* the same with Lawley's correction for dimensions before */
    double pillai;                  /* sum of squared correlations */
    double *weight_x, *weight_y;    /* 0 for a column that was set aside */
    double *loading_x, *loading_y;  /* correlation of the column with its own side's variate */
    double *cross_x, *cross_y;      /* ... with the other side's variate */
    unsigned char *kept_x, *kept_y; /* 0: constant or dependent on the others */
} PythiaCcaResult;

/* At least one column on either side; SQLITE_RANGE with a message when there are too many. */
int pythia_cca_open(int columns_x, int columns_y, PythiaCca **cca, char **error);
/* One row; all values finite. SQLITE_OK, SQLITE_NOMEM, SQLITE_ERROR (with a message) when the
** library reports what it should not. */
int pythia_cca_add(PythiaCca *cca, const double *x, const double *y, char **error);
/* SQLITE_OK and a result for pythia_cca_result_free(); d is 0 where a side has rank 0 or n < 2. The
** analysis can go on with more rows afterwards. */
int pythia_cca_finish(PythiaCca *cca, PythiaCcaResult **result, char **error);

/* Columns first .. first+n-1 of a side, n >= 1. */
typedef struct PythiaCcaSpan {
    int first, n;
} PythiaCcaSpan;

/* The same between some columns of either side, from the same rows. Columns are counted within the
** spans in the result. */
int pythia_cca_finish_some(PythiaCca *cca, PythiaCcaSpan x, PythiaCcaSpan y,
                           PythiaCcaResult **result, char **error);

/* What columns that belong together - the levels of a category - do as one, from a result of all
** columns. weight: the standard deviation of what they contribute to their side's variate; loading,
** cross: their multiple correlation with their own and with the other side's variate. Each has d
** elements, and each is at least 0; loading and cross are NaN where all the columns are constant. */
int pythia_cca_together(PythiaCca *cca, const PythiaCcaResult *result, int of_y, PythiaCcaSpan span,
                        double *weight, double *loading, double *cross, char **error);
void pythia_cca_result_free(PythiaCcaResult *result);
void pythia_cca_close(PythiaCca *cca); /* NULL is fine */

#endif
