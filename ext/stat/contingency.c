/* contingency.c - mutual information, G and chi squared of two categories.
**
** Cells are found by sorting pairs: a radix sort by b, then, stably, by a (two counting sorts), puts
** equal pairs side by side. With n_ij, row and column sums n_i and n_j,
**
**   I = sum n_ij / n ln (n_ij n / (n_i n_j))        (Shannon 1948; G = 2 n I)
**   chi2 = n (sum n_ij^2 / (n_i n_j) - 1)           Cramer's V = sqrt(chi2 / n / (least levels - 1))
**
** The second form of chi2 needs no empty cells. Both sums are formed so that they are 0 where the
** frequencies are independent, up to rounding, and are clamped there. */
#include "ext/stat/contingency.h"

#include <math.h>
#include <string.h>

#include "ext/base/mem.h"
#include "ext/stat/distribution.h"
#include "ext/stat/order.h"
#include "ext/stat/quantile.h"

/* One stable counting sort: to := the elements of from ordered by key[element]. start has levels +
** 1 places and keeps, for each level, where it begins. */
static void sort_by(const uint32_t *key, uint32_t levels, const uint32_t *from, uint32_t *to,
                    size_t n, size_t *start) {
    memset(start, 0, ((size_t)levels + 1) * sizeof *start);
    for (size_t i = 0; i < n; i++)
        start[key[i] + 1]++;
    for (uint32_t k = 0; k < levels; k++)
        start[k + 1] += start[k];
    for (size_t i = 0; i < n; i++) {
        uint32_t element = from ? from[i] : (uint32_t)i;
        to[start[key[element]]++] = element;
    }
    memmove(start + 1, start, levels * sizeof *start);
    start[0] = 0;
}

/* Entropy of the sizes of levels, and how many are not empty. */
static double entropy(const size_t *start, uint32_t levels, size_t n, size_t *used) {
    double sum = 0;
    *used = 0;
    for (uint32_t k = 0; k < levels; k++) {
        double share = (double)(start[k + 1] - start[k]) / (double)n;
        if (!(share > 0)) continue;
        sum -= share * log(share);
        (*used)++;
    }
    return sum;
}

/* Adds up the cells; order lists the pairs sorted by a, then b. */
static int cells_sum(const uint32_t *a, const uint32_t *b, const uint32_t *order, size_t n,
                     const size_t *start_a, const size_t *start_b, PythiaContingency *result,
                     PythiaPoll *poll) {
    double all = (double)n, information = 0, squares = 0;
    for (size_t i = 0, end; i < n; i = end) {
        uint32_t at_a = a[order[i]], at_b = b[order[i]];
        for (end = i + 1; end < n && a[order[end]] == at_a && b[order[end]] == at_b;)
            end++;
        double cell = (double)(end - i);
        double row = (double)(start_a[at_a + 1] - start_a[at_a]);
        double column = (double)(start_b[at_b + 1] - start_b[at_b]);
        double expected = row * (column / all), away = cell - expected;
        /* ln(cell / expected) by its difference, so that near-independence keeps its digits. */
        information += cell / all * log1p(away / expected);
        squares += cell / row * (cell / column);
        int rc = pythia_poll(poll);
        if (rc) return rc;
    }
    result->mutual_information = fmax(information, 0);
    result->g = 2 * all * result->mutual_information;
    result->chi2 = all * fmax(squares - 1, 0);
    return SQLITE_OK;
}

static void contingency_test(PythiaContingency *r) {
    size_t least = r->levels_a < r->levels_b ? r->levels_a : r->levels_b;
    r->df = (double)(r->levels_a - 1) * (double)(r->levels_b - 1);
    r->p = r->df > 0 ? pythia_chi2_upper(r->g, r->df) : NAN;
    r->cramers_v = least > 1 ? fmin(1, sqrt(r->chi2 / (double)r->n / (double)(least - 1))) : NAN;
}

int pythia_contingency(const uint32_t *a, uint32_t levels_a, const uint32_t *b, uint32_t levels_b,
                       size_t n, PythiaContingency *result, PythiaPoll *poll) {
    *result = (PythiaContingency){n, 0, 0, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    if (n == 0) return SQLITE_OK;
    if (n >= UINT32_MAX) return SQLITE_TOOBIG;
    for (size_t i = 0; i < n; i++)
        if (a[i] >= levels_a || b[i] >= levels_b) return SQLITE_RANGE;
    uint32_t *order = pythia_alloc_array(n, 2 * sizeof *order);
    size_t *start_a = pythia_alloc_array((size_t)levels_a + 1, sizeof *start_a);
    size_t *start_b = pythia_alloc_array((size_t)levels_b + 1, sizeof *start_b);
    int rc = order && start_a && start_b ? SQLITE_OK : SQLITE_NOMEM;
    if (rc == SQLITE_OK) {
        sort_by(b, levels_b, NULL, order + n, n, start_b);
        sort_by(a, levels_a, order + n, order, n, start_a);
        result->entropy_a = entropy(start_a, levels_a, n, &result->levels_a);
        result->entropy_b = entropy(start_b, levels_b, n, &result->levels_b);
        rc = cells_sum(a, b, order, n, start_a, start_b, result, poll);
    }
    if (rc == SQLITE_OK) contingency_test(result);
    pythia_free(order);
    pythia_free(start_a);
    pythia_free(start_b);
    return rc;
}

int pythia_quantile_classes(const double *x, size_t n, uint32_t classes, uint32_t *class_of,
                            PythiaPoll *poll) {
    double *sorted = pythia_alloc_array(n + classes, sizeof *sorted);
    if (!sorted) return SQLITE_NOMEM;
    double *cut = sorted + n;
    memcpy(sorted, x, n * sizeof *x);
    int rc = pythia_sort(sorted, n, poll);
    for (uint32_t k = 1; rc == SQLITE_OK && k < classes; k++)
        cut[k - 1] = pythia_quantile_sorted(sorted, n, (double)k / classes, 7);
    for (size_t i = 0; rc == SQLITE_OK && i < n; i++) {
        uint32_t low = 0, high = classes - 1; /* the cuts below x[i] */
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (cut[middle] < x[i])
                low = middle + 1;
            else
                high = middle;
        }
        class_of[i] = low;
        rc = pythia_poll(poll);
    }
    pythia_free(sorted);
    return rc;
}
