/* store_traces.c - see store_traces.h. */
#include "tests/unit/store_traces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const TraceShape store_shape_plain = {.spans = 12, .keys = 6, .texts = 10};
const TraceShape store_shape_wild = {
    .spans = 40, .text_ids = 1, .keys = 30, .texts = 40, .points = 3, .links = 2, .orphans = 1};

uint64_t random_next(Random *random) {
    uint64_t x = random->state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return random->state = x;
}

uint64_t random_below(Random *random, uint64_t n) {
    return n ? random_next(random) % n : 0;
}

enum { VALUES = 8, TEXT_BYTES = 32 };

typedef struct Maker {
    PythiaNames *names;
    Random *random;
    const TraceShape *shape;
    PythiaValue values[VALUES];
    char texts[VALUES][TEXT_BYTES];
    int rc;
} Maker;

/* The string `prefix` and a number. */
static uint32_t intern(Maker *m, const char *prefix, uint64_t number) {
    char text[TEXT_BYTES];
    uint32_t id = 0;
    snprintf(text, sizeof text, "%s%llu", prefix, (unsigned long long)number);
    if (!m->rc) m->rc = pythia_names_string(m->names, pythia_text(text), &id);
    return id;
}

static PythiaId make_id(Maker *m, uint64_t number, uint32_t form) {
    if (m->shape->text_ids && form == PYTHIA_ID_TEXT)
        return (PythiaId){0, intern(m, "id ", number), PYTHIA_ID_TEXT};
    if (form == PYTHIA_ID_HEX16) return (PythiaId){0, number, PYTHIA_ID_HEX16};
    return (PythiaId){number * 31 + 1, number, form == PYTHIA_ID_UUID ? form : PYTHIA_ID_HEX32};
}

/* Random values of any type; a key may occur twice. Returns how many. */
static uint32_t make_values(Maker *m) {
    uint32_t n = (uint32_t)random_below(m->random, VALUES);
    for (uint32_t i = 0; i < n; i++) {
        PythiaValue *v = &m->values[i];
        memset(v, 0, sizeof *v);
        v->key = intern(m, "key", random_below(m->random, m->shape->keys));
        v->type = (uint32_t)(PYTHIA_VALUE_INT + random_below(m->random, 6));
        uint64_t r = random_next(m->random);
        if (v->type == PYTHIA_VALUE_INT) {
            v->of.integer = r % 3 ? (int64_t)(r >> 50) : (int64_t)r;
        } else if (v->type == PYTHIA_VALUE_BOOL) {
            v->of.integer = (int64_t)(r & 1);
        } else if (v->type == PYTHIA_VALUE_DOUBLE) {
            v->of.real = (double)(r >> 40) / 7;
            if (r % 11 == 0) v->of.real = __builtin_nan("");
        } else {
            int bytes = snprintf(m->texts[i], TEXT_BYTES, "text %llu",
                                 (unsigned long long)random_below(m->random, m->shape->texts));
            if (r % 5 == 0) bytes = 0;
            v->n = (uint32_t)bytes;
            v->of.text = m->texts[i];
        }
    }
    return n;
}

/* Texts must live in the arena of the trace. */
static void keep_texts(Maker *m, PythiaTrace *trace, uint32_t n) {
    for (uint32_t i = 0; i < n && !m->rc; i++) {
        if (m->values[i].type < PYTHIA_VALUE_TEXT) continue;
        m->values[i].of.text =
            pythia_arena_copy(&trace->arena, m->values[i].of.text, m->values[i].n);
        if (!m->values[i].of.text) m->rc = SQLITE_NOMEM;
    }
}

static uint32_t make_resource(Maker *m, PythiaTrace *trace) {
    static const char *const hosts[] = {"alpha", "beta", "gamma"};
    PythiaValue values[3];
    uint64_t which = random_below(m->random, 3);
    memset(values, 0, sizeof values);
    values[0].key = intern(m, "host.name", 0);
    values[0].type = PYTHIA_VALUE_TEXT;
    values[0].of.text = hosts[which];
    values[0].n = (uint32_t)strlen(hosts[which]);
    values[1].key = intern(m, "process.pid", 0);
    values[1].type = PYTHIA_VALUE_INT;
    values[1].of.integer = (int64_t)which * 100;
    PythiaResourceSet set = {values, (uint32_t)(which == 2 ? 1 : 2), 0};
    set.hash = pythia_resource_hash(set.values, set.n);
    uint32_t index = 0;
    if (!m->rc) m->rc = pythia_trace_add_resource(trace, &set, &index);
    return index;
}

static void make_span(Maker *m, PythiaTrace *trace, uint32_t i, uint64_t number, int64_t start) {
    Random *r = m->random;
    PythiaSpan span;
    memset(&span, 0, sizeof span);
    uint32_t form = random_below(r, 20) ? PYTHIA_ID_HEX16 : PYTHIA_ID_TEXT;
    span.id = make_id(m, number * 1000 + i + 1, form);
    if (i) {
        uint32_t parent = (uint32_t)random_below(r, i);
        span.parent_id = trace->spans[parent].id;
        if (m->shape->orphans && random_below(r, 9) == 0)
            span.parent_id = make_id(m, number * 1000 + 900 + i, PYTHIA_ID_HEX16);
    }
    span.parent = -1;
    span.start_ns = start + (int64_t)random_below(r, 1000000);
    span.end_ns = span.start_ns + (int64_t)random_below(r, 5000000);
    if (m->shape->orphans && random_below(r, 30) == 0) span.end_ns = span.start_ns - 10;
    span.kind = (uint8_t)random_below(r, 5);
    span.status = (uint8_t)random_below(r, 3);
    span.instance = random_below(r, 4) ? intern(m, "instance ", random_below(r, 3)) : 0;
    uint32_t service = intern(m, "service", random_below(r, 4));
    uint32_t operation = intern(m, "operation", random_below(r, 8));
    if (!m->rc) m->rc = pythia_names_tracepoint(m->names, service, operation, 0, &span.tracepoint);
    if (!m->rc) m->rc = pythia_names_observe(m->names, service, span.start_ns);
    span.resource = make_resource(m, trace);
    span.nvalues = make_values(m);
    keep_texts(m, trace, span.nvalues);
    if (!m->rc) m->rc = pythia_trace_add_span(trace, &span, m->values);
}

static void make_points(Maker *m, PythiaTrace *trace, uint32_t span) {
    const PythiaSpan *s = &trace->spans[span];
    for (uint64_t n = random_below(m->random, m->shape->points + 1); n && !m->rc; n--) {
        PythiaPoint point;
        memset(&point, 0, sizeof point);
        point.span = span;
        point.time_ns = s->start_ns + (int64_t)random_below(m->random, 6000000);
        const PythiaTracepoint t = m->names->tracepoints[s->tracepoint];
        uint32_t name = intern(m, "point", random_below(m->random, 3));
        if (!m->rc)
            m->rc =
                pythia_names_tracepoint(m->names, t.service, t.operation, name, &point.tracepoint);
        point.nvalues = make_values(m);
        keep_texts(m, trace, point.nvalues);
        if (!m->rc) m->rc = pythia_trace_add_point(trace, &point, m->values);
    }
}

static void make_links(Maker *m, PythiaTrace *trace, uint32_t span) {
    for (uint64_t n = random_below(m->random, m->shape->links + 1); n && !m->rc; n--) {
        PythiaLinkTo link;
        memset(&link, 0, sizeof link);
        link.from_span = span;
        link.kind = (uint32_t)random_below(m->random, 3);
        link.trace = make_id(m, random_below(m->random, 50) + 1, PYTHIA_ID_HEX32);
        link.span = make_id(m, random_below(m->random, 5000) + 1, PYTHIA_ID_HEX16);
        link.nvalues = make_values(m);
        keep_texts(m, trace, link.nvalues);
        if (!m->rc) m->rc = pythia_trace_add_link(trace, &link, m->values);
    }
}

int store_trace_make(PythiaTrace *trace, PythiaNames *names, Random *random,
                     const TraceShape *shape, uint64_t number) {
    Maker m = {.names = names, .random = random, .shape = shape};
    pythia_trace_reset(trace);
    static const uint32_t forms[] = {PYTHIA_ID_HEX32, PYTHIA_ID_HEX32, PYTHIA_ID_UUID,
                                     PYTHIA_ID_HEX16, PYTHIA_ID_TEXT};
    trace->id = make_id(&m, number, shape->text_ids ? forms[number % 5] : PYTHIA_ID_HEX32);
    uint32_t spans = (uint32_t)(1 + random_below(random, shape->spans));
    int64_t start = (int64_t)(1700000000000000000 + number * 1000000000);
    for (uint32_t i = 0; i < spans && !m.rc; i++)
        make_span(&m, trace, i, number, start + (int64_t)i * 1000);
    for (uint32_t i = 0; i < spans && !m.rc; i++) {
        make_points(&m, trace, i);
        make_links(&m, trace, i);
    }
    return m.rc ? m.rc : pythia_trace_build(trace, names);
}

void store_head_make(PythiaHead *head, const PythiaTrace *trace, Random *random) {
    memset(head, 0, sizeof *head);
    head->start_ns = trace->spans[0].start_ns;
    head->duration_ns = (int64_t)random_below(random, 100000000);
    head->root_duration_ns = (int64_t)random_below(random, 100000000);
    head->group = random_next(random);
    head->request_type = 1;
    head->services = (uint32_t)random_below(random, 5);
    head->errors = (uint32_t)random_below(random, 2);
    head->repeat_max = (uint32_t)random_below(random, 9);
    head->problems = (uint32_t)random_below(random, 3);
    head->status = (uint32_t)trace->status;
}

/* ---- comparing ------------------------------------------------------------------------------------- */

static PythiaText text_of(const PythiaNames *names, uint32_t id) {
    return pythia_names_text(names, id);
}

static int same_id(PythiaId a, const PythiaNames *an, PythiaId b, const PythiaNames *bn) {
    if (a.form != b.form) return 0;
    if (a.form == PYTHIA_ID_TEXT)
        return pythia_text_equal(text_of(an, (uint32_t)a.lo), text_of(bn, (uint32_t)b.lo));
    return a.hi == b.hi && a.lo == b.lo;
}

static int same_value(const PythiaValue *a, const PythiaNames *an, const PythiaValue *b,
                      const PythiaNames *bn) {
    if (!pythia_text_equal(text_of(an, a->key), text_of(bn, b->key)) || a->type != b->type)
        return 0;
    if (a->type < PYTHIA_VALUE_TEXT) return a->of.integer == b->of.integer; /* bits of a double */
    return a->n == b->n && (a->n == 0 || memcmp(a->of.text, b->of.text, a->n) == 0);
}

/* The same values, in any order. */
static int same_values(const PythiaValue *a, uint32_t na, const PythiaNames *an,
                       const PythiaValue *b, uint32_t nb, const PythiaNames *bn) {
    char taken[256] = {0};
    if (na != nb || nb > sizeof taken) return 0;
    for (uint32_t i = 0; i < na; i++) {
        uint32_t j = 0;
        while (j < nb && (taken[j] || !same_value(&a[i], an, &b[j], bn)))
            j++;
        if (j == nb) return 0;
        taken[j] = 1;
    }
    return 1;
}

static const char *span_differs(const PythiaTrace *ta, const PythiaNames *an, const PythiaTrace *tb,
                                const PythiaNames *bn, uint32_t i, int values) {
    const PythiaSpan *a = &ta->spans[i], *b = &tb->spans[i];
    if (!same_id(a->id, an, b->id, bn)) return "span id";
    if (!same_id(a->parent_id, an, b->parent_id, bn)) return "parent id";
    if (a->start_ns != b->start_ns || a->end_ns != b->end_ns) return "times";
    if (a->from_ns != b->from_ns || a->to_ns != b->to_ns) return "derived times";
    if (a->parent != b->parent || a->last != b->last || a->depth != b->depth) return "tree";
    if (!pythia_text_equal(pythia_names_tracepoint_text(an, a->tracepoint),
                           pythia_names_tracepoint_text(bn, b->tracepoint)))
        return "trace point";
    if (!pythia_text_equal(text_of(an, a->instance), text_of(bn, b->instance))) return "instance";
    if (a->kind != b->kind || a->status != b->status || a->flags != b->flags) return "bits";
    if (!a->conflict != !b->conflict) return "conflict";
    if (a->npoints != b->npoints || (a->npoints && a->first_point != b->first_point))
        return "points of a span";
    if (!values) return NULL;
    if (!same_values(ta->values + a->first_value, a->nvalues, an, tb->values + b->first_value,
                     b->nvalues, bn))
        return "values of a span";
    const PythiaResourceSet *ra = &ta->resources[a->resource], *rb = &tb->resources[b->resource];
    return same_values(ra->values, ra->n, an, rb->values, rb->n, bn) ? NULL : "resource";
}

static const char *point_differs(const PythiaTrace *ta, const PythiaNames *an,
                                 const PythiaTrace *tb, const PythiaNames *bn, uint32_t i,
                                 int values) {
    const PythiaPoint *a = &ta->points[i], *b = &tb->points[i];
    if (a->time_ns != b->time_ns || a->span != b->span) return "point";
    if (!pythia_text_equal(pythia_names_tracepoint_text(an, a->tracepoint),
                           pythia_names_tracepoint_text(bn, b->tracepoint)))
        return "trace point of a point";
    if (values && !same_values(ta->values + a->first_value, a->nvalues, an,
                               tb->values + b->first_value, b->nvalues, bn))
        return "values of a point";
    return NULL;
}

static const char *link_differs(const PythiaTrace *ta, const PythiaNames *an, const PythiaTrace *tb,
                                const PythiaNames *bn, uint32_t i, int values) {
    const PythiaLinkTo *a = &ta->links[i], *b = &tb->links[i];
    if (a->from_span != b->from_span || a->kind != b->kind ||
        !same_id(a->trace, an, b->trace, bn) || !same_id(a->span, an, b->span, bn))
        return "link";
    if (values && !same_values(ta->values + a->first_value, a->nvalues, an,
                               tb->values + b->first_value, b->nvalues, bn))
        return "values of a link";
    return NULL;
}

const char *store_trace_differs(const PythiaTrace *a, const PythiaNames *an, const PythiaTrace *b,
                                const PythiaNames *bn, int values) {
    const char *what = NULL;
    if (!same_id(a->id, an, b->id, bn)) return "trace id";
    if (a->nspans != b->nspans || a->npoints != b->npoints || a->nlinks != b->nlinks)
        return "counts";
    if (a->status != b->status || a->nroots != b->nroots) return "status";
    if (memcmp(&a->repairs, &b->repairs, sizeof a->repairs) != 0) return "repairs";
    for (uint32_t i = 0; i < a->nspans && !what; i++)
        what = span_differs(a, an, b, bn, i, values);
    for (uint32_t i = 0; i < a->npoints && !what; i++)
        what = point_differs(a, an, b, bn, i, values);
    for (uint32_t i = 0; i < a->nlinks && !what; i++)
        what = link_differs(a, an, b, bn, i, values);
    return what;
}

/* ---- reading everything ---------------------------------------------------------------------------- */

typedef struct Reader {
    PythiaStore *store;
    int damaged;
    uint64_t hash;
    PythiaTrace trace;
    PythiaValueList list;
    char *error;
} Reader;

/* Counts damage; every error must come with a message, but for a lack of memory. */
static int absorb(Reader *r, int rc) {
    if (rc == SQLITE_CORRUPT_VTAB) {
        r->damaged++;
        if (!r->error) return SQLITE_INTERNAL;
        rc = SQLITE_OK;
    }
    sqlite3_free(r->error);
    r->error = NULL;
    return rc;
}

static void take(Reader *r, const void *bytes, size_t n) {
    r->hash = r->hash * 31 + (n ? pythia_hash64(bytes, n) : 7);
}

static void take_values(Reader *r, const PythiaValue *values, uint32_t n) {
    uint64_t sum = n; /* in any order */
    for (uint32_t i = 0; i < n; i++)
        sum += pythia_resource_hash(&values[i], 1);
    take(r, &sum, sizeof sum);
}

static int read_columns(Reader *r, PythiaSegment *s) {
    int rc = SQLITE_OK;
    for (int c = 0; !rc && c < PYTHIA_COL_COUNT; c++) {
        const int64_t *values;
        uint32_t n;
        rc = pythia_segment_column(s, c, &values, &n, &r->error);
        if (!rc) take(r, values, n * sizeof *values);
        rc = absorb(r, rc);
    }
    uint32_t n = 0;
    if (!rc) rc = absorb(r, pythia_segment_attribute_count(s, &n, &r->error));
    for (uint32_t i = 0; !rc && i < n; i++) {
        PythiaAttributeColumn a;
        rc = pythia_segment_attribute(s, i, &a, &r->error);
        for (uint32_t k = 0; !rc && k < a.n; k++)
            if (a.texts)
                take(r, a.texts[a.codes[k]].p, a.texts[a.codes[k]].n);
            else
                take(r, &a.codes[k], sizeof a.codes[k]);
        rc = absorb(r, rc);
    }
    return rc;
}

/* Looks each span of a live trace up by its id. */
static int seek_spans(Reader *r, PythiaSegment *s, uint32_t t) {
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < r->trace.nspans; i++) {
        PythiaSpanPlace place = {0};
        int found;
        do
            rc = pythia_store_next_span(r->store, r->trace.spans[i].id, &place, &found, &r->error);
        while (!rc && found && (place.segment != pythia_segment_info(s)->id || place.ordinal != t));
        if (!rc && !found) r->damaged++;
        rc = absorb(r, rc);
    }
    return rc;
}

static int read_trace(Reader *r, PythiaSegment *s, uint32_t t) {
    PythiaHead head;
    int found;
    int64_t segment;
    uint32_t ordinal;
    int rc = pythia_segment_trace(s, t, t % 3 != 1, &r->trace, &r->error);
    if (!rc) {
        take_values(r, r->trace.values, r->trace.nvalues);
        for (uint32_t i = 0; i < r->trace.nspans; i++)
            take(r, &r->trace.spans[i].parent_id, 20);
        rc = absorb(
            r, pythia_store_find(r->store, r->trace.id, &found, &segment, &ordinal, &r->error));
        if (!rc && !found && !pythia_segment_dead(s, t)) r->damaged++;
        if (!rc && !pythia_segment_dead(s, t)) rc = seek_spans(r, s, t);
    } else {
        rc = absorb(r, rc);
    }
    if (!rc) {
        rc = pythia_segment_head(s, t, &head, &r->error);
        if (!rc) take(r, &head, 60);
        rc = absorb(r, rc);
    }
    return rc;
}

static int read_segment(Reader *r, PythiaSegment *s) {
    const PythiaSegmentInfo *info = pythia_segment_info(s);
    int rc = SQLITE_OK;
    for (uint32_t t = 0; !rc && t < info->traces && t < 1000; t++)
        rc = read_trace(r, s, t);
    for (uint32_t i = 0; !rc && i < info->spans && i < 1000; i++) {
        rc = pythia_segment_span_values(s, i, &r->list, &r->error);
        if (!rc) take_values(r, r->list.values, r->list.n);
        rc = absorb(r, rc);
    }
    if (!rc) rc = read_columns(r, s);
    for (uint32_t i = 0; !rc && i < 10; i++) {
        PythiaResourceSet set;
        rc = pythia_segment_resource(s, i, &set, &r->error);
        if (rc == SQLITE_CORRUPT_VTAB) break; /* there are not that many */
        if (!rc) take_values(r, set.values, set.n);
    }
    return absorb(r, rc == SQLITE_CORRUPT_VTAB ? SQLITE_OK : rc);
}

int store_read_all(PythiaStore *store, int *damaged, uint64_t *hash) {
    Reader r = {.store = store};
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < pythia_store_segment_count(store); i++) {
        PythiaSegment *s;
        rc = pythia_segment_open(store, pythia_store_segment_info(store, i)->id, &s, &r.error);
        if (rc) break;
        rc = read_segment(&r, s);
        pythia_segment_release(s);
    }
    *damaged = r.damaged;
    *hash = r.hash;
    sqlite3_free(r.error);
    pythia_free(r.list.values);
    pythia_trace_clear(&r.trace);
    return rc;
}
