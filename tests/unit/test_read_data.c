/* test_read_data.c - whole files: the project's own samples, and real ones where they are at hand.
**
** The numbers of the table were counted by a program of a few lines that shares nothing with this
** room: a general JSON parser and sums. */
#include "tests/unit/test_read.h"

#include <sys/stat.h>

static Seen seen_file(const char *path) {
    Seen seen;
    memset(&seen, 0, sizeof seen);
    PythiaSink sink = {&seen, seen_span, seen_problem, NULL, NULL};
    seen.rc = pythia_read_file(path, NULL, &sink, &seen.stats, &seen.error);
    pythia_buf_byte(&seen.text, 0);
    CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
    if (seen.rc != SQLITE_OK) printf("\n%s: %s\n", path, seen.error ? seen.error : "?");
    return seen;
}

#define UUID     "0a6b1f60-7c1e-4d0a-9b0e-5f2d1c3b4a59"
#define HEX      "0a6b1f607c1e4d0a9b0e5f2d1c3b4a59"
#define ID(n)    #n #n #n #n #n #n #n #n "-aaaa-4bbb-8ccc-00000000000" #n
#define SHORT(n) #n #n #n #n #n #n #n #n "0000000" #n

/* The same trace in every format. */
static void test_samples(void) {
    static const struct {
        const char *name, *format;
        int documents;
    } files[] = {{"osprofiler-report.json", "osprofiler", 1},
                 {"osprofiler-notifications.json", "osprofiler", 8},
                 {"otlp.json", "otlp", 1},
                 {"otlp.jsonl", "otlp", 3},
                 {"otlp.jsonl.zst", "otlp", 3},
                 {"otlp.pb", "otlp", 3},
                 {"jaeger.json", "jaeger", 1}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[200];
        snprintf(path, sizeof path, "fixtures/formats/%s", files[i].name);
        Seen seen = seen_file(path);
        CU_ASSERT_STRING_EQUAL_FATAL(seen.stats.format, files[i].format);
        CU_ASSERT_EQUAL(seen.stats.documents, files[i].documents);
        CU_ASSERT_EQUAL(seen.stats.spans, 4);
        CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
        if (i < 2) {
            CU_ASSERT(seen_has(
                &seen,
                "S " UUID " " ID(
                    1) " - shop-web@shop-1 POST /checkout k1 s0 f4 1767323045000000000+90000000"));
            CU_ASSERT(seen_has(
                &seen,
                "S " UUID " " ID(2) " " ID(
                    1) " stock@stock-1 GET /stock/42 k1 s0 f4 1767323045010000000+20000000"));
            CU_ASSERT(seen_has(&seen, "S " UUID " " ID(3) " " ID(
                                          2) " stock@stock-1 SELECT amount FROM stock WHERE id = "
                                             "%(id)s k0 s0 f4 1767323045012000000+16000000"));
            CU_ASSERT(seen_has(
                &seen, "S " UUID " " ID(4) " " ID(
                           1) " pay@pay-1 charge_wait k0 s0 f4 1767323045035000000+45000000"));
        } else {
            CU_ASSERT(seen_has(
                &seen,
                "S " HEX " " SHORT(
                    1) " - shop-web@shop-1 POST /checkout k1 s0 f0 1767323045000000000+90000000"));
            CU_ASSERT(seen_has(
                &seen,
                "S " HEX " " SHORT(2) " " SHORT(
                    1) " stock@stock-1 GET /stock/42 k1 s0 f0 1767323045010000000+20000000"));
            CU_ASSERT(seen_has(&seen, "S " HEX " " SHORT(3) " " SHORT(
                                          2) " stock@stock-1 SELECT amount FROM stock WHERE id = "
                                             "%(id)s k0 s0 f0 1767323045012000000+16000000"));
            CU_ASSERT(seen_has(
                &seen, "S " HEX " " SHORT(4) " " SHORT(
                           1) " pay@pay-1 charge_wait k0 s0 f0 1767323045035000000+45000000"));
            CU_ASSERT(seen_has(&seen, "p 1767323045079000000 slot.granted\npa slot=1i"));
        }
        CU_ASSERT(
            seen_has(&seen, "a charge.queue_length=3i\na charge.planned_s=0.044999999999999998d"));
        seen_clear(&seen);
    }
}

/* The same trace once more: Zipkin's values are texts, its instances addresses. */
static void test_sample_zipkin(void) {
    Seen seen = seen_file("fixtures/formats/zipkin.json");
    CU_ASSERT_STRING_EQUAL_FATAL(seen.stats.format, "zipkin");
    CU_ASSERT_EQUAL(seen.stats.spans, 4);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    CU_ASSERT(seen_has(&seen,
                       "S " HEX " " SHORT(1) " - shop-web@10.0.0.1:8080 POST /checkout k1 s0 "
                                             "f0 1767323045000000000+90000000"));
    CU_ASSERT(seen_has(&seen, "S " HEX " " SHORT(4) " " SHORT(
                                  1) " pay@10.0.0.3:8080 charge_wait k0 s0 f0 "
                                     "1767323045035000000+45000000\nr service.name=\"pay\"\n"
                                     "a charge.queue_length=\"3\"\na charge.planned_s=\"0.045\"\n"
                                     "p 1767323045079000000 slot.granted"));
    seen_clear(&seen);
}

/* The samples with traps: what they cost, each named. */
static void test_traps(void) {
    Seen seen = seen_file("fixtures/formats/otlp-traps.jsonl");
    CU_ASSERT_EQUAL(seen.stats.spans, 7);
    CU_ASSERT_EQUAL(seen.stats.rejected, 6);
    CU_ASSERT_EQUAL(seen.stats.skipped, 1);
    static const char *const otlp[] = {"! time @5 ",    "! span @6 ",  "! utf8 @10 ",
                                       "! syntax @11 ", "! time @12 ", "! truncated "};
    for (size_t i = 0; i < 6; i++)
        CU_ASSERT_EQUAL(seen_count(&seen, otlp[i]), 1);
    seen_clear(&seen);
    seen = seen_file("fixtures/formats/jaeger-traps.json");
    CU_ASSERT_EQUAL(seen.stats.spans, 9);
    CU_ASSERT_EQUAL(seen.stats.rejected, 2);
    CU_ASSERT_EQUAL(seen_count(&seen, "l"), 3);
    seen_clear(&seen);
    seen = seen_file("fixtures/formats/osprofiler-traps.json");
    CU_ASSERT_EQUAL(seen.stats.spans, 6);
    CU_ASSERT_EQUAL(seen.stats.rejected, 2);
    CU_ASSERT_EQUAL(seen_count(&seen, "! truncated "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! time "), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen_lines(&seen), " SchedulerManager.select_destinations k1 "));
    CU_ASSERT_PTR_NOT_NULL(strstr(seen_lines(&seen), " Instance.save k1 "));
    seen_clear(&seen);
}

/* ---- real files ---- */

typedef struct Sums {
    int64_t spans, roots, points, links, length_ns, problems;
} Sums;

static int sums_span(void *context, const PythiaRecord *r) {
    Sums *sums = context;
    sums->spans++;
    sums->roots += r->parent.id.form == PYTHIA_ID_NONE;
    sums->points += (int64_t)r->npoints;
    sums->links += (int64_t)r->nlinks;
    sums->length_ns += r->end_ns - r->start_ns;
    return SQLITE_OK;
}

static int sums_problem(void *context, const PythiaProblem *problem) {
    (void)problem;
    ((Sums *)context)->problems++;
    return SQLITE_OK;
}

static const struct {
    const char *path, *format;
    int64_t spans, roots, points, links, length_ns;
} counted[] = {
    {"openstack/examples/A_nosql__floatingip_list__07195c74-cd8f-47da-98be-58487cbaceac.json",
     "osprofiler", 1, 1, 0, 0, 57164000},
    {"openstack/examples/A_nosql__server_create__0027a9aa-7edf-46cc-b554-d125fa16911a.json",
     "osprofiler", 31, 1, 0, 0, 5923176000},
    {"openstack/examples/A_nosql__server_delete__00964f3b-0f7c-4554-a923-7012a5b1688a.json",
     "osprofiler", 70, 1, 0, 0, 19386574000},
    {"openstack/examples/A_nosql__server_list__075469ea-5ecb-4cd8-a13d-9df39a9585cd.json",
     "osprofiler", 19, 1, 0, 0, 848560000},
    {"openstack/examples/A_nosql__server_show__03f7420b-f89c-4bac-ae1c-8d8e82550b8d.json",
     "osprofiler", 18, 1, 0, 0, 484380000},
    {"openstack/examples/A_nosql__volume_create__04745b41-aea6-4cb5-b0f6-5d72bcd490d3.json",
     "osprofiler", 4, 1, 0, 0, 555500000},
    {"openstack/examples/A_nosql__volume_delete__156f6664-adcd-48c1-829c-3b1f0c108917.json",
     "osprofiler", 13, 1, 0, 0, 1050209000},
    {"openstack/examples/B__server_create__001de0fd-08b9-4d3d-95ae-9bc7571d8942.json", "osprofiler",
     172, 1, 0, 0, 29606606000},
    {"openstack/examples/B_nosql__floatingip_list__03a0853c-c339-49f3-80e3-ed5d0a0a02c7.json",
     "osprofiler", 1, 1, 0, 0, 94906000},
    {"openstack/examples/B_nosql__server_create__05a880f1-d481-40df-b334-68a79d20c8ae.json",
     "osprofiler", 38, 1, 0, 0, 9491187000},
    {"openstack/examples/B_nosql__server_delete__00850870-2bb7-4020-9472-571d511a500e.json",
     "osprofiler", 69, 1, 0, 0, 4489493000},
    {"openstack/examples/B_nosql__server_list__0093cb18-35c8-4cbe-a78c-68eb7d46a178.json",
     "osprofiler", 19, 1, 0, 0, 344444000},
    {"openstack/examples/B_nosql__server_show__03b74b62-bcc2-4d1a-82cc-c85b479da6ff.json",
     "osprofiler", 18, 1, 0, 0, 1200560000},
    {"openstack/examples/B_nosql__volume_create__0596a991-486d-41f5-a65d-01b4dd828bc5.json",
     "osprofiler", 4, 1, 0, 0, 1007412000},
    {"openstack/examples/B_nosql__volume_delete__00c0cd49-292b-4dfa-8009-bc52345d67d8.json",
     "osprofiler", 13, 1, 0, 0, 287575000},
    {"otel-shop/async/small/otlp.jsonl.gz", "otlp", 1792, 100, 42, 40, 54249628427},
    {"otel-shop/cache-coarse/small/otlp.jsonl.gz", "otlp", 288, 60, 6, 0, 7279443629},
    {"otel-shop/cache/small/otlp.jsonl.gz", "otlp", 740, 60, 3, 0, 6867299791},
    {"otel-shop/host/small/otlp.jsonl.gz", "otlp", 1450, 60, 44, 0, 52355708009},
    {"otel-shop/none/small/otlp.jsonl.gz", "otlp", 913, 60, 13, 0, 13325480057},
    {"otel-shop/nplus1/small/otlp.jsonl.gz", "otlp", 1199, 60, 5, 0, 12990764273},
    {"otel-shop/pool/small/otlp.jsonl.gz", "otlp", 1484, 60, 42, 0, 65860091069},
    {"public/crisp/1.json", "jaeger", 1, 1, 0, 0, 100000},
    {"public/crisp/10.json", "jaeger", 4, 1, 0, 0, 1600000},
    {"public/crisp/11.json", "jaeger", 2, 1, 0, 0, 130000},
    {"public/crisp/12.json", "jaeger", 4, 1, 1, 0, 200000},
    {"public/crisp/13.json", "jaeger", 4, 1, 0, 0, 200000},
    {"public/crisp/14.json", "jaeger", 4, 1, 0, 0, 150000},
    {"public/crisp/15.json", "jaeger", 7, 1, 3, 0, 165000},
    {"public/crisp/16.json", "jaeger", 7, 1, 0, 0, 200000},
    {"public/crisp/17.json", "jaeger", 4, 1, 0, 0, 180000},
    {"public/crisp/18.json", "jaeger", 9, 1, 1, 0, 570000},
    {"public/crisp/19.json", "jaeger", 4, 1, 0, 0, 1200000},
    {"public/crisp/2.json", "jaeger", 2, 1, 0, 0, 150000},
    {"public/crisp/20.json", "jaeger", 4, 1, 0, 0, 1200000},
    {"public/crisp/21.json", "jaeger", 4, 1, 0, 0, 1200000},
    {"public/crisp/22.json", "jaeger", 4, 1, 0, 0, 450000},
    {"public/crisp/23.json", "jaeger", 9, 1, 0, 0, 1600000},
    {"public/crisp/24.json", "jaeger", 9, 1, 0, 0, 1600000},
    {"public/crisp/25.json", "jaeger", 9, 1, 0, 0, 1600000},
    {"public/crisp/3.json", "jaeger", 2, 1, 0, 0, 200000},
    {"public/crisp/4.json", "jaeger", 3, 1, 0, 0, 160000},
    {"public/crisp/5.json", "jaeger", 4, 1, 0, 0, 160000},
    {"public/crisp/6.json", "jaeger", 4, 1, 0, 0, 160000},
    {"public/crisp/7.json", "jaeger", 3, 1, 0, 0, 210000},
    {"public/crisp/8.json", "jaeger", 3, 1, 0, 0, 260000},
    {"public/crisp/9.json", "jaeger", 4, 1, 0, 0, 210000},
    {"public/crisp/err_pattern1/err1.json", "jaeger", 2, 1, 0, 0, 130000},
    {"public/crisp/err_pattern1/err2.json", "jaeger", 2, 1, 0, 0, 130000},
    {"public/crisp/err_pattern2/err1.json", "jaeger", 2, 1, 0, 0, 130000},
    {"public/crisp/err_pattern2/err2.json", "jaeger", 2, 1, 0, 0, 130000},
    {"public/crisp/err_pattern3/err1.json", "jaeger", 3, 1, 0, 0, 230000},
    {"public/crisp/err_pattern3/err2.json", "jaeger", 3, 1, 0, 0, 230000},
    {"public/crisp/err_pattern4/err1.json", "jaeger", 3, 1, 0, 0, 230000},
    {"public/crisp/err_pattern4/err2.json", "jaeger", 3, 1, 0, 0, 230000},
    {"public/jaeger/TraceFlamegraph_testTrace.json", "jaeger", 4, 1, 0, 0, 4083329000},
    {"public/jaeger/TraceGraph_testTrace.json", "jaeger", 11, 1, 0, 1, 811000000},
    {"public/jaeger/deathstar/00202d6c6c17bfe5.json", "jaeger", 11, 1, 0, 0, 64834000},
    {"public/jaeger/deathstar/00394f8e9ee3fcb5.json", "jaeger", 11, 1, 0, 0, 35058000},
    {"public/jaeger/deathstar/0046f4a6cd7be414.json", "jaeger", 11, 1, 0, 0, 32193000},
    {"public/jaeger/deathstar/004e913d70aa3810.json", "jaeger", 27, 1, 0, 0, 60087000},
    {"public/jaeger/deathstar/0083722e0540f207.json", "jaeger", 27, 1, 0, 0, 54645000},
    {"public/jaeger/deathstar/10220eef134ab57c.json", "jaeger", 6, 1, 0, 0, 61000000},
    {"public/jaeger/deathstar/107d2571e1f0632e.json", "jaeger", 6, 1, 0, 0, 66000000},
    {"public/jaeger/extension_jaegerquery_fixture_otlp2jaeger-in.json", "otlp", 2, 0, 0, 0, 246000},
    {"public/jaeger/extension_jaegerquery_fixture_otlp2jaeger-out.json", "jaeger", 2, 0, 0, 0,
     246000},
    {"public/jaeger/storage_v2_memory_fixtures_otel_traces_01.json", "otlp", 4, 0, 8, 8, 20000},
    {"public/jaeger/uimodel_converter_v1_json_fixtures_ui_01.json", "jaeger", 5, 2, 2, 2, 24000},
    {"public/jaeger/utils_fixtures_oltp2jaeger-multi-out.json", "jaeger", 4, 1, 0, 0, 467286000},
    {"public/jaeger/utils_fixtures_otlp2jaeger-multi-in-combined.json", "otlp", 4, 1, 0, 0,
     467288708},
    {"public/osprofiler/trace.json", "osprofiler", 12, 8, 0, 0, 1530116000},
    {"otel-shop/async/small/otlp.pb.gz", "otlp", 1792, 100, 42, 40, 54249628427},
    {"otel-shop/pool/small/otlp.pb.gz", "otlp", 1484, 60, 42, 0, 65860091069},
    {"otel-shop/async/small/zipkin.json.gz", "zipkin", 1792, 100, 42, 0, 54249635000},
    {"otel-shop/cache-coarse/small/zipkin.json.gz", "zipkin", 288, 60, 6, 0, 7279440000},
    {"otel-shop/cache/small/zipkin.json.gz", "zipkin", 740, 60, 3, 0, 6867284000},
    {"otel-shop/host/small/zipkin.json.gz", "zipkin", 1450, 60, 44, 0, 52355719000},
    {"otel-shop/none/small/zipkin.json.gz", "zipkin", 913, 60, 13, 0, 13325483000},
    {"otel-shop/nplus1/small/zipkin.json.gz", "zipkin", 1199, 60, 5, 0, 12990763000},
    {"otel-shop/pool/small/zipkin.json.gz", "zipkin", 1484, 60, 42, 0, 65860088000},
    {"public/zipkin/ascend.json", "zipkin", 8, 1, 0, 0, 104367000},
    {"public/zipkin/envoy.json", "zipkin", 1, 1, 0, 0, 127115000},
    {"public/zipkin/messaging-kafka.json", "zipkin", 28, 1, 0, 0, 763953000},
    {"public/zipkin/messaging2.json", "zipkin", 11, 1, 0, 0, 3619363000},
    {"public/zipkin/skew.json", "zipkin", 4, 1, 0, 0, 352527000},
    {"public/zipkin/smartthings-oauth-authorization.json", "zipkin", 175, 1, 9, 0, 7238090000},
    {"public/zipkin/yelp.json", "zipkin", 16, 1, 1, 0, 471102000},
    {"public/chrome/async_begin_end.json", "chrome", 15, 14, 7, 0, 2670000},
    {"public/chrome/flow_simple.json", "chrome", 5, 5, 0, 3, 1020000},
    {"public/chrome/nanoseconds.json", "chrome", 8, 8, 0, 0, 2020},
    {"public/chrome/nestable_async.json", "chrome", 9, 2, 2, 0, 280000},
    {"public/chrome/simple_trace.json", "chrome", 12, 6, 3, 0, 99000},
    {"public/chrome/x_event_trace.json", "chrome", 3294, 565, 183, 0, 1659774000},
    {"public/xtrace/gc.json", "xtrace", 31, 8, 0, 0, 0},
    {"public/xtrace/small.json", "xtrace", 166, 1, 0, 53, 0},
    {"public/otlp/duckdbotlp_traces_deep_nesting.jsonl", "otlp", 0, 0, 0, 0, 0},
    {"public/otlp/duckdbotlp_traces_nulls.jsonl", "otlp", 0, 0, 0, 0, 0},
    {"public/otlp/duckdbotlp_traces_simple.jsonl", "otlp", 3, 0, 0, 0, 150000000},
    {"public/otlp/otelproto_trace.json", "otlp", 1, 0, 0, 0, 1000000000},
};

static void test_counted(void) {
    int found = 0;
    for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++) {
        char path[300];
        snprintf(path, sizeof path, "data/%s", counted[i].path);
        const char *file = pythia_shared(path);
        if (!file) continue;
        found++;
        Sums sums;
        PythiaReadStats stats;
        memset(&sums, 0, sizeof sums);
        PythiaSink sink = {&sums, sums_span, sums_problem, NULL, NULL};
        CU_ASSERT_EQUAL(pythia_read_file(file, NULL, &sink, &stats, NULL), SQLITE_OK);
        CU_ASSERT_STRING_EQUAL_FATAL(stats.format ? stats.format : "none", counted[i].format);
        CU_ASSERT_EQUAL(sums.spans, counted[i].spans);
        CU_ASSERT_EQUAL(sums.roots, counted[i].roots);
        CU_ASSERT_EQUAL(sums.points, counted[i].points);
        CU_ASSERT_EQUAL(sums.links, counted[i].links);
        CU_ASSERT_EQUAL(sums.length_ns, counted[i].length_ns);
        CU_ASSERT_EQUAL(stats.spans, sums.spans);
        CU_ASSERT_EQUAL(stats.points, sums.points);
        CU_ASSERT_EQUAL(stats.rejected + (stats.skipped > 0), sums.problems);
    }
    if (!found) pythia_skip("the shared data is absent");
}

/* Files of formats that this room does not know are recognised as such. */
static void test_strangers(void) {
    static const char *const paths[] = {"data/public/README.md", "data/public/chrome/LICENSE"};
    int found = 0;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const char *file = pythia_shared(paths[i]);
        if (!file) continue;
        found++;
        Seen seen = seen_file(file);
        CU_ASSERT_PTR_NULL(seen.stats.format);
        CU_ASSERT_EQUAL(seen.stats.spans, 0);
        CU_ASSERT_EQUAL(seen_count(&seen, "! format "), 1);
        seen_clear(&seen);
    }
    if (!found) pythia_skip("the shared data is absent");
}

/* ---- failing allocations ---- */

static sqlite3_mem_methods real;
static long failing; /* the allocation that fails, counted down; 0: none */
static int failed;

static int alloc_fails(void) {
    if (failing == 0 || --failing > 0) return 0;
    failed++;
    return 1;
}

static void *failing_malloc(int n) {
    return alloc_fails() ? NULL : real.xMalloc(n);
}

static void *failing_realloc(void *old, int n) {
    return alloc_fails() ? NULL : real.xRealloc(old, n);
}

static int count_span(void *context, const PythiaRecord *record) {
    (void)record;
    ++*(int64_t *)context;
    return SQLITE_OK;
}

static int count_problem(void *context, const PythiaProblem *problem) {
    (void)context;
    (void)problem;
    return SQLITE_OK;
}

static void fail_every(const char *path) {
    for (long n = 1;; n++) {
        int64_t spans = 0;
        char *error = NULL;
        PythiaReadStats stats;
        PythiaFiles files;
        PythiaSink sink = {&spans, count_span, count_problem, NULL, NULL};
        failing = n;
        failed = 0;
        int rc = pythia_files_find(path, &files, &error);
        for (size_t i = 0; i < files.n && rc == SQLITE_OK; i++)
            rc = pythia_read_file(files.paths[i], NULL, &sink, &stats, &error);
        failing = 0;
        pythia_files_clear(&files);
        sqlite3_free(error);
        CU_ASSERT_EQUAL(rc, failed ? SQLITE_NOMEM : SQLITE_OK);
        if (rc != (failed ? SQLITE_NOMEM : SQLITE_OK))
            printf("\n%s: allocation %ld: %d\n", path, n, rc);
        if (!failed) {
            CU_ASSERT(n > 10 && spans >= 4);
            return;
        }
    }
}

static void test_no_memory(void) {
    static const char *const paths[] = {"fixtures/formats/osprofiler-report.json",
                                        "fixtures/formats/osprofiler-not*.json",
                                        "fixtures/formats/osprofiler-traps.json",
                                        "fixtures/formats/otlp.json",
                                        "fixtures/formats/otlp-traps.jsonl",
                                        "fixtures/formats/jaeger.json",
                                        "fixtures/formats/jaeger-traps.json",
                                        "fixtures/formats/otlp.pb",
                                        "fixtures/formats/zipkin.json",
                                        "fixtures/formats/otlp.jsonl.zst",
                                        "fixtures/formats/xtrace.json",
                                        "fixtures/formats/chrome.json",
                                        "fixtures/formats/spans.csv"};
    CU_ASSERT_EQUAL_FATAL(sqlite3_shutdown(), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real), SQLITE_OK);
    sqlite3_mem_methods mine = real;
    mine.xMalloc = failing_malloc;
    mine.xRealloc = failing_realloc;
    CU_ASSERT_EQUAL_FATAL(sqlite3_config(SQLITE_CONFIG_MALLOC, &mine), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_initialize(), SQLITE_OK);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        fail_every(paths[i]);
    sqlite3_shutdown();
    CU_ASSERT_EQUAL_FATAL(sqlite3_config(SQLITE_CONFIG_MALLOC, &real), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_initialize(), SQLITE_OK);
}

PYTHIA_SUITE(read_data, {"one trace in every format", test_samples},
             {"the same trace in Zipkin's format", test_sample_zipkin},
             {"samples with traps", test_traps},
             {"real files against independent counts", test_counted},
             {"files of unknown formats", test_strangers},
             {"every allocation fails once", test_no_memory})
