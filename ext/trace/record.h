/* record.h - what a format reader hands over, the same for all formats.
**
** A reader turns its input into span records and problems, and calls the sink once for each. It knows
** nothing of what becomes of them. Everything in a record is borrowed: texts, arrays and the resource
** need to live only until the sink returns, except that a resource with the same `serial` may be
** assumed unchanged (the sink remembers the last serial it saw).
** A reader may run on a thread of its own: nothing here touches a database. */
#ifndef PYTHIA_TRACE_RECORD_H
#define PYTHIA_TRACE_RECORD_H

#include "ext/trace/id.h"

/* Types of values. JSON: an array or object as JSON text. BYTES: base64 text. */
enum {
    PYTHIA_VALUE_INT = 1,
    PYTHIA_VALUE_DOUBLE,
    PYTHIA_VALUE_BOOL,
    PYTHIA_VALUE_TEXT,
    PYTHIA_VALUE_JSON,
    PYTHIA_VALUE_BYTES
};

/* Kinds of spans. */
enum {
    PYTHIA_KIND_INTERNAL = 0,
    PYTHIA_KIND_SERVER,
    PYTHIA_KIND_CLIENT,
    PYTHIA_KIND_PRODUCER,
    PYTHIA_KIND_CONSUMER
};

/* Statuses of spans. */
enum { PYTHIA_STATUS_UNSET = 0, PYTHIA_STATUS_OK, PYTHIA_STATUS_ERROR };

/* Flags of spans. ANCHORED is set on every span of a format (OSProfiler) whose traces have an anchor of
** their own: several roots are one workflow, and the request lasts until its last event unless settings
** say otherwise. EVENT is set on every record of a format that records single events and their
** predecessors instead of intervals (X-Trace): start_ns = end_ns, `parent` is one predecessor, further
** ones are links of kind PYTHIA_LINK_PARENT, and the order is those edges and nothing else. */
enum {
    PYTHIA_SPAN_NO_START = 1, /* the start half was lost; start_ns = end_ns */
    PYTHIA_SPAN_NO_END = 2,   /* the end half was lost; end_ns = start_ns */
    PYTHIA_SPAN_ANCHORED = 4,
    PYTHIA_SPAN_EVENT = 8
};

/* Times are ns since the Unix epoch and must lie in 0 .. PYTHIA_TIME_MAX (the year 2116), so that the
** sums that are built from them fit; a record outside is a problem, not a span. */
#define PYTHIA_TIME_MAX ((int64_t)1 << 62)

/* Texts with an atom (ext/base/atoms.h; 0: none) live as long as the table of atoms that the reader was given. */
typedef struct PythiaAttribute {
    PythiaText key;
    uint32_t key_atom, text_atom;
    int type; /* PYTHIA_VALUE_*; tells which of these there is: */
    union {
        int64_t integer; /* INT; BOOL as 0 or 1 */
        double real;     /* DOUBLE; may be infinite or NaN */
        PythiaText text; /* TEXT, JSON, BYTES */
    };
} PythiaAttribute;

/* The text of a value that has one; else an empty one. */
static inline PythiaText pythia_attribute_text(const PythiaAttribute *attribute) {
    return attribute->type >= PYTHIA_VALUE_TEXT ? attribute->text : (PythiaText){"", 0};
}

/* An id as a record carries it: numeric, or (form PYTHIA_ID_TEXT) the text itself. */
typedef struct PythiaRef {
    PythiaId id;
    PythiaText text; /* for PYTHIA_ID_TEXT */
} PythiaRef;

/* What made the spans: one process, as a rule. */
typedef struct PythiaResource {
    uint64_t serial; /* changes whenever the contents do; never 0; unique within one reader run */
    PythiaText service;  /* empty: "unknown" is used */
    int nameless;        /* there is no service: the operation alone names the trace point */
    PythiaText instance; /* host, process or pod, where known; empty otherwise */
    const PythiaAttribute *attributes; /* service.name included where the format has it */
    size_t n;
} PythiaResource;

typedef struct PythiaPointRecord {
    int64_t time_ns;
    PythiaText name;
    const PythiaAttribute *attributes;
    size_t n;
} PythiaPointRecord;

enum {
    PYTHIA_LINK = 0,
    PYTHIA_LINK_FOLLOWS_FROM = 1,
    PYTHIA_LINK_PARENT = 2 /* a further parent */
};

typedef struct PythiaLinkRecord {
    PythiaRef trace, span;
    int kind; /* PYTHIA_LINK* */
    const PythiaAttribute *attributes;
    size_t n;
} PythiaLinkRecord;

typedef struct PythiaRecord {
    PythiaRef trace, span, parent; /* parent.id.form NONE: a root */
    const PythiaResource *resource;
    PythiaText
        operation; /* raw name, refined by the reader where the format's own says too little */
    uint32_t operation_atom;
    int kind, status, flags;
    int64_t start_ns, end_ns; /* end before start is allowed and flagged later */
    const PythiaAttribute *attributes;
    size_t nattributes;
    const PythiaPointRecord *points;
    size_t npoints;
    const PythiaLinkRecord *links;
    size_t nlinks;
} PythiaRecord;

/* A record that could not be used. Becomes a row of pythia_problems. */
typedef struct PythiaProblem {
    const char *kind;      /* a word: "syntax", "span", "time", "truncated", "skipped", ... */
    PythiaRef trace, span; /* where known, else form NONE */
    int64_t position;      /* 1-based line where the input has lines, else byte offset */
    const char *detail;    /* one sentence, zero-terminated */
} PythiaProblem;

/* What is asked of PythiaSink.hold(): from HOLD to KEEP or UNDO the sink passes nothing on; UNDO takes back all
** spans and problems since HOLD. */
enum { PYTHIA_HOLD = 0, PYTHIA_KEEP, PYTHIA_UNDO };

typedef struct PythiaSink {
    void *context;
    /* Both return SQLITE_OK, or a code at which the reader stops and which it returns. */
    int (*span)(void *context, const PythiaRecord *record);
    int (*problem)(void *context, const PythiaProblem *problem);
    /* Called at least every megabyte of input with the bytes read so far (of the compressed file) and
    ** its size (or -1); a non-zero return stops the reader. May be NULL. */
    int (*progress)(void *context, int64_t bytes, int64_t total);
    /* May be NULL: the sink cannot take anything back. A reader that can guess is faster where it may. */
    void (*hold)(void *context, int what);
} PythiaSink;

#endif
