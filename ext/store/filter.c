/* filter.c - see filter.h. */
#include "ext/store/filter.h"

#include "ext/base/bytes.h"
#include "ext/base/hash.h"

enum { BLOCK_BYTES = 32, WORDS = 8 };

size_t pythia_filter_bytes(uint32_t spans) {
    size_t bits = (size_t)spans * PYTHIA_FILTER_BITS, block = BLOCK_BYTES * 8;
    return (bits / block + (bits % block || !bits)) * BLOCK_BYTES;
}

/* The block of an id, and the bit of each of its words. */
static size_t filter_place(size_t bytes, PythiaId id, uint32_t bits[WORDS]) {
    static const uint32_t multipliers[WORDS] = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                                0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};
    unsigned char key[17];
    pythia_store64(key, id.hi);
    pythia_store64(key + 8, id.lo);
    key[16] = (unsigned char)id.form;
    uint64_t hash = pythia_hash64(key, sizeof key);
    for (int i = 0; i < WORDS; i++)
        bits[i] = (uint32_t)1 << ((uint32_t)hash * multipliers[i] >> 27);
    return (size_t)((hash >> 32) * (bytes / BLOCK_BYTES) >> 32) * BLOCK_BYTES;
}

void pythia_filter_add(unsigned char *filter, size_t bytes, PythiaId id) {
    uint32_t bits[WORDS];
    unsigned char *p = filter + filter_place(bytes, id, bits);
    for (int i = 0; i < WORDS; i++, p += 4)
        pythia_store32(p, pythia_load32(p) | bits[i]);
}

int pythia_filter_may_hold(const unsigned char *filter, size_t bytes, PythiaId id) {
    uint32_t bits[WORDS], missing = 0;
    const unsigned char *p = filter + filter_place(bytes, id, bits);
    for (int i = 0; i < WORDS; i++, p += 4)
        missing |= bits[i] & ~pythia_load32(p);
    return !missing;
}
