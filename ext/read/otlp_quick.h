/* otlp_quick.h - the quick way through OTLP JSON of the usual shape. */
#ifndef PYTHIA_READ_OTLP_QUICK_H
#define PYTHIA_READ_OTLP_QUICK_H

#include "ext/read/json_scan.h"
#include "ext/read/known.h"

/* Reads the document reader->text if it has the usual shape. 1: done. 0: it has not, and what was given to the
** sink until then is to be taken back; or reader->rc is set. */
int pythia_otlp_quick(PythiaReader *reader);

/* The reading of one document. */
typedef struct PythiaOtlpQuick {
    PythiaJsonScan in;
    PythiaReader *r;
    PythiaKnown *state;
    PythiaKnownTrace trace;
} PythiaOtlpQuick;

/* A list of KeyValue: appended to one of the reader's lists. 1, or 0 to give up. */
int pythia_otlp_quick_attributes(PythiaOtlpQuick *quick, PythiaAttributes *list);

#endif
