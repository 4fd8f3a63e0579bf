/* test_base_match.c - regular expressions. */
#include "ext/base/match.h"
#include "ext/base/mem.h"
#include "tests/unit/test.h"

#include <string.h>

static PythiaMatch *compiled(const char *pattern) {
    PythiaMatch *match = NULL;
    char *error = NULL;
    CU_ASSERT_EQUAL_FATAL(pythia_match_compile(pythia_text(pattern), &match, &error), SQLITE_OK);
    CU_ASSERT_PTR_NULL(error);
    return match;
}

static int matches(const char *pattern, const char *bytes, size_t n) {
    PythiaMatch *match = compiled(pattern);
    int matched = -1;
    CU_ASSERT_EQUAL(pythia_match_test(match, (PythiaText){bytes, n}, &matched, NULL), SQLITE_OK);
    pythia_match_free(match);
    return matched;
}

static void test_found(void) {
    CU_ASSERT_EQUAL(matches("b+", "abba", 4), 1);
    CU_ASSERT_EQUAL(matches("^b", "abba", 4), 0);
    CU_ASSERT_EQUAL(matches("", "", 0), 1);
    CU_ASSERT_EQUAL(matches("^$", NULL, 0), 1);
    CU_ASSERT_EQUAL(matches("a.c", "a\0c", 3), 1);     /* a NUL is a character */
    CU_ASSERT_EQUAL(matches("^.$", "\xc3\xa9", 2), 1); /* characters, not bytes */
    CU_ASSERT_EQUAL(matches("(?i)\xc3\x89", "\xc3\xa9", 2), 1);
}

static void test_invalid_utf(void) {
    CU_ASSERT_EQUAL(matches("b",
                            "\xff\xfe"
                            "b",
                            3),
                    1);
    CU_ASSERT_EQUAL(matches("^.b",
                            "\xff"
                            "b",
                            2),
                    0);
    CU_ASSERT_EQUAL(matches("x", "\xe2\x82", 2), 0);
    PythiaMatch *match;
    char *error = NULL;
    CU_ASSERT_EQUAL(pythia_match_compile(PYTHIA_TEXT("a\xff"), &match, &error), SQLITE_ERROR);
    CU_ASSERT_PTR_NULL(match);
    CU_ASSERT_PTR_NOT_NULL(error);
    sqlite3_free(error);
}

static void test_malformed(void) {
    PythiaMatch *match = (PythiaMatch *)&match;
    char *error = NULL;
    CU_ASSERT_EQUAL(pythia_match_compile(PYTHIA_TEXT("ab(c"), &match, &error), SQLITE_ERROR);
    CU_ASSERT_PTR_NULL(match);
    CU_ASSERT_STRING_EQUAL(error,
                           "malformed regular expression: missing closing parenthesis at byte 4");
    sqlite3_free(error);
    CU_ASSERT_EQUAL(pythia_match_compile(PYTHIA_TEXT("["), &match, NULL), SQLITE_ERROR);
    pythia_match_free(NULL);
}

static void test_groups(void) {
    PythiaMatch *match = compiled("(\\w+)=(\\d+)?(;)?");
    PythiaText subject = PYTHIA_TEXT("  key=12"), out;
    int found;
    CU_ASSERT_EQUAL(pythia_match_group(match, subject, 0, &out, &found, NULL), SQLITE_OK);
    CU_ASSERT(found && pythia_text_equal(out, PYTHIA_TEXT("key=12")));
    CU_ASSERT_PTR_EQUAL(out.p, subject.p + 2); /* a slice of the subject */
    CU_ASSERT_EQUAL(pythia_match_group(match, subject, 2, &out, &found, NULL), SQLITE_OK);
    CU_ASSERT(found && pythia_text_equal(out, PYTHIA_TEXT("12")));
    CU_ASSERT_EQUAL(pythia_match_group(match, subject, 3, &out, &found, NULL), SQLITE_OK);
    CU_ASSERT(!found && out.n == 0);
    CU_ASSERT_EQUAL(pythia_match_group(match, PYTHIA_TEXT("none"), 1, &out, &found, NULL),
                    SQLITE_OK);
    CU_ASSERT_FALSE(found);
    char *error = NULL;
    CU_ASSERT_EQUAL(pythia_match_group(match, subject, 4, &out, &found, &error), SQLITE_RANGE);
    CU_ASSERT_STRING_EQUAL(error, "no group 4: the regular expression has 3");
    sqlite3_free(error);
    pythia_match_free(match);
}

static void check_replace(const char *pattern, const char *subject, const char *replacement,
                          const char *expected, int count) {
    PythiaMatch *match = compiled(pattern);
    PythiaBuf out = {0};
    int replaced = -1;
    pythia_buf_str(&out, "<");
    CU_ASSERT_EQUAL(pythia_match_replace(match, pythia_text(subject), pythia_text(replacement),
                                         &out, &replaced, NULL),
                    SQLITE_OK);
    pythia_buf_str(&out, ">");
    char *text = pythia_buf_take(&out);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_STRING_EQUAL(text, expected);
    CU_ASSERT_EQUAL(replaced, count);
    sqlite3_free(text);
    pythia_match_free(match);
}

static void test_replace(void) {
    check_replace("\\d+", "a1b22c", "N", "<aNbNc>", 2);
    check_replace("x", "abc", "N", "<abc>", 0);
    check_replace("(?<k>\\w)=(\\w)", "a=b,c=d", "$2:${k} $$", "<b:a $,d:c $>", 2);
    check_replace("(a)|(b)", "ab", "[$1|$2]", "<[a|][|b]>", 2);
    check_replace("", "ab", "-", "<-a-b->", 3);
    check_replace("a", "", "-", "<>", 0);
}

/* A result far longer than the first guess. */
static void test_replace_grows(void) {
    PythiaMatch *match = compiled("a");
    PythiaBuf out = {0};
    char subject[1000];
    memset(subject, 'a', sizeof subject);
    int replaced;
    CU_ASSERT_EQUAL(pythia_match_replace(match, (PythiaText){subject, sizeof subject},
                                         PYTHIA_TEXT("0123456789"), &out, &replaced, NULL),
                    SQLITE_OK);
    CU_ASSERT_EQUAL(replaced, 1000);
    CU_ASSERT_EQUAL(out.n, 10000);
    CU_ASSERT_EQUAL(memcmp(out.data + 9990, "0123456789", 10), 0);
    pythia_buf_clear(&out);
    pythia_match_free(match);
}

static void test_replace_malformed(void) {
    PythiaMatch *match = compiled("a");
    PythiaBuf out = {0};
    char *error = NULL;
    int replaced;
    pythia_buf_str(&out, "kept");
    CU_ASSERT_EQUAL(
        pythia_match_replace(match, PYTHIA_TEXT("a"), PYTHIA_TEXT("x${b"), &out, &replaced, &error),
        SQLITE_ERROR);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "malformed replacement"));
    CU_ASSERT_EQUAL(out.n, 4);
    sqlite3_free(error);
    pythia_buf_clear(&out);
    pythia_match_free(match);
}

/* Exponential backtracking ends in an error, and the pattern can be used again. */
static void test_limits(void) {
    PythiaMatch *match = compiled("^(a+)+$");
    char subject[64];
    memset(subject, 'a', sizeof subject);
    subject[sizeof subject - 1] = 'b';
    char *error = NULL;
    int matched;
    CU_ASSERT_EQUAL(
        pythia_match_test(match, (PythiaText){subject, sizeof subject}, &matched, &error),
        SQLITE_ERROR);
    CU_ASSERT_STRING_EQUAL(error, "regular expression gave up: match limit exceeded");
    sqlite3_free(error);
    CU_ASSERT_EQUAL(pythia_match_test(match, PYTHIA_TEXT("aaa"), &matched, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(matched, 1);
    pythia_match_free(match);
}

/* Nested far beyond the stack of JIT code: the interpreter takes over. */
static void test_deep(void) {
    enum { N = 20000 };
    PythiaMatch *match = compiled("^(?:(.)x?)*+$");
    PythiaMatch *nested = compiled("^(\\((?1)*\\))$");
    char *subject = pythia_alloc(N);
    CU_ASSERT_PTR_NOT_NULL_FATAL(subject);
    int matched = -1;
    memset(subject, 'y', N);
    CU_ASSERT_EQUAL(pythia_match_test(match, (PythiaText){subject, N}, &matched, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(matched, 1);
    memset(subject, '(', N / 2);
    memset(subject + N / 2, ')', N / 2);
    CU_ASSERT_EQUAL(pythia_match_test(nested, (PythiaText){subject, N}, &matched, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(matched, 1);
    pythia_free(subject);
    pythia_match_free(match);
    pythia_match_free(nested);
}

PYTHIA_SUITE(base_match, {"found anywhere", test_found}, {"invalid UTF-8", test_invalid_utf},
             {"malformed patterns say where", test_malformed}, {"groups", test_groups},
             {"replacing", test_replace}, {"a replacement that grows", test_replace_grows},
             {"malformed replacements", test_replace_malformed},
             {"hostile patterns are limited", test_limits}, {"deep recursion", test_deep})
