/* stored.c - see stored.h. */
#include "vtab/stored.h"

#include "ext/base/match.h"

int pythia_stored_fill(PythiaCursor *cursor, const char *sql) {
    if (!cursor->capture) return SQLITE_OK;
    sqlite3_stmt *statement;
    int rc = pythia_store_prepare(pythia_capture_store(cursor->capture), &statement, sql,
                                  &cursor->vtab->base.zErrMsg);
    while (!rc && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        int n = sqlite3_column_count(statement);
        for (int i = 1; i < n; i++)
            pythia_rows_column(&cursor->rows, statement, i);
        pythia_rows_end_id(&cursor->rows, sqlite3_column_int64(statement, 0));
        rc = cursor->rows.rc;
    }
    int last = sqlite3_finalize(statement);
    return rc == SQLITE_DONE ? SQLITE_OK : last ? last : rc;
}

int pythia_stored_write(PythiaVtab *vtab, const char *schema, const char *sql, int change,
                        sqlite3_value *const *values, int n, sqlite3_int64 *rowid) {
    char **error = &vtab->base.zErrMsg;
    PythiaCapture *capture;
    sqlite3_stmt *statement;
    int rc = pythia_session_capture(vtab->host->session, schema, 1, &capture, error);
    if (!rc) rc = pythia_store_prepare(pythia_capture_store(capture), &statement, sql, error);
    if (rc) return rc;
    if (change != SQLITE_INSERT) sqlite3_bind_int64(statement, 1, *rowid);
    for (int i = 0; i < n; i++)
        sqlite3_bind_value(statement, i + 2, values[i]);
    sqlite3_step(statement);
    rc = sqlite3_finalize(statement);
    if (rc)
        return pythia_fail(error, rc, "%s: %s", vtab->table->name, sqlite3_errmsg(vtab->host->db));
    if (change == SQLITE_INSERT) *rowid = sqlite3_last_insert_rowid(vtab->host->db);
    return SQLITE_OK;
}

int pythia_stored_change(PythiaVtab *vtab, const char *schema, const char *sql, int change,
                         sqlite3_value *const *values, int n, int names_too, sqlite3_int64 *rowid) {
    PythiaCapture *capture;
    int rc = pythia_stored_write(vtab, schema, sql, change, values, n, rowid);
    if (!rc)
        rc = pythia_session_capture(vtab->host->session, schema, 1, &capture, &vtab->base.zErrMsg);
    return rc ? rc : pythia_capture_mark_stale(capture, names_too, &vtab->base.zErrMsg);
}

int pythia_stored_sync(PythiaVtab *vtab) {
    return pythia_session_commit(vtab->host->session, &vtab->base.zErrMsg);
}

int pythia_stored_pattern(PythiaVtab *vtab, PythiaText pattern) {
    PythiaMatch *match = NULL;
    char *why = NULL;
    int rc = pythia_match_compile(pattern, &match, &why);
    pythia_match_free(match);
    if (rc == SQLITE_ERROR)
        rc = pythia_vtab_fail(vtab, SQLITE_CONSTRAINT, "%s: %s", vtab->table->name, why);
    sqlite3_free(why);
    return rc;
}
