/* select.h - sets of traces, named by their places in the store.
**
** The places are found before anything is done with the traces: so a query may give a trace as often as it
** likes, and what it does itself cannot come between. They hold as long as the store is not changed. */
#ifndef PYTHIA_CAPTURE_SELECT_H
#define PYTHIA_CAPTURE_SELECT_H

#include "ext/capture/capture.h"

typedef struct PythiaTracePlace {
    int64_t segment;
    uint32_t ordinal;
} PythiaTracePlace;

/* In order of the store, each once. A zeroed one is empty. */
typedef struct PythiaSelection {
    PythiaTracePlace *places;
    size_t n, capacity;
} PythiaSelection;

/* Appends all live traces. */
int pythia_selection_all(PythiaSelection *list, PythiaCapture *capture, PythiaPoll *poll,
                         char **error);
/* Appends the traces whose ids a SELECT gives in its first column. It must be one statement that only reads;
** NULLs are passed over; an id that no trace has is an error. Messages begin with `who`. */
int pythia_selection_query(PythiaSelection *list, PythiaSession *session, sqlite3 *db,
                           const char *schema, const char *who, const char *sql, char **error);
void pythia_selection_clear(PythiaSelection *list);

#endif
