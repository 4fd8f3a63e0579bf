/* test_store_span.c - spans by id: filters, look-ups among deleted, merged and equal ones, how much is read; and what
** look-ups of traces leave undone. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ext/base/bytes.h"
#include "ext/base/hash.h"
#include "ext/store/filter.h"
#include "ext/store/internal.h"
#include "tests/unit/store_traces.h"

enum { TRACES = 60 };

static sqlite3 *db;
static PythiaStore *store;
static PythiaTrace traces[TRACES];

#define OK(call) CU_ASSERT_EQUAL_FATAL((call), SQLITE_OK)

static void setup(void) {
    OK(sqlite3_open(":memory:", &db));
    OK(pythia_store_create_tables(db, "main", NULL));
    OK(pythia_store_open(db, "main", 0, &store, NULL));
}

static void teardown(void) {
    char *report;
    OK(pythia_store_check(store, NULL, &report, NULL));
    if (report) printf("%s\n", report);
    CU_ASSERT_PTR_NULL(report);
    sqlite3_free(report);
    pythia_store_close(store);
    OK(sqlite3_close(db));
    for (int i = 0; i < TRACES; i++)
        pythia_trace_clear(&traces[i]);
}

static void append(const TraceShape *shape, uint64_t seed) {
    Random random = {seed};
    PythiaHead head;
    OK(pythia_store_begin(store, NULL));
    for (int i = 0; i < TRACES; i++) {
        OK(store_trace_make(&traces[i], pythia_store_names(store), &random, shape,
                            (uint64_t)i + 1));
        store_head_make(&head, &traces[i], &random);
        OK(pythia_store_append(store, &traces[i], &head, NULL));
    }
    OK(pythia_store_flush(store, NULL));
}

/* How many live spans have the id. Their columns and traces are compared with it. */
static int count(PythiaId id) {
    PythiaSpanPlace place = {0}, before = {0};
    int n = 0, found;
    for (;; n++) {
        OK(pythia_store_next_span(store, id, &place, &found, NULL));
        if (!found) return n;
        PythiaSegment *segment;
        PythiaTrace trace = {0};
        const int64_t *lo, *first;
        uint32_t k;
        CU_ASSERT(place.segment > before.segment ||
                  (place.segment == before.segment && place.span > before.span));
        before = place;
        OK(pythia_segment_open(store, place.segment, &segment, NULL));
        OK(pythia_segment_column(segment, PYTHIA_COL_SPAN_ID, &lo, &k, NULL));
        CU_ASSERT_EQUAL((uint64_t)lo[place.span], id.lo);
        OK(pythia_segment_column(segment, PYTHIA_COL_TRACE_FIRST_SPAN, &first, &k, NULL));
        OK(pythia_segment_trace(segment, place.ordinal, 0, &trace, NULL));
        CU_ASSERT(pythia_id_equal(trace.spans[place.span - first[place.ordinal]].id, id));
        CU_ASSERT(!pythia_segment_dead(segment, place.ordinal));
        pythia_segment_release(segment);
        pythia_trace_clear(&trace);
    }
}

/* The same, by looking at every span there is; traces `without` are deleted. */
static int expected(PythiaId id, const int *without) {
    int n = 0;
    for (int i = 0; i < TRACES; i++)
        for (uint32_t s = 0; !without[i] && s < traces[i].nspans; s++)
            n += pythia_id_equal(traces[i].spans[s].id, id);
    return n;
}

static int all_are_found(const int *without) {
    int wrong = 0;
    for (int i = 0; i < TRACES; i++)
        for (uint32_t s = 0; s < traces[i].nspans; s++) {
            PythiaId id = traces[i].spans[s].id;
            wrong += count(id) != expected(id, without);
        }
    return !wrong;
}

static void remove_trace(int i) {
    int found;
    int64_t segment;
    uint32_t ordinal;
    OK(pythia_store_find(store, traces[i].id, &found, &segment, &ordinal, NULL));
    CU_ASSERT(found);
    OK(pythia_store_delete(store, segment, ordinal, NULL));
}

/* ---- filters ------------------------------------------------------------------------------------------ */

static void test_filter(void) {
    enum { IDS = 20000 };
    static unsigned char filter[IDS * PYTHIA_FILTER_BITS / 8 + 32];
    size_t bytes = pythia_filter_bytes(IDS);
    Random random = {5};
    CU_ASSERT_EQUAL(pythia_filter_bytes(0), 32);
    CU_ASSERT_EQUAL(pythia_filter_bytes(21), 32);
    CU_ASSERT_EQUAL(pythia_filter_bytes(22), 64);
    CU_ASSERT(bytes * 8 < IDS * (PYTHIA_FILTER_BITS + 0.1));
    static int64_t hi[IDS], lo[IDS], form[IDS];
    for (int i = 0; i < IDS; i++) {
        hi[i] = i % 3;
        lo[i] = i;
        form[i] = i % 2 ? PYTHIA_ID_HEX16 : PYTHIA_ID_TEXT;
    }
    pythia_filter_make(filter, bytes, hi, lo, form, IDS);
    int missing = 0, wrong = 0;
    for (uint64_t i = 0; i < IDS; i++) {
        missing += !pythia_filter_may_hold(
            filter, bytes, (PythiaId){i % 3, i, i % 2 ? PYTHIA_ID_HEX16 : PYTHIA_ID_TEXT});
        wrong += pythia_filter_may_hold(filter, bytes,
                                        (PythiaId){0, random_next(&random), PYTHIA_ID_HEX16});
        wrong += pythia_filter_may_hold(filter, bytes, (PythiaId){i % 3, i, PYTHIA_ID_HEX32});
    }
    CU_ASSERT_EQUAL(missing, 0);
    CU_ASSERT(wrong > 0 && wrong < 2 * IDS / 100);
}

/* The bytes are part of the format. */
static void test_filter_layout(void) {
    unsigned char filter[64];
    const int64_t hi[] = {1, 0}, lo[] = {2, 0xdeadbeef};
    const int64_t form[] = {PYTHIA_ID_HEX32, PYTHIA_ID_HEX16};
    pythia_filter_make(filter, sizeof filter, hi, lo, form, 2);
    CU_ASSERT_EQUAL(pythia_hash64(filter, sizeof filter), 0x8964351e5926b16eu);
}

/* The bits of an id are those that its hash names, one by one. */
static void test_filter_bits(void) {
    static const uint32_t multipliers[8] = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                            0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};
    static const int64_t form = PYTHIA_ID_HEX32;
    enum { BLOCKS = 5 };
    Random random = {6};
    for (int round = 0; round < 5000; round++) {
        const int64_t hi = (int64_t)random_next(&random), lo = (int64_t)random_next(&random);
        unsigned char filter[BLOCKS * 32], expected[BLOCKS * 32] = {0}, key[17];
        pythia_store64(key, (uint64_t)hi);
        pythia_store64(key + 8, (uint64_t)lo);
        key[16] = PYTHIA_ID_HEX32;
        uint64_t hash = pythia_hash64(key, sizeof key);
        unsigned char *block = expected + ((hash >> 32) * BLOCKS >> 32) * 32;
        for (int word = 0; word < 8; word++)
            pythia_store32(block + (size_t)word * 4,
                           (uint32_t)1 << ((uint32_t)hash * multipliers[word] >> 27));
        pythia_filter_make(filter, sizeof filter, &hi, &lo, &form, 1);
        CU_ASSERT(memcmp(filter, expected, sizeof filter) == 0);
    }
}

/* ---- look-ups ----------------------------------------------------------------------------------------- */

static void test_find(void) {
    int without[TRACES] = {0};
    setup();
    append(&store_shape_wild, 21);
    CU_ASSERT(all_are_found(without));
    CU_ASSERT_EQUAL(count((PythiaId){0, 0, PYTHIA_ID_NONE}), 0);
    CU_ASSERT_EQUAL(count((PythiaId){77, 88, PYTHIA_ID_HEX32}), 0);
    for (int i = 0; i < TRACES; i += 3) {
        remove_trace(i);
        without[i] = 1;
    }
    CU_ASSERT(all_are_found(without));
    OK(pythia_store_merge(store, UINT32_MAX, NULL, NULL));
    CU_ASSERT(all_are_found(without));
    /* The same spans once more: every id twice, in two traces. */
    PythiaHead head;
    Random random = {22};
    OK(pythia_store_begin(store, NULL));
    for (int i = 1; i < TRACES; i += 3) {
        uint64_t lo = traces[i].id.lo;
        traces[i].id = (PythiaId){12345, lo, PYTHIA_ID_HEX32};
        store_head_make(&head, &traces[i], &random);
        OK(pythia_store_append(store, &traces[i], &head, NULL));
    }
    OK(pythia_store_flush(store, NULL));
    for (int i = 1; i < TRACES; i += 3)
        for (uint32_t s = 0; s < traces[i].nspans; s++)
            CU_ASSERT_EQUAL(count(traces[i].spans[s].id),
                            2 * expected(traces[i].spans[s].id, without));
    teardown();
}

/* Without room for filters they are read for each look-up. */
static void test_no_room(void) {
    int without[TRACES] = {0};
    setup();
    append(&store_shape_plain, 23);
    OK(pythia_store_config_set(store, PYTHIA_CONFIG_CACHE, "1000", NULL));
    OK(pythia_store_refresh(store, NULL, NULL));
    store->loaded = 0; /* so that the setting is read */
    OK(pythia_store_refresh(store, NULL, NULL));
    CU_ASSERT(all_are_found(without));
    CU_ASSERT(store->filter_bytes <= 250);
    teardown();
}

/* A segment that has no filter is looked into, one whose filter has other ids is reported. */
static void test_filter_missing(void) {
    int without[TRACES] = {0};
    char *report;
    setup();
    append(&store_shape_plain, 24);
    PythiaBlock block;
    PythiaSegment *segment;
    OK(pythia_segment_open(store, 2, &segment, NULL));
    OK(pythia_store_block(segment, PYTHIA_SLOT_FILTER, &block, NULL));
    pythia_segment_release(segment);
    block.data[block.bytes - 1] ^= 1;
    pythia_block_seal(block.data, block.bytes);
    OK(sqlite3_exec(db, "SAVEPOINT s", NULL, NULL, NULL));
    sqlite3_stmt *put;
    OK(sqlite3_prepare_v2(db, "UPDATE pythia_xblock SET data = ?1 WHERE id = 2 << 16 | 14", -1,
                          &put, NULL));
    sqlite3_bind_blob64(put, 1, block.data, block.bytes, SQLITE_STATIC);
    sqlite3_step(put);
    OK(sqlite3_finalize(put));
    OK(pythia_store_check(store, NULL, &report, NULL));
    CU_ASSERT_PTR_NOT_NULL_FATAL(report);
    CU_ASSERT_PTR_NOT_NULL(strstr(report, "filter"));
    sqlite3_free(report);
    OK(sqlite3_exec(db, "ROLLBACK TO s; RELEASE s", NULL, NULL, NULL));
    pythia_block_close(&block);
    /* Segment 2 as one that knows of no filter. */
    OK(pythia_segment_open(store, 2, &segment, NULL));
    OK(pythia_segment_directory(segment, NULL));
    segment->mask &= ~((uint32_t)1 << PYTHIA_SLOT_FILTER);
    CU_ASSERT(all_are_found(without));
    segment->mask |= (uint32_t)1 << PYTHIA_SLOT_FILTER;
    pythia_segment_release(segment);
    teardown();
}

/* Segments whose ids have been read. */
static int opened(void) {
    int n = 0;
    for (uint32_t i = 0; i < store->nentries; i++)
        n += store->entries[i].cached && store->entries[i].cached->blocks[PYTHIA_SLOT_ID].data;
    return n;
}

static void test_work(void) {
    setup();
    append(&store_shape_plain, 25);
    OK(pythia_store_refresh(store, NULL, NULL));
    CU_ASSERT(store->nentries > 20);
    for (uint32_t i = 0; i < store->nentries; i++)
        pythia_store_detach(store, &store->entries[i]);
    CU_ASSERT_EQUAL(count(traces[TRACES / 2].spans[0].id), 1);
    CU_ASSERT(opened() >= 1 && opened() <= 3);
    CU_ASSERT_EQUAL(count((PythiaId){0, 1234567, PYTHIA_ID_HEX16}), 0);
    CU_ASSERT(opened() <= 5);
    teardown();
}

/* ---- look-ups of traces ------------------------------------------------------------------------------- */

static void test_walk(void) {
    PythiaWalk walk = {0};
    for (uint32_t i = 0; i < 10; i++)
        pythia_walk_note(&walk, i * 3);
    CU_ASSERT_EQUAL(walk.n, 10);
    pythia_walk_note(&walk, 27);
    CU_ASSERT_EQUAL(walk.n, 10);
    pythia_walk_note(&walk, 26);
    CU_ASSERT_EQUAL(walk.n, 1);
    /* Traces in any order: no column of spans is decoded as a whole. In ascending order they are. */
    static const TraceShape tiny = {.spans = 1};
    PythiaTrace trace = {0};
    PythiaSegment *segment;
    setup();
    append(&tiny, 26);
    OK(pythia_segment_open(store, 1, &segment, NULL));
    uint32_t n = segment->info.traces;
    CU_ASSERT_FATAL(n >= 3);
    for (uint32_t i = 0; i < 3 * PYTHIA_SEGMENT_READS; i++)
        OK(pythia_segment_trace(segment, i * (n - 1) % n, 1, &trace, NULL));
    CU_ASSERT_PTR_NULL(segment->columns[PYTHIA_COL_SPAN_DURATION]);
    segment->traces.n = PYTHIA_SEGMENT_READS - 1;
    segment->traces.next = 0;
    OK(pythia_segment_trace(segment, 0, 1, &trace, NULL));
    OK(pythia_segment_trace(segment, 1, 1, &trace, NULL));
    CU_ASSERT_PTR_NOT_NULL(segment->columns[PYTHIA_COL_SPAN_DURATION]);
    pythia_segment_release(segment);
    pythia_trace_clear(&trace);
    teardown();
}

static int steps;

static int count_steps(void *unused) {
    (void)unused;
    steps++;
    return 0;
}

/* Within a transaction that reads, a second look at the same file runs no statement; another connection's commit,
** and one's own that is rolled back, are seen all the same. */
static void test_refresh(void) {
    char path[] = "/tmp/pythia-span-XXXXXX";
    int fd = mkstemp(path), changed;
    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    OK(sqlite3_open(path, &db));
    OK(pythia_store_create_tables(db, "main", NULL));
    OK(pythia_store_open(db, "main", 0, &store, NULL));
    append(&store_shape_plain, 27);
    sqlite3_stmt *reader;
    OK(sqlite3_prepare_v2(db, "SELECT * FROM pythia_xconfig", -1, &reader, NULL));
    sqlite3_progress_handler(db, 1, count_steps, NULL);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(sqlite3_step(reader), SQLITE_ROW);
        steps = 0;
        OK(pythia_store_refresh(store, &changed, NULL));
        CU_ASSERT_EQUAL(changed, 0);
        CU_ASSERT_EQUAL(steps > 0, i == 0);
        OK(sqlite3_reset(reader));
    }
    sqlite3 *other;
    OK(sqlite3_open(path, &other));
    PythiaStore *there;
    OK(pythia_store_open(other, "main", 0, &there, NULL));
    OK(pythia_store_config_set(there, "key", "value", NULL));
    CU_ASSERT_EQUAL(sqlite3_step(reader), SQLITE_ROW);
    OK(pythia_store_refresh(store, &changed, NULL));
    CU_ASSERT_EQUAL(changed, 1);
    OK(sqlite3_reset(reader));
    pythia_store_close(there);
    OK(sqlite3_close(other));
    OK(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL));
    remove_trace(0);
    OK(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL));
    CU_ASSERT_EQUAL(sqlite3_step(reader), SQLITE_ROW);
    OK(pythia_store_refresh(store, &changed, NULL));
    CU_ASSERT_EQUAL(changed, 1);
    OK(sqlite3_finalize(reader));
    CU_ASSERT_EQUAL(count(traces[0].spans[0].id), 1);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    teardown();
    unlink(path);
}

PYTHIA_SUITE(store_span, {"filters", test_filter}, {"bytes of a filter", test_filter_layout},
             {"the bits of a filter", test_filter_bits}, {"spans by id", test_find},
             {"no room for filters", test_no_room},
             {"a filter is missing or wrong", test_filter_missing},
             {"few segments are opened", test_work}, {"who walks", test_walk},
             {"a second look", test_refresh})
