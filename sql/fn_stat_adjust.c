/* fn_stat_adjust.c - p_adjust(p, method) OVER (ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING).
**
** A window function whose result is another for every row although it depends on all rows. That
** frame makes it possible: all rows have come in when the first value is asked for, and from then
** on one row leaves the frame for every row of the result, so the count of those that have left
** tells which row it is. Other frames are errors where they can be told apart: rows that come after
** a value, and use as a plain aggregate. OVER () cannot: the host asks once and shows that value
** for all rows. */
#include <math.h>

#include "ext/base/mem.h"
#include "ext/stat/adjust.h"
#include "sql/fn_stat_parts.h"

typedef struct AdjustState {
    double *p; /* NaN for NULL; adjusted once `adjusted` is set */
    size_t n, capacity;
    size_t left; /* rows that have left */
    int adjusted;
    int given;
    PythiaAdjust method;
} AdjustState;

static void frame_error(sqlite3_context *context) {
    pythia_stat_error(context, "needs OVER (... ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)");
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

static void adjust_value(sqlite3_context *context) {
    AdjustState *state = sqlite3_aggregate_context(context, 0);
    if (!state || state->left >= state->n) return;
    if (!state->adjusted) {
        double *adjusted = pythia_alloc_array(state->n, sizeof *adjusted);
        int rc =
            adjusted ? pythia_p_adjust(state->method, state->p, state->n, adjusted) : SQLITE_NOMEM;
        if (rc) {
            pythia_free(adjusted);
            pythia_stat_error_code(context, rc);
            return;
        }
        pythia_free(state->p);
        state->p = adjusted;
        state->adjusted = 1;
    }
    pythia_stat_result(context, state->p[state->left]);
}

static void adjust_final(sqlite3_context *context) {
    AdjustState *state = sqlite3_aggregate_context(context, 0);
    if (!state) return;
    if (state->n > 1 && state->left + 1 < state->n)
        frame_error(context);
    else
        adjust_value(context);
    pythia_free(state->p);
    *state = (AdjustState){0};
}

const PythiaStatFunction pythia_fn_stat_adjust[] = {
    {"p_adjust", 1, 0, 0, adjust_step, adjust_final, adjust_value, adjust_inverse},
    {"p_adjust", 2, 0, 0, adjust_step, adjust_final, adjust_value, adjust_inverse},
    {0}};
