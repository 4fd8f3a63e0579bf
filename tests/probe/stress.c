/* stress.c - many threads, forked children and signal handlers that pass the same trace points.
**
**     build/probe/stress [threads [rounds]]
**
** Prints how often "stress/step" was passed, in all processes. It is always on, so that is how many hits the
** page must have. More threads than rings: some find none, and their records are counted as dropped. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ext/pythia_probe.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 3 };

static int rounds = 200;

static void on_alarm(int number) {
    (void)number;
    PYTHIA_POINT_WITH(PYTHIA_PROBE_ALWAYS_ON, "signal", "from", "handler");
}

static void pass(int thread, int round) {
    PYTHIA_SPAN_ALWAYS(request, "request");
    PYTHIA_SPAN_WITH(inner, PYTHIA_PROBE_DEFAULT_ON, "inner");
    PYTHIA_POINT_WITH(PYTHIA_PROBE_ALWAYS_ON, "step", "thread", thread, "round", round, "text",
                      "some text");
    PYTHIA_SPAN_END(inner, "round", round);
    PYTHIA_SPAN_END(request);
}

static void *work(void *argument) {
    int thread = (int)(intptr_t)argument;
    for (int i = 0; i < rounds; i++)
        pass(thread, i);
    return NULL;
}

/* A child continues the trace of its parent, and makes traces of its own. */
static void child(int number) {
    PYTHIA_SPAN_WITH(span, PYTHIA_PROBE_ALWAYS_ON, "child");
    PYTHIA_SPAN_END(span, "number", number);
    pythia_probe_enter(NULL, NULL);
    for (int i = 0; i < rounds; i++)
        pass(-number, i);
    _exit(0);
}

int main(int argc, char **argv) {
    int threads = argc > 1 ? atoi(argv[1]) : 100;
    if (argc > 2) rounds = atoi(argv[2]);
    PythiaProbeOptions options = {.service = "stress", .rings = 64, .ring_bytes = 65536};
    if (pythia_probe_start(&options)) return 1;
    signal(SIGALRM, on_alarm);
    struct itimerval often = {{0, 500}, {0, 500}};
    setitimer(ITIMER_REAL, &often, NULL);
    pthread_t *ids = calloc((size_t)threads, sizeof *ids);
    int started = 0, children = 0;
    for (int i = 0; ids && i < threads; i++)
        if (pthread_create(&ids[started], NULL, work, (void *)(intptr_t)i) == 0) started++;
    PYTHIA_SPAN_ALWAYS(root, "root");
    for (int i = 1; i <= CHILDREN; i++) {
        pid_t pid = fork();
        if (pid == 0) child(i);
        children += pid > 0;
    }
    for (int i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    int status, failed = 0;
    for (int i = 0; i < children;) {
        if (wait(&status) < 0) continue; /* a signal */
        i++;
        if (!WIFEXITED(status) || WEXITSTATUS(status)) failed++;
    }
    PYTHIA_SPAN_END(root);
    free(ids);
    printf("%lld\n", (long long)(started + children) * rounds);
    return failed != 0;
}
