/* distribution.h - tail probabilities for tests, accurate relative to their own size, down to the
** smallest double. NaN in, or parameters without meaning: NaN out. */
#ifndef PYTHIA_STAT_DISTRIBUTION_H
#define PYTHIA_STAT_DISTRIBUTION_H

/* The regularised incomplete beta function I_x(a, b), a, b > 0. y = 1 - x is a parameter of its
** own, because the caller often knows it to more digits than the subtraction would leave. */
double pythia_beta_lower(double a, double b, double x, double y);
/* Its logarithm. */
double pythia_beta_lower_log(double a, double b, double x, double y);
/* The regularised upper incomplete gamma function Q(a, x). */
double pythia_gamma_upper(double a, double x);

/* P(F > f) with df1, df2 degrees of freedom; need not be whole. */
double pythia_f_upper(double f, double df1, double df2);
/* P(|T| > |t|). */
double pythia_t_two_sided(double t, double df);
double pythia_chi2_upper(double chi2, double df);
double pythia_normal_two_sided(double z);

/* p-value of r^2 as the share of variance that df1 predictors explain, df2 = n - 1 - df1 remaining:
** P(F > (r2/df1) / (rest/df2)), rest = 1 - r2 as the caller knows it. */
double pythia_r2_p(double r2, double rest, double df1, double df2);

#endif
