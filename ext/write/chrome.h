/* chrome.h - parts of the Chrome trace writer: chrome.c writes events, chrome_lanes.c finds the lanes. */
#ifndef PYTHIA_WRITE_CHROME_H
#define PYTHIA_WRITE_CHROME_H

#include "ext/write/formats.h"

/* A thread of one trace. */
typedef struct PythiaLane {
    uint32_t pid;
    uint32_t number; /* among those of its process in this trace, from 1 */
    uint32_t top;    /* while lanes are found: the innermost span on it, or UINT32_MAX */
    uint32_t next;   /* likewise: in the list of free lanes */
    int64_t end_ns;  /* likewise: of its outermost span */
} PythiaLane;

/* Where a span went. */
typedef struct PythiaSlot {
    int64_t end_ns; /* of the slice: not before its start */
    uint32_t lane;
    uint32_t below; /* the span around it on its lane, or UINT32_MAX */
} PythiaSlot;

typedef struct PythiaLaneKey PythiaLaneKey;

typedef struct PythiaLanes {
    PythiaLane *lanes;
    uint32_t nlanes;
    PythiaSlot *slots; /* [span] */
    /* scratch */
    PythiaLaneKey *order;
    uint32_t *heap; /* busy lanes, the first to end at the root */
    uint32_t nheap;
    uint32_t *of_process; /* [2 pid]: its free lanes, [2 pid + 1]: its number of lanes */
    size_t lanes_capacity, slots_capacity, order_capacity, heap_capacity, process_capacity;
} PythiaLanes;

/* Finds a lane for each span: those of one lane lie in each other or apart, and a span lies in none but its
** ancestors. pid[span] from 1 to npids. A zeroed PythiaLanes is ready. O(n log n). SQLITE_OK or NOMEM. */
int pythia_lanes_assign(PythiaLanes *lanes, const PythiaTrace *trace, const uint32_t *pid,
                        uint32_t npids);
void pythia_lanes_clear(PythiaLanes *lanes);

#endif
