/* test_group_incremental.c - after any sequence of imports, late spans and deletions the groups are what they
** would be if only what is there now had ever been imported.
**
** Traces are random and small, with few names, so that groups are shared and members differ in what they say of
** an edge. The spans of a trace come in one or two imports, in any order; traces go and come again. From time to
** time the tables of groups are compared, to the last digit, with those of a new database that takes in all that
** is left at once, or - where what has gone has left its mark on how exact the clocks are taken to be - with what
** the same database says when it has understood everything anew; and the capture is asked to check itself. */
#include "ext/base/sqlite.h"
#include "tests/unit/test.h"
#include "tests/unit/trace_util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int sqlite3_pythia_init(sqlite3 *db, char **error, const sqlite3_api_routines *api);

enum { TRACES = 12, SPANS = 7, STEPS = 60, ROUNDS = 6 };

typedef struct Span {
    int parent; /* -1: the root */
    int operation;
    long start, end;
    int in; /* imported, and the trace not deleted since */
} Span;

typedef struct World {
    Span spans[TRACES][SPANS];
    int n[TRACES];
    int version[TRACES]; /* ids change when a trace comes again */
    SampleRandom random;
} World;

static void trace_make(World *w, int t) {
    w->n[t] = 2 + (int)sample_below(&w->random, SPANS - 1);
    w->version[t]++;
    for (int i = 0; i < w->n[t]; i++) {
        Span *s = &w->spans[t][i];
        int parent = i == 0 ? -1 : (int)sample_below(&w->random, (uint32_t)i);
        long low = parent < 0 ? 1000000000 : w->spans[t][parent].start;
        long high =
            parent < 0 ? low + 100 + sample_below(&w->random, 400) : w->spans[t][parent].end;
        long length = high > low ? (long)sample_below(&w->random, (uint32_t)(high - low) + 1) : 0;
        long at = high - length > low
                      ? (long)sample_below(&w->random, (uint32_t)(high - length - low) + 1)
                      : 0;
        *s = (Span){.parent = parent,
                    .operation = (int)sample_below(&w->random, 3),
                    .start = parent < 0 ? low : low + at,
                    .end = parent < 0 ? high : low + at + length};
        if (i && sample_chance(&w->random, 10)) s->end += 300; /* outlives its parent */
    }
}

static void write_span(FILE *file, const World *w, int t, int i) {
    const Span *s = &w->spans[t][i];
    char parent[32] = "";
    if (s->parent >= 0) snprintf(parent, sizeof parent, "%016x", s->parent + 1);
    fprintf(file, "%032x,%016x,%s,service%d,op%d,%ld,%ld\n", (t + 1) * 1000 + w->version[t], i + 1,
            parent, s->operation % 2, s->parent < 0 ? 9 : s->operation, s->start, s->end);
}

/* Imports the spans of one trace that are wanted and not there, or of all traces those that are there. */
static void import(sqlite3 *db, World *w, int trace, unsigned wanted) {
    char path[] = "/tmp/pythia-group-XXXXXX.csv", *sql, *error = NULL;
    int fd = mkstemps(path, 4), lines = 0;
    CU_ASSERT_FATAL(fd >= 0);
    FILE *file = fdopen(fd, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fprintf(file, "trace_id,span_id,parent_id,service,operation,start_us,end_us\n");
    for (int t = 0; t < TRACES; t++)
        for (int i = 0; i < w->n[t]; i++) {
            Span *s = &w->spans[t][i];
            if (trace < 0 ? !s->in : t != trace || s->in || !(wanted >> i & 1)) continue;
            write_span(file, w, t, i);
            s->in = 1;
            lines++;
        }
    fclose(file);
    sql = sqlite3_mprintf("SELECT pythia_import(%Q)", path);
    if (lines) CU_ASSERT_EQUAL(sqlite3_exec(db, sql, NULL, NULL, &error), SQLITE_OK);
    if (error) fprintf(stderr, "%s\n", error);
    sqlite3_free(sql);
    sqlite3_free(error);
    unlink(path);
}

static void run(sqlite3 *db, const char *sql) {
    char *error = NULL;
    CU_ASSERT_EQUAL(sqlite3_exec(db, sql, NULL, NULL, &error), SQLITE_OK);
    if (error) fprintf(stderr, "%s\n  %s\n", sql, error);
    sqlite3_free(error);
}

static void delete_trace(sqlite3 *db, World *w, int t) {
    char *sql = sqlite3_mprintf("DELETE FROM pythia_traces WHERE trace_id = '%032x'",
                                (t + 1) * 1000 + w->version[t]);
    run(db, sql);
    sqlite3_free(sql);
    trace_make(w, t);
}

/* What the tables of groups say, as text. */
static char *describe(sqlite3 *db) {
    static const char *const queries[] = {
        "SELECT group_id, request_type, traces, format('%.17g %.17g', mean_ns, stddev_ns), min_ns, "
        "max_ns, format('%.17g', variance_share) FROM pythia_groups ORDER BY group_id",
        "SELECT group_id, position, source, source_phase, destination, destination_phase, kind, n, "
        "format('%.17g %.17g %.17g %.17g', mean_ns, stddev_ns, variance_share, correlation), "
        "span_between FROM pythia_group_edges ORDER BY group_id, position",
        "SELECT request_type, traces, groups, format('%.17g %.17g', mean_ns, stddev_ns) FROM "
        "pythia_types ORDER BY 1"};
    sqlite3_str *out = sqlite3_str_new(db);
    for (int q = 0; q < 3; q++) {
        sqlite3_stmt *statement = NULL;
        CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, queries[q], -1, &statement, NULL), SQLITE_OK);
        while (sqlite3_step(statement) == SQLITE_ROW) {
            for (int i = 0; i < sqlite3_column_count(statement); i++) {
                const char *text = (const char *)sqlite3_column_text(statement, i);
                sqlite3_str_appendf(out, "%s|", text ? text : "NULL");
            }
            sqlite3_str_appendall(out, "\n");
        }
        CU_ASSERT_EQUAL(sqlite3_finalize(statement), SQLITE_OK);
    }
    sqlite3_str_appendall(out, "end\n");
    return sqlite3_str_finish(out);
}

/* tolerance: of the order, or 'auto': by the resolution of the stamps. */
static sqlite3 *open_new(const char *tolerance) {
    sqlite3 *db;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_pythia_init(db, NULL, NULL), SQLITE_OK);
    run(db, "UPDATE pythia_settings SET value = 'type' WHERE key = 'grouping'");
    char *sql = sqlite3_mprintf(
        "UPDATE pythia_settings SET value = %Q WHERE key = 'order_tolerance_ns'", tolerance);
    run(db, sql);
    sqlite3_free(sql);
    return db;
}

static void compare_texts(char *have, char *want) {
    CU_ASSERT(have && want && strcmp(have, want) == 0);
    if (have && want && strcmp(have, want) != 0)
        fprintf(stderr, "--- have\n%s--- want\n%s", have, want);
    sqlite3_free(have);
    sqlite3_free(want);
}

static void compare(sqlite3 *db, World *w, int automatic) {
    char *have = describe(db);
    run(db, "INSERT INTO pythia(pythia) VALUES('integrity-check')");
    if (automatic) {
        run(db, "INSERT INTO pythia(pythia) VALUES('rebuild')");
        compare_texts(have, describe(db));
        return;
    }
    sqlite3 *fresh = open_new("0");
    import(fresh, w, -1, 0);
    compare_texts(have, describe(fresh));
    sqlite3_close(fresh);
}

static void sequence(World *w, int automatic) {
    sqlite3 *db = open_new(automatic ? "auto" : "0");
    for (int t = 0; t < TRACES; t++)
        trace_make(w, t);
    for (int step = 0; step < STEPS; step++) {
        int t = (int)sample_below(&w->random, TRACES), there = 0;
        for (int i = 0; i < w->n[t]; i++)
            there += w->spans[t][i].in;
        unsigned all = (1u << w->n[t]) - 1;
        if (there && sample_chance(&w->random, 40))
            delete_trace(db, w, t);
        else
            import(db, w, t,
                   sample_chance(&w->random, 50) ? all : sample_below(&w->random, all + 1));
        if (step % 12 == 11) compare(db, w, automatic);
    }
    for (int t = 0; t < TRACES; t++) /* down to nothing */
        delete_trace(db, w, t);
    compare(db, w, automatic);
    sqlite3_close(db);
}

static void test_sequences(void) {
    static World w;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        memset(&w, 0, sizeof w);
        w.random = (SampleRandom){round * 77};
        sequence(&w, round % 2);
    }
}

/* The same inside one transaction, and undone. */
static void test_transaction(void) {
    static World w;
    sqlite3 *db = open_new("auto");
    w.random = (SampleRandom){5};
    for (int t = 0; t < TRACES; t++) {
        trace_make(&w, t);
        import(db, &w, t, ~0u);
    }
    char *before = describe(db);
    run(db, "BEGIN");
    run(db, "DELETE FROM pythia_traces WHERE substr(trace_id, -4) < '2000'");
    char *during = describe(db);
    CU_ASSERT(before && during && strcmp(before, during) != 0);
    run(db, "ROLLBACK");
    char *after = describe(db);
    CU_ASSERT(before && after && strcmp(before, after) == 0);
    run(db, "INSERT INTO pythia(pythia) VALUES('integrity-check')");
    sqlite3_free(before);
    sqlite3_free(during);
    sqlite3_free(after);
    sqlite3_close(db);
}

PYTHIA_SUITE(group_incremental, {"any sequence", test_sequences},
             {"in a transaction, and undone", test_transaction})
