/* what_if.c - pythia_what_if(tracepoint, delta_ns): the response times of each group, had an operation taken delta_ns
** less (a negative delta: more).
**
** Every member that has the trace point is put in time anew (ext/trace/retime.h); the others keep their duration and
** count too. A row for each group in which the trace point occurs. tracepoint is a name, or else a GLOB pattern. */
#include "ext/stat/quantile.h"
#include "ext/trace/retime.h"
#include "vtab/scan.h"
#include "vtab/tables.h"

#include <stdlib.h>

enum {
    COL_GROUP_ID,
    COL_MEAN_BEFORE,
    COL_MEAN_AFTER,
    COL_P95_BEFORE,
    COL_P95_AFTER,
    COL_REQUEST_TYPE,
    COL_TRACES,
    COL_AFFECTED,
    COL_N,
    COL_TRACEPOINT = COL_N,
    COL_DELTA,
    COL_ALL
};

typedef struct Member {
    uint64_t group;
    int64_t before_ns, after_ns;
    uint32_t request_type;
    int has_it;
} Member;

typedef struct WhatIf {
    PythiaCursor *cursor;
    PythiaCapture *capture;
    const PythiaModel *model;
    const PythiaNames *names;
    unsigned char *wanted; /* [trace point] */
    int64_t less_ns;
    Member *members;
    size_t n, capacity;
    PythiaScan scan;
    PythiaTrace trace;
    PythiaAnalysis analysis;
    PythiaRetime retime;
    char **error;
} WhatIf;

/* ---- arguments ---------------------------------------------------------------------------------------- */

/* Marks the trace points that are meant: those of that name, or if there is none those that match. */
static int find_wanted(WhatIf *w, const PythiaBound *tracepoint, int *found) {
    uint32_t n = w->names->ntracepoints + 1;
    PythiaText text = pythia_value_text(tracepoint->value);
    const char *pattern = (const char *)sqlite3_value_text(tracepoint->value);
    *found = 0;
    w->wanted = pythia_alloc_zero(n);
    if (!w->wanted || !pattern) return SQLITE_NOMEM;
    for (int glob = 0; glob < 2 && !*found; glob++)
        for (uint32_t t = 1; t < n; t++) {
            PythiaText name = pythia_names_tracepoint_text(w->names, t);
            int hit = glob ? sqlite3_strglob(pattern, name.p) == 0 : pythia_text_equal(name, text);
            w->wanted[t] = hit != 0;
            *found |= hit;
        }
    return SQLITE_OK;
}

static int read_delta(WhatIf *w, const PythiaBound *delta) {
    if (sqlite3_value_numeric_type(delta->value) != SQLITE_INTEGER)
        return pythia_vtab_fail(w->cursor->vtab, SQLITE_ERROR,
                                "pythia_what_if: delta_ns must be a whole number of nanoseconds");
    int64_t ns = sqlite3_value_int64(delta->value);
    w->less_ns = ns > PYTHIA_TIME_MAX    ? PYTHIA_TIME_MAX
                 : ns < -PYTHIA_TIME_MAX ? -PYTHIA_TIME_MAX
                                         : ns;
    return SQLITE_OK;
}

/* ---- members ------------------------------------------------------------------------------------------ */

/* Whether one of a range of rows of a column of trace points is wanted. */
static int range_has_it(WhatIf *w, int column, int first_column, int count_column, int *has_it) {
    const int64_t *tracepoint, *first, *count;
    PythiaSegment *segment = w->scan.segment;
    uint32_t n, t = w->scan.ordinal;
    int rc = pythia_segment_column(segment, first_column, &first, &n, w->error);
    if (!rc) rc = pythia_segment_column(segment, count_column, &count, &n, w->error);
    if (!rc && count[t]) rc = pythia_segment_column(segment, column, &tracepoint, &n, w->error);
    if (rc) return rc;
    for (int64_t i = first[t]; i < first[t] + count[t]; i++)
        *has_it |= w->wanted[tracepoint[i]];
    return SQLITE_OK;
}

static int see_trace(WhatIf *w) {
    PythiaHead head;
    Member m = {0};
    int rc = pythia_segment_head(w->scan.segment, w->scan.ordinal, &head, w->error);
    if (rc || !head.group) return rc;
    m.group = head.group;
    m.request_type = head.request_type;
    m.before_ns = m.after_ns = head.duration_ns;
    rc = range_has_it(w, PYTHIA_COL_SPAN_TRACEPOINT, PYTHIA_COL_TRACE_FIRST_SPAN,
                      PYTHIA_COL_TRACE_SPANS, &m.has_it);
    if (!rc && !m.has_it)
        rc = range_has_it(w, PYTHIA_COL_POINT_TRACEPOINT, PYTHIA_COL_TRACE_FIRST_POINT,
                          PYTHIA_COL_TRACE_POINTS, &m.has_it);
    if (!rc && m.has_it) {
        rc = pythia_segment_trace(w->scan.segment, w->scan.ordinal, 0, &w->trace, w->error);
        if (!rc) rc = pythia_capture_walk(w->capture, &w->trace, &w->analysis, w->error);
        if (!rc)
            rc = pythia_retime(&w->retime, &w->trace, w->model, w->names, &w->analysis.request,
                               w->wanted, w->less_ns, &m.after_ns);
    }
    if (!rc) rc = pythia_grow((void **)&w->members, &w->capacity, w->n + 1, sizeof *w->members);
    if (!rc) w->members[w->n++] = m;
    return rc;
}

static int see_all(WhatIf *w) {
    int rc = pythia_scan_begin(&w->scan, w->capture, NULL, w->error);
    while (!rc) {
        rc = pythia_scan_next(&w->scan, &w->cursor->poll, w->error);
        if (rc || w->scan.eof) break;
        rc = see_trace(w);
    }
    return rc;
}

/* ---- rows --------------------------------------------------------------------------------------------- */

static int member_compare(const void *a, const void *b) {
    const Member *x = a, *y = b;
    return x->group < y->group ? -1 : x->group > y->group;
}

/* Mean and 95th percentile of the durations before or after. x: room for them. */
static int summary(WhatIf *w, const Member *m, size_t n, int after, double *x, double *mean,
                   double *p95) {
    long double sum = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t ns = after ? m[i].after_ns : m[i].before_ns;
        sum += (long double)ns;
        x[i] = (double)ns;
    }
    *mean = (double)(sum / (long double)n);
    return pythia_quantile(x, n, 0.95, 7, p95, &w->cursor->poll);
}

static int put_group(WhatIf *w, const Member *m, size_t n, double *x) {
    PythiaRows *rows = &w->cursor->rows;
    double mean[2], p95[2];
    sqlite3_int64 has_it = 0, affected = 0;
    char text[PYTHIA_ID_CHARS];
    for (size_t i = 0; i < n; i++) {
        has_it += m[i].has_it;
        affected += m[i].before_ns != m[i].after_ns;
    }
    if (!has_it) return SQLITE_OK;
    int rc = summary(w, m, n, 0, x, &mean[0], &p95[0]);
    if (!rc) rc = summary(w, m, n, 1, x, &mean[1], &p95[1]);
    if (rc) return rc;
    PythiaId id = {0, m->group, PYTHIA_ID_HEX16};
    pythia_rows_text(rows, (PythiaText){text, pythia_id_write(id, text)});
    pythia_rows_double(rows, mean[0]);
    pythia_rows_double(rows, mean[1]);
    pythia_rows_double(rows, p95[0]);
    pythia_rows_double(rows, p95[1]);
    pythia_rows_text(rows, pythia_names_text(w->names, m->request_type));
    pythia_rows_int(rows, (sqlite3_int64)n);
    pythia_rows_int(rows, affected);
    pythia_rows_end(rows);
    return rows->rc;
}

static int put_groups(WhatIf *w) {
    double *x = pythia_alloc_array(w->n + 1, sizeof *x);
    int rc = x ? SQLITE_OK : SQLITE_NOMEM;
    if (!rc && w->n) qsort(w->members, w->n, sizeof *w->members, member_compare);
    for (size_t i = 0, end; !rc && i < w->n; i = end) {
        for (end = i; end < w->n && w->members[end].group == w->members[i].group;)
            end++;
        rc = put_group(w, w->members + i, end - i, x);
    }
    pythia_free(x);
    return rc;
}

static int what_if_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    WhatIf w = {.cursor = cursor, .capture = cursor->capture, .error = &cursor->vtab->base.zErrMsg};
    int found = 0, rc = read_delta(&w, pythia_bound(bounds, n, COL_DELTA, PYTHIA_EQ));
    if (rc || !cursor->capture) return rc;
    rc = pythia_capture_settle(cursor->capture, &cursor->poll, w.error);
    if (!rc) rc = pythia_capture_model(cursor->capture, &w.model, w.error);
    w.names = pythia_capture_names(cursor->capture);
    if (!rc) rc = find_wanted(&w, pythia_bound(bounds, n, COL_TRACEPOINT, PYTHIA_EQ), &found);
    if (!rc && found) rc = see_all(&w);
    if (!rc && found) rc = put_groups(&w);
    pythia_scan_end(&w.scan);
    pythia_free(w.wanted);
    pythia_free(w.members);
    pythia_trace_clear(&w.trace);
    pythia_analysis_clear(&w.analysis);
    pythia_retime_clear(&w.retime);
    return rc;
}

static const PythiaUse what_if_uses[] = {
    {COL_TRACEPOINT, PYTHIA_EQ, PYTHIA_USE_REQUIRED, 1},
    {COL_DELTA, PYTHIA_EQ, PYTHIA_USE_REQUIRED, 1},
};

const PythiaTable pythia_table_what_if = {
    .name = "pythia_what_if",
    .columns = "group_id TEXT, mean_before_ns REAL, mean_after_ns REAL, p95_before_ns REAL,"
               " p95_after_ns REAL, request_type TEXT, traces INTEGER, affected INTEGER,"
               " tracepoint TEXT HIDDEN, delta_ns INTEGER HIDDEN",
    .nvisible = COL_N,
    .nhidden = COL_ALL - COL_N,
    .uses = what_if_uses,
    .nuses = sizeof what_if_uses / sizeof what_if_uses[0],
    .rows = 50,
    .fill = what_if_fill,
};
