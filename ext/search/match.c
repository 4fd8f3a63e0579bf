/* match.c - see match.h. */
#include "ext/search/match.h"

void pythia_space_paths_of(const PythiaSpace *space, uint32_t type, uint32_t *first,
                           uint32_t *end) {
    /* Paths are ordered by the names of their types; those of one type lie together. */
    uint32_t p = 0;
    while (p < space->npaths && space->paths[p].type != type)
        p++;
    *first = p;
    while (p < space->npaths && space->paths[p].type == type)
        p++;
    *end = p;
}

/* Places of an event. */
typedef struct Places {
    const PythiaSpacePlace *p;
    uint32_t n;
} Places;

static Places places_of(const PythiaSpace *space, uint32_t event) {
    uint32_t first = space->starts[event], end = space->starts[event + 1];
    return (Places){space->places + first, end - first};
}

/* The index of the first place at or behind (path, place). */
static uint32_t places_seek(Places places, uint32_t path, uint32_t place) {
    uint32_t low = 0, high = places.n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const PythiaSpacePlace *at = &places.p[middle];
        if (at->path < path || (at->path == path && at->place < place))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Finds the events 0 .. edge as early as possible; *from: where the last of them stands. */
static int embed_before(const PythiaSpace *space, const PythiaStretch *s, uint32_t path,
                        uint32_t *from) {
    uint32_t next = 0;
    for (uint32_t i = 0; i <= s->edge; i++) {
        if (!s->events[i]) continue;
        Places places = places_of(space, s->events[i]);
        uint32_t at = places_seek(places, path, next);
        if (at == places.n || places.p[at].path != path) return 0;
        *from = places.p[at].place;
        next = *from + 1;
    }
    return 1;
}

/* Finds the events edge + 1 .. n - 1 as late as possible; *to: where the first of them stands. */
static int embed_behind(const PythiaSpace *space, const PythiaStretch *s, uint32_t path,
                        uint32_t *to) {
    uint32_t limit = space->paths[path].n;
    for (uint32_t i = s->n - 1; i > s->edge; i--) {
        if (!s->events[i]) continue;
        Places places = places_of(space, s->events[i]);
        uint32_t at = places_seek(places, path, limit);
        if (!at || places.p[at - 1].path != path) return 0;
        *to = limit = places.p[at - 1].place;
    }
    return 1;
}

/* The places, within the paths of the type, of the event that has the fewest. */
static Places rarest(const PythiaSpace *space, const PythiaStretch *s, uint32_t first,
                     uint32_t end) {
    Places best = {space->places, UINT32_MAX};
    for (uint32_t i = 0; i < s->n; i++) {
        if (!s->events[i]) continue;
        Places places = places_of(space, s->events[i]);
        uint32_t low = places_seek(places, first, 0), high = places_seek(places, end, 0);
        if (high - low < best.n) best = (Places){places.p + low, high - low};
    }
    return best;
}

int pythia_space_match(const PythiaSpace *space, const PythiaStretch *s, PythiaPoll *poll,
                       PythiaStretchMatch each, void *context) {
    uint32_t first, end, last = UINT32_MAX;
    if (s->n < 2 || s->edge + 1 >= s->n || !s->events[s->edge] || !s->events[s->edge + 1])
        return SQLITE_OK;
    pythia_space_paths_of(space, s->type, &first, &end);
    if (first == end) return SQLITE_OK;
    Places places = rarest(space, s, first, end);
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < places.n; i++) {
        uint32_t path = places.p[i].path, from = 0, to = 0;
        if (path == last) continue;
        last = path;
        rc = pythia_poll(poll);
        if (!rc && embed_before(space, s, path, &from) && embed_behind(space, s, path, &to) &&
            from < to)
            rc = each(context, path, from, to);
    }
    return rc;
}
