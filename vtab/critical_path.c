/* critical_path.c - pythia_critical_path(trace_id [, mode [, root]]): the events that determined how long a
** request took.
**
** mode 'default': the events of the critical path, in order of time. duration_ns reaches to the next event; the
** durations of a trace sum to its duration_ns in pythia_traces. The last event has none.
**
** mode 'crisp': the path by the rules of ext/trace/crisp.h, one row for each span on it, in CRISP's order: a span
** before its children, the child that ends last first. The event is the span's start, as cut to its parent
** (then synthetic is 1), and duration_ns the span's exclusive time. root names the trace point of the span at
** which the path begins: the first such span of the trace. Without it it is the root of the request. */
#include "vtab/crisp.h"
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
    COL_IN_SPAN,
    COL_N,
    COL_TRACE_ID = COL_N,
    COL_MODE,
    COL_ROOT,
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
        if (step->between != PYTHIA_NO_SPAN)
            pythia_rows_text(rows,
                             pythia_names_id_text(names, trace->spans[step->between].id, buffer));
        else
            pythia_rows_null(rows);
        pythia_rows_end_id(rows, id);
    }
    return SQLITE_OK;
}

static int crisp_emit(PythiaTraceCursor *t, PythiaRows *rows) {
    PythiaCrispCursor *c = (PythiaCrispCursor *)t;
    const PythiaNames *names = pythia_capture_names(t->scan.capture);
    char buffer[PYTHIA_ID_CHARS];
    int found, rc = pythia_crisp_cursor_walk(c, &found);
    for (uint32_t i = 0; !rc && found && i < c->crisp.npath; i++) {
        const PythiaSpan *span = &t->trace.spans[c->crisp.path[i]];
        const PythiaCrispSpan *cut = &c->crisp.spans[c->crisp.path[i]];
        int64_t id = pythia_trace_event_id(t, 2 * c->crisp.path[i]);
        pythia_rows_int(rows, (sqlite3_int64)i + 1);
        pythia_rows_int(rows, id);
        pythia_rows_text(rows, pythia_names_id_text(names, span->id, buffer));
        pythia_rows_text(rows, pythia_names_tracepoint_text(names, span->tracepoint));
        pythia_rows_str(rows, pythia_phase_name(PYTHIA_PHASE_START));
        pythia_rows_int(rows, cut->start_ns);
        pythia_rows_int(rows, cut->exclusive_ns);
        pythia_rows_int(rows, cut->start_ns != span->start_ns);
        pythia_rows_text(rows, pythia_names_id_text(names, span->id, buffer));
        pythia_rows_end_id(rows, id);
    }
    return rc;
}

static int path_filter(PythiaCursor *cursor, const PythiaBound *bounds, int n, uint64_t used) {
    static const PythiaTraceTable table = {0, 1, path_emit}, crisp = {1, 1, crisp_emit};
    const PythiaBound *mode = pythia_bound(bounds, n, COL_MODE, PYTHIA_EQ);
    const PythiaBound *root = pythia_bound(bounds, n, COL_ROOT, PYTHIA_EQ);
    (void)used;
    pythia_crisp_cursor_release(cursor);
    PythiaText word = mode ? pythia_value_text(mode->value) : PYTHIA_TEXT("default");
    int is_crisp = pythia_text_equal(word, PYTHIA_TEXT("crisp"));
    if (!is_crisp && !pythia_text_equal(word, PYTHIA_TEXT("default")))
        return pythia_vtab_fail(cursor->vtab, SQLITE_ERROR,
                                "pythia_critical_path: there is no mode '%.*s', only 'default' and"
                                " 'crisp'",
                                (int)word.n, word.p ? word.p : "");
    if (root && !is_crisp)
        return pythia_vtab_fail(
            cursor->vtab, SQLITE_ERROR,
            "pythia_critical_path: a root can be chosen only with mode 'crisp'");
    int rc = pythia_crisp_cursor_root((PythiaCrispCursor *)cursor, root);
    if (rc) return rc;
    return pythia_trace_rows_filter((PythiaTraceCursor *)cursor, is_crisp ? &crisp : &table,
                                    pythia_bound(bounds, n, COL_TRACE_ID, PYTHIA_EQ));
}

static const PythiaUse path_uses[] = {
    {COL_TRACE_ID, PYTHIA_EQ, PYTHIA_USE_REQUIRED | PYTHIA_USE_EXACT, 1},
    {COL_MODE, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
    {COL_ROOT, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
};

const PythiaTable pythia_table_critical_path = {
    .name = "pythia_critical_path",
    .columns = "position INTEGER, event_id INTEGER, span_id TEXT, tracepoint TEXT, phase TEXT,"
               " time_ns INTEGER, duration_ns INTEGER, synthetic INTEGER, in_span TEXT,"
               " trace_id TEXT HIDDEN,"
               " mode TEXT HIDDEN, root TEXT HIDDEN",
    .nvisible = COL_N,
    .nhidden = COL_ALL - COL_N,
    .uses = path_uses,
    .nuses = sizeof path_uses / sizeof path_uses[0],
    .rows = 20,
    .cursor_bytes = sizeof(PythiaCrispCursor),
    .filter = path_filter,
    .next = pythia_trace_rows_next,
    .eof = pythia_trace_rows_eof,
    .column = pythia_trace_rows_column,
    .rowid = pythia_trace_rows_rowid,
    .release = pythia_crisp_cursor_release,
};
