/* test_trace_path.c - requests and critical paths: against a walk over the list of all edges, and by hand. */
#include "tests/unit/trace_util.h"

#include <stdio.h>

typedef struct Setting {
    unsigned what;
    int causality;
    int64_t tolerance_ns;
    int request_end;
} Setting;

static const Setting settings[] = {
    {SAMPLE_POINTED, PYTHIA_CAUSALITY_SIBLINGS, 0, PYTHIA_END_ROOT},
    {SAMPLE_POINTED, PYTHIA_CAUSALITY_SIBLINGS, 0, PYTHIA_END_LAST},
    {SAMPLE_POINTED | SAMPLE_TIES | SAMPLE_ROOTS, PYTHIA_CAUSALITY_SIBLINGS, 0, PYTHIA_END_ROOT},
    {SAMPLE_POINTED | SAMPLE_TIES | SAMPLE_ROOTS, PYTHIA_CAUSALITY_SIBLINGS, 0, PYTHIA_END_LAST},
    {SAMPLE_POINTED | SAMPLE_ROOTS | SAMPLE_ORPHANS, PYTHIA_CAUSALITY_SIBLINGS, 0, PYTHIA_END_LAST},
    {SAMPLE_LINKED | SAMPLE_POINTED | SAMPLE_TIES | SAMPLE_ROOTS, PYTHIA_CAUSALITY_SIBLINGS, 0,
     PYTHIA_END_LAST},
    {SAMPLE_LINKED | SAMPLE_ROOTS, PYTHIA_CAUSALITY_SIBLINGS, 0, PYTHIA_END_LAST},
    {SAMPLE_LINKED | SAMPLE_ROOTS | SAMPLE_ORPHANS, PYTHIA_CAUSALITY_SIBLINGS, 0, PYTHIA_END_LAST},
    {SAMPLE_POINTED | SAMPLE_COARSE, PYTHIA_CAUSALITY_SIBLINGS, -1, PYTHIA_END_ROOT},
    {SAMPLE_POINTED | SAMPLE_COARSE | SAMPLE_ROOTS, PYTHIA_CAUSALITY_SIBLINGS, -1, PYTHIA_END_LAST},
    {SAMPLE_POINTED | SAMPLE_MIXED | SAMPLE_ROOTS, PYTHIA_CAUSALITY_SIBLINGS, -1, PYTHIA_END_LAST},
    {SAMPLE_POINTED | SAMPLE_HALVES | SAMPLE_CYCLES, PYTHIA_CAUSALITY_SIBLINGS, -1,
     PYTHIA_END_AUTO},
    {SAMPLE_POINTED | SAMPLE_TIES, PYTHIA_CAUSALITY_NESTING, 0, PYTHIA_END_ROOT},
    {SAMPLE_LINKED | SAMPLE_ROOTS, PYTHIA_CAUSALITY_NESTING, 0, PYTHIA_END_LAST},
    {SAMPLE_POINTED | SAMPLE_MIXED, PYTHIA_CAUSALITY_NESTING, -1, PYTHIA_END_LAST},
};
enum { NSETTINGS = sizeof settings / sizeof settings[0] };

/* ---- the slow walk -------------------------------------------------------------------------------------- */

typedef struct SlowWalk {
    PythiaStep steps[SAMPLE_EVENTS]; /* from the end to the start */
    uint32_t n;
} SlowWalk;

/* Where the item that ends with this event stands among those of the span. */
static uint32_t position_of(const PythiaTrace *trace, const PythiaModel *model,
                            const PythiaNames *names, uint32_t span, uint32_t event) {
    static SlowItems items;
    slow_items(&items, trace, model, names, span);
    uint32_t i = 0;
    while (i < items.n && items.items[i].last != event)
        i++;
    return i; /* n: the span's start, which is alone */
}

/* The incoming edge with the latest source (ties: the larger position); a link only if it is later than
** all others, and not from before the request. */
static const PythiaEdge *latest_edge(const EdgeList *edges, const PythiaTrace *trace,
                                     const PythiaModel *model, const PythiaNames *names,
                                     const PythiaRequest *request, uint32_t event) {
    const PythiaEdge *best = NULL;
    for (int links = 0; links < 2; links++)
        for (size_t e = 0; e < edges->n; e++) {
            const PythiaEdge *edge = &edges->edges[e];
            if (edge->destination != event || (edge->kind == PYTHIA_EDGE_LINK) != links) continue;
            int64_t t = pythia_event_time_ns(trace, edge->source);
            int64_t best_t = best ? pythia_event_time_ns(trace, best->source) : INT64_MIN;
            if (links && (t <= best_t || t < request->start_ns)) continue;
            if (t < best_t) continue;
            if (best && t == best_t &&
                position_of(trace, model, names, edge->between, edge->source) <
                    position_of(trace, model, names, best->between, best->source))
                continue;
            best = edge;
        }
    return best;
}

static void slow_walk(SlowWalk *walk, const EdgeList *edges, const PythiaTrace *trace,
                      const PythiaModel *model, const PythiaNames *names,
                      const PythiaRequest *request) {
    int64_t time_ns = request->end_ns;
    PythiaStep step = {request->end_event, PYTHIA_NO_SPAN, time_ns, PYTHIA_EDGE_SEQUENCE};
    for (walk->n = 0; walk->n < SAMPLE_EVENTS;) {
        step.time_ns = time_ns;
        walk->steps[walk->n++] = step;
        if (step.event == 2 * request->root) return;
        const PythiaEdge *edge = latest_edge(edges, trace, model, names, request, step.event);
        /* Another root without predecessors: what came before it is the request's own start. */
        step.event = edge ? edge->source : 2 * request->root;
        step.kind = edge ? edge->kind : PYTHIA_EDGE_SEQUENCE;
        step.between = edge ? edge->between : (uint32_t)PYTHIA_NO_SPAN;
        int64_t t = pythia_event_time_ns(trace, step.event);
        if (t < time_ns) time_ns = t;
        if (time_ns < request->start_ns || step.event == 2 * request->root)
            time_ns = request->start_ns;
    }
}

static int wrong_path(const PythiaPath *path, const SlowWalk *walk, const PythiaTrace *trace,
                      const PythiaRequest *request) {
    int wrong = path->n != walk->n;
    for (uint32_t i = 0; i < path->n && !wrong; i++) {
        const PythiaStep *a = &path->steps[i], *b = &walk->steps[walk->n - 1 - i];
        wrong += a->event != b->event || a->time_ns != b->time_ns;
        if (i + 1 < path->n && b->kind != PYTHIA_EDGE_LINK) wrong += a->between != b->between;
        if (i + 1 < path->n) wrong += a->kind != b->kind;
    }
    if (wrong) return wrong;
    /* What is promised whatever the walk is. */
    wrong += path->steps[0].event != 2 * request->root;
    wrong += path->steps[0].time_ns != request->start_ns;
    wrong += path->steps[path->n - 1].event != request->end_event;
    wrong += path->steps[path->n - 1].time_ns != request->end_ns;
    wrong += path->steps[path->n - 1].between != PYTHIA_NO_SPAN;
    int64_t sum = 0;
    for (uint32_t i = 0; i + 1 < path->n; i++) {
        int64_t ns = path->steps[i + 1].time_ns - path->steps[i].time_ns;
        wrong += ns < 0;
        sum += ns;
        /* With one root every stretch belongs to a span. */
        wrong += trace->nroots == 1 && path->steps[i].kind != PYTHIA_EDGE_LINK &&
                 path->steps[i].between == PYTHIA_NO_SPAN;
    }
    return wrong + (sum != request->end_ns - request->start_ns);
}

/* The edges of the path by looking for each pair among all. */
static int wrong_path_edges(const PythiaPathEdges *edges, const PythiaPath *path,
                            const PythiaTrace *trace) {
    int wrong = 0;
    uint32_t distinct = 0;
    int64_t total = 0;
    for (uint32_t i = 0; i + 1 < path->n; i++) {
        uint32_t a = path->steps[i].event, b = path->steps[i + 1].event, first = 1, met = 0;
        int64_t sum = 0;
        for (uint32_t k = 0; k + 1 < path->n; k++) {
            uint32_t c = path->steps[k].event, d = path->steps[k + 1].event;
            if (pythia_event_tracepoint(trace, a) != pythia_event_tracepoint(trace, c) ||
                pythia_event_tracepoint(trace, b) != pythia_event_tracepoint(trace, d) ||
                pythia_event_phase(trace, a) != pythia_event_phase(trace, c) ||
                pythia_event_phase(trace, b) != pythia_event_phase(trace, d))
                continue;
            if (k < i) first = 0;
            sum += path->steps[k + 1].time_ns - path->steps[k].time_ns;
        }
        if (!first) continue;
        uint32_t between = path->steps[i].between;
        const PythiaPathEdge *e = &edges->edges[distinct++];
        if (distinct > edges->n) return wrong + 1;
        met = e->source == pythia_event_tracepoint(trace, a) &&
              e->destination == pythia_event_tracepoint(trace, b) &&
              e->source_phase == pythia_event_phase(trace, a) &&
              e->destination_phase == pythia_event_phase(trace, b);
        wrong += !met || e->value_ns != sum || e->kind != path->steps[i].kind;
        wrong += e->offset_ns != path->steps[i].time_ns - path->steps[0].time_ns;
        wrong += e->between != (between == PYTHIA_NO_SPAN ? 0 : trace->spans[between].tracepoint);
        total += sum;
    }
    int64_t length = path->steps[path->n - 1].time_ns - path->steps[0].time_ns;
    return wrong + (edges->n != distinct) + (total != length);
}

static void check_setting(int s, SampleRandom *random) {
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    PythiaPath path = {0};
    PythiaPathEdges path_edges = {0};
    EdgeList edges = {0};
    PythiaModel model = sample_model();
    static Sample sample;
    static SlowWalk walk;
    int wrong = 0;
    model.causality = settings[s].causality;
    model.order_tolerance_ns = settings[s].tolerance_ns;
    model.request_end = settings[s].request_end;
    for (int round = 0; round < 300 && !wrong; round++) {
        PythiaRequest request;
        sample_make(&sample, random, settings[s].what, 1 + (uint32_t)round % 24);
        CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(edges_collect(&edges, &trace, &model, &names), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(pythia_request_find(&trace, &model, &names, &request), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(pythia_path_walk(&path, &trace, &model, &names, &request), SQLITE_OK);
        slow_walk(&walk, &edges, &trace, &model, &names, &request);
        wrong += wrong_path(&path, &walk, &trace, &request);
        CU_ASSERT_EQUAL_FATAL(pythia_path_edges(&path_edges, &path, &trace), SQLITE_OK);
        wrong += wrong_path_edges(&path_edges, &path, &trace);
        if (wrong) printf("setting %d, round %d: %d\n", s, round, wrong);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    pythia_free(edges.edges);
    pythia_path_edges_clear(&path_edges);
    pythia_path_clear(&path);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

static void test_walk(void) {
    SampleRandom random = {501};
    for (int s = 0; s < NSETTINGS; s++)
        check_setting(s, &random);
}

/* ---- the request ------------------------------------------------------------------------------------------- */

/* At one instant what is unrelated and later wins over what is earlier, the outer span over what it
** holds, and an end over a point. */
static int wrong_last(const PythiaTrace *trace, uint32_t event, int64_t latest) {
    int wrong = 0, phase = pythia_event_phase(trace, event);
    uint32_t span = pythia_event_span(trace, event);
    for (uint32_t i = 0; i < trace->nspans; i++) {
        if (trace->spans[i].to_ns != latest) continue;
        wrong += phase != PYTHIA_PHASE_END;
        wrong += i >= trace->spans[span].last || (i < span && span < trace->spans[i].last);
    }
    return wrong;
}

/* The request's root is the first by time that names no parent; `last` is the latest event of all. */
static void test_request(void) {
    SampleRandom random = {601};
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    PythiaModel model = sample_model();
    static Sample sample;
    int wrong = 0;
    for (int round = 0; round < 600; round++) {
        PythiaRequest request;
        sample_make(&sample, &random,
                    SAMPLE_POINTED | SAMPLE_ROOTS | SAMPLE_ORPHANS | (round % 2 ? SAMPLE_TIES : 0),
                    16);
        CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
        uint32_t root = PYTHIA_NO_SPAN;
        int64_t latest = INT64_MIN;
        for (uint32_t i = 0; i < trace.nspans; i++)
            if (trace.spans[i].parent_id.form == PYTHIA_ID_NONE &&
                (root == PYTHIA_NO_SPAN || trace.spans[i].start_ns < trace.spans[root].start_ns))
                root = i;
        for (uint32_t e = 0; e < pythia_trace_events(&trace); e++)
            if (pythia_event_time_ns(&trace, e) > latest) latest = pythia_event_time_ns(&trace, e);
        for (int end = PYTHIA_END_AUTO; end <= PYTHIA_END_LAST; end++) {
            model.request_end = end;
            wrong += pythia_request_find(&trace, &model, &names, &request) != SQLITE_OK;
            wrong += request.root != root || request.start_ns != trace.spans[root].from_ns;
            wrong += request.type != names.tracepoints[trace.spans[root].tracepoint].text;
            if (end == PYTHIA_END_LAST)
                wrong += request.end_ns != latest || wrong_last(&trace, request.end_event, latest);
            else
                wrong += request.end_event != 2 * root + 1;
            wrong += pythia_event_time_ns(&trace, request.end_event) != request.end_ns;
        }
    }
    CU_ASSERT_EQUAL(wrong, 0);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

typedef struct Rules {
    PythiaTypeRule rules[8]; /* by trace point; rank 0: none */
} Rules;

static const PythiaTypeRule *rule_find(void *context, uint32_t tracepoint) {
    Rules *rules = context;
    return tracepoint < 8 && rules->rules[tracepoint].rank ? &rules->rules[tracepoint] : NULL;
}

/* A rule on any trace point of the trace decides the type, the smallest rank first, and may say which end. */
static void test_request_rules(void) {
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    PythiaModel model = sample_model();
    PythiaRequest request;
    Sample sample = {0};
    Rules rules = {0};
    sample_span(&sample, 1, 0, 0, 100, 1, 1);
    sample_point(&sample, sample_span(&sample, 2, 1, 50, 300, 1, 2), 60, 1);
    CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
    uint32_t slow, slower;
    pythia_names_string(&names, PYTHIA_TEXT("slow"), &slow);
    pythia_names_string(&names, PYTHIA_TEXT("slower"), &slower);
    model.rule = rule_find;
    model.rule_context = &rules;
    CU_ASSERT_EQUAL(pythia_request_find(&trace, &model, &names, &request), SQLITE_OK);
    CU_ASSERT(pythia_text_equal(pythia_names_text(&names, request.type), PYTHIA_TEXT("s1/o1")));
    CU_ASSERT_EQUAL(request.end_ns, 100);
    rules.rules[trace.points[0].tracepoint] = (PythiaTypeRule){slow, 2, PYTHIA_END_LAST};
    CU_ASSERT_EQUAL(pythia_request_find(&trace, &model, &names, &request), SQLITE_OK);
    CU_ASSERT_EQUAL(request.type, slow);
    CU_ASSERT_EQUAL(request.end_ns, 300);
    rules.rules[trace.spans[0].tracepoint] = (PythiaTypeRule){slower, 1, PYTHIA_END_AUTO};
    CU_ASSERT_EQUAL(pythia_request_find(&trace, &model, &names, &request), SQLITE_OK);
    CU_ASSERT_EQUAL(request.type, slower); /* and the model's end, as the rule has none */
    CU_ASSERT_EQUAL(request.end_ns, 100);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

/* An anchor makes `last` the default, a setting overrides it. */
static void test_request_anchor(void) {
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    PythiaModel model = sample_model();
    PythiaRequest request;
    Sample sample = {0};
    sample_span(&sample, 1, 0, 0, 100, 1, 1);
    sample_span(&sample, 2, 1, 50, 300, 1, 2);
    sample.spans[0].flags = sample.spans[1].flags = PYTHIA_SPAN_ANCHORED;
    CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_request_find(&trace, &model, &names, &request), SQLITE_OK);
    CU_ASSERT_EQUAL(request.end_ns, 300);
    model.request_end = PYTHIA_END_ROOT;
    CU_ASSERT_EQUAL(pythia_request_find(&trace, &model, &names, &request), SQLITE_OK);
    CU_ASSERT_EQUAL(request.end_ns, 100);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

/* ---- by hand ------------------------------------------------------------------------------------------------- */

/* Writes the path as "name phase time" words; an end is ), a start (, a point . */
static void path_text(const PythiaPath *path, const PythiaTrace *trace, const PythiaNames *names,
                      char *out, size_t size) {
    size_t n = 0;
    for (uint32_t i = 0; i < path->n && n < size; i++) {
        PythiaText name = pythia_names_tracepoint_text(
            names, pythia_event_tracepoint(trace, path->steps[i].event));
        int phase = pythia_event_phase(trace, path->steps[i].event);
        n += (size_t)snprintf(out + n, size - n, "%s%.*s%c%lld", i ? " " : "", (int)name.n - 3,
                              name.p + 3, "().."[phase], (long long)path -> steps[i].time_ns);
    }
}

static void check_path(const Sample *sample, int request_end, const char *expected) {
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    PythiaPath path = {0};
    PythiaModel model = sample_model();
    PythiaRequest request;
    char text[400];
    model.order_tolerance_ns = 0;
    model.request_end = request_end;
    CU_ASSERT_EQUAL_FATAL(sample_build(sample, &names, &trace), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_request_find(&trace, &model, &names, &request), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_path_walk(&path, &trace, &model, &names, &request), SQLITE_OK);
    path_text(&path, &trace, &names, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, expected);
    pythia_path_clear(&path);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

static void test_by_hand(void) {
    Sample sample = {0};
    sample_span(&sample, 1, 0, 0, 100, 1, 1);
    check_path(&sample, PYTHIA_END_ROOT, "o1(0 o1)100");
    sample_span(&sample, 2, 1, 10, 40, 1, 2);
    sample_span(&sample, 3, 1, 20, 50, 1, 3); /* overlaps 2 and ends later */
    sample_span(&sample, 4, 1, 60, 90, 1, 4);
    check_path(&sample, PYTHIA_END_ROOT, "o1(0 o3(20 o3)50 o4(60 o4)90 o1)100");
    sample_span(&sample, 5, 1, 55, 200, 1, 5); /* asynchronous: not on the way to the root's end */
    check_path(&sample, PYTHIA_END_ROOT, "o1(0 o3(20 o3)50 o4(60 o4)90 o1)100");
    check_path(&sample, PYTHIA_END_LAST, "o1(0 o3(20 o3)50 o5(55 o5)200");
    sample_point(&sample, 3, 80, 1);
    check_path(&sample, PYTHIA_END_ROOT, "o1(0 o3(20 o3)50 o4(60 o4/p1.80 o4)90 o1)100");
    sample_span(&sample, 6, 1, 120, 300, 1, 6); /* begins after the root's end */
    check_path(&sample, PYTHIA_END_LAST,
               "o1(0 o3(20 o3)50 o4(60 o4/p1.80 o4)90 o1)100 o6(120 o6)300");
}

/* Work behind a queue: the link leads back to who filled it. */
static void test_by_link(void) {
    Sample sample = {0};
    sample_span(&sample, 1, 0, 0, 50, 1, 1);
    sample_span(&sample, 2, 1, 10, 40, 1, 2);
    uint32_t worker = sample_span(&sample, 3, 0, 70, 90, 1, 3);
    check_path(&sample, PYTHIA_END_LAST, "o1(0 o2(10 o2)40 o1)50 o3(70 o3)90");
    sample.spans[0].end_ns = 80; /* now the first root ends too late to precede the worker */
    check_path(&sample, PYTHIA_END_LAST, "o1(0 o3(70 o3)90");
    sample_link(&sample, worker, 2, SAMPLE_LINK_HERE);
    check_path(&sample, PYTHIA_END_LAST, "o1(0 o2(10 o2)40 o3(70 o3)90");
}

/* A link to what was before the request: the walk does not leave the request. */
static void test_by_early_link(void) {
    Sample sample = {0};
    sample_span(&sample, 1, 0, 50, 400, 1, 1);
    sample_span(&sample, 2, 99, 0, 300, 1, 2); /* an orphan */
    sample_span(&sample, 3, 2, 10, 20, 1, 3);
    uint32_t worker = sample_span(&sample, 4, 0, 60, 500, 1, 4);
    sample_link(&sample, worker, 3, SAMPLE_LINK_BARE);
    check_path(&sample, PYTHIA_END_LAST, "o1(50 o4(60 o4)500");
}

/* A clock that ticks in milliseconds: the second query starts "before" the first has ended. */
static void test_by_coarse_clock(void) {
    enum { MS = 1000000 };
    Sample sample = {0};
    sample_span(&sample, 1, 0, 0, 20 * MS + 300000, 1, 1);
    sample_span(&sample, 2, 1, 1 * MS, 9 * MS + 700000, 1, 2);
    sample_span(&sample, 3, 1, 9 * MS, 20 * MS + 900000, 1, 3); /* and the last after its parent */
    check_path(&sample, PYTHIA_END_ROOT, "o1(0 o2(1000000 o2)9700000 o1)20300000");
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    PythiaPath path = {0};
    PythiaModel model = sample_model();
    PythiaRequest request;
    char text[400];
    CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_request_find(&trace, &model, &names, &request), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_path_walk(&path, &trace, &model, &names, &request), SQLITE_OK);
    path_text(&path, &trace, &names, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "o1(0 o2(1000000 o2)9000000 o3(9000000 o3)20300000 o1)20300000");
    pythia_path_clear(&path);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

PYTHIA_SUITE(trace_path, {"the walk", test_walk}, {"the request", test_request},
             {"request types", test_request_rules}, {"anchors", test_request_anchor},
             {"paths by hand", test_by_hand}, {"over a link", test_by_link},
             {"a link from before the request", test_by_early_link},
             {"under a coarse clock", test_by_coarse_clock})
