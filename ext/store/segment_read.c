/* segment_read.c - columns of a stored segment, decoded when first asked for (segment.h).
**
** A block is read once and stays in memory as long as the segment. A column is decoded either as a
** whole, and kept, or for a range of rows, into memory of the caller. Everything that comes out was
** checked against the bounds of its column, so that nobody else need fear an index: parents lie before
** their children in the same trace, names exist, times are in the range of times. */
#include "ext/store/segment.h"

#include "ext/base/bytes.h"
#include "ext/store/filter.h"

/* ---- messages and memory --------------------------------------------------------------------------- */

static sqlite3_int64 row_id(const PythiaSegment *segment, int slot) {
    return (sqlite3_int64)((uint64_t)segment->info.id << PYTHIA_SLOT_SHIFT | (uint64_t)slot);
}

int pythia_segment_damaged(const PythiaSegment *segment, int slot, const char *what, char **error) {
    return pythia_fail(error, PYTHIA_CORRUPT, "pythia_xblock row %lld (segment %lld): %s",
                       row_id(segment, slot), (sqlite3_int64)segment->info.id, what);
}

int pythia_segment_result(const PythiaSegment *segment, int slot, int rc, char **error) {
    if (rc != PYTHIA_CORRUPT) return rc;
    return pythia_segment_damaged(segment, slot, "damaged", error);
}

void pythia_segment_forget_heads(PythiaSegment *segment) {
    pythia_block_close(&segment->blocks[PYTHIA_SLOT_HEAD]);
    for (int c = PYTHIA_COL_HEAD_START; c <= PYTHIA_COL_HEAD_STATUS; c++) {
        pythia_free(segment->columns[c]);
        segment->columns[c] = NULL;
        segment->views[c].data = NULL;
    }
}

void pythia_segment_free(PythiaSegment *segment) {
    if (!segment) return;
    for (int s = 0; s < PYTHIA_SLOT_FIXED; s++)
        pythia_block_close(&segment->blocks[s]);
    for (int c = 0; c < PYTHIA_COL_COUNT; c++)
        pythia_free(segment->columns[c]);
    for (uint32_t i = 0; i < segment->nattributes; i++) {
        PythiaSegmentAttribute *a = &segment->attributes[i];
        pythia_block_close(&a->block);
        pythia_free(a->own_rows);
        pythia_free(a->own_codes);
        pythia_free(a->own_texts);
        pythia_free(a->own_bytes);
    }
    for (int i = 0; i < PYTHIA_ATTACHED_COUNT; i++)
        pythia_free(segment->attached[i]);
    for (int i = 0; i < 3; i++)
        pythia_free(segment->lists[i].own);
    pythia_free(segment->own_resource_bytes);
    pythia_free(segment->attributes);
    pythia_free(segment->resources);
    pythia_free(segment->dead);
    pythia_free(segment->scratch);
    pythia_free(segment->gathered);
    pythia_free(segment->list.values);
    pythia_arena_clear(&segment->arena);
    pythia_free(segment);
}

int pythia_segment_scratch(PythiaSegment *segment, size_t n, int64_t **scratch) {
    int rc = pythia_grow((void **)&segment->scratch, &segment->scratch_capacity, n + 1,
                         sizeof *segment->scratch);
    *scratch = segment->scratch;
    return rc;
}

void pythia_walk_note(PythiaWalk *walk, uint32_t row) {
    if (row + 1 == walk->next) return;
    walk->n = row >= walk->next ? walk->n + 1 : 1;
    walk->next = row + 1;
}

int pythia_segment_is_walked(const PythiaSegment *segment) {
    return segment->traces.n >= PYTHIA_SEGMENT_READS || segment->spans.n >= PYTHIA_SEGMENT_READS;
}

/* ---- blocks ---------------------------------------------------------------------------------------- */

/* Where a stored column lies. */
static const PythiaSlotColumns *column_place(int column) {
    for (int g = 0; g < PYTHIA_SLOT_GROUPS; g++)
        if (column >= pythia_slot_columns[g].first && column <= pythia_slot_columns[g].last)
            return &pythia_slot_columns[g];
    return NULL;
}

uint32_t pythia_segment_rows(const PythiaSegment *segment, int column) {
    const PythiaSlotColumns *place = column_place(column);
    int per = place                          ? place->per
              : column <= PYTHIA_COL_SPAN_TO ? PYTHIA_PER_SPAN
                                             : PYTHIA_PER_TRACE;
    const uint32_t rows[PYTHIA_PER_COUNT] = {segment->info.traces, segment->info.spans,
                                             segment->info.points, segment->info.links};
    return rows[per];
}

static int read_block(PythiaSegment *segment, int slot, PythiaBlock *block, char **error) {
    int rc = pythia_store_block(segment, slot, block, error);
    if (!rc) pythia_segment_charge(segment, block->bytes);
    return rc;
}

int pythia_segment_part(const PythiaSegment *segment, int slot, const PythiaBlock *block,
                        uint32_t part, uint32_t n, PythiaColumn *column, char **error) {
    PythiaText bytes;
    int rc = pythia_block_get(block, part, &bytes);
    if (!rc) rc = pythia_column_open(column, bytes.p, bytes.n);
    if (!rc && column->n != n)
        return pythia_segment_damaged(segment, slot, "a column has another number of values",
                                      error);
    return pythia_segment_result(segment, slot, rc, error);
}

int pythia_segment_bytes(PythiaSegment *segment, int slot, const PythiaBlock *block, uint32_t part,
                         PythiaText *bytes, char **own, char **error) {
    PythiaText packed;
    int rc = pythia_block_get(block, part, &packed);
    *own = NULL;
    if (!rc) rc = pythia_store_unpack(segment->store, packed, bytes, own);
    if (!rc && *own) pythia_segment_charge(segment, bytes->n);
    return pythia_segment_result(segment, slot, rc, error);
}

/* Fills in keys, types and numbers of rows. 0: they cannot be. */
static int attributes_fill(const PythiaSegment *segment, PythiaSegmentAttribute *attributes,
                           const int64_t *values, uint32_t n) {
    const uint32_t nkeys = pythia_store_names(segment->store)->strings.n;
    for (uint32_t i = 0; i < n; i++) {
        int64_t key = values[i], type = values[n + i], rows = values[2 * (size_t)n + i];
        if (key <= 0 || key > nkeys || type < PYTHIA_VALUE_INT || type > PYTHIA_VALUE_BYTES ||
            rows < 0 || rows > segment->info.spans)
            return 0;
        attributes[i].column.key = (uint32_t)key;
        attributes[i].column.type = (uint32_t)type;
        attributes[i].column.n = (uint32_t)rows;
    }
    return 1;
}

/* The attribute columns of the directory. */
static int directory_attributes(PythiaSegment *segment, const PythiaBlock *block, char **error) {
    const int slot = PYTHIA_SLOT_DIRECTORY;
    PythiaColumn columns[3];
    PythiaText bytes;
    int rc = pythia_block_get(block, 1, &bytes);
    if (!rc) rc = pythia_column_open(&columns[0], bytes.p, bytes.n);
    if (rc) return pythia_segment_result(segment, slot, rc, error);
    uint32_t n = columns[0].n;
    if (n >= (1 << PYTHIA_SLOT_SHIFT) - PYTHIA_SLOT_ATTRIBUTE)
        return pythia_segment_damaged(segment, slot, "too many attributes", error);
    for (uint32_t i = 1; !rc && i < 3; i++)
        rc = pythia_segment_part(segment, slot, block, i + 1, n, &columns[i], error);
    if (rc) return rc;
    int64_t *values = pythia_alloc_array((size_t)n * 3, sizeof *values);
    PythiaSegmentAttribute *attributes = pythia_alloc_zero(((size_t)n + 1) * sizeof *attributes);
    if (!values || !attributes) rc = SQLITE_NOMEM;
    for (uint32_t i = 0; !rc && i < 3; i++)
        rc = pythia_column_decode(&columns[i], 0, n, values + (size_t)i * n);
    if (!rc && !attributes_fill(segment, attributes, values, n)) rc = PYTHIA_CORRUPT;
    pythia_free(values);
    if (rc) {
        pythia_free(attributes);
        return pythia_segment_result(segment, slot, rc, error);
    }
    segment->attributes = attributes;
    segment->nattributes = n;
    return SQLITE_OK;
}

int pythia_segment_directory(PythiaSegment *segment, char **error) {
    if (segment->directory) return SQLITE_OK;
    const uint32_t always = (uint32_t)1 << PYTHIA_SLOT_DIRECTORY |
                            (uint32_t)1 << PYTHIA_SLOT_TRACE | (uint32_t)1 << PYTHIA_SLOT_HEAD;
    PythiaBlock *block = &segment->blocks[PYTHIA_SLOT_DIRECTORY];
    int rc = block->data ? SQLITE_OK : read_block(segment, PYTHIA_SLOT_DIRECTORY, block, error);
    PythiaText bytes = {NULL, 0};
    if (!rc)
        rc = pythia_segment_result(segment, PYTHIA_SLOT_DIRECTORY,
                                   pythia_block_get(block, 0, &bytes), error);
    if (rc) return rc;
    segment->mask = bytes.n == 4 ? pythia_load32((const unsigned char *)bytes.p) : 0;
    if ((segment->mask & always) != always)
        return pythia_segment_damaged(segment, PYTHIA_SLOT_DIRECTORY, "blocks are missing", error);
    rc = directory_attributes(segment, block, error);
    if (!rc) segment->directory = 1;
    return rc;
}

int pythia_segment_block(PythiaSegment *segment, int slot, const PythiaBlock **block,
                         char **error) {
    *block = &segment->blocks[slot];
    if ((*block)->data) return SQLITE_OK;
    if (slot != PYTHIA_SLOT_TRACE && slot != PYTHIA_SLOT_HEAD) {
        int rc = pythia_segment_directory(segment, error);
        if (rc) return rc;
        if (!(segment->mask >> slot & 1)) {
            *block = NULL;
            return SQLITE_OK;
        }
    }
    return read_block(segment, slot, &segment->blocks[slot], error);
}

/* ---- bounds ---------------------------------------------------------------------------------------- */

typedef struct Bounds {
    int64_t low, high;
} Bounds;

static Bounds span_bounds(const PythiaSegment *segment, int column) {
    const PythiaNames *names = pythia_store_names(segment->store);
    switch (column) {
    case PYTHIA_COL_SPAN_FORM:
        return (Bounds){0, PYTHIA_ID_TEXT};
    case PYTHIA_COL_SPAN_PARENT:
    case PYTHIA_COL_SPAN_RESOURCE:
    case PYTHIA_COL_POINT_SPAN:
    case PYTHIA_COL_LINK_SPAN:
        return (Bounds){0, segment->info.spans};
    case PYTHIA_COL_SPAN_START:
    case PYTHIA_COL_SPAN_DURATION:
    case PYTHIA_COL_POINT_TIME:
        return (Bounds){-PYTHIA_TIME_MAX, PYTHIA_TIME_MAX};
    case PYTHIA_COL_SPAN_TRACEPOINT:
    case PYTHIA_COL_POINT_TRACEPOINT:
        return (Bounds){0, names->ntracepoints};
    case PYTHIA_COL_SPAN_INSTANCE:
        return (Bounds){0, names->strings.n};
    case PYTHIA_COL_SPAN_BITS:
        return (Bounds){0, PYTHIA_BITS_MOST};
    case PYTHIA_COL_LINK_KIND:
        return (Bounds){0, PYTHIA_LINK_PARENT};
    case PYTHIA_COL_LINK_TRACE_FORM:
    case PYTHIA_COL_LINK_ID_FORM:
        return (Bounds){0, PYTHIA_ID_TEXT};
    default:
        return (Bounds){INT64_MIN, INT64_MAX};
    }
}

static Bounds column_bounds(const PythiaSegment *segment, int column) {
    if (column >= PYTHIA_COL_SPAN_ID) return span_bounds(segment, column);
    switch (column) {
    case PYTHIA_COL_TRACE_FORM:
        return (Bounds){0, PYTHIA_ID_TEXT};
    case PYTHIA_COL_TRACE_HI:
    case PYTHIA_COL_TRACE_LO:
    case PYTHIA_COL_HEAD_GROUP:
        return (Bounds){INT64_MIN, INT64_MAX};
    case PYTHIA_COL_TRACE_SPANS:
        return (Bounds){0, segment->info.spans};
    case PYTHIA_COL_TRACE_POINTS:
        return (Bounds){0, segment->info.points};
    case PYTHIA_COL_TRACE_LINKS:
        return (Bounds){0, segment->info.links};
    case PYTHIA_COL_TRACE_STATUS:
    case PYTHIA_COL_HEAD_STATUS:
        return (Bounds){0, PYTHIA_TRACE_SKEWED};
    case PYTHIA_COL_TRACE_START:
    case PYTHIA_COL_HEAD_DURATION:
        return (Bounds){0, PYTHIA_TIME_MAX};
    case PYTHIA_COL_HEAD_START:
    case PYTHIA_COL_HEAD_ROOT_DURATION:
        return (Bounds){-PYTHIA_TIME_MAX, PYTHIA_TIME_MAX};
    case PYTHIA_COL_HEAD_TYPE:
        return (Bounds){0, pythia_store_names(segment->store)->strings.n};
    default:
        return (Bounds){0, UINT32_MAX};
    }
}

static int bits_are_known(int64_t bits) {
    return (bits & PYTHIA_BITS_KIND) <= PYTHIA_KIND_CONSUMER &&
           (bits >> PYTHIA_BITS_STATUS_SHIFT & PYTHIA_BITS_STATUS) <= PYTHIA_STATUS_ERROR;
}

static int in_bounds(const PythiaSegment *segment, int column, const int64_t *values, uint32_t n) {
    Bounds bounds = column_bounds(segment, column);
    int64_t low = bounds.low, high = bounds.low;
    if (bounds.low != INT64_MIN) {
        for (uint32_t i = 0; i < n; i++) {
            low = values[i] < low ? values[i] : low;
            high = values[i] > high ? values[i] : high;
        }
        if (low < bounds.low || high > bounds.high) return 0;
    }
    for (uint32_t i = 0; column == PYTHIA_COL_SPAN_BITS && i < n; i++)
        if (!bits_are_known(values[i])) return 0;
    return 1;
}

/* ---- columns --------------------------------------------------------------------------------------- */

/* Opens a stored column, whose number of values must be right. */
static int column_open(PythiaSegment *segment, int column, PythiaColumn *view, char **error) {
    if (segment->views[column].data) {
        *view = segment->views[column];
        return SQLITE_OK;
    }
    const PythiaSlotColumns *place = column_place(column);
    const PythiaBlock *block;
    int rc = pythia_segment_block(segment, place->slot, &block, error);
    if (rc) return rc;
    if (!block) return pythia_segment_damaged(segment, place->slot, "missing", error);
    rc = pythia_segment_part(segment, place->slot, block, (uint32_t)(column - place->first),
                             pythia_segment_rows(segment, column), view, error);
    if (!rc) segment->views[column] = *view;
    return rc;
}

int pythia_segment_range(PythiaSegment *segment, int column, uint32_t first, uint32_t n,
                         int64_t *values, char **error) {
    if (!n) return SQLITE_OK;
    const int slot = column_place(column)->slot;
    PythiaColumn view;
    int rc = column_open(segment, column, &view, error);
    if (!rc)
        rc = pythia_segment_result(segment, slot, pythia_column_decode(&view, first, n, values),
                                   error);
    if (!rc && !in_bounds(segment, column, values, n))
        rc = pythia_segment_damaged(segment, slot, "a value is out of range", error);
    return rc;
}

int pythia_segment_filter(const PythiaSegment *segment, const PythiaBlock *block,
                          PythiaText *filter, char **error) {
    const int slot = PYTHIA_SLOT_FILTER;
    int rc = pythia_segment_result(segment, slot, pythia_block_get(block, 0, filter), error);
    if (!rc && filter->n != pythia_filter_bytes(segment->info.spans))
        rc = pythia_segment_damaged(segment, slot, "damaged", error);
    return rc;
}

int pythia_segment_next_span(PythiaSegment *segment, PythiaId id, uint32_t *span, char **error) {
    const uint32_t n = segment->info.spans;
    PythiaColumn view;
    int rc = *span < n ? column_open(segment, PYTHIA_COL_SPAN_ID, &view, error) : SQLITE_OK;
    while (!rc && *span < n) {
        int64_t hi, form;
        rc = pythia_segment_result(segment, PYTHIA_SLOT_ID,
                                   pythia_column_find(&view, (int64_t)id.lo, *span, span), error);
        if (rc || *span == n) break;
        rc = pythia_segment_range(segment, PYTHIA_COL_SPAN_HI, *span, 1, &hi, error);
        if (!rc) rc = pythia_segment_range(segment, PYTHIA_COL_SPAN_FORM, *span, 1, &form, error);
        if (rc || ((uint64_t)hi == id.hi && form == id.form)) break;
        ++*span;
    }
    return rc;
}

/* Numbers of spans, points or links per trace, summed up; they must add up to the segment's. */
static int derive_first(PythiaSegment *segment, int from, uint32_t total, int64_t *first,
                        char **error) {
    const int64_t *counts;
    uint32_t n;
    int rc = pythia_segment_column(segment, from, &counts, &n, error);
    int64_t sum = 0;
    for (uint32_t i = 0; !rc && i < n; i++) {
        first[i] = sum;
        sum += counts[i]; /* each at most `total`, and there are less than 2^32 */
    }
    if (!rc && sum != total)
        rc = pythia_segment_damaged(segment, PYTHIA_SLOT_TRACE, "counts do not add up", error);
    return rc;
}

/* The ordinal of the trace of each span. */
static int derive_span_trace(PythiaSegment *segment, int64_t *trace, char **error) {
    const int64_t *first;
    uint32_t traces, n = segment->info.spans;
    int rc = pythia_segment_column(segment, PYTHIA_COL_TRACE_FIRST_SPAN, &first, &traces, error);
    for (uint32_t t = 0; !rc && t < traces; t++)
        for (int64_t i = first[t], end = t + 1 < traces ? first[t + 1] : n; i < end; i++)
            trace[i] = t;
    return rc;
}

/* Modulo 2^64; the caller looks at the sum. */
static int64_t plus(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* Distances become times. */
static int derive_start(PythiaSegment *segment, int64_t *start, char **error) {
    const int64_t *parent = NULL, *first = NULL, *trace_start = NULL;
    uint32_t spans = 0, traces = 0;
    int rc = pythia_segment_column(segment, PYTHIA_COL_SPAN_PARENT, &parent, &spans, error);
    if (!rc)
        rc = pythia_segment_column(segment, PYTHIA_COL_TRACE_FIRST_SPAN, &first, &traces, error);
    if (!rc)
        rc = pythia_segment_column(segment, PYTHIA_COL_TRACE_START, &trace_start, &traces, error);
    for (uint32_t t = 0; !rc && t < traces; t++) {
        int64_t begin = first[t], end = t + 1 < traces ? first[t + 1] : spans;
        for (int64_t i = begin; i < end; i++) {
            if (parent[i] > i - begin)
                return pythia_segment_damaged(segment, PYTHIA_SLOT_TREE, "a parent is not there",
                                              error);
            start[i] = plus(start[i], parent[i] ? start[i - parent[i]] : trace_start[t]);
            if (start[i] < 0 || start[i] > PYTHIA_TIME_MAX)
                return pythia_segment_damaged(segment, PYTHIA_SLOT_TREE, "a time is out of range",
                                              error);
        }
    }
    return rc;
}

int pythia_segment_times(PythiaSegment *segment, int64_t *parent, int64_t *from, int64_t *to,
                         char **error) {
    const int64_t *first = NULL, *trace_start = NULL;
    int64_t *start = NULL; /* as recorded */
    uint32_t spans = segment->info.spans, traces = 0;
    int rc = pythia_segment_column(segment, PYTHIA_COL_TRACE_FIRST_SPAN, &first, &traces, error);
    if (!rc)
        rc = pythia_segment_column(segment, PYTHIA_COL_TRACE_START, &trace_start, &traces, error);
    if (!rc) rc = pythia_segment_scratch(segment, spans, &start);
    if (!rc) rc = pythia_segment_range(segment, PYTHIA_COL_SPAN_PARENT, 0, spans, parent, error);
    if (!rc) rc = pythia_segment_range(segment, PYTHIA_COL_SPAN_START, 0, spans, start, error);
    if (!rc) rc = pythia_segment_range(segment, PYTHIA_COL_SPAN_DURATION, 0, spans, to, error);
    for (uint32_t t = 0; !rc && t < traces; t++) {
        int64_t begin = first[t], end = t + 1 < traces ? first[t + 1] : spans;
        for (int64_t i = begin; i < end; i++) {
            int64_t above = parent[i];
            if (above > i - begin)
                return pythia_segment_damaged(segment, PYTHIA_SLOT_TREE, "a parent is not there",
                                              error);
            start[i] = plus(start[i], above ? start[i - above] : trace_start[t]);
            to[i] = plus(start[i], to[i]);
            if (start[i] < 0 || start[i] > PYTHIA_TIME_MAX || to[i] < 0 || to[i] > PYTHIA_TIME_MAX)
                return pythia_segment_damaged(segment, PYTHIA_SLOT_TREE, "a time is out of range",
                                              error);
            from[i] = above && from[i - above] > start[i] ? from[i - above] : start[i];
            if (to[i] < from[i]) to[i] = from[i];
        }
    }
    return rc;
}

/* Makes the columns of effective times, both at once. */
static int effective_times(PythiaSegment *segment, char **error) {
    size_t n = (size_t)segment->info.spans + 1;
    int64_t *from = pythia_alloc_array(n, sizeof *from), *to = pythia_alloc_array(n, sizeof *to);
    int64_t *parent = pythia_alloc_array(n, sizeof *parent);
    int rc = from && to && parent ? pythia_segment_times(segment, parent, from, to, error)
                                  : SQLITE_NOMEM;
    pythia_free(parent);
    if (rc) {
        pythia_free(from);
        pythia_free(to);
        return rc;
    }
    segment->columns[PYTHIA_COL_SPAN_FROM] = from;
    segment->columns[PYTHIA_COL_SPAN_TO] = to;
    pythia_segment_charge(segment, 2 * (n - 1) * sizeof *from);
    return SQLITE_OK;
}

/* 1 for each trace all of whose spans are single events. */
static int derive_is_dag(PythiaSegment *segment, int64_t *is_dag, char **error) {
    const int64_t *first;
    int64_t *bits = NULL;
    uint32_t traces, n = segment->info.spans;
    int rc = pythia_segment_column(segment, PYTHIA_COL_TRACE_FIRST_SPAN, &first, &traces, error);
    if (!rc) rc = pythia_segment_scratch(segment, n, &bits);
    if (!rc) rc = pythia_segment_range(segment, PYTHIA_COL_SPAN_BITS, 0, n, bits, error);
    for (uint32_t t = 0; !rc && t < traces; t++) {
        int64_t i = first[t], end = t + 1 < traces ? first[t + 1] : n;
        is_dag[t] = i < end;
        for (; i < end && is_dag[t]; i++)
            is_dag[t] = bits[i] >> PYTHIA_BITS_FLAGS_SHIFT & PYTHIA_SPAN_EVENT ? 1 : 0;
    }
    return rc;
}

/* Indexes within the trace become indexes in the segment. */
static int derive_owner(PythiaSegment *segment, int column, int first_column, int64_t *owner,
                        char **error) {
    const int slot = column == PYTHIA_COL_POINT_SPAN ? PYTHIA_SLOT_POINT : PYTHIA_SLOT_LINK;
    const int64_t *first_span = NULL, *first_row = NULL, *counts = NULL;
    uint32_t traces = 0, n = pythia_segment_rows(segment, column);
    int rc =
        pythia_segment_column(segment, PYTHIA_COL_TRACE_FIRST_SPAN, &first_span, &traces, error);
    if (!rc) rc = pythia_segment_column(segment, first_column, &first_row, &traces, error);
    if (!rc) rc = pythia_segment_column(segment, PYTHIA_COL_TRACE_SPANS, &counts, &traces, error);
    for (uint32_t t = 0; !rc && t < traces; t++) {
        int64_t before = 0;
        for (int64_t i = first_row[t], end = t + 1 < traces ? first_row[t + 1] : n; i < end; i++) {
            if (owner[i] >= counts[t] || owner[i] < before)
                return pythia_segment_damaged(segment, slot, "a span is not there", error);
            before = owner[i];
            owner[i] += first_span[t];
        }
    }
    return rc;
}

static int derive_point_time(PythiaSegment *segment, int64_t *time, char **error) {
    const int64_t *span, *start;
    uint32_t n, spans;
    int rc = pythia_segment_column(segment, PYTHIA_COL_POINT_SPAN, &span, &n, error);
    if (!rc) rc = pythia_segment_column(segment, PYTHIA_COL_SPAN_START, &start, &spans, error);
    for (uint32_t i = 0; !rc && i < n; i++) {
        time[i] = plus(time[i], start[span[i]]);
        if (time[i] < 0 || time[i] > PYTHIA_TIME_MAX)
            rc =
                pythia_segment_damaged(segment, PYTHIA_SLOT_POINT, "a time is out of range", error);
    }
    return rc;
}

static int column_derive(PythiaSegment *segment, int column, int64_t *values, char **error) {
    const PythiaSegmentInfo *info = &segment->info;
    switch (column) {
    case PYTHIA_COL_SPAN_START:
        return derive_start(segment, values, error);
    case PYTHIA_COL_POINT_SPAN:
        return derive_owner(segment, column, PYTHIA_COL_TRACE_FIRST_POINT, values, error);
    case PYTHIA_COL_LINK_SPAN:
        return derive_owner(segment, column, PYTHIA_COL_TRACE_FIRST_LINK, values, error);
    case PYTHIA_COL_POINT_TIME:
        return derive_point_time(segment, values, error);
    case PYTHIA_COL_SPAN_TRACE:
        return derive_span_trace(segment, values, error);
    case PYTHIA_COL_TRACE_FIRST_SPAN:
        return derive_first(segment, PYTHIA_COL_TRACE_SPANS, info->spans, values, error);
    case PYTHIA_COL_TRACE_FIRST_POINT:
        return derive_first(segment, PYTHIA_COL_TRACE_POINTS, info->points, values, error);
    case PYTHIA_COL_TRACE_FIRST_LINK:
        return derive_first(segment, PYTHIA_COL_TRACE_LINKS, info->links, values, error);
    case PYTHIA_COL_TRACE_IS_DAG:
        return derive_is_dag(segment, values, error);
    default:
        return SQLITE_OK;
    }
}

/* Whether a segment may have so many rows of a kind. A constant takes the same few bytes for any number of rows, so
** that a forged number could ask for a gigabyte; but there is always something else in which that many rows differ,
** and of that 1024 rows take 6 bytes at least. */
int pythia_segment_rows_plausible(PythiaSegment *segment, int slot, uint32_t n, char **error) {
    if (n <= PYTHIA_ROWS_UNASKED) return SQLITE_OK;
    if (!segment->stored_bytes) {
        int rc = pythia_store_block_bytes(segment, &segment->stored_bytes, error);
        if (rc) return rc;
    }
    if (n / PYTHIA_COLUMN_MINI <= segment->stored_bytes) return SQLITE_OK;
    return pythia_segment_damaged(segment, slot, "more rows than its segment has bytes for", error);
}

/* Makes sure that the number of rows is that of something stored, before memory is taken for them. */
static int column_probe(PythiaSegment *segment, int column, char **error) {
    PythiaColumn view;
    const int64_t *values;
    uint32_t n;
    n = pythia_segment_rows(segment, column);
    if (!n) return SQLITE_OK;
    int rc = pythia_segment_rows_plausible(segment, PYTHIA_SLOT_DIRECTORY, n, error);
    if (rc) return rc;
    if (column < PYTHIA_COL_STORED) return column_open(segment, column, &view, error);
    if (column == PYTHIA_COL_SPAN_FROM || column == PYTHIA_COL_SPAN_TO)
        return column_open(segment, PYTHIA_COL_SPAN_PARENT, &view, error);
    if (column == PYTHIA_COL_SPAN_TRACE)
        return pythia_segment_column(segment, PYTHIA_COL_TRACE_FIRST_SPAN, &values, &n, error);
    return column_open(segment, PYTHIA_COL_TRACE_SPANS, &view, error);
}

int pythia_segment_column(PythiaSegment *segment, int column, const int64_t **values, uint32_t *n,
                          char **error) {
    *n = pythia_segment_rows(segment, column);
    *values = segment->columns[column];
    if (*values) return SQLITE_OK;
    int rc = column_probe(segment, column, error);
    if (rc) return rc;
    if (column == PYTHIA_COL_SPAN_FROM || column == PYTHIA_COL_SPAN_TO) {
        rc = effective_times(segment, error);
        *values = segment->columns[column];
        return rc;
    }
    int64_t *decoded = pythia_alloc_array((size_t)*n + 1, sizeof *decoded);
    if (!decoded) return SQLITE_NOMEM;
    if (column < PYTHIA_COL_STORED)
        rc = pythia_segment_range(segment, column, 0, *n, decoded, error);
    if (!rc) rc = column_derive(segment, column, decoded, error);
    if (rc) {
        pythia_free(decoded);
        return rc;
    }
    *values = segment->columns[column] = decoded;
    pythia_segment_charge(segment, (size_t)*n * sizeof *decoded);
    return SQLITE_OK;
}

int pythia_segment_head(PythiaSegment *segment, uint32_t ordinal, PythiaHead *head, char **error) {
    if (ordinal >= segment->info.traces)
        return pythia_segment_damaged(segment, PYTHIA_SLOT_HEAD, "no such trace", error);
    int64_t values[PYTHIA_HEAD_COLUMNS];
    for (int i = 0; i < PYTHIA_HEAD_COLUMNS; i++) {
        const int64_t *column = segment->columns[PYTHIA_COL_HEAD_START + i];
        uint32_t n;
        int rc = SQLITE_OK;
        if (!column && pythia_segment_is_walked(segment))
            rc = pythia_segment_column(segment, PYTHIA_COL_HEAD_START + i, &column, &n, error);
        if (column && !rc)
            values[i] = column[ordinal];
        else if (!rc)
            rc = pythia_segment_range(segment, PYTHIA_COL_HEAD_START + i, ordinal, 1, &values[i],
                                      error);
        if (rc) return rc;
    }
    pythia_walk_note(&segment->traces, ordinal);
    pythia_head_set(head, values);
    return SQLITE_OK;
}

int pythia_segment_dead(const PythiaSegment *segment, uint32_t ordinal) {
    size_t byte = ordinal / 8;
    return byte < segment->dead_bytes && (segment->dead[byte] >> (ordinal % 8) & 1);
}

const PythiaSegmentInfo *pythia_segment_info(const PythiaSegment *segment) {
    return &segment->info;
}
