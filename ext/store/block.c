/* block.c - see block.h. */
#include "ext/store/block.h"

#include "ext/base/bytes.h"
#include "ext/base/hash.h"
#include "ext/base/mem.h"
#include "ext/store/column.h"

enum { CHECKSUM_BYTES = 8, HEADER_BYTES = 16 };

static const unsigned char magic[4] = {'P', 'y', 'B', PYTHIA_BLOCK_VERSION};

void pythia_block_begin(PythiaBlockWriter *writer, uint32_t parts) {
    writer->buf.n = 0;
    writer->buf.rc = SQLITE_OK;
    writer->parts = parts;
    writer->part = 0;
    pythia_buf_u64(&writer->buf, 0);
    pythia_buf_bytes(&writer->buf, magic, sizeof magic);
    pythia_buf_u32(&writer->buf, parts);
    pythia_buf_room(&writer->buf, (size_t)parts * 4);
}

void pythia_block_part(PythiaBlockWriter *writer) {
    if (writer->buf.rc) return;
    if (writer->buf.n > UINT32_MAX || writer->part >= writer->parts) {
        writer->buf.rc = writer->part >= writer->parts ? SQLITE_INTERNAL : SQLITE_TOOBIG;
        return;
    }
    pythia_store32(writer->buf.data + HEADER_BYTES + (size_t)writer->part * 4,
                   (uint32_t)writer->buf.n);
    writer->part++;
}

int pythia_block_end(PythiaBlockWriter *writer) {
    if (!writer->buf.rc && writer->part != writer->parts) writer->buf.rc = SQLITE_INTERNAL;
    if (!writer->buf.rc) pythia_block_seal(writer->buf.data, writer->buf.n);
    return writer->buf.rc;
}

void pythia_block_seal(unsigned char *data, size_t bytes) {
    if (bytes < HEADER_BYTES) return;
    pythia_store64(data, pythia_hash64(data + CHECKSUM_BYTES, bytes - CHECKSUM_BYTES));
}

int pythia_block_open(PythiaBlock *block, const void *data, size_t bytes) {
    memset(block, 0, sizeof *block);
    if (!data || bytes < HEADER_BYTES) return PYTHIA_CORRUPT;
    const unsigned char *p = data;
    if (memcmp(p + CHECKSUM_BYTES, magic, sizeof magic) != 0) return PYTHIA_CORRUPT;
    uint32_t parts = pythia_load32(p + 12);
    if (parts > (bytes - HEADER_BYTES) / 4) return PYTHIA_CORRUPT;
    if (pythia_load64(p) != pythia_hash64(p + CHECKSUM_BYTES, bytes - CHECKSUM_BYTES))
        return PYTHIA_CORRUPT;
    uint64_t before = HEADER_BYTES + (uint64_t)parts * 4;
    for (uint32_t i = 0; i < parts; i++) {
        uint32_t end = pythia_load32(p + HEADER_BYTES + (size_t)i * 4);
        if (end < before || end > bytes) return PYTHIA_CORRUPT;
        before = end;
    }
    if (before != bytes) return PYTHIA_CORRUPT;
    unsigned char *copy = pythia_alloc(bytes + PYTHIA_COLUMN_PAD);
    if (!copy) return SQLITE_NOMEM;
    memcpy(copy, data, bytes);
    memset(copy + bytes, 0, PYTHIA_COLUMN_PAD);
    *block = (PythiaBlock){copy, bytes, parts};
    return SQLITE_OK;
}

void pythia_block_close(PythiaBlock *block) {
    pythia_free(block->data);
    memset(block, 0, sizeof *block);
}

int pythia_block_get(const PythiaBlock *block, uint32_t part, PythiaText *bytes) {
    *bytes = (PythiaText){NULL, 0};
    if (part >= block->parts) return PYTHIA_CORRUPT;
    size_t begin = HEADER_BYTES + (size_t)block->parts * 4;
    const unsigned char *ends = block->data + HEADER_BYTES;
    if (part) begin = pythia_load32(ends + (size_t)(part - 1) * 4);
    size_t end = pythia_load32(ends + (size_t)part * 4);
    *bytes = (PythiaText){(const char *)block->data + begin, end - begin};
    return SQLITE_OK;
}
