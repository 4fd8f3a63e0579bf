/* compile.c - a query of Pivot Tracing's language as SQL over pythia_events.
**
** A variable is a row of pythia_events; `Join d In X On d -> e` is the happened-before join
**
**     JOIN pythia_events AS d ON d.happens_before = e.event_id AND d.hb_tracepoint = 'X'
**
** and First and MostRecent are its hb_filter, so that they choose among all events of X before e, whatever
** Where says afterwards. A trace point that is a span stands for its start unless @phase says otherwise: an
** invocation is one tuple.
**
** A query that is named by another becomes a common table expression with the event of its From variable;
** what joins it asks pythia_events which of these events came before. A query that aggregates has no event:
** it is computed for every event that it is joined to, over the tuples that happened before ("->" is that
** event).
**
** The rewritten form aggregates a joined trace point p below the join. It is the paper's table 3: with the number n
** of p's tuples that one later event and one value of p's keys have, COUNT becomes SUM(n), SUM(p.x) the sum of
** partial sums, SUM(q.x) becomes SUM(q.x * n), MIN and MAX stay. That holds only for a p without filter, that
** nothing else is joined to, and that no expression mixes with another variable. */
#include "ext/pivot/internal.h"

static int aggregates(const PivotWriter *w, const PivotVar *var) {
    return var->of_query && pivot_query_of(w, var)->aggregates;
}

/* ---- joins ---------------------------------------------------------------------------------------------- */

/* The tables of the attributes that expressions unfolded, of the variables in `of`. */
static void put_attributes(PivotWriter *w, const PivotScope *scope, uint32_t of) {
    for (int i = 0; i < scope->nattributes; i++) {
        const PivotAttribute *a = &scope->attributes[i];
        if (!(of >> a->var & 1)) continue;
        PythiaBuf path = {0};
        pythia_buf_str(&path, "$.\"");
        pythia_buf_text(&path, a->key);
        pythia_buf_byte(&path, '"');
        if (path.rc && !w->sql->rc) w->sql->rc = path.rc;
        pivot_put(w, "\n  JOIN json_each(coalesce(");
        pivot_identifier(w->sql, scope->query->vars[a->var].name);
        pivot_put(w, ".attributes -> ");
        pivot_literal(w->sql, (PythiaText){(const char *)path.data, path.n});
        pivot_put(w, ", 'null')) AS ");
        pivot_identifier(w->sql, a->alias);
        pythia_buf_clear(&path);
    }
}

static void put_where_begin(PivotWriter *w, int *conditions) {
    pivot_put(w, *conditions ? "\n    AND " : "\n WHERE ");
    *conditions = 1;
}

/* ---- one query ---------------------------------------------------------------------------------------------- */

/* What a SELECT is for. */
typedef enum Purpose {
    FOR_ROWS,  /* the rows of the program */
    FOR_EVENT, /* a common table expression with event_id */
    FOR_LATER  /* computed for every event of an outer variable that it happened before */
} Purpose;

static void write_query(PivotWriter *w, const PivotQuery *query, Purpose purpose,
                        const PivotVar *later);

/* JOIN (...) AS v ON v."->" = towards.event_id, for what is aggregated below the join. */
static void put_aggregated_end(PivotWriter *w, const PivotVar *var, PythiaText towards) {
    pivot_put(w, ") AS ");
    pivot_identifier(w->sql, var->name);
    pivot_put(w, " ON ");
    pivot_identifier(w->sql, var->name);
    pivot_put(w, ".\"->\" = ");
    pivot_identifier(w->sql, towards);
    pivot_put(w, ".event_id");
}

/* The events of an outer variable, each once, as "->". */
static void put_later_source(PivotWriter *w, const PivotVar *later) {
    if (later->of_query) {
        pivot_put(w, "\n  FROM (SELECT DISTINCT event_id FROM ");
        pivot_put_table(w, later);
        pivot_put(w, ") AS \"->\"");
    } else {
        pivot_put(w, "\n  FROM pythia_events AS \"->\"");
    }
}

/* Names of the columns that hold what is packed of item i. */
static void put_packed_name(PivotWriter *w, const char *prefix, int item) {
    pythia_buf_format(w->sql, "\"%s%d\"", prefix, item + 1);
}

static int is_call(PythiaText function, const char *name) {
    return function.n == strlen(name) && sqlite3_strnicmp(function.p, name, (int)function.n) == 0;
}
static int is_average(PythiaText function) {
    return is_call(function, "avg") || is_call(function, "average");
}

/* `SELECT` of a packed variable: "->", its keys, n, and partial aggregates of those items that are its own. */
static void put_packed(PivotWriter *w, const PivotQuery *query, int which) {
    const PivotVar *var = &query->vars[which], *later = &query->vars[var->towards];
    PivotScope scope = {.pivot = w->pivot, .query = query, .error = w->error};
    PythiaText arrow = PYTHIA_TEXT("->");
    int conditions = 0;
    pivot_put(w, "\n  JOIN (SELECT \"->\".event_id AS \"->\", count(*) AS \"n\"");
    for (int i = 0; i < query->nitems && !w->sql->rc; i++) {
        PythiaText function = {0};
        PivotRange argument = query->items[i].expression;
        uint32_t vars;
        if (query->items[i].aggregate) pivot_single_call(w->pivot, argument, &function, &argument);
        int rc = pivot_vars_of(w->pivot, query, argument, &vars);
        if (rc && !w->sql->rc) w->sql->rc = rc;
        if (vars != UINT32_C(1) << which) continue;
        pivot_put(w, ", ");
        if (query->items[i].aggregate) {
            if (is_average(function)) {
                pivot_put(w, "count(");
                pivot_render(&scope, argument, w->sql, NULL);
                pivot_put(w, ") AS ");
                put_packed_name(w, "c", i);
                pivot_put(w, ", ");
                function = PYTHIA_TEXT("sum");
            }
            pythia_buf_text(w->sql, function);
            pivot_put(w, "(");
            pivot_render(&scope, argument, w->sql, NULL);
            pivot_put(w, ") AS ");
            put_packed_name(w, "s", i);
        } else {
            pivot_render(&scope, argument, w->sql, NULL);
            pivot_put(w, " AS ");
            put_packed_name(w, "k", i);
        }
    }
    PythiaBuf where = {0}, *sql = w->sql;
    PivotWriter aside = *w; /* before FROM is written: it unfolds attributes, too */
    aside.sql = &where;
    if (!later->of_query) {
        put_where_begin(&aside, &conditions);
        pivot_put_points(&aside, arrow, later);
    }
    for (int i = 0; i < query->nwheres && !where.rc; i++) {
        uint32_t vars;
        int rc = pivot_vars_of(w->pivot, query, query->wheres[i], &vars);
        if (rc && !where.rc) where.rc = rc;
        if (vars != UINT32_C(1) << which) continue;
        put_where_begin(&aside, &conditions);
        pivot_put(&aside, "(");
        pivot_render(&scope, query->wheres[i], &where, NULL);
        pivot_put(&aside, ")");
    }
    put_later_source(w, later);
    pivot_put_event_join(w, var, arrow);
    put_attributes(w, &scope, UINT32_MAX);
    if (where.rc && !sql->rc) sql->rc = where.rc;
    pythia_buf_bytes(sql, where.data, where.n);
    pythia_buf_clear(&where);
    pivot_put(w, "\n GROUP BY 1");
    for (int i = 0; i < query->ngroups; i++) {
        uint32_t vars; /* keys by name: partial aggregates lie between them */
        int rc = pivot_vars_of(w->pivot, query, query->items[i].expression, &vars);
        if (rc && !sql->rc) sql->rc = rc;
        if (vars != UINT32_C(1) << which) continue;
        pivot_put(w, ", ");
        put_packed_name(w, "k", i);
    }
    put_aggregated_end(w, var, query->vars[var->towards].name);
}

/* The product of the multiplicities of the packed variables but one. */
static void put_weight(PivotWriter *w, const PivotQuery *query, int without) {
    int n = 0;
    for (int v = 0; v < query->nvars; v++) {
        if (!(w->packed >> v & 1) || v == without) continue;
        if (n++) pivot_put(w, " * ");
        pivot_identifier(w->sql, query->vars[v].name);
        pivot_put(w, ".\"n\"");
    }
    if (!n) pivot_put(w, "1");
}

static int lowest(uint32_t set) {
    return set ? __builtin_ctz(set) : -1;
}

/* sum(<what>.<column> * weight) of what is packed. */
static void put_packed_sum(PivotWriter *w, const PivotQuery *query, int var, const char *prefix,
                           int item) {
    pivot_put(w, "sum(");
    pivot_identifier(w->sql, query->vars[var].name);
    pivot_put(w, ".");
    put_packed_name(w, prefix, item);
    pivot_put(w, " * ");
    put_weight(w, query, var);
    pivot_put(w, ")");
}

/* sum(CASE WHEN argument IS NOT NULL THEN weight END), 0 where there is none. */
static void put_weighted_count(PivotWriter *w, PivotScope *scope, PivotRange argument) {
    pivot_put(w, "sum(CASE WHEN (");
    pivot_render(scope, argument, w->sql, NULL);
    pivot_put(w, ") IS NOT NULL THEN ");
    put_weight(w, scope->query, -1);
    pivot_put(w, " ELSE 0 END)");
}

/* An item of a rewritten query. */
static void put_combined(PivotWriter *w, PivotScope *scope, int item) {
    const PivotQuery *query = scope->query;
    PivotRange argument = query->items[item].expression;
    PythiaText function = {0};
    uint32_t vars;
    if (query->items[item].aggregate) pivot_single_call(w->pivot, argument, &function, &argument);
    int rc = pivot_vars_of(w->pivot, query, argument, &vars);
    if (rc && !w->sql->rc) w->sql->rc = rc;
    int var = vars & w->packed ? lowest(vars) : -1; /* such an expression names no other variable */
    int empty =
        argument.from == argument.to || pivot_is(pivot_peek(w->pivot->text, argument.from), "*");
    if (!query->items[item].aggregate) {
        if (var < 0) {
            pivot_render(scope, argument, w->sql, NULL);
            return;
        }
        pivot_identifier(w->sql, query->vars[var].name);
        pivot_put(w, ".");
        put_packed_name(w, "k", item);
    } else if (is_call(function, "count")) {
        pivot_put(w, "coalesce(");
        if (empty) {
            pivot_put(w, "sum(");
            put_weight(w, query, -1);
            pivot_put(w, ")");
        } else if (var >= 0) {
            put_packed_sum(w, query, var, "s", item);
        } else {
            put_weighted_count(w, scope, argument);
        }
        pivot_put(w, ", 0)");
    } else if (is_call(function, "sum") || is_average(function)) {
        if (var >= 0) {
            put_packed_sum(w, query, var, "s", item);
        } else {
            pivot_put(w, "sum((");
            pivot_render(scope, argument, w->sql, NULL);
            pivot_put(w, ") * ");
            put_weight(w, query, -1);
            pivot_put(w, ")");
        }
        if (is_average(function)) {
            pivot_put(w, " * 1.0 / ");
            if (var >= 0)
                put_packed_sum(w, query, var, "c", item);
            else
                put_weighted_count(w, scope, argument);
        }
    } else { /* min, max */
        pythia_buf_text(w->sql, function);
        pivot_put(w, "(");
        if (var >= 0) {
            pivot_identifier(w->sql, query->vars[var].name);
            pivot_put(w, ".");
            put_packed_name(w, "s", item);
        } else {
            pivot_render(scope, argument, w->sql, NULL);
        }
        pivot_put(w, ")");
    }
}

/* ---- what can be aggregated below the join ------------------------------------------------------------------- */

/* Whether an expression names the variable alone or not at all. */
static int apart(PivotWriter *w, const PivotQuery *query, PivotRange range, int which, int *rc) {
    uint32_t vars = 0, bit = UINT32_C(1) << which;
    if (!*rc) *rc = pivot_vars_of(w->pivot, query, range, &vars);
    return !*rc && (!(vars & bit) || vars == bit);
}

static int packable_item(PivotWriter *w, const PivotQuery *query, int item, int which, int *rc) {
    static const char *const functions[] = {"count", "sum", "min", "max", "avg", "average"};
    PivotRange argument = query->items[item].expression;
    PythiaText function;
    if (!query->items[item].aggregate) return apart(w, query, argument, which, rc);
    if (!pivot_single_call(w->pivot, argument, &function, &argument)) return 0;
    int known = 0;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        known |= is_call(function, functions[i]);
    if (!known || pivot_is(pivot_peek(w->pivot->text, argument.from), "distinct")) return 0;
    return apart(w, query, argument, which, rc);
}

static int packable(PivotWriter *w, const PivotQuery *query, int which, int *rc) {
    const PivotVar *var = &query->vars[which];
    if (which == 0 || var->of_query || var->filter || !query->aggregates) return 0;
    for (int v = 0; v < query->nvars; v++)
        if (query->vars[v].towards == which) return 0;
    for (int i = 0; i < query->nwheres; i++)
        if (!apart(w, query, query->wheres[i], which, rc)) return 0;
    for (int i = 0; i < query->nitems; i++)
        if (!packable_item(w, query, i, which, rc)) return 0;
    return 1;
}

/* ---- SELECT ------------------------------------------------------------------------------------------------------ */

static void put_items(PivotWriter *w, PivotScope *scope, Purpose purpose) {
    const PivotQuery *query = scope->query;
    int n = 0;
    if (purpose == FOR_EVENT) {
        pivot_identifier(w->sql, query->vars[0].name);
        pivot_put(w, ".event_id AS event_id");
        n++;
    } else if (purpose == FOR_LATER) {
        pivot_put(w, "\"->\".event_id AS \"->\"");
        n++;
    }
    for (int i = 0; i < query->nitems; i++) {
        if (n++) pivot_put(w, ", ");
        if (w->packed)
            put_combined(w, scope, i);
        else
            pivot_render(scope, query->items[i].expression, w->sql, NULL);
        pivot_put(w, " AS ");
        pivot_identifier(w->sql, query->items[i].name);
    }
    for (int v = 0; v < query->nvars && !query->nitems && purpose == FOR_ROWS; v++) {
        /* Without Select: what there is to see. */
        static const char *const shown[] = {"trace_id", "event_id", "tracepoint", "time_ns",
                                            "attributes"};
        for (size_t k = 0; k < sizeof shown / sizeof shown[0]; k++) {
            if (query->vars[v].of_query && k != 1) continue;
            if (v && k == 0) continue; /* one trace for all */
            if (n++) pivot_put(w, ", ");
            pivot_identifier(w->sql, query->vars[v].name);
            pythia_buf_format(w->sql, ".%s AS \"%.*s.%s\"", shown[k], (int)query->vars[v].name.n,
                              query->vars[v].name.p, shown[k]);
        }
    }
}

static void put_joins(PivotWriter *w, const PivotQuery *query, Purpose purpose,
                      const PivotVar *later) {
    const PivotVar *first = &query->vars[0];
    if (purpose == FOR_LATER) {
        put_later_source(w, later);
        pivot_put_event_join(w, first, PYTHIA_TEXT("->"));
    } else {
        pivot_put(w, "\n  FROM ");
        pivot_put_table(w, first);
        pivot_put(w, " AS ");
        pivot_identifier(w->sql, first->name);
    }
    for (int v = 1; v < query->nvars; v++) {
        const PivotVar *var = &query->vars[v], *towards = &query->vars[var->towards];
        if (w->packed >> v & 1) {
            put_packed(w, query, v);
        } else if (aggregates(w, var)) {
            PivotWriter inner = *w;
            pivot_put(w, "\n  JOIN (");
            write_query(&inner, pivot_query_of(w, var), FOR_LATER, towards);
            put_aggregated_end(w, var, towards->name);
        } else {
            pivot_put_event_join(w, var, towards->name);
        }
    }
}

/* FROM, JOINs and WHERE. What else the SELECT unfolds must be in the scope before. */
static void write_body(PivotWriter *w, PivotScope *scope, Purpose purpose, const PivotVar *later) {
    const PivotQuery *query = scope->query;
    PythiaBuf where = {0}, *sql = w->sql;
    PivotWriter aside = *w;
    int conditions = 0;
    aside.sql = &where;
    if (purpose == FOR_LATER && !later->of_query) {
        put_where_begin(&aside, &conditions);
        pivot_put_points(&aside, PYTHIA_TEXT("->"), later);
    }
    if (purpose != FOR_LATER && !query->vars[0].of_query) {
        put_where_begin(&aside, &conditions);
        pivot_put_points(&aside, query->vars[0].name, &query->vars[0]);
    }
    for (int i = 0; i < query->nwheres; i++) {
        uint32_t vars = 0;
        int rc = w->packed ? pivot_vars_of(w->pivot, query, query->wheres[i], &vars) : SQLITE_OK;
        if (rc && !where.rc) where.rc = rc;
        if (vars & w->packed) continue; /* below the join */
        put_where_begin(&aside, &conditions);
        pivot_put(&aside, "(");
        pivot_render(scope, query->wheres[i], &where, NULL);
        pivot_put(&aside, ")");
    }
    if (where.rc && !sql->rc) sql->rc = where.rc;
    put_joins(w, query, purpose, later);
    put_attributes(w, scope, ~w->packed);
    pythia_buf_bytes(sql, where.data, where.n);
    pythia_buf_clear(&where);
}

/* Appends one SELECT. */
static void write_query(PivotWriter *w, const PivotQuery *query, Purpose purpose,
                        const PivotVar *later) {
    PivotScope scope = {.pivot = w->pivot, .query = query, .error = w->error};
    /* Queries inside queries end, because each names earlier ones only; their number may double each time. */
    if (w->sql->n > MAX_SQL && !w->sql->rc)
        w->sql->rc = pythia_fail(w->error, SQLITE_ERROR, "the query becomes too long in SQL");
    if (w->sql->rc) return;
    w->packed = 0;
    for (int v = 0; v < query->nvars && w->rewritten; v++) {
        int rc = SQLITE_OK;
        if (packable(w, query, v, &rc)) w->packed |= UINT32_C(1) << v;
        if (rc && !w->sql->rc) w->sql->rc = rc;
    }
    pivot_put(w, "SELECT ");
    put_items(w, &scope, purpose);
    write_body(w, &scope, purpose, later);
    int keys = query->ngroups + (purpose == FOR_LATER);
    for (int i = 0; i < keys; i++)
        pythia_buf_format(w->sql, "%s%d", i ? ", " : "\n GROUP BY ", i + 1);
}

/* The queries that the last one needs, itself included. */
uint32_t pivot_needed(const PythiaPivot *pivot) {
    uint32_t set = UINT32_C(1) << (pivot->nqueries - 1);
    for (int q = pivot->nqueries - 1; q >= 0; q--) {
        if (!(set >> q & 1)) continue;
        const PivotQuery *query = pivot->queries[q];
        for (int v = 0; v < query->nvars; v++)
            for (int i = 0; i < query->vars[v].npoints; i++)
                if (query->vars[v].of_query) set |= UINT32_C(1) << query->vars[v].points[i].query;
    }
    return set;
}

void pivot_write_with(PythiaPivot *pivot, int rewritten, PythiaBuf *sql, char **error) {
    uint32_t set = pivot_needed(pivot);
    int n = 0;
    for (int q = 0; q + 1 < pivot->nqueries; q++) {
        if (!(set >> q & 1) || pivot->queries[q]->aggregates) continue;
        PivotWriter w = {.pivot = pivot, .sql = sql, .error = error, .rewritten = rewritten};
        pivot_put(&w, n++ ? ",\n" : "WITH ");
        pivot_identifier(sql, pivot->queries[q]->name);
        pivot_put(&w, " AS MATERIALIZED (");
        write_query(&w, pivot->queries[q], FOR_EVENT, NULL);
        pivot_put(&w, ")");
    }
    if (n) pythia_buf_str(sql, "\n");
}

int pythia_pivot_sql(PythiaPivot *pivot, int rewritten, PythiaBuf *sql, char **error) {
    PivotWriter w = {.pivot = pivot, .sql = sql, .error = error, .rewritten = rewritten};
    pivot_write_with(pivot, rewritten, sql, error);
    write_query(&w, pivot->queries[pivot->nqueries - 1], FOR_ROWS, NULL);
    return sql->rc;
}

int pivot_can_pack(PythiaPivot *pivot, const PivotQuery *query, int which, int *can) {
    PivotWriter w = {.pivot = pivot};
    int rc = SQLITE_OK;
    *can = packable(&w, query, which, &rc);
    return rc;
}

void pivot_write_source(PythiaPivot *pivot, const PivotQuery *query, int which, PythiaBuf *sql) {
    PivotWriter w = {.pivot = pivot, .sql = sql};
    const PivotVar *var = &query->vars[which];
    pivot_put_table(&w, var);
    pivot_put(&w, " AS ");
    pivot_identifier(sql, var->name);
    if (var->of_query) return;
    pivot_put(&w, " WHERE ");
    pivot_put_points(&w, var->name, var);
}

void pivot_write_pair(PythiaPivot *pivot, const PivotQuery *query, int which, PythiaBuf *sql,
                      char **error) {
    PivotWriter w = {.pivot = pivot, .sql = sql, .error = error};
    const PivotVar *var = &query->vars[which], *later = &query->vars[var->towards];
    int conditions = 0;
    put_later_source(&w, later);
    if (aggregates(&w, var)) {
        pivot_put(&w, "\n  JOIN (");
        write_query(&w, pivot_query_of(&w, var), FOR_LATER, later);
        put_aggregated_end(&w, var, PYTHIA_TEXT("->"));
    } else {
        pivot_put_event_join(&w, var, PYTHIA_TEXT("->"));
    }
    if (later->of_query) return;
    put_where_begin(&w, &conditions);
    pivot_put_points(&w, PYTHIA_TEXT("->"), later);
}

void pivot_write_tuples(PythiaPivot *pivot, const PivotQuery *query, PythiaBuf *sql, char **error) {
    PivotWriter w = {.pivot = pivot, .sql = sql, .error = error};
    PivotScope scope = {.pivot = pivot, .query = query, .error = error};
    PythiaBuf unused = {0};
    for (int i = query->ngroups; i < query->nitems; i++) /* what Select unfolds */
        pivot_render(&scope, query->items[i].expression, &unused, NULL);
    if (unused.rc && !sql->rc) sql->rc = unused.rc;
    pythia_buf_clear(&unused);
    pivot_put(&w, "SELECT ");
    pivot_identifier(sql, query->vars[0].name);
    pivot_put(&w, query->vars[0].of_query ? ".event_id AS process" : ".instance AS process");
    for (int i = 0; i < query->ngroups; i++) {
        pivot_put(&w, ", ");
        pivot_render(&scope, query->groups[i], sql, NULL);
        pythia_buf_format(sql, " AS key%d", i + 1);
    }
    write_body(&w, &scope, FOR_ROWS, NULL);
}
