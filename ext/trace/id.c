/* id.c - see id.h. */
#include "ext/trace/id.h"

/* The value of a digit, plus 1; 0: no digit. Ids are read by the million. */
static const unsigned char hex_values[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16};

/* Reads n hex digits (at most 16); 0 when one is not a digit. */
static int word_read(const unsigned char *p, size_t n, uint64_t *word) {
    unsigned bad = 0;
    uint64_t w = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned value = hex_values[p[i]];
        bad |= value - 1; /* wraps to all ones when it is none */
        w = w << 4 | ((value - 1) & 15);
    }
    *word = w;
    return bad < 16;
}

/* Reads n hex digits (at most 32) into hi and lo; 0 when one is not a digit. */
static int hex_read(const char *text, size_t n, uint64_t *hi, uint64_t *lo) {
    const unsigned char *p = (const unsigned char *)text;
    size_t high = n > 16 ? n - 16 : 0;
    return word_read(p, high, hi) & word_read(p + high, n - high, lo);
}

static int uuid_read(const char *p, uint64_t *hi, uint64_t *lo) {
    static const unsigned char part[] = {8, 4, 4, 4, 12};
    char digits[32];
    size_t n = 0;
    for (unsigned i = 0; i < sizeof part; i++) {
        memcpy(digits + n, p, part[i]);
        n += part[i];
        p += part[i];
        if (i + 1 < sizeof part && *p++ != '-') return 0;
    }
    return hex_read(digits, sizeof digits, hi, lo);
}

static PythiaId id_parse(PythiaText text, int padded) {
    PythiaId id = {0, 0, PYTHIA_ID_NONE};
    if (text.n == 0) return id;
    if (text.n == 36 && uuid_read(text.p, &id.hi, &id.lo))
        id.form = PYTHIA_ID_UUID;
    else if ((text.n == 16 || (padded && text.n < 16)) && hex_read(text.p, text.n, &id.hi, &id.lo))
        id.form = PYTHIA_ID_HEX16;
    else if ((text.n == 32 || (padded && text.n > 16 && text.n < 32)) &&
             hex_read(text.p, text.n, &id.hi, &id.lo))
        id.form = PYTHIA_ID_HEX32;
    else
        id = (PythiaId){0, 0, PYTHIA_ID_TEXT};
    return id;
}

PythiaId pythia_id_parse(PythiaText text) {
    return id_parse(text, 0);
}

PythiaId pythia_id_parse_padded(PythiaText text) {
    return id_parse(text, 1);
}

PythiaId pythia_id_from_bytes(const unsigned char *bytes, size_t n) {
    PythiaId id = {0, 0, PYTHIA_ID_NONE};
    if (n != 8 && n != 16) return id;
    for (size_t i = 0; i < n; i++) {
        id.hi = id.hi << 8 | id.lo >> 56;
        id.lo = id.lo << 8 | bytes[i];
    }
    if (id.hi || id.lo) id.form = n == 8 ? PYTHIA_ID_HEX16 : PYTHIA_ID_HEX32;
    return id;
}

size_t pythia_id_write(PythiaId id, char *out) {
    static const char digit[] = "0123456789abcdef";
    if (id.form != PYTHIA_ID_HEX16 && id.form != PYTHIA_ID_HEX32 && id.form != PYTHIA_ID_UUID)
        return 0;
    size_t n = 0;
    unsigned first = id.form == PYTHIA_ID_HEX16 ? 16 : 0; /* of the 32 digits of hi and lo */
    for (unsigned i = first; i < 32; i++) {
        if (id.form == PYTHIA_ID_UUID && (i == 8 || i == 12 || i == 16 || i == 20)) out[n++] = '-';
        uint64_t word = i < 16 ? id.hi : id.lo;
        out[n++] = digit[word >> (60 - 4 * (i & 15)) & 15];
    }
    return n;
}
