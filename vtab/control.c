/* control.c - pythia_control: rules that switch trace points.
**
** A row is a rule; its rowid is its rule_id. What rules mean is told in ext/control/rules.h, how they reach
** programs in ext/control/control.h. Columns from `matched` on are computed when read: the number of
** trace points that the rule matches; its state -
**
**     armed    it matches no trace point that is known yet
**     pending  a back end is still to be told (before COMMIT always so, when something changes)
**     active   its trace points are as it says, or a more specific rule decides about them
**     expired  its time is over: it is as if it were not there
**
** - and the last error. INSERT ... RETURNING gives the row as it was given, without a rule_id of SQLite's
** choosing; last_insert_rowid() has it. */
#include "vtab/control.h"

#include "ext/capture/capture.h"

enum {
    CONTROL_RULE_ID,
    CONTROL_TRACEPOINT,
    CONTROL_REQUEST_TYPE,
    CONTROL_ENABLED,
    CONTROL_SAMPLE,
    CONTROL_PREDICATE,
    CONTROL_AGGREGATE,
    CONTROL_GROUP_BY,
    CONTROL_WINDOW_MS,
    CONTROL_EXPIRES_NS,
    CONTROL_REASON,
    CONTROL_MATCHED,
    CONTROL_STATE,
    CONTROL_ERROR,
    CONTROL_CREATED_NS,
    CONTROL_COLUMNS
};

/* ------------------------------------------------------------------ shared */

static const char *cursor_schema_name(const PythiaCursor *cursor) {
    return sqlite3_db_name(cursor->vtab->host->db, cursor->schema_index);
}

int pythia_control_cursor_state(PythiaCursor *cursor, PythiaControlState *state) {
    PythiaVtab *vtab = cursor->vtab;
    PythiaStore *store = cursor->capture ? pythia_capture_store(cursor->capture) : NULL;
    return pythia_control_state(vtab->host->control, cursor_schema_name(cursor), store,
                                pythia_control_now(), &cursor->poll, state, &vtab->base.zErrMsg);
}

int pythia_control_vtab_store(PythiaVtab *vtab, const char *schema, PythiaStore **store) {
    PythiaCapture *capture = NULL;
    int rc = pythia_control_touch(vtab->host->control, schema, 0, &vtab->base.zErrMsg);
    if (!rc)
        rc = pythia_session_capture(vtab->host->session, schema, 1, &capture, &vtab->base.zErrMsg);
    if (!rc) *store = pythia_capture_store(capture);
    return rc;
}

static int session_store(void *context, const char *schema, PythiaStore **store, char **error) {
    PythiaCapture *capture = NULL;
    int rc = pythia_session_capture(context, schema, 0, &capture, error);
    *store = !rc && capture ? pythia_capture_store(capture) : NULL;
    return rc;
}

int pythia_control_vtab_sync(PythiaVtab *vtab, unsigned who) {
    char **error = &vtab->base.zErrMsg;
    int rc =
        pythia_control_sync(vtab->host->control, who, session_store, vtab->host->session, error);
    return rc ? rc
              : pythia_collect_sync(vtab->host->collect, session_store, vtab->host->session, error);
}

void pythia_control_vtab_commit(PythiaVtab *vtab) {
    pythia_control_commit(vtab->host->control);
    pythia_collect_commit(vtab->host->collect);
}

void pythia_control_vtab_rollback(PythiaVtab *vtab) {
    pythia_control_rollback(vtab->host->control);
    pythia_collect_rollback(vtab->host->collect);
}

int pythia_control_text(sqlite3_value *value, PythiaText *text) {
    *text = (PythiaText){NULL, 0};
    if (sqlite3_value_type(value) == SQLITE_NULL) return SQLITE_OK;
    *text = pythia_value_text(value);
    return text->p ? SQLITE_OK : SQLITE_NOMEM;
}

/* ------------------------------------------------------------------ reading */

/* Sets pending[i] for every rule by which a back end is still to be told something. */
static int rules_pending(const PythiaControlState *state, unsigned char *pending,
                         PythiaPoll *poll) {
    int rc = SQLITE_OK;
    for (size_t b = 0; b < state->nbackends && !rc; b++) {
        PythiaChanges changes = {0};
        rc = pythia_state_changes(state, b, 0, &changes, poll);
        for (size_t i = 0; i < changes.n && !rc; i++)
            for (size_t r = 0; r < state->rules.n; r++)
                if (state->rules.rules[r].row->id == changes.changes[i].rule_id) pending[r] = 1;
        pythia_changes_clear(&changes);
    }
    return rc;
}

static void nonzero(PythiaRows *rows, int64_t value) {
    if (value)
        pythia_rows_int(rows, value);
    else
        pythia_rows_null(rows);
}

static void rule_row(PythiaCursor *cursor, const PythiaControlState *state, size_t i,
                     int is_pending) {
    PythiaRows *rows = &cursor->rows;
    const PythiaRule *rule = &state->rules.rules[i];
    const PythiaRuleRow *row = rule->row;
    const char *failure = pythia_control_failure(
        cursor->vtab->host->control, cursor_schema_name(cursor), PYTHIA_FAILURE_OF_RULE, row->id);
    pythia_rows_int(rows, row->id);
    pythia_rows_text(rows, row->tracepoint);
    pythia_rows_text(rows, row->request_type);
    pythia_rows_int(rows, row->enabled);
    if (row->sample > 0)
        pythia_rows_double(rows, row->sample);
    else
        pythia_rows_null(rows);
    pythia_rows_text(rows, row->predicate);
    pythia_rows_text(rows, row->aggregate);
    pythia_rows_text(rows, row->group_by);
    nonzero(rows, row->window_ms);
    nonzero(rows, row->expires_ns);
    pythia_rows_text(rows, row->reason);
    pythia_rows_int(rows, state->rule_matches[i]);
    pythia_rows_str(rows, pythia_rule_expired(row, state->now_ns) ? "expired"
                          : !state->rule_matches[i]               ? "armed"
                          : is_pending                            ? "pending"
                                                                  : "active");
    pythia_rows_str(rows, rule->error ? rule->error : failure);
    pythia_rows_int(rows, row->created_ns);
    pythia_rows_end_id(rows, row->id);
}

static int control_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    (void)bounds, (void)n;
    PythiaControlState state = {0};
    unsigned char *pending = NULL;
    int rc = pythia_control_cursor_state(cursor, &state);
    if (!rc) {
        pending = pythia_alloc_zero(state.rules.n + 1);
        rc = pending ? rules_pending(&state, pending, &cursor->poll) : SQLITE_NOMEM;
    }
    for (size_t i = 0; i < state.rules.n && !rc; i++)
        rule_row(cursor, &state, i, pending[i]);
    pythia_free(pending);
    pythia_state_clear(&state);
    return rc;
}

/* ------------------------------------------------------------------ writing */

/* An integer or nothing (*given 0). */
static int value_integer(PythiaVtab *vtab, sqlite3_value *value, const char *column, int *given,
                         int64_t *out) {
    *given = sqlite3_value_type(value) != SQLITE_NULL;
    *out = 0;
    if (!*given) return SQLITE_OK;
    if (sqlite3_value_numeric_type(value) != SQLITE_INTEGER)
        return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT, "pythia_control: %s: is not an integer",
                                column);
    *out = sqlite3_value_int64(value);
    return SQLITE_OK;
}

static int row_texts(sqlite3_value **values, PythiaRuleRow *row) {
    int rc = pythia_control_text(values[CONTROL_TRACEPOINT], &row->tracepoint);
    if (!rc) rc = pythia_control_text(values[CONTROL_REQUEST_TYPE], &row->request_type);
    if (!rc) rc = pythia_control_text(values[CONTROL_PREDICATE], &row->predicate);
    if (!rc) rc = pythia_control_text(values[CONTROL_AGGREGATE], &row->aggregate);
    if (!rc) rc = pythia_control_text(values[CONTROL_GROUP_BY], &row->group_by);
    if (!rc) rc = pythia_control_text(values[CONTROL_REASON], &row->reason);
    return rc;
}

/* Reads a row as the user gave it, id and created_ns apart, and checks it. */
static int row_read(PythiaVtab *vtab, int change, sqlite3_value **values, PythiaRuleRow *row) {
    int given;
    int64_t enabled;
    int rc = row_texts(values, row);
    if (!rc) rc = value_integer(vtab, values[CONTROL_ENABLED], "enabled", &given, &enabled);
    if (rc) return rc;
    if (!given && change == SQLITE_INSERT) enabled = given = 1;
    if (!given || enabled < 0 || enabled > 1)
        return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT, "pythia_control: enabled: is not 0 or 1");
    row->enabled = (int)enabled;
    if (sqlite3_value_type(values[CONTROL_SAMPLE]) != SQLITE_NULL) {
        int type = sqlite3_value_numeric_type(values[CONTROL_SAMPLE]);
        row->sample = sqlite3_value_double(values[CONTROL_SAMPLE]);
        if ((type != SQLITE_INTEGER && type != SQLITE_FLOAT) || !(row->sample > 0))
            return pythia_vtab_fail(
                vtab, SQLITE_CONSTRAINT,
                "pythia_control: sample: is not a number above 0 and at most 1");
    }
    rc = value_integer(vtab, values[CONTROL_WINDOW_MS], "window_ms", &given, &row->window_ms);
    if (!rc && given && !row->window_ms) row->window_ms = -1;
    if (!rc)
        rc =
            value_integer(vtab, values[CONTROL_EXPIRES_NS], "expires_ns", &given, &row->expires_ns);
    if (!rc && given && !row->expires_ns) row->expires_ns = 1; /* the beginning of time: expired */
    if (rc) return rc;
    char *message = NULL;
    rc = pythia_rule_check(row, &message);
    if (rc) rc = pythia_vtab_fail(vtab, rc, "pythia_control: %s", message ? message : "");
    sqlite3_free(message);
    return rc;
}

/* A rule that would switch off, by its exact name, what cannot be switched off. */
static int row_check_always_on(PythiaVtab *vtab, const char *schema, PythiaStore *store,
                               const PythiaRuleRow *row) {
    int always_on = 0;
    if (row->enabled) return SQLITE_OK;
    int rc = pythia_control_always_on(vtab->host->control, schema, store, row->tracepoint,
                                      &always_on, &vtab->base.zErrMsg);
    if (rc || !always_on) return rc;
    return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT,
                            "pythia_control: %s is always on and cannot be switched off",
                            row->tracepoint.p);
}

/* Finds the stored rule; *found 0: there is none. */
static int rule_find(PythiaVtab *vtab, PythiaStore *store, int64_t id, int *found,
                     int64_t *created_ns) {
    PythiaRuleRows rows = {0};
    int rc = pythia_store_rules(store, &rows, &vtab->base.zErrMsg);
    *found = 0;
    for (size_t i = 0; i < rows.n && !rc; i++)
        if (rows.rows[i].id == id) {
            *found = 1;
            *created_ns = rows.rows[i].created_ns;
        }
    pythia_rule_rows_clear(&rows);
    return rc;
}

/* Gives the row its id: as wanted and free, or the next one (0). */
static int insert_id(PythiaVtab *vtab, PythiaStore *store, sqlite3_value *value,
                     PythiaRuleRow *row) {
    int given, found;
    int64_t created_ns;
    int rc = value_integer(vtab, value, "rule_id", &given, &row->id);
    if (rc || !given) return rc;
    if (row->id < 1 || row->id >= (int64_t)1 << 48)
        return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT,
                                "pythia_control: rule_id: is not between 1 and 2^48");
    rc = rule_find(vtab, store, row->id, &found, &created_ns);
    if (rc || !found || sqlite3_vtab_on_conflict(vtab->host->db) == SQLITE_REPLACE) return rc;
    return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT, "pythia_control: there is a rule %lld already",
                            (sqlite3_int64)row->id);
}

static int update_id(PythiaVtab *vtab, PythiaStore *store, sqlite3_value *value, int64_t id,
                     PythiaRuleRow *row) {
    int given, found;
    int rc = value_integer(vtab, value, "rule_id", &given, &row->id);
    if (rc) return rc;
    if (row->id != id)
        return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT,
                                "pythia_control: the rule_id of a rule cannot be changed");
    rc = rule_find(vtab, store, id, &found, &row->created_ns);
    if (!rc && !found)
        rc = pythia_vtab_fail(vtab, SQLITE_CONSTRAINT, "pythia_control: there is no rule %lld",
                              (sqlite3_int64)id);
    return rc;
}

static int control_update(PythiaVtab *vtab, const char *schema, int change, sqlite3_value **values,
                          sqlite3_int64 *rowid) {
    PythiaStore *store = NULL;
    PythiaRuleRow row = {.created_ns = pythia_control_now()};
    int rc = change == SQLITE_DELETE ? SQLITE_OK : row_read(vtab, change, values, &row);
    if (!rc) rc = pythia_control_vtab_store(vtab, schema, &store);
    if (rc) return rc;
    if (change == SQLITE_DELETE)
        return pythia_store_rule_delete(store, *rowid, &vtab->base.zErrMsg);
    rc = change == SQLITE_INSERT ? insert_id(vtab, store, values[CONTROL_RULE_ID], &row)
                                 : update_id(vtab, store, values[CONTROL_RULE_ID], *rowid, &row);
    if (!rc) rc = row_check_always_on(vtab, schema, store, &row);
    if (!rc) rc = pythia_store_rule_put(store, &row, &vtab->base.zErrMsg);
    *rowid = row.id;
    return rc;
}

static int control_sync(PythiaVtab *vtab) {
    return pythia_control_vtab_sync(vtab, PYTHIA_SYNC_CONTROL);
}

#define READ_ONLY(column) ((uint64_t)1 << (column))

const PythiaTable pythia_table_control = {
    .name = "pythia_control",
    .columns = "rule_id INTEGER PRIMARY KEY, tracepoint TEXT, request_type TEXT, enabled INTEGER, "
               "sample REAL, predicate TEXT, aggregate TEXT, group_by TEXT, window_ms INTEGER, "
               "expires_ns INTEGER, reason TEXT, matched INTEGER, state TEXT, error TEXT, "
               "created_ns INTEGER",
    .nvisible = CONTROL_COLUMNS,
    .direct_only = 1,
    .rows = 20,
    .fill = control_fill,
    .update = control_update,
    .read_only = READ_ONLY(CONTROL_MATCHED) | READ_ONLY(CONTROL_STATE) | READ_ONLY(CONTROL_ERROR) |
                 READ_ONLY(CONTROL_CREATED_NS),
    .sync = control_sync,
    .commit = pythia_control_vtab_commit,
    .rollback = pythia_control_vtab_rollback,
};
