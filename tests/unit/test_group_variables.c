/* test_group_variables.c - the variables of a group and their ranking: by hand, and against a shadow model on
** random rows. */
#include "ext/group/variables.h"

#include <math.h>

#include "ext/stat/adjust.h"
#include "ext/stat/relation.h"
#include "tests/unit/test.h"

/* ---- rows by hand ---------------------------------------------------------------------------------------- */

enum { MOST_VALUES = 64 };

/* A trace in the making: spans in preorder (the one in work has the index trace.nspans), each with the values given after it. */
typedef struct Fixture {
    PythiaNames names;
    PythiaCallPaths call_paths;
    PythiaTracePaths paths;
    PythiaTrace trace;
    PythiaVariables *variables;
    PythiaSpan span;
    PythiaPoint point;
    PythiaValue values[MOST_VALUES];
    uint32_t nvalues;
    int open; /* 1: a span is in work, 2: a point */
} Fixture;

static uint32_t string_of(Fixture *f, const char *text) {
    uint32_t id = 0;
    CU_ASSERT_EQUAL_FATAL(pythia_names_string(&f->names, pythia_text(text), &id), SQLITE_OK);
    return id;
}

static void fixture_open(Fixture *f) {
    memset(f, 0, sizeof *f);
    CU_ASSERT_EQUAL_FATAL(pythia_variables_open(NULL, &f->variables), SQLITE_OK);
}

static void fixture_close(Fixture *f) {
    pythia_variables_close(f->variables);
    pythia_trace_clear(&f->trace);
    pythia_trace_paths_clear(&f->paths);
    pythia_call_paths_clear(&f->call_paths);
    pythia_names_clear(&f->names);
}

static void flush(Fixture *f) {
    f->span.nvalues = f->point.nvalues = f->nvalues;
    if (f->open == 1)
        CU_ASSERT_EQUAL_FATAL(pythia_trace_add_span(&f->trace, &f->span, f->values), SQLITE_OK);
    if (f->open == 2)
        CU_ASSERT_EQUAL_FATAL(pythia_trace_add_point(&f->trace, &f->point, f->values), SQLITE_OK);
    f->open = 0;
    f->nvalues = 0;
}

static void add_span(Fixture *f, int32_t parent, const char *service, const char *operation) {
    flush(f);
    uint32_t tracepoint;
    CU_ASSERT_EQUAL_FATAL(pythia_names_tracepoint(&f->names, string_of(f, service),
                                                  string_of(f, operation), 0, &tracepoint),
                          SQLITE_OK);
    int64_t at = f->trace.nspans;
    f->span = (PythiaSpan){
        .start_ns = at, .end_ns = 1000 - at, .parent = parent, .tracepoint = tracepoint};
    f->span.resource = UINT32_MAX;
    f->open = 1;
}

/* A point in the span before it; points come after all spans. */
static void add_point(Fixture *f, uint32_t span, const char *service, const char *operation,
                      const char *name) {
    flush(f);
    uint32_t tracepoint;
    CU_ASSERT_EQUAL_FATAL(pythia_names_tracepoint(&f->names, string_of(f, service),
                                                  string_of(f, operation), string_of(f, name),
                                                  &tracepoint),
                          SQLITE_OK);
    f->point = (PythiaPoint){.span = span, .tracepoint = tracepoint};
    f->open = 2;
}

static PythiaValue *add_value(Fixture *f, const char *key, uint32_t type) {
    CU_ASSERT_FATAL(f->nvalues < MOST_VALUES);
    f->values[f->nvalues] = (PythiaValue){.key = string_of(f, key), .type = type};
    return &f->values[f->nvalues++];
}

static void add_int(Fixture *f, const char *key, int64_t value) {
    add_value(f, key, PYTHIA_VALUE_INT)->of.integer = value;
}

static void add_real(Fixture *f, const char *key, double value) {
    add_value(f, key, PYTHIA_VALUE_DOUBLE)->of.real = value;
}

static void add_bool(Fixture *f, const char *key, int value) {
    add_value(f, key, PYTHIA_VALUE_BOOL)->of.integer = value;
}

static void add_typed(Fixture *f, const char *key, uint32_t type, const char *text) {
    PythiaText kept = pythia_names_text(&f->names, string_of(f, text));
    PythiaValue *value = add_value(f, key, type);
    value->of.text = kept.p;
    value->n = (uint32_t)kept.n;
}

static void add_text(Fixture *f, const char *key, const char *text) {
    add_typed(f, key, PYTHIA_VALUE_TEXT, text);
}

/* Gives the span in work the values so far as its resource. */
static void as_resource(Fixture *f) {
    PythiaResourceSet set = {f->values, f->nvalues, pythia_resource_hash(f->values, f->nvalues)};
    CU_ASSERT_EQUAL_FATAL(pythia_trace_add_resource(&f->trace, &set, &f->span.resource), SQLITE_OK);
    f->nvalues = 0;
}

static void row_end(Fixture *f, double response) {
    flush(f);
    pythia_trace_derive(&f->trace);
    CU_ASSERT_EQUAL_FATAL(pythia_trace_paths(&f->paths, &f->call_paths, &f->trace, &f->names),
                          SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(
        pythia_variables_add(f->variables, &f->trace, &f->names, &f->paths, response), SQLITE_OK);
    pythia_trace_reset(&f->trace);
}

static void finish(Fixture *f) {
    CU_ASSERT_EQUAL_FATAL(pythia_variables_finish(f->variables, &f->names, &f->call_paths),
                          SQLITE_OK);
}

static const PythiaVariable *find(const Fixture *f, const char *key, int kind, uint32_t *at) {
    uint32_t n;
    const PythiaVariable *list = pythia_variables_list(f->variables, &n);
    for (uint32_t i = 0; i < n; i++)
        if (pythia_text_equal(list[i].key, pythia_text(key)) && list[i].kind == kind) {
            if (at) *at = i;
            return &list[i];
        }
    return NULL;
}

/* Whether the variable is there with these values; a row whose expected value is NAN must be missing. */
static void check_numbers(const Fixture *f, const char *key, int kind, const double *expected) {
    uint32_t at = 0, rows = pythia_variables_rows(f->variables), k = 0;
    const PythiaVariable *v = find(f, key, kind, &at);
    CU_ASSERT_PTR_NOT_NULL(v);
    if (!v) {
        fprintf(stderr, "no variable %s\n", key);
        return;
    }
    uint32_t *row = pythia_alloc_array(rows, sizeof *row);
    double *value = pythia_alloc_array(rows, sizeof *value);
    pythia_variable_read(f->variables, at, row, value);
    for (uint32_t i = 0; i < rows; i++) {
        if (isnan(expected[i])) continue;
        CU_ASSERT(k < v->n && row[k] == i && value[k] == expected[i]);
        k++;
    }
    CU_ASSERT_EQUAL(k, v->n);
    CU_ASSERT_EQUAL(v->n + v->missing, rows);
    pythia_free(row);
    pythia_free(value);
}

#define CHECK_KEYS(f, ...)                                                                         \
    do {                                                                                           \
        const char *const keys[] = {__VA_ARGS__};                                                  \
        check_keys(f, keys, sizeof keys / sizeof keys[0]);                                         \
    } while (0)

static void check_keys(const Fixture *f, const char *const *keys, size_t n) {
    uint32_t got;
    const PythiaVariable *list = pythia_variables_list(f->variables, &got);
    CU_ASSERT_EQUAL(got, n);
    for (uint32_t i = 0; i < got; i++)
        if (i >= n || !pythia_text_equal(list[i].key, pythia_text(keys[i]))) {
            CU_FAIL("unexpected key");
            fprintf(stderr, "%u: %.*s\n", i, (int)list[i].key.n, list[i].key.p);
        }
}

/* ---- collecting ------------------------------------------------------------------------------------------ */

static void test_kinds(void) {
    Fixture f;
    fixture_open(&f);
    for (int i = 0; i < 3; i++) {
        add_span(&f, -1, "web", "GET /");
        if (i == 0) add_int(&f, "size", 7);
        if (i == 1) add_real(&f, "size", 7.5);
        add_bool(&f, "warm", i == 2);
        add_text(&f, "mode", i ? "fast" : "slow");
        if (i == 2) add_text(&f, "size", "large"); /* the same key, now a text */
        add_typed(&f, "list", PYTHIA_VALUE_JSON, i ? "[1]" : "[2]");
        add_text(&f, "raw_name", i ? "GET /1" : "GET /2");
        add_real(&f, "ratio", i == 1 ? INFINITY : 0.5);
        add_point(&f, 0, "web", "GET /", "retry");
        add_int(&f, "attempt", i);
        row_end(&f, i);
    }
    finish(&f);
    CHECK_KEYS(&f, "attempt", "list", "mode", "ratio", "size", "size", "warm");
    check_numbers(&f, "size", PYTHIA_VARIABLE_NUMERIC, (double[]){7, 7.5, NAN});
    check_numbers(&f, "size", PYTHIA_VARIABLE_CATEGORY, (double[]){NAN, NAN, 0});
    check_numbers(&f, "warm", PYTHIA_VARIABLE_CATEGORY, (double[]){0, 0, 1});
    check_numbers(&f, "mode", PYTHIA_VARIABLE_CATEGORY, (double[]){0, 1, 1});
    check_numbers(&f, "list", PYTHIA_VARIABLE_CATEGORY, (double[]){0, 1, 1});
    check_numbers(&f, "ratio", PYTHIA_VARIABLE_NUMERIC, (double[]){0.5, NAN, 0.5});
    check_numbers(&f, "attempt", PYTHIA_VARIABLE_NUMERIC, (double[]){0, 1, 2});
    CU_ASSERT_EQUAL(find(&f, "ratio", PYTHIA_VARIABLE_NUMERIC, NULL)->levels, 1);
    CU_ASSERT_EQUAL(find(&f, "attempt", PYTHIA_VARIABLE_NUMERIC, NULL)->levels, 3);
    fixture_close(&f);
}

/* A key is bare where only one trace point or one resource has it. */
static void test_keys(void) {
    Fixture f;
    fixture_open(&f);
    for (int i = 0; i < 2; i++) {
        add_span(&f, -1, "web", "GET /");
        add_text(&f, "host", "h1");
        add_text(&f, "rack", "r1");
        add_text(&f, "zone", "z");
        as_resource(&f);
        add_int(&f, "size", i);
        add_text(&f, "rack", "no resource");
        add_span(&f, 0, "db", "query");
        add_text(&f, "host", "h2");
        as_resource(&f);
        add_int(&f, "size", 1);
        add_int(&f, "rows", 1);
        add_span(&f, 0, "db", "query");
        add_text(&f, "host", "h3"); /* another process of the service: its first one counts */
        add_text(&f, "disk", "d3");
        as_resource(&f);
        row_end(&f, i);
    }
    finish(&f);
    CHECK_KEYS(&f, "db/query:size", "db:host", "disk", "rows", "web/GET /:rack", "web/GET /:size",
               "web:host", "web:rack", "zone");
    check_numbers(&f, "db:host", PYTHIA_VARIABLE_CATEGORY, (double[]){0, 0});
    CU_ASSERT_EQUAL(find(&f, "db:host", PYTHIA_VARIABLE_CATEGORY, NULL)->levels, 1);
    fixture_close(&f);
}

static void test_sums(void) {
    Fixture f;
    fixture_open(&f);
    static const int times[] = {1, 1, 3, 0, 2};
    for (int i = 0; i < 5; i++) {
        add_span(&f, -1, "web", "GET /");
        for (int k = 0; k < times[i]; k++) {
            add_span(&f, 0, "db", "query");
            add_int(&f, "rows", 10 * i + k);
            add_int(&f, "port", 5432);
            add_text(&f, "verb", k ? "later" : "first");
        }
        row_end(&f, i);
    }
    finish(&f);
    /* A number that never differs needs no sum beside the count. */
    CHECK_KEYS(&f, "count(db/query)", "port", "rows", "sum(rows)", "verb");
    check_numbers(&f, "rows", PYTHIA_VARIABLE_NUMERIC, (double[]){0, 10, 20, NAN, 40});
    check_numbers(&f, "sum(rows)", PYTHIA_VARIABLE_NUMERIC, (double[]){0, 10, 63, NAN, 81});
    check_numbers(&f, "port", PYTHIA_VARIABLE_NUMERIC, (double[]){5432, 5432, 5432, NAN, 5432});
    check_numbers(&f, "verb", PYTHIA_VARIABLE_CATEGORY, (double[]){0, 0, 0, NAN, 0});
    check_numbers(&f, "count(db/query)", PYTHIA_VARIABLE_COUNT, (double[]){1, 1, 3, 0, 2});
    fixture_close(&f);
}

static void test_counts(void) {
    Fixture f;
    fixture_open(&f);
    for (int i = 0; i < 4; i++) {
        add_span(&f, -1, "web", "GET /");
        add_span(&f, 0, "db", "ping"); /* always once: no variable */
        for (int k = 0; k <= i % 2; k++) {
            add_span(&f, 0, "cart", "items"); /* 1, 2, 1, 2 */
            add_span(&f, (int32_t)f.trace.nspans, "db", "query");
        }
        if (i == 3) {
            add_span(&f, 0, "db", "query"); /* another path to it */
            add_span(&f, (int32_t)f.trace.nspans, "db", "lock");
            add_point(&f, 0, "web", "GET /", "slow");
        }
        row_end(&f, i);
    }
    finish(&f);
    CHECK_KEYS(&f, "count(cart/items)", "count(db/lock)",
               "count(web/GET / > cart/items > db/query)", "count(web/GET / > db/query)",
               "count(web/GET //slow)");
    check_numbers(&f, "count(cart/items)", PYTHIA_VARIABLE_COUNT, (double[]){1, 2, 1, 2});
    check_numbers(&f, "count(web/GET / > db/query)", PYTHIA_VARIABLE_COUNT, (double[]){0, 0, 0, 1});
    CU_ASSERT_EQUAL(find(&f, "count(db/lock)", PYTHIA_VARIABLE_COUNT, NULL)->levels, 2);
    fixture_close(&f);
}

static uint32_t random_below(uint64_t *state, uint32_t n) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state % n);
}

/* Random presence and values, constant stretches among them, read back as they were given. */
static void test_shadow(void) {
    enum { ROWS = 300, KEYS = 12 };
    static double shadow[KEYS][ROWS];
    static const char *const names[KEYS] = {"a", "b", "c", "d", "e", "f",
                                            "g", "h", "i", "j", "k", "l"};
    uint64_t state = 99;
    for (int round = 0; round < 10; round++) {
        Fixture f;
        fixture_open(&f);
        for (uint32_t i = 0; i < ROWS; i++) {
            add_span(&f, -1, "web", "GET /");
            for (uint32_t k = 0; k < KEYS; k++) {
                int present = k < 3 || random_below(&state, 100) < 100 - 15 * (k % 6);
                /* Some keys change rarely, or for the first time late. */
                double value = k % 4 == 0 ? 5 : (double)random_below(&state, 1 + k);
                if (k % 4 == 0 && i >= ROWS - 3 * k) value = (double)random_below(&state, 1000);
                shadow[k][i] = present ? value : NAN;
                if (present && i % 2) add_int(&f, names[k], (int64_t)value);
                if (present && i % 2 == 0) add_real(&f, names[k], value);
            }
            row_end(&f, 0);
        }
        finish(&f);
        for (uint32_t k = 0; k < KEYS; k++)
            check_numbers(&f, names[k], PYTHIA_VARIABLE_NUMERIC, shadow[k]);
        fixture_close(&f);
    }
}

static void test_too_many_levels(void) {
    enum { ROWS = PYTHIA_LEVELS_MAX + 20 };
    Fixture f;
    PythiaRanked *ranked;
    char text[600], long_text[600];
    fixture_open(&f);
    memset(long_text, 'x', sizeof long_text);
    for (int i = 0; i < ROWS; i++) {
        snprintf(text, sizeof text, "id %d", i);
        snprintf(long_text + 500, 100, "%d", i % 3); /* differ far behind their beginning */
        add_span(&f, -1, "web", "GET /");
        add_text(&f, "id", text);
        add_text(&f, "text", long_text);
        row_end(&f, i % 3);
    }
    finish(&f);
    const PythiaVariable *v = find(&f, "id", PYTHIA_VARIABLE_CATEGORY, NULL);
    CU_ASSERT(v && v->levels == PYTHIA_LEVELS_MAX + 1 && v->n == ROWS && v->missing == 0);
    v = find(&f, "text", PYTHIA_VARIABLE_CATEGORY, NULL);
    CU_ASSERT(v && v->levels == 3 && v->n == ROWS);
    CU_ASSERT_EQUAL_FATAL(pythia_variables_rank(f.variables, NULL, &ranked, NULL), SQLITE_OK);
    CU_ASSERT(ranked[0].rank == 1 && ranked[0].correlation == 1 && ranked[0].p == 0);
    CU_ASSERT(ranked[1].rank == 0 && ranked[1].note == PYTHIA_NOTE_IDENTIFIER);
    CU_ASSERT(isnan(ranked[1].p));
    pythia_free(ranked);
    fixture_close(&f);
}

/* ---- ranking --------------------------------------------------------------------------------------------- */

static const PythiaRanked *ranked_of(const Fixture *f, const PythiaRanked *ranked,
                                     const char *key) {
    uint32_t n;
    const PythiaVariable *list = pythia_variables_list(f->variables, &n);
    for (uint32_t i = 0; i < n; i++)
        if (pythia_text_equal(list[ranked[i].variable].key, pythia_text(key))) return &ranked[i];
    fprintf(stderr, "no variable %s\n", key);
    CU_FAIL_FATAL("no such variable");
    return NULL;
}

static int is_copy_of(const Fixture *f, const PythiaRanked *r, const char *key) {
    uint32_t n;
    const PythiaVariable *list = pythia_variables_list(f->variables, &n);
    return r->note == PYTHIA_NOTE_COPY && r->rank == 0 && isnan(r->p_adjusted) && r->p >= 0 &&
           pythia_text_equal(list[r->of].key, pythia_text(key));
}

/* Correlations and p are those of the single tests on the rows that are there. x leads, then the colour, which
** says the more the less x leaves; what is left never has a smaller p than alone. */
static void test_ranking(void) {
    enum { ROWS = 60 };
    double x[ROWS], y[ROWS], part_x[ROWS], part_y[ROWS];
    uint32_t level[ROWS];
    size_t part = 0;
    Fixture f;
    PythiaRanked *ranked;
    PythiaRelation of_x, of_part, of_level;
    uint64_t state = 4711;
    fixture_open(&f);
    for (uint32_t i = 0; i < ROWS; i++) {
        static const char *const colours[] = {"red", "green", "blue"};
        x[i] = (double)random_below(&state, 1000);
        level[i] = random_below(&state, 3);
        y[i] = 1e9 + 5000 * x[i] + 1e6 * level[i] + random_below(&state, 1000000);
        add_span(&f, -1, "web", "GET /");
        add_int(&f, "x", (int64_t)x[i]);
        add_text(&f, "colour", colours[level[i]]);
        if (i % 5) {
            part_x[part] = (double)random_below(&state, 50);
            part_y[part] = y[i];
            add_real(&f, "part", part_x[part++]);
        }
        row_end(&f, y[i]);
    }
    finish(&f);
    CU_ASSERT_EQUAL_FATAL(pythia_variables_rank(f.variables, NULL, &ranked, NULL), SQLITE_OK);
    pythia_relation_numeric(x, y, ROWS, &of_x);
    pythia_relation_numeric(part_x, part_y, part, &of_part);
    CU_ASSERT_EQUAL(pythia_relation_category(level, 3, y, ROWS, &of_level), SQLITE_OK);
    double p[] = {of_x.p, of_part.p, of_level.p}, given[3], adjusted[3];
    static const char *const keys[] = {"x", "part", "colour"};
    double correlation[] = {of_x.correlation, of_part.correlation, of_level.correlation};
    for (int i = 0; i < 3; i++)
        given[i] = ranked_of(&f, ranked, keys[i])->p_given;
    CU_ASSERT_EQUAL(pythia_p_adjust(PYTHIA_ADJUST_BH, given, 3, adjusted), SQLITE_OK);
    CU_ASSERT_EQUAL(ranked_of(&f, ranked, "x")->lead, 1);
    CU_ASSERT_EQUAL(ranked_of(&f, ranked, "colour")->lead, 2);
    CU_ASSERT_EQUAL(ranked_of(&f, ranked, "part")->lead, 0);
    CU_ASSERT(given[0] == ranked_of(&f, ranked, "x")->p && given[1] >= of_part.p);
    CU_ASSERT(given[2] < of_level.p / 1e6 && given[2] >= given[0]);
    CU_ASSERT(ranked_of(&f, ranked, "colour")->partial > of_level.correlation);
    for (int i = 0; i < 3; i++) {
        const PythiaRanked *r = ranked_of(&f, ranked, keys[i]);
        CU_ASSERT_DOUBLE_EQUAL(r->correlation, correlation[i], 1e-12);
        CU_ASSERT(fabs(r->p - p[i]) <= 1e-9 * p[i]);
        CU_ASSERT(fabs(r->p_adjusted - adjusted[i]) <= 1e-9 * adjusted[i]);
        CU_ASSERT_EQUAL(r->note, PYTHIA_NOTE_NONE);
        CU_ASSERT_EQUAL(r->rank, (uint32_t)(r - ranked) + 1);
    }
    CU_ASSERT(ranked[0].p_adjusted <= ranked[1].p_adjusted &&
              ranked[1].p_adjusted <= ranked[2].p_adjusted);
    CU_ASSERT_EQUAL(ranked_of(&f, ranked, "part")->rank, 3);
    /* Alone in the joint analysis, x has its own correlation's sign and all the weight. */
    CU_ASSERT_DOUBLE_EQUAL(ranked_of(&f, ranked, "x")->weight, 1, 1e-9);
    CU_ASSERT(isnan(ranked_of(&f, ranked, "part")->weight)); /* rows are missing */
    CU_ASSERT(isnan(ranked_of(&f, ranked, "colour")->weight));
    pythia_free(ranked);
    fixture_close(&f);
}

static void test_notes(void) {
    enum { ROWS = 40 };
    Fixture f;
    PythiaRanked *ranked;
    char text[32];
    fixture_open(&f);
    for (int i = 0; i < ROWS; i++) {
        int x = i * 7 % 13;
        add_span(&f, -1, "web", "GET /");
        add_int(&f, "always", 4);
        if (i % 3) add_bool(&f, "at times", 1);
        snprintf(text, sizeof text, "%d", i);
        add_text(&f, "id", text);
        snprintf(text, sizeof text, "%d", i % 21);
        add_text(&f, "nearly id", text);
        snprintf(text, sizeof text, "%d", i % 20);
        add_text(&f, "half", text);
        if (i < 3) add_text(&f, "few", i ? "one" : "other");
        /* The same fact in other words. */
        add_int(&f, "x", x);
        add_real(&f, "x in other units", 3 - 0.5 * x);
        if (i) add_int(&f, "x but once", x);
        add_text(&f, "letter", i % 4 ? "other" : "fourth");
        add_text(&f, "litter", i % 4 ? "no" : "yes");
        for (int k = 0; k <= x; k++)
            add_span(&f, 0, "db", "query");
        if (i % 4 == 0) add_span(&f, 0, "db", "flush");
        row_end(&f, 1000 * x + 9000 * (i % 4 == 0) + i);
    }
    finish(&f);
    CU_ASSERT_EQUAL_FATAL(pythia_variables_rank(f.variables, NULL, &ranked, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(ranked_of(&f, ranked, "always")->note, PYTHIA_NOTE_CONSTANT);
    CU_ASSERT_EQUAL(ranked_of(&f, ranked, "at times")->note, PYTHIA_NOTE_CONSTANT);
    CU_ASSERT_EQUAL(ranked_of(&f, ranked, "id")->note, PYTHIA_NOTE_IDENTIFIER);
    CU_ASSERT_EQUAL(ranked_of(&f, ranked, "nearly id")->note, PYTHIA_NOTE_IDENTIFIER);
    CU_ASSERT_EQUAL(ranked_of(&f, ranked, "half")->note, PYTHIA_NOTE_NONE);
    CU_ASSERT_EQUAL(ranked_of(&f, ranked, "few")->note, PYTHIA_NOTE_NONE);
    const PythiaRanked *x = ranked_of(&f, ranked, "x");
    const PythiaRanked *once = ranked_of(&f, ranked, "x but once"); /* nearly a copy */
    const PythiaRanked *first = x->lead ? x : once, *second = x->lead ? once : x;
    CU_ASSERT(first->lead > 0 && first->note == PYTHIA_NOTE_NONE);
    CU_ASSERT(second->rank > first->rank && second->note == PYTHIA_NOTE_PROXY);
    CU_ASSERT_EQUAL(second->of, first->variable);
    const PythiaRanked *copy = ranked_of(&f, ranked, "x in other units");
    CU_ASSERT(is_copy_of(&f, copy, "x"));
    CU_ASSERT_DOUBLE_EQUAL(copy->correlation, -x->correlation, 1e-12);
    CU_ASSERT(is_copy_of(&f, ranked_of(&f, ranked, "count(db/query)"), "x"));
    CU_ASSERT_EQUAL(ranked_of(&f, ranked, "letter")->note, PYTHIA_NOTE_NONE);
    CU_ASSERT(is_copy_of(&f, ranked_of(&f, ranked, "litter"), "letter"));
    copy = ranked_of(&f, ranked, "count(db/flush)");
    CU_ASSERT(is_copy_of(&f, copy, "letter"));
    CU_ASSERT_DOUBLE_EQUAL(copy->correlation, ranked_of(&f, ranked, "letter")->correlation, 1e-9);
    /* Positive although "other" came second: it is the level of shorter requests. */
    CU_ASSERT(ranked_of(&f, ranked, "letter")->weight > 0);
    pythia_free(ranked);
    fixture_close(&f);
}

static void test_rare_levels(void) {
    enum { ROWS = 600 };
    Fixture f;
    PythiaRanked *ranked;
    char text[32];
    double y[ROWS];
    uint32_t level[ROWS];
    PythiaRelation relation;
    fixture_open(&f);
    for (int i = 0; i < ROWS; i++) {
        /* Three common levels, 150 of two rows. */
        level[i] = i < 300 ? (uint32_t)(i % 3) : 3;
        y[i] = 10.0 * level[i] + i * 37 % 11;
        snprintf(text, sizeof text, "%d", i < 300 ? i % 3 : i / 2);
        add_span(&f, -1, "web", "GET /");
        add_text(&f, "many", text);
        row_end(&f, y[i]);
    }
    finish(&f);
    CU_ASSERT_EQUAL_FATAL(pythia_variables_rank(f.variables, NULL, &ranked, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_relation_category(level, 4, y, ROWS, &relation), SQLITE_OK);
    CU_ASSERT_EQUAL(find(&f, "many", PYTHIA_VARIABLE_CATEGORY, NULL)->levels, 153);
    CU_ASSERT(ranked[0].note == PYTHIA_NOTE_MERGED && ranked[0].rank == 1);
    CU_ASSERT_DOUBLE_EQUAL(ranked[0].correlation, relation.correlation, 1e-12);
    CU_ASSERT(fabs(ranked[0].p - relation.p) <= 1e-9 * relation.p);
    pythia_free(ranked);
    fixture_close(&f);
}

/* No rows, one row, a response without variance: nothing is ranked, nothing fails. */
static void test_degenerate(void) {
    for (int rows = 0; rows < 4; rows++) {
        Fixture f;
        PythiaRanked *ranked;
        uint32_t n;
        fixture_open(&f);
        for (int i = 0; i < rows; i++) {
            add_span(&f, -1, "web", "GET /");
            add_int(&f, "x", i);
            add_text(&f, "t", i ? "a" : "b");
            row_end(&f, 5);
        }
        finish(&f);
        CU_ASSERT_EQUAL_FATAL(pythia_variables_rank(f.variables, NULL, &ranked, NULL), SQLITE_OK);
        pythia_variables_list(f.variables, &n);
        CU_ASSERT_EQUAL(n, rows ? 2 : 0);
        for (uint32_t i = 0; i < n; i++)
            CU_ASSERT(ranked[i].rank == 0 && isnan(ranked[i].correlation) &&
                      isnan(ranked[i].weight));
        pythia_free(ranked);
        fixture_close(&f);
    }
}

/* The order of the members changes neither list nor ranking. */
static void test_any_order(void) {
    enum { ROWS = 50 };
    PythiaBuf expected = {0}, got = {0};
    for (int turn = 0; turn < 7; turn++) {
        Fixture f;
        PythiaRanked *ranked;
        uint32_t n;
        PythiaBuf *out = turn ? &got : &expected;
        out->n = 0;
        fixture_open(&f);
        for (int k = 0; k < ROWS; k++) {
            int i = (k * 7 + turn * 13) % ROWS;
            add_span(&f, -1, "web", "GET /");
            add_int(&f, "x", i % 11);
            add_int(&f, "z", 5 * (i % 11) + 2);
            add_text(&f, "t", i % 3 ? i % 3 > 1 ? "a" : "b" : "c");
            if (i % 4 == 1) add_bool(&f, "b", i % 8 == 1);
            for (int c = 0; c < i % 2; c++)
                add_span(&f, 0, "db", "query");
            row_end(&f, 100 * (i % 11) + i);
        }
        finish(&f);
        CU_ASSERT_EQUAL_FATAL(pythia_variables_rank(f.variables, NULL, &ranked, NULL), SQLITE_OK);
        const PythiaVariable *list = pythia_variables_list(f.variables, &n);
        for (uint32_t i = 0; i < n; i++) {
            const PythiaVariable *v = &list[ranked[i].variable];
            pythia_buf_text(out, v->key);
            pythia_buf_format(out, " %d %u %u %u %d %u %.9f %.9f %.9f\n", v->kind, v->levels, v->n,
                              v->missing, ranked[i].note, ranked[i].rank, ranked[i].correlation,
                              ranked[i].p, ranked[i].weight);
        }
        CU_ASSERT_EQUAL(n, 5);
        CU_ASSERT(!turn || (got.n == expected.n && memcmp(got.data, expected.data, got.n) == 0));
        pythia_free(ranked);
        fixture_close(&f);
    }
    pythia_buf_clear(&expected);
    pythia_buf_clear(&got);
}

PYTHIA_SUITE(group_variables, {"kinds of variables", test_kinds},
             {"keys are bare where that is clear", test_keys}, {"sums of repetitions", test_sums},
             {"repeat counts of call paths", test_counts},
             {"values read back as they were given", test_shadow},
             {"too many levels, long texts", test_too_many_levels},
             {"correlations, p-values, ranks", test_ranking},
             {"constants, identifiers, copies", test_notes},
             {"rare levels are taken together", test_rare_levels},
             {"few rows, constant response", test_degenerate},
             {"the order of members does not matter", test_any_order})
