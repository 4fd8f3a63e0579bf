/* otlp_quick.h - the quick way through OTLP JSON of the usual shape. */
#ifndef PYTHIA_READ_OTLP_QUICK_H
#define PYTHIA_READ_OTLP_QUICK_H

#include "ext/read/reader.h"

enum { PYTHIA_OTLP_KNOWN = 64 };

/* A resource and the text it was read from. Resources come again and again, byte for byte. */
typedef struct PythiaOtlpKnown {
    PythiaText text;   /* n 0: none */
    PythiaArena arena; /* of the text and of the contents */
    PythiaResource resource;
} PythiaOtlpKnown;

/* What lies in reader->state. */
typedef struct PythiaOtlpState {
    PythiaOtlpKnown known[PYTHIA_OTLP_KNOWN];
} PythiaOtlpState;

/* Reads the document reader->text if it has the usual shape. 1: done. 0: it has not, and what was given to the
** sink until then is to be taken back; or reader->rc is set. */
int pythia_otlp_quick(PythiaReader *reader);
void pythia_otlp_state_release(void *state);

#endif
