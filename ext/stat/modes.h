/* modes.h - how many peaks a distribution has, where, and with what share of the values.
**
** Made for latencies: skewed, heavy-tailed, rounded by clocks, with rare slow cases. A peak counts
** only where the valley that separates it is significantly lower than it (3 sigma of a Poisson
** count) and where it holds enough values: at least 0.5 % and 5 of them. Fewer than 4 values, and
** values that are all equal, have one mode. */
#ifndef PYTHIA_STAT_MODES_H
#define PYTHIA_STAT_MODES_H

#include "ext/base/poll.h"

enum { PYTHIA_MODES_MAX = 16 };

typedef struct PythiaMode {
    double location;  /* where the density peaks */
    double low, high; /* the values from low to high belong to it; both occur in the data */
    double mass;      /* count / n; the masses sum to 1 */
    size_t count;
} PythiaMode;

typedef struct PythiaModes {
    int n;         /* 0 for no values, else 1 .. PYTHIA_MODES_MAX */
    int log_scale; /* all values were positive, and the density was taken of their logarithms */
    PythiaMode mode[PYTHIA_MODES_MAX]; /* ascending */
} PythiaModes;

/* sorted: n finite values, ascending. SQLITE_OK, SQLITE_NOMEM, SQLITE_INTERRUPT. */
int pythia_modes(const double *sorted, size_t n, PythiaModes *result, PythiaPoll *poll);

#endif
