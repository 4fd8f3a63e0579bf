/* fn_stat_quantiles.c - median, percentile, quantile, mad, iqr, robust_cov.
**
** Semantics of median and percentile are those of SQLite's own optional extension (3.51). */
#include <math.h>

#include "ext/stat/quantile.h"
#include "sql/fn_stat_parts.h"

enum { MEDIAN, PERCENTILE, QUANTILE, MAD, IQR, ROBUST_COV };

enum { FRACTION, TYPE }; /* parameters */

/* Reads fraction and type. They must be the same for all rows of a group. */
static int parameters_read(sqlite3_context *context, PythiaStatValues *values, int n_args,
                           sqlite3_value **args) {
    int percent = pythia_stat_function(context)->what == PERCENTILE;
    double fraction = 0.5, type = 7, most = percent ? 100 : 1;
    if (n_args > 1) {
        int kind = sqlite3_value_numeric_type(args[1]);
        fraction = sqlite3_value_double(args[1]);
        if ((kind != SQLITE_INTEGER && kind != SQLITE_FLOAT) || !(fraction >= 0) ||
            fraction > most) {
            pythia_stat_error(context, "the fraction must be a number from 0 to %d", (int)most);
            return 1;
        }
        fraction /= most;
    }
    if (n_args > 2) {
        type = sqlite3_value_numeric_type(args[2]) == SQLITE_INTEGER ? sqlite3_value_double(args[2])
                                                                     : 0;
        if (!(type >= 1 && type <= 9)) {
            pythia_stat_error(context, "the type must be an integer from 1 to 9");
            return 1;
        }
    }
    if (values->given &&
        (fraction != values->parameter[FRACTION] || type != values->parameter[TYPE])) {
        pythia_stat_error(context, "fraction and type must be the same for all rows");
        return 1;
    }
    values->shift.started = 1; /* quantiles are those of the values as doubles, as everywhere */
    values->given = 1;
    values->parameter[FRACTION] = fraction;
    values->parameter[TYPE] = type;
    return 0;
}

static void quantiles_step(sqlite3_context *context, int n_args, sqlite3_value **args) {
    PythiaStatValues *values = pythia_stat_values(context);
    if (!values) return;
    if ((n_args > 1 || !values->given) && parameters_read(context, values, n_args, args)) return;
    pythia_stat_values_add(context, values, args[0]);
}

static void quantiles_result(sqlite3_context *context, int last) {
    PythiaStatValues *values;
    PythiaPoll poll = {.db = sqlite3_context_db_handle(context)};
    double *x, result = NAN;
    size_t n;
    int rc = SQLITE_OK;
    if (pythia_stat_values_take(context, last, &values, &x, &n)) {
        switch (pythia_stat_function(context)->what) {
        case MAD:
            rc = pythia_mad(x, n, &result, &poll);
            break;
        case IQR:
            rc = pythia_iqr(x, n, &result, &poll);
            break;
        case ROBUST_COV:
            rc = pythia_robust_cov(x, n, &result, &poll);
            break;
        default:
            rc = pythia_quantile(x, n, values->parameter[FRACTION], (int)values->parameter[TYPE],
                                 &result, &poll);
        }
        if (rc)
            pythia_stat_error_code(context, rc);
        else
            pythia_stat_result(context, result);
    }
    pythia_poll_close(&poll);
    pythia_stat_values_done(values, last, x);
}

static void quantiles_value(sqlite3_context *context) {
    quantiles_result(context, 0);
}

static void quantiles_final(sqlite3_context *context) {
    quantiles_result(context, 1);
}

#define QUANTILES(name, n_args, what)                                                              \
    {                                                                                              \
        name, n_args, what, 0, quantiles_step, quantiles_final, quantiles_value,                   \
            pythia_stat_values_inverse                                                             \
    }

const PythiaStatFunction pythia_fn_stat_quantiles[] = {QUANTILES("median", 1, MEDIAN),
                                                       QUANTILES("percentile", 2, PERCENTILE),
                                                       QUANTILES("quantile", 2, QUANTILE),
                                                       QUANTILES("quantile", 3, QUANTILE),
                                                       QUANTILES("mad", 1, MAD),
                                                       QUANTILES("iqr", 1, IQR),
                                                       QUANTILES("robust_cov", 1, ROBUST_COV),
                                                       {0}};
