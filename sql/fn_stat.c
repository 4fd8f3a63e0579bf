/* fn_stat.c - registers the statistical SQL functions, and reads their arguments.
**
** Each theme has a file with a table of its functions. A function that can forget a value exactly
** is a window function: sums by exact arithmetic (exact.h), functions of all values because rows
** leave a frame in the order in which they entered it. */
#include "sql/fn_stat.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "ext/base/error.h"
#include "ext/base/mem.h"
#include "sql/fn_stat_parts.h"

static const PythiaStatFunction *const function_tables[] = {
    pythia_fn_stat_moments, pythia_fn_stat_quantiles, pythia_fn_stat_shape,  pythia_fn_stat_pairs,
    pythia_fn_stat_sides,   pythia_fn_stat_cca,       pythia_fn_stat_adjust, pythia_fn_stat_tables};

static int function_register(sqlite3 *db, const PythiaStatFunction *f) {
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS | f->flags;
    void *entry = (void *)(uintptr_t)f;
    if (f->inverse)
        return sqlite3_create_window_function(db, f->name, f->n_args, flags, entry, f->step,
                                              f->final, f->value, f->inverse, NULL);
    return sqlite3_create_function_v2(db, f->name, f->n_args, flags, entry, NULL, f->step, f->final,
                                      NULL);
}

int pythia_fn_stat_register(sqlite3 *db, char **error) {
    for (size_t i = 0; i < sizeof function_tables / sizeof function_tables[0]; i++)
        for (const PythiaStatFunction *f = function_tables[i]; f->name; f++) {
            int rc = function_register(db, f);
            if (rc) return pythia_fail(error, rc, "cannot register the function %s", f->name);
        }
    return SQLITE_OK;
}

const PythiaStatFunction *pythia_stat_function(sqlite3_context *context) {
    return (const PythiaStatFunction *)sqlite3_user_data(context);
}

void pythia_stat_error(sqlite3_context *context, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *message = sqlite3_vmprintf(format, args);
    va_end(args);
    const char *name = pythia_stat_function(context)->name;
    char *text = message ? sqlite3_mprintf("%s: %s", name, message) : NULL;
    if (text)
        sqlite3_result_error(context, text, -1);
    else
        sqlite3_result_error_nomem(context);
    sqlite3_free(text);
    sqlite3_free(message);
}

void pythia_stat_error_code(sqlite3_context *context, int rc) {
    if (rc == SQLITE_NOMEM)
        sqlite3_result_error_nomem(context);
    else if (rc == SQLITE_TOOBIG)
        sqlite3_result_error_toobig(context);
    else {
        pythia_stat_error(context, "%s", sqlite3_errstr(rc));
        sqlite3_result_error_code(context, rc);
    }
}

PythiaStatInput pythia_stat_read_other(sqlite3_context *context, sqlite3_value *value,
                                       PythiaNumber *number) {
    switch (sqlite3_value_numeric_type(value)) {
    case SQLITE_INTEGER:
        *number = (PythiaNumber){1, sqlite3_value_int64(value), 0};
        return PYTHIA_STAT_NUMBER;
    case SQLITE_FLOAT:
        *number = (PythiaNumber){0, 0, sqlite3_value_double(value)};
        return isfinite(number->real) ? PYTHIA_STAT_NUMBER : PYTHIA_STAT_INFINITE;
    case SQLITE_TEXT:
        pythia_stat_error(context, "%.60Q is not a number",
                          (const char *)sqlite3_value_text(value));
        return PYTHIA_STAT_ERROR;
    default:
        pythia_stat_error(context, "a blob is not a number");
        return PYTHIA_STAT_ERROR;
    }
}

double pythia_stat_real(PythiaNumber number) {
    return pythia_number_real(number);
}

PythiaStatInput pythia_stat_read_datum(sqlite3_context *context, sqlite3_value *value,
                                       PythiaData *data, size_t column) {
    PythiaNumber number;
    if (sqlite3_value_numeric_type(value) != SQLITE_TEXT) {
        PythiaStatInput input = pythia_stat_read(context, value, &number);
        if (input == PYTHIA_STAT_NUMBER) pythia_data_number(data, column, number);
        return input;
    }
    PythiaText text = {(const char *)sqlite3_value_text(value), 0};
    text.n = (size_t)sqlite3_value_bytes(value);
    int rc = text.p ? pythia_data_text(data, column, text) : SQLITE_NOMEM;
    if (rc == SQLITE_OK) return PYTHIA_STAT_NUMBER;
    pythia_stat_error_code(context, rc);
    return PYTHIA_STAT_ERROR;
}

void pythia_stat_result(sqlite3_context *context, double value) {
    if (isfinite(value))
        sqlite3_result_double(context, value);
    else
        sqlite3_result_null(context);
}

void pythia_stat_result_text(sqlite3_context *context, PythiaBuf *buf, int json) {
    int rc = buf->rc;
    char *text = pythia_buf_take(buf);
    if (!text) {
        pythia_buf_clear(buf);
        pythia_stat_error_code(context, rc ? rc : SQLITE_NOMEM);
        return;
    }
    sqlite3_result_text(context, text, -1, sqlite3_free);
    if (json) sqlite3_result_subtype(context, 'J');
}

PythiaStatValues *pythia_stat_values(sqlite3_context *context) {
    PythiaStatValues *values = sqlite3_aggregate_context(context, sizeof *values);
    if (!values) sqlite3_result_error_nomem(context);
    return values;
}

int pythia_stat_values_add(sqlite3_context *context, PythiaStatValues *values,
                           sqlite3_value *value) {
    PythiaNumber number;
    double plain;
    switch (pythia_stat_read(context, value, &number)) {
    case PYTHIA_STAT_NULL:
        return 0;
    case PYTHIA_STAT_ERROR:
        return 1;
    case PYTHIA_STAT_INFINITE:
        values->infinite++;
        return 0;
    case PYTHIA_STAT_NUMBER:
        break;
    }
    double x = pythia_shift_value(&values->shift, number, &plain);
    for (size_t i = values->front; plain != 0 && i < values->end; i++)
        values->x[i] += plain;
    if (values->end < values->capacity) {
        values->x[values->end++] = x;
        return 0;
    }
    /* The space of rows that have left is taken back before more is asked for. */
    if (values->front > values->end / 2) {
        values->end -= values->front;
        memmove(values->x, values->x + values->front, values->end * sizeof *values->x);
        values->front = 0;
    }
    if (pythia_grow((void **)&values->x, &values->capacity, values->end + 1, sizeof *values->x)) {
        sqlite3_result_error_nomem(context);
        return 1;
    }
    values->x[values->end++] = x;
    return 0;
}

void pythia_stat_values_inverse(sqlite3_context *context, int n_args, sqlite3_value **args) {
    PythiaStatValues *values = pythia_stat_values(context);
    PythiaNumber number;
    (void)n_args;
    if (!values) return;
    PythiaStatInput input = pythia_stat_read(context, args[0], &number);
    if (input == PYTHIA_STAT_INFINITE) values->infinite--;
    if (input == PYTHIA_STAT_NUMBER && values->front < values->end) values->front++;
}

int pythia_stat_values_take(sqlite3_context *context, int last, PythiaStatValues **values,
                            double **x, size_t *n) {
    /* Asking for no bytes: a group without rows has no values and needs none. */
    PythiaStatValues *all = sqlite3_aggregate_context(context, 0);
    *values = all;
    *x = NULL;
    *n = 0;
    if (!all || all->infinite > 0 || all->front == all->end) return 0;
    *n = all->end - all->front;
    if (last) {
        *x = all->x + all->front;
        return 1;
    }
    *x = pythia_alloc_array(*n, sizeof **x);
    if (!*x) {
        sqlite3_result_error_nomem(context);
        return 0;
    }
    memcpy(*x, all->x + all->front, *n * sizeof **x);
    return 1;
}

void pythia_stat_values_done(PythiaStatValues *values, int last, double *x) {
    if (!last) {
        pythia_free(x);
    } else if (values) {
        pythia_free(values->x);
        values->x = NULL;
        values->front = values->end = values->capacity = 0;
    }
}
