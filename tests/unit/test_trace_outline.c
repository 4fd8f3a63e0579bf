/* test_trace_outline.c - happened-before from columns (outline.h) against the labels of before.h, which
** test_trace_before.c compares with a closure. */
#include "ext/trace/before.h"
#include "ext/trace/outline.h"
#include "tests/unit/trace_util.h"

#include <stdio.h>

static const struct {
    unsigned what;
    int64_t tolerance_ns;
} settings[] = {
    {0, 0},
    {SAMPLE_POINTED, 0},
    {SAMPLE_POINTED | SAMPLE_TIES, 0},
    {SAMPLE_POINTED | SAMPLE_TIES | SAMPLE_ROOTS, 0},
    {SAMPLE_POINTED | SAMPLE_TIES | SAMPLE_ORPHANS | SAMPLE_HALVES, 0},
    {SAMPLE_POINTED | SAMPLE_ROOTS, 2},
    {SAMPLE_POINTED | SAMPLE_TIES | SAMPLE_ROOTS, 2},
    {SAMPLE_POINTED | SAMPLE_COARSE | SAMPLE_ROOTS, 2000000},
    {SAMPLE_POINTED | SAMPLE_TIES | SAMPLE_SHARED | SAMPLE_CONFLICTS, 1},
};

/* The trace as columns. */
typedef struct Columns {
    int64_t parent[SAMPLE_EVENTS], from_ns[SAMPLE_EVENTS], to_ns[SAMPLE_EVENTS];
    int64_t point_span[SAMPLE_EVENTS], point_ns[SAMPLE_EVENTS];
    PythiaOutlineSpan spans[SAMPLE_EVENTS];
    uint32_t scratch[2 * SAMPLE_EVENTS + 1];
} Columns;
enum { OFFSET = 1000 };

static PythiaOutline outline_of(Columns *c, const PythiaTrace *trace, int64_t tolerance_ns) {
    for (uint32_t i = 0; i < trace->nspans; i++) {
        const PythiaSpan *s = &trace->spans[i];
        c->parent[i] = s->parent < 0 ? 0 : (int64_t)i - s->parent;
        c->from_ns[i] = s->from_ns;
        c->to_ns[i] = s->to_ns;
    }
    for (uint32_t k = 0; k < trace->npoints; k++) {
        c->point_span[k] = trace->points[k].span + OFFSET;
        c->point_ns[k] = trace->points[k].time_ns;
    }
    CU_ASSERT_EQUAL_FATAL(pythia_outline_make(c->spans, c->parent, c->from_ns, c->to_ns,
                                              trace->nspans, tolerance_ns, c->scratch),
                          1);
    return (PythiaOutline){.spans = c->spans,
                           .from_ns = c->from_ns,
                           .to_ns = c->to_ns,
                           .nspans = trace->nspans,
                           .point_span = c->point_span,
                           .point_ns = c->point_ns,
                           .npoints = trace->npoints,
                           .first_span = OFFSET,
                           .tolerance_ns = tolerance_ns};
}

static int wrong_tests(PythiaBefore *b, const PythiaOutline *o, uint64_t *pairs) {
    int wrong = 0;
    uint32_t n = pythia_trace_events(b->trace);
    for (uint32_t x = 0; x < n; x++)
        for (uint32_t y = 0; y < n; y++) {
            int yes;
            CU_ASSERT_EQUAL_FATAL(pythia_before_test(b, x, y, &yes), SQLITE_OK);
            wrong += yes != pythia_outline_test(o, x, y);
            *pairs += (uint64_t)yes;
        }
    for (uint32_t s = 0; s < o->nspans; s++)
        for (uint32_t t = 0; t < o->nspans; t++) {
            unsigned bits = pythia_outline_spans(o, s, t);
            for (unsigned k = 0; k < 4; k++) {
                int yes;
                CU_ASSERT_EQUAL_FATAL(
                    pythia_before_test(b, 2 * s + (k >> 1), 2 * t + (k & 1), &yes), SQLITE_OK);
                wrong += yes != (int)(bits >> k & 1);
            }
        }
    return wrong;
}

static void test_outline(void) {
    SampleRandom random = {601};
    PythiaTrace trace = {0};
    PythiaBefore before = {0};
    static Sample sample;
    static Columns columns;
    for (size_t s = 0; s < sizeof settings / sizeof *settings; s++) {
        PythiaNames names = {0};
        PythiaModel model = sample_model();
        int wrong = 0;
        uint64_t pairs = 0;
        model.order_tolerance_ns = settings[s].tolerance_ns;
        for (uint32_t round = 0; round < 500 && !wrong; round++) {
            sample_make(&sample, &random, settings[s].what, 1 + round % 40);
            CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
            CU_ASSERT_EQUAL_FATAL(pythia_before_build(&before, &trace, &model, &names), SQLITE_OK);
            PythiaOutline o = outline_of(&columns, &trace, settings[s].tolerance_ns);
            wrong = wrong_tests(&before, &o, &pairs);
            if (wrong) printf("setting %zu, round %u: %d wrong\n", s, round, wrong);
        }
        CU_ASSERT_EQUAL(wrong, 0);
        CU_ASSERT(pairs > 1000);
        pythia_names_clear(&names);
    }
    pythia_before_clear(&before);
    pythia_trace_clear(&trace);
}

/* Siblings that all overlap are left to others; those that follow each other are not. */
static void test_overlap(void) {
    enum { N = 1000 };
    static int64_t parent[N], from_ns[N], to_ns[N];
    static PythiaOutlineSpan spans[N];
    static uint32_t scratch[2 * N + 1];
    for (int overlap = 0; overlap < 2; overlap++) {
        to_ns[0] = 10 * N;
        for (uint32_t i = 1; i < N; i++) {
            parent[i] = i;
            from_ns[i] = 10 * i;
            to_ns[i] = overlap ? 10 * N : 10 * i + 10;
        }
        int made = pythia_outline_make(spans, parent, from_ns, to_ns, N, 0, scratch);
        CU_ASSERT_EQUAL(made, !overlap);
    }
    PythiaOutline o = {.spans = spans, .nspans = N};
    CU_ASSERT_EQUAL(pythia_outline_spans(&o, 1, N - 1), 15);
    CU_ASSERT_EQUAL(pythia_outline_spans(&o, N - 1, 1), 0);
}

PYTHIA_SUITE(trace_outline, {"tests equal those of the labels", test_outline},
             {"siblings that overlap", test_overlap})
