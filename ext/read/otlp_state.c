/* otlp_state.c - see otlp_state.h. */
#include "ext/read/otlp_state.h"

#include "ext/base/hash.h"

enum { KNOWN_HASHED = 128, KNOWN_BYTES = 16 * 1024 };

void pythia_otlp_state_release(void *state) {
    PythiaOtlpState *s = state;
    for (int i = 0; i < PYTHIA_OTLP_RESOURCES; i++)
        pythia_arena_clear(&s->resources[i].arena);
    for (int i = 0; i < PYTHIA_OTLP_SCOPES; i++)
        pythia_arena_clear(&s->scopes[i].arena);
}

/* Of n places, a power of two, a text may take any of four. */
static PythiaOtlpKnown *known_place(PythiaOtlpState *s, PythiaOtlpKnown *places, size_t nplaces,
                                    const void *p, size_t n) {
    enum { WAYS = 4 };
    uint64_t hash = pythia_hash64(p, n < KNOWN_HASHED ? n : KNOWN_HASHED);
    PythiaOtlpKnown *set = &places[hash % (nplaces / WAYS) * WAYS];
    for (int i = 0; i < WAYS; i++)
        if (set[i].hash == hash) return &set[i];
    PythiaOtlpKnown *known = &set[s->replaced++ % WAYS];
    known->hash = hash;
    return known;
}

PythiaOtlpKnown *pythia_otlp_resource_place(PythiaReader *r, const void *p, size_t n) {
    PythiaOtlpState *s = r->state;
    return known_place(s, s->resources, PYTHIA_OTLP_RESOURCES, p, n);
}

PythiaOtlpKnown *pythia_otlp_scope_place(PythiaReader *r, const void *p, size_t n) {
    PythiaOtlpState *s = r->state;
    return known_place(s, s->scopes, PYTHIA_OTLP_SCOPES, p, n);
}

static int known_text(PythiaArena *arena, PythiaText *text) {
    if (text->n) text->p = pythia_arena_copy(arena, text->p, text->n);
    return text->p || !text->n;
}

void pythia_otlp_resource_set(PythiaOtlpKnown *k, PythiaText text, const PythiaResource *resource) {
    pythia_arena_reset(&k->arena);
    k->text.n = 0;
    if (!text.n || text.n > KNOWN_BYTES) return;
    PythiaResource copy = *resource;
    PythiaAttribute *a = pythia_arena_copy(&k->arena, copy.attributes, copy.n * sizeof *a);
    int good = a && known_text(&k->arena, &text) && known_text(&k->arena, &copy.service) &&
               known_text(&k->arena, &copy.instance);
    for (size_t i = 0; good && i < copy.n; i++)
        good =
            (a[i].key_atom || known_text(&k->arena, &a[i].key)) &&
            (a[i].type < PYTHIA_VALUE_TEXT || a[i].text_atom || known_text(&k->arena, &a[i].text));
    if (!good) return;
    copy.attributes = a;
    k->resource = copy;
    k->text = text;
}

void pythia_otlp_scope_set(PythiaOtlpKnown *k, PythiaText text, const PythiaReader *r) {
    pythia_otlp_resource_set(k, text,
                             &(PythiaResource){.attributes = r->shared.items, .n = r->shared.n});
}

void pythia_otlp_scope_again(PythiaReader *r, const PythiaOtlpKnown *k) {
    PythiaAttributes *list = &r->shared;
    list->n = 0;
    if (r->rc != SQLITE_OK || !k->resource.n) return;
    r->rc = pythia_grow((void **)&list->items, &list->capacity, k->resource.n, sizeof *list->items);
    if (r->rc != SQLITE_OK) return;
    list->n = k->resource.n;
    memcpy(list->items, k->resource.attributes, list->n * sizeof *list->items);
}

void pythia_otlp_pair_set(PythiaReader *r, PythiaOtlpPair *pair, PythiaText begin,
                          PythiaAttribute *a) {
    pair->n = 0;
    if (begin.n > sizeof pair->bytes) return;
    a->key_atom = pythia_atom(r->atoms, &a->key);
    if (!a->key_atom) return;
    if (a->type >= PYTHIA_VALUE_TEXT) a->text_atom = pythia_atom(r->atoms, &a->text);
    memcpy(pair->bytes, begin.p, begin.n);
    pair->n = (unsigned)begin.n;
    pair->type = a->type;
    pair->key = a->key_atom;
    pair->text = a->text_atom;
}
