/* trace_util.c - see trace_util.h. */
#include "tests/unit/trace_util.h"

#include <stdio.h>
#include <stdlib.h>

enum { MILLISECOND = 1000000, TICK = 100000, EPOCH_TICKS = 1000003, FAR_ID = 1000000 };

/* ---- random numbers --------------------------------------------------------------------------------- */

static uint64_t random_next(SampleRandom *random) { /* Marsaglia's xorshift64*, 2003 */
    uint64_t x = random->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    random->state = x;
    return x * 0x2545f4914f6cdd1du;
}

uint32_t sample_below(SampleRandom *random, uint32_t n) {
    return (uint32_t)((random_next(random) >> 32) % n);
}

int sample_chance(SampleRandom *random, uint32_t percent) {
    return sample_below(random, 100) < percent;
}

/* ---- by hand ------------------------------------------------------------------------------------------ */

uint32_t sample_span(Sample *sample, uint64_t id, uint64_t parent, int64_t start_ns, int64_t end_ns,
                     uint32_t service, uint32_t operation) {
    if (sample->nspans == SAMPLE_SPANS) abort();
    sample->spans[sample->nspans] = (SampleSpan){.id = id,
                                                 .parent = parent,
                                                 .start_ns = start_ns,
                                                 .end_ns = end_ns,
                                                 .service = service,
                                                 .operation = operation,
                                                 .uid = ++sample->last_uid};
    return sample->nspans++;
}

uint32_t sample_point(Sample *sample, uint32_t span, int64_t time_ns, uint32_t name) {
    if (sample->npoints == SAMPLE_POINTS) abort();
    sample->points[sample->npoints] = (SamplePoint){span, time_ns, name, ++sample->last_uid};
    return sample->npoints++;
}

uint32_t sample_link(Sample *sample, uint32_t span, uint64_t to, int trace) {
    if (sample->nlinks == SAMPLE_LINKS) abort();
    sample->links[sample->nlinks] = (SampleLink){span, to, trace, ++sample->last_uid};
    return sample->nlinks++;
}

/* ---- at random ------------------------------------------------------------------------------------------ */

/* Start and end of a child, in ticks; `range` is the length of the trace. */
static void random_child(SampleRandom *random, const SampleSpan *parent, uint32_t range,
                         SampleSpan *span) {
    int64_t from = parent->start_ns;
    int64_t to = parent->end_ns > from ? parent->end_ns : from;
    uint32_t length = (uint32_t)(to - from), style = sample_below(random, 100);
    int64_t start = from + sample_below(random, length + 1);
    int64_t end = start + sample_below(random, (uint32_t)(to - start) + 1);
    if (style < 12) { /* outlives its parent */
        end = to + 1 + sample_below(random, range / 4 + 1);
    } else if (style < 22) { /* begins after its end */
        start = to + sample_below(random, range / 4 + 1);
        end = start + sample_below(random, range / 4 + 1);
    } else if (style < 30) { /* begins before it */
        start = from - sample_below(random, range / 8 + 2);
    } else if (style < 40) {
        end = start;
    } else if (style < 43) { /* negative */
        end = start - 1 - sample_below(random, range / 8 + 1);
    } else if (style < 55) { /* as long as the parent */
        start = from;
        end = to;
    }
    span->start_ns = start;
    span->end_ns = end;
}

static void make_tree(Sample *sample, SampleRandom *random, unsigned what, uint32_t most) {
    uint32_t n = 1 + sample_below(random, most);
    uint32_t range = what & SAMPLE_TIES                      ? 3 + sample_below(random, 10)
                     : what & (SAMPLE_COARSE | SAMPLE_MIXED) ? 20 + sample_below(random, 200)
                                                             : 1000000;
    for (uint32_t i = 0; i < n; i++) {
        int is_root = i == 0 || (what & SAMPLE_ROOTS && sample_chance(random, 15));
        uint32_t back = sample_chance(random, 50) ? (i < 3 ? i : 3) : i;
        uint32_t parent = is_root ? 0 : i - 1 - sample_below(random, back);
        uint32_t s = sample_span(sample, i + 1, is_root ? 0 : parent + 1, 0, 0,
                                 1 + sample_below(random, 4), 1 + sample_below(random, 5));
        SampleSpan *span = &sample->spans[s];
        span->kind = (uint8_t)sample_below(random, 5);
        span->status = (uint8_t)sample_below(random, 3);
        if (is_root) {
            span->start_ns = EPOCH_TICKS + sample_below(random, range + 1);
            span->end_ns = span->start_ns + sample_below(random, range + 1);
        } else {
            random_child(random, &sample->spans[parent], range, span);
        }
    }
}

/* Ticks become nanoseconds; services with a coarse clock see whole milliseconds. */
static void make_stamps(Sample *sample, SampleRandom *random, unsigned what) {
    if (!(what & (SAMPLE_COARSE | SAMPLE_MIXED))) return;
    for (uint32_t i = 0; i < sample->nspans; i++) {
        SampleSpan *span = &sample->spans[i];
        int64_t length = (span->end_ns - span->start_ns) * TICK;
        int coarse = what & SAMPLE_COARSE || span->service <= 2;
        span->start_ns = span->start_ns * TICK + (coarse ? 0 : sample_below(random, TICK));
        if (coarse) span->start_ns -= span->start_ns % MILLISECOND;
        span->end_ns = span->start_ns + length;
    }
}

static void make_details(Sample *sample, SampleRandom *random, unsigned what) {
    for (uint32_t i = 0; i < sample->nspans; i++) {
        const SampleSpan *span = &sample->spans[i];
        int64_t length = span->end_ns - span->start_ns;
        uint32_t points = what & SAMPLE_POINTED ? sample_below(random, 3) : 0;
        while (points-- > 0) {
            uint32_t width = length > 0 && length < UINT32_MAX ? (uint32_t)length + 1 : 3;
            int64_t time = span->start_ns + sample_below(random, width);
            if (sample_chance(random, 8)) time = span->end_ns + sample_below(random, width);
            if (sample_chance(random, 8)) time = span->start_ns - sample_below(random, width);
            sample_point(sample, i, time, 1 + sample_below(random, 3));
        }
        if (!(what & SAMPLE_LINKED) || !sample_chance(random, 30)) continue;
        uint64_t to =
            sample_chance(random, 10) ? FAR_ID + i : 1 + sample_below(random, sample->nspans);
        sample_link(sample, i, to, (int)sample_below(random, 3));
    }
}

static void make_damage(Sample *sample, SampleRandom *random, unsigned what) {
    for (uint32_t i = 1; what & SAMPLE_ORPHANS && i < sample->nspans; i++)
        if (sample_chance(random, 10)) sample->spans[i].parent = FAR_ID + sample_below(random, 5);
    if (!(what & SAMPLE_CYCLES)) return;
    for (uint32_t n = 1 + sample_below(random, 2); n > 0; n--) {
        uint32_t i = sample_below(random, sample->nspans);
        sample->spans[i].parent = 1 + i + sample_below(random, sample->nspans - i);
    }
}

/* Gives some client sides a server side under the same id. */
static void make_shared(Sample *sample, SampleRandom *random) {
    uint32_t n = sample->nspans;
    for (uint32_t i = 0; i < n; i++) {
        SampleSpan *client = &sample->spans[i];
        if (!sample_chance(random, 30)) continue;
        client->kind = PYTHIA_KIND_CLIENT;
        int64_t length = client->end_ns - client->start_ns;
        int64_t inset = length > 4 ? length / 4 : 0;
        uint32_t s =
            sample_span(sample, client->id, sample_chance(random, 50) ? client->parent : client->id,
                        client->start_ns + inset, client->end_ns - inset, 1 + client->service % 4,
                        client->operation);
        sample->spans[s].kind = PYTHIA_KIND_SERVER;
    }
}

static int id_is_single(const Sample *sample, uint64_t id) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < sample->nspans; i++)
        n += sample->spans[i].id == id;
    return n == 1;
}

/* Splits spans into halves; some lose one. */
static void make_halves(Sample *sample, SampleRandom *random) {
    uint32_t n = sample->nspans;
    for (uint32_t i = 0; i < n; i++) {
        SampleSpan *first = &sample->spans[i];
        if (!sample_chance(random, 35) || first->end_ns < first->start_ns ||
            !id_is_single(sample, first->id))
            continue;
        if (sample_chance(random, 20)) {
            first->flags |= PYTHIA_SPAN_NO_START;
            first->start_ns = first->end_ns;
        } else if (sample_chance(random, 75)) {
            /* The end knows neither name nor kind, and not always its parent. */
            uint32_t s =
                sample_span(sample, first->id, sample_chance(random, 70) ? first->parent : 0,
                            first->end_ns, first->end_ns, first->service, 6);
            SampleSpan *other = &sample->spans[s];
            other->flags = PYTHIA_SPAN_NO_START;
            other->partner = (uint32_t)first->uid;
            first->partner = (uint32_t)other->uid;
            first->flags |= PYTHIA_SPAN_NO_END;
            first->end_ns = first->start_ns;
            if (other->parent && sample_chance(random, 20)) first->parent = 0;
        } else {
            first->flags |= PYTHIA_SPAN_NO_END;
            first->end_ns = first->start_ns;
        }
    }
}

/* Copies span i with its details. The details of a repetition are repetitions too. */
static uint32_t copy_span(Sample *sample, uint32_t i) {
    uint32_t s = sample_span(sample, 0, 0, 0, 0, 0, 0), npoints = sample->npoints,
             nlinks = sample->nlinks;
    sample->spans[s] = sample->spans[i];
    for (uint32_t p = 0; p < npoints; p++) {
        if (sample->points[p].span != i) continue;
        uint32_t copy = sample_point(sample, s, sample->points[p].time_ns, sample->points[p].name);
        sample->points[copy].uid = sample->points[p].uid;
    }
    for (uint32_t l = 0; l < nlinks; l++) {
        if (sample->links[l].span != i) continue;
        uint32_t copy = sample_link(sample, s, sample->links[l].to, sample->links[l].trace);
        sample->links[copy].uid = sample->links[l].uid;
    }
    return s;
}

static void make_copies(Sample *sample, SampleRandom *random, unsigned what) {
    uint32_t n = sample->nspans;
    for (uint32_t i = 0; i < n; i++) {
        if (what & SAMPLE_DUPLICATES && sample_chance(random, 20)) copy_span(sample, i);
        if (!(what & SAMPLE_CONFLICTS) || !sample_chance(random, 15) || sample->spans[i].flags)
            continue;
        const SampleSpan *span = &sample->spans[i];
        uint32_t s =
            sample_span(sample, span->id, span->parent, span->start_ns,
                        span->end_ns + 1 + sample_below(random, 5), span->service, span->operation);
        sample->spans[s].kind = span->kind;
    }
}

void sample_make(Sample *sample, SampleRandom *random, unsigned what, uint32_t most) {
    sample->nspans = sample->npoints = sample->nlinks = 0;
    sample->last_uid = 0;
    make_tree(sample, random, what, most);
    make_stamps(sample, random, what);
    make_damage(sample, random, what);
    if (what & SAMPLE_SHARED) make_shared(sample, random);
    if (what & SAMPLE_HALVES) make_halves(sample, random);
    make_details(sample, random, what);
    make_copies(sample, random, what);
}

void sample_shuffle(Sample *sample, SampleRandom *random) {
    uint32_t place[SAMPLE_SPANS] = {0}; /* old index -> new index */
    for (uint32_t i = 0; i < sample->nspans; i++)
        place[i] = i;
    for (uint32_t i = sample->nspans; i > 1; i--) {
        uint32_t k = sample_below(random, i), kept = place[k];
        place[k] = place[i - 1];
        place[i - 1] = kept;
    }
    SampleSpan spans[SAMPLE_SPANS];
    memcpy(spans, sample->spans, sizeof spans);
    for (uint32_t i = 0; i < sample->nspans; i++)
        sample->spans[place[i]] = spans[i];
    for (uint32_t i = 0; i < sample->npoints; i++)
        sample->points[i].span = place[sample->points[i].span];
    for (uint32_t i = sample->npoints; i > 1; i--) {
        uint32_t k = sample_below(random, i);
        SamplePoint kept = sample->points[k];
        sample->points[k] = sample->points[i - 1];
        sample->points[i - 1] = kept;
    }
    for (uint32_t i = 0; i < sample->nlinks; i++)
        sample->links[i].span = place[sample->links[i].span];
    for (uint32_t i = sample->nlinks; i > 1; i--) {
        uint32_t k = sample_below(random, i);
        SampleLink kept = sample->links[k];
        sample->links[k] = sample->links[i - 1];
        sample->links[i - 1] = kept;
    }
}

/* ---- loading -------------------------------------------------------------------------------------------- */

PythiaId sample_id(uint64_t id) {
    /* Spread out as real ids are; still one to one. */
    return id ? (PythiaId){0, id * 0x9e3779b97f4a7c15u, PYTHIA_ID_HEX16}
              : (PythiaId){0, 0, PYTHIA_ID_NONE};
}

static int name_of(PythiaNames *names, char letter, uint32_t number, uint32_t *id) {
    char text[16];
    int n = snprintf(text, sizeof text, "%c%u", letter, (unsigned)number);
    return pythia_names_string(names, (PythiaText){text, (size_t)n}, id);
}

static int place_of(PythiaNames *names, const SampleSpan *span, uint32_t point, uint32_t *service,
                    uint32_t *tracepoint) {
    uint32_t operation = 0, name = 0;
    int rc = name_of(names, 's', span->service, service);
    if (!rc) rc = name_of(names, 'o', span->operation, &operation);
    if (!rc && point) rc = name_of(names, 'p', point, &name);
    if (!rc) rc = pythia_names_tracepoint(names, *service, operation, name, tracepoint);
    return rc;
}

static int load_span(const SampleSpan *from, uint32_t key, PythiaNames *names, PythiaTrace *trace) {
    uint32_t service, tracepoint;
    int rc = place_of(names, from, 0, &service, &tracepoint);
    if (!rc) rc = pythia_names_observe(names, service, from->start_ns);
    if (rc) return rc;
    PythiaValue value = {.key = key, .type = PYTHIA_VALUE_INT, .of.integer = from->uid};
    PythiaSpan span = {.id = sample_id(from->id),
                       .parent_id = sample_id(from->parent),
                       .start_ns = from->start_ns,
                       .end_ns = from->end_ns,
                       .tracepoint = tracepoint,
                       .nvalues = 1,
                       .kind = from->kind,
                       .status = from->status,
                       .flags = from->flags};
    return pythia_trace_add_span(trace, &span, &value);
}

int sample_load(const Sample *sample, PythiaNames *names, PythiaTrace *trace) {
    uint32_t key, unused;
    pythia_trace_reset(trace);
    trace->id = sample_id(77);
    int rc = pythia_names_string(names, PYTHIA_TEXT("uid"), &key);
    for (uint32_t i = 0; !rc && i < sample->nspans; i++)
        rc = load_span(&sample->spans[i], key, names, trace);
    for (uint32_t i = 0; !rc && i < sample->npoints; i++) {
        const SamplePoint *from = &sample->points[i];
        PythiaPoint point = {.time_ns = from->time_ns, .span = from->span, .nvalues = 1};
        PythiaValue value = {.key = key, .type = PYTHIA_VALUE_INT, .of.integer = from->uid};
        rc = place_of(names, &sample->spans[from->span], from->name, &unused, &point.tracepoint);
        if (!rc) rc = pythia_trace_add_point(trace, &point, &value);
    }
    for (uint32_t i = 0; !rc && i < sample->nlinks; i++) {
        const SampleLink *from = &sample->links[i];
        PythiaLinkTo link = {.span = sample_id(from->to), .from_span = from->span, .nvalues = 1};
        PythiaValue value = {.key = key, .type = PYTHIA_VALUE_INT, .of.integer = from->uid};
        if (from->trace == SAMPLE_LINK_HERE) link.trace = trace->id;
        if (from->trace == SAMPLE_LINK_ELSEWHERE) link.trace = sample_id(78);
        rc = pythia_trace_add_link(trace, &link, &value);
    }
    return rc;
}

int sample_build(const Sample *sample, PythiaNames *names, PythiaTrace *trace) {
    int rc = sample_load(sample, names, trace);
    return rc ? rc : pythia_trace_build(trace, names);
}

int64_t sample_uid(const PythiaTrace *trace, uint32_t first, uint32_t n, uint32_t *count) {
    if (count) *count = n;
    return n ? trace->values[first].of.integer : 0;
}

uint32_t sample_find(const PythiaTrace *trace, int64_t uid) {
    for (uint32_t i = 0; i < trace->nspans; i++)
        for (uint32_t k = 0; k < trace->spans[i].nvalues; k++)
            if (trace->values[trace->spans[i].first_value + k].of.integer == uid) return i;
    return PYTHIA_NO_SPAN;
}

void sample_bare_span(PythiaTrace *trace, uint64_t id, uint64_t parent, int64_t start_ns,
                      int64_t end_ns) {
    PythiaSpan span = {.id = sample_id(id),
                       .parent_id = parent ? sample_id(parent) : (PythiaId){0, 0, PYTHIA_ID_NONE},
                       .start_ns = start_ns,
                       .end_ns = end_ns};
    CU_ASSERT_FATAL(!pythia_trace_add_span(trace, &span, NULL));
}

PythiaModel sample_model(void) {
    return (PythiaModel){.grouping = PYTHIA_GROUPING_STRUCTURE, .order_tolerance_ns = -1};
}

int derived_make(Derived *d, const PythiaTrace *trace, const PythiaModel *model,
                 PythiaNames *names) {
    int rc = pythia_request_find(trace, model, names, &d->request);
    if (!rc) rc = pythia_path_walk(&d->path, trace, model, names, &d->request);
    if (!rc) rc = pythia_trace_paths(&d->paths, &d->call_paths, trace, names);
    if (!rc)
        rc = pythia_signature(trace, model, names, &d->request, &d->path, &d->call_paths, &d->paths,
                              &d->signature);
    return rc;
}

void derived_clear(Derived *d) {
    pythia_path_clear(&d->path);
    pythia_call_paths_clear(&d->call_paths);
    pythia_trace_paths_clear(&d->paths);
}

/* ---- slow answers ------------------------------------------------------------------------------------------ */

static int64_t slow_resolution(const PythiaTrace *trace, const PythiaNames *names, uint32_t span) {
    uint32_t service = names->tracepoints[trace->spans[span].tracepoint].service;
    return pythia_names_resolution_ns(names, service);
}

/* By from; the end after all others at its instant; by to; points before spans; by arrival. */
static int slow_compare(const void *a, const void *b) {
    const SlowItem *x = a, *y = b;
    if (x->from_ns != y->from_ns) return x->from_ns < y->from_ns ? -1 : 1;
    if (x->is_end != y->is_end) return x->is_end ? 1 : -1;
    if (x->to_ns != y->to_ns) return x->to_ns < y->to_ns ? -1 : 1;
    if (x->is_point != y->is_point) return x->is_point ? -1 : 1;
    return x->record < y->record ? -1 : x->record > y->record;
}

void slow_items(SlowItems *items, const PythiaTrace *trace, const PythiaModel *model,
                const PythiaNames *names, uint32_t span) {
    int32_t parent = span == PYTHIA_NO_SPAN ? -1 : (int32_t)span;
    items->n = 0;
    items->nesting = model->causality == PYTHIA_CAUSALITY_NESTING;
    items->tolerance_ns = model->order_tolerance_ns;
    for (uint32_t i = 0; i < trace->nspans; i++) {
        const PythiaSpan *s = &trace->spans[i];
        if (s->parent != parent) continue;
        items->items[items->n++] = (SlowItem){
            s->from_ns, s->to_ns, slow_resolution(trace, names, i), 2 * i, 2 * i + 1, s->record,
            0,          0};
    }
    if (parent >= 0) {
        const PythiaSpan *s = &trace->spans[span];
        int64_t resolution = slow_resolution(trace, names, span);
        for (uint32_t i = 0; i < trace->npoints; i++) {
            if (trace->points[i].span != span) continue;
            int64_t t =
                trace->points[i].time_ns > s->from_ns ? trace->points[i].time_ns : s->from_ns;
            uint32_t event = 2 * trace->nspans + i;
            /* Points that were clamped to one instant keep the order of their times. */
            items->items[items->n++] = (SlowItem){t, t, resolution, event, event, i, 0, 1};
        }
        items->items[items->n++] =
            (SlowItem){s->to_ns, s->to_ns, resolution, 2 * span + 1, 2 * span + 1, 0, 1, 0};
    }
    qsort(items->items, items->n, sizeof items->items[0], slow_compare);
}

int slow_precede(const SlowItems *items, uint32_t i, uint32_t j) {
    const SlowItem *a = &items->items[i], *b = &items->items[j];
    int64_t coarser = a->resolution_ns > b->resolution_ns ? a->resolution_ns : b->resolution_ns;
    int64_t tolerance = items->tolerance_ns >= 0 ? items->tolerance_ns
                        : coarser > 1000         ? 2 * coarser
                                                 : 0;
    return i < j && a->to_ns <= b->from_ns + tolerance;
}

int slow_before(const SlowItems *items, uint32_t i, uint32_t j) {
    if (!slow_precede(items, i, j)) return 0;
    return !items->nesting || items->items[j].is_end ||
           (items->items[i].is_point && items->items[j].is_point);
}

uint32_t slow_cover(const SlowItems *items, uint32_t j, uint32_t *cover) {
    uint32_t k = PYTHIA_NO_ITEM, n = 0;
    for (uint32_t i = 0; i < j; i++)
        if (slow_precede(items, i, j)) k = i;
    for (uint32_t i = 0; i < j; i++)
        if (slow_precede(items, i, j) && !slow_precede(items, i, k)) cover[n++] = i;
    return n;
}

static int edges_add(void *context, const PythiaEdge *edge) {
    EdgeList *list = context;
    int rc = pythia_grow((void **)&list->edges, &list->capacity, list->n + 1, sizeof *list->edges);
    if (!rc) list->edges[list->n++] = *edge;
    return rc;
}

int edges_collect(EdgeList *list, const PythiaTrace *trace, const PythiaModel *model,
                  const PythiaNames *names) {
    list->n = 0;
    return pythia_trace_edges(trace, model, names, edges_add, list);
}
