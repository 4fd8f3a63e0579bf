/* otlp_proto.c - OpenTelemetry's OTLP in its protobuf form.
**
** A file is one message, or messages that each have their length before them as four bytes, most
** significant first. TracesData and ExportTraceServiceRequest are the same on the wire:
**
**   message        1 ResourceSpans
**   ResourceSpans  1 Resource {1 attributes}   2 ScopeSpans   (1000: ScopeSpans before 2022)
**   ScopeSpans     1 Scope {1 name  2 version  3 attributes}   2 Span
**   Span           1 trace_id  2 span_id  3 trace_state  4 parent_span_id  5 name  6 kind, enum
**                  7 start, 8 end: fixed64, ns   9 attributes   11 Event   13 Link   15 Status
**                  10, 12, 14: how many attributes, events, links were dropped
**   Event          1 time, fixed64   2 name   3 attributes   4 dropped attributes
**   Link           1 trace_id  2 span_id  3 trace_state  4 attributes  5 dropped attributes
**   Status         2 message   3 code, enum
**
** The wire form is walked here, field by field, instead of being unpacked by protobuf-c: unpacking
** recurses as deep as the input nests, copies every string, and fails as a whole where one byte is
** wrong. Here texts are borrowed from the input, nothing recurses, unknown fields are passed over, and
** what is broken costs the innermost record around it: an event its span, a span itself. A length that
** does not fit costs the rest of what encloses it, since nothing tells where the next field begins; the
** next message is found by its length again. Only one ResourceSpans is held at a time.
**
** Metrics and logs have the same two outer levels. A LogRecord shows itself by types that a span does
** not have under those numbers; a Metric by a first field that is a name and no id. */
#include "ext/read/otlp_proto.h"

#include "ext/read/format.h"

#define VARINT  PYTHIA_WIRE_VARINT
#define FIXED64 PYTHIA_WIRE_FIXED64
#define BYTES   PYTHIA_WIRE_BYTES
#define FIXED32 PYTHIA_WIRE_FIXED32

enum {
    HEADER_BYTES = 20,     /* a tag and a length at their longest */
    PART_MAX = 1 << 30,    /* a ResourceSpans of more is left out */
    SKIP_BYTES = 64 * 1024 /* passing over goes in such steps */
};

/* ---- spans ---- */

/* The fields of a span, as found in one pass; attributes go into the draft at once. */
typedef struct ProtoSpan {
    PythiaText trace, span, parent, state, name, status;
    uint64_t start, end, kind;
    uint64_t dropped[3];
    const unsigned char *events, *links; /* before the first one; NULL: there is none */
    int times;                           /* one of start and end is there, whatever its value */
    int log;                             /* fields with types of a LogRecord, or of a Metric */
    int broken;
} ProtoSpan;

/* `before`: where the field begins. */
static void span_field(PythiaProto *x, const PythiaField *f, const unsigned char *before,
                       ProtoSpan *s) {
    switch (f->tag) {
    case BYTES(1):
        s->trace = f->text;
        break;
    case BYTES(2):
        s->span = f->text;
        break;
    case BYTES(3):
        s->state = f->text;
        break;
    case BYTES(4):
        s->parent = f->text;
        break;
    case BYTES(5):
        s->name = f->text;
        break;
    case VARINT(6):
        s->kind = f->value;
        x->reader->record.kind =
            (int)(f->value % PYTHIA_KNOWN_KINDS); /* until it is known for good */
        break;
    case FIXED64(7):
        s->start = f->value;
        s->times = 1;
        break;
    case FIXED64(8):
        s->end = f->value;
        s->times = 1;
        break;
    case BYTES(9):
        if (!pythia_proto_attribute(x, &x->reader->attributes, f->text, NULL)) s->broken = 1;
        break;
    case BYTES(11):
        if (!s->events) s->events = before;
        break;
    case BYTES(13):
        if (!s->links) s->links = before;
        break;
    case BYTES(15):
        s->status = f->text;
        break;
    case VARINT(10):
    case VARINT(12):
    case VARINT(14):
        s->dropped[(f->tag - VARINT(10)) / VARINT(2)] = f->value;
        break;
    case FIXED64(1):  /* LogRecord: time_unix_nano */
    case VARINT(2):   /* severity_number */
    case BYTES(6):    /* attributes */
    case FIXED32(8):  /* flags */
    case FIXED64(11): /* observed_time_unix_nano */
    case BYTES(7):    /* Metric: sum */
    case BYTES(10):   /* exponential_histogram */
        s->log = 1;
        break;
    default: /* unknown, or flags */
        break;
    }
}

static const char broken_span[] = "The bytes of the span are no message of OTLP.";

static int span_is_none(const ProtoSpan *s) {
    int odd = (s->trace.n && s->trace.n != 16 && s->trace.n != 8) || s->span.n != 8;
    return !s->times && (s->log || odd);
}

/* An id of 8 or 16 bytes; *odd is set for other lengths than these and none. */
static PythiaRef proto_id(PythiaText bytes, int *odd) {
    if (bytes.n && bytes.n != 8 && bytes.n != 16) *odd = 1;
    PythiaId id = pythia_id_from_bytes((const unsigned char *)bytes.p, bytes.n);
    return (PythiaRef){id, {"", 0}};
}

static int64_t proto_time(uint64_t ns) {
    return ns > INT64_MAX ? -1 : (int64_t)ns;
}

/* 0 when the message is broken. */
static int span_status(PythiaProto *x, PythiaText message) {
    PythiaWire w = pythia_wire(message);
    PythiaField f;
    PythiaText text = {"", 0};
    int64_t code = 0;
    int next;
    while ((next = pythia_wire_next(&w, &f)) == PYTHIA_WIRE_FIELD)
        if (f.tag == BYTES(2))
            text = pythia_proto_text(x, f.text);
        else if (f.tag == VARINT(3))
            code = (int64_t)f.value;
    pythia_otlp_status(x->reader, code, text);
    return next == PYTHIA_WIRE_END;
}

/* Counts are 32 bits wide. */
static void proto_dropped(PythiaProto *x, PythiaAttributes *list, int what, uint64_t count) {
    pythia_otlp_dropped(x->reader, list, what, (int64_t)(uint32_t)count);
}

/* An event, then a link: 0 when the message is broken. */
static int span_event(PythiaProto *x, PythiaText message) {
    PythiaReader *r = x->reader;
    PythiaWire w = pythia_wire(message);
    PythiaField f;
    uint64_t dropped = 0;
    int next, good = 1;
    PythiaPointRecord *point = pythia_draft_point(r);
    if (!point) return 1;
    point->time_ns = r->record.start_ns; /* where it has no time of its own */
    while ((next = pythia_wire_next(&w, &f)) == PYTHIA_WIRE_FIELD)
        if (f.tag == FIXED64(1) && f.value)
            point->time_ns = proto_time(f.value);
        else if (f.tag == BYTES(2))
            point->name = pythia_proto_text(x, f.text);
        else if (f.tag == BYTES(3))
            good &= pythia_proto_attribute(x, &r->nested, f.text, NULL);
        else if (f.tag == VARINT(4))
            dropped = f.value;
    proto_dropped(x, &r->nested, PYTHIA_OTLP_ATTRIBUTES, dropped);
    return good && next == PYTHIA_WIRE_END;
}

static int span_link(PythiaProto *x, PythiaText message) {
    PythiaReader *r = x->reader;
    PythiaWire w = pythia_wire(message);
    PythiaField f;
    PythiaText trace = {"", 0}, span = {"", 0}, state = {"", 0};
    uint64_t dropped = 0;
    size_t begin = r->nested.n;
    int next, odd = 0, good = 1;
    PythiaLinkRecord *link = pythia_draft_link(r);
    if (!link) return 1;
    while ((next = pythia_wire_next(&w, &f)) == PYTHIA_WIRE_FIELD)
        if (f.tag == BYTES(1))
            trace = f.text;
        else if (f.tag == BYTES(2))
            span = f.text;
        else if (f.tag == BYTES(3))
            state = pythia_proto_text(x, f.text);
        else if (f.tag == BYTES(4))
            good &= pythia_proto_attribute(x, &r->nested, f.text, NULL);
        else if (f.tag == VARINT(5))
            dropped = f.value;
    link->kind = PYTHIA_LINK;
    link->trace = proto_id(trace, &odd);
    link->span = proto_id(span, &odd);
    if (link->trace.id.form == PYTHIA_ID_NONE && link->span.id.form == PYTHIA_ID_NONE) {
        r->record.nlinks--; /* leads nowhere */
        r->nested.n = begin;
    } else {
        if (link->trace.id.form == PYTHIA_ID_NONE) link->trace = r->record.trace;
        pythia_otlp_link_kind(r, link, begin);
        pythia_otlp_trace_state(r, &r->nested, state);
        proto_dropped(x, &r->nested, PYTHIA_OTLP_ATTRIBUTES, dropped);
    }
    return good && !odd && next == PYTHIA_WIRE_END;
}

/* The span's fields of one number, once more, from the first one on. */
static int span_each(PythiaProto *x, PythiaText message, const unsigned char *first, uint64_t tag,
                     int (*take)(PythiaProto *, PythiaText)) {
    PythiaWire w = {first, (const unsigned char *)message.p + message.n};
    PythiaField f;
    int good = 1;
    while (good && pythia_wire_next(&w, &f) == PYTHIA_WIRE_FIELD && x->reader->rc == SQLITE_OK)
        if (f.tag == tag) good = take(x, f.text);
    return good;
}

/* The ids; 0 when the span was rejected. */
static int span_ids(PythiaProto *x, const ProtoSpan *s) {
    PythiaReader *r = x->reader;
    PythiaRecord *record = &r->record;
    int odd = 0;
    record->trace = proto_id(s->trace, &odd);
    record->span = proto_id(s->span, &odd);
    record->parent = proto_id(s->parent, &odd);
    if (s->broken)
        pythia_draft_reject(r, "syntax", "%s", broken_span);
    else if (odd)
        pythia_draft_reject(r, "span", "The span has an id of neither 8 nor 16 bytes.");
    else if (record->trace.id.form == PYTHIA_ID_NONE || record->span.id.form == PYTHIA_ID_NONE)
        pythia_draft_reject(r, "span", "The span has no %s id.",
                            record->trace.id.form == PYTHIA_ID_NONE ? "trace" : "span");
    else
        return 1;
    return 0;
}

static int span_times(PythiaProto *x, const ProtoSpan *s) {
    if (s->start <= INT64_MAX && s->end <= INT64_MAX)
        return pythia_otlp_times(x->reader, (int64_t)s->start, (int64_t)s->end);
    pythia_draft_reject(x->reader, "time", "The span's times are beyond 2^63 ns.");
    return 0;
}

/* What the draft was mended of. */
static void proto_notes(PythiaProto *x, const char *what) {
    if (x->deep)
        pythia_draft_note(x->reader, "depth",
                          "A value of the %s is nested too deep; it was left out.", what);
    if (x->not_utf8)
        pythia_draft_note(x->reader, "utf8", "A text of the %s was not UTF-8; it was mended.",
                          what);
    x->deep = x->not_utf8 = 0;
}

static void proto_span(PythiaProto *x, PythiaText message, const PythiaResource *resource) {
    PythiaReader *r = x->reader;
    PythiaWire w = pythia_wire(message);
    PythiaField f;
    ProtoSpan s;
    int next;
    memset(&s, 0, sizeof s);
    x->deep = x->not_utf8 = 0;
    pythia_draft_begin(r);
    const unsigned char *before = w.p;
    for (; (next = pythia_wire_next(&w, &f)) == PYTHIA_WIRE_FIELD; before = w.p)
        span_field(x, &f, before, &s);
    if (next == PYTHIA_WIRE_END && span_is_none(&s)) {
        x->no_traces = 1;
        return;
    }
    s.broken |= next != PYTHIA_WIRE_END;
    if (!span_ids(x, &s) || !span_times(x, &s)) return;
    r->record.resource = resource;
    r->record.operation = pythia_proto_text(x, s.name);
    r->record.kind = pythia_otlp_kind((int64_t)s.kind);
    s.broken = s.status.n && !span_status(x, s.status);
    pythia_otlp_trace_state(r, &r->attributes, pythia_proto_text(x, s.state));
    pythia_otlp_shared(r);
    for (int i = 0; i < 3; i++)
        proto_dropped(x, &r->attributes, i, s.dropped[i]);
    if (s.events && !s.broken) s.broken = !span_each(x, message, s.events, BYTES(11), span_event);
    if (s.links && !s.broken) s.broken = !span_each(x, message, s.links, BYTES(13), span_link);
    if (s.broken) {
        pythia_draft_reject(r, "syntax", "%s", broken_span);
        return;
    }
    proto_notes(x, "span");
    pythia_draft_emit(r);
}

/* ---- what encloses them ---- */

/* One ResourceSpans, as it lies in the input. */
typedef struct ProtoPart {
    const char *start;
    int64_t position; /* of its first byte */
    int cut;          /* the input ends in it: that is told elsewhere */
    PythiaResource resource;
} ProtoPart;

static void part_position(PythiaProto *x, const ProtoPart *part, const void *p) {
    x->reader->position = part->position + ((const char *)p - part->start);
}

/* The first field of that tag, or the empty text. */
static PythiaText part_find(PythiaText message, uint64_t tag) {
    PythiaWire w = pythia_wire(message);
    PythiaField f;
    while (pythia_wire_next(&w, &f) == PYTHIA_WIRE_FIELD)
        if (f.tag == tag) return f.text;
    return (PythiaText){"", 0};
}

/* The attributes of a resource or scope. A broken one costs itself. 0: something was said about them. */
static int part_attributes(PythiaProto *x, ProtoPart *part, PythiaText message, uint64_t tag,
                           PythiaAttributes *list, const char *prefix) {
    PythiaWire w = pythia_wire(message);
    PythiaField f;
    int next, good = 1;
    x->deep = x->not_utf8 = 0;
    while ((next = pythia_wire_next(&w, &f)) == PYTHIA_WIRE_FIELD)
        if (f.tag == tag) good &= pythia_proto_attribute(x, list, f.text, prefix);
    pythia_draft_begin(x->reader); /* no span is concerned */
    part_position(x, part, message.p);
    int quiet = good && next == PYTHIA_WIRE_END && !x->deep && !x->not_utf8;
    if (!good || next != PYTHIA_WIRE_END)
        pythia_reader_note(x->reader, "syntax", "An attribute of the %s is broken.",
                           prefix ? "scope" : "resource");
    proto_notes(x, prefix ? "scope" : "resource");
    return quiet && x->reader->rc == SQLITE_OK;
}

/* Where a resource or scope is remembered; NULL for those in which there is nothing, and for a reader that keeps no
** texts: such a one looks into everything. *again: it is the one. Those are not remembered about which something is to
** be said each time. */
static PythiaKnownText *part_known(PythiaReader *r, PythiaText message,
                                   PythiaKnownText *(*place)(PythiaReader *, const void *, size_t),
                                   int *again) {
    *again = 0;
    if (!r->atoms || !message.n) return NULL;
    PythiaKnownText *known = place(r, message.p, message.n);
    *again = pythia_known_length(known, message.p, message.n) == message.n;
    return known;
}

static void part_resource(PythiaProto *x, ProtoPart *part, PythiaText message) {
    PythiaReader *r = x->reader;
    int again;
    PythiaKnownText *known = part_known(r, message, pythia_known_resource, &again);
    if (again) {
        part->resource = known->resource;
        return;
    }
    pythia_resource_begin(r);
    int quiet = part_attributes(x, part, message, BYTES(1), &r->resource, NULL);
    pythia_otlp_resource(r, &part->resource);
    if (known && quiet && r->rc == SQLITE_OK)
        pythia_known_resource_set(known, message, &part->resource);
}

/* What the spans of a scope have in common. */
static void part_shared(PythiaProto *x, ProtoPart *part, PythiaText scope) {
    PythiaReader *r = x->reader;
    int again;
    PythiaKnownText *known = part_known(r, scope, pythia_known_scope, &again);
    if (again) {
        pythia_known_scope_again(r, known);
        return;
    }
    PythiaText name = part_find(scope, BYTES(1)), version = part_find(scope, BYTES(2));
    pythia_otlp_scope(r, pythia_proto_text(x, name), pythia_proto_text(x, version));
    int quiet = part_attributes(x, part, scope, BYTES(3), &r->shared, PYTHIA_OTLP_SCOPE);
    pythia_attributes_keep(r, &r->shared);
    if (known && quiet && r->rc == SQLITE_OK) pythia_known_scope_set(known, scope, r);
}

static void part_scope(PythiaProto *x, ProtoPart *part, PythiaText message) {
    PythiaReader *r = x->reader;
    PythiaText scope = part_find(message, BYTES(1));
    if (!scope.n) scope.p = message.p;
    part_shared(x, part, scope);
    PythiaWire w = pythia_wire(message);
    PythiaField f;
    int next;
    while ((next = pythia_wire_next(&w, &f)) == PYTHIA_WIRE_FIELD && r->rc == SQLITE_OK) {
        if (f.tag != BYTES(2)) continue;
        part_position(x, part, f.text.p);
        proto_span(x, f.text, &part->resource);
    }
    if (next == PYTHIA_WIRE_FIELD || next == PYTHIA_WIRE_END || part->cut) return;
    part_position(x, part, w.p);
    pythia_reader_reject(r, "syntax", "The spans of a scope are broken from here on (byte %lld).",
                         (long long)r->position);
}

static void proto_part(PythiaProto *x, ProtoPart *part, PythiaText message) {
    PythiaReader *r = x->reader;
    PythiaText resource = part_find(message, BYTES(1));
    if (!resource.n) resource.p = message.p;
    part_resource(x, part, resource);
    PythiaWire w = pythia_wire(message);
    PythiaField f;
    int next;
    while ((next = pythia_wire_next(&w, &f)) == PYTHIA_WIRE_FIELD && r->rc == SQLITE_OK)
        if (f.tag == BYTES(2) || f.tag == BYTES(1000)) part_scope(x, part, f.text);
    if (r->rc != SQLITE_OK || next == PYTHIA_WIRE_END) return;
    if (next == PYTHIA_WIRE_CUT && part->cut && (f.tag == BYTES(2) || f.tag == BYTES(1000))) {
        part_scope(x, part, f.text);
        return;
    }
    if (part->cut) return;
    part_position(x, part, w.p);
    pythia_reader_reject(r, "syntax",
                         "The spans of a resource are broken from here on (byte %lld).",
                         (long long)r->position);
}

/* ---- the stream ---- */

typedef struct ProtoStream {
    PythiaProto proto;
    PythiaSplit *split;
    uint64_t left; /* bytes of the message not yet passed; UINT64_MAX: up to the end of the input */
    char **error;
} ProtoStream;

static void stream_reject(ProtoStream *s, const char *kind, const char *detail) {
    PythiaReader *r = s->proto.reader;
    r->position = pythia_split_position(s->split);
    pythia_reader_reject(r, kind, "%s (byte %lld).", detail, (long long)r->position);
}

/* Passes over n bytes, or all there are; *there is 0 when there were fewer. */
static int stream_skip(ProtoStream *s, uint64_t n, int *there) {
    *there = 1;
    while (n) {
        PythiaText window;
        int rc = pythia_split_window(s->split, n < SKIP_BYTES ? (size_t)n : SKIP_BYTES, &window,
                                     s->error);
        if (rc != SQLITE_OK) return rc;
        size_t step = window.n < n ? window.n : (size_t)n;
        *there = step > 0;
        if (!step) return SQLITE_OK;
        pythia_split_skip(s->split, step);
        if (s->left != UINT64_MAX) s->left -= step;
        n -= step;
    }
    return SQLITE_OK;
}

static const char cut_off[] = "The last message is cut off; what came before was read";

/* A ResourceSpans: n bytes. *more is 0 when the input ends in it. */
static int stream_part(ProtoStream *s, size_t n, int *more) {
    PythiaText window;
    int rc = pythia_split_window(s->split, n, &window, s->error);
    if (rc != SQLITE_OK) return rc;
    ProtoPart part = {window.p, pythia_split_position(s->split), window.n < n, {0}};
    if (window.n > n) window.n = n;
    proto_part(&s->proto, &part, window);
    pythia_arena_reset(&s->proto.reader->arena);
    if (s->proto.reader->rc != SQLITE_OK) return s->proto.reader->rc;
    rc = stream_skip(s, n, more);
    if (rc == SQLITE_OK && !*more) stream_reject(s, "truncated", cut_off);
    return rc;
}

/* One field of a message, whose header lies in the window; *more is 0 when the rest is lost. */
static int stream_field(ProtoStream *s, PythiaText window, int *more) {
    int whole = s->left > window.n; /* then more could come: the input ended */
    if (s->left < window.n) window.n = (size_t)s->left;
    PythiaWire w = pythia_wire(window);
    PythiaField f = {0, 0, {NULL, 0}};
    int next = pythia_wire_next(&w, &f);
    size_t header = (size_t)(w.p - (const unsigned char *)window.p);
    if (next == PYTHIA_WIRE_FIELD && (f.tag & 7) == 2) header -= f.text.n;
    if (next == PYTHIA_WIRE_BROKEN ||
        (next == PYTHIA_WIRE_CUT && s->left != UINT64_MAX && f.value > s->left - header)) {
        if (whole && window.n < HEADER_BYTES)
            stream_reject(s, "truncated", cut_off);
        else
            stream_reject(s, "syntax", "The rest of the message is broken and was left out");
        *more = 0;
        return SQLITE_OK;
    }
    int rc = stream_skip(s, header, more);
    if (rc != SQLITE_OK || (f.tag & 7) != 2) return rc;
    if (f.tag == BYTES(1) && f.value <= PART_MAX) return stream_part(s, (size_t)f.value, more);
    if (f.tag == BYTES(1))
        stream_reject(s, "size", "The spans of a resource have more than 1 GiB and were left out");
    rc = stream_skip(s, f.value, more);
    if (rc == SQLITE_OK && !*more && f.tag != BYTES(1)) stream_reject(s, "truncated", cut_off);
    return rc;
}

static int stream_message(ProtoStream *s) {
    PythiaReader *r = s->proto.reader;
    int more = 1, there, rc = SQLITE_OK;
    r->stats->documents++;
    s->proto.no_traces = 0;
    while (more && s->left) {
        PythiaText window;
        rc = pythia_split_window(s->split, HEADER_BYTES, &window, s->error);
        if (rc != SQLITE_OK) return rc;
        if (!window.n) {
            if (s->left != UINT64_MAX && r->rc == SQLITE_OK) stream_reject(s, "truncated", cut_off);
            break;
        }
        rc = stream_field(s, window, &more);
        if (rc == SQLITE_OK) rc = r->rc;
        if (rc != SQLITE_OK) return rc;
    }
    r->stats->skipped += s->proto.no_traces;
    return s->left == UINT64_MAX ? rc : stream_skip(s, s->left, &there);
}

/* ---- telling what a file is ---- */

/* A message of which `have` bytes are known and `limit` should be there. */
typedef struct Sniff {
    const unsigned char *p;
    size_t have;
    uint64_t limit;
    int closed;  /* no other fields are borne, not even behind the first one */
    int strange; /* a tag or a length was seen that does not occur in text */
} Sniff;

/* Whether the message has fields of the tags alone, as far as it is known. *child becomes the first one
** that is a message and has the first of the tags. */
static int sniff_fields(Sniff *s, const uint64_t *tags, size_t ntags, Sniff *child) {
    PythiaWire w = {s->p, s->p + s->have};
    while (w.p < w.end) {
        const unsigned char *header = w.p;
        uint64_t left = s->limit - (uint64_t)(w.p - s->p);
        PythiaField f = {0, 0, {NULL, 0}};
        size_t i = 0;
        int next = pythia_wire_next(&w, &f);
        if (next == PYTHIA_WIRE_BROKEN) return s->have < s->limit && s->p + s->have - header < 20;
        while (i < ntags && tags[i] != f.tag)
            i++;
        if (i == ntags && (s->closed || !child->p)) return 0;
        const unsigned char *body = (f.tag & 7) == 2 ? (const unsigned char *)f.text.p : w.p;
        if (f.value > left - (uint64_t)(body - header) && (f.tag & 7) == 2) return 0;
        for (; header < body; header++)
            if (*header < 0x20 && *header != '\t' && *header != '\n' && *header != '\r')
                s->strange = 1;
        if (i == 0 && !child->p) *child = (Sniff){body, f.text.n, f.value, 1, 0};
        if (next == PYTHIA_WIRE_CUT) break;
    }
    return 1;
}

/* Whether a message begins so. Text that begins with a newline gets as far as the second level now and
** then, but text has no bytes such as those of tags and short lengths. */
static int sniff_message(PythiaText start, uint64_t limit) {
    static const uint64_t message[] = {BYTES(1)};
    static const uint64_t part[] = {BYTES(1), BYTES(2), BYTES(3), BYTES(1000)};
    static const uint64_t resource[] = {BYTES(1), VARINT(2), BYTES(3)};
    static const uint64_t pair[] = {BYTES(1), BYTES(2), VARINT(3)};
    static const struct {
        const uint64_t *tags;
        size_t n;
    } levels[] = {{message, 1}, {part, 4}, {resource, 3}, {pair, 3}};
    if (start.n > limit) start.n = (size_t)limit;
    Sniff s = {(const unsigned char *)start.p, start.n, limit, 0, 0};
    int strange = 0;
    if (start.n < 2 || s.p[0] != BYTES(1)) return 0;
    for (size_t i = 0; i < sizeof levels / sizeof levels[0] && s.p; i++) {
        Sniff child = {NULL, 0, 0, 0, 0};
        if (!sniff_fields(&s, levels[i].tags, levels[i].n, &child)) return 0;
        strange |= s.strange;
        s = child;
    }
    return strange;
}

/* The length before a message. */
static uint32_t frame_length(const char *text) {
    const unsigned char *p = (const unsigned char *)text;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

enum { FRAME_BYTES = 4 };

static int sniff_frames(PythiaText start) {
    while (start.n >= FRAME_BYTES) {
        uint32_t n = frame_length(start.p);
        start.p += FRAME_BYTES;
        start.n -= FRAME_BYTES;
        if (n) return sniff_message(start, n);
    }
    return 0;
}

int pythia_otlp_proto_sniff(PythiaText start) {
    return sniff_message(start, UINT64_MAX) || sniff_frames(start);
}

/* Whether the frame that begins here is all there. Its length is held against the file's, so that it need not
** be read for that. */
static int frame_complete(PythiaSplit *split, PythiaText window) {
    int64_t left = pythia_input_total(split->input) - pythia_split_position(split) - FRAME_BYTES;
    return window.n >= FRAME_BYTES && left >= (int64_t)frame_length(window.p);
}

int pythia_otlp_proto_stream(PythiaReader *r, PythiaSplit *split, char **error) {
    ProtoStream s = {{r, 0, 0, 0}, split, UINT64_MAX, error};
    PythiaText window;
    int there;
    int rc = pythia_split_window(split, PYTHIA_SNIFF_BYTES, &window, error);
    if (rc != SQLITE_OK) return rc;
    if (window.n > PYTHIA_SNIFF_BYTES) window.n = PYTHIA_SNIFF_BYTES;
    if (!r->resumed && sniff_message(window, UINT64_MAX)) {
        if (!r->follow) return stream_message(&s);
        return pythia_fail(error, SQLITE_ERROR,
                           "a single protobuf message cannot be followed, only "
                           "messages with their lengths before them");
    }
    while (rc == SQLITE_OK) {
        rc = pythia_split_window(split, FRAME_BYTES, &window, error);
        if (rc != SQLITE_OK || !window.n) return rc;
        if (r->follow && !frame_complete(split, window)) return SQLITE_OK;
        if (window.n < FRAME_BYTES) {
            stream_reject(&s, "truncated", cut_off);
            return SQLITE_OK;
        }
        uint32_t n = frame_length(window.p);
        s.left = UINT64_MAX;
        rc = stream_skip(&s, FRAME_BYTES, &there);
        s.left = n;
        if (rc == SQLITE_OK) rc = stream_message(&s);
    }
    return rc;
}
