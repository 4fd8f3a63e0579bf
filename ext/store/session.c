/* session.c - write sessions: appending traces, flushing, discarding. See internal.h. */
#include "ext/store/internal.h"

#include <stdlib.h>

enum { INDEX_PENDING = 1 << 20 /* rows of the trace index that are kept back to be sorted */ };

/* How many of them one statement inserts: what SQLite does around a statement takes longer than a row. Few in test
** builds, so that small inputs have as many. */
#define INDEX_SQL "INSERT OR IGNORE INTO \"%w\".pythia_xtrace(hash, segment, ordinal) VALUES "
#define ROWS_4    "(?, ?, ?), (?, ?, ?), (?, ?, ?), (?, ?, ?)"
#define ROWS_16   ROWS_4 ", " ROWS_4 ", " ROWS_4 ", " ROWS_4
#ifdef PYTHIA_TEST
#define INDEX_VALUES ROWS_4
enum { INDEX_ROWS = 4 };
#else
#define INDEX_VALUES ROWS_16 ", " ROWS_16 ", " ROWS_16 ", " ROWS_16
enum { INDEX_ROWS = 64 };
#endif

/* ---- statements ------------------------------------------------------------------------------------ */

static const char *const session_sql[PYTHIA_SQL_COUNT] = {
    [PYTHIA_SQL_BLOCK] = "INSERT INTO \"%w\".pythia_xblock(data, id) VALUES(?1, ?2)",
    [PYTHIA_SQL_BLOCK_REPLACE] = "INSERT OR REPLACE INTO \"%w\".pythia_xblock(data, id)"
                                 " VALUES(?1, ?2)",
    [PYTHIA_SQL_SEGMENT] =
        "INSERT INTO \"%w\".pythia_xsegment(id, first_ns, last_ns, traces, spans,"
        " points, links, live) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?4)",
    [PYTHIA_SQL_SEGMENT_UPDATE] = "UPDATE \"%w\".pythia_xsegment SET live = ?1, dead = ?2"
                                  " WHERE id = ?3",
    [PYTHIA_SQL_SEGMENT_DELETE] = "DELETE FROM \"%w\".pythia_xsegment WHERE id = ?1",
    [PYTHIA_SQL_BLOCKS_DELETE] = "DELETE FROM \"%w\".pythia_xblock WHERE id BETWEEN ?1 AND ?2",
    [PYTHIA_SQL_INDEX] = INDEX_SQL "(?, ?, ?)",
    [PYTHIA_SQL_INDEX_MANY] = INDEX_SQL INDEX_VALUES,
    [PYTHIA_SQL_INDEX_DELETE] = "DELETE FROM \"%w\".pythia_xtrace"
                                " WHERE hash = ?1 AND segment = ?2 AND ordinal = ?3",
    [PYTHIA_SQL_FIND] = PYTHIA_FIND_SQL,
    [PYTHIA_SQL_STRING] = "INSERT INTO \"%w\".pythia_xdict(id, text, ticks) VALUES(?1, ?2, ?3)",
    [PYTHIA_SQL_TICKS] = "UPDATE \"%w\".pythia_xdict SET ticks = ?1 WHERE id = ?2",
    [PYTHIA_SQL_POINT] = "INSERT INTO \"%w\".pythia_xpoint(id, service, operation, point)"
                         " VALUES(?1, ?2, ?3, ?4)",
    [PYTHIA_SQL_CONFIG] = "UPDATE \"%w\".pythia_xconfig SET v = ?1 WHERE k = ?2",
    [PYTHIA_SQL_GROUP] = "INSERT OR REPLACE INTO \"%w\".pythia_xgroup(id, head) VALUES(?1, ?2)",
    [PYTHIA_SQL_EDGE] = "INSERT OR REPLACE INTO \"%w\".pythia_xedge(id, rest) VALUES(?1, ?2)",
    [PYTHIA_SQL_GROUP_DELETE] = "DELETE FROM \"%w\".pythia_xgroup WHERE id = ?1",
    [PYTHIA_SQL_EDGE_DELETE] = "DELETE FROM \"%w\".pythia_xedge WHERE id = ?1",
};

int pythia_store_statement(PythiaStore *store, int which, sqlite3_stmt **statement, char **error) {
    int rc = SQLITE_OK;
    if (!store->statements[which])
        rc = pythia_store_prepare(store, &store->statements[which], session_sql[which], error);
    *statement = store->statements[which];
    return rc;
}

/* ---- beginning and ending -------------------------------------------------------------------------- */

static int write_counter(PythiaStore *store, const char *key, int64_t value, char **error) {
    sqlite3_stmt *s;
    int rc = pythia_store_statement(store, PYTHIA_SQL_CONFIG, &s, error);
    if (!rc) rc = sqlite3_bind_int64(s, 1, value);
    if (!rc) rc = sqlite3_bind_text(s, 2, key, -1, SQLITE_STATIC);
    return rc ? rc : pythia_store_run(store, s, "xconfig", error);
}

/* Gives the stored contents a new cookie. */
static int raise_cookie(PythiaStore *store, char **error) {
    enum { RANDOM_BITS = 24 };
    uint32_t random;
    sqlite3_randomness(sizeof random, &random);
    int64_t cookie = ((store->cookie >> RANDOM_BITS) + 1) << RANDOM_BITS;
    cookie |= random & ((1u << RANDOM_BITS) - 1);
    int rc = write_counter(store, PYTHIA_CONFIG_COOKIE, cookie, error);
    if (rc) return rc;
    pythia_presence_carry(&store->presence, store->cookie, cookie);
    store->cookie = cookie;
    store->own = 1;
    return SQLITE_OK;
}

static void end_session(PythiaStore *store) {
    for (int i = 0; i < PYTHIA_SQL_COUNT; i++) {
        sqlite3_finalize(store->statements[i]);
        store->statements[i] = NULL;
    }
    if (store->writing) sqlite3_set_last_insert_rowid(store->db, store->last_rowid);
    store->writing = 0;
    store->nindex = 0;
    if (store->writer) {
        pythia_writer_reset(store->writer);
        pythia_writer_forget_atoms(store->writer);
    }
}

int pythia_store_begin(PythiaStore *store, char **error) {
    if (store->writing) return SQLITE_OK;
    store->version_known = 0;
    store->last_rowid = sqlite3_last_insert_rowid(store->db);
    /* Any write takes the lock; only then is what is read the latest there is. */
    int rc = pythia_store_exec(store,
                               "UPDATE \"%w\".pythia_xconfig SET v = v WHERE k ="
                               " '" PYTHIA_CONFIG_COOKIE "'",
                               "xconfig", error);
    if (!rc) rc = pythia_store_refresh(store, NULL, error);
    /* A new cookie at once: a rollback during the session then shows at the next refresh. */
    if (!rc) rc = raise_cookie(store, error);
    if (!rc) {
        store->writing = 1;
        store->first_new_segment = store->next_segment;
    } else {
        end_session(store);
    }
    return rc;
}

void pythia_store_discard(PythiaStore *store) {
    if (!store->writing) return;
    /* What is in memory may be ahead of the tables now: the next refresh reads everything. */
    store->loaded = 0;
    store->own = 1;
    store->epoch_raised = 0;
    end_session(store);
}

int pythia_store_enter(PythiaStore *store, int *mine, char **error) {
    *mine = !store->writing;
    return pythia_store_begin(store, error);
}

int pythia_store_leave(PythiaStore *store, int mine, int rc, char **error) {
    if (!mine) return rc;
    if (!rc) rc = pythia_store_flush(store, error);
    if (rc) pythia_store_discard(store);
    return rc;
}

/* ---- writing a segment ----------------------------------------------------------------------------- */

static int put_block(void *context, uint32_t slot, const void *data, size_t bytes) {
    PythiaStore *store = context;
    sqlite3_stmt *s;
    int rc = pythia_store_statement(store, PYTHIA_SQL_BLOCK, &s, NULL);
    if (!rc) rc = sqlite3_bind_blob64(s, 1, data, bytes, SQLITE_STATIC);
    if (!rc)
        rc = sqlite3_bind_int64(
            s, 2, (sqlite3_int64)((uint64_t)store->next_segment << PYTHIA_SLOT_SHIFT | slot));
    return rc ? rc : pythia_store_run(store, s, "xblock", NULL);
}

int pythia_store_write_segment(PythiaStore *store, char **error) {
    if (!store->writer) return SQLITE_OK;
    PythiaSegmentInfo info = *pythia_writer_info(store->writer);
    if (!info.traces) return SQLITE_OK;
    if (store->next_segment >= PYTHIA_SEGMENT_ID_MOST - 1) return SQLITE_FULL;
    if (!info.spans) info.first_ns = info.last_ns = 0;
    info.id = store->next_segment;
    info.live = info.traces;
    int rc = pythia_writer_blocks(store->writer, put_block, store);
    if (rc) return pythia_store_fail(store, rc, "xblock", error);
    const int64_t values[] = {info.id,    info.first_ns, info.last_ns, info.traces,
                              info.spans, info.points,   info.links};
    sqlite3_stmt *s;
    rc = pythia_store_statement(store, PYTHIA_SQL_SEGMENT, &s, error);
    for (int i = 0; !rc && i < 7; i++)
        rc = sqlite3_bind_int64(s, i + 1, values[i]);
    if (!rc) rc = pythia_store_run(store, s, "xsegment", error);
    if (!rc) rc = pythia_store_add_entry(store, &info);
    if (rc) return rc;
    store->next_segment++;
    pythia_writer_reset(store->writer);
    return store->nindex >= INDEX_PENDING ? pythia_store_flush_index(store, error) : SQLITE_OK;
}

static int by_hash(const void *a, const void *b) {
    const PythiaIndexEntry *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    if (x->segment != y->segment) return x->segment < y->segment ? -1 : 1;
    return x->ordinal < y->ordinal ? -1 : x->ordinal > y->ordinal;
}

/* Puts n entries into the table by a statement that takes so many. */
static int index_rows(PythiaStore *store, int which, const PythiaIndexEntry *entries, size_t n,
                      char **error) {
    sqlite3_stmt *s;
    int parameter = 1;
    int rc = pythia_store_statement(store, which, &s, error);
    for (const PythiaIndexEntry *e = entries; !rc && e < entries + n; e++) {
        rc = sqlite3_bind_int64(s, parameter++, e->hash);
        pythia_presence_add(&store->presence, e->hash);
        if (!rc) rc = sqlite3_bind_int64(s, parameter++, e->segment);
        if (!rc) rc = sqlite3_bind_int64(s, parameter++, e->ordinal);
    }
    return rc ? rc : pythia_store_run(store, s, "xtrace", error);
}

int pythia_store_flush_index(PythiaStore *store, char **error) {
    size_t i = 0;
    int rc = SQLITE_OK;
    if (!store->nindex) return SQLITE_OK;
    /* In order of the key, neighbours go to the same page. */
    qsort(store->index, store->nindex, sizeof *store->index, by_hash);
    /* A host may have set its limits so low that there is no such statement. */
    sqlite3_stmt *many;
    size_t end = pythia_store_statement(store, PYTHIA_SQL_INDEX_MANY, &many, NULL)
                     ? 0
                     : store->nindex / INDEX_ROWS * INDEX_ROWS;
    for (; !rc && i < end; i += INDEX_ROWS)
        rc = index_rows(store, PYTHIA_SQL_INDEX_MANY, store->index + i, INDEX_ROWS, error);
    for (; !rc && i < store->nindex; i++)
        rc = index_rows(store, PYTHIA_SQL_INDEX, store->index + i, 1, error);
    if (!rc) store->nindex = 0;
    return rc;
}

int pythia_store_append(PythiaStore *store, const PythiaTrace *trace, const PythiaHead *head,
                        char **error) {
    const PythiaNames *names = pythia_store_names(store);
    int rc = pythia_store_begin(store, error);
    if (rc) return rc;
    if (names != pythia_store_names(store))
        return pythia_fail(error, SQLITE_BUSY,
                           "the names in \"%s\" were changed by another connection", store->schema);
    if (!store->writer) rc = pythia_writer_new(&store->writer);
    if (!rc && pythia_writer_full(store->writer, trace->nspans))
        rc = pythia_store_write_segment(store, error);
    if (!rc)
        rc = pythia_grow((void **)&store->index, &store->index_capacity, store->nindex + 1,
                         sizeof *store->index);
    if (rc) return rc;
    uint32_t ordinal = pythia_writer_info(store->writer)->traces;
    rc = pythia_writer_add(store->writer, trace, head);
    if (rc == SQLITE_TOOBIG) return pythia_fail(error, rc, "a trace is too big to be stored");
    if (rc) return rc;
    store->index[store->nindex++] =
        (PythiaIndexEntry){pythia_store_hash(names, trace->id), store->next_segment, ordinal};
    return pythia_writer_full(store->writer, 0) ? pythia_store_write_segment(store, error)
                                                : SQLITE_OK;
}

/* ---- flushing -------------------------------------------------------------------------------------- */

/* Writes live and dead of segments of which traces were deleted. */
static int flush_entries(PythiaStore *store, char **error) {
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < store->nentries; i++) {
        PythiaSegmentEntry *e = &store->entries[i];
        if (!e->dirty) continue;
        sqlite3_stmt *s;
        rc = pythia_store_statement(store, PYTHIA_SQL_SEGMENT_UPDATE, &s, error);
        if (!rc) rc = sqlite3_bind_int64(s, 1, e->info.live);
        if (!rc) rc = sqlite3_bind_blob64(s, 2, e->dead, e->dead_bytes, SQLITE_STATIC);
        if (!rc) rc = sqlite3_bind_int64(s, 3, e->info.id);
        if (!rc) rc = pythia_store_run(store, s, "xsegment", error);
        if (!rc) e->dirty = 0;
    }
    return rc;
}

int pythia_store_flush(PythiaStore *store, char **error) {
    if (!store->writing) return SQLITE_OK;
    int lowered = 0;
    int rc = pythia_store_write_segment(store, error);
    if (!rc) rc = pythia_store_flush_index(store, error);
    if (!rc) rc = flush_entries(store, error);
    if (!rc) rc = pythia_store_save_names(store, &lowered, error);
    if (!rc && lowered) store->epoch_raised = 1;
    if (!rc && store->next_segment != store->first_new_segment)
        rc = write_counter(store, PYTHIA_CONFIG_SEGMENT, store->next_segment, error);
    if (!rc && store->epoch_raised) {
        rc = write_counter(store, PYTHIA_CONFIG_EPOCH, store->epoch + 1, error);
        if (!rc) store->epoch++;
    }
    if (!rc) rc = raise_cookie(store, error);
    if (rc) return rc;
    store->epoch_raised = 0;
    end_session(store);
    return SQLITE_OK;
}

int pythia_store_remove_segment(PythiaStore *store, PythiaSegmentEntry *entry, char **error) {
    const int64_t id = entry->info.id;
    sqlite3_stmt *s;
    int rc = pythia_store_statement(store, PYTHIA_SQL_BLOCKS_DELETE, &s, error);
    if (!rc) rc = sqlite3_bind_int64(s, 1, id << PYTHIA_SLOT_SHIFT);
    if (!rc) rc = sqlite3_bind_int64(s, 2, ((id + 1) << PYTHIA_SLOT_SHIFT) - 1);
    if (!rc) rc = pythia_store_run(store, s, "xblock", error);
    if (!rc) rc = pythia_store_statement(store, PYTHIA_SQL_SEGMENT_DELETE, &s, error);
    if (!rc) rc = sqlite3_bind_int64(s, 1, id);
    if (!rc) rc = pythia_store_run(store, s, "xsegment", error);
    if (!rc) pythia_store_drop_entry(store, entry);
    return rc;
}

/* ---- heads ----------------------------------------------------------------------------------------- */

/* Other references than the caller's keep the old heads, which they may point into. */
static void forget_heads(PythiaStore *store, PythiaSegmentEntry *entry) {
    if (entry->cached && !entry->cached->references)
        pythia_segment_forget_heads(entry->cached);
    else
        pythia_store_detach(store, entry);
}

int pythia_store_put_heads(PythiaStore *store, int64_t segment, const PythiaHead *heads,
                           char **error) {
    int mine;
    int rc = pythia_store_enter(store, &mine, error);
    if (rc) return rc;
    PythiaSegmentEntry *entry = pythia_store_entry(store, segment);
    PythiaBlockWriter block = {0};
    sqlite3_stmt *s;
    if (!entry)
        rc = pythia_fail(error, SQLITE_NOTFOUND, "%s: there is no segment %lld", store->schema,
                         (sqlite3_int64)segment);
    if (!rc && entry) rc = pythia_head_block(&block, heads, entry->info.traces);
    if (!rc) rc = pythia_store_statement(store, PYTHIA_SQL_BLOCK_REPLACE, &s, error);
    if (!rc) rc = sqlite3_bind_blob64(s, 1, block.buf.data, block.buf.n, SQLITE_STATIC);
    if (!rc) rc = sqlite3_bind_int64(s, 2, segment << PYTHIA_SLOT_SHIFT | PYTHIA_SLOT_HEAD);
    if (!rc) rc = pythia_store_run(store, s, "xblock", error);
    if (!rc && entry) {
        forget_heads(store, entry);
        store->epoch_raised = 1;
    }
    pythia_buf_clear(&block.buf);
    return pythia_store_leave(store, mine, rc, error);
}
