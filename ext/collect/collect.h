/* collect.h - from running programs into the store: what arrived is taken in when somebody asks.
**
** A source holds records until they are collected: the rings of control pages, which are found through the
** rows of pythia_backends, and whatever a receiver adds with pythia_collect_add(). pythia_collect_run() gives
** the records of all sources to one intake, so that a trace may come in pieces from several of them.
**
** Transactions. What a source gave is in the database when the transaction commits, and only then may the
** source forget it: it is told by `commit`, or by `rollback` to keep everything. A source that must know
** what was taken even when a savepoint is rolled back, or when the process dies between the two, keeps a mark
** in the database (pythia_collect_mark...()), which is part of the same transaction, and looks at it in `sync`
** and when it is drained again. Taking the same record twice adds nothing. */
#ifndef PYTHIA_COLLECT_COLLECT_H
#define PYTHIA_COLLECT_COLLECT_H

#include "ext/base/buf.h"
#include "ext/capture/import.h"
#include "ext/store/rules.h"

typedef struct PythiaCollect PythiaCollect;

typedef struct PythiaSource {
    void *self;
    const char *name; /* borrowed; the file of its problems */
    /* Gives what has arrived to the sink, as a format reader does. Resources take their serials from
    ** *serial. *records is raised by what was given. */
    int (*drain)(void *self, PythiaStore *store, const PythiaSink *sink, uint64_t *serial,
                 int64_t *records, char **error);
    /* Before a commit, when statements can still be run. */
    int (*sync)(void *self, PythiaStore *store, char **error);
    void (*commit)(void *self);
    void (*rollback)(void *self);
    void (*close)(void *self);
} PythiaSource;

int pythia_collect_open(sqlite3 *db, PythiaCollect **collect);
/* Closes every source. Safe with NULL. */
void pythia_collect_close(PythiaCollect *collect);

/* Adds a source that serves one schema; `close` is called when it is removed or the connection closes, also
** when adding fails. */
int pythia_collect_add(PythiaCollect *collect, const char *schema, const PythiaSource *source);
/* Removes the source with that self. What it gave in a transaction that is still open is as if it was rolled
** back. */
void pythia_collect_remove(PythiaCollect *collect, const void *self);

/* Takes in what has arrived for a schema. *records: how many records that was. */
int pythia_collect_run(PythiaCollect *collect, PythiaSession *session, const char *schema,
                       int64_t *records, char **error);

/* For the end of the transaction: xSync, xCommit and xRollback of pythia_control. Safe with NULL. */
typedef int (*PythiaCollectStores)(void *context, const char *schema, PythiaStore **store,
                                   char **error);
int pythia_collect_sync(PythiaCollect *collect, PythiaCollectStores stores, void *context,
                        char **error);
void pythia_collect_commit(PythiaCollect *collect);
void pythia_collect_rollback(PythiaCollect *collect);

/* What a source remembers in the database, by a key; reading gives no bytes where there is nothing. An empty
** mark removes. */
int pythia_collect_mark_read(PythiaStore *store, const char *key, PythiaBuf *mark, char **error);
int pythia_collect_mark_write(PythiaStore *store, const char *key, PythiaText mark, char **error);

/* pages.c: the control pages that a schema's rows name, as one source. */
int pythia_pages_source(PythiaSource *source);

#endif
