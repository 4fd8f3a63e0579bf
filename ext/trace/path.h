/* path.h - the critical path of a trace: the chain of events that determined the request's duration.
**
** Walked back from the end of the request over incoming edges, always to the neighbour with the largest
** time (ties: the larger sort position). In a span tree: at a span's end to the last item that precedes
** it, at an item to its latest cover predecessor, without one to the start of the span it lies in, and
** out of a root to nothing. Times are clamped to be non-decreasing along the path, so that the
** durations of its steps are never negative and sum to the duration of the request, exactly. */
#ifndef PYTHIA_TRACE_PATH_H
#define PYTHIA_TRACE_PATH_H

#include "ext/trace/order.h"

/* The request of a trace: which root, which end. */
typedef struct PythiaRequest {
    uint32_t type;      /* string id */
    uint32_t root;      /* span index: the first root by time */
    uint32_t end_event; /* where the walk starts */
    int64_t start_ns;   /* from_ns of the root */
    int64_t end_ns;     /* effective time of end_event, not before start_ns */
    int until_last;     /* it ends with whatever is last, and not with its root */
} PythiaRequest;

/* SQLITE_OK, NOMEM (a type's name is interned), or SQLITE_EMPTY for a trace without spans. */
int pythia_request_find(const PythiaTrace *trace, const PythiaModel *model, PythiaNames *names,
                        PythiaRequest *request);

typedef struct PythiaStep {
    uint32_t event;
    uint32_t
        between; /* span that the stretch to the next step belongs to; PYTHIA_NO_SPAN at the last
                      ** step and between roots */
    int64_t time_ns;
    int kind; /* of the edge to the next step */
} PythiaStep;

typedef struct PythiaPath {
    PythiaStep *steps; /* in time order; the first is the request's start, the last its end */
    uint32_t n;
    size_t capacity;
    struct PythiaPathScratch *scratch; /* reused between walks */
} PythiaPath;

/* A zeroed PythiaPath is empty. SQLITE_OK or NOMEM. */
int pythia_path_walk(PythiaPath *path, const PythiaTrace *trace, const PythiaModel *model,
                     const PythiaNames *names, const PythiaRequest *request);
void pythia_path_clear(PythiaPath *path);

/* An edge of a group as one trace has it: the same (trace point, phase) pair may occur several times on
** a path; `value_ns` is the sum. */
typedef struct PythiaPathEdge {
    uint32_t source, destination; /* trace point ids */
    uint8_t source_phase, destination_phase;
    uint8_t kind;      /* of the first occurrence */
    uint32_t between;  /* trace point id of the span that the first occurrence lies in, or 0 */
    int64_t value_ns;  /* summed time */
    int64_t offset_ns; /* of the first occurrence, from the request's start */
} PythiaPathEdge;

typedef struct PythiaPathEdges {
    PythiaPathEdge *edges; /* in order of first occurrence; n of them */
    uint32_t n;
    size_t capacity;
    uint32_t *slots; /* hash table of the build */
    size_t slots_capacity;
} PythiaPathEdges;

/* The distinct edges of a path. SQLITE_OK or NOMEM. */
int pythia_path_edges(PythiaPathEdges *out, const PythiaPath *path, const PythiaTrace *trace);
void pythia_path_edges_clear(PythiaPathEdges *edges);

#endif
