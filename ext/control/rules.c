/* rules.c - which rule decides about a trace point; see rules.h. */
#include "ext/control/rules.h"

#include "ext/base/error.h"
#include "ext/reduce/reduce.h"

int pythia_name_form(PythiaText text) {
    if (text.n >= 2 && text.p[0] == '/' && text.p[text.n - 1] == '/') return PYTHIA_NAME_REGEX;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '*' || text.p[i] == '?' || text.p[i] == '[') return PYTHIA_NAME_GLOB;
    return PYTHIA_NAME_PLAIN;
}

static PythiaText regex_inside(PythiaText text) {
    return (PythiaText){text.p + 1, text.n - 2};
}

/* A '[' that is never closed makes SQLite's GLOB match nothing, silently. A ']' right behind '[' or
** '[^' stands for itself. */
static int glob_check(PythiaText text, char **error) {
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '[') continue;
        size_t j = i + 1;
        if (j < text.n && text.p[j] == '^') j++;
        if (j < text.n && text.p[j] == ']') j++;
        while (j < text.n && text.p[j] != ']')
            j++;
        if (j == text.n)
            return pythia_fail(error, SQLITE_CONSTRAINT,
                               "tracepoint: the [ at byte %lld of %Q is not closed",
                               (sqlite3_int64)i, text.p);
        i = j;
    }
    return SQLITE_OK;
}

static int name_check(PythiaText text, char **error) {
    if (text.n == 0)
        return pythia_fail(error, SQLITE_CONSTRAINT,
                           "tracepoint: a rule needs a name, a GLOB pattern or a /regex/");
    if (text.n > PYTHIA_PATTERN_BYTES)
        return pythia_fail(error, SQLITE_CONSTRAINT, "tracepoint: longer than %d bytes",
                           (int)PYTHIA_PATTERN_BYTES);
    if (memchr(text.p, 0, text.n))
        return pythia_fail(error, SQLITE_CONSTRAINT, "tracepoint: contains a NUL character");
    switch (pythia_name_form(text)) {
    case PYTHIA_NAME_GLOB:
        return glob_check(text, error);
    case PYTHIA_NAME_REGEX: {
        PythiaMatch *match = NULL;
        char *message = NULL;
        int rc = pythia_match_compile(regex_inside(text), &match, &message);
        pythia_match_free(match);
        if (rc && rc != SQLITE_NOMEM)
            rc = pythia_fail(error, SQLITE_CONSTRAINT, "tracepoint: %s",
                             message ? message : "malformed regular expression");
        sqlite3_free(message);
        return rc;
    }
    default:
        return SQLITE_OK;
    }
}

static int reduction_check(const PythiaRuleRow *row, char **error) {
    PythiaReduction reduction;
    PythiaReductionTexts texts = {row->predicate, row->aggregate, row->group_by, row->window_ms};
    if (!texts.predicate.p && !texts.aggregate.p && !texts.group_by.p && !texts.window_ms)
        return SQLITE_OK;
    return pythia_reduction_compile(&texts, &reduction, error);
}

int pythia_rule_check(const PythiaRuleRow *row, char **error) {
    int rc = name_check(row->tracepoint, error);
    if (rc) return rc;
    if (row->request_type.p && row->request_type.n == 0)
        return pythia_fail(error, SQLITE_CONSTRAINT,
                           "request_type: is empty; NULL stands for all request types");
    if (row->sample < 0 || row->sample > 1)
        return pythia_fail(error, SQLITE_CONSTRAINT, "sample: %g is not above 0 and at most 1",
                           row->sample);
    if (row->expires_ns < 0)
        return pythia_fail(error, SQLITE_CONSTRAINT,
                           "expires_ns: is a time in ns since 1970, not %lld",
                           (sqlite3_int64)row->expires_ns);
    return reduction_check(row, error);
}

/* ------------------------------------------------------------------ matching */

int pythia_rules_compile(const PythiaRuleRows *rows, PythiaRules *rules) {
    pythia_rules_clear(rules);
    rules->rules = pythia_alloc_zero((rows->n + 1) * sizeof *rules->rules);
    if (!rules->rules) return SQLITE_NOMEM;
    rules->n = rows->n;
    for (size_t i = 0; i < rows->n; i++) {
        PythiaRule *rule = &rules->rules[i];
        rule->row = &rows->rows[i];
        rule->form = pythia_name_form(rule->row->tracepoint);
        int rc = pythia_rule_check(rule->row, &rule->error);
        if (!rc && rule->form == PYTHIA_NAME_REGEX)
            rc = pythia_match_compile(regex_inside(rule->row->tracepoint), &rule->match,
                                      &rule->error);
        if (rc == SQLITE_NOMEM) return rc;
    }
    return SQLITE_OK;
}

void pythia_rules_clear(PythiaRules *rules) {
    for (size_t i = 0; i < rules->n; i++) {
        pythia_match_free(rules->rules[i].match);
        sqlite3_free(rules->rules[i].error);
    }
    pythia_free(rules->rules);
    memset(rules, 0, sizeof *rules);
}

int pythia_rule_match(PythiaRule *rule, PythiaText name) {
    int matched = 0;
    if (rule->error && !rule->match) return PYTHIA_NO_MATCH; /* a row that cannot be used */
    if (pythia_text_equal(rule->row->tracepoint, name)) return PYTHIA_EXACT_MATCH;
    switch (rule->form) {
    case PYTHIA_NAME_GLOB:
        matched = sqlite3_strglob(rule->row->tracepoint.p, name.p) == 0;
        break;
    case PYTHIA_NAME_REGEX:
        if (pythia_match_test(rule->match, name, &matched, &rule->error)) matched = 0;
        break;
    default:
        break;
    }
    return matched ? PYTHIA_PATTERN_MATCH : PYTHIA_NO_MATCH;
}

int pythia_rule_expired(const PythiaRuleRow *row, int64_t now_ns) {
    return row->expires_ns && row->expires_ns <= now_ns;
}

int pythia_rule_before(const PythiaRuleRow *a, int a_match, const PythiaRuleRow *b, int b_match) {
    if (a_match != b_match) return a_match > b_match;
    if (!a->request_type.p != !b->request_type.p) return a->request_type.p != NULL;
    return a->id > b->id;
}

const PythiaRuleRow *pythia_rules_decide(PythiaRules *rules, PythiaText name,
                                         PythiaText request_type, int always_on, int64_t now_ns) {
    const PythiaRuleRow *best = NULL;
    int best_match = PYTHIA_NO_MATCH;
    for (size_t i = 0; i < rules->n; i++) {
        const PythiaRuleRow *row = rules->rules[i].row;
        if (pythia_rule_expired(row, now_ns) || (always_on && !row->enabled)) continue;
        if (row->request_type.p &&
            (!request_type.p || !pythia_text_equal(row->request_type, request_type)))
            continue;
        int match = pythia_rule_match(&rules->rules[i], name);
        if (match && (!best || pythia_rule_before(row, match, best, best_match))) {
            best = row;
            best_match = match;
        }
    }
    return best;
}

/* The name of a member, behind a comma where it is not the first. */
static void member(PythiaBuf *out, size_t start, const char *name) {
    if (out->n > start) pythia_buf_byte(out, ',');
    pythia_buf_json_text(out, pythia_text(name));
    pythia_buf_byte(out, ':');
}

static void member_text(PythiaBuf *out, size_t start, const char *name, PythiaText text) {
    if (!text.p) return;
    member(out, start, name);
    pythia_buf_json_text(out, text);
}

static void member_integer(PythiaBuf *out, size_t start, const char *name, int64_t value) {
    if (!value) return;
    member(out, start, name);
    pythia_buf_integer(out, value);
}

void pythia_rule_parameters(const PythiaRuleRow *row, int then_on, PythiaBuf *out) {
    pythia_buf_byte(out, '{');
    size_t start = out->n;
    if (row && row->sample > 0) {
        member(out, start, "sample");
        pythia_buf_json_double(out, row->sample);
    }
    if (row) {
        member_text(out, start, "predicate", row->predicate);
        member_text(out, start, "aggregate", row->aggregate);
        member_text(out, start, "group_by", row->group_by);
        member_integer(out, start, "window_ms", row->window_ms);
        member_integer(out, start, "expires_ns", row->expires_ns);
        if (row->expires_ns) member_integer(out, start, "then", then_on != 0);
    }
    pythia_buf_byte(out, '}');
}
