/* test_base_buf.c - buffers, and bytes.h that reads what they hold. */
#include "ext/base/buf.h"
#include "ext/base/bytes.h"
#include "ext/base/mem.h"
#include "tests/unit/test.h"

#include <math.h>
#include <stdlib.h>

/* The buffer's text; the caller frees it. */
static char *taken(PythiaBuf *buf) {
    char *text = pythia_buf_take(buf);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    return text;
}

static void check_text(PythiaBuf *buf, const char *expected) {
    char *text = taken(buf);
    CU_ASSERT_STRING_EQUAL(text, expected);
    sqlite3_free(text);
}

static void check_json(const char *bytes, size_t n, const char *expected) {
    PythiaBuf buf = {0};
    pythia_buf_json_text(&buf, (PythiaText){bytes, n});
    check_text(&buf, expected);
}

static void test_append(void) {
    PythiaBuf buf = {0};
    pythia_buf_str(&buf, "a");
    pythia_buf_byte(&buf, 'b');
    pythia_buf_text(&buf, PYTHIA_TEXT("cd"));
    pythia_buf_bytes(&buf, NULL, 0);
    pythia_buf_format(&buf, "%d-%Q", 7, "it's");
    CU_ASSERT_EQUAL(buf.n, 13);
    check_text(&buf, "abcd7-'it''s'");
    check_text(&buf, ""); /* empty again after take */
}

static void test_sticky(void) {
    PythiaBuf buf = {0};
    pythia_buf_str(&buf, "kept");
    CU_ASSERT_PTR_NULL(pythia_buf_room(&buf, SIZE_MAX));
    CU_ASSERT_EQUAL(buf.rc, SQLITE_TOOBIG);
    pythia_buf_str(&buf, "lost");
    pythia_buf_format(&buf, "%d", 1);
    CU_ASSERT_EQUAL(buf.n, 4);
    CU_ASSERT_EQUAL(buf.rc, SQLITE_TOOBIG);
    CU_ASSERT_PTR_NULL(pythia_buf_take(&buf));
    CU_ASSERT_EQUAL(buf.rc, SQLITE_OK);
}

static const uint64_t edges[] = {0,          1,          127,
                                 128,        255,        16383,
                                 16384,      UINT32_MAX, (uint64_t)UINT32_MAX + 1,
                                 INT64_MAX,  1ULL << 63, UINT64_MAX - 1,
                                 UINT64_MAX, 300,        0x0102030405060708};
enum { NEDGES = sizeof edges / sizeof edges[0] };

static void test_round_trip(void) {
    PythiaBuf buf = {0};
    for (int i = 0; i < NEDGES; i++) {
        pythia_buf_u32(&buf, (uint32_t)edges[i]);
        pythia_buf_u64(&buf, edges[i]);
        pythia_buf_varint(&buf, edges[i]);
        pythia_buf_zigzag(&buf, (int64_t)edges[i]);
        pythia_buf_byte(&buf, (unsigned char)edges[i]);
    }
    pythia_buf_varint(&buf, 3);
    pythia_buf_str(&buf, "end");
    CU_ASSERT_EQUAL_FATAL(buf.rc, SQLITE_OK);
    PythiaBytes b = pythia_bytes(buf.data, buf.n);
    for (int i = 0; i < NEDGES; i++) {
        CU_ASSERT_EQUAL(pythia_bytes_u32(&b), (uint32_t)edges[i]);
        CU_ASSERT_EQUAL(pythia_bytes_u64(&b), edges[i]);
        CU_ASSERT_EQUAL(pythia_bytes_varint(&b), edges[i]);
        CU_ASSERT_EQUAL(pythia_bytes_zigzag(&b), (int64_t)edges[i]);
        CU_ASSERT_EQUAL(pythia_bytes_byte(&b), (unsigned char)edges[i]);
    }
    CU_ASSERT(pythia_text_equal(pythia_bytes_text(&b), PYTHIA_TEXT("end")));
    CU_ASSERT_EQUAL(pythia_bytes_left(&b), 0);
    CU_ASSERT_FALSE(b.bad);
    pythia_buf_clear(&buf);
}

static void test_layout(void) {
    PythiaBuf buf = {0};
    pythia_buf_u32(&buf, 0x01020304);
    pythia_buf_varint(&buf, 300);
    pythia_buf_zigzag(&buf, -1);
    pythia_buf_zigzag(&buf, 1);
    static const unsigned char expected[] = {4, 3, 2, 1, 0xac, 2, 1, 2};
    CU_ASSERT_EQUAL_FATAL(buf.n, sizeof expected);
    CU_ASSERT_EQUAL(memcmp(buf.data, expected, sizeof expected), 0);
    pythia_buf_clear(&buf);
}

/* Every prefix of a valid run of reads is noticed, and nothing behind its end is touched: the copy is
** exactly as long as the prefix, so that a sanitizer would see it. */
static void test_truncated(void) {
    PythiaBuf buf = {0};
    pythia_buf_u32(&buf, 9);
    pythia_buf_u64(&buf, 9);
    pythia_buf_varint(&buf, UINT64_MAX);
    pythia_buf_varint(&buf, 5);
    pythia_buf_str(&buf, "hello");
    for (size_t n = 0; n < buf.n; n++) {
        unsigned char *copy = pythia_alloc(n);
        memcpy(copy, buf.data, n);
        PythiaBytes b = pythia_bytes(copy, n);
        pythia_bytes_u32(&b);
        pythia_bytes_u64(&b);
        pythia_bytes_varint(&b);
        PythiaText text = pythia_bytes_text(&b);
        CU_ASSERT_TRUE(b.bad);
        CU_ASSERT_EQUAL(text.n, 0);
        pythia_free(copy);
    }
    pythia_buf_clear(&buf);
}

static void test_hostile(void) {
    static const unsigned char endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                            0x80, 0x80, 0x80, 0x80, 0x80, 1};
    PythiaBytes b = pythia_bytes(endless, sizeof endless);
    pythia_bytes_varint(&b);
    CU_ASSERT_TRUE(b.bad);
    /* a text that claims to be longer than memory */
    static const unsigned char longer[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1};
    b = pythia_bytes(longer, sizeof longer);
    CU_ASSERT_EQUAL(pythia_bytes_text(&b).n, 0);
    CU_ASSERT_TRUE(b.bad);
    /* once bad, always bad */
    CU_ASSERT_EQUAL(pythia_bytes_byte(&b), 0);
    CU_ASSERT_PTR_NULL(pythia_bytes_take(&b, 0));
}

/* Texts of every length that have something to escape at any place, or nothing. */
static void test_json_lengths(void) {
    static const struct {
        char byte;
        const char *escaped;
    } cases[] = {{'a', "a"}, {'"', "\\\""},    {'\\', "\\\\"},          {'\x1f', "\\u001f"},
                 {' ', " "}, {'\x7f', "\x7f"}, {'\xff', "\xef\xbf\xbd"}};
    for (size_t n = 1; n <= 40; n++)
        for (size_t at = 0; at < n; at++)
            for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
                char text[40];
                PythiaBuf expected = {0};
                for (size_t i = 0; i < n; i++)
                    text[i] = (char)('b' + i % 25);
                text[at] = cases[k].byte;
                pythia_buf_byte(&expected, '"');
                pythia_buf_bytes(&expected, text, at);
                pythia_buf_str(&expected, cases[k].escaped);
                pythia_buf_bytes(&expected, text + at + 1, n - at - 1);
                pythia_buf_byte(&expected, '"');
                char *json = taken(&expected);
                char *exact = malloc(n); /* for the address sanitizer */
                CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
                memcpy(exact, text, n);
                check_json(exact, n, json);
                free(exact);
                sqlite3_free(json);
            }
}

static void test_json_text(void) {
    check_json("", 0, "\"\"");
    check_json("plain \xc3\xa9 \xf0\x9f\x98\x80", 13, "\"plain \xc3\xa9 \xf0\x9f\x98\x80\"");
    check_json("q\"b\\s/", 6, "\"q\\\"b\\\\s/\"");
    check_json("\b\t\n\f\r\v\x01\0", 8, "\"\\b\\t\\n\\f\\r\\u000b\\u0001\\u0000\"");
    /* lone continuation, overlong form, surrogate, cut sequence, byte that never occurs */
    check_json("\x80", 1, "\"\xef\xbf\xbd\"");
    check_json("\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    check_json("\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    check_json("a\xe2\x82", 3, "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
    check_json("\xff.", 2, "\"\xef\xbf\xbd.\"");
}

static void check_double(double value) {
    PythiaBuf buf = {0};
    pythia_buf_json_double(&buf, value);
    char *text = taken(&buf);
    CU_ASSERT(strtod(text, NULL) == value);
    sqlite3_free(text);
}

static void test_json_double(void) {
    static const double values[] = {
        0.1, 1.0 / 3, 1e300, -1e-300, 123456789012345680.0, 5e-324, -0.5, 9007199254740993.0};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        check_double(values[i]);
    PythiaBuf buf = {0};
    pythia_buf_json_double(&buf, (double)NAN);
    pythia_buf_byte(&buf, ' ');
    pythia_buf_json_double(&buf, -(double)INFINITY);
    pythia_buf_byte(&buf, ' ');
    pythia_buf_json_double(&buf, 0.1);
    pythia_buf_byte(&buf, ' ');
    pythia_buf_json_double(&buf, -3);
    check_text(&buf, "null null 0.1 -3.0");
}

PYTHIA_SUITE(base_buf, {"appending and taking", test_append}, {"the failure sticks", test_sticky},
             {"integers round trip", test_round_trip}, {"the layout is fixed", test_layout},
             {"every truncation is noticed", test_truncated}, {"hostile lengths", test_hostile},
             {"JSON text", test_json_text}, {"JSON text of every length", test_json_lengths},
             {"JSON numbers", test_json_double})
