/* context.c - the calling context tree of the traces of a capture.
**
** A segment's columns are read as they lie there, those that are needed and no others; most traces never become
** a PythiaTrace (stretch.h says which do). */
#include "ext/capture/internal.h"

enum { C_PARENT, C_START, C_DURATION, C_TRACEPOINT, C_BITS, C_POINT_SPAN, C_POINT_TIME, C_READ };
static const int read_columns[C_READ] = {PYTHIA_COL_SPAN_PARENT,   PYTHIA_COL_SPAN_START,
                                         PYTHIA_COL_SPAN_DURATION, PYTHIA_COL_SPAN_TRACEPOINT,
                                         PYTHIA_COL_SPAN_BITS,     PYTHIA_COL_POINT_SPAN,
                                         PYTHIA_COL_POINT_TIME};
/* Those of which there is one value a trace. */
enum { T_START, T_FIRST_SPAN, T_SPANS, T_FIRST_POINT, T_POINTS, T_LINKS, T_GROUP, T_TYPE, T_N };
static const int trace_columns[T_N] = {PYTHIA_COL_TRACE_START,  PYTHIA_COL_TRACE_FIRST_SPAN,
                                       PYTHIA_COL_TRACE_SPANS,  PYTHIA_COL_TRACE_FIRST_POINT,
                                       PYTHIA_COL_TRACE_POINTS, PYTHIA_COL_TRACE_LINKS,
                                       PYTHIA_COL_HEAD_GROUP,   PYTHIA_COL_HEAD_TYPE};

typedef struct Collect {
    PythiaCapture *capture;
    const PythiaModel *model;
    const PythiaMembers *members;
    int on_path;
    int plain;                   /* model and settings leave plain traces to stretch.h */
    const int64_t *tolerance_ns; /* [trace point]; NULL: no clock needs one */
    PythiaContext *out;
    int64_t *column[C_READ]; /* of the current segment, as stored */
    size_t capacity[C_READ];
    const int64_t *of_trace[T_N]; /* the same, decoded */
    PythiaStretches stretches;
    PythiaTrace trace; /* of what is not plain */
    PythiaAnalysis analysis;
    PythiaPoll *poll;
    char **error;
} Collect;

/* Whether pythia_stretches_find() may be asked for a trace of the segment. */
static int is_plain(const Collect *c, uint32_t ordinal, int64_t first, uint32_t nspans) {
    if (!c->plain || c->of_trace[T_LINKS][ordinal]) return 0;
    int64_t flags = c->column[C_BITS][first] >> 5; /* of the root; see store.h */
    if (flags & PYTHIA_SPAN_EVENT) return 0;
    if (flags & PYTHIA_SPAN_ANCHORED && c->model->request_end == PYTHIA_END_AUTO) return 0;
    for (uint32_t i = 0; c->tolerance_ns && i < nspans; i++)
        if (c->tolerance_ns[c->column[C_TRACEPOINT][first + i]]) return 0;
    return 1;
}

/* Reads the trace. When its columns were damaged this says where. */
static int add_trace(Collect *c, PythiaSegment *segment, uint32_t ordinal) {
    int rc = pythia_segment_trace(segment, ordinal, 0, &c->trace, c->error);
    if (!rc && !c->on_path) rc = PYTHIA_CORRUPT;
    if (!rc) rc = pythia_capture_walk(c->capture, &c->trace, &c->analysis, c->error);
    return rc ? rc : pythia_context_add_path(c->out, &c->trace, &c->analysis.path);
}

static int see_trace(Collect *c, PythiaSegment *segment, uint32_t ordinal) {
    int64_t first = c->of_trace[T_FIRST_SPAN][ordinal], point = c->of_trace[T_FIRST_POINT][ordinal];
    PythiaSpanColumns trace = {.parent = c->column[C_PARENT] + first,
                               .start_ns = c->column[C_START] + first,
                               .duration_ns = c->column[C_DURATION] + first,
                               .trace_start_ns = c->of_trace[T_START][ordinal],
                               .nspans = (uint32_t)c->of_trace[T_SPANS][ordinal],
                               .point_span = c->column[C_POINT_SPAN] + point,
                               .point_ns = c->column[C_POINT_TIME] + point,
                               .npoints = (uint32_t)c->of_trace[T_POINTS][ordinal]};
    const int64_t *tracepoint = c->column[C_TRACEPOINT] + first;
    int rc = SQLITE_EMPTY;
    if (!trace.nspans) return SQLITE_OK;
    if (!c->on_path) {
        int is_dag = (c->column[C_BITS][first] >> 5 & PYTHIA_SPAN_EVENT) != 0;
        rc = pythia_context_add_spans(c->out, &trace, tracepoint, is_dag);
        return rc == SQLITE_EMPTY ? add_trace(c, segment, ordinal) : rc;
    }
    if (is_plain(c, ordinal, first, trace.nspans))
        rc = pythia_stretches_find(&c->stretches, &trace);
    if (rc == SQLITE_EMPTY) return add_trace(c, segment, ordinal);
    return rc ? rc : pythia_context_add_stretches(c->out, &trace, tracepoint, &c->stretches);
}

static int read_segment(Collect *c, PythiaSegment *segment) {
    const PythiaSegmentInfo *info = pythia_segment_info(segment);
    uint32_t n;
    int rc = SQLITE_OK;
    for (int i = 0; !rc && i < T_N; i++)
        rc = pythia_segment_column(segment, trace_columns[i], &c->of_trace[i], &n, c->error);
    for (int i = 0; !rc && i < C_READ; i++) {
        n = i < C_POINT_SPAN ? info->spans : info->points;
        rc = pythia_grow((void **)&c->column[i], &c->capacity[i], (size_t)n + 1,
                         sizeof *c->column[i]);
        if (!rc) rc = pythia_segment_range(segment, read_columns[i], 0, n, c->column[i], c->error);
    }
    return rc;
}

static int see_segment(Collect *c, PythiaSegment *segment) {
    int rc = read_segment(c, segment);
    for (uint32_t t = 0; !rc && t < pythia_segment_info(segment)->traces; t++) {
        uint64_t group = (uint64_t)c->of_trace[T_GROUP][t];
        if (!group || pythia_segment_dead(segment, t)) continue;
        if (c->members->group && group != c->members->group) continue;
        if (c->members->request_type && c->of_trace[T_TYPE][t] != c->members->request_type)
            continue;
        rc = pythia_poll(c->poll);
        if (!rc) rc = see_trace(c, segment, t);
    }
    return rc;
}

int pythia_capture_context(PythiaCapture *capture, const PythiaMembers *members, int on_path,
                           PythiaPoll *poll, PythiaContext *context, char **error) {
    Collect c = {.capture = capture,
                 .members = members,
                 .on_path = on_path,
                 .out = context,
                 .poll = poll,
                 .error = error};
    int rc = pythia_capture_settle(capture, poll, error);
    if (!rc) rc = pythia_capture_model(capture, &c.model, error);
    if (!rc) rc = pythia_capture_tolerances(capture, &c.tolerance_ns, error);
    if (!rc)
        c.plain = c.model->causality == PYTHIA_CAUSALITY_SIBLINGS && !c.model->rule &&
                  c.model->request_end != PYTHIA_END_LAST;
    for (int64_t id = 0; !rc && (id = pythia_capture_next_segment(capture, id)) != 0;) {
        PythiaSegment *segment;
        rc = pythia_segment_open(pythia_capture_store(capture), id, &segment, error);
        if (rc) break;
        rc = see_segment(&c, segment);
        pythia_segment_release(segment);
    }
    if (!rc) rc = pythia_context_finish(context, on_path);
    if (rc == SQLITE_TOOBIG) rc = pythia_fail(error, rc, "a sum of times does not fit 64 bits");
    for (int i = 0; i < C_READ; i++)
        pythia_free(c.column[i]);
    pythia_stretches_clear(&c.stretches);
    pythia_trace_clear(&c.trace);
    pythia_analysis_clear(&c.analysis);
    return rc;
}
