/* space.c - see space.h: filling a space, and its index.
**
** The index is made by counting: how often each event stands on paths, the sums of these numbers as
** starts, and then the places, path after path, so that they are in order without being sorted. */
#include "ext/search/space.h"

void pythia_space_clear(PythiaSpace *space) {
    pythia_intern_clear(&space->texts);
    pythia_free(space->nodes);
    pythia_free(space->paths);
    pythia_free(space->steps);
    pythia_free(space->starts);
    pythia_free(space->places);
    memset(space, 0, sizeof *space);
}

int pythia_space_add_node(PythiaSpace *space, const PythiaSpaceNode *node) {
    if (space->nnodes >= UINT32_MAX / 8) return SQLITE_FULL;
    int rc = pythia_grow((void **)&space->nodes, &space->nodes_capacity, (size_t)space->nnodes + 2,
                         sizeof *space->nodes);
    if (rc) return rc;
    if (!space->nnodes) memset(space->nodes, 0, sizeof *space->nodes);
    space->nodes[++space->nnodes] = *node;
    return SQLITE_OK;
}

int pythia_space_add_path(PythiaSpace *space, uint32_t type, int64_t count, const uint32_t *steps,
                          uint32_t n) {
    if (n > UINT32_MAX / 2 - space->nsteps) return SQLITE_FULL;
    int rc = pythia_grow((void **)&space->paths, &space->paths_capacity, (size_t)space->npaths + 1,
                         sizeof *space->paths);
    if (!rc)
        rc = pythia_grow((void **)&space->steps, &space->steps_capacity, (size_t)space->nsteps + n,
                         sizeof *space->steps);
    if (rc) return rc;
    space->paths[space->npaths++] = (PythiaSpacePath){type, space->nsteps, n, count};
    if (n) memcpy(space->steps + space->nsteps, steps, n * sizeof *steps);
    space->nsteps += n;
    return SQLITE_OK;
}

static void mark_node(PythiaSpaceNode *node, uint32_t place) {
    if (!node->first || place < node->first) node->first = place;
    if (place > node->last) node->last = place;
}

int pythia_space_index(PythiaSpace *space) {
    size_t events = ((size_t)space->texts.n + 1) << 2;
    pythia_free(space->starts);
    pythia_free(space->places);
    space->starts = pythia_alloc_zero((events + 2) * sizeof *space->starts);
    space->places = pythia_alloc_array((size_t)space->nsteps + 1, sizeof *space->places);
    if (!space->starts || !space->places) return SQLITE_NOMEM;
    /* starts[e + 2] counts e; after the sums starts[e + 1] is where e begins, and after the places are
    ** filled in, which moves it on, where e ends. */
    for (uint32_t i = 0; i < space->nsteps; i++)
        space->starts[pythia_space_event(space, space->steps[i]) + 2]++;
    for (size_t e = 2; e < events + 2; e++)
        space->starts[e] += space->starts[e - 1];
    for (uint32_t p = 0; p < space->npaths; p++)
        for (uint32_t i = 0; i < space->paths[p].n; i++) {
            uint32_t step = space->steps[space->paths[p].first + i];
            uint32_t *next = &space->starts[pythia_space_event(space, step) + 1];
            space->places[(*next)++] = (PythiaSpacePlace){p, i};
            mark_node(&space->nodes[step >> 2], i + 1);
        }
    return SQLITE_OK;
}
