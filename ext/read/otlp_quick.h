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

enum { PYTHIA_OTLP_MEMBERS = 16 }; /* of a span, known and not */

/* The key of a member and its colon as they were written the last time, in words to be compared at once; n 0: none. */
typedef struct PythiaOtlpKey {
    uint64_t words[3], masks[3];
    unsigned n;
} PythiaOtlpKey;

/* What lies in reader->state. */
typedef struct PythiaOtlpState {
    PythiaOtlpKnown known[PYTHIA_OTLP_KNOWN];
    PythiaOtlpKey keys[PYTHIA_OTLP_MEMBERS];
    unsigned char after[PYTHIA_OTLP_MEMBERS]; /* [member]: the one that came after it */
} PythiaOtlpState;

/* Reads the document reader->text if it has the usual shape. 1: done. 0: it has not, and what was given to the
** sink until then is to be taken back; or reader->rc is set. */
int pythia_otlp_quick(PythiaReader *reader);
void pythia_otlp_state_release(void *state);

#endif
