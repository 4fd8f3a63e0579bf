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

int pythia_wire_varint(PythiaWire *w, uint64_t *value) {
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

int pythia_wire_any(PythiaWire *w, PythiaField *field) {
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

/* The text that was the value the last time, which was UTF-8 then, or another. */
static void text_again(PythiaProto *x, PythiaKnownPair *pair, PythiaText text, PythiaAttribute *a) {
    PythiaAtoms *atoms = x->reader->atoms;
    a->type = PYTHIA_VALUE_TEXT;
    if (pair->text && pythia_atom_is(atoms, pair->text, text)) {
        a->text = (PythiaText){atoms->texts[pair->text].p, text.n};
        a->text_atom = pair->text;
        return;
    }
    a->text = pythia_proto_text(x, text);
    a->text_atom = pair->text = pythia_atom(atoms, &a->text);
}

/* A plain AnyValue of one field and nothing else. 0: it is not. */
static int value_again(PythiaProto *x, PythiaKnownPair *pair, PythiaText message,
                       PythiaAttribute *a) {
    PythiaWire w = pythia_wire(message);
    PythiaField value;
    if (pythia_wire_next(&w, &value) != PYTHIA_WIRE_FIELD || w.p != w.end) return 0;
    switch (value.tag) {
    case PYTHIA_WIRE_BYTES(1):
        text_again(x, pair, value.text, a);
        return 1;
    case PYTHIA_WIRE_VARINT(2):
    case PYTHIA_WIRE_VARINT(3):
    case PYTHIA_WIRE_FIXED64(4):
        value_read(x, &value, a);
        return 1;
    default:
        return 0;
    }
}

/* A KeyValue that begins as the pair, and whose value is plain and goes on to its end. 0: it is not, and nothing was
** done. */
static int attribute_again(PythiaProto *x, PythiaAttributes *list, PythiaKnownPair *pair,
                           PythiaText message) {
    PythiaReader *r = x->reader;
    size_t begin = pair->n;
    if (!begin || message.n <= begin || !pythia_bytes_equal(message.p, pair->bytes, begin))
        return 0;
    PythiaText value = {message.p + begin + 1, message.n - begin - 1};
    if (value.n >= 0x80 || (unsigned char)message.p[begin] != value.n) return 0;
    const PythiaAtomText *key = &r->atoms->texts[pair->key];
    PythiaAttribute *a = pythia_attributes_add(r, list, (PythiaText){key->p, key->n});
    if (!a) return 1;
    a->key_atom = pair->key;
    if (value_again(x, pair, value, a)) return 1;
    list->n--;
    return 0;
}

/* How many bytes a KeyValue has before the length of its value, where it is of the usual form; else 0. */
static size_t pair_begin(PythiaText message, PythiaText key) {
    enum { TAG_BYTES = 2 };
    return message.n > TAG_BYTES + key.n + 1 && message.p[0] == PYTHIA_WIRE_BYTES(1) &&
                   key.p == message.p + TAG_BYTES &&
                   message.p[TAG_BYTES + key.n] == PYTHIA_WIRE_BYTES(2)
               ? TAG_BYTES + key.n + 1
               : 0;
}

int pythia_proto_attribute(PythiaProto *proto, PythiaAttributes *list, PythiaText message,
                           const char *prefix) {
    PythiaReader *r = proto->reader;
    PythiaText key, bytes;
    PythiaField value;
    PythiaKnownPair *pair = pythia_known_pair(r, list);
    if (pair && attribute_again(proto, list, pair, message)) return 1;
    if (!pair_open(message, &key, &bytes) || !any_open(bytes, &value)) return 0;
    key = pythia_proto_text(proto, key);
    size_t begin = pair_begin(message, key);
    if (prefix) {
        pythia_buf_str(&r->scratch, prefix);
        pythia_buf_text(&r->scratch, key);
        key = pythia_reader_scratch(r);
    }
    PythiaAttribute *attribute = pythia_attributes_add(r, list, key);
    if (!attribute) return 1;
    int result = value_read(proto, &value, attribute);
    if (result != RESULT_GOOD)
        list->n--;
    else if (pair && begin)
        pythia_known_pair_set(r, pair, (PythiaText){message.p, begin}, attribute);
    if (result == RESULT_DEEP) proto->deep = 1;
    return result != RESULT_BROKEN;
}
