/* segment.h - how a segment is stored, for the files of this folder.
**
** A segment is a number of whole traces, cut into columns. Columns that are read together share a
** block; a block is a row of pythia_xblock whose id is segment << 16 | slot, and its parts are:
**
**   slot            parts
**   DIRECTORY       mask of the fixed slots that the segment has, as u32 (bit: slot);
**                   and of the attribute columns: keys, types, numbers of rows
**   TRACE           PYTHIA_COL_TRACE_FORM .. _REPAIRS_LAST
**   HEAD            PYTHIA_COL_HEAD_START .. _STATUS: what is derived of each trace, replaceable
**   ID              PYTHIA_COL_SPAN_ID .. _FORM
**   TREE            PYTHIA_COL_SPAN_PARENT, _START
**   DURATION        PYTHIA_COL_SPAN_DURATION
**   NAME            PYTHIA_COL_SPAN_TRACEPOINT .. _BITS
**   POINT           PYTHIA_COL_POINT_SPAN .. _TRACEPOINT
**   LINK            PYTHIA_COL_LINK_SPAN .. _ID_LO
**   PARENT          rows, form, hi, lo: spans whose recorded parent id is not the id of their parent
**                   (it is missing, or a cycle was cut there, or both halves of a span have one id)
**   RESOURCE        end of each set in the bytes, bytes (values.h)
**   REST, POINT_VALUES, LINK_VALUES
**                   rows, ends, bytes (values.h). REST: values of spans that are in no column
**   FILTER          filter.h: which ids its spans may have. A segment without one was written before there were any
**   ATTRIBUTE + i   rows (ascending), codes; for texts also the end of each distinct text, and bytes
**
** A part that is called bytes is packed (pack.h), all others but the mask are columns (column.h).
** DIRECTORY, TRACE and HEAD are always there; of the others those of which there is something.
** Stored columns differ from decoded ones in three places: SPAN_START is the distance to the start of
** the parent (of a root: to TRACE_START), POINT_TIME the distance to the start of the span, and
** POINT_SPAN and LINK_SPAN are indexes within the trace. So they are small numbers. */
#ifndef PYTHIA_STORE_SEGMENT_H
#define PYTHIA_STORE_SEGMENT_H

#include "ext/store/block.h"
#include "ext/store/column.h"
#include "ext/store/store.h"
#include "ext/store/values.h"

enum {
    PYTHIA_SLOT_DIRECTORY = 0,
    PYTHIA_SLOT_TRACE,
    PYTHIA_SLOT_HEAD,
    PYTHIA_SLOT_ID,
    PYTHIA_SLOT_TREE,
    PYTHIA_SLOT_DURATION,
    PYTHIA_SLOT_NAME,
    PYTHIA_SLOT_POINT,
    PYTHIA_SLOT_LINK,
    PYTHIA_SLOT_PARENT,
    PYTHIA_SLOT_RESOURCE,
    PYTHIA_SLOT_REST,
    PYTHIA_SLOT_POINT_VALUES,
    PYTHIA_SLOT_LINK_VALUES,
    PYTHIA_SLOT_FILTER,
    PYTHIA_SLOT_FIXED, /* number of the slots above */
    PYTHIA_SLOT_ATTRIBUTE = 32,
    PYTHIA_SLOT_SHIFT = 16 /* in the id of a row */
};

/* Ids of segments are below this, so that those of blocks fit. */
#define PYTHIA_SEGMENT_ID_MOST ((int64_t)1 << 46)

/* Small in test builds, so that small inputs meet the edges. ROWS_UNASKED: so many rows of a segment need no proof. */
#ifdef PYTHIA_TEST
enum { PYTHIA_ROWS_UNASKED = 1 << 16 };
enum { PYTHIA_SEGMENT_SPANS = 16, PYTHIA_ATTRIBUTE_ROWS = 2, PYTHIA_ATTRIBUTE_COLUMNS = 8 };
#else
enum { PYTHIA_ROWS_UNASKED = 1 << 22 };
enum { PYTHIA_SEGMENT_SPANS = 16384, PYTHIA_ATTRIBUTE_ROWS = 4, PYTHIA_ATTRIBUTE_COLUMNS = 512 };
#endif

/* What a column has one value for. */
enum { PYTHIA_PER_TRACE = 0, PYTHIA_PER_SPAN, PYTHIA_PER_POINT, PYTHIA_PER_LINK, PYTHIA_PER_COUNT };

/* The columns of a slot: first .. last, in the order of the parts. */
typedef struct PythiaSlotColumns {
    int slot, first, last, per;
} PythiaSlotColumns;

enum { PYTHIA_SLOT_GROUPS = 8 };
extern const PythiaSlotColumns pythia_slot_columns[PYTHIA_SLOT_GROUPS];

/* Bits of PYTHIA_COL_SPAN_BITS. */
enum {
    PYTHIA_BITS_KIND = 7,
    PYTHIA_BITS_STATUS_SHIFT = 3,
    PYTHIA_BITS_STATUS = 3,
    PYTHIA_BITS_FLAGS_SHIFT = 5,
    PYTHIA_BITS_FLAGS = 15,
    PYTHIA_BITS_CONFLICT_SHIFT = 9,
    PYTHIA_BITS_MOST = 0x3ff
};

/* The fields of a head by column, for writing and reading. */
void pythia_head_get(const PythiaHead *head,
                     int64_t values[]); /* [column - PYTHIA_COL_HEAD_START] */
void pythia_head_set(PythiaHead *head, const int64_t values[]);
enum { PYTHIA_HEAD_COLUMNS = PYTHIA_COL_HEAD_STATUS - PYTHIA_COL_HEAD_START + 1 };

/* ---- segment_write.c ------------------------------------------------------------------------------ */

/* Collects traces in columns and turns them into blocks. */
typedef struct PythiaWriter PythiaWriter;

int pythia_writer_new(PythiaWriter **writer);
void pythia_writer_free(PythiaWriter *writer);
/* Forgets what the atoms of values stand for: another import numbers them anew. */
void pythia_writer_forget_atoms(PythiaWriter *writer);
/* Forgets what is collected, keeps the memory. */
void pythia_writer_reset(PythiaWriter *writer);
int pythia_writer_add(PythiaWriter *writer, const PythiaTrace *trace, const PythiaHead *head);
/* What is collected so far; id and live are 0. */
const PythiaSegmentInfo *pythia_writer_info(const PythiaWriter *writer);
/* 1 when a trace of that size should begin a new segment (spans 0: when this one is full). */
int pythia_writer_full(const PythiaWriter *writer, uint32_t spans);

/* Takes a finished block. */
typedef int (*PythiaBlockSink)(void *context, uint32_t slot, const void *data, size_t bytes);
int pythia_writer_blocks(PythiaWriter *writer, PythiaBlockSink sink, void *context);
/* The HEAD block alone. */
int pythia_head_block(PythiaBlockWriter *block, const PythiaHead *heads, uint32_t n);

/* ---- segment_read.c, segment_values.c --------------------------------------------------------------- */

/* A block of lists of values (values.h), opened. */
typedef struct PythiaLists {
    PythiaColumn rows, ends;
    PythiaText bytes;
    char *own; /* the bytes, where they were packed */
    int opened;
} PythiaLists;

typedef struct PythiaSegmentAttribute {
    PythiaAttributeColumn column; /* rows, codes, texts: NULL until decoded as a whole */
    PythiaBlock block;
    PythiaColumn rows, codes, ends; /* views of the block */
    PythiaText bytes;               /* of the texts */
    int64_t *own_rows, *own_codes;  /* what `column` points to */
    PythiaText *own_texts;
    char *own_bytes;
    uint32_t hint; /* where the last look-up ended */
} PythiaSegmentAttribute;

/* A value and the row that has it. */
typedef struct PythiaGathered {
    uint32_t row;
    PythiaValue value;
} PythiaGathered;

/* Reads of one row at a time, as long as the rows ascend. */
typedef struct PythiaWalk {
    uint32_t next, n; /* the row after the last one; how many in a row */
} PythiaWalk;

struct PythiaSegment {
    PythiaStore *store; /* NULL once the store is closed */
    PythiaSegmentInfo info;
    unsigned char *dead; /* bitmap, owned; NULL: none */
    size_t dead_bytes;
    unsigned references;
    int detached;                 /* no longer in the cache: goes with its last reference */
    PythiaSegment *newer, *older; /* list of the store, most recently used first */
    size_t bytes;                 /* memory held, about */
    PythiaWalk traces, spans;     /* read one at a time */
    int directory;                /* the next three are valid */
    uint32_t mask;
    uint64_t stored_bytes; /* of all its blocks; 0: not asked yet */
    uint32_t nattributes;
    PythiaSegmentAttribute *attributes;
    PythiaBlock blocks[PYTHIA_SLOT_FIXED];
    PythiaColumn views[PYTHIA_COL_STORED]; /* of the blocks; data NULL until opened */
    void *attached[PYTHIA_ATTACHED_COUNT]; /* see pythia_segment_attach() */
    size_t attached_bytes[PYTHIA_ATTACHED_COUNT];
    int64_t *columns[PYTHIA_COL_COUNT]; /* decoded as a whole */
    PythiaLists lists[3];               /* REST, POINT_VALUES, LINK_VALUES */
    PythiaResourceSet *resources;       /* values NULL until decoded */
    uint32_t nresources;
    PythiaColumn resource_ends;
    PythiaText resource_bytes;
    char *own_resource_bytes;
    PythiaArena arena; /* values of resources */
    int64_t *scratch;
    size_t scratch_capacity;
    PythiaGathered *gathered;
    size_t gathered_capacity;
    uint32_t ngathered;
    PythiaValueList list;
};

/* When that many traces or spans were read one after the other, in ascending order, somebody walks over the
** segment, and columns are decoded as a whole. Look-ups at random hardly ever are such a walk: they would pay
** for rows that nobody reads, and fill the cache with them. */
enum { PYTHIA_SEGMENT_READS = 64 };
/* Notes a read of a row: the same row again counts as no other one. */
void pythia_walk_note(PythiaWalk *walk, uint32_t row);
int pythia_segment_is_walked(const PythiaSegment *segment);

/* Damage in a slot: the message names table, row and segment. Returns SQLITE_CORRUPT_VTAB. */
int pythia_segment_damaged(const PythiaSegment *segment, int slot, const char *what, char **error);
/* rc from a function that cannot say where: SQLITE_CORRUPT_VTAB gets a message. */
int pythia_segment_result(const PythiaSegment *segment, int slot, int rc, char **error);
/* Forgets the heads, for when they were replaced; no reference may be held. */
void pythia_segment_forget_heads(PythiaSegment *segment);
/* Frees what a segment holds, and the segment. */
void pythia_segment_free(PythiaSegment *segment);
/* The number of values of a column. */
uint32_t pythia_segment_rows(const PythiaSegment *segment, int column);
/* Reads mask and attribute columns, once. */
int pythia_segment_directory(PythiaSegment *segment, char **error);
/* A stored block by slot, read when first asked for; NULL when the segment has none of that kind. */
int pythia_segment_block(PythiaSegment *segment, int slot, const PythiaBlock **block, char **error);
/* Opens a part of a block that must be a column of n values. */
int pythia_segment_part(const PythiaSegment *segment, int slot, const PythiaBlock *block,
                        uint32_t part, uint32_t n, PythiaColumn *column, char **error);
/* Unpacks a part that is a string of bytes; see pythia_unpack(). */
int pythia_segment_bytes(PythiaSegment *segment, int slot, const PythiaBlock *block, uint32_t part,
                         PythiaText *bytes, char **own, char **error);
/* Room for n integers, valid until the next call. */
int pythia_segment_scratch(PythiaSegment *segment, size_t n, int64_t **scratch);

/* Collects all values of spans first .. first + n - 1 in segment->gathered, key by key. */
int pythia_segment_gather_spans(PythiaSegment *segment, uint32_t first, uint32_t n, char **error);
/* The same for a block of lists: slot REST, POINT_VALUES or LINK_VALUES; appends. */
int pythia_segment_gather_lists(PythiaSegment *segment, int slot, uint32_t first, uint32_t n,
                                char **error);
/* Whether a block can be the filter of the segment. */
int pythia_segment_filter(const PythiaSegment *segment, const PythiaBlock *block,
                          PythiaText *filter, char **error);
/* The first span from `span` on that has the id; *span is the number of spans when there is none. */
int pythia_segment_next_span(PythiaSegment *segment, PythiaId id, uint32_t *span, char **error);

/* SQLITE_CORRUPT_VTAB when the segment has too few bytes for so many rows: to be asked before memory is taken for
** them. */
int pythia_segment_rows_plausible(PythiaSegment *segment, int slot, uint32_t n, char **error);

/* Reads the block of an attribute column, without decoding it. */
int pythia_segment_attribute_open(PythiaSegment *segment, uint32_t index, char **error);

/* ---- what the segments need from the store (cache.c) ------------------------------------------------ */

/* Reads and opens the block of a slot. SQLITE_CORRUPT_VTAB when it is missing or damaged. */
int pythia_store_block(const PythiaSegment *segment, int slot, PythiaBlock *block, char **error);
/* The bytes of all blocks of a segment together. */
int pythia_store_block_bytes(const PythiaSegment *segment, uint64_t *bytes, char **error);
/* Unpacks with the store's contexts. */
int pythia_store_unpack(PythiaStore *store, PythiaText packed, PythiaText *bytes, char **own);
/* Counts memory that a segment took, and makes room by freeing segments that nobody uses. */
void pythia_segment_charge(PythiaSegment *segment, size_t bytes);

#endif
