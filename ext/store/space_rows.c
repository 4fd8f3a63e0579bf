/* space_rows.c - see space.h. */
#include "ext/store/space.h"

#include "ext/store/schema.h"

static int failed(PythiaStore *store, int rc, const char *table, char **error) {
    if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE) return SQLITE_OK;
    return pythia_fail(error, rc, "pythia_%s: %s", table, sqlite3_errmsg(pythia_store_db(store)));
}

/* Borrowed until the next step. */
static PythiaText column_text(sqlite3_stmt *s, int column, int *rc) {
    const char *p = (const char *)sqlite3_column_text(s, column);
    if (!p && sqlite3_column_type(s, column) != SQLITE_NULL) *rc = SQLITE_NOMEM;
    return (PythiaText){p ? p : "", p ? (size_t)sqlite3_column_bytes(s, column) : 0};
}

int pythia_store_space_nodes(PythiaStore *store, PythiaEachSpaceRow each, void *context,
                             char **error) {
    sqlite3_stmt *s = NULL;
    int rc = pythia_store_prepare(store, &s,
                                  "SELECT id, parent, request_type, tracepoint, single, skeleton,"
                                  " count, traces, on_path FROM \"%w\".pythia_xspace ORDER BY id",
                                  error);
    while (!rc && sqlite3_step(s) == SQLITE_ROW) {
        PythiaSpaceRow row = {.id = sqlite3_column_int64(s, 0),
                              .parent = sqlite3_column_int64(s, 1),
                              .request_type = column_text(s, 2, &rc),
                              .tracepoint = column_text(s, 3, &rc),
                              .single = sqlite3_column_int(s, 4),
                              .skeleton = sqlite3_column_int(s, 5),
                              .count = sqlite3_column_int64(s, 6),
                              .traces = sqlite3_column_int64(s, 7),
                              .on_path = sqlite3_column_int64(s, 8)};
        if (!rc) rc = each(context, &row);
    }
    int last = sqlite3_finalize(s);
    return rc ? rc : failed(store, last, "xspace", error);
}

int pythia_store_space_paths(PythiaStore *store, PythiaEachSpacePathRow each, void *context,
                             char **error) {
    sqlite3_stmt *s = NULL;
    int rc = pythia_store_prepare(store, &s,
                                  "SELECT id, request_type, count, steps"
                                  " FROM \"%w\".pythia_xpath ORDER BY id",
                                  error);
    while (!rc && sqlite3_step(s) == SQLITE_ROW) {
        PythiaSpacePathRow row = {.id = sqlite3_column_int64(s, 0),
                                  .request_type = column_text(s, 1, &rc),
                                  .count = sqlite3_column_int64(s, 2)};
        row.steps.p = sqlite3_column_blob(s, 3);
        row.steps.n = (size_t)sqlite3_column_bytes(s, 3);
        if (!rc) rc = each(context, &row);
    }
    int last = sqlite3_finalize(s);
    return rc ? rc : failed(store, last, "xpath", error);
}

int pythia_store_space_begin(PythiaStore *store, PythiaSpaceWriter *writer, char **error) {
    writer->store = store;
    int rc = pythia_schema_exec(pythia_store_db(store), pythia_store_schema(store),
                                "DELETE FROM \"%w\".pythia_xspace; DELETE FROM \"%w\".pythia_xpath",
                                error);
    if (!rc)
        rc = pythia_store_prepare(store, &writer->node,
                                  "INSERT INTO \"%w\".pythia_xspace(id, parent, request_type,"
                                  " tracepoint, single, skeleton, count, traces, on_path)"
                                  " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)",
                                  error);
    if (!rc)
        rc = pythia_store_prepare(store, &writer->path,
                                  "INSERT INTO \"%w\".pythia_xpath(id, request_type, count, steps)"
                                  " VALUES(?1,?2,?3,?4)",
                                  error);
    return rc;
}

static int bind_text(sqlite3_stmt *s, int index, PythiaText text) {
    return sqlite3_bind_text64(s, index, text.p ? text.p : "", text.n, SQLITE_STATIC, SQLITE_UTF8);
}

static int run(const PythiaSpaceWriter *writer, sqlite3_stmt *s, const char *table, char **error) {
    sqlite3_step(s);
    return failed(writer->store, sqlite3_reset(s), table, error);
}

int pythia_store_space_node_put(PythiaSpaceWriter *writer, const PythiaSpaceRow *row,
                                char **error) {
    sqlite3_stmt *s = writer->node;
    sqlite3_bind_int64(s, 1, row->id);
    sqlite3_bind_int64(s, 2, row->parent);
    int rc = bind_text(s, 3, row->request_type);
    if (!rc) rc = bind_text(s, 4, row->tracepoint);
    sqlite3_bind_int(s, 5, row->single);
    sqlite3_bind_int(s, 6, row->skeleton);
    sqlite3_bind_int64(s, 7, row->count);
    sqlite3_bind_int64(s, 8, row->traces);
    sqlite3_bind_int64(s, 9, row->on_path);
    return rc ? rc : run(writer, s, "xspace", error);
}

int pythia_store_space_path_put(PythiaSpaceWriter *writer, const PythiaSpacePathRow *row,
                                char **error) {
    sqlite3_stmt *s = writer->path;
    sqlite3_bind_int64(s, 1, row->id);
    int rc = bind_text(s, 2, row->request_type);
    sqlite3_bind_int64(s, 3, row->count);
    if (!rc) rc = sqlite3_bind_blob64(s, 4, row->steps.p, row->steps.n, SQLITE_STATIC);
    return rc ? rc : run(writer, s, "xpath", error);
}

void pythia_store_space_end(PythiaSpaceWriter *writer) {
    sqlite3_finalize(writer->node);
    sqlite3_finalize(writer->path);
    memset(writer, 0, sizeof *writer);
}
