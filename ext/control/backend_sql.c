/* backend_sql.c - a program reached by an SQL function of the connection.
**
** A host in any language registers a function of five arguments (sqlite3_create_function, in Python
** Connection.create_function) and is a control plane. It is called once for each change and phase:
**
**     function(phase, tracepoint, request_type, enabled, parameters)
**
** phase 'prepare', 'apply' or 'abandon'; request_type NULL: see PythiaControlChange; enabled 0 or 1;
** parameters JSON. An error raised in 'prepare' refuses the commit: the changes of this back end that
** were prepared before it are abandoned. What the function returns is not looked at.
**
** The statement is prepared when the back end is opened, because apply runs inside a commit that is
** already done. It reads no table, so that stepping it there touches no transaction. */
#include "ext/control/backend.h"

static int sql_open(PythiaBackend *backend, char **error) {
    (void)error;
    char *sql = sqlite3_mprintf("SELECT \"%w\"(?1, ?2, ?3, ?4, ?5)", backend->target);
    if (!sql) return SQLITE_NOMEM;
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v3(backend->db, sql, -1, SQLITE_PREPARE_NO_VTAB, &statement, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_NOMEM) return rc;
    if (rc)
        backend->detail = sqlite3_mprintf("%s in this connection", sqlite3_errmsg(backend->db));
    else
        backend->detail =
            sqlite3_mprintf("the SQL function %s of this connection", backend->target);
    backend->available = rc == SQLITE_OK;
    backend->data = statement;
    return backend->detail ? SQLITE_OK : SQLITE_NOMEM;
}

static void sql_close(PythiaBackend *backend) {
    sqlite3_finalize(backend->data);
    backend->data = NULL;
}

static int sql_list(PythiaBackend *backend, int *lists, PythiaBackendEach each, void *context,
                    char **error) {
    (void)backend, (void)each, (void)context, (void)error;
    *lists = 0;
    return SQLITE_OK;
}

static int sql_call(PythiaBackend *backend, const char *phase, const PythiaControlChange *change,
                    char **error) {
    sqlite3_stmt *statement = backend->data;
    int rc = sqlite3_bind_text(statement, 1, phase, -1, SQLITE_STATIC);
    if (!rc) rc = sqlite3_bind_text(statement, 2, change->tracepoint, -1, SQLITE_STATIC);
    if (!rc) rc = sqlite3_bind_text(statement, 3, change->request_type, -1, SQLITE_STATIC);
    if (!rc) rc = sqlite3_bind_int(statement, 4, change->enabled);
    if (!rc) rc = sqlite3_bind_text(statement, 5, change->parameters, -1, SQLITE_STATIC);
    if (!rc) {
        sqlite3_step(statement);
        rc = sqlite3_reset(statement);
    }
    if (rc) rc = pythia_fail(error, rc, "%s", sqlite3_errmsg(backend->db));
    sqlite3_clear_bindings(statement);
    return rc;
}

static void sql_abandon(PythiaBackend *backend, const PythiaControlChange *changes, int n) {
    for (int i = 0; i < n; i++)
        sql_call(backend, "abandon", &changes[i], NULL);
}

static int sql_prepare(PythiaBackend *backend, const PythiaControlChange *changes, int n,
                       char **error) {
    for (int i = 0; i < n; i++) {
        char *message = NULL;
        int rc = sql_call(backend, "prepare", &changes[i], &message);
        if (rc) {
            sql_abandon(backend, changes, i);
            rc = pythia_fail(error, rc, "%s: %s", changes[i].tracepoint,
                             message ? message : sqlite3_errstr(rc));
        }
        sqlite3_free(message);
        if (rc) return rc;
    }
    return SQLITE_OK;
}

static void sql_apply(PythiaBackend *backend, const PythiaControlChange *changes, int n,
                      unsigned char *failed, char **messages) {
    for (int i = 0; i < n; i++)
        failed[i] = sql_call(backend, "apply", &changes[i], &messages[i]) != SQLITE_OK;
}

const PythiaBackendKind pythia_backend_sql = {
    .name = "sql",
    .target = "the name of an SQL function",
    .open = sql_open,
    .list = sql_list,
    .prepare = sql_prepare,
    .apply = sql_apply,
    .abandon = sql_abandon,
    .close = sql_close,
};
