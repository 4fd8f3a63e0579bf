/* write.h - writing traces to files of other tools: the one entry to this room.
**
** An export is begun, given trace after trace, and ended. Text is handed to the output whenever there is
** enough of it, so that memory does not grow with the number of traces. A format is a PythiaExportFormat:
** one file, and its line in write.c.
**
** Whatever a format has no place for is either put where its readers look for such things (an attribute) or
** left out; the opening comment of each format says which. */
#ifndef PYTHIA_WRITE_WRITE_H
#define PYTHIA_WRITE_WRITE_H

#include "ext/base/buf.h"
#include "ext/base/error.h"
#include "ext/base/poll.h"
#include "ext/trace/path.h"
#include "ext/write/output.h"

/* What a format is given of a trace. */
typedef struct PythiaExportTrace {
    const PythiaTrace *trace; /* with values, where the format asks for them */
    const PythiaNames *names;
    const PythiaModel *model;
    const PythiaRequest *request; /* these two where the format asks for the analysis, else NULL */
    const PythiaPath *path;
} PythiaExportTrace;

typedef struct PythiaExport PythiaExport;

typedef struct PythiaExportFormat {
    const char *name;
    int values;  /* needs attributes */
    int analyse; /* needs request and critical path */
    /* Each is optional but `trace`. SQLITE_OK, or what stops the export, with a message where a text helps;
    ** what is wrong with export->out need not be looked at. */
    int (*begin)(PythiaExport *export, char **error);
    int (*trace)(PythiaExport *export, const PythiaExportTrace *trace, char **error);
    int (*end)(PythiaExport *export, char **error);
    size_t state_bytes; /* of export->state, which starts zeroed */
    void (*release)(void *state);
} PythiaExportFormat;

struct PythiaExport {
    const PythiaExportFormat *format;
    PythiaOutput *output; /* borrowed */
    PythiaBuf out;        /* text that the output has not got yet */
    PythiaPoll *poll;     /* borrowed */
    int64_t epoch_ns;     /* not later than any span: where formats with relative times begin */
    int64_t traces;       /* written so far */
    void *state;
};

/* NULL: no such format. */
const PythiaExportFormat *pythia_export_format(const char *name);
/* All names, separated by ", ", for messages. */
const char *pythia_export_formats(void);

/* The output and the poll are borrowed until the close, which is due whatever the result. */
int pythia_export_begin(PythiaExport *export, const PythiaExportFormat *format,
                        PythiaOutput *output, PythiaPoll *poll, int64_t epoch_ns, char **error);
int pythia_export_trace(PythiaExport *export, const PythiaExportTrace *trace, char **error);
/* Completes the text. The output is the caller's to finish. */
int pythia_export_end(PythiaExport *export, char **error);
void pythia_export_close(PythiaExport *export);

/* For the formats, in loops over what may be many: hands text on when there is enough, and polls. */
int pythia_export_step(PythiaExport *export, char **error);

#endif
