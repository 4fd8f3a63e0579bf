/* chrome.c - Chrome's trace event format, for Perfetto's UI, chrome://tracing and Speedscope.
**
**   {"displayTimeUnit":"ns","traceEvents":[{"ph":"X","pid":1,"tid":7,"ts":<us>,"dur":<us>,"name",...}, ...]}
**
** A process of the file is a service and its instance. The slices of a thread must lie in each other or
** apart, which spans need not: so a trace has as many threads (lanes) of a process as it takes
** (chrome_lanes.c). Where a span is not on its parent's lane, a flow leads from the start of the one to the
** start of the other. Flows stand for links as well. Points are instants. What the format has no place for
** is in "args": ids, status, links, attributes. Attributes of resources and of links are left out.
**
** Times are microseconds since the first span of the capture, so that a double holds their nanoseconds; a
** metadata event "pythia_time_base" says when that was, in ns since 1970, which Pythia's own reader adds. */
#include "ext/write/chrome.h"

typedef struct ChromeState {
    PythiaLanes lanes;
    PythiaIntern processes; /* service, a zero byte, instance: the number is the pid */
    PythiaBuf key;
    uint32_t *pid; /* [span] */
    size_t pid_capacity;
    uint32_t last_tid, last_flow;
    PythiaArena arena;
    PythiaWriteJson json;
} ChromeState;

enum { ARGS_DEPTH = PYTHIA_JSON_DEPTH_MAX - 8 };

static void event_begin(PythiaExport *export, const char *phase, uint32_t pid, uint32_t tid) {
    PythiaBuf *out = &export->out;
    pythia_write_comma(out);
    pythia_buf_format(out, "\n{\"ph\":\"%s\",\"pid\":%u,\"tid\":%u", phase, pid, tid);
}

static void member_ts(PythiaExport *export, int64_t ns) {
    pythia_write_member(&export->out, "ts");
    pythia_write_us(&export->out, ns - export->epoch_ns);
}

/* ---- processes and threads ---- */

static void name_event(PythiaExport *export, const char *what, uint32_t pid, uint32_t tid) {
    event_begin(export, "M", pid, tid);
    pythia_buf_format(&export->out, ",\"name\":\"%s\",\"args\":{\"name\":", what);
}

static int process_find(PythiaExport *export, const PythiaExportTrace *t, const PythiaSpan *span,
                        uint32_t *pid) {
    ChromeState *s = export->state;
    PythiaText service = pythia_write_service(t, span), instance = pythia_write_instance(t, span);
    uint32_t known = s->processes.n;
    s->key.n = 0;
    pythia_buf_text(&s->key, service);
    pythia_buf_byte(&s->key, 0);
    pythia_buf_text(&s->key, instance);
    if (s->key.rc) return s->key.rc;
    int rc = pythia_intern(&s->processes, pythia_buf_as_text(&s->key), pid);
    if (rc || *pid <= known) return rc;
    name_event(export, "process_name", *pid, 0);
    pythia_buf_json_text(&export->out, service);
    pythia_buf_str(&export->out, "}}");
    if (!instance.n) return SQLITE_OK;
    event_begin(export, "M", *pid, 0);
    pythia_buf_str(&export->out, ",\"name\":\"process_labels\",\"args\":{\"labels\":");
    pythia_buf_json_text(&export->out, instance);
    pythia_buf_str(&export->out, "}}");
    return SQLITE_OK;
}

/* A thread is named by its trace; the second lane of a process says that it is. */
static void lanes_name(PythiaExport *export, const PythiaExportTrace *t) {
    ChromeState *s = export->state;
    char digits[PYTHIA_ID_CHARS];
    PythiaText id = pythia_names_id_text(t->names, t->trace->id, digits);
    for (uint32_t i = 0; i < s->lanes.nlanes; i++) {
        const PythiaLane *lane = &s->lanes.lanes[i];
        s->key.n = 0;
        pythia_buf_text(&s->key, id);
        if (lane->number > 1) pythia_buf_format(&s->key, " #%u", lane->number);
        name_event(export, "thread_name", lane->pid, s->last_tid + i + 1);
        pythia_buf_json_text(&export->out, pythia_buf_as_text(&s->key));
        pythia_buf_str(&export->out, "}}");
    }
    if (s->key.rc && !export->out.rc) export->out.rc = s->key.rc;
}

/* ---- arguments ---- */

static void arg_text(PythiaBuf *out, const char *key, PythiaText value) {
    pythia_write_member(out, key);
    pythia_buf_json_text(out, value);
}

static void arg_id(PythiaBuf *out, const PythiaExportTrace *t, const char *key, PythiaId id) {
    pythia_write_member(out, key);
    pythia_write_id(out, t->names, id);
}

static void arg_value(PythiaExport *export, const PythiaExportTrace *t, const PythiaValue *value) {
    ChromeState *s = export->state;
    PythiaBuf *out = &export->out;
    pythia_write_comma(out);
    pythia_buf_json_text(out, pythia_write_key(t, value));
    pythia_buf_byte(out, ':');
    if (value->type == PYTHIA_VALUE_INT)
        pythia_buf_format(out, "%lld", (long long)value->of.integer);
    else if (value->type == PYTHIA_VALUE_BOOL)
        pythia_buf_str(out, value->of.integer ? "true" : "false");
    else if (value->type == PYTHIA_VALUE_DOUBLE)
        pythia_write_double(out, value->of.real);
    else if (value->type == PYTHIA_VALUE_JSON &&
             pythia_write_json_open(&s->json, pythia_write_text(value), ARGS_DEPTH, out))
        pythia_json_write(&s->json.json, 1, out);
    else
        pythia_buf_json_text(out, pythia_write_text(value));
}

static void args_begin(PythiaBuf *out) {
    pythia_write_member(out, "args");
    pythia_buf_byte(out, '{');
}

static void span_args(PythiaExport *export, const PythiaExportTrace *t, uint32_t index,
                      uint32_t first_link, uint32_t end_link) {
    static const char *const statuses[] = {"unset", "ok", "error"};
    PythiaBuf *out = &export->out;
    const PythiaSpan *span = &t->trace->spans[index];
    args_begin(out);
    arg_id(out, t, "trace_id", t->trace->id);
    arg_id(out, t, "span_id", span->id);
    if (span->parent_id.form != PYTHIA_ID_NONE) arg_id(out, t, "parent_id", span->parent_id);
    if (span->status && span->status <= PYTHIA_STATUS_ERROR)
        arg_text(out, "status", pythia_text(statuses[span->status]));
    if (first_link < end_link) {
        pythia_write_member(out, "links");
        pythia_buf_byte(out, '[');
        for (uint32_t l = first_link; l < end_link; l++) {
            pythia_write_comma(out);
            pythia_buf_byte(out, '{');
            arg_id(out, t, "trace_id", t->trace->links[l].trace);
            arg_id(out, t, "span_id", t->trace->links[l].span);
            pythia_buf_byte(out, '}');
        }
        pythia_buf_byte(out, ']');
    }
    for (uint32_t i = 0; i < span->nvalues; i++) {
        const PythiaValue *value = &t->trace->values[span->first_value + i];
        if (!pythia_write_is_raw_name(t, value)) arg_value(export, t, value);
    }
    pythia_buf_str(out, "}}");
}

/* ---- events ---- */

static void points(PythiaExport *export, const PythiaExportTrace *t, const PythiaSpan *span,
                   uint32_t pid, uint32_t tid) {
    PythiaBuf *out = &export->out;
    for (uint32_t i = 0; i < span->npoints; i++) {
        const PythiaPoint *point = &t->trace->points[span->first_point + i];
        event_begin(export, "i", pid, tid);
        member_ts(export, point->time_ns);
        pythia_buf_str(out, ",\"s\":\"t\"");
        arg_text(out, "name", pythia_write_point_name(t, point));
        args_begin(out);
        for (uint32_t k = 0; k < point->nvalues; k++)
            arg_value(export, t, &t->trace->values[point->first_value + k]);
        pythia_buf_str(out, "}}");
    }
}

static void flow(PythiaExport *export, const PythiaExportTrace *t, const char *name, uint32_t from,
                 uint32_t to) {
    ChromeState *s = export->state;
    const uint32_t ends[2] = {from, to};
    s->last_flow++;
    for (int i = 0; i < 2; i++) {
        const PythiaSlot *slot = &s->lanes.slots[ends[i]];
        event_begin(export, i ? "f" : "s", s->pid[ends[i]], s->last_tid + slot->lane + 1);
        member_ts(export, t->trace->spans[ends[i]].start_ns);
        pythia_buf_format(&export->out, ",\"id\":%u,\"cat\":\"%s\",\"name\":\"%s\"%s}",
                          s->last_flow, name, name, i ? ",\"bp\":\"e\"" : "");
    }
}

static void slice(PythiaExport *export, const PythiaExportTrace *t, uint32_t index,
                  uint32_t first_link, uint32_t end_link) {
    static const char *const kinds[] = {"internal", "server", "client", "producer", "consumer"};
    ChromeState *s = export->state;
    PythiaBuf *out = &export->out;
    const PythiaSpan *span = &t->trace->spans[index];
    uint32_t tid = s->last_tid + s->lanes.slots[index].lane + 1;
    event_begin(export, "X", s->pid[index], tid);
    member_ts(export, span->start_ns);
    pythia_write_member(out, "dur");
    pythia_write_us(out, s->lanes.slots[index].end_ns - span->start_ns);
    arg_text(out, "name", pythia_write_operation(t, span));
    arg_text(out, "cat", pythia_text(kinds[span->kind <= PYTHIA_KIND_CONSUMER ? span->kind : 0]));
    span_args(export, t, index, first_link, end_link);
    points(export, t, span, s->pid[index], tid);
}

static int chrome_begin(PythiaExport *export, char **error) {
    (void)error;
    pythia_buf_str(&export->out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
    event_begin(export, "M", 0, 0);
    pythia_buf_format(&export->out, ",\"name\":\"pythia_time_base\",\"args\":{\"ns\":\"%lld\"}}",
                      (long long)export->epoch_ns);
    return SQLITE_OK;
}

static int chrome_trace(PythiaExport *export, const PythiaExportTrace *t, char **error) {
    ChromeState *s = export->state;
    const PythiaTrace *trace = t->trace;
    const uint32_t *sources;
    pythia_arena_reset(&s->arena);
    int rc =
        pythia_grow((void **)&s->pid, &s->pid_capacity, (size_t)trace->nspans + 1, sizeof *s->pid);
    for (uint32_t i = 0; !rc && i < trace->nspans; i++)
        rc = process_find(export, t, &trace->spans[i], &s->pid[i]);
    if (!rc) rc = pythia_lanes_assign(&s->lanes, trace, s->pid, s->processes.n);
    if (!rc) rc = pythia_trace_link_sources(trace, &s->arena, &sources);
    if (rc) return rc;
    lanes_name(export, t);
    for (uint32_t i = 0, link = 0; !rc && i < trace->nspans; i++) {
        uint32_t first_link = link;
        while (link < trace->nlinks && trace->links[link].from_span == i)
            link++;
        slice(export, t, i, first_link, link);
        int32_t parent = trace->spans[i].parent;
        if (parent >= 0 && s->lanes.slots[parent].lane != s->lanes.slots[i].lane)
            flow(export, t, "call", (uint32_t)parent, i);
        for (uint32_t l = first_link; l < link; l++)
            if (sources[l] != PYTHIA_NO_SPAN)
                flow(export, t, "link", pythia_event_span(trace, sources[l]), i);
        rc = pythia_export_step(export, error);
    }
    s->last_tid += s->lanes.nlanes;
    return rc;
}

static int chrome_end(PythiaExport *export, char **error) {
    (void)error;
    pythia_buf_str(&export->out, "\n]}\n");
    return SQLITE_OK;
}

static void chrome_release(void *state) {
    ChromeState *s = state;
    pythia_lanes_clear(&s->lanes);
    pythia_intern_clear(&s->processes);
    pythia_buf_clear(&s->key);
    pythia_free(s->pid);
    pythia_arena_clear(&s->arena);
    pythia_write_json_clear(&s->json);
}

const PythiaExportFormat pythia_export_chrome = {
    .name = "chrome",
    .values = 1,
    .begin = chrome_begin,
    .trace = chrome_trace,
    .end = chrome_end,
    .state_bytes = sizeof(ChromeState),
    .release = chrome_release,
};
