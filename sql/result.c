/* result.c - see result.h. */
#include "sql/result.h"

void pythia_result_failure(sqlite3_context *context, int rc, char *error) {
    if (rc == SQLITE_NOMEM) {
        sqlite3_result_error_nomem(context);
    } else {
        sqlite3_result_error(context, error ? error : sqlite3_errstr(rc), -1);
        sqlite3_result_error_code(context, rc);
    }
    sqlite3_free(error);
}
