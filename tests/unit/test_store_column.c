/* test_store_column.c - the integer column codec: round trips of every shape of data, ranges,
** bisection, damage. */
#include "tests/unit/column_plain.h"
#include "tests/unit/test.h"

#include "ext/base/mem.h"
#include "ext/store/column.h"

static uint64_t state;

static uint64_t random64(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static uint64_t below(uint64_t n) {
    return random64() % n;
}

enum { MOST = 5000, SHAPES = 14 };

/* Fills v with data of one shape. */
static void make(int shape, int64_t *v, uint32_t n) {
    int64_t sum = (int64_t)below(1000000), step = (int64_t)(1 + below(5000));
    unsigned width = (unsigned)(1 + below(64));
    for (uint32_t i = 0; i < n; i++) {
        uint64_t r = random64();
        switch (shape) {
        case 0:
            v[i] = 42;
            break;
        case 1:
            v[i] = (int64_t)r;
            break;
        case 2:
            v[i] = (int64_t)(r >> (64 - width)) - 77;
            break;
        case 3:
            v[i] = sum += (int64_t)below(10);
            break;
        case 4:
            v[i] = sum -= step;
            break;
        case 5:
            v[i] = i / 300 % 3;
            break;
        case 6:
            v[i] = (int64_t)below(5) * 1000000 - 3;
            break;
        case 7:
            v[i] = r % 100 ? (int64_t)below(16) : (int64_t)r;
            break;
        case 8:
            v[i] = r % 2 ? INT64_MIN : INT64_MAX;
            break;
        case 9:
            v[i] = i == n / 2 ? INT64_MIN : 0;
            break;
        case 10:
            v[i] = sum += r % 50 ? 1 : (int64_t)below(1u << 30);
            break;
        case 11:
            v[i] = (int64_t)((uint64_t)INT64_MAX - i);
            break;
        case 12:
            v[i] = (int64_t)below(UINT64_C(1) << 57) * (r & 1 ? 1 : -1);
            break;
        default:
            v[i] = (int64_t)below(1000) * 4096 + (i > 2000 ? 1 : 0);
            break;
        }
    }
}

static int encode(const int64_t *v, uint32_t n, PythiaBuf *buf, PythiaColumn *column) {
    buf->n = 0;
    pythia_column_encode(buf, v, n);
    size_t bytes = buf->n;
    pythia_buf_room(buf, PYTHIA_COLUMN_PAD);
    return buf->rc ? buf->rc : pythia_column_open(column, buf->data, bytes);
}

static void test_round_trip(void) {
    static int64_t v[MOST], out[MOST + 1];
    static const uint32_t sizes[] = {0, 1, 2, 3, 7, 1023, 1024, 1025, 2048, 2049, MOST};
    PythiaBuf buf = {0};
    state = 1;
    for (int round = 0; round < 20; round++)
        for (int shape = 0; shape < SHAPES; shape++)
            for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
                uint32_t n = sizes[k];
                PythiaColumn column;
                make(shape, v, n);
                CU_ASSERT_EQUAL_FATAL(encode(v, n, &buf, &column), SQLITE_OK);
                CU_ASSERT_EQUAL(column.n, n);
                out[n] = 12345;
                CU_ASSERT_EQUAL(pythia_column_decode(&column, 0, n, out), SQLITE_OK);
                CU_ASSERT(n == 0 || memcmp(v, out, n * sizeof *v) == 0);
                CU_ASSERT_EQUAL(out[n], 12345);
                for (int i = 0; i < 20 && n; i++) {
                    uint32_t first = (uint32_t)below(n), m = (uint32_t)below(n - first + 1);
                    CU_ASSERT_EQUAL(pythia_column_decode(&column, first, m, out), SQLITE_OK);
                    CU_ASSERT(m == 0 || memcmp(v + first, out, m * sizeof *v) == 0);
                }
                CU_ASSERT_EQUAL(pythia_column_decode(&column, 0, n + 1, out), PYTHIA_CORRUPT);
                CU_ASSERT_EQUAL(pythia_column_decode(&column, n + 1, 0, out), PYTHIA_CORRUPT);
            }
    pythia_buf_clear(&buf);
}

static void test_lower_bound(void) {
    static int64_t v[MOST];
    PythiaBuf buf = {0};
    state = 2;
    for (int round = 0; round < 60; round++) {
        uint32_t n = (uint32_t)below(MOST), index;
        int64_t sum = -50;
        uint64_t step = round % 3 == 0 ? 1 : 2 + below(100);
        for (uint32_t i = 0; i < n; i++)
            v[i] = sum += (int64_t)below(step);
        PythiaColumn column;
        CU_ASSERT_EQUAL_FATAL(encode(v, n, &buf, &column), SQLITE_OK);
        for (int i = 0; i < 200; i++) {
            int64_t value = n ? v[below(n)] + (int64_t)below(3) - 1 : 0;
            uint32_t expected = 0;
            while (expected < n && v[expected] < value)
                expected++;
            CU_ASSERT_EQUAL(pythia_column_lower_bound(&column, value, &index), SQLITE_OK);
            CU_ASSERT_EQUAL(index, expected);
        }
    }
    pythia_buf_clear(&buf);
}

static void compare_with_plain(const int64_t *v, uint32_t n) {
    PythiaBuf buf = {0}, plain = {0};
    pythia_buf_byte(&buf, 7); /* a column need not be the first */
    pythia_buf_byte(&plain, 7);
    pythia_column_encode(&buf, v, n);
    column_plain_encode(&plain, v, n);
    CU_ASSERT_EQUAL(buf.rc, SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(buf.n, plain.n);
    CU_ASSERT(memcmp(buf.data, plain.data, buf.n) == 0);
    pythia_buf_clear(&buf);
    pythia_buf_clear(&plain);
}

/* A mini-block of which parts have other shapes and widths, and some values are far from the others. */
static void make_mixed(int64_t *v, uint32_t n) {
    make((int)below(SHAPES), v, n);
    for (uint64_t parts = below(4); parts && n; parts--) {
        uint32_t first = (uint32_t)below(n);
        make((int)below(SHAPES), v + first, (uint32_t)below(n - first) + 1);
    }
    if (below(2)) return;
    unsigned shift = (unsigned)below(64);
    for (uint64_t outliers = below(n / 4 + 2); outliers && n; outliers--)
        v[below(n)] = (int64_t)(random64() >> shift);
}

/* Narrow values, and some that need more bits: exceptions of every width. */
static void make_exceptions(int64_t *v, uint32_t n, unsigned width) {
    uint64_t one_of = 1 + below(60), scale = below(3) ? 1 : 1 + below(100000);
    unsigned wide = width + (unsigned)below(64 - width);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t mask = ((uint64_t)1 << (below(one_of) ? width : wide)) - 1;
        v[i] = (int64_t)((random64() & mask) * scale - 1000);
    }
}

/* The bytes are those of the encoder that leaves nothing out. */
static void test_same_bytes(void) {
    static int64_t v[MOST];
    static const uint32_t sizes[] = {1,  2,    3,    5,    15,   16,   17,   18,  31,
                                     33, 1008, 1023, 1024, 1025, 1026, 1040, 2048};
    static const int64_t edges[] = {INT64_MIN, INT64_MAX, INT64_MIN + 1, INT64_MAX - 1, 0, -1, 1};
    state = 5;
    compare_with_plain(v, 0);
    for (int round = 0; round < 40; round++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            uint32_t n = sizes[k];
            for (int shape = 0; shape < SHAPES; shape++) {
                make(shape, v, n);
                compare_with_plain(v, n);
            }
            for (int i = 0; i < 8; i++) {
                make_mixed(v, n);
                compare_with_plain(v, n);
            }
            uint64_t kinds = 1 + below(7);
            for (uint32_t i = 0; i < n; i++)
                v[i] = edges[below(kinds)];
            compare_with_plain(v, n);
            uint64_t step = random64() >> below(64);
            for (uint32_t i = 0; i < n;
                 i++) /* equal steps, which wrap around, and one that is not */
                v[i] = (int64_t)(step * i);
            compare_with_plain(v, n);
            v[below(n)] += (int64_t)below(3);
            compare_with_plain(v, n);
        }
    for (unsigned width = 0; width < 64; width++)
        for (int round = 0; round < 20; round++) {
            uint32_t n = (uint32_t)(round < 10 ? 1024 : 1 + below(1100));
            make_exceptions(v, n, width);
            compare_with_plain(v, n);
            for (uint32_t i = 1; i < n && round % 2; i++) /* the same as differences */
                v[i] = (int64_t)((uint64_t)v[i] + (uint64_t)v[i - 1]);
            compare_with_plain(v, n);
        }
}

/* Typical columns take the bits that they should. */
static void test_size(void) {
    static int64_t v[4096];
    PythiaBuf buf = {0};
    PythiaColumn column;
    state = 3;
    for (uint32_t i = 0; i < 4096; i++)
        v[i] = 7;
    encode(v, 4096, &buf, &column);
    CU_ASSERT(column.bytes <= 16);
    for (uint32_t i = 0; i < 4096; i++)
        v[i] = i;
    encode(v, 4096, &buf, &column);
    CU_ASSERT(column.bytes <= 100);
    for (uint32_t i = 0; i < 4096; i++)
        v[i] = (int64_t)below(32);
    encode(v, 4096, &buf, &column);
    CU_ASSERT(column.bytes <= 4096 * 5 / 8 + 100);
    for (uint32_t i = 0; i < 4096; i++)
        v[i] = i % 128 ? (int64_t)below(32) : (int64_t)below(1u << 30);
    encode(v, 4096, &buf, &column);
    CU_ASSERT(column.bytes <= 4096 * 5 / 8 + 32 * 8 + 100);
    for (uint32_t i = 0; i < 4096; i++)
        v[i] = (int64_t)below(1000) * 1000000;
    encode(v, 4096, &buf, &column);
    CU_ASSERT(column.bytes <= 4096 * 10 / 8 + 100);
    for (uint32_t i = 0; i < 4096; i++)
        v[i] = (int64_t)random64();
    encode(v, 4096, &buf, &column);
    CU_ASSERT(column.bytes <= 4096 * 8 + 100);
    pythia_buf_clear(&buf);
}

/* Any bytes decode to something or to SQLITE_CORRUPT_VTAB, and nothing is read outside. */
static void test_damage(void) {
    static int64_t v[MOST], out[MOST];
    PythiaBuf buf = {0};
    state = 4;
    int refused = 0;
    for (int round = 0; round < 4000; round++) {
        uint32_t n = (uint32_t)(1 + below(round % 10 ? 40 : MOST - 1)), index;
        PythiaColumn column;
        make((int)below(SHAPES), v, n);
        encode(v, n, &buf, &column);
        size_t bytes = column.bytes;
        unsigned char *copy =
            pythia_alloc(bytes + PYTHIA_COLUMN_PAD); /* for the address sanitizer */
        CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
        memcpy(copy, buf.data, bytes + PYTHIA_COLUMN_PAD);
        for (uint64_t hits = 1 + below(4); hits; hits--)
            copy[below(bytes < 40 || round % 2 ? bytes : 40)] = (unsigned char)random64();
        if (round % 7 == 0) bytes = below(bytes);
        int rc = pythia_column_open(&column, copy, bytes);
        if (!rc && column.n <= MOST) {
            rc = pythia_column_decode(&column, 0, column.n, out);
            if (column.n) {
                uint32_t first = (uint32_t)below(column.n);
                pythia_column_decode(&column, first, column.n - first, out);
            }
            if (pythia_column_lower_bound(&column, out[0], &index) == SQLITE_OK)
                CU_ASSERT(index <= column.n);
        }
        CU_ASSERT(rc == SQLITE_OK || rc == PYTHIA_CORRUPT);
        refused += rc != SQLITE_OK;
        pythia_free(copy);
    }
    CU_ASSERT(refused > 100);
    pythia_buf_clear(&buf);
}

PYTHIA_SUITE(store_column, {"every shape of data round-trips", test_round_trip},
             {"bytes are those of the plain encoder", test_same_bytes},
             {"bisection", test_lower_bound}, {"sizes", test_size}, {"damage", test_damage})
