/* atoms.h - short texts that come again and again, kept once and known by a number.
**
** Unlike an intern table (intern.h) this one is bounded and may decline: a text that is too long, that finds its
** place crowded, or that comes when the table is full has no atom, and whoever asked goes on with the text as it
** is. So it is quick whatever the input, and its memory does not depend on it.
**
** Numbers are dense, from 1 in order of first sight; 0 stands for "no atom". Equal numbers are equal texts. The
** bytes of an atom neither move nor change until the table is cleared, so that they may be pointed to instead of
** copied, and read by a thread that the number was handed to. */
#ifndef PYTHIA_BASE_ATOMS_H
#define PYTHIA_BASE_ATOMS_H

#include "ext/base/bytes.h"
#include "ext/base/mem.h"

enum { PYTHIA_ATOMS_MOST = 16384, PYTHIA_ATOM_BYTES = 64 };

typedef struct PythiaAtomSlot {
    uint32_t tag;  /* of the hash */
    uint32_t atom; /* 0: empty */
} PythiaAtomSlot;

typedef struct PythiaAtomText {
    const char *p;
    uint32_t n;
    uint32_t plain; /* printable ASCII that needs no escapes: in JSON it looks as it is */
} PythiaAtomText;

typedef struct PythiaAtoms {
    PythiaArena arena;
    PythiaAtomSlot *slots;
    PythiaAtomText *texts; /* by number */
    uint32_t n;
} PythiaAtoms;

/* A zeroed PythiaAtoms is an empty table.
** The number of a text, whose *text then points to the kept bytes; 0: it has none, *text is as it was. */
uint32_t pythia_atom(PythiaAtoms *atoms, PythiaText *text);
void pythia_atoms_clear(PythiaAtoms *atoms);

/* Whether that is the text of the atom, which is not 0. */
static inline int pythia_atom_is(const PythiaAtoms *atoms, uint32_t atom, PythiaText text) {
    const PythiaAtomText *is = &atoms->texts[atom];
    return pythia_bytes_equal_text((PythiaText){is->p, is->n}, text);
}

#endif
