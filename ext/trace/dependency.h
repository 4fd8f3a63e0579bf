/* dependency.h - the order of siblings as all traces together show it.
**
** That one call was over before another began may be chance in one trace; where it is so in every trace, and
** always in the same order, one probably waits for the other. After the sibling dependences of Uber's CRISP
** (Zhang et al., "CRISP: Critical Path Analysis of Large-Scale Microservice Architectures", USENIX ATC 2022,
** and its source), which keep a happened-before of two siblings until one trace contradicts it.
**
** For each request type and each call path of a parent, two trace points A and B of its child spans are
** compared in every parent span that has both. They overlap there when any A and any B do (as
** ext/trace/order.h has it, with the tolerance of their clocks); else the one of which the first begins
** first is before the other. So the two calls of a loop A B A B are in order, A before B. A trace point is
** compared with itself where it occurs twice: repetitions overlap, or they do not. Where all of them lie within
** the tolerance of their clocks, so that either order could be true, the parent span says nothing.
**
** Counts are the same in every order of traces. Below a span with more than PYTHIA_SIBLINGS_MOST different
** children nothing is learned. DAGs of single events have their order recorded and are left out. */
#ifndef PYTHIA_TRACE_DEPENDENCY_H
#define PYTHIA_TRACE_DEPENDENCY_H

#include "ext/base/poll.h"
#include "ext/trace/signature.h"

enum { PYTHIA_SIBLINGS_MOST = 64 };

typedef struct PythiaDependency {
    uint32_t request_type;                /* string */
    uint32_t parent;                      /* call path; 0: roots of a trace */
    uint32_t a, b;                        /* trace points, a <= b */
    int64_t a_first, b_first, overlapped; /* parent spans; of a repetition (a = b) a_first counts */
} PythiaDependency;

typedef struct PythiaDependencies {
    PythiaDependency *pairs; /* n of them, in order of first sight */
    uint32_t n;
    size_t capacity;
    uint32_t *slots; /* open addressing; index + 1 */
    uint32_t mask;
    struct PythiaSiblings *siblings; /* scratch */
} PythiaDependencies;

/* Adds the siblings of a trace. paths as of pythia_trace_paths(), whose call paths `parent` numbers. A zeroed
** PythiaDependencies is empty. SQLITE_OK, NOMEM, FULL, or what the poll (may be NULL) says. */
int pythia_dependencies_add(PythiaDependencies *dependencies, const PythiaTrace *trace,
                            const PythiaModel *model, const PythiaNames *names,
                            uint32_t request_type, const PythiaTracePaths *paths, PythiaPoll *poll);
/* The counts of a pair, in either order of a and b; NULL: never seen together. */
const PythiaDependency *pythia_dependencies_find(const PythiaDependencies *dependencies,
                                                 uint32_t request_type, uint32_t parent, uint32_t a,
                                                 uint32_t b);
void pythia_dependencies_clear(PythiaDependencies *dependencies);

#endif
