/* test_trace_context.c - stretches from columns against the walk over the trace, and calling context trees against
** sums by comparing call paths. */
#include "ext/trace/context.h"
#include "tests/unit/trace_util.h"

#include <stdio.h>

/* A trace as columns, as the store would keep it. */
typedef struct Columns {
    int64_t parent[SAMPLE_SPANS], start[SAMPLE_SPANS], duration[SAMPLE_SPANS],
        tracepoint[SAMPLE_SPANS], point_span[SAMPLE_POINTS], point[SAMPLE_POINTS];
    PythiaSpanColumns view;
} Columns;

static void columns_make(Columns *c, const PythiaTrace *trace) {
    for (uint32_t i = 0; i < trace->nspans; i++) {
        const PythiaSpan *s = &trace->spans[i];
        c->parent[i] = s->parent < 0 ? 0 : (int64_t)i - s->parent;
        c->start[i] = s->start_ns - (s->parent < 0 ? 7 : trace->spans[s->parent].start_ns);
        c->duration[i] = s->end_ns - s->start_ns;
        c->tracepoint[i] = s->tracepoint;
    }
    for (uint32_t k = 0; k < trace->npoints; k++) {
        c->point_span[k] = trace->points[k].span;
        c->point[k] = trace->points[k].time_ns - trace->spans[trace->points[k].span].start_ns;
    }
    c->view = (PythiaSpanColumns){c->parent,     c->start,      c->duration, 7,
                                  trace->nspans, c->point_span, c->point,    trace->npoints};
}

/* Differences between what both say of each span; *decided counts what stretches had an answer for. */
static int wrong_stretches(const PythiaStretches *stretches, const PythiaTrace *trace,
                           const PythiaPath *path) {
    int64_t ns[SAMPLE_SPANS] = {0};
    char met[SAMPLE_SPANS] = {0};
    int wrong = 0;
    for (uint32_t i = 0; i + 1 < path->n; i++) {
        ns[path->steps[i].between] += path->steps[i + 1].time_ns - path->steps[i].time_ns;
        met[path->steps[i].between] = 1;
    }
    for (uint32_t k = 0; k < stretches->n; k++) {
        uint32_t span = stretches->spans[k];
        wrong += met[span] != 1 || stretches->ns[span] != ns[span];
        met[span] = 2;
    }
    for (uint32_t i = 0; i < trace->nspans; i++)
        wrong += met[i] == 1;
    return wrong;
}

static void test_stretches(void) {
    SampleRandom random = {8101};
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    PythiaPath path = {0};
    PythiaStretches stretches = {0};
    PythiaModel model = sample_model();
    static Sample sample;
    static Columns columns;
    int wrong = 0, decided = 0, undecided = 0;
    model.order_tolerance_ns = 0;
    model.request_end = PYTHIA_END_ROOT;
    for (int round = 0; round < 8000 && !wrong; round++) {
        PythiaRequest request;
        unsigned what = (round & 1 ? SAMPLE_POINTED : 0) | (round & 2 ? SAMPLE_TIES : 0) |
                        (round % 16 == 5 ? SAMPLE_ROOTS : 0);
        sample_make(&sample, &random, what, 1 + (uint32_t)round % 60);
        CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(pythia_request_find(&trace, &model, &names, &request), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(pythia_path_walk(&path, &trace, &model, &names, &request), SQLITE_OK);
        columns_make(&columns, &trace);
        int rc = pythia_stretches_find(&stretches, &columns.view);
        CU_ASSERT_FATAL(rc == SQLITE_OK || rc == SQLITE_EMPTY);
        if (rc) {
            undecided += trace.nroots == 1;
            continue;
        }
        decided++;
        wrong += trace.nroots != 1 || wrong_stretches(&stretches, &trace, &path);
        if (wrong) printf("round %d\n", round);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(decided > 7000);
    CU_ASSERT(undecided < 10);
    pythia_stretches_clear(&stretches);
    pythia_path_clear(&path);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

/* What is damaged is not decided, and nothing is read outside. */
static void test_damage(void) {
    int64_t parent[3] = {0, 1, 1}, start[3] = {0, 1, 1}, duration[3] = {9, 3, 3},
            tracepoint[3] = {1, 1, 1}, point_span[2] = {1, 1}, point[2] = {1, 2};
    PythiaSpanColumns view = {parent, start, duration, 100, 3, point_span, point, 2};
    PythiaStretches stretches = {0};
    PythiaContext context = {0};
    CU_ASSERT_EQUAL(pythia_stretches_find(&stretches, &view), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_context_add_spans(&context, &view, tracepoint, 0), SQLITE_OK);
    struct {
        int64_t *at, value;
    } damage[] = {{&parent[2], 3},
                  {&parent[2], -1},
                  {&start[0], -101},
                  {&start[2], PYTHIA_TIME_MAX},
                  {&duration[1], -PYTHIA_TIME_MAX}};
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        int64_t before = *damage[i].at;
        *damage[i].at = damage[i].value;
        CU_ASSERT_EQUAL(pythia_stretches_find(&stretches, &view), SQLITE_EMPTY);
        CU_ASSERT_EQUAL(pythia_context_add_spans(&context, &view, tracepoint, 0), SQLITE_EMPTY);
        *damage[i].at = before;
    }
    point_span[1] = 0;
    CU_ASSERT_EQUAL(pythia_stretches_find(&stretches, &view), SQLITE_EMPTY);
    point_span[1] = 3;
    CU_ASSERT_EQUAL(pythia_stretches_find(&stretches, &view), SQLITE_EMPTY);
    point_span[1] = 2;
    point[1] = PYTHIA_TIME_MAX;
    CU_ASSERT_EQUAL(pythia_stretches_find(&stretches, &view), SQLITE_EMPTY);
    pythia_stretches_clear(&stretches);
    pythia_context_clear(&context);
}

/* ---- trees ------------------------------------------------------------------------------------------------ */

/* Whether a span has the call path of a node: the same trace points up to the root. */
static int has_path(const PythiaTrace *trace, int64_t span, const PythiaContext *context,
                    uint32_t node) {
    while (span >= 0 && node) {
        if (trace->spans[span].tracepoint != context->nodes[node].tracepoint) return 0;
        span = trace->spans[span].parent;
        node = context->nodes[node].parent;
    }
    return span < 0 && !node;
}

typedef struct Sums {
    int64_t traces, count, duration, exclusive;
} Sums;

/* Adds what one trace contributes to a node. */
static void sums_add(Sums *sums, const PythiaTrace *trace, const PythiaPath *path, int on_path,
                     const PythiaContext *context, uint32_t node) {
    int64_t count = 0;
    for (uint32_t i = 0; i < trace->nspans; i++) {
        int on = !on_path;
        int64_t ns = on_path ? 0 : pythia_span_self_ns(trace, i);
        if (!has_path(trace, i, context, node)) continue;
        for (uint32_t k = 0; on_path && k + 1 < path->n; k++)
            if (path->steps[k].between == i) {
                ns += path->steps[k + 1].time_ns - path->steps[k].time_ns;
                on = 1;
            }
        if (!on) continue;
        count++;
        sums->exclusive += ns;
        if (!on_path) sums->duration += trace->spans[i].end_ns - trace->spans[i].start_ns;
    }
    sums->count += count;
    sums->traces += count > 0;
}

/* A forest of some traces, by stretches where they are decided, else by the path. */
static void check_tree(int on_path, SampleRandom *random) {
    enum { TRACES = 12 };
    PythiaNames names = {0};
    static PythiaTrace traces[TRACES];
    PythiaPath paths[TRACES] = {0};
    PythiaStretches stretches = {0};
    PythiaContext context = {0};
    PythiaModel model = sample_model();
    static Sample sample;
    static Columns columns;
    int64_t total = 0, sum = 0, inclusive = 0;
    int wrong = 0;
    model.order_tolerance_ns = 0;
    model.request_end = PYTHIA_END_ROOT;
    memset(traces, 0, sizeof traces);
    for (int t = 0; t < TRACES; t++) {
        PythiaRequest request;
        sample_make(&sample, random, SAMPLE_POINTED | (t % 3 ? 0 : SAMPLE_ROOTS | SAMPLE_LINKED),
                    20);
        CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &traces[t]), SQLITE_OK);
        CU_ASSERT_FATAL(!pythia_request_find(&traces[t], &model, &names, &request));
        CU_ASSERT_FATAL(!pythia_path_walk(&paths[t], &traces[t], &model, &names, &request));
        columns_make(&columns, &traces[t]);
        int rc;
        if (!on_path)
            rc = pythia_context_add_spans(&context, &columns.view, columns.tracepoint, 0);
        else if (!traces[t].nlinks && !pythia_stretches_find(&stretches, &columns.view))
            rc = pythia_context_add_stretches(&context, &columns.view, columns.tracepoint,
                                              &stretches);
        else
            rc = pythia_context_add_path(&context, &traces[t], &paths[t]);
        CU_ASSERT_EQUAL_FATAL(rc, SQLITE_OK);
        total += request.end_ns - request.start_ns;
    }
    CU_ASSERT_EQUAL_FATAL(pythia_context_finish(&context, on_path), SQLITE_OK);
    for (uint32_t node = 1; node <= context.n; node++) {
        const PythiaContextNode *n = &context.nodes[node];
        Sums want = {0, 0, 0, 0};
        sum += n->exclusive_ns;
        if (!n->parent) inclusive += n->inclusive_ns;
        if (!n->tracepoint) continue; /* between roots */
        for (int t = 0; t < TRACES; t++)
            sums_add(&want, &traces[t], &paths[t], on_path, &context, node);
        wrong += n->traces != want.traces || n->count != want.count;
        wrong += n->exclusive_ns != want.exclusive;
        if (!on_path) wrong += n->inclusive_ns != want.duration;
        wrong += n->depth != (n->parent ? context.nodes[n->parent].depth + 1 : 0);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    if (on_path) CU_ASSERT(sum == total && inclusive == total);
    for (int t = 0; t < TRACES; t++) {
        pythia_trace_clear(&traces[t]);
        pythia_path_clear(&paths[t]);
    }
    pythia_stretches_clear(&stretches);
    pythia_context_clear(&context);
    pythia_names_clear(&names);
}

static void test_trees(void) {
    SampleRandom random = {8201};
    for (int round = 0; round < 100; round++)
        check_tree(round % 2, &random);
}

/* Sums that do not fit are an error, and not a small number. */
static void test_overflow(void) {
    int64_t parent = 0, start = 0, duration = PYTHIA_TIME_MAX, tracepoint = 1;
    PythiaSpanColumns view = {&parent, &start, &duration, 0, 1, NULL, NULL, 0};
    PythiaContext context = {0};
    CU_ASSERT_EQUAL(pythia_context_add_spans(&context, &view, &tracepoint, 0), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_context_add_spans(&context, &view, &tracepoint, 0), SQLITE_TOOBIG);
    pythia_context_clear(&context);
}

/* ---- size ------------------------------------------------------------------------------------------------- */

enum { MANY = 100000 };

/* A chain, siblings in a row, and siblings that all overlap: decided in linear time, or given back. */
static void test_size(void) {
    int64_t *memory = pythia_alloc_zero(sizeof(int64_t) * 4 * (MANY + 1));
    CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
    int64_t *parent = memory, *start = memory + MANY + 1, *duration = start + MANY + 1,
            *tracepoint = duration + MANY + 1;
    PythiaSpanColumns view = {parent, start, duration, 0, MANY + 1, NULL, NULL, 0};
    PythiaStretches stretches = {0};
    PythiaContext context = {0};
    for (int i = 0; i <= MANY; i++) {
        tracepoint[i] = 1;
        parent[i] = i > 0;
        start[i] = i > 0;
        duration[i] = 4 * MANY - 2 * i;
    }
    CU_ASSERT_EQUAL(pythia_stretches_find(&stretches, &view), SQLITE_OK);
    CU_ASSERT_EQUAL(stretches.n, MANY + 1);
    CU_ASSERT_EQUAL(pythia_context_add_stretches(&context, &view, tracepoint, &stretches),
                    SQLITE_OK);
    CU_ASSERT_EQUAL(context.n, MANY + 1);
    CU_ASSERT_EQUAL(pythia_context_finish(&context, 1), SQLITE_OK);
    CU_ASSERT_EQUAL(context.nodes[1].inclusive_ns, 4 * MANY);
    for (int i = 1; i <= MANY; i++) {
        parent[i] = i;
        start[i] = 4 * i - 4;
        duration[i] = 3;
    }
    CU_ASSERT_EQUAL(pythia_stretches_find(&stretches, &view), SQLITE_OK);
    CU_ASSERT_EQUAL(stretches.n, MANY + 1);
    CU_ASSERT_EQUAL(stretches.ns[0], MANY);
    start[1] =
        0; /* one that lasts as long as all others together, and one that outlasts the request */
    duration[1] = 4 * MANY - 4;
    duration[2] = 5 * MANY;
    int rc = pythia_stretches_find(&stretches, &view);
    CU_ASSERT(rc == SQLITE_OK || rc == SQLITE_EMPTY);
    pythia_stretches_clear(&stretches);
    pythia_context_clear(&context);
    pythia_free(memory);
}

PYTHIA_SUITE(trace_context, {"stretches are those of the path", test_stretches},
             {"damaged columns", test_damage}, {"calling context trees", test_trees},
             {"sums that do not fit", test_overflow},
             {"chain and siblings, 100,000 each", test_size})
