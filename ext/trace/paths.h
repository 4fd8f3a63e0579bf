/* paths.h - all maximal paths of a trace, one after the other.
**
** A path goes along the edges of the causal order (order.h), from an event that nothing precedes to one that
** precedes nothing. There can be exponentially many, so none is made before it is asked for; the edges are. */
#ifndef PYTHIA_TRACE_PATHS_H
#define PYTHIA_TRACE_PATHS_H

#include "ext/trace/order.h"

typedef struct PythiaPaths {
    uint32_t *events; /* the current path, n of them, from first to last */
    uint32_t n;
    uint32_t nevents; /* numbers of events of the trace */
    uint32_t *first;  /* [event]: where its successors begin in `to`; [nevents]: their number */
    uint32_t *to;     /* successors of all events; of each the earliest first */
    uint32_t *next; /* [position]: the successor that is to be tried next, as an index into `to` */
    uint32_t *sources; /* events without predecessor, the earliest first */
    uint32_t nsources, source;
    unsigned char *on_path; /* [event]; a guard, should edges ever form a circle */
    PythiaArena arena;
} PythiaPaths;

/* Before the first path. A zeroed PythiaPaths is empty; it is reused from trace to trace. SQLITE_OK or NOMEM. */
int pythia_paths_begin(PythiaPaths *paths, const PythiaTrace *trace, const PythiaModel *model,
                       const PythiaNames *names);
/* Goes to the next path, which differs from the one before as late as possible. 0: there is none. It takes no
** longer than the path is. */
int pythia_paths_next(PythiaPaths *paths);
void pythia_paths_clear(PythiaPaths *paths);

#endif
