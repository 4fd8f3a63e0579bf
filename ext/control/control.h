/* control.h - trace point control of one connection: from rows to programs, transactionally.
**
** Rules are rows, so that ROLLBACK and savepoints undo them without our doing. What is left to do happens
** at the end of a transaction that wrote pythia_control or pythia_backends, or that asked by
** pythia_control_run():
**
**   sync      (xSync, may fail) for every schema touched: loads the state, finds the changes that each
**             back end must be told, prepares them everywhere - a refusal abandons what was prepared and
**             fails the commit with its message - and writes what is being told, and the journal, into
**             the same transaction.
**   commit    (xCommit, cannot fail, must not write) applies. A change that a back end did not make is
**             kept in memory: readers see it as pending; the next sync of its schema writes that down and
**             tries again.
**   rollback  abandons what was prepared.
**
** A COMMIT that ends BUSY leaves the transaction open and comes again: sync then first takes back what it
** wrote and prepared the time before. A back end that cannot be reached from this connection is not told
** and does not refuse: its changes stay due. */
#ifndef PYTHIA_CONTROL_CONTROL_H
#define PYTHIA_CONTROL_CONTROL_H

#include "ext/control/state.h"
#include "ext/host.h"

/* The host's clock, in ns since 1970. */
int64_t pythia_control_now(void);

int pythia_control_open(sqlite3 *db, PythiaControl **control);
/* Safe with NULL. */
void pythia_control_close(PythiaControl *control);

/* Takes over what the host gave (copied); host->function NULL takes the callback away. */
int pythia_control_set_host(PythiaControl *control, const PythiaControlHost *host, char **error);

/* Loads the state of a schema as pythia_state_load() does, with the callback (schema main alone) and what
** is known of failures. store NULL: the schema has none. */
int pythia_control_state(PythiaControl *control, const char *schema, PythiaStore *store,
                         int64_t now_ns, PythiaPoll *poll, PythiaControlState *state, char **error);

/* Whether a back end lists a trace point of that name as one that cannot be switched off. */
int pythia_control_always_on(PythiaControl *control, const char *schema, PythiaStore *store,
                             PythiaText name, int *always_on, char **error);

/* What went wrong when changes were applied and is not written down yet; messages are borrowed. */
enum { PYTHIA_FAILURE_OF_RULE, PYTHIA_FAILURE_OF_BACKEND, PYTHIA_FAILURE_OF_LOG_ROW };
const char *pythia_control_failure(const PythiaControl *control, const char *schema, int of,
                                   int64_t id);

/* ---- transactions ---------------------------------------------------------------------------------- */

/* Called before a write to a schema's rules or back ends: the end of the transaction will look at it.
** all: tell everything that the rules say, not only what is due. SQLITE_LOCKED while back ends are being
** told. */
int pythia_control_touch(PythiaControl *control, const char *schema, int all, char **error);

/* Gives the store of a schema; NULL when it has none. */
typedef int (*PythiaControlStores)(void *context, const char *schema, PythiaStore **store,
                                   char **error);

/* `who` is a bit for each table that takes part; the first of them works for all. */
int pythia_control_sync(PythiaControl *control, unsigned who, PythiaControlStores stores,
                        void *context, char **error);
void pythia_control_commit(PythiaControl *control);
void pythia_control_rollback(PythiaControl *control);

/* Brings the programs to the rules of a schema: all that the rules say, or only what is due (after an
** import brought new trace points, or a rule expired). In autocommit mode at once; inside a transaction
** at its COMMIT. *told (may be NULL): changes told, 0 when that is yet to come. */
int pythia_control_run(PythiaControl *control, const char *schema, int all, int64_t *told,
                       char **error);

#endif
