/* fn_stat_cca.c - cca(y, x1 [, x2 ...]): which of the variables x goes with y, together and alone.
**
** y is a number; an x that holds any text which is no number is a category. Rows with a NULL are
** dropped and counted. The result is JSON: the joint analysis (n, dropped, rank, correlation, wilks,
** f, df1, df2, p) and in `variables` one object for each x with its own correlation and p, and its
** weight and loading in the joint analysis. What takes part, and the notes: ext/stat/cca_mixed.h. */
#include <math.h>
#include <string.h>

#include "ext/base/mem.h"
#include "ext/stat/cca_mixed.h"
#include "sql/fn_stat_parts.h"

typedef struct CcaState {
    int64_t dropped, infinite;
    PythiaData data; /* y first */
} CcaState;

static void cca_step(sqlite3_context *context, int n_args, sqlite3_value **args) {
    CcaState *state = sqlite3_aggregate_context(context, sizeof *state);
    if (!state) {
        sqlite3_result_error_nomem(context);
        return;
    }
    if (n_args < 2) {
        pythia_stat_error(context, "needs y and at least one x");
        return;
    }
    int rc = state->data.width ? SQLITE_OK : pythia_data_open(&state->data, (size_t)n_args);
    if (rc == SQLITE_OK) rc = pythia_data_room(&state->data);
    if (rc) {
        pythia_stat_error_code(context, rc);
        return;
    }
    int missing = 0, infinite = 0;
    PythiaNumber y;
    for (int i = 0; i < n_args && !missing; i++) {
        missing = sqlite3_value_type(args[i]) == SQLITE_NULL;
    }
    for (int i = 0; i < n_args; i++) {
        PythiaStatInput input =
            i == 0    ? pythia_stat_read(context, args[0], &y)
            : missing ? PYTHIA_STAT_NULL
                      : pythia_stat_read_datum(context, args[i], &state->data, (size_t)i);
        if (input == PYTHIA_STAT_ERROR) return;
        infinite |= input == PYTHIA_STAT_INFINITE;
        if (i == 0 && input == PYTHIA_STAT_NUMBER && !missing)
            pythia_data_number(&state->data, 0, y);
    }
    if (missing)
        state->dropped++;
    else if (infinite)
        state->infinite++;
    else
        state->data.rows++;
}

static void json_number(PythiaBuf *buf, const char *key, double value) {
    pythia_buf_format(buf, ",\"%s\":", key);
    pythia_buf_json_double(buf, value);
}

static void joint_text(const CcaState *state, const PythiaCcaResult *r, PythiaBuf *buf) {
    int have = r && r->d > 0;
    pythia_buf_format(buf, "{\"n\":%lld,\"dropped\":%lld,\"rank\":%d",
                      (sqlite3_int64)state->data.rows, (sqlite3_int64)state->dropped,
                      r ? r->rank_x : 0);
    json_number(buf, "correlation", have ? r->correlation[0] : NAN);
    json_number(buf, "wilks", have ? r->wilks[0] : NAN);
    json_number(buf, "f", have ? r->f[0] : NAN);
    json_number(buf, "df1", have ? r->df1[0] : NAN);
    json_number(buf, "df2", have ? r->df2[0] : NAN);
    json_number(buf, "p", have ? r->p[0] : NAN);
}

static void variable_text(const PythiaMixed *mixed, size_t v, PythiaBuf *buf) {
    const PythiaMixedVariable *variable = &mixed->variable[v];
    int have = mixed->result && mixed->result->d > 0;
    pythia_buf_format(buf, "%s{\"variable\":%lld,\"kind\":\"%s\",\"levels\":", v > 1 ? "," : "",
                      (sqlite3_int64)v, variable->category ? "category" : "number");
    if (variable->category)
        pythia_buf_format(buf, "%lld", (sqlite3_int64)variable->levels.n);
    else
        pythia_buf_str(buf, "null");
    json_number(buf, "correlation", variable->correlation);
    json_number(buf, "p", variable->p);
    json_number(buf, "weight", have ? variable->weight[0] : NAN);
    json_number(buf, "loading", have ? variable->loading[0] : NAN);
    pythia_buf_format(buf, ",\"note\":");
    if (variable->note)
        pythia_buf_json_text(buf, pythia_text(variable->note));
    else
        pythia_buf_str(buf, "null");
    pythia_buf_byte(buf, '}');
}

static void cca_text(const CcaState *state, const PythiaMixed *mixed, PythiaBuf *buf) {
    joint_text(state, mixed->result, buf);
    pythia_buf_format(buf, ",\"variables\":[");
    for (size_t v = 1; v < mixed->n; v++)
        variable_text(mixed, v, buf);
    pythia_buf_format(buf, "]}");
}

static void cca_final(sqlite3_context *context) {
    CcaState *state = sqlite3_aggregate_context(context, 0);
    if (!state) return;
    if (state->data.rows > 0 && state->infinite == 0) {
        PythiaPoll poll = {.db = sqlite3_context_db_handle(context)};
        PythiaMixed mixed = {0};
        PythiaBuf buf = {0};
        char *error = NULL;
        int rc = pythia_mixed_run(&mixed, &state->data, 1, 1, 0, 0, &poll, &error);
        if (rc == SQLITE_OK) cca_text(state, &mixed, &buf);
        if (rc == SQLITE_OK)
            pythia_stat_result_text(context, &buf, 1);
        else if (error && rc != SQLITE_NOMEM)
            pythia_stat_error(context, "%s", error);
        else
            pythia_stat_error_code(context, rc);
        sqlite3_free(error);
        pythia_buf_clear(&buf);
        pythia_mixed_close(&mixed);
        pythia_poll_close(&poll);
    }
    pythia_data_close(&state->data);
    memset(state, 0, sizeof *state);
}

const PythiaStatFunction pythia_fn_stat_cca[] = {
    {"cca", -1, 0, PYTHIA_STAT_JSON, cca_step, cca_final, NULL, NULL}, {0}};
