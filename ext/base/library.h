/* library.h - the allocator in the forms that zlib and zstd ask for; the opaque argument is not looked at. */
#ifndef PYTHIA_BASE_LIBRARY_H
#define PYTHIA_BASE_LIBRARY_H

#include "ext/base/mem.h"

/* z_stream.zalloc and zfree; the second is ZSTD_customMem's customFree, too. */
static inline void *pythia_library_array(void *opaque, unsigned n, unsigned bytes) {
    (void)opaque;
    return pythia_alloc_array(n, bytes);
}

static inline void pythia_library_free(void *opaque, void *memory) {
    (void)opaque;
    pythia_free(memory);
}

/* ZSTD_customMem's customAlloc. */
static inline void *pythia_library_alloc(void *opaque, size_t bytes) {
    (void)opaque;
    return pythia_alloc(bytes);
}

#endif
