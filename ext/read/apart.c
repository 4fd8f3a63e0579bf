/* apart.c - see apart.h.
**
** The reading thread copies what it finds into batches; a ring of a few batches lies between the threads. A batch
** owns everything its items point to (an arena), so that it can be handed over by a counter. Full ring: the reader
** waits; empty ring: the caller waits, looking up now and then.
**
**     filled - emptied   batches that wait for the caller      (0 .. BATCHES)
**     batches[filled % BATCHES]   the one being filled, by the reader alone
**
** Whoever stops first sets `stop`: the reader then ends at its next record, the caller at its next batch. */
#include "ext/read/apart.h"

#include "ext/base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

enum { BATCHES = 8, BATCH_ITEMS = 1024, BATCH_BYTES = 512 * 1024, RESOURCES = 64 };

enum { ITEM_SPAN, ITEM_PROBLEM, ITEM_PROGRESS };

typedef struct Item {
    int kind;
    union {
        PythiaRecord span;
        PythiaProblem problem;
        int64_t progress[2]; /* bytes, total */
    } of;
} Item;

typedef struct Batch {
    Item *items; /* BATCH_ITEMS */
    uint32_t n;
    PythiaArena arena;
    const PythiaResource *resources[RESOURCES]; /* copies, by serial */
} Batch;

typedef struct Apart {
    const char *path;
    const PythiaReadOptions *options;
    Batch batches[BATCHES];
    pthread_mutex_t mutex; /* of the five below */
    pthread_cond_t changed;
    uint64_t filled, emptied;
    int ended; /* the reader has returned */
    int stop;
    int rc; /* of the reader, when ended */
    char *error;
    PythiaReadStats stats;
} Apart;

/* ---- copying into a batch --------------------------------------------------------------------------------- */

static int copy_text(Batch *b, PythiaText *text) {
    if (!text->n) {
        *text = (PythiaText){"", 0};
        return SQLITE_OK;
    }
    text->p = pythia_arena_copy(&b->arena, text->p, text->n);
    return text->p ? SQLITE_OK : SQLITE_NOMEM;
}

static int copy_ref(Batch *b, PythiaRef *ref) {
    return ref->id.form == PYTHIA_ID_TEXT ? copy_text(b, &ref->text) : SQLITE_OK;
}

static int copy_attributes(Batch *b, const PythiaAttribute **attributes, size_t n) {
    if (!n) return SQLITE_OK;
    PythiaAttribute *copy = pythia_arena_copy(&b->arena, *attributes, n * sizeof *copy);
    if (!copy) return SQLITE_NOMEM;
    *attributes = copy;
    int rc = SQLITE_OK;
    for (size_t i = 0; !rc && i < n; i++) {
        rc = copy_text(b, &copy[i].key);
        if (!rc && copy[i].type >= PYTHIA_VALUE_TEXT) rc = copy_text(b, &copy[i].text);
    }
    return rc;
}

static int copy_points(Batch *b, PythiaRecord *record) {
    if (!record->npoints) return SQLITE_OK;
    PythiaPointRecord *copy =
        pythia_arena_copy(&b->arena, record->points, record->npoints * sizeof *copy);
    if (!copy) return SQLITE_NOMEM;
    record->points = copy;
    int rc = SQLITE_OK;
    for (size_t i = 0; !rc && i < record->npoints; i++) {
        rc = copy_text(b, &copy[i].name);
        if (!rc) rc = copy_attributes(b, &copy[i].attributes, copy[i].n);
    }
    return rc;
}

static int copy_links(Batch *b, PythiaRecord *record) {
    if (!record->nlinks) return SQLITE_OK;
    PythiaLinkRecord *copy =
        pythia_arena_copy(&b->arena, record->links, record->nlinks * sizeof *copy);
    if (!copy) return SQLITE_NOMEM;
    record->links = copy;
    int rc = SQLITE_OK;
    for (size_t i = 0; !rc && i < record->nlinks; i++) {
        rc = copy_ref(b, &copy[i].trace);
        if (!rc) rc = copy_ref(b, &copy[i].span);
        if (!rc) rc = copy_attributes(b, &copy[i].attributes, copy[i].n);
    }
    return rc;
}

/* A resource is copied once a batch; its serial says that it is the same. */
static int copy_resource(Batch *b, PythiaRecord *record) {
    const PythiaResource **known = &b->resources[record->resource->serial % RESOURCES];
    if (!*known || (*known)->serial != record->resource->serial) {
        PythiaResource *copy = pythia_arena_copy(&b->arena, record->resource, sizeof *copy);
        if (!copy) return SQLITE_NOMEM;
        int rc = copy_text(b, &copy->service);
        if (!rc) rc = copy_text(b, &copy->instance);
        if (!rc) rc = copy_attributes(b, &copy->attributes, copy->n);
        if (rc) return rc;
        *known = copy;
    }
    record->resource = *known;
    return SQLITE_OK;
}

static int copy_span(Batch *b, PythiaRecord *record) {
    int rc = copy_ref(b, &record->trace);
    if (!rc) rc = copy_ref(b, &record->span);
    if (!rc) rc = copy_ref(b, &record->parent);
    if (!rc) rc = copy_resource(b, record);
    if (!rc) rc = copy_text(b, &record->operation);
    if (!rc) rc = copy_attributes(b, &record->attributes, record->nattributes);
    if (!rc) rc = copy_points(b, record);
    return rc ? rc : copy_links(b, record);
}

static int copy_zero_terminated(Batch *b, const char **text) {
    if (!*text) return SQLITE_OK;
    *text = pythia_arena_copy(&b->arena, *text, strlen(*text) + 1);
    return *text ? SQLITE_OK : SQLITE_NOMEM;
}

static int copy_problem(Batch *b, PythiaProblem *problem) {
    int rc = copy_ref(b, &problem->trace);
    if (!rc) rc = copy_ref(b, &problem->span);
    if (!rc) rc = copy_zero_terminated(b, &problem->kind);
    return rc ? rc : copy_zero_terminated(b, &problem->detail);
}

/* ---- the reading thread --------------------------------------------------------------------------------------- */

/* Hands the batch over and waits until the next one is free. SQLITE_ABORT: the caller has stopped. */
static int batch_send(Apart *a) {
    pthread_mutex_lock(&a->mutex);
    a->filled++;
    pthread_cond_signal(&a->changed);
    while (!a->stop && a->filled - a->emptied == BATCHES)
        pthread_cond_wait(&a->changed, &a->mutex);
    int stop = a->stop;
    Batch *next = &a->batches[a->filled % BATCHES];
    pthread_mutex_unlock(&a->mutex);
    next->n = 0;
    pythia_arena_reset(&next->arena);
    memset(next->resources, 0, sizeof next->resources);
    return stop ? SQLITE_ABORT : SQLITE_OK;
}

/* Room for one more item in the batch being filled. */
static int batch_room(Apart *a, Batch **batch) {
    Batch *b = &a->batches[a->filled % BATCHES];
    *batch = b;
    /* What is in use: all chunks but the newest, and what is filled of that. */
    size_t bytes = b->arena.total - b->arena.capacity + b->arena.used;
    if (b->n < BATCH_ITEMS && bytes < BATCH_BYTES) return SQLITE_OK;
    int rc = batch_send(a);
    *batch = &a->batches[a->filled % BATCHES];
    return rc;
}

static int apart_span(void *context, const PythiaRecord *record) {
    Batch *b;
    int rc = batch_room(context, &b);
    if (rc) return rc;
    Item *item = &b->items[b->n];
    item->kind = ITEM_SPAN;
    item->of.span = *record;
    rc = copy_span(b, &item->of.span);
    b->n += rc == SQLITE_OK;
    return rc;
}

static int apart_problem(void *context, const PythiaProblem *problem) {
    Batch *b;
    int rc = batch_room(context, &b);
    if (rc) return rc;
    Item *item = &b->items[b->n];
    item->kind = ITEM_PROBLEM;
    item->of.problem = *problem;
    rc = copy_problem(b, &item->of.problem);
    b->n += rc == SQLITE_OK;
    return rc;
}

static int apart_progress(void *context, int64_t bytes, int64_t total) {
    Batch *b;
    int rc = batch_room(context, &b);
    if (rc) return rc;
    b->items[b->n++] = (Item){.kind = ITEM_PROGRESS, .of.progress = {bytes, total}};
    return SQLITE_OK;
}

static void *apart_main(void *argument) {
    Apart *a = argument;
    PythiaSink sink = {a, apart_span, apart_problem, apart_progress};
    PythiaReadStats stats;
    char *error = NULL;
    int rc = pythia_read_file(a->path, a->options, &sink, &stats, &error);
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

static int batch_deliver(const Batch *b, const PythiaSink *sink) {
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < b->n; i++) {
        const Item *item = &b->items[i];
        if (item->kind == ITEM_SPAN)
            rc = sink->span(sink->context, &item->of.span);
        else if (item->kind == ITEM_PROBLEM)
            rc = sink->problem(sink->context, &item->of.problem);
        else if (sink->progress)
            rc = sink->progress(sink->context, item->of.progress[0], item->of.progress[1]);
    }
    return rc;
}

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
        rc = batch_deliver(&a->batches[a->emptied % BATCHES], sink);
        pthread_mutex_lock(&a->mutex);
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

static int apart_open(Apart *a) {
    pthread_mutex_init(&a->mutex, NULL);
    pthread_cond_init(&a->changed, NULL);
    for (int i = 0; i < BATCHES; i++) {
        a->batches[i].items = pythia_alloc_array(BATCH_ITEMS, sizeof(Item));
        if (!a->batches[i].items) return SQLITE_NOMEM;
    }
    return SQLITE_OK;
}

static void apart_close(Apart *a) {
    for (int i = 0; i < BATCHES; i++) {
        pythia_free(a->batches[i].items);
        pythia_arena_clear(&a->batches[i].arena);
    }
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->mutex);
    pythia_free(a);
}

int pythia_read_file_apart(const char *path, const PythiaReadOptions *options,
                           const PythiaSink *sink, int (*idle)(void *context),
                           PythiaReadStats *stats, char **error) {
    memset(stats, 0, sizeof *stats);
    Apart *a = pythia_alloc_zero(sizeof *a);
    if (!a) return SQLITE_NOMEM;
    a->path = path;
    a->options = options;
    pthread_t thread;
    int rc = apart_open(a);
    if (!rc && (!sqlite3_threadsafe() || thread_start(&thread, a))) {
        apart_close(a);
        return pythia_read_file(path, options, sink, stats, error);
    }
    if (!rc) {
        rc = apart_consume(a, sink, idle);
        pthread_mutex_lock(&a->mutex);
        a->stop = 1;
        pthread_cond_signal(&a->changed);
        pthread_mutex_unlock(&a->mutex);
        pthread_join(thread, NULL);
        *stats = a->stats;
        if (!rc) rc = a->rc;
        if (error && !*error)
            *error = a->error;
        else
            sqlite3_free(a->error);
    }
    apart_close(a);
    return rc;
}
