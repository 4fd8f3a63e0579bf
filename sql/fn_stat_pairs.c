/* fn_stat_pairs.c - covar_samp, covar_pop, corr, corr_p, corr_spearman, corr_spearman_p.
**
** A row counts where both sides are numbers. The first four rest on exact sums and are window
** functions; Spearman's keep the pairs, which leave a frame in the order in which they came. */
#include <math.h>
#include <string.h>

#include "ext/base/mem.h"
#include "ext/stat/distribution.h"
#include "ext/stat/relation.h"
#include "sql/fn_stat_parts.h"

enum { COVAR_SAMP, COVAR_POP, CORR, CORR_P, CORR_SPEARMAN, CORR_SPEARMAN_P };

typedef struct PairsState {
    int64_t infinite;
    PythiaExactPairs pairs;
} PairsState;

typedef struct RanksState {
    int64_t infinite;
    double *x, *y; /* [front .. end-1] */
    size_t front, end, capacity_x, capacity_y;
    PythiaShift shift_x, shift_y;
} RanksState;

static PythiaStatInput pair_read(sqlite3_context *context, sqlite3_value **args, PythiaNumber *x,
                                 PythiaNumber *y) {
    PythiaStatInput a = pythia_stat_read(context, args[0], x);
    if (a == PYTHIA_STAT_ERROR) return a;
    PythiaStatInput b = pythia_stat_read(context, args[1], y);
    if (b == PYTHIA_STAT_ERROR) return b;
    if (a == PYTHIA_STAT_NULL || b == PYTHIA_STAT_NULL) return PYTHIA_STAT_NULL;
    return a == PYTHIA_STAT_INFINITE ? a : b;
}

static void pairs_change(sqlite3_context *context, sqlite3_value **args, int sign) {
    PairsState *state = sqlite3_aggregate_context(context, sizeof *state);
    PythiaNumber x, y;
    if (!state) {
        sqlite3_result_error_nomem(context);
        return;
    }
    PythiaStatInput input = pair_read(context, args, &x, &y);
    if (input == PYTHIA_STAT_INFINITE) state->infinite += sign;
    if (input == PYTHIA_STAT_NUMBER) pythia_exact_pairs_add(&state->pairs, x, y, sign);
}

static void pairs_step(sqlite3_context *context, int n_args, sqlite3_value **args) {
    (void)n_args;
    pairs_change(context, args, 1);
}

static void pairs_inverse(sqlite3_context *context, int n_args, sqlite3_value **args) {
    (void)n_args;
    pairs_change(context, args, -1);
}

static void pairs_value(sqlite3_context *context) {
    PairsState *state = sqlite3_aggregate_context(context, 0);
    if (!state || state->infinite > 0) return;
    switch (pythia_stat_function(context)->what) {
    case COVAR_SAMP:
        pythia_stat_result(context, pythia_exact_pairs_covar(&state->pairs, 1));
        break;
    case COVAR_POP:
        pythia_stat_result(context, pythia_exact_pairs_covar(&state->pairs, 0));
        break;
    case CORR:
        pythia_stat_result(context, pythia_exact_pairs_corr(&state->pairs));
        break;
    case CORR_P: {
        double r = pythia_exact_pairs_corr(&state->pairs);
        pythia_stat_result(context,
                           pythia_r2_p(r * r, (1 - r) * (1 + r), 1, (double)state->pairs.n - 2));
        break;
    }
    }
}

static void ranks_compact(RanksState *state) {
    state->end -= state->front;
    memmove(state->x, state->x + state->front, state->end * sizeof *state->x);
    memmove(state->y, state->y + state->front, state->end * sizeof *state->y);
    state->front = 0;
}

static void ranks_step(sqlite3_context *context, int n_args, sqlite3_value **args) {
    RanksState *state = sqlite3_aggregate_context(context, sizeof *state);
    PythiaNumber x, y;
    (void)n_args;
    if (!state) {
        sqlite3_result_error_nomem(context);
        return;
    }
    PythiaStatInput input = pair_read(context, args, &x, &y);
    if (input == PYTHIA_STAT_INFINITE) state->infinite++;
    if (input != PYTHIA_STAT_NUMBER) return;
    if (state->front > 1024 && state->front > state->end / 2) ranks_compact(state);
    size_t need = state->end + 1;
    if (pythia_grow((void **)&state->x, &state->capacity_x, need, sizeof *state->x) ||
        pythia_grow((void **)&state->y, &state->capacity_y, need, sizeof *state->y)) {
        sqlite3_result_error_nomem(context);
        return;
    }
    double plain_x, plain_y;
    state->x[state->end] = pythia_shift_value(&state->shift_x, x, &plain_x);
    state->y[state->end] = pythia_shift_value(&state->shift_y, y, &plain_y);
    for (size_t i = state->front; (plain_x != 0 || plain_y != 0) && i < state->end; i++) {
        state->x[i] += plain_x;
        state->y[i] += plain_y;
    }
    state->end++;
}

static void ranks_inverse(sqlite3_context *context, int n_args, sqlite3_value **args) {
    RanksState *state = sqlite3_aggregate_context(context, sizeof *state);
    PythiaNumber x, y;
    (void)n_args;
    if (!state) {
        sqlite3_result_error_nomem(context);
        return;
    }
    PythiaStatInput input = pair_read(context, args, &x, &y);
    if (input == PYTHIA_STAT_INFINITE) state->infinite--;
    if (input == PYTHIA_STAT_NUMBER && state->front < state->end) state->front++;
}

static void ranks_value(sqlite3_context *context) {
    RanksState *state = sqlite3_aggregate_context(context, 0);
    PythiaRelation relation;
    if (!state || state->infinite > 0 || state->end == state->front) return;
    int rc = pythia_relation_ranks(state->x + state->front, state->y + state->front,
                                   state->end - state->front, &relation);
    if (rc)
        pythia_stat_error_code(context, rc);
    else
        pythia_stat_result(context, pythia_stat_function(context)->what == CORR_SPEARMAN
                                        ? relation.correlation
                                        : relation.p);
}

static void ranks_final(sqlite3_context *context) {
    RanksState *state = sqlite3_aggregate_context(context, 0);
    ranks_value(context);
    if (!state) return;
    pythia_free(state->x);
    pythia_free(state->y);
    memset(state, 0, sizeof *state);
}

#define PAIRS(name, what)                                                                          \
    { name, 2, what, 0, pairs_step, pairs_value, pairs_value, pairs_inverse }

const PythiaStatFunction pythia_fn_stat_pairs[] = {
    PAIRS("covar_samp", COVAR_SAMP),
    PAIRS("covar_pop", COVAR_POP),
    PAIRS("corr", CORR),
    PAIRS("corr_p", CORR_P),
    {"corr_spearman", 2, CORR_SPEARMAN, 0, ranks_step, ranks_final, ranks_value, ranks_inverse},
    {"corr_spearman_p", 2, CORR_SPEARMAN_P, 0, ranks_step, ranks_final, ranks_value, ranks_inverse},
    {0}};
