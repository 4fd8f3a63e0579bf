/* lex.c - see lex.h. */
#include "ext/base/lex.h"

int pythia_lex_is_number(PythiaText text, size_t at) {
    char c = text.p[at];
    return pythia_is_digit(c) || (c == '.' && at + 1 < text.n && pythia_is_digit(text.p[at + 1]));
}

static size_t end_of_digits(PythiaText text, size_t at) {
    while (at < text.n && pythia_is_digit(text.p[at]))
        at++;
    return at;
}

size_t pythia_lex_number(PythiaText text, size_t at) {
    at = end_of_digits(text, at);
    if (at < text.n && text.p[at] == '.') at = end_of_digits(text, at + 1);
    if (at < text.n && (text.p[at] | 0x20) == 'e') {
        size_t power = at + 1;
        if (power < text.n && (text.p[power] == '+' || text.p[power] == '-')) power++;
        if (power < text.n && pythia_is_digit(text.p[power])) at = end_of_digits(text, power);
    }
    return at;
}

size_t pythia_lex_quoted(PythiaText text, size_t at) {
    char quote = text.p[at] == '[' ? ']' : text.p[at];
    for (at++; at < text.n; at++) {
        if (text.p[at] != quote) continue;
        if (quote == ']' || at + 1 >= text.n || text.p[at + 1] != quote) return at + 1;
        at++;
    }
    return 0;
}
