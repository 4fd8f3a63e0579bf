/* test_write.c - exporting: random traces there and back, graphs as Graphviz sees them, files that are whole or
** not there. */
#include "ext/write/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ext/capture/capture.h"
#include "tests/unit/store_traces.h"
#include "tests/unit/test.h"

int sqlite3_pythia_init(sqlite3 *db, char **error, const sqlite3_api_routines *api);

/* ---- a place to work in ---- */

static char directory[64];

static const char *in_directory(const char *name) {
    static char path[3][128];
    static int next;
    next = (next + 1) % 3;
    snprintf(path[next], sizeof path[next], "%s/%s", directory, name);
    return path[next];
}

static void directory_make(void) {
    strcpy(directory, "/tmp/pythia-write-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
}

/* Removes the files of the tests; what else is there makes it fail. */
static void directory_remove(void) {
    static const char *const names[] = {"a", "b", "link", "a.gz", "a.zst"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(in_directory(names[i]));
    CU_ASSERT_EQUAL(rmdir(directory), 0);
}

static sqlite3 *open_db(void) {
    sqlite3 *db;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_pythia_init(db, NULL, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(
        sqlite3_exec(db, "ATTACH ':memory:' AS copy; ATTACH ':memory:' AS again", NULL, NULL, NULL),
        SQLITE_OK);
    return db;
}

/* The first column of the first row, formatted as by sqlite3_mprintf(); -1 and a failed test on an error. */
static int64_t ask(sqlite3 *db, const char *sql, const char *a, const char *b) {
    sqlite3_stmt *s;
    int64_t value = -1;
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    if (a) sqlite3_bind_text(s, 1, a, -1, SQLITE_TRANSIENT);
    if (b) sqlite3_bind_text(s, 2, b, -1, SQLITE_TRANSIENT);
    if (sqlite3_step(s) == SQLITE_ROW) value = sqlite3_column_int64(s, 0);
    if (sqlite3_finalize(s) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
        CU_FAIL("a statement failed");
        return -1;
    }
    return value;
}

/* ---- random traces ---- */

enum { TRACES = 60 };

/* What a random value may hold so that it is what its type says. */
static void values_mend(PythiaTrace *trace, Random *random) {
    static const char *const documents[] = {
        "[]",
        "{}",
        "null",
        "[1,-9223372036854775808,9223372036854775807]",
        "[0.5,1e+300,-0.25]",
        "{\"a\":[{\"b\":null},[[]],\"x\\n\\u0001\"],\"c\":{\"d\":true,\"e\":false}}",
        "[[1],{\"k\":[2,{}]},3]"};
    for (uint32_t i = 0; i < trace->nvalues; i++) {
        PythiaValue *value = &trace->values[i];
        if (value->type != PYTHIA_VALUE_JSON) continue;
        value->of.text = documents[random_below(random, sizeof documents / sizeof documents[0])];
        value->n = (uint32_t)strlen(value->of.text);
    }
}

static uint32_t string_of(PythiaNames *names, const char *text) {
    uint32_t id = 0;
    CU_ASSERT_EQUAL_FATAL(pythia_names_string(names, pythia_text(text), &id), SQLITE_OK);
    return id;
}

/* Every span has an instance: one is otherwise made of its resource. Links of roots lead elsewhere: Jaeger takes
** one to the own trace for a parent. */
static void trace_mend(PythiaTrace *trace, PythiaNames *names, Random *random, int workflow) {
    values_mend(trace, random);
    for (uint32_t i = 0; i < trace->nspans; i++) {
        PythiaSpan *span = &trace->spans[i];
        if (!span->instance) span->instance = string_of(names, "an instance");
        if (workflow) span->flags |= PYTHIA_SPAN_ANCHORED;
    }
    for (uint32_t i = 0; i < trace->nlinks; i++)
        if (trace->spans[trace->links[i].from_span].parent < 0) trace->links[i].trace.hi = 99;
}

static void traces_store(sqlite3 *db, Random *random) {
    PythiaStore *store = NULL;
    PythiaTrace trace = {0};
    char *error = NULL;
    ask(db, "SELECT pythia_init()", NULL, NULL);
    CU_ASSERT_EQUAL_FATAL(pythia_store_open(db, "main", 0, &store, &error), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_store_begin(store, &error), SQLITE_OK);
    for (uint64_t i = 1; i <= TRACES; i++) {
        PythiaHead head;
        PythiaNames *names = pythia_store_names(store);
        CU_ASSERT_EQUAL_FATAL(store_trace_make(&trace, names, random, &store_shape_wild, i),
                              SQLITE_OK);
        trace_mend(&trace, names, random, i % 7 == 0);
        store_head_make(&head, &trace, random);
        CU_ASSERT_EQUAL_FATAL(pythia_store_append(store, &trace, &head, &error), SQLITE_OK);
    }
    CU_ASSERT_EQUAL_FATAL(pythia_store_flush(store, &error), SQLITE_OK);
    pythia_trace_clear(&trace);
    pythia_store_close(store);
    /* The heads were invented. */
    ask(db, "INSERT INTO pythia(pythia) VALUES ('rebuild')", NULL, NULL);
}

/* ---- comparing ---- */

typedef void (*Adjust)(PythiaTrace *trace, PythiaNames *names);

static void compare(sqlite3 *db, const char *schema_a, const char *schema_b, Adjust adjust_a,
                    Adjust adjust_b) {
    const char *schemas[2] = {schema_a, schema_b};
    Adjust adjust[2] = {adjust_a, adjust_b};
    PythiaStore *store[2];
    PythiaTrace trace[2];
    uint32_t compared = 0, different = 0;
    memset(trace, 0, sizeof trace);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL_FATAL(pythia_store_open(db, schemas[i], 0, &store[i], NULL), SQLITE_OK);
    for (uint32_t k = 0; k < pythia_store_segment_count(store[0]); k++) {
        PythiaSegment *segment[2];
        const PythiaSegmentInfo *info = pythia_store_segment_info(store[0], k);
        CU_ASSERT_EQUAL_FATAL(pythia_segment_open(store[0], info->id, &segment[0], NULL),
                              SQLITE_OK);
        for (uint32_t ordinal = 0; ordinal < info->traces; ordinal++) {
            char digits[PYTHIA_ID_CHARS];
            int found;
            int64_t id;
            uint32_t there;
            CU_ASSERT_EQUAL_FATAL(pythia_segment_trace(segment[0], ordinal, 1, &trace[0], NULL),
                                  SQLITE_OK);
            PythiaNames *names[2] = {pythia_store_names(store[0]), pythia_store_names(store[1])};
            PythiaId other =
                pythia_names_find_id(names[1], pythia_names_id_text(names[0], trace[0].id, digits));
            CU_ASSERT_EQUAL_FATAL(pythia_store_find(store[1], other, &found, &id, &there, NULL),
                                  SQLITE_OK);
            CU_ASSERT_FATAL(found);
            CU_ASSERT_EQUAL_FATAL(pythia_segment_open(store[1], id, &segment[1], NULL), SQLITE_OK);
            CU_ASSERT_EQUAL_FATAL(pythia_segment_trace(segment[1], there, 1, &trace[1], NULL),
                                  SQLITE_OK);
            for (int i = 0; i < 2; i++)
                if (adjust[i]) adjust[i](&trace[i], names[i]);
            const char *what = store_trace_differs(&trace[0], names[0], &trace[1], names[1], 1);
            if (what && !different++)
                fprintf(stderr, "%s and %s: trace %.*s: %s\n", schema_a, schema_b,
                        (int)pythia_names_id_text(names[0], trace[0].id, digits).n,
                        pythia_names_id_text(names[0], trace[0].id, digits).p, what);
            compared++;
            pythia_segment_release(segment[1]);
        }
        pythia_segment_release(segment[0]);
    }
    CU_ASSERT_EQUAL(compared, TRACES);
    CU_ASSERT_EQUAL(different, 0);
    for (int i = 0; i < 2; i++) {
        pythia_trace_clear(&trace[i]);
        pythia_store_close(store[i]);
    }
}

/* Service and instance become attributes of the resource when they first leave a store that has them apart. */
static void without_resources(PythiaTrace *trace, PythiaNames *names) {
    (void)names;
    for (uint32_t i = 0; i < trace->nresources; i++)
        trace->resources[i].n = 0;
}

/* What Jaeger's format makes of a trace. */
static void as_jaeger(PythiaTrace *trace, PythiaNames *names) {
    without_resources(trace, names);
    for (uint32_t i = 0; i < trace->nvalues; i++)
        if (trace->values[i].type == PYTHIA_VALUE_JSON) trace->values[i].type = PYTHIA_VALUE_TEXT;
    for (uint32_t i = 0; i < trace->nspans; i++)
        trace->spans[i].flags &= (uint8_t)~PYTHIA_SPAN_ANCHORED;
    for (uint32_t i = 0; i < trace->nlinks; i++) {
        PythiaLinkTo *link = &trace->links[i];
        int here = pythia_id_equal(link->trace, trace->id);
        link->nvalues = 0;
        link->kind = link->kind != PYTHIA_LINK_PARENT ? PYTHIA_LINK_FOLLOWS_FROM
                     : here                           ? PYTHIA_LINK_PARENT
                                                      : PYTHIA_LINK;
    }
}

/* Takes the tags out that stand for kind and status. */
static void without_tags(PythiaTrace *trace, PythiaNames *names) {
    static const char *const keys[] = {"span.kind", "otel.status_code", "error"};
    without_resources(trace, names);
    for (uint32_t i = 0; i < trace->nspans; i++) {
        PythiaSpan *span = &trace->spans[i];
        uint32_t kept = 0;
        for (uint32_t v = 0; v < span->nvalues; v++) {
            PythiaValue value = trace->values[span->first_value + v];
            int is_tag = 0;
            for (int k = 0; k < 3; k++)
                is_tag |=
                    pythia_text_equal(pythia_names_text(names, value.key), pythia_text(keys[k]));
            if (!is_tag) trace->values[span->first_value + kept++] = value;
        }
        span->nvalues = kept;
    }
}

static void test_otlp(void) {
    for (uint64_t seed = 1; seed <= 5; seed++) {
        Random random = {seed * 7919};
        sqlite3 *db = open_db();
        directory_make();
        traces_store(db, &random);
        CU_ASSERT_EQUAL(ask(db, "SELECT pythia_export(?1, 'otlp')", in_directory("a"), NULL),
                        TRACES);
        ask(db, "SELECT pythia_import(?1, '{\"schema\":\"copy\"}')", in_directory("a"), NULL);
        compare(db, "main", "copy", without_resources, without_resources);
        /* From then on nothing changes any more. */
        CU_ASSERT_EQUAL(
            ask(db, "SELECT pythia_export(?1, 'otlp', NULL, 'copy')", in_directory("b"), NULL),
            TRACES);
        ask(db, "SELECT pythia_import(?1, '{\"schema\":\"again\"}')", in_directory("b"), NULL);
        compare(db, "copy", "again", NULL, NULL);
        directory_remove();
        CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
    }
}

static void test_jaeger(void) {
    for (uint64_t seed = 1; seed <= 5; seed++) {
        Random random = {seed * 104729};
        sqlite3 *db = open_db();
        directory_make();
        traces_store(db, &random);
        CU_ASSERT_EQUAL(ask(db, "SELECT pythia_export(?1, 'jaeger')", in_directory("a"), NULL),
                        TRACES);
        ask(db, "SELECT pythia_import(?1, '{\"schema\":\"copy\"}')", in_directory("a"), NULL);
        compare(db, "main", "copy", as_jaeger, without_tags);
        CU_ASSERT_EQUAL(
            ask(db, "SELECT pythia_export(?1, 'jaeger', NULL, 'copy')", in_directory("b"), NULL),
            TRACES);
        ask(db, "SELECT pythia_import(?1, '{\"schema\":\"again\"}')", in_directory("b"), NULL);
        compare(db, "copy", "again", as_jaeger, as_jaeger); /* a plain link is FOLLOWS_FROM */
        directory_remove();
        CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
    }
}

/* The others: that every JSON parser takes them. */
static void test_chrome(void) {
    Random random = {4711};
    sqlite3 *db = open_db();
    directory_make();
    traces_store(db, &random);
    CU_ASSERT_EQUAL(ask(db, "SELECT pythia_export(?1, 'chrome')", in_directory("a"), NULL), TRACES);
    CU_ASSERT(
        ask(db, "SELECT pythia_import(?1, '{\"schema\":\"copy\"}')", in_directory("a"), NULL) > 0);
    CU_ASSERT_EQUAL(ask(db, "SELECT count(*) FROM pythia_spans('copy')", NULL, NULL),
                    ask(db, "SELECT count(*) FROM pythia_spans", NULL, NULL));
    CU_ASSERT_EQUAL(
        ask(db,
            "SELECT count(*) FROM (SELECT service, operation, start_ns FROM pythia_spans"
            " EXCEPT SELECT service, operation, start_ns FROM pythia_spans('copy'))",
            NULL, NULL),
        0);
    directory_remove();
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

/* ---- Graphviz ---- */

/* Counts the lines of `dot -Tplain` that begin with a word. */
static void plain_count(const char *path, int64_t *nodes, int64_t *edges) {
    char command[256], line[4096];
    *nodes = *edges = 0;
    snprintf(command, sizeof command, "dot -Tplain %s", path);
    FILE *plain = popen(command, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(plain);
    while (fgets(line, sizeof line, plain)) {
        *nodes += strncmp(line, "node ", 5) == 0;
        *edges += strncmp(line, "edge ", 5) == 0;
    }
    CU_ASSERT_EQUAL(pclose(plain), 0);
}

static void test_dot(void) {
    if (system("command -v dot >/dev/null 2>&1") != 0) {
        pythia_skip("there is no dot (graphviz)");
        return;
    }
    sqlite3 *db = open_db();
    int64_t nodes, edges;
    directory_make();
    ask(db, "SELECT pythia_import('fixtures/formats/xtrace.json')", NULL, NULL);
    ask(db, "SELECT pythia_import('fixtures/formats/jaeger-traps.json')", NULL, NULL);
    ask(db, "SELECT pythia_export(?1, 'dot')", in_directory("a"), NULL);
    plain_count(in_directory("a"), &nodes, &edges);
    CU_ASSERT(nodes > 20);
    CU_ASSERT_EQUAL(nodes, ask(db, "SELECT count(*) FROM pythia_events", NULL, NULL));
    CU_ASSERT_EQUAL(edges, ask(db, "SELECT count(*) FROM pythia_edges", NULL, NULL));
    directory_remove();
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

/* ---- files ---- */

static int64_t size_of(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 ? (int64_t)info.st_size : -1;
}

static void output_put(const char *path, const char *text, int finish) {
    PythiaOutput *output;
    char *error = NULL;
    CU_ASSERT_EQUAL_FATAL(pythia_output_open(path, &output, &error), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_output_write(output, text, strlen(text), &error), SQLITE_OK);
    if (finish) CU_ASSERT_EQUAL(pythia_output_finish(output, &error), SQLITE_OK);
    pythia_output_close(output);
    CU_ASSERT_PTR_NULL(error);
}

static void test_output(void) {
    struct stat info;
    char target[128];
    directory_make();
    output_put(in_directory("a"), "abandoned", 0);
    CU_ASSERT_EQUAL(size_of(in_directory("a")), -1);
    output_put(in_directory("a"), "first", 1);
    CU_ASSERT_EQUAL(size_of(in_directory("a")), 5);
    output_put(in_directory("a"), "abandoned", 0);
    CU_ASSERT_EQUAL(size_of(in_directory("a")), 5);
    /* The rights of a file and the link to it outlast its replacement. */
    CU_ASSERT_EQUAL(chmod(in_directory("a"), 0640), 0);
    CU_ASSERT_EQUAL(symlink("a", in_directory("link")), 0);
    output_put(in_directory("link"), "through", 1);
    CU_ASSERT_EQUAL(size_of(in_directory("a")), 7);
    CU_ASSERT(stat(in_directory("a"), &info) == 0 && (info.st_mode & 07777) == 0640);
    CU_ASSERT(readlink(in_directory("link"), target, sizeof target) == 1);
    directory_remove();
}

/* Compressed bytes, of more than one buffer. */
static void test_packed(void) {
    static const char *const names[] = {"a.gz", "a.zst"};
    enum { LINES = 40000 };
    for (int i = 0; i < 2; i++) {
        PythiaOutput *output;
        char command[256], line[64];
        long lines = 0;
        directory_make();
        CU_ASSERT_EQUAL_FATAL(pythia_output_open(in_directory(names[i]), &output, NULL), SQLITE_OK);
        Random random = {99};
        for (int k = 0; k < LINES; k++) {
            snprintf(line, sizeof line, "%d %llx\n", k, (unsigned long long)random_next(&random));
            CU_ASSERT_EQUAL(pythia_output_write(output, line, strlen(line), NULL), SQLITE_OK);
        }
        CU_ASSERT_EQUAL(pythia_output_finish(output, NULL), SQLITE_OK);
        pythia_output_close(output);
        if (i == 0 || system("command -v zstd >/dev/null 2>&1") == 0) {
            snprintf(command, sizeof command, "%s -dc %s", i ? "zstd" : "gzip",
                     in_directory(names[i]));
            FILE *text = popen(command, "r");
            CU_ASSERT_PTR_NOT_NULL_FATAL(text);
            while (fgets(line, sizeof line, text))
                lines += strtol(line, NULL, 10) == lines;
            CU_ASSERT_EQUAL(pclose(text), 0);
            CU_ASSERT_EQUAL(lines, LINES);
        }
        directory_remove();
    }
}

static int stop_at_once(void *calls) {
    return ++*(int *)calls > 200;
}

/* An interrupt in the middle leaves what was there. */
static void test_interrupt(void) {
    sqlite3 *db = open_db();
    int calls = 0, rc;
    sqlite3_stmt *s;
    directory_make();
    ask(db, "SELECT pythia_import('fixtures/otel-shop/none.otlp.jsonl.gz')", NULL, NULL);
    output_put(in_directory("a"), "old", 1);
    CU_ASSERT_EQUAL_FATAL(
        sqlite3_prepare_v2(db, "SELECT pythia_export(?1, 'jaeger')", -1, &s, NULL), SQLITE_OK);
    sqlite3_bind_text(s, 1, in_directory("a"), -1, SQLITE_TRANSIENT);
    sqlite3_progress_handler(db, 1, stop_at_once, &calls);
    calls = 150;
    rc = sqlite3_step(s);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    CU_ASSERT_NOT_EQUAL(rc, SQLITE_ROW);
    CU_ASSERT_EQUAL(sqlite3_finalize(s), SQLITE_INTERRUPT);
    CU_ASSERT_EQUAL(size_of(in_directory("a")), 3);
    directory_remove();
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

PYTHIA_SUITE(write, {"random traces through OTLP", test_otlp},
             {"random traces through Jaeger's JSON", test_jaeger},
             {"random traces as slices", test_chrome}, {"what Graphviz sees", test_dot},
             {"a file is whole or not there", test_output}, {"compressed files", test_packed},
             {"an interrupt", test_interrupt})
