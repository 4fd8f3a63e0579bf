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

#endif
