/* probe.c - what trace points cost, for bench_probe.py. Linked with libpythia_probe.a.
**
**     probe cost          ns of a round of an empty loop, of one with a point that is off, of a point with two
**                         values, of a span, the last two on: best of several measurements; then of a reading of
**                         the system's clock
**     probe reduce        ns of a point with two values whose rule leaves it out, adds it up, adds it up by a text;
**                         the rules are those of bench_probe.py
**     probe points N      makes N trace points (bench/p0 ...) and ends
**     probe watch N       waits for "watched" to change N times, prints when (CLOCK_MONOTONIC, ns) */
#include "ext/probe/page.h"
#include "ext/pythia_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 4000, BATCHES = 300, MANY = 50 * 1000 * 1000 };

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void empty_loop(void) {
    for (int i = 0; i < MANY; i++)
        __asm__ volatile("" : : "r"(i) : "memory");
}

static void off_loop(void) {
    for (int i = 0; i < MANY; i++) {
        PYTHIA_POINT("off", "a", i, "b", 1.5);
        __asm__ volatile("" : : "r"(i) : "memory");
    }
}

static void point_batch(void) {
    for (int i = 0; i < ROUNDS; i++)
        PYTHIA_POINT_WITH(PYTHIA_PROBE_ALWAYS_ON, "on", "a", i, "b", 1.5);
}

static void span_batch(void) {
    for (int i = 0; i < ROUNDS; i++) {
        PYTHIA_SPAN_ALWAYS(span, "span");
        PYTHIA_SPAN_END(span, "a", i, "b", 1.5);
    }
}

static void filtered_batch(void) {
    for (int i = 0; i < ROUNDS; i++)
        PYTHIA_POINT("filtered", "a", i, "b", 1.5);
}

static void added_batch(void) {
    for (int i = 0; i < ROUNDS; i++)
        PYTHIA_POINT("added", "a", i, "b", 1.5);
}

static void grouped_batch(void) {
    for (int i = 0; i < ROUNDS; i++)
        PYTHIA_POINT("grouped", "a", i, "b", i & 1 ? "first" : "second");
}

static void clock_batch(void) {
    struct timespec t;
    for (int i = 0; i < ROUNDS; i++)
        clock_gettime(CLOCK_REALTIME, &t);
}

static double loop_ns(void (*loop)(void)) {
    double best = 1e9;
    for (int i = 0; i < 7; i++) {
        int64_t start = now();
        loop();
        double ns = (double)(now() - start) / MANY;
        if (ns < best) best = ns;
    }
    return best;
}

/* Makes all rings empty, as collecting does. */
static void empty_rings(const PythiaPage *page) {
    for (uint32_t i = 0; i < page->geometry.nrings; i++) {
        PythiaPageRing *ring = pythia_page_ring(page, i);
        PYTHIA_RELEASE(&ring->tail, PYTHIA_ACQUIRE(&ring->head));
    }
}

/* The median batch: other work on the machine makes single ones long. */
static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static double batch_ns(const PythiaPage *page, void (*batch)(void)) {
    static int64_t times[BATCHES];
    for (int i = 0; i < BATCHES; i++) {
        empty_rings(page);
        int64_t start = now();
        batch();
        times[i] = now() - start;
    }
    qsort(times, BATCHES, sizeof times[0], by_size);
    int64_t median = times[BATCHES / 2];
    return (double)median / ROUNDS;
}

static void cost(const PythiaPage *page) {
    off_loop(); /* registers */
    double empty = loop_ns(empty_loop), off = loop_ns(off_loop);
    double point = batch_ns(page, point_batch), span = batch_ns(page, span_batch);
    double clock = batch_ns(page, clock_batch);
    printf("%.3f %.3f %.2f %.2f %.2f\n", empty, off, point, span, clock);
}

/* First the points are made, then, at the first line of the input, there are rules for them. */
static void reduce(const PythiaPage *page) {
    filtered_batch();
    added_batch();
    grouped_batch();
    puts("made");
    fflush(stdout);
    getchar();
    double filtered = batch_ns(page, filtered_batch), added = batch_ns(page, added_batch);
    double grouped = batch_ns(page, grouped_batch);
    printf("%.2f %.2f %.2f\n", filtered, added, grouped);
}

static void points(const PythiaPage *page, int n) {
    char name[64];
    for (int i = 0; i < n; i++) {
        int length = snprintf(name, sizeof name, "bench/p%d", i);
        if (pythia_page_slot_claim(page, name, (size_t)length, NULL) == PYTHIA_NO_SLOT) exit(1);
    }
}

static void watch(int n) {
    static PythiaProbeSite site = {&pythia_probe_unregistered, "watched", 0, 0, {0}, {0}};
    const PythiaProbeValue none = pythia_probe_int(0);
    pythia_probe_point(&site, &none);
    puts("watching");
    fflush(stdout);
    for (int was = 0; n > 0;) {
        int is = pythia_probe_is_on(&site);
        if (is == was) continue;
        was = is;
        n--;
        printf("%lld\n", (long long)now());
        fflush(stdout);
    }
}

int main(int argc, char **argv) {
    PythiaPage page;
    PythiaProbeOptions options = {.service = "bench", .ring_bytes = 1 << 20, .rings = 4};
    if (argc < 2 || pythia_probe_start(&options)) return 1;
    if (pythia_page_open(&page, pythia_probe_page(), NULL)) return 1;
    int n = argc > 2 ? atoi(argv[2]) : 0;
    if (strcmp(argv[1], "cost") == 0) cost(&page);
    if (strcmp(argv[1], "reduce") == 0) reduce(&page);
    if (strcmp(argv[1], "points") == 0) points(&page, n);
    if (strcmp(argv[1], "watch") == 0) watch(n);
    return 0;
}
