/* fn_order.h - SQL functions on causal order. */
#ifndef PYTHIA_SQL_FN_ORDER_H
#define PYTHIA_SQL_FN_ORDER_H

#include "ext/host.h"

/* Registers on the host's connection, for event ids of pythia_events:
**
**   pythia_happened_before(x, y [, schema]) 1 when edges lead from x to y, else 0
**   pythia_concurrent(x, y [, schema])      1 when both are of one trace and neither happened before the other
**
** NULL where an event does not exist. The host must outlive the functions. On failure *error names the
** function. */
int pythia_fn_order_register(PythiaHost *host, char **error);

#endif
