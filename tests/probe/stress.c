/* stress.c - many threads, forked children and signal handlers that pass the same trace points.
**
**     build/probe/stress [threads [rounds [reduce]]]
**
** Prints how often "stress/step" was passed, in all processes. It is always on, so that is how many hits the
** page must have. More threads than rings: some find none, and their records are counted as dropped. With `reduce`,
** "stress/inner" has an aggregate that a session writes anew all the time, and "stress/added" one for good. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ext/probe/reduce.h"
#include "ext/pythia_probe.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    PYTHIA_POINT("added", "round", round);
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

/* ---- a session ---- */

static PythiaPage page;
static int ended;

/* Writes setting `number`: round % 3 <> 0, added up by round / 50. */
static void setting_write(uint32_t number, uint64_t window_ns) {
    PythiaPageSetting *to = pythia_page_setting(&page, number), from = {0};
    uint32_t key = pythia_page_intern(&page, "round", 5);
    from.types = ~(uint64_t)0;
    from.nsteps = 5;
    from.aggregate = PYTHIA_AGGREGATE_SUM;
    from.nvalue = 1;
    from.ngroup = 3;
    from.window_ns = window_ns;
    const PythiaPageStep steps[] = {
        {PYTHIA_STEP_KEY, key, 0}, {PYTHIA_STEP_INT, 0, 3},  {PYTHIA_STEP_REMAINDER, 0, 0},
        {PYTHIA_STEP_INT, 0, 0},   {PYTHIA_STEP_NE, 0, 0},   {PYTHIA_STEP_KEY, key, 0},
        {PYTHIA_STEP_KEY, key, 0}, {PYTHIA_STEP_INT, 0, 50}, {PYTHIA_STEP_DIVIDE, 0, 0}};
    memcpy(from.steps, steps, sizeof steps);
    const uint64_t *source = (const uint64_t *)(const void *)&from;
    uint64_t *words = (uint64_t *)(void *)to, version = PYTHIA_GET(&to->version) | 1;
    PYTHIA_SET(&to->version, version);
    for (size_t i = 0; i < sizeof from / 8; i++)
        if (i != 1) PYTHIA_RELEASE(&words[i], source[i]);
    PYTHIA_RELEASE(&to->version, version + 1);
}

static void setting_use(const char *name, uint32_t number) {
    uint32_t slot = pythia_page_slot_claim(&page, name, strlen(name), NULL);
    PYTHIA_RELEASE(&pythia_page_slot(&page, slot)->setting, number + 1);
    PYTHIA_RELEASE(&pythia_page_slot(&page, slot)->mask, ~(uint64_t)0);
}

static void *session(void *argument) {
    for (uint32_t i = 0; !PYTHIA_ACQUIRE(&ended); i++) {
        setting_write(1 + i % 2, i % 3 ? 1000000 : 0);
        setting_use("stress/inner", 1 + i % 2);
        usleep(100);
    }
    return argument;
}

static int session_start(pthread_t *id) {
    if (pythia_page_open(&page, pythia_probe_page(), NULL)) return 0;
    setting_write(0, 0);
    setting_use("stress/added", 0);
    return pthread_create(id, NULL, session, NULL) == 0;
}

int main(int argc, char **argv) {
    int threads = argc > 1 ? atoi(argv[1]) : 100;
    if (argc > 2) rounds = atoi(argv[2]);
    PythiaProbeOptions options = {.service = "stress", .rings = 64, .ring_bytes = 65536};
    if (pythia_probe_start(&options)) return 1;
    pthread_t reducer;
    int reduces = argc > 3 && session_start(&reducer);
    struct sigaction alarm = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &alarm, NULL);
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
    PYTHIA_RELEASE(&ended, 1);
    if (reduces) pthread_join(reducer, NULL);
    free(ids);
    printf("%lld\n", (long long)(started + children) * rounds);
    return failed != 0;
}
