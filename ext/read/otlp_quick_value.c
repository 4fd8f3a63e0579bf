/* otlp_quick_value.c - see otlp_quick.c: attributes, which are most of a span.
**
** The KeyValue at a place of the list is tried as one that begins as the one there did the last time: then the key is
** known, and what its value is, and the value alone is scanned; and if that is the text it was the last time, it is
** compared. Otherwise it is read member by member, and remembered if it is plain. */
#include "ext/read/otlp_quick.h"

#include "ext/read/otlp_json.h"

#include <math.h>

typedef PythiaOtlpQuick Quick;

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

static int value_double(Quick *q, double *real) {
    PythiaText text;
    int integer;
    int64_t value;
    if (!pythia_json_scan_number(&q->in, &text, &integer)) return 0;
    if (integer) {
        if (text.n > 18 || !pythia_text_int64(text, &value)) return 0;
        *real = (double)value;
        return 1;
    }
    return pythia_text_double(text, real) && isfinite(*real);
}

static int value_int(Quick *q, int64_t *value) {
    unsigned quoted = pythia_json_scan_peek(&q->in) == '"';
    const unsigned char *p = q->in.p + quoted;
    int negative = *p == '-';
    uint64_t whole;
    p += negative;
    size_t n = pythia_json_scan_digits(p, &whole);
    if (quoted && n && n <= 18 && p[n] == '"' && p + n < q->in.end) {
        *value = negative ? -(int64_t)whole : (int64_t)whole;
        q->in.p = p + n + 1;
        return 1;
    }
    PythiaText text;
    int integer = 1;
    if (quoted ? !pythia_json_scan_string(&q->in, &text)
               : !pythia_json_scan_number(&q->in, &text, &integer))
        return 0;
    return integer && pythia_text_int64(text, value);
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

/* A value of the type a->type. */
static int value_plain(Quick *q, PythiaAttribute *a) {
    switch (a->type) {
    case PYTHIA_VALUE_TEXT:
        return pythia_json_scan_string(&q->in, &a->text);
    case PYTHIA_VALUE_INT:
        return value_int(q, &a->integer);
    case PYTHIA_VALUE_BOOL:
        a->integer = pythia_json_scan_peek(&q->in) == 't';
        return a->integer ? PYTHIA_JSON_SCAN_LITERAL(&q->in, "true")
                          : PYTHIA_JSON_SCAN_LITERAL(&q->in, "false");
    case PYTHIA_VALUE_DOUBLE:
        return value_double(q, &a->real);
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

static int attribute_end(Quick *q) {
    for (int braces = 0; braces < 2; braces++)
        if (!pythia_json_scan_take(&q->in, '}')) return 0;
    return 1;
}

/* A KeyValue that begins at `begin` and is of use for the next time if its key is ASCII. 0: the value is not plain. */
static int attribute_plain(Quick *q, const unsigned char *begin, PythiaOtlpPair *pair,
                           PythiaAttribute *a) {
    PythiaText type;
    if (!pythia_json_scan_take(&q->in, '{') || !pythia_json_scan_key(&q->in, &type)) return 0;
    a->type = value_type(type);
    pythia_json_scan_peek(&q->in);
    PythiaText key = {(const char *)begin, (size_t)(q->in.p - begin)};
    unsigned high = q->in.high;
    if (!value_plain(q, a) || !attribute_end(q)) return 0;
    if (pair && !high) pythia_otlp_pair_set(q->r, pair, key, a);
    return 1;
}

static int attribute(Quick *q, PythiaAttributes *list, PythiaOtlpPair *pair) {
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

/* The text that was the value the last time, or another. */
static int text_again(Quick *q, PythiaOtlpPair *pair, PythiaAttribute *a) {
    PythiaAtoms *atoms = q->r->atoms;
    const PythiaAtomText *last = &atoms->texts[pair->text];
    const unsigned char *p = q->in.p;
    if (pair->text && last->plain && q->in.end - p > (ptrdiff_t)last->n + 1 && *p == '"' &&
        p[last->n + 1] == '"' && pythia_bytes_equal(p + 1, last->p, last->n)) {
        a->text = (PythiaText){last->p, last->n};
        a->text_atom = pair->text;
        q->in.p = p + last->n + 2;
        return 1;
    }
    if (!pythia_json_scan_string(&q->in, &a->text)) return 0;
    a->text_atom = pair->text = pythia_atom(atoms, &a->text);
    return 1;
}

/* A KeyValue that begins as the pair; 0: it does not, and nothing was done. */
static int attribute_again(Quick *q, PythiaAttributes *list, PythiaOtlpPair *pair) {
    const unsigned char *begin = q->in.p;
    if (!pair->n || q->in.end - begin <= (ptrdiff_t)pair->n ||
        !pythia_bytes_equal(begin, pair->bytes, pair->n))
        return 0;
    const PythiaAtomText *key = &q->r->atoms->texts[pair->key];
    PythiaAttribute *a = pythia_attributes_add(q->r, list, (PythiaText){key->p, key->n});
    if (!a) return 0;
    a->key_atom = pair->key;
    a->type = pair->type;
    q->in.p = begin + pair->n;
    if ((a->type == PYTHIA_VALUE_TEXT ? text_again(q, pair, a) : value_plain(q, a)) &&
        attribute_end(q))
        return 1;
    q->in.p = begin;
    list->n--;
    return 0;
}

int pythia_otlp_quick_attributes(Quick *q, PythiaAttributes *list) {
    int next = pythia_json_scan_enter(&q->in, '[', ']');
    unsigned high = q->in.high;
    while (next == 1) {
        PythiaOtlpPair *pair = pythia_otlp_pair(q->r, list);
        pythia_json_scan_peek(&q->in);
        if (!pair || !attribute_again(q, list, pair)) {
            high |= q->in.high;
            q->in.high = 0;
            if (q->r->rc != SQLITE_OK || !attribute(q, list, pair)) return 0;
        }
        next = pythia_json_scan_more(&q->in, ']');
    }
    q->in.high |= high;
    return next;
}
