/* poll.h - noticing an interrupt from a long loop.
**
** Stepping a prepared `SELECT 1` honours sqlite3_interrupt() and the progress handler alike, on
** every host; it costs a fraction of a microsecond, so only every PYTHIA_POLL_EVERY-th call does it.
** The statement belongs to the poll: it must be closed by the object that opened it (a cursor in
** xClose, a function before it returns), or the connection could not be closed. */
#ifndef PYTHIA_BASE_POLL_H
#define PYTHIA_BASE_POLL_H

#include "ext/base/sqlite.h"

typedef struct PythiaPoll {
    sqlite3 *db; /* borrowed; NULL: never interrupted */
    sqlite3_stmt *statement;
    unsigned calls;
} PythiaPoll;

enum { PYTHIA_POLL_EVERY = 1024 };

/* Looks now. SQLITE_OK, or SQLITE_INTERRUPT (or SQLITE_NOMEM). */
int pythia_poll_now(PythiaPoll *poll);

/* Looks at every PYTHIA_POLL_EVERY-th call. poll may be NULL. */
static inline int pythia_poll(PythiaPoll *poll) {
    if (!poll || ++poll->calls % PYTHIA_POLL_EVERY) return SQLITE_OK;
    return pythia_poll_now(poll);
}

void pythia_poll_close(PythiaPoll *poll);

#endif
