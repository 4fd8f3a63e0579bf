/* security.c - what a hostile schema must not be able to do.
**
** Loads the extension as any program would, looks at everything that it registered, and checks that what
** acts (reads files, opens ports, switches trace points) answers only to statements, never to views or
** triggers; that the store's own tables cannot be written behind its back; and that odd names are names.
** A check whose subject is not registered is skipped.
**
**   security path/to/pythia.so */
#include <sqlite3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Functions that act on the world outside of their arguments. */
static const char *const acting[] = {"pythia_import",    "pythia_export", "pythia_listen",
                                     "pythia_collect",   "pythia_init",   "pythia_step",
                                     "pythia_reconcile", "pythia_learn",  "pythia_shutdown"};
/* Functions that read the store of their connection: harmless, but not for any schema to call. */
static const char *const reading[] = {"pythia_attribute", "pythia_happened_before",
                                      "pythia_concurrent"};

enum { DIRECT_ONLY = SQLITE_DIRECTONLY, INNOCUOUS = SQLITE_INNOCUOUS };

static const char *extension;
static const char *check_name;
static int check_failed, check_skipped;
static int passed, failed, skipped;

static void fail(const char *what, const char *detail) {
    printf("FAILED %s: %s: %s\n", check_name, what, detail ? detail : "");
    check_failed = 1;
}

static void skip(const char *why) {
    printf("skipped %s: %s\n", check_name, why);
    check_skipped = 1;
}

static sqlite3 *opened(void) {
    sqlite3 *db = NULL;
    char *error = NULL;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK) abort();
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
    if (sqlite3_load_extension(db, extension, NULL, &error) != SQLITE_OK) {
        fprintf(stderr, "security: %s: %s\n", extension, error ? error : "cannot be loaded");
        exit(2);
    }
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    return db;
}

static void closed(sqlite3 *db) {
    if (sqlite3_close(db) != SQLITE_OK) fail("the connection cannot be closed", sqlite3_errmsg(db));
}

static void must_work(sqlite3 *db, const char *sql) {
    char *error = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) fail(sql, error);
    sqlite3_free(error);
}

/* The statement must fail with a message that contains `part`. */
static void must_fail(sqlite3 *db, const char *sql, const char *part) {
    char *error = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &error) == SQLITE_OK)
        fail(sql, "succeeded");
    else if (!error || !strstr(error, part))
        fail(sql, error);
    sqlite3_free(error);
}

/* The first value of a query as an integer, or -1. */
static int number(sqlite3 *db, const char *sql) {
    sqlite3_stmt *statement = NULL;
    int n = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail(sql, sqlite3_errmsg(db));
    else if (sqlite3_step(statement) == SQLITE_ROW)
        n = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return n;
}

static int is_one_of(const char *name, const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0) return 1;
    return 0;
}
#define IS_ONE_OF(name, names) is_one_of(name, names, sizeof(names) / sizeof(names)[0])

/* Fills what[] with the names of functions that the extension registered, with the largest number of
** arguments of each; returns their number. */
typedef struct Function {
    char name[80];
    int arguments, flags;
} Function;
enum { MAX_FUNCTIONS = 400 };

static int registered(Function *functions) {
    sqlite3 *db = opened(), *bare;
    sqlite3_stmt *all, *known;
    int n = 0;
    if (sqlite3_open(":memory:", &bare) != SQLITE_OK) abort();
    sqlite3_prepare_v2(db, "SELECT name, narg, flags FROM pragma_function_list ORDER BY 1, 2", -1,
                       &all, NULL);
    sqlite3_prepare_v2(bare, "SELECT 1 FROM pragma_function_list WHERE name = ?1 AND narg = ?2", -1,
                       &known, NULL);
    while (sqlite3_step(all) == SQLITE_ROW && n < MAX_FUNCTIONS) {
        sqlite3_bind_value(known, 1, sqlite3_column_value(all, 0));
        sqlite3_bind_value(known, 2, sqlite3_column_value(all, 1));
        int old = sqlite3_step(known) == SQLITE_ROW;
        sqlite3_reset(known);
        if (old) continue;
        Function *f = &functions[n++];
        snprintf(f->name, sizeof f->name, "%s", (const char *)sqlite3_column_text(all, 0));
        f->arguments = sqlite3_column_int(all, 1);
        f->flags = sqlite3_column_int(all, 2);
    }
    sqlite3_finalize(all);
    sqlite3_finalize(known);
    sqlite3_close(bare);
    closed(db);
    return n;
}

/* ---- checks ---------------------------------------------------------------------------------------- */

static Function functions[MAX_FUNCTIONS];
static int nfunctions;

static void check_tags(void) {
    if (!nfunctions) skip("no functions");
    for (int i = 0; i < nfunctions; i++) {
        const Function *f = &functions[i];
        if (IS_ONE_OF(f->name, acting)) {
            if (!(f->flags & DIRECT_ONLY)) fail("acts, but is not DIRECTONLY", f->name);
        } else if (!IS_ONE_OF(f->name, reading) && !(f->flags & (INNOCUOUS | DIRECT_ONLY))) {
            fail("is neither innocuous nor direct only; say in tests/security.c why", f->name);
        }
        /* pythia_pivot turns text into text, and looks at no traces. */
        if (f->flags & INNOCUOUS && strncmp(f->name, "pythia_", 7) == 0 &&
            strcmp(f->name, "pythia_version") != 0 && strcmp(f->name, "pythia_pivot") != 0)
            fail("belongs to the store, and is innocuous", f->name);
    }
}

/* "f(NULL, NULL)" with as many NULLs as the function takes. */
static void call_text(const Function *f, char *out, size_t n) {
    int used = snprintf(out, n, "%s(", f->name);
    for (int i = 0; i < f->arguments; i++)
        used += snprintf(out + used, n - (size_t)used, i ? ", NULL" : "NULL");
    snprintf(out + used, n - (size_t)used, ")");
}

static void check_acting(void) {
    int seen = 0;
    for (int i = 0; i < nfunctions; i++) {
        const Function *f = &functions[i];
        char call[300], sql[600];
        if (!IS_ONE_OF(f->name, acting)) continue;
        seen++;
        call_text(f, call, sizeof call);
        sqlite3 *db = opened();
        snprintf(sql, sizeof sql, "CREATE VIEW v AS SELECT %s AS x; SELECT * FROM v", call);
        must_fail(db, sql, "unsafe use of");
        must_work(db, "CREATE TABLE t(a)");
        snprintf(
            sql, sizeof sql,
            "CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT %s; END; INSERT INTO t VALUES(1)",
            call);
        must_fail(db, sql, "unsafe use of");
        snprintf(sql, sizeof sql,
                 "DROP TRIGGER tr; CREATE TABLE u(a DEFAULT (%s)); INSERT INTO u DEFAULT VALUES",
                 call);
        must_fail(db, sql, "unsafe use of");
        closed(db);
    }
    if (!seen) skip("no acting function is registered");
}

static int has_module(sqlite3 *db, const char *name) {
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pragma_module_list WHERE name = '%s'", name);
    return number(db, sql) == 1;
}

static void check_control(void) {
    static const char *const kinds[] = {"", "TEMP "};
    static const char *const writes[] = {
        "INSERT INTO pythia_control(tracepoint, enabled) VALUES('a', 1)",
        "INSERT INTO pythia_backends(name, kind, target) VALUES('a', 'page', '/tmp/x')"};
    sqlite3 *db = opened();
    if (!has_module(db, "pythia_control")) {
        skip("pythia_control is not registered");
    } else {
        for (int i = 0; i < 4; i++) {
            char sql[500];
            snprintf(
                sql, sizeof sql,
                "DROP TABLE IF EXISTS t; CREATE TABLE t(a); CREATE %sTRIGGER tr AFTER INSERT ON t "
                "BEGIN %s; END; INSERT INTO t VALUES(1)",
                kinds[i % 2], writes[i / 2]);
            must_fail(db, sql, "unsafe use of virtual table");
        }
        must_fail(db, "CREATE VIEW w AS SELECT * FROM pythia_control; SELECT * FROM w",
                  "unsafe use of virtual table");
        must_fail(db, "CREATE VIEW x AS SELECT * FROM pythia_backends; SELECT * FROM x",
                  "unsafe use of virtual table");
    }
    closed(db);
}

/* Functions of arguments alone stay usable in views when the schema is not trusted. */
static void check_untrusted(void) {
    sqlite3 *db = opened();
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    must_work(db,
              "CREATE VIEW v AS SELECT 'abc' REGEXP 'b' AS m, format_ns(1) AS f; SELECT * FROM v");
    for (int i = 0; i < nfunctions; i++) {
        char call[300], sql[600];
        if (!IS_ONE_OF(functions[i].name, reading)) continue;
        call_text(&functions[i], call, sizeof call);
        snprintf(sql, sizeof sql, "CREATE VIEW r%d AS SELECT %s; SELECT * FROM r%d", i, call, i);
        must_fail(db, sql, "unsafe use of");
    }
    closed(db);
}

/* In defensive mode nobody writes to the tables that hold the store. */
static void check_shadow(void) {
    sqlite3 *db = opened();
    if (!IS_ONE_OF("pythia_init", acting) ||
        number(db, "SELECT count(*) FROM pragma_function_list WHERE name = 'pythia_init'") < 1) {
        skip("pythia_init is not registered");
        closed(db);
        return;
    }
    must_work(db, "SELECT pythia_init()");
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_stmt *list;
    int n = 0;
    sqlite3_prepare_v2(db,
                       "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND "
                       "name LIKE 'pythia\\_x%' ESCAPE '\\'",
                       -1, &list, NULL);
    while (sqlite3_step(list) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(list, 0);
        const char *type = (const char *)sqlite3_column_text(list, 1);
        if (strcmp(type, "shadow") != 0) fail("is not protected as a shadow table", name);
        char sql[300];
        snprintf(sql, sizeof sql, "DELETE FROM \"%s\"", name);
        must_fail(db, sql, "may not be modified");
        n++;
    }
    sqlite3_finalize(list);
    if (!n) fail("the store has no tables", "");
    must_fail(db, "DROP TABLE pythia_xconfig", "may not be dropped");
    closed(db);
}

/* A schema name is a name, whatever stands in it. */
static void check_schema_names(void) {
    static const char *const names[] = {"it''s", "a\"b", "x]; DROP TABLE victim; --", "\xc3\xa9",
                                        "select"};
    sqlite3 *db = opened();
    if (!has_module(db, "pythia_traces") ||
        number(db, "SELECT count(*) FROM pragma_function_list WHERE name = 'pythia_init'") < 1) {
        skip("there is no store yet");
        closed(db);
        return;
    }
    must_work(db, "CREATE TABLE victim(a)");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char sql[400];
        snprintf(sql, sizeof sql,
                 "ATTACH ':memory:' AS '%s'; SELECT count(*) FROM pythia_traces('%s');"
                 "SELECT pythia_init('%s'); SELECT count(*) FROM pythia_traces('%s'); DETACH '%s'",
                 names[i], names[i], names[i], names[i], names[i]);
        must_work(db, sql);
    }
    must_fail(db, "SELECT * FROM pythia_traces('nowhere')", "nowhere");
    must_work(db, "SELECT * FROM victim");
    closed(db);
}

static void check_cca_query(void) {
    sqlite3 *db = opened();
    if (!has_module(db, "cca_query")) {
        skip("cca_query is not registered");
    } else {
        must_work(db,
                  "CREATE TABLE victim(a, b); INSERT INTO victim VALUES (1, 2), (3, 5), (4, 4)");
        static const char *const writes[] = {
            "SELECT * FROM cca_query('DELETE FROM victim RETURNING a, b', 1)",
            "SELECT * FROM cca_query('PRAGMA user_version = 7', 1)",
            "SELECT * FROM cca_query('SELECT a, b FROM victim; DELETE FROM victim', 1)",
            "SELECT * FROM cca_query('ATTACH '':memory:'' AS x', 1)"};
        for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++)
            must_fail(db, writes[i], "");
        if (number(db, "SELECT count(*) FROM victim") != 3) fail("rows are gone", "");
        if (number(db, "PRAGMA user_version") != 0) fail("a pragma was run", "");
    }
    closed(db);
}

/* A strategy is text in a database that may come from anybody: all it can do is look. */
static void check_strategies(void) {
    static const char *const texts[] = {
        "SELECT pythia_import(''/etc/passwd'')",
        "SELECT 1 WHERE pythia_learn() > 0",
        "SELECT pythia_reconcile()",
        ("WITH a AS MATERIALIZED (SELECT load_extension(''x'') AS y)"
         " SELECT y FROM a"),
        "SELECT max(pythia_init()) OVER () FROM victim",
        "SELECT a FROM victim ORDER BY pythia_init()",
        "INSERT INTO victim VALUES(2) RETURNING a",
        "DELETE FROM victim RETURNING a",
        "PRAGMA user_version = 7",
        "ATTACH '':memory:'' AS x",
        "SELECT a FROM victim; DELETE FROM victim",
        "SELECT a FROM victim WHERE a = :other",
        "EXPLAIN SELECT 1",
        "BEGIN",
        "",
        "SELECT"};
    sqlite3 *db = opened();
    must_work(db, "SELECT pythia_init(); CREATE TABLE victim(a); INSERT INTO victim VALUES(1)");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char sql[400];
        snprintf(sql, sizeof sql, "INSERT INTO pythia_strategies(name, sql) VALUES('s', '%s')",
                 texts[i]);
        must_fail(db, sql, "pythia_strategies: ");
    }
    if (number(db, "SELECT count(*) FROM pythia_strategies WHERE name = 's'") != 0)
        fail("a strategy was stored", "");
    if (number(db, "SELECT count(*) FROM victim") != 1) fail("rows were changed", "");
    closed(db);
}

/* Every table answers or says why not, and none keeps the connection from closing. */
static void check_tables(void) {
    sqlite3 *db = opened();
    sqlite3_stmt *list;
    int n = 0;
    sqlite3_prepare_v2(
        db,
        "SELECT name FROM pragma_module_list WHERE name LIKE 'pythia\\_%' ESCAPE '\\' "
        "OR name LIKE 'cca%'",
        -1, &list, NULL);
    while (sqlite3_step(list) == SQLITE_ROW) {
        char sql[300], *error = NULL;
        snprintf(sql, sizeof sql, "SELECT * FROM \"%s\" LIMIT 3",
                 (const char *)sqlite3_column_text(list, 0));
        int rc = sqlite3_exec(db, sql, NULL, NULL, &error);
        if (rc != SQLITE_OK && rc != SQLITE_ERROR) fail(sql, error);
        if (rc == SQLITE_ERROR && (!error || strcmp(error, "SQL logic error") == 0 ||
                                   strcmp(error, "no query solution") == 0))
            fail(sql, "fails without saying why");
        sqlite3_free(error);
        n++;
    }
    sqlite3_finalize(list);
    if (!n) skip("no tables are registered");
    closed(db);
}

static void check_load_twice(void) {
    sqlite3 *db = opened();
    char *error = NULL;
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
    if (sqlite3_load_extension(db, extension, NULL, &error) != SQLITE_OK)
        fail("second load", error);
    sqlite3_free(error);
    must_work(db, "SELECT format_ns(1)");
    closed(db);
}

static void run(const char *name, void (*check)(void)) {
    check_name = name;
    check_failed = check_skipped = 0;
    check();
    failed += check_failed;
    skipped += check_skipped && !check_failed;
    passed += !check_failed && !check_skipped;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: security path/to/pythia.so\n");
        return 2;
    }
    extension = argv[1];
    char beside[4096]; /* a bare name would be looked for in the library path */
    if (!strchr(extension, '/')) {
        snprintf(beside, sizeof beside, "./%s", extension);
        extension = beside;
    }
    nfunctions = registered(functions);
    run("functions are tagged", check_tags);
    run("what acts is refused in views and triggers", check_acting);
    run("pythia_control is refused in triggers and views", check_control);
    run("an untrusted schema gets pure functions only", check_untrusted);
    run("shadow tables are protected", check_shadow);
    run("schema names are names", check_schema_names);
    run("cca_query only reads", check_cca_query);
    run("strategies can only look", check_strategies);
    run("tables answer or say why not", check_tables);
    run("loading twice", check_load_twice);
    printf("security: %d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed > 0;
}
