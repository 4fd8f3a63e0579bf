/* otlp_quick.c - OTLP JSON as its writers write it, read in one pass over the bytes.
**
** A document goes through simdjson and the walk over its tape (otlp_json.c) in any case but this one: it has the
** shape that the exporters and the Collector give it. Then it is read here, without a tape and without copying
** texts, in about a third of the time. Whatever is not expected - a member that is an object where none is known,
** a resource behind the spans that it belongs to, a span without an id, bytes that are no JSON - makes the function
** give up, the caller takes back what was handed over (PythiaSink.hold), and the document is read the other way.
** So nothing here has to decide what is wrong with a document, and the two ways never differ in what they find:
** what this one accepts, it understands as the other does. tests/unit/test_read_otlp.c and test_read_otlp_again.c
** compare them. What comes again byte for byte is not looked into again (known.h).
**
** All JSON that is passed over is checked to be JSON: the grammar as it is walked, strings as they are scanned,
** and UTF-8 for the whole document by simdjson when it has a byte outside of ASCII. Values that are not plain (lists,
** bytes) are parsed by simdjson one by one.
**
** Every function returns 1, or 0 to give up. `p` never runs further behind `end` than the bytes of a token, for
** which the padding has room: strings are bounded, and loops look at `end`. */
#include "ext/read/otlp_quick.h"

#include "ext/read/otlp.h"
#include "ext/read/otlp_json.h"

enum {
    MEMBER_TRACE,
    MEMBER_SPAN,
    MEMBER_PARENT,
    MEMBER_NAME,
    MEMBER_KIND,
    MEMBER_START,
    MEMBER_END,
    MEMBER_ATTRIBUTES,
    MEMBER_EVENTS,
    MEMBER_LINKS,
    MEMBER_STATUS,
    MEMBER_STATE,
    MEMBER_DROPPED, /* attributes, events, links */
    MEMBER_UNKNOWN = MEMBER_DROPPED + 3
};

#define IS(text, literal) (memcmp((text).p, (literal), sizeof(literal) - 1) == 0)

typedef PythiaOtlpQuick Quick;

static unsigned member_of(PythiaText k) {
    switch (k.n) {
    case 4:
        return IS(k, "name") ? MEMBER_NAME : IS(k, "kind") ? MEMBER_KIND : MEMBER_UNKNOWN;
    case 5:
        return IS(k, "links") ? MEMBER_LINKS : MEMBER_UNKNOWN;
    case 6:
        return IS(k, "spanId")   ? MEMBER_SPAN
               : IS(k, "status") ? MEMBER_STATUS
               : IS(k, "events") ? MEMBER_EVENTS
                                 : MEMBER_UNKNOWN;
    case 7:
        return IS(k, "traceId") ? MEMBER_TRACE : MEMBER_UNKNOWN;
    case 10:
        return IS(k, "attributes")   ? MEMBER_ATTRIBUTES
               : IS(k, "traceState") ? MEMBER_STATE
                                     : MEMBER_UNKNOWN;
    case 12:
        return IS(k, "parentSpanId") ? MEMBER_PARENT : MEMBER_UNKNOWN;
    case 15:
        return IS(k, "endTimeUnixNano") ? MEMBER_END : MEMBER_UNKNOWN;
    case 17:
        return IS(k, "startTimeUnixNano")   ? MEMBER_START
               : IS(k, "droppedLinksCount") ? MEMBER_DROPPED + PYTHIA_OTLP_LINKS
                                            : MEMBER_UNKNOWN;
    case 18:
        return IS(k, "droppedEventsCount") ? MEMBER_DROPPED + PYTHIA_OTLP_EVENTS : MEMBER_UNKNOWN;
    case 22:
        return IS(k, "droppedAttributesCount") ? MEMBER_DROPPED + PYTHIA_OTLP_ATTRIBUTES
                                               : MEMBER_UNKNOWN;
    default:
        return MEMBER_UNKNOWN;
    }
}

_Static_assert(MEMBER_UNKNOWN + 1 == PYTHIA_KNOWN_MEMBERS, "members");

/* What of a span is not in the draft yet. */
typedef struct QuickSpan {
    int64_t start, end;
    int64_t dropped[3];
    PythiaText state, message;
    int code;
    unsigned seen; /* bits: MEMBER_* */
} QuickSpan;

#define SEEN(s, member) ((s)->seen >> (member)&1)

/* An enumeration as a number, or as a name. */
static int enumeration(Quick *q, int (*named)(PythiaText), int most, int *value) {
    int64_t n;
    PythiaText text;
    unsigned digit = pythia_json_scan_peek(&q->in) - '0', after = q->in.p[1];
    if (digit <= (unsigned)most && (after == ',' || after == '}')) {
        *value = (int)digit;
        q->in.p++;
        return 1;
    }
    if (*q->in.p != '"') {
        if (!pythia_json_scan_whole(&q->in, &n)) return 0;
        *value = n <= most ? (int)n : -1;
        return 1;
    }
    if (!pythia_json_scan_string(&q->in, &text) || !text.n ||
        pythia_json_scan_is_digit((unsigned char)*text.p))
        return 0;
    *value = named(text);
    return *value >= 0; /* "-1" and "+1" are numbers to the other way */
}

static int status(Quick *q, QuickSpan *s) {
    PythiaText k;
    int code = 0, message = 0;
    s->code = -1;
    int next = pythia_json_scan_enter(&q->in, '{', '}');
    while (next == 1) {
        if (!pythia_json_scan_key(&q->in, &k)) return 0;
        int good;
        if (k.n == 4 && IS(k, "code"))
            good = !code++ && enumeration(q, pythia_otlp_status_named, 2, &s->code);
        else if (k.n == 7 && IS(k, "message"))
            good = !message++ && pythia_json_scan_string(&q->in, &s->message);
        else
            good = pythia_json_scan_skip_scalar(&q->in);
        if (!good) return 0;
        next = pythia_json_scan_more(&q->in, '}');
    }
    return next;
}

/* A member of an event or a link that is neither its attributes nor known by name. */
static int detail_rest(Quick *q, PythiaText k, int64_t *dropped) {
    if (k.n == 22 && IS(k, "droppedAttributesCount"))
        return !*dropped && pythia_json_scan_whole(&q->in, dropped);
    return !memchr(k.p, '_', k.n) && pythia_json_scan_skip_scalar(&q->in);
}

static int event(Quick *q) {
    PythiaReader *r = q->r;
    PythiaText k;
    int64_t dropped = 0;
    unsigned seen = 0;
    PythiaPointRecord *point = pythia_draft_point(r);
    if (!point) return 0;
    point->time_ns = r->record.start_ns;
    point->name = (PythiaText){"", 0};
    int next = pythia_json_scan_enter(&q->in, '{', '}');
    while (next == 1) {
        if (!pythia_json_scan_key(&q->in, &k)) return 0;
        int good, which = k.n == 12 && IS(k, "timeUnixNano") ? 1
                          : k.n == 4 && IS(k, "name")        ? 2
                          : k.n == 10 && IS(k, "attributes") ? 4
                                                             : 0;
        if (seen & (unsigned)which) return 0;
        seen |= (unsigned)which;
        if (which == 1) {
            good = pythia_json_scan_whole(&q->in, &point->time_ns);
            if (point->time_ns == 0) point->time_ns = r->record.start_ns;
        } else if (which == 2) {
            good = pythia_json_scan_string(&q->in, &point->name);
        } else {
            good = which == 4 ? pythia_otlp_quick_attributes(q, &r->nested)
                              : detail_rest(q, k, &dropped);
        }
        if (!good) return 0;
        next = pythia_json_scan_more(&q->in, '}');
    }
    if (next) pythia_otlp_dropped(r, &r->nested, PYTHIA_OTLP_ATTRIBUTES, dropped);
    return next;
}

static int events(Quick *q, const QuickSpan *s) {
    int next = pythia_json_scan_enter(&q->in, '[', ']');
    /* Points are before links, and where they have no time they have that of the span. */
    if (next == 1 && (!s->start || SEEN(s, MEMBER_LINKS))) return 0;
    q->r->record.start_ns = s->start;
    while (next == 1) {
        if (!event(q)) return 0;
        next = pythia_json_scan_more(&q->in, ']');
    }
    return next;
}

static int link(Quick *q) {
    PythiaReader *r = q->r;
    PythiaText k, trace = {"", 0}, span = {"", 0}, state = {"", 0};
    int64_t dropped = 0;
    unsigned seen = 0;
    PythiaLinkRecord *to = pythia_draft_link(r);
    if (!to) return 0;
    size_t begin = r->nested.n;
    int next = pythia_json_scan_enter(&q->in, '{', '}');
    while (next == 1) {
        if (!pythia_json_scan_key(&q->in, &k)) return 0;
        int good, which = k.n == 7 && IS(k, "traceId")       ? 1
                          : k.n == 6 && IS(k, "spanId")      ? 2
                          : k.n == 10 && IS(k, "attributes") ? 4
                          : k.n == 10 && IS(k, "traceState") ? 8
                                                             : 0;
        if (seen & (unsigned)which) return 0;
        seen |= (unsigned)which;
        if (which == 4)
            good = pythia_otlp_quick_attributes(q, &r->nested);
        else
            good = which    ? pythia_json_scan_string(&q->in, which == 1   ? &trace
                                                              : which == 2 ? &span
                                                                           : &state)
                   : !which ? detail_rest(q, k, &dropped)
                            : 0;
        if (!good) return 0;
        next = pythia_json_scan_more(&q->in, '}');
    }
    to->trace = pythia_otlp_id(trace);
    to->span = pythia_otlp_id(span);
    to->kind = PYTHIA_LINK;
    if (!next || to->trace.id.form == PYTHIA_ID_NONE) return 0;
    pythia_otlp_link_kind(r, to, begin);
    pythia_otlp_trace_state(r, &r->nested, state);
    pythia_otlp_dropped(r, &r->nested, PYTHIA_OTLP_ATTRIBUTES, dropped);
    return next;
}

static int links(Quick *q) {
    int next = pythia_json_scan_enter(&q->in, '[', ']');
    while (next == 1) {
        if (!link(q)) return 0;
        next = pythia_json_scan_more(&q->in, ']');
    }
    return next;
}

static int span_id(Quick *q, PythiaRef *ref) {
    PythiaText text;
    const unsigned char *p = q->in.p;
    uint64_t number;
    if (q->in.end - p > 17 && p[0] == '"' && p[17] == '"' &&
        pythia_id_read16((const char *)p + 1, &number) && number) {
        ref->id = (PythiaId){0, number, PYTHIA_ID_HEX16};
        q->in.p += 18;
        return 1;
    }
    if (!pythia_json_scan_string(&q->in, &text)) return 0;
    *ref = pythia_otlp_id(text);
    return 1;
}

static int trace_id(Quick *q, PythiaRef *ref) {
    PythiaText text;
    if (pythia_known_trace(&q->trace, &q->in, ref)) return 1;
    if (!pythia_json_scan_string(&q->in, &text)) return 0;
    *ref = pythia_otlp_id(text);
    pythia_known_trace_set(&q->trace, text, *ref);
    return 1;
}

static int span_member(Quick *q, unsigned member, QuickSpan *s) {
    PythiaReader *r = q->r;
    switch (member) {
    case MEMBER_TRACE:
        return trace_id(q, &r->record.trace);
    case MEMBER_SPAN:
        return span_id(q, &r->record.span);
    case MEMBER_PARENT:
        return span_id(q, &r->record.parent);
    case MEMBER_NAME:
        return pythia_json_scan_string(&q->in, &r->record.operation);
    case MEMBER_KIND:
        return enumeration(q, pythia_otlp_kind_named, 5, &r->record.kind);
    case MEMBER_START:
        return pythia_json_scan_whole(&q->in, &s->start);
    case MEMBER_END:
        return pythia_json_scan_whole(&q->in, &s->end);
    case MEMBER_ATTRIBUTES:
        return pythia_otlp_quick_attributes(q, &r->attributes);
    case MEMBER_EVENTS:
        return events(q, s);
    case MEMBER_LINKS:
        return links(q);
    case MEMBER_STATUS:
        return status(q, s);
    case MEMBER_STATE:
        return pythia_json_scan_string(&q->in, &s->state);
    default:
        return pythia_json_scan_whole(&q->in, &s->dropped[member - MEMBER_DROPPED]);
    }
}

/* Completes the draft in the order of otlp_json.c. */
static int span_finish(Quick *q, const QuickSpan *s, const PythiaResource *resource) {
    PythiaReader *r = q->r;
    PythiaRecord *record = &r->record;
    if (record->trace.id.form == PYTHIA_ID_NONE || record->span.id.form == PYTHIA_ID_NONE ||
        (!s->start && !s->end) || !pythia_otlp_times(r, s->start, s->end))
        return 0;
    record->resource = resource;
    record->kind = pythia_otlp_kind(SEEN(s, MEMBER_KIND) ? record->kind : -1);
    if (!record->operation.p) record->operation = (PythiaText){"", 0};
    if (SEEN(s, MEMBER_STATUS)) pythia_otlp_status(r, s->code, s->message);
    pythia_otlp_trace_state(r, &r->attributes, s->state);
    pythia_otlp_shared(r);
    for (int i = 0; i < 3; i++)
        pythia_otlp_dropped(r, &r->attributes, i, s->dropped[i]);
    pythia_draft_emit(r);
    return r->rc == SQLITE_OK;
}

/* The member that comes next, from the brace or comma before it. The one that came after `before` the last time is
** tried first. */
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
    *member = MEMBER_UNKNOWN;
    if (!pythia_json_scan_key(&q->in, &k)) return 0;
    *member = member_of(k);
    if (*member == MEMBER_UNKNOWN) return !memchr(k.p, '_', k.n);
    q->state->after[before] = (unsigned char)*member;
    pythia_known_key_set(&q->state->keys[*member], start, (size_t)(q->in.p - start));
    return 1;
}

/* The members of a span, whose opening brace comes next. */
static int span_members(Quick *q, QuickSpan *s) {
    unsigned member = MEMBER_UNKNOWN; /* none yet */
    if (pythia_json_scan_peek(&q->in) != '{') return 0;
    for (;;) {
        unsigned before = member;
        if (!span_key(q, before, &member)) return 0;
        pythia_json_scan_peek(&q->in);
        if (member == MEMBER_UNKNOWN) {
            if (!pythia_json_scan_skip_scalar(&q->in)) return 0;
            member = before;
        } else {
            if (SEEN(s, member)) return 0;
            s->seen |= 1u << member;
            if (!span_member(q, member, s)) return 0;
        }
        unsigned next = pythia_json_scan_peek(&q->in);
        if (next == '}') break;
        if (next != ',' || q->in.p >= q->in.end) return 0;
    }
    return ++q->in.p <= q->in.end;
}

static int span(Quick *q, const PythiaResource *resource) {
    QuickSpan s;
    memset(&s, 0, sizeof s);
    pythia_draft_begin(q->r);
    return span_members(q, &s) && span_finish(q, &s, resource);
}

/* ---- the levels above ---- */

static int spans(Quick *q, const PythiaResource *resource) {
    int next = pythia_json_scan_enter(&q->in, '[', ']');
    while (next == 1) {
        if (!span(q, resource)) return 0;
        next = pythia_json_scan_more(&q->in, ']');
    }
    return next;
}

static int scope_object(Quick *q) {
    PythiaText k, name = {"", 0}, version = {"", 0};
    unsigned seen = 0;
    int next = pythia_json_scan_enter(&q->in, '{', '}');
    while (next == 1) {
        if (!pythia_json_scan_key(&q->in, &k)) return 0;
        int good, which = k.n == 4 && IS(k, "name") ? 1 : k.n == 7 && IS(k, "version") ? 2 : 0;
        if (seen & (unsigned)which || (k.n == 10 && IS(k, "attributes"))) return 0;
        seen |= (unsigned)which;
        good = which ? pythia_json_scan_string(&q->in, which == 1 ? &name : &version)
                     : pythia_json_scan_skip_scalar(&q->in);
        if (!good) return 0;
        next = pythia_json_scan_more(&q->in, '}');
    }
    pythia_otlp_scope(q->r, name, version);
    pythia_attributes_keep(q->r, &q->r->shared);
    return next;
}

/* Passes over what is known to be there; 0: another text begins here. */
static int known_again(Quick *q, const PythiaKnownText *known) {
    size_t n = pythia_known_length(known, q->in.p, (size_t)(q->in.end - q->in.p));
    q->in.p += n;
    return n != 0;
}

/* From `start` to here, if it can be remembered: bytes outside of ASCII in there are looked at now, and for all
** documents that repeat them. `high`: whether there were some before. */
static PythiaText known_text(Quick *q, const unsigned char *start, unsigned high) {
    PythiaText text = {(const char *)start, (size_t)(q->in.p - start)};
    if (q->in.high && !pythia_json_is_utf8(start, text.n)) text.n = 0;
    q->in.high |= high;
    return text;
}

static int scope(Quick *q) {
    enum { SCOPE_MOST = 256 };
    if (pythia_json_scan_peek(&q->in) != '{' || q->in.p >= q->in.end) return 0;
    const unsigned char *start = q->in.p;
    size_t left = (size_t)(q->in.end - start);
    /* Where it seems to end, so that what follows does not tell where it is looked for. */
    const unsigned char *end = memchr(start, '}', left < SCOPE_MOST ? left : SCOPE_MOST);
    PythiaKnownText *known = pythia_known_scope(q->r, start, end ? (size_t)(end - start) : left);
    if (known_again(q, known)) {
        pythia_known_scope_again(q->r, known);
        return q->r->rc == SQLITE_OK;
    }
    unsigned high = q->in.high;
    q->in.high = 0;
    if (!scope_object(q) || q->r->rc != SQLITE_OK) return 0;
    PythiaText text = known_text(q, start, high);
    if (text.n) pythia_known_scope_set(known, text, q->r);
    return 1;
}

static int scope_spans(Quick *q, const PythiaResource *resource) {
    PythiaText k;
    int scoped = 0, listed = 0;
    pythia_otlp_scope(q->r, (PythiaText){"", 0}, (PythiaText){"", 0});
    int next = pythia_json_scan_enter(&q->in, '{', '}');
    while (next == 1) {
        if (!pythia_json_scan_key(&q->in, &k)) return 0;
        int good;
        if (k.n == 5 && IS(k, "scope"))
            good = !scoped++ && !listed && scope(q);
        else if (k.n == 5 && IS(k, "spans"))
            good = !listed++ && spans(q, resource);
        else
            good = k.n == 9 && IS(k, "schemaUrl") && pythia_json_scan_skip_scalar(&q->in);
        if (!good) return 0;
        next = pythia_json_scan_more(&q->in, '}');
    }
    return next;
}

static int scope_spans_list(Quick *q, const PythiaResource *resource) {
    int next = pythia_json_scan_enter(&q->in, '[', ']');
    while (next == 1) {
        if (!scope_spans(q, resource)) return 0;
        next = pythia_json_scan_more(&q->in, ']');
    }
    return next;
}

static int resource_object(Quick *q) {
    PythiaText k;
    int seen = 0;
    int next = pythia_json_scan_enter(&q->in, '{', '}');
    while (next == 1) {
        if (!pythia_json_scan_key(&q->in, &k)) return 0;
        int good = k.n == 10 && IS(k, "attributes")
                       ? !seen++ && pythia_otlp_quick_attributes(q, &q->r->resource)
                       : pythia_json_scan_skip_scalar(&q->in);
        if (!good) return 0;
        next = pythia_json_scan_more(&q->in, '}');
    }
    return next;
}

static int resource(Quick *q, PythiaResource *resource) {
    if (pythia_json_scan_peek(&q->in) != '{' || q->in.p >= q->in.end) return 0;
    const unsigned char *start = q->in.p;
    PythiaKnownText *known = pythia_known_resource(q->r, start, (size_t)(q->in.end - start));
    if (known_again(q, known)) {
        *resource = known->resource;
        return 1;
    }
    unsigned high = q->in.high;
    q->in.high = 0;
    pythia_resource_begin(q->r);
    if (!resource_object(q)) return 0;
    pythia_otlp_resource(q->r, resource);
    if (q->r->rc != SQLITE_OK) return 0;
    PythiaText text = known_text(q, start, high);
    if (text.n) pythia_known_resource_set(known, text, resource);
    return 1;
}

static int resource_spans(Quick *q) {
    PythiaResource made;
    PythiaText k;
    int described = 0, listed = 0;
    int next = pythia_json_scan_enter(&q->in, '{', '}');
    while (next == 1) {
        if (!pythia_json_scan_key(&q->in, &k)) return 0;
        int good;
        if (k.n == 8 && IS(k, "resource")) {
            good = !described++ && !listed && resource(q, &made);
        } else if (k.n == 10 && IS(k, "scopeSpans")) {
            if (listed++) return 0;
            if (!described) {
                pythia_resource_begin(q->r);
                pythia_otlp_resource(q->r, &made);
            }
            good = scope_spans_list(q, &made);
        } else {
            good = k.n == 9 && IS(k, "schemaUrl") && pythia_json_scan_skip_scalar(&q->in);
        }
        if (!good) return 0;
        next = pythia_json_scan_more(&q->in, '}');
    }
    return next;
}

static int document(Quick *q) {
    PythiaJsonScan *in = &q->in;
    PythiaText k;
    if (!pythia_json_scan_take(in, '{') || !pythia_json_scan_key(in, &k) || k.n != 13 ||
        !IS(k, "resourceSpans"))
        return 0;
    int next = pythia_json_scan_enter(in, '[', ']');
    while (next == 1) {
        if (!resource_spans(q)) return 0;
        next = pythia_json_scan_more(in, ']');
    }
    if (!next || !pythia_json_scan_take(in, '}')) return 0;
    while (in->p < in->end && pythia_json_scan_is_space(*in->p))
        in->p++;
    return in->p == in->end;
}

int pythia_otlp_quick(PythiaReader *r) {
    const unsigned char *bytes = (const unsigned char *)r->text.p;
    Quick q = {.in = {.p = bytes, .end = bytes + r->text.n, .arena = &r->arena},
               .r = r,
               .state = r->state};
    int taken = document(&q) && (!q.in.high || pythia_json_is_utf8(bytes, r->text.n));
    if (q.in.rc && r->rc == SQLITE_OK) r->rc = q.in.rc;
    return taken;
}
