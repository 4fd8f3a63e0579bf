/* trace.c - see trace.h: the container, and what follows from spans that are in preorder. */
#include "ext/trace/trace.h"

void pythia_trace_reset(PythiaTrace *trace) {
    trace->id = (PythiaId){0, 0, PYTHIA_ID_NONE};
    trace->nspans = trace->npoints = trace->nlinks = trace->nvalues = trace->nresources = 0;
    trace->nroots = 0;
    trace->status = PYTHIA_TRACE_COMPLETE;
    trace->is_dag = 0;
    memset(&trace->repairs, 0, sizeof trace->repairs);
    pythia_arena_reset(&trace->arena);
}

void pythia_trace_clear(PythiaTrace *trace) {
    pythia_free(trace->spans);
    pythia_free(trace->points);
    pythia_free(trace->links);
    pythia_free(trace->values);
    pythia_free(trace->resources);
    pythia_arena_clear(&trace->arena);
    memset(trace, 0, sizeof *trace);
}

int pythia_trace_room(PythiaTrace *trace, size_t nvalues, PythiaValue **values) {
    if (nvalues > UINT32_MAX - trace->nvalues) return SQLITE_TOOBIG;
    int rc = pythia_grow((void **)&trace->values, &trace->values_capacity, trace->nvalues + nvalues,
                         sizeof *trace->values);
    *values = trace->values + trace->nvalues;
    return rc;
}

static int trace_add_values(PythiaTrace *trace, const PythiaValue *values, uint32_t n,
                            uint32_t *first) {
    PythiaValue *room;
    *first = trace->nvalues;
    if (n == 0) return SQLITE_OK;
    int rc = pythia_trace_room(trace, n, &room);
    if (rc) return rc;
    if (values != room) memcpy(room, values, n * sizeof *values);
    trace->nvalues += n;
    return SQLITE_OK;
}

int pythia_trace_add_span(PythiaTrace *trace, const PythiaSpan *span, const PythiaValue *values) {
    if (trace->nspans >= INT32_MAX) return SQLITE_TOOBIG;
    int rc = pythia_grow((void **)&trace->spans, &trace->spans_capacity, (size_t)trace->nspans + 1,
                         sizeof *trace->spans);
    uint32_t first = 0;
    if (!rc) rc = trace_add_values(trace, values, span->nvalues, &first);
    if (rc) return rc;
    PythiaSpan *added = &trace->spans[trace->nspans];
    *added = *span;
    added->record = trace->nspans++;
    added->first_value = first;
    return SQLITE_OK;
}

int pythia_trace_add_point(PythiaTrace *trace, const PythiaPoint *point,
                           const PythiaValue *values) {
    if (trace->npoints >= INT32_MAX) return SQLITE_TOOBIG;
    int rc = pythia_grow((void **)&trace->points, &trace->points_capacity,
                         (size_t)trace->npoints + 1, sizeof *trace->points);
    uint32_t first = 0;
    if (!rc) rc = trace_add_values(trace, values, point->nvalues, &first);
    if (rc) return rc;
    PythiaPoint *added = &trace->points[trace->npoints];
    *added = *point;
    added->record = trace->npoints++;
    added->first_value = first;
    return SQLITE_OK;
}

int pythia_trace_add_link(PythiaTrace *trace, const PythiaLinkTo *link, const PythiaValue *values) {
    if (trace->nlinks >= INT32_MAX) return SQLITE_TOOBIG;
    int rc = pythia_grow((void **)&trace->links, &trace->links_capacity, (size_t)trace->nlinks + 1,
                         sizeof *trace->links);
    uint32_t first = 0;
    if (!rc) rc = trace_add_values(trace, values, link->nvalues, &first);
    if (rc) return rc;
    trace->links[trace->nlinks] = *link;
    trace->links[trace->nlinks++].first_value = first;
    return SQLITE_OK;
}

/* ---- resources ------------------------------------------------------------------------------------ */

static int value_is_text(const PythiaValue *value) {
    return value->type >= PYTHIA_VALUE_TEXT;
}

static uint64_t value_hash(const PythiaValue *value) {
    uint64_t content = value_is_text(value)
                           ? pythia_hash64(value->n ? value->of.text : "", value->n)
                           : (uint64_t)value->of.integer;
    return pythia_hash_mix((uint64_t)value->key << 8 | value->type, content);
}

static int value_equal(const PythiaValue *a, const PythiaValue *b) {
    if (a->key != b->key || a->type != b->type) return 0;
    if (!value_is_text(a)) return a->of.integer == b->of.integer;
    return a->n == b->n &&
           (a->n == 0 || a->of.text == b->of.text || memcmp(a->of.text, b->of.text, a->n) == 0);
}

uint64_t pythia_resource_hash(const PythiaValue *values, uint32_t n) {
    uint64_t sum = n; /* a sum, because the order of the values says nothing */
    for (uint32_t i = 0; i < n; i++)
        sum += value_hash(&values[i]);
    return sum;
}

int pythia_values_equal(const PythiaValue *a, uint32_t na, const PythiaValue *b, uint32_t nb) {
    if (na != nb) return 0;
    int same_order = 1;
    for (uint32_t i = 0; i < na && same_order; i++)
        same_order = value_equal(&a[i], &b[i]);
    /* The store does not keep the order, so equal sums of hashes are taken for equality. */
    return same_order || pythia_resource_hash(a, na) == pythia_resource_hash(b, nb);
}

/* Whether an equal set is there; else there is room for one more. */
static int resource_find(PythiaTrace *trace, const PythiaResourceSet *set, uint32_t *index,
                         int *found) {
    *found = 0;
    for (uint32_t i = trace->nresources; i-- > 0 && !*found;) {
        const PythiaResourceSet *known = &trace->resources[i];
        if (known->hash != set->hash) continue;
        *found = (known->values == set->values && known->n == set->n) ||
                 pythia_values_equal(known->values, known->n, set->values, set->n);
        *index = i;
    }
    if (*found) return SQLITE_OK;
    *index = trace->nresources;
    return pythia_grow((void **)&trace->resources, &trace->resources_capacity,
                       (size_t)trace->nresources + 1, sizeof *trace->resources);
}

int pythia_trace_share_resource(PythiaTrace *trace, const PythiaResourceSet *set, uint32_t *index) {
    int found, rc = resource_find(trace, set, index, &found);
    if (!rc && !found) trace->resources[trace->nresources++] = *set;
    return rc;
}

int pythia_trace_add_resource(PythiaTrace *trace, const PythiaResourceSet *set, uint32_t *index) {
    int found, rc = resource_find(trace, set, index, &found);
    if (rc || found) return rc;
    PythiaValue *copy = pythia_arena_copy(&trace->arena, set->values, set->n * sizeof *copy);
    if (!copy) return SQLITE_NOMEM;
    for (uint32_t i = 0; i < set->n; i++) {
        if (!value_is_text(&copy[i])) continue;
        copy[i].of.text = pythia_arena_copy(&trace->arena, copy[i].of.text, copy[i].n);
        if (!copy[i].of.text) return SQLITE_NOMEM;
    }
    trace->resources[trace->nresources++] = (PythiaResourceSet){copy, set->n, set->hash};
    return SQLITE_OK;
}

/* ---- derived fields --------------------------------------------------------------------------------- */

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

void pythia_trace_derive(PythiaTrace *trace) {
    trace->nroots = 0;
    trace->is_dag = trace->nspans > 0;
    for (uint32_t i = 0; i < trace->nspans; i++) {
        PythiaSpan *span = &trace->spans[i];
        if (!(span->flags & PYTHIA_SPAN_EVENT)) trace->is_dag = 0;
        const PythiaSpan *parent = span->parent < 0 ? NULL : &trace->spans[span->parent];
        span->from_ns = parent ? later(span->start_ns, parent->from_ns) : span->start_ns;
        span->to_ns = later(span->end_ns, span->from_ns);
        span->depth = parent ? parent->depth + 1 : 0;
        span->last = i + 1;
        span->first_point = span->npoints = 0;
        if (!parent) trace->nroots++;
    }
    /* In reverse preorder every subtree is complete before its parent is met. */
    for (uint32_t i = trace->nspans; i-- > 0;) {
        const PythiaSpan *span = &trace->spans[i];
        if (span->parent >= 0 && trace->spans[span->parent].last < span->last)
            trace->spans[span->parent].last = span->last;
    }
    for (uint32_t i = trace->npoints; i-- > 0;) {
        PythiaSpan *span = &trace->spans[trace->points[i].span];
        span->first_point = i;
        span->npoints++;
    }
}

int64_t pythia_span_self_ns(const PythiaTrace *trace, uint32_t index) {
    const PythiaSpan *span = &trace->spans[index];
    int64_t covered = 0, reach = span->from_ns;
    for (uint32_t c = index + 1; c < span->last; c = trace->spans[c].last) {
        int64_t from = later(trace->spans[c].from_ns, reach), to = trace->spans[c].to_ns;
        if (to > span->to_ns) to = span->to_ns;
        if (to <= from) continue;
        covered += to - from;
        reach = to;
    }
    return span->to_ns - span->from_ns - covered;
}

uint32_t pythia_span_children(const PythiaTrace *trace, uint32_t index) {
    uint32_t n = 0;
    for (uint32_t c = index + 1; c < trace->spans[index].last; c = trace->spans[c].last)
        n++;
    return n;
}
