/* clock.c - anchors of the time; see clock.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ext/probe/clock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

PythiaClock pythia_clock_anchor;

static int64_t system_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#if defined(__x86_64__)
#include <cpuid.h>

#define CALIBRATE_NS ((int64_t)10 * 1000 * 1000) /* the least from which a rate is told */
#define BASE_NS      ((int64_t)1000 * 1000 * 1000)
#define READING_NS   500 /* a reading of both clocks that took longer was interrupted */
enum { READINGS = 5, MOST_FAILURES = 100 };

/* Readings of both clocks. */
typedef struct Reading {
    uint64_t counter;
    int64_t ns;
} Reading;

/* Those from which the rate is told: `base` is one to two seconds old, once the process is. They belong to who made
** the version odd. */
static Reading base, next_base;
static int usable;   /* 0: not known yet, 1, -1 */
static int failures; /* to read both clocks, in a row */

static int source_is_tsc(void) {
    char name[8] = "";
    int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                  O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t n = read(fd, name, sizeof name - 1);
    close(fd);
    return n > 0 && strcmp(name, "tsc\n") == 0;
}

static int is_usable(void) {
    unsigned a, b, c, d;
    int known = __atomic_load_n(&usable, __ATOMIC_RELAXED);
    if (known) return known > 0;
    const char *wanted = getenv("PYTHIA_CLOCK");
    known = !(wanted && strcmp(wanted, "system") == 0) && __get_cpuid(0x80000007, &a, &b, &c, &d) &&
                    (d >> 8 & 1) && source_is_tsc()
                ? 1
                : -1;
    __atomic_store_n(&usable, known, __ATOMIC_RELAXED);
    return known > 0;
}

/* Reads both clocks; 0 when something came in between. Before there is a rate, the quickest of some readings. */
static int read_both(Reading *best) {
    uint64_t rate = __atomic_load_n(&pythia_clock_anchor.rate, __ATOMIC_RELAXED),
             least = UINT64_MAX;
    for (int i = 0; i < READINGS; i++) {
        uint64_t before = __rdtsc();
        int64_t ns = system_ns();
        uint64_t took = __rdtsc() - before;
        if (took >= least) continue;
        least = took;
        *best = (Reading){before + took / 2, ns};
        if (rate && took * rate >> 32 < READING_NS) return 1;
    }
    return !rate;
}

/* ns for a tick between two readings, of 2^32; 0: not to be told. */
static uint64_t rate_of(const Reading *from, const Reading *to) {
    int64_t ns = to->ns - from->ns;
    uint64_t ticks = to->counter - from->counter;
    if (ns < CALIBRATE_NS || ns > 1000 * BASE_NS || !ticks || ticks >> 48) return 0;
    double rate = (double)ns / (double)ticks * 4294967296.0;
    /* Processors from 250 MHz to 16 GHz. */
    return rate > 4294967296.0 / 16 && rate < 4294967296.0 * 4 ? (uint64_t)rate : 0;
}

static void base_move(const Reading *now) {
    if (!base.ns || now->ns < base.ns || now->ns - base.ns > 1000 * BASE_NS) {
        base = next_base = *now;
    } else if (now->ns - next_base.ns >= BASE_NS) {
        base = next_base;
        next_base = *now;
    }
}

/* Writes the next anchor; the version is odd. */
static void anchor_write(PythiaClock *c, const Reading *now) {
    base_move(now);
    uint64_t rate = rate_of(&base, now), since = now->counter - c->counter;
    int64_t ns = now->ns;
    if (!rate) {
        __atomic_store_n(&c->ticks, 0, __ATOMIC_RELEASE);
        return;
    }
    uint64_t ticks = ((uint64_t)PYTHIA_ANCHOR_NS << 32) / rate, slewed = rate;
    if (c->ticks && since < 4 * ticks) {
        int64_t told = c->ns + (int64_t)(since * c->rate >> 32), off = ns - told;
        if (off > -PYTHIA_JUMP_NS && off < PYTHIA_JUMP_NS) {
            ns = told;
            slewed += (uint64_t)((int64_t)rate * off / PYTHIA_ANCHOR_NS);
        }
    }
    __atomic_store_n(&c->counter, now->counter, __ATOMIC_RELEASE);
    __atomic_store_n(&c->ns, ns, __ATOMIC_RELEASE);
    __atomic_store_n(&c->rate, slewed, __ATOMIC_RELEASE);
    __atomic_store_n(&c->ticks, ticks, __ATOMIC_RELEASE);
}

int64_t pythia_clock_slow(void) {
    PythiaClock *c = &pythia_clock_anchor;
    uint64_t version = __atomic_load_n(&c->version, __ATOMIC_RELAXED);
    Reading now;
    if (!is_usable() || version & 1 ||
        !__atomic_compare_exchange_n(&c->version, &version, version | 1, 0, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return system_ns();
    int whole = read_both(&now);
    if (whole) anchor_write(c, &now);
    failures = whole ? 0 : failures + 1;
    /* Where reading them always takes long, nothing is won. */
    if (failures > MOST_FAILURES) __atomic_store_n(&usable, -1, __ATOMIC_RELAXED);
    __atomic_store_n(&c->version, version + 2, __ATOMIC_RELEASE);
    int64_t ns = pythia_clock_of(c, now.counter);
    return ns ? ns : now.ns;
}

void pythia_clock_forked(void) {
    memset(&pythia_clock_anchor, 0, sizeof pythia_clock_anchor);
    base = next_base = (Reading){0, 0};
}
#else
int64_t pythia_clock_slow(void) {
    return system_ns();
}

void pythia_clock_forked(void) {
}
#endif
