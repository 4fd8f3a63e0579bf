/* json_scan.c - see json_scan.h. */
#include "ext/read/json_scan.h"

#include "ext/base/sqlite.h"
#include "ext/read/json.h"

#include <float.h>
#include <math.h>

static int hex4(const unsigned char *p, unsigned *code) {
    *code = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = p[i], letter = (c | 0x20) - 'a';
        if (!pythia_json_scan_is_digit(c) && letter > 5) return 0;
        *code = *code << 4 | (pythia_json_scan_is_digit(c) ? c - '0' : letter + 10);
    }
    return 1;
}

static char *put_utf8(char *out, unsigned code) {
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 63));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 63));
        *out++ = (char)(0x80 | (code & 63));
    } else {
        *out++ = (char)(0xf0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 63));
        *out++ = (char)(0x80 | (code >> 6 & 63));
        *out++ = (char)(0x80 | (code & 63));
    }
    return out;
}

/* "\uXXXX", and the second half of a pair: *p is behind the 'u'. Half a pair is for the mender. */
static char *unescape_code(const unsigned char **p, char *out) {
    unsigned code, low;
    if (!hex4(*p, &code) || code - 0xdc00 < 0x400) return NULL;
    *p += 4;
    if (code - 0xd800 < 0x400) {
        if ((*p)[0] != '\\' || (*p)[1] != 'u' || !hex4(*p + 2, &low) || low - 0xdc00 >= 0x400)
            return NULL;
        *p += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    return put_utf8(out, code);
}

static char *unescape(const unsigned char *p, const unsigned char *end, char *out) {
    static const char codes[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    while (p < end) {
        if (*p != '\\') {
            *out++ = (char)*p++;
            continue;
        }
        const char *known = p[1] ? strchr(codes, p[1]) : NULL;
        p += 2;
        if (known) {
            *out++ = bytes[known - codes];
        } else {
            if (p[-1] != 'u') return NULL;
            out = unescape_code(&p, out);
            if (!out) return NULL;
        }
    }
    return p == end ? out : NULL;
}

/* A string with escapes, from `start`; s->p is at the first backslash. No escape is shorter than what it means. */
int pythia_json_scan_escaped(PythiaJsonScan *s, const unsigned char *start, PythiaText *text) {
    while (s->p < s->end && *s->p == '\\') {
        s->p += 2;
        pythia_json_scan_plain(s);
    }
    if (s->p >= s->end || *s->p != '"') return 0;
    char *copy = pythia_arena_alloc(s->arena, (size_t)(s->p - start));
    if (!copy) {
        s->rc = SQLITE_NOMEM;
        return 0;
    }
    char *stop = unescape(start, s->p, copy);
    if (!stop) return 0;
    *text = (PythiaText){copy, (size_t)(stop - copy)};
    s->p++;
    return 1;
}

unsigned pythia_json_scan_space(PythiaJsonScan *s) {
    while (pythia_json_scan_is_space(*s->p) && s->p < s->end)
        s->p++;
    return *s->p;
}

int pythia_json_scan_literal(PythiaJsonScan *s, const char *word, size_t n) {
    if (pythia_json_scan_peek(s) != (unsigned char)*word || memcmp(s->p, word, n) != 0) return 0;
    s->p += n;
    return 1;
}
int pythia_json_scan_number(PythiaJsonScan *s, PythiaText *text, int *integer) {
    pythia_json_scan_peek(s);
    const unsigned char *start = s->p, *p = start;
    *integer = 1;
    if (*p == '-') p++;
    if (*p == '0')
        p++;
    else if (pythia_json_scan_is_digit(*p))
        while (pythia_json_scan_is_digit(*p) && p < s->end)
            p++;
    else
        return 0;
    if (*p == '.') {
        *integer = 0;
        if (!pythia_json_scan_is_digit(*++p)) return 0;
        while (pythia_json_scan_is_digit(*p) && p < s->end)
            p++;
    }
    if ((*p | 0x20) == 'e') {
        *integer = 0;
        p++;
        if (*p == '+' || *p == '-') p++;
        if (!pythia_json_scan_is_digit(*p)) return 0;
        while (pythia_json_scan_is_digit(*p) && p < s->end)
            p++;
    }
    s->p = p;
    *text = (PythiaText){(const char *)start, (size_t)(p - start)};
    return p < s->end;
}

int pythia_json_scan_skip_scalar(PythiaJsonScan *s) {
    PythiaText text;
    int integer;
    switch (pythia_json_scan_peek(s)) {
    case '"':
        return pythia_json_scan_string(s, &text);
    case 't':
        return PYTHIA_JSON_SCAN_LITERAL(s, "true");
    case 'f':
        return PYTHIA_JSON_SCAN_LITERAL(s, "false");
    case 'n':
        return PYTHIA_JSON_SCAN_LITERAL(s, "null");
    default:
        /* Integers beyond 64 bits and numbers beyond a double are no JSON to simdjson. */
        return pythia_json_scan_number(s, &text, &integer) && text.n <= 18 &&
               !memchr(text.p, 'e', text.n) && !memchr(text.p, 'E', text.n);
    }
}

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* How many of eight bytes are digits before the first that is none. A byte x is one if x ^ '0' is below 10; what a
** byte beyond that carries into goes for those behind it alone. */
static inline unsigned word_digits(uint64_t word) {
    uint64_t x = word ^ 0x3030303030303030u;
    uint64_t others = ((x + 0x7676767676767676u) | x) & 0x8080808080808080u;
    return others ? (unsigned)__builtin_ctzll(others) / 8 : 8;
}

/* Eight decimal digits at once: pairs, then fours, then all (the method is that of simdjson and others). */
static inline uint64_t word_value(uint64_t word) {
    word = (word & 0x0f0f0f0f0f0f0f0fu) * 2561 >> 8;
    word = (word & 0x00ff00ff00ff00ffu) * 6553601 >> 16;
    return (word & 0x0000ffff0000ffffu) * 42949672960001u >> 32;
}

size_t pythia_json_scan_digits(const unsigned char *p, uint64_t *value) {
    static const uint64_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    uint64_t sum = 0;
    size_t n = 0;
    unsigned more = 8;
    for (; more == 8 && n < 24; n += more) {
        uint64_t word;
        memcpy(&word, p + n, sizeof word);
        more = word_digits(word);
        /* Zeros before the digits, where there are less than eight. */
        if (more) sum = sum * tens[more] + word_value(word << (8 * (8 - more)));
    }
    *value = sum;
    return n;
}
#else
size_t pythia_json_scan_digits(const unsigned char *p, uint64_t *value) {
    size_t n = 0;
    for (*value = 0; n < 24 && pythia_json_scan_is_digit(p[n]); n++)
        *value = *value * 10 + (p[n] - '0');
    return n;
}
#endif

int pythia_json_scan_whole(PythiaJsonScan *s, int64_t *value) {
    unsigned quoted = pythia_json_scan_peek(s) == '"';
    const unsigned char *p = s->p + quoted;
    uint64_t sum;
    size_t n = pythia_json_scan_digits(p, &sum);
    if (!n || n > 19 || p + n >= s->end || sum > INT64_MAX) return 0;
    if (quoted ? p[n] != '"' : p[n] == '.' || (p[n] | 0x20) == 'e' || (*p == '0' && n > 1))
        return 0;
    s->p = p + n + quoted;
    *value = (int64_t)sum;
    return 1;
}

/* "0.563541741120241": digits that a double holds exactly, divided by a power of ten that it holds exactly, which is
** rounded once and as strtod() does (W. D. Clinger, "How to read floating point numbers accurately", PLDI 1990). 0:
** not such a number. */
static int scan_decimal(PythiaJsonScan *s, double *real) {
    enum { MOST = 18 };
    static const uint64_t exact = (uint64_t)1 << 53;
    int negative = pythia_json_scan_peek(s) == '-';
    const unsigned char *p = s->p + negative;
    uint64_t whole, fraction, ten = 1;
    size_t n = pythia_json_scan_digits(p, &whole), places;
    if (!n || (n > 1 && *p == '0') || p[n] != '.') return 0;
    places = pythia_json_scan_digits(p + n + 1, &fraction);
    p += n + 1 + places;
    if (!places || n + places > MOST || (*p | 0x20) == 'e' || p >= s->end) return 0;
    for (size_t i = 0; i < places; i++)
        ten *= 10;
    whole = whole * ten + fraction;
    if (whole > exact) return 0;
    *real = (double)whole / (double)ten;
    if (negative) *real = -*real;
    s->p = p;
    return 1;
}

int pythia_json_scan_double(PythiaJsonScan *s, double *real) {
    PythiaText text;
    int integer;
    int64_t value;
    if (FLT_EVAL_METHOD == 0 && scan_decimal(s, real)) return 1;
    if (!pythia_json_scan_number(s, &text, &integer)) return 0;
    if (integer) {
        if (text.n > 18 || !pythia_text_int64(text, &value)) return 0;
        *real = (double)value;
        return 1;
    }
    return pythia_text_double(text, real) && isfinite(*real);
}

int pythia_json_scan_int64(PythiaJsonScan *s, int64_t *value) {
    unsigned quoted = pythia_json_scan_peek(s) == '"';
    const unsigned char *p = s->p + quoted;
    int negative = *p == '-';
    uint64_t whole;
    p += negative;
    size_t n = pythia_json_scan_digits(p, &whole);
    int usual = quoted ? p[n] == '"' : (*p != '0' || n == 1) && (p[n] == ',' || p[n] == '}');
    if (usual && n && n <= 18 && p + n < s->end) {
        *value = negative ? -(int64_t)whole : (int64_t)whole;
        s->p = p + n + quoted;
        return 1;
    }
    PythiaText text;
    int integer = 1;
    if (quoted ? !pythia_json_scan_string(s, &text) : !pythia_json_scan_number(s, &text, &integer))
        return 0;
    return integer && pythia_text_int64(text, value);
}

int pythia_json_scan_skip_brackets(PythiaJsonScan *s) {
    PythiaText text;
    size_t depth = 0;
    do {
        unsigned c = pythia_json_scan_peek(s);
        if (s->p >= s->end) return 0;
        if (c == '"') {
            if (!pythia_json_scan_string(s, &text)) return 0;
            continue;
        }
        if (c == '{' || c == '[') depth++;
        if ((c == '}' || c == ']') && depth-- == 0) return 0;
        s->p++;
    } while (depth);
    return 1;
}
