/* test_read_otlp_again.c - what the readers of OTLP remember changes nothing.
**
** Documents are made of few pieces, so that keys, values, scopes and resources come again and again, and of pieces
** that nearly are others: the same beginning, another last byte, another way to write the same. JSON is read with what
** is remembered and by way of the tape, protobuf with what is remembered and without (a reader without atoms). */
#include "tests/unit/test_proto.h"
#include "tests/unit/test_read_again.h"

#define LONG_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* ---- JSON ---- */

static const char *const json_keys[] = {
    "http.method", "http.method2", "http.metho",    "h",     "http.m\\u0065thod",     "\xc3\xa9",
    "a\\\\",       "a\\\"",        (LONG_64 "key"), LONG_64, (LONG_64 LONG_64 "long")};

static const char *const json_values[] = {
    "{\"stringValue\":\"GET\"}",
    "{\"stringValue\":\"GE\"}",
    "{\"stringValue\":\"GET \"}",
    "{\"stringValue\":\"\"}",
    "{\"stringValue\":\"GE\\\\\"}",
    "{\"stringValue\":\"GE\\\"\"}",
    "{\"stringValue\":\"GE\\u0054\"}",
    "{\"stringValue\":\"GE\xc3\xa9\"}",
    ("{\"stringValue\":\"" LONG_64 "\"}"),
    ("{\"stringValue\":\"" LONG_64 "x\"}"),
    "{\"stringValue\": \"GET\"}",
    "{\"stringValue\":\"GET\" }",
    "{ \"stringValue\":\"GET\"}",
    "{\"intValue\":\"200\"}",
    "{\"intValue\":\"-200\"}",
    "{\"intValue\":200}",
    "{\"intValue\":-7}",
    "{\"intValue\":0}",
    "{\"intValue\":\"007\"}",
    "{\"intValue\":\"-0\"}",
    "{\"intValue\":\"+5\"}",
    "{\"intValue\":\"\\u0031\"}",
    "{\"intValue\":\"999999999999999999\"}",
    "{\"intValue\":\"1000000000000000000\"}",
    "{\"intValue\":\"9223372036854775807\"}",
    "{\"intValue\":\"-9223372036854775808\"}",
    "{\"intValue\":9223372036854775807}",
    "{\"boolValue\":true}",
    "{\"boolValue\":false}",
    "{\"doubleValue\":1.5}",
    "{\"doubleValue\":3}",
    "{\"doubleValue\":-1e-3}",
    "{\"arrayValue\":{\"values\":[{\"intValue\":1}]}}",
    "{\"bytesValue\":\"AAE=\"}",
    "{}",
};

/* Those are for the other way. None is broken: that would give resources another order. */
static const char *const json_odd[] = {"{\"intValue\":\"9223372036854775808\"}",
                                       "{\"intValue\":1.5}", "{\"stringValue\":7}",
                                       "{\"boolValue\":\"true\"}", "{\"doubleValue\":\"NaN\"}"};

static void json_pairs(PythiaBuf *out, int odd) {
    size_t n = pick(5);
    pythia_buf_byte(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i) pythia_buf_str(out, pick(9) ? "," : ", ");
        pythia_buf_str(out, "{\"key\":\"");
        pythia_buf_str(out, PREFER(json_keys));
        pythia_buf_str(out, pick(9) ? "\",\"value\":" : "\", \"value\": ");
        pythia_buf_str(out, odd && !pick(40) ? PICK(json_odd) : PREFER(json_values));
        pythia_buf_byte(out, '}');
    }
    pythia_buf_byte(out, ']');
}

static const char *const json_traces[] = {"5b8efff798038103d269b633813fc60c",
                                          "5b8efff798038103d269b633813fc60d",
                                          "5B8EFFF798038103D269B633813FC60C",
                                          "00000000000000ab",
                                          "5b8efff798038103d269b633813fc60",
                                          "5b8efff798038103d269b633813fc60c0",
                                          "QpC1h3qZMN55u0KDZTmOzA==",
                                          "trace\\\\",
                                          "trace\\\"x",
                                          "5b8efff798038103d269b633813fc60\\u0063"};
static const char *const json_spans[] = {"eee19b7ec3c1b174", "eee19b7ec3c1b175",
                                         "EEE19B7EC3C1B174", "eee19b7ec3c1b17",
                                         "span-1",           "eee19b7ec3c1b17g"};
static const char *const json_parents[] = {"eee19b7ec3c1b170", "", "0000000000000000", "x"};
static const char *const json_times[] = {"\"1640000000000000001\"", "1640000000000000001",
                                         "\"1640000000000000002\"", "\"01640000000000000\"",
                                         "\"7\""};
static const char *const json_kinds[] = {"2", "3", "1", "\"SPAN_KIND_CLIENT\"", "0", "9", "2 "};
static const char *const json_status[] = {"{}", "{\"code\":2}", "{\"code\":1,\"message\":\"no\"}",
                                          "{ }"};

static void json_member(PythiaBuf *out, const char *name, int quoted, const char *value) {
    pythia_buf_str(out, pick(30) ? "" : " ");
    pythia_buf_format(out, quoted ? "\"%s\":\"%s\"," : "\"%s\":%s,", name, value);
}

static void json_span(PythiaBuf *out, int odd) {
    int late = !pick(4); /* another order */
    pythia_buf_byte(out, '{');
    json_member(out, "traceId", 1, PREFER(json_traces));
    json_member(out, "spanId", 1, PREFER(json_spans));
    if (pick(3)) json_member(out, "parentSpanId", 1, PREFER(json_parents));
    if (!late) json_member(out, "kind", 0, PREFER(json_kinds));
    json_member(out, "name", 1, pick(3) ? "op" : "op \\u00e9");
    json_member(out, "startTimeUnixNano", 0, PREFER(json_times));
    json_member(out, "endTimeUnixNano", 0,
                odd && !pick(40) ? "\"16400000000000\\u0030\"" : PREFER(json_times));
    pythia_buf_str(out, "\"attributes\":");
    json_pairs(out, odd);
    pythia_buf_byte(out, ',');
    if (!pick(4)) {
        pythia_buf_str(out,
                       "\"events\":[{\"timeUnixNano\":\"1640000000000000005\",\"attributes\":");
        json_pairs(out, odd);
        pythia_buf_str(out, ",\"name\":\"e\"},{\"name\":\"f\",\"attributes\":");
        json_pairs(out, odd);
        pythia_buf_str(out, "}],");
    }
    if (late) json_member(out, "kind", 0, PREFER(json_kinds));
    pythia_buf_format(out, "\"status\":%s}", PREFER(json_status));
}

static const char *const json_resources[] = {
    "{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"s1\"}}]}",
    "{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"s2\"}}]}",
    "{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"s1\"}}] }",
    ("{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"s1\"}}],"
     "\"droppedAttributesCount\":1}"),
    "{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"\xc3\xa9\"}}]}",
    "{\"attributes\":[]}",
    "{}"};
static const char *const json_scopes[] = {"{\"name\":\"lib\",\"version\":\"1\"}",
                                          "{\"name\":\"lib\",\"version\":\"2\"}",
                                          "{\"name\":\"li}b\",\"version\":\"1\"}",
                                          "{\"name\":\"li}c\"}",
                                          "{\"name\":\"\xc3\xa9\"}",
                                          "{}",
                                          "{ \"name\" : \"lib\" }"};

static void json_document(PythiaBuf *out, int odd) {
    pythia_buf_str(out, "{\"resourceSpans\":[");
    for (size_t i = 0, n = 1 + pick(3); i < n; i++) {
        pythia_buf_format(out, "%s{\"resource\":%s,\"scopeSpans\":[", i ? "," : "",
                          PICK(json_resources));
        for (size_t j = 0, m = 1 + pick(2); j < m; j++) {
            pythia_buf_format(out, "%s{\"scope\":%s,\"spans\":[", j ? "," : "", PICK(json_scopes));
            for (size_t k = 0, l = 1 + pick(4); k < l; k++) {
                if (k) pythia_buf_byte(out, ',');
                json_span(out, odd);
            }
            pythia_buf_str(out, "]}");
        }
        pythia_buf_str(out, "]}");
    }
    pythia_buf_str(out, "]}");
}

/* So many documents, one a line. */
static PythiaBuf json_file(size_t n, int odd) {
    PythiaBuf text = {0};
    while (n--) {
        json_document(&text, odd);
        pythia_buf_byte(&text, '\n');
    }
    CU_ASSERT_EQUAL_FATAL(text.rc, SQLITE_OK);
    return text;
}

static void test_json(void) {
    again_alike(json_file, "otlp", 60, AGAIN_DOCUMENTS / 2, 60 * AGAIN_DOCUMENTS / 3);
}

/* A resource or a scope that is no UTF-8 is not known the second time. */
static void test_json_utf8(void) {
    static const char *const forms[] = {
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{"
        "\"stringValue\":\"%s\"}}]},\"scopeSpans\":[{\"spans\":[{\"traceId\":\"00000000000000ab\","
        "\"spanId\":\"eee19b7ec3c1b174\",\"startTimeUnixNano\":\"7\"}]}]}]}\n",
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"scope\":{\"name\":\"%s\"},\"spans\":[{"
        "\"traceId\":\"00000000000000ab\",\"spanId\":\"eee19b7ec3c1b174\","
        "\"startTimeUnixNano\":\"7\"}]}]}]}\n"};
    int kept;
    for (size_t i = 0; i < 4; i++) {
        PythiaBuf text = {0};
        for (int n = 0; n < 3; n++)
            pythia_buf_format(&text, forms[i % 2], i < 2 ? "\xff" : "\xc3\xa9");
        CU_ASSERT(seen_alike((char *)text.data, text.n, "otlp", &kept));
        CU_ASSERT_EQUAL(kept, i < 2 ? 0 : 3);
        pythia_buf_clear(&text);
    }
}

/* Doubles of all lengths are what simdjson makes of them. */
static void test_json_doubles(void) {
    int kept;
    state = 88172645463325252u;
    for (int i = 0; i < 200; i++) {
        PythiaBuf text = {0};
        pythia_buf_str(&text, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":"
                              "\"00000000000000ab\",\"spanId\":\"eee19b7ec3c1b174\","
                              "\"startTimeUnixNano\":\"7\",\"attributes\":[");
        for (int n = 0; n < 100; n++) {
            pythia_buf_format(&text, "%s{\"key\":\"k\",\"value\":{\"doubleValue\":%s", n ? "," : "",
                              pick(4) ? "" : "-");
            for (size_t digits = pick(4) ? 1 : 1 + pick(19); digits; digits--)
                pythia_buf_byte(&text, (unsigned char)('1' + pick(9)));
            pythia_buf_str(&text, pick(4) ? ".0" : ".");
            for (size_t digits = 1 + pick(21); digits; digits--)
                pythia_buf_byte(&text, (unsigned char)('0' + pick(10)));
            pythia_buf_str(&text, pick(9) ? "}}" : "e-3}}");
        }
        pythia_buf_str(&text, "]}]}]}]}");
        CU_ASSERT(seen_alike((char *)text.data, text.n, "otlp", &kept));
        CU_ASSERT_EQUAL(kept, 1);
        pythia_buf_clear(&text);
    }
}

static void test_json_damaged(void) {
    again_damaged(json_file, "otlp", 1500, 2000);
}

/* ---- protobuf ---- */

static int one_in_twenty(void) {
    return !pick(20);
}

static const char *const proto_keys[] = {"http.method",
                                         "http.method2",
                                         "http.metho",
                                         "h",
                                         "\xc3\xa9",
                                         "bad \xff",
                                         (LONG_64 "key"),
                                         LONG_64,
                                         (LONG_64 LONG_64 "long")};
static const char *const proto_texts[] = {"GET",
                                          "GE",
                                          "GET ",
                                          "",
                                          "G\"\\",
                                          "GE\xc3\xa9",
                                          "bad \xc3",
                                          LONG_64,
                                          "GET\n",
                                          (LONG_64 "x"),
                                          (LONG_64 LONG_64 "long")};

static void proto_value(PythiaBuf *value) {
    PythiaBuf inner = {0};
    switch (pick(4) ? 0 : pick(10)) {
    case 0:
        put_str(value, 1, PREFER(proto_texts));
        break;
    case 1:
        put_varint(value, 2, pick(3));
        break;
    case 2:
        put_varint(value, 3, pick(300));
        break;
    case 3:
        put_varint(value, 3, (uint64_t)0 - 1 - pick(300));
        break;
    case 4:
        put_fixed(value, 4, 0x3ff8000000000000u + pick(2));
        break;
    case 5:
        put_str(&inner, 1, PREFER(proto_texts));
        put_message(value, 5, &inner);
        break;
    case 6:
        put_str(value, 7, PREFER(proto_texts));
        break;
    case 7: /* two: the last one counts */
        put_str(value, 1, "GET");
        put_varint(value, 3, 1);
        break;
    case 8: /* and one that is not known */
        put_str(value, 1, "GET");
        put_varint(value, 9, 1);
        break;
    default:
        break;
    }
}

static void proto_pair(PythiaBuf *out, unsigned number) {
    PythiaBuf pair = {0}, value = {0};
    size_t form = pick(12);
    proto_value(&value);
    if (form == 0) put_message(&pair, 2, &value); /* the other way around */
    put_str(&pair, 1, PREFER(proto_keys));
    if (form) put_message(&pair, 2, &value);
    if (form == 1) put_str(&pair, 1, PREFER(proto_keys));
    if (form == 2) put_varint(&pair, 3, 1);
    put_message(out, number, &pair);
}

static void proto_pairs(PythiaBuf *out, unsigned number) {
    for (size_t n = pick(5); n; n--)
        proto_pair(out, number);
}

static PythiaBuf proto_span(void) {
    static const unsigned char ids[] = "0123456789abcdefg";
    PythiaBuf span = {0}, event = {0}, link = {0}, status = {0};
    put_bytes(&span, 1, ids + pick(2), 16);
    put_bytes(&span, 2, ids + pick(4), 8);
    if (pick(2)) put_bytes(&span, 4, ids, 8);
    put_str(&span, 5, PREFER(proto_texts));
    if (pick(4)) put_varint(&span, 6, pick(9));
    put_fixed(&span, 7, 1000 + pick(2));
    if (pick(9)) put_fixed(&span, 8, 1500);
    proto_pairs(&span, 9);
    if (!pick(4)) {
        put_fixed(&event, 1, 1100);
        put_str(&event, 2, PREFER(proto_texts));
        proto_pairs(&event, 3);
        put_message(&span, 11, &event);
        put_bytes(&link, 1, ids, 16);
        proto_pairs(&link, 4);
        put_message(&span, 13, &link);
        proto_pairs(&event, 3);
        put_message(&span, 11, &event);
    }
    if (!pick(4)) put_varint(&status, 3, pick(3));
    if (pick(2)) put_message(&span, 15, &status);
    pythia_buf_clear(&status);
    return span;
}

/* A message as a frame. */
static void proto_frame(PythiaBuf *out) {
    static const char *const services[] = {"s1", "s2", "s1 ", "\xc3\xa9", "bad \xff"};
    PythiaBuf message = {0};
    for (size_t parts = 1 + pick(3); parts; parts--) {
        PythiaBuf part = {0}, resource = {0}, pair = {0}, value = {0};
        put_str(&value, 1, PICK(services));
        put_str(&pair, 1, "service.name");
        put_message(&pair, 2, &value);
        put_message(&resource, 1, &pair);
        if (!pick(9)) pythia_buf_str(&resource, "\x0a\x03\x0a\x7fz"); /* broken */
        if (pick(9)) put_message(&part, 1, &resource);
        pythia_buf_clear(&resource);
        for (size_t scopes = 1 + pick(2); scopes; scopes--) {
            PythiaBuf scope = {0}, name = {0};
            put_str(&name, 1, PICK(services));
            if (pick(2)) put_str(&name, 2, "1");
            if (!pick(4)) proto_pair(&name, 3);
            if (pick(9)) put_message(&scope, 1, &name);
            pythia_buf_clear(&name);
            for (size_t spans = 1 + pick(4); spans; spans--) {
                PythiaBuf span = proto_span();
                put_message(&scope, 2, &span);
            }
            put_message(&part, 2, &scope);
        }
        put_message(&message, 1, &part);
    }
    for (int shift = 24; shift >= 0; shift -= 8)
        pythia_buf_byte(out, (unsigned char)(message.n >> shift));
    pythia_buf_bytes(out, message.data, message.n);
    pythia_buf_clear(&message);
}

static void test_proto(void) {
    int kept;
    state = 88172645463325252u;
    put_length_long = one_in_twenty;
    for (int i = 0; i < 60; i++) {
        PythiaBuf text = {0};
        for (int n = 0; n < 20; n++)
            proto_frame(&text);
        CU_ASSERT_EQUAL_FATAL(text.rc, SQLITE_OK);
        CU_ASSERT_FATAL(seen_alike((char *)text.data, text.n, "otlp", &kept));
        pythia_buf_clear(&text);
    }
}

static void test_proto_damaged(void) {
    int kept;
    state = 4101842887655102017u;
    put_length_long = one_in_twenty;
    for (int i = 0; i < 1500; i++) {
        PythiaBuf text = {0}, last = {0};
        proto_frame(&text);
        proto_frame(&last);
        pythia_buf_bytes(&text, last.data, last.n);
        pythia_buf_bytes(&text, last.data, last.n);
        CU_ASSERT_EQUAL_FATAL(text.rc, SQLITE_OK);
        size_t at = text.n - 1 - pick(last.n - 4);
        if (i % 8)
            text.data[at] = (unsigned char)(i % 2 ? text.data[at] ^ 1u << pick(8) : pick(256));
        else
            text.n = at;
        if (!seen_alike((char *)text.data, text.n, "otlp", &kept)) CU_FAIL("they differ");
        pythia_buf_clear(&text);
        pythia_buf_clear(&last);
    }
}

PYTHIA_SUITE(read_otlp_again, {"JSON: pieces that come again, and nearly again", test_json},
             {"JSON: the same, damaged", test_json_damaged},
             {"JSON: what is no UTF-8 is not known", test_json_utf8},
             {"JSON: doubles of all lengths", test_json_doubles},
             {"protobuf: pieces that come again, and nearly again", test_proto},
             {"protobuf: the same, damaged", test_proto_damaged})
