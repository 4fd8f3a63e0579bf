/* test_base_atoms.c - ext/base/atoms: numbers for short texts, and when there is none. */
#include "ext/base/atoms.h"
#include "tests/unit/test.h"

#include <stdio.h>

static void test_same_text(void) {
    PythiaAtoms atoms = {0};
    char first[] = "http.method", again[] = "http.method";
    PythiaText a = {first, 11}, b = {again, 11}, c = {again, 10};
    CU_ASSERT_EQUAL(pythia_atom(&atoms, &a), 1);
    CU_ASSERT_PTR_NOT_EQUAL(a.p, first); /* the kept bytes */
    CU_ASSERT_EQUAL(pythia_atom(&atoms, &c), 2);
    CU_ASSERT_EQUAL(pythia_atom(&atoms, &b), 1);
    CU_ASSERT_PTR_EQUAL(a.p, b.p);
    CU_ASSERT_EQUAL(memcmp(c.p, "http.metho", 10), 0);
    pythia_atoms_clear(&atoms);
}

/* All lengths, each with texts that differ in one byte. */
static void test_lengths(void) {
    PythiaAtoms atoms = {0};
    char text[PYTHIA_ATOM_BYTES + 1];
    uint32_t n = 0;
    for (size_t length = 1; length <= PYTHIA_ATOM_BYTES; length++)
        for (size_t at = 0; at < length; at++) {
            memset(text, 'a', length);
            text[at] = 'b';
            PythiaText t = {text, length};
            n += pythia_atom(&atoms, &t) != 0;
            CU_ASSERT(t.n == length && memcmp(t.p, text, length) == 0);
        }
    CU_ASSERT_EQUAL(n, PYTHIA_ATOM_BYTES * (PYTHIA_ATOM_BYTES + 1) / 2);
    CU_ASSERT_EQUAL(atoms.n, n);
    PythiaText none = {"", 0}, longer = {text, sizeof text};
    CU_ASSERT_EQUAL(pythia_atom(&atoms, &none), 0);
    CU_ASSERT_EQUAL(pythia_atom(&atoms, &longer), 0);
    CU_ASSERT_PTR_EQUAL(longer.p, text);
    pythia_atoms_clear(&atoms);
}

static void test_full(void) {
    PythiaAtoms atoms = {0};
    char text[16];
    uint32_t declined = 0;
    for (int i = 0; i < 3 * PYTHIA_ATOMS_MOST; i++) {
        int n = snprintf(text, sizeof text, "value %d", i);
        PythiaText t = {text, (size_t)n};
        declined += pythia_atom(&atoms, &t) == 0;
    }
    CU_ASSERT(atoms.n <= PYTHIA_ATOMS_MOST && atoms.n > PYTHIA_ATOMS_MOST / 8 * 7);
    CU_ASSERT_EQUAL(declined, 3 * PYTHIA_ATOMS_MOST - atoms.n);
    PythiaText first = PYTHIA_TEXT("value 0");
    CU_ASSERT_EQUAL(pythia_atom(&atoms, &first), 1);
    pythia_atoms_clear(&atoms);
}

PYTHIA_SUITE(base_atoms, {"equal texts have equal numbers", test_same_text},
             {"lengths, and what is too long", test_lengths},
             {"a full table declines, and knows what it has", test_full})
