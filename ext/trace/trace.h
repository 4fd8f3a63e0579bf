/* trace.h - one trace in memory.
**
** The same struct whether the trace was just assembled from records or read back from the store.
**
** Invariants after pythia_trace_build():
**   - spans are in preorder: a span's subtree is the range [i, spans[i].last), its first child is i + 1,
**     the next sibling of a child c is spans[c].last; roots are siblings of each other;
**   - siblings are sorted by (from_ns, to_ns, record);
**   - from_ns = max(start_ns, from_ns of the parent), to_ns = max(end_ns, from_ns): the times that
**     order and path use, while start_ns and end_ns stay as they were recorded;
**   - points are sorted by (span, time, record), links by span;
**   - spans[i].first_point .. + npoints are its points.
**
** Events are numbered inside a trace: 2 * span is the start of a span, 2 * span + 1 its end, and
** 2 * nspans + point a point. Where the trace is a DAG of single events (is_dag) 2 * span is the event of a
** record, a point, and 2 * span + 1 stands for nothing. */
#ifndef PYTHIA_TRACE_TRACE_H
#define PYTHIA_TRACE_TRACE_H

#include "ext/base/mem.h"
#include "ext/trace/names.h"
#include "ext/trace/record.h"

typedef struct PythiaValue {
    uint32_t key;  /* string id */
    uint32_t type; /* PYTHIA_VALUE_* */
    uint32_t n;    /* bytes of text */
    uint32_t atom; /* of the text, where it came from a record with one; 0: none */
    union {
        int64_t integer;  /* INT, BOOL */
        double real;      /* DOUBLE */
        const char *text; /* TEXT, JSON, BYTES; in the trace's arena or otherwise outliving it */
    } of;
} PythiaValue;

/* A set of resource attributes, shared by the spans of a process. */
typedef struct PythiaResourceSet {
    const PythiaValue *values;
    uint32_t n;
    uint64_t hash; /* of the contents; equal sets have equal hashes */
} PythiaResourceSet;

typedef struct PythiaSpan {
    PythiaId id;
    PythiaId parent_id; /* as recorded; NONE for a root */
    int64_t start_ns, end_ns;
    int64_t from_ns, to_ns; /* derived, see above */
    int32_t parent;         /* index, or -1 */
    uint32_t last;          /* end of the subtree */
    uint32_t depth;         /* roots: 0 */
    uint32_t record;        /* order of arrival */
    uint32_t tracepoint;    /* id in names */
    uint32_t instance;      /* string id, 0: unknown */
    uint32_t resource;      /* index into the trace's resources */
    uint32_t first_value, nvalues;
    uint32_t first_point, npoints;
    uint8_t kind, status, flags;
    uint8_t conflict; /* another span of the trace has the same identity and other contents */
} PythiaSpan;

typedef struct PythiaPoint {
    int64_t time_ns;
    uint32_t span;       /* index */
    uint32_t tracepoint; /* id in names */
    uint32_t record;
    uint32_t first_value, nvalues;
} PythiaPoint;

typedef struct PythiaLinkTo {
    PythiaId trace, span;
    uint32_t from_span; /* index of the span that has the link */
    uint32_t kind;      /* PYTHIA_LINK* */
    uint32_t first_value, nvalues;
} PythiaLinkTo;

/* Statuses of traces, in order of precedence. */
enum {
    PYTHIA_TRACE_COMPLETE = 0,
    PYTHIA_TRACE_INCOMPLETE,
    PYTHIA_TRACE_DISJOINT,
    PYTHIA_TRACE_CYCLIC,
    PYTHIA_TRACE_SKEWED
};

/* Sum of PYTHIA_REPAIR_* counts of one trace. */
typedef struct PythiaRepairs {
    uint32_t open_spans;     /* a half was lost; closed at its own instant */
    uint32_t duplicates;     /* exact repetitions dropped */
    uint32_t conflicts;      /* same identity, other contents; kept */
    uint32_t outside_points; /* points outside their span; kept */
    uint32_t orphans;        /* missing parents: became secondary roots */
    uint32_t cycles;         /* parent cycles that were cut */
    uint32_t negative;       /* spans that end before they start */
} PythiaRepairs;

typedef struct PythiaTrace {
    PythiaId id;
    PythiaSpan *spans;
    uint32_t nspans;
    PythiaPoint *points;
    uint32_t npoints;
    PythiaLinkTo *links;
    uint32_t nlinks;
    PythiaValue *values; /* of spans, points and links */
    uint32_t nvalues;
    PythiaResourceSet *resources;
    uint32_t nresources;
    uint32_t nroots;
    int status; /* PYTHIA_TRACE_* */
    int is_dag; /* all spans are single events (PYTHIA_SPAN_EVENT) */
    PythiaRepairs repairs;
    size_t spans_capacity, points_capacity, links_capacity, values_capacity, resources_capacity;
    PythiaArena arena; /* texts and resource values */
} PythiaTrace;

/* A zeroed PythiaTrace is empty. Reset keeps the memory for the next trace. */
void pythia_trace_reset(PythiaTrace *trace);
void pythia_trace_clear(PythiaTrace *trace);

/* Appending, before the build. Each returns SQLITE_OK, NOMEM or TOOBIG. Values are copied; they may lie already
** where pythia_trace_room() said, which is where the next ones go. */
int pythia_trace_room(PythiaTrace *trace, size_t nvalues, PythiaValue **values);
int pythia_trace_add_span(PythiaTrace *trace, const PythiaSpan *span, const PythiaValue *values);
int pythia_trace_add_point(PythiaTrace *trace, const PythiaPoint *point, const PythiaValue *values);
int pythia_trace_add_link(PythiaTrace *trace, const PythiaLinkTo *link, const PythiaValue *values);
/* Finds or adds an equal resource set; copies its values and texts into the arena. */
int pythia_trace_add_resource(PythiaTrace *trace, const PythiaResourceSet *set, uint32_t *index);
/* The same for a set whose values and texts outlive the trace: they are not copied. */
int pythia_trace_share_resource(PythiaTrace *trace, const PythiaResourceSet *set, uint32_t *index);
/* Hash of the contents of a set, independent of the order of its values. */
uint64_t pythia_resource_hash(const PythiaValue *values, uint32_t n);

/* Whether two lists hold the same values, in whatever order. */
int pythia_values_equal(const PythiaValue *a, uint32_t na, const PythiaValue *b, uint32_t nb);

/* Puts an appended trace into the form described above: drops exact repetitions, joins the halves of
** spans, finds parents, cuts cycles, sorts, and sets status and repairs. Linear but for the sorts;
** no recursion. SQLITE_OK or NOMEM. build.c */
int pythia_trace_build(PythiaTrace *trace, const PythiaNames *names);

/* Derived fields of a trace whose spans are already in preorder with parents set (as the store keeps
** them): from_ns, to_ns, last, depth, nroots, first_point. */
void pythia_trace_derive(PythiaTrace *trace);

static inline uint32_t pythia_trace_events(const PythiaTrace *trace) {
    return 2 * trace->nspans + trace->npoints;
}

/* Duration of a span minus the time that its children cover, ns, never negative. */
int64_t pythia_span_self_ns(const PythiaTrace *trace, uint32_t index);
/* Direct children. */
uint32_t pythia_span_children(const PythiaTrace *trace, uint32_t index);

#endif
