/* order.c - sorting, selection and ranks.
**
** Short arrays are sorted in place by introsort (Musser 1997): quicksort on the median of three,
** insertion sort for short ranges, and heapsort for a range whose partitions keep coming out
** lopsided, which bounds the time for hostile orders. The larger part waits on a fixed stack and the
** smaller is taken first, so the stack holds at most one range per bit of a size. Selection is
** quickselect with the same guard.
**
** Long arrays are sorted byte by byte, the least significant first (radix sort), between the array
** and scratch memory of the same size. A double's bits, with the sign bit turned and all others too
** where it is negative, order as an unsigned integer. Bytes that are the same in all values are
** skipped, and the time does not depend on the order. Without memory for it they are sorted in place.
** Ranks sort the same keys with their places. */
#include "ext/stat/order.h"

#include <string.h>

#include "ext/base/mem.h"

#ifdef PYTHIA_TEST
enum { INSERTION_MAX = 24, RADIX_LEAST = 64 };
#else
enum { INSERTION_MAX = 24, RADIX_LEAST = 2000 };
#endif

enum { DIGITS = 8, DIGIT_VALUES = 256 };

static void insertion_sort(double *x, size_t n) {
    for (size_t i = 1; i < n; i++) {
        double v = x[i];
        size_t j = i;
        for (; j > 0 && v < x[j - 1]; j--)
            x[j] = x[j - 1];
        x[j] = v;
    }
}

static void heap_sink(double *x, size_t n, size_t at) {
    double v = x[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && x[child] < x[child + 1]) child++;
        if (!(v < x[child])) break;
        x[at] = x[child];
    }
    x[at] = v;
}

static int heap_sort(double *x, size_t n, PythiaPoll *poll) {
    for (size_t i = n / 2; i-- > 0;)
        heap_sink(x, n, i);
    for (size_t end = n; end-- > 1;) {
        double v = x[0];
        x[0] = x[end];
        x[end] = v;
        heap_sink(x, end, 0);
        int rc = pythia_poll(poll);
        if (rc) return rc;
    }
    return SQLITE_OK;
}

static double median_of_three(double a, double b, double c) {
    if (a < b) {
        if (b < c) return b;
        return a < c ? c : a;
    }
    if (a < c) return a;
    return b < c ? c : b;
}

/* Hoare's partition around the median of three: returns m with 0 < m < n, x[0..m-1] <= x[m..n-1].
** n >= 2. Equal values go to both sides, so ties do not make it lopsided. */
static size_t partition(double *x, size_t n) {
    double pivot = median_of_three(x[0], x[n / 2], x[n - 1]);
    size_t i = 0, j = n - 1;
    for (;;) {
        while (x[i] < pivot)
            i++;
        while (pivot < x[j])
            j--;
        if (i >= j) break;
        double v = x[i];
        x[i++] = x[j];
        x[j--] = v;
    }
    /* The pivot may be the smallest or the largest: both sides must shrink. */
    return i == 0 ? 1 : i == n ? n - 1 : i;
}

/* Partitions allowed before heapsort takes over: twice the bits of n. */
static int depth_limit(size_t n) {
    int depth = 0;
    for (; n > 1; n >>= 1)
        depth += 2;
    return depth;
}

static int sort_in_place(double *x, size_t n, PythiaPoll *poll) {
    struct {
        double *x;
        size_t n;
        int depth;
    } stack[64];
    int top = 0;
    int depth = depth_limit(n);
    for (;;) {
        while (n > INSERTION_MAX) {
            int rc = n > 4096 && poll ? pythia_poll_now(poll) : SQLITE_OK;
            if (rc == SQLITE_OK && depth-- == 0) {
                rc = heap_sort(x, n, poll);
                n = 0;
            }
            if (rc) return rc;
            if (n == 0) break;
            size_t m = partition(x, n);
            size_t larger = m >= n - m ? 0 : m;
            stack[top].x = x + larger;
            stack[top].n = larger ? n - m : m;
            stack[top++].depth = depth;
            if (!larger) x += m;
            n = larger ? m : n - m;
        }
        insertion_sort(x, n);
        if (top == 0) return SQLITE_OK;
        x = stack[--top].x;
        n = stack[top].n;
        depth = stack[top].depth;
    }
}

/* ---- radix ------------------------------------------------------------------------------------ */

/* Keys lie in arrays of doubles at times. */
typedef uint64_t __attribute__((may_alias)) Key;

static uint64_t key_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits ^ (bits >> 63 ? UINT64_MAX : (uint64_t)1 << 63);
}

static double of_key(uint64_t key) {
    uint64_t bits = key ^ (key >> 63 ? (uint64_t)1 << 63 : UINT64_MAX);
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

typedef struct Digits {
    size_t count[DIGITS][DIGIT_VALUES]; /* then where the next one with that digit goes */
    int sorts[DIGITS];                  /* the digits that are not the same in all keys, ... */
    int n;                              /* ... and how many they are */
} Digits;

static inline unsigned digit_of(uint64_t key, int digit) {
    return (unsigned)(key >> (8 * digit) & 0xff);
}

/* From the counts: which digits to sort by, and where values go. first: any of the keys. */
static void digits_prepare(Digits *d, uint64_t first, size_t n) {
    d->n = 0;
    for (int digit = 0; digit < DIGITS; digit++) {
        size_t *count = d->count[digit], sum = 0;
        if (count[digit_of(first, digit)] == n) continue;
        d->sorts[d->n++] = digit;
        for (int v = 0; v < DIGIT_VALUES; v++) {
            size_t here = count[v];
            count[v] = sum;
            sum += here;
        }
    }
}

static void digits_count(Digits *d, uint64_t key) {
    for (int digit = 0; digit < DIGITS; digit++)
        d->count[digit][digit_of(key, digit)]++;
}

/* Sorts keys between two arrays; *sorted is the one in which they are at the end, also of an
** interrupt. */
static int radix_keys(Digits *d, Key *from, Key *to, size_t n, Key **sorted, PythiaPoll *poll) {
    *sorted = from;
    for (int i = 0; i < d->n; i++) {
        int rc = poll ? pythia_poll_now(poll) : SQLITE_OK, digit = d->sorts[i];
        size_t *next = d->count[digit];
        if (rc) return rc;
        for (size_t k = 0; k < n; k++) {
            uint64_t key = from[k];
            to[next[digit_of(key, digit)]++] = key;
        }
        *sorted = to;
        to = from;
        from = *sorted;
    }
    return SQLITE_OK;
}

int pythia_sort_with(double *x, size_t n, void *scratch, PythiaPoll *poll) {
    if (n < RADIX_LEAST) return sort_in_place(x, n, poll);
    /* The keys lie in the memory of x meanwhile. */
    Key *keys = (Key *)(void *)x, *sorted;
    Digits digits = {.n = 0};
    for (size_t i = 0; i < n; i++) {
        keys[i] = key_of(x[i]);
        digits_count(&digits, keys[i]);
    }
    digits_prepare(&digits, keys[0], n);
    int rc = radix_keys(&digits, keys, scratch, n, &sorted, poll);
    for (size_t i = 0; i < n; i++)
        x[i] = of_key(sorted[i]);
    return rc;
}

int pythia_sort(double *x, size_t n, PythiaPoll *poll) {
    void *scratch = n < RADIX_LEAST ? NULL : pythia_alloc_array(n, sizeof *x);
    int rc = scratch ? pythia_sort_with(x, n, scratch, poll) : sort_in_place(x, n, poll);
    pythia_free(scratch);
    return rc;
}

int pythia_select(double *x, size_t n, size_t k, PythiaPoll *poll) {
    int depth = depth_limit(n);
    while (n > INSERTION_MAX) {
        int rc = n > 4096 && poll ? pythia_poll_now(poll) : SQLITE_OK;
        if (rc) return rc;
        if (depth-- == 0) return heap_sort(x, n, poll);
        size_t m = partition(x, n);
        if (k < m) {
            n = m;
        } else {
            x += m;
            n -= m;
            k -= m;
        }
    }
    insertion_sort(x, n);
    return SQLITE_OK;
}

typedef struct Placed {
    uint64_t key;
    size_t place;
} Placed;

/* place[k] of the k-th smallest value, in the half of work that *sorted says. work: 2 n. */
static int placed_sort(const double *x, size_t n, Placed *work, Placed **sorted, PythiaPoll *poll) {
    Digits digits = {.n = 0};
    Placed *from = work, *to = work + n;
    for (size_t i = 0; i < n; i++) {
        /* Both zeros are one value. */
        from[i] = (Placed){key_of(x[i] == 0 ? 0 : x[i]), i};
        digits_count(&digits, from[i].key);
    }
    if (n > 0) digits_prepare(&digits, from[0].key, n);
    for (int i = 0; i < digits.n; i++) {
        int rc = poll ? pythia_poll_now(poll) : SQLITE_OK, digit = digits.sorts[i];
        size_t *next = digits.count[digit];
        if (rc) return rc;
        for (size_t k = 0; k < n; k++)
            to[next[digit_of(from[k].key, digit)]++] = from[k];
        Placed *swap = from;
        from = to;
        to = swap;
    }
    *sorted = from;
    return SQLITE_OK;
}

int pythia_ranks(const double *x, size_t n, double *ranks, PythiaPoll *poll) {
    Placed *work = pythia_alloc_array(n, 2 * sizeof *work), *sorted;
    if (!work) return SQLITE_NOMEM;
    int rc = placed_sort(x, n, work, &sorted, poll);
    for (size_t i = 0, end; rc == SQLITE_OK && i < n; i = end) {
        for (end = i + 1; end < n && sorted[end].key == sorted[i].key;)
            end++;
        double rank = ((double)i + (double)end + 1) / 2; /* the mean of i+1 .. end */
        for (size_t j = i; j < end; j++)
            ranks[sorted[j].place] = rank;
    }
    pythia_free(work);
    return rc;
}
