/* explain.c - a query of Pivot Tracing's language as advice, with the tuples that it would carry.
**
** A tracing system weaves advice into trace points: at each it observes what the query needs, unpacks what
** earlier advice put into the request's baggage, filters, and packs for later advice or emits. The plan is read
** from the query: a variable's advice comes before that of the variable it happened before; a condition stands
** at the last variable it names; what is packed is what later expressions need of it, aggregated where the
** rewritten form aggregates below the join.
**
** Each place has a SELECT that counts its tuples in the traces at hand, so that what a query would cost in a
** running system is known before it runs there: observed, unpacked (joined to one that came later), packed
** (distinct ones that something unpacks), joined in all, emitted (rows after each process has aggregated its
** own), and the rows of the answer. `most` is the largest number at one event. */
#include "ext/pivot/internal.h"

enum { MAX_STEPS = 1024 };

typedef struct Explainer {
    PythiaPivot *pivot;
    const PivotQuery *query;
    int advice;
    PythiaText tracepoint;
    char **error;
    int rc;
} Explainer;

/* ---- texts ------------------------------------------------------------------------------------------ */

/* Hands a buffer's text over to the arena. */
static PythiaText keep(Explainer *x, PythiaBuf *text) {
    PythiaText kept = {NULL, text->n};
    if (!x->rc) x->rc = text->rc;
    if (!x->rc)
        kept.p = pythia_arena_copy(&x->pivot->arena, text->n ? (char *)text->data : "", text->n);
    if (!x->rc && !kept.p) x->rc = SQLITE_NOMEM;
    pythia_buf_clear(text);
    if (x->rc) kept = (PythiaText){NULL, 0};
    return kept;
}

static void step(Explainer *x, const char *operation, PythiaText detail, PythiaText count) {
    PythiaPivot *pivot = x->pivot;
    if (x->rc) return;
    if (pivot->nsteps == MAX_STEPS) {
        x->rc = pythia_fail(x->error, SQLITE_ERROR, "the query has more than %d steps", MAX_STEPS);
        return;
    }
    pivot->steps[pivot->nsteps++] = (PythiaPivotStep){.advice = x->advice,
                                                      .tracepoint = x->tracepoint,
                                                      .operation = operation,
                                                      .detail = detail,
                                                      .count = count};
}

static PythiaText tracepoints(Explainer *x, const PivotVar *var) {
    static const char *const phases[] = {"", "@start", "@end", "@point", "@any"};
    PythiaBuf text = {0};
    for (int i = 0; i < var->npoints; i++) {
        if (i) pythia_buf_str(&text, ", ");
        pythia_buf_text(&text, var->points[i].name);
        pythia_buf_str(&text, phases[var->points[i].phase]);
    }
    return keep(x, &text);
}

/* Whether a list of names, ", " between them, has this one. */
static int listed(const PythiaBuf *list, PythiaText name) {
    for (size_t at = 0; at < list->n;) {
        size_t end = at;
        while (end < list->n && list->data[end] != ',')
            end++;
        if (end - at == name.n && memcmp(list->data + at, name.p, name.n) == 0) return 1;
        at = end + 2;
    }
    return 0;
}

/* Appends `var.name` for everything that an expression takes of the variable. */
static void add_fields(Explainer *x, PivotRange range, int which, PythiaBuf *list) {
    PythiaText text = x->pivot->text;
    for (size_t at = range.from; at < range.to;) {
        PivotToken word = pivot_lex(text, &at);
        if (word.kind == PIVOT_END || word.at >= range.to) return;
        if (word.kind != PIVOT_WORD) continue;
        size_t end = at;
        while (pivot_is(pivot_peek(text, at), ".")) {
            pivot_lex(text, &at);
            pivot_lex(text, &at);
            end = at;
        }
        /* What a Let takes was counted with the Let. */
        if (pivot_find_var(x->query, word.text) != which) continue;
        PythiaText name = {word.text.p, end - word.at};
        if (listed(list, name)) continue;
        if (list->n) pythia_buf_str(list, ", ");
        pythia_buf_text(list, name);
    }
}

static PythiaText fields(Explainer *x, int which) {
    PythiaBuf list = {0};
    const PivotQuery *q = x->query;
    for (int i = 0; i < q->nlets; i++)
        add_fields(x, q->lets[i].expression, which, &list);
    for (int i = 0; i < q->nwheres; i++)
        add_fields(x, q->wheres[i], which, &list);
    for (int i = 0; i < q->ngroups; i++)
        add_fields(x, q->groups[i], which, &list);
    for (int i = 0; i < q->nitems; i++)
        add_fields(x, q->items[i].expression, which, &list);
    return keep(x, &list);
}

/* ---- counts --------------------------------------------------------------------------------------------- */

static PythiaText count_observed(Explainer *x, int which) {
    PythiaBuf sql = {0};
    pivot_write_with(x->pivot, 0, &sql, x->error);
    pythia_buf_str(&sql, "SELECT count(*), NULL FROM ");
    pivot_write_source(x->pivot, x->query, which, &sql);
    return keep(x, &sql);
}

/* Tuples that are unpacked, or (packed) the distinct ones among them. */
static PythiaText count_pairs(Explainer *x, int which, int packed) {
    PythiaBuf sql = {0};
    const PivotVar *var = &x->query->vars[which];
    int has_event = !(var->of_query && x->pivot->queries[var->points[0].query]->aggregates);
    pivot_write_with(x->pivot, 0, &sql, x->error);
    if (packed && has_event) {
        pythia_buf_str(&sql,
                       "SELECT count(DISTINCT tuple), max(n) FROM (SELECT tuple, count(*) OVER "
                       "(PARTITION BY later) AS n FROM (SELECT \"->\".event_id AS later, ");
        pivot_identifier(&sql, var->name);
        pythia_buf_str(&sql, ".event_id AS tuple");
        pivot_write_pair(x->pivot, x->query, which, &sql, x->error);
        pythia_buf_str(&sql, "))");
    } else {
        pythia_buf_str(&sql, "SELECT coalesce(sum(n), 0), max(n) FROM (SELECT count(*) AS n");
        pivot_write_pair(x->pivot, x->query, which, &sql, x->error);
        pythia_buf_str(&sql, " GROUP BY \"->\".event_id)");
    }
    return keep(x, &sql);
}

static PythiaText count_joined(Explainer *x, int emitted) {
    PythiaBuf sql = {0};
    pivot_write_with(x->pivot, 0, &sql, x->error);
    pythia_buf_str(&sql, emitted && x->query->aggregates
                             ? "SELECT count(*), NULL FROM (SELECT DISTINCT * FROM ("
                             : "SELECT count(*), NULL FROM ((");
    pivot_write_tuples(x->pivot, x->query, &sql, x->error);
    pythia_buf_str(&sql, "))");
    return keep(x, &sql);
}

/* ---- advice ----------------------------------------------------------------------------------------------- */

/* The variable at whose advice an expression can be judged: the latest one that it names. */
static int place_of(Explainer *x, PivotRange range) {
    uint32_t vars = 0;
    int rc = pivot_vars_of(x->pivot, x->query, range, &vars);
    if (rc && !x->rc) x->rc = rc;
    return vars ? __builtin_ctz(vars) : 0;
}

static PythiaText let_text(Explainer *x, const PivotLet *let) {
    PythiaBuf text = {0};
    pythia_buf_text(&text, let->name);
    pythia_buf_str(&text, " = ");
    pythia_buf_text(&text, pivot_range_text(x->pivot, let->expression));
    return keep(x, &text);
}

static const char *pack_name(const PivotVar *var, int aggregated) {
    if (var->filter == PIVOT_FIRST) return var->n ? "PACK-FIRSTN" : "PACK-FIRST";
    if (var->filter == PIVOT_RECENT) return var->n ? "PACK-RECENTN" : "PACK-RECENT";
    return aggregated ? "PACK-AGGREGATE" : "PACK";
}

/* What is packed of a variable for the one it happened before. */
static void explain_pack(Explainer *x, int which) {
    const PivotVar *var = &x->query->vars[which];
    int can = 0;
    int rc = pivot_can_pack(x->pivot, x->query, which, &can);
    if (rc && !x->rc) x->rc = rc;
    PythiaText detail = fields(x, which);
    if (var->n && !x->rc) {
        PythiaBuf text = {0};
        pythia_buf_format(&text, "%d: ", var->n);
        pythia_buf_text(&text, detail);
        detail = keep(x, &text);
    }
    step(x, pack_name(var, can), detail, count_pairs(x, which, 1));
}

static void explain_emit(Explainer *x, int last) {
    PythiaBuf list = {0};
    for (int i = 0; i < x->query->nitems; i++) {
        if (i) pythia_buf_str(&list, ", ");
        pythia_buf_text(&list, pivot_range_text(x->pivot, x->query->items[i].expression));
    }
    PythiaText detail = keep(x, &list);
    if (x->query->nvars > 1) step(x, "JOIN", (PythiaText){"", 0}, count_joined(x, 0));
    step(x, last ? "EMIT" : "PACK", detail, count_joined(x, 1));
}

static void explain_var(Explainer *x, int which, int last) {
    const PivotQuery *query = x->query;
    const PivotVar *var = &query->vars[which];
    if (var->of_query && which) return; /* its advice is that of the query, which came before */
    x->advice++;
    x->tracepoint = tracepoints(x, var);
    step(x, "OBSERVE", fields(x, which), count_observed(x, which));
    for (int v = 1; v < query->nvars; v++)
        if (query->vars[v].towards == which) step(x, "UNPACK", fields(x, v), count_pairs(x, v, 0));
    for (int i = 0; i < query->nlets; i++)
        if (place_of(x, query->lets[i].expression) == which)
            step(x, "LET", let_text(x, &query->lets[i]), (PythiaText){0});
    for (int i = 0; i < query->nwheres; i++)
        if (place_of(x, query->wheres[i]) == which)
            step(x, "WHERE", pivot_range_text(x->pivot, query->wheres[i]), (PythiaText){0});
    if (which)
        explain_pack(x, which);
    else
        explain_emit(x, last);
}

int pythia_pivot_explain(PythiaPivot *pivot, const PythiaPivotStep **steps, int *n, char **error) {
    Explainer x = {.pivot = pivot, .error = error};
    uint32_t set = pivot_needed(pivot);
    pivot->steps = pythia_arena_alloc(&pivot->arena, MAX_STEPS * sizeof *pivot->steps);
    if (!pivot->steps) return SQLITE_NOMEM;
    pivot->nsteps = 0;
    for (int q = 0; q < pivot->nqueries && !x.rc; q++) {
        if (!(set >> q & 1)) continue;
        x.query = pivot->queries[q];
        for (int v = x.query->nvars - 1; v >= 0 && !x.rc; v--)
            explain_var(&x, v, q == pivot->nqueries - 1);
    }
    PythiaBuf result = {0};
    x.tracepoint = (PythiaText){"", 0};
    pythia_pivot_sql(pivot, 1, &result, error);
    PythiaText rewritten = keep(&x, &result);
    pythia_buf_str(&result, "SELECT count(*), NULL FROM (");
    if (!x.rc) pythia_buf_text(&result, rewritten);
    pythia_buf_str(&result, ")");
    step(&x, "RESULT", rewritten, keep(&x, &result));
    *steps = pivot->steps;
    *n = pivot->nsteps;
    return x.rc;
}
