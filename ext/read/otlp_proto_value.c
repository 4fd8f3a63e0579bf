/* otlp_proto_value.c - see otlp_proto.h: the KeyValue and AnyValue of OTLP's protobuf form.
**
**   KeyValue      1 key, string          2 value, AnyValue
**   AnyValue      one of: 1 string  2 bool  3 int64  4 double  5 ArrayValue  6 KeyValueList  7 bytes
**   ArrayValue    1 values, AnyValue, repeated
**   KeyValueList  1 values, KeyValue, repeated
**
** Of several members of an AnyValue the last counts, as protobuf says. Arrays and lists become JSON text
** the way the JSON form's reader makes it, with a stack of fixed size instead of recursion. */
#include "ext/read/otlp_proto.h"

enum { DEPTH_MAX = 64 };

enum { RESULT_GOOD = 0, RESULT_BROKEN, RESULT_DEEP };

PythiaText pythia_proto_text(PythiaProto *proto, PythiaText text) {
    if (pythia_text_is_utf8(text)) return text;
    proto->not_utf8 = 1;
    pythia_buf_utf8(&proto->reader->scratch, text);
    return pythia_reader_scratch(proto->reader);
}

static void base64_write(PythiaBuf *out, PythiaText bytes) {
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)bytes.p;
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t n = bytes.n - i < 3 ? bytes.n - i : 3;
        uint32_t bits = (uint32_t)p[i] << 16;
        if (n > 1) bits |= (uint32_t)p[i + 1] << 8;
        if (n > 2) bits |= p[i + 2];
        char four[4] = {digit[bits >> 18], digit[bits >> 12 & 63],
                        n > 1 ? digit[bits >> 6 & 63] : '=', n > 2 ? digit[bits & 63] : '='};
        pythia_buf_bytes(out, four, sizeof four);
    }
}

/* What an AnyValue holds; tag 0: nothing. 0 when it is broken. */
static int any_open(PythiaText message, PythiaField *value) {
    PythiaWire w = pythia_wire(message);
    PythiaField field;
    int next;
    value->tag = 0;
    while ((next = pythia_wire_next(&w, &field)) == PYTHIA_WIRE_FIELD)
        switch (field.tag) {
        case PYTHIA_WIRE_BYTES(1):
        case PYTHIA_WIRE_VARINT(2):
        case PYTHIA_WIRE_VARINT(3):
        case PYTHIA_WIRE_FIXED64(4):
        case PYTHIA_WIRE_BYTES(5):
        case PYTHIA_WIRE_BYTES(6):
        case PYTHIA_WIRE_BYTES(7):
            *value = field;
            break;
        default: /* unknown */
            break;
        }
    return next == PYTHIA_WIRE_END;
}

/* The key and the value of a KeyValue; the value is empty where there is none. */
static int pair_open(PythiaText message, PythiaText *key, PythiaText *value) {
    PythiaWire w = pythia_wire(message);
    PythiaField field;
    int next;
    *key = *value = (PythiaText){"", 0};
    while ((next = pythia_wire_next(&w, &field)) == PYTHIA_WIRE_FIELD)
        if (field.tag == PYTHIA_WIRE_BYTES(1))
            *key = field.text;
        else if (field.tag == PYTHIA_WIRE_BYTES(2))
            *value = field.text;
    return next == PYTHIA_WIRE_END;
}

static double field_double(const PythiaField *field) {
    double real;
    memcpy(&real, &field->value, sizeof real);
    return real;
}

/* ---- arrays and lists as JSON ---- */

typedef struct AnyFrame {
    PythiaWire rest;
    int list;
    int first;
} AnyFrame;

static void any_write_scalar(PythiaProto *x, const PythiaField *value, PythiaBuf *out) {
    switch (value->tag) {
    case PYTHIA_WIRE_BYTES(1):
        if (!pythia_text_is_utf8(value->text)) x->not_utf8 = 1;
        pythia_buf_json_text(out, value->text);
        break;
    case PYTHIA_WIRE_VARINT(2):
        pythia_buf_str(out, value->value ? "true" : "false");
        break;
    case PYTHIA_WIRE_VARINT(3):
        pythia_buf_format(out, "%lld", (long long)value->value);
        break;
    case PYTHIA_WIRE_FIXED64(4):
        pythia_buf_json_double(out, field_double(value));
        break;
    case PYTHIA_WIRE_BYTES(7):
        pythia_buf_byte(out, '"');
        base64_write(out, value->text);
        pythia_buf_byte(out, '"');
        break;
    default:
        pythia_buf_str(out, "null");
    }
}

static void any_push(AnyFrame *frames, size_t *depth, const PythiaField *value, PythiaBuf *out) {
    int list = value->tag == PYTHIA_WIRE_BYTES(6);
    pythia_buf_byte(out, list ? '{' : '[');
    frames[(*depth)++] = (AnyFrame){pythia_wire(value->text), list, 1};
}

/* The next item of the frame: for lists its key is written. WIRE_END at its end. */
static int any_item(PythiaProto *x, AnyFrame *frame, PythiaField *value, PythiaBuf *out) {
    PythiaField field = {0, 0, {NULL, 0}};
    PythiaText key, item;
    int next = pythia_wire_next(&frame->rest, &field);
    while (next == PYTHIA_WIRE_FIELD && field.tag != PYTHIA_WIRE_BYTES(1))
        next = pythia_wire_next(&frame->rest, &field);
    if (next != PYTHIA_WIRE_FIELD) return next;
    if (!frame->first) pythia_buf_byte(out, ',');
    frame->first = 0;
    item = field.text;
    if (frame->list) {
        if (!pair_open(field.text, &key, &item)) return PYTHIA_WIRE_BROKEN;
        if (!pythia_text_is_utf8(key)) x->not_utf8 = 1;
        pythia_buf_json_text(out, key);
        pythia_buf_byte(out, ':');
    }
    return any_open(item, value) ? PYTHIA_WIRE_FIELD : PYTHIA_WIRE_BROKEN;
}

static int any_write(PythiaProto *x, const PythiaField *value, PythiaBuf *out) {
    AnyFrame frames[DEPTH_MAX];
    size_t depth = 0;
    any_push(frames, &depth, value, out);
    while (depth && out->rc == SQLITE_OK) {
        AnyFrame *frame = &frames[depth - 1];
        PythiaField item;
        int next = any_item(x, frame, &item, out);
        if (next == PYTHIA_WIRE_END) {
            pythia_buf_byte(out, frame->list ? '}' : ']');
            depth--;
        } else if (next != PYTHIA_WIRE_FIELD) {
            return RESULT_BROKEN;
        } else if (item.tag != PYTHIA_WIRE_BYTES(5) && item.tag != PYTHIA_WIRE_BYTES(6)) {
            any_write_scalar(x, &item, out);
        } else {
            if (depth == DEPTH_MAX) return RESULT_DEEP;
            any_push(frames, &depth, &item, out);
        }
    }
    return RESULT_GOOD;
}

/* ---- attributes ---- */

static int value_read(PythiaProto *x, const PythiaField *value, PythiaAttribute *a) {
    PythiaReader *r = x->reader;
    int result = RESULT_GOOD;
    switch (value->tag) {
    case PYTHIA_WIRE_BYTES(1):
        a->type = PYTHIA_VALUE_TEXT;
        a->text = pythia_proto_text(x, value->text);
        break;
    case PYTHIA_WIRE_VARINT(2):
        a->type = PYTHIA_VALUE_BOOL;
        a->integer = value->value != 0;
        break;
    case PYTHIA_WIRE_VARINT(3):
        a->type = PYTHIA_VALUE_INT;
        a->integer = (int64_t)value->value;
        break;
    case PYTHIA_WIRE_FIXED64(4):
        a->type = PYTHIA_VALUE_DOUBLE;
        a->real = field_double(value);
        break;
    case PYTHIA_WIRE_BYTES(5):
    case PYTHIA_WIRE_BYTES(6):
        a->type = PYTHIA_VALUE_JSON;
        result = any_write(x, value, &r->scratch);
        if (result != RESULT_GOOD) r->scratch.n = 0;
        a->text = pythia_reader_scratch(r);
        break;
    case PYTHIA_WIRE_BYTES(7):
        a->type = PYTHIA_VALUE_BYTES;
        base64_write(&r->scratch, value->text);
        a->text = pythia_reader_scratch(r);
        break;
    default:
        a->type = PYTHIA_VALUE_JSON;
        a->text = PYTHIA_TEXT("null");
    }
    return result;
}

int pythia_proto_attribute(PythiaProto *proto, PythiaAttributes *list, PythiaText message,
                           const char *prefix) {
    PythiaReader *r = proto->reader;
    PythiaText key, bytes;
    PythiaField value;
    if (!pair_open(message, &key, &bytes) || !any_open(bytes, &value)) return 0;
    key = pythia_proto_text(proto, key);
    if (prefix) {
        pythia_buf_str(&r->scratch, prefix);
        pythia_buf_text(&r->scratch, key);
        key = pythia_reader_scratch(r);
    }
    PythiaAttribute *attribute = pythia_attributes_add(r, list, key);
    if (!attribute) return 1;
    int result = value_read(proto, &value, attribute);
    if (result != RESULT_GOOD) list->n--;
    if (result == RESULT_DEEP) proto->deep = 1;
    return result != RESULT_BROKEN;
}
