/* test_read_zipkin.c - Zipkin JSON, version 2: shapes, shared ids, what is missing. */
#include "tests/unit/test_read.h"

#include "ext/base/mem.h"

#define T "000000000000000a5b8efff798038103"

/* A span with the members given. */
#define SPAN(members) "{\"traceId\":\"" T "\",\"id\":\"eee19b7ec3c1b174\"," members "}"
#define TIMES         "\"timestamp\":1640000000000001,\"duration\":25"
#define LINE(kind, status, flags, times)                                                           \
    "S " T " eee19b7ec3c1b174 - @  k" #kind " s" #status " f" #flags " " times
#define AT "1640000000000001000+25000"

static void one_span(const char *text, const char *line) {
    Seen seen = seen_str(text);
    CU_ASSERT_STRING_EQUAL_FATAL(seen.stats.format ? seen.stats.format : "none", "zipkin");
    CU_ASSERT_EQUAL(seen.stats.spans, 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    CU_ASSERT(seen_has(&seen, line));
    seen_clear(&seen);
}

static void one_problem(const char *text, const char *begin) {
    Seen seen = seen_str(text);
    CU_ASSERT_EQUAL(seen.stats.spans, 0);
    CU_ASSERT_EQUAL(seen.stats.rejected, 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, begin), 1);
    if (seen_count(&seen, begin) != 1) printf("\nnot %s: %s", begin, seen_lines(&seen));
    seen_clear(&seen);
}

static void test_shapes(void) {
    static const char *const shapes[] = {SPAN(TIMES), "[" SPAN(TIMES) "]", "[[" SPAN(TIMES) "]]",
                                         "[\n [],\n [\n  " SPAN(TIMES) "\n ]\n]\n",
                                         "[[],"
                                         "[" SPAN(TIMES) "],[]]"};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        one_span(shapes[i], LINE(0, 0, 0, AT));
    /* one array to a line, spans of one trace apart */
    Seen seen = seen_str("[" SPAN(TIMES) "," SPAN("\"kind\":\"SERVER\"," TIMES) "]\n[" SPAN(
        "\"kind\":\"CLIENT\"," TIMES) "]\n");
    CU_ASSERT_EQUAL(seen.stats.spans, 3);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    seen_clear(&seen);
}

static void test_ids(void) {
    one_span(
        "{\"traceId\":\"a5b8efff798038103\",\"id\":\"1b\",\"parentId\":\"1A\",\"name\":\"n\","
        "\"localEndpoint\":{}," TIMES "}",
        "S 000000000000000a5b8efff798038103 000000000000001b 000000000000001a @ n k0 s0 f0 " AT);
    one_span(
        "{\"traceId\":\"5b8efff798038103\",\"id\":\"1b\",\"parentId\":\"0000000000000000\"," TIMES
        "}",
        "S 5b8efff798038103 000000000000001b - @  k0 s0 f0 " AT);
    one_span("{\"traceId\":\"a trace\",\"id\":\"a span\"," TIMES "}",
             "S a trace a span - @  k0 s0 f0 " AT);
}

static void test_kinds(void) {
    one_span(SPAN("\"kind\":\"SERVER\"," TIMES), LINE(1, 0, 0, AT));
    one_span(SPAN("\"kind\":\"CLIENT\"," TIMES), LINE(2, 0, 0, AT));
    one_span(SPAN("\"kind\":\"PRODUCER\"," TIMES), LINE(3, 0, 0, AT));
    one_span(SPAN("\"kind\":\"CONSUMER\"," TIMES), LINE(4, 0, 0, AT));
    one_span(SPAN("\"kind\":null," TIMES), LINE(0, 0, 0, AT));
    one_span(SPAN("\"kind\":\"x\"," TIMES), LINE(0, 0, 0, AT));
}

static void test_status(void) {
    one_span(SPAN("\"tags\":{\"error\":\"boom\"}," TIMES), LINE(0, 2, 0, AT) "\na error=\"boom\"");
    one_span(SPAN("\"tags\":{\"error\":\"\"}," TIMES), LINE(0, 2, 0, AT) "\na error=\"\"");
    one_span(SPAN("\"tags\":{\"error\":true}," TIMES), LINE(0, 2, 0, AT) "\na error=true");
    one_span(SPAN("\"tags\":{\"error\":\"false\"}," TIMES),
             LINE(0, 0, 0, AT) "\na error=\"false\"");
    one_span(SPAN("\"tags\":{\"error\":false}," TIMES), LINE(0, 0, 0, AT) "\na error=false");
    one_span(SPAN("\"tags\":{\"otel.status_code\":\"OK\"}," TIMES), LINE(0, 1, 0, AT));
    one_span(SPAN("\"tags\":{\"otel.status_code\":\"ERROR\"}," TIMES), LINE(0, 2, 0, AT));
    one_span(SPAN("\"tags\":{\"error\":\"x\",\"otel.status_code\":\"OK\"}," TIMES),
             LINE(0, 2, 0, AT));
}

static void test_endpoints(void) {
    one_span(
        SPAN("\"localEndpoint\":{\"serviceName\":\"auth\",\"ipv4\":\"10.0.0.89\",\"port\":8180},"
             "\"remoteEndpoint\":{\"serviceName\":\"db\",\"ipv4\":\"10.0.0.3\",\"port\":9042},"
             "\"tags\":{\"k\":\"v\",\"n\":\"17\"},\"debug\":true,\"shared\":true," TIMES),
        "S " T " eee19b7ec3c1b174 - auth@10.0.0.89:8180  k0 s0 f0 " AT
        "\nr service.name=\"auth\"\na k=\"v\"\na n=\"17\"\na net.peer.name=\"db\"\n"
        "a net.peer.ip=\"10.0.0.3\"\na net.peer.port=9042i\na zipkin.debug=true\n"
        "a zipkin.shared=true");
    one_span(SPAN("\"localEndpoint\":{\"ipv6\":\"2001:db8::c001\",\"port\":80},\"remoteEndpoint\":"
                  "{\"ipv6\":\"::1\",\"port\":0},\"debug\":false,\"shared\":false," TIMES),
             "S " T " eee19b7ec3c1b174 - @[2001:db8::c001]:80  k0 s0 f0 " AT
             "\na net.peer.ip=\"::1\"");
    one_span(SPAN("\"localEndpoint\":{\"serviceName\":\"s\",\"ipv4\":\"10.0.0.1\"}," TIMES),
             "S " T " eee19b7ec3c1b174 - s@10.0.0.1  k0 s0 f0 " AT);
    one_span(SPAN("\"localEndpoint\":{\"serviceName\":\"s\",\"port\":5}," TIMES),
             "S " T " eee19b7ec3c1b174 - s@  k0 s0 f0 " AT);
    Seen seen = seen_str("[" SPAN("\"localEndpoint\":{\"serviceName\":\"a\"}," TIMES) "," SPAN(
        "\"localEndpoint\":{\"serviceName\":\"b\"}," TIMES) "," SPAN("\"localEndpoint\":{"
                                                                     "\"serviceName\":\"a\"}"
                                                                     "," TIMES) "]");
    CU_ASSERT_EQUAL(seen.stats.next_serial, 3); /* the third is the first again */
    seen_clear(&seen);
}

/* Both sides of a call keep the id and the parent that the file gives. */
static void test_shared(void) {
    Seen seen = seen_str(
        "[{\"traceId\":\"1\",\"parentId\":\"2\",\"id\":\"3\",\"kind\":\"CLIENT\",\"name\":"
        "\"get\"," TIMES
        "},{\"traceId\":\"1\",\"parentId\":\"2\",\"id\":\"3\",\"kind\":\"SERVER\",\"name\":\"get\","
        "\"shared\":true," TIMES "}]");
    CU_ASSERT(seen_has(&seen,
                       "S 0000000000000001 0000000000000003 0000000000000002 @ get k2 s0 f0 " AT
                       "\nS 0000000000000001 0000000000000003 0000000000000002 @ get k1 s0 "
                       "f0 " AT "\na zipkin.shared=true"));
    seen_clear(&seen);
}

static void test_times(void) {
    one_span(SPAN("\"timestamp\":5,\"duration\":0"), LINE(0, 0, 0, "5000+0"));
    one_span(SPAN("\"timestamp\":5,\"duration\":-2"), LINE(0, 0, 0, "5000+-2000"));
    one_span(SPAN("\"timestamp\":\"5\",\"duration\":\"7\""), LINE(0, 0, 0, "5000+7000"));
    one_span(SPAN("\"timestamp\":5.5,\"duration\":1.25"), LINE(0, 0, 0, "5500+1250"));
    /* no duration: the end is lost */
    one_span(SPAN("\"timestamp\":5"), LINE(0, 0, 2, "5000+0"));
    one_span(SPAN("\"timestamp\":5,\"duration\":null"), LINE(0, 0, 2, "5000+0"));
    /* no timestamp: that of the first annotation with one */
    one_span(
        SPAN("\"duration\":3,\"annotations\":[{\"value\":\"a\"},{\"timestamp\":8,\"value\":\"b\"},"
             "{\"timestamp\":9,\"value\":\"c\"}]"),
        LINE(0, 0, 0, "8000+3000") "\np 8000 a\np 8000 b\np 9000 c");
    one_span(SPAN("\"timestamp\":0,\"annotations\":[{\"timestamp\":8,\"value\":\"b\"}]"),
             LINE(0, 0, 2, "8000+0") "\np 8000 b");
    one_problem(SPAN("\"duration\":3"), "! time @1 " T " eee19b7ec3c1b174 ");
    one_problem(SPAN("\"annotations\":[{\"value\":\"a\"},7,{}]"), "! time @1 ");
    one_problem(SPAN("\"timestamp\":\"soon\",\"annotations\":[{\"timestamp\":8}]"), "! time @1 ");
    one_problem(SPAN("\"timestamp\":5,\"duration\":\"long\""), "! time @1 ");
    one_problem(SPAN("\"timestamp\":-5"), "! time @1 ");
    one_problem(SPAN("\"timestamp\":9223372036854775807"), "! time @1 ");
    one_problem(SPAN("\"timestamp\":9223372036854775,\"duration\":1"), "! time @1 ");
    one_problem(SPAN("\"timestamp\":5,\"duration\":9223372036854775807"), "! time @1 ");
    one_problem(SPAN("\"timestamp\":1e300"), "! time @1 ");
}

static void test_missing(void) {
    one_problem("{\"traceId\":\"1\",\"localEndpoint\":{}," TIMES "}", "! span @1 ");
    one_problem("{\"id\":\"1\",\"localEndpoint\":{}," TIMES "}", "! span @1 ");
    one_problem("{\"traceId\":\"\",\"id\":\"1\"," TIMES "}", "! span @1 - 0000000000000001 ");
    /* a point out of range costs itself */
    Seen seen = seen_str(SPAN("\"annotations\":[{\"timestamp\":\"x\"},{\"timestamp\":6}]," TIMES));
    CU_ASSERT_EQUAL(seen.stats.spans, 1);
    CU_ASSERT_EQUAL(seen.stats.points, 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! time @1 " T), 1);
    seen_clear(&seen);
    /* a broken span costs itself */
    seen = seen_str("[" SPAN(TIMES) ",\n{\"traceId\":},\n" SPAN(TIMES) "]");
    CU_ASSERT_EQUAL(seen.stats.spans, 2);
    CU_ASSERT_EQUAL(seen_count(&seen, "! syntax @2 "), 1);
    seen_clear(&seen);
}

static void test_wrong_types(void) {
    one_span(SPAN(TIMES ",\"name\":[],\"kind\":{},\"localEndpoint\":3,\"remoteEndpoint\":[1],"
                        "\"annotations\":{\"a\":1},\"tags\":[1,2],\"debug\":1,\"shared\":\"true\""),
             LINE(0, 0, 0, AT));
    one_span(SPAN(TIMES ",\"tags\":{\"a\":1,\"b\":null,\"c\":[\"x\"],\"d\":{\"e\":1.5}}"),
             "a a=1i\na b=j:null\na c=j:[\"x\"]\na d=j:{\"e\":1.5}");
    one_problem("{\"traceId\":1,\"id\":[]," TIMES "}", "! span @1 ");
}

/* Version 1 is another format, and so is all that has other keys. */
static void test_strangers(void) {
    static const char *const texts[] = {SPAN("\"annotations\":[],\"binaryAnnotations\":[]," TIMES),
                                        "{\"id\":\"1\",\"reports\":[]}",
                                        "{\"traceId\":\"1\",\"spanId\":\"2\"}", "{\"id\":\"1\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        Seen seen = seen_read(texts[i], strlen(texts[i]), NULL, 0);
        CU_ASSERT(!seen.stats.format || strcmp(seen.stats.format, "zipkin") != 0);
        CU_ASSERT_EQUAL(seen.stats.spans, 0);
        seen_clear(&seen);
    }
}

/* ---- the same spans as OTLP, as far as Zipkin keeps them ---- */

typedef struct Row {
    PythiaId trace, span, parent;
    int64_t start_ns, end_ns;
    int kind, status;
    size_t points;
    char operation[60];
} Row;

typedef struct Rows {
    Row *rows;
    size_t n, capacity;
} Rows;

static int rows_span(void *context, const PythiaRecord *r) {
    Rows *rows = context;
    int rc = pythia_grow((void **)&rows->rows, &rows->capacity, rows->n + 1, sizeof *rows->rows);
    if (rc != SQLITE_OK) return rc;
    Row *row = &rows->rows[rows->n++];
    memset(row, 0, sizeof *row);
    row->trace = r->trace.id;
    row->span = r->span.id;
    row->parent = r->parent.id;
    row->start_ns = r->start_ns;
    row->end_ns = r->end_ns;
    row->kind = r->kind;
    row->status = r->status;
    row->points = r->npoints;
    snprintf(row->operation, sizeof row->operation, "%.*s", (int)r->operation.n, r->operation.p);
    return SQLITE_OK;
}

static int rows_problem(void *context, const PythiaProblem *problem) {
    (void)context;
    (void)problem;
    return SQLITE_ERROR;
}

static int row_compare(const void *a, const void *b) {
    const Row *x = a, *y = b;
    if (x->trace.hi != y->trace.hi) return x->trace.hi < y->trace.hi ? -1 : 1;
    if (x->trace.lo != y->trace.lo) return x->trace.lo < y->trace.lo ? -1 : 1;
    if (x->span.lo != y->span.lo) return x->span.lo < y->span.lo ? -1 : 1;
    return 0;
}

static Rows rows_file(const char *path) {
    Rows rows = {NULL, 0, 0};
    PythiaReadStats stats;
    PythiaSink sink = {&rows, rows_span, rows_problem, NULL, NULL};
    CU_ASSERT_EQUAL(pythia_read_file(path, NULL, &sink, &stats, NULL), SQLITE_OK);
    if (rows.n) qsort(rows.rows, rows.n, sizeof *rows.rows, row_compare);
    return rows;
}

/* The exporter rounds starts and durations to microseconds. */
static int row_equal(const Row *a, const Row *b) {
    return pythia_id_equal(a->trace, b->trace) && pythia_id_equal(a->span, b->span) &&
           pythia_id_equal(a->parent, b->parent) && strcmp(a->operation, b->operation) == 0 &&
           a->kind == b->kind && a->status == b->status && a->points == b->points &&
           llabs(a->start_ns - b->start_ns) < 1000 && llabs(a->end_ns - b->end_ns) <= 1000;
}

static void test_as_otlp(void) {
    static const char *const runs[] = {"async", "cache-coarse", "cache", "host",
                                       "none",  "nplus1",       "pool"};
    int found = 0;
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        char name[200];
        snprintf(name, sizeof name, "data/otel-shop/%s/small/otlp.pb.gz", runs[i]);
        const char *path = pythia_shared(name);
        if (!path) continue;
        Rows otlp = rows_file(path);
        snprintf(name, sizeof name, "data/otel-shop/%s/small/zipkin.json.gz", runs[i]);
        path = pythia_shared(name);
        CU_ASSERT_PTR_NOT_NULL_FATAL(path);
        Rows zipkin = rows_file(path);
        CU_ASSERT(otlp.n >= 288);
        CU_ASSERT_EQUAL_FATAL(otlp.n, zipkin.n);
        for (size_t k = 0; k < otlp.n; k++)
            CU_ASSERT(row_equal(&otlp.rows[k], &zipkin.rows[k]));
        pythia_free(otlp.rows);
        pythia_free(zipkin.rows);
        found++;
    }
    if (!found) pythia_skip("the shared data is absent");
}

PYTHIA_SUITE(read_zipkin, {"arrays, arrays of arrays, single spans", test_shapes},
             {"ids are padded", test_ids}, {"kinds", test_kinds}, {"status from tags", test_status},
             {"endpoints, tags, flags", test_endpoints}, {"both sides under one id", test_shared},
             {"times, and those that are missing", test_times},
             {"missing ids, broken spans", test_missing},
             {"wrong types are harmless", test_wrong_types}, {"what is not Zipkin", test_strangers},
             {"the same spans as from OTLP", test_as_otlp})
