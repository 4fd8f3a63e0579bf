/* batch.c - see batch.h. */
#include "ext/read/batch.h"

enum { BATCH_ITEMS = 512, BATCH_BYTES = 256 * 1024, KEPT_ITEMS = 4 * BATCH_ITEMS };

/* ---- copying ------------------------------------------------------------------------------------------------- */

static int copy_text(PythiaBatch *b, PythiaText *text) {
    if (!text->n) {
        *text = (PythiaText){"", 0};
        return SQLITE_OK;
    }
    text->p = pythia_arena_copy(&b->arena, text->p, text->n);
    return text->p ? SQLITE_OK : SQLITE_NOMEM;
}

static int copy_ref(PythiaBatch *b, PythiaRef *ref) {
    return ref->id.form == PYTHIA_ID_TEXT ? copy_text(b, &ref->text) : SQLITE_OK;
}

static int copy_attributes(PythiaBatch *b, const PythiaAttribute **attributes, size_t n) {
    if (!n) return SQLITE_OK;
    PythiaAttribute *copy = pythia_arena_copy(&b->arena, *attributes, n * sizeof *copy);
    if (!copy) return SQLITE_NOMEM;
    *attributes = copy;
    int rc = SQLITE_OK;
    for (size_t i = 0; !rc && i < n; i++) {
        if (!copy[i].key_atom) rc = copy_text(b, &copy[i].key);
        if (!rc && !copy[i].text_atom && copy[i].type >= PYTHIA_VALUE_TEXT)
            rc = copy_text(b, &copy[i].text);
    }
    return rc;
}

static int copy_points(PythiaBatch *b, PythiaRecord *record) {
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

static int copy_links(PythiaBatch *b, PythiaRecord *record) {
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
static int copy_resource(PythiaBatch *b, PythiaRecord *record) {
    const PythiaResource **known = &b->resources[record->resource->serial % PYTHIA_BATCH_RESOURCES];
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

static int copy_span(PythiaBatch *b, PythiaRecord *record) {
    int rc = copy_ref(b, &record->trace);
    if (!rc) rc = copy_ref(b, &record->span);
    if (!rc) rc = copy_ref(b, &record->parent);
    if (!rc) rc = copy_resource(b, record);
    if (!rc && !record->operation_atom) rc = copy_text(b, &record->operation);
    if (!rc) rc = copy_attributes(b, &record->attributes, record->nattributes);
    if (!rc) rc = copy_points(b, record);
    return rc ? rc : copy_links(b, record);
}

static int copy_zero_terminated(PythiaBatch *b, const char **text) {
    if (!*text) return SQLITE_OK;
    *text = pythia_arena_copy(&b->arena, *text, strlen(*text) + 1);
    return *text ? SQLITE_OK : SQLITE_NOMEM;
}

static int copy_problem(PythiaBatch *b, PythiaProblem *problem) {
    int rc = copy_ref(b, &problem->trace);
    if (!rc) rc = copy_ref(b, &problem->span);
    if (!rc) rc = copy_zero_terminated(b, &problem->kind);
    return rc ? rc : copy_zero_terminated(b, &problem->detail);
}

/* ---- the batch ----------------------------------------------------------------------------------------------- */

static int batch_item(PythiaBatch *b, int kind, PythiaBatchItem **item) {
    int rc = pythia_grow((void **)&b->items, &b->capacity, (size_t)b->n + 1, sizeof *b->items);
    if (rc) return rc;
    *item = &b->items[b->n];
    (*item)->kind = kind;
    return SQLITE_OK;
}

int pythia_batch_span(PythiaBatch *b, const PythiaRecord *record) {
    PythiaBatchItem *item;
    int rc = batch_item(b, PYTHIA_BATCH_SPAN, &item);
    if (rc) return rc;
    item->of.span = *record;
    rc = copy_span(b, &item->of.span);
    b->n += rc == SQLITE_OK;
    return rc;
}

int pythia_batch_problem(PythiaBatch *b, const PythiaProblem *problem) {
    PythiaBatchItem *item;
    int rc = batch_item(b, PYTHIA_BATCH_PROBLEM, &item);
    if (rc) return rc;
    item->of.problem = *problem;
    rc = copy_problem(b, &item->of.problem);
    b->n += rc == SQLITE_OK;
    return rc;
}

int pythia_batch_progress(PythiaBatch *b, int64_t bytes, int64_t total) {
    PythiaBatchItem *item;
    int rc = batch_item(b, PYTHIA_BATCH_PROGRESS, &item);
    if (rc) return rc;
    item->of.progress[0] = bytes;
    item->of.progress[1] = total;
    b->n++;
    return SQLITE_OK;
}

void pythia_batch_hold(PythiaBatch *b, int what) {
    if (what == PYTHIA_HOLD)
        b->mark = b->n;
    else if (what == PYTHIA_UNDO)
        b->n = b->mark; /* what it points to stays in the arena until the reset */
    b->held = what == PYTHIA_HOLD;
}

size_t pythia_batch_bytes(const PythiaBatch *b) {
    /* What is in use: all chunks but the newest, and what is filled of that. */
    return b->arena.total - b->arena.capacity + b->arena.used + b->n * sizeof *b->items;
}

int pythia_batch_full(const PythiaBatch *b) {
    return !b->held && (b->n >= BATCH_ITEMS || pythia_batch_bytes(b) >= BATCH_BYTES);
}

int pythia_batch_deliver(const PythiaBatch *b, const PythiaSink *sink) {
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < b->n; i++) {
        const PythiaBatchItem *item = &b->items[i];
        if (item->kind == PYTHIA_BATCH_SPAN)
            rc = sink->span(sink->context, &item->of.span);
        else if (item->kind == PYTHIA_BATCH_PROBLEM)
            rc = sink->problem(sink->context, &item->of.problem);
        else if (sink->progress)
            rc = sink->progress(sink->context, item->of.progress[0], item->of.progress[1]);
    }
    return rc;
}

void pythia_batch_reset(PythiaBatch *b) {
    b->n = 0;
    if (b->capacity > KEPT_ITEMS) {
        pythia_free(b->items);
        b->items = NULL;
        b->capacity = 0;
    }
    pythia_arena_reset(&b->arena);
    memset(b->resources, 0, sizeof b->resources);
}

void pythia_batch_clear(PythiaBatch *b) {
    pythia_free(b->items);
    pythia_arena_clear(&b->arena);
    memset(b, 0, sizeof *b);
}
