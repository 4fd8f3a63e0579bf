/* shift.h - columns of doubles that lose nothing of large integers.
**
** Time stamps in nanoseconds are integers above 2^53, where neighbouring doubles are 256 apart. Most
** statistics look at differences only, so a column that starts with such an integer is kept as
** differences from it, exactly, for as long as that is possible: while all values are integers and no
** further than 2^53 away. The first value that is not makes the column plain: the caller then adds
** the base to what it has stored. Other columns are plain from the start. */
#ifndef PYTHIA_STAT_SHIFT_H
#define PYTHIA_STAT_SHIFT_H

#include "ext/stat/exact.h"

#define PYTHIA_EXACT_INTEGER ((int64_t)1 << 53)

typedef struct PythiaShift {
    int started;
    int64_t base; /* 0: plain */
} PythiaShift;

static inline double pythia_number_real(PythiaNumber x) {
    return x.is_integer ? (double)x.integer : x.real;
}

/* The number as the column keeps it. Where *plain is set afterwards, the column has just become plain
** and *plain is to be added to every value stored before. */
static inline double pythia_shift_value(PythiaShift *shift, PythiaNumber x, double *plain) {
    int64_t difference;
    *plain = 0;
    if (!shift->started) {
        shift->started = 1;
        int large =
            x.is_integer && (x.integer > PYTHIA_EXACT_INTEGER || x.integer < -PYTHIA_EXACT_INTEGER);
        shift->base = large ? x.integer : 0;
    }
    if (shift->base == 0) return pythia_number_real(x);
    if (x.is_integer && !__builtin_sub_overflow(x.integer, shift->base, &difference) &&
        difference <= PYTHIA_EXACT_INTEGER && difference >= -PYTHIA_EXACT_INTEGER)
        return (double)difference;
    *plain = (double)shift->base;
    shift->base = 0;
    return pythia_number_real(x);
}

/* A value of the column, or a quantile of them, as it is. Rounded once. */
static inline double pythia_shift_back(const PythiaShift *shift, double x) {
    if (shift->base == 0) return x;
    int64_t whole = (int64_t)x;
    double rest = x - (double)whole;
    int64_t sum;
    if (__builtin_add_overflow(shift->base, whole, &sum)) return (double)shift->base + x;
    return (double)sum + rest;
}

#endif
