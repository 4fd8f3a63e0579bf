/* model.h - the settings that decide how a trace is understood.
**
** A PythiaModel is what remains of the settings after parsing: numbers, and for the request types the
** answer for each trace point. Everything that is derived of a trace (order, critical path, request
** type, group) is a function of the trace and of this. */
#ifndef PYTHIA_TRACE_MODEL_H
#define PYTHIA_TRACE_MODEL_H

#include "ext/trace/trace.h"

enum {
    PYTHIA_GROUPING_TYPE = 0,
    PYTHIA_GROUPING_SERVICES,
    PYTHIA_GROUPING_STRUCTURE,
    PYTHIA_GROUPING_CRITICAL_PATH,
    PYTHIA_GROUPING_DAG
};
enum { PYTHIA_CAUSALITY_SIBLINGS = 0, PYTHIA_CAUSALITY_NESTING, PYTHIA_CAUSALITY_LEARNED };
typedef struct PythiaLearned PythiaLearned; /* learned.h */
/* AUTO: LAST for formats with an anchor (OSProfiler), else ROOT. */
enum { PYTHIA_END_AUTO = 0, PYTHIA_END_ROOT, PYTHIA_END_LAST };

/* What the rules of pythia_request_types say of a trace point that they match. */
typedef struct PythiaTypeRule {
    uint32_t request_type; /* string id; 0: no rule matches this trace point */
    int64_t rank;          /* order of precedence, smaller wins; unique per rule */
    int request_end;       /* PYTHIA_END_* */
} PythiaTypeRule;

typedef struct PythiaModel {
    int grouping, causality, request_end;
    int64_t order_tolerance_ns; /* -1: from the resolutions of the services */
    int include_incomplete;     /* incomplete traces take part in groups */
    const uint32_t *group_keys; /* string ids of attribute keys whose values join the signature */
    uint32_t ngroup_keys;
    /* The rule for a trace point, or NULL; NULL function: no rules. */
    const PythiaTypeRule *(*rule)(void *context, uint32_t tracepoint);
    void *rule_context;
    const PythiaLearned
        *learned; /* with PYTHIA_CAUSALITY_LEARNED: the relation; NULL: an empty one */
} PythiaModel;

/* What a resolution allows: twice itself when it is coarser than 1 us, else 0. */
int64_t pythia_tolerance_of_ns(int64_t resolution_ns);
/* Tolerance between two spans of these services (string ids), ns: the setting, or what the coarser of
** their resolutions allows. */
int64_t pythia_model_tolerance_ns(const PythiaModel *model, const PythiaNames *names,
                                  uint32_t service_a, uint32_t service_b);

#endif
