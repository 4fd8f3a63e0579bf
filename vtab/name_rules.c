/* name_rules.c - pythia_name_rules: how the variable parts of names are folded before a name becomes a trace
** point.
**
** Each rule replaces all matches of `pattern` (PCRE2) in the operation by `replacement` ($1 stands for a group),
** in order of the rows; applies_to is a GLOB over services, NULL for all. A new store starts with rules for SQL,
** URLs and ids, which may be changed and deleted like any other. A name that was folded is kept as the span's
** attribute raw_name. A change rewrites all traces that are stored. */
#include "vtab/stored.h"
#include "vtab/tables.h"

enum { COL_PATTERN, COL_REPLACEMENT, COL_APPLIES_TO, COL_N };

static int rules_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    (void)bounds;
    (void)n;
    return pythia_stored_fill(cursor, "SELECT id, pattern, replacement, applies_to"
                                      " FROM \"%w\".pythia_xrename ORDER BY priority DESC, id");
}

static int rules_update(PythiaVtab *vtab, const char *schema, int change, sqlite3_value **values,
                        sqlite3_int64 *rowid) {
    static const char *const insert =
        "INSERT INTO \"%w\".pythia_xrename(id, pattern, replacement, applies_to, priority)"
        " VALUES(?1, ?2, coalesce(?3, ''), ?4, 0)";
    static const char *const update =
        "UPDATE \"%w\".pythia_xrename SET pattern = ?2,"
        " replacement = coalesce(?3, ''), applies_to = ?4 WHERE id = ?1";
    static const char *const remove = "DELETE FROM \"%w\".pythia_xrename WHERE id = ?1";
    if (change != SQLITE_DELETE) {
        PythiaText pattern = pythia_value_text(values[COL_PATTERN]);
        if (!pattern.n)
            return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT,
                                    "pythia_name_rules: pattern must not be empty");
        int rc = pythia_stored_pattern(vtab, pattern);
        if (rc) return rc;
    }
    return pythia_stored_change(vtab, schema,
                                change == SQLITE_INSERT   ? insert
                                : change == SQLITE_UPDATE ? update
                                                          : remove,
                                change, values, change == SQLITE_DELETE ? 0 : COL_N, 1, rowid);
}

const PythiaTable pythia_table_name_rules = {
    .name = "pythia_name_rules",
    .columns = "pattern TEXT, replacement TEXT, applies_to TEXT",
    .nvisible = COL_N,
    .rows = 10,
    .fill = rules_fill,
    .update = rules_update,
    .sync = pythia_stored_sync,
};
