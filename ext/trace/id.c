/* id.c - see id.h. */
#include "ext/trace/id.h"

#include "ext/base/bytes.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

#ifdef __SSE2__
int pythia_id_read16(const char *p, uint64_t *word) {
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i digit = _mm_sub_epi8(v, _mm_set1_epi8('0'));
    __m128i letter = _mm_sub_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    __m128i nine = _mm_set1_epi8(9), five = _mm_set1_epi8(5);
    __m128i is_digit = _mm_cmpeq_epi8(_mm_max_epu8(digit, nine), nine);
    __m128i is_letter = _mm_cmpeq_epi8(_mm_max_epu8(letter, five), five);
    if (_mm_movemask_epi8(_mm_or_si128(is_digit, is_letter)) != 0xffff) return 0;
    letter = _mm_add_epi8(letter, _mm_set1_epi8(10));
    __m128i x = _mm_or_si128(_mm_and_si128(is_digit, digit), _mm_andnot_si128(is_digit, letter));
    /* Two digits lie in each 16-bit lane, the more significant one in its low byte. */
    x = _mm_or_si128(_mm_slli_epi16(x, 4), _mm_srli_epi16(x, 8));
    x = _mm_packus_epi16(_mm_and_si128(x, _mm_set1_epi16(0xff)), _mm_setzero_si128());
    _mm_storel_epi64((__m128i *)(void *)word, x);
    *word = __builtin_bswap64(*word);
    return 1;
}
#else
int pythia_id_read16(const char *p, uint64_t *word) {
    return word_read((const unsigned char *)p, 16, word);
}
#endif

/* Reads n hex digits (at most 32) into hi and lo; 0 when one is not a digit. */
static int hex_read(const char *text, size_t n, uint64_t *hi, uint64_t *lo) {
    const unsigned char *p = (const unsigned char *)text;
    size_t high = n > 16 ? n - 16 : 0;
    if (n == 16) {
        *hi = 0;
        return pythia_id_read16(text, lo);
    }
    if (n == 32) return pythia_id_read16(text, hi) & pythia_id_read16(text + 16, lo);
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
    if (n == 16) id.hi = __builtin_bswap64(pythia_load64(bytes));
    id.lo = __builtin_bswap64(pythia_load64(bytes + n - 8));
    if (id.hi || id.lo) id.form = n == 8 ? PYTHIA_ID_HEX16 : PYTHIA_ID_HEX32;
    return id;
}

/* Writes the 16 digits of a word: bytes are spread to two each, with one digit in each. */
#ifdef __SSE2__
static void word_write(uint64_t word, char *out) {
    const __m128i four = _mm_set1_epi8(15), nine = _mm_set1_epi8(9);
    __m128i v = _mm_cvtsi64_si128((long long)__builtin_bswap64(word));
    __m128i x =
        _mm_unpacklo_epi8(_mm_and_si128(_mm_srli_epi16(v, 4), four), _mm_and_si128(v, four));
    __m128i letters = _mm_and_si128(_mm_cmpgt_epi8(x, nine), _mm_set1_epi8('a' - '0' - 10));
    x = _mm_add_epi8(_mm_add_epi8(x, _mm_set1_epi8('0')), letters);
    _mm_storeu_si128((__m128i *)(void *)out, x);
}
#else
/* Eight at a time: 10 .. 15 are told from 0 .. 9 by the carry into bit 4 when 6 is added. */
static void word_write(uint64_t word, char *out) {
    for (int half = 0; half < 2; half++, out += 8) {
        uint64_t x = __builtin_bswap32((uint32_t)(half ? word : word >> 32));
        x = (x | x << 16) & 0x0000ffff0000ffffu;
        x = (x | x << 8) & 0x00ff00ff00ff00ffu;
        x = (x >> 4 & 0x000f000f000f000fu) | (x & 0x000f000f000f000fu) << 8;
        uint64_t letters = (x + 0x0606060606060606u) >> 4 & 0x0101010101010101u;
        x += 0x3030303030303030u + letters * ('a' - '0' - 10);
        pythia_store64((unsigned char *)out, x);
    }
}
#endif

size_t pythia_id_write(PythiaId id, char *out) {
    if (id.form == PYTHIA_ID_HEX16) {
        word_write(id.lo, out);
        return 16;
    }
    if (id.form != PYTHIA_ID_HEX32 && id.form != PYTHIA_ID_UUID) return 0;
    char digits[32];
    word_write(id.hi, id.form == PYTHIA_ID_HEX32 ? out : digits);
    word_write(id.lo, id.form == PYTHIA_ID_HEX32 ? out + 16 : digits + 16);
    if (id.form == PYTHIA_ID_HEX32) return 32;
    size_t n = 0;
    for (unsigned i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) out[n++] = '-';
        out[n++] = digits[i];
    }
    return n;
}
