/* pythia_names.c - claims trace points in a control page for programs that cannot write to shared memory themselves.
**
**     pythia-names SERVICE [PAGE]
**
** Opens the page as a program of that service does (ext/pythia_probe.h), made where there is none, and says which it
** is: `page PATH`. Then it answers lines of the standard input, until that ends:
**
**     point FLAGS NAME     `point SLOT NAME`: the slot of the trace point SERVICE/NAME, -1: there is no room.
**                          FLAGS are PYTHIA_PROBE_ALWAYS_ON (1) and PYTHIA_PROBE_DEFAULT_ON (2)
**     type NAME            `type NUMBER NAME`: the number of the request type SERVICE/NAME
**     from NAME            `from NUMBER NAME`: that of a request type named in full, as it came with a request
**     hits SLOT N          adds to the hits of a slot; no answer
**
** What a line says that is none of these is ignored. Exit code 1, and a message: there is no page. */
#include "ext/probe/page.h"
#include "ext/pythia_probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_BYTES = 4096 };

static PythiaPage page;
static const char *service;

/* SERVICE/NAME; its length, 0: it is too long. */
static size_t full_name(const char *name, char full[LINE_BYTES]) {
    int n = snprintf(full, LINE_BYTES, "%s/%s", service, name);
    return n > 0 && n <= PYTHIA_PAGE_TEXT_BYTES ? (size_t)n : 0;
}

static long point(const char *name, uint32_t flags) {
    char full[LINE_BYTES];
    int fresh = 0;
    size_t n = full_name(name, full);
    uint32_t at = n ? pythia_page_slot_claim(&page, full, n, &fresh) : PYTHIA_NO_SLOT;
    if (at == PYTHIA_NO_SLOT) {
        PYTHIA_ADD(&pythia_page_header(&page)->lost_points, 1);
        return -1;
    }
    PythiaPageSlot *slot = pythia_page_slot(&page, at);
    flags &= PYTHIA_PROBE_ALWAYS_ON | PYTHIA_PROBE_DEFAULT_ON;
    if (page.geometry.flags & PYTHIA_PAGE_DEFAULT_ON) flags |= PYTHIA_PROBE_DEFAULT_ON;
    __atomic_fetch_or(&slot->flags, flags | PYTHIA_SLOT_SPAN, __ATOMIC_RELAXED);
    if ((fresh && flags & PYTHIA_PROBE_DEFAULT_ON) || flags & PYTHIA_PROBE_ALWAYS_ON)
        PYTHIA_SET(&slot->mask, ~(uint64_t)0);
    return (long)at;
}

static void hits(uint32_t at, uint64_t n) {
    struct timespec now;
    if (at >= page.geometry.nslots) return;
    PythiaPageCounters *counters = pythia_page_counters(&page, at);
    clock_gettime(CLOCK_REALTIME, &now);
    PYTHIA_ADD(&counters->hits, n);
    PYTHIA_SET(&counters->last_ns, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
}

static void answer(const char *line) {
    char full[LINE_BYTES];
    unsigned a;
    unsigned long long b;
    int at = -1;
    if (sscanf(line, "point %u %n", &a, &at) == 1 && at > 0) {
        printf("point %ld %s\n", point(line + at, a), line + at);
    } else if (strncmp(line, "type ", 5) == 0) {
        size_t n = full_name(line + 5, full);
        printf("type %u %s\n", n ? pythia_page_type_claim(&page, full, n) : PYTHIA_TYPE_OTHER,
               line + 5);
    } else if (strncmp(line, "from ", 5) == 0) {
        size_t n = strlen(line + 5);
        printf("from %u %s\n", pythia_page_type_claim(&page, line + 5, n), line + 5);
    } else if (sscanf(line, "hits %u %llu", &a, &b) == 2) {
        hits(a, b);
    }
}

static int start(const char *path) {
    PythiaProbeOptions options = {.service = service, .page = path};
    int problem = pythia_probe_start(&options);
    if (!problem) problem = pythia_page_open(&page, pythia_probe_page(), NULL);
    if (problem)
        fprintf(stderr, "pythia-names: the page cannot be opened: %s\n", strerror(problem));
    return problem;
}

int main(int argc, char **argv) {
    char line[LINE_BYTES];
    if (argc < 2 || argc > 3) {
        fputs("usage: pythia-names SERVICE [PAGE]\n", stderr);
        return 2;
    }
    service = argv[1];
    if (start(argc > 2 ? argv[2] : NULL)) return 1;
    printf("page %s\n", pythia_probe_page());
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        size_t n = strcspn(line, "\n");
        if (!line[n]) continue; /* longer than any name */
        line[n] = 0;
        answer(line);
        fflush(stdout);
    }
    return 0;
}
