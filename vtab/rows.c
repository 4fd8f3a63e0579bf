/* rows.c - the buffer of rows of tables that fill at once (vtab.h, PythiaRows).
**
** Cells lie in one array, row after row: the cell of (row, column) is cells[row * ncolumns + column].
** Texts and blobs lie in the arena. SQLite gets copies of them: it may keep a value in a register
** beyond the next xFilter, when the arena is already in use again.
**
** Rows without an id get one when SQLite first asks for it, which it seldom does: a hash of the cells
** and of the number of equal rows before this one, so that it does not depend on which other rows the
** constraints let through. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "ext/base/hash.h"
#include "vtab/vtab.h"

struct PythiaCell {
    int type; /* SQLITE_NULL, SQLITE_INTEGER ... */
    uint32_t bytes;
    union {
        sqlite3_int64 integer;
        double real;
        const void *data;
    } u;
};

void pythia_rows_reset(PythiaRows *rows) {
    rows->ncells = rows->nrows = 0;
    rows->anonymous = 0;
    rows->rc = SQLITE_OK;
    pythia_arena_reset(&rows->arena);
}

void pythia_rows_clear(PythiaRows *rows) {
    pythia_free(rows->cells);
    pythia_free(rows->rowids);
    pythia_arena_clear(&rows->arena);
    memset(rows, 0, sizeof *rows);
}

/* The next cell, NULL when the code is set. */
static PythiaCell *rows_cell(PythiaRows *rows, int type) {
    if (rows->rc) return NULL;
    rows->rc = pythia_grow((void **)&rows->cells, &rows->cells_capacity, rows->ncells + 1,
                           sizeof *rows->cells);
    if (rows->rc) return NULL;
    PythiaCell *cell = &rows->cells[rows->ncells++];
    memset(cell, 0, sizeof *cell);
    cell->type = type;
    return cell;
}

static void rows_bytes(PythiaRows *rows, int type, const void *bytes, size_t n) {
    if (rows->rc) return;
    if (n > INT32_MAX) {
        rows->rc = SQLITE_TOOBIG;
        return;
    }
    void *copy = pythia_arena_copy(&rows->arena, bytes, n);
    if (!copy) {
        rows->rc = SQLITE_NOMEM;
        return;
    }
    PythiaCell *cell = rows_cell(rows, type);
    if (!cell) return;
    cell->u.data = copy;
    cell->bytes = (uint32_t)n;
}

void pythia_rows_null(PythiaRows *rows) {
    rows_cell(rows, SQLITE_NULL);
}

void pythia_rows_int(PythiaRows *rows, sqlite3_int64 value) {
    PythiaCell *cell = rows_cell(rows, SQLITE_INTEGER);
    if (cell) cell->u.integer = value;
}

void pythia_rows_double(PythiaRows *rows, double value) {
    PythiaCell *cell = rows_cell(rows, isfinite(value) ? SQLITE_FLOAT : SQLITE_NULL);
    if (cell) cell->u.real = value;
}

void pythia_rows_text(PythiaRows *rows, PythiaText text) {
    if (text.p)
        rows_bytes(rows, SQLITE_TEXT, text.p, text.n);
    else
        pythia_rows_null(rows);
}

void pythia_rows_str(PythiaRows *rows, const char *zero_terminated) {
    pythia_rows_text(rows, pythia_text(zero_terminated));
}

void pythia_rows_value(PythiaRows *rows, sqlite3_value *value) {
    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
        pythia_rows_int(rows, sqlite3_value_int64(value));
        break;
    case SQLITE_FLOAT:
        pythia_rows_double(rows, sqlite3_value_double(value));
        break;
    case SQLITE_TEXT: {
        const unsigned char *text = sqlite3_value_text(value);
        if (text)
            rows_bytes(rows, SQLITE_TEXT, text, (size_t)sqlite3_value_bytes(value));
        else if (!rows->rc)
            rows->rc = SQLITE_NOMEM;
        break;
    }
    case SQLITE_BLOB: {
        const void *blob = sqlite3_value_blob(value);
        rows_bytes(rows, SQLITE_BLOB, blob ? blob : "", (size_t)sqlite3_value_bytes(value));
        break;
    }
    default:
        pythia_rows_null(rows);
    }
}

void pythia_rows_column(PythiaRows *rows, sqlite3_stmt *statement, int column) {
    pythia_rows_value(rows, sqlite3_column_value(statement, column));
}

void pythia_rows_end_id(PythiaRows *rows, sqlite3_int64 rowid) {
    if (rows->rc) return;
    int complete = !rows->ncolumns || rows->ncells == (rows->nrows + 1) * rows->ncolumns;
    assert(complete);
    rows->rc = complete ? pythia_grow((void **)&rows->rowids, &rows->rowids_capacity,
                                      rows->nrows + 1, sizeof *rows->rowids)
                        : SQLITE_INTERNAL;
    if (!rows->rc) rows->rowids[rows->nrows++] = rowid;
}

void pythia_rows_end(PythiaRows *rows) {
    rows->anonymous = 1;
    pythia_rows_end_id(rows, 0);
}

static uint64_t cell_hash(const PythiaCell *cell) {
    switch (cell->type) {
    case SQLITE_NULL:
        return 0;
    case SQLITE_TEXT:
    case SQLITE_BLOB:
        return pythia_hash64(cell->u.data, cell->bytes);
    default:
        return pythia_hash_mix((uint64_t)cell->u.integer, (uint64_t)cell->type);
    }
}

typedef struct RowHash {
    uint64_t hash;
    size_t row;
} RowHash;

static int row_hash_order(const void *a, const void *b) {
    const RowHash *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* Makes the rowids of anonymous rows: (hash of the cells, how many equal rows precede). */
static int rows_name(PythiaRows *rows) {
    RowHash *hashes = pythia_alloc_array(rows->nrows, sizeof *hashes);
    if (!hashes) return SQLITE_NOMEM;
    for (size_t r = 0; r < rows->nrows; r++) {
        uint64_t h = 0;
        for (size_t c = 0; c < rows->ncolumns; c++)
            h = pythia_hash_mix(h, cell_hash(&rows->cells[r * rows->ncolumns + c]));
        hashes[r] = (RowHash){h, r};
    }
    qsort(hashes, rows->nrows, sizeof *hashes, row_hash_order);
    uint64_t equal = 0;
    for (size_t i = 0; i < rows->nrows; i++) {
        equal = i && hashes[i].hash == hashes[i - 1].hash ? equal + 1 : 0;
        rows->rowids[hashes[i].row] = (sqlite3_int64)(pythia_hash_mix(hashes[i].hash, equal) >> 1);
    }
    pythia_free(hashes);
    rows->anonymous = 0;
    return SQLITE_OK;
}

int pythia_rows_rowid(PythiaRows *rows, size_t row, sqlite3_int64 *rowid) {
    int rc = rows->anonymous ? rows_name(rows) : SQLITE_OK;
    if (!rc) *rowid = rows->rowids[row];
    return rc;
}

void pythia_rows_result(const PythiaRows *rows, size_t row, int column, sqlite3_context *context) {
    const PythiaCell *cell = &rows->cells[row * rows->ncolumns + (size_t)column];
    switch (cell->type) {
    case SQLITE_INTEGER:
        sqlite3_result_int64(context, cell->u.integer);
        break;
    case SQLITE_FLOAT:
        sqlite3_result_double(context, cell->u.real);
        break;
    case SQLITE_TEXT:
        sqlite3_result_text64(context, cell->u.data, cell->bytes, SQLITE_TRANSIENT, SQLITE_UTF8);
        break;
    case SQLITE_BLOB:
        sqlite3_result_blob64(context, cell->u.data, cell->bytes, SQLITE_TRANSIENT);
        break;
    default:
        sqlite3_result_null(context);
    }
}
