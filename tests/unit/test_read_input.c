/* test_read_input.c - files, globs, compression, and everything that stops a reader. */
#include "tests/unit/test_read.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#define SPAN(id)                                                                                   \
    "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":"                               \
    "\"000000000000000000000000000000aa\","                                                        \
    "\"spanId\":\"00000000000000" id "\",\"startTimeUnixNano\":1,\"endTimeUnixNano\":3}]}]}]}\n"

static const char lines[] = SPAN("01") SPAN("02") SPAN("03");

/* One gzip member. */
static size_t gzip_text(const char *text, size_t n, unsigned char *out, size_t room) {
    z_stream z;
    memset(&z, 0, sizeof z);
    CU_ASSERT_EQUAL_FATAL(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
                          Z_OK);
    z.next_in = (const unsigned char *)text;
    z.avail_in = (unsigned)n;
    z.next_out = out;
    z.avail_out = (unsigned)room;
    CU_ASSERT_EQUAL_FATAL(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t done = room - z.avail_out;
    deflateEnd(&z);
    return done;
}

static void test_gzip(void) {
    unsigned char bytes[4000];
    size_t n = gzip_text(lines, sizeof lines - 1, bytes, sizeof bytes);
    Seen seen = seen_text((char *)bytes, n);
    CU_ASSERT_EQUAL(seen.stats.spans, 3);
    CU_ASSERT_EQUAL(seen.stats.bytes, (int64_t)n);
    CU_ASSERT_EQUAL(seen.stats.text_bytes, (int64_t)sizeof lines - 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    seen_clear(&seen);
    /* several members, an empty one among them, cut in the middle of a line; zeros at the end */
    n = gzip_text(lines, 50, bytes, sizeof bytes);
    n += gzip_text("", 0, bytes + n, sizeof bytes - n);
    n += gzip_text(lines + 50, sizeof lines - 51, bytes + n, sizeof bytes - n);
    memset(bytes + n, 0, 100);
    seen = seen_text((char *)bytes, n + 100);
    CU_ASSERT_EQUAL(seen.stats.spans, 3);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    seen_clear(&seen);
    memset(bytes + n, 'x', 4);
    seen = seen_text((char *)bytes, n + 4);
    CU_ASSERT_EQUAL(seen.stats.spans, 3);
    CU_ASSERT_EQUAL(seen_count(&seen, "! syntax "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
    seen_clear(&seen);
}

/* Stored without compression, so that a cut leaves whole lines before it. */
static void test_gzip_truncated(void) {
    unsigned char bytes[4000];
    size_t n = gzip_text(lines, sizeof lines - 1, bytes, sizeof bytes);
    int64_t most = 0;
    for (size_t cut = 2; cut < n; cut++) {
        Seen seen = seen_read((char *)bytes, cut, NULL, 0);
        CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
        CU_ASSERT(seen.stats.spans >= most);
        most = seen.stats.spans;
        CU_ASSERT(seen_count(&seen, "! truncated ") >= 1);
        seen_clear(&seen);
    }
    CU_ASSERT_EQUAL(most, 3);
    /* damage at every byte never does worse than lose text */
    for (size_t i = 0; i < n; i++) {
        bytes[i] ^= 0x55;
        Seen seen = seen_read((char *)bytes, n, NULL, 0);
        CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
        CU_ASSERT(seen.stats.spans <= 3);
        seen_clear(&seen);
        bytes[i] ^= 0x55;
    }
}

/* One frame, with a checksum. */
static size_t zstd_text(const char *text, size_t n, unsigned char *out, size_t room) {
    ZSTD_CCtx *context = ZSTD_createCCtx();
    CU_ASSERT_PTR_NOT_NULL_FATAL(context);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    size_t done = ZSTD_compress2(context, out, room, text, n);
    ZSTD_freeCCtx(context);
    CU_ASSERT_FATAL(!ZSTD_isError(done));
    return done;
}

static void test_zstd(void) {
    unsigned char bytes[4000];
    size_t n = zstd_text(lines, sizeof lines - 1, bytes, sizeof bytes);
    Seen seen = seen_text((char *)bytes, n);
    CU_ASSERT_EQUAL(seen.stats.spans, 3);
    CU_ASSERT_EQUAL(seen.stats.bytes, (int64_t)n);
    CU_ASSERT_EQUAL(seen.stats.text_bytes, (int64_t)sizeof lines - 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    seen_clear(&seen);
    /* a skippable frame, several others, an empty one among them; zeros at the end */
    static const unsigned char skippable[] = {0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c'};
    memcpy(bytes, skippable, sizeof skippable);
    n = sizeof skippable;
    n += zstd_text(lines, 50, bytes + n, sizeof bytes - n);
    n += zstd_text("", 0, bytes + n, sizeof bytes - n);
    n += zstd_text(lines + 50, sizeof lines - 51, bytes + n, sizeof bytes - n);
    memset(bytes + n, 0, 100);
    seen = seen_text((char *)bytes, n + 100);
    CU_ASSERT_EQUAL(seen.stats.spans, 3);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    seen_clear(&seen);
    memset(bytes + n, 'x', 4);
    seen = seen_text((char *)bytes, n + 4);
    CU_ASSERT_EQUAL(seen.stats.spans, 3);
    CU_ASSERT_EQUAL(seen_count(&seen, "! syntax "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
    seen_clear(&seen);
    /* a frame that looks back further than is allowed */
    seen = seen_text("\x28\xb5\x2f\xfd\0\xf8\x01\0\0", 9);
    CU_ASSERT_EQUAL(seen_count(&seen, "! size "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
    seen_clear(&seen);
}

/* Text of many blocks: what lies before the damage is read, whatever the size of the steps. */
static void test_zstd_damaged(void) {
    enum { SPANS = 3000 };
    size_t length = (sizeof lines - 1) / 3, n = length * SPANS, room = ZSTD_compressBound(n);
    char *text = malloc(n);
    unsigned char *bytes = malloc(room);
    for (size_t i = 0; i < SPANS; i++)
        memcpy(text + i * length, lines, length);
    size_t packed = zstd_text(text, n, bytes, room);
    int64_t most = 0;
    for (size_t cut = 4; cut < packed; cut += cut < packed - 20 ? 13 : 1) {
        Seen seen = seen_read((char *)bytes, cut, NULL, 0);
        CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
        CU_ASSERT(seen.stats.spans >= most);
        most = seen.stats.spans;
        CU_ASSERT(seen_count(&seen, "! truncated ") >= 1);
        seen_clear(&seen);
    }
    CU_ASSERT_EQUAL(most, SPANS); /* only the checksum was missing */
    for (size_t i = 0; i < packed; i += 7) {
        bytes[i] ^= 0x55;
        Seen seen = seen_read((char *)bytes, packed, NULL, 0);
        Seen steps = seen_read((char *)bytes, packed, NULL, 1000);
        CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
        CU_ASSERT(seen.stats.spans <= SPANS);
        CU_ASSERT_EQUAL(seen.stats.spans, steps.stats.spans);
        seen_clear(&seen);
        seen_clear(&steps);
        bytes[i] ^= 0x55;
    }
    free(text);
    free(bytes);
}

/* A scratch directory with a few files. */
typedef struct Scratch {
    char directory[200];
    char path[300];
} Scratch;

static const char *scratch_path(Scratch *s, const char *name) {
    snprintf(s->path, sizeof s->path, "%s/%s", s->directory, name);
    return s->path;
}

static void scratch_write(Scratch *s, const char *name, const char *text) {
    FILE *file = fopen(scratch_path(s, name), "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(text, 1, strlen(text), file), strlen(text));
    fclose(file);
}

static void scratch_make(Scratch *s) {
    const char *root = getenv("TMPDIR");
    snprintf(s->directory, sizeof s->directory, "%s/pythia-read-XXXXXX",
             root && *root ? root : P_tmpdir);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(s->directory));
    scratch_write(s, "b.json", SPAN("01"));
    scratch_write(s, "a.json", SPAN("02"));
    scratch_write(s, "c[1].json", SPAN("03"));
    scratch_write(s, "other.txt", "x");
    CU_ASSERT_EQUAL(mkdir(scratch_path(s, "d.json"), 0700), 0);
}

static void scratch_remove(Scratch *s) {
    static const char *const names[] = {"b.json", "a.json", "c[1].json", "other.txt"};
    for (size_t i = 0; i < 4; i++)
        unlink(scratch_path(s, names[i]));
    rmdir(scratch_path(s, "d.json"));
    rmdir(s->directory);
}

static const char *base_name(const char *path) {
    return strrchr(path, '/') + 1;
}

static void test_files(void) {
    Scratch s = {"", ""};
    PythiaFiles files;
    char *error = NULL;
    scratch_make(&s);
    CU_ASSERT_EQUAL(pythia_files_find(scratch_path(&s, "*.json"), &files, &error), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(files.n, 3);
    CU_ASSERT_STRING_EQUAL(base_name(files.paths[0]), "a.json");
    CU_ASSERT_STRING_EQUAL(base_name(files.paths[1]), "b.json");
    CU_ASSERT_STRING_EQUAL(base_name(files.paths[2]), "c[1].json");
    pythia_files_clear(&files);
    /* a file of that very name comes before the pattern */
    CU_ASSERT_EQUAL(pythia_files_find(scratch_path(&s, "c[1].json"), &files, &error), SQLITE_OK);
    CU_ASSERT_EQUAL(files.n, 1);
    pythia_files_clear(&files);
    CU_ASSERT_EQUAL(pythia_files_find("-", &files, &error), SQLITE_OK);
    CU_ASSERT_EQUAL(files.n, 1);
    pythia_files_clear(&files);
    CU_ASSERT_PTR_NULL(error);
    static const char *const missing[] = {"none.json", "*.none", "d*.json"};
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(pythia_files_find(scratch_path(&s, missing[i]), &files, &error),
                        SQLITE_CANTOPEN);
        CU_ASSERT_PTR_NOT_NULL_FATAL(error);
        CU_ASSERT_PTR_NOT_NULL(strstr(error, missing[i]));
        sqlite3_free(error);
        error = NULL;
        pythia_files_clear(&files);
    }
    scratch_remove(&s);
}

static void cannot_open(const char *path, const char *reason) {
    Seen seen;
    memset(&seen, 0, sizeof seen);
    PythiaSink sink = {&seen, seen_span, seen_problem, NULL, NULL};
    CU_ASSERT_EQUAL(pythia_read_file(path, NULL, &sink, &seen.stats, &seen.error), SQLITE_CANTOPEN);
    CU_ASSERT_PTR_NOT_NULL_FATAL(seen.error);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.error, path));
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.error, reason));
    seen_clear(&seen);
}

static void test_open(void) {
    Scratch s = {"", ""};
    Seen seen;
    scratch_make(&s);
    cannot_open(scratch_path(&s, "none.json"), "No such file");
    cannot_open(scratch_path(&s, "d.json"), "Is a directory");
    memset(&seen, 0, sizeof seen);
    PythiaSink sink = {&seen, seen_span, seen_problem, NULL, NULL};
    CU_ASSERT_EQUAL(
        pythia_read_file(scratch_path(&s, "a.json"), NULL, &sink, &seen.stats, &seen.error),
        SQLITE_OK);
    CU_ASSERT_EQUAL(seen.stats.spans, 1);
    /* standard input */
    int saved = dup(STDIN_FILENO), file = open(scratch_path(&s, "b.json"), O_RDONLY);
    CU_ASSERT_FATAL(file >= 0);
    dup2(file, STDIN_FILENO);
    CU_ASSERT_EQUAL(pythia_read_file("-", NULL, &sink, &seen.stats, &seen.error), SQLITE_OK);
    CU_ASSERT_EQUAL(seen.stats.spans, 1);
    pythia_buf_byte(&seen.text, 0);
    CU_ASSERT_EQUAL(seen_count(&seen, "S 000000000000000000000000000000aa 0000000000000001 "), 1);
    close(file);
    if (saved >= 0) {
        dup2(saved, STDIN_FILENO);
        close(saved);
    }
    seen_clear(&seen);
    scratch_remove(&s);
}

static void test_formats(void) {
    CU_ASSERT(pythia_format_known("otlp") && pythia_format_known("jaeger") &&
              pythia_format_known("osprofiler"));
    CU_ASSERT(!pythia_format_known("") && !pythia_format_known("OTLP"));
    for (const char *p = pythia_format_names(); p;
         p = strstr(p, ", ") ? strstr(p, ", ") + 2 : NULL) {
        char name[40];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(p, ","), p);
        CU_ASSERT(pythia_format_known(name));
    }
    Seen seen = seen_read(lines, sizeof lines - 1, "nonsense", 0);
    CU_ASSERT_EQUAL(seen.rc, SQLITE_ERROR);
    CU_ASSERT_PTR_NOT_NULL_FATAL(seen.error);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.error, "nonsense"));
    seen_clear(&seen);
    seen = seen_read(lines, sizeof lines - 1, "jaeger", 0);
    CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
    CU_ASSERT_EQUAL(seen.stats.spans, 0);
    CU_ASSERT_EQUAL(seen_count(&seen, "! format "), 3);
    seen_clear(&seen);
    /* one file has one format; what comes before the first known document is counted */
    seen = seen_str("{\"a\":1}\n{\"b\":2}\n" SPAN("01") "{\"traceID\":\"1\",\"spans\":[]}\n");
    CU_ASSERT_EQUAL(seen.stats.spans, 1);
    CU_ASSERT_STRING_EQUAL(seen.stats.format, "otlp");
    CU_ASSERT_EQUAL(seen_count(&seen, "! format @4 "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! format @1 "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 2);
    seen_clear(&seen);
}

static void test_serials(void) {
    Seen seen;
    memset(&seen, 0, sizeof seen);
    PythiaSink sink = {&seen, seen_span, seen_problem, NULL, NULL};
    PythiaReadOptions options = {.first_serial = 100};
    CU_ASSERT_EQUAL(
        pythia_read_text((PythiaText){lines, sizeof lines - 1}, &options, &sink, &seen.stats, NULL),
        SQLITE_OK);
    CU_ASSERT_EQUAL(seen.serial, 100);
    CU_ASSERT_EQUAL(seen.stats.next_serial, 101);
    seen_clear(&seen);
}

/* A sink that has enough after so many calls. */
typedef struct Limit {
    int left, code;
    int64_t last, calls;
} Limit;

static int limit_step(Limit *limit) {
    limit->calls++;
    return --limit->left < 0 ? limit->code : SQLITE_OK;
}

static int limit_span(void *context, const PythiaRecord *record) {
    (void)record;
    return limit_step(context);
}

static int limit_problem(void *context, const PythiaProblem *problem) {
    (void)problem;
    return limit_step(context);
}

static int limit_progress(void *context, int64_t bytes, int64_t total) {
    Limit *limit = context;
    CU_ASSERT(bytes >= limit->last && bytes <= total);
    limit->last = bytes;
    return limit_step(context);
}

static void test_stop(void) {
    static const char text[] =
        SPAN("01") "broken\n" SPAN("02") "{\"resourceLogs\":[]}\n" SPAN("03");
    PythiaReadStats stats;
    for (int n = 0; n < 5; n++) {
        Limit limit = {n, SQLITE_INTERRUPT, 0, 0};
        PythiaSink sink = {&limit, limit_span, limit_problem, NULL, NULL};
        int rc = pythia_read_text((PythiaText){text, sizeof text - 1}, NULL, &sink, &stats, NULL);
        CU_ASSERT_EQUAL(rc, SQLITE_INTERRUPT);
        CU_ASSERT_EQUAL(limit.calls, n + 1);
    }
    Limit limit = {5, SQLITE_INTERRUPT, 0, 0};
    PythiaSink sink = {&limit, limit_span, limit_problem, NULL, NULL};
    CU_ASSERT_EQUAL(
        pythia_read_text((PythiaText){text, sizeof text - 1}, NULL, &sink, &stats, NULL),
        SQLITE_OK);
    CU_ASSERT_EQUAL(limit.calls, 5);
    Limit steps = {3, SQLITE_FULL, 0, 0};
    sink = (PythiaSink){&steps, limit_span, limit_problem, limit_progress, NULL};
    PythiaReadOptions options = {.chunk_bytes = 10};
    steps.left = 20;
    CU_ASSERT_EQUAL(
        pythia_read_text((PythiaText){text, sizeof text - 1}, &options, &sink, &stats, NULL),
        SQLITE_FULL);
    CU_ASSERT_EQUAL(steps.calls, 21);
}

PYTHIA_SUITE(read_input, {"gzip, several members", test_gzip},
             {"gzip cut or damaged at every byte", test_gzip_truncated},
             {"Zstandard, several frames", test_zstd},
             {"Zstandard cut or damaged", test_zstd_damaged},
             {"which files a path names", test_files},
             {"files that cannot be opened; stdin", test_open},
             {"formats by name and by content", test_formats},
             {"serials go on from file to file", test_serials},
             {"the sink can stop the reader at any call", test_stop})
