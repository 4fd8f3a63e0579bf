/* order.c - sorting, selection and ranks.
**
** The sort is introsort (Musser 1997): quicksort on the median of three, insertion sort for short
** ranges, and heapsort for a range whose partitions keep coming out lopsided, which bounds the time
** for hostile orders. The larger part waits on a fixed stack and the smaller is taken first, so the
** stack holds at most one range per bit of a size. Selection is quickselect with the same guard. */
#include "ext/stat/order.h"

#include <string.h>

#include "ext/base/mem.h"

enum { INSERTION_MAX = 24 };

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

int pythia_sort(double *x, size_t n, PythiaPoll *poll) {
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

/* Heap order of indices by value, for ranks: the values themselves must stay where they are. */
static void index_sink(const double *x, uint32_t *index, size_t n, size_t at) {
    uint32_t v = index[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && x[index[child]] < x[index[child + 1]]) child++;
        if (!(x[v] < x[index[child]])) break;
        index[at] = index[child];
    }
    index[at] = v;
}

static int index_sort(const double *x, uint32_t *index, size_t n, PythiaPoll *poll) {
    for (size_t i = 0; i < n; i++)
        index[i] = (uint32_t)i;
    for (size_t i = n / 2; i-- > 0;)
        index_sink(x, index, n, i);
    for (size_t end = n; end-- > 1;) {
        uint32_t v = index[0];
        index[0] = index[end];
        index[end] = v;
        index_sink(x, index, end, 0);
        int rc = pythia_poll(poll);
        if (rc) return rc;
    }
    return SQLITE_OK;
}

int pythia_ranks(const double *x, size_t n, double *ranks, PythiaPoll *poll) {
    if (n > UINT32_MAX) return SQLITE_TOOBIG;
    uint32_t *index = pythia_alloc_array(n, sizeof *index);
    if (!index) return SQLITE_NOMEM;
    int rc = index_sort(x, index, n, poll);
    for (size_t i = 0, end; rc == SQLITE_OK && i < n; i = end) {
        for (end = i + 1; end < n && x[index[end]] <= x[index[i]];)
            end++;
        double rank = ((double)i + (double)end + 1) / 2; /* the mean of i+1 .. end */
        for (size_t j = i; j < end; j++)
            ranks[index[j]] = rank;
    }
    pythia_free(index);
    return rc;
}
