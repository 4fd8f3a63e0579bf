/* test_trace_signature.c - which traces have one signature and which have not; then size and failing memory
** for the whole trace room. */
#include "tests/unit/trace_util.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int same(PythiaHash128 a, PythiaHash128 b) {
    return a.hi == b.hi && a.lo == b.lo;
}

/* The signature of a sample, with names and call paths of its own: nothing may depend on numbers. */
static PythiaHash128 sign(const Sample *sample, int grouping) {
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    Derived derived = {0};
    PythiaModel model = sample_model();
    model.grouping = grouping;
    model.order_tolerance_ns = 0;
    CU_ASSERT_EQUAL(sample_build(sample, &names, &trace), SQLITE_OK);
    CU_ASSERT_EQUAL(derived_make(&derived, &trace, &model, &names), SQLITE_OK);
    PythiaHash128 signature = derived.signature;
    derived_clear(&derived);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
    return signature;
}

/* ---- what does not matter --------------------------------------------------------------------------------- */

/* Another time of day, other ids, and names that were numbered in another order. */
static void test_invariance(void) {
    SampleRandom random = {701};
    static Sample sample, moved;
    int wrong = 0;
    for (int round = 0; round < 300; round++) {
        sample_make(&sample, &random,
                    SAMPLE_POINTED | SAMPLE_ROOTS | (round % 2 ? SAMPLE_LINKED : 0), 16);
        moved = sample;
        for (uint32_t i = 0; i < moved.nspans; i++) {
            moved.spans[i].start_ns += 86400;
            moved.spans[i].end_ns += 86400;
            moved.spans[i].id += 1000;
            if (moved.spans[i].parent) moved.spans[i].parent += 1000;
        }
        for (uint32_t i = 0; i < moved.npoints; i++)
            moved.points[i].time_ns += 86400;
        for (uint32_t i = 0; i < moved.nlinks; i++)
            moved.links[i].to += 1000;
        for (int g = PYTHIA_GROUPING_TYPE; g <= PYTHIA_GROUPING_DAG; g++)
            wrong += !same(sign(&sample, g), sign(&moved, g));
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* ---- structure: the set of call paths ------------------------------------------------------------------------ */

enum { PATH_CHARS = 400 };

/* The call paths of a sample as texts, sorted, each once; and the request's type in front. */
static uint32_t slow_structure(const Sample *sample, char (*paths)[PATH_CHARS]) {
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    PythiaModel model = sample_model();
    PythiaRequest request;
    uint32_t n = 0, kept = 0;
    CU_ASSERT_EQUAL_FATAL(sample_build(sample, &names, &trace), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_request_find(&trace, &model, &names, &request), SQLITE_OK);
    for (uint32_t i = 0; i < trace.nspans + trace.npoints; i++) {
        int is_span = i < trace.nspans;
        int32_t s = is_span ? (int32_t)i : (int32_t)trace.points[i - trace.nspans].span;
        size_t used = 0;
        PythiaText own = pythia_names_tracepoint_text(
            &names, is_span ? 0 : trace.points[i - trace.nspans].tracepoint);
        used += (size_t)snprintf(paths[n], PATH_CHARS, "%.*s", (int)own.n, own.p);
        for (; s >= 0 && used < PATH_CHARS; s = trace.spans[s].parent) {
            PythiaText name = pythia_names_tracepoint_text(&names, trace.spans[s].tracepoint);
            used +=
                (size_t)snprintf(paths[n] + used, PATH_CHARS - used, "<%.*s", (int)name.n, name.p);
        }
        n++;
    }
    qsort(paths, n, sizeof *paths, (int (*)(const void *, const void *))strcmp);
    for (uint32_t i = 0; i < n; i++)
        if (!kept || strcmp(paths[kept - 1], paths[i]) != 0)
            memmove(paths[kept++], paths[i], PATH_CHARS);
    PythiaText type = pythia_names_text(&names, request.type);
    snprintf(paths[kept++], PATH_CHARS, "%.*s", (int)type.n, type.p);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
    return kept;
}

/* Two traces have one structure signature exactly if they have the same set of call paths. Small traces of
** few names, so that both cases are frequent. */
static void test_structure(void) {
    SampleRandom random = {801};
    static Sample sample[2];
    static char paths[2][SAMPLE_EVENTS][PATH_CHARS];
    int wrong = 0, equal = 0, repeated = 0;
    for (int round = 0; round < 8000; round++) {
        uint32_t n[2];
        for (int k = 0; k < 2; k++) {
            sample_make(&sample[k], &random, round % 3 ? 0 : SAMPLE_POINTED, 5);
            for (uint32_t i = 0; i < sample[k].nspans; i++) {
                sample[k].spans[i].service = 1;
                sample[k].spans[i].operation = i == 0 ? 1 : 1 + sample[k].spans[i].operation % 2;
            }
            n[k] = slow_structure(&sample[k], paths[k]);
        }
        int expected = n[0] == n[1];
        for (uint32_t i = 0; i < n[0] && expected; i++)
            expected = strcmp(paths[0][i], paths[1][i]) == 0;
        int got = same(sign(&sample[0], PYTHIA_GROUPING_STRUCTURE),
                       sign(&sample[1], PYTHIA_GROUPING_STRUCTURE));
        wrong += expected != got;
        equal += expected;
        repeated += expected && sample[0].nspans != sample[1].nspans;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(equal > 200 && equal < 4000 && repeated > 60);
}

/* Node counts: how often each call path occurs. */
static void test_call_paths(void) {
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    PythiaCallPaths call_paths = {0};
    PythiaTracePaths paths = {0};
    Sample sample = {0};
    sample_span(&sample, 1, 0, 0, 100, 1, 1);
    for (uint32_t i = 0; i < 30; i++)
        sample_point(&sample, sample_span(&sample, 2 + i, 1, i, i + 1, 1, 2), i, 1);
    sample_span(&sample, 50, 2, 0, 1, 1, 2); /* the same trace point one level down */
    CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
    for (int pass = 0; pass < 2; pass++) { /* the second time all nodes are known */
        CU_ASSERT_EQUAL(pythia_trace_paths(&paths, &call_paths, &trace, &names), SQLITE_OK);
        CU_ASSERT_EQUAL(call_paths.n, 4);
        CU_ASSERT_EQUAL_FATAL(paths.n, 4);
        CU_ASSERT_EQUAL(paths.repeat_max, 30);
        uint32_t sum = 0;
        for (uint32_t i = 0; i < paths.n; i++) {
            sum += paths.counts[i];
            CU_ASSERT(i == 0 || paths.distinct[i - 1] < paths.distinct[i]);
        }
        CU_ASSERT_EQUAL(sum, trace.nspans + trace.npoints);
        CU_ASSERT_EQUAL(paths.nodes[1], paths.nodes[trace.nspans - 1]);
        CU_ASSERT_EQUAL(call_paths.nodes[paths.nodes[trace.nspans]].parent, paths.nodes[1]);
    }
    pythia_trace_paths_clear(&paths);
    pythia_call_paths_clear(&call_paths);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

/* ---- the other groupings ---------------------------------------------------------------------------------------- */

/* A root with children one after another, named by the letters of the text; (...) are children of the
** letter before. Each takes one tick, and the last of all ends with the root. */
static void make_calls(Sample *sample, const char *calls) {
    uint32_t open[32], depth = 0, last = 0;
    int64_t now = 0;
    memset(sample, 0, sizeof *sample);
    open[depth++] = sample_span(sample, 1, 0, 0, 0, 1, 99);
    for (const char *c = calls; *c; c++) {
        if (*c == '(') {
            open[depth++] = last;
        } else if (*c == ')') {
            last = open[--depth];
            sample->spans[last].end_ns = ++now;
        } else {
            now++;
            last = sample_span(sample, sample->nspans + 1, sample->spans[open[depth - 1]].id, now,
                               now + 1, 1, (uint32_t)*c);
            now++;
        }
    }
    sample->spans[0].end_ns = now + 1;
}

static int same_calls(const char *a, const char *b, int grouping) {
    static Sample x, y;
    make_calls(&x, a);
    make_calls(&y, b);
    return same(sign(&x, grouping), sign(&y, grouping));
}

static void test_collapse_by_hand(void) {
    enum { PATH = PYTHIA_GROUPING_CRITICAL_PATH };
    CU_ASSERT(same_calls("ABAB", "AB", PATH));
    CU_ASSERT(same_calls("AAAA", "A", PATH));
    CU_ASSERT(same_calls("AABAAB", "AB", PATH));
    CU_ASSERT(same_calls("ABCABCABC", "ABC", PATH));
    CU_ASSERT(same_calls("XABABY", "XABY", PATH));
    CU_ASSERT(!same_calls("AB", "BA", PATH));
    CU_ASSERT(!same_calls("ABA", "AB", PATH));
    CU_ASSERT(!same_calls("A", "", PATH));
    CU_ASSERT(same_calls("ABCDEFGHABCDEFGH", "ABCDEFGH", PATH));     /* period 8 */
    CU_ASSERT(!same_calls("ABCDEFGHIABCDEFGHI", "ABCDEFGHI", PATH)); /* 9 is too long */
    /* Inside first: what repeats below A makes the two As equal. */
    CU_ASSERT(same_calls("A(XYXY)B", "A(XY)B", PATH));
    CU_ASSERT(same_calls("A(XX)A(X)", "A(X)", PATH));
    CU_ASSERT(same_calls("A(X(UU)X(U))BA(X(U))B", "A(X(U))B", PATH));
    CU_ASSERT(!same_calls("A(X)A(Y)", "A(X)", PATH));
    CU_ASSERT(!same_calls("A(X)X", "A(XX)", PATH)); /* not across parents */
    CU_ASSERT(!same_calls("A(A)", "AA", PATH));
    CU_ASSERT(!same_calls("A(XA(X))", "A(XA)", PATH));
}

/* Reading from the left: the repetition that is complete first goes, of several that end at one place the
** one with the smallest period; then again from the start, until nothing repeats. */
static void slow_collapse(char *text) {
    size_t end = 2;
    while (end <= strlen(text)) {
        size_t p = 1;
        while (p <= 8 && 2 * p <= end && memcmp(text + end - 2 * p, text + end - p, p) != 0)
            p++;
        if (p <= 8 && 2 * p <= end) {
            memmove(text + end - p, text + end, strlen(text + end) + 1);
            end = 2;
        } else {
            end++;
        }
    }
}

static void test_collapse_random(void) {
    SampleRandom random = {901};
    int wrong = 0, different = 0;
    for (int round = 0; round < 3000; round++) {
        char calls[2][24];
        for (int k = 0; k < 2; k++) {
            uint32_t n = sample_below(&random, 23), letters = 2 + sample_below(&random, 3);
            for (uint32_t i = 0; i < n; i++)
                calls[k][i] = (char)('A' + sample_below(&random, letters));
            calls[k][n] = 0;
        }
        char plain[2][24];
        memcpy(plain, calls, sizeof plain);
        slow_collapse(plain[0]);
        slow_collapse(plain[1]);
        int expected = strcmp(plain[0], plain[1]) == 0;
        wrong += !same_calls(calls[0], plain[0], PYTHIA_GROUPING_CRITICAL_PATH);
        wrong += same_calls(calls[0], calls[1], PYTHIA_GROUPING_CRITICAL_PATH) != expected;
        different += !expected;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(different > 1000);
}

/* Only what is on the path counts, and with its order. */
static void test_critical_path(void) {
    Sample one = {0}, other;
    sample_span(&one, 1, 0, 0, 100, 1, 1);
    sample_span(&one, 2, 1, 10, 90, 1, 2);
    other = one;
    sample_span(&other, 3, 1, 20, 80, 1, 3); /* in the shadow of span 2 */
    CU_ASSERT(same(sign(&one, PYTHIA_GROUPING_CRITICAL_PATH),
                   sign(&other, PYTHIA_GROUPING_CRITICAL_PATH)));
    CU_ASSERT(
        !same(sign(&one, PYTHIA_GROUPING_STRUCTURE), sign(&other, PYTHIA_GROUPING_STRUCTURE)));
    other.spans[2].end_ns = 95; /* now it is what is waited for */
    CU_ASSERT(!same(sign(&one, PYTHIA_GROUPING_CRITICAL_PATH),
                    sign(&other, PYTHIA_GROUPING_CRITICAL_PATH)));
}

static void test_type_and_services(void) {
    Sample one = {0}, other;
    sample_span(&one, 1, 0, 0, 100, 1, 1);
    sample_span(&one, 2, 1, 10, 90, 2, 2);
    other = one;
    sample_span(&other, 3, 2, 20, 30, 1, 7); /* another call, no other service */
    CU_ASSERT(same(sign(&one, PYTHIA_GROUPING_TYPE), sign(&other, PYTHIA_GROUPING_TYPE)));
    CU_ASSERT(same(sign(&one, PYTHIA_GROUPING_SERVICES), sign(&other, PYTHIA_GROUPING_SERVICES)));
    CU_ASSERT(
        !same(sign(&one, PYTHIA_GROUPING_STRUCTURE), sign(&other, PYTHIA_GROUPING_STRUCTURE)));
    sample_span(&other, 4, 2, 30, 40, 3, 7);
    CU_ASSERT(same(sign(&one, PYTHIA_GROUPING_TYPE), sign(&other, PYTHIA_GROUPING_TYPE)));
    CU_ASSERT(!same(sign(&one, PYTHIA_GROUPING_SERVICES), sign(&other, PYTHIA_GROUPING_SERVICES)));
    other = one;
    other.spans[0].operation = 9; /* another request type: different whatever the grouping */
    for (int g = PYTHIA_GROUPING_TYPE; g <= PYTHIA_GROUPING_DAG; g++)
        CU_ASSERT(!same(sign(&one, g), sign(&other, g)));
    for (int g = PYTHIA_GROUPING_SERVICES; g <= PYTHIA_GROUPING_DAG; g++)
        CU_ASSERT(!same(sign(&one, g), sign(&one, g - 1)));
}

/* The DAG tells order, concurrency and number apart, which structure does not. */
static void test_dag(void) {
    enum { DAG = PYTHIA_GROUPING_DAG, STRUCTURE = PYTHIA_GROUPING_STRUCTURE };
    Sample one = {0}, other;
    sample_span(&one, 1, 0, 0, 100, 1, 1);
    sample_span(&one, 2, 1, 10, 30, 1, 2);
    sample_span(&one, 3, 1, 40, 60, 1, 3);
    other = one;
    other.spans[2].end_ns = 70; /* other times, the same order */
    CU_ASSERT(same(sign(&one, DAG), sign(&other, DAG)));
    other.spans[2].start_ns = 20; /* concurrent */
    CU_ASSERT(!same(sign(&one, DAG), sign(&other, DAG)));
    CU_ASSERT(same(sign(&one, STRUCTURE), sign(&other, STRUCTURE)));
    other = one;
    other.spans[1].operation = 3;
    other.spans[2].operation = 2;
    CU_ASSERT(!same(sign(&one, DAG), sign(&other, DAG)));
    CU_ASSERT(same(sign(&one, STRUCTURE), sign(&other, STRUCTURE)));
    CU_ASSERT(!same_calls("AA", "A", DAG));
    CU_ASSERT(same_calls("AA", "A", STRUCTURE));
    other = one;
    sample_link(&one, 2, 2, SAMPLE_LINK_HERE); /* says what the order of siblings says too... */
    CU_ASSERT(!same(sign(&one, DAG), sign(&other, DAG))); /* ...but is an edge of its own */
}

/* Four events in a row with one name, start start end end or start end start end. */
static void test_dag_phases(void) {
    Sample nested = {0}, apart = {0};
    sample_span(&nested, 1, 0, 0, 100, 1, 1);
    sample_span(&nested, 2, 1, 10, 90, 1, 1);
    sample_span(&apart, 1, 0, 0, 40, 1, 1);
    sample_span(&apart, 2, 0, 50, 100, 1, 1);
    CU_ASSERT(!same(sign(&nested, PYTHIA_GROUPING_DAG), sign(&apart, PYTHIA_GROUPING_DAG)));
}

static void test_dag_keys(void) {
    SampleRandom random = {1001};
    static Sample sample;
    int wrong = 0;
    for (int round = 0; round < 300; round++) {
        sample_make(&sample, &random, SAMPLE_POINTED, 12);
        PythiaHash128 before = sign(&sample, PYTHIA_GROUPING_DAG);
        sample_shuffle(&sample, &random);
        /* One more event anywhere makes another DAG. */
        uint32_t span = sample_below(&random, sample.nspans);
        sample_point(&sample, span, sample.spans[span].start_ns, 9);
        wrong += same(before, sign(&sample, PYTHIA_GROUPING_DAG));
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* ---- group keys ---------------------------------------------------------------------------------------------------- */

typedef struct Keyed {
    PythiaNames names;
    PythiaTrace trace;
    Derived derived;
    PythiaModel model;
    uint32_t key;
} Keyed;

/* Root and child; values of the key on each, or in the child's resource. NULL: none. */
static PythiaHash128 sign_keyed(Keyed *k, const PythiaValue *root, const PythiaValue *child,
                                const PythiaValue *resource) {
    Sample sample = {0};
    sample_span(&sample, 1, 0, 0, 100, 1, 1);
    sample_span(&sample, 2, 1, 10, 90, 1, 2);
    CU_ASSERT_EQUAL(sample_load(&sample, &k->names, &k->trace), SQLITE_OK);
    PythiaResourceSet none = {NULL, 0, 0}, set = {resource, 1, 0};
    uint32_t index;
    CU_ASSERT_EQUAL(pythia_trace_add_resource(&k->trace, &none, &index), SQLITE_OK);
    if (resource) {
        set.hash = pythia_resource_hash(resource, 1);
        CU_ASSERT_EQUAL(pythia_trace_add_resource(&k->trace, &set, &k->trace.spans[1].resource),
                        SQLITE_OK);
    }
    if (root) k->trace.values[k->trace.spans[0].first_value] = *root;
    if (child) k->trace.values[k->trace.spans[1].first_value] = *child;
    CU_ASSERT_EQUAL(pythia_trace_build(&k->trace, &k->names), SQLITE_OK);
    CU_ASSERT_EQUAL(derived_make(&k->derived, &k->trace, &k->model, &k->names), SQLITE_OK);
    return k->derived.signature;
}

static void test_group_keys(void) {
    Keyed k = {.model = sample_model()};
    CU_ASSERT_EQUAL(pythia_names_string(&k.names, PYTHIA_TEXT("tenant"), &k.key), SQLITE_OK);
    PythiaValue a = {.key = k.key, .type = PYTHIA_VALUE_TEXT, .n = 1, .of.text = "1"};
    PythiaValue b = {.key = k.key, .type = PYTHIA_VALUE_TEXT, .n = 1, .of.text = "2"};
    PythiaValue number = {.key = k.key, .type = PYTHIA_VALUE_INT, .of.integer = 1};
    PythiaHash128 without = sign_keyed(&k, &a, NULL, NULL);
    CU_ASSERT(same(without, sign_keyed(&k, &b, NULL, NULL))); /* not asked for */
    k.model.group_keys = &k.key;
    k.model.ngroup_keys = 1;
    PythiaHash128 of_a = sign_keyed(&k, &a, NULL, NULL), of_none = sign_keyed(&k, NULL, NULL, NULL);
    CU_ASSERT(!same(of_a, without));
    CU_ASSERT(!same(of_none, without));
    CU_ASSERT(!same(of_a, of_none));
    CU_ASSERT(!same(of_a, sign_keyed(&k, &b, NULL, NULL)));
    CU_ASSERT(!same(of_a, sign_keyed(&k, &number, NULL, NULL))); /* "1" is not 1 */
    CU_ASSERT(same(of_a, sign_keyed(&k, NULL, &a, NULL)));       /* wherever in the trace it is */
    CU_ASSERT(same(of_a, sign_keyed(&k, &a, &b, NULL)));         /* the first in preorder */
    CU_ASSERT(same(of_a, sign_keyed(&k, NULL, NULL, &a)));       /* of the resource */
    CU_ASSERT(same(of_a, sign_keyed(&k, NULL, &a, &b)));         /* a span's own goes first */
    derived_clear(&k.derived);
    pythia_trace_clear(&k.trace);
    pythia_names_clear(&k.names);
}

/* ---- size ------------------------------------------------------------------------------------------------------------ */

enum { MANY = 100000, STACK_BYTES = 256 * 1024, MS = 1000000 };
enum { SHAPE_CHAIN, SHAPE_SEQUENCE, SHAPE_CONCURRENT, SHAPE_COARSE, SHAPE_MIXED, SHAPE_LINKS };

typedef struct Big {
    int shape, rc;
    double seconds;
    uint32_t path_n, call_paths_n;
} Big;

static int big_span(PythiaTrace *trace, PythiaNames *names, const uint32_t *tracepoint, int shape,
                    uint32_t i) {
    PythiaSpan span = {.id = sample_id(i + 1), .tracepoint = tracepoint[i ? 1 + i % 2 : 0]};
    int64_t base = shape == SHAPE_COARSE || shape == SHAPE_MIXED ? 1700000000LL * 1000 * MS : 1000;
    span.start_ns = base;
    span.end_ns = base + 2 * MANY + 10;
    if (i && shape == SHAPE_CHAIN) {
        span.start_ns += i;
        span.end_ns -= i;
        span.parent_id = sample_id(i);
    } else if (i) {
        span.parent_id = sample_id(1);
        span.start_ns += shape == SHAPE_CONCURRENT ? i : 2 * i;
        span.end_ns = shape == SHAPE_CONCURRENT ? base + MANY + i : span.start_ns + 1;
        if (shape == SHAPE_COARSE || (shape == SHAPE_MIXED && i % 2))
            span.start_ns = base; /* all within one tick */
    }
    int rc =
        pythia_names_observe(names, names->tracepoints[span.tracepoint].service, span.start_ns);
    if (!rc) rc = pythia_trace_add_span(trace, &span, NULL);
    if (!rc && shape == SHAPE_LINKS && i > 1) {
        PythiaLinkTo link = {.span = sample_id(i), .from_span = i};
        rc = pythia_trace_add_link(trace, &link, NULL);
    }
    return rc;
}

static int big_make(PythiaTrace *trace, PythiaNames *names, int shape) {
    uint32_t tracepoint[3], string[3];
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < 3; i++) {
        rc = pythia_names_string(names, (PythiaText){&"abc"[i], 1}, &string[i]);
        if (!rc) rc = pythia_names_tracepoint(names, string[i], string[i], 0, &tracepoint[i]);
    }
    for (uint32_t i = 0; !rc && i < MANY; i++)
        rc = big_span(trace, names, tracepoint, shape, i);
    return rc;
}

static void *big_run(void *context) {
    Big *big = context;
    PythiaTrace trace = {0};
    PythiaNames names = {0};
    Derived derived = {0};
    PythiaPathEdges edges = {0};
    PythiaModel model = sample_model();
    struct timespec from, to;
    big->rc = big_make(&trace, &names, big->shape);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    if (!big->rc) big->rc = pythia_trace_build(&trace, &names);
    for (int g = PYTHIA_GROUPING_TYPE; !big->rc && g <= PYTHIA_GROUPING_DAG; g++) {
        /* Of concurrent siblings each has one predecessor; the others make no more edges either. */
        model.grouping = g;
        big->rc = derived_make(&derived, &trace, &model, &names);
    }
    if (!big->rc) big->rc = pythia_path_edges(&edges, &derived.path, &trace);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    big->seconds = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
    big->path_n = derived.path.n;
    big->call_paths_n = derived.call_paths.n;
    pythia_path_edges_clear(&edges);
    derived_clear(&derived);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
    return NULL;
}

/* On a small stack: nothing recurses over the trace. Valgrind (PYTHIA_NO_JIT is set under it) is left its
** time; everywhere else a quadratic step would take minutes where a second is allowed. */
static void check_big(int shape, uint32_t path_n, uint32_t call_paths_n) {
    Big big = {.shape = shape};
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, &attributes, big_run, &big), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    CU_ASSERT_EQUAL(big.rc, SQLITE_OK);
    CU_ASSERT_EQUAL(big.path_n, path_n);
    CU_ASSERT_EQUAL(big.call_paths_n, call_paths_n);
    if (getenv("PYTHIA_TIMES")) printf("shape %d: %.3f s\n", shape, big.seconds);
    CU_ASSERT(big.seconds < 3 || getenv("PYTHIA_NO_JIT"));
}

static void test_big_chain(void) {
    check_big(SHAPE_CHAIN, 2 * MANY, MANY);
}

static void test_big_sequence(void) {
    check_big(SHAPE_SEQUENCE, 2 * MANY, 3);
}

static void test_big_concurrent(void) {
    check_big(SHAPE_CONCURRENT, 4, 3);
}

static void test_big_coarse(void) {
    check_big(SHAPE_COARSE, 2 * MANY, 3);
}

static void test_big_mixed(void) {
    check_big(SHAPE_MIXED, 2 * MANY, 3);
}

static void test_big_links(void) {
    check_big(SHAPE_LINKS, 2 * MANY, 3);
}

/* ---- failing memory ---------------------------------------------------------------------------------------------------- */

static sqlite3_mem_methods real;
static long countdown; /* the allocation that fails; 0: none */
static long failures;

static int fails(void) {
    if (!countdown || --countdown) return 0;
    failures++;
    return 1;
}

static void *failing_malloc(int n) {
    return fails() ? NULL : real.xMalloc(n);
}

static void *failing_realloc(void *old, int n) {
    return fails() ? NULL : real.xRealloc(old, n);
}

static void allocator_set(const sqlite3_mem_methods *methods) {
    CU_ASSERT_EQUAL(sqlite3_shutdown(), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_config(SQLITE_CONFIG_MALLOC, methods), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_initialize(), SQLITE_OK);
}

/* Everything once, under every grouping. */
static int run_all(const Sample *sample) {
    PythiaTrace trace = {0};
    PythiaNames names = {0};
    Derived derived = {0};
    PythiaPathEdges edges = {0};
    PythiaModel model = sample_model();
    PythiaValue value = {.key = 1, .type = PYTHIA_VALUE_TEXT, .n = 3, .of.text = "abc"};
    PythiaResourceSet set = {&value, 1, pythia_resource_hash(&value, 1)};
    uint32_t index;
    int rc = sample_load(sample, &names, &trace);
    if (!rc) rc = pythia_trace_add_resource(&trace, &set, &index);
    if (!rc) rc = pythia_trace_build(&trace, &names);
    for (int g = PYTHIA_GROUPING_TYPE; !rc && g <= PYTHIA_GROUPING_DAG; g++) {
        model.grouping = g;
        rc = derived_make(&derived, &trace, &model, &names);
    }
    if (!rc) rc = pythia_path_edges(&edges, &derived.path, &trace);
    pythia_path_edges_clear(&edges);
    derived_clear(&derived);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
    return rc;
}

static void test_failing_memory(void) {
    static Sample sample;
    SampleRandom random = {1101};
    CU_ASSERT_EQUAL_FATAL(sqlite3_shutdown(), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real), SQLITE_OK);
    sqlite3_mem_methods failing = real;
    failing.xMalloc = failing_malloc;
    failing.xRealloc = failing_realloc;
    allocator_set(&failing);
    int wrong = 0;
    for (int round = 0; round < 3; round++) {
        do
            sample_make(&sample, &random,
                        SAMPLE_POINTED | SAMPLE_LINKED | SAMPLE_HALVES | SAMPLE_DUPLICATES |
                            SAMPLE_SHARED | SAMPLE_ROOTS | SAMPLE_CYCLES,
                        40);
        while (sample.nspans < 40);
        sqlite3_int64 before = sqlite3_memory_used();
        long n = 0;
        int rc = SQLITE_NOMEM;
        do { /* until no allocation is left to fail */
            countdown = ++n;
            failures = 0;
            rc = run_all(&sample);
            wrong += rc != (failures ? SQLITE_NOMEM : SQLITE_OK);
            wrong += sqlite3_memory_used() != before;
        } while (failures && n < 100000);
        countdown = 0;
        wrong += rc != SQLITE_OK;
        CU_ASSERT(n > 100);
    }
    allocator_set(&real);
    CU_ASSERT_EQUAL(wrong, 0);
}

PYTHIA_SUITE(trace_signature, {"time and ids do not matter", test_invariance},
             {"structure is the set of call paths", test_structure},
             {"call paths", test_call_paths}, {"runs collapse, by hand", test_collapse_by_hand},
             {"runs collapse, at random", test_collapse_random},
             {"critical path", test_critical_path}, {"type and services", test_type_and_services},
             {"dag", test_dag}, {"dag: phases", test_dag_phases},
             {"dag: one event more", test_dag_keys}, {"group keys", test_group_keys},
             {"a chain of 100,000", test_big_chain},
             {"100,000 one after another", test_big_sequence},
             {"100,000 at once", test_big_concurrent},
             {"100,000 in one tick of the clock", test_big_coarse},
             {"100,000 of two clocks", test_big_mixed}, {"100,000 links", test_big_links},
             {"failing memory", test_failing_memory})
