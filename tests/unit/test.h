/* test.h - the frame of the unit tests.
**
** A file under tests/unit holds one suite. It ends with
**     PYTHIA_SUITE(moments, {"merge equals one pass", test_merge}, {"...", test_other})
** which registers itself when the program starts; tests/unit/main.c runs all suites, or those whose
** names are given as arguments. Checks are CUnit's CU_ASSERT_...; a test whose input lies outside the
** repository and is absent calls pythia_skip("why") and returns. */
#ifndef PYTHIA_TEST_H
#define PYTHIA_TEST_H

#include <CUnit/Basic.h>

typedef struct PythiaTest {
    const char *name;
    void (*run)(void);
} PythiaTest;

void pythia_suite_add(const char *name, const PythiaTest *tests, int n);
void pythia_skip(const char *why);

/* A path below the directory of data that lives beside the repository (environment variable
** PYTHIA_SHARED, else ../shared), in a static buffer; NULL when that file or directory is absent. */
const char *pythia_shared(const char *path);

#define PYTHIA_SUITE(name, ...)                                                                    \
    static const PythiaTest name##_tests[] = {__VA_ARGS__};                                        \
    __attribute__((constructor)) static void name##_register(void) {                               \
        pythia_suite_add(#name, name##_tests,                                                      \
                         (int)(sizeof name##_tests / sizeof name##_tests[0]));                     \
    }

#endif
