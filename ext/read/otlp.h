/* otlp.h - what the two forms of OTLP, JSON and protobuf, share: the meaning of what was read. */
#ifndef PYTHIA_READ_OTLP_H
#define PYTHIA_READ_OTLP_H

#include "ext/read/reader.h"
#include "ext/read/split.h"

/* Completes the resource whose attributes are in reader->resource: its service and its instance stand
** in them. */
void pythia_otlp_resource(PythiaReader *reader, PythiaResource *resource);

/* Begins reader->shared with the instrumentation scope; either text may be empty. Its attributes are
** appended to that list with PYTHIA_OTLP_SCOPE before their keys; when it is complete it is to be kept
** (pythia_attributes_keep), since all spans of the scope get it. */
void pythia_otlp_scope(PythiaReader *reader, PythiaText name, PythiaText version);
#define PYTHIA_OTLP_SCOPE "otel.scope."
/* Gives the draft what is in reader->shared. An attribute PYTHIA_OTLP_SPANS of the scope is no attribute of
** its spans but says what they are: halves of a workflow with an anchor, or single events. */
void pythia_otlp_shared(PythiaReader *reader);
#define PYTHIA_OTLP_SPANS    "pythia.spans"
#define PYTHIA_OTLP_ANCHORED "workflow"
#define PYTHIA_OTLP_EVENT    "events"

/* Sets the kind of the link that was added last by the attribute PYTHIA_OTLP_REF_TYPE among those from
** `begin` on in reader->nested, and takes that out. Without one the link is a plain one. */
void pythia_otlp_link_kind(PythiaReader *reader, PythiaLinkRecord *link, size_t begin);
#define PYTHIA_OTLP_REF_TYPE     "opentracing.ref_type"
#define PYTHIA_OTLP_CHILD_OF     "child_of"
#define PYTHIA_OTLP_FOLLOWS_FROM "follows_from"

/* PYTHIA_KIND_* of a number of the protocol. */
int pythia_otlp_kind(int64_t number);
/* Sets the draft's status from a number of the protocol, and its message where there is one. */
void pythia_otlp_status(PythiaReader *reader, int64_t number, PythiaText message);
void pythia_otlp_trace_state(PythiaReader *reader, PythiaAttributes *list, PythiaText state);

/* Sets the draft's times, ns; 0 is what the protocol writes for a time that is not set. Returns 0 when
** there are none: the draft was then rejected. */
int pythia_otlp_times(PythiaReader *reader, int64_t start_ns, int64_t end_ns);

/* What the program left out. Nothing is appended where that is nothing. */
enum { PYTHIA_OTLP_ATTRIBUTES = 0, PYTHIA_OTLP_EVENTS, PYTHIA_OTLP_LINKS };
void pythia_otlp_dropped(PythiaReader *reader, PythiaAttributes *list, int what, int64_t count);

/* otlp_proto.c */
int pythia_otlp_proto_sniff(PythiaText start);
int pythia_otlp_proto_stream(PythiaReader *reader, PythiaSplit *split, char **error);

#endif
