/* test_trace_before.c - happened-before on one trace: the labels and the graph against a plain transitive
** closure over the edges, enumeration against the test, the filters against their definitions; and that
** deep and wide traces cost what they should. */
#include "ext/trace/graph.h"
#include "tests/unit/trace_util.h"

#include <stdio.h>
#include <stdlib.h>

enum { WORDS = SAMPLE_EVENTS / 64 };

typedef struct Setting {
    unsigned what;
    int causality;
    int64_t tolerance_ns; /* -1: from the resolutions */
    int dag;              /* every span becomes a single event */
} Setting;

static const Setting settings[] = {
    {SAMPLE_POINTED, PYTHIA_CAUSALITY_SIBLINGS, 0, 0},
    {SAMPLE_POINTED | SAMPLE_TIES | SAMPLE_ROOTS, PYTHIA_CAUSALITY_SIBLINGS, 0, 0},
    {SAMPLE_POINTED | SAMPLE_TIES | SAMPLE_ORPHANS, PYTHIA_CAUSALITY_SIBLINGS, 0, 0},
    {SAMPLE_POINTED | SAMPLE_TIES | SAMPLE_ROOTS, PYTHIA_CAUSALITY_SIBLINGS, 2, 0},
    {SAMPLE_POINTED | SAMPLE_COARSE | SAMPLE_ROOTS, PYTHIA_CAUSALITY_SIBLINGS, -1, 0},
    {SAMPLE_POINTED | SAMPLE_MIXED | SAMPLE_ROOTS, PYTHIA_CAUSALITY_SIBLINGS, -1, 0},
    {SAMPLE_POINTED | SAMPLE_TIES | SAMPLE_ROOTS, PYTHIA_CAUSALITY_NESTING, 0, 0},
    {SAMPLE_POINTED | SAMPLE_MIXED, PYTHIA_CAUSALITY_NESTING, -1, 0},
    {SAMPLE_POINTED | SAMPLE_LINKED | SAMPLE_ROOTS, PYTHIA_CAUSALITY_SIBLINGS, 0, 0},
    {SAMPLE_POINTED | SAMPLE_LINKED | SAMPLE_ROOTS | SAMPLE_TIES, PYTHIA_CAUSALITY_SIBLINGS, 0, 0},
    {SAMPLE_POINTED | SAMPLE_LINKED | SAMPLE_TIES, PYTHIA_CAUSALITY_NESTING, 0, 0},
    {SAMPLE_LINKED | SAMPLE_ROOTS, PYTHIA_CAUSALITY_SIBLINGS, 0, 1},
    {SAMPLE_LINKED | SAMPLE_TIES, PYTHIA_CAUSALITY_SIBLINGS, 0, 1},
};
enum { NSETTINGS = sizeof settings / sizeof settings[0] };

static void make_events(Sample *sample, SampleRandom *random) {
    for (uint32_t i = 0; i < sample->nspans; i++) {
        sample->spans[i].flags = PYTHIA_SPAN_EVENT;
        sample->spans[i].end_ns = sample->spans[i].start_ns;
    }
    while (sample->nlinks < sample->nspans)
        sample_link(sample, sample_below(random, sample->nspans),
                    1 + sample_below(random, sample->nspans), SAMPLE_LINK_BARE);
}

static uint64_t reach[SAMPLE_EVENTS][WORDS];

static int reach_get(uint32_t x, uint32_t y) {
    return (int)(reach[x][y / 64] >> (y % 64) & 1);
}

/* Warshall, 1962. */
static void closure_make(const EdgeList *edges, uint32_t n) {
    memset(reach, 0, sizeof reach);
    for (size_t e = 0; e < edges->n; e++)
        reach[edges->edges[e].source][edges->edges[e].destination / 64] |=
            (uint64_t)1 << (edges->edges[e].destination % 64);
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t w = 0; reach_get(i, k) && w < WORDS; w++)
                reach[i][w] |= reach[k][w];
}

static int wrong_tests(PythiaBefore *b, uint32_t n) {
    int wrong = 0;
    for (uint32_t x = 0; x < n; x++)
        for (uint32_t y = 0; y < n; y++) {
            int yes;
            if (!pythia_event_exists(b->trace, x) || !pythia_event_exists(b->trace, y)) continue;
            CU_ASSERT_EQUAL_FATAL(pythia_before_test(b, x, y, &yes), SQLITE_OK);
            wrong += yes != reach_get(x, y);
        }
    return wrong;
}

/* Whether a list holds exactly the events that are marked, each once. */
static int wrong_list(const PythiaEvents *list, const unsigned char *expected, uint32_t n) {
    unsigned char given[SAMPLE_EVENTS] = {0};
    int wrong = 0;
    for (uint32_t k = 0; k < list->n; k++)
        wrong += given[list->events[k]]++;
    for (uint32_t e = 0; e < n; e++)
        wrong += given[e] != expected[e];
    return wrong;
}

static int wrong_lists(PythiaBefore *b, uint32_t n, const unsigned char *member,
                       PythiaEventSet *set) {
    int wrong = 0;
    PythiaEvents list = {0};
    for (uint32_t x = 0; x < n; x++)
        for (int after = 0; after < 2; after++)
            for (int within = 0; within < 2; within++) {
                unsigned char expected[SAMPLE_EVENTS];
                for (uint32_t e = 0; e < n; e++)
                    expected[e] =
                        (after ? reach_get(x, e) : reach_get(e, x)) && (!within || member[e]);
                list.n = 0;
                CU_ASSERT_EQUAL_FATAL(
                    pythia_before_list(b, x, after, within ? set : NULL, &list, NULL), SQLITE_OK);
                wrong += wrong_list(&list, expected, n);
            }
    pythia_events_clear(&list);
    return wrong;
}

/* Length of the longest chain within d that ends (recent: begins) at an event. */
static void slow_ranks(const unsigned char *d, uint32_t n, int recent, uint32_t *rank) {
    for (uint32_t e = 0; e < n; e++)
        rank[e] = 1;
    for (int changed = 1; changed;) {
        changed = 0;
        for (uint32_t x = 0; x < n; x++)
            for (uint32_t y = 0; d[x] && y < n; y++)
                if (d[y] && (recent ? reach_get(x, y) : reach_get(y, x)) && rank[x] <= rank[y]) {
                    rank[x] = rank[y] + 1;
                    changed = 1;
                }
    }
}

static void slow_filter(const PythiaTrace *trace, const unsigned char *d, uint32_t n,
                        const PythiaFilter *filter, unsigned char *expected) {
    uint32_t rank[SAMPLE_EVENTS], limit = filter->n ? filter->n : filter->one ? 1 : n;
    int recent = filter->kind == PYTHIA_FILTER_RECENT;
    slow_ranks(d, n, recent, rank);
    memset(expected, 0, n);
    for (uint32_t taken = 0; taken < limit; taken++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t e = 0; e < n; e++) {
            if (!d[e] || expected[e] || (!filter->n && rank[e] > 1)) continue;
            if (best == UINT32_MAX || rank[e] < rank[best]) best = e;
            if (rank[e] != rank[best]) continue;
            int64_t a = pythia_event_raw_ns(trace, e), b = pythia_event_raw_ns(trace, best);
            if (recent ? a >= b : a < b) best = e;
        }
        if (best == UINT32_MAX) return;
        expected[best] = 1;
    }
}

static int wrong_filters(PythiaBefore *b, uint32_t n, const unsigned char *member,
                         PythiaEventSet *set) {
    static const PythiaFilter filters[] = {
        {PYTHIA_FILTER_ALL, 0, 0},    {PYTHIA_FILTER_FIRST, 0, 0},  {PYTHIA_FILTER_RECENT, 0, 0},
        {PYTHIA_FILTER_FIRST, 1, 0},  {PYTHIA_FILTER_RECENT, 1, 0}, {PYTHIA_FILTER_FIRST, 0, 3},
        {PYTHIA_FILTER_RECENT, 0, 3}, {PYTHIA_FILTER_RECENT, 0, 1}};
    int wrong = 0;
    PythiaEvents list = {0};
    for (uint32_t q = 0; q < n; q++)
        for (size_t f = 0; f < sizeof filters / sizeof *filters; f++) {
            unsigned char d[SAMPLE_EVENTS], expected[SAMPLE_EVENTS];
            for (uint32_t e = 0; e < n; e++)
                d[e] = reach_get(e, q) && member[e];
            if (filters[f].kind == PYTHIA_FILTER_ALL)
                memcpy(expected, d, n);
            else
                slow_filter(b->trace, d, n, &filters[f], expected);
            list.n = 0;
            CU_ASSERT_EQUAL_FATAL(pythia_before_filter(b, q, set, &filters[f], &list, NULL),
                                  SQLITE_OK);
            wrong += wrong_list(&list, expected, n);
        }
    pythia_events_clear(&list);
    return wrong;
}

static void random_set(SampleRandom *random, const PythiaTrace *trace, unsigned char *member,
                       PythiaEventSet *set) {
    uint32_t percent = 1 + sample_below(random, 100);
    memset(member, 0, SAMPLE_EVENTS);
    set->list.n = 0;
    for (uint32_t e = 0; e < pythia_trace_events(trace); e++) {
        if (!pythia_event_exists(trace, e) || !sample_chance(random, percent)) continue;
        member[e] = 1;
        CU_ASSERT_EQUAL_FATAL(pythia_events_add(&set->list, e), SQLITE_OK);
    }
    pythia_event_set_begin(set);
}

typedef int (*Check)(PythiaBefore *b, uint32_t n, const unsigned char *member, PythiaEventSet *set);

static int check_tests(PythiaBefore *b, uint32_t n, const unsigned char *member,
                       PythiaEventSet *set) {
    (void)member, (void)set;
    int wrong = wrong_tests(b, n);
    return wrong + (!b->is_tree && b->graph && b->graph->dropped);
}

static void check_all(Check check, int rounds, uint32_t most) {
    SampleRandom random = {401};
    PythiaTrace trace = {0};
    EdgeList edges = {0};
    PythiaBefore before = {0};
    PythiaEventSet set = {0};
    static Sample sample;
    for (int s = 0; s < NSETTINGS; s++) {
        PythiaNames names = {0};
        PythiaModel model = sample_model();
        int wrong = 0;
        model.causality = settings[s].causality;
        model.order_tolerance_ns = settings[s].tolerance_ns;
        for (int round = 0; round < rounds && !wrong; round++) {
            unsigned char member[SAMPLE_EVENTS];
            sample_make(&sample, &random, settings[s].what, 1 + (uint32_t)round % most);
            if (settings[s].dag) make_events(&sample, &random);
            CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
            CU_ASSERT_EQUAL_FATAL(edges_collect(&edges, &trace, &model, &names), SQLITE_OK);
            CU_ASSERT_EQUAL_FATAL(pythia_before_build(&before, &trace, &model, &names), SQLITE_OK);
            closure_make(&edges, pythia_trace_events(&trace));
            random_set(&random, &trace, member, &set);
            wrong = check(&before, pythia_trace_events(&trace), member, &set);
            if (wrong) printf("setting %d, round %d: %d wrong\n", s, round, wrong);
        }
        CU_ASSERT_EQUAL(wrong, 0);
        pythia_names_clear(&names);
    }
    pythia_free(edges.edges);
    pythia_event_set_clear(&set);
    pythia_before_clear(&before);
    pythia_trace_clear(&trace);
}

static void test_closure(void) {
    check_all(check_tests, 200, 24);
}

static void test_lists(void) {
    check_all(wrong_lists, 120, 20);
}

static void test_filters(void) {
    check_all(wrong_filters, 90, 16);
}

typedef struct EdgeCheck {
    PythiaBefore *before;
    uint32_t links;
    int wrong;
} EdgeCheck;

/* An edge is never against the order. */
static int check_edge(void *context, const PythiaEdge *edge) {
    EdgeCheck *c = context;
    int there = 0, back = 0;
    c->links += edge->kind == PYTHIA_EDGE_LINK;
    CU_ASSERT_EQUAL(pythia_before_test(c->before, edge->source, edge->destination, &there), 0);
    CU_ASSERT_EQUAL(pythia_before_test(c->before, edge->destination, edge->source, &back), 0);
    c->wrong += !there || back;
    return SQLITE_OK;
}

/* Edges are those of the graph, and each link is an edge, refused, or leads to no span of the trace. */
static int wrong_edges(PythiaBefore *before, const PythiaTrace *trace, const PythiaModel *model,
                       const PythiaNames *names) {
    PythiaArena arena = {0};
    const uint32_t *sources;
    EdgeCheck check = {before, 0, 0};
    uint32_t refused, backward, known = 0;
    CU_ASSERT_EQUAL_FATAL(pythia_graph_edges(trace, model, names, check_edge, &check), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_links_refused(trace, model, names, &refused), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_trace_links_backward(trace, &backward), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_trace_link_sources(trace, &arena, &sources), SQLITE_OK);
    for (uint32_t l = 0; sources && l < trace->nlinks; l++)
        known += sources[l] != PYTHIA_NO_SPAN;
    uint32_t dropped = before->graph ? before->graph->dropped : 0;
    pythia_arena_clear(&arena);
    return check.wrong + (check.links + dropped != known) + (refused != backward + dropped);
}

/* Links among coarse clocks may close a circle: the relation stays a strict order. */
static void test_circles(void) {
    SampleRandom random = {501};
    PythiaTrace trace = {0};
    PythiaBefore before = {0};
    static Sample sample;
    uint32_t dropped = 0;
    int wrong = 0;
    PythiaNames names = {0};
    PythiaModel model = sample_model();
    model.order_tolerance_ns = 3;
    for (int round = 0; round < 300 && !wrong; round++) {
        sample_make(&sample, &random, SAMPLE_LINKED | SAMPLE_TIES | SAMPLE_ROOTS, 30);
        CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(pythia_before_build(&before, &trace, &model, &names), SQLITE_OK);
        uint32_t n = pythia_trace_events(&trace);
        for (uint32_t x = 0; x < n; x++)
            for (uint32_t y = 0; y <= x; y++) {
                int there, back;
                CU_ASSERT_EQUAL_FATAL(pythia_before_test(&before, x, y, &there), SQLITE_OK);
                CU_ASSERT_EQUAL_FATAL(pythia_before_test(&before, y, x, &back), SQLITE_OK);
                wrong += there && back;
            }
        if (before.graph) dropped += before.graph->dropped;
        wrong += wrong_edges(&before, &trace, &model, &names);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(dropped > 0);
    pythia_before_clear(&before);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

/* ---- size ----------------------------------------------------------------------------------------------------- */

enum { MANY = 100000 };

/* A chain of spans inside each other, or siblings that overlap in two halves. */
static void make_large(PythiaTrace *trace, int chain) {
    for (uint32_t i = 0; i <= MANY; i++) {
        int64_t half = i % 2 ? 1000 : 3000;
        PythiaSpan span = {.id = {0, i + 1, PYTHIA_ID_HEX16}, .start_ns = 1000, .end_ns = 5000};
        if (i) span.parent_id = (PythiaId){0, chain ? i : 1, PYTHIA_ID_HEX16};
        if (i && !chain) {
            span.start_ns = half;
            span.end_ns = half + 2000;
        }
        CU_ASSERT_EQUAL_FATAL(pythia_trace_add_span(trace, &span, NULL), SQLITE_OK);
    }
}

/* Everything is asked from every event of a trace of that size: what is not linear would be noticed. */
static void check_large(int chain) {
    PythiaTrace trace = {0};
    PythiaBefore before = {0};
    PythiaNames names = {0};
    PythiaModel model = sample_model();
    PythiaEvents list = {0};
    PythiaEventSet set = {0};
    uint64_t tests = 0, listed = 0;
    make_large(&trace, chain);
    CU_ASSERT_EQUAL_FATAL(pythia_trace_build(&trace, &names), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_before_build(&before, &trace, &model, &names), SQLITE_OK);
    uint32_t n = pythia_trace_events(&trace), root_end = 1;
    for (uint32_t x = 0; x < n; x++) {
        int yes;
        CU_ASSERT_EQUAL_FATAL(pythia_before_test(&before, x, root_end, &yes), SQLITE_OK);
        tests += (uint64_t)yes;
    }
    CU_ASSERT_EQUAL(tests, n - 1);
    CU_ASSERT_EQUAL(pythia_before_list(&before, root_end, 0, NULL, &list, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(list.n, n - 1);
    /* one member of the set: the end of the last span */
    CU_ASSERT_EQUAL_FATAL(pythia_events_add(&set.list, 2 * MANY + 1), SQLITE_OK);
    pythia_event_set_begin(&set);
    for (uint32_t x = 0; x < n; x += chain ? 1000 : 1) {
        list.n = 0;
        CU_ASSERT_EQUAL_FATAL(pythia_before_list(&before, x, 0, &set, &list, NULL), SQLITE_OK);
        listed += list.n;
    }
    CU_ASSERT_EQUAL(listed, chain ? 0 : 1);
    static const PythiaFilter first = {PYTHIA_FILTER_FIRST, 0, 0},
                              recent = {PYTHIA_FILTER_RECENT, 0, 2};
    set.list.n = 0;
    for (uint32_t x = 0; x < n; x++)
        CU_ASSERT_EQUAL_FATAL(pythia_events_add(&set.list, x), SQLITE_OK);
    pythia_event_set_begin(&set);
    list.n = 0;
    CU_ASSERT_EQUAL(pythia_before_filter(&before, root_end, &set, &first, &list, NULL), SQLITE_OK);
    CU_ASSERT(list.n == 1 && list.events[0] == 0);
    list.n = 0;
    CU_ASSERT_EQUAL(pythia_before_filter(&before, root_end, &set, &recent, &list, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(list.n, 2);
    pythia_event_set_clear(&set);
    pythia_events_clear(&list);
    pythia_before_clear(&before);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

static void test_chain(void) {
    check_large(1);
}

static void test_siblings(void) {
    check_large(0);
}

PYTHIA_SUITE(trace_before, {"tests equal the closure of the edges", test_closure},
             {"lists equal the tests", test_lists},
             {"filters equal their definitions", test_filters}, {"circles are cut", test_circles},
             {"100,000 spans deep", test_chain}, {"100,000 siblings", test_siblings})
