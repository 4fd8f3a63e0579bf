/* test_read_split.c - cutting text into documents, and what broken text costs. */
#include "tests/unit/test_read.h"

#define SPAN(id)                                                                                   \
    "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":"                               \
    "\"000000000000000000000000000000aa\","                                                        \
    "\"spanId\":\"00000000000000" id "\",\"name\":\"{[\\\"]}\",\"startTimeUnixNano\":\"1000\","    \
    "\"endTimeUnixNano\":\"3000\"}]}]}]}"

/* Every shape gives the same spans. */
static void same_spans(const char *text, int spans) {
    Seen seen = seen_str(text);
    CU_ASSERT_EQUAL(seen_count(&seen, "S "), spans);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    CU_ASSERT_EQUAL(seen.stats.spans, spans);
    CU_ASSERT_EQUAL(seen.stats.rejected, 0);
    if (seen_count(&seen, "! ")) printf("\n%s\n%s", text, seen_lines(&seen));
    seen_clear(&seen);
}

static void test_shapes(void) {
    same_spans(SPAN("01"), 1);
    same_spans("\xef\xbb\xbf" SPAN("01") "\n", 1);
    same_spans(SPAN("01") "\n" SPAN("02") "\r\n\r\n  " SPAN("03") "  \n", 3);
    same_spans("[" SPAN("01") "," SPAN("02") "]", 2);
    same_spans("[\n" SPAN("01") ",\n" SPAN("02") "\n]\n", 2);
    same_spans("[[" SPAN("01") "],[" SPAN("02") "," SPAN("03") "]]\n", 3);
    same_spans("[" SPAN("01") "]\n[" SPAN("02") "]\n[]\n", 2);
    same_spans(SPAN("01") SPAN("02") SPAN("03"), 3);
    same_spans(SPAN("01") SPAN("02") "\n" SPAN("03") SPAN("04") "\n", 4);
    same_spans("\x1e" SPAN("01") "\n\x1e" SPAN("02") "\n", 2);
    same_spans(
        "{\n  \"resourceSpans\": [\n    {\n      \"scopeSpans\": [ { \"spans\": [ { \n"
        "\"traceId\": \"000000000000000000000000000000aa\",\n\"spanId\": \"0000000000000001\",\n"
        "\"startTimeUnixNano\": 5, \"endTimeUnixNano\": 6 } ] } ]\n    }\n  ]\n}\n",
        1);
    same_spans("{\n" /* pretty-printed, and another right behind it */
               "\"resourceSpans\":[]\n}{\n\"resourceSpans\":[]\n}" SPAN("01"),
               1);
}

static void test_escapes(void) {
    Seen seen = seen_str(SPAN("01"));
    CU_ASSERT(seen_has(&seen,
                       "S 000000000000000000000000000000aa 0000000000000001 - @ {[\"]} k0 s0 f0 "
                       "1000+2000"));
    seen_clear(&seen);
}

static void test_broken_line(void) {
    static const char *const lines[] = {
        SPAN("01"), "{\"resourceSpans\":[{]}",  SPAN("02"), "nonsense", "", "", "more",
        SPAN("03"), "{\"resourceSpans\":[{\"a", SPAN("04")};
    Seen seen = seen_joined(lines, sizeof lines / sizeof lines[0]);
    CU_ASSERT_EQUAL(seen_count(&seen, "S "), 4);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 3);
    CU_ASSERT_EQUAL(seen_count(&seen, "! syntax @2 "), 1);
    /* one for all the text up to the next document */
    CU_ASSERT_EQUAL(seen_count(&seen, "! syntax @4 "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! syntax @9 "), 1);
    CU_ASSERT_EQUAL(seen.stats.rejected, 3);
    seen_clear(&seen);
}

/* The first line is the broken one: nothing has shown yet that lines are documents. */
static void test_broken_first(void) {
    Seen seen = seen_str("{\"resourceSpans\":[{\n" SPAN("01") "\n" SPAN("02") "\n");
    CU_ASSERT_EQUAL(seen_count(&seen, "S "), 2);
    CU_ASSERT_EQUAL(seen_count(&seen, "! syntax @1 "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
    seen_clear(&seen);
}

static void test_broken_element(void) {
    Seen seen = seen_str(
        "[" SPAN("01") ",{\"resourceSpans\":tru}," SPAN("02") ",7,\"a]{\",null," SPAN("03") "]");
    CU_ASSERT_EQUAL(seen_count(&seen, "S "), 3);
    CU_ASSERT_EQUAL(seen_count(&seen, "! syntax "), 2);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 2);
    seen_clear(&seen);
    seen = seen_str(
        "[\n  {\n    \"resourceSpans\": [\n      {\"a\": \"cut\n  },\n  " SPAN("02") "\n]\n");
    CU_ASSERT_EQUAL(seen_count(&seen, "S "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! syntax @2 "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
    seen_clear(&seen);
}

static void test_truncated(void) {
    static const char whole[] = SPAN("01") "\n" SPAN("02");
    size_t first = strlen(SPAN("01")) + 1;
    for (size_t n = first + 1; n < sizeof whole - 1; n++) {
        Seen seen = seen_read(whole, n, NULL, 0);
        CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
        /* all that is missing at the end is the list's bracket or the object's brace */
        CU_ASSERT_EQUAL(seen_count(&seen, "S "), n + 2 >= sizeof whole - 1 ? 2 : 1);
        CU_ASSERT_EQUAL(seen_count(&seen, "! truncated "), 1);
        CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
        seen_clear(&seen);
    }
    Seen seen = seen_str("[" SPAN("01") "," SPAN("02"));
    CU_ASSERT_EQUAL(seen_count(&seen, "S "), 2);
    CU_ASSERT_EQUAL(seen_count(&seen, "! truncated "), 1);
    seen_clear(&seen);
    seen = seen_str("{\n  \"resourceSpans\": [\n    {\n      \"scopeSpans\": [\n");
    CU_ASSERT_EQUAL(seen_count(&seen, "S "), 0);
    CU_ASSERT_EQUAL(seen_count(&seen, "! truncated @3 "), 1);
    seen_clear(&seen);
}

#define PART(id)                                                                                   \
    "{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"000000000000000000000000000000aa\",\"spanId\":"   \
    "\"00000000000000" id "\",\"startTimeUnixNano\":1,\"endTimeUnixNano\":3}]}]}"

static void envelope_gives(const char *text, int spans, int notes, int64_t rejected) {
    Seen seen = seen_str(text);
    CU_ASSERT_EQUAL(seen_count(&seen, "S "), spans);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), notes + (int)rejected);
    CU_ASSERT_EQUAL(seen.stats.rejected, rejected);
    if (seen_count(&seen, "S ") != spans || seen.stats.rejected != rejected)
        printf("\n%s\n%s", text, seen_lines(&seen));
    seen_clear(&seen);
}

/* One object around everything: an error inside costs a part, an end that is missing what is behind. */
static void test_envelopes(void) {
    envelope_gives("{\"resourceSpans\":[" PART("01") "," PART("02") "]}", 2, 0, 0);
    envelope_gives("{\"resourceSpans\":[" PART("01") ",{\"scopeSpans\":[x]}," PART("02") "]}", 2, 1,
                   1);
    envelope_gives("{\"resourceSpans\":[" PART("01") ",{\"scopeSpans\":[\"\xff\"]}," PART(
                       "02") "],\"n\":0}\n" SPAN("03"),
                   3, 1, 1);
    envelope_gives("{\"a\":{\"data\":[1]},\"b\":\"]}\",\"c\":nul,\"resourceSpans\" :\n [" PART(
                       "01") "\n," PART("02") "],\"z\":[1,{\"y\":2}]}" SPAN("03"),
                   3, 1, 0);
    envelope_gives("{\n \"resourceSpans\": [\n  " PART("01") ",\n  " PART(
                       "02") ",\n  {\n   \"scopeSpans\": [\n",
                   2, 0, 1);
    envelope_gives("{\"batches\":[" PART("01") "," PART("02"), 2, 0, 1);
    envelope_gives("{\"resourceSpans\":[" PART("01") "],\"x\":\"never close", 1, 0, 1);
    envelope_gives("{\"resourceSpans\":[" PART("01") "],\"x\":1", 1, 0, 1);
}

/* What is larger than may be held is read in parts, with the same result. */
static void test_large_envelope(void) {
    PythiaBuf text = {0};
    pythia_buf_str(&text, "{\"status\":\"ok\",\"resourceSpans\":[");
    for (int i = 0; i < 100; i++)
        pythia_buf_str(&text, i ? ",\n" PART("02") : PART("01"));
    pythia_buf_str(&text, "],\"total\":100}\n" SPAN("03") "\n");
    CU_ASSERT_EQUAL_FATAL(text.rc, SQLITE_OK);
    for (size_t large = 10; large < text.n; large += large) {
        Seen seen;
        memset(&seen, 0, sizeof seen);
        PythiaSink sink = {&seen, seen_span, seen_problem, NULL, NULL};
        PythiaReadOptions options = {.chunk_bytes = 50, .large_bytes = large};
        seen.rc = pythia_read_text((PythiaText){(char *)text.data, text.n}, &options, &sink,
                                   &seen.stats, NULL);
        pythia_buf_byte(&seen.text, 0);
        CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
        CU_ASSERT_EQUAL(seen.stats.spans, 101);
        CU_ASSERT(seen.stats.documents == 101 || large > 8000);
        CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
        seen_clear(&seen);
    }
    pythia_buf_clear(&text);
}

static void test_encoding(void) {
    static const char text[] = SPAN("01") "\n{\"resourceSpans\":[],\"x\":\"\xff\xfe\"}\n{"
                                          "\"resourceSpans\":[],\"x\":\"\0\"}\n\0\0\n" SPAN("02");
    Seen seen = seen_text(text, sizeof text - 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "S "), 2);
    CU_ASSERT_EQUAL(seen_count(&seen, "! utf8 @2 "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! syntax @3 "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! syntax @4 "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 3);
    seen_clear(&seen);
}

static void test_nothing(void) {
    static const char *const texts[] = {"",  "\n\n", "[]",      "[[[",    "]",  "{",
                                        "}", "\"",   "garbage", "{}\n{}", "\\", "[1,2,3]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        Seen seen = seen_str(texts[i]);
        CU_ASSERT_EQUAL(seen.stats.spans, 0);
        CU_ASSERT_PTR_NULL(seen.stats.format);
        CU_ASSERT(seen_count(&seen, "! ") >= 1);
        CU_ASSERT_EQUAL(seen_count(&seen, "! format "), 1);
        seen_clear(&seen);
    }
}

/* `depth` nested arrays as the value of an attribute nobody reads. */
static char *nested_text(size_t depth, size_t *n) {
    static const char head[] = "{\"resourceSpans\":[],\"x\":", tail[] = "}\n" SPAN("01");
    *n = sizeof head - 1 + 2 * depth + sizeof tail - 1;
    char *text = malloc(*n), *p = text;
    if (!text) return NULL;
    memcpy(p, head, sizeof head - 1);
    p += sizeof head - 1;
    memset(p, '[', depth);
    memset(p + depth, ']', depth);
    memcpy(p + 2 * depth, tail, sizeof tail - 1);
    return text;
}

static void test_depth(void) {
    static const size_t depths[] = {100, 4000, 5000, 100000};
    for (size_t i = 0; i < 4; i++) {
        size_t n;
        char *text = nested_text(depths[i], &n);
        CU_ASSERT_PTR_NOT_NULL_FATAL(text);
        Seen seen = seen_read(text, n, NULL, 0);
        CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
        CU_ASSERT_EQUAL(seen_count(&seen, "S "), 1);
        CU_ASSERT_EQUAL(seen_count(&seen, "! depth @1 "), depths[i] > 4096);
        seen_clear(&seen);
        memset(text, '[', n);
        seen = seen_read(text, n, NULL, 0);
        CU_ASSERT_EQUAL(seen_count(&seen, "! truncated "), 1);
        seen_clear(&seen);
        memset(text, '{', n);
        seen = seen_read(text, n, NULL, 0);
        CU_ASSERT_EQUAL(seen_count(&seen, "! truncated "), 1);
        seen_clear(&seen);
        free(text);
    }
}

static void test_large_string(void) {
    enum { LARGE = 10 * 1000 * 1000 };
    static const char head[] =
        SPAN("01") "\n{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":"
                   "\"000000000000000000000000000000aa\",\"spanId\":\"0000000000000002\","
                   "\"startTimeUnixNano\":1,"
                   "\"endTimeUnixNano\":2,\"name\":\"",
                      tail[] = "\"}]}]}]}\n" SPAN("03");
    size_t n = sizeof head - 1 + LARGE + sizeof tail - 1;
    char *text = malloc(n);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memcpy(text, head, sizeof head - 1);
    memset(text + sizeof head - 1, 'x', LARGE);
    memcpy(text + sizeof head - 1 + LARGE, tail, sizeof tail - 1);
    Seen seen = seen_read(text, n, NULL, 0);
    CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
    CU_ASSERT_EQUAL(seen.stats.spans, 3);
    CU_ASSERT_EQUAL(seen.stats.rejected, 0);
    CU_ASSERT(seen.text.n > LARGE);
    seen_clear(&seen);
    free(text);
}

/* The positions of documents that share a line are bytes. */
static void test_positions(void) {
    Seen seen = seen_str("{\"resourceSpans\":[]}{\"resourceSpans\":x}\n\n{\"resourceSpans\":y}\n");
    CU_ASSERT_EQUAL(seen_count(&seen, "! syntax @20 "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! syntax @3 "), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen_lines(&seen), "(byte 20)"));
    CU_ASSERT_PTR_NOT_NULL(strstr(seen_lines(&seen), "(line 3)"));
    seen_clear(&seen);
}

PYTHIA_SUITE(read_split, {"every shape of a file gives the same documents", test_shapes},
             {"brackets in strings are text", test_escapes},
             {"a broken line costs that line", test_broken_line},
             {"a broken first line costs that line", test_broken_first},
             {"a broken element of an array costs that element", test_broken_element},
             {"a cut end is a problem, at every byte", test_truncated},
             {"errors inside an envelope", test_envelopes},
             {"an envelope too large to be held", test_large_envelope},
             {"bad UTF-8 and NUL bytes cost their line", test_encoding},
             {"text without documents gives one problem of kind format", test_nothing},
             {"depth is bounded", test_depth}, {"ten megabytes in one string", test_large_string},
             {"positions are lines, or bytes inside a line", test_positions})
