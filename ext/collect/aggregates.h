/* aggregates.h - what programs have added up, as rows of pythia_xaggregate.
**
** There is one row for each cell of a thread and each of its serials, and a cell is read as often as it is found in
** a page, or as a record in a ring: the row is replaced by what has seen more hits. So nothing is added twice,
** whatever is read again or rolled back, and the order does not matter. Rows of one group are put together when
** they are read (vtab/aggregates.c). */
#ifndef PYTHIA_COLLECT_AGGREGATES_H
#define PYTHIA_COLLECT_AGGREGATES_H

#include "ext/probe/layout.h"
#include "ext/store/store.h"

/* The writing of one collection. A zeroed one with a store is ready. */
typedef struct PythiaAggregates {
    PythiaStore *store;
    sqlite3_stmt *put;
} PythiaAggregates;

/* What a cell says, as far as it makes sense: NULL, or what is wrong with it. */
const char *pythia_cell_problem(const PythiaPageCell *cell);

/* Takes in a cell that has no problem; its version is not looked at. *changed: it says more than was known. */
int pythia_aggregates_put(PythiaAggregates *aggregates, const PythiaPageCell *cell,
                          PythiaText tracepoint, PythiaText request_type, int *changed,
                          char **error);
void pythia_aggregates_end(PythiaAggregates *aggregates);

#endif
