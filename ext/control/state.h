/* state.h - rules, trace points, back ends and what these were told, at one moment, and what follows.
**
** A state is loaded from one schema for one statement or one commit, and answers: which rule decides about
** a trace point, which trace points a rule matches, and which changes a back end must be told so that its
** program is as the rules say.
**
** Trace points are known from three places: traces (they are on by default: they made events), back ends
** that list theirs, and - where a back end cannot list them - rules that name one exactly, and what
** such a back end was told before. Of the last two kinds the present state is not known, so that the
** first change is always told.
**
** What a back end knows of (trace point, request type) is: what it was told about the pair, else what it
** was told about the trace point for all types, else the trace point's default. A change is due where
** that differs from what the rules say, in the switch or in the parameters. Because telling "all types"
** changes only types that were never named, a pair that the rules name may have to be told although its
** own state stays; such pairs come before the change for all types, so that nothing is switched in
** between. */
#ifndef PYTHIA_CONTROL_STATE_H
#define PYTHIA_CONTROL_STATE_H

#include "ext/base/intern.h"
#include "ext/base/poll.h"
#include "ext/control/backend.h"
#include "ext/control/rules.h"

typedef struct PythiaStatePoint {
    PythiaText name;     /* zero-terminated */
    PythiaText service;  /* p NULL: not known from traces */
    uint32_t tracepoint; /* its number in the names of the store, 0: not seen in traces */
    int enabled;         /* default; -1: not known */
    int always_on;
    uint32_t first, nmatch; /* its part of matches[] */
} PythiaStatePoint;

typedef struct PythiaPointMatch {
    uint32_t point;
    uint32_t rule; /* index into rules */
    int how;       /* PYTHIA_PATTERN_MATCH, PYTHIA_EXACT_MATCH */
} PythiaPointMatch;

/* What a back end was told, by numbers: sorted by back end, point and type. */
typedef struct PythiaTold {
    int64_t backend;
    uint32_t point, type;
    const PythiaToldRow *row;
} PythiaTold;

typedef struct PythiaStateBackend {
    PythiaBackend backend;       /* opened */
    const PythiaBackendRow *row; /* NULL: the callback */
    int lists;                   /* PYTHIA_LISTS_* */
    uint32_t *points;            /* listed: ascending; may repeat */
    size_t npoints, points_capacity;
    uint32_t *untold; /* ascending; of these it knows nothing that it was told */
    size_t nuntold, untold_capacity;
} PythiaStateBackend;

typedef struct PythiaControlState {
    int64_t now_ns;
    PythiaRuleRows rule_rows;
    PythiaBackendRows backend_rows;
    PythiaToldRows told_rows;
    PythiaRules rules;
    uint32_t *rule_matches;   /* per rule: trace points that it matches */
    PythiaIntern names;       /* of trace points: ids are indexes into points */
    PythiaIntern types;       /* request types that rules or told rows name; id 0: all */
    PythiaStatePoint *points; /* [1 .. names.n] */
    size_t points_capacity;
    PythiaPointMatch *matches; /* grouped by point, in order of rule */
    size_t nmatches, matches_capacity;
    PythiaTold *told;
    size_t ntold;
    PythiaStateBackend *backends; /* the callback first, where there is one */
    size_t nbackends;
    int open;  /* a back end that may have any trace point exists */
    int takes; /* one exists that may have other trace points than it lists */
} PythiaControlState;

/* Corrects what was read of the told rows before it is used (see control.c), or NULL. */
typedef struct PythiaToldFix {
    int (*fix)(void *context, PythiaToldRows *rows);
    void *context;
} PythiaToldFix;

/* Loads the state of a store. The callback may be NULL. store NULL: there is none; then the state has the
** callback's trace points and nothing else. A zeroed state, or one that was cleared. On failure too it
** must be cleared. */
int pythia_state_load(PythiaControlState *state, sqlite3 *db, PythiaStore *store,
                      const PythiaControlCallback *callback, const PythiaToldFix *fix,
                      int64_t now_ns, PythiaPoll *poll, char **error);
/* The same with nothing but the back ends and the trace points that they list; back ends none of whose trace
** points is always on are left out. */
int pythia_state_load_lists(PythiaControlState *state, sqlite3 *db, PythiaStore *store,
                            const PythiaControlCallback *callback, char **error);
void pythia_state_clear(PythiaControlState *state);

/* The rule that decides about a trace point for a request type, NULL: the default does. type 0: those
** requests that no rule names. */
const PythiaRuleRow *pythia_state_decide(const PythiaControlState *state, uint32_t point,
                                         uint32_t type);
/* Whether requests of that type pass the trace point switched on; a default that is not known is on. */
int pythia_state_enabled(const PythiaControlState *state, uint32_t point, uint32_t type);

/* Whether a back end listed a trace point. */
int pythia_state_listed(const PythiaStateBackend *backend, uint32_t point);
/* Whether a back end is told about a trace point. */
int pythia_state_has(const PythiaControlState *state, const PythiaStateBackend *backend,
                     uint32_t point);

/* Changes to be told. Texts live in the arena. */
typedef struct PythiaChanges {
    PythiaControlChange *changes;
    size_t n, capacity;
    /* Per change, what was told before: enabled -1 for nothing; and what is to be kept as told now. */
    PythiaToldRow *before, *after;
    size_t before_capacity, after_capacity;
    PythiaArena arena;
} PythiaChanges;

/* Appends the changes that a back end must be told; state->backends[index], or for index nbackends and
** only when there is no back end at all, those that nobody is told. `all`: not only those due but all
** that the rules decide, and all that it was ever told. */
int pythia_state_changes(const PythiaControlState *state, size_t index, int all,
                         PythiaChanges *changes, PythiaPoll *poll);
void pythia_changes_clear(PythiaChanges *changes);

#endif
