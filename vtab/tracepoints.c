/* tracepoints.c - pythia_tracepoints: which instrumentation there is, and whether it is on.
**
** One row for each trace point that traces have shown, that a back end lists, or - where a back end
** cannot list them - that a rule names. `enabled` is what the rules say for requests that no rule names
** by their type, now, expired rules left out; layer is what the rules of pythia_layers say; by_type has the request types for which they say otherwise,
** as JSON: {"checkout":0}. `backend` names the back ends that are told about it; `pending` is 1 while one of
** them is still to be told something. events is counted in the stored traces, and so are hits and last_seen_ns
** where no program counts them itself; bytes, cost_ns, filtered and dropped are NULL there. */
#include "ext/capture/capture.h"
#include "ext/loop/loop.h"
#include "vtab/control.h"

enum {
    POINTS_TRACEPOINT,
    POINTS_SERVICE,
    POINTS_LAYER,
    POINTS_BACKEND,
    POINTS_ENABLED,
    POINTS_DECIDED_BY,
    POINTS_HITS,
    POINTS_EVENTS,
    POINTS_BYTES,
    POINTS_COST_NS,
    POINTS_LAST_SEEN_NS,
    POINTS_ALWAYS_ON,
    POINTS_BY_TYPE,
    POINTS_PENDING,
    POINTS_FILTERED,
    POINTS_DROPPED,
    POINTS_COLUMNS
};

/* What the stored traces have of a trace point. */
typedef struct Count {
    int64_t hits, events, last_ns;
} Count;

/* What programs have counted, by the number of the trace point in the state. */
typedef struct Measure {
    int measured;
    int64_t hits, bytes, cost_ns, last_ns, filtered, dropped;
} Measure;

typedef struct Measures {
    const PythiaControlState *state;
    Measure *of; /* [1 .. names.n] */
} Measures;

/* ------------------------------------------------------------------ counting */

static void count_one(Count *counts, uint32_t n, int64_t tracepoint, int events, int64_t last_ns) {
    if (tracepoint < 1 || tracepoint > n) return;
    Count *count = &counts[tracepoint];
    count->hits++;
    count->events += events;
    if (last_ns > count->last_ns) count->last_ns = last_ns;
}

typedef struct Columns {
    const int64_t *trace, *tracepoint, *start, *duration;
    uint32_t spans;
    const int64_t *span, *time, *name;
    uint32_t points;
} Columns;

static int columns_read(PythiaSegment *segment, Columns *c, char **error) {
    uint32_t n;
    int rc = pythia_segment_column(segment, PYTHIA_COL_SPAN_TRACE, &c->trace, &c->spans, error);
    if (!rc)
        rc = pythia_segment_column(segment, PYTHIA_COL_SPAN_TRACEPOINT, &c->tracepoint, &n, error);
    if (!rc) rc = pythia_segment_column(segment, PYTHIA_COL_SPAN_START, &c->start, &n, error);
    if (!rc) rc = pythia_segment_column(segment, PYTHIA_COL_SPAN_DURATION, &c->duration, &n, error);
    if (!rc)
        rc = pythia_segment_column(segment, PYTHIA_COL_POINT_SPAN, &c->span, &c->points, error);
    if (!rc) rc = pythia_segment_column(segment, PYTHIA_COL_POINT_TIME, &c->time, &n, error);
    if (!rc) rc = pythia_segment_column(segment, PYTHIA_COL_POINT_TRACEPOINT, &c->name, &n, error);
    return rc;
}

/* Adds a segment's live spans (two events each) and points (one). */
static int count_segment(PythiaSegment *segment, Count *counts, uint32_t n, PythiaPoll *poll,
                         char **error) {
    Columns c;
    int rc = columns_read(segment, &c, error);
    for (uint32_t i = 0; i < c.spans && !rc; i++) {
        if (!pythia_segment_dead(segment, (uint32_t)c.trace[i]))
            count_one(counts, n, c.tracepoint[i], 2,
                      c.start[i] + (c.duration[i] > 0 ? c.duration[i] : 0));
        rc = pythia_poll(poll);
    }
    for (uint32_t i = 0; i < c.points && !rc; i++) {
        if (c.span[i] >= 0 && c.span[i] < c.spans &&
            !pythia_segment_dead(segment, (uint32_t)c.trace[c.span[i]]))
            count_one(counts, n, c.name[i], 1, c.time[i]);
        rc = pythia_poll(poll);
    }
    return rc;
}

/* counts[1 .. n], by the number of the trace point in the store. */
static int count_all(PythiaStore *store, Count *counts, uint32_t n, PythiaPoll *poll,
                     char **error) {
    int rc = SQLITE_OK;
    uint32_t segments = pythia_store_segment_count(store);
    for (uint32_t i = 0; i < segments && !rc; i++) {
        PythiaSegment *segment = NULL;
        rc = pythia_segment_open(store, pythia_store_segment_info(store, i)->id, &segment, error);
        if (rc) break;
        rc = count_segment(segment, counts, n, poll, error);
        pythia_segment_release(segment);
    }
    return rc;
}

/* ------------------------------------------------------------------ rows */

/* The names of the back ends that are told about a trace point, joined. */
static void backends_cell(PythiaRows *rows, const PythiaControlState *state, uint32_t point) {
    PythiaBuf names = {0};
    for (size_t i = 0; i < state->nbackends; i++) {
        if (!pythia_state_has(state, &state->backends[i], point)) continue;
        if (names.n) pythia_buf_str(&names, ", ");
        pythia_buf_str(&names, state->backends[i].backend.name);
    }
    if (names.rc && !rows->rc) rows->rc = names.rc;
    if (names.n)
        pythia_rows_text(rows, (PythiaText){(const char *)names.data, names.n});
    else
        pythia_rows_null(rows);
    pythia_buf_clear(&names);
}

/* The request types for which the rules say something else than for the others. */
static void by_type_cell(PythiaRows *rows, const PythiaControlState *state, uint32_t point) {
    PythiaBuf json = {0};
    int common = pythia_state_enabled(state, point, 0);
    for (uint32_t type = 1; type <= state->types.n; type++) {
        int enabled = pythia_state_enabled(state, point, type);
        if (enabled == common) continue;
        pythia_buf_byte(&json, json.n ? ',' : '{');
        pythia_buf_json_text(&json, pythia_intern_text(&state->types, type));
        pythia_buf_str(&json, enabled ? ":1" : ":0");
    }
    if (json.n) pythia_buf_byte(&json, '}');
    if (json.rc && !rows->rc) rows->rc = json.rc;
    if (json.n)
        pythia_rows_text(rows, (PythiaText){(const char *)json.data, json.n});
    else
        pythia_rows_null(rows);
    pythia_buf_clear(&json);
}

static int64_t sum_bounded(int64_t a, int64_t b) {
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static int measure_add(void *context, const PythiaBackendCount *count) {
    Measures *measures = context;
    uint32_t id = pythia_intern_find(&measures->state->names, pythia_text(count->name));
    if (!id) return SQLITE_OK;
    Measure *m = &measures->of[id];
    m->measured = 1;
    m->hits = sum_bounded(m->hits, count->hits);
    m->bytes = sum_bounded(m->bytes, count->bytes);
    m->cost_ns = sum_bounded(m->cost_ns, count->cost_ns);
    m->filtered = sum_bounded(m->filtered, count->filtered);
    m->dropped = sum_bounded(m->dropped, count->dropped);
    if (count->last_ns > m->last_ns) m->last_ns = count->last_ns;
    return SQLITE_OK;
}

static int measure_all(PythiaControlState *state, Measure *measures) {
    Measures all = {state, measures};
    int rc = SQLITE_OK;
    for (size_t i = 0; i < state->nbackends && !rc; i++) {
        PythiaBackend *backend = &state->backends[i].backend;
        if (backend->kind && backend->available && backend->kind->count)
            rc = backend->kind->count(backend, measure_add, &all);
    }
    return rc;
}

static void measured(PythiaRows *rows, const Measure *measure, int64_t value) {
    if (measure->measured)
        pythia_rows_int(rows, value);
    else
        pythia_rows_null(rows);
}

static void point_row(PythiaRows *rows, const PythiaControlState *state, uint32_t id,
                      PythiaText layer, const Count *counts, const Measure *measure, int pending) {
    const PythiaStatePoint *point = &state->points[id];
    const PythiaRuleRow *rule = pythia_state_decide(state, id, 0);
    const Count *count = counts && point->tracepoint ? &counts[point->tracepoint] : NULL;
    pythia_rows_text(rows, point->name);
    pythia_rows_text(rows, point->service);
    pythia_rows_text(rows, layer);
    backends_cell(rows, state, id);
    pythia_rows_int(rows, pythia_state_enabled(state, id, 0));
    if (rule)
        pythia_rows_int(rows, rule->id);
    else
        pythia_rows_null(rows);
    int64_t last_ns = count && count->hits ? count->last_ns : 0;
    if (measure->last_ns > last_ns) last_ns = measure->last_ns;
    pythia_rows_int(rows, measure->measured ? measure->hits : count ? count->hits : 0);
    pythia_rows_int(rows, count ? count->events : 0);
    measured(rows, measure, measure->bytes);
    measured(rows, measure, measure->cost_ns);
    if (last_ns)
        pythia_rows_int(rows, last_ns);
    else
        pythia_rows_null(rows);
    pythia_rows_int(rows, point->always_on);
    by_type_cell(rows, state, id);
    pythia_rows_int(rows, pending);
    measured(rows, measure, measure->filtered);
    measured(rows, measure, measure->dropped);
    pythia_rows_end(rows);
}

/* Sets pending[point] where a back end is still to be told something. */
static int points_pending(const PythiaControlState *state, unsigned char *pending,
                          PythiaPoll *poll) {
    int rc = SQLITE_OK;
    for (size_t b = 0; b < state->nbackends && !rc; b++) {
        PythiaChanges changes = {0};
        rc = pythia_state_changes(state, b, 0, &changes, poll);
        for (size_t i = 0; i < changes.n && !rc; i++)
            pending[pythia_intern_find(&state->names, pythia_text(changes.changes[i].tracepoint))] =
                1;
        pythia_changes_clear(&changes);
    }
    return rc;
}

static int points_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    (void)bounds, (void)n;
    static const uint64_t counted = (uint64_t)1 << POINTS_HITS | (uint64_t)1 << POINTS_EVENTS |
                                    (uint64_t)1 << POINTS_LAST_SEEN_NS;
    PythiaControlState state = {0};
    Count *counts = NULL;
    Measure *measures = NULL;
    PythiaLayers layers = {0};
    unsigned char *pending = NULL;
    int rc = pythia_control_cursor_state(cursor, &state);
    if (!rc)
        rc =
            pythia_layers_load(cursor->capture, &state.names, &layers, &cursor->vtab->base.zErrMsg);
    if (!rc && cursor->capture && (cursor->used & counted)) {
        PythiaStore *store = pythia_capture_store(cursor->capture);
        uint32_t ntracepoints = pythia_store_names(store)->ntracepoints;
        counts = pythia_alloc_zero(((size_t)ntracepoints + 1) * sizeof *counts);
        rc = counts ? count_all(store, counts, ntracepoints, &cursor->poll,
                                &cursor->vtab->base.zErrMsg)
                    : SQLITE_NOMEM;
    }
    if (!rc) {
        measures = pythia_alloc_zero(((size_t)state.names.n + 1) * sizeof *measures);
        rc = measures ? measure_all(&state, measures) : SQLITE_NOMEM;
    }
    if (!rc) {
        pending = pythia_alloc_zero((size_t)state.names.n + 1);
        rc = pending ? points_pending(&state, pending, &cursor->poll) : SQLITE_NOMEM;
    }
    for (uint32_t id = 1; id <= state.names.n && !rc; id++) {
        point_row(&cursor->rows, &state, id, layers.of[id], counts, &measures[id], pending[id]);
        rc = pythia_poll(&cursor->poll);
    }
    pythia_free(counts);
    pythia_free(measures);
    pythia_free(pending);
    pythia_layers_clear(&layers);
    pythia_state_clear(&state);
    return rc;
}

const PythiaTable pythia_table_tracepoints = {
    .name = "pythia_tracepoints",
    .columns = "tracepoint TEXT, service TEXT, layer TEXT, backend TEXT, enabled INTEGER, "
               "decided_by INTEGER, hits INTEGER, events INTEGER, bytes INTEGER, cost_ns INTEGER, "
               "last_seen_ns INTEGER, always_on INTEGER, by_type TEXT, pending INTEGER, "
               "filtered INTEGER, dropped INTEGER",
    .nvisible = POINTS_COLUMNS,
    .rows = 500,
    .fill = points_fill,
};
