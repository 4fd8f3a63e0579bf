/* lex.h - what the small languages share with SQLite's tokens: classes of characters, and where numbers and quoted
** texts end. */
#ifndef PYTHIA_BASE_LEX_H
#define PYTHIA_BASE_LEX_H

#include "ext/base/text.h"

static inline int pythia_is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static inline int pythia_is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Bytes of UTF-8 beyond ASCII count as letters, as they do in SQLite. */
static inline int pythia_is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

/* Whether an unsigned number begins at `at`, which is within the text: a digit, or a point and a digit. */
int pythia_lex_is_number(PythiaText text, size_t at);
/* Behind the digits, the fraction and the exponent at `at`. */
size_t pythia_lex_number(PythiaText text, size_t at);
/* Behind the quote that closes the one at `at`; 0 where there is none. A doubled quote stands for one, but ']', which
** closes '[', cannot be doubled. */
size_t pythia_lex_quoted(PythiaText text, size_t at);

#endif
