/* imports.c - pythia_imports: one row for each file that was read, in order.
**
** spans and events count what the file held, rejected the records of it that became problems, skipped the
** parts that are no traces. One call of pythia_import() may read several files, and a trace may be spread over
** them: traces (new ones) and duplicates (spans that were there already) are counted for the call, and stand in
** the row of its last file. position is how far a file was read that is followed, else NULL. */
#include "vtab/stored.h"
#include "vtab/tables.h"

static int imports_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    (void)bounds;
    (void)n;
    return pythia_stored_fill(
        cursor, "SELECT id, id, file, format, bytes, traces, spans, events, rejected, skipped,"
                " duplicates, seconds, at_ns, position FROM \"%w\".pythia_ximport ORDER BY id");
}

const PythiaTable pythia_table_imports = {
    .name = "pythia_imports",
    .columns =
        "import_id INTEGER, file TEXT, format TEXT, bytes INTEGER, traces INTEGER, spans INTEGER,"
        " events INTEGER, rejected INTEGER, skipped INTEGER, duplicates INTEGER, seconds REAL,"
        " at_ns INTEGER, position INTEGER",
    .nvisible = 13,
    .rows = 10,
    .fill = imports_fill,
};
