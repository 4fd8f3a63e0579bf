/* distribution.c - incomplete beta and gamma functions, and the tail probabilities made of them.
**
** I_x(a, b) is the factor x^a y^b / B(a, b) times a continued fraction (DiDonato & Morris, ACM TOMS
** 18 (1992), 360-373, their eq. 9), on the side of the mean where it converges quickly and the
** result is the smaller one; the other side is the complement. Q(a, x) is x^a e^-x / Gamma(a) times
** Legendre's fraction, or one minus the series for P.
**
** The factors decide the accuracy. a ln x + b ln y - ln B(a, b) as it stands subtracts numbers of
** the size of n to get one of the size of ln p. With Stirling's formula taken out (Loader, Fast and
** accurate computation of binomial probabilities, 2000) only terms of the size of the result
** remain, so that p is good to about 1e-12 of itself for any number of observations. */
#include "ext/stat/distribution.h"

#include <float.h>
#include <math.h>

enum { STEPS_MAX = 200000 };

#define LN_SQRT_2PI 0.91893853320467274178

/* ln Gamma(z) - ((z - 1/2) ln z - z + ln sqrt(2 pi)), z > 0. */
static double stirling_rest(double z) {
    if (z < 16) {
        int sign;
        return lgamma_r(z, &sign) - ((z - 0.5) * log(z) - z + LN_SQRT_2PI);
    }
    double w = 1 / (z * z);
    return (1.0 / 12 -
            w * (1.0 / 360 -
                 w * (1.0 / 1260 - w * (1.0 / 1680 - w * (1.0 / 1188 - w * 691 / 360360))))) /
           z;
}

/* c ln(1 + t / c), for t > -c, also where 1 + t / c = ratio is almost 0 and better known itself. */
static double scaled_log(double c, double t, double ratio) {
    return t < -0.5 * c ? c * log(ratio) : c * log1p(t / c);
}

/* ln of x^a y^b / B(a, b). */
static double beta_factor_log(double a, double b, double x, double y) {
    double n = a + b, t = x * b - y * a;
    double powers = scaled_log(a, t, x * n / a) + scaled_log(b, -t, y * n / b);
    double rest = stirling_rest(a) + stirling_rest(b) - stirling_rest(n);
    return powers + 0.5 * log(a * (b / n)) - LN_SQRT_2PI - rest;
}

/* I_x(a, b) divided by that factor, for x below the mean or little above. Modified Lentz. */
static double beta_fraction(double a, double b, double x, double y) {
    double lambda = a * y - b * x;
    double f = a * (lambda + 1) / (a + 1), c = f, d = 0;
    for (int k = 1; k < STEPS_MAX; k++) {
        double m = k, u = a + 2 * m - 1;
        double numerator = (a + m - 1) / u * ((a + b + m - 1) / u) * m * (b - m) * x * x;
        double denominator =
            m + m * (b - m) * x / u + (a + m) * (lambda + 1 + m * (2 - x)) / (u + 2);
        d = denominator + numerator * d;
        c = denominator + numerator / c;
        if (!(fabs(d) > DBL_MIN)) d = DBL_MIN;
        if (!(fabs(c) > DBL_MIN)) c = DBL_MIN;
        d = 1 / d;
        f *= c * d;
        if (fabs(c * d - 1) < 4 * DBL_EPSILON) break;
    }
    return 1 / f;
}

/* ln I_x(a, b) from the fraction. */
static double beta_direct_log(double a, double b, double x, double y) {
    return beta_factor_log(a, b, x, y) + log(beta_fraction(a, b, x, y));
}

double pythia_beta_lower_log(double a, double b, double x, double y) {
    if (!(a > 0 && b > 0 && x >= 0 && y >= 0)) return NAN;
    if (x == 0) return -INFINITY;
    if (y == 0) return 0;
    double v =
        x * b <= y * a ? beta_direct_log(a, b, x, y) : log1p(-exp(beta_direct_log(b, a, y, x)));
    return v < 0 ? v : 0;
}

double pythia_beta_lower(double a, double b, double x, double y) {
    if (!(a > 0 && b > 0 && x >= 0 && y >= 0)) return NAN;
    if (x == 0) return 0;
    if (y == 0) return 1;
    double v =
        x * b <= y * a ? exp(beta_direct_log(a, b, x, y)) : 1 - exp(beta_direct_log(b, a, y, x));
    return v > 1 ? 1 : v < 0 ? 0 : v;
}

/* ln of x^a e^-x / Gamma(a). */
static double gamma_factor_log(double a, double x) {
    double t = x - a;
    return scaled_log(a, t, x / a) - t + 0.5 * log(a) - LN_SQRT_2PI - stirling_rest(a);
}

double pythia_gamma_upper(double a, double x) {
    if (!(a > 0 && x >= 0)) return NAN;
    if (x == 0) return 1;
    if (isinf(x)) return 0;
    double factor = gamma_factor_log(a, x);
    if (x < a + 1) {
        double term = 1 / a, sum = term;
        for (int k = 1; k < STEPS_MAX && term > sum * DBL_EPSILON / 4; k++)
            sum += term *= x / (a + k);
        return 1 - exp(factor) * sum;
    }
    double b = x + 1 - a, c = 1 / DBL_MIN, d = 1 / b, f = d;
    for (int k = 1; k < STEPS_MAX; k++) {
        double numerator = -k * (k - a);
        b += 2;
        d = 1 / (numerator * d + b);
        c = b + numerator / c;
        f *= c * d;
        if (fabs(c * d - 1) < 4 * DBL_EPSILON) break;
    }
    return exp(factor + log(f));
}

double pythia_f_upper(double f, double df1, double df2) {
    if (!(f >= 0 && df1 > 0 && df2 > 0)) return NAN;
    if (isinf(f)) return 0;
    double explained = df1 * f;
    /* Of the two shares the smaller one sets the digits; both come from divisions. */
    return pythia_beta_lower(df2 / 2, df1 / 2, df2 / (df2 + explained),
                             explained / (df2 + explained));
}

double pythia_t_two_sided(double t, double df) {
    return pythia_f_upper(t * t, 1, df);
}

double pythia_chi2_upper(double chi2, double df) {
    return pythia_gamma_upper(df / 2, chi2 / 2);
}

double pythia_normal_two_sided(double z) {
    return erfc(fabs(z) * M_SQRT1_2);
}

double pythia_r2_p(double r2, double rest, double df1, double df2) {
    if (!(df1 > 0 && df2 > 0)) return NAN;
    return pythia_beta_lower(df2 / 2, df1 / 2, rest, r2);
}
