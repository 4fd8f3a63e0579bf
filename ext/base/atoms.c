/* atoms.c - see atoms.h.
**
** Open addressing over a table of fixed size, at most half full. A search looks at PROBES places and then
** declines, so that texts chosen to collide cost no more than others. */
#include "ext/base/atoms.h"

enum { SLOTS = 2 * PYTHIA_ATOMS_MOST, PROBES = 8 };

static uint64_t load64(const char *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t load32(const char *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Of 1 to PYTHIA_ATOM_BYTES bytes, in steps of eight, the last of which overlaps. For this table alone. */
static uint64_t atom_hash(const char *p, size_t n) {
    uint64_t h = n * 0x9e3779b97f4a7c15u;
    if (n >= 8) {
        for (size_t i = 0; i + 8 < n; i += 8)
            h = (h ^ load64(p + i)) * 0xff51afd7ed558ccdu, h ^= h >> 32;
        h ^= load64(p + n - 8);
    } else if (n >= 4) {
        h ^= load32(p) << 32 | load32(p + n - 4);
    } else {
        h ^= (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n / 2] << 8 |
             (unsigned char)p[n - 1];
    }
    /* Low bits of a product know nothing of high bits of its factors. */
    h = (h ^ h >> 32) * 0xc4ceb9fe1a85ec53u;
    h = (h ^ h >> 32) * 0xff51afd7ed558ccdu;
    return h ^ h >> 32;
}

static int atoms_open(PythiaAtoms *a) {
    a->slots = pythia_alloc_zero(SLOTS * sizeof *a->slots);
    a->texts = pythia_alloc_array(PYTHIA_ATOMS_MOST + 1, sizeof *a->texts);
    a->lengths = pythia_alloc_array(PYTHIA_ATOMS_MOST + 1, sizeof *a->lengths);
    if (a->slots && a->texts && a->lengths) return 1;
    pythia_atoms_clear(a);
    return 0;
}

uint32_t pythia_atom(PythiaAtoms *a, PythiaText *text) {
    if (!text->n || text->n > PYTHIA_ATOM_BYTES) return 0;
    if (!a->slots && !atoms_open(a)) return 0;
    uint64_t hash = atom_hash(text->p, text->n);
    uint32_t tag = (uint32_t)(hash >> 32);
    for (uint32_t i = 0; i < PROBES; i++) {
        PythiaAtomSlot *slot = &a->slots[((uint32_t)hash + i) & (SLOTS - 1)];
        if (!slot->atom) {
            if (a->n == PYTHIA_ATOMS_MOST) return 0;
            char *copy = pythia_arena_copy(&a->arena, text->p, text->n);
            if (!copy) return 0;
            a->texts[++a->n] = copy;
            a->lengths[a->n] = (unsigned char)text->n;
            *slot = (PythiaAtomSlot){tag, a->n};
        } else if (slot->tag != tag || a->lengths[slot->atom] != text->n ||
                   memcmp(a->texts[slot->atom], text->p, text->n) != 0) {
            continue;
        }
        text->p = a->texts[slot->atom];
        return slot->atom;
    }
    return 0;
}

void pythia_atoms_clear(PythiaAtoms *a) {
    pythia_arena_clear(&a->arena);
    pythia_free(a->slots);
    pythia_free((void *)a->texts);
    pythia_free(a->lengths);
    memset(a, 0, sizeof *a);
}
