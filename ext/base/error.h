/* error.h - result codes and messages.
**
** Engine functions return SQLite result codes, end to end. Where a text helps, the last parameter
** is `char **error`: on failure it receives a message from sqlite3_mprintf(), which the caller frees
** with sqlite3_free(). A caller may pass NULL; an earlier message is never overwritten, because the
** first cause is the one worth reading. */
#ifndef PYTHIA_BASE_ERROR_H
#define PYTHIA_BASE_ERROR_H

#include "ext/base/sqlite.h"

/* Sets *error (where it is free) to the formatted message and returns rc. The format is that of
** sqlite3_mprintf(): %Q, %w and %q work, %zu does not. Returns SQLITE_NOMEM when the message itself
** could not be allocated. */
int pythia_fail(char **error, int rc, const char *format, ...);

#endif
