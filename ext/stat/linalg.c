/* linalg.c - the one file that names LAPACK and BLAS.
**
** The middle-level LAPACKE functions are used: they take workspace from the caller, so that all
** memory is SQLite's, and columns first, so that they do not transpose. What could make the library
** call xerbla, which ends the process, is checked here first: sizes before they are narrowed to its
** integers, and leading dimensions by construction. */
#include "ext/stat/linalg.h"

#include <cblas.h>
#include <lapacke.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "ext/base/mem.h"

/* Workspace sizes must be ints too; the library asks for up to 64 rows or columns' worth and
** more. */
enum { SIZE_LIMIT = INT_MAX / 256 };

static int sizes_fit(size_t rows, size_t columns) {
    return rows <= SIZE_LIMIT && columns <= SIZE_LIMIT && (rows == 0 || columns <= INT_MAX / rows);
}

static int all_finite(const double *a, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(a[i])) return 0;
    return 1;
}

static int check(const double *a, size_t rows, size_t columns) {
    if (!sizes_fit(rows, columns)) return SQLITE_RANGE;
    return all_finite(a, rows * columns) ? SQLITE_OK : SQLITE_ERROR;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static lapack_int leading(size_t rows) {
    return rows > 0 ? (lapack_int)rows : 1;
}

/* Workspace as large as the library asked for in *wanted. */
static int workspace(double wanted, double **work, lapack_int *n) {
    *n = wanted >= 1 && wanted < INT_MAX ? (lapack_int)wanted : 1;
    *work = pythia_alloc_array((size_t)*n, sizeof **work);
    return *work ? SQLITE_OK : SQLITE_NOMEM;
}

static void clear_below(double *a, size_t rows, size_t columns) {
    for (size_t j = 0; j < columns; j++)
        for (size_t i = j + 1; i < rows; i++)
            a[i + j * rows] = 0;
}

int pythia_linalg_r(double *a, size_t rows, size_t columns) {
    int rc = check(a, rows, columns);
    if (rc || rows == 0 || columns == 0) return rc;
    lapack_int m = (lapack_int)rows, n = (lapack_int)columns, size;
    double wanted = 0, *work = NULL;
    double *tau = pythia_alloc_array(smaller(rows, columns), sizeof *tau);
    lapack_int info = LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, m, n, a, m, tau, &wanted, -1);
    rc = tau ? workspace(wanted, &work, &size) : SQLITE_NOMEM;
    if (rc == SQLITE_OK) {
        info = LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, m, n, a, m, tau, work, size);
        clear_below(a, rows, columns);
    }
    pythia_free(tau);
    pythia_free(work);
    return rc ? rc : info ? SQLITE_ERROR : SQLITE_OK;
}

/* The orthonormal factor from the reflectors below the diagonal of a. */
static int form_q(const double *a, size_t rows, size_t rank, const double *tau, double *q) {
    lapack_int m = (lapack_int)rows, k = (lapack_int)rank, size;
    double wanted = 0, *work;
    memcpy(q, a, rows * rank * sizeof *q);
    LAPACKE_dorgqr_work(LAPACK_COL_MAJOR, m, k, k, q, m, tau, &wanted, -1);
    int rc = workspace(wanted, &work, &size);
    if (rc) return rc;
    lapack_int info = LAPACKE_dorgqr_work(LAPACK_COL_MAJOR, m, k, k, q, m, tau, work, size);
    pythia_free(work);
    return info ? SQLITE_ERROR : SQLITE_OK;
}

int pythia_linalg_r_pivoted(double *a, size_t rows, size_t columns, size_t *pivot, double *q) {
    int rc = check(a, rows, columns);
    if (rc || rows == 0 || columns == 0) return rc;
    lapack_int m = (lapack_int)rows, n = (lapack_int)columns, size;
    double wanted = 0, *work = NULL;
    double *tau = pythia_alloc_array(smaller(rows, columns), sizeof *tau);
    lapack_int *order = pythia_alloc_zero(columns * sizeof *order); /* 0: free to move */
    if (!tau || !order) {
        rc = SQLITE_NOMEM;
    } else {
        LAPACKE_dgeqp3_work(LAPACK_COL_MAJOR, m, n, a, m, order, tau, &wanted, -1);
        memset(order, 0, columns * sizeof *order);
        rc = workspace(wanted, &work, &size);
    }
    if (rc == SQLITE_OK) {
        if (LAPACKE_dgeqp3_work(LAPACK_COL_MAJOR, m, n, a, m, order, tau, work, size))
            rc = SQLITE_ERROR;
        for (size_t j = 0; j < columns; j++)
            pivot[j] = (size_t)(order[j] - 1);
    }
    if (rc == SQLITE_OK && q) rc = form_q(a, rows, smaller(rows, columns), tau, q);
    if (rc == SQLITE_OK) clear_below(a, rows, columns);
    pythia_free(tau);
    pythia_free(order);
    pythia_free(work);
    return rc;
}

int pythia_linalg_svd(double *a, size_t rows, size_t columns, double *s, double *u, double *vt) {
    int rc = check(a, rows, columns);
    if (rc || rows == 0 || columns == 0) return rc;
    lapack_int m = (lapack_int)rows, n = (lapack_int)columns, size;
    lapack_int k = (lapack_int)smaller(rows, columns);
    double wanted = 0, *work;
    LAPACKE_dgesvd_work(LAPACK_COL_MAJOR, 'S', 'S', m, n, a, m, s, u, m, vt, k, &wanted, -1);
    rc = workspace(wanted, &work, &size);
    if (rc) return rc;
    lapack_int info =
        LAPACKE_dgesvd_work(LAPACK_COL_MAJOR, 'S', 'S', m, n, a, m, s, u, m, vt, k, work, size);
    pythia_free(work);
    return info ? SQLITE_ERROR : SQLITE_OK;
}

int pythia_linalg_solve_upper(const double *r, size_t n, size_t ldr, double *b, size_t columns) {
    if (!sizes_fit(n, columns) || !sizes_fit(ldr, n) || ldr < n) return SQLITE_RANGE;
    if (n == 0 || columns == 0) return SQLITE_OK;
    for (size_t j = 0; j < n; j++)
        if (r[j + j * ldr] == 0 || !all_finite(r + j * ldr, j + 1)) return SQLITE_ERROR;
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, (int)n,
                (int)columns, 1, r, (int)ldr, b, (int)n);
    return SQLITE_OK;
}

int pythia_linalg_multiply_tn(const double *a, size_t rows, size_t m, const double *b, size_t n,
                              double *c) {
    if (!sizes_fit(rows, m) || !sizes_fit(rows, n) || !sizes_fit(m, n)) return SQLITE_RANGE;
    if (m == 0 || n == 0) return SQLITE_OK;
    if (rows == 0) {
        memset(c, 0, m * n * sizeof *c);
        return SQLITE_OK;
    }
    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, (int)m, (int)n, (int)rows, 1, a,
                leading(rows), b, leading(rows), 0, c, leading(m));
    return SQLITE_OK;
}
