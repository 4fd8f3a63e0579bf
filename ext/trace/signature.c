/* signature.c - see signature.h.
**
** A signature is XXH3-128 over a byte string: the name of the grouping, the request type, the structure
** (a sorted list of 128-bit hashes, or the one hash of a sequence), the values of group_keys; each part
** preceded by its length. Numbers are little-endian, so the bytes are the same everywhere. */
#include "ext/trace/signature.h"

#include "ext/base/buf.h"

#include <stdlib.h>

enum { PATHS_FIRST_SLOTS = 256, LONGEST_PERIOD = 8 };

static void put_hash(PythiaBuf *buf, PythiaHash128 hash) {
    pythia_buf_u64(buf, hash.hi);
    pythia_buf_u64(buf, hash.lo);
}

static PythiaHash128 buf_hash(const PythiaBuf *buf) {
    return pythia_hash128(buf->n ? (const void *)buf->data : "", buf->n);
}

static int hash_compare(const void *a, const void *b) {
    const PythiaHash128 *x = a, *y = b;
    if (x->hi != y->hi) return x->hi < y->hi ? -1 : 1;
    return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* ---- call paths -------------------------------------------------------------------------------------- */

void pythia_call_paths_clear(PythiaCallPaths *paths) {
    pythia_free(paths->nodes);
    pythia_free(paths->slots);
    memset(paths, 0, sizeof *paths);
}

static int call_paths_make_room(PythiaCallPaths *paths) {
    if (paths->n >= UINT32_MAX / 4) return SQLITE_FULL;
    if (paths->slots && (paths->n + 1) * 2 <= paths->mask + 1) return SQLITE_OK;
    uint32_t n = paths->slots ? (paths->mask + 1) * 2 : PATHS_FIRST_SLOTS;
    uint32_t *slots = pythia_alloc_zero((size_t)n * sizeof *slots);
    if (!slots) return SQLITE_NOMEM;
    for (uint32_t node = 1; node <= paths->n; node++) {
        const PythiaCallPath *p = &paths->nodes[node];
        uint32_t slot = (uint32_t)pythia_hash_mix(p->parent, p->tracepoint) & (n - 1);
        while (slots[slot])
            slot = (slot + 1) & (n - 1);
        slots[slot] = node;
    }
    pythia_free(paths->slots);
    paths->slots = slots;
    paths->mask = n - 1;
    return SQLITE_OK;
}

PythiaHash128 pythia_call_path_hash(PythiaHash128 parent, PythiaHash128 own) {
    const uint64_t words[4] = {parent.hi, parent.lo, own.hi, own.lo};
    unsigned char bytes[sizeof words];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(words[i / 8] >> (8 * (i % 8)));
    return pythia_hash128(bytes, sizeof bytes);
}

static int call_path_get(PythiaCallPaths *paths, const PythiaNames *names, uint32_t parent,
                         uint32_t tracepoint, uint32_t *node) {
    int rc = call_paths_make_room(paths);
    if (rc) return rc;
    uint32_t slot = (uint32_t)pythia_hash_mix(parent, tracepoint) & paths->mask;
    for (; (*node = paths->slots[slot]) != 0; slot = (slot + 1) & paths->mask)
        if (paths->nodes[*node].parent == parent && paths->nodes[*node].tracepoint == tracepoint)
            return SQLITE_OK;
    rc = pythia_grow((void **)&paths->nodes, &paths->nodes_capacity, (size_t)paths->n + 2,
                     sizeof *paths->nodes);
    if (rc) return rc;
    if (!paths->n) memset(paths->nodes, 0, sizeof *paths->nodes);
    PythiaHash128 own = {0, 0};
    if (tracepoint && tracepoint <= names->ntracepoints) own = names->tracepoints[tracepoint].hash;
    PythiaHash128 hash = pythia_call_path_hash(paths->nodes[parent].hash, own);
    *node = ++paths->n;
    paths->nodes[*node] = (PythiaCallPath){parent, tracepoint, hash};
    paths->slots[slot] = *node;
    return SQLITE_OK;
}

static int number_compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void numbers_sort(uint32_t *numbers, uint32_t n) {
    if (n > 24) {
        qsort(numbers, n, sizeof *numbers, number_compare);
        return;
    }
    for (uint32_t i = 1; i < n; i++) {
        uint32_t number = numbers[i], k = i;
        for (; k && numbers[k - 1] > number; k--)
            numbers[k] = numbers[k - 1];
        numbers[k] = number;
    }
}

/* Appends the pairs that further predecessors make to the nodes in out->distinct, *n of them. */
static int dag_more_pairs(PythiaTracePaths *out, PythiaCallPaths *paths, const PythiaTrace *trace,
                          const PythiaNames *names, uint32_t *n) {
    PythiaArena arena = {0};
    const uint32_t *sources = NULL;
    size_t most = (size_t)*n + trace->nlinks;
    int rc = pythia_trace_link_sources(trace, &arena, &sources);
    if (!rc)
        rc = pythia_grow((void **)&out->distinct, &out->distinct_capacity, most,
                         sizeof *out->distinct);
    if (!rc)
        rc = pythia_grow((void **)&out->counts, &out->counts_capacity, most, sizeof *out->counts);
    for (uint32_t l = 0; !rc && sources && l < trace->nlinks; l++) {
        if (sources[l] == PYTHIA_NO_SPAN) continue;
        uint32_t from;
        rc = call_path_get(paths, names, 0, trace->spans[sources[l] / 2].tracepoint, &from);
        if (!rc)
            rc = call_path_get(paths, names, from,
                               trace->spans[trace->links[l].from_span].tracepoint,
                               &out->distinct[*n]);
        ++*n;
    }
    pythia_arena_clear(&arena);
    return rc;
}

int pythia_trace_paths(PythiaTracePaths *out, PythiaCallPaths *paths, const PythiaTrace *trace,
                       const PythiaNames *names) {
    uint32_t n = trace->nspans + trace->npoints;
    out->n = out->repeat_max = 0;
    int rc = pythia_grow((void **)&out->nodes, &out->nodes_capacity, n, sizeof *out->nodes);
    if (!rc)
        rc =
            pythia_grow((void **)&out->distinct, &out->distinct_capacity, n, sizeof *out->distinct);
    if (!rc) rc = pythia_grow((void **)&out->counts, &out->counts_capacity, n, sizeof *out->counts);
    for (uint32_t i = 0; !rc && i < n; i++) {
        int is_span = i < trace->nspans;
        uint32_t tracepoint =
            is_span ? trace->spans[i].tracepoint : trace->points[i - trace->nspans].tracepoint;
        int64_t parent =
            is_span ? trace->spans[i].parent : (int64_t)trace->points[i - trace->nspans].span;
        uint32_t from = parent < 0 ? 0 : out->nodes[parent];
        if (trace->is_dag && parent >= 0) /* a DAG has no call paths, but pairs of neighbours */
            rc = call_path_get(paths, names, 0, trace->spans[parent].tracepoint, &from);
        if (!rc) rc = call_path_get(paths, names, from, tracepoint, &out->nodes[i]);
    }
    if (rc || !n) return rc;
    memcpy(out->distinct, out->nodes, n * sizeof *out->distinct);
    if (trace->is_dag) rc = dag_more_pairs(out, paths, trace, names, &n);
    if (rc) return rc;
    numbers_sort(out->distinct, n);
    for (uint32_t i = 0, k = 0; i < n; i = k) {
        while (k < n && out->distinct[k] == out->distinct[i])
            k++;
        out->distinct[out->n] = out->distinct[i];
        out->counts[out->n++] = k - i;
        if (k - i > out->repeat_max) out->repeat_max = k - i;
    }
    return SQLITE_OK;
}

void pythia_trace_paths_clear(PythiaTracePaths *paths) {
    pythia_free(paths->nodes);
    pythia_free(paths->distinct);
    pythia_free(paths->counts);
    memset(paths, 0, sizeof *paths);
}

/* ---- the groupings ------------------------------------------------------------------------------------ */

/* Appends the sorted hashes, each once. */
static void put_set(PythiaBuf *buf, PythiaHash128 *hashes, uint32_t n) {
    qsort(hashes, n, sizeof *hashes, hash_compare);
    for (uint32_t i = 0; i < n; i++)
        if (!i || hash_compare(&hashes[i - 1], &hashes[i])) put_hash(buf, hashes[i]);
}

static int put_structure(PythiaBuf *buf, const PythiaCallPaths *call_paths,
                         const PythiaTracePaths *paths) {
    PythiaHash128 *hashes = pythia_alloc_array(paths->n, sizeof *hashes);
    if (!hashes) return SQLITE_NOMEM;
    for (uint32_t i = 0; i < paths->n; i++)
        hashes[i] = call_paths->nodes[paths->distinct[i]].hash;
    put_set(buf, hashes, paths->n);
    pythia_free(hashes);
    return buf->rc;
}

static int put_services(PythiaBuf *buf, const PythiaTrace *trace, const PythiaNames *names) {
    PythiaHash128 *hashes = pythia_alloc_array(trace->nspans, sizeof *hashes);
    if (!hashes) return SQLITE_NOMEM;
    for (uint32_t i = 0; i < trace->nspans; i++) {
        uint32_t t = trace->spans[i].tracepoint;
        PythiaText text = pythia_names_text(names, t ? names->tracepoints[t].service : 0);
        hashes[i] = pythia_hash128(text.n ? text.p : "", text.n);
    }
    put_set(buf, hashes, trace->nspans);
    pythia_free(hashes);
    return buf->rc;
}

/* The hash of a trace point and a phase. */
static PythiaHash128 label_hash(const PythiaNames *names, uint32_t tracepoint, int phase) {
    PythiaHash128 h = {0, 0};
    if (tracepoint && tracepoint <= names->ntracepoints) h = names->tracepoints[tracepoint].hash;
    unsigned char bytes[17];
    for (int k = 0; k < 8; k++) {
        bytes[k] = (unsigned char)(h.hi >> (8 * k));
        bytes[8 + k] = (unsigned char)(h.lo >> (8 * k));
    }
    bytes[16] = (unsigned char)phase;
    return pythia_hash128(bytes, sizeof bytes);
}

/* Appends an item to a list of items, dropping it again when that completes a repetition: the last p
** items equal the p before them, smallest p first, until nothing repeats. */
static uint32_t collapse_push(PythiaHash128 *list, uint32_t first, uint32_t n, PythiaHash128 item) {
    list[n++] = item;
    for (uint32_t p = 1; p <= LONGEST_PERIOD && 2 * p <= n - first;) {
        uint32_t i = 0;
        while (i < p && hash_compare(&list[n - p + i], &list[n - 2 * p + i]) == 0)
            i++;
        if (i < p) {
            p++;
        } else {
            n -= p;
            p = 1;
        }
    }
    return n;
}

/* The sequence of (trace point, phase) on the path. A start whose end follows on the path is an item with
** what lies between inside it; items are collapsed inside their parent, innermost first. */
static int put_path(PythiaBuf *buf, const PythiaPath *path, const PythiaTrace *trace,
                    const PythiaNames *names) {
    PythiaHash128 *list = pythia_alloc_array((size_t)path->n + 1, sizeof *list);
    uint32_t *open =
        pythia_alloc_array(2 * (size_t)path->n + 1, sizeof *open); /* span, place in list */
    int rc = list && open ? SQLITE_OK : SQLITE_NOMEM;
    uint32_t n = 0, depth = 0, first = 0;
    for (uint32_t i = 0; !rc && i < path->n; i++) {
        uint32_t event = path->steps[i].event, span = pythia_event_span(trace, event);
        int phase = pythia_event_phase(trace, event);
        PythiaHash128 label = label_hash(names, pythia_event_tracepoint(trace, event), phase);
        if (phase == PYTHIA_PHASE_START) {
            open[2 * depth] = span;
            open[2 * depth++ + 1] = n;
            list[n++] = label;
            first = n;
            continue;
        }
        if (phase == PYTHIA_PHASE_END && depth && open[2 * depth - 2] == span) {
            uint32_t at = open[2 * --depth + 1];
            PythiaBuf whole = {0};
            for (uint32_t k = at; k < n; k++)
                put_hash(&whole, list[k]);
            put_hash(&whole, label);
            rc = whole.rc;
            if (!rc) label = buf_hash(&whole);
            pythia_buf_clear(&whole);
            n = at;
            first = depth ? open[2 * depth - 1] + 1 : 0;
        }
        if (!rc) n = collapse_push(list, first, n, label);
    }
    for (uint32_t k = 0; !rc && k < n; k++)
        put_hash(buf, list[k]);
    pythia_free(list);
    pythia_free(open);
    return rc ? rc : buf->rc;
}

/* ---- the DAG of events ---------------------------------------------------------------------------------- */

typedef struct DagEdges {
    PythiaEdge *edges;
    size_t n, capacity;
} DagEdges;

static int dag_collect(void *context, const PythiaEdge *edge) {
    DagEdges *all = context;
    int rc = pythia_grow((void **)&all->edges, &all->capacity, all->n + 1, sizeof *all->edges);
    if (!rc) all->edges[all->n++] = *edge;
    return rc;
}

typedef struct Dag {
    uint32_t *first; /* [event]: first outgoing edge in `to`; [n]: their number */
    uint32_t *to;
    uint32_t *waiting; /* predecessors not yet hashed */
    uint32_t *in;      /* first place in `from` for the predecessors' hashes */
    uint32_t *filled;
    uint32_t *queue;
    PythiaHash128 *from; /* hashes of predecessors, side by side per event */
    PythiaHash128 *hash;
} Dag;

static void dag_index(Dag *d, const DagEdges *all, uint32_t n) {
    for (size_t e = 0; e < all->n; e++) {
        d->first[all->edges[e].source + 1]++;
        d->waiting[all->edges[e].destination]++;
    }
    uint32_t in = 0;
    for (uint32_t i = 0; i < n; i++) {
        d->first[i + 1] += d->first[i];
        d->in[i] = in;
        in += d->waiting[i];
    }
    for (size_t e = 0; e < all->n; e++) {
        uint32_t source = all->edges[e].source;
        d->to[d->first[source] + d->filled[source]++] = all->edges[e].destination;
    }
    memset(d->filled, 0, n * sizeof *d->filled);
}

/* Hashes events in topological order. */
static int dag_hash(Dag *d, const PythiaTrace *trace, const PythiaNames *names, uint32_t n) {
    uint32_t head = 0, tail = 0;
    PythiaBuf buf = {0};
    for (uint32_t i = 0; i < n; i++)
        if (!d->waiting[i]) d->queue[tail++] = i;
    while (head < tail && !buf.rc) {
        uint32_t event = d->queue[head++];
        PythiaHash128 *from = d->from + d->in[event];
        qsort(from, d->filled[event], sizeof *from, hash_compare);
        buf.n = 0;
        put_hash(&buf, label_hash(names, pythia_event_tracepoint(trace, event),
                                  pythia_event_phase(trace, event)));
        for (uint32_t i = 0; i < d->filled[event]; i++)
            put_hash(&buf, from[i]);
        d->hash[event] = buf_hash(&buf);
        for (uint32_t e = d->first[event]; e < d->first[event + 1]; e++) {
            uint32_t to = d->to[e];
            d->from[d->in[to] + d->filled[to]++] = d->hash[event];
            if (--d->waiting[to] == 0) d->queue[tail++] = to;
        }
    }
    int rc = buf.rc;
    pythia_buf_clear(&buf);
    return rc;
}

static int put_dag(PythiaBuf *buf, const PythiaTrace *trace, const PythiaModel *model,
                   const PythiaNames *names) {
    DagEdges all = {0};
    uint32_t n = pythia_trace_events(trace);
    int rc = pythia_trace_edges(trace, model, names, dag_collect, &all);
    size_t e = all.n, numbers = 5 * ((size_t)n + 1) + e;
    Dag d = {0};
    uint32_t *memory = rc ? NULL : pythia_alloc_zero(numbers * sizeof *memory);
    d.from = rc ? NULL : pythia_alloc_array(e, sizeof *d.from);
    d.hash = rc ? NULL : pythia_alloc_zero((n + (size_t)1) * sizeof *d.hash);
    if (!rc && (!memory || !d.from || !d.hash)) rc = SQLITE_NOMEM;
    if (!rc) {
        d.first = memory;
        d.waiting = d.first + n + 1;
        d.in = d.waiting + n + 1;
        d.filled = d.in + n + 1;
        d.queue = d.filled + n + 1;
        d.to = d.queue + n + 1;
        dag_index(&d, &all, n);
        rc = dag_hash(&d, trace, names, n);
    }
    if (!rc) {
        qsort(d.hash, n, sizeof *d.hash, hash_compare);
        for (uint32_t i = 0; i < n; i++)
            put_hash(buf, d.hash[i]);
        rc = buf->rc;
    }
    pythia_free(all.edges);
    pythia_free(memory);
    pythia_free(d.from);
    pythia_free(d.hash);
    return rc;
}

/* ---- the signature --------------------------------------------------------------------------------------- */

static void put_value(PythiaBuf *buf, const PythiaValue *value) {
    pythia_buf_byte(buf, (unsigned char)value->type);
    if (value->type >= PYTHIA_VALUE_TEXT) {
        pythia_buf_u64(buf, value->n);
        pythia_buf_bytes(buf, value->of.text, value->n);
    } else {
        pythia_buf_u64(buf, (uint64_t)value->of.integer);
    }
}

static const PythiaValue *find_key(const PythiaValue *values, uint32_t n, uint32_t key) {
    for (uint32_t i = 0; i < n; i++)
        if (values[i].key == key) return &values[i];
    return NULL;
}

/* The first value of the key in preorder: a span's own, else its resource's. */
static const PythiaValue *trace_value(const PythiaTrace *trace, uint32_t key) {
    for (uint32_t i = 0; i < trace->nspans; i++) {
        const PythiaSpan *span = &trace->spans[i];
        const PythiaValue *value = NULL;
        if (span->nvalues) value = find_key(trace->values + span->first_value, span->nvalues, key);
        if (!value && span->resource < trace->nresources)
            value = find_key(trace->resources[span->resource].values,
                             trace->resources[span->resource].n, key);
        if (value) return value;
    }
    return NULL;
}

static void put_text(PythiaBuf *buf, PythiaText text) {
    pythia_buf_u64(buf, text.n);
    pythia_buf_text(buf, text);
}

int pythia_signature(const PythiaTrace *trace, const PythiaModel *model, const PythiaNames *names,
                     const PythiaRequest *request, const PythiaPath *path,
                     const PythiaCallPaths *call_paths, const PythiaTracePaths *paths,
                     PythiaHash128 *signature) {
    PythiaBuf buf = {0};
    int rc = SQLITE_OK;
    pythia_buf_byte(&buf, (unsigned char)model->grouping);
    put_text(&buf, pythia_names_text(names, request->type));
    if (model->grouping == PYTHIA_GROUPING_STRUCTURE) rc = put_structure(&buf, call_paths, paths);
    if (model->grouping == PYTHIA_GROUPING_SERVICES) rc = put_services(&buf, trace, names);
    if (model->grouping == PYTHIA_GROUPING_CRITICAL_PATH) rc = put_path(&buf, path, trace, names);
    if (model->grouping == PYTHIA_GROUPING_DAG) rc = put_dag(&buf, trace, model, names);
    for (uint32_t i = 0; !rc && i < model->ngroup_keys; i++) {
        const PythiaValue *value = trace_value(trace, model->group_keys[i]);
        put_text(&buf, pythia_names_text(names, model->group_keys[i]));
        pythia_buf_byte(&buf, value != NULL);
        if (value) put_value(&buf, value);
    }
    if (!rc) rc = buf.rc;
    if (!rc) *signature = buf_hash(&buf);
    if (!rc && signature->hi == 0) signature->hi = 1; /* 0 stands for "in no group" */
    pythia_buf_clear(&buf);
    return rc;
}
