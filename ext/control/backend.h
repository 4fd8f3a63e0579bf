/* backend.h - one way to reach a program.
**
** A kind is a table of functions; a back end is one row of pythia_backends (or the connection's
** callback) opened for the length of one statement or one commit. The order of calls is
**
**     open [list] close                        to look
**     open prepare apply close                 a commit
**     open prepare abandon close               a commit that something else made fail
**     open prepare close                       refused: by then nothing may remain prepared
**
** apply and abandon run when the transaction is over: they must not read or write its database.
** A new kind is a file backend_<kind>.c and a line in the list of backend.c. */
#ifndef PYTHIA_CONTROL_BACKEND_H
#define PYTHIA_CONTROL_BACKEND_H

#include "ext/base/error.h"
#include "ext/base/mem.h"
#include "ext/base/text.h"
#include "ext/pythia.h"

typedef struct PythiaBackendKind PythiaBackendKind;

/* What the host gave by pythia_set_control_host(); function NULL: nothing. */
typedef struct PythiaControlCallback {
    PythiaControlFunction function;
    void *context;
    PythiaControlPoint *points; /* owned, and so are their names; NULL: unknown */
    int npoints;
} PythiaControlCallback;

typedef struct PythiaBackend {
    const PythiaBackendKind *kind;
    int64_t id;         /* of its row; PYTHIA_BACKEND_CALLBACK for the callback */
    const char *name;   /* borrowed */
    const char *target; /* borrowed */
    sqlite3 *db;        /* borrowed */
    const PythiaControlCallback *callback; /* borrowed */
    int available;
    char *detail; /* owned: how it is reached, or why it is not; may be NULL */
    void *data;   /* the kind's own */
} PythiaBackend;

enum { PYTHIA_BACKEND_NONE = 0, PYTHIA_BACKEND_CALLBACK = -1 };

/* Called for each trace point of a back end. told 0: the program knows of nothing that was ever told about
** it, whatever is written down: it, or its page, is a new one. A non-zero return ends the listing. */
typedef int (*PythiaBackendEach)(void *context, const PythiaControlPoint *point, int told);

/* What a listing is. */
enum {
    PYTHIA_LISTS_NOTHING =
        0, /* there may be any trace point beside those listed: told of all that rules decide */
    PYTHIA_LISTS_ALL = 1, /* there are those listed: told of these alone */
    PYTHIA_LISTS_SOME = 2 /* told of those listed, and of those that a rule names exactly */
};

/* What a program counted at a trace point. */
typedef struct PythiaBackendCount {
    const char *name; /* zero-terminated, valid during the call */
    int64_t hits, bytes, cost_ns;
    int64_t last_ns;  /* 0: never */
    int64_t filtered; /* of the hits: left out by a sample or a predicate, or added up */
    int64_t dropped;  /* of the hits: there was no room for them */
} PythiaBackendCount;
typedef int (*PythiaBackendEachCount)(void *context, const PythiaBackendCount *count);

struct PythiaBackendKind {
    const char *name;
    const char *target; /* what a row's target is, as in "needs ..."; NULL: it is not a row */
    /* Looks whether the program can be reached; sets available and detail. Being out of reach is not an
    ** error. */
    int (*open)(PythiaBackend *backend, char **error);
    /* 1: none of its trace points is always on. */
    int switches_all;
    /* 1: what it does not list was never told anything, or what it was told is lost. */
    int remembers;
    /* Calls `each` for every trace point that it knows of, and sets *lists to PYTHIA_LISTS_*. */
    int (*list)(PythiaBackend *backend, int *lists, PythiaBackendEach each, void *context,
                char **error);
    /* Anything but SQLITE_OK refuses. */
    int (*prepare)(PythiaBackend *backend, const PythiaControlChange *changes, int n, char **error);
    /* Cannot refuse any more. For a change that did not happen failed[i] is set to 1 and messages[i] (NULL
    ** before) to a message, or left NULL. */
    void (*apply)(PythiaBackend *backend, const PythiaControlChange *changes, int n,
                  unsigned char *failed, char **messages);
    void (*abandon)(PythiaBackend *backend, const PythiaControlChange *changes, int n);
    /* NULL: its programs count nothing. */
    int (*count)(PythiaBackend *backend, PythiaBackendEachCount each, void *context);
    /* Records that its programs should have made and that were lost, ever. NULL: they cannot tell. */
    int64_t (*lost)(PythiaBackend *backend);
    void (*close)(PythiaBackend *backend);
};

extern const PythiaBackendKind pythia_backend_callback, pythia_backend_sql, pythia_backend_page,
    pythia_backend_manifest;

/* The kind of that name, or NULL. */
const PythiaBackendKind *pythia_backend_kind(const char *name);
/* Checks a row before it is written: SQLITE_OK, or SQLITE_CONSTRAINT with a message. */
int pythia_backend_check(const char *kind, PythiaText target, char **error);

/* Opens. The caller fills id, name, target, db and callback before. A kind that this version does not
** have is one that is not available. */
int pythia_backend_open(PythiaBackend *backend, const char *kind, char **error);
void pythia_backend_close(PythiaBackend *backend);

#endif
