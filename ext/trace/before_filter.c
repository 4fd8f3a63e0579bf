/* before_filter.c - what a happened-before join keeps of D(q); see PythiaFilter in before.h.
**
** First. What happened before a member of D(q) happened before q too. So an event that is minimal in D(q) is
** minimal in the whole set, and the longest chain up to it in D(q) is the longest in the whole set: neither
** depends on q. The length for every member is found once, by one pass over the graph in topological order.
**
** Recent does depend on q. In a tree, whatever precedes q inside an item that contains q is preceded by all
** that precedes q from outside: so the maximal elements lie in the innermost level that has any. There an
** event is dominated when its way up (see tree_test in before.c) meets a suffix of items that has another
** of D(q). How the way goes on from the end of a span is remembered for every span, so that each is looked at
** once. In a graph: what a walk back from all of D(q) meets is dominated. */
#include "ext/trace/graph.h"

#include <stdlib.h>

typedef struct Ranked {
    int64_t time_ns;
    uint32_t rank, event;
} Ranked;

/* ---- first ----------------------------------------------------------------------------------------------- */

/* For every member the length of the longest chain of members that ends at it. */
static int set_ranks(PythiaBefore *b, PythiaEventSet *set, PythiaPoll *poll) {
    if (set->rank) return SQLITE_OK;
    int rc = pythia_graph_need(b);
    if (!rc) rc = pythia_event_set_index(set, b->nevents);
    if (rc) return rc;
    const PythiaGraph *g = b->graph;
    uint32_t *longest = pythia_alloc_zero(((size_t)g->nnodes + 1) * sizeof *longest);
    uint32_t *rank = pythia_alloc_array((size_t)set->list.n + 1, sizeof *rank);
    if (!longest || !rank) rc = SQLITE_NOMEM;
    for (uint32_t p = 0; !rc && p < g->nnodes; p++) {
        uint32_t node = g->order[p], most = 0;
        for (uint32_t i = g->first[0][node]; i < g->first[0][node + 1]; i++)
            if (longest[g->next[0][i]] > most) most = longest[g->next[0][i]];
        uint32_t member = node < b->nevents ? set->index[node] : 0;
        longest[node] = most + (member != 0);
        if (member) rank[member - 1] = most + 1;
        rc = pythia_poll(poll);
    }
    pythia_free(longest);
    if (rc)
        pythia_free(rank);
    else
        set->rank = rank;
    return rc;
}

/* ---- recent, in trees ------------------------------------------------------------------------------------ */

enum { MEMO_NO = 1, MEMO_YES = 2, MEMO_STEP = 4 };

/* Whether an ascending list has an event of a range. */
static int has_any(const PythiaEvents *list, uint32_t begin, uint32_t end) {
    if (begin >= end) return 0;
    uint32_t at = pythia_events_at(list, begin);
    return at < list->n && list->events[at] < end;
}

static int has_item(const PythiaBefore *b, const PythiaEvents *list, uint32_t event) {
    uint32_t span = event / 2, points = 2 * b->trace->nspans;
    if (pythia_event_phase(b->trace, event) != PYTHIA_PHASE_START)
        return has_any(list, event, event + 1);
    uint32_t last = b->trace->spans[span].last;
    return has_any(list, 2 * span, 2 * last) ||
           has_any(list, points + b->points_before[span], points + b->points_before[last]);
}

/* Whether item i of a level precedes an item that has an event of the list. */
static int level_dominates(const PythiaBefore *b, const PythiaEvents *list, uint32_t level,
                           uint32_t i) {
    uint32_t n = pythia_before_items(b, level), base = b->first[level];
    if (pythia_before_wide(b, level)) {
        for (uint32_t j = i + 1; j < n; j++)
            if (pythia_before_items_precede(b, level, i, j) &&
                has_item(b, list, b->event[base + j]))
                return 1;
        return 0;
    }
    uint32_t reach = b->reach[base + i];
    if (reach >= n) return 0;
    PythiaSuffix s;
    pythia_before_suffix(b, level, reach, &s);
    if (has_any(list, s.spans, s.spans_end) || has_any(list, s.points, s.points_end) ||
        has_any(list, s.own, s.own_end))
        return 1;
    return level < b->trace->nspans && pythia_before_end(b, level) >= reach &&
           has_any(list, 2 * level + 1, 2 * level + 2);
}

/* Whether x happened before another event of the list. Spans whose ends were asked before are known. */
static int tree_dominated(PythiaBefore *b, const PythiaEvents *list, uint32_t x) {
    const PythiaTrace *t = b->trace;
    uint32_t span = pythia_event_span(t, x), level = span, i = b->slot[x] - b->first[span];
    uint32_t from = PYTHIA_NO_SPAN; /* lowest span on the way whose end was passed */
    int answer = 0, phase = pythia_event_phase(t, x);
    if (phase == PYTHIA_PHASE_START) {
        uint32_t last = t->spans[span].last, points = 2 * t->nspans;
        if (has_any(list, x + 1, 2 * last) ||
            has_any(list, points + b->points_before[span], points + b->points_before[last]))
            return 1;
        level = pythia_before_level(b, span);
        i = b->slot[x] - b->first[level];
        from = span;
    }
    uint32_t at = from; /* the span whose end is being passed */
    for (;;) {
        if (at != PYTHIA_NO_SPAN && b->memo[at] / MEMO_STEP == b->epoch) {
            answer = (b->memo[at] & (MEMO_STEP - 1)) == MEMO_YES;
            break;
        }
        answer = level_dominates(b, list, level, i);
        if (answer || level == t->nspans) break;
        uint32_t end = pythia_before_end(b, level);
        if (i != end && !pythia_before_items_precede(b, level, i, end)) break;
        at = level;
        if (from == PYTHIA_NO_SPAN) from = at;
        level = pythia_before_level(b, at);
        i = b->slot[2 * at] - b->first[level];
    }
    uint64_t memo = b->epoch * MEMO_STEP + (answer ? MEMO_YES : MEMO_NO);
    for (uint32_t s = from; s != PYTHIA_NO_SPAN && at != PYTHIA_NO_SPAN;
         s = (uint32_t)t->spans[s].parent) {
        b->memo[s] = memo;
        if (s == at) break;
    }
    return answer;
}

static int event_compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int rank_tree(PythiaBefore *b, PythiaEvents *list, Ranked *ranked, uint32_t n,
                     PythiaPoll *poll) {
    if (!b->memo) {
        b->memo = pythia_arena_alloc(&b->arena, b->trace->nspans * sizeof *b->memo);
        if (!b->memo) return SQLITE_NOMEM;
        memset(b->memo, 0, b->trace->nspans * sizeof *b->memo);
    }
    uint32_t done = 0, rank = 0, all = list->n;
    do { /* the maximal ones, then those of the rest, ... */
        uint32_t left = 0, top = done;
        b->epoch++;
        for (uint32_t k = 0; k < list->n; k++) {
            int rc = pythia_poll(poll);
            if (rc) return rc;
            if (!tree_dominated(b, list, list->events[k])) {
                ranked[done++] = (Ranked){.event = list->events[k], .rank = rank + 1};
            }
        }
        for (uint32_t k = 0; k < list->n; k++) {
            if (top < done && list->events[k] == ranked[top].event)
                top++;
            else
                list->events[left++] = list->events[k];
        }
        list->n = left;
        rank++;
    } while (done < n && done < all);
    list->n = done;
    return SQLITE_OK;
}

/* ---- recent, in graphs ------------------------------------------------------------------------------------ */

static int rank_walk(PythiaBefore *b, PythiaEvents *list, Ranked *ranked, PythiaPoll *poll) {
    uint32_t done = 0;
    int rc = pythia_graph_walk(b->graph, list->events, list->n, 0, poll);
    for (uint32_t k = 0; k < list->n && !rc; k++)
        if (!pythia_graph_met(b->graph, list->events[k]))
            ranked[done++] = (Ranked){.event = list->events[k], .rank = 1};
    list->n = done;
    return rc;
}

/* Ranks of all: the longest chain of the list from each on. */
static int rank_graph(PythiaBefore *b, PythiaEvents *list, uint32_t q, Ranked *ranked,
                      PythiaPoll *poll) {
    const PythiaGraph *g = b->graph;
    uint32_t stop = g->place[q];
    uint32_t *longest = pythia_alloc_zero(((size_t)stop + 1) * sizeof *longest); /* [place] */
    unsigned char *member = pythia_alloc_zero((size_t)stop + 1);
    int rc = longest && member ? SQLITE_OK : SQLITE_NOMEM;
    for (uint32_t k = 0; k < list->n && !rc; k++)
        member[g->place[list->events[k]]] = 1;
    for (uint32_t p = stop; p-- > 0 && !rc;) {
        uint32_t node = g->order[p];
        for (uint32_t i = g->first[1][node]; i < g->first[1][node + 1]; i++) {
            uint32_t place = g->place[g->next[1][i]];
            if (place < stop && longest[place] > longest[p]) longest[p] = longest[place];
        }
        longest[p] += member[p];
        rc = pythia_poll(poll);
    }
    for (uint32_t k = 0; k < list->n && !rc; k++)
        ranked[k] = (Ranked){.event = list->events[k], .rank = longest[g->place[list->events[k]]]};
    pythia_free(longest);
    pythia_free(member);
    return rc;
}

/* ---- both -------------------------------------------------------------------------------------------------- */

static int first_compare(const void *a, const void *b) {
    const Ranked *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    if (x->time_ns != y->time_ns) return x->time_ns < y->time_ns ? -1 : 1;
    return x->event < y->event ? -1 : x->event > y->event;
}

static int recent_compare(const void *a, const void *b) {
    const Ranked *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    if (x->time_ns != y->time_ns) return x->time_ns > y->time_ns ? -1 : 1;
    return x->event > y->event ? -1 : x->event < y->event;
}

static int rank_first(PythiaBefore *b, PythiaEventSet *set, PythiaEvents *list, Ranked *ranked,
                      int minimal, PythiaPoll *poll) {
    uint32_t done = 0;
    int rc = set_ranks(b, set, poll);
    for (uint32_t k = 0; k < list->n && !rc; k++) {
        uint32_t rank = set->rank[set->index[list->events[k]] - 1];
        if (rank == 1 || !minimal)
            ranked[done++] = (Ranked){.event = list->events[k], .rank = rank};
    }
    list->n = done;
    return rc;
}

static int rank_recent(PythiaBefore *b, PythiaEvents *list, uint32_t q, Ranked *ranked, uint32_t n,
                       PythiaPoll *poll) {
    if (b->is_tree) {
        qsort(list->events, list->n, sizeof *list->events, event_compare);
        return rank_tree(b, list, ranked, n, poll);
    }
    return n ? rank_graph(b, list, q, ranked, poll) : rank_walk(b, list, ranked, poll);
}

/* Appends what the filter keeps of the ranked. */
static int keep(const PythiaTrace *trace, const PythiaFilter *filter, Ranked *ranked, uint32_t n,
                PythiaEvents *out) {
    int (*compare)(const void *, const void *) =
        filter->kind == PYTHIA_FILTER_FIRST ? first_compare : recent_compare;
    uint32_t limit = filter->n ? filter->n : filter->one ? 1 : n;
    if (filter->n || filter->one) {
        for (uint32_t k = 0; k < n; k++)
            ranked[k].time_ns = pythia_event_raw_ns(trace, ranked[k].event);
        qsort(ranked, n, sizeof *ranked, compare);
    }
    int rc = SQLITE_OK;
    for (uint32_t k = 0; k < n && k < limit && !rc; k++)
        rc = pythia_events_add(out, ranked[k].event);
    return rc;
}

int pythia_before_filter(PythiaBefore *b, uint32_t q, PythiaEventSet *set,
                         const PythiaFilter *filter, PythiaEvents *out, PythiaPoll *poll) {
    if (filter->kind == PYTHIA_FILTER_ALL) return pythia_before_list(b, q, 0, set, out, poll);
    PythiaEvents list = {0};
    int innermost = filter->kind == PYTHIA_FILTER_RECENT && !filter->n && b->is_tree;
    int rc = innermost ? pythia_before_predecessors(b, q, set, 1, &list, poll)
                       : pythia_before_list(b, q, 0, set, &list, poll);
    Ranked *ranked = !rc && list.n ? pythia_alloc_array(list.n, sizeof *ranked) : NULL;
    if (!rc && list.n && !ranked) rc = SQLITE_NOMEM;
    if (!rc && list.n) {
        rc = filter->kind == PYTHIA_FILTER_FIRST
                 ? rank_first(b, set, &list, ranked, !filter->n, poll)
                 : rank_recent(b, &list, q, ranked, filter->n, poll);
        if (!rc) rc = keep(b->trace, filter, ranked, list.n, out);
    }
    pythia_free(ranked);
    pythia_events_clear(&list);
    return rc;
}
