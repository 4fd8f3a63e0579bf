/* column.h - columns of 64-bit integers, compressed.
**
** An encoded column is a byte string that depends on nothing but its values. It is cut into
** mini-blocks of 1024 values, each in the smallest of a few encodings, with a directory of where they
** begin: a range of values is decoded by touching only the mini-blocks it lies in.
**
** Encoded bytes are hostile input. A column is opened before it is decoded; both refuse with
** SQLITE_CORRUPT_VTAB what cannot be a column, and never read outside of it, except for
** PYTHIA_COLUMN_PAD bytes behind its end which the caller provides (any values). */
#ifndef PYTHIA_STORE_COLUMN_H
#define PYTHIA_STORE_COLUMN_H

#include "ext/base/buf.h"

enum {
    PYTHIA_COLUMN_PAD = 16,        /* readable bytes behind an encoded column */
    PYTHIA_COLUMN_MOST = 1 << 27,  /* values in a column */
    PYTHIA_COLUMN_MINI_SHIFT = 10, /* a mini-block has 1 << this values */
    PYTHIA_COLUMN_MINI = 1 << PYTHIA_COLUMN_MINI_SHIFT
};

/* An opened column; borrows the bytes. A zeroed one is a column without values. */
typedef struct PythiaColumn {
    const unsigned char *data;
    size_t bytes;
    uint32_t n;     /* values */
    unsigned shift; /* values of a mini-block, as a power of two */
} PythiaColumn;

/* Appends n values, encoded, to `out` (whose code is sticky). */
void pythia_column_encode(PythiaBuf *out, const int64_t *values, uint32_t n);

/* Looks at the header and the directory. */
int pythia_column_open(PythiaColumn *column, const void *data, size_t bytes);

/* Decodes values first .. first + n - 1; SQLITE_CORRUPT_VTAB also when the column has fewer. */
int pythia_column_decode(const PythiaColumn *column, uint32_t first, uint32_t n, int64_t *values);

/* *index: that of the first value from `first` on that is equal to `value`, the number of values when there is
** none. */
int pythia_column_find(const PythiaColumn *column, int64_t value, uint32_t first, uint32_t *index);

/* In a column in ascending order: *index is that of the first value that is not less than `value`,
** the number of values when there is none. Decodes one mini-block. In a column that is not in order
** the index means nothing, but it is in range. */
int pythia_column_lower_bound(const PythiaColumn *column, int64_t value, uint32_t *index);

#endif
