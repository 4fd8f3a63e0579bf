/* fn_loop.c - see fn_loop.h. */
#include "sql/fn_loop.h"

#include "ext/loop/loop.h"
#include "sql/result.h"

static void fn_learn(sqlite3_context *context, int argc, sqlite3_value **argv) {
    PythiaHost *host = sqlite3_user_data(context);
    const char *query = NULL;
    char *error = NULL;
    int64_t traces;
    if (argc && sqlite3_value_type(argv[0]) != SQLITE_NULL) {
        query = (const char *)sqlite3_value_text(argv[0]);
        if (!query) {
            sqlite3_result_error_nomem(context);
            return;
        }
    }
    int rc = pythia_loop_learn(host->loop, query, &traces, &error);
    if (rc)
        pythia_result_failure(context, rc, error);
    else
        sqlite3_result_int64(context, traces);
}

/* The time that a cycle is given; *valid 0: an error was reported. */
static int64_t time_of(sqlite3_context *context, int argc, sqlite3_value **argv, const char *name,
                       int *valid) {
    *valid = 1;
    if (!argc || sqlite3_value_type(argv[0]) == SQLITE_NULL) return pythia_control_now();
    if (sqlite3_value_numeric_type(argv[0]) == SQLITE_INTEGER && sqlite3_value_int64(argv[0]) > 0)
        return sqlite3_value_int64(argv[0]);
    char *message = sqlite3_mprintf("%s: now_ns must be a time in ns since 1970", name);
    *valid = 0;
    if (message)
        sqlite3_result_error(context, message, -1);
    else
        sqlite3_result_error_nomem(context);
    sqlite3_free(message);
    return 0;
}

static void fn_cycle(sqlite3_context *context, int argc, sqlite3_value **argv, const char *name,
                     int (*run)(PythiaLoop *, int64_t, int64_t *, char **)) {
    PythiaHost *host = sqlite3_user_data(context);
    char *error = NULL;
    int valid;
    int64_t decisions, now_ns = time_of(context, argc, argv, name, &valid);
    if (!valid) return;
    int rc = run(host->loop, now_ns, &decisions, &error);
    if (rc)
        pythia_result_failure(context, rc, error);
    else
        sqlite3_result_int64(context, decisions);
}

static void fn_step(sqlite3_context *context, int argc, sqlite3_value **argv) {
    fn_cycle(context, argc, argv, "pythia_step", pythia_loop_step);
}

static void fn_shutdown(sqlite3_context *context, int argc, sqlite3_value **argv) {
    fn_cycle(context, argc, argv, "pythia_shutdown", pythia_loop_shutdown);
}

int pythia_fn_loop_register(PythiaHost *host, char **error) {
    static const struct {
        const char *name;
        int arguments;
        void (*call)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {{"pythia_learn", 0, fn_learn},       {"pythia_learn", 1, fn_learn},
                     {"pythia_step", 0, fn_step},         {"pythia_step", 1, fn_step},
                     {"pythia_shutdown", 0, fn_shutdown}, {"pythia_shutdown", 1, fn_shutdown}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        int rc = sqlite3_create_function_v2(host->db, functions[i].name, functions[i].arguments,
                                            SQLITE_UTF8 | SQLITE_DIRECTONLY, host,
                                            functions[i].call, NULL, NULL, NULL);
        if (rc) return pythia_fail(error, rc, "cannot register the function %s", functions[i].name);
    }
    return SQLITE_OK;
}
