/* stored.h - tables whose rows are those of one shadow table: what they share. */
#ifndef PYTHIA_VTAB_STORED_H
#define PYTHIA_VTAB_STORED_H

#include "ext/capture/capture.h"
#include "vtab/vtab.h"

/* Fills rows from a statement over the cursor's store: its first column is the row's id, the others are the
** table's columns. sql as for pythia_store_prepare(). A schema without a store has no rows. */
int pythia_stored_fill(PythiaCursor *cursor, const char *sql);

/* Runs an INSERT, UPDATE or DELETE with ?1 the row's id (NULL for an INSERT that should choose it) and
** ?2 ... the values; sets *rowid for an INSERT. The store is made if there is none. */
int pythia_stored_write(PythiaVtab *vtab, const char *schema, const char *sql, int change,
                        sqlite3_value *const *values, int n, sqlite3_int64 *rowid);
/* The same, and then marks what is derived as stale. */
int pythia_stored_change(PythiaVtab *vtab, const char *schema, const char *sql, int change,
                         sqlite3_value *const *values, int n, int names_too, sqlite3_int64 *rowid);

/* Checks that a text is a pattern; SQLITE_CONSTRAINT with PCRE2's words and the position. */
int pythia_stored_pattern(PythiaVtab *vtab, PythiaText pattern);

/* xSync of tables whose rows decide what is derived. */
int pythia_stored_sync(PythiaVtab *vtab);

#endif
