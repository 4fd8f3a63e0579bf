/* test_base_intern.c - interning and hashing. */
#include "ext/base/intern.h"
#include "tests/unit/test.h"

#include <stdio.h>

static void test_ids_in_order(void) {
    PythiaIntern table = {0};
    uint32_t id;
    CU_ASSERT_EQUAL(pythia_intern_find(&table, PYTHIA_TEXT("a")), 0);
    static const char *const texts[] = {"a", "b", "a", "", "b", "c", ""};
    static const uint32_t ids[] = {1, 2, 1, 3, 2, 4, 3};
    for (int i = 0; i < 7; i++) {
        CU_ASSERT_EQUAL(pythia_intern(&table, pythia_text(texts[i]), &id), SQLITE_OK);
        CU_ASSERT_EQUAL(id, ids[i]);
    }
    CU_ASSERT_EQUAL(table.n, 4);
    CU_ASSERT_EQUAL(pythia_intern_find(&table, PYTHIA_TEXT("c")), 4);
    CU_ASSERT_EQUAL(pythia_intern_find(&table, PYTHIA_TEXT("d")), 0);
    CU_ASSERT(pythia_text_equal(pythia_intern_text(&table, 2), PYTHIA_TEXT("b")));
    CU_ASSERT_EQUAL(pythia_intern_text(&table, 0).n, 0);
    CU_ASSERT_EQUAL(pythia_intern_text(&table, 99).n, 0);
    pythia_intern_clear(&table);
    CU_ASSERT_EQUAL(table.n, 0);
}

static void test_bytes_matter(void) {
    PythiaIntern table = {0};
    uint32_t a, b, c;
    pythia_intern(&table, (PythiaText){"x\0y", 3}, &a);
    pythia_intern(&table, (PythiaText){"x\0z", 3}, &b);
    pythia_intern(&table, (PythiaText){"x", 1}, &c);
    CU_ASSERT(a != b && b != c && a != c);
    PythiaText text = pythia_intern_text(&table, c);
    CU_ASSERT_EQUAL(text.p[text.n], 0);
    pythia_intern_clear(&table);
}

/* Many texts: ids stay what they were, and texts do not move while the table grows. */
static void test_growth(void) {
    enum { N = 50000 };
    static const char *where[N + 1];
    PythiaIntern table = {0};
    char text[24];
    int wrong = 0;
    for (uint32_t i = 1; i <= N; i++) {
        uint32_t id;
        snprintf(text, sizeof text, "name-%u", i * 2654435761u);
        CU_ASSERT_EQUAL_FATAL(pythia_intern(&table, pythia_text(text), &id), SQLITE_OK);
        wrong += id != i;
        where[i] = pythia_intern_text(&table, i).p;
    }
    for (uint32_t i = 1; i <= N; i++) {
        snprintf(text, sizeof text, "name-%u", i * 2654435761u);
        wrong += pythia_intern_find(&table, pythia_text(text)) != i;
        wrong += pythia_intern_text(&table, i).p != where[i];
    }
    CU_ASSERT_EQUAL(wrong, 0);
    pythia_intern_clear(&table);
}

/* Stored hashes must be the same on every machine: XXH3's published values for the empty input. */
static void test_hash_values(void) {
    CU_ASSERT_EQUAL(pythia_hash64("", 0), 0x2d06800538d394c2u);
    PythiaHash128 h = pythia_hash128("", 0);
    CU_ASSERT_EQUAL(h.hi, 0x99aa06d3014798d8u);
    CU_ASSERT_EQUAL(h.lo, 0x6001c324468d497fu);
    CU_ASSERT_NOT_EQUAL(pythia_hash64("a", 1), pythia_hash64("b", 1));
}

PYTHIA_SUITE(base_intern, {"ids count in order of first sight", test_ids_in_order},
             {"all bytes matter", test_bytes_matter}, {"growth", test_growth},
             {"XXH3's reference values", test_hash_values})
