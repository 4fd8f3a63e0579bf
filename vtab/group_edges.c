/* group_edges.c - pythia_group_edges: where on the critical path the time and its variance lie.
**
** One row per distinct (source, phase) -> (destination, phase) on the members' paths, at `position` by the mean
** offset from the request's start. Every member has a value for every edge, 0 where its path does not have it,
** so mean_share and variance_share sum to 1 over a group; n and share_present say how many have it.
** variance_share = Cov(edge, duration) / Var(duration) and may be negative. span_between: the innermost span
** that the stretch lies in; where source and destination are not its own start and end, no span covers it.
**
** All but modes and max_ns come from stored sums; those two read the members' traces, when they are named. */
#include "ext/capture/capture.h"
#include "ext/group/variables.h"
#include "ext/stat/modes.h"
#include "ext/stat/order.h"
#include "vtab/scan.h"
#include "vtab/subject.h"
#include "vtab/tables.h"

#include <math.h>

enum {
    COL_GROUP_ID,
    COL_POSITION,
    COL_SOURCE,
    COL_SOURCE_PHASE,
    COL_DESTINATION,
    COL_DESTINATION_PHASE,
    COL_KIND,
    COL_NUMBER,
    COL_PRESENT,
    COL_MEAN,
    COL_STDDEV,
    COL_COV,
    COL_SHARE,
    COL_MEAN_SHARE,
    COL_CORRELATION,
    COL_MODES,
    COL_MAX,
    COL_BETWEEN,
    COL_N
};

#define OF_MEMBERS ((uint64_t)1 << COL_MODES | (uint64_t)1 << COL_MAX)

static double not_overflowed(const PythiaGroup *group, double value) {
    return group->overflow ? NAN : value;
}

static void put_statistics(PythiaRows *rows, const PythiaGroup *group, const PythiaGroupEdge *e) {
    double mean = not_overflowed(group, pythia_sum_mean(e->sum, group->n));
    double variance = not_overflowed(group, pythia_sum_variance(e->sum, e->squares, group->n));
    double total = not_overflowed(group, pythia_sum_variance(group->sum, group->squares, group->n));
    double together = pythia_sum_covariance(e->sum, group->sum, e->product, group->n);
    double total_mean = pythia_sum_mean(group->sum, group->n);
    pythia_rows_int(rows, e->n);
    pythia_rows_double(rows, (double)e->n / (double)group->n);
    pythia_rows_double(rows, mean);
    pythia_rows_double(rows, sqrt(variance));
    pythia_rows_double(rows, mean > 0 ? sqrt(variance) / mean : NAN);
    pythia_rows_double(rows, total > 0 ? together / total : NAN);
    pythia_rows_double(rows, total_mean > 0 ? mean / total_mean : NAN);
    double correlation = total > 0 && variance > 0 ? together / sqrt(total * variance) : NAN;
    pythia_rows_double(rows, correlation > 1 ? 1 : correlation < -1 ? -1 : correlation);
}

static int put_shape(PythiaCursor *cursor, const int64_t *values, size_t n, double *sorted) {
    PythiaModes modes;
    for (size_t i = 0; i < n; i++)
        sorted[i] = (double)values[i];
    int rc = pythia_sort(sorted, n, &cursor->poll);
    if (!rc) rc = pythia_modes(sorted, n, &modes, &cursor->poll);
    if (rc) return rc;
    pythia_rows_int(&cursor->rows, modes.n);
    pythia_rows_int(&cursor->rows, (sqlite3_int64)sorted[n - 1]);
    return SQLITE_OK;
}

/* values: of all edges and members, or NULL; sorted: scratch for those of one edge. */
static int put_edge(PythiaCursor *cursor, const PythiaGroup *group, const int64_t *values,
                    double *sorted, uint32_t edge, uint32_t position) {
    const PythiaNames *names = pythia_capture_names(cursor->capture);
    PythiaRows *rows = &cursor->rows;
    const PythiaGroupEdge *e = &group->edges[edge];
    char text[PYTHIA_ID_CHARS];
    PythiaId id = {0, group->id, PYTHIA_ID_HEX16};
    pythia_rows_text(rows, (PythiaText){text, pythia_id_write(id, text)});
    pythia_rows_int(rows, position);
    pythia_rows_text(rows, pythia_names_tracepoint_text(names, e->source));
    pythia_rows_str(rows, pythia_phase_name(e->source_phase));
    pythia_rows_text(rows, pythia_names_tracepoint_text(names, e->destination));
    pythia_rows_str(rows, pythia_phase_name(e->destination_phase));
    pythia_rows_str(rows, pythia_edge_name(e->kind));
    put_statistics(rows, group, e);
    if (values) {
        size_t n = (size_t)group->n;
        int rc = put_shape(cursor, values + edge * n, n, sorted);
        if (rc) return rc;
    } else {
        pythia_rows_null(rows);
        pythia_rows_null(rows);
    }
    if (e->between)
        pythia_rows_text(rows, pythia_names_tracepoint_text(names, e->between));
    else
        pythia_rows_null(rows);
    pythia_rows_end(rows);
    return rows->rc;
}

static int put_group(PythiaCursor *cursor, PythiaGroup *group, void *unused) {
    (void)unused;
    int64_t *values = NULL;
    double *sorted = NULL;
    uint32_t *order = NULL, n = 0; /* as pythia_cca counts positions */
    char **error = &cursor->vtab->base.zErrMsg;
    int rc = pythia_capture_group_edges(cursor->capture, group, error);
    if (!rc && cursor->used & OF_MEMBERS) {
        rc = pythia_capture_edge_values(cursor->capture, group, &cursor->poll, &values, error);
        sorted = pythia_alloc_array((size_t)group->n, sizeof *sorted);
        if (!rc && !sorted) rc = SQLITE_NOMEM;
    }
    if (!rc) rc = pythia_group_edge_order(group, pythia_capture_names(cursor->capture), &order, &n);
    for (uint32_t i = 0; !rc && i < n; i++)
        rc = put_edge(cursor, group, values, sorted, order[i], i + 1);
    pythia_free(order);
    pythia_free(values);
    pythia_free(sorted);
    return rc;
}

static int edges_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    return pythia_each_group(cursor, pythia_bound(bounds, n, COL_GROUP_ID, PYTHIA_EQ), put_group,
                             NULL);
}

static const PythiaUse edges_uses[] = {{COL_GROUP_ID, PYTHIA_EQ, 0, 0.01}};

const PythiaTable pythia_table_group_edges = {
    .name = "pythia_group_edges",
    .columns = "group_id TEXT, position INTEGER, source TEXT, source_phase TEXT, destination TEXT,"
               " destination_phase TEXT, kind TEXT, n INTEGER, share_present REAL, mean_ns REAL,"
               " stddev_ns REAL, cov REAL, variance_share REAL, mean_share REAL, correlation REAL,"
               " modes INTEGER, max_ns INTEGER, span_between TEXT",
    .nvisible = COL_N,
    .uses = edges_uses,
    .nuses = 1,
    .rows = 5000,
    .fill = edges_fill,
};
