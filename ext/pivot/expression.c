/* expression.c - expressions of Pivot Tracing's language: SQL's own, with variables for columns.
**
** Reading checks the form with a small automaton: an operand is expected or an operator, and a stack tells what
** is open. Only the functions listed here are let through, none of which has an effect, so that a query's text
** may come from anywhere. Rendering copies the tokens and replaces what SQL spells otherwise: `==`, `&&`,
** AVERAGE, a bare COUNT, and the names of variables and Lets.
**
** An attribute may be a list (an X-Trace report with several `replicas`), which gives one tuple for each
** element: every attribute that an expression names becomes a table json_each() of the same SELECT, under the
** alias "variable.attribute", once however often it is named. */
#include "ext/pivot/internal.h"

enum { MAX_OPEN = 64 };

static const char *const aggregates[] = {
    "count",        "sum",           "min",        "max",      "avg",        "average",
    "total",        "cov",           "cov_pop",    "corr",     "dip",        "dip_p",
    "group_concat", "histogram",     "iqr",        "kurtosis", "mad",        "median",
    "modes",        "multimodality", "percentile", "quantile", "robust_cov", "skewness",
    "stddev_pop",   "stddev_samp",   "var_pop",    "var_samp"};
static const char *const scalars[] = {"abs",
                                      "coalesce",
                                      "format",
                                      "format_ns",
                                      "glob",
                                      "ifnull",
                                      "iif",
                                      "instr",
                                      "length",
                                      "like",
                                      "lower",
                                      "max",
                                      "min",
                                      "nullif",
                                      "printf",
                                      "replace",
                                      "round",
                                      "sign",
                                      "parse_duration",
                                      "regexp_extract",
                                      "regexp_replace",
                                      "substr",
                                      "trim",
                                      "typeof",
                                      "upper"};

static int is_one_of(PivotToken token, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (pivot_is(token, words[i])) return 1;
    return 0;
}
#define ONE_OF(token, words) is_one_of(token, words, sizeof(words) / sizeof(words)[0])

int pivot_is_clause(PivotToken token) {
    static const char *const clauses[] = {"From", "In",    "Join",    "On",
                                          "Let",  "Where", "GroupBy", "Select"};
    return ONE_OF(token, clauses);
}

int pivot_is_reserved(PivotToken token) {
    static const char *const words[] = {"and",  "or",     "not",     "is",     "null", "like",
                                        "glob", "regexp", "between", "escape", "case", "when",
                                        "then", "else",   "cast",    "count",  "as"};
    return pivot_is_clause(token) || ONE_OF(token, words);
}

/* ---- reading -------------------------------------------------------------------------------------------- */

typedef struct Reader {
    PythiaText text;
    size_t at;
    int flags;
    int operand;            /* an operand is expected */
    char open[MAX_OPEN];    /* '(' bracket, 'F' function, 'A' aggregate, 'T' cast, 'C' case */
    size_t where[MAX_OPEN]; /* it was opened */
    int depth, aggregating, aggregate;
    char **error;
} Reader;

static int push(Reader *r, char what, size_t at) {
    if (r->depth == MAX_OPEN)
        return pivot_fail(r->text, at, r->error, "more than %d brackets inside each other",
                          MAX_OPEN);
    r->open[r->depth] = what;
    r->where[r->depth++] = at;
    r->aggregating += what == 'A';
    return SQLITE_OK;
}

static int top(const Reader *r) {
    return r->depth ? r->open[r->depth - 1] : 0;
}

static int unexpected(Reader *r, PivotToken token, const char *instead) {
    if (token.kind == PIVOT_END)
        return pivot_fail(r->text, token.at, r->error, "the text ends where %s should stand",
                          instead);
    if (token.kind == PIVOT_BAD && (token.text.p[0] == '\'' || token.text.p[0] == '"'))
        return pivot_fail(r->text, token.at, r->error, "this text has no closing quote");
    return pivot_fail(r->text, token.at, r->error, "'%.*s' where %s should stand",
                      (int)token.text.n, token.text.p, instead);
}

/* How many arguments a call has whose opening bracket is at `at`. */
static int count_arguments(PythiaText text, size_t at) {
    int depth = 0, n = 1;
    for (;;) {
        PivotToken token = pivot_lex(text, &at);
        if (token.kind == PIVOT_END) return n;
        depth += pivot_is(token, "(");
        depth -= pivot_is(token, ")");
        if (depth == 0) return n;
        n += depth == 1 && pivot_is(token, ",");
    }
}

static int read_call(Reader *r, PivotToken name) {
    PivotToken bracket = pivot_peek(r->text, r->at);
    int extreme = pivot_is(name, "min") || pivot_is(name, "max");
    int aggregate =
        ONE_OF(name, aggregates) && !(extreme && count_arguments(r->text, bracket.at) > 1);
    if (!aggregate && !ONE_OF(name, scalars))
        return pivot_fail(r->text, name.at, r->error, "there is no function '%.*s' here",
                          (int)name.text.n, name.text.p);
    if (aggregate && !(r->flags & PIVOT_IN_SELECT))
        return pivot_fail(r->text, name.at, r->error, "aggregates stand in Select only");
    if (aggregate && r->aggregating)
        return pivot_fail(r->text, name.at, r->error, "an aggregate inside an aggregate");
    r->aggregate |= aggregate;
    r->at = bracket.at + 1;
    PivotToken next = pivot_peek(r->text, r->at);
    if (pivot_is(name, "count") && (pivot_is(next, "*") || pivot_is(next, ")"))) {
        if (pivot_is(next, "*")) r->at = next.at + 1;
        PivotToken close = pivot_lex(r->text, &r->at);
        if (!pivot_is(close, ")")) return unexpected(r, close, "')'");
        r->operand = 0;
        return SQLITE_OK;
    }
    if (aggregate && pivot_is(next, "distinct")) r->at = next.at + next.text.n;
    return push(r, aggregate ? 'A' : 'F', bracket.at);
}

/* What follows the dot behind a variable: words with dots between them, or a quoted text. */
static int read_field(Reader *r) {
    pivot_lex(r->text, &r->at);
    PivotToken token = pivot_lex(r->text, &r->at);
    if (token.kind != PIVOT_WORD && token.kind != PIVOT_STRING)
        return unexpected(r, token, "what a variable exports");
    while (token.kind == PIVOT_WORD && pivot_is(pivot_peek(r->text, r->at), ".")) {
        pivot_lex(r->text, &r->at);
        token = pivot_lex(r->text, &r->at);
        if (token.kind != PIVOT_WORD) return unexpected(r, token, "the next part of the name");
    }
    return SQLITE_OK;
}

static int read_operand(Reader *r, PivotToken token) {
    PivotToken next = pivot_peek(r->text, r->at);
    if (pivot_is(token, "(")) return push(r, '(', token.at);
    if (pivot_is(token, "-") || pivot_is(token, "+") || pivot_is(token, "~") ||
        pivot_is(token, "not"))
        return SQLITE_OK;
    if (pivot_is(token, "case")) return push(r, 'C', token.at);
    if (pivot_is(token, "when") && top(r) == 'C') return SQLITE_OK;
    if (token.kind == PIVOT_WORD && pivot_is(next, "(")) {
        if (!pivot_is(token, "cast")) return read_call(r, token);
        pivot_lex(r->text, &r->at);
        return push(r, 'T', token.at);
    }
    if (token.kind != PIVOT_WORD && token.kind != PIVOT_NUMBER && token.kind != PIVOT_STRING)
        return unexpected(r, token, "a value");
    if (pivot_is_clause(token)) return unexpected(r, token, "a value");
    if (pivot_is(token, "count")) {
        if (!(r->flags & PIVOT_IN_SELECT))
            return pivot_fail(r->text, token.at, r->error, "aggregates stand in Select only");
        r->aggregate = 1;
    }
    r->operand = 0;
    return token.kind == PIVOT_WORD && pivot_is(next, ".") ? read_field(r) : SQLITE_OK;
}

static int close_bracket(Reader *r, PivotToken token) {
    if (!r->depth || top(r) == 'C') return unexpected(r, token, r->depth ? "END" : "an operator");
    r->aggregating -= top(r) == 'A';
    r->depth--;
    return SQLITE_OK;
}

static int read_cast_type(Reader *r) {
    static const char *const types[] = {"integer", "real", "text", "numeric"};
    PivotToken type = pivot_lex(r->text, &r->at);
    if (!ONE_OF(type, types)) return unexpected(r, type, "INTEGER, REAL, TEXT or NUMERIC");
    return SQLITE_OK;
}

static int read_operator(Reader *r, PivotToken token) {
    static const char *const signs[] = {"+",  "-",    "*",    "/",      "%",       "<",     "<=",
                                        ">",  ">=",   "=",    "==",     "!=",      "<>",    "&&",
                                        "||", "&",    "|",    "<<",     ">>",      "and",   "or",
                                        "is", "like", "glob", "regexp", "between", "escape"};
    static const char *const negated[] = {"like", "glob", "regexp", "between", "in"};
    static const char *const parts[] = {"when", "then", "else"};
    if (pivot_is(token, ")")) return close_bracket(r, token);
    if (pivot_is(token, "not")) {
        token = pivot_lex(r->text, &r->at);
        if (!ONE_OF(token, negated))
            return unexpected(r, token, "LIKE, GLOB, REGEXP, BETWEEN or IN");
    }
    if (pivot_is(token, "in")) {
        PivotToken bracket = pivot_lex(r->text, &r->at);
        if (!pivot_is(bracket, "(")) return unexpected(r, bracket, "'('");
        r->operand = 1;
        return push(r, '(', bracket.at);
    }
    if (top(r) == 'C' && pivot_is(token, "end")) {
        r->depth--;
        return SQLITE_OK;
    }
    if (top(r) == 'T' && pivot_is(token, "as")) return read_cast_type(r);
    if (ONE_OF(token, signs) || (top(r) == 'C' && ONE_OF(token, parts)) ||
        (r->depth && pivot_is(token, ",") && top(r) != 'C' && top(r) != 'T')) {
        r->operand = 1;
        return SQLITE_OK;
    }
    return unexpected(r, token, "an operator");
}

/* Whether the expression ends in front of this token. */
static int ends(const Reader *r, PivotToken token) {
    if (r->depth) return 0;
    return token.kind == PIVOT_END || pivot_is(token, ";") ||
           (pivot_is_clause(token) && !pivot_is(token, "in")) ||
           ((r->flags & PIVOT_IN_LIST) && pivot_is(token, ",")) ||
           ((r->flags & PIVOT_IN_SELECT) && pivot_is(token, "as"));
}

int pivot_expression(PythiaText program, size_t *at, int flags, PivotRange *range, int *aggregate,
                     char **error) {
    Reader r = {.text = program, .at = *at, .flags = flags, .operand = 1, .error = error};
    range->from = pivot_peek(program, *at).at;
    range->to = range->from;
    for (;;) {
        PivotToken token = pivot_peek(program, r.at);
        if (!r.operand && ends(&r, token)) break;
        if (token.kind == PIVOT_END && r.depth)
            return pivot_fail(program, r.where[r.depth - 1], error,
                              "what opens here is not closed");
        r.at = token.at + token.text.n;
        int rc = r.operand ? read_operand(&r, token) : read_operator(&r, token);
        if (rc) return rc;
        range->to = r.at;
    }
    *at = r.at;
    if (aggregate) *aggregate = r.aggregate;
    return SQLITE_OK;
}

int pivot_single_call(const PythiaPivot *pivot, PivotRange range, PythiaText *function,
                      PivotRange *argument) {
    size_t at = range.from;
    PivotToken name = pivot_lex(pivot->text, &at);
    *function = name.text;
    *argument = (PivotRange){at, at};
    if (at == range.to) return pivot_is(name, "count");
    PivotToken bracket = pivot_lex(pivot->text, &at);
    if (name.kind != PIVOT_WORD || !pivot_is(bracket, "(")) return 0;
    argument->from = at;
    int depth = 1;
    while (depth && at < range.to) {
        PivotToken token = pivot_lex(pivot->text, &at);
        depth += pivot_is(token, "(");
        depth -= pivot_is(token, ")");
        argument->to = token.at;
    }
    return at == range.to;
}

/* ---- names ------------------------------------------------------------------------------------------------ */

static int same_name(PythiaText a, PythiaText b) {
    return a.n == b.n && sqlite3_strnicmp(a.p, b.p, (int)a.n) == 0;
}

int pivot_find_var(const PivotQuery *query, PythiaText name) {
    for (int i = 0; i < query->nvars; i++)
        if (same_name(query->vars[i].name, name)) return i;
    return -1;
}

int pivot_find_let(const PivotQuery *query, PythiaText name) {
    for (int i = 0; i < query->nlets; i++)
        if (same_name(query->lets[i].name, name)) return i;
    return -1;
}

PythiaText pivot_range_text(const PythiaPivot *pivot, PivotRange range) {
    return (PythiaText){pivot->text.p + range.from, range.to - range.from};
}

/* ---- SQL ------------------------------------------------------------------------------------------------------ */

void pivot_identifier(PythiaBuf *sql, PythiaText name) {
    int plain = name.n > 0 && !sqlite3_keyword_check(name.p, (int)name.n);
    for (size_t i = 0; i < name.n && plain; i++)
        plain = (name.p[i] >= 'a' && name.p[i] <= 'z') || (name.p[i] >= 'A' && name.p[i] <= 'Z') ||
                name.p[i] == '_' || (i && name.p[i] >= '0' && name.p[i] <= '9');
    if (plain) {
        pythia_buf_text(sql, name);
        return;
    }
    pythia_buf_byte(sql, '"');
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '"') pythia_buf_byte(sql, '"');
        pythia_buf_byte(sql, (unsigned char)name.p[i]);
    }
    pythia_buf_byte(sql, '"');
}

void pivot_literal(PythiaBuf *sql, PythiaText text) {
    pythia_buf_byte(sql, '\'');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\'') pythia_buf_byte(sql, '\'');
        pythia_buf_byte(sql, (unsigned char)text.p[i]);
    }
    pythia_buf_byte(sql, '\'');
}

static void render_fail(PivotScope *scope, PythiaBuf *sql, size_t at, const char *format,
                        PythiaText name, const char *more) {
    if (sql->rc) return;
    sql->rc = pivot_fail(scope->pivot->text, at, scope->error, format, (int)name.n, name.p, more);
}

/* Exports that are made of columns and attributes: the first of these attributes that is there, else the
** column. */
static const struct {
    const char *name, *keys[4], *column;
} exports[] = {
    {"time", {0}, "time_ns"},
    {"timestamp", {0}, "time_ns"},
    {"host", {"host", "Host", "host.name", 0}, "instance"},
    {"procName", {"procName", "ProcessName", "process.executable.name", 0}, "service"},
    {"procId", {"procId", "ProcessID", "process.pid", 0}, "instance"},
    {"threadId", {"threadId", "ThreadID", "thread.id", 0}, NULL},
};
static const char *const columns[] = {"event_id", "trace_id",        "span_id",   "tracepoint",
                                      "phase",    "service",         "operation", "instance",
                                      "time_ns",  "on_critical_path"};

static void render_export(PythiaBuf *sql, PythiaText var, size_t which) {
    if (exports[which].keys[0]) pythia_buf_str(sql, "coalesce(");
    for (int i = 0; exports[which].keys[i]; i++) {
        if (i) pythia_buf_str(sql, ", ");
        pivot_identifier(sql, var);
        pythia_buf_format(sql, ".attributes ->> '$.\"%s\"'", exports[which].keys[i]);
    }
    if (exports[which].column) {
        if (exports[which].keys[0]) pythia_buf_str(sql, ", ");
        pivot_identifier(sql, var);
        pythia_buf_format(sql, ".%s", exports[which].column);
    }
    if (exports[which].keys[0]) pythia_buf_str(sql, ")");
}

/* "variable.attribute", with a number where only letter case tells two apart. */
static PythiaText attribute_alias(PivotScope *scope, int var, PythiaText key, int twins) {
    PythiaText name = scope->query->vars[var].name;
    PythiaBuf text = {0};
    pythia_buf_text(&text, name);
    pythia_buf_byte(&text, '.');
    pythia_buf_text(&text, key);
    if (twins) pythia_buf_format(&text, ".%d", twins + 1);
    char *copy = text.rc ? NULL : pythia_arena_copy(&scope->pivot->arena, text.data, text.n);
    PythiaText alias = {copy, text.n};
    pythia_buf_clear(&text);
    return alias;
}

/* The element of an attribute: the value of its json_each(), which the SELECT joins. */
static void render_attribute(PivotScope *scope, PythiaBuf *sql, int var, PythiaText key,
                             size_t at) {
    PivotAttribute *attribute = NULL;
    int twins = 0;
    for (int i = 0; i < scope->nattributes && !attribute; i++) {
        PivotAttribute *other = &scope->attributes[i];
        if (other->var != var || !same_name(other->key, key)) continue;
        if (pythia_text_equal(other->key, key)) attribute = other;
        twins++; /* SQL would take "x.a" and "x.A" for one */
    }
    if (!attribute) {
        if (scope->nattributes == MAX_ITEMS) {
            render_fail(scope, sql, at, "more attributes than can be joined, at '%.*s'%s", key, "");
            return;
        }
        if (memchr(key.p, '"', key.n) || key.n > 64) {
            render_fail(scope, sql, at, "the attribute '%.*s' %s", key,
                        key.n > 64 ? "has a name that is too long" : "has a quote in its name");
            return;
        }
        attribute = &scope->attributes[scope->nattributes++];
        *attribute = (PivotAttribute){.var = var, .key = key};
        attribute->alias = attribute_alias(scope, var, key, twins);
        if (!attribute->alias.p && !sql->rc) sql->rc = SQLITE_NOMEM;
    }
    pivot_identifier(sql, attribute->alias);
    pythia_buf_str(sql, ".value");
}

/* The column of a query's variable; key.n 0: the only one. */
static void render_column(PivotScope *scope, PythiaBuf *sql, int var, PythiaText key, size_t at) {
    const PivotVar *v = &scope->query->vars[var];
    const PivotItem *found = NULL;
    int columns_there = 0;
    for (int q = 0; q < v->npoints && !found; q++) {
        const PivotQuery *query = scope->pivot->queries[v->points[q].query];
        for (int i = 0; i < query->nitems; i++) {
            PythiaText name = query->items[i].name;
            columns_there++;
            /* `x.key` is found by its last part, too. */
            int tail = key.n && name.n > key.n && name.p[name.n - key.n - 1] == '.' &&
                       same_name((PythiaText){name.p + name.n - key.n, key.n}, key);
            if (!found && (!key.n || same_name(name, key) || tail)) found = &query->items[i];
        }
    }
    if (!found || (!key.n && columns_there > 1)) {
        render_fail(scope, sql, at,
                    found ? "the query of '%.*s' selects several columns: name one%s"
                          : "the query of the variable selects no column '%.*s'%s",
                    found ? v->name : key, "");
        return;
    }
    pivot_identifier(sql, v->name);
    pythia_buf_byte(sql, '.');
    pivot_identifier(sql, found->name);
}

static void render_field(PivotScope *scope, PythiaBuf *sql, int var, PythiaText key, int quoted,
                         size_t at) {
    PythiaText name = scope->query->vars[var].name;
    if (scope->query->vars[var].of_query) {
        render_column(scope, sql, var, key, at);
        return;
    }
    for (size_t i = 0; i < sizeof exports / sizeof exports[0] && !quoted; i++)
        if (same_name(pythia_text(exports[i].name), key)) {
            render_export(sql, name, i);
            return;
        }
    for (size_t i = 0; i < sizeof columns / sizeof columns[0] && !quoted; i++)
        if (same_name(pythia_text(columns[i]), key)) {
            pivot_identifier(sql, name);
            pythia_buf_format(sql, ".%s", columns[i]);
            return;
        }
    render_attribute(scope, sql, var, key, at);
}

/* `var.name`: *at stands at the dot. */
static void render_dotted(PivotScope *scope, PythiaBuf *sql, PivotToken name, size_t *at,
                          uint32_t *vars) {
    int var = pivot_find_var(scope->query, name.text);
    PythiaText text = scope->pivot->text;
    if (var < 0) {
        render_fail(scope, sql, name.at, "unknown variable '%.*s'%s", name.text, "");
        return;
    }
    if (vars) *vars |= UINT32_C(1) << var;
    pivot_lex(text, at);
    PivotToken first = pivot_lex(text, at), last = first;
    while (first.kind == PIVOT_WORD && pivot_is(pivot_peek(text, *at), ".")) {
        pivot_lex(text, at);
        last = pivot_lex(text, at);
    }
    PythiaText key = {first.text.p, (size_t)(last.text.p + last.text.n - first.text.p)};
    if (first.kind == PIVOT_STRING) key = pivot_unquoted(&scope->pivot->arena, first.text);
    if (!key.p) {
        if (!sql->rc) sql->rc = SQLITE_NOMEM;
        return;
    }
    render_field(scope, sql, var, key, first.kind == PIVOT_STRING, first.at);
}

static void render_name(PivotScope *scope, PythiaBuf *sql, PivotToken name, uint32_t *vars) {
    int var = pivot_find_var(scope->query, name.text),
        let = pivot_find_let(scope->query, name.text);
    if (let >= 0) {
        /* Lets name earlier ones only, so this ends; its size is bounded by MAX_SQL. */
        pythia_buf_byte(sql, '(');
        pivot_render(scope, scope->query->lets[let].expression, sql, vars);
        pythia_buf_byte(sql, ')');
    } else if (var < 0) {
        render_fail(scope, sql, name.at, "unknown variable '%.*s'%s", name.text, "");
    } else {
        if (vars) *vars |= UINT32_C(1) << var;
        if (scope->query->vars[var].of_query) {
            render_column(scope, sql, var, (PythiaText){"", 0}, name.at);
        } else {
            pivot_identifier(sql, name.text);
            pythia_buf_str(sql, ".event_id");
        }
    }
}

static void render_word(PivotScope *scope, PythiaBuf *sql, PivotToken word, size_t *at,
                        uint32_t *vars) {
    static const char *const keywords[] = {
        "and",     "or",     "not",      "in",      "is",   "null", "like",   "glob", "regexp",
        "between", "escape", "case",     "when",    "then", "else", "end",    "true", "false",
        "cast",    "as",     "distinct", "integer", "real", "text", "numeric"};
    PivotToken next = pivot_peek(scope->pivot->text, *at);
    int is_known = pivot_find_var(scope->query, word.text) >= 0 ||
                   pivot_find_let(scope->query, word.text) >= 0;
    if (pivot_is(next, ".")) {
        render_dotted(scope, sql, word, at, vars);
    } else if (!is_known && ONE_OF(word, keywords)) {
        for (size_t i = 0; i < word.text.n; i++) {
            char c = word.text.p[i];
            pythia_buf_byte(sql, (unsigned char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c));
        }
    } else if (!is_known && pivot_is(next, "(")) {
        PythiaText name = pivot_is(word, "average") ? PYTHIA_TEXT("avg") : word.text;
        for (size_t i = 0; i < name.n; i++) {
            char c = name.p[i];
            pythia_buf_byte(sql, (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c));
        }
    } else if (!is_known && pivot_is(word, "count")) {
        pythia_buf_str(sql, "count(*)");
    } else {
        render_name(scope, sql, word, vars);
    }
}

static void render_string(PivotScope *scope, PythiaBuf *sql, PivotToken token) {
    PythiaText text = pivot_unquoted(&scope->pivot->arena, token.text);
    if (text.p)
        pivot_literal(sql, text);
    else if (!sql->rc)
        sql->rc = SQLITE_NOMEM;
}

void pivot_render(PivotScope *scope, PivotRange range, PythiaBuf *sql, uint32_t *vars) {
    PythiaText text = scope->pivot->text;
    size_t at = range.from;
    PivotToken before = {PIVOT_END, {0}, 0};
    while (!sql->rc) {
        PivotToken token = pivot_peek(text, at);
        if (token.kind == PIVOT_END || token.at >= range.to) return;
        at = token.at + token.text.n;
        int tight =
            before.kind == PIVOT_END || pivot_is(before, "(") || pivot_is(token, ")") ||
            pivot_is(token, ",") ||
            (pivot_is(token, "(") && before.kind == PIVOT_WORD && !pivot_is(before, "in") &&
             !pivot_is(before, "and") && !pivot_is(before, "or") && !pivot_is(before, "not"));
        if (!tight) pythia_buf_byte(sql, ' ');
        if (token.kind == PIVOT_WORD)
            render_word(scope, sql, token, &at, vars);
        else if (token.kind == PIVOT_STRING)
            render_string(scope, sql, token);
        else
            pythia_buf_text(sql, pivot_is(token, "==")   ? PYTHIA_TEXT("=")
                                 : pivot_is(token, "!=") ? PYTHIA_TEXT("<>")
                                 : pivot_is(token, "&&") ? PYTHIA_TEXT("AND")
                                                         : token.text);
        before = token;
        if (sql->n > MAX_SQL && !sql->rc)
            sql->rc = pivot_fail(text, range.from, scope->error, "this becomes too long in SQL");
    }
}

int pivot_vars_of(PythiaPivot *pivot, const PivotQuery *query, PivotRange range, uint32_t *vars) {
    PivotScope scope = {.pivot = pivot, .query = query};
    PythiaBuf nothing = {0};
    *vars = 0;
    pivot_render(&scope, range, &nothing, vars);
    int rc = nothing.rc;
    pythia_buf_clear(&nothing);
    return rc;
}
