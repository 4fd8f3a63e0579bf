/* text.h - a slice of UTF-8 text: pointer and length, not terminated, borrowed. */
#ifndef PYTHIA_BASE_TEXT_H
#define PYTHIA_BASE_TEXT_H

#include <stddef.h>
#include <string.h>

typedef struct PythiaText {
    const char *p; /* may be NULL when n is 0 */
    size_t n;      /* bytes */
} PythiaText;

#define PYTHIA_TEXT(literal) ((PythiaText){(literal), sizeof(literal) - 1})

static inline PythiaText pythia_text(const char *zero_terminated) {
    return (PythiaText){zero_terminated, zero_terminated ? strlen(zero_terminated) : 0};
}

static inline int pythia_text_equal(PythiaText a, PythiaText b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Binary order: negative, zero or positive. */
static inline int pythia_text_compare(PythiaText a, PythiaText b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    if (order) return order;
    return a.n < b.n ? -1 : a.n > b.n;
}

#endif
