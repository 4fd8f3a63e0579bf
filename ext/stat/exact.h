/* exact.h - sums of values, squares and products without any rounding, so that what enters a window
** frame can leave it again and nothing remains behind.
**
** Doubles are integers times powers of two; the sums are kept as wide integers that span the whole
** range of double products. Adding is a few integer additions, removing is the same with the other
** sign, the order of values does not matter, and results are rounded once, at the end: n Sxy - Sx
** Sy is formed exactly. Values must be finite. About 1.6 KB (sums) and 4.4 KB (pairs) a state. */
#ifndef PYTHIA_STAT_EXACT_H
#define PYTHIA_STAT_EXACT_H

#include <stdint.h>

enum {
    PYTHIA_WIDE_ONE = 69, /* limbs of 32 bits: 2^-1074 .. 2^1023 and 2^63 terms */
    PYTHIA_WIDE_TWO = 136 /* the same for products */
};

/* Signed limbs of 32 bits in 64, the least significant first. Carries wait until `pending` terms
** have been added. limb[low .. high-1] are the ones ever touched. */
typedef struct PythiaWideRange {
    int low, high;
    uint32_t pending;
} PythiaWideRange;

typedef struct PythiaWideSum {
    PythiaWideRange range;
    int64_t limb[PYTHIA_WIDE_ONE];
} PythiaWideSum;

typedef struct PythiaWideProduct {
    PythiaWideRange range;
    int64_t limb[PYTHIA_WIDE_TWO];
} PythiaWideProduct;

/* A number as SQL hands it over: a 64-bit integer or a double. */
typedef struct PythiaNumber {
    int is_integer;
    int64_t integer;
    double real;
} PythiaNumber;

/* Zeroed: empty. */
typedef struct PythiaExactSums {
    int64_t n;
    PythiaWideSum x;
    PythiaWideProduct xx;
} PythiaExactSums;

typedef struct PythiaExactPairs {
    int64_t n;
    PythiaWideSum x, y;
    PythiaWideProduct xx, yy, xy;
} PythiaExactPairs;

/* sign: 1 adds, -1 removes what was added before. */
void pythia_exact_sums_add(PythiaExactSums *s, PythiaNumber x, int sign);
double pythia_exact_sums_mean(PythiaExactSums *s);
/* Variance with divisor n - ddof (1: sample, 0: population); NaN where n <= ddof. */
double pythia_exact_sums_var(PythiaExactSums *s, int ddof);
/* sqrt(var) / |mean|; NaN where undefined or the mean is exactly 0. */
double pythia_exact_sums_cov(PythiaExactSums *s, int ddof);

void pythia_exact_pairs_add(PythiaExactPairs *s, PythiaNumber x, PythiaNumber y, int sign);
double pythia_exact_pairs_covar(PythiaExactPairs *s, int ddof);
/* NaN where n < 2 or a side is constant; exactly +-1 only up to rounding, never beyond. */
double pythia_exact_pairs_corr(PythiaExactPairs *s);

#endif
