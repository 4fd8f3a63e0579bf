/* test_trace_names.c - strings, trace points, ids and resolutions of a capture; tolerances. */
#include "tests/unit/trace_util.h"

#include <stdio.h>

static void test_tracepoints(void) {
    PythiaNames names = {0};
    uint32_t service, operation, point, id, again, with_point, empty;
    CU_ASSERT_EQUAL(pythia_names_string(&names, PYTHIA_TEXT("web"), &service), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_names_string(&names, PYTHIA_TEXT("GET /"), &operation), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_names_string(&names, PYTHIA_TEXT("cache miss"), &point), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_names_tracepoint(&names, service, operation, 0, &id), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_names_tracepoint(&names, service, operation, point, &with_point),
                    SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_names_tracepoint(&names, service, operation, 0, &again), SQLITE_OK);
    CU_ASSERT_EQUAL(id, 1);
    CU_ASSERT_EQUAL(with_point, 2);
    CU_ASSERT_EQUAL(again, id);
    CU_ASSERT_EQUAL(pythia_names_tracepoint(&names, 0, 0, 0, &empty), SQLITE_OK);
    CU_ASSERT(
        pythia_text_equal(pythia_names_tracepoint_text(&names, id), PYTHIA_TEXT("web/GET /")));
    CU_ASSERT(pythia_text_equal(pythia_names_tracepoint_text(&names, with_point),
                                PYTHIA_TEXT("web/GET //cache miss")));
    CU_ASSERT(pythia_text_equal(pythia_names_tracepoint_text(&names, empty), PYTHIA_TEXT("")));
    CU_ASSERT_EQUAL(pythia_names_tracepoint_text(&names, 0).n, 0);
    CU_ASSERT_EQUAL(pythia_names_tracepoint_text(&names, 99).n, 0);
    /* The hash is that of the name, its length in front as 8 little-endian bytes. */
    PythiaHash128 hash = pythia_hash128("\x09\0\0\0\0\0\0\0web/GET /", 17);
    CU_ASSERT(names.tracepoints[id].hash.hi == hash.hi && names.tracepoints[id].hash.lo == hash.lo);
    pythia_names_clear(&names);
}

/* Many: ids stay dense, in order of first sight, and texts follow from the parts. */
static void test_many_tracepoints(void) {
    enum { N = 60 };
    PythiaNames names = {0};
    uint32_t strings[N];
    int wrong = 0;
    for (uint32_t i = 0; i < N; i++) {
        char text[16];
        int n = snprintf(text, sizeof text, "n%u", (unsigned)i);
        wrong += pythia_names_string(&names, (PythiaText){text, (size_t)n}, &strings[i]) != 0;
    }
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; i < N; i++)
            for (uint32_t k = 0; k < N; k++) {
                uint32_t id;
                char text[40];
                wrong += pythia_names_tracepoint(&names, strings[i], strings[k], 0, &id) != 0;
                wrong += id != i * N + k + 1;
                int n = snprintf(text, sizeof text, "n%u/n%u", (unsigned)i, (unsigned)k);
                wrong += !pythia_text_equal(pythia_names_tracepoint_text(&names, id),
                                            (PythiaText){text, (size_t)n});
            }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(names.ntracepoints, N * N);
    pythia_names_clear(&names);
}

/* Two places whose full names are the same text have one hash: names are what counts between machines. */
static void test_same_text(void) {
    PythiaNames names = {0};
    uint32_t a, ab, bc, c, first, second;
    pythia_names_string(&names, PYTHIA_TEXT("a"), &a);
    pythia_names_string(&names, PYTHIA_TEXT("a/b"), &ab);
    pythia_names_string(&names, PYTHIA_TEXT("b/c"), &bc);
    pythia_names_string(&names, PYTHIA_TEXT("c"), &c);
    CU_ASSERT_EQUAL(pythia_names_tracepoint(&names, a, bc, 0, &first), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_names_tracepoint(&names, ab, c, 0, &second), SQLITE_OK);
    CU_ASSERT_NOT_EQUAL(first, second);
    CU_ASSERT_EQUAL(names.tracepoints[first].text, names.tracepoints[second].text);
    CU_ASSERT_EQUAL(names.tracepoints[first].hash.lo, names.tracepoints[second].hash.lo);
    pythia_names_clear(&names);
}

/* ---- ids ------------------------------------------------------------------------------------------------ */

static PythiaRef ref_of(const char *text) {
    PythiaText t = pythia_text(text);
    return (PythiaRef){pythia_id_parse(t), t};
}

static void test_ids(void) {
    static const char *const written[] = {"00f067aa0ba902b7", "4bf92f3577b34da6a3ce929d0e0e4736",
                                          "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "request #7",
                                          "x"};
    PythiaNames names = {0};
    char buffer[PYTHIA_ID_CHARS];
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
        PythiaRef ref = ref_of(written[i]);
        PythiaId id;
        CU_ASSERT_EQUAL(pythia_names_id(&names, &ref, &id), SQLITE_OK);
        PythiaText text = pythia_names_id_text(&names, id, buffer);
        CU_ASSERT(pythia_text_equal(text, pythia_text(written[i])));
        CU_ASSERT(pythia_id_equal(pythia_names_find_id(&names, pythia_text(written[i])), id));
    }
    /* Not the spelling that tables show; never seen; nothing. */
    CU_ASSERT_EQUAL(pythia_names_find_id(&names, PYTHIA_TEXT("00F067AA0BA902B7")).form,
                    PYTHIA_ID_NONE);
    CU_ASSERT_EQUAL(pythia_names_find_id(&names, PYTHIA_TEXT("request #8")).form, PYTHIA_ID_NONE);
    CU_ASSERT_EQUAL(pythia_names_find_id(&names, PYTHIA_TEXT("")).form, PYTHIA_ID_NONE);
    PythiaId none = {0, 0, PYTHIA_ID_NONE}, wild = {0, UINT64_MAX, PYTHIA_ID_TEXT};
    CU_ASSERT_EQUAL(pythia_names_id_text(&names, none, buffer).n, 0);
    CU_ASSERT_EQUAL(pythia_names_id_text(&names, wild, buffer).n, 0);
    pythia_names_clear(&names);
}

/* ---- resolutions ------------------------------------------------------------------------------------------ */

static void test_resolution(void) {
    PythiaNames names = {0};
    CU_ASSERT_EQUAL(pythia_names_resolution_ns(&names, 3), 1);
    CU_ASSERT_EQUAL(pythia_names_observe(&names, 3, 0), SQLITE_OK); /* says nothing */
    CU_ASSERT_EQUAL(pythia_names_resolution_ns(&names, 3), 1);
    pythia_names_observe(&names, 3, 1700000000000000000);
    CU_ASSERT_EQUAL(pythia_names_resolution_ns(&names, 3), 100000000000000000);
    pythia_names_observe(&names, 3, 1700000000123000000);
    CU_ASSERT_EQUAL(pythia_names_resolution_ns(&names, 3), 1000000);
    pythia_names_observe(&names, 3, 1700000000120000000); /* coarser: changes nothing */
    CU_ASSERT_EQUAL(pythia_names_resolution_ns(&names, 3), 1000000);
    pythia_names_observe(&names, 3, 1700000000123456789);
    CU_ASSERT_EQUAL(pythia_names_resolution_ns(&names, 3), 1);
    CU_ASSERT_EQUAL(pythia_names_resolution_ns(&names, 1), 1); /* others: unknown */
    CU_ASSERT_EQUAL(names.resolution[1], PYTHIA_NO_RESOLUTION);
    CU_ASSERT_EQUAL(pythia_names_set_resolution(&names, 9, 6), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_names_resolution_ns(&names, 9), 1000000);
    pythia_names_set_resolution(&names, 9, 9); /* only ever lowered */
    pythia_names_set_resolution(&names, 9, PYTHIA_NO_RESOLUTION);
    CU_ASSERT_EQUAL(pythia_names_resolution_ns(&names, 9), 1000000);
    pythia_names_set_resolution(&names, 9, 3);
    CU_ASSERT_EQUAL(pythia_names_resolution_ns(&names, 9), 1000);
    pythia_names_clear(&names);
}

/* The largest power of ten that divides all starts, tried one by one. */
static void test_resolution_random(void) {
    SampleRandom random = {5};
    int wrong = 0;
    for (int round = 0; round < 2000; round++) {
        PythiaNames names = {0};
        int64_t starts[4], best = 1, unit = 1;
        for (uint32_t e = sample_below(&random, 12); e > 0; e--)
            unit *= 10;
        for (int i = 0; i < 4; i++) {
            starts[i] = (1 + (int64_t)sample_below(&random, 100000)) * unit;
            wrong += pythia_names_observe(&names, 2, starts[i]) != SQLITE_OK;
        }
        for (int64_t power = 1; power <= 100000000000000000; power *= 10)
            if (starts[0] % power == 0 && starts[1] % power == 0 && starts[2] % power == 0 &&
                starts[3] % power == 0)
                best = power;
        wrong += pythia_names_resolution_ns(&names, 2) != best;
        pythia_names_clear(&names);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void test_tolerance(void) {
    PythiaNames names = {0};
    PythiaModel model = sample_model();
    pythia_names_set_resolution(&names, 1, 0);
    pythia_names_set_resolution(&names, 2, 3);
    pythia_names_set_resolution(&names, 3, 4);
    pythia_names_set_resolution(&names, 4, 6);
    CU_ASSERT_EQUAL(pythia_model_tolerance_ns(&model, &names, 1, 1), 0);
    CU_ASSERT_EQUAL(pythia_model_tolerance_ns(&model, &names, 1, 2), 0); /* 1 us is fine enough */
    CU_ASSERT_EQUAL(pythia_model_tolerance_ns(&model, &names, 3, 1), 20000);
    CU_ASSERT_EQUAL(pythia_model_tolerance_ns(&model, &names, 1, 4), 2000000);
    CU_ASSERT_EQUAL(pythia_model_tolerance_ns(&model, &names, 4, 3), 2000000);
    CU_ASSERT_EQUAL(pythia_model_tolerance_ns(&model, &names, 7, 8), 0); /* nothing known */
    model.order_tolerance_ns = 5;
    CU_ASSERT_EQUAL(pythia_model_tolerance_ns(&model, &names, 4, 4), 5);
    model.order_tolerance_ns = 0;
    CU_ASSERT_EQUAL(pythia_model_tolerance_ns(&model, &names, 4, 4), 0);
    pythia_names_clear(&names);
}

PYTHIA_SUITE(trace_names, {"trace points", test_tracepoints},
             {"many trace points", test_many_tracepoints},
             {"the same text from other parts", test_same_text}, {"ids as text and back", test_ids},
             {"resolution by hand", test_resolution},
             {"resolution at random", test_resolution_random}, {"tolerance", test_tolerance})
