/* test_trace_build.c - from records in any order to a trace in preorder: the invariants of trace.h, nothing
** lost, the same result whatever the order of arrival.
**
** The slow builder below knows from the sample which records belong together, and finds parents and
** cycles by trying everything. */
#include "tests/unit/trace_util.h"

#include <stdio.h>

enum { ROUNDS = 1500, EVERYTHING = 2047 & ~(SAMPLE_CYCLES | SAMPLE_COARSE) };

/* ---- the slow builder ------------------------------------------------------------------------------- */

typedef struct Whole {
    SampleSpan span; /* both halves as one */
    uint32_t record; /* of the first of its records */
    int32_t parent;  /* index, -1: none */
    int64_t uids[2]; /* second: of the other half, or 0 */
    uint32_t conflict;
} Whole;

typedef struct SlowTrace {
    Whole wholes[SAMPLE_SPANS];
    uint32_t n;
    int32_t home[SAMPLE_SPANS]; /* of each record: index, -1: a repetition */
    PythiaRepairs repairs;
} SlowTrace;

/* The other half was met before: they become one. */
static void slow_join(Whole *whole, const SampleSpan *other) {
    SampleSpan *known = &whole->span;
    const SampleSpan *start = known->flags & PYTHIA_SPAN_NO_START ? other : known;
    const SampleSpan *end = start == other ? known : other;
    SampleSpan joined = *start;
    joined.end_ns = end->end_ns;
    if (!joined.parent) joined.parent = end->parent;
    joined.flags = 0;
    whole->uids[1] = other->uid;
    *known = joined;
}

static void slow_identity(SlowTrace *slow, const Sample *sample) {
    for (uint32_t r = 0; r < sample->nspans; r++) {
        const SampleSpan *span = &sample->spans[r];
        int32_t home = -2;
        for (uint32_t k = 0; k < slow->n && home == -2; k++) {
            Whole *known = &slow->wholes[k];
            if (known->uids[0] == span->uid || known->uids[1] == span->uid) {
                home = -1;
                slow->repairs.duplicates++;
            } else if (span->partner && known->uids[0] == span->partner) {
                slow_join(known, span);
                home = (int32_t)k;
            }
        }
        if (home == -2) {
            home = (int32_t)slow->n;
            slow->wholes[slow->n++] =
                (Whole){.span = *span, .record = r, .parent = -1, .uids = {span->uid, 0}};
        }
        slow->home[r] = home;
    }
    for (uint32_t i = 0; i < slow->n; i++) {
        int earlier = 0;
        for (uint32_t k = 0; k < slow->n; k++) {
            const SampleSpan *a = &slow->wholes[i].span, *b = &slow->wholes[k].span;
            if (i == k || a->id != b->id || a->kind != b->kind || a->service != b->service)
                continue;
            slow->wholes[i].conflict = 1;
            if (k < i) earlier = 1;
        }
        slow->repairs.conflicts += (uint32_t)earlier;
    }
}

static int32_t slow_parent(const SlowTrace *slow, uint32_t child) {
    const SampleSpan *span = &slow->wholes[child].span;
    uint32_t n = slow->n;
    for (uint32_t i = 0; span->kind == PYTHIA_KIND_SERVER && i < n; i++)
        if (i != child && slow->wholes[i].span.id == span->id &&
            slow->wholes[i].span.kind == PYTHIA_KIND_CLIENT)
            return (int32_t)i;
    if (!span->parent) return -1;
    int32_t of_service = -1, server = -1, any = -1;
    for (uint32_t i = n; i-- > 0;) {
        const SampleSpan *known = &slow->wholes[i].span;
        if (i == child || known->id != span->parent) continue;
        any = (int32_t)i;
        if (known->kind == PYTHIA_KIND_SERVER) server = any;
        if (known->service == span->service) of_service = any;
    }
    return of_service >= 0 ? of_service : server >= 0 ? server : any;
}

/* A span on the cycle that `i` hangs on, or -1. */
static int32_t slow_cycle(const SlowTrace *slow, int32_t i) {
    for (uint32_t steps = 0; i >= 0 && steps <= slow->n; steps++)
        i = slow->wholes[i].parent;
    return i;
}

static void slow_cycles(SlowTrace *slow) {
    for (uint32_t i = 0; i < slow->n; i++) {
        int32_t on = slow_cycle(slow, (int32_t)i);
        if (on < 0) continue;
        int32_t best = on;
        for (int32_t k = slow->wholes[on].parent; k != on; k = slow->wholes[k].parent) {
            const Whole *a = &slow->wholes[k], *b = &slow->wholes[best];
            if (a->span.start_ns < b->span.start_ns ||
                (a->span.start_ns == b->span.start_ns && a->record < b->record))
                best = k;
        }
        slow->wholes[best].parent = -1;
        slow->repairs.cycles++;
    }
}

static void slow_build(SlowTrace *slow, const Sample *sample) {
    memset(slow, 0, sizeof *slow);
    slow_identity(slow, sample);
    for (uint32_t i = 0; i < slow->n; i++) {
        Whole *whole = &slow->wholes[i];
        whole->parent = slow_parent(slow, i);
        if (whole->parent < 0 && whole->span.parent) {
            if (whole->span.parent == whole->span.id)
                slow->repairs.cycles++;
            else
                slow->repairs.orphans++;
        }
        if (whole->span.flags & (PYTHIA_SPAN_NO_END | PYTHIA_SPAN_NO_START))
            slow->repairs.open_spans++;
        slow->repairs.negative += whole->span.end_ns < whole->span.start_ns;
    }
    slow_cycles(slow);
}

static int slow_status(const SlowTrace *slow) {
    uint32_t parentless = 0;
    for (uint32_t i = 0; i < slow->n; i++)
        parentless += slow->wholes[i].parent < 0 && !slow->wholes[i].span.parent;
    if (slow->repairs.open_spans || slow->repairs.orphans) return PYTHIA_TRACE_INCOMPLETE;
    if (parentless > 1) return PYTHIA_TRACE_DISJOINT;
    return slow->repairs.cycles ? PYTHIA_TRACE_CYCLIC : PYTHIA_TRACE_COMPLETE;
}

/* ---- comparisons: each returns how much is wrong ------------------------------------------------------- */

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* The invariants that trace.h promises. */
static int wrong_invariants(const PythiaTrace *t) {
    int wrong = 0;
    uint32_t roots = 0;
    for (uint32_t i = 0; i < t->nspans; i++) {
        const PythiaSpan *s = &t->spans[i];
        const PythiaSpan *p = s->parent < 0 ? NULL : &t->spans[s->parent];
        wrong += s->last <= i || s->last > t->nspans;
        wrong += p ? !(s->parent < (int32_t)i && s->last <= p->last) : 0;
        wrong += s->depth != (p ? p->depth + 1 : 0);
        wrong += s->from_ns != (p ? later(s->start_ns, p->from_ns) : s->start_ns);
        wrong += s->to_ns != later(s->end_ns, s->from_ns);
        wrong += s->last < t->nspans && t->spans[s->last].depth > s->depth; /* the subtree ends */
        for (uint32_t k = i + 1; k < s->last; k++)
            wrong += t->spans[k].depth <= s->depth;
        uint32_t next = s->last;
        if (next < t->nspans && t->spans[next].parent == s->parent) {
            const PythiaSpan *b = &t->spans[next];
            int sorted = s->from_ns != b->from_ns ? s->from_ns < b->from_ns
                         : s->to_ns != b->to_ns   ? s->to_ns < b->to_ns
                                                  : s->record < b->record;
            wrong += !sorted;
        }
        roots += !p;
        for (uint32_t k = 0; k < t->npoints; k++) {
            int own = k >= s->first_point && k < s->first_point + s->npoints;
            wrong += own != (t->points[k].span == i);
        }
    }
    wrong += roots != t->nroots;
    for (uint32_t k = 1; k < t->npoints; k++) {
        const PythiaPoint *a = &t->points[k - 1], *b = &t->points[k];
        wrong += a->span > b->span;
        wrong += a->span == b->span && a->time_ns > b->time_ns;
        wrong += a->span == b->span && a->time_ns == b->time_ns && a->record > b->record;
    }
    for (uint32_t k = 1; k < t->nlinks; k++)
        wrong += t->links[k - 1].from_span > t->links[k].from_span;
    return wrong;
}

static int has_uid(const PythiaTrace *t, uint32_t first, uint32_t n, int64_t uid) {
    for (uint32_t k = 0; k < n; k++)
        if (t->values[first + k].of.integer == uid) return 1;
    return 0;
}

/* Span by span against the slow builder. */
static int wrong_spans(const PythiaTrace *t, const PythiaNames *names, const SlowTrace *slow) {
    int wrong = t->nspans != slow->n;
    for (uint32_t i = 0; i < slow->n && !wrong; i++) {
        const Whole *w = &slow->wholes[i];
        uint32_t at = 0;
        while (at < t->nspans && t->spans[at].record != w->record)
            at++;
        if (at == t->nspans) return 1;
        const PythiaSpan *s = &t->spans[at];
        wrong += s->start_ns != w->span.start_ns || s->end_ns != w->span.end_ns;
        wrong += s->kind != w->span.kind || s->flags != w->span.flags;
        wrong += s->conflict != w->conflict;
        wrong += !pythia_id_equal(s->id, sample_id(w->span.id));
        wrong += !pythia_id_equal(s->parent_id, sample_id(w->span.parent));
        wrong += (w->parent < 0) != (s->parent < 0);
        if (w->parent >= 0 && s->parent >= 0)
            wrong += t->spans[s->parent].record != slow->wholes[w->parent].record;
        wrong += s->nvalues != (w->uids[1] ? 2 : 1);
        wrong += !has_uid(t, s->first_value, s->nvalues, w->uids[0]);
        wrong += w->uids[1] && !has_uid(t, s->first_value, s->nvalues, w->uids[1]);
        char expected[16];
        int n = snprintf(expected, sizeof expected, "s%u/o%u", w->span.service, w->span.operation);
        PythiaText text = pythia_names_tracepoint_text(names, s->tracepoint);
        wrong += !pythia_text_equal(text, (PythiaText){expected, (size_t)n});
    }
    return wrong;
}

/* Every point and link of a record that was not a repetition is there once, at its span. */
static int wrong_details(const PythiaTrace *t, const Sample *sample, const SlowTrace *slow) {
    int wrong = 0;
    uint32_t points = 0, links = 0, outside = 0;
    for (uint32_t i = 0; i < sample->npoints; i++) {
        int32_t home = slow->home[sample->points[i].span];
        uint32_t found = 0;
        for (uint32_t k = 0; home >= 0 && k < t->npoints; k++) {
            const PythiaPoint *p = &t->points[k];
            found += has_uid(t, p->first_value, p->nvalues, sample->points[i].uid) &&
                     p->time_ns == sample->points[i].time_ns &&
                     t->spans[p->span].record == slow->wholes[home].record;
        }
        wrong += home >= 0 && found != 1;
        points += home >= 0;
    }
    for (uint32_t i = 0; i < sample->nlinks; i++) {
        int32_t home = slow->home[sample->links[i].span];
        uint32_t found = 0;
        for (uint32_t k = 0; home >= 0 && k < t->nlinks; k++) {
            const PythiaLinkTo *l = &t->links[k];
            found += has_uid(t, l->first_value, l->nvalues, sample->links[i].uid) &&
                     pythia_id_equal(l->span, sample_id(sample->links[i].to)) &&
                     t->spans[l->from_span].record == slow->wholes[home].record;
        }
        wrong += home >= 0 && found != 1;
        links += home >= 0;
    }
    for (uint32_t k = 0; k < t->npoints; k++) {
        const PythiaSpan *s = &t->spans[t->points[k].span];
        outside += t->points[k].time_ns < s->start_ns || t->points[k].time_ns > s->to_ns;
    }
    return wrong + (points != t->npoints) + (links != t->nlinks) +
           (outside != t->repairs.outside_points);
}

static int wrong_repairs(const PythiaTrace *t, const SlowTrace *slow) {
    const PythiaRepairs *a = &t->repairs, *b = &slow->repairs;
    return (a->open_spans != b->open_spans) + (a->duplicates != b->duplicates) +
           (a->conflicts != b->conflicts) + (a->orphans != b->orphans) + (a->cycles != b->cycles) +
           (a->negative != b->negative) + (t->status != slow_status(slow));
}

/* ---- against the slow builder ---------------------------------------------------------------------------- */

static void check_rounds(unsigned what, int shuffled, uint64_t seed) {
    SampleRandom random = {seed};
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    Sample sample;
    SlowTrace slow;
    int wrong = 0;
    for (int round = 0; round < ROUNDS && !wrong; round++) {
        sample_make(&sample, &random, what, 1 + (uint32_t)round % 24);
        if (shuffled) sample_shuffle(&sample, &random);
        slow_build(&slow, &sample);
        CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
        int invariants = wrong_invariants(&trace), spans = wrong_spans(&trace, &names, &slow);
        int details = wrong_details(&trace, &sample, &slow), repairs = wrong_repairs(&trace, &slow);
        wrong = invariants + spans + details + repairs;
        if (wrong)
            printf("round %d: invariants %d, spans %d, details %d, repairs %d\n", round, invariants,
                   spans, details, repairs);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

static void test_trees(void) {
    check_rounds(SAMPLE_POINTED | SAMPLE_LINKED, 0, 11);
    check_rounds(SAMPLE_POINTED | SAMPLE_LINKED | SAMPLE_TIES | SAMPLE_ROOTS, 1, 12);
}

static void test_repetitions(void) {
    check_rounds(SAMPLE_DUPLICATES | SAMPLE_POINTED | SAMPLE_LINKED, 1, 21);
    check_rounds(SAMPLE_DUPLICATES | SAMPLE_CONFLICTS | SAMPLE_TIES | SAMPLE_POINTED, 1, 22);
}

static void test_halves(void) {
    check_rounds(SAMPLE_HALVES | SAMPLE_POINTED | SAMPLE_LINKED, 1, 31);
    check_rounds(SAMPLE_HALVES | SAMPLE_TIES | SAMPLE_ORPHANS | SAMPLE_ROOTS, 1, 32);
    check_rounds(SAMPLE_HALVES | SAMPLE_DUPLICATES | SAMPLE_POINTED, 1, 33);
}

static void test_cycles(void) {
    check_rounds(SAMPLE_CYCLES, 1, 41);
    check_rounds(SAMPLE_CYCLES | SAMPLE_TIES | SAMPLE_ROOTS | SAMPLE_SHARED, 1, 42);
}

static void test_shared_ids(void) {
    check_rounds(SAMPLE_SHARED | SAMPLE_POINTED | SAMPLE_LINKED, 1, 51);
}

static void test_everything(void) {
    check_rounds(EVERYTHING, 1, 61);
    check_rounds(EVERYTHING | SAMPLE_CYCLES, 1, 62);
    check_rounds(EVERYTHING | SAMPLE_CYCLES | SAMPLE_MIXED, 1, 63);
}

/* ---- the order of arrival --------------------------------------------------------------------------------- */

static uint64_t hash_add(uint64_t sum, uint64_t a, uint64_t b) {
    return sum + pythia_hash_mix(pythia_hash_mix(a, b), a + 1);
}

/* Which uids hang below which, when; independent of numbers that depend on the order of arrival. */
static uint64_t shape(const PythiaTrace *t) {
    uint64_t sum = 0, own[SAMPLE_SPANS] = {0};
    for (uint32_t i = 0; i < t->nspans; i++) {
        const PythiaSpan *s = &t->spans[i];
        own[i] = hash_add(0, s->tracepoint, (uint64_t)s->kind << 8 | s->flags);
        for (uint32_t k = 0; k < s->nvalues; k++)
            own[i] = hash_add(own[i], 1, (uint64_t)t->values[s->first_value + k].of.integer);
        sum = hash_add(sum, own[i], s->parent < 0 ? 0 : own[s->parent]);
        sum = hash_add(sum, own[i] + 1, hash_add(0, (uint64_t)s->from_ns, (uint64_t)s->to_ns));
    }
    for (uint32_t i = 0; i < t->npoints; i++)
        sum = hash_add(sum, own[t->points[i].span] + 2,
                       (uint64_t)t->values[t->points[i].first_value].of.integer);
    for (uint32_t i = 0; i < t->nlinks; i++)
        sum = hash_add(sum, own[t->links[i].from_span] + 3,
                       (uint64_t)t->values[t->links[i].first_value].of.integer);
    const PythiaRepairs *r = &t->repairs;
    sum = hash_add(sum, r->open_spans, r->duplicates);
    sum = hash_add(sum, r->conflicts, r->outside_points);
    sum = hash_add(sum, r->orphans, r->cycles);
    return hash_add(sum, r->negative, (uint64_t)t->status);
}

/* Items at one instant are told apart by the order of arrival alone. */
static int has_ties(const PythiaTrace *t) {
    for (uint32_t i = 0; i < t->nspans; i++) {
        const PythiaSpan *s = &t->spans[i];
        uint32_t next = s->last;
        if (next < t->nspans && t->spans[next].parent == s->parent &&
            t->spans[next].from_ns == s->from_ns && t->spans[next].to_ns == s->to_ns)
            return 1;
        for (uint32_t k = 1; k < s->npoints; k++)
            if (t->points[s->first_point + k].time_ns == t->points[s->first_point + k - 1].time_ns)
                return 1;
    }
    return 0;
}

/* Which of two spans that begin at one instant is a cycle's earliest. */
static int has_equal_starts(const PythiaTrace *t) {
    for (uint32_t i = 0; i < t->nspans; i++)
        for (uint32_t k = 0; k < i; k++)
            if (t->spans[i].start_ns == t->spans[k].start_ns) return 1;
    return 0;
}

static void check_order_of_arrival(unsigned what, uint64_t seed, int *untied) {
    SampleRandom random = {seed};
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    Derived derived = {0};
    PythiaModel model = sample_model();
    Sample sample;
    int wrong = 0;
    for (int round = 0; round < ROUNDS / 3; round++) {
        uint64_t first_shape = 0;
        PythiaHash128 first[PYTHIA_GROUPING_DAG + 1] = {{0, 0}};
        sample_make(&sample, &random, what, 16);
        for (int order = 0; order < 4; order++) {
            CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
            if (trace.repairs.cycles && has_equal_starts(&trace)) break;
            int ties = has_ties(&trace);
            if (order == 0) *untied += !ties;
            if (order == 0) first_shape = shape(&trace);
            wrong += shape(&trace) != first_shape;
            for (int g = PYTHIA_GROUPING_TYPE; g <= PYTHIA_GROUPING_DAG; g++) {
                model.grouping = g;
                CU_ASSERT_EQUAL_FATAL(derived_make(&derived, &trace, &model, &names), SQLITE_OK);
                if (order == 0) first[g] = derived.signature;
                int same =
                    first[g].hi == derived.signature.hi && first[g].lo == derived.signature.lo;
                /* With several roots at one instant the request itself is a matter of arrival. */
                if (!ties || (g < PYTHIA_GROUPING_CRITICAL_PATH && trace.nroots == 1))
                    wrong += !same;
            }
            sample_shuffle(&sample, &random);
        }
    }
    CU_ASSERT_EQUAL(wrong, 0);
    derived_clear(&derived);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

static void test_order_of_arrival(void) {
    int untied = 0, unused = 0;
    check_order_of_arrival(SAMPLE_POINTED | SAMPLE_LINKED | SAMPLE_ROOTS, 71, &untied);
    check_order_of_arrival(SAMPLE_DUPLICATES | SAMPLE_HALVES | SAMPLE_ORPHANS, 72, &untied);
    check_order_of_arrival(SAMPLE_CYCLES | SAMPLE_POINTED, 73, &untied);
    check_order_of_arrival(SAMPLE_SHARED | SAMPLE_ROOTS | SAMPLE_DUPLICATES, 74, &untied);
    check_order_of_arrival(SAMPLE_MIXED | SAMPLE_POINTED, 75, &untied);
    CU_ASSERT(untied > 5 * (ROUNDS / 3) / 4); /* there was something to compare */
    check_order_of_arrival(SAMPLE_TIES | SAMPLE_DUPLICATES | SAMPLE_HALVES, 76, &unused);
}

/* ---- by hand ------------------------------------------------------------------------------------------------ */

extern uint64_t pythia_build_steps; /* of build.c, in test builds */

/* Many spans under one id, with as many children that name it: each is looked at a few times, not once for every other.
** Each is there twice, halves of as many others come between, and the services are a few, or all different. */
static void check_many(uint32_t services) {
    enum { MANY = 10000 };
    PythiaTrace trace = {0};
    PythiaNames names = {0};
    const PythiaId one = {0, 1, PYTHIA_ID_HEX16};
    for (uint32_t i = 0; i < 2 * MANY; i++) {
        char name[20];
        uint32_t service, operation, point, number = i % MANY;
        snprintf(name, sizeof name, "s%u", number % services);
        CU_ASSERT_EQUAL_FATAL(pythia_names_string(&names, pythia_text(name), &service), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(pythia_names_string(&names, PYTHIA_TEXT("o"), &operation), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(pythia_names_tracepoint(&names, service, operation, 0, &point),
                              SQLITE_OK);
        PythiaSpan span = {.id = one,
                           .start_ns = 1000,
                           .end_ns = 2000 + number,
                           .tracepoint = point,
                           .kind = number % 2 ? PYTHIA_KIND_CLIENT : PYTHIA_KIND_INTERNAL};
        CU_ASSERT_EQUAL_FATAL(pythia_trace_add_span(&trace, &span, NULL), SQLITE_OK);
        span.id = (PythiaId){0, 2 + number, PYTHIA_ID_HEX16};
        span.parent_id = one;
        span.kind = PYTHIA_KIND_SERVER;
        if (i < MANY) CU_ASSERT_EQUAL_FATAL(pythia_trace_add_span(&trace, &span, NULL), SQLITE_OK);
        span.id = (PythiaId){0, 1, PYTHIA_ID_HEX32};
        span.flags = i % 2 ? PYTHIA_SPAN_NO_START : PYTHIA_SPAN_NO_END;
        span.start_ns = span.end_ns = 3000 + i / 2;
        if (i < MANY) CU_ASSERT_EQUAL_FATAL(pythia_trace_add_span(&trace, &span, NULL), SQLITE_OK);
    }
    uint32_t n = trace.nspans;
    pythia_build_steps = 0;
    CU_ASSERT_EQUAL_FATAL(pythia_trace_build(&trace, &names), SQLITE_OK);
    CU_ASSERT_EQUAL(n, 4 * MANY);
    CU_ASSERT(pythia_build_steps < 60 * (uint64_t)n);
    CU_ASSERT_EQUAL(trace.nspans, MANY + MANY + MANY / 2);
    CU_ASSERT_EQUAL(trace.repairs.duplicates, MANY);
    CU_ASSERT_EQUAL(trace.repairs.open_spans, 0);
    CU_ASSERT_EQUAL(trace.repairs.orphans, 0);
    uint32_t conflicts = 0, own = 0, children = 0;
    for (uint32_t i = 0; i < trace.nspans; i++) {
        const PythiaSpan *s = &trace.spans[i];
        conflicts += s->conflict && pythia_id_equal(s->id, one);
        if (!pythia_id_equal(s->parent_id, one)) continue;
        children++;
        CU_ASSERT_FATAL(s->parent >= 0);
        own += names.tracepoints[trace.spans[s->parent].tracepoint].service ==
               names.tracepoints[s->tracepoint].service;
    }
    CU_ASSERT_EQUAL(conflicts, services < MANY ? MANY : 0);
    CU_ASSERT_EQUAL(children, MANY + MANY / 2);
    CU_ASSERT_EQUAL(own, MANY + MANY / 2);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

static void test_many(void) {
    check_many(7);
    check_many(10000);
}

static void test_empty(void) {
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    PythiaModel model = sample_model();
    PythiaRequest request;
    CU_ASSERT_EQUAL(pythia_trace_build(&trace, &names), SQLITE_OK);
    CU_ASSERT_EQUAL(trace.nspans, 0);
    CU_ASSERT_EQUAL(pythia_trace_events(&trace), 0);
    CU_ASSERT_EQUAL(pythia_request_find(&trace, &model, &names, &request), SQLITE_EMPTY);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

/* A whole span and one of its halves, in both orders: the half says nothing new. */
static void test_half_of_a_whole(void) {
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    for (int order = 0; order < 4; order++) {
        Sample sample = {0};
        sample_span(&sample, 1, 0, 100, 200, 1, 1);
        uint32_t half = sample_span(&sample, 1, 0, order & 1 ? 100 : 200, order & 1 ? 100 : 200, 1,
                                    order & 1 ? 1 : 2);
        sample.spans[half].flags = order & 1 ? PYTHIA_SPAN_NO_END : PYTHIA_SPAN_NO_START;
        sample.spans[half].uid = sample.spans[0].uid;
        if (order & 2) {
            SampleSpan kept = sample.spans[0];
            sample.spans[0] = sample.spans[1];
            sample.spans[1] = kept;
        }
        CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(trace.nspans, 1);
        CU_ASSERT_EQUAL(trace.spans[0].start_ns, 100);
        CU_ASSERT_EQUAL(trace.spans[0].end_ns, 200);
        CU_ASSERT_EQUAL(trace.spans[0].flags, 0);
        CU_ASSERT_EQUAL(trace.spans[0].conflict, 0);
        CU_ASSERT_EQUAL(trace.repairs.duplicates, 1);
        CU_ASSERT_EQUAL(trace.repairs.conflicts, 0);
        CU_ASSERT_EQUAL(trace.status, PYTHIA_TRACE_COMPLETE);
        PythiaText name = pythia_names_tracepoint_text(&names, trace.spans[0].tracepoint);
        CU_ASSERT(pythia_text_equal(name, PYTHIA_TEXT("s1/o1")));
    }
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

/* Several roots with an anchor are one workflow; one without makes the trace disjoint. */
static void test_anchored_roots(void) {
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    Sample sample = {0};
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t s = sample_span(&sample, i + 1, 0, 100 * i, 100 * i + 50, 1, i);
        sample.spans[s].flags = PYTHIA_SPAN_ANCHORED;
    }
    CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
    CU_ASSERT_EQUAL(trace.status, PYTHIA_TRACE_COMPLETE);
    CU_ASSERT_EQUAL(trace.nroots, 3);
    sample.spans[2].flags = 0;
    CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
    CU_ASSERT_EQUAL(trace.status, PYTHIA_TRACE_DISJOINT);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

/* Time that children cover, against counting nanosecond by nanosecond. */
static void test_self_time(void) {
    SampleRandom random = {81};
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    Sample sample;
    int wrong = 0;
    for (int round = 0; round < 400; round++) {
        sample_make(&sample, &random, SAMPLE_TIES, 12);
        CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
        for (uint32_t i = 0; i < trace.nspans; i++) {
            const PythiaSpan *s = &trace.spans[i];
            int64_t alone = 0;
            uint32_t children = 0;
            for (int64_t t = s->from_ns; t < s->to_ns; t++) {
                int covered = 0;
                for (uint32_t c = 0; c < trace.nspans; c++)
                    covered |= trace.spans[c].parent == (int32_t)i && trace.spans[c].from_ns <= t &&
                               trace.spans[c].to_ns > t;
                alone += !covered;
            }
            for (uint32_t c = 0; c < trace.nspans; c++)
                children += trace.spans[c].parent == (int32_t)i;
            wrong += pythia_span_self_ns(&trace, i) != alone;
            wrong += pythia_span_children(&trace, i) != children;
        }
    }
    CU_ASSERT_EQUAL(wrong, 0);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

/* Resource sets are kept once, whatever the order of their values, and outlive what they were made of. */
static void test_resources(void) {
    PythiaTrace trace = {0};
    char text[] = "worker";
    PythiaValue values[2] = {{.key = 1, .type = PYTHIA_VALUE_TEXT, .n = 6, .of.text = text},
                             {.key = 2, .type = PYTHIA_VALUE_INT, .of.integer = 7}};
    PythiaValue turned[2] = {values[1], values[0]};
    uint32_t first, second, third;
    PythiaResourceSet set = {values, 2, pythia_resource_hash(values, 2)};
    PythiaResourceSet same = {turned, 2, pythia_resource_hash(turned, 2)};
    PythiaResourceSet other = {values, 1, pythia_resource_hash(values, 1)};
    CU_ASSERT_EQUAL(pythia_trace_add_resource(&trace, &set, &first), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_trace_add_resource(&trace, &same, &second), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_trace_add_resource(&trace, &other, &third), SQLITE_OK);
    CU_ASSERT_EQUAL(first, second);
    CU_ASSERT_NOT_EQUAL(first, third);
    CU_ASSERT_EQUAL(trace.nresources, 2);
    memset(text, 'x', sizeof text);
    CU_ASSERT_EQUAL(memcmp(trace.resources[first].values[0].of.text, "worker", 6), 0);
    pythia_trace_clear(&trace);
}

PYTHIA_SUITE(trace_build, {"trees", test_trees}, {"repetitions and conflicts", test_repetitions},
             {"halves", test_halves}, {"cycles of parents", test_cycles},
             {"ids that two sides share", test_shared_ids}, {"all at once", test_everything},
             {"the order of arrival says nothing", test_order_of_arrival},
             {"many spans of one id", test_many}, {"empty", test_empty},
             {"half of a whole", test_half_of_a_whole}, {"anchored roots", test_anchored_roots},
             {"self time", test_self_time}, {"resources", test_resources})
