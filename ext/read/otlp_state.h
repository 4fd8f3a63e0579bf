/* otlp_state.h - what the readers of OTLP, JSON and protobuf, remember from span to span and from document to document.
**
** Exporters repeat themselves, byte for byte: a process describes itself and its scopes in every request, and the spans
** of a kind have the same keys in the same order. What was understood once is known again by comparing bytes, with no
** look inside. Nothing here changes what is read; it is only read sooner. */
#ifndef PYTHIA_READ_OTLP_STATE_H
#define PYTHIA_READ_OTLP_STATE_H

#include "ext/read/reader.h"

/* A list of attributes and the bytes it was read from. */
typedef struct PythiaOtlpKnown {
    uint64_t hash;     /* of the text's beginning: tells where to look */
    PythiaText text;   /* n 0: none */
    PythiaArena arena; /* of the text and of the contents */
    PythiaResource resource;
} PythiaOtlpKnown;

/* The key of a JSON member as it was written the last time, from the byte before it (a comma or a brace, which is not
** compared) up to its colon. */
enum { PYTHIA_OTLP_KEY_BYTES = 32, PYTHIA_OTLP_MEMBERS = 16 /* of a span, known and not */ };
typedef struct PythiaOtlpKey {
    unsigned char bytes[PYTHIA_OTLP_KEY_BYTES];
    uint32_t mask; /* bit i: byte i is compared; 0: there is no key */
    unsigned n;
} PythiaOtlpKey;

/* A KeyValue as it began the last time behind the same key: up to its value in JSON, up to the length of its value in
** protobuf. */
enum { PYTHIA_OTLP_PAIR_BYTES = 112 };
typedef struct PythiaOtlpPair {
    unsigned char bytes[PYTHIA_OTLP_PAIR_BYTES];
    unsigned n;    /* 0: none */
    int type;      /* JSON: PYTHIA_VALUE_* */
    uint32_t key;  /* its atom; not 0 */
    uint32_t text; /* the atom of its value the last time, or 0 */
} PythiaOtlpPair;

enum {
    PYTHIA_OTLP_RESOURCES = 128,
    PYTHIA_OTLP_SCOPES = 32,
    PYTHIA_OTLP_PAIRS = 64,
    PYTHIA_OTLP_KINDS = 8
};

/* What lies in reader->state. */
typedef struct PythiaOtlpState {
    PythiaOtlpKnown resources[PYTHIA_OTLP_RESOURCES], scopes[PYTHIA_OTLP_SCOPES];
    unsigned replaced; /* counts */
    PythiaOtlpKey keys[PYTHIA_OTLP_MEMBERS];
    unsigned char after[PYTHIA_OTLP_MEMBERS]; /* [member]: the one that came after it */
    PythiaOtlpPair pairs[PYTHIA_OTLP_PAIRS];  /* by the atom of the key before it */
    PythiaOtlpPair
        first[PYTHIA_OTLP_KINDS]; /* those of spans that come first, by the span's kind */
    PythiaOtlpPair nested_first;  /* ... and of points and links */
} PythiaOtlpState;

void pythia_otlp_state_release(void *state);

/* Where a resource, or a scope, is remembered whose bytes begin at p; n: as many as there are, of it or of what follows. */
PythiaOtlpKnown *pythia_otlp_resource_place(PythiaReader *reader, const void *p, size_t n);
PythiaOtlpKnown *pythia_otlp_scope_place(PythiaReader *reader, const void *p, size_t n);

/* How many of the n bytes are the ones remembered: all that are remembered, or 0. */
static inline size_t pythia_otlp_known(const PythiaOtlpKnown *known, const void *p, size_t n) {
    return known->text.n && known->text.n <= n && memcmp(known->text.p, p, known->text.n) == 0
               ? known->text.n
               : 0;
}

/* Remembers what was read from the text: a resource, or the reader's list `shared` as that of a scope. Without memory
** for it, it is not remembered. */
void pythia_otlp_resource_set(PythiaOtlpKnown *known, PythiaText text,
                              const PythiaResource *resource);
void pythia_otlp_scope_set(PythiaOtlpKnown *known, PythiaText text, const PythiaReader *reader);
/* Makes the reader's list `shared` that of a known scope. */
void pythia_otlp_scope_again(PythiaReader *reader, const PythiaOtlpKnown *known);

/* What is remembered of the KeyValue that comes next in one of the reader's lists; NULL where nothing is. */
static inline PythiaOtlpPair *pythia_otlp_pair(PythiaReader *reader, const PythiaAttributes *list) {
    PythiaOtlpState *s = reader->state;
    int nested = list == &reader->nested;
    if (!reader->atoms || (!nested && list != &reader->attributes)) return NULL;
    if (list->n) return &s->pairs[list->items[list->n - 1].key_atom % PYTHIA_OTLP_PAIRS];
    return nested ? &s->nested_first : &s->first[(unsigned)reader->record.kind % PYTHIA_OTLP_KINDS];
}

/* Remembers that the attribute began with these bytes; its key and its text get their atoms. */
void pythia_otlp_pair_set(PythiaReader *reader, PythiaOtlpPair *pair, PythiaText begin,
                          PythiaAttribute *attribute);

#endif
