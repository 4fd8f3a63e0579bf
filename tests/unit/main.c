/* main.c - runs the unit tests: all suites, or those named as arguments.
**
** Suites register themselves before main() (test.h). CUnit runs them and prints its summary; a skip is
** counted here, because CUnit knows none. The last line is read by tests/run. */
#include "tests/unit/test.h"

#include "ext/base/sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SUITES = 256 };

static struct {
    const char *name;
    const PythiaTest *tests;
    int n;
} suites[MAX_SUITES];
static int nsuites;
static int nskipped;
static int skipping; /* the running test has called pythia_skip() */

void pythia_suite_add(const char *name, const PythiaTest *tests, int n) {
    if (nsuites == MAX_SUITES) {
        fputs("tests/unit/main.c: MAX_SUITES is too small\n", stderr);
        abort();
    }
    suites[nsuites].name = name;
    suites[nsuites].tests = tests;
    suites[nsuites++].n = n;
}

void pythia_skip(const char *why) {
    if (!skipping) nskipped++;
    skipping = 1;
    CU_pTest test = CU_get_current_test();
    printf("skipped: %s: %s ", test ? test->pName : "?", why);
}

const char *pythia_shared(const char *path) {
    static char full[4096];
    const char *root = getenv("PYTHIA_SHARED");
    int n = snprintf(full, sizeof full, "%s/%s", root && *root ? root : "../shared", path);
    if (n < 0 || (size_t)n >= sizeof full) return NULL;
    return access(full, R_OK) == 0 ? full : NULL;
}

static sqlite3_int64 memory_before;

static void before_test(void) {
    skipping = 0;
    memory_before = sqlite3_memory_used();
}

/* Every test gives back what it took. */
static void after_test(void) {
    CU_ASSERT_EQUAL(sqlite3_memory_used(), memory_before);
}

static int is_chosen(const char *suite, char **names, int n) {
    for (int i = 0; i < n; i++)
        if (strcmp(suite, names[i]) == 0) return 1;
    return n == 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Hands the chosen suites to CUnit; returns their number, or -1. */
static int add_suites(char **names, int n) {
    int added = 0;
    /* Constructors run in link order; by name the output is the same everywhere. */
    qsort(suites, (size_t)nsuites, sizeof suites[0], by_name);
    for (int i = 0; i < nsuites; i++) {
        if (!is_chosen(suites[i].name, names, n)) continue;
        CU_pSuite suite = CU_add_suite_with_setup_and_teardown(suites[i].name, NULL, NULL,
                                                               before_test, after_test);
        if (!suite) return -1;
        for (int j = 0; j < suites[i].n; j++)
            if (!CU_add_test(suite, suites[i].tests[j].name, suites[i].tests[j].run)) return -1;
        added++;
    }
    return added;
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0); /* a crash shall not swallow what was printed before it */
    if (sqlite3_initialize() || CU_initialize_registry() != CUE_SUCCESS) return 2;
    int added = add_suites(argv + 1, argc - 1);
    if (added < (argc > 1 ? argc - 1 : 0)) {
        fprintf(stderr, "unit: %s; suites are:", added < 0 ? CU_get_error_msg() : "no such suite");
        for (int i = 0; i < nsuites; i++)
            fprintf(stderr, " %s", suites[i].name);
        fputc('\n', stderr);
        CU_cleanup_registry();
        return 2;
    }
    CU_basic_set_mode(argc > 1 ? CU_BRM_VERBOSE : CU_BRM_NORMAL);
    CU_basic_run_tests();
    int failed = (int)CU_get_number_of_tests_failed();
    int run = (int)CU_get_number_of_tests_run();
    CU_cleanup_registry();
    printf("unit: %d passed, %d failed, %d skipped\n", run - failed - nskipped, failed, nskipped);
    return failed ? 1 : 0;
}
