/* test_trace_order.c - the causal order inside spans, the edges of a trace, and happened-before, against the
** definitions tried out on every pair. */
#include "tests/unit/trace_util.h"

#include <stdio.h>

enum { WORDS = SAMPLE_EVENTS / 64 };

/* A setting under which random traces are looked at. */
typedef struct Setting {
    unsigned what;
    int causality;
    int64_t tolerance_ns; /* -1: from the resolutions */
} Setting;

static const Setting settings[] = {
    {SAMPLE_POINTED, PYTHIA_CAUSALITY_SIBLINGS, 0},
    {SAMPLE_POINTED | SAMPLE_TIES | SAMPLE_ROOTS, PYTHIA_CAUSALITY_SIBLINGS, 0},
    {SAMPLE_POINTED | SAMPLE_TIES | SAMPLE_ORPHANS, PYTHIA_CAUSALITY_SIBLINGS, 0},
    {SAMPLE_POINTED | SAMPLE_TIES | SAMPLE_ROOTS, PYTHIA_CAUSALITY_SIBLINGS, 2},
    {SAMPLE_POINTED | SAMPLE_COARSE | SAMPLE_ROOTS, PYTHIA_CAUSALITY_SIBLINGS, -1},
    {SAMPLE_POINTED | SAMPLE_MIXED | SAMPLE_ROOTS, PYTHIA_CAUSALITY_SIBLINGS, -1},
    {SAMPLE_POINTED | SAMPLE_TIES | SAMPLE_ROOTS, PYTHIA_CAUSALITY_NESTING, 0},
    {SAMPLE_POINTED | SAMPLE_COARSE, PYTHIA_CAUSALITY_NESTING, -1},
    {SAMPLE_POINTED | SAMPLE_MIXED, PYTHIA_CAUSALITY_NESTING, -1},
};
enum { NSETTINGS = sizeof settings / sizeof settings[0] };

/* Wide and flat: all below one root, so that the items of one span are many. */
static void flatten(Sample *sample) {
    for (uint32_t i = 0; i < sample->nspans; i++)
        sample->spans[i].parent = i ? sample->spans[0].id : 0;
}

/* ---- the items of one span ------------------------------------------------------------------------------ */

/* What order.h says of nesting: children have no predecessors, points the point before them, the end
** everything that precedes it. */
static uint32_t nesting_cover(const SlowItems *slow, uint32_t j, uint32_t *cover) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < j; i++) {
        if (!slow_before(slow, i, j)) continue;
        if (!slow->items[j].is_end) n = 0;
        cover[n++] = i;
    }
    return n;
}

/* The walk gives the same set, each once, the largest (to, position) first. */
static int wrong_cover(const PythiaItems *items, const SlowItems *slow, uint32_t j) {
    uint32_t cover[SAMPLE_EVENTS], given[SAMPLE_EVENTS], ngiven = 0;
    uint32_t n = slow->nesting ? nesting_cover(slow, j, cover) : slow_cover(slow, j, cover);
    PythiaCover state = {0};
    for (uint32_t i; (i = pythia_items_cover(items, j, &state)) != PYTHIA_NO_ITEM;) {
        if (ngiven == n) return 1;
        given[ngiven++] = i;
    }
    if (ngiven != n) return 1;
    int wrong = 0;
    for (uint32_t g = 0; g < n; g++) {
        uint32_t c = 0;
        while (c < n && cover[c] != given[g])
            c++;
        wrong += c == n;
        if (!g) continue;
        const SlowItem *a = &slow->items[given[g - 1]], *b = &slow->items[given[g]];
        wrong += a->to_ns != b->to_ns ? a->to_ns < b->to_ns : given[g - 1] <= given[g];
    }
    return wrong;
}

static int wrong_items(const PythiaItems *items, const SlowItems *slow) {
    int wrong = items->n != slow->n;
    uint32_t end = slow->n;
    for (uint32_t i = 0; i < slow->n && !wrong; i++) {
        const PythiaItem *a = &items->items[i];
        const SlowItem *b = &slow->items[i];
        wrong += a->first != b->first || a->last != b->last;
        wrong += a->from_ns != b->from_ns || a->to_ns != b->to_ns;
        if (b->is_end) end = i;
    }
    wrong += items->end != end;
    for (uint32_t j = 0; j < slow->n && !wrong; j++) {
        for (uint32_t i = 0; i < slow->n; i++)
            wrong += !!pythia_items_precede(items, i, j) != slow_precede(slow, i, j);
        wrong += wrong_cover(items, slow, j);
    }
    return wrong;
}

static void test_items(void) {
    SampleRandom random = {101};
    PythiaTrace trace = {0};
    PythiaArena arena = {0};
    static SlowItems slow;
    static Sample sample;
    for (int s = 0; s < NSETTINGS; s++) {
        PythiaNames names = {0}; /* resolutions are those of this setting */
        PythiaModel model = sample_model();
        int wrong = 0;
        model.causality = settings[s].causality;
        model.order_tolerance_ns = settings[s].tolerance_ns;
        for (int round = 0; round < 400 && !wrong; round++) {
            sample_make(&sample, &random, settings[s].what, 1 + (uint32_t)round % 32);
            if (round % 2) flatten(&sample);
            CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
            for (uint32_t i = 0; i <= trace.nspans && !wrong; i++) {
                uint32_t span = i ? i - 1 : (uint32_t)PYTHIA_NO_SPAN;
                PythiaItems items;
                pythia_arena_reset(&arena);
                CU_ASSERT_EQUAL_FATAL(
                    pythia_items_build(&items, &arena, &trace, &model, &names, span), SQLITE_OK);
                slow_items(&slow, &trace, &model, &names, span);
                wrong = wrong_items(&items, &slow);
            }
            if (wrong) printf("setting %d, round %d\n", s, round);
        }
        CU_ASSERT_EQUAL(wrong, 0);
        pythia_names_clear(&names);
    }
    pythia_arena_clear(&arena);
    pythia_trace_clear(&trace);
}

/* ---- happened-before ---------------------------------------------------------------------------------------- */

static SlowItems slow_of[SAMPLE_SPANS + 1]; /* [span + 1]; [0]: of the trace */

static const SlowItems *slow_at(uint32_t span) {
    return &slow_of[span == PYTHIA_NO_SPAN ? 0 : span + 1];
}

static int is_inside(const PythiaTrace *t, uint32_t span, uint32_t event) {
    int32_t s = (int32_t)pythia_event_span(t, event);
    while (s >= 0 && s != (int32_t)span)
        s = t->spans[s].parent;
    return s >= 0;
}

/* Position of the item of `span` that contains the event; NO_ITEM: the start of the span. */
static uint32_t item_of(const PythiaTrace *t, uint32_t span, uint32_t event) {
    const SlowItems *items = slow_at(span);
    for (uint32_t i = 0; i < items->n; i++) {
        const SlowItem *item = &items->items[i];
        int is_child = item->first != item->last;
        if (is_child ? is_inside(t, item->first / 2, event) : item->first == event) return i;
    }
    return PYTHIA_NO_ITEM;
}

/* Whether x, somewhere inside the item that ends with `last`, comes before that end or is it: not when
** something asynchronous lies between. */
static int reaches(const PythiaTrace *t, uint32_t x, uint32_t last) {
    while (x != last && x != last - 1) {
        uint32_t span = last / 2, i = item_of(t, span, x), end = item_of(t, span, last);
        if (!slow_before(slow_at(span), i, end)) return 0;
        last = slow_at(span)->items[i].last;
    }
    return 1;
}

/* The rule of the lowest common ancestor. */
static int happened_before(const PythiaTrace *t, uint32_t x, uint32_t y) {
    uint32_t span = PYTHIA_NO_SPAN;
    if (x == y) return 0;
    for (;;) {
        uint32_t i = item_of(t, span, x), j = item_of(t, span, y);
        if (i == PYTHIA_NO_ITEM) return 1; /* x is the start of a span that y lies in */
        if (j == PYTHIA_NO_ITEM) return 0;
        const SlowItem *item = &slow_at(span)->items[i];
        if (i != j) return slow_before(slow_at(span), i, j) && reaches(t, x, item->last);
        span = item->first / 2;
    }
}

static uint64_t reach[SAMPLE_EVENTS][WORDS];

static int reach_get(uint32_t x, uint32_t y) {
    return (int)(reach[x][y / 64] >> (y % 64) & 1);
}

/* The transitive closure, after Warshall, 1962. Returns whether there is a cycle. */
static int closure_make(const EdgeList *edges, uint32_t n) {
    int cyclic = 0;
    memset(reach, 0, sizeof reach);
    for (size_t e = 0; e < edges->n; e++)
        reach[edges->edges[e].source][edges->edges[e].destination / 64] |=
            (uint64_t)1 << (edges->edges[e].destination % 64);
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t w = 0; reach_get(i, k) && w < WORDS; w++)
                reach[i][w] |= reach[k][w];
    for (uint32_t i = 0; i < n; i++)
        cyclic |= reach_get(i, i);
    return cyclic;
}

/* Reachability over the edges is happened-before. Not for tolerances that depend on the pair: there
** `precedes` is no order, and only acyclicity is asked for. */
static void test_happened_before(void) {
    SampleRandom random = {201};
    PythiaTrace trace = {0};
    EdgeList edges = {0};
    static Sample sample;
    for (int s = 0; s < NSETTINGS; s++) {
        PythiaNames names = {0};
        PythiaModel model = sample_model();
        int wrong = 0, mixed = (settings[s].what & SAMPLE_MIXED) != 0;
        model.causality = settings[s].causality;
        model.order_tolerance_ns = settings[s].tolerance_ns;
        for (int round = 0; round < 150 && !wrong; round++) {
            sample_make(&sample, &random, settings[s].what, 1 + (uint32_t)round % 16);
            CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
            CU_ASSERT_EQUAL_FATAL(edges_collect(&edges, &trace, &model, &names), SQLITE_OK);
            uint32_t n = pythia_trace_events(&trace);
            wrong += closure_make(&edges, n);
            for (uint32_t i = 0; i <= trace.nspans; i++)
                slow_items(&slow_of[i], &trace, &model, &names, i ? i - 1 : PYTHIA_NO_SPAN);
            for (uint32_t x = 0; x < n && !mixed; x++)
                for (uint32_t y = 0; y < n; y++)
                    wrong += reach_get(x, y) != happened_before(&trace, x, y);
            if (wrong) printf("setting %d, round %d: %d\n", s, round, wrong);
        }
        CU_ASSERT_EQUAL(wrong, 0);
        pythia_names_clear(&names);
    }
    pythia_free(edges.edges);
    pythia_trace_clear(&trace);
}

/* ---- edges ---------------------------------------------------------------------------------------------------- */

/* The kind of an edge as order.h describes it; i NO_ITEM: from the start of the span. */
static int slow_kind(const SlowItems *items, uint32_t i, uint32_t j, uint32_t ncover) {
    const SlowItem *to = &items->items[j];
    if (i != PYTHIA_NO_ITEM) {
        if (!to->is_end || items->items[i].is_point) return PYTHIA_EDGE_SEQUENCE;
        return ncover == 1 ? PYTHIA_EDGE_RETURN : PYTHIA_EDGE_JOIN;
    }
    if (to->is_end || to->is_point) return PYTHIA_EDGE_SEQUENCE;
    for (uint32_t e = 0; e < items->n; e++)
        if (items->items[e].is_end && to->to_ns > items->items[e].to_ns &&
            !slow_precede(items, j, e))
            return PYTHIA_EDGE_FORK;
    return PYTHIA_EDGE_CALL;
}

/* Takes the edge out of the list; 0: it is not there. */
static int edge_take(EdgeList *edges, uint32_t source, uint32_t destination, uint32_t between,
                     int kind) {
    for (size_t e = 0; e < edges->n; e++) {
        const PythiaEdge *edge = &edges->edges[e];
        if (edge->source != source || edge->destination != destination ||
            edge->between != between || edge->kind != kind)
            continue;
        edges->edges[e] = edges->edges[--edges->n];
        return 1;
    }
    return 0;
}

static int wrong_edges(EdgeList *edges, const PythiaTrace *trace, const PythiaModel *model,
                       const PythiaNames *names) {
    static SlowItems items;
    int wrong = 0;
    for (uint32_t s = 0; s <= trace->nspans; s++) {
        uint32_t span = s ? s - 1 : (uint32_t)PYTHIA_NO_SPAN, cover[SAMPLE_EVENTS];
        slow_items(&items, trace, model, names, span);
        for (uint32_t j = 0; j < items.n; j++) {
            uint32_t n = slow_cover(&items, j, cover), first = items.items[j].first;
            for (uint32_t c = 0; c < n; c++)
                wrong += !edge_take(edges, items.items[cover[c]].last, first, span,
                                    slow_kind(&items, cover[c], j, n));
            if (!n && span != PYTHIA_NO_SPAN)
                wrong += !edge_take(edges, 2 * span, first, span,
                                    slow_kind(&items, PYTHIA_NO_ITEM, j, 0));
        }
    }
    return wrong + (edges->n != 0); /* nothing else */
}

static void test_edges(void) {
    SampleRandom random = {301};
    PythiaTrace trace = {0};
    EdgeList edges = {0};
    static Sample sample;
    for (int s = 0; s < NSETTINGS; s++) {
        if (settings[s].causality != PYTHIA_CAUSALITY_SIBLINGS) continue;
        PythiaNames names = {0};
        PythiaModel model = sample_model();
        int wrong = 0;
        model.order_tolerance_ns = settings[s].tolerance_ns;
        for (int round = 0; round < 150 && !wrong; round++) {
            sample_make(&sample, &random, settings[s].what, 1 + (uint32_t)round % 20);
            CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
            CU_ASSERT_EQUAL_FATAL(edges_collect(&edges, &trace, &model, &names), SQLITE_OK);
            wrong = wrong_edges(&edges, &trace, &model, &names);
        }
        CU_ASSERT_EQUAL(wrong, 0);
        pythia_names_clear(&names);
    }
    pythia_free(edges.edges);
    pythia_trace_clear(&trace);
}

static int stop_at(void *context, const PythiaEdge *edge) {
    (void)edge;
    return --*(int *)context ? SQLITE_OK : SQLITE_INTERRUPT;
}

static void test_edges_stop(void) {
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    PythiaModel model = sample_model();
    Sample sample = {0};
    for (uint32_t i = 0; i < 10; i++)
        sample_span(&sample, i + 1, i ? 1 : 0, 10 * i, i ? 10 * i + 10 : 200, 1, i);
    CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
    int left = 5;
    CU_ASSERT_EQUAL(pythia_trace_edges(&trace, &model, &names, stop_at, &left), SQLITE_INTERRUPT);
    CU_ASSERT_EQUAL(left, 0);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

/* ---- links ------------------------------------------------------------------------------------------------------ */

/* The latest event of the linked span that is not later than the linking span's start. At one instant
** the start comes first, then the points, then the end. */
static uint32_t slow_source(const PythiaTrace *t, const PythiaLinkTo *link) {
    uint32_t linked = 0, best = PYTHIA_NO_SPAN, linking = link->from_span;
    int64_t start = t->spans[linking].from_ns;
    if (link->trace.form != PYTHIA_ID_NONE && !pythia_id_equal(link->trace, t->id))
        return PYTHIA_NO_SPAN;
    while (linked < t->nspans && !pythia_id_equal(t->spans[linked].id, link->span))
        linked++;
    if (linked == t->nspans || linked == linking) return PYTHIA_NO_SPAN;
    uint32_t events[SAMPLE_POINTS + 2], n = 0;
    events[n++] = 2 * linked;
    for (uint32_t p = 0; p < t->npoints; p++)
        if (t->points[p].span == linked) events[n++] = 2 * t->nspans + p;
    events[n++] = 2 * linked + 1;
    for (uint32_t e = 0; e < n; e++)
        if (pythia_event_time_ns(t, events[e]) <= start &&
            (best == PYTHIA_NO_SPAN ||
             pythia_event_time_ns(t, events[e]) >= pythia_event_time_ns(t, best)))
            best = events[e];
    if (best == PYTHIA_NO_SPAN || pythia_event_time_ns(t, best) < start) return best;
    /* At the same instant only towards what comes later in preorder, and not inwards. */
    return linked < linking && t->spans[linked].last <= linking ? best : (uint32_t)PYTHIA_NO_SPAN;
}

static void test_links(void) {
    static const unsigned whats[] = {SAMPLE_LINKED | SAMPLE_POINTED,
                                     SAMPLE_LINKED | SAMPLE_POINTED | SAMPLE_TIES | SAMPLE_ROOTS,
                                     SAMPLE_LINKED | SAMPLE_SHARED | SAMPLE_TIES | SAMPLE_ROOTS};
    SampleRandom random = {401};
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    PythiaArena arena = {0};
    EdgeList edges = {0};
    PythiaModel model = sample_model();
    static Sample sample;
    int wrong = 0, used = 0, refused = 0;
    model.order_tolerance_ns = 0;
    for (int round = 0; round < 1200 && !wrong; round++) {
        sample_make(&sample, &random, whats[round % 3], 20);
        CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
        const uint32_t *sources;
        pythia_arena_reset(&arena);
        CU_ASSERT_EQUAL_FATAL(pythia_trace_link_sources(&trace, &arena, &sources), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(edges_collect(&edges, &trace, &model, &names), SQLITE_OK);
        wrong += closure_make(&edges, pythia_trace_events(&trace)); /* no cycle */
        for (uint32_t l = 0; l < trace.nlinks; l++) {
            uint32_t source = slow_source(&trace, &trace.links[l]);
            wrong += sources[l] != source;
            if (source != PYTHIA_NO_SPAN)
                wrong += !edge_take(&edges, source, 2 * trace.links[l].from_span, PYTHIA_NO_SPAN,
                                    PYTHIA_EDGE_LINK);
            *(source == PYTHIA_NO_SPAN ? &refused : &used) += 1;
        }
        for (size_t e = 0; e < edges.n; e++)
            wrong += edges.edges[e].kind == PYTHIA_EDGE_LINK;
        if (wrong) printf("round %d\n", round);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(used > 500 && refused > 500);
    pythia_free(edges.edges);
    pythia_arena_clear(&arena);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

static void test_names_of_kinds(void) {
    CU_ASSERT_STRING_EQUAL(pythia_phase_name(PYTHIA_PHASE_START), "start");
    CU_ASSERT_STRING_EQUAL(pythia_phase_name(PYTHIA_PHASE_END), "end");
    CU_ASSERT_STRING_EQUAL(pythia_phase_name(PYTHIA_PHASE_POINT), "point");
    CU_ASSERT_STRING_EQUAL(pythia_phase_name(7), "?");
    CU_ASSERT_STRING_EQUAL(pythia_edge_name(PYTHIA_EDGE_SEQUENCE), "sequence");
    CU_ASSERT_STRING_EQUAL(pythia_edge_name(PYTHIA_EDGE_CALL), "call");
    CU_ASSERT_STRING_EQUAL(pythia_edge_name(PYTHIA_EDGE_RETURN), "return");
    CU_ASSERT_STRING_EQUAL(pythia_edge_name(PYTHIA_EDGE_FORK), "fork");
    CU_ASSERT_STRING_EQUAL(pythia_edge_name(PYTHIA_EDGE_JOIN), "join");
    CU_ASSERT_STRING_EQUAL(pythia_edge_name(PYTHIA_EDGE_LINK), "link");
    CU_ASSERT_STRING_EQUAL(pythia_edge_name(-1), "?");
}

/* Events by number: phase, span, trace point, effective and recorded time. */
static void test_events(void) {
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    Sample sample = {0};
    sample_span(&sample, 1, 0, 100, 200, 1, 1);
    sample_point(&sample, sample_span(&sample, 2, 1, 90, 80, 1, 2), 95, 1);
    CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_trace_events(&trace), 5);
    CU_ASSERT_EQUAL(pythia_event_phase(&trace, 2), PYTHIA_PHASE_START);
    CU_ASSERT_EQUAL(pythia_event_phase(&trace, 3), PYTHIA_PHASE_END);
    CU_ASSERT_EQUAL(pythia_event_phase(&trace, 4), PYTHIA_PHASE_POINT);
    CU_ASSERT_EQUAL(pythia_event_span(&trace, 3), 1);
    CU_ASSERT_EQUAL(pythia_event_span(&trace, 4), 1);
    CU_ASSERT_EQUAL(pythia_event_time_ns(&trace, 2), 100);
    CU_ASSERT_EQUAL(pythia_event_time_ns(&trace, 3), 100);
    CU_ASSERT_EQUAL(pythia_event_time_ns(&trace, 4), 100);
    CU_ASSERT_EQUAL(pythia_event_raw_ns(&trace, 2), 90);
    CU_ASSERT_EQUAL(pythia_event_raw_ns(&trace, 3), 80);
    CU_ASSERT_EQUAL(pythia_event_raw_ns(&trace, 4), 95);
    PythiaText text = pythia_names_tracepoint_text(&names, pythia_event_tracepoint(&trace, 4));
    CU_ASSERT(pythia_text_equal(text, PYTHIA_TEXT("s1/o2/p1")));
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

PYTHIA_SUITE(trace_order, {"items, precedes and cover", test_items},
             {"happened-before is reachability", test_happened_before},
             {"edges and their kinds", test_edges}, {"edges stop when told", test_edges_stop},
             {"links", test_links}, {"names of kinds", test_names_of_kinds},
             {"events by number", test_events})
