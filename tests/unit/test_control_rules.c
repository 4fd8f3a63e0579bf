/* test_control_rules.c - which rule decides about a trace point, and which rules can be written. */
#include "ext/control/rules.h"
#include "tests/unit/test.h"

#include <stdio.h>

/* tracepoint, request type or NULL, enabled, expires_ns; ids count from 1. */
typedef struct Short {
    const char *tracepoint, *request_type;
    int enabled;
    int64_t expires_ns;
} Short;

static void compile(const Short *rules, size_t n, PythiaRuleRows *rows, PythiaRules *compiled) {
    memset(rows, 0, sizeof *rows);
    memset(compiled, 0, sizeof *compiled);
    rows->rows = pythia_alloc_zero((n + 1) * sizeof *rows->rows);
    rows->n = n;
    for (size_t i = 0; i < n; i++)
        rows->rows[i] = (PythiaRuleRow){.id = (int64_t)i + 1,
                                        .tracepoint = pythia_text(rules[i].tracepoint),
                                        .request_type = pythia_text(rules[i].request_type),
                                        .enabled = rules[i].enabled,
                                        .expires_ns = rules[i].expires_ns};
    CU_ASSERT_EQUAL(pythia_rules_compile(rows, compiled), SQLITE_OK);
}

/* The id of the rule that decides, 0: none. */
static int64_t decide(const Short *rules, size_t n, const char *name, const char *type,
                      int always_on, int64_t now_ns) {
    PythiaRuleRows rows;
    PythiaRules compiled;
    compile(rules, n, &rows, &compiled);
    const PythiaRuleRow *row =
        pythia_rules_decide(&compiled, pythia_text(name), pythia_text(type), always_on, now_ns);
    int64_t id = row ? row->id : 0;
    pythia_rules_clear(&compiled);
    pythia_rule_rows_clear(&rows);
    return id;
}
#define DECIDE(rules, name, type)                                                                  \
    decide(rules, sizeof(rules) / sizeof(rules)[0], name, type, 0, 100)

static void test_precedence(void) {
    static const Short rules[] = {
        {"web/cart", NULL, 1, 0},       /* 1: exact, all */
        {"web/*", "checkout", 0, 0},    /* 2: pattern, type */
        {"web/cart", "checkout", 0, 0}, /* 3: exact, type */
        {"*", NULL, 0, 0},              /* 4 */
        {"/^web/", NULL, 1, 0},         /* 5: a later pattern */
        {"web/cart", NULL, 0, 0},       /* 6: a later exact one */
    };
    CU_ASSERT_EQUAL(DECIDE(rules, "web/cart", "checkout"), 3);
    CU_ASSERT_EQUAL(DECIDE(rules, "web/cart", "browse"), 6);
    CU_ASSERT_EQUAL(DECIDE(rules, "web/cart", NULL), 6);
    CU_ASSERT_EQUAL(DECIDE(rules, "web/pay", "checkout"), 2);
    CU_ASSERT_EQUAL(DECIDE(rules, "web/pay", "browse"), 5);
    CU_ASSERT_EQUAL(DECIDE(rules, "db/query", "checkout"), 4);
    /* The name goes before the request type: an exact rule for all beats a pattern for the type. */
    static const Short two[] = {{"web/cart", NULL, 1, 0}, {"web/*", "checkout", 0, 0}};
    CU_ASSERT_EQUAL(DECIDE(two, "web/cart", "checkout"), 1);
    CU_ASSERT_EQUAL(DECIDE(two, "api/cart", "checkout"), 0);
}

static void test_forms(void) {
    CU_ASSERT_EQUAL(pythia_name_form(PYTHIA_TEXT("web/cart")), PYTHIA_NAME_PLAIN);
    CU_ASSERT_EQUAL(pythia_name_form(PYTHIA_TEXT("web/c?rt")), PYTHIA_NAME_GLOB);
    CU_ASSERT_EQUAL(pythia_name_form(PYTHIA_TEXT("/web/")), PYTHIA_NAME_REGEX);
    CU_ASSERT_EQUAL(pythia_name_form(PYTHIA_TEXT("/")), PYTHIA_NAME_PLAIN);
    CU_ASSERT_EQUAL(pythia_name_form(PYTHIA_TEXT("")), PYTHIA_NAME_PLAIN);
    /* A text equal to the name is the exact name, whatever its characters mean in a pattern. */
    static const Short rules[] = {{"db/SELECT *", NULL, 1, 0}, {"db/*", NULL, 0, 0}};
    CU_ASSERT_EQUAL(DECIDE(rules, "db/SELECT *", NULL), 1);
    CU_ASSERT_EQUAL(DECIDE(rules, "db/SELECT 1", NULL), 2);
    /* GLOB is about the whole name and minds letter case, a regular expression is found anywhere. */
    static const Short whole[] = {{"cart*", NULL, 1, 0}, {"/c(?i:ART)$/", NULL, 1, 0}};
    CU_ASSERT_EQUAL(DECIDE(whole, "web/cart", NULL), 2);
    CU_ASSERT_EQUAL(DECIDE(whole, "carts", NULL), 1);
    CU_ASSERT_EQUAL(DECIDE(whole, "Carts", NULL), 0);
}

static void test_time_and_always_on(void) {
    static const Short rules[] = {{"a/*", NULL, 1, 0}, {"a/b", NULL, 0, 50}, {"a/b", NULL, 1, 49}};
    CU_ASSERT_EQUAL(decide(rules, 3, "a/b", NULL, 0, 48), 3);
    CU_ASSERT_EQUAL(decide(rules, 3, "a/b", NULL, 0, 49), 2); /* expired from that moment on */
    CU_ASSERT_EQUAL(decide(rules, 3, "a/b", NULL, 0, 50), 1);
    CU_ASSERT_EQUAL(decide(rules, 3, "a/b", NULL, 1, 49),
                    1); /* what would switch it off is not heard */
    static const Short off[] = {{"*", NULL, 0, 0}};
    CU_ASSERT_EQUAL(decide(off, 1, "a/b", NULL, 1, 0), 0);
    CU_ASSERT_EQUAL(decide(off, 1, "a/b", NULL, 0, 0), 1);
}

static void check(PythiaRuleRow row, const char *part) {
    char *error = NULL;
    int rc = pythia_rule_check(&row, &error);
    CU_ASSERT_EQUAL(rc, part ? SQLITE_CONSTRAINT : SQLITE_OK);
    int as_expected = part ? error && strstr(error, part) : !error;
    if (!as_expected)
        printf("\n    gave %s, expected %s\n", error ? error : "-", part ? part : "-");
    CU_ASSERT(as_expected);
    sqlite3_free(error);
}

static void test_check(void) {
    check((PythiaRuleRow){.tracepoint = PYTHIA_TEXT("web/cart"), .enabled = 1, .sample = 1}, NULL);
    check((PythiaRuleRow){.tracepoint = PYTHIA_TEXT("web/[a-c]*[]x]")}, NULL);
    check((PythiaRuleRow){.tracepoint = PYTHIA_TEXT("")}, "needs a name");
    check((PythiaRuleRow){.tracepoint = PYTHIA_TEXT("web/[ab")}, "the [ at byte 4");
    check((PythiaRuleRow){.tracepoint = PYTHIA_TEXT("web/[^]")}, "the [ at byte 4");
    check((PythiaRuleRow){.tracepoint = PYTHIA_TEXT("/web(/")}, "at byte 4");
    check((PythiaRuleRow){.tracepoint = PYTHIA_TEXT("a\0b")}, "NUL");
    check((PythiaRuleRow){.tracepoint = PYTHIA_TEXT("a"), .sample = 1.5}, "sample");
    check((PythiaRuleRow){.tracepoint = PYTHIA_TEXT("a"), .sample = -1}, "sample");
    check((PythiaRuleRow){.tracepoint = PYTHIA_TEXT("a"), .request_type = PYTHIA_TEXT("")},
          "request_type");
    check((PythiaRuleRow){.tracepoint = PYTHIA_TEXT("a"), .predicate = PYTHIA_TEXT("x > 1")}, NULL);
    check((PythiaRuleRow){.tracepoint = PYTHIA_TEXT("a"), .predicate = PYTHIA_TEXT("x >")},
          "predicate: a value expected, but the text ends at byte 3");
    check((PythiaRuleRow){.tracepoint = PYTHIA_TEXT("a"), .window_ms = 5},
          "window_ms: needs an aggregate");
    static char longest[PYTHIA_PATTERN_BYTES + 1];
    memset(longest, 'x', sizeof longest);
    check((PythiaRuleRow){.tracepoint = {longest, PYTHIA_PATTERN_BYTES}}, NULL);
    check((PythiaRuleRow){.tracepoint = {longest, PYTHIA_PATTERN_BYTES + 1}}, "longer than");
}

/* Rows that a damaged database may hold do not match, and do not stop the others. */
static void test_unusable(void) {
    static const Short rules[] = {
        {"/(/", NULL, 0, 0}, {"[", NULL, 0, 0}, {NULL, NULL, 0, 0}, {"a", NULL, 1, 0}};
    CU_ASSERT_EQUAL(DECIDE(rules, "a", NULL), 4);
    /* A search that gives up is an error of the rule. */
    static const Short hard[] = {{"/^(a+)+$/", NULL, 0, 0}};
    PythiaRuleRows rows;
    PythiaRules compiled;
    compile(hard, 1, &rows, &compiled);
    CU_ASSERT_EQUAL(pythia_rule_match(&compiled.rules[0],
                                      pythia_text("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")),
                    PYTHIA_NO_MATCH);
    CU_ASSERT_PTR_NOT_NULL(compiled.rules[0].error);
    CU_ASSERT_EQUAL(pythia_rule_match(&compiled.rules[0], pythia_text("aa")), PYTHIA_PATTERN_MATCH);
    pythia_rules_clear(&compiled);
    pythia_rule_rows_clear(&rows);
}

static void parameters(PythiaRuleRow row, int then_on, const char *expected) {
    PythiaBuf out = {0};
    pythia_rule_parameters(&row, then_on, &out);
    char *text = pythia_buf_take(&out);
    CU_ASSERT_STRING_EQUAL(text, expected);
    sqlite3_free(text);
}

static void test_parameters(void) {
    parameters((PythiaRuleRow){.id = 3, .reason = PYTHIA_TEXT("x")}, 1, "{}");
    parameters((PythiaRuleRow){.sample = 0.25}, 0, "{\"sample\":0.25}");
    parameters((PythiaRuleRow){.expires_ns = 7}, 0, "{\"expires_ns\":7}");
    parameters((PythiaRuleRow){.sample = 0.5, .expires_ns = 7}, 1,
               "{\"sample\":0.5,\"expires_ns\":7,\"then\":1}");
    parameters((PythiaRuleRow){.predicate = PYTHIA_TEXT("a = 'x\"y'"),
                               .aggregate = PYTHIA_TEXT("sum(b)"),
                               .group_by = PYTHIA_TEXT("c"),
                               .window_ms = 5},
               0,
               "{\"predicate\":\"a = 'x\\\"y'\",\"aggregate\":\"sum(b)\",\"group_by\":\"c\","
               "\"window_ms\":5}");
}

PYTHIA_SUITE(control_rules, {"the most specific rule decides", test_precedence},
             {"names, patterns, regular expressions", test_forms},
             {"expiry, always on", test_time_and_always_on}, {"what can be written", test_check},
             {"rows that cannot be used", test_unusable}, {"parameters", test_parameters})
