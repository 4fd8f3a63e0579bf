/* problem.c - see problem.h. */
#include "ext/group/problem.h"

#include <math.h>

#include "ext/stat/interval.h"
#include "ext/stat/moments.h"

void pythia_sample_of(PythiaSample *sample, const double *sorted, size_t n) {
    PythiaMoments m = pythia_moments_of(sorted, n);
    *sample = (PythiaSample){.sorted = sorted,
                             .n = n,
                             .mean = pythia_moments_mean(&m),
                             .stddev = pythia_moments_stddev_samp(&m),
                             .share = NAN};
}

int pythia_sample_varies(const PythiaThresholds *t, const PythiaSample *s) {
    if ((double)s->n < (double)t->min_samples || !(s->mean > 0)) return 0;
    /* What fails by the plain figures fails by their lower ends, too. */
    if (!(s->stddev / s->mean > t->cov_threshold && s->stddev >= t->min_stddev_ns &&
          s->share >= t->share_threshold))
        return 0;
    double stddev = s->stddev * pythia_stddev_lower(s->sorted, s->n, t->z);
    return stddev / s->mean > t->cov_threshold && stddev >= t->min_stddev_ns;
}

int pythia_sample_slow(const PythiaThresholds *t, const PythiaSample *s, double slow_ns) {
    if ((double)s->n < (double)t->min_samples) return 0;
    double error = t->z > 0 ? t->z * s->stddev / sqrt((double)s->n) : 0;
    return s->mean - error > slow_ns;
}

const char *pythia_problem_name(int problem) {
    return problem == PYTHIA_PROBLEM_VARIATION ? "variation"
           : problem == PYTHIA_PROBLEM_SLOW    ? "slow"
                                               : NULL;
}
