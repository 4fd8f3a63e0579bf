/* internal.h - what the files of the probe library share; nobody else includes it.
**
**   page.c      the page, for both sides
**   probe.c     the page of this process; sites, spans and points
**   ring.c      the calling thread: its ring, its random numbers
**   reduce.c    programs of settings
**   cell.c      what aggregates add up
**   context.c   contexts, W3C headers, baggage */
#ifndef PYTHIA_PROBE_INTERNAL_H
#define PYTHIA_PROBE_INTERNAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "ext/probe/page.h"
#include "ext/probe/reduce.h"
#include "ext/pythia_probe.h"

#include <time.h>

/* What a thread uses at every trace point; zeroed at first. The larger rest of its context is kept apart, so
** that this fits where the loader gives quick access. */
typedef struct PythiaThread {
    int busy;             /* a record is being written: a signal handler keeps out */
    int ring_wait;        /* hits until a ring is looked for again */
    PythiaPageRing *ring; /* NULL: none yet */
    uint64_t *words;
    uint64_t head, tail; /* head: ours; tail: as last seen */
    uint32_t process;
    uint32_t type;
    uint64_t trace_hi, trace_lo, span;
    uint32_t flags;
    uint32_t span_slot; /* of the innermost span */
    uint64_t random;
} PythiaThread;

extern __thread PythiaThread pythia_thread __attribute__((tls_model("initial-exec")));

/* The page of this process; base NULL: none. It is never unmapped. */
extern PythiaPage pythia_probe_mapped;

/* ring.c */
uint64_t pythia_thread_random(PythiaThread *thread);
/* Appends a record to the thread's ring: 0, or 1 when it was dropped. The record is words[0 .. n). */
int pythia_ring_write(PythiaThread *thread, const uint64_t *words, unsigned n);
/* Makes sure that the thread has a ring; 0 when there is none. */
int pythia_ring_get(PythiaThread *thread);
/* After the page was mapped, and in a forked child: this process has no place in it yet. */
void pythia_process_forget(const char *service);
/* The time at which a process began, in ticks; 0: there is none. */
uint64_t pythia_process_started(uint32_t pid);

/* cell.c: adds a hit to what its group has; the thread has a ring. 0: there is no cell for it. */
int pythia_cell_add(PythiaThread *thread, const PythiaReduced *reduced, uint32_t slot,
                    uint32_t type, int64_t now_ns);
/* For a ring's new owner: cells that the one before died in writing. */
void pythia_cells_mend(const PythiaPageRing *ring);

/* probe.c: makes sure that a page is open; 0 when there is none. */
int pythia_probe_opened(void);

static inline int64_t pythia_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif
