/* test_trace_retime.c - what-if times: by hand on small traces, and against repeated relaxation over all edges. */
#include "ext/trace/retime.h"
#include "tests/unit/trace_util.h"

#include <stdio.h>

enum { WANTED = 64 };

/* ---- by hand ------------------------------------------------------------------------------------------------ */

typedef struct Case {
    Sample sample;
    PythiaNames names;
    PythiaTrace trace;
    PythiaModel model;
    PythiaRetime retime;
} Case;

static Case *case_new(void) {
    static Case c;
    memset(&c, 0, sizeof c);
    c.model = sample_model();
    c.model.order_tolerance_ns = 0;
    c.model.request_end = PYTHIA_END_ROOT;
    return &c;
}

/* The duration when the operation `o` of service 1, or its point `p`, takes less. */
static int64_t duration(Case *c, uint32_t o, uint32_t p, int64_t less_ns) {
    unsigned char wanted[WANTED] = {0};
    char name[40];
    PythiaRequest request;
    int64_t result = -1;
    snprintf(name, sizeof name, p ? "s1/o%u/p%u" : "s1/o%u", o, p);
    CU_ASSERT_EQUAL_FATAL(sample_build(&c->sample, &c->names, &c->trace), SQLITE_OK);
    CU_ASSERT_FATAL(c->names.ntracepoints < WANTED);
    for (uint32_t t = 1; t <= c->names.ntracepoints; t++)
        wanted[t] =
            pythia_text_equal(pythia_names_tracepoint_text(&c->names, t), pythia_text(name)) != 0;
    CU_ASSERT_FATAL(!pythia_request_find(&c->trace, &c->model, &c->names, &request));
    CU_ASSERT_FATAL(!pythia_retime(&c->retime, &c->trace, &c->model, &c->names, &request, wanted,
                                   less_ns, &result));
    return result;
}

static void case_free(Case *c) {
    pythia_retime_clear(&c->retime);
    pythia_trace_clear(&c->trace);
    pythia_names_clear(&c->names);
}

/* One call after the other: what is taken off one shortens all. Not below its own time. */
static void test_sequence(void) {
    Case *c = case_new();
    sample_span(&c->sample, 1, 0, 0, 100, 1, 1);
    sample_span(&c->sample, 2, 1, 10, 40, 1, 2);
    sample_span(&c->sample, 3, 1, 50, 90, 1, 3);
    CU_ASSERT_EQUAL(duration(c, 2, 0, 0), 100);
    CU_ASSERT_EQUAL(duration(c, 2, 0, 7), 93);
    CU_ASSERT_EQUAL(duration(c, 2, 0, 1000), 70);
    CU_ASSERT_EQUAL(duration(c, 3, 0, 1000), 60);
    CU_ASSERT_EQUAL(duration(c, 3, 0, -50), 150);
    /* The root's own time is 10 before, 10 between and 10 behind the calls. */
    CU_ASSERT_EQUAL(duration(c, 1, 0, 5), 95);
    CU_ASSERT_EQUAL(duration(c, 1, 0, 25), 75);
    CU_ASSERT_EQUAL(duration(c, 1, 0, 31), 70);
    CU_ASSERT_EQUAL(duration(c, 9, 0, 31), 100);
    case_free(c);
}

/* Two calls beside each other: the other becomes the longest, and more time counts only beyond it. */
static void test_parallel(void) {
    Case *c = case_new();
    sample_span(&c->sample, 1, 0, 0, 100, 1, 1);
    sample_span(&c->sample, 2, 1, 10, 80, 1, 2);
    sample_span(&c->sample, 3, 1, 10, 60, 1, 3);
    sample_span(&c->sample, 4, 1, 85, 95, 1, 4); /* waits for both */
    CU_ASSERT_EQUAL(duration(c, 2, 0, 15), 85);
    CU_ASSERT_EQUAL(duration(c, 2, 0, 20), 80);
    CU_ASSERT_EQUAL(duration(c, 2, 0, 30), 80);
    CU_ASSERT_EQUAL(duration(c, 3, 0, 30), 100);
    CU_ASSERT_EQUAL(duration(c, 3, 0, -15), 100);
    CU_ASSERT_EQUAL(duration(c, 3, 0, -30), 110);
    CU_ASSERT_EQUAL(duration(c, 4, 0, 30), 90);
    case_free(c);
}

/* Work that outlives the request counts only where the request lasts until its last event. */
static void test_asynchronous(void) {
    Case *c = case_new();
    sample_span(&c->sample, 1, 0, 0, 50, 1, 1);
    sample_span(&c->sample, 2, 1, 10, 90, 1, 2);
    sample_span(&c->sample, 3, 2, 20, 85, 1, 3);
    CU_ASSERT_EQUAL(duration(c, 3, 0, 30), 50);
    c->model.request_end = PYTHIA_END_LAST;
    CU_ASSERT_EQUAL(duration(c, 3, 0, 0), 90);
    CU_ASSERT_EQUAL(duration(c, 3, 0, 30), 60);
    CU_ASSERT_EQUAL(duration(c, 3, 0, 60), 50); /* now the root ends last */
    case_free(c);
}

/* The same operation several times, also inside itself; and points. */
static void test_repeated(void) {
    Case *c = case_new();
    sample_span(&c->sample, 1, 0, 0, 100, 1, 1);
    sample_span(&c->sample, 2, 1, 10, 40, 1, 2);
    sample_span(&c->sample, 3, 2, 20, 30, 1, 2);
    sample_span(&c->sample, 4, 1, 50, 60, 1, 2);
    sample_point(&c->sample, 0, 95, 1);
    CU_ASSERT_EQUAL(duration(c, 2, 0, 5), 85);
    CU_ASSERT_EQUAL(duration(c, 2, 0, 100), 60);
    CU_ASSERT_EQUAL(duration(c, 1, 1, 5), 95); /* from 60 to 95 */
    CU_ASSERT_EQUAL(duration(c, 1, 1, 50), 65);
    CU_ASSERT_EQUAL(duration(c, 1, 1, -50), 150);
    case_free(c);
}

/* ---- the slow version ------------------------------------------------------------------------------------------ */

typedef struct Slow {
    int64_t delay[SAMPLE_EVENTS], time[SAMPLE_EVENTS];
    char waits[SAMPLE_EVENTS];
} Slow;

static void slow_take(Slow *s, uint32_t event, int64_t *left) {
    int64_t taken = s->delay[event] < *left ? s->delay[event] : *left;
    if (taken <= 0) return;
    s->delay[event] -= taken;
    *left -= taken;
}

/* From the end of a span backwards, each time to the latest of those that directly precede. */
static void slow_span_less(Slow *s, const PythiaTrace *trace, const PythiaModel *model,
                           const PythiaNames *names, uint32_t span, int64_t left) {
    static SlowItems items;
    uint32_t cover[SAMPLE_EVENTS], j = 0;
    slow_items(&items, trace, model, names, span);
    while (!items.items[j].is_end)
        j++;
    for (;;) {
        slow_take(s, items.items[j].first, &left);
        uint32_t n = slow_cover(&items, j, cover), best = 0;
        if (!n || !left) return;
        for (uint32_t k = 1; k < n; k++)
            if (items.items[cover[k]].to_ns >= items.items[cover[best]].to_ns) best = k;
        j = cover[best];
    }
}

static int64_t slow_retime(Slow *s, const EdgeList *edges, const PythiaTrace *trace,
                           const PythiaModel *model, const PythiaNames *names,
                           const PythiaRequest *request, const unsigned char *wanted,
                           int64_t less) {
    uint32_t n = pythia_trace_events(trace);
    for (uint32_t v = 0; v < n; v++) {
        int64_t latest = INT64_MIN;
        for (size_t e = 0; e < edges->n; e++) {
            int64_t t = pythia_event_time_ns(trace, edges->edges[e].source);
            if (edges->edges[e].destination == v && t > latest) latest = t;
        }
        s->waits[v] = latest != INT64_MIN;
        s->delay[v] = s->waits[v] ? pythia_event_time_ns(trace, v) - latest : 0;
        s->time[v] = s->waits[v] ? INT64_MIN / 2 : pythia_event_time_ns(trace, v);
    }
    for (uint32_t v = 0; v < n; v++) {
        int64_t left = less;
        if (!pythia_event_exists(trace, v) || !wanted[pythia_event_tracepoint(trace, v)]) continue;
        int phase = pythia_event_phase(trace, v);
        if (phase == PYTHIA_PHASE_START) continue;
        if (less < 0)
            s->delay[v] -= less;
        else if (phase == PYTHIA_PHASE_END)
            slow_span_less(s, trace, model, names, v / 2, less);
        else
            slow_take(s, v, &left);
    }
    for (int changed = 1; changed;) {
        changed = 0;
        for (uint32_t v = 0; v < n; v++) {
            int64_t latest = INT64_MIN / 2;
            if (!s->waits[v]) continue;
            for (size_t e = 0; e < edges->n; e++)
                if (edges->edges[e].destination == v && s->time[edges->edges[e].source] > latest)
                    latest = s->time[edges->edges[e].source];
            changed |= latest + s->delay[v] != s->time[v];
            s->time[v] = latest + s->delay[v];
        }
    }
    int64_t end = s->time[request->end_event], start = s->time[2 * request->root];
    for (uint32_t v = 0; request->until_last && v < n; v++)
        if (pythia_event_exists(trace, v) && s->time[v] > end) end = s->time[v];
    return end > start ? end - start : 0;
}

static void check_round(SampleRandom *random, int round, Case *c, EdgeList *edges, int *changed) {
    static Slow slow;
    unsigned char wanted[4096] = {0};
    PythiaRequest request;
    int64_t fast = -1, less = (int64_t)sample_below(random, 400) - 150;
    int kind = round % 6, dag = kind == 5;
    unsigned what = SAMPLE_POINTED | SAMPLE_ROOTS | (round % 2 ? SAMPLE_TIES : 0);
    if (kind == 1 || kind == 2) what |= SAMPLE_LINKED;
    if (kind == 3) what = SAMPLE_POINTED | SAMPLE_COARSE | SAMPLE_ROOTS;
    if (kind == 3 && round % 4 == 1) what |= SAMPLE_MIXED;
    if (dag) what &= ~(unsigned)SAMPLE_POINTED;
    c->model.order_tolerance_ns = kind == 3 ? -1 : 0;
    c->model.causality = kind == 4 ? PYTHIA_CAUSALITY_NESTING : PYTHIA_CAUSALITY_SIBLINGS;
    c->model.request_end = round % 5 ? PYTHIA_END_ROOT : PYTHIA_END_LAST;
    if (kind == 3) less *= 50000;
    sample_make(&c->sample, random, what, 1 + (uint32_t)round % 24);
    for (uint32_t i = 0; dag && i < c->sample.nspans; i++) {
        c->sample.spans[i].end_ns = c->sample.spans[i].start_ns;
        c->sample.spans[i].flags = PYTHIA_SPAN_EVENT;
        if (i)
            sample_link(&c->sample, i, c->sample.spans[sample_below(random, i)].id,
                        SAMPLE_LINK_BARE);
    }
    CU_ASSERT_EQUAL_FATAL(sample_build(&c->sample, &c->names, &c->trace), SQLITE_OK);
    CU_ASSERT_FATAL(c->names.ntracepoints < sizeof wanted);
    for (uint32_t t = 1; t <= c->names.ntracepoints; t++)
        wanted[t] = sample_chance(random, 25) != 0;
    CU_ASSERT_FATAL(!edges_collect(edges, &c->trace, &c->model, &c->names));
    CU_ASSERT_FATAL(!pythia_request_find(&c->trace, &c->model, &c->names, &request));
    for (int same = 0; same < 2; same++) {
        CU_ASSERT_FATAL(!pythia_retime(&c->retime, &c->trace, &c->model, &c->names, &request,
                                       wanted, same ? 0 : less, &fast));
        if (same) break;
        int64_t want =
            slow_retime(&slow, edges, &c->trace, &c->model, &c->names, &request, wanted, less);
        CU_ASSERT_EQUAL(fast, want);
        for (uint32_t e = 0; e < pythia_trace_events(&c->trace); e++)
            if (pythia_event_exists(&c->trace, e))
                CU_ASSERT_EQUAL(c->retime.after_ns[e], slow.time[e]);
        *changed += fast != request.end_ns - request.start_ns;
        if (fast != want) printf("round %d\n", round);
    }
    /* With no change everything is where it was. */
    CU_ASSERT_EQUAL(fast, request.end_ns - request.start_ns);
}

static void test_random(void) {
    SampleRandom random = {9501};
    EdgeList edges = {0};
    Case *c = case_new();
    int changed = 0;
    for (int round = 0; round < 2400; round++)
        check_round(&random, round, c, &edges, &changed);
    CU_ASSERT(changed > 600);
    pythia_free(edges.edges);
    case_free(c);
}

/* ---- size --------------------------------------------------------------------------------------------------------- */

enum { MANY = 100000 };

static int64_t less_of_all(Case *c, int64_t less_ns) {
    unsigned char wanted[1] = {1};
    PythiaRequest request;
    int64_t result = -1;
    CU_ASSERT_FATAL(!pythia_trace_build(&c->trace, &c->names));
    CU_ASSERT_FATAL(!pythia_request_find(&c->trace, &c->model, &c->names, &request));
    CU_ASSERT_FATAL(!pythia_retime(&c->retime, &c->trace, &c->model, &c->names, &request, wanted,
                                   less_ns, &result));
    pythia_trace_reset(&c->trace);
    return result;
}

/* A chain, a row, and two layers of siblings of which each of one precedes each of the other: as edges these would
** be the square. */
static void test_size(void) {
    Case *c = case_new();
    for (uint64_t i = 0; i < MANY; i++)
        sample_bare_span(&c->trace, i + 1, i, (int64_t)i, 3 * MANY - (int64_t)i);
    CU_ASSERT_EQUAL(less_of_all(c, 1), 2 * MANY); /* each loses what comes behind its child */
    sample_bare_span(&c->trace, 1, 0, 0, 10 * MANY);
    for (uint64_t i = 0; i < MANY; i++)
        sample_bare_span(&c->trace, i + 2, 1, 10 * (int64_t)i, 10 * (int64_t)i + 9);
    CU_ASSERT_EQUAL(less_of_all(c, 2), 8 * MANY - 2);
    sample_bare_span(&c->trace, 1, 0, 0, 100);
    for (uint64_t i = 0; i < MANY; i++)
        sample_bare_span(&c->trace, i + 2, 1, i % 2 ? 10 : 50,
                         (i % 2 ? 40 : 90) - (int64_t)(i % 9));
    CU_ASSERT_EQUAL(less_of_all(c, 5), 85);
    case_free(c);
}

PYTHIA_SUITE(trace_retime, {"one call after the other", test_sequence},
             {"calls beside each other", test_parallel},
             {"work that outlives the request", test_asynchronous},
             {"the same operation several times", test_repeated},
             {"random traces against relaxation", test_random},
             {"chain, row and layers, 100,000 each", test_size})
