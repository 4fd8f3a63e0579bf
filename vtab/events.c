/* events.c - pythia_events: the starts and ends of spans, and the points in them.
**
** A row per event, in order of the store. time_ns is the recorded time; a start and an end carry the
** attributes of their span and its resource, a point its own. event_id is valid while the store is
** unchanged.
**
** Four ways to the rows: all traces, one trace by its id, one event by its id, or the events that lie after
** or before one (happens_after, happens_before), which are rows of its trace.
**
** All traces are gone over segment by segment in a view (ext/capture/pairs.h): no trace is read for its trace
** points, times and phases. A join asks for one event after the other: as soon as a few traces of a segment
** were asked for, or where its columns are in memory, the view answers; else, and for what a view does not know,
** the trace is held (capture.h), so that both sides of a join read it once. Which of its events are rows is a list
** (events_pick.c). Columns are made when they are asked for. */
#include "vtab/events.h"
#include "vtab/tables.h"

/* Traces of one segment that are asked for one by one before the columns of all are decoded. */
enum { ALONE_MOST = 3 };

typedef struct EventsCursor {
    PythiaCursor base; /* must be first */
    PythiaScan scan;   /* of a trace that is asked for by its id */
    int scanning;      /* goes on to the next segment */
    int64_t segment_id;
    PythiaEventPick pick;
    PythiaEventCells cells;
    PythiaEvents rows; /* of the present trace; or, if viewed, numbers in the segment of the view */
    int viewed;
    uint32_t row;
    uint32_t ordinal;      /* viewed: of the trace that was found last, where to look first */
    int64_t alone_segment; /* for ALONE_MOST */
    uint32_t alone_ordinal, alone;
} EventsCursor;

static char **events_error(EventsCursor *c) {
    return &c->base.vtab->base.zErrMsg;
}

/* ---- the trace ---------------------------------------------------------------------------------------- */

/* Whether the trace that is held still is what the store has. */
static int events_holds(const EventsCursor *c) {
    const PythiaHeld *held = c->cells.held;
    return held && !held->detached && held->values >= c->cells.values;
}

/* Makes the trace of an event the present one, unless it is; *found 0: there is no such event. */
static int events_hold_event(EventsCursor *c, int64_t id, uint32_t *event, int *found) {
    *found = events_holds(c) && pythia_held_event(c->cells.held, id, event);
    if (*found) return SQLITE_OK;
    pythia_event_cells_drop(&c->cells);
    int rc = pythia_capture_hold_event(c->base.capture, id, c->cells.values, &c->cells.held, event,
                                       events_error(c));
    *found = c->cells.held != NULL;
    return rc;
}

/* Goes on to the next segment that has rows. */
static int events_advance(EventsCursor *c) {
    PythiaCapture *capture = c->base.capture;
    PythiaView *view = &c->cells.view;
    const PythiaNames *names = pythia_capture_names(capture);
    c->row = c->rows.n = 0;
    c->ordinal = 0;
    while (!c->rows.n) {
        c->segment_id = pythia_capture_next_segment(capture, c->segment_id);
        if (!c->segment_id) {
            c->scanning = 0;
            return SQLITE_OK;
        }
        int rc = pythia_view_open(view, capture, c->segment_id, events_error(c));
        for (uint32_t t = 0; !rc && t < view->traces; t++) {
            if (pythia_segment_dead(view->segment, t)) continue;
            rc = pythia_poll(&c->base.poll);
            if (!rc) rc = pythia_event_pick_trace(&c->pick, names, view, t, &c->rows);
        }
        if (rc) return rc;
    }
    return SQLITE_OK;
}

/* ---- filter -------------------------------------------------------------------------------------------- */

static int events_join(EventsCursor *c) {
    const PythiaEventPick *pick = &c->pick;
    uint32_t after = 0, before = 0;
    int found = 1, rc = SQLITE_OK;
    if (pick->has_before) rc = events_hold_event(c, pick->before, &before, &found);
    if (!rc && found && pick->has_after) {
        if (pick->has_before) /* only one of the same trace can have anything in between */
            found = pythia_held_event(c->cells.held, pick->after, &after);
        else
            rc = events_hold_event(c, pick->after, &after, &found);
    }
    if (rc || !found) return rc;
    return pythia_event_pick_events(&c->pick, &c->base, c->cells.held, after, before, &c->rows);
}

/* Whether the segment is worth a view; see ALONE_MOST. */
static int events_worth_view(EventsCursor *c, int64_t segment_id) {
    if (pythia_view_is_ordered(c->base.capture, segment_id)) return 1;
    if (c->alone_segment != segment_id) {
        c->alone_segment = segment_id;
        c->alone = 0;
    }
    if (c->cells.held && c->cells.held->segment_id == segment_id &&
        (!c->alone || c->cells.held->ordinal != c->alone_ordinal)) {
        c->alone_ordinal = c->cells.held->ordinal;
        c->alone++;
    }
    return c->alone >= ALONE_MOST;
}

/* Answers a join from a view; *done 0: it cannot. */
static int events_join_viewed(EventsCursor *c, int *done) {
    PythiaView *view = &c->cells.view;
    int64_t id = c->pick.has_before ? c->pick.before : c->pick.after;
    int64_t segment_id = id / PYTHIA_EVENT_IDS, number = id % PYTHIA_EVENT_IDS;
    int known = pythia_view_is(view, c->base.capture, segment_id);
    *done = 0;
    if (!known && (id <= 0 || !events_worth_view(c, segment_id) ||
                   !pythia_capture_has_segment(c->base.capture, segment_id)))
        return SQLITE_OK;
    int rc =
        known ? SQLITE_OK : pythia_view_open(view, c->base.capture, segment_id, events_error(c));
    if (!rc) rc = pythia_view_order(view, events_error(c));
    if (rc) return rc;
    c->viewed = 1;
    if (!pythia_view_find(view, number, c->ordinal, &c->ordinal)) {
        *done = 1;
        return SQLITE_OK;
    }
    rc = pythia_event_pick_viewed(&c->pick, pythia_capture_names(c->base.capture), view, c->ordinal,
                                  number, &c->rows, done, events_error(c));
    if (!*done) c->viewed = 0;
    return rc;
}

/* Leaves of the rows the one event that is asked for: with event_id = there is one at most, and SQLite is told
** so (PYTHIA_USE_UNIQUE). */
static void events_only(EventsCursor *c, int64_t id) {
    uint32_t event = (uint32_t)(id % PYTHIA_EVENT_IDS), n = 0;
    int here = c->viewed ? id / PYTHIA_EVENT_IDS == c->cells.view.segment_id
                         : c->cells.held && pythia_held_event(c->cells.held, id, &event);
    for (uint32_t i = 0; here && i < c->rows.n; i++)
        if (c->rows.events[i] == event) c->rows.events[n++] = event;
    c->rows.n = n;
}

static int events_one(EventsCursor *c, int64_t id) {
    uint32_t event;
    int found = 0;
    int rc = events_hold_event(c, id, &event, &found);
    if (rc || !found || !pythia_event_pick_admits(&c->pick, c->cells.held, event)) return rc;
    return pythia_events_add(&c->rows, event);
}

static int events_of_trace(EventsCursor *c, const PythiaBound *trace_id) {
    int rc = pythia_scan_begin(&c->scan, c->base.capture, trace_id, events_error(c));
    if (!rc) rc = pythia_scan_next(&c->scan, &c->base.poll, events_error(c));
    if (rc || c->scan.eof) return rc;
    pythia_event_cells_drop(&c->cells);
    rc = pythia_capture_hold(c->base.capture, c->scan.segment_id, c->scan.ordinal, c->cells.values,
                             &c->cells.held, events_error(c));
    return rc ? rc : pythia_event_pick_events(&c->pick, &c->base, c->cells.held, 0, 0, &c->rows);
}

static int events_filter(PythiaCursor *cursor, const PythiaBound *bounds, int n, uint64_t used) {
    EventsCursor *c = (EventsCursor *)cursor;
    c->scanning = c->viewed = 0;
    c->row = c->rows.n = 0;
    c->cells.values = (used >> PYTHIA_EVENTS_ATTRIBUTES & 1) != 0;
    int rc = pythia_event_pick_begin(&c->pick, cursor, bounds, n);
    if (rc || !cursor->capture) return rc;
    if (used >> PYTHIA_EVENTS_ON_PATH & 1)
        rc = pythia_capture_settle(cursor->capture, &cursor->poll, events_error(c));
    if (rc) return rc;
    const PythiaBound *id = c->pick.id_at < 0 ? NULL : &bounds[c->pick.id_at];
    if (c->pick.joins) {
        int done = 0;
        rc = events_join_viewed(c, &done);
        if (!rc && !done) rc = events_join(c);
        if (!rc && id) events_only(c, pythia_event_id_of(id->value));
        return rc;
    }
    if (id) return events_one(c, pythia_event_id_of(id->value));
    if (c->pick.trace_at >= 0) return events_of_trace(c, &bounds[c->pick.trace_at]);
    c->scanning = c->viewed = 1;
    c->segment_id = 0;
    return events_advance(c);
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

static int events_column(PythiaCursor *cursor, sqlite3_context *context, int column) {
    EventsCursor *c = (EventsCursor *)cursor;
    uint32_t event = c->rows.events[c->row];
    if (!c->viewed) return pythia_event_cell(&c->cells, cursor, context, event, column);
    if (column == PYTHIA_EVENTS_ID) {
        sqlite3_result_int64(context, c->cells.view.segment_id * PYTHIA_EVENT_IDS + event);
        return SQLITE_OK;
    }
    if (!pythia_view_find(&c->cells.view, event, c->ordinal, &c->ordinal)) return SQLITE_OK;
    return pythia_event_cell_viewed(&c->cells, cursor, context, c->ordinal, event, column);
}

static int events_rowid(PythiaCursor *cursor, sqlite3_int64 *rowid) {
    EventsCursor *c = (EventsCursor *)cursor;
    uint32_t event = c->rows.events[c->row];
    *rowid = c->viewed ? c->cells.view.segment_id * PYTHIA_EVENT_IDS + event
                       : pythia_held_event_id(c->cells.held, event);
    return SQLITE_OK;
}

static void events_release(PythiaCursor *cursor) {
    EventsCursor *c = (EventsCursor *)cursor;
    pythia_scan_end(&c->scan);
    pythia_event_cells_clear(&c->cells);
    pythia_event_pick_clear(&c->pick);
    pythia_events_clear(&c->rows);
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
