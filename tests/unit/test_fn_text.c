/* test_fn_text.c - the SQL functions on text. */
#include "ext/base/sqlite.h"
#include "sql/fn_text.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

static sqlite3 *opened(void) {
    sqlite3 *db;
    char *error = NULL;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_fn_text_register(db, &error), SQLITE_OK);
    return db;
}

/* Runs a query and compares its first value, as text, or its error message. */
static void check_on(sqlite3 *db, const char *sql, const char *expected) {
    sqlite3_stmt *statement = NULL;
    const char *got = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        got = (const char *)sqlite3_column_text(statement, 0);
    else
        got = sqlite3_errmsg(db);
    int equal = got && expected ? strcmp(got, expected) == 0 : got == expected;
    if (!equal)
        printf("\n    %s\n    gave     %s\n    expected %s\n", sql, got ? got : "NULL",
               expected ? expected : "NULL");
    CU_ASSERT(equal);
    sqlite3_finalize(statement);
}

typedef struct Case {
    const char *sql, *expected;
} Case;

static void check_all(const Case *cases, size_t n) {
    sqlite3 *db = opened();
    for (size_t i = 0; i < n; i++)
        check_on(db, cases[i].sql, cases[i].expected);
    sqlite3_close(db);
}
#define CHECK_ALL(cases) check_all(cases, sizeof(cases) / sizeof(cases)[0])

static void test_regexp(void) {
    static const Case cases[] = {
        {"SELECT 'POST /cart' REGEXP '^POST'", "1"},
        {"SELECT 'GET /cart' REGEXP '^POST'", "0"},
        {"SELECT regexp('^POST', 'POST /cart')", "1"},
        {"SELECT NULL REGEXP 'a'", NULL},
        {"SELECT 'a' REGEXP NULL", NULL},
        {"SELECT 123 REGEXP '^1.3$'", "1"},
        {"SELECT '' REGEXP ''", "1"},
        {"SELECT 'a' REGEXP '(a'",
         "malformed regular expression: missing closing parenthesis at byte 2"},
        {"SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab' REGEXP '^(a+)+$'",
         "regular expression gave up: match limit exceeded"},
        {"SELECT 'a' REGEXP printf('%.*c', 60000, 'a')", "regular expression too long"},
        {"WITH t(p) AS (VALUES('a'),('b'),('(?i)C')) SELECT sum('abc' REGEXP p) FROM t", "3"},
    };
    CHECK_ALL(cases);
}

static void test_extract(void) {
    static const Case cases[] = {
        {"SELECT regexp_extract('GET /item/42/x', '/item/(\\d+)', 1)", "42"},
        {"SELECT regexp_extract('GET /item/42/x', '/item/(\\d+)')", "/item/42"},
        {"SELECT regexp_extract('GET /', '/item/(\\d+)')", NULL},
        {"SELECT regexp_extract('ab', '(x)?b', 1)", NULL},
        {"SELECT regexp_extract('ab', 'x*', 0)", ""},
        {"SELECT regexp_extract('ab', 'a', NULL)", NULL},
        {"SELECT regexp_extract('ab', 'a', 1)", "no group 1: the regular expression has 0"},
        {"SELECT regexp_extract('ab', 'a', -1)", "regexp_extract: a group is a number from 0 up"},
    };
    CHECK_ALL(cases);
}

static void test_replace(void) {
    static const Case cases[] = {
        {"SELECT regexp_replace('/u/12/i/7', '\\d+', '{id}')", "/u/{id}/i/{id}"},
        {"SELECT regexp_replace('k=v', '(\\w)=(\\w)', '$2=$1')", "v=k"},
        {"SELECT regexp_replace('abc', 'x', 'y')", "abc"},
        {"SELECT regexp_replace('', '', 'y')", "y"},
        {"SELECT regexp_replace(NULL, 'x', 'y')", NULL},
        {"SELECT regexp_replace('a', 'a', '$9')",
         "malformed replacement: unknown substring at byte 2"},
    };
    CHECK_ALL(cases);
}

static void test_format(void) {
    static const Case cases[] = {
        {"SELECT format_ns(0)", "0 ns"},
        {"SELECT format_ns(812)", "812 ns"},
        {"SELECT format_ns(999)", "999 ns"},
        {"SELECT format_ns(1000)", "1.00 us"},
        {"SELECT format_ns(1239999)", "1.24 ms"},
        {"SELECT format_ns(12399999)", "12.4 ms"},
        {"SELECT format_ns(123999999)", "124 ms"},
        {"SELECT format_ns(999600)", "1.00 ms"},
        {"SELECT format_ns(999400)", "999 us"},
        {"SELECT format_ns(9996000)", "10.0 ms"},
        {"SELECT format_ns(3450000000)", "3.45 s"},
        {"SELECT format_ns(59960000000)", "1.00 min"},
        {"SELECT format_ns(123000000000)", "2.05 min"},
        {"SELECT format_ns(3600000000000)", "1.00 h"},
        {"SELECT format_ns(36000000000000000)", "10000 h"},
        {"SELECT format_ns(-1239999)", "-1.24 ms"},
        {"SELECT format_ns(-9223372036854775807 - 1)", "-2562048 h"},
        {"SELECT format_ns(12.34)", "12.3 ns"},
        {"SELECT format_ns(0.25)", "0.25 ns"},
        {"SELECT format_ns('1500')", "1.50 us"},
        {"SELECT format_ns(NULL)", NULL},
        {"SELECT format_ns(9e999)", NULL},
        {"SELECT format_ns('soon')", "format_ns: not a number"},
    };
    CHECK_ALL(cases);
}

static void test_parse(void) {
    static const Case cases[] = {
        {"SELECT parse_duration('1.5ms')", "1500000"},
        {"SELECT parse_duration(' 2 min 3 s ')", "123000000000"},
        {"SELECT parse_duration('1h30m')", "5400000000000"},
        {"SELECT parse_duration('0.1 s')", "100000000"},
        {"SELECT parse_duration('7\xc2\xb5s')", "7000"},
        {"SELECT parse_duration('7\xce\xbcs')", "7000"},
        {"SELECT parse_duration('1d')", "86400000000000"},
        {"SELECT parse_duration('-3us')", "-3000"},
        {"SELECT parse_duration('.5us')", "500"},
        {"SELECT parse_duration('0.4ns')", "0"},
        {"SELECT parse_duration('0.5ns')", "1"},
        {"SELECT parse_duration('9223372036854775807ns')", "9223372036854775807"},
        {"SELECT parse_duration('1.0000000000000000000000000001s')", "1000000000"},
        {"SELECT parse_duration(NULL)", NULL},
        {"SELECT parse_duration('9223372036854775808ns')",
         "parse_duration: '9223372036854775808ns' at byte 0: too long for 64 bits of nanoseconds"},
        {"SELECT parse_duration('200000d')",
         "parse_duration: '200000d' at byte 6: too long for 64 bits of nanoseconds"},
        {"SELECT parse_duration('1.5')",
         "parse_duration: '1.5' at byte 3: a unit is expected: ns, us, ms, s, min, h or d"},
        {"SELECT parse_duration('1.5xs')",
         "parse_duration: '1.5xs' at byte 3: a unit is expected: ns, us, ms, s, min, h or d"},
        {"SELECT parse_duration('')", "parse_duration: '' at byte 0: a number is expected"},
        {"SELECT parse_duration('1s 5')",
         "parse_duration: '1s 5' at byte 4: a unit is expected: ns, us, ms, s, min, h or d"},
        {"SELECT parse_duration('.s')", "parse_duration: '.s' at byte 0: a number is expected"},
    };
    CHECK_ALL(cases);
}

/* What format_ns writes is read back to within its rounding. */
static void test_inverse(void) {
    sqlite3 *db = opened();
    check_on(
        db,
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x * 7 + 3 FROM n WHERE x < 1e17) "
        "SELECT count(*) > 15 AND max(abs(parse_duration(format_ns(x)) - x) * 1.0 / x) < 0.006 "
        "FROM n",
        "1");
    sqlite3_close(db);
}

/* A constant pattern is compiled once, whether or not its rows match: SQLite's count of allocations
** tells. Compiling takes several allocations, matching takes none. */
static void test_compiled_once(void) {
    sqlite3 *db = opened();
    static const char *const patterns[] = {"nothing", "x"};
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *statement;
        CU_ASSERT_EQUAL_FATAL(
            sqlite3_prepare_v2(db,
                               "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n "
                               "WHERE x < 200) SELECT 'xyz' || x REGEXP ?1 FROM n",
                               -1, &statement, NULL),
            SQLITE_OK);
        sqlite3_bind_text(statement, 1, patterns[i], -1, SQLITE_STATIC);
        int rows = 0, changes = 0;
        sqlite3_int64 used = 0;
        sqlite3_int64 largest, now;
        while (sqlite3_step(statement) == SQLITE_ROW) {
            sqlite3_status64(SQLITE_STATUS_MEMORY_USED, &now, &largest, 1);
            if (++rows > 2) changes += largest - used > 400; /* a compilation is more than that */
            used = now;
        }
        CU_ASSERT_EQUAL(rows, 200);
        CU_ASSERT_EQUAL(changes, 0);
        sqlite3_finalize(statement);
    }
    sqlite3_close(db);
}

PYTHIA_SUITE(fn_text, {"REGEXP", test_regexp}, {"regexp_extract", test_extract},
             {"regexp_replace", test_replace}, {"format_ns", test_format},
             {"parse_duration", test_parse}, {"format_ns and parse_duration agree", test_inverse},
             {"a pattern is compiled once", test_compiled_once})
