/* before_list.c - enumeration of what precedes an event, and of what it precedes; see before.h.
**
** Spans are numbered in preorder and points by their span, so whatever lies in a row of siblings is one range
** of events of spans and one of points. A range is appended as it is, or what a set has of it, found by
** bisection.
**
** Successors of x: at every level, from the span of x up to the roots, a suffix of the items; the way
** up ends where the suffix does not hold the end of the level's span.
**
** Predecessors of x: at every level a prefix of the items by reach, and the start of the level's span. Most
** of the prefix, as a rule all of it, is a prefix in sort order too (reach_most), thus a range. Of a span
** that precedes x counts what reaches its end: asynchronous spans and late points below are left out. */
#include "ext/trace/graph.h"

typedef struct Lister {
    PythiaBefore *b;
    PythiaEventSet *set; /* NULL: everything */
    PythiaEvents *out;
    PythiaPoll *poll;
    int rc;
} Lister;

/* ---- lists and sets ------------------------------------------------------------------------------------ */

int pythia_events_add(PythiaEvents *list, uint32_t event) {
    if (list->n == list->capacity) {
        int rc = pythia_grow((void **)&list->events, &list->capacity, (size_t)list->n + 1,
                             sizeof *list->events);
        if (rc) return rc;
    }
    list->events[list->n++] = event;
    return SQLITE_OK;
}

void pythia_events_clear(PythiaEvents *list) {
    pythia_free(list->events);
    memset(list, 0, sizeof *list);
}

uint32_t pythia_events_at(const PythiaEvents *list, uint32_t event) {
    uint32_t low = 0, high = list->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (list->events[middle] < event)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void pythia_event_set_begin(PythiaEventSet *set) {
    pythia_free(set->index);
    pythia_free(set->bits[0]);
    pythia_free(set->bits[1]);
    pythia_free(set->rank);
    PythiaEvents list = set->list;
    memset(set, 0, sizeof *set);
    set->list = list;
}

int pythia_event_set_index(PythiaEventSet *set, uint32_t nevents) {
    if (set->index) return SQLITE_OK;
    set->index = pythia_alloc_zero(((size_t)nevents + 1) * sizeof *set->index);
    if (!set->index) return SQLITE_NOMEM;
    for (uint32_t i = 0; i < set->list.n; i++)
        set->index[set->list.events[i]] = i + 1;
    return SQLITE_OK;
}

void pythia_event_set_clear(PythiaEventSet *set) {
    pythia_event_set_begin(set);
    pythia_events_clear(&set->list);
}

/* ---- appending ------------------------------------------------------------------------------------------ */

static void add_range(Lister *l, uint32_t begin, uint32_t end) {
    if (l->rc || begin >= end) return;
    const uint32_t *events = NULL;
    uint32_t n = end - begin;
    if (l->set) {
        uint32_t at = pythia_events_at(&l->set->list, begin), stop = at;
        while (stop < l->set->list.n && l->set->list.events[stop] < end)
            stop++;
        events = l->set->list.events + at;
        n = stop - at;
    }
    if (!n) return;
    PythiaEvents *out = l->out;
    l->rc =
        pythia_grow((void **)&out->events, &out->capacity, (size_t)out->n + n, sizeof *out->events);
    for (uint32_t i = 0; i < n && !l->rc; i++)
        out->events[out->n++] = events ? events[i] : begin + i;
}

static uint32_t point_event(const PythiaBefore *b, uint32_t span) {
    return 2 * b->trace->nspans + b->points_before[span];
}

/* Everything in a row of spans and what is below them. */
static void add_spans(Lister *l, uint32_t begin, uint32_t end) {
    if (begin >= end) return;
    add_range(l, 2 * begin, 2 * end);
    add_range(l, point_event(l->b, begin), point_event(l->b, end));
}

/* First point of a level at or behind a position; those of a level are in the order of its items. */
static uint32_t own_point(const PythiaBefore *b, uint32_t level, uint32_t position) {
    uint32_t low = point_event(b, level), high = point_event(b, level + 1);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (b->slot[middle] - b->first[level] < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int is_roots(const PythiaBefore *b, uint32_t level) {
    return level == b->trace->nspans;
}

/* First span below a level at or behind a position, and the end of those spans. */
static uint32_t level_end(const PythiaBefore *b, uint32_t level) {
    return is_roots(b, level) ? b->trace->nspans : b->trace->spans[level].last;
}
static uint32_t child_at(const PythiaBefore *b, uint32_t level, uint32_t position) {
    return position < pythia_before_items(b, level) ? b->next_child[b->first[level] + position]
                                                    : level_end(b, level);
}

/* Position of x among the items of its first level, and that level: of a start that of the span above. */
static uint32_t home_of(const PythiaBefore *b, uint32_t x, uint32_t *level) {
    uint32_t span = pythia_event_span(b->trace, x);
    *level =
        pythia_event_phase(b->trace, x) == PYTHIA_PHASE_START ? pythia_before_level(b, span) : span;
    return b->slot[x] - b->first[*level];
}

/* ---- successors ------------------------------------------------------------------------------------------ */

void pythia_before_suffix(const PythiaBefore *b, uint32_t level, uint32_t position,
                          PythiaSuffix *s) {
    uint32_t begin = child_at(b, level, position), end = level_end(b, level);
    *s = (PythiaSuffix){2 * begin, 2 * end, point_event(b, begin), point_event(b, end), 0, 0};
    if (is_roots(b, level)) return;
    s->own = own_point(b, level, position);
    s->own_end = point_event(b, level + 1);
}

/* One item, all of it. */
static void add_item(Lister *l, uint32_t level, uint32_t position) {
    uint32_t event = l->b->event[l->b->first[level] + position];
    if (pythia_event_phase(l->b->trace, event) == PYTHIA_PHASE_START)
        add_spans(l, event / 2, l->b->trace->spans[event / 2].last);
    else
        add_range(l, event, event + 1);
}

static void add_successors(Lister *l, uint32_t level, uint32_t i) {
    const PythiaBefore *b = l->b;
    uint32_t n = pythia_before_items(b, level);
    if (pythia_before_wide(b, level)) {
        for (uint32_t j = i + 1; j < n && !l->rc; j++)
            if (pythia_before_items_precede(b, level, i, j)) add_item(l, level, j);
        return;
    }
    uint32_t reach = b->reach[b->first[level] + i];
    PythiaSuffix s;
    if (reach >= n) return;
    pythia_before_suffix(b, level, reach, &s);
    add_range(l, s.spans, s.spans_end);
    add_range(l, s.points, s.points_end);
    add_range(l, s.own, s.own_end);
    if (!is_roots(b, level) && pythia_before_end(b, level) >= reach)
        add_range(l, 2 * level + 1, 2 * level + 2);
}

static void list_successors(Lister *l, uint32_t x) {
    const PythiaBefore *b = l->b;
    uint32_t level, i = home_of(b, x, &level), span = pythia_event_span(b->trace, x);
    if (pythia_event_phase(b->trace, x) == PYTHIA_PHASE_START) {
        add_range(l, 2 * span + 1, 2 * b->trace->spans[span].last);
        add_range(l, point_event(b, span), point_event(b, b->trace->spans[span].last));
    }
    while (!l->rc) {
        add_successors(l, level, i);
        if (is_roots(b, level)) return;
        uint32_t end = pythia_before_end(b, level);
        if (i != end && !pythia_before_items_precede(b, level, i, end)) return;
        uint32_t above = pythia_before_level(b, level);
        i = b->slot[2 * level] - b->first[above];
        level = above;
        if (!l->rc) l->rc = pythia_poll(l->poll);
    }
}

/* ---- predecessors ----------------------------------------------------------------------------------------- */

static uint32_t first_at_least(const uint32_t *list, uint32_t n, uint32_t value) {
    PythiaEvents events = {(uint32_t *)(uintptr_t)list, n, 0};
    return pythia_events_at(&events, value);
}

/* Points of a row of spans but those that come too late for the end of their span. */
static void add_points_in_time(Lister *l, uint32_t begin, uint32_t end) {
    const PythiaBefore *b = l->b;
    uint32_t k = first_at_least(b->late_points, b->nlate_points, begin);
    for (; k < b->nlate_points && b->late_points[k] < end; k++) {
        add_range(l, begin, b->late_points[k]);
        begin = b->late_points[k] + 1;
    }
    add_range(l, begin, end);
}

/* What reaches the ends of a row of siblings. */
static void add_waited(Lister *l, uint32_t begin, uint32_t end) {
    const PythiaBefore *b = l->b;
    if (begin >= end) return;
    uint32_t depth = b->trace->spans[begin].depth, k = first_at_least(b->late, b->nlate, begin);
    while (k < b->nlate && b->late[k] < end) {
        uint32_t late = b->late[k++];
        if (b->trace->spans[late].depth == depth) continue; /* its own end is what counts here */
        add_range(l, 2 * begin, 2 * late);
        add_points_in_time(l, point_event(b, begin), point_event(b, late));
        begin = b->trace->spans[late].last;
        while (k < b->nlate && b->late[k] < begin)
            k++;
    }
    if (begin >= end) return;
    add_range(l, 2 * begin, 2 * end);
    add_points_in_time(l, point_event(b, begin), point_event(b, end));
}

/* The same of one item. */
static void add_item_waited(Lister *l, uint32_t level, uint32_t position) {
    uint32_t event = l->b->event[l->b->first[level] + position];
    if (pythia_event_phase(l->b->trace, event) == PYTHIA_PHASE_START)
        add_waited(l, event / 2, l->b->trace->spans[event / 2].last);
    else
        add_range(l, event, event + 1);
}

static void add_wide_predecessors(Lister *l, uint32_t level, uint32_t j) {
    const PythiaWideLevel *w = pythia_before_wide(l->b, level);
    const uint32_t *by_reach = w->by_reach + (size_t)w->class[j] * w->n;
    for (uint32_t k = 0; k < w->n && !l->rc; k++) {
        if (!pythia_before_items_precede(l->b, level, by_reach[k], j)) return;
        add_item_waited(l, level, by_reach[k]);
    }
}

/* How many items have a reach of at most j, which is how many precede item j. */
static uint32_t count_preceding(const PythiaBefore *b, uint32_t level, uint32_t j) {
    const uint32_t *reach = b->reach + b->first[level], *by_reach = b->by_reach + b->first[level];
    uint32_t low = 0, high = j;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (reach[by_reach[middle]] <= j)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The members of the set in a range of events, each by itself. */
static void add_tested(Lister *l, uint32_t begin, uint32_t end, uint32_t y) {
    const PythiaEvents *list = &l->set->list;
    for (uint32_t k = pythia_events_at(list, begin); k < list->n && list->events[k] < end; k++) {
        int yes = 0;
        if (!l->rc) l->rc = pythia_before_test(l->b, list->events[k], y, &yes);
        if (yes) add_range(l, list->events[k], list->events[k] + 1);
    }
}

/* Items from position `solid` on that precede item j but are not followed by such only. y: the event that
** is asked about. */
static void add_stragglers(Lister *l, uint32_t level, uint32_t solid, uint32_t j, uint32_t count,
                           uint32_t y) {
    const PythiaBefore *b = l->b;
    uint32_t spans = child_at(b, level, solid), spans_end = child_at(b, level, j);
    const PythiaEvents *list = l->set ? &l->set->list : NULL;
    if (list && pythia_events_at(list, 2 * spans_end) - pythia_events_at(list, 2 * spans) +
                        pythia_events_at(list, point_event(b, spans_end)) -
                        pythia_events_at(list, point_event(b, spans)) <
                    count) {
        add_tested(l, 2 * spans, 2 * spans_end, y);
        add_tested(l, point_event(b, spans), point_event(b, spans_end), y);
        if (is_roots(b, level)) return;
        add_tested(l, own_point(b, level, solid), own_point(b, level, j), y);
        if (pythia_before_end(b, level) >= solid) add_tested(l, 2 * level + 1, 2 * level + 2, y);
        return;
    }
    const uint32_t *by_reach = b->by_reach + b->first[level];
    for (uint32_t k = 0; k < count && !l->rc; k++)
        if (by_reach[k] >= solid) add_item_waited(l, level, by_reach[k]);
}

static void add_predecessors(Lister *l, uint32_t level, uint32_t j, uint32_t y) {
    const PythiaBefore *b = l->b;
    if (pythia_before_wide(b, level)) {
        add_wide_predecessors(l, level, j);
        return;
    }
    uint32_t base = b->first[level], solid = j;
    if (j && b->reach_most[base + j - 1] > j) /* reach_most rises: the first that is larger */
        solid = first_at_least(b->reach_most + base, j, j + 1);
    add_waited(l, is_roots(b, level) ? 0 : level + 1, child_at(b, level, solid));
    if (!is_roots(b, level)) {
        add_range(l, point_event(b, level), own_point(b, level, solid));
        if (pythia_before_end(b, level) < solid) add_range(l, 2 * level + 1, 2 * level + 2);
    }
    if (solid == j) return;
    uint32_t count = count_preceding(b, level, j);
    if (count > solid) add_stragglers(l, level, solid, j, count, y);
}

int pythia_before_predecessors(PythiaBefore *b, uint32_t x, PythiaEventSet *within, int innermost,
                               PythiaEvents *out, PythiaPoll *poll) {
    Lister l = {b, within, out, poll, SQLITE_OK};
    uint32_t level, before = out->n, j = home_of(b, x, &level);
    while (!l.rc) {
        add_predecessors(&l, level, j, x);
        if (is_roots(b, level) || (innermost && out->n > before)) break;
        add_range(&l, 2 * level, 2 * level + 1);
        if (innermost && out->n > before) break;
        uint32_t above = pythia_before_level(b, level);
        j = b->slot[2 * level] - b->first[above];
        level = above;
        if (!l.rc) l.rc = pythia_poll(poll);
    }
    return l.rc;
}

int pythia_before_list(PythiaBefore *b, uint32_t x, int after, PythiaEventSet *within,
                       PythiaEvents *out, PythiaPoll *poll) {
    if (within && !within->list.n) return SQLITE_OK;
    if (!b->is_tree) return pythia_graph_list(b, x, after, within, out, poll);
    if (!after) return pythia_before_predecessors(b, x, within, 0, out, poll);
    Lister l = {b, within, out, poll, SQLITE_OK};
    list_successors(&l, x);
    return l.rc;
}
