/* partial.h - what a variable tells of a response beyond others: partial correlation, for numbers and categories.
**
** The others are given one by one; a test compares the regression of the response on them with the one that has
** the variable, too. A category is one column for each level but one, so its partial correlation is the root of
** what it explains of what the others leave, never negative. Rows on which the variable or one of the given has no
** value take no part. */
#ifndef PYTHIA_STAT_PARTIAL_H
#define PYTHIA_STAT_PARTIAL_H

#include <stddef.h>
#include <stdint.h>

#include "ext/base/poll.h"

/* A variable on some of the rows. */
typedef struct PythiaSeries {
    uint32_t n;
    const uint32_t *row;   /* ascending */
    const double *value;   /* numbers; NULL: a category */
    const uint32_t *level; /* of a category, 0 .. levels - 1 */
    uint32_t levels;
} PythiaSeries;

typedef struct PythiaPartial {
    double correlation; /* NaN: nothing varies, or there are too few rows */
    double p; /* of the F of the comparison; NaN likewise; 1 where the variable adds no dimension */
    uint32_t n; /* rows that took part */
} PythiaPartial;

typedef struct PythiaGiven PythiaGiven;

enum { PYTHIA_GIVEN_COLUMNS = 64 };

/* response: `rows` finite numbers, borrowed. */
int pythia_given_open(const double *response, uint32_t rows, PythiaGiven **given);
void pythia_given_close(PythiaGiven *given); /* NULL is fine */

/* Adds to the given. SQLITE_FULL, and nothing is changed, where that made more than PYTHIA_GIVEN_COLUMNS columns, or
** more than one for five rows. SQLITE_NOMEM. */
int pythia_given_add(PythiaGiven *given, const PythiaSeries *series);
int pythia_given_test(PythiaGiven *given, const PythiaSeries *series, PythiaPartial *result,
                      PythiaPoll *poll);

#endif
