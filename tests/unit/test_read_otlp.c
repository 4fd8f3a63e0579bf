/* test_read_otlp.c - OTLP JSON: dialects, values, identifiers, what is missing. */
#include "tests/unit/test_read.h"

#define T "5b8efff798038103d269b633813fc60c"

/* A document with one span that has the members given. */
#define SPAN(members) "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{" members "}]}]}]}"
#define IDS           "\"traceId\":\"" T "\",\"spanId\":\"eee19b7ec3c1b174\","
#define TIMES                                                                                      \
    "\"startTimeUnixNano\":\"1640000000000000001\",\"endTimeUnixNano\":\"1640000000100000001\""
#define VALUE(value) SPAN(IDS TIMES ",\"attributes\":[{\"key\":\"k\",\"value\":" value "}]")

static void one_value(const char *text, const char *line) {
    Seen seen = seen_str(text);
    CU_ASSERT_EQUAL(seen.stats.spans, 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    CU_ASSERT(seen_has(&seen, line));
    seen_clear(&seen);
}

static void test_values(void) {
    one_value(VALUE("{\"stringValue\":\"a\\u0000\\u00e9\"}"), "a k=\"a\\u0000\xc3\xa9\"");
    one_value(VALUE("{\"stringValue\":\"\"}"), "a k=\"\"");
    one_value(VALUE("{\"boolValue\":true}"), "a k=true");
    one_value(VALUE("{\"boolValue\":false}"), "a k=false");
    one_value(VALUE("{\"intValue\":\"334\"}"), "a k=334i");
    one_value(VALUE("{\"intValue\":-7}"), "a k=-7i");
    one_value(VALUE("{\"intValue\":\"9223372036854775807\"}"), "a k=9223372036854775807i");
    one_value(VALUE("{\"intValue\":\"-9223372036854775808\"}"), "a k=-9223372036854775808i");
    one_value(VALUE("{\"intValue\":9007199254740994}"), "a k=9007199254740994i");
    one_value(VALUE("{\"intValue\":9223372036854776000}"), "a k=9.2233720368547758e+18d");
    one_value(VALUE("{\"intValue\":1e+300}"), "a k=1.0000000000000001e+300d");
    one_value(VALUE("{\"intValue\":1208925819614629174706176}"), "a k=1.2089258196146292e+24d");
    one_value(VALUE("{\"intValue\":\"1208925819614629174706176\"}"), "a k=1.2089258196146292e+24d");
    one_value(VALUE("{\"doubleValue\":0.25}"), "a k=0.25d");
    one_value(VALUE("{\"doubleValue\":7}"), "a k=7d");
    one_value(VALUE("{\"doubleValue\":null}"), "a k=nand");
    one_value(VALUE("{\"doubleValue\":\"NaN\"}"), "a k=nand");
    one_value(VALUE("{\"doubleValue\":NaN}"), "a k=nand");
    one_value(VALUE("{\"doubleValue\":\"Infinity\"}"), "a k=infd");
    one_value(VALUE("{\"doubleValue\":-Infinity}"), "a k=-infd");
    one_value(VALUE("{\"doubleValue\":1e999}"), "a k=infd");
    one_value(VALUE("{\"bytesValue\":\"aGVsbG8=\"}"), "a k=b:aGVsbG8=");
    one_value(VALUE("{}"), "a k=j:null");
    one_value(VALUE("null"), "a k=j:null");
    one_value(VALUE("\"bare\""), "a k=\"bare\"");
    one_value(VALUE("{\"string_value\":\"snake\"}"), "a k=\"snake\"");
    one_value(VALUE("{\"stringValue\":\"half a pair: \\ud83d.\"}"),
              "a k=\"half a pair: \xef\xbf\xbd.\"");
    one_value(VALUE("{\"stringValue\":\"a pair: \\ud83d\\ude00 \\ud800\"}"),
              "a k=\"a pair: \xf0\x9f\x98\x80 \xef\xbf\xbd\"");
}

static void test_nested_values(void) {
    one_value(VALUE("{\"arrayValue\":{\"values\":[]}}"), "a k=j:[]");
    one_value(VALUE("{\"arrayValue\":{}}"), "a k=j:[]");
    one_value(VALUE("{\"arrayValue\":{\"values\":[{\"stringValue\":\"a\\\"\"},{\"intValue\":\"1\"},"
                    "{\"doubleValue\":1.5},{\"boolValue\":true},{},{\"doubleValue\":null}]}}"),
              "a k=j:[\"a\\\"\",1,1.5,true,null,null]");
    one_value(
        VALUE("{\"kvlistValue\":{\"values\":[{\"key\":\"x\",\"value\":{\"arrayValue\":{\"values\":["
              "{\"intValue\":2},{\"kvlistValue\":{\"values\":[{\"key\":\"y\",\"value\":{}}]}}]}}},"
              "{\"key\":\"z\",\"value\":{\"stringValue\":\"w\"}}]}}"),
        "a k=j:{\"x\":[2,{\"y\":null}],\"z\":\"w\"}");
}

/* Arrays in arrays, as deep as the parser allows. */
static void test_deep_values(void) {
    enum { DEPTH = 1300 };
    PythiaBuf text = {0};
    pythia_buf_str(&text, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{" IDS TIMES
                          ",\"attributes\":[{\"key\":\"k\",\"value\":");
    for (int i = 0; i < DEPTH; i++)
        pythia_buf_str(&text, "{\"arrayValue\":{\"values\":[");
    for (int i = 0; i < DEPTH; i++)
        pythia_buf_str(&text, "]}}");
    pythia_buf_str(&text, "}]}]}]}]}");
    CU_ASSERT_EQUAL_FATAL(text.rc, SQLITE_OK);
    Seen seen = seen_read((char *)text.data, text.n, NULL, 0);
    CU_ASSERT_EQUAL(seen.stats.spans, 1);
    const char *at = strstr(seen_lines(&seen), "a k=j:[[[");
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    CU_ASSERT_EQUAL(strspn(at + 6, "["), DEPTH);
    CU_ASSERT_EQUAL(strspn(at + 6 + DEPTH, "]"), DEPTH);
    seen_clear(&seen);
    pythia_buf_clear(&text);
}

static void test_ids(void) {
    one_value(
        SPAN("\"traceId\":\"5B8EFFF798038103D269B633813FC60C\",\"spanId\":\"EEE19B7EC3C1B174\","
             "\"parentSpanId\":\"EEE19B7EC3C1B173\",\"name\":\"n\"," TIMES),
        "S " T " eee19b7ec3c1b174 eee19b7ec3c1b173 @ n k0 s0 f0 1640000000000000001+100000000");
    /* base64, where the length says so */
    one_value(
        SPAN(
            "\"traceId\":\"QpC1h3qZMN55u0KDZTmOzA==\",\"spanId\":\"vN3SSzQ8AWg=\",\"parentSpanId\":"
            "\"\",\"name\":\"n\",\"kind\":\"SPAN_KIND_CLIENT\",\"status\":{\"code\":\"STATUS_CODE_"
            "OK\"}," TIMES),
        "S 4290b5877a9930de79bb428365398ecc bcddd24b343c0168 - @ n k2 s1 f0 "
        "1640000000000000001+100000000");
    /* zeros are no parent; other shapes stay text */
    one_value(SPAN("\"traceId\":\"trace-1\",\"spanId\":\"span-1\",\"parentSpanId\":"
                   "\"0000000000000000\"," TIMES),
              "S trace-1 span-1 - @  k0 s0 f0 1640000000000000001+100000000");
}

static void test_dialects(void) {
    one_value(
        "{\"batches\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
        "{\"stringValue\":\"s\"}}]},\"instrumentationLibrarySpans\":[{\"instrumentationLibrary\":"
        "{\"name\":\"lib\",\"version\":\"2\"},\"spans\":[{" IDS TIMES "}]}]}]}",
        "S " T " eee19b7ec3c1b174 - s@  k0 s0 f0 1640000000000000001+100000000\n"
        "r service.name=\"s\"\na otel.scope.name=\"lib\"\na otel.scope.version=\"2\"");
    one_value(
        "{\"resource_spans\":[{\"scope_spans\":[{\"spans\":[{\"trace_id\":\"" T "\",\"span_id\":"
        "\"eee19b7ec3c1b174\",\"parent_span_id\":\"eee19b7ec3c1b173\",\"start_time_unix_nano\":10,"
        "\"end_time_unix_nano\":30,\"name\":\"n\"}]}]}]}",
        "S " T " eee19b7ec3c1b174 eee19b7ec3c1b173 @ n k0 s0 f0 10+20");
    /* one element of resourceSpans alone */
    one_value("{\"scopeSpans\":[{\"spans\":[{" IDS TIMES "}]}],\"resource\":{}}",
              "S " T " eee19b7ec3c1b174 - @  k0 s0 f0 1640000000000000001+100000000");
}

/* What a scope says stands on each of its spans, and on no other. */
static void test_scopes(void) {
    Seen seen = seen_str("{\"resourceSpans\":[{\"scopeSpans\":[{\"scope\":{\"name\":\"lib\","
                         "\"attributes\":[{\"key\":\"x\","
                         "\"value\":{\"intValue\":1}}]},\"spans\":[{" IDS TIMES "},{" IDS TIMES
                         "}]},{\"spans\":[{" IDS TIMES "}]}]}]}");
    CU_ASSERT_EQUAL(seen.stats.spans, 3);
    CU_ASSERT(seen_has(&seen,
                       "a otel.scope.name=\"lib\"\na otel.scope.x=1i\n"
                       "S " T " eee19b7ec3c1b174 - @  k0 s0 f0 1640000000000000001+100000000\n"
                       "a otel.scope.name=\"lib\"\na otel.scope.x=1i"));
    CU_ASSERT_EQUAL(seen_count(&seen, "a otel.scope.x=1i"), 2);
    seen_clear(&seen);
}

static void test_kinds(void) {
    static const char *const kinds[] = {"0",   "1", "2",  "\"3\"", "\"SPAN_KIND_PRODUCER\"",
                                        "5",   "6", "-1", "\"x\"", "\"SPAN_KIND_UNSPECIFIED\"",
                                        "null"};
    static const int expected[] = {0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        char text[400], line[200];
        snprintf(text, sizeof text, SPAN(IDS TIMES ",\"kind\":%s"), kinds[i]);
        snprintf(line, sizeof line,
                 "S " T " eee19b7ec3c1b174 - @  k%d s0 f0 1640000000000000001+100000000",
                 expected[i]);
        one_value(text, line);
    }
    one_value(
        SPAN(IDS TIMES ",\"status\":{\"code\":2,\"message\":\"boom\"},\"traceState\":\"a=b\","
                       "\"droppedAttributesCount\":3,\"droppedEventsCount\":0,\"flags\":257"),
        "S " T " eee19b7ec3c1b174 - @  k0 s2 f0 1640000000000000001+100000000\n"
        "a status.message=\"boom\"\na trace_state=\"a=b\"\na otel.dropped_attributes_count=3i");
}

static void test_points_and_links(void) {
    Seen seen = seen_str(
        SPAN(IDS TIMES
             ",\"events\":[{\"timeUnixNano\":\"1640000000000000005\",\"name\":\"e1\","
             "\"attributes\":[{\"key\":"
             "\"a\",\"value\":{\"intValue\":1}}],\"droppedAttributesCount\":2},{\"name\":\"e2\"},"
             "{\"timeUnixNano\":\"soon\",\"name\":\"e3\",\"attributes\":[{\"key\":\"lost\","
             "\"value\":{}}]},"
             "{\"timeUnixNano\":1640000000000000009,\"name\":\"e4\",\"attributes\":[{\"key\":\"b\","
             "\"value\":{\"boolValue\":true}}]}],\"links\":[{\"traceId\":\"" T
             "\",\"spanId\":\"00000000000000aa\",\"attributes\":[{\"key\":\"l\",\"value\":{"
             "\"stringValue\":"
             "\"x\"}}],\"traceState\":\"t\"},{\"traceId\":\"\",\"spanId\":\"\"},{\"traceId\":"
             "\"00000000000000000000000000000001\",\"spanId\":\"00000000000000bb\"}]"));
    CU_ASSERT(seen_has(&seen,
                       "p 1640000000000000005 e1\npa a=1i\npa otel.dropped_attributes_count=2i\n"
                       "p 1640000000000000001 e2\np 1640000000000000009 e4\npa b=true\n"
                       "l0 " T " 00000000000000aa\nla l=\"x\"\nla trace_state=\"t\"\n"
                       "l0 00000000000000000000000000000001 00000000000000bb"));
    CU_ASSERT_EQUAL(seen_count(&seen, "! time @1 " T " eee19b7ec3c1b174 "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
    CU_ASSERT_EQUAL(seen.stats.points, 3);
    seen_clear(&seen);
}

#define RESOURCE(attributes)                                                                       \
    "{\"resourceSpans\":[{\"resource\":{\"attributes\":[" attributes                               \
    "]},\"scopeSpans\":[{\"spans\":[{" IDS TIMES "}]}]}]}"
#define TEXT(key, value) "{\"key\":\"" key "\",\"value\":{\"stringValue\":\"" value "\"}}"
#define PID              "{\"key\":\"process.pid\",\"value\":{\"intValue\":\"42\"}}"

static void test_resources(void) {
    static const char *const lines[] = {
        RESOURCE(TEXT("service.name", "a") "," TEXT("host.name", "h")),
        RESOURCE(TEXT("host.name", "h") "," PID "," TEXT("k8s.pod.name", "p")),
        RESOURCE(TEXT("service.instance.id", "i") "," TEXT("host.name", "h")),
        RESOURCE(TEXT("k8s.pod.name", "p")),
        RESOURCE(TEXT("service.name", "a") "," TEXT("host.name", "h"))};
    Seen seen = seen_joined(lines, sizeof lines / sizeof lines[0]);
    CU_ASSERT(seen_has(&seen,
                       "S " T " eee19b7ec3c1b174 - a@h  k0 s0 f0 1640000000000000001+100000000\n"
                       "r service.name=\"a\"\nr host.name=\"h\""));
    CU_ASSERT(seen_has(&seen,
                       "S " T " eee19b7ec3c1b174 - @h:42  k0 s0 f0 1640000000000000001+100000000"));
    CU_ASSERT(
        seen_has(&seen, "S " T " eee19b7ec3c1b174 - @i  k0 s0 f0 1640000000000000001+100000000"));
    CU_ASSERT(
        seen_has(&seen, "S " T " eee19b7ec3c1b174 - @p  k0 s0 f0 1640000000000000001+100000000"));
    CU_ASSERT_EQUAL(seen.stats.next_serial, 5); /* the last resource is the first again */
    seen_clear(&seen);
}

static void test_missing(void) {
    static const char *const lines[] = {
        SPAN("\"spanId\":\"eee19b7ec3c1b174\"," TIMES),
        SPAN("\"traceId\":\"" T "\"," TIMES),
        SPAN(IDS "\"name\":\"x\""),
        SPAN(IDS "\"startTimeUnixNano\":0,\"endTimeUnixNano\":\"0\""),
        SPAN(IDS "\"startTimeUnixNano\":\"7\""),
        SPAN(IDS "\"endTimeUnixNano\":\"9\""),
        SPAN(IDS "\"startTimeUnixNano\":\"x\",\"endTimeUnixNano\":\"9\""),
        SPAN(IDS "\"startTimeUnixNano\":-5,\"endTimeUnixNano\":\"9\""),
        SPAN(IDS "\"startTimeUnixNano\":5,\"endTimeUnixNano\":\"9223372036854775807\""),
        SPAN(IDS "\"startTimeUnixNano\":9,\"endTimeUnixNano\":5")};
    Seen seen = seen_joined(lines, sizeof lines / sizeof lines[0]);
    CU_ASSERT_EQUAL(seen_count(&seen, "! span @1 - eee19b7ec3c1b174 "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! span @2 " T " - "), 1);
    for (int line = 3; line <= 9; line++) {
        char begin[80];
        snprintf(begin, sizeof begin, "! time @%d " T " eee19b7ec3c1b174 ", line);
        CU_ASSERT_EQUAL(seen_count(&seen, begin), line != 5 && line != 6);
    }
    CU_ASSERT(seen_has(&seen, "S " T " eee19b7ec3c1b174 - @  k0 s0 f2 7+0"));
    CU_ASSERT(seen_has(&seen, "S " T " eee19b7ec3c1b174 - @  k0 s0 f1 9+0"));
    CU_ASSERT(seen_has(&seen, "S " T " eee19b7ec3c1b174 - @  k0 s0 f0 9+-4"));
    CU_ASSERT_EQUAL(seen.stats.spans, 3);
    CU_ASSERT_EQUAL(seen.stats.rejected, 7);
    seen_clear(&seen);
}

/* Metrics and logs between traces: one problem for all of them. */
static void test_skipped(void) {
    Seen seen =
        seen_str("{\"resourceMetrics\":[]}\n" SPAN(IDS TIMES) "\n{\"resourceLogs\":[{}]}\n");
    CU_ASSERT_EQUAL(seen.stats.spans, 1);
    CU_ASSERT_EQUAL(seen.stats.skipped, 2);
    CU_ASSERT_EQUAL(seen.stats.rejected, 0);
    CU_ASSERT_EQUAL(seen_count(&seen, "! skipped "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
    CU_ASSERT_STRING_EQUAL(seen.stats.format, "otlp");
    seen_clear(&seen);
}

/* Values of the wrong JSON type everywhere: nothing but problems. */
static void test_wrong_types(void) {
    static const char *const texts[] = {
        "{\"resourceSpans\":{}}",
        "{\"resourceSpans\":[1,null,\"x\",[]]}",
        "{\"resourceSpans\":[{\"resource\":[],\"scopeSpans\":{}}]}",
        "{\"resourceSpans\":[{\"resource\":3,\"scopeSpans\":[4,{\"spans\":5},{\"scope\":6,"
        "\"spans\":[7,{}]}]}]}",
        SPAN("\"traceId\":1,\"spanId\":[],\"attributes\":{}"),
        SPAN(IDS TIMES
             ",\"attributes\":[1,{},{\"key\":2,\"value\":3}],\"events\":[1,{}],\"links\":[2,{}],"
             "\"status\":4,\"kind\":{},\"name\":[]"),
        SPAN(IDS TIMES
             ",\"attributes\":\"x\",\"events\":\"y\",\"links\":{},\"status\":{\"code\":{}}")};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        Seen seen = seen_str(texts[i]);
        CU_ASSERT_STRING_EQUAL(seen.stats.format, "otlp");
        CU_ASSERT_EQUAL(seen.stats.spans, i >= 5);
        seen_clear(&seen);
    }
}

/* ---- the quick way against the other ---- */

/* As exporters write: compact, with white space, with escapes, with all members. */
static const char *const usual[] = {
    "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":"
    "{\"stringValue\":\"a\"}},{\"key\":\"process.command_args\",\"value\":{\"arrayValue\":{"
    "\"values\":[{\"stringValue\":\"x\"},{\"intValue\":\"-3\"}]}}}],\"droppedAttributesCount\":0},"
    "\"scopeSpans\":[{\"scope\":{\"name\":\"lib\",\"version\":\"1.0\"},\"spans\":[{" IDS
    "\"parentSpanId\":\"00000000000000bb\",\"flags\":257,\"name\":\"GET \\\"x\\\" \\u00e9\\n\","
    "\"kind\":2," TIMES ",\"attributes\":[{\"key\":\"d\",\"value\":{\"doubleValue\":-1.25e-3}},"
    "{\"key\":\"i\",\"value\":{\"intValue\":\"-9223372036854775808\"}},{\"key\":\"b\",\"value\":{"
    "\"boolValue\":false}},{\"key\":\"y\",\"value\":{\"bytesValue\":\"AAE=\"}}],\"events\":[{"
    "\"timeUnixNano\":\"1640000000000000005\",\"name\":\"e\",\"attributes\":[{\"key\":\"k\","
    "\"value\":{\"stringValue\":\"v\"}}],\"droppedAttributesCount\":1}],\"links\":[{\"traceId\":"
    "\"" T
    "\",\"spanId\":\"00000000000000aa\",\"traceState\":\"t=1\",\"attributes\":[]}],\"status\":{"
    "\"code\":2,\"message\":\"no\"},\"traceState\":\"s\",\"droppedEventsCount\":3},{" IDS TIMES
    ",\"status\":{},\"kind\":\"SPAN_KIND_CLIENT\",\"attributes\":[],\"events\":[],\"links\":[]}],"
    "\"schemaUrl\":\"u\"}],\"schemaUrl\":\"u\"}]}",
    "{ \"resourceSpans\" : [\n { \"resource\": {}, \"scopeSpans\": [ { \"scope\": { \"name\": "
    "\"l\" },"
    " \"spans\": [ { \"traceId\": \"" T
    "\", \"spanId\": \"00000000000000ab\", \"name\": \"\xc3\xa9\","
    " \"startTimeUnixNano\": 1640000000000000001, \"endTimeUnixNano\": 1640000000000000002,"
    " \"attributes\": [ { \"key\": \"n\", \"value\": { \"intValue\": 12 } }, { \"key\": \"f\", "
    "\"value\":"
    " { \"doubleValue\": 3 } }, { \"key\": \"l\", \"value\": { \"kvlistValue\": { \"values\": [ { "
    "\"key\":"
    " \"a\", \"value\": { \"boolValue\": true } } ] } } } ] } ] } ] } ] }",
    "{\"resourceSpans\":[]}", "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[]}]},{}]}"};

static void test_usual(void) {
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        int kept;
        CU_ASSERT(seen_alike(usual[i], strlen(usual[i]), "otlp", &kept));
        CU_ASSERT_EQUAL(kept, 1); /* or the comparison says nothing */
    }
}

/* Whatever happens to the bytes of a document, both ways find the same in it. */
static void test_usual_damaged(void) {
    static const char bytes[] = "{}[]\":,\\0123456789eE+-.ntfu \n\x80\xff\x01";
    uint64_t random = 88172645463325252u;
    int kept, all = 0;
    for (int round = 0; round < 6000; round++) {
        const char *from = usual[(size_t)round % 2];
        size_t n = strlen(from);
        char *text = malloc(2 * n + 64);
        memcpy(text, from, n + 1);
        for (int edits = 1 + round % 3; edits > 0; edits--) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            size_t at = (size_t)(random >> 8) % n, length = (size_t)(random >> 32) % 24 + 1;
            if (length > n - at) length = n - at;
            switch (random % 4) {
            case 0: /* another byte */
                text[at] = bytes[(size_t)(random >> 40) % (sizeof bytes - 1)];
                break;
            case 1: /* one more byte */
                memmove(text + at + 1, text + at, n - at);
                text[at] = bytes[(size_t)(random >> 40) % (sizeof bytes - 1)];
                n++;
                break;
            case 2: /* a piece less */
                memmove(text + at, text + at + length, n - at - length);
                n -= length;
                break;
            default: /* a piece twice */
                memmove(text + at + length, text + at, n - at);
                n += length;
            }
            if (!n) n = 1;
        }
        if (!seen_alike(text, n, "otlp", &kept)) {
            CU_FAIL("the two ways differ");
            free(text);
            break;
        }
        all += kept;
        free(text);
    }
    CU_ASSERT(all > 300);
}

PYTHIA_SUITE(read_otlp, {"every type of value", test_values},
             {"arrays and lists are JSON", test_nested_values},
             {"arrays as deep as the parser goes", test_deep_values},
             {"ids in hex, base64 and text", test_ids}, {"old and new names", test_dialects},
             {"scopes", test_scopes}, {"kinds, status, what was dropped", test_kinds},
             {"events are points, links are links", test_points_and_links},
             {"resources: service, instance, serials", test_resources},
             {"missing ids and times", test_missing},
             {"metrics and logs are counted", test_skipped},
             {"wrong types are harmless", test_wrong_types},
             {"the usual shape, read the quick way", test_usual},
             {"the same, damaged: both ways agree", test_usual_damaged})
