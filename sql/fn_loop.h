/* fn_loop.h - SQL functions of the loop. */
#ifndef PYTHIA_SQL_FN_LOOP_H
#define PYTHIA_SQL_FN_LOOP_H

#include "ext/host.h"

/* Registers on the host's connection, all for direct use only:
**
**   pythia_learn([query])  learns the search space from the stored traces, or from those whose ids a query
**                          gives. Gives the number of traces learned from
**   pythia_step([now_ns])  one cycle of the loop, at a time in ns since 1970 (the present one). Gives the
**                          number of decisions, which are rows of pythia_decisions
**   pythia_shutdown([now_ns])  switches off all that the loop switched on. Gives their number
**
** The host must outlive the functions. On failure *error names the function. */
int pythia_fn_loop_register(PythiaHost *host, char **error);

#endif
