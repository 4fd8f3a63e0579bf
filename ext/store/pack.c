/* pack.c - see pack.h. */
#define ZSTD_STATIC_LINKING_ONLY /* for contexts that allocate through SQLite */
#include "ext/store/pack.h"

#include <zstd.h>
#include <zstd_errors.h>

#include "ext/base/bytes.h"
#include "ext/base/library.h"
#include "ext/base/mem.h"

enum {
    METHOD_PLAIN = 0,
    METHOD_ZSTD = 1,
    HEADER_BYTES = 5, /* of METHOD_ZSTD */
    SMALLEST = 128,   /* bytes that are worth a try */
    LEVEL = 1,
    EXPANSION = 1 << 16, /* no frame grows by more: a block of 128 KB takes 4 bytes at least */
    MOST_BYTES = 1 << 30
};

static const ZSTD_customMem packer_memory = {pythia_library_alloc, pythia_library_free, NULL};

void pythia_packer_clear(PythiaPacker *packer) {
    ZSTD_freeCCtx(packer->compress);
    ZSTD_freeDCtx(packer->decompress);
    memset(packer, 0, sizeof *packer);
}

/* Tries to append a frame of less than 7/8 of the bytes. 1: done. */
static int pack_frame(PythiaPacker *packer, PythiaBuf *out, const void *bytes, size_t n) {
    if (n < SMALLEST || n > MOST_BYTES) return 0;
    if (!packer->compress) packer->compress = ZSTD_createCCtx_advanced(packer_memory);
    if (!packer->compress) {
        out->rc = SQLITE_NOMEM;
        return 0;
    }
    size_t start = out->n, room = n - n / 8;
    pythia_buf_byte(out, METHOD_ZSTD);
    pythia_buf_u32(out, (uint32_t)n);
    unsigned char *to = pythia_buf_room(out, room);
    if (!to) return 0;
    size_t packed = ZSTD_compressCCtx(packer->compress, to, room, bytes, n, LEVEL);
    if (ZSTD_isError(packed)) {
        out->n = start;
        if (ZSTD_getErrorCode(packed) == ZSTD_error_memory_allocation) out->rc = SQLITE_NOMEM;
        return 0; /* most likely it does not fit: not worth it */
    }
    out->n = start + HEADER_BYTES + packed;
    return 1;
}

void pythia_pack(PythiaPacker *packer, PythiaBuf *out, const void *bytes, size_t n) {
    if (out->rc || pack_frame(packer, out, bytes, n)) return;
    pythia_buf_byte(out, METHOD_PLAIN);
    pythia_buf_bytes(out, bytes, n);
}

int pythia_unpack(PythiaPacker *packer, PythiaText packed, PythiaText *bytes, char **own) {
    *own = NULL;
    *bytes = (PythiaText){NULL, 0};
    if (!packed.n) return PYTHIA_CORRUPT;
    if (packed.p[0] == METHOD_PLAIN) {
        *bytes = (PythiaText){packed.p + 1, packed.n - 1};
        return SQLITE_OK;
    }
    if (packed.p[0] != METHOD_ZSTD || packed.n <= HEADER_BYTES) return PYTHIA_CORRUPT;
    size_t n = pythia_load32((const unsigned char *)packed.p + 1);
    if (n > MOST_BYTES || n / EXPANSION > packed.n) return PYTHIA_CORRUPT;
    if (!packer->decompress) packer->decompress = ZSTD_createDCtx_advanced(packer_memory);
    char *memory = pythia_alloc(n);
    if (!packer->decompress || !memory) {
        pythia_free(memory);
        return SQLITE_NOMEM;
    }
    size_t got = ZSTD_decompressDCtx(packer->decompress, memory, n, packed.p + HEADER_BYTES,
                                     packed.n - HEADER_BYTES);
    if (ZSTD_isError(got) || got != n) {
        pythia_free(memory);
        return PYTHIA_CORRUPT;
    }
    *own = memory;
    *bytes = (PythiaText){memory, n};
    return SQLITE_OK;
}
