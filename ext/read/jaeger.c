/* jaeger.c - the JSON of Jaeger's query service and UI.
**
**   {"data": [{"traceID", "spans": [...], "processes": {"p1": {"serviceName", "tags"}}}]}
**
** A document is that, or one trace alone, or `data` is one trace. Times are microseconds; where there are
** startTimeNanos, durationNanos and timestampNanos beside them, which Pythia writes and others pass over, they
** are nanoseconds and count. Ids are hexadecimal with leading zeros dropped. A span names its process by `processID`, or holds it as
** `process`; older ones have `parentSpanID` instead of references.
**
** References: the first CHILD_OF to the same trace is the parent, further ones are links of kind
** PARENT. FOLLOWS_FROM is a link; where there is no CHILD_OF the first one is the parent as well. A
** reference to another trace is a plain link. */
#include "ext/read/jaeger.h"

#include "ext/read/format.h"
#include "ext/read/known.h"

#include <stdlib.h>

static int jaeger_is_trace(const PythiaJson *j, uint32_t at) {
    return pythia_json_is_array(j, PYTHIA_JSON_FIND(j, at, "spans")) &&
           (PYTHIA_JSON_FIND(j, at, "traceID") || PYTHIA_JSON_FIND(j, at, "processes"));
}

static int jaeger_is_span(const PythiaJson *j, uint32_t at) {
    return PYTHIA_JSON_FIND(j, at, "spanID") && PYTHIA_JSON_FIND(j, at, "operationName");
}

static int jaeger_detect(const PythiaJson *j, uint32_t root) {
    uint32_t data = PYTHIA_JSON_FIND(j, root, "data");
    if (pythia_json_is_array(j, data)) {
        uint32_t first = pythia_json_first(j, data);
        return !first || jaeger_is_trace(j, first) || jaeger_is_span(j, first);
    }
    if (pythia_json_is_object(j, data))
        return jaeger_is_trace(j, data) ||
               pythia_json_is_array(j, PYTHIA_JSON_FIND(j, data, "spans"));
    return jaeger_is_trace(j, root) || jaeger_is_span(j, root);
}

/* ---- tags ---- */

/* A value by the type that the tag gives; where that does not fit, by what it looks like. */
static void tag_value(PythiaReader *r, PythiaAttributes *list, PythiaText key, PythiaText type,
                      uint32_t at) {
    const PythiaJson *j = &r->json;
    PythiaText text = pythia_json_text(j, at);
    PythiaAttribute value = {.key = key};
    if (PYTHIA_TEXT_IS(type, "int64") &&
        pythia_json_int64(j, at, &value.integer) == PYTHIA_JSON_GOOD)
        value.type = PYTHIA_VALUE_INT;
    else if ((PYTHIA_TEXT_IS(type, "float64") || PYTHIA_TEXT_IS(type, "int64")) &&
             pythia_json_double(j, at, &value.real) == PYTHIA_JSON_GOOD)
        value.type = PYTHIA_VALUE_DOUBLE;
    else if (PYTHIA_TEXT_IS(type, "bool") &&
             (PYTHIA_TEXT_IS(text, "true") || PYTHIA_TEXT_IS(text, "false"))) {
        value.type = PYTHIA_VALUE_BOOL;
        value.integer = text.n == 4;
    } else if (PYTHIA_TEXT_IS(type, "binary") && pythia_json_is_text(j, at)) {
        value.type = PYTHIA_VALUE_BYTES;
        value.text = text;
    } else {
        pythia_attributes_json(r, j, list, key, at);
        return;
    }
    PythiaAttribute *slot = pythia_attributes_add(r, list, key);
    if (slot) *slot = value;
}

/* Appends the {"key", "type", "value"} of an array, or the members of an object, as some tools write
** tags. */
static void jaeger_tags(PythiaReader *r, PythiaAttributes *list, uint32_t tags) {
    const PythiaJson *j = &r->json;
    if (pythia_json_is_object(j, tags)) {
        for (uint32_t key = pythia_json_first(j, tags); key && r->rc == SQLITE_OK;
             key = pythia_json_after(j, key + 1))
            pythia_attributes_json(r, j, list, pythia_json_text(j, key), key + 1);
        return;
    }
    for (uint32_t at = pythia_json_first(j, tags); at && r->rc == SQLITE_OK;
         at = pythia_json_after(j, at)) {
        enum { KEY, TYPE, VALUE, MEMBERS };
        static const PythiaText keys[] = {{"key", 3}, {"type", 4}, {"value", 5}};
        uint32_t tag[MEMBERS] = {0};
        pythia_json_members(j, at, keys, MEMBERS, 1, tag);
        if (tag[VALUE])
            tag_value(r, list, pythia_json_text(j, tag[KEY]), pythia_json_text(j, tag[TYPE]),
                      tag[VALUE]);
    }
}

/* ---- processes ---- */

static PythiaText process_instance(const PythiaAttributes *list) {
    static const PythiaText keys[] = {
        {"service.instance.id", 19}, {"instance", 8}, {"hostname", 8}, {"host.name", 9}, {"ip", 2},
        {"k8s.pod.name", 12}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        PythiaText value = pythia_attributes_find(list, keys[i]);
        if (value.n) return value;
    }
    return (PythiaText){"", 0};
}

static void jaeger_process(PythiaReader *r, uint32_t at, PythiaResource *resource) {
    const PythiaJson *j = &r->json;
    PythiaText service = pythia_json_text(j, PYTHIA_JSON_FIND(j, at, "serviceName"));
    pythia_resource_begin(r);
    if (service.n) pythia_attributes_text(r, &r->resource, PYTHIA_TEXT("service.name"), service);
    jaeger_tags(r, &r->resource, PYTHIA_JSON_FIND(j, at, "tags"));
    pythia_resource_end(r, service, process_instance(&r->resource), resource);
}

void pythia_jaeger_resource(PythiaReader *r, PythiaText service, PythiaResource *resource) {
    pythia_resource_end(r, service, process_instance(&r->resource), resource);
    pythia_resource_keep(r, resource);
}

static int process_compare(const void *a, const void *b) {
    return pythia_text_compare(((const PythiaJaegerProcess *)a)->id,
                               ((const PythiaJaegerProcess *)b)->id);
}

void pythia_jaeger_sort(PythiaJaegerTrace *trace) {
    if (trace->n > 1) qsort(trace->processes, trace->n, sizeof *trace->processes, process_compare);
}

static void jaeger_processes(PythiaReader *r, uint32_t object, PythiaJaegerTrace *trace) {
    const PythiaJson *j = &r->json;
    if (!pythia_json_is_object(j, object)) return;
    size_t n = 0;
    for (uint32_t key = pythia_json_first(j, object); key; key = pythia_json_after(j, key + 1))
        n++;
    trace->processes = pythia_arena_alloc(&r->arena, n * sizeof *trace->processes);
    if (!trace->processes) {
        r->rc = SQLITE_NOMEM;
        return;
    }
    for (uint32_t key = pythia_json_first(j, object); key && r->rc == SQLITE_OK;
         key = pythia_json_after(j, key + 1)) {
        PythiaJaegerProcess *process = &trace->processes[trace->n++];
        process->id = pythia_json_text(j, key);
        jaeger_process(r, key + 1, &process->resource);
        pythia_resource_keep(r, &process->resource);
    }
    pythia_jaeger_sort(trace);
}

const PythiaResource *pythia_jaeger_process(const PythiaJaegerTrace *trace, PythiaText id) {
    PythiaJaegerProcess key = {.id = id};
    const PythiaJaegerProcess *found =
        trace->n ? bsearch(&key, trace->processes, trace->n, sizeof key, process_compare) : NULL;
    return found ? &found->resource : NULL;
}

/* ---- spans ---- */

static PythiaRef jaeger_id(const PythiaJson *j, uint32_t at) {
    PythiaText text = pythia_json_text(j, at);
    return (PythiaRef){pythia_id_parse_padded(text), text};
}

int pythia_jaeger_equal(PythiaRef a, PythiaRef b) {
    return pythia_id_equal(a.id, b.id) &&
           (a.id.form != PYTHIA_ID_TEXT || pythia_text_equal(a.text, b.text));
}

static void jaeger_link(PythiaReader *r, PythiaRef trace, PythiaRef span, int kind) {
    PythiaLinkRecord *link = pythia_draft_link(r);
    if (!link) return;
    link->trace = trace;
    link->span = span;
    link->kind = kind;
}

typedef struct JaegerReference {
    PythiaText type;
    PythiaRef trace, span;
} JaegerReference;

static JaegerReference reference_read(const PythiaJson *j, uint32_t at) {
    static const PythiaText keys[] = {{"refType", 7}, {"traceID", 7}, {"spanID", 6}};
    uint32_t values[3] = {0};
    pythia_json_members(j, at, keys, 3, 1, values);
    return (JaegerReference){pythia_json_text(j, values[0]), jaeger_id(j, values[1]),
                             jaeger_id(j, values[2])};
}

/* The parent: the first CHILD_OF of the same trace, else the first FOLLOWS_FROM, else parentSpanID. 1: it is the only
** reference and nothing but that. */
static int jaeger_parent(PythiaReader *r, uint32_t references, uint32_t parent) {
    enum { FOLLOWED = 1, CHILD };
    const PythiaJson *j = &r->json;
    PythiaRecord *record = &r->record;
    int best = 0, n = 0;
    for (uint32_t at = pythia_json_first(j, references); at; at = pythia_json_after(j, at), n++) {
        JaegerReference ref = reference_read(j, at);
        int rank = PYTHIA_TEXT_IS(ref.type, "CHILD_OF")       ? CHILD
                   : PYTHIA_TEXT_IS(ref.type, "FOLLOWS_FROM") ? FOLLOWED
                                                              : 0;
        if (rank <= best || pythia_jaeger_is_none(ref.span)) continue;
        if (!pythia_jaeger_is_none(ref.trace) && !pythia_jaeger_equal(ref.trace, record->trace))
            continue;
        best = rank;
        record->parent = ref.span;
    }
    if (best) return best == CHILD && n == 1;
    PythiaRef old = jaeger_id(j, parent);
    if (!pythia_jaeger_is_none(old)) record->parent = old;
    return 0;
}

static void jaeger_links(PythiaReader *r, uint32_t references) {
    const PythiaJson *j = &r->json;
    int parents = 0;
    for (uint32_t at = pythia_json_first(j, references); at && r->rc == SQLITE_OK;
         at = pythia_json_after(j, at)) {
        JaegerReference ref = reference_read(j, at);
        PythiaText type = ref.type;
        PythiaRef trace = ref.trace, span = ref.span;
        if (pythia_jaeger_is_none(span)) continue;
        if (pythia_jaeger_is_none(trace)) trace = r->record.trace;
        int follows = PYTHIA_TEXT_IS(type, "FOLLOWS_FROM");
        if (!pythia_jaeger_equal(trace, r->record.trace))
            jaeger_link(r, trace, span, follows ? PYTHIA_LINK_FOLLOWS_FROM : PYTHIA_LINK);
        else if (follows)
            jaeger_link(r, trace, span, PYTHIA_LINK_FOLLOWS_FROM);
        else if (!PYTHIA_TEXT_IS(type, "CHILD_OF"))
            jaeger_link(r, trace, span, PYTHIA_LINK);
        else if (parents++)
            jaeger_link(r, trace, span, PYTHIA_LINK_PARENT);
    }
}

/* Takes the first text of that key out of the attributes from `begin` on. */
static PythiaText nested_take(PythiaAttributes *list, size_t begin, PythiaText key) {
    for (size_t i = begin; i < list->n; i++) {
        PythiaAttribute *a = &list->items[i];
        PythiaText text = pythia_attribute_text(a);
        if (a->type != PYTHIA_VALUE_TEXT || !text.n || !pythia_text_equal(a->key, key)) continue;
        memmove(a, a + 1, (list->n - i - 1) * sizeof *a);
        list->n--;
        return text;
    }
    return (PythiaText){"", 0};
}

/* A log's name is its field `event`, else `message`; the other fields are attributes. */
void pythia_jaeger_name(PythiaReader *r, PythiaPointRecord *point, size_t begin) {
    point->name = nested_take(&r->nested, begin, PYTHIA_TEXT("event"));
    if (!point->name.n) point->name = nested_take(&r->nested, begin, PYTHIA_TEXT("message"));
    if (!point->name.n) point->name = PYTHIA_TEXT("log");
}

/* A time in microseconds, or the same in nanoseconds. */
static int jaeger_time_ns(const PythiaJson *j, uint32_t us, uint32_t nanos, int64_t *ns) {
    if (nanos && pythia_json_time_ns(j, nanos, 1, ns) == PYTHIA_JSON_GOOD) return PYTHIA_JSON_GOOD;
    return pythia_json_time_ns(j, us, PYTHIA_JAEGER_US, ns);
}

static void jaeger_log(PythiaReader *r, uint32_t at) {
    const PythiaJson *j = &r->json;
    PythiaPointRecord *point = pythia_draft_point(r);
    if (!point) return;
    if (jaeger_time_ns(j, PYTHIA_JSON_FIND(j, at, "timestamp"),
                       PYTHIA_JSON_FIND(j, at, "timestampNanos"),
                       &point->time_ns) != PYTHIA_JSON_GOOD)
        point->time_ns = -1;
    size_t begin = r->nested.n;
    jaeger_tags(r, &r->nested, PYTHIA_JSON_FIND(j, at, "fields"));
    pythia_jaeger_name(r, point, begin);
}

/* Kind and status stand in tags. */
void pythia_jaeger_meaning(PythiaReader *r) {
    static const PythiaText kinds[] = {
        {"internal", 8}, {"server", 6}, {"client", 6}, {"producer", 8}, {"consumer", 8}};
    for (size_t i = 0; i < r->attributes.n; i++) {
        const PythiaAttribute *a = &r->attributes.items[i];
        PythiaText text = pythia_attribute_text(a);
        if (PYTHIA_TEXT_IS(a->key, "span.kind")) {
            for (int k = 0; k < 5; k++)
                if (pythia_text_equal(text, kinds[k])) r->record.kind = k;
        } else if (PYTHIA_TEXT_IS(a->key, "error")) {
            int is = a->type == PYTHIA_VALUE_BOOL ? a->integer != 0
                                                  : text.n && !PYTHIA_TEXT_IS(text, "false");
            if (is) r->record.status = PYTHIA_STATUS_ERROR;
        } else if (PYTHIA_TEXT_IS(a->key, "otel.status_code")) {
            if (PYTHIA_TEXT_IS(text, "ERROR"))
                r->record.status = PYTHIA_STATUS_ERROR;
            else if (PYTHIA_TEXT_IS(text, "OK") && r->record.status == PYTHIA_STATUS_UNSET)
                r->record.status = PYTHIA_STATUS_OK;
        }
    }
}

/* The members of a span in the order in which Jaeger writes them. */
enum {
    SPAN_TRACE,
    SPAN_ID,
    SPAN_FLAGS, /* not used */
    SPAN_NAME,
    SPAN_REFERENCES,
    SPAN_START,
    SPAN_DURATION,
    SPAN_TAGS,
    SPAN_LOGS,
    SPAN_PROCESS_ID,
    SPAN_WARNINGS,
    SPAN_PARENT,
    SPAN_START_NS,
    SPAN_DURATION_NS,
    SPAN_PROCESS,
    SPAN_MEMBERS
};

static const PythiaText span_keys[SPAN_MEMBERS] = {
    {"traceID", 7},         {"spanID", 6},         {"flags", 5},
    {"operationName", 13},  {"references", 10},    {"startTime", 9},
    {"duration", 8},        {"tags", 4},           {"logs", 4},
    {"processID", 9},       {"warnings", 8},       {"parentSpanID", 12},
    {"startTimeNanos", 14}, {"durationNanos", 13}, {"process", 7}};

/* 0 when the span was rejected. A span without duration has lost its end. */
static int jaeger_times(PythiaReader *r, const uint32_t *s) {
    PythiaRecord *record = &r->record;
    int64_t duration_ns = 0;
    int start = jaeger_time_ns(&r->json, s[SPAN_START], s[SPAN_START_NS], &record->start_ns);
    int duration = jaeger_time_ns(&r->json, s[SPAN_DURATION], s[SPAN_DURATION_NS], &duration_ns);
    if (start != PYTHIA_JSON_GOOD) {
        pythia_draft_reject(r, "time", "The span's start time is %s.",
                            start == PYTHIA_JSON_BAD ? "no number" : "missing");
        return 0;
    }
    if (duration == PYTHIA_JSON_BAD ||
        __builtin_add_overflow(record->start_ns, duration_ns, &record->end_ns)) {
        pythia_draft_reject(r, "time", "The span's duration is no number.");
        return 0;
    }
    if (duration == PYTHIA_JSON_ABSENT) record->flags |= PYTHIA_SPAN_NO_END;
    return 1;
}

static void jaeger_span(PythiaReader *r, uint32_t at, PythiaJaegerTrace *trace) {
    const PythiaJson *j = &r->json;
    PythiaRecord *record = &r->record;
    PythiaResource process;
    uint32_t s[SPAN_MEMBERS] = {0};
    pythia_draft_begin(r);
    if (!pythia_json_is_object(j, at)) {
        pythia_draft_reject(r, "span", "A span is no JSON object.");
        return;
    }
    pythia_json_members(j, at, span_keys, SPAN_MEMBERS, 0, s);
    record->trace = jaeger_id(j, s[SPAN_TRACE]);
    if (record->trace.id.form == PYTHIA_ID_NONE)
        record->trace = (PythiaRef){pythia_id_parse_padded(trace->id), trace->id};
    record->span = jaeger_id(j, s[SPAN_ID]);
    if (record->trace.id.form == PYTHIA_ID_NONE || record->span.id.form == PYTHIA_ID_NONE) {
        pythia_draft_reject(r, "span", "The span has no %s id.",
                            record->trace.id.form == PYTHIA_ID_NONE ? "trace" : "span");
        return;
    }
    if (!jaeger_times(r, s)) return;
    record->resource = pythia_jaeger_process(trace, pythia_json_text(j, s[SPAN_PROCESS_ID]));
    if (!record->resource) {
        jaeger_process(r, s[SPAN_PROCESS], &process);
        record->resource = &process;
    }
    record->operation = pythia_json_text(j, s[SPAN_NAME]);
    jaeger_tags(r, &r->attributes, s[SPAN_TAGS]);
    pythia_jaeger_meaning(r);
    if (pythia_json_first(j, s[SPAN_WARNINGS]))
        pythia_attributes_json(r, j, &r->attributes, PYTHIA_TEXT("warnings"), s[SPAN_WARNINGS]);
    uint32_t references = pythia_json_is_array(j, s[SPAN_REFERENCES]) ? s[SPAN_REFERENCES] : 0;
    int plain = jaeger_parent(r, references, s[SPAN_PARENT]);
    for (uint32_t log = pythia_json_is_array(j, s[SPAN_LOGS]) ? pythia_json_first(j, s[SPAN_LOGS])
                                                              : 0;
         log && r->rc == SQLITE_OK; log = pythia_json_after(j, log))
        jaeger_log(r, log);
    if (!plain) jaeger_links(r, references);
    pythia_draft_emit(r);
}

static void jaeger_trace(PythiaReader *r, uint32_t at) {
    const PythiaJson *j = &r->json;
    PythiaJaegerTrace trace = {.id = pythia_json_text(j, PYTHIA_JSON_FIND(j, at, "traceID"))};
    if (jaeger_is_span(j, at)) {
        jaeger_span(r, at, &trace);
        return;
    }
    uint32_t spans = PYTHIA_JSON_FIND(j, at, "spans");
    if (!pythia_json_is_array(j, spans)) {
        pythia_reader_reject(r, "span", "A trace has no spans.");
        return;
    }
    jaeger_processes(r, PYTHIA_JSON_FIND(j, at, "processes"), &trace);
    for (uint32_t span = pythia_json_first(j, spans); span && r->rc == SQLITE_OK;
         span = pythia_json_after(j, span))
        jaeger_span(r, span, &trace);
}

static void jaeger_document(PythiaReader *r) {
    const PythiaJson *j = &r->json;
    uint32_t data = PYTHIA_JSON_FIND(j, r->root, "data");
    if (!pythia_json_is_array(j, data)) {
        jaeger_trace(r, pythia_json_is_object(j, data) ? data : r->root);
        return;
    }
    for (uint32_t at = pythia_json_first(j, data); at && r->rc == SQLITE_OK;
         at = pythia_json_after(j, at))
        jaeger_trace(r, at);
}

const PythiaFormat pythia_format_jaeger = {
    .name = "jaeger",
    .detect = jaeger_detect,
    .document = jaeger_document,
    .quick = pythia_jaeger_quick,
    .state_bytes = sizeof(PythiaKnown),
    .release = pythia_known_release,
    .follows = 1,
};
