/* groups.c - moments of groups: opaque blobs in pythia_xgroup (heads) and pythia_xedge (the rest). */
#include "ext/store/internal.h"

static int put_blob(PythiaStore *store, int put, int drop, uint64_t id, PythiaText blob,
                    const char *suffix, char **error) {
    sqlite3_stmt *s;
    int rc = pythia_store_statement(store, blob.p ? put : drop, &s, error);
    if (!rc) rc = sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
    if (!rc && blob.p) rc = sqlite3_bind_blob64(s, 2, blob.p, blob.n, SQLITE_STATIC);
    return rc ? rc : pythia_store_run(store, s, suffix, error);
}

int pythia_store_group_put(PythiaStore *store, uint64_t id, PythiaText head, PythiaText rest,
                           char **error) {
    int mine;
    int rc = pythia_store_enter(store, &mine, error);
    if (rc) return rc;
    if (!head.p) rest.p = NULL;
    rc = put_blob(store, PYTHIA_SQL_GROUP, PYTHIA_SQL_GROUP_DELETE, id, head, "xgroup", error);
    if (!rc)
        rc = put_blob(store, PYTHIA_SQL_EDGE, PYTHIA_SQL_EDGE_DELETE, id, rest, "xedge", error);
    return pythia_store_leave(store, mine, rc, error);
}

int pythia_store_group_delete_all(PythiaStore *store, char **error) {
    int mine;
    int rc = pythia_store_enter(store, &mine, error);
    if (rc) return rc;
    rc = pythia_store_exec(store, "DELETE FROM \"%w\".pythia_xgroup", "xgroup", error);
    if (!rc) rc = pythia_store_exec(store, "DELETE FROM \"%w\".pythia_xedge", "xedge", error);
    return pythia_store_leave(store, mine, rc, error);
}

int pythia_store_group_each(PythiaStore *store,
                            int (*each)(void *context, uint64_t id, PythiaText head, char **error),
                            void *context, char **error) {
    sqlite3_stmt *s;
    int rc = pythia_store_prepare(store, &s,
                                  "SELECT id, head FROM \"%w\".pythia_xgroup ORDER BY id", error);
    if (rc) return rc;
    while (!rc && sqlite3_step(s) == SQLITE_ROW) {
        const void *head = sqlite3_column_blob(s, 1);
        PythiaText bytes = {head, (size_t)sqlite3_column_bytes(s, 1)};
        rc = each(context, (uint64_t)sqlite3_column_int64(s, 0), bytes, error);
    }
    int done = sqlite3_reset(s);
    if (!rc && done) rc = pythia_store_fail(store, done, "xgroup", error);
    sqlite3_finalize(s);
    return rc;
}

int pythia_store_group_rest(PythiaStore *store, uint64_t id, char **rest, size_t *n, char **error) {
    *rest = NULL;
    *n = 0;
    sqlite3_stmt *s;
    int rc = pythia_store_prepare(store, &s, "SELECT rest FROM \"%w\".pythia_xedge WHERE id = ?1",
                                  error);
    if (rc) return rc;
    rc = sqlite3_bind_int64(s, 1, (sqlite3_int64)id);
    const void *blob = NULL;
    if (!rc && sqlite3_step(s) == SQLITE_ROW) {
        blob = sqlite3_column_blob(s, 0);
        *n = blob ? (size_t)sqlite3_column_bytes(s, 0) : 0;
    }
    if (!rc) {
        *rest = pythia_alloc(*n);
        if (!*rest) rc = SQLITE_NOMEM;
        if (*rest && *n) memcpy(*rest, blob, *n);
    }
    int done = sqlite3_reset(s);
    if (!rc && done) rc = pythia_store_fail(store, done, "xedge", error);
    sqlite3_finalize(s);
    if (rc) {
        pythia_free(*rest);
        *rest = NULL;
        *n = 0;
    }
    return rc;
}
