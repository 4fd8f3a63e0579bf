/* fn_stat_moments.c - var_samp, var_pop, stddev_samp, stddev_pop, cov, cov_pop, geometric_cov,
** skewness, kurtosis, bimodality.
**
** The first seven rest on exact sums and are window functions; the last three on one-pass
** moments. */
#include <math.h>

#include "ext/stat/moments.h"
#include "sql/fn_stat_parts.h"

enum {
    VAR_SAMP,
    VAR_POP,
    STDDEV_SAMP,
    STDDEV_POP,
    COV,
    COV_POP,
    GEOMETRIC_COV,
    SKEWNESS,
    KURTOSIS,
    BIMODALITY
};

typedef struct SumsState {
    int64_t infinite; /* among the rows of the frame */
    int64_t refused;  /* values of 0 and less, for geometric_cov */
    int referred;
    PythiaNumber reference; /* geometric_cov: logarithms are taken of x / reference */
    PythiaExactSums sums;
} SumsState;

typedef struct MomentsState {
    int64_t infinite;
    PythiaMoments moments;
} MomentsState;

/* ln(x / reference), to full accuracy also where x is close to it. Depends on nothing else, so that
** what is removed is what was added. */
static double log_ratio(PythiaNumber x, PythiaNumber reference) {
    double to = pythia_stat_real(reference), difference = pythia_stat_real(x) - to;
    int64_t exact;
    if (x.is_integer && reference.is_integer &&
        !__builtin_sub_overflow(x.integer, reference.integer, &exact))
        difference = (double)exact;
    return fabs(difference) < 0.5 * to ? log1p(difference / to)
                                       : log(pythia_stat_real(x)) - log(to);
}

/* For every row of every query: what can be decided elsewhere is. */
static inline void sums_change(sqlite3_context *context, sqlite3_value *value, int sign) {
    SumsState *state = sqlite3_aggregate_context(context, sizeof *state);
    PythiaNumber x;
    if (!state) {
        sqlite3_result_error_nomem(context);
        return;
    }
    PythiaStatInput input = pythia_stat_read(context, value, &x);
    if (input == PYTHIA_STAT_NUMBER)
        pythia_exact_sums_add(&state->sums, x, sign);
    else if (input == PYTHIA_STAT_INFINITE)
        state->infinite += sign;
}

static void sums_step(sqlite3_context *context, int n_args, sqlite3_value **args) {
    (void)n_args;
    sums_change(context, args[0], 1);
}

static void sums_inverse(sqlite3_context *context, int n_args, sqlite3_value **args) {
    (void)n_args;
    sums_change(context, args[0], -1);
}

static void logs_change(sqlite3_context *context, sqlite3_value *value, int sign) {
    SumsState *state = sqlite3_aggregate_context(context, sizeof *state);
    PythiaNumber x;
    if (!state) {
        sqlite3_result_error_nomem(context);
        return;
    }
    PythiaStatInput input = pythia_stat_read(context, value, &x);
    if (input == PYTHIA_STAT_INFINITE) state->infinite += sign;
    if (input != PYTHIA_STAT_NUMBER) return;
    if (!(pythia_stat_real(x) > 0)) {
        state->refused += sign;
        return;
    }
    if (!state->referred) state->reference = x;
    state->referred = 1;
    x = (PythiaNumber){0, 0, log_ratio(x, state->reference)};
    pythia_exact_sums_add(&state->sums, x, sign);
}

static void logs_step(sqlite3_context *context, int n_args, sqlite3_value **args) {
    (void)n_args;
    logs_change(context, args[0], 1);
}

static void logs_inverse(sqlite3_context *context, int n_args, sqlite3_value **args) {
    (void)n_args;
    logs_change(context, args[0], -1);
}

static void sums_value(sqlite3_context *context) {
    SumsState *state = sqlite3_aggregate_context(context, 0);
    if (!state || state->infinite > 0 || state->refused > 0) return;
    PythiaExactSums *sums = &state->sums;
    double result = NAN;
    switch (pythia_stat_function(context)->what) {
    case VAR_SAMP:
        result = pythia_exact_sums_var(sums, 1);
        break;
    case VAR_POP:
        result = pythia_exact_sums_var(sums, 0);
        break;
    case STDDEV_SAMP:
        result = sqrt(pythia_exact_sums_var(sums, 1));
        break;
    case STDDEV_POP:
        result = sqrt(pythia_exact_sums_var(sums, 0));
        break;
    case COV:
        result = pythia_exact_sums_cov(sums, 1);
        break;
    case COV_POP:
        result = pythia_exact_sums_cov(sums, 0);
        break;
    case GEOMETRIC_COV:
        result = sqrt(expm1(pythia_exact_sums_var(sums, 1)));
        break;
    }
    pythia_stat_result(context, result);
}

static void moments_step(sqlite3_context *context, int n_args, sqlite3_value **args) {
    MomentsState *state = sqlite3_aggregate_context(context, sizeof *state);
    PythiaNumber x;
    (void)n_args;
    if (!state) {
        sqlite3_result_error_nomem(context);
        return;
    }
    PythiaStatInput input = pythia_stat_read(context, args[0], &x);
    if (input == PYTHIA_STAT_INFINITE) state->infinite++;
    if (input != PYTHIA_STAT_NUMBER) return;
    if (x.is_integer)
        pythia_moments_add_integer(&state->moments, x.integer);
    else
        pythia_moments_add(&state->moments, x.real);
}

static void moments_final(sqlite3_context *context) {
    MomentsState *state = sqlite3_aggregate_context(context, 0);
    if (!state || state->infinite > 0) return;
    switch (pythia_stat_function(context)->what) {
    case SKEWNESS:
        pythia_stat_result(context, pythia_moments_skewness(&state->moments));
        break;
    case KURTOSIS:
        pythia_stat_result(context, pythia_moments_kurtosis(&state->moments));
        break;
    case BIMODALITY:
        pythia_stat_result(context, pythia_moments_bimodality(&state->moments));
        break;
    }
}

#define SUMS(name, what)                                                                           \
    { name, 1, what, 0, sums_step, sums_value, sums_value, sums_inverse }
#define MOMENTS(name, what)                                                                        \
    { name, 1, what, 0, moments_step, moments_final, NULL, NULL }

const PythiaStatFunction pythia_fn_stat_moments[] = {
    SUMS("var_samp", VAR_SAMP),
    SUMS("var_pop", VAR_POP),
    SUMS("stddev_samp", STDDEV_SAMP),
    SUMS("stddev_pop", STDDEV_POP),
    SUMS("cov", COV),
    SUMS("cov_pop", COV_POP),
    {"geometric_cov", 1, GEOMETRIC_COV, 0, logs_step, sums_value, sums_value, logs_inverse},
    MOMENTS("skewness", SKEWNESS),
    MOMENTS("kurtosis", KURTOSIS),
    MOMENTS("bimodality", BIMODALITY),
    {0}};
