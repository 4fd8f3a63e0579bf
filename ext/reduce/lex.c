/* lex.c - the texts of predicates and aggregates as tokens, which are SQLite's as far as they are used. */
#include "ext/reduce/internal.h"

#include <stdlib.h>

static int is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static int is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Bytes of UTF-8 beyond ASCII count as letters, as they do in SQLite. */
static int is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

/* Behind the closing quote; 0 where there is none. A doubled quote stands for one, but for ']'. */
static size_t end_of_quoted(PythiaText text, size_t at) {
    char quote = text.p[at] == '[' ? ']' : text.p[at];
    for (at++; at < text.n; at++) {
        if (text.p[at] != quote) continue;
        if (quote == ']' || at + 1 >= text.n || text.p[at + 1] != quote) return at + 1;
        at++;
    }
    return 0;
}

static size_t end_of_digits(PythiaText text, size_t at) {
    while (at < text.n && is_digit(text.p[at]))
        at++;
    return at;
}

/* Digits, a fraction, an exponent. */
static size_t end_of_number(PythiaText text, size_t at) {
    at = end_of_digits(text, at);
    if (at < text.n && text.p[at] == '.') at = end_of_digits(text, at + 1);
    if (at < text.n && (text.p[at] | 0x20) == 'e') {
        size_t power = at + 1;
        if (power < text.n && (text.p[power] == '+' || text.p[power] == '-')) power++;
        if (power < text.n && is_digit(text.p[power])) at = end_of_digits(text, power);
    }
    return at;
}

static size_t end_of_sign(PythiaText text, size_t at) {
    static const char *const two[] = {"==", "<>", "!=", "<=", ">="};
    for (size_t i = 0; i < sizeof two / sizeof two[0]; i++)
        if (at + 1 < text.n && memcmp(text.p + at, two[i], 2) == 0) return at + 2;
    return strchr("=<>+-*/%(),", text.p[at]) ? at + 1 : 0;
}

static size_t token_end(PythiaText text, size_t at, int *kind) {
    char c = text.p[at];
    size_t end = at;
    if (c == '\'') {
        *kind = PYTHIA_TOKEN_TEXT;
        return end_of_quoted(text, at);
    }
    if (c == '"' || c == '`' || c == '[') {
        *kind = PYTHIA_TOKEN_QUOTED;
        return end_of_quoted(text, at);
    }
    if (is_digit(c) || (c == '.' && at + 1 < text.n && is_digit(text.p[at + 1]))) {
        *kind = PYTHIA_TOKEN_NUMBER;
        end = end_of_number(text, at);
        /* 12abc is nothing */
        return end < text.n && (is_letter(text.p[end]) || text.p[end] == '$') ? 0 : end;
    }
    if (is_letter(c)) {
        *kind = PYTHIA_TOKEN_WORD;
        while (end < text.n &&
               (is_letter(text.p[end]) || is_digit(text.p[end]) || text.p[end] == '$'))
            end++;
        return end;
    }
    *kind = PYTHIA_TOKEN_SIGN;
    return c ? end_of_sign(text, at) : 0;
}

PythiaToken pythia_reduce_token(PythiaText text, size_t at) {
    while (at < text.n && is_blank(text.p[at]))
        at++;
    PythiaToken token = {PYTHIA_TOKEN_END, at, {text.p + at, 0}};
    if (at >= text.n) return token;
    size_t end = token_end(text, at, &token.kind);
    if (!end) {
        token.kind = PYTHIA_TOKEN_BAD;
        end = at + 1;
    }
    token.text.n = end - at;
    return token;
}

int pythia_token_is(const PythiaToken *token, const char *word) {
    size_t n = strlen(word);
    return (token->kind == PYTHIA_TOKEN_WORD || token->kind == PYTHIA_TOKEN_SIGN) &&
           token->text.n == n && sqlite3_strnicmp(token->text.p, word, (int)n) == 0;
}

size_t pythia_token_content(const PythiaToken *token, char *out) {
    char quote = token->text.p[0];
    size_t n = 0;
    for (size_t i = 1; i + 1 < token->text.n; i++) {
        out[n++] = token->text.p[i];
        if (quote != '[' && token->text.p[i] == quote) i++;
    }
    return n;
}

int pythia_token_number(const PythiaToken *token, int64_t *integer, double *real) {
    char digits[PYTHIA_REDUCE_BYTES + 1];
    uint64_t value = 0;
    int whole = 1;
    size_t n = token->text.n < sizeof digits ? token->text.n : sizeof digits - 1;
    for (size_t i = 0; i < n && whole; i++) {
        unsigned digit = (unsigned)(token->text.p[i] - '0');
        whole = digit <= 9 && value <= (UINT64_MAX - digit) / 10;
        if (whole) value = value * 10 + digit;
    }
    *integer = whole && value <= INT64_MAX ? (int64_t)value : INT64_MIN;
    if (whole && value <= INT64_MAX) return 1;
    if (!whole || value != (uint64_t)INT64_MAX + 1) *integer = 0;
    memcpy(digits, token->text.p, n);
    digits[n] = 0;
    *real = strtod(digits, NULL);
    return 0;
}
