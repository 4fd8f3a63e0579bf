/* savepoint.h - a group of writes to shadow tables that happens as a whole or not at all.
**
** For writes made by a function or a reader while a SELECT is running. A savepoint cannot be opened
** inside a writing statement (INSERT ... SELECT, CREATE TABLE AS, a trigger): SQLite says so.
**
** Interruption is sticky: after sqlite3_interrupt() ROLLBACK TO fails as well, and the transaction would
** stay open. Stepping a write that was prepared before makes SQLite roll everything back, the user's
** BEGIN included; SQLite does the same to any interrupted write. */
#ifndef PYTHIA_CAPTURE_SAVEPOINT_H
#define PYTHIA_CAPTURE_SAVEPOINT_H

#include "ext/base/error.h"

typedef struct PythiaSavepoint {
    sqlite3 *db;
    int autocommit; /* no transaction was open at the beginning */
    int open;
    sqlite3_stmt *write; /* a write without effect */
} PythiaSavepoint;

int pythia_savepoint_begin(PythiaSavepoint *savepoint, sqlite3 *db, char **error);
/* Prepares the write; when the store exists. */
int pythia_savepoint_arm(PythiaSavepoint *savepoint, const char *schema, char **error);
/* rc SQLITE_OK: releases, which may fail (then everything is rolled back). Otherwise rolls back. Returns
** rc, or the failure to release. */
int pythia_savepoint_end(PythiaSavepoint *savepoint, int rc, char **error);

#endif
