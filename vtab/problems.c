/* problems.c - pythia_problems: what was wrong, in order.
**
** Records that could not be used have a file and a position in it (a line, or a byte offset where the input has
** no lines); repairs of traces have neither. */
#include "vtab/stored.h"
#include "vtab/tables.h"

static int problems_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    (void)bounds;
    (void)n;
    return pythia_stored_fill(cursor, "SELECT id, kind, trace_id, span_id, file, position, detail"
                                      " FROM \"%w\".pythia_xproblem ORDER BY id");
}

const PythiaTable pythia_table_problems = {
    .name = "pythia_problems",
    .columns = "kind TEXT, trace_id TEXT, span_id TEXT, file TEXT, position INTEGER, detail TEXT",
    .nvisible = 6,
    .rows = 100,
    .fill = problems_fill,
};
