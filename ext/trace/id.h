/* id.h - trace and span ids.
**
** Ids of the known formats are numbers written in hexadecimal; they are kept as numbers, 24 bytes at
** most, with the form that says how to write them. An id of any other shape is kept as text: then
** `lo` is the number of the text in the names of its store, and `hi` is 0.
** Two ids are equal when form, hi and lo are: there is one canonical form for each id. */
#ifndef PYTHIA_TRACE_ID_H
#define PYTHIA_TRACE_ID_H

#include "ext/base/hash.h"

enum {
    PYTHIA_ID_NONE = 0,  /* no id (a root's parent) */
    PYTHIA_ID_HEX16 = 1, /* 16 lower-case hex digits, in lo */
    PYTHIA_ID_HEX32 = 2, /* 32 lower-case hex digits, hi then lo */
    PYTHIA_ID_UUID = 3,  /* 8-4-4-4-12 lower-case hex digits, hi then lo */
    PYTHIA_ID_TEXT = 4   /* anything else: lo numbers a text */
};

enum { PYTHIA_ID_CHARS = 36 }; /* the longest written form of a numeric id */

typedef struct PythiaId {
    uint64_t hi, lo;
    uint32_t form;
} PythiaId;

static inline int pythia_id_equal(PythiaId a, PythiaId b) {
    return a.lo == b.lo && a.hi == b.hi && a.form == b.form;
}

static inline uint64_t pythia_id_hash(PythiaId id) {
    return pythia_hash_mix(id.hi ^ id.form, id.lo);
}

/* Reads an id in one of the numeric forms (16 or 32 hex digits of either case, or a UUID). An empty
** text gives PYTHIA_ID_NONE; anything else PYTHIA_ID_TEXT with hi and lo 0, to be completed by whoever
** owns the names. */
PythiaId pythia_id_parse(PythiaText text);

/* The same, for formats that drop leading zeros: up to 16 hex digits are padded to 16, 17 to 31 to 32. */
PythiaId pythia_id_parse_padded(PythiaText text);

/* Reads 16 hex digits; 0 when one is not a digit. */
int pythia_id_read16(const char *p, uint64_t *word);

/* Ids from raw bytes, most significant first: 8 bytes give HEX16, 16 bytes HEX32; other lengths or all
** zeros give PYTHIA_ID_NONE. */
PythiaId pythia_id_from_bytes(const unsigned char *bytes, size_t n);

/* Writes a numeric id; returns its length (at most PYTHIA_ID_CHARS, no NUL is written). 0 for NONE and
** TEXT. */
size_t pythia_id_write(PythiaId id, char *out);

#endif
