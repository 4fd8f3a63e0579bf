/* cache.c - the list of segments, and the segment objects that are in memory.
**
** All objects are in one list by use. An object belongs to the entry of its segment until the segment
** is rewritten, deleted or found changed: then it is detached, nobody finds it any more, and it goes
** with its last reference. Objects that nobody refers to are freed from the old end of the list when
** they take more than the budget together. */
#include "ext/base/bytes.h"
#include "ext/store/internal.h"

/* ---- the list of segments -------------------------------------------------------------------------- */

uint32_t pythia_store_segment_count(const PythiaStore *store) {
    return store->nentries;
}

const PythiaSegmentInfo *pythia_store_segment_info(const PythiaStore *store, uint32_t index) {
    return &store->entries[index].info;
}

/* The index of the first entry whose id is not below. */
static uint32_t entry_position(const PythiaStore *store, int64_t id) {
    uint32_t low = 0, high = store->nentries;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (store->entries[middle].info.id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

PythiaSegmentEntry *pythia_store_entry(PythiaStore *store, int64_t id) {
    uint32_t at = entry_position(store, id);
    return at < store->nentries && store->entries[at].info.id == id ? &store->entries[at] : NULL;
}

uint32_t pythia_store_entry_after(const PythiaStore *store, int64_t id) {
    return entry_position(store, id + 1);
}

int pythia_store_add_entry(PythiaStore *store, const PythiaSegmentInfo *info) {
    int rc = pythia_grow((void **)&store->entries, &store->entries_capacity,
                         (size_t)store->nentries + 1, sizeof *store->entries);
    if (rc) return rc;
    /* New ids are the largest. */
    store->entries[store->nentries++] = (PythiaSegmentEntry){.info = *info};
    return SQLITE_OK;
}

void pythia_store_drop_filter(PythiaStore *store, PythiaSegmentEntry *entry) {
    store->filter_bytes -= entry->filter.bytes;
    pythia_block_close(&entry->filter);
}

void pythia_store_drop_entry(PythiaStore *store, PythiaSegmentEntry *entry) {
    pythia_store_detach(store, entry);
    pythia_store_drop_filter(store, entry);
    pythia_free(entry->dead);
    size_t at = (size_t)(entry - store->entries);
    memmove(entry, entry + 1, (store->nentries - at - 1) * sizeof *entry);
    store->nentries--;
}

/* ---- reading the list ------------------------------------------------------------------------------- */

static unsigned count_bits(const unsigned char *bytes, size_t n) {
    unsigned count = 0;
    for (size_t i = 0; i < n; i++)
        count += (unsigned)__builtin_popcount(bytes[i]);
    return count;
}

/* A column of counts: at most `most`. */
static int column_count(sqlite3_stmt *s, int column, int64_t most, uint32_t *count) {
    sqlite3_int64 value = sqlite3_column_int64(s, column);
    *count = (uint32_t)value;
    return value >= 0 && value <= most;
}

static int take_entry(PythiaStore *store, sqlite3_stmt *s, char **error) {
    PythiaSegmentEntry entry = {0};
    PythiaSegmentInfo *i = &entry.info;
    i->id = sqlite3_column_int64(s, 0);
    i->first_ns = sqlite3_column_int64(s, 1);
    i->last_ns = sqlite3_column_int64(s, 2);
    const int64_t most = PYTHIA_COLUMN_MOST;
    if (i->id < 1 || i->id >= store->next_segment || !column_count(s, 3, most, &i->traces) ||
        !column_count(s, 4, most, &i->spans) || !column_count(s, 5, most, &i->points) ||
        !column_count(s, 6, most, &i->links) || !column_count(s, 7, i->traces, &i->live))
        return pythia_store_damaged(store, "xsegment", i->id, "a number is out of range", error);
    const void *dead = sqlite3_column_blob(s, 8);
    size_t bytes = (size_t)sqlite3_column_bytes(s, 8);
    if (bytes > ((size_t)i->traces + 7) / 8 || count_bits(dead, bytes) != i->traces - i->live)
        return pythia_store_damaged(store, "xsegment", i->id, "the deleted traces are miscounted",
                                    error);
    int rc = pythia_store_add_entry(store, i);
    if (rc || !bytes) return rc;
    PythiaSegmentEntry *added = &store->entries[store->nentries - 1];
    added->dead = pythia_alloc(bytes);
    if (!added->dead) return SQLITE_NOMEM;
    memcpy(added->dead, dead, bytes);
    added->dead_bytes = bytes;
    return SQLITE_OK;
}

static int read_entries(PythiaStore *store, char **error) {
    sqlite3_stmt *s;
    int rc =
        pythia_store_prepare(store, &s,
                             "SELECT id, first_ns, last_ns, traces, spans, points, links, live,"
                             " dead FROM \"%w\".pythia_xsegment ORDER BY id",
                             error);
    if (rc) return rc;
    while (!rc && sqlite3_step(s) == SQLITE_ROW)
        rc = take_entry(store, s, error);
    int done = sqlite3_reset(s);
    if (!rc && done) rc = pythia_store_fail(store, done, "xsegment", error);
    sqlite3_finalize(s);
    return rc;
}

/* Gives a segment object a copy of the bitmap of its entry. */
static int copy_dead(PythiaSegment *segment, const PythiaSegmentEntry *entry) {
    unsigned char *dead = NULL;
    if (entry->dead_bytes) {
        dead = pythia_alloc(entry->dead_bytes);
        if (!dead) return SQLITE_NOMEM;
        memcpy(dead, entry->dead, entry->dead_bytes);
    }
    pythia_free(segment->dead);
    segment->dead = dead;
    segment->dead_bytes = entry->dead_bytes;
    segment->info = entry->info;
    return SQLITE_OK;
}

static int same_contents(const PythiaSegmentInfo *a, const PythiaSegmentInfo *b) {
    return a->id == b->id && a->first_ns == b->first_ns && a->last_ns == b->last_ns &&
           a->traces == b->traces && a->spans == b->spans && a->points == b->points &&
           a->links == b->links;
}

static void free_entries(PythiaStore *store, PythiaSegmentEntry *entries, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        pythia_store_drop_filter(store, &entries[i]);
        pythia_free(entries[i].dead);
    }
    pythia_free(entries);
}

int pythia_store_load_segments(PythiaStore *store, int keep, char **error) {
    PythiaSegmentEntry *old = store->entries;
    uint32_t nold = store->nentries;
    store->entries = NULL;
    store->entries_capacity = store->nentries = 0;
    int rc = read_entries(store, error);
    for (uint32_t i = 0; i < nold; i++) {
        if (!old[i].cached && !old[i].filter.data) continue;
        PythiaSegmentEntry *now = rc || !keep ? NULL : pythia_store_entry(store, old[i].info.id);
        if (now && !same_contents(&now->info, &old[i].info)) now = NULL;
        if (now) {
            now->filter = old[i].filter;
            memset(&old[i].filter, 0, sizeof old[i].filter);
        }
        if (now && old[i].cached && copy_dead(old[i].cached, now) == 0) {
            now->cached = old[i].cached;
            old[i].cached = NULL;
        } else {
            pythia_store_detach(store, &old[i]);
        }
    }
    free_entries(store, old, nold);
    return rc;
}

/* ---- segment objects ------------------------------------------------------------------------------- */

static void unlink_segment(PythiaStore *store, PythiaSegment *s) {
    *(s->newer ? &s->newer->older : &store->newest) = s->older;
    *(s->older ? &s->older->newer : &store->oldest) = s->newer;
    s->newer = s->older = NULL;
}

static void link_newest(PythiaStore *store, PythiaSegment *s) {
    s->older = store->newest;
    s->newer = NULL;
    *(store->newest ? &store->newest->newer : &store->oldest) = s;
    store->newest = s;
}

static void destroy_segment(PythiaSegment *segment) {
    PythiaStore *store = segment->store;
    if (store) {
        unlink_segment(store, segment);
        store->cached_bytes -= segment->bytes;
    }
    pythia_segment_free(segment);
}

void pythia_store_detach(PythiaStore *store, PythiaSegmentEntry *entry) {
    (void)store;
    PythiaSegment *segment = entry->cached;
    entry->cached = NULL;
    if (!segment) return;
    segment->detached = 1;
    if (!segment->references) destroy_segment(segment);
}

/* Frees what nobody uses, oldest first, until the budget is met. */
static void evict(PythiaStore *store) {
    PythiaSegment *s = store->oldest;
    while (s && store->cached_bytes > store->cache_budget) {
        PythiaSegment *newer = s->newer;
        if (!s->references) {
            PythiaSegmentEntry *entry = pythia_store_entry(store, s->info.id);
            if (entry && entry->cached == s) entry->cached = NULL;
            destroy_segment(s);
        }
        s = newer;
    }
}

void pythia_segment_charge(PythiaSegment *segment, size_t bytes) {
    segment->bytes += bytes;
    segment->store->cached_bytes += bytes;
    if (segment->store->cached_bytes > segment->store->cache_budget) evict(segment->store);
}

int pythia_segment_open(PythiaStore *store, int64_t id, PythiaSegment **segment, char **error) {
    *segment = NULL;
    PythiaSegmentEntry *entry = pythia_store_entry(store, id);
    if (!entry)
        return pythia_fail(error, SQLITE_NOTFOUND, "%s: there is no segment %lld", store->schema,
                           (sqlite3_int64)id);
    PythiaSegment *s = entry->cached;
    if (s) {
        unlink_segment(store, s);
    } else {
        s = pythia_alloc_zero(sizeof *s);
        if (!s) return SQLITE_NOMEM;
        if (copy_dead(s, entry)) {
            pythia_free(s);
            return SQLITE_NOMEM;
        }
        s->store = store;
        s->bytes = sizeof *s;
        store->cached_bytes += s->bytes;
        entry->cached = s;
    }
    link_newest(store, s);
    s->references++;
    *segment = s;
    return SQLITE_OK;
}

void pythia_segment_attach(PythiaSegment *segment, int slot, void *memory, size_t bytes) {
    pythia_free(segment->attached[slot]);
    segment->bytes -= segment->attached_bytes[slot];
    segment->store->cached_bytes -= segment->attached_bytes[slot];
    segment->attached[slot] = memory;
    segment->attached_bytes[slot] = bytes;
    pythia_segment_charge(segment, bytes);
}

const void *pythia_segment_attached(const PythiaSegment *segment, int slot) {
    return segment->attached[slot];
}

const void *pythia_store_attached(PythiaStore *store, int64_t segment, int slot) {
    const PythiaSegmentEntry *entry = pythia_store_entry(store, segment);
    return entry && entry->cached ? entry->cached->attached[slot] : NULL;
}

void pythia_segment_release(PythiaSegment *segment) {
    if (!segment || --segment->references) return;
    if (segment->detached)
        destroy_segment(segment);
    else if (segment->store->cached_bytes > segment->store->cache_budget)
        evict(segment->store);
}

void pythia_store_free_segments(PythiaStore *store) {
    free_entries(store, store->entries, store->nentries);
    store->entries = NULL;
    store->nentries = 0;
    while (store->newest) {
        PythiaSegment *s = store->newest;
        unlink_segment(store, s);
        s->detached = 1;
        s->store = NULL;
        if (!s->references) pythia_segment_free(s);
    }
}

int pythia_store_unpack(PythiaStore *store, PythiaText packed, PythiaText *bytes, char **own) {
    return pythia_unpack(&store->packer, packed, bytes, own);
}

/* ---- blocks ---------------------------------------------------------------------------------------- */

int pythia_store_block(const PythiaSegment *segment, int slot, PythiaBlock *block, char **error) {
    PythiaStore *store = segment->store;
    memset(block, 0, sizeof *block);
    sqlite3_stmt *s;
    int rc = pythia_store_kept(store, PYTHIA_KEPT_BLOCK,
                               "SELECT data FROM \"%w\".pythia_xblock WHERE id = ?1", &s, error);
    if (rc) return rc;
    rc = sqlite3_bind_int64(
        s, 1, (sqlite3_int64)((uint64_t)segment->info.id << PYTHIA_SLOT_SHIFT | (uint64_t)slot));
    int missing = 0;
    if (!rc && sqlite3_step(s) == SQLITE_ROW) {
        const void *data = sqlite3_column_blob(s, 0);
        rc = pythia_block_open(block, data, (size_t)sqlite3_column_bytes(s, 0));
        rc = pythia_segment_result(segment, slot, rc, error);
    } else {
        missing = 1;
    }
    int done = pythia_store_done(store, PYTHIA_KEPT_BLOCK, s);
    if (!rc && done) rc = pythia_store_fail(store, done, "xblock", error);
    if (!rc && missing && segment->detached)
        return pythia_fail(error, SQLITE_ABORT, "segment %lld went while it was being read",
                           (sqlite3_int64)segment->info.id);
    if (!rc && missing) rc = pythia_segment_damaged(segment, slot, "missing", error);
    if (rc) pythia_block_close(block);
    return rc;
}

int pythia_store_block_bytes(const PythiaSegment *segment, uint64_t *bytes, char **error) {
    PythiaStore *store = segment->store;
    sqlite3_stmt *s;
    *bytes = 0;
    int rc = pythia_store_prepare(store, &s,
                                  "SELECT sum(length(data)) FROM \"%w\".pythia_xblock"
                                  " WHERE id BETWEEN ?1 AND ?1 + 65535",
                                  error);
    if (!rc) rc = sqlite3_bind_int64(s, 1, segment->info.id << PYTHIA_SLOT_SHIFT);
    if (!rc && sqlite3_step(s) == SQLITE_ROW) *bytes = (uint64_t)sqlite3_column_int64(s, 0);
    int done = sqlite3_finalize(s);
    return !rc && done ? pythia_store_fail(store, done, "xblock", error) : rc;
}
