/* clock.h - the time of records: CLOCK_REALTIME, told from the processor's time stamp counter where that is sound.
**
** clock_gettime() is most of what a record costs. Where the processor says that its counter runs at one rate on all
** cores in all states (invariant TSC) and the kernel itself keeps time by it (its clock source is "tsc"), a time is
** told from the counter, the rate, and an anchor: a reading of both clocks. Elsewhere, and with PYTHIA_CLOCK=system,
** it is clock_gettime()'s.
**
** Accuracy. An anchor holds for ANCHOR_NS; then whoever asks for the time reads the system's clock and makes the next
** one. The rate is that of the last seconds, so that between anchors the two clocks part by a few nanoseconds, and by
** half a microsecond at the most while the system's clock is being slewed (500 ppm). What they have parted by is not
** jumped over but worked off by the next anchor, as long as it is below JUMP_NS: times of one process then never run
** backwards from one anchor to the next. Beyond that, after the system's clock was set, the machine slept, or nobody
** asked for a while, the next time is the system's. So a clock that is set reaches records within ANCHOR_NS. While
** one thread makes an anchor the others read the system's clock: their times are as far from the others as those from
** the system's. */
#ifndef PYTHIA_PROBE_CLOCK_H
#define PYTHIA_PROBE_CLOCK_H

#include <stdint.h>

#define PYTHIA_ANCHOR_NS 1000000 /* for how long an anchor holds */
#define PYTHIA_JUMP_NS   1000    /* a difference that is worked off and not jumped over */

typedef struct PythiaClock {
    uint64_t version; /* odd while it is being written; 0: there is no anchor */
    uint64_t counter; /* the anchor: the time stamp counter ... */
    int64_t ns;       /* ... and the time that it stands for, since 1970 */
    uint64_t rate;    /* ns for a tick, of 2^32 */
    uint64_t ticks;   /* for which it holds */
} PythiaClock;

extern PythiaClock pythia_clock_anchor;

/* The time by the system's clock; makes an anchor where one is due. */
int64_t pythia_clock_slow(void);
/* In a forked child: what another thread was writing will not be finished. */
void pythia_clock_forked(void);

#if defined(__x86_64__)
#include <x86intrin.h>

/* The time of a counter's reading by the anchor; 0: there is none that holds. */
static inline int64_t pythia_clock_of(const PythiaClock *c, uint64_t counter) {
    uint64_t version = __atomic_load_n(&c->version, __ATOMIC_ACQUIRE);
    uint64_t since = counter - __atomic_load_n(&c->counter, __ATOMIC_ACQUIRE);
    int64_t ns = __atomic_load_n(&c->ns, __ATOMIC_ACQUIRE) +
                 (int64_t)(since * __atomic_load_n(&c->rate, __ATOMIC_ACQUIRE) >> 32);
    int holds = since < __atomic_load_n(&c->ticks, __ATOMIC_ACQUIRE) && !(version & 1);
    return holds && __atomic_load_n(&c->version, __ATOMIC_RELAXED) == version ? ns : 0;
}

static inline int64_t pythia_clock(void) {
    int64_t ns = pythia_clock_of(&pythia_clock_anchor, __rdtsc());
    return __builtin_expect(ns != 0, 1) ? ns : pythia_clock_slow();
}
#else
static inline int64_t pythia_clock(void) {
    return pythia_clock_slow();
}
#endif

#endif
