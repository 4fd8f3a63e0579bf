/* source.c - where the rows of a variable come from: pythia_events, or queries, alone or joined to what they happened
** before (compile.c says what a join is). */
#include "ext/pivot/internal.h"

void pivot_put(PivotWriter *w, const char *text) {
    pythia_buf_str(w->sql, text);
}

const PivotQuery *pivot_query_of(const PivotWriter *w, const PivotVar *var) {
    return w->pivot->queries[var->points[0].query];
}

/* ---- sources ------------------------------------------------------------------------------------------ */

/* The phases that a trace point stands for, as a list for hb_phase; NULL: all. */
static const char *phases_of(PivotPhase phase) {
    static const char *const lists[] = {"start,point", "start", "end", "point", NULL};
    return lists[phase];
}

/* AND alias.schema = '...', where that is not main. */
static void put_schema(PivotWriter *w, PythiaText alias) {
    if (!w->pivot->schema.n) return;
    pivot_put(w, " AND ");
    pivot_identifier(w->sql, alias);
    pivot_put(w, ".schema = ");
    pivot_literal(w->sql, w->pivot->schema);
}

static void put_phase(PivotWriter *w, PythiaText alias, PivotPhase phase) {
    if (phase == PIVOT_ANY) return;
    pivot_put(w, " AND ");
    pivot_identifier(w->sql, alias);
    if (phase == PIVOT_BEGIN)
        pivot_put(w, ".phase <> 'end'");
    else
        pythia_buf_format(w->sql, ".phase = '%s'", phases_of(phase));
}

static int one_phase(const PivotVar *var) {
    for (int i = 1; i < var->npoints; i++)
        if (var->points[i].phase != var->points[0].phase) return 0;
    return 1;
}

static int any_glob(const PivotVar *var) {
    for (int i = 0; i < var->npoints; i++)
        if (var->points[i].glob) return 1;
    return 0;
}

/* Which events are those of a trace point variable, whatever the schema. */
static void put_names(PivotWriter *w, PythiaText alias, const PivotVar *var) {
    int list = var->npoints > 1 && one_phase(var) && !any_glob(var);
    if (list) {
        pivot_identifier(w->sql, alias);
        pivot_put(w, ".tracepoint IN (");
    } else if (var->npoints > 1) {
        pivot_put(w, "(");
    }
    for (int i = 0; i < var->npoints; i++) {
        const PivotPoint *point = &var->points[i];
        if (list) {
            if (i) pivot_put(w, ", ");
            pivot_literal(w->sql, point->name);
            continue;
        }
        if (i) pivot_put(w, " OR ");
        pivot_identifier(w->sql, alias);
        pivot_put(w, point->glob ? ".tracepoint GLOB " : ".tracepoint = ");
        pivot_literal(w->sql, point->name);
        put_phase(w, alias, point->phase);
    }
    if (var->npoints > 1) pivot_put(w, ")");
    if (list) put_phase(w, alias, var->points[0].phase);
}

void pivot_put_points(PivotWriter *w, PythiaText alias, const PivotVar *var) {
    put_names(w, alias, var);
    put_schema(w, alias);
}

/* The name, or all names, a line each, for hb_tracepoint. */
static void put_hb_tracepoint(PivotWriter *w, const PivotVar *var) {
    for (int i = 0; i < var->npoints; i++) {
        if (i) pivot_put(w, " || char(10) || ");
        pivot_literal(w->sql, var->points[i].name);
    }
}

/* One of the queries that are united, with all columns of all of them. */
static void put_united(PivotWriter *w, const PivotVar *var, int which) {
    const PivotQuery *own = w->pivot->queries[var->points[which].query];
    pivot_put(w, "SELECT event_id");
    for (int q = 0; q < var->npoints; q++) {
        const PivotQuery *other = w->pivot->queries[var->points[q].query];
        for (int i = 0; i < other->nitems; i++) {
            int seen = 0;
            for (int before = 0; before < q && !seen; before++) {
                const PivotQuery *earlier = w->pivot->queries[var->points[before].query];
                for (int k = 0; k < earlier->nitems && !seen; k++)
                    seen = pythia_text_equal(earlier->items[k].name, other->items[i].name);
            }
            if (seen) continue;
            int has = 0;
            for (int k = 0; k < own->nitems && !has; k++)
                has = pythia_text_equal(own->items[k].name, other->items[i].name);
            pivot_put(w, has ? ", " : ", NULL AS ");
            pivot_identifier(w->sql, other->items[i].name);
        }
    }
    pivot_put(w, " FROM ");
    pivot_identifier(w->sql, own->name);
}

/* The table that a variable's rows come from: pythia_events or queries. */
void pivot_put_table(PivotWriter *w, const PivotVar *var) {
    if (!var->of_query) {
        pivot_put(w, "pythia_events");
    } else if (var->npoints == 1) {
        pivot_identifier(w->sql, pivot_query_of(w, var)->name);
    } else {
        pivot_put(w, "(");
        for (int i = 0; i < var->npoints; i++) {
            if (i) pivot_put(w, " UNION ALL ");
            put_united(w, var, i);
        }
        pivot_put(w, ")");
    }
}

/* ---- joins ---------------------------------------------------------------------------------------------- */

/* Where the filter stands: the condition on an alias of pythia_events, after happens_before. */
static void put_filter(PivotWriter *w, PythiaText alias, const PivotVar *var) {
    if (one_phase(var)) {
        pivot_put(w, " AND ");
        pivot_identifier(w->sql, alias);
        pivot_put(w, ".hb_tracepoint = ");
        put_hb_tracepoint(w, var);
    } else {
        pivot_put(w, " AND ");
        put_names(w, alias, var);
        return;
    }
    const char *phases = phases_of(var->points[0].phase);
    if (phases) {
        pivot_put(w, " AND ");
        pivot_identifier(w->sql, alias);
        pythia_buf_format(w->sql, ".hb_phase = '%s'", phases);
    }
    if (!var->filter) return;
    pivot_put(w, " AND ");
    pivot_identifier(w->sql, alias);
    pythia_buf_format(w->sql, ".hb_filter = '%s", var->filter == PIVOT_FIRST ? "first" : "recent");
    if (var->n) pythia_buf_format(w->sql, ":%d", var->n);
    pivot_put(w, "'");
}

/* First and MostRecent among the tuples of queries: no other one lies before (behind) in between. */
static void put_query_filter(PivotWriter *w, const PivotVar *var, PythiaText towards) {
    if (!var->filter) return;
    pivot_put(w, "\n    AND NOT EXISTS (SELECT 1 FROM pythia_events AS \"~\" WHERE \"~\".");
    pivot_put(w, var->filter == PIVOT_FIRST ? "happens_before = " : "happens_after = ");
    pivot_identifier(w->sql, var->name);
    pivot_put(w, ".event_id AND \"~\".event_id IN (SELECT event_id FROM ");
    pivot_put_table(w, var);
    pivot_put(w, ")");
    put_schema(w, PYTHIA_TEXT("~"));
    if (var->filter == PIVOT_RECENT) {
        pivot_put(w, " AND pythia_happened_before(\"~\".event_id, ");
        pivot_identifier(w->sql, towards);
        pivot_put(w, ".event_id)");
    }
    pivot_put(w, ")");
}

/* FROM or JOIN of a variable whose tuples are events; towards: the alias that it happened before. */
void pivot_put_event_join(PivotWriter *w, const PivotVar *var, PythiaText towards) {
    PythiaText alias = var->name;
    PythiaBuf event = {0};
    pivot_put(w, "\n  JOIN pythia_events AS ");
    if (var->of_query) {
        pythia_buf_text(&event, var->name);
        pythia_buf_str(&event, ".event");
        if (event.rc && !w->sql->rc) w->sql->rc = event.rc;
        alias = (PythiaText){(const char *)event.data, event.n};
    }
    pivot_identifier(w->sql, alias);
    pivot_put(w, " ON ");
    pivot_identifier(w->sql, alias);
    pivot_put(w, ".happens_before = ");
    pivot_identifier(w->sql, towards);
    pivot_put(w, ".event_id");
    put_schema(w, alias);
    if (!var->of_query) {
        put_filter(w, alias, var);
    } else {
        pivot_put(w, "\n  JOIN ");
        pivot_put_table(w, var);
        pivot_put(w, " AS ");
        pivot_identifier(w->sql, var->name);
        pivot_put(w, " ON ");
        pivot_identifier(w->sql, var->name);
        pivot_put(w, ".event_id = ");
        pivot_identifier(w->sql, alias);
        pivot_put(w, ".event_id");
        put_query_filter(w, var, towards);
    }
    pythia_buf_clear(&event);
}
