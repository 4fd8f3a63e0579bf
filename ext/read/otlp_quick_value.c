/* otlp_quick_value.c - see otlp_quick.c: attributes, which are most of a span.
**
** The KeyValue at a place of the list is tried as one that begins as the one there did the last time: then the key is
** known, and what its value is, and the value alone is scanned; and if that is the text it was the last time, it is
** compared. Otherwise it is read member by member, and remembered if it is plain. */
#include "ext/read/otlp_quick.h"

#include "ext/read/otlp_json.h"

typedef PythiaOtlpQuick Quick;

enum { BRACES = 2 }; /* behind a value */

#define IS(text, literal) (memcmp((text).p, (literal), sizeof(literal) - 1) == 0)

/* An AnyValue that is not one of the plain ones, from its first byte. */
static int value_parsed(Quick *q, PythiaAttributes *list, PythiaText name) {
    PythiaReader *r = q->r;
    const char *why;
    if (pythia_json_scan_peek(&q->in) != '{') return 0;
    const unsigned char *start = q->in.p;
    if (!pythia_json_scan_skip_brackets(&q->in)) return 0;
    int result = pythia_json_parse(&r->json, start, (size_t)(q->in.p - start), &why);
    if (result == PYTHIA_JSON_NOMEM) r->rc = SQLITE_NOMEM;
    if (result != PYTHIA_JSON_OK) return 0;
    pythia_otlp_attribute(r, list, name, 1);
    /* The next value is parsed into the same place. */
    PythiaAttribute *a = &list->items[list->n - 1];
    if (r->rc == SQLITE_OK && a->type >= PYTHIA_VALUE_TEXT)
        a->text = pythia_reader_copy(r, a->text);
    return r->rc == SQLITE_OK;
}

/* The type of an AnyValue by the name of its member; 0 for those that are not plain. */
static int value_type(PythiaText name) {
    switch (name.n) {
    case 8:
        return IS(name, "intValue") ? PYTHIA_VALUE_INT : 0;
    case 9:
        return IS(name, "boolValue") ? PYTHIA_VALUE_BOOL : 0;
    case 11:
        return IS(name, "stringValue")   ? PYTHIA_VALUE_TEXT
               : IS(name, "doubleValue") ? PYTHIA_VALUE_DOUBLE
                                         : 0;
    default:
        return 0;
    }
}

/* From the opening brace of a KeyValue to that of its value. */
static int attribute_key(Quick *q, PythiaText *name) {
    PythiaText text;
    if (!pythia_json_scan_take(&q->in, '{') || !pythia_json_scan_key(&q->in, &text) ||
        text.n != 3 || !IS(text, "key") || !pythia_json_scan_string(&q->in, name) ||
        !pythia_json_scan_take(&q->in, ',') || !pythia_json_scan_key(&q->in, &text) ||
        text.n != 5 || !IS(text, "value"))
        return 0;
    pythia_json_scan_peek(&q->in);
    return 1;
}

/* A KeyValue that begins at `begin` and is of use for the next time if its key is ASCII. 0: the value is not plain. */
static int attribute_plain(Quick *q, const unsigned char *begin, PythiaKnownPair *pair,
                           PythiaAttribute *a) {
    PythiaText type;
    if (!pythia_json_scan_take(&q->in, '{') || !pythia_json_scan_key(&q->in, &type)) return 0;
    a->type = value_type(type);
    pythia_json_scan_peek(&q->in);
    PythiaText key = {(const char *)begin, (size_t)(q->in.p - begin)};
    unsigned high = q->in.high;
    if (!pythia_known_value(&q->in, a) || !pythia_known_braces(&q->in, BRACES)) return 0;
    if (pair && !high) pythia_known_pair_set(q->r, pair, key, a);
    return 1;
}

static int attribute(void *context, PythiaAttributes *list, PythiaKnownPair *pair) {
    Quick *q = context;
    PythiaText name;
    const unsigned char *begin = q->in.p;
    if (!attribute_key(q, &name)) return 0;
    const unsigned char *value = q->in.p;
    PythiaAttribute *a = pythia_attributes_add(q->r, list, name);
    if (!a) return 0;
    if (attribute_plain(q, begin, pair, a)) return 1;
    if (q->r->rc != SQLITE_OK) return 0;
    q->in.p = value;
    list->n--;
    return value_parsed(q, list, name) && pythia_json_scan_take(&q->in, '}');
}

int pythia_otlp_quick_attributes(Quick *q, PythiaAttributes *list) {
    return pythia_known_attributes(q->r, &q->in, list, BRACES, attribute, q);
}
