/* critical_path.c - pythia_critical_path(trace_id [, mode]): the events that determined how long a request
** took, in order of time.
**
** duration_ns reaches to the next event; the durations of a trace sum to its duration_ns in pythia_traces.
** The last event has none. mode: 'default'. */
#include "vtab/scan.h"
#include "vtab/tables.h"

enum {
    COL_POSITION,
    COL_EVENT_ID,
    COL_SPAN_ID,
    COL_TRACEPOINT,
    COL_PHASE,
    COL_TIME,
    COL_DURATION,
    COL_SYNTHETIC,
    COL_N,
    COL_TRACE_ID = COL_N,
    COL_MODE,
    COL_ALL
};

static int path_emit(PythiaTraceCursor *c, PythiaRows *rows) {
    const PythiaTrace *trace = &c->trace;
    const PythiaNames *names = pythia_capture_names(c->scan.capture);
    const PythiaPath *path = &c->analysis.path;
    char buffer[PYTHIA_ID_CHARS];
    for (uint32_t i = 0; i < path->n; i++) {
        const PythiaStep *step = &path->steps[i];
        int64_t id = pythia_trace_event_id(c, step->event);
        const PythiaSpan *span = &trace->spans[pythia_event_span(trace, step->event)];
        pythia_rows_int(rows, (sqlite3_int64)i + 1);
        pythia_rows_int(rows, id);
        pythia_rows_text(rows, pythia_names_id_text(names, span->id, buffer));
        pythia_rows_text(
            rows, pythia_names_tracepoint_text(names, pythia_event_tracepoint(trace, step->event)));
        pythia_rows_str(rows, pythia_phase_name(pythia_event_phase(trace, step->event)));
        pythia_rows_int(rows, step->time_ns);
        if (i + 1 < path->n)
            pythia_rows_int(rows, path->steps[i + 1].time_ns - step->time_ns);
        else
            pythia_rows_null(rows);
        pythia_rows_int(rows, 0);
        pythia_rows_end_id(rows, id);
    }
    return SQLITE_OK;
}

static int path_filter(PythiaCursor *cursor, const PythiaBound *bounds, int n, uint64_t used) {
    static const PythiaTraceTable table = {0, 1, path_emit};
    const PythiaBound *mode = pythia_bound(bounds, n, COL_MODE, PYTHIA_EQ);
    (void)used;
    pythia_trace_rows_release(cursor);
    if (mode && !pythia_text_equal(pythia_value_text(mode->value), PYTHIA_TEXT("default")))
        return pythia_vtab_fail(cursor->vtab, SQLITE_ERROR,
                                "pythia_critical_path: there is no mode '%s', only 'default'",
                                sqlite3_value_text(mode->value));
    return pythia_trace_rows_filter((PythiaTraceCursor *)cursor, &table,
                                    pythia_bound(bounds, n, COL_TRACE_ID, PYTHIA_EQ));
}

static const PythiaUse path_uses[] = {
    {COL_TRACE_ID, PYTHIA_EQ, PYTHIA_USE_REQUIRED | PYTHIA_USE_EXACT, 1},
    {COL_MODE, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
};

const PythiaTable pythia_table_critical_path = {
    .name = "pythia_critical_path",
    .columns = "position INTEGER, event_id INTEGER, span_id TEXT, tracepoint TEXT, phase TEXT,"
               " time_ns INTEGER, duration_ns INTEGER, synthetic INTEGER, trace_id TEXT HIDDEN,"
               " mode TEXT HIDDEN",
    .nvisible = COL_N,
    .nhidden = COL_ALL - COL_N,
    .uses = path_uses,
    .nuses = 2,
    .rows = 20,
    .cursor_bytes = sizeof(PythiaTraceCursor),
    .filter = path_filter,
    .next = pythia_trace_rows_next,
    .eof = pythia_trace_rows_eof,
    .column = pythia_trace_rows_column,
    .rowid = pythia_trace_rows_rowid,
    .release = pythia_trace_rows_release,
};
