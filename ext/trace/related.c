/* related.c - see related.h. */
#include "ext/trace/related.h"

#include <stdlib.h>

#include "ext/trace/graph.h"

static const struct {
    const char *name;
    int inverse;
} relations[PYTHIA_RELATED_COUNT] = {
    {"child", PYTHIA_RELATED_PARENT},        {"parent", PYTHIA_RELATED_CHILD},
    {"descendant", PYTHIA_RELATED_ANCESTOR}, {"ancestor", PYTHIA_RELATED_DESCENDANT},
    {"sibling", PYTHIA_RELATED_SIBLING},
};

const char *pythia_related_name(int relation) {
    return relations[relation].name;
}

int pythia_related_find(PythiaText name) {
    for (int r = 0; r < PYTHIA_RELATED_COUNT; r++)
        if (pythia_text_equal(name, pythia_text(relations[r].name))) return r;
    return -1;
}

int pythia_related_inverse(int relation) {
    return relations[relation].inverse;
}

/* ---- trees -------------------------------------------------------------------------------------------- */

static int kin_room(PythiaKin *kin, uint32_t n) {
    kin->n = 0;
    int rc = SQLITE_OK;
    if (kin->parent_capacity <= n)
        rc = pythia_grow((void **)&kin->parent, &kin->parent_capacity, (size_t)n + 1,
                         sizeof *kin->parent);
    if (!rc && kin->last_capacity <= n)
        rc =
            pythia_grow((void **)&kin->last, &kin->last_capacity, (size_t)n + 1, sizeof *kin->last);
    if (!rc) kin->n = n;
    return rc;
}

int pythia_kin_of_trace(PythiaKin *kin, const PythiaTrace *trace) {
    int rc = kin_room(kin, trace->nspans);
    for (uint32_t i = 0; !rc && i < trace->nspans; i++) {
        kin->parent[i] = trace->spans[i].parent;
        kin->last[i] = trace->spans[i].last;
    }
    return rc;
}

int pythia_kin_of_distances(PythiaKin *kin, const int64_t *distances, uint32_t n) {
    int rc = kin_room(kin, n);
    for (uint32_t i = 0; !rc && i < n; i++) {
        if (distances[i] < 0 || distances[i] > i) return SQLITE_CORRUPT_VTAB;
        kin->parent[i] = distances[i] ? (int32_t)(i - distances[i]) : -1;
        kin->last[i] = i + 1;
    }
    for (uint32_t i = n; !rc && i-- > 0;) {
        int32_t parent = kin->parent[i];
        if (parent >= 0 && kin->last[parent] < kin->last[i]) kin->last[parent] = kin->last[i];
    }
    return rc;
}

void pythia_kin_clear(PythiaKin *kin) {
    pythia_free(kin->parent);
    pythia_free(kin->last);
    memset(kin, 0, sizeof *kin);
}

/* All spans of a range: its direct subtrees' heads alone, or everything; but for one. */
static uint32_t list_range(const PythiaKin *kin, uint32_t begin, uint32_t end, int heads,
                           uint32_t without, uint32_t *out) {
    uint32_t n = 0;
    for (uint32_t s = begin; s < end; s = heads ? kin->last[s] : s + 1)
        if (s != without) out[n++] = s;
    return n;
}

int pythia_related_in_tree(const PythiaKin *kin, uint32_t span, int relation, PythiaEvents *out) {
    if (out->n + (size_t)kin->n > out->capacity) { /* no list is longer */
        int rc = pythia_grow((void **)&out->events, &out->capacity, out->n + (size_t)kin->n,
                             sizeof *out->events);
        if (rc) return rc;
    }
    uint32_t *list = out->events + out->n, n = 0;
    int32_t parent = kin->parent[span];
    switch (relation) {
    case PYTHIA_RELATED_CHILD:
    case PYTHIA_RELATED_DESCENDANT:
        n = list_range(kin, span + 1, kin->last[span], relation == PYTHIA_RELATED_CHILD, span,
                       list);
        break;
    case PYTHIA_RELATED_PARENT:
        if (parent >= 0) list[n++] = (uint32_t)parent;
        break;
    case PYTHIA_RELATED_ANCESTOR:
        for (; parent >= 0; parent = kin->parent[parent])
            list[n++] = (uint32_t)parent;
        break;
    default: /* roots have no parent, so none that they share */
        if (parent >= 0)
            n = list_range(kin, (uint32_t)parent + 1, kin->last[parent], 1, span, list);
    }
    out->n += n;
    return SQLITE_OK;
}

/* ---- DAGs --------------------------------------------------------------------------------------------- */

static int number_compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Sorts what was appended from `first` on, and leaves each once. */
static void make_unique(PythiaEvents *list, uint32_t first) {
    uint32_t n = first;
    if (list->n > first)
        qsort(list->events + first, list->n - first, sizeof *list->events, number_compare);
    for (uint32_t i = first; i < list->n; i++)
        if (n == first || list->events[n - 1] != list->events[i])
            list->events[n++] = list->events[i];
    list->n = n;
}

/* The direct neighbours of an event, as spans. */
static int add_neighbours(const PythiaGraph *g, uint32_t event, int after, uint32_t without,
                          PythiaEvents *out) {
    int rc = SQLITE_OK;
    for (uint32_t i = g->first[after][event]; i < g->first[after][event + 1] && !rc; i++) {
        uint32_t other = g->next[after][i];
        if (other != event && other / 2 != without) rc = pythia_events_add(out, other / 2);
    }
    return rc;
}

int pythia_related_in_dag(PythiaBefore *b, uint32_t span, int relation, PythiaEvents *out,
                          PythiaPoll *poll) {
    uint32_t first = out->n, event = 2 * span;
    int after = relation == PYTHIA_RELATED_CHILD || relation == PYTHIA_RELATED_DESCENDANT;
    int rc = pythia_graph_need(b);
    if (rc) return rc;
    const PythiaGraph *g = b->graph;
    if (relation == PYTHIA_RELATED_DESCENDANT || relation == PYTHIA_RELATED_ANCESTOR) {
        rc = pythia_graph_list(b, event, after, NULL, out, poll);
        uint32_t n = first;
        for (uint32_t i = first; i < out->n; i++) /* points of records are no spans */
            if (out->events[i] < 2 * b->trace->nspans) out->events[n++] = out->events[i] / 2;
        out->n = n;
        return rc;
    }
    if (relation != PYTHIA_RELATED_SIBLING)
        rc = add_neighbours(g, event, after, PYTHIA_NO_SPAN, out);
    for (uint32_t i = g->first[0][event]; relation == PYTHIA_RELATED_SIBLING && !rc; i++) {
        if (i == g->first[0][event + 1]) break;
        if (g->next[0][i] != event) rc = add_neighbours(g, g->next[0][i], 1, span, out);
    }
    make_unique(out, first);
    return rc;
}
