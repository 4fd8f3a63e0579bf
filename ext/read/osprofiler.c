/* osprofiler.c - traces of OpenStack's OSProfiler.
**
** Two shapes. A report, what `osprofiler trace show --json` prints, is a tree:
**
**   {"info": {"name": "total", ...}, "stats": {...}, "children": [
**     {"trace_id", "parent_id", "children": [...], "info": {"name": "wsgi", "project", "service", "host",
**        "started", "finished", "exception",
**        "meta.raw_payload.wsgi-start": {...}, "meta.raw_payload.wsgi-stop": {...}}}]}
**
** Single notifications (osprofiler_pair.c) are those raw payloads by themselves:
**
**   {"name": "wsgi-start", "base_id", "trace_id", "parent_id", "timestamp", "project", "service",
**    "info": {"host", "request": {...}}}
**
** What is called trace_id is the span's id; the trace is base_id, and a root's parent is the trace.
** `started` and `finished` are whole milliseconds from the first event; the times that count are the
** payloads' timestamps, microseconds in UTC without a zone. A half that was lost makes a span of no
** length. Reports of 2014 have no payloads: their times are the offsets, and `info` is flat. */
#include "ext/read/osprofiler.h"

#include "ext/read/format.h"
#include "ext/read/plain.h"

enum {
    FLATTEN_DEPTH = 8,    /* objects deeper than this are kept as JSON ... */
    FLATTEN_PREFIX = 256, /* ... and those whose members would get longer prefixes */
    FLATTEN_COMPARE = 64  /* with more attributes every key of the stop half gets its prefix */
};

/* ---- times ---- */

static int half_time_ns(PythiaOspHalf half, int64_t *ns) {
    uint32_t at = PYTHIA_JSON_FIND(half.json, half.payload, "timestamp");
    return pythia_plain_date_ns(pythia_json_text(half.json, at), ns);
}

/* ---- attributes ---- */

typedef struct FlattenFrame {
    uint32_t key;
    size_t prefix; /* bytes of the prefix that the keys of this object have */
} FlattenFrame;

/* Keys of a report's node that have a place of their own. */
static int node_key_is_known(PythiaText key) {
    return PYTHIA_TEXT_IS(key, "name") || PYTHIA_TEXT_IS(key, "project") ||
           PYTHIA_TEXT_IS(key, "service") || PYTHIA_TEXT_IS(key, "started") ||
           PYTHIA_TEXT_IS(key, "finished") || PYTHIA_TEXT_IS(key, "exception") ||
           (key.n > 17 && memcmp(key.p, "meta.raw_payload.", 17) == 0);
}

/* "info.request:path" and "meta.db.statement", as reports of 2014 have them: request.path and
** db.statement. */
static PythiaText node_key(PythiaReader *r, PythiaText key) {
    if (key.n > 5 && (memcmp(key.p, "info.", 5) == 0 || memcmp(key.p, "meta.", 5) == 0))
        key = (PythiaText){key.p + 5, key.n - 5};
    if (!memchr(key.p, ':', key.n)) return key;
    for (size_t i = 0; i < key.n; i++)
        pythia_buf_byte(&r->scratch, (unsigned char)(key.p[i] == ':' ? '.' : key.p[i]));
    return pythia_reader_scratch(r);
}

/* Whether one of the first n attributes has the key. Of many, only some are looked at. */
static int key_is_taken(const PythiaAttributes *list, size_t n, PythiaText key) {
    for (size_t i = 0; i < n && i < FLATTEN_COMPARE; i++)
        if (pythia_text_equal(list->items[i].key, key)) return 1;
    return 0;
}

/* Which object is flattened. */
typedef enum FlattenOf { FLATTEN_START, FLATTEN_STOP, FLATTEN_NODE } FlattenOf;

typedef struct Flatten {
    FlattenOf of;
    size_t taken;     /* attributes that were there before */
    PythiaBuf prefix; /* of the keys of the innermost object, with its dot */
} Flatten;

/* One member that is no object to be entered. */
static void flatten_value(PythiaReader *r, const PythiaJson *j, Flatten *f, PythiaText key,
                          uint32_t value) {
    if (f->prefix.n) {
        pythia_buf_bytes(&r->scratch, f->prefix.data, f->prefix.n);
        pythia_buf_text(&r->scratch, key);
        key = pythia_reader_scratch(r);
    } else if (f->of == FLATTEN_NODE) {
        key = node_key(r, key);
    }
    int taken = f->of != FLATTEN_START && key_is_taken(&r->attributes, f->taken, key);
    if (taken && f->of == FLATTEN_NODE) return;
    if (taken || (f->of == FLATTEN_STOP && f->taken > FLATTEN_COMPARE)) {
        pythia_buf_str(&r->scratch, "stop.");
        pythia_buf_text(&r->scratch, key);
        key = pythia_reader_scratch(r);
    }
    pythia_attributes_json(r, j, &r->attributes, key, value);
}

static int flatten_skips(const Flatten *f, PythiaText key) {
    if (PYTHIA_TEXT_IS(key, "host") || PYTHIA_TEXT_IS(key, "tracepoint_id")) return 1;
    return f->of == FLATTEN_NODE && node_key_is_known(key);
}

/* The members of an object as attributes, those of objects inside it under dotted keys. Nulls and
** empty objects are nothing. */
static void flatten(PythiaReader *r, const PythiaJson *j, uint32_t object, FlattenOf of) {
    FlattenFrame frames[FLATTEN_DEPTH];
    Flatten f = {.of = of, .taken = r->attributes.n};
    size_t depth = 0;
    if (!pythia_json_is_object(j, object)) return;
    frames[depth++] = (FlattenFrame){pythia_json_first(j, object), 0};
    while (depth && r->rc == SQLITE_OK) {
        FlattenFrame *frame = &frames[depth - 1];
        uint32_t key = frame->key;
        f.prefix.n = frame->prefix;
        if (!key) {
            depth--;
            continue;
        }
        frame->key = pythia_json_after(j, key + 1);
        PythiaText text = pythia_json_text(j, key);
        if (pythia_json_type(j, key + 1) == 'n' || (depth == 1 && flatten_skips(&f, text)))
            continue;
        if (pythia_json_is_object(j, key + 1) && depth < FLATTEN_DEPTH &&
            frame->prefix + text.n < FLATTEN_PREFIX) {
            pythia_buf_text(&f.prefix, text);
            pythia_buf_byte(&f.prefix, '.');
            if (f.prefix.rc != SQLITE_OK) r->rc = f.prefix.rc;
            frames[depth++] = (FlattenFrame){pythia_json_first(j, key + 1), f.prefix.n};
            continue;
        }
        flatten_value(r, j, &f, text, key + 1);
    }
    pythia_buf_clear(&f.prefix);
}

/* ---- one span ---- */

/* The first non-empty text of a member of the halves or of the node. */
static PythiaText span_text(const PythiaOspSpan *s, PythiaText key, int in_info) {
    const PythiaOspHalf *halves[] = {&s->start, &s->stop};
    static const PythiaText info_key = {"info", 4};
    for (size_t i = 0; i < 2; i++) {
        uint32_t at = halves[i]->payload;
        if (at && in_info) at = pythia_json_find(halves[i]->json, at, info_key);
        PythiaText text = {"", 0};
        if (at)
            text = pythia_json_text(halves[i]->json, pythia_json_find(halves[i]->json, at, key));
        if (text.n) return text;
    }
    uint32_t at = in_info ? s->node_info : s->node;
    return at ? pythia_json_text(s->node_json, pythia_json_find(s->node_json, at, key))
              : (PythiaText){"", 0};
}

/* As other systems write services: nova-compute, nova-osapi_compute, placement. */
static PythiaText span_service(PythiaReader *r, PythiaText project, PythiaText service) {
    if (!project.n) return service;
    if (!service.n || pythia_text_equal(project, service)) return project;
    if (service.n > project.n && memcmp(service.p, project.p, project.n) == 0 &&
        service.p[project.n] == '-')
        return service;
    pythia_buf_text(&r->scratch, project);
    pythia_buf_byte(&r->scratch, '-');
    pythia_buf_text(&r->scratch, service);
    return pythia_reader_scratch(r);
}

/* Project and service stand beside a half's info; in a report, in the node's. */
static void span_resource(PythiaReader *r, const PythiaOspSpan *s, PythiaResource *resource) {
    static const PythiaText project_key = {"project", 7}, service_key = {"service", 7};
    PythiaText project = span_text(s, project_key, 0), service = span_text(s, service_key, 0);
    PythiaText host = span_text(s, PYTHIA_TEXT("host"), 1);
    if (!project.n) project = span_text(s, project_key, 1);
    if (!service.n) service = span_text(s, service_key, 1);
    service = span_service(r, project, service);
    pythia_resource_begin(r);
    if (service.n) pythia_attributes_text(r, &r->resource, PYTHIA_TEXT("service.name"), service);
    if (project.n) pythia_attributes_text(r, &r->resource, project_key, project);
    if (host.n) pythia_attributes_text(r, &r->resource, PYTHIA_TEXT("host.name"), host);
    pythia_resource_end(r, service, host, resource);
}

static PythiaRef osp_id(PythiaText text) {
    return (PythiaRef){pythia_id_parse(text), text};
}

/* 0 when the span was rejected. */
static int span_ids(PythiaReader *r, const PythiaOspSpan *s) {
    PythiaRecord *record = &r->record;
    PythiaText base = span_text(s, PYTHIA_TEXT("base_id"), 0);
    PythiaText parent = span_text(s, PYTHIA_TEXT("parent_id"), 0);
    if (!base.n) base = s->trace;
    record->trace = osp_id(base);
    record->span = osp_id(span_text(s, PYTHIA_TEXT("trace_id"), 0));
    if (!pythia_text_equal(parent, base)) record->parent = osp_id(parent);
    if (record->trace.id.form != PYTHIA_ID_NONE && record->span.id.form != PYTHIA_ID_NONE) return 1;
    pythia_draft_reject(r, "span", "The span has no %s.",
                        record->trace.id.form == PYTHIA_ID_NONE ? "base_id" : "trace_id");
    return 0;
}

/* A node without any payload: milliseconds since the report's first event are all there is. */
static int span_offsets(PythiaReader *r, const PythiaOspSpan *s) {
    PythiaRecord *record = &r->record;
    PythiaOspState *state = r->state;
    int64_t start_ns, end_ns;
    uint32_t started = PYTHIA_JSON_FIND(s->node_json, s->node_info, "started");
    uint32_t finished = PYTHIA_JSON_FIND(s->node_json, s->node_info, "finished");
    int start = pythia_json_time_ns(s->node_json, started, 1000000, &start_ns);
    int end = pythia_json_time_ns(s->node_json, finished, 1000000, &end_ns);
    if (start != PYTHIA_JSON_GOOD && end != PYTHIA_JSON_GOOD) {
        pythia_draft_reject(r, "time", "The span has neither timestamps nor offsets.");
        return 0;
    }
    if (start != PYTHIA_JSON_GOOD) {
        record->flags |= PYTHIA_SPAN_NO_START;
        start_ns = end_ns;
    } else if (end != PYTHIA_JSON_GOOD) {
        record->flags |= PYTHIA_SPAN_NO_END;
        end_ns = start_ns;
    }
    if (!state->approximate) {
        state->approximate = 1;
        pythia_reader_note(r, "approximate",
                           "Spans without raw payloads have times in whole milliseconds%s.",
                           s->origin_ns ? "" : ", counted from the trace's first event");
    }
    return !__builtin_add_overflow(start_ns, s->origin_ns, &record->start_ns) &&
           !__builtin_add_overflow(end_ns, s->origin_ns, &record->end_ns);
}

static int span_times(PythiaReader *r, const PythiaOspSpan *s) {
    PythiaRecord *record = &r->record;
    if (!s->start.payload && !s->stop.payload) return span_offsets(r, s);
    if ((s->start.payload && !half_time_ns(s->start, &record->start_ns)) ||
        (s->stop.payload && !half_time_ns(s->stop, &record->end_ns))) {
        pythia_draft_reject(r, "time", "The span's timestamp is no date.");
        return 0;
    }
    if (!s->stop.payload) {
        record->end_ns = record->start_ns;
        if (!s->point) record->flags |= PYTHIA_SPAN_NO_END;
    } else if (!s->start.payload) {
        record->start_ns = record->end_ns;
        record->flags |= PYTHIA_SPAN_NO_START;
    }
    return 1;
}

static void span_attributes(PythiaReader *r, const PythiaOspSpan *s) {
    PythiaText tracepoint = span_text(s, PYTHIA_TEXT("tracepoint_id"), 0);
    if (!tracepoint.n) tracepoint = span_text(s, PYTHIA_TEXT("tracepoint_id"), 1);
    if (s->start.payload)
        flatten(r, s->start.json, PYTHIA_JSON_FIND(s->start.json, s->start.payload, "info"),
                FLATTEN_START);
    if (s->stop.payload)
        flatten(r, s->stop.json, PYTHIA_JSON_FIND(s->stop.json, s->stop.payload, "info"),
                FLATTEN_STOP);
    if (s->node_info) flatten(r, s->node_json, s->node_info, FLATTEN_NODE);
    if (tracepoint.n)
        pythia_attributes_text(r, &r->attributes, PYTHIA_TEXT("tracepoint_id"), tracepoint);
}

/* An exception: `etype` of the stop half, `exception` of the report's node. */
static void span_status(PythiaReader *r, const PythiaOspSpan *s) {
    PythiaText exception = {"", 0};
    if (s->node_info)
        exception = pythia_json_text(s->node_json,
                                     PYTHIA_JSON_FIND(s->node_json, s->node_info, "exception"));
    if (exception.n && !PYTHIA_TEXT_IS(exception, "None")) {
        pythia_attributes_text(r, &r->attributes, PYTHIA_TEXT("exception"), exception);
        r->record.status = PYTHIA_STATUS_ERROR;
    }
    if (pythia_attributes_find(&r->attributes, PYTHIA_TEXT("etype")).n)
        r->record.status = PYTHIA_STATUS_ERROR;
}

/* The wrapper's name: `name` of a half without its end, `name` of a node's info. */
static PythiaText span_name(const PythiaOspSpan *s) {
    PythiaText name = span_text(s, PYTHIA_TEXT("name"), 0);
    if (!name.n) name = span_text(s, PYTHIA_TEXT("name"), 1);
    if (name.n > 6 && memcmp(name.p + name.n - 6, "-start", 6) == 0)
        name.n -= 6;
    else if (name.n > 5 && memcmp(name.p + name.n - 5, "-stop", 5) == 0)
        name.n -= 5;
    return name;
}

void pythia_osp_emit(PythiaReader *r, const PythiaOspSpan *s) {
    PythiaResource resource;
    pythia_draft_begin(r);
    r->record.flags = PYTHIA_SPAN_ANCHORED;
    if (!span_ids(r, s) || !span_times(r, s)) return;
    PythiaText name = span_name(s);
    span_attributes(r, s);
    span_status(r, s);
    span_resource(r, s, &resource);
    r->record.resource = &resource;
    r->record.operation = pythia_osp_operation(r, name, s->stub);
    r->record.kind = pythia_osp_kind(r, name);
    pythia_draft_emit(r);
}

/* ---- reports ---- */

static int is_node(const PythiaJson *j, uint32_t at) {
    return PYTHIA_JSON_FIND(j, at, "trace_id") && PYTHIA_JSON_FIND(j, at, "parent_id");
}

static int is_report(const PythiaJson *j, uint32_t root) {
    return pythia_json_is_array(j, PYTHIA_JSON_FIND(j, root, "children")) &&
           pythia_json_is_object(j, PYTHIA_JSON_FIND(j, root, "info"));
}

/* The payloads of a node: keys "meta.raw_payload.<name>-start", "...-stop", or without an end. */
static void node_halves(const PythiaJson *j, PythiaOspSpan *s) {
    uint32_t point = 0;
    s->start = s->stop = (PythiaOspHalf){j, 0};
    for (uint32_t key = pythia_json_first(j, s->node_info); key;
         key = pythia_json_after(j, key + 1)) {
        PythiaText text = pythia_json_text(j, key);
        if (text.n <= 17 || memcmp(text.p, "meta.raw_payload.", 17) != 0) continue;
        if (!pythia_json_is_object(j, key + 1)) continue;
        if (memcmp(text.p + text.n - 6, "-start", 6) == 0)
            s->start.payload = s->start.payload ? s->start.payload : key + 1;
        else if (memcmp(text.p + text.n - 5, "-stop", 5) == 0)
            s->stop.payload = s->stop.payload ? s->stop.payload : key + 1;
        else
            point = point ? point : key + 1;
    }
    if (point && !s->start.payload && !s->stop.payload) {
        s->start.payload = point;
        s->point = 1;
    }
}

/* What the whole report knows: the trace, and the instant that offsets count from. */
static void report_base(const PythiaJson *j, uint32_t top, PythiaOspSpan *s) {
    for (uint32_t at = top; at; at = pythia_json_after(j, at)) {
        PythiaOspSpan probe = {.node_json = j, .node = at};
        int64_t time_ns, offset_ns;
        probe.node_info = PYTHIA_JSON_FIND(j, at, "info");
        if (!s->trace.n) s->trace = pythia_json_text(j, PYTHIA_JSON_FIND(j, at, "parent_id"));
        if (!pythia_json_is_object(j, probe.node_info)) continue;
        node_halves(j, &probe);
        if (!probe.start.payload) continue;
        PythiaText base = pythia_json_text(j, PYTHIA_JSON_FIND(j, probe.start.payload, "base_id"));
        uint32_t started = PYTHIA_JSON_FIND(j, probe.node_info, "started");
        if (!base.n || !half_time_ns(probe.start, &time_ns)) continue;
        s->trace = base;
        if (pythia_json_time_ns(j, started, 1000000, &offset_ns) == PYTHIA_JSON_GOOD &&
            !__builtin_sub_overflow(time_ns, offset_ns, &s->origin_ns))
            return;
    }
}

/* A node whose children are being read. */
typedef struct ReportFrame {
    uint32_t next; /* the child to go on with */
    PythiaText stub;
} ReportFrame;

/* One node; returns the stub that its children were called by. */
static PythiaText report_node(PythiaReader *r, uint32_t node, PythiaOspSpan *s) {
    const PythiaJson *j = &r->json;
    s->node_json = j;
    s->node = node;
    s->node_info = PYTHIA_JSON_FIND(j, node, "info");
    s->point = 0;
    if (!pythia_json_is_object(j, s->node_info)) {
        pythia_draft_begin(r);
        r->record.span = osp_id(pythia_json_text(j, PYTHIA_JSON_FIND(j, node, "trace_id")));
        pythia_draft_reject(r, "span", "A node of the report has no info.");
        return (PythiaText){"", 0};
    }
    node_halves(j, s);
    pythia_osp_emit(r, s);
    return pythia_osp_stub(pythia_attributes_find(&r->attributes, PYTHIA_TEXT("function.name")));
}

static void report_walk(PythiaReader *r, uint32_t top) {
    const PythiaJson *j = &r->json;
    PythiaOspSpan span = {.node_json = j};
    ReportFrame *frames = NULL;
    size_t n = 0, capacity = 0;
    report_base(j, top, &span);
    r->rc = pythia_grow((void **)&frames, &capacity, 1, sizeof *frames);
    if (r->rc == SQLITE_OK) frames[n++] = (ReportFrame){top, {"", 0}};
    while (n && r->rc == SQLITE_OK) {
        uint32_t node = frames[n - 1].next;
        if (!node) {
            n--;
            continue;
        }
        frames[n - 1].next = pythia_json_after(j, node);
        span.stub = frames[n - 1].stub;
        PythiaText stub = report_node(r, node, &span);
        uint32_t children = PYTHIA_JSON_FIND(j, node, "children");
        uint32_t child = pythia_json_is_array(j, children) ? pythia_json_first(j, children) : 0;
        if (!child || r->rc != SQLITE_OK) continue;
        r->rc = pythia_grow((void **)&frames, &capacity, n + 1, sizeof *frames);
        if (r->rc == SQLITE_OK) frames[n++] = (ReportFrame){child, stub};
    }
    pythia_free(frames);
}

/* ---- the format ---- */

static int osprofiler_detect(const PythiaJson *j, uint32_t root) {
    return is_report(j, root) || pythia_osp_is_notification(j, root);
}

static void osprofiler_document(PythiaReader *r) {
    const PythiaJson *j = &r->json;
    if (!is_report(j, r->root)) {
        pythia_osp_notification(r, r->state);
        return;
    }
    if (is_node(j, r->root))
        report_walk(r, r->root); /* a branch of a report by itself */
    else
        report_walk(r, pythia_json_first(j, PYTHIA_JSON_FIND(j, r->root, "children")));
}

static void osprofiler_finish(PythiaReader *r) {
    pythia_osp_pairs_finish(r, r->state);
}

static void osprofiler_release(void *state) {
    pythia_osp_pairs_free(((PythiaOspState *)state)->pairs);
}

const PythiaFormat pythia_format_osprofiler = {
    .name = "osprofiler",
    .detect = osprofiler_detect,
    .document = osprofiler_document,
    .finish = osprofiler_finish,
    .state_bytes = sizeof(PythiaOspState),
    .release = osprofiler_release,
    .follows = 1,
    .remember = pythia_osp_remember,
    .recall = pythia_osp_recall,
};
