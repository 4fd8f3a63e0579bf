/* test_read_csv.c - tables: headers, units, quotes, broken rows. */
#include "tests/unit/test_read.h"

static Seen csv(const char *text, int spans, int problems) {
    Seen seen = seen_str(text);
    CU_ASSERT_STRING_EQUAL_FATAL(seen.stats.format ? seen.stats.format : "none", "csv");
    CU_ASSERT_EQUAL(seen.stats.spans, spans);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), problems);
    if (seen.stats.spans != spans || seen_count(&seen, "! ") != problems)
        printf("\n%s\n%s", text, seen_lines(&seen));
    return seen;
}

static void has(const char *text, const char *lines) {
    Seen seen = csv(text, 1, 0);
    CU_ASSERT(seen_has(&seen, lines));
    seen_clear(&seen);
}

static void test_headers(void) {
    static const char expected[] = "S t s p v@ o k0 s0 f0 5000000000+2000000000";
    has("trace,span,parent,service,operation,start,duration\nt,s,p,v,o,5,2\n", expected);
    has("TRACE_ID,SpanId,Parent_Span_ID,Service_Name,Operation_Name,START_TIME,END\n"
        "t,s,p,v,o,5,7",
        expected);
    has("traceid;spanid;parentid;service;name;timestamp_s;end_s\r\nt;s;p;v;o;5;7\r\n", expected);
    has("\xef\xbb\xbftrace id\tspan-id\tparent span\tservice.name\tName\tStart (ms)\tDuration "
        "(ms)\n"
        "t\ts\tp\tv\to\t5000\t2000\n",
        expected);
    has("\"trace\", \"span\",parent,service,operation,start_ns,end_us\n"
        "t, s ,p,v,o,5000000000,7000000\n",
        expected);
    has("end_time_unix_nano,StartTimeUnixNano,operation,service,parent,span,trace\n"
        "7000000000,5000000000,o,v,p,s,t\n",
        expected);
    /* the plainer name counts, wherever it stands; the other column is an attribute */
    has("timestamp,trace,span,parent,service,name,operation,start,duration\n"
        "9,t,s,p,v,x,o,5,2\n",
        "S t s p v@ o k0 s0 f0 5000000000+2000000000\nr service.name=\"v\"\na timestamp=9i\n"
        "a name=\"x\"");
    /* two columns of one role: the first; end counts before duration */
    has("trace,span,start,start,end,duration,ends\nt,s,5,6,7,1,2\n",
        "S t s - @  k0 s0 f0 5000000000+2000000000\na start=6i\na duration=1i\na ends=2i");
}

static void test_units(void) {
    static const struct {
        const char *start, *duration, *times;
    } cases[] = {
        {"1700000000", "1", "1700000000000000000+1000000000"},
        {"1700000000.5", "0.25", "1700000000500000000+250000000"},
        {"1700000000500", "1", "1700000000500000000+1000000"},
        {"1700000000500000", "1.5", "1700000000500000000+1500"},
        {"1700000000500000001", "7", "1700000000500000001+7"},
        {"2023-11-14T22:13:20.5Z", "250", "1700000000500000000+250000000"},
        {"2023-11-14 23:13:20+01:00", "1", "1700000000000000000+1000000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200], line[200];
        snprintf(text, sizeof text, "trace,span,start,duration\nt,s,%s,%s\n", cases[i].start,
                 cases[i].duration);
        snprintf(line, sizeof line, "S t s - @  k0 s0 f0 %s", cases[i].times);
        has(text, line);
    }
    /* the first start decides for all; units that are named do not care */
    Seen seen = csv("trace,span,start,end,\nt,a,1700000000000,1700000000001,\nt,b,5,6,\n", 2, 0);
    CU_ASSERT(seen_has(&seen, "S t a - @  k0 s0 f0 1700000000000000000+1000000"));
    CU_ASSERT(seen_has(&seen, "S t b - @  k0 s0 f0 5000000+1000000"));
    seen_clear(&seen);
    has("trace,span,start,duration_us\nt,s,2023-11-14T22:13:20,5\n",
        "S t s - @  k0 s0 f0 1700000000000000000+5000");
    has("trace,span,start,end\nt,s,2023-11-14T22:13:20,2023-11-14T22:13:21.25\n",
        "S t s - @  k0 s0 f0 1700000000000000000+1250000000");
    has("trace,span,start\nt,s,5\n", "S t s - @  k0 s0 f2 5000000000+0");
}

static void test_fields(void) {
    has("trace,span,parent,start,end,kind,status,host,n,x,id,text,empty\n"
        "0A6B1F607C1E4D0A,00000000000000ff,0000000000000000,5,6,SPAN_KIND_CLIENT,Error,h1,-3,2.5e3,"
        "007,\"a \"\"b\"\", c\r\nd\"\"\",\n",
        "S 0a6b1f607c1e4d0a 00000000000000ff - @h1  k2 s2 f0 5000000000+1000000000\n"
        "a kind=\"SPAN_KIND_CLIENT\"\na status=\"Error\"\na n=-3i\na x=2500d\na id=\"007\"\n"
        "a text=\"a \\\"b\\\", c\\r\\nd\\\"\"");
    has("trace,span,parent,start,a\nt,s,-1,5,x\"y\"z\n",
        "S t s - @  k0 s0 f2 5000000000+0\na a=\"x\\\"y\\\"z\"");
    has("trace,span,parent,start,a\nt,s,null,5,\"x\"y\"z\"\n",
        "S t s - @  k0 s0 f2 5000000000+0\na a=\"xy\\\"z\\\"\"");
}

static void test_rejected(void) {
    Seen seen = csv("trace,span,start,end\n"
                    "t,1,5,6\n"
                    "t,2,5\n"
                    "\n"
                    "t,\"3\n3\",5,6,7\n"
                    ",4,5,6\n"
                    "t,5,x,6\n"
                    "t,6,5,y\n"
                    "t,7\xff,5,6\n"
                    "t,8,-5,6\n"
                    "t,9,2023-13-14T22:13:20,6\n"
                    "t,10,5,6",
                    2, 8);
    static const char *const expected[] = {"! syntax @3 ", "! syntax @5 ", "! span @7 ",
                                           "! time @8 ",   "! time @9 ",   "! utf8 @10 ",
                                           "! time @11 ",  "! time @12 "};
    for (size_t i = 0; i < 8; i++)
        CU_ASSERT_EQUAL(seen_count(&seen, expected[i]), 1);
    CU_ASSERT_EQUAL(seen.stats.rejected, 8);
    CU_ASSERT_EQUAL(seen.stats.documents, 10);
    seen_clear(&seen);
    /* a quote that is never closed costs its line */
    seen = csv("trace,span,start\nt,1,5\nt,\"2,5\nt,3,5\nt,\"4\",5\n", 3, 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! syntax @3 "), 1);
    CU_ASSERT(seen_has(&seen, "S t 4 - @  k0 s0 f2 5000000000+0"));
    seen_clear(&seen);
}

/* Other text is none, unless it is asked for. */
static void test_strangers(void) {
    static const char text[] = "trace,span,ended\nt,1,5\n";
    Seen seen = seen_str(text);
    CU_ASSERT_PTR_NULL(seen.stats.format);
    seen_clear(&seen);
    seen = seen_read(text, sizeof text - 1, "csv", 0);
    CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
    CU_ASSERT_EQUAL(seen_count(&seen, "! format @1 "), 1);
    CU_ASSERT_EQUAL(seen.stats.spans, 0);
    seen_clear(&seen);
    seen = seen_str("trace,span,start\n");
    CU_ASSERT_STRING_EQUAL_FATAL(seen.stats.format ? seen.stats.format : "none", "csv");
    CU_ASSERT_EQUAL(seen.stats.spans + seen.stats.rejected, 0);
    seen_clear(&seen);
}

static void test_sample(void) {
    Seen seen;
    memset(&seen, 0, sizeof seen);
    PythiaSink sink = {&seen, seen_span, seen_problem, NULL, NULL};
    seen.rc = pythia_read_file("fixtures/formats/spans.csv", NULL, &sink, &seen.stats, &seen.error);
    pythia_buf_byte(&seen.text, 0);
    CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
    CU_ASSERT_EQUAL(seen.stats.spans, 4);
    CU_ASSERT_EQUAL(seen.stats.rejected, 2);
    CU_ASSERT(seen_has(&seen,
                       "S 0a6b1f607c1e4d0a9b0e5f2d1c3b4a59 3333333300000003 2222222200000002 "
                       "stock@stock-1 SELECT amount, place FROM \"stock\" k2 s0 f0 "
                       "1767323045012000000+16000000\na kind=\"client\"\na note=\"two\\nlines\""));
    CU_ASSERT_EQUAL(seen_count(&seen, "! syntax @7 "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! span @8 "), 1);
    seen_clear(&seen);
}

PYTHIA_SUITE(read_csv, {"columns are told by their names", test_headers},
             {"units of times", test_units}, {"fields", test_fields},
             {"broken rows are problems", test_rejected}, {"text that is no table", test_strangers},
             {"the sample", test_sample})
