/* fn_pivot.h - pythia_pivot(text): Pivot Tracing's language compiled to SQL.
**
** The text of one SELECT, without a semicolon, or an error with line and column; see ext/pivot/pivot.h for the
** language. The function looks at no traces: any name of a trace point will do. */
#ifndef PYTHIA_SQL_FN_PIVOT_H
#define PYTHIA_SQL_FN_PIVOT_H

#include "ext/base/error.h"

int pythia_fn_pivot_register(sqlite3 *db, char **error);

#endif
