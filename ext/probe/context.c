/* context.c - which trace a thread works for, and how that crosses processes.
**
** W3C Trace Context (https://www.w3.org/TR/trace-context/, level 1) and Baggage
** (https://www.w3.org/TR/baggage/). traceparent is `00-<32 hex>-<16 hex>-<2 hex>`; a higher version is read by
** the same fields where more follows behind a '-', and written as version 00. tracestate is carried as it
** came. Baggage is carried as it came but for the member pythia.type, the request type, which is the probe's
** own: it becomes a number of this page on the way in and a name again on the way out. What does not fit is
** left out whole, member by member, as the recommendation allows. */
#include "ext/probe/internal.h"

#include <stdio.h>
#include <string.h>

#define TYPE_KEY "pythia.type"
enum { TYPE_KEY_BYTES = sizeof TYPE_KEY - 1 };

/* The part of a thread's context that trace points do not need. */
typedef struct Carried {
    char state[PYTHIA_PROBE_STATE_BYTES];
    char baggage[PYTHIA_PROBE_BAGGAGE_BYTES];
} Carried;
static __thread Carried carried;

/* ------------------------------------------------------------------ the thread's context */

void pythia_probe_context(PythiaProbeContext *context) {
    const PythiaThread *thread = &pythia_thread;
    memset(context, 0, sizeof *context);
    context->trace_hi = thread->trace_hi;
    context->trace_lo = thread->trace_lo;
    context->span_id = thread->span;
    context->type = thread->type;
    context->flags = thread->flags;
    memcpy(context->state, carried.state, sizeof carried.state);
    memcpy(context->baggage, carried.baggage, sizeof carried.baggage);
}

void pythia_probe_enter(const PythiaProbeContext *context, PythiaProbeContext *before) {
    static const PythiaProbeContext none;
    PythiaThread *thread = &pythia_thread;
    PythiaProbeContext now = context ? *context : none;
    if (before) pythia_probe_context(before);
    int same = thread->span == now.span_id;
    thread->trace_hi = now.trace_hi;
    thread->trace_lo = now.trace_lo;
    thread->span = now.span_id;
    thread->type = now.type & 63;
    thread->flags = now.flags;
    /* Of a span of another thread or process it is not known here which trace point it is. */
    if (!same) thread->span_slot = now.span_id ? PYTHIA_NO_SLOT : 0;
    memcpy(carried.state, now.state, sizeof carried.state);
    memcpy(carried.baggage, now.baggage, sizeof carried.baggage);
    carried.state[sizeof carried.state - 1] = carried.baggage[sizeof carried.baggage - 1] = 0;
}

void pythia_probe_request_type(const char *type) {
    if (!type || !*type || !pythia_probe_opened()) return;
    pythia_thread.type = pythia_page_type_claim(&pythia_probe_mapped, type, strlen(type));
}

/* ------------------------------------------------------------------ traceparent */

/* Reads `digits` lower-case hexadecimal digits; 0 when they are none. */
static int hex_read(const char **p, int digits, uint64_t *value) {
    *value = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*p)[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) return 0;
        *value = *value << 4 | (unsigned)digit;
    }
    *p += digits;
    return 1;
}

static int dash(const char **p) {
    if (**p != '-') return 0;
    (*p)++;
    return 1;
}

static int parent_read(PythiaProbeContext *context, const char *p) {
    uint64_t version, hi, lo, span, flags;
    while (*p == ' ' || *p == '\t')
        p++;
    if (!hex_read(&p, 2, &version) || version == 0xff || !dash(&p)) return 0;
    if (!hex_read(&p, 16, &hi) || !hex_read(&p, 16, &lo) || !dash(&p)) return 0;
    if (!hex_read(&p, 16, &span) || !dash(&p) || !hex_read(&p, 2, &flags)) return 0;
    while (*p == ' ' || *p == '\t')
        p++;
    if (*p && (version == 0 || *p != '-')) return 0;
    if ((!hi && !lo) || !span) return 0;
    context->trace_hi = hi;
    context->trace_lo = lo;
    context->span_id = span;
    context->flags = (uint32_t)flags;
    return 1;
}

/* ------------------------------------------------------------------ baggage */

/* One member of a baggage: key=value, properties included. */
typedef struct Member {
    const char *key, *value, *end;
    size_t key_bytes, value_bytes;
} Member;

static int is_space(char c) {
    return c == ' ' || c == '\t';
}

/* The member at p, and where the next one begins; 0 at the end. One without '=' has no key. */
static int member_next(const char **p, Member *member) {
    while (is_space(**p) || **p == ',')
        (*p)++;
    if (!**p) return 0;
    const char *end = *p + strcspn(*p, ",");
    const char *equals = memchr(*p, '=', (size_t)(end - *p));
    member->key = *p;
    const char *key_end = equals ? equals : *p;
    while (key_end > *p && is_space(key_end[-1]))
        key_end--;
    member->key_bytes = (size_t)(key_end - *p);
    member->value = equals ? equals + 1 : end;
    while (member->value < end && is_space(*member->value))
        member->value++;
    const char *value_end = memchr(member->value, ';', (size_t)(end - member->value));
    if (!value_end) value_end = end;
    while (value_end > member->value && is_space(value_end[-1]))
        value_end--;
    member->value_bytes = (size_t)(value_end - member->value);
    while (end > member->value && is_space(end[-1]))
        end--;
    member->end = end;
    *p += strcspn(*p, ",");
    return 1;
}

static int member_is(const Member *member, const char *key, size_t n) {
    return member->key_bytes == n && memcmp(member->key, key, n) == 0;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes percent escapes into out, which is zero-terminated; the length of the whole. */
static size_t percent_decode(const char *p, size_t n, char *out, size_t bytes) {
    size_t length = 0;
    for (size_t i = 0; i < n; i++) {
        char c = p[i];
        if (c == '%' && i + 2 < n && hex_digit(p[i + 1]) >= 0 && hex_digit(p[i + 2]) >= 0) {
            c = (char)(hex_digit(p[i + 1]) << 4 | hex_digit(p[i + 2]));
            i += 2;
        }
        if (length + 1 < bytes) out[length] = c;
        length++;
    }
    if (bytes) out[length < bytes ? length : bytes - 1] = 0;
    return length;
}

/* Characters of a value that go as they are: baggage-octet without '%'. */
static int is_plain(char c) {
    return c > 0x20 && c < 0x7f && !strchr("\",;\\%", c);
}

/* Appends key=value, escaped, behind a comma where something is there; 0 when it does not fit. */
static int member_put(char *out, size_t bytes, const char *key, size_t key_bytes,
                      const char *value) {
    size_t at = strlen(out), start = at;
    if (at + (at > 0) + key_bytes + 1 >= bytes) return 0;
    if (at) out[at++] = ',';
    memcpy(out + at, key, key_bytes);
    at += key_bytes;
    out[at++] = '=';
    for (; *value; value++) {
        int plain = is_plain(*value);
        if (at + (plain ? 1 : 3) >= bytes) {
            out[start] = 0;
            return 0;
        }
        if (plain)
            out[at++] = *value;
        else
            at += (size_t)snprintf(out + at, 4, "%%%02X", (unsigned char)*value);
    }
    out[at] = 0;
    return 1;
}

/* Appends a member as it came. */
static int member_copy(char *out, size_t bytes, const Member *member) {
    size_t at = strlen(out), n = (size_t)(member->end - member->key);
    if (at + (at > 0) + n >= bytes) return 0;
    if (at) out[at++] = ',';
    memcpy(out + at, member->key, n);
    out[at + n] = 0;
    return 1;
}

static void baggage_read(PythiaProbeContext *context, const char *baggage) {
    Member member;
    while (member_next(&baggage, &member)) {
        if (member_is(&member, TYPE_KEY, TYPE_KEY_BYTES)) {
            char type[PYTHIA_PAGE_TEXT_BYTES + 1];
            size_t n = percent_decode(member.value, member.value_bytes, type, sizeof type);
            if (n && n < sizeof type && pythia_probe_opened())
                context->type = pythia_page_type_claim(&pythia_probe_mapped, type, n);
        } else if (member.key_bytes) {
            member_copy(context->baggage, sizeof context->baggage, &member);
        }
    }
}

int pythia_probe_read(PythiaProbeContext *context, const char *traceparent, const char *tracestate,
                      const char *baggage) {
    memset(context, 0, sizeof *context);
    int known = traceparent && parent_read(context, traceparent);
    if (known && tracestate && strlen(tracestate) < sizeof context->state)
        memcpy(context->state, tracestate, strlen(tracestate) + 1);
    if (baggage) baggage_read(context, baggage);
    if (!known) context->type = PYTHIA_TYPE_NONE;
    return known;
}

static void type_write(uint32_t type, char *out, size_t bytes) {
    const PythiaPage *page = &pythia_probe_mapped;
    char name[PYTHIA_PAGE_TEXT_BYTES + 1];
    const char *text;
    if (type == PYTHIA_TYPE_NONE || type >= PYTHIA_TYPE_OTHER || !page->base) return;
    int n = pythia_page_text(page, PYTHIA_GET(&pythia_page_types(page, type)->name), &text);
    if (n <= 0) return;
    memcpy(name, text, (size_t)n);
    name[n] = 0;
    member_put(out, bytes, TYPE_KEY, TYPE_KEY_BYTES, name);
}

int pythia_probe_write(char traceparent[PYTHIA_PROBE_TRACEPARENT_BYTES],
                       char baggage[PYTHIA_PROBE_HEADER_BYTES]) {
    const PythiaThread *thread = &pythia_thread;
    traceparent[0] = baggage[0] = 0;
    if ((!thread->trace_hi && !thread->trace_lo) || !thread->span) return 0;
    snprintf(traceparent, PYTHIA_PROBE_TRACEPARENT_BYTES, "00-%016llx%016llx-%016llx-%02x",
             (unsigned long long)thread->trace_hi, (unsigned long long)thread->trace_lo,
             (unsigned long long)thread->span, (thread->flags & 0xff) | 1);
    memcpy(baggage, carried.baggage, sizeof carried.baggage);
    type_write(thread->type, baggage, PYTHIA_PROBE_HEADER_BYTES);
    return 1;
}

int pythia_probe_write_state(char traceparent[PYTHIA_PROBE_TRACEPARENT_BYTES],
                             char tracestate[PYTHIA_PROBE_STATE_BYTES],
                             char baggage[PYTHIA_PROBE_HEADER_BYTES]) {
    int known = pythia_probe_write(traceparent, baggage);
    tracestate[0] = 0;
    if (known) memcpy(tracestate, carried.state, sizeof carried.state);
    return known;
}

int pythia_probe_baggage_get(const char *key, char *value, size_t bytes) {
    const char *p = carried.baggage;
    Member member;
    while (member_next(&p, &member))
        if (member_is(&member, key, strlen(key)))
            return (int)percent_decode(member.value, member.value_bytes, value, bytes);
    return -1;
}

static int is_token(const char *key) {
    for (const char *p = key; *p; p++)
        if (*p <= 0x20 || *p >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", *p)) return 0;
    return *key != 0;
}

int pythia_probe_baggage_set(const char *key, const char *value) {
    char next[PYTHIA_PROBE_BAGGAGE_BYTES] = "";
    const char *p = carried.baggage;
    Member member;
    if (!is_token(key)) return 0;
    while (member_next(&p, &member))
        if (!member_is(&member, key, strlen(key))) member_copy(next, sizeof next, &member);
    if (value && !member_put(next, sizeof next, key, strlen(key), value)) return 0;
    memcpy(carried.baggage, next, sizeof next);
    return 1;
}
