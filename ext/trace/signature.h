/* signature.h - which requests have the same structure.
**
** Call paths are nodes of a calling context tree that is shared by all traces of a capture: (parent
** node, trace point) -> node. A node's 128-bit hash covers the names on the way from the root, so it is
** the same on every machine; signatures are XXH3 hashes over such hashes, length-prefixed. */
#ifndef PYTHIA_TRACE_SIGNATURE_H
#define PYTHIA_TRACE_SIGNATURE_H

#include "ext/trace/path.h"

typedef struct PythiaCallPath {
    uint32_t parent;     /* node; 0: none */
    uint32_t tracepoint; /* id in names */
    PythiaHash128 hash;
} PythiaCallPath;

typedef struct PythiaCallPaths {
    PythiaCallPath *nodes; /* nodes[1 .. n] */
    uint32_t n;
    size_t nodes_capacity;
    uint32_t *slots;
    uint32_t mask;
} PythiaCallPaths;

void pythia_call_paths_clear(PythiaCallPaths *paths);
/* The hash of a call path from that of its parent (zeros: none) and that of its trace point's name. */
PythiaHash128 pythia_call_path_hash(PythiaHash128 parent, PythiaHash128 own);

/* The call paths of one trace: node of each span (nodes[span]) and point (nodes[nspans + point]), and the
** distinct nodes with how often each occurs, ascending by node. */
typedef struct PythiaTracePaths {
    uint32_t *nodes;
    size_t nodes_capacity;
    uint32_t *distinct;
    uint32_t *counts;
    uint32_t n;
    size_t distinct_capacity, counts_capacity;
    uint32_t repeat_max;
} PythiaTracePaths;

int pythia_trace_paths(PythiaTracePaths *out, PythiaCallPaths *paths, const PythiaTrace *trace,
                       const PythiaNames *names);
void pythia_trace_paths_clear(PythiaTracePaths *paths);

/* The signature of a trace under the model's grouping: request type, structure, values of group_keys.
** path and paths as computed for the trace. The group's id is its `hi`, never 0. SQLITE_OK or NOMEM. */
int pythia_signature(const PythiaTrace *trace, const PythiaModel *model, const PythiaNames *names,
                     const PythiaRequest *request, const PythiaPath *path,
                     const PythiaCallPaths *call_paths, const PythiaTracePaths *paths,
                     PythiaHash128 *signature);

#endif
