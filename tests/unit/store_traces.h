/* store_traces.h - random traces for the tests of the store, and comparing them. */
#ifndef PYTHIA_TEST_STORE_TRACES_H
#define PYTHIA_TEST_STORE_TRACES_H

#include "ext/store/store.h"

/* A sequence of pseudo-random numbers; never 0. */
typedef struct Random {
    uint64_t state;
} Random;

uint64_t random_next(Random *random);
uint64_t random_below(Random *random, uint64_t n);

/* What the traces are like. */
typedef struct TraceShape {
    uint32_t spans;  /* at most */
    int text_ids;    /* some ids are texts */
    uint32_t keys;   /* distinct attribute keys */
    uint32_t texts;  /* distinct values of texts */
    uint32_t points; /* of a span, at most */
    uint32_t links;
    int orphans; /* some parents are missing */
} TraceShape;

extern const TraceShape store_shape_plain, store_shape_wild;

/* A random trace, built. number makes the id. */
int store_trace_make(PythiaTrace *trace, PythiaNames *names, Random *random,
                     const TraceShape *shape, uint64_t number);
/* A head that passes for one of that trace. */
void store_head_make(PythiaHead *head, const PythiaTrace *trace, Random *random);

/* NULL when both hold the same, else what differs. Names may be those of different stores. values: with
** attributes and resources. */
const char *store_trace_differs(const PythiaTrace *a, const PythiaNames *anames,
                                const PythiaTrace *b, const PythiaNames *bnames, int values);

/* Reads everything that a store holds, in every way there is, and goes on after damage. *damaged counts
** the calls that met some; any other error is returned. The hash is of all that was read. */
int store_read_all(PythiaStore *store, int *damaged, uint64_t *hash);

#endif
