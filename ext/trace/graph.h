/* graph.h - happened-before as a graph, for traces that are no trees.
**
** The nodes are the events of the trace, and gates: for every level of a span tree and every class of its
** items one gate in front of each position. From a gate one comes to the item behind it, where that is of
** its class, and to the next gate; from the last event of an item to the gate of its reach. So the graph
** has as many edges as events, a few times over, whatever the number of pairs that precede each other. A
** DAG of single events has no gates.
**
** A link that would close a circle (it may, where clocks are coarse) is left out.
**
** Single tests use chain labels (Jagadish, "A compression technique to materialize transitive closure",
** ACM TODS 15, 1990; as vector clocks: Fidge 1988, Mattern 1989): the events are divided into chains,
** greedily, and every node knows how far up each chain its past reaches. Where that takes too much memory,
** and before it pays, a walk that the topological order bounds. Enumeration walks; within a set that is
** asked repeatedly, one topological pass carries a bit for each member. */
#ifndef PYTHIA_TRACE_GRAPH_H
#define PYTHIA_TRACE_GRAPH_H

#include "ext/trace/before.h"

struct PythiaGraph {
    PythiaArena arena;
    uint32_t nnodes, nedges;
    uint32_t *first
        [2]; /* [direction][node]: of its entries in next; one more entry. 1: after, 0: before */
    uint32_t *next[2];       /* [direction]: neighbours */
    uint32_t *order;         /* nodes in topological order */
    uint32_t *place;         /* [node]: where it stands in order */
    uint32_t *seen;          /* [node]: the walk that met it last */
    uint32_t walk;           /* number of the present walk */
    uint32_t *stack;         /* nodes to visit */
    uint32_t dropped;        /* links left out */
    unsigned char *left_out; /* [link]: 1 when it is one of them; NULL: none is */
    uint64_t spent;          /* steps walked for single tests */
    int labels;              /* 0: not built, 1: built, -1: too large */
    uint32_t nchains;
    uint32_t *chain, *height; /* [event]: its chain, and 1 + its place there */
    uint32_t *past;           /* [node * stride + chain]: how far up the chain its past reaches */
    size_t stride;
};

/* pythia_trace_edges() without the links that the graph leaves out. */
int pythia_graph_edges(const PythiaTrace *trace, const PythiaModel *model, const PythiaNames *names,
                       int (*edge)(void *context, const PythiaEdge *edge), void *context);
/* How many links to spans of the same trace are no part of its order, because they lead back in time or would close
** a circle. */
int pythia_links_refused(const PythiaTrace *trace, const PythiaModel *model,
                         const PythiaNames *names, uint32_t *n);

/* Builds before->graph when there is none yet. */
int pythia_graph_need(PythiaBefore *before);
void pythia_graph_free(PythiaGraph *graph);
int pythia_graph_test(PythiaBefore *before, uint32_t x, uint32_t y, int *yes);
/* As pythia_before_list(). */
int pythia_graph_list(PythiaBefore *before, uint32_t x, int after, PythiaEventSet *within,
                      PythiaEvents *out, PythiaPoll *poll);
/* Begins a walk, adds where it starts, and walks: afterwards exactly the nodes that lie behind (after = 1) or
** before one of those are met, see pythia_graph_met(). */
int pythia_graph_walk(PythiaGraph *graph, const uint32_t *sources, uint32_t n, int after,
                      PythiaPoll *poll);
static inline int pythia_graph_met(const PythiaGraph *graph, uint32_t node) {
    return graph->seen[node] == graph->walk;
}

#endif
