/* compile.c - predicates, aggregates and keys of groups as programs; see reduce.h.
**
** A parser by recursive descent that writes steps in postfix order as it goes: what a subexpression needs is then a
** run of steps, which BETWEEN and IN copy. */
#include "ext/reduce/internal.h"

enum { MOST_NESTED = 40 };

typedef struct Parser {
    const char *column; /* of the rule, for messages */
    PythiaText text;
    PythiaToken token;
    PythiaReduction *out;
    uint32_t n; /* steps so far, of all columns */
    int nested;
    char **error;
} Parser;

static int or_expression(Parser *p);

/* ------------------------------------------------------------------ mistakes and tokens */

static int fail_at(Parser *p, size_t at, const char *what) {
    return pythia_fail(p->error, SQLITE_CONSTRAINT, "%s: %s at byte %lld of %Q", p->column, what,
                       (sqlite3_int64)at, p->text.p);
}

static int unexpected(Parser *p, const char *wanted) {
    const PythiaToken *t = &p->token;
    char what[200];
    if (t->kind == PYTHIA_TOKEN_END)
        sqlite3_snprintf(sizeof what, what, "%s expected, but the text ends", wanted);
    else if (t->kind == PYTHIA_TOKEN_BAD && strchr("'\"`[", t->text.p[0]))
        sqlite3_snprintf(sizeof what, what, "the %.1s is not closed", t->text.p);
    else if (t->kind == PYTHIA_TOKEN_BAD && t->text.p[0] == '.')
        sqlite3_snprintf(sizeof what, what, "a key with a dot stands in double quotes: the .");
    else if (t->kind == PYTHIA_TOKEN_BAD && t->text.p[0] >= '0' && t->text.p[0] <= '9')
        sqlite3_snprintf(sizeof what, what, "a malformed number");
    else
        sqlite3_snprintf(sizeof what, what, "%s expected instead of %.*s", wanted,
                         t->text.n < 40 ? (int)t->text.n : 40, t->text.p);
    return fail_at(p, t->at, what);
}

static void advance(Parser *p) {
    p->token = pythia_reduce_token(p->text, p->token.at + p->token.text.n);
}

/* Whether the token is that one; then it is taken. */
static int accept(Parser *p, const char *word) {
    if (!pythia_token_is(&p->token, word)) return 0;
    advance(p);
    return 1;
}

static int expect(Parser *p, const char *word) {
    return accept(p, word) ? SQLITE_OK : unexpected(p, word);
}

/* ------------------------------------------------------------------ steps */

static int emit_all(Parser *p, PythiaReductionStep step) {
    if (p->n >= PYTHIA_PAGE_STEPS) {
        char what[100];
        sqlite3_snprintf(sizeof what, what, "too long: what the rule says takes more than %d steps",
                         (int)PYTHIA_PAGE_STEPS);
        return fail_at(p, p->token.at, what);
    }
    p->out->steps[p->n++] = step;
    return SQLITE_OK;
}

static int emit(Parser *p, uint32_t code) {
    return emit_all(p, (PythiaReductionStep){.code = code});
}

static int emit_int(Parser *p, int64_t i) {
    return emit_all(p, (PythiaReductionStep){.code = PYTHIA_STEP_INT, .bits = (uint64_t)i});
}

static int emit_real(Parser *p, double r) {
    PythiaReductionStep step = {.code = PYTHIA_STEP_REAL};
    memcpy(&step.bits, &r, sizeof r);
    return emit_all(p, step);
}

/* Copies the steps of a subexpression behind the others. */
static int emit_again(Parser *p, uint32_t from, uint32_t to) {
    int rc = SQLITE_OK;
    for (uint32_t i = from; i < to && !rc; i++)
        rc = emit_all(p, p->out->steps[i]);
    return rc;
}

/* A key or a constant: the token's text without its quotes. */
static int emit_text(Parser *p, uint32_t code) {
    PythiaReduction *out = p->out;
    char *to = out->texts + out->ntexts;
    size_t n = p->token.text.n;
    if (p->token.kind == PYTHIA_TOKEN_WORD)
        memcpy(to, p->token.text.p, n);
    else
        n = pythia_token_content(&p->token, to);
    if (code == PYTHIA_STEP_TEXT && n > PYTHIA_PROBE_TEXT_BYTES)
        return fail_at(p, p->token.at,
                       "values are cut after 255 bytes, so that none can be this text");
    if (code == PYTHIA_STEP_KEY && !n) return fail_at(p, p->token.at, "a key without a name");
    out->ntexts += n;
    int rc = emit_all(p, (PythiaReductionStep){.code = code, .text = {to, n}});
    advance(p);
    return rc;
}

/* ------------------------------------------------------------------ expressions */

static int number(Parser *p, int negative) {
    int64_t integer;
    double real;
    int whole = pythia_token_number(&p->token, &integer, &real);
    advance(p);
    if (whole) return emit_int(p, negative ? -integer : integer);
    if (negative && integer == INT64_MIN) return emit_int(p, integer);
    return emit_real(p, negative ? -real : real);
}

static int is_keyword(const PythiaToken *token) {
    static const char *const words[] = {"AND",  "OR",   "NOT",     "IS",     "IN",    "LIKE",
                                        "GLOB", "NULL", "BETWEEN", "ISNULL", "CASE",  "SELECT",
                                        "TRUE", "CAST", "COLLATE", "EXISTS", "FALSE", "NOTNULL"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (pythia_token_is(token, words[i])) return 1;
    return 0;
}

static int name(Parser *p) {
    PythiaToken next = pythia_reduce_token(p->text, p->token.at + p->token.text.n);
    if (accept(p, "NULL")) return emit(p, PYTHIA_STEP_NULL);
    if (accept(p, "TRUE")) return emit_int(p, 1);
    if (accept(p, "FALSE")) return emit_int(p, 0);
    if (is_keyword(&p->token)) return unexpected(p, "a value");
    if (pythia_token_is(&next, "(")) return fail_at(p, p->token.at, "functions cannot be called");
    if (accept(p, "duration_ns")) return emit(p, PYTHIA_STEP_DURATION);
    return emit_text(p, PYTHIA_STEP_KEY);
}

static int primary(Parser *p) {
    switch (p->token.kind) {
    case PYTHIA_TOKEN_NUMBER:
        return number(p, 0);
    case PYTHIA_TOKEN_TEXT:
        return emit_text(p, PYTHIA_STEP_TEXT);
    case PYTHIA_TOKEN_QUOTED:
        return emit_text(p, PYTHIA_STEP_KEY);
    case PYTHIA_TOKEN_WORD:
        return name(p);
    default:
        break;
    }
    if (!accept(p, "(")) return unexpected(p, "a value");
    int rc = or_expression(p);
    return rc ? rc : expect(p, ")");
}

static int unary(Parser *p) {
    int minus = pythia_token_is(&p->token, "-");
    if (!minus && !pythia_token_is(&p->token, "+")) return primary(p);
    if (p->nested >= MOST_NESTED) return fail_at(p, p->token.at, "too deeply nested");
    advance(p);
    if (minus && p->token.kind == PYTHIA_TOKEN_NUMBER) return number(p, 1);
    p->nested++;
    int rc = unary(p);
    p->nested--;
    return rc || !minus ? rc : emit(p, PYTHIA_STEP_NEGATE);
}

/* A level of operators that associate to the left; the operands are parsed by `next`. */
typedef struct Operator {
    const char *sign;
    uint32_t code;
} Operator;

static int level(Parser *p, const Operator *operators, int (*next)(Parser *)) {
    int rc = next(p);
    while (!rc) {
        const Operator *o = operators;
        while (o->sign && !pythia_token_is(&p->token, o->sign))
            o++;
        if (!o->sign) break;
        advance(p);
        rc = next(p);
        if (!rc) rc = emit(p, o->code);
    }
    return rc;
}

static int multiplicative(Parser *p) {
    static const Operator operators[] = {{"*", PYTHIA_STEP_MULTIPLY},
                                         {"/", PYTHIA_STEP_DIVIDE},
                                         {"%", PYTHIA_STEP_REMAINDER},
                                         {NULL, 0}};
    return level(p, operators, unary);
}

static int additive(Parser *p) {
    static const Operator operators[] = {
        {"+", PYTHIA_STEP_ADD}, {"-", PYTHIA_STEP_SUBTRACT}, {NULL, 0}};
    return level(p, operators, multiplicative);
}

static int comparison(Parser *p) {
    static const Operator operators[] = {{"<=", PYTHIA_STEP_LE},
                                         {"<", PYTHIA_STEP_LT},
                                         {">=", PYTHIA_STEP_GE},
                                         {">", PYTHIA_STEP_GT},
                                         {NULL, 0}};
    return level(p, operators, additive);
}

/* Behind IS. IS TRUE and IS FALSE ask whether something is true or false, which numbers other than 1 and 0 may be. */
static int is(Parser *p) {
    int negative = accept(p, "NOT"), rc;
    uint32_t code = negative ? PYTHIA_STEP_IS_NOT : PYTHIA_STEP_IS;
    if (accept(p, "NULL")) return emit(p, negative ? PYTHIA_STEP_NOT_NULL : PYTHIA_STEP_IS_NULL);
    int is_true = pythia_token_is(&p->token, "TRUE");
    if (is_true || pythia_token_is(&p->token, "FALSE")) {
        advance(p);
        rc = emit(p, PYTHIA_STEP_NOT);
        if (!rc && is_true) rc = emit(p, PYTHIA_STEP_NOT);
        if (!rc) rc = emit_int(p, 1);
    } else {
        rc = comparison(p);
    }
    return rc ? rc : emit(p, code);
}

static int between(Parser *p, uint32_t from) {
    uint32_t to = p->n;
    int rc = comparison(p);
    if (!rc) rc = emit(p, PYTHIA_STEP_GE);
    if (!rc) rc = expect(p, "AND");
    if (!rc) rc = emit_again(p, from, to);
    if (!rc) rc = comparison(p);
    if (!rc) rc = emit(p, PYTHIA_STEP_LE);
    return rc ? rc : emit(p, PYTHIA_STEP_AND);
}

static int in_list(Parser *p, uint32_t from) {
    uint32_t to = p->n;
    int rc = expect(p, "(");
    for (int first = 1; !rc; first = 0) {
        if (!first) rc = emit_again(p, from, to);
        if (!rc) rc = or_expression(p);
        if (!rc) rc = emit(p, PYTHIA_STEP_EQ);
        if (!rc && !first) rc = emit(p, PYTHIA_STEP_OR);
        if (!rc && !accept(p, ",")) break;
    }
    return rc ? rc : expect(p, ")");
}

static int glob(Parser *p) {
    size_t at = p->token.at;
    uint32_t before = p->n;
    int rc = comparison(p);
    if (rc) return rc;
    const PythiaReductionStep *last = &p->out->steps[p->n - 1];
    if (p->n == before + 1 && last->code == PYTHIA_STEP_TEXT && last->text.n > PYTHIA_GLOB_BYTES)
        return fail_at(p, at, "the pattern is longer than 64 bytes");
    return emit(p, PYTHIA_STEP_GLOB);
}

static int equality(Parser *p) {
    static const Operator operators[] = {{"=", PYTHIA_STEP_EQ},
                                         {"==", PYTHIA_STEP_EQ},
                                         {"<>", PYTHIA_STEP_NE},
                                         {"!=", PYTHIA_STEP_NE},
                                         {NULL, 0}};
    uint32_t from = p->n;
    int rc = comparison(p);
    while (!rc) {
        const Operator *o = operators;
        while (o->sign && !pythia_token_is(&p->token, o->sign))
            o++;
        if (o->sign) {
            advance(p);
            rc = comparison(p);
            if (!rc) rc = emit(p, o->code);
            continue;
        }
        if (accept(p, "ISNULL")) {
            rc = emit(p, PYTHIA_STEP_IS_NULL);
            continue;
        }
        if (accept(p, "NOTNULL")) {
            rc = emit(p, PYTHIA_STEP_NOT_NULL);
            continue;
        }
        if (accept(p, "IS")) {
            rc = is(p);
            continue;
        }
        int negative = accept(p, "NOT");
        if (negative && accept(p, "NULL")) {
            rc = emit(p, PYTHIA_STEP_NOT_NULL);
            continue;
        }
        if (accept(p, "IN"))
            rc = in_list(p, from);
        else if (accept(p, "BETWEEN"))
            rc = between(p, from);
        else if (accept(p, "GLOB"))
            rc = glob(p);
        else if (pythia_token_is(&p->token, "LIKE"))
            rc = fail_at(p, p->token.at, "there is no LIKE here, but GLOB");
        else if (negative)
            rc = unexpected(p, "IN, BETWEEN, GLOB or NULL");
        else
            break;
        if (!rc && negative) rc = emit(p, PYTHIA_STEP_NOT);
    }
    return rc;
}

static int not_expression(Parser *p) {
    if (!pythia_token_is(&p->token, "NOT")) return equality(p);
    if (p->nested >= MOST_NESTED) return fail_at(p, p->token.at, "too deeply nested");
    advance(p);
    p->nested++;
    int rc = not_expression(p);
    p->nested--;
    return rc ? rc : emit(p, PYTHIA_STEP_NOT);
}

static int and_expression(Parser *p) {
    static const Operator operators[] = {{"AND", PYTHIA_STEP_AND}, {NULL, 0}};
    return level(p, operators, not_expression);
}

static int or_expression(Parser *p) {
    static const Operator operators[] = {{"OR", PYTHIA_STEP_OR}, {NULL, 0}};
    if (p->nested >= MOST_NESTED) return fail_at(p, p->token.at, "too deeply nested");
    p->nested++;
    int rc = level(p, operators, and_expression);
    p->nested--;
    return rc;
}

/* ------------------------------------------------------------------ columns */

static const struct {
    const char *name;
    uint32_t aggregate;
} aggregates[] = {
    /* the first of each is its name in results */
    {"count", PYTHIA_AGGREGATE_COUNT},
    {"sum", PYTHIA_AGGREGATE_SUM},
    {"avg", PYTHIA_AGGREGATE_AVG},
    {"min", PYTHIA_AGGREGATE_MIN},
    {"max", PYTHIA_AGGREGATE_MAX},
    {"stddev", PYTHIA_AGGREGATE_STDDEV},
    {"stddev_samp", PYTHIA_AGGREGATE_STDDEV},
    {"histogram", PYTHIA_AGGREGATE_HISTOGRAM},
};
enum { AGGREGATES = sizeof aggregates / sizeof aggregates[0] };

const char *pythia_aggregate_name(uint32_t aggregate) {
    for (size_t i = 0; i < AGGREGATES; i++)
        if (aggregates[i].aggregate == aggregate) return aggregates[i].name;
    return NULL;
}

static int aggregate_call(Parser *p) {
    size_t i = 0;
    while (i < AGGREGATES && !pythia_token_is(&p->token, aggregates[i].name))
        i++;
    if (i == AGGREGATES) return unexpected(p, "count, sum, avg, min, max, stddev or histogram");
    p->out->aggregate = aggregates[i].aggregate;
    advance(p);
    int counts = p->out->aggregate == PYTHIA_AGGREGATE_COUNT;
    if (counts && p->token.kind == PYTHIA_TOKEN_END) return SQLITE_OK;
    int rc = expect(p, "(");
    if (!rc && (!counts || !accept(p, "*"))) rc = or_expression(p);
    return rc ? rc : expect(p, ")");
}

/* Parses one column. *steps: how many it took. */
static int column(Parser *p, const char *column_name, PythiaText text, int (*parse)(Parser *),
                  uint32_t *steps) {
    uint32_t before = p->n;
    if (!text.p) return SQLITE_OK;
    if (text.n > PYTHIA_REDUCE_BYTES)
        return pythia_fail(p->error, SQLITE_CONSTRAINT, "%s: longer than %d bytes", column_name,
                           (int)PYTHIA_REDUCE_BYTES);
    if (memchr(text.p, 0, text.n))
        return pythia_fail(p->error, SQLITE_CONSTRAINT, "%s: contains a NUL character",
                           column_name);
    p->column = column_name;
    p->text = text;
    p->token = pythia_reduce_token(text, 0);
    int rc = parse(p);
    if (!rc && p->token.kind != PYTHIA_TOKEN_END) rc = unexpected(p, "the end, or an operator,");
    *steps = p->n - before;
    return rc;
}

int pythia_reduction_compile(const PythiaReductionTexts *texts, PythiaReduction *reduction,
                             char **error) {
    memset(reduction, 0, sizeof *reduction);
    Parser p = {.out = reduction, .error = error};
    int rc = column(&p, "predicate", texts->predicate, or_expression, &reduction->npredicate);
    if (!rc) rc = column(&p, "aggregate", texts->aggregate, aggregate_call, &reduction->nvalue);
    if (!rc && texts->group_by.p && !reduction->aggregate)
        rc = pythia_fail(error, SQLITE_CONSTRAINT, "group_by: needs an aggregate");
    if (!rc) rc = column(&p, "group_by", texts->group_by, or_expression, &reduction->ngroup);
    if (rc || !texts->window_ms) return rc;
    if (texts->window_ms < 0 || texts->window_ms > (int64_t)1000000000000)
        return pythia_fail(error, SQLITE_CONSTRAINT,
                           "window_ms: is not a number of milliseconds between 1 and 10^12");
    if (!reduction->aggregate)
        return pythia_fail(error, SQLITE_CONSTRAINT, "window_ms: needs an aggregate");
    reduction->window_ns = (uint64_t)texts->window_ms * 1000000;
    return SQLITE_OK;
}

uint64_t pythia_reduction_rule(const PythiaReductionTexts *texts, double sample, int64_t rule_id) {
    const PythiaText parts[] = {texts->predicate, texts->aggregate, texts->group_by};
    uint64_t hash =
        (uint64_t)texts->window_ms + pythia_page_hash((const char *)&sample, sizeof sample);
    for (size_t i = 0; i < 3; i++)
        hash = hash * 31 + (parts[i].p ? pythia_page_hash(parts[i].p, parts[i].n) : 1);
    uint64_t mask = ((uint64_t)1 << PYTHIA_REDUCTION_RULE_BITS) - 1;
    return ((uint64_t)rule_id & mask) | (hash ^ hash >> 32) % 0x7fff << PYTHIA_REDUCTION_RULE_BITS;
}
