/* export.c - see export.h.
**
** Traces are named by their places in the store, found before anything is written: so a query may give a
** trace as often as it likes, and what it does itself cannot come between. */
#include "ext/capture/export.h"

#include "ext/write/write.h"

#include <stdlib.h>

typedef struct TracePlace {
    int64_t segment;
    uint32_t ordinal;
} TracePlace;

typedef struct TracePlaces {
    TracePlace *places;
    size_t n, capacity;
} TracePlaces;

static int place_compare(const void *a, const void *b) {
    const TracePlace *x = a, *y = b;
    if (x->segment != y->segment) return x->segment < y->segment ? -1 : 1;
    return x->ordinal < y->ordinal ? -1 : x->ordinal > y->ordinal;
}

/* Sorts, and keeps one of each. */
static void places_unite(TracePlaces *list) {
    size_t kept = 0;
    if (list->n > 1) qsort(list->places, list->n, sizeof *list->places, place_compare);
    for (size_t i = 0; i < list->n; i++)
        if (!kept || place_compare(&list->places[kept - 1], &list->places[i]) != 0)
            list->places[kept++] = list->places[i];
    list->n = kept;
}

/* Before the array would grow, repetitions are taken out: then it is as long as there are traces. */
static int places_add(TracePlaces *list, int64_t segment, uint32_t ordinal) {
    if (list->n == list->capacity && list->n) {
        places_unite(list);
        if (list->n > list->capacity / 2) {
            int rc = pythia_grow((void **)&list->places, &list->capacity, list->n * 2,
                                 sizeof *list->places);
            if (rc) return rc;
        }
    }
    int rc =
        pythia_grow((void **)&list->places, &list->capacity, list->n + 1, sizeof *list->places);
    if (!rc) list->places[list->n++] = (TracePlace){segment, ordinal};
    return rc;
}

/* ---- all traces ---- */

static int all_segment(TracePlaces *list, PythiaSegment *segment, int64_t id) {
    const PythiaSegmentInfo *info = pythia_segment_info(segment);
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < info->traces; i++)
        if (!pythia_segment_dead(segment, i)) rc = places_add(list, id, i);
    return rc;
}

static int all_find(PythiaCapture *capture, TracePlaces *list, PythiaPoll *poll, char **error) {
    int rc = SQLITE_OK;
    for (int64_t id = 0; !rc && (id = pythia_capture_next_segment(capture, id)) != 0;) {
        PythiaSegment *segment;
        rc = pythia_segment_open(pythia_capture_store(capture), id, &segment, error);
        if (rc) break;
        rc = all_segment(list, segment, id);
        pythia_segment_release(segment);
        if (!rc) rc = pythia_poll(poll);
    }
    return rc;
}

/* ---- those of a query ---- */

static int query_open(sqlite3 *db, const char *sql, sqlite3_stmt **statement, char **error) {
    const char *tail = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, statement, &tail);
    if (rc) return pythia_fail(error, rc, "pythia_export: query: %s", sqlite3_errmsg(db));
    while (tail && *tail && strchr(" \t\r\n;", *tail))
        tail++;
    if (!*statement || (tail && *tail))
        return pythia_fail(error, SQLITE_ERROR, "pythia_export: query must be one SELECT");
    if (!sqlite3_stmt_readonly(*statement) || !sqlite3_column_count(*statement))
        return pythia_fail(error, SQLITE_ERROR,
                           "pythia_export: query must be a SELECT that only reads");
    return SQLITE_OK;
}

static int query_row(PythiaCapture *capture, const char *schema, sqlite3_stmt *statement,
                     TracePlaces *list, char **error) {
    if (sqlite3_column_type(statement, 0) == SQLITE_NULL) return SQLITE_OK;
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    if (!text) return SQLITE_NOMEM;
    PythiaText id = {text, (size_t)sqlite3_column_bytes(statement, 0)};
    int found = 0;
    int64_t segment = 0;
    uint32_t ordinal = 0;
    int rc =
        capture ? pythia_capture_find(capture, id, &found, &segment, &ordinal, error) : SQLITE_OK;
    if (!rc && !found)
        rc = pythia_fail(error, SQLITE_ERROR,
                         "pythia_export: query gave '%.*s' in its first column (%s), which is no "
                         "trace of schema %s",
                         id.n > 200 ? 200 : (int)id.n, text, sqlite3_column_name(statement, 0),
                         schema);
    return rc ? rc : places_add(list, segment, ordinal);
}

static int query_find(PythiaSession *session, sqlite3 *db, const char *schema, const char *sql,
                      TracePlaces *list, char **error) {
    sqlite3_stmt *statement = NULL;
    int rc = query_open(db, sql, &statement, error);
    while (!rc && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        /* Asked for anew: what the query calls may have changed the store. */
        PythiaCapture *capture;
        rc = pythia_session_capture(session, schema, 0, &capture, error);
        if (!rc) rc = query_row(capture, schema, statement, list, error);
    }
    if (rc == SQLITE_DONE)
        rc = SQLITE_OK;
    else if (rc && rc != SQLITE_NOMEM)
        pythia_fail(error, rc, "pythia_export: query: %s", sqlite3_errmsg(db));
    sqlite3_finalize(statement);
    return rc;
}

/* ---- writing ---- */

typedef struct Export {
    PythiaCapture *capture;
    PythiaExport *to;
    PythiaSegment *segment; /* the one that was read last, or NULL */
    PythiaTrace trace;
    PythiaAnalysis analysis;
    char **error;
} Export;

static int export_one(Export *x, const TracePlace *place) {
    const PythiaExportFormat *format = x->to->format;
    PythiaExportTrace t = {.trace = &x->trace, .names = pythia_capture_names(x->capture)};
    int rc = SQLITE_OK;
    if (!x->segment || pythia_segment_info(x->segment)->id != place->segment) {
        pythia_segment_release(x->segment);
        x->segment = NULL;
        rc = pythia_segment_open(pythia_capture_store(x->capture), place->segment, &x->segment,
                                 x->error);
    }
    if (!rc)
        rc = pythia_segment_trace(x->segment, place->ordinal, format->values, &x->trace, x->error);
    if (!rc && format->analyse) {
        rc = pythia_capture_analyse(x->capture, &x->trace, &x->analysis, x->error);
        if (!rc) rc = pythia_capture_model(x->capture, &t.model, x->error);
        t.request = &x->analysis.request;
        t.path = &x->analysis.path;
    }
    return rc ? rc : pythia_export_trace(x->to, &t, x->error);
}

/* Not later than any span of the capture. */
static int64_t capture_first_ns(PythiaCapture *capture) {
    PythiaStore *store = pythia_capture_store(capture);
    int64_t first_ns = INT64_MAX;
    for (uint32_t i = 0; i < pythia_store_segment_count(store); i++) {
        const PythiaSegmentInfo *info = pythia_store_segment_info(store, i);
        if (info->first_ns < first_ns) first_ns = info->first_ns;
    }
    return first_ns == INT64_MAX ? 0 : first_ns;
}

static int export_all(PythiaCapture *capture, const TracePlaces *list, PythiaExport *to,
                      char **error) {
    Export x = {.capture = capture, .to = to, .error = error};
    int rc = SQLITE_OK;
    for (size_t i = 0; !rc && i < list->n; i++)
        rc = export_one(&x, &list->places[i]);
    pythia_segment_release(x.segment);
    pythia_trace_clear(&x.trace);
    pythia_analysis_clear(&x.analysis);
    return rc;
}

static int export_file(PythiaCapture *capture, const char *path, const PythiaExportFormat *format,
                       const TracePlaces *list, PythiaPoll *poll, int64_t *traces, char **error) {
    PythiaOutput *output;
    PythiaExport export;
    char *why = NULL;
    int rc = pythia_output_open(path, &output, &why);
    if (!rc) {
        rc = pythia_export_begin(&export, format, output, poll,
                                 capture ? capture_first_ns(capture) : 0, &why);
        if (!rc) rc = export_all(capture, list, &export, &why);
        if (!rc) rc = pythia_export_end(&export, &why);
        if (!rc) rc = export.out.rc;
        if (!rc) rc = pythia_poll_now(poll);
        if (!rc) rc = pythia_output_finish(output, &why);
        *traces = export.traces;
        pythia_export_close(&export);
        pythia_output_close(output);
    }
    if (why) pythia_fail(error, rc, "pythia_export: %s", why);
    sqlite3_free(why);
    return rc;
}

int pythia_export_path(PythiaSession *session, sqlite3 *db, const char *path,
                       const PythiaExportOptions *options, int64_t *traces, char **error) {
    const char *schema = options->schema ? options->schema : "main";
    const PythiaExportFormat *format = pythia_export_format(options->format);
    PythiaCapture *capture;
    PythiaPoll poll = {.db = db};
    TracePlaces list = {0};
    *traces = 0;
    if (!format)
        return pythia_fail(error, SQLITE_ERROR, "pythia_export: no such format: '%s'; there are %s",
                           options->format, pythia_export_formats());
    int rc = pythia_session_capture(session, schema, 0, &capture, error);
    if (!rc && options->query)
        rc = query_find(session, db, schema, options->query, &list, error);
    else if (!rc && capture)
        rc = all_find(capture, &list, &poll, error);
    if (!rc) rc = pythia_session_capture(session, schema, 0, &capture, error);
    if (!rc) {
        places_unite(&list);
        rc = export_file(capture, path, format, &list, &poll, traces, error);
    }
    pythia_free(list.places);
    pythia_poll_close(&poll);
    return rc;
}
