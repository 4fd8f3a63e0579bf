/* order.c - see order.h.
**
** How `before` is found for all items in one sweep. In sort order `from` never falls, so for two clocks c
** and d, with t the larger of their tolerances, the items of c that end at or before from(j) + t are a
** growing prefix of c's part of by_to as j runs through the items of d. Each item entering the prefix is
** released for d; k is the largest position that is both released for j's clock and below j.
**
** The cover of j is a window of each clock's part of by_to: below, what ends at or before from(k) + t
** precedes k; above, what ends after from(j) + t does not precede j. The windows are merged from above. */
#include "ext/trace/order.h"

#include <stdlib.h>

#include "ext/trace/learned.h"

const char *pythia_phase_name(int phase) {
    static const char *const name[] = {"start", "end", "point"};
    return phase >= 0 && phase <= 2 ? name[phase] : "?";
}

const char *pythia_edge_name(int kind) {
    static const char *const name[] = {"sequence", "call", "return", "fork", "join", "link"};
    return kind >= 0 && kind <= 5 ? name[kind] : "?";
}

int64_t pythia_event_raw_ns(const PythiaTrace *trace, uint32_t event) {
    if (event >= 2 * trace->nspans) return trace->points[event - 2 * trace->nspans].time_ns;
    const PythiaSpan *span = &trace->spans[event / 2];
    return event & 1 ? span->end_ns : span->start_ns;
}

int64_t pythia_event_time_ns(const PythiaTrace *trace, uint32_t event) {
    if (event < 2 * trace->nspans) {
        const PythiaSpan *span = &trace->spans[event / 2];
        return event & 1 ? span->to_ns : span->from_ns;
    }
    const PythiaPoint *point = &trace->points[event - 2 * trace->nspans];
    int64_t from = trace->spans[point->span].from_ns;
    return point->time_ns > from ? point->time_ns : from;
}

/* ---- building ------------------------------------------------------------------------------------ */

static int64_t span_tolerance_ns(const PythiaModel *model, const PythiaNames *names,
                                 const PythiaSpan *span) {
    uint32_t t = span->tracepoint;
    uint32_t service = t && t <= names->ntracepoints ? names->tracepoints[t].service : 0;
    return pythia_model_tolerance_ns(model, names, service, service);
}

/* Whether a comes before b; the P's end is handled by its caller. */
static int item_before(const PythiaItem *a, const PythiaItem *b) {
    return a->from_ns != b->from_ns ? a->from_ns < b->from_ns : a->to_ns <= b->to_ns;
}

static uint32_t children_count(const PythiaTrace *trace, uint32_t span) {
    if (span != PYTHIA_NO_SPAN) return pythia_span_children(trace, span);
    return trace->nroots;
}

static PythiaItem child_item(const PythiaTrace *trace, const PythiaModel *model,
                             const PythiaNames *names, uint32_t child) {
    const PythiaSpan *span = &trace->spans[child];
    return (PythiaItem){.from_ns = span->from_ns,
                        .to_ns = span->to_ns,
                        .tolerance_ns = span_tolerance_ns(model, names, span),
                        .first = 2 * child,
                        .last = 2 * child + 1};
}

/* Merges points and children, both sorted, into items; then puts the end in its place. */
static void items_fill(PythiaItems *items, const PythiaTrace *trace, const PythiaModel *model,
                       const PythiaNames *names, uint32_t span) {
    const PythiaSpan *p = span == PYTHIA_NO_SPAN ? NULL : &trace->spans[span];
    int64_t own_tolerance = p ? span_tolerance_ns(model, names, p) : 0;
    uint32_t child = p ? span + 1 : 0, stop = p ? p->last : trace->nspans;
    uint32_t point = p ? p->first_point : 0, points = p ? p->first_point + p->npoints : 0;
    uint32_t n = 0;
    for (; child < stop && point == points; child = trace->spans[child].last)
        items->items[n++] = child_item(trace, model, names, child);
    while (child < stop || point < points) {
        PythiaItem a = {0}, b = {0};
        if (point < points) {
            uint32_t event = 2 * trace->nspans + point;
            a.from_ns = a.to_ns = pythia_event_time_ns(trace, event);
            a.first = a.last = event;
            a.tolerance_ns = own_tolerance;
        }
        if (child < stop) b = child_item(trace, model, names, child);
        if (point < points && (child >= stop || item_before(&a, &b))) {
            items->items[n++] = a;
            point++;
        } else {
            items->items[n++] = b;
            child = trace->spans[child].last;
        }
    }
    items->end = n;
    if (p) {
        uint32_t at = n;
        while (at && items->items[at - 1].from_ns > p->to_ns)
            at--;
        if (at < n)
            memmove(items->items + at + 1, items->items + at, (n - at) * sizeof *items->items);
        items->items[at] = (PythiaItem){.from_ns = p->to_ns,
                                        .to_ns = p->to_ns,
                                        .tolerance_ns = own_tolerance,
                                        .first = 2 * span + 1,
                                        .last = 2 * span + 1};
        items->end = at;
        n++;
    }
    items->n = n;
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* Finds the clocks. One more than there is room for (there cannot be) would share the last. */
static int items_find_clocks(PythiaItems *items, PythiaArena *arena) {
    PythiaItemClock clocks[PYTHIA_CLOCKS_MAX];
    uint32_t n = 0, sum = 0;
    for (uint32_t i = 0; i < items->n; i++) {
        PythiaItem *item = &items->items[i];
        uint32_t c = 0;
        while (c < n && clocks[c].tolerance_ns != item->tolerance_ns)
            c++;
        if (c == PYTHIA_CLOCKS_MAX) c--;
        if (c == n) clocks[n++] = (PythiaItemClock){item->tolerance_ns, 0, 0};
        item->clock = c;
        clocks[c].last++;
    }
    for (uint32_t c = 0; c < n; c++) {
        clocks[c].first = sum;
        sum = clocks[c].last += sum;
    }
    items->nclocks = n;
    items->clocks = pythia_arena_copy(arena, clocks, n * sizeof *clocks);
    return items->clocks ? SQLITE_OK : SQLITE_NOMEM;
}

static int end_compare(const void *a, const void *b) {
    const PythiaItemEnd *x = a, *y = b;
    if (x->clock != y->clock) return x->clock < y->clock ? -1 : 1;
    if (x->to_ns != y->to_ns) return x->to_ns < y->to_ns ? -1 : 1;
    return x->position < y->position ? -1 : x->position > y->position;
}

/* Most lists are short: then each is put in its place as it comes. */
static void items_sort_ends(PythiaItems *items) {
    enum { SHORT = 16 };
    int sorted = 1;
    for (uint32_t i = 0; i < items->n; i++) {
        const PythiaItem *item = &items->items[i];
        const PythiaItemEnd end = {item->to_ns, i, item->clock};
        uint32_t k = i;
        if (items->n <= SHORT)
            for (; k && end_compare(&items->by_to[k - 1], &end) > 0; k--)
                items->by_to[k] = items->by_to[k - 1];
        else if (i && end_compare(&items->by_to[i - 1], &end) > 0)
            sorted = 0;
        items->by_to[k] = end;
    }
    if (!sorted) qsort(items->by_to, items->n, sizeof *items->by_to, end_compare);
}

int pythia_items_precede(const PythiaItems *items, uint32_t i, uint32_t j) {
    const PythiaItem *a = &items->items[i], *b = &items->items[j];
    return i < j && a->to_ns - larger(a->tolerance_ns, b->tolerance_ns) <= b->from_ns &&
           (!items->learned || pythia_learned_allows(items->learned, i, j));
}

static int item_is_point(const PythiaItem *item) {
    return item->first == item->last;
}

typedef struct Sweep {
    uint32_t next[PYTHIA_CLOCKS_MAX]
                 [PYTHIA_CLOCKS_MAX]; /* [of j][of i]: entries not yet released */
    uint32_t k[PYTHIA_CLOCKS_MAX];
    uint32_t *released; /* per item: a bit for each clock that it is released for */
} Sweep;

/* Releases what may precede item j for j's clock. */
static void sweep_release(Sweep *s, const PythiaItems *items, uint32_t j) {
    const PythiaItem *item = &items->items[j];
    uint32_t d = item->clock;
    for (uint32_t c = 0; c < items->nclocks; c++) {
        int64_t tolerance = larger(items->clocks[c].tolerance_ns, item->tolerance_ns);
        uint32_t next = s->next[d][c];
        for (; next < items->clocks[c].last; next++) {
            if (items->by_to[next].to_ns - tolerance > item->from_ns) break;
            uint32_t position = items->by_to[next].position;
            s->released[position] |= (uint32_t)1 << d;
            if (position < j && (s->k[d] == PYTHIA_NO_ITEM || position > s->k[d]))
                s->k[d] = position;
        }
        s->next[d][c] = next;
    }
}

static void items_sweep(PythiaItems *items, Sweep *s) {
    uint32_t last_point = PYTHIA_NO_ITEM;
    for (uint32_t d = 0; d < items->nclocks; d++) {
        s->k[d] = PYTHIA_NO_ITEM;
        for (uint32_t c = 0; c < items->nclocks; c++)
            s->next[d][c] = items->clocks[c].first;
    }
    for (uint32_t j = 0; j < items->n; j++) {
        PythiaItem *item = &items->items[j];
        for (uint32_t d = 0; j && d < items->nclocks; d++) /* released before it was passed */
            if (s->released[j - 1] >> d & 1) s->k[d] = j - 1;
        sweep_release(s, items, j);
        item->before = s->k[item->clock];
        if (items->nesting && j != items->end)
            item->before = item_is_point(item) ? last_point : PYTHIA_NO_ITEM;
        if (item_is_point(item) && j != items->end) last_point = j;
    }
}

int pythia_items_sort(PythiaItems *items, PythiaArena *arena, const PythiaTrace *trace,
                      const PythiaModel *model, const PythiaNames *names, uint32_t span) {
    size_t n = (size_t)children_count(trace, span) + 1;
    if (span != PYTHIA_NO_SPAN) n += trace->spans[span].npoints;
    items->items = pythia_arena_alloc(arena, n * sizeof *items->items);
    if (!items->items) return SQLITE_NOMEM;
    items->by_to = NULL;
    items->learned = NULL;
    items->nesting = model->causality == PYTHIA_CAUSALITY_NESTING;
    items_fill(items, trace, model, names, span);
    return items_find_clocks(items, arena);
}

int pythia_items_build(PythiaItems *items, PythiaArena *arena, const PythiaTrace *trace,
                       const PythiaModel *model, const PythiaNames *names, uint32_t span) {
    int rc = pythia_items_sort(items, arena, trace, model, names, span);
    if (rc) return rc;
    size_t n = (size_t)items->n + 1;
    items->by_to = pythia_arena_alloc(arena, n * sizeof *items->by_to);
    Sweep sweep;
    sweep.released = pythia_arena_alloc(arena, n * sizeof *sweep.released);
    if (!items->by_to || !sweep.released) return SQLITE_NOMEM;
    memset(sweep.released, 0, n * sizeof *sweep.released);
    items_sort_ends(items);
    items_sweep(items, &sweep);
    return model->causality == PYTHIA_CAUSALITY_LEARNED
               ? pythia_items_learn(items, arena, trace, model, names, span)
               : SQLITE_OK;
}

/* Puts the cursors above the last entries that may precede item j. */
static void cover_begin(const PythiaItems *items, const PythiaItem *item, PythiaCover *state) {
    for (uint32_t c = 0; c < items->nclocks; c++) {
        const PythiaItemClock *clock = &items->clocks[c];
        int64_t tolerance = larger(clock->tolerance_ns, item->tolerance_ns);
        uint32_t low = clock->first, high = clock->last;
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (items->by_to[middle].to_ns - tolerance <= item->from_ns)
                low = middle + 1;
            else
                high = middle;
        }
        state->next[c] = low;
    }
    state->begun = 1;
}

/* Whether an entry that precedes j precedes k too, and so do all below it. In nesting order the end waits
** for all children, which do not precede each other. */
static int cover_is_done(const PythiaItems *items, const PythiaItemEnd *entry, uint32_t k) {
    const PythiaItem *last = &items->items[k];
    int64_t tolerance = larger(items->clocks[entry->clock].tolerance_ns, last->tolerance_ns);
    return !items->nesting && entry->to_ns - tolerance <= last->from_ns;
}

/* The cover of item j was found already; next[0] counts. */
static uint32_t learned_cover(const PythiaLearnedItems *learned, uint32_t j, PythiaCover *state) {
    uint32_t at = learned->first[j] + state->next[0];
    if (at >= learned->first[j + 1]) return PYTHIA_NO_ITEM;
    state->next[0]++;
    return learned->cover[at];
}

uint32_t pythia_items_cover(const PythiaItems *items, uint32_t j, PythiaCover *state) {
    if (items->learned) return learned_cover(items->learned, j, state);
    uint32_t k = items->items[j].before;
    if (k == PYTHIA_NO_ITEM) return PYTHIA_NO_ITEM;
    int only_k = items->nesting && j != items->end;
    if (!state->begun) cover_begin(items, &items->items[j], state);
    const PythiaItemEnd *best = NULL;
    for (uint32_t c = 0; !only_k && c < items->nclocks; c++) {
        uint32_t next = state->next[c], first = items->clocks[c].first;
        while (next > first && items->by_to[next - 1].position > k &&
               !cover_is_done(items, &items->by_to[next - 1], k))
            next--;
        state->next[c] = next;
        const PythiaItemEnd *entry = next > first ? &items->by_to[next - 1] : NULL;
        if (!entry || cover_is_done(items, entry, k)) continue;
        if (!best || entry->to_ns > best->to_ns ||
            (entry->to_ns == best->to_ns && entry->position > best->position))
            best = entry;
    }
    if (best) {
        state->next[best->clock]--;
        if (best->position == k) state->k_given = 1;
        return best->position;
    }
    if (state->k_given) return PYTHIA_NO_ITEM;
    state->k_given = 1; /* what has no length lies below its own window */
    return k;
}

/* ---- links -------------------------------------------------------------------------------------- */

/* The latest event of a span that is not later than `time_ns`; PYTHIA_NO_SPAN: there is none. A point may
** lie behind the end. */
static uint32_t latest_event(const PythiaTrace *trace, uint32_t span, int64_t time_ns) {
    const PythiaSpan *s = &trace->spans[span];
    if (s->from_ns > time_ns) return PYTHIA_NO_SPAN;
    if (trace->is_dag) return 2 * span;
    uint32_t low = s->first_point, high = s->first_point + s->npoints;
    while (low < high) { /* the first point that is later */
        uint32_t middle = low + (high - low) / 2;
        if (trace->points[middle].time_ns <= time_ns)
            low = middle + 1;
        else
            high = middle;
    }
    uint32_t event = low > s->first_point ? 2 * trace->nspans + low - 1 : 2 * span;
    if (s->to_ns <= time_ns && s->to_ns >= pythia_event_time_ns(trace, event)) event = 2 * span + 1;
    return event;
}

/* A link may go forward in time; at the same instant it may go forward in preorder, but not from the end
** of a span to something inside it. */
static uint32_t link_source(const PythiaTrace *trace, uint32_t linked, uint32_t linking) {
    int64_t start_ns = trace->spans[linking].from_ns;
    uint32_t event = latest_event(trace, linked, start_ns);
    if (event == PYTHIA_NO_SPAN || linked == linking) return PYTHIA_NO_SPAN;
    if (pythia_event_time_ns(trace, event) < start_ns) return event;
    int inside = linking > linked && linking < trace->spans[linked].last;
    return linked < linking && !inside ? event : PYTHIA_NO_SPAN;
}

/* *refused: links whose span is known but from none of whose events they can come. */
static int find_sources(const PythiaTrace *trace, PythiaArena *arena, const uint32_t **sources,
                        uint32_t *refused) {
    *sources = NULL;
    *refused = 0;
    if (!trace->nlinks) return SQLITE_OK;
    uint32_t *source = pythia_arena_alloc(arena, trace->nlinks * sizeof *source);
    uint64_t slots = 16;
    while (slots < (uint64_t)trace->nspans * 2)
        slots *= 2;
    uint32_t *slot = pythia_arena_alloc(arena, slots * sizeof *slot);
    if (!source || !slot) return SQLITE_NOMEM;
    memset(slot, 0, slots * sizeof *slot);
    for (uint32_t i = 0; i < trace->nspans; i++) { /* the first span with an id stands for it */
        uint64_t s = pythia_id_hash(trace->spans[i].id) & (slots - 1);
        while (slot[s] && !pythia_id_equal(trace->spans[slot[s] - 1].id, trace->spans[i].id))
            s = (s + 1) & (slots - 1);
        if (!slot[s]) slot[s] = i + 1;
    }
    for (uint32_t l = 0; l < trace->nlinks; l++) {
        const PythiaLinkTo *link = &trace->links[l];
        source[l] = PYTHIA_NO_SPAN;
        if (link->trace.form != PYTHIA_ID_NONE && !pythia_id_equal(link->trace, trace->id))
            continue;
        uint64_t s = pythia_id_hash(link->span) & (slots - 1);
        while (slot[s] && !pythia_id_equal(trace->spans[slot[s] - 1].id, link->span))
            s = (s + 1) & (slots - 1);
        if (!slot[s]) continue;
        source[l] = link_source(trace, slot[s] - 1, link->from_span);
        *refused += source[l] == PYTHIA_NO_SPAN;
    }
    *sources = source;
    return SQLITE_OK;
}

int pythia_trace_link_sources(const PythiaTrace *trace, PythiaArena *arena,
                              const uint32_t **sources) {
    uint32_t refused;
    return find_sources(trace, arena, sources, &refused);
}

int pythia_trace_links_backward(const PythiaTrace *trace, uint32_t *n) {
    PythiaArena arena = {0};
    const uint32_t *sources;
    int rc = find_sources(trace, &arena, &sources, n);
    pythia_arena_clear(&arena);
    return rc;
}

/* ---- edges --------------------------------------------------------------------------------------- */

static int edge_kind_from_start(const PythiaItems *items, uint32_t j) {
    const PythiaItem *item = &items->items[j];
    if (item_is_point(item)) return PYTHIA_EDGE_SEQUENCE;
    int outlives = items->end < items->n && item->to_ns > items->items[items->end].to_ns &&
                   !pythia_items_precede(items, j, items->end);
    return outlives ? PYTHIA_EDGE_FORK : PYTHIA_EDGE_CALL;
}

int pythia_items_edge_kind(const PythiaItems *items, uint32_t i, uint32_t j) {
    if (i == PYTHIA_NO_ITEM)
        return j == items->end ? PYTHIA_EDGE_SEQUENCE : edge_kind_from_start(items, j);
    if (j != items->end || item_is_point(&items->items[i])) return PYTHIA_EDGE_SEQUENCE;
    PythiaCover cover = {0};
    pythia_items_cover(items, j, &cover);
    return pythia_items_cover(items, j, &cover) == PYTHIA_NO_ITEM ? PYTHIA_EDGE_RETURN
                                                                  : PYTHIA_EDGE_JOIN;
}

typedef int (*EdgeFunction)(void *context, const PythiaEdge *edge);

static int span_edges(const PythiaItems *items, uint32_t span, EdgeFunction edge, void *context) {
    for (uint32_t j = 0; j < items->n; j++) {
        PythiaCover cover = {0};
        uint32_t i = pythia_items_cover(items, j, &cover);
        if (i == PYTHIA_NO_ITEM && span == PYTHIA_NO_SPAN) continue;
        PythiaEdge e = {.destination = items->items[j].first, .between = span};
        do {
            e.source = i == PYTHIA_NO_ITEM ? 2 * span : items->items[i].last;
            e.kind = pythia_items_edge_kind(items, i, j);
            int rc = edge(context, &e);
            if (rc) return rc;
            if (i != PYTHIA_NO_ITEM) i = pythia_items_cover(items, j, &cover);
        } while (i != PYTHIA_NO_ITEM);
    }
    return SQLITE_OK;
}

void pythia_dag_degrees(const PythiaTrace *trace, const uint32_t *link_sources,
                        uint32_t *successors, uint32_t *predecessors) {
    for (uint32_t i = 0; i < trace->nspans; i++) {
        if (trace->spans[i].parent < 0) continue;
        successors[trace->spans[i].parent]++;
        predecessors[i]++;
    }
    for (uint32_t l = 0; link_sources && l < trace->nlinks; l++) {
        if (link_sources[l] == PYTHIA_NO_SPAN) continue;
        successors[link_sources[l] / 2]++;
        predecessors[trace->links[l].from_span]++;
    }
}

/* Edges of a DAG of single events: what was recorded, and nothing that time suggests. */
static int dag_edges(const PythiaTrace *trace, PythiaArena *arena, EdgeFunction edge,
                     void *context) {
    const uint32_t *sources = NULL;
    size_t bytes = trace->nspans * sizeof(uint32_t);
    uint32_t *successors = pythia_arena_alloc(arena, bytes),
             *predecessors = pythia_arena_alloc(arena, bytes);
    if (!successors || !predecessors) return SQLITE_NOMEM;
    int rc = pythia_trace_link_sources(trace, arena, &sources);
    if (rc) return rc;
    memset(successors, 0, bytes);
    memset(predecessors, 0, bytes);
    pythia_dag_degrees(trace, sources, successors, predecessors);
    for (uint32_t i = 0; !rc && i < trace->nspans; i++) {
        if (trace->spans[i].parent < 0) continue;
        uint32_t parent = (uint32_t)trace->spans[i].parent;
        PythiaEdge e = {2 * parent, 2 * i, PYTHIA_NO_SPAN,
                        pythia_dag_edge_kind(successors[parent], predecessors[i])};
        rc = edge(context, &e);
    }
    for (uint32_t l = 0; !rc && sources && l < trace->nlinks; l++) {
        if (sources[l] == PYTHIA_NO_SPAN) continue;
        uint32_t to = trace->links[l].from_span;
        PythiaEdge e = {sources[l], 2 * to, PYTHIA_NO_SPAN,
                        pythia_dag_edge_kind(successors[sources[l] / 2], predecessors[to])};
        rc = edge(context, &e);
    }
    return rc;
}

int pythia_trace_edges(const PythiaTrace *trace, const PythiaModel *model, const PythiaNames *names,
                       EdgeFunction edge, void *context) {
    PythiaArena arena = {0};
    int rc = SQLITE_OK;
    if (trace->is_dag) {
        rc = dag_edges(trace, &arena, edge, context);
        pythia_arena_clear(&arena);
        return rc;
    }
    for (uint32_t i = 0; !rc && i <= trace->nspans; i++) {
        uint32_t span = i ? i - 1 : PYTHIA_NO_SPAN;
        PythiaItems items;
        pythia_arena_reset(&arena);
        rc = pythia_items_build(&items, &arena, trace, model, names, span);
        if (!rc) rc = span_edges(&items, span, edge, context);
    }
    const uint32_t *sources = NULL;
    pythia_arena_reset(&arena);
    if (!rc) rc = pythia_trace_link_sources(trace, &arena, &sources);
    for (uint32_t l = 0; !rc && sources && l < trace->nlinks; l++) {
        if (sources[l] == PYTHIA_NO_SPAN) continue;
        PythiaEdge e = {sources[l], 2 * trace->links[l].from_span, PYTHIA_NO_SPAN,
                        PYTHIA_EDGE_LINK};
        rc = edge(context, &e);
    }
    pythia_arena_clear(&arena);
    return rc;
}
