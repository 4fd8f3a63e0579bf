/* cca.c - pythia_cca: which attributes explain the duration of a group's members, or one edge of theirs.
**
** One row per variable of pythia_group_variables, the best first: correlation with the response (Pearson's r;
** eta for a category), p_value of that alone, p_adjusted over all that are ranked (Benjamini-Hochberg), rank.
** loading is the structure coefficient with respect to the response, which for one variable is its correlation;
** weight the standardised coefficient in the joint canonical correlation analysis of the best numbers, counts and
** categories of two levels. See ext/group/ranking.c for what takes part.
**
** note: `constant`, `identifier` and `copy of KEY` have no rank (NULL), so that each fact is ranked once;
** `rare levels merged` is a category of more than 100 levels. A missing value drops the row for that variable
** only; n is what remains.
**
** Arguments: group_id, or request_type (the members of all its groups together); and response, 'duration' (the
** default) or, for a group, the position of one of its edges in pythia_group_edges: the time that members spend
** there, 0 where their path does not have it. */
#include "ext/capture/capture.h"
#include "ext/group/variables.h"
#include "vtab/scan.h"
#include "vtab/tables.h"

enum {
    COL_KEY,
    COL_KIND,
    COL_LEVELS,
    COL_NUMBER,
    COL_MISSING,
    COL_CORRELATION,
    COL_LOADING,
    COL_WEIGHT,
    COL_P_VALUE,
    COL_P_ADJUSTED,
    COL_RANK,
    COL_NOTE,
    COL_GROUP_ID, /* visible ones end before it */
    COL_REQUEST_TYPE,
    COL_RESPONSE,
    COL_END
};

typedef struct Collect {
    PythiaCapture *capture;
    PythiaVariables *variables;
    char **error;
    int of_edge; /* the response is that of `edge` */
    PythiaGroupEdge edge;
    uint32_t request_type; /* with a request type */
    PythiaTrace trace;
    PythiaAnalysis analysis;
} Collect;

/* ---- members ----------------------------------------------------------------------------------------- */

static double edge_value(const PythiaPathEdges *edges, const PythiaGroupEdge *of) {
    for (uint32_t i = 0; i < edges->n; i++) {
        const PythiaPathEdge *e = &edges->edges[i];
        if (e->source == of->source && e->destination == of->destination &&
            e->source_phase == of->source_phase && e->destination_phase == of->destination_phase)
            return (double)e->value_ns;
    }
    return 0;
}

static int see_member(void *context, const PythiaTrace *trace, const PythiaAnalysis *analysis) {
    Collect *c = context;
    double response =
        c->of_edge ? edge_value(&analysis->edges, &c->edge) : (double)analysis->head.duration_ns;
    return pythia_variables_add(c->variables, trace, pythia_capture_names(c->capture),
                                &analysis->paths, response);
}

/* Reads the traces of a request type that are in groups, and no others. */
static int see_head(void *context, PythiaSegment *segment, uint32_t ordinal,
                    const PythiaHead *head) {
    Collect *c = context;
    if (!head->group || head->request_type != c->request_type) return SQLITE_OK;
    int rc = pythia_segment_trace(segment, ordinal, 1, &c->trace, c->error);
    if (!rc) rc = pythia_capture_analyse(c->capture, &c->trace, &c->analysis, c->error);
    return rc ? rc : see_member(c, &c->trace, &c->analysis);
}

/* ---- arguments --------------------------------------------------------------------------------------- */

/* Finds the edge that the response names. */
static int find_edge(PythiaCursor *cursor, Collect *c, PythiaGroup *group, int64_t position) {
    uint32_t *edges, n;
    int rc = pythia_capture_group_edges(cursor->capture, group, c->error);
    if (!rc) rc = pythia_group_edge_order(group, pythia_capture_names(cursor->capture), &edges, &n);
    if (rc) return rc;
    if (position >= 1 && position <= n) {
        c->of_edge = 1;
        c->edge = group->edges[edges[position - 1]];
    } else {
        rc = pythia_vtab_fail(cursor->vtab, SQLITE_ERROR,
                              "pythia_cca: the group has edges at positions 1 to %u, none at %lld",
                              n, (sqlite3_int64)position);
    }
    pythia_free(edges);
    return rc;
}

/* group NULL: the response of a request type. */
static int read_response(PythiaCursor *cursor, Collect *c, PythiaGroup *group,
                         const PythiaBound *response) {
    if (!response || pythia_text_equal(pythia_value_text(response->value), PYTHIA_TEXT("duration")))
        return SQLITE_OK;
    if (sqlite3_value_numeric_type(response->value) != SQLITE_INTEGER)
        return pythia_vtab_fail(cursor->vtab, SQLITE_ERROR,
                                "pythia_cca: response must be 'duration' or the position of an "
                                "edge in pythia_group_edges");
    if (!group)
        return pythia_vtab_fail(cursor->vtab, SQLITE_ERROR,
                                "pythia_cca: an edge is the response of a group: give group_id "
                                "instead of request_type");
    return find_edge(cursor, c, group, sqlite3_value_int64(response->value));
}

/* *found 0: there is no such group. */
static int collect_group(PythiaCursor *cursor, Collect *c, PythiaText text,
                         const PythiaBound *response, int *found) {
    PythiaGroups *groups;
    uint64_t id;
    *found = 0;
    if (!pythia_group_of_text(text, &id)) return SQLITE_OK;
    int rc = pythia_capture_groups(cursor->capture, &cursor->poll, &groups, c->error);
    PythiaGroup *group = rc ? NULL : pythia_groups_find(groups, id);
    if (!group || group->n < 1) return rc;
    *found = 1;
    rc = read_response(cursor, c, group, response);
    if (!rc)
        rc = pythia_capture_each_trace(cursor->capture, id, 1, &cursor->poll, see_member, c,
                                       c->error);
    return rc;
}

static int collect_type(PythiaCursor *cursor, Collect *c, PythiaText text,
                        const PythiaBound *response, int *found) {
    int rc = read_response(cursor, c, NULL, response);
    *found = 0;
    if (!rc) rc = pythia_capture_settle(cursor->capture, &cursor->poll, c->error);
    if (rc) return rc;
    c->request_type = pythia_intern_find(&pythia_capture_names(cursor->capture)->strings, text);
    if (!c->request_type) return SQLITE_OK;
    *found = 1;
    return pythia_capture_each_head(cursor->capture, 0, &cursor->poll, see_head, c, c->error);
}

/* ---- rows -------------------------------------------------------------------------------------------- */

static void put_note(PythiaRows *rows, const PythiaRanked *ranked, const PythiaVariable *list) {
    if (ranked->note == PYTHIA_NOTE_CONSTANT) {
        pythia_rows_str(rows, "constant");
    } else if (ranked->note == PYTHIA_NOTE_IDENTIFIER) {
        pythia_rows_str(rows, "identifier");
    } else if (ranked->note == PYTHIA_NOTE_MERGED) {
        pythia_rows_str(rows, "rare levels merged");
    } else if (ranked->note == PYTHIA_NOTE_COPY) {
        PythiaBuf note = {0};
        pythia_buf_str(&note, "copy of ");
        pythia_buf_text(&note, list[ranked->copy_of].key);
        if (note.rc && !rows->rc) rows->rc = note.rc;
        pythia_rows_text(rows, (PythiaText){(const char *)note.data, note.n});
        pythia_buf_clear(&note);
    } else {
        pythia_rows_null(rows);
    }
}

static void put_row(PythiaRows *rows, const PythiaRanked *ranked, const PythiaVariable *list) {
    const PythiaVariable *v = &list[ranked->variable];
    pythia_rows_text(rows, v->key);
    pythia_rows_str(rows, pythia_variable_kind_name(v->kind));
    pythia_rows_int(rows, v->levels);
    pythia_rows_int(rows, v->n);
    pythia_rows_int(rows, v->missing);
    pythia_rows_double(rows, ranked->correlation);
    pythia_rows_double(rows, ranked->correlation);
    pythia_rows_double(rows, ranked->weight);
    pythia_rows_double(rows, ranked->p);
    pythia_rows_double(rows, ranked->p_adjusted);
    if (ranked->rank)
        pythia_rows_int(rows, ranked->rank);
    else
        pythia_rows_null(rows);
    put_note(rows, ranked, list);
    pythia_rows_end(rows);
}

static int put_ranking(PythiaCursor *cursor, Collect *c) {
    PythiaRanked *ranked = NULL;
    uint32_t n;
    int rc = pythia_variables_finish(c->variables, pythia_capture_names(cursor->capture),
                                     pythia_capture_call_paths(cursor->capture));
    if (!rc) rc = pythia_variables_rank(c->variables, &cursor->poll, &ranked, c->error);
    if (rc) return rc;
    const PythiaVariable *list = pythia_variables_list(c->variables, &n);
    for (uint32_t i = 0; i < n; i++)
        put_row(&cursor->rows, &ranked[i], list);
    pythia_free(ranked);
    return cursor->rows.rc;
}

static int cca_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    const PythiaBound *group = pythia_bound(bounds, n, COL_GROUP_ID, PYTHIA_EQ);
    const PythiaBound *type = pythia_bound(bounds, n, COL_REQUEST_TYPE, PYTHIA_EQ);
    const PythiaBound *response = pythia_bound(bounds, n, COL_RESPONSE, PYTHIA_EQ);
    if (!cursor->capture) return SQLITE_OK;
    Collect c = {.capture = cursor->capture, .error = &cursor->vtab->base.zErrMsg};
    int found = 0;
    int rc = pythia_variables_open(&cursor->poll, &c.variables);
    if (!rc && group)
        rc = collect_group(cursor, &c, pythia_value_text(group->value), response, &found);
    else if (!rc)
        rc = collect_type(cursor, &c, pythia_value_text(type->value), response, &found);
    if (!rc && found) rc = put_ranking(cursor, &c);
    pythia_variables_close(c.variables);
    pythia_trace_clear(&c.trace);
    pythia_analysis_clear(&c.analysis);
    return rc;
}

/* Exactly one of the two arguments that say whose traces are meant. One that is offered and not usable has
** already made the plan impossible. */
static int cca_plan(PythiaVtab *vtab, sqlite3_index_info *info, int *order) {
    int given = 0;
    (void)order;
    for (int i = 0; i < info->nConstraint; i++)
        given += info->aConstraintUsage[i].argvIndex > 0 &&
                 (info->aConstraint[i].iColumn == COL_GROUP_ID ||
                  info->aConstraint[i].iColumn == COL_REQUEST_TYPE);
    if (given == 1) return SQLITE_OK;
    return pythia_vtab_fail(vtab, SQLITE_ERROR,
                            given ? "pythia_cca takes group_id or request_type, not both"
                                  : "pythia_cca needs its argument \"group_id\" or "
                                    "\"request_type\": give a group in parentheses after the "
                                    "table's name, or either as WHERE ... = ...");
}

static const PythiaUse cca_uses[] = {{COL_GROUP_ID, PYTHIA_EQ, 0, 1},
                                     {COL_REQUEST_TYPE, PYTHIA_EQ, 0, 1},
                                     {COL_RESPONSE, PYTHIA_EQ, 0, 1}};

const PythiaTable pythia_table_cca = {
    .name = "pythia_cca",
    .columns = "key TEXT, kind TEXT, levels INTEGER, n INTEGER, missing INTEGER, correlation REAL,"
               " loading REAL, weight REAL, p_value REAL, p_adjusted REAL, rank INTEGER, note TEXT,"
               " group_id TEXT HIDDEN, request_type TEXT HIDDEN, response HIDDEN",
    .nvisible = COL_GROUP_ID,
    .nhidden = COL_END - COL_GROUP_ID,
    .uses = cca_uses,
    .nuses = 3,
    .rows = 200,
    .fill = cca_fill,
    .plan = cca_plan,
};
