/* fn_stat_tables.c - mutual_information, mutual_information_p, cramers_v of (a, b [, classes]).
**
** A side that holds any text is a category. A side of numbers with more than `classes` distinct
** values (10 by default) is cut at its quantiles into that many classes; with fewer each value is a
** level. Rows with a NULL do not count. Window functions: rows leave a frame in the order in which
** they came. */
#include <math.h>
#include <string.h>

#include "ext/base/mem.h"
#include "ext/stat/contingency.h"
#include "sql/fn_stat_parts.h"

enum { MUTUAL_INFORMATION, MUTUAL_INFORMATION_P, CRAMERS_V };
enum { CLASSES = 10, CLASSES_MAX = 1000 };

typedef struct TableState {
    int64_t infinite;
    int given;
    uint32_t classes;
    PythiaData data; /* a, b */
} TableState;

static int classes_read(sqlite3_context *context, TableState *state, int n_args,
                        sqlite3_value **args) {
    sqlite3_int64 classes = CLASSES;
    if (n_args > 2) {
        classes = sqlite3_value_numeric_type(args[2]) == SQLITE_INTEGER
                      ? sqlite3_value_int64(args[2])
                      : 0;
        if (classes < 2 || classes > CLASSES_MAX) {
            pythia_stat_error(context, "the number of classes must be an integer from 2 to %d",
                              CLASSES_MAX);
            return 1;
        }
    }
    if (state->given && classes != state->classes) {
        pythia_stat_error(context, "the number of classes must be the same for all rows");
        return 1;
    }
    state->given = 1;
    state->classes = (uint32_t)classes;
    return 0;
}

static void table_step(sqlite3_context *context, int n_args, sqlite3_value **args) {
    TableState *state = sqlite3_aggregate_context(context, sizeof *state);
    if (!state) {
        sqlite3_result_error_nomem(context);
        return;
    }
    if (classes_read(context, state, n_args, args)) return;
    if (sqlite3_value_type(args[0]) == SQLITE_NULL || sqlite3_value_type(args[1]) == SQLITE_NULL)
        return;
    int rc = state->data.width ? SQLITE_OK : pythia_data_open(&state->data, 2);
    if (rc == SQLITE_OK) rc = pythia_data_room(&state->data);
    if (rc) {
        pythia_stat_error_code(context, rc);
        return;
    }
    PythiaStatInput a = pythia_stat_read_datum(context, args[0], &state->data, 0);
    if (a == PYTHIA_STAT_ERROR) return;
    PythiaStatInput b = pythia_stat_read_datum(context, args[1], &state->data, 1);
    if (b == PYTHIA_STAT_ERROR) return;
    if (a == PYTHIA_STAT_NUMBER && b == PYTHIA_STAT_NUMBER)
        state->data.rows++;
    else
        state->infinite++;
}

static int is_infinite(sqlite3_value *value) {
    return sqlite3_value_numeric_type(value) == SQLITE_FLOAT &&
           !isfinite(sqlite3_value_double(value));
}

static void table_inverse(sqlite3_context *context, int n_args, sqlite3_value **args) {
    TableState *state = sqlite3_aggregate_context(context, 0);
    (void)n_args;
    if (!state || sqlite3_value_type(args[0]) == SQLITE_NULL ||
        sqlite3_value_type(args[1]) == SQLITE_NULL)
        return;
    if (is_infinite(args[0]) || is_infinite(args[1]))
        state->infinite--;
    else if (state->data.front < state->data.rows)
        state->data.front++;
}

/* The levels of a column, in levels->of. */
static int column_levels(const TableState *state, size_t column, PythiaLevels *levels,
                         PythiaPoll *poll) {
    const PythiaData *data = &state->data;
    size_t n = data->rows - data->front;
    int rc = pythia_data_levels(data, column, 0, levels, poll);
    if (rc || levels->n <= state->classes || pythia_data_is_category(data, column)) return rc;
    double *x = pythia_alloc_array(n, sizeof *x);
    if (!x) return SQLITE_NOMEM;
    pythia_data_numbers(data, column, x);
    rc = pythia_quantile_classes(x, n, state->classes, levels->of, poll);
    levels->n = state->classes;
    pythia_free(x);
    return rc;
}

static void table_value(sqlite3_context *context) {
    TableState *state = sqlite3_aggregate_context(context, 0);
    if (!state || state->infinite > 0 || state->data.front == state->data.rows) return;
    PythiaPoll poll = {.db = sqlite3_context_db_handle(context)};
    PythiaLevels a = {0}, b = {0};
    PythiaContingency result;
    int rc = column_levels(state, 0, &a, &poll);
    if (rc == SQLITE_OK) rc = column_levels(state, 1, &b, &poll);
    if (rc == SQLITE_OK)
        rc = pythia_contingency(a.of, a.n, b.of, b.n, state->data.rows - state->data.front, &result,
                                &poll);
    pythia_levels_close(&a);
    pythia_levels_close(&b);
    pythia_poll_close(&poll);
    if (rc) {
        pythia_stat_error_code(context, rc);
        return;
    }
    int what = pythia_stat_function(context)->what;
    pythia_stat_result(context, what == MUTUAL_INFORMATION     ? result.mutual_information
                                : what == MUTUAL_INFORMATION_P ? result.p
                                                               : result.cramers_v);
}

static void table_final(sqlite3_context *context) {
    TableState *state = sqlite3_aggregate_context(context, 0);
    if (!state) return;
    table_value(context);
    pythia_data_close(&state->data);
    memset(state, 0, sizeof *state);
}

#define TABLE(name, what)                                                                          \
    {name, 2, what, 0, table_step, table_final, table_value, table_inverse}, {                     \
        name, 3, what, 0, table_step, table_final, table_value, table_inverse                      \
    }

const PythiaStatFunction pythia_fn_stat_tables[] = {
    TABLE("mutual_information", MUTUAL_INFORMATION),
    TABLE("mutual_information_p", MUTUAL_INFORMATION_P),
    TABLE("cramers_v", CRAMERS_V),
    {0}};
