/* block.h - what one row of pythia_xblock holds: parts, and a checksum over them.
**
** Layout (integers little-endian):
**
**   u64      XXH3 of all bytes that follow
**   "PyB"    and the version of the layout, 1, as a byte
**   u32      number of parts
**   u32[n]   end of each part, from the start of the block; the first begins behind this list
**   the parts, back to back
**
** A part is an encoded column (column.h) or plain bytes. A block is read into memory with padding
** behind it, so that decoders may read a few bytes more than there are. */
#ifndef PYTHIA_STORE_BLOCK_H
#define PYTHIA_STORE_BLOCK_H

#include "ext/base/buf.h"

enum { PYTHIA_BLOCK_VERSION = 1 };

/* A block being put together, in a buffer whose code is sticky and whose memory is reused. */
typedef struct PythiaBlockWriter {
    PythiaBuf buf;
    uint32_t parts, part;
} PythiaBlockWriter;

void pythia_block_begin(PythiaBlockWriter *writer, uint32_t parts);
/* Ends the part that was appended to writer->buf. */
void pythia_block_part(PythiaBlockWriter *writer);
/* Ends the block, all of whose parts must be there: its bytes are those of writer->buf. */
int pythia_block_end(PythiaBlockWriter *writer);
/* Writes the checksum into a block in memory. Used by pythia_block_end(), and by tests that damage
** blocks in ways that the checksum would tell. */
void pythia_block_seal(unsigned char *data, size_t bytes);

/* A block in memory. A zeroed one is no block. */
typedef struct PythiaBlock {
    unsigned char *data; /* owned, padded */
    size_t bytes;
    uint32_t parts;
} PythiaBlock;

/* Copies and checks a stored block: SQLITE_CORRUPT_VTAB when it is damaged. */
int pythia_block_open(PythiaBlock *block, const void *data, size_t bytes);
void pythia_block_close(PythiaBlock *block);
/* The bytes of one part, borrowed; SQLITE_CORRUPT_VTAB when there is no such part. */
int pythia_block_get(const PythiaBlock *block, uint32_t part, PythiaText *bytes);

#endif
