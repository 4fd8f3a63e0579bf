/* members.c - the durations of the members of groups, and what each member spends on each edge.
**
** Durations are columns of the segments and cost little. Edges are not stored by member: their values come from
** the members' traces, read back and analysed. */
#include "ext/capture/internal.h"

#include <stdlib.h>

/* ---- durations ------------------------------------------------------------------------------------------- */

static int duration_compare(const void *a, const void *b) {
    const PythiaDuration *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    return x->duration_ns < y->duration_ns ? -1 : x->duration_ns > y->duration_ns;
}

static int segment_durations(PythiaSegment *segment, PythiaDuration **list, size_t *n,
                             size_t *capacity, char **error) {
    const int64_t *group, *duration, *type;
    uint32_t count;
    int rc = pythia_segment_column(segment, PYTHIA_COL_HEAD_GROUP, &group, &count, error);
    if (!rc)
        rc = pythia_segment_column(segment, PYTHIA_COL_HEAD_DURATION, &duration, &count, error);
    if (!rc) rc = pythia_segment_column(segment, PYTHIA_COL_HEAD_TYPE, &type, &count, error);
    if (!rc) rc = pythia_grow((void **)list, capacity, *n + count, sizeof **list);
    for (uint32_t i = 0; !rc && i < count; i++)
        if (group[i] && !pythia_segment_dead(segment, i))
            (*list)[(*n)++] = (PythiaDuration){(uint64_t)group[i], duration[i], (uint32_t)type[i]};
    return rc;
}

int pythia_capture_durations(PythiaCapture *capture, PythiaPoll *poll, PythiaDuration **list,
                             size_t *n, char **error) {
    size_t capacity = 0;
    *list = NULL;
    *n = 0;
    int rc = pythia_capture_settle(capture, poll, error);
    for (int64_t id = 0; !rc && (id = pythia_capture_next_segment(capture, id)) != 0;) {
        PythiaSegment *segment;
        rc = pythia_segment_open(capture->store, id, &segment, error);
        if (rc) break;
        rc = segment_durations(segment, list, n, &capacity, error);
        pythia_segment_release(segment);
        if (!rc) rc = pythia_poll(poll);
    }
    if (!rc && *n) qsort(*list, *n, sizeof **list, duration_compare);
    if (rc) {
        pythia_free(*list);
        *list = NULL;
        *n = 0;
    }
    return rc;
}

/* ---- edges ------------------------------------------------------------------------------------------------ */

typedef struct EdgeValues {
    PythiaGroup *group;
    int64_t *values;
    size_t members, seen;
} EdgeValues;

static int see_member(void *context, const PythiaTrace *trace, const PythiaAnalysis *analysis) {
    EdgeValues *v = context;
    (void)trace;
    if (v->seen >= v->members) return PYTHIA_CORRUPT;
    for (uint32_t i = 0; i < analysis->edges.n; i++) {
        const PythiaPathEdge *e = &analysis->edges.edges[i];
        uint32_t known = v->group->nedges;
        PythiaGroupEdge *edge;
        int rc = pythia_group_edge(v->group, e->source, e->source_phase, e->destination,
                                   e->destination_phase, &edge);
        if (rc) return rc;
        if (v->group->nedges != known) return PYTHIA_CORRUPT; /* sums and members disagree */
        v->values[(size_t)(edge - v->group->edges) * v->members + v->seen] = e->value_ns;
    }
    v->seen++;
    return SQLITE_OK;
}

int pythia_capture_edge_values(PythiaCapture *capture, PythiaGroup *group, PythiaPoll *poll,
                               int64_t **values, char **error) {
    EdgeValues v = {.group = group, .members = (size_t)group->n};
    size_t cells;
    *values = NULL;
    int rc = pythia_capture_group_edges(capture, group, error);
    if (rc) return rc;
    if (__builtin_mul_overflow(v.members, (size_t)group->nedges, &cells)) return SQLITE_NOMEM;
    v.values = pythia_alloc_array(cells, sizeof *v.values);
    if (!v.values) return SQLITE_NOMEM;
    memset(v.values, 0, cells * sizeof *v.values);
    rc = pythia_capture_each_trace(capture, group->id, 0, poll, see_member, &v, error);
    if (rc == PYTHIA_CORRUPT)
        rc = pythia_fail(error, rc, "pythia_xgroup row %lld disagrees with its members",
                         (sqlite3_int64)group->id);
    if (rc) pythia_free(v.values);
    if (!rc) *values = v.values;
    return rc;
}
