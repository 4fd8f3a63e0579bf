/* test_reduce.c - predicates and aggregates: from text to program, and what programs compute.
**
** SQLite is the judge: random expressions over random values are compiled and run, and must give what SQLite gives
** for the same text over the same values. */
#include "ext/base/sqlite.h"
#include "ext/reduce/reduce.h"
#include "tests/unit/test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEYS = 6, EXPRESSIONS = 30000, HOSTILE = 200000 };

static uint64_t state = 1;

static uint64_t random_next(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 16;
}

static unsigned below(unsigned n) {
    return (unsigned)(random_next() % n);
}

/* A page for texts. */
static PythiaPage *texts(void) {
    static PythiaPage page;
    char path[64];
    PythiaPageMake make = {.slots = 1024, .rings = 1, .ring_bytes = 8192};
    if (page.base) return &page;
    snprintf(path, sizeof path, "build/test_reduce.%d", (int)getpid());
    unlink(path);
    if (pythia_page_open(&page, path, &make)) return NULL;
    unlink(path);
    return &page;
}

static void to_page(const PythiaReduction *r, uint32_t n, PythiaPageStep *steps) {
    for (uint32_t i = 0; i < n; i++) {
        steps[i] = (PythiaPageStep){.code = r->steps[i].code, .bits = r->steps[i].bits};
        if (r->steps[i].text.p)
            steps[i].text = pythia_page_intern(texts(), r->steps[i].text.p, r->steps[i].text.n);
    }
}

/* ------------------------------------------------------------------ texts and their mistakes */

static void refused(const char *predicate, const char *aggregate, const char *group_by,
                    int64_t window_ms, const char *expected) {
    PythiaReduction r;
    char *error = NULL;
    PythiaReductionTexts t = {pythia_text(predicate), pythia_text(aggregate), pythia_text(group_by),
                              window_ms};
    int rc = pythia_reduction_compile(&t, &r, &error);
    CU_ASSERT_EQUAL(rc, expected ? SQLITE_CONSTRAINT : SQLITE_OK);
    int as_expected = expected ? error && strcmp(error, expected) == 0 : !error;
    if (!as_expected) printf("\n    gave     %s\n    expected %s\n", error ? error : "-", expected);
    CU_ASSERT(as_expected);
    sqlite3_free(error);
}

static void test_mistakes(void) {
    static const struct {
        const char *predicate, *expected;
    } bad[] = {
        {"", "predicate: a value expected, but the text ends at byte 0 of ''"},
        {"a >", "predicate: a value expected, but the text ends at byte 3 of 'a >'"},
        {"a > 'x", "predicate: the ' is not closed at byte 4 of 'a > ''x'"},
        {"\"a", "predicate: the \" is not closed at byte 0 of '\"a'"},
        {"(a", "predicate: ) expected, but the text ends at byte 2 of '(a'"},
        {"a)", "predicate: the end, or an operator, expected instead of ) at byte 1 of 'a)'"},
        {"length(a)", "predicate: functions cannot be called at byte 0 of 'length(a)'"},
        {"a.b", "predicate: a key with a dot stands in double quotes: the . at byte 1 of 'a.b'"},
        {"a LIKE 'x'", "predicate: there is no LIKE here, but GLOB at byte 2 of 'a LIKE ''x'''"},
        {"a IN ()", "predicate: a value expected instead of ) at byte 6 of 'a IN ()'"},
        {"a IN (1", "predicate: ) expected, but the text ends at byte 7 of 'a IN (1'"},
        {"a NOT 1",
         "predicate: IN, BETWEEN, GLOB or NULL expected instead of 1 at byte 6 of 'a NOT 1'"},
        {"a BETWEEN 1 OR 2",
         "predicate: AND expected instead of OR at byte 12 of 'a BETWEEN 1 OR 2'"},
        {"SELECT 1", "predicate: a value expected instead of SELECT at byte 0 of 'SELECT 1'"},
        {"a; b", "predicate: the end, or an operator, expected instead of ; at byte 1 of 'a; b'"},
        {"a = 12x", "predicate: a malformed number at byte 4 of 'a = 12x'"},
        {"\"\" = 1", "predicate: a key without a name at byte 0 of '\"\" = 1'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refused(bad[i].predicate, NULL, NULL, 0, bad[i].expected);
    refused("a", "median(x)", NULL, 0,
            "aggregate: count, sum, avg, min, max, stddev or histogram expected instead of median "
            "at byte 0 of 'median(x)'");
    refused(NULL, "sum", NULL, 0, "aggregate: ( expected, but the text ends at byte 3 of 'sum'");
    refused(NULL, "sum(*)", NULL, 0,
            "aggregate: a value expected instead of * at byte 4 of 'sum(*)'");
    refused(NULL, "count", "a, b", 0,
            "group_by: the end, or an operator, expected instead of , at byte 1 of 'a, b'");
    refused(NULL, NULL, "a", 0, "group_by: needs an aggregate");
    refused("a", NULL, NULL, 5, "window_ms: needs an aggregate");
    refused(NULL, "count", NULL, -1,
            "window_ms: is not a number of milliseconds between 1 and 10^12");
    refused("a = 1 AND duration_ns > 5", "COUNT ( * )", "\"select\"", 1000, NULL);
}

/* Bounds: steps, nesting, lengths. */
static void test_bounds(void) {
    char text[1100] = "a", *p = text + 1;
    for (int i = 0; i < 13; i++)
        p += sprintf(p, " + 1");
    refused(text, NULL, NULL, 0, NULL); /* 27 steps */
    PythiaReduction r;
    char *error = NULL;
    PythiaReductionTexts t = {.predicate = pythia_text(text), .aggregate = pythia_text("sum(x)")};
    CU_ASSERT_EQUAL(pythia_reduction_compile(&t, &r, &error), SQLITE_CONSTRAINT);
    CU_ASSERT_PTR_NOT_NULL(error ? strstr(error, "aggregate: too long: what the rule says takes "
                                                 "more than 27 steps at byte")
                                 : NULL);
    sqlite3_free(error);
    memset(text, '(', 1000);
    text[1000] = 0;
    error = NULL;
    t = (PythiaReductionTexts){.predicate = pythia_text(text)};
    CU_ASSERT_EQUAL(pythia_reduction_compile(&t, &r, &error), SQLITE_CONSTRAINT);
    CU_ASSERT_PTR_NOT_NULL(error ? strstr(error, "too deeply nested at byte 40") : NULL);
    sqlite3_free(error);
    memset(text, 'x', 1001);
    text[1001] = 0;
    refused(text, NULL, NULL, 0, "predicate: longer than 1000 bytes");
    text[1000] = 0;
    refused(text, NULL, NULL, 0, NULL);
    p = text;
    p += sprintf(p, "s = '");
    memset(p, 'y', 256);
    memcpy(p + 256, "'", 2);
    CU_ASSERT_EQUAL(
        pythia_reduction_compile(&(PythiaReductionTexts){.predicate = pythia_text(text)}, &r, NULL),
        SQLITE_CONSTRAINT);
    memcpy(p + 255, "'", 2);
    refused(text, NULL, NULL, 0, NULL);
    p = text + sprintf(text, "s GLOB '");
    memset(p, '*', 65);
    memcpy(p + 65, "'", 2);
    CU_ASSERT_EQUAL(
        pythia_reduction_compile(&(PythiaReductionTexts){.predicate = pythia_text(text)}, &r, NULL),
        SQLITE_CONSTRAINT);
    memcpy(p + 64, "'", 2);
    refused(text, NULL, NULL, 0, NULL);
}

/* ------------------------------------------------------------------ against SQLite */

static const char *const key_names[KEYS] = {"a", "b", "c", "s", "t", "nowhere"};

/* The values of one hit: a, b, c numbers, s, t texts; "nowhere" is not there. */
typedef struct Hit {
    PythiaProbeSite site;
    PythiaProbeValue values[KEYS];
    int64_t duration_ns;
} Hit;

static const int64_t integers[] = {
    0, 1, -1, 2, 7, INT64_MAX, INT64_MIN, 1LL << 53, 255, (1LL << 53) + 1, -10, 1000};
static const double reals[] = {0.0,
                               -0.0,
                               0.5,
                               1.0,
                               -1.5,
                               7.0,
                               1e300,
                               -1e300,
                               9007199254740993.0,
                               9223372036854775808.0,
                               -9223372036854775808.0,
                               1e-300,
                               2.5e18};
static const char *const words[] = {"",    "a", "b", "ab", "abc", "a*c", "\xc3\xa9t\xc3\xa9",
                                    "x-y", "]", "A"};
#define PICK(list) (list)[below(sizeof(list) / sizeof((list)[0]))]

static void hit_make(Hit *hit) {
    memset(hit, 0, sizeof *hit);
    hit->site.n = KEYS - 1;
    for (uint32_t i = 0; i < KEYS - 1; i++) {
        hit->site.keys[i] = key_names[i];
        hit->site.refs[i] = pythia_page_intern(texts(), key_names[i], strlen(key_names[i]));
        if (i >= 3)
            hit->values[i] = pythia_probe_text(PICK(words));
        else
            hit->values[i] =
                below(2) ? pythia_probe_int(PICK(integers)) : pythia_probe_real(PICK(reals));
    }
    if (below(4) == 0) hit->values[0] = pythia_probe_real(0.0 / (below(1) + 0.0)); /* NaN: NULL */
    if (below(8) == 0) hit->values[1] = pythia_probe_bool(1);
    hit->duration_ns = below(3) ? (int64_t)below(1000) : -1;
}

typedef struct Text {
    char p[2000];
    int n;
} Text;

static void put(Text *t, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(t->p + t->n, sizeof t->p - (size_t)t->n, format, arguments);
    va_end(arguments);
    t->n = t->n + n < (int)sizeof t->p ? t->n + n : (int)sizeof t->p - 1;
}

static void put_text(Text *t) {
    static const char *const patterns[] = {"*",     "a*",     "?",      "[ab]*", "[^a]*",     "*c",
                                           "a[*]c", "[]]",    "[a-c]b", "[",     "*\xc3\xa9", "?t?",
                                           "a**b*", "[x-]-y", "[^]]",   "[a-"};
    switch (below(4)) {
    case 0:
        put(t, "'%s'", PICK(words));
        break;
    case 1:
        put(t, "'%s'", PICK(patterns));
        break;
    default:
        put(t, "%s", below(2) ? "s" : "t");
    }
}

static void put_truth(Text *t, int depth);

static void put_number(Text *t, int depth) {
    static const char *const operators[] = {"+", "-", "*", "/", "%"};
    switch (depth > 0 ? below(9) : below(5)) {
    case 0:
        put(t, "%lld", (long long)(below(4) ? (int64_t)below(20) : INT64_MAX - below(2)));
        break;
    case 1:
        put(t, "%s", below(2) ? "duration_ns" : "NULL");
        break;
    case 2:
        put(t, "%s", below(3) ? "0.5" : below(2) ? "1e3" : "9223372036854775808");
        break;
    case 3:
    case 4:
        put(t, "%s", key_names[below(4) ? below(3) : KEYS - 1]);
        break;
    case 5:
        put(t, "%s", below(2) ? "- " : "+ ");
        put_number(t, depth - 1);
        break;
    case 6:
        put(t, "(");
        put_truth(t, depth - 1);
        put(t, ")");
        break;
    default:
        put(t, "(");
        put_number(t, depth - 1);
        put(t, " %s ", PICK(operators));
        put_number(t, depth - 1);
        put(t, ")");
    }
}

static void put_comparison(Text *t, int depth) {
    static const char *const operators[] = {"=",  "==", "<>", "!=", "<",
                                            "<=", ">",  ">=", "IS", "IS NOT"};
    int of_texts = below(3) == 0;
    if (of_texts)
        put_text(t);
    else
        put_number(t, depth);
    if (of_texts && below(2)) {
        put(t, below(2) ? " GLOB " : " NOT glob ");
        put_text(t);
        return;
    }
    put(t, " %s ", PICK(operators));
    if (below(4) == 0 ? !of_texts : of_texts) /* number and text too */
        put_text(t);
    else
        put_number(t, depth);
}

static void put_truth(Text *t, int depth) {
    switch (depth > 0 ? below(9) : 0) {
    case 1:
        put(t, "NOT ");
        put_truth(t, depth - 1);
        break;
    case 2:
    case 3:
        put(t, "(");
        put_truth(t, depth - 1);
        put(t, below(2) ? " AND " : " OR ");
        put_truth(t, depth - 1);
        put(t, ")");
        break;
    case 4:
        put_number(t, 1);
        put(t, "%s BETWEEN ", below(2) ? "" : " NOT");
        put_number(t, 0);
        put(t, " AND ");
        put_number(t, 0);
        break;
    case 5:
        put_number(t, 1);
        put(t, "%s IN (", below(2) ? "" : " NOT");
        put_number(t, 0);
        put(t, ", %s)", below(2) ? "s" : "1");
        break;
    case 6:
        put_number(t, 1);
        put(t, " %s",
            below(2)   ? below(2) ? "IS NULL" : "NOTNULL"
            : below(2) ? "NOT NULL"
                       : "ISNULL");
        break;
    case 7:
        put_number(t, 1);
        put(t, " IS%s %s", below(2) ? "" : " NOT", below(2) ? "TRUE" : "FALSE");
        break;
    default:
        put_comparison(t, depth);
    }
}

/* Without parentheses: what binds closer. */
static void put_flat(Text *t) {
    static const char *const operators[] = {"+",  "-", "*",  "/",   "%",  "=",  "<>", "<",
                                            "<=", ">", ">=", "AND", "OR", "IS", "=="};
    int n = 2 + (int)below(5);
    for (int i = 0; i < n; i++) {
        if (i) put(t, " %s ", PICK(operators));
        if (below(6) == 0 && (i == 0 || strchr("DR", t->p[t->n - 2]))) put(t, "NOT ");
        if (below(6) == 0) put(t, "-");
        put(t, "%s", below(2) ? key_names[below(3)] : below(2) ? "1" : "2.5");
    }
}

static void bind_hit(sqlite3_stmt *s, const Hit *hit) {
    for (int i = 0; i < KEYS - 1; i++) {
        const PythiaProbeValue *v = &hit->values[i];
        if (v->type == PYTHIA_PROBE_TEXT)
            sqlite3_bind_text(s, i + 1, v->of.text, -1, SQLITE_STATIC);
        else if (v->type == PYTHIA_PROBE_REAL)
            sqlite3_bind_double(s, i + 1, v->of.r);
        else
            sqlite3_bind_int64(s, i + 1, v->of.i);
    }
    if (hit->duration_ns >= 0) sqlite3_bind_int64(s, KEYS, hit->duration_ns);
}

static int same(sqlite3_stmt *s, const PythiaReduceValue *v) {
    switch (sqlite3_column_type(s, 0)) {
    case SQLITE_NULL:
        return v->type == 0;
    case SQLITE_INTEGER:
        return v->type == PYTHIA_PROBE_INT && v->of.i == sqlite3_column_int64(s, 0);
    case SQLITE_FLOAT:
        return v->type == PYTHIA_PROBE_REAL && v->of.r == sqlite3_column_double(s, 0);
    default:
        return v->type == PYTHIA_PROBE_TEXT && v->n == (uint32_t)sqlite3_column_bytes(s, 0) &&
               memcmp(v->of.text, sqlite3_column_text(s, 0), v->n) == 0;
    }
}

/* Runs one expression on some hits, both ways. 1: it was run. */
static int against(sqlite3 *db, const Text *text, int *wrong) {
    PythiaReduction r;
    PythiaPageStep steps[PYTHIA_PAGE_STEPS];
    PythiaReduceValue value;
    sqlite3_stmt *s = NULL;
    char *error = NULL;
    PythiaReductionTexts t = {.predicate = {text->p, (size_t)text->n}};
    int rc = pythia_reduction_compile(&t, &r, &error);
    if (rc && error && strstr(error, "too long")) {
        sqlite3_free(error);
        return 0;
    }
    char *sql =
        sqlite3_mprintf("SELECT (%s) FROM (SELECT ?1 AS a, ?2 AS b, ?3 AS c, ?4 AS s, ?5 AS t,"
                        " ?6 AS duration_ns, NULL AS nowhere)",
                        text->p);
    if (rc || sqlite3_prepare_v2(db, sql, -1, &s, NULL)) {
        printf("\n    %s: %s\n", text->p, error ? error : sqlite3_errmsg(db));
        ++*wrong;
    } else {
        to_page(&r, r.npredicate, steps);
    }
    for (int i = 0; i < 5 && s; i++) {
        Hit hit;
        hit_make(&hit);
        PythiaReduceInput in = {&hit.site, hit.values, hit.duration_ns};
        bind_hit(s, &hit);
        int ran = pythia_reduce_run(texts(), steps, r.npredicate, &in, &value);
        if (!ran || sqlite3_step(s) != SQLITE_ROW || !same(s, &value)) {
            printf("\n    %s: SQLite gives %s, the program %d type %u %lld %g\n", text->p,
                   (const char *)sqlite3_column_text(s, 0), ran, value.type, (long long)value.of.i,
                   value.of.r);
            ++*wrong;
        }
        sqlite3_reset(s);
        sqlite3_clear_bindings(s);
    }
    sqlite3_finalize(s);
    sqlite3_free(sql);
    sqlite3_free(error);
    return 1;
}

/* SQLite may compare integers with doubles in long double, which valgrind takes for a double. */
static int long_double_is_exact(void) {
    volatile long double most = (long double)INT64_MAX;
    return most - 1 < most;
}

static void test_against_sqlite(void) {
    sqlite3 *db;
    int ran = 0, wrong = 0;
    if (!texts()) {
        pythia_skip("no page can be made");
        return;
    }
    if (!long_double_is_exact()) {
        pythia_skip("SQLite is not exact here");
        return;
    }
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    for (int i = 0; i < EXPRESSIONS && wrong < 10; i++) {
        Text text = {"", 0};
        if (i % 5 == 0)
            put_flat(&text);
        else if (i % 5 == 1)
            put_number(&text, 3);
        else
            put_truth(&text, 3);
        ran += against(db, &text, &wrong);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(ran > EXPRESSIONS / 2);
    sqlite3_close(db);
}

/* What is not as in SQLite: no number is read from a text. */
static void test_texts_are_no_numbers(void) {
    static const char *const nulls[] = {"'5' + 1",   "-'5'",       "NOT 'x'",
                                        "'1' AND 1", "1 GLOB '1'", "'a' GLOB 1"};
    PythiaReduction r;
    PythiaPageStep steps[PYTHIA_PAGE_STEPS];
    PythiaReduceValue value;
    Hit hit = {.duration_ns = -1};
    PythiaReduceInput in = {&hit.site, hit.values, -1};
    if (!texts()) {
        pythia_skip("no page can be made");
        return;
    }
    for (size_t i = 0; i < sizeof nulls / sizeof nulls[0]; i++) {
        PythiaReductionTexts t = {.predicate = pythia_text(nulls[i])};
        CU_ASSERT_EQUAL_FATAL(pythia_reduction_compile(&t, &r, NULL), SQLITE_OK);
        to_page(&r, r.npredicate, steps);
        CU_ASSERT_EQUAL(pythia_reduce_run(texts(), steps, r.npredicate, &in, &value), 1);
        CU_ASSERT_EQUAL(value.type, 0);
    }
}

/* ------------------------------------------------------------------ programs that nobody compiled */

/* Whether steps are a valid program, told in another way than the interpreter does. */
static int valid(const PythiaPageStep *steps, uint32_t n) {
    int depth = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t c = steps[i].code;
        int pops = c >= 1 && c <= 6 ? 0 : c >= 16 && c <= 19 ? 1 : c >= 32 && c <= 47 ? 2 : 99;
        if (depth < pops) return 0;
        depth += 1 - pops;
        if (depth > PYTHIA_REDUCE_STACK) return 0;
    }
    return depth == 1;
}

static void test_hostile_programs(void) {
    PythiaPageStep steps[PYTHIA_PAGE_STEPS];
    PythiaReduceValue value;
    Hit hit;
    int good = 0;
    if (!texts()) {
        pythia_skip("no page can be made");
        return;
    }
    for (int i = 0; i < HOSTILE; i++) {
        uint32_t n = below(PYTHIA_PAGE_STEPS + 1);
        int mostly = (int)below(3); /* now and then anything, else steps that exist */
        if (below(4) == 0) n = 3 + below(3);
        hit_make(&hit);
        for (uint32_t j = 0; j < n; j++) {
            uint32_t code = below(300);
            if (mostly) code = below(2) ? 1 + below(6) : below(4) ? 32 + below(16) : 16 + below(4);
            uint32_t text = below(2) ? below(600) * 8 : (uint32_t)random_next();
            steps[j] = (PythiaPageStep){code, text, random_next() << 16 ^ random_next()};
        }
        PythiaReduceInput in = {&hit.site, hit.values, hit.duration_ns};
        int ran = pythia_reduce_run(texts(), steps, n, &in, &value);
        CU_ASSERT_EQUAL(ran, valid(steps, n));
        good += ran;
    }
    CU_ASSERT(good > HOSTILE / 100);
    /* Every code alone, and behind what it needs. */
    hit_make(&hit);
    PythiaReduceInput in = {&hit.site, hit.values, 0};
    for (uint32_t code = 0; code < 70000; code += code < 300 ? 1 : 997) {
        PythiaPageStep three[3] = {
            {.code = PYTHIA_STEP_INT}, {.code = PYTHIA_STEP_INT}, {.code = code}};
        for (uint32_t from = 0; from < 3; from++)
            CU_ASSERT_EQUAL(pythia_reduce_run(texts(), three + from, 3 - from, &in, &value),
                            valid(three + from, 3 - from));
    }
    /* As deep as it goes, and one deeper. */
    for (uint32_t i = 0; i < PYTHIA_PAGE_STEPS; i++)
        steps[i] =
            (PythiaPageStep){.code = i < PYTHIA_REDUCE_STACK ? PYTHIA_STEP_INT : PYTHIA_STEP_ADD};
    CU_ASSERT_EQUAL(pythia_reduce_run(texts(), steps, PYTHIA_PAGE_STEPS, &in, &value), 1);
    steps[PYTHIA_REDUCE_STACK].code = PYTHIA_STEP_INT;
    CU_ASSERT_EQUAL(pythia_reduce_run(texts(), steps, PYTHIA_PAGE_STEPS, &in, &value), 0);
    CU_ASSERT_EQUAL(pythia_reduce_run(texts(), steps, 0, &in, &value), 0);
}

/* A pattern that makes matchers without memory go wild takes n times m steps. */
static void test_glob_is_bounded(void) {
    char text[256], pattern[80], *p = pattern + sprintf(pattern, "s GLOB '");
    memset(text, 'a', 255);
    text[255] = 0;
    for (int i = 0; i < 31; i++)
        p += sprintf(p, "*a");
    sprintf(p, "*b'");
    PythiaReduction r;
    PythiaPageStep steps[PYTHIA_PAGE_STEPS];
    PythiaReduceValue value;
    Hit hit = {.site = {.n = 1, .keys = {"s"}}, .duration_ns = -1};
    if (!texts()) {
        pythia_skip("no page can be made");
        return;
    }
    hit.site.refs[0] = pythia_page_intern(texts(), "s", 1);
    hit.values[0] = pythia_probe_text(text);
    PythiaReductionTexts t = {.predicate = pythia_text(pattern)};
    CU_ASSERT_EQUAL_FATAL(pythia_reduction_compile(&t, &r, NULL), SQLITE_OK);
    to_page(&r, r.npredicate, steps);
    PythiaReduceInput in = {&hit.site, hit.values, -1};
    CU_ASSERT_EQUAL(pythia_reduce_run(texts(), steps, r.npredicate, &in, &value), 1);
    CU_ASSERT_EQUAL(value.of.i, 0);
}

static void test_buckets(void) {
    static const struct {
        double x;
        unsigned bucket;
    } of[] = {{-1, 0},      {-1e300, 0},  {0, 1},       {-0.0, 1},   {1e-300, 2},
              {0x1p-16, 2}, {0x1p-15, 3}, {0.75, 17},   {1, 18},     {1.99, 18},
              {2, 19},      {1024, 28},   {0x1p45, 63}, {1e300, 63}, {0x1.fffffffffffffp44, 62}};
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
        CU_ASSERT_EQUAL(pythia_cell_bucket(of[i].x), of[i].bucket);
}

PYTHIA_SUITE(reduce, {"mistakes", test_mistakes}, {"bounds", test_bounds},
             {"what SQLite says", test_against_sqlite},
             {"texts are no numbers", test_texts_are_no_numbers},
             {"programs that nobody compiled", test_hostile_programs},
             {"GLOB is bounded", test_glob_is_bounded}, {"buckets", test_buckets})
