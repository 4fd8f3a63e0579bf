/* fn_capture.c - see fn_capture.h. */
#include "sql/fn_capture.h"

#include "ext/base/compat.h"
#include "ext/capture/export.h"
#include "ext/capture/import.h"
#include "ext/capture/savepoint.h"
#include "ext/pythia.h"
#include "sql/result.h"

#include <stdlib.h>

/* ---- pythia_import ------------------------------------------------------------------------------------ */

static int option_take(const char *key, const char *value, PythiaImportOptions *options,
                       char **error) {
    if (key && sqlite3_stricmp(key, "threads") == 0) {
        char *end = NULL;
        long n = value ? strtol(value, &end, 10) : 0;
        if (!end || *end || n < 1 || n > 64)
            return pythia_fail(error, SQLITE_ERROR,
                               "pythia_import: threads must be a number from 1 to 64");
        options->threads = (int)n;
        return SQLITE_OK;
    }
    if (key && sqlite3_stricmp(key, "follow") == 0) {
        if (!value || (strcmp(value, "0") != 0 && strcmp(value, "1") != 0))
            return pythia_fail(error, SQLITE_ERROR, "pythia_import: follow must be 0 or 1");
        options->follow = value[0] == '1';
        return SQLITE_OK;
    }
    char *copy = value ? sqlite3_mprintf("%s", value) : NULL;
    if (value && !copy) return SQLITE_NOMEM;
    const char **field = !key || sqlite3_stricmp(key, "format") == 0 ? &options->format
                         : sqlite3_stricmp(key, "schema") == 0       ? &options->schema
                                                                     : NULL;
    if (!key || !field) {
        sqlite3_free(copy);
        return pythia_fail(
            error, SQLITE_ERROR,
            "pythia_import: no such option: '%s'; there are follow, format, schema and threads",
            key ? key : "");
    }
    sqlite3_free((void *)(uintptr_t)*field);
    *field = copy;
    return SQLITE_OK;
}

/* Reads the options, a JSON object, with SQLite's own JSON functions. */
static int options_read(sqlite3 *db, sqlite3_value *json, PythiaImportOptions *options,
                        char **error) {
    sqlite3_stmt *s;
    int rc =
        sqlite3_prepare_v2(db, "SELECT key, value, json_type(?1) FROM json_each(?1)", -1, &s, NULL);
    if (rc) return pythia_fail(error, rc, "pythia_import: %s", sqlite3_errmsg(db));
    sqlite3_bind_value(s, 1, json);
    while (!rc && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        if (sqlite3_stricmp((const char *)sqlite3_column_text(s, 2), "object") != 0)
            rc = pythia_fail(error, SQLITE_ERROR,
                             "pythia_import: the options must be a JSON object");
        else
            rc = option_take((const char *)sqlite3_column_text(s, 0),
                             (const char *)sqlite3_column_text(s, 1), options, error);
    }
    if (rc == SQLITE_DONE) rc = SQLITE_OK;
    if (rc == SQLITE_ERROR)
        pythia_fail(error, rc, "pythia_import: options are no JSON object: %s", sqlite3_errmsg(db));
    sqlite3_finalize(s);
    return rc;
}

static void fn_import(sqlite3_context *context, int argc, sqlite3_value **argv) {
    PythiaHost *host = sqlite3_user_data(context);
    const char *path = (const char *)sqlite3_value_text(argv[0]);
    PythiaImportOptions options = {.show_progress = 1};
    PythiaImportStats stats = {0};
    char *error = NULL;
    if (!path) {
        sqlite3_result_error(context, "pythia_import: argument 1 (path) must be a text", -1);
        return;
    }
    int rc = SQLITE_OK;
    if (argc > 1 && sqlite3_value_type(argv[1]) != SQLITE_NULL)
        rc = options_read(host->db, argv[1], &options, &error);
    if (!rc) rc = pythia_import_path(host->session, host->db, path, &options, &stats, &error);
    sqlite3_free((void *)(uintptr_t)options.format);
    sqlite3_free((void *)(uintptr_t)options.schema);
    if (rc)
        pythia_result_failure(context, rc, error);
    else
        sqlite3_result_int64(context, stats.spans + stats.events);
}

/* ---- pythia_export ------------------------------------------------------------------------------------ */

static void fn_export(sqlite3_context *context, int argc, sqlite3_value **argv) {
    static const char *const names[] = {"path", "format", "query", "schema"};
    PythiaHost *host = sqlite3_user_data(context);
    const char *text[4] = {NULL, NULL, NULL, NULL};
    int64_t traces = 0;
    char *error = NULL;
    int rc = SQLITE_OK;
    for (int i = 0; !rc && i < argc; i++) {
        text[i] = (const char *)sqlite3_value_text(argv[i]);
        if (text[i]) continue;
        if (sqlite3_value_type(argv[i]) != SQLITE_NULL)
            rc = SQLITE_NOMEM;
        else if (i < 2)
            rc = pythia_fail(&error, SQLITE_ERROR, "pythia_export: argument %d (%s) must be a text",
                             i + 1, names[i]);
    }
    PythiaExportOptions options = {.format = text[1], .query = text[2], .schema = text[3]};
    if (!rc) rc = pythia_export_path(host->session, host->db, text[0], &options, &traces, &error);
    if (rc)
        pythia_result_failure(context, rc, error);
    else
        sqlite3_result_int64(context, traces);
}

/* ---- pythia_init -------------------------------------------------------------------------------------- */

static void fn_init(sqlite3_context *context, int argc, sqlite3_value **argv) {
    PythiaHost *host = sqlite3_user_data(context);
    const char *schema = argc ? (const char *)sqlite3_value_text(argv[0]) : "main";
    PythiaCapture *capture = NULL;
    PythiaSavepoint savepoint = {0};
    char *error = NULL;
    if (!schema) {
        sqlite3_result_error(context, "pythia_init: argument 1 (schema) must be a text", -1);
        return;
    }
    int rc = pythia_session_capture(host->session, schema, 0, &capture, &error);
    int there = capture != NULL;
    if (!rc && !there) {
        rc = pythia_savepoint_begin(&savepoint, host->db, &error);
        if (!rc) rc = pythia_session_capture(host->session, schema, 1, &capture, &error);
        rc = pythia_savepoint_end(&savepoint, rc, &error);
    }
    if (rc)
        pythia_result_failure(context, rc, error);
    else
        sqlite3_result_int(context, !there);
}

/* ---- pythia_attribute ---------------------------------------------------------------------------------- */

static const PythiaValue *value_of(const PythiaValue *values, uint32_t n, uint32_t key) {
    for (uint32_t i = 0; i < n; i++)
        if (values[i].key == key) return &values[i];
    return NULL;
}

/* Looks the attribute up in a trace that was read back. */
static const PythiaValue *attribute_find(const PythiaTrace *trace, PythiaId span_id, uint32_t key) {
    for (uint32_t i = 0; i < trace->nspans; i++) {
        const PythiaSpan *span = &trace->spans[i];
        if (!pythia_id_equal(span->id, span_id)) continue;
        const PythiaResourceSet *resource = &trace->resources[span->resource];
        const PythiaValue *value =
            span->nvalues ? value_of(trace->values + span->first_value, span->nvalues, key) : NULL;
        if (!value) value = value_of(resource->values, resource->n, key);
        if (value) return value;
    }
    return NULL;
}

static void result_value(sqlite3_context *context, const PythiaValue *value) {
    if (value->type == PYTHIA_VALUE_INT || value->type == PYTHIA_VALUE_BOOL)
        sqlite3_result_int64(context, value->of.integer);
    else if (value->type == PYTHIA_VALUE_DOUBLE)
        sqlite3_result_double(context, value->of.real);
    else
        sqlite3_result_text64(context, value->of.text, value->n, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static PythiaText argument_text(sqlite3_value *value) {
    const char *text = (const char *)sqlite3_value_text(value);
    return (PythiaText){text, text ? (size_t)sqlite3_value_bytes(value) : 0};
}

static void fn_attribute(sqlite3_context *context, int argc, sqlite3_value **argv) {
    PythiaHost *host = sqlite3_user_data(context);
    PythiaCapture *capture;
    PythiaTrace trace = {0};
    char *error = NULL;
    int found = 0;
    int64_t segment_id;
    uint32_t ordinal;
    (void)argc;
    int rc = pythia_session_capture(host->session, "main", 0, &capture, &error);
    if (!rc && capture)
        rc = pythia_capture_find(capture, argument_text(argv[0]), &found, &segment_id, &ordinal,
                                 &error);
    if (!rc && found) {
        PythiaNames *names = pythia_capture_names(capture);
        PythiaId span = pythia_names_find_id(names, argument_text(argv[1]));
        uint32_t key = pythia_intern_find(&names->strings, argument_text(argv[2]));
        PythiaSegment *segment;
        rc = pythia_segment_open(pythia_capture_store(capture), segment_id, &segment, &error);
        if (!rc) rc = pythia_segment_trace(segment, ordinal, 1, &trace, &error);
        const PythiaValue *value =
            !rc && key && span.form != PYTHIA_ID_NONE ? attribute_find(&trace, span, key) : NULL;
        if (value) result_value(context, value);
        pythia_segment_release(segment);
        pythia_trace_clear(&trace);
    }
    if (rc) pythia_result_failure(context, rc, error);
}

/* ---- pythia_version ------------------------------------------------------------------------------------- */

static void fn_version(sqlite3_context *context, int argc, sqlite3_value **argv) {
    (void)argc;
    (void)argv;
    sqlite3_result_text(context, PYTHIA_VERSION, -1, SQLITE_STATIC);
}

/* ---- registration ----------------------------------------------------------------------------------------- */

int pythia_fn_capture_register(PythiaHost *host, char **error) {
    static const struct {
        const char *name;
        int arguments;
        int flags;
        void (*function)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {
        {"pythia_import", 1, SQLITE_DIRECTONLY, fn_import},
        {"pythia_import", 2, SQLITE_DIRECTONLY, fn_import},
        {"pythia_export", 2, SQLITE_DIRECTONLY, fn_export},
        {"pythia_export", 3, SQLITE_DIRECTONLY, fn_export},
        {"pythia_export", 4, SQLITE_DIRECTONLY, fn_export},
        {"pythia_init", 0, SQLITE_DIRECTONLY, fn_init},
        {"pythia_init", 1, SQLITE_DIRECTONLY, fn_init},
        {"pythia_attribute", 3, 0, fn_attribute},
        {"pythia_version", 0, SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, fn_version},
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        int rc = sqlite3_create_function_v2(host->db, functions[i].name, functions[i].arguments,
                                            SQLITE_UTF8 | functions[i].flags, host,
                                            functions[i].function, NULL, NULL, NULL);
        if (rc)
            return pythia_fail(error, rc, "could not register %s: %s", functions[i].name,
                               sqlite3_errmsg(host->db));
    }
    return SQLITE_OK;
}
