/* cca.c - canonical correlation analysis (Hotelling 1936) by orthogonal factors (Bjorck & Golub
** 1973).
**
** Rows [1 | x - x0 | y - y0] are collected in a block; when it is full, its QR factor R replaces it
** at the top and collecting goes on below (TSQR). Without its first row and column, R is the
** triangular factor of the centred data, found without a mean and without a product of two columns:
** condition numbers are not squared, and x0, the first row, takes offsets away before anything is
** rounded.
**
** From R: columns are scaled to unit norm; a pivoted QR of either side finds its rank and an
** orthonormal basis; the singular values of Qx'Qy are the correlations; triangular solves give the
** weights. Products of the scaled columns with the variates are the loadings. A correlation close to
** 1 says little about 1 - r^2, which the tests need: that comes from the sines, the singular values of
** the part of Qy that lies outside of Qx.
**
** Tests: Rao's F and Bartlett's chi squared of Wilks' lambda, in logarithms (Rencher, Methods of
** Multivariate Analysis, 2002, ch. 11). */
#include "ext/stat/cca.h"

#include <math.h>
#include <string.h>

#include "ext/base/error.h"
#include "ext/base/mem.h"
#include "ext/stat/distribution.h"
#include "ext/stat/linalg.h"

#ifdef PYTHIA_TEST
enum { BLOCK_ROWS = 5 };
#else
enum { BLOCK_ROWS = 1024 };
#endif

/* A column whose centred norm is this small against its values is constant up to rounding; one
** whose part independent of the others is this small depends on them. */
#define CONSTANT_NOISE  1e-13
#define DEPENDENT_NOISE 1e-9
/* What a perfect fit leaves unexplained is the rounding of the data. */
#define PERFECT_NOISE 1e-28

struct PythiaCca {
    int columns_x, columns_y;
    size_t columns; /* 1 + columns_x + columns_y */
    size_t rows;    /* that the block holds: columns for R, and room for more */
    size_t used;    /* rows in use */
    int64_t n;
    double *first;   /* the first row, x then y */
    double *block;   /* rows x columns, by columns; rows not in use are 0 */
    double *centred; /* what cca_centred() makes, or NULL: not made since the last row */
};

/* One side while the result is made. Vectors have `rows` elements, rows = columns - 1. */
typedef struct CcaSide {
    const double *first;
    size_t columns, rank;
    double *scaled; /* rows x columns, columns of unit norm, or 0 for a constant one */
    double *q;      /* rows x columns; the first `rank` columns are the basis */
    double *factor; /* rows x columns, pivoted R */
    size_t *pivot;
    double *variate; /* rows x d, unit vectors */
    double *turn;    /* rank x d: the variates in the basis */
} CcaSide;

typedef struct CcaFit {
    size_t rows, d;
    CcaSide x, y;
    double *correlation, *rest; /* d */
} CcaFit;

int pythia_cca_open(int columns_x, int columns_y, PythiaCca **cca, char **error) {
    *cca = NULL;
    if (columns_x < 1 || columns_y < 1)
        return pythia_fail(error, SQLITE_RANGE, "cca needs a column on either side");
    if (columns_x > PYTHIA_CCA_COLUMNS_MAX - columns_y)
        return pythia_fail(error, SQLITE_RANGE, "cca: more than %d columns",
                           PYTHIA_CCA_COLUMNS_MAX);
    PythiaCca *c = pythia_alloc_zero(sizeof *c);
    if (!c) return SQLITE_NOMEM;
    c->columns_x = columns_x;
    c->columns_y = columns_y;
    c->columns = 1 + (size_t)columns_x + (size_t)columns_y;
    c->rows = 2 * c->columns + BLOCK_ROWS;
    c->first = pythia_alloc_array(c->columns, sizeof *c->first);
    c->block = pythia_alloc_zero(c->rows * c->columns * sizeof *c->block);
    if (!c->first || !c->block) {
        pythia_cca_close(c);
        return SQLITE_NOMEM;
    }
    *cca = c;
    return SQLITE_OK;
}

void pythia_cca_close(PythiaCca *cca) {
    if (!cca) return;
    pythia_free(cca->first);
    pythia_free(cca->block);
    pythia_free(cca->centred);
    pythia_free(cca);
}

static int cca_fail(int rc, char **error) {
    if (rc == SQLITE_ERROR)
        return pythia_fail(error, rc, "cca: the values are too large, or not finite");
    return rc;
}

int pythia_cca_add(PythiaCca *cca, const double *x, const double *y, char **error) {
    size_t nx = (size_t)cca->columns_x, ny = (size_t)cca->columns_y;
    if (cca->used == cca->rows) {
        int rc = pythia_linalg_r(cca->block, cca->rows, cca->columns);
        if (rc) return cca_fail(rc, error);
        cca->used = cca->columns;
    }
    if (cca->centred) {
        pythia_free(cca->centred);
        cca->centred = NULL;
    }
    if (cca->n++ == 0) {
        memcpy(cca->first, x, nx * sizeof *x);
        memcpy(cca->first + nx, y, ny * sizeof *y);
    }
    double *row = cca->block + cca->used++;
    row[0] = 1;
    for (size_t j = 0; j < nx; j++)
        row[(1 + j) * cca->rows] = x[j] - cca->first[j];
    for (size_t j = 0; j < ny; j++)
        row[(1 + nx + j) * cca->rows] = y[j] - cca->first[nx + j];
    return SQLITE_OK;
}

/* The triangular factor of the centred data, (columns - 1) square. */
static int cca_centred(PythiaCca *cca) {
    size_t rows = cca->rows, k = cca->columns;
    if (cca->centred) return SQLITE_OK;
    double *r = pythia_alloc_array(rows * k, sizeof *r);
    if (!r) return SQLITE_NOMEM;
    memcpy(r, cca->block, rows * k * sizeof *r);
    int rc = pythia_linalg_r(r, rows, k);
    if (rc) {
        pythia_free(r);
        return rc;
    }
    /* Moved together in place: column j of the factor lies in front of where it comes from. */
    for (size_t j = 1; j < k; j++)
        memmove(r + (j - 1) * (k - 1), r + 1 + j * rows, (k - 1) * sizeof *r);
    cca->centred = r;
    return SQLITE_OK;
}

static double vector_norm(const double *v, size_t n) {
    double most = 0, sum = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(v[i]));
    if (!(most > 0)) return 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i] / most * (v[i] / most);
    return most * sqrt(sum);
}

static void side_free(CcaSide *s) {
    pythia_free(s->scaled);
    pythia_free(s->q);
    pythia_free(s->factor);
    pythia_free(s->pivot);
    pythia_free(s->variate);
    pythia_free(s->turn);
}

/* A column of unit norm, or 0 for a constant one. */
static void column_scale(const double *from, size_t rows, int64_t n, double first, double *to) {
    double norm = vector_norm(from, rows);
    double noise = CONSTANT_NOISE * sqrt((double)n) * fabs(first);
    for (size_t i = 0; i < rows; i++)
        to[i] = norm > noise ? from[i] / norm : 0;
}

/* Scales the columns, and finds rank and basis. */
static int side_factor(CcaSide *s, const double *centred, size_t rows, int64_t n) {
    size_t k = s->columns;
    s->scaled = pythia_alloc_array(rows * k, sizeof *s->scaled);
    s->q = pythia_alloc_array(rows * k, sizeof *s->q);
    s->factor = pythia_alloc_array(rows * k, sizeof *s->factor);
    s->pivot = pythia_alloc_array(k, sizeof *s->pivot);
    if (!s->scaled || !s->q || !s->factor || !s->pivot) return SQLITE_NOMEM;
    for (size_t j = 0; j < k; j++)
        column_scale(centred + j * rows, rows, n, s->first[j], s->scaled + j * rows);
    memcpy(s->factor, s->scaled, rows * k * sizeof *s->factor);
    int rc = pythia_linalg_r_pivoted(s->factor, rows, k, s->pivot, s->q);
    if (rc) return rc;
    double least = DEPENDENT_NOISE * fabs(s->factor[0]);
    while (s->rank < k && fabs(s->factor[s->rank + s->rank * rows]) > least)
        s->rank++;
    return SQLITE_OK;
}

/* rest[i] = 1 - correlation[i]^2. `product` is Qx'Qy. Sines come in descending order, those of
** dimensions of Y beyond d first. */
static int fit_rest(CcaFit *f, const double *product) {
    size_t rx = f->x.rank, ry = f->y.rank, rows = f->rows;
    double *outside = pythia_alloc_array(rows * ry + 1, sizeof *outside);
    double *scratch = pythia_alloc_array((rows + ry) * ry + 1, sizeof *scratch);
    double *sine = pythia_alloc_array(ry + 1, sizeof *sine);
    int rc = outside && scratch && sine ? SQLITE_OK : SQLITE_NOMEM;
    for (size_t j = 0; rc == SQLITE_OK && j < ry; j++)
        for (size_t r = 0; r < rows; r++) {
            double inside = 0;
            for (size_t b = 0; b < rx; b++)
                inside += f->x.q[r + b * rows] * product[b + j * rx];
            outside[r + j * rows] = f->y.q[r + j * rows] - inside;
        }
    if (rc == SQLITE_OK)
        rc = pythia_linalg_svd(outside, rows, ry, sine, scratch, scratch + rows * ry);
    for (size_t i = 0; rc == SQLITE_OK && i < f->d; i++) {
        double c = f->correlation[i], s = fmin(sine[ry - 1 - i], 1);
        f->rest[i] = c * c < 0.5 ? 1 - c * c : s * s > PERFECT_NOISE ? s * s : 0;
    }
    pythia_free(outside);
    pythia_free(scratch);
    pythia_free(sine);
    return rc;
}

/* The correlations, and both sides' variates in their bases. */
static int fit_correlate(CcaFit *f) {
    size_t rx = f->x.rank, ry = f->y.rank;
    f->d = rx < ry ? rx : ry;
    size_t room = f->d + 1;
    double *product = pythia_alloc_array(rx * ry + 1, sizeof *product);
    double *vt = pythia_alloc_array(f->d * ry + 1, sizeof *vt);
    f->x.turn = pythia_alloc_array(rx * f->d + 1, sizeof(double));
    f->y.turn = pythia_alloc_array(ry * f->d + 1, sizeof(double));
    double *kept = pythia_alloc_array(rx * ry + 1, sizeof *kept);
    f->correlation = pythia_alloc_array(room, 2 * sizeof(double));
    f->rest = f->correlation ? f->correlation + room : NULL;
    int rc = product && kept && vt && f->x.turn && f->y.turn && f->correlation ? SQLITE_OK
                                                                               : SQLITE_NOMEM;
    if (rc == SQLITE_OK) rc = pythia_linalg_multiply_tn(f->x.q, f->rows, rx, f->y.q, ry, product);
    if (rc == SQLITE_OK) memcpy(kept, product, rx * ry * sizeof *kept);
    if (rc == SQLITE_OK) rc = pythia_linalg_svd(product, rx, ry, f->correlation, f->x.turn, vt);
    if (rc == SQLITE_OK) {
        for (size_t j = 0; j < ry; j++)
            for (size_t i = 0; i < f->d; i++)
                f->y.turn[j + i * ry] = vt[i + j * f->d];
        for (size_t i = 0; i < f->d; i++)
            f->correlation[i] = fmin(fmax(f->correlation[i], 0), 1);
        if (f->d > 0) rc = fit_rest(f, kept);
    }
    pythia_free(product);
    pythia_free(kept);
    pythia_free(vt);
    return rc;
}

/* variate := q turn. */
static int side_variates(CcaSide *s, size_t rows, size_t d) {
    s->variate = pythia_alloc_zero((rows * d + 1) * sizeof(double));
    if (!s->variate) return SQLITE_NOMEM;
    for (size_t i = 0; i < d; i++)
        for (size_t b = 0; b < s->rank; b++) {
            double weight = s->turn[b + i * s->rank];
            for (size_t r = 0; r < rows; r++)
                s->variate[r + i * rows] += weight * s->q[r + b * rows];
        }
    return SQLITE_OK;
}

/* Correlations of a side's columns with variates (rows x d): out[column * d + dimension]. */
static void side_loadings(const CcaSide *s, const double *variate, size_t rows, size_t d,
                          double *out) {
    for (size_t j = 0; j < s->columns; j++) {
        const double *column = s->scaled + j * rows;
        int constant = !(vector_norm(column, rows) > 0);
        for (size_t i = 0; i < d; i++) {
            double sum = 0;
            for (size_t r = 0; r < rows; r++)
                sum += column[r] * variate[r + i * rows];
            out[j * d + i] = constant ? NAN : sum;
        }
    }
}

/* Standardised weights: inv(factor) turn, in the order of the columns. */
static int side_weights(CcaSide *s, size_t rows, size_t d, double *weight, unsigned char *kept) {
    int rc = pythia_linalg_solve_upper(s->factor, s->rank, rows, s->turn, d);
    for (size_t b = 0; rc == SQLITE_OK && b < s->rank; b++) {
        kept[s->pivot[b]] = 1;
        for (size_t i = 0; i < d; i++)
            weight[s->pivot[b] * d + i] = s->turn[b + i * s->rank];
    }
    return rc;
}

/* One block for the struct and all its arrays. */
static PythiaCcaResult *result_alloc(int64_t n, size_t nx, size_t ny, size_t d) {
    size_t numbers = 11 * d + 3 * d * (nx + ny);
    PythiaCcaResult *r = pythia_alloc_zero(sizeof *r + numbers * sizeof(double) + nx + ny);
    if (!r) return NULL;
    double *at = (double *)(void *)(r + 1);
    double **vectors[] = {&r->correlation, &r->rest, &r->wilks,  &r->f,      &r->df1,     &r->df2,
                          &r->p,           &r->chi2, &r->p_chi2, &r->lawley, &r->p_lawley};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++, at += d)
        *vectors[i] = at;
    double **of_x[] = {&r->weight_x, &r->loading_x, &r->cross_x};
    double **of_y[] = {&r->weight_y, &r->loading_y, &r->cross_y};
    for (size_t i = 0; i < 3; i++) {
        *of_x[i] = at;
        *of_y[i] = at + nx * d;
        at += (nx + ny) * d;
    }
    r->kept_x = (unsigned char *)at;
    r->kept_y = r->kept_x + nx;
    r->n = n;
    r->columns_x = (int)nx;
    r->columns_y = (int)ny;
    r->d = (int)d;
    return r;
}

/* The test of dimension k and those after it; log_lambda is the logarithm of Wilks' lambda. */
static void result_test(PythiaCcaResult *r, int k, double log_lambda) {
    double p = r->rank_y - k, q = r->rank_x - k, pq = p * q;
    double m = (double)r->n - 1.5 - (r->rank_x + r->rank_y) / 2.0;
    double s = pq > 2 ? sqrt((pq * pq - 4) / (p * p + q * q - 5)) : 1;
    double df2 = m * s - pq / 2 + 1;
    int defined = r->n - 1 >= r->rank_x + r->rank_y && df2 > 0;
    r->wilks[k] = exp(log_lambda);
    r->df1[k] = pq;
    r->df2[k] = r->f[k] = r->p[k] = r->chi2[k] = r->p_chi2[k] = NAN;
    r->lawley[k] = r->p_lawley[k] = NAN;
    if (!defined) return;
    double root = log_lambda / s; /* of lambda^(1/s), the share not explained */
    r->df2[k] = df2;
    r->f[k] = expm1(-root) * df2 / pq;
    r->p[k] = pythia_r2_p(-expm1(root), exp(root), pq, df2);
    r->chi2[k] = -m * log_lambda;
    r->p_chi2[k] = pythia_chi2_upper(r->chi2[k], pq);
    double before = 0; /* Lawley 1959, as in MATLAB's canoncorr */
    for (int j = 0; j < k; j++)
        before += 1 / (r->correlation[j] * r->correlation[j]);
    double times = (double)r->n - k - (r->rank_x + r->rank_y + 3) / 2.0 + before;
    r->lawley[k] = -times * log_lambda;
    r->p_lawley[k] = pythia_chi2_upper(r->lawley[k], pq);
}

static void result_tests(PythiaCcaResult *r) {
    double log_lambda = 0;
    for (int k = r->d; k-- > 0;) {
        double c = r->correlation[k];
        log_lambda += log(r->rest[k]);
        r->pillai += c * c;
        result_test(r, k, log_lambda);
    }
}

/* Turns each dimension so that the largest X loading is positive. */
static void result_signs(PythiaCcaResult *r) {
    size_t d = (size_t)r->d;
    for (size_t i = 0; i < d; i++) {
        double most = 0;
        for (int j = 0; j < r->columns_x; j++) {
            double v = r->loading_x[(size_t)j * d + i];
            if (fabs(v) > fabs(most) * (1 + 1e-12)) most = v;
        }
        if (most >= 0) continue;
        for (int j = 0; j < r->columns_x; j++) {
            size_t at = (size_t)j * d + i;
            r->weight_x[at] *= -1;
            r->loading_x[at] *= -1;
            r->cross_x[at] *= -1;
        }
        for (int j = 0; j < r->columns_y; j++) {
            size_t at = (size_t)j * d + i;
            r->weight_y[at] *= -1;
            r->loading_y[at] *= -1;
            r->cross_y[at] *= -1;
        }
    }
}

static int fit_result(CcaFit *f, int64_t n, PythiaCcaResult **result) {
    PythiaCcaResult *r = result_alloc(n, f->x.columns, f->y.columns, f->d);
    if (!r) return SQLITE_NOMEM;
    r->rank_x = (int)f->x.rank;
    r->rank_y = (int)f->y.rank;
    memcpy(r->correlation, f->correlation, f->d * sizeof(double));
    memcpy(r->rest, f->rest, f->d * sizeof(double));
    side_loadings(&f->x, f->x.variate, f->rows, f->d, r->loading_x);
    side_loadings(&f->x, f->y.variate, f->rows, f->d, r->cross_x);
    side_loadings(&f->y, f->y.variate, f->rows, f->d, r->loading_y);
    side_loadings(&f->y, f->x.variate, f->rows, f->d, r->cross_y);
    int rc = side_weights(&f->x, f->rows, f->d, r->weight_x, r->kept_x);
    if (rc == SQLITE_OK) rc = side_weights(&f->y, f->rows, f->d, r->weight_y, r->kept_y);
    if (rc) {
        pythia_cca_result_free(r);
        return rc;
    }
    result_signs(r);
    result_tests(r);
    *result = r;
    return SQLITE_OK;
}

int pythia_cca_finish_some(PythiaCca *cca, PythiaCcaSpan x, PythiaCcaSpan y,
                           PythiaCcaResult **result, char **error) {
    size_t at_x = (size_t)x.first, at_y = (size_t)cca->columns_x + (size_t)y.first;
    CcaFit fit = {.rows = cca->columns - 1,
                  .x = {.first = cca->first + at_x, .columns = (size_t)x.n},
                  .y = {.first = cca->first + at_y, .columns = (size_t)y.n}};
    *result = NULL;
    int rc = cca_centred(cca);
    if (rc == SQLITE_OK && cca->n > 1) {
        rc = side_factor(&fit.x, cca->centred + fit.rows * at_x, fit.rows, cca->n);
        if (rc == SQLITE_OK)
            rc = side_factor(&fit.y, cca->centred + fit.rows * at_y, fit.rows, cca->n);
        if (rc == SQLITE_OK) rc = fit_correlate(&fit);
        if (rc == SQLITE_OK) rc = side_variates(&fit.x, fit.rows, fit.d);
        if (rc == SQLITE_OK) rc = side_variates(&fit.y, fit.rows, fit.d);
        if (rc == SQLITE_OK) rc = fit_result(&fit, cca->n, result);
    } else if (rc == SQLITE_OK) {
        *result = result_alloc(cca->n, (size_t)x.n, (size_t)y.n, 0);
        if (!*result) rc = SQLITE_NOMEM;
    }
    side_free(&fit.x);
    side_free(&fit.y);
    pythia_free(fit.correlation);
    return cca_fail(rc, error);
}

int pythia_cca_finish(PythiaCca *cca, PythiaCcaResult **result, char **error) {
    return pythia_cca_finish_some(cca, (PythiaCcaSpan){0, cca->columns_x},
                                  (PythiaCcaSpan){0, cca->columns_y}, result, error);
}

/* variate (rows x d) := the sum of the scaled columns times their weights. */
static void weighted_sum(const double *scaled, size_t rows, PythiaCcaSpan span,
                         const double *weight, size_t d, double *variate) {
    memset(variate, 0, rows * d * sizeof *variate);
    for (size_t j = (size_t)span.first; j < (size_t)span.first + (size_t)span.n; j++)
        for (size_t i = 0; i < d; i++)
            for (size_t r = 0; r < rows; r++)
                variate[r + i * rows] += weight[j * d + i] * scaled[r + j * rows];
}

/* out[i] = the length of variate i's projection on the basis; NaN where there is none. */
static void projection_norms(const CcaSide *basis, size_t rows, const double *variate, size_t d,
                             double *out) {
    for (size_t i = 0; i < d; i++) {
        double sum = 0;
        for (size_t b = 0; b < basis->rank; b++) {
            double along = 0;
            for (size_t r = 0; r < rows; r++)
                along += basis->q[r + b * rows] * variate[r + i * rows];
            sum += along * along;
        }
        out[i] = basis->rank > 0 ? fmin(1, sqrt(sum)) : NAN;
    }
}

int pythia_cca_together(PythiaCca *cca, const PythiaCcaResult *result, int of_y, PythiaCcaSpan span,
                        double *weight, double *loading, double *cross, char **error) {
    size_t rows = cca->columns - 1, d = (size_t)result->d, nx = (size_t)cca->columns_x;
    size_t at = (of_y ? nx : 0) + (size_t)span.first;
    CcaSide part = {.first = cca->first + at, .columns = (size_t)span.n};
    int rc = d > 0 ? cca_centred(cca) : SQLITE_OK;
    if (rc || d == 0) return cca_fail(rc, error);
    double *scaled = pythia_alloc_array(rows * rows, sizeof *scaled);
    double *variate = pythia_alloc_array(rows * d, 2 * sizeof *variate);
    rc = scaled && variate ? side_factor(&part, cca->centred + rows * at, rows, cca->n)
                           : SQLITE_NOMEM;
    if (rc == SQLITE_OK) {
        PythiaCcaSpan all_x = {0, cca->columns_x}, all_y = {0, cca->columns_y};
        double *x = variate, *y = variate + rows * d;
        for (size_t j = 0; j < rows; j++)
            column_scale(cca->centred + j * rows, rows, cca->n, cca->first[j], scaled + j * rows);
        weighted_sum(scaled, rows, all_x, result->weight_x, d, x);
        weighted_sum(scaled + rows * nx, rows, all_y, result->weight_y, d, y);
        projection_norms(&part, rows, of_y ? y : x, d, loading);
        projection_norms(&part, rows, of_y ? x : y, d, cross);
        weighted_sum(of_y ? scaled + rows * nx : scaled, rows, span,
                     of_y ? result->weight_y : result->weight_x, d, x);
        for (size_t i = 0; i < d; i++)
            weight[i] = vector_norm(x + i * rows, rows);
    }
    side_free(&part);
    pythia_free(scaled);
    pythia_free(variate);
    return cca_fail(rc, error);
}

void pythia_cca_result_free(PythiaCcaResult *result) {
    pythia_free(result);
}
