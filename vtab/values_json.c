/* values_json.c - see values_json.h. */
#include "vtab/values_json.h"

#include "ext/base/mem.h"

/* The members that a resource adds to a span whose keys are other ones. */
typedef struct PythiaResourceText {
    size_t begin, end; /* in the kept bytes */
    uint64_t keys;     /* key_bit() of all */
    int made;
} PythiaResourceText;

/* Sets of keys that are certainly disjoint have no bit in common. */
static uint64_t key_bit(uint32_t key) {
    return (uint64_t)1 << (key & 63);
}

int pythia_resource_json_begin(PythiaResourceJson *kept, const PythiaTrace *trace) {
    int rc = pythia_grow((void **)&kept->texts, &kept->texts_capacity, trace->nresources,
                         sizeof *kept->texts);
    if (rc) return rc;
    if (trace->nresources) memset(kept->texts, 0, trace->nresources * sizeof *kept->texts);
    kept->bytes.n = 0;
    return SQLITE_OK;
}

void pythia_resource_json_clear(PythiaResourceJson *kept) {
    pythia_free(kept->texts);
    pythia_buf_clear(&kept->bytes);
    memset(kept, 0, sizeof *kept);
}

static void value_json(PythiaBuf *out, const PythiaValue *value) {
    PythiaText text = {value->of.text, value->n};
    if (value->type == PYTHIA_VALUE_INT)
        pythia_buf_integer(out, value->of.integer);
    else if (value->type == PYTHIA_VALUE_DOUBLE)
        pythia_buf_json_double(out, value->of.real);
    else if (value->type == PYTHIA_VALUE_BOOL)
        pythia_buf_str(out, value->of.integer ? "true" : "false");
    else if (value->type == PYTHIA_VALUE_JSON)
        pythia_buf_text(out, text);
    else
        pythia_buf_json_text(out, text);
}

static void member(PythiaBuf *out, const PythiaNames *names, const PythiaValue *value, int first) {
    if (!first) pythia_buf_byte(out, ',');
    pythia_buf_json_text(out, pythia_names_text(names, value->key));
    pythia_buf_byte(out, ':');
    value_json(out, value);
}

static void insert_text(PythiaBuf *out, size_t at, PythiaText text) {
    size_t end = out->n;
    if (!pythia_buf_room(out, text.n)) return;
    memmove(out->data + at + text.n, out->data + at, end - at);
    memcpy(out->data + at, text.p, text.n);
}

/* The values of a resource beside n of a span, some of which may have the same keys. */
static void resource_members(PythiaBuf *out, const PythiaNames *names, const PythiaValue *values,
                             uint32_t n, const PythiaResourceSet *resource) {
    int first = !n;
    for (uint32_t r = 0; r < resource->n; r++) {
        const PythiaValue *value = &resource->values[r];
        int taken = 0, same = 0;
        for (uint32_t i = 0; i < n; i++)
            if (values[i].key == value->key) {
                taken = 1;
                same |= pythia_values_equal(&values[i], 1, value, 1);
            }
        if (same) continue;
        size_t quote = out->n + (first ? 1 : 2);
        member(out, names, value, first);
        if (taken) insert_text(out, quote, PYTHIA_TEXT("resource."));
        first = 0;
    }
}

static const PythiaResourceText *kept_text(PythiaResourceJson *kept, const PythiaNames *names,
                                           const PythiaResourceSet *resource, uint32_t index) {
    PythiaResourceText *text = &kept->texts[index];
    if (text->made) return text;
    text->begin = kept->bytes.n;
    resource_members(&kept->bytes, names, NULL, 0, resource);
    text->end = kept->bytes.n;
    for (uint32_t r = 0; r < resource->n; r++)
        text->keys |= key_bit(resource->values[r].key);
    text->made = 1;
    return text;
}

void pythia_span_json(PythiaBuf *out, const PythiaNames *names, const PythiaTrace *trace,
                      const PythiaSpan *span, PythiaResourceJson *kept) {
    const PythiaValue *values = trace->values + span->first_value;
    const PythiaResourceSet *resource = &trace->resources[span->resource];
    const uint32_t n = span->nvalues;
    uint64_t keys = 0;
    pythia_buf_byte(out, '{');
    for (uint32_t i = 0; i < n; i++) {
        member(out, names, &values[i], !i);
        keys |= key_bit(values[i].key);
    }
    const PythiaResourceText *text = kept ? kept_text(kept, names, resource, span->resource) : NULL;
    if (!text || (text->keys & keys)) {
        resource_members(out, names, values, n, resource);
    } else if (text->end > text->begin) {
        if (n) pythia_buf_byte(out, ',');
        pythia_buf_bytes(out, kept->bytes.data + text->begin, text->end - text->begin);
    }
    pythia_buf_byte(out, '}');
    if (kept && kept->bytes.rc && !out->rc) out->rc = kept->bytes.rc;
}

void pythia_values_json(PythiaBuf *out, const PythiaNames *names, const PythiaValue *values,
                        uint32_t n) {
    pythia_buf_byte(out, '{');
    for (uint32_t i = 0; i < n; i++)
        member(out, names, &values[i], !i);
    pythia_buf_byte(out, '}');
}
