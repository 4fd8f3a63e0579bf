/* fn_stat_parts.h - what the files of the statistical functions share: the table that each of them
** exports, and how they read their arguments. */
#ifndef PYTHIA_SQL_FN_STAT_PARTS_H
#define PYTHIA_SQL_FN_STAT_PARTS_H

#include <math.h>

#include "ext/base/buf.h"
#include "ext/base/poll.h"
#include "ext/base/sqlite.h"
#include "ext/stat/data.h"

/* One name and number of arguments. Implementations find their entry by stat_function(). */
typedef struct PythiaStatFunction {
    const char *name;
    int n_args;
    int what; /* tells the functions apart that share an implementation */
    int flags;
    void (*step)(sqlite3_context *, int, sqlite3_value **);
    void (*final)(sqlite3_context *);
    void (*value)(sqlite3_context *); /* value and inverse: NULL, or both for a window function */
    void (*inverse)(sqlite3_context *, int, sqlite3_value **);
} PythiaStatFunction;

/* Newer hosts demand this flag of functions that set a subtype; older ones ignore it. */
#ifdef SQLITE_RESULT_SUBTYPE
#define PYTHIA_STAT_JSON SQLITE_RESULT_SUBTYPE
#else
#define PYTHIA_STAT_JSON 0x001000000
#endif

extern const PythiaStatFunction pythia_fn_stat_moments[];   /* fn_stat_moments.c */
extern const PythiaStatFunction pythia_fn_stat_quantiles[]; /* fn_stat_quantiles.c */
extern const PythiaStatFunction pythia_fn_stat_shape[];     /* fn_stat_shape.c */
extern const PythiaStatFunction pythia_fn_stat_pairs[];     /* fn_stat_pairs.c */
extern const PythiaStatFunction pythia_fn_stat_sides[];     /* fn_stat_sides.c */
extern const PythiaStatFunction pythia_fn_stat_cca[];       /* fn_stat_cca.c */
extern const PythiaStatFunction pythia_fn_stat_tables[];    /* fn_stat_tables.c */
extern const PythiaStatFunction pythia_fn_stat_adjust[];    /* fn_stat_adjust.c */

const PythiaStatFunction *pythia_stat_function(sqlite3_context *context);

typedef enum PythiaStatInput {
    PYTHIA_STAT_NULL,
    PYTHIA_STAT_NUMBER,
    PYTHIA_STAT_INFINITE,
    PYTHIA_STAT_ERROR /* neither number nor NULL; the context has its error */
} PythiaStatInput;

/* Reads what is no number: text that looks like one counts. */
PythiaStatInput pythia_stat_read_other(sqlite3_context *context, sqlite3_value *value,
                                       PythiaNumber *number);
/* Reads a number; text that looks like one counts. */
static inline PythiaStatInput pythia_stat_read(sqlite3_context *context, sqlite3_value *value,
                                               PythiaNumber *number) {
    switch (sqlite3_value_type(value)) {
    case SQLITE_FLOAT:
        *number = (PythiaNumber){0, 0, sqlite3_value_double(value)};
        return isfinite(number->real) ? PYTHIA_STAT_NUMBER : PYTHIA_STAT_INFINITE;
    case SQLITE_INTEGER:
        *number = (PythiaNumber){1, sqlite3_value_int64(value), 0};
        return PYTHIA_STAT_NUMBER;
    case SQLITE_NULL:
        return PYTHIA_STAT_NULL;
    default:
        return pythia_stat_read_other(context, value, number);
    }
}
double pythia_stat_real(PythiaNumber number);
/* Reads a number or a text into a cell of the row that pythia_data_room() has made room for. */
PythiaStatInput pythia_stat_read_datum(sqlite3_context *context, sqlite3_value *value,
                                       PythiaData *data, size_t column);

/* A result; NULL where it is not finite. */
void pythia_stat_result(sqlite3_context *context, double value);
/* The context's error "name: message", from a format as of sqlite3_mprintf(). */
void pythia_stat_error(sqlite3_context *context, const char *format, ...);
/* The context's error for a result code of the engine. */
void pythia_stat_error_code(sqlite3_context *context, int rc);
/* Hands the text in the buffer to SQLite and empties it; json gives it JSON's subtype. */
void pythia_stat_result_text(sqlite3_context *context, PythiaBuf *buf, int json);

/* The values of a group in the order in which they came, for functions that need them all. Rows
** leave a window frame in that same order, so the inverse is to move the front. */
typedef struct PythiaStatValues {
    double *x; /* x[front .. end-1], as kept by the shift */
    size_t front, end, capacity;
    PythiaShift shift;
    int64_t infinite; /* infinite values among the rows; they are not in x */
    int given;        /* the parameters below have been read */
    double parameter[2];
} PythiaStatValues;

/* The aggregate's values. NULL when there is no memory, with the error set. */
PythiaStatValues *pythia_stat_values(sqlite3_context *context);
/* Step for value, NULL and error alike. Nonzero where it failed. */
int pythia_stat_values_add(sqlite3_context *context, PythiaStatValues *values,
                           sqlite3_value *value);
void pythia_stat_values_inverse(sqlite3_context *context, int n_args, sqlite3_value **args);
/* What a final (last = 1) or value (last = 0) function works on: n numbers that it may reorder, the
** values themselves or a copy. 0 where there are none or an infinite one among them: the result is
** then NULL, or an error that has been set. Always followed by pythia_stat_values_done(). */
int pythia_stat_values_take(sqlite3_context *context, int last, PythiaStatValues **values,
                            double **x, size_t *n);
void pythia_stat_values_done(PythiaStatValues *values, int last, double *x);

#endif
