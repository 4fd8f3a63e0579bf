/* appended.h - the ids of the traces that an intake appended since the store was flushed last: they cannot be found
** in the store yet.
**
** Hashes in open addressing stand for the ids. Two ids of one hash are taken for the same, which may cost a flush too
** many, and nothing else. */
#ifndef PYTHIA_CAPTURE_APPENDED_H
#define PYTHIA_CAPTURE_APPENDED_H

#include "ext/trace/id.h"

enum { PYTHIA_APPENDED_MOST = 1 << 18 }; /* when there are so many, it is time for a flush */

typedef struct PythiaAppended {
    uint64_t *slots; /* 0: empty */
    uint32_t mask, n;
} PythiaAppended;

/* A zeroed PythiaAppended is empty. */
int pythia_appended_has(const PythiaAppended *appended, PythiaId id);
/* Says that one of the others will be asked about the id soon. */
void pythia_appended_expect(const PythiaAppended *appended, PythiaId id);
/* SQLITE_OK or NOMEM. */
int pythia_appended_add(PythiaAppended *appended, PythiaId id);
void pythia_appended_clear(PythiaAppended *appended);

#endif
