/* json_value.c - see json.h: parsing with a second chance, look-up, conversions, writing. */
#include "ext/read/json.h"

#include "ext/base/bytes.h"
#include "ext/base/mem.h"

#include <math.h>
#include <stdlib.h>

int pythia_json_parse(PythiaJson *json, const unsigned char *bytes, size_t n, const char **why) {
    *why = "out of memory";
    if (!json->parser) json->parser = pythia_json_parser_new();
    if (!json->parser) return PYTHIA_JSON_NOMEM;
    int result = pythia_json_parser_run(json->parser, bytes, n, &json->tape, why);
    if (result != PYTHIA_JSON_MENDABLE) return result;
    int changed;
    json->mended.n = 0;
    pythia_json_mend(&json->mended, bytes, n, &changed);
    if (json->mended.rc == SQLITE_OK && !changed) return PYTHIA_JSON_SYNTAX;
    n = json->mended.n;
    unsigned char *padding = pythia_buf_room(&json->mended, PYTHIA_JSON_PADDING);
    if (!padding) {
        pythia_buf_clear(&json->mended);
        return PYTHIA_JSON_NOMEM;
    }
    memset(padding, 0, PYTHIA_JSON_PADDING);
    result = pythia_json_parser_run(json->parser, json->mended.data, n, &json->tape, why);
    return result == PYTHIA_JSON_MENDABLE ? PYTHIA_JSON_SYNTAX : result;
}

void pythia_json_clear(PythiaJson *json) {
    pythia_json_parser_free(json->parser);
    pythia_buf_clear(&json->mended);
    memset(json, 0, sizeof *json);
}

uint32_t pythia_json_find(const PythiaJson *j, uint32_t object, PythiaText key) {
    if (!pythia_json_is_object(j, object)) return 0;
    for (uint32_t at = pythia_json_first(j, object); at; at = pythia_json_after(j, at + 1)) {
        if (pythia_bytes_equal_text(pythia_json_text(j, at), key)) return at + 1;
    }
    return 0;
}

void pythia_json_members(const PythiaJson *j, uint32_t object, const PythiaText *keys, size_t n,
                         int nulls, uint32_t *values) {
    if (!pythia_json_is_object(j, object)) return;
    size_t next = 0; /* the one that is expected */
    for (uint32_t at = pythia_json_first(j, object); at; at = pythia_json_after(j, at + 1)) {
        PythiaText text = pythia_json_text(j, at);
        size_t i = next;
        if (!pythia_bytes_equal_text(text, keys[i]))
            for (i = 0; i < n && !pythia_bytes_equal_text(text, keys[i]);)
                i++;
        if (i == n) continue;
        if (!values[i] && (nulls || pythia_json_type(j, at + 1) != 'n')) values[i] = at + 1;
        next = i + 1 < n ? i + 1 : 0;
    }
}

uint32_t pythia_json_present(const PythiaJson *j, uint32_t object, PythiaText key) {
    uint32_t at = pythia_json_find(j, object, key);
    return at && pythia_json_type(j, at) != 'n' ? at : 0;
}

static uint64_t json_bits(const PythiaJson *j, uint32_t at) {
    return j->tape.words[at + 1];
}

static double json_real(const PythiaJson *j, uint32_t at) {
    double value;
    uint64_t bits = json_bits(j, at);
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* 2^63 as a double; every double below it, and at least its negative, fits. */
static const double int64_limit = 9223372036854775808.0;

static int double_int64(double real, int64_t *value) {
    if (!(real >= -int64_limit && real < int64_limit)) return 0;
    *value = (int64_t)real;
    return 1;
}

int pythia_text_int64(PythiaText text, int64_t *value) {
    size_t i = 0;
    int negative = text.n && text.p[0] == '-';
    if (negative || (text.n && text.p[0] == '+')) i++;
    if (i == text.n) return 0;
    int64_t v = 0; /* built as a negative number, whose range is the larger */
    for (; i < text.n; i++) {
        unsigned digit = (unsigned)(unsigned char)text.p[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, (int64_t)digit, &v))
            return 0;
    }
    if (!negative && v == INT64_MIN) return 0;
    *value = negative ? v : -v;
    return 1;
}

int pythia_text_double(PythiaText text, double *value) {
    enum { LONGEST = 400 }; /* a decimal number longer than this is no measurement */
    char digits[LONGEST + 1], *end;
    if (text.n == 0 || text.n > LONGEST) return 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == 'x' || c == 'X' || c == 'p' || c == 'P' || c == ' ' || (c >= '\t' && c <= '\r'))
            return 0;
        digits[i] = c;
    }
    digits[text.n] = 0;
    *value = strtod(digits, &end);
    return end == digits + text.n;
}

int pythia_json_int64(const PythiaJson *j, uint32_t at, int64_t *value) {
    if (!at) return PYTHIA_JSON_ABSENT;
    double real;
    PythiaText text;
    switch (pythia_json_type(j, at)) {
    case 'n':
        return PYTHIA_JSON_ABSENT;
    case 'l':
        *value = (int64_t)json_bits(j, at);
        return PYTHIA_JSON_GOOD;
    case 'd':
        real = json_real(j, at);
        return real == floor(real) && double_int64(real, value) ? PYTHIA_JSON_GOOD
                                                                : PYTHIA_JSON_BAD;
    case '"':
        text = pythia_json_text(j, at);
        if (text.n == 0) return PYTHIA_JSON_ABSENT;
        return pythia_text_int64(text, value) ? PYTHIA_JSON_GOOD : PYTHIA_JSON_BAD;
    default:
        return PYTHIA_JSON_BAD;
    }
}

int pythia_json_double(const PythiaJson *j, uint32_t at, double *value) {
    if (!at) return PYTHIA_JSON_ABSENT;
    PythiaText text;
    switch (pythia_json_type(j, at)) {
    case 'n':
        return PYTHIA_JSON_ABSENT;
    case 'l':
        *value = (double)(int64_t)json_bits(j, at);
        return PYTHIA_JSON_GOOD;
    case 'u':
        *value = (double)json_bits(j, at);
        return PYTHIA_JSON_GOOD;
    case 'd':
        *value = json_real(j, at);
        return PYTHIA_JSON_GOOD;
    case '"':
        text = pythia_json_text(j, at);
        if (text.n == 0) return PYTHIA_JSON_ABSENT;
        return pythia_text_double(text, value) ? PYTHIA_JSON_GOOD : PYTHIA_JSON_BAD;
    default:
        return PYTHIA_JSON_BAD;
    }
}

/* Whole units and ns apart: a double of 10^15 us has no room for their product. */
static int double_time_ns(double real, int64_t unit_ns, int64_t *ns) {
    int64_t whole, product;
    double units = floor(real);
    if (!double_int64(units, &whole) || __builtin_mul_overflow(whole, unit_ns, &product)) return 0;
    return !__builtin_add_overflow(product, (int64_t)llround((real - units) * (double)unit_ns), ns);
}

/* "1485467191639875", "1485467191639875.123" */
int pythia_text_time_ns(PythiaText text, int64_t unit_ns, int64_t *ns) {
    const char *point = text.n ? memchr(text.p, '.', text.n) : NULL;
    size_t n = point ? (size_t)(point - text.p) : text.n;
    int64_t whole, fraction_ns = 0;
    double real;
    if (!pythia_text_int64((PythiaText){text.p, n}, &whole))
        return pythia_text_double(text, &real) && double_time_ns(real, unit_ns, ns);
    for (size_t i = n + 1; i < text.n; i++)
        if (text.p[i] < '0' || text.p[i] > '9') return 0;
    if (point && text.n - n > 1) {
        char digits[24] = "0";
        size_t k = text.n - n < sizeof digits - 2 ? text.n - n : sizeof digits - 2;
        memcpy(digits + 1, point, k);
        digits[1 + k] = 0;
        fraction_ns = llround(strtod(digits, NULL) * (double)unit_ns);
    }
    if (text.p[0] == '-') fraction_ns = -fraction_ns;
    return !__builtin_mul_overflow(whole, unit_ns, &whole) &&
           !__builtin_add_overflow(whole, fraction_ns, ns);
}

int pythia_json_time_ns(const PythiaJson *j, uint32_t at, int64_t unit_ns, int64_t *ns) {
    if (!at) return PYTHIA_JSON_ABSENT;
    PythiaText text;
    int good = 0;
    switch (pythia_json_type(j, at)) {
    case 'n':
        return PYTHIA_JSON_ABSENT;
    case 'l':
        good = !__builtin_mul_overflow((int64_t)json_bits(j, at), unit_ns, ns);
        break;
    case 'd':
        good = double_time_ns(json_real(j, at), unit_ns, ns);
        break;
    case '"':
        text = pythia_json_text(j, at);
        if (text.n == 0) return PYTHIA_JSON_ABSENT;
        good = pythia_text_time_ns(text, unit_ns, ns);
        break;
    default:
        break;
    }
    return good ? PYTHIA_JSON_GOOD : PYTHIA_JSON_BAD;
}

static void json_write_scalar(const PythiaJson *j, uint32_t at, PythiaBuf *out) {
    switch (pythia_json_type(j, at)) {
    case '"':
        pythia_buf_json_text(out, pythia_json_text(j, at));
        break;
    case 'l':
        pythia_buf_format(out, "%lld", (long long)json_bits(j, at));
        break;
    case 'u':
        pythia_buf_format(out, "%llu", (unsigned long long)json_bits(j, at));
        break;
    case 'd':
        pythia_buf_json_double(out, json_real(j, at));
        break;
    case 't':
        pythia_buf_str(out, "true");
        break;
    case 'f':
        pythia_buf_str(out, "false");
        break;
    default:
        pythia_buf_str(out, "null");
    }
}

/* The tape is already in the order of the text; only the punctuation is missing. An open container is
** one byte: '[', '{' (a key comes next) or ':' (a value comes next). */
void pythia_json_write(const PythiaJson *j, uint32_t at, PythiaBuf *out) {
    char open[PYTHIA_JSON_DEPTH_MAX + 2];
    size_t depth = 0;
    int first = 1; /* in the innermost container */
    uint32_t end = pythia_json_behind(j, at);
    while (at < end && out->rc == SQLITE_OK) {
        unsigned type = pythia_json_type(j, at);
        if (type == '}' || type == ']') {
            pythia_buf_byte(out, (unsigned char)type);
            if (depth <= 1) return;
            if (open[--depth - 1] == ':') open[depth - 1] = '{';
            at++;
            first = 0;
            continue;
        }
        if (!first && depth && open[depth - 1] != ':') pythia_buf_byte(out, ',');
        first = 0;
        if (type == '{' || type == '[') {
            if (depth > PYTHIA_JSON_DEPTH_MAX) {
                out->rc = SQLITE_TOOBIG;
                return;
            }
            pythia_buf_byte(out, (unsigned char)type);
            open[depth++] = (char)type;
            first = 1;
            at++;
            continue;
        }
        json_write_scalar(j, at, out);
        at = pythia_json_behind(j, at);
        if (!depth) return;
        if (open[depth - 1] == '{') {
            pythia_buf_byte(out, ':');
            open[depth - 1] = ':';
        } else if (open[depth - 1] == ':') {
            open[depth - 1] = '{';
        }
    }
}
