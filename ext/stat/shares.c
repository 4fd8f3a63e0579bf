/* shares.c - see shares.h.
**
** Fisher's p sums the tables that are not more likely than the one that was seen, by the ratios of neighbours
** from the most likely one on, so that no factorial is needed. */
#include "ext/stat/shares.h"

#include <math.h>

#include "ext/stat/distribution.h"

#define KS_EXACT_PAIRS 1e5
/* Tables that are as likely as the one seen differ from it by the rounding of their ratios. */
#define FISHER_SLACK 1e-7

/* The table (x, row - x; column - x, rest) for x = low .. high, as likely as weight(x). One walk finds the sum,
** a second one the part that counts. */
typedef struct Fisher {
    double row, column, n;
    double low, high;
} Fisher;

/* weight(x + 1) / weight(x) */
static double fisher_ratio(const Fisher *f, double x) {
    return (f->row - x) * (f->column - x) / ((x + 1) * (f->n - f->row - f->column + x + 1));
}

static double fisher_p(const Fisher *f, double seen) {
    double mode = floor((f->row + 1) * (f->column + 1) / (f->n + 2));
    if (mode < f->low) mode = f->low;
    if (mode > f->high) mode = f->high;
    const int64_t up = (int64_t)(f->high - mode), down = (int64_t)(mode - f->low);
    double weight = 1, at_seen = 1, sum = 1, part = 0;
    for (int64_t i = 0; i < up; i++) {
        const double x = mode + (double)i;
        weight *= fisher_ratio(f, x);
        sum += weight;
        if (x + 1 <= seen) at_seen = weight;
    }
    weight = 1;
    for (int64_t i = 0; i < down; i++) {
        const double x = mode - (double)i;
        weight /= fisher_ratio(f, x - 1);
        sum += weight;
        if (x - 1 >= seen && seen < mode) at_seen = weight;
    }
    double most = at_seen * (1 + FISHER_SLACK);
    if (most >= 1) part += 1;
    weight = 1;
    for (int64_t i = 0; i < up; i++) {
        const double x = mode + (double)i;
        weight *= fisher_ratio(f, x);
        if (weight <= most) part += weight;
    }
    weight = 1;
    for (int64_t i = 0; i < down; i++) {
        const double x = mode - (double)i;
        weight /= fisher_ratio(f, x - 1);
        if (weight <= most) part += weight;
    }
    return fmin(part / sum, 1);
}

PythiaTwoSample pythia_shares(const uint64_t *a, const uint64_t *b, size_t levels) {
    double n_a = 0, n_b = 0, chi2 = 0, first_a = 0, first = 0;
    size_t used = 0;
    for (size_t i = 0; i < levels; i++) {
        n_a += (double)a[i];
        n_b += (double)b[i];
        if (!a[i] && !b[i]) continue;
        if (!used++) {
            first_a = (double)a[i];
            first = (double)a[i] + (double)b[i];
        }
    }
    double n = n_a + n_b;
    if (!(n_a > 0) || !(n_b > 0)) return (PythiaTwoSample){NAN, NAN};
    if (used < 2) return (PythiaTwoSample){0, 1};
    for (size_t i = 0; i < levels; i++) {
        double both = (double)a[i] + (double)b[i];
        if (!(both > 0)) continue;
        double expected = both * n_a / n, d = (double)a[i] - expected;
        chi2 += d * d / expected + d * d / (both * n_b / n);
    }
    /* Bergsma's correction: without it many levels look like a difference. */
    double unbiased = (chi2 / n - ((double)used - 1) / (n - 1)) / (1 - 1 / (n - 1));
    PythiaTwoSample result = {n > 2 ? sqrt(fmax(0, fmin(unbiased, 1))) : sqrt(fmin(chi2 / n, 1)),
                              1};
    if (used == 2 && n <= PYTHIA_FISHER_MOST) {
        Fisher f = {n_a, first, n, fmax(0, n_a + first - n), fmin(n_a, first)};
        result.p = fisher_p(&f, first_a);
    } else {
        result.p = pythia_chi2_upper(chi2, (double)used - 1);
    }
    return result;
}

int pythia_ks_quick(const double *a, size_t n_a, const double *b, size_t n_b,
                    PythiaTwoSample *result, PythiaPoll *poll) {
    double pairs = (double)n_a * (double)n_b, most = 0;
    if (pairs <= KS_EXACT_PAIRS) return pythia_ks(a, n_a, b, n_b, result, poll);
    for (size_t i = 0, j = 0; i < n_a || j < n_b;) {
        double value = j == n_b || (i < n_a && a[i] < b[j]) ? a[i] : b[j];
        while (i < n_a && a[i] <= value)
            i++;
        while (j < n_b && b[j] <= value)
            j++;
        most = fmax(most, fabs((double)i / (double)n_a - (double)j / (double)n_b));
    }
    *result = (PythiaTwoSample){
        most, fmin(1, 2 * exp(-2 * most * most * pairs / ((double)n_a + (double)n_b)))};
    return pythia_poll(poll);
}
