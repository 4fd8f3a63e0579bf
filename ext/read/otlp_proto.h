/* otlp_proto.h - the wire form of protobuf, and parts of the OTLP protobuf reader.
**
** A message is a sequence of fields: a varint `number << 3 | type`, then a varint (type 0), eight bytes
** (1), a varint length and that many bytes (2), or four bytes (5). Groups (3, 4) are older than OTLP and
** count as broken. Every length is held against the bytes that are there before it is used. */
#ifndef PYTHIA_READ_OTLP_PROTO_H
#define PYTHIA_READ_OTLP_PROTO_H

#include "ext/base/bytes.h"
#include "ext/read/known.h"
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
int pythia_wire_varint(PythiaWire *w, uint64_t *value);

enum { PYTHIA_WIRE_END = 0, PYTHIA_WIRE_FIELD, PYTHIA_WIRE_CUT, PYTHIA_WIRE_BROKEN };

/* pythia_wire_next() of any field. */
int pythia_wire_any(PythiaWire *w, PythiaField *field);

/* The next field. CUT: of a BYTES field only the beginning is there; text is that. Here for the usual ones: a tag of
** one byte, and a length of two at most or a number of one. */
static inline int pythia_wire_next(PythiaWire *w, PythiaField *field) {
    const unsigned char *p = w->p;
    ptrdiff_t left = w->end - p;
    if (left < 2 || p[0] < 8 || p[0] >= 0x80) return pythia_wire_any(w, field);
    field->tag = p[0];
    field->value = p[1];
    switch (p[0] & 7) {
    case 0:
        if (p[1] >= 0x80) break;
        w->p = p + 2;
        return PYTHIA_WIRE_FIELD;
    case 1:
        if (left < 9) break;
        field->value = pythia_load64(p + 1);
        w->p = p + 9;
        return PYTHIA_WIRE_FIELD;
    case 2:
        p += 2;
        left -= 2;
        if (field->value >= 0x80) {
            if (!left || *p >= 0x80) break;
            field->value += ((uint64_t)*p++ << 7) - 0x80;
            left--;
        }
        if ((uint64_t)left < field->value) break;
        field->text = (PythiaText){(const char *)p, field->value};
        w->p = p + field->value;
        return PYTHIA_WIRE_FIELD;
    default:
        break;
    }
    return pythia_wire_any(w, field);
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
