/* test_store_tables.c - what a store holds beside segments: groups, settings, names of any bytes. */
#include "tests/unit/test.h"

#include <string.h>

#include "ext/store/store.h"

static sqlite3 *db;
static PythiaStore *store;

#define OK(call) CU_ASSERT_EQUAL_FATAL((call), SQLITE_OK)

/* pragma: what comes before the first table. */
static void setup(const char *pragma) {
    OK(sqlite3_open(":memory:", &db));
    OK(sqlite3_exec(db, pragma, NULL, NULL, NULL));
    OK(pythia_store_create_tables(db, "main", NULL));
    OK(pythia_store_open(db, "main", 0, &store, NULL));
}

static void teardown(void) {
    pythia_store_close(store);
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

static int count_group(void *context, uint64_t id, PythiaText head, char **message) {
    (void)message;
    int *seen = context;
    CU_ASSERT_EQUAL(head.n, id == UINT64_MAX ? 3 : 1);
    ++*seen;
    return SQLITE_OK;
}

static void test_groups(void) {
    setup("");
    int seen = 0;
    char *rest;
    size_t n;
    OK(pythia_store_group_put(store, 5, PYTHIA_TEXT("h"), PYTHIA_TEXT("rest"), NULL));
    OK(pythia_store_group_put(store, UINT64_MAX, PYTHIA_TEXT("big"), PYTHIA_TEXT(""), NULL));
    OK(pythia_store_group_put(store, 9, PYTHIA_TEXT("x"), PYTHIA_TEXT("y"), NULL));
    OK(pythia_store_group_put(store, 9, (PythiaText){NULL, 0}, (PythiaText){NULL, 0}, NULL));
    OK(pythia_store_group_each(store, count_group, &seen, NULL));
    CU_ASSERT_EQUAL(seen, 2);
    OK(pythia_store_group_rest(store, 5, &rest, &n, NULL));
    CU_ASSERT(n == 4 && memcmp(rest, "rest", 4) == 0);
    sqlite3_free(rest);
    OK(pythia_store_group_rest(store, 9, &rest, &n, NULL));
    CU_ASSERT_EQUAL(n, 0);
    sqlite3_free(rest);
    OK(pythia_store_group_delete_all(store, NULL));
    seen = 0;
    OK(pythia_store_group_each(store, count_group, &seen, NULL));
    CU_ASSERT_EQUAL(seen, 0);
    teardown();
}

static void test_config(void) {
    setup("");
    char *text;
    int64_t cookie = pythia_store_cookie(store);
    OK(pythia_store_config_get(store, "grouping", &text, NULL));
    CU_ASSERT_PTR_NULL(text);
    OK(pythia_store_config_set(store, "grouping", "dag", NULL));
    CU_ASSERT(pythia_store_cookie(store) != cookie);
    OK(pythia_store_config_set(store, "grouping", "type", NULL));
    OK(pythia_store_config_get(store, "grouping", &text, NULL));
    CU_ASSERT_STRING_EQUAL(text, "type");
    sqlite3_free(text);
    OK(pythia_store_config_set(store, "grouping", NULL, NULL));
    OK(pythia_store_config_get(store, "grouping", &text, NULL));
    CU_ASSERT_PTR_NULL(text);
    teardown();
}

/* Names of any bytes, in a database of any encoding. */
static void names_round_trip(const char *encoding) {
    static const PythiaText texts[] = {{"plain", 5},
                                       {"", 0},
                                       {"a\0b", 3},
                                       {"\xff\xfe", 2},
                                       {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9},
                                       {"\xed\xa0\x80", 3},
                                       {"\xc0\x80", 2},
                                       {"cut \xe2\x82", 6},
                                       {"\xf5\x80\x80\x80", 4},
                                       {"\xe0\x80\x80", 3}};
    enum { TEXTS = sizeof texts / sizeof *texts };
    setup(encoding);
    OK(pythia_store_begin(store, NULL));
    for (uint32_t i = 0, id; i < TEXTS; i++) {
        OK(pythia_names_string(pythia_store_names(store), texts[i], &id));
        CU_ASSERT_EQUAL(id, i + 1);
    }
    OK(pythia_store_flush(store, NULL));
    PythiaStore *other;
    OK(pythia_store_open(db, "main", 0, &other, NULL));
    for (uint32_t i = 0; i < TEXTS; i++)
        CU_ASSERT(pythia_text_equal(pythia_names_text(pythia_store_names(other), i + 1), texts[i]));
    pythia_store_close(other);
    sqlite3_stmt *count;
    OK(sqlite3_prepare_v2(db, "SELECT count(*) FROM pythia_xdict WHERE text IN ('plain', 'ä€😀')",
                          -1, &count, NULL));
    CU_ASSERT_EQUAL(sqlite3_step(count), SQLITE_ROW);
    CU_ASSERT_EQUAL(sqlite3_column_int(count, 0), 2);
    sqlite3_finalize(count);
    teardown();
}

static void test_names(void) {
    names_round_trip("PRAGMA encoding = 'UTF-8'");
    names_round_trip("PRAGMA encoding = 'UTF-16le'");
}

PYTHIA_SUITE(store_tables, {"groups", test_groups}, {"settings", test_config},
             {"names of any bytes", test_names})
