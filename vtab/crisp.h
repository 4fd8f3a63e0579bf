/* crisp.h - the cursor of the tables that show the path by the rules of CRISP: pythia_critical_path in that mode,
** and pythia_slack. It adds to a PythiaTraceCursor the choice of the root and the result for one trace. */
#ifndef PYTHIA_VTAB_CRISP_H
#define PYTHIA_VTAB_CRISP_H

#include "ext/trace/crisp.h"
#include "vtab/scan.h"

typedef struct PythiaCrispCursor {
    PythiaTraceCursor t; /* must be first */
    PythiaCrisp crisp;
    int by_name; /* the root is the first span of the trace point with this name */
    char *root;
    size_t root_bytes;
} PythiaCrispCursor;

/* Takes over the bound argument `root`, or NULL. */
int pythia_crisp_cursor_root(PythiaCrispCursor *cursor, const PythiaBound *root);
/* Fills cursor->crisp for the trace that is loaded. *found 0: it has no such root. */
int pythia_crisp_cursor_walk(PythiaCrispCursor *cursor, int *found);
void pythia_crisp_cursor_release(PythiaCursor *cursor);

#endif
