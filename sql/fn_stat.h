/* fn_stat.h - the statistical SQL functions.
**
** Aggregates over one column (cov, median, dip, modes, histogram, ...), over pairs (corr,
** covar_samp, ...), over two sides of a column (ks, wasserstein, ...) and over many columns (cca).
** NULL is skipped - where a function takes several columns, a row with a NULL in any of them; text
** or a blob that is no number is an error; an infinite value makes the result NULL; no values give
** NULL. */
#ifndef PYTHIA_SQL_FN_STAT_H
#define PYTHIA_SQL_FN_STAT_H

#include "ext/base/sqlite.h"

/* Registers all of them on the connection. On failure *error names the function. */
int pythia_fn_stat_register(sqlite3 *db, char **error);

#endif
