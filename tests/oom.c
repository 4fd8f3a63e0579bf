/* oom.c - fails every n-th allocation and looks at what comes of it.
**
** A scenario is a file tests/oom/<name>.sql. Its statements up to a line `-- fail` are the setup and run once,
** undisturbed; the others run again and again on a copy of that database, the first time with their first
** allocation failing, then the second, and so on until no failure is reached. More scenarios need no file:
** `load` is the loading of the extension itself; `table NAME`, for each table that it registers, reads
** some rows of it after an import; `function NAME`, for each function that may stand in a schema, calls it
** on a few rows. So a new table or function is covered without being listed here. After each run:
**
**   - the outcome is exactly that of an undisturbed run (rows, or an error), or out of memory;
**   - the connection closes, and all memory and all file descriptors are given back;
**   - with a line `-- retry` in the script: the same connection, now undisturbed, gives those rows.
**
** In a script @TMP@ stands for an empty directory, which all its runs share, and PAGE for the path of a control
** page that holds records, and cells of aggregates.
**
** Every scenario runs in a process of its own, so that a crash is a failure with a number. Twice: with one
** allocation failing (the program goes on with memory again), and with all from the n-th on.
**
**   oom [--stride [SECONDS]] [name ...]     --stride: only as many n as fit into that time, spread evenly */
#define _GNU_SOURCE   /* nftw() */
#define HOSTILE_SLOTS 4096
#include "ext/base/sqlite.h"
#include "tests/hostile_page.h"

#include <dirent.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_SCENARIOS = 600, MAX_MESSAGE = 1000, MAX_COMPLAINTS = 5, FIRST_ALWAYS = 20 };

/* ---- the allocator that fails ---------------------------------------------------------------------- */

static sqlite3_mem_methods real;
static atomic_long outstanding; /* blocks handed out and not given back */
static atomic_long countdown;   /* the allocation that fails; 0 or less: none */
static atomic_long reached;     /* failures so far */
static atomic_int persistent;   /* all later ones fail too */
static atomic_int armed;
static atomic_long counted; /* allocations while armed */

static int fails(void) {
    if (!atomic_load(&armed)) return 0;
    atomic_fetch_add(&counted, 1);
    long left = atomic_fetch_sub(&countdown, 1);
    int now = left == 1 || (left < 1 && atomic_load(&persistent) && atomic_load(&reached));
    if (now) atomic_fetch_add(&reached, 1);
    return now;
}

static void *failing_malloc(int bytes) {
    void *memory = fails() ? NULL : real.xMalloc(bytes);
    if (memory) atomic_fetch_add(&outstanding, 1);
    return memory;
}

static void *failing_realloc(void *old, int bytes) {
    return fails() ? NULL : real.xRealloc(old, bytes);
}

static void counting_free(void *memory) {
    atomic_fetch_sub(&outstanding, 1);
    real.xFree(memory);
}

static void install_allocator(void) {
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real);
    sqlite3_mem_methods mine = real;
    mine.xMalloc = failing_malloc;
    mine.xRealloc = failing_realloc;
    mine.xFree = counting_free;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &mine);
    /* Without lookaside every small allocation of SQLite can fail too. */
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
    sqlite3_initialize();
}

/* n 0: counts only. */
static void arm(long n, int all_later) {
    atomic_store(&countdown, n ? n : -1);
    atomic_store(&persistent, all_later);
    atomic_store(&reached, 0);
    atomic_store(&counted, 0);
    atomic_store(&armed, 1);
}

static void disarm(void) {
    atomic_store(&armed, 0);
}

/* ---- one scenario ---------------------------------------------------------------------------------- */

/* What the process of a scenario leaves behind, in memory shared with its parent. */
typedef struct Report {
    long n;        /* the run under way */
    int all_later; /* its kind */
    long runs;     /* runs done */
    long points;   /* allocations of an undisturbed run */
    int failed;
    char message[MAX_MESSAGE];
} Report;

typedef struct Scenario {
    char name[120];
    char *setup, *script; /* from malloc(); NULL, NULL: loading */
    int retry; /* the script changes nothing: after a failure it must work on the same connection */
    int may_fail; /* an error is a fine outcome of an undisturbed run: the table wants arguments */
} Scenario;

/* What a run gave: result code and a hash (FNV-1a) over all values of all rows. */
typedef struct Outcome {
    int rc;
    uint64_t hash;
    char error[300];
} Outcome;

static void hash_bytes(uint64_t *hash, const void *bytes, size_t n) {
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++)
        *hash = (*hash ^ p[i]) * 0x100000001b3u;
}

/* Hashes the row; SQLITE_NOMEM when a value could not be had as text. */
static int hash_row(sqlite3_stmt *statement, uint64_t *hash) {
    int columns = sqlite3_column_count(statement);
    for (int i = 0; i < columns; i++) {
        int type = sqlite3_column_type(statement, i);
        hash_bytes(hash, &type, sizeof type);
        if (type == SQLITE_NULL) continue;
        const void *bytes = sqlite3_column_blob(statement, i);
        int n = sqlite3_column_bytes(statement, i);
        if (!bytes && sqlite3_errcode(sqlite3_db_handle(statement)) == SQLITE_NOMEM)
            return SQLITE_NOMEM;
        hash_bytes(hash, &n, sizeof n);
        if (bytes) hash_bytes(hash, bytes, (size_t)n);
    }
    return SQLITE_OK;
}

/* Runs statements until one fails. */
static Outcome run_sql(sqlite3 *db, const char *sql) {
    Outcome out = {SQLITE_OK, 0xcbf29ce484222325u, ""};
    while (!out.rc && *sql) {
        sqlite3_stmt *statement = NULL;
        out.rc = sqlite3_prepare_v2(db, sql, -1, &statement, &sql);
        while (!out.rc && statement) {
            int step = sqlite3_step(statement);
            if (step == SQLITE_DONE) break;
            out.rc = step == SQLITE_ROW ? hash_row(statement, &out.hash) : step;
        }
        if (out.rc)
            snprintf(out.error, sizeof out.error, "%s [%.200s]", sqlite3_errmsg(db),
                     statement ? sqlite3_sql(statement) : sql);
        int rc = sqlite3_finalize(statement);
        if (!out.rc) out.rc = rc;
    }
    return out;
}

static int is_nomem(int rc) {
    return rc == SQLITE_NOMEM || rc == SQLITE_IOERR_NOMEM;
}

static int count_files(void) {
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        n++;
    if (dir) closedir(dir);
    return n;
}

static void complain(Report *report, const char *what, const char *detail) {
    if (report->failed++ >= MAX_COMPLAINTS) return;
    size_t n = strlen(report->message);
    snprintf(report->message + n, sizeof report->message - n, "    n=%ld%s: %s%s%s\n", report->n,
             report->all_later ? " and all later" : "", what, *detail ? ": " : "", detail);
}

/* A fresh connection with a copy of the master database, extended unless `bare`. */
static sqlite3 *open_copy(sqlite3 *master, int bare) {
    sqlite3 *db = NULL;
    char *error = NULL;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK) abort();
    sqlite3_extended_result_codes(db, 1);
    sqlite3_backup *backup = sqlite3_backup_init(db, "main", master, "main");
    if (!backup || sqlite3_backup_step(backup, -1) != SQLITE_DONE) abort();
    sqlite3_backup_finish(backup);
    if (!bare && sqlite3_pythia_init(db, &error, NULL) & 0xff) abort();
    return db;
}

static Outcome load(sqlite3 *db) {
    char *error = NULL;
    Outcome out = {sqlite3_pythia_init(db, &error, NULL), 0, ""};
    if (out.rc && error) snprintf(out.error, sizeof out.error, "%s", error);
    sqlite3_free(error);
    return out;
}

/* One run with failure n (0: none). Returns 0 when the failure was not reached. */
static int run_once(const Scenario *scenario, sqlite3 *master, long n, const Outcome *expected,
                    Outcome *got, Report *report) {
    long blocks = atomic_load(&outstanding);
    int files = count_files();
    sqlite3 *db = open_copy(master, !scenario->script);
    arm(n, report->all_later);
    *got = scenario->script ? run_sql(db, scenario->script) : load(db);
    disarm();
    int hit = atomic_load(&reached) > 0;
    if (expected) {
        if (!is_nomem(got->rc) && got->rc != expected->rc)
            complain(report, "the result is not out of memory", got->error);
        if (got->rc == expected->rc && got->hash != expected->hash)
            complain(report, "a failure was swallowed and the rows are wrong", "");
    }
    if (expected && scenario->retry && got->rc) {
        if (!sqlite3_get_autocommit(db)) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        Outcome again = run_sql(db, scenario->script);
        if (again.rc != expected->rc || again.hash != expected->hash)
            complain(report, "the connection does not recover", again.error);
    }
    if (sqlite3_close(db) != SQLITE_OK) {
        complain(report, "the connection cannot be closed", sqlite3_errmsg(db));
        sqlite3_close_v2(db);
    }
    char detail[100];
    if (atomic_load(&outstanding) != blocks) {
        snprintf(detail, sizeof detail, "%ld blocks", atomic_load(&outstanding) - blocks);
        complain(report, "memory was lost", detail);
    }
    if (count_files() != files) complain(report, "a file was left open", "");
    report->runs++;
    return hit;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Sweeps n; `limit` seconds, 0: no limit, every n. */
static void sweep(const Scenario *scenario, sqlite3 *master, const Outcome *expected, double limit,
                  double one_run, Report *report) {
    Outcome got;
    double wanted = limit > 0 ? limit / (one_run > 1e-6 ? one_run : 1e-6) : 1e18;
    double step = (double)report->points / wanted;
    double next = 1, start = seconds();
    for (;;) {
        report->n = (long)next;
        if (!run_once(scenario, master, report->n, expected, &got, report)) break;
        if (report->failed >= MAX_COMPLAINTS) break;
        if (limit > 0 && seconds() - start > limit) break;
        next += report->n < FIRST_ALWAYS || step < 1 ? 1 : step;
    }
}

static void run_scenario(const Scenario *scenario, double limit, Report *report) {
    sqlite3 *master = NULL;
    char *error = NULL;
    if (sqlite3_open(":memory:", &master) != SQLITE_OK) abort();
    if (scenario->script && sqlite3_pythia_init(master, &error, NULL) & 0xff) abort();
    Outcome out = run_sql(master, scenario->setup ? scenario->setup : "");
    if (out.rc) {
        complain(report, "the setup fails", out.error);
        return;
    }
    Outcome expected;
    /* What SQLite allocates once in a process is not a loss. */
    run_once(scenario, master, 0, NULL, &expected, report);
    report->failed = 0;
    report->message[0] = 0;
    double start = seconds();
    run_once(scenario, master, 0, NULL, &expected, report);
    double one_run = seconds() - start;
    report->points = atomic_load(&counted);
    if (expected.rc & 0xff && !scenario->may_fail)
        complain(report, "fails without any failure injected", expected.error);
    else
        for (report->all_later = 0; report->all_later < 2; report->all_later++)
            sweep(scenario, master, &expected, limit / 2, one_run, report);
    sqlite3_close(master);
}

/* ---- the scenarios --------------------------------------------------------------------------------- */

static char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    long n = ftell(file);
    rewind(file);
    char *text = calloc(1, (size_t)n + 1);
    if (text && fread(text, 1, (size_t)n, file) != (size_t)n) text[0] = 0;
    fclose(file);
    return text;
}

static Hostile page;

/* Makes the page of the scripts. */
static int page_make(void) {
    if (!hostile_open(&page) || !hostile_connect(&page)) return 0;
    for (int i = 0; i < 8; i++) /* more than once through the windows */
        hostile_pass(i);
    hostile_disconnect(&page);
    return 1;
}

/* The script with the path of the page in it; takes the script. */
static char *page_put(char *script) {
    char *at = script ? strstr(script, "PAGE") : NULL;
    if (!at) return script;
    char *with = malloc(strlen(script) + sizeof page.path);
    sprintf(with, "%.*s%s%s", (int)(at - script), script, page.path, at + 4);
    free(script);
    return with;
}

/* Reads tests/oom/<name>.sql and cuts it at the line `-- fail`. */
static int read_scenario(Scenario *scenario, const char *name) {
    char path[300];
    memset(scenario, 0, sizeof *scenario);
    snprintf(scenario->name, sizeof scenario->name, "%s", name);
    if (strcmp(name, "load") == 0) return 1;
    snprintf(path, sizeof path, "tests/oom/%s.sql", name);
    scenario->script = page_put(read_file(path));
    if (!scenario->script) return 0;
    scenario->retry = strstr(scenario->script, "-- retry\n") != NULL;
    char *cut = strstr(scenario->script, "-- fail\n");
    if (cut) {
        scenario->setup = scenario->script;
        scenario->script = strdup(cut + strlen("-- fail\n"));
        *cut = 0;
    }
    return 1;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const Scenario *)a)->name, ((const Scenario *)b)->name);
}

static int add_files(Scenario *scenarios, int n) {
    DIR *dir = opendir("tests/oom");
    for (struct dirent *entry; dir && (entry = readdir(dir)) && n < MAX_SCENARIOS;) {
        char name[300];
        snprintf(name, sizeof name, "%s", entry->d_name);
        char *end = strrchr(name, '.');
        if (!end || strcmp(end, ".sql") != 0) continue;
        *end = 0;
        n += read_scenario(&scenarios[n], name);
    }
    if (dir) closedir(dir);
    return n;
}

/* Adds one scenario; takes the script, which comes from sqlite3_mprintf(). */
static int add_one(Scenario *scenarios, int n, const char *kind, const char *name,
                   const char *setup, char *script) {
    Scenario *s = &scenarios[n];
    memset(s, 0, sizeof *s);
    snprintf(s->name, sizeof s->name, "%s %s", kind, name);
    s->setup = strdup(setup);
    s->script = strdup(script);
    s->retry = s->may_fail = 1;
    sqlite3_free(script);
    return n + 1;
}

static int add_tables(Scenario *scenarios, int n, sqlite3 *db) {
    sqlite3_stmt *statement;
    const char *setup = "SELECT pythia_import('fixtures/otel-shop/nplus1.otlp.jsonl.gz')";
    if (sqlite3_prepare_v2(db, setup, -1, &statement, NULL) != SQLITE_OK) setup = "";
    sqlite3_finalize(statement);
    sqlite3_prepare_v2(
        db, "SELECT name FROM pragma_module_list WHERE name LIKE 'pythia\\_%' ESCAPE '\\'", -1,
        &statement, NULL);
    while (sqlite3_step(statement) == SQLITE_ROW && n < MAX_SCENARIOS) {
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        n = add_one(scenarios, n, "table", name, setup,
                    sqlite3_mprintf("SELECT * FROM %s LIMIT 40", name));
    }
    sqlite3_finalize(statement);
    return n;
}

/* Functions that are not in the table `known`, and that do not act: called on numbers, then on anything. */
static int add_functions(Scenario *scenarios, int n, sqlite3 *db) {
    static const char *const setup = "CREATE TABLE t(x); INSERT INTO t VALUES "
                                     "(3), (1.5), (NULL), ('12'), ('a b'), (9), (4)";
    static const char *const numbers[] = {"", "x", "x, x * x", "x, x + 1, x % 2",
                                          "x, x + 1, x % 2, 1"};
    static const char *const anything[] = {"", "x", "x, x", "x, x, x", "x, x, x, x"};
    sqlite3_stmt *statement;
    sqlite3_prepare_v2(
        db,
        "SELECT DISTINCT name, narg FROM pragma_function_list WHERE NOT flags & ?1 AND "
        "(name, narg) NOT IN (SELECT name, narg FROM known)",
        -1, &statement, NULL);
    sqlite3_bind_int(statement, 1, SQLITE_DIRECTONLY);
    while (sqlite3_step(statement) == SQLITE_ROW && n < MAX_SCENARIOS) {
        char name[100];
        const char *function = (const char *)sqlite3_column_text(statement, 0);
        int arguments = sqlite3_column_int(statement, 1);
        snprintf(name, sizeof name, "%s/%d", function, arguments);
        if (arguments < 0 || arguments > 4) arguments = 2;
        n = add_one(scenarios, n, "function", name, setup,
                    sqlite3_mprintf("SELECT %s(%s) FROM t WHERE typeof(x) <> 'text';"
                                    "SELECT %s(%s) FROM t",
                                    function, numbers[arguments], function, anything[arguments]));
    }
    sqlite3_finalize(statement);
    return n;
}

/* Asks the extension what it registers, in a connection of this process; SQLite is shut down afterwards,
** so that the processes of the scenarios can set their allocator. */
static int add_registered(Scenario *scenarios, int n) {
    sqlite3 *db;
    char *error = NULL;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK) abort();
    sqlite3_exec(db,
                 "CREATE TEMP TABLE known(name, narg);"
                 "INSERT INTO known SELECT name, narg FROM pragma_function_list",
                 NULL, NULL, NULL);
    if (sqlite3_pythia_init(db, &error, NULL) & 0xff) {
        fprintf(stderr, "oom: %s\n", error ? error : "the extension does not load");
        exit(2);
    }
    n = add_tables(scenarios, n, db);
    n = add_functions(scenarios, n, db);
    sqlite3_close(db);
    sqlite3_shutdown();
    return n;
}

static int all_scenarios(Scenario *scenarios) {
    int n = read_scenario(&scenarios[0], "load");
    n = add_files(scenarios, n);
    n = add_registered(scenarios, n);
    qsort(scenarios, (size_t)n, sizeof *scenarios, by_name);
    return n;
}

/* The text with every @TMP@ replaced; takes it. */
static char *place(char *text, const char *directory) {
    for (char *at; text && (at = strstr(text, "@TMP@")) != NULL;) {
        *at = 0;
        char *longer = sqlite3_mprintf("%s%s%s", text, directory, at + 5);
        free(text);
        text = strdup(longer);
        sqlite3_free(longer);
    }
    return text;
}

static int remove_one(const char *path, const struct stat *status, int what, struct FTW *where) {
    (void)status, (void)what, (void)where;
    return remove(path);
}

/* Runs one scenario in a child process; 1 when it passed. */
static int run_apart(Scenario *scenario, double limit) {
    char directory[] = "/tmp/pythia-oom-XXXXXX";
    int placed = scenario->script && strstr(scenario->script, "@TMP@") != NULL;
    if (placed) {
        if (!mkdtemp(directory)) abort();
        scenario->setup = place(scenario->setup, directory);
        scenario->script = place(scenario->script, directory);
        sqlite3_shutdown();
    }
    Report *report =
        mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED) abort();
    double start = seconds();
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        install_allocator();
        run_scenario(scenario, limit, report);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status) complain(report, WIFSIGNALED(status) ? "crashed" : "exited", "");
    printf("%s %s: %ld allocations, %ld runs, %.1f s\n%s", report->failed ? "FAILED" : "ok    ",
           scenario->name, report->points, report->runs, seconds() - start, report->message);
    int ok = !report->failed;
    if (placed) nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    munmap(report, sizeof *report);
    return ok;
}

int main(int argc, char **argv) {
    static Scenario scenarios[MAX_SCENARIOS];
    double limit = 0;
    int n = 0, i = 1, passed = 0;
    if (i < argc && strcmp(argv[i], "--stride") == 0) {
        limit = 45;
        if (++i < argc && atof(argv[i]) > 0) limit = atof(argv[i++]);
    }
    if (!page_make()) {
        fprintf(stderr, "oom: no control page can be made\n");
        return 2;
    }
    n = all_scenarios(scenarios);
    for (int k = i < argc ? 0 : n; k < n;) { /* only those named */
        int chosen = 0;
        for (int a = i; a < argc; a++)
            chosen |= strcmp(scenarios[k].name, argv[a]) == 0;
        if (chosen)
            k++;
        else
            memmove(&scenarios[k], &scenarios[k + 1], (size_t)(--n - k) * sizeof scenarios[0]);
    }
    if (!n) {
        fprintf(stderr, "oom: no such scenario\n");
        hostile_close(&page);
        return 2;
    }
    for (int k = 0; k < n; k++) {
        passed += run_apart(&scenarios[k], limit / n);
        free(scenarios[k].setup);
        free(scenarios[k].script);
    }
    hostile_close(&page);
    printf("oom: %d passed, %d failed, 0 skipped\n", passed, n - passed);
    return passed < n;
}
