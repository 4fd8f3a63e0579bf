/* same.c - see same.h. */
#include "ext/trace/same.h"

void pythia_same_clear(PythiaSame *same) {
    pythia_free(same->entries);
    pythia_free(same->slots);
    memset(same, 0, sizeof *same);
}

uint64_t pythia_same_hash(PythiaId id, int what, uint64_t value) {
    return pythia_hash_mix(pythia_hash_mix(pythia_id_hash(id), (uint64_t)what), value);
}

uint64_t pythia_same_contents(const PythiaTrace *trace, const PythiaSpan *span, uint32_t service) {
    const PythiaValue *values = span->nvalues ? trace->values + span->first_value : NULL;
    uint64_t h = pythia_hash_mix((uint64_t)span->start_ns, (uint64_t)span->end_ns);
    h = pythia_hash_mix(h, (uint64_t)span->tracepoint << 32 | span->instance);
    h = pythia_hash_mix(h, (uint64_t)service << 32 | (uint64_t)span->kind << 16 |
                               (uint64_t)span->status << 8 | span->flags);
    h = pythia_hash_mix(h, pythia_id_hash(span->parent_id));
    h = pythia_hash_mix(h, pythia_resource_hash(values, span->nvalues));
    return pythia_same_hash(span->id, PYTHIA_SAME_CONTENTS, h);
}

static uint32_t same_slot(const PythiaSame *same, uint64_t hash) {
    uint32_t slot = (uint32_t)hash & same->mask;
    while (same->slots[slot] && same->entries[same->slots[slot] - 1].hash != hash)
        slot = (slot + 1) & same->mask;
    return slot;
}

const PythiaSameEntry *pythia_same_first(const PythiaSame *same, uint64_t hash) {
    if (!same->n) return NULL;
    uint32_t first = same->slots[same_slot(same, hash)];
    return first ? &same->entries[first - 1] : NULL;
}

const PythiaSameEntry *pythia_same_pass(PythiaSame *same, uint64_t hash) {
    uint32_t slot = same_slot(same, hash);
    PythiaSameEntry *first = &same->entries[same->slots[slot] - 1];
    if (!first->next) return NULL;
    PythiaSameEntry *next = &same->entries[first->next - 1];
    next->last = first->last;
    same->slots[slot] = first->next;
    first->last = 0; /* it begins nothing any more */
    return next;
}

static int slots_make_room(PythiaSame *same) {
    enum { FIRST_SLOTS = 256 };
    if (same->n >= UINT32_MAX / 4) return SQLITE_TOOBIG;
    if (same->slots && (same->n + 1) * 2 <= same->mask + 1) return SQLITE_OK;
    uint32_t slots = same->slots ? (same->mask + 1) * 2 : FIRST_SLOTS;
    uint32_t *grown = pythia_alloc_zero((size_t)slots * sizeof *grown);
    if (!grown) return SQLITE_NOMEM;
    pythia_free(same->slots);
    same->slots = grown;
    same->mask = slots - 1;
    for (uint32_t i = 0; i < same->n; i++)
        if (same->entries[i].last) grown[same_slot(same, same->entries[i].hash)] = i + 1;
    return SQLITE_OK;
}

int pythia_same_add(PythiaSame *same, uint64_t hash, uint32_t span) {
    int rc = pythia_grow((void **)&same->entries, &same->capacity, (size_t)same->n + 1,
                         sizeof *same->entries);
    if (!rc) rc = slots_make_room(same);
    if (rc) return rc;
    uint32_t slot = same_slot(same, hash), own = ++same->n;
    same->entries[own - 1] = (PythiaSameEntry){.hash = hash, .span = span};
    if (!same->slots[slot]) {
        same->slots[slot] = same->entries[own - 1].last = own;
        return SQLITE_OK;
    }
    PythiaSameEntry *first = &same->entries[same->slots[slot] - 1];
    same->entries[first->last - 1].next = own;
    first->last = own;
    return SQLITE_OK;
}
