/* fn_control.c - SQL functions of trace point control; see fn_control.h. */
#include "sql/fn_control.h"

#include "ext/capture/session.h"
#include "ext/collect/collect.h"
#include "ext/control/control.h"
#include "sql/result.h"

static void fn_control_api(sqlite3_context *context, int argc, sqlite3_value **argv) {
    (void)argc;
    PythiaHost *host = sqlite3_user_data(context);
    const PythiaControlHost *given = sqlite3_value_pointer(argv[0], PYTHIA_CONTROL_POINTER);
    char *error = NULL;
    int rc = given ? pythia_control_set_host(host->control, given, &error)
                   : pythia_fail(&error, SQLITE_ERROR,
                                 "pythia_control_api is for C programs: it takes a pointer of type "
                                 "\"%s\", see pythia.h",
                                 PYTHIA_CONTROL_POINTER);
    if (rc)
        pythia_result_failure(context, rc, error);
    else
        sqlite3_result_int(context, 1);
}

static void fn_reconcile(sqlite3_context *context, int argc, sqlite3_value **argv) {
    PythiaHost *host = sqlite3_user_data(context);
    const char *schema = "main";
    if (argc > 0) {
        if (sqlite3_value_type(argv[0]) == SQLITE_NULL) return;
        schema = (const char *)sqlite3_value_text(argv[0]);
        if (!schema) {
            sqlite3_result_error_nomem(context);
            return;
        }
    }
    PythiaCapture *capture = NULL;
    char *error = NULL;
    int64_t told = 0;
    int rc = pythia_session_capture(host->session, schema, 0, &capture, &error);
    if (!rc && capture) rc = pythia_control_run(host->control, schema, 1, &told, &error);
    if (rc)
        pythia_result_failure(context, rc, error);
    else
        sqlite3_result_int64(context, told);
}

/* pythia_collect([schema]): what arrived is taken in, and programs are told what is due. */
static void fn_collect(sqlite3_context *context, int argc, sqlite3_value **argv) {
    PythiaHost *host = sqlite3_user_data(context);
    const char *schema = "main";
    char *error = NULL;
    int64_t records = 0;
    if (argc > 0) {
        if (sqlite3_value_type(argv[0]) == SQLITE_NULL) return;
        schema = (const char *)sqlite3_value_text(argv[0]);
        if (!schema) {
            sqlite3_result_error_nomem(context);
            return;
        }
    }
    int rc = pythia_collect_run(host->collect, host->session, schema, &records, &error);
    if (!rc) rc = pythia_control_run(host->control, schema, 0, NULL, &error);
    if (rc)
        pythia_result_failure(context, rc, error);
    else
        sqlite3_result_int64(context, records);
}

int pythia_fn_control_register(PythiaHost *host, char **error) {
    static const struct {
        const char *name;
        int arguments;
        void (*call)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {{"pythia_control_api", 1, fn_control_api},
                     {"pythia_reconcile", 0, fn_reconcile},
                     {"pythia_reconcile", 1, fn_reconcile},
                     {"pythia_collect", 0, fn_collect},
                     {"pythia_collect", 1, fn_collect}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        int rc = sqlite3_create_function_v2(host->db, functions[i].name, functions[i].arguments,
                                            SQLITE_UTF8 | SQLITE_DIRECTONLY, host,
                                            functions[i].call, NULL, NULL, NULL);
        if (rc) return pythia_fail(error, rc, "cannot register the function %s", functions[i].name);
    }
    return SQLITE_OK;
}
