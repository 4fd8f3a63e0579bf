/* budget.c - what may be on; see step.h.
**
** What a trace point costs is estimated: the search space says how often a request of a type passes it,
** the requests that were judged say how many there are a second, and a record is taken to have RECORD_BYTES
** and to take RECORD_NS. A trace point is counted once for a type, however many groups have it. */
#include "ext/loop/step.h"

#define RECORD_BYTES 100.0
#define RECORD_NS    1000.0

static const PythiaJudgement *judgement_of(const PythiaCycle *step, PythiaText request_type) {
    for (uint32_t i = 0; i < step->judged.n; i++)
        if (pythia_text_equal(step->judged.list[i].name, request_type))
            return &step->judged.list[i];
    return NULL;
}

/* Records per second that a trace point makes for requests of a type. */
static double records_per_s(const PythiaCycle *step, PythiaText tracepoint,
                            PythiaText request_type) {
    const PythiaSpace *space = step->space;
    const PythiaJudgement *j = judgement_of(step, request_type);
    uint32_t type = pythia_intern_find(&space->texts, request_type);
    uint32_t point = pythia_intern_find(&space->texts, tracepoint);
    double requests = 0, count = 0;
    if (!j || !j->n || step->now_ns <= j->first_ns) return 0;
    for (uint32_t p = 0; p < space->npaths; p++)
        if (space->paths[p].type == type) requests += (double)space->paths[p].count;
    for (uint32_t i = 1; i <= space->nnodes; i++)
        if (space->nodes[i].type == type && space->nodes[i].point == point)
            count += (double)space->nodes[i].count;
    double per_s = (double)j->n / ((double)(step->now_ns - j->first_ns) / 1e9);
    return requests > 0 ? count / requests * per_s : 0;
}

/* Whether an earlier row of the loop's stands for the same trace point and type. */
static int is_counted(const PythiaCycle *step, size_t row) {
    const PythiaOwned *o = &step->switches.owned[row];
    for (size_t i = 0; i < row; i++)
        if (step->switches.owned[i].enabled &&
            pythia_text_equal(step->switches.owned[i].tracepoint, o->tracepoint) &&
            pythia_text_equal(step->switches.owned[i].request_type, o->request_type))
            return 1;
    return 0;
}

/* Records per second of all that the loop has on. */
static double records_now(const PythiaCycle *step) {
    double sum = 0;
    for (size_t i = 0; i < step->switches.n; i++) {
        const PythiaOwned *o = &step->switches.owned[i];
        if (o->enabled && !is_counted(step, i))
            sum += records_per_s(step, o->tracepoint, o->request_type);
    }
    return sum;
}

static int is_over(const PythiaCycle *step, double records) {
    return (step->bytes_per_s > 0 && records * RECORD_BYTES > step->bytes_per_s) ||
           (step->cpu_share > 0 && records * RECORD_NS / 1e9 > step->cpu_share);
}

int pythia_step_affordable(PythiaCycle *step, PythiaText tracepoint, PythiaText request_type,
                           int *affordable) {
    *affordable = 1;
    if (step->bytes_per_s <= 0 && step->cpu_share <= 0) return SQLITE_OK;
    *affordable = !is_over(step, records_now(step) + records_per_s(step, tracepoint, request_type));
    return SQLITE_OK;
}

static int retire(PythiaCycle *step, size_t row, const char *why) {
    PythiaOwned *o = &step->switches.owned[row];
    PythiaDecision d = {.action = "retire",
                        .request_type = o->request_type,
                        .tracepoint = o->tracepoint,
                        .reason = pythia_text(why)};
    int rc = pythia_step_withdraw(step, o, &d);
    o->enabled = 0; /* counts no more in this cycle */
    return rc;
}

/* The row that helps least: idle longest, then switched on first. n: none. */
static size_t least_useful(const PythiaCycle *step) {
    size_t worst = step->switches.n;
    for (size_t i = 0; i < step->switches.n; i++) {
        const PythiaOwned *o = &step->switches.owned[i];
        if (!o->enabled) continue;
        if (worst == step->switches.n || o->idle > step->switches.owned[worst].idle) worst = i;
    }
    return worst;
}

int pythia_step_retire(PythiaCycle *step) {
    char why[100];
    int rc = SQLITE_OK;
    for (size_t i = 0; !rc && i < step->switches.n; i++) {
        const PythiaOwned *o = &step->switches.owned[i];
        if (!o->enabled || (double)o->idle < step->keep_cycles) continue;
        sqlite3_snprintf(sizeof why, why, "has not helped for %lld cycles", (sqlite3_int64)o->idle);
        rc = retire(step, i, why);
    }
    while (!rc && is_over(step, records_now(step))) {
        size_t worst = least_useful(step);
        if (worst == step->switches.n) break;
        rc = retire(step, worst, "over the budget, and of least use");
    }
    return rc;
}
