/* host.h - what one database connection has of Pythia; the `pAux` of every module and function.
**
** Made by ext/pythia.c when the extension is loaded into a connection, reference-counted there, and
** freed when the last module or function that holds it is destroyed, that is when the connection
** closes. Used by one thread at a time, as the connection is. */
#ifndef PYTHIA_HOST_H
#define PYTHIA_HOST_H

#include "ext/base/sqlite.h"

typedef struct PythiaSession PythiaSession; /* ext/capture/session.h: the open captures */
typedef struct PythiaControl PythiaControl; /* ext/control/control.h: back ends, pending changes */
typedef struct PythiaLoop PythiaLoop;       /* ext/loop/loop.h: the search space, at hand */
typedef struct PythiaCollect PythiaCollect; /* ext/collect/collect.h: sources of records */

typedef struct PythiaReceiver PythiaReceiver; /* ext/receive/receive.h: what programs send */

typedef struct PythiaHost {
    sqlite3 *db;              /* borrowed */
    PythiaSession *session;   /* owned */
    PythiaControl *control;   /* owned */
    int in_query;             /* a table over the text of a query is reading it: vtab/subquery.c */
    PythiaLoop *loop;         /* owned */
    PythiaCollect *collect;   /* owned */
    PythiaReceiver *receiver; /* a source of collect, which owns it; NULL: there never was one */
    int references;
} PythiaHost;

#endif
