/* test_vtab.c - the frame of virtual tables, with three toy tables.
**
**   toy_steps(value, square, name, [limit_to] required, [step] optional)  fills at once
**   toy_walk(value, text)  walks 0 .. 99, applies ranges on value exactly, counts the rows it visits
**   toy_notes(id, key, value, length)  writable; rows in an ordinary table toy_data of each schema;
**                                      `length` is computed; keeps a log of the transaction calls */
#include <stdio.h>
#include <stdlib.h>

#include "ext/capture/session.h"
#include "tests/unit/test.h"
#include "vtab/vtab.h"

/* ------------------------------------------------------------------ toy_steps */

enum { STEPS_VALUE, STEPS_SQUARE, STEPS_NAME, STEPS_LIMIT_TO, STEPS_STEP };

static int steps_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    const PythiaBound *limit = pythia_bound(bounds, n, STEPS_LIMIT_TO, PYTHIA_EQ);
    const PythiaBound *step = pythia_bound(bounds, n, STEPS_STEP, PYTHIA_EQ);
    if (!limit) return pythia_vtab_fail(cursor->vtab, SQLITE_ERROR, "toy_steps: no limit");
    sqlite3_int64 last = sqlite3_value_int64(limit->value);
    sqlite3_int64 by = step ? sqlite3_value_int64(step->value) : 1;
    if (by < 1) return pythia_vtab_fail(cursor->vtab, SQLITE_ERROR, "toy_steps: step %lld", by);
    for (sqlite3_int64 i = 1; i <= last; i += by) {
        char name[32];
        snprintf(name, sizeof name, "n%d", (int)i);
        pythia_rows_int(&cursor->rows, i);
        pythia_rows_double(&cursor->rows, (double)i * (double)i);
        pythia_rows_str(&cursor->rows, i % 2 ? name : NULL);
        pythia_rows_end(&cursor->rows);
    }
    return SQLITE_OK;
}

static const PythiaUse steps_uses[] = {
    {STEPS_LIMIT_TO, PYTHIA_EQ, PYTHIA_USE_REQUIRED, 0},
    {STEPS_STEP, PYTHIA_EQ, 0, 0},
};

static const PythiaTable steps_table = {
    .name = "toy_steps",
    .columns = "value INTEGER, square REAL, name TEXT, limit_to INTEGER HIDDEN, step HIDDEN",
    .nvisible = 3,
    .nhidden = 2,
    .uses = steps_uses,
    .nuses = 2,
    .fill = steps_fill,
};

/* ------------------------------------------------------------------ toy_walk */

enum { WALK_VALUE, WALK_TEXT };

typedef struct WalkCursor {
    PythiaCursor base;
    sqlite3_int64 at, last;
    char *held; /* allocated by filter: release must free it */
} WalkCursor;

static struct {
    int visited, filters, ordered;
    uint64_t used;
} walk_seen;

static void walk_release(PythiaCursor *cursor) {
    WalkCursor *walk = (WalkCursor *)cursor;
    pythia_free(walk->held);
    walk->held = NULL;
}

static int walk_filter(PythiaCursor *cursor, const PythiaBound *bounds, int n, uint64_t used) {
    WalkCursor *walk = (WalkCursor *)cursor;
    walk_release(cursor);
    walk->held = pythia_alloc(10);
    if (!walk->held) return SQLITE_NOMEM;
    walk_seen.filters++;
    walk_seen.used = used;
    walk_seen.ordered = pythia_cursor_ordered(cursor);
    walk->at = 0;
    walk->last = 99;
    for (int i = 0; i < n; i++) {
        sqlite3_int64 v = sqlite3_value_int64(bounds[i].value);
        if (bounds[i].column != WALK_VALUE) continue;
        if (bounds[i].op == PYTHIA_EQ || bounds[i].op == PYTHIA_GE)
            walk->at = walk->at > v ? walk->at : v;
        if (bounds[i].op == PYTHIA_GT) walk->at = walk->at > v + 1 ? walk->at : v + 1;
        if (bounds[i].op == PYTHIA_EQ || bounds[i].op == PYTHIA_LE)
            walk->last = walk->last < v ? walk->last : v;
        if (bounds[i].op == PYTHIA_LT) walk->last = walk->last < v - 1 ? walk->last : v - 1;
    }
    walk_seen.visited += walk->at <= walk->last;
    return SQLITE_OK;
}

static int walk_next(PythiaCursor *cursor) {
    WalkCursor *walk = (WalkCursor *)cursor;
    walk_seen.visited += ++walk->at <= walk->last;
    return SQLITE_OK;
}

static int walk_eof(PythiaCursor *cursor) {
    WalkCursor *walk = (WalkCursor *)cursor;
    return walk->at > walk->last;
}

static int walk_column(PythiaCursor *cursor, sqlite3_context *context, int column) {
    WalkCursor *walk = (WalkCursor *)cursor;
    if (column == WALK_VALUE) {
        sqlite3_result_int64(context, walk->at);
    } else {
        char text[2] = {(char)(walk->at % 2 ? 'A' : 'a'), 0};
        sqlite3_result_text(context, text, 1, SQLITE_TRANSIENT);
    }
    return SQLITE_OK;
}

static int walk_rowid(PythiaCursor *cursor, sqlite3_int64 *rowid) {
    *rowid = ((WalkCursor *)cursor)->at;
    return SQLITE_OK;
}

/* Rows come in the order of value. */
static int walk_plan(PythiaVtab *vtab, sqlite3_index_info *info, int *order) {
    (void)vtab;
    if (info->nOrderBy == 1 && info->aOrderBy[0].iColumn == WALK_VALUE && !info->aOrderBy[0].desc)
        *order = 7;
    return SQLITE_OK;
}

static const PythiaUse walk_uses[] = {
    {WALK_VALUE, PYTHIA_EQ, PYTHIA_USE_EXACT | PYTHIA_USE_UNIQUE, 0},
    {WALK_VALUE, PYTHIA_RANGE, PYTHIA_USE_EXACT, 0},
    {WALK_TEXT, PYTHIA_EQ | PYTHIA_GLOB, 0, 0.5},
};

static const PythiaTable walk_table = {
    .name = "toy_walk",
    .columns = "value INTEGER, text TEXT",
    .nvisible = 2,
    .uses = walk_uses,
    .nuses = 3,
    .rows = 100,
    .cursor_bytes = sizeof(WalkCursor),
    .filter = walk_filter,
    .next = walk_next,
    .eof = walk_eof,
    .column = walk_column,
    .rowid = walk_rowid,
    .release = walk_release,
    .plan = walk_plan,
};

/* ------------------------------------------------------------------ toy_notes */

enum { NOTES_ID, NOTES_KEY, NOTES_VALUE, NOTES_LENGTH };

static char notes_log[512];
static int notes_refuse;

static void notes_say(const char *word) {
    snprintf(notes_log + strlen(notes_log), sizeof notes_log - strlen(notes_log), "%s ", word);
}

static int notes_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    (void)bounds, (void)n;
    sqlite3 *db = cursor->vtab->host->db;
    sqlite3_stmt *s;
    char *sql = sqlite3_mprintf("SELECT id, k, v, length(v) FROM \"%w\".toy_data",
                                sqlite3_db_name(db, cursor->schema_index));
    if (!sql) return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_NO_VTAB, &s, NULL);
    sqlite3_free(sql);
    while (!rc && sqlite3_step(s) == SQLITE_ROW) {
        for (int i = 0; i < 4; i++)
            pythia_rows_column(&cursor->rows, s, i);
        pythia_rows_end_id(&cursor->rows, sqlite3_column_int64(s, 0));
    }
    int last = sqlite3_finalize(s);
    return rc ? rc : last;
}

static int notes_update(PythiaVtab *vtab, const char *schema, int change, sqlite3_value **values,
                        sqlite3_int64 *rowid) {
    static const char *const forms[] = {
        "INSERT INTO \"%w\".toy_data(k, v) VALUES(?1, ?2)",
        "UPDATE \"%w\".toy_data SET k = ?1, v = ?2 WHERE id = ?3",
        "DELETE FROM \"%w\".toy_data WHERE id = ?3",
    };
    sqlite3 *db = vtab->host->db;
    notes_say(change == SQLITE_INSERT ? "insert" : change == SQLITE_UPDATE ? "update" : "delete");
    if (values && sqlite3_value_type(values[NOTES_KEY]) == SQLITE_NULL)
        return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT, "toy_notes: a note needs a key");
    char *sql = sqlite3_mprintf(forms[change == SQLITE_INSERT   ? 0
                                      : change == SQLITE_UPDATE ? 1
                                                                : 2],
                                schema);
    if (!sql) return SQLITE_NOMEM;
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_NO_VTAB, &s, NULL);
    sqlite3_free(sql);
    if (rc) return rc;
    if (values) {
        sqlite3_bind_value(s, 1, values[NOTES_KEY]);
        sqlite3_bind_value(s, 2, values[NOTES_VALUE]);
    }
    if (change != SQLITE_INSERT) sqlite3_bind_int64(s, 3, *rowid);
    sqlite3_step(s);
    rc = sqlite3_finalize(s);
    if (change == SQLITE_INSERT) *rowid = sqlite3_last_insert_rowid(db);
    return rc;
}

static int notes_begin(PythiaVtab *vtab) {
    (void)vtab;
    notes_say("begin");
    return SQLITE_OK;
}
static int notes_sync(PythiaVtab *vtab) {
    notes_say("sync");
    if (notes_refuse) return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT, "toy_notes: not today");
    return SQLITE_OK;
}
static void notes_commit(PythiaVtab *vtab) {
    (void)vtab;
    notes_say("commit");
}
static void notes_rollback(PythiaVtab *vtab) {
    (void)vtab;
    notes_say("rollback");
}
static int notes_savepoint(PythiaVtab *vtab, int n) {
    (void)vtab, (void)n;
    notes_say("savepoint");
    return SQLITE_OK;
}
static int notes_release(PythiaVtab *vtab, int n) {
    (void)vtab, (void)n;
    notes_say("release");
    return SQLITE_OK;
}
static int notes_rollback_to(PythiaVtab *vtab, int n) {
    (void)vtab, (void)n;
    notes_say("rollback_to");
    return SQLITE_OK;
}

static const PythiaTable notes_table = {
    .name = "toy_notes",
    .columns = "id INTEGER PRIMARY KEY, key TEXT, value TEXT, length INTEGER",
    .nvisible = 4,
    .direct_only = 1,
    .fill = notes_fill,
    .update = notes_update,
    .read_only = (uint64_t)1 << NOTES_LENGTH,
    .begin = notes_begin,
    .sync = notes_sync,
    .commit = notes_commit,
    .rollback = notes_rollback,
    .savepoint = notes_savepoint,
    .release_savepoint = notes_release,
    .rollback_to = notes_rollback_to,
};

/* ------------------------------------------------------------------ fixture */

static PythiaHost host;
static int destroyed;
static char *answer; /* of the last query() */

static void host_destroy(void *memory) {
    if (memory == &host) destroyed++;
}

static void setup(void) {
    memset(&host, 0, sizeof host);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &host.db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_session_open(host.db, &host.session), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_vtab_register(&host, &steps_table, host_destroy), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_vtab_register(&host, &walk_table, host_destroy), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_vtab_register(&host, &notes_table, host_destroy), SQLITE_OK);
    memset(&walk_seen, 0, sizeof walk_seen);
    notes_log[0] = 0;
    notes_refuse = 0;
    destroyed = 0;
}

static void teardown(void) {
    CU_ASSERT_EQUAL(sqlite3_close(host.db), SQLITE_OK);
    pythia_session_close(host.session);              /* tables that are disconnected still use it */
    CU_ASSERT_EQUAL(destroyed, 3 + host.references); /* modules, and tables that were connected */
    sqlite3_free(answer);
    answer = NULL;
}

/* Runs one statement; rows separated by ' ', columns by '|'; "error: ..." when it fails. */
static const char *query(const char *sql) {
    sqlite3_stmt *s = NULL;
    sqlite3_str *out = sqlite3_str_new(NULL);
    int rc = sqlite3_prepare_v2(host.db, sql, -1, &s, NULL);
    while (!rc && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        rc = SQLITE_OK;
        if (sqlite3_str_length(out)) sqlite3_str_appendchar(out, 1, ' ');
        for (int i = 0; i < sqlite3_column_count(s); i++) {
            const char *text = (const char *)sqlite3_column_text(s, i);
            sqlite3_str_appendf(out, "%s%s", i ? "|" : "", text ? text : "-");
        }
    }
    if (rc && rc != SQLITE_DONE) {
        sqlite3_str_reset(out);
        sqlite3_str_appendf(out, "error: %s", sqlite3_errmsg(host.db));
    }
    sqlite3_finalize(s);
    sqlite3_free(answer);
    answer = sqlite3_str_finish(out);
    if (!answer) answer = sqlite3_mprintf("%s", "");
    return answer;
}

#define IS(sql, expected) CU_ASSERT_STRING_EQUAL(query(sql), expected)
#define FAILS(sql, part)                                                                           \
    CU_ASSERT_PTR_NOT_NULL(strstr(query(sql), "error: "));                                         \
    CU_ASSERT_PTR_NOT_NULL(strstr(answer, part))

/* ------------------------------------------------------------------ tests */

static void test_arguments(void) {
    setup();
    IS("SELECT * FROM toy_steps(3)", "1|1.0|n1 2|4.0|- 3|9.0|n3");
    IS("SELECT value, limit_to, step FROM toy_steps(5, '2')", "1|5|2 3|5|2 5|5|2");
    IS("SELECT value FROM toy_steps WHERE step = 2 AND limit_to = 4", "1 3");
    IS("SELECT value FROM toy_steps(3) WHERE limit_to = 4", "");
    IS("SELECT value FROM toy_steps(NULL)", "");
    IS("SELECT value FROM toy_steps(3, NULL)", "");
    FAILS("SELECT * FROM toy_steps", "toy_steps needs its argument \"limit_to\"");
    FAILS("SELECT * FROM toy_steps WHERE limit_to > 3", "can only be compared with =");
    FAILS("SELECT * FROM toy_steps(3) WHERE step LIKE 'x'", "\"step\" is an argument");
    FAILS("SELECT step FROM toy_steps(3)", "the argument \"step\" is read but was not given");
    FAILS("SELECT * FROM toy_steps(3, 0)", "toy_steps: step 0");
    FAILS("CREATE VIRTUAL TABLE t USING toy_steps", "no such module");
    teardown();
}

static void test_joins(void) {
    setup();
    query("CREATE TABLE t(k); ");
    query("INSERT INTO t VALUES(1),(2),(3)");
    IS("SELECT k, value FROM t, toy_steps(t.k) ORDER BY 1, 2", "1|1 2|1 2|2 3|1 3|2 3|3");
    IS("SELECT k, value FROM toy_steps(t.k), t ORDER BY 1, 2", "1|1 2|1 2|2 3|1 3|2 3|3");
    IS("SELECT k, value FROM toy_steps f JOIN t ON f.limit_to = t.k ORDER BY 1, 2",
       "1|1 2|1 2|2 3|1 3|2 3|3");
    IS("SELECT k, value FROM t LEFT JOIN toy_steps f ON f.limit_to = t.k AND f.value > 1",
       "1|- 2|2 3|2 3|3");
    IS("SELECT k, f.value, g.value FROM t, toy_steps(k, 2) f, toy_steps(f.value) g WHERE k = 3 "
       "ORDER BY 2, 3",
       "3|1|1 3|3|1 3|3|2 3|3|3");
    IS("SELECT k, (SELECT sum(value) FROM toy_steps(t.k)) FROM t", "1|1 2|3 3|6");
    /* The table that gives the argument on the right of an outer join: no answer, not a wrong one. */
    FAILS("SELECT * FROM toy_steps f LEFT JOIN t ON f.limit_to = t.k", "needs its argument");
    FAILS("SELECT * FROM toy_steps(3) f LEFT JOIN t ON f.step = t.k", "was not given a value");
    FAILS("SELECT * FROM toy_steps(3) f CROSS JOIN t ON f.step = t.k", "");
    IS("SELECT k, value, step FROM toy_steps(3) f JOIN t ON f.step = t.k ORDER BY 1, 2",
       "1|1|1 1|2|1 1|3|1 2|1|2 2|3|2 3|1|3");
    /* Neither order is possible: each needs the other. */
    FAILS("SELECT * FROM toy_steps a, toy_steps b WHERE a.limit_to = b.value AND "
          "b.limit_to = a.value",
          "no query solution");
    teardown();
}

static void test_in_and_or(void) {
    setup();
    IS("SELECT limit_to, value FROM toy_steps WHERE limit_to IN (1, 2, NULL) ORDER BY 1, 2",
       "1|1 2|1 2|2");
    IS("SELECT limit_to, value FROM toy_steps WHERE limit_to = 1 OR limit_to = 2 ORDER BY 1, 2",
       "1|1 2|1 2|2");
    query("CREATE TABLE t(k)");
    query("INSERT INTO t VALUES(2),(1),(2)");
    IS("SELECT limit_to, value FROM toy_steps WHERE limit_to IN (SELECT k FROM t) ORDER BY 1, 2",
       "1|1 2|1 2|2");
    IS("SELECT value FROM toy_walk WHERE value IN (5, 3, 3, 200)", "3 5");
    IS("SELECT value FROM toy_walk WHERE value IN (5, 3) ORDER BY value DESC", "5 3");
    IS("SELECT value FROM toy_walk WHERE value = 3 OR value > 97", "3 98 99");
    /* The branches of an OR are united by rowid: equal contents under other arguments stay apart, and
    ** a row that both branches find comes once. */
    IS("SELECT schema, value FROM toy_walk WHERE (schema = 'main' AND value < 2) OR "
       "(schema = 'temp' AND value > 0 AND value < 3) ORDER BY 1, 2",
       "main|0 main|1 temp|1 temp|2");
    /* A required argument can be given by each branch, but must be by all; beside it branches need not care. */
    IS("SELECT limit_to, value FROM toy_steps WHERE (limit_to = 1 AND value < 3) OR "
       "(limit_to = 2 AND value > 0) ORDER BY 1, 2",
       "1|1 2|1 2|2");
    FAILS("SELECT value FROM toy_steps WHERE limit_to = 1 OR value > 0", "needs its argument");
    IS("SELECT value FROM toy_steps WHERE limit_to = 4 AND (value = 1 OR name IS NULL)", "1 2 4");
    IS("SELECT value FROM toy_steps WHERE (limit_to = 3 AND value < 3) OR "
       "(limit_to = 3 AND value > 1) ORDER BY 1",
       "1 2 3");
    IS("SELECT value FROM toy_walk WHERE (value < 4 AND text = 'a') OR (value > 1 AND value < 6) "
       "ORDER BY 1",
       "0 2 3 4 5");
    teardown();
}

static void test_ranges(void) {
    setup();
    IS("SELECT value FROM toy_walk WHERE value > 3 AND value <= 6", "4 5 6");
    CU_ASSERT_EQUAL(walk_seen.visited, 3);
    IS("SELECT value FROM toy_walk WHERE value BETWEEN 97 AND 200", "97 98 99");
    IS("SELECT value FROM toy_walk WHERE value > 3 AND value > 95 AND value < 98", "96 97");
    IS("SELECT value FROM toy_walk WHERE value < NULL", "");
    walk_seen.visited = 0;
    IS("SELECT value FROM toy_walk WHERE value = 42", "42");
    CU_ASSERT_EQUAL(walk_seen.visited, 1);
    IS("SELECT count(*) FROM toy_walk WHERE text = 'a'", "50");
    IS("SELECT count(*) FROM toy_walk WHERE text = 'a' COLLATE NOCASE", "100");
    IS("SELECT count(*) FROM toy_walk WHERE text GLOB '[A-Z]'", "50");
    IS("SELECT value FROM toy_walk WHERE value > 90 AND text = 'A' LIMIT 2 OFFSET 1", "93 95");
    teardown();
}

static void test_order_and_columns(void) {
    setup();
    query("SELECT value FROM toy_walk WHERE value < 3 ORDER BY value");
    CU_ASSERT_STRING_EQUAL(answer, "0 1 2");
    CU_ASSERT_EQUAL(walk_seen.ordered, 7);
    CU_ASSERT_EQUAL(walk_seen.used, 1);
    query("SELECT text FROM toy_walk WHERE value < 3 ORDER BY value DESC");
    CU_ASSERT_STRING_EQUAL(answer, "a A a");
    CU_ASSERT_EQUAL(walk_seen.ordered, 0);
    CU_ASSERT_EQUAL(walk_seen.used, 3);
    query("SELECT count(*) FROM toy_walk");
    CU_ASSERT_STRING_EQUAL(answer, "100");
    CU_ASSERT_EQUAL(walk_seen.used, 0);
    /* One filter for each outer row, and what one left is released by the next. */
    walk_seen.filters = 0;
    IS("SELECT count(*) FROM toy_steps(20) s JOIN toy_walk w ON w.value = s.value", "20");
    CU_ASSERT_EQUAL(walk_seen.filters, 20);
    query("EXPLAIN QUERY PLAN SELECT value FROM toy_walk ORDER BY value");
    CU_ASSERT_PTR_NULL(strstr(answer, "TEMP B-TREE"));
    query("EXPLAIN QUERY PLAN SELECT value FROM toy_walk ORDER BY text");
    CU_ASSERT_PTR_NOT_NULL(strstr(answer, "TEMP B-TREE"));
    teardown();
}

static void test_schema(void) {
    setup();
    query("ATTACH ':memory:' AS aux1");
    query("CREATE TABLE toy_data(id INTEGER PRIMARY KEY, k, v)");
    query("CREATE TABLE aux1.toy_data(id INTEGER PRIMARY KEY, k, v)");
    IS("SELECT schema FROM toy_steps(1)", "main");
    IS("SELECT schema FROM toy_steps(1, 1, 'AUX1')", "AUX1");
    IS("SELECT value FROM toy_steps(1, 1, NULL)", "");
    FAILS("SELECT value FROM toy_steps(1, 1, 'nowhere')", "nowhere");
    FAILS("SELECT value FROM toy_steps(1) WHERE schema > 'a'", "\"schema\" is an argument");
    query("INSERT INTO toy_notes(key, value) VALUES('a', 'one'), ('b', 'two')");
    query("INSERT INTO toy_notes(key, value, schema) VALUES('c', 'three', 'aux1')");
    IS("SELECT * FROM toy_notes", "1|a|one|3 2|b|two|3");
    IS("SELECT * FROM toy_notes('aux1')", "1|c|three|5");
    IS("SELECT key FROM toy_notes WHERE schema IN ('main', 'aux1') ORDER BY 1", "a b c");
    IS("UPDATE toy_notes SET value = 'III' WHERE schema = 'aux1'", "");
    IS("SELECT v FROM aux1.toy_data UNION ALL SELECT v FROM main.toy_data", "III one two");
    IS("DELETE FROM toy_notes WHERE key = 'c'", "");
    IS("SELECT count(*) FROM aux1.toy_data", "1");
    IS("DELETE FROM toy_notes WHERE key = 'c' AND schema = 'aux1'", "");
    IS("SELECT count(*) FROM aux1.toy_data", "0");
    FAILS("UPDATE toy_notes SET schema = 'aux1'", "cannot be moved");
    FAILS("INSERT INTO toy_notes(key, schema) VALUES('x', 'nowhere')", "nowhere");
    teardown();
}

static void test_writing(void) {
    setup();
    query("CREATE TABLE toy_data(id INTEGER PRIMARY KEY, k, v)");
    query("INSERT INTO toy_notes(key, value) VALUES('a', 'one'), ('b', 'two')");
    IS("SELECT last_insert_rowid()", "2");
    IS("UPDATE toy_notes SET value = value || '!' WHERE id = 2", "");
    IS("SELECT last_insert_rowid()", "2");
    IS("SELECT * FROM toy_notes", "1|a|one|3 2|b|two!|4");
    FAILS("INSERT INTO toy_notes(key, length) VALUES('c', 5)", "\"length\" is computed");
    FAILS("UPDATE toy_notes SET length = 5", "\"length\" is computed");
    FAILS("UPDATE toy_notes SET rowid = 50 WHERE id = 1", "rowid cannot be changed");
    FAILS("INSERT INTO toy_notes(value) VALUES('x')", "needs a key");
    IS("INSERT OR IGNORE INTO toy_notes(key, value) VALUES(NULL, 'x'), ('d', 'four')", "");
    IS("SELECT key FROM toy_notes", "a b d");
    /* A statement that reads what it writes sees the state before. */
    IS("INSERT INTO toy_notes(key, value) SELECT key || key, value FROM toy_notes", "");
    IS("SELECT key FROM toy_notes", "a b d aa bb dd");
    IS("DELETE FROM toy_notes WHERE length(key) = 2", "");
    IS("SELECT count(*) FROM toy_notes", "3");
    /* Nothing stored in a schema may write or read a DIRECTONLY table. */
    query("CREATE TABLE t(k)");
    query("CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO toy_notes(key) "
          "VALUES(NEW.k); END");
    FAILS("INSERT INTO t VALUES('z')", "unsafe use of virtual table");
    query("CREATE VIEW v AS SELECT * FROM toy_notes");
    FAILS("SELECT * FROM v", "unsafe use of virtual table");
    teardown();
}

static void test_transactions(void) {
    setup();
    query("CREATE TABLE toy_data(id INTEGER PRIMARY KEY, k, v)");
    query("SELECT * FROM toy_notes");
    CU_ASSERT_STRING_EQUAL(notes_log, "");
    query("INSERT INTO toy_notes(key) VALUES('a')");
    CU_ASSERT_STRING_EQUAL(notes_log, "begin insert sync commit ");
    notes_log[0] = 0;
    query("BEGIN");
    query("INSERT INTO toy_notes(key) VALUES('b')");
    query("SAVEPOINT s");
    query("DELETE FROM toy_notes WHERE key = 'a'");
    query("ROLLBACK TO s");
    query("RELEASE s");

    CU_ASSERT_STRING_EQUAL(notes_log,
                           "begin insert savepoint savepoint delete release rollback_to release ");
    IS("SELECT key FROM toy_notes", "a b");
    notes_log[0] = 0;
    query("ROLLBACK");
    CU_ASSERT_STRING_EQUAL(notes_log, "rollback ");
    IS("SELECT key FROM toy_notes", "a");
    /* A refusal in sync ends the whole transaction, ordinary tables too, with our words. */
    notes_log[0] = 0;
    notes_refuse = 1;
    query("CREATE TABLE t(k)");
    query("BEGIN");
    query("INSERT INTO t VALUES(1)");
    query("INSERT INTO toy_notes(key) VALUES('c')");
    FAILS("COMMIT", "toy_notes: not today");
    CU_ASSERT_STRING_EQUAL(notes_log, "begin insert sync rollback ");
    CU_ASSERT_EQUAL(sqlite3_get_autocommit(host.db), 1);
    IS("SELECT count(*) FROM t", "0");
    IS("SELECT key FROM toy_notes", "a");
    teardown();
}

/* Registering again replaces the module, even while a statement still uses the old one. */
static void test_reload(void) {
    setup();
    sqlite3_stmt *s;
    CU_ASSERT_EQUAL_FATAL(
        sqlite3_prepare_v2(host.db, "SELECT value FROM toy_steps(3)", -1, &s, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_step(s), SQLITE_ROW);
    CU_ASSERT_EQUAL(pythia_vtab_register(&host, &steps_table, host_destroy), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_step(s), SQLITE_ROW);
    CU_ASSERT_EQUAL(sqlite3_column_int(s, 0), 2);
    CU_ASSERT_EQUAL(sqlite3_finalize(s), SQLITE_OK);
    IS("SELECT value FROM toy_steps(1)", "1"); /* disconnects what the last statement left */
    CU_ASSERT_EQUAL(destroyed, 2);             /* the module and the table */
    destroyed = 0;
    host.references--;
    teardown();
}

static void test_registration(void) {
    setup();
    static const PythiaUse twice[] = {{3, PYTHIA_EQ, 0, 0}, {3, PYTHIA_EQ, 0, 0}};
    static const PythiaUse range[] = {{3, PYTHIA_RANGE, 0, 0}, {4, PYTHIA_EQ, 0, 0}};
    PythiaTable broken = steps_table;
    broken.uses = twice;
    CU_ASSERT_EQUAL(pythia_vtab_register(&host, &broken, NULL), SQLITE_MISUSE);
    broken.uses = range;
    CU_ASSERT_EQUAL(pythia_vtab_register(&host, &broken, NULL), SQLITE_MISUSE);
    broken = steps_table;
    broken.nvisible = 4;
    CU_ASSERT_EQUAL(pythia_vtab_register(&host, &broken, NULL), SQLITE_MISUSE);
    teardown();
}

static void test_rows(void) {
    PythiaRows rows = {0};
    rows.ncolumns = 2;
    pythia_rows_double(&rows, 1.0 / 0.0);
    pythia_rows_text(&rows, (PythiaText){"abc", 2});
    pythia_rows_end_id(&rows, 17);
    CU_ASSERT_EQUAL(rows.rc, SQLITE_OK);
    CU_ASSERT_EQUAL(rows.nrows, 1);
    CU_ASSERT_EQUAL(rows.rowids[0], 17);
    rows.rc = SQLITE_NOMEM; /* sticky */
    pythia_rows_int(&rows, 1);
    pythia_rows_end(&rows);
    CU_ASSERT_EQUAL(rows.ncells, 2);
    CU_ASSERT_EQUAL(rows.nrows, 1);
    pythia_rows_reset(&rows);
    CU_ASSERT_EQUAL(rows.nrows, 0);
    CU_ASSERT_EQUAL(rows.rc, SQLITE_OK);
    /* Ids from contents: equal rows differ, and the same row has the same id among other rows. */
    static const int values[2][3] = {{5, 5, 6}, {6, 5, 4}};
    sqlite3_int64 ids[2][3];
    for (int k = 0; k < 2; k++) {
        pythia_rows_reset(&rows);
        for (int i = 0; i < 3; i++) {
            pythia_rows_int(&rows, values[k][i]);
            pythia_rows_str(&rows, "x");
            pythia_rows_end(&rows);
        }
        for (size_t i = 0; i < 3; i++)
            CU_ASSERT_EQUAL(pythia_rows_rowid(&rows, i, &ids[k][i]), SQLITE_OK);
    }
    CU_ASSERT_NOT_EQUAL(ids[0][0], ids[0][1]);
    CU_ASSERT_EQUAL(ids[0][0], ids[1][1]);
    CU_ASSERT_EQUAL(ids[0][2], ids[1][0]);
    CU_ASSERT_NOT_EQUAL(ids[1][2], ids[1][0]);
    pythia_rows_clear(&rows);
}

PYTHIA_SUITE(vtab,
             {"arguments: required, optional, absent, compared by other operators", test_arguments},
             {"joins in every order", test_joins}, {"IN and OR", test_in_and_or},
             {"ranges, collations, LIMIT", test_ranges},
             {"order and columns used", test_order_and_columns}, {"schemas", test_schema},
             {"writing", test_writing}, {"transactions and savepoints", test_transactions},
             {"registering again", test_reload},
             {"descriptions that contradict", test_registration}, {"rows buffer", test_rows})
