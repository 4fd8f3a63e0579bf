/* moments.h - mean, variance, skewness and kurtosis in one pass, and the covariance of pairs.
**
** Constant size, mergeable. Everything is measured from the first value (the shift), so a large
** offset - a time stamp in nanoseconds - costs no digits; integers are subtracted as integers.
** Values must be finite. Where a statistic is undefined the result is NaN, which SQL shows as NULL:
** no values; a sample statistic of too few; a coefficient of variation around a mean of exactly 0.
** These cannot forget a value; exact.h can. */
#ifndef PYTHIA_STAT_MOMENTS_H
#define PYTHIA_STAT_MOMENTS_H

#include <stddef.h>
#include <stdint.h>

/* A zeroed PythiaMoments is empty. */
typedef struct PythiaMoments {
    uint64_t n;
    int64_t shift_integer; /* the shift is shift_integer + shift_real; one of them is 0 */
    double shift_real;
    double mean;       /* of x - shift */
    double m2, m3, m4; /* sums of the powers of deviations from the mean */
} PythiaMoments;

void pythia_moments_add(PythiaMoments *m, double x);
void pythia_moments_add_integer(PythiaMoments *m, int64_t x);
/* into := the moments of both sets together. */
void pythia_moments_merge(PythiaMoments *into, const PythiaMoments *from);
PythiaMoments pythia_moments_of(const double *x, size_t n);

double pythia_moments_mean(const PythiaMoments *m);
double pythia_moments_var_samp(const PythiaMoments *m); /* n - 1; NaN for n < 2 */
double pythia_moments_var_pop(const PythiaMoments *m);
double pythia_moments_stddev_samp(const PythiaMoments *m);
double pythia_moments_stddev_pop(const PythiaMoments *m);
/* Coefficient of variation, sd / |mean|; NaN where the mean is 0. */
double pythia_moments_cov(const PythiaMoments *m);
double pythia_moments_cov_pop(const PythiaMoments *m);
/* Adjusted Fisher-Pearson G1 and excess kurtosis G2, the sample forms; NaN for n < 3, n < 4, and
** where all values are equal. */
double pythia_moments_skewness(const PythiaMoments *m);
double pythia_moments_kurtosis(const PythiaMoments *m);
/* (G1^2 + 1) / (G2 + 3 (n-1)^2 / ((n-2)(n-3))): above 5/9 (a uniform's) hints at two modes. */
double pythia_moments_bimodality(const PythiaMoments *m);

/* Siffer et al. 2018: 4 Var|x - s| / Var x, where folding at s = mean + m3 / (2 m2) loses most variance.
** A uniform's is 1; below it the values lie on both sides of s and rarely near it. NaN where all values
** are equal, and for n < 2. */
double pythia_folding_ratio(const double *x, size_t n);

/* A zeroed PythiaComoments is empty. */
typedef struct PythiaComoments {
    uint64_t n;
    double shift_x, shift_y;
    double mean_x, mean_y; /* of x - shift_x, y - shift_y */
    double m2_x, m2_y;     /* sums of squared deviations */
    double c_xy;           /* sum of products of deviations */
} PythiaComoments;

void pythia_comoments_add(PythiaComoments *m, double x, double y);
void pythia_comoments_merge(PythiaComoments *into, const PythiaComoments *from);
double pythia_comoments_covar_samp(const PythiaComoments *m);
double pythia_comoments_covar_pop(const PythiaComoments *m);
/* Pearson's r, in [-1, 1]; NaN for n < 2 or where one side is constant. */
double pythia_comoments_corr(const PythiaComoments *m);

/* out[i*k + j] = covariance (n - 1) of columns i and j of k columns of n values each, the full
** symmetric matrix. NaN everywhere for n < 2. */
void pythia_covariance_matrix(const double *const *columns, size_t k, size_t n, double *out);

#endif
