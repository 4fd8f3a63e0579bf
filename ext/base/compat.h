/* compat.h - one binary for old and new hosts.
**
** Pythia is compiled against SQLite 3.40.1 and runs on 3.40 and up. sqlite3_module only ever grows
** at its end, and a host never looks behind the members that it knows, so the mirror below serves
** all of them. Newer calls are not named anywhere. */
#ifndef PYTHIA_BASE_COMPAT_H
#define PYTHIA_BASE_COMPAT_H

#include "ext/base/sqlite.h"

enum { PYTHIA_OLDEST_SQLITE = 3040000 };

/* sqlite3_module as of 3.44, whose one new member is xIntegrity (iVersion 4). */
typedef struct PythiaModule {
    sqlite3_module base;
#if SQLITE_VERSION_NUMBER < 3044000
    int (*xIntegrity)(sqlite3_vtab *table, const char *schema, const char *name, int quick,
                      char **problem);
#endif
} PythiaModule;

#endif
