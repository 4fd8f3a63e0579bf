/* known.c - see known.h. */
#include "ext/read/known.h"

#include "ext/base/hash.h"

enum { KNOWN_HASHED = 128, KNOWN_BYTES = 16 * 1024 };

void pythia_known_release(void *state) {
    PythiaKnown *s = state;
    for (int i = 0; i < PYTHIA_KNOWN_RESOURCES; i++)
        pythia_arena_clear(&s->resources[i].arena);
    for (int i = 0; i < PYTHIA_KNOWN_SCOPES; i++)
        pythia_arena_clear(&s->scopes[i].arena);
}

/* Of n places, a power of two, a text may take any of four. */
static PythiaKnownText *known_place(PythiaKnown *s, PythiaKnownText *places, size_t nplaces,
                                    const void *p, size_t n) {
    enum { WAYS = 4 };
    uint64_t hash = pythia_hash64(p, n < KNOWN_HASHED ? n : KNOWN_HASHED);
    PythiaKnownText *set = &places[hash % (nplaces / WAYS) * WAYS];
    for (int i = 0; i < WAYS; i++)
        if (set[i].hash == hash) return &set[i];
    PythiaKnownText *known = &set[s->replaced++ % WAYS];
    known->hash = hash;
    return known;
}

PythiaKnownText *pythia_known_resource(PythiaReader *r, const void *p, size_t n) {
    PythiaKnown *s = r->state;
    return known_place(s, s->resources, PYTHIA_KNOWN_RESOURCES, p, n);
}

PythiaKnownText *pythia_known_scope(PythiaReader *r, const void *p, size_t n) {
    PythiaKnown *s = r->state;
    return known_place(s, s->scopes, PYTHIA_KNOWN_SCOPES, p, n);
}

static int known_text(PythiaArena *arena, PythiaText *text) {
    if (text->n) text->p = pythia_arena_copy(arena, text->p, text->n);
    return text->p || !text->n;
}

void pythia_known_resource_set(PythiaKnownText *k, PythiaText text,
                               const PythiaResource *resource) {
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

void pythia_known_scope_set(PythiaKnownText *k, PythiaText text, const PythiaReader *r) {
    pythia_known_resource_set(k, text,
                              &(PythiaResource){.attributes = r->shared.items, .n = r->shared.n});
}

void pythia_known_scope_again(PythiaReader *r, const PythiaKnownText *k) {
    PythiaAttributes *list = &r->shared;
    list->n = 0;
    if (r->rc != SQLITE_OK || !k->resource.n) return;
    r->rc = pythia_grow((void **)&list->items, &list->capacity, k->resource.n, sizeof *list->items);
    if (r->rc != SQLITE_OK) return;
    list->n = k->resource.n;
    memcpy(list->items, k->resource.attributes, list->n * sizeof *list->items);
}

void pythia_known_key_set(PythiaKnownKey *k, const unsigned char *p, size_t n) {
    k->mask = 0;
    if (n > sizeof k->bytes) return;
    memcpy(k->bytes, p, n);
    k->n = (unsigned)n;
    k->mask = (uint32_t)(((uint64_t)1 << n) - 2); /* not the byte before it */
}

void pythia_known_pair_set(PythiaReader *r, PythiaKnownPair *pair, PythiaText begin,
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

/* ---- attributes in JSON ---- */

int pythia_known_value(PythiaJsonScan *in, PythiaAttribute *a) {
    switch (a->type) {
    case PYTHIA_VALUE_TEXT:
    case PYTHIA_VALUE_BYTES:
        return pythia_json_scan_string(in, &a->text);
    case PYTHIA_VALUE_INT:
        return pythia_json_scan_int64(in, &a->integer);
    case PYTHIA_VALUE_BOOL:
        a->integer = pythia_json_scan_peek(in) == 't';
        return a->integer ? PYTHIA_JSON_SCAN_LITERAL(in, "true")
                          : PYTHIA_JSON_SCAN_LITERAL(in, "false");
    case PYTHIA_VALUE_DOUBLE:
        return pythia_json_scan_double(in, &a->real);
    default:
        return 0;
    }
}

/* The text that was the value the last time, or another. */
static int text_again(PythiaAtoms *atoms, PythiaJsonScan *in, PythiaKnownPair *pair,
                      PythiaAttribute *a) {
    const PythiaAtomText *last = &atoms->texts[pair->text];
    const unsigned char *p = in->p;
    if (pair->text && last->plain && in->end - p > (ptrdiff_t)last->n + 1 && *p == '"' &&
        p[last->n + 1] == '"' && pythia_bytes_equal(p + 1, last->p, last->n)) {
        a->text = (PythiaText){last->p, last->n};
        a->text_atom = pair->text;
        in->p = p + last->n + 2;
        return 1;
    }
    if (!pythia_json_scan_string(in, &a->text)) return 0;
    a->text_atom = pair->text = pythia_atom(atoms, &a->text);
    return 1;
}

int pythia_known_attribute(PythiaReader *r, PythiaJsonScan *in, PythiaAttributes *list,
                           PythiaKnownPair *pair, int braces) {
    const unsigned char *begin = in->p;
    if (!pair->n || in->end - begin <= (ptrdiff_t)pair->n ||
        !pythia_bytes_equal(begin, pair->bytes, pair->n))
        return 0;
    const PythiaAtomText *key = &r->atoms->texts[pair->key];
    PythiaAttribute *a = pythia_attributes_add(r, list, (PythiaText){key->p, key->n});
    if (!a) return 0;
    a->key_atom = pair->key;
    a->type = pair->type;
    in->p = begin + pair->n;
    if ((a->type >= PYTHIA_VALUE_TEXT ? text_again(r->atoms, in, pair, a)
                                      : pythia_known_value(in, a)) &&
        pythia_known_braces(in, braces))
        return 1;
    in->p = begin;
    list->n--;
    return 0;
}
