/* filter.h - which ids of spans a segment may hold: a few bits for each, so that a look-up by span id opens
** hardly any segment in vain.
**
** A Bloom filter of blocks that are split (Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom Filters,
** ACM JEA 14, 2009; the split into words with a multiplier each is that of Apache Parquet): a key sets one bit in
** each of the eight words of one block of 32 bytes, so that adding and asking touch one line of memory. With
** 12 bits for a key about one look-up in 170 finds a key that is not there.
**
** Measured beside it: binary fuse filters (Graf, Lemire, 2022) would take 10 bits in place of 12 at this size, but
** building them costs ten times as much and fails for keys that occur twice, which span ids do. An index of one row
** for each span would take 15 bytes of the 28 that a span may have; a filter takes 1.5.
**
** Bytes: blocks back to back, each of eight u32, little-endian. The number of blocks follows from that of the
** spans. They depend on nothing but the ids in their stored form, so that the integrity check makes them anew and
** compares. The number of a text id is that of pythia_xdict, as in the columns. */
#ifndef PYTHIA_STORE_FILTER_H
#define PYTHIA_STORE_FILTER_H

#include <stddef.h>

#include "ext/trace/id.h"

enum { PYTHIA_FILTER_BITS = 12 /* for each span */ };

/* The size of a filter for that many spans, in bytes; a multiple of 32, at least that. */
size_t pythia_filter_bytes(uint32_t spans);
/* The filter for n ids, given by their parts; bytes: as above. */
void pythia_filter_make(unsigned char *filter, size_t bytes, const int64_t *hi, const int64_t *lo,
                        const int64_t *form, uint32_t n);
/* 0: it was made without that id. */
int pythia_filter_may_hold(const unsigned char *filter, size_t bytes, PythiaId id);

/* The same with keys that are hashes already, one by one; a new filter is all zeros. */
void pythia_filter_add_hash(unsigned char *filter, size_t bytes, uint64_t hash);
int pythia_filter_may_hold_hash(const unsigned char *filter, size_t bytes, uint64_t hash);

#endif
