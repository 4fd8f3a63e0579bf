/* intern.h - strings as small integers.
**
** An intern table gives each distinct string an id: 1, 2, 3 ... in order of first sight; 0 is never
** given out and stands for "none". The bytes live in an arena, each string followed by a NUL, and do
** not move: a pointer from pythia_intern_text() stays valid until the table is cleared. */
#ifndef PYTHIA_BASE_INTERN_H
#define PYTHIA_BASE_INTERN_H

#include "ext/base/hash.h"
#include "ext/base/mem.h"

typedef struct PythiaIntern {
    PythiaArena arena;
    PythiaText *texts; /* texts[id], texts[0] empty */
    uint64_t *hashes;  /* hashes[id] */
    size_t texts_capacity, hashes_capacity;
    uint32_t n;      /* ids given out: 1 .. n */
    uint32_t *slots; /* open addressing, linear probing; 0 empty, else an id */
    uint32_t mask;   /* slots - 1; slots is a power of two, or 0 */
} PythiaIntern;

/* A zeroed PythiaIntern is an empty table. */
int pythia_intern(PythiaIntern *table, PythiaText text,
                  uint32_t *id); /* OK, NOMEM, or FULL at 2^31 */
uint32_t pythia_intern_find(const PythiaIntern *table, PythiaText text); /* 0: not there */
void pythia_intern_clear(PythiaIntern *table);

static inline PythiaText pythia_intern_text(const PythiaIntern *table, uint32_t id) {
    return id && id <= table->n ? table->texts[id] : (PythiaText){"", 0};
}

#endif
