/* buf.c - see buf.h. */
#include "ext/base/buf.h"

#include "ext/base/bytes.h"
#include "ext/base/mem.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void pythia_buf_clear(PythiaBuf *buf) {
    sqlite3_free(buf->data);
    memset(buf, 0, sizeof *buf);
}

unsigned char *pythia_buf_room_grow(PythiaBuf *buf, size_t n) {
    if (buf->rc) return NULL;
    size_t need;
    if (__builtin_add_overflow(buf->n, n, &need)) {
        buf->rc = SQLITE_TOOBIG;
        return NULL;
    }
    if (need > buf->capacity || !buf->data) {
        buf->rc = pythia_grow((void **)&buf->data, &buf->capacity, need ? need : 1, 1);
        if (buf->rc) return NULL;
    }
    unsigned char *room = buf->data + buf->n;
    buf->n = need;
    return room;
}

void pythia_buf_bytes(PythiaBuf *buf, const void *bytes, size_t n) {
    unsigned char *room = pythia_buf_room(buf, n);
    if (room && n) memcpy(room, bytes, n);
}

void pythia_buf_u32(PythiaBuf *buf, uint32_t value) {
    unsigned char *room = pythia_buf_room(buf, 4);
    for (int i = 0; room && i < 4; i++)
        room[i] = (unsigned char)(value >> (8 * i));
}

void pythia_buf_u64(PythiaBuf *buf, uint64_t value) {
    unsigned char *room = pythia_buf_room(buf, 8);
    for (int i = 0; room && i < 8; i++)
        room[i] = (unsigned char)(value >> (8 * i));
}

void pythia_buf_varint(PythiaBuf *buf, uint64_t value) {
    unsigned char bytes[10];
    size_t n = 0;
    do {
        bytes[n++] = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value);
    pythia_buf_bytes(buf, bytes, n);
}

void pythia_buf_zigzag(PythiaBuf *buf, int64_t value) {
    pythia_buf_varint(buf, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

void pythia_buf_text(PythiaBuf *buf, PythiaText text) {
    pythia_buf_bytes(buf, text.p, text.n);
}

void pythia_buf_str(PythiaBuf *buf, const char *zero_terminated) {
    pythia_buf_text(buf, pythia_text(zero_terminated));
}

void pythia_buf_integer(PythiaBuf *buf, int64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        digits[--at] = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0) digits[--at] = '-';
    pythia_buf_bytes(buf, digits + at, sizeof digits - at);
}

void pythia_buf_format(PythiaBuf *buf, const char *format, ...) {
    if (buf->rc) return;
    va_list arguments;
    va_start(arguments, format);
    char *text = sqlite3_vmprintf(format, arguments);
    va_end(arguments);
    if (!text) {
        buf->rc = SQLITE_NOMEM;
        return;
    }
    pythia_buf_str(buf, text);
    sqlite3_free(text);
}

/* Length of the well-formed UTF-8 sequence at p, or 0 (RFC 3629: no surrogates, no overlong forms). */
static size_t utf8_length(const unsigned char *p, size_t n) {
    unsigned char c = p[0];
    if (c < 0x80) return 1;
    if (c < 0xc2 || c > 0xf4) return 0;
    size_t length = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (n < length) return 0;
    unsigned char low = 0x80, high = 0xbf;
    if (c == 0xe0) low = 0xa0;
    if (c == 0xed) high = 0x9f;
    if (c == 0xf0) low = 0x90;
    if (c == 0xf4) high = 0x8f;
    if (p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    return length;
}

/* How many bytes from the start are well-formed. Plain ASCII goes by eight at a time. */
static size_t utf8_good(const unsigned char *p, size_t n) {
    size_t i = 0;
    while (i < n) {
        uint64_t eight;
        if (n - i >= sizeof eight) {
            memcpy(&eight, p + i, sizeof eight);
            if (!(eight & 0x8080808080808080u)) {
                i += sizeof eight;
                continue;
            }
        }
        size_t length = utf8_length(p + i, n - i);
        if (!length) break;
        i += length;
    }
    return i;
}

/* The last step overlaps the one before it. */
static int is_ascii(const unsigned char *p, size_t n) {
    uint64_t bits = 0;
    if (n < 8) {
        for (size_t i = 0; i < n; i++)
            bits |= p[i];
        return bits < 0x80;
    }
    for (size_t i = 0; i + 8 < n; i += 8)
        bits |= pythia_load64(p + i);
    return !((bits | pythia_load64(p + n - 8)) & 0x8080808080808080u);
}

int pythia_text_is_utf8(PythiaText text) {
    const unsigned char *p = (const unsigned char *)text.p;
    return is_ascii(p, text.n) || utf8_good(p, text.n) == text.n;
}

void pythia_buf_utf8(PythiaBuf *buf, PythiaText text) {
    const unsigned char *p = (const unsigned char *)text.p;
    size_t n = text.n;
    while (n) {
        size_t good = utf8_good(p, n);
        pythia_buf_bytes(buf, p, good);
        if (good == n) return;
        pythia_buf_str(buf, "\xef\xbf\xbd");
        p += good + 1;
        n -= good + 1;
    }
}

/* Whether all bytes of two words are ASCII and stand for themselves in JSON. */
#ifdef __SSE2__
static int are_plain_json(uint64_t a, uint64_t b) {
    const __m128i v = _mm_set_epi64x((long long)b, (long long)a);
    __m128i other = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
    other = _mm_or_si128(other, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
    other = _mm_or_si128(other, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    return !_mm_movemask_epi8(_mm_or_si128(other, v)); /* the top bits */
}
#else
/* A byte b is below c when b - c borrows and b had no top bit, and is equal to c when b ^ c is below 1. */
static uint64_t not_plain_json(uint64_t v) {
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\';
    return ((v - ones * 0x20) | (quote - ones) | (slash - ones) | v) & tops;
}

static int are_plain_json(uint64_t a, uint64_t b) {
    return !(not_plain_json(a) | not_plain_json(b));
}
#endif

/* The bytes of a text of up to 16 as two words: its first and its last eight, or all of a shorter one in both. What
** lies between those that overlap is there twice, and blanks where nothing is. */
static void load_ends(const unsigned char *p, size_t n, uint64_t *first, uint64_t *last) {
    if (n >= 8) {
        *first = pythia_load64(p);
        *last = pythia_load64(p + n - 8);
        return;
    }
    uint64_t v = 0x2020202020202020u;
    if (n >= 4)
        v = pythia_load32(p) | (uint64_t)pythia_load32(p + n - 4) << 32;
    else if (n)
        v = (v << 24) | (uint64_t)p[n - 1] << 16 | (uint64_t)p[n / 2] << 8 | p[0];
    *first = *last = v;
}

static void store_ends(unsigned char *p, size_t n, uint64_t first, uint64_t last) {
    if (n >= 8) {
        pythia_store64(p, first);
        pythia_store64(p + n - 8, last);
    } else if (n >= 4) {
        pythia_store32(p, (uint32_t)first);
        pythia_store32(p + n - 4, (uint32_t)(first >> 32));
    } else if (n) {
        p[n - 1] = (unsigned char)(first >> 16);
        p[n / 2] = (unsigned char)(first >> 8);
        p[0] = (unsigned char)first;
    }
}

/* Appends a string that needs no escapes; 0: it does, and nothing was appended. */
static int json_plain(PythiaBuf *buf, PythiaText text) {
    const unsigned char *p = (const unsigned char *)text.p;
    const size_t n = text.n;
    uint64_t first = 0, last = 0;
    if (n >= SIZE_MAX - 2) return 0;
    if (n <= 16) { /* most are: without a loop, and without a function that copies */
        load_ends(p, n, &first, &last);
    } else {
        for (size_t i = 0; i + 16 < n; i += 16)
            if (!are_plain_json(pythia_load64(p + i), pythia_load64(p + i + 8))) return 0;
        first = pythia_load64(p + n - 16);
        last = pythia_load64(p + n - 8);
    }
    if (!are_plain_json(first, last)) return 0;
    unsigned char *to = pythia_buf_room(buf, n + 2);
    if (!to) return 1;
    to[0] = to[n + 1] = '"';
    if (n <= 16)
        store_ends(to + 1, n, first, last);
    else
        memcpy(to + 1, p, n);
    return 1;
}

void pythia_buf_json_text(PythiaBuf *buf, PythiaText text) {
    if (json_plain(buf, text)) return;
    static const char short_escape[] = {'b', 't', 'n', 0, 'f', 'r'}; /* for bytes 8 to 13 */
    const unsigned char *p = (const unsigned char *)text.p;
    size_t n = text.n, plain = 0; /* plain: start of the run not yet copied */
    pythia_buf_byte(buf, '"');
    for (size_t i = 0; i < n;) {
        unsigned char c = p[i];
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            i++;
            continue;
        }
        size_t length = utf8_length(p + i, n - i);
        if (length && c >= 0x20 && c != '"' && c != '\\') {
            i += length;
            continue;
        }
        pythia_buf_bytes(buf, p + plain, i - plain);
        if (!length)
            pythia_buf_str(buf, "\xef\xbf\xbd");
        else if (c == '"' || c == '\\') {
            pythia_buf_byte(buf, '\\');
            pythia_buf_byte(buf, c);
        } else if (c >= 8 && c <= 13 && short_escape[c - 8]) {
            pythia_buf_byte(buf, '\\');
            pythia_buf_byte(buf, (unsigned char)short_escape[c - 8]);
        } else {
            pythia_buf_format(buf, "\\u%04x", (int)c);
        }
        plain = ++i;
    }
    if (n) pythia_buf_bytes(buf, p + plain, n - plain);
    pythia_buf_byte(buf, '"');
}

void pythia_buf_json_double(PythiaBuf *buf, double value) {
    if (!isfinite(value)) {
        pythia_buf_str(buf, "null");
        return;
    }
    /* The C library's conversions are exact on every machine; SQLite's lean on long double. */
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    int whole = 1; /* neither point nor exponent: ".0" keeps it a real number for who reads it */
    for (const char *p = text; *p; p++) {
        if (strchr("+-0123456789e", *p)) {
            pythia_buf_byte(buf, (unsigned char)*p);
            whole &= *p != 'e';
        } else if (whole) { /* a locale may have another decimal point, of several bytes even */
            pythia_buf_byte(buf, '.');
            whole = 0;
        }
    }
    if (whole) pythia_buf_str(buf, ".0");
}

char *pythia_buf_take(PythiaBuf *buf) {
    pythia_buf_byte(buf, 0);
    if (buf->rc) {
        pythia_buf_clear(buf);
        return NULL;
    }
    char *text = (char *)buf->data;
    memset(buf, 0, sizeof *buf);
    return text;
}
