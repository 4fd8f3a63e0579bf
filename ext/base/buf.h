/* buf.h - a growing byte buffer with a sticky result code.
**
** Every append is a no-op once `rc` is set; the builder looks at `rc` once, at the end. Integers are
** little-endian; varints are LEB128 (7 bits a byte, least significant first), signed values zigzag. */
#ifndef PYTHIA_BASE_BUF_H
#define PYTHIA_BASE_BUF_H

#include "ext/base/sqlite.h"
#include "ext/base/text.h"

typedef struct PythiaBuf {
    unsigned char *data; /* owned; sqlite3_free() */
    size_t n;            /* bytes in use */
    size_t capacity;
    int rc; /* SQLITE_OK, or the first failure */
} PythiaBuf;

/* A zeroed PythiaBuf is an empty buffer. */
void pythia_buf_clear(PythiaBuf *buf);                         /* frees */
unsigned char *pythia_buf_room_grow(PythiaBuf *buf, size_t n); /* where it may have to grow */
/* Appends n uninitialised bytes; NULL on failure. */
static inline unsigned char *pythia_buf_room(PythiaBuf *buf, size_t n) {
    if (buf->rc || n >= buf->capacity - buf->n) return pythia_buf_room_grow(buf, n);
    unsigned char *room = buf->data + buf->n;
    buf->n += n;
    return room;
}
void pythia_buf_bytes(PythiaBuf *buf, const void *bytes, size_t n);
static inline void pythia_buf_byte(PythiaBuf *buf, unsigned char byte) {
    unsigned char *room = pythia_buf_room(buf, 1);
    if (room) *room = byte;
}
void pythia_buf_u32(PythiaBuf *buf, uint32_t value);
void pythia_buf_u64(PythiaBuf *buf, uint64_t value);
void pythia_buf_varint(PythiaBuf *buf, uint64_t value);
void pythia_buf_zigzag(PythiaBuf *buf, int64_t value);
void pythia_buf_text(PythiaBuf *buf, PythiaText text); /* the bytes alone */
void pythia_buf_str(PythiaBuf *buf, const char *zero_terminated);
/* In decimal. */
void pythia_buf_integer(PythiaBuf *buf, int64_t value);
/* Formatted as by sqlite3_mprintf(). */
void pythia_buf_format(PythiaBuf *buf, const char *format, ...);
/* The bytes with U+FFFD for what is no UTF-8. */
void pythia_buf_utf8(PythiaBuf *buf, PythiaText text);
/* Whether the text is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
int pythia_text_is_utf8(PythiaText text);
/* A JSON string with its quotes; invalid UTF-8 becomes U+FFFD. */
void pythia_buf_json_text(PythiaBuf *buf, PythiaText text);
/* A double as JSON: shortest text that reads back the same; null when it is not finite. */
void pythia_buf_json_double(PythiaBuf *buf, double value);
/* Appends a NUL byte (not counted in n) and hands the memory to the caller, who frees it with
** sqlite3_free(); the buffer is empty afterwards. NULL when rc is set. */
char *pythia_buf_take(PythiaBuf *buf);

#endif
