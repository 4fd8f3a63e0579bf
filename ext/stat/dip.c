/* dip.c - the dip statistic and its p-value.
**
** Hartigan & Hartigan, The dip test of unimodality, Annals of Statistics 13 (1985), 70-84. A
** unimodal distribution function is convex before its mode and concave after it. The algorithm
** keeps an interval [low, high] that must hold the mode, fits the greatest convex minorant (GCM)
** and the least concave majorant (LCM) of the empirical distribution function on it, and narrows
** the interval to the place where the two are furthest apart, as long as that distance exceeds the
** dip found so far; the dip outside the interval is the largest distance between a fit and the
** function.
**
** Heights count values: the function jumps from i to i + 1 at sorted[i] (i from 0), the GCM runs
** through lower corners (sorted[i], i), the LCM through upper ones (sorted[i], i + 1), so the two
** are at least 1 apart. Half of that, over n, is the dip: never below 1 / (2n).
**
** Corrections since the paper that matter here: both end points of the interval are knots and are
** never candidates; the search ends when the interval stays the same; the least dip is 1 / (2n),
** not 0; ties (segments of zero width) have no distance of their own.
**
** Hulls are stored as links: before[j] is the knot that comes before j in the GCM of values 0..j,
** after[j] the one that comes after j in the LCM of values j..n-1. */
#include "ext/stat/dip.h"

#include <math.h>

#include "ext/base/mem.h"
#include "ext/stat/dip_table.h"

/* Links between two looks for an interrupt. */
enum { LINKS_AT_ONCE = 1 << 17 };

typedef struct DipFit {
    const double *x;
    uint32_t *before, *after; /* hull links */
    uint32_t *gcm, *lcm;      /* knots on [low, high], ascending */
    size_t n, n_gcm, n_lcm, capacity_gcm, capacity_lcm;
    PythiaPoll *poll;
} DipFit;

/* The links are most of the work. Distances in places are differences of 32-bit numbers, which convert
** to double at once; value b stays in a register while the hull is walked down. */

/* before[j] for j = from .. to-1. The corner at b, between a and j, is skipped by a convex fit where it
** does not lie below the line a-j. */
static void links_before(const double *x, uint32_t *before, uint32_t from, uint32_t to) {
    for (uint32_t j = from; j < to; j++) {
        uint32_t b = j - 1;
        double at = x[j], at_b = x[b];
        while (b > 0) {
            uint32_t a = before[b];
            double at_a = x[a];
            double right = (at - at_b) * (double)(int32_t)(b - a);
            double left = (at_b - at_a) * (double)(int32_t)(j - b);
            if (!(right >= left)) break;
            b = a;
            at_b = at_a;
        }
        before[j] = b;
    }
}

/* The mirror image: after[j] for j = from-1 down to to. */
static void links_after(const double *x, uint32_t *after, uint32_t from, uint32_t to,
                        uint32_t last) {
    for (uint32_t j = from; j-- > to;) {
        uint32_t b = j + 1;
        double at = x[j], at_b = x[b];
        while (b < last) {
            uint32_t a = after[b];
            double at_a = x[a];
            double left = (at_b - at) * (double)(int32_t)(a - b);
            double right = (at_a - at_b) * (double)(int32_t)(b - j);
            if (!(left >= right)) break;
            b = a;
            at_b = at_a;
        }
        after[j] = b;
    }
}

static int fit_links(DipFit *f) {
    uint32_t n = (uint32_t)f->n, last = n - 1;
    f->before[0] = 0;
    for (uint32_t from = 1; from < n;) {
        uint32_t to = n - from > LINKS_AT_ONCE ? from + LINKS_AT_ONCE : n;
        links_before(f->x, f->before, from, to);
        from = to;
        int rc = f->poll ? pythia_poll_now(f->poll) : SQLITE_OK;
        if (rc) return rc;
    }
    f->after[last] = last;
    for (uint32_t from = last; from > 0;) {
        uint32_t to = from > LINKS_AT_ONCE ? from - LINKS_AT_ONCE : 0;
        links_after(f->x, f->after, from, to, last);
        from = to;
        int rc = f->poll ? pythia_poll_now(f->poll) : SQLITE_OK;
        if (rc) return rc;
    }
    return SQLITE_OK;
}

/* The knots between low and high. There are few of them where values are many. */
static int fit_knots(DipFit *f, size_t low, size_t high) {
    size_t gcm = 1, lcm = 1;
    for (size_t at = high; at > low; at = f->before[at])
        gcm++;
    for (size_t at = low; at < high; at = f->after[at])
        lcm++;
    if (pythia_grow((void **)&f->gcm, &f->capacity_gcm, gcm, sizeof *f->gcm) ||
        pythia_grow((void **)&f->lcm, &f->capacity_lcm, lcm, sizeof *f->lcm))
        return SQLITE_NOMEM;
    f->n_gcm = gcm;
    f->n_lcm = lcm;
    for (size_t at = high; gcm-- > 0; at = f->before[at])
        f->gcm[gcm] = (uint32_t)at;
    size_t n = 0;
    for (size_t at = low; at < high; at = f->after[at])
        f->lcm[n++] = (uint32_t)at;
    f->lcm[n++] = (uint32_t)high;
    return SQLITE_OK;
}

/* The rise from a to x[at] along the straight fit between knots a and b. NaN, which no comparison
** takes for a distance, where the fit is vertical. */
static double line_rise(const double *x, size_t a, size_t b, size_t at) {
    double width = x[b] - x[a];
    return width > 0 ? (x[at] - x[a]) * (double)(b - a) / width : NAN;
}

/* The largest distance between LCM and GCM at an inner knot of either. *g and *l receive the places
** in gcm[] and lcm[] that bound the next interval. Of equal distances the last counts. */
static double fit_gap(const DipFit *f, size_t *g, size_t *l) {
    size_t i = 1, j = 1;
    double gap = 1;
    *g = 0;
    *l = f->n_lcm - 1;
    while (i + 1 < f->n_gcm || j + 1 < f->n_lcm) {
        size_t at_gcm = f->gcm[i], at_lcm = f->lcm[j];
        if (at_lcm < at_gcm) {
            size_t from = f->gcm[i - 1];
            double d = (double)(at_lcm - from + 1) - line_rise(f->x, from, at_gcm, at_lcm);
            if (d >= gap) {
                gap = d;
                *g = i - 1;
                *l = j;
            }
            j++;
        } else {
            size_t from = f->lcm[j - 1];
            double d = line_rise(f->x, from, at_lcm, at_gcm) - (double)(at_gcm - from) + 1;
            if (d >= gap) {
                gap = d;
                *g = i;
                *l = j;
            }
            i++;
        }
    }
    return gap;
}

/* The largest distance of the function above its convex fit left of the interval: upper corners
** against the GCM, on the first g segments. */
static double distance_left(const DipFit *f, size_t g) {
    double most = 1;
    for (size_t s = 0; s < g; s++) {
        size_t a = f->gcm[s], b = f->gcm[s + 1];
        for (size_t at = a + 1; at < b; at++) {
            double d = (double)(at - a + 1) - line_rise(f->x, a, b, at);
            if (d > most) most = d;
        }
    }
    return most;
}

/* Likewise right of it: the LCM against lower corners, from segment l on. */
static double distance_right(const DipFit *f, size_t l) {
    double most = 1;
    for (size_t s = l; s + 1 < f->n_lcm; s++) {
        size_t a = f->lcm[s], b = f->lcm[s + 1];
        for (size_t at = a + 1; at < b; at++) {
            double d = line_rise(f->x, a, b, at) - (double)(at - a) + 1;
            if (d > most) most = d;
        }
    }
    return most;
}

/* Narrows the interval. Every round but the last moves an end, and the rounds together look at a
** value a few times only. */
static int fit_narrow(DipFit *f, PythiaDip *result) {
    size_t low = 0, high = f->n - 1;
    double dip = 1;
    for (;;) {
        size_t g, l;
        int rc = fit_knots(f, low, high);
        if (rc) return rc;
        if (fit_gap(f, &g, &l) < dip) break;
        double left = distance_left(f, g), right = distance_right(f, l);
        if (left > dip) dip = left;
        if (right > dip) dip = right;
        if (f->gcm[g] == low && f->lcm[l] == high) break;
        low = f->gcm[g];
        high = f->lcm[l];
        rc = pythia_poll(f->poll);
        if (rc) return rc;
    }
    result->dip = dip / (2 * (double)f->n);
    result->low = low;
    result->high = high;
    return SQLITE_OK;
}

void pythia_dequantise(const double *sorted, size_t n, double resolution, double *out) {
    for (size_t i = 0, end; i < n; i = end) {
        double v = sorted[i];
        for (end = i + 1; end < n && sorted[end] <= v;)
            end++;
        double m = (double)(end - i);
        for (size_t j = i; j < end; j++)
            out[j] = v + resolution * (((double)(j - i) + 0.5) / m - 0.5);
    }
}

/* The values that the fit works on: spread over their ticks, or scaled so that differences do not
** overflow; *copy is NULL where they can be used as they are. */
static int fit_values(const double *sorted, size_t n, double resolution, double **copy) {
    double largest = fmax(fabs(sorted[0]), fabs(sorted[n - 1]));
    *copy = NULL;
    if (!(resolution > 0) && largest < 1e290) return SQLITE_OK;
    *copy = pythia_alloc_array(n, sizeof **copy);
    if (!*copy) return SQLITE_NOMEM;
    double scale = largest < 1e290 ? 1 : 0x1p-100;
    for (size_t i = 0; i < n; i++)
        (*copy)[i] = sorted[i] * scale;
    if (resolution > 0) pythia_dequantise(*copy, n, resolution * scale, *copy);
    return SQLITE_OK;
}

/* The quantiles for n, between the rows of the table: linear in 1 / sqrt(n), in which sqrt(n) * dip
** changes slowly. Above the last row the distribution hardly changes any more. */
static double table_for(size_t n, double *quantiles) {
    int above = 0;
    while (above < DIP_SIZES - 1 && dip_sizes[above] < (double)n)
        above++;
    int below = above > 0 ? above - 1 : 0;
    double weight = 1;
    if (above > below && dip_sizes[above] > (double)n) {
        double from = 1 / sqrt(dip_sizes[below]), to = 1 / sqrt(dip_sizes[above]);
        weight = (1 / sqrt((double)n) - from) / (to - from);
    }
    for (int i = 0; i < DIP_TAILS; i++)
        quantiles[i] = (1 - weight) * dip_quantiles[below][i] + weight * dip_quantiles[above][i];
    return (1 - weight) * dip_above[below] + weight * dip_above[above];
}

double pythia_dip_p_least(void) {
    return dip_tails[DIP_TAILS - 1];
}

double pythia_dip_p(double dip, size_t n) {
    if (n == 0 || isnan(dip)) return NAN;
    double root = sqrt((double)n), at = root * dip;
    double floor = root / (2 * (double)n);
    if (n < 4 || at <= floor * (1 + 1e-9)) return 1;
    double quantiles[DIP_TAILS];
    double p = table_for(n, quantiles), from = floor;
    for (int i = 0; i < DIP_TAILS; i++) {
        double tail = dip_tails[i], to = quantiles[i];
        if (tail >= p || to <= from) continue; /* part of the mass at the floor */
        if (at <= to) {
            double weight = (at - from) / (to - from);
            return p > 0.5 ? p + weight * (tail - p) : p * pow(tail / p, weight);
        }
        p = tail;
        from = to;
    }
    return p;
}

int pythia_dip(const double *sorted, size_t n, double resolution, PythiaDip *result,
               PythiaPoll *poll) {
    return pythia_dip_with(sorted, n, resolution, NULL, result, poll);
}

int pythia_dip_with(const double *sorted, size_t n, double resolution, void *scratch,
                    PythiaDip *result, PythiaPoll *poll) {
    *result = (PythiaDip){.dip = NAN, .p = NAN, .modal_low = NAN, .modal_high = NAN};
    if (!(resolution >= 0 && resolution <= 1e300)) return SQLITE_RANGE;
    if (n == 0) return SQLITE_OK;
    if (n > INT32_MAX) return SQLITE_TOOBIG;
    double *copy;
    int rc = fit_values(sorted, n, resolution, &copy);
    if (rc) return rc;
    DipFit fit = {.x = copy ? copy : sorted, .n = n, .poll = poll};
    uint32_t *links = scratch ? scratch : pythia_alloc_array(n, 2 * sizeof *links);
    if (!links) {
        pythia_free(copy);
        return SQLITE_NOMEM;
    }
    fit.before = links;
    fit.after = links + n;
    if (fit.x[0] < fit.x[n - 1]) {
        rc = fit_links(&fit);
        if (rc == SQLITE_OK) rc = fit_narrow(&fit, result);
    } else {
        result->dip = 1 / (2 * (double)n);
        result->high = n - 1;
    }
    if (links != scratch) pythia_free(links);
    pythia_free(fit.gcm);
    pythia_free(fit.lcm);
    pythia_free(copy);
    if (rc) return rc;
    result->p = pythia_dip_p(result->dip, n);
    result->modal_low = sorted[result->low];
    result->modal_high = sorted[result->high];
    return SQLITE_OK;
}
