/* mem.c - see mem.h. */
#include "ext/base/mem.h"

#include <string.h>

enum { ARENA_FIRST = 1024, ARENA_LARGEST = 1024 * 1024 };

void *pythia_alloc(size_t bytes) {
    return sqlite3_malloc64(bytes ? bytes : 1);
}

void *pythia_alloc_zero(size_t bytes) {
    void *memory = pythia_alloc(bytes);
    if (memory) memset(memory, 0, bytes);
    return memory;
}

void *pythia_alloc_array(size_t n, size_t element_bytes) {
    size_t bytes;
    if (__builtin_mul_overflow(n, element_bytes, &bytes)) return NULL;
    return pythia_alloc(bytes);
}

void pythia_free(void *memory) {
    sqlite3_free(memory);
}

int pythia_grow_to(void **array, size_t *capacity, size_t need, size_t element_bytes) {
    /* Small arrays begin with a quarter of a kilobyte, so that they do not double their way up to it. */
    size_t first = element_bytes < 32 ? 256 / (element_bytes ? element_bytes : 1) : 8;
    size_t n = *capacity < first ? first : *capacity * 2;
    if (n < need) n = need;
    size_t bytes;
    if (__builtin_mul_overflow(n, element_bytes, &bytes)) return SQLITE_NOMEM;
    void *grown = sqlite3_realloc64(*array, bytes);
    if (!grown) return SQLITE_NOMEM;
    *array = grown;
    *capacity = n;
    return SQLITE_OK;
}

void *pythia_arena_chunk(PythiaArena *arena, size_t bytes) {
    size_t aligned;
    if (__builtin_add_overflow(bytes, (size_t)PYTHIA_ARENA_ALIGN - 1, &aligned)) return NULL;
    aligned &= ~(size_t)(PYTHIA_ARENA_ALIGN - 1);
    if (!arena->chunks || aligned > arena->capacity - arena->used) {
        size_t size = arena->chunks ? arena->capacity * 2 : ARENA_FIRST;
        if (size > ARENA_LARGEST) size = ARENA_LARGEST;
        if (size < aligned) size = aligned;
        PythiaArenaChunk *chunk = pythia_alloc(sizeof *chunk + size);
        if (!chunk) return NULL;
        chunk->next = arena->chunks;
        chunk->bytes = size;
        arena->chunks = chunk;
        arena->capacity = size;
        arena->used = 0;
        arena->total += size;
    }
    void *memory = (char *)(arena->chunks + 1) + arena->used;
    arena->used += aligned;
    return memory;
}

void *pythia_arena_copy(PythiaArena *arena, const void *bytes, size_t n) {
    void *memory = pythia_arena_alloc(arena, n);
    if (memory && n) memcpy(memory, bytes, n);
    return memory;
}

void pythia_arena_reset(PythiaArena *arena) {
    if (!arena->chunks) return;
    PythiaArenaChunk *older = arena->chunks->next;
    while (older) {
        PythiaArenaChunk *next = older->next;
        pythia_free(older);
        older = next;
    }
    arena->chunks->next = NULL;
    arena->used = 0;
    arena->total = arena->chunks->bytes;
}

void pythia_arena_clear(PythiaArena *arena) {
    PythiaArenaChunk *chunk = arena->chunks;
    while (chunk) {
        PythiaArenaChunk *next = chunk->next;
        pythia_free(chunk);
        chunk = next;
    }
    memset(arena, 0, sizeof *arena);
}
