/* batch.h - what a reader found, copied, so that it can wait: to be handed to another thread, or to be taken back.
**
** A batch owns everything its items point to (an arena), but for texts that have an atom. */
#ifndef PYTHIA_READ_BATCH_H
#define PYTHIA_READ_BATCH_H

#include "ext/base/mem.h"
#include "ext/trace/record.h"

enum { PYTHIA_BATCH_SPAN, PYTHIA_BATCH_PROBLEM, PYTHIA_BATCH_PROGRESS };
enum { PYTHIA_BATCH_RESOURCES = 64 };

typedef struct PythiaBatchItem {
    int kind;
    union {
        PythiaRecord span;
        PythiaProblem problem;
        int64_t progress[2]; /* bytes, total */
    } of;
} PythiaBatchItem;

typedef struct PythiaBatch {
    PythiaBatchItem *items;
    uint32_t n;
    size_t capacity;
    PythiaArena arena;
    const PythiaResource *resources[PYTHIA_BATCH_RESOURCES]; /* copies, by serial */
    uint32_t mark;                                           /* items at PYTHIA_HOLD */
    int held;
} PythiaBatch;

/* A zeroed PythiaBatch is empty. Appending copies; SQLITE_OK or NOMEM. */
int pythia_batch_span(PythiaBatch *batch, const PythiaRecord *record);
int pythia_batch_problem(PythiaBatch *batch, const PythiaProblem *problem);
int pythia_batch_progress(PythiaBatch *batch, int64_t bytes, int64_t total);
/* As PythiaSink.hold(). */
void pythia_batch_hold(PythiaBatch *batch, int what);

/* Whether it is time to pass it on; never while it is held. */
int pythia_batch_full(const PythiaBatch *batch);
/* Memory in use, about. */
size_t pythia_batch_bytes(const PythiaBatch *batch);
/* Gives the items to a sink, in order; stops at and returns the first result that is not SQLITE_OK. */
int pythia_batch_deliver(const PythiaBatch *batch, const PythiaSink *sink);
/* Empties it; reset keeps memory of the usual size. */
void pythia_batch_reset(PythiaBatch *batch);
void pythia_batch_clear(PythiaBatch *batch);

#endif
