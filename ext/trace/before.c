/* before.c - see before.h: the labels, and the test.
**
** Item i of a level precedes item j at once when to(i) - tolerance <= from(j) and i sorts earlier. With one
** clock that is transitive, and as `from` never falls in sort order, what i precedes is everything from
** one position on: reach(i). So i precedes j exactly when reach(i) <= j, and the items that precede j are
** the first ones by reach.
**
** Where several clocks meet, or only points and the end wait for others (nesting), the items of a level fall
** into classes, and what i precedes, at once or by way of others, is everything from one position on within
** each class. From the last item to the first: what i precedes at once in class c is a suffix of c; what any
** of that suffix precedes was found before, and the smallest of it is kept for every suffix.
**
** The end of a span is reached from an event inside unless the way up leads through an asynchronous item,
** one that does not precede the end of its span. `stop` names the lowest such span. */
#include "ext/trace/before.h"

#include "ext/trace/graph.h"

/* ---- building: one level --------------------------------------------------------------------------- */

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* First position from `low` on whose item begins at or after a time. */
static uint32_t first_from(const PythiaItems *items, uint32_t low, int64_t time_ns) {
    uint32_t high = items->n;
    if (low >= high || items->items[low].from_ns >= time_ns) return low;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (items->items[middle].from_ns < time_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Positions by their reach; counting, as reaches are positions. stride: from one reach to the next. */
static int sort_by_reach(PythiaArena *scratch, const uint32_t *reach, size_t stride, uint32_t n,
                         uint32_t *by_reach) {
    uint32_t *count = pythia_arena_alloc(scratch, ((size_t)n + 2) * sizeof *count);
    if (!count) return SQLITE_NOMEM;
    memset(count, 0, ((size_t)n + 2) * sizeof *count);
    for (uint32_t i = 0; i < n; i++)
        count[reach[i * stride] + 1]++;
    for (uint32_t r = 0; r < n; r++)
        count[r + 1] += count[r];
    for (uint32_t i = 0; i < n; i++)
        by_reach[count[reach[i * stride]]++] = i;
    return SQLITE_OK;
}

static int level_simple(PythiaBefore *b, uint32_t level, const PythiaItems *items) {
    uint32_t *reach = b->reach + b->first[level], *most = b->reach_most + b->first[level];
    uint32_t *by_reach = b->by_reach + b->first[level], so_far = 0;
    int rising = 1;
    for (uint32_t i = 0; i < items->n; i++) {
        const PythiaItem *item = &items->items[i];
        reach[i] = first_from(items, i + 1, item->to_ns - item->tolerance_ns);
        if (reach[i] >= so_far)
            so_far = reach[i];
        else
            rising = 0;
        most[i] = so_far;
        by_reach[i] = i;
    }
    return rising ? SQLITE_OK : sort_by_reach(&b->scratch, reach, 1, items->n, by_reach);
}

/* next[p * classes + c]: first position from p on that is of class c; a row more than items. */
static uint32_t *next_of_class(PythiaArena *scratch, const PythiaWideLevel *w) {
    size_t k = w->nclasses;
    uint32_t *next = pythia_arena_alloc(scratch, ((size_t)w->n + 1) * k * sizeof *next);
    if (!next) return NULL;
    for (size_t c = 0; c < k; c++)
        next[w->n * k + c] = w->n;
    for (uint32_t p = w->n; p-- > 0;) {
        memcpy(next + p * k, next + (p + 1) * k, k * sizeof *next);
        next[p * k + w->class[p]] = p;
    }
    return next;
}

static void lower(uint32_t *a, const uint32_t *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (b[i] < a[i]) a[i] = b[i];
}

static int wide_clocks(PythiaBefore *b, PythiaWideLevel *w, const PythiaItems *items) {
    size_t k = w->nclasses;
    for (uint32_t i = 0; i < w->n; i++)
        w->class[i] = (unsigned char)items->items[i].clock;
    uint32_t *next = next_of_class(&b->scratch, w);
    /* low[p]: the smallest reaches of p and all later items of its class */
    uint32_t *low = pythia_arena_alloc(&b->scratch, ((size_t)w->n + 1) * k * sizeof *low);
    if (!next || !low) return SQLITE_NOMEM;
    for (size_t c = 0; c < k; c++)
        low[w->n * k + c] = w->n;
    for (uint32_t p = w->n; p-- > 0;) {
        const PythiaItem *item = &items->items[p];
        uint32_t *reach = w->reach + p * k, direct[PYTHIA_CLOCKS_MAX];
        for (size_t c = 0; c < k; c++) {
            int64_t tolerance = larger(item->tolerance_ns, items->clocks[c].tolerance_ns);
            uint32_t from = first_from(items, p + 1, item->to_ns - tolerance);
            reach[c] = direct[c] = next[from * k + c];
        }
        for (size_t c = 0; c < k; c++)
            lower(reach, low + direct[c] * k, k);
        memcpy(low + p * k, reach, k * sizeof *low);
        lower(low + p * k, low + next[(p + 1) * k + w->class[p]] * k, k);
    }
    return SQLITE_OK;
}

/* Nesting order: points follow each other, the end waits for what ended, children wait for nobody. */
enum { NESTING_CHILD = 0, NESTING_POINT, NESTING_END, NESTING_CLASSES };

static void wide_nesting(PythiaWideLevel *w, const PythiaItems *items) {
    for (uint32_t i = 0; i < w->n; i++) {
        const PythiaItem *item = &items->items[i];
        int point = item->first == item->last && i != items->end;
        uint32_t *reach = w->reach + (size_t)i * w->nclasses;
        w->class[i] = i == items->end ? NESTING_END : point ? NESTING_POINT : NESTING_CHILD;
        reach[NESTING_CHILD] = w->n;
        reach[NESTING_POINT] = point ? i + 1 : w->n;
        reach[NESTING_END] =
            items->end < items->n && pythia_items_precede(items, i, items->end) ? items->end : w->n;
    }
}

static int level_wide(PythiaBefore *b, uint32_t level, const PythiaItems *items) {
    if (!b->wide) {
        size_t bytes = ((size_t)b->trace->nspans + 1) * sizeof(PythiaWideLevel *);
        b->wide = pythia_arena_alloc(&b->arena, bytes);
        if (!b->wide) return SQLITE_NOMEM;
        memset(b->wide, 0, bytes);
    }
    PythiaWideLevel *w = pythia_arena_alloc(&b->arena, sizeof *w);
    if (!w) return SQLITE_NOMEM;
    w->n = items->n;
    w->nclasses = items->nesting ? NESTING_CLASSES : items->nclocks;
    size_t cells = (size_t)w->n * w->nclasses;
    w->class = pythia_arena_alloc(&b->arena, w->n);
    w->reach = pythia_arena_alloc(&b->arena, cells * sizeof *w->reach);
    w->by_reach = pythia_arena_alloc(&b->arena, cells * sizeof *w->by_reach);
    if (!w->class || !w->reach || !w->by_reach) return SQLITE_NOMEM;
    int rc = SQLITE_OK;
    if (items->nesting)
        wide_nesting(w, items);
    else
        rc = wide_clocks(b, w, items);
    for (uint32_t c = 0; !rc && c < w->nclasses; c++)
        rc = sort_by_reach(&b->scratch, w->reach + c, w->nclasses, w->n,
                           w->by_reach + (size_t)c * w->n);
    b->wide[level] = w;
    return rc;
}

static int build_level(PythiaBefore *b, uint32_t level, const PythiaModel *model,
                       const PythiaNames *names) {
    const PythiaTrace *t = b->trace;
    uint32_t base = b->first[level], child = level < t->nspans ? t->spans[level].last : t->nspans;
    if (level < t->nspans && child == level + 1 && !t->spans[level].npoints) {
        b->event[base] = 2 * level + 1; /* a leaf: its end alone */
        b->slot[2 * level + 1] = base;
        b->next_child[base] = child;
        b->reach[base] = b->reach_most[base] = 1;
        b->by_reach[base] = 0;
        b->first[level + 1] = base + 1;
        return SQLITE_OK;
    }
    PythiaItems items;
    pythia_arena_reset(&b->scratch);
    int rc = pythia_items_sort(&items, &b->scratch, t, model, names,
                               level < t->nspans ? level : PYTHIA_NO_SPAN);
    if (rc) return rc;
    b->first[level + 1] = base + items.n;
    for (uint32_t i = items.n; i-- > 0;) {
        const PythiaItem *item = &items.items[i];
        b->event[base + i] = item->first;
        b->slot[item->first] = base + i;
        if (item->first != item->last) child = item->first / 2;
        b->next_child[base + i] = child;
    }
    if (items.nesting || items.nclocks > 1) return level_wide(b, level, &items);
    return level_simple(b, level, &items);
}

/* ---- building: the trace ---------------------------------------------------------------------------- */

static void *room(PythiaBefore *b, size_t n) {
    return pythia_arena_alloc(&b->arena, n * sizeof(uint32_t));
}

static int build_rooms(PythiaBefore *b) {
    size_t spans = b->trace->nspans, events = b->nevents;
    b->first = room(b, spans + 2);
    b->event = room(b, events);
    b->slot = room(b, events);
    b->next_child = room(b, events);
    b->reach = room(b, events);
    b->reach_most = room(b, events);
    b->by_reach = room(b, events);
    b->points_before = room(b, spans + 1);
    b->jump = room(b, spans);
    b->stop = room(b, spans);
    b->late = room(b, spans);
    b->late_points = room(b, b->trace->npoints);
    if (!b->first || !b->event || !b->slot || !b->next_child || !b->reach || !b->reach_most ||
        !b->by_reach || !b->points_before || !b->jump || !b->stop || !b->late || !b->late_points)
        return SQLITE_NOMEM;
    return SQLITE_OK;
}

/* Ancestors far up, as in a skew-binary number system (Myers, "An applicative random-access stack",
** Information Processing Letters 17, 1983): from any span, those on the way to any ancestor are
** O(log depth). */
static uint32_t jump_of(const PythiaBefore *b, uint32_t span) {
    const PythiaSpan *spans = b->trace->spans;
    if (spans[span].parent < 0) return span;
    uint32_t p = (uint32_t)spans[span].parent, far = b->jump[p], farther = b->jump[far];
    return spans[p].depth - spans[far].depth == spans[far].depth - spans[farther].depth ? farther
                                                                                        : p;
}

static void build_climbs(PythiaBefore *b) {
    const PythiaTrace *t = b->trace;
    uint32_t points = 0;
    b->nlate = b->nlate_points = 0;
    for (uint32_t s = 0; s < t->nspans; s++) {
        b->points_before[s] = points;
        points += t->spans[s].npoints;
        b->jump[s] = jump_of(b, s);
        b->stop[s] = PYTHIA_NO_SPAN;
        if (t->spans[s].parent < 0) continue;
        uint32_t p = (uint32_t)t->spans[s].parent;
        b->stop[s] = b->stop[p];
        if (pythia_before_items_precede(b, p, b->slot[2 * s] - b->first[p],
                                        pythia_before_end(b, p)))
            continue;
        b->stop[s] = s;
        b->late[b->nlate++] = s;
    }
    b->points_before[t->nspans] = points;
    for (uint32_t i = 0; i < t->npoints; i++) {
        uint32_t s = t->points[i].span, event = 2 * t->nspans + i;
        if (!pythia_before_items_precede(b, s, b->slot[event] - b->first[s],
                                         pythia_before_end(b, s)))
            b->late_points[b->nlate_points++] = event;
    }
}

static int edge_keep(void *context, const PythiaEdge *edge) {
    PythiaBefore *b = context;
    int rc = pythia_grow((void **)&b->edges, &b->edges_capacity, b->nedges + 1, sizeof *b->edges);
    if (!rc) b->edges[b->nedges++] = *edge;
    return rc;
}

int pythia_before_build(PythiaBefore *b, const PythiaTrace *trace, const PythiaModel *model,
                        const PythiaNames *names) {
    pythia_graph_free(b->graph);
    b->graph = NULL;
    pythia_arena_reset(&b->arena);
    pythia_arena_reset(&b->scratch);
    b->trace = trace;
    b->nevents = pythia_trace_events(trace);
    b->is_tree = !trace->is_dag;
    b->wide = NULL;
    b->memo = NULL;
    b->epoch = 0;
    b->nedges = 0;
    b->listed = !trace->is_dag && model->causality == PYTHIA_CAUSALITY_LEARNED;
    int rc = pythia_trace_link_sources(trace, &b->arena, &b->link_sources);
    for (uint32_t l = 0; !rc && b->link_sources && l < trace->nlinks; l++)
        if (b->link_sources[l] != PYTHIA_NO_SPAN) b->is_tree = 0;
    if (rc || trace->is_dag) return rc;
    if (b->listed) { /* what precedes what inside a span is no matter of time alone */
        b->is_tree = 0;
        return pythia_trace_edges(trace, model, names, edge_keep, b);
    }
    rc = build_rooms(b);
    if (rc) return rc;
    b->first[0] = 0;
    for (uint32_t level = 0; !rc && level <= trace->nspans; level++)
        rc = build_level(b, level, model, names);
    if (!rc) build_climbs(b);
    return rc;
}

void pythia_before_clear(PythiaBefore *b) {
    pythia_graph_free(b->graph);
    pythia_free(b->edges);
    pythia_arena_clear(&b->arena);
    pythia_arena_clear(&b->scratch);
    memset(b, 0, sizeof *b);
}

/* ---- the test ---------------------------------------------------------------------------------------- */

static int contains(const PythiaBefore *b, uint32_t span, uint32_t other) {
    return span <= other && other < b->trace->spans[span].last;
}

/* The highest span at or above `span` that does not contain another; NO_SPAN: all do. */
static uint32_t highest_apart(const PythiaBefore *b, uint32_t span, uint32_t other) {
    if (contains(b, span, other)) return PYTHIA_NO_SPAN;
    for (;;) {
        uint32_t far = b->jump[span];
        if (far != span && !contains(b, far, other)) {
            span = far;
            continue;
        }
        int32_t parent = b->trace->spans[span].parent;
        if (parent < 0 || contains(b, (uint32_t)parent, other)) return span;
        span = (uint32_t)parent;
    }
}

/* Whether x, which lies in or under `item`, a span, reaches its end. */
static int reaches_end(const PythiaBefore *b, uint32_t x, uint32_t item) {
    uint32_t home = pythia_event_span(b->trace, x);
    if (pythia_event_phase(b->trace, x) == PYTHIA_PHASE_POINT &&
        !pythia_before_items_precede(b, home, b->slot[x] - b->first[home],
                                     pythia_before_end(b, home)))
        return 0;
    uint32_t stop = b->stop[home];
    return stop == PYTHIA_NO_SPAN || b->trace->spans[stop].depth <= b->trace->spans[item].depth;
}

static int tree_test(const PythiaBefore *b, uint32_t x, uint32_t y) {
    const PythiaTrace *t = b->trace;
    if (x == y) return 0;
    uint32_t xs = pythia_event_span(t, x), ys = pythia_event_span(t, y);
    uint32_t xi = highest_apart(b, xs, ys), yi = highest_apart(b, ys, xs);
    /* Their lowest common ancestor: a span that has one of the two itself, or the parent of both. */
    uint32_t level = xi == PYTHIA_NO_SPAN   ? xs
                     : yi == PYTHIA_NO_SPAN ? ys
                                            : pythia_before_level(b, xi);
    if (xi == PYTHIA_NO_SPAN && pythia_event_phase(t, x) == PYTHIA_PHASE_START) return 1;
    if (yi == PYTHIA_NO_SPAN && pythia_event_phase(t, y) == PYTHIA_PHASE_START) return 0;
    if (xi != PYTHIA_NO_SPAN && !reaches_end(b, x, xi)) return 0;
    uint32_t i = b->slot[xi == PYTHIA_NO_SPAN ? x : 2 * xi] - b->first[level];
    uint32_t j = b->slot[yi == PYTHIA_NO_SPAN ? y : 2 * yi] - b->first[level];
    return pythia_before_items_precede(b, level, i, j);
}

int pythia_before_test(PythiaBefore *b, uint32_t x, uint32_t y, int *yes) {
    *yes = 0;
    if (!b->is_tree) return pythia_graph_test(b, x, y, yes);
    *yes = tree_test(b, x, y);
    return SQLITE_OK;
}
