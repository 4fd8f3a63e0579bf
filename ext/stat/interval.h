/* interval.h - how sure a standard deviation is.
**
** The sampling error of a standard deviation depends on the shape of the distribution: a deviation that
** three outliers make says little of the next thousand values, however many there are now. */
#ifndef PYTHIA_STAT_INTERVAL_H
#define PYTHIA_STAT_INTERVAL_H

#include <stddef.h>

/* z with P(Z <= z) = confidence for a standard normal Z; 0.5 <= confidence < 1, else NaN. */
double pythia_normal_z(double confidence);

/* The lower end of the one-sided interval of the standard deviation at the level that z belongs to, as a
** fraction of the sample deviation: 0 .. 1. Interval of Bonett (2006), which holds without normality. x: n
** finite values, ascending. 1 for z <= 0; 0 for n < 5 and z > 0, which is too few to say; 1 where all values
** are equal. */
double pythia_stddev_lower(const double *sorted, size_t n, double z);

#endif
