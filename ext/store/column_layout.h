/* column_layout.h - how a column is stored; for column_encode.c and column.c.
**
** Layout of a column (integers little-endian, varints as in buf.h):
**
**   u32      number of values
**   u8       shift: values of a mini-block = 1 << shift. 10, or 31 when the whole column is one constant
**   u8[3]    0
**   u32[m]   start of each mini-block, from the start of the column; m = ceil(values / 1 << shift)
**   m mini-blocks, each of a byte that names the encoding, and
**     CONSTANT  zigzag value
**     PACKED    a frame
**     DELTA     zigzag first value; a frame of the differences of the others to their predecessors
**     RUNS      varint runs; for each a varint length and a zigzag difference to the value before
**
** A frame of k values, value = base + scale * u with u >= 0:
**   u8       width w of u in bits, 0 .. 64
**   zigzag   base, the smallest value
**   varint   scale, the greatest common divisor of all u where that saves bits, else 1
**   varint   number of exceptions
**   the low w bits of each u, packed from the least significant bit of each byte up
**   for each exception: varint distance of its place from the one before, varint u >> w
**
** Exceptions are the few values that would need more bits than the others: the width is the one that
** makes the whole smallest (Zukowski, Heman, Nes, Boncz: Super-Scalar RAM-CPU Cache Compression, 2006,
** with the patches stored as Lemire and Boytsov do, 2015). All arithmetic is modulo 2^64, so that every
** int64 round-trips and damaged bytes give wrong numbers at worst, which checksums tell. */
#ifndef PYTHIA_STORE_COLUMN_LAYOUT_H
#define PYTHIA_STORE_COLUMN_LAYOUT_H

#include "ext/store/column.h"

enum { ENCODING_CONSTANT = 0, ENCODING_PACKED, ENCODING_DELTA, ENCODING_RUNS };
enum { HEADER_BYTES = 8, CONSTANT_SHIFT = 31, MINI = PYTHIA_COLUMN_MINI };

#endif
