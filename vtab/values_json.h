/* values_json.h - the values of spans, points and resources as JSON objects, as the tables show them. */
#ifndef PYTHIA_VTAB_VALUES_JSON_H
#define PYTHIA_VTAB_VALUES_JSON_H

#include "ext/base/buf.h"
#include "ext/trace/trace.h"

/* What the resources of a trace add to the objects of their spans: made when a span first needs it, because many
** spans have the same resource. Zeroed: of no trace. */
typedef struct PythiaResourceJson {
    struct PythiaResourceText *texts; /* [resource] */
    size_t texts_capacity;
    PythiaBuf bytes;
} PythiaResourceJson;

/* Forgets what is kept, for another trace. */
int pythia_resource_json_begin(PythiaResourceJson *kept, const PythiaTrace *trace);
void pythia_resource_json_clear(PythiaResourceJson *kept);

/* The values of a span, then those of its resource that the span does not have; a resource's value whose key the span
** uses for another value is shown under "resource." and the key. kept: of this trace; NULL: nothing is to be kept. */
void pythia_span_json(PythiaBuf *out, const PythiaNames *names, const PythiaTrace *trace,
                      const PythiaSpan *span, PythiaResourceJson *kept);
/* Values that have no resource. */
void pythia_values_json(PythiaBuf *out, const PythiaNames *names, const PythiaValue *values,
                        uint32_t n);

#endif
