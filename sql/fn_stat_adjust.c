/* fn_stat_adjust.c - p_adjust(p, method) OVER (ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING).
**
** A window function whose result is another for every row although it depends on all rows. SQLite asks
** a window function of an extension for one value per frame, and does not say for which row. With OVER
** () it asks once and shows that value for all rows of the partition; row by row results are out of
** reach there. The frame above makes them possible: all rows have come in when the first value is asked
** for, one has left by then, and one leaves before each further value, so that the row in question is
** always the one that left last. Every other frame can be told from this one by the counts of values
** and of rows that have left, and is an error, and so is the use as a plain aggregate; none gives
** numbers that belong to other rows. */
#include <math.h>

#include "ext/base/mem.h"
#include "ext/stat/adjust.h"
#include "sql/fn_stat_parts.h"

typedef struct AdjustState {
    double *p; /* NaN for NULL; adjusted once `adjusted` is set */
    size_t n, capacity;
    size_t left;   /* rows that have left */
    size_t values; /* values asked for */
    int adjusted;
    int given;
    PythiaAdjust method;
} AdjustState;

static void frame_error(sqlite3_context *context) {
    pythia_stat_error(context, "needs OVER (... ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)");
}

static int method_read(sqlite3_context *context, AdjustState *state, sqlite3_value *value) {
    PythiaText name = {(const char *)sqlite3_value_text(value), 0};
    PythiaAdjust method;
    name.n = name.p ? (size_t)sqlite3_value_bytes(value) : 0;
    if (!pythia_adjust_named(name, &method)) {
        pythia_stat_error(context, "the method must be one of none, bonferroni, holm, hochberg, "
                                   "hommel, BH, BY");
        return 1;
    }
    if (state->given && state->method != method) {
        pythia_stat_error(context, "the method must be the same for all rows");
        return 1;
    }
    state->given = 1;
    state->method = method;
    return 0;
}

static void adjust_step(sqlite3_context *context, int n_args, sqlite3_value **args) {
    AdjustState *state = sqlite3_aggregate_context(context, sizeof *state);
    PythiaNumber number;
    double p = NAN;
    if (!state) {
        sqlite3_result_error_nomem(context);
        return;
    }
    if (state->adjusted) {
        frame_error(context);
        return;
    }
    state->method = state->given ? state->method : PYTHIA_ADJUST_BH;
    if (n_args > 1 && method_read(context, state, args[1])) return;
    PythiaStatInput input = pythia_stat_read(context, args[0], &number);
    if (input == PYTHIA_STAT_ERROR) return;
    if (input != PYTHIA_STAT_NULL) {
        p = input == PYTHIA_STAT_NUMBER ? pythia_stat_real(number) : INFINITY;
        if (!(p >= 0 && p <= 1)) {
            pythia_stat_error(context, "a p-value must lie between 0 and 1");
            return;
        }
    }
    if (pythia_grow((void **)&state->p, &state->capacity, state->n + 1, sizeof *state->p)) {
        sqlite3_result_error_nomem(context);
        return;
    }
    state->p[state->n++] = p;
}

static void adjust_inverse(sqlite3_context *context, int n_args, sqlite3_value **args) {
    AdjustState *state = sqlite3_aggregate_context(context, sizeof *state);
    (void)n_args;
    (void)args;
    if (state) state->left++;
}

/* All rows of the partition at once. */
static int adjust_all(AdjustState *state) {
    double *adjusted = pythia_alloc_array(state->n, sizeof *adjusted);
    int rc = adjusted ? pythia_p_adjust(state->method, state->p, state->n, adjusted) : SQLITE_NOMEM;
    if (rc) {
        pythia_free(adjusted);
        return rc;
    }
    pythia_free(state->p);
    state->p = adjusted;
    state->adjusted = 1;
    return SQLITE_OK;
}

static void adjust_value(sqlite3_context *context) {
    AdjustState *state = sqlite3_aggregate_context(context, 0);
    if (!state || state->n == 0) return;
    state->values++;
    if (state->left != state->values || state->left > state->n) {
        frame_error(context);
        return;
    }
    int rc = state->adjusted ? SQLITE_OK : adjust_all(state);
    if (rc)
        pythia_stat_error_code(context, rc);
    else
        pythia_stat_result(context, state->p[state->left - 1]);
}

static void adjust_final(sqlite3_context *context) {
    AdjustState *state = sqlite3_aggregate_context(context, 0);
    if (!state) return;
    if (state->n > 0 && state->values == 0) frame_error(context);
    pythia_free(state->p);
    *state = (AdjustState){0};
}

const PythiaStatFunction pythia_fn_stat_adjust[] = {
    {"p_adjust", 1, 0, 0, adjust_step, adjust_final, adjust_value, adjust_inverse},
    {"p_adjust", 2, 0, 0, adjust_step, adjust_final, adjust_value, adjust_inverse},
    {0}};
