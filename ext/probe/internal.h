/* internal.h - what the files of the probe library share; nobody else includes it.
**
**   page.c      the page, for both sides
**   probe.c     the page of this process; sites, spans and points
**   ring.c      the calling thread: its ring, its random numbers
**   reduce.c    programs of settings
**   cell.c      what aggregates add up
**   clock.c     the time
**   context.c   contexts, W3C headers, baggage */
#ifndef PYTHIA_PROBE_INTERNAL_H
#define PYTHIA_PROBE_INTERNAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "ext/probe/clock.h"
#include "ext/probe/page.h"
#include "ext/probe/reduce.h"
#include "ext/pythia_probe.h"

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
/* Makes sure that the thread has a ring; 0 when there is none. */
int pythia_ring_claim(PythiaThread *thread);
/* Room for so many bytes, where the tail as last seen leaves none; 0: there is none. */
int pythia_ring_full(PythiaThread *thread, uint64_t bytes);
/* Copies a record into the ring, around its end. */
void pythia_ring_wrap(PythiaThread *thread, const uint64_t *words, unsigned n);
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

static inline int pythia_ring_get(PythiaThread *thread) {
    return __builtin_expect(thread->ring != NULL, 1) || pythia_ring_claim(thread);
}

/* Makes room for a record of n words in the thread's ring, and says where it is to be written: in place, or, where
** the ring's end is in the way, in `spare`, which has room for it. NULL: it is dropped. */
static inline uint64_t *pythia_ring_room(PythiaThread *thread, unsigned n, uint64_t *spare) {
    uint64_t size = pythia_probe_mapped.geometry.ring_bytes, head = thread->head;
    uint64_t at = head & (size - 1);
    if (__builtin_expect(head + n * 8 - thread->tail > size, 0) && !pythia_ring_full(thread, n * 8))
        return NULL;
    return __builtin_expect(at + n * 8 <= size, 1) ? &thread->words[at / 8] : spare;
}

/* The record that was written there is complete. */
static inline void pythia_ring_done(PythiaThread *thread, const uint64_t *words, unsigned n,
                                    const uint64_t *spare) {
    if (__builtin_expect(words == spare, 0)) pythia_ring_wrap(thread, words, n);
    thread->head += n * 8;
    PYTHIA_RELEASE(&thread->ring->head, thread->head);
}

#endif
