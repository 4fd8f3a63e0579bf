/* scan.c - see scan.h. */
#include "vtab/scan.h"

static char **scan_error(PythiaCursor *cursor) {
    return &cursor->vtab->base.zErrMsg;
}

/* ---- the scan ---------------------------------------------------------------------------------------- */

void pythia_scan_end(PythiaScan *scan) {
    pythia_segment_release(scan->segment);
    memset(scan, 0, sizeof *scan);
    scan->eof = 1;
}

int pythia_scan_begin(PythiaScan *scan, PythiaCapture *capture, const PythiaBound *trace_id,
                      char **error) {
    pythia_scan_end(scan);
    scan->capture = capture;
    scan->eof = capture == NULL;
    scan->first_ns = INT64_MIN;
    scan->last_ns = INT64_MAX;
    scan->ordinal = UINT32_MAX; /* + 1 is the first */
    if (!capture || !trace_id) return SQLITE_OK;
    int found;
    scan->single = 1;
    int rc = pythia_capture_find(capture, pythia_value_text(trace_id->value), &found,
                                 &scan->segment_id, &scan->ordinal, error);
    if (!rc && found)
        rc = pythia_segment_open(pythia_capture_store(capture), scan->segment_id, &scan->segment,
                                 error);
    if (rc || !found) scan->eof = 1;
    scan->ordinal--; /* the next one is it */
    return rc;
}

void pythia_scan_narrow(PythiaScan *scan, const PythiaBound *bounds, int n, int start_column) {
    for (int i = 0; i < n; i++) {
        if (bounds[i].column != start_column ||
            sqlite3_value_type(bounds[i].value) != SQLITE_INTEGER)
            continue;
        int64_t value = sqlite3_value_int64(bounds[i].value);
        unsigned low = PYTHIA_GT | PYTHIA_GE | PYTHIA_EQ, high = PYTHIA_LT | PYTHIA_LE | PYTHIA_EQ;
        if (bounds[i].op & low && value > scan->first_ns) scan->first_ns = value;
        if (bounds[i].op & high && value < scan->last_ns) scan->last_ns = value;
    }
}

/* Opens the next segment that can hold something; eof when there is none. */
static int scan_next_segment(PythiaScan *scan, char **error) {
    PythiaStore *store = pythia_capture_store(scan->capture);
    pythia_segment_release(scan->segment);
    scan->segment = NULL;
    for (;;) {
        scan->segment_id = pythia_capture_next_segment(scan->capture, scan->segment_id);
        if (!scan->segment_id) {
            scan->eof = 1;
            return SQLITE_OK;
        }
        int rc = pythia_segment_open(store, scan->segment_id, &scan->segment, error);
        if (rc) return rc;
        const PythiaSegmentInfo *info = pythia_segment_info(scan->segment);
        if (info->live && info->last_ns >= scan->first_ns && info->first_ns <= scan->last_ns) {
            scan->traces = info->traces;
            scan->ordinal = UINT32_MAX;
            return SQLITE_OK;
        }
        pythia_segment_release(scan->segment);
        scan->segment = NULL;
    }
}

int pythia_scan_next(PythiaScan *scan, PythiaPoll *poll, char **error) {
    if (scan->eof) return SQLITE_OK;
    if (scan->single) {
        scan->traces++; /* once */
        scan->ordinal++;
        if (scan->traces > 1) scan->eof = 1;
        return SQLITE_OK;
    }
    for (;;) {
        if (!scan->segment || scan->ordinal + 1 >= scan->traces) {
            int rc = scan_next_segment(scan, error);
            if (rc || scan->eof) return rc;
        }
        scan->ordinal++;
        int rc = pythia_poll(poll);
        if (rc) return rc;
        if (scan->ordinal < scan->traces && !pythia_segment_dead(scan->segment, scan->ordinal))
            return SQLITE_OK;
    }
}

int pythia_bounds_admit(const PythiaBound *bounds, int n, int column, int64_t value) {
    for (int i = 0; i < n; i++) {
        if (bounds[i].column != column || sqlite3_value_type(bounds[i].value) != SQLITE_INTEGER)
            continue;
        int64_t bound = sqlite3_value_int64(bounds[i].value);
        int ok = bounds[i].op == PYTHIA_EQ   ? value == bound
                 : bounds[i].op == PYTHIA_LT ? value < bound
                 : bounds[i].op == PYTHIA_LE ? value <= bound
                 : bounds[i].op == PYTHIA_GT ? value > bound
                 : bounds[i].op == PYTHIA_GE ? value >= bound
                                             : 1;
        if (!ok) return 0;
    }
    return 1;
}

int pythia_group_of_text(PythiaText text, uint64_t *group) {
    PythiaId id = pythia_id_parse(text);
    *group = id.lo;
    return id.form == PYTHIA_ID_HEX16;
}

/* ---- results ------------------------------------------------------------------------------------------- */

void pythia_result_text(sqlite3_context *context, PythiaText text) {
    if (text.p)
        sqlite3_result_text64(context, text.p, text.n, SQLITE_TRANSIENT, SQLITE_UTF8);
    else
        sqlite3_result_null(context);
}

void pythia_result_name(sqlite3_context *context, PythiaText text) {
    if (strlen(text.p) == text.n)
        sqlite3_result_text(context, text.p, -1, SQLITE_STATIC);
    else
        sqlite3_result_text64(context, text.p, text.n, SQLITE_STATIC, SQLITE_UTF8);
}

void pythia_result_id(sqlite3_context *context, const PythiaNames *names, PythiaId id) {
    char buffer[PYTHIA_ID_CHARS + 1];
    if (id.form == PYTHIA_ID_NONE) return;
    PythiaText text = pythia_names_id_text(names, id, buffer);
    if (id.form == PYTHIA_ID_TEXT) {
        pythia_result_name(context, text);
        return;
    }
    buffer[text.n] = 0;
    sqlite3_result_text(context, buffer, -1, SQLITE_TRANSIENT);
}

static const char *name_at(const char *const *names, int n, int i) {
    return i >= 0 && i < n ? names[i] : "?";
}

const char *pythia_kind_name(int kind) {
    static const char *const name[] = {"internal", "server", "client", "producer", "consumer"};
    return name_at(name, 5, kind);
}

const char *pythia_span_status_name(int status) {
    static const char *const name[] = {"unset", "ok", "error"};
    return name_at(name, 3, status);
}

const char *pythia_trace_status_name(int status) {
    static const char *const name[] = {"complete", "incomplete", "disjoint", "cyclic", "skewed"};
    return name_at(name, 5, status);
}

const char *pythia_value_type_name(uint32_t type) {
    static const char *const name[] = {"?", "int", "double", "bool", "text", "json", "bytes"};
    return name_at(name, 7, (int)type);
}

/* ---- tables made trace by trace ---------------------------------------------------------------------------- */

void pythia_result_trace_id(sqlite3_context *context, const PythiaTraceCursor *cursor) {
    if (cursor->trace.id.form == PYTHIA_ID_TEXT)
        pythia_result_name(context, cursor->trace_id);
    else if (cursor->trace.id.form != PYTHIA_ID_NONE)
        sqlite3_result_text(context, cursor->trace_id.p, -1, SQLITE_TRANSIENT);
}

int64_t pythia_trace_event_id(const PythiaTraceCursor *cursor, uint32_t event) {
    return event < 2 * cursor->trace.nspans
               ? cursor->first_event + event
               : cursor->first_point_event + event - 2 * cursor->trace.nspans;
}

/* Reads the current trace and what the table needs of it. */
int pythia_trace_cursor_load(PythiaTraceCursor *c) {
    char **error = scan_error(&c->base);
    PythiaScan *scan = &c->scan;
    const PythiaSegmentInfo *info = pythia_segment_info(scan->segment);
    const int64_t *first_span, *first_point = NULL;
    uint32_t n;
    int rc = pythia_segment_trace(scan->segment, scan->ordinal, c->table->values, &c->trace, error);
    if (!rc)
        rc = pythia_segment_column(scan->segment, PYTHIA_COL_TRACE_FIRST_SPAN, &first_span, &n,
                                   error);
    if (!rc && info->points)
        rc = pythia_segment_column(scan->segment, PYTHIA_COL_TRACE_FIRST_POINT, &first_point, &n,
                                   error);
    if (rc) return rc;
    int64_t base = scan->segment_id * PYTHIA_EVENT_IDS;
    c->first_event = base + 2 * first_span[scan->ordinal];
    c->first_point_event =
        base + 2 * (int64_t)info->spans + (first_point ? first_point[scan->ordinal] : 0);
    c->trace_id =
        pythia_names_id_text(pythia_capture_names(scan->capture), c->trace.id, c->id_text);
    if (c->trace_id.p == c->id_text) c->id_text[c->trace_id.n] = 0;
    if (!c->table->analyse) return SQLITE_OK;
    rc = pythia_capture_analyse(scan->capture, &c->trace, &c->analysis, error);
    uint32_t events = pythia_trace_events(&c->trace);
    if (!rc) rc = pythia_grow((void **)&c->on_path, &c->on_path_capacity, events, 1);
    if (rc) return rc;
    memset(c->on_path, 0, events);
    for (uint32_t i = 0; i < c->analysis.path.n; i++)
        c->on_path[c->analysis.path.steps[i].event] = 1;
    return SQLITE_OK;
}

/* Goes to the next trace that has rows. */
static int trace_rows_advance(PythiaTraceCursor *c) {
    for (;;) {
        c->base.row = 0;
        pythia_rows_reset(&c->base.rows);
        int rc = pythia_scan_next(&c->scan, &c->base.poll, scan_error(&c->base));
        if (rc || c->scan.eof) return rc;
        rc = pythia_trace_cursor_load(c);
        if (!rc) rc = c->table->emit(c, &c->base.rows);
        if (!rc) rc = c->base.rows.rc;
        if (rc || c->base.rows.nrows) return rc;
    }
}

int pythia_trace_rows_filter(PythiaTraceCursor *c, const PythiaTraceTable *table,
                             const PythiaBound *trace_id) {
    c->table = table;
    int rc = SQLITE_OK;
    if (c->base.capture && table->analyse)
        rc = pythia_capture_settle(c->base.capture, &c->base.poll, scan_error(&c->base));
    if (!rc) rc = pythia_scan_begin(&c->scan, c->base.capture, trace_id, scan_error(&c->base));
    return rc ? rc : trace_rows_advance(c);
}

int pythia_trace_rows_next(PythiaCursor *cursor) {
    if (cursor->row < cursor->rows.nrows) return SQLITE_OK; /* the frame has counted */
    return trace_rows_advance((PythiaTraceCursor *)cursor);
}

int pythia_trace_rows_eof(PythiaCursor *cursor) {
    return ((PythiaTraceCursor *)cursor)->scan.eof;
}

int pythia_trace_rows_column(PythiaCursor *cursor, sqlite3_context *context, int column) {
    pythia_rows_result(&cursor->rows, cursor->row, column, context);
    return SQLITE_OK;
}

int pythia_trace_rows_rowid(PythiaCursor *cursor, sqlite3_int64 *rowid) {
    return pythia_rows_rowid(&cursor->rows, cursor->row, rowid);
}

void pythia_trace_rows_release(PythiaCursor *cursor) {
    PythiaTraceCursor *c = (PythiaTraceCursor *)cursor;
    pythia_scan_end(&c->scan);
    pythia_trace_clear(&c->trace);
    pythia_analysis_clear(&c->analysis);
    pythia_free(c->on_path);
    c->on_path = NULL;
    c->on_path_capacity = 0;
}
