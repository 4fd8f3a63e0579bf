/* store.c - the virtual table `pythia`: the store of a schema, and its commands.
**
**     CREATE VIRTUAL TABLE [schema.]pythia USING pythia
**
** makes the shadow tables; the first import, rule or setting does it by itself. There is one per schema,
** always of this name, because the tables that show what is in it look for shadow tables by name.
** Dropping it drops the whole capture. As a table it has one row that tells what is stored.
**
** Commands, as in FTS5, go into the hidden column that is named like the table:
**
**     INSERT INTO pythia(pythia) VALUES('optimize')
**
**   optimize         rewrites all segments that are small or have deleted traces
**   merge [N]        the same for at most N segments
**   rebuild          derives anew what can be derived
**   integrity-check  fails with a report if anything is wrong
**   delete-all       empties the store; settings and rules stay
**
** Where the host knows xIntegrity (3.44), PRAGMA integrity_check runs the check too. */
#include "vtab/store.h"

#include "ext/base/compat.h"
#include "ext/base/error.h"
#include "ext/base/mem.h"
#include "ext/capture/capture.h"

#define TABLE_NAME "pythia"

enum {
    COLUMN_VERSION = 0,
    COLUMN_SEGMENTS,
    COLUMN_TRACES,
    COLUMN_DELETED,
    COLUMN_SPANS,
    COLUMN_POINTS,
    COLUMN_LINKS,
    COLUMN_STRINGS,
    COLUMN_TRACEPOINTS,
    COLUMN_BYTES,
    COLUMN_COMMAND /* hidden */
};

typedef struct StoreTable {
    sqlite3_vtab base; /* must be first */
    PythiaHost *host;  /* borrowed */
    char *schema;      /* owned */
} StoreTable;

typedef struct StoreCursor {
    sqlite3_vtab_cursor base; /* must be first */
    sqlite3_int64 values[COLUMN_COMMAND];
    int eof;
} StoreCursor;

typedef struct ModuleAux {
    PythiaHost *host;
    void (*destroy)(void *);
} ModuleAux;

static void aux_free(void *pointer) {
    ModuleAux *aux = pointer;
    if (aux->destroy) aux->destroy(aux->host);
    pythia_free(aux);
}

/* ---- making and dropping --------------------------------------------------------------------------- */

static int store_connect(sqlite3 *db, void *pointer, int argc, const char *const *argv,
                         sqlite3_vtab **out, char **error) {
    const ModuleAux *aux = pointer;
    if (sqlite3_stricmp(argv[2], TABLE_NAME) != 0)
        return pythia_fail(error, SQLITE_ERROR, "a store must be named " TABLE_NAME ", not %s",
                           argv[2]);
    if (argc > 3) return pythia_fail(error, SQLITE_ERROR, TABLE_NAME " takes no arguments");
    int rc = sqlite3_declare_vtab(db, "CREATE TABLE x(version INTEGER, segments INTEGER,"
                                      " traces INTEGER, deleted INTEGER, spans INTEGER,"
                                      " points INTEGER, links INTEGER, strings INTEGER,"
                                      " tracepoints INTEGER, bytes INTEGER, pythia TEXT HIDDEN)");
    if (!rc) rc = sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
    if (rc) return rc;
    StoreTable *table = pythia_alloc_zero(sizeof *table);
    if (!table) return SQLITE_NOMEM;
    table->host = aux->host;
    table->schema = sqlite3_mprintf("%s", argv[1]);
    if (!table->schema) {
        pythia_free(table);
        return SQLITE_NOMEM;
    }
    *out = &table->base;
    return SQLITE_OK;
}

static int store_disconnect(sqlite3_vtab *base) {
    StoreTable *table = (StoreTable *)base;
    sqlite3_free(base->zErrMsg); /* that of a failed xDestroy nobody collects */
    sqlite3_free(table->schema);
    pythia_free(table);
    return SQLITE_OK;
}

static int store_create(sqlite3 *db, void *pointer, int argc, const char *const *argv,
                        sqlite3_vtab **out, char **error) {
    int rc = store_connect(db, pointer, argc, argv, out, error);
    if (!rc) rc = pythia_store_create_tables(db, argv[1], error);
    if (!rc) rc = pythia_capture_seed(db, argv[1], error);
    if (rc && *out) {
        store_disconnect(*out);
        *out = NULL;
    }
    return rc;
}

static int store_destroy(sqlite3_vtab *base) {
    StoreTable *table = (StoreTable *)base;
    int rc = pythia_store_drop_tables(table->host->db, table->schema, &base->zErrMsg);
    return rc ? rc : store_disconnect(base);
}

static int store_rename(sqlite3_vtab *base, const char *name) {
    return pythia_fail(&base->zErrMsg, SQLITE_ERROR,
                       "the store cannot be renamed to %s: the other tables look for it by name",
                       name);
}

/* ---- the one row ----------------------------------------------------------------------------------- */

static int store_best_index(sqlite3_vtab *base, sqlite3_index_info *info) {
    (void)base;
    info->estimatedCost = 10;
    info->estimatedRows = 1;
    info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
    return SQLITE_OK;
}

static int store_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out) {
    (void)base;
    StoreCursor *cursor = pythia_alloc_zero(sizeof *cursor);
    if (!cursor) return SQLITE_NOMEM;
    *out = &cursor->base;
    return SQLITE_OK;
}

static int store_close(sqlite3_vtab_cursor *base) {
    pythia_free(base);
    return SQLITE_OK;
}

/* Bytes of all blocks. */
static int count_bytes(PythiaStore *store, sqlite3_int64 *bytes, char **error) {
    sqlite3_stmt *s;
    int rc = pythia_store_prepare(store, &s, "SELECT sum(length(data)) FROM \"%w\".pythia_xblock",
                                  error);
    if (!rc && sqlite3_step(s) == SQLITE_ROW) *bytes = sqlite3_column_int64(s, 0);
    int done = sqlite3_finalize(s);
    return rc ? rc : done;
}

static int store_filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc,
                        sqlite3_value **argv) {
    (void)number, (void)text, (void)argc, (void)argv;
    StoreCursor *cursor = (StoreCursor *)base;
    StoreTable *table = (StoreTable *)base->pVtab;
    sqlite3_int64 *v = cursor->values;
    PythiaCapture *capture;
    cursor->eof = 1;
    int rc = pythia_session_capture(table->host->session, table->schema, 0, &capture,
                                    &table->base.zErrMsg);
    if (rc || !capture) return rc;
    PythiaStore *store = pythia_capture_store(capture);
    memset(v, 0, sizeof cursor->values);
    v[COLUMN_VERSION] = PYTHIA_FORMAT_VERSION; /* others are refused when the store is opened */
    v[COLUMN_SEGMENTS] = pythia_store_segment_count(store);
    for (uint32_t i = 0; i < pythia_store_segment_count(store); i++) {
        const PythiaSegmentInfo *info = pythia_store_segment_info(store, i);
        v[COLUMN_TRACES] += info->live;
        v[COLUMN_DELETED] += info->traces - info->live;
        v[COLUMN_SPANS] += info->spans;
        v[COLUMN_POINTS] += info->points;
        v[COLUMN_LINKS] += info->links;
    }
    v[COLUMN_STRINGS] = pythia_store_names(store)->strings.n;
    v[COLUMN_TRACEPOINTS] = pythia_store_names(store)->ntracepoints;
    rc = count_bytes(store, &v[COLUMN_BYTES], &table->base.zErrMsg);
    cursor->eof = rc != SQLITE_OK;
    return rc;
}

static int store_next(sqlite3_vtab_cursor *base) {
    ((StoreCursor *)base)->eof = 1;
    return SQLITE_OK;
}

static int store_eof(sqlite3_vtab_cursor *base) {
    return ((StoreCursor *)base)->eof;
}

static int store_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column) {
    if (column < COLUMN_COMMAND)
        sqlite3_result_int64(context, ((StoreCursor *)base)->values[column]);
    return SQLITE_OK;
}

static int store_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid) {
    (void)base;
    *rowid = 1;
    return SQLITE_OK;
}

/* ---- commands -------------------------------------------------------------------------------------- */

static int run_command(StoreTable *table, const char *command) {
    PythiaCapture *capture;
    char **error = &table->base.zErrMsg;
    int rc = pythia_session_capture(table->host->session, table->schema, 0, &capture, error);
    if (rc) return rc;
    if (!capture) return pythia_fail(error, SQLITE_ERROR, "there is no store in %s", table->schema);
    PythiaPoll poll = {.db = table->host->db};
    rc = pythia_capture_command(capture, command, &poll, error);
    pythia_poll_close(&poll);
    return rc;
}

static int store_update(sqlite3_vtab *base, int argc, sqlite3_value **argv, sqlite3_int64 *rowid) {
    StoreTable *table = (StoreTable *)base;
    if (argc == 1 || sqlite3_value_type(argv[0]) != SQLITE_NULL)
        return pythia_fail(&base->zErrMsg, SQLITE_ERROR,
                           "the row of " TABLE_NAME " cannot be changed; INSERT INTO " TABLE_NAME
                           "(" TABLE_NAME ") VALUES('delete-all') empties the store");
    for (int i = 0; i < COLUMN_COMMAND; i++)
        if (sqlite3_value_type(argv[2 + i]) != SQLITE_NULL)
            return pythia_fail(&base->zErrMsg, SQLITE_ERROR,
                               TABLE_NAME " takes commands only: INSERT INTO " TABLE_NAME
                                          "(" TABLE_NAME ") VALUES('optimize')");
    const char *command = sqlite3_value_type(argv[2 + COLUMN_COMMAND]) == SQLITE_TEXT
                              ? (const char *)sqlite3_value_text(argv[2 + COLUMN_COMMAND])
                              : NULL;
    if (!command)
        return pythia_fail(&base->zErrMsg, SQLITE_ERROR,
                           "a command of " TABLE_NAME " must be a text like 'optimize'");
    *rowid = sqlite3_last_insert_rowid(table->host->db); /* it stays what it was */
    return run_command(table, command);
}

/* For PRAGMA integrity_check; quick_check does not read the blocks. */
static int store_integrity(sqlite3_vtab *base, const char *schema, const char *name, int quick,
                           char **problem) {
    (void)name;
    StoreTable *table = (StoreTable *)base;
    PythiaStore *store = NULL;
    PythiaPoll poll = {.db = table->host->db};
    char *error = NULL, *report = NULL;
    int rc = pythia_store_open(table->host->db, schema, 0, &store, &error);
    if (!rc && store && !quick) rc = pythia_store_check(store, &poll, &report, &error);
    if (rc == SQLITE_CORRUPT_VTAB || rc == SQLITE_ERROR) {
        report = error;
        error = NULL;
        rc = SQLITE_OK;
    }
    *problem = report;
    sqlite3_free(error);
    pythia_poll_close(&poll);
    pythia_store_close(store);
    return rc;
}

static const PythiaModule store_module = {
    .base =
        {
            .iVersion = 4, /* with xIntegrity, also where the header does not know it yet */
#if SQLITE_VERSION_NUMBER >= 3044000
            .xIntegrity = store_integrity,
#endif
            .xCreate = store_create,
            .xConnect = store_connect,
            .xBestIndex = store_best_index,
            .xDisconnect = store_disconnect,
            .xDestroy = store_destroy,
            .xOpen = store_open,
            .xClose = store_close,
            .xFilter = store_filter,
            .xNext = store_next,
            .xEof = store_eof,
            .xColumn = store_column,
            .xRowid = store_rowid,
            .xUpdate = store_update,
            .xRename = store_rename,
            .xShadowName = pythia_store_is_shadow,
        },
#if SQLITE_VERSION_NUMBER < 3044000
    .xIntegrity = store_integrity,
#endif
};

int pythia_store_table_register(PythiaHost *host, void (*destroy)(void *)) {
    ModuleAux *aux = pythia_alloc(sizeof *aux);
    if (!aux) {
        if (destroy) destroy(host);
        return SQLITE_NOMEM;
    }
    *aux = (ModuleAux){host, destroy};
    return sqlite3_create_module_v2(host->db, TABLE_NAME, &store_module.base, aux, aux_free);
}
