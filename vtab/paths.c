/* paths.c - pythia_paths(trace_id): every maximal path of a trace through its causal order, made one by one as rows
** are asked for.
**
** Paths run along the edges of pythia_edges. One path is in memory at a time, and a query with LIMIT ends at once
** however many there are. */
#include "ext/trace/paths.h"
#include "vtab/scan.h"
#include "vtab/tables.h"

enum {
    COL_PATH_NO,
    COL_POSITION,
    COL_EVENT_ID,
    COL_TRACEPOINT,
    COL_PHASE,
    COL_TIME,
    COL_N,
    COL_TRACE_ID = COL_N,
    COL_ALL
};

typedef struct PathsCursor {
    PythiaTraceCursor t; /* must be first */
    PythiaPaths paths;
    sqlite3_int64 path_no;
} PathsCursor;

/* The rows of the next path; none when there is no other. */
static int put_path(PathsCursor *c, PythiaRows *rows) {
    const PythiaNames *names = pythia_capture_names(c->t.scan.capture);
    int rc = pythia_poll(&c->t.base.poll);
    if (rc || !pythia_paths_next(&c->paths)) return rc;
    c->path_no++;
    for (uint32_t i = 0; i < c->paths.n; i++) {
        uint32_t event = c->paths.events[i];
        pythia_rows_int(rows, c->path_no);
        pythia_rows_int(rows, (sqlite3_int64)i + 1);
        pythia_rows_int(rows, pythia_trace_event_id(&c->t, event));
        pythia_rows_text(
            rows, pythia_names_tracepoint_text(names, pythia_event_tracepoint(&c->t.trace, event)));
        pythia_rows_str(rows, pythia_phase_name(pythia_event_phase(&c->t.trace, event)));
        pythia_rows_int(rows, pythia_event_time_ns(&c->t.trace, event));
        pythia_rows_end(rows);
    }
    return rows->rc;
}

static int paths_emit(PythiaTraceCursor *t, PythiaRows *rows) {
    PathsCursor *c = (PathsCursor *)t;
    const PythiaModel *model;
    int rc = pythia_capture_model(t->scan.capture, &model, &t->base.vtab->base.zErrMsg);
    c->path_no = 0;
    if (!rc)
        rc = pythia_paths_begin(&c->paths, &t->trace, model, pythia_capture_names(t->scan.capture));
    return rc ? rc : put_path(c, rows);
}

static int paths_next(PythiaCursor *cursor) {
    PathsCursor *c = (PathsCursor *)cursor;
    if (cursor->row < cursor->rows.nrows) return SQLITE_OK; /* the frame has counted */
    cursor->row = 0;
    pythia_rows_reset(&cursor->rows);
    int rc = put_path(c, &cursor->rows);
    return rc || cursor->rows.nrows ? rc : pythia_trace_rows_next(cursor);
}

static void paths_release(PythiaCursor *cursor) {
    pythia_trace_rows_release(cursor);
    pythia_paths_clear(&((PathsCursor *)cursor)->paths);
}

static int paths_filter(PythiaCursor *cursor, const PythiaBound *bounds, int n, uint64_t used) {
    static const PythiaTraceTable table = {0, 0, paths_emit};
    (void)used;
    paths_release(cursor);
    return pythia_trace_rows_filter((PythiaTraceCursor *)cursor, &table,
                                    pythia_bound(bounds, n, COL_TRACE_ID, PYTHIA_EQ));
}

static const PythiaUse paths_uses[] = {
    {COL_TRACE_ID, PYTHIA_EQ, PYTHIA_USE_REQUIRED | PYTHIA_USE_EXACT, 1}};

const PythiaTable pythia_table_paths = {
    .name = "pythia_paths",
    .columns = "path_no INTEGER, position INTEGER, event_id INTEGER, tracepoint TEXT, phase TEXT,"
               " time_ns INTEGER, trace_id TEXT HIDDEN",
    .nvisible = COL_N,
    .nhidden = COL_ALL - COL_N,
    .uses = paths_uses,
    .nuses = 1,
    .rows = 1000,
    .cursor_bytes = sizeof(PathsCursor),
    .filter = paths_filter,
    .next = paths_next,
    .eof = pythia_trace_rows_eof,
    .column = pythia_trace_rows_column,
    .rowid = pythia_trace_rows_rowid,
    .release = paths_release,
};
