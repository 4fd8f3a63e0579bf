/* otlp.c - OTLP in JSON, one ExportTraceServiceRequest a line, as the collector's file exporter writes it.
**
**   {"resourceSpans":[{"resource":{"attributes":[...]},"scopeSpans":[{"scope":{...},"spans":[...]}]}]}
**
** Everything that a trace has comes back when such a file is read. What the protocol has places for goes
** there: status.message, trace_state, otel.scope.*, otel.dropped_*_count, raw_name (as the name). What it
** has none for:
**   - service and instance that do not follow from the resource become its service.name and
**     service.instance.id;
**   - a further parent and FOLLOWS_FROM are links with the attribute opentracing.ref_type, child_of and
**     follows_from, as OpenTelemetry's conventions for OpenTracing have it;
**   - spans of a workflow with several roots (OSProfiler) and single events (X-Trace) lie in a scope with
**     the attribute pythia.spans, `workflow` or `events`.
** A time that was lost is written as 0, which is how the protocol says so; it has no instant 0 therefore.
**
** Spans are written in their order, because siblings of one instant are told apart by it: a part begins
** wherever process or scope change. */
#include "ext/read/otlp.h"
#include "ext/write/formats.h"

enum { LINE_SPANS = 1000 }; /* of one trace: more begin another line */

typedef struct OtlpState {
    PythiaWriteJson json;
} OtlpState;

/* ---- values ---- */

/* An open array or object of JSON that is being written as AnyValues. */
static void any_scalar(PythiaBuf *out, const PythiaJson *j, uint32_t at) {
    int64_t integer;
    double real;
    switch (pythia_json_type(j, at)) {
    case '"':
        pythia_buf_str(out, "{\"stringValue\":");
        pythia_buf_json_text(out, pythia_json_text(j, at));
        break;
    case 't':
    case 'f':
        pythia_buf_str(out, pythia_json_type(j, at) == 't' ? "{\"boolValue\":true"
                                                           : "{\"boolValue\":false");
        break;
    case 'n':
        pythia_buf_byte(out, '{');
        break;
    case 'l':
        pythia_json_int64(j, at, &integer);
        pythia_buf_format(out, "{\"intValue\":\"%lld\"", (long long)integer);
        break;
    default:
        pythia_json_double(j, at, &real);
        pythia_buf_str(out, "{\"doubleValue\":");
        pythia_write_double(out, real);
    }
    pythia_buf_byte(out, '}');
}

/* A document as an AnyValue. The tape is in the order of the text: keys and values alternate in objects,
** and what an end closes is told by its own type. */
static void any_document(PythiaBuf *out, const PythiaJson *j) {
    uint32_t end = pythia_json_behind(j, 1);
    unsigned char open[PYTHIA_JSON_DEPTH_MAX + 1]; /* of each level: 1 when it is an object */
    size_t depth = 0;
    int is_key = 0;
    for (uint32_t at = 1; at < end && !out->rc;) {
        unsigned type = pythia_json_type(j, at);
        if (is_key && type == '"') {
            pythia_write_comma(out);
            pythia_buf_str(out, "{\"key\":");
            pythia_buf_json_text(out, pythia_json_text(j, at));
            pythia_buf_str(out, ",\"value\":");
            at = pythia_json_behind(j, at);
            is_key = 0;
            continue;
        }
        if (type == '{' || type == '[') {
            if (depth && !open[depth - 1]) pythia_write_comma(out);
            pythia_buf_str(out, type == '{' ? "{\"kvlistValue\":{\"values\":["
                                            : "{\"arrayValue\":{\"values\":[");
            open[depth++] = type == '{';
            is_key = type == '{';
            at++;
            continue;
        }
        if (depth && (type == '}' || type == ']')) {
            pythia_buf_str(out, "]}}");
            depth--;
            at++;
        } else {
            if (depth && !open[depth - 1]) pythia_write_comma(out);
            any_scalar(out, j, at);
            at = pythia_json_behind(j, at);
        }
        if (depth && open[depth - 1]) {
            pythia_buf_byte(out, '}'); /* of the pair */
            is_key = 1;
        }
    }
}

/* Read back, an array in an array takes three levels or four. */
enum { ANY_DEPTH = PYTHIA_JSON_DEPTH_MAX / 4 - 8 };

static void any_value(PythiaExport *export, const PythiaValue *value) {
    PythiaBuf *out = &export->out;
    OtlpState *state = export->state;
    switch (value->type) {
    case PYTHIA_VALUE_INT:
        pythia_buf_format(out, "{\"intValue\":\"%lld\"}", (long long)value->of.integer);
        return;
    case PYTHIA_VALUE_BOOL:
        pythia_buf_str(out, value->of.integer ? "{\"boolValue\":true}" : "{\"boolValue\":false}");
        return;
    case PYTHIA_VALUE_DOUBLE:
        pythia_buf_str(out, "{\"doubleValue\":");
        pythia_write_double(out, value->of.real);
        pythia_buf_byte(out, '}');
        return;
    case PYTHIA_VALUE_BYTES:
        pythia_buf_str(out, "{\"bytesValue\":");
        break;
    case PYTHIA_VALUE_JSON:
        if (pythia_write_json_open(&state->json, pythia_write_text(value), ANY_DEPTH, out)) {
            any_document(out, &state->json.json);
            return;
        }
        pythia_buf_str(out, "{\"stringValue\":");
        break;
    default:
        pythia_buf_str(out, "{\"stringValue\":");
    }
    pythia_buf_json_text(out, pythia_write_text(value));
    pythia_buf_byte(out, '}');
}

static void pair_text(PythiaBuf *out, const char *key, PythiaText value) {
    pythia_write_comma(out);
    pythia_buf_format(out, "{\"key\":\"%s\",\"value\":{\"stringValue\":", key);
    pythia_buf_json_text(out, value);
    pythia_buf_str(out, "}}");
}

/* A key and a value; `skip` bytes of the key are left out. */
static void pair(PythiaExport *export, const PythiaExportTrace *t, const PythiaValue *value,
                 size_t skip) {
    PythiaBuf *out = &export->out;
    PythiaText key = pythia_write_key(t, value);
    pythia_write_comma(out);
    pythia_buf_str(out, "{\"key\":");
    pythia_buf_json_text(out, (PythiaText){key.p + skip, key.n - skip});
    pythia_buf_str(out, ",\"value\":");
    any_value(export, value);
    pythia_buf_byte(out, '}');
}

/* ---- what has a place of its own ---- */

typedef enum Place {
    PLACE_ATTRIBUTE,
    PLACE_SCOPE,
    PLACE_NAME,
    PLACE_MESSAGE,
    PLACE_STATE,
    PLACE_DROPPED, /* and the next two: attributes, events, links */
    PLACE_N = PLACE_DROPPED + 3
} Place;

static int starts(PythiaText text, PythiaText prefix) {
    return text.n >= prefix.n && memcmp(text.p, prefix.p, prefix.n) == 0;
}

/* Where a value of a span belongs by its key and type. */
static Place place_of(const PythiaExportTrace *t, const PythiaValue *value) {
    PythiaText key = pythia_write_key(t, value);
    if (value->type == PYTHIA_VALUE_INT) {
        if (value->of.integer <= 0 || value->of.integer > UINT32_MAX) return PLACE_ATTRIBUTE;
        if (PYTHIA_TEXT_IS(key, "otel.dropped_attributes_count")) return PLACE_DROPPED;
        if (PYTHIA_TEXT_IS(key, "otel.dropped_events_count")) return PLACE_DROPPED + 1;
        if (PYTHIA_TEXT_IS(key, "otel.dropped_links_count")) return PLACE_DROPPED + 2;
    }
    if (starts(key, PYTHIA_TEXT(PYTHIA_OTLP_SCOPE))) return PLACE_SCOPE;
    if (value->type != PYTHIA_VALUE_TEXT || !value->n) return PLACE_ATTRIBUTE;
    if (PYTHIA_TEXT_IS(key, "raw_name")) return PLACE_NAME;
    if (PYTHIA_TEXT_IS(key, "status.message")) return PLACE_MESSAGE;
    return PYTHIA_TEXT_IS(key, "trace_state") ? PLACE_STATE : PLACE_ATTRIBUTE;
}

/* The first value for each place among those of a span, point or link; `allowed` is a bit set. */
static void places_find(const PythiaExportTrace *t, const PythiaValue *values, uint32_t n,
                        unsigned allowed, const PythiaValue *found[PLACE_N]) {
    for (int i = 0; i < PLACE_N; i++)
        found[i] = NULL;
    for (uint32_t i = 0; i < n; i++) {
        Place place = place_of(t, &values[i]);
        if (place != PLACE_ATTRIBUTE && (allowed >> place & 1) && !found[place])
            found[place] = &values[i];
    }
}

/* The attributes: what has no place of its own. */
static void attributes(PythiaExport *export, const PythiaExportTrace *t, const PythiaValue *values,
                       uint32_t n, unsigned allowed, const PythiaValue *found[PLACE_N]) {
    for (uint32_t i = 0; i < n; i++) {
        Place place = place_of(t, &values[i]);
        if (place != PLACE_ATTRIBUTE && (allowed >> place & 1) &&
            (found[place] == &values[i] || place == PLACE_SCOPE))
            continue;
        pair(export, t, &values[i], 0);
    }
}

static void dropped(PythiaBuf *out, const PythiaValue *found[PLACE_N]) {
    static const char *const names[] = {"droppedAttributesCount", "droppedEventsCount",
                                        "droppedLinksCount"};
    for (int i = 0; i < 3; i++) {
        if (!found[PLACE_DROPPED + i]) continue;
        pythia_write_member(out, names[i]);
        pythia_buf_format(out, "%lld", (long long)found[PLACE_DROPPED + i]->of.integer);
    }
}

static void member_text(PythiaBuf *out, const char *key, const PythiaValue *value) {
    if (!value) return;
    pythia_write_member(out, key);
    pythia_buf_json_text(out, pythia_write_text(value));
}

static void member_time(PythiaBuf *out, const char *key, int64_t ns) {
    pythia_write_member(out, key);
    pythia_buf_format(out, "\"%lld\"", (long long)ns);
}

/* ---- process and scope ---- */

/* The instance that a reader makes of a resource (ext/read/otlp.c), in `host` where it is put together. */
static PythiaText resource_instance(const PythiaExportTrace *t, const PythiaResourceSet *set,
                                    PythiaBuf *host) {
    PythiaText id = pythia_write_find(t, set->values, set->n, PYTHIA_TEXT("service.instance.id"));
    if (id.n) return id;
    PythiaText name = pythia_write_find(t, set->values, set->n, PYTHIA_TEXT("host.name"));
    if (!name.n) return pythia_write_find(t, set->values, set->n, PYTHIA_TEXT("k8s.pod.name"));
    for (uint32_t i = 0; i < set->n; i++) {
        const PythiaValue *value = &set->values[i];
        if (value->type != PYTHIA_VALUE_INT ||
            !PYTHIA_TEXT_IS(pythia_write_key(t, value), "process.pid"))
            continue;
        pythia_buf_text(host, name);
        pythia_buf_format(host, ":%lld", (long long)value->of.integer);
        return pythia_buf_as_text(host);
    }
    return name;
}

static void resource(PythiaExport *export, const PythiaExportTrace *t, const PythiaSpan *span) {
    PythiaBuf *out = &export->out, host = {0};
    const PythiaResourceSet *set = &t->trace->resources[span->resource];
    PythiaText service = pythia_write_service(t, span), instance = pythia_write_instance(t, span);
    PythiaText known = pythia_write_find(t, set->values, set->n, PYTHIA_TEXT("service.name"));
    pythia_buf_str(out, "{\"resource\":{\"attributes\":[");
    if (!pythia_text_equal(service, known.n ? known : PYTHIA_TEXT("unknown")))
        pair_text(out, "service.name", service);
    if (instance.n && !pythia_text_equal(instance, resource_instance(t, set, &host)))
        pair_text(out, "service.instance.id", instance);
    for (uint32_t i = 0; i < set->n; i++)
        pair(export, t, &set->values[i], 0);
    pythia_buf_str(out, "]},");
    if (host.rc && !out->rc) out->rc = host.rc;
    pythia_buf_clear(&host);
}

/* The next value at or behind *i that belongs to the scope, or NULL. */
static const PythiaValue *scope_next(const PythiaExportTrace *t, const PythiaSpan *span,
                                     uint32_t *i) {
    while (*i < span->nvalues) {
        const PythiaValue *value = &t->trace->values[span->first_value + (*i)++];
        if (starts(pythia_write_key(t, value), PYTHIA_TEXT(PYTHIA_OTLP_SCOPE))) return value;
    }
    return NULL;
}

static int same_scope(const PythiaExportTrace *t, const PythiaSpan *a, const PythiaSpan *b) {
    uint32_t i = 0, k = 0;
    for (;;) {
        const PythiaValue *x = scope_next(t, a, &i), *y = scope_next(t, b, &k);
        if (!x || !y) return x == y;
        if (!pythia_values_equal(x, 1, y, 1)) return 0;
    }
}

enum { KINDS_OF_SPANS = PYTHIA_SPAN_ANCHORED | PYTHIA_SPAN_EVENT };

/* Whether two spans can lie in one part. */
static int same_part(const PythiaExportTrace *t, const PythiaSpan *a, const PythiaSpan *b) {
    return a->resource == b->resource && a->instance == b->instance &&
           !((a->flags ^ b->flags) & KINDS_OF_SPANS) &&
           pythia_text_equal(pythia_write_service(t, a), pythia_write_service(t, b)) &&
           same_scope(t, a, b);
}

static void scope(PythiaExport *export, const PythiaExportTrace *t, const PythiaSpan *span) {
    PythiaBuf *out = &export->out;
    const PythiaValue *name = NULL, *version = NULL, *value;
    for (uint32_t i = 0; (value = scope_next(t, span, &i)) != NULL;) {
        PythiaText key = pythia_write_key(t, value);
        if (value->type != PYTHIA_VALUE_TEXT || !value->n) continue;
        if (!name && PYTHIA_TEXT_IS(key, PYTHIA_OTLP_SCOPE "name")) name = value;
        if (!version && PYTHIA_TEXT_IS(key, PYTHIA_OTLP_SCOPE "version")) version = value;
    }
    pythia_buf_str(out, "\"scopeSpans\":[{\"scope\":{");
    member_text(out, "name", name);
    member_text(out, "version", version);
    pythia_write_member(out, "attributes");
    pythia_buf_byte(out, '[');
    if (span->flags & KINDS_OF_SPANS)
        pair_text(out, PYTHIA_OTLP_SPANS,
                  span->flags & PYTHIA_SPAN_EVENT ? PYTHIA_TEXT(PYTHIA_OTLP_EVENT)
                                                  : PYTHIA_TEXT(PYTHIA_OTLP_ANCHORED));
    for (uint32_t i = 0; (value = scope_next(t, span, &i)) != NULL;)
        if (value != name && value != version) pair(export, t, value, sizeof PYTHIA_OTLP_SCOPE - 1);
    pythia_buf_str(out, "]},\"spans\":[");
}

/* ---- spans ---- */

enum {
    OF_NESTED = 1u << PLACE_DROPPED | 1u << PLACE_STATE,
    OF_POINT = 1u << PLACE_DROPPED,
    OF_SPAN = (1u << PLACE_N) - 2 /* all */
};

static void points(PythiaExport *export, const PythiaExportTrace *t, const PythiaSpan *span) {
    PythiaBuf *out = &export->out;
    const PythiaValue *found[PLACE_N];
    if (!span->npoints) return;
    pythia_write_member(out, "events");
    pythia_buf_byte(out, '[');
    for (uint32_t i = 0; i < span->npoints; i++) {
        const PythiaPoint *point = &t->trace->points[span->first_point + i];
        const PythiaValue *values = pythia_write_values(t, point->first_value, point->nvalues);
        places_find(t, values, point->nvalues, OF_POINT, found);
        pythia_write_comma(out);
        pythia_buf_byte(out, '{');
        member_time(out, "timeUnixNano", point->time_ns);
        pythia_write_member(out, "name");
        pythia_buf_json_text(out, pythia_write_point_name(t, point));
        pythia_write_member(out, "attributes");
        pythia_buf_byte(out, '[');
        attributes(export, t, values, point->nvalues, OF_POINT, found);
        pythia_buf_byte(out, ']');
        dropped(out, found);
        pythia_buf_byte(out, '}');
    }
    pythia_buf_byte(out, ']');
}

/* The links of span `index`; *next is where they begin, and then where those of the next one do. */
static void links(PythiaExport *export, const PythiaExportTrace *t, uint32_t index,
                  uint32_t *next) {
    PythiaBuf *out = &export->out;
    const PythiaTrace *trace = t->trace;
    const PythiaValue *found[PLACE_N];
    if (*next >= trace->nlinks || trace->links[*next].from_span != index) return;
    pythia_write_member(out, "links");
    pythia_buf_byte(out, '[');
    for (; *next < trace->nlinks && trace->links[*next].from_span == index; ++*next) {
        const PythiaLinkTo *link = &trace->links[*next];
        const PythiaValue *values = pythia_write_values(t, link->first_value, link->nvalues);
        places_find(t, values, link->nvalues, OF_NESTED, found);
        pythia_write_comma(out);
        pythia_buf_str(out, "{\"traceId\":");
        pythia_write_id(out, t->names, link->trace);
        pythia_write_member(out, "spanId");
        pythia_write_id(out, t->names, link->span);
        member_text(out, "traceState", found[PLACE_STATE]);
        pythia_write_member(out, "attributes");
        pythia_buf_byte(out, '[');
        if (link->kind == PYTHIA_LINK_PARENT)
            pair_text(out, PYTHIA_OTLP_REF_TYPE, PYTHIA_TEXT(PYTHIA_OTLP_CHILD_OF));
        if (link->kind == PYTHIA_LINK_FOLLOWS_FROM)
            pair_text(out, PYTHIA_OTLP_REF_TYPE, PYTHIA_TEXT(PYTHIA_OTLP_FOLLOWS_FROM));
        attributes(export, t, values, link->nvalues, OF_NESTED, found);
        pythia_buf_byte(out, ']');
        dropped(out, found);
        pythia_buf_byte(out, '}');
    }
    pythia_buf_byte(out, ']');
}

static void span_times(PythiaBuf *out, const PythiaSpan *span) {
    unsigned lost = span->flags & (PYTHIA_SPAN_NO_START | PYTHIA_SPAN_NO_END);
    member_time(out, "startTimeUnixNano", lost == PYTHIA_SPAN_NO_START ? 0 : span->start_ns);
    member_time(out, "endTimeUnixNano", lost == PYTHIA_SPAN_NO_END ? 0 : span->end_ns);
}

static void otlp_span(PythiaExport *export, const PythiaExportTrace *t, uint32_t index,
                      uint32_t *next_link) {
    PythiaBuf *out = &export->out;
    const PythiaSpan *span = &t->trace->spans[index];
    const PythiaValue *values = pythia_write_values(t, span->first_value, span->nvalues);
    const PythiaValue *found[PLACE_N];
    places_find(t, values, span->nvalues, OF_SPAN, found);
    pythia_write_comma(out);
    pythia_buf_str(out, "{\"traceId\":");
    pythia_write_id(out, t->names, t->trace->id);
    pythia_write_member(out, "spanId");
    pythia_write_id(out, t->names, span->id);
    member_text(out, "traceState", found[PLACE_STATE]);
    if (span->parent_id.form != PYTHIA_ID_NONE) {
        pythia_write_member(out, "parentSpanId");
        pythia_write_id(out, t->names, span->parent_id);
    }
    pythia_write_member(out, "name");
    pythia_buf_json_text(out, pythia_write_operation(t, span));
    pythia_write_member(out, "kind");
    pythia_buf_format(out, "%d",
                      span->kind + 1); /* the protocol's numbers begin with "unspecified" */
    span_times(out, span);
    pythia_write_member(out, "attributes");
    pythia_buf_byte(out, '[');
    attributes(export, t, values, span->nvalues, OF_SPAN, found);
    pythia_buf_byte(out, ']');
    dropped(out, found);
    points(export, t, span);
    links(export, t, index, next_link);
    pythia_write_member(out, "status");
    pythia_buf_byte(out, '{');
    if (span->status) {
        pythia_write_member(out, "code");
        pythia_buf_format(out, "%d", span->status);
    }
    member_text(out, "message", found[PLACE_MESSAGE]);
    pythia_buf_str(out, "}}");
}

static int otlp_trace(PythiaExport *export, const PythiaExportTrace *t, char **error) {
    PythiaBuf *out = &export->out;
    const PythiaTrace *trace = t->trace;
    uint32_t in_line = 0, next_link = 0;
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < trace->nspans; i++) {
        const PythiaSpan *span = &trace->spans[i];
        int line = in_line % LINE_SPANS == 0;
        if (line || !same_part(t, span - 1, span)) {
            if (i) pythia_buf_str(out, line ? "]}]}]}\n" : "]}]},");
            if (line) pythia_buf_str(out, "{\"resourceSpans\":[");
            resource(export, t, span);
            scope(export, t, span);
        }
        in_line++;
        otlp_span(export, t, i, &next_link);
        rc = pythia_export_step(export, error);
    }
    if (trace->nspans) pythia_buf_str(out, "]}]}]}\n");
    return rc;
}

static void otlp_release(void *state) {
    pythia_write_json_clear(&((OtlpState *)state)->json);
}

const PythiaExportFormat pythia_export_otlp = {
    .name = "otlp",
    .values = 1,
    .trace = otlp_trace,
    .state_bytes = sizeof(OtlpState),
    .release = otlp_release,
};
