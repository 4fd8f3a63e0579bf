/* spans.c - pythia_spans: one row per span.
**
** Two ways to make a row. What lies in a column of the segment is read from there, so that a scan touches
** only the columns that the query names. What follows from the rest of the trace (parent_id, self_ns, depth,
** children, on_critical_path, attributes) needs the trace: then it is read back whole, once for all its rows;
** so it is where one trace or span is asked for by its id, because then only its part of the columns is decoded.
**
** duration_ns is end minus start as recorded and may be negative. */
#include "vtab/scan.h"
#include "vtab/tables.h"
#include "vtab/values_json.h"

enum {
    COL_TRACE_ID,
    COL_SPAN_ID,
    COL_PARENT_ID,
    COL_SERVICE,
    COL_OPERATION,
    COL_KIND,
    COL_INSTANCE,
    COL_START,
    COL_DURATION,
    COL_SELF,
    COL_DEPTH,
    COL_CHILDREN,
    COL_STATUS,
    COL_ON_PATH,
    COL_TRACEPOINT,
    COL_ATTRIBUTES,
    COL_EVENT,
    COL_N
};

#define BIT(column) ((uint64_t)1 << (column))

/* Columns that need the trace. */
#define OF_TRACE                                                                                   \
    (BIT(COL_PARENT_ID) | BIT(COL_SELF) | BIT(COL_DEPTH) | BIT(COL_CHILDREN) | BIT(COL_ON_PATH) |  \
     BIT(COL_ATTRIBUTES))

/* The segment columns that a scan may need, and their places in SpansCursor.columns. */
enum { S_FORM, S_HI, S_ID, S_START, S_DURATION, S_TRACEPOINT, S_INSTANCE, S_BITS, S_N };
static const struct {
    int source;
    uint64_t for_columns;
} span_sources[S_N] = {
    {PYTHIA_COL_SPAN_FORM, BIT(COL_SPAN_ID)},
    {PYTHIA_COL_SPAN_HI, BIT(COL_SPAN_ID)},
    {PYTHIA_COL_SPAN_ID, BIT(COL_SPAN_ID)},
    {PYTHIA_COL_SPAN_START, BIT(COL_START)},
    {PYTHIA_COL_SPAN_DURATION, BIT(COL_DURATION)},
    {PYTHIA_COL_SPAN_TRACEPOINT, BIT(COL_SERVICE) | BIT(COL_OPERATION) | BIT(COL_TRACEPOINT)},
    {PYTHIA_COL_SPAN_INSTANCE, BIT(COL_INSTANCE)},
    {PYTHIA_COL_SPAN_BITS, BIT(COL_KIND) | BIT(COL_STATUS)},
};

typedef struct SpansCursor {
    PythiaTraceCursor t; /* must be first; its trace and analysis serve the rows that need them */
    const PythiaNames *names;
    uint64_t used;
    int whole;                   /* rows are made from the trace */
    const int64_t *columns[S_N]; /* of the current segment */
    int64_t loaded;              /* the segment they belong to */
    uint32_t first, n, row;      /* spans of the trace in the segment; the current one among them */
    unsigned char *wanted;       /* [trace point]: passes the bounds on names; NULL: all do */
    int by_id;                   /* only spans with this id */
    PythiaId id;
    int seek;              /* the store is asked where they are; there is no scan */
    PythiaSpanPlace place; /* the last answer */
    int64_t start_low, start_high, duration_low, duration_high;
    PythiaBuf json;               /* the attributes of a row */
    PythiaResourceJson resources; /* their parts in it */
} SpansCursor;

static char **spans_error(SpansCursor *c) {
    return &c->t.base.vtab->base.zErrMsg;
}

/* ---- bounds --------------------------------------------------------------------------------------------- */

static PythiaText tracepoint_part(const PythiaNames *names, const PythiaTracepoint *t, int column) {
    return pythia_names_text(names, column == COL_SERVICE     ? t->service
                                    : column == COL_OPERATION ? t->operation
                                                              : t->text);
}

/* Decides for each trace point, once, whether its spans can be rows. */
static int spans_want(SpansCursor *c, const PythiaBound *bounds, int n) {
    for (int i = 0; i < n; i++) {
        const PythiaBound *b = &bounds[i];
        if (b->column != COL_SERVICE && b->column != COL_OPERATION && b->column != COL_TRACEPOINT)
            continue;
        uint32_t count = c->names->ntracepoints + 1;
        if (!c->wanted) {
            c->wanted = pythia_alloc(count);
            if (!c->wanted) return SQLITE_NOMEM;
            memset(c->wanted, 1, count);
        }
        PythiaText text = pythia_value_text(b->value);
        const char *pattern = (const char *)sqlite3_value_text(b->value);
        for (uint32_t t = 1; t < count && pattern; t++) {
            PythiaText name = tracepoint_part(c->names, &c->names->tracepoints[t], b->column);
            int ok = b->op == PYTHIA_GLOB ? sqlite3_strglob(pattern, name.p) == 0
                                          : pythia_text_equal(name, text);
            if (!ok) c->wanted[t] = 0;
        }
    }
    return SQLITE_OK;
}

/* The interval that all integer bounds on a column leave. */
static void bounds_interval(const PythiaBound *bounds, int n, int column, int64_t *low,
                            int64_t *high) {
    *low = INT64_MIN;
    *high = INT64_MAX;
    for (int i = 0; i < n; i++) {
        if (bounds[i].column != column || sqlite3_value_type(bounds[i].value) != SQLITE_INTEGER)
            continue;
        int64_t value = sqlite3_value_int64(bounds[i].value);
        if (bounds[i].op & (PYTHIA_GT | PYTHIA_GE | PYTHIA_EQ) && value > *low) *low = value;
        if (bounds[i].op & (PYTHIA_LT | PYTHIA_LE | PYTHIA_EQ) && value < *high) *high = value;
    }
}

/* ---- walking ------------------------------------------------------------------------------------------------ */

static int segment_columns(SpansCursor *c) {
    uint64_t used = c->used;
    uint32_t n;
    if (c->wanted) used |= BIT(COL_TRACEPOINT);
    if (c->by_id) used |= BIT(COL_SPAN_ID);
    if (c->start_low != INT64_MIN || c->start_high != INT64_MAX) used |= BIT(COL_START);
    if (c->duration_low != INT64_MIN || c->duration_high != INT64_MAX) used |= BIT(COL_DURATION);
    for (int s = 0; s < S_N; s++) {
        c->columns[s] = NULL;
        if (!(used & span_sources[s].for_columns)) continue;
        int rc = pythia_segment_column(c->t.scan.segment, span_sources[s].source, &c->columns[s],
                                       &n, spans_error(c));
        if (rc) return rc;
    }
    c->loaded = c->t.scan.segment_id;
    return SQLITE_OK;
}

/* Where the traces of the scan's segment begin, and how many spans they have. */
static int segment_places(SpansCursor *c, const int64_t **first, const int64_t **count) {
    PythiaSegment *segment = c->t.scan.segment;
    uint32_t n;
    int rc = pythia_segment_column(segment, PYTHIA_COL_TRACE_FIRST_SPAN, first, &n, spans_error(c));
    return rc ? rc
              : pythia_segment_column(segment, PYTHIA_COL_TRACE_SPANS, count, &n, spans_error(c));
}

/* Makes the current trace of the scan ready: its place in the columns, or the trace itself. */
static int spans_enter(SpansCursor *c) {
    PythiaScan *scan = &c->t.scan;
    const int64_t *first, *count;
    c->row = 0;
    if (c->whole) {
        int rc = pythia_trace_cursor_load(&c->t);
        c->n = c->t.trace.nspans;
        return rc ? rc : pythia_resource_json_begin(&c->resources, &c->t.trace);
    }
    int rc = c->loaded == scan->segment_id ? SQLITE_OK : segment_columns(c);
    if (!rc) rc = segment_places(c, &first, &count);
    if (rc) return rc;
    c->first = (uint32_t)first[scan->ordinal];
    c->n = (uint32_t)count[scan->ordinal];
    return SQLITE_OK;
}

static const PythiaSpan *current_span(const SpansCursor *c) {
    return &c->t.trace.spans[c->row];
}

static int64_t row_start(const SpansCursor *c) {
    return c->whole ? current_span(c)->start_ns : c->columns[S_START][c->first + c->row];
}

static int64_t row_duration(const SpansCursor *c) {
    return c->whole ? current_span(c)->end_ns - current_span(c)->start_ns
                    : c->columns[S_DURATION][c->first + c->row];
}

static uint32_t row_tracepoint(const SpansCursor *c) {
    uint32_t t = c->whole ? current_span(c)->tracepoint
                          : (uint32_t)c->columns[S_TRACEPOINT][c->first + c->row];
    return t <= c->names->ntracepoints ? t : 0;
}

static PythiaId row_id(const SpansCursor *c) {
    if (c->whole) return current_span(c)->id;
    uint32_t i = c->first + c->row;
    return (PythiaId){(uint64_t)c->columns[S_HI][i], (uint64_t)c->columns[S_ID][i],
                      (uint32_t)c->columns[S_FORM][i]};
}

static int row_admitted(const SpansCursor *c) {
    if (c->by_id && !pythia_id_equal(row_id(c), c->id)) return 0;
    if (c->wanted && !c->wanted[row_tracepoint(c)]) return 0;
    if (c->start_low != INT64_MIN || c->start_high != INT64_MAX) {
        int64_t start = row_start(c);
        if (start < c->start_low || start > c->start_high) return 0;
    }
    if (c->duration_low != INT64_MIN || c->duration_high != INT64_MAX) {
        int64_t duration = row_duration(c);
        if (duration < c->duration_low || duration > c->duration_high) return 0;
    }
    return 1;
}

/* Goes to the next span with the id. Its trace is read back unless that is much more than what is asked for. */
static int spans_seek(SpansCursor *c) {
    enum { FEW_SPANS = 4096 };
    PythiaScan *scan = &c->t.scan;
    PythiaStore *store = pythia_capture_store(scan->capture);
    PythiaSpanPlace before = c->place;
    const int64_t *first, *count;
    int found = 0;
    int rc = pythia_poll(&c->t.base.poll);
    if (!rc) rc = pythia_store_next_span(store, c->id, &c->place, &found, spans_error(c));
    if (rc || !found) {
        scan->eof = 1;
        return rc;
    }
    if (c->place.segment != before.segment) {
        pythia_segment_release(scan->segment);
        scan->segment = NULL;
        scan->segment_id = c->place.segment;
        rc = pythia_segment_open(store, scan->segment_id, &scan->segment, spans_error(c));
        if (rc) return rc;
    }
    rc = segment_places(c, &first, &count);
    if (rc) return rc;
    int same = c->place.segment == before.segment && c->place.ordinal == before.ordinal;
    scan->ordinal = c->place.ordinal;
    c->whole = (c->used & OF_TRACE) || count[scan->ordinal] <= FEW_SPANS;
    if (!same) rc = spans_enter(c);
    c->row = c->place.span - (uint32_t)first[scan->ordinal];
    c->n = c->row + 1;
    return rc;
}

/* From the current row on, to the first that is admitted. */
static int spans_settle_on_row(SpansCursor *c) {
    for (;;) {
        for (; c->row < c->n; c->row++)
            if (row_admitted(c)) return SQLITE_OK;
        int rc =
            c->seek ? spans_seek(c) : pythia_scan_next(&c->t.scan, &c->t.base.poll, spans_error(c));
        if (rc || c->t.scan.eof) return rc;
        if (!c->seek) rc = spans_enter(c);
        if (rc) return rc;
    }
}

static void spans_release(PythiaCursor *cursor) {
    SpansCursor *c = (SpansCursor *)cursor;
    pythia_trace_rows_release(cursor);
    pythia_free(c->wanted);
    c->wanted = NULL;
    pythia_buf_clear(&c->json);
    pythia_resource_json_clear(&c->resources);
    c->loaded = 0;
    c->n = c->row = 0;
}

static int spans_filter(PythiaCursor *cursor, const PythiaBound *bounds, int n, uint64_t used) {
    static const PythiaTraceTable needs[4] = {
        {0, 0, NULL}, {1, 0, NULL}, {0, 1, NULL}, {1, 1, NULL}};
    SpansCursor *c = (SpansCursor *)cursor;
    const PythiaBound *trace_id = pythia_bound(bounds, n, COL_TRACE_ID, PYTHIA_EQ);
    spans_release(cursor);
    c->by_id = c->seek = 0;
    c->used = used;
    c->whole = trace_id != NULL || (used & OF_TRACE) != 0;
    c->t.table = &needs[(used & BIT(COL_ATTRIBUTES) ? 1 : 0) + (used & BIT(COL_ON_PATH) ? 2 : 0)];
    int rc = SQLITE_OK;
    if (cursor->capture) {
        if (used & BIT(COL_ON_PATH))
            rc = pythia_capture_settle(cursor->capture, &cursor->poll, spans_error(c));
        c->names = pythia_capture_names(cursor->capture);
        if (!rc) rc = spans_want(c, bounds, n);
        const PythiaBound *id = pythia_bound(bounds, n, COL_SPAN_ID, PYTHIA_EQ);
        c->by_id = id != NULL;
        c->seek = id && !trace_id;
        c->place = (PythiaSpanPlace){0};
        if (id) c->id = pythia_names_find_id(c->names, pythia_value_text(id->value));
    }
    bounds_interval(bounds, n, COL_START, &c->start_low, &c->start_high);
    bounds_interval(bounds, n, COL_DURATION, &c->duration_low, &c->duration_high);
    if (!rc) rc = pythia_scan_begin(&c->t.scan, cursor->capture, trace_id, spans_error(c));
    pythia_scan_narrow(&c->t.scan, bounds, n, COL_START);
    return rc ? rc : spans_settle_on_row(c);
}

static int spans_next(PythiaCursor *cursor) {
    SpansCursor *c = (SpansCursor *)cursor;
    c->row++;
    return spans_settle_on_row(c);
}

static int spans_eof(PythiaCursor *cursor) {
    return ((SpansCursor *)cursor)->t.scan.eof;
}

/* ---- columns --------------------------------------------------------------------------------------------------- */

static int result_trace_id(SpansCursor *c, sqlite3_context *context) {
    if (c->whole) {
        pythia_result_trace_id(context, &c->t);
        return SQLITE_OK;
    }
    const int64_t *form, *hi, *lo;
    uint32_t n, i = c->t.scan.ordinal;
    PythiaSegment *segment = c->t.scan.segment;
    int rc = pythia_segment_column(segment, PYTHIA_COL_TRACE_FORM, &form, &n, spans_error(c));
    if (!rc) rc = pythia_segment_column(segment, PYTHIA_COL_TRACE_HI, &hi, &n, spans_error(c));
    if (!rc) rc = pythia_segment_column(segment, PYTHIA_COL_TRACE_LO, &lo, &n, spans_error(c));
    if (!rc)
        pythia_result_id(context, c->names,
                         (PythiaId){(uint64_t)hi[i], (uint64_t)lo[i], (uint32_t)form[i]});
    return rc;
}

static void result_attributes(SpansCursor *c, sqlite3_context *context) {
    PythiaBuf *json = &c->json;
    json->n = 0;
    pythia_span_json(json, c->names, &c->t.trace, current_span(c), &c->resources);
    pythia_buf_byte(json, 0); /* there is no NUL within JSON */
    if (!json->rc)
        sqlite3_result_text(context, (const char *)json->data, -1, SQLITE_TRANSIENT);
    else
        sqlite3_result_error_code(context, json->rc);
}

/* Columns that only a whole trace can tell. */
static void column_of_trace(SpansCursor *c, sqlite3_context *context, int column) {
    switch (column) {
    case COL_PARENT_ID:
        pythia_result_id(context, c->names, current_span(c)->parent_id);
        break;
    case COL_SELF:
        sqlite3_result_int64(context, pythia_span_self_ns(&c->t.trace, c->row));
        break;
    case COL_DEPTH:
        sqlite3_result_int64(context, current_span(c)->depth);
        break;
    case COL_CHILDREN:
        sqlite3_result_int64(context, pythia_span_children(&c->t.trace, c->row));
        break;
    case COL_ON_PATH:
        sqlite3_result_int(context, c->t.on_path[2 * c->row] || c->t.on_path[2 * c->row + 1]);
        break;
    default:
        result_attributes(c, context);
        break;
    }
}

/* Number of the current span in its segment. */
static int span_number(SpansCursor *c, int64_t *number) {
    const int64_t *first;
    uint32_t n;
    int rc = pythia_segment_column(c->t.scan.segment, PYTHIA_COL_TRACE_FIRST_SPAN, &first, &n,
                                   spans_error(c));
    if (!rc) *number = first[c->t.scan.ordinal] + c->row;
    return rc;
}

static int column_event(SpansCursor *c, sqlite3_context *context) {
    int64_t number;
    int rc = span_number(c, &number);
    if (!rc) sqlite3_result_int64(context, c->t.scan.segment_id * PYTHIA_EVENT_IDS + 2 * number);
    return rc;
}

static int spans_column(PythiaCursor *cursor, sqlite3_context *context, int column) {
    SpansCursor *c = (SpansCursor *)cursor;
    const uint32_t i = c->first + c->row;
    if (OF_TRACE & BIT(column)) {
        if (c->whole) column_of_trace(c, context, column);
        return SQLITE_OK;
    }
    switch (column) {
    case COL_TRACE_ID:
        return result_trace_id(c, context);
    case COL_SPAN_ID:
        pythia_result_id(context, c->names, row_id(c));
        break;
    case COL_SERVICE:
    case COL_OPERATION:
    case COL_TRACEPOINT:
        pythia_result_name(
            context, tracepoint_part(c->names, &c->names->tracepoints[row_tracepoint(c)], column));
        break;
    case COL_KIND:
    case COL_STATUS: {
        int kind = c->whole ? current_span(c)->kind : (int)(c->columns[S_BITS][i] & 7);
        int status = c->whole ? current_span(c)->status : (int)(c->columns[S_BITS][i] >> 3 & 3);
        sqlite3_result_text(
            context, column == COL_KIND ? pythia_kind_name(kind) : pythia_span_status_name(status),
            -1, SQLITE_STATIC);
        break;
    }
    case COL_INSTANCE: {
        uint32_t id = c->whole ? current_span(c)->instance : (uint32_t)c->columns[S_INSTANCE][i];
        if (id) pythia_result_name(context, pythia_names_text(c->names, id));
        break;
    }
    case COL_START:
        sqlite3_result_int64(context, row_start(c));
        break;
    case COL_DURATION:
        sqlite3_result_int64(context, row_duration(c));
        break;
    case COL_EVENT:
        return column_event(c, context);
    default:
        break;
    }
    return SQLITE_OK;
}

static int spans_rowid(PythiaCursor *cursor, sqlite3_int64 *rowid) {
    SpansCursor *c = (SpansCursor *)cursor;
    int64_t number;
    int rc = span_number(c, &number);
    if (!rc) *rowid = c->t.scan.segment_id * PYTHIA_EVENT_IDS + number;
    return rc;
}

static const PythiaUse spans_uses[] = {
    {COL_TRACE_ID, PYTHIA_EQ, 0, 0.00001},
    {COL_SPAN_ID, PYTHIA_EQ, 0, 0.00001},
    {COL_SERVICE, PYTHIA_EQ | PYTHIA_GLOB, 0, 0.2},
    {COL_OPERATION, PYTHIA_EQ | PYTHIA_GLOB, 0, 0.1},
    {COL_TRACEPOINT, PYTHIA_EQ | PYTHIA_GLOB, 0, 0.05},
    {COL_START, PYTHIA_EQ | PYTHIA_RANGE, 0, 0.001},
    {COL_DURATION, PYTHIA_EQ | PYTHIA_RANGE, 0, 0.001},
};

const PythiaTable pythia_table_spans = {
    .name = "pythia_spans",
    .columns =
        "trace_id TEXT, span_id TEXT, parent_id TEXT, service TEXT, operation TEXT, kind TEXT,"
        " instance TEXT, start_ns INTEGER, duration_ns INTEGER, self_ns INTEGER, depth INTEGER,"
        " children INTEGER, status TEXT, on_critical_path INTEGER, tracepoint TEXT,"
        " attributes TEXT, event_id INTEGER",
    .nvisible = COL_N,
    .uses = spans_uses,
    .nuses = sizeof spans_uses / sizeof spans_uses[0],
    .rows = 1e6,
    .cursor_bytes = sizeof(SpansCursor),
    .filter = spans_filter,
    .next = spans_next,
    .eof = spans_eof,
    .column = spans_column,
    .rowid = spans_rowid,
    .release = spans_release,
};
