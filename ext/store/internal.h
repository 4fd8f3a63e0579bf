/* internal.h - the store in memory, for the files of this folder.
**
** What is in memory mirrors the tables as of `cookie`. It is brought up to date in one place
** (store.c, refresh) and changed by the writers in step with the tables. `own` tells that the last
** change was made here and is not known to be committed: should the cookie then be another one, what
** was believed to be stored may be gone, and everything is compared with the tables again.
**
** Write session: from pythia_store_begin() to flush or discard. Its statements are kept prepared only
** within it, because a statement that outlives the cursor or function that runs keeps the connection
** from closing. Those of pythia_store_kept() may, while a virtual table is connected: SQLite disconnects
** all of them before it looks whether the connection can be closed. */
#ifndef PYTHIA_STORE_INTERNAL_H
#define PYTHIA_STORE_INTERNAL_H

#include "ext/store/pack.h"
#include "ext/store/presence.h"
#include "ext/store/schema.h"
#include "ext/store/segment.h"

/* A segment as listed in pythia_xsegment. */
typedef struct PythiaSegmentEntry {
    PythiaSegmentInfo info;
    unsigned char *dead; /* bitmap, owned; NULL: none */
    size_t dead_bytes;
    PythiaSegment *cached; /* its object, borrowed, or NULL */
    int dirty;             /* live and dead are to be written at the flush */
    PythiaBlock filter;    /* of the ids of its spans; no block: not kept in memory */
} PythiaSegmentEntry;

/* Names, the newest object first. Older ones are kept for those that point into their texts. */
typedef struct PythiaNamesList PythiaNamesList;
struct PythiaNamesList {
    PythiaNames names;
    PythiaNamesList *older;
};

/* A row of pythia_xtrace to be written. */
typedef struct PythiaIndexEntry {
    int64_t hash, segment;
    uint32_t ordinal;
} PythiaIndexEntry;

/* Statements of a write session. */
enum {
    PYTHIA_SQL_BLOCK = 0, /* data, id */
    PYTHIA_SQL_BLOCK_REPLACE,
    PYTHIA_SQL_SEGMENT,
    PYTHIA_SQL_SEGMENT_UPDATE, /* live, dead, id */
    PYTHIA_SQL_SEGMENT_DELETE, /* id */
    PYTHIA_SQL_BLOCKS_DELETE,  /* first id, last id */
    PYTHIA_SQL_INDEX,          /* hash, segment, ordinal; likewise the next */
    PYTHIA_SQL_INDEX_MANY,     /* the three INDEX_ROWS times */
    PYTHIA_SQL_INDEX_DELETE,
    PYTHIA_SQL_FIND,   /* hash: segment, ordinal */
    PYTHIA_SQL_STRING, /* id, text, ticks */
    PYTHIA_SQL_TICKS,  /* ticks, id */
    PYTHIA_SQL_POINT,
    PYTHIA_SQL_CONFIG,       /* value, key */
    PYTHIA_SQL_GROUP,        /* id, head */
    PYTHIA_SQL_EDGE,         /* id, rest */
    PYTHIA_SQL_GROUP_DELETE, /* id */
    PYTHIA_SQL_EDGE_DELETE,
    PYTHIA_SQL_COUNT
};

/* Statements for reading that are kept while a table is connected (pythia_store_keep()). */
enum { PYTHIA_KEPT_COUNTERS = 0, PYTHIA_KEPT_FIND, PYTHIA_KEPT_BLOCK, PYTHIA_KEPT_COUNT };

struct PythiaStore {
    sqlite3 *db; /* borrowed */
    char *schema;

    int64_t cookie, epoch, next_segment;
    int loaded, own;
    int version_known;
    unsigned
        version; /* SQLite's data version of the file when memory and tables were last compared */

    PythiaNamesList *names;
    uint32_t stored_strings, stored_points; /* ids up to these are rows */
    uint8_t *stored_ticks;                  /* by string id, as stored */
    size_t stored_ticks_capacity;
    uint32_t nstored_ticks;

    PythiaSegmentEntry *entries; /* by id */
    uint32_t nentries;
    size_t entries_capacity;

    PythiaSegment *newest, *oldest; /* all segment objects, by use */
    size_t cached_bytes, cache_budget;
    size_t
        filter_bytes; /* of the filters that are kept: at most a quarter of the budget, not counted in it */
    PythiaPacker packer; /* for reading */

    int keep;
    sqlite3_stmt *kept[PYTHIA_KEPT_COUNT];

    int writing;
    PythiaWriter *writer;
    sqlite3_stmt *statements[PYTHIA_SQL_COUNT];
    sqlite3_int64 last_rowid;  /* to be restored */
    int64_t first_new_segment; /* the first id given out in this session */
    int epoch_raised;          /* something that was stored before has changed */
    PythiaIndexEntry *index;   /* pending */
    size_t nindex, index_capacity;
    PythiaPresence presence;
};

enum { PYTHIA_CACHE_BYTES = 256 * 1024 * 1024 };

/* store.c */
/* The message of the connection, with the table that it is about. Returns rc. */
int pythia_store_fail(PythiaStore *store, int rc, const char *suffix, char **error);
/* Damage of a row: table, row and what. Returns SQLITE_CORRUPT_VTAB. */
int pythia_store_damaged(PythiaStore *store, const char *suffix, sqlite3_int64 row,
                         const char *what, char **error);
/* Runs a statement that gives no rows and resets it, its bindings cleared. */
int pythia_store_run(PythiaStore *store, sqlite3_stmt *statement, const char *suffix, char **error);
/* Runs SQL in which every %w stands for the schema. */
int pythia_store_exec(PythiaStore *store, const char *sql, const char *suffix, char **error);

/* A statement that may have been kept, ready to be bound; to be given back to pythia_store_done(), whose
** result is that of sqlite3_reset(). */
int pythia_store_kept(PythiaStore *store, int which, const char *sql, sqlite3_stmt **statement,
                      char **error);
int pythia_store_done(PythiaStore *store, int which, sqlite3_stmt *statement);

/* store_names.c */
/* Brings the names up to date; `all`: every stored row is compared with memory, else only those that
** came since are read. */
int pythia_store_load_names(PythiaStore *store, int all, char **error);
/* Writes names that are not stored. *lowered: a stored resolution changed. */
int pythia_store_save_names(PythiaStore *store, int *lowered, char **error);
void pythia_store_free_names(PythiaStore *store);
/* Begins a new, empty object. */
int pythia_store_new_names(PythiaStore *store);

/* cache.c */
/* Reads the list of segments; `keep`: cached objects whose rows are the same stay. */
int pythia_store_load_segments(PythiaStore *store, int keep, char **error);
void pythia_store_free_segments(PythiaStore *store);
PythiaSegmentEntry *pythia_store_entry(PythiaStore *store, int64_t id);
/* The index of the first entry whose id is larger. */
uint32_t pythia_store_entry_after(const PythiaStore *store, int64_t id);
int pythia_store_add_entry(PythiaStore *store, const PythiaSegmentInfo *info);
void pythia_store_drop_entry(PythiaStore *store, PythiaSegmentEntry *entry);
/* Frees the filter of an entry. */
void pythia_store_drop_filter(PythiaStore *store, PythiaSegmentEntry *entry);
/* Lets go of the object of an entry: whoever holds it may go on reading. */
void pythia_store_detach(PythiaStore *store, PythiaSegmentEntry *entry);

/* session.c */
int pythia_store_statement(PythiaStore *store, int which, sqlite3_stmt **statement, char **error);
/* Around a write that is complete in itself: begins a session where there is none (*mine), and ends it
** again. Returns the result of the whole. */
int pythia_store_enter(PythiaStore *store, int *mine, char **error);
int pythia_store_leave(PythiaStore *store, int mine, int rc, char **error);
/* Writes out what the writer has collected, as segment next_segment. */
int pythia_store_write_segment(PythiaStore *store, char **error);
/* Writes the pending rows of the trace index, in order. */
int pythia_store_flush_index(PythiaStore *store, char **error);
int pythia_store_remove_segment(PythiaStore *store, PythiaSegmentEntry *entry, char **error);

/* index.c */
#define PYTHIA_FIND_SQL "SELECT segment, ordinal FROM \"%w\".pythia_xtrace WHERE hash = ?1"
/* 63 bits that stand for a trace id on every machine. */
int64_t pythia_store_hash(const PythiaNames *names, PythiaId id);
/* The id of a trace. */
int pythia_segment_trace_id(PythiaSegment *segment, uint32_t ordinal, PythiaId *id, char **error);

#endif
