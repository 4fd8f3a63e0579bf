/* interval.c - see interval.h.
**
** Bonett, D. G., "Approximate confidence interval for standard deviation of nonnormal distributions",
** Computational Statistics & Data Analysis 50 (2006), 775-782. The variance is taken on the logarithmic scale:
**
**   ln(c s^2) - z c sqrt((g - (n - 3) / n) / (n - 1)),   c = n / (n - z)
**
** g is a kurtosis whose numerator is centred on a mean trimmed by 1 / (2 sqrt(n - 4)) on either side: around
** the plain mean the kurtosis of skewed, heavy-tailed values comes out too small. */
#include "ext/stat/interval.h"

#include <math.h>

#include "ext/stat/distribution.h"
#include "ext/stat/moments.h"

enum { LEAST_VALUES = 5, HALVINGS = 100 };

double pythia_normal_z(double confidence) {
    if (!(confidence >= 0.5 && confidence < 1)) return NAN;
    double low = 0, high = 40, tails = 2 * (1 - confidence);
    if (confidence == 0.5) return 0;
    for (int i = 0; i < HALVINGS && low < high; i++) {
        double middle = low + (high - low) / 2;
        if (pythia_normal_two_sided(middle) > tails)
            low = middle;
        else
            high = middle;
    }
    return low + (high - low) / 2;
}

/* Kurtosis with the numerator around the trimmed mean, from deviations in units of the standard deviation,
** so that nothing overflows. */
static double trimmed_kurtosis(const double *sorted, size_t n, double mean, double stddev) {
    size_t cut = (size_t)((double)n / (2 * sqrt((double)n - 4)));
    PythiaMoments middle = pythia_moments_of(sorted + cut, n - 2 * cut);
    double centre = (pythia_moments_mean(&middle) - mean) / stddev, fourth = 0, second = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (sorted[i] - mean) / stddev, e = d - centre;
        fourth += e * e * e * e;
        second += d * d;
    }
    return (double)n * fourth / (second * second);
}

double pythia_stddev_lower(const double *sorted, size_t n, double z) {
    if (!(z > 0)) return 1;
    if (n < LEAST_VALUES || (double)n <= z) return 0;
    PythiaMoments m = pythia_moments_of(sorted, n);
    double stddev = pythia_moments_stddev_samp(&m);
    if (!(stddev > 0)) return 1;
    double kurtosis = trimmed_kurtosis(sorted, n, pythia_moments_mean(&m), stddev);
    double c = (double)n / ((double)n - z), count = (double)n;
    double spread = (kurtosis - (count - 3) / count) / (count - 1);
    double error = spread > 0 ? z * c * sqrt(spread) : 0;
    double lower = exp((log(c) - error) / 2);
    return lower < 1 ? lower : 1;
}
