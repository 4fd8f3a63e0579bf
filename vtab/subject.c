/* subject.c - see subject.h. */
#include "vtab/subject.h"

#include "vtab/scan.h"

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
                              "%s: the group has edges at positions 1 to %u, none at %lld",
                              cursor->vtab->table->name, n, (sqlite3_int64)position);
    }
    pythia_free(edges);
    return rc;
}

/* group NULL: the response of a request type. */
static int read_response(PythiaCursor *cursor, Collect *c, PythiaGroup *group,
                         const PythiaBound *response) {
    const char *table = cursor->vtab->table->name;
    if (!response || pythia_text_equal(pythia_value_text(response->value), PYTHIA_TEXT("duration")))
        return SQLITE_OK;
    if (sqlite3_value_numeric_type(response->value) != SQLITE_INTEGER)
        return pythia_vtab_fail(cursor->vtab, SQLITE_ERROR,
                                "%s: response must be 'duration' or the position of an edge in "
                                "pythia_group_edges",
                                table);
    if (!group)
        return pythia_vtab_fail(cursor->vtab, SQLITE_ERROR,
                                "%s: an edge is the response of a group: give group_id instead of "
                                "request_type",
                                table);
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
    int rc = pythia_capture_settle(cursor->capture, &cursor->poll, c->error);
    *found = 0;
    if (rc) return rc;
    c->request_type = pythia_intern_find(&pythia_capture_names(cursor->capture)->strings, text);
    if (!c->request_type) return SQLITE_OK;
    rc = read_response(cursor, c, NULL, response);
    if (!rc)
        rc = pythia_capture_each_head(cursor->capture, 0, &cursor->poll, see_head, c, c->error);
    *found = !rc && pythia_variables_rows(c->variables) > 0;
    return rc;
}

int pythia_subject_read(PythiaCursor *cursor, const PythiaBound *group, const PythiaBound *type,
                        const PythiaBound *response, PythiaVariables **variables, int *found) {
    Collect c = {.capture = cursor->capture, .error = &cursor->vtab->base.zErrMsg};
    int rc = pythia_variables_open(&cursor->poll, &c.variables);
    *found = 0;
    if (!rc && group)
        rc = collect_group(cursor, &c, pythia_value_text(group->value), response, found);
    if (!rc && !*found)
        rc = collect_type(cursor, &c, pythia_value_text(group ? group->value : type->value),
                          response, found);
    if (!rc && *found)
        rc = pythia_variables_finish(c.variables, pythia_capture_names(cursor->capture),
                                     pythia_capture_call_paths(cursor->capture));
    pythia_trace_clear(&c.trace);
    pythia_analysis_clear(&c.analysis);
    if (rc || !*found) {
        pythia_variables_close(c.variables);
        c.variables = NULL;
    }
    *variables = c.variables;
    return rc;
}

/* ---- plans ------------------------------------------------------------------------------------------- */

int pythia_subject_plan(sqlite3_index_info *info, int group_column, int type_column) {
    int given = 0;
    for (int i = 0; i < info->nConstraint; i++)
        given += info->aConstraintUsage[i].argvIndex > 0 &&
                 (info->aConstraint[i].iColumn == group_column ||
                  info->aConstraint[i].iColumn == type_column);
    if (given != 1) info->estimatedCost = 1e50;
    return SQLITE_OK;
}

int pythia_subject_check(PythiaCursor *cursor, const PythiaBound *group, const PythiaBound *type) {
    const char *table = cursor->vtab->table->name;
    if (group && type)
        return pythia_vtab_fail(cursor->vtab, SQLITE_ERROR,
                                "%s takes group_id or request_type, not both", table);
    if (!group && !type)
        return pythia_vtab_fail(cursor->vtab, SQLITE_ERROR,
                                "%s needs its argument \"group_id\" or \"request_type\": give a "
                                "group in parentheses after the table's name, or either as "
                                "WHERE ... = ...",
                                table);
    return SQLITE_OK;
}

/* ---- groups ------------------------------------------------------------------------------------------- */

int pythia_each_group(PythiaCursor *cursor, const PythiaBound *group_id,
                      int (*each)(PythiaCursor *cursor, PythiaGroup *group, void *context),
                      void *context) {
    PythiaGroups *groups;
    uint64_t only = 0;
    if (!cursor->capture) return SQLITE_OK;
    if (group_id && !pythia_group_of_text(pythia_value_text(group_id->value), &only))
        return SQLITE_OK;
    int rc =
        pythia_capture_groups(cursor->capture, &cursor->poll, &groups, &cursor->vtab->base.zErrMsg);
    for (uint32_t i = 0; !rc && i < groups->n; i++)
        if (groups->groups[i].n > 0 && (!group_id || groups->groups[i].id == only))
            rc = each(cursor, &groups->groups[i], context);
    return rc;
}
