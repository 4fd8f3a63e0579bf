/* build.c - pythia_trace_build(): from spans in order of arrival to the form that trace.h describes.
**
** The passes, each linear but for the sorts, none recursive:
**   1. identity   a hash table over span ids; exact repetitions are dropped, the two halves of a span
**                 (one without an end, one without a start) become one, other contents under the same
**                 identity (trace, span id, kind, service) are kept and flagged;
**   2. parents    parent ids are looked up; a missing one makes a secondary root;
**   3. order      a walk from the roots with an explicit stack numbers the spans in preorder: it sets from_ns and
**                 to_ns, parents before children, and sorts siblings by (from, to, record);
**   4. cycles     whatever the walk did not reach hangs on a cycle of parents: it is cut at its earliest span,
**                 which becomes a secondary root, and there is another walk;
**   5. moving     spans, points and links go to their places.
**
** Spans with the same id but different kind or service (the client and the server side of a call in
** formats that share ids) are different spans. A child of such an id belongs to the one of its own
** service, else to the server side; the server side itself is a child of the client side.
**
** Under an id that more than PYTHIA_SAME_FEW spans have, the others are found through a table (same.h). Of them it
** is not asked whether a half repeats what a whole span says, for that has no hash: it is kept, as one that differs. */
#include "ext/trace/trace.h"

#include <stdlib.h>

#include "ext/trace/same.h"

enum { HALVES = PYTHIA_SPAN_NO_START | PYTHIA_SPAN_NO_END };

typedef struct Build {
    PythiaTrace *trace;
    const PythiaNames *names;
    uint32_t *slots; /* span id -> chain of spans, open addressing; index + 1, 0 empty */
    uint32_t *same;  /* next span with the same id, index + 1; in order of arrival, the first few */
    PythiaSame many; /* those behind them */
    uint8_t *dropped;   /* the span was merged away */
    uint32_t *order;    /* the children of a span side by side, then those of the next */
    uint32_t *position; /* old index -> new index */
    uint32_t *source;   /* new index -> old index; in the place of `same` */
    uint32_t
        *children;  /* first place in `order` of the children of a span; [nspans]: of the roots */
    uint32_t *ends; /* one behind the last */
    uint32_t *stack;
    uint32_t mask;
    uint32_t n;   /* spans as appended */
    int repeated; /* there is an id that more than one span had */
} Build;

static int build_open(Build *b, PythiaTrace *trace, const PythiaNames *names) {
    memset(b, 0, sizeof *b);
    b->trace = trace;
    b->names = names;
    b->n = trace->nspans;
    uint64_t slots = 16;
    while (slots < (uint64_t)b->n * 2)
        slots *= 2;
    b->mask = (uint32_t)(slots - 1);
    size_t n = b->n + (size_t)1;
    /* One piece of the trace's arena for all the arrays: 4-byte ones first, the flags behind them. */
    size_t bytes = (slots + 6 * n) * sizeof(uint32_t) + n;
    uint32_t *memory = pythia_arena_alloc(&trace->arena, bytes);
    if (!memory) return SQLITE_NOMEM;
    memset(memory, 0, bytes);
    b->slots = memory;
    b->same = b->slots + slots;
    b->source = b->same;
    b->order = b->same + n;
    b->position = b->order + n;
    b->children = b->position + n;
    b->ends = b->children + n;
    b->stack = b->ends + n;
    b->dropped = (uint8_t *)(b->stack + n);
    return SQLITE_OK;
}

static uint32_t span_service(const Build *b, const PythiaSpan *span) {
    uint32_t t = span->tracepoint;
    return t <= b->names->ntracepoints && t ? b->names->tracepoints[t].service : 0;
}

/* The first span with this id (index + 1), or 0; *slot is where it is or would be. */
static uint32_t build_find(const Build *b, PythiaId id, uint32_t *slot) {
    uint32_t s = (uint32_t)pythia_id_hash(id) & b->mask;
    while (b->slots[s] && !pythia_id_equal(b->trace->spans[b->slots[s] - 1].id, id))
        s = (s + 1) & b->mask;
    *slot = s;
    return b->slots[s];
}

/* What a test counts in place of time: spans looked at because their id is that of another. */
#ifdef PYTHIA_TEST
uint64_t pythia_build_steps;
static void count_step(void) {
    pythia_build_steps++;
}
#else
static void count_step(void) {
}
#endif

/* ---- 1. identity ------------------------------------------------------------------------------------ */

static int spans_equal(const Build *b, const PythiaSpan *x, const PythiaSpan *y) {
    const PythiaValue *values = b->trace->values;
    return x->start_ns == y->start_ns && x->end_ns == y->end_ns && x->tracepoint == y->tracepoint &&
           x->status == y->status && x->flags == y->flags && x->instance == y->instance &&
           pythia_id_equal(x->parent_id, y->parent_id) &&
           pythia_values_equal(x->nvalues ? values + x->first_value : NULL, x->nvalues,
                               y->nvalues ? values + y->first_value : NULL, y->nvalues);
}

/* One has the start, the other the end: `first` becomes the whole span, which is the same whichever came
** first. Values of both are kept, the start's in front, which needs them side by side. */
static int spans_join(Build *b, PythiaSpan *first, const PythiaSpan *other) {
    PythiaTrace *trace = b->trace;
    const PythiaSpan *start = first->flags & PYTHIA_SPAN_NO_START ? other : first;
    const PythiaSpan *end = start == first ? other : first;
    PythiaSpan whole = *start; /* the start knows what the span is */
    if (start->nvalues && end->nvalues) {
        uint32_t n = start->nvalues + end->nvalues;
        PythiaValue *to;
        if (n < end->nvalues) return SQLITE_TOOBIG;
        int rc = pythia_trace_room(trace, n, &to);
        if (rc) return rc;
        memcpy(to, trace->values + start->first_value, start->nvalues * sizeof *to);
        memcpy(to + start->nvalues, trace->values + end->first_value, end->nvalues * sizeof *to);
        whole.first_value = trace->nvalues;
        whole.nvalues = n;
        trace->nvalues += n;
    } else if (end->nvalues) {
        whole.first_value = end->first_value;
        whole.nvalues = end->nvalues;
    }
    whole.end_ns = end->end_ns;
    if (end->status > whole.status) whole.status = end->status;
    if (whole.parent_id.form == PYTHIA_ID_NONE) whole.parent_id = end->parent_id;
    whole.flags = (uint8_t)((start->flags | end->flags) & ~HALVES);
    whole.conflict = first->conflict;
    whole.record = first->record;
    *first = whole;
    return SQLITE_OK;
}

/* A half that lost its partner may not know what the whole is called or which kind it is, so halves
** meet by id alone. */
static int halves_of_one(const PythiaSpan *x, const PythiaSpan *y) {
    return (x->flags & HALVES) && (y->flags & HALVES) && ((x->flags ^ y->flags) & HALVES) == HALVES;
}

/* Whether a half says nothing that a whole span does not: a repetition that comes after the halves met. */
static int half_repeats(const Build *b, const PythiaSpan *whole, const PythiaSpan *half) {
    if ((whole->flags & HALVES) || !(half->flags & HALVES)) return 0;
    if (half->flags & PYTHIA_SPAN_NO_START) {
        if (half->end_ns != whole->end_ns) return 0;
    } else if (half->start_ns != whole->start_ns || half->kind != whole->kind ||
               half->tracepoint != whole->tracepoint || half->instance != whole->instance) {
        return 0;
    }
    if (half->status > whole->status) return 0;
    if (half->parent_id.form != PYTHIA_ID_NONE &&
        !pythia_id_equal(half->parent_id, whole->parent_id))
        return 0;
    const PythiaValue *values = b->trace->values;
    for (uint32_t i = 0; i < half->nvalues; i++) {
        uint32_t k = 0;
        while (k < whole->nvalues && !pythia_values_equal(values + half->first_value + i, 1,
                                                          values + whole->first_value + k, 1))
            k++;
        if (k == whole->nvalues) return 0;
    }
    return 1;
}

/* What span i is to a known one with the same id: the other half, a repetition, a conflict, or nothing.
** Sets dropped[i] when it is merged away. */
static int build_meet(Build *b, uint32_t k, uint32_t i) {
    PythiaSpan *known = &b->trace->spans[k], *span = &b->trace->spans[i];
    if (halves_of_one(known, span)) {
        b->dropped[i] = 1;
        b->position[i] = k;
        return spans_join(b, known, span);
    }
    if (half_repeats(b, span, known)) { /* the whole takes the place of its half */
        PythiaSpan whole = *span;
        whole.conflict = known->conflict;
        whole.record = known->record;
        *known = whole;
        b->dropped[i] = 1;
        b->position[i] = k;
        b->trace->repairs.duplicates++;
        return SQLITE_OK;
    }
    int same = known->kind == span->kind && span_service(b, known) == span_service(b, span);
    if ((same && spans_equal(b, known, span)) || half_repeats(b, known, span)) {
        b->dropped[i] = 1;
        b->position[i] = UINT32_MAX; /* its points and links are repetitions too */
        b->trace->repairs.duplicates++;
        return SQLITE_OK;
    }
    if (same) known->conflict = span->conflict = 1;
    return SQLITE_OK;
}

/* Whether there are two spans under a hash already, which is all that is ever asked of kinds and services. */
static int has_two(const Build *b, uint64_t hash, int what, uint32_t span) {
    const PythiaSpan *spans = b->trace->spans, *own = &spans[span];
    int n = 0;
    for (const PythiaSameEntry *e = pythia_same_first(&b->many, hash); e && n < 2;
         e = pythia_same_next(&b->many, e), count_step())
        n += (what == PYTHIA_SAME_SERVICE || spans[e->span].kind == own->kind) &&
             (what == PYTHIA_SAME_KIND || span_service(b, &spans[e->span]) == span_service(b, own));
    return n == 2;
}

static int many_add(Build *b, uint32_t i, int what, uint64_t value) {
    uint64_t hash = pythia_same_hash(b->trace->spans[i].id, what, value);
    if (what != PYTHIA_SAME_HALF && has_two(b, hash, what, i)) return SQLITE_OK;
    return pythia_same_add(&b->many, hash, i);
}

/* Enters a span under everything that it may be asked for by. */
static int many_enter(Build *b, uint32_t i) {
    const PythiaSpan *span = &b->trace->spans[i];
    const uint32_t service = span_service(b, span);
    int rc = pythia_same_add(&b->many, pythia_same_contents(b->trace, span, service), i);
    if (!rc && (span->flags & HALVES)) rc = many_add(b, i, PYTHIA_SAME_HALF, span->flags & HALVES);
    if (!rc) rc = many_add(b, i, PYTHIA_SAME_IDENTITY, (uint64_t)service << 8 | span->kind);
    if (!rc) rc = many_add(b, i, PYTHIA_SAME_SERVICE, service);
    if (!rc) rc = many_add(b, i, PYTHIA_SAME_KIND, span->kind);
    return rc;
}

/* The first half that span i is the other half of; those that have met theirs are taken out. UINT32_MAX: none. */
static uint32_t many_other_half(Build *b, uint32_t i) {
    const PythiaSpan *spans = b->trace->spans, *span = &spans[i];
    const unsigned half = span->flags & HALVES;
    if (!half || half == HALVES) return UINT32_MAX;
    const uint64_t hash = pythia_same_hash(span->id, PYTHIA_SAME_HALF, half ^ HALVES);
    const PythiaSameEntry *e = pythia_same_first(&b->many, hash);
    while (e && (!pythia_id_equal(spans[e->span].id, span->id) ||
                 !halves_of_one(&spans[e->span], span))) {
        count_step();
        e = pythia_same_pass(&b->many, hash);
    }
    return e ? e->span : UINT32_MAX;
}

/* build_meet() with all the spans of its id behind the first few. */
static int many_meet(Build *b, uint32_t i) {
    PythiaSpan *spans = b->trace->spans, *span = &spans[i];
    const uint32_t service = span_service(b, span);
    const PythiaSameEntry *e;
    uint32_t half = many_other_half(b, i);
    if (half != UINT32_MAX) {
        int rc = build_meet(b, half, i);
        return rc ? rc : many_enter(b, half);
    }
    for (e = pythia_same_first(&b->many, pythia_same_contents(b->trace, span, service)); e;
         e = pythia_same_next(&b->many, e), count_step()) {
        int rc = build_meet(b, e->span, i);
        if (rc || b->dropped[i]) return rc;
    }
    e = pythia_same_first(&b->many, pythia_same_hash(span->id, PYTHIA_SAME_IDENTITY,
                                                     (uint64_t)service << 8 | span->kind));
    for (; e; e = pythia_same_next(&b->many, e), count_step()) {
        PythiaSpan *known = &spans[e->span];
        if (known->kind != span->kind || span_service(b, known) != service) continue;
        known->conflict = span->conflict = 1;
        break;
    }
    return many_enter(b, i);
}

static int build_identity(Build *b) {
    PythiaTrace *trace = b->trace;
    for (uint32_t i = 0; i < b->n; i++) {
        PythiaSpan *span = &trace->spans[i];
        uint32_t slot, last = 0, few = 0;
        uint32_t found = build_find(b, span->id, &slot);
        if (!found) {
            b->slots[slot] = i + 1;
            trace->repairs.conflicts += span->conflict != 0; /* read back from the store */
            continue;
        }
        int rc = SQLITE_OK;
        b->repeated = 1;
        for (uint32_t k = found; !rc && k && !b->dropped[i]; k = b->same[k - 1], few++) {
            last = k;
            rc = build_meet(b, k - 1, i);
            count_step();
        }
        if (!rc && !b->dropped[i] && few >= PYTHIA_SAME_FEW) rc = many_meet(b, i);
        if (rc) return rc;
        if (b->dropped[i]) continue;
        if (span->conflict) trace->repairs.conflicts++;
        if (few < PYTHIA_SAME_FEW) b->same[last - 1] = i + 1;
    }
    return SQLITE_OK;
}

/* ---- 2. parents -------------------------------------------------------------------------------------- */

/* How fit a span is to be the parent of another: by its own service, as the server side of a call, at all. */
static int parent_rank(const Build *b, uint32_t parent, uint32_t child) {
    const PythiaSpan *known = &b->trace->spans[parent], *span = &b->trace->spans[child];
    return parent == child                                   ? -1
           : span_service(b, known) == span_service(b, span) ? 2
           : known->kind == PYTHIA_KIND_SERVER               ? 1
                                                             : 0;
}

/* The first span of many under a hash that satisfies: not the child itself, of that rank or kind; or -1. */
static int32_t many_parent(const Build *b, uint64_t hash, uint32_t child, int rank, int kind) {
    for (const PythiaSameEntry *e = pythia_same_first(&b->many, hash); e;
         e = pythia_same_next(&b->many, e), count_step())
        if (e->span != child && (rank < 0 || parent_rank(b, e->span, child) == rank) &&
            (kind < 0 || b->trace->spans[e->span].kind == (unsigned)kind))
            return (int32_t)e->span;
    return -1;
}

/* The client side of a call whose two sides share an id, for its server side. */
static int32_t build_client(const Build *b, uint32_t child) {
    const PythiaId id = b->trace->spans[child].id;
    uint32_t slot, few = 0;
    for (uint32_t k = build_find(b, id, &slot); k; k = b->same[k - 1], few++, count_step())
        if (k - 1 != child && b->trace->spans[k - 1].kind == PYTHIA_KIND_CLIENT)
            return (int32_t)(k - 1);
    if (few < PYTHIA_SAME_FEW) return -1;
    return many_parent(b, pythia_same_hash(id, PYTHIA_SAME_KIND, PYTHIA_KIND_CLIENT), child, -1,
                       PYTHIA_KIND_CLIENT);
}

/* The span that a child with this parent id hangs below, or -1. */
static int32_t build_parent(const Build *b, uint32_t child) {
    const PythiaSpan *span = &b->trace->spans[child];
    const PythiaId id = span->parent_id;
    uint32_t slot, few = 0;
    if (span->kind == PYTHIA_KIND_SERVER) {
        /* The server side of a call whose two sides share an id hangs below the client side. */
        int32_t client = build_client(b, child);
        if (client >= 0) return client;
    }
    if (id.form == PYTHIA_ID_NONE) return -1;
    uint32_t best = 0;
    int best_rank = -1;
    for (uint32_t k = build_find(b, id, &slot); k && best_rank < 2;
         k = b->same[k - 1], few++, count_step()) {
        int rank = parent_rank(b, k - 1, child);
        if (rank > best_rank) {
            best = k;
            best_rank = rank;
        }
    }
    if (few >= PYTHIA_SAME_FEW && best_rank < 2) {
        int32_t other = many_parent(
            b, pythia_same_hash(id, PYTHIA_SAME_SERVICE, span_service(b, span)), child, 2, -1);
        if (other < 0 && best_rank < 1)
            other = many_parent(b, pythia_same_hash(id, PYTHIA_SAME_KIND, PYTHIA_KIND_SERVER),
                                child, 1, -1);
        if (other >= 0) return other;
    }
    return best ? (int32_t)(best - 1) : -1;
}

/* The same where every span has its own id, so that there is nothing to choose. Siblings often come together. */
static int32_t build_only_parent(const Build *b, uint32_t child) {
    const PythiaSpan *spans = b->trace->spans, *span = &spans[child];
    uint32_t slot;
    if (span->parent_id.form == PYTHIA_ID_NONE) return -1;
    int32_t guess = child ? spans[child - 1].parent : -1;
    if (guess >= 0 && (uint32_t)guess != child && pythia_id_equal(spans[guess].id, span->parent_id))
        return guess;
    uint32_t k = build_find(b, span->parent_id, &slot);
    return k && k - 1 != child ? (int32_t)(k - 1) : -1;
}

static void build_parents(Build *b) {
    PythiaTrace *trace = b->trace;
    for (uint32_t i = 0; i < b->n; i++) {
        PythiaSpan *span = &trace->spans[i];
        span->parent = -1;
        if (b->dropped[i]) continue;
        span->parent = b->repeated ? build_parent(b, i) : build_only_parent(b, i);
        if (span->parent >= 0 || span->parent_id.form == PYTHIA_ID_NONE) continue;
        if (pythia_id_equal(span->parent_id, span->id))
            trace->repairs.cycles++; /* its own parent */
        else
            trace->repairs.orphans++;
    }
}

/* ---- 3. order ---------------------------------------------------------------------------------------- */

/* Orders spans so that children of one parent lie side by side: a counting sort by parent. */
static void build_child_lists(Build *b) {
    const PythiaSpan *spans = b->trace->spans;
    uint32_t *start = b->children; /* [parent]; roots under n */
    memset(start, 0, (b->n + (size_t)1) * sizeof *start);
    for (uint32_t i = 0; i < b->n; i++)
        if (!b->dropped[i]) start[spans[i].parent < 0 ? b->n : (uint32_t)spans[i].parent]++;
    uint32_t sum = 0;
    for (uint32_t p = 0; p <= b->n; p++) {
        uint32_t count = start[p];
        start[p] = b->ends[p] = sum;
        sum += count;
    }
    for (uint32_t i = 0; i < b->n; i++)
        if (!b->dropped[i])
            b->order[b->ends[spans[i].parent < 0 ? b->n : (uint32_t)spans[i].parent]++] = i;
}

typedef struct SortKey {
    int64_t from_ns, to_ns;
    uint32_t record, index;
} SortKey;

static int key_compare(const void *a, const void *b) {
    const SortKey *x = a, *y = b;
    if (x->from_ns != y->from_ns) return x->from_ns < y->from_ns ? -1 : 1;
    if (x->to_ns != y->to_ns) return x->to_ns < y->to_ns ? -1 : 1;
    return x->record < y->record ? -1 : x->record > y->record;
}

/* Sorts one list of siblings. Most lists are short: insertion sort below a size. */
static void siblings_sort(SortKey *keys, uint32_t n) {
    if (n > 16) {
        qsort(keys, n, sizeof *keys, key_compare);
        return;
    }
    for (uint32_t i = 1; i < n; i++) {
        SortKey key = keys[i];
        uint32_t k = i;
        for (; k && key_compare(&keys[k - 1], &key) > 0; k--)
            keys[k] = keys[k - 1];
        keys[k] = key;
    }
}

/* Sets the times of the children of a span, or with UINT32_MAX of the roots, sorts them, and puts them on the
** stack, the last one first. */
static uint32_t walk_children(Build *b, SortKey *keys, uint32_t parent, uint32_t depth) {
    PythiaSpan *spans = b->trace->spans;
    const uint32_t list = parent == UINT32_MAX ? b->n : parent;
    const uint32_t first = b->children[list], n = b->ends[list] - first;
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t c = b->order[first + i];
        PythiaSpan *span = &spans[c];
        span->from_ns = span->start_ns;
        if (parent != UINT32_MAX && spans[parent].from_ns > span->from_ns)
            span->from_ns = spans[parent].from_ns;
        span->to_ns = span->end_ns > span->from_ns ? span->end_ns : span->from_ns;
        span->last = 1; /* reached */
        keys[i] = (SortKey){span->from_ns, span->to_ns, span->record, c};
    }
    if (n > 1) siblings_sort(keys, n);
    for (uint32_t i = n; i-- > 0;)
        b->stack[depth++] = keys[i].index;
    return depth;
}

/* Numbers what can be reached from the roots in preorder. Returns how many spans that are. */
static uint32_t build_walk(Build *b, SortKey *keys) {
    uint32_t next = 0, depth = walk_children(b, keys, UINT32_MAX, 0);
    while (depth) {
        uint32_t i = b->stack[--depth];
        b->source[next] = i;
        b->position[i] = next++;
        if (b->ends[i] > b->children[i]) depth = walk_children(b, keys, i, depth);
    }
    return next;
}

/* ---- 4. cycles ----------------------------------------------------------------------------------------- */

/* Marks everything below a span as reached. */
static void cycle_reach(Build *b, uint32_t span) {
    uint32_t depth = 0;
    b->stack[depth++] = span;
    while (depth) {
        uint32_t i = b->stack[--depth];
        b->trace->spans[i].last = 1;
        for (uint32_t c = b->children[i]; c < b->ends[i]; c++)
            b->stack[depth++] = b->order[c];
    }
}

/* The earliest span of the cycle that `i` hangs on. Every span on the way gets `mark`. */
static uint32_t cycle_earliest(Build *b, uint32_t i, uint32_t mark) {
    PythiaSpan *spans = b->trace->spans;
    while (spans[i].depth != mark) { /* depth is free until the end of the build */
        spans[i].depth = mark;
        i = (uint32_t)spans[i].parent;
    }
    uint32_t best = i;
    for (uint32_t k = (uint32_t)spans[i].parent; k != i; k = (uint32_t)spans[k].parent)
        if (spans[k].start_ns < spans[best].start_ns ||
            (spans[k].start_ns == spans[best].start_ns && spans[k].record < spans[best].record))
            best = k;
    return best;
}

/* Cuts the cycles that the walk left aside. */
static void build_cut(Build *b) {
    PythiaSpan *spans = b->trace->spans;
    for (uint32_t i = 0; i < b->n; i++)
        spans[i].depth = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        if (b->dropped[i] || spans[i].last) continue;
        uint32_t root = cycle_earliest(b, i, i + 1);
        uint32_t parent = (uint32_t)spans[root].parent;
        spans[root].parent = -1;
        b->trace->repairs.cycles++;
        /* Taken out of its parent's list, so that the walk does not come back to it. */
        uint32_t c = b->children[parent];
        while (b->order[c] != root)
            c++;
        b->order[c] = b->order[--b->ends[parent]];
        cycle_reach(b, root);
    }
    build_child_lists(b);
}

/* Returns how many spans stay. */
static uint32_t build_order(Build *b, SortKey *keys) {
    uint32_t left = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        b->trace->spans[i].last = 0;
        left += !b->dropped[i];
    }
    build_child_lists(b);
    if (build_walk(b, keys) < left) {
        build_cut(b);
        build_walk(b, keys);
    }
    return left;
}

/* ---- 5. moving ------------------------------------------------------------------------------------------- */

static int point_compare(const void *a, const void *b) {
    const PythiaPoint *x = a, *y = b;
    if (x->span != y->span) return x->span < y->span ? -1 : 1;
    if (x->time_ns != y->time_ns) return x->time_ns < y->time_ns ? -1 : 1;
    return x->record < y->record ? -1 : x->record > y->record;
}

static int link_compare(const void *a, const void *b) {
    const PythiaLinkTo *x = a, *y = b;
    if (x->from_span != y->from_span) return x->from_span < y->from_span ? -1 : 1;
    return x->first_value < y->first_value ? -1 : x->first_value > y->first_value;
}

/* Where the points and links of span `i` go; UINT32_MAX: nowhere. */
static uint32_t build_home(const Build *b, uint32_t i) {
    if (!b->dropped[i]) return b->position[i];
    return b->position[i] == UINT32_MAX ? UINT32_MAX : b->position[b->position[i]];
}

static void build_move_details(Build *b) {
    PythiaTrace *trace = b->trace;
    uint32_t n = 0;
    for (uint32_t i = 0; i < trace->npoints; i++) {
        uint32_t home = build_home(b, trace->points[i].span);
        if (home == UINT32_MAX) continue;
        trace->points[n] = trace->points[i];
        trace->points[n++].span = home;
    }
    trace->npoints = n;
    if (n > 1) qsort(trace->points, n, sizeof *trace->points, point_compare);
    n = 0;
    for (uint32_t i = 0; i < trace->nlinks; i++) {
        uint32_t home = build_home(b, trace->links[i].from_span);
        if (home == UINT32_MAX) continue;
        trace->links[n] = trace->links[i];
        trace->links[n++].from_span = home;
    }
    trace->nlinks = n;
    if (n > 1) qsort(trace->links, n, sizeof *trace->links, link_compare);
}

/* Moves the spans to their places, in place, cycle by cycle; those that were dropped go behind the n that
** stay. source[] is used up. */
static void build_move_spans(Build *b, uint32_t n) {
    PythiaSpan *spans = b->trace->spans;
    uint32_t behind = n;
    for (uint32_t i = 0; i < b->n; i++)
        if (b->dropped[i])
            b->source[behind++] = i;
        else if (spans[i].parent >= 0)
            spans[i].parent = (int32_t)b->position[spans[i].parent];
    for (uint32_t i = 0; i < b->n; i++) {
        if (b->source[i] == i) continue;
        PythiaSpan first = spans[i];
        uint32_t to = i;
        for (uint32_t from; (from = b->source[to]) != i; to = from) {
            spans[to] = spans[from];
            b->source[to] = to;
        }
        spans[to] = first;
        b->source[to] = to;
    }
    b->trace->nspans = n;
}

/* ---- status --------------------------------------------------------------------------------------------------- */

static void build_status(PythiaTrace *trace) {
    PythiaRepairs *r = &trace->repairs;
    uint32_t strangers = 0, parentless = 0; /* roots without an anchor; roots that name no parent */
    for (uint32_t i = 0; i < trace->nspans; i = trace->spans[i].last) {
        const PythiaSpan *root = &trace->spans[i];
        if (root->parent_id.form != PYTHIA_ID_NONE) continue;
        parentless++;
        if (!(root->flags & PYTHIA_SPAN_ANCHORED)) strangers++;
    }
    for (uint32_t i = 0; i < trace->nspans; i++) {
        const PythiaSpan *span = &trace->spans[i];
        if (span->flags & HALVES) r->open_spans++;
        if (span->end_ns < span->start_ns) r->negative++;
    }
    for (uint32_t i = 0; i < trace->npoints; i++) {
        const PythiaSpan *span = &trace->spans[trace->points[i].span];
        int64_t t = trace->points[i].time_ns;
        if (t < span->start_ns || t > span->to_ns) r->outside_points++;
    }
    if (r->open_spans || r->orphans)
        trace->status = PYTHIA_TRACE_INCOMPLETE;
    else if (strangers && parentless > 1)
        trace->status = PYTHIA_TRACE_DISJOINT;
    else if (r->cycles)
        trace->status = PYTHIA_TRACE_CYCLIC;
    else
        trace->status = PYTHIA_TRACE_COMPLETE;
}

int pythia_trace_build(PythiaTrace *trace, const PythiaNames *names) {
    memset(&trace->repairs, 0, sizeof trace->repairs);
    trace->status = PYTHIA_TRACE_COMPLETE;
    if (trace->nspans == 0) return SQLITE_OK;
    Build b;
    int rc = build_open(&b, trace, names);
    if (rc) return rc;
    SortKey *keys = pythia_arena_alloc(&trace->arena, b.n * sizeof *keys);
    if (!keys) rc = SQLITE_NOMEM;
    if (!rc) rc = build_identity(&b);
    if (!rc) {
        build_parents(&b);
        uint32_t n = build_order(&b, keys);
        build_move_details(&b);
        build_move_spans(&b, n);
        pythia_trace_derive(trace);
        build_status(trace);
    }
    pythia_same_clear(&b.many);
    return rc;
}
