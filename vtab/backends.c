/* backends.c - pythia_backends: the ways by which programs are reached.
**
** A row is a back end of a kind (ext/control/backend.h) and its target. The callback that a host program
** has set is shown too, as row 0 of schema main, but is not a row to be written. A back end that was
** added, or whose target changed, is told what the rules say at the COMMIT that adds it.
**
** After these come rows without a name, in schema main: kinds that this version does not drive, with what the machine
** offers of them. They are no back ends; UPDATE and DELETE pass over them. */
#include "ext/control/capability.h"
#include "vtab/control.h"

enum {
    BACKENDS_NAME,
    BACKENDS_KIND,
    BACKENDS_TARGET,
    BACKENDS_AVAILABLE,
    BACKENDS_DETAIL,
    BACKENDS_TRACEPOINTS,
    BACKENDS_LAST_ERROR,
    BACKENDS_COLUMNS
};

enum { CAPABILITY_ID = 1 << 30 }; /* of the first row without a name; rows have none as large */

static int capability_rows(PythiaRows *rows) {
    char *detail;
    const char *kind;
    for (int i = 0; (kind = pythia_capability("", i, &detail)) != NULL; i++) {
        if (!detail) return SQLITE_NOMEM;
        pythia_rows_null(rows);
        pythia_rows_str(rows, kind);
        pythia_rows_null(rows);
        pythia_rows_int(rows, 0);
        pythia_rows_str(rows, detail);
        pythia_rows_null(rows);
        pythia_rows_null(rows);
        pythia_rows_end_id(rows, CAPABILITY_ID + i);
        sqlite3_free(detail);
    }
    return SQLITE_OK;
}

static int backends_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    (void)bounds, (void)n;
    PythiaVtab *vtab = cursor->vtab;
    PythiaRows *rows = &cursor->rows;
    const char *schema = sqlite3_db_name(vtab->host->db, cursor->schema_index);
    PythiaControlState state = {0};
    int rc = pythia_control_cursor_state(cursor, &state);
    for (size_t i = 0; i < state.nbackends && !rc; i++) {
        const PythiaStateBackend *b = &state.backends[i];
        const char *failure = pythia_control_failure(vtab->host->control, schema,
                                                     PYTHIA_FAILURE_OF_BACKEND, b->backend.id);
        pythia_rows_str(rows, b->backend.name);
        pythia_rows_text(rows, b->row ? b->row->kind : PYTHIA_TEXT("callback"));
        pythia_rows_text(rows, b->row ? b->row->target : (PythiaText){NULL, 0});
        pythia_rows_int(rows, b->backend.available);
        pythia_rows_str(rows, b->backend.detail);
        if (b->lists || b->npoints)
            pythia_rows_int(rows, (sqlite3_int64)b->npoints);
        else
            pythia_rows_null(rows);
        if (failure)
            pythia_rows_str(rows, failure);
        else
            pythia_rows_text(rows, b->row ? b->row->last_error : (PythiaText){NULL, 0});
        pythia_rows_end_id(rows, b->row ? b->row->id : 0);
    }
    pythia_state_clear(&state);
    return rc || cursor->schema_index ? rc : capability_rows(rows);
}

/* Reads and checks what the user gave. */
static int row_read(PythiaVtab *vtab, sqlite3_value **values, PythiaBackendRow *row) {
    int rc = pythia_control_text(values[BACKENDS_NAME], &row->name);
    if (!rc) rc = pythia_control_text(values[BACKENDS_KIND], &row->kind);
    if (!rc) rc = pythia_control_text(values[BACKENDS_TARGET], &row->target);
    if (rc) return rc;
    if (row->name.n == 0)
        return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT, "pythia_backends: name: is missing");
    char *message = NULL;
    rc = pythia_backend_check(row->kind.p ? row->kind.p : "", row->target, &message);
    if (rc) rc = pythia_vtab_fail(vtab, rc, "pythia_backends: %s", message ? message : "");
    sqlite3_free(message);
    return rc;
}

/* Compares with the stored rows: another one of that name, and whether this one reaches another program
** now. *exists 0: there is no row of that id. */
static int row_compare(PythiaVtab *vtab, PythiaStore *store, PythiaBackendRow *row, int *exists,
                       int *moved) {
    PythiaBackendRows rows = {0};
    int rc = pythia_store_backends(store, &rows, &vtab->base.zErrMsg);
    *exists = *moved = 0;
    for (size_t i = 0; i < rows.n && !rc; i++) {
        const PythiaBackendRow *other = &rows.rows[i];
        if (other->id == row->id) {
            *exists = 1;
            *moved = !pythia_text_equal(other->kind, row->kind) ||
                     !pythia_text_equal(other->target, row->target);
        } else if (pythia_text_equal(other->name, row->name)) {
            rc = pythia_vtab_fail(vtab, SQLITE_CONSTRAINT,
                                  "pythia_backends: name: there is a back end \"%s\" already",
                                  row->name.p);
        }
    }
    pythia_backend_rows_clear(&rows);
    return rc;
}

static int backends_update(PythiaVtab *vtab, const char *schema, int change, sqlite3_value **values,
                           sqlite3_int64 *rowid) {
    PythiaStore *store = NULL;
    PythiaBackendRow row = {.id = change == SQLITE_INSERT ? 0 : *rowid};
    char **error = &vtab->base.zErrMsg;
    int exists, moved;
    if (change != SQLITE_INSERT && *rowid == 0)
        return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT,
                                "pythia_backends: the callback belongs to the host program");
    if (change != SQLITE_INSERT && *rowid >= CAPABILITY_ID) return SQLITE_OK;
    int rc = change == SQLITE_DELETE ? SQLITE_OK : row_read(vtab, values, &row);
    if (!rc) rc = pythia_control_vtab_store(vtab, schema, &store);
    if (rc) return rc;
    if (change == SQLITE_DELETE) return pythia_store_backend_delete(store, *rowid, error);
    rc = row_compare(vtab, store, &row, &exists, &moved);
    if (!rc && change == SQLITE_UPDATE && !exists)
        rc = pythia_vtab_fail(vtab, SQLITE_CONSTRAINT, "pythia_backends: there is no such row");
    if (!rc) rc = pythia_store_backend_put(store, &row, error);
    if (!rc && (change == SQLITE_INSERT || moved))
        rc = pythia_store_told_forget(store, row.id, error);
    *rowid = row.id;
    return rc;
}

static int backends_sync(PythiaVtab *vtab) {
    return pythia_control_vtab_sync(vtab, PYTHIA_SYNC_BACKENDS);
}

#define READ_ONLY(column) ((uint64_t)1 << (column))

const PythiaTable pythia_table_backends = {
    .name = "pythia_backends",
    .columns = "name TEXT, kind TEXT, target TEXT, available INTEGER, detail TEXT, "
               "tracepoints INTEGER, last_error TEXT",
    .nvisible = BACKENDS_COLUMNS,
    .direct_only = 1,
    .rows = 5,
    .fill = backends_fill,
    .update = backends_update,
    .read_only = READ_ONLY(BACKENDS_AVAILABLE) | READ_ONLY(BACKENDS_DETAIL) |
                 READ_ONLY(BACKENDS_TRACEPOINTS) | READ_ONLY(BACKENDS_LAST_ERROR),
    .sync = backends_sync,
    .commit = pythia_control_vtab_commit,
    .rollback = pythia_control_vtab_rollback,
};
