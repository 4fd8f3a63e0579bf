/* test_read_xtrace.c - X-Trace reports: shapes, ids, edges, clocks, names. */
#include "tests/unit/test_read.h"

#define T    "00000000000000aa"
#define E(n) "000000000000000" #n
#define REPORT(event, edges, members)                                                              \
    "{\"X-Trace\":[\"19" T E(event) "\"],\"Edge\":[" edges "]" members "}"
#define LIST(reports)     "[{\"id\":\"x.json\",\"reports\":[" reports "]}]"
#define AT(timestamp)     ",\"Timestamp\":[\"" timestamp "\"]"
#define CLOCK(t, h, host) AT(t) ",\"HRT\":[\"" h "\"],\"Host\":[\"" host "\"],\"ProcessID\":[\"1\"]"

static void reads(const char *text, const char *lines) {
    Seen seen = seen_str(text);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    CU_ASSERT_STRING_EQUAL_FATAL(seen.stats.format ? seen.stats.format : "none", "xtrace");
    CU_ASSERT(seen_has(&seen, lines));
    seen_clear(&seen);
}

static void test_shapes(void) {
    static const char expected[] = "S " T " " E(2) " " E(1) " @  k0 s0 f8 1384989798643000000+0";
    reads(
        LIST(REPORT(1, "", AT("1384989798000")) "," REPORT(2, "\"" E(1) "\"", AT("1384989798643"))),
        expected);
    /* single reports, one a line or in an array; the second comes first */
    reads(REPORT(2, "\"" E(1) "\"", AT("1384989798643")) "\n" REPORT(1, "", AT("1384989798000")),
          expected);
    reads("[" REPORT(2, "\"" E(1) "\"", AT("1384989798643")) "," REPORT(1, "\"0000000000000000\"",
                                                                        AT("1384989798000")) "]",
          expected);
    /* flat values; ids as numbers, as decimal text and as hex */
    reads("{\"id\":\"" T
          "\",\"reports\":[{\"EventID\":\"" E(2) "\",\"ParentEventID\":[\"1\"],"
                                                 "\"Timestamp\":1384989798643},{\"EventID\":1,"
                                                 "\"ParentEventID\":[],\"Timestamp\":1}]}",
          expected);
    reads("{\"TaskID\":170,\"EventID\":2,\"ParentEventID\":[1],\"Timestamp\":\"1384989798.643\"}\n",
          expected);
    reads("{\"TaskID\":-1,\"EventID\":\"-2\",\"ParentEventID\":[\"-3\",0],\"Timestamp\":1}",
          "S ffffffffffffffff fffffffffffffffe fffffffffffffffd @  k0 s0 f8 1000000000+0");
    /* ids of other lengths: 4 bytes each, 20 and 8 */
    reads("{\"X-Trace\":[\"10000000aa00000001\"],\"Edge\":[\"00000000\"],\"Timestamp\":[\"1\"]}",
          "S " T " " E(1) " - @  k0 s0 f8 1000000000+0");
    reads(
        "{\"X-Trace\":[\"1B00112233445566778899aabbccddeeff00112233" E(1) "\"],\"Edge\":[],"
                                                                          "\"Timestamp\":[\"1\"]}",
        "S 00112233445566778899aabbccddeeff00112233 " E(1) " - @  k0 s0 f8 1000000000+0");
}

static void test_edges(void) {
    reads(LIST(REPORT(1, "", AT("1")) "," REPORT(2, "", AT("1")) "," REPORT(
              3, "\"" E(9) "\",\"" E(2) "\",\"" E(1) "\",\"" E(3) "\",\"" E(0) "\"", AT("2"))),
          "S " T " " E(3) " " E(2) " @  k0 s0 f8 2000000000+0\nl2 " T " " E(9) "\nl2 " T " " E(1));
    /* none of them is known */
    reads(LIST(REPORT(3, "\"" E(9) "\",\"" E(8) "\"", AT("2"))),
          "S " T " " E(3) " " E(9) " @  k0 s0 f8 2000000000+0\nl2 " T " " E(8));
    /* an event of another trace is not known in this one */
    reads(LIST(REPORT(3, "\"" E(9) "\",\"" E(1) "\"", AT("2")) "," REPORT(
              1, "",
              AT("2")) ",{\"X-Trace\":[\"1900000000000000bb" E(9) "\"],\"Timestamp\":[\"1\"]}"),
          "S " T " " E(3) " " E(1) " @  k0 s0 f8 2000000000+0\nl2 " T " " E(9));
}

/* The smallest distance of a process is its origin; another process has its own. */
static void test_clocks(void) {
    Seen seen = seen_str(LIST(REPORT(1, "", CLOCK("1700000000010", "5000900000", "a")) "," REPORT(
        2, "",
        CLOCK("1700000000010", "5001100000",
              "a")) "," REPORT(3, "",
                               CLOCK("1700000000050", "9000000",
                                     "b")) "," REPORT(4, "",
                                                      CLOCK("1700000000010", "5000950000",
                                                            "a")) "," REPORT(5, "",
                                                                             AT("1700000000.25"))));
    CU_ASSERT(seen_has(&seen, "S " T " " E(1) " - @a:1  k0 s0 f8 1700000000009800000+0"));
    CU_ASSERT(seen_has(&seen, "S " T " " E(2) " - @a:1  k0 s0 f8 1700000000010000000+0"));
    CU_ASSERT(seen_has(&seen, "S " T " " E(3) " - @b:1  k0 s0 f8 1700000000050000000+0"));
    CU_ASSERT(seen_has(&seen, "S " T " " E(4) " - @a:1  k0 s0 f8 1700000000009850000+0"));
    CU_ASSERT(seen_has(&seen, "S " T " " E(5) " - @  k0 s0 f8 1700000000250000000+0"));
    seen_clear(&seen);
    /* the counter began anew between the two: the larger distance is no origin */
    seen = seen_str(LIST(REPORT(1, "", CLOCK("1700000000000", "9000000000", "a")) "," REPORT(
        2, "", CLOCK("1700000005000", "1000", "a"))));
    CU_ASSERT(seen_has(&seen, "S " T " " E(1) " - @a:1  k0 s0 f8 1700000000000000000+0"));
    CU_ASSERT(seen_has(&seen, "S " T " " E(2) " - @a:1  k0 s0 f8 1700000005000000000+0"));
    seen_clear(&seen);
    /* single reports are aligned together; one without Timestamp has its process's origin */
    seen = seen_str(REPORT(1, "", CLOCK("1700000000010", "900000", "a")) "\n" REPORT(
        2, "",
        CLOCK("1700000000010", "1100000",
              "a")) "\n" REPORT(3, "", ",\"HRT\":2100000,\"Host\":\"a\",\"ProcessID\":[\"1\"]"));
    CU_ASSERT(seen_has(&seen, "S " T " " E(1) " - @a:1  k0 s0 f8 1700000000009800000+0"));
    CU_ASSERT(seen_has(&seen, "S " T " " E(3) " - @a:1  k0 s0 f8 1700000000011000000+0"));
    seen_clear(&seen);
}

static void test_names(void) {
    reads(
        LIST(REPORT(1, "",
                    AT("1") ",\"Agent\":[\"Node\"],\"Source\":[\"N.java:7\"],\"Label\":[\"read\"],"
                            "\"Host\":[\"h\"],\"ProcessID\":[12],\"ProcessName\":[\"dn\"],"
                            "\"n\":[\"5\"],\"x\":[\"0.5\"],\"zip\":[\"007\"],\"big\":[\"1e400\"],"
                            "\"many\":[\"a\",\"1\"],\"none\":[],\"flag\":true,\"version\":\"1\"")),
        "S " T " " E(1) " - Node@h:12 N.java:7 k0 s0 f8 1000000000+0\n"
                        "r Agent=\"Node\"\nr Host=\"h\"\nr ProcessName=\"dn\"\nr ProcessID=12i\n"
                        "a Label=\"read\"\na n=5i\na x=0.5d\na zip=\"007\"\na big=infd\n"
                        "a many=j:[\"a\",\"1\"]\na flag=true");
    reads(LIST(REPORT(1, "", AT("1") ",\"Label\":[\"read\"],\"ProcessName\":[\"dn\"]")),
          "S " T " " E(1) " - @ read k0 s0 f8 1000000000+0\nr ProcessName=\"dn\"");
    reads(LIST(REPORT(1, "", AT("1") ",\"Class\":[\"C\"],\"Operation\":[\"GC\"]")),
          "S " T " " E(1) " - @ GC k0 s0 f8 1000000000+0\na Class=\"C\"");
}

static void test_rejected(void) {
    Seen seen = seen_str(
        LIST(REPORT(1, "", "") ",{\"X-Trace\":[\"19" T "\"],\"Timestamp\":[\"1\"]}," REPORT(
            2, "", AT("soon")) ",{\"EventID\":\"x\"},5,null," REPORT(3, "[],\"no id\",null,\"\"",
                                                                     AT("1"))));
    CU_ASSERT_EQUAL(seen.stats.spans, 1);
    CU_ASSERT_EQUAL(seen.stats.rejected, 6);
    CU_ASSERT_EQUAL(seen_count(&seen, "! time @1 " T " "), 2);
    CU_ASSERT_EQUAL(seen_count(&seen, "! span @1 "), 4);
    CU_ASSERT_EQUAL(seen_count(&seen, "! link @1 " T " " E(3)), 3);
    seen_clear(&seen);
    /* cut off: the whole reports before the cut are read */
    seen = seen_str("[{\"id\":\"a\",\"reports\":[" REPORT(1, "", AT("1")) "," REPORT(
        2, "", AT("2")) ",{\"X-Tr");
    CU_ASSERT_EQUAL(seen.stats.spans, 2);
    seen_clear(&seen);
}

static Seen seen_path(const char *path) {
    Seen seen;
    memset(&seen, 0, sizeof seen);
    PythiaSink sink = {&seen, seen_span, seen_problem, NULL, NULL};
    seen.rc = pythia_read_file(path, NULL, &sink, &seen.stats, &seen.error);
    pythia_buf_byte(&seen.text, 0);
    CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
    return seen;
}

static void test_sample(void) {
    Seen seen = seen_path("fixtures/formats/xtrace.json");
    CU_ASSERT_EQUAL(seen.stats.spans, 8);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    CU_ASSERT(seen_has(&seen, "S 0a6b1f607c1e4d0a c0ffee0000000007 c0ffee0000000005 "
                              "Shop@shop-1:101@shop-1 both there k0 s0 f8 1767323045030750000+0\n"
                              "a ThreadID=1i\nl2 0a6b1f607c1e4d0a c0ffee0000000006"));
    CU_ASSERT(seen_has(&seen, "S 0a6b1f607c1e4d0a c0ffee0000000004 c0ffee0000000002 "
                              "Stock@stock-1:202@stock-1 Stock.java:42 k0 s0 f8 "
                              "1767323045010000000+0\nr Agent=\"Stock\"\nr Host=\"stock-1\"\n"
                              "r ProcessID=\"202@stock-1\"\na Label=\"request\"\na ThreadID=7i"));
    seen_clear(&seen);
}

/* The golden fixture of happened-before: 19 traces, 182 events, two joins of two and three. */
static void test_golden(void) {
    const char *path = pythia_shared("golden/pivot/pt_fixture.xtrace.json");
    if (!path) {
        pythia_skip("the shared data is absent");
        return;
    }
    Seen seen = seen_path(path);
    CU_ASSERT_EQUAL(seen.stats.documents, 19);
    CU_ASSERT_EQUAL(seen.stats.spans, 182);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    CU_ASSERT_EQUAL(seen_count(&seen, "l2 "), 3);
    CU_ASSERT(seen_has(&seen, "S 0000000000000001 0000000000000004 0000000000000003 "
                              "@NN:NameNode@NN NN.GetBlockLocations k0 s0 f8 "
                              "1700000000040000000+0\n"
                              "a ThreadID=1i\na src=\"/f1\"\na replicas=j:[\"A\",\"B\",\"C\"]"));
    seen_clear(&seen);
}

PYTHIA_SUITE(read_xtrace, {"shapes of a file and of ids", test_shapes},
             {"edges become parents and links", test_edges},
             {"clocks of processes are aligned", test_clocks},
             {"names, resources, attributes", test_names},
             {"what cannot be used is a problem", test_rejected}, {"the sample", test_sample},
             {"the golden fixture", test_golden})
