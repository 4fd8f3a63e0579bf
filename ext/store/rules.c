/* rules.c - trace point control on disk; see rules.h.
**
** Tables: pythia_xrule, pythia_xbackend, pythia_xstate (what was told) and pythia_xlog. */
#include "ext/store/rules.h"

/* ------------------------------------------------------------------ statements */

/* A failure of a statement on a table. */
static int fail(PythiaStore *store, int rc, const char *table, char **error) {
    if (rc == SQLITE_OK || rc == SQLITE_NOMEM) return rc;
    return pythia_fail(error, rc, "%s.pythia_%s: %s", pythia_store_schema(store), table,
                       sqlite3_errmsg(pythia_store_db(store)));
}

/* Steps a statement that gives no rows, and makes it ready for the next run. */
static int run(PythiaStore *store, sqlite3_stmt *statement, const char *table, char **error) {
    sqlite3_step(statement);
    return fail(store, sqlite3_reset(statement), table, error);
}

/* Binding converts where the database is not UTF-8, and so can fail: *rc keeps the first failure. */
static void bind_text(sqlite3_stmt *statement, int index, PythiaText text, int *rc) {
    if (*rc) return;
    *rc = text.p ? sqlite3_bind_text64(statement, index, text.p, text.n, SQLITE_STATIC, SQLITE_UTF8)
                 : sqlite3_bind_null(statement, index);
}

/* The number, or NULL for zero. */
static void bind_nonzero(sqlite3_stmt *statement, int index, int64_t value) {
    if (value)
        sqlite3_bind_int64(statement, index, value);
    else
        sqlite3_bind_null(statement, index);
}

/* A column's text, copied; p NULL for NULL. Sets *rc when there is no memory. */
static PythiaText column_text(PythiaArena *arena, sqlite3_stmt *statement, int column, int *rc) {
    if (sqlite3_column_type(statement, column) == SQLITE_NULL) return (PythiaText){NULL, 0};
    const char *p = (const char *)sqlite3_column_text(statement, column);
    size_t n = p ? (size_t)sqlite3_column_bytes(statement, column) : 0;
    char *copy = p ? pythia_arena_alloc(arena, n + 1) : NULL;
    if (!copy) {
        *rc = SQLITE_NOMEM;
        return (PythiaText){NULL, 0};
    }
    if (n) memcpy(copy, p, n);
    copy[n] = 0;
    return (PythiaText){copy, n};
}

/* Runs one statement on one row that is named by its id. */
static int run_by_id(PythiaStore *store, const char *sql, const char *table, int64_t id,
                     char **error) {
    sqlite3_stmt *statement = NULL;
    int rc = pythia_store_prepare(store, &statement, sql, error);
    if (rc) return rc;
    sqlite3_bind_int64(statement, 1, id);
    if (!rc) rc = run(store, statement, table, error);
    sqlite3_finalize(statement);
    return rc;
}

/* The same with a text to be written. */
static int set_text(PythiaStore *store, const char *sql, const char *table, int64_t id,
                    PythiaText text, char **error) {
    sqlite3_stmt *statement = NULL;
    int rc = pythia_store_prepare(store, &statement, sql, error);
    if (rc) return rc;
    sqlite3_bind_int64(statement, 1, id);
    bind_text(statement, 2, text, &rc);
    if (!rc) rc = run(store, statement, table, error);
    sqlite3_finalize(statement);
    return rc;
}

/* ------------------------------------------------------------------ rules */

void pythia_rule_rows_clear(PythiaRuleRows *list) {
    pythia_free(list->rows);
    pythia_arena_clear(&list->arena);
    memset(list, 0, sizeof *list);
}

static int rule_read(PythiaRuleRow *row, PythiaArena *arena, sqlite3_stmt *s) {
    int rc = SQLITE_OK;
    row->id = sqlite3_column_int64(s, 0);
    row->tracepoint = column_text(arena, s, 1, &rc);
    row->request_type = column_text(arena, s, 2, &rc);
    row->enabled = sqlite3_column_int(s, 3) != 0;
    row->sample = sqlite3_column_double(s, 4);
    row->predicate = column_text(arena, s, 5, &rc);
    row->aggregate = column_text(arena, s, 6, &rc);
    row->group_by = column_text(arena, s, 7, &rc);
    row->window_ms = sqlite3_column_int64(s, 8);
    row->expires_ns = sqlite3_column_int64(s, 9);
    row->reason = column_text(arena, s, 10, &rc);
    row->created_ns = sqlite3_column_int64(s, 11);
    return rc;
}

int pythia_store_rules(PythiaStore *store, PythiaRuleRows *list, char **error) {
    sqlite3_stmt *s = NULL;
    pythia_rule_rows_clear(list);
    int rc = pythia_store_prepare(store, &s,
                                  "SELECT id, tracepoint, request_type, enabled, sample, predicate,"
                                  " aggregate, group_by, window_ms, expires_ns, reason, created_ns"
                                  " FROM \"%w\".pythia_xrule ORDER BY id",
                                  error);
    if (rc) return rc;
    while (!rc && sqlite3_step(s) == SQLITE_ROW) {
        rc = pythia_grow((void **)&list->rows, &list->capacity, list->n + 1, sizeof *list->rows);
        if (!rc) rc = rule_read(&list->rows[list->n++], &list->arena, s);
    }
    if (!rc) rc = fail(store, sqlite3_reset(s), "xrule", error);
    sqlite3_finalize(s);
    return rc;
}

int pythia_store_rule_put(PythiaStore *store, PythiaRuleRow *row, char **error) {
    sqlite3_stmt *s = NULL;
    int rc = pythia_store_prepare(store, &s,
                                  "INSERT OR REPLACE INTO \"%w\".pythia_xrule(id, tracepoint,"
                                  " request_type, enabled, sample, predicate, aggregate, group_by,"
                                  " window_ms, expires_ns, reason, created_ns)"
                                  " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)",
                                  error);
    if (rc) return rc;
    bind_nonzero(s, 1, row->id);
    bind_text(s, 2, row->tracepoint, &rc);
    bind_text(s, 3, row->request_type, &rc);
    sqlite3_bind_int(s, 4, row->enabled);
    if (row->sample > 0) sqlite3_bind_double(s, 5, row->sample);
    bind_text(s, 6, row->predicate, &rc);
    bind_text(s, 7, row->aggregate, &rc);
    bind_text(s, 8, row->group_by, &rc);
    bind_nonzero(s, 9, row->window_ms);
    bind_nonzero(s, 10, row->expires_ns);
    bind_text(s, 11, row->reason, &rc);
    sqlite3_bind_int64(s, 12, row->created_ns);
    if (!rc) rc = run(store, s, "xrule", error);
    sqlite3_finalize(s);
    if (!rc && !row->id) row->id = sqlite3_last_insert_rowid(pythia_store_db(store));
    return rc;
}

int pythia_store_rule_delete(PythiaStore *store, int64_t id, char **error) {
    return run_by_id(store, "DELETE FROM \"%w\".pythia_xrule WHERE id = ?1", "xrule", id, error);
}

/* ------------------------------------------------------------------ back ends */

void pythia_backend_rows_clear(PythiaBackendRows *list) {
    pythia_free(list->rows);
    pythia_arena_clear(&list->arena);
    memset(list, 0, sizeof *list);
}

int pythia_store_backends(PythiaStore *store, PythiaBackendRows *list, char **error) {
    sqlite3_stmt *s = NULL;
    pythia_backend_rows_clear(list);
    int rc = pythia_store_prepare(store, &s,
                                  "SELECT id, name, kind, target, last_error"
                                  " FROM \"%w\".pythia_xbackend ORDER BY id",
                                  error);
    if (rc) return rc;
    while (!rc && sqlite3_step(s) == SQLITE_ROW) {
        rc = pythia_grow((void **)&list->rows, &list->capacity, list->n + 1, sizeof *list->rows);
        if (rc) break;
        PythiaBackendRow *row = &list->rows[list->n++];
        row->id = sqlite3_column_int64(s, 0);
        row->name = column_text(&list->arena, s, 1, &rc);
        row->kind = column_text(&list->arena, s, 2, &rc);
        row->target = column_text(&list->arena, s, 3, &rc);
        row->last_error = column_text(&list->arena, s, 4, &rc);
    }
    if (!rc) rc = fail(store, sqlite3_reset(s), "xbackend", error);
    sqlite3_finalize(s);
    return rc;
}

int pythia_store_backend_put(PythiaStore *store, PythiaBackendRow *row, char **error) {
    sqlite3_stmt *s = NULL;
    int rc =
        pythia_store_prepare(store, &s,
                             row->id ? "UPDATE \"%w\".pythia_xbackend SET name = ?2, kind = ?3,"
                                       " target = ?4, last_error = ?5 WHERE id = ?1"
                                     : "INSERT INTO \"%w\".pythia_xbackend(id, name, kind, target,"
                                       " last_error) VALUES(?1,?2,?3,?4,?5)",
                             error);
    if (rc) return rc;
    bind_nonzero(s, 1, row->id);
    bind_text(s, 2, row->name, &rc);
    bind_text(s, 3, row->kind, &rc);
    bind_text(s, 4, row->target, &rc);
    bind_text(s, 5, row->last_error, &rc);
    if (!rc) rc = run(store, s, "xbackend", error);
    sqlite3_finalize(s);
    if (!rc && !row->id) row->id = sqlite3_last_insert_rowid(pythia_store_db(store));
    return rc;
}

int pythia_store_backend_error(PythiaStore *store, int64_t id, PythiaText message, char **error) {
    return set_text(store, "UPDATE \"%w\".pythia_xbackend SET last_error = ?2 WHERE id = ?1",
                    "xbackend", id, message, error);
}

int pythia_store_backend_delete(PythiaStore *store, int64_t id, char **error) {
    int rc = pythia_store_told_forget(store, id, error);
    if (rc) return rc;
    return run_by_id(store, "DELETE FROM \"%w\".pythia_xbackend WHERE id = ?1", "xbackend", id,
                     error);
}

/* ------------------------------------------------------------------ what was told */

void pythia_told_rows_clear(PythiaToldRows *list) {
    pythia_free(list->rows);
    pythia_arena_clear(&list->arena);
    memset(list, 0, sizeof *list);
}

int pythia_store_told(PythiaStore *store, PythiaToldRows *list, char **error) {
    sqlite3_stmt *s = NULL;
    pythia_told_rows_clear(list);
    int rc = pythia_store_prepare(store, &s,
                                  "SELECT backend, tracepoint, request_type, enabled, parameters,"
                                  " rule_id FROM \"%w\".pythia_xstate"
                                  " ORDER BY backend, tracepoint, request_type",
                                  error);
    if (rc) return rc;
    while (!rc && sqlite3_step(s) == SQLITE_ROW) {
        rc = pythia_grow((void **)&list->rows, &list->capacity, list->n + 1, sizeof *list->rows);
        if (rc) break;
        PythiaToldRow *row = &list->rows[list->n++];
        row->backend = sqlite3_column_int64(s, 0);
        row->tracepoint = column_text(&list->arena, s, 1, &rc);
        row->request_type = column_text(&list->arena, s, 2, &rc);
        row->enabled = sqlite3_column_int(s, 3) != 0;
        row->parameters = column_text(&list->arena, s, 4, &rc);
        row->rule_id = sqlite3_column_int64(s, 5);
    }
    if (!rc) rc = fail(store, sqlite3_reset(s), "xstate", error);
    sqlite3_finalize(s);
    return rc;
}

static void told_bind_key(sqlite3_stmt *s, const PythiaToldRow *row, int *rc) {
    sqlite3_bind_int64(s, 1, row->backend);
    bind_text(s, 2, row->tracepoint, rc);
    bind_text(s, 3, row->request_type.p ? row->request_type : PYTHIA_TEXT(""), rc);
}

int pythia_store_told_put(PythiaStore *store, const PythiaToldRow *rows, size_t n, char **error) {
    sqlite3_stmt *put = NULL, *drop = NULL;
    int rc = pythia_store_prepare(store, &put,
                                  "INSERT OR REPLACE INTO \"%w\".pythia_xstate(backend, tracepoint,"
                                  " request_type, enabled, parameters, rule_id)"
                                  " VALUES(?1,?2,?3,?4,?5,?6)",
                                  error);
    if (!rc)
        rc = pythia_store_prepare(store, &drop,
                                  "DELETE FROM \"%w\".pythia_xstate WHERE backend = ?1"
                                  " AND tracepoint = ?2 AND request_type = ?3",
                                  error);
    for (size_t i = 0; i < n && !rc; i++) {
        sqlite3_stmt *s = rows[i].enabled < 0 ? drop : put;
        told_bind_key(s, &rows[i], &rc);
        if (s == put) {
            sqlite3_bind_int(s, 4, rows[i].enabled);
            bind_text(s, 5, rows[i].parameters, &rc);
            bind_nonzero(s, 6, rows[i].rule_id);
        }
        if (!rc) rc = run(store, s, "xstate", error);
    }
    sqlite3_finalize(put);
    sqlite3_finalize(drop);
    return rc;
}

int pythia_store_told_forget(PythiaStore *store, int64_t backend, char **error) {
    return run_by_id(store, "DELETE FROM \"%w\".pythia_xstate WHERE backend = ?1", "xstate",
                     backend, error);
}

/* ------------------------------------------------------------------ journal */

void pythia_log_rows_clear(PythiaLogRows *list) {
    pythia_free(list->rows);
    pythia_arena_clear(&list->arena);
    memset(list, 0, sizeof *list);
}

static int log_read(PythiaLogRow *row, PythiaArena *arena, sqlite3_stmt *s) {
    int rc = SQLITE_OK;
    row->id = sqlite3_column_int64(s, 0);
    row->at_ns = sqlite3_column_int64(s, 1);
    row->rule_id = sqlite3_column_int64(s, 2);
    row->tracepoint = column_text(arena, s, 3, &rc);
    row->request_type = column_text(arena, s, 4, &rc);
    row->before = sqlite3_column_type(s, 5) == SQLITE_NULL ? -1 : sqlite3_column_int(s, 5) != 0;
    row->after = sqlite3_column_int(s, 6) != 0;
    row->source = column_text(arena, s, 7, &rc);
    row->backend = column_text(arena, s, 8, &rc);
    row->result = column_text(arena, s, 9, &rc);
    return rc;
}

int pythia_store_log(PythiaStore *store, PythiaLogRows *list, char **error) {
    sqlite3_stmt *s = NULL;
    pythia_log_rows_clear(list);
    int rc = pythia_store_prepare(store, &s,
                                  "SELECT id, at_ns, rule_id, tracepoint, request_type, old, new,"
                                  " source, backend, result FROM \"%w\".pythia_xlog ORDER BY id",
                                  error);
    if (rc) return rc;
    while (!rc && sqlite3_step(s) == SQLITE_ROW) {
        rc = pythia_grow((void **)&list->rows, &list->capacity, list->n + 1, sizeof *list->rows);
        if (!rc) rc = log_read(&list->rows[list->n++], &list->arena, s);
    }
    if (!rc) rc = fail(store, sqlite3_reset(s), "xlog", error);
    sqlite3_finalize(s);
    return rc;
}

int pythia_store_log_append(PythiaStore *store, PythiaLogRow *rows, size_t n, char **error) {
    sqlite3_stmt *s = NULL;
    int rc = pythia_store_prepare(store, &s,
                                  "INSERT INTO \"%w\".pythia_xlog(at_ns, rule_id, tracepoint,"
                                  " request_type, old, new, source, backend, result)"
                                  " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)",
                                  error);
    for (size_t i = 0; i < n && !rc; i++) {
        PythiaLogRow *row = &rows[i];
        sqlite3_bind_int64(s, 1, row->at_ns);
        bind_nonzero(s, 2, row->rule_id);
        bind_text(s, 3, row->tracepoint, &rc);
        bind_text(s, 4, row->request_type, &rc);
        if (row->before < 0)
            sqlite3_bind_null(s, 5);
        else
            sqlite3_bind_int(s, 5, row->before);
        sqlite3_bind_int(s, 6, row->after);
        bind_text(s, 7, row->source, &rc);
        bind_text(s, 8, row->backend, &rc);
        bind_text(s, 9, row->result, &rc);
        if (!rc) rc = run(store, s, "xlog", error);
        if (!rc) row->id = sqlite3_last_insert_rowid(pythia_store_db(store));
    }
    sqlite3_finalize(s);
    return rc;
}

int pythia_store_log_result(PythiaStore *store, int64_t id, PythiaText result, char **error) {
    return set_text(store, "UPDATE \"%w\".pythia_xlog SET result = ?2 WHERE id = ?1", "xlog", id,
                    result, error);
}

int pythia_store_log_delete(PythiaStore *store, int64_t id, char **error) {
    return run_by_id(store, "DELETE FROM \"%w\".pythia_xlog WHERE id = ?1", "xlog", id, error);
}
