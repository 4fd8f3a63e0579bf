/* candidates.c - see candidates.h. */
#include "ext/search/candidates.h"

#include <stdlib.h>

enum { PATHS_LOOKED_AT = 64 }; /* of those that match, the most frequent */

typedef struct Match {
    uint32_t path, from, to;
    int64_t count;
} Match;

typedef struct Find {
    const PythiaSpace *space;
    const unsigned char *closed;
    PythiaPoll *poll;
    PythiaCandidates *out;
    Match *matches;
    uint32_t nmatches;
    size_t matches_capacity;
    uint32_t *events; /* steps of the stretch that belong to candidates */
    uint32_t nevents;
    size_t events_capacity;
    uint32_t *slot; /* [text]: its place in out->list + 1; 0: not there */
    uint32_t base;  /* depth of the span around */
    int64_t total;  /* requests on matching paths */
} Find;

void pythia_candidates_clear(PythiaCandidates *c) {
    pythia_free(c->list);
    memset(c, 0, sizeof *c);
}

static int see_match(void *context, uint32_t path, uint32_t from, uint32_t to) {
    Find *f = context;
    int rc = pythia_grow((void **)&f->matches, &f->matches_capacity, (size_t)f->nmatches + 1,
                         sizeof *f->matches);
    if (!rc) f->matches[f->nmatches++] = (Match){path, from, to, f->space->paths[path].count};
    return rc;
}

static int match_compare(const void *a, const void *b) {
    const Match *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return x->path < y->path ? -1 : x->path > y->path;
}

/* ---- the span around ------------------------------------------------------------------------------------ */

/* The node that is open right behind a step. */
static uint32_t open_behind(const PythiaSpace *space, uint32_t step) {
    return (step & 3) == PYTHIA_PHASE_START ? step >> 2 : space->nodes[step >> 2].parent;
}

/* The node that is open right before a step. */
static uint32_t open_before(const PythiaSpace *space, uint32_t step) {
    return (step & 3) == PYTHIA_PHASE_END ? step >> 2 : space->nodes[step >> 2].parent;
}

static uint32_t common_ancestor(const PythiaSpace *space, uint32_t a, uint32_t b) {
    while (a != b) {
        if (a > b)
            a = space->nodes[a].parent; /* parents have smaller numbers */
        else
            b = space->nodes[b].parent;
    }
    return a;
}

/* ---- one stretch ---------------------------------------------------------------------------------------- */

static int event_add(Find *f, uint32_t step) {
    if (f->closed[f->space->nodes[step >> 2].point]) return SQLITE_OK;
    int rc = pythia_grow((void **)&f->events, &f->events_capacity, (size_t)f->nevents + 1,
                         sizeof *f->events);
    if (!rc) f->events[f->nevents++] = step;
    return rc;
}

/* Finds or makes the candidate of a step's trace point; *made: it is new. */
static int candidate_get(Find *f, uint32_t step, uint32_t *index, int *made) {
    uint32_t node = step >> 2, point = f->space->nodes[node].point;
    PythiaCandidates *out = f->out;
    *made = !f->slot[point];
    if (*made) {
        int rc =
            pythia_grow((void **)&out->list, &out->capacity, (size_t)out->n + 1, sizeof *out->list);
        if (rc) return rc;
        out->list[out->n] = (PythiaCandidate){.node = node};
        f->slot[point] = ++out->n;
    }
    *index = f->slot[point] - 1;
    return SQLITE_OK;
}

/* Completes a candidate that is new: goes over the stretch once. */
static void candidate_measure(Find *f, PythiaCandidate *c) {
    const PythiaSpaceNode *nodes = f->space->nodes;
    uint32_t point = nodes[c->node].point, piece = 0;
    for (uint32_t i = 0; i < f->nevents; i++) {
        uint32_t node = f->events[i] >> 2;
        if (nodes[node].point != point) {
            if (++piece > c->largest) c->largest = piece;
            continue;
        }
        piece = 0;
        if (!c->events++) c->place = i + 1;
        if (nodes[node].depth < nodes[c->node].depth) c->node = node;
    }
    uint32_t depth = nodes[c->node].depth;
    c->level = f->out->around ? (depth > f->base ? depth - f->base : 1) : depth + 1;
}

/* Takes the candidates of the events that were collected. */
static int stretch_take(Find *f, int64_t count) {
    for (uint32_t i = 0; i < f->nevents; i++) {
        uint32_t index;
        int made;
        int rc = candidate_get(f, f->events[i], &index, &made);
        if (rc) return rc;
        if (made) candidate_measure(f, &f->out->list[index]);
        rc = pythia_poll(f->poll);
        if (rc) return rc;
    }
    /* Each once, however often it stands there. */
    for (uint32_t i = 0; i < f->nevents; i++) {
        uint32_t point = f->space->nodes[f->events[i] >> 2].point;
        PythiaCandidate *c = &f->out->list[f->slot[point] - 1];
        int first = 1;
        for (uint32_t k = 0; k < i && first; k++)
            first = f->space->nodes[f->events[k] >> 2].point != point;
        if (first) c->weight += (double)count / (double)f->total;
    }
    return SQLITE_OK;
}

static int take_paths(Find *f) {
    const PythiaSpace *space = f->space;
    qsort(f->matches, f->nmatches, sizeof *f->matches, match_compare);
    if (f->nmatches > PATHS_LOOKED_AT) f->nmatches = PATHS_LOOKED_AT;
    for (uint32_t m = 0; m < f->nmatches; m++)
        f->total += f->matches[m].count;
    for (uint32_t m = 0; m < f->nmatches; m++) {
        const Match *match = &f->matches[m];
        const uint32_t *steps = space->steps + space->paths[match->path].first;
        if (!m) {
            f->out->around = common_ancestor(space, open_behind(space, steps[match->from]),
                                             open_before(space, steps[match->to]));
            f->base = f->out->around ? space->nodes[f->out->around].depth : 0;
        }
        f->nevents = 0;
        int rc = SQLITE_OK;
        for (uint32_t i = match->from + 1; !rc && i < match->to; i++)
            rc = event_add(f, steps[i]);
        if (!m) f->out->total = f->nevents;
        if (!rc) rc = stretch_take(f, match->count);
        if (rc) return rc;
    }
    return SQLITE_OK;
}

/* ---- the tree ------------------------------------------------------------------------------------------- */

/* The node that an event stands for: of its trace point and type, the most frequent. 0: none. */
static uint32_t node_of(const PythiaSpace *space, uint32_t type, uint32_t event) {
    uint32_t best = 0;
    for (uint32_t i = 1; event && i <= space->nnodes; i++) {
        const PythiaSpaceNode *node = &space->nodes[i];
        if (node->type == type && node->point == event >> 2 &&
            (!best || node->count > space->nodes[best].count))
            best = i;
    }
    return best ? best << 2 | (event & 3) : 0;
}

/* The events below a node, as if its children ran one after the other. around 0: of the whole type. */
static int tree_events(Find *f, uint32_t type, uint32_t around) {
    const PythiaSpaceNode *nodes = f->space->nodes;
    uint32_t n = f->space->nnodes, open = around;
    int rc = SQLITE_OK;
    for (uint32_t i = around + 1; !rc && i <= n; i++) {
        if (around ? nodes[i].depth <= nodes[around].depth : nodes[i].type != type) {
            if (around) break;
            continue;
        }
        for (; !rc && open != nodes[i].parent && open != around; open = nodes[open].parent)
            if (!nodes[open].single) rc = event_add(f, open << 2 | PYTHIA_PHASE_END);
        if (!rc)
            rc = event_add(f, i << 2 | (nodes[i].single ? (uint32_t)PYTHIA_PHASE_POINT
                                                        : (uint32_t)PYTHIA_PHASE_START));
        open = i;
    }
    for (; !rc && open != around; open = nodes[open].parent)
        if (!nodes[open].single) rc = event_add(f, open << 2 | PYTHIA_PHASE_END);
    return rc;
}

static int take_tree(Find *f, const PythiaStretch *s) {
    uint32_t from = node_of(f->space, s->type, s->events[s->edge]);
    uint32_t to = node_of(f->space, s->type, s->events[s->edge + 1]);
    uint32_t a = from ? open_behind(f->space, from) : 0, b = to ? open_before(f->space, to) : 0;
    f->out->around = a && b ? common_ancestor(f->space, a, b) : a ? a : b;
    f->base = f->out->around ? f->space->nodes[f->out->around].depth : 0;
    f->total = 1;
    int rc = tree_events(f, s->type, f->out->around);
    f->out->total = f->nevents;
    if (!rc) rc = stretch_take(f, 1);
    f->out->found = f->nevents ? PYTHIA_FOUND_TREE : PYTHIA_FOUND_NOTHING;
    return rc;
}

/* ---- the question ----------------------------------------------------------------------------------------- */

/* An end of the edge that the space does not know gives way to its nearest known neighbour. */
static void stretch_known(PythiaStretch *s, uint32_t *from, uint32_t *to) {
    *from = s->edge;
    *to = s->edge + 1;
    while (*from > 0 && !s->events[*from])
        --*from;
    while (*to + 1 < s->n && !s->events[*to])
        ++*to;
}

int pythia_candidates_find(const PythiaSpace *space, const PythiaStretch *stretch,
                           const unsigned char *closed, PythiaPoll *poll, PythiaCandidates *out) {
    Find f = {.space = space, .closed = closed, .poll = poll, .out = out};
    PythiaStretch s = *stretch;
    out->n = out->total = out->around = out->matched = 0;
    out->found = PYTHIA_FOUND_NOTHING;
    if (!space->nnodes || s.n < 2 || s.edge + 1 >= s.n) return SQLITE_OK;
    f.slot = pythia_alloc_zero(((size_t)space->texts.n + 1) * sizeof *f.slot);
    uint32_t *events = pythia_alloc_array(s.n, sizeof *events), from, to, n = 0;
    int rc = f.slot && events ? SQLITE_OK : SQLITE_NOMEM;
    if (!rc) {
        stretch_known(&s, &from, &to);
        for (uint32_t i = 0; i < s.n; i++) { /* what lies between the ends is not known: left out */
            if (i > from && i < to) continue;
            if (i == from) s.edge = n;
            events[n++] = stretch->events[i];
        }
        s.events = events;
        s.n = n;
        rc = pythia_space_match(space, &s, poll, see_match, &f);
        out->found = PYTHIA_FOUND_PATH;
    }
    if (!rc && !f.nmatches && s.edge + 1 < s.n) {
        PythiaStretch ends = {s.type, s.events + s.edge, 2, 0};
        rc = pythia_space_match(space, &ends, poll, see_match, &f);
        out->found = PYTHIA_FOUND_EDGE;
    }
    out->matched = f.nmatches;
    if (!rc) rc = f.nmatches ? take_paths(&f) : take_tree(&f, &s);
    pythia_free(f.slot);
    pythia_free(events);
    pythia_free(f.matches);
    pythia_free(f.events);
    return rc;
}
