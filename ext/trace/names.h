/* names.h - the strings and trace points that a capture knows, as small integers.
**
** Services, operations, instances, attribute keys, request types, point names and textual ids are
** interned once per capture; spans carry numbers. Ids are dense, start at 1, are given in order of
** first sight and never change while they are stored: the store appends what is new.
**
** A trace point is the place in the code that makes events: (service, operation) for spans, (service,
** operation, name) for points in a span. Its text, `service/operation[/name]`, is interned too; reports of X-Trace that
** name no agent have an empty service and are called by the operation alone. */
#ifndef PYTHIA_TRACE_NAMES_H
#define PYTHIA_TRACE_NAMES_H

#include "ext/base/intern.h"
#include "ext/trace/record.h"

typedef struct PythiaTracepoint {
    uint32_t service, operation; /* strings */
    uint32_t point;              /* string; 0 for spans */
    uint32_t text;               /* string: the full name */
    PythiaHash128 hash;          /* of the full name, length first: equal on every machine */
} PythiaTracepoint;

typedef struct PythiaNames {
    PythiaIntern strings;
    PythiaTracepoint *tracepoints; /* tracepoints[id]; [0] unused */
    size_t tracepoints_capacity;
    uint32_t ntracepoints;
    uint32_t *slots; /* open addressing over (service, operation, point) */
    uint32_t mask;
    /* Resolution of the stamps of a service: the largest power of ten in ns that divides every start
    ** of its spans, as its exponent; PYTHIA_NO_RESOLUTION before the first span. Index: string id. */
    uint8_t *resolution;
    size_t resolution_capacity;
    uint32_t nresolution; /* entries in use */
} PythiaNames;

enum { PYTHIA_NO_RESOLUTION = 255 };

/* A zeroed PythiaNames is empty. All functions that intern return SQLITE_OK, NOMEM or FULL. */
int pythia_names_string(PythiaNames *names, PythiaText text, uint32_t *id);
int pythia_names_tracepoint(PythiaNames *names, uint32_t service, uint32_t operation,
                            uint32_t point, uint32_t *id);
void pythia_names_clear(PythiaNames *names);

static inline PythiaText pythia_names_text(const PythiaNames *names, uint32_t id) {
    return pythia_intern_text(&names->strings, id);
}

/* The full name of a trace point; empty for 0 or an id out of range. */
PythiaText pythia_names_tracepoint_text(const PythiaNames *names, uint32_t tracepoint);

/* Takes a start of a span of the service into account; start 0 says nothing. */
int pythia_names_observe(PythiaNames *names, uint32_t service, int64_t start_ns);
/* Stored knowledge: the exponent is taken over, or lowered to. */
int pythia_names_set_resolution(PythiaNames *names, uint32_t service, uint8_t exponent);
/* 10^exponent in ns; 1 when nothing is known. */
int64_t pythia_names_resolution_ns(const PythiaNames *names, uint32_t service);

/* The id of a reference: one of form PYTHIA_ID_TEXT is completed by interning its text. */
int pythia_names_text_id(PythiaNames *names, PythiaText text, PythiaId *id);

static inline int pythia_names_id(PythiaNames *names, const PythiaRef *ref, PythiaId *id) {
    *id = ref->id;
    return ref->id.form == PYTHIA_ID_TEXT ? pythia_names_text_id(names, ref->text, id) : SQLITE_OK;
}

/* Writes any id as text: numeric forms into buffer (at least PYTHIA_ID_CHARS bytes), texts as interned;
** empty for NONE. */
PythiaText pythia_names_id_text(const PythiaNames *names, PythiaId id, char *buffer);

/* The id that a text given by a user stands for; form NONE when no stored id can be written so. */
PythiaId pythia_names_find_id(const PythiaNames *names, PythiaText text);

#endif
