/* hash.c - see hash.h. */
#include "ext/base/hash.h"

#include <xxhash.h>

uint64_t pythia_hash64(const void *bytes, size_t n) {
    return XXH3_64bits(bytes, n);
}

PythiaHash128 pythia_hash128(const void *bytes, size_t n) {
    XXH128_hash_t h = XXH3_128bits(bytes, n);
    return (PythiaHash128){h.high64, h.low64};
}
