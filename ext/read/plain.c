/* plain.c - see plain.h. Days from dates: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
** 2013. */
#include "ext/read/plain.h"

/* ---- times ---- */

/* Reads n digits at p; -1 when there are not so many. */
static int digits_read(const char *p, const char *end, int n) {
    int value = 0;
    if (end - p < n) return -1;
    for (int i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') return -1;
        value = value * 10 + (p[i] - '0');
    }
    return value;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar, years counted from March, so that the leap
** day is a year's last. */
static int64_t days_from_date(int64_t year, int month, int day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

/* "Z", "+01:00", "+0100" or nothing, in seconds east of UTC; 0 on anything else. */
static int zone_read(const char *p, const char *end, int64_t *seconds) {
    *seconds = 0;
    if (p == end || (end - p == 1 && *p == 'Z')) return 1;
    if (*p != '+' && *p != '-') return 0;
    int hours = digits_read(p + 1, end, 2);
    const char *rest = p + 3;
    if (hours >= 0 && rest < end && *rest == ':') rest++;
    int minutes = hours < 0 ? -1 : digits_read(rest, end, 2);
    if (minutes < 0 || end - rest != 2) return 0;
    *seconds = (hours * 60 + minutes) * 60;
    if (*p == '-') *seconds = -*seconds;
    return 1;
}

/* "2026-04-25T15:30:00.523261"; a year has four digits, so that the product fits. */
int pythia_plain_date_ns(PythiaText text, int64_t *ns) {
    const char *p = text.p, *end = text.p + text.n;
    if (text.n < 19 || p[4] != '-' || p[7] != '-' || (p[10] != 'T' && p[10] != ' ') ||
        p[13] != ':' || p[16] != ':')
        return 0;
    int year = digits_read(p, end, 4), month = digits_read(p + 5, end, 2);
    int day = digits_read(p + 8, end, 2), hour = digits_read(p + 11, end, 2);
    int minute = digits_read(p + 14, end, 2), second = digits_read(p + 17, end, 2);
    if (year < 0 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || hour > 23 ||
        minute < 0 || minute > 59 || second < 0 || second > 60)
        return 0;
    int64_t fraction_ns = 0, zone_s;
    p += 19;
    if (p < end && *p == '.') {
        int64_t unit = 100000000;
        for (p++; p < end && *p >= '0' && *p <= '9'; p++, unit /= 10)
            fraction_ns += (*p - '0') * unit;
    }
    if (!zone_read(p, end, &zone_s)) return 0;
    int64_t seconds = days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return !__builtin_mul_overflow(seconds - zone_s, (int64_t)1000000000, ns) &&
           !__builtin_add_overflow(*ns, fraction_ns, ns);
}

int64_t pythia_plain_unit_ns(double time) {
    if (time < 0) time = -time;
    if (time < 1e11) return 1000000000;
    if (time < 1e14) return 1000000;
    return time < 1e17 ? 1000 : 1;
}

/* ---- attributes ---- */

/* The digits at p[i]; the index behind them. */
static size_t digits_pass(PythiaText text, size_t i) {
    while (i < text.n && text.p[i] >= '0' && text.p[i] <= '9')
        i++;
    return i;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?, what JSON calls a number. */
static int text_is_number(PythiaText text, int *whole) {
    size_t first = text.n && text.p[0] == '-', i = digits_pass(text, first), begin;
    if (i == first || (i - first > 1 && text.p[first] == '0')) return 0;
    *whole = i == text.n;
    if (i < text.n && text.p[i] == '.') {
        begin = i + 1;
        i = digits_pass(text, begin);
        if (i == begin) return 0;
    }
    if (i < text.n && (text.p[i] == 'e' || text.p[i] == 'E')) {
        i++;
        if (i < text.n && (text.p[i] == '+' || text.p[i] == '-')) i++;
        begin = i;
        i = digits_pass(text, begin);
        if (i == begin) return 0;
    }
    return i == text.n;
}

void pythia_plain_attribute(PythiaReader *reader, PythiaAttributes *list, PythiaText key,
                            PythiaText value) {
    int whole;
    int number = text_is_number(value, &whole);
    PythiaAttribute *attribute = pythia_attributes_add(reader, list, key);
    if (!attribute) return;
    if (number && whole && pythia_text_int64(value, &attribute->integer)) {
        attribute->type = PYTHIA_VALUE_INT;
    } else if (number && pythia_text_double(value, &attribute->real)) {
        attribute->type = PYTHIA_VALUE_DOUBLE;
    } else {
        attribute->type = PYTHIA_VALUE_TEXT;
        attribute->text = value;
    }
}

/* ---- bytes ---- */

/* Bytes of the character at p, of which n are there; 0 when it is none. */
static size_t utf8_length(const unsigned char *p, size_t n) {
    unsigned char low = 0x80, high = 0xbf; /* of the second byte */
    size_t length = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (p[0] < 0x80) return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n < length) return 0;
    if (p[0] == 0xe0) low = 0xa0;
    if (p[0] == 0xed) high = 0x9f;
    if (p[0] == 0xf0) low = 0x90;
    if (p[0] == 0xf4) high = 0x8f;
    if (p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    return length;
}

int pythia_plain_is_utf8(PythiaText text) {
    const unsigned char *p = (const unsigned char *)text.p;
    for (size_t i = 0, length; i < text.n; i += length) {
        length = utf8_length(p + i, text.n - i);
        if (!length) return 0;
    }
    return 1;
}
