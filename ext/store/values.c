/* values.c - see values.h. */
#include "ext/store/values.h"

enum { TYPE_BITS = 3, SMALLEST_VALUE = 2 /* bytes */ };

void pythia_values_write(PythiaBuf *out, const PythiaValue *values, uint32_t n) {
    pythia_buf_varint(out, n);
    for (uint32_t i = 0; i < n; i++) {
        const PythiaValue *v = &values[i];
        pythia_buf_varint(out, (uint64_t)v->key << TYPE_BITS | v->type);
        if (v->type == PYTHIA_VALUE_DOUBLE) {
            uint64_t bits;
            memcpy(&bits, &v->of.real, sizeof bits);
            pythia_buf_u64(out, bits);
        } else if (pythia_value_is_text(v->type)) {
            pythia_buf_varint(out, v->n);
            pythia_buf_bytes(out, v->of.text, v->n);
        } else {
            pythia_buf_zigzag(out, v->of.integer);
        }
    }
}

int pythia_values_read(PythiaBytes *bytes, uint32_t keys, PythiaValueList *list) {
    uint64_t n = pythia_bytes_varint(bytes);
    if (bytes->bad || n > pythia_bytes_left(bytes) / SMALLEST_VALUE) return PYTHIA_CORRUPT;
    int rc = pythia_grow((void **)&list->values, &list->capacity, (size_t)list->n + (size_t)n,
                         sizeof *list->values);
    if (rc) return rc;
    for (; n; n--) {
        uint64_t tag = pythia_bytes_varint(bytes);
        uint64_t key = tag >> TYPE_BITS;
        uint32_t type = (uint32_t)(tag & ((1 << TYPE_BITS) - 1));
        if (key == 0 || key > keys || type < PYTHIA_VALUE_INT || type > PYTHIA_VALUE_BYTES)
            return PYTHIA_CORRUPT;
        PythiaValue v = {.key = (uint32_t)key, .type = type};
        if (type == PYTHIA_VALUE_DOUBLE) {
            uint64_t bits = pythia_bytes_u64(bytes);
            memcpy(&v.of.real, &bits, sizeof bits);
        } else if (pythia_value_is_text(type)) {
            PythiaText text = pythia_bytes_text(bytes);
            if (text.n > UINT32_MAX) return PYTHIA_CORRUPT;
            v.n = (uint32_t)text.n;
            v.of.text = text.p;
        } else {
            v.of.integer = pythia_bytes_zigzag(bytes);
        }
        if (bytes->bad) return PYTHIA_CORRUPT;
        list->values[list->n++] = v;
    }
    return SQLITE_OK;
}
