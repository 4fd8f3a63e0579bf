/* otlp_json.c - OpenTelemetry's OTLP in its JSON form, and the format's entry for both forms.
**
**   {"resourceSpans": [{"resource": {"attributes": [...]},
**                       "scopeSpans": [{"scope": {"name", "version"}, "spans": [...]}]}]}
**
** Also `batches` for resourceSpans (Tempo), `instrumentationLibrarySpans` for scopeSpans (before
** 2022), and the names of the protobuf fields in snake case, which its JSON mapping allows. A document
** may be one part alone: an element of resourceSpans.
**
** The protobuf JSON mapping says 64-bit integers are strings; JavaScript writes numbers. It says bytes
** are base64; OTLP says ids are hexadecimal; both occur. Enumerations are numbers or names. */
#include "ext/read/otlp_json.h"
#include "ext/read/format.h"
#include "ext/read/otlp.h"
#include "ext/read/otlp_quick.h"

/* The value of a member known by one of two names. */
static uint32_t otlp_find(const PythiaJson *j, uint32_t object, PythiaText name, PythiaText other) {
    uint32_t at = pythia_json_present(j, object, name);
    return at ? at : pythia_json_present(j, object, other);
}

#define OTLP_FIND(j, object, a, b) otlp_find((j), (object), PYTHIA_TEXT(a), PYTHIA_TEXT(b))

static uint32_t otlp_resources_of(const PythiaJson *j, uint32_t root) {
    uint32_t at = OTLP_FIND(j, root, "resourceSpans", "resource_spans");
    if (!at) {
        at = PYTHIA_JSON_FIND(j, root, "batches");
        uint32_t first = pythia_json_is_array(j, at) ? pythia_json_first(j, at) : 0;
        if (first && !OTLP_FIND(j, first, "scopeSpans", "instrumentationLibrarySpans") &&
            !PYTHIA_JSON_FIND(j, first, "resource"))
            at = 0;
    }
    return at;
}

static uint32_t otlp_scopes_of(const PythiaJson *j, uint32_t at) {
    uint32_t scopes = OTLP_FIND(j, at, "scopeSpans", "scope_spans");
    if (!scopes)
        scopes = OTLP_FIND(j, at, "instrumentationLibrarySpans", "instrumentation_library_spans");
    return scopes;
}

static uint32_t otlp_others_of(const PythiaJson *j, uint32_t root) {
    uint32_t at = OTLP_FIND(j, root, "resourceMetrics", "resource_metrics");
    if (!at) at = OTLP_FIND(j, root, "resourceLogs", "resource_logs");
    if (!at) at = OTLP_FIND(j, root, "resourceProfiles", "resource_profiles");
    return at;
}

static int otlp_detect(const PythiaJson *j, uint32_t root) {
    return otlp_resources_of(j, root) || otlp_others_of(j, root) || otlp_scopes_of(j, root);
}

/* ---- resource ---- */

static void otlp_resource(PythiaReader *r, uint32_t at, PythiaResource *resource) {
    pythia_resource_begin(r);
    uint32_t object = PYTHIA_JSON_FIND(&r->json, at, "resource");
    pythia_otlp_attributes(r, &r->resource, PYTHIA_JSON_FIND(&r->json, object, "attributes"), NULL);
    pythia_otlp_resource(r, resource);
}

/* ---- spans ---- */

/* The members of a span, as found in one pass. */
typedef struct OtlpSpan {
    uint32_t trace, span, parent, name, kind, start, end, attributes, events, links, status, state;
    uint32_t dropped[3]; /* attributes, events, links */
} OtlpSpan;

/* Where the member of that name is kept, or NULL. */
static uint32_t *span_member(OtlpSpan *s, PythiaText key) {
    if (PYTHIA_TEXT_IS(key, "traceId")) return &s->trace;
    if (PYTHIA_TEXT_IS(key, "spanId")) return &s->span;
    if (PYTHIA_TEXT_IS(key, "parentSpanId")) return &s->parent;
    if (PYTHIA_TEXT_IS(key, "name")) return &s->name;
    if (PYTHIA_TEXT_IS(key, "kind")) return &s->kind;
    if (PYTHIA_TEXT_IS(key, "startTimeUnixNano")) return &s->start;
    if (PYTHIA_TEXT_IS(key, "endTimeUnixNano")) return &s->end;
    if (PYTHIA_TEXT_IS(key, "attributes")) return &s->attributes;
    if (PYTHIA_TEXT_IS(key, "events")) return &s->events;
    if (PYTHIA_TEXT_IS(key, "links")) return &s->links;
    if (PYTHIA_TEXT_IS(key, "status")) return &s->status;
    if (PYTHIA_TEXT_IS(key, "traceState")) return &s->state;
    if (PYTHIA_TEXT_IS(key, "droppedAttributesCount")) return &s->dropped[0];
    if (PYTHIA_TEXT_IS(key, "droppedEventsCount")) return &s->dropped[1];
    if (PYTHIA_TEXT_IS(key, "droppedLinksCount")) return &s->dropped[2];
    return NULL;
}

/* The same for a name in snake case. */
static uint32_t *span_member_snake(OtlpSpan *s, PythiaText key) {
    char camel[32];
    size_t n = 0;
    if (key.n >= sizeof camel || !memchr(key.p, '_', key.n)) return NULL;
    for (size_t i = 0; i < key.n; i++) {
        char c = key.p[i];
        if (c == '_' && i + 1 < key.n && key.p[i + 1] >= 'a' && key.p[i + 1] <= 'z')
            c = (char)(key.p[++i] - 'a' + 'A');
        camel[n++] = c;
    }
    return span_member(s, (PythiaText){camel, n});
}

static void span_open(const PythiaJson *j, uint32_t at, OtlpSpan *s) {
    memset(s, 0, sizeof *s);
    for (uint32_t key = pythia_json_first(j, at); key; key = pythia_json_after(j, key + 1)) {
        PythiaText text = pythia_json_text(j, key);
        uint32_t *member = span_member(s, text);
        if (!member) member = span_member_snake(s, text);
        if (member && !*member && pythia_json_type(j, key + 1) != 'n') *member = key + 1;
    }
}

static int name_find(PythiaText text, const char *prefix, const char *const *names, int n) {
    size_t skip = strlen(prefix);
    if (text.n > skip && memcmp(text.p, prefix, skip) == 0) {
        text.p += skip;
        text.n -= skip;
    }
    for (int i = 0; i < n; i++)
        if (pythia_text_equal(text, pythia_text(names[i]))) return i;
    return -1;
}

int pythia_otlp_kind_named(PythiaText name) {
    static const char *const names[] = {"UNSPECIFIED", "INTERNAL", "SERVER",
                                        "CLIENT",      "PRODUCER", "CONSUMER"};
    return name_find(name, "SPAN_KIND_", names, 6);
}

int pythia_otlp_status_named(PythiaText name) {
    static const char *const names[] = {"UNSET", "OK", "ERROR"};
    return name_find(name, "STATUS_CODE_", names, 3);
}

/* An enumeration: a number (as string too) or the end of a name; -1 when absent or unknown. */
static int otlp_enum(const PythiaJson *j, uint32_t at, int (*named)(PythiaText), int n) {
    int64_t number;
    if (pythia_json_int64(j, at, &number) == PYTHIA_JSON_GOOD)
        return number >= 0 && number < n ? (int)number : -1;
    return named(pythia_json_text(j, at));
}

static int otlp_kind(const PythiaJson *j, uint32_t at) {
    return pythia_otlp_kind(otlp_enum(j, at, pythia_otlp_kind_named, 6));
}

static void otlp_status(PythiaReader *r, uint32_t at) {
    int status =
        otlp_enum(&r->json, PYTHIA_JSON_FIND(&r->json, at, "code"), pythia_otlp_status_named, 3);
    pythia_otlp_status(r, status,
                       pythia_json_text(&r->json, PYTHIA_JSON_FIND(&r->json, at, "message")));
}

static void otlp_dropped(PythiaReader *r, PythiaAttributes *list, int what, uint32_t at) {
    int64_t n;
    if (pythia_json_int64(&r->json, at, &n) == PYTHIA_JSON_GOOD)
        pythia_otlp_dropped(r, list, what, n);
}

static void otlp_events(PythiaReader *r, uint32_t array) {
    const PythiaJson *j = &r->json;
    uint32_t at = pythia_json_is_array(j, array) ? pythia_json_first(j, array) : 0;
    for (; at && r->rc == SQLITE_OK; at = pythia_json_after(j, at)) {
        if (!pythia_json_is_object(j, at)) continue;
        PythiaPointRecord *point = pythia_draft_point(r);
        if (!point) return;
        /* Without a time of its own a point is put at the start of its span. */
        point->time_ns = r->record.start_ns;
        uint32_t time = OTLP_FIND(j, at, "timeUnixNano", "time_unix_nano");
        if (pythia_json_time_ns(j, time, 1, &point->time_ns) == PYTHIA_JSON_BAD)
            point->time_ns = -1;
        if (point->time_ns == 0) point->time_ns = r->record.start_ns;
        point->name = pythia_json_text(j, PYTHIA_JSON_FIND(j, at, "name"));
        pythia_otlp_attributes(r, &r->nested, PYTHIA_JSON_FIND(j, at, "attributes"), NULL);
        otlp_dropped(r, &r->nested, PYTHIA_OTLP_ATTRIBUTES,
                     OTLP_FIND(j, at, "droppedAttributesCount", "dropped_attributes_count"));
    }
}

static void otlp_links(PythiaReader *r, uint32_t array) {
    const PythiaJson *j = &r->json;
    uint32_t at = pythia_json_is_array(j, array) ? pythia_json_first(j, array) : 0;
    for (; at && r->rc == SQLITE_OK; at = pythia_json_after(j, at)) {
        if (!pythia_json_is_object(j, at)) continue;
        PythiaRef trace =
            pythia_otlp_id(pythia_json_text(j, OTLP_FIND(j, at, "traceId", "trace_id")));
        PythiaRef span = pythia_otlp_id(pythia_json_text(j, OTLP_FIND(j, at, "spanId", "span_id")));
        if (trace.id.form == PYTHIA_ID_NONE && span.id.form == PYTHIA_ID_NONE) continue;
        PythiaLinkRecord *link = pythia_draft_link(r);
        if (!link) return;
        link->trace = trace.id.form == PYTHIA_ID_NONE ? r->record.trace : trace;
        link->span = span;
        link->kind = PYTHIA_LINK;
        size_t begin = r->nested.n;
        pythia_otlp_attributes(r, &r->nested, PYTHIA_JSON_FIND(j, at, "attributes"), NULL);
        pythia_otlp_link_kind(r, link, begin);
        pythia_otlp_trace_state(r, &r->nested,
                                pythia_json_text(j, OTLP_FIND(j, at, "traceState", "trace_state")));
        otlp_dropped(r, &r->nested, PYTHIA_OTLP_ATTRIBUTES,
                     OTLP_FIND(j, at, "droppedAttributesCount", "dropped_attributes_count"));
    }
}

/* 0 when the span was rejected. */
static int otlp_times(PythiaReader *r, const OtlpSpan *s) {
    int64_t start = 0, end = 0;
    if (pythia_json_time_ns(&r->json, s->start, 1, &start) == PYTHIA_JSON_BAD ||
        pythia_json_time_ns(&r->json, s->end, 1, &end) == PYTHIA_JSON_BAD) {
        pythia_draft_reject(r, "time", "The span's times are no numbers of nanoseconds.");
        return 0;
    }
    return pythia_otlp_times(r, start, end);
}

/* Name, version and attributes of the instrumentation scope: made once, given to each of its spans. */
static void otlp_scope(PythiaReader *r, uint32_t scope) {
    const PythiaJson *j = &r->json;
    PythiaText name = pythia_json_text(j, PYTHIA_JSON_FIND(j, scope, "name"));
    PythiaText version = pythia_json_text(j, PYTHIA_JSON_FIND(j, scope, "version"));
    pythia_otlp_scope(r, name, version);
    pythia_otlp_attributes(r, &r->shared, PYTHIA_JSON_FIND(j, scope, "attributes"),
                           PYTHIA_OTLP_SCOPE);
    pythia_attributes_keep(r, &r->shared);
}

static void otlp_span(PythiaReader *r, uint32_t at, const PythiaResource *resource) {
    const PythiaJson *j = &r->json;
    PythiaRecord *record = &r->record;
    OtlpSpan s;
    pythia_draft_begin(r);
    if (!pythia_json_is_object(j, at)) {
        pythia_draft_reject(r, "span", "A span is no JSON object.");
        return;
    }
    span_open(j, at, &s);
    record->trace = pythia_otlp_id(pythia_json_text(j, s.trace));
    record->span = pythia_otlp_id(pythia_json_text(j, s.span));
    record->parent = pythia_otlp_id(pythia_json_text(j, s.parent));
    if (record->trace.id.form == PYTHIA_ID_NONE || record->span.id.form == PYTHIA_ID_NONE) {
        pythia_draft_reject(r, "span", "The span has no %s id.",
                            record->trace.id.form == PYTHIA_ID_NONE ? "trace" : "span");
        return;
    }
    if (!otlp_times(r, &s)) return;
    record->resource = resource;
    record->operation = pythia_json_text(j, s.name);
    record->kind = otlp_kind(j, s.kind);
    pythia_otlp_attributes(r, &r->attributes, s.attributes, NULL);
    if (s.status) otlp_status(r, s.status);
    pythia_otlp_trace_state(r, &r->attributes, pythia_json_text(j, s.state));
    pythia_otlp_shared(r);
    for (int i = 0; i < 3; i++)
        if (s.dropped[i]) otlp_dropped(r, &r->attributes, i, s.dropped[i]);
    otlp_events(r, s.events);
    otlp_links(r, s.links);
    pythia_draft_emit(r);
}

static void otlp_part(PythiaReader *r, uint32_t part) {
    const PythiaJson *j = &r->json;
    PythiaResource resource;
    uint32_t scopes = otlp_scopes_of(j, part);
    if (!pythia_json_is_array(j, scopes)) return;
    otlp_resource(r, part, &resource);
    for (uint32_t at = pythia_json_first(j, scopes); at; at = pythia_json_after(j, at)) {
        uint32_t spans = PYTHIA_JSON_FIND(j, at, "spans");
        if (!pythia_json_is_array(j, spans)) continue;
        otlp_scope(r, OTLP_FIND(j, at, "scope", "instrumentationLibrary"));
        for (uint32_t span = pythia_json_first(j, spans); span; span = pythia_json_after(j, span)) {
            if (r->rc != SQLITE_OK) return;
            otlp_span(r, span, &resource);
        }
    }
}

static void otlp_document(PythiaReader *r) {
    const PythiaJson *j = &r->json;
    uint32_t parts = otlp_resources_of(j, r->root);
    if (otlp_others_of(j, r->root)) r->stats->skipped++;
    if (!parts) {
        otlp_part(r, r->root);
        return;
    }
    if (!pythia_json_is_array(j, parts)) {
        pythia_reader_reject(r, "span", "The document's resource spans are no array.");
        return;
    }
    for (uint32_t at = pythia_json_first(j, parts); at && r->rc == SQLITE_OK;
         at = pythia_json_after(j, at))
        otlp_part(r, at);
}

const PythiaFormat pythia_format_otlp = {
    .name = "otlp",
    .detect = otlp_detect,
    .document = otlp_document,
    .quick = pythia_otlp_quick,
    .state_bytes = sizeof(PythiaKnown),
    .release = pythia_known_release,
    .sniff = pythia_otlp_proto_sniff,
    .stream = pythia_otlp_proto_stream,
    .follows = 1,
};
