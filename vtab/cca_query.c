/* cca_query.c - cca_query and cca_variables: canonical correlation analysis of the rows of a query.
**
** Arguments: sql, the text of a SELECT; y_columns, how many of its columns, from the first, are Y, the rest
** being X; for cca_query also permutations and seed. A column with any text that is no number is a category.
** Rows with a NULL are dropped. cca_query shows a row for each dimension, cca_variables one for each
** dimension and variable.
**
** Rows of numbers are not kept: they go straight into the triangular factor. When a text comes, or a number
** that a column's shift cannot take (ext/stat/shift.h), or permutations are asked for, the query runs (again)
** into memory. */
#include <math.h>

#include "ext/stat/cca_mixed.h"
#include "vtab/subquery.h"
#include "vtab/tables.h"

enum { QUERY_SQL = 16, QUERY_Y_COLUMNS, QUERY_PERMUTATIONS, QUERY_SEED };
enum { VARIABLES_SQL = 11, VARIABLES_Y_COLUMNS };

enum { PERMUTATIONS_MAX = 1000000 };

typedef struct Analysis {
    PythiaCursor *cursor;
    sqlite3_stmt *statement;
    size_t columns, y_columns;
    int alone;
    int64_t permutations;
    uint64_t seed;
    int64_t rows, dropped; /* rows: all that the query gave */
    int restart;           /* the stream cannot go on */
    PythiaData data;
    PythiaMixed mixed;
} Analysis;

static int analysis_fail(Analysis *a, const char *what, size_t column) {
    return pythia_vtab_fail(a->cursor->vtab, SQLITE_ERROR,
                            "%s: row %lld of the query, column %s: %s",
                            a->cursor->vtab->table->name, (sqlite3_int64)a->rows,
                            sqlite3_column_name(a->statement, (int)column), what);
}

/* Reads a cell. *type: SQLITE_NULL, SQLITE_TEXT, or else a number. The value is looked at as it lies in the
** statement - one lock of the connection a cell - which is fine while the statement around this one is being
** stepped and holds that lock. */
static inline int cell_read(Analysis *a, size_t column, PythiaNumber *number, int *type) {
    sqlite3_value *value = sqlite3_column_value(a->statement, (int)column);
    *type = sqlite3_value_type(value);
    if (*type == SQLITE_TEXT) *type = sqlite3_value_numeric_type(value);
    if (*type == SQLITE_FLOAT) {
        *number = (PythiaNumber){0, 0, sqlite3_value_double(value)};
        return isfinite(number->real) ? SQLITE_OK : analysis_fail(a, "an infinite value", column);
    }
    if (*type == SQLITE_INTEGER) *number = (PythiaNumber){1, sqlite3_value_int64(value), 0};
    return *type == SQLITE_BLOB ? analysis_fail(a, "a blob is not a number", column) : SQLITE_OK;
}

static int step(Analysis *a) {
    int rc = sqlite3_step(a->statement);
    if (rc == SQLITE_ROW) a->rows++;
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) return rc;
    return pythia_subquery_failed(a->cursor, a->statement);
}

/* ---- numbers alone ----------------------------------------------------------------------------------- */

/* One row into row[], X before Y; *use is 0 where it is dropped. Sets restart where it cannot. */
static int stream_row(Analysis *a, PythiaShift *shift, double *row, int *use) {
    size_t nx = a->columns - a->y_columns;
    *use = 1;
    for (size_t c = 0; c < a->columns; c++) {
        PythiaNumber number = {0};
        int type;
        double plain;
        int rc = cell_read(a, c, &number, &type);
        if (rc) return rc;
        if (type == SQLITE_NULL) *use = 0;
        if (type == SQLITE_TEXT) a->restart = 1;
        if (type == SQLITE_NULL || type == SQLITE_TEXT) continue;
        row[c < a->y_columns ? nx + c : c - a->y_columns] =
            pythia_shift_value(&shift[c], number, &plain);
        if (plain != 0) a->restart = 1;
    }
    return SQLITE_OK;
}

static int stream_rows(Analysis *a, PythiaCca *cca, char **error) {
    size_t nx = a->columns - a->y_columns;
    PythiaShift *shift = pythia_alloc_zero(a->columns * sizeof *shift);
    double *row = pythia_alloc_array(a->columns, sizeof *row);
    int rc = shift && row ? step(a) : SQLITE_NOMEM, use;
    while (rc == SQLITE_ROW && !a->restart) {
        rc = stream_row(a, shift, row, &use);
        if (rc || a->restart) break;
        if (use)
            rc = pythia_cca_add(cca, row, row + nx, error);
        else
            a->dropped++;
        if (rc == SQLITE_OK) rc = step(a);
    }
    pythia_free(shift);
    pythia_free(row);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int stream_run(Analysis *a, char **error) {
    PythiaCca *cca;
    int rc = pythia_cca_open((int)(a->columns - a->y_columns), (int)a->y_columns, &cca, error);
    if (rc) return rc;
    rc = stream_rows(a, cca, error);
    if (rc || a->restart) {
        pythia_cca_close(cca);
        return rc;
    }
    return pythia_mixed_numbers(&a->mixed, cca, a->y_columns, a->columns, a->alone, error);
}

/* ---- rows in memory ---------------------------------------------------------------------------------- */

static int keep_row(Analysis *a) {
    int dropped = 0;
    int rc = pythia_data_room(&a->data);
    for (size_t c = 0; rc == SQLITE_OK && c < a->columns; c++) {
        PythiaNumber number = {0};
        int type;
        rc = cell_read(a, c, &number, &type);
        if (rc) return rc;
        if (type == SQLITE_NULL) {
            dropped = 1;
        } else if (type == SQLITE_TEXT) {
            PythiaText text = {(const char *)sqlite3_column_text(a->statement, (int)c), 0};
            text.n = (size_t)sqlite3_column_bytes(a->statement, (int)c);
            rc = text.p ? pythia_data_text(&a->data, c, text) : SQLITE_NOMEM;
        } else {
            pythia_data_number(&a->data, c, number);
        }
    }
    if (dropped)
        a->dropped++;
    else
        a->data.rows++;
    return rc;
}

static int keep_run(Analysis *a, char **error) {
    a->rows = a->dropped = 0;
    int rc = pythia_data_open(&a->data, a->columns);
    if (rc == SQLITE_OK) rc = step(a);
    while (rc == SQLITE_ROW) {
        rc = keep_row(a);
        if (rc == SQLITE_OK) rc = step(a);
    }
    if (rc != SQLITE_DONE) return rc;
    if (a->data.rows == 0) return SQLITE_OK;
    return pythia_mixed_run(&a->mixed, &a->data, a->y_columns, a->alone, a->permutations, a->seed,
                            &a->cursor->poll, error);
}

/* ---- both tables ------------------------------------------------------------------------------------- */

static int argument_integer(Analysis *a, const PythiaBound *bound, const char *name, int64_t least,
                            int64_t most, int64_t *value) {
    if (!bound) return SQLITE_OK;
    int integer = sqlite3_value_numeric_type(bound->value) == SQLITE_INTEGER;
    *value = sqlite3_value_int64(bound->value);
    if (integer && *value >= least && *value <= most) return SQLITE_OK;
    return pythia_vtab_fail(
        a->cursor->vtab, SQLITE_ERROR, "%s: %s must be an integer from %lld to %lld",
        a->cursor->vtab->table->name, name, (sqlite3_int64)least, (sqlite3_int64)most);
}

/* Runs the query and the analysis. The statement stays open for its column names. */
static int analysis_open(Analysis *a, const PythiaBound *bounds, int n, int sql_column) {
    PythiaVtab *vtab = a->cursor->vtab;
    int64_t y_columns = 0;
    int rc = pythia_subquery_open(a->cursor, pythia_bound(bounds, n, sql_column, PYTHIA_EQ)->value,
                                  &a->statement);
    if (rc) return rc;
    a->columns = (size_t)sqlite3_column_count(a->statement);
    if (a->columns < 2)
        return pythia_vtab_fail(vtab, SQLITE_ERROR,
                                "%s: the query needs a column of Y and one of X",
                                vtab->table->name);
    rc = argument_integer(a, pythia_bound(bounds, n, sql_column + 1, PYTHIA_EQ), "y_columns", 1,
                          (int64_t)a->columns - 1, &y_columns);
    a->y_columns = (size_t)y_columns;
    if (rc) return rc;
    char *error = NULL;
    if (a->permutations == 0) rc = stream_run(a, &error);
    if (rc == SQLITE_OK && (a->restart || a->permutations > 0)) {
        sqlite3_reset(a->statement);
        rc = keep_run(a, &error);
    }
    if (rc && error && rc != SQLITE_NOMEM)
        rc = pythia_vtab_fail(vtab, rc, "%s: %s", vtab->table->name, error);
    sqlite3_free(error);
    return rc;
}

static void analysis_close(Analysis *a) {
    if (a->statement) pythia_subquery_close(a->cursor, a->statement);
    pythia_mixed_close(&a->mixed);
    pythia_data_close(&a->data);
}

static void dimension_row(Analysis *a, int k) {
    const PythiaCcaResult *r = a->mixed.result;
    PythiaRows *rows = &a->cursor->rows;
    const double *values[] = {r->correlation, r->wilks, r->f,      r->df1,    r->df2,
                              r->p,           r->chi2,  r->p_chi2, r->lawley, r->p_lawley};
    pythia_rows_int(rows, k + 1);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        pythia_rows_double(rows, values[i][k]);
    pythia_rows_double(rows, k == 0 ? a->mixed.p_permutation : NAN);
    pythia_rows_int(rows, r->n);
    pythia_rows_int(rows, a->dropped);
    pythia_rows_int(rows, r->rank_x);
    pythia_rows_int(rows, r->rank_y);
    pythia_rows_end(rows);
}

static int query_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    Analysis a = {.cursor = cursor};
    int64_t seed = 0;
    int rc = argument_integer(&a, pythia_bound(bounds, n, QUERY_PERMUTATIONS, PYTHIA_EQ),
                              "permutations", 0, PERMUTATIONS_MAX, &a.permutations);
    if (rc == SQLITE_OK)
        rc = argument_integer(&a, pythia_bound(bounds, n, QUERY_SEED, PYTHIA_EQ), "seed", INT64_MIN,
                              INT64_MAX, &seed);
    a.seed = (uint64_t)seed;
    if (rc == SQLITE_OK) rc = analysis_open(&a, bounds, n, QUERY_SQL);
    for (int k = 0; rc == SQLITE_OK && a.mixed.result && k < a.mixed.result->d; k++)
        dimension_row(&a, k);
    analysis_close(&a);
    return rc;
}

static void variable_row(Analysis *a, int k, size_t v) {
    const PythiaMixedVariable *variable = &a->mixed.variable[v];
    PythiaRows *rows = &a->cursor->rows;
    pythia_rows_int(rows, k + 1);
    pythia_rows_str(rows, variable->of_y ? "y" : "x");
    pythia_rows_str(rows, sqlite3_column_name(a->statement, (int)v));
    pythia_rows_double(rows, variable->weight[k]);
    pythia_rows_double(rows, variable->loading[k]);
    pythia_rows_double(rows, variable->cross[k]);
    pythia_rows_str(rows, variable->category ? "category" : "number");
    if (variable->category)
        pythia_rows_int(rows, variable->levels.n);
    else
        pythia_rows_null(rows);
    pythia_rows_double(rows, variable->correlation);
    pythia_rows_double(rows, variable->p);
    pythia_rows_str(rows, variable->note);
    pythia_rows_end_id(rows, (sqlite3_int64)k * (sqlite3_int64)a->columns + (sqlite3_int64)v);
}

static int variables_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    Analysis a = {.cursor = cursor, .alone = 1};
    int rc = analysis_open(&a, bounds, n, VARIABLES_SQL);
    for (int k = 0; rc == SQLITE_OK && a.mixed.result && k < a.mixed.result->d; k++)
        for (size_t v = 0; v < a.mixed.n; v++)
            variable_row(&a, k, v);
    analysis_close(&a);
    return rc;
}

static const PythiaUse query_uses[] = {
    {QUERY_SQL, PYTHIA_EQ, PYTHIA_USE_REQUIRED | PYTHIA_USE_EXACT, 1},
    {QUERY_Y_COLUMNS, PYTHIA_EQ, PYTHIA_USE_REQUIRED | PYTHIA_USE_EXACT, 1},
    {QUERY_PERMUTATIONS, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
    {QUERY_SEED, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
};

const PythiaTable pythia_table_cca_query = {
    .name = "cca_query",
    .columns =
        "dimension INTEGER, correlation REAL, wilks REAL, f REAL, df1 REAL, df2 REAL, p_value REAL,"
        " chi2 REAL, p_chi2 REAL, chi2_lawley REAL, p_lawley REAL, p_permutation REAL, n INTEGER,"
        " dropped INTEGER, rank_x INTEGER, rank_y INTEGER, sql TEXT HIDDEN,"
        " y_columns INTEGER HIDDEN, permutations INTEGER HIDDEN, seed INTEGER HIDDEN",
    .nvisible = 16,
    .nhidden = 4,
    .uses = query_uses,
    .nuses = 4,
    .direct_only = 1,
    .rows = 4,
    .fill = query_fill,
};

static const PythiaUse variables_uses[] = {
    {VARIABLES_SQL, PYTHIA_EQ, PYTHIA_USE_REQUIRED | PYTHIA_USE_EXACT, 1},
    {VARIABLES_Y_COLUMNS, PYTHIA_EQ, PYTHIA_USE_REQUIRED | PYTHIA_USE_EXACT, 1},
};

const PythiaTable pythia_table_cca_variables = {
    .name = "cca_variables",
    .columns =
        "dimension INTEGER, side TEXT, variable TEXT, weight REAL, loading REAL, cross_loading "
        "REAL,"
        " kind TEXT, levels INTEGER, correlation REAL, p_value REAL, note TEXT, sql TEXT HIDDEN,"
        " y_columns INTEGER HIDDEN",
    .nvisible = 11,
    .nhidden = 2,
    .uses = variables_uses,
    .nuses = 2,
    .direct_only = 1,
    .rows = 40,
    .fill = variables_fill,
};
