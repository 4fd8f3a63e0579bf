/* candidates.h - which trace points could say more about a stretch of a request.
**
** The candidates of a stretch are the trace points whose events lie strictly between its two ends on the
** matching paths of the search space, and which may be switched on. They are found in this order:
**
**   PATH  paths that contain the whole path of the request (pythia_space_match());
**   EDGE  none does: paths that contain the two ends of the stretch in order;
**   TREE  nor these: what lies below the innermost node of the stretch in the calling-context tree.
**
** Figures of a candidate come from the most frequent matching path that has it. */
#ifndef PYTHIA_SEARCH_CANDIDATES_H
#define PYTHIA_SEARCH_CANDIDATES_H

#include "ext/search/match.h"

enum { PYTHIA_FOUND_NOTHING = 0, PYTHIA_FOUND_PATH, PYTHIA_FOUND_EDGE, PYTHIA_FOUND_TREE };

typedef struct PythiaCandidate {
    uint32_t node;    /* the outermost of its nodes in the stretch, the first of these */
    uint32_t level;   /* depth below the innermost span around the stretch: 1 for its children */
    uint32_t place;   /* of its first event among the events of candidates in the stretch, from 1 */
    uint32_t events;  /* how many events of it lie in the stretch */
    uint32_t largest; /* if it were on: the most events of other candidates left in one piece */
    double weight;    /* the fraction of the matching requests whose path has it */
    double covariance; /* for the caller: what it shares with other edges, as a fraction */
} PythiaCandidate;

typedef struct PythiaCandidates {
    PythiaCandidate *list; /* by place; those of rarer paths behind */
    uint32_t n;
    size_t capacity;
    uint32_t total; /* events of candidates in the stretch, on the most frequent path */
    uint32_t
        around; /* the innermost node that the stretch lies in; 0: not known, or outside roots */
    uint32_t matched; /* paths that matched */
    int found;        /* PYTHIA_FOUND_* */
} PythiaCandidates;

/* closed[text]: the trace point is on already, or not to be switched. A zeroed PythiaCandidates, or one
** that was filled before. SQLITE_OK, NOMEM or INTERRUPT. */
int pythia_candidates_find(const PythiaSpace *space, const PythiaStretch *stretch,
                           const unsigned char *closed, PythiaPoll *poll, PythiaCandidates *out);
void pythia_candidates_clear(PythiaCandidates *candidates);

#endif
