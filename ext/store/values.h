/* values.h - lists of typed values as bytes.
**
** Attributes of points, links and resources, and those of spans that found no column, are stored as
** lists: varint count, then for each value varint key << 3 | type and
**   INT, BOOL          zigzag
**   DOUBLE             its 8 bytes
**   TEXT, JSON, BYTES  varint length and the bytes
** Lists of one kind in a segment share a block of three parts: the rows that have one (a column,
** ascending), the end of each list in the bytes (a column), and the bytes. */
#ifndef PYTHIA_STORE_VALUES_H
#define PYTHIA_STORE_VALUES_H

#include "ext/base/buf.h"
#include "ext/base/bytes.h"
#include "ext/store/store.h"

/* Appends a list to `out`. */
void pythia_values_write(PythiaBuf *out, const PythiaValue *values, uint32_t n);

/* Appends the values of a stored list to `list`; texts point into the bytes. Keys above `keys` and
** whatever cannot be a list are SQLITE_CORRUPT_VTAB. */
int pythia_values_read(PythiaBytes *bytes, uint32_t keys, PythiaValueList *list);

static inline int pythia_value_is_text(uint32_t type) {
    return type >= PYTHIA_VALUE_TEXT;
}

#endif
