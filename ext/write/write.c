/* write.c - the table of formats, and what is the same for all of them (write.h). */
#include "ext/write/formats.h"

enum { HANDED_ON_BYTES = 64 * 1024 };

static const PythiaExportFormat *const formats[] = {
    &pythia_export_chrome, &pythia_export_dot,  &pythia_export_folded,
    &pythia_export_jaeger, &pythia_export_otlp,
};

const PythiaExportFormat *pythia_export_format(const char *name) {
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (sqlite3_stricmp(formats[i]->name, name) == 0) return formats[i];
    return NULL;
}

const char *pythia_export_formats(void) {
    return "chrome, dot, folded, jaeger, otlp";
}

/* Hands on all but the last `keep` bytes: whether a comma is due is told from the last one. */
static int hand_on(PythiaExport *export, size_t least, size_t keep, char **error) {
    PythiaBuf *out = &export->out;
    if (out->rc || out->n < least) return out->rc;
    size_t n = out->n - keep;
    int rc = pythia_output_write(export->output, out->data, n, error);
    memmove(out->data, out->data + n, keep);
    out->n = keep;
    return rc;
}

int pythia_export_step(PythiaExport *export, char **error) {
    int rc = hand_on(export, HANDED_ON_BYTES, 1, error);
    return rc ? rc : pythia_poll(export->poll);
}

int pythia_export_begin(PythiaExport *export, const PythiaExportFormat *format,
                        PythiaOutput *output, PythiaPoll *poll, int64_t epoch_ns, char **error) {
    *export =
        (PythiaExport){.format = format, .output = output, .poll = poll, .epoch_ns = epoch_ns};
    if (format->state_bytes) {
        export->state = pythia_alloc_zero(format->state_bytes);
        if (!export->state) return SQLITE_NOMEM;
    }
    return format->begin ? format->begin(export, error) : SQLITE_OK;
}

int pythia_export_trace(PythiaExport *export, const PythiaExportTrace *trace, char **error) {
    int rc = export->format->trace(export, trace, error);
    if (!rc) rc = pythia_export_step(export, error);
    export->traces++;
    return rc;
}

int pythia_export_end(PythiaExport *export, char **error) {
    int rc = export->format->end ? export->format->end(export, error) : SQLITE_OK;
    return rc ? rc : hand_on(export, 1, 0, error);
}

void pythia_export_close(PythiaExport *export) {
    if (export->state && export->format->release) export->format->release(export->state);
    pythia_free(export->state);
    pythia_buf_clear(&export->out);
    memset(export, 0, sizeof *export);
}
