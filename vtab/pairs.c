/* pairs.c - pythia_pairs: pairs of events of one trace, of which the first happened before the other (the columns that
** begin with other_).
**
** It is the happened-before join of two sets of events, asked once and not once for every event of one side: a
** join of pythia_events with itself costs SQLite about as much as finding the pairs does here. Conditions on trace
** points and phases choose the events (ext/capture/pairs.h); a row is a pair of the present trace. */
#include "ext/base/hash.h"
#include "vtab/events.h"
#include "vtab/tables.h"

/* Columns of one side, in the order of the declaration. */
enum {
    SIDE_EVENT,
    SIDE_SPAN,
    SIDE_TRACEPOINT,
    SIDE_PHASE,
    SIDE_SERVICE,
    SIDE_OPERATION,
    SIDE_INSTANCE,
    SIDE_TIME,
    SIDE_ATTRIBUTES,
    SIDE_N
};

static const int side_cells[SIDE_N] = {
    PYTHIA_EVENTS_ID,       PYTHIA_EVENTS_SPAN_ID, PYTHIA_EVENTS_TRACEPOINT,
    PYTHIA_EVENTS_PHASE,    PYTHIA_EVENTS_SERVICE, PYTHIA_EVENTS_OPERATION,
    PYTHIA_EVENTS_INSTANCE, PYTHIA_EVENTS_TIME,    PYTHIA_EVENTS_ATTRIBUTES};

enum {
    COL_TRACE_ID,
    COL_DURATION,
    COL_FIRST,
    COL_OTHER = COL_FIRST + SIDE_N,
    COL_N = COL_OTHER + SIDE_N
};

typedef struct PairsCursor {
    PythiaCursor base; /* must be first */
    PythiaEventCells cells;
    PythiaPoints equal[2], glob[2]; /* tracepoint and other_tracepoint */
    unsigned version;               /* of these */
    PythiaPairing pairing;
    unsigned pairing_version;
    PythiaPairs pairs; /* of the present trace */
    size_t row;
    uint32_t ordinal; /* of the present trace */
    int single;       /* no other trace is looked at */
} PairsCursor;

static char **pairs_error(PairsCursor *c) {
    return &c->base.vtab->base.zErrMsg;
}

/* ---- conditions ----------------------------------------------------------------------------------------- */

/* What each trace point may be, from the conditions on both sides. */
static int pairing_make(PairsCursor *c, const PythiaNames *names) {
    PythiaPairing *pairing = &c->pairing;
    uint32_t n = names->ntracepoints + 1;
    if (pairing->n == n && c->pairing_version == c->version) return SQLITE_OK;
    int rc = pythia_grow((void **)&pairing->sides, &pairing->capacity, n, 1);
    if (rc) return rc;
    for (uint32_t t = 0; t < n; t++) {
        pairing->sides[t] = 0;
        for (int side = 0; side < 2; side++)
            if (pythia_points_admit(&c->equal[side], t) && pythia_points_admit(&c->glob[side], t))
                pairing->sides[t] |= (unsigned char)(1 << side);
    }
    pairing->n = n;
    c->pairing_version = c->version;
    return SQLITE_OK;
}

static int pairs_conditions(PairsCursor *c, const PythiaBound *bounds, int n) {
    const PythiaNames *names = pythia_capture_names(c->base.capture);
    int rc = SQLITE_OK;
    for (int side = 0; side < 2 && !rc; side++) {
        int first = side ? COL_OTHER : COL_FIRST;
        const PythiaBound *equal = pythia_bound(bounds, n, first + SIDE_TRACEPOINT, PYTHIA_EQ);
        const PythiaBound *glob = pythia_bound(bounds, n, first + SIDE_TRACEPOINT, PYTHIA_GLOB);
        c->pairing.phases[side] =
            pythia_event_phases(pythia_bound(bounds, n, first + SIDE_PHASE, PYTHIA_EQ));
        rc = pythia_points_set(&c->equal[side], equal, 1, 0, names, &c->version);
        if (!rc) rc = pythia_points_set(&c->glob[side], glob, 0, 1, names, &c->version);
    }
    return rc ? rc : pairing_make(c, names);
}

/* ---- rows ------------------------------------------------------------------------------------------------ */

static int pairs_of_trace(PairsCursor *c) {
    c->row = 0;
    return pythia_view_pairs(&c->cells.view, c->ordinal, &c->pairing, &c->pairs, &c->base.poll,
                             pairs_error(c));
}

/* Goes on to the next trace that has pairs. */
static int pairs_advance(PairsCursor *c, int64_t segment_id) {
    PythiaView *view = &c->cells.view;
    c->row = c->pairs.n = 0;
    while (!c->single) {
        if (segment_id != view->segment_id || ++c->ordinal >= view->traces) {
            segment_id = pythia_capture_next_segment(c->base.capture, segment_id);
            if (!segment_id) break;
            int rc = pythia_view_open(view, c->base.capture, segment_id, pairs_error(c));
            if (rc) return rc;
            c->ordinal = 0;
            if (!view->traces) continue;
        }
        if (pythia_segment_dead(view->segment, c->ordinal)) continue;
        int rc = pythia_poll(&c->base.poll);
        if (!rc) rc = pairs_of_trace(c);
        if (rc || c->pairs.n) return rc;
    }
    return SQLITE_OK;
}

/* One trace: that of an event, or of a trace id. */
static int pairs_single(PairsCursor *c, const PythiaBound *event, const PythiaBound *trace_id) {
    int64_t segment_id = 0, number = 0;
    int found = 1, rc = SQLITE_OK;
    c->single = 1;
    c->pairs.n = 0;
    if (event) {
        int64_t id = pythia_event_id_of(event->value);
        segment_id = id / PYTHIA_EVENT_IDS;
        number = id % PYTHIA_EVENT_IDS;
        found = id > 0 && pythia_capture_has_segment(c->base.capture, segment_id);
    } else {
        rc = pythia_capture_find(c->base.capture, pythia_value_text(trace_id->value), &found,
                                 &segment_id, &c->ordinal, pairs_error(c));
    }
    if (rc || !found) return rc;
    rc = pythia_view_open(&c->cells.view, c->base.capture, segment_id, pairs_error(c));
    if (rc || (event && !pythia_view_find(&c->cells.view, number, c->ordinal, &c->ordinal)))
        return rc;
    return pairs_of_trace(c);
}

static int pairs_filter(PythiaCursor *cursor, const PythiaBound *bounds, int n, uint64_t used) {
    PairsCursor *c = (PairsCursor *)cursor;
    const PythiaBound *event = pythia_bound(bounds, n, COL_FIRST + SIDE_EVENT, PYTHIA_EQ);
    const PythiaBound *trace_id = pythia_bound(bounds, n, COL_TRACE_ID, PYTHIA_EQ);
    if (!event) event = pythia_bound(bounds, n, COL_OTHER + SIDE_EVENT, PYTHIA_EQ);
    c->row = c->pairs.n = 0;
    c->single = 0;
    c->cells.values =
        (used >> (COL_FIRST + SIDE_ATTRIBUTES) & 1) || (used >> (COL_OTHER + SIDE_ATTRIBUTES) & 1);
    if (!cursor->capture) return SQLITE_OK;
    int rc = pairs_conditions(c, bounds, n);
    if (rc) return rc;
    if (event || trace_id) return pairs_single(c, event, trace_id);
    pythia_view_close(&c->cells.view);
    return pairs_advance(c, 0);
}

static int pairs_next(PythiaCursor *cursor) {
    PairsCursor *c = (PairsCursor *)cursor;
    if (++c->row < c->pairs.n) return SQLITE_OK;
    return pairs_advance(c, c->cells.view.segment_id);
}

static int pairs_eof(PythiaCursor *cursor) {
    PairsCursor *c = (PairsCursor *)cursor;
    return c->row >= c->pairs.n;
}

/* ---- columns --------------------------------------------------------------------------------------------- */

static int pairs_column(PythiaCursor *cursor, sqlite3_context *context, int column) {
    PairsCursor *c = (PairsCursor *)cursor;
    const PythiaPair *pair = &c->pairs.pairs[c->row];
    int cell = column >= COL_OTHER   ? side_cells[column - COL_OTHER]
               : column >= COL_FIRST ? side_cells[column - COL_FIRST]
                                     : PYTHIA_EVENTS_TRACE_ID;
    int64_t number = column >= COL_OTHER ? pair->after : pair->before;
    if (column == COL_DURATION) {
        int64_t before = 0, after = 0;
        int rc = pythia_event_viewed_ns(&c->cells, cursor, pair->before, &before);
        if (!rc) rc = pythia_event_viewed_ns(&c->cells, cursor, pair->after, &after);
        if (!rc) sqlite3_result_int64(context, after - before);
        return rc;
    }
    return pythia_event_cell_viewed(&c->cells, cursor, context, c->ordinal, number, cell);
}

static int pairs_rowid(PythiaCursor *cursor, sqlite3_int64 *rowid) {
    PairsCursor *c = (PairsCursor *)cursor;
    const PythiaPair *pair = &c->pairs.pairs[c->row];
    int64_t base = c->cells.view.segment_id * PYTHIA_EVENT_IDS;
    *rowid = (sqlite3_int64)(pythia_hash_mix((uint64_t)(base + pair->before),
                                             (uint64_t)(base + pair->after)) >>
                             1);
    return SQLITE_OK;
}

static void pairs_release(PythiaCursor *cursor) {
    PairsCursor *c = (PairsCursor *)cursor;
    pythia_event_cells_clear(&c->cells);
    pythia_pairs_clear(&c->pairs);
    pythia_free(c->pairing.sides);
    memset(&c->pairing, 0, sizeof c->pairing);
    for (int side = 0; side < 2; side++) {
        pythia_points_clear(&c->equal[side]);
        pythia_points_clear(&c->glob[side]);
    }
}

/* ---- the table ------------------------------------------------------------------------------------------- */

#define SIDE(p)                                                                                    \
    p "event_id INTEGER, " p "span_id TEXT, " p "tracepoint TEXT, " p "phase TEXT, " p             \
      "service TEXT, " p "operation TEXT, " p "instance TEXT, " p "time_ns INTEGER, " p            \
      "attributes TEXT"

/* Fractions of the pairs of all events. */
static const PythiaUse pairs_uses[] = {
    {COL_FIRST + SIDE_EVENT, PYTHIA_EQ, 0, 1e-6},
    {COL_OTHER + SIDE_EVENT, PYTHIA_EQ, 0, 1e-6},
    {COL_TRACE_ID, PYTHIA_EQ, 0, 1e-4},
    {COL_FIRST + SIDE_TRACEPOINT, PYTHIA_EQ | PYTHIA_GLOB, PYTHIA_USE_EXACT, 0.02},
    {COL_OTHER + SIDE_TRACEPOINT, PYTHIA_EQ | PYTHIA_GLOB, PYTHIA_USE_EXACT, 0.02},
    {COL_FIRST + SIDE_PHASE, PYTHIA_EQ, PYTHIA_USE_EXACT, 0.5},
    {COL_OTHER + SIDE_PHASE, PYTHIA_EQ, PYTHIA_USE_EXACT, 0.5},
};

const PythiaTable pythia_table_pairs = {
    .name = "pythia_pairs",
    .columns = "trace_id TEXT, duration_ns INTEGER, " SIDE("") ", " SIDE("other_"),
    .nvisible = COL_N,
    .uses = pairs_uses,
    .nuses = sizeof pairs_uses / sizeof *pairs_uses,
    .rows = 2e7,
    .cursor_bytes = sizeof(PairsCursor),
    .filter = pairs_filter,
    .next = pairs_next,
    .eof = pairs_eof,
    .column = pairs_column,
    .rowid = pairs_rowid,
    .release = pairs_release,
};
