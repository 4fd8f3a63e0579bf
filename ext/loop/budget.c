/* budget.c - what may be on; see step.h.
**
** What a trace point costs that is on is what programs counted since the cycle before (measure.h): bytes of its
** records and time spent in making them, for all request types together, so it counts once however many types and
** groups have it on. Where nobody counts, and for a trace point that is not on yet, it is estimated: the search space
** says how often a request of a type passes it, the requests that were judged say how many there are a second, and a
** record costs what all that was counted cost on the average, or RECORD_BYTES and RECORD_NS. */
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

static void cost_add(PythiaCost *sum, PythiaCost cost) {
    sum->bytes_per_s += cost.bytes_per_s;
    sum->cpu_share += cost.cpu_share;
}

static PythiaCost cost_estimated(const PythiaCycle *step, PythiaText tracepoint,
                                 PythiaText request_type) {
    const PythiaReading *all = &step->loop->measures.all;
    double records = records_per_s(step, tracepoint, request_type), hits = (double)all->hits;
    return (PythiaCost){records * (hits > 0 ? (double)all->bytes / hits : RECORD_BYTES),
                        records * (hits > 0 ? (double)all->cost_ns / hits : RECORD_NS) / 1e9};
}

/* Whether an earlier row of the loop's stands for the same trace point, and for the same type or any. */
static int is_counted(const PythiaCycle *step, size_t row, int any_type) {
    const PythiaOwned *o = &step->switches.owned[row];
    for (size_t i = 0; i < row; i++)
        if (step->switches.owned[i].enabled &&
            pythia_text_equal(step->switches.owned[i].tracepoint, o->tracepoint) &&
            (any_type || pythia_text_equal(step->switches.owned[i].request_type, o->request_type)))
            return 1;
    return 0;
}

/* Of all that the loop has on, what this cycle switched on included. */
static PythiaCost cost_now(const PythiaCycle *step) {
    PythiaCost sum = step->added_cost;
    for (size_t i = 0; i < step->switches.n; i++) {
        const PythiaOwned *o = &step->switches.owned[i];
        const PythiaReading *r = pythia_measured(&step->loop->measures, o->tracepoint);
        double seconds = step->loop->measures.seconds;
        if (!o->enabled || is_counted(step, i, r != NULL)) continue;
        cost_add(&sum,
                 r ? (PythiaCost){(double)r->bytes / seconds, (double)r->cost_ns / 1e9 / seconds}
                   : cost_estimated(step, o->tracepoint, o->request_type));
    }
    return sum;
}

static int is_over(const PythiaCycle *step, PythiaCost cost) {
    return (step->bytes_per_s > 0 && cost.bytes_per_s > step->bytes_per_s) ||
           (step->cpu_share > 0 && cost.cpu_share > step->cpu_share);
}

/* The number of a pair among those that this cycle switched on; *fresh: it is new there. */
static int added_pair(PythiaCycle *step, PythiaText tracepoint, PythiaText request_type, int add,
                      int *fresh) {
    PythiaBuf key = {0};
    uint32_t before = step->added.n, id = 0;
    pythia_buf_text(&key, tracepoint);
    pythia_buf_byte(&key, 0);
    pythia_buf_text(&key, request_type);
    PythiaText text = {(const char *)key.data, key.n};
    int rc = key.rc;
    if (!rc && add) rc = pythia_intern(&step->added, text, &id);
    if (!rc) *fresh = add ? id > before : !pythia_intern_find(&step->added, text);
    pythia_buf_clear(&key);
    return rc;
}

int pythia_step_spent(PythiaCycle *step, PythiaText tracepoint, PythiaText request_type) {
    int fresh = 0;
    int rc = added_pair(step, tracepoint, request_type, 1, &fresh);
    if (rc || !fresh) return rc;
    step->enabled++;
    cost_add(&step->added_cost, cost_estimated(step, tracepoint, request_type));
    return rc;
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

/* The row that helps least: idle longest, then switched on first; useless: of those alone that did not help in this
** cycle. n: none. */
static size_t least_useful(const PythiaCycle *step, int useless) {
    size_t worst = step->switches.n;
    for (size_t i = 0; i < step->switches.n; i++) {
        const PythiaOwned *o = &step->switches.owned[i];
        if (!o->enabled || (useless && (step->helped[i] || !o->idle))) continue;
        if (worst == step->switches.n || o->idle > step->switches.owned[worst].idle) worst = i;
    }
    return worst;
}

int pythia_step_affordable(PythiaCycle *step, PythiaText tracepoint, PythiaText request_type,
                           int *affordable) {
    int fresh = 0;
    int rc = added_pair(step, tracepoint, request_type, 0, &fresh);
    *affordable = 1;
    if (rc || !fresh || (step->bytes_per_s <= 0 && step->cpu_share <= 0)) return rc;
    PythiaCost own = cost_estimated(step, tracepoint, request_type);
    while (!rc) {
        PythiaCost cost = own;
        cost_add(&cost, cost_now(step));
        *affordable = !is_over(step, cost);
        size_t worst = least_useful(step, 1);
        if (*affordable || is_over(step, own) || worst == step->switches.n) break;
        rc = retire(step, worst, "makes room in the budget, and has not helped");
    }
    return rc;
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
    while (!rc && is_over(step, cost_now(step))) {
        size_t worst = least_useful(step, 0);
        if (worst == step->switches.n) break;
        rc = retire(step, worst, "over the budget, and of least use");
    }
    return rc;
}
