/* judge.c - see expectations.h: which groups are a problem, and which break an expectation.
**
** The members of all groups, each with a number - its duration, or what remains of it without the edges that an
** expectation ignores - are one list in order of (group, number): a cut. Cuts by the grouping as set, or by
** request type, come from the heads alone; another grouping, or edges that are left out, take the traces. */
#include "ext/capture/expectations.h"
#include "ext/capture/internal.h"

#include <math.h>
#include <stdlib.h>

#include "ext/stat/quantile.h"

typedef struct Cut {
    PythiaDuration *members;
    size_t n, capacity;
    double total; /* sum of (traces - 1) * variance over its groups */
} Cut;

typedef struct Judge {
    PythiaCapture *capture;
    PythiaPoll *poll;
    char **error;
    PythiaThresholds thresholds;
    PythiaExpectation *expectations;
    uint32_t n;
    int grouping; /* as set */
    Cut types;    /* by request type, for the quantiles; made when first needed */
    double *values, *scratch;
    size_t values_capacity, scratch_capacity;
} Judge;

/* One group of a cut: members[first .. end). */
typedef struct Run {
    size_t first, end;
    uint64_t group;
    uint32_t request_type;
    PythiaSample sample;
} Run;

int pythia_duration_compare(const void *a, const void *b) {
    const PythiaDuration *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    return x->duration_ns < y->duration_ns ? -1 : x->duration_ns > y->duration_ns;
}

/* The next run, and its sample; run->first == run->end: there is none. Start with a zeroed run. */
static int run_next(Judge *j, const Cut *cut, Run *run) {
    run->first = run->end;
    if (run->first == cut->n) return SQLITE_OK;
    run->group = cut->members[run->first].group;
    run->request_type = cut->members[run->first].request_type;
    while (run->end < cut->n && cut->members[run->end].group == run->group)
        run->end++;
    size_t n = run->end - run->first;
    int rc = pythia_grow((void **)&j->values, &j->values_capacity, n, sizeof *j->values);
    if (!rc) rc = pythia_grow((void **)&j->scratch, &j->scratch_capacity, n, sizeof *j->scratch);
    if (rc) return rc;
    for (size_t i = 0; i < n; i++)
        j->values[i] = (double)cut->members[run->first + i].duration_ns;
    pythia_sample_of(&run->sample, j->values, n);
    double own = n > 1 ? (double)(n - 1) * run->sample.stddev * run->sample.stddev : 0;
    run->sample.share = cut->total > 0 ? own / cut->total : NAN;
    return pythia_poll(j->poll);
}

static void cut_sort(Cut *cut) {
    if (cut->n) qsort(cut->members, cut->n, sizeof *cut->members, pythia_duration_compare);
}

/* Adds up the variation of a sorted cut. */
static int cut_finish(Judge *j, Cut *cut) {
    Run run = {0};
    double total = 0;
    int rc = run_next(j, cut, &run);
    for (; !rc && run.first < run.end; rc = run_next(j, cut, &run))
        if (run.sample.n > 1)
            total += (double)(run.sample.n - 1) * run.sample.stddev * run.sample.stddev;
    cut->total = total;
    return rc;
}

static int durations_by_type(Judge *j, Cut *cut) {
    int rc = pythia_capture_durations(j->capture, j->poll, &cut->members, &cut->n, j->error);
    for (size_t i = 0; !rc && i < cut->n; i++)
        cut->members[i].group = cut->members[i].request_type;
    cut_sort(cut);
    return rc;
}

static int cut_durations(Judge *j, int by_type, Cut *cut) {
    int rc = by_type
                 ? durations_by_type(j, cut)
                 : pythia_capture_durations(j->capture, j->poll, &cut->members, &cut->n, j->error);
    return rc ? rc : cut_finish(j, cut);
}

/* ---- cuts that need the traces ---------------------------------------------------------------------- */

typedef struct Collect {
    Judge *judge;
    const PythiaExpectation *expectation;
    int grouping;
    int all; /* traces of types that are not covered, too */
    Cut *cut;
    PythiaTrace trace;
    PythiaAnalysis analysis;
    PythiaIntern edges;     /* 16 bytes each */
    unsigned char *ignored; /* [edge] */
    size_t ignored_capacity;
    uint32_t type; /* of the last trace, and whether it is covered */
    int covered;
} Collect;

static void put_end(PythiaBuf *out, const PythiaNames *names, uint32_t tracepoint, int phase) {
    pythia_buf_text(out, pythia_names_tracepoint_text(names, tracepoint));
    pythia_buf_format(out, " %s", pythia_phase_name(phase));
}

/* Whether the expectation leaves an edge out; found once for each. */
static int edge_ignored(Collect *c, const PythiaPathEdge *e, int *ignored) {
    uint32_t key[4] = {e->source, e->destination, e->source_phase, e->destination_phase};
    uint32_t before = c->edges.n, id;
    int rc = pythia_intern(&c->edges, (PythiaText){(const char *)key, sizeof key}, &id);
    if (rc) return rc;
    if (c->edges.n > before) {
        const PythiaNames *names = pythia_store_names(c->judge->capture->store);
        PythiaBuf text = {0};
        int matched = 0;
        put_end(&text, names, e->source, e->source_phase);
        pythia_buf_str(&text, " -> ");
        put_end(&text, names, e->destination, e->destination_phase);
        rc = text.rc;
        if (!rc)
            rc = pythia_match_test(c->expectation->ignored,
                                   (PythiaText){(const char *)text.data, text.n}, &matched,
                                   c->judge->error);
        pythia_buf_clear(&text);
        if (!rc)
            rc = pythia_grow((void **)&c->ignored, &c->ignored_capacity, (size_t)id + 1,
                             sizeof *c->ignored);
        if (rc) return rc;
        c->ignored[id] = (unsigned char)matched;
    }
    *ignored = c->ignored[id];
    return SQLITE_OK;
}

static int collect_value(Collect *c, int64_t *value) {
    *value = c->analysis.head.duration_ns;
    if (!c->expectation->ignored || !c->covered) return SQLITE_OK;
    for (uint32_t i = 0; i < c->analysis.edges.n; i++) {
        int ignored;
        int rc = edge_ignored(c, &c->analysis.edges.edges[i], &ignored);
        if (rc) return rc;
        if (ignored) *value -= c->analysis.edges.edges[i].value_ns;
    }
    return SQLITE_OK;
}

/* The group of the trace in hand under the grouping of the cut. */
static int collect_group(Collect *c, uint64_t *group) {
    PythiaCapture *capture = c->judge->capture;
    PythiaModel model = capture->model;
    PythiaHash128 signature = c->analysis.signature;
    int rc = SQLITE_OK;
    if (c->grouping != model.grouping && c->grouping != PYTHIA_GROUPING_TYPE) {
        model.grouping = c->grouping;
        rc = pythia_signature(&c->trace, &model, pythia_store_names(capture->store),
                              &c->analysis.request, &c->analysis.path, &capture->call_paths,
                              &c->analysis.paths, &signature);
    }
    *group = c->grouping == PYTHIA_GROUPING_TYPE ? c->analysis.request.type : signature.hi;
    return rc;
}

static int collect_head(void *context, PythiaSegment *segment, uint32_t ordinal,
                        const PythiaHead *head) {
    Collect *c = context;
    Judge *j = c->judge;
    PythiaCapture *capture = j->capture;
    uint64_t group = 0;
    int64_t value = 0;
    int rc = SQLITE_OK;
    if (!head->group) return SQLITE_OK;
    if (head->request_type != c->type) {
        PythiaText type = pythia_names_text(pythia_store_names(capture->store), head->request_type);
        rc = pythia_expectation_covers(c->expectation, type, &c->covered, j->error);
        c->type = head->request_type;
    }
    if (rc || (!c->covered && !c->all)) return rc;
    rc =
        pythia_segment_trace(segment, ordinal, capture->model.ngroup_keys > 0, &c->trace, j->error);
    if (!rc) rc = pythia_capture_analyse(capture, &c->trace, &c->analysis, j->error);
    if (!rc) rc = collect_group(c, &group);
    if (!rc) rc = collect_value(c, &value);
    if (!rc)
        rc = pythia_grow((void **)&c->cut->members, &c->cut->capacity, c->cut->n + 1,
                         sizeof *c->cut->members);
    if (!rc) c->cut->members[c->cut->n++] = (PythiaDuration){group, value, head->request_type};
    return rc;
}

static int cut_traces(Judge *j, const PythiaExpectation *e, int grouping, int all, Cut *cut) {
    Collect c = {.judge = j, .expectation = e, .grouping = grouping, .all = all, .cut = cut};
    int rc = pythia_model_load(j->capture, j->error);
    if (!rc) rc = pythia_capture_each_head(j->capture, 0, j->poll, collect_head, &c, j->error);
    pythia_trace_clear(&c.trace);
    pythia_analysis_clear(&c.analysis);
    pythia_intern_clear(&c.edges);
    pythia_free(c.ignored);
    cut_sort(cut);
    return rc ? rc : cut_finish(j, cut);
}

/* ---- rules ------------------------------------------------------------------------------------------ */

/* Whether a sample breaks an expectation that covers its type; value and threshold are set in any case. */
static int breaks(const PythiaThresholds *thresholds, const PythiaExpectation *e,
                  const PythiaSample *sample, double *scratch, PythiaPoll *poll, double *value,
                  double *threshold, int *broken) {
    PythiaThresholds own = *thresholds;
    int rc = pythia_metric_of(e->metric, sample, scratch, value, poll);
    *broken = 0;
    if (rc) return rc;
    if (!isnan(e->threshold)) own.cov_threshold = e->threshold;
    *threshold = own.cov_threshold; /* of whichever metric it is */
    if (e->metric < 0)
        *broken = pythia_sample_varies(&own, sample);
    else
        *broken = (double)sample->n >= (double)own.min_samples && *value > *threshold;
    return SQLITE_OK;
}

/* An expectation without a grouping is about groups however they are made. */
static int applies(const PythiaExpectation *e, int grouping) {
    return e->grouping < 0 || e->grouping == grouping;
}

/* Clears what the settings do not judge, because an expectation does. */
static int left_to_settings(const PythiaExpectation *list, uint32_t n, int grouping,
                            PythiaText type, int *variation, int *slow, char **error) {
    int rc = SQLITE_OK;
    for (uint32_t i = 0; i < n && !rc; i++) {
        int covers = 0;
        if (applies(&list[i], grouping))
            rc = pythia_expectation_covers(&list[i], type, &covers, error);
        if (!covers) continue;
        if (pythia_metric_problem(list[i].metric) == PYTHIA_PROBLEM_VARIATION)
            *variation = 0;
        else
            *slow = 0;
    }
    return rc;
}

int pythia_sample_judge(const PythiaExpectation *list, uint32_t n,
                        const PythiaThresholds *thresholds, int grouping, PythiaText request_type,
                        const PythiaSample *sample, double slow_ns, double *scratch,
                        PythiaPoll *poll, int *problem, char **error) {
    int variation = 1, slow = 1;
    int rc = left_to_settings(list, n, grouping, request_type, &variation, &slow, error);
    *problem = PYTHIA_PROBLEM_NONE;
    if (!rc && variation && pythia_sample_varies(thresholds, sample))
        *problem = PYTHIA_PROBLEM_VARIATION;
    else if (!rc && slow && pythia_sample_slow(thresholds, sample, slow_ns))
        *problem = PYTHIA_PROBLEM_SLOW;
    for (uint32_t i = 0; i < n && !rc && *problem != PYTHIA_PROBLEM_VARIATION; i++) {
        int covers = 0, broken = 0;
        double value, threshold;
        if (applies(&list[i], grouping))
            rc = pythia_expectation_covers(&list[i], request_type, &covers, error);
        if (!rc && covers)
            rc = breaks(thresholds, &list[i], sample, scratch, poll, &value, &threshold, &broken);
        if (!rc && broken) *problem = pythia_metric_problem(list[i].metric);
    }
    return rc;
}

/* The slow_quantile of all requests of a type. */
static int slow_limit(Judge *j, uint32_t request_type, double *limit) {
    const Cut *cut = &j->types;
    int rc = cut->members ? SQLITE_OK : durations_by_type(j, &j->types);
    size_t low = 0, high = cut->n, n = 0;
    *limit = NAN;
    if (rc) return rc;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (cut->members[middle].group < request_type)
            low = middle + 1;
        else
            high = middle;
    }
    while (low + n < cut->n && cut->members[low + n].group == request_type)
        n++;
    double *values = pythia_alloc_array(n, sizeof *values);
    if (!values) return SQLITE_NOMEM;
    for (size_t i = 0; i < n; i++)
        values[i] = (double)cut->members[low + i].duration_ns;
    *limit = pythia_quantile_sorted(values, n, j->thresholds.slow_quantile, 7);
    pythia_free(values);
    return SQLITE_OK;
}

static int judge_open(Judge *j) {
    const PythiaModel *model;
    int rc = pythia_capture_settle(j->capture, j->poll, j->error);
    if (!rc) rc = pythia_capture_thresholds(j->capture, &j->thresholds, j->error);
    if (!rc) rc = pythia_expectations_load(j->capture, &j->expectations, &j->n, j->error);
    if (!rc) rc = pythia_capture_model(j->capture, &model, j->error);
    if (rc) return rc;
    j->grouping = model->grouping;
    return SQLITE_OK;
}

static void judge_close(Judge *j) {
    pythia_expectations_free(j->expectations, j->n);
    pythia_free(j->types.members);
    pythia_free(j->values);
    pythia_free(j->scratch);
}

/* ---- verdicts --------------------------------------------------------------------------------------- */

/* By the settings alone, as far as no expectation takes their place. */
static int judge_default(Judge *j, const Run *run, int grouping, int by_type, int *problem) {
    PythiaText type = pythia_names_text(pythia_store_names(j->capture->store), run->request_type);
    int variation = 1, slow = !by_type;
    double limit;
    int rc = left_to_settings(j->expectations, j->n, grouping, type, &variation, &slow, j->error);
    *problem = PYTHIA_PROBLEM_NONE;
    if (!rc && variation && pythia_sample_varies(&j->thresholds, &run->sample))
        *problem = PYTHIA_PROBLEM_VARIATION;
    if (rc || *problem || !slow || (double)run->sample.n < (double)j->thresholds.min_samples)
        return rc;
    rc = slow_limit(j, run->request_type, &limit);
    if (!rc && pythia_sample_slow(&j->thresholds, &run->sample, limit))
        *problem = PYTHIA_PROBLEM_SLOW;
    return rc;
}

static PythiaVerdict *verdict_find(const PythiaVerdict *list, size_t n, uint64_t group) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle].group < group)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && list[low].group == group ? (PythiaVerdict *)&list[low] : NULL;
}

int pythia_verdict_of(const PythiaVerdict *list, size_t n, uint64_t group) {
    const PythiaVerdict *verdict = verdict_find(list, n, group);
    return verdict ? verdict->problem : PYTHIA_PROBLEM_NONE;
}

/* What one expectation says of the groups that it covers. */
static int judge_expectation(Judge *j, const PythiaExpectation *e, int grouping, const Cut *plain,
                             PythiaVerdict *list, size_t n) {
    Cut own = {0};
    Run run = {0};
    int rc = e->ignored ? cut_traces(j, e, grouping, 0, &own) : SQLITE_OK;
    own.total = plain->total;
    const Cut *cut = e->ignored ? &own : plain;
    if (!rc) rc = run_next(j, cut, &run);
    for (; !rc && run.first < run.end; rc = run_next(j, cut, &run)) {
        PythiaText type =
            pythia_names_text(pythia_store_names(j->capture->store), run.request_type);
        int covers, broken = 0;
        double value, threshold;
        rc = pythia_expectation_covers(e, type, &covers, j->error);
        if (!rc && covers)
            rc = breaks(&j->thresholds, e, &run.sample, j->scratch, j->poll, &value, &threshold,
                        &broken);
        if (rc) break;
        PythiaVerdict *verdict = broken ? verdict_find(list, n, run.group) : NULL;
        if (verdict && verdict->problem != PYTHIA_PROBLEM_VARIATION)
            verdict->problem = pythia_metric_problem(e->metric);
    }
    pythia_free(own.members);
    return rc;
}

int pythia_capture_judge(PythiaCapture *capture, int by_type, PythiaPoll *poll,
                         PythiaVerdict **list, size_t *n, char **error) {
    Judge j = {.capture = capture, .poll = poll, .error = error};
    Cut plain = {0};
    Run run = {0};
    size_t capacity = 0;
    *list = NULL;
    *n = 0;
    int rc = judge_open(&j);
    int grouping = by_type ? PYTHIA_GROUPING_TYPE : j.grouping;
    if (!rc) rc = cut_durations(&j, by_type, &plain);
    if (!rc) rc = run_next(&j, &plain, &run);
    for (; !rc && run.first < run.end; rc = run_next(&j, &plain, &run)) {
        rc = pythia_grow((void **)list, &capacity, *n + 1, sizeof **list);
        if (rc) break;
        (*list)[*n].group = run.group;
        rc = judge_default(&j, &run, grouping, by_type, &(*list)[*n].problem);
        if (rc) break;
        ++*n;
    }
    for (uint32_t i = 0; !rc && i < j.n; i++)
        if (applies(&j.expectations[i], grouping))
            rc = judge_expectation(&j, &j.expectations[i], grouping, &plain, *list, *n);
    pythia_free(plain.members);
    judge_close(&j);
    if (rc) {
        pythia_free(*list);
        *list = NULL;
        *n = 0;
    }
    return rc;
}

/* ---- violations ------------------------------------------------------------------------------------- */

static int list_violations(Judge *j, const PythiaExpectation *e, PythiaEachViolation each,
                           void *context) {
    int grouping = e->grouping < 0 ? j->grouping : e->grouping;
    int by_type = grouping == PYTHIA_GROUPING_TYPE, by_heads = by_type || grouping == j->grouping;
    Cut cut = {0};
    Run run = {0};
    /* Shares are of the variance of all groups, so those of other types are needed. */
    int rc = by_heads && !e->ignored ? cut_durations(j, by_type, &cut)
                                     : cut_traces(j, e, grouping, 1, &cut);
    if (!rc) rc = run_next(j, &cut, &run);
    for (; !rc && run.first < run.end; rc = run_next(j, &cut, &run)) {
        PythiaText type =
            pythia_names_text(pythia_store_names(j->capture->store), run.request_type);
        PythiaViolation v = {.expectation = e,
                             .grouping = grouping,
                             .group = by_type ? 0 : run.group,
                             .request_type = run.request_type,
                             .traces = run.sample.n};
        int covers, broken = 0;
        rc = pythia_expectation_covers(e, type, &covers, j->error);
        if (!rc && covers)
            rc = breaks(&j->thresholds, e, &run.sample, j->scratch, j->poll, &v.value, &v.threshold,
                        &broken);
        if (!rc && broken) rc = each(context, &v);
        if (rc) break;
    }
    pythia_free(cut.members);
    return rc;
}

int pythia_capture_violations(PythiaCapture *capture, PythiaPoll *poll, PythiaEachViolation each,
                              void *context, char **error) {
    Judge j = {.capture = capture, .poll = poll, .error = error};
    int rc = judge_open(&j);
    for (uint32_t i = 0; !rc && i < j.n; i++)
        rc = list_violations(&j, &j.expectations[i], each, context);
    judge_close(&j);
    return rc;
}
