/* bytes.h - a bounds-checked reader over stored bytes, the counterpart of buf.h.
**
** Stored blobs are hostile input. A read past the end gives zeros and sets `bad`; the caller looks
** at `bad` once, after the reads that belong together, and before it trusts a count. */
#ifndef PYTHIA_BASE_BYTES_H
#define PYTHIA_BASE_BYTES_H

#include <stdint.h>
#include <string.h>

#include "ext/base/text.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

typedef struct PythiaBytes {
    const unsigned char *p;
    const unsigned char *end;
    int bad; /* a read went past the end */
} PythiaBytes;

static inline PythiaBytes pythia_bytes(const void *data, size_t n) {
    const unsigned char *p = (const unsigned char *)data;
    return (PythiaBytes){p, p + n, 0};
}

static inline size_t pythia_bytes_left(const PythiaBytes *b) {
    return (size_t)(b->end - b->p);
}

/* The next n bytes, borrowed, or NULL. */
static inline const unsigned char *pythia_bytes_take(PythiaBytes *b, uint64_t n) {
    if (b->bad || n > pythia_bytes_left(b)) {
        b->bad = 1;
        return NULL;
    }
    const unsigned char *p = b->p;
    b->p += n;
    return p;
}

static inline unsigned pythia_bytes_byte(PythiaBytes *b) {
    const unsigned char *p = pythia_bytes_take(b, 1);
    return p ? *p : 0;
}

static inline uint64_t pythia_load64(const unsigned char *p) {
    uint64_t v;
    memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static inline void pythia_store64(unsigned char *p, uint64_t v) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    memcpy(p, &v, 8);
}

static inline void pythia_store32(unsigned char *p, uint32_t v) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap32(v);
#endif
    memcpy(p, &v, 4);
}

static inline uint32_t pythia_load32(const unsigned char *p) {
    uint32_t v;
    memcpy(&v, p, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap32(v);
#endif
    return v;
}

/* Stores a varint of up to 10 bytes; returns where it ends. */
static inline unsigned char *pythia_store_varint(unsigned char *p, uint64_t v) {
    for (; v > 0x7f; v >>= 7)
        *p++ = (unsigned char)(v | 0x80);
    *p++ = (unsigned char)v;
    return p;
}

#ifdef __SSE2__
static inline int pythia_bytes_equal16(const unsigned char *a, const unsigned char *b) {
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)a);
    __m128i y = _mm_loadu_si128((const __m128i *)(const void *)b);
    return _mm_movemask_epi8(_mm_cmpeq_epi8(x, y)) == 0xffff;
}
#endif

/* Whether the n bytes are the same. For short texts, which it compares sooner than memcmp() is called. */
static inline int pythia_bytes_equal(const void *a, const void *b, size_t n) {
    const unsigned char *p = (const unsigned char *)a, *q = (const unsigned char *)b;
#ifdef __SSE2__
    if (n >= 16) {
        for (size_t i = 0; i + 16 < n; i += 16)
            if (!pythia_bytes_equal16(p + i, q + i)) return 0;
        return pythia_bytes_equal16(p + n - 16, q + n - 16);
    }
#endif
    if (n >= 8) {
        for (size_t i = 0; i + 8 < n; i += 8)
            if (pythia_load64(p + i) != pythia_load64(q + i)) return 0;
        return pythia_load64(p + n - 8) == pythia_load64(q + n - 8);
    }
    if (n >= 4)
        return pythia_load32(p) == pythia_load32(q) &&
               pythia_load32(p + n - 4) == pythia_load32(q + n - 4);
    return n == 0 || (p[0] == q[0] && p[n / 2] == q[n / 2] && p[n - 1] == q[n - 1]);
}

/* pythia_text_equal() by that. */
static inline int pythia_bytes_equal_text(PythiaText a, PythiaText b) {
    return a.n == b.n && pythia_bytes_equal(a.p, b.p, a.n);
}

static inline uint32_t pythia_bytes_u32(PythiaBytes *b) {
    const unsigned char *p = pythia_bytes_take(b, 4);
    return p ? pythia_load32(p) : 0;
}

static inline uint64_t pythia_bytes_u64(PythiaBytes *b) {
    const unsigned char *p = pythia_bytes_take(b, 8);
    return p ? pythia_load64(p) : 0;
}

static inline uint64_t pythia_bytes_varint(PythiaBytes *b) {
    uint64_t v = 0;
    if (!b->bad && b->p < b->end && *b->p < 0x80) return *b->p++; /* most are small */
    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned byte = pythia_bytes_byte(b);
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return v;
    }
    b->bad = 1;
    return 0;
}

static inline int64_t pythia_bytes_zigzag(PythiaBytes *b) {
    uint64_t v = pythia_bytes_varint(b);
    return (int64_t)((v >> 1) ^ (~(v & 1) + 1));
}

/* A varint length and that many bytes, borrowed. */
static inline PythiaText pythia_bytes_text(PythiaBytes *b) {
    uint64_t n = pythia_bytes_varint(b);
    const unsigned char *p = pythia_bytes_take(b, n);
    return p ? (PythiaText){(const char *)p, (size_t)n} : (PythiaText){"", 0};
}

#endif
