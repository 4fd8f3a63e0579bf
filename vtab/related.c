/* related.c - pythia_related(relation): pairs of spans of one trace, of which the second (the columns that
** begin with other_) is a child, parent, descendant, ancestor or sibling of the first.
**
** Four ways to the rows: all traces, one trace, all that is related to one span (event_id), or all that one
** span is related to (other_event_id), which is the inverse relation asked from the other side. Spans are named
** by the event id of their start, because a span id need not be unique in a trace. Rows are made span by
** span: a list of what is related to the present one, each row one of the list.
**
** Over all traces, parents and trace points are taken from the columns of a segment (ext/capture/pairs.h); a trace is
** held for a column that shows more of it, and where it is no tree. */
#include "ext/trace/related.h"
#include "ext/base/hash.h"
#include "vtab/events.h"
#include "vtab/tables.h"

/* Columns of one side, in the order of the declaration. */
enum {
    SIDE_EVENT,
    SIDE_SPAN,
    SIDE_SERVICE,
    SIDE_OPERATION,
    SIDE_TRACEPOINT,
    SIDE_KIND,
    SIDE_INSTANCE,
    SIDE_START,
    SIDE_DURATION,
    SIDE_STATUS,
    SIDE_ATTRIBUTES,
    SIDE_N
};

enum {
    COL_TRACE_ID,
    COL_DISTANCE,
    COL_FIRST,
    COL_OTHER = COL_FIRST + SIDE_N,
    COL_N = COL_OTHER + SIDE_N,
    COL_RELATION = COL_N,
    COL_ALL
};

/* Where it goes on behind the present span: nowhere, in the trace, in all traces. */
enum { SCAN_NONE, SCAN_TRACE, SCAN_ALL };

typedef struct RelatedCursor {
    PythiaCursor base; /* must be first */
    int scanning;      /* SCAN_* */
    int values;
    int relation;           /* of the list to the present span */
    int swapped;            /* the present span is the other one of each row */
    PythiaView view;        /* the segment of a scan over all traces */
    const int64_t *parents; /* [span of it] */
    /* The present trace: */
    int64_t segment_id, first_event; /* event id of the start of its first span */
    uint32_t ordinal, nspans;
    const uint32_t *tracepoint;     /* [span], in the view; NULL: it is held */
    PythiaHeld *held;               /* NULL: not yet, or there is none */
    PythiaKin kin;                  /* of a tree */
    PythiaPoints equal[2], glob[2]; /* tracepoint and other_tracepoint */
    uint32_t span;                  /* the present one */
    PythiaEvents list;
    uint32_t row;
} RelatedCursor;

static char **related_error(RelatedCursor *c) {
    return &c->base.vtab->base.zErrMsg;
}

/* ---- the present trace -------------------------------------------------------------------------------- */

static void related_drop(RelatedCursor *c) {
    pythia_held_release(c->held);
    c->held = NULL;
    c->nspans = 0;
}

/* Makes the trace that is held the present one. */
static int present_held(RelatedCursor *c) {
    const PythiaHeld *held = c->held;
    c->segment_id = held->segment_id;
    c->ordinal = held->ordinal;
    c->first_event = held->first_event;
    c->nspans = held->trace.nspans;
    c->tracepoint = NULL;
    return held->trace.is_dag ? SQLITE_OK : pythia_kin_of_trace(&c->kin, &held->trace);
}

static int related_hold(RelatedCursor *c) {
    if (c->held) return SQLITE_OK;
    return pythia_capture_hold(c->base.capture, c->segment_id, c->ordinal, c->values, &c->held,
                               related_error(c));
}

/* Makes a trace of the view the present one. */
static int present_viewed(RelatedCursor *c) {
    const PythiaView *view = &c->view;
    const int64_t first = view->first_span[c->ordinal];
    related_drop(c);
    c->segment_id = view->segment_id;
    if (view->is_dag[c->ordinal]) {
        int rc = related_hold(c);
        return rc ? rc : present_held(c);
    }
    c->first_event = view->segment_id * PYTHIA_EVENT_IDS + 2 * first;
    c->nspans = (uint32_t)view->trace_spans[c->ordinal];
    c->tracepoint = view->tracepoint + first;
    return pythia_kin_of_distances(&c->kin, c->parents + first, c->nspans);
}

/* ---- rows --------------------------------------------------------------------------------------------- */

static int span_admitted(const RelatedCursor *c, int side, uint32_t span) {
    uint32_t tracepoint =
        c->tracepoint ? c->tracepoint[span] : c->held->trace.spans[span].tracepoint;
    return pythia_points_admit(&c->equal[side], tracepoint) &&
           pythia_points_admit(&c->glob[side], tracepoint);
}

/* Lists what is related to the present span. */
static int related_list(RelatedCursor *c) {
    int rc = SQLITE_OK;
    c->row = c->list.n = 0;
    if (!span_admitted(c, c->swapped, c->span)) return rc;
    if (!c->tracepoint && c->held->trace.is_dag) {
        rc = pythia_held_order(c->base.capture, c->held, related_error(c));
        if (!rc)
            rc = pythia_related_in_dag(&c->held->before, c->span, c->relation, &c->list,
                                       &c->base.poll);
    } else {
        rc = pythia_related_in_tree(&c->kin, c->span, c->relation, &c->list);
    }
    if (!c->equal[!c->swapped].given && !c->glob[!c->swapped].given) return rc;
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->list.n; i++)
        if (span_admitted(c, !c->swapped, c->list.events[i]))
            c->list.events[n++] = c->list.events[i];
    c->list.n = n;
    return rc;
}

/* The next live trace of the view or of the segments behind it; *found 0: there is none. */
static int next_trace(RelatedCursor *c, int *found) {
    PythiaView *view = &c->view;
    for (*found = 0; !*found;) {
        if (view->segment && ++c->ordinal < view->traces) {
            *found = !pythia_segment_dead(view->segment, c->ordinal);
            continue;
        }
        int64_t next = pythia_capture_next_segment(c->base.capture, view->segment_id);
        uint32_t n;
        if (!next) return SQLITE_OK;
        int rc = pythia_view_open(view, c->base.capture, next, related_error(c));
        if (!rc)
            rc = pythia_segment_column(view->segment, PYTHIA_COL_SPAN_PARENT, &c->parents, &n,
                                       related_error(c));
        if (rc) return rc;
        c->ordinal = UINT32_MAX; /* + 1 is the first */
    }
    return SQLITE_OK;
}

/* Goes on to the next span of the scan that has rows. */
static int related_advance(RelatedCursor *c) {
    for (;;) {
        int found, rc = pythia_poll(&c->base.poll);
        while (!rc && ++c->span < c->nspans) {
            rc = related_list(c);
            if (rc || c->list.n) return rc;
        }
        c->row = c->list.n = 0;
        if (rc || c->scanning != SCAN_ALL) return rc;
        rc = next_trace(c, &found);
        if (rc || !found) return rc;
        rc = present_viewed(c);
        if (rc) return rc;
        c->span = UINT32_MAX;
    }
}

static int related_to_one(RelatedCursor *c, sqlite3_value *value) {
    int64_t id = pythia_event_id_of(value);
    uint32_t event;
    int here = c->held && !c->held->detached && c->held->values >= c->values && !c->tracepoint;
    if (!here || !pythia_held_event(c->held, id, &event)) {
        related_drop(c);
        int rc = pythia_capture_hold_event(c->base.capture, id, c->values, &c->held, &event,
                                           related_error(c));
        if (!rc && c->held) rc = present_held(c);
        if (rc || !c->held) return rc;
    }
    if (event >= 2 * c->held->trace.nspans || event & 1) return SQLITE_OK; /* not a span's start */
    c->span = event / 2;
    return related_list(c);
}

static int related_in_trace(RelatedCursor *c, sqlite3_value *trace_id) {
    int found;
    int rc = pythia_capture_find(c->base.capture, pythia_value_text(trace_id), &found,
                                 &c->segment_id, &c->ordinal, related_error(c));
    if (rc || !found) return rc;
    rc = related_hold(c);
    if (!rc) rc = present_held(c);
    if (rc) return rc;
    c->span = UINT32_MAX;
    return related_advance(c);
}

static int related_points(RelatedCursor *c, const PythiaBound *bounds, int n) {
    const PythiaNames *names = c->base.capture ? pythia_capture_names(c->base.capture) : NULL;
    int rc = SQLITE_OK;
    for (int side = 0; side < 2 && !rc; side++) {
        int column = (side ? COL_OTHER : COL_FIRST) + SIDE_TRACEPOINT;
        rc = pythia_points_set(&c->equal[side], pythia_bound(bounds, n, column, PYTHIA_EQ), 1, 0,
                               names, NULL);
        if (!rc)
            rc = pythia_points_set(&c->glob[side], pythia_bound(bounds, n, column, PYTHIA_GLOB), 0,
                                   1, names, NULL);
    }
    return rc;
}

static int related_filter(PythiaCursor *cursor, const PythiaBound *bounds, int n, uint64_t used) {
    RelatedCursor *c = (RelatedCursor *)cursor;
    const PythiaBound *relation = pythia_bound(bounds, n, COL_RELATION, PYTHIA_EQ);
    const PythiaBound *first = pythia_bound(bounds, n, COL_FIRST + SIDE_EVENT, PYTHIA_EQ);
    const PythiaBound *other = pythia_bound(bounds, n, COL_OTHER + SIDE_EVENT, PYTHIA_EQ);
    const PythiaBound *trace_id = pythia_bound(bounds, n, COL_TRACE_ID, PYTHIA_EQ);
    c->scanning = SCAN_NONE;
    c->row = c->list.n = 0;
    c->values =
        (used >> (COL_FIRST + SIDE_ATTRIBUTES) & 1) || (used >> (COL_OTHER + SIDE_ATTRIBUTES) & 1);
    c->relation = pythia_related_find(pythia_value_text(relation->value));
    if (c->relation < 0)
        return pythia_vtab_fail(
            cursor->vtab, SQLITE_ERROR,
            "pythia_related: there is no relation '%s'; there are child, parent, "
            "descendant, ancestor and sibling",
            sqlite3_value_text(relation->value));
    int rc = related_points(c, bounds, n);
    if (rc || !cursor->capture) return rc;
    c->swapped = !first && other;
    if (c->swapped) c->relation = pythia_related_inverse(c->relation);
    if (first || other) return related_to_one(c, (first ? first : other)->value);
    related_drop(c);
    pythia_view_close(&c->view);
    c->scanning = trace_id ? SCAN_TRACE : SCAN_ALL;
    return trace_id ? related_in_trace(c, trace_id->value) : related_advance(c);
}

static int related_next(PythiaCursor *cursor) {
    RelatedCursor *c = (RelatedCursor *)cursor;
    if (++c->row < c->list.n || !c->scanning) return SQLITE_OK;
    return related_advance(c);
}

static int related_eof(PythiaCursor *cursor) {
    RelatedCursor *c = (RelatedCursor *)cursor;
    return c->row >= c->list.n;
}

/* ---- columns ------------------------------------------------------------------------------------------ */

static int column_attributes(RelatedCursor *c, sqlite3_context *context, const PythiaSpan *span) {
    const PythiaTrace *trace = &c->held->trace;
    PythiaBuf json = {0};
    if (!c->held->values) return SQLITE_OK;
    pythia_span_json(&json, pythia_capture_names(c->base.capture), trace, span, NULL);
    int rc = json.rc;
    if (!rc) pythia_result_text(context, (PythiaText){(const char *)json.data, json.n});
    pythia_buf_clear(&json);
    return rc;
}

static int column_side(RelatedCursor *c, sqlite3_context *context, uint32_t index, int column) {
    if (column == SIDE_EVENT) {
        sqlite3_result_int64(context, c->first_event + 2 * (int64_t)index);
        return SQLITE_OK;
    }
    int rc = related_hold(c);
    if (rc) return rc;
    const PythiaNames *names = pythia_capture_names(c->base.capture);
    const PythiaSpan *span = &c->held->trace.spans[index];
    const PythiaTracepoint *t = &names->tracepoints[span->tracepoint];
    char buffer[PYTHIA_ID_CHARS];
    switch (column) {
    case SIDE_SPAN:
        pythia_result_text(context, pythia_names_id_text(names, span->id, buffer));
        return SQLITE_OK;
    case SIDE_SERVICE:
    case SIDE_OPERATION:
    case SIDE_TRACEPOINT:
        pythia_result_name(context,
                           pythia_names_text(names, column == SIDE_SERVICE     ? t->service
                                                    : column == SIDE_OPERATION ? t->operation
                                                                               : t->text));
        return SQLITE_OK;
    case SIDE_INSTANCE:
        if (span->instance) pythia_result_name(context, pythia_names_text(names, span->instance));
        return SQLITE_OK;
    case SIDE_KIND:
    case SIDE_STATUS:
        sqlite3_result_text(context,
                            column == SIDE_KIND ? pythia_kind_name(span->kind)
                                                : pythia_span_status_name(span->status),
                            -1, SQLITE_STATIC);
        return SQLITE_OK;
    case SIDE_START:
        sqlite3_result_int64(context, span->start_ns);
        return SQLITE_OK;
    case SIDE_DURATION:
        sqlite3_result_int64(context, span->end_ns - span->start_ns);
        return SQLITE_OK;
    default:
        return column_attributes(c, context, span);
    }
}

static int related_column(PythiaCursor *cursor, sqlite3_context *context, int column) {
    RelatedCursor *c = (RelatedCursor *)cursor;
    uint32_t listed = c->list.events[c->row];
    uint32_t first = c->swapped ? listed : c->span, other = c->swapped ? c->span : listed;
    char buffer[PYTHIA_ID_CHARS];
    if (column >= COL_OTHER) return column_side(c, context, other, column - COL_OTHER);
    if (column >= COL_FIRST) return column_side(c, context, first, column - COL_FIRST);
    int rc = related_hold(c);
    if (rc) return rc;
    const PythiaTrace *trace = &c->held->trace;
    if (column == COL_TRACE_ID) {
        const PythiaNames *names = pythia_capture_names(cursor->capture);
        pythia_result_text(context, pythia_names_id_text(names, trace->id, buffer));
    } else if (!trace->is_dag) {
        sqlite3_result_int64(context, (sqlite3_int64)trace->spans[other].depth -
                                          (sqlite3_int64)trace->spans[first].depth);
    }
    return SQLITE_OK;
}

static int related_rowid(PythiaCursor *cursor, sqlite3_int64 *rowid) {
    RelatedCursor *c = (RelatedCursor *)cursor;
    uint32_t listed = c->list.events[c->row];
    uint32_t first = c->swapped ? listed : c->span, other = c->swapped ? c->span : listed;
    uint64_t a = (uint64_t)c->first_event + 2 * (uint64_t)first;
    uint64_t b = (uint64_t)c->first_event + 2 * (uint64_t)other;
    *rowid = (sqlite3_int64)(pythia_hash_mix(a, b) >> 1);
    return SQLITE_OK;
}

static void related_release(PythiaCursor *cursor) {
    RelatedCursor *c = (RelatedCursor *)cursor;
    related_drop(c);
    pythia_view_close(&c->view);
    pythia_kin_clear(&c->kin);
    pythia_events_clear(&c->list);
    for (int side = 0; side < 2; side++) {
        pythia_points_clear(&c->equal[side]);
        pythia_points_clear(&c->glob[side]);
    }
}

/* ---- the table ---------------------------------------------------------------------------------------- */

#define SIDE(p)                                                                                    \
    p "event_id INTEGER, " p "span_id TEXT, " p "service TEXT, " p "operation TEXT, " p            \
      "tracepoint TEXT, " p "kind TEXT, " p "instance TEXT, " p "start_ns INTEGER, " p             \
      "duration_ns INTEGER, " p "status TEXT, " p "attributes TEXT, "

/* A span has few relatives: the fractions of 4 million pairs. */
static const PythiaUse related_uses[] = {
    {COL_RELATION, PYTHIA_EQ, PYTHIA_USE_REQUIRED | PYTHIA_USE_EXACT, 1},
    {COL_FIRST + SIDE_EVENT, PYTHIA_EQ, 0, 1e-6},
    {COL_OTHER + SIDE_EVENT, PYTHIA_EQ, 0, 1e-6},
    {COL_TRACE_ID, PYTHIA_EQ, 0, 1e-4},
    {COL_FIRST + SIDE_TRACEPOINT, PYTHIA_EQ | PYTHIA_GLOB, PYTHIA_USE_EXACT, 0.02},
    {COL_OTHER + SIDE_TRACEPOINT, PYTHIA_EQ | PYTHIA_GLOB, PYTHIA_USE_EXACT, 0.02},
};

const PythiaTable pythia_table_related = {
    .name = "pythia_related",
    .columns = "trace_id TEXT, distance INTEGER, " SIDE("") SIDE("other_") "relation TEXT HIDDEN",
    .nvisible = COL_N,
    .nhidden = COL_ALL - COL_N,
    .uses = related_uses,
    .nuses = sizeof related_uses / sizeof *related_uses,
    .rows = 4e6,
    .cursor_bytes = sizeof(RelatedCursor),
    .filter = related_filter,
    .next = related_next,
    .eof = related_eof,
    .column = related_column,
    .rowid = related_rowid,
    .release = related_release,
};
