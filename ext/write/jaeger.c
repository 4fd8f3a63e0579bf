/* jaeger.c - the JSON of Jaeger's query service and UI.
**
**   {"data":[{"traceID","spans":[...],"processes":{"p1":{"serviceName","tags"}}}, ...], "total":0, ...}
**
** As OpenTelemetry's exporter for Jaeger has it: kind and status are the tags span.kind, otel.status_code
** and error, unless the span has such attributes; points are logs, their names the field `event`; the
** parent and further parents are CHILD_OF references, every other link FOLLOWS_FROM. Jaeger counts whole
** microseconds; where that loses something, startTimeNanos, durationNanos and timestampNanos stand beside.
** An integer that JavaScript could not hold is a string of digits, as Jaeger writes it.
**
** What has no place in it: attributes of links are left out; arrays and objects are strings of JSON; an
** instance that no tag of the process gives becomes its tag service.instance.id. A lost end is a missing
** duration; a lost start, and that a trace is a DAG of single events, are not told. A root that links to a
** span of its own trace is read as its child, by Jaeger too. */
#include "ext/write/formats.h"

typedef struct JaegerState {
    uint32_t *process; /* [span]: the number of its process */
    uint32_t *first;   /* [process]: the first span that has it */
    size_t process_capacity, first_capacity;
    uint32_t nprocesses;
} JaegerState;

static const int64_t javascript_most = ((int64_t)1 << 53) - 1;

/* ---- tags ---- */

static void tag_begin(PythiaBuf *out, PythiaText key, const char *type) {
    pythia_write_comma(out);
    pythia_buf_str(out, "{\"key\":");
    pythia_buf_json_text(out, key);
    pythia_buf_format(out, ",\"type\":\"%s\",\"value\":", type);
}

static void tag_text(PythiaBuf *out, const char *key, PythiaText value) {
    tag_begin(out, pythia_text(key), "string");
    pythia_buf_json_text(out, value);
    pythia_buf_byte(out, '}');
}

static void tag(PythiaBuf *out, const PythiaExportTrace *t, const PythiaValue *value) {
    PythiaText key = pythia_write_key(t, value);
    int64_t n = value->of.integer;
    switch (value->type) {
    case PYTHIA_VALUE_INT:
        tag_begin(out, key, "int64");
        pythia_buf_format(out, n > javascript_most || n < -javascript_most ? "\"%lld\"" : "%lld",
                          (long long)n);
        break;
    case PYTHIA_VALUE_DOUBLE:
        tag_begin(out, key, "float64");
        pythia_write_double(out, value->of.real);
        break;
    case PYTHIA_VALUE_BOOL:
        tag_begin(out, key, "bool");
        pythia_buf_str(out, n ? "true" : "false");
        break;
    default:
        tag_begin(out, key, value->type == PYTHIA_VALUE_BYTES ? "binary" : "string");
        pythia_buf_json_text(out, pythia_write_text(value));
    }
    pythia_buf_byte(out, '}');
}

static int has_key(const PythiaExportTrace *t, const PythiaValue *values, uint32_t n,
                   const char *key) {
    for (uint32_t i = 0; i < n; i++)
        if (pythia_text_equal(pythia_write_key(t, &values[i]), pythia_text(key))) return 1;
    return 0;
}

static void span_tags(PythiaBuf *out, const PythiaExportTrace *t, const PythiaSpan *span) {
    static const PythiaText kinds[] = {
        {"internal", 8}, {"server", 6}, {"client", 6}, {"producer", 8}, {"consumer", 8}};
    const PythiaValue *values = pythia_write_values(t, span->first_value, span->nvalues);
    uint32_t n = span->nvalues;
    pythia_write_member(out, "tags");
    pythia_buf_byte(out, '[');
    for (uint32_t i = 0; i < n; i++)
        if (!pythia_write_is_raw_name(t, &values[i])) tag(out, t, &values[i]);
    if (span->kind && span->kind <= PYTHIA_KIND_CONSUMER && !has_key(t, values, n, "span.kind"))
        tag_text(out, "span.kind", kinds[span->kind]);
    if (span->status == PYTHIA_STATUS_OK && !has_key(t, values, n, "otel.status_code"))
        tag_text(out, "otel.status_code", PYTHIA_TEXT("OK"));
    if (span->status == PYTHIA_STATUS_ERROR) {
        if (!has_key(t, values, n, "otel.status_code"))
            tag_text(out, "otel.status_code", PYTHIA_TEXT("ERROR"));
        if (!has_key(t, values, n, "error")) {
            tag_begin(out, PYTHIA_TEXT("error"), "bool");
            pythia_buf_str(out, "true}");
        }
    }
    pythia_buf_byte(out, ']');
}

/* ---- processes ---- */

static int same_process(const PythiaExportTrace *t, const PythiaSpan *a, const PythiaSpan *b) {
    return a->resource == b->resource && a->instance == b->instance &&
           pythia_text_equal(pythia_write_service(t, a), pythia_write_service(t, b));
}

/* Numbers the processes of a trace. There are few, so that a span is compared with the one before it and
** then with each. */
static int processes_find(JaegerState *s, const PythiaExportTrace *t, PythiaPoll *poll) {
    const PythiaTrace *trace = t->trace;
    int rc =
        pythia_grow((void **)&s->process, &s->process_capacity, trace->nspans, sizeof *s->process);
    s->nprocesses = 0;
    for (uint32_t i = 0; !rc && i < trace->nspans; i++) {
        const PythiaSpan *span = &trace->spans[i];
        uint32_t p = i ? s->process[i - 1] : 0;
        if (!i || !same_process(t, &trace->spans[s->first[p]], span))
            for (p = 0; p < s->nprocesses; p++)
                if (same_process(t, &trace->spans[s->first[p]], span)) break;
        if (p == s->nprocesses) {
            rc = pythia_grow((void **)&s->first, &s->first_capacity, (size_t)p + 1,
                             sizeof *s->first);
            if (!rc) s->first[s->nprocesses++] = i;
        }
        if (!rc) s->process[i] = p;
        if (!rc) rc = pythia_poll(poll);
    }
    return rc;
}

/* The instance that a reader makes of a process's tags (ext/read/jaeger.c). */
static PythiaText process_instance(const PythiaExportTrace *t, const PythiaResourceSet *set) {
    static const PythiaText keys[] = {
        {"service.instance.id", 19}, {"instance", 8}, {"hostname", 8}, {"host.name", 9}, {"ip", 2},
        {"k8s.pod.name", 12}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        PythiaText value = pythia_write_find(t, set->values, set->n, keys[i]);
        if (value.n) return value;
    }
    return (PythiaText){"", 0};
}

static void process(PythiaBuf *out, const PythiaExportTrace *t, const PythiaSpan *span,
                    uint32_t number) {
    const PythiaResourceSet *set = &t->trace->resources[span->resource];
    PythiaText service = pythia_write_service(t, span), instance = pythia_write_instance(t, span);
    int named = 0; /* service.name was left out: the reader makes it of serviceName */
    pythia_write_comma(out);
    pythia_buf_format(out, "\"p%u\":{\"serviceName\":", number + 1);
    pythia_buf_json_text(out, service);
    pythia_write_member(out, "tags");
    pythia_buf_byte(out, '[');
    if (instance.n && !pythia_text_equal(instance, process_instance(t, set)))
        tag_text(out, "service.instance.id", instance);
    for (uint32_t i = 0; i < set->n; i++) {
        const PythiaValue *value = &set->values[i];
        if (!named && value->type == PYTHIA_VALUE_TEXT &&
            PYTHIA_TEXT_IS(pythia_write_key(t, value), "service.name") &&
            pythia_text_equal(pythia_write_text(value), service))
            named = 1;
        else
            tag(out, t, value);
    }
    pythia_buf_str(out, "]}");
}

/* ---- spans ---- */

static void reference(PythiaBuf *out, const PythiaExportTrace *t, const char *type, PythiaId trace,
                      PythiaId span) {
    pythia_write_comma(out);
    pythia_buf_format(out, "{\"refType\":\"%s\",\"traceID\":", type);
    pythia_write_id(out, t->names, trace);
    pythia_write_member(out, "spanID");
    pythia_write_id(out, t->names, span);
    pythia_buf_byte(out, '}');
}

static void references(PythiaBuf *out, const PythiaExportTrace *t, uint32_t index, uint32_t *next) {
    const PythiaTrace *trace = t->trace;
    const PythiaSpan *span = &trace->spans[index];
    pythia_write_member(out, "references");
    pythia_buf_byte(out, '[');
    if (span->parent_id.form != PYTHIA_ID_NONE)
        reference(out, t, "CHILD_OF", trace->id, span->parent_id);
    for (; *next < trace->nlinks && trace->links[*next].from_span == index; ++*next) {
        const PythiaLinkTo *link = &trace->links[*next];
        reference(out, t, link->kind == PYTHIA_LINK_PARENT ? "CHILD_OF" : "FOLLOWS_FROM",
                  link->trace.form == PYTHIA_ID_NONE ? trace->id : link->trace, link->span);
    }
    pythia_buf_byte(out, ']');
}

/* Whole microseconds, and the nanoseconds where they say more. */
static void member_time(PythiaBuf *out, const char *us, const char *nanos, int64_t ns) {
    int64_t whole = ns / 1000 - (ns % 1000 < 0);
    pythia_write_member(out, us);
    pythia_buf_format(out, "%lld", (long long)whole);
    if (ns == whole * 1000) return;
    pythia_write_member(out, nanos);
    pythia_buf_format(out, "%lld", (long long)ns);
}

static void logs(PythiaBuf *out, const PythiaExportTrace *t, const PythiaSpan *span) {
    pythia_write_member(out, "logs");
    pythia_buf_byte(out, '[');
    for (uint32_t i = 0; i < span->npoints; i++) {
        const PythiaPoint *point = &t->trace->points[span->first_point + i];
        const PythiaValue *values = pythia_write_values(t, point->first_value, point->nvalues);
        PythiaText name = pythia_write_point_name(t, point);
        pythia_write_comma(out);
        pythia_buf_byte(out, '{');
        member_time(out, "timestamp", "timestampNanos", point->time_ns);
        pythia_write_member(out, "fields");
        pythia_buf_byte(out, '[');
        if (name.n) tag_text(out, "event", name);
        for (uint32_t k = 0; k < point->nvalues; k++)
            tag(out, t, &values[k]);
        pythia_buf_str(out, "]}");
    }
    pythia_buf_byte(out, ']');
}

static void jaeger_span(PythiaBuf *out, const PythiaExportTrace *t, uint32_t index,
                        uint32_t process_number, uint32_t *next_link) {
    const PythiaSpan *span = &t->trace->spans[index];
    pythia_write_comma(out);
    pythia_buf_str(out, "{\"traceID\":");
    pythia_write_id(out, t->names, t->trace->id);
    pythia_write_member(out, "spanID");
    pythia_write_id(out, t->names, span->id);
    pythia_write_member(out, "operationName");
    pythia_buf_json_text(out, pythia_write_operation(t, span));
    references(out, t, index, next_link);
    member_time(out, "startTime", "startTimeNanos", span->start_ns);
    if (!(span->flags & PYTHIA_SPAN_NO_END))
        member_time(out, "duration", "durationNanos", span->end_ns - span->start_ns);
    span_tags(out, t, span);
    logs(out, t, span);
    pythia_buf_format(out, ",\"processID\":\"p%u\"}", process_number + 1);
}

static int jaeger_begin(PythiaExport *export, char **error) {
    (void)error;
    pythia_buf_str(&export->out, "{\"data\":[\n");
    return SQLITE_OK;
}

static int jaeger_trace(PythiaExport *export, const PythiaExportTrace *t, char **error) {
    PythiaBuf *out = &export->out;
    JaegerState *s = export->state;
    uint32_t next_link = 0;
    int rc = processes_find(s, t, export->poll);
    if (rc) return rc;
    if (export->traces) pythia_buf_str(out, ",\n");
    pythia_buf_str(out, "{\"traceID\":");
    pythia_write_id(out, t->names, t->trace->id);
    pythia_write_member(out, "spans");
    pythia_buf_byte(out, '[');
    for (uint32_t i = 0; !rc && i < t->trace->nspans; i++) {
        jaeger_span(out, t, i, s->process[i], &next_link);
        rc = pythia_export_step(export, error);
    }
    pythia_buf_byte(out, ']');
    pythia_write_member(out, "processes");
    pythia_buf_byte(out, '{');
    for (uint32_t p = 0; !rc && p < s->nprocesses; p++) {
        process(out, t, &t->trace->spans[s->first[p]], p);
        rc = pythia_export_step(export, error);
    }
    pythia_buf_str(out, "}}");
    return rc;
}

static int jaeger_end(PythiaExport *export, char **error) {
    (void)error;
    pythia_buf_str(&export->out, "\n],\"total\":0,\"limit\":0,\"offset\":0,\"errors\":null}\n");
    return SQLITE_OK;
}

static void jaeger_release(void *state) {
    JaegerState *s = state;
    pythia_free(s->process);
    pythia_free(s->first);
}

const PythiaExportFormat pythia_export_jaeger = {
    .name = "jaeger",
    .values = 1,
    .begin = jaeger_begin,
    .trace = jaeger_trace,
    .end = jaeger_end,
    .state_bytes = sizeof(JaegerState),
    .release = jaeger_release,
};
