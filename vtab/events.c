/* events.c - pythia_events: the starts and ends of spans, and the points in them.
**
** A row per event, in order of the store. time_ns is the recorded time; a start and an end carry the
** attributes of their span and its resource, a point its own. event_id is valid while the store is
** unchanged. */
#include "vtab/scan.h"
#include "vtab/tables.h"

enum {
    COL_EVENT_ID,
    COL_TRACE_ID,
    COL_SPAN_ID,
    COL_TRACEPOINT,
    COL_PHASE,
    COL_SERVICE,
    COL_OPERATION,
    COL_INSTANCE,
    COL_TIME,
    COL_ON_PATH,
    COL_ATTRIBUTES,
    COL_N
};

static void emit_attributes(PythiaTraceCursor *c, PythiaRows *rows, const PythiaNames *names,
                            uint32_t event) {
    const PythiaTrace *trace = &c->trace;
    PythiaBuf json = {0};
    if (event < 2 * trace->nspans) {
        const PythiaSpan *span = &trace->spans[event / 2];
        pythia_values_json(&json, names, trace->values + span->first_value, span->nvalues,
                           &trace->resources[span->resource]);
    } else {
        const PythiaPoint *point = &trace->points[event - 2 * trace->nspans];
        pythia_values_json(&json, names, trace->values + point->first_value, point->nvalues, NULL);
    }
    if (json.rc && !rows->rc) rows->rc = json.rc;
    pythia_rows_text(rows, (PythiaText){(const char *)json.data, json.n});
    pythia_buf_clear(&json);
}

static int events_emit(PythiaTraceCursor *c, PythiaRows *rows) {
    const PythiaTrace *trace = &c->trace;
    const PythiaNames *names = pythia_capture_names(c->scan.capture);
    char buffer[PYTHIA_ID_CHARS];
    int attributes = (c->base.used >> COL_ATTRIBUTES & 1) != 0;
    for (uint32_t event = 0; event < pythia_trace_events(trace) && !rows->rc; event++) {
        if (!pythia_event_exists(trace, event)) continue;
        const PythiaSpan *span = &trace->spans[pythia_event_span(trace, event)];
        uint32_t tracepoint = pythia_event_tracepoint(trace, event);
        const PythiaTracepoint *t = &names->tracepoints[tracepoint];
        int64_t id = pythia_trace_event_id(c, event);
        pythia_rows_int(rows, id);
        pythia_rows_text(rows, c->trace_id);
        pythia_rows_text(rows, pythia_names_id_text(names, span->id, buffer));
        pythia_rows_text(rows, pythia_names_text(names, t->text));
        pythia_rows_str(rows, pythia_phase_name(pythia_event_phase(trace, event)));
        pythia_rows_text(rows, pythia_names_text(names, t->service));
        pythia_rows_text(rows, pythia_names_text(names, t->operation));
        if (span->instance)
            pythia_rows_text(rows, pythia_names_text(names, span->instance));
        else
            pythia_rows_null(rows);
        pythia_rows_int(rows, pythia_event_raw_ns(trace, event));
        pythia_rows_int(rows, c->on_path ? c->on_path[event] : 0);
        if (attributes)
            emit_attributes(c, rows, names, event);
        else
            pythia_rows_null(rows);
        pythia_rows_end_id(rows, id);
    }
    return SQLITE_OK;
}

static int events_filter(PythiaCursor *cursor, const PythiaBound *bounds, int n, uint64_t used) {
    /* What a query does not look at is not computed: four ways to make the rows. */
    static const PythiaTraceTable tables[4] = {
        {0, 0, events_emit}, {1, 0, events_emit}, {0, 1, events_emit}, {1, 1, events_emit}};
    unsigned which = (unsigned)(used >> COL_ATTRIBUTES & 1) | (unsigned)(used >> COL_ON_PATH & 1)
                                                                  << 1;
    pythia_trace_rows_release(cursor);
    return pythia_trace_rows_filter((PythiaTraceCursor *)cursor, &tables[which],
                                    pythia_bound(bounds, n, COL_TRACE_ID, PYTHIA_EQ));
}

static const PythiaUse events_uses[] = {{COL_TRACE_ID, PYTHIA_EQ, 0, 0.0001}};

const PythiaTable pythia_table_events = {
    .name = "pythia_events",
    .columns =
        "event_id INTEGER, trace_id TEXT, span_id TEXT, tracepoint TEXT, phase TEXT, service TEXT,"
        " operation TEXT, instance TEXT, time_ns INTEGER, on_critical_path INTEGER, attributes "
        "TEXT",
    .nvisible = COL_N,
    .uses = events_uses,
    .nuses = 1,
    .rows = 2e6,
    .cursor_bytes = sizeof(PythiaTraceCursor),
    .filter = events_filter,
    .next = pythia_trace_rows_next,
    .eof = pythia_trace_rows_eof,
    .column = pythia_trace_rows_column,
    .rowid = pythia_trace_rows_rowid,
    .release = pythia_trace_rows_release,
};
