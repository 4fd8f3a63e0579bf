/* mixture.h - a distribution as a mixture of normal ones: how many, where, how wide, how much.
**
** It sees what a test of the shape does not: a slow path that one request in a hundred takes lies in
** the tail, where neither the dip nor a density notices it, but no single normal curve fits both. On the
** other hand it spends several components on one skewed hump; on a logarithmic scale, where latencies
** are closest to normal, it does so least. A mixture says how the values can be described, modes.h how
** many peaks they have. */
#ifndef PYTHIA_STAT_MIXTURE_H
#define PYTHIA_STAT_MIXTURE_H

#include "ext/base/poll.h"

enum { PYTHIA_MIXTURE_MAX = 9 };

typedef struct PythiaComponent {
    double weight;   /* the weights sum to 1 */
    double mean, sd; /* on the scale */
    double location; /* where the component's median lies among the values */
} PythiaComponent;

typedef struct PythiaMixture {
    int n;         /* components, ascending; 0: no values, or all of them equal */
    int log_scale; /* the components are of ln x */
    int equal;     /* all have one sd */
    double loglik; /* on the scale */
    double bic;    /* 2 loglik - parameters ln n: larger is better */
    PythiaComponent component[PYTHIA_MIXTURE_MAX];
    int tried; /* numbers of components that were tried: 1 .. tried, and the best BIC of each */
    double bic_of[PYTHIA_MIXTURE_MAX];
} PythiaMixture;

/* sorted: n finite values, ascending. linear: the values as they are; otherwise their logarithms where
** all are positive. most: the largest number of components to try, 1 .. PYTHIA_MIXTURE_MAX; the search
** ends before where two more components did not help. The result does not depend on anything but the
** values. O(n) and, above 2048 values, which are then taken together in bins, about constant: a tenth
** of a second. SQLITE_OK, SQLITE_NOMEM, SQLITE_INTERRUPT. */
int pythia_mixture(const double *sorted, size_t n, int linear, int most, PythiaMixture *result,
                   PythiaPoll *poll);

#endif
