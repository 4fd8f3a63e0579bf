/* test_read_follow.c - files that are followed: read in two parts, cut at every byte, they give what the whole
** gives, and places hold only as long as the file is the same. */
#include "tests/unit/test_read.h"

#define ZIPKIN(id)                                                                                 \
    "{\"traceId\":\"1\",\"id\":\"" id "\",\"name\":\"a\",\"timestamp\":1,\"duration\":2}"

/* Reads on from *place behind what was seen, and moves the place. */
static void follow(Seen *seen, const char *bytes, size_t n, size_t chunk_bytes,
                   PythiaReadOptions *options) {
    PythiaSink sink = {seen, seen_span, seen_problem, NULL, NULL};
    options->follow = 1;
    options->chunk_bytes = chunk_bytes;
    sqlite3_free(seen->error);
    sqlite3_free(seen->stats.memory); /* NULL: none of the formats here remembers */
    seen->error = NULL;
    seen->rc = pythia_read_text((PythiaText){bytes, n}, options, &sink, &seen->stats, &seen->error);
    if (seen->rc != SQLITE_OK) return;
    options->from = seen->stats.place;
    options->from_format = seen->stats.format;
    options->first_serial = seen->stats.next_serial;
}

/* Cut everywhere: the same spans and problems, nothing twice. The last line may lack its newline. Resources are
** described again by every reading, so that they are left out of the comparison. */
static void check_cuts(const char *bytes, size_t n) {
    Seen whole = seen_read(bytes, n, NULL, 0);
    CU_ASSERT_EQUAL_FATAL(whole.rc, SQLITE_OK);
    for (size_t cut = 0; cut <= n; cut++) {
        Seen parts;
        PythiaReadOptions options = {0};
        memset(&parts, 0, sizeof parts);
        follow(&parts, bytes, cut, cut % 7, &options);
        CU_ASSERT_EQUAL_FATAL(parts.rc, SQLITE_OK);
        CU_ASSERT(options.from.offset >= 0 && (size_t)options.from.offset <= cut);
        int64_t spans = parts.stats.spans, bytes_read = parts.stats.bytes;
        follow(&parts, bytes, n, cut % 5, &options);
        CU_ASSERT_EQUAL_FATAL(parts.rc, SQLITE_OK);
        CU_ASSERT_EQUAL(parts.stats.from_offset, bytes_read);
        CU_ASSERT_EQUAL(spans + parts.stats.spans, whole.stats.spans);
        pythia_buf_byte(&parts.text, 0);
        CU_ASSERT_EQUAL(seen_count(&parts, "S "), seen_count(&whole, "S "));
        CU_ASSERT_EQUAL(seen_count(&parts, "!"), seen_count(&whole, "!"));
        for (const char *line = seen_lines(&whole); *line; line = strchr(line, '\n') + 1) {
            char text[400];
            size_t length = (size_t)(strchr(line, '\n') - line);
            if (*line == 'r' || length >= sizeof text) continue;
            memcpy(text, line, length);
            text[length] = 0;
            CU_ASSERT(seen_has(&parts, text));
        }
        seen_clear(&parts);
    }
    seen_clear(&whole);
}

static void test_json(void) {
    static const char *const texts[] = {
        ZIPKIN("2") "\n" ZIPKIN("3") "\n" ZIPKIN("4"),
        "[" ZIPKIN("2") ",\n " ZIPKIN("3") ", " ZIPKIN("4") "]\n",
        ZIPKIN("2") ZIPKIN("3") " \r\n\r\n" ZIPKIN("4") "\n",
        "\xef\xbb\xbf" ZIPKIN("2") "\n\x1e" ZIPKIN("3") "\n",
        ZIPKIN("2") "\nnonsense\n" ZIPKIN("3") "\n{\"a\":}\n" ZIPKIN("4") "\n",
        "{\n \"traceId\": \"1\",\n \"id\": \"2\",\n \"timestamp\": 1,\n \"tags\": {\"a\": "
        "\"}{\\\"\"}\n}\n",
        "{\"data\":[{\"traceID\":\"1\",\"spans\":[{\"traceID\":\"1\",\"spanID\":\"2\","
        "\"operationName\":\"x\","
        "\"startTime\":5,\"duration\":1,\"processID\":\"p\"}],\"processes\":{\"p\":{"
        "\"serviceName\":\"s\"}}}]}\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        check_cuts(texts[i], strlen(texts[i]));
}

/* Two messages of a span each, a length before each. */
static const char frames[] =
    "\0\0\0\x4a\x0a\x48\x0a\x12\x0a\x10\x0a\x0cservice.name\x12\0\x12\x32\x12\x30\x0a\x10"
    "0123456789abcdef\x12\x08"
    "01234567\x2a\0\x39\1\0\0\0\0\0\0\0\x41\2\0\0\0\0\0\0\0"
    "\0\0\0\x4a\x0a\x48\x0a\x12\x0a\x10\x0a\x0cservice.name\x12\0\x12\x32\x12\x30\x0a\x10"
    "0123456789abcdef\x12\x08"
    "01234568\x2a\0\x39\1\0\0\0\0\0\0\0\x41\2\0\0\0\0\0\0\0";

static void test_frames(void) {
    Seen whole = seen_read(frames, sizeof frames - 1, NULL, 0);
    CU_ASSERT_EQUAL(whole.stats.spans, 2);
    CU_ASSERT_EQUAL(whole.stats.rejected, 0);
    seen_clear(&whole);
    check_cuts(frames, sizeof frames - 1);
}

static void test_incomplete(void) {
    static const char *const texts[] = {
        "",  "\n ", "{", "[", "[ {\"a\"", "\xef\xbb", "nul", "{\"a\":{}\n", "{\"traceId\":\"1\"",
        "\0"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        Seen seen;
        PythiaReadOptions options = {0};
        memset(&seen, 0, sizeof seen);
        follow(&seen, texts[i], strlen(texts[i]), 0, &options);
        CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
        CU_ASSERT_EQUAL(options.from.offset, 0);
        CU_ASSERT_EQUAL(seen.text.n, 0);
        CU_ASSERT_EQUAL(seen.stats.format, NULL);
        seen_clear(&seen);
    }
}

/* The line goes on from part to part, and so do byte offsets. */
static void test_positions(void) {
    static const char text[] =
        ZIPKIN("2") "\n" ZIPKIN("3") "\n?\n" ZIPKIN("4") "{\"a\":1}\n{\"b\":1}\n";
    size_t cut = 2 * sizeof ZIPKIN("2");
    Seen seen;
    PythiaReadOptions options = {0};
    memset(&seen, 0, sizeof seen);
    follow(&seen, text, cut, 0, &options);
    CU_ASSERT_EQUAL(options.from.offset, (int64_t)cut);
    CU_ASSERT_EQUAL(options.from.line, 3);
    CU_ASSERT(options.from.lines);
    follow(&seen, text, sizeof text - 1, 0, &options);
    pythia_buf_byte(&seen.text, 0);
    CU_ASSERT(
        seen_has(&seen, "! syntax @3 - - Text that is no JSON object was left out (line 3)."));
    char line[100];
    snprintf(line, sizeof line,
             "! format @%d - - The document is not of the file's format (byte %d).",
             (int)(cut + 2 + sizeof ZIPKIN("4") - 1), (int)(cut + 2 + sizeof ZIPKIN("4") - 1));
    CU_ASSERT(seen_has(&seen, line));
    CU_ASSERT(
        seen_has(&seen, "! format @5 - - The document is not of the file's format (line 5)."));
    CU_ASSERT_EQUAL(options.from.line, 6);
    seen_clear(&seen);
}

static void test_replaced(void) {
    static const char old[] = ZIPKIN("2") "\n" ZIPKIN("3") "\n",
                      other[] = ZIPKIN("4") "\n" ZIPKIN("5") "\n";
    static const int64_t expected[] = {0, 2, 1, 2, 0, 2};
    for (int what = 0; what < 6; what++) {
        Seen seen;
        PythiaReadOptions options = {0};
        memset(&seen, 0, sizeof seen);
        follow(&seen, old, sizeof old - 1, 0, &options);
        CU_ASSERT_EQUAL(seen.stats.spans, 2);
        const char *text = what == 1 ? other : old;
        size_t n = what == 2 ? sizeof old / 2 : sizeof old - 1;
        if (what == 3) options.from.inode++;
        if (what == 4) options.format = "otlp";
        if (what == 5) options.from_format = "no such format";
        follow(&seen, text, n, 0, &options);
        CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
        CU_ASSERT_EQUAL(seen.stats.from_offset, what ? 0 : (int64_t)sizeof old - 1);
        CU_ASSERT_EQUAL(seen.stats.spans, expected[what]);
        seen_clear(&seen);
    }
}

static void test_refused(void) {
    static const struct {
        const char *text, *format, *message;
    } cases[] = {
        {"\x1f\x8b", NULL, "the text is compressed and cannot be followed"},
        {"\x28\xb5\x2f\xfd", NULL, "the text is compressed and cannot be followed"},
        {"{\"traceEvents\":[]}", NULL,
         "files of format chrome cannot be followed: their parts hang together"},
        {"", "csv", "files of format csv cannot be followed: their parts hang together"},
        {"{\"X-Trace\":[\"1900000000000000010000000000000002\"],\"Timestamp\":[\"1384989798643\"]}",
         NULL,
         "single X-Trace reports cannot be followed: their times are aligned with one another "
         "(lists of "
         "reports can)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Seen seen;
        PythiaReadOptions options = {.format = cases[i].format};
        memset(&seen, 0, sizeof seen);
        follow(&seen, cases[i].text, strlen(cases[i].text), 0, &options);
        CU_ASSERT_EQUAL(seen.rc, SQLITE_ERROR);
        CU_ASSERT_PTR_NOT_NULL_FATAL(seen.error);
        CU_ASSERT_STRING_EQUAL(seen.error, cases[i].message);
        seen_clear(&seen);
    }
    Seen seen;
    PythiaReadOptions options = {0};
    memset(&seen, 0, sizeof seen);
    follow(&seen, frames + 4, 0x4a, 0, &options);
    CU_ASSERT_EQUAL(seen.rc, SQLITE_ERROR);
    seen_clear(&seen);
}

PYTHIA_SUITE(read_follow, {"JSON cut anywhere", test_json}, {"protobuf cut anywhere", test_frames},
             {"nothing complete yet", test_incomplete}, {"positions go on", test_positions},
             {"files that were replaced are read anew", test_replaced},
             {"what cannot be followed", test_refused})
