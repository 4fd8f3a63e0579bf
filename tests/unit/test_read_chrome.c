/* test_read_chrome.c - Chrome traces: phases, nesting, groups, flows, what is left over. */
#include "tests/unit/test_read.h"

/* An event of thread 1/2; times in microseconds. */
#define EV(phase, name, ts, members)                                                               \
    "{\"ph\":\"" phase "\",\"name\":\"" name "\",\"pid\":1,\"tid\":2,\"ts\":" #ts members "}"
#define X(name, ts, dur) EV("X", name, ts, ",\"dur\":" #dur)
#define ID(id)           ",\"cat\":\"c\",\"id\":\"" id "\""
#define N(n)             "000000000000000" #n
#define LINE(trace, n, parent, name, flags, time)                                                  \
    "S " trace " " N(n) " " parent " @1/2 " name " k0 s0 f" #flags " " time

static Seen chrome(const char *text, int spans, int problems) {
    Seen seen = seen_str(text);
    CU_ASSERT_STRING_EQUAL_FATAL(seen.stats.format ? seen.stats.format : "none", "chrome");
    CU_ASSERT_EQUAL(seen.stats.spans, spans);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), problems);
    if (seen.stats.spans != spans || seen_count(&seen, "! ") != problems)
        printf("\n%s\n%s", text, seen_lines(&seen));
    return seen;
}

static void has(const char *text, int spans, int problems, const char *lines) {
    Seen seen = chrome(text, spans, problems);
    CU_ASSERT(seen_has(&seen, lines));
    seen_clear(&seen);
}

static void test_shapes(void) {
    static const char expected[] = LINE("1/2/5000", 1, "-", "a", 0, "5000+2500");
    has("[" X("a", 5, 2.5) "]", 1, 0, expected);
    has("{\"traceEvents\":[" X("a", 5, 2.5) "],\"displayTimeUnit\":\"ms\"}", 1, 0, expected);
    has("[\n" X("a", 5, 2.5) ",\n" X("b", 9, 1) ",\n", 2, 0, expected);
    has("[" X("a", 5, 2.5), 1, 0, expected);
    has("[\n]\n[" X("a", 5, 2.5) "]", 1, 0, expected);
    /* the object form must be closed; what is there is read */
    has("{\"traceEvents\":[\n" X("a", 5, 2.5) ",\n" X("b", 9, 1) ",\n", 2, 1, expected);
    /* an event cut off */
    has("[\n" X("a", 5, 2.5) ",\n{\"ph\":\"X\",\"na", 1, 1, expected);
    /* numbers as text, and beyond 2^53 ns */
    has("[{\"ph\":\"X\",\"name\":\"a\",\"pid\":1,\"tid\":2,\"ts\":\"1767323045000000.125\","
        "\"dur\":\"0.001\"}]",
        1, 0, LINE("1/2/1767323045000000125", 1, "-", "a", 0, "1767323045000000125+1"));
}

static void test_nesting(void) {
    /* the inner one written first, as a program does that writes at the end of a scope */
    Seen seen =
        chrome("[" X("inner", 12, 3) "," X("outer", 10, 10) "," X("second", 15, 5) "," X(
                   "next", 20, 1) "," EV("B", "low", 13, "") "," EV("E", "other", 14, "") "]",
               5, 0);
    CU_ASSERT(seen_has(&seen, LINE("1/2/10000", 1, "-", "outer", 0, "10000+10000")));
    CU_ASSERT(seen_has(&seen, LINE("1/2/10000", 2, N(1), "inner", 0, "12000+3000")));
    CU_ASSERT(seen_has(&seen, LINE("1/2/10000", 3, N(2), "low", 0, "13000+1000")));
    CU_ASSERT(seen_has(&seen, LINE("1/2/10000", 4, N(1), "second", 0, "15000+5000")));
    CU_ASSERT(seen_has(&seen, LINE("1/2/20000", 1, "-", "next", 0, "20000+1000")));
    seen_clear(&seen);
    /* overlap is no nesting; another thread is another trace */
    seen = chrome("[" X("a", 10, 10) "," X("b", 15, 10) ",{\"ph\":\"X\",\"name\":\"c\",\"pid\":1,"
                                                        "\"tid\":3,\"ts\":12,\"dur\":1}]",
                  3, 0);
    CU_ASSERT(seen_has(&seen, LINE("1/2/15000", 1, "-", "b", 0, "15000+10000")));
    CU_ASSERT(seen_has(&seen, "S 1/3/12000 " N(1) " - @1/3 c k0 s0 f0 12000+1000"));
    seen_clear(&seen);
    /* fractions: the sum of rounded numbers is one nanosecond late */
    has("[" X("a", 0.0004, 1.0004) "," X("b", 0.0006, 1.0003) "]", 2, 0,
        LINE("1/2/0", 2, N(1), "b", 0, "1+1000"));
}

static void test_begin_end(void) {
    Seen seen = chrome(
        "[" EV("B", "a", 1, ",\"args\":{\"x\":1,\"y\":\"b\"}") "," EV("B", "b", 2, "") "," EV(
            "E", "", 3,
            "") "," EV("E", "", 4,
                       ",\"args\":{\"x\":2,\"z\":[1]}") "," EV("E", "", 5,
                                                               "") "," EV("B", "open", 6,
                                                                          "") "," X("in", 7, 1) "]",
        4, 1);
    CU_ASSERT(seen_has(
        &seen, LINE("1/2/1000", 1, "-", "a", 0,
                    "1000+3000") "\nr pid=\"1\"\nr tid=\"2\"\na x=1i\na y=\"b\"\na z=j:[1]"));
    CU_ASSERT(seen_has(&seen, LINE("1/2/1000", 2, N(1), "b", 0, "2000+1000")));
    CU_ASSERT(seen_has(&seen, LINE("1/2/6000", 1, "-", "open", 2, "6000+0")));
    CU_ASSERT(seen_has(&seen, LINE("1/2/6000", 2, N(1), "in", 0, "7000+1000")));
    CU_ASSERT_EQUAL(seen_count(&seen, "! span "), 1);
    seen_clear(&seen);
    has("[" EV("X", "a", 1, "") "]", 1, 0, LINE("1/2/1000", 1, "-", "a", 2, "1000+0"));
}

static void test_async(void) {
    Seen seen = chrome(
        "[" EV("b", "a", 1, ID("7")) "," EV("b", "b", 2, ID("7")) "," EV("n", "i", 3, ID("7") ",\"args\":{\"k\":true}") "," EV(
            "e", "a", 5,
            ID("7")) "," EV("e", "b", 6,
                            ID("7")) "," EV("b", "a", 1,
                                            ID("8")) "," EV("e", "a", 2,
                                                            ID("8")) "," EV("n", "late", 9,
                                                                            ID("8")) "," EV("b",
                                                                                            "z", 20,
                                                                                            ID("9")) "," EV("e",
                                                                                                            "z",
                                                                                                            20,
                                                                                                            ID("9")) "," EV("b",
                                                                                                                            "z",
                                                                                                                            20,
                                                                                                                            ID("9")) "]",
        5, 2);
    CU_ASSERT(seen_has(&seen, LINE("async/c/7/1000", 1, "-", "a", 0, "1000+4000")));
    CU_ASSERT(seen_has(&seen, LINE("async/c/7/1000", 2, N(1), "b", 2,
                                   "2000+0") "\na cat=\"c\"\np 3000 i\npa k=true"));
    CU_ASSERT(seen_has(&seen, LINE("async/c/8/1000", 1, "-", "a", 0, "1000+1000")));
    CU_ASSERT(seen_has(&seen, LINE("async/c/9/20000", 1, "-", "z", 0, "20000+0")));
    CU_ASSERT(seen_has(&seen, LINE("async/c/9/20000/2", 1, "-", "z", 2, "20000+0")));
    CU_ASSERT_EQUAL(seen_count(&seen, "! span "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! point "), 1);
    seen_clear(&seen);
    /* the older phases; a step's name is an argument */
    has("[" EV("S", "a", 1, ID("7")) "," EV("S", "b", 1, ID("7")) "," EV(
            "T", "a", 2, ID("7") ",\"args\":{\"step\":\"half\"}") "," EV("F", "a", 4, ID("7")) "]",
        2, 0,
        LINE("async/c/a/7/1000", 1, "-", "a", 0,
             "1000+3000") "\nr pid=\"1\"\nr tid=\"2\"\na cat=\"c\"\np 2000 half\npa step=\"half\"");
    /* ids of a process */
    has("[" EV("b", "a", 1, ",\"id2\":{\"local\":\"0x1\"},\"cat\":\"c\"") "]", 1, 0,
        LINE("async/c/0x1/1/1000", 1, "-", "a", 2, "1000+0"));
}

static void test_flows(void) {
    Seen seen = chrome(
        "[" X("from", 1, 5) "," EV("s", "f", 2, ID("7")) "," X("step", 10, 5) "," EV("t", "f", 12, ID("7")) "," X("before", 18, 2) "," EV(
            "f", "f",
            19,
            ID("7")) "," X("to", 21,
                           5) "," EV("s", "g", 22,
                                     ID("7")) "," X("around", 30,
                                                    5) "," EV("f", "g", 31,
                                                              ID("7") ",\"bp\":\"e\"") "," EV("f",
                                                                                              "h",
                                                                                              31,
                                                                                              ID("7") ",\"bp\":\"e\"") "," EV("s",
                                                                                                                              "f",
                                                                                                                              28,
                                                                                                                              ID("9")) "," EV("f",
                                                                                                                                              "f",
                                                                                                                                              90,
                                                                                                                                              ID("7")) "]",
        5, 3);
    CU_ASSERT(seen_has(&seen, "l1 1/2/1000 " N(1)));
    CU_ASSERT(seen_has(&seen, "l1 1/2/10000 " N(1)));
    CU_ASSERT(seen_has(&seen, "l1 1/2/21000 " N(1)));
    CU_ASSERT_EQUAL(seen_count(&seen, "l1 "), 3);
    CU_ASSERT_EQUAL(seen_count(&seen, "! link "), 3);
    CU_ASSERT(
        seen_has(&seen, LINE("1/2/21000", 1, "-", "to", 0, "21000+5000") "\nl1 1/2/10000 " N(1)));
    CU_ASSERT(seen_has(
        &seen, LINE("1/2/30000", 1, "-", "around", 0, "30000+5000") "\nl1 1/2/21000 " N(1)));
    seen_clear(&seen);
}

static void test_names(void) {
    has("[" X("a", 1, 5) ",{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":1,\"args\":{\"name\":"
                         "\"Browser\"}},{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":1,\"tid\":2,"
                         "\"args\":{\"name\":"
                         "\"io\"}}," EV("i", "tick", 3, "") "," EV("I", "tock", 6, "") "]",
        1, 0,
        "S 1/2/1000 " N(
            1) " - Browser@io 1/2 a k0 s0 f0 1000+5000\nr process.name=\"Browser\"\n"
               "r thread.name=\"io\"\nr pid=\"1\"\nr tid=\"2\"\np 3000 tick\np 6000 tock");
}

static void test_leftovers(void) {
    Seen seen = chrome(
        "[" X("a", 1, 5) "," EV("i", "out", 9, "") "," EV("C", "n", 1, "") "," EV(
            "P", "s", 1, "") ",{\"ph\":\"M\",\"name\":\"num_cpus\",\"pid\":1},"
                             "{\"ph\":\"X\",\"name\":\"no "
                             "time\"},{\"ph\":\"X\",\"name\":\"d\",\"ts\":1,\"dur\":\"x\"}," X(
                                 "back", 3, -1) "," X("early", -9, 1) "]",
        1, 6);
    CU_ASSERT_EQUAL(seen.stats.skipped, 3);
    CU_ASSERT_EQUAL(seen.stats.rejected, 5);
    CU_ASSERT_EQUAL(seen_count(&seen, "! time "), 4);
    CU_ASSERT_EQUAL(seen_count(&seen, "! point "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! skipped "), 1);
    seen_clear(&seen);
}

static void test_sample(void) {
    Seen seen;
    memset(&seen, 0, sizeof seen);
    PythiaSink sink = {&seen, seen_span, seen_problem, NULL, NULL};
    seen.rc =
        pythia_read_file("fixtures/formats/chrome.json", NULL, &sink, &seen.stats, &seen.error);
    pythia_buf_byte(&seen.text, 0);
    CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
    CU_ASSERT_EQUAL(seen.stats.spans, 6);
    CU_ASSERT_EQUAL(seen.stats.points, 2);
    CU_ASSERT_EQUAL(seen.stats.skipped, 1);
    CU_ASSERT_EQUAL(seen.stats.rejected, 1);
    CU_ASSERT(seen_has(
        &seen,
        "S 10/12/1400000 " N(1) " - Browser@io 10/12 fetch k0 s0 f0 "
                                "1400000+250000\nr process.name=\"Browser\"\nr thread.name=\"io\"\n"
                                "r pid=\"10\"\nr tid=\"12\"\na url=\"/logo.png\"\na cat=\"net\"\n"
                                "l1 10/11/1000000 " N(2)));
    seen_clear(&seen);
}

PYTHIA_SUITE(read_chrome, {"shapes of a file", test_shapes}, {"slices nest by time", test_nesting},
             {"begins and ends", test_begin_end}, {"async groups", test_async},
             {"flows become links", test_flows}, {"names and instants", test_names},
             {"what is left over", test_leftovers}, {"the sample", test_sample})
