/* parts.c - see formats.h. */
#include "ext/write/formats.h"

#include <math.h>

static const PythiaTracepoint *tracepoint_of(const PythiaExportTrace *t, uint32_t tracepoint) {
    static const PythiaTracepoint none = {0};
    return tracepoint && tracepoint <= t->names->ntracepoints ? &t->names->tracepoints[tracepoint]
                                                              : &none;
}

PythiaText pythia_write_service(const PythiaExportTrace *t, const PythiaSpan *span) {
    return pythia_names_text(t->names, tracepoint_of(t, span->tracepoint)->service);
}

PythiaText pythia_write_instance(const PythiaExportTrace *t, const PythiaSpan *span) {
    return pythia_names_text(t->names, span->instance);
}

int pythia_write_is_raw_name(const PythiaExportTrace *t, const PythiaValue *value) {
    return value->type == PYTHIA_VALUE_TEXT &&
           PYTHIA_TEXT_IS(pythia_write_key(t, value), "raw_name");
}

PythiaText pythia_write_operation(const PythiaExportTrace *t, const PythiaSpan *span) {
    const PythiaValue *values = pythia_write_values(t, span->first_value, span->nvalues);
    PythiaText raw = pythia_write_find(t, values, span->nvalues, PYTHIA_TEXT("raw_name"));
    return raw.n ? raw : pythia_names_text(t->names, tracepoint_of(t, span->tracepoint)->operation);
}

PythiaText pythia_write_point_name(const PythiaExportTrace *t, const PythiaPoint *point) {
    return pythia_names_text(t->names, tracepoint_of(t, point->tracepoint)->point);
}

PythiaText pythia_write_find(const PythiaExportTrace *t, const PythiaValue *values, uint32_t n,
                             PythiaText key) {
    for (uint32_t i = 0; i < n; i++)
        if (values[i].type == PYTHIA_VALUE_TEXT &&
            pythia_text_equal(pythia_write_key(t, &values[i]), key))
            return pythia_write_text(&values[i]);
    return (PythiaText){"", 0};
}

/* ---- JSON ---- */

void pythia_write_id(PythiaBuf *out, const PythiaNames *names, PythiaId id) {
    char digits[PYTHIA_ID_CHARS];
    pythia_buf_json_text(out, pythia_names_id_text(names, id, digits));
}

void pythia_write_comma(PythiaBuf *out) {
    if (out->n && !strchr("[{(:\n", out->data[out->n - 1])) pythia_buf_byte(out, ',');
}

void pythia_write_member(PythiaBuf *out, const char *key) {
    pythia_write_comma(out);
    pythia_buf_byte(out, '"');
    pythia_buf_str(out, key);
    pythia_buf_str(out, "\":");
}

void pythia_write_double(PythiaBuf *out, double value) {
    if (isnan(value))
        pythia_buf_str(out, "\"NaN\"");
    else if (isinf(value))
        pythia_buf_str(out, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else
        pythia_buf_json_double(out, value);
}

void pythia_write_us(PythiaBuf *out, int64_t ns) {
    uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
    if (ns < 0) pythia_buf_byte(out, '-');
    pythia_buf_format(out, "%llu", (unsigned long long)(size / 1000));
    if (size % 1000) pythia_buf_format(out, ".%03d", (int)(size % 1000));
}

/* The depth to which a document is nested. */
static size_t json_depth(const PythiaJson *j) {
    size_t depth = 0, deepest = 0;
    uint32_t end = pythia_json_behind(j, 1);
    for (uint32_t at = 1; at < end;) {
        unsigned type = pythia_json_type(j, at);
        if (type == '{' || type == '[') {
            if (++depth > deepest) deepest = depth;
            at++;
        } else if (type == '}' || type == ']') {
            depth--;
            at++;
        } else {
            at = pythia_json_behind(j, at);
        }
    }
    return deepest;
}

int pythia_write_json_open(PythiaWriteJson *json, PythiaText text, size_t depth, PythiaBuf *out) {
    const char *why;
    json->padded.n = 0;
    pythia_buf_text(&json->padded, text);
    unsigned char *padding = pythia_buf_room(&json->padded, PYTHIA_JSON_PADDING);
    int result = PYTHIA_JSON_NOMEM;
    if (padding) {
        memset(padding, 0, PYTHIA_JSON_PADDING);
        result = pythia_json_parse(&json->json, json->padded.data, text.n, &why);
    }
    if (result == PYTHIA_JSON_NOMEM && !out->rc) out->rc = SQLITE_NOMEM;
    return result == PYTHIA_JSON_OK && json_depth(&json->json) <= depth;
}

void pythia_write_json_clear(PythiaWriteJson *json) {
    pythia_json_clear(&json->json);
    pythia_buf_clear(&json->padded);
}
