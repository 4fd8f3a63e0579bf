/* learned.c - see learned.h.
**
** The cover of item j: of each class the items that precede it in time are a prefix of the class's items by
** their ends. The one of them that begins last stands for the class: what precedes any of them precedes it. So
** an item is covered by another class when it precedes that one, and from the back of each prefix only what
** is not covered need be looked at. */
#include "ext/trace/learned.h"

#include <stdlib.h>

/* ---- the relation ----------------------------------------------------------------------------------- */

static uint64_t pair_key(PythiaHash128 parent, PythiaHash128 a, PythiaHash128 b) {
    int turned = a.hi > b.hi || (a.hi == b.hi && a.lo > b.lo);
    PythiaHash128 low = turned ? b : a, high = turned ? a : b;
    uint64_t words[6] = {parent.hi, parent.lo, low.hi, low.lo, high.hi, high.lo};
    unsigned char bytes[sizeof words];
    for (size_t i = 0; i < sizeof words; i++)
        bytes[i] = (unsigned char)(words[i / 8] >> (8 * (i % 8)));
    return pythia_hash64(bytes, sizeof bytes);
}

static PythiaHash128 name_hash(const PythiaNames *names, uint32_t tracepoint) {
    PythiaHash128 none = {0, 0};
    return tracepoint && tracepoint <= names->ntracepoints ? names->tracepoints[tracepoint].hash
                                                           : none;
}

static int key_compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int pythia_learned_make(PythiaLearned *learned, const PythiaDependencies *d,
                        const PythiaCallPaths *call_paths, const PythiaNames *names) {
    learned->n = 0;
    int rc = pythia_grow((void **)&learned->keys, &learned->capacity, (size_t)d->n + 1,
                         sizeof *learned->keys);
    for (uint32_t i = 0; !rc && i < d->n; i++) {
        const PythiaDependency *p = &d->pairs[i];
        PythiaHash128 parent = {0, 0};
        if (p->overlapped || (p->a_first && p->b_first)) continue;
        if (p->parent) parent = call_paths->nodes[p->parent].hash;
        learned->keys[learned->n++] =
            pair_key(parent, name_hash(names, p->a), name_hash(names, p->b));
    }
    if (!rc && learned->n > 1) qsort(learned->keys, learned->n, sizeof *learned->keys, key_compare);
    return rc;
}

int pythia_learned_has(const PythiaLearned *learned, PythiaHash128 parent, PythiaHash128 a,
                       PythiaHash128 b) {
    uint64_t key = pair_key(parent, a, b);
    return learned->n && bsearch(&key, learned->keys, learned->n, sizeof key, key_compare) != NULL;
}

void pythia_learned_clear(PythiaLearned *learned) {
    pythia_free(learned->keys);
    memset(learned, 0, sizeof *learned);
}

enum { KEY_DIGITS = 16 };

void pythia_learned_write(const PythiaLearned *learned, PythiaBuf *out) {
    for (size_t i = 0; i < learned->n; i++)
        pythia_buf_format(out, "%016llx", (unsigned long long)learned->keys[i]);
}

int pythia_learned_read(PythiaLearned *learned, PythiaText text) {
    size_t n = text.n / KEY_DIGITS;
    if (text.n % KEY_DIGITS) return PYTHIA_CORRUPT;
    int rc = pythia_grow((void **)&learned->keys, &learned->capacity, n + 1, sizeof *learned->keys);
    if (rc) return rc;
    for (size_t i = 0; i < n; i++) {
        PythiaId id = pythia_id_parse((PythiaText){text.p + i * KEY_DIGITS, KEY_DIGITS});
        if (id.form != PYTHIA_ID_HEX16 || (i && id.lo < learned->keys[i - 1]))
            return PYTHIA_CORRUPT;
        learned->keys[i] = id.lo;
    }
    learned->n = n;
    return SQLITE_OK;
}

/* ---- one span --------------------------------------------------------------------------------------- */

typedef struct Learn {
    PythiaItems *items;
    PythiaLearnedItems *learned;
    uint32_t nclasses; /* with two more: points, the end */
    uint8_t *class;    /* [position], those two told apart */
    uint32_t *first;   /* [class]: of its entries in by_to; one more entry */
    uint32_t *by_to;   /* positions by class, then by end */
    uint32_t *latest;  /* [class], of one j: the one before j that begins last, or NO_ITEM */
    uint32_t *reach;   /* [class], of one j: one behind the last entry that ends before j */
    size_t ncover, capacity;
    uint32_t *cover;
} Learn;

/* The hash of the call path of a span (signature.h); 0: it is too deep. */
static int path_hash(const PythiaTrace *trace, const PythiaNames *names, uint32_t span,
                     PythiaHash128 *hash) {
    uint32_t path[PYTHIA_LEARNED_DEPTH], n = 0;
    *hash = (PythiaHash128){0, 0};
    if (span == PYTHIA_NO_SPAN) return 1;
    if (trace->spans[span].depth >= PYTHIA_LEARNED_DEPTH) return 0;
    for (int32_t at = (int32_t)span; at >= 0 && n < PYTHIA_LEARNED_DEPTH;
         at = trace->spans[at].parent)
        path[n++] = trace->spans[at].tracepoint;
    while (n--)
        *hash = pythia_call_path_hash(*hash, name_hash(names, path[n]));
    return 1;
}

/* Gives the items their classes; 0 when the order of time stays. */
static int classes_find(Learn *l, const PythiaTrace *trace, uint32_t points[]) {
    const PythiaItems *items = l->items;
    uint32_t n = 0;
    for (uint32_t i = 0; i < items->n; i++) {
        const PythiaItem *item = &items->items[i];
        l->learned->class[i] = PYTHIA_CLASS_OWN;
        if (item->first == item->last) continue; /* a point, or the end */
        uint32_t point = trace->spans[item->first / 2].tracepoint, k = 0;
        while (k < n && points[k] != point)
            k++;
        if (k == PYTHIA_SIBLINGS_MOST) return 0;
        if (k == n) points[n++] = point;
        l->learned->class[i] = (uint8_t)k;
    }
    l->learned->nclasses = n;
    l->nclasses = n + 2;
    for (uint32_t i = 0; i < items->n; i++)
        l->class[i] = l->learned->class[i] != PYTHIA_CLASS_OWN ? l->learned->class[i]
                      : i == items->end                        ? (uint8_t)(n + 1)
                                                               : (uint8_t)n;
    return 1;
}

static void classes_relate(Learn *l, const PythiaLearned *relation, const PythiaNames *names,
                           PythiaHash128 parent, const uint32_t points[]) {
    uint32_t n = l->learned->nclasses;
    for (uint32_t a = 0; a < n; a++)
        l->learned->allowed[a] = 0;
    for (uint32_t a = 0; a < n; a++)
        for (uint32_t b = a; b < n; b++) {
            if (!pythia_learned_has(relation, parent, name_hash(names, points[a]),
                                    name_hash(names, points[b])))
                continue;
            l->learned->allowed[a] |= (uint64_t)1 << b;
            l->learned->allowed[b] |= (uint64_t)1 << a;
        }
}

static int allows(const Learn *l, uint32_t a, uint32_t b) {
    uint32_t n = l->learned->nclasses;
    return a >= n || b >= n || (l->learned->allowed[a] >> b & 1);
}

/* Sorts the positions by class; by_to of the items is sorted by end within a clock, and a class has one. */
static void classes_sort(Learn *l) {
    const PythiaItems *items = l->items;
    memset(l->first, 0, (l->nclasses + (size_t)1) * sizeof *l->first);
    for (uint32_t i = 0; i < items->n; i++)
        l->first[l->class[i] + 1]++;
    for (uint32_t c = 0; c < l->nclasses; c++)
        l->first[c + 1] += l->first[c];
    memcpy(l->reach, l->first, l->nclasses * sizeof *l->reach);
    for (uint32_t i = 0; i < items->n; i++) {
        uint32_t position = items->by_to[i].position;
        l->by_to[l->reach[l->class[position]]++] = position;
    }
}

static int precedes(const Learn *l, uint32_t i, uint32_t j) {
    const PythiaItem *a = &l->items->items[i], *b = &l->items->items[j];
    int64_t tolerance = a->tolerance_ns > b->tolerance_ns ? a->tolerance_ns : b->tolerance_ns;
    return i < j && a->to_ns - tolerance <= b->from_ns;
}

/* Of class c: how many of its entries end before item j begins, and which of those before j begins last. */
static void class_reach(Learn *l, uint32_t c, uint32_t j) {
    const PythiaItem *items = l->items->items;
    uint32_t low = l->first[c], high = l->first[c + 1];
    l->latest[c] = PYTHIA_NO_ITEM;
    if (low == high) {
        l->reach[c] = low;
        return;
    }
    int64_t tolerance = items[l->by_to[low]].tolerance_ns;
    if (items[j].tolerance_ns > tolerance) tolerance = items[j].tolerance_ns;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (items[l->by_to[middle]].to_ns - tolerance <= items[j].from_ns)
            low = middle + 1;
        else
            high = middle;
    }
    l->reach[c] = low;
    for (uint32_t k = low; k-- > l->first[c];) {
        uint32_t position = l->by_to[k], *latest = &l->latest[c];
        /* What ended before the best one began cannot begin later. */
        if (*latest != PYTHIA_NO_ITEM && items[position].to_ns < items[*latest].from_ns) break;
        if (position < j && (*latest == PYTHIA_NO_ITEM || position > *latest)) *latest = position;
    }
}

static int is_covered(const Learn *l, uint32_t c, uint32_t position, uint32_t j) {
    for (uint32_t e = 0; e < l->nclasses; e++)
        if (l->latest[e] != PYTHIA_NO_ITEM && l->latest[e] != position && allows(l, c, e) &&
            allows(l, e, l->class[j]) && precedes(l, position, l->latest[e]))
            return 1;
    return 0;
}

static int cover_append(Learn *l, PythiaArena *arena, uint32_t position) {
    if (l->ncover == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 64;
        uint32_t *cover = pythia_arena_alloc(arena, capacity * sizeof *cover);
        if (!cover) return SQLITE_NOMEM;
        if (l->ncover) memcpy(cover, l->cover, l->ncover * sizeof *cover);
        l->cover = cover;
        l->capacity = capacity;
    }
    l->cover[l->ncover++] = position;
    return SQLITE_OK;
}

/* The cover of item j, appended. */
static int cover_find(Learn *l, PythiaArena *arena, uint32_t j) {
    const PythiaItem *items = l->items->items;
    uint32_t own = l->class[j];
    size_t first = l->ncover;
    int rc = SQLITE_OK;
    for (uint32_t c = 0; c < l->nclasses; c++)
        if (allows(l, c, own))
            class_reach(l, c, j);
        else
            l->latest[c] = PYTHIA_NO_ITEM;
    for (uint32_t c = 0; !rc && c < l->nclasses; c++) {
        if (l->latest[c] == PYTHIA_NO_ITEM) continue;
        int64_t covered_ns = INT64_MIN; /* whatever ends before this is covered */
        for (uint32_t e = 0; e < l->nclasses; e++)
            if (l->latest[e] != PYTHIA_NO_ITEM && allows(l, c, e) &&
                items[l->latest[e]].from_ns > covered_ns)
                covered_ns = items[l->latest[e]].from_ns;
        for (uint32_t k = l->reach[c]; !rc && k-- > l->first[c];) {
            uint32_t position = l->by_to[k];
            if (items[position].to_ns < covered_ns) break;
            if (position < j && !is_covered(l, c, position, j))
                rc = cover_append(l, arena, position);
        }
    }
    for (size_t i = first + 1; i < l->ncover; i++) { /* few, as a rule */
        uint32_t position = l->cover[i];
        size_t k = i;
        for (; k > first; k--) {
            uint32_t other = l->cover[k - 1];
            if (items[other].to_ns > items[position].to_ns ||
                (other > position && items[other].to_ns == items[position].to_ns))
                break;
            l->cover[k] = other;
        }
        l->cover[k] = position;
    }
    return rc;
}

static int learn_alloc(Learn *l, PythiaArena *arena) {
    size_t n = (size_t)l->items->n + 1, classes = PYTHIA_SIBLINGS_MOST + 3;
    l->learned = pythia_arena_alloc(arena, sizeof *l->learned);
    if (!l->learned) return SQLITE_NOMEM;
    l->learned->class = pythia_arena_alloc(arena, n);
    l->learned->allowed = pythia_arena_alloc(arena, classes * sizeof *l->learned->allowed);
    l->learned->first = pythia_arena_alloc(arena, n * sizeof *l->learned->first);
    l->class = pythia_arena_alloc(arena, n);
    l->first = pythia_arena_alloc(arena, classes * sizeof *l->first);
    l->by_to = pythia_arena_alloc(arena, n * sizeof *l->by_to);
    l->latest = pythia_arena_alloc(arena, classes * sizeof *l->latest);
    l->reach = pythia_arena_alloc(arena, classes * sizeof *l->reach);
    int ok = l->learned->class && l->learned->allowed && l->learned->first && l->class &&
             l->first && l->by_to && l->latest && l->reach;
    return ok ? SQLITE_OK : SQLITE_NOMEM;
}

/* Whether there are two children to be in order or not. */
static int is_worth_it(const PythiaItems *items) {
    uint32_t children = 0;
    for (uint32_t i = 0; i < items->n && children < 2; i++)
        children += items->items[i].first != items->items[i].last;
    return children == 2 && items->n <= PYTHIA_LEARNED_CHILDREN;
}

int pythia_items_learn(PythiaItems *items, PythiaArena *arena, const PythiaTrace *trace,
                       const PythiaModel *model, const PythiaNames *names, uint32_t span) {
    static const PythiaLearned nothing = {0};
    uint32_t points[PYTHIA_SIBLINGS_MOST];
    PythiaHash128 parent;
    Learn l = {.items = items};
    if (!is_worth_it(items) || !path_hash(trace, names, span, &parent)) return SQLITE_OK;
    int rc = learn_alloc(&l, arena);
    if (rc || !classes_find(&l, trace, points)) return rc;
    classes_relate(&l, model->learned ? model->learned : &nothing, names, parent, points);
    classes_sort(&l);
    for (uint32_t j = 0; !rc && j < items->n; j++) {
        l.learned->first[j] = (uint32_t)l.ncover;
        rc = cover_find(&l, arena, j);
        items->items[j].before =
            l.ncover > l.learned->first[j] ? l.cover[l.learned->first[j]] : PYTHIA_NO_ITEM;
    }
    l.learned->first[items->n] = (uint32_t)l.ncover;
    l.learned->cover = l.cover;
    if (!rc) items->learned = l.learned;
    return rc;
}
