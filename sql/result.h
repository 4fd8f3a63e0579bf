/* result.h - how SQL functions end. */
#ifndef PYTHIA_SQL_RESULT_H
#define PYTHIA_SQL_RESULT_H

#include "ext/base/sqlite.h"

/* Ends a function with an engine's result: the message where there is one. Takes over error. */
void pythia_result_failure(sqlite3_context *context, int rc, char *error);

#endif
