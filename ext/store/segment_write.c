/* segment_write.c - collecting traces in columns, and turning the columns into blocks (segment.h).
**
** Everything that a segment will hold lies in arrays that are kept from segment to segment, so that in
** the long run nothing is allocated for a value. Attributes are collected by (key, type): an open
** addressing table finds the stage, but the spans of one trace point have the same keys in the same
** order, so a stage remembers which one came after it the last time, and that guess is tried first.
** Texts become ids of an intern table of the writer, which outlives the segment; when a column is
** written its ids are mapped to codes 0, 1, 2 ... in order of first use, by an array that is stamped
** with the column's number instead of being cleared. */
#include "ext/store/writer.h"

#include "ext/base/atoms.h"

const PythiaSlotColumns pythia_slot_columns[PYTHIA_SLOT_GROUPS] = {
    {PYTHIA_SLOT_TRACE, PYTHIA_COL_TRACE_FORM, PYTHIA_COL_TRACE_REPAIRS_LAST, PYTHIA_PER_TRACE},
    {PYTHIA_SLOT_HEAD, PYTHIA_COL_HEAD_START, PYTHIA_COL_HEAD_STATUS, PYTHIA_PER_TRACE},
    {PYTHIA_SLOT_ID, PYTHIA_COL_SPAN_ID, PYTHIA_COL_SPAN_FORM, PYTHIA_PER_SPAN},
    {PYTHIA_SLOT_TREE, PYTHIA_COL_SPAN_PARENT, PYTHIA_COL_SPAN_START, PYTHIA_PER_SPAN},
    {PYTHIA_SLOT_DURATION, PYTHIA_COL_SPAN_DURATION, PYTHIA_COL_SPAN_DURATION, PYTHIA_PER_SPAN},
    {PYTHIA_SLOT_NAME, PYTHIA_COL_SPAN_TRACEPOINT, PYTHIA_COL_SPAN_BITS, PYTHIA_PER_SPAN},
    {PYTHIA_SLOT_POINT, PYTHIA_COL_POINT_SPAN, PYTHIA_COL_POINT_TRACEPOINT, PYTHIA_PER_POINT},
    {PYTHIA_SLOT_LINK, PYTHIA_COL_LINK_SPAN, PYTHIA_COL_LINK_ID_LO, PYTHIA_PER_LINK},
};

/* ---- life ----------------------------------------------------------------------------------------- */

int pythia_writer_new(PythiaWriter **writer) {
    *writer = pythia_alloc_zero(sizeof **writer);
    if (!*writer) return SQLITE_NOMEM;
    (*writer)->stamp = 1;
    pythia_writer_reset(*writer);
    return SQLITE_OK;
}

static void writer_free_stages(PythiaWriter *w) {
    for (uint32_t i = 0; i < w->stages_made; i++) {
        pythia_free(w->stages[i].rows);
        pythia_free(w->stages[i].codes);
    }
    w->nstages = w->stages_made = 0;
}

static void writer_free_lists(PythiaWriterLists *lists) {
    pythia_free(lists->rows);
    pythia_free(lists->ends);
    pythia_buf_clear(&lists->bytes);
}

void pythia_writer_free(PythiaWriter *w) {
    if (!w) return;
    writer_free_stages(w);
    pythia_free(w->stages);
    pythia_free(w->stage_slots);
    pythia_free(w->atom_texts);
    for (int c = 0; c < PYTHIA_COL_STORED; c++)
        pythia_free(w->columns[c]);
    for (int c = 0; c < WRITER_PARENT_COLUMNS; c++)
        pythia_free(w->parents[c]);
    writer_free_lists(&w->points);
    writer_free_lists(&w->links);
    writer_free_lists(&w->rest_lists);
    pythia_free(w->rest);
    pythia_free(w->resources);
    pythia_free((void *)w->resource_sources);
    pythia_free(w->resource_codes);
    pythia_free(w->text_stamps);
    pythia_free(w->text_codes);
    pythia_free(w->texts_used);
    pythia_free(w->scratch);
    pythia_free(w->scratch_values);
    pythia_free(w->places);
    pythia_intern_clear(&w->texts);
    pythia_arena_clear(&w->arena);
    pythia_buf_clear(&w->block.buf);
    pythia_buf_clear(&w->bytes);
    pythia_packer_clear(&w->packer);
    pythia_free(w);
}

void pythia_writer_reset(PythiaWriter *w) {
    memset(&w->info, 0, sizeof w->info);
    w->info.first_ns = INT64_MAX;
    w->info.last_ns = INT64_MIN;
    if (w->stages_made > WRITER_STAGES_KEPT) writer_free_stages(w);
    if (w->stage_slots)
        memset(w->stage_slots, 0, ((size_t)w->stage_mask + 1) * sizeof *w->stage_slots);
    w->nstages = 0;
    w->last_stage = 0;
    w->nparents = 0;
    w->nrest = 0;
    w->nresources = 0;
    w->points.n = w->links.n = w->rest_lists.n = 0;
    PythiaBuf *const bufs[] = {&w->points.bytes, &w->links.bytes, &w->rest_lists.bytes, &w->bytes};
    for (int i = 0; i < 4; i++) {
        bufs[i]->n = 0;
        bufs[i]->rc = SQLITE_OK;
    }
    if (w->texts.arena.total > WRITER_TEXTS_KEPT_BYTES) {
        pythia_intern_clear(&w->texts);
        pythia_writer_forget_atoms(w);
    }
    pythia_arena_reset(&w->arena);
}

const PythiaSegmentInfo *pythia_writer_info(const PythiaWriter *w) {
    return &w->info;
}

int pythia_writer_full(const PythiaWriter *w, uint32_t spans) {
    const PythiaSegmentInfo *i = &w->info;
    if (!i->traces) return 0;
    if (spans) return (uint64_t)i->spans + spans > PYTHIA_SEGMENT_SPANS;
    return i->spans >= PYTHIA_SEGMENT_SPANS || i->traces >= PYTHIA_SEGMENT_SPANS ||
           (uint64_t)i->points + i->links >= 4 * (uint64_t)PYTHIA_SEGMENT_SPANS ||
           w->points.bytes.n + w->links.bytes.n + w->texts.arena.total >= WRITER_BYTES;
}

/* ---- collecting: attributes ----------------------------------------------------------------------- */

static uint32_t stage_slot(const PythiaWriter *w, uint32_t key, uint32_t type) {
    uint32_t slot = (uint32_t)pythia_hash_mix(key, type) & w->stage_mask;
    for (;; slot = (slot + 1) & w->stage_mask) {
        uint32_t i = w->stage_slots[slot];
        if (!i || (w->stages[i - 1].key == key && w->stages[i - 1].type == type)) return slot;
    }
}

static int stages_make_room(PythiaWriter *w) {
    if (w->stage_slots && (w->nstages + 1) * 2 <= w->stage_mask + 1) return SQLITE_OK;
    uint32_t slots = w->stage_slots ? (w->stage_mask + 1) * 2 : 64;
    uint32_t *grown = pythia_alloc_zero((size_t)slots * sizeof *grown);
    if (!grown) return SQLITE_NOMEM;
    pythia_free(w->stage_slots);
    w->stage_slots = grown;
    w->stage_mask = slots - 1;
    for (uint32_t i = 0; i < w->nstages; i++)
        grown[stage_slot(w, w->stages[i].key, w->stages[i].type)] = i + 1;
    return SQLITE_OK;
}

/* The stage of a key and type. */
static int stage_find(PythiaWriter *w, uint32_t key, uint32_t type, PythiaStage **stage) {
    int rc = stages_make_room(w);
    if (rc) return rc;
    uint32_t slot = stage_slot(w, key, type);
    if (!w->stage_slots[slot]) {
        rc = pythia_grow((void **)&w->stages, &w->stages_capacity, (size_t)w->nstages + 1,
                         sizeof *w->stages);
        if (rc) return rc;
        PythiaStage *s = &w->stages[w->nstages];
        if (w->nstages == w->stages_made) {
            memset(s, 0, sizeof *s);
            w->stages_made++;
        }
        s->key = key;
        s->type = type;
        s->n = s->next = 0;
        s->last_row = UINT32_MAX;
        w->stage_slots[slot] = ++w->nstages;
    }
    uint32_t found = w->stage_slots[slot] - 1;
    if (w->last_stage < w->nstages) w->stages[w->last_stage].next = found;
    w->last_stage = found;
    *stage = &w->stages[found];
    return SQLITE_OK;
}

/* code: as in a stage */
static int rest_add(PythiaWriter *w, uint32_t row, const PythiaValue *value, int64_t code) {
    int rc =
        pythia_grow((void **)&w->rest, &w->rest_capacity, (size_t)w->nrest + 1, sizeof *w->rest);
    if (rc) return rc;
    PythiaRestValue *r = &w->rest[w->nrest++];
    r->row = row;
    r->value = *value;
    if (pythia_value_is_text(value->type)) {
        PythiaText t = pythia_intern_text(&w->texts, (uint32_t)code);
        r->value.of.text = t.p;
        r->value.n = (uint32_t)t.n;
    }
    return SQLITE_OK;
}

/* The id of a value's text in the writer's table. */
static int writer_text(PythiaWriter *w, const PythiaValue *value, uint32_t *id) {
    PythiaText text = {value->of.text, value->n};
    if (!value->atom || value->atom > PYTHIA_ATOMS_MOST) return pythia_intern(&w->texts, text, id);
    if (!w->atom_texts) {
        w->atom_texts = pythia_alloc_zero((PYTHIA_ATOMS_MOST + 1) * sizeof *w->atom_texts);
        if (!w->atom_texts) return SQLITE_NOMEM;
    }
    *id = w->atom_texts[value->atom];
    if (*id) return SQLITE_OK;
    int rc = pythia_intern(&w->texts, text, id);
    w->atom_texts[value->atom] = *id;
    return rc;
}

void pythia_writer_forget_atoms(PythiaWriter *w) {
    pythia_free(w->atom_texts);
    w->atom_texts = NULL;
}

static int stage_grow(PythiaStage *s) {
    size_t capacity = s->capacity; /* each grows from the same size to the same */
    int rc = pythia_grow((void **)&s->rows, &capacity, (size_t)s->n + 1, sizeof *s->rows);
    if (rc) return rc;
    return pythia_grow((void **)&s->codes, &s->capacity, (size_t)s->n + 1, sizeof *s->codes);
}

/* The values of a span. The stage that came after the one before the last time is tried first. */
static int writer_add_values(PythiaWriter *w, uint32_t row, const PythiaValue *values, uint32_t n) {
    PythiaStage *before = w->last_stage < w->nstages ? &w->stages[w->last_stage] : NULL;
    for (const PythiaValue *value = values, *end = values + n; value < end; value++) {
        PythiaStage *s = before ? &w->stages[before->next] : NULL;
        int rc = SQLITE_OK;
        if (!s || s->key != value->key || s->type != value->type) {
            if (before) w->last_stage = (uint32_t)(before - w->stages);
            rc = stage_find(w, value->key, value->type, &s);
            if (rc) return rc;
        }
        before = s;
        /* The union makes the bits of a double those of the integer. */
        int64_t code = value->of.integer;
        if (pythia_value_is_text(value->type)) {
            uint32_t text = 0;
            rc = writer_text(w, value, &text);
            code = text;
        }
        if (!rc && s->n == s->capacity) rc = stage_grow(s);
        if (!rc && s->last_row == row) {
            rc = rest_add(w, row, value, code);
            if (rc) return rc;
            continue;
        }
        if (rc) return rc;
        s->last_row = row;
        s->rows[s->n] = row;
        s->codes[s->n++] = code;
    }
    if (before) w->last_stage = (uint32_t)(before - w->stages);
    return SQLITE_OK;
}

/* ---- collecting: resources, lists, columns --------------------------------------------------------- */

/* Whether a set is the one of a code. A set from the same place with the same hash is. */
static inline int resource_is(const PythiaWriter *w, uint32_t code, const PythiaResourceSet *set) {
    const PythiaResourceSet *known = &w->resources[code];
    return known->hash == set->hash &&
           ((w->resource_sources[code] == set->values && known->n == set->n) ||
            pythia_values_equal(known->values, known->n, set->values, set->n));
}

static int resource_add(PythiaWriter *w, const PythiaResourceSet *set, uint32_t *code) {
    int rc = pythia_grow((void **)&w->resources, &w->resources_capacity, (size_t)w->nresources + 1,
                         sizeof *w->resources);
    /* NOLINTBEGIN(bugprone-sizeof-expression): it is an array of pointers */
    if (!rc)
        rc = pythia_grow((void **)&w->resource_sources, &w->resource_sources_capacity,
                         (size_t)w->nresources + 1, sizeof *w->resource_sources);
    /* NOLINTEND(bugprone-sizeof-expression) */
    if (rc) return rc;
    PythiaValue *copy = pythia_arena_copy(&w->arena, set->values, set->n * sizeof *copy);
    if (!copy) return SQLITE_NOMEM;
    for (uint32_t i = 0; i < set->n; i++) {
        if (!pythia_value_is_text(copy[i].type)) continue;
        copy[i].of.text = pythia_arena_copy(&w->arena, copy[i].of.text, copy[i].n);
        if (!copy[i].of.text) return SQLITE_NOMEM;
    }
    *code = w->nresources++;
    w->resources[*code] = (PythiaResourceSet){copy, set->n, set->hash};
    w->resource_sources[*code] = set->values;
    return SQLITE_OK;
}

/* The code of a set, which is added unless it is among the latest: an older equal one is then stored
** twice, which costs bytes alone, where a long search would cost time for every trace. */
static int resource_code(PythiaWriter *w, const PythiaResourceSet *set, uint32_t *code) {
    uint32_t *guess = &w->resource_guesses[set->hash % WRITER_RESOURCE_GUESSES];
    uint32_t oldest = w->nresources > WRITER_RESOURCES ? w->nresources - WRITER_RESOURCES : 0;
    *code = *guess;
    if (*guess >= oldest && *guess < w->nresources && resource_is(w, *guess, set)) return SQLITE_OK;
    for (*code = w->nresources; *code > oldest;)
        if (resource_is(w, --*code, set)) {
            *guess = *code;
            return SQLITE_OK;
        }
    int rc = resource_add(w, set, code);
    *guess = *code;
    return rc;
}

/* Codes of the sets of a trace; the last one stands for no set at all. */
static int writer_map_resources(PythiaWriter *w, const PythiaTrace *trace) {
    int rc = pythia_grow((void **)&w->resource_codes, &w->resource_codes_capacity,
                         (size_t)trace->nresources + 1, sizeof *w->resource_codes);
    for (uint32_t i = 0; !rc && i < trace->nresources; i++)
        rc = resource_code(w, &trace->resources[i], &w->resource_codes[i]);
    w->resource_none = 0;
    return rc;
}

static int span_resource(PythiaWriter *w, const PythiaTrace *trace, uint32_t resource,
                         int64_t *code) {
    if (resource < trace->nresources) {
        *code = w->resource_codes[resource];
        return SQLITE_OK;
    }
    if (!w->resource_none) {
        PythiaResourceSet none = {NULL, 0, pythia_resource_hash(NULL, 0)};
        int rc = resource_code(w, &none, &w->resource_none);
        if (rc) return rc;
        w->resource_none++;
    }
    *code = w->resource_none - 1;
    return SQLITE_OK;
}

int pythia_writer_list(PythiaWriterLists *lists, uint32_t row, const PythiaValue *values,
                       uint32_t n) {
    int rc = pythia_grow((void **)&lists->rows, &lists->rows_capacity, (size_t)lists->n + 1,
                         sizeof *lists->rows);
    if (!rc)
        rc = pythia_grow((void **)&lists->ends, &lists->ends_capacity, (size_t)lists->n + 1,
                         sizeof *lists->ends);
    if (rc) return rc;
    pythia_values_write(&lists->bytes, values, n);
    lists->rows[lists->n] = row;
    lists->ends[lists->n++] = (int64_t)lists->bytes.n;
    return lists->bytes.rc;
}

/* Room for `more` values in each column of a kind. */
static int writer_grow(PythiaWriter *w, int per, uint32_t used, uint32_t more) {
    size_t need = (size_t)used + more;
    if (need > PYTHIA_COLUMN_MOST) return SQLITE_TOOBIG;
    if (need <= w->capacities[per]) return SQLITE_OK;
    size_t capacity = w->capacities[per];
    for (int g = 0; g < PYTHIA_SLOT_GROUPS; g++) {
        const PythiaSlotColumns *s = &pythia_slot_columns[g];
        for (int c = s->first; s->per == per && c <= s->last; c++) {
            capacity = w->capacities[per]; /* each grows from the same size to the same */
            int rc = pythia_grow((void **)&w->columns[c], &capacity, need, sizeof *w->columns[c]);
            if (rc) return rc;
        }
    }
    w->capacities[per] = capacity;
    return SQLITE_OK;
}

static int writer_add_parent(PythiaWriter *w, uint32_t row, PythiaId id) {
    int64_t values[WRITER_PARENT_COLUMNS] = {row, id.form, (int64_t)id.hi, (int64_t)id.lo};
    for (int c = 0; c < WRITER_PARENT_COLUMNS; c++) {
        int rc = pythia_grow((void **)&w->parents[c], &w->parents_capacity[c],
                             (size_t)w->nparents + 1, sizeof *w->parents[c]);
        if (rc) return rc;
        w->parents[c][w->nparents] = values[c];
    }
    w->nparents++;
    return SQLITE_OK;
}

/* ---- collecting: traces ---------------------------------------------------------------------------- */

static int64_t smallest_start(const PythiaTrace *trace) {
    int64_t start = trace->nspans ? trace->spans[0].start_ns : 0;
    for (uint32_t i = 1; i < trace->nspans; i++)
        if (trace->spans[i].start_ns < start) start = trace->spans[i].start_ns;
    return start;
}

static void writer_add_head(PythiaWriter *w, const PythiaTrace *trace, int64_t start,
                            const PythiaHead *head) {
    uint32_t t = w->info.traces;
    int64_t **c = w->columns;
    c[PYTHIA_COL_TRACE_FORM][t] = trace->id.form;
    c[PYTHIA_COL_TRACE_HI][t] = (int64_t)trace->id.hi;
    c[PYTHIA_COL_TRACE_LO][t] = (int64_t)trace->id.lo;
    c[PYTHIA_COL_TRACE_SPANS][t] = trace->nspans;
    c[PYTHIA_COL_TRACE_POINTS][t] = trace->npoints;
    c[PYTHIA_COL_TRACE_LINKS][t] = trace->nlinks;
    c[PYTHIA_COL_TRACE_START][t] = start;
    c[PYTHIA_COL_TRACE_STATUS][t] = trace->status;
    const PythiaRepairs *r = &trace->repairs;
    const uint32_t repairs[] = {r->open_spans, r->duplicates, r->conflicts, r->outside_points,
                                r->orphans,    r->cycles,     r->negative};
    for (int i = 0; i < 7; i++)
        c[PYTHIA_COL_TRACE_REPAIRS + i][t] = repairs[i];
    int64_t values[PYTHIA_HEAD_COLUMNS];
    pythia_head_get(head, values);
    for (int i = 0; i < PYTHIA_HEAD_COLUMNS; i++)
        c[PYTHIA_COL_HEAD_START + i][t] = values[i];
}

static int writer_add_span(PythiaWriter *w, const PythiaTrace *trace, uint32_t i,
                           int64_t trace_start) {
    const PythiaSpan *s = &trace->spans[i];
    const PythiaSpan *parent = s->parent < 0 ? NULL : &trace->spans[s->parent];
    uint32_t row = w->info.spans + i;
    int64_t **c = w->columns;
    c[PYTHIA_COL_SPAN_ID][row] = (int64_t)s->id.lo;
    c[PYTHIA_COL_SPAN_HI][row] = (int64_t)s->id.hi;
    c[PYTHIA_COL_SPAN_FORM][row] = s->id.form;
    c[PYTHIA_COL_SPAN_PARENT][row] = parent ? (int64_t)i - s->parent : 0;
    c[PYTHIA_COL_SPAN_START][row] = s->start_ns - (parent ? parent->start_ns : trace_start);
    c[PYTHIA_COL_SPAN_DURATION][row] = s->end_ns - s->start_ns;
    c[PYTHIA_COL_SPAN_TRACEPOINT][row] = s->tracepoint;
    c[PYTHIA_COL_SPAN_INSTANCE][row] = s->instance;
    c[PYTHIA_COL_SPAN_BITS][row] = s->kind | s->status << PYTHIA_BITS_STATUS_SHIFT |
                                   s->flags << PYTHIA_BITS_FLAGS_SHIFT |
                                   (s->conflict != 0) << PYTHIA_BITS_CONFLICT_SHIFT;
    int64_t low = s->start_ns < s->end_ns ? s->start_ns : s->end_ns;
    int64_t high = s->start_ns < s->end_ns ? s->end_ns : s->start_ns;
    if (low < w->info.first_ns) w->info.first_ns = low;
    if (high > w->info.last_ns) w->info.last_ns = high;
    int rc = span_resource(w, trace, s->resource, &c[PYTHIA_COL_SPAN_RESOURCE][row]);
    PythiaId derived = parent ? parent->id : (PythiaId){0, 0, PYTHIA_ID_NONE};
    if (!rc && !pythia_id_equal(derived, s->parent_id))
        rc = writer_add_parent(w, row, s->parent_id);
    if (rc || !s->nvalues) return rc;
    return writer_add_values(w, row, trace->values + s->first_value, s->nvalues);
}

static int writer_add_point(PythiaWriter *w, const PythiaTrace *trace, uint32_t i) {
    const PythiaPoint *p = &trace->points[i];
    uint32_t row = w->info.points + i;
    w->columns[PYTHIA_COL_POINT_SPAN][row] = p->span;
    w->columns[PYTHIA_COL_POINT_TIME][row] = p->time_ns - trace->spans[p->span].start_ns;
    w->columns[PYTHIA_COL_POINT_TRACEPOINT][row] = p->tracepoint;
    if (!p->nvalues) return SQLITE_OK;
    return pythia_writer_list(&w->points, row, trace->values + p->first_value, p->nvalues);
}

static int writer_add_link(PythiaWriter *w, const PythiaTrace *trace, uint32_t i) {
    const PythiaLinkTo *l = &trace->links[i];
    uint32_t row = w->info.links + i;
    int64_t **c = w->columns;
    c[PYTHIA_COL_LINK_SPAN][row] = l->from_span;
    c[PYTHIA_COL_LINK_KIND][row] = l->kind;
    c[PYTHIA_COL_LINK_TRACE_FORM][row] = l->trace.form;
    c[PYTHIA_COL_LINK_TRACE_HI][row] = (int64_t)l->trace.hi;
    c[PYTHIA_COL_LINK_TRACE_LO][row] = (int64_t)l->trace.lo;
    c[PYTHIA_COL_LINK_ID_FORM][row] = l->span.form;
    c[PYTHIA_COL_LINK_ID_HI][row] = (int64_t)l->span.hi;
    c[PYTHIA_COL_LINK_ID_LO][row] = (int64_t)l->span.lo;
    if (!l->nvalues) return SQLITE_OK;
    return pythia_writer_list(&w->links, row, trace->values + l->first_value, l->nvalues);
}

int pythia_writer_add(PythiaWriter *w, const PythiaTrace *trace, const PythiaHead *head) {
    PythiaSegmentInfo *info = &w->info;
    int rc = writer_grow(w, PYTHIA_PER_TRACE, info->traces, 1);
    if (!rc) rc = writer_grow(w, PYTHIA_PER_SPAN, info->spans, trace->nspans);
    if (!rc) rc = writer_grow(w, PYTHIA_PER_POINT, info->points, trace->npoints);
    if (!rc) rc = writer_grow(w, PYTHIA_PER_LINK, info->links, trace->nlinks);
    if (!rc) rc = writer_map_resources(w, trace);
    if (rc) return rc;
    int64_t start = smallest_start(trace);
    writer_add_head(w, trace, start, head);
    for (uint32_t i = 0; !rc && i < trace->nspans; i++)
        rc = writer_add_span(w, trace, i, start);
    for (uint32_t i = 0; !rc && i < trace->npoints; i++)
        rc = writer_add_point(w, trace, i);
    for (uint32_t i = 0; !rc && i < trace->nlinks; i++)
        rc = writer_add_link(w, trace, i);
    if (rc) return rc; /* the columns hold a part of a trace: the session is to be discarded */
    info->traces++;
    info->spans += trace->nspans;
    info->points += trace->npoints;
    info->links += trace->nlinks;
    return SQLITE_OK;
}
