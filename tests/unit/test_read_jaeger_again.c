/* test_read_jaeger_again.c - the quick way through Jaeger's JSON against the other.
**
** Documents are made of few pieces, among them such as are nearly others, and some that the quick way leaves alone. */
#include "tests/unit/test_read_again.h"

static const char *const keys[] = {"http.method", "http.method2", "h",
                                   "event",       "message",      "span.kind",
                                   "error",       "\xc3\xa9",     "http.m\\u0065thod",
                                   "a\\\"",       "hostname",     "otel.status_code"};
static const char *const values[] = {"\"type\":\"string\",\"value\":\"GET\"",
                                     "\"type\":\"string\",\"value\":\"client\"",
                                     "\"type\":\"string\",\"value\":\"GE\\\\\"",
                                     "\"type\":\"string\",\"value\":\"GE\\u0054\"",
                                     "\"type\":\"string\",\"value\":\"\xc3\xa9\"",
                                     "\"type\":\"string\",\"value\":\"\"",
                                     "\"type\":\"string\", \"value\": \"ERROR\"",
                                     "\"type\":\"int64\",\"value\":200",
                                     "\"type\":\"int64\",\"value\":-7",
                                     "\"type\":\"int64\",\"value\":\"12\"",
                                     "\"type\":\"int64\",\"value\":9223372036854775807",
                                     "\"type\":\"int64\",\"value\":0",
                                     "\"type\":\"float64\",\"value\":1.5",
                                     "\"type\":\"float64\",\"value\":3",
                                     "\"type\":\"bool\",\"value\":true",
                                     "\"type\":\"bool\",\"value\":false",
                                     "\"type\":\"binary\",\"value\":\"AAE=\""};
/* Those are for the other way. */
static const char *const odd_values[] = {
    "\"value\":\"x\",\"type\":\"string\"",  "\"type\":\"int64\",\"value\":1.5",
    "\"type\":\"int64\",\"value\":\"\"",    "\"type\":\"string\",\"value\":7",
    "\"type\":\"bool\",\"value\":\"true\"", "\"type\":\"float64\",\"value\":\"NaN\"",
    "\"type\":\"other\",\"value\":\"x\"",   "\"type\":\"string\",\"value\":{\"a\":[1]}"};

static void put_tags(PythiaBuf *out, int odd) {
    size_t n = pick(5);
    pythia_buf_byte(out, '[');
    for (size_t i = 0; i < n; i++)
        pythia_buf_format(out, "%s{\"key\":\"%s\",%s}", i ? (pick(9) ? "," : ", ") : "",
                          PREFER(keys), odd && !pick(60) ? PICK(odd_values) : PREFER(values));
    pythia_buf_byte(out, ']');
}

static const char *const traces[] = {"beeb8da1658eec67f893a2eefb32555e",
                                     "beeb8da1658eec67f893a2eefb32555f",
                                     "eeb8da1658eec67f893a2eefb32555e",
                                     "7476cf8a4baa5dc1",
                                     "trace\\\\",
                                     "BEEB8DA1658EEC67F893A2EEFB32555E"};
static const char *const ids[] = {"7476cf8a4baa5dc1", "476cf8a4baa5dc1", "7476CF8A4BAA5DC1",
                                  "0000000000000000", "span-1",          "7476cf8a4baa5dcg"};
static void put_reference(PythiaBuf *out, const char *type, const char *trace, const char *span) {
    pythia_buf_format(out, "{\"refType\":\"%s\",\"traceID\":\"%s\",\"spanID\":\"%s\"}", type, trace,
                      span);
}

static void put_references(PythiaBuf *out, const char *trace, int odd) {
    size_t form = odd && !pick(60) ? 2 + pick(5) : pick(9) < 2;
    pythia_buf_byte(out, '[');
    if (form == 0) put_reference(out, "CHILD_OF", trace, PREFER(ids));
    if (form == 1 && pick(2))
        pythia_buf_format(out, "{\"spanID\":\"%s\",\"traceID\":\"%s\",\"refType\":\"CHILD_OF\"}",
                          PREFER(ids), trace);
    if (form == 2) put_reference(out, "FOLLOWS_FROM", trace, PREFER(ids));
    if (form == 3) put_reference(out, "CHILD_OF", "7476cf8a4baa5dc9", PREFER(ids));
    if (form == 4) put_reference(out, "CHILD_OF", trace, "");
    if (form == 5) put_reference(out, "CHILD_OF", "", PREFER(ids));
    if (form == 6) {
        put_reference(out, "CHILD_OF", trace, PREFER(ids));
        pythia_buf_byte(out, ',');
        put_reference(out, "CHILD_OF", trace, PREFER(ids));
    }
    pythia_buf_byte(out, ']');
}

static const char *const odd_members[] = {
    "\"warnings\":[\"late\"],",       "\"parentSpanID\":\"7476cf8a4baa5dc1\",",
    "\"startTimeNanos\":\"x\",",      "\"traceID\":\"7476cf8a4baa5dc1\",",
    "\"unknown\":{\"traceID\":[1]},", "\"process\":{\"serviceName\":\"own\"},",
    "\"operationName\":null,",        "\"duration\":null,",
    "\"startTime\":9223372036854775,"};

static void put_span(PythiaBuf *out, const char *trace, int odd) {
    pythia_buf_format(out, "{%s\"traceID\":\"%s\",\"spanID\":\"%s\",",
                      odd && !pick(60) ? PICK(odd_members) : "", trace, PREFER(ids));
    if (pick(4)) pythia_buf_str(out, "\"flags\":1,");
    if (pick(9))
        pythia_buf_format(out, "%s\"operationName\":\"%s\",", pick(9) ? "" : " ",
                          pick(3) ? "op" : "op \\u00e9");
    pythia_buf_str(out, "\"references\":");
    put_references(out, trace, odd);
    pythia_buf_byte(out, ',');
    pythia_buf_format(out, "\"startTime\":%s,\"duration\":%d,",
                      pick(9) ? "1735689600000141" : "\"1735689600000142\"", (int)pick(3));
    if (!pick(4)) pythia_buf_str(out, "\"startTimeNanos\":1735689600000141123,");
    if (!pick(9)) pythia_buf_str(out, "\"durationNanos\":1001,");
    pythia_buf_str(out, "\"tags\":");
    put_tags(out, odd);
    pythia_buf_str(out, ",\"logs\":[");
    for (size_t n = pick(3); n; n--) {
        pythia_buf_str(out, "{\"timestamp\":1735689600000150,\"fields\":");
        put_tags(out, odd);
        pythia_buf_str(out, pick(4) ? "}" : ",\"timestampNanos\":1735689600000150001}");
        if (n > 1) pythia_buf_byte(out, ',');
    }
    pythia_buf_format(out, "],\"processID\":\"%s\",\"warnings\":%s}",
                      odd && !pick(90) ? "p9"
                      : pick(2)        ? "p1"
                                       : "p2",
                      pick(9) ? "null" : "[]");
}

static void put_processes(PythiaBuf *out, int odd) {
    static const char *const services[] = {"s1", "s2", "\xc3\xa9", ""};
    pythia_buf_str(out, "\"processes\":{");
    for (int i = 1; i < 3; i++) {
        pythia_buf_format(out, "%s\"p%d\":{\"serviceName\":\"%s\"", i > 1 ? "," : "",
                          odd && !pick(30) ? 1 : i, PREFER(services));
        if (pick(4)) {
            pythia_buf_str(out, ",\"tags\":");
            put_tags(out, odd);
        }
        pythia_buf_byte(out, '}');
    }
    pythia_buf_byte(out, '}');
}

static void put_trace(PythiaBuf *out, int odd) {
    const char *trace = PREFER(traces);
    int late = pick(4) != 0;
    pythia_buf_format(out, "{\"traceID\":\"%s\",", trace);
    if (!late) {
        put_processes(out, odd);
        pythia_buf_byte(out, ',');
    }
    pythia_buf_str(out, "\"spans\":[");
    for (size_t n = pick(5); n; n--) {
        put_span(out, trace, odd);
        if (n > 1) pythia_buf_byte(out, ',');
    }
    pythia_buf_byte(out, ']');
    if (late) {
        pythia_buf_byte(out, ',');
        put_processes(out, odd);
    }
    pythia_buf_str(out, pick(2) ? "}" : ",\"warnings\":null}");
}

static void put_document(PythiaBuf *out, int odd) {
    if (!pick(3)) {
        put_trace(out, odd);
    } else {
        pythia_buf_str(out, "{\"data\":[");
        for (size_t n = 1 + pick(3); n; n--) {
            put_trace(out, odd);
            if (n > 1) pythia_buf_byte(out, ',');
        }
        pythia_buf_str(out, pick(2) ? "]}" : "],\"total\":0,\"errors\":null}");
    }
    pythia_buf_byte(out, '\n');
}

static PythiaBuf make_file(size_t n, int odd) {
    PythiaBuf text = {0};
    while (n--)
        put_document(&text, odd);
    CU_ASSERT_EQUAL_FATAL(text.rc, SQLITE_OK);
    return text;
}

static void test_pieces(void) {
    again_alike(make_file, "jaeger", 80, AGAIN_DOCUMENTS, 80 * AGAIN_DOCUMENTS / 2);
}

static void test_damaged(void) {
    again_damaged(make_file, "jaeger", 2000, 3000);
}

PYTHIA_SUITE(read_jaeger_again, {"pieces that come again, and nearly again", test_pieces},
             {"the same, damaged", test_damaged})
