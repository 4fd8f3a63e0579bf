/* otlp_value.c - see otlp_json.h: AnyValue, KeyValue and ids of OTLP's JSON form. */
#include "ext/read/otlp_json.h"

#include <math.h>

/* The members of AnyValue. */
typedef enum AnyKind {
    ANY_NONE = 0,
    ANY_STRING,
    ANY_BOOL,
    ANY_INT,
    ANY_DOUBLE,
    ANY_ARRAY,
    ANY_KVLIST,
    ANY_BYTES,
    ANY_PLAIN /* not wrapped at all: a JSON value where an AnyValue should be */
} AnyKind;

static AnyKind any_kind_of(PythiaText key) {
    if (PYTHIA_TEXT_IS(key, "stringValue") || PYTHIA_TEXT_IS(key, "string_value"))
        return ANY_STRING;
    if (PYTHIA_TEXT_IS(key, "intValue") || PYTHIA_TEXT_IS(key, "int_value")) return ANY_INT;
    if (PYTHIA_TEXT_IS(key, "boolValue") || PYTHIA_TEXT_IS(key, "bool_value")) return ANY_BOOL;
    if (PYTHIA_TEXT_IS(key, "doubleValue") || PYTHIA_TEXT_IS(key, "double_value"))
        return ANY_DOUBLE;
    if (PYTHIA_TEXT_IS(key, "arrayValue") || PYTHIA_TEXT_IS(key, "array_value")) return ANY_ARRAY;
    if (PYTHIA_TEXT_IS(key, "kvlistValue") || PYTHIA_TEXT_IS(key, "kvlist_value"))
        return ANY_KVLIST;
    if (PYTHIA_TEXT_IS(key, "bytesValue") || PYTHIA_TEXT_IS(key, "bytes_value")) return ANY_BYTES;
    return ANY_NONE;
}

/* What an AnyValue holds: *at moves from the object to the value inside. */
static AnyKind any_open(const PythiaJson *j, uint32_t *at) {
    if (!*at || pythia_json_type(j, *at) == 'n') return ANY_NONE;
    if (!pythia_json_is_object(j, *at)) return ANY_PLAIN;
    for (uint32_t key = pythia_json_first(j, *at); key; key = pythia_json_after(j, key + 1)) {
        AnyKind kind = any_kind_of(pythia_json_text(j, key));
        if (kind == ANY_NONE) continue;
        *at = key + 1;
        return kind;
    }
    return ANY_NONE;
}

/* A double whose JSON form is null came from a NaN or an infinity: JavaScript has no other way. */
static double any_double(const PythiaJson *j, uint32_t at) {
    double real;
    return pythia_json_double(j, at, &real) == PYTHIA_JSON_GOOD ? real : NAN;
}

/* ---- arrays and lists as plain JSON ---- */

/* An open array or list: the item (for lists: the KeyValue) to go on with. */
typedef struct AnyFrame {
    uint32_t next;
    int list;
    int first;
} AnyFrame;

enum {
    ANY_DEPTH = PYTHIA_JSON_DEPTH_MAX / 2
}; /* an AnyValue in another takes three levels and more */

static void any_write_scalar(const PythiaJson *j, AnyKind kind, uint32_t at, PythiaBuf *out) {
    int64_t integer;
    switch (kind) {
    case ANY_NONE:
        pythia_buf_str(out, "null");
        break;
    case ANY_INT:
        if (pythia_json_int64(j, at, &integer) == PYTHIA_JSON_GOOD)
            pythia_buf_format(out, "%lld", (long long)integer);
        else
            pythia_buf_json_double(out, any_double(j, at));
        break;
    case ANY_DOUBLE:
        pythia_buf_json_double(out, any_double(j, at));
        break;
    default:
        pythia_json_write(j, at, out);
    }
}

/* Opens the array or list at `at`, whose items are in its member `values`. */
static void any_push(const PythiaJson *j, AnyFrame *frames, size_t *depth, AnyKind kind,
                     uint32_t at, PythiaBuf *out) {
    uint32_t values = pythia_json_is_array(j, at) ? at : PYTHIA_JSON_FIND(j, at, "values");
    pythia_buf_byte(out, kind == ANY_KVLIST ? '{' : '[');
    frames[(*depth)++] = (AnyFrame){pythia_json_first(j, values), kind == ANY_KVLIST, 1};
}

static void any_write(const PythiaJson *j, AnyKind kind, uint32_t at, PythiaBuf *out) {
    AnyFrame frames[ANY_DEPTH];
    size_t depth = 0;
    any_push(j, frames, &depth, kind, at, out);
    while (depth && out->rc == SQLITE_OK) {
        AnyFrame *frame = &frames[depth - 1];
        uint32_t item = frame->next;
        if (!item) {
            pythia_buf_byte(out, frame->list ? '}' : ']');
            depth--;
            continue;
        }
        frame->next = pythia_json_after(j, item);
        if (!frame->first) pythia_buf_byte(out, ',');
        frame->first = 0;
        if (frame->list) {
            pythia_buf_json_text(out, pythia_json_text(j, PYTHIA_JSON_FIND(j, item, "key")));
            pythia_buf_byte(out, ':');
            item = PYTHIA_JSON_FIND(j, item, "value");
        }
        kind = any_open(j, &item);
        if (kind == ANY_ARRAY || kind == ANY_KVLIST) {
            if (depth == ANY_DEPTH) break;
            any_push(j, frames, &depth, kind, item, out);
        } else {
            any_write_scalar(j, kind, item, out);
        }
    }
}

/* ---- attributes ---- */

static void value_int(const PythiaJson *j, uint32_t at, PythiaAttribute *a) {
    if (pythia_json_int64(j, at, &a->integer) == PYTHIA_JSON_GOOD) {
        a->type = PYTHIA_VALUE_INT;
        return;
    }
    a->type = PYTHIA_VALUE_DOUBLE;
    a->real = any_double(j, at);
}

static void value_read(PythiaReader *r, PythiaAttribute *a, AnyKind kind, uint32_t at) {
    const PythiaJson *j = &r->json;
    switch (kind) {
    case ANY_STRING:
        a->type = PYTHIA_VALUE_TEXT;
        a->text = pythia_json_text(j, at);
        break;
    case ANY_BOOL:
        a->type = PYTHIA_VALUE_BOOL;
        a->integer =
            pythia_json_type(j, at) == 't' || PYTHIA_TEXT_IS(pythia_json_text(j, at), "true");
        break;
    case ANY_INT:
        value_int(j, at, a);
        break;
    case ANY_DOUBLE:
        a->type = PYTHIA_VALUE_DOUBLE;
        a->real = any_double(j, at);
        break;
    case ANY_BYTES:
        a->type = PYTHIA_VALUE_BYTES;
        a->text = pythia_json_text(j, at);
        break;
    case ANY_ARRAY:
    case ANY_KVLIST:
        a->type = PYTHIA_VALUE_JSON;
        any_write(j, kind, at, &r->scratch);
        a->text = pythia_reader_scratch(r);
        break;
    default:
        a->type = PYTHIA_VALUE_JSON;
        a->text = PYTHIA_TEXT("null");
    }
}

void pythia_otlp_attribute(PythiaReader *r, PythiaAttributes *list, PythiaText name,
                           uint32_t value) {
    AnyKind kind = any_open(&r->json, &value);
    if (kind == ANY_PLAIN) {
        pythia_attributes_json(r, &r->json, list, name, value);
        return;
    }
    PythiaAttribute *attribute = pythia_attributes_add(r, list, name);
    if (attribute) value_read(r, attribute, kind, value);
}

void pythia_otlp_attributes(PythiaReader *r, PythiaAttributes *list, uint32_t array,
                            const char *prefix) {
    const PythiaJson *j = &r->json;
    uint32_t at = pythia_json_is_array(j, array) ? pythia_json_first(j, array) : 0;
    for (; at && r->rc == SQLITE_OK; at = pythia_json_after(j, at)) {
        PythiaText name = {NULL, 0};
        uint32_t value = 0;
        for (uint32_t key = pythia_json_is_object(j, at) ? pythia_json_first(j, at) : 0; key;
             key = pythia_json_after(j, key + 1)) {
            PythiaText text = pythia_json_text(j, key);
            if (PYTHIA_TEXT_IS(text, "key"))
                name = pythia_json_text(j, key + 1);
            else if (PYTHIA_TEXT_IS(text, "value"))
                value = key + 1;
        }
        if (!name.p) continue;
        if (prefix) {
            pythia_buf_str(&r->scratch, prefix);
            pythia_buf_text(&r->scratch, name);
            name = pythia_reader_scratch(r);
        }
        pythia_otlp_attribute(r, list, name, value);
    }
}

/* ---- ids ---- */

static int base64_digit(unsigned char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

/* Decodes text.n characters, padding included, of exactly `n` bytes; 0 when it is not that. */
static int base64_read(PythiaText text, unsigned char *out, size_t n) {
    unsigned bits = 0, nbits = 0;
    size_t done = 0, i = 0;
    for (; i < text.n && text.p[i] != '='; i++) {
        int digit = base64_digit((unsigned char)text.p[i]);
        if (digit < 0 || done == n) return 0;
        bits = bits << 6 | (unsigned)digit;
        nbits += 6;
        if (nbits >= 8) {
            nbits -= 8;
            out[done++] = (unsigned char)(bits >> nbits);
        }
    }
    for (; i < text.n; i++)
        if (text.p[i] != '=') return 0;
    return done == n;
}

PythiaRef pythia_otlp_id(PythiaText text) {
    PythiaRef ref = {.text = text};
    unsigned char bytes[16];
    ref.id = pythia_id_parse(text);
    if (ref.id.form == PYTHIA_ID_TEXT) {
        if (text.n == 24 && base64_read(text, bytes, 16))
            ref.id = pythia_id_from_bytes(bytes, 16);
        else if (text.n == 12 && base64_read(text, bytes, 8))
            ref.id = pythia_id_from_bytes(bytes, 8);
    } else if (!ref.id.hi && !ref.id.lo) {
        ref.id.form = PYTHIA_ID_NONE; /* all zeros: the protocol's way to say none */
    }
    return ref;
}
