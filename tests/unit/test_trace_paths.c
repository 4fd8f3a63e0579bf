/* test_trace_paths.c - all maximal paths, against a plain recursion; and critical paths where size or shape is
** unusual: chains and rows of 100,000, and random DAGs of single events. */
#include "ext/trace/paths.h"
#include "tests/unit/trace_util.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the recursion ------------------------------------------------------------------------------------------ */

enum { MOST_PATHS = 3000 };

typedef struct Slow {
    const PythiaTrace *trace;
    EdgeList edges;
    PythiaPaths *paths; /* whose paths are to be met, one after the other */
    uint32_t path[SAMPLE_EVENTS], n;
    int met, wrong;
} Slow;

/* The earliest successor that is later than (ns, event) in the order of time, then number; PYTHIA_NO_SPAN: none. */
static uint32_t successor_after(const Slow *s, uint32_t from, int64_t ns, uint32_t event) {
    uint32_t best = PYTHIA_NO_SPAN;
    int64_t best_ns = 0;
    for (size_t e = 0; e < s->edges.n; e++) {
        uint32_t to = s->edges.edges[e].destination;
        int64_t t = pythia_event_time_ns(s->trace, to);
        if (s->edges.edges[e].source != from || t < ns || (t == ns && to <= event)) continue;
        if (best != PYTHIA_NO_SPAN && (t > best_ns || (t == best_ns && to >= best))) continue;
        best = to;
        best_ns = t;
    }
    return best;
}

static void meet_all(Slow *s, uint32_t event) {
    s->path[s->n++] = event;
    int last = 1;
    int64_t ns = INT64_MIN;
    for (uint32_t to = 0; s->met < MOST_PATHS; last = 0) {
        to = successor_after(s, event, ns, ns == INT64_MIN ? 0 : to);
        if (to == PYTHIA_NO_SPAN) break;
        ns = pythia_event_time_ns(s->trace, to);
        meet_all(s, to);
    }
    if (last && s->met < MOST_PATHS) {
        s->met++;
        s->wrong += !pythia_paths_next(s->paths) || s->paths->n != s->n ||
                    memcmp(s->paths->events, s->path, s->n * sizeof *s->path) != 0;
    }
    s->n--;
}

static int has_predecessor(const Slow *s, uint32_t event) {
    for (size_t e = 0; e < s->edges.n; e++)
        if (s->edges.edges[e].destination == event) return 1;
    return 0;
}

/* Starts in order of time, then number. */
static void meet_from_all_starts(Slow *s) {
    uint32_t n = pythia_trace_events(s->trace), done = PYTHIA_NO_SPAN;
    int64_t ns = INT64_MIN;
    for (;;) {
        uint32_t best = PYTHIA_NO_SPAN;
        for (uint32_t i = 0; i < n; i++) {
            int64_t t = pythia_event_time_ns(s->trace, i);
            if (!pythia_event_exists(s->trace, i) || has_predecessor(s, i)) continue;
            if (t < ns || (t == ns && done != PYTHIA_NO_SPAN && i <= done)) continue;
            if (best == PYTHIA_NO_SPAN || t < pythia_event_time_ns(s->trace, best)) best = i;
        }
        if (best == PYTHIA_NO_SPAN) return;
        ns = pythia_event_time_ns(s->trace, best);
        done = best;
        meet_all(s, best);
    }
}

/* Records become single events with one predecessor or several. */
static void make_dag(Sample *sample, SampleRandom *random) {
    for (uint32_t i = 0; i < sample->nspans; i++) {
        sample->spans[i].end_ns = sample->spans[i].start_ns;
        sample->spans[i].flags = PYTHIA_SPAN_EVENT;
        for (uint32_t k = sample_below(random, 3); i && k; k--)
            sample_link(sample, i, sample->spans[sample_below(random, i)].id, SAMPLE_LINK_BARE);
    }
}

static void test_random(void) {
    SampleRandom random = {9001};
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    PythiaPaths paths = {0};
    PythiaModel model = sample_model();
    static Sample sample;
    static Slow slow;
    int many = 0;
    model.order_tolerance_ns = 0;
    memset(&slow, 0, sizeof slow);
    for (int round = 0; round < 600; round++) {
        int dag = round % 3 == 0;
        sample_make(&sample, &random,
                    (dag ? 0 : SAMPLE_POINTED | SAMPLE_LINKED) | SAMPLE_ROOTS |
                        (round % 2 ? SAMPLE_TIES : 0),
                    1 + (uint32_t)round % 20);
        if (dag) make_dag(&sample, &random);
        CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(edges_collect(&slow.edges, &trace, &model, &names), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(pythia_paths_begin(&paths, &trace, &model, &names), SQLITE_OK);
        slow.trace = &trace;
        slow.paths = &paths;
        slow.met = 0;
        meet_from_all_starts(&slow);
        many += slow.met > 10;
        if (slow.met < MOST_PATHS) slow.wrong += pythia_paths_next(&paths);
    }
    CU_ASSERT_EQUAL(slow.wrong, 0);
    CU_ASSERT(many > 20);
    pythia_free(slow.edges.edges);
    pythia_paths_clear(&paths);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

/* ---- unusual traces ---------------------------------------------------------------------------------------- */

/* Forty times two spans beside each other: 2^40 paths, of which the first are there at once. */
static void test_lazy(void) {
    enum { ROWS = 40 };
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    PythiaPaths paths = {0};
    PythiaModel model = sample_model();
    model.order_tolerance_ns = 0;
    sample_bare_span(&trace, 1, 0, 0, 10 * ROWS + 10);
    for (uint64_t i = 0; i < ROWS; i++) {
        sample_bare_span(&trace, 2 * i + 2, 1, (int64_t)(10 * i + 1), (int64_t)(10 * i + 7));
        sample_bare_span(&trace, 2 * i + 3, 1, (int64_t)(10 * i + 2), (int64_t)(10 * i + 8));
    }
    CU_ASSERT_EQUAL_FATAL(pythia_trace_build(&trace, &names), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_paths_begin(&paths, &trace, &model, &names), SQLITE_OK);
    int wrong = 0;
    for (int i = 0; i < 100000; i++) {
        wrong += !pythia_paths_next(&paths) || paths.n != 2 * ROWS + 2;
        /* The path is the number, in binary. */
        for (int bit = 0; bit < ROWS; bit++) {
            uint32_t span = paths.events[1 + 2 * (ROWS - 1 - bit)] / 2;
            wrong += (span - 1) % 2 != (bit < 31 ? (uint32_t)i >> bit & 1 : 0);
        }
    }
    CU_ASSERT_EQUAL(wrong, 0);
    pythia_paths_clear(&paths);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

static int64_t path_sum(const PythiaPath *path) {
    int64_t sum = 0;
    for (uint32_t i = 0; i + 1 < path->n; i++) {
        if (path->steps[i + 1].time_ns < path->steps[i].time_ns) return -1;
        sum += path->steps[i + 1].time_ns - path->steps[i].time_ns;
    }
    return sum;
}

/* Stretches sum to the request in DAGs too, and each step is the latest predecessor that was recorded. */
static void test_dags(void) {
    SampleRandom random = {9101};
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    PythiaPath path = {0};
    EdgeList edges = {0};
    PythiaModel model = sample_model();
    static Sample sample;
    int wrong = 0, long_ones = 0;
    for (int round = 0; round < 3000; round++) {
        PythiaRequest request;
        sample_make(&sample, &random, SAMPLE_ROOTS | (round % 2 ? SAMPLE_TIES : 0),
                    1 + (uint32_t)round % 30);
        make_dag(&sample, &random);
        CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(edges_collect(&edges, &trace, &model, &names), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(pythia_request_find(&trace, &model, &names, &request), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(pythia_path_walk(&path, &trace, &model, &names, &request), SQLITE_OK);
        CU_ASSERT_FATAL(trace.is_dag);
        wrong += path_sum(&path) != request.end_ns - request.start_ns;
        wrong += path.steps[0].event != 2 * request.root;
        long_ones += path.n > 4;
        for (uint32_t i = 1; i < path.n; i++) {
            int64_t latest = INT64_MIN;
            for (size_t e = 0; e < edges.n; e++) {
                int64_t t = pythia_event_time_ns(&trace, edges.edges[e].source);
                if (edges.edges[e].destination == path.steps[i].event && t >= request.start_ns &&
                    t > latest)
                    latest = t;
            }
            if (latest == INT64_MIN) latest = request.start_ns; /* another root */
            wrong += path.steps[i - 1].time_ns != latest;
        }
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(long_ones > 500);
    pythia_free(edges.edges);
    pythia_path_clear(&path);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

enum { MANY = 100000 };

static void check_size(PythiaTrace *trace, PythiaNames *names, uint32_t steps) {
    PythiaPath path = {0};
    PythiaRequest request;
    PythiaModel model = sample_model();
    model.order_tolerance_ns = 0;
    CU_ASSERT_EQUAL_FATAL(pythia_trace_build(trace, names), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_request_find(trace, &model, names, &request), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_path_walk(&path, trace, &model, names, &request), SQLITE_OK);
    CU_ASSERT_EQUAL(path.n, steps);
    CU_ASSERT_EQUAL(path_sum(&path), request.end_ns - request.start_ns);
    pythia_path_clear(&path);
}

/* A chain, siblings in a row, siblings that all overlap, and rows of siblings between two long ones. */
static void test_size(void) {
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    for (uint64_t i = 0; i < MANY; i++)
        sample_bare_span(&trace, i + 1, i, (int64_t)i, 3 * MANY - (int64_t)i);
    check_size(&trace, &names, 2 * MANY);
    pythia_trace_reset(&trace);
    sample_bare_span(&trace, 1, 0, 0, 10 * MANY);
    for (uint64_t i = 0; i < MANY; i++)
        sample_bare_span(&trace, i + 2, 1, 10 * (int64_t)i, 10 * (int64_t)i + 9);
    check_size(&trace, &names, 2 * MANY + 2);
    pythia_trace_reset(&trace);
    sample_bare_span(&trace, 1, 0, 0, 10 * MANY);
    for (uint64_t i = 0; i < MANY; i++)
        sample_bare_span(&trace, i + 2, 1, (int64_t)i, 5 * MANY + (int64_t)i);
    check_size(&trace, &names, 4);
    pythia_trace_reset(&trace);
    sample_bare_span(&trace, 1, 0, 0, 10 * MANY);
    sample_bare_span(&trace, MANY + 2, 1, 0, 11 * MANY);
    sample_bare_span(&trace, MANY + 3, 1, 1, 2 * MANY);
    for (uint64_t i = 0; i < MANY; i++)
        sample_bare_span(&trace, i + 2, 1, 3 * MANY + 5 * (int64_t)i,
                         3 * MANY + 5 * (int64_t)i + 5);
    check_size(&trace, &names, 2 * MANY + 4);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

PYTHIA_SUITE(trace_paths, {"all maximal paths, in order", test_random}, {"2^40 paths", test_lazy},
             {"critical paths of random DAGs", test_dags},
             {"critical paths of 100,000 spans", test_size})
