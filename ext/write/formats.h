/* formats.h - what the formats of this room share; nobody else includes it. */
#ifndef PYTHIA_WRITE_FORMATS_H
#define PYTHIA_WRITE_FORMATS_H

#include "ext/read/json.h"
#include "ext/write/write.h"

extern const PythiaExportFormat pythia_export_chrome;
extern const PythiaExportFormat pythia_export_dot;
extern const PythiaExportFormat pythia_export_folded;
extern const PythiaExportFormat pythia_export_jaeger;
extern const PythiaExportFormat pythia_export_otlp;

/* ---- parts.c ---- */

/* The trace point of a span as texts. */
PythiaText pythia_write_service(const PythiaExportTrace *t, const PythiaSpan *span);
PythiaText pythia_write_instance(const PythiaExportTrace *t, const PythiaSpan *span);
/* The operation as it was before name rules folded it: the attribute raw_name, where there is one. */
PythiaText pythia_write_operation(const PythiaExportTrace *t, const PythiaSpan *span);
/* Whether a value is that attribute: it must not be written once more. */
int pythia_write_is_raw_name(const PythiaExportTrace *t, const PythiaValue *value);
PythiaText pythia_write_point_name(const PythiaExportTrace *t, const PythiaPoint *point);
/* The values of a span or point or link; NULL for none. */
static inline const PythiaValue *pythia_write_values(const PythiaExportTrace *t, uint32_t first,
                                                     uint32_t n) {
    return n ? t->trace->values + first : NULL;
}
/* The first value of a key that is text; empty when there is none. */
PythiaText pythia_write_find(const PythiaExportTrace *t, const PythiaValue *values, uint32_t n,
                             PythiaText key);
static inline PythiaText pythia_write_key(const PythiaExportTrace *t, const PythiaValue *value) {
    return pythia_names_text(t->names, value->key);
}
static inline PythiaText pythia_write_text(const PythiaValue *value) {
    return (PythiaText){value->of.text, value->n};
}
static inline PythiaText pythia_buf_as_text(const PythiaBuf *buf) {
    return (PythiaText){(const char *)buf->data, buf->n};
}

/* An id as a JSON string; "" for none. */
void pythia_write_id(PythiaBuf *out, const PythiaNames *names, PythiaId id);
/* "key": with a comma before it unless the last byte opens something. */
void pythia_write_member(PythiaBuf *out, const char *key);
/* A comma unless the last byte opens something. */
void pythia_write_comma(PythiaBuf *out);
/* A double as JSON; one that is not finite as the strings "NaN", "Infinity" and "-Infinity". */
void pythia_write_double(PythiaBuf *out, double value);
/* Microseconds with the nanoseconds behind the point; without a point where there are none. */
void pythia_write_us(PythiaBuf *out, int64_t ns);

/* JSON that was stored, taken apart. A zeroed one is ready. */
typedef struct PythiaWriteJson {
    PythiaJson json;
    PythiaBuf padded;
} PythiaWriteJson;
/* 1 and a document (its value at 1), or 0 when the text is none, or is nested deeper than `depth`; out of
** memory is noted in out->rc. */
int pythia_write_json_open(PythiaWriteJson *json, PythiaText text, size_t depth, PythiaBuf *out);
void pythia_write_json_clear(PythiaWriteJson *json);

#endif
