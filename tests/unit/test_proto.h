/* test_proto.h - writing protobuf messages, for tests: fields by their numbers, with nothing of the reader. */
#ifndef PYTHIA_TEST_PROTO_H
#define PYTHIA_TEST_PROTO_H

#include "ext/base/buf.h"

#include <string.h>

/* Whether the next length takes three bytes, needed or not; NULL: never. */
static int (*put_length_long)(void);

static void put_varint(PythiaBuf *out, unsigned number, uint64_t value) {
    pythia_buf_varint(out, (uint64_t)number << 3);
    pythia_buf_varint(out, value);
}

static void put_fixed(PythiaBuf *out, unsigned number, uint64_t value) {
    pythia_buf_varint(out, (uint64_t)number << 3 | 1);
    pythia_buf_u64(out, value);
}

static void put_bytes(PythiaBuf *out, unsigned number, const void *bytes, size_t n) {
    pythia_buf_varint(out, (uint64_t)number << 3 | 2);
    if (put_length_long && put_length_long()) {
        pythia_buf_byte(out, (unsigned char)(0x80 | (n & 0x7f)));
        pythia_buf_byte(out, (unsigned char)(0x80 | (n >> 7 & 0x7f)));
        pythia_buf_byte(out, (unsigned char)(n >> 14));
    } else {
        pythia_buf_varint(out, n);
    }
    if (n) pythia_buf_bytes(out, bytes, n);
}

static void put_str(PythiaBuf *out, unsigned number, const char *text) {
    put_bytes(out, number, text, strlen(text));
}

/* The message as a field of another; it is freed. */
static void put_message(PythiaBuf *out, unsigned number, PythiaBuf *message) {
    put_bytes(out, number, message->data, message->n);
    pythia_buf_clear(message);
}

#endif
