/* group_covariance.c - pythia_group_covariance: which edges of a group vary together.
**
** One row for each ordered pair of edges, an edge with itself among them: the full symmetric matrix of sample
** covariances over the members, at the positions of pythia_group_edges. The edges of a member sum to its
** duration, so the covariances of a group sum to the variance of its durations. correlation is NULL where an
** edge does not vary.
**
** Edge values are integers of ns. They are centred on the first member's, exactly, then on their mean, in double;
** the products are added up row by row, O(edges^2 * members). */
#include "ext/capture/capture.h"
#include "ext/group/variables.h"
#include "vtab/scan.h"
#include "vtab/subject.h"
#include "vtab/tables.h"

#include <math.h>

enum { COL_GROUP_ID, COL_POSITION_A, COL_POSITION_B, COL_COVARIANCE, COL_CORRELATION, COL_N };

typedef struct Matrix {
    uint32_t n; /* edges */
    size_t members;
    double *centred; /* [(position - 1) * members + member] */
    double *squares; /* [position - 1]: sum of squares */
} Matrix;

/* The positions that are asked for, 0: all. */
typedef struct Only {
    uint32_t a, b;
} Only;

/* A whole number in the text or number bound to a position; 0: it is none. */
static uint32_t bound_position(const PythiaBound *bound) {
    if (sqlite3_value_numeric_type(bound->value) != SQLITE_INTEGER) return 0;
    sqlite3_int64 position = sqlite3_value_int64(bound->value);
    return position >= 1 && position <= UINT32_MAX ? (uint32_t)position : 0;
}

static double product(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void centre(const int64_t *values, size_t n, double *out) {
    double mean = 0;
    for (size_t i = 0; i < n; i++) {
        out[i] = (double)(values[i] - values[0]);
        mean += (out[i] - mean) / (double)(i + 1);
    }
    for (size_t i = 0; i < n; i++)
        out[i] -= mean;
}

static int matrix_make(PythiaCursor *cursor, PythiaGroup *group, Matrix *m) {
    int64_t *values = NULL;
    uint32_t *order = NULL;
    size_t cells;
    m->members = (size_t)group->n;
    int rc = pythia_capture_edge_values(cursor->capture, group, &cursor->poll, &values,
                                        &cursor->vtab->base.zErrMsg);
    if (!rc)
        rc = pythia_group_edge_order(group, pythia_capture_names(cursor->capture), &order, &m->n);
    if (!rc && __builtin_mul_overflow(m->members, (size_t)m->n, &cells)) rc = SQLITE_NOMEM;
    if (!rc) {
        m->centred = pythia_alloc_array(cells, sizeof *m->centred);
        m->squares = pythia_alloc_array(m->n, sizeof *m->squares);
        if (!m->centred || !m->squares) rc = SQLITE_NOMEM;
    }
    for (uint32_t i = 0; !rc && i < m->n; i++) {
        double *row = m->centred + i * m->members;
        centre(values + order[i] * m->members, m->members, row);
        m->squares[i] = product(row, row, m->members);
    }
    pythia_free(values);
    pythia_free(order);
    return rc;
}

static void put_pair(PythiaRows *rows, PythiaText group_id, const Matrix *m, uint32_t a,
                     uint32_t b) {
    double together = product(m->centred + a * m->members, m->centred + b * m->members, m->members);
    double scale = sqrt(m->squares[a]) * sqrt(m->squares[b]);
    double r = scale > 0 ? together / scale : NAN;
    pythia_rows_text(rows, group_id);
    pythia_rows_int(rows, a + 1);
    pythia_rows_int(rows, b + 1);
    pythia_rows_double(rows, m->members > 1 ? together / (double)(m->members - 1) : NAN);
    pythia_rows_double(rows, r > 1 ? 1 : r < -1 ? -1 : r);
    pythia_rows_end(rows);
}

static int put_group(PythiaCursor *cursor, PythiaGroup *group, void *context) {
    const Only *only = context;
    Matrix m = {0};
    char text[PYTHIA_ID_CHARS];
    PythiaId id = {0, group->id, PYTHIA_ID_HEX16};
    PythiaText group_id = {text, pythia_id_write(id, text)};
    int rc = matrix_make(cursor, group, &m);
    for (uint32_t a = 0; !rc && a < m.n; a++) {
        if (only->a && a != only->a - 1) continue;
        for (uint32_t b = 0; !rc && b < m.n; b++) {
            if (only->b && b != only->b - 1) continue;
            put_pair(&cursor->rows, group_id, &m, a, b);
            rc = cursor->rows.rc ? cursor->rows.rc : pythia_poll(&cursor->poll);
        }
    }
    pythia_free(m.centred);
    pythia_free(m.squares);
    return rc;
}

static int covariance_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    const PythiaBound *a = pythia_bound(bounds, n, COL_POSITION_A, PYTHIA_EQ);
    const PythiaBound *b = pythia_bound(bounds, n, COL_POSITION_B, PYTHIA_EQ);
    Only only = {a ? bound_position(a) : 0, b ? bound_position(b) : 0};
    return pythia_each_group(cursor, pythia_bound(bounds, n, COL_GROUP_ID, PYTHIA_EQ), put_group,
                             &only);
}

static const PythiaUse covariance_uses[] = {{COL_GROUP_ID, PYTHIA_EQ, 0, 0.01},
                                            {COL_POSITION_A, PYTHIA_EQ, 0, 0.02},
                                            {COL_POSITION_B, PYTHIA_EQ, 0, 0.02}};

const PythiaTable pythia_table_group_covariance = {
    .name = "pythia_group_covariance",
    .columns = "group_id TEXT, position_a INTEGER, position_b INTEGER, covariance REAL,"
               " correlation REAL",
    .nvisible = COL_N,
    .uses = covariance_uses,
    .nuses = 3,
    .rows = 250000,
    .fill = covariance_fill,
};
