/* merge.c - rewriting segments that are small or have deleted traces into full ones.
**
** First everything is read and appended; only when the last new segment is written are the old ones and
** their rows in the trace index deleted. If reading fails, the new segments are taken away again, so
** that the tables are as they were even where the caller cannot roll back (an INSERT into the virtual
** table within a transaction has no savepoint of its own). */
#include <stdlib.h>

#include "ext/store/internal.h"

typedef struct Merge {
    PythiaStore *store;
    int64_t *segments; /* to be rewritten */
    uint32_t n;
    PythiaIndexEntry *old; /* rows of the index to be deleted */
    size_t nold, old_capacity;
    PythiaTrace trace;
} Merge;

static int is_small(const PythiaSegmentInfo *i) {
    const uint32_t half = PYTHIA_SEGMENT_SPANS / 2;
    return i->spans < half && i->traces < half && i->points < 4 * half && i->links < 4 * half;
}

/* The segments worth rewriting, at most `work`. A single small one is not. */
static int choose(Merge *m, uint32_t work) {
    const PythiaStore *store = m->store;
    m->segments = pythia_alloc_array((size_t)store->nentries + 1, sizeof *m->segments);
    if (!m->segments) return SQLITE_NOMEM;
    int holes = 0;
    for (uint32_t i = 0; i < store->nentries && m->n < work; i++) {
        const PythiaSegmentInfo *info = &store->entries[i].info;
        if (info->live == info->traces && !is_small(info)) continue;
        holes |= info->live != info->traces;
        m->segments[m->n++] = info->id;
    }
    if (m->n == 1 && !holes) m->n = 0;
    return SQLITE_OK;
}

static int copy_trace(Merge *m, PythiaSegment *segment, uint32_t ordinal, char **error) {
    PythiaHead head;
    int rc = pythia_segment_trace(segment, ordinal, 1, &m->trace, error);
    if (!rc) rc = pythia_segment_head(segment, ordinal, &head, error);
    if (!rc) rc = pythia_grow((void **)&m->old, &m->old_capacity, m->nold + 1, sizeof *m->old);
    if (rc) return rc;
    m->old[m->nold++] = (PythiaIndexEntry){
        pythia_store_hash(pythia_store_names(m->store), m->trace.id), segment->info.id, ordinal};
    return pythia_store_append(m->store, &m->trace, &head, error);
}

static int copy_segment(Merge *m, int64_t id, PythiaPoll *poll, char **error) {
    PythiaSegment *segment;
    int rc = pythia_segment_open(m->store, id, &segment, error);
    if (rc) return rc;
    for (uint32_t t = 0; !rc && t < segment->info.traces; t++) {
        if (pythia_segment_dead(segment, t)) continue;
        rc = poll ? pythia_poll(poll) : SQLITE_OK;
        if (!rc) rc = copy_trace(m, segment, t, error);
    }
    pythia_segment_release(segment);
    return rc;
}

static int by_hash(const void *a, const void *b) {
    const PythiaIndexEntry *x = a, *y = b;
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static int delete_old(Merge *m, char **error) {
    sqlite3_stmt *s;
    int rc = pythia_store_statement(m->store, PYTHIA_SQL_INDEX_DELETE, &s, error);
    if (m->nold) qsort(m->old, m->nold, sizeof *m->old, by_hash);
    for (size_t i = 0; !rc && i < m->nold; i++) {
        rc = sqlite3_bind_int64(s, 1, m->old[i].hash);
        if (!rc) rc = sqlite3_bind_int64(s, 2, m->old[i].segment);
        if (!rc) rc = sqlite3_bind_int64(s, 3, m->old[i].ordinal);
        if (!rc) rc = pythia_store_run(m->store, s, "xtrace", error);
    }
    for (uint32_t i = 0; !rc && i < m->n; i++)
        rc = pythia_store_remove_segment(m->store, pythia_store_entry(m->store, m->segments[i]),
                                         error);
    return rc;
}

/* Takes away what was written since `first`, as far as that goes. */
static void undo(PythiaStore *store, int64_t first) {
    int rc = SQLITE_OK;
    while (!rc && store->nentries && store->entries[store->nentries - 1].info.id >= first)
        rc = pythia_store_remove_segment(store, &store->entries[store->nentries - 1], NULL);
    sqlite3_stmt *s;
    if (pythia_store_prepare(store, &s, "DELETE FROM \"%w\".pythia_xtrace WHERE segment >= ?1",
                             NULL))
        return;
    sqlite3_bind_int64(s, 1, first);
    pythia_store_run(store, s, "xtrace", NULL);
    sqlite3_finalize(s);
}

int pythia_store_merge(PythiaStore *store, uint32_t work, PythiaPoll *poll, char **error) {
    if (store->writing) return pythia_fail(error, SQLITE_MISUSE, "merge within a write session");
    Merge m = {.store = store};
    int rc = pythia_store_begin(store, error);
    if (rc) return rc;
    const int64_t first = store->next_segment;
    rc = choose(&m, work);
    for (uint32_t i = 0; !rc && i < m.n; i++)
        rc = copy_segment(&m, m.segments[i], poll, error);
    if (!rc) rc = pythia_store_write_segment(store, error);
    if (!rc) rc = pythia_store_flush_index(store, error);
    if (rc)
        undo(store, first);
    else if (m.n)
        rc = delete_old(&m, error);
    pythia_free(m.segments);
    pythia_free(m.old);
    pythia_trace_clear(&m.trace);
    return pythia_store_leave(store, 1, rc, error);
}
