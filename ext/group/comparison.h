/* comparison.h - what compare.c and compare_variables.c share; nobody else includes it. */
#ifndef PYTHIA_GROUP_COMPARISON_H
#define PYTHIA_GROUP_COMPARISON_H

#include "ext/group/compare.h"

/* The outcome of a test. */
typedef struct PythiaFinding {
    PythiaChange change;
    double part;  /* see PythiaChange.score: the part within its type or group */
    size_t type;  /* index into types */
    size_t group; /* index into groups + 1; 0: not a part of one */
} PythiaFinding;

typedef struct PythiaGroupImpact {
    size_t type;
    double impact; /* |change of mean| * requests */
} PythiaGroupImpact;

/* The time of one member on one edge. */
typedef struct PythiaEdgeTime {
    double value;
    uint32_t edge, side;
} PythiaEdgeTime;

struct PythiaComparison {
    PythiaPoll *poll;
    PythiaNames names;
    PythiaCallPaths call_paths;
    PythiaTracePaths paths; /* scratch */
    size_t total[2];

    PythiaFinding *findings;
    size_t nfindings, findings_capacity;
    double *types; /* impact of each */
    size_t ntypes, types_capacity;
    PythiaGroupImpact *groups;
    size_t ngroups, groups_capacity;

    /* the type in work */
    uint32_t type;
    size_t in_type[2];
    PythiaVariables *variables; /* NULL: one set has none of it */
    uint8_t *sides;             /* [row of the variables] */
    size_t sides_capacity;
    uint32_t nrows;

    /* the group in work */
    uint64_t group;
    size_t in_group[2];
    PythiaIntern edges;
    PythiaEdgeTime *times;
    size_t ntimes, times_capacity;

    PythiaChange *changes; /* the result */
    PythiaArena arena;     /* texts of changes */
};

/* Adds a finding of the type in work; in_group: of the group in work too. */
int pythia_comparison_add(PythiaComparison *comparison, const PythiaChange *change, double part,
                          int in_group);
/* Hands a text over to the arena; the buffer is empty afterwards. */
int pythia_comparison_text(PythiaComparison *comparison, PythiaBuf *text, PythiaText *kept);
/* "30 % -> 90 %" */
void pythia_comparison_percent(PythiaBuf *out, double before, double after);

/* compare_variables.c: tests the variables of the type that ends. */
int pythia_comparison_variables(PythiaComparison *comparison);

#endif
