/* xtrace.c - X-Trace reports in JSON.
**
** Fonseca et al., "X-Trace: A Pervasive Network Tracing Framework", NSDI 2007. A trace is a list of
** reports, each one event with the events before it:
**
**   [{"id": "<trace>", "reports": [
**       {"X-Trace": ["19<trace, 16 hex><event, 16 hex>"], "Edge": ["<event>", ...],
**        "Timestamp": ["1384989798643"], "HRT": ["791536494682774"], "Host": ["h"],
**        "ProcessID": ["8153@h"], "Agent": ["DataNode"], "Label": ["reading"], ...}]}]
**
** and an older, flat shape writes plain values:
**
**       {"EventID": "-4219...", "ParentEventID": ["...", ...], "TaskID": "...", "HRT": 791536494682774,
**        "Timestamp": 1384989798643, ...}
**
** The first byte of X-Trace says how long both ids are (specification 2.1.1): bits 0 and 1 the trace's (4, 8,
** 12 or 20 bytes), bit 3 the event's (4 or 8). An edge of zeros, or none, is the start of the trace.
**
** A report becomes a record of no length with the flag PYTHIA_SPAN_EVENT. Its parent is the first edge to
** an event that is there; the other edges are links. Its name is Source, else Label, else Operation, else
** Class; its service is Agent.
**
** Times. Timestamp is in seconds or milliseconds, by its magnitude (some services write one, some the
** other). HRT is in nanoseconds, but every process counts from an origin of its own. The smallest
** Timestamp - HRT of a process is taken for its origin: a stamp may be taken late, never early. So
** events of one process keep the order and distance that HRT gives them, and processes agree as well as
** their Timestamps do. Where that lies more than a second from the Timestamp the counter was
** set anew, and the Timestamp counts.
**
** A list is aligned by itself. Single reports are collected and treated as one list at the end, or
** whenever HELD_BYTES of them are there. */
#include "ext/read/format.h"
#include "ext/read/plain.h"

#include <stdlib.h>

enum { HELD_BYTES = 256 * 1024 * 1024, STRAY_NS = 1000000000, HELD_DEPTH = 1024 };

typedef struct Origin {
    uint64_t list; /* number of the list that it was seen in */
    int64_t ns;    /* smallest Timestamp - HRT */
} Origin;

typedef struct XtraceState {
    PythiaIntern processes; /* host, a zero byte, process */
    Origin *origins;        /* by process */
    size_t origins_capacity;
    uint64_t list;
    PythiaBuf held; /* single reports, as the beginning of a JSON array */
    int64_t *positions;
    size_t npositions, positions_capacity;
} XtraceState;

/* The id of a report, and when it was. */
typedef struct Report {
    uint32_t at;
    uint32_t process; /* in state->processes */
    PythiaRef trace;
    uint64_t event;
    int has_event, has_time, has_hrt;
    int64_t time_ns, hrt_ns;
} Report;

/* ---- values ---- */

/* The value of a key: the first item where it is a list, 0 where that is empty. */
static uint32_t report_value(const PythiaJson *j, uint32_t at, PythiaText key) {
    uint32_t value = pythia_json_present(j, at, key);
    return pythia_json_is_array(j, value) ? pythia_json_first(j, value) : value;
}

static PythiaText report_text(const PythiaJson *j, uint32_t at, PythiaText key) {
    return pythia_json_text(j, report_value(j, at, key));
}

/* The value as text, numbers too. */
static PythiaText report_plain(PythiaReader *r, uint32_t at, PythiaText key) {
    const PythiaJson *j = &r->json;
    uint32_t value = report_value(j, at, key);
    if (!value || pythia_json_is_text(j, value)) return pythia_json_text(j, value);
    pythia_json_write(j, value, &r->scratch);
    return pythia_reader_scratch(r);
}

/* An event's id: a number, or text of 16 (or fewer than 10) hex digits, or a decimal number. */
static int event_read(const PythiaJson *j, uint32_t at, uint64_t *event) {
    PythiaText text = pythia_json_text(j, at);
    PythiaId id = pythia_id_parse_padded(text);
    int64_t number;
    if (!at) return 0;
    if (!pythia_json_is_text(j, at)) {
        if (pythia_json_type(j, at) == 'u') {
            *event = j->tape.words[at + 1];
            return 1;
        }
        if (pythia_json_int64(j, at, &number) != PYTHIA_JSON_GOOD) return 0;
        *event = (uint64_t)number;
        return 1;
    }
    if (id.form == PYTHIA_ID_HEX16 && (text.n == 16 || text.n == 8)) {
        *event = id.lo;
        return 1;
    }
    if (!pythia_text_int64(text, &number)) return 0;
    *event = (uint64_t)number;
    return 1;
}

/* A trace's id: as an event's, or any other text. */
static PythiaRef trace_read(const PythiaJson *j, uint32_t at) {
    PythiaText text = pythia_json_text(j, at);
    uint64_t number;
    if (event_read(j, at, &number)) return (PythiaRef){{0, number, PYTHIA_ID_HEX16}, {"", 0}};
    return (PythiaRef){pythia_id_parse(text), text};
}

/* Both ids out of the metadata. */
static int metadata_read(PythiaText text, Report *report) {
    static const size_t trace_bytes[] = {4, 8, 12, 20};
    PythiaId flags;
    if (text.n < 2) return 0;
    flags = pythia_id_parse_padded((PythiaText){text.p, 2});
    if (flags.form != PYTHIA_ID_HEX16) return 0;
    size_t trace = 2 * trace_bytes[flags.lo & 3], event = flags.lo & 8 ? 16 : 8;
    if (text.n < 2 + trace + event) return 0;
    PythiaText id = {text.p + 2, trace};
    PythiaId number = pythia_id_parse_padded((PythiaText){text.p + 2 + trace, event});
    if (number.form != PYTHIA_ID_HEX16) return 0;
    report->trace = (PythiaRef){pythia_id_parse_padded(id), id};
    report->event = number.lo;
    report->has_event = 1;
    return 1;
}

/* ---- detection ---- */

static int is_report(const PythiaJson *j, uint32_t at) {
    if (PYTHIA_JSON_FIND(j, at, "X-Trace")) return 1;
    return PYTHIA_JSON_FIND(j, at, "EventID") &&
           (PYTHIA_JSON_FIND(j, at, "ParentEventID") || PYTHIA_JSON_FIND(j, at, "TaskID"));
}

static int xtrace_detect(const PythiaJson *json, uint32_t root) {
    uint32_t reports = PYTHIA_JSON_FIND(json, root, "reports");
    if (!pythia_json_is_array(json, reports)) return is_report(json, root);
    uint32_t first = pythia_json_first(json, reports);
    return first ? is_report(json, first) : PYTHIA_JSON_FIND(json, root, "id") != 0;
}

/* ---- times ---- */

static int timestamp_read(const PythiaJson *j, uint32_t at, int64_t *ns) {
    double time;
    if (pythia_json_double(j, at, &time) != PYTHIA_JSON_GOOD) return 0;
    return pythia_json_time_ns(j, at, pythia_plain_unit_ns(time), ns) == PYTHIA_JSON_GOOD;
}

/* Brings the origin of the report's process up to date. */
static void report_origin(PythiaReader *r, XtraceState *s, Report *report) {
    int64_t ns;
    if (!report->has_hrt) return;
    pythia_buf_text(&r->scratch, report_plain(r, report->at, PYTHIA_TEXT("Host")));
    pythia_buf_byte(&r->scratch, 0);
    pythia_buf_text(&r->scratch, report_text(&r->json, report->at, PYTHIA_TEXT("ProcessID")));
    PythiaText key = pythia_reader_scratch(r);
    if (r->rc == SQLITE_OK) r->rc = pythia_intern(&s->processes, key, &report->process);
    if (r->rc == SQLITE_OK && report->process >= s->origins_capacity) {
        size_t had = s->origins_capacity;
        r->rc = pythia_grow((void **)&s->origins, &s->origins_capacity, report->process + 1,
                            sizeof *s->origins);
        if (r->rc == SQLITE_OK)
            memset(s->origins + had, 0, (s->origins_capacity - had) * sizeof *s->origins);
    }
    if (r->rc != SQLITE_OK) return;
    Origin *origin = &s->origins[report->process];
    if (!report->has_time || __builtin_sub_overflow(report->time_ns, report->hrt_ns, &ns)) return;
    if (origin->list == s->list && origin->ns <= ns) return;
    origin->list = s->list;
    origin->ns = ns;
}

/* 0 when the report has no time. Without any Timestamp of its process HRT stands for itself. */
static int report_time(const XtraceState *s, const Report *report, int64_t *ns) {
    int64_t stray;
    *ns = report->time_ns;
    if (!report->has_hrt) return report->has_time;
    const Origin *origin = &s->origins[report->process];
    int64_t origin_ns = origin->list == s->list ? origin->ns : 0, aligned;
    if (__builtin_add_overflow(origin_ns, report->hrt_ns, &aligned)) return report->has_time;
    if (report->has_time &&
        (__builtin_sub_overflow(*ns, aligned, &stray) || stray > STRAY_NS || stray < -STRAY_NS))
        return 1;
    *ns = aligned;
    return 1;
}

/* ---- events ---- */

/* The events of a list, sorted, so that an edge can be told to lead somewhere. */
typedef struct Known {
    uint64_t trace, event; /* trace: a hash */
} Known;

typedef struct List {
    Report *reports;
    Known *known;
    size_t n, nknown;
} List;

static uint64_t trace_hash(const PythiaRef *trace) {
    if (trace->id.form == PYTHIA_ID_TEXT) return pythia_hash64(trace->text.p, trace->text.n);
    return pythia_id_hash(trace->id);
}

static int known_compare(const void *a, const void *b) {
    const Known *x = a, *y = b;
    if (x->trace != y->trace) return x->trace < y->trace ? -1 : 1;
    return x->event < y->event ? -1 : x->event > y->event;
}

static uint32_t report_edges(const PythiaJson *j, uint32_t at) {
    uint32_t edges = PYTHIA_JSON_FIND(j, at, "Edge");
    return edges ? edges : PYTHIA_JSON_FIND(j, at, "ParentEventID");
}

/* One edge: the parent where there is none yet (`first`), else a link. */
static void report_edge(PythiaReader *r, uint64_t event, int is_parent) {
    PythiaRef ref = {{0, event, PYTHIA_ID_HEX16}, {"", 0}};
    if (is_parent) {
        r->record.parent = ref;
        return;
    }
    PythiaLinkRecord *link = pythia_draft_link(r);
    if (!link) return;
    link->trace = r->record.trace;
    link->span = ref;
    link->kind = PYTHIA_LINK_PARENT;
}

/* The edges: the first to a known event is the parent, else the first of all. */
static void report_links(PythiaReader *r, const List *list, const Report *report) {
    const PythiaJson *j = &r->json;
    uint32_t edges = report_edges(j, report->at), chosen = 0, any = 0;
    int many = pythia_json_is_array(j, edges);
    uint32_t first = many ? pythia_json_first(j, edges) : edges;
    Known key = {trace_hash(&report->trace), 0};
    for (uint32_t at = first; at && !chosen; at = many ? pythia_json_after(j, at) : 0) {
        if (!event_read(j, at, &key.event) || !key.event || key.event == report->event) continue;
        if (!any) any = at;
        if (bsearch(&key, list->known, list->nknown, sizeof key, known_compare)) chosen = at;
    }
    if (!chosen) chosen = any;
    for (uint32_t at = first; at && r->rc == SQLITE_OK; at = many ? pythia_json_after(j, at) : 0) {
        uint64_t event = 0;
        if (!event_read(j, at, &event)) {
            if (!pythia_json_is_text(j, at) || pythia_json_text(j, at).n)
                pythia_draft_note(r, "link", "An edge of the report is no event's id.");
        } else if (event && event != report->event) {
            report_edge(r, event, at == chosen);
        }
    }
}

/* ---- names and attributes ---- */

static const PythiaText name_keys[] = {{"Source", 6}, {"Label", 5}, {"Operation", 9}, {"Class", 5}};

/* Which key names the report: an index of name_keys, or -1. */
static int report_name(PythiaReader *r, uint32_t at) {
    for (int i = 0; i < 4; i++) {
        r->record.operation = report_text(&r->json, at, name_keys[i]);
        if (r->record.operation.n) return i;
    }
    return -1;
}

/* Keys that are not attributes of the record: its ids, times and resource. */
static int is_taken(PythiaText key) {
    static const PythiaText taken[] = {{"X-Trace", 7},        {"Edge", 4},         {"EventID", 7},
                                       {"ParentEventID", 13}, {"TaskID", 6},       {"HRT", 3},
                                       {"Host", 4},           {"ProcessName", 11}, {"ProcessID", 9},
                                       {"Timestamp", 9},      {"version", 7},      {"Agent", 5}};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (pythia_text_equal(taken[i], key)) return 1;
    return 0;
}

static void report_attribute(PythiaReader *r, PythiaAttributes *list, PythiaText key, uint32_t at) {
    const PythiaJson *j = &r->json;
    if (pythia_json_is_array(j, at)) {
        uint32_t first = pythia_json_first(j, at);
        if (!first) return;
        if (!pythia_json_after(j, first)) at = first;
    }
    if (pythia_json_is_text(j, at))
        pythia_plain_attribute(r, list, key, pythia_json_text(j, at));
    else
        pythia_attributes_json(r, j, list, key, at);
}

static void report_attributes(PythiaReader *r, uint32_t report, int name) {
    const PythiaJson *j = &r->json;
    int metadata = pythia_json_present(j, report, PYTHIA_TEXT("X-Trace")) != 0;
    for (uint32_t at = pythia_json_first(j, report); at && r->rc == SQLITE_OK;
         at = pythia_json_after(j, at + 1)) {
        PythiaText key = pythia_json_text(j, at);
        /* `id` is the trace where X-Trace does not say it, else a variable that the program exports. */
        if (is_taken(key) || (!metadata && pythia_text_equal(key, PYTHIA_TEXT("id"))) ||
            (name >= 0 && pythia_text_equal(key, name_keys[name])))
            continue;
        report_attribute(r, &r->attributes, key, at + 1);
    }
}

/* Service: the agent, which is the part of a program that reports. Without one there is none: the same place in
** the code is one trace point then, whichever process went through it. Instance: host and process. */
static void report_resource(PythiaReader *r, uint32_t at, PythiaResource *resource) {
    static const PythiaText keys[] = {
        {"Agent", 5}, {"Host", 4}, {"ProcessName", 11}, {"ProcessID", 9}};
    const PythiaJson *j = &r->json;
    PythiaText service = report_text(j, at, keys[0]);
    pythia_resource_begin(r);
    for (size_t i = 0; i < 4; i++) {
        uint32_t value = pythia_json_present(j, at, keys[i]);
        if (value) report_attribute(r, &r->resource, keys[i], value);
    }
    PythiaText host = report_plain(r, at, keys[1]), process = report_plain(r, at, keys[3]);
    pythia_buf_text(&r->scratch, host);
    if (host.n && process.n) pythia_buf_byte(&r->scratch, ':');
    pythia_buf_text(&r->scratch, process);
    pythia_resource_end(r, service, pythia_reader_scratch(r), resource);
    resource->nameless = !service.n;
}

/* ---- reports ---- */

/* Ids and raw times. `id`: the list's, for reports without one of their own. */
static void report_open(PythiaReader *r, XtraceState *s, uint32_t at, uint32_t id, Report *report) {
    const PythiaJson *j = &r->json;
    memset(report, 0, sizeof *report);
    report->at = at;
    if (!metadata_read(report_text(j, at, PYTHIA_TEXT("X-Trace")), report)) {
        report->has_event =
            event_read(j, report_value(j, at, PYTHIA_TEXT("EventID")), &report->event);
        report->trace = trace_read(j, report_value(j, at, PYTHIA_TEXT("TaskID")));
        if (report->trace.id.form == PYTHIA_ID_NONE)
            report->trace = trace_read(j, report_value(j, at, PYTHIA_TEXT("id")));
        if (report->trace.id.form == PYTHIA_ID_NONE) report->trace = trace_read(j, id);
    }
    report->has_time =
        timestamp_read(j, report_value(j, at, PYTHIA_TEXT("Timestamp")), &report->time_ns);
    report->has_hrt = pythia_json_int64(j, report_value(j, at, PYTHIA_TEXT("HRT")),
                                        &report->hrt_ns) == PYTHIA_JSON_GOOD;
    report_origin(r, s, report);
}

static void report_emit(PythiaReader *r, const XtraceState *s, const List *list,
                        const Report *report) {
    PythiaRecord *record = &r->record;
    PythiaResource resource;
    pythia_draft_begin(r);
    record->trace = report->trace;
    if (report->has_event) record->span = (PythiaRef){{0, report->event, PYTHIA_ID_HEX16}, {"", 0}};
    if (record->trace.id.form == PYTHIA_ID_NONE || !report->has_event) {
        pythia_draft_reject(r, "span", "The report has no %s id.",
                            report->has_event ? "trace" : "event");
        return;
    }
    if (!report_time(s, report, &record->start_ns)) {
        pythia_draft_reject(r, "time", "The report has neither Timestamp nor HRT.");
        return;
    }
    record->end_ns = record->start_ns;
    record->flags = PYTHIA_SPAN_EVENT;
    int name = report_name(r, report->at);
    report_resource(r, report->at, &resource);
    record->resource = &resource;
    report_attributes(r, report->at, name);
    report_links(r, list, report);
    pythia_draft_emit(r);
}

/* All reports of an array; positions may be NULL. */
static void list_read(PythiaReader *r, XtraceState *s, uint32_t array, uint32_t id,
                      const int64_t *positions) {
    const PythiaJson *j = &r->json;
    List list = {0};
    size_t n = 0;
    for (uint32_t at = pythia_json_first(j, array); at; at = pythia_json_after(j, at))
        n++;
    list.reports = pythia_arena_alloc(&r->arena, (n + 1) * sizeof *list.reports);
    list.known = pythia_arena_alloc(&r->arena, (n + 1) * sizeof *list.known);
    if (!list.reports || !list.known) {
        r->rc = SQLITE_NOMEM;
        return;
    }
    s->list++;
    for (uint32_t at = pythia_json_first(j, array); at && r->rc == SQLITE_OK;
         at = pythia_json_after(j, at)) {
        Report *report = &list.reports[list.n++];
        report_open(r, s, at, id, report);
        if (report->has_event)
            list.known[list.nknown++] = (Known){trace_hash(&report->trace), report->event};
    }
    if (list.nknown > 1) qsort(list.known, list.nknown, sizeof *list.known, known_compare);
    for (size_t i = 0; i < list.n && r->rc == SQLITE_OK; i++) {
        if (positions) r->position = positions[i];
        report_emit(r, s, &list, &list.reports[i]);
    }
}

/* ---- single reports ---- */

static void held_emit(PythiaReader *r, XtraceState *s) {
    const char *why;
    int64_t position = r->position;
    if (!s->npositions || r->rc != SQLITE_OK) return;
    pythia_buf_byte(&s->held, ']');
    size_t n = s->held.n;
    unsigned char *padding = pythia_buf_room(&s->held, PYTHIA_JSON_PADDING);
    if (!padding) {
        r->rc = s->held.rc;
        return;
    }
    memset(padding, 0, PYTHIA_JSON_PADDING);
    /* every part was parsed before */
    int result = pythia_json_parse(&r->json, s->held.data, n, &why);
    if (result == PYTHIA_JSON_NOMEM)
        r->rc = SQLITE_NOMEM;
    else if (result != PYTHIA_JSON_OK)
        r->rc = SQLITE_INTERNAL;
    else
        list_read(r, s, 1, 0, s->positions);
    s->held.n = s->npositions = 0;
    r->position = position;
    pythia_arena_reset(&r->arena);
}

/* How deep the document nests. */
static unsigned root_depth(const PythiaJson *j, uint32_t root) {
    unsigned depth = 0, deepest = 0;
    uint32_t end = pythia_json_behind(j, root);
    for (uint32_t at = root; at < end;) {
        unsigned type = pythia_json_type(j, at);
        int opens = type == '{' || type == '[';
        if (opens && ++depth > deepest) deepest = depth;
        if (type == '}' || type == ']') depth--;
        at = opens ? at + 1 : pythia_json_behind(j, at);
    }
    return deepest;
}

static void xtrace_document(PythiaReader *r) {
    XtraceState *s = r->state;
    uint32_t reports = PYTHIA_JSON_FIND(&r->json, r->root, "reports");
    if (pythia_json_is_array(&r->json, reports)) {
        list_read(r, s, reports, PYTHIA_JSON_FIND(&r->json, r->root, "id"), NULL);
        return;
    }
    if (r->follow) {
        r->rc = pythia_fail(
            r->error, SQLITE_ERROR,
            "single X-Trace reports cannot be followed: their times are aligned with one "
            "another (lists of reports can)");
        return;
    }
    if (root_depth(&r->json, r->root) > HELD_DEPTH) {
        pythia_reader_reject(r, "depth", "The report is nested deeper than %d.", HELD_DEPTH);
        return;
    }
    r->rc = pythia_grow((void **)&s->positions, &s->positions_capacity, s->npositions + 1,
                        sizeof *s->positions);
    if (r->rc != SQLITE_OK) return;
    pythia_buf_byte(&s->held, s->npositions ? ',' : '[');
    pythia_buf_text(&s->held, r->text);
    r->rc = s->held.rc;
    s->positions[s->npositions++] = r->position;
    if (s->held.n > HELD_BYTES) held_emit(r, s);
}

static void xtrace_finish(PythiaReader *r) {
    held_emit(r, r->state);
}

static void xtrace_release(void *state) {
    XtraceState *s = state;
    pythia_intern_clear(&s->processes);
    pythia_free(s->origins);
    pythia_buf_clear(&s->held);
    pythia_free(s->positions);
}

const PythiaFormat pythia_format_xtrace = {
    .name = "xtrace",
    .detect = xtrace_detect,
    .document = xtrace_document,
    .finish = xtrace_finish,
    .state_bytes = sizeof(XtraceState),
    .release = xtrace_release,
    .follows = 1,
};
