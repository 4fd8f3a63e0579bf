/* apart.c - see apart.h.
**
** The reading thread copies what it finds into batches; a ring of a few batches lies between the threads. A batch
** owns everything its items point to, so that it can be handed over by a counter. Full ring, or one that holds
** much memory: the reader waits; empty ring: the caller waits, looking up now and then.
**
**     filled - emptied   batches that wait for the caller      (0 .. BATCHES)
**     batches[filled % BATCHES]   the one being filled, by the reader alone
**
** Whoever stops first sets `stop`: the reader then ends at its next record, the caller at its next batch.
**
** Without a thread there is one batch, delivered whenever it is full. */
#include "ext/read/apart.h"

#include "ext/read/batch.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

enum { BATCHES = 8, WAITING_BYTES = 32 << 20 };

typedef struct Apart {
    const char *path;
    const PythiaReadOptions *options;
    const PythiaSink *sink; /* of the caller, when there is no thread; else NULL */
    PythiaBatch batches[BATCHES];
    pthread_mutex_t mutex; /* of the six below */
    pthread_cond_t changed;
    uint64_t filled, emptied;
    size_t waiting; /* bytes in the batches that wait */
    int ended;      /* the reader has returned */
    int stop;
    int rc; /* of the reader, when ended */
    char *error;
    PythiaReadStats stats;
} Apart;

/* ---- the reading thread --------------------------------------------------------------------------------------- */

/* Hands the batch over and waits until the next one is free. SQLITE_ABORT: the caller has stopped. */
static int batch_send(Apart *a) {
    PythiaBatch *batch = &a->batches[a->filled % BATCHES];
    if (a->sink) {
        int rc = pythia_batch_deliver(batch, a->sink);
        pythia_batch_reset(batch);
        return rc;
    }
    pthread_mutex_lock(&a->mutex);
    a->waiting += pythia_batch_bytes(batch);
    a->filled++;
    pthread_cond_signal(&a->changed);
    while (!a->stop && (a->filled - a->emptied == BATCHES || a->waiting > WAITING_BYTES))
        pthread_cond_wait(&a->changed, &a->mutex);
    int stop = a->stop;
    pthread_mutex_unlock(&a->mutex);
    pythia_batch_reset(&a->batches[a->filled % BATCHES]);
    return stop ? SQLITE_ABORT : SQLITE_OK;
}

/* The batch being filled, with room for one more item. */
static int batch_room(Apart *a, PythiaBatch **batch) {
    *batch = &a->batches[a->filled % BATCHES];
    if (!pythia_batch_full(*batch)) return SQLITE_OK;
    int rc = batch_send(a);
    *batch = &a->batches[a->filled % BATCHES];
    return rc;
}

static int apart_span(void *context, const PythiaRecord *record) {
    PythiaBatch *b;
    int rc = batch_room(context, &b);
    return rc ? rc : pythia_batch_span(b, record);
}

static int apart_problem(void *context, const PythiaProblem *problem) {
    PythiaBatch *b;
    int rc = batch_room(context, &b);
    return rc ? rc : pythia_batch_problem(b, problem);
}

static int apart_progress(void *context, int64_t bytes, int64_t total) {
    PythiaBatch *b;
    int rc = batch_room(context, &b);
    return rc ? rc : pythia_batch_progress(b, bytes, total);
}

static void apart_hold(void *context, int what) {
    Apart *a = context;
    pythia_batch_hold(&a->batches[a->filled % BATCHES], what);
}

static int apart_read(Apart *a, PythiaReadStats *stats, char **error) {
    PythiaSink sink = {a, apart_span, apart_problem, apart_progress, apart_hold};
    return pythia_read_file(a->path, a->options, &sink, stats, error);
}

static void *apart_main(void *argument) {
    Apart *a = argument;
    PythiaReadStats stats;
    char *error = NULL;
    int rc = apart_read(a, &stats, &error);
    pthread_mutex_lock(&a->mutex);
    a->filled++; /* the last, perhaps empty */
    a->ended = 1;
    a->rc = rc;
    a->error = error;
    a->stats = stats;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->mutex);
    return NULL;
}

/* ---- the caller's thread ------------------------------------------------------------------------------------------ */

/* Waits for a batch, a tenth of a second at most. 1: there is one. Sets *ended when none will come. */
static int batch_wait(Apart *a, int *ended) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 100000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&a->mutex);
    int timed = 0;
    while (!timed && a->filled == a->emptied && !a->ended)
        timed = pthread_cond_timedwait(&a->changed, &a->mutex, &until) == ETIMEDOUT;
    int ready = a->filled > a->emptied;
    *ended = a->ended && !ready;
    pthread_mutex_unlock(&a->mutex);
    return ready;
}

static int apart_consume(Apart *a, const PythiaSink *sink, int (*idle)(void *)) {
    int rc = SQLITE_OK, ended = 0;
    while (!rc && !ended) {
        if (!batch_wait(a, &ended)) {
            if (!ended && idle) rc = idle(sink->context);
            continue;
        }
        PythiaBatch *batch = &a->batches[a->emptied % BATCHES];
        rc = pythia_batch_deliver(batch, sink);
        pthread_mutex_lock(&a->mutex);
        size_t bytes = pythia_batch_bytes(batch);
        a->waiting -= bytes < a->waiting ? bytes : a->waiting; /* the last batch was not counted */
        a->emptied++;
        pthread_cond_signal(&a->changed);
        pthread_mutex_unlock(&a->mutex);
    }
    return rc;
}

/* Signals are the caller's affair: they are blocked in the thread. */
static int thread_start(pthread_t *thread, Apart *a) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(thread, NULL, apart_main, a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

static int apart_run(Apart *a, const PythiaSink *sink, int (*idle)(void *context),
                     PythiaReadStats *stats, char **error) {
    pthread_t thread;
    if (a->sink || !sqlite3_threadsafe() || thread_start(&thread, a)) {
        a->sink = sink;
        int rc = apart_read(a, stats, error);
        return rc ? rc : batch_send(a);
    }
    int rc = apart_consume(a, sink, idle);
    pthread_mutex_lock(&a->mutex);
    a->stop = 1;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->mutex);
    pthread_join(thread, NULL);
    *stats = a->stats;
    if (error && !*error)
        *error = a->error;
    else
        sqlite3_free(a->error);
    return rc ? rc : a->rc;
}

int pythia_read_file_apart(const char *path, const PythiaReadOptions *options,
                           const PythiaSink *sink, int threads, int (*idle)(void *context),
                           PythiaReadStats *stats, char **error) {
    memset(stats, 0, sizeof *stats);
    Apart *a = pythia_alloc_zero(sizeof *a);
    if (!a) return SQLITE_NOMEM;
    a->path = path;
    a->options = options;
    a->sink = threads > 1 ? NULL : sink;
    pthread_mutex_init(&a->mutex, NULL);
    pthread_cond_init(&a->changed, NULL);
    int rc = apart_run(a, sink, idle, stats, error);
    for (int i = 0; i < BATCHES; i++)
        pythia_batch_clear(&a->batches[i]);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->mutex);
    pythia_free(a);
    return rc;
}
