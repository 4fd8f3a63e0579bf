/* exact.c - sums without rounding.
**
** The accumulator is Kulisch's: one fixed-point number wide enough for every double (or product of
** two), here in signed limbs of 64 bits that hold 32 each, so that carries can wait for 2^30 terms.
** Statistics come from n Sxy - Sx Sy, formed in whole numbers and rounded to a double at the end;
** this is the textbook formula whose cancellation ruins it in floating point, and only there.
**
** Limb i of a sum has the weight 2^(32 i - 1074), of a product 2^(32 i - 2148): the product of two
** sums lines up with a sum of products. */
#include "ext/stat/exact.h"

#include <math.h>
#include <string.h>

__extension__ typedef unsigned __int128 Wide;

enum {
    BIAS = 1074,          /* 2^-1074 is the smallest double */
    CARRY_EVERY = 1 << 30 /* terms of less than 2^32 a limb before an int64 could overflow */
};

/* |value| = magnitude * 2^exponent, exponent >= -BIAS. */
typedef struct Term {
    uint64_t magnitude;
    int exponent;
    int sign;
} Term;

/* sign and magnitude; limb[low .. high-1], least significant first, no zero limb at the top. */
typedef struct Big {
    int sign, low, high;
    uint32_t limb[PYTHIA_WIDE_TWO + 6];
} Big;

/* fraction * 2^exponent, 1/2 <= |fraction| < 1, or 0. */
typedef struct Scaled {
    double fraction;
    int exponent;
} Scaled;

static inline Term term_of(PythiaNumber x) {
    Term t = {0, 0, 1};
    if (x.is_integer) {
        t.sign = x.integer < 0 ? -1 : 1;
        t.magnitude = x.integer < 0 ? 0 - (uint64_t)x.integer : (uint64_t)x.integer;
        return t;
    }
    uint64_t bits;
    memcpy(&bits, &x.real, sizeof bits);
    int biased = (int)(bits >> 52 & 0x7ff);
    t.sign = bits >> 63 ? -1 : 1;
    t.magnitude = (bits & 0xfffffffffffff) | (uint64_t)(biased != 0) << 52;
    t.exponent = (biased ? biased : 1) - 1 - BIAS;
    return t;
}

/* Brings limbs into 0 .. 2^32-1, but the highest one, which carries the sign and may be anything of
** 31 bits. */
static void wide_carry(PythiaWideRange *range, int64_t *limb) {
    for (int i = range->low; i < range->high; i++) {
        if (i == range->high - 1 && limb[i] >= -INT32_MAX && limb[i] <= INT32_MAX) break;
        int64_t low = limb[i] & 0xffffffff;
        int64_t carry = (limb[i] - low) / 4294967296;
        limb[i] = low;
        if (carry == 0) continue;
        limb[i + 1] += carry;
        if (i + 1 == range->high) range->high++;
    }
    range->pending = 0;
}

/* The limbs first .. first+n-1 are about to be added to. */
static inline void range_touch(PythiaWideRange *range, int64_t *limb, int first, int n) {
    if (range->high == 0) range->low = first;
    if (first < range->low) range->low = first;
    if (first + n > range->high) range->high = first + n;
    if (++range->pending == CARRY_EVERY) wide_carry(range, limb);
}

/* Both additions write all the limbs that the term can reach, without asking which of them it does:
** this is what every row pays. Shifts by 32 - shift are of 64-bit numbers, and defined for 0. `flip`
** is 0, or -1 for a term that is taken away: (v ^ -1) - -1 is -v. */
static inline void sum_add(PythiaWideSum *sum, Term x, int sign) {
    int bit = x.exponent + BIAS, first = bit / 32;
    int shift = bit % 32;
    int64_t flip = x.sign * sign < 0 ? -1 : 0;
    int64_t *limb = sum->limb + first;
    if (x.magnitude == 0) return;
    range_touch(&sum->range, sum->limb, first, 3);
    limb[0] += ((int64_t)(x.magnitude << shift & 0xffffffff) ^ flip) - flip;
    limb[1] += ((int64_t)(x.magnitude >> (32 - shift) & 0xffffffff) ^ flip) - flip;
    limb[2] += ((int64_t)(x.magnitude >> 32 >> (32 - shift)) ^ flip) - flip;
}

static inline void product_add(PythiaWideProduct *sum, Term x, Term y, int sign) {
    Wide product = (Wide)x.magnitude * y.magnitude;
    uint64_t head = (uint64_t)(product >> 64), tail = (uint64_t)product;
    int bit = x.exponent + y.exponent + 2 * BIAS, first = bit / 32;
    int shift = bit % 32;
    int64_t flip = x.sign * y.sign * sign < 0 ? -1 : 0;
    int64_t *limb = sum->limb + first;
    if (product == 0) return;
    range_touch(&sum->range, sum->limb, first, 5);
    limb[0] += ((int64_t)(tail << shift & 0xffffffff) ^ flip) - flip;
    limb[1] += ((int64_t)(tail >> (32 - shift) & 0xffffffff) ^ flip) - flip;
    limb[2] += ((int64_t)((head << shift | tail >> 32 >> (32 - shift)) & 0xffffffff) ^ flip) - flip;
    limb[3] += ((int64_t)(head >> (32 - shift) & 0xffffffff) ^ flip) - flip;
    limb[4] += ((int64_t)(head >> 32 >> (32 - shift)) ^ flip) - flip;
}

static void big_trim(Big *b) {
    while (b->high > b->low && b->limb[b->high - 1] == 0)
        b->high--;
    if (b->high == b->low) b->sign = 0;
}

/* Sign and magnitude of limbs that have been carried. */
static void big_load(Big *out, const PythiaWideRange *range, const int64_t *limb) {
    int negative = range->high > 0 && limb[range->high - 1] < 0;
    int64_t carry = 0;
    out->sign = negative ? -1 : 1;
    out->low = range->low;
    out->high = range->high;
    for (int i = range->low; i < range->high; i++) {
        int64_t v = (negative ? -limb[i] : limb[i]) + carry;
        out->limb[i] = (uint32_t)(v & 0xffffffff);
        carry = (v - (v & 0xffffffff)) / 4294967296;
    }
    big_trim(out);
}

/* b := b * n. */
static void big_scale(Big *b, uint64_t n) {
    Wide carry = 0;
    for (int i = b->low; i < b->high; i++) {
        carry += (Wide)b->limb[i] * n;
        b->limb[i] = (uint32_t)(carry & 0xffffffff);
        carry >>= 32;
    }
    for (; carry; carry >>= 32)
        b->limb[b->high++] = (uint32_t)(carry & 0xffffffff);
    big_trim(b);
}

static void big_multiply(Big *out, const Big *a, const Big *b) {
    out->sign = a->sign * b->sign;
    out->low = a->low + b->low;
    out->high = a->high + b->high;
    if (out->sign == 0) {
        out->high = out->low;
        return;
    }
    memset(out->limb + out->low, 0, (size_t)(out->high - out->low) * sizeof out->limb[0]);
    for (int i = a->low; i < a->high; i++) {
        uint64_t carry = 0;
        for (int j = b->low; j < b->high; j++) {
            carry += (uint64_t)a->limb[i] * b->limb[j] + out->limb[i + j];
            out->limb[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        out->limb[i + b->high] = (uint32_t)carry;
    }
    big_trim(out);
}

static int64_t big_limb(const Big *b, int i) {
    return i >= b->low && i < b->high ? b->sign * (int64_t)b->limb[i] : 0;
}

/* a := a - b. */
static void big_subtract(Big *a, const Big *b) {
    int64_t limb[PYTHIA_WIDE_TWO + 6];
    PythiaWideRange range = {a->low, a->high, 0};
    if (b->sign == 0) return;
    if (a->sign == 0) range = (PythiaWideRange){b->low, b->high, 0};
    if (b->low < range.low) range.low = b->low;
    if (b->high > range.high) range.high = b->high;
    for (int i = range.low; i < range.high; i++)
        limb[i] = big_limb(a, i) - big_limb(b, i);
    limb[range.high] = 0;
    wide_carry(&range, limb);
    /* Carrying may leave a zero, or a lone sign above zeros, at the top. */
    while (range.high > range.low + 1 && limb[range.high - 1] == 0)
        range.high--;
    big_load(a, &range, limb);
}

/* Rounds once. Limb 0 has the weight 2^-bias. */
static Scaled big_round(const Big *b, int bias) {
    if (b->sign == 0) return (Scaled){0, 0};
    uint32_t top = b->limb[b->high - 1];
    int bits = 32 - __builtin_clz(top); /* in the top limb */
    Wide v = 0;
    int at = b->high - 1;
    for (int i = 0; i < 3; i++, at--)
        v = v << 32 | (at >= b->low ? b->limb[at] : 0);
    /* 64 leading bits; anything below them only matters as being there. */
    int drop = bits;
    uint64_t head = (uint64_t)(v >> drop);
    int sticky = (v & (((Wide)1 << drop) - 1)) != 0;
    while (!sticky && at >= b->low)
        sticky = b->limb[at--] != 0;
    int exponent;
    double fraction = frexp((double)(head | (uint64_t)sticky), &exponent);
    return (Scaled){b->sign * fraction, exponent + 32 * (b->high - 3) + drop - bias};
}

static Scaled scaled_sqrt(Scaled s) {
    if (s.exponent % 2) {
        s.fraction *= 2;
        s.exponent--;
    }
    return (Scaled){sqrt(s.fraction), s.exponent / 2};
}

/* n Sxy - Sx Sy, whose quotient by n (n - ddof) is the covariance. */
static Scaled exact_cross(int64_t n, PythiaWideSum *x, PythiaWideSum *y, PythiaWideProduct *xy) {
    Big sum_x, sum_y, product, cross;
    wide_carry(&x->range, x->limb);
    wide_carry(&y->range, y->limb);
    wide_carry(&xy->range, xy->limb);
    big_load(&sum_x, &x->range, x->limb);
    big_load(&sum_y, &y->range, y->limb);
    big_load(&cross, &xy->range, xy->limb);
    big_scale(&cross, (uint64_t)n);
    big_multiply(&product, &sum_x, &sum_y);
    big_subtract(&cross, &product);
    return big_round(&cross, 2 * BIAS);
}

static Scaled exact_sum(PythiaWideSum *x) {
    Big sum;
    wide_carry(&x->range, x->limb);
    big_load(&sum, &x->range, x->limb);
    return big_round(&sum, BIAS);
}

void pythia_exact_sums_add(PythiaExactSums *s, PythiaNumber x, int sign) {
    Term t = term_of(x);
    s->n += sign;
    sum_add(&s->x, t, sign);
    product_add(&s->xx, t, t, sign);
}

double pythia_exact_sums_mean(PythiaExactSums *s) {
    if (s->n <= 0) return NAN;
    Scaled sum = exact_sum(&s->x);
    return ldexp(sum.fraction / (double)s->n, sum.exponent);
}

double pythia_exact_sums_var(PythiaExactSums *s, int ddof) {
    if (s->n <= ddof) return NAN;
    Scaled cross = exact_cross(s->n, &s->x, &s->x, &s->xx);
    return ldexp(cross.fraction / ((double)s->n * (double)(s->n - ddof)), cross.exponent);
}

double pythia_exact_sums_cov(PythiaExactSums *s, int ddof) {
    if (s->n <= ddof) return NAN;
    Scaled sum = exact_sum(&s->x);
    if (sum.fraction == 0) return NAN;
    Scaled cross = exact_cross(s->n, &s->x, &s->x, &s->xx);
    cross.fraction /= (double)s->n * (double)(s->n - ddof);
    Scaled root = scaled_sqrt(cross);
    return ldexp(root.fraction * (double)s->n / fabs(sum.fraction), root.exponent - sum.exponent);
}

void pythia_exact_pairs_add(PythiaExactPairs *s, PythiaNumber x, PythiaNumber y, int sign) {
    Term a = term_of(x), b = term_of(y);
    s->n += sign;
    sum_add(&s->x, a, sign);
    sum_add(&s->y, b, sign);
    product_add(&s->xx, a, a, sign);
    product_add(&s->yy, b, b, sign);
    product_add(&s->xy, a, b, sign);
}

double pythia_exact_pairs_covar(PythiaExactPairs *s, int ddof) {
    if (s->n <= ddof) return NAN;
    Scaled cross = exact_cross(s->n, &s->x, &s->y, &s->xy);
    return ldexp(cross.fraction / ((double)s->n * (double)(s->n - ddof)), cross.exponent);
}

double pythia_exact_pairs_corr(PythiaExactPairs *s) {
    if (s->n < 2) return NAN;
    Scaled xx = scaled_sqrt(exact_cross(s->n, &s->x, &s->x, &s->xx));
    Scaled yy = scaled_sqrt(exact_cross(s->n, &s->y, &s->y, &s->yy));
    Scaled xy = exact_cross(s->n, &s->x, &s->y, &s->xy);
    if (!(xx.fraction > 0) || !(yy.fraction > 0)) return NAN;
    double r =
        ldexp(xy.fraction / (xx.fraction * yy.fraction), xy.exponent - xx.exponent - yy.exponent);
    return r > 1 ? 1 : r < -1 ? -1 : r;
}
