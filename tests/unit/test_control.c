/* test_control.c - from rows to programs: changes, commits, refusals, failures; with a C callback and
** with SQL functions as back ends. */
#include "ext/capture/capture.h"
#include "sql/fn_control.h"
#include "tests/unit/test.h"
#include "vtab/control.h"
#include "vtab/store.h"

#include <stdarg.h>
#include <stdio.h>

/* ------------------------------------------------------------------ fixture */

static PythiaHost host;
static char *answer;
static char heard[4096]; /* what the programs were told */
static int refuse, fail_apply;

static void hear(const char *format, ...) {
    va_list arguments;
    size_t n = strlen(heard);
    va_start(arguments, format);
    sqlite3_vsnprintf((int)(sizeof heard - n), heard + n, format, arguments);
    va_end(arguments);
}

/* "P" prepare, "A" apply, "X" abandon; then each change as tracepoint[:type]=enabled. */
static int on_control(void *context, int phase, const PythiaControlChange *changes, int n,
                      char **error) {
    hear("%s%c", heard[0] ? " " : "", phase["?PAX"]);
    CU_ASSERT_PTR_EQUAL(context, &refuse);
    for (int i = 0; i < n; i++)
        hear(" %s%s%s=%d", changes[i].tracepoint, changes[i].request_type ? ":" : "",
             changes[i].request_type ? changes[i].request_type : "", changes[i].enabled);
    if ((phase == PYTHIA_CONTROL_PREPARE && refuse) ||
        (phase == PYTHIA_CONTROL_APPLY && fail_apply)) {
        *error = sqlite3_mprintf("not now");
        return SQLITE_ERROR;
    }
    return SQLITE_OK;
}

static void fn_switch(sqlite3_context *context, int argc, sqlite3_value **argv) {
    const char *phase = (const char *)sqlite3_value_text(argv[0]);
    const char *type = (const char *)sqlite3_value_text(argv[2]);
    CU_ASSERT_EQUAL(argc, 5);
    hear("%s%s %s%s%s=%d%s", heard[0] ? " " : "", phase, (const char *)sqlite3_value_text(argv[1]),
         type ? ":" : "", type ? type : "", sqlite3_value_int(argv[3]),
         (const char *)sqlite3_value_text(argv[4]));
    if ((strcmp(phase, "prepare") == 0 && refuse) || (strcmp(phase, "apply") == 0 && fail_apply))
        sqlite3_result_error(context, "switch is stuck", -1);
}

static void point(PythiaNames *names, const char *service, const char *operation) {
    uint32_t s, o, id;
    CU_ASSERT_EQUAL(pythia_names_string(names, pythia_text(service), &s), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_names_string(names, pythia_text(operation), &o), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_names_tracepoint(names, s, o, 0, &id), SQLITE_OK);
}

/* The host is static: nobody frees it. */
static void host_stays(void *memory) {
    (void)memory;
}

static void connect_to(const char *file) {
    char *error = NULL;
    memset(&host, 0, sizeof host);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(file, &host.db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_session_open(host.db, &host.session), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_control_open(host.db, &host.control), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_vtab_register(&host, &pythia_table_control, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_vtab_register(&host, &pythia_table_tracepoints, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_vtab_register(&host, &pythia_table_backends, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_vtab_register(&host, &pythia_table_control_log, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_fn_control_register(&host, &error), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_store_table_register(&host, host_stays), SQLITE_OK);
    sqlite3_create_function(host.db, "switch", 5, SQLITE_UTF8, NULL, fn_switch, NULL, NULL);
    refuse = fail_apply = 0;
    heard[0] = 0;
}

/* A connection with a store that has seen five trace points. */
static void setup(void) {
    PythiaCapture *capture = NULL;
    char *error = NULL;
    connect_to(":memory:");
    CU_ASSERT_EQUAL_FATAL(pythia_session_capture(host.session, "main", 1, &capture, &error),
                          SQLITE_OK);
    PythiaStore *store = pythia_capture_store(capture);
    PythiaNames *names = pythia_store_names(store);
    point(names, "web", "cart");
    point(names, "web", "pay");
    point(names, "db", "read");
    point(names, "db", "write");
    point(names, "db", "SELECT *");
    CU_ASSERT_EQUAL(pythia_store_flush(store, &error), SQLITE_OK);
}

static void teardown(void) {
    /* As ext/pythia.c: what a module's functions use goes after the connection. */
    PythiaSession *session = host.session;
    PythiaControl *control = host.control;
    sqlite3_exec(host.db, "ROLLBACK", NULL, NULL, NULL);
    CU_ASSERT_EQUAL(sqlite3_close(host.db), SQLITE_OK);
    pythia_session_close(session);
    pythia_control_close(control);
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

static void compare(int line, const char *what, const char *got, const char *expected) {
    int equal = strcmp(got, expected) == 0;
    if (!equal)
        printf("\n    line %d: %s\n    gave     %s\n    expected %s\n", line, what, got, expected);
    CU_ASSERT(equal);
}

#define IS(sql, expected) compare(__LINE__, sql, query(sql), expected)
#define RUN(sql)          compare(__LINE__, sql, query(sql), "")
#define HEARD(expected)   (compare(__LINE__, "heard", heard, expected), heard[0] = 0)
#define FAILS(sql, part)                                                                           \
    do {                                                                                           \
        query(sql);                                                                                \
        if (strncmp(answer, "error: ", 7) != 0 || !strstr(answer, part))                           \
            compare(__LINE__, sql, answer, "error: ... " part);                                    \
    } while (0)

/* ------------------------------------------------------------------ tests */

static void test_callback(void) {
    setup();
    CU_ASSERT_EQUAL(pythia_set_control_callback(host.db, on_control, &refuse), SQLITE_OK);
    IS("SELECT name, kind, available, last_error FROM pythia_backends WHERE name IS NOT NULL",
       "callback|callback|1|-");
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/cart', 0)");
    HEARD("P web/cart=0 A web/cart=0");
    /* What changes nothing is not told. */
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/cart', 0)");
    HEARD("");
    RUN("BEGIN");
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('db/*', 0)");
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('db/read', 1)");
    RUN("DELETE FROM pythia_control WHERE tracepoint = 'web/cart'");
    IS("SELECT rule_id, matched, state FROM pythia_control", "3|3|pending 4|1|active");
    HEARD("");
    RUN("COMMIT");
    HEARD("P web/cart=1 db/write=0 db/SELECT *=0 A web/cart=1 db/write=0 db/SELECT *=0");
    IS("SELECT rule_id, matched, state FROM pythia_control", "3|3|active 4|1|active");
    IS("SELECT tracepoint, enabled, decided_by, backend, pending FROM pythia_tracepoints",
       "web/cart|1|-|callback|0 web/pay|1|-|callback|0 db/read|1|4|callback|0 "
       "db/write|0|3|callback|0 db/SELECT *|0|3|callback|0");
    IS("SELECT rule_id, tracepoint, old, new, source, backend, result FROM pythia_control_log",
       "1|web/cart|1|0|rule|callback|applied -|web/cart|0|1|rule|callback|applied "
       "3|db/write|1|0|rule|callback|applied 3|db/SELECT *|1|0|rule|callback|applied");
    /* Taken away: rules are kept, nobody is told. */
    CU_ASSERT_EQUAL(pythia_set_control_callback(host.db, NULL, NULL), SQLITE_OK);
    RUN("DELETE FROM pythia_control");
    HEARD("");
    FAILS("SELECT pythia_control_api(1)", "takes a pointer");
    teardown();
}

static void test_transactions(void) {
    setup();
    pythia_set_control_callback(host.db, on_control, &refuse);
    RUN("BEGIN");
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/*', 0)");
    RUN("ROLLBACK");
    HEARD("");
    IS("SELECT count(*) FROM pythia_control", "0");
    RUN("BEGIN");
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/cart', 0)");
    RUN("SAVEPOINT s");
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/pay', 0)");
    RUN("UPDATE pythia_control SET enabled = 1");
    RUN("ROLLBACK TO s");
    RUN("COMMIT");
    HEARD("P web/cart=0 A web/cart=0");
    /* There and back again in one transaction is no change. */
    RUN("BEGIN");
    RUN("UPDATE pythia_control SET enabled = 1");
    RUN("UPDATE pythia_control SET enabled = 0");
    RUN("COMMIT");
    HEARD("");
    /* A refusal fails the commit; nothing has changed. */
    refuse = 1;
    RUN("CREATE TABLE t(x)");
    RUN("BEGIN");
    RUN("INSERT INTO t VALUES(1)");
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('db/*', 0)");
    FAILS("COMMIT", "back end \"callback\" refuses: not now");
    HEARD("P db/read=0 db/write=0 db/SELECT *=0");
    CU_ASSERT_EQUAL(sqlite3_get_autocommit(host.db), 1);
    IS("SELECT (SELECT count(*) FROM t), (SELECT count(*) FROM pythia_control)", "0|1");
    IS("SELECT count(*) FROM pythia_control_log", "1");
    FAILS("DELETE FROM pythia_control", "refuses: not now");
    HEARD("P web/cart=1");
    refuse = 0;
    RUN("DELETE FROM pythia_control");
    HEARD("P web/cart=1 A web/cart=1");
    teardown();
}

static void test_request_types(void) {
    setup();
    pythia_set_control_callback(host.db, on_control, &refuse);
    RUN("INSERT INTO pythia_control(tracepoint, request_type, enabled) VALUES('web/cart', 'buy', "
        "1)");
    HEARD(""); /* on already */
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/cart', 0)");
    /* The type that stays on is named before all the others go off. */
    HEARD("P web/cart:buy=1 web/cart=0 A web/cart:buy=1 web/cart=0");
    IS("SELECT enabled, decided_by, by_type FROM pythia_tracepoints WHERE tracepoint = 'web/cart'",
       "0|2|{\"buy\":1}");
    RUN("INSERT INTO pythia_control(tracepoint, request_type, enabled) VALUES('*', 'look', 1)");
    HEARD(""); /* an exact name for all goes before a pattern for the type */
    RUN("UPDATE pythia_control SET tracepoint = 'w*' WHERE rule_id = 2");
    HEARD("P web/cart:look=1 web/pay:look=1 web/pay=0 A web/cart:look=1 web/pay:look=1 web/pay=0");
    RUN("DELETE FROM pythia_control WHERE rule_id = 1");
    HEARD("P web/cart:buy=0 A web/cart:buy=0");
    /* A type that was named has to be named again when all change. */
    RUN("DELETE FROM pythia_control");
    HEARD("P web/cart:buy=1 web/cart=1 web/pay=1 A web/cart:buy=1 web/cart=1 web/pay=1");
    IS("SELECT count(*) FROM pythia_tracepoints WHERE enabled AND by_type IS NULL AND NOT pending",
       "5");
    teardown();
}

static void test_points_of_host(void) {
    static const PythiaControlPoint points[] = {
        {"compute/start", 1, 1}, {"compute/queue", 0, 0}, {"web/cart", 1, 0}};
    setup();
    PythiaControlHost given = {PYTHIA_CONTROL_VERSION, on_control, &refuse, points, 3};
    CU_ASSERT_EQUAL(pythia_set_control_host(host.db, &given), SQLITE_OK);
    IS("SELECT tracepoints FROM pythia_backends WHERE name IS NOT NULL", "3");
    FAILS("INSERT INTO pythia_control(tracepoint, enabled) VALUES('compute/start', 0)",
          "compute/start is always on");
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('*', 0)");
    HEARD("P web/cart=0 A web/cart=0"); /* what it has, and what can go off, and was on */
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('compute/*', 1)");
    HEARD("P compute/queue=1 A compute/queue=1");
    IS("SELECT tracepoint, enabled, always_on FROM pythia_tracepoints WHERE backend IS NOT NULL",
       "web/cart|0|0 compute/start|1|1 compute/queue|1|0");
    /* Armed: no such trace point yet. */
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('disk/*', 0)");
    IS("SELECT matched, state FROM pythia_control WHERE tracepoint = 'disk/*'", "0|armed");
    given.version = 77;
    CU_ASSERT_EQUAL(pythia_set_control_host(host.db, &given), SQLITE_ERROR);
    CU_ASSERT_PTR_NOT_NULL(strstr(sqlite3_errmsg(host.db), "version 77"));
    teardown();
}

static void test_sql_back_end(void) {
    setup();
    FAILS("INSERT INTO pythia_backends(name, kind, target) VALUES('x', 'bpf', 'y')",
          "there are: callback, sql");
    FAILS("INSERT INTO pythia_backends(name, kind, target) VALUES('x', 'callback', 'y')",
          "pythia_set_control_callback");
    FAILS("INSERT INTO pythia_backends(name, kind) VALUES('x', 'sql')", "needs the name");
    FAILS("INSERT INTO pythia_backends(kind, target) VALUES('sql', 'switch')", "name: is missing");
    RUN("INSERT INTO pythia_backends(name, kind, target) VALUES('py', 'sql', 'switch')");
    FAILS("INSERT INTO pythia_backends(name, kind, target) VALUES('py', 'sql', 'switch')",
          "\"py\" already");
    FAILS("UPDATE pythia_backends SET available = 0", "\"available\" is computed");
    IS("SELECT name, kind, target, available, tracepoints FROM pythia_backends WHERE name IS NOT "
       "NULL",
       "py|sql|switch|1|-");
    RUN("INSERT INTO pythia_control(tracepoint, enabled, sample) VALUES('web/cart', 1, 0.5)");
    HEARD("prepare web/cart=1{\"sample\":0.5} apply web/cart=1{\"sample\":0.5}");
    RUN("UPDATE pythia_control SET sample = NULL, enabled = 0");
    HEARD("prepare web/cart=0{} apply web/cart=0{}");
    /* A name that no trace has shown is told to a back end that cannot list its own. */
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('gpu/kernel', 1)");
    HEARD("prepare gpu/kernel=1{} apply gpu/kernel=1{}");
    IS("SELECT old, new FROM pythia_control_log WHERE tracepoint = 'gpu/kernel'", "-|1");
    /* Refused at the second of two changes: the first is abandoned. */
    refuse = 1;
    FAILS("UPDATE pythia_control SET enabled = 1 - enabled",
          "back end \"py\" refuses: web/cart: switch is stuck");
    HEARD("prepare web/cart=1{}");
    refuse = 0;
    IS("SELECT tracepoint, enabled FROM pythia_control", "web/cart|0 gpu/kernel|1");
    RUN("DELETE FROM pythia_control WHERE tracepoint = 'gpu/kernel'");
    HEARD("");
    /* A second back end: each is told what differs from what it knows. */
    pythia_set_control_callback(host.db, on_control, &refuse);
    RUN("DELETE FROM pythia_control");
    HEARD("prepare web/cart=1{} apply web/cart=1{}");
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/pay', 0)");
    HEARD("P web/pay=0 prepare web/pay=0{} A web/pay=0 apply web/pay=0{}");
    IS("SELECT backend FROM pythia_tracepoints WHERE tracepoint = 'web/pay'", "callback, py");
    refuse = 1;
    FAILS("DELETE FROM pythia_control", "callback");
    refuse = 0;
    HEARD("P web/pay=1");
    teardown();
}

static void fn_refuse(sqlite3_context *context, int argc, sqlite3_value **argv) {
    (void)argc;
    const char *phase = (const char *)sqlite3_value_text(argv[0]);
    hear("%s%s", heard[0] ? " " : "", phase);
    if (strcmp(phase, "prepare") == 0 &&
        strcmp((const char *)sqlite3_value_text(argv[1]), "web/pay") == 0)
        sqlite3_result_error(context, "never web/pay", -1);
}

static void test_abandon(void) {
    setup();
    sqlite3_create_function(host.db, "refuser", 5, SQLITE_UTF8, NULL, fn_refuse, NULL, NULL);
    RUN("INSERT INTO pythia_backends(name, kind, target) VALUES('a', 'sql', 'switch'), "
        "('b', 'sql', 'refuser')");
    FAILS("INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/*', 0)", "never web/pay");
    HEARD("prepare web/cart=0{} prepare web/pay=0{} prepare prepare abandon abandon "
          "web/cart=0{} abandon web/pay=0{}");
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/cart', 0)");
    HEARD("prepare web/cart=0{} prepare apply web/cart=0{} apply");
    teardown();
}

static void test_failure_and_retry(void) {
    setup();
    RUN("INSERT INTO pythia_backends(name, kind, target) VALUES('py', 'sql', 'switch')");
    fail_apply = 1;
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/cart', 0)");
    HEARD("prepare web/cart=0{} apply web/cart=0{}");
    IS("SELECT state, error FROM pythia_control", "pending|switch is stuck");
    IS("SELECT last_error FROM pythia_backends WHERE name IS NOT NULL", "switch is stuck");
    IS("SELECT old, new, result FROM pythia_control_log", "1|0|failed: switch is stuck");
    IS("SELECT pending FROM pythia_tracepoints WHERE tracepoint = 'web/cart'", "1");
    /* The next commit tries again, and its failure is written down in the one after. */
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('disk/*', 0)");
    HEARD("prepare web/cart=0{} apply web/cart=0{}");
    fail_apply = 0;
    RUN("BEGIN");
    RUN("DELETE FROM pythia_control WHERE tracepoint = 'disk/*'");
    RUN("ROLLBACK");
    IS("SELECT state FROM pythia_control ORDER BY rule_id", "pending armed");
    RUN("DELETE FROM pythia_control WHERE tracepoint = 'disk/*'");
    HEARD("prepare web/cart=0{} apply web/cart=0{}");
    IS("SELECT state, error FROM pythia_control", "active|-");
    IS("SELECT last_error FROM pythia_backends WHERE name IS NOT NULL", "-");
    IS("SELECT result FROM pythia_control_log",
       "failed: switch is stuck failed: switch is stuck applied");
    RUN("DELETE FROM pythia_control");
    HEARD("prepare web/cart=1{} apply web/cart=1{}");
    teardown();
}

static void test_reconcile(void) {
    setup();
    IS("SELECT pythia_reconcile()", "0");
    RUN("INSERT INTO pythia_backends(name, kind, target) VALUES('py', 'sql', 'absent')");
    IS("SELECT available, detail FROM pythia_backends WHERE name IS NOT NULL",
       "0|no such function: absent in this connection");
    /* Out of reach is not a refusal; the change stays due. */
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/cart', 0)");
    IS("SELECT state FROM pythia_control", "pending");
    IS("SELECT count(*) FROM pythia_control_log", "0");
    RUN("UPDATE pythia_backends SET target = 'switch'");
    HEARD("prepare web/cart=0{} apply web/cart=0{}");
    IS("SELECT pythia_reconcile()", "1");
    HEARD("prepare web/cart=0{} apply web/cart=0{}");
    RUN("BEGIN");
    IS("SELECT pythia_reconcile('main')", "0");
    HEARD("");
    RUN("COMMIT");
    HEARD("prepare web/cart=0{} apply web/cart=0{}");
    refuse = 1;
    FAILS("SELECT pythia_reconcile()", "switch is stuck");
    refuse = 0;
    FAILS("SELECT pythia_reconcile('nowhere')", "nowhere");
    RUN("CREATE VIEW v AS SELECT pythia_reconcile()");
    FAILS("SELECT * FROM v", "unsafe use");
    heard[0] = 0;
    RUN("DELETE FROM pythia_backends");
    RUN("DELETE FROM pythia_control");
    HEARD("");
    teardown();
}

static void test_no_back_end(void) {
    setup();
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/*', 0)");
    IS("SELECT state, matched FROM pythia_control", "active|2");
    IS("SELECT tracepoint, old, new, backend, result FROM pythia_control_log",
       "web/cart|1|0|-|no back end web/pay|1|0|-|no back end");
    IS("SELECT tracepoint FROM pythia_tracepoints WHERE NOT enabled", "web/cart web/pay");
    /* A back end that comes later is told what the rules say. */
    RUN("INSERT INTO pythia_backends(name, kind, target) VALUES('py', 'sql', 'switch')");
    HEARD("prepare web/cart=0{} prepare web/pay=0{} apply web/cart=0{} apply web/pay=0{}");
    teardown();
}

static void test_writes(void) {
    setup();
    RUN("INSERT INTO pythia_control(tracepoint) VALUES('web/cart')");
    IS("SELECT last_insert_rowid(), rule_id, enabled, created_ns > 0 FROM pythia_control",
       "1|1|1|1");
    FAILS("INSERT INTO pythia_control(enabled) VALUES(1)", "needs a name");
    FAILS("INSERT INTO pythia_control(tracepoint) VALUES('/a(/')", "at byte");
    FAILS("INSERT INTO pythia_control(tracepoint, enabled) VALUES('a', 2)", "is not 0 or 1");
    FAILS("INSERT INTO pythia_control(tracepoint, enabled) VALUES('a', 'on')", "not an integer");
    FAILS("INSERT INTO pythia_control(tracepoint, sample) VALUES('a', 0)", "sample");
    FAILS("INSERT INTO pythia_control(tracepoint, sample) VALUES('a', 1.1)", "sample");
    FAILS("INSERT INTO pythia_control(tracepoint, sample) VALUES('a', 'x')", "sample");
    FAILS("INSERT INTO pythia_control(tracepoint, aggregate) VALUES('a', 'sum(x')", "at byte 5");
    FAILS("INSERT INTO pythia_control(tracepoint, predicate) VALUES('a', '')", "at byte 0");
    FAILS("INSERT INTO pythia_control(tracepoint, group_by) VALUES('a', 'x')", "an aggregate");
    FAILS("INSERT INTO pythia_control(tracepoint, matched) VALUES('a', 1)", "is computed");
    FAILS("INSERT INTO pythia_control(rule_id, tracepoint) VALUES(1, 'a')", "a rule 1 already");
    FAILS("UPDATE pythia_control SET rule_id = 7", "cannot be changed");
    FAILS("UPDATE pythia_control SET enabled = NULL", "is not 0 or 1");
    FAILS("UPDATE pythia_control SET enabled = 0 FROM (SELECT 1)", "UPDATE ... FROM");
    IS("SELECT count(*) FROM pythia_control", "1");
    RUN("INSERT OR REPLACE INTO pythia_control(rule_id, tracepoint) VALUES(1, 'web/pay')");
    RUN("INSERT OR IGNORE INTO pythia_control(rule_id, tracepoint) VALUES(1, 'web/x'), (9, 'w*')");
    IS("SELECT rule_id, tracepoint FROM pythia_control", "1|web/pay 9|w*");
    /* A statement that reads what it writes sees the state before. */
    RUN("INSERT INTO pythia_control(tracepoint, enabled) SELECT tracepoint || '!', 0 "
        "FROM pythia_control");
    IS("SELECT rule_id, tracepoint FROM pythia_control", "1|web/pay 9|w* 10|web/pay! 11|w*!");
    /* Nothing in a schema may switch anything. */
    RUN("CREATE TABLE t(x)");
    RUN("CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM pythia_control; END");
    FAILS("INSERT INTO t VALUES(1)", "unsafe use");
    /* Rules of another schema are rules of its own. */
    RUN("ATTACH ':memory:' AS other");
    RUN("INSERT INTO pythia_control(tracepoint, schema) VALUES('x', 'other')");
    IS("SELECT rule_id, tracepoint FROM pythia_control('other')", "1|x");
    RUN("DELETE FROM pythia_control WHERE schema = 'other'");
    IS("SELECT (SELECT count(*) FROM pythia_control), (SELECT count(*) FROM "
       "pythia_control('other'))",
       "4|0");
    IS("SELECT count(*) FROM pythia_control('temp')", "0");
    FAILS("SELECT * FROM pythia_control('nowhere')", "nowhere");
    teardown();
}

static void test_expiry(void) {
    setup();
    RUN("INSERT INTO pythia_backends(name, kind, target) VALUES('py', 'sql', 'switch')");
    RUN("INSERT INTO pythia_control(tracepoint, enabled, expires_ns) VALUES('web/cart', 0, 1)");
    HEARD("");
    IS("SELECT state FROM pythia_control", "expired");
    IS("SELECT enabled, decided_by FROM pythia_tracepoints WHERE tracepoint = 'web/cart'", "1|-");
    RUN("UPDATE pythia_control SET expires_ns = 4000000000000000000");
    HEARD("prepare web/cart=0{\"expires_ns\":4000000000000000000,\"then\":1} "
          "apply web/cart=0{\"expires_ns\":4000000000000000000,\"then\":1}");
    IS("SELECT state FROM pythia_control", "active");
    RUN("UPDATE pythia_control SET expires_ns = 1");
    HEARD("prepare web/cart=1{} apply web/cart=1{}");
    teardown();
}

/* What holds after a rule has expired goes with it: the next rule's word, unless that reduces. */
static void test_expiry_then(void) {
    setup();
    RUN("INSERT INTO pythia_backends(name, kind, target) VALUES('py', 'sql', 'switch')");
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/*', 0)");
    heard[0] = 0;
    RUN("INSERT INTO pythia_control(tracepoint, expires_ns) VALUES('web/cart', 4000000000)");
    HEARD(""); /* expired already */
    RUN("UPDATE pythia_control SET expires_ns = 4000000000000000000 WHERE rule_id = 2");
    HEARD("prepare web/cart=1{\"expires_ns\":4000000000000000000} "
          "apply web/cart=1{\"expires_ns\":4000000000000000000}");
    RUN("INSERT INTO pythia_control(rule_id, tracepoint) VALUES(3, 'web/c*')");
    HEARD("prepare web/cart=1{\"expires_ns\":4000000000000000000,\"then\":1} "
          "apply web/cart=1{\"expires_ns\":4000000000000000000,\"then\":1}");
    RUN("UPDATE pythia_control SET predicate = 'n > 1' WHERE rule_id = 3");
    HEARD("prepare web/cart=1{\"expires_ns\":4000000000000000000} "
          "apply web/cart=1{\"expires_ns\":4000000000000000000}");
    RUN("DELETE FROM pythia_control WHERE rule_id = 2");
    HEARD("prepare web/cart=1{\"predicate\":\"n > 1\"} apply web/cart=1{\"predicate\":\"n > 1\"}");
    teardown();
}

/* A COMMIT that finds the database busy is tried again: each change is told once. */
static void test_busy(void) {
    char file[] = "build/test_control.db";
    sqlite3 *other;
    sqlite3_stmt *reader;
    remove(file);
    connect_to(file);
    RUN("INSERT INTO pythia_backends(name, kind, target) VALUES('py', 'sql', 'switch')");
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(file, &other), SQLITE_OK);
    RUN("BEGIN");
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/cart', 0)");
    sqlite3_prepare_v2(other, "SELECT * FROM sqlite_schema", -1, &reader, NULL);
    CU_ASSERT_EQUAL(sqlite3_step(reader), SQLITE_ROW);
    FAILS("COMMIT", "locked");
    HEARD("prepare web/cart=0{}");
    CU_ASSERT_EQUAL(sqlite3_get_autocommit(host.db), 0);
    RUN("UPDATE pythia_control SET enabled = 1");
    sqlite3_finalize(reader);
    RUN("COMMIT");
    HEARD("abandon web/cart=0{} prepare web/cart=1{} apply web/cart=1{}");
    IS("SELECT tracepoint, new, result FROM pythia_control_log", "web/cart|1|applied");
    /* And given up: what was prepared is abandoned. */
    RUN("BEGIN");
    RUN("DELETE FROM pythia_control");
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/cart', 0)");
    sqlite3_prepare_v2(other, "SELECT * FROM sqlite_schema", -1, &reader, NULL);
    CU_ASSERT_EQUAL(sqlite3_step(reader), SQLITE_ROW);
    FAILS("COMMIT", "locked");
    RUN("ROLLBACK");
    HEARD("prepare web/cart=0{} abandon web/cart=0{}");
    sqlite3_finalize(reader);
    IS("SELECT count(*) FROM pythia_control_log", "1");
    IS("SELECT enabled, state FROM pythia_control", "1|active");
    sqlite3_close(other);
    teardown();
    remove(file);
}

/* A new connection touches no program until it is asked to; a callback starts from nothing. */
static void test_reopen(void) {
    char file[] = "build/test_control.db";
    remove(file);
    connect_to(file);
    pythia_set_control_callback(host.db, on_control, &refuse);
    RUN("INSERT INTO pythia_control(tracepoint, enabled) VALUES('web/cart', 0)");
    HEARD("P web/cart=0 A web/cart=0");
    teardown();
    connect_to(file);
    pythia_set_control_callback(host.db, on_control, &refuse);
    IS("SELECT state FROM pythia_control", "pending");
    HEARD("");
    IS("SELECT pythia_reconcile()", "1");
    HEARD("P web/cart=0 A web/cart=0");
    IS("SELECT state FROM pythia_control", "active");
    teardown();
    remove(file);
}

/* The first write makes the store, whatever statement it is in, and a rollback unmakes it. */
static void test_first_write(void) {
    connect_to(":memory:");
    IS("SELECT count(*) FROM pythia_control, pythia_control_log", "0");
    RUN("BEGIN");
    RUN("INSERT INTO pythia_control(tracepoint) VALUES('a/b'), ('a/c'), ('/x/')");
    IS("SELECT count(*) FROM pythia_control", "3");
    RUN("ROLLBACK");
    IS("SELECT count(*) FROM pythia_control", "0");
    IS("SELECT count(*) FROM sqlite_schema", "0");
    RUN("INSERT INTO pythia_backends(name, kind, target) VALUES('a', 'sql', 'switch'), "
        "('b', 'sql', 'absent')");
    RUN("INSERT INTO pythia_control(tracepoint, enabled) SELECT 'x/' || name, 0 FROM "
        "pythia_backends WHERE name IS NOT NULL");
    HEARD("prepare x/a=0{} prepare x/b=0{} apply x/a=0{} apply x/b=0{}");
    IS("SELECT tracepoint, state FROM pythia_control", "x/a|pending x/b|pending");
    teardown();
}

PYTHIA_SUITE(control, {"the first write makes the store", test_first_write},
             {"a callback is told what changes", test_callback},
             {"commit, rollback, savepoints, refusal", test_transactions},
             {"request types", test_request_types},
             {"trace points that the host lists", test_points_of_host},
             {"an SQL function as back end", test_sql_back_end},
             {"a refusal abandons what was prepared", test_abandon},
             {"apply fails and is tried again", test_failure_and_retry},
             {"reconcile, and back ends out of reach", test_reconcile},
             {"no back end", test_no_back_end},
             {"writes that are refused, and schemas", test_writes}, {"expiry", test_expiry},
             {"what holds after expiry", test_expiry_then}, {"a commit that is busy", test_busy},
             {"reopening", test_reopen})
