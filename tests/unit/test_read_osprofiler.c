/* test_read_osprofiler.c - OSProfiler: reports, notifications, names, the dialect of 2014. */
#include "tests/unit/test_read.h"

#define B         "0a6b1f60-7c1e-4d0a-9b0e-5f2d1c3b4a59"
#define U(n)      "0000000" n "-aaaa-4bbb-8ccc-00000000000" n
#define STAMP(us) "2026-01-02T03:04:05." us
#define NS(us)    "1767323045" us "000"

/* One notification; `info` is its members without braces. */
#define EVENT(name, span, parent, us, info)                                                        \
    "{\"name\":\"" name "\",\"base_id\":\"" B "\",\"trace_id\":\"" span                            \
    "\",\"parent_id\":\"" parent "\",\"timestamp\":\"" STAMP(                                      \
        us) "\",\"project\":\"nova\",\"service\":\"osapi_compute\",\"info\":{" info "}}"
#define FUNCTION(name, args, kwargs)                                                               \
    "\"host\":\"h\",\"function\":{\"name\":\"" name "\",\"args\":\"" args                          \
    "\",\"kwargs\":\"" kwargs "\"}"
#define HOST "\"host\":\"h\""
#define NODE(span, parent, info, children)                                                         \
    "{\"trace_id\":\"" span "\",\"parent_id\":\"" parent "\",\"info\":{" info                      \
    "},\"children\":[" children "]}"
#define REPORT(children)                                                                           \
    "{\"info\":{\"name\":\"total\",\"started\":0},\"stats\":{\"wsgi\":{\"count\":99}},"            \
    "\"children\":[" children "]}"

static const char first_line[] = "S " B " " U("1") " - nova-osapi_compute@h ";

static void sees(const char *text, const char *lines, int problems) {
    Seen seen = seen_str(text);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), problems);
    CU_ASSERT_STRING_EQUAL(seen.stats.format, "osprofiler");
    CU_ASSERT(seen_has(&seen, lines));
    seen_clear(&seen);
}

/* The operation and kind of a span with that wrapper and that info. */
static void named(const char *start, const char *stop, const char *operation, int kind) {
    char text[4000], line[400];
    snprintf(text, sizeof text, "%s\n%s\n", start, stop);
    snprintf(line, sizeof line, "%s%s k%d s0 f4 " NS("000001") "+1000", first_line, operation,
             kind);
    sees(text, line, 0);
}

#define NAMED(wrapper, info, operation, kind)                                                      \
    named(EVENT(wrapper "-start", U("1"), B, "000001", HOST "," info),                             \
          EVENT(wrapper "-stop", U("1"), B, "000002", HOST), operation, kind)
#define CALL(wrapper, name, args, kwargs, operation, kind)                                         \
    NAMED(wrapper,                                                                                 \
          "\"function\":{\"name\":\"" name "\",\"args\":\"" args "\",\"kwargs\":\"" kwargs "\"}",  \
          operation, kind)

static void test_names(void) {
    NAMED("wsgi", "\"request\":{\"method\":\"GET\",\"path\":\"/v2/x\"}", "GET /v2/x", 1);
    NAMED("wsgi", "\"request\":{\"path\":\"/v2/x\"}", "/v2/x", 1);
    NAMED("db", "\"db\":{\"statement\":\"SELECT 1\",\"params\":{}}", "SELECT 1", 0);
    NAMED("neutron.db", "\"db\":{\"statement\":\"INSERT INTO t\"}", "INSERT INTO t", 0);
    NAMED("semaphore_wait", "\"semaphore\":{\"queue_length\":3}", "semaphore_wait", 0);
    CALL("compute_api", "nova.compute.api.API.create", "()", "{}", "API.create", 0);
    CALL("rpc", "nova.conductor.manager.ComputeTaskManager.build", "()", "{}",
         "ComputeTaskManager.build", 1);
    CALL("rpc", "nova.compute.rpcapi.ComputeAPI.build", "()", "{}", "ComputeAPI.build", 2);
    CALL("rpc", "plain", "()", "{}", "plain", 0);
    CALL("driver", "a.b", "()", "{}", "a.b", 0);
}

static void test_actions(void) {
#define ACTION   "nova.conductor.manager.ConductorManager.object_action"
#define VERSIONS "nova.conductor.manager.ConductorManager.object_class_action_versions"
    CALL("rpc", ACTION, "()",
         "{'objinst': Instance(id=1,name='x'), 'objmethod': 'save', 'args': []}", "Instance.save",
         1);
    CALL("rpc", ACTION, "()",
         "{'context': <C at 0x1>, 'objmethod': 'save', 'objinst': A_b1(d={'objmethod': 'no'})}",
         "A_b1.save", 1);
    CALL("rpc", ACTION, "()",
         "{'x': ['objmethod', {'objmethod': 'no'}], 'objinst': I(), 'objmethod': \\\"go\\\"}",
         "I.go", 1);
    CALL("rpc", ACTION, "()", "{'objinst': I(s='it\\\\'s {', t=\\\"a'b\\\"), 'objmethod': 'go'}",
         "I.go", 1);
    CALL("rpc", VERSIONS, "()",
         "{'objname': 'Service', 'objmethod': 'get_by_host', 'args': ['vm']}",
         "Service.get_by_host", 1);
    /* what cannot be read keeps the wrapper's name */
    CALL("rpc", ACTION, "()", "{'objinst': Instance(", "ConductorManager.object_action", 1);
    CALL("rpc", ACTION, "()", "{'objinst': Instance(id=1), 'objmethod': 7}",
         "ConductorManager.object_action", 1);
    CALL("rpc", ACTION, "()", "", "ConductorManager.object_action", 1);
    CALL("rpc", VERSIONS, "()", "{'objname': 'Ser", "ConductorManager.object_class_action_versions",
         1);
}

#define INNER   "oslo_messaging.rpc.server.expected_exceptions.<locals>.outer.<locals>.inner"
#define STUB    "nova.scheduler.rpcapi.SchedulerAPI.select_destinations"
#define MANAGER "(<nova.scheduler.manager.SchedulerManager object at 0x7f>, 1)"
#define LOCAL_LINE(name)                                                                           \
    "S " B " " U("3") " " U("2") " nova-osapi_compute@h " name " k1 s0 f4 " NS("000003") "+1000"

/* A decorated method, called by a stub: the order of arrival does not matter. */
static void test_local_functions(void) {
    static const char *const events[] = {
        EVENT("rpc-start", U("2"), U("1"), "000002", FUNCTION(STUB, "()", "{}")),
        EVENT("rpc-start", U("3"), U("2"), "000003", FUNCTION(INNER, MANAGER, "{}")),
        EVENT("rpc-stop", U("3"), U("2"), "000004", HOST),
        EVENT("rpc-stop", U("2"), U("1"), "000005", HOST)};
    static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 3, 0, 1}, {1, 2, 0, 3}};
    for (size_t i = 0; i < 4; i++) {
        char text[4000];
        snprintf(text, sizeof text, "%s%s%s%s", events[orders[i][0]], events[orders[i][1]],
                 events[orders[i][2]], events[orders[i][3]]);
        sees(text, LOCAL_LINE("SchedulerManager.select_destinations"), 0);
    }
    sees(EVENT("rpc-start", U("3"), U("2"), "000003", FUNCTION(INNER, MANAGER, "{}"))
             EVENT("rpc-stop", U("3"), U("2"), "000004", HOST),
         LOCAL_LINE("expected_exceptions.inner"), 0);
    sees(REPORT(
             NODE(U("2"), B,
                  "\"name\":\"rpc\",\"meta.raw_payload.rpc-start\":" EVENT(
                      "rpc-start", U("2"), B, "000001", FUNCTION(STUB, "()", "{}")),
                  NODE(U("3"), U("2"),
                       "\"name\":\"rpc\",\"meta.raw_payload.rpc-start\":" EVENT(
                           "rpc-start", U("3"), U("2"), "000003",
                           FUNCTION(INNER, MANAGER,
                                    "{}")) ",\"meta.raw_payload.rpc-stop\":" EVENT("rpc-stop",
                                                                                   U("3"), U("2"),
                                                                                   "000004", HOST),
                       ""))),
         LOCAL_LINE("SchedulerManager.select_destinations"), 0);
}

static void test_services(void) {
    static const struct {
        const char *project, *service, *expected;
    } cases[] = {{"\"nova\"", "\"compute\"", "nova-compute"},
                 {"\"nova\"", "\"nova-compute\"", "nova-compute"},
                 {"\"nova\"", "\"nova\"", "nova"},
                 {"\"nova\"", "\"novaish\"", "nova-novaish"},
                 {"\"nova\"", "null", "nova"},
                 {"null", "\"api\"", "api"},
                 {"null", "null", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1000], line[300];
        snprintf(text, sizeof text,
                 "{\"name\":\"x\",\"base_id\":\"" B
                 "\",\"trace_id\":\"" U("1") "\",\"parent_id\":\"" B "\",\"timestamp\":\"" STAMP(
                     "000001") "\",\"project\":%s,\"service\":%s,\"info\":{}}",
                 cases[i].project, cases[i].service);
        snprintf(line, sizeof line, "S " B " " U("1") " - %s@ x k0 s0 f4 " NS("000001") "+0",
                 cases[i].expected);
        sees(text, line, 0);
    }
}

static void test_attributes(void) {
    sees(EVENT("w-start", U("1"), B, "000001",
               HOST
               ",\"semaphore\":{\"queue_length\":3,\"deep\":{\"er\":[1,{\"a\":null}]}},"
               "\"planned\":1.5,\"none\":null,\"empty\":{},\"flag\":true,\"tracepoint_id\":\"tp\"")
             EVENT("w-stop", U("1"), B, "000002",
                   HOST ",\"semaphore\":{\"queue_length\":5,\"left\":2},\"tracepoint_id\":\"\""),
         "S " B " " U("1") " - nova-osapi_compute@h w k0 s0 f4 " NS(
             "000001") "+1000\n"
                       "r service.name=\"nova-osapi_compute\"\nr project=\"nova\"\nr "
                       "host.name=\"h\"\n"
                       "a semaphore.queue_length=3i\na semaphore.deep.er=j:[1,{\"a\":null}]\na "
                       "planned=1.5d\na flag=true\n"
                       "a stop.semaphore.queue_length=5i\na semaphore.left=2i\na "
                       "tracepoint_id=\"tp\"",
         0);
}

static void test_exceptions(void) {
    sees(EVENT("w-start", U("1"), B, "000001", HOST)
             EVENT("w-stop", U("1"), B, "000002", HOST ",\"etype\":\"KeyError\",\"message\":\"k\""),
         "S " B " " U("1") " - nova-osapi_compute@h w k0 s2 f4 " NS("000001") "+1000", 0);
    sees(REPORT(NODE(
             U("1"), B,
             "\"name\":\"w\",\"exception\":\"KeyError: k\",\"meta.raw_payload.w-start\":" EVENT(
                 "w-start", U("1"), B, "000001",
                 HOST) ",\"meta.raw_payload.w-stop\":" EVENT("w-stop", U("1"), B, "000002", HOST),
             "")),
         "S " B " " U("1") " - nova-osapi_compute@h w k0 s2 f4 " NS("000001") "+1000", 0);
}

static void test_lost_halves(void) {
    Seen seen = seen_str(EVENT("w-start", U("1"), B, "000001", HOST) "\n" EVENT(
        "w-stop", U("2"), U("1"), "000004", HOST) "\n" EVENT("note", U("3"), U("1"), "000003",
                                                             HOST) "\n");
    CU_ASSERT(
        seen_has(&seen, "S " B " " U("1") " - nova-osapi_compute@h w k0 s0 f6 " NS("000001") "+0"));
    CU_ASSERT(seen_has(
        &seen, "S " B " " U("2") " " U("1") " nova-osapi_compute@h w k0 s0 f5 " NS("000004") "+0"));
    CU_ASSERT(seen_has(&seen, "S " B " " U("3") " " U(
                                  "1") " nova-osapi_compute@h note k0 s0 f4 " NS("000003") "+0"));
    seen_clear(&seen);
    seen = seen_str(REPORT(
        NODE(U("1"), B,
             "\"name\":\"w\",\"started\":0,\"finished\":0,\"meta.raw_payload.w-start\":" EVENT(
                 "w-start", U("1"), B, "000001", HOST),
             NODE(U("2"), U("1"),
                  "\"name\":\"w\",\"meta.raw_payload.w-stop\":" EVENT("w-stop", U("2"), U("1"),
                                                                      "000004", HOST),
                  ""))));
    CU_ASSERT(
        seen_has(&seen, "S " B " " U("1") " - nova-osapi_compute@h w k0 s0 f6 " NS("000001") "+0"));
    CU_ASSERT(seen_has(
        &seen, "S " B " " U("2") " " U("1") " nova-osapi_compute@h w k0 s0 f5 " NS("000004") "+0"));
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    seen_clear(&seen);
}

/* Delivered twice; two different starts of one span. */
static void test_repeated_halves(void) {
    Seen seen = seen_str(
        EVENT("w-start", U("1"), B, "000001", HOST) EVENT("w-start", U("1"), B, "000001", HOST)
            EVENT("w-stop", U("1"), B, "000002", HOST) EVENT("w-start", U("2"), B, "000003", HOST)
                EVENT("w-start", U("2"), B, "000004", HOST)
                    EVENT("w-stop", U("2"), B, "000005", HOST));
    CU_ASSERT_EQUAL(seen_count(&seen, "! duplicate "), 1);
    CU_ASSERT(seen_has(
        &seen, "S " B " " U("1") " - nova-osapi_compute@h w k0 s0 f4 " NS("000001") "+1000"));
    CU_ASSERT(
        seen_has(&seen, "S " B " " U("2") " - nova-osapi_compute@h w k0 s0 f6 " NS("000003") "+0"));
    CU_ASSERT(seen_has(
        &seen, "S " B " " U("2") " - nova-osapi_compute@h w k0 s0 f4 " NS("000004") "+1000"));
    CU_ASSERT_EQUAL(seen.stats.spans, 3);
    seen_clear(&seen);
}

/* Many spans at once, stops long after their starts, so that the table of halves grows and shrinks. */
static void test_many_halves(void) {
    enum { N = 1000 };
    PythiaBuf text = {0};
    for (int half = 0; half < 2; half++)
        for (int i = 0; i < N; i++)
            pythia_buf_format(
                &text,
                "{\"name\":\"w-%s\",\"base_id\":\"" B
                "\",\"trace_id\":\"%08x-0000-4000-8000-000000000000\","
                "\"parent_id\":\"" B "\",\"timestamp\":\"" STAMP("%06d") "\",\"info\":{}}\n",
                half ? "stop" : "start", half ? (i * 7) % N : i, half ? 2000 + (i * 7) % N : i);
    CU_ASSERT_EQUAL_FATAL(text.rc, SQLITE_OK);
    Seen seen = seen_read((char *)text.data, text.n, NULL, 0);
    CU_ASSERT_EQUAL(seen.stats.spans, N);
    for (int i = 0; i < N; i++) {
        char line[200];
        snprintf(line, sizeof line,
                 "S " B " %08x-0000-4000-8000-000000000000 - @ w k0 s0 f4 " NS("%06d") "+2000000",
                 i, i);
        CU_ASSERT(seen_has(&seen, line));
    }
    seen_clear(&seen);
    pythia_buf_clear(&text);
}

#define START EVENT("w-start", U("1"), B, "000001", HOST)
#define STOP  EVENT("w-stop", U("1"), B, "000002", HOST)

static void test_containers(void) {
    static const char *const texts[] = {
        "[" STOP "," START "]", START STOP, STOP "\n" START, "[\n" START ",\n" STOP "\n]\n",
        "{\"event_type\":\"profiler.nova\",\"payload\":" START "}\n{\"payload\":" STOP "}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        sees(texts[i], "S " B " " U("1") " - nova-osapi_compute@h w k0 s0 f4 " NS("000001") "+1000",
             0);
}

/* No payloads, no base id: offsets in milliseconds, flat keys. */
static void test_old_dialect(void) {
    Seen seen =
        seen_str("{\"info\":{\"finished\":30,\"name\":\"total\",\"started\":0},\"children\":[" NODE(
            "s1", "base",
            "\"name\":\"wsgi\",\"project\":\"glance\",\"service\":\"api\",\"host\":\"h\","
            "\"started\":1,\"finished\":30,"
            "\"info.request:path\":\"/v1/images\",\"info.request:method\":\"GET\"",
            NODE("s2", "s1",
                 "\"name\":\"db\",\"project\":\"glance\",\"service\":\"api\",\"started\":5,"
                 "\"finished\":9,\"meta.db.statement\":\"SELECT 1\"",
                 "")) "]}");
    CU_ASSERT(seen_has(&seen,
                       "S base s1 - glance-api@h GET /v1/images k1 s0 f4 1000000+29000000\n"
                       "r service.name=\"glance-api\"\nr project=\"glance\"\nr host.name=\"h\"\n"
                       "a request.path=\"/v1/images\"\na request.method=\"GET\"\n"
                       "S base s2 s1 glance-api@ SELECT 1 k0 s0 f4 5000000+4000000"));
    CU_ASSERT_EQUAL(seen_count(&seen, "! approximate "), 1);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
    CU_ASSERT_EQUAL(seen.stats.rejected, 0);
    seen_clear(&seen);
    /* a node without payloads among others: its offsets count from a real instant */
    seen = seen_str(REPORT(
        NODE(U("1"), B,
             "\"name\":\"w\",\"started\":10,\"finished\":20,\"meta.raw_payload.w-start\":" EVENT(
                 "w-start", U("1"), B, "010000", HOST),
             NODE(U("2"), U("1"), "\"name\":\"redacted\",\"started\":12,\"finished\":15", ""))));
    CU_ASSERT(seen_has(
        &seen, "S " B " " U("2") " " U("1") " @ redacted k0 s0 f4 " NS("012000") "+3000000"));
    CU_ASSERT_EQUAL(seen_count(&seen, "! approximate "), 1);
    seen_clear(&seen);
}

static void test_report_shapes(void) {
    Seen seen = seen_str(
        "{\"info\":{\"name\":\"total\"},\"children\":[],\"stats\":{\"db\":{\"count\":3}}}");
    CU_ASSERT_STRING_EQUAL(seen.stats.format, "osprofiler");
    CU_ASSERT_EQUAL(seen.stats.spans, 0);
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 0);
    seen_clear(&seen);
    /* a branch alone; an orphan beside a root; nodes that are none */
    sees(NODE(U("1"), B,
              "\"name\":\"w\",\"meta.raw_payload.w-start\":" EVENT("w-start", U("1"), B, "000001",
                                                                   HOST),
              ""),
         "S " B " " U("1") " - nova-osapi_compute@h w k0 s0 f6 " NS("000001") "+0", 0);
    sees(REPORT(NODE(U("2"), U("9"),
                     "\"name\":\"w\",\"meta.raw_payload.w-start\":" EVENT("w-start", U("2"), U("9"),
                                                                          "000001", HOST),
                     "")),
         "S " B " " U("2") " " U("9") " nova-osapi_compute@h w k0 s0 f6 " NS("000001") "+0", 0);
    seen = seen_str(
        REPORT("{\"trace_id\":\"a\"},7,{\"trace_id\":\"b\",\"parent_id\":\"c\",\"info\":{}}," NODE(
            "d", "c", "\"name\":\"x\",\"started\":true", "")));
    CU_ASSERT_EQUAL(seen.stats.spans, 0);
    CU_ASSERT_EQUAL(seen.stats.rejected, 4);
    seen_clear(&seen);
}

static void test_timestamps(void) {
    static const struct {
        const char *stamp;
        long long ns; /* -1: rejected */
    } cases[] = {{"1970-01-01T00:00:00", 0},
                 {"1970-01-01T00:00:00.000001", 1000},
                 {"2000-02-29T23:59:59.999999", 951868799999999000},
                 {"2026-01-02 03:04:05.123456789", 1767323045123456789},
                 {"2026-01-02T03:04:05.5Z", 1767323045500000000},
                 {"2026-01-02T03:04:05+01:00", 1767319445000000000},
                 {"2026-01-02T03:04:05.25-0130", 1767328445250000000},
                 {"1969-12-31T23:59:59", -1},
                 {"2200-01-01T00:00:00", -1},
                 {"9999-12-31T23:59:59", -1},
                 {"2026-13-02T03:04:05", -1},
                 {"2026-01-02T03:04", -1},
                 {"2026-01-02T03:04:05.1x", -1},
                 {"2026-01-02T03:04:05+1", -1},
                 {"", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[600], line[200];
        snprintf(text, sizeof text,
                 "{\"name\":\"x\",\"base_id\":\"" B
                 "\",\"trace_id\":\"" U("1") "\",\"parent_id\":\"" B
                                             "\",\"timestamp\":\"%s\",\"info\":{}}",
                 cases[i].stamp);
        snprintf(line, sizeof line, "S " B " " U("1") " - @ x k0 s0 f4 %lld+0", cases[i].ns);
        if (cases[i].ns >= 0) {
            sees(text, line, 0);
            continue;
        }
        Seen seen = seen_str(text);
        CU_ASSERT_EQUAL(seen.stats.spans, 0);
        CU_ASSERT_EQUAL(seen_count(&seen, "! time @1 " B " " U("1") " "), 1);
        seen_clear(&seen);
    }
}

/* A report as deep as the parser allows. */
static void test_deep_report(void) {
    enum { DEPTH = 2000 };
    PythiaBuf text = {0};
    pythia_buf_str(&text, "{\"info\":{},\"children\":[");
    for (int i = 0; i < DEPTH; i++)
        pythia_buf_format(&text,
                          "{\"trace_id\":\"n%d\",\"parent_id\":\"n%d\",\"info\":{\"name\":\"x\","
                          "\"started\":%d,\"finished\":%d},\"children\":[",
                          i + 1, i, i, 2 * DEPTH - i);
    for (int i = 0; i < DEPTH; i++)
        pythia_buf_str(&text, "]}");
    pythia_buf_str(&text, "]}");
    CU_ASSERT_EQUAL_FATAL(text.rc, SQLITE_OK);
    Seen seen = seen_read((char *)text.data, text.n, NULL, 0);
    CU_ASSERT_EQUAL(seen.stats.spans, DEPTH);
    CU_ASSERT(seen_has(&seen, "S n0 n2000 n1999 @ x k0 s0 f4 1999000000+2000000"));
    CU_ASSERT_EQUAL(seen_count(&seen, "! "), 1);
    seen_clear(&seen);
    pythia_buf_clear(&text);
}

/* More attributes than keys are compared with. */
static void test_many_attributes(void) {
    PythiaBuf text = {0};
    for (int half = 0; half < 2; half++) {
        pythia_buf_format(&text,
                          "{\"name\":\"x-%s\",\"base_id\":\"" B "\",\"trace_id\":\"" U(
                              "1") "\",\"parent_id\":\"" B
                                   "\",\"timestamp\":\"" STAMP("000001") "\",\"info\":{\"k\":0",
                          half ? "stop" : "start");
        for (int i = 0; i < 100; i++)
            pythia_buf_format(&text, ",\"k%d\":%d", i, i);
        pythia_buf_str(&text, "}}\n");
    }
    Seen seen = seen_text((char *)text.data, text.n);
    CU_ASSERT_EQUAL(seen_count(&seen, "a k"), 101);
    CU_ASSERT_EQUAL(seen_count(&seen, "a stop.k"), 101);
    seen_clear(&seen);
    pythia_buf_clear(&text);
}

PYTHIA_SUITE(read_osprofiler, {"operations and kinds", test_names},
             {"object actions are named by object and method", test_actions},
             {"functions in functions", test_local_functions}, {"services", test_services},
             {"attributes of both halves", test_attributes}, {"exceptions", test_exceptions},
             {"lost halves are flagged", test_lost_halves},
             {"halves that come twice", test_repeated_halves},
             {"many halves wait", test_many_halves},
             {"arrays, lines, nothing between, payloads", test_containers},
             {"the dialect of 2014", test_old_dialect}, {"shapes of reports", test_report_shapes},
             {"timestamps", test_timestamps}, {"a deep report", test_deep_report},
             {"many attributes", test_many_attributes})
