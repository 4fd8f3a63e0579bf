/* savepoint.c - see savepoint.h. */
#include "ext/capture/savepoint.h"

int pythia_savepoint_begin(PythiaSavepoint *s, sqlite3 *db, char **error) {
    *s = (PythiaSavepoint){.db = db, .autocommit = sqlite3_get_autocommit(db)};
    int rc = sqlite3_exec(db, "SAVEPOINT pythia", NULL, NULL, NULL);
    if (rc) return pythia_fail(error, rc, "%s", sqlite3_errmsg(db));
    s->open = 1;
    return SQLITE_OK;
}

int pythia_savepoint_arm(PythiaSavepoint *s, const char *schema, char **error) {
    char *sql = sqlite3_mprintf("DELETE FROM \"%w\".pythia_xconfig WHERE 0", schema);
    if (!sql) return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &s->write, NULL);
    sqlite3_free(sql);
    return rc ? pythia_fail(error, rc, "%s", sqlite3_errmsg(s->db)) : SQLITE_OK;
}

static void savepoint_undo(PythiaSavepoint *s) {
    if (s->write)
        sqlite3_step(s->write); /* after an interrupt this rolls back, else it does nothing */
    if (sqlite3_get_autocommit(s->db)) return; /* SQLite has rolled back already */
    if (s->autocommit) {
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
        return;
    }
    sqlite3_exec(s->db, "ROLLBACK TO pythia", NULL, NULL, NULL);
    sqlite3_exec(s->db, "RELEASE pythia", NULL, NULL, NULL);
}

int pythia_savepoint_end(PythiaSavepoint *s, int rc, char **error) {
    if (!s->open) return rc;
    if (!rc) {
        rc = sqlite3_exec(s->db, "RELEASE pythia", NULL, NULL, NULL);
        if (rc) pythia_fail(error, rc, "%s", sqlite3_errmsg(s->db));
    }
    if (rc) savepoint_undo(s);
    sqlite3_finalize(s->write);
    s->write = NULL;
    s->open = 0;
    return rc;
}
