/* appended.c - see appended.h. */
#include "ext/capture/appended.h"

#include "ext/base/mem.h"

enum { FIRST_SLOTS = 1024 };

static uint64_t id_hash(PythiaId id) {
    return pythia_id_hash(id) | 1; /* never 0 */
}

/* The slot of a hash, or the empty one where it would go. */
static uint64_t *slot_of(const PythiaAppended *a, uint64_t hash) {
    uint32_t slot = (uint32_t)(hash >> 32) & a->mask;
    while (a->slots[slot] && a->slots[slot] != hash)
        slot = (slot + 1) & a->mask;
    return &a->slots[slot];
}

int pythia_appended_has(const PythiaAppended *a, PythiaId id) {
    return a->n && *slot_of(a, id_hash(id));
}

/* The table is larger than the caches that are near: without this the processor waits for each answer. */
void pythia_appended_expect(const PythiaAppended *a, PythiaId id) {
    if (a->slots) __builtin_prefetch(&a->slots[(uint32_t)(id_hash(id) >> 32) & a->mask]);
}

/* At most half of the slots are taken. */
static int appended_grow(PythiaAppended *a) {
    uint32_t old = a->slots ? a->mask + 1 : 0, n = old ? old * 2 : FIRST_SLOTS;
    PythiaAppended grown = {pythia_alloc_zero(n * sizeof *grown.slots), n - 1, a->n};
    if (!grown.slots) return SQLITE_NOMEM;
    for (uint32_t i = 0; i < old; i++)
        if (a->slots[i]) *slot_of(&grown, a->slots[i]) = a->slots[i];
    pythia_free(a->slots);
    *a = grown;
    return SQLITE_OK;
}

int pythia_appended_add(PythiaAppended *a, PythiaId id) {
    if (!a->slots || (a->n + 1) * 2 > a->mask + 1) {
        int rc = appended_grow(a);
        if (rc) return rc;
    }
    uint64_t hash = id_hash(id), *slot = slot_of(a, hash);
    a->n += !*slot;
    *slot = hash;
    return SQLITE_OK;
}

void pythia_appended_clear(PythiaAppended *a) {
    pythia_free(a->slots);
    *a = (PythiaAppended){NULL, 0, 0};
}
