/* export.h - from traces to a file: the counterpart of import.h. */
#ifndef PYTHIA_CAPTURE_EXPORT_H
#define PYTHIA_CAPTURE_EXPORT_H

#include "ext/capture/capture.h"

typedef struct PythiaExportOptions {
    const char *schema; /* NULL: main */
    const char *format; /* a name as in pythia_export_formats() */
    const char *query;  /* a SELECT whose first column is ids of traces; NULL: all traces */
} PythiaExportOptions;

/* Writes traces, each once and in order of the store, to a file that is put in its place when it is whole
** (ext/write/output.h). *traces: how many.
**
** The query is run to its end before the file is begun. It must be one statement that only reads; NULLs are
** passed over; an id that no trace has is an error. SQLITE_ERROR, CANTOPEN, IOERR, FULL with a message;
** SQLITE_INTERRUPT. */
int pythia_export_path(PythiaSession *session, sqlite3 *db, const char *path,
                       const PythiaExportOptions *options, int64_t *traces, char **error);

#endif
