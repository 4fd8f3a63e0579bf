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

/* Appends the indexes of the spans that are the children (parents, ...) of a span, each once, at the cost
** of the answer. before is used for DAGs only, and is that of the trace. poll may be NULL. */
int pythia_related_list(const PythiaTrace *trace, PythiaBefore *before, uint32_t span, int relation,
                        PythiaEvents *out, PythiaPoll *poll);

#endif
