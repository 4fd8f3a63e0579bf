/* judge.h - the requests of one type since something was last switched for it, in groups that can be compared.
**
** Switching a trace point on changes the structure of the requests that pass it, and so their group. To
** tell that apart from what the requests do by themselves, each belongs to a branch: the group that it
** would be in without all trace points that the loop switched on for its type. It is then judged with
** those that were switched on for its own branch, and without those that were switched on for others. */
#ifndef PYTHIA_LOOP_JUDGE_H
#define PYTHIA_LOOP_JUDGE_H

#include "ext/loop/loop.h"

/* One request that was judged. */
typedef struct PythiaMember {
    int64_t segment;
    uint32_t ordinal;
    uint64_t group;  /* as judged */
    uint64_t branch; /* without what the loop switched on */
    int64_t duration_ns;
    uint64_t present; /* bit set: which of the loop's trace points its branch has */
} PythiaMember;

/* A trace point that the loop switched on for the type. */
typedef struct PythiaSwitched {
    uint32_t tracepoint; /* of the capture; 0: no trace has shown it yet */
    uint64_t branch;     /* for which it was switched on */
    const PythiaOwned *owned;
} PythiaSwitched;

typedef struct PythiaJudgement {
    uint32_t type;   /* string id */
    PythiaText name; /* borrowed from the names of the capture */
    int64_t
        since_ns; /* requests that began at or after this: since the last change, or loss of records */
    int64_t first_ns; /* when the first of them began */
    PythiaGroups groups;
    PythiaMember *members;
    size_t n, capacity;
    PythiaSwitched *switched;
    uint32_t nswitched;
    double mean_ns, variance; /* of all members; NaN for fewer than two */
    int unsettled;            /* more members are waited for */
} PythiaJudgement;

typedef struct PythiaJudgements {
    PythiaJudgement *list; /* one per request type of the search space, in its order */
    uint32_t n;
    double variance; /* of all their groups: the sum of (n - 1) * variance */
} PythiaJudgements;

/* Judges all types of the search space at a time. */
int pythia_judge(PythiaLoop *loop, PythiaCapture *capture, const PythiaSwitches *switches,
                 int64_t now_ns, PythiaPoll *poll, PythiaJudgements *out, char **error);
void pythia_judgements_clear(PythiaJudgements *judgements);

/* Calls `each` for the members of a judged group, as they were judged. */
int pythia_judged_each(PythiaCapture *capture, const PythiaJudgement *judgement, uint64_t group,
                       PythiaPoll *poll, PythiaEachTrace each, void *context, char **error);

/* eta squared: the part of the variance of all members that lies between the parts that (branch, presence
** of the first n of the loop's trace points) divides them into. NaN when nothing varies. */
double pythia_judged_eta(const PythiaJudgement *judgement, uint32_t n);

#endif
