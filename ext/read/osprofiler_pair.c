/* osprofiler_pair.c - OSProfiler's single notifications: putting halves together (osprofiler.h).
**
** The halves of a span come in any order, with anything between them, and from several processes; a
** list read from Redis is the newest first. A half waits, as the text of its document, in a hash table
** under its ids until the other half comes; then both are parsed side by side. What waits at the end
** has lost its other half.
**
** The name of a function defined inside another needs the stub that called it (osprofiler_name.c), and
** that may come later: such a span is put aside, whole, until the end. */
#include "ext/read/osprofiler.h"

#include <stdlib.h>

typedef enum Phase { PHASE_POINT = 0, PHASE_START, PHASE_STOP } Phase;

/* A half that waits. Key and document are one allocation: the key, the document, padding. */
typedef struct Waiting {
    uint64_t hash;
    char *memory; /* owned; NULL: the slot is free */
    size_t key_n, text_n;
    int64_t position;
    uint64_t order; /* of arrival */
    Phase phase;
} Waiting;

/* A span put aside: both documents, start first. */
typedef struct Aside {
    Waiting halves[2];
} Aside;

struct PythiaOspPairs {
    Waiting *slots; /* open addressing, linear probing */
    size_t nslots;  /* a power of two, or 0 */
    size_t n;
    uint64_t order;
    Aside *aside;
    size_t naside, aside_capacity;
    PythiaIntern stubs; /* span id, a zero byte, method */
    PythiaJson other;   /* the half that waited */
};

static void waiting_free(Waiting *w) {
    pythia_free(w->memory);
    w->memory = NULL;
}

void pythia_osp_pairs_free(PythiaOspPairs *pairs) {
    if (!pairs) return;
    for (size_t i = 0; i < pairs->nslots; i++)
        waiting_free(&pairs->slots[i]);
    for (size_t i = 0; i < pairs->naside; i++) {
        waiting_free(&pairs->aside[i].halves[0]);
        waiting_free(&pairs->aside[i].halves[1]);
    }
    pythia_free(pairs->slots);
    pythia_free(pairs->aside);
    pythia_intern_clear(&pairs->stubs);
    pythia_json_clear(&pairs->other);
    pythia_free(pairs);
}

/* ---- the table ---- */

/* The slot of a key, or the free one where it would go. There is always a free slot. */
static Waiting *pairs_slot(PythiaOspPairs *pairs, uint64_t hash, const void *key, size_t n) {
    size_t i = hash & (pairs->nslots - 1);
    for (;; i = (i + 1) & (pairs->nslots - 1)) {
        Waiting *w = &pairs->slots[i];
        if (!w->memory || (w->hash == hash && w->key_n == n && memcmp(w->memory, key, n) == 0))
            return w;
    }
}

static int pairs_reserve(PythiaOspPairs *pairs) {
    if (pairs->nslots && pairs->n < pairs->nslots / 2) return SQLITE_OK;
    size_t nslots = pairs->nslots ? pairs->nslots * 2 : 64;
    Waiting *old = pairs->slots, *slots = pythia_alloc_array(nslots, sizeof *slots);
    if (!slots) return SQLITE_NOMEM;
    memset(slots, 0, nslots * sizeof *slots);
    for (size_t k = 0; k < pairs->nslots; k++) {
        if (!old[k].memory) continue;
        size_t i = old[k].hash & (nslots - 1);
        while (slots[i].memory)
            i = (i + 1) & (nslots - 1);
        slots[i] = old[k];
    }
    pythia_free(old);
    pairs->slots = slots;
    pairs->nslots = nslots;
    return SQLITE_OK;
}

/* Takes an entry out; the memory is the caller's. Entries behind it that would no longer be found move
** up (Knuth, The Art of Computer Programming 3, section 6.4, algorithm R). */
static Waiting pairs_take(PythiaOspPairs *pairs, Waiting *w) {
    Waiting taken = *w;
    size_t mask = pairs->nslots - 1, hole = (size_t)(w - pairs->slots);
    for (size_t i = (hole + 1) & mask; pairs->slots[i].memory; i = (i + 1) & mask) {
        size_t home = pairs->slots[i].hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        pairs->slots[hole] = pairs->slots[i];
        hole = i;
    }
    memset(&pairs->slots[hole], 0, sizeof pairs->slots[hole]);
    pairs->n--;
    return taken;
}

/* ---- notifications ---- */

/* The notification itself, which a message bus wraps into a payload. */
static uint32_t payload_of(const PythiaJson *j, uint32_t root) {
    uint32_t inner = PYTHIA_JSON_FIND(j, root, "payload");
    return pythia_json_is_object(j, inner) ? inner : root;
}

int pythia_osp_is_notification(const PythiaJson *json, uint32_t root) {
    uint32_t at = payload_of(json, root);
    return PYTHIA_JSON_FIND(json, at, "base_id") && PYTHIA_JSON_FIND(json, at, "trace_id") &&
           PYTHIA_JSON_FIND(json, at, "name");
}

static PythiaText member(const PythiaJson *j, uint32_t at, PythiaText key) {
    return pythia_json_text(j, pythia_json_find(j, at, key));
}

static Phase phase_of(PythiaText name) {
    if (name.n > 6 && memcmp(name.p + name.n - 6, "-start", 6) == 0) return PHASE_START;
    if (name.n > 5 && memcmp(name.p + name.n - 5, "-stop", 5) == 0) return PHASE_STOP;
    return PHASE_POINT;
}

static PythiaText function_of(const PythiaJson *j, uint32_t payload) {
    uint32_t info = PYTHIA_JSON_FIND(j, payload, "info");
    return member(j, PYTHIA_JSON_FIND(j, info, "function"), PYTHIA_TEXT("name"));
}

static PythiaText key_of(PythiaReader *r, const PythiaJson *j, uint32_t at) {
    pythia_buf_text(&r->scratch, member(j, at, PYTHIA_TEXT("base_id")));
    pythia_buf_byte(&r->scratch, 0);
    pythia_buf_text(&r->scratch, member(j, at, PYTHIA_TEXT("trace_id")));
    return pythia_reader_scratch(r);
}

static int waiting_make(const PythiaReader *r, PythiaText key, uint64_t hash, Phase phase,
                        Waiting *w) {
    memset(w, 0, sizeof *w);
    w->memory = pythia_alloc(key.n + r->text.n + PYTHIA_JSON_PADDING);
    if (!w->memory) return SQLITE_NOMEM;
    w->hash = hash;
    w->key_n = key.n;
    w->text_n = r->text.n;
    w->position = r->position;
    w->phase = phase;
    memcpy(w->memory, key.p, key.n);
    memcpy(w->memory + key.n, r->text.p, r->text.n);
    memset(w->memory + key.n + r->text.n, 0, PYTHIA_JSON_PADDING);
    return SQLITE_OK;
}

/* Parses a document that was parsed before. */
static int waiting_parse(PythiaJson *j, const Waiting *w) {
    const char *why;
    int result = pythia_json_parse(j, (const unsigned char *)w->memory + w->key_n, w->text_n, &why);
    if (result == PYTHIA_JSON_OK) return SQLITE_OK;
    return result == PYTHIA_JSON_NOMEM ? SQLITE_NOMEM : SQLITE_INTERNAL;
}

/* ---- stubs ---- */

static void stub_key(PythiaReader *r, PythiaText span) {
    pythia_buf_text(&r->scratch, span);
    pythia_buf_byte(&r->scratch, 0);
}

/* Remembers that a span calls a method in another process. Two strings are interned one after the
** other: the id with its zero byte, and the same with the method behind it. */
static void stub_remember(PythiaReader *r, PythiaOspPairs *pairs, PythiaText span,
                          PythiaText method) {
    uint32_t id;
    stub_key(r, span);
    pythia_buf_text(&r->scratch, method);
    PythiaText entry = pythia_reader_scratch(r);
    PythiaText key = {entry.p, span.n + 1};
    if (r->rc != SQLITE_OK || pythia_intern_find(&pairs->stubs, key)) return;
    r->rc = pythia_intern(&pairs->stubs, key, &id);
    if (r->rc == SQLITE_OK) r->rc = pythia_intern(&pairs->stubs, entry, &id);
}

static PythiaText stub_find(PythiaReader *r, PythiaOspPairs *pairs, PythiaText span) {
    stub_key(r, span);
    PythiaText key = pythia_reader_scratch(r);
    if (r->rc != SQLITE_OK) return (PythiaText){"", 0};
    uint32_t id = pythia_intern_find(&pairs->stubs, key);
    PythiaText entry = id ? pythia_intern_text(&pairs->stubs, id + 1) : (PythiaText){"", 0};
    if (entry.n <= key.n || memcmp(entry.p, key.p, key.n) != 0) return (PythiaText){"", 0};
    return (PythiaText){entry.p + key.n, entry.n - key.n};
}

void pythia_osp_remember(PythiaReader *r, PythiaBuf *out) {
    enum { REMEMBERED = 2 * 256 }; /* ids: of a key and its entry */
    PythiaOspState *state = r->state;
    if (!state->pairs) return;
    const PythiaIntern *stubs = &state->pairs->stubs;
    for (uint32_t id = stubs->n > REMEMBERED ? stubs->n - REMEMBERED + 1 : 1; id <= stubs->n;
         id++) {
        PythiaText entry = pythia_intern_text(stubs, id);
        const char *zero = memchr(entry.p, 0, entry.n);
        size_t n = zero ? (size_t)(zero - entry.p) : 0;
        if (!zero || n + 1 >= entry.n) continue; /* a key */
        PythiaText span = {entry.p, n}, method = {zero + 1, entry.n - n - 1};
        if (memchr(entry.p, '\n', entry.n) || memchr(entry.p, ' ', entry.n) ||
            memchr(method.p, 0, method.n))
            continue; /* not what OSProfiler writes */
        pythia_buf_text(out, span);
        pythia_buf_byte(out, ' ');
        pythia_buf_text(out, method);
        pythia_buf_byte(out, '\n');
    }
}

void pythia_osp_recall(PythiaReader *r, PythiaText memory) {
    PythiaOspState *state = r->state;
    state->pairs = pythia_alloc_zero(sizeof *state->pairs);
    if (!state->pairs) {
        r->rc = SQLITE_NOMEM;
        return;
    }
    const char *line = memory.p, *end = memory.p + memory.n, *newline;
    while (r->rc == SQLITE_OK && (newline = memchr(line, '\n', (size_t)(end - line)))) {
        const char *space = memchr(line, ' ', (size_t)(newline - line));
        if (space)
            stub_remember(r, state->pairs, (PythiaText){line, (size_t)(space - line)},
                          (PythiaText){space + 1, (size_t)(newline - space - 1)});
        line = newline + 1;
    }
    pythia_arena_reset(&r->arena);
}

/* ---- pairing ---- */

/* Emits the halves that are there; the name's stub is looked up by the parent. */
static void halves_emit(PythiaReader *r, PythiaOspPairs *pairs, PythiaOspHalf start,
                        PythiaOspHalf stop, int point) {
    PythiaOspSpan span = {.start = start, .stop = stop, .point = point};
    PythiaOspHalf half = start.payload ? start : stop;
    if (start.payload && pythia_osp_is_local(function_of(start.json, start.payload)))
        span.stub = stub_find(r, pairs, member(half.json, half.payload, PYTHIA_TEXT("parent_id")));
    pythia_osp_emit(r, &span);
}

static void half_lost(PythiaReader *r, PythiaOspPairs *pairs, const Waiting *w) {
    PythiaOspHalf none = {&pairs->other, 0}, half;
    int64_t position = r->position;
    if (r->rc == SQLITE_OK) r->rc = waiting_parse(&pairs->other, w);
    if (r->rc != SQLITE_OK) return;
    half = (PythiaOspHalf){&pairs->other, payload_of(&pairs->other, 1)};
    r->position = w->position;
    if (w->phase == PHASE_START)
        halves_emit(r, pairs, half, none, 0);
    else
        halves_emit(r, pairs, none, half, 0);
    r->position = position;
}

/* Puts a span aside whose name is not known yet. Takes over the memory of the half that waited. */
static void pair_aside(PythiaReader *r, PythiaOspPairs *pairs, Waiting *waited, PythiaText key,
                       Phase phase) {
    Waiting now;
    r->rc = pythia_grow((void **)&pairs->aside, &pairs->aside_capacity, pairs->naside + 1,
                        sizeof *pairs->aside);
    if (r->rc == SQLITE_OK) r->rc = waiting_make(r, key, waited->hash, phase, &now);
    if (r->rc != SQLITE_OK) {
        waiting_free(waited);
        return;
    }
    Aside *aside = &pairs->aside[pairs->naside++];
    aside->halves[0] = phase == PHASE_START ? now : *waited;
    aside->halves[1] = phase == PHASE_START ? *waited : now;
}

/* Both halves are there: the one that waited, and the current document. */
static void pair_complete(PythiaReader *r, PythiaOspPairs *pairs, Waiting *waited, PythiaText key,
                          Phase phase) {
    r->rc = waiting_parse(&pairs->other, waited);
    if (r->rc == SQLITE_OK) {
        PythiaOspHalf now = {&r->json, payload_of(&r->json, r->root)};
        PythiaOspHalf then = {&pairs->other, payload_of(&pairs->other, 1)};
        PythiaOspHalf start = phase == PHASE_START ? now : then;
        PythiaOspHalf stop = phase == PHASE_START ? then : now;
        PythiaText parent = member(start.json, start.payload, PYTHIA_TEXT("parent_id"));
        if (pythia_osp_is_local(function_of(start.json, start.payload)) &&
            !stub_find(r, pairs, parent).n) {
            pair_aside(r, pairs, waited, key, phase);
            return;
        }
        halves_emit(r, pairs, start, stop, 0);
    }
    waiting_free(waited);
}

/* A half whose other one is not there (yet). */
static void pair_wait(PythiaReader *r, PythiaOspPairs *pairs, Waiting *slot, PythiaText key,
                      uint64_t hash, Phase phase) {
    r->rc = waiting_make(r, key, hash, phase, slot);
    if (r->rc != SQLITE_OK) {
        memset(slot, 0, sizeof *slot);
        return;
    }
    slot->order = pairs->order++;
    pairs->n++;
}

void pythia_osp_notification(PythiaReader *r, PythiaOspState *state) {
    if (!state->pairs) state->pairs = pythia_alloc_zero(sizeof *state->pairs);
    PythiaOspPairs *pairs = state->pairs;
    r->rc = pairs ? pairs_reserve(pairs) : SQLITE_NOMEM;
    if (r->rc != SQLITE_OK) return;
    const PythiaJson *j = &r->json;
    uint32_t at = payload_of(j, r->root);
    PythiaText span = member(j, at, PYTHIA_TEXT("trace_id"));
    Phase phase = phase_of(member(j, at, PYTHIA_TEXT("name")));
    PythiaText method = pythia_osp_stub(function_of(j, at));
    if (method.n) stub_remember(r, pairs, span, method);
    if (phase == PHASE_POINT) {
        halves_emit(r, pairs, (PythiaOspHalf){j, at}, (PythiaOspHalf){j, 0}, 1);
        return;
    }
    PythiaText key = key_of(r, j, at);
    if (r->rc != SQLITE_OK) return;
    uint64_t hash = pythia_hash64(key.p, key.n);
    Waiting *slot = pairs_slot(pairs, hash, key.p, key.n);
    if (!slot->memory) {
        pair_wait(r, pairs, slot, key, hash, phase);
    } else if (slot->phase != phase) {
        Waiting waited = pairs_take(pairs, slot);
        pair_complete(r, pairs, &waited, key, phase);
    } else if (slot->text_n == r->text.n &&
               memcmp(slot->memory + slot->key_n, r->text.p, r->text.n) == 0) {
        pythia_reader_note(r, "duplicate", "A notification came twice and was taken once.");
    } else {
        /* Two different halves of the same phase: the older one will find no other. */
        Waiting waited = pairs_take(pairs, slot);
        half_lost(r, pairs, &waited);
        waiting_free(&waited);
        if (r->rc == SQLITE_OK)
            pair_wait(r, pairs, pairs_slot(pairs, hash, key.p, key.n), key, hash, phase);
    }
}

static int waiting_compare(const void *a, const void *b) {
    const Waiting *x = a, *y = b;
    if (!x->memory || !y->memory) return (x->memory == NULL) - (y->memory == NULL);
    return x->order < y->order ? -1 : x->order > y->order;
}

void pythia_osp_pairs_finish(PythiaReader *r, PythiaOspState *state) {
    PythiaOspPairs *pairs = state->pairs;
    if (!pairs) return;
    for (size_t i = 0; i < pairs->naside && r->rc == SQLITE_OK; i++) {
        Aside *aside = &pairs->aside[i];
        r->position = aside->halves[0].position;
        r->rc = waiting_parse(&r->json, &aside->halves[0]);
        if (r->rc == SQLITE_OK) r->rc = waiting_parse(&pairs->other, &aside->halves[1]);
        if (r->rc != SQLITE_OK) break;
        halves_emit(r, pairs, (PythiaOspHalf){&r->json, payload_of(&r->json, 1)},
                    (PythiaOspHalf){&pairs->other, payload_of(&pairs->other, 1)}, 0);
        pythia_arena_reset(&r->arena);
    }
    /* In the order of arrival. The table is of no use as such afterwards. */
    if (pairs->nslots) qsort(pairs->slots, pairs->nslots, sizeof *pairs->slots, waiting_compare);
    for (size_t i = 0; i < pairs->n && r->rc == SQLITE_OK; i++) {
        half_lost(r, pairs, &pairs->slots[i]);
        pythia_arena_reset(&r->arena);
    }
}
