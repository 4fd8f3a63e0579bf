/* segment_encode.c - turning collected columns into blocks; the layout is in segment.h. */
#include "ext/store/filter.h"
#include "ext/store/writer.h"

#include <stdlib.h>

/* ---- heads ----------------------------------------------------------------------------------------- */

void pythia_head_get(const PythiaHead *h, int64_t values[]) {
    const int64_t all[PYTHIA_HEAD_COLUMNS] = {
        h->start_ns, h->duration_ns, h->root_duration_ns, (int64_t)h->group, h->request_type,
        h->root,     h->services,    h->errors,           h->repeat_max,     h->problems,
        h->status};
    memcpy(values, all, sizeof all);
}

void pythia_head_set(PythiaHead *h, const int64_t values[]) {
    h->start_ns = values[0];
    h->duration_ns = values[1];
    h->root_duration_ns = values[2];
    h->group = (uint64_t)values[3];
    h->request_type = (uint32_t)values[4];
    h->root = (uint32_t)values[5];
    h->services = (uint32_t)values[6];
    h->errors = (uint32_t)values[7];
    h->repeat_max = (uint32_t)values[8];
    h->problems = (uint32_t)values[9];
    h->status = (uint32_t)values[10];
}

int pythia_head_block(PythiaBlockWriter *block, const PythiaHead *heads, uint32_t n) {
    int64_t *column = pythia_alloc_array((size_t)n * PYTHIA_HEAD_COLUMNS, sizeof *column);
    if (!column) return SQLITE_NOMEM;
    for (uint32_t i = 0; i < n; i++) {
        int64_t values[PYTHIA_HEAD_COLUMNS];
        pythia_head_get(&heads[i], values);
        for (uint32_t c = 0; c < PYTHIA_HEAD_COLUMNS; c++)
            column[(size_t)c * n + i] = values[c];
    }
    pythia_block_begin(block, PYTHIA_HEAD_COLUMNS);
    for (uint32_t c = 0; c < PYTHIA_HEAD_COLUMNS; c++) {
        pythia_column_encode(&block->buf, column + (size_t)c * n, n);
        pythia_block_part(block);
    }
    pythia_free(column);
    return pythia_block_end(block);
}

/* ---- parts ----------------------------------------------------------------------------------------- */

static void part_column(PythiaWriter *w, const int64_t *values, uint32_t n) {
    pythia_column_encode(&w->block.buf, values, n);
    pythia_block_part(&w->block);
}

static void part_bytes(PythiaWriter *w, const PythiaBuf *bytes) {
    pythia_pack(&w->packer, &w->block.buf, bytes->data, bytes->n);
    pythia_block_part(&w->block);
}

static int block_done(PythiaWriter *w, int slot, PythiaBlockSink sink, void *context) {
    int rc = pythia_block_end(&w->block);
    return rc ? rc : sink(context, (uint32_t)slot, w->block.buf.data, w->block.buf.n);
}

static int64_t *scratch_room(PythiaWriter *w, size_t n) {
    int rc = pythia_grow((void **)&w->scratch, &w->scratch_capacity, n + 1, sizeof *w->scratch);
    return rc ? NULL : w->scratch;
}

static uint32_t rows_of(const PythiaWriter *w, int per) {
    const PythiaSegmentInfo *i = &w->info;
    switch (per) {
    case PYTHIA_PER_TRACE:
        return i->traces;
    case PYTHIA_PER_SPAN:
        return i->spans;
    case PYTHIA_PER_POINT:
        return i->points;
    default:
        return i->links;
    }
}

static int write_columns(PythiaWriter *w, const PythiaSlotColumns *s, PythiaBlockSink sink,
                         void *context) {
    pythia_block_begin(&w->block, (uint32_t)(s->last - s->first + 1));
    for (int c = s->first; c <= s->last; c++)
        part_column(w, w->columns[c], rows_of(w, s->per));
    return block_done(w, s->slot, sink, context);
}

static int write_lists(PythiaWriter *w, const PythiaWriterLists *lists, int slot,
                       PythiaBlockSink sink, void *context) {
    pythia_block_begin(&w->block, 3);
    part_column(w, lists->rows, lists->n);
    part_column(w, lists->ends, lists->n);
    part_bytes(w, &lists->bytes);
    return block_done(w, slot, sink, context);
}

static int write_parents(PythiaWriter *w, PythiaBlockSink sink, void *context) {
    pythia_block_begin(&w->block, WRITER_PARENT_COLUMNS);
    for (int c = 0; c < WRITER_PARENT_COLUMNS; c++)
        part_column(w, w->parents[c], w->nparents);
    return block_done(w, PYTHIA_SLOT_PARENT, sink, context);
}

static int write_resources(PythiaWriter *w, PythiaBlockSink sink, void *context) {
    int64_t *ends = scratch_room(w, w->nresources);
    if (!ends) return SQLITE_NOMEM;
    w->bytes.n = 0;
    for (uint32_t i = 0; i < w->nresources; i++) {
        pythia_values_write(&w->bytes, w->resources[i].values, w->resources[i].n);
        ends[i] = (int64_t)w->bytes.n;
    }
    if (w->bytes.rc) return w->bytes.rc;
    pythia_block_begin(&w->block, 2);
    part_column(w, ends, w->nresources);
    part_bytes(w, &w->bytes);
    return block_done(w, PYTHIA_SLOT_RESOURCE, sink, context);
}

static int write_filter(PythiaWriter *w, PythiaBlockSink sink, void *context) {
    const int64_t *form = w->columns[PYTHIA_COL_SPAN_FORM], *hi = w->columns[PYTHIA_COL_SPAN_HI],
                  *lo = w->columns[PYTHIA_COL_SPAN_ID];
    size_t bytes = pythia_filter_bytes(w->info.spans);
    pythia_block_begin(&w->block, 1);
    unsigned char *filter = pythia_buf_room(&w->block.buf, bytes);
    if (!filter) return w->block.buf.rc;
    pythia_filter_make(filter, bytes, hi, lo, form, w->info.spans);
    pythia_block_part(&w->block);
    return block_done(w, PYTHIA_SLOT_FILTER, sink, context);
}

/* ---- attributes ------------------------------------------------------------------------------------ */

static int more_rows_first(const void *a, const void *b) {
    const PythiaStage *x = *(PythiaStage *const *)a, *y = *(PythiaStage *const *)b;
    if (x->n != y->n) return x->n > y->n ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* The stages, those with the most rows first; *n of them become columns, the others go to the rest. */
static int choose_columns(PythiaWriter *w, PythiaStage ***stages, uint32_t *n) {
    PythiaStage **all = pythia_alloc_array((size_t)w->nstages + 1, sizeof(PythiaStage *));
    *stages = all;
    *n = 0;
    if (!all) return SQLITE_NOMEM;
    for (uint32_t i = 0; i < w->nstages; i++)
        all[i] = &w->stages[i];
    qsort(all, w->nstages, sizeof(PythiaStage *), more_rows_first);
    while (*n < w->nstages && *n < PYTHIA_ATTRIBUTE_COLUMNS && all[*n]->n >= PYTHIA_ATTRIBUTE_ROWS)
        ++*n;
    return SQLITE_OK;
}

static int stage_to_rest(PythiaWriter *w, const PythiaStage *s) {
    int rc =
        pythia_grow((void **)&w->rest, &w->rest_capacity, (size_t)w->nrest + s->n, sizeof *w->rest);
    if (rc) return rc;
    for (uint32_t i = 0; i < s->n; i++) {
        PythiaValue v = {.key = s->key, .type = s->type};
        if (pythia_value_is_text(s->type)) {
            PythiaText t = pythia_intern_text(&w->texts, (uint32_t)s->codes[i]);
            v.of.text = t.p;
            v.n = (uint32_t)t.n;
        } else {
            v.of.integer = s->codes[i];
        }
        w->rest[w->nrest++] = (PythiaRestValue){(uint32_t)s->rows[i], v};
    }
    return SQLITE_OK;
}

/* Sorts the rest by row, by counting, and makes a list of the values of each row. */
static int collect_rest(PythiaWriter *w) {
    uint32_t spans = w->info.spans;
    int rc =
        pythia_grow((void **)&w->places, &w->places_capacity, (size_t)spans + 1, sizeof *w->places);
    if (!rc)
        rc = pythia_grow((void **)&w->scratch_values, &w->scratch_values_capacity, w->nrest,
                         sizeof *w->scratch_values);
    if (rc) return rc;
    memset(w->places, 0, ((size_t)spans + 1) * sizeof *w->places);
    for (uint32_t i = 0; i < w->nrest; i++)
        w->places[w->rest[i].row + 1]++;
    for (uint32_t i = 0; i < spans; i++)
        w->places[i + 1] += w->places[i];
    for (uint32_t i = 0; i < w->nrest; i++)
        w->scratch_values[w->places[w->rest[i].row]++] = w->rest[i].value;
    /* Now places[row] is the end of the row's values. */
    PythiaWriterLists *lists = &w->rest_lists;
    uint32_t begin = 0;
    for (uint32_t row = 0; !rc && row < spans; row++) {
        uint32_t end = w->places[row];
        if (end > begin)
            rc = pythia_writer_list(lists, row, w->scratch_values + begin, end - begin);
        begin = end;
    }
    return rc;
}

/* Room to map the ids of texts to codes. */
static int codes_make_room(PythiaWriter *w) {
    size_t need = (size_t)w->texts.n + 1;
    int rc =
        pythia_grow((void **)&w->text_codes, &w->text_codes_capacity, need, sizeof *w->text_codes);
    if (!rc)
        rc = pythia_grow((void **)&w->text_stamps, &w->text_stamps_capacity, need,
                         sizeof *w->text_stamps);
    if (!rc)
        rc = pythia_grow((void **)&w->texts_used, &w->texts_used_capacity, need,
                         sizeof *w->texts_used);
    if (rc) return rc;
    if (need > w->text_stamps_n) {
        memset(w->text_stamps + w->text_stamps_n, 0,
               (need - w->text_stamps_n) * sizeof *w->text_stamps);
        w->text_stamps_n = need;
    }
    if (++w->stamp == 0) { /* after 4,000,000,000 columns */
        memset(w->text_stamps, 0, w->text_stamps_n * sizeof *w->text_stamps);
        w->stamp = 1;
    }
    return SQLITE_OK;
}

/* Numbers texts in the order in which they come up: codes[i] is that of ids[i], w->texts_used[code] the id. Returns how
** many there are. */
static uint32_t number_texts(PythiaWriter *w, const int64_t *ids, uint32_t n, int64_t *codes) {
    uint32_t *stamps = w->text_stamps, *known = w->text_codes, stamp = w->stamp, used = 0;
    for (uint32_t i = 0; i < n; i++) {
        size_t id = (uint32_t)ids[i];
        if (stamps[id] != stamp) {
            stamps[id] = stamp;
            known[id] = used;
            w->texts_used[used++] = (uint32_t)id;
        }
        codes[i] = known[id];
    }
    return used;
}

static int write_texts(PythiaWriter *w, const PythiaStage *s) {
    int rc = codes_make_room(w);
    int64_t *scratch = rc ? NULL : scratch_room(w, s->n);
    if (!scratch) return SQLITE_NOMEM;
    uint32_t used = number_texts(w, s->codes, s->n, scratch);
    part_column(w, scratch, s->n);
    int64_t end = 0;
    for (uint32_t i = 0; i < used; i++)
        scratch[i] = end += (int64_t)w->texts.texts[w->texts_used[i]].n;
    part_column(w, scratch, used);
    w->bytes.n = 0;
    for (uint32_t i = 0; i < used; i++)
        pythia_buf_text(&w->bytes, w->texts.texts[w->texts_used[i]]);
    part_bytes(w, &w->bytes);
    return w->bytes.rc;
}

static int write_attribute(PythiaWriter *w, const PythiaStage *s, uint32_t index,
                           PythiaBlockSink sink, void *context) {
    int text = pythia_value_is_text(s->type);
    pythia_block_begin(&w->block, text ? 4 : 2);
    part_column(w, s->rows, s->n);
    int rc = SQLITE_OK;
    if (text)
        rc = write_texts(w, s);
    else
        part_column(w, s->codes, s->n);
    if (rc) return rc;
    return block_done(w, (int)(PYTHIA_SLOT_ATTRIBUTE + index), sink, context);
}

static int write_directory(PythiaWriter *w, uint32_t mask, PythiaStage **stages, uint32_t n,
                           PythiaBlockSink sink, void *context) {
    int64_t *scratch = scratch_room(w, n);
    if (!scratch) return SQLITE_NOMEM;
    pythia_block_begin(&w->block, 4);
    pythia_buf_u32(&w->block.buf, mask);
    pythia_block_part(&w->block);
    for (int field = 0; field < 3; field++) {
        for (uint32_t i = 0; i < n; i++)
            scratch[i] = field == 0 ? stages[i]->key : field == 1 ? stages[i]->type : stages[i]->n;
        part_column(w, scratch, n);
    }
    return block_done(w, PYTHIA_SLOT_DIRECTORY, sink, context);
}

/* ---- the whole ------------------------------------------------------------------------------------- */

/* The fixed slots that the segment has. */
static uint32_t slot_mask(const PythiaWriter *w) {
    uint32_t mask = (uint32_t)1 << PYTHIA_SLOT_DIRECTORY;
    for (int g = 0; g < PYTHIA_SLOT_GROUPS; g++) {
        const PythiaSlotColumns *s = &pythia_slot_columns[g];
        if (s->per == PYTHIA_PER_TRACE || rows_of(w, s->per)) mask |= (uint32_t)1 << s->slot;
    }
    if (w->nparents) mask |= (uint32_t)1 << PYTHIA_SLOT_PARENT;
    if (w->nresources) mask |= (uint32_t)1 << PYTHIA_SLOT_RESOURCE;
    if (w->rest_lists.n) mask |= (uint32_t)1 << PYTHIA_SLOT_REST;
    if (w->points.n) mask |= (uint32_t)1 << PYTHIA_SLOT_POINT_VALUES;
    if (w->links.n) mask |= (uint32_t)1 << PYTHIA_SLOT_LINK_VALUES;
    if (w->info.spans) mask |= (uint32_t)1 << PYTHIA_SLOT_FILTER;
    return mask;
}

static int write_slot(PythiaWriter *w, int slot, PythiaBlockSink sink, void *context) {
    for (int g = 0; g < PYTHIA_SLOT_GROUPS; g++)
        if (pythia_slot_columns[g].slot == slot)
            return write_columns(w, &pythia_slot_columns[g], sink, context);
    switch (slot) {
    case PYTHIA_SLOT_PARENT:
        return write_parents(w, sink, context);
    case PYTHIA_SLOT_RESOURCE:
        return write_resources(w, sink, context);
    case PYTHIA_SLOT_REST:
        return write_lists(w, &w->rest_lists, slot, sink, context);
    case PYTHIA_SLOT_POINT_VALUES:
        return write_lists(w, &w->points, slot, sink, context);
    case PYTHIA_SLOT_FILTER:
        return write_filter(w, sink, context);
    default:
        return write_lists(w, &w->links, slot, sink, context);
    }
}

/* Blocks are handed over in the order of their slots, so that rows are appended to their table. */
int pythia_writer_blocks(PythiaWriter *w, PythiaBlockSink sink, void *context) {
    PythiaStage **stages = NULL;
    uint32_t n = 0, mask = 0;
    int rc = choose_columns(w, &stages, &n);
    for (uint32_t i = n; !rc && i < w->nstages; i++)
        rc = stage_to_rest(w, stages[i]);
    if (!rc && w->nrest) rc = collect_rest(w);
    if (!rc) {
        mask = slot_mask(w);
        rc = write_directory(w, mask, stages, n, sink, context);
    }
    for (int slot = PYTHIA_SLOT_TRACE; !rc && slot < PYTHIA_SLOT_FIXED; slot++)
        if (mask >> slot & 1) rc = write_slot(w, slot, sink, context);
    for (uint32_t i = 0; !rc && i < n; i++)
        rc = write_attribute(w, stages[i], i, sink, context);
    pythia_free(stages);
    return rc;
}
