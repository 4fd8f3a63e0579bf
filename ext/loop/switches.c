/* switches.c - what the loop may switch; see loop.h.
**
** A rule of pythia_control is the loop's when a row of pythia_xloop says so and the rule still says what
** the loop wrote: whoever changes it makes it theirs. Where a rule that is not the loop's decides about a
** trace point, the loop keeps its hands off. */
#include "ext/loop/internal.h"

static PythiaText copied(PythiaArena *arena, sqlite3_stmt *s, int column, int *rc) {
    if (sqlite3_column_type(s, column) == SQLITE_NULL) return (PythiaText){NULL, 0};
    const char *p = (const char *)sqlite3_column_text(s, column);
    size_t n = p ? (size_t)sqlite3_column_bytes(s, column) : 0;
    char *copy = p ? pythia_arena_alloc(arena, n + 1) : NULL;
    if (!copy) {
        *rc = SQLITE_NOMEM;
        return (PythiaText){NULL, 0};
    }
    memcpy(copy, p, n);
    copy[n] = 0;
    return (PythiaText){copy, n};
}

static int owned_load(PythiaStore *store, PythiaSwitches *switches, char **error) {
    sqlite3_stmt *s = NULL;
    int rc = pythia_store_prepare(store, &s,
                                  "SELECT o.rule_id, o.tracepoint, o.request_type, o.group_id,"
                                  " o.enabled, o.cycle, o.at_ns, o.idle FROM \"%w\".pythia_xloop o"
                                  " ORDER BY o.rule_id",
                                  error);
    while (!rc && sqlite3_step(s) == SQLITE_ROW) {
        rc = pythia_grow((void **)&switches->owned, &switches->capacity, switches->n + 1,
                         sizeof *switches->owned);
        if (rc) break;
        PythiaOwned *o = &switches->owned[switches->n++];
        o->rule_id = sqlite3_column_int64(s, 0);
        o->tracepoint = copied(&switches->arena, s, 1, &rc);
        o->request_type = copied(&switches->arena, s, 2, &rc);
        o->group_id = copied(&switches->arena, s, 3, &rc);
        o->enabled = sqlite3_column_int(s, 4) != 0;
        o->cycle = sqlite3_column_int64(s, 5);
        o->at_ns = sqlite3_column_int64(s, 6);
        o->idle = sqlite3_column_int64(s, 7);
    }
    int last = sqlite3_finalize(s);
    if (!rc && last)
        rc = pythia_fail(error, last, "pythia_xloop: %s", sqlite3_errmsg(pythia_store_db(store)));
    return rc;
}

static int texts_same(PythiaText a, PythiaText b) {
    if (!a.p || !b.p) return !a.p && !b.p;
    return pythia_text_equal(a, b);
}

static int still_ours(const PythiaOwned *o, const PythiaRuleRow *row) {
    return row->id == o->rule_id && texts_same(row->tracepoint, o->tracepoint) &&
           texts_same(row->request_type, o->request_type) && row->enabled == o->enabled &&
           !row->expires_ns && row->sample <= 0;
}

/* Leaves only those whose rule is there as it was written. Both lists are in order of id. */
static void owned_filter(PythiaSwitches *switches) {
    const PythiaRuleRows *rules = &switches->state.rule_rows;
    size_t kept = 0, r = 0;
    for (size_t i = 0; i < switches->n; i++) {
        while (r < rules->n && rules->rows[r].id < switches->owned[i].rule_id)
            r++;
        if (r < rules->n && still_ours(&switches->owned[i], &rules->rows[r]))
            switches->owned[kept++] = switches->owned[i];
    }
    switches->n = kept;
}

int pythia_switches_load(PythiaLoop *loop, PythiaCapture *capture, const char *schema,
                         int64_t now_ns, PythiaPoll *poll, PythiaSwitches *switches, char **error) {
    PythiaStore *store = capture ? pythia_capture_store(capture) : NULL;
    switches->loaded = 1;
    int rc = store ? owned_load(store, switches, error) : SQLITE_OK;
    if (!rc)
        rc = pythia_control_state(loop->host->control, schema, store, now_ns, poll,
                                  &switches->state, error);
    if (!rc) owned_filter(switches);
    return rc;
}

void pythia_switches_clear(PythiaSwitches *switches) {
    if (switches->loaded) pythia_state_clear(&switches->state);
    pythia_free(switches->owned);
    pythia_arena_clear(&switches->arena);
    memset(switches, 0, sizeof *switches);
}

const PythiaOwned *pythia_owned_find(const PythiaSwitches *switches, int64_t rule_id) {
    size_t low = 0, high = switches->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (switches->owned[middle].rule_id < rule_id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < switches->n && switches->owned[low].rule_id == rule_id ? &switches->owned[low]
                                                                        : NULL;
}

/* Whether a trace point without a rule is on. One that only traces have shown made events, so it was on;
** where no program can be told anything, nobody knows what it is now. */
static int on_by_default(const PythiaSwitches *switches, uint32_t point) {
    for (size_t i = 0; i < switches->state.nbackends; i++)
        if (pythia_state_listed(&switches->state.backends[i], point))
            return switches->state.points[point].enabled;
    return switches->state.open;
}

int pythia_switch_of(const PythiaSwitches *switches, PythiaText tracepoint,
                     PythiaText request_type) {
    uint32_t point = pythia_intern_find(&switches->state.names, tracepoint);
    if (!point) return PYTHIA_SWITCH_OPEN;
    if (switches->state.points[point].always_on) return PYTHIA_SWITCH_ALWAYS;
    uint32_t type = pythia_intern_find(&switches->state.types, request_type);
    const PythiaRuleRow *rule = pythia_state_decide(&switches->state, point, type);
    if (rule && !pythia_owned_find(switches, rule->id)) return PYTHIA_SWITCH_USER;
    int on = rule ? rule->enabled : on_by_default(switches, point);
    return on ? PYTHIA_SWITCH_ON : PYTHIA_SWITCH_OPEN;
}

int pythia_switches_closed(const PythiaSwitches *switches, const PythiaSpace *space,
                           PythiaText request_type, unsigned char **closed) {
    *closed = pythia_alloc_zero((size_t)space->texts.n + 1);
    if (!*closed) return SQLITE_NOMEM;
    for (uint32_t i = 1; i <= space->nnodes; i++) {
        uint32_t point = space->nodes[i].point;
        (*closed)[point] = pythia_switch_of(switches, pythia_intern_text(&space->texts, point),
                                            request_type) != PYTHIA_SWITCH_OPEN;
    }
    return SQLITE_OK;
}
