/* compare.h - two sets of requests: what is there in one and not in the other, what became slower or faster,
** which attributes changed.
**
** Requests are of one type at a time, and of one group at a time within it. Everything about them is in
** terms of the comparison's own names, so that the sets may come from two stores. Tests:
**
**   types, groups   durations: Mann-Whitney; effect: Cliff's delta, positive where the later set is slower
**   edges           the same of the time on that edge of the critical path, 0 where a member lacks it; within
**                   a group that both sets have
**   groups          their share of the requests of their type: Fisher's exact test, chi^2 of many; effect:
**                   Cramer's V. A group that one set lacks is new or gone, else its share shifted. Likewise of
**                   types among all requests
**   attributes      of the variables of a type (variables.h): numbers and counts by Kolmogorov-Smirnov, effect
**                   D; categories by their shares, effect V, with absence as a level
**
** The p-values of all tests are adjusted together (Benjamini and Hochberg, 1995); what is below
** PYTHIA_COMPARE_ALPHA is a change. Changes are ranked by `score`, from 0 to 1: the effect times the part
** that it has in what changed in time. For a type that is its part of the sum of |change of mean| times
** requests; for its groups and their edges the part of that again; for an attribute the absolute
** correlation with the duration within the sets. So what merely differs (the number of a process) stands
** behind what goes along with time. */
#ifndef PYTHIA_GROUP_COMPARE_H
#define PYTHIA_GROUP_COMPARE_H

#include "ext/group/variables.h"

#define PYTHIA_COMPARE_ALPHA 0.05

enum { PYTHIA_BEFORE = 0, PYTHIA_AFTER = 1 };
enum { PYTHIA_OF_TYPE, PYTHIA_OF_GROUP, PYTHIA_OF_EDGE, PYTHIA_OF_ATTRIBUTE };
enum {
    PYTHIA_CHANGE_NEW,
    PYTHIA_CHANGE_GONE,
    PYTHIA_CHANGE_SLOWER,
    PYTHIA_CHANGE_FASTER,
    PYTHIA_CHANGE_SHIFTED
};

typedef struct PythiaChange {
    int what, change;
    uint32_t request_type;        /* string of the comparison's names */
    uint64_t group;               /* 0: none */
    uint32_t source, destination; /* trace points of an edge */
    uint8_t source_phase, destination_phase;
    PythiaText key;    /* of an attribute; empty otherwise */
    int64_t n[2];      /* requests, of an attribute those that have it */
    double mean_ns[2]; /* NaN: of an attribute, or of none */
    double effect, p, p_adjusted, score;
    PythiaText detail; /* shares, or values; empty: none */
} PythiaChange;

typedef struct PythiaComparison PythiaComparison;

/* poll may be NULL; borrowed until the close. */
int pythia_comparison_open(PythiaPoll *poll, PythiaComparison **comparison);
void pythia_comparison_close(PythiaComparison *comparison); /* NULL is fine */
PythiaNames *pythia_comparison_names(PythiaComparison *comparison);

/* First of all: how many requests the sets have. */
void pythia_comparison_totals(PythiaComparison *comparison, const size_t n[2]);
/* A type begins: how many of its requests each set has, and the durations of these in ascending order, ns. */
int pythia_comparison_type(PythiaComparison *comparison, uint32_t request_type,
                           const double *const durations[2], const size_t n[2]);
/* A group of that type; likewise. */
int pythia_comparison_group(PythiaComparison *comparison, uint64_t group,
                            const double *const durations[2], const size_t n[2]);
/* Whether members of that group, and of that type, are wanted at all: both sets have some. */
int pythia_comparison_wants(const PythiaComparison *comparison);
/* A member of the group that began last. */
int pythia_comparison_member(PythiaComparison *comparison, int side, const PythiaTrace *trace,
                             const PythiaPathEdges *edges, int64_t duration_ns);
/* The type ends. */
int pythia_comparison_type_end(PythiaComparison *comparison);

/* Adjusts, selects and ranks. Borrowed until the close. */
int pythia_comparison_finish(PythiaComparison *comparison, const PythiaChange **changes, size_t *n);

#endif
