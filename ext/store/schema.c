/* schema.c - the shadow tables: what they are, making and dropping them. See schema.h and store.h.
**
** Layout, version 1:
**   xconfig   settings and counters. Settings are text, counters integers.
**   xsegment  one segment of traces with the numbers that prune: the range of its raw span times and
**             its counts. `dead` is a bitmap of deleted traces (bit i of byte i / 8), NULL: none.
**   xblock    one block of a segment (block.h); id = segment << 16 | slot (segment.h).
**   xdict     the strings that traces refer to by number. ticks: for services, the exponent of the
**             resolution of their stamps.
**   xpoint    trace points; service, operation and point are ids of xdict, point 0 for spans.
**   xtrace    where a trace lies, by a 63-bit hash of its id. Collisions are allowed: the segment has
**             the id itself.
**   xgroup, xedge                    moments of groups, opaque here.
**   ximport, xproblem                what was taken in, and what was not; problems without a file are what was
**                                    mended of a trace, with an index. position, place: of files that are
**                                    followed, how far they were read and how they are known again.
**   xtype, xrename                   rules for request types and for names.
**   xexpect                          what is expected of groups.
**   xrule, xlog, xbackend, xstate    trace point control.
**   xspace, xpath                    the search space: its nodes, and critical paths over them.
**   xlayer, xstrategy                rules for layers, strategies of the user's.
**   xdecision, xloop                 what the loop decided, and the rules of pythia_control that are its
**                                    own: enabled 1, for which request type and group it switched a trace
**                                    point on, in which cycle, and for how many cycles it has not helped
**                                    since; 0: it switched it off.
**   xlive     what sources of live records remember: how far they were read.
**   xaggregate  what threads of programs have added up (ext/collect/aggregates.h): id is the serial of the
**             cell; rule_id has in its upper bits what the rule said (pythia_reduction_rule()); sum and
**             squares are of the differences from shift; buckets as in a cell, 4 bytes each. */
#include "ext/store/schema.h"

#include <string.h>

#include "ext/store/store.h"

static const PythiaShadow shadows[] = {
    {"xconfig", "k TEXT PRIMARY KEY, v) WITHOUT ROWID", 0},
    {"xsegment",
     "id INTEGER PRIMARY KEY, first_ns INT, last_ns INT, traces INT, spans INT, points INT, "
     "links INT, live INT, dead BLOB)",
     1},
    {"xblock", "id INTEGER PRIMARY KEY, data BLOB)", 1},
    {"xdict", "id INTEGER PRIMARY KEY, text TEXT, ticks INT)", 1},
    {"xpoint", "id INTEGER PRIMARY KEY, service INT, operation INT, point INT)", 1},
    {"xtrace",
     "hash INT, segment INT, ordinal INT, PRIMARY KEY(hash, segment, ordinal)) WITHOUT ROWID", 1},
    {"xgroup", "id INTEGER PRIMARY KEY, head BLOB)", 1},
    {"xedge", "id INTEGER PRIMARY KEY, rest BLOB)", 1},
    {"ximport",
     "id INTEGER PRIMARY KEY, file TEXT, format TEXT, bytes INT, traces INT, spans INT, "
     "events INT, rejected INT, skipped INT, duplicates INT, seconds REAL, at_ns INT, position "
     "INT, place TEXT)",
     1},
    {"xproblem",
     "id INTEGER PRIMARY KEY, kind TEXT, trace_id TEXT, span_id TEXT, file TEXT, position INT, "
     "detail TEXT)",
     1},
    {"xtype",
     "id INTEGER PRIMARY KEY, pattern TEXT, request_type TEXT, priority INT, request_end TEXT)", 0},
    {"xrename",
     "id INTEGER PRIMARY KEY, pattern TEXT, replacement TEXT, applies_to TEXT, priority INT)", 0},
    {"xexpect",
     "id INTEGER PRIMARY KEY, request_type TEXT, grouping TEXT, metric TEXT, threshold REAL, "
     "ignore_edge TEXT)",
     0},
    {"xrule",
     "id INTEGER PRIMARY KEY, tracepoint TEXT, request_type TEXT, enabled INT, sample REAL, "
     "predicate TEXT, aggregate TEXT, group_by TEXT, window_ms INT, expires_ns INT, reason TEXT, "
     "created_ns INT)",
     0},
    {"xlog",
     "id INTEGER PRIMARY KEY, at_ns INT, rule_id INT, tracepoint TEXT, request_type TEXT, "
     "old INT, new INT, source TEXT, backend TEXT, result TEXT)",
     0},
    {"xbackend",
     "id INTEGER PRIMARY KEY, name TEXT UNIQUE, kind TEXT, target TEXT, last_error TEXT)", 0},
    {"xstate",
     "backend INT, tracepoint TEXT, request_type TEXT, enabled INT, parameters TEXT, rule_id INT, "
     "PRIMARY KEY(backend, tracepoint, request_type)) WITHOUT ROWID",
     0},
    {"xspace",
     "id INTEGER PRIMARY KEY, parent INT, request_type TEXT, tracepoint TEXT, single INT, "
     "skeleton INT, count INT, traces INT, on_path INT)",
     0},
    {"xpath", "id INTEGER PRIMARY KEY, request_type TEXT, count INT, steps BLOB)", 0},
    {"xlayer", "id INTEGER PRIMARY KEY, pattern TEXT, layer TEXT)", 0},
    {"xstrategy", "id INTEGER PRIMARY KEY, name TEXT UNIQUE, sql TEXT)", 0},
    {"xdecision",
     "id INTEGER PRIMARY KEY, cycle INT, at_ns INT, action TEXT, request_type TEXT, group_id TEXT, "
     "source TEXT, destination TEXT, tracepoint TEXT, strategy TEXT, reason TEXT)",
     0},
    {"xloop",
     "rule_id INTEGER PRIMARY KEY, tracepoint TEXT, request_type TEXT, group_id TEXT, enabled INT, "
     "cycle INT, at_ns INT, idle INT)",
     0},
    {"xlive", "source TEXT PRIMARY KEY, mark BLOB) WITHOUT ROWID", 0},
    {"xaggregate",
     "id INTEGER PRIMARY KEY, rule_id INT, tracepoint TEXT, request_type TEXT, aggregate INT, key, "
     "window_start INT, window_ns INT, n INT, missing INT, first_ns INT, last_ns INT, shift REAL, "
     "sum REAL, squares REAL, low REAL, high REAL, buckets BLOB)",
     1},
};

enum { SHADOWS = sizeof shadows / sizeof shadows[0] };

const PythiaShadow *pythia_schema_tables(int *n) {
    *n = SHADOWS;
    return shadows;
}

int pythia_store_is_shadow(const char *suffix) {
    for (int i = 0; i < SHADOWS; i++)
        if (sqlite3_stricmp(suffix, shadows[i].suffix) == 0) return 1;
    return 0;
}

/* Runs sql (owned; NULL: there was no memory for it). */
static int exec_owned(sqlite3 *db, char *sql, char **error) {
    if (!sql) return SQLITE_NOMEM;
    char *message = NULL;
    int rc = sqlite3_exec(db, sql, NULL, NULL, &message);
    if (rc) rc = pythia_fail(error, rc, "pythia: %s", message ? message : sqlite3_errstr(rc));
    sqlite3_free(message);
    sqlite3_free(sql);
    return rc;
}

int pythia_schema_exec(sqlite3 *db, const char *schema, const char *sql, char **error) {
    return exec_owned(db, sqlite3_mprintf(sql, schema, schema, schema), error);
}

int pythia_store_create_tables(sqlite3 *db, const char *schema, char **error) {
    int rc = SQLITE_OK;
    for (int i = 0; !rc && i < SHADOWS; i++) {
        char *sql = sqlite3_mprintf("CREATE TABLE \"%w\".pythia_%s(%s", schema, shadows[i].suffix,
                                    shadows[i].body);
        rc = exec_owned(db, sql, error);
    }
    /* By trace, for traces that grow: what was mended of them is told anew then. */
    if (!rc)
        rc = pythia_schema_exec(db, schema,
                                "CREATE INDEX \"%w\".pythia_xproblem_trace"
                                " ON pythia_xproblem(trace_id) WHERE file IS NULL",
                                error);
    if (rc) return rc;
    /* The first cookie and epoch are random, so that another store that took this one's place is not
    ** taken for it. */
    char *sql = sqlite3_mprintf("INSERT INTO \"%w\".pythia_xconfig VALUES('" PYTHIA_CONFIG_FORMAT
                                "',%d),('" PYTHIA_CONFIG_COOKIE
                                "',random() & 0xffffffffffff),('" PYTHIA_CONFIG_EPOCH
                                "',random() & 0xffffffffffff),('" PYTHIA_CONFIG_SEGMENT "',1)",
                                schema, (int)PYTHIA_FORMAT_VERSION);
    return exec_owned(db, sql, error);
}

int pythia_store_drop_tables(sqlite3 *db, const char *schema, char **error) {
    int rc = SQLITE_OK;
    for (int i = SHADOWS - 1; !rc && i >= 0; i--)
        rc = exec_owned(
            db, sqlite3_mprintf("DROP TABLE IF EXISTS \"%w\".pythia_%s", schema, shadows[i].suffix),
            error);
    return rc;
}
