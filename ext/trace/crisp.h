/* crisp.h - the critical path of a trace by the rules of CRISP, with drag and slack.
**
** The rules are those of Uber's tool (Zhang et al., CRISP: Critical Path Analysis of Large-Scale Microservice
** Architectures, USENIX ATC 2022), followed to the nanosecond so that results can be compared; drag and slack
** follow its port of Google's calligator. They know spans alone, and cut a child to the time of its parent:
**
** Parent. The last CHILD_OF reference (the last further parent, where there is one). A span that only
** FOLLOWS_FROM its parent is a root. Below, s and e are the start and end of a child, p its parent.
**
** Cutting, from the root down, against the parent as already cut:
**   exempt     if p has one child, which lasts at most 1.01 times as long as p, and the child is a server
**              span of a client span, or the child is a server span, p is none and p's parent is one, or both
**              have a resource attribute `hostname` and these differ: the child keeps its times, and its
**              duration is lowered to that of p;
**   kept       p.s <= s and e <= p.e;
**   clipped    s < p.s < e <= p.e: it starts at p.s; p.s <= s < p.e < e: it ends at p.e;
**   dropped    in all other cases, with everything below it.
**
** Path. A span is followed by its children from the one that ends last (ties: the later in the trace)
** downwards: the first, and then each that happens before the one accepted last. c happens before l if it
** ends before l starts; or if it starts and ends before l does, overlaps it by less than a hundredth of
** p's duration, and no other start or end of a child lies between l's start and c's end, both included.
**   exclusive  duration minus those of its children on the path, never negative
**   drag       how much of the span could go before another takes its place: all of it for the root, an only
**              child and the child that ends first; else no more than the distance from its end to the end of
**              the sibling that ends next before it
**   exclusive drag  the same of its exclusive time, without what its own last child accounts for
**   slack      of a span off the path: how much later it could start than it could at the earliest. The
**              earliest is the end of the sibling that started last among those that ended before it starts,
**              or the start of the first sibling; the latest is such that it ends with the next sibling on the path that ends
**              later, or with p
**
** Where the rules speak of the order in a file, the order of spans in a trace stands for it. */
#ifndef PYTHIA_TRACE_CRISP_H
#define PYTHIA_TRACE_CRISP_H

#include "ext/trace/trace.h"

/* What became of a span. */
enum {
    PYTHIA_CRISP_OUTSIDE = 0, /* not below the root */
    PYTHIA_CRISP_KEPT,
    PYTHIA_CRISP_EXEMPT, /* kept, though it may reach outside its parent */
    PYTHIA_CRISP_CLIPPED,
    PYTHIA_CRISP_DROPPED
};

typedef struct PythiaCrispSpan {
    int64_t start_ns, end_ns;
    int64_t duration_ns;  /* of an exempt span possibly less than end - start */
    int64_t exclusive_ns; /* this and drag: 0 off the path */
    int64_t drag_ns, exclusive_drag_ns;
    int64_t slack_ns;  /* 0 on the path, at roots, and where a span was dropped */
    int32_t parent;    /* as CRISP sees it, -1: none */
    uint32_t position; /* on the path, from 1; 0: not on it */
    int fate;          /* PYTHIA_CRISP_* */
} PythiaCrispSpan;

typedef struct PythiaCrisp {
    PythiaCrispSpan *spans; /* as many as the trace has */
    uint32_t
        *path; /* spans in the order of CRISP: each before its children, the latest child first */
    uint32_t npath;
    PythiaArena arena; /* of both, and of what is needed on the way */
} PythiaCrisp;

/* The path below the span `root`. A zeroed PythiaCrisp is empty; it is reused from trace to trace. Host names
** are looked for only where the trace was read with its values. O(n log n) and no recursion. SQLITE_OK or
** NOMEM. */
int pythia_crisp_walk(PythiaCrisp *crisp, const PythiaTrace *trace, const PythiaNames *names,
                      uint32_t root);
void pythia_crisp_clear(PythiaCrisp *crisp);

/* "outside", "kept", "exempt", "clipped", "dropped". */
const char *pythia_crisp_fate_name(int fate);

#endif
