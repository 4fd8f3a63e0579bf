/* jaeger.h - what the two ways through Jaeger's JSON share: the meaning of what was read. */
#ifndef PYTHIA_READ_JAEGER_H
#define PYTHIA_READ_JAEGER_H

#include "ext/read/reader.h"

typedef struct PythiaJaegerProcess {
    PythiaText id;
    PythiaResource resource;
} PythiaJaegerProcess;

/* The processes of one trace, in the arena, sorted by id. */
typedef struct PythiaJaegerTrace {
    PythiaText id;
    PythiaJaegerProcess *processes;
    size_t n;
} PythiaJaegerTrace;

void pythia_jaeger_sort(PythiaJaegerTrace *trace);
/* The resource of a process; NULL: there is none of that id. */
const PythiaResource *pythia_jaeger_process(const PythiaJaegerTrace *trace, PythiaText id);
/* Completes the resource whose attributes are in reader->resource and keeps it. */
void pythia_jaeger_resource(PythiaReader *reader, PythiaText service, PythiaResource *resource);

/* "0" is how no parent was written before there were references. */
static inline int pythia_jaeger_is_none(PythiaRef ref) {
    return ref.id.form == PYTHIA_ID_NONE ||
           (ref.id.form != PYTHIA_ID_TEXT && !ref.id.hi && !ref.id.lo);
}
int pythia_jaeger_equal(PythiaRef a, PythiaRef b);

/* Sets kind and status of the draft, which stand in its attributes. */
void pythia_jaeger_meaning(PythiaReader *reader);
/* Names the point by one of the attributes in reader->nested from `begin` on, and takes that out. */
void pythia_jaeger_name(PythiaReader *reader, PythiaPointRecord *point, size_t begin);

enum { PYTHIA_JAEGER_US = 1000 }; /* ns */

/* Reads the document reader->text if it is as Jaeger writes them; otherwise 0, as PythiaFormat.quick. */
int pythia_jaeger_quick(PythiaReader *reader);

#endif
