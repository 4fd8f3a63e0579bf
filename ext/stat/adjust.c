/* adjust.c - multiple testing.
**
** Bonferroni; Holm 1979; Hochberg 1988; Hommel 1988 in the form of Wright 1992; Benjamini &
** Hochberg 1995; Benjamini & Yekutieli 2001. All are step-wise: sort the p-values, multiply each by
** a factor that depends on its rank, and make the result monotone from the end at which the
** procedure starts. */
#include "ext/stat/adjust.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "ext/base/mem.h"

static const struct {
    const char *name;
    PythiaAdjust method;
} adjust_names[] = {{"none", PYTHIA_ADJUST_NONE},     {"bonferroni", PYTHIA_ADJUST_BONFERRONI},
                    {"holm", PYTHIA_ADJUST_HOLM},     {"hochberg", PYTHIA_ADJUST_HOCHBERG},
                    {"hommel", PYTHIA_ADJUST_HOMMEL}, {"bh", PYTHIA_ADJUST_BH},
                    {"fdr", PYTHIA_ADJUST_BH},        {"by", PYTHIA_ADJUST_BY}};

int pythia_adjust_named(PythiaText name, PythiaAdjust *method) {
    for (size_t i = 0; i < sizeof adjust_names / sizeof adjust_names[0]; i++) {
        size_t n = strlen(adjust_names[i].name);
        if (n != name.n || sqlite3_strnicmp(adjust_names[i].name, name.p, (int)n)) continue;
        *method = adjust_names[i].method;
        return 1;
    }
    return 0;
}

typedef struct Ranked {
    double p;
    size_t index;
} Ranked;

static void ranked_sink(Ranked *heap, size_t n, size_t at) {
    Ranked v = heap[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && heap[child].p < heap[child + 1].p) child++;
        if (!(v.p < heap[child].p)) break;
        heap[at] = heap[child];
    }
    heap[at] = v;
}

static void ranked_sort(Ranked *r, size_t n) {
    for (size_t i = n / 2; i-- > 0;)
        ranked_sink(r, n, i);
    for (size_t end = n; end-- > 1;) {
        Ranked v = r[0];
        r[0] = r[end];
        r[end] = v;
        ranked_sink(r, end, 0);
    }
}

/* From the smallest p up, never falling: Holm. */
static void adjust_down(Ranked *r, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        most = fmax(most, (double)(n - i) * r[i].p);
        r[i].p = fmin(1, most);
    }
}

/* From the largest p down, never rising. Rank k of n is multiplied by n - k + 1 (Hochberg), or by
** n / k and the factor (Benjamini-Hochberg, -Yekutieli). */
static void adjust_up(Ranked *r, size_t n, int hochberg, double factor) {
    double least = 1;
    for (size_t i = n; i-- > 0;) {
        double times = hochberg ? (double)(n - i) : factor * (double)n / (double)(i + 1);
        least = fmin(least, times * r[i].p);
        r[i].p = least;
    }
}

/* Hommel by closed testing with Simes: q is the least bound over subsets of m hypotheses, raised
** step by step from m = n down to 2. scratch holds 2 n numbers. O(n^2). */
static void adjust_hommel(Ranked *r, size_t n, double *scratch) {
    double *q = scratch, *adjusted = scratch + n, least = INFINITY;
    for (size_t i = 0; i < n; i++)
        least = fmin(least, (double)n * r[i].p / (double)(i + 1));
    for (size_t i = 0; i < n; i++)
        q[i] = adjusted[i] = least;
    for (size_t m = n - 1; m >= 2 && m < n; m--) {
        /* The m - 1 largest p-values are the last ones, first_large on. */
        size_t first_large = n - m + 1;
        double bound = INFINITY;
        for (size_t k = 2; k <= m; k++)
            bound = fmin(bound, (double)m * r[first_large + k - 2].p / (double)k);
        for (size_t i = 0; i < first_large; i++)
            q[i] = fmin((double)m * r[i].p, bound);
        for (size_t i = first_large; i < n; i++)
            q[i] = q[first_large - 1];
        for (size_t i = 0; i < n; i++)
            adjusted[i] = fmax(adjusted[i], q[i]);
    }
    for (size_t i = 0; i < n; i++)
        r[i].p = fmin(1, fmax(adjusted[i], r[i].p));
}

static double harmonic(size_t n) {
    double sum = 0;
    for (size_t i = n; i > 0; i--)
        sum += 1 / (double)i;
    return sum;
}

int pythia_p_adjust(PythiaAdjust method, const double *p, size_t n, double *adjusted) {
    size_t m = 0;
    Ranked *r = pythia_alloc_array(n, sizeof *r + 2 * sizeof(double));
    if (!r) return SQLITE_NOMEM;
    double *scratch = (double *)(void *)(r + n);
    for (size_t i = 0; i < n; i++) {
        adjusted[i] = p[i];
        if (!isnan(p[i])) r[m++] = (Ranked){p[i], i};
    }
    ranked_sort(r, m);
    switch (method) {
    case PYTHIA_ADJUST_NONE:
        break;
    case PYTHIA_ADJUST_BONFERRONI:
        for (size_t i = 0; i < m; i++)
            r[i].p = fmin(1, (double)m * r[i].p);
        break;
    case PYTHIA_ADJUST_HOLM:
        adjust_down(r, m);
        break;
    case PYTHIA_ADJUST_HOCHBERG:
        adjust_up(r, m, 1, 1);
        break;
    case PYTHIA_ADJUST_HOMMEL:
        if (m > 1) adjust_hommel(r, m, scratch);
        break;
    case PYTHIA_ADJUST_BH:
        adjust_up(r, m, 0, 1);
        break;
    case PYTHIA_ADJUST_BY:
        adjust_up(r, m, 0, harmonic(m));
        break;
    }
    for (size_t i = 0; i < m; i++)
        adjusted[r[i].index] = r[i].p;
    pythia_free(r);
    return SQLITE_OK;
}
