/* lttng_event.c - prints what an LTTng-UST event with two values costs, in ns: off or on, as the session is. */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "tests/bench/lttng_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 4000, BATCHES = 300 };

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(void) {
    static double times[BATCHES];
    for (int i = 0; i < BATCHES; i++) {
        struct timespec from, to;
        clock_gettime(CLOCK_MONOTONIC, &from);
        for (int j = 0; j < ROUNDS; j++)
            lttng_ust_tracepoint(pythia_bench, event, j, 1.5);
        clock_gettime(CLOCK_MONOTONIC, &to);
        times[i] = ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
                   ROUNDS;
        usleep(1000); /* the consumer empties the buffers */
    }
    qsort(times, BATCHES, sizeof times[0], by_size);
    printf("%.2f\n", times[BATCHES / 2]);
    return 0;
}
