/* test_store.c - the store: traces go in and come out; finding, deleting, heads, two connections,
** rollback. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ext/store/internal.h"
#include "tests/unit/store_traces.h"

enum { TRACES = 60 };

static sqlite3 *db;
static PythiaStore *store;
static PythiaTrace traces[TRACES], back;
static PythiaHead heads[TRACES];
static char *error;

#define OK(call)                                                                                   \
    do {                                                                                           \
        int rc_ = (call);                                                                          \
        if (rc_) printf("%s:%d: %d %s\n", __FILE__, __LINE__, rc_, error ? error : "");            \
        sqlite3_free(error);                                                                       \
        error = NULL;                                                                              \
        CU_ASSERT_EQUAL_FATAL(rc_, SQLITE_OK);                                                     \
    } while (0)

static void sql(sqlite3 *on, const char *text) {
    OK(sqlite3_exec(on, text, NULL, NULL, &error));
}

static int64_t number(sqlite3 *on, const char *text) {
    sqlite3_stmt *s;
    OK(sqlite3_prepare_v2(on, text, -1, &s, NULL));
    int64_t n = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
    sqlite3_finalize(s);
    return n;
}

static void setup(const char *path) {
    OK(sqlite3_open(path, &db));
    OK(pythia_store_create_tables(db, "main", &error));
    OK(pythia_store_open(db, "main", 0, &store, &error));
    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
}

static void teardown(void) {
    pythia_store_close(store);
    store = NULL;
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
    db = NULL;
    for (int i = 0; i < TRACES; i++)
        pythia_trace_clear(&traces[i]);
    pythia_trace_clear(&back);
}

/* Makes and appends traces from .. to - 1; the caller has a transaction. */
static void append(const TraceShape *shape, Random *random, int from, int to) {
    OK(pythia_store_begin(store, &error));
    for (int i = from; i < to; i++) {
        OK(store_trace_make(&traces[i], pythia_store_names(store), random, shape, (uint64_t)i + 1));
        store_head_make(&heads[i], &traces[i], random);
        OK(pythia_store_append(store, &traces[i], &heads[i], &error));
    }
    OK(pythia_store_flush(store, &error));
}

static int same_head(const PythiaHead *a, const PythiaHead *b) {
    int64_t x[PYTHIA_HEAD_COLUMNS], y[PYTHIA_HEAD_COLUMNS];
    pythia_head_get(a, x);
    pythia_head_get(b, y);
    return memcmp(x, y, sizeof x) == 0;
}

/* Reads trace i back and compares; 0: it is not there. */
static int is_there(PythiaStore *in, int i, const PythiaNames *names, int values) {
    int found;
    int64_t segment;
    uint32_t ordinal;
    OK(pythia_store_find(in, traces[i].id, &found, &segment, &ordinal, &error));
    if (!found) return 0;
    PythiaSegment *s;
    PythiaHead head;
    OK(pythia_segment_open(in, segment, &s, &error));
    OK(pythia_segment_trace(s, ordinal, values, &back, &error));
    OK(pythia_segment_head(s, ordinal, &head, &error));
    pythia_segment_release(s);
    const char *what =
        store_trace_differs(&traces[i], names, &back, pythia_store_names(in), values);
    if (what) printf("trace %d: %s differs\n", i, what);
    CU_ASSERT_PTR_NULL(what);
    CU_ASSERT(same_head(&head, &heads[i]));
    return 1;
}

static char *check(void) {
    char *report = NULL;
    OK(pythia_store_check(store, NULL, &report, &error));
    return report;
}

static void is_sound(void) {
    char *report = check();
    if (report) printf("%s\n", report);
    CU_ASSERT_PTR_NULL(report);
    sqlite3_free(report);
}

/* ---- round trips ----------------------------------------------------------------------------------- */

static void round_trip(const TraceShape *shape, uint64_t seed) {
    Random random = {seed};
    setup(":memory:");
    sql(db, "BEGIN");
    append(shape, &random, 0, TRACES / 2);
    append(shape, &random, TRACES / 2, TRACES);
    sql(db, "COMMIT");
    CU_ASSERT(pythia_store_segment_count(store) > 3);
    for (int i = 0; i < TRACES; i++)
        CU_ASSERT(is_there(store, i, pythia_store_names(store), i % 3));
    is_sound();
    /* The same through another object, that reads everything from the tables. */
    PythiaStore *other;
    OK(pythia_store_open(db, "main", 0, &other, &error));
    for (int round = 0; round < 5; round++) /* in the end columns are decoded whole */
        for (int i = 0; i < TRACES; i++)
            CU_ASSERT(is_there(other, i, pythia_store_names(store), 1));
    CU_ASSERT_EQUAL(pythia_store_names(other)->strings.n, pythia_store_names(store)->strings.n);
    CU_ASSERT_EQUAL(pythia_store_names(other)->ntracepoints,
                    pythia_store_names(store)->ntracepoints);
    for (uint32_t i = 1; i <= pythia_store_names(store)->strings.n; i++)
        CU_ASSERT_EQUAL(pythia_names_resolution_ns(pythia_store_names(other), i),
                        pythia_names_resolution_ns(pythia_store_names(store), i));
    pythia_store_close(other);
    teardown();
}

static void test_round_trip(void) {
    for (uint64_t seed = 1; seed < 6; seed++) {
        round_trip(&store_shape_plain, seed);
        round_trip(&store_shape_wild, seed * 77);
    }
}

/* Whole columns agree with the traces. */
static void test_columns(void) {
    Random random = {5};
    setup(":memory:");
    sql(db, "BEGIN");
    append(&store_shape_wild, &random, 0, TRACES);
    sql(db, "COMMIT");
    PythiaTrace trace = {0};
    for (uint32_t k = 0; k < pythia_store_segment_count(store); k++) {
        PythiaSegment *s;
        const int64_t *c[PYTHIA_COL_COUNT];
        uint32_t n[PYTHIA_COL_COUNT];
        OK(pythia_segment_open(store, pythia_store_segment_info(store, k)->id, &s, &error));
        const PythiaSegmentInfo *info = pythia_segment_info(s);
        for (int i = PYTHIA_COL_COUNT - 1; i >= 0; i--)
            OK(pythia_segment_column(s, i, &c[i], &n[i], &error));
        CU_ASSERT_EQUAL(n[PYTHIA_COL_SPAN_START], info->spans);
        int64_t first = INT64_MAX, last = INT64_MIN;
        for (uint32_t t = 0; t < info->traces; t++) {
            OK(pythia_segment_trace(s, t, 0, &trace, &error));
            for (uint32_t i = 0; i < trace.nspans; i++) {
                const PythiaSpan *span = &trace.spans[i];
                size_t row = (size_t)c[PYTHIA_COL_TRACE_FIRST_SPAN][t] + i;
                CU_ASSERT_EQUAL(c[PYTHIA_COL_SPAN_TRACE][row], t);
                CU_ASSERT_EQUAL(c[PYTHIA_COL_SPAN_START][row], span->start_ns);
                CU_ASSERT_EQUAL(c[PYTHIA_COL_SPAN_DURATION][row], span->end_ns - span->start_ns);
                CU_ASSERT_EQUAL(c[PYTHIA_COL_SPAN_ID][row], (int64_t)span->id.lo);
                CU_ASSERT_EQUAL(c[PYTHIA_COL_SPAN_PARENT][row],
                                span->parent < 0 ? 0 : (int64_t)i - span->parent);
                first = span->start_ns < first ? span->start_ns : first;
                last = span->end_ns > last ? span->end_ns : last;
            }
            for (uint32_t i = 0; i < trace.npoints; i++) {
                size_t row = (size_t)c[PYTHIA_COL_TRACE_FIRST_POINT][t] + i;
                CU_ASSERT_EQUAL(c[PYTHIA_COL_POINT_TIME][row], trace.points[i].time_ns);
                CU_ASSERT_EQUAL(c[PYTHIA_COL_POINT_SPAN][row],
                                c[PYTHIA_COL_TRACE_FIRST_SPAN][t] + trace.points[i].span);
            }
            for (uint32_t i = 0; i < trace.nlinks; i++) {
                size_t row = (size_t)c[PYTHIA_COL_TRACE_FIRST_LINK][t] + i;
                CU_ASSERT_EQUAL(c[PYTHIA_COL_LINK_SPAN][row],
                                c[PYTHIA_COL_TRACE_FIRST_SPAN][t] + trace.links[i].from_span);
            }
        }
        CU_ASSERT(info->first_ns <= first && info->last_ns >= last);
        pythia_segment_release(s);
    }
    pythia_trace_clear(&trace);
    teardown();
}

/* Attribute columns, values span by span, and whole traces tell the same. */
static void test_attributes(void) {
    Random random = {6};
    setup(":memory:");
    sql(db, "BEGIN");
    append(&store_shape_wild, &random, 0, TRACES);
    sql(db, "COMMIT");
    PythiaValueList list = {0};
    uint32_t columns = 0;
    for (uint32_t k = 0; k < pythia_store_segment_count(store); k++) {
        PythiaSegment *s;
        uint32_t n, in_columns = 0, in_lists = 0, in_traces = 0;
        OK(pythia_segment_open(store, pythia_store_segment_info(store, k)->id, &s, &error));
        OK(pythia_segment_attribute_count(s, &n, &error));
        columns += n;
        for (uint32_t span = 0; span < pythia_segment_info(s)->spans; span++) {
            OK(pythia_segment_span_values(s, span, &list, &error));
            in_lists += list.n;
        }
        for (uint32_t i = 0; i < n; i++) {
            PythiaAttributeColumn a;
            OK(pythia_segment_attribute(s, i, &a, &error));
            in_columns += a.n;
            for (uint32_t row = 0; row < a.n; row++) {
                int hits = 0;
                OK(pythia_segment_span_values(s, (uint32_t)a.rows[row], &list, &error));
                for (uint32_t v = 0; v < list.n; v++) {
                    if (list.values[v].key != a.key || list.values[v].type != a.type) continue;
                    if (a.texts)
                        hits += pythia_text_equal(
                            a.texts[a.codes[row]],
                            (PythiaText){list.values[v].of.text, list.values[v].n});
                    else
                        hits += list.values[v].of.integer == a.codes[row];
                }
                CU_ASSERT(hits > 0);
            }
        }
        for (uint32_t t = 0; t < pythia_segment_info(s)->traces; t++) {
            OK(pythia_segment_trace(s, t, 1, &back, &error));
            for (uint32_t i = 0; i < back.nspans; i++)
                in_traces += back.spans[i].nvalues;
        }
        CU_ASSERT_EQUAL(in_lists, in_traces);
        CU_ASSERT(in_columns <= in_lists);
        pythia_segment_release(s);
    }
    CU_ASSERT(columns > 0);
    sqlite3_free(list.values);
    teardown();
}

/* ---- writing --------------------------------------------------------------------------------------- */

static void delete_trace(int i) {
    int found;
    int64_t segment;
    uint32_t ordinal;
    OK(pythia_store_find(store, traces[i].id, &found, &segment, &ordinal, &error));
    CU_ASSERT_FATAL(found);
    OK(pythia_store_delete(store, segment, ordinal, &error));
}

static void test_delete(void) {
    Random random = {7};
    setup(":memory:");
    sql(db, "BEGIN");
    append(&store_shape_wild, &random, 0, TRACES);
    for (int i = 0; i < TRACES; i += 2)
        delete_trace(i);
    sql(db, "COMMIT");
    for (int i = 0; i < TRACES; i++)
        CU_ASSERT_EQUAL(is_there(store, i, pythia_store_names(store), 1), i % 2);
    is_sound();
    CU_ASSERT_EQUAL(number(db, "SELECT count(*) FROM pythia_xtrace"), TRACES / 2);
    for (int i = 1; i < TRACES; i += 2)
        delete_trace(i);
    CU_ASSERT_EQUAL(number(db, "SELECT count(*) FROM pythia_xsegment"), 0);
    CU_ASSERT_EQUAL(number(db, "SELECT count(*) FROM pythia_xblock"), 0);
    CU_ASSERT_EQUAL(pythia_store_segment_count(store), 0);
    /* Ids of segments are not given out again. */
    sql(db, "BEGIN");
    append(&store_shape_plain, &random, 0, 3);
    sql(db, "COMMIT");
    CU_ASSERT(pythia_store_segment_info(store, 0)->id > 3);
    is_sound();
    teardown();
}

/* Deleting and appending again in one session, as a late span does. */
static void test_replace(void) {
    Random random = {8};
    setup(":memory:");
    sql(db, "BEGIN");
    append(&store_shape_wild, &random, 0, 20);
    OK(pythia_store_begin(store, &error));
    for (int i = 0; i < 20; i += 3) {
        delete_trace(i);
        OK(store_trace_make(&traces[i], pythia_store_names(store), &random, &store_shape_wild,
                            (uint64_t)i + 1));
        store_head_make(&heads[i], &traces[i], &random);
        OK(pythia_store_append(store, &traces[i], &heads[i], &error));
    }
    OK(pythia_store_flush(store, &error));
    sql(db, "COMMIT");
    for (int i = 0; i < 20; i++)
        CU_ASSERT(is_there(store, i, pythia_store_names(store), 1));
    is_sound();
    teardown();
}

static void test_heads(void) {
    Random random = {9};
    setup(":memory:");
    sql(db, "BEGIN");
    append(&store_shape_plain, &random, 0, TRACES);
    PythiaHead changed[TRACES];
    for (uint32_t k = 0; k < pythia_store_segment_count(store); k++) {
        int64_t id = pythia_store_segment_info(store, k)->id;
        PythiaSegment *s;
        PythiaHead head;
        const int64_t *groups;
        uint32_t n;
        OK(pythia_segment_open(store, id, &s, &error));
        OK(pythia_segment_column(s, PYTHIA_COL_HEAD_GROUP, &groups, &n, &error));
        int64_t before = groups[0];
        for (uint32_t t = 0; t < n; t++) {
            OK(pythia_segment_head(s, t, &changed[t], &error));
            changed[t].group++;
            changed[t].duration_ns += 5;
        }
        OK(pythia_store_put_heads(store, id, changed, &error));
        CU_ASSERT_EQUAL(groups[0], before); /* what was handed out stays */
        pythia_segment_release(s);
        OK(pythia_segment_open(store, id, &s, &error));
        OK(pythia_segment_head(s, n - 1, &head, &error));
        CU_ASSERT(same_head(&head, &changed[n - 1]));
        pythia_segment_release(s);
    }
    sql(db, "COMMIT");
    for (int i = 0; i < TRACES; i++) {
        heads[i].group++;
        heads[i].duration_ns += 5;
        CU_ASSERT(is_there(store, i, pythia_store_names(store), 1));
    }
    is_sound();
    teardown();
}

static void test_last_rowid(void) {
    Random random = {10};
    setup(":memory:");
    sql(db, "CREATE TABLE t(x); INSERT INTO t(rowid, x) VALUES(4711, 1)");
    append(&store_shape_wild, &random, 0, 10);
    CU_ASSERT_EQUAL(sqlite3_last_insert_rowid(db), 4711);
    teardown();
}

/* Rows of the index that have the hash of another trace by chance. */
static void test_collision(void) {
    Random random = {18};
    setup(":memory:");
    append(&store_shape_wild, &random, 0, 20);
    sql(db, "INSERT OR IGNORE INTO pythia_xtrace(hash, segment, ordinal)"
            " SELECT a.hash, b.segment, b.ordinal FROM pythia_xtrace a, pythia_xtrace b");
    for (int i = 0; i < 20; i++)
        CU_ASSERT(is_there(store, i, pythia_store_names(store), 1));
    int found;
    int64_t segment;
    uint32_t ordinal;
    OK(pythia_store_find(store, (PythiaId){1, 2, PYTHIA_ID_HEX32}, &found, &segment, &ordinal,
                         &error));
    CU_ASSERT_EQUAL(found, 0);
    teardown();
}

/* ---- merging, emptying ----------------------------------------------------------------------------- */

static void test_merge(void) {
    Random random = {11};
    setup(":memory:");
    for (int i = 0; i < TRACES; i++) { /* a segment for each trace */
        TraceShape shape = store_shape_wild;
        shape.spans = i % 10 ? 3 : 40;
        append(&shape, &random, i, i + 1);
    }
    for (int i = 0; i < TRACES; i += 5)
        delete_trace(i);
    uint32_t before = pythia_store_segment_count(store);
    OK(pythia_store_merge(store, 4, NULL, &error));
    CU_ASSERT(pythia_store_segment_count(store) < before);
    is_sound();
    OK(pythia_store_merge(store, UINT32_MAX, NULL, &error));
    CU_ASSERT(pythia_store_segment_count(store) < before / 2);
    CU_ASSERT_EQUAL(number(db, "SELECT sum(traces - live) FROM pythia_xsegment"), 0);
    for (int i = 0; i < TRACES; i++)
        CU_ASSERT_EQUAL(is_there(store, i, pythia_store_names(store), 1), i % 5 != 0);
    is_sound();
    int64_t cookie = number(db, "SELECT max(id) FROM pythia_xsegment");
    OK(pythia_store_merge(store, UINT32_MAX, NULL, &error)); /* nothing is left to do */
    CU_ASSERT_EQUAL(number(db, "SELECT max(id) FROM pythia_xsegment"), cookie);
    teardown();
}

static void test_delete_all(void) {
    Random random = {12};
    setup(":memory:");
    append(&store_shape_wild, &random, 0, 20);
    OK(pythia_store_config_set(store, "grouping", "dag", &error));
    OK(pythia_store_group_put(store, 1, PYTHIA_TEXT("h"), PYTHIA_TEXT("r"), &error));
    PythiaText text = pythia_names_text(pythia_store_names(store), 1);
    OK(pythia_store_delete_all(store, &error));
    CU_ASSERT_EQUAL(text.p[text.n], 0); /* still readable */
    CU_ASSERT_EQUAL(pythia_store_names(store)->strings.n, 0);
    CU_ASSERT_EQUAL(pythia_store_segment_count(store), 0);
    CU_ASSERT_EQUAL(number(db,
                           "SELECT (SELECT count(*) FROM pythia_xblock) + (SELECT count(*) FROM "
                           "pythia_xdict) + (SELECT count(*) FROM pythia_xtrace)"),
                    0);
    CU_ASSERT_EQUAL(number(db, "SELECT v = 'dag' FROM pythia_xconfig WHERE k = 'grouping'"), 1);
    append(&store_shape_wild, &random, 0, 20);
    for (int i = 0; i < 20; i++)
        CU_ASSERT(is_there(store, i, pythia_store_names(store), 1));
    is_sound();
    teardown();
}

/* ---- transactions, connections --------------------------------------------------------------------- */

static void test_rollback(void) {
    Random random = {13};
    int changed;
    setup(":memory:");
    append(&store_shape_plain, &random, 0, 5);
    uint32_t strings = pythia_store_names(store)->strings.n;
    sql(db, "BEGIN");
    append(&store_shape_wild, &random, 5, 20);
    CU_ASSERT(is_there(store, 10, pythia_store_names(store), 1));
    sql(db, "ROLLBACK");
    OK(pythia_store_refresh(store, &changed, &error));
    CU_ASSERT_EQUAL(changed, 1);
    CU_ASSERT_EQUAL(pythia_store_names(store)->strings.n, strings);
    for (int i = 0; i < 5; i++)
        CU_ASSERT(is_there(store, i, pythia_store_names(store), 1));
    is_sound();
    /* A savepoint in the middle. */
    sql(db, "BEGIN");
    append(&store_shape_wild, &random, 5, 10);
    sql(db, "SAVEPOINT s");
    append(&store_shape_wild, &random, 10, 20);
    delete_trace(1);
    sql(db, "ROLLBACK TO s");
    OK(pythia_store_refresh(store, &changed, &error));
    CU_ASSERT_EQUAL(changed, 1);
    is_sound();
    append(&store_shape_plain, &random, 10, 15);
    sql(db, "COMMIT");
    OK(pythia_store_refresh(store, &changed, &error));
    CU_ASSERT_EQUAL(changed, 0);
    for (int i = 0; i < 15; i++)
        CU_ASSERT(is_there(store, i, pythia_store_names(store), 1));
    is_sound();
    /* A session that is open while the transaction goes. */
    sql(db, "BEGIN");
    OK(pythia_store_begin(store, &error));
    OK(store_trace_make(&traces[30], pythia_store_names(store), &random, &store_shape_wild, 31));
    store_head_make(&heads[30], &traces[30], &random);
    OK(pythia_store_append(store, &traces[30], &heads[30], &error));
    sql(db, "ROLLBACK");
    OK(pythia_store_refresh(store, &changed, &error));
    CU_ASSERT_EQUAL(changed, 1);
    OK(pythia_store_flush(store, &error));
    CU_ASSERT_EQUAL(number(db, "SELECT sum(live) FROM pythia_xsegment"), 15);
    is_sound();
    teardown();
}

static void test_discard(void) {
    Random random = {14};
    setup(":memory:");
    append(&store_shape_plain, &random, 0, 5);
    sql(db, "BEGIN");
    OK(pythia_store_begin(store, &error));
    for (int i = 5; i < 15; i++) {
        OK(store_trace_make(&traces[i], pythia_store_names(store), &random, &store_shape_wild,
                            (uint64_t)i + 1));
        store_head_make(&heads[i], &traces[i], &random);
        OK(pythia_store_append(store, &traces[i], &heads[i], &error));
    }
    pythia_store_discard(store);
    sql(db, "ROLLBACK");
    OK(pythia_store_refresh(store, NULL, &error));
    for (int i = 0; i < 15; i++)
        CU_ASSERT_EQUAL(is_there(store, i, pythia_store_names(store), 1), i < 5);
    is_sound();
    teardown();
}

static void test_two_connections(void) {
    Random random = {15};
    char path[] = "/tmp/pythia-store-XXXXXX";
    int fd = mkstemp(path), changed;
    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    setup(path);
    append(&store_shape_plain, &random, 0, 10);
    sqlite3 *db2;
    PythiaStore *store2;
    OK(sqlite3_open(path, &db2));
    OK(pythia_store_open(db2, "main", 0, &store2, &error));
    for (int i = 0; i < 10; i++)
        CU_ASSERT(is_there(store2, i, pythia_store_names(store), 1));
    /* What one adds, the other sees; names that point somewhere stay where they are. */
    const PythiaNames *names2 = pythia_store_names(store2);
    append(&store_shape_wild, &random, 10, 30);
    delete_trace(3);
    OK(pythia_store_refresh(store2, &changed, &error));
    CU_ASSERT_EQUAL(changed, 1);
    CU_ASSERT_PTR_EQUAL(names2, pythia_store_names(store2));
    for (int i = 0; i < 30; i++)
        CU_ASSERT_EQUAL(is_there(store2, i, pythia_store_names(store), 1), i != 3);
    OK(pythia_store_refresh(store2, &changed, &error));
    CU_ASSERT_EQUAL(changed, 0);
    /* Both intern before they write: the second one to write begins anew. */
    PythiaTrace trace = {0};
    PythiaHead head;
    uint32_t id;
    OK(pythia_names_string(pythia_store_names(store2), PYTHIA_TEXT("only here"), &id));
    append(&store_shape_wild, &random, 30, 40);
    OK(store_trace_make(&trace, pythia_store_names(store2), &random, &store_shape_wild, 1000));
    store_head_make(&head, &trace, &random);
    sql(db2, "BEGIN");
    int rc = pythia_store_append(store2, &trace, &head, &error);
    CU_ASSERT_EQUAL(rc, SQLITE_BUSY);
    sqlite3_free(error);
    error = NULL;
    pythia_store_discard(store2);
    sql(db2, "ROLLBACK");
    /* A rollback here, a commit there. */
    sql(db, "BEGIN");
    append(&store_shape_wild, &random, 40, 50);
    sql(db, "ROLLBACK");
    OK(pythia_store_begin(store2, &error));
    OK(store_trace_make(&traces[50], pythia_store_names(store2), &random, &store_shape_plain, 51));
    store_head_make(&heads[50], &traces[50], &random);
    OK(pythia_store_append(store2, &traces[50], &heads[50], &error));
    OK(pythia_store_flush(store2, &error));
    OK(pythia_store_refresh(store, &changed, &error));
    CU_ASSERT_EQUAL(changed, 1);
    CU_ASSERT(is_there(store, 50, pythia_store_names(store2), 1));
    is_sound();
    pythia_trace_clear(&trace);
    pythia_store_close(store2);
    CU_ASSERT_EQUAL(sqlite3_close(db2), SQLITE_OK);
    teardown();
    unlink(path);
}

/* ---- opening --------------------------------------------------------------------------------------- */

static void test_open(void) {
    PythiaStore *none;
    OK(sqlite3_open(":memory:", &db));
    OK(pythia_store_open(db, "main", 0, &none, &error));
    CU_ASSERT_PTR_NULL(none);
    /* Without the module there is nothing that could be created. */
    CU_ASSERT(pythia_store_open(db, "main", 1, &none, &error) != SQLITE_OK);
    CU_ASSERT_PTR_NOT_NULL(error);
    sqlite3_free(error);
    error = NULL;
    sql(db, "ATTACH ':memory:' AS \"odd \"\" name\"");
    OK(pythia_store_create_tables(db, "odd \" name", &error));
    OK(pythia_store_open(db, "odd \" name", 0, &store, &error));
    CU_ASSERT_STRING_EQUAL(pythia_store_schema(store), "odd \" name");
    Random random = {16};
    append(&store_shape_wild, &random, 0, 5);
    is_sound();
    sql(db, "UPDATE \"odd \"\" name\".pythia_xconfig SET v = 2 WHERE k = 'format'");
    int rc = pythia_store_open(db, "odd \" name", 0, &none, &error);
    CU_ASSERT_EQUAL(rc, SQLITE_ERROR);
    CU_ASSERT_PTR_NOT_NULL(error && strstr(error, "newer") ? error : NULL);
    sqlite3_free(error);
    error = NULL;
    OK(pythia_store_drop_tables(db, "odd \" name", &error));
    CU_ASSERT_EQUAL(pythia_store_refresh(store, NULL, NULL), SQLITE_NOTFOUND);
    CU_ASSERT(pythia_store_is_shadow("xblock") && !pythia_store_is_shadow("spans"));
    teardown();
}

/* A tiny budget: segments come and go. */
static void test_cache(void) {
    Random random = {17};
    setup(":memory:");
    append(&store_shape_wild, &random, 0, TRACES);
    OK(pythia_store_config_set(store, PYTHIA_CONFIG_CACHE, "20000", &error));
    PythiaStore *other;
    OK(pythia_store_open(db, "main", 0, &other, &error));
    PythiaSegment *kept;
    OK(pythia_segment_open(other, 1, &kept, &error));
    const int64_t *values;
    uint32_t n;
    OK(pythia_segment_column(kept, PYTHIA_COL_SPAN_START, &values, &n, &error));
    int64_t first = values[0];
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < TRACES; i++)
            CU_ASSERT(is_there(other, i, pythia_store_names(store), 1));
    CU_ASSERT_EQUAL(values[0], first);
    CU_ASSERT(other->cached_bytes < 200000);
    pythia_segment_release(kept);
    pythia_store_close(other);
    teardown();
}

PYTHIA_SUITE(store, {"traces round-trip", test_round_trip}, {"whole columns", test_columns},
             {"attributes", test_attributes}, {"deleting", test_delete},
             {"replacing in one session", test_replace}, {"heads", test_heads},
             {"last_insert_rowid stays", test_last_rowid}, {"collisions", test_collision},
             {"merging", test_merge}, {"deleting all", test_delete_all},
             {"rollback and savepoints", test_rollback}, {"discarding", test_discard},
             {"two connections", test_two_connections}, {"opening", test_open},
             {"cache", test_cache})
