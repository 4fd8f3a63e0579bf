/* import.h - from files to traces: one call, one transaction. */
#ifndef PYTHIA_CAPTURE_IMPORT_H
#define PYTHIA_CAPTURE_IMPORT_H

#include "ext/capture/capture.h"
#include "ext/trace/record.h"

typedef struct PythiaImportOptions {
    const char *schema; /* NULL: main */
    const char *format; /* a name, or NULL: told from the content */
    int threads; /* 1: read on the calling thread alone; 0: 2, of which one reads large files */
    int follow;  /* files that may still grow: read on where the last such import came to */
    int show_progress; /* draw a line on standard error while it goes on */
} PythiaImportOptions;

/* Reads the files that `path` names (a file, a glob, "-") into the store of a schema, which is made if
** there is none. All of it or nothing: on any failure the database is as it was. A file whose content is
** of no known format is a failure when it is the only file, else a problem. A row of pythia_imports for
** each file; a row of pythia_problems for each record that could not be used. `stats` sums over the files.
** When following, a file in which nothing new is complete has no row, and is no failure.
**
** Must not be called inside a writing statement. Interruption rolls back, a BEGIN of the user's included. */
int pythia_import_path(PythiaSession *session, sqlite3 *db, const char *path,
                       const PythiaImportOptions *options, PythiaImportStats *stats, char **error);

/* Takes in records that are not in files: `give` hands them to the sink, as a format reader does, with
** serials of resources from *serial on. All of it or nothing, as above. Problems name `name` as their file. */
typedef int (*PythiaRecordsGive)(void *context, PythiaCapture *capture, const PythiaSink *sink,
                                 uint64_t *serial, char **error);
int pythia_import_records(PythiaSession *session, sqlite3 *db, const char *schema, const char *name,
                          PythiaRecordsGive give, void *context, PythiaImportStats *stats,
                          char **error);

#endif
