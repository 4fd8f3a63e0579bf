/* store.h - the capture on disk: shadow tables of the virtual table `pythia` in one schema.
**
** The store knows traces as columns in segments, names, a trace index, settings and opaque group
** moments; it does not know what they mean. What depends on settings (request type, duration, group:
** the PythiaHead of a trace) is kept apart from what was recorded, so that it can be replaced.
**
** Transactions are SQLite's: every function below that writes runs statements on shadow tables inside
** whatever transaction is open. What the store keeps in memory (names, segment list, decoded columns)
** is brought up to date by pythia_store_refresh(), which every reader and writer calls first; a
** cookie in pythia_xconfig, raised by every change, tells when another connection, or a rollback,
** changed the tables. Memory that a statement may still point into (names, segments) is kept until
** nothing refers to it.
**
** Messages: every function with `char **error` names the table and row that is at fault. Damage is
** SQLITE_CORRUPT_VTAB. */
#ifndef PYTHIA_STORE_STORE_H
#define PYTHIA_STORE_STORE_H

#include "ext/base/error.h"
#include "ext/base/poll.h"
#include "ext/trace/trace.h"

typedef struct PythiaStore PythiaStore;
typedef struct PythiaSegment PythiaSegment;

enum { PYTHIA_FORMAT_VERSION = 1 };

/* What is derived of a trace under the current settings. */
typedef struct PythiaHead {
    int64_t start_ns;         /* of the request: the root's start */
    int64_t duration_ns;      /* to the end of the request, never negative */
    int64_t root_duration_ns; /* of the root span */
    uint64_t group;           /* id of the group, 0: in none */
    uint32_t request_type;    /* string id */
    uint32_t root;            /* span index */
    uint32_t services;        /* distinct services visited */
    uint32_t errors;          /* spans with status error */
    uint32_t repeat_max;      /* the largest number of times that one call path occurs */
    uint32_t problems;        /* repairs of the trace */
    uint32_t status;          /* PYTHIA_TRACE_* */
} PythiaHead;

/* ---- opening ------------------------------------------------------------------------------------ */

/* Opens the store of a schema. Without one *store is NULL and the result SQLITE_OK, unless `create` is
** set: then the virtual table `pythia` and its shadow tables are made. A newer format version is
** refused with a message. */
int pythia_store_open(sqlite3 *db, const char *schema, int create, PythiaStore **store,
                      char **error);
void pythia_store_close(PythiaStore *store);

/* Called by the virtual table's xCreate; makes the shadow tables. */
int pythia_store_create_tables(sqlite3 *db, const char *schema, char **error);
int pythia_store_drop_tables(sqlite3 *db, const char *schema, char **error);
/* 1 when `suffix` names a shadow table ("xblock"), for xShadowName. */
int pythia_store_is_shadow(const char *suffix);

/* Sees what other connections and rollbacks changed. *changed (may be NULL) is set to 1 when anything
** in memory was dropped. SQLITE_NOTFOUND when the tables are gone. */
int pythia_store_refresh(PythiaStore *store, int *changed, char **error);

/* Whether statements that every read needs stay prepared. Only while something is connected that SQLite
** disconnects before it closes the connection; 0 finalizes them. */
void pythia_store_keep(PythiaStore *store, int keep);

sqlite3 *pythia_store_db(const PythiaStore *store);
const char *pythia_store_schema(const PythiaStore *store);
/* Interning is allowed at any time; new names become rows at pythia_store_flush(). The object is
** another one after a refresh (or the beginning of a write session) that found other names stored than
** those in memory; texts of the old one stay valid until the store is closed. */
PythiaNames *pythia_store_names(PythiaStore *store);
/* The cookie as last seen: it differs whenever the stored contents do. Caches of derived things compare
** it. */
int64_t pythia_store_cookie(const PythiaStore *store);

/* Prepares a statement in which every %w stands for the schema's name. The caller finalizes. */
int pythia_store_prepare(PythiaStore *store, sqlite3_stmt **statement, const char *sql,
                         char **error);

/* Settings and counters of pythia_xconfig. get: the value is copied into *text (sqlite3_free()), NULL
** when absent. set: NULL removes. Setting raises the cookie. */
int pythia_store_config_get(PythiaStore *store, const char *key, char **text, char **error);
int pythia_store_config_set(PythiaStore *store, const char *key, const char *text, char **error);

/* ---- segments ------------------------------------------------------------------------------------ */

typedef struct PythiaSegmentInfo {
    int64_t id;                /* 1, 2, 3 ... never reused while stored */
    int64_t first_ns, last_ns; /* of the raw span times */
    uint32_t traces, spans, points, links;
    uint32_t live; /* traces not deleted */
} PythiaSegmentInfo;

uint32_t pythia_store_segment_count(const PythiaStore *store);
/* In order of id. Borrowed until the next refresh or write. */
const PythiaSegmentInfo *pythia_store_segment_info(const PythiaStore *store, uint32_t index);

/* Opens a segment through the cache; release it when done. Blocks are read and decoded when first
** asked for, and stay in memory up to a budget of bytes (config key setting.cache_bytes, 256 MB). */
int pythia_segment_open(PythiaStore *store, int64_t id, PythiaSegment **segment, char **error);
void pythia_segment_release(PythiaSegment *segment);
const PythiaSegmentInfo *pythia_segment_info(const PythiaSegment *segment);
/* 1 when trace `ordinal` was deleted. */
int pythia_segment_dead(const PythiaSegment *segment, uint32_t ordinal);
/* The trace that has a number in an ascending column of first numbers: the last one that begins at or below it, where
** all before `from` do. Traces without any share their beginning with the next one, which is the one found. */
uint32_t pythia_ordinal_of(const int64_t *first, uint32_t from, uint32_t n, int64_t number);

/* Columns of integers. Per trace: */
enum {
    PYTHIA_COL_TRACE_FORM = 0, /* id */
    PYTHIA_COL_TRACE_HI,
    PYTHIA_COL_TRACE_LO,
    PYTHIA_COL_TRACE_SPANS, /* number of spans; likewise the next two */
    PYTHIA_COL_TRACE_POINTS,
    PYTHIA_COL_TRACE_LINKS,
    PYTHIA_COL_TRACE_START,   /* smallest raw start of its spans, 0 when it has none */
    PYTHIA_COL_TRACE_STATUS,  /* PYTHIA_TRACE_* as built */
    PYTHIA_COL_TRACE_REPAIRS, /* this and the next six: the counts of PythiaRepairs, in its order */
    PYTHIA_COL_TRACE_REPAIRS_LAST = PYTHIA_COL_TRACE_REPAIRS + 6,
    /* per trace, derived (the head): */
    PYTHIA_COL_HEAD_START,
    PYTHIA_COL_HEAD_DURATION,
    PYTHIA_COL_HEAD_ROOT_DURATION,
    PYTHIA_COL_HEAD_GROUP,
    PYTHIA_COL_HEAD_TYPE,
    PYTHIA_COL_HEAD_ROOT,
    PYTHIA_COL_HEAD_SERVICES,
    PYTHIA_COL_HEAD_ERRORS,
    PYTHIA_COL_HEAD_REPEAT,
    PYTHIA_COL_HEAD_PROBLEMS,
    PYTHIA_COL_HEAD_STATUS,
    /* per span: */
    PYTHIA_COL_SPAN_ID, /* lo of the id */
    PYTHIA_COL_SPAN_HI, /* hi; constant 0 for 64-bit ids */
    PYTHIA_COL_SPAN_FORM,
    PYTHIA_COL_SPAN_PARENT, /* distance back to the parent in preorder, 0 for roots */
    PYTHIA_COL_SPAN_START, /* absolute ns once decoded (stored as distance to the parent's start) */
    PYTHIA_COL_SPAN_DURATION, /* end_ns - start_ns, may be negative */
    PYTHIA_COL_SPAN_TRACEPOINT,
    PYTHIA_COL_SPAN_INSTANCE,
    PYTHIA_COL_SPAN_RESOURCE, /* code in the segment's list of sets */
    PYTHIA_COL_SPAN_BITS,     /* kind | status << 3 | flags << 5 | conflict << 9 */
    /* per point: */
    PYTHIA_COL_POINT_SPAN, /* span's index in the segment */
    PYTHIA_COL_POINT_TIME, /* absolute ns once decoded */
    PYTHIA_COL_POINT_TRACEPOINT,
    /* per link: */
    PYTHIA_COL_LINK_SPAN,
    PYTHIA_COL_LINK_KIND,
    PYTHIA_COL_LINK_TRACE_FORM,
    PYTHIA_COL_LINK_TRACE_HI,
    PYTHIA_COL_LINK_TRACE_LO,
    PYTHIA_COL_LINK_ID_FORM,
    PYTHIA_COL_LINK_ID_HI,
    PYTHIA_COL_LINK_ID_LO,
    PYTHIA_COL_STORED, /* number of the columns above. */
    /* Derived on decoding, per span: ordinal of its trace, and from_ns and to_ns of trace.h; per trace: first
    ** span, point, link, and whether it is a DAG of single events */
    PYTHIA_COL_SPAN_TRACE = PYTHIA_COL_STORED,
    PYTHIA_COL_SPAN_FROM,
    PYTHIA_COL_SPAN_TO,
    PYTHIA_COL_TRACE_FIRST_SPAN,
    PYTHIA_COL_TRACE_FIRST_POINT,
    PYTHIA_COL_TRACE_FIRST_LINK,
    PYTHIA_COL_TRACE_IS_DAG,
    PYTHIA_COL_COUNT
};

/* The whole column, decoded, valid until the segment is released; *n values. */
int pythia_segment_column(PythiaSegment *segment, int column, const int64_t **values, uint32_t *n,
                          char **error);

/* Values first .. first + n - 1 of a column as it is stored, into memory of the caller: for going over whole
** segments without keeping them. As stored, SPAN_START is the distance to the start of the parent (of a root: to
** TRACE_START), POINT_TIME that to the start of the span, and POINT_SPAN and LINK_SPAN are indexes within the
** trace. Checked against the bounds of the column: times lie within +-PYTHIA_TIME_MAX. */
int pythia_segment_range(PythiaSegment *segment, int column, uint32_t first, uint32_t n,
                         int64_t *values, char **error);

/* Parents as stored and effective times (from_ns, to_ns of trace.h) of all spans, into memory of the caller. */
int pythia_segment_times(PythiaSegment *segment, int64_t *parent, int64_t *from_ns, int64_t *to_ns,
                         char **error);

/* What others derive of a segment lives as long as its decoded columns. attach: `memory` of that size belongs to the
** segment from now on (pythia_free()), and what was in the slot before goes. NULL: nothing is attached; also when
** pythia_store_attached() finds no such segment in memory. */
enum { PYTHIA_ATTACHED_POINTS = 0, PYTHIA_ATTACHED_ORDER, PYTHIA_ATTACHED_COUNT };
void pythia_segment_attach(PythiaSegment *segment, int slot, void *memory, size_t bytes);
const void *pythia_segment_attached(const PythiaSegment *segment, int slot);
const void *pythia_store_attached(PythiaStore *store, int64_t segment, int slot);

/* Values of spans with one key and type. Texts are valid until the segment is released. */
typedef struct PythiaAttributeColumn {
    uint32_t key;         /* string id */
    uint32_t type;        /* PYTHIA_VALUE_* */
    uint32_t n;           /* rows that have a value */
    const int64_t *rows;  /* span index in the segment, ascending */
    const int64_t *codes; /* INT, BOOL: the values; DOUBLE: the bits; texts: index into `texts` */
    const PythiaText *texts;
    uint32_t ntexts;
} PythiaAttributeColumn;

/* How many attribute columns the segment has, their keys, and one of them decoded. Values of rare or
** repeated keys are not in columns but in the rest: read those through pythia_segment_span_values(). */
int pythia_segment_attribute_count(PythiaSegment *segment, uint32_t *n, char **error);
int pythia_segment_attribute(PythiaSegment *segment, uint32_t index, PythiaAttributeColumn *column,
                             char **error);

/* All values of one span, resource attributes excluded, in *values (borrowed until the next call with
** the same list). */
typedef struct PythiaValueList {
    PythiaValue *values;
    uint32_t n;
    size_t capacity;
} PythiaValueList;
int pythia_segment_span_values(PythiaSegment *segment, uint32_t span, PythiaValueList *list,
                               char **error);
/* Resource set number `code` (PYTHIA_COL_SPAN_RESOURCE), borrowed until release. */
int pythia_segment_resource(PythiaSegment *segment, uint32_t code, PythiaResourceSet *set,
                            char **error);

/* Reads one trace back: spans, points and links as the builder left them (pythia_trace_derive() is
** called), with attributes when `values` is set. `trace` is reset first. For a single trace only the
** parts of the columns that hold it are decoded. */
int pythia_segment_trace(PythiaSegment *segment, uint32_t ordinal, int values, PythiaTrace *trace,
                         char **error);
int pythia_segment_head(PythiaSegment *segment, uint32_t ordinal, PythiaHead *head, char **error);

/* ---- finding -------------------------------------------------------------------------------------- */

/* Where a live trace is. *found 0: nowhere. Includes traces appended but not flushed? No: those are
** known to the assembler alone; append each trace once between two flushes. */
int pythia_store_find(PythiaStore *store, PythiaId trace, int *found, int64_t *segment,
                      uint32_t *ordinal, char **error);

/* *may 0: no trace with this id is flushed. Quicker than to find out where none is, for who asks about many that are
** new (presence.h). What it has learned is kept until it is told to forget. */
int pythia_store_may_hold(PythiaStore *store, PythiaId trace, int *may, char **error);
void pythia_store_forget_presence(PythiaStore *store);

/* Where a live span lies. Zeroed: before the first. */
typedef struct PythiaSpanPlace {
    int64_t segment;
    uint32_t span;    /* its number in the segment */
    uint32_t ordinal; /* of its trace */
} PythiaSpanPlace;

/* The next span with that id in the order of segments and spans, whatever its trace. *found 0: there is none.
** Segments whose filter (filter.h) does not have the id are not opened. */
int pythia_store_next_span(PythiaStore *store, PythiaId id, PythiaSpanPlace *place, int *found,
                           char **error);

/* ---- writing -------------------------------------------------------------------------------------- */

/* Begins a write session: takes SQLite's write lock and sees what others changed, so that names which
** are interned from now on get ids that nobody else gives out. Every function below begins a session by
** itself where there is none, and those that are complete in themselves (not append) then end it. Call it
** before interning the names of what is to be appended. A session ends with pythia_store_flush() or
** pythia_store_discard(); until then prepared statements are kept, and the connection cannot be closed.
** It is no transaction: that is the caller's. */
int pythia_store_begin(PythiaStore *store, char **error);
/* Appends a built trace to the segment being written; full segments are written out. The trace's
** numbers (names) must come from pythia_store_names(). */
int pythia_store_append(PythiaStore *store, const PythiaTrace *trace, const PythiaHead *head,
                        char **error);
/* Writes out what is pending: the open segment, new names, resolutions; raises the cookie. When it
** fails the session is still open: discard it. */
int pythia_store_flush(PythiaStore *store, char **error);
/* Forgets what is pending (after an error; the transaction is rolled back by whoever owns it). */
void pythia_store_discard(PythiaStore *store);
/* Marks a trace deleted and takes it out of the trace index. A segment without live traces goes. */
int pythia_store_delete(PythiaStore *store, int64_t segment, uint32_t ordinal, char **error);
/* Deletes all traces, names, groups, imports and problems; settings and rules stay. The names begin
** anew: pointers into the old ones stay valid, pythia_store_names() is another object. */
int pythia_store_delete_all(PythiaStore *store, char **error);
/* Replaces the heads of all traces of a segment; heads[traces]. */
int pythia_store_put_heads(PythiaStore *store, int64_t segment, const PythiaHead *heads,
                           char **error);

/* Group moments: two opaque blobs for each group, the small head that every answer about groups needs,
** and the rest. put with head == NULL removes. */
int pythia_store_group_put(PythiaStore *store, uint64_t id, PythiaText head, PythiaText rest,
                           char **error);
int pythia_store_group_delete_all(PythiaStore *store, char **error);
int pythia_store_group_each(PythiaStore *store,
                            int (*each)(void *context, uint64_t id, PythiaText head, char **error),
                            void *context, char **error);
/* *rest is copied: sqlite3_free(). Empty when the group is unknown. */
int pythia_store_group_rest(PythiaStore *store, uint64_t id, char **rest, size_t *n, char **error);

/* ---- maintenance ---------------------------------------------------------------------------------- */

/* Rewrites segments that are small or have deleted traces, at most `work` of them (all: UINT32_MAX),
** into full ones. */
int pythia_store_merge(PythiaStore *store, uint32_t work, PythiaPoll *poll, char **error);
/* Reads every block, recomputes what can be recomputed (checksums, counts, zone maps, trace index) and
** appends one line per fault to *report (sqlite3_free(); NULL: nothing wrong). SQLITE_OK also when
** faults were found. */
int pythia_store_check(PythiaStore *store, PythiaPoll *poll, char **report, char **error);

#endif
