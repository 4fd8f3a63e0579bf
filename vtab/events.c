/* events.c - pythia_events: the starts and ends of spans, and the points in them.
**
** A row per event, in order of the store. time_ns is the recorded time; a start and an end carry the
** attributes of their span and its resource, a point its own. event_id is valid while the store is
** unchanged.
**
** Four ways to the rows: all traces, one trace by its id, one event by its id, or the events that lie after
** or before one (happens_after, happens_before), which are rows of its trace. The trace is held (capture.h),
** so that both sides of a join read it once, and which of its events are rows is a list (events_pick.c).
** Columns are made when they are asked for. */
#include "vtab/events.h"
#include "vtab/tables.h"

typedef struct EventsCursor {
    PythiaCursor base; /* must be first */
    PythiaScan scan;
    int scanning;     /* goes on to the next trace of the scan */
    int values;       /* attributes are wanted */
    PythiaHeld *held; /* the present trace, or the last one */
    PythiaEventPick pick;
    PythiaEvents rows; /* of the present trace */
    uint32_t row;
    PythiaAnalysis analysis;
    unsigned char *on_path; /* [event] */
    size_t on_path_capacity;
    int analysed; /* the two above are of the present trace */
} EventsCursor;

static char **events_error(EventsCursor *c) {
    return &c->base.vtab->base.zErrMsg;
}

/* ---- the trace ---------------------------------------------------------------------------------------- */

static void events_drop(EventsCursor *c) {
    pythia_held_release(c->held);
    c->held = NULL;
    c->analysed = 0;
}

/* Whether the trace that is held still is what the store has. */
static int events_holds(const EventsCursor *c) {
    return c->held && !c->held->detached && c->held->values >= c->values;
}

/* Makes the trace of an event the present one, unless it is; *found 0: there is no such event. */
static int events_hold_event(EventsCursor *c, int64_t id, uint32_t *event, int *found) {
    *found = events_holds(c) && pythia_held_event(c->held, id, event);
    if (*found) return SQLITE_OK;
    events_drop(c);
    int rc =
        pythia_capture_hold_event(c->base.capture, id, c->values, &c->held, event, events_error(c));
    *found = c->held != NULL;
    return rc;
}

/* Goes on to the next trace of the scan that has rows. */
static int events_advance(EventsCursor *c) {
    for (;;) {
        c->row = 0;
        c->rows.n = 0;
        int rc = pythia_scan_next(&c->scan, &c->base.poll, events_error(c));
        if (rc || c->scan.eof) return rc;
        events_drop(c);
        rc = pythia_capture_hold(c->base.capture, c->scan.segment_id, c->scan.ordinal, c->values,
                                 &c->held, events_error(c));
        if (!rc) rc = pythia_event_pick_events(&c->pick, &c->base, c->held, 0, 0, &c->rows);
        if (rc || c->rows.n) return rc;
    }
}

/* ---- filter -------------------------------------------------------------------------------------------- */

static int events_join(EventsCursor *c) {
    const PythiaEventPick *pick = &c->pick;
    uint32_t after = 0, before = 0;
    int found = 1, rc = SQLITE_OK;
    if (pick->has_before) rc = events_hold_event(c, pick->before, &before, &found);
    if (!rc && found && pick->has_after) {
        if (pick->has_before) /* only one of the same trace can have anything in between */
            found = pythia_held_event(c->held, pick->after, &after);
        else
            rc = events_hold_event(c, pick->after, &after, &found);
    }
    if (rc || !found) return rc;
    return pythia_event_pick_events(&c->pick, &c->base, c->held, after, before, &c->rows);
}

/* Leaves of the rows the one event that is asked for: with event_id = there is one at most, and SQLite is told
** so (PYTHIA_USE_UNIQUE). */
static void events_only(EventsCursor *c, int64_t id) {
    uint32_t event, n = 0;
    int here = c->held && pythia_held_event(c->held, id, &event);
    for (uint32_t i = 0; here && i < c->rows.n; i++)
        if (c->rows.events[i] == event) c->rows.events[n++] = event;
    c->rows.n = n;
}

static int events_one(EventsCursor *c, int64_t id) {
    uint32_t event;
    int found = 0;
    int rc = events_hold_event(c, id, &event, &found);
    if (rc || !found || !pythia_event_pick_admits(&c->pick, c->held, event)) return rc;
    return pythia_events_add(&c->rows, event);
}

static int events_filter(PythiaCursor *cursor, const PythiaBound *bounds, int n, uint64_t used) {
    EventsCursor *c = (EventsCursor *)cursor;
    const PythiaBound *id = pythia_bound(bounds, n, PYTHIA_EVENTS_ID, PYTHIA_EQ);
    c->scanning = 0;
    c->row = c->rows.n = 0;
    c->values = (used >> PYTHIA_EVENTS_ATTRIBUTES & 1) != 0;
    int rc = pythia_event_pick_begin(&c->pick, cursor, bounds, n);
    if (rc || !cursor->capture) return rc;
    if (used >> PYTHIA_EVENTS_ON_PATH & 1)
        rc = pythia_capture_settle(cursor->capture, &cursor->poll, events_error(c));
    if (rc) return rc;
    if (c->pick.joins) {
        rc = events_join(c);
        if (!rc && id) events_only(c, pythia_event_id_of(id->value));
        return rc;
    }
    if (id) return events_one(c, pythia_event_id_of(id->value));
    c->scanning = 1;
    rc = pythia_scan_begin(&c->scan, cursor->capture,
                           pythia_bound(bounds, n, PYTHIA_EVENTS_TRACE_ID, PYTHIA_EQ),
                           events_error(c));
    return rc ? rc : events_advance(c);
}

static int events_next(PythiaCursor *cursor) {
    EventsCursor *c = (EventsCursor *)cursor;
    if (++c->row < c->rows.n || !c->scanning) return SQLITE_OK;
    return events_advance(c);
}

static int events_eof(PythiaCursor *cursor) {
    EventsCursor *c = (EventsCursor *)cursor;
    return c->row >= c->rows.n;
}

/* ---- columns ------------------------------------------------------------------------------------------- */

static int column_on_path(EventsCursor *c, sqlite3_context *context, uint32_t event) {
    if (!c->analysed) {
        const PythiaTrace *trace = &c->held->trace;
        uint32_t events = pythia_trace_events(trace);
        int rc = pythia_capture_analyse(c->base.capture, trace, &c->analysis, events_error(c));
        if (!rc) rc = pythia_grow((void **)&c->on_path, &c->on_path_capacity, events, 1);
        if (rc) return rc;
        memset(c->on_path, 0, events);
        for (uint32_t i = 0; i < c->analysis.path.n; i++)
            c->on_path[c->analysis.path.steps[i].event] = 1;
        c->analysed = 1;
    }
    sqlite3_result_int(context, c->on_path[event]);
    return SQLITE_OK;
}

static int column_attributes(EventsCursor *c, sqlite3_context *context, const PythiaNames *names,
                             uint32_t event) {
    const PythiaTrace *trace = &c->held->trace;
    PythiaBuf json = {0};
    if (event < 2 * trace->nspans) {
        const PythiaSpan *span = &trace->spans[event / 2];
        pythia_values_json(&json, names, trace->values + span->first_value, span->nvalues,
                           &trace->resources[span->resource]);
    } else {
        const PythiaPoint *point = &trace->points[event - 2 * trace->nspans];
        pythia_values_json(&json, names, trace->values + point->first_value, point->nvalues, NULL);
    }
    int rc = json.rc;
    if (!rc) pythia_result_text(context, (PythiaText){(const char *)json.data, json.n});
    pythia_buf_clear(&json);
    return rc;
}

static void column_id(sqlite3_context *context, const PythiaNames *names, PythiaId id) {
    char buffer[PYTHIA_ID_CHARS];
    pythia_result_text(context, pythia_names_id_text(names, id, buffer));
}

static int events_column(PythiaCursor *cursor, sqlite3_context *context, int column) {
    EventsCursor *c = (EventsCursor *)cursor;
    const PythiaTrace *trace = &c->held->trace;
    const PythiaNames *names = pythia_capture_names(cursor->capture);
    uint32_t event = c->rows.events[c->row];
    const PythiaSpan *span = &trace->spans[pythia_event_span(trace, event)];
    const PythiaTracepoint *t = &names->tracepoints[pythia_event_tracepoint(trace, event)];
    if (column == PYTHIA_EVENTS_ID)
        sqlite3_result_int64(context, pythia_held_event_id(c->held, event));
    else if (column == PYTHIA_EVENTS_TRACE_ID)
        column_id(context, names, trace->id);
    else if (column == PYTHIA_EVENTS_SPAN_ID)
        column_id(context, names, span->id);
    else if (column == PYTHIA_EVENTS_TRACEPOINT)
        pythia_result_name(context, pythia_names_text(names, t->text));
    else if (column == PYTHIA_EVENTS_PHASE)
        sqlite3_result_text(context, pythia_phase_name(pythia_event_phase(trace, event)), -1,
                            SQLITE_STATIC);
    else if (column == PYTHIA_EVENTS_SERVICE)
        pythia_result_name(context, pythia_names_text(names, t->service));
    else if (column == PYTHIA_EVENTS_OPERATION)
        pythia_result_name(context, pythia_names_text(names, t->operation));
    else if (column == PYTHIA_EVENTS_INSTANCE && span->instance)
        pythia_result_name(context, pythia_names_text(names, span->instance));
    else if (column == PYTHIA_EVENTS_TIME)
        sqlite3_result_int64(context, pythia_event_raw_ns(trace, event));
    else if (column == PYTHIA_EVENTS_ON_PATH)
        return column_on_path(c, context, event);
    else if (column == PYTHIA_EVENTS_ATTRIBUTES && c->held->values)
        return column_attributes(c, context, names, event);
    return SQLITE_OK;
}

static int events_rowid(PythiaCursor *cursor, sqlite3_int64 *rowid) {
    EventsCursor *c = (EventsCursor *)cursor;
    *rowid = pythia_held_event_id(c->held, c->rows.events[c->row]);
    return SQLITE_OK;
}

static void events_release(PythiaCursor *cursor) {
    EventsCursor *c = (EventsCursor *)cursor;
    pythia_scan_end(&c->scan);
    events_drop(c);
    pythia_event_pick_clear(&c->pick);
    pythia_events_clear(&c->rows);
    pythia_analysis_clear(&c->analysis);
    pythia_free(c->on_path);
    c->on_path = NULL;
    c->on_path_capacity = 0;
}

/* ---- plan ---------------------------------------------------------------------------------------------- */

static int events_need(PythiaVtab *vtab, const char *what, const char *needs) {
    return pythia_vtab_fail(vtab, SQLITE_ERROR, "pythia_events: %s needs %s", what, needs);
}

/* Which arguments were given is known here for the first time; those that were cannot stand alone. */
static int events_plan(PythiaVtab *vtab, sqlite3_index_info *info, int *order) {
    unsigned given = 0;
    (void)order;
    for (int i = 0; i < info->nConstraint; i++)
        if (info->aConstraintUsage[i].argvIndex &&
            info->aConstraint[i].iColumn >= PYTHIA_EVENTS_N &&
            info->aConstraint[i].iColumn < PYTHIA_EVENTS_ALL)
            given |= 1u << (info->aConstraint[i].iColumn - PYTHIA_EVENTS_N);
#define GIVEN(column) (given >> (PYTHIA_EVENTS_##column - PYTHIA_EVENTS_N) & 1)
    if (GIVEN(HB_FILTER) && !(GIVEN(BEFORE) && GIVEN(HB_TRACEPOINT)))
        return events_need(
            vtab, "hb_filter",
            "happens_before = an event and hb_tracepoint = a name or GLOB, which say "
            "of which events it keeps the first or most recent");
    if (GIVEN(HB_TIES) && !GIVEN(HB_FILTER)) return events_need(vtab, "hb_ties", "hb_filter");
    const char *alone = GIVEN(HB_TRACEPOINT) ? "hb_tracepoint"
                        : GIVEN(HB_SAME)     ? "hb_same"
                        : GIVEN(HB_PHASE)    ? "hb_phase"
                                             : NULL;
    if (alone && !GIVEN(BEFORE) && !GIVEN(AFTER))
        return events_need(vtab, alone, "happens_before or happens_after = an event");
    if (!GIVEN(BEFORE) && !GIVEN(AFTER)) return SQLITE_OK;
    /* The cost is that of the answer: the events of one trace, or fewer. */
    double rows = GIVEN(HB_FILTER) ? 2 : GIVEN(HB_TRACEPOINT) ? 10 : 50;
    if (info->estimatedRows < 1000) rows /= 4; /* there are other conditions */
    info->estimatedRows = rows < 1 ? 1 : (sqlite3_int64)rows;
    info->estimatedCost = rows + 10;
#undef GIVEN
    return SQLITE_OK;
}

static const PythiaUse events_uses[] = {
    {PYTHIA_EVENTS_ID, PYTHIA_EQ, PYTHIA_USE_UNIQUE, 1e-6},
    {PYTHIA_EVENTS_TRACE_ID, PYTHIA_EQ, 0, 0.0001},
    {PYTHIA_EVENTS_TRACEPOINT, PYTHIA_EQ | PYTHIA_GLOB, PYTHIA_USE_EXACT, 0.02},
    {PYTHIA_EVENTS_PHASE, PYTHIA_EQ, PYTHIA_USE_EXACT, 0.5},
    {PYTHIA_EVENTS_AFTER, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
    {PYTHIA_EVENTS_BEFORE, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
    {PYTHIA_EVENTS_HB_TRACEPOINT, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
    {PYTHIA_EVENTS_HB_FILTER, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
    {PYTHIA_EVENTS_HB_TIES, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
    {PYTHIA_EVENTS_HB_SAME, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
    {PYTHIA_EVENTS_HB_PHASE, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
};

const PythiaTable pythia_table_events = {
    .name = "pythia_events",
    .columns =
        "event_id INTEGER, trace_id TEXT, span_id TEXT, tracepoint TEXT, phase TEXT, service TEXT,"
        " operation TEXT, instance TEXT, time_ns INTEGER, on_critical_path INTEGER, attributes "
        "TEXT, happens_after INTEGER HIDDEN, happens_before INTEGER HIDDEN, hb_tracepoint TEXT "
        "HIDDEN, hb_filter TEXT HIDDEN, hb_ties TEXT HIDDEN, hb_same TEXT HIDDEN, hb_phase TEXT "
        "HIDDEN",
    .nvisible = PYTHIA_EVENTS_N,
    .nhidden = PYTHIA_EVENTS_ALL - PYTHIA_EVENTS_N,
    .uses = events_uses,
    .nuses = sizeof events_uses / sizeof *events_uses,
    .rows = 2e6,
    .cursor_bytes = sizeof(EventsCursor),
    .filter = events_filter,
    .next = events_next,
    .eof = events_eof,
    .column = events_column,
    .rowid = events_rowid,
    .release = events_release,
    .plan = events_plan,
};
