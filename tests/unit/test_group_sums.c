/* test_group_sums.c - the sums of a group: whatever the order in which members come and go, what is there is
** what the members that stay would have made alone; and statistics from sums, against two passes over the
** values. */
#include "ext/group/group.h"
#include "tests/unit/trace_util.h"

#include <float.h>
#include <math.h>

enum { POINTS = 6, MEMBERS = 60, EDGES = 12 };

/* A member: its path's edges, whose values sum to its duration. */
typedef struct Member {
    PythiaPathEdge edges[EDGES];
    uint32_t n;
    int64_t duration_ns;
    int in;
} Member;

/* Trace points 1 .. POINTS, whose names sort the other way round than their ids. */
static void names_make(PythiaNames *names) {
    for (uint32_t i = 1; i <= POINTS; i++) {
        char text[2] = {(char)('z' - (int)i), 0};
        uint32_t service, operation, point;
        CU_ASSERT_EQUAL_FATAL(pythia_names_string(names, PYTHIA_TEXT("s"), &service), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(pythia_names_string(names, pythia_text(text), &operation), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(pythia_names_tracepoint(names, service, operation, 0, &point),
                              SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(point, i);
    }
}

static int same_edge(const PythiaPathEdge *a, const PythiaPathEdge *b) {
    return a->source == b->source && a->destination == b->destination &&
           a->source_phase == b->source_phase && a->destination_phase == b->destination_phase;
}

static int member_has(const Member *m, const PythiaPathEdge *edge) {
    for (uint32_t i = 0; i < m->n; i++)
        if (same_edge(&m->edges[i], edge)) return 1;
    return 0;
}

/* longest_ns: of one edge; at most 2^30, so that four of them are a uint32_t. */
static void member_make(Member *m, SampleRandom *random, uint32_t longest_ns) {
    uint32_t wanted = 1 + sample_below(random, EDGES);
    *m = (Member){.n = 0};
    for (uint32_t i = 0; i < wanted; i++) {
        PythiaPathEdge e = {.source = 1 + sample_below(random, POINTS),
                            .destination = 1 + sample_below(random, POINTS),
                            .source_phase = (uint8_t)sample_below(random, 3),
                            .destination_phase = (uint8_t)sample_below(random, 3),
                            .kind = (uint8_t)sample_below(random, 6),
                            .between = sample_below(random, POINTS + 1),
                            .value_ns = sample_below(random, longest_ns),
                            .offset_ns = m->duration_ns};
        if (member_has(m, &e)) continue;
        m->duration_ns += e.value_ns;
        m->edges[m->n++] = e;
    }
}

static int member_add(PythiaGroup *group, int sign, Member *m, const PythiaNames *names) {
    PythiaPathEdges edges = {.edges = m->edges, .n = m->n};
    return pythia_group_add(group, sign, m->duration_ns, &edges, names);
}

static PythiaGroup *group_make(PythiaGroups *groups, uint64_t id) {
    PythiaGroup *group = NULL;
    CU_ASSERT_EQUAL_FATAL(pythia_groups_get(groups, (PythiaHash128){.hi = id, .lo = 7}, 3, &group),
                          SQLITE_OK);
    return group;
}

static PythiaGroupEdge *edge_of(PythiaGroup *group, const PythiaGroupEdge *like) {
    PythiaGroupEdge *edge = NULL;
    CU_ASSERT_EQUAL_FATAL(pythia_group_edge(group, like->source, like->source_phase,
                                            like->destination, like->destination_phase, &edge),
                          SQLITE_OK);
    return edge;
}

static void check_same_sums(PythiaGroup *a, PythiaGroup *b) {
    CU_ASSERT_EQUAL(a->n, b->n);
    CU_ASSERT(a->sum == b->sum && a->squares == b->squares);
    for (uint32_t i = 0; i < a->nedges; i++) {
        const PythiaGroupEdge x = a->edges[i], y = *edge_of(b, &x);
        CU_ASSERT_EQUAL(x.n, y.n);
        CU_ASSERT(x.sum == y.sum && x.squares == y.squares && x.product == y.product &&
                  x.offsets == y.offsets);
    }
}

/* ---- members that come and go ------------------------------------------------------------------------ */

/* Toggles members at random, then compares with a group of those that are in. */
static void come_and_go(SampleRandom *random, uint32_t longest_ns) {
    static Member members[MEMBERS];
    PythiaNames names = {0};
    PythiaGroups groups = {0}, alone = {0};
    names_make(&names);
    PythiaGroup *group = group_make(&groups, 1), *right = group_make(&alone, 1);
    for (int i = 0; i < MEMBERS; i++)
        member_make(&members[i], random, longest_ns);
    for (int step = 0; step < 5 * MEMBERS; step++) {
        Member *m = &members[sample_below(random, MEMBERS)];
        CU_ASSERT_EQUAL(member_add(group, m->in ? -1 : 1, m, &names), SQLITE_OK);
        m->in = !m->in;
    }
    for (int i = MEMBERS; i-- > 0;)
        if (members[i].in) CU_ASSERT_EQUAL(member_add(right, 1, &members[i], &names), SQLITE_OK);
    check_same_sums(group, right);
    check_same_sums(right, group);
    for (int i = 0; i < MEMBERS; i++)
        if (members[i].in) CU_ASSERT_EQUAL(member_add(group, -1, &members[i], &names), SQLITE_OK);
    CU_ASSERT(group->n == 0 && group->sum == 0 && group->squares == 0 && !group->overflow);
    for (uint32_t i = 0; i < group->nedges; i++) {
        const PythiaGroupEdge *e = &group->edges[i];
        CU_ASSERT(e->n == 0 && e->sum == 0 && e->squares == 0 && e->product == 0 &&
                  e->offsets == 0);
    }
    pythia_groups_clear(&groups);
    pythia_groups_clear(&alone);
    pythia_names_clear(&names);
}

static void test_come_and_go(void) {
    SampleRandom random = {2024};
    for (int round = 0; round < 20; round++)
        come_and_go(&random, round & 1 ? 1u << 30 : 3);
}

static void test_not_there(void) {
    PythiaNames names = {0};
    PythiaGroups groups = {0};
    names_make(&names);
    PythiaGroup *group = group_make(&groups, 1);
    Member a = {.n = 1, .duration_ns = 5}, b = a, nothing = {.n = 0};
    a.edges[0] = (PythiaPathEdge){.source = 1, .destination = 2, .value_ns = 5};
    b.edges[0] = (PythiaPathEdge){.source = 2, .destination = 1, .value_ns = 5};
    CU_ASSERT_EQUAL(member_add(group, -1, &nothing, &names), SQLITE_CORRUPT_VTAB);
    CU_ASSERT_EQUAL(member_add(group, -1, &a, &names), SQLITE_CORRUPT_VTAB);
    CU_ASSERT_EQUAL(member_add(group, 1, &a, &names), SQLITE_OK);
    CU_ASSERT_EQUAL(member_add(group, -1, &b, &names), SQLITE_CORRUPT_VTAB);
    CU_ASSERT_EQUAL(member_add(group, -1, &a, &names), SQLITE_OK);
    CU_ASSERT_EQUAL(member_add(group, -1, &a, &names), SQLITE_CORRUPT_VTAB);
    pythia_groups_clear(&groups);
    pythia_names_clear(&names);
}

/* Two members that differ in what they say of one edge, in both orders. Name 4 sorts before name 2. */
static void test_description(void) {
    PythiaNames names = {0};
    PythiaGroups groups = {0};
    names_make(&names);
    Member a = {.n = 1, .duration_ns = 5}, b = a;
    a.edges[0] = (PythiaPathEdge){
        .source = 1, .destination = 3, .kind = PYTHIA_EDGE_JOIN, .between = 2, .value_ns = 5};
    b.edges[0] = a.edges[0];
    b.edges[0].kind = PYTHIA_EDGE_RETURN;
    b.edges[0].between = 4;
    for (uint64_t order = 0; order < 2; order++) {
        PythiaGroup *group = group_make(&groups, order + 1);
        CU_ASSERT_EQUAL(member_add(group, 1, order ? &a : &b, &names), SQLITE_OK);
        CU_ASSERT_EQUAL(member_add(group, 1, order ? &b : &a, &names), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(group->nedges, 1);
        CU_ASSERT_EQUAL(group->edges[0].kind, PYTHIA_EDGE_RETURN);
        CU_ASSERT_EQUAL(group->edges[0].between, 4);
        /* Of two that say so one leaves; then the last one, and what is left says something else. */
        CU_ASSERT_EQUAL(member_add(group, 1, &b, &names), SQLITE_OK);
        CU_ASSERT_EQUAL(member_add(group, -1, &b, &names), SQLITE_OK);
        CU_ASSERT_FALSE(group->descriptions_stale);
        CU_ASSERT_EQUAL(member_add(group, -1, &b, &names), SQLITE_OK);
        CU_ASSERT_TRUE(group->descriptions_stale);
        PythiaPathEdges of_a = {.edges = a.edges, .n = a.n};
        pythia_group_describe_begin(group);
        CU_ASSERT_EQUAL(pythia_group_describe(group, &of_a, &names), SQLITE_OK);
        CU_ASSERT_FALSE(group->descriptions_stale);
        CU_ASSERT_EQUAL(group->edges[0].kind, PYTHIA_EDGE_JOIN);
        CU_ASSERT_EQUAL(group->edges[0].between, 2);
        PythiaPathEdges none = {.edges = b.edges + 1, .n = 1};
        b.edges[1] = (PythiaPathEdge){.source = 6, .destination = 6};
        CU_ASSERT_EQUAL(pythia_group_describe(group, &none, &names), SQLITE_CORRUPT_VTAB);
    }
    pythia_groups_clear(&groups);
    pythia_names_clear(&names);
}

static void test_extremes(void) {
    static const int64_t durations[4] = {50, 10, 90, 40};
    PythiaGroups groups = {0};
    PythiaPathEdges none = {0};
    PythiaNames names = {0};
    PythiaGroup *group = group_make(&groups, 1);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(pythia_group_add(group, 1, durations[i], &none, &names), SQLITE_OK);
    CU_ASSERT(group->min_ns == 10 && group->max_ns == 90 && !group->extremes_stale);
    CU_ASSERT_EQUAL(pythia_group_add(group, -1, 40, &none, &names), SQLITE_OK);
    CU_ASSERT_FALSE(group->extremes_stale);
    CU_ASSERT_EQUAL(pythia_group_add(group, -1, 10, &none, &names), SQLITE_OK);
    CU_ASSERT_TRUE(group->extremes_stale);
    group->extremes_stale = 0;
    CU_ASSERT_EQUAL(pythia_group_add(group, -1, 90, &none, &names), SQLITE_OK);
    CU_ASSERT_TRUE(group->extremes_stale);
    pythia_groups_clear(&groups);
}

/* ---- statistics ---------------------------------------------------------------------------------------- */

static void check_near(double have, long double want, long double scale) {
    CU_ASSERT(fabsl((long double)have - want) <= 1e-9L * scale);
}

/* Over all members, 0 where an edge is absent. */
static int64_t member_value(const Member *m, const PythiaGroupEdge *edge) {
    for (uint32_t i = 0; i < m->n; i++) {
        const PythiaPathEdge *e = &m->edges[i];
        if (e->source == edge->source && e->destination == edge->destination &&
            e->source_phase == edge->source_phase &&
            e->destination_phase == edge->destination_phase)
            return e->value_ns;
    }
    return 0;
}

/* edge NULL: the duration itself. */
static void two_passes(const Member *members, const PythiaGroupEdge *edge, long double *mean,
                       long double *variance, long double *covariance) {
    long double x_mean = 0, y_mean = 0, xx = 0, xy = 0;
    for (int i = 0; i < MEMBERS; i++) {
        x_mean += (long double)(edge ? member_value(&members[i], edge) : members[i].duration_ns);
        y_mean += (long double)members[i].duration_ns;
    }
    x_mean /= MEMBERS;
    y_mean /= MEMBERS;
    for (int i = 0; i < MEMBERS; i++) {
        long double x =
            (long double)(edge ? member_value(&members[i], edge) : members[i].duration_ns) - x_mean;
        xx += x * x;
        xy += x * ((long double)members[i].duration_ns - y_mean);
    }
    *mean = x_mean;
    *variance = xx / (MEMBERS - 1);
    *covariance = xy / (MEMBERS - 1);
}

static void test_statistics(void) {
    static Member members[MEMBERS];
    SampleRandom random = {77};
    for (int round = 0; round < 10; round++) {
        PythiaNames names = {0};
        PythiaGroups groups = {0};
        long double mean, variance, covariance, total;
        double share = 0, mean_share = 0;
        names_make(&names);
        PythiaGroup *group = group_make(&groups, 1);
        for (int i = 0; i < MEMBERS; i++) {
            member_make(&members[i], &random, 1u << 30);
            CU_ASSERT_EQUAL(member_add(group, 1, &members[i], &names), SQLITE_OK);
        }
        two_passes(members, NULL, &mean, &total, &covariance);
        double var = pythia_sum_variance(group->sum, group->squares, group->n);
        check_near(pythia_sum_mean(group->sum, group->n), mean, mean);
        check_near(var, total, total);
        for (uint32_t i = 0; i < group->nedges; i++) {
            const PythiaGroupEdge *e = &group->edges[i];
            two_passes(members, e, &mean, &variance, &covariance);
            double cov = pythia_sum_covariance(e->sum, group->sum, e->product, group->n);
            check_near(pythia_sum_mean(e->sum, group->n), mean, mean);
            check_near(pythia_sum_variance(e->sum, e->squares, group->n), variance, variance);
            check_near(cov, covariance, sqrtl(variance * total));
            share += cov / var;
            mean_share += pythia_sum_mean(e->sum, group->n) / pythia_sum_mean(group->sum, group->n);
        }
        CU_ASSERT_DOUBLE_EQUAL(share, 1, 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(mean_share, 1, 1e-9);
        pythia_groups_clear(&groups);
        pythia_names_clear(&names);
    }
}

/* valgrind computes long doubles in 64 bits, where libgcc's conversion of small negative 128-bit integers is
** off by up to 2^10. */
static int has_long_double(void) {
    volatile long double one = 1, next = one + LDBL_EPSILON;
    return next != one;
}

/* Values whose squares leave no bit of a double for their differences: base + i with base + slope * i. */
static void check_line(int n, int slope) {
    const PythiaSum base = 1000000000000000000; /* 31 years of ns */
    PythiaSum x = 0, xx = 0, y = 0, xy = 0;
    for (int i = 0; i < n; i++) {
        x += base + i;
        xx += (base + i) * (base + i);
        y += base + slope * i;
        xy += (base + i) * (base + slope * i);
    }
    double want = (double)n * (n + 1) / 12; /* variance of 0 .. n - 1 */
    CU_ASSERT_DOUBLE_EQUAL(pythia_sum_variance(x, xx, n), want, 1e-12 * want);
    CU_ASSERT_DOUBLE_EQUAL(pythia_sum_covariance(x, y, xy, n), slope * want, 1e-11 * want);
    CU_ASSERT_EQUAL(pythia_sum_variance(base * n, base * base * n, n), 0);
}

static void test_cancellation(void) {
    for (int n = 2; n <= 101; n++) {
        check_line(n, 3);
        if (has_long_double()) check_line(n, -2);
    }
}

static void test_undefined(void) {
    CU_ASSERT(isnan(pythia_sum_mean(0, 0)));
    CU_ASSERT_EQUAL(pythia_sum_mean(7, 2), 3.5);
    CU_ASSERT(isnan(pythia_sum_variance(0, 0, 0)));
    CU_ASSERT(isnan(pythia_sum_variance(5, 25, 1)));
    CU_ASSERT(isnan(pythia_sum_covariance(5, 5, 25, 1)));
    CU_ASSERT_EQUAL(pythia_sum_variance(0, 0, 2), 0);
}

/* 8 squares of 2^62 are 2^127. */
static void test_overflow(void) {
    PythiaGroups groups = {0};
    PythiaNames names = {0};
    PythiaPathEdges none = {0};
    PythiaGroup *group = group_make(&groups, 1);
    for (int i = 0; i < 7; i++)
        CU_ASSERT_EQUAL(pythia_group_add(group, 1, PYTHIA_TIME_MAX, &none, &names), SQLITE_OK);
    CU_ASSERT_FALSE(group->overflow);
    CU_ASSERT_EQUAL(pythia_sum_variance(group->sum, group->squares, group->n), 0);
    CU_ASSERT_EQUAL(pythia_group_add(group, 1, PYTHIA_TIME_MAX, &none, &names), SQLITE_OK);
    CU_ASSERT_TRUE(group->overflow);
    /* The first wraps back, the others fit. */
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(pythia_group_add(group, -1, PYTHIA_TIME_MAX, &none, &names), SQLITE_OK);
        CU_ASSERT_TRUE(group->overflow);
    }
    pythia_groups_clear(&groups);
}

/* ---- the table of groups ------------------------------------------------------------------------------- */

static void test_table(void) {
    enum { N = 2000 };
    PythiaGroups groups = {0};
    CU_ASSERT_PTR_NULL(pythia_groups_find(&groups, 1));
    for (uint64_t i = 1; i <= N; i++)
        group_make(&groups, i << 40)->n = (int64_t)i; /* low bits all alike */
    CU_ASSERT_EQUAL(groups.n, N);
    for (uint64_t i = 1; i <= N; i++) {
        const PythiaGroup *found = pythia_groups_find(&groups, i << 40);
        CU_ASSERT_PTR_NOT_NULL_FATAL(found);
        CU_ASSERT(found->n == (int64_t)i && found->request_type == 3 && found->signature.lo == 7);
        CU_ASSERT_PTR_EQUAL(group_make(&groups, i << 40), found);
        CU_ASSERT_PTR_NULL(pythia_groups_find(&groups, (i << 40) + 1));
    }
    CU_ASSERT_EQUAL(groups.n, N);
    pythia_groups_clear(&groups);
    CU_ASSERT_PTR_NULL(pythia_groups_find(&groups, (uint64_t)1 << 40));
}

PYTHIA_SUITE(group_sums, {"members that come and go leave no trace", test_come_and_go},
             {"what is not there cannot leave", test_not_there},
             {"an edge's description does not depend on the order of members", test_description},
             {"a leaving extreme is noticed", test_extremes},
             {"statistics equal those of two passes, shares sum to 1", test_statistics},
             {"nothing cancels", test_cancellation}, {"undefined is NaN", test_undefined},
             {"overflow is marked and stays", test_overflow},
             {"groups are found by id", test_table})
