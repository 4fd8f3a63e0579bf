/* internal.h - what the files of this room share; nobody else includes it. */
#ifndef PYTHIA_LOOP_INTERNAL_H
#define PYTHIA_LOOP_INTERNAL_H

#include "ext/loop/loop.h"
#include "ext/loop/measure.h"

struct PythiaLoop {
    PythiaHost *host; /* borrowed; owns this */
    char *schema;     /* of the space below; NULL: none is loaded */
    int64_t version;
    PythiaSpace space;
    const PythiaQuestion *question; /* while a strategy runs */
    PythiaMeasures measures;        /* of schema main */
};

/* loop.c: the integer that sql gives, a SELECT of one row, which calls a function of the extension that a connection may
** lack; 0 where it does. */
int pythia_loop_ask(sqlite3 *db, const char *function, const char *sql, int64_t *value,
                    char **error);

#endif
