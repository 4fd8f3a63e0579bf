/* mem.h - every allocation of Pythia.
**
** All memory comes from sqlite3_malloc64(), so that SQLite's heap limits, statistics and failure
** injection cover it. Sizes are checked for overflow here and nowhere else.
**
** An arena hands out memory that is released all at once: chunks in a list, the newest first, each
** filled from its start. Allocations are aligned to 8 bytes. */
#ifndef PYTHIA_BASE_MEM_H
#define PYTHIA_BASE_MEM_H

#include "ext/base/sqlite.h"

/* NULL when there is no memory, or when the size overflows. Zero bytes give a valid pointer. */
void *pythia_alloc(size_t bytes);
void *pythia_alloc_zero(size_t bytes);
void *pythia_alloc_array(size_t n, size_t element_bytes);
void pythia_free(void *memory);

/* Makes room for `need` elements in a growing array: *array is reallocated to at least that many,
** at least doubling, and *capacity updated. SQLITE_OK or SQLITE_NOMEM (the array is then unchanged).
** Usage: rc = pythia_grow((void **)&a, &capacity, n + 1, sizeof *a). */
#ifdef __clang_analyzer__ /* which does not see that an array with a capacity is there */
int pythia_grow(void **array, size_t *capacity, size_t need, size_t element_bytes);
#else
/* What there is to do where the room is not there. */
int pythia_grow_to(void **array, size_t *capacity, size_t need, size_t element_bytes);

static inline int pythia_grow(void **array, size_t *capacity, size_t need, size_t element_bytes) {
    return need <= *capacity ? SQLITE_OK : pythia_grow_to(array, capacity, need, element_bytes);
}
#endif

typedef struct PythiaArenaChunk {
    struct PythiaArenaChunk *next;
    size_t bytes; /* of memory behind this header */
} PythiaArenaChunk;

enum { PYTHIA_ARENA_ALIGN = 8 };

typedef struct PythiaArena {
    PythiaArenaChunk *chunks; /* newest first */
    size_t used;              /* bytes used of the newest chunk */
    size_t capacity;          /* bytes of the newest chunk */
    size_t total;             /* bytes of all chunks */
} PythiaArena;

/* pythia_arena_alloc() where the newest chunk has no more room, or just enough. */
void *pythia_arena_chunk(PythiaArena *arena, size_t bytes);

/* A zeroed PythiaArena is an empty arena. */
static inline void *pythia_arena_alloc(PythiaArena *arena, size_t bytes) {
    size_t left = arena->capacity - arena->used;
    if (left <= PYTHIA_ARENA_ALIGN || bytes >= left - PYTHIA_ARENA_ALIGN)
        return pythia_arena_chunk(arena, bytes);
    void *memory = (char *)(arena->chunks + 1) + arena->used;
    arena->used += (bytes + PYTHIA_ARENA_ALIGN - 1) & ~(size_t)(PYTHIA_ARENA_ALIGN - 1);
    return memory;
}

void *pythia_arena_copy(PythiaArena *arena, const void *bytes, size_t n);
/* Forgets all allocations but keeps the newest chunk for reuse. */
void pythia_arena_reset(PythiaArena *arena);
void pythia_arena_clear(PythiaArena *arena);

#endif
