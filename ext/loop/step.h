/* step.h - one cycle of the loop, for the files that share it; nobody outside this room includes it.
**
**   step.c       the order of things; waiting, going back to the skeleton, shutting down
**   examine.c    one problem: which of its edges hold it, and is there anything left to switch on
**   budget.c     what may be on: retiring what does not help, keeping within the limits
**   measure.c    what programs counted since the cycle before
**   journal.c    writing decisions down, and rules */
#ifndef PYTHIA_LOOP_STEP_H
#define PYTHIA_LOOP_STEP_H

#include "ext/base/buf.h"
#include "ext/capture/expectations.h"
#include "ext/loop/internal.h"
#include "ext/loop/judge.h"

/* What a group is a problem of. */
enum {
    PYTHIA_OF_VARIATION, /* its members differ */
    PYTHIA_OF_SLOW,      /* they are slower than the others of their type */
    PYTHIA_OF_STRUCTURE  /* they are slower than another group, and that explains their type */
};

typedef struct PythiaProblemGroup {
    PythiaJudgement *judgement;
    PythiaGroup *group;
    const PythiaGroup *reference; /* STRUCTURE: the fastest group of the type */
    int kind;
    double share; /* of the variance of all groups, by which problems are ranked */
} PythiaProblemGroup;

/* What trace points cost while they are on. */
typedef struct PythiaCost {
    double bytes_per_s, cpu_share;
} PythiaCost;

typedef struct PythiaCycle {
    PythiaLoop *loop;
    PythiaCapture *capture;
    PythiaPoll *poll;
    char **error;
    int64_t now_ns, cycle;
    int64_t decisions;  /* made so far, those to wait left out */
    int64_t enabled;    /* trace points switched on so far; each once for a type */
    PythiaIntern added; /* pairs of trace point and type that this is about */
    PythiaCost added_cost;
    const PythiaSpace *space;
    PythiaSwitches switches;
    PythiaLayers layers;
    PythiaJudgements judged;
    unsigned char *helped; /* [row of switches.owned] */
    PythiaBuf why;         /* reasons for waiting */
    /* settings */
    char *strategy;
    PythiaThresholds thresholds;
    PythiaExpectation *expectations;
    uint32_t nexpectations;
    int grouping;
    double budget_points, bytes_per_s, cpu_share, keep_cycles, localized_share;
} PythiaCycle;

/* Adds to the reasons for waiting. */
void pythia_step_why(PythiaCycle *step, const char *format, ...);

/* ---- examine.c ----------------------------------------------------------------------------------------- */

/* Finds the culprit of a problem, or switches on what could tell more. */
int pythia_step_examine(PythiaCycle *step, const PythiaProblemGroup *problem);

/* ---- budget.c ------------------------------------------------------------------------------------------ */

/* Retires what has not helped for keep_cycles cycles, and, over the limits, what helps least. After the
** problems were examined. */
int pythia_step_retire(PythiaCycle *step);
/* Whether a further trace point for a type keeps within the limits; what has not helped makes room for it. */
int pythia_step_affordable(PythiaCycle *step, PythiaText tracepoint, PythiaText request_type,
                           int *affordable);
/* Notes that a trace point was switched on for a type: the same one again costs nothing more. */
int pythia_step_spent(PythiaCycle *step, PythiaText tracepoint, PythiaText request_type);

/* ---- journal.c ----------------------------------------------------------------------------------------- */

typedef struct PythiaDecision {
    const char *action;
    PythiaText request_type; /* p NULL: none; likewise below */
    uint64_t group;          /* 0: none */
    PythiaText source, destination, tracepoint, strategy, reason;
} PythiaDecision;

int pythia_step_write(PythiaCycle *step, const PythiaDecision *decision);
/* Switches a trace point by a rule of the loop's (request_type p NULL: for all), for a branch, and writes
** the decision. */
int pythia_step_switch(PythiaCycle *step, const PythiaDecision *decision, int enabled,
                       uint64_t branch);
/* Takes a rule of the loop's away, and writes the decision. */
int pythia_step_withdraw(PythiaCycle *step, const PythiaOwned *owned,
                         const PythiaDecision *decision);
/* Notes of the loop's rules whether they helped in this cycle, and forgets those that are gone. */
int pythia_step_note(PythiaCycle *step);
/* Whether the same was localized before, since something was last switched on for the type. */
int pythia_step_localized(PythiaCycle *step, const PythiaDecision *decision, int *known);

#endif
