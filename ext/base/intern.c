/* intern.c - see intern.h. */
#include "ext/base/intern.h"

enum { INTERN_FIRST_SLOTS = 64 };

/* The slot that holds the text, or the empty one where it would go. */
static uint32_t intern_slot(const PythiaIntern *table, PythiaText text, uint64_t hash) {
    uint32_t slot = (uint32_t)hash & table->mask;
    for (;; slot = (slot + 1) & table->mask) {
        uint32_t id = table->slots[slot];
        if (!id) return slot;
        if (table->hashes[id] == hash && pythia_text_equal(table->texts[id], text)) return slot;
    }
}

/* Keeps the table at most half full. */
static int intern_make_room(PythiaIntern *table) {
    if (table->n >= UINT32_MAX / 2) return SQLITE_FULL;
    if (table->slots && (table->n + 1) * 2 <= table->mask + 1) return SQLITE_OK;
    uint32_t slots = table->slots ? (table->mask + 1) * 2 : INTERN_FIRST_SLOTS;
    uint32_t *grown = pythia_alloc_zero((size_t)slots * sizeof *grown);
    if (!grown) return SQLITE_NOMEM;
    for (uint32_t id = 1; id <= table->n; id++) {
        uint32_t slot = (uint32_t)table->hashes[id] & (slots - 1);
        while (grown[slot])
            slot = (slot + 1) & (slots - 1);
        grown[slot] = id;
    }
    pythia_free(table->slots);
    table->slots = grown;
    table->mask = slots - 1;
    return SQLITE_OK;
}

int pythia_intern(PythiaIntern *table, PythiaText text, uint32_t *id) {
    *id = 0;
    uint64_t hash = pythia_hash64(text.p ? text.p : "", text.n);
    int rc = intern_make_room(table);
    if (rc) return rc;
    uint32_t slot = intern_slot(table, text, hash);
    if (table->slots[slot]) {
        *id = table->slots[slot];
        return SQLITE_OK;
    }
    size_t need = (size_t)table->n + 2;
    rc = pythia_grow((void **)&table->texts, &table->texts_capacity, need, sizeof *table->texts);
    if (!rc)
        rc = pythia_grow((void **)&table->hashes, &table->hashes_capacity, need,
                         sizeof *table->hashes);
    if (rc) return rc;
    char *copy = pythia_arena_alloc(&table->arena, text.n + 1);
    if (!copy) return SQLITE_NOMEM;
    if (text.n) memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    if (!table->n) table->texts[0] = (PythiaText){"", 0};
    *id = ++table->n;
    table->texts[*id] = (PythiaText){copy, text.n};
    table->hashes[*id] = hash;
    table->slots[slot] = *id;
    return SQLITE_OK;
}

uint32_t pythia_intern_find(const PythiaIntern *table, PythiaText text) {
    if (!table->slots) return 0;
    return table->slots[intern_slot(table, text, pythia_hash64(text.p ? text.p : "", text.n))];
}

void pythia_intern_clear(PythiaIntern *table) {
    pythia_arena_clear(&table->arena);
    pythia_free(table->texts);
    pythia_free(table->hashes);
    pythia_free(table->slots);
    memset(table, 0, sizeof *table);
}
