/* reduce.h - what a rule has a trace point do instead of recording everything: from text to program.
**
** predicate   an SQL expression over the values of the trace point; only hits for which it is true go on
** aggregate   count, count(x), sum(x), avg(x), min(x), max(x), stddev(x) or histogram(x), x an expression:
**             hits are added up in the program and not recorded
** group_by    an expression: one sum for each of its values
** window_ms   sums begin anew at every multiple of that many milliseconds since 1970
**
** Expressions have SQLite's operators and precedence: OR, AND, NOT; = == <> != IS, IS NOT, IN (list), BETWEEN, GLOB,
** ISNULL, NOTNULL; < <= > >=; + -; * / %; unary - and +; parentheses; numbers, 'texts', TRUE, FALSE, NULL. A name is a
** key of the trace point, NULL where it has none of that name; duration_ns is the duration of a span, NULL at a
** point. Names in double quotes are keys whatever they are. What the operators do is told in ext/probe/reduce.h.
**
** Everything together is PYTHIA_PAGE_STEPS steps at most: one for each name, constant and operator; BETWEEN and the
** later members of IN repeat what stands before them. */
#ifndef PYTHIA_REDUCE_REDUCE_H
#define PYTHIA_REDUCE_REDUCE_H

#include "ext/base/error.h"
#include "ext/base/text.h"
#include "ext/probe/reduce.h"

enum { PYTHIA_REDUCE_BYTES = 1000 }; /* the longest of the three texts */

typedef struct PythiaReductionStep {
    uint32_t code; /* PYTHIA_STEP_* */
    uint64_t bits;
    PythiaText text; /* of a key or a constant, in the texts below */
} PythiaReductionStep;

typedef struct PythiaReduction {
    PythiaReductionStep steps[PYTHIA_PAGE_STEPS]; /* predicate, value, key */
    uint32_t npredicate, nvalue, ngroup;
    uint32_t aggregate; /* PYTHIA_AGGREGATE_*, 0: none */
    uint64_t window_ns;
    char texts[3 * PYTHIA_REDUCE_BYTES + PYTHIA_PAGE_STEPS];
    size_t ntexts;
} PythiaReduction;

/* What a rule says; p NULL and 0: nothing. */
typedef struct PythiaReductionTexts {
    PythiaText predicate, aggregate, group_by;
    int64_t window_ms;
} PythiaReductionTexts;

/* Compiles: SQLITE_OK, or SQLITE_CONSTRAINT with a message that names the column, the byte, counted from 0, and what
** is wrong there. The reduction refers to itself: it must not be copied. */
int pythia_reduction_compile(const PythiaReductionTexts *texts, PythiaReduction *reduction,
                             char **error);

/* A rule's id with, above PYTHIA_REDUCTION_RULE_BITS, 15 bits of a hash of what it says: what settings and cells have
** as their rule_id, so that results of a rule that was changed stay apart. */
enum { PYTHIA_REDUCTION_RULE_BITS = 48 };
uint64_t pythia_reduction_rule(const PythiaReductionTexts *texts, double sample, int64_t rule_id);

/* "count" for PYTHIA_AGGREGATE_COUNT, and so on; NULL: there is none of that number. */
const char *pythia_aggregate_name(uint32_t aggregate);

#endif
