/* test_trace_id.c - trace and span ids. */
#include "ext/trace/id.h"
#include "tests/unit/test.h"

static void check(PythiaId id, uint32_t form, uint64_t hi, uint64_t lo, const char *written) {
    char out[PYTHIA_ID_CHARS];
    CU_ASSERT_EQUAL(id.form, form);
    CU_ASSERT_EQUAL(id.hi, hi);
    CU_ASSERT_EQUAL(id.lo, lo);
    size_t n = pythia_id_write(id, out);
    CU_ASSERT(pythia_text_equal((PythiaText){out, n}, pythia_text(written)));
}

static void test_forms(void) {
    check(pythia_id_parse(PYTHIA_TEXT("")), PYTHIA_ID_NONE, 0, 0, "");
    check(pythia_id_parse(PYTHIA_TEXT("00f067aa0ba902b7")), PYTHIA_ID_HEX16, 0, 0x00f067aa0ba902b7,
          "00f067aa0ba902b7");
    check(pythia_id_parse(PYTHIA_TEXT("4BF92F3577b34da6a3ce929d0e0e4736")), PYTHIA_ID_HEX32,
          0x4bf92f3577b34da6, 0xa3ce929d0e0e4736, "4bf92f3577b34da6a3ce929d0e0e4736");
    check(pythia_id_parse(PYTHIA_TEXT("0027A9aa-7edf-46cc-b554-d125fa16911a")), PYTHIA_ID_UUID,
          0x0027a9aa7edf46cc, 0xb554d125fa16911a, "0027a9aa-7edf-46cc-b554-d125fa16911a");
}

static void test_texts(void) {
    static const char *const texts[] = {"x",
                                        "00f067aa0ba902bg",
                                        "0f067aa0ba902b7",
                                        "0027a9aa7-edf-46cc-b554-d125fa16911a",
                                        "4bf92f3577b34da6a3ce929d0e0e473",
                                        "4bf92f3577b34da6a3ce929d0e0e47365",
                                        "0x7aa0ba902b7000"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        check(pythia_id_parse(pythia_text(texts[i])), PYTHIA_ID_TEXT, 0, 0, "");
}

static void test_padded(void) {
    check(pythia_id_parse_padded(PYTHIA_TEXT("a1")), PYTHIA_ID_HEX16, 0, 0xa1, "00000000000000a1");
    check(pythia_id_parse_padded(PYTHIA_TEXT("10000000000000002")), PYTHIA_ID_HEX32, 1, 2,
          "00000000000000010000000000000002");
    check(pythia_id_parse_padded(PYTHIA_TEXT("zz")), PYTHIA_ID_TEXT, 0, 0, "");
    check(pythia_id_parse_padded(PYTHIA_TEXT("")), PYTHIA_ID_NONE, 0, 0, "");
}

static void test_bytes(void) {
    static const unsigned char bytes[16] = {0x01, 2,  3,  4,  5,  6,  7,  8,
                                            9,    10, 11, 12, 13, 14, 15, 0xff};
    check(pythia_id_from_bytes(bytes, 8), PYTHIA_ID_HEX16, 0, 0x0102030405060708,
          "0102030405060708");
    check(pythia_id_from_bytes(bytes, 16), PYTHIA_ID_HEX32, 0x0102030405060708, 0x090a0b0c0d0e0fff,
          "0102030405060708090a0b0c0d0e0fff");
    check(pythia_id_from_bytes(bytes, 15), PYTHIA_ID_NONE, 0, 0, "");
    static const unsigned char zeros[16] = {0};
    check(pythia_id_from_bytes(zeros, 16), PYTHIA_ID_NONE, 0, 0, "");
}

static void test_equality(void) {
    PythiaId short_id = pythia_id_parse(PYTHIA_TEXT("00000000000000a1"));
    PythiaId long_id = pythia_id_parse(PYTHIA_TEXT("000000000000000000000000000000a1"));
    CU_ASSERT_FALSE(pythia_id_equal(short_id, long_id));
    CU_ASSERT(pythia_id_equal(short_id, pythia_id_parse(PYTHIA_TEXT("00000000000000A1"))));
    CU_ASSERT_EQUAL(pythia_id_hash(short_id),
                    pythia_id_hash(pythia_id_parse(PYTHIA_TEXT("00000000000000A1"))));
}

PYTHIA_SUITE(trace_id, {"numeric forms round trip", test_forms},
             {"other shapes are texts", test_texts}, {"dropped leading zeros", test_padded},
             {"raw bytes", test_bytes}, {"equality", test_equality})
