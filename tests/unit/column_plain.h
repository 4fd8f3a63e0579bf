/* column_plain.h - the encoder of columns as it is meant: every encoding is planned on all values, and values are packed
** bit by bit. pythia_column_encode() must give the same bytes. */
#ifndef TESTS_UNIT_COLUMN_PLAIN_H
#define TESTS_UNIT_COLUMN_PLAIN_H

#include "ext/base/buf.h"

void column_plain_encode(PythiaBuf *out, const int64_t *values, uint32_t n);

#endif
