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

/* All spans of a range: its direct subtrees' heads alone, or everything; but for one. */
static int add_range(const PythiaTrace *t, uint32_t begin, uint32_t end, int heads,
                     uint32_t without, PythiaEvents *out) {
    int rc = SQLITE_OK;
    for (uint32_t s = begin; s < end && !rc; s = heads ? t->spans[s].last : s + 1)
        if (s != without) rc = pythia_events_add(out, s);
    return rc;
}

static int list_tree(const PythiaTrace *t, uint32_t span, int relation, PythiaEvents *out) {
    const PythiaSpan *s = &t->spans[span];
    int32_t parent = s->parent;
    int rc = SQLITE_OK;
    switch (relation) {
    case PYTHIA_RELATED_CHILD:
    case PYTHIA_RELATED_DESCENDANT:
        return add_range(t, span + 1, s->last, relation == PYTHIA_RELATED_CHILD, span, out);
    case PYTHIA_RELATED_PARENT:
        return parent < 0 ? SQLITE_OK : pythia_events_add(out, (uint32_t)parent);
    case PYTHIA_RELATED_ANCESTOR:
        for (; parent >= 0 && !rc; parent = t->spans[parent].parent)
            rc = pythia_events_add(out, (uint32_t)parent);
        return rc;
    default: /* roots have no parent, so none that they share */
        if (parent < 0) return SQLITE_OK;
        return add_range(t, (uint32_t)parent + 1, t->spans[parent].last, 1, span, out);
    }
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

static int list_dag(PythiaBefore *b, uint32_t span, int relation, PythiaEvents *out,
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

int pythia_related_list(const PythiaTrace *trace, PythiaBefore *before, uint32_t span, int relation,
                        PythiaEvents *out, PythiaPoll *poll) {
    if (trace->is_dag) return list_dag(before, span, relation, out, poll);
    return list_tree(trace, span, relation, out);
}
