/* measure.c - what the benchmark measures inside one process that has SQLite and the extension open.
**
**   measure SO DATABASE time RUNS SQL                 first_ms median_ms
**   measure SO DATABASE cpu RUNS SQL                  the same in processor time
**   measure SO DATABASE lookup N IDS_SQL SQL          median_us p99_us max_us rows
**   measure SO DATABASE interrupt FILE DELAY_MS...    delay_ms return_ms left, a line for each delay
**   measure SO DATABASE empty OUTER PAIRS RUNS        join_ms scan_ms
**
** time runs SQL to its end, once cold and RUNS times more; SO may be "-": no extension.
** lookup takes N random values of the first column of IDS_SQL and runs SQL with each bound to ?1, twice;
** the second time is measured.
** interrupt imports FILE and calls sqlite3_interrupt from another thread after the delay; return_ms is from
** that call to the return of sqlite3_step. left is 0 when the import failed with SQLITE_INTERRUPT and the
** database has the same tables with the same numbers of rows as before, 1 when not, 2 when the import was
** done before the delay was over.
** empty is what SQLite takes for virtual tables that have nothing to do: a join of OUTER rows on the left with PAIRS rows
** on the right, the right table asked for every row of the left, and a scan of PAIRS rows; processor time, median. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void die(sqlite3 *db, const char *what) {
    fprintf(stderr, "%s%s%s\n", db ? sqlite3_errmsg(db) : "", db ? ": " : "", what);
    exit(1);
}

static double clock_ms(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double now_ms(void) {
    return clock_ms(CLOCK_MONOTONIC);
}

static sqlite3 *database_open(const char *so, const char *path) {
    sqlite3 *db;
    char *error = NULL;
    if (sqlite3_open(path, &db)) die(db, path);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
    if (strcmp(so, "-") != 0 && sqlite3_load_extension(db, so, NULL, &error)) {
        fprintf(stderr, "measure: %s\n", error);
        exit(1);
    }
    return db;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL)) die(db, sql);
    return s;
}

/* Runs a statement to its end and reads every column. Returns the number of rows. */
static int64_t run(sqlite3 *db, sqlite3_stmt *s) {
    int64_t rows = 0;
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        for (int i = sqlite3_column_count(s); i-- > 0;) {
            if (sqlite3_column_type(s, i) == SQLITE_TEXT) (void)sqlite3_column_text(s, i);
        }
        rows++;
    }
    if (rc != SQLITE_DONE) die(db, sqlite3_sql(s));
    sqlite3_reset(s);
    return rows;
}

static int double_compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sort(double *values, int n) {
    qsort(values, (size_t)n, sizeof *values, double_compare);
}

/* ---- time ---- */

static void measure_time(sqlite3 *db, clockid_t clock, int runs, const char *sql) {
    double *ms = calloc((size_t)runs + 1, sizeof *ms);
    if (!ms) die(NULL, "out of memory");
    double start = clock_ms(clock);
    sqlite3_stmt *s = prepare(db, sql);
    run(db, s);
    double first = clock_ms(clock) - start;
    for (int i = 0; i < runs; i++) {
        start = clock_ms(clock);
        run(db, s);
        ms[i] = clock_ms(clock) - start;
    }
    sort(ms, runs);
    printf("%.6f %.6f\n", first, runs ? ms[runs / 2] : first);
    sqlite3_finalize(s);
    free(ms);
}

/* ---- lookup ---- */

/* SplitMix64. */
static uint64_t random_bits(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void measure_lookup(sqlite3 *db, int n, const char *ids_sql, const char *sql) {
    char **ids = NULL;
    size_t nids = 0;
    uint64_t random = 1;
    int64_t rows = 0;
    sqlite3_stmt *s = prepare(db, ids_sql);
    while (sqlite3_step(s) == SQLITE_ROW) {
        if (!(nids & (nids - 1))) {
            char **grown = realloc(ids, (nids ? 2 * nids : 1) * sizeof *ids);
            if (!grown) die(NULL, "out of memory");
            ids = grown;
        }
        ids[nids++] = sqlite3_mprintf("%s", sqlite3_column_text(s, 0));
    }
    sqlite3_finalize(s);
    if (!nids) die(NULL, "no ids");
    double *us = calloc((size_t)n, sizeof *us);
    if (!us) die(NULL, "out of memory");
    s = prepare(db, sql);
    for (int i = 0; i < 2 * n; i++) {
        if (i == n) random = 1; /* the same ones again */
        sqlite3_bind_text(s, 1, ids[random_bits(&random) % nids], -1, SQLITE_STATIC);
        double start = now_ms();
        rows += run(db, s);
        us[i % n] = (now_ms() - start) * 1e3;
    }
    sqlite3_finalize(s);
    sort(us, n);
    printf("%.3f %.3f %.3f %lld\n", us[n / 2], us[n * 99 / 100], us[n - 1], (long long)(rows / 2));
    for (size_t i = 0; i < nids; i++)
        sqlite3_free(ids[i]);
    free(ids);
    free(us);
}

/* ---- interrupt ---- */

typedef struct Interrupter {
    sqlite3 *db;
    double delay_ms, at_ms;
} Interrupter;

static void *interrupter_run(void *argument) {
    Interrupter *i = argument;
    struct timespec t = {(time_t)(i->delay_ms / 1e3), (long)(i->delay_ms * 1e6) % 1000000000L};
    nanosleep(&t, NULL);
    i->at_ms = now_ms();
    sqlite3_interrupt(i->db);
    return NULL;
}

/* What the database holds: the tables and their numbers of rows, as one text. */
static char *contents(sqlite3 *db) {
    char *all = sqlite3_mprintf("");
    sqlite3_stmt *s = prepare(
        db, "SELECT name, (sql LIKE 'CREATE VIRTUAL%') FROM sqlite_schema WHERE type = 'table'");
    while (sqlite3_step(s) == SQLITE_ROW) {
        int64_t rows = 0;
        const char *name = (const char *)sqlite3_column_text(s, 0);
        if (!sqlite3_column_int(s, 1)) {
            char *sql = sqlite3_mprintf("SELECT count(*) FROM \"%w\"", name);
            sqlite3_stmt *count = prepare(db, sql);
            if (sqlite3_step(count) == SQLITE_ROW) rows = sqlite3_column_int64(count, 0);
            sqlite3_finalize(count);
            sqlite3_free(sql);
        }
        all = sqlite3_mprintf("%z%s %lld\n", all, name, (long long)rows);
    }
    sqlite3_finalize(s);
    return all;
}

static void measure_interrupt(sqlite3 *db, const char *file, double delay_ms) {
    Interrupter i = {db, delay_ms, 0};
    pthread_t thread;
    char *before = contents(db);
    sqlite3_stmt *s = prepare(db, "SELECT pythia_import(?1)");
    sqlite3_bind_text(s, 1, file, -1, SQLITE_STATIC);
    if (pthread_create(&thread, NULL, interrupter_run, &i)) die(NULL, "no thread");
    int rc = sqlite3_step(s);
    double end_ms = now_ms();
    pthread_join(thread, NULL);
    sqlite3_finalize(s);
    char *after = contents(db);
    int left = rc == SQLITE_ROW ? 2 : rc != SQLITE_INTERRUPT || strcmp(before, after) != 0;
    printf("%g %.3f %d\n", delay_ms, end_ms - i.at_ms, left);
    sqlite3_free(before);
    sqlite3_free(after);
}

/* ---- empty ---- */

/* rows(id, point, before HIDDEN): OUTER rows; with before = x as many as make PAIRS over all x. Without anything bound
** to `point` PAIRS rows. */
typedef struct EmptyCursor {
    sqlite3_vtab_cursor base;
    sqlite3_int64 row, n;
} EmptyCursor;
static sqlite3_int64 empty_outer, empty_pairs;

static int empty_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                         sqlite3_vtab **vtab, char **error) {
    (void)aux, (void)argc, (void)argv, (void)error;
    *vtab = calloc(1, sizeof **vtab);
    return sqlite3_declare_vtab(db, "CREATE TABLE t(id INTEGER, point TEXT, before HIDDEN)");
}

static int empty_disconnect(sqlite3_vtab *vtab) {
    free(vtab);
    return SQLITE_OK;
}

static int empty_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info) {
    (void)vtab;
    int n = 0, offered = 0;
    info->estimatedCost = 1e6;
    info->estimatedRows = 100000;
    for (int i = 0; i < info->nConstraint; i++) {
        int column = info->aConstraint[i].iColumn;
        offered |= column == 2;
        if (column < 1 || !info->aConstraint[i].usable) continue;
        if (column == 2) {
            info->estimatedCost = 10;
            info->estimatedRows = 1;
        }
        info->idxNum |= 1 << (column - 1) | (column == 2 ? (n + 1) << 2 : 0);
        info->aConstraintUsage[i].argvIndex = ++n;
        info->aConstraintUsage[i].omit = 1;
    }
    return offered && !(info->idxNum & 2) ? SQLITE_CONSTRAINT : SQLITE_OK;
}

static int empty_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **cursor) {
    (void)vtab;
    EmptyCursor *c = calloc(1, sizeof *c);
    *cursor = &c->base;
    return SQLITE_OK;
}

static int empty_close(sqlite3_vtab_cursor *cursor) {
    free(cursor);
    return SQLITE_OK;
}

static int empty_filter(sqlite3_vtab_cursor *cursor, int plan, const char *text, int argc,
                        sqlite3_value **argv) {
    (void)text, (void)argc;
    EmptyCursor *c = (EmptyCursor *)cursor;
    c->row = 0;
    c->n = plan & 1 ? empty_outer : empty_pairs;
    if (plan & 2) {
        sqlite3_int64 x = sqlite3_value_int64(argv[(plan >> 2) - 1]);
        c->n = (x + 1) * empty_pairs / empty_outer - x * empty_pairs / empty_outer;
    }
    return SQLITE_OK;
}

static int empty_next(sqlite3_vtab_cursor *cursor) {
    ((EmptyCursor *)cursor)->row++;
    return SQLITE_OK;
}

static int empty_eof(sqlite3_vtab_cursor *cursor) {
    const EmptyCursor *c = (const EmptyCursor *)cursor;
    return c->row >= c->n;
}

static int empty_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column) {
    if (!column) sqlite3_result_int64(context, ((EmptyCursor *)cursor)->row);
    return SQLITE_OK;
}

static int empty_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid) {
    *rowid = ((EmptyCursor *)cursor)->row;
    return SQLITE_OK;
}

static void measure_empty(sqlite3 *db, int runs) {
    static const sqlite3_module module = {.iVersion = 2,
                                          .xConnect = empty_connect,
                                          .xBestIndex = empty_best_index,
                                          .xDisconnect = empty_disconnect,
                                          .xOpen = empty_open,
                                          .xClose = empty_close,
                                          .xFilter = empty_filter,
                                          .xNext = empty_next,
                                          .xEof = empty_eof,
                                          .xColumn = empty_column,
                                          .xRowid = empty_rowid};
    static const char *const queries[] = {
        "SELECT count(*) FROM empty AS a JOIN empty AS b ON b.before = a.id"
        " WHERE a.point = 'a' AND b.point = 'b'",
        "SELECT count(*) FROM empty"};
    sqlite3_create_module(db, "empty", &module, NULL);
    for (int q = 0; q < 2; q++) {
        sqlite3_stmt *s = prepare(db, queries[q]);
        double *ms = calloc((size_t)runs, sizeof *ms);
        if (!ms) die(NULL, "out of memory");
        for (int i = 0; i < runs; i++) {
            double start = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
            if (sqlite3_step(s) != SQLITE_ROW || sqlite3_column_int64(s, 0) != empty_pairs)
                die(db, "empty tables do not have the rows they should");
            sqlite3_reset(s);
            ms[i] = clock_ms(CLOCK_PROCESS_CPUTIME_ID) - start;
        }
        sort(ms, runs);
        printf("%.6f%c", ms[runs / 2], q ? '\n' : ' ');
        sqlite3_finalize(s);
        free(ms);
    }
}

int main(int argc, char **argv) {
    if (argc < 5) die(NULL, "usage: measure SO DATABASE time|cpu|lookup|interrupt|empty ...");
    sqlite3 *db = database_open(argv[1], argv[2]);
    if (strcmp(argv[3], "time") == 0 && argc == 6)
        measure_time(db, CLOCK_MONOTONIC, atoi(argv[4]), argv[5]);
    else if (strcmp(argv[3], "cpu") == 0 && argc == 6)
        measure_time(db, CLOCK_PROCESS_CPUTIME_ID, atoi(argv[4]), argv[5]);
    else if (strcmp(argv[3], "lookup") == 0 && argc == 7)
        measure_lookup(db, atoi(argv[4]), argv[5], argv[6]);
    else if (strcmp(argv[3], "empty") == 0 && argc == 7) {
        empty_outer = atoll(argv[4]);
        empty_pairs = atoll(argv[5]);
        measure_empty(db, atoi(argv[6]));
    } else if (strcmp(argv[3], "interrupt") == 0)
        for (int i = 5; i < argc; i++)
            measure_interrupt(db, argv[4], atof(argv[i]));
    else
        die(NULL, "no such measurement");
    sqlite3_close(db);
    return 0;
}
