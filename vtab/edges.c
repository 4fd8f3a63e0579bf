/* edges.c - pythia_edges: the happened-before steps between the events of a trace.
**
** A row per edge of the causal order as ext/trace/order.h defines it: from each event to those that it
** directly precedes. Times are the effective ones. An edge on the critical path has the duration that
** pythia_critical_path shows, but for one case: where clocks tick coarsely, spans may overlap a little and
** still count as one after the other; then duration_ns is negative here, and 0 there. */
#include "ext/trace/graph.h"
#include "vtab/scan.h"
#include "vtab/tables.h"

enum {
    COL_TRACE_ID,
    COL_SOURCE_EVENT,
    COL_DESTINATION_EVENT,
    COL_SOURCE,
    COL_DESTINATION,
    COL_KIND,
    COL_START,
    COL_DURATION,
    COL_ON_PATH,
    COL_N
};

typedef struct EmitEdges {
    PythiaTraceCursor *cursor;
    PythiaRows *rows;
    const PythiaNames *names;
    uint32_t *next_on_path; /* [event]: the next event on the critical path, or PYTHIA_NO_SPAN */
} EmitEdges;

static int emit_edge(void *context, const PythiaEdge *edge) {
    EmitEdges *e = context;
    PythiaTraceCursor *c = e->cursor;
    const PythiaTrace *trace = &c->trace;
    int64_t from = pythia_event_time_ns(trace, edge->source);
    int64_t to = pythia_event_time_ns(trace, edge->destination);
    pythia_rows_text(e->rows, c->trace_id);
    pythia_rows_int(e->rows, pythia_trace_event_id(c, edge->source));
    pythia_rows_int(e->rows, pythia_trace_event_id(c, edge->destination));
    pythia_rows_text(e->rows, pythia_names_tracepoint_text(
                                  e->names, pythia_event_tracepoint(trace, edge->source)));
    pythia_rows_text(e->rows, pythia_names_tracepoint_text(
                                  e->names, pythia_event_tracepoint(trace, edge->destination)));
    pythia_rows_str(e->rows, pythia_edge_name(edge->kind));
    pythia_rows_int(e->rows, from);
    pythia_rows_int(e->rows, to - from);
    pythia_rows_int(e->rows, e->next_on_path[edge->source] == edge->destination);
    pythia_rows_end(e->rows);
    return e->rows->rc;
}

static int edges_emit(PythiaTraceCursor *c, PythiaRows *rows) {
    const PythiaNames *names = pythia_capture_names(c->scan.capture);
    const PythiaModel *model;
    int rc = pythia_capture_model(c->scan.capture, &model, &c->base.vtab->base.zErrMsg);
    if (rc) return rc;
    uint32_t n = pythia_trace_events(&c->trace);
    uint32_t *next = pythia_alloc_array(n, sizeof *next);
    if (!next) return SQLITE_NOMEM;
    memset(next, 0xff, n * sizeof *next);
    const PythiaPath *path = &c->analysis.path;
    for (uint32_t i = 0; i + 1 < path->n; i++)
        next[path->steps[i].event] = path->steps[i + 1].event;
    EmitEdges e = {c, rows, names, next};
    rc = pythia_graph_edges(&c->trace, model, names, emit_edge, &e);
    pythia_free(next);
    return rc;
}

static int edges_filter(PythiaCursor *cursor, const PythiaBound *bounds, int n, uint64_t used) {
    static const PythiaTraceTable table = {0, 1, edges_emit};
    (void)used;
    pythia_trace_rows_release(cursor);
    return pythia_trace_rows_filter((PythiaTraceCursor *)cursor, &table,
                                    pythia_bound(bounds, n, COL_TRACE_ID, PYTHIA_EQ));
}

static const PythiaUse edges_uses[] = {{COL_TRACE_ID, PYTHIA_EQ, 0, 0.0001}};

const PythiaTable pythia_table_edges = {
    .name = "pythia_edges",
    .columns = "trace_id TEXT, source_event INTEGER, destination_event INTEGER, source TEXT,"
               " destination TEXT, kind TEXT, start_ns INTEGER, duration_ns INTEGER,"
               " on_critical_path INTEGER",
    .nvisible = COL_N,
    .uses = edges_uses,
    .nuses = 1,
    .rows = 2e6,
    .cursor_bytes = sizeof(PythiaTraceCursor),
    .filter = edges_filter,
    .next = pythia_trace_rows_next,
    .eof = pythia_trace_rows_eof,
    .column = pythia_trace_rows_column,
    .rowid = pythia_trace_rows_rowid,
    .release = pythia_trace_rows_release,
};
