/* moments.c - one-pass central moments.
**
** Updates and merges are those of Chan, Golub & LeVeque (1979) and Pebay (2008) for higher powers;
** x is measured from the first value, which leaves relative errors of about 1e-14 in the variance
** where the unshifted recurrence loses the digits that the offset eats. */
#include "ext/stat/moments.h"

#include <math.h>

/* x minus the shift, for a shift that is an integer beyond 2^53 too. */
static double moments_shifted(const PythiaMoments *m, double x) {
    if (m->shift_integer == 0) return x - m->shift_real;
    double high = (double)(m->shift_integer & ~(int64_t)0xffffffff);
    double low = (double)(m->shift_integer & (int64_t)0xffffffff);
    return (x - high) - low;
}

/* Takes in d, already measured from the shift. */
static void moments_step(PythiaMoments *m, double d) {
    double n0 = (double)m->n, n = n0 + 1;
    double delta = d - m->mean, delta_n = delta / n;
    double term = delta * delta_n * n0;
    m->n++;
    m->mean += delta_n;
    m->m4 += term * delta_n * delta_n * (n * n - 3 * n + 3) + 6 * delta_n * delta_n * m->m2 -
             4 * delta_n * m->m3;
    m->m3 += term * delta_n * (n - 2) - 3 * delta_n * m->m2;
    m->m2 += term;
}

void pythia_moments_add(PythiaMoments *m, double x) {
    if (m->n == 0) {
        m->shift_integer = 0;
        m->shift_real = x;
    }
    moments_step(m, moments_shifted(m, x));
}

void pythia_moments_add_integer(PythiaMoments *m, int64_t x) {
    if (m->n == 0) {
        m->shift_integer = x;
        m->shift_real = 0;
    }
    int64_t difference;
    if (m->shift_integer == 0 || __builtin_sub_overflow(x, m->shift_integer, &difference)) {
        double high = (double)(x & ~(int64_t)0xffffffff), low = (double)(x & (int64_t)0xffffffff);
        moments_step(m, moments_shifted(m, high) + low);
    } else {
        moments_step(m, (double)difference);
    }
}

void pythia_moments_merge(PythiaMoments *into, const PythiaMoments *from) {
    if (from->n == 0) return;
    if (into->n == 0) {
        *into = *from;
        return;
    }
    double shift = moments_shifted(into, from->shift_real);
    int64_t difference;
    if (!__builtin_sub_overflow(from->shift_integer, into->shift_integer, &difference))
        shift = ((double)difference - into->shift_real) + from->shift_real;
    double a = (double)into->n, b = (double)from->n, n = a + b;
    double delta = shift + from->mean - into->mean, delta_n = delta / n;
    double a2 = into->m2, b2 = from->m2, a3 = into->m3, b3 = from->m3;
    into->m4 += from->m4 + delta * delta_n * delta_n * delta_n * a * b * (a * a - a * b + b * b) +
                6 * delta_n * delta_n * (a * a * b2 + b * b * a2) + 4 * delta_n * (a * b3 - b * a3);
    into->m3 += b3 + delta * delta_n * delta_n * a * b * (a - b) + 3 * delta_n * (a * b2 - b * a2);
    into->m2 += b2 + delta * delta_n * a * b;
    into->mean += delta_n * b;
    into->n += from->n;
}

PythiaMoments pythia_moments_of(const double *x, size_t n) {
    PythiaMoments m = {0};
    for (size_t i = 0; i < n; i++)
        pythia_moments_add(&m, x[i]);
    return m;
}

double pythia_moments_mean(const PythiaMoments *m) {
    if (m->n == 0) return NAN;
    double low = (double)(m->shift_integer & (int64_t)0xffffffff);
    double high = (double)(m->shift_integer & ~(int64_t)0xffffffff);
    return m->shift_integer ? high + (low + m->mean) : m->shift_real + m->mean;
}

double pythia_moments_var_samp(const PythiaMoments *m) {
    return m->n < 2 ? NAN : m->m2 / (double)(m->n - 1);
}

double pythia_moments_var_pop(const PythiaMoments *m) {
    return m->n == 0 ? NAN : m->m2 / (double)m->n;
}

double pythia_moments_stddev_samp(const PythiaMoments *m) {
    return sqrt(pythia_moments_var_samp(m));
}

double pythia_moments_stddev_pop(const PythiaMoments *m) {
    return sqrt(pythia_moments_var_pop(m));
}

static double over_mean(double sd, double mean) {
    return fabs(mean) > 0 ? sd / fabs(mean) : NAN;
}

double pythia_moments_cov(const PythiaMoments *m) {
    return over_mean(pythia_moments_stddev_samp(m), pythia_moments_mean(m));
}

double pythia_moments_cov_pop(const PythiaMoments *m) {
    return over_mean(pythia_moments_stddev_pop(m), pythia_moments_mean(m));
}

double pythia_moments_skewness(const PythiaMoments *m) {
    if (m->n < 3 || !(m->m2 > 0)) return NAN;
    double n = (double)m->n, sd = sqrt(m->m2 / n);
    double g1 = m->m3 / n / sd / sd / sd;
    return g1 * sqrt(n * (n - 1)) / (n - 2);
}

double pythia_moments_kurtosis(const PythiaMoments *m) {
    if (m->n < 4 || !(m->m2 > 0)) return NAN;
    double n = (double)m->n, var = m->m2 / n;
    double g2 = m->m4 / n / var / var - 3;
    return ((n + 1) * g2 + 6) * (n - 1) / ((n - 2) * (n - 3));
}

double pythia_moments_bimodality(const PythiaMoments *m) {
    double skewness = pythia_moments_skewness(m), kurtosis = pythia_moments_kurtosis(m);
    double n = (double)m->n;
    return (skewness * skewness + 1) / (kurtosis + 3 * (n - 1) * (n - 1) / ((n - 2) * (n - 3)));
}

double pythia_folding_ratio(const double *x, size_t n) {
    PythiaMoments all = pythia_moments_of(x, n), folded = {0};
    if (n < 2 || !(all.m2 > 0)) return NAN;
    /* From the shift, as the moments are: an offset costs nothing. */
    double pivot = all.mean + all.m3 / (2 * all.m2);
    for (size_t i = 0; i < n; i++)
        pythia_moments_add(&folded, fabs(x[i] - all.shift_real - pivot));
    return 4 * folded.m2 / all.m2;
}

void pythia_comoments_add(PythiaComoments *m, double x, double y) {
    if (m->n == 0) {
        m->shift_x = x;
        m->shift_y = y;
    }
    double n = (double)++m->n;
    double dx = x - m->shift_x - m->mean_x, dy = y - m->shift_y - m->mean_y;
    double keep = (n - 1) / n;
    m->mean_x += dx / n;
    m->mean_y += dy / n;
    m->m2_x += dx * dx * keep;
    m->m2_y += dy * dy * keep;
    m->c_xy += dx * dy * keep;
}

void pythia_comoments_merge(PythiaComoments *into, const PythiaComoments *from) {
    if (from->n == 0) return;
    if (into->n == 0) {
        *into = *from;
        return;
    }
    double a = (double)into->n, b = (double)from->n, n = a + b;
    double dx = (from->shift_x - into->shift_x) + from->mean_x - into->mean_x;
    double dy = (from->shift_y - into->shift_y) + from->mean_y - into->mean_y;
    double weight = a / n * b;
    into->m2_x += from->m2_x + dx * dx * weight;
    into->m2_y += from->m2_y + dy * dy * weight;
    into->c_xy += from->c_xy + dx * dy * weight;
    into->mean_x += dx * b / n;
    into->mean_y += dy * b / n;
    into->n += from->n;
}

double pythia_comoments_covar_samp(const PythiaComoments *m) {
    return m->n < 2 ? NAN : m->c_xy / (double)(m->n - 1);
}

double pythia_comoments_covar_pop(const PythiaComoments *m) {
    return m->n == 0 ? NAN : m->c_xy / (double)m->n;
}

double pythia_comoments_corr(const PythiaComoments *m) {
    if (m->n < 2 || !(m->m2_x > 0) || !(m->m2_y > 0)) return NAN;
    double r = m->c_xy / (sqrt(m->m2_x) * sqrt(m->m2_y));
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

static double column_mean(const double *x, size_t n) {
    PythiaMoments m = pythia_moments_of(x, n);
    return pythia_moments_mean(&m);
}

/* Two passes; the sums of deviations correct what rounding left in the means. */
static double column_covariance(const double *a, double mean_a, const double *b, double mean_b,
                                size_t n) {
    double sum = 0, rest_a = 0, rest_b = 0;
    for (size_t i = 0; i < n; i++) {
        double da = a[i] - mean_a, db = b[i] - mean_b;
        sum += da * db;
        rest_a += da;
        rest_b += db;
    }
    return n < 2 ? NAN : (sum - rest_a * rest_b / (double)n) / (double)(n - 1);
}

void pythia_covariance_matrix(const double *const *columns, size_t k, size_t n, double *out) {
    /* Until it is filled, the first row keeps the means: columns are taken from the last to the
    ** first, and out[a] is written when column a is done with. */
    for (size_t a = 0; a < k; a++)
        out[a] = column_mean(columns[a], n);
    for (size_t a = k; a-- > 0;) {
        double mean_a = out[a];
        for (size_t b = a + 1; b-- > 0;)
            out[a * k + b] = out[b * k + a] =
                column_covariance(columns[a], mean_a, columns[b], b == a ? mean_a : out[b], n);
    }
}
