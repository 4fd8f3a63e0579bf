/* space.h - the search space: which trace points there are, where in which requests, and in what order.
**
** It is learned from traces in which every trace point was on, and has two parts:
**
**   nodes   a calling-context tree for each request type: a node is a trace point under the trace points
**           that enclose it, so the same trace point in two contexts is two nodes;
**   paths   the distinct critical paths of each type, as sequences of (node, phase), with the number of
**           requests that took each. A path that is an ordered subsequence of another one (a loop with
**           fewer turns) is counted there.
**
** An inverted index, from (trace point, phase) to the places on paths where it stands, finds the paths
** that contain a given sequence of events without looking at the others; match.h.
**
** Invariants of a space that was learned or loaded: nodes are numbered from 1 in preorder, types and
** siblings in order of their names, so parent < node and the same traces give the same numbers; paths
** are in order of their types; every step names a node of its path's type.
**
** Where the events of a trace have no nesting (X-Trace) all nodes are roots. */
#ifndef PYTHIA_SEARCH_SPACE_H
#define PYTHIA_SEARCH_SPACE_H

#include "ext/base/error.h"
#include "ext/base/intern.h"
#include "ext/base/poll.h"
#include "ext/store/store.h"
#include "ext/trace/path.h"

typedef struct PythiaSpaceNode {
    uint32_t parent;      /* 0: a root */
    uint32_t type, point; /* texts: the request type, the trace point */
    uint32_t depth;       /* roots: 0 */
    uint32_t first, last; /* smallest and largest place on a path, from 1; 0: on none */
    int64_t count;        /* occurrences */
    int64_t traces;       /* requests that it occurs in */
    int64_t on_path;      /* requests whose critical path has it */
    uint8_t single;       /* a point: it has no start and end */
    uint8_t skeleton;     /* a root, concurrent with a sibling, or outliving its parent */
} PythiaSpaceNode;

typedef struct PythiaSpacePath {
    uint32_t type;
    uint32_t first, n; /* its part of steps[] */
    int64_t count;     /* requests */
} PythiaSpacePath;

/* A place on a path. */
typedef struct PythiaSpacePlace {
    uint32_t path, place;
} PythiaSpacePlace;

typedef struct PythiaSpace {
    PythiaIntern texts;
    PythiaSpaceNode *nodes; /* [1 .. nnodes] */
    uint32_t nnodes;
    size_t nodes_capacity;
    PythiaSpacePath *paths;
    uint32_t npaths;
    size_t paths_capacity;
    uint32_t *steps; /* node << 2 | phase */
    uint32_t nsteps;
    size_t steps_capacity;
    /* The index: places[starts[e] .. starts[e + 1]) are those of event e = point << 2 | phase, by path
    ** and place. Made by pythia_space_index(). */
    uint32_t *starts;
    PythiaSpacePlace *places;
} PythiaSpace;

/* A zeroed PythiaSpace is empty. */
void pythia_space_clear(PythiaSpace *space);

static inline uint32_t pythia_space_event(const PythiaSpace *space, uint32_t step) {
    return space->nodes[step >> 2].point << 2 | (step & 3);
}

/* Appending, for those who fill a space: texts must be interned, parents appended before. */
int pythia_space_add_node(PythiaSpace *space, const PythiaSpaceNode *node);
int pythia_space_add_path(PythiaSpace *space, uint32_t type, int64_t count, const uint32_t *steps,
                          uint32_t n);
/* Makes the index, and first and last of the nodes. */
int pythia_space_index(PythiaSpace *space);

/* ---- learning -------------------------------------------------------------------------------------- */

typedef struct PythiaLearner PythiaLearner;

int pythia_learner_open(PythiaLearner **learner);
void pythia_learner_close(PythiaLearner *learner);
/* Takes one trace in which everything was on. SQLITE_OK, NOMEM or FULL. */
int pythia_learner_add(PythiaLearner *learner, const PythiaTrace *trace, const PythiaModel *model,
                       const PythiaNames *names, const PythiaRequest *request,
                       const PythiaPath *path);
/* Takes over from an older space what it has of request types that no trace was added for. */
int pythia_learner_keep(PythiaLearner *learner, const PythiaSpace *old);
/* The space that was learned, indexed; `space` is empty before. */
int pythia_learner_finish(PythiaLearner *learner, PythiaPoll *poll, PythiaSpace *space);

/* ---- in the store (saved.c) ------------------------------------------------------------------------ */

/* A number that differs whenever the saved space does; 0: there is none. */
int pythia_space_version(PythiaStore *store, int64_t *version, char **error);
int pythia_space_load(PythiaStore *store, PythiaSpace *space, PythiaPoll *poll, char **error);
/* Replaces what is saved. */
int pythia_space_save(PythiaStore *store, const PythiaSpace *space, char **error);

#endif
