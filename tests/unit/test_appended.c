/* test_appended.c - ext/capture/appended: the set of ids beside a plain list of what was put in. */
#include "ext/capture/appended.h"
#include "tests/unit/test.h"
#include "tests/unit/trace_util.h"

enum { IDS = 4000, KNOWN = 1500 };

static PythiaId id_number(uint32_t n) {
    const uint64_t few = n % 3 ? 0 : n; /* ids that differ in one half, or in form, are others */
    return (PythiaId){few, n * (uint64_t)0x9e3779b97f4a7c15u,
                      n % 2 ? PYTHIA_ID_HEX32 : PYTHIA_ID_UUID};
}

static void test_set(void) {
    PythiaAppended set = {0};
    SampleRandom random = {11};
    static unsigned char in[IDS];
    uint32_t n = 0;
    memset(in, 0, sizeof in);
    CU_ASSERT(!pythia_appended_has(&set, id_number(1)));
    pythia_appended_expect(&set, id_number(1));
    for (int step = 0; step < 3 * IDS; step++) {
        uint32_t i = sample_below(&random, IDS);
        pythia_appended_expect(&set, id_number(i));
        CU_ASSERT_EQUAL(pythia_appended_has(&set, id_number(i)), in[i]);
        if (n == KNOWN && !in[i]) continue;
        CU_ASSERT_EQUAL(pythia_appended_add(&set, id_number(i)), SQLITE_OK);
        n += !in[i];
        in[i] = 1;
        CU_ASSERT_EQUAL(set.n, n);
    }
    for (uint32_t i = 0; i < IDS; i++)
        CU_ASSERT_EQUAL(pythia_appended_has(&set, id_number(i)), in[i]);
    pythia_appended_clear(&set);
    CU_ASSERT_EQUAL(set.n, 0);
    CU_ASSERT(!pythia_appended_has(&set, id_number(0)));
    pythia_appended_clear(&set);
}

PYTHIA_SUITE(appended, {"what was put in is there, and nothing else", test_set})
