/* known.h - what a reader remembers from span to span and from document to document.
**
** Exporters repeat themselves, byte for byte: a process describes itself and its scopes in every request, and the spans
** of a kind have the same keys in the same order. What was understood once is known again by comparing bytes, with no
** look inside. Nothing here changes what is read; it is only read sooner. */
#ifndef PYTHIA_READ_KNOWN_H
#define PYTHIA_READ_KNOWN_H

#include "ext/read/json_scan.h"
#include "ext/read/reader.h"

/* A list of attributes and the bytes it was read from. */
typedef struct PythiaKnownText {
    uint64_t hash;     /* of the text's beginning: tells where to look */
    PythiaText text;   /* n 0: none */
    PythiaArena arena; /* of the text and of the contents */
    PythiaResource resource;
} PythiaKnownText;

/* The key of a JSON member as it was written the last time, from the byte before it (a comma or a brace, which is not
** compared) up to its colon. */
enum { PYTHIA_KNOWN_KEY_BYTES = 32, PYTHIA_KNOWN_MEMBERS = 16 /* of a span, known and not */ };
typedef struct PythiaKnownKey {
    unsigned char bytes[PYTHIA_KNOWN_KEY_BYTES];
    uint32_t mask; /* bit i: byte i is compared; 0: there is no key */
    unsigned n;
} PythiaKnownKey;

/* A KeyValue as it began the last time behind the same key: up to its value in JSON, up to the length of its value in
** protobuf. */
enum { PYTHIA_KNOWN_PAIR_BYTES = 112 };
typedef struct PythiaKnownPair {
    unsigned char bytes[PYTHIA_KNOWN_PAIR_BYTES];
    unsigned n;    /* 0: none */
    int type;      /* JSON: PYTHIA_VALUE_* */
    uint32_t key;  /* its atom; not 0 */
    uint32_t text; /* the atom of its value the last time, or 0 */
} PythiaKnownPair;

enum {
    PYTHIA_KNOWN_RESOURCES = 128,
    PYTHIA_KNOWN_SCOPES = 32,
    PYTHIA_KNOWN_PAIRS = 64,
    PYTHIA_KNOWN_KINDS = 8
};

/* What lies in reader->state. */
typedef struct PythiaKnown {
    PythiaKnownText resources[PYTHIA_KNOWN_RESOURCES], scopes[PYTHIA_KNOWN_SCOPES];
    unsigned replaced; /* counts */
    PythiaKnownKey keys[PYTHIA_KNOWN_MEMBERS];
    unsigned char after[PYTHIA_KNOWN_MEMBERS]; /* [member]: the one that came after it */
    /* By the atom of the key before; those that come first in spans, by the span's kind; and in points and links. */
    PythiaKnownPair pairs[PYTHIA_KNOWN_PAIRS], first[PYTHIA_KNOWN_KINDS], nested_first;
} PythiaKnown;

void pythia_known_release(void *state);

/* ---- resources and scopes ---- */

/* Where a resource, or a scope, is remembered whose bytes begin at p; n: as many as there are, of it or of what follows. */
PythiaKnownText *pythia_known_resource(PythiaReader *reader, const void *p, size_t n);
PythiaKnownText *pythia_known_scope(PythiaReader *reader, const void *p, size_t n);

/* How many of the n bytes are the ones remembered: all that are remembered, or 0. */
static inline size_t pythia_known_length(const PythiaKnownText *known, const void *p, size_t n) {
    return known->text.n && known->text.n <= n && memcmp(known->text.p, p, known->text.n) == 0
               ? known->text.n
               : 0;
}

/* Remembers what was read from the text: a resource, or the reader's list `shared` as that of a scope. Without memory
** for it, it is not remembered. */
void pythia_known_resource_set(PythiaKnownText *known, PythiaText text,
                               const PythiaResource *resource);
void pythia_known_scope_set(PythiaKnownText *known, PythiaText text, const PythiaReader *reader);
/* Makes the reader's list `shared` that of a known scope. */
void pythia_known_scope_again(PythiaReader *reader, const PythiaKnownText *known);

/* ---- members ---- */

/* Remembers the n bytes from the one before a key up to its colon. */
void pythia_known_key_set(PythiaKnownKey *key, const unsigned char *p, size_t n);

/* Whether that key comes next, from the byte before it. Up to 32 bytes are looked at. */
static inline int pythia_known_key(const PythiaKnownKey *k, const unsigned char *p) {
#ifdef __SSE2__
    uint32_t same = 0;
    for (int i = 0; i < PYTHIA_KNOWN_KEY_BYTES; i += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i y = _mm_loadu_si128((const __m128i *)(const void *)(k->bytes + i));
        same |= (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, y)) << i;
    }
    return k->mask && (same & k->mask) == k->mask;
#else
    return k->mask && memcmp(p + 1, k->bytes + 1, k->n - 1) == 0;
#endif
}

/* ---- the trace, in JSON ---- */

/* The id of a trace as it was written the last time in this document: its spans come one after the other. */
typedef struct PythiaKnownTrace {
    PythiaText
        text; /* n 0: none, or one that is no number. A number has no escapes: it is known by its bytes */
    PythiaRef ref;
} PythiaKnownTrace;

/* Takes the string that comes next if it is that id. */
static inline int pythia_known_trace(const PythiaKnownTrace *known, PythiaJsonScan *in,
                                     PythiaRef *ref) {
    const unsigned char *p = in->p;
    const size_t n = known->text.n;
    if (!n || in->end - p <= (ptrdiff_t)n + 1 || *p != '"' || p[n + 1] != '"' ||
        !pythia_bytes_equal(p + 1, known->text.p, n))
        return 0;
    in->p += n + 2;
    *ref = known->ref;
    return 1;
}

static inline void pythia_known_trace_set(PythiaKnownTrace *known, PythiaText text, PythiaRef ref) {
    *known = (PythiaKnownTrace){text, ref};
    if (ref.id.form == PYTHIA_ID_TEXT || ref.id.form == PYTHIA_ID_NONE) known->text.n = 0;
}

/* ---- attributes ---- */

/* What is remembered of the KeyValue that comes next in one of the reader's lists; NULL where nothing is. */
static inline PythiaKnownPair *pythia_known_pair(PythiaReader *reader,
                                                 const PythiaAttributes *list) {
    PythiaKnown *s = reader->state;
    int nested = list == &reader->nested;
    if (!reader->atoms || (!nested && list != &reader->attributes)) return NULL;
    if (list->n) return &s->pairs[list->items[list->n - 1].key_atom % PYTHIA_KNOWN_PAIRS];
    return nested ? &s->nested_first
                  : &s->first[(unsigned)reader->record.kind % PYTHIA_KNOWN_KINDS];
}

/* Remembers that the attribute began with these bytes; its key and its text get their atoms. */
void pythia_known_pair_set(PythiaReader *reader, PythiaKnownPair *pair, PythiaText begin,
                           PythiaAttribute *attribute);

/* The value of an attribute in JSON, of the type that is set. */
int pythia_known_value(PythiaJsonScan *in, PythiaAttribute *attribute);
/* So many closing braces. */
static inline int pythia_known_braces(PythiaJsonScan *in, int n) {
    while (n--)
        if (!pythia_json_scan_take(in, '}')) return 0;
    return 1;
}
/* Appends the attribute that comes next, which has so many braces behind its value, if it begins as the pair. 0: it
** does not, and nothing was done. */
int pythia_known_attribute(PythiaReader *reader, PythiaJsonScan *in, PythiaAttributes *list,
                           PythiaKnownPair *pair, int braces);

/* A JSON list of attributes, from before its bracket, each with so many braces behind its value. Those that begin as the
** last time are read here, any other by other(), which tells how it began (pythia_known_pair_set()) where that is
** ASCII: in->high is of that attribute alone then. 1, or 0 to give up. */
static inline int pythia_known_attributes(
    PythiaReader *reader, PythiaJsonScan *in, PythiaAttributes *list, int braces,
    int (*other)(void *context, PythiaAttributes *list, PythiaKnownPair *pair), void *context) {
    int next = pythia_json_scan_enter(in, '[', ']');
    unsigned high = in->high;
    while (next == 1) {
        PythiaKnownPair *pair = pythia_known_pair(reader, list);
        pythia_json_scan_peek(in);
        if (!pair || !pythia_known_attribute(reader, in, list, pair, braces)) {
            high |= in->high;
            in->high = 0;
            if (reader->rc != SQLITE_OK || !other(context, list, pair)) return 0;
        }
        next = pythia_json_scan_more(in, ']');
    }
    in->high |= high;
    return next;
}

#endif
