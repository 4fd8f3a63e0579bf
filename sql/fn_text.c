/* fn_text.c - see fn_text.h.
**
** A pattern that is constant in its statement is compiled once: it is kept as auxiliary data of its
** argument. sqlite3_set_auxdata() may destroy what it is given at once, so the call comes after the
** last use; and it comes whether or not the pattern matched, or every row without a match would
** compile again. */
#include "sql/fn_text.h"

#include "ext/base/error.h"
#include "ext/base/lex.h"
#include "ext/base/match.h"
#include "sql/result.h"

#include <math.h>

/* Largest length of the patterns, by the same limit that SQLite applies to LIKE and GLOB. */
static int pattern_too_long(sqlite3_context *context, PythiaText pattern) {
    int limit =
        sqlite3_limit(sqlite3_context_db_handle(context), SQLITE_LIMIT_LIKE_PATTERN_LENGTH, -1);
    return pattern.n > (size_t)limit;
}

/* Text of an argument; text.p is NULL when memory ran out or the argument is NULL. */
static PythiaText value_text(sqlite3_value *value) {
    const char *p = (const char *)sqlite3_value_text(value);
    return (PythiaText){p, p ? (size_t)sqlite3_value_bytes(value) : 0};
}

static void match_destroy(void *match) {
    pythia_match_free(match);
}

/* The compiled pattern of argument `index`, or NULL with an error as the result. *fresh says that it was
** compiled now and that pattern_keep() must be called with it, last. */
static PythiaMatch *pattern_get(sqlite3_context *context, int index, sqlite3_value *value,
                                int *fresh) {
    PythiaMatch *match = sqlite3_get_auxdata(context, index);
    *fresh = 0;
    if (match) return match;
    PythiaText pattern = value_text(value);
    if (!pattern.p) {
        sqlite3_result_error_nomem(context);
        return NULL;
    }
    if (pattern_too_long(context, pattern)) {
        sqlite3_result_error(context, "regular expression too long", -1);
        return NULL;
    }
    char *error = NULL;
    int rc = pythia_match_compile(pattern, &match, &error);
    if (rc) {
        pythia_result_failure(context, rc, error);
        return NULL;
    }
    *fresh = 1;
    return match;
}

static void pattern_keep(sqlite3_context *context, int index, PythiaMatch *match, int fresh) {
    if (fresh) sqlite3_set_auxdata(context, index, match, match_destroy);
}

static int any_null(int n, sqlite3_value **values) {
    for (int i = 0; i < n; i++)
        if (sqlite3_value_type(values[i]) == SQLITE_NULL) return 1;
    return 0;
}

static void fn_regexp(sqlite3_context *context, int n, sqlite3_value **values) {
    if (any_null(n, values)) return;
    int fresh, matched = 0;
    PythiaMatch *match = pattern_get(context, 0, values[0], &fresh);
    if (!match) return;
    char *error = NULL;
    PythiaText subject = value_text(values[1]);
    int rc = subject.p ? pythia_match_test(match, subject, &matched, &error) : SQLITE_NOMEM;
    if (rc)
        pythia_result_failure(context, rc, error);
    else
        sqlite3_result_int(context, matched);
    pattern_keep(context, 0, match, fresh);
}

static void fn_regexp_extract(sqlite3_context *context, int n, sqlite3_value **values) {
    if (any_null(n, values)) return;
    sqlite3_int64 group = n > 2 ? sqlite3_value_int64(values[2]) : 0;
    if (group < 0 || group > INT32_MAX) {
        sqlite3_result_error(context, "regexp_extract: a group is a number from 0 up", -1);
        return;
    }
    int fresh, found = 0;
    PythiaMatch *match = pattern_get(context, 1, values[1], &fresh);
    if (!match) return;
    char *error = NULL;
    PythiaText part, subject = value_text(values[0]);
    int rc = subject.p ? pythia_match_group(match, subject, (unsigned)group, &part, &found, &error)
                       : SQLITE_NOMEM;
    if (rc)
        pythia_result_failure(context, rc, error);
    else if (found)
        sqlite3_result_text64(context, part.p, part.n, SQLITE_TRANSIENT, SQLITE_UTF8);
    pattern_keep(context, 1, match, fresh);
}

static void fn_regexp_replace(sqlite3_context *context, int n, sqlite3_value **values) {
    if (any_null(n, values)) return;
    int fresh, replaced;
    PythiaMatch *match = pattern_get(context, 1, values[1], &fresh);
    if (!match) return;
    char *error = NULL;
    PythiaBuf out = {0};
    PythiaText subject = value_text(values[0]), replacement = value_text(values[2]);
    int rc = SQLITE_NOMEM;
    if (subject.p && replacement.p)
        rc = pythia_match_replace(match, subject, replacement, &out, &replaced, &error);
    size_t length = out.n;
    char *text = rc ? NULL : pythia_buf_take(&out);
    if (!rc && !text) rc = SQLITE_NOMEM;
    if (rc)
        pythia_result_failure(context, rc, error);
    else
        sqlite3_result_text64(context, text, length, sqlite3_free, SQLITE_UTF8);
    pythia_buf_clear(&out);
    pattern_keep(context, 1, match, fresh);
}

/* Units as written by format_ns: each holds up to `limit` of itself, then the next one is used. */
static const struct {
    const char *name;
    double ns, limit;
} shown_units[] = {{"ns", 1, 1000}, {"us", 1e3, 1000}, {"ms", 1e6, 1000},
                   {"s", 1e9, 60},  {"min", 60e9, 60}, {"h", 3600e9, INFINITY}};

/* Three significant digits: the value is rounded before the unit is settled, so that 999.6 us is
** 1.00 ms and not 1000 us. Whole nanoseconds are shown as they are. */
static char *duration_format(double ns) {
    const char *sign = ns < 0 ? "-" : "";
    double size = fabs(ns);
    if (size < 1000 && size == floor(size))
        return sqlite3_mprintf("%s%d ns", size > 0 ? sign : "", (int)size);
    for (size_t i = 0;; i++) {
        double value = size / shown_units[i].ns;
        int decimals = 2;
        double shown = round(value * 100) / 100;
        if (shown >= 10) {
            decimals = 1;
            shown = round(value * 10) / 10;
        }
        if (shown >= 100) {
            decimals = 0;
            shown = round(value);
        }
        if (shown < shown_units[i].limit)
            return sqlite3_mprintf("%s%.*f %s", sign, decimals, shown, shown_units[i].name);
    }
}

static void fn_format_ns(sqlite3_context *context, int n, sqlite3_value **values) {
    (void)n;
    int type = sqlite3_value_numeric_type(values[0]);
    if (type == SQLITE_NULL) return;
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) {
        sqlite3_result_error(context, "format_ns: not a number", -1);
        return;
    }
    double ns = sqlite3_value_double(values[0]);
    if (!isfinite(ns)) return;
    char *text = duration_format(ns);
    if (text)
        sqlite3_result_text(context, text, -1, sqlite3_free);
    else
        sqlite3_result_error_nomem(context);
}

/* Units that parse_duration reads; the micro sign and the Greek letter mu both occur. */
static const struct {
    const char *name;
    int64_t ns;
} read_units[] = {{"ns", 1},
                  {"us", 1000},
                  {"\xc2\xb5s", 1000},
                  {"\xce\xbcs", 1000},
                  {"ms", 1000000},
                  {"s", 1000000000},
                  {"m", 60000000000},
                  {"min", 60000000000},
                  {"h", 3600000000000},
                  {"d", 86400000000000}};

static size_t skip_spaces(PythiaText text, size_t at) {
    while (at < text.n && text.p[at] == ' ')
        at++;
    return at;
}

/* The unit at `at`: the run up to the next digit, space or sign. 0 when there is no such unit. */
static int64_t unit_read(PythiaText text, size_t *at) {
    size_t end = *at;
    while (end < text.n && !pythia_is_digit(text.p[end]) && text.p[end] != ' ')
        end++;
    PythiaText name = {text.p + *at, end - *at};
    for (size_t i = 0; i < sizeof read_units / sizeof read_units[0]; i++) {
        if (pythia_text_equal(name, pythia_text(read_units[i].name))) {
            *at = end;
            return read_units[i].ns;
        }
    }
    return 0;
}

__extension__ typedef __int128 Wide;

/* A decimal number at `at` as digits / scale, exactly as far as eighteen digits behind the point (a day
** has fewer nanoseconds); further ones are read and dropped. NULL, or what is wrong. */
static const char *number_read(PythiaText text, size_t *at, Wide *digits, int64_t *scale) {
    size_t i = *at, seen = 0;
    int behind = 0;
    *digits = 0;
    *scale = 1;
    for (; i < text.n && (pythia_is_digit(text.p[i]) || (text.p[i] == '.' && !behind)); i++) {
        if (text.p[i] == '.') {
            behind = 1;
            continue;
        }
        seen++;
        if (behind && *scale >= 1000000000000000000) continue;
        if (behind) *scale *= 10;
        *digits = *digits * 10 + (text.p[i] - '0');
        if (*digits / *scale > INT64_MAX) return "too long for 64 bits of nanoseconds";
    }
    *at = i;
    return seen ? NULL : "a number is expected";
}

/* Reads '[+-] number unit [number unit ...]' into nanoseconds, rounding each part to the nearest. NULL
** on success, else what is wrong, at byte *at. */
static const char *duration_parse(PythiaText text, int64_t *ns, size_t *at) {
    Wide total = 0, digits;
    int64_t scale;
    size_t i = skip_spaces(text, 0);
    int negative = i < text.n && text.p[i] == '-';
    if (i < text.n && (text.p[i] == '-' || text.p[i] == '+')) i++;
    i = skip_spaces(text, i);
    do {
        *at = i;
        const char *wrong = number_read(text, &i, &digits, &scale);
        if (wrong) return wrong;
        *at = i = skip_spaces(text, i);
        int64_t unit = unit_read(text, &i);
        if (!unit) return "a unit is expected: ns, us, ms, s, min, h or d";
        /* digits <= 2^63 * scale, so this is taken apart to stay below 2^127. */
        total += digits / scale * unit;
        total += (digits % scale * unit + scale / 2) / scale;
        if (total > INT64_MAX) return "too long for 64 bits of nanoseconds";
        i = skip_spaces(text, i);
    } while (i < text.n);
    *ns = (int64_t)(negative ? -total : total);
    return NULL;
}

static void fn_parse_duration(sqlite3_context *context, int n, sqlite3_value **values) {
    if (any_null(n, values)) return;
    PythiaText text = value_text(values[0]);
    if (!text.p) {
        sqlite3_result_error_nomem(context);
        return;
    }
    int64_t ns;
    size_t at;
    const char *wrong = duration_parse(text, &ns, &at);
    if (!wrong) {
        sqlite3_result_int64(context, ns);
        return;
    }
    char *error = NULL;
    int rc = pythia_fail(&error, SQLITE_ERROR, "parse_duration: '%.60s' at byte %lld: %s", text.p,
                         (sqlite3_int64)at, wrong);
    pythia_result_failure(context, rc, error);
}

int pythia_fn_text_register(sqlite3 *db, char **error) {
    static const struct {
        const char *name;
        int arguments;
        void (*call)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {{"regexp", 2, fn_regexp},
                     {"regexp_extract", 2, fn_regexp_extract},
                     {"regexp_extract", 3, fn_regexp_extract},
                     {"regexp_replace", 3, fn_regexp_replace},
                     {"format_ns", 1, fn_format_ns},
                     {"parse_duration", 1, fn_parse_duration}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        int rc = sqlite3_create_function_v2(db, functions[i].name, functions[i].arguments,
                                            SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
                                            NULL, functions[i].call, NULL, NULL, NULL);
        if (rc) return pythia_fail(error, rc, "cannot register the function %s", functions[i].name);
    }
    return SQLITE_OK;
}
