/* expectations.h - what users expect of their requests, and what does not keep it.
**
** An expectation is a row of pythia_expectations: of the request types that match a pattern, grouped in a certain
** way, a metric shall not exceed a threshold; the time on certain edges can be left out of it. Groups are judged
** by the settings (ext/group/problem.h) as far as no expectation says otherwise. */
#ifndef PYTHIA_CAPTURE_EXPECTATIONS_H
#define PYTHIA_CAPTURE_EXPECTATIONS_H

#include "ext/base/match.h"
#include "ext/capture/capture.h"
#include "ext/group/problem.h"

typedef struct PythiaExpectation {
    int64_t id;
    char *type_pattern; /* NULL: every request type */
    PythiaMatch *type;
    int grouping;     /* PYTHIA_GROUPING_*; -1: as set */
    int metric;       /* see pythia_metric_name(); -1: the rule of the settings */
    double threshold; /* NaN: that of the settings */
    PythiaMatch *
        ignored; /* edges whose time is left out, by "source phase -> destination phase"; NULL: none */
    char *ignored_pattern;
} PythiaExpectation;

/* The columns of a row, as written; p NULL: SQL NULL. */
typedef struct PythiaExpectationText {
    PythiaText request_type, grouping, metric, threshold, ignore_edge;
} PythiaExpectationText;

/* Reads a row. SQLITE_CONSTRAINT with a message that says what would be right. Clear it in any case. */
int pythia_expectation_read(PythiaExpectation *expectation, const PythiaExpectationText *text,
                            char **error);
void pythia_expectation_clear(PythiaExpectation *expectation);

/* Whether an expectation is about a request type: its pattern is the type's name, or is found in it. */
int pythia_expectation_covers(const PythiaExpectation *expectation, PythiaText request_type,
                              int *covers, char **error);

/* All of a capture, in order of their ids. */
int pythia_expectations_load(PythiaCapture *capture, PythiaExpectation **list, uint32_t *n,
                             char **error);
void pythia_expectations_free(PythiaExpectation *list, uint32_t n);

const char *pythia_metric_name(int metric); /* "cov" for -1 */
const char *pythia_grouping_name(int grouping);
/* PYTHIA_PROBLEM_VARIATION or SLOW: what a group is that exceeds a threshold of the metric. */
int pythia_metric_problem(int metric);
/* The metric of a sample. scratch: room for sample->n values. */
int pythia_metric_of(int metric, const PythiaSample *sample, double *scratch, double *value,
                     PythiaPoll *poll);

/* ---- judge.c ------------------------------------------------------------------------------------- */

typedef struct PythiaVerdict {
    uint64_t group; /* id of the group, or the request type */
    int problem;    /* PYTHIA_PROBLEM_* */
} PythiaVerdict;

/* Judges all groups, or all request types (by_type) - as groups of requests of one type, of which none is
** slow by the settings alone. *list is in order of `group`: pythia_free(). */
int pythia_capture_judge(PythiaCapture *capture, int by_type, PythiaPoll *poll,
                         PythiaVerdict **list, size_t *n, char **error);
/* NONE for what is not in the list. */
int pythia_verdict_of(const PythiaVerdict *list, size_t n, uint64_t group);

/* Judges one sample of requests of a type under a grouping, by the settings and the expectations that are about it.
** What an expectation would leave out of durations is left in. slow_ns: the slow_quantile of the type's requests; NaN:
** nothing is slow by the settings. scratch: room for sample->n values. */
int pythia_sample_judge(const PythiaExpectation *list, uint32_t n,
                        const PythiaThresholds *thresholds, int grouping, PythiaText request_type,
                        const PythiaSample *sample, double slow_ns, double *scratch,
                        PythiaPoll *poll, int *problem, char **error);

typedef struct PythiaViolation {
    const PythiaExpectation *expectation;
    int grouping;   /* by which the group was made */
    uint64_t group; /* its id under that grouping; 0 with PYTHIA_GROUPING_TYPE */
    uint32_t request_type;
    size_t traces;
    double value, threshold; /* of the metric */
} PythiaViolation;

/* Calls `each` for every group that breaks an expectation. A non-zero return stops and is returned. */
typedef int (*PythiaEachViolation)(void *context, const PythiaViolation *violation);
int pythia_capture_violations(PythiaCapture *capture, PythiaPoll *poll, PythiaEachViolation each,
                              void *context, char **error);

#endif
