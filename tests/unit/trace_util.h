/* trace_util.h - what the tests of the trace room share: random traces, and slow answers.
**
** A Sample is a trace as a list of records, before anything was made of it: bounded arrays that a test
** may fill by hand (sample_span() and its like) or at random (sample_make()). Every span, point and link
** carries a number of its own, `uid`, as the value of the attribute "uid"; it tells afterwards what became
** of which record. A repetition has the uid of its original.
**
** The Slow... functions say the same as ext/trace, straight from the definitions of order.h and with no
** thought for time: they are what the quick ones are compared with. */
#ifndef PYTHIA_TEST_TRACE_UTIL_H
#define PYTHIA_TEST_TRACE_UTIL_H

#include "ext/trace/signature.h"
#include "tests/unit/test.h"

typedef struct SampleRandom {
    uint64_t state; /* never 0 */
} SampleRandom;
uint32_t sample_below(SampleRandom *random, uint32_t n); /* 0 .. n - 1; n > 0 */
int sample_chance(SampleRandom *random, uint32_t percent);

enum { SAMPLE_SPANS = 128, SAMPLE_POINTS = 256, SAMPLE_LINKS = 128, SAMPLE_EVENTS = 512 };

typedef struct SampleSpan {
    uint64_t id, parent; /* 0: none */
    int64_t start_ns, end_ns;
    uint32_t service, operation; /* become texts: s1, o1 */
    uint8_t kind, status, flags;
    uint32_t partner; /* uid of the other half of the span; 0: whole, or the other half is lost */
    int64_t uid;
} SampleSpan;

typedef struct SamplePoint {
    uint32_t span; /* index of the record */
    int64_t time_ns;
    uint32_t name; /* p1 */
    int64_t uid;
} SamplePoint;

enum { SAMPLE_LINK_BARE = 0, SAMPLE_LINK_HERE, SAMPLE_LINK_ELSEWHERE }; /* the trace it names */

typedef struct SampleLink {
    uint32_t span;
    uint64_t to; /* span id */
    int trace;   /* SAMPLE_LINK_* */
    int64_t uid;
} SampleLink;

typedef struct Sample {
    SampleSpan spans[SAMPLE_SPANS];
    SamplePoint points[SAMPLE_POINTS];
    SampleLink links[SAMPLE_LINKS];
    uint32_t nspans, npoints, nlinks;
    int64_t last_uid;
} Sample;

/* Appends; return the index of the record. Kind internal, no flags. */
uint32_t sample_span(Sample *sample, uint64_t id, uint64_t parent, int64_t start_ns, int64_t end_ns,
                     uint32_t service, uint32_t operation);
uint32_t sample_point(Sample *sample, uint32_t span, int64_t time_ns, uint32_t name);
uint32_t sample_link(Sample *sample, uint32_t span, uint64_t to, int trace);

/* What a random trace may have. */
enum {
    SAMPLE_TIES = 1,       /* few distinct times */
    SAMPLE_ROOTS = 2,      /* several roots */
    SAMPLE_ORPHANS = 4,    /* parents that are not there */
    SAMPLE_DUPLICATES = 8, /* exact repetitions, details included */
    SAMPLE_CONFLICTS = 16, /* the same identity with other contents */
    SAMPLE_HALVES = 32,    /* spans in two halves, some of which are lost */
    SAMPLE_CYCLES = 64,
    SAMPLE_SHARED = 128, /* client and server sides under one id */
    SAMPLE_LINKED = 256,
    SAMPLE_POINTED = 512,
    SAMPLE_COARSE = 1024, /* whole milliseconds, with exact durations */
    SAMPLE_MIXED = 2048   /* the same for two of the services */
};

/* Always: overlap, children that outlive their parent, begin before it, begin after its end, have no
** length or a negative one. At most `most` spans before repetitions and halves are added. */
void sample_make(Sample *sample, SampleRandom *random, unsigned what, uint32_t most);
/* Another order of arrival, of spans, points and links. */
void sample_shuffle(Sample *sample, SampleRandom *random);

/* Empties the trace, appends the records and observes the stamps. SQLITE_OK or NOMEM. */
int sample_load(const Sample *sample, PythiaNames *names, PythiaTrace *trace);
/* sample_load() and pythia_trace_build(). */
int sample_build(const Sample *sample, PythiaNames *names, PythiaTrace *trace);
PythiaId sample_id(uint64_t id);
/* The uid among these values, 0 if there is none; *count is how many there are. */
int64_t sample_uid(const PythiaTrace *trace, uint32_t first, uint32_t n, uint32_t *count);
/* The span of a built trace that has this uid, or PYTHIA_NO_SPAN. */
uint32_t sample_find(const PythiaTrace *trace, int64_t uid);

/* Appends a span without anything but its times, for traces too large for a Sample. parent 0: a root. */
void sample_bare_span(PythiaTrace *trace, uint64_t id, uint64_t parent, int64_t start_ns,
                      int64_t end_ns);

/* A model with the default settings. */
PythiaModel sample_model(void);

/* Everything that is derived of a trace. Zeroed: empty. */
typedef struct Derived {
    PythiaRequest request;
    PythiaPath path;
    PythiaCallPaths call_paths;
    PythiaTracePaths paths;
    PythiaHash128 signature;
} Derived;
int derived_make(Derived *derived, const PythiaTrace *trace, const PythiaModel *model,
                 PythiaNames *names);
void derived_clear(Derived *derived);

/* ---- slow answers --------------------------------------------------------------------------------- */

typedef struct SlowItem {
    int64_t from_ns, to_ns, resolution_ns;
    uint32_t first, last, record;
    int is_end, is_point;
} SlowItem;

typedef struct SlowItems {
    SlowItem items[SAMPLE_EVENTS];
    uint32_t n;
    int nesting;
    int64_t tolerance_ns; /* of the model */
} SlowItems;

void slow_items(SlowItems *items, const PythiaTrace *trace, const PythiaModel *model,
                const PythiaNames *names, uint32_t span);
/* In the order of siblings, whatever the causality. */
int slow_precede(const SlowItems *items, uint32_t i, uint32_t j);
/* The same under the causality of the model. */
int slow_before(const SlowItems *items, uint32_t i, uint32_t j);
/* Positions of the cover predecessors, ascending; their number. */
uint32_t slow_cover(const SlowItems *items, uint32_t j, uint32_t *cover);

/* All edges of a trace. */
typedef struct EdgeList {
    PythiaEdge *edges; /* pythia_free() */
    size_t n, capacity;
} EdgeList;
int edges_collect(EdgeList *list, const PythiaTrace *trace, const PythiaModel *model,
                  const PythiaNames *names);

#endif
