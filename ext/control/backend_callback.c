/* backend_callback.c - the program that hosts the connection, reached by a C function; see pythia.h.
**
** All changes of a commit go in one call. */
#include "ext/control/backend.h"

static int callback_open(PythiaBackend *backend, char **error) {
    (void)error;
    backend->available = backend->callback->function != NULL;
    backend->detail = sqlite3_mprintf(
        "%s", backend->available ? "a function of the program that hosts this connection"
                                 : "the program has set no function");
    return backend->detail ? SQLITE_OK : SQLITE_NOMEM;
}

static int callback_list(PythiaBackend *backend, int *lists, PythiaBackendEach each, void *context,
                         char **error) {
    (void)error;
    const PythiaControlCallback *callback = backend->callback;
    *lists = callback->points != NULL;
    int rc = SQLITE_OK;
    for (int i = 0; i < callback->npoints && !rc; i++)
        rc = each(context, &callback->points[i], 1);
    return rc;
}

static int callback_prepare(PythiaBackend *backend, const PythiaControlChange *changes, int n,
                            char **error) {
    const PythiaControlCallback *callback = backend->callback;
    char *message = NULL;
    int rc = callback->function(callback->context, PYTHIA_CONTROL_PREPARE, changes, n, &message);
    if (rc) rc = pythia_fail(error, rc, "%s", message ? message : sqlite3_errstr(rc));
    sqlite3_free(message);
    return rc;
}

static void callback_apply(PythiaBackend *backend, const PythiaControlChange *changes, int n,
                           unsigned char *failed, char **messages) {
    const PythiaControlCallback *callback = backend->callback;
    char *message = NULL;
    int rc = callback->function(callback->context, PYTHIA_CONTROL_APPLY, changes, n, &message);
    for (int i = 0; i < n && rc; i++) {
        failed[i] = 1;
        messages[i] = sqlite3_mprintf("%s", message ? message : sqlite3_errstr(rc));
    }
    sqlite3_free(message);
}

static void callback_abandon(PythiaBackend *backend, const PythiaControlChange *changes, int n) {
    const PythiaControlCallback *callback = backend->callback;
    char *message = NULL;
    callback->function(callback->context, PYTHIA_CONTROL_ABANDON, changes, n, &message);
    sqlite3_free(message);
}

static void callback_close(PythiaBackend *backend) {
    (void)backend;
}

const PythiaBackendKind pythia_backend_callback = {
    .name = "callback",
    .open = callback_open,
    .list = callback_list,
    .prepare = callback_prepare,
    .apply = callback_apply,
    .abandon = callback_abandon,
    .close = callback_close,
};
