/* data.h - rows of numbers and texts in memory, and their columns as numbers or as categories.
**
** A column in which any row holds a text is a category. A number in it stands for its text, so that 1
** and '1' are one level. Rows can be taken away at the front, in the order in which they came. */
#ifndef PYTHIA_STAT_DATA_H
#define PYTHIA_STAT_DATA_H

#include "ext/base/intern.h"
#include "ext/base/poll.h"
#include "ext/stat/shift.h"

typedef struct PythiaDatum {
    double number; /* as kept by the column's shift */
    uint32_t text; /* interned; 0: a number */
} PythiaDatum;

typedef struct PythiaData {
    size_t width;       /* columns */
    size_t front, rows; /* rows front .. rows-1 are there */
    size_t capacity;    /* in datums */
    int has_texts;      /* 0: all that ever came are numbers */
    PythiaDatum *datum; /* by rows */
    PythiaShift *shift; /* columns */
    PythiaIntern texts;
} PythiaData;

/* A zeroed PythiaData becomes one of `width` columns. SQLITE_OK, SQLITE_NOMEM. */
int pythia_data_open(PythiaData *data, size_t width);
void pythia_data_close(PythiaData *data); /* also a zeroed one */
/* Makes room for a row at `rows`, whose cells the two functions below set; rows++ makes it count. */
int pythia_data_room(PythiaData *data);
void pythia_data_number(PythiaData *data, size_t column, PythiaNumber number);
int pythia_data_text(PythiaData *data, size_t column, PythiaText text);

int pythia_data_is_category(const PythiaData *data, size_t column);
/* out[0 .. rows-front-1] */
void pythia_data_numbers(const PythiaData *data, size_t column, double *out);

/* The levels of a column, in the binary order of their texts. */
typedef struct PythiaLevels {
    uint32_t n;
    int merged;       /* the last level stands for the rare ones */
    uint32_t *of;     /* rows: the level of each */
    PythiaText *name; /* n; borrowed from the data and from `numbers` */
    PythiaIntern numbers;
} PythiaLevels;

/* most: the largest number of levels to keep; the rarer ones are merged into a last one, named
** "(other)", so that there are `most` in all. 0: all are kept. levels must be zeroed; it is to be
** closed also after a failure. SQLITE_OK, SQLITE_NOMEM, SQLITE_INTERRUPT. */
int pythia_data_levels(const PythiaData *data, size_t column, uint32_t most, PythiaLevels *levels,
                       PythiaPoll *poll);
void pythia_levels_close(PythiaLevels *levels);

#endif
