/* store.c - fuzzes ext/store: any stored bytes are refused or give values in bounds, never a crash.
**
** The first byte of the input chooses what the rest is:
**   0  an encoded column
**   1  a block, whose checksum is made right
**   2  changes to a small store, 6 bytes each: block (u16), place (u16), value, and what to do with it;
**      checksums are made right, and then everything is read
**
** As a libFuzzer target (make fuzz), or, with PYTHIA_FUZZ_MAIN defined, a program that runs the files
** named as arguments once each. */
#include <stdio.h>
#include <stdlib.h>

#include "ext/store/block.h"
#include "ext/store/internal.h"
#include "ext/store/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MOST_VALUES = 1 << 16 };

static void must(int condition) {
    if (!condition) abort();
}

/* ---- columns and blocks ---------------------------------------------------------------------------- */

static void read_column(const PythiaColumn *column) {
    uint32_t n = column->n < MOST_VALUES ? column->n : MOST_VALUES, index;
    int64_t *all = malloc((n + 1) * sizeof *all), *part = malloc((n + 1) * sizeof *part);
    must(all && part);
    if (pythia_column_decode(column, 0, n, all) == SQLITE_OK) {
        /* A range is a part of the whole. */
        uint32_t first = n / 3, k = n - first - n / 5;
        must(pythia_column_decode(column, first, k, part) == SQLITE_OK);
        must(k == 0 || memcmp(all + first, part, k * sizeof *part) == 0);
    }
    if (pythia_column_lower_bound(column, 1000, &index) == SQLITE_OK) must(index <= column->n);
    if (n == column->n && pythia_column_find(column, all[n / 2], 0, &index) == SQLITE_OK)
        must(n ? index <= n / 2 && all[index] == all[n / 2] : index == 0);
    free(all);
    free(part);
}

static void fuzz_column(const uint8_t *data, size_t n) {
    unsigned char *copy = malloc(n + PYTHIA_COLUMN_PAD); /* so that reads behind it are seen */
    PythiaColumn column;
    must(copy != NULL);
    memcpy(copy, data, n);
    memset(copy + n, 0xff, PYTHIA_COLUMN_PAD);
    if (pythia_column_open(&column, copy, n) == SQLITE_OK) read_column(&column);
    free(copy);
}

static void fuzz_block(const uint8_t *data, size_t n) {
    unsigned char *copy = malloc(n + 1);
    PythiaBlock block;
    PythiaPacker packer = {0};
    must(copy != NULL);
    memcpy(copy, data, n);
    pythia_block_seal(copy, n);
    int rc = pythia_block_open(&block, copy, n);
    for (uint32_t i = 0; !rc && i < block.parts; i++) {
        PythiaText part, bytes;
        PythiaColumn column;
        char *own;
        must(pythia_block_get(&block, i, &part) == SQLITE_OK);
        if (pythia_column_open(&column, part.p, part.n) == SQLITE_OK) read_column(&column);
        if (pythia_unpack(&packer, part, &bytes, &own) == SQLITE_OK) {
            PythiaBytes reader = pythia_bytes(bytes.p, bytes.n);
            PythiaValueList list = {0};
            while (pythia_bytes_left(&reader) && !pythia_values_read(&reader, 100, &list))
                list.n = 0;
            pythia_free(list.values);
        }
        pythia_free(own);
    }
    pythia_block_close(&block);
    pythia_packer_clear(&packer);
    free(copy);
}

/* ---- a store --------------------------------------------------------------------------------------- */

static unsigned char *image; /* of a database with a sound store */
static sqlite3_int64 image_bytes;

static uint32_t name(PythiaNames *names, const char *text) {
    uint32_t id;
    must(pythia_names_string(names, pythia_text(text), &id) == SQLITE_OK);
    return id;
}

/* A trace of `spans` spans with values of all types, points, links and a lost parent. */
static void make_trace(PythiaTrace *trace, PythiaNames *names, uint32_t number, uint32_t spans) {
    static const char text[] = "a text that occurs again and again, so that it can be compressed, "
                               "as texts in traces do, which come from few places in the code";
    uint32_t operation;
    pythia_trace_reset(trace);
    trace->id = (PythiaId){number, number * 77, PYTHIA_ID_HEX32};
    must(!pythia_names_tracepoint(names, name(names, "service"), name(names, "operation"), 0,
                                  &operation));
    for (uint32_t i = 0; i < spans; i++) {
        PythiaValue values[6];
        memset(values, 0, sizeof values);
        for (uint32_t v = 0; v < 6; v++) {
            values[v].key = name(names, v % 2 ? "odd" : "even");
            values[v].type = v + 1;
            if (v + 1 < PYTHIA_VALUE_TEXT)
                values[v].of.integer = i * v;
            else {
                values[v].of.text = text;
                values[v].n = (uint32_t)(sizeof text - i - 1);
            }
        }
        PythiaResourceSet set = {values, i % 3, 0};
        set.hash = pythia_resource_hash(set.values, set.n);
        PythiaSpan span = {.id = {0, number * 100 + i, PYTHIA_ID_HEX16},
                           .start_ns = 1000 * number + i,
                           .end_ns = 1000 * number + 90 - i,
                           .parent = -1,
                           .tracepoint = operation,
                           .nvalues = 6};
        if (i) span.parent_id = (PythiaId){0, number * 100 + i / 2, PYTHIA_ID_HEX16};
        if (i == 5) span.parent_id.lo = 99999;
        must(!pythia_trace_add_resource(trace, &set, &span.resource));
        must(!pythia_trace_add_span(trace, &span, values));
        PythiaPoint point = {
            .time_ns = span.start_ns, .span = i, .tracepoint = operation, .nvalues = i % 4};
        must(!pythia_trace_add_point(trace, &point, values));
        PythiaLinkTo link = {.trace = trace->id, .span = span.id, .from_span = i, .nvalues = i % 3};
        if (i % 2) must(!pythia_trace_add_link(trace, &link, values));
    }
    must(!pythia_trace_build(trace, names));
}

static void make_image(void) {
    sqlite3 *db;
    PythiaStore *store;
    PythiaTrace trace = {0};
    PythiaHead head = {0};
    must(!sqlite3_open(":memory:", &db));
    must(!pythia_store_create_tables(db, "main", NULL));
    must(!pythia_store_open(db, "main", 0, &store, NULL));
    must(!pythia_store_begin(store, NULL));
    for (uint32_t i = 1; i < 8; i++) {
        make_trace(&trace, pythia_store_names(store), i, 2 * i);
        must(!pythia_store_append(store, &trace, &head, NULL));
    }
    must(!pythia_store_flush(store, NULL));
    must(!pythia_store_delete(store, 1, 1, NULL));
    pythia_trace_clear(&trace);
    pythia_store_close(store);
    image = sqlite3_serialize(db, "main", &image_bytes, 0);
    must(image != NULL && !sqlite3_close(db));
}

static sqlite3 *open_image(void) {
    sqlite3 *db;
    unsigned char *copy = sqlite3_malloc64((sqlite3_uint64)image_bytes);
    must(copy != NULL);
    must(!sqlite3_open(":memory:", &db));
    memcpy(copy, image, (size_t)image_bytes);
    must(!sqlite3_deserialize(db, "main", copy, image_bytes, image_bytes,
                              SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE));
    return db;
}

/* One change: block number `which`, modulo their number. */
static void change_block(sqlite3 *db, unsigned which, unsigned place, uint8_t value, uint8_t how) {
    sqlite3_stmt *get, *put;
    must(!sqlite3_prepare_v2(db,
                             "SELECT id, data FROM pythia_xblock ORDER BY id LIMIT 1 OFFSET"
                             " ?1 % (SELECT count(*) FROM pythia_xblock)",
                             -1, &get, NULL));
    must(!sqlite3_prepare_v2(db, "UPDATE pythia_xblock SET data = ?1 WHERE id = ?2", -1, &put,
                             NULL));
    sqlite3_bind_int(get, 1, (int)which);
    must(sqlite3_step(get) == SQLITE_ROW);
    size_t n = (size_t)sqlite3_column_bytes(get, 1);
    unsigned char *data = malloc(n + 1);
    must(data != NULL);
    if (n) memcpy(data, sqlite3_column_blob(get, 1), n);
    if (n && how % 4 == 0) data[place % n] = value;
    if (n && how % 4 == 1) data[place % n] ^= value;
    if (n && how % 4 == 2) data[place % n] = (unsigned char)(data[place % n] + value);
    if (n && how % 4 == 3) n = place % n;
    pythia_block_seal(data, n);
    sqlite3_bind_blob(put, 1, data, (int)n, SQLITE_TRANSIENT);
    sqlite3_bind_int64(put, 2, sqlite3_column_int64(get, 0));
    must(sqlite3_step(put) == SQLITE_DONE);
    sqlite3_finalize(get);
    sqlite3_finalize(put);
    free(data);
}

static void fuzz_store(const uint8_t *data, size_t n) {
    if (!image) make_image();
    sqlite3 *db = open_image();
    for (; n >= 6; data += 6, n -= 6)
        change_block(db, data[0] | (unsigned)data[1] << 8, data[2] | (unsigned)data[3] << 8,
                     data[4], data[5]);
    PythiaStore *store;
    char *report = NULL;
    int rc = pythia_store_open(db, "main", 0, &store, NULL);
    if (!rc) rc = pythia_store_check(store, NULL, &report, NULL);
    if (!rc) {
        rc = pythia_store_merge(store, UINT32_MAX, NULL, NULL);
        must(!rc || rc == SQLITE_CORRUPT_VTAB || rc == SQLITE_NOMEM || rc == SQLITE_TOOBIG);
        must(rc != SQLITE_CORRUPT_VTAB || report); /* the check knew */
    }
    sqlite3_free(report);
    pythia_store_close(store);
    must(!sqlite3_close(db));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (!n) return 0;
    sqlite3_hard_heap_limit64(512 * 1024 * 1024);
    switch (data[0] % 3) {
    case 0:
        fuzz_column(data + 1, n - 1);
        break;
    case 1:
        fuzz_block(data + 1, n - 1);
        break;
    default:
        fuzz_store(data + 1, n - 1);
    }
    return 0;
}

#ifdef PYTHIA_FUZZ_MAIN
int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        static uint8_t data[1 << 20];
        FILE *file = fopen(argv[i], "rb");
        if (!file) return 1;
        size_t n = fread(data, 1, sizeof data, file);
        fclose(file);
        LLVMFuzzerTestOneInput(data, n);
    }
    return 0;
}
#endif
