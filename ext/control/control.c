/* control.c - trace point control of one connection; see control.h.
**
** A batch is what one back end is told at the end of one transaction. It is made in sync, written and
** prepared there, and either applied and freed, or abandoned and freed, or - where some of it failed -
** kept in the list of failures until it is written down. */
#include "ext/control/control.h"

#include <stdlib.h>
#include <time.h>

typedef struct Batch Batch;
struct Batch {
    Batch *next;
    char *schema;
    PythiaBackend backend; /* opened; id NONE: there is no back end. Texts live in changes.arena */
    PythiaChanges changes;
    PythiaLogRow *log;     /* one per change */
    unsigned char *failed; /* one per change */
    char **messages;       /* one per change, each NULL or owned */
    int clear_error;       /* the back end's last_error is set */
    int prepared, written;
    int persisted; /* a failure that the running transaction has written down */
};

typedef struct Touched {
    char *schema;
    int all;
} Touched;

struct PythiaControl {
    sqlite3 *db; /* borrowed */
    PythiaControlCallback callback;
    int fresh;        /* the callback is new: what an earlier one was told does not count */
    Touched *touched; /* by the running transaction */
    size_t ntouched, touched_capacity;
    unsigned synced; /* tables whose sync has come */
    Batch *batches;  /* of the running transaction, in the order of the back ends */
    Batch *failures;
    int busy;     /* back ends are being told */
    int64_t told; /* changes applied by the last commit */
};

int64_t pythia_control_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ------------------------------------------------------------------ batches */

static void batch_free(Batch *batch) {
    if (!batch) return;
    pythia_backend_close(&batch->backend);
    for (size_t i = 0; batch->messages && i < batch->changes.n; i++)
        sqlite3_free(batch->messages[i]);
    pythia_free(batch->messages);
    pythia_free(batch->failed);
    pythia_free(batch->log);
    pythia_changes_clear(&batch->changes);
    sqlite3_free(batch->schema);
    pythia_free(batch);
}

static void batches_free(Batch **list) {
    while (*list) {
        Batch *batch = *list;
        *list = batch->next;
        batch_free(batch);
    }
}

/* Makes the journal's rows and the room for what apply will say: it must not need memory then. */
static int batch_complete(Batch *batch, int64_t now_ns) {
    size_t n = batch->changes.n;
    batch->log = pythia_alloc_zero(n * sizeof *batch->log);
    batch->failed = pythia_alloc_zero(n);
    batch->messages = pythia_alloc_zero(n * sizeof *batch->messages);
    if (!batch->log || !batch->failed || !batch->messages) return SQLITE_NOMEM;
    int none = batch->backend.id == PYTHIA_BACKEND_NONE;
    for (size_t i = 0; i < n; i++) {
        const PythiaControlChange *change = &batch->changes.changes[i];
        batch->log[i] = (PythiaLogRow){
            .at_ns = now_ns,
            .rule_id = change->rule_id,
            .tracepoint = pythia_text(change->tracepoint),
            .request_type = pythia_text(change->request_type),
            .before = change->before,
            .after = change->enabled,
            .source = PYTHIA_TEXT("rule"),
            .backend = pythia_text(none ? NULL : batch->backend.name),
            .result = none ? PYTHIA_TEXT("no back end") : PYTHIA_TEXT("applied"),
        };
    }
    return SQLITE_OK;
}

/* Takes a back end over from a state, its texts copied. */
static int batch_take_backend(Batch *batch, PythiaStateBackend *from) {
    PythiaArena *arena = &batch->changes.arena;
    const char *name = from->backend.name, *target = from->backend.target;
    name = pythia_arena_copy(arena, name, strlen(name) + 1);
    target = pythia_arena_copy(arena, target, strlen(target) + 1);
    if (!name || !target) return SQLITE_NOMEM;
    batch->backend = from->backend;
    batch->backend.name = name;
    batch->backend.target = target;
    batch->clear_error = from->row && from->row->last_error.p;
    from->backend.kind = NULL;
    from->backend.detail = NULL;
    return SQLITE_OK;
}

/* The batch of one back end (index nbackends: of nobody); *batch NULL when nothing is due. */
static int batch_make(PythiaControlState *state, size_t index, const Touched *touched,
                      PythiaPoll *poll, Batch **batch) {
    Batch *made = pythia_alloc_zero(sizeof *made);
    if (!made) return SQLITE_NOMEM;
    int all = touched->all && index < state->nbackends;
    int rc = pythia_state_changes(state, index, all, &made->changes, poll);
    if (rc || !made->changes.n) {
        batch_free(made);
        return rc;
    }
    made->schema = sqlite3_mprintf("%s", touched->schema);
    if (!made->schema) rc = SQLITE_NOMEM;
    if (!rc && index < state->nbackends) rc = batch_take_backend(made, &state->backends[index]);
    if (!rc) rc = batch_complete(made, state->now_ns);
    if (rc)
        batch_free(made);
    else
        *batch = made;
    return rc;
}

static void batch_abandon(Batch *batch) {
    if (batch->prepared && batch->backend.kind)
        batch->backend.kind->abandon(&batch->backend, batch->changes.changes,
                                     (int)batch->changes.n);
    batch->prepared = 0;
}

static int batch_prepare(Batch *batch, char **error) {
    if (!batch->backend.kind) return SQLITE_OK;
    char *message = NULL;
    int rc = batch->backend.kind->prepare(&batch->backend, batch->changes.changes,
                                          (int)batch->changes.n, &message);
    batch->prepared = rc == SQLITE_OK;
    if (rc) {
        /* BUSY and the like would tell SQLite that a COMMIT may be tried again as it is. */
        if (rc != SQLITE_NOMEM && rc != SQLITE_INTERRUPT) rc = SQLITE_CONSTRAINT;
        rc = pythia_fail(error, rc, "pythia_control: back end \"%s\" refuses: %s",
                         batch->backend.name, message ? message : "no reason given");
    }
    sqlite3_free(message);
    return rc;
}

static int batch_write(Batch *batch, PythiaStore *store, char **error) {
    batch->written = 1;
    int rc = pythia_store_told_put(store, batch->changes.after, batch->changes.n, error);
    if (!rc) rc = pythia_store_log_append(store, batch->log, batch->changes.n, error);
    if (!rc && batch->clear_error)
        rc = pythia_store_backend_error(store, batch->backend.id, (PythiaText){NULL, 0}, error);
    return rc;
}

/* Takes back what batch_write() wrote into the transaction that is still open. */
static int batch_unwrite(Batch *batch, PythiaStore *store, char **error) {
    int rc = SQLITE_OK;
    if (!batch->written) return rc;
    rc = pythia_store_told_put(store, batch->changes.before, batch->changes.n, error);
    for (size_t i = 0; i < batch->changes.n && !rc; i++)
        if (batch->log[i].id) rc = pythia_store_log_delete(store, batch->log[i].id, error);
    return rc;
}

/* Writes down what a batch's back end did not do, so that it is due again. */
static int batch_write_failures(Batch *batch, PythiaStore *store, char **error) {
    int rc = SQLITE_OK;
    for (size_t i = 0; i < batch->changes.n && !rc; i++) {
        if (!batch->failed[i]) continue;
        const char *message = batch->messages[i] ? batch->messages[i] : "no reason given";
        char *result = sqlite3_mprintf("failed: %s", message);
        if (!result) return SQLITE_NOMEM;
        rc = pythia_store_told_put(store, &batch->changes.before[i], 1, error);
        if (!rc) rc = pythia_store_log_result(store, batch->log[i].id, pythia_text(result), error);
        if (!rc)
            rc = pythia_store_backend_error(store, batch->backend.id, pythia_text(message), error);
        sqlite3_free(result);
    }
    batch->persisted = 1;
    return rc;
}

/* Applies; 1 when something failed. */
static int batch_apply(Batch *batch, int64_t *told) {
    if (!batch->backend.kind) return 0;
    int n = (int)batch->changes.n, failures = 0;
    batch->backend.kind->apply(&batch->backend, batch->changes.changes, n, batch->failed,
                               batch->messages);
    for (int i = 0; i < n; i++)
        failures += batch->failed[i] != 0;
    *told += n - failures;
    return failures > 0;
}

/* ------------------------------------------------------------------ opening, callback */

int pythia_control_open(sqlite3 *db, PythiaControl **control) {
    *control = pythia_alloc_zero(sizeof **control);
    if (!*control) return SQLITE_NOMEM;
    (*control)->db = db;
    return SQLITE_OK;
}

static void callback_clear(PythiaControlCallback *callback) {
    for (int i = 0; i < callback->npoints; i++)
        sqlite3_free((char *)(uintptr_t)callback->points[i].name);
    pythia_free(callback->points);
    memset(callback, 0, sizeof *callback);
}

static void touched_clear(PythiaControl *control) {
    for (size_t i = 0; i < control->ntouched; i++)
        sqlite3_free(control->touched[i].schema);
    control->ntouched = 0;
}

void pythia_control_close(PythiaControl *control) {
    if (!control) return;
    batches_free(&control->batches);
    batches_free(&control->failures);
    touched_clear(control);
    pythia_free(control->touched);
    callback_clear(&control->callback);
    pythia_free(control);
}

int pythia_control_set_host(PythiaControl *control, const PythiaControlHost *host, char **error) {
    if (host->version != PYTHIA_CONTROL_VERSION)
        return pythia_fail(error, SQLITE_ERROR, "PythiaControlHost has version %d, not %d",
                           host->version, PYTHIA_CONTROL_VERSION);
    if (control->busy || control->batches)
        return pythia_fail(error, SQLITE_LOCKED, "back ends are being told");
    PythiaControlCallback callback = {host->function, host->context, NULL, 0};
    if (host->function && host->points) {
        size_t n = host->npoints > 0 ? (size_t)host->npoints : 0;
        callback.points = pythia_alloc_zero((n + 1) * sizeof *callback.points);
        if (!callback.points) return SQLITE_NOMEM;
        for (size_t i = 0; i < n; i++) {
            PythiaControlPoint *point = &callback.points[callback.npoints++];
            *point = host->points[i];
            point->name = sqlite3_mprintf("%s", host->points[i].name);
            if (point->name) continue;
            callback_clear(&callback);
            return SQLITE_NOMEM;
        }
    }
    callback_clear(&control->callback);
    control->callback = callback;
    control->fresh = 1;
    return SQLITE_OK;
}

/* ------------------------------------------------------------------ reading */

static int is_main(const char *schema) {
    return sqlite3_stricmp(schema, "main") == 0;
}

static int told_row_order(const void *a, const void *b) {
    const PythiaToldRow *x = a, *y = b;
    if (x->backend != y->backend) return x->backend < y->backend ? -1 : 1;
    int order = pythia_text_compare(x->tracepoint, y->tracepoint);
    return order ? order : pythia_text_compare(x->request_type, y->request_type);
}

/* Told rows as they are in truth: without what failed, and without what an earlier callback was told. */
typedef struct Truth {
    const PythiaControl *control;
    const char *schema;
} Truth;

static int truth_fix(void *context, PythiaToldRows *rows) {
    const Truth *truth = context;
    for (size_t i = 0; i < rows->n && truth->control->fresh && is_main(truth->schema); i++)
        if (rows->rows[i].backend == PYTHIA_BACKEND_CALLBACK) rows->rows[i].enabled = -1;
    for (const Batch *b = truth->control->failures; b; b = b->next) {
        if (b->persisted || sqlite3_stricmp(b->schema, truth->schema) != 0) continue;
        for (size_t i = 0; i < b->changes.n; i++) {
            if (!b->failed[i] || !rows->n) continue;
            PythiaToldRow *row = bsearch(&b->changes.after[i], rows->rows, rows->n,
                                         sizeof *rows->rows, told_row_order);
            if (!row) continue;
            row->enabled = b->changes.before[i].enabled;
            row->parameters = b->changes.before[i].parameters;
        }
    }
    return SQLITE_OK;
}

int pythia_control_state(PythiaControl *control, const char *schema, PythiaStore *store,
                         int64_t now_ns, PythiaPoll *poll, PythiaControlState *state,
                         char **error) {
    Truth truth = {control, schema};
    PythiaToldFix fix = {truth_fix, &truth};
    const PythiaControlCallback *callback = is_main(schema) ? &control->callback : NULL;
    return pythia_state_load(state, control->db, store, callback, &fix, now_ns, poll, error);
}

int pythia_control_always_on(PythiaControl *control, const char *schema, PythiaStore *store,
                             PythiaText name, int *always_on, char **error) {
    PythiaControlState state;
    const PythiaControlCallback *callback = is_main(schema) ? &control->callback : NULL;
    int rc = pythia_state_load_lists(&state, control->db, store, callback, error);
    uint32_t point = rc ? 0 : pythia_intern_find(&state.names, name);
    *always_on = point && state.points[point].always_on;
    pythia_state_clear(&state);
    return rc;
}

const char *pythia_control_failure(const PythiaControl *control, const char *schema, int of,
                                   int64_t id) {
    for (const Batch *b = control->failures; b; b = b->next) {
        if (b->persisted || sqlite3_stricmp(b->schema, schema) != 0) continue;
        for (size_t i = 0; i < b->changes.n; i++) {
            if (!b->failed[i]) continue;
            int64_t have = of == PYTHIA_FAILURE_OF_RULE      ? b->log[i].rule_id
                           : of == PYTHIA_FAILURE_OF_BACKEND ? b->backend.id
                                                             : b->log[i].id;
            if (have == id) return b->messages[i] ? b->messages[i] : "no reason given";
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------ transactions */

int pythia_control_touch(PythiaControl *control, const char *schema, int all, char **error) {
    if (control->busy)
        return pythia_fail(error, SQLITE_LOCKED,
                           "rules and back ends cannot be changed while back ends are being told");
    for (size_t i = 0; i < control->ntouched; i++)
        if (sqlite3_stricmp(control->touched[i].schema, schema) == 0) {
            control->touched[i].all |= all;
            return SQLITE_OK;
        }
    int rc = pythia_grow((void **)&control->touched, &control->touched_capacity,
                         control->ntouched + 1, sizeof *control->touched);
    if (rc) return rc;
    char *copy = sqlite3_mprintf("%s", schema);
    if (!copy) return SQLITE_NOMEM;
    control->touched[control->ntouched++] = (Touched){copy, all};
    return SQLITE_OK;
}

/* Writes down what is only in memory, before the state of the schema is loaded. */
static int sync_failures(PythiaControl *control, const char *schema, PythiaStore *store,
                         char **error) {
    int rc = SQLITE_OK;
    for (Batch *b = control->failures; b && !rc; b = b->next)
        if (sqlite3_stricmp(b->schema, schema) == 0) rc = batch_write_failures(b, store, error);
    if (!rc && control->fresh && is_main(schema))
        rc = pythia_store_told_forget(store, PYTHIA_BACKEND_CALLBACK, error);
    return rc;
}

/* Appends the batches of one schema. */
static int sync_schema(PythiaControl *control, const Touched *touched, PythiaStore *store,
                       Batch ***end, char **error) {
    PythiaControlState state = {0};
    PythiaPoll poll = {.db = control->db};
    int rc = sync_failures(control, touched->schema, store, error);
    if (!rc)
        rc = pythia_control_state(control, touched->schema, store, pythia_control_now(), &poll,
                                  &state, error);
    size_t n = state.nbackends ? state.nbackends : 1;
    for (size_t i = 0; i < n && !rc; i++) {
        if (state.nbackends && !state.backends[i].backend.available) continue;
        Batch *batch = NULL;
        rc = batch_make(&state, i, touched, &poll, &batch);
        if (!batch) continue;
        **end = batch;
        *end = &batch->next;
    }
    pythia_state_clear(&state);
    pythia_poll_close(&poll);
    return rc;
}

/* Ends the running transaction's batches without applying them. */
static void batches_drop(PythiaControl *control) {
    for (Batch *b = control->batches; b; b = b->next)
        batch_abandon(b);
    batches_free(&control->batches);
}

/* A COMMIT that failed is tried again: what sync did before is undone. */
static int sync_undo(PythiaControl *control, PythiaControlStores stores, void *context,
                     char **error) {
    int rc = SQLITE_OK;
    for (Batch *b = control->batches; b && !rc; b = b->next) {
        PythiaStore *store = NULL;
        rc = stores(context, b->schema, &store, error);
        if (!rc && store) rc = batch_unwrite(b, store, error);
    }
    batches_drop(control);
    return rc;
}

static int sync_work(PythiaControl *control, PythiaControlStores stores, void *context,
                     char **error) {
    Batch **end = &control->batches;
    PythiaStore *store = NULL;
    int rc = SQLITE_OK;
    for (size_t i = 0; i < control->ntouched && !rc; i++) {
        rc = stores(context, control->touched[i].schema, &store, error);
        if (!rc && store) rc = sync_schema(control, &control->touched[i], store, &end, error);
    }
    for (Batch *b = control->batches; b && !rc; b = b->next)
        rc = batch_prepare(b, error);
    for (Batch *b = control->batches; b && !rc; b = b->next) {
        rc = stores(context, b->schema, &store, error);
        if (!rc) rc = batch_write(b, store, error);
    }
    return rc;
}

int pythia_control_sync(PythiaControl *control, unsigned who, PythiaControlStores stores,
                        void *context, char **error) {
    int rc = SQLITE_OK;
    if (control->busy)
        return rc; /* a statement of a back end's own, which can have written nothing */
    if (control->synced & who) {
        control->synced = 0;
        rc = sync_undo(control, stores, context, error);
    }
    int first = !control->synced;
    control->synced |= who;
    if (rc || !first || !control->ntouched) return rc;
    control->busy = 1;
    rc = sync_work(control, stores, context, error);
    if (rc) batches_drop(control);
    control->busy = 0;
    return rc;
}

/* The failures that the transaction wrote down are rows now. */
static void failures_settle(PythiaControl *control) {
    for (Batch **link = &control->failures; *link;) {
        Batch *batch = *link;
        if (!batch->persisted) {
            link = &batch->next;
            continue;
        }
        *link = batch->next;
        batch_free(batch);
    }
}

void pythia_control_commit(PythiaControl *control) {
    if (!control->synced || control->busy) return;
    control->synced = 0;
    control->told = 0;
    failures_settle(control);
    for (size_t i = 0; i < control->ntouched; i++)
        if (is_main(control->touched[i].schema)) control->fresh = 0;
    touched_clear(control);
    Batch *batches = control->batches, **failures = &control->failures;
    control->batches = NULL;
    while (*failures)
        failures = &(*failures)->next;
    control->busy = 1;
    while (batches) {
        Batch *batch = batches;
        batches = batch->next;
        batch->next = NULL;
        if (!batch_apply(batch, &control->told)) {
            batch_free(batch);
            continue;
        }
        pythia_backend_close(&batch->backend); /* keeps its id and name */
        *failures = batch;
        failures = &batch->next;
    }
    control->busy = 0;
}

void pythia_control_rollback(PythiaControl *control) {
    if (control->busy) return;
    control->synced = 0;
    control->busy = 1;
    batches_drop(control);
    control->busy = 0;
    touched_clear(control);
    for (Batch *b = control->failures; b; b = b->next)
        b->persisted = 0;
}

int pythia_control_run(PythiaControl *control, const char *schema, int all, int64_t *told,
                       char **error) {
    int autocommit = sqlite3_get_autocommit(control->db);
    if (told) *told = 0;
    int rc = pythia_control_touch(control, schema, all, error);
    if (rc) return rc;
    /* Changes no row, but is a write to the table, and so brings its xSync and xCommit. */
    rc = sqlite3_exec(control->db, "UPDATE pythia_control SET reason = reason WHERE 0", NULL, NULL,
                      NULL);
    if (rc) {
        rc = pythia_fail(error, rc, "%s", sqlite3_errmsg(control->db));
        if (autocommit && !control->synced) touched_clear(control);
        return rc;
    }
    if (autocommit && told) *told = control->told;
    return SQLITE_OK;
}
