/* test_store_damage.c - what is stored is damaged in every place, and every allocation fails once: an
** error comes out, or what went in, and nothing else. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#include "ext/base/bytes.h"
#include "ext/store/block.h"
#include "ext/store/internal.h"
#include "tests/unit/store_traces.h"

static sqlite3 *db;

static void sql(const char *text) {
    char *error = NULL;
    int rc = sqlite3_exec(db, text, NULL, NULL, &error);
    if (rc) printf("%s: %s\n", text, error);
    sqlite3_free(error);
    CU_ASSERT_EQUAL_FATAL(rc, SQLITE_OK);
}

/* A store with a few traces of every kind, one of them deleted. Returns a code, for the fault tests. */
static int fill(PythiaStore *store, uint32_t traces, const TraceShape *shape) {
    Random random = {99};
    PythiaTrace trace = {0};
    PythiaHead head;
    int rc = pythia_store_begin(store, NULL), found;
    for (uint32_t i = 0; !rc && i < traces; i++) {
        rc = store_trace_make(&trace, pythia_store_names(store), &random, shape, i + 1);
        if (rc) break;
        store_head_make(&head, &trace, &random);
        rc = pythia_store_append(store, &trace, &head, NULL);
    }
    if (!rc) rc = pythia_store_flush(store, NULL);
    int64_t segment;
    uint32_t ordinal;
    PythiaId id = {63, 2, PYTHIA_ID_HEX32}; /* of the first trace but one */
    if (!rc) rc = pythia_store_find(store, id, &found, &segment, &ordinal, NULL);
    if (!rc && found) rc = pythia_store_delete(store, segment, ordinal, NULL);
    if (!rc) rc = pythia_store_group_put(store, 1, PYTHIA_TEXT("head"), PYTHIA_TEXT("rest"), NULL);
    if (rc) pythia_store_discard(store);
    pythia_trace_clear(&trace);
    return rc;
}

static void make(uint32_t traces) {
    PythiaStore *store;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_store_create_tables(db, "main", NULL), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_store_open(db, "main", 0, &store, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(fill(store, traces, &store_shape_wild), SQLITE_OK);
    pythia_store_close(store);
}

/* Opens the store anew and reads it all. SQLITE_CORRUPT_VTAB when damage was met. */
static int read_all(uint64_t *hash) {
    PythiaStore *store;
    int damaged = 0;
    char *error = NULL;
    int rc = pythia_store_open(db, "main", 0, &store, &error);
    if (rc == SQLITE_CORRUPT_VTAB) CU_ASSERT_PTR_NOT_NULL(error);
    sqlite3_free(error);
    if (rc) return rc;
    rc = store_read_all(store, &damaged, hash);
    if (!rc) { /* the check has no less to say */
        char *report = NULL;
        rc = pythia_store_check(store, NULL, &report, NULL);
        if (!rc && damaged) CU_ASSERT_PTR_NOT_NULL(report);
        sqlite3_free(report);
    }
    pythia_store_close(store);
    return !rc && damaged ? SQLITE_CORRUPT_VTAB : rc;
}

static void put_block(sqlite3_stmt *put, sqlite3_int64 id, const void *data, size_t n) {
    sqlite3_bind_blob64(put, 1, data, n, SQLITE_STATIC);
    sqlite3_bind_int64(put, 2, id);
    sqlite3_step(put);
    CU_ASSERT_EQUAL_FATAL(sqlite3_reset(put), SQLITE_OK);
}

/* Damages each block `rounds` times. sealed: the checksum is made right again. Returns how often damage
** was met. */
static int damage_blocks(int rounds, int sealed, int *survived) {
    Random random = {123};
    uint64_t sound, hash;
    make(4);
    CU_ASSERT_EQUAL_FATAL(read_all(&sound), SQLITE_OK);
    sqlite3_stmt *get, *put;
    sqlite3_prepare_v2(db, "SELECT id, data FROM pythia_xblock ORDER BY id", -1, &get, NULL);
    sqlite3_prepare_v2(db, "UPDATE pythia_xblock SET data = ?1 WHERE id = ?2", -1, &put, NULL);
    int met = 0;
    while (sqlite3_step(get) == SQLITE_ROW) {
        sqlite3_int64 id = sqlite3_column_int64(get, 0);
        size_t n = (size_t)sqlite3_column_bytes(get, 1);
        unsigned char *was = pythia_alloc(n), *now = pythia_alloc(n);
        CU_ASSERT_FATAL(was && now);
        memcpy(was, sqlite3_column_blob(get, 1), n);
        for (int round = 0; round < rounds; round++) {
            size_t bytes = n;
            memcpy(now, was, n);
            for (uint64_t hits = 1 + random_below(&random, 3); hits; hits--) {
                size_t at = random_below(&random, round % 2 && n > 64 ? 64 : n);
                now[at] ^= (unsigned char)(1 + random_below(&random, 255));
            }
            if (round % 8 == 7) bytes = random_below(&random, n);
            if (sealed) pythia_block_seal(now, bytes);
            if (bytes == n && memcmp(was, now, n) == 0) continue;
            put_block(put, id, now, bytes);
            int rc = read_all(&hash);
            if (rc == SQLITE_OK && hash != sound) ++*survived;
            met += rc != SQLITE_OK;
            if (!sealed && rc != SQLITE_CORRUPT_VTAB)
                printf("row %lld.%lld: %d\n", id >> 16, id & 65535, rc);
            CU_ASSERT(rc == SQLITE_OK || rc == SQLITE_CORRUPT_VTAB || rc == SQLITE_NOMEM);
            if (!sealed) CU_ASSERT_EQUAL(rc, SQLITE_CORRUPT_VTAB);
        }
        put_block(put, id, was, n);
        pythia_free(was);
        pythia_free(now);
    }
    sqlite3_finalize(get);
    sqlite3_finalize(put);
    CU_ASSERT_EQUAL(read_all(&hash), SQLITE_OK);
    CU_ASSERT_EQUAL(hash, sound);
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
    return met;
}

static void test_checksums(void) {
    int survived = 0;
    CU_ASSERT(damage_blocks(5, 0, &survived) > 100);
    CU_ASSERT_EQUAL(survived, 0);
}

/* With the checksums made right again the decoders are on their own: wrong values may come out, but
** only values that are in bounds. */
static void test_decoders(void) {
    int survived = 0;
    CU_ASSERT(damage_blocks(10, 1, &survived) > 100);
    CU_ASSERT(survived > 10);
}

static void test_missing_blocks(void) {
    uint64_t hash;
    make(9);
    sqlite3_stmt *get;
    sqlite3_prepare_v2(db, "SELECT id FROM pythia_xblock", -1, &get, NULL);
    int n = 0;
    static sqlite3_int64 ids[1000];
    while (n < 1000 && sqlite3_step(get) == SQLITE_ROW)
        ids[n++] = sqlite3_column_int64(get, 0);
    sqlite3_finalize(get);
    for (int i = 0; i < n; i++) {
        char text[100];
        sql("SAVEPOINT s");
        sqlite3_snprintf(sizeof text, text, "DELETE FROM pythia_xblock WHERE id = %lld", ids[i]);
        sql(text);
        CU_ASSERT_EQUAL(read_all(&hash), SQLITE_CORRUPT_VTAB);
        sql("ROLLBACK TO s; RELEASE s");
    }
    CU_ASSERT_EQUAL(read_all(&hash), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

/* Rows of the other tables. */
static void test_rows(void) {
    static const char *const changes[] = {
        "DELETE FROM pythia_xconfig WHERE k = 'cookie'",
        "UPDATE pythia_xconfig SET v = 0 WHERE k = 'format'",
        "UPDATE pythia_xconfig SET v = -5 WHERE k = 'next_segment'",
        "UPDATE pythia_xconfig SET v = 2 WHERE k = 'next_segment'",
        "UPDATE pythia_xsegment SET spans = spans + 1 WHERE id = 2",
        "UPDATE pythia_xsegment SET spans = 1 << 40 WHERE id = 2",
        "UPDATE pythia_xsegment SET spans = (1 << 27) - 1 WHERE id = 2",
        "UPDATE pythia_xsegment SET traces = traces + 1 WHERE id = 1",
        "UPDATE pythia_xsegment SET traces = -1 WHERE id = 1",
        "UPDATE pythia_xsegment SET points = points - 1 WHERE id = 1",
        "UPDATE pythia_xsegment SET links = 0 WHERE id = 1",
        "UPDATE pythia_xsegment SET live = traces + 1 WHERE id = 1",
        "UPDATE pythia_xsegment SET dead = x'ffffffffffffffff' WHERE id = 1",
        "UPDATE pythia_xsegment SET dead = zeroblob(100) WHERE id = 1",
        "UPDATE pythia_xsegment SET id = 77 WHERE id = 1",
        "DELETE FROM pythia_xdict WHERE id = 3",
        "DELETE FROM pythia_xdict WHERE id > 3",
        "UPDATE pythia_xdict SET text = (SELECT text FROM pythia_xdict WHERE id = 1) WHERE id = 3",
        "UPDATE pythia_xdict SET ticks = 99 WHERE id = 1",
        "DELETE FROM pythia_xpoint WHERE id > 2",
        "UPDATE pythia_xpoint SET service = 0 WHERE id = 2",
        "UPDATE pythia_xpoint SET operation = 1 << 33 WHERE id = 2",
        "UPDATE pythia_xpoint SET point = -1 WHERE id = 2",
        "UPDATE pythia_xtrace SET segment = 55",
        "UPDATE pythia_xtrace SET ordinal = 1000",
        "DELETE FROM pythia_xtrace",
    };
    uint64_t hash;
    make(9);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        sql("SAVEPOINT s");
        sql(changes[i]);
        CU_ASSERT(sqlite3_total_changes(db) > 0);
        int rc = read_all(&hash);
        if (rc != SQLITE_CORRUPT_VTAB) printf("%s: %d\n", changes[i], rc);
        CU_ASSERT_EQUAL(rc, SQLITE_CORRUPT_VTAB);
        sql("ROLLBACK TO s; RELEASE s");
    }
    CU_ASSERT_EQUAL(read_all(&hash), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

/* What the check alone finds. */
static void test_check(void) {
    static const char *const changes[] = {
        "UPDATE pythia_xsegment SET first_ns = first_ns + 1 WHERE id = 1",
        "UPDATE pythia_xsegment SET last_ns = 0 WHERE id = 1",
        "INSERT INTO pythia_xtrace VALUES(5, 1, 0)",
        "INSERT INTO pythia_xblock VALUES((1 << 16) + 31, x'00')",
        "INSERT INTO pythia_xblock VALUES((99 << 16) + 1, x'00')",
        "INSERT INTO pythia_xedge VALUES(77, x'00')",
    };
    make(9);
    PythiaStore *store;
    CU_ASSERT_EQUAL_FATAL(pythia_store_open(db, "main", 0, &store, NULL), SQLITE_OK);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *report = NULL;
        sql("SAVEPOINT s");
        sql(changes[i]);
        CU_ASSERT_EQUAL(pythia_store_check(store, NULL, &report, NULL), SQLITE_OK);
        if (!report) printf("not found: %s\n", changes[i]);
        CU_ASSERT_PTR_NOT_NULL(report);
        sqlite3_free(report);
        sql("ROLLBACK TO s; RELEASE s");
    }
    pythia_store_close(store);
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

/* Writes a number of rows into the header of part `part` of a block. */
static void forge(sqlite3_int64 id, uint32_t part, uint32_t n) {
    sqlite3_stmt *get, *put;
    PythiaBlock block;
    PythiaText bytes;
    sqlite3_prepare_v2(db, "SELECT data FROM pythia_xblock WHERE id = ?1", -1, &get, NULL);
    sqlite3_prepare_v2(db, "UPDATE pythia_xblock SET data = ?1 WHERE id = ?2", -1, &put, NULL);
    sqlite3_bind_int64(get, 1, id);
    CU_ASSERT_EQUAL_FATAL(sqlite3_step(get), SQLITE_ROW);
    CU_ASSERT_EQUAL_FATAL(pythia_block_open(&block, sqlite3_column_blob(get, 0),
                                            (size_t)sqlite3_column_bytes(get, 0)),
                          SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_block_get(&block, part, &bytes), SQLITE_OK);
    unsigned char *header = (unsigned char *)block.data + (bytes.p - (const char *)block.data);
    pythia_store32(header, n);
    CU_ASSERT_EQUAL_FATAL(pythia_load32(header + 4), 31); /* a constant */
    pythia_block_seal(block.data, block.bytes);
    sqlite3_finalize(get);
    put_block(put, id, block.data, block.bytes);
    sqlite3_finalize(put);
    pythia_block_close(&block);
}

/* A constant of 134,217,727 rows in some 12 bytes, in the list of segments too: refused before a gigabyte is taken. */
static void test_forged_count(void) {
    static const TraceShape single = {.spans = 1}; /* all are roots */
    const uint32_t n = PYTHIA_COLUMN_MOST - 1;
    PythiaStore *store;
    PythiaSegment *segment;
    const int64_t *values;
    uint32_t rows;
    char *error = NULL;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_store_create_tables(db, "main", NULL), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_store_open(db, "main", 0, &store, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(fill(store, 3, &single), SQLITE_OK);
    pythia_store_close(store);
    sql("UPDATE pythia_xsegment SET spans = 134217727 WHERE id = 1");
    forge(1 << 16 | PYTHIA_SLOT_TREE, 0, n);
    CU_ASSERT_EQUAL_FATAL(pythia_store_open(db, "main", 0, &store, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_segment_open(store, 1, &segment, NULL), SQLITE_OK);
    sqlite3_memory_highwater(1);
    CU_ASSERT_EQUAL(pythia_segment_column(segment, PYTHIA_COL_SPAN_PARENT, &values, &rows, &error),
                    SQLITE_CORRUPT_VTAB);
    CU_ASSERT(sqlite3_memory_highwater(0) < 10000000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "more rows"));
    sqlite3_free(error);
    pythia_segment_release(segment);
    pythia_store_close(store);
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

/* A merge that meets damage leaves the tables as they were, without a rollback. */
static void test_merge_damage(void) {
    make(9);
    PythiaStore *store;
    CU_ASSERT_EQUAL_FATAL(pythia_store_open(db, "main", 0, &store, NULL), SQLITE_OK);
    sql("UPDATE pythia_xblock SET data = zeroblob(100)"
        " WHERE id = (SELECT max(id) << 16 | 4 FROM pythia_xsegment)");
    sql("CREATE TEMP TABLE before AS SELECT id, data FROM pythia_xblock;"
        "CREATE TEMP TABLE places AS SELECT * FROM pythia_xtrace;"
        "UPDATE pythia_xsegment SET dead = x'01', live = traces - 1 WHERE dead IS NULL;"
        "CREATE TEMP TABLE segments AS SELECT * FROM pythia_xsegment");
    pythia_store_close(store);
    CU_ASSERT_EQUAL_FATAL(pythia_store_open(db, "main", 0, &store, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_store_merge(store, UINT32_MAX, NULL, NULL), SQLITE_CORRUPT_VTAB);
    sqlite3_stmt *s;
    sqlite3_prepare_v2(db,
                       "SELECT (SELECT count(*) FROM (SELECT * FROM pythia_xblock EXCEPT SELECT * "
                       "FROM before)) + (SELECT count(*) FROM (SELECT * FROM pythia_xtrace EXCEPT "
                       "SELECT * FROM places)) + (SELECT count(*) FROM (SELECT * FROM "
                       "pythia_xsegment EXCEPT SELECT * FROM segments)) +"
                       " abs((SELECT count(*) FROM pythia_xblock) - (SELECT count(*) FROM before))",
                       -1, &s, NULL);
    CU_ASSERT_EQUAL(sqlite3_step(s), SQLITE_ROW);
    CU_ASSERT_EQUAL(sqlite3_column_int(s, 0), 0);
    sqlite3_finalize(s);
    pythia_store_close(store);
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

/* ---- allocations that fail ------------------------------------------------------------------------- */

enum { FAULTS_DENSE = 120 /* up to here every allocation fails once */ };

static sqlite3_mem_methods real;
static int64_t fail_at; /* 0: never */
static int64_t allocations;

static int fails(void) {
    return ++allocations == fail_at;
}

static void *failing_malloc(int n) {
    return fails() ? NULL : real.xMalloc(n);
}

static void *failing_realloc(void *p, int n) {
    return fails() ? NULL : real.xRealloc(p, n);
}

/* Replaces SQLite's allocator; no connection may be open. */
static void install(int failing) {
    sqlite3_mem_methods methods;
    sqlite3_shutdown();
    if (failing) {
        sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real);
        methods = real;
        methods.xMalloc = failing_malloc;
        methods.xRealloc = failing_realloc;
        sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
    } else {
        sqlite3_config(SQLITE_CONFIG_MALLOC, &real);
    }
    sqlite3_initialize();
}

static int body_fill(PythiaStore *store) {
    static const TraceShape small = {
        .spans = 5, .text_ids = 1, .keys = 5, .texts = 3, .points = 1, .links = 1, .orphans = 1};
    return fill(store, 4, &small);
}

static int body_read(PythiaStore *store) {
    int damaged;
    uint64_t hash;
    int rc = store_read_all(store, &damaged, &hash);
    CU_ASSERT(rc || !damaged);
    return rc;
}

static int body_merge(PythiaStore *store) {
    return pythia_store_merge(store, UINT32_MAX, NULL, NULL);
}

static int body_check(PythiaStore *store) {
    char *report = NULL;
    int rc = pythia_store_check(store, NULL, &report, NULL);
    CU_ASSERT_PTR_NULL(report);
    sqlite3_free(report);
    return rc;
}

static int body_empty(PythiaStore *store) {
    int rc = pythia_store_config_set(store, "key", "value", NULL);
    return rc ? rc : pythia_store_delete_all(store, NULL);
}

/* Opens a store, runs the body in a transaction and closes; the n-th allocation since the opening
** fails. Afterwards the tables are as sound as before. *done: none failed. */
static void fault(int (*body)(PythiaStore *), int filled, int64_t n, int *done) {
    make(filled ? 3 : 0);
    PythiaStore *store = NULL;
    sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    allocations = 0;
    fail_at = n;
    int rc = pythia_store_open(db, "main", 0, &store, NULL);
    if (!rc && store) rc = body(store);
    *done = allocations < n;
    fail_at = 0;
    CU_ASSERT(rc == SQLITE_OK || (rc == SQLITE_NOMEM && !*done));
    if (rc && !sqlite3_get_autocommit(db)) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    if (!rc) sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    if (store) {
        char *report = NULL;
        CU_ASSERT_EQUAL(pythia_store_refresh(store, NULL, NULL), SQLITE_OK);
        CU_ASSERT_EQUAL(pythia_store_check(store, NULL, &report, NULL), SQLITE_OK);
        if (report) printf("allocation %d: %s\n", (int)n, report);
        CU_ASSERT_PTR_NULL(report);
        sqlite3_free(report);
    }
    pythia_store_close(store);
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

static void test_allocations(void) {
    static const struct {
        int (*body)(PythiaStore *);
        int filled;
    } bodies[] = {
        {body_fill, 0}, {body_read, 1}, {body_merge, 1}, {body_check, 1}, {body_empty, 1}};
    install(1);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        int done = 0;
        int64_t before = sqlite3_memory_used(), step = 1;
        for (int64_t n = 1; !done; n += step) {
            fault(bodies[i].body, bodies[i].filled, n, &done);
            if (n > FAULTS_DENSE) step = 1 + n / 30; /* the rest is more of the same */
        }
        CU_ASSERT_EQUAL(sqlite3_memory_used(), before);
    }
    install(0);
}

PYTHIA_SUITE(store_damage, {"checksums tell damaged blocks", test_checksums},
             {"decoders bear damaged blocks", test_decoders},
             {"missing blocks", test_missing_blocks}, {"damaged rows", test_rows},
             {"the integrity check", test_check}, {"a forged count", test_forged_count},
             {"a merge that fails", test_merge_damage},
             {"every allocation fails", test_allocations})
