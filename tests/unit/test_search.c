/* test_search.c - the search space: learning from traces, finding paths in it, candidates. */
#include "ext/search/candidates.h"
#include "tests/unit/trace_util.h"

#include <stdlib.h>

/* ---- learning -------------------------------------------------------------------------------------------- */

/* Learns from samples made from a seed, in one order or the other. */
static void learn(PythiaSpace *space, uint64_t seed, int n, int backwards) {
    PythiaLearner *learner;
    PythiaModel model = sample_model();
    PythiaNames names = {0};
    static Sample sample;
    CU_ASSERT_EQUAL_FATAL(pythia_learner_open(&learner), SQLITE_OK);
    for (int i = 0; i < n; i++) {
        SampleRandom random = {seed * 1000 + (uint64_t)(backwards ? n - i : i + 1)};
        PythiaTrace trace = {0};
        Derived derived = {0};
        sample_make(&sample, &random, SAMPLE_POINTED, 24);
        CU_ASSERT_EQUAL(sample_build(&sample, &names, &trace), SQLITE_OK);
        CU_ASSERT_EQUAL(derived_make(&derived, &trace, &model, &names), SQLITE_OK);
        CU_ASSERT_EQUAL(
            pythia_learner_add(learner, &trace, &model, &names, &derived.request, &derived.path),
            SQLITE_OK);
        derived_clear(&derived);
        pythia_trace_clear(&trace);
    }
    CU_ASSERT_EQUAL(pythia_learner_finish(learner, NULL, space), SQLITE_OK);
    pythia_learner_close(learner);
    pythia_names_clear(&names);
}

static PythiaText text_of(const PythiaSpace *space, uint32_t text) {
    return pythia_intern_text(&space->texts, text);
}

/* How two spaces differ; texts may have other numbers. */
static int differences(const PythiaSpace *a, const PythiaSpace *b) {
    int wrong = (a->nnodes != b->nnodes) + (a->npaths != b->npaths) + (a->nsteps != b->nsteps);
    for (uint32_t i = 1; !wrong && i <= a->nnodes; i++) {
        const PythiaSpaceNode *x = &a->nodes[i], *y = &b->nodes[i];
        wrong += !pythia_text_equal(text_of(a, x->type), text_of(b, y->type)) ||
                 !pythia_text_equal(text_of(a, x->point), text_of(b, y->point));
        wrong += x->parent != y->parent || x->depth != y->depth || x->count != y->count ||
                 x->traces != y->traces || x->on_path != y->on_path || x->first != y->first ||
                 x->last != y->last || x->single != y->single || x->skeleton != y->skeleton;
    }
    for (uint32_t p = 0; !wrong && p < a->npaths; p++)
        wrong += a->paths[p].n != b->paths[p].n || a->paths[p].count != b->paths[p].count;
    if (!wrong && a->nsteps) wrong += memcmp(a->steps, b->steps, a->nsteps * sizeof *a->steps) != 0;
    return wrong;
}

static void test_order_of_traces(void) {
    int wrong = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        PythiaSpace one = {0}, two = {0};
        learn(&one, seed, 40, 0);
        learn(&two, seed, 40, 1);
        wrong += differences(&one, &two);
        pythia_space_clear(&one);
        pythia_space_clear(&two);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void test_invariants(void) {
    int wrong = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        PythiaSpace s = {0};
        int64_t traces = 0;
        learn(&s, seed, 40, 0);
        for (uint32_t i = 1; i <= s.nnodes; i++) {
            const PythiaSpaceNode *node = &s.nodes[i], *parent = &s.nodes[node->parent];
            wrong +=
                node->parent >= i || node->count < node->traces || node->traces < node->on_path;
            wrong +=
                node->parent && (parent->type != node->type || parent->depth + 1 != node->depth);
            wrong += (node->first == 0) != (node->on_path == 0) || node->first > node->last;
        }
        for (uint32_t p = 0; p < s.npaths; p++) {
            traces += s.paths[p].count;
            for (uint32_t i = 0; i < s.paths[p].n; i++)
                wrong += s.nodes[s.steps[s.paths[p].first + i] >> 2].type != s.paths[p].type;
            wrong += p && pythia_text_compare(text_of(&s, s.paths[p - 1].type),
                                              text_of(&s, s.paths[p].type)) > 0;
        }
        wrong += traces != 40; /* every request is counted on one path */
        pythia_space_clear(&s);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* What is learned anew replaces what was known of a type, and nothing else. */
static void test_keep(void) {
    PythiaSpace old = {0}, again = {0};
    PythiaLearner *learner;
    learn(&old, 3, 30, 0);
    CU_ASSERT_EQUAL_FATAL(pythia_learner_open(&learner), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_learner_keep(learner, &old), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_learner_finish(learner, NULL, &again), SQLITE_OK);
    CU_ASSERT_EQUAL(differences(&old, &again), 0);
    pythia_learner_close(learner);
    pythia_space_clear(&old);
    pythia_space_clear(&again);
}

/* ---- matching ---------------------------------------------------------------------------------------------- */

typedef struct Found {
    uint32_t path[64], from[64], to[64], n;
} Found;

static int see(void *context, uint32_t path, uint32_t from, uint32_t to) {
    Found *found = context;
    if (found->n == 64) return SQLITE_FULL;
    found->path[found->n] = path;
    found->from[found->n] = from;
    found->to[found->n++] = to;
    return SQLITE_OK;
}

/* The same by trying every path. */
static void slow_match(const PythiaSpace *s, const PythiaStretch *q, Found *found) {
    for (uint32_t p = 0; p < s->npaths; p++) {
        const PythiaSpacePath *path = &s->paths[p];
        uint32_t at = 0, from = 0, to = 0;
        if (path->type != q->type) continue;
        uint32_t i = 0;
        for (; i <= q->edge && at < path->n; at++)
            if (pythia_space_event(s, s->steps[path->first + at]) == q->events[i]) {
                from = at;
                i++;
            }
        if (i <= q->edge) continue;
        i = q->n;
        for (at = path->n; i > q->edge + 1 && at > 0; at--)
            if (pythia_space_event(s, s->steps[path->first + at - 1]) == q->events[i - 1]) {
                to = at - 1;
                i--;
            }
        if (i == q->edge + 1 && from < to) see(found, p, from, to);
    }
}

/* A part of a path: its events, each kept with some chance. */
static uint32_t part_of(const PythiaSpace *s, uint32_t p, SampleRandom *random, uint32_t *events) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->paths[p].n; i++)
        if (i == 0 || i + 1 == s->paths[p].n || sample_chance(random, 30))
            events[n++] = pythia_space_event(s, s->steps[s->paths[p].first + i]);
    return n;
}

static void test_match(void) {
    SampleRandom random = {99};
    int wrong = 0, several = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        PythiaSpace s = {0};
        learn(&s, seed, 40, 0);
        for (int round = 0; round < 200; round++) {
            uint32_t events[512], p = sample_below(&random, s.npaths);
            PythiaStretch q = {s.paths[p].type, events, part_of(&s, p, &random, events), 0};
            if (q.n < 2) continue;
            q.edge = sample_below(&random, q.n - 1);
            Found quick = {0}, slow = {0};
            wrong += pythia_space_match(&s, &q, NULL, see, &quick) != SQLITE_OK;
            slow_match(&s, &q, &slow);
            wrong += quick.n != slow.n || quick.n < 1;
            several += quick.n > 1;
            for (uint32_t i = 0; i < quick.n && i < slow.n; i++)
                wrong += quick.path[i] != slow.path[i] || quick.from[i] != slow.from[i] ||
                         quick.to[i] != slow.to[i];
        }
        pythia_space_clear(&s);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(several > 0);
}

static void test_no_match(void) {
    PythiaSpace s = {0};
    Found found = {0};
    PythiaCandidates list = {0};
    learn(&s, 5, 10, 0);
    uint32_t last = s.steps[s.paths[0].first + s.paths[0].n - 1];
    uint32_t events[3] = {pythia_space_event(&s, last), 0, pythia_space_event(&s, s.steps[0])};
    PythiaStretch backwards = {s.paths[0].type, events, 3, 0},
                  single = {s.paths[0].type, events, 1, 0};
    CU_ASSERT_EQUAL(pythia_space_match(&s, &backwards, NULL, see, &found), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_space_match(&s, &single, NULL, see, &found), SQLITE_OK);
    CU_ASSERT_EQUAL(found.n, 0);
    PythiaSpace empty = {0};
    unsigned char closed[1] = {0};
    CU_ASSERT_EQUAL(pythia_candidates_find(&empty, &backwards, closed, NULL, &list), SQLITE_OK);
    CU_ASSERT_EQUAL(list.n, 0);
    pythia_candidates_clear(&list);
    pythia_space_clear(&s);
}

/* ---- candidates -------------------------------------------------------------------------------------------- */

/* The largest piece that a trace point leaves of a stretch, straight from the definition. */
static uint32_t slow_largest(const PythiaSpace *s, const uint32_t *steps, uint32_t n,
                             const unsigned char *closed, uint32_t point) {
    uint32_t largest = 0, piece = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t other = s->nodes[steps[i] >> 2].point;
        if (closed[other]) continue;
        piece = other == point ? 0 : piece + 1;
        if (piece > largest) largest = piece;
    }
    return largest;
}

/* A question about the whole of a path, its ends alone being on. */
static int check_candidates(const PythiaSpace *s, uint32_t p, SampleRandom *random) {
    const PythiaSpacePath *path = &s->paths[p];
    const uint32_t *steps = s->steps + path->first;
    uint32_t ends[2] = {pythia_space_event(s, steps[0]), pythia_space_event(s, steps[path->n - 1])};
    PythiaStretch q = {path->type, ends, 2, 0};
    PythiaCandidates list = {0};
    Found found = {0};
    unsigned char *closed = calloc((size_t)s->texts.n + 1, 1);
    int wrong = 0;
    for (uint32_t i = 1; i <= s->texts.n; i++)
        closed[i] = (unsigned char)sample_chance(random, 20);
    wrong += pythia_candidates_find(s, &q, closed, NULL, &list) != SQLITE_OK;
    slow_match(s, &q, &found);
    uint32_t best = 0; /* the most frequent of the matching paths */
    for (uint32_t i = 1; i < found.n; i++)
        if (s->paths[found.path[i]].count > s->paths[found.path[best]].count) best = i;
    wrong += list.matched != found.n;
    for (uint32_t i = 0; found.n && i < list.n; i++) {
        const PythiaCandidate *c = &list.list[i];
        uint32_t point = s->nodes[c->node].point;
        wrong += closed[point] || c->weight <= 0 || c->weight > 1 + 1e-9 || c->level < 1;
        if (c->place > list.total || i >= list.total) continue;
        const uint32_t *of = s->steps + s->paths[found.path[best]].first + found.from[best] + 1;
        uint32_t n = found.to[best] - found.from[best] - 1, there = 0;
        for (uint32_t k = 0; k < n; k++)
            there += s->nodes[of[k] >> 2].point == point;
        if (there)
            wrong += there != c->events || slow_largest(s, of, n, closed, point) != c->largest;
    }
    pythia_candidates_clear(&list);
    free(closed);
    return wrong;
}

static void test_candidates(void) {
    SampleRandom random = {7};
    int wrong = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        PythiaSpace s = {0};
        learn(&s, seed, 40, 0);
        for (uint32_t p = 0; p < s.npaths; p++)
            if (s.paths[p].n > 2) wrong += check_candidates(&s, p, &random);
        pythia_space_clear(&s);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* ---- in the store ------------------------------------------------------------------------------------------ */

int sqlite3_pythia_init(sqlite3 *db, char **error, const struct sqlite3_api_routines *api);

static void test_saved(void) {
    sqlite3 *db;
    PythiaStore *store;
    PythiaSpace s = {0}, back = {0};
    char *error = NULL;
    int64_t before, after;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_pythia_init(db, &error, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_exec(db, "SELECT pythia_init()", NULL, NULL, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_store_open(db, "main", 0, &store, &error), SQLITE_OK);
    learn(&s, 11, 40, 0);
    CU_ASSERT_EQUAL(pythia_space_version(store, &before, &error), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_space_save(store, &s, &error), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_space_version(store, &after, &error), SQLITE_OK);
    CU_ASSERT(before == 0 && after != 0);
    CU_ASSERT_EQUAL(pythia_space_load(store, &back, NULL, &error), SQLITE_OK);
    CU_ASSERT_EQUAL(differences(&s, &back), 0);
    static const char *const damage[] = {
        "UPDATE pythia_xspace SET parent = id WHERE id = 2",
        "UPDATE pythia_xspace SET parent = -1 WHERE id = 2",
        "DELETE FROM pythia_xspace WHERE id = 1",
        "UPDATE pythia_xspace SET request_type = 'other' WHERE parent > 0",
        "UPDATE pythia_xpath SET steps = x'' WHERE id = 1",
        "UPDATE pythia_xpath SET steps = x'ff' WHERE id = 1",
        "UPDATE pythia_xpath SET steps = x'ffffffff0f' WHERE id = 1",
        "UPDATE pythia_xpath SET steps = NULL",
        "UPDATE pythia_xpath SET request_type = 'other' WHERE id = 1"};
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        CU_ASSERT_EQUAL(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
        CU_ASSERT_EQUAL(sqlite3_exec(db, damage[i], NULL, NULL, NULL), SQLITE_OK);
        CU_ASSERT_EQUAL(pythia_space_load(store, &back, NULL, &error), SQLITE_CORRUPT_VTAB);
        CU_ASSERT(error && strstr(error, "pythia_x"));
        sqlite3_free(error);
        error = NULL;
        CU_ASSERT_EQUAL(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    }
    pythia_space_clear(&s);
    pythia_space_clear(&back);
    pythia_store_close(store);
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

PYTHIA_SUITE(search, {"the order of traces does not matter", test_order_of_traces},
             {"what holds of every space", test_invariants}, {"types not met are kept", test_keep},
             {"matching as trying every path", test_match}, {"no match", test_no_match},
             {"candidates against the definition", test_candidates},
             {"saved and damaged", test_saved})
