/* mixture.c - fitting mixtures of normal distributions by expectation-maximisation.
**
** Dempster, Laird & Rubin 1977; the number of components, and whether they share one variance, by the
** Bayesian information criterion (Schwarz 1978; Fraley & Raftery 2002). EM climbs to the nearest
** maximum, so it starts from two partitions: between quantiles, which suits parts of similar size, and
** into stretches of equal width, which gives a rare part far away a component of its own. The higher of
** the two counts.
**
** The points are the values on the scale, or, of very many, the means of narrow bins with the number of
** values in them and their scatter within, which is added where squares are taken: moments stay right.
** Coordinates are standardised while fitting. A component that shrinks onto a point has an unbounded
** likelihood and describes nothing: that fit is given up. */
#include "ext/stat/mixture.h"

#include <math.h>
#include <string.h>

#include "ext/base/mem.h"

enum { POINTS_MAX = 2048, ROUNDS_MAX = 500 };

#define CONVERGED 1e-8 /* relative growth of the log likelihood in a round */
#define SD_LEAST  1e-4 /* of a component, in standard deviations of all values */
#define LN_2PI    1.8378770664093454836

typedef struct Points {
    size_t n;        /* points */
    double values;   /* how many values they stand for */
    double *t;       /* ascending, standardised */
    double *count;   /* values in the point */
    double *scatter; /* mean square of the values around the point */
    double *share;   /* scratch: n x components, by points */
    double mean, sd; /* of the scale: value = mean + sd t */
} Points;

typedef struct Fit {
    int k, equal;
    double loglik; /* NaN: given up */
    double weight[PYTHIA_MIXTURE_MAX], mean[PYTHIA_MIXTURE_MAX], sd[PYTHIA_MIXTURE_MAX];
} Fit;

/* ---- points ----------------------------------------------------------------------------------- */

static void points_close(Points *p) {
    pythia_free(p->t);
}

/* The values on the scale, at most POINTS_MAX of them. */
static void points_fill(Points *p, const double *sorted, size_t n, int log_scale) {
    double low = log_scale ? log(sorted[0]) : sorted[0];
    double high = log_scale ? log(sorted[n - 1]) : sorted[n - 1];
    size_t last = SIZE_MAX;
    p->n = 0;
    for (size_t i = 0; i < n; i++) {
        double t = log_scale ? log(sorted[i]) : sorted[i];
        size_t bin = i;
        if (n > POINTS_MAX)
            bin =
                (size_t)fmin((t / 2 - low / 2) / (high / 2 - low / 2) * POINTS_MAX, POINTS_MAX - 1);
        if (bin != last) {
            p->t[p->n] = t;
            p->count[p->n] = 1;
            p->scatter[p->n++] = 0;
            last = bin;
            continue;
        }
        /* Welford within the bin; scatter is the sum of squares until the end. */
        size_t at = p->n - 1;
        double away = t - p->t[at];
        p->count[at]++;
        p->t[at] += away / p->count[at];
        p->scatter[at] += away * (t - p->t[at]);
    }
    p->values = (double)n;
}

/* 0 where the values do not vary, or vary beyond what squares can hold. */
static int points_standardise(Points *p) {
    double mean = 0, square = 0;
    for (size_t i = 0; i < p->n; i++)
        mean += (p->t[i] - p->t[0]) * (p->count[i] / p->values);
    p->mean = p->t[0] + mean;
    for (size_t i = 0; i < p->n; i++) {
        double away = p->t[i] - p->mean;
        square += (away * away + p->scatter[i] / p->count[i]) * (p->count[i] / p->values);
    }
    p->sd = sqrt(square);
    if (!(p->sd > 0) || !isfinite(p->sd)) return 0;
    for (size_t i = 0; i < p->n; i++) {
        p->t[i] = (p->t[i] - p->mean) / p->sd;
        p->scatter[i] /= p->count[i] * square;
    }
    return 1;
}

static int points_open(Points *p, const double *sorted, size_t n, int log_scale) {
    size_t most = n < POINTS_MAX ? n : POINTS_MAX;
    memset(p, 0, sizeof *p);
    p->t = pythia_alloc_array(most, (3 + PYTHIA_MIXTURE_MAX) * sizeof *p->t);
    if (!p->t) return SQLITE_NOMEM;
    p->count = p->t + most;
    p->scatter = p->count + most;
    p->share = p->scatter + most;
    points_fill(p, sorted, n, log_scale);
    return SQLITE_OK;
}

/* ---- starting partitions ---------------------------------------------------------------------- */

static void share_whole(Points *p, int k, size_t i, int component) {
    memset(p->share + i * (size_t)k, 0, (size_t)k * sizeof *p->share);
    p->share[i * (size_t)k + (size_t)component] = 1;
}

static void start_quantiles(Points *p, int k) {
    double before = 0;
    for (size_t i = 0; i < p->n; i++) {
        int component = (int)((before + p->count[i] / 2) / p->values * k);
        share_whole(p, k, i, component < k ? component : k - 1);
        before += p->count[i];
    }
}

static void start_widths(Points *p, int k) {
    double low = p->t[0], width = p->t[p->n - 1] - low;
    for (size_t i = 0; i < p->n; i++) {
        int component = (int)((p->t[i] - low) / width * k);
        share_whole(p, k, i, component < k ? component : k - 1);
    }
}

/* ---- expectation-maximisation ----------------------------------------------------------------- */

/* The parameters that the shares make most likely. 0 where a component is empty or a point. */
static int maximise(const Points *p, Fit *fit) {
    size_t k = (size_t)fit->k;
    double within = 0;
    for (size_t j = 0; j < k; j++) {
        double sum = 0, mean = 0, square = 0;
        for (size_t i = 0; i < p->n; i++) {
            double count = p->count[i] * p->share[i * k + j];
            sum += count;
            mean += count * p->t[i];
        }
        if (!(sum > 0)) return 0;
        mean /= sum;
        for (size_t i = 0; i < p->n; i++) {
            double away = p->t[i] - mean;
            square += p->count[i] * p->share[i * k + j] * (away * away + p->scatter[i]);
        }
        fit->weight[j] = sum / p->values;
        fit->mean[j] = mean;
        fit->sd[j] = sqrt(square / sum);
        within += square;
    }
    for (size_t j = 0; j < k; j++) {
        if (fit->equal) fit->sd[j] = sqrt(within / p->values);
        if (!(fit->sd[j] >= SD_LEAST)) return 0;
    }
    return 1;
}

/* The shares of the components in every point; returns the log likelihood. */
static double expect(Points *p, const Fit *fit) {
    size_t k = (size_t)fit->k;
    double loglik = 0, constant[PYTHIA_MIXTURE_MAX], precision[PYTHIA_MIXTURE_MAX];
    for (size_t j = 0; j < k; j++) {
        constant[j] = log(fit->weight[j]) - log(fit->sd[j]) - LN_2PI / 2;
        precision[j] = 1 / (2 * fit->sd[j] * fit->sd[j]);
    }
    for (size_t i = 0; i < p->n; i++) {
        double *share = p->share + i * k, most = -INFINITY, sum = 0;
        for (size_t j = 0; j < k; j++) {
            double away = p->t[i] - fit->mean[j];
            share[j] = constant[j] - (away * away + p->scatter[i]) * precision[j];
            most = fmax(most, share[j]);
        }
        for (size_t j = 0; j < k; j++)
            sum += share[j] = exp(share[j] - most);
        for (size_t j = 0; j < k; j++)
            share[j] /= sum;
        /* cppcheck-suppress invalidFunctionArg ; the largest share adds 1 to the sum */
        loglik += p->count[i] * (most + log(sum));
    }
    return loglik;
}

/* Climbs from the shares that are there. */
static int fit_climb(Points *p, Fit *fit, PythiaPoll *poll) {
    double last = -INFINITY;
    fit->loglik = NAN;
    for (int round = 0; round < ROUNDS_MAX; round++) {
        if (!maximise(p, fit)) return SQLITE_OK;
        double loglik = expect(p, fit);
        int done = loglik - last <= CONVERGED * fabs(loglik);
        last = loglik;
        if (done || fit->k == 1) break;
        int rc = poll ? pythia_poll_now(poll) : SQLITE_OK;
        if (rc) return rc;
    }
    fit->loglik = last;
    return SQLITE_OK;
}

static double fit_bic(const Points *p, const Fit *fit) {
    int parameters = fit->k - 1 + fit->k + (fit->equal ? 1 : fit->k);
    return 2 * (fit->loglik - p->values * log(p->sd)) - parameters * log(p->values);
}

/* The best fit of k components; loglik is NaN where there is none. */
static int fit_best(Points *p, int k, Fit *best, PythiaPoll *poll) {
    *best = (Fit){.loglik = NAN};
    for (int equal = 0; equal < (k > 1 ? 2 : 1); equal++)
        for (int start = 0; start < (k > 1 ? 2 : 1); start++) {
            Fit fit = {.k = k, .equal = equal};
            if (start == 0)
                start_quantiles(p, k);
            else
                start_widths(p, k);
            int rc = fit_climb(p, &fit, poll);
            if (rc) return rc;
            if (isnan(fit.loglik)) continue;
            if (isnan(best->loglik) || fit_bic(p, &fit) > fit_bic(p, best)) *best = fit;
        }
    return SQLITE_OK;
}

/* Hands over in the order of the means, in units of the scale. */
static void mixture_result(const Points *p, const Fit *fit, PythiaMixture *result) {
    result->n = fit->k;
    result->equal = fit->equal;
    result->loglik = fit->loglik - p->values * log(p->sd);
    result->bic = fit_bic(p, fit);
    for (int j = 0; j < fit->k; j++) {
        PythiaComponent c = {fit->weight[j], p->mean + p->sd * fit->mean[j], p->sd * fit->sd[j], 0};
        c.location = result->log_scale ? exp(c.mean) : c.mean;
        int at = j;
        for (; at > 0 && result->component[at - 1].mean > c.mean; at--)
            result->component[at] = result->component[at - 1];
        result->component[at] = c;
    }
}

int pythia_mixture(const double *sorted, size_t n, int linear, int most, PythiaMixture *result,
                   PythiaPoll *poll) {
    Points points;
    Fit best = {.loglik = NAN};
    int worse = 0;
    memset(result, 0, sizeof *result);
    if (n == 0 || !(sorted[0] < sorted[n - 1])) return SQLITE_OK;
    result->log_scale = !linear && sorted[0] > 0;
    int rc = points_open(&points, sorted, n, result->log_scale);
    int varies = rc == SQLITE_OK && points_standardise(&points);
    for (int k = 1; rc == SQLITE_OK && varies && k <= most && (size_t)k <= points.n && worse < 2;
         k++) {
        Fit fit;
        rc = fit_best(&points, k, &fit, poll);
        if (rc) break;
        result->tried = k;
        result->bic_of[k - 1] = isnan(fit.loglik) ? NAN : fit_bic(&points, &fit);
        int better = !isnan(fit.loglik) &&
                     (isnan(best.loglik) || fit_bic(&points, &fit) > fit_bic(&points, &best));
        if (better) best = fit;
        worse = better ? 0 : worse + 1;
    }
    if (rc == SQLITE_OK && !isnan(best.loglik)) mixture_result(&points, &best, result);
    points_close(&points);
    return rc;
}
