/* zipkin.c - Zipkin's JSON, version 2.
**
**   [{"traceId", "parentId", "id", "kind", "name", "timestamp", "duration",
**     "localEndpoint": {"serviceName", "ipv4", "ipv6", "port"}, "remoteEndpoint": {...},
**     "annotations": [{"timestamp", "value"}], "tags": {...}, "debug", "shared"}, ...]
**
** A file is an array of spans, an array of such arrays (the answer of /api/v2/traces), or both kinds one
** to a line; split.h makes each span a document of its own. Times are microseconds. Ids are hexadecimal
** and may lack their leading zeros.
**
** The two sides of a call may share a span id: then the server's span has `shared`. Both are records of
** their own here, with the parent that the file gives; which is whose child is decided where a trace is
** put together (ext/trace/build.c).
**
** What another system put into tags keeps its name there: `error` means a failed span, whatever its
** value but "false"; `otel.status_code` is OpenTelemetry's status.
**
** Version 1, which has binaryAnnotations and no duration of its own sides, is another format. */
#include "ext/read/format.h"

enum { US = 1000 };

/* The members of a span, as found in one pass. */
typedef struct ZipkinSpan {
    uint32_t trace, span, parent, name, kind, start, duration, local, remote, annotations, tags,
        debug, shared;
} ZipkinSpan;

static uint32_t *span_member(ZipkinSpan *s, PythiaText key) {
    if (PYTHIA_TEXT_IS(key, "traceId")) return &s->trace;
    if (PYTHIA_TEXT_IS(key, "id")) return &s->span;
    if (PYTHIA_TEXT_IS(key, "parentId")) return &s->parent;
    if (PYTHIA_TEXT_IS(key, "name")) return &s->name;
    if (PYTHIA_TEXT_IS(key, "kind")) return &s->kind;
    if (PYTHIA_TEXT_IS(key, "timestamp")) return &s->start;
    if (PYTHIA_TEXT_IS(key, "duration")) return &s->duration;
    if (PYTHIA_TEXT_IS(key, "localEndpoint")) return &s->local;
    if (PYTHIA_TEXT_IS(key, "remoteEndpoint")) return &s->remote;
    if (PYTHIA_TEXT_IS(key, "annotations")) return &s->annotations;
    if (PYTHIA_TEXT_IS(key, "tags")) return &s->tags;
    if (PYTHIA_TEXT_IS(key, "debug")) return &s->debug;
    if (PYTHIA_TEXT_IS(key, "shared")) return &s->shared;
    return NULL;
}

static void span_open(const PythiaJson *j, uint32_t at, ZipkinSpan *s) {
    memset(s, 0, sizeof *s);
    for (uint32_t key = pythia_json_first(j, at); key; key = pythia_json_after(j, key + 1)) {
        uint32_t *member = span_member(s, pythia_json_text(j, key));
        if (member && !*member && pythia_json_type(j, key + 1) != 'n') *member = key + 1;
    }
}

/* Both ids, or one of them and something that no other format calls so. */
static int zipkin_detect(const PythiaJson *j, uint32_t root) {
    ZipkinSpan s;
    span_open(j, root, &s);
    if (!s.trace && !(s.span && s.local)) return 0;
    if (!s.span && !s.local && !s.remote) return 0;
    return !PYTHIA_JSON_FIND(j, root, "binaryAnnotations") && !PYTHIA_JSON_FIND(j, root, "spanId");
}

/* ---- endpoints ---- */

/* An address with its port, "10.0.0.89:8180" or "[2001:db8::1]:80"; empty when there is none. */
static PythiaText endpoint_instance(PythiaReader *r, uint32_t endpoint) {
    const PythiaJson *j = &r->json;
    int64_t port = 0;
    PythiaText v4 = pythia_json_text(j, PYTHIA_JSON_FIND(j, endpoint, "ipv4"));
    PythiaText v6 = pythia_json_text(j, PYTHIA_JSON_FIND(j, endpoint, "ipv6"));
    if (pythia_json_int64(j, PYTHIA_JSON_FIND(j, endpoint, "port"), &port) != PYTHIA_JSON_GOOD ||
        port <= 0)
        return v4.n ? v4 : v6;
    if (!v4.n && !v6.n) return v4;
    if (!v4.n) pythia_buf_byte(&r->scratch, '[');
    pythia_buf_text(&r->scratch, v4.n ? v4 : v6);
    if (!v4.n) pythia_buf_byte(&r->scratch, ']');
    pythia_buf_format(&r->scratch, ":%lld", (long long)port);
    return pythia_reader_scratch(r);
}

static void zipkin_resource(PythiaReader *r, uint32_t local, PythiaResource *resource) {
    const PythiaJson *j = &r->json;
    PythiaText service = pythia_json_text(j, PYTHIA_JSON_FIND(j, local, "serviceName"));
    pythia_resource_begin(r);
    if (service.n) pythia_attributes_text(r, &r->resource, PYTHIA_TEXT("service.name"), service);
    pythia_resource_end(r, service, endpoint_instance(r, local), resource);
}

static void zipkin_remote(PythiaReader *r, uint32_t remote) {
    const PythiaJson *j = &r->json;
    PythiaText name = pythia_json_text(j, PYTHIA_JSON_FIND(j, remote, "serviceName"));
    PythiaText ip = pythia_json_text(j, PYTHIA_JSON_FIND(j, remote, "ipv4"));
    int64_t port;
    if (!ip.n) ip = pythia_json_text(j, PYTHIA_JSON_FIND(j, remote, "ipv6"));
    if (name.n) pythia_attributes_text(r, &r->attributes, PYTHIA_TEXT("net.peer.name"), name);
    if (ip.n) pythia_attributes_text(r, &r->attributes, PYTHIA_TEXT("net.peer.ip"), ip);
    if (pythia_json_int64(j, PYTHIA_JSON_FIND(j, remote, "port"), &port) == PYTHIA_JSON_GOOD &&
        port > 0)
        pythia_attributes_int(r, &r->attributes, PYTHIA_TEXT("net.peer.port"), port);
}

/* ---- spans ---- */

/* Zeros are how no id is written where one must stand. */
static PythiaRef zipkin_id(const PythiaJson *j, uint32_t at) {
    PythiaText text = pythia_json_text(j, at);
    PythiaRef ref = {pythia_id_parse_padded(text), text};
    if (ref.id.form != PYTHIA_ID_TEXT && !ref.id.hi && !ref.id.lo) ref.id.form = PYTHIA_ID_NONE;
    return ref;
}

static int zipkin_kind(PythiaText kind) {
    if (PYTHIA_TEXT_IS(kind, "CLIENT")) return PYTHIA_KIND_CLIENT;
    if (PYTHIA_TEXT_IS(kind, "SERVER")) return PYTHIA_KIND_SERVER;
    if (PYTHIA_TEXT_IS(kind, "PRODUCER")) return PYTHIA_KIND_PRODUCER;
    if (PYTHIA_TEXT_IS(kind, "CONSUMER")) return PYTHIA_KIND_CONSUMER;
    return PYTHIA_KIND_INTERNAL;
}

/* The time of the first annotation that has one: the start of a span that has none. */
static int annotations_start(const PythiaJson *j, uint32_t array, int64_t *ns) {
    uint32_t at = pythia_json_is_array(j, array) ? pythia_json_first(j, array) : 0;
    for (; at; at = pythia_json_after(j, at))
        if (pythia_json_time_ns(j, PYTHIA_JSON_FIND(j, at, "timestamp"), US, ns) ==
                PYTHIA_JSON_GOOD &&
            *ns)
            return PYTHIA_JSON_GOOD;
    return PYTHIA_JSON_ABSENT;
}

/* 0 when the span was rejected. A timestamp of 0 is none; a span without duration has lost its end. */
static int zipkin_times(PythiaReader *r, const ZipkinSpan *s) {
    const PythiaJson *j = &r->json;
    PythiaRecord *record = &r->record;
    int64_t duration_ns = 0;
    int start = pythia_json_time_ns(j, s->start, US, &record->start_ns);
    int duration = pythia_json_time_ns(j, s->duration, US, &duration_ns);
    if (start != PYTHIA_JSON_BAD && record->start_ns == 0)
        start = annotations_start(j, s->annotations, &record->start_ns);
    if (start != PYTHIA_JSON_GOOD) {
        pythia_draft_reject(r, "time",
                            start == PYTHIA_JSON_BAD
                                ? "The span's timestamp is no number of microseconds."
                                : "The span has neither a timestamp nor an annotation with one.");
        return 0;
    }
    if (duration == PYTHIA_JSON_BAD ||
        __builtin_add_overflow(record->start_ns, duration_ns, &record->end_ns)) {
        pythia_draft_reject(r, "time", "The span's duration is no number of microseconds.");
        return 0;
    }
    if (duration == PYTHIA_JSON_ABSENT) record->flags |= PYTHIA_SPAN_NO_END;
    return 1;
}

static void zipkin_tags(PythiaReader *r, uint32_t tags) {
    const PythiaJson *j = &r->json;
    int failed = 0;
    if (!pythia_json_is_object(j, tags)) return;
    for (uint32_t key = pythia_json_first(j, tags); key && r->rc == SQLITE_OK;
         key = pythia_json_after(j, key + 1)) {
        PythiaText name = pythia_json_text(j, key), value = pythia_json_text(j, key + 1);
        pythia_attributes_json(r, j, &r->attributes, name, key + 1);
        if (PYTHIA_TEXT_IS(name, "error")) {
            unsigned type = pythia_json_type(j, key + 1);
            failed |= type != 'f' && type != 'n' && !PYTHIA_TEXT_IS(value, "false");
        } else if (PYTHIA_TEXT_IS(name, "otel.status_code")) {
            failed |= PYTHIA_TEXT_IS(value, "ERROR");
            if (PYTHIA_TEXT_IS(value, "OK")) r->record.status = PYTHIA_STATUS_OK;
        }
    }
    if (failed) r->record.status = PYTHIA_STATUS_ERROR;
}

/* Only the flag that is set says something. */
static void zipkin_flag(PythiaReader *r, PythiaText key, uint32_t at) {
    if (!at || pythia_json_type(&r->json, at) != 't') return;
    PythiaAttribute *attribute = pythia_attributes_add(r, &r->attributes, key);
    if (!attribute) return;
    attribute->type = PYTHIA_VALUE_BOOL;
    attribute->integer = 1;
}

static void zipkin_annotations(PythiaReader *r, uint32_t array) {
    const PythiaJson *j = &r->json;
    uint32_t at = pythia_json_is_array(j, array) ? pythia_json_first(j, array) : 0;
    for (; at && r->rc == SQLITE_OK; at = pythia_json_after(j, at)) {
        if (!pythia_json_is_object(j, at)) continue;
        PythiaPointRecord *point = pythia_draft_point(r);
        if (!point) return;
        point->time_ns = r->record.start_ns;
        if (pythia_json_time_ns(j, PYTHIA_JSON_FIND(j, at, "timestamp"), US, &point->time_ns) ==
            PYTHIA_JSON_BAD)
            point->time_ns = -1;
        point->name = pythia_json_text(j, PYTHIA_JSON_FIND(j, at, "value"));
    }
}

static void zipkin_document(PythiaReader *r) {
    const PythiaJson *j = &r->json;
    PythiaRecord *record = &r->record;
    PythiaResource resource;
    ZipkinSpan s;
    pythia_draft_begin(r);
    span_open(j, r->root, &s);
    record->trace = zipkin_id(j, s.trace);
    record->span = zipkin_id(j, s.span);
    record->parent = zipkin_id(j, s.parent);
    if (record->trace.id.form == PYTHIA_ID_NONE || record->span.id.form == PYTHIA_ID_NONE) {
        pythia_draft_reject(r, "span", "The span has no %s id.",
                            record->trace.id.form == PYTHIA_ID_NONE ? "trace" : "span");
        return;
    }
    if (!zipkin_times(r, &s)) return;
    zipkin_resource(r, s.local, &resource);
    record->resource = &resource;
    record->operation = pythia_json_text(j, s.name);
    record->kind = zipkin_kind(pythia_json_text(j, s.kind));
    zipkin_tags(r, s.tags);
    zipkin_remote(r, s.remote);
    zipkin_flag(r, PYTHIA_TEXT("zipkin.debug"), s.debug);
    zipkin_flag(r, PYTHIA_TEXT("zipkin.shared"), s.shared);
    zipkin_annotations(r, s.annotations);
    pythia_draft_emit(r);
}

const PythiaFormat pythia_format_zipkin = {
    .name = "zipkin",
    .detect = zipkin_detect,
    .document = zipkin_document,
    .follows = 1,
};
