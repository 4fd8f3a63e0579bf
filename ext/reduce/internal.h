/* internal.h - what the files of the reductions share: tokens. */
#ifndef PYTHIA_REDUCE_INTERNAL_H
#define PYTHIA_REDUCE_INTERNAL_H

#include "ext/reduce/reduce.h"

enum {
    PYTHIA_TOKEN_END,
    PYTHIA_TOKEN_WORD,   /* letters, digits, _ and $; a name or a keyword */
    PYTHIA_TOKEN_QUOTED, /* "name", `name` or [name] */
    PYTHIA_TOKEN_TEXT,   /* 'text' */
    PYTHIA_TOKEN_NUMBER,
    PYTHIA_TOKEN_SIGN, /* an operator, parenthesis or comma */
    PYTHIA_TOKEN_BAD   /* a character that begins nothing, or a quote that is not closed */
};

typedef struct PythiaToken {
    int kind;
    size_t at; /* offset in the text */
    PythiaText text;
} PythiaToken;

/* The token at or behind `at`. */
PythiaToken pythia_reduce_token(PythiaText text, size_t at);

/* Whether a token is that keyword, in any case, or that sign. */
int pythia_token_is(const PythiaToken *token, const char *word);

/* The content of a quoted token without its quotes, doubled quotes made one, into out, which has room for the
** token; its length. */
size_t pythia_token_content(const PythiaToken *token, char *out);

/* The value of a number: 1 and *integer, or 0 and *real. 9223372036854775808 is *real, and *integer is INT64_MIN. */
int pythia_token_number(const PythiaToken *token, int64_t *integer, double *real);

#endif
