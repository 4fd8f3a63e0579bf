/* control_log.c - pythia_control_log: every change that was told, or would have been.
**
** `old` is NULL where the state before was not known. `result` is 'applied', 'failed: ...', or
** 'no back end'. */
#include "ext/capture/capture.h"
#include "vtab/control.h"

enum { LOG_COLUMNS = 9 };

static void log_row(PythiaCursor *cursor, const PythiaLogRow *row, const char *failure) {
    PythiaRows *rows = &cursor->rows;
    pythia_rows_int(rows, row->at_ns);
    if (row->rule_id)
        pythia_rows_int(rows, row->rule_id);
    else
        pythia_rows_null(rows);
    pythia_rows_text(rows, row->tracepoint);
    pythia_rows_text(rows, row->request_type);
    if (row->before >= 0)
        pythia_rows_int(rows, row->before);
    else
        pythia_rows_null(rows);
    pythia_rows_int(rows, row->after);
    pythia_rows_text(rows, row->source);
    pythia_rows_text(rows, row->backend);
    if (failure) {
        char *text = sqlite3_mprintf("failed: %s", failure);
        if (!text && !rows->rc) rows->rc = SQLITE_NOMEM;
        pythia_rows_str(rows, text);
        sqlite3_free(text);
    } else {
        pythia_rows_text(rows, row->result);
    }
    pythia_rows_end_id(rows, row->id);
}

static int log_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    (void)bounds, (void)n;
    if (!cursor->capture) return SQLITE_OK;
    PythiaVtab *vtab = cursor->vtab;
    const char *schema = sqlite3_db_name(vtab->host->db, cursor->schema_index);
    PythiaLogRows log = {0};
    int rc = pythia_store_log(pythia_capture_store(cursor->capture), &log, &vtab->base.zErrMsg);
    for (size_t i = 0; i < log.n && !rc; i++) {
        log_row(cursor, &log.rows[i],
                pythia_control_failure(vtab->host->control, schema, PYTHIA_FAILURE_OF_LOG_ROW,
                                       log.rows[i].id));
        rc = pythia_poll(&cursor->poll);
    }
    pythia_log_rows_clear(&log);
    return rc;
}

const PythiaTable pythia_table_control_log = {
    .name = "pythia_control_log",
    .columns = "at_ns INTEGER, rule_id INTEGER, tracepoint TEXT, request_type TEXT, old INTEGER, "
               "new INTEGER, source TEXT, backend TEXT, result TEXT",
    .nvisible = LOG_COLUMNS,
    .fill = log_fill,
};
