/* fn_stat_sides.c - functions of (x, side): ks, ks_p, mann_whitney, mann_whitney_p, cliffs_delta,
** wasserstein, energy_distance of two sides; brown_forsythe, brown_forsythe_p, kruskal, kruskal_p of
** any number of them.
**
** Of two sides the first is the lesser one, numbers by value and before texts, texts in binary order,
** so that the result does not depend on the order of rows. With a single side the result is NULL,
** with more than two it is an error for the functions of two. Rows in which either is NULL do not
** count. Window functions: rows leave a frame in the order in which they came. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ext/base/intern.h"
#include "ext/base/mem.h"
#include "ext/stat/ksample.h"
#include "ext/stat/order.h"
#include "ext/stat/twosample.h"
#include "sql/fn_stat_parts.h"

enum {
    KS,
    KS_P,
    MANN_WHITNEY,
    MANN_WHITNEY_P,
    CLIFFS_DELTA,
    WASSERSTEIN,
    ENERGY_DISTANCE,
    BROWN_FORSYTHE, /* from here on: any number of sides */
    BROWN_FORSYTHE_P,
    KRUSKAL,
    KRUSKAL_P
};

typedef struct SidesRow {
    double x;
    uint32_t side; /* id in `names` */
    uint32_t infinite;
} SidesRow;

typedef struct SidesState {
    SidesRow *row; /* [front .. end-1] */
    size_t front, end, capacity;
    PythiaShift shift;  /* of x */
    PythiaIntern names; /* of sides, as text */
} SidesState;

static SidesState *sides_state(sqlite3_context *context) {
    SidesState *state = sqlite3_aggregate_context(context, sizeof *state);
    if (!state) sqlite3_result_error_nomem(context);
    return state;
}

static void sides_step(sqlite3_context *context, int n_args, sqlite3_value **args) {
    SidesState *state = sides_state(context);
    PythiaNumber number = {0};
    (void)n_args;
    if (!state) return;
    PythiaStatInput input = pythia_stat_read(context, args[0], &number);
    if (input == PYTHIA_STAT_NULL || input == PYTHIA_STAT_ERROR) return;
    if (sqlite3_value_type(args[1]) == SQLITE_NULL) return;
    PythiaText name = {(const char *)sqlite3_value_text(args[1]), 0};
    name.n = name.p ? (size_t)sqlite3_value_bytes(args[1]) : 0;
    SidesRow row = {.infinite = input == PYTHIA_STAT_INFINITE};
    double plain = 0;
    row.x = row.infinite ? 0 : pythia_shift_value(&state->shift, number, &plain);
    for (size_t i = state->front; plain != 0 && i < state->end; i++)
        state->row[i].x += plain;
    int rc = name.p ? pythia_intern(&state->names, name, &row.side) : SQLITE_NOMEM;
    if (state->end == state->capacity && state->front > state->end / 2) {
        state->end -= state->front;
        memmove(state->row, state->row + state->front, state->end * sizeof *state->row);
        state->front = 0;
    }
    if (rc == SQLITE_OK)
        rc =
            pythia_grow((void **)&state->row, &state->capacity, state->end + 1, sizeof *state->row);
    if (rc)
        pythia_stat_error_code(context, rc);
    else
        state->row[state->end++] = row;
}

static void sides_inverse(sqlite3_context *context, int n_args, sqlite3_value **args) {
    SidesState *state = sides_state(context);
    (void)n_args;
    if (!state || state->front == state->end) return;
    if (sqlite3_value_type(args[0]) == SQLITE_NULL || sqlite3_value_type(args[1]) == SQLITE_NULL)
        return;
    state->front++;
}

/* Reads a name as a number, all of it. */
static int name_number(PythiaText name, double *number) {
    char *end;
    *number = strtod(name.p, &end); /* interned texts end with a NUL */
    return name.n > 0 && end == name.p + name.n;
}

static int name_less(PythiaText a, PythiaText b) {
    double x, y;
    int a_number = name_number(a, &x), b_number = name_number(b, &y);
    if (a_number && b_number && x != y) return x < y;
    if (a_number != b_number) return a_number;
    return pythia_text_compare(a, b) < 0;
}

/* The two sides of the rows in the frame, the lesser first; how many there are, 3 standing for
** more. */
static int sides_find(const SidesState *state, uint32_t side[2]) {
    int n = 0;
    for (size_t i = state->front; i < state->end; i++) {
        uint32_t id = state->row[i].side;
        if ((n > 0 && id == side[0]) || (n > 1 && id == side[1])) continue;
        if (n == 2) return 3;
        side[n++] = id;
    }
    if (n == 2 && name_less(pythia_intern_text(&state->names, side[1]),
                            pythia_intern_text(&state->names, side[0]))) {
        uint32_t swap = side[0];
        side[0] = side[1];
        side[1] = swap;
    }
    return n;
}

/* x holds the first side, n_a values, and behind it the second. */
static int sides_compute(int what, double *x, size_t n_a, size_t n_b, double *result,
                         PythiaPoll *poll) {
    PythiaTwoSample two = {NAN, NAN};
    const double *a = x, *b = x + n_a;
    int rc = pythia_sort(x, n_a, poll);
    if (rc == SQLITE_OK) rc = pythia_sort(x + n_a, n_b, poll);
    if (rc) return rc;
    switch (what) {
    case KS:
    case KS_P:
        rc = pythia_ks(a, n_a, b, n_b, &two, poll);
        *result = what == KS ? two.statistic : two.p;
        break;
    case MANN_WHITNEY:
    case MANN_WHITNEY_P:
        rc = pythia_mann_whitney(a, n_a, b, n_b, &two, poll);
        *result = what == MANN_WHITNEY ? two.statistic : two.p;
        break;
    case CLIFFS_DELTA:
        *result = pythia_cliffs_delta(a, n_a, b, n_b);
        break;
    case WASSERSTEIN:
        *result = pythia_wasserstein(a, n_a, b, n_b);
        break;
    default:
        *result = pythia_energy_distance(a, n_a, b, n_b);
    }
    return rc;
}

/* Any number of sides. */
static int sides_compare(const SidesState *state, int what, double *result, PythiaPoll *poll) {
    size_t n = state->end - state->front;
    PythiaKSample compared;
    double *x = pythia_alloc_array(n, sizeof *x);
    uint32_t *sample = pythia_alloc_array(n, sizeof *sample), samples = 0;
    uint32_t *seen = pythia_alloc_zero(((size_t)state->names.n + 1) * sizeof *seen);
    int rc = x && sample && seen ? SQLITE_OK : SQLITE_NOMEM;
    /* Numbered as they come in the frame: sums do not depend on what was there before it. */
    for (size_t i = 0; rc == SQLITE_OK && i < n; i++) {
        const SidesRow *row = &state->row[state->front + i];
        if (seen[row->side] == 0) seen[row->side] = ++samples;
        x[i] = row->x;
        sample[i] = seen[row->side] - 1;
    }
    if (rc == SQLITE_OK && (what == BROWN_FORSYTHE || what == BROWN_FORSYTHE_P))
        rc = pythia_brown_forsythe(x, sample, n, samples, &compared, poll);
    else if (rc == SQLITE_OK)
        rc = pythia_kruskal(x, sample, n, samples, &compared, poll);
    if (rc == SQLITE_OK)
        *result = what == BROWN_FORSYTHE || what == KRUSKAL ? compared.statistic : compared.p;
    pythia_free(x);
    pythia_free(sample);
    pythia_free(seen);
    return rc;
}

/* The two sides of the frame, one behind the other. */
static int sides_split(const SidesState *state, const uint32_t side[2], int what, double *result,
                       PythiaPoll *poll) {
    size_t n_a = 0, n_b = 0, all = state->end - state->front;
    double *x = pythia_alloc_array(all, sizeof *x);
    if (!x) return SQLITE_NOMEM;
    for (size_t i = state->front; i < state->end; i++) {
        if (state->row[i].side == side[0])
            x[n_a++] = state->row[i].x;
        else
            x[all - ++n_b] = state->row[i].x;
    }
    int rc = sides_compute(what, x, n_a, n_b, result, poll);
    pythia_free(x);
    return rc;
}

static void sides_value(sqlite3_context *context) {
    SidesState *state = sqlite3_aggregate_context(context, 0);
    uint32_t side[2] = {0, 0};
    int infinite = 0, n = state ? sides_find(state, side) : 0;
    int what = pythia_stat_function(context)->what;
    if (n > 2 && what < BROWN_FORSYTHE) {
        pythia_stat_error(context, "more than two sides");
        return;
    }
    for (size_t i = state ? state->front : 0; state && i < state->end; i++)
        infinite |= state->row[i].infinite != 0;
    if (n < 2 || infinite) return;
    double result = NAN;
    PythiaPoll poll = {.db = sqlite3_context_db_handle(context)};
    int rc = what < BROWN_FORSYTHE ? sides_split(state, side, what, &result, &poll)
                                   : sides_compare(state, what, &result, &poll);
    pythia_poll_close(&poll);
    if (rc)
        pythia_stat_error_code(context, rc);
    else
        pythia_stat_result(context, result);
}

static void sides_final(sqlite3_context *context) {
    SidesState *state = sqlite3_aggregate_context(context, 0);
    if (!state) return;
    sides_value(context);
    pythia_free(state->row);
    pythia_intern_clear(&state->names);
    memset(state, 0, sizeof *state);
}

#define SIDES(name, what)                                                                          \
    { name, 2, what, 0, sides_step, sides_final, sides_value, sides_inverse }

const PythiaStatFunction pythia_fn_stat_sides[] = {SIDES("ks", KS),
                                                   SIDES("ks_p", KS_P),
                                                   SIDES("mann_whitney", MANN_WHITNEY),
                                                   SIDES("mann_whitney_p", MANN_WHITNEY_P),
                                                   SIDES("cliffs_delta", CLIFFS_DELTA),
                                                   SIDES("wasserstein", WASSERSTEIN),
                                                   SIDES("energy_distance", ENERGY_DISTANCE),
                                                   SIDES("brown_forsythe", BROWN_FORSYTHE),
                                                   SIDES("brown_forsythe_p", BROWN_FORSYTHE_P),
                                                   SIDES("kruskal", KRUSKAL),
                                                   SIDES("kruskal_p", KRUSKAL_P),
                                                   {0}};
