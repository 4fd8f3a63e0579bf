/* data.c - rows of numbers and texts.
**
** Levels. Distinct numbers are found by sorting, and named; texts have their ids. Together they are
** candidates: first the texts by id, behind them the distinct numbers, where a number whose name is
** also a text gives way to it. The candidates that occur are sorted by name and numbered. */
#include "ext/stat/data.h"

#include <math.h>
#include <string.h>

#include "ext/base/mem.h"
#include "ext/stat/order.h"

int pythia_data_open(PythiaData *data, size_t width) {
    data->width = width;
    data->shift = pythia_alloc_zero(width * sizeof *data->shift);
    return data->shift ? SQLITE_OK : SQLITE_NOMEM;
}

void pythia_data_close(PythiaData *data) {
    pythia_free(data->datum);
    pythia_free(data->shift);
    pythia_intern_clear(&data->texts);
    memset(data, 0, sizeof *data);
}

int pythia_data_room(PythiaData *data) {
    size_t width = data->width;
    if ((data->rows + 1) * width <= data->capacity) return SQLITE_OK;
    if (data->front > 1024 && data->front > data->rows / 2) {
        data->rows -= data->front;
        memmove(data->datum, data->datum + data->front * width,
                data->rows * width * sizeof *data->datum);
        data->front = 0;
    }
    return pythia_grow((void **)&data->datum, &data->capacity, (data->rows + 1) * width,
                       sizeof *data->datum);
}

void pythia_data_number(PythiaData *data, size_t column, PythiaNumber number) {
    double plain;
    PythiaDatum *datum = &data->datum[data->rows * data->width + column];
    *datum = (PythiaDatum){pythia_shift_value(&data->shift[column], number, &plain), 0};
    if (plain == 0) return;
    for (size_t i = data->front; i < data->rows; i++)
        data->datum[i * data->width + column].number += plain;
}

int pythia_data_text(PythiaData *data, size_t column, PythiaText text) {
    PythiaDatum *datum = &data->datum[data->rows * data->width + column];
    datum->number = 0;
    data->has_texts = 1;
    return pythia_intern(&data->texts, text, &datum->text);
}

static const PythiaDatum *datum_at(const PythiaData *data, size_t row, size_t column) {
    return &data->datum[(data->front + row) * data->width + column];
}

static size_t row_count(const PythiaData *data) {
    return data->rows - data->front;
}

int pythia_data_is_category(const PythiaData *data, size_t column) {
    if (!data->has_texts) return 0;
    for (size_t i = 0; i < row_count(data); i++)
        if (datum_at(data, i, column)->text) return 1;
    return 0;
}

void pythia_data_numbers(const PythiaData *data, size_t column, double *out) {
    for (size_t i = 0; i < row_count(data); i++)
        out[i] = datum_at(data, i, column)->number;
}

/* ---- levels ----------------------------------------------------------------------------------- */

typedef struct Candidate {
    PythiaText name;
    size_t count;
    uint32_t level;
} Candidate;

typedef struct LevelWork {
    const PythiaData *data;
    size_t column, rows;
    size_t texts;    /* ids of texts are 1 .. texts */
    size_t distinct; /* numbers */
    double *number;  /* distinct ones, ascending */
    uint32_t *alias; /* distinct: the candidate that stands for the number */
    Candidate *candidate;
    uint32_t *used; /* candidates that occur, by name */
    size_t n_used;
} LevelWork;

static void work_close(LevelWork *w) {
    pythia_free(w->number);
    pythia_free(w->alias);
    pythia_free(w->candidate);
    pythia_free(w->used);
}

/* The distinct numbers of the column. */
static int work_numbers(LevelWork *w, PythiaPoll *poll) {
    size_t n = 0;
    w->number = pythia_alloc_array(w->rows, sizeof *w->number);
    if (!w->number) return SQLITE_NOMEM;
    for (size_t i = 0; i < w->rows; i++) {
        const PythiaDatum *datum = datum_at(w->data, i, w->column);
        if (!datum->text) w->number[n++] = datum->number;
    }
    int rc = pythia_sort(w->number, n, poll);
    for (size_t i = 0; rc == SQLITE_OK && i < n; i++)
        if (i == 0 || w->number[i] > w->number[i - 1]) w->number[w->distinct++] = w->number[i];
    return rc;
}

static PythiaText number_name(const PythiaShift *shift, double number, char *text, int bytes) {
    double whole = floor(number);
    if (shift->base != 0)
        sqlite3_snprintf(bytes, text, "%lld", shift->base + (sqlite3_int64)number);
    else if (number == whole && fabs(number) < 1e15)
        sqlite3_snprintf(bytes, text, "%lld", (sqlite3_int64)number);
    else
        sqlite3_snprintf(bytes, text, "%!.17g", number);
    return pythia_text(text);
}

/* Names the candidates. */
static int work_candidates(LevelWork *w, PythiaLevels *levels) {
    w->candidate = pythia_alloc_zero((1 + w->texts + w->distinct) * sizeof *w->candidate);
    w->alias = pythia_alloc_array(w->distinct, sizeof *w->alias);
    if (!w->candidate || !w->alias) return SQLITE_NOMEM;
    for (uint32_t id = 1; id <= w->texts; id++)
        w->candidate[id].name = pythia_intern_text(&w->data->texts, id);
    for (size_t k = 0; k < w->distinct; k++) {
        char text[40];
        uint32_t id;
        PythiaText name =
            number_name(&w->data->shift[w->column], w->number[k], text, (int)sizeof text);
        w->alias[k] = pythia_intern_find(&w->data->texts, name);
        if (w->alias[k]) continue;
        int rc = pythia_intern(&levels->numbers, name, &id);
        if (rc) return rc;
        w->alias[k] = (uint32_t)(w->texts + id);
        w->candidate[w->alias[k]].name = pythia_intern_text(&levels->numbers, id);
    }
    return SQLITE_OK;
}

static uint32_t work_candidate(const LevelWork *w, const PythiaDatum *datum) {
    if (datum->text) return datum->text;
    size_t low = 0, high = w->distinct;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (w->number[middle] <= datum->number)
            low = middle;
        else
            high = middle;
    }
    return w->alias[low];
}

static int name_less(const LevelWork *w, uint32_t a, uint32_t b) {
    return pythia_text_compare(w->candidate[a].name, w->candidate[b].name) < 0;
}

static void used_sink(const LevelWork *w, size_t n, size_t at) {
    uint32_t v = w->used[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && name_less(w, w->used[child], w->used[child + 1])) child++;
        if (!name_less(w, v, w->used[child])) break;
        w->used[at] = w->used[child];
    }
    w->used[at] = v;
}

static int work_sort(LevelWork *w, PythiaPoll *poll) {
    for (size_t i = w->n_used / 2; i-- > 0;)
        used_sink(w, w->n_used, i);
    for (size_t end = w->n_used; end-- > 1;) {
        uint32_t v = w->used[0];
        w->used[0] = w->used[end];
        w->used[end] = v;
        used_sink(w, end, 0);
        int rc = pythia_poll(poll);
        if (rc) return rc;
    }
    return SQLITE_OK;
}

/* The candidates that occur, in order. */
static int work_used(LevelWork *w, PythiaLevels *levels, PythiaPoll *poll) {
    size_t all = 1 + w->texts + w->distinct;
    w->used = pythia_alloc_array(all, sizeof *w->used);
    levels->of = pythia_alloc_array(w->rows, sizeof *levels->of);
    if (!w->used || !levels->of) return SQLITE_NOMEM;
    for (size_t i = 0; i < w->rows; i++) {
        uint32_t id = work_candidate(w, datum_at(w->data, i, w->column));
        if (w->candidate[id].count++ == 0) w->used[w->n_used++] = id;
        levels->of[i] = id;
    }
    return work_sort(w, poll);
}

/* The count that a level must have, and how many of exactly that count stay, for `keep` to stay. */
static int work_threshold(const LevelWork *w, size_t keep, double *least, size_t *of_least,
                          PythiaPoll *poll) {
    double *count = pythia_alloc_array(w->n_used, sizeof *count);
    if (!count) return SQLITE_NOMEM;
    for (size_t i = 0; i < w->n_used; i++)
        count[i] = (double)w->candidate[w->used[i]].count;
    int rc = pythia_sort(count, w->n_used, poll);
    if (rc == SQLITE_OK) {
        size_t above = 0;
        *least = count[w->n_used - keep];
        while (above < keep && count[w->n_used - 1 - above] > *least)
            above++;
        *of_least = keep - above;
    }
    pythia_free(count);
    return rc;
}

/* Numbers the levels. */
static int work_number(LevelWork *w, uint32_t most, PythiaLevels *levels, PythiaPoll *poll) {
    double least = 0;
    size_t of_least = w->n_used;
    levels->merged = most > 0 && w->n_used > most;
    if (levels->merged) {
        int rc = work_threshold(w, most - 1, &least, &of_least, poll);
        if (rc) return rc;
    }
    levels->name = pythia_alloc_array(w->n_used + 1, sizeof *levels->name);
    if (!levels->name) return SQLITE_NOMEM;
    uint32_t other = levels->merged ? most - 1 : 0;
    for (size_t i = 0; i < w->n_used; i++) {
        Candidate *c = &w->candidate[w->used[i]];
        int stays = !levels->merged || (double)c->count > least;
        if (!stays && (double)c->count >= least && of_least > 0) {
            stays = 1;
            of_least--;
        }
        c->level = stays ? levels->n : other;
        if (stays) levels->name[levels->n++] = c->name;
    }
    if (levels->merged) levels->name[levels->n++] = PYTHIA_TEXT("(other)");
    for (size_t i = 0; i < w->rows; i++)
        levels->of[i] = w->candidate[levels->of[i]].level;
    return SQLITE_OK;
}

int pythia_data_levels(const PythiaData *data, size_t column, uint32_t most, PythiaLevels *levels,
                       PythiaPoll *poll) {
    LevelWork w = {.data = data, .column = column, .rows = row_count(data), .texts = data->texts.n};
    int rc = work_numbers(&w, poll);
    if (rc == SQLITE_OK) rc = work_candidates(&w, levels);
    if (rc == SQLITE_OK) rc = work_used(&w, levels, poll);
    if (rc == SQLITE_OK) rc = work_number(&w, most, levels, poll);
    work_close(&w);
    return rc;
}

void pythia_levels_close(PythiaLevels *levels) {
    pythia_free(levels->of);
    pythia_free(levels->name);
    pythia_intern_clear(&levels->numbers);
    memset(levels, 0, sizeof *levels);
}
