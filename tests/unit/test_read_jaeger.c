/* test_read_jaeger.c - Jaeger JSON: shapes, references, processes, tags, logs. */
#include "tests/unit/test_read.h"

#define SPAN(id, members)                                                                          \
    "{\"traceID\":\"7b\",\"spanID\":\"" id                                                         \
    "\",\"operationName\":\"op\",\"startTime\":100,\"duration\":20" members "}"
#define TRACE(spans, members) "{\"traceID\":\"7b\",\"spans\":[" spans "]" members "}"
#define PROCESSES                                                                                  \
    ",\"processes\":{\"p1\":{\"serviceName\":\"web\",\"tags\":[{\"key\":\"hostname\",\"type\":"    \
    "\"string\",\"value\":\"h1\"}]},\"p2\":{\"serviceName\":\"db\",\"tags\":[]}}"
#define REF(type, trace, span)                                                                     \
    "{\"refType\":\"" type "\",\"traceID\":\"" trace "\",\"spanID\":\"" span "\"}"
#define T "000000000000007b"

static void one_trace(const char *text, const char *lines) {
    Seen seen = seen_str(text);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    CU_ASSERT_STRING_EQUAL(seen.stats.format, "jaeger");
    CU_ASSERT(seen_has(&seen, lines));
    seen_clear(&seen);
}

static void test_shapes(void) {
    static const char expected[] = "S " T " 0000000000000001 - @ op k0 s0 f0 100000+20000";
    one_trace("{\"data\":[" TRACE(SPAN("1", ""), "") "],\"total\":0,\"errors\":null}", expected);
    one_trace("{\"data\":" TRACE(SPAN("1", ""), "") "}", expected);
    one_trace(TRACE(SPAN("1", ""), ""), expected);
    one_trace("[" TRACE(SPAN("1", ""), "") "," TRACE(SPAN("2", ""), "") "]", expected);
    one_trace(TRACE(SPAN("1", ""), "") "\n" TRACE(SPAN("2", ""), "") "\n", expected);
    one_trace(SPAN("1", "") "\n" SPAN("2", "") "\n", expected);
    one_trace("{\"data\":[" SPAN("1", "") "]}", expected);
    /* the trace's id stands for a missing one of the span */
    one_trace("{\"traceID\":\"7b\",\"spans\":[{\"spanID\":\"1\",\"operationName\":\"op\","
              "\"startTime\":100,"
              "\"duration\":20}]}",
              expected);
}

static void test_ids(void) {
    one_trace(
        "{\"traceID\":\"123456789abcdef01\",\"spans\":[{\"traceID\":\"123456789ABCDEF01\","
        "\"spanID\":"
        "\"abc\",\"operationName\":\"op\",\"startTime\":1,\"duration\":2,\"parentSpanID\":\"0\"}]}",
        "S 000000000000000123456789abcdef01 0000000000000abc - @ op k0 s0 f0 1000+2000");
    one_trace(
        "{\"traceID\":\"trace-1\",\"spans\":[{\"traceID\":\"trace-1\",\"spanID\":\"span-1\","
        "\"operationName\":\"op\",\"startTime\":1,\"duration\":2,\"parentSpanID\":\"span-0\"}]}",
        "S trace-1 span-1 span-0 @ op k0 s0 f0 1000+2000");
}

static void test_references(void) {
    static const char begin[] = "S " T " 0000000000000009 ";
    static const struct {
        const char *references, *parent, *links;
    } cases[] = {
        {"[]", "-", ""},
        {"[" REF("CHILD_OF", "7b", "1") "]", "0000000000000001", ""},
        {"[" REF("CHILD_OF", "000000000000007B", "1") "]", "0000000000000001", ""},
        {"[" REF("CHILD_OF", "7b", "1") "," REF("CHILD_OF", "7b", "2") "]", "0000000000000001",
         "\nl2 " T " 0000000000000002"},
        {"[" REF("FOLLOWS_FROM", "7b", "1") "]", "0000000000000001", "\nl1 " T " 0000000000000001"},
        {"[" REF("FOLLOWS_FROM", "7b", "1") "," REF("CHILD_OF", "7b", "2") "]", "0000000000000002",
         "\nl1 " T " 0000000000000001"},
        {"[" REF("CHILD_OF", "ff", "1") "," REF("FOLLOWS_FROM", "fe", "2") "]", "-",
         "\nl0 00000000000000ff 0000000000000001\nl1 00000000000000fe 0000000000000002"},
        {"[" REF("CHILD_OF", "ff", "1") "," REF("CHILD_OF", "7b", "3") "," REF("FOLLOWS_FROM", "7b",
                                                                               "4") "]",
         "0000000000000003", "\nl0 00000000000000ff 0000000000000001\nl1 " T " 0000000000000004"},
        {"[{\"refType\":\"CHILD_OF\",\"spanID\":\"5\"}]", "0000000000000005", ""},
        {"[{\"refType\":\"CHILD_OF\",\"traceID\":\"7b\",\"spanID\":\"\"},7,null]", "-", ""},
        {"null", "-", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[600], lines[400];
        snprintf(text, sizeof text, TRACE(SPAN("9", ",\"references\":%s"), ""),
                 cases[i].references);
        snprintf(lines, sizeof lines, "%s%s @ op k0 s0 f0 100000+20000%s", begin, cases[i].parent,
                 cases[i].links);
        one_trace(text, lines);
        Seen seen = seen_str(text);
        int links = 0;
        for (const char *p = cases[i].links; (p = strchr(p, '\n')); p++)
            links++;
        CU_ASSERT_EQUAL(seen_count(&seen, "l"), links);
        seen_clear(&seen);
    }
}

static void test_processes(void) {
    one_trace(
        TRACE(SPAN("1", ",\"processID\":\"p1\"") "," SPAN("2", ",\"processID\":\"p2\"") "," SPAN(
                  "3", ",\"processID\":\"p9\"") "," SPAN("4", ",\"processID\":\"p1\""),
              PROCESSES),
        "S " T " 0000000000000001 - web@h1 op k0 s0 f0 100000+20000\n"
        "r service.name=\"web\"\nr hostname=\"h1\"\n"
        "S " T " 0000000000000002 - db@ op k0 s0 f0 100000+20000\nr service.name=\"db\"\n"
        "S " T " 0000000000000003 - @ op k0 s0 f0 100000+20000\n"
        "S " T " 0000000000000004 - web@h1 op k0 s0 f0 100000+20000");
    one_trace(TRACE(SPAN("1", ",\"process\":{\"serviceName\":\"in\",\"tags\":[{\"key\":\"ip\","
                              "\"value\":\"10.0.0.1\"}]}"),
                    ""),
              "S " T " 0000000000000001 - in@10.0.0.1 op k0 s0 f0 100000+20000\n"
              "r service.name=\"in\"\nr ip=\"10.0.0.1\"");
}

static void test_tags(void) {
    one_trace(
        TRACE(SPAN("1",
                   ",\"tags\":[{\"key\":\"span.kind\",\"type\":\"string\",\"value\":\"client\"},"
                   "{\"key\":\"error\",\"type\":\"bool\",\"value\":true},"
                   "{\"key\":\"i\",\"type\":\"int64\",\"value\":5},{\"key\":\"is\",\"type\":"
                   "\"int64\",\"value\":\"-6\"},"
                   "{\"key\":\"big\",\"type\":\"int64\",\"value\":\"99999999999999999999\"},"
                   "{\"key\":\"f\",\"type\":\"float64\",\"value\":2},{\"key\":\"fs\",\"type\":"
                   "\"float64\",\"value\":\"NaN\"},"
                   "{\"key\":\"b\",\"type\":\"bool\",\"value\":\"false\"},{\"key\":\"bin\","
                   "\"type\":\"binary\",\"value\":\"AAEC\"},"
                   "{\"key\":\"s\",\"type\":\"string\",\"value\":\"\"},{\"key\":\"untyped\","
                   "\"value\":1.5},"
                   "{\"key\":\"odd\",\"type\":\"int64\",\"value\":\"many\"},{\"key\":\"none\"},"
                   "{\"key\":\"list\",\"value\":[1,\"a\"]}]"),
              ""),
        "S " T " 0000000000000001 - @ op k2 s2 f0 100000+20000\n"
        "a span.kind=\"client\"\na error=true\na i=5i\na is=-6i\na big=1e+20d\na f=2d\na fs=nand\n"
        "a b=false\na bin=b:AAEC\na s=\"\"\na untyped=1.5d\na odd=\"many\"\na list=j:[1,\"a\"]");
    one_trace(TRACE(SPAN("1", ",\"tags\":[{\"key\":\"otel.status_code\",\"value\":\"OK\"},{\"key\":"
                              "\"error\",\"value\":\"false\"},{\"key\":\"span.kind\",\"value\":"
                              "\"consumer\"}],\"warnings\":[\"w\"]"),
                    ""),
              "S " T " 0000000000000001 - @ op k4 s1 f0 100000+20000\n"
              "a otel.status_code=\"OK\"\na error=\"false\"\na span.kind=\"consumer\"\na "
              "warnings=j:[\"w\"]");
    one_trace(TRACE(SPAN("1", ",\"tags\":{\"error\":\"true\",\"n\":3},\"warnings\":[]"), ""),
              "S " T " 0000000000000001 - @ op k0 s2 f0 100000+20000\na error=\"true\"\na n=3i");
}

static void test_logs(void) {
    one_trace(
        TRACE(SPAN("1",
                   ",\"logs\":[{\"timestamp\":101,\"fields\":[{\"key\":\"x\",\"type\":\"int64\","
                   "\"value\":1},"
                   "{\"key\":\"event\",\"value\":\"cache "
                   "miss\"},{\"key\":\"message\",\"value\":\"m\"}]},"
                   "{\"timestamp\":102,\"fields\":[{\"key\":\"message\",\"value\":\"hello\"}]},"
                   "{\"timestamp\":\"103.5\",\"fields\":[{\"key\":\"y\",\"value\":\"z\"}]},{"
                   "\"timestamp\":104}]"),
              ""),
        "S " T " 0000000000000001 - @ op k0 s0 f0 100000+20000\n"
        "p 101000 cache miss\npa x=1i\npa message=\"m\"\np 102000 hello\np 103500 log\npa y=\"z\"\n"
        "p 104000 log");
}

static void test_times(void) {
    static const struct {
        const char *start, *duration;
        long long start_ns, length_ns;
        int flags;
    } cases[] = {
        {"1485467191639875", "5", 1485467191639875000, 5000, 0},
        {"\"1485467191639875\"", "\"5\"", 1485467191639875000, 5000, 0},
        {"1485467191639875.25", "0.5", 1485467191639875250, 500, 0},
        {"\"1485467191639875.123\"", "1e3", 1485467191639875123, 1000000, 0},
        {"0", "100", 0, 100000, 0},
        {"10", "-4", 10000, -4000, 0},
        {"10", "null", 10000, 0, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[300], line[200];
        snprintf(
            text, sizeof text,
            "{\"traceID\":\"7b\",\"spans\":[{\"spanID\":\"1\",\"startTime\":%s,\"duration\":%s}]}",
            cases[i].start, cases[i].duration);
        snprintf(line, sizeof line, "S " T " 0000000000000001 - @  k0 s0 f%d %lld+%lld",
                 cases[i].flags, cases[i].start_ns, cases[i].length_ns);
        one_trace(text, line);
    }
}

static void test_rejected(void) {
    Seen seen = seen_str(
        "{\"data\":[{\"spans\":[{\"spanID\":\"1\",\"startTime\":1}],\"traceID\":\"\"},"
        "{\"traceID\":\"7b\",\"spans\":[{\"startTime\":1},{\"spanID\":\"1\"},"
        "{\"spanID\":\"2\",\"startTime\":\"x\"},{\"spanID\":\"3\",\"startTime\":1,\"duration\":[]},"
        "{\"spanID\":\"4\",\"startTime\":9223372036854775,\"duration\":9223372036854775},"
        "{\"spanID\":\"5\",\"startTime\":-1,\"duration\":0},3,null]},{\"traceID\":\"7c\"},4]}");
    CU_ASSERT_EQUAL(seen.stats.spans, 0);
    CU_ASSERT_EQUAL(seen_count(&seen, "! span @1 - 0000000000000001 "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! span @1 " T " - "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! time @1 " T " "), 5);
    CU_ASSERT_EQUAL(seen_count(&seen, "! span @1 - - "), 4); /* two spans, two traces */
    CU_ASSERT_EQUAL(seen.stats.rejected, 11);
    seen_clear(&seen);
}

PYTHIA_SUITE(read_jaeger, {"shapes of a file", test_shapes}, {"ids are padded", test_ids},
             {"references become parents and links", test_references},
             {"processes, shared and inline", test_processes},
             {"tags: types, kind, status", test_tags}, {"logs are points", test_logs},
             {"times in microseconds", test_times},
             {"what cannot be used is a problem", test_rejected})
