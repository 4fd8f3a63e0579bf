/* test_trace_dag.c - traces that are DAGs of single events: edges, critical path and structure come from the
** recorded predecessors alone. */
#include "ext/trace/signature.h"
#include "tests/unit/test.h"

typedef struct Dag {
    PythiaTrace trace;
    PythiaNames names;
    PythiaModel model;
} Dag;

static uint32_t tracepoint(Dag *dag, const char *name) {
    uint32_t service, operation, id;
    CU_ASSERT_FATAL(!pythia_names_string(&dag->names, PYTHIA_TEXT("agent"), &service));
    CU_ASSERT_FATAL(!pythia_names_string(&dag->names, pythia_text(name), &operation));
    CU_ASSERT_FATAL(!pythia_names_tracepoint(&dag->names, service, operation, 0, &id));
    return id;
}

static PythiaId number(uint64_t n) {
    return (PythiaId){0, n, n ? PYTHIA_ID_HEX16 : PYTHIA_ID_NONE};
}

static void event(Dag *dag, uint64_t id, uint64_t parent, int64_t time_ns, const char *name) {
    PythiaSpan span = {.id = number(id),
                       .parent_id = number(parent),
                       .start_ns = time_ns,
                       .end_ns = time_ns,
                       .flags = PYTHIA_SPAN_EVENT,
                       .tracepoint = tracepoint(dag, name)};
    CU_ASSERT_FATAL(!pythia_trace_add_span(&dag->trace, &span, NULL));
}

/* One more predecessor of the event added last. */
static void also_after(Dag *dag, uint64_t parent) {
    PythiaLinkTo link = {
        .span = number(parent), .from_span = dag->trace.nspans - 1, .kind = PYTHIA_LINK_PARENT};
    CU_ASSERT_FATAL(!pythia_trace_add_link(&dag->trace, &link, NULL));
}

/* S forks into A and B, which overlap in time with nothing else and join in J; E follows. */
static void diamond(Dag *dag, int reversed) {
    memset(dag, 0, sizeof *dag);
    dag->model.grouping = PYTHIA_GROUPING_STRUCTURE;
    dag->model.order_tolerance_ns = -1;
    dag->trace.id = number(99);
    if (reversed) {
        event(dag, 5, 4, 500, "E");
        event(dag, 4, 3, 400, "J");
        also_after(dag, 2);
    }
    event(dag, 1, 0, 100, "S");
    event(dag, 2, 1, 200, "A");
    event(dag, 3, 1, 300, "B");
    if (!reversed) {
        event(dag, 4, 2, 400, "J");
        also_after(dag, 3);
        event(dag, 5, 4, 500, "E");
    }
    CU_ASSERT_FATAL(!pythia_trace_build(&dag->trace, &dag->names));
    CU_ASSERT_FATAL(dag->trace.is_dag);
    CU_ASSERT_EQUAL(dag->trace.status, PYTHIA_TRACE_COMPLETE);
}

static void clear(Dag *dag) {
    pythia_trace_clear(&dag->trace);
    pythia_names_clear(&dag->names);
}

static const char *name_of(const Dag *dag, uint32_t event_number) {
    return pythia_names_tracepoint_text(&dag->names,
                                        pythia_event_tracepoint(&dag->trace, event_number))
        .p;
}

typedef struct Seen {
    const Dag *dag;
    char text[256];
} Seen;

static int see(void *context, const PythiaEdge *edge) {
    Seen *seen = context;
    size_t n = strlen(seen->text);
    sqlite3_snprintf((int)(sizeof seen->text - n), seen->text + n, "%s%s %s %s;", n ? " " : "",
                     name_of(seen->dag, edge->source) + 6, pythia_edge_name(edge->kind),
                     name_of(seen->dag, edge->destination) + 6);
    return SQLITE_OK;
}

/* A and B are not ordered by their times, as siblings of a span would be. */
static void test_edges(void) {
    Dag dag;
    diamond(&dag, 0);
    Seen seen = {&dag, ""};
    CU_ASSERT_EQUAL(pythia_trace_edges(&dag.trace, &dag.model, &dag.names, see, &seen), SQLITE_OK);
    CU_ASSERT_STRING_EQUAL(seen.text, "S fork A; A join J; J sequence E; S fork B; B join J;");
    for (uint32_t i = 0; i < pythia_trace_events(&dag.trace); i++)
        if (pythia_event_exists(&dag.trace, i))
            CU_ASSERT_EQUAL(pythia_event_phase(&dag.trace, i), PYTHIA_PHASE_POINT);
    clear(&dag);
}

static void test_path(void) {
    Dag dag;
    diamond(&dag, 0);
    PythiaRequest request;
    PythiaPath path = {0};
    CU_ASSERT_FATAL(!pythia_request_find(&dag.trace, &dag.model, &dag.names, &request));
    CU_ASSERT_EQUAL(request.end_ns - request.start_ns, 400);
    CU_ASSERT_FATAL(!pythia_path_walk(&path, &dag.trace, &dag.model, &dag.names, &request));
    static const char *const expected[] = {"S", "B", "J", "E"}; /* by way of the later branch */
    CU_ASSERT_EQUAL_FATAL(path.n, 4);
    for (uint32_t i = 0; i < 4; i++)
        CU_ASSERT_STRING_EQUAL(name_of(&dag, path.steps[i].event) + 6, expected[i]);
    CU_ASSERT_EQUAL(path.steps[0].kind, PYTHIA_EDGE_FORK);
    CU_ASSERT_EQUAL(path.steps[1].kind, PYTHIA_EDGE_JOIN);
    CU_ASSERT_EQUAL(path.steps[3].time_ns - path.steps[0].time_ns, 400);
    pythia_path_clear(&path);
    clear(&dag);
}

static PythiaHash128 structure(Dag *dag) {
    PythiaRequest request;
    PythiaPath path = {0};
    PythiaCallPaths call_paths = {0};
    PythiaTracePaths paths = {0};
    PythiaHash128 signature = {0, 0};
    CU_ASSERT_FATAL(!pythia_request_find(&dag->trace, &dag->model, &dag->names, &request));
    CU_ASSERT_FATAL(!pythia_path_walk(&path, &dag->trace, &dag->model, &dag->names, &request));
    CU_ASSERT_FATAL(!pythia_trace_paths(&paths, &call_paths, &dag->trace, &dag->names));
    CU_ASSERT_FATAL(!pythia_signature(&dag->trace, &dag->model, &dag->names, &request, &path,
                                      &call_paths, &paths, &signature));
    pythia_path_clear(&path);
    pythia_call_paths_clear(&call_paths);
    pythia_trace_paths_clear(&paths);
    return signature;
}

/* Which predecessor came first, and in which order the reports arrived, does not matter; an edge more does. */
static void test_structure(void) {
    Dag one, other;
    diamond(&one, 0);
    diamond(&other, 1);
    PythiaHash128 a = structure(&one), b = structure(&other);
    CU_ASSERT(a.hi == b.hi && a.lo == b.lo);
    clear(&other);
    memset(&other, 0, sizeof other);
    other.model = one.model;
    event(&other, 1, 0, 100, "S");
    event(&other, 2, 1, 200, "A");
    event(&other, 3, 1, 300, "B");
    event(&other, 4, 2, 400, "J");
    event(&other, 5, 4, 500, "E");
    CU_ASSERT_FATAL(!pythia_trace_build(&other.trace, &other.names));
    b = structure(&other);
    CU_ASSERT(a.hi != b.hi);
    clear(&one);
    clear(&other);
}

PYTHIA_SUITE(trace_dag, {"edges are those that were recorded", test_edges},
             {"the path goes by the latest predecessor", test_path},
             {"structure is the set of pairs of neighbours", test_structure})
