/* export.c - see export.h. */
#include "ext/capture/export.h"

#include "ext/capture/select.h"
#include "ext/write/write.h"

/* ---- writing ---- */

typedef struct Export {
    PythiaCapture *capture;
    PythiaExport *to;
    PythiaSegment *segment; /* the one that was read last, or NULL */
    PythiaTrace trace;
    PythiaAnalysis analysis;
    char **error;
} Export;

static int export_one(Export *x, const PythiaTracePlace *place) {
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

static int export_all(PythiaCapture *capture, const PythiaSelection *list, PythiaExport *to,
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
                       const PythiaSelection *list, PythiaPoll *poll, int64_t *traces,
                       char **error) {
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
    PythiaSelection list = {0};
    *traces = 0;
    if (!format)
        return pythia_fail(error, SQLITE_ERROR, "pythia_export: no such format: '%s'; there are %s",
                           options->format, pythia_export_formats());
    int rc = pythia_session_capture(session, schema, 0, &capture, error);
    if (!rc && options->query)
        rc = pythia_selection_query(&list, session, db, schema, "pythia_export: query",
                                    options->query, error);
    else if (!rc && capture)
        rc = pythia_selection_all(&list, capture, &poll, error);
    if (!rc) rc = pythia_session_capture(session, schema, 0, &capture, error);
    if (!rc) rc = export_file(capture, path, format, &list, &poll, traces, error);
    pythia_selection_clear(&list);
    pythia_poll_close(&poll);
    return rc;
}
