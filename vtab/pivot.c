/* pivot.c - pythia_pivot_query and pythia_pivot_explain: Pivot Tracing's language as tables.
**
** Both take the text of a query (ext/pivot/pivot.h has the language) and compile it for the schema that is
** asked. A name that is neither a query of the text nor a trace point the capture has seen is an error, since
** the answer would be empty for a reason that nobody sees.
**
** pythia_pivot_query: a row for each row of the answer: `row` is a JSON object with all columns by their
** names, c1 to c8 are the first eight with their types.
** pythia_pivot_explain: a row for each operation of the advice that the query stands for, with the tuples that
** it would observe, unpack, pack and emit on these traces; the last row is the rewritten SQL and the size of the
** answer. */
#include "ext/pivot/pivot.h"
#include "ext/capture/capture.h"
#include "vtab/scan.h"
#include "vtab/tables.h"

enum { PLAIN_COLUMNS = 8 };

/* ---- the names that a capture knows -------------------------------------------------------------------- */

static int ends_with(PythiaText text, PythiaText end) {
    return text.n > end.n && text.p[text.n - end.n - 1] == '/' &&
           sqlite3_strnicmp(text.p + text.n - end.n, end.p, (int)end.n) == 0;
}

/* Whether a trace point of that name (or matching that GLOB) was seen; else one whose last part is the name. */
static int known(void *context, PythiaText name, PythiaText *hint) {
    const PythiaNames *names = context;
    char *pattern = sqlite3_mprintf("%.*s", (int)name.n, name.p);
    int rc = pattern ? SQLITE_NOTFOUND : SQLITE_NOMEM;
    for (uint32_t t = 1; t <= names->ntracepoints && rc == SQLITE_NOTFOUND; t++) {
        PythiaText text = pythia_names_tracepoint_text(names, t);
        char *full = sqlite3_mprintf("%.*s", (int)text.n, text.p);
        if (!full)
            rc = SQLITE_NOMEM;
        else if (sqlite3_strglob(pattern, full) == 0 || pythia_text_equal(text, name))
            rc = SQLITE_OK;
        else if (!hint->n && ends_with(text, name))
            *hint = text;
        sqlite3_free(full);
    }
    sqlite3_free(pattern);
    return rc;
}

/* Compiles the argument; *pivot NULL: the schema has no store, and so no rows. */
static int parse(PythiaCursor *cursor, const PythiaBound *text, PythiaPivot **pivot) {
    char **error = &cursor->vtab->base.zErrMsg;
    char *why = NULL;
    *pivot = NULL;
    PythiaNames *names = cursor->capture ? pythia_capture_names(cursor->capture) : NULL;
    int rc = pythia_pivot_parse(pythia_value_text(text->value), names ? known : NULL, names, pivot,
                                &why);
    if (rc == SQLITE_ERROR) rc = pythia_fail(error, rc, "%s: %s", cursor->vtab->table->name, why);
    sqlite3_free(why);
    if (!rc)
        rc = pythia_pivot_set_schema(
            *pivot, pythia_text(sqlite3_db_name(cursor->vtab->host->db, cursor->schema_index)));
    return rc;
}

/* Prepares what was compiled. It may not be accepted: an aggregate with too few arguments, say. */
static int prepare(PythiaCursor *cursor, PythiaText sql, sqlite3_stmt **statement) {
    sqlite3 *db = cursor->vtab->host->db;
    int rc = sqlite3_prepare_v2(db, sql.p, (int)sql.n, statement, NULL);
    if (rc && rc != SQLITE_NOMEM)
        rc = pythia_vtab_fail(cursor->vtab, rc, "%s: SQLite does not accept the query: %s",
                              cursor->vtab->table->name, sqlite3_errmsg(db));
    return rc;
}

static int finish(PythiaCursor *cursor, sqlite3_stmt *statement, int rc) {
    if (rc != SQLITE_DONE && rc != SQLITE_OK && rc != SQLITE_NOMEM)
        pythia_vtab_fail(cursor->vtab, rc, "%s: %s", cursor->vtab->table->name,
                         sqlite3_errmsg(cursor->vtab->host->db));
    sqlite3_finalize(statement);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- pythia_pivot_query -------------------------------------------------------------------------------- */

enum { QUERY_ROW, QUERY_C1, QUERY_N = QUERY_C1 + PLAIN_COLUMNS, QUERY_TEXT = QUERY_N };

typedef struct QueryCursor {
    PythiaCursor base; /* must be first */
    sqlite3_stmt *statement;
    sqlite3_int64 row;
    int eof;
} QueryCursor;

static int query_next(PythiaCursor *cursor) {
    QueryCursor *c = (QueryCursor *)cursor;
    int rc = sqlite3_step(c->statement);
    c->eof = rc != SQLITE_ROW;
    c->row++;
    if (rc == SQLITE_ROW) return SQLITE_OK;
    sqlite3_stmt *statement = c->statement;
    c->statement = NULL;
    return finish(cursor, statement, rc);
}

static void query_release(PythiaCursor *cursor) {
    QueryCursor *c = (QueryCursor *)cursor;
    sqlite3_finalize(c->statement);
    c->statement = NULL;
}

static int query_filter(PythiaCursor *cursor, const PythiaBound *bounds, int n, uint64_t used) {
    QueryCursor *c = (QueryCursor *)cursor;
    PythiaPivot *pivot;
    PythiaBuf sql = {0};
    (void)used;
    query_release(cursor);
    c->row = 0;
    c->eof = 1;
    int rc = parse(cursor, pythia_bound(bounds, n, QUERY_TEXT, PYTHIA_EQ), &pivot);
    if (!rc) rc = pythia_pivot_sql(pivot, 0, &sql, &cursor->vtab->base.zErrMsg);
    if (!rc && cursor->capture) {
        rc = prepare(cursor, (PythiaText){(const char *)sql.data, sql.n}, &c->statement);
        if (!rc) rc = query_next(cursor);
    }
    pythia_buf_clear(&sql);
    pythia_pivot_free(pivot);
    return rc;
}

static int query_eof(PythiaCursor *cursor) {
    return ((QueryCursor *)cursor)->eof;
}

static void put_json_value(PythiaBuf *json, sqlite3_stmt *statement, int column) {
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_NULL:
        pythia_buf_str(json, "null");
        break;
    case SQLITE_INTEGER:
        pythia_buf_format(json, "%lld", sqlite3_column_int64(statement, column));
        break;
    case SQLITE_FLOAT:
        pythia_buf_json_double(json, sqlite3_column_double(statement, column));
        break;
    default: {
        const char *text = (const char *)sqlite3_column_text(statement, column);
        if (!text && !json->rc) json->rc = SQLITE_NOMEM;
        pythia_buf_json_text(
            json, (PythiaText){text ? text : "", (size_t)sqlite3_column_bytes(statement, column)});
    }
    }
}

static int query_column(PythiaCursor *cursor, sqlite3_context *context, int column) {
    sqlite3_stmt *statement = ((QueryCursor *)cursor)->statement;
    int n = sqlite3_column_count(statement);
    PythiaBuf json = {0};
    if (column != QUERY_ROW) {
        if (column - QUERY_C1 < n)
            sqlite3_result_value(context, sqlite3_column_value(statement, column - QUERY_C1));
        return SQLITE_OK;
    }
    for (int i = 0; i < n; i++) {
        const char *name = sqlite3_column_name(statement, i);
        if (!name && !json.rc) json.rc = SQLITE_NOMEM;
        pythia_buf_byte(&json, i ? ',' : '{');
        pythia_buf_json_text(&json, pythia_text(name ? name : ""));
        pythia_buf_byte(&json, ':');
        put_json_value(&json, statement, i);
    }
    pythia_buf_byte(&json, '}');
    int rc = json.rc;
    size_t bytes = json.n;
    char *text = pythia_buf_take(&json);
    if (!rc && text) sqlite3_result_text64(context, text, bytes, sqlite3_free, SQLITE_UTF8);
    pythia_buf_clear(&json);
    return rc ? rc : text ? SQLITE_OK : SQLITE_NOMEM;
}

static int query_rowid(PythiaCursor *cursor, sqlite3_int64 *rowid) {
    *rowid = ((QueryCursor *)cursor)->row;
    return SQLITE_OK;
}

static const PythiaUse query_uses[] = {{QUERY_TEXT, PYTHIA_EQ, PYTHIA_USE_REQUIRED, 1}};

const PythiaTable pythia_table_pivot_query = {
    .name = "pythia_pivot_query",
    .columns = "\"row\" TEXT, c1, c2, c3, c4, c5, c6, c7, c8, text TEXT HIDDEN",
    .nvisible = QUERY_N,
    .nhidden = 1,
    .uses = query_uses,
    .nuses = 1,
    .rows = 1000,
    .cursor_bytes = sizeof(QueryCursor),
    .filter = query_filter,
    .next = query_next,
    .eof = query_eof,
    .column = query_column,
    .rowid = query_rowid,
    .release = query_release,
};

/* ---- pythia_pivot_explain ------------------------------------------------------------------------------ */

enum {
    EXPLAIN_STEP,
    EXPLAIN_ADVICE,
    EXPLAIN_TRACEPOINT,
    EXPLAIN_OPERATION,
    EXPLAIN_DETAIL,
    EXPLAIN_TUPLES,
    EXPLAIN_MOST,
    EXPLAIN_N,
    EXPLAIN_TEXT = EXPLAIN_N
};

static int put_step(PythiaCursor *cursor, const PythiaPivotStep *step, int number) {
    sqlite3_stmt *statement = NULL;
    int rc = SQLITE_DONE, counted = step->count.n > 0 && cursor->capture;
    if (counted) {
        rc = prepare(cursor, step->count, &statement);
        if (rc) return rc;
        rc = sqlite3_step(statement);
    }
    PythiaRows *rows = &cursor->rows;
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
        pythia_rows_int(rows, number);
        pythia_rows_int(rows, step->advice);
        pythia_rows_text(rows, step->tracepoint);
        pythia_rows_str(rows, step->operation);
        pythia_rows_text(rows, step->detail);
        if (rc == SQLITE_ROW) {
            pythia_rows_column(rows, statement, 0);
            pythia_rows_column(rows, statement, 1);
            rc = SQLITE_DONE;
        } else {
            pythia_rows_null(rows);
            pythia_rows_null(rows);
        }
        pythia_rows_end_id(rows, number);
    }
    rc = finish(cursor, statement, rc);
    return rc ? rc : rows->rc;
}

static int explain_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    PythiaPivot *pivot;
    const PythiaPivotStep *steps;
    int nsteps = 0;
    int rc = parse(cursor, pythia_bound(bounds, n, EXPLAIN_TEXT, PYTHIA_EQ), &pivot);
    if (!rc) rc = pythia_pivot_explain(pivot, &steps, &nsteps, &cursor->vtab->base.zErrMsg);
    for (int i = 0; i < nsteps && !rc; i++)
        rc = put_step(cursor, &steps[i], i + 1);
    pythia_pivot_free(pivot);
    return rc;
}

static const PythiaUse explain_uses[] = {{EXPLAIN_TEXT, PYTHIA_EQ, PYTHIA_USE_REQUIRED, 1}};

const PythiaTable pythia_table_pivot_explain = {
    .name = "pythia_pivot_explain",
    .columns = "step INTEGER, advice INTEGER, tracepoint TEXT, operation TEXT, detail TEXT, tuples "
               "INTEGER,"
               " most INTEGER, text TEXT HIDDEN",
    .nvisible = EXPLAIN_N,
    .nhidden = 1,
    .uses = explain_uses,
    .nuses = 1,
    .rows = 20,
    .fill = explain_fill,
};
