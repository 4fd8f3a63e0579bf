/* lex.c - Pivot Tracing's language: text to tokens, and mistakes with their position.
**
** Tokens are slices of the program, made when they are asked for: the names of trace points have other
** characters than expressions have, and only the parser knows which of the two comes next. */
#include "ext/base/lex.h"
#include "ext/pivot/internal.h"

#include <stdarg.h>

static size_t skip_blanks(PythiaText program, size_t at) {
    for (;;) {
        while (at < program.n && pythia_is_blank(program.p[at]))
            at++;
        if (at + 1 >= program.n || program.p[at] != '-' || program.p[at + 1] != '-') return at;
        while (at < program.n && program.p[at] != '\n')
            at++;
    }
}

static size_t end_of_sign(PythiaText program, size_t at) {
    static const char *const pairs[] = {"->", "==", "!=", "<>", "<=", ">=", "&&", "||", "<<", ">>"};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (program.n - at >= 2 && memcmp(program.p + at, pairs[i], 2) == 0) return at + 2;
    return program.p[at] && strchr("+-*/%<>=(),.;:@~&|!", program.p[at]) ? at + 1 : 0;
}

PivotToken pivot_lex(PythiaText program, size_t *at) {
    size_t from = skip_blanks(program, *at), to;
    PivotToken token = {PIVOT_END, {program.p + from, 0}, from};
    *at = from;
    if (from >= program.n) return token;
    char c = program.p[from];
    if (pythia_is_letter(c)) {
        token.kind = PIVOT_WORD;
        to = from + 1;
        while (to < program.n &&
               (pythia_is_letter(program.p[to]) || pythia_is_digit(program.p[to])))
            to++;
    } else if (pythia_lex_is_number(program, from)) {
        token.kind = PIVOT_NUMBER;
        to = pythia_lex_number(program, from);
    } else if (c == '\'' || c == '"') {
        token.kind = PIVOT_STRING;
        to = pythia_lex_quoted(program, from);
    } else {
        token.kind = PIVOT_SIGN;
        to = end_of_sign(program, from);
    }
    if (!to) {
        token.kind = PIVOT_BAD;
        to = from + 1;
    }
    token.text.n = to - from;
    *at = to;
    return token;
}

PivotToken pivot_peek(PythiaText program, size_t at) {
    return pivot_lex(program, &at);
}

PivotToken pivot_lex_name(PythiaText program, size_t *at) {
    size_t from = skip_blanks(program, *at), to = from;
    if (from < program.n && (program.p[from] == '\'' || program.p[from] == '"'))
        return pivot_lex(program, at);
    while (to < program.n && !pythia_is_blank(program.p[to]) && !strchr(",();@'\"", program.p[to]))
        to++;
    PivotToken token = {to > from ? PIVOT_WORD : PIVOT_END, {program.p + from, to - from}, from};
    *at = to;
    return token;
}

int pivot_is(PivotToken token, const char *word_or_sign) {
    return (token.kind == PIVOT_WORD || token.kind == PIVOT_SIGN) &&
           strlen(word_or_sign) == token.text.n &&
           sqlite3_strnicmp(token.text.p, word_or_sign, (int)token.text.n) == 0;
}

PythiaText pivot_unquoted(PythiaArena *arena, PythiaText token) {
    if (!token.n || (token.p[0] != '\'' && token.p[0] != '"')) return token;
    char quote = token.p[0];
    char *copy = pythia_arena_alloc(arena, token.n);
    PythiaText text = {copy, 0};
    if (!copy) return text;
    for (size_t i = 1; i + 1 < token.n; i++) {
        copy[text.n++] = token.p[i];
        if (token.p[i] == quote) i++;
    }
    return text;
}

int pivot_fail(PythiaText program, size_t at, char **error, const char *format, ...) {
    int line = 1, column = 1;
    for (size_t i = 0; i < at && i < program.n; i++) {
        if (program.p[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)program.p[i] & 0xC0) != 0x80) {
            column++;
        }
    }
    va_list arguments;
    va_start(arguments, format);
    char *message = sqlite3_vmprintf(format, arguments);
    va_end(arguments);
    if (!message) return SQLITE_NOMEM;
    int rc = pythia_fail(error, SQLITE_ERROR, "line %d, column %d: %s", line, column, message);
    sqlite3_free(message);
    return rc;
}
