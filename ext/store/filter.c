/* filter.c - see filter.h. */
#include "ext/store/filter.h"

#include "ext/base/bytes.h"
#include "ext/base/hash.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BLOCK_BYTES = 32, WORDS = 8 };

size_t pythia_filter_bytes(uint32_t spans) {
    size_t bits = (size_t)spans * PYTHIA_FILTER_BITS, block = BLOCK_BYTES * 8;
    return (bits / block + (bits % block || !bits)) * BLOCK_BYTES;
}

static const uint32_t multipliers[WORDS] = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                            0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};

/* The bit of each word: 1 << (hash * multiplier >> 27). */
#ifdef __SSE2__
/* Four words at a time. SSE2 multiplies two numbers of 32 bits, those at even places, and shifts all by the same: a
** power of two is made from the exponent of a float. It is a negative one, because there is a number of 32 bits for
** each of those. */
static inline __m128i four_bits(__m128i hash, const uint32_t *m) {
    __m128i odd = _mm_loadu_si128((const __m128i *)(const void *)m);
    __m128i even = _mm_mul_epu32(hash, odd);
    odd = _mm_mul_epu32(hash, _mm_srli_epi64(odd, 32));
    __m128i product =
        _mm_or_si128(_mm_srli_epi64(_mm_slli_epi64(even, 32), 32), _mm_slli_epi64(odd, 32));
    __m128i exponent = _mm_slli_epi32(_mm_srli_epi32(product, 27), 23);
    __m128i minus_one = _mm_castps_si128(_mm_set1_ps(-1));
    __m128 power = _mm_castsi128_ps(_mm_add_epi32(exponent, minus_one));
    return _mm_sub_epi32(_mm_setzero_si128(), _mm_cvttps_epi32(power));
}

static inline void bits_of(uint32_t hash, uint32_t bits[WORDS]) {
    __m128i all = _mm_set1_epi32((int)hash);
    _mm_storeu_si128((__m128i *)(void *)bits, four_bits(all, multipliers));
    _mm_storeu_si128((__m128i *)(void *)(bits + 4), four_bits(all, multipliers + 4));
}
#else
static inline void bits_of(uint32_t hash, uint32_t bits[WORDS]) {
    for (int i = 0; i < WORDS; i++)
        bits[i] = (uint32_t)1 << (hash * multipliers[i] >> 27);
}
#endif

static inline uint64_t id_hash(PythiaId id) {
    unsigned char key[17];
    pythia_store64(key, id.hi);
    pythia_store64(key + 8, id.lo);
    key[16] = (unsigned char)id.form;
    return pythia_hash64(key, sizeof key);
}

/* The block of a hash, and the bits in it. */
static inline size_t filter_place(size_t bytes, uint64_t hash, uint32_t bits[WORDS]) {
    bits_of((uint32_t)hash, bits);
    return (size_t)((hash >> 32) * (bytes / BLOCK_BYTES) >> 32) * BLOCK_BYTES;
}

void pythia_filter_add_hash(unsigned char *filter, size_t bytes, uint64_t hash) {
    uint32_t bits[WORDS];
    unsigned char *p = filter + filter_place(bytes, hash, bits);
    for (int i = 0; i < WORDS; i++)
        pythia_store32(p + 4 * i, pythia_load32(p + 4 * i) | bits[i]);
}

int pythia_filter_may_hold_hash(const unsigned char *filter, size_t bytes, uint64_t hash) {
    uint32_t bits[WORDS], missing = 0;
    const unsigned char *p = filter + filter_place(bytes, hash, bits);
    for (int i = 0; i < WORDS; i++)
        missing |= bits[i] & ~pythia_load32(p + 4 * i);
    return !missing;
}

void pythia_filter_make(unsigned char *filter, size_t bytes, const int64_t *hi, const int64_t *lo,
                        const int64_t *form, uint32_t n) {
    memset(filter, 0, bytes);
    for (uint32_t s = 0; s < n; s++)
        pythia_filter_add_hash(
            filter, bytes,
            id_hash((PythiaId){(uint64_t)hi[s], (uint64_t)lo[s], (uint32_t)form[s]}));
}

int pythia_filter_may_hold(const unsigned char *filter, size_t bytes, PythiaId id) {
    return pythia_filter_may_hold_hash(filter, bytes, id_hash(id));
}
