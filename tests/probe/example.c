/* example.c - a program with trace points: requests that wait in a queue and build an image.
**
**     PYTHIA_PAGE=/dev/shm/example build/probe/example [requests [microseconds between them]]
**
** The skeleton, the span "request", is always on; the others are off until a rule switches them on. */
#include "ext/pythia_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void pause_us(long us) {
    struct timespec time = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&time, NULL);
}

static void build(int number, int queued) {
    PYTHIA_SPAN(span, "build");
    PYTHIA_POINT("build/queue", "queue_length", queued, "host", number % 2 ? "one" : "two");
    pause_us(100 * queued);
    PYTHIA_SPAN_END(span, "number", number);
}

static void request(int number) {
    PYTHIA_SPAN_ALWAYS(span, "request");
    PYTHIA_SPAN(check, "check");
    pause_us(50);
    PYTHIA_SPAN_END(check);
    build(number, number % 4);
    if (number % 10 == 9) PYTHIA_SPAN_FAILED(span);
    PYTHIA_SPAN_END(span);
}

int main(int argc, char **argv) {
    int requests = argc > 1 ? atoi(argv[1]) : 10;
    long between = argc > 2 ? atol(argv[2]) : 0;
    PythiaProbeOptions options = {.service = "example"};
    int error = pythia_probe_start(&options);
    if (error) {
        fprintf(stderr, "example: no control page: error %d\n", error);
        return 1;
    }
    printf("%s\n", pythia_probe_page());
    fflush(stdout);
    for (int i = 0; i < requests; i++) {
        request(i);
        if (between) pause_us(between);
    }
    return 0;
}
