/* sqlite.h - the one way in which Pythia's files see SQLite.
**
** A loadable build reaches SQLite through the table of pointers that the host hands over
** (sqlite3ext.h); ext/pythia.c defines that table's variable. A build with SQLITE_CORE links
** against the library directly: the unit tests do, and programs that link Pythia statically. */
#ifndef PYTHIA_BASE_SQLITE_H
#define PYTHIA_BASE_SQLITE_H

#ifdef SQLITE_CORE
#include <sqlite3.h>
#else
#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT3
#endif

#include <stddef.h>
#include <stdint.h>

/* Stored data that cannot be what Pythia wrote. A function, so that a debugger can stop here. */
#define PYTHIA_CORRUPT SQLITE_CORRUPT_VTAB

#endif
