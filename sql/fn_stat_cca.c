/* fn_stat_cca.c - cca(y, x1 [, x2 ...]): which of the variables x goes with y, together and alone.
**
** y is a number; an x that holds any text which is no number is a category, coded one column a
** level without the first. Rows with a NULL are dropped and counted. The result is JSON: the joint
** analysis (n, dropped, rank, correlation, wilks, f, df1, df2, p) and in `variables` one object for
** each x with its own correlation and p, and for numbers weight and loading in the joint one.
**
** A category with too many levels for the rows says nothing: it would fit anything. It is left out
** of the joint analysis, with a note. */
#include <math.h>
#include <string.h>

#include "ext/base/intern.h"
#include "ext/base/mem.h"
#include "ext/stat/cca.h"
#include "ext/stat/relation.h"
#include "sql/fn_stat_parts.h"

enum { LEVELS_MAX = 100 };

typedef struct CcaCell {
    double number;
    uint32_t text; /* interned, or 0 for a number */
} CcaCell;

typedef struct CcaState {
    int64_t dropped, infinite;
    size_t variables;
    size_t rows, capacity; /* capacity in cells */
    CcaCell *cell;         /* rows x (1 + variables), by rows: y first */
    PythiaIntern texts;
} CcaState;

/* One x when the result is made. */
typedef struct CcaVariable {
    int category;
    int joint;       /* takes part in the joint analysis */
    size_t column;   /* its first column there */
    size_t levels;   /* of a category */
    uint32_t *level; /* of a category: of each row, from 0 */
    PythiaRelation relation;
    const char *note;
} CcaVariable;

typedef struct CcaPlan {
    const CcaState *state;
    PythiaPoll *poll;
    CcaVariable *variable;
    double *y, *x;  /* rows; x is scratch for one variable */
    double *row;    /* scratch: one row of the joint analysis */
    size_t columns; /* of the joint analysis */
    PythiaCcaResult *result;
} CcaPlan;

/* Reads one argument into a cell. x may be text. */
static PythiaStatInput cell_read(sqlite3_context *context, CcaState *state, sqlite3_value *value,
                                 int is_x, CcaCell *cell) {
    PythiaNumber number = {0};
    cell->text = 0;
    if (is_x && sqlite3_value_numeric_type(value) == SQLITE_TEXT) {
        PythiaText text = {(const char *)sqlite3_value_text(value),
                           (size_t)sqlite3_value_bytes(value)};
        int rc = text.p ? pythia_intern(&state->texts, text, &cell->text) : SQLITE_NOMEM;
        if (rc == SQLITE_OK) return PYTHIA_STAT_NUMBER;
        pythia_stat_error_code(context, rc);
        return PYTHIA_STAT_ERROR;
    }
    PythiaStatInput input = pythia_stat_read(context, value, &number);
    cell->number = input == PYTHIA_STAT_NUMBER ? pythia_stat_real(number) : 0;
    return input;
}

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
    size_t width = (size_t)n_args;
    state->variables = width - 1;
    if (pythia_grow((void **)&state->cell, &state->capacity, (state->rows + 1) * width,
                    sizeof *state->cell)) {
        sqlite3_result_error_nomem(context);
        return;
    }
    int missing = 0, infinite = 0;
    for (size_t i = 0; i < width; i++) {
        CcaCell *cell = &state->cell[state->rows * width + i];
        switch (cell_read(context, state, args[i], i > 0, cell)) {
        case PYTHIA_STAT_ERROR:
            return;
        case PYTHIA_STAT_NULL:
            missing = 1;
            break;
        case PYTHIA_STAT_INFINITE:
            infinite = 1;
            break;
        case PYTHIA_STAT_NUMBER:
            break;
        }
    }
    if (missing)
        state->dropped++;
    else if (infinite)
        state->infinite++;
    else
        state->rows++;
}

static const CcaCell *cell_at(const CcaPlan *plan, size_t row, size_t variable) {
    return &plan->state->cell[row * (plan->state->variables + 1) + 1 + variable];
}

/* Numbers among the texts of a category stand for their text. */
static int number_intern(PythiaIntern *texts, double number, uint32_t *id) {
    char text[40];
    sqlite3_snprintf(sizeof text, text, "%!.17g", number);
    return pythia_intern(texts, pythia_text(text), id);
}

/* Gives each row of a category its level, numbered as they come. */
static int variable_levels(CcaPlan *plan, size_t v, PythiaIntern *numbers) {
    CcaVariable *variable = &plan->variable[v];
    size_t rows = plan->state->rows, texts = plan->state->texts.n;
    size_t ids = texts + 1 + rows; /* texts first, then numbers */
    uint32_t *seen = pythia_alloc_zero(ids * sizeof *seen);
    variable->level = pythia_alloc_array(rows, sizeof *variable->level);
    int rc = seen && variable->level ? SQLITE_OK : SQLITE_NOMEM;
    for (size_t i = 0; rc == SQLITE_OK && i < rows; i++) {
        const CcaCell *cell = cell_at(plan, i, v);
        uint32_t id = cell->text, number;
        if (id == 0) {
            rc = number_intern(numbers, cell->number, &number);
            if (rc) break;
            /* The same characters may be there as text: then it is that level. */
            id = pythia_intern_find(&plan->state->texts, pythia_intern_text(numbers, number));
            if (id == 0) id = (uint32_t)texts + number;
        }
        if (seen[id] == 0) seen[id] = (uint32_t)++variable->levels;
        variable->level[i] = seen[id] - 1;
        rc = pythia_poll(plan->poll);
    }
    pythia_free(seen);
    return rc;
}

/* The variable alone, and its place in the joint analysis. */
static int variable_relate(CcaPlan *plan, size_t v) {
    CcaVariable *variable = &plan->variable[v];
    size_t rows = plan->state->rows, columns = 1;
    for (size_t i = 0; i < rows && !variable->category; i++)
        variable->category = cell_at(plan, i, v)->text != 0;
    if (variable->category) {
        PythiaIntern numbers = {0};
        int rc = variable_levels(plan, v, &numbers);
        pythia_intern_clear(&numbers);
        if (rc == SQLITE_OK)
            rc = pythia_relation_category(variable->level, (uint32_t)variable->levels, plan->y,
                                          rows, &variable->relation);
        if (rc) return rc;
        columns = variable->levels - 1;
        if (2 * variable->levels > rows)
            variable->note = "identifier";
        else if (variable->levels > LEVELS_MAX)
            variable->note = "too many levels";
        if (columns == 0) variable->note = "constant";
    } else {
        double least = INFINITY, most = -INFINITY;
        for (size_t i = 0; i < rows; i++) {
            plan->x[i] = cell_at(plan, i, v)->number;
            least = fmin(least, plan->x[i]);
            most = fmax(most, plan->x[i]);
        }
        pythia_relation_numeric(plan->x, plan->y, rows, &variable->relation);
        if (!(least < most)) variable->note = "constant";
    }
    variable->joint = !variable->note;
    variable->column = plan->columns;
    if (variable->joint) plan->columns += columns;
    return SQLITE_OK;
}

/* Writes row i of the joint analysis. */
static void joint_row(const CcaPlan *plan, size_t i) {
    memset(plan->row, 0, plan->columns * sizeof *plan->row);
    for (size_t v = 0; v < plan->state->variables; v++) {
        const CcaVariable *variable = &plan->variable[v];
        if (!variable->joint) continue;
        if (!variable->category)
            plan->row[variable->column] = cell_at(plan, i, v)->number;
        else if (variable->level[i] > 0)
            plan->row[variable->column + variable->level[i] - 1] = 1;
    }
}

static int joint_analysis(CcaPlan *plan, char **error) {
    PythiaCca *cca = NULL;
    if (plan->columns == 0) return SQLITE_OK;
    if (plan->columns > PYTHIA_CCA_COLUMNS_MAX) {
        *error = sqlite3_mprintf("more than %d columns, levels counted", PYTHIA_CCA_COLUMNS_MAX);
        return SQLITE_ERROR;
    }
    plan->row = pythia_alloc_array(plan->columns, sizeof *plan->row);
    int rc = plan->row ? pythia_cca_open((int)plan->columns, 1, &cca, error) : SQLITE_NOMEM;
    for (size_t i = 0; rc == SQLITE_OK && i < plan->state->rows; i++) {
        joint_row(plan, i);
        rc = pythia_cca_add(cca, plan->row, &plan->y[i], error);
        if (rc == SQLITE_OK) rc = pythia_poll(plan->poll);
    }
    if (rc == SQLITE_OK) rc = pythia_cca_finish(cca, &plan->result, error);
    pythia_cca_close(cca);
    return rc;
}

static void json_number(PythiaBuf *buf, const char *key, double value) {
    pythia_buf_format(buf, ",\"%s\":", key);
    pythia_buf_json_double(buf, value);
}

static void joint_text(const CcaPlan *plan, PythiaBuf *buf) {
    const PythiaCcaResult *r = plan->result;
    int have = r && r->d > 0;
    pythia_buf_format(buf, "{\"n\":%lld,\"dropped\":%lld,\"rank\":%d",
                      (sqlite3_int64)plan->state->rows, (sqlite3_int64)plan->state->dropped,
                      r ? r->rank_x : 0);
    json_number(buf, "correlation", have ? r->correlation[0] : NAN);
    json_number(buf, "wilks", have ? r->wilks[0] : NAN);
    json_number(buf, "f", have ? r->f[0] : NAN);
    json_number(buf, "df1", have ? r->df1[0] : NAN);
    json_number(buf, "df2", have ? r->df2[0] : NAN);
    json_number(buf, "p", have ? r->p[0] : NAN);
}

static void variable_text(const CcaPlan *plan, size_t v, PythiaBuf *buf) {
    const CcaVariable *variable = &plan->variable[v];
    const PythiaCcaResult *r = plan->result;
    const char *note = variable->note;
    double weight = NAN, loading = NAN;
    if (r && r->d > 0 && variable->joint && !variable->category) {
        weight = r->weight_x[variable->column];
        loading = r->loading_x[variable->column];
        if (!r->kept_x[variable->column]) note = "depends on others";
    }
    pythia_buf_format(buf, "%s{\"variable\":%lld,\"kind\":\"%s\",\"levels\":", v ? "," : "",
                      (sqlite3_int64)v + 1, variable->category ? "category" : "number");
    if (variable->category)
        pythia_buf_format(buf, "%lld", (sqlite3_int64)variable->levels);
    else
        pythia_buf_str(buf, "null");
    json_number(buf, "correlation", variable->relation.correlation);
    json_number(buf, "p", variable->relation.p);
    json_number(buf, "weight", weight);
    json_number(buf, "loading", loading);
    pythia_buf_format(buf, ",\"note\":");
    if (note)
        pythia_buf_json_text(buf, pythia_text(note));
    else
        pythia_buf_str(buf, "null");
    pythia_buf_byte(buf, '}');
}

static int plan_run(CcaPlan *plan, PythiaBuf *buf, char **error) {
    size_t rows = plan->state->rows, variables = plan->state->variables;
    plan->variable = pythia_alloc_zero(variables * sizeof *plan->variable);
    plan->y = pythia_alloc_array(rows, sizeof *plan->y);
    plan->x = pythia_alloc_array(rows, sizeof *plan->x);
    if (!plan->variable || !plan->y || !plan->x) return SQLITE_NOMEM;
    for (size_t i = 0; i < rows; i++)
        plan->y[i] = plan->state->cell[i * (variables + 1)].number;
    int rc = SQLITE_OK;
    for (size_t v = 0; rc == SQLITE_OK && v < variables; v++)
        rc = variable_relate(plan, v);
    if (rc == SQLITE_OK) rc = joint_analysis(plan, error);
    if (rc) return rc;
    joint_text(plan, buf);
    pythia_buf_format(buf, ",\"variables\":[");
    for (size_t v = 0; v < variables; v++)
        variable_text(plan, v, buf);
    pythia_buf_format(buf, "]}");
    return buf->rc;
}

static void plan_free(CcaPlan *plan) {
    for (size_t v = 0; plan->variable && v < plan->state->variables; v++)
        pythia_free(plan->variable[v].level);
    pythia_free(plan->variable);
    pythia_free(plan->y);
    pythia_free(plan->x);
    pythia_free(plan->row);
    pythia_cca_result_free(plan->result);
}

static void cca_final(sqlite3_context *context) {
    CcaState *state = sqlite3_aggregate_context(context, 0);
    if (!state) return;
    if (state->rows > 0 && state->infinite == 0) {
        PythiaPoll poll = {.db = sqlite3_context_db_handle(context)};
        CcaPlan plan = {.state = state, .poll = &poll};
        PythiaBuf buf = {0};
        char *error = NULL;
        int rc = plan_run(&plan, &buf, &error);
        if (rc == SQLITE_OK)
            pythia_stat_result_text(context, &buf, 1);
        else if (error && rc != SQLITE_NOMEM)
            pythia_stat_error(context, "%s", error);
        else
            pythia_stat_error_code(context, rc);
        sqlite3_free(error);
        pythia_buf_clear(&buf);
        plan_free(&plan);
        pythia_poll_close(&poll);
    }
    pythia_free(state->cell);
    pythia_intern_clear(&state->texts);
    memset(state, 0, sizeof *state);
}

const PythiaStatFunction pythia_fn_stat_cca[] = {
    {"cca", -1, 0, PYTHIA_STAT_JSON, cca_step, cca_final, NULL, NULL}, {0}};
