/* linalg.h - the few matrix factorisations that Pythia needs; linalg.c alone names LAPACK and BLAS.
**
** Matrices are dense and by columns, as LAPACK wants them: a[row + column * rows]. Every
** function checks sizes, and that all elements are finite, before it calls the library, whose
** own answer to a bad argument is to end the process. SQLITE_OK; SQLITE_NOMEM; SQLITE_RANGE
** for sizes that the library cannot take; SQLITE_ERROR where elements are not finite or an
** iteration did not converge. */
#ifndef PYTHIA_STAT_LINALG_H
#define PYTHIA_STAT_LINALG_H

#include <stddef.h>

/* QR: a (rows x columns, rows >= columns) is replaced by its upper triangular factor R in the first
** `columns` rows; the rest below the diagonal is set to 0. */
int pythia_linalg_r(double *a, size_t rows, size_t columns);

/* QR with column pivoting: a becomes R as above (rows >= columns not needed: min(rows, columns)
** rows); pivot[j] is the index of the original column that stands at j. q, where not NULL, receives
** the orthonormal factor, rows x min(rows, columns). */
int pythia_linalg_r_pivoted(double *a, size_t rows, size_t columns, size_t *pivot, double *q);

/* Singular values s (min(rows, columns), descending), u (rows x min), vt (min x columns). a is
** destroyed. */
int pythia_linalg_svd(double *a, size_t rows, size_t columns, double *s, double *u, double *vt);

/* b := inv(upper triangle of r) b, r n x n with leading dimension ldr, b n x columns. The diagonal
** must have no 0. */
int pythia_linalg_solve_upper(const double *r, size_t n, size_t ldr, double *b, size_t columns);

/* c := transpose(a) b: a is rows x m, b is rows x n, c is m x n. */
int pythia_linalg_multiply_tn(const double *a, size_t rows, size_t m, const double *b, size_t n,
                              double *c);

#endif
