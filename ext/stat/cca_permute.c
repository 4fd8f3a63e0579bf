/* cca_permute.c - the permutation test of canonical correlation.
**
** With orthonormal bases Qx and Qy of the centred columns, Pillai's trace is the squared Frobenius
** norm of Qx'Qy, and pairing the rows anew permutes the rows of Qy: a draw is a shuffle and one
** matrix product, without another factorisation. Rows are shuffled by Fisher and Yates with
** splitmix64; every draw goes on from the order of the last one. */
#include "ext/stat/cca_permute.h"

#include <math.h>
#include <string.h>

#include "ext/base/mem.h"
#include "ext/stat/linalg.h"

#define RANK_NOISE     1e-9
#define CONSTANT_NOISE 1e-13
/* Draws that come to the same value but for rounding count as at least as large. */
#define SAME 1e-12

static uint64_t random_next(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Centres a column and scales it to unit norm; 0 everywhere where it is constant. */
static void column_standardise(double *x, size_t n) {
    double most = 0, mean = 0, norm = 0, size;
    for (size_t i = 1; i < n; i++)
        mean += (x[i] - x[0]) / (double)n;
    mean += x[0];
    for (size_t i = 0; i < n; i++) {
        double from = x[i];
        x[i] -= mean;
        most = fmax(most, fabs(x[i]));
        norm = fmax(norm, fabs(from));
    }
    size = norm;
    int constant = !(most > CONSTANT_NOISE * size);
    norm = 0;
    for (size_t i = 0; i < n && !constant; i++)
        norm += x[i] / most * (x[i] / most);
    for (size_t i = 0; i < n; i++)
        x[i] = constant ? 0 : x[i] / most / sqrt(norm);
}

/* q (n x columns) receives the basis. */
static int basis_of(double *x, size_t columns, size_t n, double *q, size_t *rank) {
    size_t *pivot = pythia_alloc_array(columns, sizeof *pivot);
    int rc = pivot ? SQLITE_OK : SQLITE_NOMEM;
    size_t most = columns < n ? columns : n;
    for (size_t j = 0; rc == SQLITE_OK && j < columns; j++)
        column_standardise(x + j * n, n);
    if (rc == SQLITE_OK) rc = pythia_linalg_r_pivoted(x, n, columns, pivot, q);
    *rank = 0;
    while (rc == SQLITE_OK && *rank < most && fabs(x[*rank + *rank * n]) > RANK_NOISE * fabs(x[0]))
        (*rank)++;
    pythia_free(pivot);
    return rc;
}

static int pillai(const double *qx, size_t rx, const double *qy, size_t ry, size_t n,
                  double *product, double *trace) {
    int rc = pythia_linalg_multiply_tn(qx, n, rx, qy, ry, product);
    *trace = 0;
    for (size_t i = 0; i < rx * ry; i++)
        *trace += product[i] * product[i];
    return rc;
}

/* to := rows of from in a new order. */
static void rows_shuffle(uint32_t *order, uint64_t *random, const double *from, double *to,
                         size_t columns, size_t n) {
    for (size_t i = n; i-- > 1;) {
        size_t j = (size_t)(((random_next(random) >> 32) * (uint64_t)(i + 1)) >> 32);
        uint32_t swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    for (size_t c = 0; c < columns; c++)
        for (size_t i = 0; i < n; i++)
            to[i + c * n] = from[order[i] + c * n];
}

int pythia_cca_permute(double *x, size_t nx, double *y, size_t ny, size_t n, int64_t draws,
                       uint64_t seed, double *p, PythiaPoll *poll) {
    size_t rx, ry;
    int64_t reached = 0;
    *p = NAN;
    if (n < 2 || draws < 1) return SQLITE_OK;
    if (n >= UINT32_MAX) return SQLITE_RANGE;
    double *qx = pythia_alloc_array(n, nx * sizeof *qx);
    double *qy = pythia_alloc_array(n, ny * sizeof *qy);
    double *product = pythia_alloc_array(nx * ny, sizeof *product);
    uint32_t *order = pythia_alloc_array(n, sizeof *order);
    int rc = qx && qy && product && order ? SQLITE_OK : SQLITE_NOMEM;
    if (rc == SQLITE_OK) rc = basis_of(x, nx, n, qx, &rx);
    if (rc == SQLITE_OK) rc = basis_of(y, ny, n, qy, &ry);
    if (rc == SQLITE_OK && rx > 0 && ry > 0) {
        double observed, drawn;
        uint64_t random = seed;
        rc = pillai(qx, rx, qy, ry, n, product, &observed);
        for (size_t i = 0; i < n; i++)
            order[i] = (uint32_t)i;
        for (int64_t d = 0; rc == SQLITE_OK && d < draws; d++) {
            rows_shuffle(order, &random, qy, y, ry, n);
            rc = pillai(qx, rx, y, ry, n, product, &drawn);
            reached += drawn >= observed * (1 - SAME);
            if (rc == SQLITE_OK && poll) rc = pythia_poll_now(poll);
        }
        if (rc == SQLITE_OK) *p = (1 + (double)reached) / (1 + (double)draws);
    }
    pythia_free(qx);
    pythia_free(qy);
    pythia_free(product);
    pythia_free(order);
    return rc;
}
