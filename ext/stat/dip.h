/* dip.h - Hartigan's dip test of unimodality.
**
** The dip is the largest distance between the empirical distribution function and the nearest
** unimodal one; it lies in [1/(2n), 1/4]. The p-value is the probability of a dip at least as large
** under the uniform distribution, the least favourable unimodal one, so it is conservative. */
#ifndef PYTHIA_STAT_DIP_H
#define PYTHIA_STAT_DIP_H

#include "ext/base/poll.h"

typedef struct PythiaDip {
    double dip;       /* NaN for n = 0 */
    double p;         /* NaN for n = 0; never 0: see pythia_dip_p() */
    size_t low, high; /* the modal interval, as indices into the sorted values */
    double modal_low, modal_high;
} PythiaDip;

/* sorted: n finite values, ascending. resolution: the tick of the clock that made them, 0 for none.
** Rounded values have ties, and ties look like modes; with a resolution w the j-th of m equal
** values v is taken as v + w ((j - 1/2) / m - 1/2), which spreads them over the tick. SQLITE_OK,
** SQLITE_NOMEM, SQLITE_INTERRUPT, SQLITE_TOOBIG for more than 2^31 values, or SQLITE_RANGE (resolution
** negative or not finite). */
int pythia_dip(const double *sorted, size_t n, double resolution, PythiaDip *result,
               PythiaPoll *poll);
/* The same with the caller's memory for n doubles. */
int pythia_dip_with(const double *sorted, size_t n, double resolution, void *scratch,
                    PythiaDip *result, PythiaPoll *poll);

/* The p-value of a dip of n values, from a simulated table; 1 at the floor 1/(2n). Beyond the table
** it is the table's resolution, an upper bound of the true one. */
double pythia_dip_p(double dip, size_t n);

/* The smallest p-value that pythia_dip_p() gives. */
double pythia_dip_p_least(void);

/* Spreads ties over their tick as above. out may be the same array as sorted. */
void pythia_dequantise(const double *sorted, size_t n, double resolution, double *out);

#endif
