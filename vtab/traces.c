/* traces.c - pythia_traces: one row per request, and the way to delete one.
**
** Rows come straight from the columns of the segments: nothing of a trace is read but what the query asks
** for. `DELETE FROM pythia_traces WHERE ...` removes traces from the store; nothing else can be changed.
**
** rowid: number of the trace in the store, segment * 2^26 + ordinal; valid while the store is unchanged. */
#include "vtab/scan.h"
#include "vtab/tables.h"

enum {
    COL_TRACE_ID,
    COL_TYPE,
    COL_ROOT_SERVICE,
    COL_ROOT_OPERATION,
    COL_START,
    COL_DURATION,
    COL_END,
    COL_ROOT_DURATION,
    COL_SPANS,
    COL_EVENTS,
    COL_SERVICES,
    COL_ERRORS,
    COL_STATUS,
    COL_GROUP,
    COL_REPEAT_MAX,
    COL_PROBLEMS,
    COL_N
};

enum { ORDINAL_BITS = 26 }; /* of the rowid; 2^22 segments below the frame's limit of 2^48 */

typedef struct TracesCursor {
    PythiaCursor base; /* must be first */
    PythiaScan scan;
    const PythiaNames *names;
    const int64_t *columns[PYTHIA_COL_COUNT]; /* of the segment `loaded`, as they are asked for */
    int64_t loaded;
    PythiaBound *bounds; /* copies, values duplicated */
    int nbounds;
} TracesCursor;

static char **traces_error(TracesCursor *c) {
    return &c->base.vtab->base.zErrMsg;
}

/* The value of a segment column for the current trace. */
static int trace_value(TracesCursor *c, int column, int64_t *value) {
    uint32_t n;
    if (c->loaded != c->scan.segment_id) {
        memset(c->columns, 0, sizeof c->columns);
        c->loaded = c->scan.segment_id;
    }
    if (!c->columns[column]) {
        int rc = pythia_segment_column(c->scan.segment, column, &c->columns[column], &n,
                                       traces_error(c));
        if (rc) return rc;
    }
    *value = c->columns[column][c->scan.ordinal];
    return SQLITE_OK;
}

/* Which segment column a table column is compared by. */
static int column_source(int column) {
    return column == COL_START      ? PYTHIA_COL_HEAD_START
           : column == COL_DURATION ? PYTHIA_COL_HEAD_DURATION
           : column == COL_GROUP    ? PYTHIA_COL_HEAD_GROUP
                                    : -1;
}

/* Whether the current trace satisfies the bounds that are cheap to test; SQLite tests all of them again. */
static int trace_admitted(TracesCursor *c, int *admitted) {
    *admitted = 1;
    for (int i = 0; i < c->nbounds && *admitted; i++) {
        const PythiaBound *b = &c->bounds[i];
        int source = column_source(b->column);
        int64_t value;
        uint64_t group;
        if (source < 0) continue;
        int rc = trace_value(c, source, &value);
        if (rc) return rc;
        if (b->column != COL_GROUP)
            *admitted = pythia_bounds_admit(b, 1, b->column, value);
        else
            *admitted = pythia_group_of_text(pythia_value_text(b->value), &group) &&
                        group == (uint64_t)value;
    }
    return SQLITE_OK;
}

static int traces_advance(TracesCursor *c) {
    int admitted = 0;
    while (!admitted) {
        int rc = pythia_scan_next(&c->scan, &c->base.poll, traces_error(c));
        if (rc || c->scan.eof) return rc;
        rc = trace_admitted(c, &admitted);
        if (rc) return rc;
    }
    return SQLITE_OK;
}

static void traces_release(PythiaCursor *cursor) {
    TracesCursor *c = (TracesCursor *)cursor;
    pythia_scan_end(&c->scan);
    for (int i = 0; i < c->nbounds; i++)
        sqlite3_value_free(c->bounds[i].value);
    pythia_free(c->bounds);
    c->bounds = NULL;
    c->nbounds = 0;
    c->loaded = 0;
}

static int traces_filter(PythiaCursor *cursor, const PythiaBound *bounds, int n, uint64_t used) {
    TracesCursor *c = (TracesCursor *)cursor;
    (void)used;
    traces_release(cursor);
    c->bounds = pythia_alloc_array((size_t)n, sizeof *c->bounds);
    if (!c->bounds) return SQLITE_NOMEM;
    for (int i = 0; i < n; i++) {
        c->bounds[i] = bounds[i];
        c->bounds[i].value = sqlite3_value_dup(bounds[i].value);
        if (!c->bounds[i].value) return SQLITE_NOMEM;
        c->nbounds++;
    }
    int rc = SQLITE_OK;
    if (cursor->capture) {
        rc = pythia_capture_settle(cursor->capture, &cursor->poll, traces_error(c));
        c->names = pythia_capture_names(cursor->capture);
    }
    if (!rc)
        rc = pythia_scan_begin(&c->scan, cursor->capture,
                               pythia_bound(bounds, n, COL_TRACE_ID, PYTHIA_EQ), traces_error(c));
    return rc ? rc : traces_advance(c);
}

static int traces_next(PythiaCursor *cursor) {
    return traces_advance((TracesCursor *)cursor);
}

static int traces_eof(PythiaCursor *cursor) {
    return ((TracesCursor *)cursor)->scan.eof;
}

static int result_trace_id(TracesCursor *c, sqlite3_context *context) {
    int64_t form, hi, lo;
    int rc = trace_value(c, PYTHIA_COL_TRACE_FORM, &form);
    if (!rc) rc = trace_value(c, PYTHIA_COL_TRACE_HI, &hi);
    if (!rc) rc = trace_value(c, PYTHIA_COL_TRACE_LO, &lo);
    if (rc) return rc;
    pythia_result_id(context, c->names, (PythiaId){(uint64_t)hi, (uint64_t)lo, (uint32_t)form});
    return SQLITE_OK;
}

/* The root's trace point. */
static int root_tracepoint(TracesCursor *c, const PythiaTracepoint **tracepoint) {
    int64_t root = 0, first = 0;
    const int64_t *tracepoints;
    uint32_t n = 0;
    static const PythiaTracepoint none = {0};
    *tracepoint = &none;
    int rc = trace_value(c, PYTHIA_COL_HEAD_ROOT, &root);
    if (!rc) rc = trace_value(c, PYTHIA_COL_TRACE_FIRST_SPAN, &first);
    if (!rc)
        rc = pythia_segment_column(c->scan.segment, PYTHIA_COL_SPAN_TRACEPOINT, &tracepoints, &n,
                                   traces_error(c));
    if (rc || first + root < 0 || first + root >= n) return rc;
    int64_t t = tracepoints[first + root];
    if (t > 0 && t <= c->names->ntracepoints) *tracepoint = &c->names->tracepoints[t];
    return SQLITE_OK;
}

static int result_number(TracesCursor *c, sqlite3_context *context, int source) {
    int64_t value;
    int rc = trace_value(c, source, &value);
    if (!rc) sqlite3_result_int64(context, value);
    return rc;
}

static int result_sum(TracesCursor *c, sqlite3_context *context, int a, int64_t times, int b) {
    int64_t x, y;
    int rc = trace_value(c, a, &x);
    if (!rc) rc = trace_value(c, b, &y);
    if (!rc) sqlite3_result_int64(context, times * x + y);
    return rc;
}

/* Two for each span, or one where spans are single events. */
static int result_events(TracesCursor *c, sqlite3_context *context) {
    const int64_t *bits;
    int64_t first;
    uint32_t n;
    int rc = trace_value(c, PYTHIA_COL_TRACE_FIRST_SPAN, &first);
    if (!rc)
        rc = pythia_segment_column(c->scan.segment, PYTHIA_COL_SPAN_BITS, &bits, &n,
                                   traces_error(c));
    if (rc) return rc;
    int single = first < n && bits[first] >> 5 & PYTHIA_SPAN_EVENT;
    return result_sum(c, context, PYTHIA_COL_TRACE_SPANS, single ? 1 : 2, PYTHIA_COL_TRACE_POINTS);
}

static int result_group(TracesCursor *c, sqlite3_context *context) {
    int64_t group;
    char text[PYTHIA_ID_CHARS];
    int rc = trace_value(c, PYTHIA_COL_HEAD_GROUP, &group);
    if (rc || !group) return rc;
    PythiaId id = {0, (uint64_t)group, PYTHIA_ID_HEX16};
    pythia_result_text(context, (PythiaText){text, pythia_id_write(id, text)});
    return SQLITE_OK;
}

static int traces_column(PythiaCursor *cursor, sqlite3_context *context, int column) {
    TracesCursor *c = (TracesCursor *)cursor;
    const PythiaTracepoint *root;
    int64_t value;
    int rc = SQLITE_OK;
    switch (column) {
    case COL_TRACE_ID:
        return result_trace_id(c, context);
    case COL_TYPE:
    case COL_STATUS:
        rc = trace_value(c, column == COL_TYPE ? PYTHIA_COL_HEAD_TYPE : PYTHIA_COL_HEAD_STATUS,
                         &value);
        if (rc) return rc;
        if (column == COL_TYPE)
            pythia_result_name(context, pythia_names_text(c->names, (uint32_t)value));
        else
            sqlite3_result_text(context, pythia_trace_status_name((int)value), -1, SQLITE_STATIC);
        return SQLITE_OK;
    case COL_ROOT_SERVICE:
    case COL_ROOT_OPERATION:
        rc = root_tracepoint(c, &root);
        if (!rc)
            pythia_result_name(context, pythia_names_text(c->names, column == COL_ROOT_SERVICE
                                                                        ? root->service
                                                                        : root->operation));
        return rc;
    case COL_START:
        return result_number(c, context, PYTHIA_COL_HEAD_START);
    case COL_DURATION:
        return result_number(c, context, PYTHIA_COL_HEAD_DURATION);
    case COL_END:
        return result_sum(c, context, PYTHIA_COL_HEAD_START, 1, PYTHIA_COL_HEAD_DURATION);
    case COL_ROOT_DURATION:
        return result_number(c, context, PYTHIA_COL_HEAD_ROOT_DURATION);
    case COL_SPANS:
        return result_number(c, context, PYTHIA_COL_TRACE_SPANS);
    case COL_EVENTS:
        return result_events(c, context);
    case COL_SERVICES:
        return result_number(c, context, PYTHIA_COL_HEAD_SERVICES);
    case COL_ERRORS:
        return result_number(c, context, PYTHIA_COL_HEAD_ERRORS);
    case COL_GROUP:
        return result_group(c, context);
    case COL_REPEAT_MAX:
        return result_number(c, context, PYTHIA_COL_HEAD_REPEAT);
    case COL_PROBLEMS:
        return result_number(c, context, PYTHIA_COL_HEAD_PROBLEMS);
    default:
        return SQLITE_OK;
    }
}

static int traces_rowid(PythiaCursor *cursor, sqlite3_int64 *rowid) {
    const PythiaScan *scan = &((TracesCursor *)cursor)->scan;
    *rowid = scan->segment_id << ORDINAL_BITS | scan->ordinal;
    return SQLITE_OK;
}

static int traces_update(PythiaVtab *vtab, const char *schema, int change, sqlite3_value **values,
                         sqlite3_int64 *rowid) {
    (void)values;
    if (change != SQLITE_DELETE)
        return pythia_vtab_fail(
            vtab, SQLITE_READONLY,
            "pythia_traces: traces can be deleted; they come in by pythia_import()");
    PythiaCapture *capture;
    char **error = &vtab->base.zErrMsg;
    int rc = pythia_session_capture(vtab->host->session, schema, 0, &capture, error);
    if (rc || !capture) return rc;
    return pythia_capture_delete(capture, *rowid >> ORDINAL_BITS,
                                 (uint32_t)(*rowid & ((1 << ORDINAL_BITS) - 1)), error);
}

static int traces_sync(PythiaVtab *vtab) {
    return pythia_session_commit(vtab->host->session, &vtab->base.zErrMsg);
}

static const PythiaUse traces_uses[] = {
    {COL_TRACE_ID, PYTHIA_EQ, 0, 0.00001},
    {COL_GROUP, PYTHIA_EQ, 0, 0.05},
    {COL_START, PYTHIA_EQ | PYTHIA_RANGE, 0, 0.001},
    {COL_DURATION, PYTHIA_EQ | PYTHIA_RANGE, 0, 0.001},
};

const PythiaTable pythia_table_traces = {
    .name = "pythia_traces",
    .columns = "trace_id TEXT, request_type TEXT, root_service TEXT, root_operation TEXT,"
               " start_ns INTEGER, duration_ns INTEGER, end_ns INTEGER, root_duration_ns INTEGER,"
               " spans INTEGER, events INTEGER, services INTEGER, errors INTEGER, status TEXT,"
               " group_id TEXT, repeat_max INTEGER, problems INTEGER",
    .nvisible = COL_N,
    .uses = traces_uses,
    .nuses = sizeof traces_uses / sizeof traces_uses[0],
    .rows = 1e5,
    .cursor_bytes = sizeof(TracesCursor),
    .filter = traces_filter,
    .next = traces_next,
    .eof = traces_eof,
    .column = traces_column,
    .rowid = traces_rowid,
    .release = traces_release,
    .update = traces_update,
    .sync = traces_sync,
};
