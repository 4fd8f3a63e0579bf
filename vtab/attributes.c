/* attributes.c - pythia_attributes: one row per attribute of a span, those of its resource included.
**
** type is int, double, bool, text, json or bytes (base64). A resource's attribute whose key the span itself
** uses for another value is shown under "resource." and the key. Attributes of points are in the attributes
** column of pythia_events. */
#include "vtab/scan.h"
#include "vtab/tables.h"

enum { COL_TRACE_ID, COL_SPAN_ID, COL_KEY, COL_TYPE, COL_VALUE, COL_N };

static void emit_value(PythiaTraceCursor *c, PythiaRows *rows, PythiaText span_id, PythiaText key,
                       const PythiaValue *value) {
    if (c->has_key && !pythia_text_equal(c->key, key)) return;
    pythia_rows_text(rows, c->trace_id);
    pythia_rows_text(rows, span_id);
    pythia_rows_text(rows, key);
    pythia_rows_str(rows, pythia_value_type_name(value->type));
    if (value->type == PYTHIA_VALUE_INT || value->type == PYTHIA_VALUE_BOOL)
        pythia_rows_int(rows, value->of.integer);
    else if (value->type == PYTHIA_VALUE_DOUBLE)
        pythia_rows_double(rows, value->of.real);
    else
        pythia_rows_text(rows, (PythiaText){value->of.text, value->n});
    pythia_rows_end(rows);
}

/* The values of a resource that the span does not have itself. */
static void emit_resource(PythiaTraceCursor *c, PythiaRows *rows, PythiaText span_id,
                          const PythiaSpan *span) {
    const PythiaNames *names = pythia_capture_names(c->scan.capture);
    const PythiaResourceSet *set = &c->trace.resources[span->resource];
    const PythiaValue *own = c->trace.values + span->first_value;
    for (uint32_t r = 0; r < set->n; r++) {
        int taken = 0, same = 0;
        for (uint32_t i = 0; i < span->nvalues; i++)
            if (own[i].key == set->values[r].key) {
                taken = 1;
                same |= pythia_values_equal(&own[i], 1, &set->values[r], 1);
            }
        if (same) continue;
        PythiaText key = pythia_names_text(names, set->values[r].key);
        PythiaBuf longer = {0};
        if (taken) {
            pythia_buf_str(&longer, "resource.");
            pythia_buf_text(&longer, key);
            if (longer.rc && !rows->rc) rows->rc = longer.rc;
            key = (PythiaText){(const char *)longer.data, longer.n};
        }
        emit_value(c, rows, span_id, key, &set->values[r]);
        pythia_buf_clear(&longer);
    }
}

static int attributes_emit(PythiaTraceCursor *c, PythiaRows *rows) {
    const PythiaNames *names = pythia_capture_names(c->scan.capture);
    char buffer[PYTHIA_ID_CHARS];
    for (uint32_t i = 0; i < c->trace.nspans && !rows->rc; i++) {
        const PythiaSpan *span = &c->trace.spans[i];
        PythiaText id = pythia_names_id_text(names, span->id, buffer);
        for (uint32_t v = 0; v < span->nvalues; v++) {
            const PythiaValue *value = &c->trace.values[span->first_value + v];
            emit_value(c, rows, id, pythia_names_text(names, value->key), value);
        }
        emit_resource(c, rows, id, span);
    }
    return SQLITE_OK;
}

static void attributes_forget_key(PythiaTraceCursor *c) {
    pythia_free((void *)(uintptr_t)c->key.p);
    c->key = (PythiaText){NULL, 0};
}

static int attributes_filter(PythiaCursor *cursor, const PythiaBound *bounds, int n,
                             uint64_t used) {
    static const PythiaTraceTable table = {1, 0, attributes_emit};
    PythiaTraceCursor *c = (PythiaTraceCursor *)cursor;
    const PythiaBound *key = pythia_bound(bounds, n, COL_KEY, PYTHIA_EQ);
    (void)used;
    pythia_trace_rows_release(cursor);
    attributes_forget_key(c);
    c->has_key = key != NULL;
    if (key) { /* the bound value does not live as long as the scan */
        PythiaText text = pythia_value_text(key->value);
        char *copy = pythia_alloc(text.n);
        if (!copy) return SQLITE_NOMEM;
        if (text.n) memcpy(copy, text.p, text.n);
        c->key = (PythiaText){copy, text.n};
    }
    return pythia_trace_rows_filter(c, &table, pythia_bound(bounds, n, COL_TRACE_ID, PYTHIA_EQ));
}

static void attributes_release(PythiaCursor *cursor) {
    PythiaTraceCursor *c = (PythiaTraceCursor *)cursor;
    attributes_forget_key(c);
    pythia_trace_rows_release(cursor);
}

static const PythiaUse attributes_uses[] = {{COL_TRACE_ID, PYTHIA_EQ, 0, 0.0001},
                                            {COL_KEY, PYTHIA_EQ, 0, 0.05}};

const PythiaTable pythia_table_attributes = {
    .name = "pythia_attributes",
    .columns = "trace_id TEXT, span_id TEXT, key TEXT, type TEXT, value",
    .nvisible = COL_N,
    .uses = attributes_uses,
    .nuses = 2,
    .rows = 5e6,
    .cursor_bytes = sizeof(PythiaTraceCursor),
    .filter = attributes_filter,
    .next = pythia_trace_rows_next,
    .eof = pythia_trace_rows_eof,
    .column = pythia_trace_rows_column,
    .rowid = pythia_trace_rows_rowid,
    .release = attributes_release,
};
