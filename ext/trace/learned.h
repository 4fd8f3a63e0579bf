/* learned.h - causality = 'learned': siblings are in order only where all traces agree that they are.
**
** A relation over pairs of trace points below a call path, made of the counts of dependency.h: those that
** were in order in some trace, always the same, and overlapped in none. A child of a span precedes another
** when it does so in time (order.h) and their trace points are such a pair; points and the span's own end
** keep the order of time with everything. The relation of request types is one: call paths begin at the
** root and tell them apart.
**
** Where nothing can be learned the order of time stays: below a span with more than PYTHIA_SIBLINGS_MOST
** different children or PYTHIA_LEARNED_CHILDREN in all, or deeper than PYTHIA_LEARNED_DEPTH. */
#ifndef PYTHIA_TRACE_LEARNED_H
#define PYTHIA_TRACE_LEARNED_H

#include "ext/base/buf.h"
#include "ext/trace/dependency.h"

enum { PYTHIA_LEARNED_CHILDREN = 4096, PYTHIA_LEARNED_DEPTH = 1000 };

/* Pairs by a hash of names, so that it is the same in every store: ascending. A zeroed one is empty. */
struct PythiaLearned {
    uint64_t *keys;
    size_t n, capacity;
};

/* What the counts say. call_paths is what their parents are numbers of. */
int pythia_learned_make(PythiaLearned *learned, const PythiaDependencies *dependencies,
                        const PythiaCallPaths *call_paths, const PythiaNames *names);
/* Stored form: the keys as hexadecimal digits. read: SQLITE_CORRUPT_VTAB when it is none. */
void pythia_learned_write(const PythiaLearned *learned, PythiaBuf *out);
int pythia_learned_read(PythiaLearned *learned, PythiaText text);
int pythia_learned_has(const PythiaLearned *learned, PythiaHash128 parent, PythiaHash128 a,
                       PythiaHash128 b);
void pythia_learned_clear(PythiaLearned *learned);

/* For order.c: the items of a span as the relation orders them. */
struct PythiaLearnedItems {
    uint8_t
        *class; /* [position]: number of the trace point; PYTHIA_CLASS_OWN: a point, or the end */
    uint64_t *allowed; /* [class]: bit set of those it can be in order with */
    uint32_t nclasses;
    uint32_t *first; /* [position]: of its cover; one more entry */
    uint32_t *cover; /* positions, the largest (to, position) first */
};
enum { PYTHIA_CLASS_OWN = 255 };

/* Sets items->learned, from the arena, where something was learned, and `before` anew. items as built by
** time. SQLITE_OK or NOMEM. */
int pythia_items_learn(PythiaItems *items, PythiaArena *arena, const PythiaTrace *trace,
                       const PythiaModel *model, const PythiaNames *names, uint32_t span);

static inline int pythia_learned_allows(const PythiaLearnedItems *learned, uint32_t i, uint32_t j) {
    unsigned a = learned->class[i], b = learned->class[j];
    return a == PYTHIA_CLASS_OWN || b == PYTHIA_CLASS_OWN || (learned->allowed[a] >> b & 1);
}

#endif
