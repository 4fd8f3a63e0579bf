/* waiting.h - points that wait for their span.
**
** A program writes a point when it is passed and a span when it ends, so a point can be collected before the
** record of the span that it lies in. Until that comes it is held: in a table while records are taken in,
** between two collections as bytes in the database. One that waits too long, because the program was killed or
** the span never ends, becomes a span of no length with the same trace point. */
#ifndef PYTHIA_COLLECT_WAITING_H
#define PYTHIA_COLLECT_WAITING_H

#include "ext/base/buf.h"
#include "ext/base/mem.h"
#include "ext/trace/record.h"

typedef struct PythiaWaitingPoint PythiaWaitingPoint;
struct PythiaWaitingPoint {
    PythiaWaitingPoint *next;
    uint64_t trace_hi, trace_lo, span; /* in which it lies */
    uint64_t id;                       /* of the span that it becomes where it must */
    int64_t time_ns;
    PythiaText service, host, operation; /* operation: of the point as a span, "build/queue" */
    uint64_t pid;
    PythiaText name; /* of the point in its span, "queue" */
    PythiaAttribute *attributes;
    size_t n;
};

typedef struct PythiaWaiting {
    PythiaWaitingPoint **buckets;
    size_t nbuckets; /* a power of two */
    size_t n;
    PythiaArena arena; /* of everything in the points */
} PythiaWaiting;

void pythia_waiting_clear(PythiaWaiting *held);
/* Adds a point that lies in the arena, with all that it refers to. */
int pythia_waiting_add(PythiaWaiting *held, PythiaWaitingPoint *point);
/* Takes out the points of a span, linked in the order in which they were added. */
PythiaWaitingPoint *pythia_waiting_take(PythiaWaiting *held, uint64_t trace_hi, uint64_t trace_lo,
                                        uint64_t span);
/* Takes out the points that were passed before `before_ns`, or all but the newest `most` of them, linked. */
PythiaWaitingPoint *pythia_waiting_overdue(PythiaWaiting *held, int64_t before_ns, size_t most);

/* To bytes and back. What is no such thing adds what could be read of it. */
void pythia_waiting_write(const PythiaWaiting *held, PythiaBuf *out);
int pythia_waiting_read(PythiaWaiting *held, PythiaText bytes);

#endif
