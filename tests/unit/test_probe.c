/* test_probe.c - the probe library in this process: contexts, pages, a page that is damaged. What programs do is
** tested in tests/python/test_probe.py. */
#include "ext/probe/clock.h"
#include "tests/hostile_page.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static int64_t system_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The probe maps one page for the life of the process: the tests of this file share it. */
static Hostile *shared_page(void) {
    static Hostile hostile;
    static int state;
    if (!state) state = hostile_open(&hostile) ? 1 : -1;
    return state > 0 ? &hostile : NULL;
}

static void test_traceparent(void) {
    static const char *const bad[] = {
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        (PARENT "-extra"),
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
    };
    PythiaProbeContext c;
    CU_ASSERT_EQUAL(pythia_probe_read(&c, PARENT, "a=1,b=2", NULL), 1);
    CU_ASSERT_EQUAL(c.trace_hi, 0x0af7651916cd43dd);
    CU_ASSERT_EQUAL(c.trace_lo, 0x8448eb211c80319c);
    CU_ASSERT_EQUAL(c.span_id, 0xb7ad6b7169203331);
    CU_ASSERT_EQUAL(c.flags, 1);
    CU_ASSERT_STRING_EQUAL(c.state, "a=1,b=2");
    /* A later version is read by what it shares with this one. */
    CU_ASSERT_EQUAL(
        pythia_probe_read(&c, "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what", NULL,
                          NULL),
        1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_EQUAL(pythia_probe_read(&c, bad[i], "a=1", NULL), 0);
        CU_ASSERT_EQUAL(c.trace_lo, 0);
        CU_ASSERT_STRING_EQUAL(c.state, "");
    }
    CU_ASSERT_EQUAL(pythia_probe_read(&c, NULL, NULL, NULL), 0);
}

static void test_headers_come_back(void) {
    char parent[PYTHIA_PROBE_TRACEPARENT_BYTES], baggage[PYTHIA_PROBE_HEADER_BYTES];
    PythiaProbeContext c, before;
    if (!shared_page()) {
        pythia_skip("no control page can be made");
        return;
    }
    CU_ASSERT_EQUAL(pythia_probe_write(parent, baggage), 0);
    CU_ASSERT_STRING_EQUAL(parent, "");
    CU_ASSERT_EQUAL(
        pythia_probe_read(&c, PARENT, NULL, "user = ann ;p=1, pythia.type=web%2FGET%20%2F,x=1"), 1);
    CU_ASSERT_STRING_EQUAL(c.baggage, "user = ann ;p=1,x=1");
    CU_ASSERT(c.type > 0 && c.type < PYTHIA_TYPE_OTHER);
    pythia_probe_enter(&c, &before);
    CU_ASSERT_EQUAL(pythia_probe_write(parent, baggage), 1);
    CU_ASSERT_STRING_EQUAL(parent, PARENT);
    CU_ASSERT_STRING_EQUAL(baggage, "user = ann ;p=1,x=1,pythia.type=web/GET%20/");
    PYTHIA_SPAN_ALWAYS(span, "server");
    CU_ASSERT_EQUAL(span.parent, 0xb7ad6b7169203331);
    CU_ASSERT_EQUAL(span.type, c.type);
    pythia_probe_write(parent, baggage);
    CU_ASSERT_NSTRING_EQUAL(parent, PARENT, 36);
    CU_ASSERT_STRING_NOT_EQUAL(parent, PARENT);
    PYTHIA_SPAN_END(span);
    pythia_probe_enter(&before, NULL);
    CU_ASSERT_EQUAL(pythia_probe_write(parent, baggage), 0);
}

static void test_tracestate(void) {
    char parent[PYTHIA_PROBE_TRACEPARENT_BYTES], baggage[PYTHIA_PROBE_HEADER_BYTES];
    char vendors[PYTHIA_PROBE_STATE_BYTES], long_one[PYTHIA_PROBE_STATE_BYTES + 1];
    PythiaProbeContext c;
    if (!shared_page()) {
        pythia_skip("no control page can be made");
        return;
    }
    vendors[0] = 'x';
    CU_ASSERT_EQUAL(pythia_probe_write_state(parent, vendors, baggage), 0);
    CU_ASSERT_STRING_EQUAL(vendors, "");
    pythia_probe_read(&c, PARENT, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "a=1");
    pythia_probe_enter(&c, NULL);
    PYTHIA_SPAN_ALWAYS(span, "server");
    CU_ASSERT_EQUAL(pythia_probe_write_state(parent, vendors, baggage), 1);
    CU_ASSERT_NSTRING_EQUAL(parent, PARENT, 36);
    CU_ASSERT_STRING_EQUAL(vendors, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
    CU_ASSERT_NSTRING_EQUAL(baggage, "a=1", 3);
    PYTHIA_SPAN_END(span);
    pythia_probe_read(&c, PARENT, NULL, NULL);
    pythia_probe_enter(&c, NULL);
    CU_ASSERT_EQUAL(pythia_probe_write_state(parent, vendors, baggage), 1);
    CU_ASSERT_STRING_EQUAL(vendors, "");
    /* One that does not fit is left out whole. */
    memset(long_one, 'x', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = 0;
    pythia_probe_read(&c, PARENT, long_one, NULL);
    CU_ASSERT_STRING_EQUAL(c.state, "");
    pythia_probe_read(&c, PARENT, long_one + 1, NULL);
    pythia_probe_enter(&c, NULL);
    pythia_probe_write_state(parent, vendors, baggage);
    CU_ASSERT_STRING_EQUAL(vendors, long_one + 1);
    pythia_probe_enter(NULL, NULL);
}

/* A time lies between readings of the system's clock before and after, but for what an anchor may be off. */
static void test_clock(void) {
    const int64_t off = 2 * PYTHIA_JUMP_NS;
    int64_t begun = system_ns(), last = 0;
    int outside = 0, back = 0, n = 0;
    while (system_ns() - begun < 60000000) { /* through the calibration and many anchors */
        int64_t before = system_ns(), now = pythia_clock(), after = system_ns();
        outside += now < before - off || now > after + off;
        back += now < last - off;
        last = now;
        n++;
    }
    CU_ASSERT(n > 100);
    CU_ASSERT_EQUAL(outside, 0);
    CU_ASSERT_EQUAL(back, 0);
}

static void test_baggage(void) {
    char value[64];
    pythia_probe_enter(NULL, NULL);
    CU_ASSERT_EQUAL(pythia_probe_baggage_get("a", value, sizeof value), -1);
    CU_ASSERT_EQUAL(pythia_probe_baggage_set("a", "1, 2%;\xc3\xa9"), 1);
    CU_ASSERT_EQUAL(pythia_probe_baggage_set("b", ""), 1);
    CU_ASSERT_EQUAL(pythia_probe_baggage_get("a", value, sizeof value), 8);
    CU_ASSERT_STRING_EQUAL(value, "1, 2%;\xc3\xa9");
    CU_ASSERT_EQUAL(pythia_probe_baggage_get("a", value, 4), 8);
    CU_ASSERT_STRING_EQUAL(value, "1, ");
    CU_ASSERT_EQUAL(pythia_probe_baggage_get("b", value, sizeof value), 0);
    CU_ASSERT_EQUAL(pythia_probe_baggage_set("a", NULL), 1);
    CU_ASSERT_EQUAL(pythia_probe_baggage_get("a", value, sizeof value), -1);
    CU_ASSERT_EQUAL(pythia_probe_baggage_set("not a token", "1"), 0);
    CU_ASSERT_EQUAL(pythia_probe_baggage_set("", "1"), 0);
    char large[PYTHIA_PROBE_BAGGAGE_BYTES + 1];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = 0;
    CU_ASSERT_EQUAL(pythia_probe_baggage_set("c", large), 0);
    CU_ASSERT_EQUAL(pythia_probe_baggage_get("b", value, sizeof value), 0);
    pythia_probe_enter(NULL, NULL);
}

/* What is longer than a context keeps goes member by member. */
static void test_baggage_too_long(void) {
    char text[3 * PYTHIA_PROBE_BAGGAGE_BYTES] = "first=1,large=", value[8];
    PythiaProbeContext c;
    memset(text + 14, 'x', PYTHIA_PROBE_BAGGAGE_BYTES);
    memcpy(text + 14 + PYTHIA_PROBE_BAGGAGE_BYTES, ",last=2", 8);
    pythia_probe_read(&c, PARENT, NULL, text);
    CU_ASSERT_STRING_EQUAL(c.baggage, "first=1,last=2");
    pythia_probe_read(&c, PARENT, NULL, ",, ,=,;=;, x");
    pythia_probe_enter(&c, NULL);
    CU_ASSERT_EQUAL(pythia_probe_baggage_get("x", value, sizeof value), -1);
    pythia_probe_enter(NULL, NULL);
}

static void test_second_start(void) {
    if (!shared_page()) {
        pythia_skip("no control page can be made");
        return;
    }
    CU_ASSERT_EQUAL(pythia_probe_start(NULL), EALREADY);
    CU_ASSERT_STRING_EQUAL(pythia_probe_page(), shared_page()->path);
}

/* Files that are no page, or nobody's own. */
static void test_files_that_are_no_page(void) {
    Hostile *h = shared_page();
    char path[200];
    PythiaPage page;
    PythiaPageHeader header;
    if (!h) {
        pythia_skip("no control page can be made");
        return;
    }
    snprintf(path, sizeof path, "%s.other", h->path);
    unlink(path);
    CU_ASSERT_EQUAL(pythia_page_open(&page, path, NULL), ENOENT);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    CU_ASSERT_EQUAL(pythia_page_open(&page, path, NULL), EBADMSG);
    memcpy(&header, h->page.base, sizeof header);
    CU_ASSERT_EQUAL(pwrite(fd, &header, sizeof header, 0), (ssize_t)sizeof header);
    CU_ASSERT_EQUAL(pythia_page_open(&page, path, NULL), EBADMSG); /* shorter than it says */
    CU_ASSERT_EQUAL(ftruncate(fd, (off_t)header.page_bytes), 0);
    CU_ASSERT_EQUAL(pythia_page_open(&page, path, NULL), 0);
    pythia_page_close(&page);
    /* Every number of the header, wrong in several ways. */
    for (size_t at = 0; at < 112; at += 4)
        for (int how = 0; how < 4; how++) {
            static const uint32_t wrong[] = {0, UINT32_MAX, 3, 0x80000000};
            PythiaPageHeader bad = header;
            memcpy((char *)&bad + at, &wrong[how], 4);
            CU_ASSERT_EQUAL(pwrite(fd, &bad, sizeof bad, 0), (ssize_t)sizeof bad);
            if (pythia_page_open(&page, path, NULL) == 0) {
                /* Only where it does not matter, or still fits. */
                CU_ASSERT(page.geometry.rings_at +
                              (uint64_t)page.geometry.nrings * page.geometry.ring_stride <=
                          page.bytes);
                pythia_page_close(&page);
            }
        }
    CU_ASSERT_EQUAL(pwrite(fd, &header, sizeof header, 0), (ssize_t)sizeof header);
    CU_ASSERT_EQUAL(fchmod(fd, 0666), 0);
    CU_ASSERT_EQUAL(pythia_page_open(&page, path, NULL), EPERM);
    close(fd);
    unlink(path);
    CU_ASSERT_EQUAL(symlink(h->path, path), 0);
    CU_ASSERT_EQUAL(pythia_page_open(&page, path, NULL), ELOOP);
    unlink(path);
}

static void test_tables_that_are_full(void) {
    PythiaPage page;
    char path[200], name[32];
    PythiaPageMake make = {.slots = 16, .rings = 1, .ring_bytes = 8192};
    Hostile *h = shared_page();
    if (!h) {
        pythia_skip("no control page can be made");
        return;
    }
    snprintf(path, sizeof path, "%s.full", h->path);
    CU_ASSERT_EQUAL_FATAL(pythia_page_open(&page, path, &make), 0);
    unsigned found = 0;
    for (int i = 0; i < 40; i++) {
        int n = snprintf(name, sizeof name, "point/%d", i), fresh;
        uint32_t slot = pythia_page_slot_claim(&page, name, (size_t)n, &fresh);
        if (slot == PYTHIA_NO_SLOT) continue;
        found++;
        CU_ASSERT_EQUAL(fresh, 1);
        CU_ASSERT_EQUAL(pythia_page_slot_claim(&page, name, (size_t)n, &fresh), slot);
        CU_ASSERT_EQUAL(fresh, 0);
        CU_ASSERT_EQUAL(pythia_page_slot_find(&page, name, (size_t)n), slot);
    }
    CU_ASSERT_EQUAL(found, 16);
    CU_ASSERT_EQUAL(pythia_page_slot_find(&page, "none", 4), PYTHIA_NO_SLOT);
    /* 62 request types, and then the one that all others share. */
    for (int i = 1; i < 70; i++) {
        int n = snprintf(name, sizeof name, "%d", i);
        uint32_t expected = i < PYTHIA_TYPE_OTHER ? (uint32_t)i : PYTHIA_TYPE_OTHER;
        uint32_t type = pythia_page_type_claim(&page, name, (size_t)n);
        CU_ASSERT_EQUAL(type, expected);
    }
    char *large = calloc(1, 2000);
    CU_ASSERT_EQUAL(pythia_page_intern(&page, large, PYTHIA_PAGE_TEXT_BYTES + 1), 0);
    for (int i = 0; i < 100; i++) {
        large[0] = (char)('A' + i % 50);
        large[1] = (char)('A' + i / 50);
        pythia_page_intern(&page, large, PYTHIA_PAGE_TEXT_BYTES);
    }
    for (int i = 0; i < 1000; i++) {
        int n = snprintf(name, sizeof name, "%d small", i);
        pythia_page_intern(&page, name, (size_t)n);
    }
    CU_ASSERT_EQUAL(pythia_page_intern(&page, "new", 3), 0); /* the strings are full */
    free(large);
    pythia_page_close(&page);
    unlink(path);
}

static uint64_t random_next(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 16;
}

/* Damage of all kinds: nobody crashes; and a page that was restored works as before. */
static void test_damage(void) {
    Hostile *h = shared_page();
    uint64_t state = 1;
    if (!h) {
        pythia_skip("no control page can be made");
        return;
    }
    CU_ASSERT_FATAL(hostile_connect(h));
    for (int round = 0; round < 150; round++) {
        unsigned char bytes[200];
        size_t n = 10 * (1 + random_next(&state) % 20);
        for (size_t i = 0; i < n; i++)
            bytes[i] = random_next(&state) % 3 ? (unsigned char)random_next(&state)
                                               : (unsigned char)(random_next(&state) % 4);
        hostile_round(h, bytes, n);
    }
    hostile_round(h, NULL, 0);
    memcpy(h->page.base, h->image, h->page.bytes);
    hostile_sql(h,
                "SELECT pythia_collect(); DELETE FROM pythia_control; SELECT pythia_reconcile()");
    hostile_pass(1);
    sqlite3_stmt *s;
    CU_ASSERT_EQUAL(
        sqlite3_prepare_v2(h->db, "SELECT count(*) FROM pythia_tracepoints WHERE backend = 'p'", -1,
                           &s, NULL),
        SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_step(s), SQLITE_ROW);
    CU_ASSERT(sqlite3_column_int(s, 0) >= 4);
    sqlite3_finalize(s);
    hostile_disconnect(h);
}

/* The last one: gives back what the tests shared. */
static void test_end(void) {
    Hostile *h = shared_page();
    if (h) hostile_close(h);
}

PYTHIA_SUITE(probe, {"traceparent", test_traceparent},
             {"headers come back", test_headers_come_back}, {"tracestate", test_tracestate},
             {"clock", test_clock}, {"baggage", test_baggage},
             {"baggage that is too long", test_baggage_too_long},
             {"a second start", test_second_start},
             {"files that are no page", test_files_that_are_no_page},
             {"tables that are full", test_tables_that_are_full}, {"damage", test_damage},
             {"end", test_end})
