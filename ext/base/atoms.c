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
    if (a->slots && a->texts) return 1;
    pythia_atoms_clear(a);
    return 0;
}

static uint32_t text_is_plain(PythiaText text) {
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < 0x20 || text.p[i] >= 0x7f || text.p[i] == '"' || text.p[i] == '\\')
            return 0;
    return 1;
}

/* A further text; its number, or 0. */
static uint32_t atoms_add(PythiaAtoms *a, PythiaText text) {
    if (a->n == PYTHIA_ATOMS_MOST) return 0;
    const char *copy = pythia_arena_copy(&a->arena, text.p, text.n);
    if (!copy) return 0;
    a->texts[++a->n] = (PythiaAtomText){copy, (uint32_t)text.n, text_is_plain(text)};
    return a->n;
}

uint32_t pythia_atom(PythiaAtoms *a, PythiaText *text) {
    if (!text->n || text->n > PYTHIA_ATOM_BYTES) return 0;
    if (!a->slots && !atoms_open(a)) return 0;
    uint64_t hash = atom_hash(text->p, text->n);
    uint32_t tag = (uint32_t)(hash >> 32);
    for (uint32_t i = 0; i < PROBES; i++) {
        PythiaAtomSlot *slot = &a->slots[((uint32_t)hash + i) & (SLOTS - 1)];
        if (!slot->atom) {
            uint32_t atom = atoms_add(a, *text);
            if (!atom) return 0;
            *slot = (PythiaAtomSlot){tag, atom};
        } else if (slot->tag != tag || !pythia_atom_is(a, slot->atom, *text)) {
            continue;
        }
        text->p = a->texts[slot->atom].p;
        return slot->atom;
    }
    return 0;
}

void pythia_atoms_clear(PythiaAtoms *a) {
    pythia_arena_clear(&a->arena);
    pythia_free(a->slots);
    pythia_free(a->texts);
    memset(a, 0, sizeof *a);
}
