/* plain.h - values that a format writes as plain text, and whose type and unit only their looks tell. */
#ifndef PYTHIA_READ_PLAIN_H
#define PYTHIA_READ_PLAIN_H

#include "ext/read/reader.h"

/* A date and time as in ISO 8601, "2026-04-25T15:30:00.523261+02:00": four digits of year, 'T' or a
** space, any fraction of the second (cut at the nanosecond), no zone or "Z" for UTC. ns since 1970; 0
** when the text is none. */
int pythia_plain_date_ns(PythiaText text, int64_t *ns);

/* The unit of a time since 1970 that does not name it, in ns: seconds below 10^11 (the year 5138), then
** milliseconds below 10^14, microseconds below 10^17, nanoseconds. */
int64_t pythia_plain_unit_ns(double time);

/* Appends a text as INT or DOUBLE where it is written as a number is, without leading zeros (those are
** the marks of ids), else as TEXT. */
void pythia_plain_attribute(PythiaReader *reader, PythiaAttributes *list, PythiaText key,
                            PythiaText value);

/* Whether the bytes are UTF-8 (RFC 3629). */
int pythia_plain_is_utf8(PythiaText text);

#endif
