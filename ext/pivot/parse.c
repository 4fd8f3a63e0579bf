/* parse.c - Pivot Tracing's language: the clauses of queries, and what is wrong with them.
**
** Top down, one token ahead, no recursion: queries are named, not nested, and a query can only name those
** before it. Everything that can be known without data is checked here, so that compiling never meets a
** program that makes no sense:
**   - a query begins with its only From; names of variables and of Lets are unique, and known where used;
**   - the new variable of a Join stands left of `->`, a variable that is there already on its right:
**     tuples travel with the request, from what happened before to what comes after;
**   - a filter takes trace points, or a query whose tuples are events: one that aggregates has none;
**   - the keys of GroupBy come first in Select, in their order, and at least one aggregate follows them;
**     without GroupBy a Select has aggregates only, or none. */
#include "ext/pivot/internal.h"

typedef struct Parser {
    PythiaPivot *pivot;
    PythiaText text;
    size_t at;
    PythiaPivotKnown known;
    void *context;
    char **error;
} Parser;

static int too_many(Parser *p, const char *what, int most) {
    return pivot_fail(p->text, p->at, p->error, "more than %d %s", most, what);
}

static int expect(Parser *p, const char *word_or_sign, const char *after) {
    size_t before = p->at;
    PivotToken token = pivot_lex(p->text, &p->at);
    if (pivot_is(token, word_or_sign)) return SQLITE_OK;
    p->at = before;
    if (token.kind == PIVOT_END)
        return pivot_fail(p->text, token.at, p->error, "the text ends where '%s' should follow %s",
                          word_or_sign, after);
    return pivot_fail(p->text, token.at, p->error, "'%.*s' where '%s' should follow %s",
                      (int)token.text.n, token.text.p, word_or_sign, after);
}

/* A new name: not one of the query's already, not a keyword. */
static int new_name(Parser *p, PivotQuery *query, const char *what, PivotToken *name) {
    *name = pivot_lex(p->text, &p->at);
    if (name->kind != PIVOT_WORD || pivot_is_reserved(*name))
        return pivot_fail(p->text, name->at, p->error, "'%.*s' where the name of %s should stand",
                          (int)name->text.n, name->text.p, what);
    if (pivot_find_var(query, name->text) >= 0 || pivot_find_let(query, name->text) >= 0)
        return pivot_fail(p->text, name->at, p->error, "'%.*s' is there already", (int)name->text.n,
                          name->text.p);
    return SQLITE_OK;
}

/* ---- sources ---------------------------------------------------------------------------------------- */

static int find_query(const PythiaPivot *pivot, PythiaText name) {
    for (int i = 0; i < pivot->nqueries; i++) {
        PythiaText other = pivot->queries[i]->name;
        if (other.n == name.n && sqlite3_strnicmp(other.p, name.p, (int)name.n) == 0) return i;
    }
    return -1;
}

static int read_phase(Parser *p, PivotPhase *phase) {
    static const struct {
        const char *word;
        PivotPhase phase;
    } phases[] = {{"start", PIVOT_ONLY_START},
                  {"end", PIVOT_ONLY_END},
                  {"point", PIVOT_ONLY_POINT},
                  {"any", PIVOT_ANY}};
    *phase = PIVOT_BEGIN;
    if (!pivot_is(pivot_peek(p->text, p->at), "@")) return SQLITE_OK;
    pivot_lex(p->text, &p->at);
    PivotToken token = pivot_lex(p->text, &p->at);
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++)
        if (pivot_is(token, phases[i].word)) {
            *phase = phases[i].phase;
            return SQLITE_OK;
        }
    return pivot_fail(p->text, token.at, p->error,
                      "'%.*s' is no phase; after @ stands start, end, point or any",
                      (int)token.text.n, token.text.p);
}

/* What a name stands for: a query of the program, else a trace point that is known. */
static int resolve_point(Parser *p, PivotPoint *point) {
    point->query = find_query(p->pivot, point->name);
    if (point->query >= 0 || !p->known) return SQLITE_OK;
    PythiaText hint = {0};
    int rc = p->known(p->context, point->name, &hint);
    if (rc != SQLITE_NOTFOUND) return rc;
    return pivot_fail(p->text, point->at, p->error,
                      "no trace point and no query has the name '%.*s'%s%.*s%s", (int)point->name.n,
                      point->name.p, hint.n ? "; there is '" : "", (int)hint.n,
                      hint.n ? hint.p : "", hint.n ? "'" : "");
}

static int read_point(Parser *p, PivotVar *var) {
    if (var->npoints == MAX_POINTS) return too_many(p, "sources", MAX_POINTS);
    PivotPoint *point = &var->points[var->npoints];
    PivotToken name = pivot_lex_name(p->text, &p->at);
    if (name.kind == PIVOT_END || name.kind == PIVOT_BAD)
        return pivot_fail(p->text, name.at, p->error,
                          "the name of a trace point or a query should stand here");
    point->name = pivot_unquoted(&p->pivot->arena, name.text);
    if (!point->name.p) return SQLITE_NOMEM;
    point->at = name.at;
    point->glob = point->name.n && (memchr(point->name.p, '*', point->name.n) ||
                                    memchr(point->name.p, '?', point->name.n) ||
                                    memchr(point->name.p, '[', point->name.n));
    int rc = read_phase(p, &point->phase);
    if (!rc) rc = resolve_point(p, point);
    if (rc) return rc;
    if (point->query >= 0 && point->phase != PIVOT_BEGIN)
        return pivot_fail(p->text, name.at, p->error, "'%.*s' is a query and has no phase",
                          (int)point->name.n, point->name.p);
    if (var->npoints && (point->query >= 0) != var->of_query)
        return pivot_fail(p->text, name.at, p->error,
                          "sources are either trace points or queries, not both");
    var->of_query = point->query >= 0;
    var->npoints++;
    return SQLITE_OK;
}

static int read_points(Parser *p, PivotVar *var) {
    for (;;) {
        int rc = read_point(p, var);
        if (rc) return rc;
        if (!pivot_is(pivot_peek(p->text, p->at), ",")) return SQLITE_OK;
        pivot_lex(p->text, &p->at);
    }
}

static PivotFilter filter_of(PivotToken token, int *counted) {
    *counted = pivot_is(token, "FirstN") || pivot_is(token, "MostRecentN");
    if (pivot_is(token, "First") || pivot_is(token, "FirstN")) return PIVOT_FIRST;
    if (pivot_is(token, "MostRecent") || pivot_is(token, "MostRecentN")) return PIVOT_RECENT;
    return PIVOT_ALL;
}

/* N of FirstN(N, ...). */
static int read_count(Parser *p, PivotVar *var) {
    PivotToken number = pivot_lex(p->text, &p->at);
    int n = 0;
    for (size_t i = 0; i < number.text.n && number.kind == PIVOT_NUMBER; i++)
        n = number.text.p[i] >= '0' && number.text.p[i] <= '9' && n < 100000000
                ? n * 10 + (number.text.p[i] - '0')
                : -1000000000;
    if (n <= 0)
        return pivot_fail(p->text, number.at, p->error,
                          "'%.*s' where the number of tuples, 1 or more, should stand",
                          (int)number.text.n, number.text.p);
    var->n = n;
    return expect(p, ",", "the number of tuples");
}

static int check_filtered(Parser *p, const PivotVar *var) {
    for (int i = 0; i < var->npoints; i++) {
        const PivotPoint *point = &var->points[i];
        if (point->phase != var->points[0].phase)
            return pivot_fail(p->text, point->at, p->error,
                              "the trace points of one filter have one @phase");
        if (point->query < 0) continue;
        if (p->pivot->queries[point->query]->aggregates)
            return pivot_fail(p->text, point->at, p->error,
                              "'%.*s' aggregates: none of its tuples is first or most recent",
                              (int)point->name.n, point->name.p);
        if (var->n)
            return pivot_fail(p->text, point->at, p->error,
                              "FirstN and MostRecentN take trace points, '%.*s' is a query",
                              (int)point->name.n, point->name.p);
    }
    return SQLITE_OK;
}

static int read_source(Parser *p, PivotVar *var, int joined) {
    PivotToken word = pivot_peek(p->text, p->at);
    int counted;
    PivotFilter filter = filter_of(word, &counted);
    size_t behind = p->at;
    pivot_lex(p->text, &behind);
    if (filter == PIVOT_ALL || !pivot_is(pivot_peek(p->text, behind), "("))
        return read_points(p, var);
    if (!joined)
        return pivot_fail(p->text, word.at, p->error,
                          "a filter chooses among what happened before something: it belongs to a "
                          "Join, not to From");
    var->filter = filter;
    p->at = behind;
    int rc = expect(p, "(", "a filter");
    if (!rc && counted) rc = read_count(p, var);
    if (!rc) rc = read_points(p, var);
    if (!rc) rc = expect(p, ")", "the sources of a filter");
    return rc ? rc : check_filtered(p, var);
}

/* ---- clauses ------------------------------------------------------------------------------------------ */

static int read_from(Parser *p, PivotQuery *query) {
    PivotToken name;
    PivotToken from = pivot_lex(p->text, &p->at);
    if (!pivot_is(from, "From"))
        return pivot_fail(p->text, from.at, p->error,
                          "'%.*s' where a query should begin: From variable In source",
                          (int)from.text.n, from.text.p);
    int rc = new_name(p, query, "a variable", &name);
    if (rc) return rc;
    PivotVar *var = &query->vars[query->nvars];
    *var = (PivotVar){.name = name.text, .at = name.at, .towards = -1};
    rc = expect(p, "In", "the variable");
    if (!rc) rc = read_source(p, var, 0);
    if (rc) return rc;
    for (int i = 0; i < var->npoints; i++)
        if (var->of_query && p->pivot->queries[var->points[i].query]->aggregates)
            return pivot_fail(
                p->text, var->points[i].at, p->error,
                "'%.*s' aggregates: its tuples belong to no event, so that nothing can be "
                "joined to them; Join it instead",
                (int)var->points[i].name.n, var->points[i].name.p);
    query->nvars++;
    return SQLITE_OK;
}

/* On new -> old. */
static int read_on(Parser *p, PivotQuery *query, PivotVar *var) {
    int rc = expect(p, "On", "the source of a Join");
    if (rc) return rc;
    PivotToken left = pivot_lex(p->text, &p->at);
    if (!(rc = expect(p, "->", "the variable of On"))) {
        PivotToken right = pivot_lex(p->text, &p->at);
        int is_new = left.text.n == var->name.n &&
                     sqlite3_strnicmp(left.text.p, var->name.p, (int)var->name.n) == 0;
        var->towards = pivot_find_var(query, right.text);
        if (!is_new && pivot_find_var(query, left.text) >= 0)
            return pivot_fail(p->text, left.at, p->error,
                              "the wrong direction: what is joined happened before, so it reads "
                              "'On %.*s -> %.*s'",
                              (int)var->name.n, var->name.p, (int)left.text.n, left.text.p);
        if (!is_new)
            return pivot_fail(p->text, left.at, p->error,
                              "unknown variable '%.*s'; left of -> stands '%.*s'", (int)left.text.n,
                              left.text.p, (int)var->name.n, var->name.p);
        if (var->towards < 0)
            return pivot_fail(
                p->text, right.at, p->error,
                "unknown variable '%.*s'; right of -> stands one that is there already",
                (int)right.text.n, right.text.p);
    }
    return rc;
}

static int read_join(Parser *p, PivotQuery *query) {
    PivotToken name;
    if (query->nvars == MAX_VARS) return too_many(p, "variables", MAX_VARS);
    int rc = new_name(p, query, "a variable", &name);
    if (rc) return rc;
    PivotVar *var = &query->vars[query->nvars];
    *var = (PivotVar){.name = name.text, .at = name.at, .towards = -1};
    rc = expect(p, "In", "the variable");
    if (!rc) rc = read_source(p, var, 1);
    if (!rc) rc = read_on(p, query, var);
    if (rc) return rc;
    int aggregated = var->of_query && p->pivot->queries[var->points[0].query]->aggregates;
    if (aggregated && var->npoints > 1)
        return pivot_fail(p->text, var->points[1].at, p->error,
                          "queries that aggregate cannot be united");
    const PivotVar *towards = &query->vars[var->towards];
    if (towards->of_query && p->pivot->queries[towards->points[0].query]->aggregates)
        return pivot_fail(p->text, name.at, p->error,
                          "'%.*s' aggregates: its tuples belong to no event that something could "
                          "happen before",
                          (int)towards->name.n, towards->name.p);
    query->nvars++;
    return SQLITE_OK;
}

static int read_let(Parser *p, PivotQuery *query) {
    PivotToken name;
    if (query->nlets == MAX_ITEMS) return too_many(p, "Lets", MAX_ITEMS);
    int rc = new_name(p, query, "a Let", &name);
    if (!rc) rc = expect(p, "=", "the name of a Let");
    if (rc) return rc;
    PivotLet *let = &query->lets[query->nlets];
    let->name = name.text;
    let->at = name.at;
    rc = pivot_expression(p->text, &p->at, 0, &let->expression, NULL, p->error);
    if (!rc) query->nlets++;
    return rc;
}

static int read_group(Parser *p, PivotQuery *query) {
    if (query->ngroups || query->nitems)
        return pivot_fail(p->text, p->at, p->error, "one GroupBy, and in front of Select");
    for (;;) {
        if (query->ngroups == MAX_ITEMS) return too_many(p, "keys", MAX_ITEMS);
        int rc = pivot_expression(p->text, &p->at, PIVOT_IN_LIST, &query->groups[query->ngroups],
                                  NULL, p->error);
        if (rc) return rc;
        query->ngroups++;
        if (!pivot_is(pivot_peek(p->text, p->at), ",")) return SQLITE_OK;
        pivot_lex(p->text, &p->at);
    }
}

/* `As name`, else the text of the expression, on one line. */
static int name_item(Parser *p, PivotItem *item) {
    if (pivot_is(pivot_peek(p->text, p->at), "As")) {
        pivot_lex(p->text, &p->at);
        PivotToken name = pivot_lex(p->text, &p->at);
        if (name.kind != PIVOT_WORD && name.kind != PIVOT_STRING)
            return pivot_fail(p->text, name.at, p->error,
                              "'%.*s' where the name of a column should stand", (int)name.text.n,
                              name.text.p);
        item->name = pivot_unquoted(&p->pivot->arena, name.text);
    } else {
        PythiaText text = pivot_range_text(p->pivot, item->expression);
        char *line = pythia_arena_copy(&p->pivot->arena, text.p, text.n);
        for (size_t i = 0; line && i < text.n; i++)
            if (line[i] == '\n' || line[i] == '\r' || line[i] == '\t') line[i] = ' ';
        item->name = (PythiaText){line, text.n};
    }
    return item->name.p ? SQLITE_OK : SQLITE_NOMEM;
}

static int read_select(Parser *p, PivotQuery *query) {
    if (query->nitems) return pivot_fail(p->text, p->at, p->error, "there is a Select already");
    for (;;) {
        if (query->nitems == MAX_ITEMS) return too_many(p, "columns", MAX_ITEMS);
        PivotItem *item = &query->items[query->nitems];
        int rc = pivot_expression(p->text, &p->at, PIVOT_IN_LIST | PIVOT_IN_SELECT,
                                  &item->expression, &item->aggregate, p->error);
        if (!rc) rc = name_item(p, item);
        if (rc) return rc;
        query->aggregates |= item->aggregate;
        query->nitems++;
        if (!pivot_is(pivot_peek(p->text, p->at), ",")) return SQLITE_OK;
        pivot_lex(p->text, &p->at);
    }
}

/* ---- checks of a whole query ------------------------------------------------------------------------------ */

/* Renders into nothing: every name must lead somewhere. */
static int check_names(Parser *p, PivotQuery *query, PivotRange range) {
    PivotScope scope = {.pivot = p->pivot, .query = query, .error = p->error};
    PythiaBuf nothing = {0};
    pivot_render(&scope, range, &nothing, NULL);
    int rc = nothing.rc;
    pythia_buf_clear(&nothing);
    return rc;
}

static int check_expressions(Parser *p, PivotQuery *query) {
    int rc = SQLITE_OK;
    for (int i = 0; !rc && i < query->nlets; i++) {
        int after = query->nlets; /* a Let may use those before it */
        query->nlets = i;
        rc = check_names(p, query, query->lets[i].expression);
        query->nlets = after;
    }
    for (int i = 0; !rc && i < query->nwheres; i++)
        rc = check_names(p, query, query->wheres[i]);
    for (int i = 0; !rc && i < query->ngroups; i++)
        rc = check_names(p, query, query->groups[i]);
    for (int i = 0; !rc && i < query->nitems; i++)
        rc = check_names(p, query, query->items[i].expression);
    return rc;
}

/* Whether two expressions have the same tokens. */
static int same_expression(PythiaText text, PivotRange a, PivotRange b) {
    for (;;) {
        PivotToken x = pivot_peek(text, a.from), y = pivot_peek(text, b.from);
        int x_ends = x.kind == PIVOT_END || x.at >= a.to,
            y_ends = y.kind == PIVOT_END || y.at >= b.to;
        if (x_ends || y_ends) return x_ends && y_ends;
        if (!pythia_text_equal(x.text, y.text)) return 0;
        a.from = x.at + x.text.n;
        b.from = y.at + y.text.n;
    }
}

static int check_columns(Parser *p, const PivotQuery *query) {
    for (int i = 0; i < query->nitems; i++)
        for (int k = 0; k < i; k++) {
            PythiaText a = query->items[i].name, b = query->items[k].name;
            if (a.n == b.n && sqlite3_strnicmp(a.p, b.p, (int)a.n) == 0)
                return pivot_fail(p->text, query->items[i].expression.from, p->error,
                                  "two columns have the name '%.*s': give one another by As",
                                  (int)a.n, a.p);
        }
    return SQLITE_OK;
}

static int check_groups(Parser *p, const PivotQuery *query) {
    const char *rule =
        "the keys of GroupBy come first in Select, in their order, then at least one aggregate";
    for (int i = 0; i < query->ngroups; i++) {
        if (i >= query->nitems)
            return pivot_fail(p->text, query->groups[i].from, p->error,
                              "the key '%.*s' is not in Select: %s",
                              (int)(query->groups[i].to - query->groups[i].from),
                              p->text.p + query->groups[i].from, rule);
        if (!same_expression(p->text, query->groups[i], query->items[i].expression))
            return pivot_fail(
                p->text, query->items[i].expression.from, p->error,
                "'%.*s' where the key '%.*s' should stand: %s",
                (int)(query->items[i].expression.to - query->items[i].expression.from),
                p->text.p + query->items[i].expression.from,
                (int)(query->groups[i].to - query->groups[i].from),
                p->text.p + query->groups[i].from, rule);
    }
    if (query->ngroups && query->nitems == query->ngroups)
        return pivot_fail(p->text, query->items[query->nitems - 1].expression.from, p->error,
                          "no aggregate follows the keys: %s", rule);
    for (int i = query->ngroups; query->aggregates && i < query->nitems; i++)
        if (!query->items[i].aggregate)
            return pivot_fail(
                p->text, query->items[i].expression.from, p->error,
                "'%.*s' is neither aggregated nor a key of GroupBy",
                (int)(query->items[i].expression.to - query->items[i].expression.from),
                p->text.p + query->items[i].expression.from);
    if (query->ngroups && !query->aggregates)
        return pivot_fail(p->text, query->items[query->ngroups].expression.from, p->error,
                          "no aggregate follows the keys: %s", rule);
    return SQLITE_OK;
}

/* ---- queries ------------------------------------------------------------------------------------------------ */

static int read_clauses(Parser *p, PivotQuery *query) {
    int rc = read_from(p, query);
    while (!rc) {
        PivotToken word = pivot_peek(p->text, p->at);
        if (word.kind == PIVOT_END || pivot_is(word, ";")) break;
        p->at = word.at + word.text.n;
        if (pivot_is(word, "Join")) {
            rc = read_join(p, query);
        } else if (pivot_is(word, "Let")) {
            rc = read_let(p, query);
        } else if (pivot_is(word, "Where")) {
            if (query->nwheres == MAX_ITEMS) return too_many(p, "Wheres", MAX_ITEMS);
            rc = pivot_expression(p->text, &p->at, 0, &query->wheres[query->nwheres], NULL,
                                  p->error);
            query->nwheres++;
        } else if (pivot_is(word, "GroupBy")) {
            rc = read_group(p, query);
        } else if (pivot_is(word, "Select")) {
            rc = read_select(p, query);
        } else if (pivot_is(word, "From")) {
            rc = pivot_fail(p->text, word.at, p->error, "a query has one From");
        } else {
            rc = pivot_fail(p->text, word.at, p->error,
                            "'%.*s' where Join, Let, Where, GroupBy, Select or ';' should stand",
                            (int)word.text.n, word.text.p);
        }
    }
    if (!rc) rc = check_expressions(p, query);
    if (!rc) rc = check_columns(p, query);
    if (!rc) rc = check_groups(p, query);
    return rc;
}

/* `name :` in front of a query. */
static int read_query_name(Parser *p, PivotQuery *query) {
    PivotToken name = pivot_peek(p->text, p->at);
    size_t behind = name.at + name.text.n;
    if (name.kind != PIVOT_WORD || !pivot_is(pivot_peek(p->text, behind), ":")) return SQLITE_OK;
    if (find_query(p->pivot, name.text) >= 0)
        return pivot_fail(p->text, name.at, p->error, "there is a query '%.*s' already",
                          (int)name.text.n, name.text.p);
    p->at = behind;
    query->name = name.text;
    return expect(p, ":", "the name of a query");
}

static int read_program(Parser *p) {
    for (;;) {
        if (p->pivot->nqueries == MAX_QUERIES) return too_many(p, "queries", MAX_QUERIES);
        PivotQuery *query = pythia_arena_alloc(&p->pivot->arena, sizeof *query);
        if (!query) return SQLITE_NOMEM;
        memset(query, 0, sizeof *query);
        int rc = read_query_name(p, query);
        if (!rc) rc = read_clauses(p, query);
        if (rc) return rc;
        p->pivot->queries[p->pivot->nqueries++] = query;
        PivotToken sign = pivot_lex(p->text, &p->at);
        int more = pivot_peek(p->text, p->at).kind != PIVOT_END;
        if (sign.kind == PIVOT_END || !more) return SQLITE_OK;
        if (!query->name.n)
            return pivot_fail(
                p->text, pivot_peek(p->text, p->at).at, p->error,
                "something follows the query that has no name: only the last one has none");
    }
}

int pythia_pivot_parse(PythiaText text, PythiaPivotKnown known, void *context, PythiaPivot **pivot,
                       char **error) {
    *pivot = pythia_alloc_zero(sizeof **pivot);
    if (!*pivot) return SQLITE_NOMEM;
    char *copy = pythia_arena_copy(&(*pivot)->arena, text.p, text.n);
    if (!copy) return SQLITE_NOMEM;
    (*pivot)->text = (PythiaText){copy, text.n};
    Parser parser = {.pivot = *pivot,
                     .text = (*pivot)->text,
                     .known = known,
                     .context = context,
                     .error = error};
    return read_program(&parser);
}

void pythia_pivot_free(PythiaPivot *pivot) {
    if (!pivot) return;
    pythia_arena_clear(&pivot->arena);
    pythia_free(pivot);
}

int pythia_pivot_set_schema(PythiaPivot *pivot, PythiaText schema) {
    pivot->schema = (PythiaText){NULL, 0};
    if (schema.n == 4 && sqlite3_strnicmp(schema.p, "main", 4) == 0) return SQLITE_OK;
    const char *copy = pythia_arena_copy(&pivot->arena, schema.p, schema.n);
    pivot->schema = (PythiaText){copy, schema.n};
    return copy ? SQLITE_OK : SQLITE_NOMEM;
}
