/* fn_text.h - SQL functions on text: regular expressions and durations. */
#ifndef PYTHIA_SQL_FN_TEXT_H
#define PYTHIA_SQL_FN_TEXT_H

#include "ext/base/sqlite.h"

/* Registers on a connection, all of them deterministic and innocuous:
**
**   subject REGEXP pattern                  1 where the pattern is found anywhere, else 0
**   regexp(pattern, subject)                the same
**   regexp_extract(text, pattern [, group]) what the group (0: the whole match) of the first match
**                                           covers; NULL where nothing matches
**   regexp_replace(text, pattern, new)      every match replaced; $1 or ${name} stand for groups
**   format_ns(n)                            nanoseconds with three digits and a unit: '1.24 ms'
**   parse_duration(text)                    the reverse: '1.5ms', '2 min 3 s' to integer nanoseconds
**
** A NULL argument gives NULL. On failure the SQLite result code, with a message in *error. */
int pythia_fn_text_register(sqlite3 *db, char **error);

#endif
