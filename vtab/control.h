/* control.h - the tables of trace point control: what they share. */
#ifndef PYTHIA_VTAB_CONTROL_H
#define PYTHIA_VTAB_CONTROL_H

#include "ext/collect/collect.h"
#include "ext/control/control.h"
#include "vtab/vtab.h"

extern const PythiaTable pythia_table_control;     /* pythia_control */
extern const PythiaTable pythia_table_tracepoints; /* pythia_tracepoints */
extern const PythiaTable pythia_table_backends;    /* pythia_backends */
extern const PythiaTable pythia_table_control_log; /* pythia_control_log */

/* The bits by which the writable ones take part in a transaction. */
enum { PYTHIA_SYNC_CONTROL = 1, PYTHIA_SYNC_BACKENDS = 2 };

/* Loads the state of the cursor's schema at the present time; clear it, also after a failure. */
int pythia_control_cursor_state(PythiaCursor *cursor, PythiaControlState *state);

/* Makes the store of a schema that is about to be written, and marks it for the end of the
** transaction. */
int pythia_control_vtab_store(PythiaVtab *vtab, const char *schema, PythiaStore **store);

/* xSync, xCommit and xRollback of both tables. */
int pythia_control_vtab_sync(PythiaVtab *vtab, unsigned who);
void pythia_control_vtab_commit(PythiaVtab *vtab);
void pythia_control_vtab_rollback(PythiaVtab *vtab);

/* A text that a user gave: p NULL for NULL. SQLITE_NOMEM where a number could not be turned into one. */
int pythia_control_text(sqlite3_value *value, PythiaText *text);

#endif
