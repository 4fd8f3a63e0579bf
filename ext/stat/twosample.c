/* twosample.c - Kolmogorov-Smirnov, Mann-Whitney, Cliff, Wasserstein, energy distance.
**
** All walk the two sorted samples side by side, one group of equal values at a time.
**
** The exact p of Kolmogorov-Smirnov counts lattice paths (Schroer & Trenkler 1995): an order
** of the pooled values is a path from (0, 0) to (n_a, n_b), all equally likely, and D is
** reached where a path is at least as far from the diagonal as the data were; with ties only
** ends of groups count. Counted are the paths that reach it, not the ones that do not, so
** that small p keep their digits. */
#include "ext/stat/twosample.h"

#include <math.h>
#include <string.h>

#include "ext/base/mem.h"
#include "ext/stat/distribution.h"

#define KS_EXACT_PAIRS 5e7 /* a fraction of a second; with many ties the limit is off by factors */

enum { MW_EXACT_VALUES = 50 };

typedef struct Walk {
    const double *a, *b;
    size_t n_a, n_b;
    size_t i, j;           /* values passed of a and b */
    size_t ties_a, ties_b; /* of the last group */
    double value;          /* its value */
} Walk;

/* Passes the next group of equal values; 0 at the end. */
static int walk_next(Walk *w) {
    if (w->i == w->n_a && w->j == w->n_b) return 0;
    size_t i = w->i, j = w->j;
    w->value = j == w->n_b || (i < w->n_a && w->a[i] < w->b[j]) ? w->a[i] : w->b[j];
    while (w->i < w->n_a && w->a[w->i] <= w->value)
        w->i++;
    while (w->j < w->n_b && w->b[w->j] <= w->value)
        w->j++;
    w->ties_a = w->i - i;
    w->ties_b = w->j - j;
    return 1;
}

/* |i / n_a - j / n_b| n_a n_b, in whole numbers as long as they fit a double exactly. */
static double lattice_distance(size_t i, size_t n_a, size_t j, size_t n_b) {
    return fabs((double)i * (double)n_b - (double)j * (double)n_a);
}

/* P(D sqrt(n) > x) for large n: two series, each quick where the other is slow. */
static double kolmogorov_upper(double x) {
    double sum = 0;
    if (x < 1.18) {
        double y = exp(-1.23370055013616983 / (x * x)); /* pi^2 / 8 */
        if (x <= 0) return 1;
        for (int k = 1; k <= 7; k += 2)
            sum += pow(y, k * k);
        return 1 - sqrt(2 * 3.14159265358979323846) / x * sum;
    }
    for (int k = 1; k <= 10; k++)
        sum += (k % 2 ? 2 : -2) * exp(-2.0 * k * k * x * x);
    return sum < 1 ? sum : 1;
}

/* Marks the pooled places 1 .. n_a+n_b after which a group of equal values ends. */
static unsigned char *group_ends(const double *a, size_t n_a, const double *b, size_t n_b) {
    unsigned char *end = pythia_alloc_zero(n_a + n_b + 1);
    Walk w = {.a = a, .b = b, .n_a = n_a, .n_b = n_b};
    while (end && walk_next(&w))
        end[w.i + w.j] = 1;
    return end;
}

/* The probability that a random path comes to `distance` at the end of a group. all[j] is that of
** passing (i, j), reached[j] that of passing it after having come so far. From (i, j) a path goes
** on to the next value of a with the share of a among the values that are left. */
static int ks_exact(const double *a, size_t n_a, const double *b, size_t n_b, double distance,
                    double *p, PythiaPoll *poll) {
    unsigned char *end = group_ends(a, n_a, b, n_b);
    double *all = pythia_alloc_zero((2 * (n_b + 1)) * sizeof *all);
    int rc = end && all ? SQLITE_OK : SQLITE_NOMEM;
    double *reached = all ? all + n_b + 1 : NULL;
    for (size_t i = 0; rc == SQLITE_OK && i <= n_a; i++) {
        double left_a = (double)(n_a - i) + 1;
        for (size_t j = 0; j <= n_b; j++) {
            double left_b = (double)(n_b - j) + 1, left = left_a + left_b - 1;
            double up = left_a / left, right = left_b / left;
            if (i + j == 0) {
                all[0] = 1;
                continue;
            }
            all[j] = (i > 0 ? all[j] * up : 0) + (j > 0 ? all[j - 1] * right : 0);
            reached[j] = (i > 0 ? reached[j] * up : 0) + (j > 0 ? reached[j - 1] * right : 0);
            if (end[i + j] && lattice_distance(i, n_a, j, n_b) >= distance) reached[j] = all[j];
        }
        rc = pythia_poll(poll);
    }
    if (rc == SQLITE_OK) *p = fmin(reached[n_b], 1);
    pythia_free(end);
    pythia_free(all);
    return rc;
}

int pythia_ks(const double *a, size_t n_a, const double *b, size_t n_b, PythiaTwoSample *result,
              PythiaPoll *poll) {
    *result = (PythiaTwoSample){NAN, NAN};
    if (n_a == 0 || n_b == 0) return SQLITE_OK;
    Walk w = {.a = a, .b = b, .n_a = n_a, .n_b = n_b};
    double most = 0, pairs = (double)n_a * (double)n_b;
    while (walk_next(&w))
        most = fmax(most, lattice_distance(w.i, n_a, w.j, n_b));
    result->statistic = most / pairs;
    if (!(most > 0)) {
        result->p = 1;
        return SQLITE_OK;
    }
    if (pairs <= KS_EXACT_PAIRS) return ks_exact(a, n_a, b, n_b, most, &result->p, poll);
    double root = sqrt(pairs / ((double)n_a + (double)n_b));
    result->p = kolmogorov_upper((root + 0.12 + 0.11 / root) * result->statistic);
    return SQLITE_OK;
}

/* U of a; *ties receives the sum of t^3 - t over groups of t equal values. */
static double u_of(const double *a, size_t n_a, const double *b, size_t n_b, double *ties) {
    Walk w = {.a = a, .b = b, .n_a = n_a, .n_b = n_b};
    double u = 0;
    *ties = 0;
    while (walk_next(&w)) {
        double t = (double)(w.ties_a + w.ties_b);
        u += (double)w.ties_a * ((double)(w.j - w.ties_b) + (double)w.ties_b / 2);
        *ties += t * t * t - t;
    }
    return u;
}

/* P(U <= u) without ties, u <= n_a n_b / 2. ways[k] is the number of orders with U = k; their
** generating function is the product of (1 - q^(n_b+i)) / (1 - q^i) for i = 1 .. n_a. */
static int u_lower(size_t n_a, size_t n_b, double u, double *p) {
    size_t most = (size_t)u;
    double *ways = pythia_alloc_zero((most + 1) * sizeof *ways), all = 1, below = 0;
    if (!ways) return SQLITE_NOMEM;
    ways[0] = 1;
    for (size_t i = 1; i <= n_a; i++) {
        for (size_t k = most + 1; k-- > n_b + i;)
            ways[k] -= ways[k - n_b - i];
        for (size_t k = i; k <= most; k++)
            ways[k] += ways[k - i];
        all *= (double)(n_b + i) / (double)i;
    }
    for (size_t k = 0; k <= most; k++)
        below += ways[k];
    pythia_free(ways);
    *p = below / all;
    return SQLITE_OK;
}

int pythia_mann_whitney(const double *a, size_t n_a, const double *b, size_t n_b,
                        PythiaTwoSample *result, PythiaPoll *poll) {
    *result = (PythiaTwoSample){NAN, NAN};
    int rc = poll ? pythia_poll_now(poll) : SQLITE_OK;
    if (rc || n_a == 0 || n_b == 0) return rc;
    double ties, u = u_of(a, n_a, b, n_b, &ties), pairs = (double)n_a * (double)n_b;
    double n = (double)n_a + (double)n_b, away = fabs(u - pairs / 2);
    result->statistic = u;
    if (!(ties > 0) && n_a < MW_EXACT_VALUES && n_b < MW_EXACT_VALUES) {
        rc = u_lower(n_a, n_b, pairs / 2 - away, &result->p);
        result->p = fmin(1, 2 * result->p);
        return rc;
    }
    double variance = pairs / 12 * (n + 1 - ties / (n * (n - 1)));
    if (!(variance > 0)) return SQLITE_OK; /* all values are equal */
    result->p = pythia_normal_two_sided(fmax(away - 0.5, 0) / sqrt(variance));
    return SQLITE_OK;
}

double pythia_cliffs_delta(const double *a, size_t n_a, const double *b, size_t n_b) {
    double ties;
    if (n_a == 0 || n_b == 0) return NAN;
    return 2 * u_of(a, n_a, b, n_b, &ties) / ((double)n_a * (double)n_b) - 1;
}

double pythia_wasserstein(const double *a, size_t n_a, const double *b, size_t n_b) {
    Walk w = {.a = a, .b = b, .n_a = n_a, .n_b = n_b};
    if (n_a == 0 || n_b == 0) return NAN;
    double area = 0, last = 0, height = 0;
    while (walk_next(&w)) {
        if (height > 0) area += height * (w.value - last);
        height = fabs((double)w.i / (double)n_a - (double)w.j / (double)n_b);
        last = w.value;
    }
    return area;
}

double pythia_energy_distance(const double *a, size_t n_a, const double *b, size_t n_b) {
    Walk w = {.a = a, .b = b, .n_a = n_a, .n_b = n_b};
    if (n_a == 0 || n_b == 0) return NAN;
    double area = 0, last = 0, height = 0;
    while (walk_next(&w)) {
        if (height > 0) area += height * height * (w.value - last);
        height = fabs((double)w.i / (double)n_a - (double)w.j / (double)n_b);
        last = w.value;
    }
    return sqrt(2 * area);
}
