/* decisions.c - pythia_decisions: what the loop decided, and why; one row per decision, never changed.
**
** action: enable, disable, retire (a trace point that the loop switched on, off again), localized, wait (nothing was
** decided; reason says why). at_ns is the time that pythia_step() was given. */
#include "vtab/stored.h"
#include "vtab/tables.h"

static int decisions_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    (void)bounds;
    (void)n;
    return pythia_stored_fill(cursor, "SELECT id, cycle, at_ns, action, request_type, group_id,"
                                      " source, destination, tracepoint, strategy, reason"
                                      " FROM \"%w\".pythia_xdecision ORDER BY id");
}

const PythiaTable pythia_table_decisions = {
    .name = "pythia_decisions",
    .columns = "cycle INTEGER, at_ns INTEGER, action TEXT, request_type TEXT, group_id TEXT,"
               " source TEXT, destination TEXT, tracepoint TEXT, strategy TEXT, reason TEXT",
    .nvisible = 10,
    .rows = 100,
    .fill = decisions_fill,
};
