/* problem.h - when a group of requests is a problem, and for which reason.
**
**   variation  cov > cov_threshold, stddev >= min_stddev_ns and variance share >= share_threshold
**   slow       mean above the slow_quantile of all requests of the type
**
** and at least min_samples members. cov and stddev must pass by the lower end of their confidence interval, and
** so must the mean: what a few outliers make is not yet a fact about the group. At the confidence 0.5 the plain
** figures decide. `variation` wins over `slow`. */
#ifndef PYTHIA_GROUP_PROBLEM_H
#define PYTHIA_GROUP_PROBLEM_H

#include "ext/group/group.h"

enum { PYTHIA_PROBLEM_NONE, PYTHIA_PROBLEM_VARIATION, PYTHIA_PROBLEM_SLOW };

/* The durations of one group, or of whatever else is judged. */
typedef struct PythiaSample {
    const double *sorted; /* ns, ascending */
    size_t n;
    double mean, stddev; /* NaN where undefined */
    double share;        /* of the variance of all groups */
} PythiaSample;

/* mean and stddev from the values; share is left to the caller. */
void pythia_sample_of(PythiaSample *sample, const double *sorted, size_t n);

int pythia_sample_varies(const PythiaThresholds *thresholds, const PythiaSample *sample);
/* slow_ns: the slow_quantile of the type's requests; NaN: nothing is slow. */
int pythia_sample_slow(const PythiaThresholds *thresholds, const PythiaSample *sample,
                       double slow_ns);

const char *pythia_problem_name(int problem); /* NULL for NONE */

#endif
