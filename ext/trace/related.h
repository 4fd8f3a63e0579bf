/* related.h - which spans of a trace are children, parents, descendants, ancestors or siblings of one.
**
** In a tree of spans the relations are those of recorded parents; links say nothing here. In a DAG of single
** events every predecessor is a parent: ancestors are all that happened before, siblings share a parent. */
#ifndef PYTHIA_TRACE_RELATED_H
#define PYTHIA_TRACE_RELATED_H

#include "ext/trace/before.h"

enum {
    PYTHIA_RELATED_CHILD = 0,
    PYTHIA_RELATED_PARENT,
    PYTHIA_RELATED_DESCENDANT,
    PYTHIA_RELATED_ANCESTOR,
    PYTHIA_RELATED_SIBLING,
    PYTHIA_RELATED_COUNT
};

const char *pythia_related_name(int relation);
/* The relation of that name, or -1. */
int pythia_related_find(PythiaText name);
/* x is a child of y as y is a parent of x, and so on. */
int pythia_related_inverse(int relation);

/* A tree of spans, which lie in preorder. A zeroed one is empty. */
typedef struct PythiaKin {
    uint32_t n;
    int32_t *parent; /* [span]; -1 of a root */
    uint32_t *last;  /* [span]: the one behind its last descendant */
    size_t parent_capacity, last_capacity;
} PythiaKin;
int pythia_kin_of_trace(PythiaKin *kin, const PythiaTrace *trace);
/* The same from distances back to parents, 0 of a root; SQLITE_CORRUPT_VTAB when one leads out of the trace. */
int pythia_kin_of_distances(PythiaKin *kin, const int64_t *distances, uint32_t n);
void pythia_kin_clear(PythiaKin *kin);

/* Both append the indexes of the spans that are the children (parents, ...) of a span, each once, at the cost
** of the answer: in a tree, and in a DAG, whose order `before` is. poll may be NULL. */
int pythia_related_in_tree(const PythiaKin *kin, uint32_t span, int relation, PythiaEvents *out);
int pythia_related_in_dag(PythiaBefore *before, uint32_t span, int relation, PythiaEvents *out,
                          PythiaPoll *poll);

#endif
