/* points.h - a condition on trace points, with the answer for each.
**
** Filters come again and again with the same condition (joins), and there are few trace points beside the
** events that have them: so the answers are found once and kept. */
#ifndef PYTHIA_VTAB_POINTS_H
#define PYTHIA_VTAB_POINTS_H

#include "ext/trace/names.h"
#include "vtab/vtab.h"

/* A zeroed one admits everything. */
typedef struct PythiaPoints {
    int given;
    int equal, glob; /* the ways to satisfy it; both: either will do */
    char *text;      /* owned, with size */
    size_t n;
    const PythiaNames *names; /* for which `yes` is right */
    unsigned char *yes;       /* [trace point] */
    uint32_t known;           /* of these trace points the answer is in `yes` */
    size_t capacity;
} PythiaPoints;

/* Takes over the value of `bound` (NULL: no condition), to be met by being equal or by matching it as a GLOB
** (where both will do, the value may be several of them, a line each),
** and finds the answers for the names (NULL: later). Raises *version (may be NULL) where anything is
** different from what it was. SQLITE_OK or NOMEM. */
int pythia_points_set(PythiaPoints *points, const PythiaBound *bound, int equal, int glob,
                      const PythiaNames *names, unsigned *version);
void pythia_points_clear(PythiaPoints *points);

static inline int pythia_points_admit(const PythiaPoints *points, uint32_t tracepoint) {
    return !points->given || (tracepoint < points->known && points->yes[tracepoint]);
}

#endif
