/* lex.c - the texts of predicates and aggregates as tokens, which are SQLite's as far as they are used. */
#include "ext/base/lex.h"
#include "ext/reduce/internal.h"

#include <stdlib.h>

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
        return pythia_lex_quoted(text, at);
    }
    if (c == '"' || c == '`' || c == '[') {
        *kind = PYTHIA_TOKEN_QUOTED;
        return pythia_lex_quoted(text, at);
    }
    if (pythia_lex_is_number(text, at)) {
        *kind = PYTHIA_TOKEN_NUMBER;
        end = pythia_lex_number(text, at);
        /* 12abc is nothing */
        return end < text.n && (pythia_is_letter(text.p[end]) || text.p[end] == '$') ? 0 : end;
    }
    if (pythia_is_letter(c)) {
        *kind = PYTHIA_TOKEN_WORD;
        while (end < text.n && (pythia_is_letter(text.p[end]) || pythia_is_digit(text.p[end]) ||
                                text.p[end] == '$'))
            end++;
        return end;
    }
    *kind = PYTHIA_TOKEN_SIGN;
    return c ? end_of_sign(text, at) : 0;
}

PythiaToken pythia_reduce_token(PythiaText text, size_t at) {
    while (at < text.n && pythia_is_blank(text.p[at]))
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
