/* otlp_json.h - parts of the OTLP JSON reader. */
#ifndef PYTHIA_READ_OTLP_JSON_H
#define PYTHIA_READ_OTLP_JSON_H

#include "ext/read/reader.h"

/* Appends the KeyValues of an array (0: none). prefix: put before each key, or NULL. */
void pythia_otlp_attributes(PythiaReader *reader, PythiaAttributes *list, uint32_t array,
                            const char *prefix);

/* An id in hexadecimal or base64; the length tells (32 or 16 characters against 24 or 12). Zeros and
** the empty text are no id. */
PythiaRef pythia_otlp_id(PythiaText text);

#endif
