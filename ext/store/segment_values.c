/* segment_values.c - attributes of a stored segment: columns by key, lists, resource sets.
**
** Whoever scans a segment gets attribute columns decoded as a whole. Whoever reads one trace or one
** span gathers: for each column the rows in question are found by bisection over the mini-blocks and
** only those are decoded; for the lists likewise. */
#include "ext/store/segment.h"

enum { FEW_TEXTS = 4096 /* a dictionary up to this size is decoded as a whole when first used */ };

/* ---- attribute columns ----------------------------------------------------------------------------- */

static int attribute_slot(uint32_t index) {
    return (int)(PYTHIA_SLOT_ATTRIBUTE + index);
}

int pythia_segment_attribute_count(PythiaSegment *segment, uint32_t *n, char **error) {
    int rc = pythia_segment_directory(segment, error);
    *n = rc ? 0 : segment->nattributes;
    return rc;
}

int pythia_segment_attribute_open(PythiaSegment *segment, uint32_t index, char **error) {
    PythiaSegmentAttribute *a = &segment->attributes[index];
    const int slot = attribute_slot(index), text = pythia_value_is_text(a->column.type);
    if (a->block.data) return SQLITE_OK;
    PythiaBlock block;
    int rc = pythia_store_block(segment, slot, &block, error);
    if (rc) return rc;
    rc = pythia_segment_part(segment, slot, &block, 0, a->column.n, &a->rows, error);
    if (!rc) rc = pythia_segment_part(segment, slot, &block, 1, a->column.n, &a->codes, error);
    if (!rc && text) {
        PythiaText bytes;
        rc = pythia_block_get(&block, 2, &bytes);
        if (!rc) rc = pythia_column_open(&a->ends, bytes.p, bytes.n);
        rc = pythia_segment_result(segment, slot, rc, error);
        if (!rc)
            rc = pythia_segment_bytes(segment, slot, &block, 3, &a->bytes, &a->own_bytes, error);
        /* The texts are distinct: one of them may be empty. */
        if (!rc && (a->ends.n && a->ends.n - 1 > a->bytes.n))
            rc = pythia_segment_damaged(segment, slot, "more texts than bytes", error);
    }
    if (rc) {
        pythia_block_close(&block);
        return rc;
    }
    a->block = block;
    a->column.ntexts = a->ends.n;
    pythia_segment_charge(segment, block.bytes);
    return SQLITE_OK;
}

/* The texts first .. first + n - 1 of a dictionary. */
static int texts_decode(PythiaSegment *segment, uint32_t index, uint32_t first, uint32_t n,
                        PythiaText *texts, char **error) {
    const PythiaSegmentAttribute *a = &segment->attributes[index];
    uint32_t before = first ? 1 : 0;
    int64_t *ends;
    int rc = pythia_segment_scratch(segment, (size_t)n + 1, &ends);
    if (rc) return rc;
    ends[0] = 0;
    rc = pythia_column_decode(&a->ends, first - before, n + before, ends + 1 - before);
    for (uint32_t i = 0; !rc && i < n; i++) {
        if (ends[i] < 0 || ends[i + 1] < ends[i] || (uint64_t)ends[i + 1] > a->bytes.n ||
            ends[i + 1] - ends[i] > UINT32_MAX)
            rc = PYTHIA_CORRUPT;
        else
            texts[i] = (PythiaText){a->bytes.p + ends[i], (size_t)(ends[i + 1] - ends[i])};
    }
    return pythia_segment_result(segment, attribute_slot(index), rc, error);
}

static int attribute_texts(PythiaSegment *segment, uint32_t index, char **error) {
    PythiaSegmentAttribute *a = &segment->attributes[index];
    if (a->own_texts) return SQLITE_OK;
    PythiaText *texts = pythia_alloc_array((size_t)a->ends.n + 1, sizeof *texts);
    if (!texts) return SQLITE_NOMEM;
    int rc = texts_decode(segment, index, 0, a->ends.n, texts, error);
    if (rc) {
        pythia_free(texts);
        return rc;
    }
    a->column.texts = a->own_texts = texts;
    pythia_segment_charge(segment, a->ends.n * sizeof *texts);
    return SQLITE_OK;
}

/* Rows ascend and exist; codes of texts exist. */
static int attribute_is_sound(const PythiaSegment *segment, const PythiaSegmentAttribute *a,
                              const int64_t *rows, const int64_t *codes, uint32_t n) {
    int64_t before = -1;
    int wrong = 0;
    for (uint32_t i = 0; i < n; i++) {
        wrong |= rows[i] <= before;
        before = rows[i];
    }
    if (wrong || before >= segment->info.spans) return 0;
    uint64_t high = 0;
    for (uint32_t i = 0; pythia_value_is_text(a->column.type) && i < n; i++)
        high = (uint64_t)codes[i] > high ? (uint64_t)codes[i] : high;
    return !pythia_value_is_text(a->column.type) || !n || high < a->ends.n;
}

static int attribute_decode(PythiaSegment *segment, uint32_t index, char **error) {
    PythiaSegmentAttribute *a = &segment->attributes[index];
    int rc = pythia_segment_attribute_open(segment, index, error);
    if (!rc && pythia_value_is_text(a->column.type)) rc = attribute_texts(segment, index, error);
    if (!rc && !a->own_rows)
        rc = pythia_segment_rows_plausible(segment, attribute_slot(index), a->rows.n, error);
    if (rc || a->own_rows) return rc;
    int64_t *rows = pythia_alloc_array((size_t)a->rows.n + 1, sizeof *rows);
    int64_t *codes = pythia_alloc_array((size_t)a->codes.n + 1, sizeof *codes);
    rc = rows && codes ? pythia_column_decode(&a->rows, 0, a->rows.n, rows) : SQLITE_NOMEM;
    if (!rc) rc = pythia_column_decode(&a->codes, 0, a->codes.n, codes);
    if (!rc && !attribute_is_sound(segment, a, rows, codes, a->rows.n)) rc = PYTHIA_CORRUPT;
    if (rc) {
        pythia_free(rows);
        pythia_free(codes);
        return pythia_segment_result(segment, attribute_slot(index), rc, error);
    }
    a->column.rows = a->own_rows = rows;
    a->column.codes = a->own_codes = codes;
    pythia_segment_charge(segment, (size_t)a->rows.n * 2 * sizeof *rows);
    return SQLITE_OK;
}

int pythia_segment_attribute(PythiaSegment *segment, uint32_t index, PythiaAttributeColumn *column,
                             char **error) {
    memset(column, 0, sizeof *column);
    int rc = pythia_segment_directory(segment, error);
    if (rc) return rc;
    if (index >= segment->nattributes)
        return pythia_segment_damaged(segment, PYTHIA_SLOT_DIRECTORY, "no such attribute", error);
    rc = attribute_decode(segment, index, error);
    if (!rc) *column = segment->attributes[index].column;
    return rc;
}

/* ---- gathering ------------------------------------------------------------------------------------- */

static int gather_room(PythiaSegment *segment, size_t more) {
    size_t need = (size_t)segment->ngathered + more;
    if (need > UINT32_MAX) return SQLITE_TOOBIG;
    return pythia_grow((void **)&segment->gathered, &segment->gathered_capacity, need,
                       sizeof *segment->gathered);
}

/* Appends n values of an attribute; texts[code - first_code] is the text of a code. */
static int gather_values(PythiaSegment *segment, const PythiaSegmentAttribute *a,
                         const int64_t *rows, const int64_t *codes, uint32_t n,
                         const PythiaText *texts, int64_t first_code) {
    int rc = gather_room(segment, n);
    for (uint32_t i = 0; !rc && i < n; i++) {
        PythiaValue v = {.key = a->column.key, .type = a->column.type};
        if (texts) {
            PythiaText text = texts[codes[i] - first_code];
            v.of.text = text.p;
            v.n = (uint32_t)text.n;
        } else {
            v.of.integer = codes[i];
        }
        segment->gathered[segment->ngathered++] = (PythiaGathered){(uint32_t)rows[i], v};
    }
    return rc;
}

/* The first of n ascending rows that is not below `row`, from a guess on. */
static uint32_t find_row(const int64_t *rows, uint32_t n, int64_t row, uint32_t guess) {
    uint32_t low = 0, high = n;
    if (guess < n && rows[guess] < row) {
        low = guess + 1;
        if (low == n || rows[low] >= row) return low;
    } else if (guess < n && (guess == 0 || rows[guess - 1] < row)) {
        return guess;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (rows[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int gather_decoded(PythiaSegment *segment, PythiaSegmentAttribute *a, uint32_t first,
                          uint32_t n) {
    const PythiaAttributeColumn *c = &a->column;
    uint32_t at = find_row(c->rows, c->n, first, a->hint), end = at;
    while (end < c->n && c->rows[end] < (int64_t)first + n)
        end++;
    a->hint = end;
    return gather_values(segment, a, c->rows + at, c->codes + at, end - at, c->texts, 0);
}

/* The texts that n codes refer to, in memory of their own where the dictionary is large. */
static int gather_texts(PythiaSegment *segment, uint32_t index, const int64_t *codes, uint32_t n,
                        PythiaText **own, int64_t *first_code, char **error) {
    PythiaSegmentAttribute *a = &segment->attributes[index];
    if (a->ends.n <= FEW_TEXTS) return attribute_texts(segment, index, error);
    if (a->own_texts) return SQLITE_OK;
    int64_t low = codes[0], high = codes[0];
    for (uint32_t i = 1; i < n; i++) {
        low = codes[i] < low ? codes[i] : low;
        high = codes[i] > high ? codes[i] : high;
    }
    uint32_t span = (uint32_t)(high - low + 1);
    *own = pythia_alloc_array(span, sizeof **own);
    *first_code = low;
    return *own ? texts_decode(segment, index, (uint32_t)low, span, *own, error) : SQLITE_NOMEM;
}

static int gather_range(PythiaSegment *segment, uint32_t index, uint32_t first, uint32_t n,
                        char **error) {
    PythiaSegmentAttribute *a = &segment->attributes[index];
    uint32_t at;
    int rc = pythia_column_lower_bound(&a->rows, first, &at);
    if (rc) return pythia_segment_result(segment, attribute_slot(index), rc, error);
    uint32_t k = a->rows.n - at < n ? a->rows.n - at : n;
    if (!k) return SQLITE_OK;
    int64_t *rows = pythia_alloc_array((size_t)k * 2, sizeof *rows);
    if (!rows) return SQLITE_NOMEM;
    int64_t *codes = rows + k;
    rc = pythia_column_decode(&a->rows, at, k, rows);
    uint32_t take = 0;
    while (!rc && take < k && rows[take] < (int64_t)first + n)
        take++;
    if (!rc) rc = pythia_column_decode(&a->codes, at, take, codes);
    if (!rc && take && (rows[0] < first || !attribute_is_sound(segment, a, rows, codes, take)))
        rc = PYTHIA_CORRUPT;
    rc = pythia_segment_result(segment, attribute_slot(index), rc, error);
    PythiaText *own = NULL;
    int64_t first_code = 0;
    if (!rc && take) {
        if (pythia_value_is_text(a->column.type))
            rc = gather_texts(segment, index, codes, take, &own, &first_code, error);
        if (!rc)
            rc = gather_values(segment, a, rows, codes, take, own ? own : a->own_texts, first_code);
    }
    pythia_free(own);
    pythia_free(rows);
    return rc;
}

static int open_lists(PythiaSegment *segment, int slot, PythiaLists *lists, char **error) {
    const PythiaBlock *block;
    int rc = pythia_segment_block(segment, slot, &block, error);
    if (rc) return rc;
    if (block) {
        PythiaText bytes;
        rc = pythia_block_get(block, 0, &bytes);
        if (!rc) rc = pythia_column_open(&lists->rows, bytes.p, bytes.n);
        if (rc) return pythia_segment_result(segment, slot, rc, error);
        rc = pythia_segment_part(segment, slot, block, 1, lists->rows.n, &lists->ends, error);
        if (rc) return rc;
        rc = pythia_segment_bytes(segment, slot, block, 2, &lists->bytes, &lists->own, error);
        if (rc) return rc;
    }
    lists->opened = 1;
    return SQLITE_OK;
}

/* The values of the list that lies at begin .. end of the bytes. */
static int gather_list(PythiaSegment *segment, const PythiaLists *lists, int64_t row, int64_t begin,
                       int64_t end) {
    if (begin < 0 || end < begin || (uint64_t)end > lists->bytes.n) return PYTHIA_CORRUPT;
    PythiaBytes bytes = pythia_bytes(lists->bytes.p + begin, (size_t)(end - begin));
    segment->list.n = 0;
    int rc =
        pythia_values_read(&bytes, pythia_store_names(segment->store)->strings.n, &segment->list);
    if (!rc && pythia_bytes_left(&bytes)) rc = PYTHIA_CORRUPT;
    if (!rc) rc = gather_room(segment, segment->list.n);
    for (uint32_t i = 0; !rc && i < segment->list.n; i++)
        segment->gathered[segment->ngathered++] =
            (PythiaGathered){(uint32_t)row, segment->list.values[i]};
    return rc;
}

int pythia_segment_gather_lists(PythiaSegment *segment, int slot, uint32_t first, uint32_t n,
                                char **error) {
    PythiaLists *lists = &segment->lists[slot - PYTHIA_SLOT_REST];
    int rc = lists->opened ? SQLITE_OK : open_lists(segment, slot, lists, error);
    if (rc || !lists->rows.n || !n) return rc;
    uint32_t at;
    int64_t *rows, *ends;
    rc = pythia_column_lower_bound(&lists->rows, first, &at);
    if (rc) return pythia_segment_result(segment, slot, rc, error);
    uint32_t k = lists->rows.n - at < n ? lists->rows.n - at : n, before = at ? 1 : 0;
    rc = pythia_segment_scratch(segment, (size_t)k * 2 + 1, &rows);
    if (rc || !k) return rc;
    ends = rows + k;
    ends[0] = 0;
    rc = pythia_column_decode(&lists->rows, at, k, rows);
    if (!rc) rc = pythia_column_decode(&lists->ends, at - before, k + before, ends + 1 - before);
    for (uint32_t i = 0; !rc && i < k && rows[i] < (int64_t)first + n; i++) {
        if (rows[i] < first || (i && rows[i] <= rows[i - 1]))
            rc = PYTHIA_CORRUPT;
        else
            rc = gather_list(segment, lists, rows[i], ends[i], ends[i + 1]);
    }
    return pythia_segment_result(segment, slot, rc, error);
}

int pythia_segment_gather_spans(PythiaSegment *segment, uint32_t first, uint32_t n, char **error) {
    segment->ngathered = 0;
    int rc = pythia_segment_directory(segment, error);
    int whole = pythia_segment_is_walked(segment);
    for (uint32_t i = 0; !rc && i < segment->nattributes; i++) {
        PythiaSegmentAttribute *a = &segment->attributes[i];
        rc = pythia_segment_attribute_open(segment, i, error);
        if (!rc && whole) rc = attribute_decode(segment, i, error);
        if (rc) break;
        if (a->own_rows && (a->own_texts || !pythia_value_is_text(a->column.type)))
            rc = gather_decoded(segment, a, first, n);
        else
            rc = gather_range(segment, i, first, n, error);
    }
    if (!rc) rc = pythia_segment_gather_lists(segment, PYTHIA_SLOT_REST, first, n, error);
    return rc;
}

int pythia_segment_span_values(PythiaSegment *segment, uint32_t span, PythiaValueList *list,
                               char **error) {
    list->n = 0;
    if (span >= segment->info.spans)
        return pythia_segment_damaged(segment, PYTHIA_SLOT_DIRECTORY, "no such span", error);
    int rc = pythia_segment_gather_spans(segment, span, 1, error);
    if (!rc)
        rc = pythia_grow((void **)&list->values, &list->capacity, segment->ngathered,
                         sizeof *list->values);
    if (rc) return rc;
    for (uint32_t i = 0; i < segment->ngathered; i++)
        list->values[i] = segment->gathered[i].value;
    list->n = segment->ngathered;
    pythia_walk_note(&segment->spans, span);
    return SQLITE_OK;
}

/* ---- resources ------------------------------------------------------------------------------------- */

static int open_resources(PythiaSegment *segment, char **error) {
    const PythiaBlock *block;
    PythiaText bytes;
    int rc = pythia_segment_block(segment, PYTHIA_SLOT_RESOURCE, &block, error);
    if (rc) return rc;
    if (!block) return pythia_segment_damaged(segment, PYTHIA_SLOT_RESOURCE, "missing", error);
    rc = pythia_block_get(block, 0, &bytes);
    if (!rc) rc = pythia_column_open(&segment->resource_ends, bytes.p, bytes.n);
    if (rc) return pythia_segment_result(segment, PYTHIA_SLOT_RESOURCE, rc, error);
    char *own;
    uint32_t n = segment->resource_ends.n;
    rc = pythia_segment_rows_plausible(segment, PYTHIA_SLOT_RESOURCE, n, error);
    if (rc) return rc;
    rc = pythia_segment_bytes(segment, PYTHIA_SLOT_RESOURCE, block, 1, &segment->resource_bytes,
                              &own, error);
    if (rc) return rc;
    segment->resources = pythia_alloc_zero(((size_t)n + 1) * sizeof *segment->resources);
    if (!segment->resources) {
        pythia_free(own);
        return SQLITE_NOMEM;
    }
    segment->own_resource_bytes = own;
    segment->nresources = n;
    pythia_segment_charge(segment, n * sizeof *segment->resources);
    return SQLITE_OK;
}

/* Decodes one set into the arena; its texts stay in the block. */
static int resource_decode(PythiaSegment *segment, uint32_t code) {
    int64_t ends[2] = {0, 0};
    uint32_t before = code ? 1 : 0;
    int rc =
        pythia_column_decode(&segment->resource_ends, code - before, 1 + before, ends + 1 - before);
    if (rc) return rc;
    if (ends[0] < 0 || ends[1] < ends[0] || (uint64_t)ends[1] > segment->resource_bytes.n)
        return PYTHIA_CORRUPT;
    PythiaBytes bytes =
        pythia_bytes(segment->resource_bytes.p + ends[0], (size_t)(ends[1] - ends[0]));
    PythiaValueList *list = &segment->list;
    list->n = 0;
    rc = pythia_values_read(&bytes, pythia_store_names(segment->store)->strings.n, list);
    if (!rc && pythia_bytes_left(&bytes)) rc = PYTHIA_CORRUPT;
    if (rc) return rc;
    PythiaValue *copy = pythia_arena_copy(&segment->arena, list->values, list->n * sizeof *copy);
    if (!copy) return SQLITE_NOMEM;
    segment->resources[code] =
        (PythiaResourceSet){copy, list->n, pythia_resource_hash(copy, list->n)};
    pythia_segment_charge(segment, list->n * sizeof *copy);
    return SQLITE_OK;
}

int pythia_segment_resource(PythiaSegment *segment, uint32_t code, PythiaResourceSet *set,
                            char **error) {
    memset(set, 0, sizeof *set);
    int rc = segment->resources ? SQLITE_OK : open_resources(segment, error);
    if (rc) return rc;
    if (code >= segment->nresources)
        return pythia_segment_damaged(segment, PYTHIA_SLOT_RESOURCE, "a set is missing", error);
    if (!segment->resources[code].values)
        rc = pythia_segment_result(segment, PYTHIA_SLOT_RESOURCE, resource_decode(segment, code),
                                   error);
    if (!rc) *set = segment->resources[code];
    return rc;
}
