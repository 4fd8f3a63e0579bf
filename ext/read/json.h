/* json.h - a parsed JSON document, walked without calls and without recursion.
**
** A value is named by its index on the tape (json_tape.h); 0 is no value. Layout of the tape, which
** simdjson documents: the top byte of a word is the type, the rest the payload.
**
**   '{' '['   low 32 bits: index just past the matching end; then 24 bits: count of children, saturated
**   '}' ']'   the ends; objects hold key, value, key, value ...
**   '"'       offset into the strings: 32-bit length, the bytes, a NUL
**   'l' 'u' 'd'   int64, uint64 beyond it, double: the bits are the next word
**   't' 'f' 'n'   true, false, null
**   'r'       the first and the last word, around the document's value
**
** Walking an object:
**   for (uint32_t key = pythia_json_first(j, object); key; key = pythia_json_after(j, key + 1)) {
**       ... pythia_json_text(j, key), value at key + 1 ... }
** and an array:
**   for (uint32_t item = pythia_json_first(j, array); item; item = pythia_json_after(j, item)) ... */
#ifndef PYTHIA_READ_JSON_H
#define PYTHIA_READ_JSON_H

#include "ext/base/buf.h"
#include "ext/read/json_tape.h"

typedef struct PythiaJson {
    PythiaJsonTape tape;
    PythiaJsonParser *parser; /* owned; made at the first use */
    PythiaBuf mended;         /* a repaired copy of the document, where one was needed */
} PythiaJson;

/* Parses a document, after mending it where that helps (json_mend.c). A zeroed PythiaJson is ready.
** Returns PYTHIA_JSON_*; *why is a static text on failure. */
int pythia_json_parse(PythiaJson *json, const unsigned char *bytes, size_t n, const char **why);
void pythia_json_clear(PythiaJson *json);

/* Appends to *out a copy of the document in which some things that are no JSON, but that real programs
** write, are: numbers beyond 64 bits and beyond a double, NaN, Infinity and -Infinity become
** strings of the same characters; halves of surrogate pairs become U+FFFD. *changed tells whether
** there was any. */
void pythia_json_mend(PythiaBuf *out, const unsigned char *bytes, size_t n, int *changed);

static inline unsigned pythia_json_type(const PythiaJson *j, uint32_t at) {
    return (unsigned)(j->tape.words[at] >> 56);
}

static inline int pythia_json_is_object(const PythiaJson *j, uint32_t at) {
    return at && pythia_json_type(j, at) == '{';
}

static inline int pythia_json_is_array(const PythiaJson *j, uint32_t at) {
    return at && pythia_json_type(j, at) == '[';
}

static inline int pythia_json_is_text(const PythiaJson *j, uint32_t at) {
    return at && pythia_json_type(j, at) == '"';
}

/* The index behind a value. */
static inline uint32_t pythia_json_behind(const PythiaJson *j, uint32_t at) {
    unsigned type = pythia_json_type(j, at);
    if (type == '{' || type == '[') return (uint32_t)j->tape.words[at];
    return type == 'l' || type == 'u' || type == 'd' ? at + 2 : at + 1;
}

/* `at` itself unless it is the end of its container; then 0. */
static inline uint32_t pythia_json_or_end(const PythiaJson *j, uint32_t at) {
    unsigned type = pythia_json_type(j, at);
    return type == '}' || type == ']' || type == 'r' ? 0 : at;
}

/* The first key of an object or item of an array; 0 when empty or when `at` is neither (or 0). */
static inline uint32_t pythia_json_first(const PythiaJson *j, uint32_t at) {
    if (!pythia_json_is_object(j, at) && !pythia_json_is_array(j, at)) return 0;
    return pythia_json_or_end(j, at + 1);
}

/* What comes after the value at `at` in its container: the next item, or the next key; 0 at the end. */
static inline uint32_t pythia_json_after(const PythiaJson *j, uint32_t at) {
    return pythia_json_or_end(j, pythia_json_behind(j, at));
}

/* The text of a string or key; empty for anything else (or 0). */
static inline PythiaText pythia_json_text(const PythiaJson *j, uint32_t at) {
    if (!pythia_json_is_text(j, at)) return (PythiaText){"", 0};
    const unsigned char *p = j->tape.strings + (j->tape.words[at] & 0x00ffffffffffffffu);
    uint32_t n;
    memcpy(&n, p, sizeof n);
    return (PythiaText){(const char *)p + sizeof n, n};
}

/* Whether a text is a literal. The length decides nearly always. */
#define PYTHIA_TEXT_IS(text, literal)                                                              \
    ((text).n == sizeof(literal) - 1 && memcmp((text).p, (literal), sizeof(literal) - 1) == 0)

/* The value of a key; the first where it is repeated; 0 when absent or `object` is none. A null is a
** value. */
uint32_t pythia_json_find(const PythiaJson *j, uint32_t object, PythiaText key);
#define PYTHIA_JSON_FIND(j, object, literal) pythia_json_find(j, object, PYTHIA_TEXT(literal))

/* The same, but a null counts as absent. */
uint32_t pythia_json_present(const PythiaJson *j, uint32_t object, PythiaText key);

/* The values of n keys by one walk over the object: as pythia_json_find(), or without `nulls` as if members that are
** null were not there. `values` is zeroed: it keeps 0 for what is not there. It is quickest when the members come in the order of the keys. */
void pythia_json_members(const PythiaJson *j, uint32_t object, const PythiaText *keys, size_t n,
                         int nulls, uint32_t *values);

/* What a conversion found. */
enum { PYTHIA_JSON_ABSENT = 0, PYTHIA_JSON_GOOD, PYTHIA_JSON_BAD };

/* An integer, written as a number, a string of digits, or a double without fraction. Absent: no value,
** null, or an empty string. Bad: anything else, or beyond int64. */
int pythia_json_int64(const PythiaJson *j, uint32_t at, int64_t *value);
/* A number, written as one or as a string ("NaN", "Infinity" and "-Infinity" too). */
int pythia_json_double(const PythiaJson *j, uint32_t at, double *value);
/* A time or duration in units of `unit_ns` nanoseconds (at most 10^9), integer or with a fraction, as
** ns; exact to the nanosecond for integers and strings of digits. Bad: no number, or beyond int64. */
int pythia_json_time_ns(const PythiaJson *j, uint32_t at, int64_t unit_ns, int64_t *ns);

/* Texts of the same kinds. */
int pythia_text_int64(PythiaText text, int64_t *value);
int pythia_text_double(PythiaText text, double *value);
/* "1485467191639875.123" units of unit_ns nanoseconds (at most 10^9). */
int pythia_text_time_ns(PythiaText text, int64_t unit_ns, int64_t *ns);

/* Appends a value as JSON text. */
void pythia_json_write(const PythiaJson *j, uint32_t at, PythiaBuf *out);

#endif
