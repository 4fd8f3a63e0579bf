/* events_cells.c - the columns of an event, for pythia_events and pythia_pairs.
**
** An event is one of a trace that is held, or one that a view numbers. Of the latter the columns of the segment
** are looked up one by one; for attributes and the critical path its trace is held after all. */
#include "vtab/events.h"

void pythia_event_cells_drop(PythiaEventCells *cells) {
    pythia_held_release(cells->held);
    cells->held = NULL;
    cells->analysed = 0;
}

void pythia_event_cells_clear(PythiaEventCells *cells) {
    pythia_event_cells_drop(cells);
    pythia_view_close(&cells->view);
    pythia_analysis_clear(&cells->analysis);
    pythia_free(cells->on_path);
    memset(cells, 0, sizeof *cells);
}

/* ---- of a trace --------------------------------------------------------------------------------------- */

static int cell_on_path(PythiaEventCells *cells, PythiaCursor *cursor, sqlite3_context *context,
                        uint32_t event) {
    if (!cells->analysed) {
        const PythiaTrace *trace = &cells->held->trace;
        uint32_t events = pythia_trace_events(trace);
        int rc = pythia_capture_analyse(cursor->capture, trace, &cells->analysis,
                                        &cursor->vtab->base.zErrMsg);
        if (!rc) rc = pythia_grow((void **)&cells->on_path, &cells->on_path_capacity, events, 1);
        if (rc) return rc;
        memset(cells->on_path, 0, events);
        for (uint32_t i = 0; i < cells->analysis.path.n; i++)
            cells->on_path[cells->analysis.path.steps[i].event] = 1;
        cells->analysed = 1;
    }
    sqlite3_result_int(context, cells->on_path[event]);
    return SQLITE_OK;
}

static int cell_attributes(PythiaEventCells *cells, sqlite3_context *context,
                           const PythiaNames *names, uint32_t event) {
    const PythiaTrace *trace = &cells->held->trace;
    PythiaBuf json = {0};
    if (event < 2 * trace->nspans) {
        const PythiaSpan *span = &trace->spans[event / 2];
        pythia_span_json(&json, names, trace, span, NULL);
    } else {
        const PythiaPoint *point = &trace->points[event - 2 * trace->nspans];
        pythia_values_json(&json, names, trace->values + point->first_value, point->nvalues);
    }
    int rc = json.rc;
    if (!rc) pythia_result_text(context, (PythiaText){(const char *)json.data, json.n});
    pythia_buf_clear(&json);
    return rc;
}

static void cell_id(sqlite3_context *context, const PythiaNames *names, PythiaId id) {
    char buffer[PYTHIA_ID_CHARS];
    pythia_result_text(context, pythia_names_id_text(names, id, buffer));
}

static void cell_name(sqlite3_context *context, const PythiaNames *names, uint32_t tracepoint,
                      int column) {
    const PythiaTracepoint *t = &names->tracepoints[tracepoint];
    uint32_t text = column == PYTHIA_EVENTS_SERVICE     ? t->service
                    : column == PYTHIA_EVENTS_OPERATION ? t->operation
                                                        : t->text;
    pythia_result_name(context, pythia_names_text(names, text));
}

static void cell_phase(sqlite3_context *context, int phase) {
    sqlite3_result_text(context, pythia_phase_name(phase), -1, SQLITE_STATIC);
}

int pythia_event_cell(PythiaEventCells *cells, PythiaCursor *cursor, sqlite3_context *context,
                      uint32_t event, int column) {
    const PythiaTrace *trace = &cells->held->trace;
    const PythiaNames *names = pythia_capture_names(cursor->capture);
    const PythiaSpan *span = &trace->spans[pythia_event_span(trace, event)];
    switch (column) {
    case PYTHIA_EVENTS_ID:
        sqlite3_result_int64(context, pythia_held_event_id(cells->held, event));
        return SQLITE_OK;
    case PYTHIA_EVENTS_TRACE_ID:
        cell_id(context, names, trace->id);
        return SQLITE_OK;
    case PYTHIA_EVENTS_SPAN_ID:
        cell_id(context, names, span->id);
        return SQLITE_OK;
    case PYTHIA_EVENTS_TRACEPOINT:
    case PYTHIA_EVENTS_SERVICE:
    case PYTHIA_EVENTS_OPERATION:
        cell_name(context, names, pythia_event_tracepoint(trace, event), column);
        return SQLITE_OK;
    case PYTHIA_EVENTS_PHASE:
        cell_phase(context, pythia_event_phase(trace, event));
        return SQLITE_OK;
    case PYTHIA_EVENTS_INSTANCE:
        if (span->instance) pythia_result_name(context, pythia_names_text(names, span->instance));
        return SQLITE_OK;
    case PYTHIA_EVENTS_TIME:
        sqlite3_result_int64(context, pythia_event_raw_ns(trace, event));
        return SQLITE_OK;
    case PYTHIA_EVENTS_ON_PATH:
        return cell_on_path(cells, cursor, context, event);
    default:
        return cells->held->values ? cell_attributes(cells, context, names, event) : SQLITE_OK;
    }
}

/* ---- of a view ---------------------------------------------------------------------------------------- */

static int viewed_value(PythiaEventCells *cells, PythiaCursor *cursor, int column, int64_t row,
                        int64_t *value) {
    return pythia_view_value(&cells->view, column, row, value, &cursor->vtab->base.zErrMsg);
}

/* An id in three columns. */
static int viewed_id(PythiaEventCells *cells, PythiaCursor *cursor, sqlite3_context *context,
                     const int columns[3], int64_t row) {
    int64_t form = 0, hi = 0, lo = 0;
    int rc = viewed_value(cells, cursor, columns[0], row, &form);
    if (!rc) rc = viewed_value(cells, cursor, columns[1], row, &hi);
    if (!rc) rc = viewed_value(cells, cursor, columns[2], row, &lo);
    if (!rc)
        cell_id(context, pythia_capture_names(cursor->capture),
                (PythiaId){(uint64_t)hi, (uint64_t)lo, (uint32_t)form});
    return rc;
}

int pythia_event_viewed_ns(PythiaEventCells *cells, PythiaCursor *cursor, int64_t number,
                           int64_t *ns) {
    int64_t points = 2 * (int64_t)cells->view.spans, duration_ns = 0;
    int rc = number < points
                 ? viewed_value(cells, cursor, PYTHIA_COL_SPAN_START, number / 2, ns)
                 : viewed_value(cells, cursor, PYTHIA_COL_POINT_TIME, number - points, ns);
    if (!rc && number < points && number & 1)
        rc = viewed_value(cells, cursor, PYTHIA_COL_SPAN_DURATION, number / 2, &duration_ns);
    *ns += duration_ns;
    return rc;
}

/* The span of an event, as row of the columns of spans. */
static int viewed_span(PythiaEventCells *cells, PythiaCursor *cursor, int64_t number,
                       int64_t *span) {
    int64_t points = 2 * (int64_t)cells->view.spans;
    *span = number / 2;
    return number < points
               ? SQLITE_OK
               : viewed_value(cells, cursor, PYTHIA_COL_POINT_SPAN, number - points, span);
}

/* From the trace, which is held. */
static int viewed_held(PythiaEventCells *cells, PythiaCursor *cursor, sqlite3_context *context,
                       uint32_t ordinal, int64_t number, int column) {
    const PythiaHeld *held = cells->held;
    if (!held || held->segment_id != cells->view.segment_id || held->ordinal != ordinal ||
        held->values < cells->values || held->detached) {
        pythia_event_cells_drop(cells);
        int rc = pythia_capture_hold(cursor->capture, cells->view.segment_id, ordinal,
                                     cells->values, &cells->held, &cursor->vtab->base.zErrMsg);
        if (rc) return rc;
    }
    return pythia_event_cell(cells, cursor, context,
                             pythia_view_local(&cells->view, ordinal, number), column);
}

int pythia_event_cell_viewed(PythiaEventCells *cells, PythiaCursor *cursor,
                             sqlite3_context *context, uint32_t ordinal, int64_t number,
                             int column) {
    static const int trace_id[] = {PYTHIA_COL_TRACE_FORM, PYTHIA_COL_TRACE_HI, PYTHIA_COL_TRACE_LO},
                     span_id[] = {PYTHIA_COL_SPAN_FORM, PYTHIA_COL_SPAN_HI, PYTHIA_COL_SPAN_ID};
    const PythiaNames *names = pythia_capture_names(cursor->capture);
    int64_t span = 0, instance = 0, ns = 0;
    int rc;
    switch (column) {
    case PYTHIA_EVENTS_ID:
        sqlite3_result_int64(context, cells->view.segment_id * PYTHIA_EVENT_IDS + number);
        return SQLITE_OK;
    case PYTHIA_EVENTS_TRACE_ID:
        return viewed_id(cells, cursor, context, trace_id, ordinal);
    case PYTHIA_EVENTS_SPAN_ID:
        rc = viewed_span(cells, cursor, number, &span);
        return rc ? rc : viewed_id(cells, cursor, context, span_id, span);
    case PYTHIA_EVENTS_TRACEPOINT:
    case PYTHIA_EVENTS_SERVICE:
    case PYTHIA_EVENTS_OPERATION:
        cell_name(context, names, pythia_view_tracepoint(&cells->view, number), column);
        return SQLITE_OK;
    case PYTHIA_EVENTS_PHASE:
        cell_phase(context, pythia_view_phase(&cells->view, ordinal, number));
        return SQLITE_OK;
    case PYTHIA_EVENTS_INSTANCE:
        rc = viewed_span(cells, cursor, number, &span);
        if (!rc) rc = viewed_value(cells, cursor, PYTHIA_COL_SPAN_INSTANCE, span, &instance);
        if (!rc && instance)
            pythia_result_name(context, pythia_names_text(names, (uint32_t)instance));
        return rc;
    case PYTHIA_EVENTS_TIME:
        rc = pythia_event_viewed_ns(cells, cursor, number, &ns);
        if (!rc) sqlite3_result_int64(context, ns);
        return rc;
    default:
        return viewed_held(cells, cursor, context, ordinal, number, column);
    }
}
