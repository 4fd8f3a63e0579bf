/* store.c - opening a store, keeping memory and tables in step, settings. See store.h, internal.h.
**
** The cookie. Every change of the tables writes a new value to the row `cookie` of pythia_xconfig: a
** counter in the upper bits, random lower ones, so that a value that was rolled back is not met again by
** chance. Reading it tells whether memory is up to date; that costs one small statement, and is left out as
** long as SQLite says that the file is the one that memory was compared with (SQLITE_FCNTL_DATA_VERSION). The
** row `epoch` is raised when something that was stored before changed (heads, resolutions, names): then more
** must be read anew than what was added. */
#include "ext/store/internal.h"

/* ---- statements ------------------------------------------------------------------------------------ */

int pythia_store_fail(PythiaStore *store, int rc, const char *suffix, char **error) {
    if (rc == SQLITE_NOMEM) return rc;
    return pythia_fail(error, rc, "%s.pythia_%s: %s", store->schema, suffix,
                       sqlite3_errmsg(store->db));
}

int pythia_store_damaged(PythiaStore *store, const char *suffix, sqlite3_int64 row,
                         const char *what, char **error) {
    return pythia_fail(error, PYTHIA_CORRUPT, "%s.pythia_%s row %lld: %s", store->schema, suffix,
                       row, what);
}

int pythia_store_prepare(PythiaStore *store, sqlite3_stmt **statement, const char *sql,
                         char **error) {
    *statement = NULL;
    sqlite3_str *text = sqlite3_str_new(store->db);
    for (const char *p; (p = strstr(sql, "%w")) != NULL; sql = p + 2) {
        sqlite3_str_append(text, sql, (int)(p - sql));
        sqlite3_str_appendf(text, "%w", store->schema);
    }
    sqlite3_str_appendall(text, sql);
    int rc = sqlite3_str_errcode(text);
    char *whole = sqlite3_str_finish(text);
    if (!rc) {
        rc = whole
                 ? sqlite3_prepare_v3(store->db, whole, -1, SQLITE_PREPARE_NO_VTAB, statement, NULL)
                 : SQLITE_NOMEM;
        if (rc && rc != SQLITE_NOMEM)
            rc = pythia_fail(error, rc, "%s: %s", store->schema, sqlite3_errmsg(store->db));
    }
    sqlite3_free(whole);
    return rc;
}

int pythia_store_run(PythiaStore *store, sqlite3_stmt *statement, const char *suffix,
                     char **error) {
    sqlite3_step(statement);
    int rc = sqlite3_reset(statement);
    if (rc) rc = pythia_store_fail(store, rc, suffix, error);
    sqlite3_clear_bindings(statement);
    return rc;
}

int pythia_store_exec(PythiaStore *store, const char *sql, const char *suffix, char **error) {
    sqlite3_stmt *statement;
    int rc = pythia_store_prepare(store, &statement, sql, error);
    if (!rc) rc = pythia_store_run(store, statement, suffix, error);
    sqlite3_finalize(statement);
    return rc;
}

int pythia_store_kept(PythiaStore *store, int which, const char *sql, sqlite3_stmt **statement,
                      char **error) {
    *statement = store->kept[which];
    store->kept[which] = NULL; /* until it is given back */
    return *statement ? SQLITE_OK : pythia_store_prepare(store, statement, sql, error);
}

int pythia_store_done(PythiaStore *store, int which, sqlite3_stmt *statement) {
    if (!store->keep || store->kept[which] || !statement) return sqlite3_finalize(statement);
    store->kept[which] = statement;
    return sqlite3_reset(statement);
}

void pythia_store_keep(PythiaStore *store, int keep) {
    store->keep = keep;
    for (int i = 0; !keep && i < PYTHIA_KEPT_COUNT; i++) {
        sqlite3_finalize(store->kept[i]);
        store->kept[i] = NULL;
    }
}

sqlite3 *pythia_store_db(const PythiaStore *store) {
    return store->db;
}

const char *pythia_store_schema(const PythiaStore *store) {
    return store->schema;
}

PythiaNames *pythia_store_names(PythiaStore *store) {
    return &store->names->names;
}

int64_t pythia_store_cookie(const PythiaStore *store) {
    return store->cookie;
}

/* ---- settings -------------------------------------------------------------------------------------- */

int pythia_store_config_get(PythiaStore *store, const char *key, char **text, char **error) {
    *text = NULL;
    sqlite3_stmt *s;
    int rc =
        pythia_store_prepare(store, &s, "SELECT v FROM \"%w\".pythia_xconfig WHERE k = ?1", error);
    if (rc) return rc;
    rc = sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    if (!rc && sqlite3_step(s) == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL) {
        const char *value = (const char *)sqlite3_column_text(s, 0);
        *text = value ? sqlite3_mprintf("%s", value) : NULL;
        if (!*text) rc = SQLITE_NOMEM;
    }
    int done = sqlite3_reset(s);
    if (!rc && done) rc = pythia_store_fail(store, done, "xconfig", error);
    sqlite3_finalize(s);
    if (rc) {
        sqlite3_free(*text);
        *text = NULL;
    }
    return rc;
}

int pythia_store_config_set(PythiaStore *store, const char *key, const char *text, char **error) {
    int mine;
    int rc = pythia_store_enter(store, &mine, error);
    if (rc) return rc;
    sqlite3_stmt *s;
    rc = pythia_store_prepare(store, &s,
                              text ? "INSERT INTO \"%w\".pythia_xconfig(k, v) VALUES(?1, ?2)"
                                     " ON CONFLICT(k) DO UPDATE SET v = excluded.v"
                                   : "DELETE FROM \"%w\".pythia_xconfig WHERE k = ?1",
                              error);
    if (!rc) rc = sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    if (!rc && text) rc = sqlite3_bind_text(s, 2, text, -1, SQLITE_STATIC);
    if (!rc) rc = pythia_store_run(store, s, "xconfig", error);
    sqlite3_finalize(s);
    return pythia_store_leave(store, mine, rc, error);
}

/* The store's own rows of pythia_xconfig. */
typedef struct Counters {
    int64_t format, cookie, epoch, next_segment, cache_bytes;
    unsigned found; /* bit for each of the first four */
} Counters;

static void counters_take(Counters *c, const char *key, sqlite3_int64 value) {
    static const char *const keys[] = {PYTHIA_CONFIG_FORMAT, PYTHIA_CONFIG_COOKIE,
                                       PYTHIA_CONFIG_EPOCH, PYTHIA_CONFIG_SEGMENT,
                                       PYTHIA_CONFIG_CACHE};
    int64_t *const fields[] = {&c->format, &c->cookie, &c->epoch, &c->next_segment,
                               &c->cache_bytes};
    for (unsigned i = 0; i < 5; i++)
        if (strcmp(key, keys[i]) == 0) {
            *fields[i] = value;
            c->found |= 1u << i;
        }
}

static int counters_read(PythiaStore *store, Counters *c, char **error) {
    *c = (Counters){.cache_bytes = PYTHIA_CACHE_BYTES};
    sqlite3_stmt *s;
    int rc = pythia_store_kept(store, PYTHIA_KEPT_COUNTERS,
                               "SELECT k, v FROM \"%w\".pythia_xconfig WHERE k IN"
                               "('" PYTHIA_CONFIG_FORMAT "','" PYTHIA_CONFIG_COOKIE
                               "','" PYTHIA_CONFIG_EPOCH "','" PYTHIA_CONFIG_SEGMENT
                               "','" PYTHIA_CONFIG_CACHE "')",
                               &s, error);
    if (rc) return rc;
    while (sqlite3_step(s) == SQLITE_ROW) {
        const char *key = (const char *)sqlite3_column_text(s, 0);
        if (key) counters_take(c, key, sqlite3_column_int64(s, 1));
    }
    rc = pythia_store_done(store, PYTHIA_KEPT_COUNTERS, s);
    if (rc) return pythia_store_fail(store, rc, "xconfig", error);
    if ((c->found & 15) != 15)
        return pythia_fail(error, PYTHIA_CORRUPT, "%s.pythia_xconfig: counters are missing",
                           store->schema);
    if (c->format > PYTHIA_FORMAT_VERSION)
        return pythia_fail(error, SQLITE_ERROR,
                           "the store in \"%s\" has format version %lld, newer than %d, the newest "
                           "that this version of Pythia knows",
                           store->schema, (sqlite3_int64)c->format, (int)PYTHIA_FORMAT_VERSION);
    if (c->format < 1 || c->next_segment < 1 || c->next_segment >= PYTHIA_SEGMENT_ID_MOST)
        return pythia_fail(error, PYTHIA_CORRUPT, "%s.pythia_xconfig: a counter is out of range",
                           store->schema);
    return SQLITE_OK;
}

/* ---- refreshing ------------------------------------------------------------------------------------ */

static int tables_are_there(sqlite3 *db, const char *schema) {
    return sqlite3_table_column_metadata(db, schema, "pythia_xconfig", "k", NULL, NULL, NULL, NULL,
                                         NULL) == SQLITE_OK;
}

static int store_load(PythiaStore *store, const Counters *c, char **error) {
    int all = !store->loaded || store->own || c->epoch != store->epoch;
    /* Should this fail, the next refresh begins again. */
    store->loaded = 0;
    store->next_segment = c->next_segment;
    store->cache_budget = c->cache_bytes > 0 ? (size_t)c->cache_bytes : 0;
    int rc = pythia_store_load_names(store, all, error);
    if (!rc) rc = pythia_store_load_segments(store, !all, error);
    if (rc) return rc;
    store->cookie = c->cookie;
    store->epoch = c->epoch;
    store->own = 0;
    store->loaded = 1;
    return SQLITE_OK;
}

/* The data version of the file, as of the transaction that this connection reads in. 0: there is none such, or
** this connection is writing, and what it has written may yet be taken back. */
static int data_version(PythiaStore *store, unsigned *version) {
    return sqlite3_txn_state(store->db, store->schema) == SQLITE_TXN_READ &&
           sqlite3_file_control(store->db, store->schema, SQLITE_FCNTL_DATA_VERSION, version) ==
               SQLITE_OK;
}

static int store_compare(PythiaStore *store, int *changed, char **error) {
    Counters c;
    char *message = NULL;
    int rc = counters_read(store, &c, &message);
    if (rc == SQLITE_ERROR && !tables_are_there(store->db, store->schema)) {
        sqlite3_free(message);
        if (store->writing) pythia_store_discard(store);
        return pythia_fail(error, SQLITE_NOTFOUND, "there is no store in \"%s\"", store->schema);
    }
    if (rc) {
        if (error && !*error)
            *error = message;
        else
            sqlite3_free(message);
        return rc;
    }
    if (store->loaded && c.cookie == store->cookie) {
        if (!store->writing && sqlite3_txn_state(store->db, store->schema) != SQLITE_TXN_WRITE)
            store->own = 0; /* it is committed */
        return SQLITE_OK;
    }
    if (store->writing) pythia_store_discard(store); /* it was rolled back from outside */
    if (changed) *changed = 1;
    return store_load(store, &c, error);
}

int pythia_store_refresh(PythiaStore *store, int *changed, char **error) {
    unsigned version = 0;
    if (changed) *changed = 0;
    int readable = data_version(store, &version);
    if (readable && store->version_known && store->loaded && version == store->version)
        return SQLITE_OK;
    store->version_known = 0;
    int rc = store_compare(store, changed, error);
    if (rc) return rc;
    store->version_known = readable && !store->own;
    store->version = version;
    return SQLITE_OK;
}

/* ---- opening --------------------------------------------------------------------------------------- */

static int create_virtual_table(sqlite3 *db, const char *schema, char **error) {
    return pythia_schema_exec(db, schema, "CREATE VIRTUAL TABLE \"%w\".pythia USING pythia", error);
}

int pythia_store_open(sqlite3 *db, const char *schema, int create, PythiaStore **store,
                      char **error) {
    *store = NULL;
    if (!tables_are_there(db, schema)) {
        if (!create) return SQLITE_OK;
        int rc = create_virtual_table(db, schema, error);
        if (rc) return rc;
    }
    PythiaStore *s = pythia_alloc_zero(sizeof *s);
    if (!s) return SQLITE_NOMEM;
    s->db = db;
    s->schema = sqlite3_mprintf("%s", schema);
    int rc = s->schema ? pythia_store_new_names(s) : SQLITE_NOMEM;
    if (!rc) rc = pythia_store_refresh(s, NULL, error);
    if (rc) {
        pythia_store_close(s);
        return rc;
    }
    *store = s;
    return SQLITE_OK;
}

void pythia_store_close(PythiaStore *store) {
    if (!store) return;
    pythia_store_keep(store, 0);
    pythia_store_discard(store);
    pythia_writer_free(store->writer);
    pythia_store_free_segments(store);
    pythia_store_free_names(store);
    pythia_packer_clear(&store->packer);
    pythia_free(store->stored_ticks);
    pythia_free(store->index);
    pythia_presence_clear(&store->presence);
    sqlite3_free(store->schema);
    pythia_free(store);
}
