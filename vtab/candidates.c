/* candidates.c - pythia_candidates(group_id [, position]): the trace points that could say more about an edge.
**
** One row for each trace point that is off, may be switched on for the requests of the group, and whose events lie
** between the two ends of the edge on the critical paths of the search space that contain the group's own;
** ext/search/candidates.h says what the figures mean. position: of the edge in pythia_group_edges; left out, the one
** with the largest share of the variance.
**
** Inside a strategy no argument is needed: the rows are then those of the question that is being asked. */
#include "ext/loop/loop.h"
#include "vtab/scan.h"
#include "vtab/tables.h"

enum {
    COL_TRACEPOINT,
    COL_TYPE,
    COL_LAYER,
    COL_NODE,
    COL_PARENT,
    COL_LEVEL,
    COL_PLACE,
    COL_EVENTS,
    COL_LARGEST,
    COL_TOTAL,
    COL_WEIGHT,
    COL_COVARIANCE,
    COL_MATCHED,
    COL_N,
    COL_GROUP_ID = COL_N,
    COL_POSITION,
    COL_ALL
};

static const char *found_name(int found) {
    static const char *const names[] = {"nothing", "path", "edge", "tree"};
    return names[found];
}

static void put_candidate(PythiaRows *rows, const PythiaSpace *space, const PythiaLayers *layers,
                          const PythiaCandidates *list, const PythiaCandidate *c) {
    const PythiaSpaceNode *node = &space->nodes[c->node];
    pythia_rows_text(rows, pythia_intern_text(&space->texts, node->point));
    pythia_rows_text(rows, pythia_intern_text(&space->texts, node->type));
    pythia_rows_text(rows, layers->of[node->point]);
    pythia_rows_int(rows, c->node);
    if (node->parent)
        pythia_rows_int(rows, node->parent);
    else
        pythia_rows_null(rows);
    pythia_rows_int(rows, c->level);
    pythia_rows_int(rows, c->place);
    pythia_rows_int(rows, c->events);
    pythia_rows_int(rows, c->largest);
    pythia_rows_int(rows, list->total);
    pythia_rows_double(rows, c->weight);
    pythia_rows_double(rows, c->covariance);
    pythia_rows_str(rows, found_name(list->found));
    pythia_rows_end(rows);
}

static int put_question(PythiaCursor *cursor, const PythiaQuestion *q) {
    const PythiaSpace *space;
    PythiaLayers layers = {0};
    char **error = &cursor->vtab->base.zErrMsg;
    int rc =
        pythia_loop_space(cursor->vtab->host->loop, cursor->capture, &cursor->poll, &space, error);
    if (!rc) rc = pythia_layers_load(cursor->capture, &space->texts, &layers, error);
    for (uint32_t i = 0; !rc && i < q->candidates.n; i++)
        put_candidate(&cursor->rows, space, &layers, &q->candidates, &q->candidates.list[i]);
    pythia_layers_clear(&layers);
    return rc;
}

static int candidates_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    const PythiaBound *group = pythia_bound(bounds, n, COL_GROUP_ID, PYTHIA_EQ);
    const PythiaBound *position = pythia_bound(bounds, n, COL_POSITION, PYTHIA_EQ);
    PythiaLoop *loop = cursor->vtab->host->loop;
    const PythiaQuestion *asked = pythia_loop_question(loop);
    char **error = &cursor->vtab->base.zErrMsg;
    uint64_t id = 0;
    int found = 0;
    if (asked && !group) return put_question(cursor, asked);
    if (!group)
        return pythia_vtab_fail(cursor->vtab, SQLITE_ERROR,
                                "pythia_candidates: a group is needed, as in "
                                "pythia_candidates(group_id)");
    if (!cursor->capture || !pythia_group_of_text(pythia_value_text(group->value), &id))
        return SQLITE_OK;
    int64_t wanted = position ? sqlite3_value_int64(position->value) : 0;
    if (position && (wanted < 1 || wanted > UINT32_MAX)) return SQLITE_OK;
    PythiaQuestion question = {0};
    PythiaSwitches switches = {0};
    int rc = pythia_switches_load(loop, cursor->capture,
                                  sqlite3_db_name(cursor->vtab->host->db, cursor->schema_index),
                                  pythia_control_now(), &cursor->poll, &switches, error);
    if (!rc)
        rc = pythia_question_of_group(loop, cursor->capture, &switches, id, (uint32_t)wanted,
                                      &cursor->poll, &question, &found, error);
    if (!rc && found) rc = put_question(cursor, &question);
    pythia_question_clear(&question);
    pythia_switches_clear(&switches);
    return rc;
}

static const PythiaUse candidates_uses[] = {
    {COL_GROUP_ID, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
    {COL_POSITION, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
};

const PythiaTable pythia_table_candidates = {
    .name = "pythia_candidates",
    .columns = "tracepoint TEXT, request_type TEXT, layer TEXT, node_id INTEGER, parent_id INTEGER,"
               " level INTEGER, place INTEGER, events INTEGER, largest INTEGER, total INTEGER,"
               " weight REAL, covariance REAL, matched TEXT, group_id TEXT HIDDEN,"
               " position INTEGER HIDDEN",
    .nvisible = COL_N,
    .nhidden = COL_ALL - COL_N,
    .uses = candidates_uses,
    .nuses = 2,
    .rows = 50,
    .fill = candidates_fill,
};
