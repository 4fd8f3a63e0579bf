/* same.h - many spans under one id: which of them is meant, without looking at each.
**
** Ids are all but unique, and the builder walks over the few spans that share one. Input may be otherwise: 10,000
** spans with one id are 50,000,000 pairs. So from the PYTHIA_SAME_FEW-th on, spans of one id go into a table under
** hashes of what is asked of them: their contents, their kind and service, which half of a span they are. A hash
** only proposes: whoever asks compares. Entries of one hash are kept in order of arrival; a span that changed is
** entered again, and what it was before no longer compares equal. */
#ifndef PYTHIA_TRACE_SAME_H
#define PYTHIA_TRACE_SAME_H

#include "ext/trace/trace.h"

#ifdef PYTHIA_TEST
enum { PYTHIA_SAME_FEW = 4 };
#else
enum { PYTHIA_SAME_FEW = 32 };
#endif

/* What a hash is of, besides the id. */
enum {
    PYTHIA_SAME_CONTENTS = 1, /* all that makes two spans equal */
    PYTHIA_SAME_HALF,         /* the half that is missing */
    PYTHIA_SAME_IDENTITY,     /* kind and service */
    PYTHIA_SAME_SERVICE,
    PYTHIA_SAME_KIND
};

typedef struct PythiaSameEntry {
    uint64_t hash;
    uint32_t span;
    uint32_t next; /* of the same hash, index + 1; 0: none */
    uint32_t last; /* of the first entry of a hash: the last one, index + 1 */
} PythiaSameEntry;

/* A zeroed one is empty. */
typedef struct PythiaSame {
    PythiaSameEntry *entries;
    size_t capacity;
    uint32_t n;
    uint32_t *slots, mask; /* first entry of a hash, index + 1; 0 empty */
} PythiaSame;

void pythia_same_clear(PythiaSame *same);
uint64_t pythia_same_hash(PythiaId id, int what, uint64_t value);
/* The hash of PYTHIA_SAME_CONTENTS. */
uint64_t pythia_same_contents(const PythiaTrace *trace, const PythiaSpan *span, uint32_t service);
/* The first entry under a hash, or NULL, and the one after an entry. */
const PythiaSameEntry *pythia_same_first(const PythiaSame *same, uint64_t hash);
static inline const PythiaSameEntry *pythia_same_next(const PythiaSame *same,
                                                      const PythiaSameEntry *entry) {
    return entry->next ? &same->entries[entry->next - 1] : NULL;
}
/* Takes the first entry under a hash out and returns the next one; the last one stays, and NULL is returned. */
const PythiaSameEntry *pythia_same_pass(PythiaSame *same, uint64_t hash);
/* Enters a span under a hash, behind the others. Entries move. */
int pythia_same_add(PythiaSame *same, uint64_t hash, uint32_t span);

#endif
