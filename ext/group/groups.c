/* groups.c - see group.h: the table of groups, their members' sums, and statistics from sums.
**
** Two hash tables, both open addressing with linear probing and at most half full: groups by id, and the
** edges of a group by (source, phase, destination, phase). Nothing is ever removed from either; a group or
** an edge that lost its last member has n == 0 and zero sums, and is left out when it is stored. */
#include "ext/group/group.h"

#include <math.h>

enum { FIRST_SLOTS = 16 };

/* ---- groups ---------------------------------------------------------------------------------------------- */

static void group_clear(PythiaGroup *group) {
    pythia_free(group->edges);
    pythia_free(group->slots);
}

void pythia_groups_clear(PythiaGroups *groups) {
    for (uint32_t i = 0; i < groups->n; i++)
        group_clear(&groups->groups[i]);
    pythia_free(groups->groups);
    pythia_free(groups->slots);
    memset(groups, 0, sizeof *groups);
}

static uint32_t groups_slot(const PythiaGroups *groups, uint64_t id) {
    uint32_t slot = (uint32_t)pythia_hash_mix(id, 0) & groups->mask;
    while (groups->slots[slot] && groups->groups[groups->slots[slot] - 1].id != id)
        slot = (slot + 1) & groups->mask;
    return slot;
}

PythiaGroup *pythia_groups_find(const PythiaGroups *groups, uint64_t id) {
    if (!groups->slots) return NULL;
    uint32_t found = groups->slots[groups_slot(groups, id)];
    return found ? &groups->groups[found - 1] : NULL;
}

static int groups_make_room(PythiaGroups *groups) {
    if (groups->n >= UINT32_MAX / 4) return SQLITE_FULL;
    int rc = pythia_grow((void **)&groups->groups, &groups->capacity, (size_t)groups->n + 1,
                         sizeof *groups->groups);
    if (rc || (groups->slots && (groups->n + 1) * 2 <= groups->mask + 1)) return rc;
    uint32_t n = groups->slots ? (groups->mask + 1) * 2 : FIRST_SLOTS;
    uint32_t *slots = pythia_alloc_zero((size_t)n * sizeof *slots);
    if (!slots) return SQLITE_NOMEM;
    pythia_free(groups->slots);
    groups->slots = slots;
    groups->mask = n - 1;
    for (uint32_t i = 0; i < groups->n; i++)
        groups->slots[groups_slot(groups, groups->groups[i].id)] = i + 1;
    return SQLITE_OK;
}

int pythia_groups_get(PythiaGroups *groups, PythiaHash128 signature, uint32_t request_type,
                      PythiaGroup **group) {
    *group = pythia_groups_find(groups, signature.hi);
    if (*group) return SQLITE_OK;
    int rc = groups_make_room(groups);
    if (rc) return rc;
    *group = &groups->groups[groups->n];
    **group = (PythiaGroup){.id = signature.hi,
                            .signature = signature,
                            .request_type = request_type,
                            .edges_loaded = 1, /* all none of them */
                            .dirty = 1};
    groups->slots[groups_slot(groups, signature.hi)] = ++groups->n;
    return SQLITE_OK;
}

/* ---- edges ----------------------------------------------------------------------------------------------- */

static uint64_t edge_hash(uint32_t source, int source_phase, uint32_t destination,
                          int destination_phase) {
    return pythia_hash_mix((uint64_t)source << 32 | destination,
                           (uint64_t)source_phase << 8 | (uint64_t)destination_phase);
}

static uint32_t edge_slot(const PythiaGroup *group, uint32_t source, int source_phase,
                          uint32_t destination, int destination_phase) {
    uint32_t slot =
        (uint32_t)edge_hash(source, source_phase, destination, destination_phase) & group->mask;
    for (;; slot = (slot + 1) & group->mask) {
        if (!group->slots[slot]) return slot;
        const PythiaGroupEdge *e = &group->edges[group->slots[slot] - 1];
        if (e->source == source && e->source_phase == source_phase &&
            e->destination == destination && e->destination_phase == destination_phase)
            return slot;
    }
}

int pythia_group_edge(PythiaGroup *group, uint32_t source, int source_phase, uint32_t destination,
                      int destination_phase, PythiaGroupEdge **edge) {
    if (!group->slots || (group->nedges + 1) * 2 > group->mask + 1) {
        uint32_t n = group->slots ? (group->mask + 1) * 2 : FIRST_SLOTS;
        uint32_t *slots = pythia_alloc_zero((size_t)n * sizeof *slots);
        if (!slots) return SQLITE_NOMEM;
        pythia_free(group->slots);
        group->slots = slots;
        group->mask = n - 1;
        for (uint32_t i = 0; i < group->nedges; i++) {
            const PythiaGroupEdge *e = &group->edges[i];
            group->slots[edge_slot(group, e->source, e->source_phase, e->destination,
                                   e->destination_phase)] = i + 1;
        }
    }
    uint32_t slot = edge_slot(group, source, source_phase, destination, destination_phase);
    if (!group->slots[slot]) {
        int rc = pythia_grow((void **)&group->edges, &group->edges_capacity,
                             (size_t)group->nedges + 1, sizeof *group->edges);
        if (rc) return rc;
        group->edges[group->nedges] =
            (PythiaGroupEdge){.source = source,
                              .destination = destination,
                              .source_phase = (uint8_t)source_phase,
                              .destination_phase = (uint8_t)destination_phase};
        group->slots[slot] = ++group->nedges;
    }
    *edge = &group->edges[group->slots[slot] - 1];
    return SQLITE_OK;
}

/* ---- members ------------------------------------------------------------------------------------------------ */

/* sum += sign * x * y; 1 when that does not fit. */
static int sum_add(PythiaSum *sum, int sign, int64_t x, int64_t y) {
    PythiaSum product = (PythiaSum)x * y; /* 126 bits at most */
    return __builtin_add_overflow(*sum, sign < 0 ? -product : product, sum);
}

/* The smaller kind and the smaller name of the span between, and how many say so. */
static void edge_describe(PythiaGroupEdge *edge, const PythiaPathEdge *seen,
                          const PythiaNames *names) {
    if (!edge->kind_n || seen->kind < edge->kind) {
        edge->kind = seen->kind;
        edge->kind_n = 0;
    }
    edge->kind_n += seen->kind == edge->kind;
    if (!edge->between_n ||
        (seen->between != edge->between &&
         pythia_text_compare(pythia_names_tracepoint_text(names, seen->between),
                             pythia_names_tracepoint_text(names, edge->between)) < 0)) {
        edge->between = seen->between;
        edge->between_n = 0;
    }
    edge->between_n += seen->between == edge->between;
}

static int group_add_edge(PythiaGroup *group, int sign, int64_t duration_ns,
                          const PythiaPathEdge *seen, const PythiaNames *names) {
    PythiaGroupEdge *edge;
    int rc = pythia_group_edge(group, seen->source, seen->source_phase, seen->destination,
                               seen->destination_phase, &edge);
    if (rc) return rc;
    if (sign < 0 && edge->n == 0) return SQLITE_CORRUPT_VTAB;
    edge->n += sign;
    if (sign > 0) {
        edge_describe(edge, seen, names);
    } else {
        edge->kind_n -= seen->kind == edge->kind;
        edge->between_n -= seen->between == edge->between;
        if (edge->n && (edge->kind_n < 1 || edge->between_n < 1)) group->descriptions_stale = 1;
        if (!edge->n) edge->kind_n = edge->between_n = 0;
    }
    group->overflow |= sum_add(&edge->sum, sign, seen->value_ns, 1) |
                       sum_add(&edge->squares, sign, seen->value_ns, seen->value_ns) |
                       sum_add(&edge->product, sign, seen->value_ns, duration_ns) |
                       sum_add(&edge->offsets, sign, seen->offset_ns, 1);
    return SQLITE_OK;
}

void pythia_group_describe_begin(PythiaGroup *group) {
    for (uint32_t i = 0; i < group->nedges; i++)
        group->edges[i].kind_n = group->edges[i].between_n = 0;
    group->descriptions_stale = 0;
    group->dirty = 1;
}

int pythia_group_describe(PythiaGroup *group, const PythiaPathEdges *edges,
                          const PythiaNames *names) {
    for (uint32_t i = 0; i < edges->n; i++) {
        const PythiaPathEdge *e = &edges->edges[i];
        uint32_t found = group->slots
                             ? group->slots[edge_slot(group, e->source, e->source_phase,
                                                      e->destination, e->destination_phase)]
                             : 0;
        if (!found || group->edges[found - 1].n == 0) return SQLITE_CORRUPT_VTAB;
        edge_describe(&group->edges[found - 1], e, names);
    }
    return SQLITE_OK;
}

static int edge_equal(const PythiaGroupEdge *a, const PythiaGroupEdge *b) {
    return a->n == b->n && a->kind == b->kind && a->between == b->between &&
           a->kind_n == b->kind_n && a->between_n == b->between_n && a->sum == b->sum &&
           a->squares == b->squares && a->product == b->product && a->offsets == b->offsets;
}

static uint32_t live_edges(const PythiaGroup *group) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < group->nedges; i++)
        n += group->edges[i].n > 0;
    return n;
}

int pythia_group_equal(const PythiaGroup *a, const PythiaGroup *b) {
    if (a->n != b->n || a->request_type != b->request_type || a->sum != b->sum ||
        a->squares != b->squares || a->min_ns != b->min_ns || a->max_ns != b->max_ns ||
        live_edges(a) != live_edges(b))
        return 0;
    for (uint32_t i = 0; i < a->nedges; i++) {
        const PythiaGroupEdge *e = &a->edges[i];
        if (e->n == 0) continue;
        uint32_t found = b->slots ? b->slots[edge_slot(b, e->source, e->source_phase,
                                                       e->destination, e->destination_phase)]
                                  : 0;
        if (!found || !edge_equal(e, &b->edges[found - 1])) return 0;
    }
    return 1;
}

int pythia_group_add(PythiaGroup *group, int sign, int64_t duration_ns,
                     const PythiaPathEdges *edges, const PythiaNames *names) {
    if (sign < 0 && group->n == 0) return SQLITE_CORRUPT_VTAB;
    group->dirty = 1;
    for (uint32_t i = 0; i < edges->n; i++) {
        int rc = group_add_edge(group, sign, duration_ns, &edges->edges[i], names);
        if (rc) return rc;
    }
    group->overflow |= sum_add(&group->sum, sign, duration_ns, 1) |
                       sum_add(&group->squares, sign, duration_ns, duration_ns);
    group->n += sign;
    if (sign < 0) {
        if (duration_ns <= group->min_ns || duration_ns >= group->max_ns) group->extremes_stale = 1;
    } else {
        if (group->n == 1 || duration_ns < group->min_ns) group->min_ns = duration_ns;
        if (group->n == 1 || duration_ns > group->max_ns) group->max_ns = duration_ns;
    }
    return SQLITE_OK;
}

/* ---- statistics ------------------------------------------------------------------------------------------------ */

double pythia_sum_mean(PythiaSum sum, int64_t n) {
    if (n < 1) return NAN;
    /* Whole part and rest apart, so that nothing is rounded before the end. */
    PythiaSum whole = sum / n;
    return (double)((long double)whole + (long double)(sum % n) / (long double)n);
}

/* (n * Sxy - Sx * Sy) / n, without a product that could overflow for sums that belong together: with
** Sx = q n + r it is Sxy - q Sy - r Sy / n. NaN for sums that no members can have. */
static long double centred(PythiaSum sum_x, PythiaSum sum_y, PythiaSum product, int64_t n) {
    PythiaSum q = sum_x / n, r = sum_x % n, whole, rest;
    if (__builtin_mul_overflow(q, sum_y, &whole) ||
        __builtin_sub_overflow(product, whole, &whole) || __builtin_mul_overflow(r, sum_y, &rest) ||
        __builtin_sub_overflow(whole, rest / n, &whole))
        return NAN;
    return (long double)whole - (long double)(rest % n) / (long double)n;
}

double pythia_sum_variance(PythiaSum sum, PythiaSum squares, int64_t n) {
    return pythia_sum_covariance(sum, sum, squares, n);
}

double pythia_sum_covariance(PythiaSum sum_x, PythiaSum sum_y, PythiaSum product, int64_t n) {
    if (n < 2) return NAN;
    return (double)(centred(sum_x, sum_y, product, n) / (long double)(n - 1));
}
