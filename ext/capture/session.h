/* session.h - the captures that one connection has open, by schema. */
#ifndef PYTHIA_CAPTURE_SESSION_H
#define PYTHIA_CAPTURE_SESSION_H

#include "ext/base/error.h"
#include "ext/host.h"

typedef struct PythiaCapture PythiaCapture;

int pythia_session_open(sqlite3 *db, PythiaSession **session);
/* Closes every capture. Safe with NULL. */
void pythia_session_close(PythiaSession *session);

/* A virtual table was connected (1) or disconnected (-1): while one is, statements stay prepared. */
void pythia_session_connected(PythiaSession *session, int change);

/* The capture of a schema ("main", "temp" or an attached name), opened on first use and brought up to
** date. *capture is NULL, with SQLITE_OK, when the schema has no store and `create` is 0. An unknown
** schema is an error that names it. The capture belongs to the session and lives as long. */
int pythia_session_capture(PythiaSession *session, const char *schema, int create,
                           PythiaCapture **capture, char **error);

/* Tells that a table is being read (+1), or no longer (-1). A statement that reads one has a read transaction
** on main, which SQLite opens, so nobody else's changes are seen before it ends; as long as this connection
** changes nothing either, pythia_session_capture() need not look whether main has changed. Joins ask for
** each row of their other side, and the look would cost more than many an answer. */
void pythia_session_reading(PythiaSession *session, int more);

/* Before a commit (xSync of every writable table): rebuilds what settings and rules made stale and writes
** the group moments that deletions changed, in every capture that is open. Uses no savepoint; on failure
** the transaction is rolled back by SQLite. */
int pythia_session_commit(PythiaSession *session, char **error);

#endif
