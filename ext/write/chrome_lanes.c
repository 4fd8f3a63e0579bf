/* chrome_lanes.c - see chrome.h.
**
** Spans are taken by start, the longer first. A lane whose outermost span has ended is free: a heap over the
** busy lanes knows which. A span goes to the lane of its parent where the innermost span that is open there
** is an ancestor and lasts as long as it; else to a free lane of its process, the one that was freed last;
** else to a new one. */
#include "ext/write/chrome.h"

#include <stdlib.h>

#define NONE UINT32_MAX

struct PythiaLaneKey {
    int64_t start_ns, end_ns;
    uint32_t span;
};

static int key_compare(const void *a, const void *b) {
    const PythiaLaneKey *x = a, *y = b;
    if (x->start_ns != y->start_ns) return x->start_ns < y->start_ns ? -1 : 1;
    if (x->end_ns != y->end_ns) return x->end_ns > y->end_ns ? -1 : 1;
    return x->span < y->span ? -1 : x->span > y->span;
}

/* ---- the heap of busy lanes ---- */

static int heap_less(const PythiaLanes *l, uint32_t x, uint32_t y) {
    return l->lanes[l->heap[x]].end_ns < l->lanes[l->heap[y]].end_ns;
}

static void heap_swap(PythiaLanes *l, uint32_t x, uint32_t y) {
    uint32_t lane = l->heap[x];
    l->heap[x] = l->heap[y];
    l->heap[y] = lane;
}

static void heap_push(PythiaLanes *l, uint32_t lane) {
    uint32_t i = l->nheap++;
    l->heap[i] = lane;
    for (; i && heap_less(l, i, (i - 1) / 2); i = (i - 1) / 2)
        heap_swap(l, i, (i - 1) / 2);
}

static uint32_t heap_pop(PythiaLanes *l) {
    uint32_t lane = l->heap[0];
    l->heap[0] = l->heap[--l->nheap];
    for (uint32_t i = 0;;) {
        uint32_t least = i;
        for (uint32_t c = 2 * i + 1; c <= 2 * i + 2; c++)
            if (c < l->nheap && heap_less(l, c, least)) least = c;
        if (least == i) return lane;
        heap_swap(l, i, least);
        i = least;
    }
}

/* ---- lanes ---- */

static void lanes_release(PythiaLanes *l, int64_t now_ns) {
    while (l->nheap && l->lanes[l->heap[0]].end_ns <= now_ns) {
        uint32_t lane = heap_pop(l);
        uint32_t *free_lanes = &l->of_process[2 * (size_t)l->lanes[lane].pid];
        l->lanes[lane].top = NONE;
        l->lanes[lane].next = *free_lanes;
        *free_lanes = lane;
    }
}

/* Whether the span can be put on that lane, inside what is open there. */
static int lane_fits(PythiaLanes *l, const PythiaTrace *trace, uint32_t lane,
                     const PythiaLaneKey *key) {
    uint32_t *top = &l->lanes[lane].top;
    while (*top != NONE && l->slots[*top].end_ns <= key->start_ns)
        *top = l->slots[*top].below;
    return *top != NONE && l->slots[*top].end_ns >= key->end_ns && *top < key->span &&
           key->span < trace->spans[*top].last;
}

static int lane_free(PythiaLanes *l, uint32_t pid, uint32_t *lane) {
    uint32_t *free_lanes = &l->of_process[2 * (size_t)pid];
    *lane = *free_lanes;
    if (*lane != NONE) {
        *free_lanes = l->lanes[*lane].next;
        return SQLITE_OK;
    }
    int rc = pythia_grow((void **)&l->lanes, &l->lanes_capacity, (size_t)l->nlanes + 1,
                         sizeof *l->lanes);
    if (!rc)
        rc = pythia_grow((void **)&l->heap, &l->heap_capacity, (size_t)l->nlanes + 1,
                         sizeof *l->heap);
    if (rc) return rc;
    *lane = l->nlanes++;
    l->lanes[*lane] = (PythiaLane){pid, ++free_lanes[1], NONE, NONE, 0};
    return SQLITE_OK;
}

static int span_place(PythiaLanes *l, const PythiaTrace *trace, const uint32_t *pid,
                      const PythiaLaneKey *key) {
    int32_t parent = trace->spans[key->span].parent;
    uint32_t lane = parent >= 0 ? l->slots[parent].lane : NONE;
    lanes_release(l, key->start_ns);
    if (lane == NONE || l->lanes[lane].pid != pid[key->span] || !lane_fits(l, trace, lane, key)) {
        int rc = lane_free(l, pid[key->span], &lane);
        if (rc) return rc;
        l->lanes[lane].end_ns = key->end_ns;
        heap_push(l, lane);
    }
    l->slots[key->span] = (PythiaSlot){key->end_ns, lane, l->lanes[lane].top};
    l->lanes[lane].top = key->span;
    return SQLITE_OK;
}

int pythia_lanes_assign(PythiaLanes *l, const PythiaTrace *trace, const uint32_t *pid,
                        uint32_t npids) {
    size_t n = trace->nspans;
    l->nlanes = l->nheap = 0;
    int rc = pythia_grow((void **)&l->slots, &l->slots_capacity, n + 1, sizeof *l->slots);
    if (!rc) rc = pythia_grow((void **)&l->order, &l->order_capacity, n + 1, sizeof *l->order);
    if (!rc)
        rc = pythia_grow((void **)&l->of_process, &l->process_capacity, 2 * (size_t)npids + 2,
                         sizeof *l->of_process);
    for (uint32_t i = 0; !rc && i < n; i++) { /* of the processes of this trace alone */
        l->of_process[2 * (size_t)pid[i]] = NONE;
        l->of_process[2 * (size_t)pid[i] + 1] = 0;
    }
    for (uint32_t i = 0; !rc && i < n; i++) {
        const PythiaSpan *span = &trace->spans[i];
        int64_t end_ns = span->end_ns > span->start_ns ? span->end_ns : span->start_ns;
        l->order[i] = (PythiaLaneKey){span->start_ns, end_ns, i};
        l->slots[i] =
            (PythiaSlot){end_ns, NONE, NONE}; /* children that begin before it find no lane */
    }
    if (!rc && n > 1) qsort(l->order, n, sizeof *l->order, key_compare);
    for (size_t i = 0; !rc && i < n; i++)
        rc = span_place(l, trace, pid, &l->order[i]);
    return rc;
}

void pythia_lanes_clear(PythiaLanes *l) {
    pythia_free(l->lanes);
    pythia_free(l->slots);
    pythia_free(l->order);
    pythia_free(l->heap);
    pythia_free(l->of_process);
}
