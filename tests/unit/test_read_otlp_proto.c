/* test_read_otlp_proto.c - OTLP protobuf: values, framing, damage, and equality with the JSON form.
**
** Messages are written here by a few functions from the field numbers in opentelemetry-proto; nothing of
** the reader is used for it. */
#include "tests/unit/test_proto.h"
#include "tests/unit/test_read.h"

#include "ext/base/hash.h"

#define T "5b8efff798038103d269b633813fc60c"

/* ---- writing messages ---- */

static const unsigned char trace_id[] = {0x5b, 0x8e, 0xff, 0xf7, 0x98, 0x03, 0x81, 0x03,
                                         0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0x0c};
static const unsigned char span_id[] = {0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x74};

/* A KeyValue whose value has the bytes given. */
static void put_pair(PythiaBuf *out, unsigned number, const char *key, PythiaBuf *value) {
    PythiaBuf pair = {0};
    put_str(&pair, 1, key);
    put_message(&pair, 2, value);
    put_message(out, number, &pair);
}

static void put_pair_str(PythiaBuf *out, unsigned number, const char *key, const char *text) {
    PythiaBuf value = {0};
    put_str(&value, 1, text);
    put_pair(out, number, key, &value);
}

/* A span up to its times, to be gone on with. */
static PythiaBuf span_begin(void) {
    PythiaBuf span = {0};
    put_bytes(&span, 1, trace_id, sizeof trace_id);
    put_bytes(&span, 2, span_id, sizeof span_id);
    put_fixed(&span, 7, 1000);
    put_fixed(&span, 8, 1500);
    return span;
}

/* A message of one ResourceSpans with service "s", scope "lib" and the spans, given as bytes of a scope. */
static PythiaBuf message_of(PythiaBuf *spans) {
    PythiaBuf message = {0}, part = {0}, resource = {0}, scope = {0}, name = {0};
    put_pair_str(&resource, 1, "service.name", "s");
    put_message(&part, 1, &resource);
    put_str(&name, 1, "lib");
    put_message(&scope, 1, &name);
    pythia_buf_bytes(&scope, spans->data, spans->n);
    pythia_buf_clear(spans);
    put_message(&part, 2, &scope);
    put_message(&message, 1, &part);
    return message;
}

static PythiaBuf message_of_span(PythiaBuf *span) {
    PythiaBuf spans = {0};
    put_message(&spans, 2, span);
    return message_of(&spans);
}

static void put_frame(PythiaBuf *out, const PythiaBuf *message) {
    for (int shift = 24; shift >= 0; shift -= 8)
        pythia_buf_byte(out, (unsigned char)(message->n >> shift));
    pythia_buf_bytes(out, message->data, message->n);
}

static Seen seen_message(PythiaBuf *message) {
    CU_ASSERT_EQUAL_FATAL(message->rc, SQLITE_OK);
    Seen seen = seen_text((char *)message->data, message->n);
    CU_ASSERT_STRING_EQUAL(seen.stats.format ? seen.stats.format : "none", "otlp");
    pythia_buf_clear(message);
    return seen;
}

#define SPAN_LINE "S " T " eee19b7ec3c1b174 - s@  k0 s0 f0 1000+500"

/* One span with an attribute "k" of that value, which is freed. */
static void one_value(PythiaBuf *value, const char *line) {
    PythiaBuf span = span_begin();
    put_pair(&span, 9, "k", value);
    PythiaBuf message = message_of_span(&span);
    Seen seen = seen_message(&message);
    CU_ASSERT_EQUAL(seen.stats.spans, 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    CU_ASSERT(seen_has(&seen, line));
    seen_clear(&seen);
}

static void one_problem(PythiaBuf *span, const char *begin) {
    PythiaBuf message = message_of_span(span);
    Seen seen = seen_message(&message);
    CU_ASSERT_EQUAL(seen.stats.spans, 0);
    CU_ASSERT_EQUAL(seen.stats.rejected, 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, begin), 1);
    if (seen_count(&seen, begin) != 1) printf("\nnot %s: %s", begin, seen_lines(&seen));
    seen_clear(&seen);
}

/* ---- values ---- */

static void one_double(double real, const char *line) {
    PythiaBuf value = {0};
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    put_fixed(&value, 4, bits);
    one_value(&value, line);
}

static void test_values(void) {
    PythiaBuf value = {0};
    put_bytes(&value, 1, "a\0\xc3\xa9", 4);
    one_value(&value, "a k=\"a\\u0000\xc3\xa9\"");
    put_str(&value, 1, "");
    one_value(&value, "a k=\"\"");
    put_varint(&value, 2, 1);
    one_value(&value, "a k=true");
    put_varint(&value, 2, 0);
    one_value(&value, "a k=false");
    put_varint(&value, 3, 334);
    one_value(&value, "a k=334i");
    put_varint(&value, 3, (uint64_t)-7);
    one_value(&value, "a k=-7i");
    put_varint(&value, 3, (uint64_t)INT64_MIN);
    one_value(&value, "a k=-9223372036854775808i");
    one_double(0.25, "a k=0.25d");
    one_double(-1.0 / 0.0, "a k=-infd");
    put_bytes(&value, 7, "hello", 5);
    one_value(&value, "a k=b:aGVsbG8=");
    put_bytes(&value, 7, "\xff\xfe\xfd\xfc", 4);
    one_value(&value, "a k=b://79/A==");
    put_bytes(&value, 7, "abc", 3);
    one_value(&value, "a k=b:YWJj");
    one_value(&value, "a k=j:null");
    put_varint(&value, 3, 1); /* the last of several counts; unknown fields do not */
    put_str(&value, 1, "last");
    put_str(&value, 99, "unknown");
    one_value(&value, "a k=\"last\"");
}

static void test_nested_values(void) {
    PythiaBuf value = {0}, array = {0}, item = {0}, list = {0};
    put_bytes(&value, 5, "", 0);
    one_value(&value, "a k=j:[]");
    put_bytes(&value, 6, "", 0);
    one_value(&value, "a k=j:{}");
    put_str(&item, 1, "a\"");
    put_message(&array, 1, &item);
    put_varint(&item, 3, (uint64_t)-1);
    put_message(&array, 1, &item);
    put_fixed(&item, 4, 0x3ff8000000000000u);
    put_message(&array, 1, &item);
    put_varint(&item, 2, 1);
    put_message(&array, 1, &item);
    put_message(&array, 1, &item); /* nothing in it */
    put_bytes(&item, 7, "abc", 3);
    put_message(&array, 1, &item);
    put_pair_str(&list, 1, "y\n", "z");
    put_pair(&list, 1, "w", &item);
    put_message(&item, 6, &list);
    put_message(&array, 1, &item);
    put_message(&value, 5, &array);
    one_value(&value, "a k=j:[\"a\\\"\",-1,1.5,true,null,\"YWJj\",{\"y\\n\":\"z\",\"w\":null}]");
}

/* So many arrays in one another. */
static PythiaBuf deep_value(int depth) {
    PythiaBuf value = {0};
    for (int i = 0; i < depth; i++) {
        PythiaBuf array = {0}, outer = {0};
        if (i) put_message(&array, 1, &value);
        put_message(&outer, 5, &array);
        value = outer;
    }
    return value;
}

static void test_deep_values(void) {
    PythiaBuf value = deep_value(64);
    char line[200] = "a k=j:";
    memset(line + 6, '[', 64);
    memset(line + 70, ']', 64);
    line[134] = 0;
    one_value(&value, line);
    static const int depths[] = {65, 100, 5000};
    for (size_t i = 0; i < 3; i++) {
        PythiaBuf span = span_begin();
        put_pair_str(&span, 9, "before", "b");
        value = deep_value(depths[i]);
        put_pair(&span, 9, "k", &value);
        put_pair_str(&span, 9, "after", "a");
        PythiaBuf message = message_of_span(&span);
        Seen seen = seen_read((char *)message.data, message.n, NULL, 0);
        CU_ASSERT(seen_has(&seen,
                           SPAN_LINE "\nr service.name=\"s\"\na before=\"b\"\na after=\"a\"\n"
                                     "a otel.scope.name=\"lib\""));
        CU_ASSERT_EQUAL(seen_count(&seen, "! depth "), 1);
        CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
        CU_ASSERT_EQUAL(seen.stats.rejected, 0);
        seen_clear(&seen);
        pythia_buf_clear(&message);
    }
}

/* ---- spans ---- */

static void test_span(void) {
    PythiaBuf span = span_begin(), event = {0}, link = {0}, status = {0};
    put_bytes(&span, 4, span_id, 8);
    put_str(&span, 3, "a=b");
    put_str(&span, 5, "name");
    put_varint(&span, 6, 3);
    put_bytes(&link, 1, trace_id,
              16); /* links before events, attributes last: any order is right */
    put_bytes(&link, 2, span_id, 8);
    put_str(&link, 3, "t");
    put_pair_str(&link, 4, "l", "x");
    put_varint(&link, 5, 4);
    put_message(&span, 13, &link);
    put_message(&span, 13, &link); /* empty: leads nowhere */
    put_fixed(&event, 1, 1100);
    put_str(&event, 2, "e1");
    put_pair_str(&event, 3, "a", "1");
    put_varint(&event, 4, 2);
    put_message(&span, 11, &event);
    put_str(&event, 2, "e2");
    put_message(&span, 11, &event);
    put_varint(&span, 10, 3);
    put_varint(&span, 12, 0);
    put_varint(&span, 14, 5);
    put_str(&status, 2, "boom");
    put_varint(&status, 3, 2);
    put_message(&span, 15, &status);
    put_pair_str(&span, 9, "k", "v");
    pythia_buf_varint(&span, 16 << 3 | 5);
    pythia_buf_u32(&span, 257);
    put_str(&span, 500, "unknown");
    PythiaBuf message = message_of_span(&span);
    Seen seen = seen_message(&message);
    CU_ASSERT(seen_has(
        &seen, "S " T " eee19b7ec3c1b174 eee19b7ec3c1b174 s@ name k2 s2 f0 1000+500\n"
               "r service.name=\"s\"\na k=\"v\"\na status.message=\"boom\"\na trace_state=\"a=b\"\n"
               "a otel.scope.name=\"lib\"\na otel.dropped_attributes_count=3i\n"
               "a otel.dropped_links_count=5i\np 1100 e1\npa a=\"1\"\n"
               "pa otel.dropped_attributes_count=2i\np 1000 e2\nl0 " T " eee19b7ec3c1b174\n"
               "la l=\"x\"\nla trace_state=\"t\"\nla otel.dropped_attributes_count=4i"));
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    seen_clear(&seen);
}

/* A span with these ids (n bytes each; 99: none) and times. */
static PythiaBuf span_odd(size_t trace_n, size_t span_n, uint64_t start, uint64_t end) {
    PythiaBuf span = {0};
    if (trace_n != 99) put_bytes(&span, 1, trace_id, trace_n);
    if (span_n != 99) put_bytes(&span, 2, span_id, span_n);
    put_fixed(&span, 7, start);
    put_fixed(&span, 8, end);
    return span;
}

static void test_missing(void) {
    static const struct {
        size_t trace, span;
        uint64_t start, end;
        const char *begin;
    } bad[] = {{99, 8, 1, 2, "! span @36 - eee19b7ec3c1b174 "},
               {16, 99, 1, 2, "! span @36 " T " - "},
               {0, 8, 1, 2, "! span @36 "},
               {5, 8, 1, 2, "! span @36 "},
               {16, 7, 1, 2, "! span @36 "},
               {16, 8, 0, 0, "! time @36 " T " eee19b7ec3c1b174 "},
               {16, 8, 5, (uint64_t)1 << 63, "! time @36 "},
               {16, 8, UINT64_MAX, 5, "! time @36 "},
               {16, 8, 5, INT64_MAX, "! time @36 "}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        PythiaBuf span = span_odd(bad[i].trace, bad[i].span, bad[i].start, bad[i].end);
        one_problem(&span, bad[i].begin);
    }
    static const struct {
        uint64_t start, end;
        const char *line;
    } good[] = {{7, 0, " f2 7+0"}, {0, 9, " f1 9+0"}, {9, 5, " f0 9+-4"}, {9, 9, " f0 9+0"}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char line[200];
        PythiaBuf span = span_odd(16, 8, good[i].start, good[i].end);
        PythiaBuf message = message_of_span(&span);
        Seen seen = seen_message(&message);
        snprintf(line, sizeof line, "S " T " eee19b7ec3c1b174 - s@  k0 s0%s", good[i].line);
        CU_ASSERT(seen_has(&seen, line));
        seen_clear(&seen);
    }
}

/* What is not UTF-8 is mended, once more than needed is not. */
static void test_utf8(void) {
    PythiaBuf span = span_begin(), spans = {0};
    put_str(&span, 5, "caf\xe9 \xf0\x9f\x98\x80");
    put_pair_str(&span, 9, "k\xff", "v\xed\xa0\x80");
    put_message(&spans, 2, &span);
    span = span_begin();
    put_message(&spans, 2, &span);
    PythiaBuf message = message_of(&spans);
    Seen seen = seen_message(&message);
    CU_ASSERT(seen_has(&seen, "S " T " eee19b7ec3c1b174 - s@ caf\xef\xbf\xbd \xf0\x9f\x98\x80 "
                              "k0 s0 f0 1000+500"));
    CU_ASSERT(seen_has(&seen, "a k\xef\xbf\xbd=\"v\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""));
    CU_ASSERT_EQUAL(seen.stats.spans, 2);
    CU_ASSERT_EQUAL(seen_count(&seen, "! utf8 @38 " T " eee19b7ec3c1b174 "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
    seen_clear(&seen);
}

static void test_large_string(void) {
    enum { LENGTH = 10 * 1000 * 1000 };
    char *text = malloc(LENGTH + 1);
    memset(text, 'x', LENGTH);
    text[LENGTH] = 0;
    PythiaBuf span = span_begin();
    put_pair_str(&span, 9, "k", text);
    free(text);
    PythiaBuf message = message_of_span(&span);
    Seen seen = seen_read((char *)message.data, message.n, NULL, 0);
    CU_ASSERT_EQUAL(seen.stats.spans, 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    CU_ASSERT(seen.text.n > LENGTH);
    seen_clear(&seen);
    pythia_buf_clear(&message);
}

/* ---- metrics and logs ---- */

static void test_skipped(void) {
    PythiaBuf metric = {0}, log = {0}, other = {0}, spans = {0}, span = span_begin(), out = {0};
    put_str(&metric, 1, "http.server.duration");
    put_str(&metric, 2, "how long");
    put_str(&metric, 3, "ms");
    put_str(&metric, 9, "\x0a\x03xyz"); /* a histogram */
    put_message(&spans, 2, &metric);
    PythiaBuf metrics = message_of(&spans);
    put_fixed(&log, 1, 5);
    put_varint(&log, 2, 9);
    put_pair_str(&log, 6, "k", "v");
    put_bytes(&log, 9, trace_id, 16);
    put_bytes(&log, 10, span_id, 8);
    put_message(&spans, 2, &log);
    put_message(&other, 5, &log); /* a log of a body alone, observed at 7 */
    put_fixed(&other, 11, 7);
    put_message(&spans, 2, &other);
    PythiaBuf logs = message_of(&spans), traces = message_of_span(&span);
    put_frame(&out, &metrics);
    put_frame(&out, &traces);
    put_frame(&out, &logs);
    pythia_buf_clear(&traces);
    pythia_buf_clear(&logs);
    Seen seen = seen_message(&out);
    CU_ASSERT_EQUAL(seen.stats.documents, 3);
    CU_ASSERT_EQUAL(seen.stats.spans, 1);
    CU_ASSERT_EQUAL(seen.stats.skipped, 2);
    CU_ASSERT_EQUAL(seen.stats.rejected, 0);
    CU_ASSERT_EQUAL(seen_count(&seen, "! skipped "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
    seen_clear(&seen);
    seen = seen_message(&metrics);
    CU_ASSERT_EQUAL(seen.stats.skipped, 1);
    CU_ASSERT_EQUAL(seen.stats.spans, 0);
    seen_clear(&seen);
}

/* ---- framing and damage ---- */

/* A message with three spans of ids ..74, ..75, ..76. */
static PythiaBuf message_of_three(void) {
    PythiaBuf spans = {0};
    for (unsigned char i = 0; i < 3; i++) {
        PythiaBuf span = span_begin();
        span.data[2 + 16 + 2 + 7] = (unsigned char)(0x74 + i);
        put_message(&spans, 2, &span);
    }
    return message_of(&spans);
}

static void test_frames(void) {
    PythiaBuf three = message_of_three(), out = {0}, empty = {0};
    Seen seen;
    put_frame(&out, &empty);
    put_frame(&out, &three);
    put_frame(&out, &empty);
    put_frame(&out, &three);
    seen = seen_message(&out);
    CU_ASSERT_EQUAL(seen.stats.documents, 4);
    CU_ASSERT_EQUAL(seen.stats.spans, 6);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    seen_clear(&seen);
    /* one message may have several parts, and another field between them */
    pythia_buf_bytes(&out, three.data, three.n);
    put_str(&out, 7, "unknown");
    put_varint(&out, 8, 1);
    pythia_buf_bytes(&out, three.data, three.n);
    seen = seen_message(&out);
    CU_ASSERT_EQUAL(seen.stats.documents, 1);
    CU_ASSERT_EQUAL(seen.stats.spans, 6);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    seen_clear(&seen);
    /* a message that is none: the next one is found */
    static const char *const broken[] = {"\x0a\x7f\x0a\x01x", "\x0b\x0b", "\x0a\x03\x12\x7fx",
                                         "\x07",
                                         "\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        pythia_buf_str(&empty, broken[i]);
        put_frame(&out, &three);
        put_frame(&out, &empty);
        put_frame(&out, &three);
        pythia_buf_clear(&empty);
        seen = seen_message(&out);
        CU_ASSERT_EQUAL(seen.stats.documents, 3);
        CU_ASSERT_EQUAL(seen.stats.spans, 6);
        CU_ASSERT_EQUAL(seen_count(&seen, "! syntax "), 1);
        CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
        CU_ASSERT_EQUAL(seen.stats.rejected, 1);
        seen_clear(&seen);
    }
    pythia_buf_clear(&three);
}

/* Cut at every byte: all spans before the cut are read, and that there was a cut is said. */
static void test_truncated(void) {
    for (int framed = 0; framed < 2; framed++) {
        PythiaBuf three = message_of_three(), out = {0};
        if (framed)
            put_frame(&out, &three);
        else
            pythia_buf_bytes(&out, three.data, three.n);
        int64_t most = 0;
        for (size_t cut = 40; cut < out.n; cut++) {
            Seen seen = seen_text((char *)out.data, cut);
            CU_ASSERT(seen.stats.spans >= most);
            most = seen.stats.spans;
            CU_ASSERT_EQUAL(seen_count(&seen, "! truncated "), 1);
            CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
            seen_clear(&seen);
        }
        CU_ASSERT_EQUAL(most, 2);
        pythia_buf_clear(&three);
        pythia_buf_clear(&out);
    }
}

/* Any byte changed: nothing but spans and problems, and with frames the second message is untouched
** where the first one's length is. */
static void test_damage(void) {
    PythiaBuf three = message_of_three(), out = {0};
    put_frame(&out, &three);
    put_frame(&out, &three);
    for (size_t i = 4; i < 4 + three.n; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            out.data[i] ^= (unsigned char)(1u << bit);
            Seen seen = seen_read((char *)out.data, out.n, NULL, 0);
            CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
            CU_ASSERT(seen.stats.spans <= 6);
            if (seen.stats.format) CU_ASSERT(seen.stats.spans >= 3);
            seen_clear(&seen);
            out.data[i] ^= (unsigned char)(1u << bit);
        }
    pythia_buf_clear(&three);
    pythia_buf_clear(&out);
}

/* A broken span, event, or attribute costs the span around it and no other. */
static void test_broken_spans(void) {
    static const struct {
        unsigned number;
        const char *bytes;
    } broken[] = {
        {9, "\x0a\x05k"}, {9, "\x12\x02\x2a\x05"},         {11, "\x09xyz"}, {13, "\x0a\x03xyz"},
        {15, "\x18"},     {9, "\x12\x04\x2a\x02\x0a\x07"}, {200, NULL}};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        PythiaBuf spans = {0}, span = span_begin();
        put_message(&spans, 2, &span);
        span = span_begin();
        if (broken[i].bytes)
            put_str(&span, broken[i].number, broken[i].bytes);
        else
            pythia_buf_bytes(&span, "\x4a\x7f", 2);
        put_message(&spans, 2, &span);
        span = span_begin();
        put_message(&spans, 2, &span);
        PythiaBuf message = message_of(&spans);
        Seen seen = seen_message(&message);
        CU_ASSERT_EQUAL(seen.stats.spans, 2);
        CU_ASSERT_EQUAL(seen.stats.rejected, 1);
        CU_ASSERT_EQUAL(seen_count(&seen, "! syntax @86 " T " eee19b7ec3c1b174 "), 1);
        CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
        seen_clear(&seen);
    }
}

/* A length that claims more than the program holds at once. */
static void test_size(void) {
    PythiaBuf out = {0}, three = message_of_three();
    put_frame(&out, &three);
    pythia_buf_bytes(&out, "\xff\xff\xff\xff\x0a\x80\x80\x80\x80\x08rest", 14);
    pythia_buf_clear(&three);
    Seen seen = seen_message(&out);
    CU_ASSERT_EQUAL(seen.stats.spans, 3);
    CU_ASSERT_EQUAL(seen_count(&seen, "! size "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
    seen_clear(&seen);
}

/* Text that begins like the tag, which is a newline. */
static void test_not_text(void) {
    static const char *const texts[] = {"\n{\"a\":1}\n",
                                        "\n\n\n\n\n\n\n\n\n\n\n\n\n\n",
                                        "\n \n \n \n \n \n \n \n \n",
                                        "\n\ttraceid,span\n1,2\n",
                                        "\n\r\n\r\n\r\n\r\n\r\n\r\n",
                                        "\n",
                                        "",
                                        "\n\n",
                                        "\n\t\n\t\n\t\n\t\n\t",
                                        "a,b,c\n1,2,3\n",
                                        "\n[{\"traceId\":\"1\"}]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        Seen seen = seen_read(texts[i], strlen(texts[i]), NULL, 0);
        CU_ASSERT(!seen.stats.format || strcmp(seen.stats.format, "otlp") != 0);
        CU_ASSERT_EQUAL(seen.stats.spans, 0);
        seen_clear(&seen);
    }
}

/* ---- the same spans as the JSON form ---- */

/* The spans of a file as a number: the sum of hashes does not depend on their order. */
typedef struct Sum {
    Seen one;
    uint64_t hash;
    int64_t spans, problems;
} Sum;

static int sum_span(void *context, const PythiaRecord *r) {
    Sum *sum = context;
    sum->one.text.n = 0;
    sum->one.serial = UINT64_MAX; /* no resource there: it is written here, for each span */
    int rc = seen_span(&sum->one, r);
    seen_attributes(&sum->one.text, "r", r->resource->attributes, r->resource->n);
    sum->hash += pythia_hash64(sum->one.text.data, sum->one.text.n);
    sum->spans++;
    return rc;
}

static int sum_problem(void *context, const PythiaProblem *problem) {
    (void)problem;
    ((Sum *)context)->problems++;
    return SQLITE_OK;
}

static Sum sum_file(const char *path) {
    Sum sum;
    PythiaReadStats stats;
    memset(&sum, 0, sizeof sum);
    PythiaSink sink = {&sum, sum_span, sum_problem, NULL, NULL};
    CU_ASSERT_EQUAL(pythia_read_file(path, NULL, &sink, &stats, NULL), SQLITE_OK);
    pythia_buf_clear(&sum.one.text);
    return sum;
}

static void same_spans(const char *json, const char *proto, int64_t least) {
    char path[400];
    snprintf(path, sizeof path, "%s", json);
    Sum a = sum_file(path), b = sum_file(proto);
    CU_ASSERT(a.spans >= least);
    CU_ASSERT_EQUAL(a.spans, b.spans);
    CU_ASSERT_EQUAL(a.hash, b.hash);
    CU_ASSERT_EQUAL(a.problems, 0);
    CU_ASSERT_EQUAL(b.problems, 0);
}

static void test_as_json(void) {
    same_spans("fixtures/formats/otlp.jsonl", "fixtures/formats/otlp.pb", 4);
    same_spans("fixtures/formats/otlp.jsonl", "fixtures/formats/otlp.jsonl.zst", 4);
    static const char *const runs[] = {"async/small", "cache-coarse/small", "cache/small",
                                       "host/small",  "none/small",         "nplus1/small",
                                       "pool/small"};
    int found = 0;
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        char json[400], name[200];
        snprintf(name, sizeof name, "data/otel-shop/%s/otlp.jsonl.gz", runs[i]);
        const char *path = pythia_shared(name);
        if (!path) continue;
        snprintf(json, sizeof json, "%s", path);
        snprintf(name, sizeof name, "data/otel-shop/%s/otlp.pb.gz", runs[i]);
        path = pythia_shared(name);
        CU_ASSERT_PTR_NOT_NULL_FATAL(path);
        same_spans(json, path, 288);
        found++;
    }
    if (!found) pythia_skip("the shared data is absent");
}

PYTHIA_SUITE(read_otlp_proto, {"every type of value", test_values},
             {"arrays and lists are JSON", test_nested_values},
             {"values nested too deep cost themselves", test_deep_values},
             {"all fields of a span, in any order", test_span},
             {"missing and odd ids and times", test_missing},
             {"what is not UTF-8 is mended", test_utf8}, {"a string of 10 MB", test_large_string},
             {"metrics and logs are counted", test_skipped},
             {"messages with lengths before them", test_frames},
             {"cut at every byte", test_truncated}, {"every bit flipped", test_damage},
             {"a broken span costs itself", test_broken_spans},
             {"a part that claims too much", test_size},
             {"text is never taken for protobuf", test_not_text},
             {"the same spans as from JSON", test_as_json})
