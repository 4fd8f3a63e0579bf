/* match.h - finding a request that was traced in part among the paths of the search space.
**
** With some trace points off, the critical path of a request is a part of what it would be with all on:
** an ordered subsequence. So the stored paths that contain its events in order say what may lie between
** any two of them. They are found on the index: the event that stands on the fewest paths gives the
** paths to look at, and on each of these every further event is a binary search. */
#ifndef PYTHIA_SEARCH_MATCH_H
#define PYTHIA_SEARCH_MATCH_H

#include "ext/search/space.h"

/* A question: the events of a path, and the edge of it that is of interest. */
typedef struct PythiaStretch {
    uint32_t type;          /* text */
    const uint32_t *events; /* point << 2 | phase; 0 where the trace point is not in the space */
    uint32_t n;
    uint32_t edge; /* from events[edge] to events[edge + 1] */
} PythiaStretch;

/* The range of paths of a request type: [*first, *end). */
void pythia_space_paths_of(const PythiaSpace *space, uint32_t type, uint32_t *first, uint32_t *end);

/* Calls `each` for every path that contains the events in order, by number, with the places (from 0) of
** the two ends of the edge: the source as early and the destination as late as the other events allow.
** Unknown events are left out; both ends must be known and n at least 2, or nothing matches. A non-zero
** return ends the search and is returned. */
typedef int (*PythiaStretchMatch)(void *context, uint32_t path, uint32_t from, uint32_t to);
int pythia_space_match(const PythiaSpace *space, const PythiaStretch *stretch, PythiaPoll *poll,
                       PythiaStretchMatch each, void *context);

#endif
