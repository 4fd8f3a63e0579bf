/* expectations.c - pythia_expectations: what is expected of groups, where the settings are not enough.
**
** A row says: of the request types that match `request_type` (PCRE2, found anywhere in the name; NULL: all), in
** groups by `grouping` (NULL: as set, and the type as a whole), `metric` shall not exceed `threshold`; the time on
** edges that match `ignore_edge` is left out. metric NULL: the rule of the settings, with threshold for
** cov_threshold. See ext/capture/expectations.h. Nothing is derived of these rows: they are read when a group is
** judged. */
#include "ext/capture/expectations.h"
#include "vtab/stored.h"
#include "vtab/tables.h"

enum { COL_TYPE, COL_GROUPING, COL_METRIC, COL_THRESHOLD, COL_IGNORE, COL_N };

static int expectations_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    (void)bounds;
    (void)n;
    return pythia_stored_fill(cursor,
                              "SELECT id, request_type, grouping, metric, threshold, ignore_edge"
                              " FROM \"%w\".pythia_xexpect ORDER BY id");
}

static int expectations_check(PythiaVtab *vtab, sqlite3_value **values) {
    PythiaExpectation e = {0};
    PythiaExpectationText text = {
        pythia_value_text(values[COL_TYPE]), pythia_value_text(values[COL_GROUPING]),
        pythia_value_text(values[COL_METRIC]), pythia_value_text(values[COL_THRESHOLD]),
        pythia_value_text(values[COL_IGNORE])};
    int rc = pythia_expectation_read(&e, &text, &vtab->base.zErrMsg);
    pythia_expectation_clear(&e);
    return rc;
}

static int expectations_update(PythiaVtab *vtab, const char *schema, int change,
                               sqlite3_value **values, sqlite3_int64 *rowid) {
    static const char *const insert =
        "INSERT INTO \"%w\".pythia_xexpect(id, request_type, grouping, metric, threshold,"
        " ignore_edge) VALUES(?1, ?2, ?3, ?4, ?5, ?6)";
    static const char *const update =
        "UPDATE \"%w\".pythia_xexpect SET request_type = ?2, grouping = ?3, metric = ?4,"
        " threshold = ?5, ignore_edge = ?6 WHERE id = ?1";
    static const char *const remove = "DELETE FROM \"%w\".pythia_xexpect WHERE id = ?1";
    int rc = change == SQLITE_DELETE ? SQLITE_OK : expectations_check(vtab, values);
    if (rc) return rc;
    return pythia_stored_write(vtab, schema,
                               change == SQLITE_INSERT   ? insert
                               : change == SQLITE_UPDATE ? update
                                                         : remove,
                               change, values, change == SQLITE_DELETE ? 0 : COL_N, rowid);
}

const PythiaTable pythia_table_expectations = {
    .name = "pythia_expectations",
    .columns = "request_type TEXT, grouping TEXT, metric TEXT, threshold REAL, ignore_edge TEXT",
    .nvisible = COL_N,
    .rows = 10,
    .fill = expectations_fill,
    .update = expectations_update,
};
