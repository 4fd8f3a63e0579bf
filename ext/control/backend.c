/* backend.c - the kinds of back ends; see backend.h. */
#include "ext/control/backend.h"

static const PythiaBackendKind *const kinds[] = {&pythia_backend_callback, &pythia_backend_sql,
                                                 &pythia_backend_page, &pythia_backend_manifest};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

const PythiaBackendKind *pythia_backend_kind(const char *name) {
    for (int i = 0; i < KINDS; i++)
        if (strcmp(kinds[i]->name, name) == 0) return kinds[i];
    return NULL;
}

/* Fails with the names of the kinds there are. */
static int kind_unknown(const char *kind, char **error) {
    sqlite3_str *names = sqlite3_str_new(NULL);
    for (int i = 0; i < KINDS; i++)
        sqlite3_str_appendf(names, "%s%s", i ? ", " : "", kinds[i]->name);
    char *text = sqlite3_str_finish(names);
    int rc = pythia_fail(error, SQLITE_CONSTRAINT, "kind: there is no kind \"%s\"; there are: %s",
                         kind, text ? text : "");
    sqlite3_free(text);
    return rc;
}

int pythia_backend_check(const char *kind, PythiaText target, char **error) {
    const PythiaBackendKind *known = pythia_backend_kind(kind);
    if (!known) return kind_unknown(kind, error);
    if (!known->target)
        return pythia_fail(error, SQLITE_CONSTRAINT,
                           "kind: a callback is not a row to be written; the program that hosts "
                           "this connection sets it with pythia_set_control_callback()");
    if (target.n == 0 || memchr(target.p, 0, target.n))
        return pythia_fail(error, SQLITE_CONSTRAINT, "target: a back end of kind %s needs %s", kind,
                           known->target);
    return SQLITE_OK;
}

int pythia_backend_open(PythiaBackend *backend, const char *kind, char **error) {
    backend->kind = pythia_backend_kind(kind);
    backend->available = 0;
    backend->detail = NULL;
    backend->data = NULL;
    if (backend->kind) return backend->kind->open(backend, error);
    backend->detail = sqlite3_mprintf("this version has no back end of kind %s", kind);
    return backend->detail ? SQLITE_OK : SQLITE_NOMEM;
}

void pythia_backend_close(PythiaBackend *backend) {
    if (backend->kind) backend->kind->close(backend);
    sqlite3_free(backend->detail);
    backend->detail = NULL;
    backend->kind = NULL;
}
