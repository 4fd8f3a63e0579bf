/* test_values_json.c - values as JSON objects: what is kept of resources gives the same as what is not. */
#include "tests/unit/test.h"

#include "ext/trace/names.h"
#include "vtab/values_json.h"

enum { KEYS = 70, RESOURCES = 6, SPANS = 400 };

static uint32_t state;

static uint32_t below(uint32_t n) {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % n;
}

/* Up to `most` values with few keys and few different contents, so that keys and values are often shared. */
static uint32_t make_values(PythiaValue *values, uint32_t most, uint32_t keys) {
    static const char *const texts[] = {"", "a", "say \"hi\"", "a longer one, to be copied"};
    uint32_t n = below(most + 1);
    for (uint32_t i = 0; i < n; i++) {
        values[i] = (PythiaValue){.key = 1 + below(keys), .type = PYTHIA_VALUE_INT};
        values[i].of.integer = below(2);
        if (below(2)) continue;
        values[i].type = PYTHIA_VALUE_TEXT;
        values[i].of.text = texts[below(4)];
        values[i].n = (uint32_t)strlen(values[i].of.text);
    }
    return n;
}

static void check_trace(const PythiaNames *names, PythiaResourceJson *kept, uint32_t keys) {
    PythiaTrace trace = {0};
    PythiaValue values[8];
    for (uint32_t i = 0; i < RESOURCES; i++) {
        uint32_t index, n = make_values(values, 5, keys);
        const PythiaResourceSet set = {values, n, pythia_resource_hash(values, n)};
        CU_ASSERT_EQUAL(pythia_trace_add_resource(&trace, &set, &index), SQLITE_OK);
    }
    for (uint32_t i = 0; i < SPANS; i++) {
        const PythiaSpan span = {.resource = below(trace.nresources),
                                 .nvalues = make_values(values, 8, keys)};
        CU_ASSERT_EQUAL(pythia_trace_add_span(&trace, &span, values), SQLITE_OK);
    }
    CU_ASSERT_EQUAL(pythia_resource_json_begin(kept, &trace), SQLITE_OK);
    for (uint32_t i = 0; i < SPANS; i++) {
        PythiaBuf a = {0}, b = {0};
        pythia_span_json(&a, names, &trace, &trace.spans[i], kept);
        pythia_span_json(&b, names, &trace, &trace.spans[i], NULL);
        CU_ASSERT_EQUAL(a.rc, SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(a.n, b.n);
        CU_ASSERT(memcmp(a.data, b.data, a.n) == 0);
        pythia_buf_clear(&a);
        pythia_buf_clear(&b);
    }
    pythia_trace_clear(&trace);
}

static void test_kept(void) {
    PythiaNames names = {0};
    PythiaResourceJson kept = {0};
    state = 1;
    for (uint32_t i = 0; i < KEYS; i++) {
        char key[] = {'k', (char)('0' + i / 10), (char)('0' + i % 10), 0};
        uint32_t id;
        CU_ASSERT_EQUAL(pythia_names_string(&names, pythia_text(key), &id), SQLITE_OK);
    }
    for (int round = 0; round < 20; round++)
        check_trace(&names, &kept, round % 2 ? KEYS : 6);
    pythia_resource_json_clear(&kept);
    pythia_names_clear(&names);
}

static void test_clash(void) {
    PythiaNames names = {0};
    PythiaBuf json = {0};
    uint32_t key, other;
    CU_ASSERT_EQUAL(pythia_names_string(&names, PYTHIA_TEXT("key"), &key), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_names_string(&names, PYTHIA_TEXT("other"), &other), SQLITE_OK);
    PythiaValue of_span[] = {{.key = key, .type = PYTHIA_VALUE_INT, .of.integer = 1}};
    PythiaValue of_resource[] = {{.key = key, .type = PYTHIA_VALUE_INT, .of.integer = 2},
                                 {.key = other, .type = PYTHIA_VALUE_INT, .of.integer = 3}};
    PythiaResourceSet resource = {of_resource, 2, 0};
    PythiaTrace trace = {.values = of_span, .resources = &resource, .nresources = 1};
    PythiaSpan spans[] = {{.nvalues = 1}, {.nvalues = 0}};
    PythiaResourceJson kept = {0};
    CU_ASSERT_EQUAL(pythia_resource_json_begin(&kept, &trace), SQLITE_OK);
    for (int i = 0; i < 2; i++) {
        pythia_span_json(&json, &names, &trace, &spans[i], &kept);
        char *text = pythia_buf_take(&json);
        CU_ASSERT_STRING_EQUAL(text, i ? "{\"key\":2,\"other\":3}"
                                       : "{\"key\":1,\"resource.key\":2,\"other\":3}");
        sqlite3_free(text);
    }
    pythia_resource_json_clear(&kept);
    pythia_names_clear(&names);
}

PYTHIA_SUITE(values_json, {"what is kept of resources", test_kept},
             {"a key of span and resource", test_clash})
