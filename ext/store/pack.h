/* pack.h - strings of bytes in blocks, compressed where that pays; the one place of the store that names
** zstd.
**
** A packed string: a byte 0 and the bytes as they are; or a byte 1, u32 length of the whole, and a zstd
** frame. Texts of attributes and lists of values are packed, numbers are not: those have encodings of
** their own that can be read in part. */
#ifndef PYTHIA_STORE_PACK_H
#define PYTHIA_STORE_PACK_H

#include "ext/base/buf.h"

/* Contexts of zstd, kept because making them costs more than using them. Zeroed: none yet. */
typedef struct PythiaPacker {
    void *compress, *decompress;
} PythiaPacker;

void pythia_packer_clear(PythiaPacker *packer);

/* Appends n bytes, packed, to `out` (whose code is sticky). */
void pythia_pack(PythiaPacker *packer, PythiaBuf *out, const void *bytes, size_t n);

/* Gives the bytes back: as a part of `packed`, or in memory that the caller frees (*own, else NULL).
** SQLITE_CORRUPT_VTAB when that cannot be. */
int pythia_unpack(PythiaPacker *packer, PythiaText packed, PythiaText *bytes, char **own);

#endif
