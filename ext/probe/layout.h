/* layout.h - the control page: the file that a program with trace points and a database session share.
**
** Native byte order, all offsets in bytes from the start of the file, everything but texts aligned to 8.
** The manual has the same table ("The control page") and scripts/read_page.py reads it. A change of it is a
** new PYTHIA_PAGE_VERSION.
**
**     header       256   PythiaPageHeader; it says where the rest is
**     slots         64 each   a trace point: for which request types it is on
**     counters      64 each   one for each slot
**     types         64 each   64 request types; 0: not known, 63: all that found no room
**     processes     64 each
**     settings     512 each   how a trace point that is on records: sample, predicate, aggregate
**     index          4 each   hash table over the texts
**     strings                 texts: 2 bytes length, the bytes, a NUL, padding to 8
**     rings        ring_stride each   PythiaPageRing, its cells (448 each), ring_bytes of records
**
** A text is known by its offset in the strings (never 0), and there is one for each content, so that equal
** texts have equal offsets. Hashes are FNV-1a, 64 bits, over the bytes.
**
** Who writes. Programs claim slots, types, processes, texts and rings by compare-and-swap, any number at the
** same time. mask, named, setting and told of a slot, and the settings, belong to the database session
** that holds the lock: an open file description lock on byte 0 of the file (PYTHIA_LOCK_CONTROL); taking
** records out needs the one on byte 1 (PYTHIA_LOCK_COLLECT).
**
** Nothing here is trusted: whoever reads checks every number that came from the page before using it. */
#ifndef PYTHIA_PROBE_LAYOUT_H
#define PYTHIA_PROBE_LAYOUT_H

#include <stdint.h>

#define PYTHIA_PAGE_MAGIC "PYTHIAPG"
enum { PYTHIA_PAGE_VERSION = 2 };
enum { PYTHIA_LOCK_CONTROL = 0, PYTHIA_LOCK_COLLECT = 1 };

enum { PYTHIA_PAGE_OVERWRITE = 1, PYTHIA_PAGE_DEFAULT_ON = 2 }; /* flags of the header */

typedef struct PythiaPageHeader {
    char magic[8];
    uint32_t version, header_bytes;
    uint64_t page_bytes;
    uint32_t slots_at, nslots; /* the number of slots is a power of two */
    uint32_t counters_at, ncounters;
    uint32_t types_at, ntypes;
    uint32_t processes_at, nprocesses;
    uint32_t settings_at, nsettings;
    uint32_t index_at, nindex; /* a power of two */
    uint32_t strings_at, strings_bytes;
    uint32_t rings_at, nrings;
    uint32_t ring_stride, ring_bytes; /* a power of two */
    uint32_t cells_at, ncells;        /* in a ring; ncells a power of two */
    uint32_t flags, zero;
    uint64_t created_ns; /* since 1970 */
    uint64_t id;         /* random: tells a new page from the one before */
    /* counted by programs */
    uint64_t strings_used; /* bytes taken */
    uint64_t lost_points;  /* trace points that found no slot */
    uint64_t lost_records; /* records for which there was no ring */
    uint64_t lost_nested;  /* records of signal handlers that interrupted the writing of one */
    uint64_t zeros[12];
} PythiaPageHeader;

/* Flags of a slot: PYTHIA_PROBE_ALWAYS_ON, PYTHIA_PROBE_DEFAULT_ON, and what it was used for. */
enum { PYTHIA_SLOT_SPAN = 4, PYTHIA_SLOT_POINT = 8 };

typedef struct PythiaPageSlot {
    uint64_t mask;  /* bit t: on for request type t */
    uint64_t named; /* bit t: a rule was told for that type alone */
    uint32_t name;  /* text; 0: the slot is free. Claimed together with ... */
    uint32_t hash;  /* ... the low half of its hash: one word, one compare-and-swap */
    uint32_t flags;
    uint32_t setting; /* the first one, its number plus 1; 0: none */
    uint32_t told;    /* how often a session wrote this slot; 0: as the program made it */
    uint32_t type;    /* the request type that it begins; 0: not yet known */
    uint64_t zeros[3];
} PythiaPageSlot;

typedef struct PythiaPageCounters {
    uint64_t hits; /* passed while on for the request's type, but for: */
    uint64_t
        filtered;     /* passed and left out by a sample or a predicate, or added to an aggregate */
    uint64_t dropped; /* of the hits: the ring was full, or there was no cell */
    uint64_t bytes;   /* of records; a little low where threads pass at the same instant */
    uint64_t cost_ns; /* estimate of the time spent in recording */
    uint64_t last_ns; /* time of the last hit */
    uint64_t zeros[2];
} PythiaPageCounters;

enum { PYTHIA_PAGE_TYPES = 64, PYTHIA_TYPE_NONE = 0, PYTHIA_TYPE_OTHER = 63 };

typedef struct PythiaPageType {
    uint32_t name, hash; /* as in a slot */
    uint64_t zeros[7];
} PythiaPageType;

typedef struct PythiaPageProcess {
    uint64_t owner;   /* 0: free; else its pid, and above it the low half of `started` */
    uint64_t started; /* field 22 of /proc/<pid>/stat */
    uint32_t service; /* text; written last: a process without it is not complete */
    uint32_t host;    /* text */
    uint64_t zeros[5];
} PythiaPageProcess;

/* One step of a program that runs at a trace point: what it does is told in ext/probe/reduce.h. */
typedef struct PythiaPageStep {
    uint32_t code; /* PYTHIA_STEP_* */
    uint32_t text; /* of a key or a constant */
    uint64_t bits; /* of a number */
} PythiaPageStep;

enum { PYTHIA_PAGE_STEPS = 27 };

typedef struct PythiaPageSetting {
    uint64_t types;     /* bit t: it applies to request type t */
    uint64_t version;   /* odd while it is being written */
    int64_t expires_ns; /* 0: never */
    uint64_t rule_id;
    uint32_t sample;     /* of 2^32: the part of traces that is recorded; 0: all */
    uint32_t then_on;    /* what holds when it has expired */
    uint32_t next;       /* the next setting of the slot, its number plus 1; 0: the last */
    uint32_t nsteps;     /* of the predicate; 0: none */
    uint64_t retired_ns; /* when it was taken out of use */
    uint32_t aggregate;  /* 0: none, else PYTHIA_AGGREGATE_* */
    uint32_t nvalue;  /* steps, behind the predicate's, that give the value; 0: hits are counted */
    uint32_t ngroup;  /* steps, behind those, that give the group's key; 0: there is one group */
    uint32_t for_all; /* 1: it applies to all types but the named ones; the last of its slot */
    uint64_t window_ns; /* 0: none, as long as the setting is in use */
    PythiaPageStep steps[PYTHIA_PAGE_STEPS];
} PythiaPageSetting;

enum {
    PYTHIA_AGGREGATE_COUNT = 1,
    PYTHIA_AGGREGATE_SUM = 2,
    PYTHIA_AGGREGATE_AVG = 3,
    PYTHIA_AGGREGATE_MIN = 4,
    PYTHIA_AGGREGATE_MAX = 5,
    PYTHIA_AGGREGATE_STDDEV = 6,
    PYTHIA_AGGREGATE_HISTOGRAM = 7
};

enum { PYTHIA_CELL_KEY_WORDS = 6, PYTHIA_CELL_BUCKETS = 64 };

/* What one thread has added up for a trace point, a request type, a group and a window. The owner of the ring
** writes; `version` is odd while it does, so that a session can copy the cell meanwhile. Numbers are kept as
** differences from the first one (`shift`), so that their squares do not lose digits. */
typedef struct PythiaPageCell {
    uint64_t version;
    uint64_t serial;  /* random, another one for every group and window; 0: the cell is free */
    uint64_t tag;     /* hash of what it is for: setting, its version, request type, key */
    uint32_t setting; /* number, and the version that it had */
    uint32_t slot;
    uint64_t setting_version, rule_id;
    uint64_t window_start, window_ns; /* ns since 1970; 0 and 0: no window */
    uint64_t n;                       /* hits with a value; of a count without one: all */
    uint64_t missing;                 /* hits whose value was missing or no number */
    double shift, sum, squares;       /* the first number; sums of x - shift, (x - shift)^2 */
    double low, high;                 /* the least and the greatest number */
    uint64_t first_ns, last_ns;       /* times of the first and the last hit */
    uint64_t what; /* bits 0-7 PYTHIA_AGGREGATE_*, 8-15 request type, 16-23 type of the key (0:
                   ** NULL), 24-31 length of a text */
    uint64_t key[PYTHIA_CELL_KEY_WORDS];   /* a number, or the first 48 bytes of a text */
    uint32_t buckets[PYTHIA_CELL_BUCKETS]; /* 0: below zero, 1: zero, i: 2^(i-18) <= x < 2^(i-17),
                                           ** the first and the last of these are open */
} PythiaPageCell;

enum { PYTHIA_CELL_WORDS = sizeof(PythiaPageCell) / 8 };

/* A ring has one writer at a time, its owner, and one reader, the holder of PYTHIA_LOCK_COLLECT. head and tail
** count bytes from the beginning of time; the byte at p lies at p modulo ring_bytes. */
typedef struct PythiaPageRing {
    uint64_t owner;  /* 0: free; else process number plus 1, and above it the thread id */
    uint64_t head;   /* the writer has written up to here */
    uint64_t used;   /* 1: it was ever owned */
    uint64_t celled; /* 1: one of its cells was ever used */
    uint64_t zeros[4];
    uint64_t tail; /* read up to here; a writer that overwrites moves it too */
    uint64_t lost; /* records that were overwritten before they were read */
    uint64_t more_zeros[6];
} PythiaPageRing;

/* A record is a row of 8-byte words: PYTHIA_RECORD_WORDS, then for each value a head and its payload. */
enum { PYTHIA_RECORD_SPAN = 1, PYTHIA_RECORD_POINT = 2, PYTHIA_RECORD_AGGREGATE = 3 };
enum {
    PYTHIA_WORD_HEAD = 0, /* bits 0-15 words, 16-23 kind, 24-31 values, 32-63 slot */
    PYTHIA_WORD_ORIGIN =
        1, /* bits 0-15 process, 16-23 request type, 24-31 status, 32-63 slot of the parent */
    PYTHIA_WORD_TIME = 2,     /* ns since 1970; of a span: its start */
    PYTHIA_WORD_TRACE_HI = 3, /* 0 and 0: outside of any trace */
    PYTHIA_WORD_TRACE_LO = 4,
    PYTHIA_WORD_SPAN = 5,     /* of a point: the span that it lies in, 0: none */
    PYTHIA_WORD_PARENT = 6,   /* of a span: 0: a root. Of a point: 0 */
    PYTHIA_WORD_DURATION = 7, /* of a span, ns */
    PYTHIA_RECORD_WORDS = 8
};
/* An aggregate's record has PYTHIA_RECORD_WORDS, of which only head, origin and time (of the last hit) are used,
** and then the words of the cell. The head of a value: bits 0-31 key (text), 32-39 type, 40-47 length of a text. Its payload: one word,
** or the bytes of the text, filled up to whole words. */

#define PYTHIA_NO_SLOT UINT32_MAX
enum { PYTHIA_RECORD_MAX_WORDS = PYTHIA_RECORD_WORDS + 8 * (1 + 32) };

_Static_assert(sizeof(PythiaPageHeader) == 256, "header");
_Static_assert(sizeof(PythiaPageSlot) == 64, "slot");
_Static_assert(sizeof(PythiaPageCounters) == 64, "counters");
_Static_assert(sizeof(PythiaPageType) == 64, "type");
_Static_assert(sizeof(PythiaPageProcess) == 64, "process");
_Static_assert(sizeof(PythiaPageStep) == 16, "step");
_Static_assert(sizeof(PythiaPageSetting) == 512, "setting");
_Static_assert(sizeof(PythiaPageCell) == 448, "cell");
_Static_assert(sizeof(PythiaPageRing) == 128, "ring");

#endif
