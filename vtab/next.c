/* next.c - pythia_next(group_id [, position [, strategy [, budget]]]): which trace points to switch on next.
**
** Asks a strategy about an edge of a group. position: of the edge in pythia_group_edges, left out the one with the
** largest share of the variance; strategy and budget default to the settings strategy and budget_points. At most
** `budget` rows, the best first. Nothing is switched. */
#include "ext/loop/loop.h"
#include "vtab/scan.h"
#include "vtab/tables.h"

enum {
    COL_TRACEPOINT,
    COL_TYPE,
    COL_LAYER,
    COL_REASON,
    COL_N,
    COL_GROUP_ID = COL_N,
    COL_POSITION,
    COL_STRATEGY,
    COL_BUDGET,
    COL_ALL
};

typedef struct Ask {
    uint64_t group;
    uint32_t position;
    char *strategy; /* owned */
    int64_t budget;
} Ask;

/* Reads the arguments; *valid 0: they name nothing that there is. */
static int ask_read(PythiaCursor *cursor, const PythiaBound *bounds, int n, Ask *ask, int *valid) {
    const PythiaBound *position = pythia_bound(bounds, n, COL_POSITION, PYTHIA_EQ);
    const PythiaBound *strategy = pythia_bound(bounds, n, COL_STRATEGY, PYTHIA_EQ);
    const PythiaBound *budget = pythia_bound(bounds, n, COL_BUDGET, PYTHIA_EQ);
    char **error = &cursor->vtab->base.zErrMsg;
    double number = 0;
    int rc = SQLITE_OK;
    int64_t wanted = position ? sqlite3_value_int64(position->value) : 0;
    *valid = pythia_group_of_text(
        pythia_value_text(pythia_bound(bounds, n, COL_GROUP_ID, PYTHIA_EQ)->value), &ask->group);
    if (position && (wanted < 1 || wanted > UINT32_MAX)) *valid = 0;
    ask->position = (uint32_t)wanted;
    if (strategy) {
        ask->strategy = sqlite3_mprintf("%s", sqlite3_value_text(strategy->value));
        if (!ask->strategy) rc = SQLITE_NOMEM;
    } else {
        rc = pythia_capture_setting(cursor->capture, "strategy", &ask->strategy, error);
    }
    ask->budget = budget ? sqlite3_value_int64(budget->value) : 0;
    if (!rc && budget && ask->budget < 1)
        rc = pythia_vtab_fail(cursor->vtab, SQLITE_ERROR,
                              "pythia_next: budget must be a number of at least 1");
    if (!rc && !budget) {
        rc = pythia_capture_setting_number(cursor->capture, "budget_points", &number, error);
        ask->budget = (int64_t)number;
    }
    return rc;
}

static int answer(PythiaCursor *cursor, const Ask *ask, PythiaSwitches *switches,
                  PythiaQuestion *question, PythiaLayers *layers, PythiaChoices *choices) {
    PythiaLoop *loop = cursor->vtab->host->loop;
    const char *schema = sqlite3_db_name(cursor->vtab->host->db, cursor->schema_index);
    char **error = &cursor->vtab->base.zErrMsg;
    const PythiaSpace *space;
    int found = 0;
    int rc = pythia_switches_load(loop, cursor->capture, schema, pythia_control_now(),
                                  &cursor->poll, switches, error);
    if (!rc)
        rc = pythia_question_of_group(loop, cursor->capture, switches, ask->group, ask->position,
                                      &cursor->poll, question, &found, error);
    if (rc || !found) return rc;
    rc = pythia_loop_space(loop, cursor->capture, &cursor->poll, &space, error);
    if (!rc) rc = pythia_layers_load(cursor->capture, &space->texts, layers, error);
    if (!rc)
        rc = pythia_strategy_ask(loop, cursor->capture, ask->strategy, question, switches, layers,
                                 ask->budget, choices, error);
    for (size_t i = 0; !rc && i < choices->n; i++) {
        pythia_rows_text(&cursor->rows, choices->list[i].tracepoint);
        pythia_rows_text(&cursor->rows, question->request_type);
        pythia_rows_text(&cursor->rows, choices->list[i].layer);
        pythia_rows_text(&cursor->rows, choices->list[i].reason);
        pythia_rows_end(&cursor->rows);
    }
    return rc;
}

static int next_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    Ask ask = {0};
    PythiaSwitches switches = {0};
    PythiaQuestion question = {0};
    PythiaLayers layers = {0};
    PythiaChoices choices = {0};
    int valid = 0;
    if (!cursor->capture) return SQLITE_OK;
    int rc = ask_read(cursor, bounds, n, &ask, &valid);
    if (!rc && valid) rc = answer(cursor, &ask, &switches, &question, &layers, &choices);
    pythia_choices_clear(&choices);
    pythia_layers_clear(&layers);
    pythia_question_clear(&question);
    pythia_switches_clear(&switches);
    sqlite3_free(ask.strategy);
    return rc;
}

static const PythiaUse next_uses[] = {
    {COL_GROUP_ID, PYTHIA_EQ, PYTHIA_USE_REQUIRED | PYTHIA_USE_EXACT, 1},
    {COL_POSITION, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
    {COL_STRATEGY, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
    {COL_BUDGET, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
};

const PythiaTable pythia_table_next = {
    .name = "pythia_next",
    .columns = "tracepoint TEXT, request_type TEXT, layer TEXT, reason TEXT, group_id TEXT HIDDEN,"
               " position INTEGER HIDDEN, strategy TEXT HIDDEN, budget INTEGER HIDDEN",
    .nvisible = COL_N,
    .nhidden = COL_ALL - COL_N,
    .uses = next_uses,
    .nuses = 4,
    .rows = 5,
    .fill = next_fill,
};
