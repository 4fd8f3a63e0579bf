/* json_scan.h - JSON read token by token, for who knows what comes next.
**
** The other way through a document is to parse it as a whole (json.h). Scanning is for documents of a known shape:
** nothing is built, texts are borrowed from the document. Whatever is scanned is checked to be JSON, but for two
** things: that strings are UTF-8 (`high` tells whether there is anything to check; see pythia_json_is_utf8()), and what
** lies inside of values passed over by pythia_json_scan_skip_brackets().
**
** Functions return 1, or 0 when what comes next is something else; where `p` then stands means nothing. The document
** must be followed by PYTHIA_JSON_PADDING readable bytes: `p` gets behind `end` by less than the longest token that is
** no string. Strings end before `end`, and loops over members and elements notice it (pythia_json_scan_more()). */
#ifndef PYTHIA_READ_JSON_SCAN_H
#define PYTHIA_READ_JSON_SCAN_H

#include "ext/base/mem.h"
#include "ext/base/text.h"
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

typedef struct PythiaJsonScan {
    const unsigned char *p, *end;
    unsigned high;      /* not 0: there may have been bytes outside of ASCII */
    int rc;             /* SQLITE_NOMEM: why 0 was returned */
    PythiaArena *arena; /* borrowed; for strings that have escapes */
} PythiaJsonScan;

/* ---- strings: the parts of pythia_json_scan_string() ---- */
/* Completes a string with escapes that began at `start`; s->p is at the first backslash. Half a surrogate pair is 0. */
int pythia_json_scan_escaped(PythiaJsonScan *s, const unsigned char *start, PythiaText *text);

static inline int pythia_json_scan_is_space(unsigned c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* pythia_json_scan_peek() where there may be white space. */
unsigned pythia_json_scan_space(PythiaJsonScan *s);

/* The next byte that is no white space; it is not taken. */
static inline unsigned pythia_json_scan_peek(PythiaJsonScan *s) {
    return *s->p > ' ' ? *s->p : pythia_json_scan_space(s);
}

static inline int pythia_json_scan_take(PythiaJsonScan *s, unsigned c) {
    if (pythia_json_scan_peek(s) != c) return 0;
    s->p++;
    return 1;
}

static inline int pythia_json_scan_is_digit(unsigned c) {
    return c - '0' <= 9;
}

/* Passes over the plain bytes of a string: stops at a quote, a backslash, or a control character. */
#ifdef __SSE2__
static inline void pythia_json_scan_plain(PythiaJsonScan *s) {
    const __m128i quote = _mm_set1_epi8('"'), back = _mm_set1_epi8('\\'), low = _mm_set1_epi8(0x1f);
    for (; s->p < s->end; s->p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)s->p);
        __m128i stop = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, back));
        stop = _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_max_epu8(v, low), low));
        unsigned hits = (unsigned)_mm_movemask_epi8(stop);
        s->high |= (unsigned)_mm_movemask_epi8(v);
        if (!hits) continue;
        s->p += __builtin_ctz(hits);
        return;
    }
}
#else
static inline void pythia_json_scan_plain(PythiaJsonScan *s) {
    for (; s->p < s->end && *s->p != '"' && *s->p != '\\' && *s->p >= 0x20; s->p++)
        s->high |= *s->p & 0x80u;
}
#endif

/* A string; with escapes it is a copy in the arena. */
static inline int pythia_json_scan_string(PythiaJsonScan *s, PythiaText *text) {
    if (!pythia_json_scan_take(s, '"')) return 0;
    const unsigned char *start = s->p;
    pythia_json_scan_plain(s);
    if (s->p >= s->end) return 0;
    if (*s->p != '"') return *s->p == '\\' && pythia_json_scan_escaped(s, start, text);
    *text = (PythiaText){(const char *)start, (size_t)(s->p - start)};
    s->p++;
    return 1;
}

/* The key of a member and its colon. */
static inline int pythia_json_scan_key(PythiaJsonScan *s, PythiaText *text) {
    return pythia_json_scan_string(s, text) && pythia_json_scan_take(s, ':');
}

int pythia_json_scan_literal(PythiaJsonScan *s, const char *word, size_t n);
#define PYTHIA_JSON_SCAN_LITERAL(s, word) pythia_json_scan_literal((s), (word), sizeof(word) - 1)

/* A number; *integer tells that it is written as one. */
int pythia_json_scan_number(PythiaJsonScan *s, PythiaText *text, int *integer);
/* The decimal digits at p, of which there may be none: how many, and up to 19 of them as a number. Of more than 24 it
** counts only so many. */
size_t pythia_json_scan_digits(const unsigned char *p, uint64_t *value);
/* An integer from 0 to INT64_MAX, as a number or as a string of digits. */
int pythia_json_scan_whole(PythiaJsonScan *s, int64_t *value);
/* An integer of 64 bits, as a number or as a string. */
int pythia_json_scan_int64(PythiaJsonScan *s, int64_t *value);
/* A number that a double can hold. */
int pythia_json_scan_double(PythiaJsonScan *s, double *real);
/* A string, a number of moderate length, or a word, that is not wanted. */
int pythia_json_scan_skip_scalar(PythiaJsonScan *s);
/* An object or array, by counting brackets; what lies between is not looked at. */
int pythia_json_scan_skip_brackets(PythiaJsonScan *s);

/* The comma before a further member or element (1), or the end of the container (2); 0: neither. */
static inline int pythia_json_scan_more(PythiaJsonScan *s, unsigned close) {
    unsigned c = pythia_json_scan_peek(s);
    s->p++;
    return s->p > s->end ? 0 : c == ',' ? 1 : c == close ? 2 : 0;
}

/* Opens a container: 1, or 2 when it is empty and was passed over. */
static inline int pythia_json_scan_enter(PythiaJsonScan *s, unsigned open, unsigned close) {
    if (!pythia_json_scan_take(s, open)) return 0;
    if (pythia_json_scan_peek(s) != close) return 1;
    s->p++;
    return 2;
}

#endif
