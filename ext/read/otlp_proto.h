/* otlp_proto.h - the wire form of protobuf, and parts of the OTLP protobuf reader.
**
** A message is a sequence of fields: a varint `number << 3 | type`, then a varint (type 0), eight bytes
** (1), a varint length and that many bytes (2), or four bytes (5). Groups (3, 4) are older than OTLP and
** count as broken. Every length is held against the bytes that are there before it is used. */
#ifndef PYTHIA_READ_OTLP_PROTO_H
#define PYTHIA_READ_OTLP_PROTO_H

#include "ext/base/bytes.h"
#include "ext/read/otlp.h"

/* The tags of the fields with a number, by type. */
#define PYTHIA_WIRE_VARINT(number)  ((uint64_t)(number) << 3)
#define PYTHIA_WIRE_FIXED64(number) ((uint64_t)(number) << 3 | 1)
#define PYTHIA_WIRE_BYTES(number)   ((uint64_t)(number) << 3 | 2)
#define PYTHIA_WIRE_FIXED32(number) ((uint64_t)(number) << 3 | 5)

typedef struct PythiaWire {
    const unsigned char *p, *end;
} PythiaWire;

typedef struct PythiaField {
    uint64_t tag;
    uint64_t value;  /* VARINT, FIXED64, FIXED32; BYTES: the length */
    PythiaText text; /* BYTES, borrowed */
} PythiaField;

static inline PythiaWire pythia_wire(PythiaText message) {
    const unsigned char *p = (const unsigned char *)message.p;
    return (PythiaWire){p, p ? p + message.n : p};
}

/* A varint of at most ten bytes; 0 when it is longer or cut off. What lies beyond 64 bits is dropped, as
** protobuf demands. */
static inline int pythia_wire_varint(PythiaWire *w, uint64_t *value) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70 && w->p < w->end; shift += 7) {
        unsigned char byte = *w->p++;
        v |= (uint64_t)(byte & 0x7f) << (shift & 63);
        if (byte & 0x80) continue;
        *value = v;
        return 1;
    }
    return 0;
}

enum { PYTHIA_WIRE_END = 0, PYTHIA_WIRE_FIELD, PYTHIA_WIRE_CUT, PYTHIA_WIRE_BROKEN };

/* The next field. CUT: of a BYTES field only the beginning is there; text is that. */
static inline int pythia_wire_next(PythiaWire *w, PythiaField *field) {
    if (w->p == w->end) return PYTHIA_WIRE_END;
    if (!pythia_wire_varint(w, &field->tag) || field->tag < 8) return PYTHIA_WIRE_BROKEN;
    size_t left, fixed = 8;
    switch (field->tag & 7) {
    case 0:
        return pythia_wire_varint(w, &field->value) ? PYTHIA_WIRE_FIELD : PYTHIA_WIRE_BROKEN;
    case 2:
        if (!pythia_wire_varint(w, &field->value)) return PYTHIA_WIRE_BROKEN;
        left = (size_t)(w->end - w->p);
        field->text = (PythiaText){(const char *)w->p, left};
        if (field->value > left) return PYTHIA_WIRE_CUT;
        field->text.n = (size_t)field->value;
        w->p += field->text.n;
        return PYTHIA_WIRE_FIELD;
    case 5:
        fixed = 4; /* fall through */
    case 1:
        if ((size_t)(w->end - w->p) < fixed) return PYTHIA_WIRE_BROKEN;
        field->value = fixed == 8 ? pythia_load64(w->p) : pythia_load32(w->p);
        w->p += fixed;
        return PYTHIA_WIRE_FIELD;
    default:
        return PYTHIA_WIRE_BROKEN;
    }
}

/* The reader of one file. */
typedef struct PythiaProto {
    PythiaReader *reader;
    /* Since they were last cleared: */
    int deep;      /* values nested too deep were left out */
    int not_utf8;  /* texts were mended */
    int no_traces; /* metrics or logs were passed over */
} PythiaProto;

/* A text of the message, with U+FFFD for what is no UTF-8. */
PythiaText pythia_proto_text(PythiaProto *proto, PythiaText text);

/* Appends a KeyValue. prefix: put before its key, or NULL. 0 when the bytes are no such message; then
** nothing was appended. A value nested deeper than 64 levels is left out. */
int pythia_proto_attribute(PythiaProto *proto, PythiaAttributes *list, PythiaText message,
                           const char *prefix);

#endif
