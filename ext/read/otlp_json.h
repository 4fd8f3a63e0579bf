/* otlp_json.h - parts of the OTLP JSON reader. */
#ifndef PYTHIA_READ_OTLP_JSON_H
#define PYTHIA_READ_OTLP_JSON_H

#include "ext/read/reader.h"

/* Appends the KeyValues of an array (0: none). prefix: put before each key, or NULL. */
void pythia_otlp_attributes(PythiaReader *reader, PythiaAttributes *list, uint32_t array,
                            const char *prefix);

/* Appends one attribute from its AnyValue `value` (0: none). */
void pythia_otlp_attribute(PythiaReader *reader, PythiaAttributes *list, PythiaText name,
                           uint32_t value);

/* An id in hexadecimal or base64; the length tells (32 or 16 characters against 24 or 12). Zeros and
** the empty text are no id. */
PythiaRef pythia_otlp_id(PythiaText text);

/* The number of a kind or status written by name, with or without its prefix; -1: unknown. */
int pythia_otlp_kind_named(PythiaText name);
int pythia_otlp_status_named(PythiaText name);

#endif
