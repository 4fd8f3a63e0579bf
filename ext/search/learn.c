/* learn.c - from traces to a search space; see space.h.
**
** While traces are added, nodes are kept in order of first sight, found by a hash of (type, parent, trace
** point), and paths are interned as bytes, so that equal ones are one. The end sorts both: nodes into
** preorder, paths by type and length, and folds paths that are subsequences of longer ones. */
#include "ext/search/space.h"

#include "ext/base/hash.h"
#include "ext/search/match.h"

#include <stdlib.h>

enum {
    FIRST_SLOTS = 256,
    FOLD_TRIES = 32 /* longer paths that a path is compared with, at most */
};

struct PythiaLearner {
    PythiaSpace raw; /* nodes in order of first sight; no paths, no index */
    uint32_t *slots; /* by (type, parent, point) */
    uint32_t mask;
    unsigned char *learned; /* [text]: traces of this type were added */
    size_t learned_capacity;
    PythiaIntern paths; /* type, then steps over raw nodes, as bytes */
    int64_t *counts;    /* [path] */
    size_t counts_capacity;
    /* scratch, for one trace */
    uint32_t *texts; /* [trace point of the capture]: text + 1; 0: not asked yet */
    size_t texts_capacity;
    uint32_t ntexts;
    uint32_t *nodes; /* [span], then [point] */
    size_t nodes_capacity;
    uint32_t *latest; /* [span]: the child that ends last so far */
    size_t latest_capacity;
    int64_t *seen_in; /* [node]: number of the trace that counted it last; on paths likewise */
    size_t seen_capacity;
    int64_t *path_in;
    size_t path_capacity;
    int64_t number; /* of the trace */
    uint32_t *key;
    size_t key_capacity;
};

int pythia_learner_open(PythiaLearner **learner) {
    *learner = pythia_alloc_zero(sizeof **learner);
    return *learner ? SQLITE_OK : SQLITE_NOMEM;
}

void pythia_learner_close(PythiaLearner *l) {
    if (!l) return;
    pythia_space_clear(&l->raw);
    pythia_intern_clear(&l->paths);
    void *owned[] = {l->slots,  l->learned, l->counts,  l->texts, l->nodes,
                     l->latest, l->seen_in, l->path_in, l->key,   l};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        pythia_free(owned[i]);
}

/* ---- nodes ------------------------------------------------------------------------------------------- */

static uint32_t node_slot(const PythiaLearner *l, uint32_t type, uint32_t parent, uint32_t point) {
    return (uint32_t)pythia_hash_mix(pythia_hash_mix(type, parent), point) & l->mask;
}

static int slots_make_room(PythiaLearner *l) {
    if (l->slots && ((size_t)l->raw.nnodes + 1) * 2 <= (size_t)l->mask + 1) return SQLITE_OK;
    uint32_t n = l->slots ? (l->mask + 1) * 2 : FIRST_SLOTS;
    uint32_t *slots = n ? pythia_alloc_zero((size_t)n * sizeof *slots) : NULL;
    if (!slots) return SQLITE_NOMEM;
    pythia_free(l->slots);
    l->slots = slots;
    l->mask = n - 1;
    for (uint32_t i = 1; i <= l->raw.nnodes; i++) {
        const PythiaSpaceNode *node = &l->raw.nodes[i];
        uint32_t slot = node_slot(l, node->type, node->parent, node->point);
        while (slots[slot])
            slot = (slot + 1) & l->mask;
        slots[slot] = i;
    }
    return SQLITE_OK;
}

static int node_get(PythiaLearner *l, uint32_t type, uint32_t parent, uint32_t point,
                    uint32_t *found) {
    int rc = slots_make_room(l);
    if (rc) return rc;
    uint32_t slot = node_slot(l, type, parent, point);
    for (; (*found = l->slots[slot]) != 0; slot = (slot + 1) & l->mask) {
        const PythiaSpaceNode *node = &l->raw.nodes[*found];
        if (node->type == type && node->parent == parent && node->point == point) return SQLITE_OK;
    }
    PythiaSpaceNode node = {.type = type, .parent = parent, .point = point};
    if (parent) node.depth = l->raw.nodes[parent].depth + 1;
    rc = pythia_space_add_node(&l->raw, &node);
    if (rc) return rc;
    *found = l->slots[slot] = l->raw.nnodes;
    size_t need = (size_t)l->raw.nnodes + 1, had_seen = l->seen_capacity, had = l->path_capacity;
    rc = pythia_grow((void **)&l->seen_in, &l->seen_capacity, need, sizeof *l->seen_in);
    if (!rc) rc = pythia_grow((void **)&l->path_in, &l->path_capacity, need, sizeof *l->path_in);
    if (rc) return rc;
    for (size_t i = had_seen; i < l->seen_capacity; i++)
        l->seen_in[i] = 0;
    for (size_t i = had; i < l->path_capacity; i++)
        l->path_in[i] = 0;
    return SQLITE_OK;
}

/* The text of a trace point of the capture. */
static int point_text(PythiaLearner *l, const PythiaNames *names, uint32_t tracepoint,
                      uint32_t *text) {
    if (tracepoint > names->ntracepoints) tracepoint = 0;
    int rc = pythia_grow((void **)&l->texts, &l->texts_capacity, (size_t)names->ntracepoints + 1,
                         sizeof *l->texts);
    if (rc) return rc;
    while (l->ntexts <= names->ntracepoints)
        l->texts[l->ntexts++] = 0;
    if (!l->texts[tracepoint]) {
        uint32_t id;
        rc = pythia_intern(&l->raw.texts, pythia_names_tracepoint_text(names, tracepoint), &id);
        if (rc) return rc;
        l->texts[tracepoint] = id + 1;
    }
    *text = l->texts[tracepoint] - 1;
    return SQLITE_OK;
}

/* ---- one trace ----------------------------------------------------------------------------------------- */

/* Whether span i begins before the sibling that ends last so far has ended. */
static int is_concurrent(PythiaLearner *l, const PythiaTrace *trace, const PythiaModel *model,
                         const PythiaNames *names, uint32_t i) {
    const PythiaSpan *span = &trace->spans[i];
    uint32_t *latest = &l->latest[span->parent < 0 ? trace->nspans : (uint32_t)span->parent];
    uint32_t before = *latest;
    if (before == PYTHIA_NO_SPAN || trace->spans[before].to_ns <= span->to_ns) *latest = i;
    if (before == PYTHIA_NO_SPAN) return 0;
    int64_t tolerance =
        pythia_model_tolerance_ns(model, names, names->tracepoints[span->tracepoint].service,
                                  names->tracepoints[trace->spans[before].tracepoint].service);
    if (trace->spans[before].to_ns <= span->from_ns + tolerance) return 0;
    l->raw.nodes[l->nodes[before]].skeleton = 1;
    return 1;
}

/* Whether a span carries the shape of the trace: where a request begins, forks, or goes on by itself. */
static int is_skeleton(PythiaLearner *l, const PythiaTrace *trace, const PythiaModel *model,
                       const PythiaNames *names, uint32_t i) {
    const PythiaSpan *span = &trace->spans[i];
    int concurrent = is_concurrent(l, trace, model, names, i);
    if (span->parent < 0 || concurrent) return 1;
    const PythiaSpan *parent = &trace->spans[span->parent];
    return span->to_ns >
           parent->to_ns +
               pythia_model_tolerance_ns(model, names, names->tracepoints[span->tracepoint].service,
                                         names->tracepoints[parent->tracepoint].service);
}

static void node_count(PythiaLearner *l, uint32_t node) {
    l->raw.nodes[node].count++;
    if (l->seen_in[node] != l->number) l->raw.nodes[node].traces++;
    l->seen_in[node] = l->number;
}

static int add_nodes(PythiaLearner *l, uint32_t type, const PythiaTrace *trace,
                     const PythiaModel *model, const PythiaNames *names) {
    size_t n = (size_t)trace->nspans + trace->npoints;
    int rc = pythia_grow((void **)&l->nodes, &l->nodes_capacity, n, sizeof *l->nodes);
    if (!rc)
        rc = pythia_grow((void **)&l->latest, &l->latest_capacity, (size_t)trace->nspans + 1,
                         sizeof *l->latest);
    for (uint32_t i = 0; !rc && i <= trace->nspans; i++)
        l->latest[i] = PYTHIA_NO_SPAN;
    for (uint32_t i = 0; !rc && i < n; i++) {
        int single = i >= trace->nspans;
        uint32_t tracepoint =
            single ? trace->points[i - trace->nspans].tracepoint : trace->spans[i].tracepoint;
        int64_t parent =
            single ? (int64_t)trace->points[i - trace->nspans].span : trace->spans[i].parent;
        uint32_t text = 0;
        rc = point_text(l, names, tracepoint, &text);
        if (!rc)
            rc = node_get(l, type, parent < 0 || trace->is_dag ? 0 : l->nodes[parent], text,
                          &l->nodes[i]);
        if (rc) break;
        node_count(l, l->nodes[i]);
        if (single || trace->is_dag)
            l->raw.nodes[l->nodes[i]].single = 1;
        else if (is_skeleton(l, trace, model, names, i))
            l->raw.nodes[l->nodes[i]].skeleton = 1;
    }
    return rc;
}

/* Counts a path, given as type and steps in l->key. */
static int path_count(PythiaLearner *l, uint32_t n, int64_t count) {
    uint32_t before = l->paths.n, id;
    PythiaText bytes = {(const char *)l->key, ((size_t)n + 1) * sizeof *l->key};
    int rc = pythia_intern(&l->paths, bytes, &id);
    if (!rc)
        rc = pythia_grow((void **)&l->counts, &l->counts_capacity, (size_t)id + 1,
                         sizeof *l->counts);
    if (rc) return rc;
    if (id > before) l->counts[id] = 0;
    l->counts[id] += count;
    return SQLITE_OK;
}

static int key_room(PythiaLearner *l, uint32_t n) {
    return pythia_grow((void **)&l->key, &l->key_capacity, (size_t)n + 1, sizeof *l->key);
}

static int learned_room(PythiaLearner *l) {
    size_t had = l->learned_capacity;
    int rc = pythia_grow((void **)&l->learned, &l->learned_capacity, (size_t)l->raw.texts.n + 1, 1);
    for (size_t i = had; !rc && i < l->learned_capacity; i++)
        l->learned[i] = 0;
    return rc;
}

int pythia_learner_add(PythiaLearner *l, const PythiaTrace *trace, const PythiaModel *model,
                       const PythiaNames *names, const PythiaRequest *request,
                       const PythiaPath *path) {
    uint32_t type;
    int rc = pythia_intern(&l->raw.texts, pythia_names_text(names, request->type), &type);
    if (!rc) rc = learned_room(l);
    if (rc) return rc;
    l->learned[type] = 1;
    l->number++;
    rc = add_nodes(l, type, trace, model, names);
    if (!rc) rc = key_room(l, path->n);
    if (rc) return rc;
    l->key[0] = type;
    for (uint32_t i = 0; i < path->n; i++) {
        uint32_t event = path->steps[i].event;
        uint32_t node = l->nodes[event < 2 * trace->nspans ? event / 2 : event - trace->nspans];
        l->key[i + 1] = node << 2 | (uint32_t)pythia_event_phase(trace, event);
        if (l->path_in[node] != l->number) l->raw.nodes[node].on_path++;
        l->path_in[node] = l->number;
    }
    return path_count(l, path->n, 1);
}

int pythia_learner_keep(PythiaLearner *l, const PythiaSpace *old) {
    uint32_t *map = pythia_alloc_zero(((size_t)old->nnodes + 1) * sizeof *map);
    int rc = map ? SQLITE_OK : SQLITE_NOMEM;
    for (uint32_t i = 1; !rc && i <= old->nnodes; i++) {
        PythiaSpaceNode node = old->nodes[i];
        uint32_t type, point;
        rc = pythia_intern(&l->raw.texts, pythia_intern_text(&old->texts, node.type), &type);
        if (!rc) rc = learned_room(l);
        if (rc || l->learned[type]) continue;
        rc = pythia_intern(&l->raw.texts, pythia_intern_text(&old->texts, node.point), &point);
        if (!rc) rc = node_get(l, type, map[node.parent], point, &map[i]);
        if (rc) break;
        PythiaSpaceNode *kept = &l->raw.nodes[map[i]];
        kept->count = node.count;
        kept->traces = node.traces;
        kept->on_path = node.on_path;
        kept->single = node.single;
        kept->skeleton = node.skeleton;
    }
    for (uint32_t p = 0; !rc && p < old->npaths; p++) {
        const PythiaSpacePath *path = &old->paths[p];
        if (!path->n || !map[old->steps[path->first] >> 2]) continue;
        rc = key_room(l, path->n);
        if (rc) break;
        l->key[0] = l->raw.nodes[map[old->steps[path->first] >> 2]].type;
        for (uint32_t i = 0; i < path->n; i++) {
            uint32_t step = old->steps[path->first + i];
            l->key[i + 1] = map[step >> 2] << 2 | (step & 3);
        }
        rc = path_count(l, path->n, path->count);
    }
    pythia_free(map);
    return rc;
}

/* ---- the end ------------------------------------------------------------------------------------------- */

/* What the sorts below need to see; qsort has no context of its own. */
typedef struct SortNode {
    uint32_t node, parent;
    PythiaText type, point;
} SortNode;

/* Siblings together, roots by type, siblings by name, in descending order: they are pushed on a stack. */
static int sort_node_compare(const void *a, const void *b) {
    const SortNode *x = a, *y = b;
    if (x->parent != y->parent) return x->parent < y->parent ? -1 : 1;
    int order = pythia_text_compare(y->type, x->type);
    if (!order) order = pythia_text_compare(y->point, x->point);
    if (order) return order;
    return x->node < y->node ? 1 : x->node > y->node ? -1 : 0;
}

/* order[i]: the raw node that becomes node i + 1, in preorder. */
static int preorder(const PythiaLearner *l, uint32_t *order) {
    uint32_t n = l->raw.nnodes, top = 0, done = 0;
    SortNode *sorted = pythia_alloc_array((size_t)n + 1, sizeof *sorted);
    uint32_t *first = pythia_alloc_zero(((size_t)n + 2) * sizeof *first); /* [parent] */
    uint32_t *stack = pythia_alloc_array((size_t)n + 1, sizeof *stack);
    int rc = sorted && first && stack ? SQLITE_OK : SQLITE_NOMEM;
    for (uint32_t i = 1; !rc && i <= n; i++) {
        const PythiaSpaceNode *node = &l->raw.nodes[i];
        sorted[i - 1] = (SortNode){i, node->parent, pythia_intern_text(&l->raw.texts, node->type),
                                   pythia_intern_text(&l->raw.texts, node->point)};
        first[node->parent + 1]++;
    }
    if (!rc) {
        qsort(sorted, n, sizeof *sorted, sort_node_compare);
        for (uint32_t i = 1; i <= n + 1; i++)
            first[i] += first[i - 1];
        for (uint32_t i = first[0]; i < first[1]; i++)
            stack[top++] = sorted[i].node;
        while (top) {
            uint32_t node = stack[--top];
            order[done++] = node;
            for (uint32_t i = first[node]; i < first[node + 1]; i++)
                stack[top++] = sorted[i].node;
        }
    }
    pythia_free(sorted);
    pythia_free(first);
    pythia_free(stack);
    return rc;
}

/* Appends the nodes in preorder; map[raw node] becomes the number in the space. */
static int finish_nodes(const PythiaLearner *l, PythiaSpace *space, uint32_t *map) {
    uint32_t *order = pythia_alloc_array((size_t)l->raw.nnodes + 1, sizeof *order);
    int rc = order ? preorder(l, order) : SQLITE_NOMEM;
    for (uint32_t i = 0; !rc && i < l->raw.nnodes; i++) {
        PythiaSpaceNode node = l->raw.nodes[order[i]];
        PythiaText point = pythia_intern_text(&l->raw.texts, node.point);
        rc = pythia_intern(&space->texts, pythia_intern_text(&l->raw.texts, node.type), &node.type);
        if (!rc) rc = pythia_intern(&space->texts, point, &node.point);
        node.parent = map[node.parent];
        if (!rc) rc = pythia_space_add_node(space, &node);
        map[order[i]] = i + 1;
    }
    pythia_free(order);
    return rc;
}

/* A path on its way into the space. */
typedef struct Sequence {
    PythiaText type;
    const uint32_t *steps; /* over nodes of the space */
    uint32_t n;
    int64_t count;
} Sequence;

/* By type; within a type the longer before the shorter, the more frequent before the rarer. */
static int sequence_compare(const void *a, const void *b) {
    const Sequence *x = a, *y = b;
    int order = pythia_text_compare(x->type, y->type);
    if (order) return order;
    if (x->n != y->n) return x->n > y->n ? -1 : 1;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return x->n ? memcmp(x->steps, y->steps, x->n * sizeof *x->steps) : 0;
}

static int sequences_make(const PythiaLearner *l, const uint32_t *map, PythiaArena *arena,
                          Sequence *list) {
    for (uint32_t id = 1; id <= l->paths.n; id++) {
        PythiaText key = pythia_intern_text(&l->paths, id);
        size_t n = key.n / sizeof(uint32_t) - 1;
        uint32_t *steps = pythia_arena_alloc(arena, (n + 1) * sizeof *steps);
        if (!steps) return SQLITE_NOMEM;
        memcpy(steps, key.p, key.n);
        list[id - 1] = (Sequence){pythia_intern_text(&l->raw.texts, steps[0]), steps + 1,
                                  (uint32_t)n, l->counts[id]};
        for (size_t i = 1; i <= n; i++)
            steps[i] = map[steps[i] >> 2] << 2 | (steps[i] & 3);
    }
    return SQLITE_OK;
}

/* Whether `inner` is an ordered subsequence of `outer`. */
static int is_subsequence(const uint32_t *inner, uint32_t n, const uint32_t *outer, uint32_t m) {
    uint32_t i = 0;
    for (uint32_t k = 0; i < n && k < m && n - i <= m - k; k++)
        i += inner[i] == outer[k];
    return i == n;
}

/* Counts a path at a longer one that contains it, among those of its type that were taken last. */
static int fold(PythiaSpace *space, uint32_t type, const Sequence *path) {
    uint32_t tries = 0;
    for (uint32_t p = space->npaths; p-- > 0 && tries < FOLD_TRIES; tries++) {
        PythiaSpacePath *longer = &space->paths[p];
        if (longer->type != type) break;
        if (!is_subsequence(path->steps, path->n, space->steps + longer->first, longer->n))
            continue;
        longer->count += path->count;
        return 1;
    }
    return 0;
}

int pythia_learner_finish(PythiaLearner *l, PythiaPoll *poll, PythiaSpace *space) {
    PythiaArena arena = {0};
    uint32_t *map = pythia_alloc_zero(((size_t)l->raw.nnodes + 1) * sizeof *map);
    Sequence *list = pythia_alloc_array((size_t)l->paths.n + 1, sizeof *list);
    int rc = map && list ? finish_nodes(l, space, map) : SQLITE_NOMEM;
    if (!rc) rc = sequences_make(l, map, &arena, list);
    if (!rc) qsort(list, l->paths.n, sizeof *list, sequence_compare);
    for (uint32_t i = 0; !rc && i < l->paths.n; i++) {
        uint32_t type = pythia_intern_find(&space->texts, list[i].type);
        if (list[i].n && !fold(space, type, &list[i]))
            rc = pythia_space_add_path(space, type, list[i].count, list[i].steps, list[i].n);
        if (!rc) rc = pythia_poll(poll);
    }
    if (!rc) rc = pythia_space_index(space);
    pythia_free(map);
    pythia_free(list);
    pythia_arena_clear(&arena);
    return rc;
}
