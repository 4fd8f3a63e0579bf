/* partition.c - see partition.h: optimal partition in one dimension by dynamic programming.
**
** Fisher, W. D., "On grouping for maximum homogeneity", JASA 53 (1958), 789-798: the best partition of the first j
** cells into k parts ends with a last part (i, j] behind the best partition of the first i into k - 1. Cells are
** the distinct values of x; where there are more than CELLS of them, neighbours are taken together into CELLS of
** about equal count. O(parts * cells^2) after the cells are made, with sums of squares from prefix sums of y about
** its mean.
**
** The number of parts, where it is to be found, is the smaller of two answers:
**   - a part must be worth it: the k that minimises within(k) / total + WORTH (k - 1), so that each part takes at
**     least one twentieth of the variance away. Along a straight line that gives about three parts, which is what
**     one wants to see of it.
**   - it must not be chance: the k that minimises n ln(within(k)) + 2 k ln(n), the criterion of Schwarz with a
**     mean and a boundary as the parameters of a part (Yao, Statistics & Probability Letters 6, 1988).
** Parts have at least SMALLEST values then. And zero is a boundary of its own - nobody in the queue, no retry -: where
** the smallest values are 0, the same number of parts with the zeros alone in the first is preferred, unless it
** costs more than a part is worth. */
#include "ext/stat/partition.h"

#include "ext/base/mem.h"

#include <math.h>
#include <stdint.h>

enum { CELLS = 1000, SMALLEST = 5, FOUND_MAX = 10 };
static const double WORTH = 0.05;
static const double NOTHING = 1e-12; /* of the total: what rounding leaves */

typedef struct Table {
    size_t cells;
    size_t *end;      /* [cell + 1]: values up to the end of it; end[0] = 0 */
    double *sum;      /* [cell + 1]: of y - mean, up to the end of it */
    double *squares;  /* likewise */
    double *best;     /* [(k - 1) * (cells + 1) + j]: first j cells in k parts */
    uint32_t *before; /* likewise: cells before the last part */
    size_t smallest;
} Table;

static void table_clear(Table *t) {
    pythia_free(t->end);
    pythia_free(t->sum);
    pythia_free(t->squares);
    pythia_free(t->best);
    pythia_free(t->before);
}

/* The number of distinct values, up to CELLS + 1. */
static size_t count_distinct(const double *x, size_t n) {
    size_t distinct = 1;
    for (size_t i = 1; i < n && distinct <= CELLS; i++)
        distinct += x[i] != x[i - 1];
    return distinct;
}

static int table_make(Table *t, const double *x, const double *y, size_t n, int parts) {
    size_t distinct = count_distinct(x, n), most = distinct < CELLS ? distinct : CELLS;
    size_t fill = distinct <= CELLS ? 1 : (n + CELLS - 1) / CELLS;
    double mean = 0;
    t->end = pythia_alloc_array(most + 1, sizeof *t->end);
    t->sum = pythia_alloc_array(most + 1, sizeof *t->sum);
    t->squares = pythia_alloc_array(most + 1, sizeof *t->squares);
    t->best = pythia_alloc_array((most + 1) * (size_t)parts, sizeof *t->best);
    t->before = pythia_alloc_array((most + 1) * (size_t)parts, sizeof *t->before);
    if (!t->end || !t->sum || !t->squares || !t->best || !t->before) return SQLITE_NOMEM;
    for (size_t i = 0; i < n; i++)
        mean += (y[i] - mean) / (double)(i + 1);
    t->end[0] = 0;
    t->sum[0] = t->squares[0] = 0;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        double d = y[i] - mean;
        sum += d;
        squares += d * d;
        if (i + 1 < n && (x[i + 1] == x[i] || i + 1 - t->end[t->cells] < fill)) continue;
        t->cells++;
        t->end[t->cells] = i + 1;
        t->sum[t->cells] = sum;
        t->squares[t->cells] = squares;
    }
    return SQLITE_OK;
}

/* Squares about the mean of the cells after i, up to j. INFINITY where they hold too few values. */
static double cost(const Table *t, size_t i, size_t j) {
    size_t n = t->end[j] - t->end[i];
    if (n < t->smallest) return INFINITY;
    double sum = t->sum[j] - t->sum[i];
    double within = t->squares[j] - t->squares[i] - sum * sum / (double)n;
    return within > 0 ? within : 0;
}

static int table_fill(Table *t, int parts, PythiaPoll *poll) {
    size_t row = t->cells + 1;
    for (size_t j = 0; j < row; j++) {
        t->best[j] = j ? cost(t, 0, j) : INFINITY;
        t->before[j] = 0;
    }
    for (int k = 1; k < parts; k++) {
        const double *fewer = t->best + (size_t)(k - 1) * row;
        double *best = t->best + (size_t)k * row;
        uint32_t *before = t->before + (size_t)k * row;
        for (size_t j = 0; j < row; j++) {
            best[j] = INFINITY;
            before[j] = 0;
            for (size_t i = (size_t)k; i < j; i++) {
                if (!(fewer[i] < best[j])) continue;
                double sum = fewer[i] + cost(t, i, j);
                if (!(sum < best[j])) continue;
                best[j] = sum;
                before[j] = (uint32_t)i;
            }
            int rc = pythia_poll(poll);
            if (rc) return rc;
        }
    }
    return SQLITE_OK;
}

/* Where each part of the best partition into k ends. */
static void read_ends(const Table *t, int k, size_t *ends) {
    size_t j = t->cells;
    for (; k > 0; k--) {
        ends[k - 1] = t->end[j];
        j = t->before[(size_t)(k - 1) * (t->cells + 1) + j];
    }
}

static double within_of(const Table *t, int k) {
    return t->best[(size_t)(k - 1) * (t->cells + 1) + t->cells];
}

/* How many parts are worth it and no chance. */
static int choose_parts(const Table *t, int most, size_t n) {
    double total = cost(t, 0, t->cells), least_worth = INFINITY, least_chance = INFINITY;
    int worth = 1, chance = 1;
    if (!(total > 0)) return 1;
    for (int k = 1; k <= most; k++) {
        double within = within_of(t, k) / total;
        if (!(within < INFINITY)) break;
        double w = within + WORTH * (k - 1);
        double c = (double)n * log(within > NOTHING ? within : NOTHING) + 2 * k * log((double)n);
        if (w < least_worth) least_worth = w, worth = k;
        if (c < least_chance) least_chance = c, chance = k;
    }
    return worth < chance ? worth : chance;
}

/* The partition of the values after the first `zeros` into one part less, where it is nearly as good. */
static int prefer_zero(const Table *whole, const double *x, const double *y, size_t n, size_t zeros,
                       int parts, size_t *ends, PythiaPoll *poll) {
    Table t = {.smallest = whole->smallest};
    int rc = table_make(&t, x + zeros, y + zeros, n - zeros, parts - 1);
    if (!rc && (size_t)parts - 1 <= t.cells) {
        rc = table_fill(&t, parts - 1, poll);
        double within = cost(whole, 0, 1) + within_of(&t, parts - 1);
        double lost = within - within_of(whole, parts);
        if (!rc && lost <= WORTH * cost(whole, 0, whole->cells)) {
            read_ends(&t, parts - 1, ends + 1);
            ends[0] = zeros;
            for (int k = 1; k < parts; k++)
                ends[k] += zeros;
        }
    }
    table_clear(&t);
    return rc;
}

int pythia_partition(const double *x, const double *y, size_t n, int parts,
                     size_t ends[PYTHIA_PARTS_MAX], int *found, PythiaPoll *poll) {
    if (n < 1 || parts < 0 || parts > PYTHIA_PARTS_MAX) return SQLITE_RANGE;
    int most = parts ? parts : FOUND_MAX;
    size_t zeros = 0;
    Table t = {.smallest = parts || n < SMALLEST ? 1 : SMALLEST};
    while (zeros < n && x[zeros] == 0)
        zeros++;
    int rc = table_make(&t, x, y, n, most);
    if (!rc && (size_t)most > t.cells) most = (int)t.cells;
    if (!rc) rc = table_fill(&t, most, poll);
    if (!rc) {
        *found = parts ? most : choose_parts(&t, most, n);
        read_ends(&t, *found, ends);
    }
    /* With more than CELLS distinct values zero need not be a cell of its own. */
    if (!rc && !parts && *found > 1 && zeros >= t.smallest && t.end[1] == zeros)
        rc = prefer_zero(&t, x, y, n, zeros, *found, ends, poll);
    table_clear(&t);
    return rc;
}
