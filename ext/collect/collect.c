/* collect.c - from running programs into the store; see collect.h. */
#include "ext/collect/collect.h"

typedef struct Added {
    char *schema;
    PythiaSource source;
    int drained; /* since the last commit or rollback */
} Added;

struct PythiaCollect {
    sqlite3 *db; /* borrowed */
    Added *added;
    size_t n, capacity;
};

int pythia_collect_open(sqlite3 *db, PythiaCollect **collect) {
    *collect = pythia_alloc_zero(sizeof **collect);
    if (!*collect) return SQLITE_NOMEM;
    (*collect)->db = db;
    return SQLITE_OK;
}

static void added_close(Added *added) {
    if (added->drained) added->source.rollback(added->source.self);
    added->source.close(added->source.self);
    sqlite3_free(added->schema);
}

void pythia_collect_close(PythiaCollect *collect) {
    if (!collect) return;
    for (size_t i = 0; i < collect->n; i++)
        added_close(&collect->added[i]);
    pythia_free(collect->added);
    pythia_free(collect);
}

int pythia_collect_add(PythiaCollect *collect, const char *schema, const PythiaSource *source) {
    char *copy = sqlite3_mprintf("%s", schema);
    int rc = copy ? pythia_grow((void **)&collect->added, &collect->capacity, collect->n + 1,
                                sizeof *collect->added)
                  : SQLITE_NOMEM;
    if (rc) {
        sqlite3_free(copy);
        source->close(source->self);
        return rc;
    }
    collect->added[collect->n++] = (Added){copy, *source, 0};
    return SQLITE_OK;
}

void pythia_collect_remove(PythiaCollect *collect, const void *self) {
    for (size_t i = 0; i < collect->n; i++) {
        if (collect->added[i].source.self != self) continue;
        added_close(&collect->added[i]);
        memmove(&collect->added[i], &collect->added[i + 1],
                (--collect->n - i) * sizeof *collect->added);
        return;
    }
}

/* ------------------------------------------------------------------ taking in */

typedef struct Run {
    PythiaCollect *collect;
    const char *schema;
    int64_t records;
} Run;

/* The first source of a schema is that of its control pages. */
static int pages_add(PythiaCollect *collect, const char *schema) {
    for (size_t i = 0; i < collect->n; i++)
        if (sqlite3_stricmp(collect->added[i].schema, schema) == 0 &&
            strcmp(collect->added[i].source.name, "pages") == 0)
            return SQLITE_OK;
    PythiaSource source;
    int rc = pythia_pages_source(&source);
    return rc ? rc : pythia_collect_add(collect, schema, &source);
}

static int run_drain(void *context, PythiaCapture *capture, const PythiaSink *sink,
                     uint64_t *serial, char **error) {
    Run *run = context;
    int rc = SQLITE_OK;
    for (size_t i = 0; i < run->collect->n && !rc; i++) {
        Added *added = &run->collect->added[i];
        if (sqlite3_stricmp(added->schema, run->schema) != 0) continue;
        added->drained = 1;
        rc = added->source.drain(added->source.self, pythia_capture_store(capture), sink, serial,
                                 &run->records, error);
    }
    return rc;
}

int pythia_collect_run(PythiaCollect *collect, PythiaSession *session, const char *schema,
                       int64_t *records, char **error) {
    Run run = {collect, schema, 0};
    PythiaImportStats stats;
    int rc = pages_add(collect, schema);
    if (!rc)
        rc = pythia_import_records(session, collect->db, schema, "pythia_collect", run_drain, &run,
                                   &stats, error);
    *records = rc ? 0 : run.records;
    return rc;
}

/* ------------------------------------------------------------------ the end of the transaction */

int pythia_collect_sync(PythiaCollect *collect, PythiaCollectStores stores, void *context,
                        char **error) {
    int rc = SQLITE_OK;
    for (size_t i = 0; collect && i < collect->n && !rc; i++) {
        Added *added = &collect->added[i];
        PythiaStore *store = NULL;
        if (!added->drained || !added->source.sync) continue;
        rc = stores(context, added->schema, &store, error);
        if (!rc && store) rc = added->source.sync(added->source.self, store, error);
    }
    return rc;
}

void pythia_collect_commit(PythiaCollect *collect) {
    for (size_t i = 0; collect && i < collect->n; i++) {
        if (collect->added[i].drained)
            collect->added[i].source.commit(collect->added[i].source.self);
        collect->added[i].drained = 0;
    }
}

void pythia_collect_rollback(PythiaCollect *collect) {
    for (size_t i = 0; collect && i < collect->n; i++) {
        if (collect->added[i].drained)
            collect->added[i].source.rollback(collect->added[i].source.self);
        collect->added[i].drained = 0;
    }
}

/* ------------------------------------------------------------------ marks */

int pythia_collect_mark_read(PythiaStore *store, const char *key, PythiaBuf *mark, char **error) {
    sqlite3_stmt *s;
    mark->n = 0;
    int rc = pythia_store_prepare(store, &s,
                                  "SELECT mark FROM \"%w\".pythia_xlive WHERE source = ?1", error);
    if (rc) return rc;
    sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_type(s, 0) == SQLITE_BLOB)
        pythia_buf_bytes(mark, sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0));
    rc = sqlite3_finalize(s);
    if (rc)
        return pythia_fail(error, rc, "pythia_xlive: %s", sqlite3_errmsg(pythia_store_db(store)));
    return mark->rc;
}

int pythia_collect_mark_write(PythiaStore *store, const char *key, PythiaText mark, char **error) {
    sqlite3_stmt *s;
    int rc =
        pythia_store_prepare(store, &s,
                             mark.n ? "INSERT OR REPLACE INTO \"%w\".pythia_xlive VALUES(?1, ?2)"
                                    : "DELETE FROM \"%w\".pythia_xlive WHERE source = ?1",
                             error);
    if (rc) return rc;
    sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    if (mark.n) sqlite3_bind_blob64(s, 2, mark.p, mark.n, SQLITE_STATIC);
    sqlite3_step(s);
    rc = sqlite3_finalize(s);
    return rc ? pythia_fail(error, rc, "pythia_xlive: %s", sqlite3_errmsg(pythia_store_db(store)))
              : SQLITE_OK;
}
