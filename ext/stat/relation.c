/* relation.c - one variable against the response.
**
** p comes from the incomplete beta function of the unexplained share of variance, which is computed
** as the sum of squared residuals and not as 1 - r^2: near-perfect fits keep their digits. */
#include "ext/stat/relation.h"

#include <math.h>
#include <string.h>

#include "ext/base/mem.h"
#include "ext/stat/distribution.h"
#include "ext/stat/moments.h"
#include "ext/stat/order.h"

/* Fills in f and p from the explained and the remaining sum of squares, both relative to
** their sum. */
static void relation_test(PythiaRelation *r, double explained, double rest) {
    if (!(r->df1 >= 1 && r->df2 >= 1)) return;
    r->f = rest > 0 ? explained / r->df1 / (rest / r->df2) : INFINITY;
    r->p = pythia_r2_p(explained, rest, r->df1, r->df2);
}

static double mean_of(const double *x, size_t n) {
    PythiaMoments m = pythia_moments_of(x, n);
    return pythia_moments_mean(&m);
}

void pythia_relation_numeric(const double *x, const double *y, size_t n, PythiaRelation *result) {
    *result = (PythiaRelation){.n = n, .correlation = NAN, .f = NAN, .p = NAN, .df1 = 1};
    result->df2 = n > 2 ? (double)n - 2 : 0;
    if (n < 2) return;
    double mean_x = mean_of(x, n), mean_y = mean_of(y, n);
    double xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < n; i++) {
        double dx = x[i] - mean_x, dy = y[i] - mean_y;
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    if (!(xx > 0) || !(yy > 0) || !isfinite(xx) || !isfinite(yy)) return;
    double root_x = sqrt(xx), root_y = sqrt(yy), r = xy / root_x / root_y;
    result->correlation = r > 1 ? 1 : r < -1 ? -1 : r;
    double explained = r * r, rest = 1 - explained;
    if (rest < 0.01) {
        rest = 0;
        for (size_t i = 0; i < n; i++) {
            double e = (y[i] - mean_y) / root_y - r * ((x[i] - mean_x) / root_x);
            rest += e * e;
        }
    }
    /* What is left of a perfect fit is the rounding of the data. */
    if (rest < 1e-28) rest = 0;
    relation_test(result, fmin(explained, 1), rest);
}

/* Sums of squares between and within levels. mean[] and count[] are per level. */
static void category_squares(const uint32_t *level, const double *y, size_t n, double *mean,
                             const double *count, uint32_t n_levels, double *between,
                             double *within) {
    double total = mean_of(y, n);
    for (size_t i = 0; i < n; i++)
        mean[level[i]] += (y[i] - total) / count[level[i]];
    *between = *within = 0;
    for (uint32_t k = 0; k < n_levels; k++)
        *between += count[k] * mean[k] * mean[k];
    for (size_t i = 0; i < n; i++) {
        double d = (y[i] - total) - mean[level[i]];
        *within += d * d;
    }
}

int pythia_relation_category(const uint32_t *level, uint32_t n_levels, const double *y, size_t n,
                             PythiaRelation *result) {
    *result = (PythiaRelation){.n = n, .correlation = NAN, .f = NAN, .p = NAN};
    double *mean = pythia_alloc_zero(2 * sizeof *mean * ((size_t)n_levels + 1));
    if (!mean) return SQLITE_NOMEM;
    double *count = mean + n_levels;
    for (size_t i = 0; i < n; i++) {
        if (level[i] >= n_levels) {
            pythia_free(mean);
            return SQLITE_RANGE;
        }
        if (count[level[i]]++ == 0) result->levels++;
    }
    double between = 0, within = 0;
    if (n > 0) category_squares(level, y, n, mean, count, n_levels, &between, &within);
    pythia_free(mean);
    if (result->levels < 2) return SQLITE_OK;
    result->df1 = (double)(result->levels - 1);
    result->df2 = (double)(n - result->levels);
    double all = between + within;
    if (!(all > 0) || !isfinite(all)) return SQLITE_OK;
    double explained = between / all, rest = within / all;
    if (rest < 1e-28) rest = 0;
    result->correlation = sqrt(fmin(explained, 1));
    relation_test(result, explained, rest);
    return SQLITE_OK;
}

int pythia_relation_ranks(const double *x, const double *y, size_t n, PythiaRelation *result) {
    double *ranks = pythia_alloc_array(n, 2 * sizeof *ranks);
    if (!ranks) return SQLITE_NOMEM;
    int rc = pythia_ranks(x, n, ranks, NULL);
    if (rc == SQLITE_OK) rc = pythia_ranks(y, n, ranks + n, NULL);
    if (rc == SQLITE_OK) pythia_relation_numeric(ranks, ranks + n, n, result);
    pythia_free(ranks);
    return rc;
}
