/* subquery.h - tables over the rows of a query that is given as text. */
#ifndef PYTHIA_VTAB_SUBQUERY_H
#define PYTHIA_VTAB_SUBQUERY_H

#include "vtab/vtab.h"

/* Prepares the text, which must be one statement that returns rows and changes nothing: a SELECT, WITH
** or VALUES. Tables that take such a text are to be DIRECTONLY. Until pythia_subquery_close(), which must
** follow a success before the cursor's function returns, another one is refused: a query cannot read, by
** whatever detour, from a table over a query, and so none can read itself. SQLITE_OK, or the failure with
** the table's message. */
int pythia_subquery_open(PythiaCursor *cursor, sqlite3_value *text, sqlite3_stmt **statement);
void pythia_subquery_close(PythiaCursor *cursor, sqlite3_stmt *statement);

/* The table's message for a failed step of the statement; returns its code. */
int pythia_subquery_failed(PythiaCursor *cursor, sqlite3_stmt *statement);

#endif
