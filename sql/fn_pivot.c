/* fn_pivot.c - see fn_pivot.h. */
#include "sql/fn_pivot.h"

#include "ext/pivot/pivot.h"

static void fn_pivot(sqlite3_context *context, int argc, sqlite3_value **argv) {
    const char *text = (const char *)sqlite3_value_text(argv[0]);
    PythiaText program = {text, (size_t)sqlite3_value_bytes(argv[0])};
    PythiaPivot *pivot = NULL;
    PythiaBuf sql = {0};
    char *error = NULL;
    (void)argc;
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL) return;
    if (!text) {
        sqlite3_result_error_nomem(context);
        return;
    }
    int rc = pythia_pivot_parse(program, NULL, NULL, &pivot, &error);
    if (!rc) rc = pythia_pivot_sql(pivot, 0, &sql, &error);
    size_t n = sql.n;
    char *result = rc ? NULL : pythia_buf_take(&sql);
    if (result) {
        sqlite3_result_text64(context, result, n, sqlite3_free, SQLITE_UTF8);
    } else if (rc == SQLITE_NOMEM || !rc) {
        sqlite3_result_error_nomem(context);
    } else {
        char *message = sqlite3_mprintf("pythia_pivot: %s", error ? error : sqlite3_errstr(rc));
        if (message)
            sqlite3_result_error(context, message, -1);
        else
            sqlite3_result_error_nomem(context);
        sqlite3_free(message);
    }
    sqlite3_free(error);
    pythia_buf_clear(&sql);
    pythia_pivot_free(pivot);
}

int pythia_fn_pivot_register(sqlite3 *db, char **error) {
    int rc = sqlite3_create_function_v2(db, "pythia_pivot", 1,
                                        SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
                                        fn_pivot, NULL, NULL, NULL);
    return rc ? pythia_fail(error, rc, "could not register pythia_pivot: %s", sqlite3_errmsg(db))
              : rc;
}
