/* judge.c - see judge.h.
**
** One pass over the heads of all traces finds those that are new enough; these alone are read. A trace is
** projected once onto what every branch has, which tells its branch, and once onto what its own branch
** has, unless that is all or nothing. */
#include "ext/loop/judge.h"

#include "ext/loop/internal.h"
#include "ext/search/project.h"

#include <math.h>
#include <stdlib.h>

enum { SWITCHED_MOST = 64 }; /* trace points of one type that are told apart: bits of a member */

/* ---- what the loop switched --------------------------------------------------------------------------- */

/* When something was last switched for a type; 0: never. */
static int last_change(PythiaStore *store, PythiaText type, int64_t *since_ns, char **error) {
    sqlite3_stmt *s = NULL;
    *since_ns = 0;
    int rc = pythia_store_prepare(store, &s,
                                  "SELECT max(at_ns) FROM \"%w\".pythia_xdecision WHERE action IN"
                                  " ('enable', 'disable', 'retire')"
                                  " AND (request_type IS NULL OR request_type = ?1)",
                                  error);
    if (rc) return rc;
    rc = sqlite3_bind_text64(s, 1, type.p, type.n, SQLITE_STATIC, SQLITE_UTF8);
    if (!rc && sqlite3_step(s) == SQLITE_ROW) *since_ns = sqlite3_column_int64(s, 0);
    int last = sqlite3_finalize(s);
    return rc ? rc : last;
}

static uint64_t group_of_text(PythiaText text) {
    uint64_t value = 0;
    for (size_t i = 0; i < text.n; i++) {
        const char *digits = "0123456789abcdef";
        const char *digit = text.p[i] ? strchr(digits, text.p[i]) : NULL;
        if (!digit) return 0;
        value = value << 4 | (uint64_t)(digit - digits);
    }
    return value;
}

/* The number of a trace point by its name, 0: none. Names are few and this is done once a cycle. */
static uint32_t tracepoint_of(const PythiaNames *names, PythiaText name) {
    for (uint32_t i = 1; i <= names->ntracepoints; i++)
        if (pythia_text_equal(pythia_names_tracepoint_text(names, i), name)) return i;
    return 0;
}

static int switched_find(PythiaJudgement *j, const PythiaSwitches *switches,
                         const PythiaNames *names) {
    j->switched = pythia_alloc_array(SWITCHED_MOST, sizeof *j->switched);
    if (!j->switched) return SQLITE_NOMEM;
    for (size_t i = 0; i < switches->n && j->nswitched < SWITCHED_MOST; i++) {
        const PythiaOwned *o = &switches->owned[i];
        if (!o->enabled || !o->request_type.p || !pythia_text_equal(o->request_type, j->name))
            continue;
        j->switched[j->nswitched++] =
            (PythiaSwitched){tracepoint_of(names, o->tracepoint), group_of_text(o->group_id), o};
    }
    return SQLITE_OK;
}

/* ---- one trace ------------------------------------------------------------------------------------------ */

typedef struct Judge {
    PythiaCapture *capture;
    PythiaJudgements *out;
    uint32_t *of_type; /* [string]: judgement + 1 */
    uint32_t nstrings;
    int64_t now_ns, after_ns; /* requests that began between them */
    PythiaTrace trace, bare, own;
    PythiaAnalysis analysis;
    unsigned char *drop; /* [trace point] */
    uint32_t ndrop;
    char **error;
} Judge;

/* Marks what the loop switched on for the type, but not for `branch` (0: all of it). */
static void drop_mark(Judge *g, const PythiaJudgement *j, uint64_t branch) {
    memset(g->drop, 0, g->ndrop);
    for (uint32_t i = 0; i < j->nswitched; i++)
        if (!branch || j->switched[i].branch != branch) g->drop[j->switched[i].tracepoint] = 1;
    g->drop[0] = 0;
}

static uint64_t present_in(const PythiaJudgement *j, const PythiaTrace *trace) {
    uint64_t present = 0;
    for (uint32_t i = 0; i < j->nswitched; i++) {
        uint32_t wanted = j->switched[i].tracepoint;
        int there = 0;
        for (uint32_t s = 0; wanted && !there && s < trace->nspans; s++)
            there = trace->spans[s].tracepoint == wanted;
        for (uint32_t p = 0; wanted && !there && p < trace->npoints; p++)
            there = trace->points[p].tracepoint == wanted;
        present |= (uint64_t)there << i;
    }
    return present;
}

/* Projects g->trace and analyses it; *seen is the trace as judged, *branch its branch. */
static int project(Judge *g, const PythiaJudgement *j, const PythiaTrace **seen, uint64_t *branch) {
    const PythiaNames *names = pythia_capture_names(g->capture);
    uint32_t others = 0;
    *seen = &g->trace;
    if (j->nswitched) {
        drop_mark(g, j, 0);
        int rc = pythia_trace_without(&g->trace, g->drop, g->ndrop, names, &g->bare);
        if (!rc) rc = pythia_capture_analyse(g->capture, &g->bare, &g->analysis, g->error);
        if (rc) return rc;
        *branch = g->analysis.signature.hi;
        for (uint32_t i = 0; i < j->nswitched; i++)
            others += j->switched[i].branch != *branch;
        if (others) {
            drop_mark(g, j, *branch);
            rc = pythia_trace_without(&g->trace, g->drop, g->ndrop, names, &g->own);
            if (rc) return rc;
            *seen = &g->own;
        }
    }
    int rc = pythia_capture_analyse(g->capture, *seen, &g->analysis, g->error);
    if (!j->nswitched) *branch = g->analysis.signature.hi;
    return rc;
}

static int judge_trace(Judge *g, PythiaJudgement *j, PythiaSegment *segment, uint32_t ordinal,
                       const PythiaHead *head) {
    const PythiaTrace *seen;
    PythiaGroup *group;
    uint64_t branch = 0;
    int rc = pythia_segment_trace(segment, ordinal, 1, &g->trace, g->error);
    if (!rc) rc = project(g, j, &seen, &branch);
    if (!rc) rc = pythia_groups_get(&j->groups, g->analysis.signature, j->type, &group);
    if (!rc)
        rc = pythia_group_add(group, 1, g->analysis.head.duration_ns, &g->analysis.edges,
                              pythia_capture_names(g->capture));
    if (!rc) rc = pythia_grow((void **)&j->members, &j->capacity, j->n + 1, sizeof *j->members);
    if (rc) return rc;
    if (!j->n || head->start_ns < j->first_ns) j->first_ns = head->start_ns;
    j->members[j->n++] = (PythiaMember){pythia_segment_info(segment)->id,
                                        ordinal,
                                        group->id,
                                        branch,
                                        g->analysis.head.duration_ns,
                                        present_in(j, seen)};
    return SQLITE_OK;
}

static int see_head(void *context, PythiaSegment *segment, uint32_t ordinal,
                    const PythiaHead *head) {
    Judge *g = context;
    if (!head->group || head->request_type >= g->nstrings) return SQLITE_OK;
    uint32_t at = g->of_type[head->request_type];
    if (!at) return SQLITE_OK;
    PythiaJudgement *j = &g->out->list[at - 1];
    if (head->start_ns < j->since_ns || head->start_ns >= g->now_ns) return SQLITE_OK;
    return judge_trace(g, j, segment, ordinal, head);
}

/* ---- all of them ------------------------------------------------------------------------------------------ */

static int types_make(Judge *g, const PythiaSpace *space, const PythiaSwitches *switches) {
    const PythiaNames *names = pythia_capture_names(g->capture);
    PythiaStore *store = pythia_capture_store(g->capture);
    g->nstrings = names->strings.n + 1;
    g->of_type = pythia_alloc_zero(g->nstrings * sizeof *g->of_type);
    g->ndrop = names->ntracepoints + 1;
    g->drop = pythia_alloc_zero(g->ndrop);
    g->out->list = pythia_alloc_zero(((size_t)space->npaths + 1) * sizeof *g->out->list);
    int rc = g->of_type && g->drop && g->out->list ? SQLITE_OK : SQLITE_NOMEM;
    for (uint32_t p = 0; !rc && p < space->npaths; p++) {
        if (p && space->paths[p].type == space->paths[p - 1].type) continue;
        PythiaText name = pythia_intern_text(&space->texts, space->paths[p].type);
        uint32_t type = pythia_intern_find(&names->strings, name);
        PythiaJudgement *j = &g->out->list[g->out->n++];
        j->type = type;
        j->name = name;
        if (type && type < g->nstrings) g->of_type[type] = g->out->n;
        rc = last_change(store, name, &j->since_ns, g->error);
        if (g->after_ns > j->since_ns) j->since_ns = g->after_ns;
        if (!rc) rc = switched_find(j, switches, names);
    }
    return rc;
}

static void figures(PythiaJudgements *out) {
    for (uint32_t i = 0; i < out->n; i++) {
        PythiaJudgement *j = &out->list[i];
        double sum = 0, squares = 0;
        for (size_t m = 0; m < j->n; m++)
            sum += (double)j->members[m].duration_ns;
        j->mean_ns = j->n ? sum / (double)j->n : NAN;
        for (size_t m = 0; m < j->n; m++) {
            double off = (double)j->members[m].duration_ns - j->mean_ns;
            squares += off * off;
        }
        j->variance = j->n > 1 ? squares / (double)(j->n - 1) : NAN;
        for (uint32_t k = 0; k < j->groups.n; k++) {
            const PythiaGroup *group = &j->groups.groups[k];
            double variance = pythia_sum_variance(group->sum, group->squares, group->n);
            if (variance > 0) out->variance += (double)(group->n - 1) * variance;
        }
    }
}

int pythia_judge(PythiaLoop *loop, PythiaCapture *capture, const PythiaSwitches *switches,
                 int64_t now_ns, PythiaPoll *poll, PythiaJudgements *out, char **error) {
    Judge g = {.capture = capture,
               .out = out,
               .now_ns = now_ns,
               .after_ns = loop->measures.congested_ns,
               .error = error};
    const PythiaSpace *space;
    int rc = pythia_loop_space(loop, capture, poll, &space, error);
    if (!rc) rc = pythia_capture_settle(capture, poll, error);
    if (!rc) rc = types_make(&g, space, switches);
    if (!rc && out->n) rc = pythia_capture_each_head(capture, 0, poll, see_head, &g, error);
    if (!rc) figures(out);
    pythia_trace_clear(&g.trace);
    pythia_trace_clear(&g.bare);
    pythia_trace_clear(&g.own);
    pythia_analysis_clear(&g.analysis);
    pythia_free(g.of_type);
    pythia_free(g.drop);
    return rc;
}

void pythia_judgements_clear(PythiaJudgements *judgements) {
    for (uint32_t i = 0; i < judgements->n; i++) {
        pythia_groups_clear(&judgements->list[i].groups);
        pythia_free(judgements->list[i].members);
        pythia_free(judgements->list[i].switched);
    }
    pythia_free(judgements->list);
    memset(judgements, 0, sizeof *judgements);
}

int pythia_judged_each(PythiaCapture *capture, const PythiaJudgement *j, uint64_t group,
                       PythiaPoll *poll, PythiaEachTrace each, void *context, char **error) {
    Judge g = {.capture = capture, .error = error};
    g.ndrop = pythia_capture_names(capture)->ntracepoints + 1;
    g.drop = pythia_alloc_zero(g.ndrop);
    int rc = g.drop ? SQLITE_OK : SQLITE_NOMEM;
    for (size_t i = 0; !rc && i < j->n; i++) {
        const PythiaTrace *seen;
        PythiaSegment *segment;
        uint64_t branch = 0;
        if (j->members[i].group != group) continue;
        rc = pythia_segment_open(pythia_capture_store(capture), j->members[i].segment, &segment,
                                 error);
        if (rc) break;
        rc = pythia_segment_trace(segment, j->members[i].ordinal, 1, &g.trace, error);
        if (!rc) rc = project(&g, j, &seen, &branch);
        if (!rc) rc = each(context, seen, &g.analysis);
        pythia_segment_release(segment);
        if (!rc) rc = pythia_poll(poll);
    }
    pythia_trace_clear(&g.trace);
    pythia_trace_clear(&g.bare);
    pythia_trace_clear(&g.own);
    pythia_analysis_clear(&g.analysis);
    pythia_free(g.drop);
    return rc;
}

/* ---- eta squared -------------------------------------------------------------------------------------------- */

typedef struct Part {
    uint64_t branch, present;
    double duration;
} Part;

static int part_compare(const void *a, const void *b) {
    const Part *x = a, *y = b;
    if (x->branch != y->branch) return x->branch < y->branch ? -1 : 1;
    return x->present < y->present ? -1 : x->present > y->present;
}

double pythia_judged_eta(const PythiaJudgement *j, uint32_t n) {
    uint64_t mask = n >= 64 ? UINT64_MAX : ((uint64_t)1 << n) - 1;
    double between = 0, total = j->variance * (double)(j->n - 1);
    Part *parts = j->n > 1 && total > 0 ? pythia_alloc_array(j->n, sizeof *parts) : NULL;
    if (!parts) return NAN;
    for (size_t i = 0; i < j->n; i++)
        parts[i] = (Part){j->members[i].branch, j->members[i].present & mask,
                          (double)j->members[i].duration_ns};
    qsort(parts, j->n, sizeof *parts, part_compare);
    for (size_t first = 0, end; first < j->n; first = end) {
        double sum = 0;
        for (end = first; end < j->n && !part_compare(&parts[first], &parts[end]); end++)
            sum += parts[end].duration;
        double off = sum / (double)(end - first) - j->mean_ns;
        between += (double)(end - first) * off * off;
    }
    pythia_free(parts);
    return between / total;
}
