/* test_trace_learned.c - causality 'learned' on random traces, against its definition: what precedes what, the
** covers, the edges, and the critical path, which is as long as the request whatever is learned. */
#include "ext/trace/learned.h"

#include <stdlib.h>

#include "ext/trace/path.h"
#include "tests/unit/trace_util.h"

enum { MANY = 30, SPANS = 40 };

typedef struct World {
    PythiaNames names;
    PythiaCallPaths call_paths;
    PythiaTrace traces[MANY];
    PythiaTracePaths paths[MANY];
    PythiaDependencies found;
    PythiaLearned learned;
    PythiaModel model;
} World;

static World *world_make(unsigned what, uint64_t seed) {
    static Sample sample;
    static World world;
    SampleRandom random = {seed};
    World *w = &world;
    memset(w, 0, sizeof *w);
    w->model = sample_model();
    for (int t = 0; t < MANY; t++) {
        sample_make(&sample, &random, what, SPANS);
        CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &w->names, &w->traces[t]), SQLITE_OK);
    }
    for (int t = 0; t < MANY; t++) {
        CU_ASSERT_EQUAL_FATAL(
            pythia_trace_paths(&w->paths[t], &w->call_paths, &w->traces[t], &w->names), SQLITE_OK);
        /* Of the last ones nothing is learned, so that pairs are met that are not known. */
        if (t < MANY - 3)
            CU_ASSERT_EQUAL(pythia_dependencies_add(&w->found, &w->traces[t], &w->model, &w->names,
                                                    0, &w->paths[t], NULL),
                            SQLITE_OK);
    }
    CU_ASSERT_EQUAL(pythia_learned_make(&w->learned, &w->found, &w->call_paths, &w->names),
                    SQLITE_OK);
    w->model.causality = PYTHIA_CAUSALITY_LEARNED;
    w->model.learned = &w->learned;
    return w;
}

static void world_clear(World *w) {
    for (int t = 0; t < MANY; t++) {
        pythia_trace_clear(&w->traces[t]);
        pythia_trace_paths_clear(&w->paths[t]);
    }
    pythia_learned_clear(&w->learned);
    pythia_dependencies_clear(&w->found);
    pythia_call_paths_clear(&w->call_paths);
    pythia_names_clear(&w->names);
}

/* ---- the definition ---- */

/* Whether a pair of children is in the relation, by the counts. */
static int known(const World *w, uint32_t parent, uint32_t a, uint32_t b) {
    const PythiaDependency *p = pythia_dependencies_find(&w->found, 0, parent, a, b);
    return p && !p->overlapped && !(p->a_first && p->b_first) && p->a_first + p->b_first > 0;
}

static int slow_learned(const World *w, const SlowItems *items, const PythiaTrace *trace,
                        uint32_t parent, uint32_t i, uint32_t j) {
    const SlowItem *a = &items->items[i], *b = &items->items[j];
    if (!slow_precede(items, i, j)) return 0;
    if (a->is_end || a->is_point || b->is_end || b->is_point) return 1;
    return known(w, parent, pythia_event_tracepoint(trace, a->first),
                 pythia_event_tracepoint(trace, b->first));
}

static uint32_t children_of(const SlowItems *items) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < items->n; i++)
        n += !items->items[i].is_end && !items->items[i].is_point;
    return n;
}

/* Compares the items of one span; how many pairs were in time but are not in order. */
static uint32_t check_span(const World *w, int t, uint32_t span) {
    static SlowItems slow;
    static uint8_t before[SAMPLE_EVENTS][SAMPLE_EVENTS];
    const PythiaTrace *trace = &w->traces[t];
    PythiaArena arena = {0};
    PythiaItems items;
    uint32_t parent = span == PYTHIA_NO_SPAN ? 0 : w->paths[t].nodes[span], lost = 0;
    slow_items(&slow, trace, &w->model, &w->names, span);
    CU_ASSERT_EQUAL_FATAL(pythia_items_build(&items, &arena, trace, &w->model, &w->names, span),
                          SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(items.n, slow.n);
    int by_time = children_of(&slow) < 2;
    CU_ASSERT_EQUAL(items.learned == NULL, by_time);
    for (uint32_t i = 0; i < slow.n; i++)
        for (uint32_t j = 0; j < slow.n; j++) {
            before[i][j] = (uint8_t)(by_time ? slow_precede(&slow, i, j)
                                             : slow_learned(w, &slow, trace, parent, i, j));
            CU_ASSERT_EQUAL(pythia_items_precede(&items, i, j), before[i][j]);
            lost += slow_precede(&slow, i, j) && !before[i][j];
        }
    for (uint32_t j = 0; !by_time && j < slow.n; j++) {
        uint32_t n = 0, last = PYTHIA_NO_ITEM;
        PythiaCover cover = {0};
        for (uint32_t i = 0; i < j; i++) {
            int covered = 0;
            for (uint32_t x = i + 1; before[i][j] && x < j; x++)
                covered |= before[i][x] && before[x][j];
            n += before[i][j] && !covered;
        }
        for (uint32_t i; (i = pythia_items_cover(&items, j, &cover)) != PYTHIA_NO_ITEM; n--) {
            int covered = 0;
            for (uint32_t x = i + 1; x < j; x++)
                covered |= before[i][x] && before[x][j];
            CU_ASSERT(before[i][j] && !covered);
            if (last != PYTHIA_NO_ITEM)
                CU_ASSERT(items.items[i].to_ns < items.items[last].to_ns ||
                          (i < last && items.items[i].to_ns == items.items[last].to_ns));
            last = i;
        }
        CU_ASSERT_EQUAL(n, 0);
    }
    pythia_arena_clear(&arena);
    return lost;
}

static int count_edge(void *context, const PythiaEdge *edge) {
    (void)edge;
    ++*(uint32_t *)context;
    return SQLITE_OK;
}

static void check_path(const World *w, int t) {
    PythiaRequest request;
    PythiaPath path = {0};
    uint32_t edges = 0;
    int64_t sum = 0;
    CU_ASSERT_EQUAL_FATAL(pythia_request_find(&w->traces[t], &w->model,
                                              (PythiaNames *)(uintptr_t)&w->names, &request),
                          SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_path_walk(&path, &w->traces[t], &w->model, &w->names, &request),
                          SQLITE_OK);
    for (uint32_t i = 0; i + 1 < path.n; i++) {
        CU_ASSERT(path.steps[i + 1].time_ns >= path.steps[i].time_ns);
        sum += path.steps[i + 1].time_ns - path.steps[i].time_ns;
    }
    CU_ASSERT_EQUAL(sum, request.end_ns - request.start_ns);
    CU_ASSERT_EQUAL(pythia_trace_edges(&w->traces[t], &w->model, &w->names, count_edge, &edges),
                    SQLITE_OK);
    CU_ASSERT(edges + 1 >= path.n);
    pythia_path_clear(&path);
}

static void test_random(void) {
    const unsigned shapes[] = {0, SAMPLE_TIES | SAMPLE_POINTED, SAMPLE_ROOTS | SAMPLE_POINTED,
                               SAMPLE_COARSE | SAMPLE_POINTED, SAMPLE_MIXED | SAMPLE_ROOTS};
    for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++)
        for (uint64_t seed = 1; seed <= 4; seed++) {
            World *w = world_make(shapes[k], seed * 31 + k);
            uint32_t lost = 0;
            for (int t = 0; t < MANY; t++) {
                lost += check_span(w, t, PYTHIA_NO_SPAN);
                for (uint32_t s = 0; s < w->traces[t].nspans; s++)
                    lost += check_span(w, t, s);
                check_path(w, t);
            }
            CU_ASSERT(lost > 0);
            world_clear(w);
        }
}

/* What is stored comes back, and what is damaged does not. */
static void test_stored(void) {
    World *w = world_make(SAMPLE_POINTED, 5);
    PythiaBuf text = {0};
    PythiaLearned back = {0};
    pythia_learned_write(&w->learned, &text);
    CU_ASSERT(w->learned.n > 10);
    PythiaText whole = {(const char *)text.data, text.n};
    CU_ASSERT_EQUAL(pythia_learned_read(&back, whole), SQLITE_OK);
    CU_ASSERT_EQUAL(back.n, w->learned.n);
    CU_ASSERT(memcmp(back.keys, w->learned.keys, back.n * sizeof *back.keys) == 0);
    CU_ASSERT_EQUAL(pythia_learned_read(&back, (PythiaText){whole.p, whole.n - 1}), PYTHIA_CORRUPT);
    CU_ASSERT_EQUAL(pythia_learned_read(&back, (PythiaText){"", 0}), SQLITE_OK);
    CU_ASSERT_EQUAL(back.n, 0);
    text.data[20] = 'x';
    CU_ASSERT_EQUAL(pythia_learned_read(&back, whole), PYTHIA_CORRUPT);
    pythia_learned_clear(&back);
    pythia_buf_clear(&text);
    world_clear(w);
}

/* Where there are too many children, or they are too different, time decides. */
static void test_limits(void) {
    enum { CHILDREN = PYTHIA_LEARNED_CHILDREN + 10 };
    for (int different = 0; different < 2; different++) {
        PythiaNames names = {0};
        PythiaTrace trace = {0};
        PythiaArena arena = {0};
        PythiaItems items;
        PythiaModel model = sample_model();
        PythiaResourceSet none = {NULL, 0, pythia_resource_hash(NULL, 0)};
        uint32_t n = different ? PYTHIA_SIBLINGS_MOST + 1 : CHILDREN, service, operation;
        model.causality = PYTHIA_CAUSALITY_LEARNED;
        CU_ASSERT_EQUAL(pythia_names_string(&names, PYTHIA_TEXT("s"), &service), SQLITE_OK);
        for (uint32_t i = 0; i <= n; i++) {
            char text[20];
            PythiaSpan span = {.id = {0, i + 1, PYTHIA_ID_HEX16}, .start_ns = 1000 + 10 * i};
            sqlite3_snprintf(sizeof text, text, "o%u", different ? i : i > 0);
            CU_ASSERT_EQUAL(pythia_names_string(&names, pythia_text(text), &operation), SQLITE_OK);
            CU_ASSERT_EQUAL(
                pythia_names_tracepoint(&names, service, operation, 0, &span.tracepoint),
                SQLITE_OK);
            span.end_ns = i ? span.start_ns + 5 : 1000000;
            if (i) span.parent_id = (PythiaId){0, 1, PYTHIA_ID_HEX16};
            CU_ASSERT_EQUAL(pythia_trace_add_resource(&trace, &none, &span.resource), SQLITE_OK);
            CU_ASSERT_EQUAL_FATAL(pythia_trace_add_span(&trace, &span, NULL), SQLITE_OK);
        }
        CU_ASSERT_EQUAL_FATAL(pythia_trace_build(&trace, &names), SQLITE_OK);
        CU_ASSERT_EQUAL(pythia_items_build(&items, &arena, &trace, &model, &names, 0), SQLITE_OK);
        CU_ASSERT_PTR_NULL(items.learned);
        CU_ASSERT(pythia_items_precede(&items, 0, 1));
        pythia_arena_clear(&arena);
        pythia_trace_clear(&trace);
        pythia_names_clear(&names);
    }
}

PYTHIA_SUITE(trace_learned, {"random traces", test_random}, {"what is stored", test_stored},
             {"limits", test_limits})
