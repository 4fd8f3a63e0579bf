/* segment_trace.c - one trace read back from its segment.
**
** Each column's range of rows is decoded into one matrix, then spans, points and links are put
** together row by row. What the builder promises of a trace is checked where memory depends on it:
** parents lie before their children and spans are in preorder, points and links are sorted by span,
** times are in range. The time it takes is that of the trace, not of the segment. */
#include "ext/store/segment.h"

/* The place of a trace in its segment. */
typedef struct Place {
    uint32_t span, nspans, point, npoints, link, nlinks;
} Place;

/* The number at `ordinal` of three columns of counts and firsts. They are short, and decoded whole. */
static int find_place(PythiaSegment *segment, uint32_t ordinal, Place *place, char **error) {
    static const int columns[] = {PYTHIA_COL_TRACE_FIRST_SPAN,  PYTHIA_COL_TRACE_SPANS,
                                  PYTHIA_COL_TRACE_FIRST_POINT, PYTHIA_COL_TRACE_POINTS,
                                  PYTHIA_COL_TRACE_FIRST_LINK,  PYTHIA_COL_TRACE_LINKS};
    uint32_t *const fields[] = {&place->span,    &place->nspans, &place->point,
                                &place->npoints, &place->link,   &place->nlinks};
    if (ordinal >= segment->info.traces)
        return pythia_segment_damaged(segment, PYTHIA_SLOT_TRACE, "no such trace", error);
    const uint32_t kinds[] = {1, segment->info.points, segment->info.links};
    for (int i = 0; i < 6; i++) {
        if (!kinds[i / 2])
            continue; /* none in the whole segment: 0, without a column kept for it */
        const int64_t *values;
        uint32_t n;
        int rc = pythia_segment_column(segment, columns[i], &values, &n, error);
        if (rc) return rc;
        *fields[i] = (uint32_t)values[ordinal];
    }
    return SQLITE_OK;
}

/* Columns whose decoded form differs from the stored one, which is the one that is needed here. */
static int is_derived(int column) {
    return column == PYTHIA_COL_SPAN_START || column == PYTHIA_COL_POINT_SPAN ||
           column == PYTHIA_COL_POINT_TIME || column == PYTHIA_COL_LINK_SPAN;
}

/* Rows of one column as stored: from the whole column where that is decoded, or worth it. */
static int read_rows(PythiaSegment *segment, int column, uint32_t first, uint32_t n, int64_t *out,
                     char **error) {
    if (is_derived(column) || (!segment->columns[column] && !pythia_segment_is_walked(segment)))
        return pythia_segment_range(segment, column, first, n, out, error);
    const int64_t *values;
    uint32_t all;
    int rc = pythia_segment_column(segment, column, &values, &all, error);
    if (!rc && n) memcpy(out, values + first, n * sizeof *out);
    return rc;
}

/* Rows first .. first + n - 1 of columns from .. to, one column after the other. */
static int read_matrix(PythiaSegment *segment, int from, int to, uint32_t first, uint32_t n,
                       int64_t **matrix, char **error) {
    int rc = pythia_segment_scratch(segment, (size_t)n * (size_t)(to - from + 1), matrix);
    for (int c = from; !rc && c <= to; c++)
        rc = read_rows(segment, c, first, n, *matrix + (size_t)(c - from) * n, error);
    return rc;
}

/* The trace's own columns: id, status, repairs. */
static int read_trace_columns(PythiaSegment *segment, uint32_t ordinal, PythiaTrace *trace,
                              int64_t *start, char **error) {
    int64_t *v;
    const int64_t *starts;
    uint32_t n;
    /* Ascending starts are stored as differences: to find one, those before it are decoded. So all are kept. */
    int rc = pythia_segment_column(segment, PYTHIA_COL_TRACE_START, &starts, &n, error);
    if (!rc)
        rc = read_matrix(segment, PYTHIA_COL_TRACE_FORM, PYTHIA_COL_TRACE_REPAIRS_LAST, ordinal, 1,
                         &v, error);
    if (rc) return rc;
    trace->id = (PythiaId){(uint64_t)v[PYTHIA_COL_TRACE_HI], (uint64_t)v[PYTHIA_COL_TRACE_LO],
                           (uint32_t)v[PYTHIA_COL_TRACE_FORM]};
    trace->status = (int)v[PYTHIA_COL_TRACE_STATUS];
    *start = starts[ordinal];
    PythiaRepairs *r = &trace->repairs;
    uint32_t *const repairs[] = {&r->open_spans, &r->duplicates, &r->conflicts, &r->outside_points,
                                 &r->orphans,    &r->cycles,     &r->negative};
    for (int i = 0; i < 7; i++)
        *repairs[i] = (uint32_t)v[PYTHIA_COL_TRACE_REPAIRS + i];
    return SQLITE_OK;
}

/* ---- spans ----------------------------------------------------------------------------------------- */

static int time_is_sane(int64_t time) {
    return time >= 0 && time <= PYTHIA_TIME_MAX;
}

static int64_t plus(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* In preorder the parent of span i is span i - 1 or one of its ancestors. Going up from there costs
** no more than one step for each span of the trace in all. */
static int is_preorder(const PythiaSpan *spans, uint32_t i, int32_t parent) {
    int32_t at = (int32_t)i - 1;
    while (at > parent)
        at = spans[at].parent;
    return at == parent;
}

/* Sets the parent, its id as far as it follows from it, and the times. */
static int span_set_place(PythiaSpan *spans, uint32_t i, int64_t distance, int64_t start,
                          int64_t duration, int64_t trace_start) {
    PythiaSpan *s = &spans[i];
    if (distance > i) return 0;
    s->parent = distance ? (int32_t)(i - (uint32_t)distance) : -1;
    if (!is_preorder(spans, i, s->parent)) return 0;
    const PythiaSpan *parent = s->parent < 0 ? NULL : &spans[s->parent];
    s->parent_id = parent ? parent->id : (PythiaId){0, 0, PYTHIA_ID_NONE};
    s->start_ns = plus(start, parent ? parent->start_ns : trace_start);
    s->end_ns = plus(s->start_ns, duration);
    return time_is_sane(s->start_ns) && time_is_sane(s->end_ns);
}

static int read_spans(PythiaSegment *segment, const Place *place, int64_t trace_start,
                      PythiaTrace *trace, char **error) {
    uint32_t n = place->nspans;
    int64_t *m;
    int rc = pythia_grow((void **)&trace->spans, &trace->spans_capacity, n, sizeof *trace->spans);
    if (!rc)
        rc = read_matrix(segment, PYTHIA_COL_SPAN_ID, PYTHIA_COL_SPAN_BITS, place->span, n, &m,
                         error);
    if (rc) return rc;
#define AT(column) m[(size_t)((column)-PYTHIA_COL_SPAN_ID) * n + i]
    for (uint32_t i = 0; i < n; i++) {
        PythiaSpan *s = &trace->spans[i];
        memset(s, 0, sizeof *s);
        s->id = (PythiaId){(uint64_t)AT(PYTHIA_COL_SPAN_HI), (uint64_t)AT(PYTHIA_COL_SPAN_ID),
                           (uint32_t)AT(PYTHIA_COL_SPAN_FORM)};
        s->record = i;
        s->tracepoint = (uint32_t)AT(PYTHIA_COL_SPAN_TRACEPOINT);
        s->instance = (uint32_t)AT(PYTHIA_COL_SPAN_INSTANCE);
        s->resource = (uint32_t)AT(PYTHIA_COL_SPAN_RESOURCE);
        unsigned bits = (unsigned)AT(PYTHIA_COL_SPAN_BITS);
        s->kind = bits & PYTHIA_BITS_KIND;
        s->status = bits >> PYTHIA_BITS_STATUS_SHIFT & PYTHIA_BITS_STATUS;
        s->flags = bits >> PYTHIA_BITS_FLAGS_SHIFT & PYTHIA_BITS_FLAGS;
        s->conflict = bits >> PYTHIA_BITS_CONFLICT_SHIFT & 1;
        if (!span_set_place(trace->spans, i, AT(PYTHIA_COL_SPAN_PARENT), AT(PYTHIA_COL_SPAN_START),
                            AT(PYTHIA_COL_SPAN_DURATION), trace_start))
            return pythia_segment_damaged(segment, PYTHIA_SLOT_TREE,
                                          "a parent or a time is out of range", error);
    }
#undef AT
    trace->nspans = n;
    return SQLITE_OK;
}

/* Parent ids that do not follow from the parent. */
static int read_parent_ids(PythiaSegment *segment, const Place *place, PythiaTrace *trace,
                           char **error) {
    const PythiaBlock *block;
    PythiaColumn columns[4] = {0};
    PythiaText bytes;
    const int slot = PYTHIA_SLOT_PARENT;
    int rc = pythia_segment_block(segment, slot, &block, error);
    if (rc || !block) return rc;
    rc = pythia_block_get(block, 0, &bytes);
    if (!rc) rc = pythia_column_open(&columns[0], bytes.p, bytes.n);
    uint32_t at = 0;
    if (!rc) rc = pythia_column_lower_bound(&columns[0], place->span, &at);
    rc = pythia_segment_result(segment, slot, rc, error);
    for (uint32_t c = 1; !rc && c < 4; c++)
        rc = pythia_segment_part(segment, slot, block, c, columns[0].n, &columns[c], error);
    if (rc) return rc;
    uint32_t k = columns[0].n - at < place->nspans ? columns[0].n - at : place->nspans;
    int64_t *m = NULL;
    rc = pythia_segment_scratch(segment, (size_t)k * 4, &m);
    for (uint32_t c = 0; !rc && c < 4; c++)
        rc = pythia_segment_result(segment, slot,
                                   pythia_column_decode(&columns[c], at, k, m + c * k), error);
    for (uint32_t i = 0; !rc && i < k; i++) {
        if (m[i] >= (int64_t)place->span + place->nspans) break;
        if (m[i] < place->span || m[k + i] < 0 || m[k + i] > PYTHIA_ID_TEXT)
            return pythia_segment_damaged(segment, slot, "a value is out of range", error);
        trace->spans[m[i] - place->span].parent_id =
            (PythiaId){(uint64_t)m[2 * k + i], (uint64_t)m[3 * k + i], (uint32_t)m[k + i]};
    }
    return rc;
}

/* Codes of the segment become indexes of the trace. */
static int read_resources(PythiaSegment *segment, PythiaTrace *trace, char **error) {
    enum { RECENT = 16 };
    struct {
        uint32_t code, index, known;
    } recent[RECENT] = {0}; /* [code mod RECENT] */
    for (uint32_t i = 0; i < trace->nspans; i++) {
        PythiaSpan *s = &trace->spans[i];
        uint32_t code = s->resource, at = code % RECENT;
        if (!recent[at].known || recent[at].code != code) {
            PythiaResourceSet set;
            int rc = pythia_segment_resource(segment, code, &set, error);
            if (!rc) rc = pythia_trace_add_resource(trace, &set, &recent[at].index);
            if (rc) return rc;
            recent[at].code = code;
            recent[at].known = 1;
        }
        s->resource = recent[at].index;
    }
    return SQLITE_OK;
}

/* ---- points and links ------------------------------------------------------------------------------ */

static int read_points(PythiaSegment *segment, const Place *place, PythiaTrace *trace,
                       char **error) {
    uint32_t n = place->npoints;
    int64_t *m, before = 0;
    int rc =
        pythia_grow((void **)&trace->points, &trace->points_capacity, n, sizeof *trace->points);
    if (!rc)
        rc = read_matrix(segment, PYTHIA_COL_POINT_SPAN, PYTHIA_COL_POINT_TRACEPOINT, place->point,
                         n, &m, error);
    for (uint32_t i = 0; !rc && i < n; i++) {
        PythiaPoint *p = &trace->points[i];
        memset(p, 0, sizeof *p);
        if (m[i] < before || m[i] >= place->nspans)
            return pythia_segment_damaged(segment, PYTHIA_SLOT_POINT, "a span is not there", error);
        before = m[i];
        p->span = (uint32_t)m[i];
        p->time_ns = plus(m[n + i], trace->spans[p->span].start_ns);
        p->tracepoint = (uint32_t)m[2 * n + i];
        p->record = i;
        if (!time_is_sane(p->time_ns))
            return pythia_segment_damaged(segment, PYTHIA_SLOT_POINT, "a time is out of range",
                                          error);
    }
    trace->npoints = rc ? 0 : n;
    return rc;
}

static int read_links(PythiaSegment *segment, const Place *place, PythiaTrace *trace,
                      char **error) {
    uint32_t n = place->nlinks;
    int64_t *m, before = 0;
    int rc = pythia_grow((void **)&trace->links, &trace->links_capacity, n, sizeof *trace->links);
    if (!rc)
        rc = read_matrix(segment, PYTHIA_COL_LINK_SPAN, PYTHIA_COL_LINK_ID_LO, place->link, n, &m,
                         error);
    if (rc) return rc;
#define AT(column) m[(size_t)((column)-PYTHIA_COL_LINK_SPAN) * n + i]
    for (uint32_t i = 0; i < n; i++) {
        PythiaLinkTo *l = &trace->links[i];
        memset(l, 0, sizeof *l);
        int64_t span = AT(PYTHIA_COL_LINK_SPAN);
        if (span < before || span >= place->nspans)
            return pythia_segment_damaged(segment, PYTHIA_SLOT_LINK, "a span is not there", error);
        before = span;
        l->from_span = (uint32_t)span;
        l->kind = (uint32_t)AT(PYTHIA_COL_LINK_KIND);
        l->trace = (PythiaId){(uint64_t)AT(PYTHIA_COL_LINK_TRACE_HI),
                              (uint64_t)AT(PYTHIA_COL_LINK_TRACE_LO),
                              (uint32_t)AT(PYTHIA_COL_LINK_TRACE_FORM)};
        l->span =
            (PythiaId){(uint64_t)AT(PYTHIA_COL_LINK_ID_HI), (uint64_t)AT(PYTHIA_COL_LINK_ID_LO),
                       (uint32_t)AT(PYTHIA_COL_LINK_ID_FORM)};
    }
#undef AT
    trace->nlinks = n;
    return SQLITE_OK;
}

/* ---- values ---------------------------------------------------------------------------------------- */

/* first_value and nvalues of what owns the values: a span, a point or a link. */
static void owner(PythiaTrace *trace, int slot, uint32_t i, uint32_t **first, uint32_t **n) {
    if (slot == PYTHIA_SLOT_REST) {
        *first = &trace->spans[i].first_value;
        *n = &trace->spans[i].nvalues;
    } else if (slot == PYTHIA_SLOT_POINT_VALUES) {
        *first = &trace->points[i].first_value;
        *n = &trace->points[i].nvalues;
    } else {
        *first = &trace->links[i].first_value;
        *n = &trace->links[i].nvalues;
    }
}

/* Moves what was gathered for rows first .. first + n - 1 to the trace, grouped by row: counts, then
** places. Texts are copied, because the trace may outlive the segment. */
static int take_values(PythiaSegment *segment, int slot, uint32_t first, uint32_t n,
                       PythiaTrace *trace) {
    uint32_t more = segment->ngathered, *start, *count;
    PythiaValue *room;
    int rc = pythia_trace_room(trace, more, &room);
    if (rc) return rc;
    size_t bytes = 0; /* of the texts */
    for (uint32_t i = 0; i < more; i++) {
        const PythiaGathered *g = &segment->gathered[i];
        owner(trace, slot, g->row - first, &start, &count);
        ++*count;
        if (pythia_value_is_text(g->value.type)) bytes += g->value.n;
    }
    unsigned char *texts = pythia_arena_alloc(&trace->arena, bytes);
    if (!texts) return SQLITE_NOMEM;
    uint32_t at = trace->nvalues;
    for (uint32_t i = 0; i < n; i++) {
        owner(trace, slot, i, &start, &count);
        *start = at;
        at += *count;
        *count = 0;
    }
    for (uint32_t i = 0; i < more; i++) {
        const PythiaGathered *g = &segment->gathered[i];
        owner(trace, slot, g->row - first, &start, &count);
        PythiaValue *v = &trace->values[*start + (*count)++];
        *v = g->value;
        if (!pythia_value_is_text(v->type)) continue;
        v->of.text = "";
        if (!v->n) continue;
        v->of.text = memcpy(texts, g->value.of.text, v->n);
        texts += v->n;
    }
    trace->nvalues = at;
    return SQLITE_OK;
}

static int read_values(PythiaSegment *segment, const Place *place, PythiaTrace *trace,
                       char **error) {
    int rc = pythia_segment_gather_spans(segment, place->span, place->nspans, error);
    if (!rc) rc = take_values(segment, PYTHIA_SLOT_REST, place->span, place->nspans, trace);
    segment->ngathered = 0;
    if (!rc)
        rc = pythia_segment_gather_lists(segment, PYTHIA_SLOT_POINT_VALUES, place->point,
                                         place->npoints, error);
    if (!rc)
        rc = take_values(segment, PYTHIA_SLOT_POINT_VALUES, place->point, place->npoints, trace);
    segment->ngathered = 0;
    if (!rc)
        rc = pythia_segment_gather_lists(segment, PYTHIA_SLOT_LINK_VALUES, place->link,
                                         place->nlinks, error);
    if (!rc) rc = take_values(segment, PYTHIA_SLOT_LINK_VALUES, place->link, place->nlinks, trace);
    return rc;
}

int pythia_segment_trace(PythiaSegment *segment, uint32_t ordinal, int values, PythiaTrace *trace,
                         char **error) {
    pythia_trace_reset(trace);
    Place place = {0};
    int64_t start = 0;
    int rc = find_place(segment, ordinal, &place, error);
    if (!rc) rc = read_trace_columns(segment, ordinal, trace, &start, error);
    if (!rc) rc = read_spans(segment, &place, start, trace, error);
    if (!rc) rc = read_parent_ids(segment, &place, trace, error);
    if (!rc) rc = read_points(segment, &place, trace, error);
    if (!rc) rc = read_links(segment, &place, trace, error);
    if (!rc && values) rc = read_resources(segment, trace, error);
    for (uint32_t i = 0; !rc && !values && i < trace->nspans; i++)
        trace->spans[i].resource = 0;
    if (!rc && values) rc = read_values(segment, &place, trace, error);
    if (rc) {
        pythia_trace_reset(trace);
        return rc;
    }
    pythia_walk_note(&segment->traces, ordinal);
    pythia_trace_derive(trace);
    return SQLITE_OK;
}
