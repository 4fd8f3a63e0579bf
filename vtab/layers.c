/* layers.c - pythia_layers: which layer of the system a trace point belongs to.
**
** The first row, in order of rowid, whose pattern (PCRE2) is found in a trace point's name gives its layer; where
** there is none it is "application". */
#include "vtab/stored.h"
#include "vtab/tables.h"

enum { COL_PATTERN, COL_LAYER, COL_N };

static int layers_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    (void)bounds;
    (void)n;
    return pythia_stored_fill(cursor,
                              "SELECT id, pattern, layer FROM \"%w\".pythia_xlayer ORDER BY id");
}

static int layers_update(PythiaVtab *vtab, const char *schema, int change, sqlite3_value **values,
                         sqlite3_int64 *rowid) {
    if (change != SQLITE_DELETE) {
        PythiaText pattern = pythia_value_text(values[COL_PATTERN]);
        if (!pattern.n || !pythia_value_text(values[COL_LAYER]).n)
            return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT,
                                    "pythia_layers: pattern and layer must not be empty");
        int rc = pythia_stored_pattern(vtab, pattern);
        if (rc) return rc;
    }
    return pythia_stored_write(
        vtab, schema,
        change == SQLITE_INSERT
            ? "INSERT INTO \"%w\".pythia_xlayer(id, pattern, layer) VALUES(?1, ?2, ?3)"
        : change == SQLITE_UPDATE
            ? "UPDATE \"%w\".pythia_xlayer SET pattern = ?2, layer = ?3 WHERE id = ?1"
            : "DELETE FROM \"%w\".pythia_xlayer WHERE id = ?1",
        change, values, change == SQLITE_DELETE ? 0 : COL_N, rowid);
}

const PythiaTable pythia_table_layers = {
    .name = "pythia_layers",
    .columns = "pattern TEXT, layer TEXT",
    .nvisible = COL_N,
    .rows = 5,
    .fill = layers_fill,
    .update = layers_update,
};
