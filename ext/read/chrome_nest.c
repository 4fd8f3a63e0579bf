/* chrome_nest.c - Chrome's events become spans (chrome.h).
**
** Three passes over arrays that are sorted once each.
**
** 1. Pairing, by (time, place in the file): B and E by a stack for each thread, whatever their names; b and e
**    by a stack for each group, an end closing the innermost slice of its name; S and F likewise. Instants
**    and steps of a group are points on its innermost open slice.
** 2. Nesting, by (thread, time, longer first): a slice is the child of the innermost slice of its thread that
**    contains it. Ends may exceed the parent's by a nanosecond, as times are sums of rounded fractions. A
**    flow's begin and steps, and instants, belong to the innermost slice around their time; a flow's end to the
**    next slice that begins, or, with "bp": "e", to the one around it.
** 3. Flows, by (key, time): each bound slice follows from the one before it.
**
** A trace is an outermost slice with all below it. Its id is made of what stays the same when the file is
** read again: `<pid>/<tid>/<start in ns>` in a thread, `async/<category>/.../<id>/<start in ns>` in a group (with
** `/2`, `/3` ... where several of a group start in one instant). Span ids number the slices of a trace.
**
** A slice without an end has PYTHIA_SPAN_NO_END; what begins after it in its thread lies inside it. */
#include "ext/read/chrome.h"

#include <stdlib.h>

#define NONE UINT32_MAX
enum { SLACK_NS = 1 };

typedef struct Slice {
    int64_t start_ns, end_ns;
    int64_t inside_ns;         /* children end by then; the same as the end where there is one */
    uint32_t event, end_event; /* end_event: NONE, or that whose arguments count too */
    uint32_t below;            /* while open: the next on its stack */
    uint32_t parent;           /* or NONE */
    uint32_t root, number;     /* number: in its trace, 1 for the root */
    uint32_t count;            /* of a root: slices in the trace */
    uint32_t repeat;           /* of a root in a group: 1, 2 ... of the same start */
    uint32_t points, links;    /* heads of lists, newest first; or NONE */
    int no_end;
} Slice;

/* An entry of a slice's list: an event (points) or a slice (links). */
typedef struct Entry {
    uint32_t what, next;
} Entry;

/* What pass 2 sorts: slices and what binds to them. */
typedef struct Item {
    int64_t time_ns, inside_ns;
    uint32_t thread, order, index;
    enum { ITEM_NEXT = 0, ITEM_SLICE, ITEM_BINDS } what; /* in this order at one time */
} Item;

/* A flow's event, bound. */
typedef struct Bound {
    uint32_t event, slice;
} Bound;

typedef struct Group {
    uint32_t open;      /* top of the stack, or NONE */
    uint32_t last_root; /* or NONE */
} Group;

typedef struct Nest {
    PythiaReader *r;
    PythiaChromeState *s;
    Slice *slices;
    Entry *entries;
    Item *items;
    Bound *bounds;
    uint32_t *stack; /* pass 1: tops, by thread; pass 2: the stack of one thread */
    Group *groups;   /* by key */
    uint32_t nslices, nentries, nitems, nbounds;
} Nest;

static int event_compare(const void *a, const void *b) {
    const PythiaChromeEvent *x = a, *y = b;
    if (x->ts_ns != y->ts_ns) return x->ts_ns < y->ts_ns ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int item_compare(const void *a, const void *b) {
    const Item *x = a, *y = b;
    if (x->thread != y->thread) return x->thread < y->thread ? -1 : 1;
    if (x->time_ns != y->time_ns) return x->time_ns < y->time_ns ? -1 : 1;
    if (x->what != y->what) return x->what < y->what ? -1 : 1;
    if (x->inside_ns != y->inside_ns) return x->inside_ns > y->inside_ns ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* An event that came to nothing. */
static void event_reject(Nest *nest, const PythiaChromeEvent *event, const char *kind,
                         const char *what) {
    PythiaText name = pythia_intern_text(&nest->s->strings, event->name);
    nest->r->position = event->position;
    pythia_reader_reject(nest->r, kind, "%s: phase %c, \"%.*s\".", what, event->phase,
                         (int)(name.n < 100 ? name.n : 100), name.p);
}

static void entry_add(Nest *nest, uint32_t *head, uint32_t what) {
    nest->entries[nest->nentries] = (Entry){what, *head};
    *head = nest->nentries++;
}

/* ---- pass 1: pairing ---- */

static uint32_t slice_add(Nest *nest, uint32_t event) {
    const PythiaChromeEvent *e = &nest->s->events[event];
    uint32_t index = nest->nslices++;
    nest->slices[index] = (Slice){.start_ns = e->ts_ns,
                                  .end_ns = e->ts_ns,
                                  .inside_ns = INT64_MAX,
                                  .event = event,
                                  .end_event = NONE,
                                  .below = NONE,
                                  .parent = NONE,
                                  .points = NONE,
                                  .links = NONE,
                                  .no_end = 1};
    return index;
}

static void slice_close(Nest *nest, uint32_t slice, uint32_t event) {
    Slice *c = &nest->slices[slice];
    c->end_ns = c->inside_ns = nest->s->events[event].ts_ns;
    c->end_event = event;
    c->no_end = 0;
}

static void slice_complete(Nest *nest, uint32_t event) {
    const PythiaChromeEvent *e = &nest->s->events[event];
    int64_t end_ns;
    if (__builtin_add_overflow(e->ts_ns, e->dur_ns, &end_ns) || e->dur_ns < 0) {
        event_reject(nest, e, "time", "The duration of an event is out of range");
        return;
    }
    Slice *c = &nest->slices[slice_add(nest, event)];
    c->end_ns = c->inside_ns = end_ns;
    c->no_end = !e->has_dur;
}

/* Makes a slice part of a trace: its parent's, or its own. */
static void slice_root(Nest *nest, uint32_t slice, uint32_t parent) {
    Slice *c = &nest->slices[slice];
    c->parent = parent;
    c->root = parent == NONE ? slice : nest->slices[parent].root;
    c->number = ++nest->slices[c->root].count;
}

static void group_begin(Nest *nest, uint32_t event) {
    Group *group = &nest->groups[nest->s->events[event].key];
    uint32_t slice = slice_add(nest, event);
    Slice *c = &nest->slices[slice];
    c->below = group->open;
    c->repeat = 1;
    slice_root(nest, slice, group->open);
    group->open = slice;
    if (c->parent != NONE) return;
    if (group->last_root != NONE && nest->slices[group->last_root].start_ns == c->start_ns)
        c->repeat = nest->slices[group->last_root].repeat + 1;
    group->last_root = slice;
}

/* Closes the innermost slice of the event's name, and leaves those inside it without an end. */
static void group_end(Nest *nest, uint32_t event) {
    const PythiaChromeEvent *e = &nest->s->events[event];
    Group *group = &nest->groups[e->key];
    int named = pythia_intern_text(&nest->s->strings, e->name).n > 0;
    uint32_t slice = group->open;
    while (slice != NONE && named && nest->s->events[nest->slices[slice].event].name != e->name)
        slice = nest->slices[slice].below;
    if (slice == NONE) {
        event_reject(nest, e, "span", "An end has no begin");
        return;
    }
    slice_close(nest, slice, event);
    group->open = nest->slices[slice].below;
}

static void pair_event(Nest *nest, uint32_t event) {
    const PythiaChromeEvent *e = &nest->s->events[event];
    uint32_t slice, *top = &nest->stack[e->thread];
    switch (e->phase) {
    case 'X':
        slice_complete(nest, event);
        break;
    case 'B':
        slice = slice_add(nest, event);
        nest->slices[slice].below = *top;
        *top = slice;
        break;
    case 'E':
        if (*top == NONE) {
            event_reject(nest, e, "span", "An end has no begin");
            break;
        }
        slice_close(nest, *top, event);
        *top = nest->slices[*top].below;
        break;
    case 'b':
    case 'S':
        group_begin(nest, event);
        break;
    case 'e':
    case 'F':
        group_end(nest, event);
        break;
    case 'n':
    case 'T':
    case 'p':
        slice = nest->groups[e->key].open;
        if (slice == NONE)
            event_reject(nest, e, "point", "A step or instant lies in no async slice");
        else
            entry_add(nest, &nest->slices[slice].points, event);
        break;
    default:
        break;
    }
}

/* ---- pass 2: nesting ---- */

static int is_async(char phase) {
    return phase == 'b' || phase == 'S';
}

static void nest_items(Nest *nest) {
    for (uint32_t i = 0; i < nest->nslices; i++) {
        const Slice *c = &nest->slices[i];
        const PythiaChromeEvent *e = &nest->s->events[c->event];
        if (is_async(e->phase)) continue;
        nest->items[nest->nitems++] =
            (Item){c->start_ns, c->inside_ns, e->thread, e->order, i, ITEM_SLICE};
    }
    for (uint32_t i = 0; i < nest->s->n; i++) {
        const PythiaChromeEvent *e = &nest->s->events[i];
        if (!strchr("iIRstf", e->phase)) continue;
        int next = e->phase == 'f' && !e->enclosing;
        nest->items[nest->nitems++] =
            (Item){e->ts_ns, e->ts_ns, e->thread, e->order, i, next ? ITEM_NEXT : ITEM_BINDS};
    }
}

/* Whether a slice lies in another that begins no later. */
static int slice_contains(const Slice *outer, const Slice *inner) {
    if (inner->no_end && inner->inside_ns == INT64_MAX) return inner->start_ns < outer->inside_ns;
    if (inner->end_ns <= outer->inside_ns) return 1;
    return inner->end_ns - SLACK_NS <= outer->inside_ns && inner->start_ns < outer->inside_ns;
}

/* Binds an instant or a flow's event to the slice. */
static void bind_event(Nest *nest, uint32_t event, uint32_t slice) {
    char phase = nest->s->events[event].phase;
    if (phase == 'i' || phase == 'I' || phase == 'R')
        entry_add(nest, &nest->slices[slice].points, event);
    else
        nest->bounds[nest->nbounds++] = (Bound){event, slice};
}

static void bind_nowhere(Nest *nest, uint32_t event) {
    const PythiaChromeEvent *e = &nest->s->events[event];
    int flow = e->phase == 's' || e->phase == 't' || e->phase == 'f';
    event_reject(nest, e, flow ? "link" : "point",
                 flow ? "A flow's event lies in no slice" : "An instant lies in no slice");
}

/* One thread: items[from .. to-1]. The ends of flows among items[waiting .. i-1] wait for the next slice. */
static void nest_thread(Nest *nest, uint32_t from, uint32_t to) {
    uint32_t depth = 0, waiting = from;
    for (uint32_t i = from; i < to && nest->r->rc == SQLITE_OK; i++) {
        const Item *item = &nest->items[i];
        if (item->what == ITEM_NEXT) continue;
        if (item->what == ITEM_BINDS) {
            while (depth && nest->slices[nest->stack[depth - 1]].inside_ns < item->time_ns)
                depth--;
            if (depth)
                bind_event(nest, item->index, nest->stack[depth - 1]);
            else
                bind_nowhere(nest, item->index);
            continue;
        }
        Slice *c = &nest->slices[item->index];
        while (depth && !slice_contains(&nest->slices[nest->stack[depth - 1]], c))
            depth--;
        uint32_t parent = depth ? nest->stack[depth - 1] : NONE;
        if (depth && c->inside_ns > nest->slices[parent].inside_ns)
            c->inside_ns = nest->slices[parent].inside_ns;
        slice_root(nest, item->index, parent);
        nest->stack[depth++] = item->index;
        for (; waiting < i; waiting++)
            if (nest->items[waiting].what == ITEM_NEXT)
                bind_event(nest, nest->items[waiting].index, item->index);
        waiting = i + 1;
    }
    for (; waiting < to && nest->r->rc == SQLITE_OK; waiting++)
        if (nest->items[waiting].what == ITEM_NEXT) bind_nowhere(nest, nest->items[waiting].index);
}

static void nest_threads(Nest *nest) {
    nest_items(nest);
    if (nest->nitems > 1) qsort(nest->items, nest->nitems, sizeof *nest->items, item_compare);
    for (uint32_t from = 0, to; from < nest->nitems && nest->r->rc == SQLITE_OK; from = to) {
        for (to = from + 1; to < nest->nitems; to++)
            if (nest->items[to].thread != nest->items[from].thread) break;
        nest_thread(nest, from, to);
    }
}

/* ---- pass 3: flows ---- */

/* Events are in the order of time by now, so that their numbers sort as their times do. */
typedef struct Step {
    uint32_t key, event, slice;
} Step;

static int step_compare(const void *a, const void *b) {
    const Step *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->event < y->event ? -1 : x->event > y->event;
}

static void nest_flows(Nest *nest) {
    PythiaReader *r = nest->r;
    if (!nest->nbounds || r->rc != SQLITE_OK) return;
    Step *steps = pythia_alloc_array(nest->nbounds, sizeof *steps);
    if (!steps) {
        r->rc = SQLITE_NOMEM;
        return;
    }
    for (uint32_t i = 0; i < nest->nbounds; i++)
        steps[i] = (Step){nest->s->events[nest->bounds[i].event].key, nest->bounds[i].event,
                          nest->bounds[i].slice};
    qsort(steps, nest->nbounds, sizeof *steps, step_compare);
    for (uint32_t i = 0; i < nest->nbounds && r->rc == SQLITE_OK; i++) {
        const PythiaChromeEvent *e = &nest->s->events[steps[i].event];
        if (e->phase == 's') continue;
        if (!i || steps[i - 1].key != steps[i].key)
            event_reject(nest, e, "link", "A flow has no begin");
        else if (steps[i - 1].slice != steps[i].slice)
            entry_add(nest, &nest->slices[steps[i].slice].links, steps[i - 1].slice);
    }
    pythia_free(steps);
}

/* ---- spans ---- */

static PythiaRef slice_trace(Nest *nest, uint32_t root) {
    const Slice *c = &nest->slices[root];
    const PythiaChromeEvent *e = &nest->s->events[c->event];
    PythiaReader *r = nest->r;
    PythiaBuf *out = &r->scratch;
    if (is_async(e->phase)) {
        PythiaText key = pythia_intern_text(&nest->s->keys, e->key);
        pythia_buf_str(out, "async");
        for (size_t i = 1; i < key.n; i++) /* the kind comes first; empty parts are left out */
            if (key.p[i] || (i + 1 < key.n && key.p[i + 1]))
                pythia_buf_byte(out, key.p[i] ? (unsigned char)key.p[i] : '/');
        pythia_buf_format(out, "/%lld", (long long)c->start_ns);
        if (c->repeat > 1) pythia_buf_format(out, "/%u", c->repeat);
    } else {
        const PythiaChromeThread *thread = &nest->s->thread[e->thread];
        pythia_buf_text(out, thread->pid);
        pythia_buf_byte(out, '/');
        pythia_buf_text(out, thread->tid);
        pythia_buf_format(out, "/%lld", (long long)c->start_ns);
    }
    PythiaText text = pythia_reader_scratch(r);
    return (PythiaRef){{0, 0, PYTHIA_ID_TEXT}, text};
}

static PythiaRef slice_id(const Slice *slice) {
    return (PythiaRef){{0, slice->number, PYTHIA_ID_HEX16}, {"", 0}};
}

/* Service: the process's name. Instance: the thread. */
static void slice_resource(Nest *nest, const PythiaChromeEvent *e, PythiaResource *resource) {
    PythiaReader *r = nest->r;
    const PythiaChromeThread *thread = &nest->s->thread[e->thread];
    PythiaText process =
        pythia_intern_text(&nest->s->strings, nest->s->process_name[thread->process]);
    PythiaText name = pythia_intern_text(&nest->s->strings, thread->name);
    pythia_buf_text(&r->scratch, name);
    if (name.n) pythia_buf_byte(&r->scratch, ' ');
    pythia_buf_text(&r->scratch, thread->pid);
    pythia_buf_byte(&r->scratch, '/');
    pythia_buf_text(&r->scratch, thread->tid);
    PythiaText instance = pythia_reader_scratch(r);
    pythia_resource_begin(r);
    if (process.n) pythia_attributes_text(r, &r->resource, PYTHIA_TEXT("process.name"), process);
    if (name.n) pythia_attributes_text(r, &r->resource, PYTHIA_TEXT("thread.name"), name);
    pythia_attributes_text(r, &r->resource, PYTHIA_TEXT("pid"), thread->pid);
    pythia_attributes_text(r, &r->resource, PYTHIA_TEXT("tid"), thread->tid);
    pythia_resource_end(r, process, instance, resource);
}

/* The list of a slice, turned round: it was built from its newest entry. */
static uint32_t list_reverse(Nest *nest, uint32_t head) {
    uint32_t reversed = NONE;
    while (head != NONE) {
        uint32_t next = nest->entries[head].next;
        nest->entries[head].next = reversed;
        reversed = head;
        head = next;
    }
    return reversed;
}

/* A step's name is its argument "step". */
static void slice_point(Nest *nest, const PythiaChromeEvent *e) {
    PythiaReader *r = nest->r;
    PythiaPointRecord *point = pythia_draft_point(r);
    if (!point) return;
    size_t begin = r->nested.n;
    point->time_ns = e->ts_ns;
    point->name = pythia_intern_text(&nest->s->strings, e->name);
    pythia_chrome_attributes(r, nest->s, &r->nested, e->args);
    if (e->phase != 'T' && e->phase != 'p') return;
    for (size_t i = begin; i < r->nested.n; i++) {
        PythiaText text = pythia_attribute_text(&r->nested.items[i]);
        if (PYTHIA_TEXT_IS(r->nested.items[i].key, "step") && text.n) point->name = text;
    }
}

/* The arguments of the end, but those that the begin has too. */
static void slice_end_args(Nest *nest, const Slice *slice) {
    PythiaReader *r = nest->r;
    size_t had = r->attributes.n, kept = had;
    if (slice->end_event == NONE) return;
    pythia_chrome_attributes(r, nest->s, &r->attributes, nest->s->events[slice->end_event].args);
    for (size_t i = had; i < r->attributes.n; i++) {
        size_t k = 0;
        while (k < had &&
               !pythia_text_equal(r->attributes.items[k].key, r->attributes.items[i].key))
            k++;
        if (k == had) r->attributes.items[kept++] = r->attributes.items[i];
    }
    r->attributes.n = kept;
}

static void slice_emit(Nest *nest, uint32_t index, PythiaRef trace) {
    PythiaReader *r = nest->r;
    Slice *c = &nest->slices[index];
    const PythiaChromeEvent *e = &nest->s->events[c->event];
    PythiaText category = pythia_intern_text(&nest->s->strings, e->category);
    PythiaResource resource;
    r->position = e->position;
    pythia_draft_begin(r);
    r->record.trace = trace;
    r->record.span = slice_id(c);
    if (c->parent != NONE) r->record.parent = slice_id(&nest->slices[c->parent]);
    r->record.start_ns = c->start_ns;
    r->record.end_ns = c->end_ns;
    if (c->no_end) r->record.flags |= PYTHIA_SPAN_NO_END;
    r->record.operation = pythia_intern_text(&nest->s->strings, e->name);
    slice_resource(nest, e, &resource);
    r->record.resource = &resource;
    pythia_chrome_attributes(r, nest->s, &r->attributes, e->args);
    slice_end_args(nest, c);
    if (category.n) pythia_attributes_text(r, &r->attributes, PYTHIA_TEXT("cat"), category);
    for (uint32_t p = list_reverse(nest, c->points); p != NONE; p = nest->entries[p].next)
        slice_point(nest, &nest->s->events[nest->entries[p].what]);
    for (uint32_t l = list_reverse(nest, c->links); l != NONE; l = nest->entries[l].next) {
        const Slice *other = &nest->slices[nest->entries[l].what];
        PythiaRef from = slice_trace(nest, other->root);
        PythiaLinkRecord *link = pythia_draft_link(r);
        if (!link) return;
        link->trace = from;
        link->span = slice_id(other);
        link->kind = PYTHIA_LINK_FOLLOWS_FROM;
    }
    pythia_draft_emit(r);
}

/* Trace after trace: slices are put where their root's begin, by a counting sort over roots. */
static void nest_emit(Nest *nest) {
    PythiaReader *r = nest->r;
    if (r->rc != SQLITE_OK || !nest->nslices) return;
    uint32_t *place = pythia_alloc_array(nest->nslices, 2 * sizeof *place);
    if (!place) {
        r->rc = SQLITE_NOMEM;
        return;
    }
    uint32_t *sorted = place + nest->nslices, next = 0;
    for (uint32_t i = 0; i < nest->nslices; i++) {
        place[i] = next;
        if (nest->slices[i].parent == NONE) next += nest->slices[i].count;
    }
    for (uint32_t i = 0; i < nest->nslices; i++)
        sorted[place[nest->slices[i].root] + nest->slices[i].number - 1] = i;
    for (uint32_t i = 0; i < nest->nslices && r->rc == SQLITE_OK; i++) {
        slice_emit(nest, sorted[i], slice_trace(nest, nest->slices[sorted[i]].root));
        pythia_arena_reset(&r->arena);
    }
    pythia_free(place);
}

/* ---- all of it ---- */

static int nest_reserve(Nest *nest) {
    size_t n = nest->s->n, keys = (size_t)nest->s->keys.n + 1;
    size_t stack = n > nest->s->threads.n ? n + 1 : (size_t)nest->s->threads.n + 1;
    nest->slices = pythia_alloc_array(n, sizeof *nest->slices);
    nest->entries = pythia_alloc_array(2 * n, sizeof *nest->entries);
    nest->items = pythia_alloc_array(n, sizeof *nest->items);
    nest->bounds = pythia_alloc_array(n, sizeof *nest->bounds);
    nest->stack = pythia_alloc_array(stack, sizeof *nest->stack);
    nest->groups = pythia_alloc_array(keys, sizeof *nest->groups);
    if (!nest->slices || !nest->entries || !nest->items || !nest->bounds || !nest->stack ||
        !nest->groups)
        return SQLITE_NOMEM;
    for (size_t i = 0; i < stack; i++)
        nest->stack[i] = NONE;
    for (size_t i = 0; i < keys; i++)
        nest->groups[i] = (Group){NONE, NONE};
    return SQLITE_OK;
}

void pythia_chrome_emit(PythiaReader *reader, PythiaChromeState *state) {
    Nest nest = {.r = reader, .s = state};
    int64_t position = reader->position;
    if (!state->n || reader->rc != SQLITE_OK) return;
    for (size_t i = 0; i < state->n; i++) /* what does not fit is out of range, and refused later */
        if (__builtin_add_overflow(state->events[i].ts_ns, state->base_ns, &state->events[i].ts_ns))
            state->events[i].ts_ns = -1;
    reader->rc = nest_reserve(&nest);
    if (reader->rc == SQLITE_OK) {
        qsort(state->events, state->n, sizeof *state->events, event_compare);
        for (uint32_t i = 0; i < state->n && reader->rc == SQLITE_OK; i++)
            pair_event(&nest, i);
        nest_threads(&nest);
        nest_flows(&nest);
        nest_emit(&nest);
    }
    pythia_free(nest.slices);
    pythia_free(nest.entries);
    pythia_free(nest.items);
    pythia_free(nest.bounds);
    pythia_free(nest.stack);
    pythia_free(nest.groups);
    reader->position = position;
}
