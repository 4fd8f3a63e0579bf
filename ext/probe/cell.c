/* cell.c - what a thread adds up for aggregates, in the cells of its ring; see PythiaPageCell in layout.h.
**
** The cells are a hash table, open addressing, of which the first PROBES places from the hash on are looked at. A
** cell is never made free again: its successor takes its place. A cell whose window is over, or whose setting is out
** of use, goes as a record into the ring when it is needed, or the same group is hit again; until then a session
** reads it where it lies. The session knows it by its serial, so that what it read before is replaced and not added
** twice. A record that finds no room in the ring takes its hits along: they are counted as dropped. */
#include "ext/probe/internal.h"

#include <string.h>

/* A cell of so many hits is closed, so that no bucket of 32 bits overflows. */
enum { PROBES = 64 };
#define MOST_HITS ((uint64_t)1 << 31)

/* What a hit is added to. */
typedef struct Group {
    const PythiaReduced *reduced;
    uint32_t slot;
    uint64_t tag, what, window_start;
    uint64_t key[PYTHIA_CELL_KEY_WORDS];
    unsigned words; /* of the key */
} Group;

#define LOAD(p)     __atomic_load_n(p, __ATOMIC_RELAXED)
#define STORE(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

static double load_real(const double *p) {
    double v;
    __atomic_load(p, &v, __ATOMIC_RELAXED);
    return v;
}

static void store_real(double *p, double v) {
    __atomic_store(p, &v, __ATOMIC_RELEASE);
}

/* ------------------------------------------------------------------ groups */

/* The length of a text that fits, cut before a character and not in it. */
static uint32_t text_cut(const char *text, uint32_t n) {
    uint32_t most = PYTHIA_CELL_KEY_WORDS * 8;
    if (n <= most) return n;
    while (most && ((unsigned char)text[most] & 0xc0) == 0x80)
        most--;
    return most;
}

/* A whole number is the same key as an integer and as a floating point number, as in SQL. */
static void group_key(Group *group, const PythiaReduceValue *key) {
    uint64_t type = key->type, n = 0;
    memset(group->key, 0, sizeof group->key);
    group->words = type ? 1 : 0;
    if (type == PYTHIA_PROBE_TEXT) {
        n = text_cut(key->of.text, key->n);
        memcpy(group->key, key->of.text, n);
        group->words = (unsigned)(n + 7) / 8;
    } else if (type == PYTHIA_PROBE_REAL && key->of.r >= -9007199254740992.0 &&
               key->of.r <= 9007199254740992.0 && (double)(int64_t)key->of.r == key->of.r) {
        type = PYTHIA_PROBE_INT;
        group->key[0] = (uint64_t)(int64_t)key->of.r;
    } else {
        memcpy(group->key, &key->of, sizeof(uint64_t));
    }
    group->what |= type << 16 | n << 24;
}

static uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static void group_make(Group *group, const PythiaReduced *reduced, uint32_t slot, uint32_t type,
                       uint64_t now) {
    group->reduced = reduced;
    group->slot = slot;
    group->what = reduced->aggregate | (uint64_t)type << 8;
    group_key(group, &reduced->key);
    group->window_start = reduced->window_ns ? now - now % reduced->window_ns : 0;
    uint64_t hash = mix(reduced->setting | (uint64_t)slot << 32, reduced->version);
    hash = mix(hash, group->what);
    for (unsigned i = 0; i < group->words; i++)
        hash = mix(hash, group->key[i]);
    group->tag = mix(hash, hash >> 32);
}

static int cell_is(const PythiaPageCell *cell, const Group *group) {
    if (LOAD(&cell->tag) != group->tag || LOAD(&cell->what) != group->what) return 0;
    for (unsigned i = 0; i < group->words; i++)
        if (LOAD(&cell->key[i]) != group->key[i]) return 0;
    return LOAD(&cell->slot) == group->slot && LOAD(&cell->setting) == group->reduced->setting;
}

/* ------------------------------------------------------------------ closing */

/* A cell whose group cannot be hit any more. */
static int cell_stale(const PythiaPageCell *cell, uint64_t now) {
    const PythiaPage *page = &pythia_probe_mapped;
    uint32_t number = LOAD(&cell->setting);
    uint64_t window = LOAD(&cell->window_ns), start = LOAD(&cell->window_start);
    if (number >= page->geometry.nsettings || (window && now - start >= window)) return 1;
    const PythiaPageSetting *setting = pythia_page_setting(page, number);
    return PYTHIA_GET(&setting->version) != LOAD(&cell->setting_version) ||
           PYTHIA_GET(&setting->retired_ns);
}

/* Moves what a cell has into the ring. */
static void cell_close(PythiaThread *thread, const PythiaPageCell *cell) {
    const PythiaPage *page = &pythia_probe_mapped;
    unsigned n = PYTHIA_RECORD_WORDS + PYTHIA_CELL_WORDS;
    uint64_t spare[PYTHIA_RECORD_WORDS + PYTHIA_CELL_WORDS], *words;
    const uint64_t *from = (const uint64_t *)(const void *)cell;
    uint32_t slot = LOAD(&cell->slot);
    uint64_t hits = LOAD(&cell->n) + LOAD(&cell->missing);
    if (!hits) return;
    words = pythia_ring_room(thread, n, spare);
    if (words) {
        memset(words, 0, PYTHIA_RECORD_WORDS * 8 + 8); /* the version of the cell, too */
        words[PYTHIA_WORD_HEAD] =
            n | (uint64_t)PYTHIA_RECORD_AGGREGATE << 16 | (uint64_t)slot << 32;
        words[PYTHIA_WORD_ORIGIN] = (thread->process & 0xffff) | (LOAD(&cell->what) >> 8 & 0xff)
                                                                     << 16;
        words[PYTHIA_WORD_TIME] = LOAD(&cell->last_ns);
        for (unsigned i = 1; i < PYTHIA_CELL_WORDS; i++)
            words[PYTHIA_RECORD_WORDS + i] = LOAD(&from[i]);
        pythia_ring_done(thread, words, n, spare);
        return;
    }
    if (slot >= page->geometry.nslots) return;
    PythiaPageCounters *counters = pythia_page_counters(page, slot);
    PYTHIA_ADD(&counters->dropped, hits);
    PYTHIA_ADD(&counters->hits, hits);
    PYTHIA_ADD(&counters->filtered, -hits);
}

/* ------------------------------------------------------------------ adding */

static void cell_begin(PythiaPageCell *cell) {
    PYTHIA_SET(&cell->version, LOAD(&cell->version) | 1);
}

static void cell_end(PythiaPageCell *cell) {
    STORE(&cell->version, LOAD(&cell->version) + 1);
}

static void cell_start(PythiaThread *thread, PythiaPageCell *cell, const Group *group,
                       uint64_t now) {
    const PythiaReduced *r = group->reduced;
    cell_begin(cell);
    STORE(&cell->serial, 0); /* if this process dies in between there is no cell */
    STORE(&cell->tag, group->tag);
    STORE(&cell->setting, r->setting);
    STORE(&cell->slot, group->slot);
    STORE(&cell->setting_version, r->version);
    STORE(&cell->rule_id, r->rule_id);
    STORE(&cell->window_start, group->window_start);
    STORE(&cell->window_ns, r->window_ns);
    STORE(&cell->n, 0);
    STORE(&cell->missing, 0);
    store_real(&cell->shift, 0);
    store_real(&cell->sum, 0);
    store_real(&cell->squares, 0);
    store_real(&cell->low, 0);
    store_real(&cell->high, 0);
    STORE(&cell->first_ns, now);
    STORE(&cell->what, group->what);
    for (unsigned i = 0; i < PYTHIA_CELL_KEY_WORDS; i++)
        STORE(&cell->key[i], group->key[i]);
    for (unsigned i = 0; i < PYTHIA_CELL_BUCKETS; i++)
        STORE(&cell->buckets[i], 0);
    STORE(&cell->serial, pythia_thread_random(thread));
    cell_end(cell);
}

static void cell_number(PythiaPageCell *cell, uint64_t n, double x) {
    double shift = load_real(&cell->shift);
    if (!n) {
        shift = x;
        store_real(&cell->shift, x);
        store_real(&cell->low, x);
        store_real(&cell->high, x);
    } else {
        if (x < load_real(&cell->low)) store_real(&cell->low, x);
        if (x > load_real(&cell->high)) store_real(&cell->high, x);
    }
    x -= shift;
    store_real(&cell->sum, load_real(&cell->sum) + x);
    store_real(&cell->squares, load_real(&cell->squares) + x * x);
    uint32_t *bucket = &cell->buckets[pythia_cell_bucket(x + shift)];
    STORE(bucket, LOAD(bucket) + 1);
}

static int is_number(const PythiaReduceValue *v, double *x) {
    *x = v->type == PYTHIA_PROBE_INT ? (double)v->of.i : v->of.r;
    return v->type == PYTHIA_PROBE_INT || (v->type == PYTHIA_PROBE_REAL && *x - *x == 0);
}

static void cell_hit(PythiaPageCell *cell, const PythiaReduced *r, uint64_t now) {
    uint64_t n = LOAD(&cell->n);
    double x = 0;
    int counts =
        !r->has_value ||
        (r->aggregate == PYTHIA_AGGREGATE_COUNT ? r->value.type != 0 : is_number(&r->value, &x));
    cell_begin(cell);
    STORE(&cell->last_ns, now);
    if (counts && r->has_value && r->aggregate != PYTHIA_AGGREGATE_COUNT) cell_number(cell, n, x);
    if (counts)
        STORE(&cell->n, n + 1);
    else
        STORE(&cell->missing, LOAD(&cell->missing) + 1);
    cell_end(cell);
}

int pythia_cell_add(PythiaThread *thread, const PythiaReduced *reduced, uint32_t slot,
                    uint32_t type, int64_t now_ns) {
    const PythiaPage *page = &pythia_probe_mapped;
    PythiaPageCell *cells = pythia_page_cells(page, thread->ring), *cell = NULL, *stale = NULL;
    uint64_t mask = page->geometry.ncells - 1, now = (uint64_t)now_ns;
    int mine = 0;
    Group group;
    group_make(&group, reduced, slot, type, now);
    for (uint64_t i = 0; i < PROBES && i <= mask && !cell; i++) {
        PythiaPageCell *at = &cells[(group.tag + i) & mask];
        if ((mine = cell_is(at, &group)) || !LOAD(&at->serial))
            cell = at;
        else if (!stale && cell_stale(at, now))
            stale = at;
    }
    if (!cell) cell = stale;
    if (!cell) return 0;
    if (!LOAD(&cell->serial)) {
        STORE(&thread->ring->celled, 1);
        cell_start(thread, cell, &group, now);
    } else if (!mine || LOAD(&cell->window_start) != group.window_start ||
               LOAD(&cell->setting_version) != reduced->version ||
               LOAD(&cell->n) + LOAD(&cell->missing) >= MOST_HITS) {
        cell_close(thread, cell);
        cell_start(thread, cell, &group, now);
    }
    cell_hit(cell, reduced, now);
    return 1;
}

void pythia_cells_mend(const PythiaPageRing *ring) {
    const PythiaPage *page = &pythia_probe_mapped;
    PythiaPageCell *cells = pythia_page_cells(page, ring);
    for (uint32_t i = 0; i < page->geometry.ncells && LOAD(&ring->celled); i++)
        if (PYTHIA_ACQUIRE(&cells[i].version) & 1) cell_end(&cells[i]);
}
