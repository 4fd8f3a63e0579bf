/* index.c - finding and deleting traces.
**
** pythia_xtrace maps a hash of a trace's id to where the trace lies. The id itself is in the segment, so
** that a hit is verified there; equal hashes of different ids just cost another look.
**
** Spans have no such table: it would take more room than the spans. The filters of the segments (filter.h) tell
** which of them need be looked at, and there the column of ids is searched. */
#include "ext/base/bytes.h"
#include "ext/store/filter.h"
#include "ext/store/internal.h"

int64_t pythia_store_hash(const PythiaNames *names, PythiaId id) {
    unsigned char bytes[17];
    bytes[0] = (unsigned char)id.form;
    if (id.form == PYTHIA_ID_TEXT) {
        /* The number of a text is not the same everywhere, the text is. */
        PythiaText text = pythia_names_text(names, id.lo <= UINT32_MAX ? (uint32_t)id.lo : 0);
        return (int64_t)(pythia_hash64(text.p ? text.p : "", text.n) & INT64_MAX);
    }
    for (int i = 0; i < 8; i++) {
        bytes[1 + i] = (unsigned char)(id.hi >> (8 * i));
        bytes[9 + i] = (unsigned char)(id.lo >> (8 * i));
    }
    return (int64_t)(pythia_hash64(bytes, sizeof bytes) & INT64_MAX);
}

int pythia_segment_trace_id(PythiaSegment *segment, uint32_t ordinal, PythiaId *id, char **error) {
    int64_t v[3] = {0, 0, 0};
    int rc = SQLITE_OK;
    if (ordinal >= segment->info.traces)
        return pythia_segment_damaged(segment, PYTHIA_SLOT_TRACE, "no such trace", error);
    for (int i = 0; !rc && i < 3; i++)
        rc = pythia_segment_range(segment, PYTHIA_COL_TRACE_FORM + i, ordinal, 1, &v[i], error);
    *id = (PythiaId){(uint64_t)v[1], (uint64_t)v[2], (uint32_t)v[0]};
    return rc;
}

/* Looks whether a row of the index is the trace that is searched for. */
static int verify(PythiaStore *store, PythiaId trace, sqlite3_int64 id, sqlite3_int64 ordinal,
                  int *found, char **error) {
    PythiaSegmentEntry *entry = pythia_store_entry(store, id);
    if (!entry || ordinal < 0 || ordinal >= entry->info.traces)
        return pythia_fail(error, PYTHIA_CORRUPT,
                           "%s.pythia_xtrace: a row names trace %lld of segment %lld, which is not "
                           "there",
                           store->schema, ordinal, id);
    PythiaSegment *segment;
    PythiaId stored;
    int rc = pythia_segment_open(store, id, &segment, error);
    if (rc) return rc;
    rc = pythia_segment_trace_id(segment, (uint32_t)ordinal, &stored, error);
    *found =
        !rc && pythia_id_equal(stored, trace) && !pythia_segment_dead(segment, (uint32_t)ordinal);
    pythia_segment_release(segment);
    return rc;
}

int pythia_store_find(PythiaStore *store, PythiaId trace, int *found, int64_t *segment,
                      uint32_t *ordinal, char **error) {
    *found = 0;
    *segment = 0;
    *ordinal = 0;
    if (!store->nentries || trace.form == PYTHIA_ID_NONE) return SQLITE_OK;
    sqlite3_stmt *s;
    int rc = store->writing
                 ? pythia_store_statement(store, PYTHIA_SQL_FIND, &s, error)
                 : pythia_store_kept(store, PYTHIA_KEPT_FIND, PYTHIA_FIND_SQL, &s, error);
    if (!rc) rc = sqlite3_bind_int64(s, 1, pythia_store_hash(pythia_store_names(store), trace));
    while (!rc && !*found && sqlite3_step(s) == SQLITE_ROW) {
        *segment = sqlite3_column_int64(s, 0);
        sqlite3_int64 n = sqlite3_column_int64(s, 1);
        rc = verify(store, trace, *segment, n, found, error);
        *ordinal = (uint32_t)n;
    }
    int done = store->writing ? sqlite3_reset(s) : pythia_store_done(store, PYTHIA_KEPT_FIND, s);
    if (!rc && done) rc = pythia_store_fail(store, done, "xtrace", error);
    return rc;
}

/* ---- spans ------------------------------------------------------------------------------------------ */

/* Reads the filter of a segment, and keeps it where there is room. *filter.p NULL: it has none. */
static int filter_read(PythiaStore *store, PythiaSegmentEntry *entry, PythiaBlock *own,
                       PythiaText *filter, char **error) {
    PythiaSegment *segment;
    *filter = (PythiaText){NULL, 0};
    int rc = pythia_segment_open(store, entry->info.id, &segment, error);
    if (rc) return rc;
    rc = pythia_segment_directory(segment, error);
    if (!rc && segment->mask >> PYTHIA_SLOT_FILTER & 1) {
        rc = pythia_store_block(segment, PYTHIA_SLOT_FILTER, own, error);
        if (!rc) rc = pythia_segment_filter(segment, own, filter, error);
    }
    pythia_segment_release(segment);
    if (rc || !filter->p || store->filter_bytes + own->bytes > store->cache_budget / 4) return rc;
    store->filter_bytes += own->bytes;
    entry->filter = *own;
    memset(own, 0, sizeof *own);
    return SQLITE_OK;
}

static int may_hold(PythiaStore *store, PythiaSegmentEntry *entry, PythiaId id, int *may,
                    char **error) {
    PythiaBlock own = {0};
    PythiaText filter;
    int rc = entry->filter.data ? pythia_block_get(&entry->filter, 0, &filter)
                                : filter_read(store, entry, &own, &filter, error);
    *may =
        !rc && (!filter.p || pythia_filter_may_hold((const unsigned char *)filter.p, filter.n, id));
    pythia_block_close(&own);
    return rc;
}

uint32_t pythia_ordinal_of(const int64_t *first, uint32_t from, uint32_t n, int64_t number) {
    uint32_t low = from, high = n;
    while (low < high) { /* the first that begins behind it */
        uint32_t middle = low + (high - low) / 2;
        if (first[middle] <= number)
            low = middle + 1;
        else
            high = middle;
    }
    return low - 1;
}

/* The trace of a span. */
static int span_trace(PythiaSegment *segment, uint32_t span, uint32_t *ordinal, char **error) {
    const int64_t *first;
    uint32_t n;
    int rc = pythia_segment_column(segment, PYTHIA_COL_TRACE_FIRST_SPAN, &first, &n, error);
    if (!rc) *ordinal = pythia_ordinal_of(first, 0, n, span);
    return rc;
}

static int next_in_segment(PythiaStore *store, PythiaId id, PythiaSpanPlace *place, int *found,
                           char **error) {
    PythiaSegment *segment;
    int rc = pythia_segment_open(store, place->segment, &segment, error);
    for (; !rc && !*found; place->span++) {
        rc = pythia_segment_next_span(segment, id, &place->span, error);
        if (rc || place->span == segment->info.spans) break;
        rc = span_trace(segment, place->span, &place->ordinal, error);
        if (rc || (*found = !pythia_segment_dead(segment, place->ordinal)) != 0) break;
    }
    pythia_segment_release(segment);
    return rc;
}

int pythia_store_next_span(PythiaStore *store, PythiaId id, PythiaSpanPlace *place, int *found,
                           char **error) {
    *found = 0;
    if (id.form == PYTHIA_ID_NONE) return SQLITE_OK;
    int rc = SQLITE_OK;
    if (pythia_store_entry(store, place->segment)) { /* else it has gone meanwhile */
        place->span++;
        rc = next_in_segment(store, id, place, found, error);
    }
    for (uint32_t i = pythia_store_entry_after(store, place->segment);
         !rc && !*found && i < store->nentries; i++) {
        int may;
        rc = may_hold(store, &store->entries[i], id, &may, error);
        if (rc || !may) continue;
        *place = (PythiaSpanPlace){.segment = store->entries[i].info.id};
        rc = next_in_segment(store, id, place, found, error);
    }
    return rc;
}

/* ---- deleting --------------------------------------------------------------------------------------- */

/* Takes a trace out of the index. */
static int unindex(PythiaStore *store, PythiaId id, int64_t segment, uint32_t ordinal,
                   char **error) {
    sqlite3_stmt *s;
    int rc =
        segment >= store->first_new_segment ? pythia_store_flush_index(store, error) : SQLITE_OK;
    if (!rc) rc = pythia_store_statement(store, PYTHIA_SQL_INDEX_DELETE, &s, error);
    if (!rc) rc = sqlite3_bind_int64(s, 1, pythia_store_hash(pythia_store_names(store), id));
    if (!rc) rc = sqlite3_bind_int64(s, 2, segment);
    if (!rc) rc = sqlite3_bind_int64(s, 3, ordinal);
    return rc ? rc : pythia_store_run(store, s, "xtrace", error);
}

/* Sets the bit of a trace, here and in the object of the segment. */
static int mark_dead(PythiaSegmentEntry *entry, uint32_t ordinal) {
    size_t bytes = ((size_t)entry->info.traces + 7) / 8;
    unsigned char **const maps[] = {&entry->dead, entry->cached ? &entry->cached->dead : NULL};
    size_t *const sizes[] = {&entry->dead_bytes, entry->cached ? &entry->cached->dead_bytes : NULL};
    for (int i = 0; i < 2; i++) {
        if (!maps[i] || *sizes[i] == bytes) continue;
        unsigned char *grown = pythia_alloc_zero(bytes);
        if (!grown) return SQLITE_NOMEM;
        if (*sizes[i]) memcpy(grown, *maps[i], *sizes[i]);
        pythia_free(*maps[i]);
        *maps[i] = grown;
        *sizes[i] = bytes;
    }
    for (int i = 0; i < 2; i++)
        if (maps[i]) (*maps[i])[ordinal / 8] |= (unsigned char)(1u << (ordinal % 8));
    entry->info.live--;
    if (entry->cached) entry->cached->info.live--;
    entry->dirty = 1;
    return SQLITE_OK;
}

static int delete_trace(PythiaStore *store, int64_t id, uint32_t ordinal, char **error) {
    PythiaSegment *segment;
    PythiaId trace;
    int rc = pythia_segment_open(store, id, &segment, error);
    if (rc) return rc;
    rc = pythia_segment_trace_id(segment, ordinal, &trace, error);
    int dead = pythia_segment_dead(segment, ordinal);
    pythia_segment_release(segment);
    if (rc || dead) return rc;
    rc = unindex(store, trace, id, ordinal, error);
    if (rc) return rc;
    PythiaSegmentEntry *entry = pythia_store_entry(store, id);
    rc = mark_dead(entry, ordinal);
    if (!rc && !entry->info.live) rc = pythia_store_remove_segment(store, entry, error);
    return rc;
}

int pythia_store_delete(PythiaStore *store, int64_t segment, uint32_t ordinal, char **error) {
    int mine;
    int rc = pythia_store_enter(store, &mine, error);
    if (rc) return rc;
    rc = delete_trace(store, segment, ordinal, error);
    return pythia_store_leave(store, mine, rc, error);
}

int pythia_store_delete_all(PythiaStore *store, char **error) {
    int mine, n;
    int rc = pythia_store_enter(store, &mine, error);
    if (rc) return rc;
    const PythiaShadow *tables = pythia_schema_tables(&n);
    for (int i = 0; !rc && i < n; i++) {
        if (!tables[i].data) continue;
        char *sql = sqlite3_mprintf("DELETE FROM \"%%w\".pythia_%s", tables[i].suffix);
        rc = sql ? pythia_store_exec(store, sql, tables[i].suffix, error) : SQLITE_NOMEM;
        sqlite3_free(sql);
    }
    if (!rc) rc = pythia_store_new_names(store);
    if (!rc) {
        while (store->nentries)
            pythia_store_drop_entry(store, &store->entries[store->nentries - 1]);
        store->nindex = 0;
        if (store->writer) pythia_writer_reset(store->writer);
        store->epoch_raised = 1;
    }
    return pythia_store_leave(store, mine, rc, error);
}
