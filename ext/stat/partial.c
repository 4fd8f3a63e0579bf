/* partial.c - see partial.h.
**
** Least squares by modified Gram-Schmidt, each column orthogonalised twice: the given columns first, which leaves
** the residuals of the response without the variable, then the variable. A category is not expanded: its levels
** are absorbed, that is, the response and the given columns are taken about their means within each level, which
** is what regressing on the levels' columns does (Frisch, Waugh and Lovell). A column of which less than DEPENDENT
** is left depends on the others and adds no dimension. Cost: O(rows * columns^2) a test. */
#include "ext/stat/partial.h"

#include <math.h>
#include <string.h>

#include "ext/base/mem.h"
#include "ext/stat/distribution.h"

enum { ROWS_PER_COLUMN = 5 };
static const double DEPENDENT = 1e-9; /* of the norm of a centred column */
static const double NOTHING = 1e-20;  /* of the response's squares: what rounding leaves */

struct PythiaGiven {
    const double *response;
    uint32_t rows;
    uint32_t n;      /* columns */
    double *columns; /* [column * rows + row] */
    size_t columns_capacity;
    unsigned char *missing; /* [row]: one of the given has no value */
    /* Scratch of a test: */
    double *work; /* [column * n + row]: response, given columns, variable */
    size_t work_capacity;
    uint32_t *level, *count;
    double *mean;
    double total; /* squares of the response about its mean */
    double along; /* of the response, on the column that was taken out last */
    size_t level_capacity, count_capacity, mean_capacity;
};

int pythia_given_open(const double *response, uint32_t rows, PythiaGiven **given) {
    PythiaGiven *g = pythia_alloc_zero(sizeof *g);
    *given = NULL;
    if (!g) return SQLITE_NOMEM;
    g->response = response;
    g->rows = rows;
    g->missing = pythia_alloc_zero((size_t)rows + 1);
    if (!g->missing) {
        pythia_free(g);
        return SQLITE_NOMEM;
    }
    *given = g;
    return SQLITE_OK;
}

void pythia_given_close(PythiaGiven *g) {
    if (!g) return;
    pythia_free(g->columns);
    pythia_free(g->missing);
    pythia_free(g->work);
    pythia_free(g->level);
    pythia_free(g->count);
    pythia_free(g->mean);
    pythia_free(g);
}

int pythia_given_add(PythiaGiven *g, const PythiaSeries *s) {
    uint32_t more = s->value ? 1 : s->levels > 1 ? s->levels - 1 : 0;
    size_t rows = g->rows;
    if (more > PYTHIA_GIVEN_COLUMNS || g->n + more > PYTHIA_GIVEN_COLUMNS ||
        (size_t)(g->n + more) * ROWS_PER_COLUMN > rows)
        return SQLITE_FULL;
    int rc = pythia_grow((void **)&g->columns, &g->columns_capacity, (g->n + more) * rows,
                         sizeof *g->columns);
    if (rc) return rc;
    double *first = g->columns + g->n * rows;
    memset(first, 0, more * rows * sizeof *first);
    for (uint32_t i = 0, row = 0; row < rows; row++) {
        if (i == s->n || s->row[i] != row) {
            g->missing[row] = 1;
            continue;
        }
        if (s->value)
            first[row] = s->value[i];
        else if (s->level[i])
            first[(s->level[i] - 1) * rows + row] = 1;
        i++;
    }
    g->n += more;
    return SQLITE_OK;
}

/* ---- one test ---------------------------------------------------------------------------------------- */

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void subtract(double *a, double factor, const double *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        a[i] -= factor * b[i];
}

static void centre(double *x, size_t n) {
    double mean = 0;
    for (size_t i = 0; i < n; i++)
        mean += (x[i] - mean) / (double)(i + 1);
    for (size_t i = 0; i < n; i++)
        x[i] -= mean;
}

/* Takes the values of each level about their mean. */
static void centre_levels(const PythiaGiven *g, double *x, size_t n, uint32_t levels) {
    memset(g->mean, 0, levels * sizeof *g->mean);
    for (size_t i = 0; i < n; i++)
        g->mean[g->level[i]] += x[i] / g->count[g->level[i]];
    for (size_t i = 0; i < n; i++)
        x[i] -= g->mean[g->level[i]];
}

/* Makes column k orthogonal to the columns 1 .. k - 1 of the work, which are orthonormal or 0, and takes it out of
** the response, column 0. 1: it added a dimension. */
static uint32_t take_out(PythiaGiven *g, size_t n, uint32_t k, double scale) {
    double *x = g->work + k * n;
    for (int twice = 0; twice < 2; twice++)
        for (uint32_t i = 1; i < k; i++)
            subtract(x, dot(x, g->work + i * n, n), g->work + i * n, n);
    double norm = sqrt(dot(x, x, n));
    if (!(norm > DEPENDENT * scale)) {
        memset(x, 0, n * sizeof *x);
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        x[i] /= norm;
    g->along = dot(x, g->work, n);
    subtract(g->work, g->along, x, n);
    return 1;
}

/* Fills the work with the rows that take part; how many. */
static size_t gather(PythiaGiven *g, const PythiaSeries *s) {
    size_t n = 0, k = 0;
    for (uint32_t i = 0; i < s->n; i++)
        n += !g->missing[s->row[i]];
    for (uint32_t i = 0; i < s->n; i++) {
        uint32_t row = s->row[i];
        if (g->missing[row]) continue;
        g->work[k] = g->response[row];
        for (uint32_t c = 0; c < g->n; c++)
            g->work[(c + 1) * n + k] = g->columns[c * (size_t)g->rows + row];
        if (s->value)
            g->work[(g->n + 1) * n + k] = s->value[i];
        else
            g->level[k] = s->level[i];
        k++;
    }
    return n;
}

/* The squares that the given columns leave of the response; their rank. levels > 0: within the levels. scale of
** each column: its norm about its mean. */
static double regress(PythiaGiven *g, size_t n, uint32_t levels, uint32_t *rank) {
    double scale[PYTHIA_GIVEN_COLUMNS];
    const uint32_t columns = g->n;
    for (uint32_t c = 0; c <= columns; c++) {
        double *x = g->work + c * n;
        centre(x, n);
        if (c)
            scale[c - 1] = sqrt(dot(x, x, n));
        else
            g->total = dot(x, x, n);
        if (levels) centre_levels(g, x, n, levels);
    }
    *rank = 0;
    for (uint32_t c = 1; c <= columns; c++)
        *rank += take_out(g, n, c, scale[c - 1]);
    return dot(g->work, g->work, n);
}

/* without, with: the squares that are left of the response. */
static void compare(const PythiaGiven *g, PythiaPartial *out, double without, double with,
                    double more, double left) {
    if (!(g->total > 0) || left < 1) return;
    if (without <= NOTHING * g->total ||
        more < 1) { /* nothing is left to explain, or nothing new */
        out->correlation = 0;
        out->p = 1;
        return;
    }
    double rest = with / without;
    if (with <= NOTHING * g->total) rest = 0;
    if (!(rest < 1)) rest = 1;
    out->correlation = sqrt(1 - rest);
    out->p = pythia_r2_p(1 - rest, rest, more, left);
}

static uint32_t count_levels(PythiaGiven *g, size_t n, uint32_t levels) {
    uint32_t there = 0;
    memset(g->count, 0, levels * sizeof *g->count);
    for (size_t i = 0; i < n; i++)
        there += g->count[g->level[i]]++ == 0;
    return there;
}

static void test_category(PythiaGiven *g, const PythiaSeries *s, size_t n, PythiaPartial *out) {
    uint32_t rank, rank_with, levels = count_levels(g, n, s->levels);
    double without = regress(g, n, 0, &rank);
    gather(g, s);
    double with = regress(g, n, s->levels, &rank_with);
    compare(g, out, without, with, (double)(rank_with + levels) - (double)(rank + 1),
            (double)n - (double)(rank_with + levels));
}

static void test_number(PythiaGiven *g, size_t n, PythiaPartial *out) {
    uint32_t rank;
    double *x = g->work + (g->n + 1) * n;
    double without = regress(g, n, 0, &rank);
    centre(x, n);
    uint32_t more = take_out(g, n, g->n + 1, sqrt(dot(x, x, n)));
    compare(g, out, without, dot(g->work, g->work, n), more, (double)n - rank - 1 - more);
    if (more && g->along < 0) out->correlation = -out->correlation;
}

int pythia_given_test(PythiaGiven *g, const PythiaSeries *s, PythiaPartial *result,
                      PythiaPoll *poll) {
    *result = (PythiaPartial){.correlation = NAN, .p = NAN};
    size_t cells;
    if (__builtin_mul_overflow((size_t)g->n + 2, (size_t)s->n, &cells)) return SQLITE_NOMEM;
    int rc = pythia_poll(poll);
    if (!rc) rc = pythia_grow((void **)&g->work, &g->work_capacity, cells, sizeof *g->work);
    if (!rc && !s->value) {
        rc = pythia_grow((void **)&g->level, &g->level_capacity, s->n, sizeof *g->level);
        if (!rc)
            rc = pythia_grow((void **)&g->count, &g->count_capacity, s->levels, sizeof *g->count);
        if (!rc) rc = pythia_grow((void **)&g->mean, &g->mean_capacity, s->levels, sizeof *g->mean);
    }
    if (rc || s->n == 0) return rc;
    size_t n = gather(g, s);
    result->n = (uint32_t)n;
    if (n < 3) return SQLITE_OK;
    if (s->value)
        test_number(g, n, result);
    else
        test_category(g, s, n, result);
    return SQLITE_OK;
}
