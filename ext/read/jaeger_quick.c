/* jaeger_quick.c - Jaeger's JSON as Jaeger writes it, read in one pass over the bytes.
**
** What otlp_quick.c is for OTLP; what is said there of giving up holds here too. A trace has its processes behind the
** spans that name them. So its spans are kept until it ends, as slices of the reader's lists, and then emitted one after
** the other, each with its slices for lists. Left to the other way are spans with links (more than one reference, or one
** that is not the parent), with warnings, with a process of their own or none, and times that are no integers.
**
** Every function returns 1, or 0 to give up. */
#include "ext/read/jaeger.h"

#include "ext/base/bytes.h"
#include "ext/read/json_scan.h"
#include "ext/read/known.h"

enum {
    MEMBER_TRACE,
    MEMBER_SPAN,
    MEMBER_NAME,
    MEMBER_REFERENCES,
    MEMBER_START,
    MEMBER_START_NS,
    MEMBER_DURATION,
    MEMBER_DURATION_NS,
    MEMBER_TAGS,
    MEMBER_LOGS,
    MEMBER_PROCESS,
    MEMBER_WARNINGS,
    MEMBER_OTHER, /* not used: `flags` and what is not known */
    MEMBER_FIRST  /* before the first one */
};

_Static_assert((int)MEMBER_FIRST < (int)PYTHIA_KNOWN_MEMBERS, "members");

#define BIT(member) (1u << (member))
enum {
    NEEDED = BIT(MEMBER_TRACE) | BIT(MEMBER_SPAN) | BIT(MEMBER_PROCESS),
    BRACES = 1 /* behind a value */
};

/* Where the lists of a span begin, or end. */
typedef struct QuickEnds {
    size_t attributes, nested, points;
} QuickEnds;

/* A span that waits for its process. */
typedef struct QuickSpan {
    PythiaRecord record;
    PythiaText process;
    QuickEnds begin;
} QuickSpan;

typedef struct Quick {
    PythiaJsonScan in;
    PythiaReader *r;
    PythiaKnown *state;
    PythiaKnownTrace trace;
    QuickSpan *spans; /* of the trace */
    size_t n, capacity;
} Quick;

#define IS PYTHIA_TEXT_IS

/* ---- tags ---- */

static int type_named(PythiaText type) {
    return IS(type, "string")    ? PYTHIA_VALUE_TEXT
           : IS(type, "int64")   ? PYTHIA_VALUE_INT
           : IS(type, "bool")    ? PYTHIA_VALUE_BOOL
           : IS(type, "float64") ? PYTHIA_VALUE_DOUBLE
           : IS(type, "binary")  ? PYTHIA_VALUE_BYTES
                                 : 0;
}

static int key_is(Quick *q, const char *key, size_t n) {
    PythiaText text;
    return pythia_json_scan_key(&q->in, &text) && text.n == n && memcmp(text.p, key, n) == 0;
}

#define KEY_IS(q, key) key_is((q), (key), sizeof(key) - 1)

/* {"key", "type", "value"} in that order. */
static int tag(void *context, PythiaAttributes *list, PythiaKnownPair *pair) {
    Quick *q = context;
    PythiaText key, type;
    const unsigned char *begin = q->in.p;
    if (!pythia_json_scan_take(&q->in, '{') || !KEY_IS(q, "key") ||
        !pythia_json_scan_string(&q->in, &key) || !pythia_json_scan_take(&q->in, ',') ||
        !KEY_IS(q, "type") || !pythia_json_scan_string(&q->in, &type) ||
        !pythia_json_scan_take(&q->in, ',') || !KEY_IS(q, "value"))
        return 0;
    pythia_json_scan_peek(&q->in);
    PythiaText before = {(const char *)begin, (size_t)(q->in.p - begin)};
    unsigned high = q->in.high;
    PythiaAttribute *a = pythia_attributes_add(q->r, list, key);
    if (!a) return 0;
    a->type = type_named(type);
    if (!pythia_known_value(&q->in, a) || !pythia_known_braces(&q->in, BRACES)) return 0;
    if (pair && !high) pythia_known_pair_set(q->r, pair, before, a);
    return 1;
}

static int tags(Quick *q, PythiaAttributes *list) {
    return pythia_known_attributes(q->r, &q->in, list, BRACES, tag, q);
}

/* ---- spans ---- */

static int id(Quick *q, PythiaRef *ref) {
    PythiaText text;
    const unsigned char *p = q->in.p;
    uint64_t number;
    if (q->in.end - p > 17 && p[0] == '"' && p[17] == '"' &&
        pythia_id_read16((const char *)p + 1, &number)) {
        *ref = (PythiaRef){{0, number, PYTHIA_ID_HEX16}, {(const char *)p + 1, 16}};
        q->in.p += 18;
        return 1;
    }
    if (!pythia_json_scan_string(&q->in, &text)) return 0;
    *ref = (PythiaRef){pythia_id_parse_padded(text), text};
    return 1;
}

/* The spans of a trace have one id, and so have their parents. */
static int trace_id(Quick *q, PythiaRef *ref) {
    if (pythia_known_trace(&q->trace, &q->in, ref)) return 1;
    if (!id(q, ref)) return 0;
    pythia_known_trace_set(&q->trace, ref->text, *ref);
    return 1;
}

/* The members of an object of few, in any order, each at most once: bit i of *seen for keys[i], at whose value the
** function is called. */
typedef int QuickMember(Quick *q, size_t i, void *context);

static int members(Quick *q, const PythiaText *keys, size_t n, QuickMember *member, void *context,
                   unsigned *seen) {
    *seen = 0;
    int next = pythia_json_scan_enter(&q->in, '{', '}');
    while (next == 1) {
        PythiaText k;
        size_t i = 0;
        if (!pythia_json_scan_key(&q->in, &k)) return 0;
        while (i < n && !pythia_bytes_equal_text(k, keys[i]))
            i++;
        if (i == n || *seen & BIT(i)) return 0;
        *seen |= BIT(i);
        pythia_json_scan_peek(&q->in);
        if (!member(q, i, context)) return 0;
        next = pythia_json_scan_more(&q->in, '}');
    }
    return next;
}

typedef struct QuickReference {
    PythiaText type;
    PythiaRef trace, span;
} QuickReference;

static int reference_member(Quick *q, size_t i, void *context) {
    QuickReference *ref = context;
    return i == 0   ? pythia_json_scan_string(&q->in, &ref->type)
           : i == 1 ? trace_id(q, &ref->trace)
                    : id(q, &ref->span);
}

/* None, or the parent. The trace's id comes before. */
static int references(Quick *q, unsigned seen) {
    static const PythiaText keys[] = {{"refType", 7}, {"traceID", 7}, {"spanID", 6}};
    PythiaRecord *record = &q->r->record;
    QuickReference ref;
    unsigned has;
    int next = pythia_json_scan_enter(&q->in, '[', ']');
    if (next != 1) return next;
    if (!(seen & BIT(MEMBER_TRACE)) || !members(q, keys, 3, reference_member, &ref, &has) ||
        has != 7)
        return 0;
    if (!pythia_jaeger_is_none(ref.span)) { /* else it leads nowhere */
        if (!IS(ref.type, "CHILD_OF") || !pythia_jaeger_equal(ref.trace, record->trace)) return 0;
        record->parent = ref.span;
    }
    return pythia_json_scan_take(&q->in, ']');
}

/* Microseconds as nanoseconds. */
static int time_us(Quick *q, int64_t *ns) {
    return pythia_json_scan_whole(&q->in, ns) &&
           !__builtin_mul_overflow(*ns, (int64_t)PYTHIA_JAEGER_US, ns);
}

typedef struct QuickLog {
    int64_t us, ns;
} QuickLog;

static int log_member(Quick *q, size_t i, void *context) {
    QuickLog *log = context;
    return i == 0   ? time_us(q, &log->us)
           : i == 1 ? tags(q, &q->r->nested)
                    : pythia_json_scan_whole(&q->in, &log->ns);
}

static int log_point(Quick *q) {
    static const PythiaText keys[] = {{"timestamp", 9}, {"fields", 6}, {"timestampNanos", 14}};
    QuickLog log;
    unsigned has;
    size_t begin = q->r->nested.n;
    PythiaPointRecord *point = pythia_draft_point(q->r);
    if (!point || !members(q, keys, 3, log_member, &log, &has) || !(has & BIT(0))) return 0;
    point->time_ns = has & BIT(2) ? log.ns : log.us;
    pythia_jaeger_name(q->r, point, begin);
    return 1;
}

static int logs(Quick *q) {
    int next = pythia_json_scan_enter(&q->in, '[', ']');
    while (next == 1) {
        if (!log_point(q)) return 0;
        next = pythia_json_scan_more(&q->in, ']');
    }
    return next;
}

/* null, or an empty list. */
static int nothing(Quick *q) {
    if (pythia_json_scan_peek(&q->in) == 'n') return PYTHIA_JSON_SCAN_LITERAL(&q->in, "null");
    return pythia_json_scan_enter(&q->in, '[', ']') == 2;
}

typedef struct QuickTimes {
    int64_t start, start_ns, duration, duration_ns;
} QuickTimes;

static int span_member(Quick *q, unsigned member, unsigned seen, QuickSpan *s, QuickTimes *t) {
    PythiaRecord *record = &q->r->record;
    switch (member) {
    case MEMBER_TRACE:
        return trace_id(q, &record->trace);
    case MEMBER_SPAN:
        return id(q, &record->span);
    case MEMBER_NAME:
        return pythia_json_scan_string(&q->in, &record->operation);
    case MEMBER_REFERENCES:
        return *q->in.p == 'n' ? nothing(q) : references(q, seen);
    case MEMBER_START:
        return time_us(q, &t->start);
    case MEMBER_START_NS:
        return pythia_json_scan_whole(&q->in, &t->start_ns);
    case MEMBER_DURATION:
        return time_us(q, &t->duration);
    case MEMBER_DURATION_NS:
        return pythia_json_scan_whole(&q->in, &t->duration_ns);
    case MEMBER_TAGS:
        return *q->in.p == 'n' ? nothing(q) : tags(q, &q->r->attributes);
    case MEMBER_LOGS:
        return *q->in.p == 'n' ? nothing(q) : logs(q);
    case MEMBER_PROCESS:
        return pythia_json_scan_string(&q->in, &s->process);
    case MEMBER_WARNINGS:
        return nothing(q);
    default:
        return pythia_json_scan_skip_scalar(&q->in);
    }
}

/* MEMBER_FIRST: one that is for the other way. */
static unsigned member_of(PythiaText k) {
    static const PythiaText keys[] = {
        {"traceID", 7},     {"spanID", 6},         {"operationName", 13},
        {"references", 10}, {"startTime", 9},      {"startTimeNanos", 14},
        {"duration", 8},    {"durationNanos", 13}, {"tags", 4},
        {"logs", 4},        {"processID", 9},      {"warnings", 8}};
    for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (pythia_text_equal(k, keys[i])) return i;
    return IS(k, "process") || IS(k, "parentSpanID") ? MEMBER_FIRST : MEMBER_OTHER;
}

/* The member that comes next, from the brace or comma before it. */
static inline int span_key(Quick *q, unsigned before, unsigned *member) {
    unsigned guess = q->state->after[before];
    const PythiaKnownKey *key = &q->state->keys[guess];
    PythiaText k;
    if (pythia_known_key(key, q->in.p)) {
        q->in.p += key->n;
        *member = guess;
        return 1;
    }
    const unsigned char *start = q->in.p++;
    if (!pythia_json_scan_key(&q->in, &k)) return 0;
    *member = member_of(k);
    if (*member == MEMBER_FIRST) return 0;
    q->state->after[before] = (unsigned char)*member;
    pythia_known_key_set(&q->state->keys[*member], start, (size_t)(q->in.p - start));
    return 1;
}

static int span_members(Quick *q, QuickSpan *s, QuickTimes *t, unsigned *seen) {
    unsigned member = MEMBER_FIRST;
    *seen = 0;
    if (pythia_json_scan_peek(&q->in) != '{') return 0;
    for (;;) {
        if (!span_key(q, member, &member)) return 0;
        if (member != MEMBER_OTHER && *seen & BIT(member)) return 0;
        pythia_json_scan_peek(&q->in);
        if (!span_member(q, member, *seen, s, t)) return 0;
        *seen |= BIT(member);
        unsigned next = pythia_json_scan_peek(&q->in);
        if (next == '}') break;
        if (next != ',' || q->in.p >= q->in.end) return 0;
    }
    return ++q->in.p <= q->in.end;
}

/* The times; microseconds have to be there though nanoseconds count. */
static int span_times(PythiaRecord *record, const QuickTimes *t, unsigned seen) {
    if (!(seen & BIT(MEMBER_START)) || !(seen & BIT(MEMBER_DURATION))) return 0;
    record->start_ns = seen & BIT(MEMBER_START_NS) ? t->start_ns : t->start;
    return !__builtin_add_overflow(record->start_ns,
                                   seen & BIT(MEMBER_DURATION_NS) ? t->duration_ns : t->duration,
                                   &record->end_ns);
}

static QuickEnds ends(const PythiaReader *r) {
    return (QuickEnds){r->attributes.n, r->nested.n, r->record.npoints};
}

/* Reads a span into slot n of q->spans. Its lists go on where those of the span before it end. */
static int span(Quick *q) {
    PythiaReader *r = q->r;
    QuickTimes times;
    unsigned seen;
    if (q->n == q->capacity) {
        r->rc = pythia_grow((void **)&q->spans, &q->capacity, q->n + 1, sizeof *q->spans);
        if (r->rc != SQLITE_OK) return 0;
    }
    QuickSpan *s = &q->spans[q->n];
    QuickEnds begin = ends(r);
    pythia_draft_begin(r);
    r->attributes.n = begin.attributes;
    r->nested.n = begin.nested;
    r->record.npoints = begin.points;
    s->begin = begin;
    if (!span_members(q, s, &times, &seen) || (seen & NEEDED) != NEEDED ||
        r->record.trace.id.form == PYTHIA_ID_NONE || r->record.span.id.form == PYTHIA_ID_NONE ||
        !span_times(&r->record, &times, seen))
        return 0;
    if (!r->record.operation.p) r->record.operation = (PythiaText){"", 0};
    s->record = r->record;
    q->n++;
    return 1;
}

static int spans(Quick *q) {
    int next = pythia_json_scan_enter(&q->in, '[', ']');
    while (next == 1) {
        if (!span(q)) return 0;
        next = pythia_json_scan_more(&q->in, ']');
    }
    return next;
}

/* ---- processes ---- */

typedef struct QuickProcess {
    PythiaText service;
    int tagged;
} QuickProcess;

static int process_member(Quick *q, size_t i, void *context) {
    QuickProcess *process = context;
    PythiaReader *r = q->r;
    if (i == 1) {
        process->tagged = 1;
        return tags(q, &r->resource);
    }
    /* The service is the first attribute. */
    if (process->tagged || !pythia_json_scan_string(&q->in, &process->service)) return 0;
    if (process->service.n)
        pythia_attributes_text(r, &r->resource, PYTHIA_TEXT("service.name"), process->service);
    return r->rc == SQLITE_OK;
}

static int process(Quick *q, PythiaResource *resource) {
    static const PythiaText keys[] = {{"serviceName", 11}, {"tags", 4}};
    QuickProcess made = {{"", 0}, 0};
    unsigned has;
    pythia_resource_begin(q->r);
    if (!members(q, keys, 2, process_member, &made, &has)) return 0;
    pythia_jaeger_resource(q->r, made.service, resource);
    return q->r->rc == SQLITE_OK;
}

static int processes(Quick *q, PythiaJaegerTrace *trace) {
    enum { PROCESSES_MOST = 256 };
    int next = pythia_json_scan_enter(&q->in, '{', '}');
    trace->processes = pythia_arena_alloc(&q->r->arena, PROCESSES_MOST * sizeof *trace->processes);
    if (!trace->processes) q->r->rc = SQLITE_NOMEM;
    if (q->r->rc != SQLITE_OK) return 0;
    while (next == 1) {
        if (trace->n == PROCESSES_MOST) return 0;
        PythiaJaegerProcess *p = &trace->processes[trace->n++];
        if (!pythia_json_scan_key(&q->in, &p->id) || !process(q, &p->resource)) return 0;
        next = pythia_json_scan_more(&q->in, '}');
    }
    pythia_jaeger_sort(trace);
    for (size_t i = 1; i < trace->n; i++) /* which of two would be found is not said */
        if (pythia_text_equal(trace->processes[i - 1].id, trace->processes[i].id)) return 0;
    return next;
}

/* ---- traces ---- */

static void slice(PythiaAttributes *list, size_t begin, size_t end) {
    if (begin) list->items += begin;
    list->n = end - begin;
}

/* Makes the slices of a span the reader's lists, and emits it. Nothing is appended to them meanwhile. */
static void emit(PythiaReader *r, QuickSpan *s, QuickEnds end) {
    PythiaAttributes attributes = r->attributes, nested = r->nested;
    PythiaPointRecord *points = r->points;
    QuickEnds begin = s->begin;
    r->record = s->record;
    r->record.npoints = end.points - begin.points;
    slice(&r->attributes, begin.attributes, end.attributes);
    slice(&r->nested, begin.nested, end.nested);
    if (begin.points) r->points += begin.points;
    for (size_t i = 0; i < r->record.npoints; i++)
        r->points[i].n -= begin.nested;
    pythia_jaeger_meaning(r);
    pythia_draft_emit(r);
    r->attributes = attributes;
    r->nested = nested;
    r->points = points;
}

static int trace_emit(Quick *q, const PythiaJaegerTrace *trace) {
    PythiaReader *r = q->r;
    QuickEnds end = ends(r);
    for (size_t i = 0; i < q->n; i++) {
        q->spans[i].record.resource = pythia_jaeger_process(trace, q->spans[i].process);
        if (!q->spans[i].record.resource) return 0;
    }
    for (size_t i = 0; i < q->n && r->rc == SQLITE_OK; i++)
        emit(r, &q->spans[i], i + 1 < q->n ? q->spans[i + 1].begin : end);
    return r->rc == SQLITE_OK;
}

static int trace(Quick *q) {
    PythiaJaegerTrace made = {{"", 0}, NULL, 0};
    PythiaText k;
    int named = 0, listed = 0, described = 0, warned = 0, good;
    q->n = 0;
    pythia_draft_begin(q->r);
    int next = pythia_json_scan_enter(&q->in, '{', '}');
    while (next == 1) {
        if (!pythia_json_scan_key(&q->in, &k)) return 0;
        if (IS(k, "traceID"))
            good = !named++ && pythia_json_scan_string(&q->in, &made.id);
        else if (IS(k, "spans"))
            good = !listed++ && spans(q);
        else if (IS(k, "processes"))
            good = !described++ && processes(q, &made);
        else
            good = IS(k, "warnings") && !warned++ && nothing(q);
        if (!good) return 0;
        next = pythia_json_scan_more(&q->in, '}');
    }
    return next && listed && described && trace_emit(q, &made);
}

static int data(Quick *q) {
    int next = pythia_json_scan_enter(&q->in, '[', ']');
    while (next == 1) {
        if (!trace(q)) return 0;
        next = pythia_json_scan_more(&q->in, ']');
    }
    return next;
}

/* {"data": [...], and what has no meaning}. */
static int answer(Quick *q) {
    PythiaText k;
    int listed = 0;
    int next = pythia_json_scan_enter(&q->in, '{', '}');
    while (next == 1) {
        if (!pythia_json_scan_key(&q->in, &k)) return 0;
        if (IS(k, "data") ? listed++ || !data(q)
                          : IS(k, "spans") || !pythia_json_scan_skip_scalar(&q->in))
            return 0;
        next = pythia_json_scan_more(&q->in, '}');
    }
    return next && listed;
}

static int document(Quick *q) {
    PythiaJsonScan *in = &q->in;
    const unsigned char *start = in->p;
    PythiaText k;
    if (!pythia_json_scan_take(in, '{') || !pythia_json_scan_key(in, &k)) return 0;
    in->p = start;
    if (!(IS(k, "traceID") ? trace(q) : answer(q))) return 0;
    pythia_json_scan_peek(in);
    return in->p == in->end;
}

int pythia_jaeger_quick(PythiaReader *r) {
    const unsigned char *bytes = (const unsigned char *)r->text.p;
    Quick q = {.in = {.p = bytes, .end = bytes + r->text.n, .arena = &r->arena},
               .r = r,
               .state = r->state};
    int taken = document(&q) && (!q.in.high || pythia_json_is_utf8(bytes, r->text.n));
    if (q.in.rc && r->rc == SQLITE_OK) r->rc = q.in.rc;
    pythia_free(q.spans);
    return taken;
}
