/* strategies.c - pythia_strategies: how the loop chooses the next trace points.
**
** A row is a name and a SELECT that gives trace points in order of preference; ext/loop/strategy.c says what it may
** do. Those that come with Pythia are always there: an UPDATE puts the user's text in place of one, DELETE brings it
** back. Text that cannot be a strategy is refused at the write. */
#include "ext/loop/loop.h"
#include "vtab/stored.h"
#include "vtab/tables.h"

enum { COL_NAME, COL_SQL, COL_SHIPPED, COL_N };
enum { USER_ROWS = 1000 }; /* rowids of the user's own begin behind this */

static int put_shipped(PythiaCursor *cursor, int index, const char *name) {
    char *sql = NULL;
    int rc = pythia_strategy_sql(cursor->capture, name, &sql, &cursor->vtab->base.zErrMsg);
    if (rc) return rc;
    pythia_rows_str(&cursor->rows, name);
    pythia_rows_str(&cursor->rows, sql);
    pythia_rows_int(&cursor->rows, 1);
    pythia_rows_end_id(&cursor->rows, index + 1);
    sqlite3_free(sql);
    return cursor->rows.rc;
}

static int is_shipped(PythiaText name) {
    const char *shipped, *sql;
    for (int i = 0; (shipped = pythia_strategy_shipped(i, &sql)) != NULL; i++)
        if (pythia_text_equal(pythia_text(shipped), name)) return i + 1;
    return 0;
}

static int strategies_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    const char *name, *text;
    sqlite3_stmt *s = NULL;
    (void)bounds;
    (void)n;
    int rc = SQLITE_OK;
    for (int i = 0; !rc && (name = pythia_strategy_shipped(i, &text)) != NULL; i++)
        rc = put_shipped(cursor, i, name);
    if (rc || !cursor->capture) return rc;
    rc = pythia_store_prepare(pythia_capture_store(cursor->capture), &s,
                              "SELECT id, name, sql FROM \"%w\".pythia_xstrategy ORDER BY id",
                              &cursor->vtab->base.zErrMsg);
    while (!rc && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        rc = SQLITE_OK;
        if (is_shipped(pythia_text((const char *)sqlite3_column_text(s, 1)))) continue;
        pythia_rows_column(&cursor->rows, s, 1);
        pythia_rows_column(&cursor->rows, s, 2);
        pythia_rows_int(&cursor->rows, 0);
        pythia_rows_end_id(&cursor->rows, USER_ROWS + sqlite3_column_int64(s, 0));
        rc = cursor->rows.rc;
    }
    int last = sqlite3_finalize(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc ? rc : last;
}

static int check(PythiaVtab *vtab, sqlite3_value **values) {
    const char *name = (const char *)sqlite3_value_text(values[COL_NAME]);
    const char *sql = (const char *)sqlite3_value_text(values[COL_SQL]);
    if (!name || !*name || !sql)
        return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT,
                                "pythia_strategies: name and sql must be given");
    return pythia_strategy_check(vtab->host->loop, name, sql, &vtab->base.zErrMsg);
}

static int shipped_restore(PythiaVtab *vtab, const char *schema, const char *name) {
    PythiaCapture *capture;
    sqlite3_stmt *s = NULL;
    char **error = &vtab->base.zErrMsg;
    int rc = pythia_session_capture(vtab->host->session, schema, 0, &capture, error);
    if (rc || !capture) return rc;
    rc = pythia_store_prepare(pythia_capture_store(capture), &s,
                              "DELETE FROM \"%w\".pythia_xstrategy WHERE name = ?1", error);
    if (rc) return rc;
    sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    sqlite3_step(s);
    return sqlite3_finalize(s);
}

/* The text of a shipped strategy is kept under its name, and goes when it is deleted. */
static int shipped_update(PythiaVtab *vtab, const char *schema, int change, sqlite3_value **values,
                          sqlite3_int64 rowid) {
    const char *sql, *name = pythia_strategy_shipped((int)rowid - 1, &sql);
    if (!name) return SQLITE_OK;
    if (change == SQLITE_UPDATE &&
        !pythia_text_equal(pythia_value_text(values[COL_NAME]), pythia_text(name)))
        return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT,
                                "pythia_strategies: %s comes with Pythia and cannot be renamed",
                                name);
    if (change == SQLITE_DELETE) return shipped_restore(vtab, schema, name);
    return pythia_stored_write(vtab, schema,
                               "INSERT OR REPLACE INTO \"%w\".pythia_xstrategy(name, sql)"
                               " VALUES(?2, ?3)",
                               SQLITE_INSERT, values, 2, &rowid);
}

static int strategies_update(PythiaVtab *vtab, const char *schema, int change,
                             sqlite3_value **values, sqlite3_int64 *rowid) {
    int rc = change == SQLITE_DELETE ? SQLITE_OK : check(vtab, values);
    if (rc) return rc;
    if (change != SQLITE_INSERT && *rowid <= USER_ROWS)
        return shipped_update(vtab, schema, change, values, *rowid);
    if (change != SQLITE_DELETE && is_shipped(pythia_value_text(values[COL_NAME])))
        return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT,
                                "pythia_strategies: %s comes with Pythia: UPDATE its sql instead",
                                sqlite3_value_text(values[COL_NAME]));
    *rowid -= change == SQLITE_INSERT ? 0 : USER_ROWS;
    rc = pythia_stored_write(
        vtab, schema,
        change == SQLITE_INSERT
            ? "INSERT INTO \"%w\".pythia_xstrategy(id, name, sql) VALUES(?1, ?2, ?3)"
        : change == SQLITE_UPDATE
            ? "UPDATE \"%w\".pythia_xstrategy SET name = ?2, sql = ?3 WHERE id = ?1"
            : "DELETE FROM \"%w\".pythia_xstrategy WHERE id = ?1",
        change, values, change == SQLITE_DELETE ? 0 : 2, rowid);
    if (!rc && change == SQLITE_INSERT) *rowid += USER_ROWS;
    return rc;
}

const PythiaTable pythia_table_strategies = {
    .name = "pythia_strategies",
    .columns = "name TEXT, sql TEXT, shipped INTEGER",
    .nvisible = COL_N,
    .rows = 8,
    .fill = strategies_fill,
    .update = strategies_update,
    .read_only = (uint64_t)1 << COL_SHIPPED,
};
