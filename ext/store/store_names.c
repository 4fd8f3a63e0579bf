/* store_names.c - names in memory and in pythia_xdict and pythia_xpoint.
**
** Ids are row ids and consecutive from 1, so that what memory knows is a prefix of the tables, or the
** tables are a prefix of what memory knows (names not yet written). Only an import that was rolled back,
** another connection that gave out the same ids meanwhile, or delete-all break that: then the names are
** read anew into another object. The old one stays, because statements may point into its texts. */
#include "ext/store/internal.h"

int pythia_store_new_names(PythiaStore *store) {
    PythiaNamesList *fresh = pythia_alloc_zero(sizeof *fresh);
    if (!fresh) return SQLITE_NOMEM;
    fresh->older = store->names;
    store->names = fresh;
    store->stored_strings = store->stored_points = 0;
    store->nstored_ticks = 0;
    return SQLITE_OK;
}

void pythia_store_free_names(PythiaStore *store) {
    while (store->names) {
        PythiaNamesList *older = store->names->older;
        pythia_names_clear(&store->names->names);
        pythia_free(store->names);
        store->names = older;
    }
}

/* ---- reading --------------------------------------------------------------------------------------- */

/* Remembers what is stored of a resolution. */
static int ticks_stored(PythiaStore *store, uint32_t id, uint8_t ticks) {
    int rc = pythia_grow((void **)&store->stored_ticks, &store->stored_ticks_capacity,
                         (size_t)id + 1, 1);
    if (rc) return rc;
    if (id >= store->nstored_ticks) {
        memset(store->stored_ticks + store->nstored_ticks, PYTHIA_NO_RESOLUTION,
               id + 1 - store->nstored_ticks);
        store->nstored_ticks = id + 1;
    }
    store->stored_ticks[id] = ticks;
    return SQLITE_OK;
}

/* A text column as bytes: text that is no valid text is stored as a blob. */
static int column_bytes(sqlite3_stmt *s, int column, PythiaText *text) {
    const void *p = sqlite3_column_type(s, column) == SQLITE_BLOB
                        ? sqlite3_column_blob(s, column)
                        : (const void *)sqlite3_column_text(s, column);
    *text = (PythiaText){p, p ? (size_t)sqlite3_column_bytes(s, column) : 0};
    if (!p && sqlite3_errcode(sqlite3_db_handle(s)) == SQLITE_NOMEM) return SQLITE_NOMEM;
    return SQLITE_OK;
}

/* Takes the next row of pythia_xdict. *differs: memory has another text with that id. */
static int take_string(PythiaStore *store, sqlite3_stmt *s, int *differs, char **error) {
    PythiaNames *names = &store->names->names;
    sqlite3_int64 id = sqlite3_column_int64(s, 0);
    if (id != (sqlite3_int64)store->stored_strings + 1)
        return pythia_store_damaged(store, "xdict", id, "ids are not consecutive", error);
    PythiaText text;
    int rc = column_bytes(s, 1, &text);
    if (rc) return rc;
    uint32_t known = (uint32_t)id;
    if (known <= names->strings.n)
        *differs = !pythia_text_equal(text, names->strings.texts[known]);
    else
        rc = pythia_names_string(names, text, &known);
    if (rc || *differs) return rc;
    if (known != id) return pythia_store_damaged(store, "xdict", id, "a text occurs twice", error);
    store->stored_strings = known;
    if (sqlite3_column_type(s, 2) == SQLITE_NULL) return SQLITE_OK;
    sqlite3_int64 ticks = sqlite3_column_int64(s, 2);
    if (ticks < 0 || ticks > 18)
        return pythia_store_damaged(store, "xdict", id, "ticks are out of range", error);
    rc = pythia_names_set_resolution(names, known, (uint8_t)ticks);
    return rc ? rc : ticks_stored(store, known, (uint8_t)ticks);
}

static int take_point(PythiaStore *store, sqlite3_stmt *s, int *differs, char **error) {
    PythiaNames *names = &store->names->names;
    sqlite3_int64 id = sqlite3_column_int64(s, 0), part[3];
    if (id != (sqlite3_int64)store->stored_points + 1)
        return pythia_store_damaged(store, "xpoint", id, "ids are not consecutive", error);
    for (int i = 0; i < 3; i++) {
        part[i] = sqlite3_column_int64(s, i + 1);
        if (part[i] < (i < 2) || part[i] > store->stored_strings)
            return pythia_store_damaged(store, "xpoint", id, "a name is not there", error);
    }
    uint32_t known = (uint32_t)id;
    if (known <= names->ntracepoints) {
        const PythiaTracepoint *t = &names->tracepoints[known];
        *differs = t->service != part[0] || t->operation != part[1] || t->point != part[2];
        if (*differs) return SQLITE_OK;
    } else {
        int rc = pythia_names_tracepoint(names, (uint32_t)part[0], (uint32_t)part[1],
                                         (uint32_t)part[2], &known);
        if (rc) return rc;
        if (known != id)
            return pythia_store_damaged(store, "xpoint", id, "a trace point occurs twice", error);
    }
    store->stored_points = known;
    return SQLITE_OK;
}

/* Reads the rows of one table that come after those known to be stored. */
static int load_table(PythiaStore *store, const char *sql, const char *suffix, uint32_t after,
                      int (*take)(PythiaStore *, sqlite3_stmt *, int *, char **), int *differs,
                      char **error) {
    sqlite3_stmt *s;
    int rc = pythia_store_prepare(store, &s, sql, error);
    if (rc) return rc;
    rc = sqlite3_bind_int64(s, 1, after);
    while (!rc && !*differs && sqlite3_step(s) == SQLITE_ROW)
        rc = take(store, s, differs, error);
    int done = sqlite3_reset(s);
    if (!rc && done) rc = pythia_store_fail(store, done, suffix, error);
    sqlite3_finalize(s);
    return rc;
}

static int load_tables(PythiaStore *store, int *differs, char **error) {
    int rc = load_table(store,
                        "SELECT id, text, ticks FROM \"%w\".pythia_xdict WHERE id > ?1 ORDER BY id",
                        "xdict", store->stored_strings, take_string, differs, error);
    if (!rc && !*differs)
        rc = load_table(store,
                        "SELECT id, service, operation, point FROM \"%w\".pythia_xpoint"
                        " WHERE id > ?1 ORDER BY id",
                        "xpoint", store->stored_points, take_point, differs, error);
    return rc;
}

int pythia_store_load_names(PythiaStore *store, int all, char **error) {
    PythiaNames *names = &store->names->names;
    if (all) {
        store->stored_strings = store->stored_points = store->nstored_ticks = 0;
        if (names->nresolution) memset(names->resolution, PYTHIA_NO_RESOLUTION, names->nresolution);
    }
    int differs = 0;
    int rc = load_tables(store, &differs, error);
    if (rc) return rc;
    /* What memory has too many was rolled back, and must not be written by another import. */
    if (all &&
        (names->strings.n > store->stored_strings || names->ntracepoints > store->stored_points))
        differs = 1;
    if (!differs) return SQLITE_OK;
    rc = pythia_store_new_names(store);
    differs = 0;
    return rc ? rc : load_tables(store, &differs, error);
}

/* ---- writing --------------------------------------------------------------------------------------- */

/* 1 when SQLite keeps these bytes as they are in a TEXT column: UTF-8 without NUL. */
static int is_plain_text(PythiaText text) {
    const unsigned char *p = (const unsigned char *)text.p, *end = p + text.n;
    while (p < end) {
        unsigned c = *p++, more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        if (c == 0 || (c >= 0x80 && c < 0xc2) || c > 0xf4 || (size_t)(end - p) < more) return 0;
        uint32_t point = more == 0 ? c : c & (0x3fu >> more);
        for (unsigned i = 0; i < more; i++, p++) {
            if ((*p & 0xc0) != 0x80) return 0;
            point = point << 6 | (*p & 0x3f);
        }
        if ((more == 2 && point < 0x800) || (point >= 0xd800 && point < 0xe000)) return 0;
        if (more == 3 && (point < 0x10000 || point > 0x10ffff)) return 0;
    }
    return 1;
}

static uint8_t ticks_known(const PythiaNames *names, uint32_t id) {
    return id < names->nresolution ? names->resolution[id] : PYTHIA_NO_RESOLUTION;
}

static int save_string(PythiaStore *store, uint32_t id, char **error) {
    const PythiaNames *names = &store->names->names;
    PythiaText text = names->strings.texts[id];
    uint8_t ticks = ticks_known(names, id);
    sqlite3_stmt *s;
    int rc = pythia_store_statement(store, PYTHIA_SQL_STRING, &s, error);
    if (!rc) rc = sqlite3_bind_int64(s, 1, id);
    if (!rc)
        rc = is_plain_text(text) ? sqlite3_bind_text64(s, 2, text.n ? text.p : "", text.n,
                                                       SQLITE_STATIC, SQLITE_UTF8)
                                 : sqlite3_bind_blob64(s, 2, text.p, text.n, SQLITE_STATIC);
    if (!rc && ticks != PYTHIA_NO_RESOLUTION) {
        rc = sqlite3_bind_int(s, 3, ticks);
        if (!rc) rc = ticks_stored(store, id, ticks);
    }
    return rc ? rc : pythia_store_run(store, s, "xdict", error);
}

static int save_ticks(PythiaStore *store, uint32_t id, uint8_t ticks, char **error) {
    sqlite3_stmt *s;
    int rc = pythia_store_statement(store, PYTHIA_SQL_TICKS, &s, error);
    if (!rc) rc = sqlite3_bind_int(s, 1, ticks);
    if (!rc) rc = sqlite3_bind_int64(s, 2, id);
    if (!rc) rc = pythia_store_run(store, s, "xdict", error);
    return rc ? rc : ticks_stored(store, id, ticks);
}

static int save_point(PythiaStore *store, uint32_t id, char **error) {
    const PythiaTracepoint *t = &store->names->names.tracepoints[id];
    const uint32_t values[] = {id, t->service, t->operation, t->point};
    sqlite3_stmt *s;
    int rc = pythia_store_statement(store, PYTHIA_SQL_POINT, &s, error);
    for (int i = 0; !rc && i < 4; i++)
        rc = sqlite3_bind_int64(s, i + 1, values[i]);
    return rc ? rc : pythia_store_run(store, s, "xpoint", error);
}

int pythia_store_save_names(PythiaStore *store, int *lowered, char **error) {
    const PythiaNames *names = &store->names->names;
    int rc = SQLITE_OK;
    *lowered = 0;
    for (uint32_t id = 1; !rc && id < names->nresolution && id <= store->stored_strings; id++) {
        uint8_t ticks = names->resolution[id];
        uint8_t stored = id < store->nstored_ticks ? store->stored_ticks[id] : PYTHIA_NO_RESOLUTION;
        if (ticks == stored) continue;
        rc = save_ticks(store, id, ticks, error);
        *lowered = 1;
    }
    while (!rc && store->stored_strings < names->strings.n) {
        rc = save_string(store, store->stored_strings + 1, error);
        if (!rc) store->stored_strings++;
    }
    while (!rc && store->stored_points < names->ntracepoints) {
        rc = save_point(store, store->stored_points + 1, error);
        if (!rc) store->stored_points++;
    }
    return rc;
}
