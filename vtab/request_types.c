/* request_types.c - pythia_request_types: rules that say what a request is.
**
** A row names the type of every trace that has a trace point matching `pattern` (PCRE2, found anywhere in
** service/operation). The highest priority wins, then the older row. request_end, where not NULL, is `root`
** or `last` and overrides the setting for this type. A trace that no rule matches has the type of its root's
** trace point. */
#include "vtab/stored.h"
#include "vtab/tables.h"

enum { COL_PATTERN, COL_TYPE, COL_PRIORITY, COL_END, COL_N };

static int types_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    (void)bounds;
    (void)n;
    return pythia_stored_fill(cursor, "SELECT id, pattern, request_type, priority, request_end"
                                      " FROM \"%w\".pythia_xtype ORDER BY priority DESC, id");
}

static int types_check(PythiaVtab *vtab, sqlite3_value **values) {
    PythiaText pattern = pythia_value_text(values[COL_PATTERN]);
    PythiaText type = pythia_value_text(values[COL_TYPE]);
    PythiaText end = pythia_value_text(values[COL_END]);
    if (!pattern.n || !type.n)
        return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT,
                                "pythia_request_types: pattern and request_type must not be empty");
    if (end.p && !pythia_text_equal(end, PYTHIA_TEXT("root")) &&
        !pythia_text_equal(end, PYTHIA_TEXT("last")))
        return pythia_vtab_fail(
            vtab, SQLITE_CONSTRAINT,
            "pythia_request_types: request_end must be root, last or NULL, got '%s'",
            sqlite3_value_text(values[COL_END]));
    return pythia_stored_pattern(vtab, pattern);
}

static int types_update(PythiaVtab *vtab, const char *schema, int change, sqlite3_value **values,
                        sqlite3_int64 *rowid) {
    static const char *const insert =
        "INSERT INTO \"%w\".pythia_xtype(id, pattern, request_type, priority, request_end)"
        " VALUES(?1, ?2, ?3, coalesce(?4, 0), ?5)";
    static const char *const update = "UPDATE \"%w\".pythia_xtype SET pattern = ?2, request_type = "
                                      "?3, priority = coalesce(?4, 0),"
                                      " request_end = ?5 WHERE id = ?1";
    static const char *const remove = "DELETE FROM \"%w\".pythia_xtype WHERE id = ?1";
    int rc = change == SQLITE_DELETE ? SQLITE_OK : types_check(vtab, values);
    if (rc) return rc;
    return pythia_stored_change(vtab, schema,
                                change == SQLITE_INSERT   ? insert
                                : change == SQLITE_UPDATE ? update
                                                          : remove,
                                change, values, change == SQLITE_DELETE ? 0 : COL_N, 0, rowid);
}

const PythiaTable pythia_table_request_types = {
    .name = "pythia_request_types",
    .columns = "pattern TEXT, request_type TEXT, priority INTEGER, request_end TEXT",
    .nvisible = COL_N,
    .rows = 10,
    .fill = types_fill,
    .update = types_update,
    .sync = pythia_stored_sync,
};
