/* slack.c - pythia_slack(trace_id [, root]): what each span of a trace contributes to the time that its request
** took, and how much it could give way, by the rules of ext/trace/crisp.h.
**
** One row for each span, in the order of pythia_spans. The rules work on times that are cut to those of the
** parent: start_ns and duration_ns are these, and `fate` says what became of the span. */
#include "vtab/crisp.h"
#include "vtab/tables.h"

enum {
    COL_SPAN_ID,
    COL_EXCLUSIVE,
    COL_DRAG,
    COL_EXCLUSIVE_DRAG,
    COL_SLACK,
    COL_TRACEPOINT,
    COL_POSITION,
    COL_START,
    COL_DURATION,
    COL_FATE,
    COL_N,
    COL_TRACE_ID = COL_N,
    COL_ROOT,
    COL_ALL
};

/* ---- the cursor ----------------------------------------------------------------------------------------- */

int pythia_crisp_cursor_root(PythiaCrispCursor *c, const PythiaBound *root) {
    c->by_name = root != NULL;
    if (!root) return SQLITE_OK;
    PythiaText text = pythia_value_text(root->value);
    c->root = pythia_alloc(text.n + 1);
    if (!c->root) return SQLITE_NOMEM;
    if (text.n) memcpy(c->root, text.p, text.n);
    c->root_bytes = text.n;
    return SQLITE_OK;
}

int pythia_crisp_cursor_walk(PythiaCrispCursor *c, int *found) {
    const PythiaNames *names = pythia_capture_names(c->t.scan.capture);
    const PythiaTrace *trace = &c->t.trace;
    PythiaText name = {c->root, c->root_bytes};
    uint32_t root = c->t.analysis.request.root;
    if (c->by_name)
        for (root = 0; root < trace->nspans; root++)
            if (pythia_text_equal(
                    pythia_names_tracepoint_text(names, trace->spans[root].tracepoint), name))
                break;
    *found = root < trace->nspans;
    return *found ? pythia_crisp_walk(&c->crisp, trace, names, root) : SQLITE_OK;
}

void pythia_crisp_cursor_release(PythiaCursor *cursor) {
    PythiaCrispCursor *c = (PythiaCrispCursor *)cursor;
    pythia_trace_rows_release(cursor);
    pythia_crisp_clear(&c->crisp);
    pythia_free(c->root);
    c->root = NULL;
}

/* ---- the table ------------------------------------------------------------------------------------------ */

static int slack_emit(PythiaTraceCursor *t, PythiaRows *rows) {
    PythiaCrispCursor *c = (PythiaCrispCursor *)t;
    const PythiaNames *names = pythia_capture_names(t->scan.capture);
    char buffer[PYTHIA_ID_CHARS];
    int found, rc = pythia_crisp_cursor_walk(c, &found);
    for (uint32_t i = 0; !rc && found && i < t->trace.nspans; i++) {
        const PythiaSpan *span = &t->trace.spans[i];
        const PythiaCrispSpan *cut = &c->crisp.spans[i];
        pythia_rows_text(rows, pythia_names_id_text(names, span->id, buffer));
        pythia_rows_int(rows, cut->exclusive_ns);
        pythia_rows_int(rows, cut->drag_ns);
        pythia_rows_int(rows, cut->exclusive_drag_ns);
        pythia_rows_int(rows, cut->slack_ns);
        pythia_rows_text(rows, pythia_names_tracepoint_text(names, span->tracepoint));
        if (cut->position)
            pythia_rows_int(rows, cut->position);
        else
            pythia_rows_null(rows);
        pythia_rows_int(rows, cut->start_ns);
        pythia_rows_int(rows, cut->duration_ns);
        pythia_rows_str(rows, pythia_crisp_fate_name(cut->fate));
        pythia_rows_end_id(rows, pythia_trace_event_id(t, 2 * i));
    }
    return rc;
}

static int slack_filter(PythiaCursor *cursor, const PythiaBound *bounds, int n, uint64_t used) {
    static const PythiaTraceTable table = {1, 1, slack_emit};
    (void)used;
    pythia_crisp_cursor_release(cursor);
    int rc = pythia_crisp_cursor_root((PythiaCrispCursor *)cursor,
                                      pythia_bound(bounds, n, COL_ROOT, PYTHIA_EQ));
    if (rc) return rc;
    return pythia_trace_rows_filter((PythiaTraceCursor *)cursor, &table,
                                    pythia_bound(bounds, n, COL_TRACE_ID, PYTHIA_EQ));
}

static const PythiaUse slack_uses[] = {
    {COL_TRACE_ID, PYTHIA_EQ, PYTHIA_USE_REQUIRED | PYTHIA_USE_EXACT, 1},
    {COL_ROOT, PYTHIA_EQ, PYTHIA_USE_EXACT, 1},
};

const PythiaTable pythia_table_slack = {
    .name = "pythia_slack",
    .columns = "span_id TEXT, exclusive_ns INTEGER, drag_ns INTEGER, exclusive_drag_ns INTEGER,"
               " slack_ns INTEGER, tracepoint TEXT, position INTEGER, start_ns INTEGER,"
               " duration_ns INTEGER, fate TEXT, trace_id TEXT HIDDEN, root TEXT HIDDEN",
    .nvisible = COL_N,
    .nhidden = COL_ALL - COL_N,
    .uses = slack_uses,
    .nuses = sizeof slack_uses / sizeof slack_uses[0],
    .rows = 20,
    .cursor_bytes = sizeof(PythiaCrispCursor),
    .filter = slack_filter,
    .next = pythia_trace_rows_next,
    .eof = pythia_trace_rows_eof,
    .column = pythia_trace_rows_column,
    .rowid = pythia_trace_rows_rowid,
    .release = pythia_crisp_cursor_release,
};
