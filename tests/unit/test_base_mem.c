/* test_base_mem.c - allocation, growing arrays, arenas. */
#include "ext/base/mem.h"
#include "tests/unit/test.h"

#include <string.h>

static void test_zero_bytes(void) {
    void *p = pythia_alloc(0);
    CU_ASSERT_PTR_NOT_NULL(p);
    pythia_free(p);
    pythia_free(NULL);
}

static void test_zeroed(void) {
    unsigned char *p = pythia_alloc_zero(1000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    for (int i = 0; i < 1000; i++)
        CU_ASSERT_EQUAL(p[i], 0);
    pythia_free(p);
}

static void test_overflow(void) {
    CU_ASSERT_PTR_NULL(pythia_alloc_array(SIZE_MAX / 2, 3));
    CU_ASSERT_PTR_NULL(pythia_alloc_array(SIZE_MAX, SIZE_MAX));
    int *array = NULL;
    size_t capacity = 0;
    CU_ASSERT_EQUAL(pythia_grow((void **)&array, &capacity, SIZE_MAX / 2, sizeof *array),
                    SQLITE_NOMEM);
    CU_ASSERT_PTR_NULL(array);
    CU_ASSERT_EQUAL(capacity, 0);
    PythiaArena arena = {0};
    CU_ASSERT_PTR_NULL(pythia_arena_alloc(&arena, SIZE_MAX - 3));
    CU_ASSERT_PTR_NULL(arena.chunks);
}

static void test_grow(void) {
    int *array = NULL;
    size_t capacity = 0, reallocations = 0;
    for (int i = 0; i < 10000; i++) {
        size_t before = capacity;
        CU_ASSERT_EQUAL_FATAL(pythia_grow((void **)&array, &capacity, (size_t)i + 1, sizeof *array),
                              SQLITE_OK);
        reallocations += capacity != before;
        array[i] = i;
    }
    CU_ASSERT(reallocations <= 12); /* at least doubling */
    int wrong = 0;
    for (int i = 0; i < 10000; i++)
        wrong += array[i] != i;
    CU_ASSERT_EQUAL(wrong, 0);
    int *same = array;
    CU_ASSERT_EQUAL(pythia_grow((void **)&array, &capacity, capacity, sizeof *array), SQLITE_OK);
    CU_ASSERT_PTR_EQUAL(array, same);
    pythia_free(array);
}

/* Fills allocations of many sizes and looks at them at the end: they must not overlap. */
static void test_arena_apart(void) {
    enum { N = 2000 };
    static unsigned char *part[N];
    PythiaArena arena = {0};
    int misaligned = 0, overwritten = 0;
    for (size_t i = 0; i < N; i++) {
        size_t n = i * 7 % 513;
        part[i] = pythia_arena_alloc(&arena, n);
        CU_ASSERT_PTR_NOT_NULL_FATAL(part[i]);
        misaligned += (uintptr_t)part[i] % 8 != 0;
        memset(part[i], (int)(i % 251), n);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < i * 7 % 513; j++)
            overwritten += part[i][j] != i % 251;
    CU_ASSERT_EQUAL(misaligned, 0);
    CU_ASSERT_EQUAL(overwritten, 0);
    pythia_arena_clear(&arena);
}

static void test_arena_large(void) {
    PythiaArena arena = {0};
    char *small = pythia_arena_copy(&arena, "abc", 4);
    char *large = pythia_arena_alloc(&arena, 3000000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(large);
    memset(large, 'x', 3000000);
    CU_ASSERT_STRING_EQUAL(small, "abc");
    pythia_arena_clear(&arena);
}

static void test_arena_reset(void) {
    PythiaArena arena = {0};
    for (int i = 0; i < 1000; i++)
        pythia_arena_alloc(&arena, 100);
    size_t newest = arena.capacity;
    pythia_arena_reset(&arena);
    CU_ASSERT_EQUAL(arena.total, newest);
    CU_ASSERT_EQUAL(arena.used, 0);
    sqlite3_int64 used = sqlite3_memory_used();
    pythia_arena_alloc(&arena, newest);
    CU_ASSERT_EQUAL(sqlite3_memory_used(), used); /* reused, not allocated */
    pythia_arena_clear(&arena);
    PythiaArena empty = {0};
    pythia_arena_reset(&empty);
    pythia_arena_clear(&empty);
}

PYTHIA_SUITE(base_mem, {"zero bytes", test_zero_bytes}, {"zeroed memory", test_zeroed},
             {"sizes that overflow are refused", test_overflow},
             {"a growing array keeps its contents and doubles", test_grow},
             {"arena allocations are apart and aligned", test_arena_apart},
             {"arena allocation larger than a chunk", test_arena_large},
             {"arena reset keeps one chunk", test_arena_reset})
