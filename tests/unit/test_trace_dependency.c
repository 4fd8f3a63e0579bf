/* test_trace_dependency.c - the order of siblings over many traces: by hand, and random traces against counting
** every pair of spans. */
#include "ext/trace/dependency.h"

#include "tests/unit/trace_util.h"

/* ---- the slow answer ---- */

static int overlap(const SlowItems *items, uint32_t i, uint32_t j) {
    return i != j && !slow_precede(items, i, j) && !slow_precede(items, j, i);
}

/* Whether the order of two is no matter of tolerance. */
static int decided(SlowItems *items, uint32_t i, uint32_t j) {
    if (i == j) return 0;
    if (i > j) return decided(items, j, i);
    static SlowItems turned; /* the same two, the later one in front */
    turned.tolerance_ns = items->tolerance_ns;
    turned.items[0] = items->items[j];
    turned.items[1] = items->items[i];
    return !slow_precede(items, i, j) || !slow_precede(&turned, 0, 1);
}

static uint32_t point_of(const PythiaTrace *trace, const SlowItem *item) {
    return pythia_event_tracepoint(trace, item->first);
}

/* For the children of one span: +1 where a comes first, -1 where b does, 0 where they overlap; 2: not both there,
** not to be told apart, or too many different children. */
static int slow_order(SlowItems *items, const PythiaTrace *trace, uint32_t a, uint32_t b) {
    uint32_t count_a = 0, count_b = 0, seen[SAMPLE_EVENTS], n = 0;
    int first = 0, overlapping = 0, told = 0;
    for (uint32_t i = 0; i < items->n; i++) {
        if (items->items[i].is_end || items->items[i].is_point) continue;
        uint32_t point = point_of(trace, &items->items[i]), k = 0;
        while (k < n && seen[k] != point)
            k++;
        if (k == n) seen[n++] = point;
        count_a += point == a;
        count_b += point == b;
        if (!first && (point == a || point == b)) first = point == a ? 1 : -1;
        for (uint32_t j = 0; j < items->n; j++) {
            if (items->items[j].is_end || items->items[j].is_point) continue;
            if (point != a || point_of(trace, &items->items[j]) != b) continue;
            overlapping |= overlap(items, i, j);
            told |= decided(items, i, j);
        }
    }
    if (n > PYTHIA_SIBLINGS_MOST || !count_a || !count_b || !told) return 2;
    return overlapping ? 0 : first;
}

typedef struct Node {
    uint32_t node;
    uint32_t span; /* PYTHIA_NO_SPAN: the roots */
} Node;

/* ---- random traces ---- */

enum { MANY = 40, SPANS = 40 };

static void check_pair(const PythiaDependencies *found, const PythiaTrace *traces,
                       const PythiaTracePaths *paths, const PythiaModel *model,
                       const PythiaNames *names, uint32_t parent, uint32_t a, uint32_t b) {
    static SlowItems items;
    int64_t counts[3] = {0, 0, 0};
    for (int t = 0; t < MANY; t++) {
        for (uint32_t s = 0; s <= traces[t].nspans; s++) {
            uint32_t span = s ? s - 1 : PYTHIA_NO_SPAN;
            if ((s ? paths[t].nodes[s - 1] : 0) != parent) continue;
            slow_items(&items, &traces[t], model, names, span);
            int order = slow_order(&items, &traces[t], a, b);
            if (order != 2) counts[order + 1]++;
        }
    }
    const PythiaDependency *pair = pythia_dependencies_find(found, 1, parent, a, b);
    CU_ASSERT_EQUAL(pair ? pair->b_first : 0, counts[0]);
    CU_ASSERT_EQUAL(pair ? pair->overlapped : 0, counts[1]);
    CU_ASSERT_EQUAL(pair ? pair->a_first : 0, counts[2]);
}

static void test_random(void) {
    static Sample sample;
    static PythiaTrace traces[MANY];
    static PythiaTracePaths paths[MANY];
    const unsigned shapes[] = {0, SAMPLE_TIES, SAMPLE_ROOTS | SAMPLE_POINTED,
                               SAMPLE_COARSE | SAMPLE_MIXED};
    for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
        SampleRandom random = {k + 77};
        PythiaNames names = {0};
        PythiaCallPaths call_paths = {0};
        PythiaDependencies found = {0}, again = {0};
        PythiaModel model = sample_model();
        memset(traces, 0, sizeof traces);
        memset(paths, 0, sizeof paths);
        for (int t = 0; t < MANY; t++) {
            sample_make(&sample, &random, shapes[k], SPANS);
            CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &traces[t]), SQLITE_OK);
            CU_ASSERT_EQUAL_FATAL(pythia_trace_paths(&paths[t], &call_paths, &traces[t], &names),
                                  SQLITE_OK);
        }
        for (int t = 0; t < MANY; t++) /* and in another order */
            CU_ASSERT_EQUAL(
                pythia_dependencies_add(&found, &traces[t], &model, &names, 1, &paths[t], NULL),
                SQLITE_OK);
        for (int t = MANY; t-- > 0;)
            CU_ASSERT_EQUAL(
                pythia_dependencies_add(&again, &traces[t], &model, &names, 1, &paths[t], NULL),
                SQLITE_OK);
        CU_ASSERT(found.n > 50);
        CU_ASSERT_EQUAL(found.n, again.n);
        for (uint32_t i = 0; i < found.n; i++) {
            const PythiaDependency *p = &found.pairs[i];
            const PythiaDependency *q = pythia_dependencies_find(&again, 1, p->parent, p->b, p->a);
            CU_ASSERT_PTR_NOT_NULL_FATAL(q);
            CU_ASSERT(memcmp(p, q, sizeof *p) == 0);
            if (i % 7 == 0)
                check_pair(&found, traces, paths, &model, &names, p->parent, p->a, p->b);
        }
        /* Pairs that were not found are not there. */
        for (uint32_t a = 1; a <= 6; a++)
            for (uint32_t b = a; b <= 6; b++)
                check_pair(&found, traces, paths, &model, &names, 0, a, b);
        for (int t = 0; t < MANY; t++) {
            pythia_trace_clear(&traces[t]);
            pythia_trace_paths_clear(&paths[t]);
        }
        pythia_dependencies_clear(&found);
        pythia_dependencies_clear(&again);
        pythia_call_paths_clear(&call_paths);
        pythia_names_clear(&names);
    }
}

/* ---- limits ---- */

static PythiaDependencies learn(Sample *sample, PythiaNames *names) {
    PythiaTrace trace = {0};
    PythiaTracePaths paths = {0};
    PythiaCallPaths call_paths = {0};
    PythiaDependencies found = {0};
    PythiaModel model = sample_model();
    CU_ASSERT_EQUAL_FATAL(sample_build(sample, names, &trace), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_trace_paths(&paths, &call_paths, &trace, names), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_dependencies_add(&found, &trace, &model, names, 1, &paths, NULL),
                    SQLITE_OK);
    pythia_trace_clear(&trace);
    pythia_trace_paths_clear(&paths);
    pythia_call_paths_clear(&call_paths);
    return found;
}

/* As many different children as there may be, one after the other; and one more. */
static void test_many(void) {
    static Sample sample;
    for (uint32_t n = PYTHIA_SIBLINGS_MOST; n <= PYTHIA_SIBLINGS_MOST + 1; n++) {
        PythiaNames names = {0};
        memset(&sample, 0, sizeof sample);
        sample_span(&sample, 1, 0, 1000, 1000 + 100 * n, 1, 0);
        for (uint32_t i = 0; i < n; i++)
            sample_span(&sample, 10 + i, 1, 1000 + 10 * i, 1005 + 10 * i, 1, 1 + i);
        PythiaDependencies found = learn(&sample, &names);
        uint32_t most = PYTHIA_SIBLINGS_MOST;
        CU_ASSERT_EQUAL(found.n, n == most ? most * (most - 1) / 2 : 0);
        for (uint32_t i = 0; i < found.n; i++)
            CU_ASSERT_EQUAL(found.pairs[i].a_first + found.pairs[i].b_first, 1);
        pythia_dependencies_clear(&found);
        pythia_names_clear(&names);
    }
}

PYTHIA_SUITE(trace_dependency, {"random traces", test_random},
             {"many different children", test_many})
