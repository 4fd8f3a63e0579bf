/* step.c - one cycle of the loop; see step.h.
**
** Collect what has come in, judge the requests of every type since something was last switched for it, rank
** the groups that are problems, examine them in that order, retire what has not helped, note all of it. All
** in one savepoint: a cycle happens as a whole or not at all, and the programs hear of it at its end.
**
** The first thing that is done with a type is to go back to the skeleton: trace points of the search space
** that are on by default are switched off, the skeleton and what the user has rules for left alone. */
#include "ext/loop/step.h"

#include "ext/capture/savepoint.h"
#include "ext/stat/quantile.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

void pythia_step_why(PythiaCycle *step, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = sqlite3_vmprintf(format, arguments);
    va_end(arguments);
    if (!text) {
        step->why.rc = SQLITE_NOMEM;
        return;
    }
    if (step->why.n) pythia_buf_str(&step->why, "; ");
    pythia_buf_str(&step->why, text);
    sqlite3_free(text);
}

/* ---- problems -------------------------------------------------------------------------------------------- */

typedef struct Problems {
    PythiaProblemGroup *list;
    size_t n, capacity;
} Problems;

static int problem_add(Problems *problems, PythiaProblemGroup problem) {
    int rc = pythia_grow((void **)&problems->list, &problems->capacity, problems->n + 1,
                         sizeof *problems->list);
    if (!rc) problems->list[problems->n++] = problem;
    return rc;
}

/* The durations of a judgement's members, those of a group together; of one group when by_type. */
static PythiaDuration *durations_of(const PythiaJudgement *j, int by_type) {
    PythiaDuration *list = pythia_alloc_array(j->n + 1, sizeof *list);
    for (size_t i = 0; list && i < j->n; i++)
        list[i] = (PythiaDuration){.group = by_type ? 0 : j->members[i].group,
                                   .duration_ns = j->members[i].duration_ns};
    if (list) qsort(list, j->n, sizeof *list, pythia_duration_compare);
    return list;
}

/* Judges a group, or the whole type (group 0 of durations by type), by the rule that judges stored groups. */
static int judge_sample(PythiaCycle *step, const PythiaJudgement *j, const PythiaDuration *list,
                        uint64_t group, int grouping, double variance, double slow_ns,
                        int *problem) {
    size_t low = 0, high = j->n, n = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list[middle].group < group)
            low = middle + 1;
        else
            high = middle;
    }
    while (low + n < j->n && list[low + n].group == group)
        n++;
    double *values = pythia_alloc_array(2 * n + 1, sizeof *values);
    if (!values) return SQLITE_NOMEM;
    for (size_t i = 0; i < n; i++)
        values[i] = (double)list[low + i].duration_ns;
    PythiaSample sample;
    pythia_sample_of(&sample, values, n);
    if (n > 1 && variance > 0)
        sample.share = (double)(n - 1) * sample.stddev * sample.stddev / variance;
    int rc = pythia_sample_judge(step->expectations, step->nexpectations, &step->thresholds,
                                 grouping, j->name, &sample, slow_ns, values + n, step->poll,
                                 problem, step->error);
    pythia_free(values);
    return rc;
}

/* Variance of all types, divided up between and inside their groups. */
static double variance_of_types(const PythiaCycle *step) {
    double sum = 0;
    for (uint32_t i = 0; i < step->judged.n; i++) {
        const PythiaJudgement *j = &step->judged.list[i];
        if (j->n > 1) sum += (double)(j->n - 1) * j->variance;
    }
    return sum;
}

/* A type whose variance lies between its groups: the group that costs most against the fastest one. */
static int structure_problem(PythiaCycle *step, PythiaJudgement *j, Problems *problems) {
    const PythiaGroup *fast = NULL;
    PythiaGroup *slow = NULL;
    double most = 0, between = 0, total = variance_of_types(step);
    double own = (double)(j->n - 1) * j->variance;
    int problem = PYTHIA_PROBLEM_NONE, rc = SQLITE_OK;
    PythiaDuration *list = durations_of(j, 1);
    if (!list) return SQLITE_NOMEM;
    if (total > 0) rc = judge_sample(step, j, list, 0, PYTHIA_GROUPING_TYPE, total, NAN, &problem);
    pythia_free(list);
    if (rc || problem != PYTHIA_PROBLEM_VARIATION) return rc;
    for (uint32_t i = 0; i < j->groups.n; i++) {
        const PythiaGroup *g = &j->groups.groups[i];
        double mean = pythia_sum_mean(g->sum, g->n);
        between += (double)g->n * (mean - j->mean_ns) * (mean - j->mean_ns);
        if (g->n >= step->thresholds.min_samples / 2 &&
            (!fast || mean < pythia_sum_mean(fast->sum, fast->n)))
            fast = g;
    }
    if (!fast || between / own < step->localized_share) return SQLITE_OK;
    double base = pythia_sum_mean(fast->sum, fast->n);
    for (uint32_t i = 0; i < j->groups.n; i++) {
        PythiaGroup *g = &j->groups.groups[i];
        double excess = (double)g->n * (pythia_sum_mean(g->sum, g->n) - base);
        if (g == fast || excess <= most) continue;
        most = excess;
        slow = g;
    }
    if (!slow) return SQLITE_OK;
    return problem_add(problems,
                       (PythiaProblemGroup){j, slow, fast, PYTHIA_OF_STRUCTURE, own / total});
}

/* Above which mean a group of the type is slow. */
static int slow_limit(PythiaCycle *step, const PythiaJudgement *j, double *limit) {
    double *values = pythia_alloc_array(j->n, sizeof *values);
    if (!values) return SQLITE_NOMEM;
    for (size_t i = 0; i < j->n; i++)
        values[i] = (double)j->members[i].duration_ns;
    int rc = pythia_quantile(values, j->n, step->thresholds.slow_quantile, 7, limit, step->poll);
    pythia_free(values);
    return rc;
}

static int problems_of(PythiaCycle *step, PythiaJudgement *j, Problems *problems) {
    size_t before = problems->n;
    double limit = 0;
    PythiaDuration *list = durations_of(j, 0);
    int rc = list ? slow_limit(step, j, &limit) : SQLITE_NOMEM;
    for (uint32_t i = 0; !rc && i < j->groups.n; i++) {
        PythiaGroup *g = &j->groups.groups[i];
        double all = step->judged.variance;
        double own = (double)(g->n - 1) * pythia_sum_variance(g->sum, g->squares, g->n);
        int problem;
        rc = judge_sample(step, j, list, g->id, step->grouping, all, limit, &problem);
        if (rc || problem == PYTHIA_PROBLEM_NONE) continue;
        int varies = problem == PYTHIA_PROBLEM_VARIATION;
        rc = problem_add(problems, (PythiaProblemGroup){
                                       j, g, NULL, varies ? PYTHIA_OF_VARIATION : PYTHIA_OF_SLOW,
                                       varies && all > 0 ? own / all : 0});
    }
    pythia_free(list);
    if (!rc && problems->n == before) rc = structure_problem(step, j, problems);
    return rc;
}

/* Variation before slowness, the larger share first; equal ones in the order of groups' ids. */
static int problem_compare(const void *a, const void *b) {
    const PythiaProblemGroup *x = a, *y = b;
    if (x->share != y->share) return x->share > y->share ? -1 : 1;
    return x->group->id < y->group->id ? -1 : x->group->id > y->group->id;
}

static int examine_all(PythiaCycle *step) {
    Problems problems = {0};
    int rc = SQLITE_OK, judged = 0;
    for (uint32_t i = 0; !rc && i < step->judged.n; i++) {
        PythiaJudgement *j = &step->judged.list[i];
        if (j->n < (size_t)step->thresholds.min_samples) {
            if (j->n || step->judged.n == 1)
                pythia_step_why(step, "%.*s: %lld of %lld requests that are needed", (int)j->name.n,
                                j->name.p, (sqlite3_int64)j->n,
                                (sqlite3_int64)step->thresholds.min_samples);
            continue;
        }
        judged = 1;
        rc = problems_of(step, j, &problems);
    }
    if (!rc && problems.n) qsort(problems.list, problems.n, sizeof *problems.list, problem_compare);
    for (size_t i = 0; !rc && i < problems.n; i++)
        rc = pythia_step_examine(step, &problems.list[i]);
    if (!rc && judged && !problems.n) pythia_step_why(step, "nothing is a problem");
    if (!rc && !judged && !step->why.n) pythia_step_why(step, "no requests have come in");
    pythia_free(problems.list);
    return rc;
}

/* ---- back to the skeleton ---------------------------------------------------------------------------------- */

/* Whether the trace point carries the skeleton of any type. */
static int is_skeleton(const PythiaSpace *space, uint32_t point) {
    for (uint32_t i = 1; i <= space->nnodes; i++)
        if (space->nodes[i].point == point && space->nodes[i].skeleton) return 1;
    return 0;
}

static int to_skeleton(PythiaCycle *step) {
    const PythiaSpace *space = step->space;
    unsigned char *seen = pythia_alloc_zero((size_t)space->texts.n + 1);
    int rc = seen ? SQLITE_OK : SQLITE_NOMEM;
    for (uint32_t i = 1; !rc && i <= space->nnodes; i++) {
        uint32_t point = space->nodes[i].point;
        PythiaText name = pythia_intern_text(&space->texts, point);
        if (seen[point]) continue;
        seen[point] = 1;
        if (!name.n || is_skeleton(space, point) ||
            pythia_switch_of(&step->switches, name, PYTHIA_TEXT("")) != PYTHIA_SWITCH_ON)
            continue;
        PythiaDecision d = {.action = "disable",
                            .tracepoint = name,
                            .reason = PYTHIA_TEXT("only the skeleton stays on")};
        rc = pythia_step_switch(step, &d, 0, 0);
        if (!rc) rc = pythia_poll(step->poll);
    }
    pythia_free(seen);
    return rc;
}

/* ---- a cycle ------------------------------------------------------------------------------------------------ */

static int settings_read(PythiaCycle *step, int *paused) {
    PythiaCapture *capture = step->capture;
    double off = 0;
    int rc = pythia_capture_setting(capture, "strategy", &step->strategy, step->error);
    const struct {
        const char *key;
        double *value;
    } numbers[] = {
        {"budget_points", &step->budget_points},     {"budget_bytes_per_s", &step->bytes_per_s},
        {"budget_cpu_share", &step->cpu_share},      {"keep_cycles", &step->keep_cycles},
        {"localized_share", &step->localized_share}, {"paused", &off}};
    for (size_t i = 0; !rc && i < sizeof numbers / sizeof numbers[0]; i++)
        rc = pythia_capture_setting_number(capture, numbers[i].key, numbers[i].value, step->error);
    if (!rc) rc = pythia_capture_thresholds(capture, &step->thresholds, step->error);
    if (!rc)
        rc = pythia_expectations_load(capture, &step->expectations, &step->nexpectations,
                                      step->error);
    const PythiaModel *model = NULL;
    if (!rc) rc = pythia_capture_model(capture, &model, step->error);
    if (model) step->grouping = model->grouping;
    *paused = off != 0;
    return rc;
}

static int cycle_begin(PythiaCycle *step) {
    sqlite3_stmt *s = NULL;
    int rc = pythia_store_prepare(pythia_capture_store(step->capture), &s,
                                  "SELECT coalesce(max(cycle), 0) + 1 FROM"
                                  " \"%w\".pythia_xdecision",
                                  step->error);
    if (rc) return rc;
    step->cycle = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    return sqlite3_finalize(s);
}

/* What was lost makes requests look as they were not: no decision rests on them. */
static int look_for_congestion(PythiaCycle *step, int *congested) {
    int64_t lost, turned_away;
    int rc =
        pythia_measures_read(&step->loop->measures, &step->switches.state, step->loop->host->db,
                             step->now_ns, &lost, &turned_away, step->error);
    if (!rc && lost)
        pythia_step_why(step,
                        "%lld records were lost since the last cycle: programs make more than is "
                        "collected",
                        (sqlite3_int64)lost);
    if (!rc && turned_away)
        pythia_step_why(step,
                        "%lld requests of exporters were turned away since the last cycle: the "
                        "receiver was full",
                        (sqlite3_int64)turned_away);
    *congested = !rc && (lost || turned_away);
    return rc;
}

static int cycle_work(PythiaCycle *step) {
    int rc = pythia_switches_load(step->loop, step->capture, "main", step->now_ns, step->poll,
                                  &step->switches, step->error);
    if (!rc) {
        step->helped = pythia_alloc_zero(step->switches.n + 1);
        if (!step->helped) rc = SQLITE_NOMEM;
    }
    if (!rc)
        rc = pythia_layers_load(step->capture, &step->space->texts, &step->layers, step->error);
    int congested = 0;
    if (!rc) rc = look_for_congestion(step, &congested);
    if (rc || congested) return rc;
    rc = to_skeleton(step);
    if (rc || step->decisions) return rc; /* what came in so far was traced otherwise */
    rc = pythia_judge(step->loop, step->capture, &step->switches, step->now_ns, step->poll,
                      &step->judged, step->error);
    if (!rc) rc = examine_all(step);
    if (!rc) rc = pythia_step_note(step);
    return rc ? rc : pythia_step_retire(step);
}

static int cycle_run(PythiaCycle *step) {
    int paused = 0;
    int rc = settings_read(step, &paused);
    if (!rc) rc = cycle_begin(step);
    if (!rc)
        rc = pythia_loop_space(step->loop, step->capture, step->poll, &step->space, step->error);
    if (!rc && paused)
        pythia_step_why(step, "the loop is paused");
    else if (!rc && !step->space->nnodes)
        pythia_step_why(step, "nothing is known about what could be traced: record some requests "
                              "with everything on, and SELECT pythia_learn()");
    else if (!rc)
        rc = cycle_work(step);
    if (!rc) rc = step->why.rc;
    if (rc || step->decisions) return rc;
    PythiaDecision wait = {.action = "wait", .reason = {(const char *)step->why.data, step->why.n}};
    return pythia_step_write(step, &wait);
}

static void step_clear(PythiaCycle *step) {
    pythia_judgements_clear(&step->judged);
    pythia_layers_clear(&step->layers);
    pythia_switches_clear(&step->switches);
    pythia_buf_clear(&step->why);
    pythia_expectations_free(step->expectations, step->nexpectations);
    pythia_intern_clear(&step->added);
    pythia_free(step->helped);
    sqlite3_free(step->strategy);
}

/* Runs `work` as one cycle, in a savepoint. */
static int in_cycle(PythiaLoop *loop, int64_t now_ns, int (*work)(PythiaCycle *step),
                    int64_t *decisions, char **error) {
    PythiaPoll poll = {.db = loop->host->db};
    PythiaSavepoint savepoint = {0};
    PythiaCycle step = {.loop = loop, .poll = &poll, .error = error, .now_ns = now_ns};
    *decisions = 0;
    int rc = pythia_savepoint_begin(&savepoint, loop->host->db, error);
    if (rc) return rc;
    rc = pythia_session_capture(loop->host->session, "main", 1, &step.capture, error);
    if (!rc) rc = pythia_savepoint_arm(&savepoint, "main", error);
    if (!rc) rc = work(&step);
    if (!rc) *decisions = step.decisions;
    step_clear(&step);
    rc = pythia_savepoint_end(&savepoint, rc, error);
    pythia_poll_close(&poll);
    return rc;
}

int pythia_loop_step(PythiaLoop *loop, int64_t now_ns, int64_t *decisions, char **error) {
    int64_t taken_in;
    int rc = pythia_loop_ask(loop->host->db, "pythia_collect", "SELECT pythia_collect()", &taken_in,
                             error);
    return rc ? rc : in_cycle(loop, now_ns, cycle_run, decisions, error);
}

/* ---- the end ------------------------------------------------------------------------------------------------ */

static int shut_down(PythiaCycle *step) {
    int rc = cycle_begin(step);
    if (!rc)
        rc = pythia_switches_load(step->loop, step->capture, "main", step->now_ns, step->poll,
                                  &step->switches, step->error);
    for (size_t i = 0; !rc && i < step->switches.n; i++) {
        const PythiaOwned *o = &step->switches.owned[i];
        PythiaDecision d = {.action = "disable",
                            .request_type = o->request_type,
                            .tracepoint = o->tracepoint,
                            .reason = PYTHIA_TEXT("the loop was shut down")};
        if (o->enabled) rc = pythia_step_withdraw(step, o, &d);
    }
    return rc;
}

int pythia_loop_shutdown(PythiaLoop *loop, int64_t now_ns, int64_t *decisions, char **error) {
    PythiaCapture *capture;
    *decisions = 0;
    int rc = pythia_session_capture(loop->host->session, "main", 0, &capture, error);
    return rc || !capture ? rc : in_cycle(loop, now_ns, shut_down, decisions, error);
}
