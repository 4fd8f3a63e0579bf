/* waiting.c - points that wait for their span; see waiting.h.
**
** As bytes: a version, then for each point trace, span, own id and pid (8 bytes each), time (zigzag), the texts
** (varint length, bytes) and the attributes (type, key, value). */
#include "ext/collect/waiting.h"

#include "ext/base/bytes.h"
#include "ext/base/hash.h"

enum { FIRST_BUCKETS = 256, BYTES_VERSION = 1, MOST_ATTRIBUTES = 64 };

void pythia_waiting_clear(PythiaWaiting *held) {
    pythia_free(held->buckets);
    pythia_arena_clear(&held->arena);
    memset(held, 0, sizeof *held);
}

static PythiaWaitingPoint **bucket_of(const PythiaWaiting *held, uint64_t lo, uint64_t span) {
    return &held->buckets[pythia_hash_mix(lo, span) & (held->nbuckets - 1)];
}

/* Puts a point behind those that are there. */
static void held_link(PythiaWaiting *held, PythiaWaitingPoint *point) {
    PythiaWaitingPoint **link = bucket_of(held, point->trace_lo, point->span);
    while (*link)
        link = &(*link)->next;
    point->next = NULL;
    *link = point;
}

static int held_grow(PythiaWaiting *held) {
    if (held->n < held->nbuckets) return SQLITE_OK;
    PythiaWaiting larger = *held;
    larger.nbuckets = held->nbuckets ? held->nbuckets * 4 : FIRST_BUCKETS;
    larger.buckets = pythia_alloc_zero(larger.nbuckets * sizeof(PythiaWaitingPoint *));
    if (!larger.buckets) return SQLITE_NOMEM;
    for (size_t i = 0; i < held->nbuckets; i++)
        for (PythiaWaitingPoint *point = held->buckets[i], *next; point; point = next) {
            next = point->next;
            held_link(&larger, point);
        }
    pythia_free(held->buckets);
    *held = larger;
    return SQLITE_OK;
}

int pythia_waiting_add(PythiaWaiting *held, PythiaWaitingPoint *point) {
    int rc = held_grow(held);
    if (rc) return rc;
    held_link(held, point);
    held->n++;
    return SQLITE_OK;
}

PythiaWaitingPoint *pythia_waiting_take(PythiaWaiting *held, uint64_t trace_hi, uint64_t trace_lo,
                                        uint64_t span) {
    PythiaWaitingPoint *taken = NULL, **end = &taken;
    if (!held->n) return NULL;
    PythiaWaitingPoint **link = bucket_of(held, trace_lo, span);
    while (*link) {
        PythiaWaitingPoint *point = *link;
        if (point->span != span || point->trace_lo != trace_lo || point->trace_hi != trace_hi) {
            link = &point->next;
            continue;
        }
        *link = point->next;
        point->next = NULL;
        *end = point;
        end = &point->next;
        held->n--;
    }
    return taken;
}

PythiaWaitingPoint *pythia_waiting_overdue(PythiaWaiting *held, int64_t before_ns, size_t most) {
    PythiaWaitingPoint *taken = NULL;
    for (size_t i = 0; i < held->nbuckets; i++)
        for (PythiaWaitingPoint **link = &held->buckets[i]; *link;) {
            PythiaWaitingPoint *point = *link;
            if (point->time_ns >= before_ns && held->n <= most) {
                link = &point->next;
                continue;
            }
            *link = point->next;
            point->next = taken;
            taken = point;
            held->n--;
        }
    return taken;
}

/* ------------------------------------------------------------------ bytes */

static void text_write(PythiaBuf *out, PythiaText text) {
    pythia_buf_varint(out, text.n);
    pythia_buf_text(out, text);
}

static void attribute_write(PythiaBuf *out, const PythiaAttribute *a) {
    uint64_t bits;
    pythia_buf_byte(out, (unsigned char)a->type);
    text_write(out, a->key);
    if (a->type == PYTHIA_VALUE_DOUBLE) {
        memcpy(&bits, &a->real, sizeof bits);
        pythia_buf_u64(out, bits);
    } else if (a->type == PYTHIA_VALUE_TEXT) {
        text_write(out, a->text);
    } else {
        pythia_buf_zigzag(out, a->integer);
    }
}

void pythia_waiting_write(const PythiaWaiting *held, PythiaBuf *out) {
    if (!held->n) return;
    pythia_buf_byte(out, BYTES_VERSION);
    for (size_t i = 0; i < held->nbuckets; i++)
        for (const PythiaWaitingPoint *p = held->buckets[i]; p; p = p->next) {
            pythia_buf_u64(out, p->trace_hi);
            pythia_buf_u64(out, p->trace_lo);
            pythia_buf_u64(out, p->span);
            pythia_buf_u64(out, p->id);
            pythia_buf_u64(out, p->pid);
            pythia_buf_zigzag(out, p->time_ns);
            text_write(out, p->service);
            text_write(out, p->host);
            text_write(out, p->operation);
            text_write(out, p->name);
            pythia_buf_varint(out, p->n);
            for (size_t j = 0; j < p->n; j++)
                attribute_write(out, &p->attributes[j]);
        }
}

static PythiaText text_read(PythiaBytes *in, PythiaArena *arena) {
    PythiaText text = pythia_bytes_text(in);
    char *copy = pythia_arena_copy(arena, text.p, text.n);
    if (copy) return (PythiaText){copy, text.n};
    in->bad = 1;
    return (PythiaText){"", 0};
}

static void attribute_read(PythiaBytes *in, PythiaArena *arena, PythiaAttribute *a) {
    a->type = (int)pythia_bytes_byte(in);
    a->key = text_read(in, arena);
    if (a->type == PYTHIA_VALUE_DOUBLE) {
        uint64_t bits = pythia_bytes_u64(in);
        memcpy(&a->real, &bits, sizeof bits);
    } else if (a->type == PYTHIA_VALUE_TEXT) {
        a->text = text_read(in, arena);
    } else if (a->type == PYTHIA_VALUE_INT || a->type == PYTHIA_VALUE_BOOL) {
        a->integer = pythia_bytes_zigzag(in);
    } else {
        in->bad = 1;
    }
}

static PythiaWaitingPoint *point_read(PythiaBytes *in, PythiaArena *arena) {
    PythiaWaitingPoint *p = pythia_arena_alloc(arena, sizeof *p);
    if (!p) return NULL;
    memset(p, 0, sizeof *p);
    p->trace_hi = pythia_bytes_u64(in);
    p->trace_lo = pythia_bytes_u64(in);
    p->span = pythia_bytes_u64(in);
    p->id = pythia_bytes_u64(in);
    p->pid = pythia_bytes_u64(in);
    p->time_ns = pythia_bytes_zigzag(in);
    p->service = text_read(in, arena);
    p->host = text_read(in, arena);
    p->operation = text_read(in, arena);
    p->name = text_read(in, arena);
    uint64_t n = pythia_bytes_varint(in);
    if (in->bad || n > MOST_ATTRIBUTES) return NULL;
    p->attributes = pythia_arena_alloc(arena, (size_t)n * sizeof *p->attributes + 1);
    if (!p->attributes) return NULL;
    memset(p->attributes, 0, (size_t)n * sizeof *p->attributes);
    p->n = (size_t)n;
    for (size_t i = 0; i < p->n; i++)
        attribute_read(in, arena, &p->attributes[i]);
    return in->bad ? NULL : p;
}

int pythia_waiting_read(PythiaWaiting *held, PythiaText bytes) {
    PythiaBytes in = pythia_bytes(bytes.p ? bytes.p : "", bytes.n);
    int rc = SQLITE_OK;
    if (bytes.n && pythia_bytes_byte(&in) != BYTES_VERSION) return SQLITE_OK;
    while (!rc && pythia_bytes_left(&in)) {
        PythiaWaitingPoint *point = point_read(&in, &held->arena);
        if (!point) break;
        rc = pythia_waiting_add(held, point);
    }
    return rc;
}
