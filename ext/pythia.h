/* pythia.h - the C interface of Pythia.
**
** For two kinds of programs: those that link Pythia statically and call sqlite3_pythia_init(), and those
** that load pythia.so and want its control plane to reach them. The latter need nothing but this header
** and SQLite: what lies in the extension is reached through SQL.
**
** Control. A program gives a function that Pythia calls when rows of pythia_control switch trace points.
** A COMMIT calls it twice for one set of changes: first with PYTHIA_CONTROL_PREPARE, when it may refuse
** (then the COMMIT fails with its message, and nothing has changed anywhere), and then, when the
** transaction is durable, with PYTHIA_CONTROL_APPLY. When something else made the COMMIT fail in between
** it is called with PYTHIA_CONTROL_ABANDON instead. A ROLLBACK calls nothing that was not prepared.
**
**     static int on_control(void *context, int phase, const PythiaControlChange *changes, int n,
**                           char **error) {
**         for (int i = 0; phase == PYTHIA_CONTROL_APPLY && i < n; i++)
**             my_switch(changes[i].tracepoint, changes[i].enabled);
**         return SQLITE_OK;
**     }
**     ...
**     rc = pythia_set_control_callback(db, on_control, my_context);
**
** The function runs on the thread that commits. It must not write to that connection. */
#ifndef PYTHIA_H
#define PYTHIA_H

#include <stddef.h>

#ifndef SQLITE_VERSION
#include <sqlite3.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define PYTHIA_VERSION        "0.1.0"
#define PYTHIA_VERSION_NUMBER 1000 /* major * 1000000 + minor * 1000 + patch */

struct sqlite3_api_routines;

/* The entry point: for sqlite3_auto_extension(), or to be called on one connection with api NULL, in
** programs that link Pythia statically. */
int sqlite3_pythia_init(sqlite3 *db, char **error, const struct sqlite3_api_routines *api);

/* ---- control --------------------------------------------------------------------------------------- */

enum { PYTHIA_CONTROL_PREPARE = 1, PYTHIA_CONTROL_APPLY = 2, PYTHIA_CONTROL_ABANDON = 3 };

/* One switch. All texts are zero-terminated UTF-8 and valid during the call. */
typedef struct PythiaControlChange {
    const char *tracepoint;
    const char
        *request_type; /* NULL: every request type but those that a change has named before, which
                              ** keep their own state until a change names them again */
    int enabled;       /* 0 or 1: the state from now on */
    int before;        /* 0 or 1: as Pythia knows it; -1: not known */
    /* JSON: "sample" (a fraction), "predicate", "aggregate", "group_by" (texts, see the manual), "window_ms",
    ** "expires_ns" (ns since 1970), if any; "then":1: on when it has expired */
    const char *parameters;
    sqlite3_int64 rule_id; /* the rule that decided, 0: the trace point's default */
} PythiaControlChange;

/* Returns SQLITE_OK. Another code in PREPARE refuses the whole set; in APPLY it means that the changes
** did not happen: they are reported as pending and tried again at the next commit. *error may be set to
** a message from sqlite3_mprintf(). */
typedef int (*PythiaControlFunction)(void *context, int phase, const PythiaControlChange *changes,
                                     int n, char **error);

/* A trace point that the program has. */
typedef struct PythiaControlPoint {
    const char *name; /* as a rule, service/operation[/point] */
    int enabled;      /* its state when no rule says otherwise */
    int always_on;    /* cannot be switched off: it carries the skeleton of traces */
} PythiaControlPoint;

typedef struct PythiaControlHost {
    int version;                    /* PYTHIA_CONTROL_VERSION */
    PythiaControlFunction function; /* NULL: takes the callback away */
    void *context;
    /* The program's trace points, copied. NULL: unknown; then the program is told about all trace points
    ** that the rules name or that traces have shown. */
    const PythiaControlPoint *points;
    int npoints;
} PythiaControlHost;

#define PYTHIA_CONTROL_VERSION 1
#define PYTHIA_CONTROL_POINTER "pythia-control-callback"

/* Makes `host` the connection's callback, in place of the one before. Works wherever the extension has
** been loaded into the connection, linked or not: SELECT pythia_control_api(?1) with a pointer bound to
** it. The new callback is told about the rules at the next COMMIT that writes pythia_control, or by
** SELECT pythia_reconcile(). SQLITE_ERROR with a message in sqlite3_errmsg() when that fails. */
static inline int pythia_set_control_host(sqlite3 *db, PythiaControlHost *host) {
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT pythia_control_api(?1)", -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_pointer(statement, 1, host, PYTHIA_CONTROL_POINTER, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
        if (rc == SQLITE_ROW) rc = SQLITE_OK;
    }
    int last = sqlite3_finalize(statement);
    return rc == SQLITE_OK ? last : rc;
}

/* The same with no list of trace points. function NULL takes the callback away. */
static inline int pythia_set_control_callback(sqlite3 *db, PythiaControlFunction function,
                                              void *context) {
    PythiaControlHost host = {PYTHIA_CONTROL_VERSION, function, context, NULL, 0};
    return pythia_set_control_host(db, &host);
}

#ifdef __cplusplus
}
#endif

#endif
