/* hash.h - the one place that names xxHash. XXH3 gives the same values on every machine, so hashes
** may be stored. Not for defence against chosen collisions: whoever compares hashes of input that
** may be hostile compares the input too. */
#ifndef PYTHIA_BASE_HASH_H
#define PYTHIA_BASE_HASH_H

#include "ext/base/text.h"
#include <stdint.h>

typedef struct PythiaHash128 {
    uint64_t hi, lo;
} PythiaHash128;

uint64_t pythia_hash64(const void *bytes, size_t n);
PythiaHash128 pythia_hash128(const void *bytes, size_t n);

/* A quick mix of integers for hash tables in memory; never stored. */
static inline uint64_t pythia_hash_mix(uint64_t a, uint64_t b) {
    uint64_t h = (a ^ 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    h ^= (h >> 32) ^ b;
    h *= 0xc4ceb9fe1a85ec53u;
    return h ^ (h >> 29);
}

#endif
