/* numbers.c - the same numbers every time, from several threads: for what is recorded and what is added up.
**
**     build/probe/numbers [N [threads]]
**
** Every thread passes the point "numbers/x" N times, in no trace. big is about 10^15 and differs by some tens; small
** is a fraction, missing at every tenth; word is one of three texts. */
#include "ext/pythia_probe.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static int rounds = 100;

static void *work(void *argument) {
    static const char *const words[] = {"one", "two", "three"};
    uint64_t state = (uint64_t)(uintptr_t)argument;
    for (int i = 0; i < rounds; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        long long big = 1000000000000000 + (long long)(state >> 58);
        double small = (double)(state >> 40) / 65536;
        if (i % 10)
            PYTHIA_POINT("x", "big", big, "word", words[state >> 33 & 1 ? 0 : i % 3], "small",
                         small);
        else
            PYTHIA_POINT("x", "big", big, "word", words[state >> 33 & 1 ? 0 : i % 3]);
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc > 1) rounds = atoi(argv[1]);
    int threads = argc > 2 ? atoi(argv[2]) : 1;
    PythiaProbeOptions options = {.service = "numbers", .ring_bytes = 1 << 20};
    if (pythia_probe_start(&options)) return 1;
    puts("started");
    fflush(stdout);
    pthread_t *ids = calloc((size_t)threads, sizeof *ids);
    for (int i = 0; ids && i < threads; i++)
        if (pthread_create(&ids[i], NULL, work, (void *)(intptr_t)i)) return 1;
    for (int i = 0; ids && i < threads; i++)
        pthread_join(ids[i], NULL);
    free(ids);
    return 0;
}
