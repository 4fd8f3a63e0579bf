/* retime.h - how long a request would have taken, had an operation taken less time, or more.
**
** An event of a trace happens when the last of its predecessors (order.h) has happened, and some time after that:
** its own delay, which is what was recorded between the two. A change of an operation changes delays; then all events
** are put in time anew, first to last, so that another path may become the longest. What is not on the longest
** path changes nothing, and a start that nothing precedes stays where it is.
**
** Less time, for a span: taken off the delays of the stretches that belong to the span itself, from its end
** backwards along its own critical path, until it is used up; no delay falls below 0, and the time of children is
** not touched. More time: added before its end. For a point or an event of a DAG: its own delay. */
#ifndef PYTHIA_TRACE_RETIME_H
#define PYTHIA_TRACE_RETIME_H

#include "ext/trace/path.h"

typedef struct PythiaRetime {
    int64_t *before_ns, *after_ns; /* [event]: when it happened, and would have */
    struct PythiaRetimeEdge *edges;
    size_t nedges, edges_capacity;
    uint32_t nnodes; /* events, and nodes that stand for several */
    PythiaArena arena;
} PythiaRetime;

/* Every span, point or event whose trace point has wanted[trace point] set takes less_ns less; negative: more.
** *duration_ns is the duration of the request then, never negative. A zeroed PythiaRetime is empty; it is reused
** from trace to trace. SQLITE_OK, NOMEM or TOOBIG. */
int pythia_retime(PythiaRetime *retime, const PythiaTrace *trace, const PythiaModel *model,
                  const PythiaNames *names, const PythiaRequest *request,
                  const unsigned char *wanted, int64_t less_ns, int64_t *duration_ns);
void pythia_retime_clear(PythiaRetime *retime);

#endif
