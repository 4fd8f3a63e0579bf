/* loop.c - the loop of a connection, and the search space that it keeps; see loop.h. */
#include "ext/loop/internal.h"

int pythia_loop_open(PythiaHost *host, PythiaLoop **loop) {
    *loop = pythia_alloc_zero(sizeof **loop);
    if (!*loop) return SQLITE_NOMEM;
    (*loop)->host = host;
    return SQLITE_OK;
}

static void space_forget(PythiaLoop *loop) {
    pythia_space_clear(&loop->space);
    sqlite3_free(loop->schema);
    loop->schema = NULL;
    loop->version = 0;
}

void pythia_loop_close(PythiaLoop *loop) {
    if (!loop) return;
    space_forget(loop);
    pythia_measures_clear(&loop->measures);
    pythia_free(loop);
}

int pythia_loop_space(PythiaLoop *loop, PythiaCapture *capture, PythiaPoll *poll,
                      const PythiaSpace **space, char **error) {
    PythiaStore *store = capture ? pythia_capture_store(capture) : NULL;
    int64_t version = 0;
    *space = &loop->space;
    int rc = store ? pythia_space_version(store, &version, error) : SQLITE_OK;
    if (rc) return rc;
    if (loop->schema && store && loop->version == version &&
        sqlite3_stricmp(loop->schema, pythia_store_schema(store)) == 0)
        return SQLITE_OK;
    space_forget(loop);
    if (!store) return SQLITE_OK;
    if (version) rc = pythia_space_load(store, &loop->space, poll, error);
    if (!rc) {
        loop->schema = sqlite3_mprintf("%s", pythia_store_schema(store));
        loop->version = version;
        if (!loop->schema) rc = SQLITE_NOMEM;
    }
    if (rc) space_forget(loop);
    return rc;
}

int pythia_loop_ask(sqlite3 *db, const char *function, const char *sql, int64_t *value,
                    char **error) {
    sqlite3_stmt *s = NULL;
    *value = 0;
    int rc = sqlite3_prepare_v2(
        db, "SELECT 1 FROM pragma_function_list WHERE name = ?1 AND narg <= 0", -1, &s, NULL);
    if (!rc) rc = sqlite3_bind_text(s, 1, function, -1, SQLITE_STATIC);
    int there = !rc && sqlite3_step(s) == SQLITE_ROW;
    int end = sqlite3_finalize(s);
    if (!rc) rc = end;
    if (!rc && there) {
        rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
        if (!rc && sqlite3_step(s) == SQLITE_ROW) *value = sqlite3_column_int64(s, 0);
        if (!rc) rc = sqlite3_finalize(s);
    }
    return rc ? pythia_fail(error, rc, "pythia_step: %s", sqlite3_errmsg(db)) : SQLITE_OK;
}

const PythiaQuestion *pythia_loop_question(const PythiaLoop *loop) {
    return loop->question;
}
