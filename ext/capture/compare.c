/* compare.c - see compare.h.
**
** First all members, from three columns of the segments; sorted by type, group, set and place they are what the
** comparison wants in that order. Then the traces of one group after the other. Names of the stores become
** those of the comparison by tables that are filled as they are met; a trace that was read is a copy, and
** its numbers are replaced in place. */
#include "ext/capture/compare.h"

#include "ext/stat/order.h"

#include <stdlib.h>

typedef struct Member {
    uint64_t group;
    int64_t duration_ns, segment;
    uint32_t type; /* of the comparison's names */
    uint32_t ordinal;
    int side;
} Member;

/* Numbers of a store's names -> those of the comparison; 0: not met yet. */
typedef struct Translation {
    PythiaNames *to;
    const PythiaNames *from;
    uint32_t *strings, *tracepoints;
    size_t strings_capacity, tracepoints_capacity;
    uint32_t nstrings, ntracepoints;
} Translation;

typedef struct Comparing {
    const PythiaSide *sides;
    PythiaComparison *comparison;
    PythiaPoll *poll;
    char **error;
    Translation translation[2];
    Member *members;
    size_t nmembers, members_capacity;
    double *durations; /* scratch for all members */
    PythiaTrace trace;
    PythiaAnalysis analysis;
    PythiaSegment *segment; /* the one that was read last, or NULL */
    int segment_side;
} Comparing;

/* ---- names ------------------------------------------------------------------------------------------ */

static int table_reach(uint32_t **table, size_t *capacity, uint32_t *n, uint32_t id) {
    if (id < *n) return SQLITE_OK;
    int rc = pythia_grow((void **)table, capacity, (size_t)id + 1, sizeof **table);
    if (rc) return rc;
    memset(*table + *n, 0, (id + 1 - *n) * sizeof **table);
    *n = id + 1;
    return SQLITE_OK;
}

static int translate_string(Translation *t, uint32_t *id) {
    if (!*id) return SQLITE_OK;
    int rc = table_reach(&t->strings, &t->strings_capacity, &t->nstrings, *id);
    if (!rc && !t->strings[*id])
        rc = pythia_names_string(t->to, pythia_names_text(t->from, *id), &t->strings[*id]);
    if (!rc) *id = t->strings[*id];
    return rc;
}

static int translate_tracepoint(Translation *t, uint32_t *id) {
    if (!*id || *id > t->from->ntracepoints) {
        *id = 0;
        return SQLITE_OK;
    }
    int rc = table_reach(&t->tracepoints, &t->tracepoints_capacity, &t->ntracepoints, *id);
    if (!rc && !t->tracepoints[*id]) {
        PythiaTracepoint point = t->from->tracepoints[*id];
        rc = translate_string(t, &point.service);
        if (!rc) rc = translate_string(t, &point.operation);
        if (!rc) rc = translate_string(t, &point.point);
        if (!rc)
            rc = pythia_names_tracepoint(t->to, point.service, point.operation, point.point,
                                         &t->tracepoints[*id]);
    }
    if (!rc) *id = t->tracepoints[*id];
    return rc;
}

static int translate_values(Translation *t, PythiaValue *values, uint32_t n) {
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < n; i++)
        rc = translate_string(t, &values[i].key);
    return rc;
}

static int translate(Translation *t, PythiaTrace *trace, PythiaPathEdges *edges) {
    int rc = translate_values(t, trace->values, trace->nvalues);
    for (uint32_t i = 0; !rc && i < trace->nresources; i++) /* copies, of the trace's arena */
        rc = translate_values(t, (PythiaValue *)(uintptr_t)trace->resources[i].values,
                              trace->resources[i].n);
    for (uint32_t i = 0; !rc && i < trace->nspans; i++)
        rc = translate_tracepoint(t, &trace->spans[i].tracepoint);
    for (uint32_t i = 0; !rc && i < trace->npoints; i++)
        rc = translate_tracepoint(t, &trace->points[i].tracepoint);
    for (uint32_t i = 0; !rc && i < edges->n; i++) {
        rc = translate_tracepoint(t, &edges->edges[i].source);
        if (!rc) rc = translate_tracepoint(t, &edges->edges[i].destination);
    }
    return rc;
}

/* ---- members ---------------------------------------------------------------------------------------- */

/* The segment of a side, kept open until another is asked for. */
static int segment_get(Comparing *c, int side, int64_t id) {
    if (c->segment && c->segment_side == side && pythia_segment_info(c->segment)->id == id)
        return SQLITE_OK;
    pythia_segment_release(c->segment);
    c->segment = NULL;
    c->segment_side = side;
    return pythia_segment_open(pythia_capture_store(c->sides[side].capture), id, &c->segment,
                               c->error);
}

static int member_add(Comparing *c, int side, const PythiaTracePlace *place) {
    const int64_t *group = NULL, *duration, *type;
    uint32_t n;
    int rc = segment_get(c, side, place->segment);
    if (!rc) rc = pythia_segment_column(c->segment, PYTHIA_COL_HEAD_GROUP, &group, &n, c->error);
    if (!rc)
        rc = pythia_segment_column(c->segment, PYTHIA_COL_HEAD_DURATION, &duration, &n, c->error);
    if (!rc) rc = pythia_segment_column(c->segment, PYTHIA_COL_HEAD_TYPE, &type, &n, c->error);
    if (rc || place->ordinal >= n || !group[place->ordinal]) return rc;
    rc = pythia_grow((void **)&c->members, &c->members_capacity, c->nmembers + 1,
                     sizeof *c->members);
    if (rc) return rc;
    Member *member = &c->members[c->nmembers++];
    *member = (Member){(uint64_t)group[place->ordinal], duration[place->ordinal], place->segment,
                       (uint32_t)type[place->ordinal],  place->ordinal,           side};
    return translate_string(&c->translation[side], &member->type);
}

static int member_compare(const void *a, const void *b) {
    const Member *x = a, *y = b;
    if (x->type != y->type) return x->type < y->type ? -1 : 1;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    if (x->side != y->side) return x->side - y->side;
    if (x->segment != y->segment) return x->segment < y->segment ? -1 : 1;
    return x->ordinal < y->ordinal ? -1 : x->ordinal > y->ordinal;
}

static int members_find(Comparing *c) {
    size_t n[2] = {0, 0};
    int rc = SQLITE_OK;
    for (int side = 0; !rc && side < 2; side++) {
        const PythiaSelection *places = &c->sides[side].places;
        for (size_t i = 0; !rc && i < places->n; i++) {
            rc = member_add(c, side, &places->places[i]);
            if (!rc) rc = pythia_poll(c->poll);
        }
    }
    for (size_t i = 0; i < c->nmembers; i++)
        n[c->members[i].side]++;
    pythia_comparison_totals(c->comparison, n);
    if (c->nmembers > 1) qsort(c->members, c->nmembers, sizeof *c->members, member_compare);
    return rc;
}

/* The durations of both sets among members[from .. to-1], sorted. */
static int durations_of(Comparing *c, size_t from, size_t to, const double *durations[2],
                        size_t n[2]) {
    n[0] = n[1] = 0;
    for (size_t i = from; i < to; i++)
        n[c->members[i].side]++;
    size_t next[2] = {0, n[0]};
    for (size_t i = from; i < to; i++)
        c->durations[next[c->members[i].side]++] = (double)c->members[i].duration_ns;
    durations[0] = c->durations;
    durations[1] = c->durations + n[0];
    int rc = pythia_sort(c->durations, n[0], c->poll);
    return rc ? rc : pythia_sort(c->durations + n[0], n[1], c->poll);
}

/* ---- traces ----------------------------------------------------------------------------------------- */

static int member_give(Comparing *c, const Member *member) {
    PythiaCapture *capture = c->sides[member->side].capture;
    int rc = segment_get(c, member->side, member->segment);
    if (!rc) rc = pythia_segment_trace(c->segment, member->ordinal, 1, &c->trace, c->error);
    if (!rc) rc = pythia_capture_analyse(capture, &c->trace, &c->analysis, c->error);
    if (!rc) rc = translate(&c->translation[member->side], &c->trace, &c->analysis.edges);
    if (!rc)
        rc = pythia_comparison_member(c->comparison, member->side, &c->trace, &c->analysis.edges,
                                      member->duration_ns);
    return rc ? rc : pythia_poll(c->poll);
}

static int group_give(Comparing *c, size_t from, size_t to) {
    const double *durations[2];
    size_t n[2];
    int rc = durations_of(c, from, to, durations, n);
    if (!rc) rc = pythia_comparison_group(c->comparison, c->members[from].group, durations, n);
    if (rc || !pythia_comparison_wants(c->comparison)) return rc;
    for (size_t i = from; !rc && i < to; i++)
        rc = member_give(c, &c->members[i]);
    return rc;
}

static int type_give(Comparing *c, size_t from, size_t to) {
    const double *durations[2];
    size_t n[2];
    int rc = durations_of(c, from, to, durations, n);
    if (!rc) rc = pythia_comparison_type(c->comparison, c->members[from].type, durations, n);
    for (size_t end; !rc && from < to; from = end) {
        for (end = from; end < to && c->members[end].group == c->members[from].group;)
            end++;
        rc = group_give(c, from, end);
    }
    return rc ? rc : pythia_comparison_type_end(c->comparison);
}

int pythia_compare_sides(const PythiaSide sides[2], PythiaComparison *comparison, PythiaPoll *poll,
                         char **error) {
    Comparing c = {.sides = sides, .comparison = comparison, .poll = poll, .error = error};
    for (int side = 0; side < 2; side++) {
        c.translation[side].to = pythia_comparison_names(comparison);
        if (sides[side].capture)
            c.translation[side].from = pythia_capture_names(sides[side].capture);
    }
    int rc = members_find(&c);
    c.durations = rc ? NULL : pythia_alloc_array(c.nmembers + 1, sizeof *c.durations);
    if (!rc && !c.durations) rc = SQLITE_NOMEM;
    for (size_t from = 0, to; !rc && from < c.nmembers; from = to) {
        for (to = from; to < c.nmembers && c.members[to].type == c.members[from].type;)
            to++;
        rc = type_give(&c, from, to);
    }
    pythia_segment_release(c.segment);
    for (int side = 0; side < 2; side++) {
        pythia_free(c.translation[side].strings);
        pythia_free(c.translation[side].tracepoints);
    }
    pythia_trace_clear(&c.trace);
    pythia_analysis_clear(&c.analysis);
    pythia_free(c.members);
    pythia_free(c.durations);
    return rc;
}
