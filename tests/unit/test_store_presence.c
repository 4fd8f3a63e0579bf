/* test_store_presence.c - the filter of the traces that a store may have: it never denies one that is there, whoever
** wrote it and whatever was taken back. In test builds it has room for 64 traces, so that it is made, outgrown and
** given up here. */
#include "tests/unit/test.h"

#include <string.h>
#include <unistd.h>

#include "ext/store/internal.h"
#include "tests/unit/store_traces.h"

/* A filter is made for up to MADE_MOST traces, and holds up to FULL. */
enum { TRACES = 80, MADE_MOST = 40, FULL = 64 };

typedef struct Side {
    sqlite3 *db;
    PythiaStore *store;
} Side;

static char path[100];
static Side sides[2];
static PythiaId ids[TRACES];
static Random random_state;

#define OK(call) CU_ASSERT_EQUAL_FATAL((call), SQLITE_OK)

static void side_open(Side *side) {
    OK(sqlite3_open(path, &side->db));
    if (side == sides) OK(pythia_store_create_tables(side->db, "main", NULL));
    OK(pythia_store_open(side->db, "main", 0, &side->store, NULL));
}

static void setup(void) {
    snprintf(path, sizeof path, "/tmp/pythia-presence-%ld.db", (long)getpid());
    unlink(path);
    random_state = (Random){5};
    side_open(&sides[0]);
    side_open(&sides[1]);
}

static void teardown(void) {
    for (int i = 0; i < 2; i++) {
        pythia_store_close(sides[i].store);
        OK(sqlite3_close(sides[i].db));
    }
    unlink(path);
}

/* Appends the traces first .. end - 1, and flushes. */
static void append(const Side *side, uint32_t first, uint32_t end) {
    OK(pythia_store_begin(side->store, NULL));
    for (uint32_t i = first; i < end; i++) {
        PythiaTrace trace = {0};
        PythiaHead head;
        OK(store_trace_make(&trace, pythia_store_names(side->store), &random_state,
                            &store_shape_plain, i + 1));
        store_head_make(&head, &trace, &random_state);
        OK(pythia_store_append(side->store, &trace, &head, NULL));
        ids[i] = trace.id;
        pythia_trace_clear(&trace);
    }
    OK(pythia_store_flush(side->store, NULL));
}

/* Asks for all of the first n, which are there. */
static void all_may_be(const Side *side, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        int may = 0;
        OK(pythia_store_may_hold(side->store, ids[i], &may, NULL));
        CU_ASSERT(may);
    }
}

/* How many of 1,000 ids that no trace has may be there. */
static int strangers(const Side *side) {
    int n = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        int may = 0;
        PythiaId id = {i * (uint64_t)0x9e3779b97f4a7c15u, i, PYTHIA_ID_HEX32};
        OK(pythia_store_may_hold(side->store, id, &may, NULL));
        n += may;
    }
    return n;
}

static void test_grows(void) {
    setup();
    for (uint32_t n = 0; n < TRACES; n += 4) {
        append(&sides[0], n, n + 4); /* those before are in the filter; it is outgrown twice */
        all_may_be(&sides[0], n + 4);
        int may = strangers(&sides[0]);
        if (n + 4 <= MADE_MOST) CU_ASSERT(may < 100 && sides[0].store->presence.filter);
        if (n + 4 > FULL) CU_ASSERT(may == 1000 && !sides[0].store->presence.filter);
        all_may_be(&sides[0], n + 4);
        if (n == 20) pythia_store_forget_presence(sides[0].store);
    }
    teardown();
}

static void test_others_write(void) {
    setup();
    append(&sides[0], 0, 10);
    CU_ASSERT(strangers(&sides[0]) < 100);
    append(&sides[1], 10, 20);
    OK(pythia_store_refresh(sides[0].store, NULL, NULL));
    all_may_be(&sides[0], 20);
    CU_ASSERT(strangers(&sides[0]) < 100);
    all_may_be(&sides[0], 20);
    append(&sides[0], 20, 30);
    append(&sides[1], 30, 32);
    OK(pythia_store_refresh(sides[0].store, NULL, NULL));
    all_may_be(&sides[0], 32);
    teardown();
}

static void test_taken_back(void) {
    setup();
    append(&sides[0], 0, 10);
    CU_ASSERT(strangers(&sides[0]) < 100);
    OK(sqlite3_exec(sides[0].db, "BEGIN", NULL, NULL, NULL));
    append(&sides[0], 10, 20);
    all_may_be(&sides[0], 20);
    OK(sqlite3_exec(sides[0].db, "ROLLBACK", NULL, NULL, NULL));
    append(&sides[1], 10, 15); /* what it wrote is known to it alone */
    OK(pythia_store_refresh(sides[0].store, NULL, NULL));
    all_may_be(&sides[0], 15);
    CU_ASSERT(strangers(&sides[0]) < 100);
    all_may_be(&sides[0], 15);
    teardown();
}

PYTHIA_SUITE(store_presence,
             {"it grows with the store, and is given up when that is large", test_grows},
             {"what another connection writes is not denied", test_others_write},
             {"what was taken back and written by another is not denied", test_taken_back})
