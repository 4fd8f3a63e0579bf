/* state.c - rules, trace points and what back ends were told; see state.h.
**
** Everything is numbered: trace points and request types by intern tables, rules by their place. A rule
** that names a trace point plainly finds it by hash; only patterns are tried on every trace point. The
** matches are then sorted by trace point, and so is what was told, so that the changes of a back end come
** out of one walk over both. */
#include "ext/control/state.h"

#include <stdlib.h>

void pythia_changes_clear(PythiaChanges *changes) {
    pythia_free(changes->changes);
    pythia_free(changes->before);
    pythia_free(changes->after);
    pythia_arena_clear(&changes->arena);
    memset(changes, 0, sizeof *changes);
}

void pythia_state_clear(PythiaControlState *state) {
    for (size_t i = 0; i < state->nbackends; i++) {
        pythia_backend_close(&state->backends[i].backend);
        pythia_free(state->backends[i].points);
        pythia_free(state->backends[i].untold);
    }
    pythia_free(state->backends);
    pythia_rules_clear(&state->rules);
    pythia_rule_rows_clear(&state->rule_rows);
    pythia_backend_rows_clear(&state->backend_rows);
    pythia_told_rows_clear(&state->told_rows);
    pythia_free(state->rule_matches);
    pythia_intern_clear(&state->names);
    pythia_intern_clear(&state->types);
    pythia_free(state->points);
    pythia_free(state->matches);
    pythia_free(state->told);
    memset(state, 0, sizeof *state);
}

/* ------------------------------------------------------------------ trace points */

/* The number of the trace point of that name, which is added with nothing known about it. */
static int point_add(PythiaControlState *state, PythiaText name, uint32_t *id) {
    uint32_t before = state->names.n;
    int rc = pythia_intern(&state->names, name, id);
    if (rc || *id <= before) return rc;
    rc = pythia_grow((void **)&state->points, &state->points_capacity, (size_t)*id + 1,
                     sizeof *state->points);
    if (rc) return rc;
    PythiaStatePoint *point = &state->points[*id];
    memset(point, 0, sizeof *point);
    point->name = pythia_intern_text(&state->names, *id);
    point->enabled = -1;
    return SQLITE_OK;
}

/* Trace points that traces have shown: on by default. */
static int points_from_names(PythiaControlState *state, const PythiaNames *names) {
    int rc = SQLITE_OK;
    for (uint32_t t = 1; t <= names->ntracepoints && !rc; t++) {
        PythiaText text = pythia_names_tracepoint_text(names, t);
        uint32_t id;
        if (!text.n) continue;
        rc = point_add(state, text, &id);
        if (rc) break;
        state->points[id].tracepoint = t;
        state->points[id].service = pythia_names_text(names, names->tracepoints[t].service);
        state->points[id].enabled = 1;
    }
    return rc;
}

typedef struct Listing {
    PythiaControlState *state;
    PythiaStateBackend *backend;
} Listing;

static int points_from_list(void *context, const PythiaControlPoint *listed, int told) {
    Listing *listing = context;
    uint32_t id;
    int rc = point_add(listing->state, pythia_text(listed->name), &id);
    if (rc) return rc;
    PythiaStatePoint *point = &listing->state->points[id];
    point->enabled = listed->enabled != 0;
    if (listed->always_on) point->always_on = point->enabled = 1;
    PythiaStateBackend *backend = listing->backend;
    rc = pythia_grow((void **)&backend->points, &backend->points_capacity, backend->npoints + 1,
                     sizeof *backend->points);
    if (!rc) backend->points[backend->npoints++] = id;
    if (rc || told) return rc;
    rc = pythia_grow((void **)&backend->untold, &backend->untold_capacity, backend->nuntold + 1,
                     sizeof *backend->untold);
    if (!rc) backend->untold[backend->nuntold++] = id;
    return rc;
}

/* Trace points that a back end which cannot list them may have. */
static int points_from_rules(PythiaControlState *state) {
    int rc = SQLITE_OK;
    uint32_t id;
    for (size_t i = 0; i < state->rules.n && !rc; i++)
        if (state->rules.rules[i].form == PYTHIA_NAME_PLAIN && !state->rules.rules[i].error)
            rc = point_add(state, state->rules.rules[i].row->tracepoint, &id);
    for (size_t i = 0; i < state->told_rows.n && !rc; i++)
        if (state->told_rows.rows[i].tracepoint.p)
            rc = point_add(state, state->told_rows.rows[i].tracepoint, &id);
    return rc;
}

/* ------------------------------------------------------------------ back ends */

static int number_order(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

int pythia_state_listed(const PythiaStateBackend *backend, uint32_t point) {
    return backend->npoints && bsearch(&point, backend->points, backend->npoints,
                                       sizeof *backend->points, number_order) != NULL;
}

int pythia_state_has(const PythiaControlState *state, const PythiaStateBackend *backend,
                     uint32_t point) {
    const PythiaStatePoint *p = &state->points[point];
    if (backend->lists == PYTHIA_LISTS_NOTHING || pythia_state_listed(backend, point)) return 1;
    for (uint32_t i = 0; i < p->nmatch && backend->lists == PYTHIA_LISTS_SOME; i++)
        if (state->matches[p->first + i].how == PYTHIA_EXACT_MATCH) return 1;
    return 0;
}

static int backend_add(PythiaControlState *state, PythiaBackend backend, const char *kind,
                       const PythiaBackendRow *row, char **error) {
    PythiaStateBackend *added = &state->backends[state->nbackends++];
    memset(added, 0, sizeof *added);
    added->backend = backend;
    added->row = row;
    int rc = pythia_backend_open(&added->backend, kind, error);
    if (rc || !added->backend.kind) return rc;
    Listing listing = {state, added};
    rc = added->backend.kind->list(&added->backend, &added->lists, points_from_list, &listing,
                                   error);
    state->open |= added->lists == PYTHIA_LISTS_NOTHING;
    state->takes |= added->lists != PYTHIA_LISTS_ALL;
    if (added->npoints) qsort(added->points, added->npoints, sizeof *added->points, number_order);
    if (added->nuntold) qsort(added->untold, added->nuntold, sizeof *added->untold, number_order);
    return rc;
}

/* all 0: without those none of whose trace points is always on. */
static int backends_open(PythiaControlState *state, sqlite3 *db, int all,
                         const PythiaControlCallback *callback, char **error) {
    state->backends = pythia_alloc_zero((state->backend_rows.n + 1) * sizeof *state->backends);
    if (!state->backends) return SQLITE_NOMEM;
    int rc = SQLITE_OK;
    if (callback && callback->function) {
        PythiaBackend backend = {.id = PYTHIA_BACKEND_CALLBACK,
                                 .name = "callback",
                                 .target = "",
                                 .db = db,
                                 .callback = callback};
        rc = backend_add(state, backend, "callback", NULL, error);
    }
    for (size_t i = 0; i < state->backend_rows.n && !rc; i++) {
        const PythiaBackendRow *row = &state->backend_rows.rows[i];
        PythiaBackend backend = {.id = row->id,
                                 .name = row->name.p ? row->name.p : "",
                                 .target = row->target.p ? row->target.p : "",
                                 .db = db};
        const char *name = row->kind.p ? row->kind.p : "";
        const PythiaBackendKind *kind = all ? NULL : pythia_backend_kind(name);
        if (!kind || !kind->switches_all) rc = backend_add(state, backend, name, row, error);
    }
    return rc;
}

/* ------------------------------------------------------------------ matches */

static int match_add(PythiaControlState *state, uint32_t point, size_t rule, int how) {
    int rc = pythia_grow((void **)&state->matches, &state->matches_capacity, state->nmatches + 1,
                         sizeof *state->matches);
    if (rc) return rc;
    state->matches[state->nmatches++] = (PythiaPointMatch){point, (uint32_t)rule, how};
    state->rule_matches[rule]++;
    return SQLITE_OK;
}

static int match_order(const void *a, const void *b) {
    const PythiaPointMatch *x = a, *y = b;
    if (x->point != y->point) return x->point < y->point ? -1 : 1;
    return x->rule < y->rule ? -1 : x->rule > y->rule;
}

static int match_rule(PythiaControlState *state, size_t rule, PythiaPoll *poll) {
    PythiaRule *r = &state->rules.rules[rule];
    if (r->form == PYTHIA_NAME_PLAIN) {
        uint32_t point = pythia_intern_find(&state->names, r->row->tracepoint);
        return point && !r->error ? match_add(state, point, rule, PYTHIA_EXACT_MATCH) : SQLITE_OK;
    }
    int rc = SQLITE_OK;
    for (uint32_t point = 1; point <= state->names.n && !rc; point++) {
        int how = pythia_rule_match(r, state->points[point].name);
        if (how) rc = match_add(state, point, rule, how);
        if (!rc) rc = pythia_poll(poll);
    }
    return rc;
}

static int matches_make(PythiaControlState *state, PythiaPoll *poll) {
    int rc = SQLITE_OK;
    state->rule_matches = pythia_alloc_zero((state->rules.n + 1) * sizeof *state->rule_matches);
    if (!state->rule_matches) return SQLITE_NOMEM;
    for (size_t i = 0; i < state->rules.n && !rc; i++)
        rc = match_rule(state, i, poll);
    if (rc || !state->nmatches) return rc;
    qsort(state->matches, state->nmatches, sizeof *state->matches, match_order);
    for (size_t i = state->nmatches; i-- > 0;) {
        PythiaStatePoint *point = &state->points[state->matches[i].point];
        point->first = (uint32_t)i;
        point->nmatch++;
    }
    return SQLITE_OK;
}

/* ------------------------------------------------------------------ what was told */

static int told_order(const void *a, const void *b) {
    const PythiaTold *x = a, *y = b;
    if (x->backend != y->backend) return x->backend < y->backend ? -1 : 1;
    if (x->point != y->point) return x->point < y->point ? -1 : 1;
    return x->type < y->type ? -1 : x->type > y->type;
}

static int remembers(const PythiaStateBackend *backend) {
    return backend->backend.kind && backend->backend.kind->remembers;
}

/* Whether a back end has forgotten what it was told about a trace point. */
static int told_forgotten(const PythiaControlState *state, int64_t backend, uint32_t point) {
    for (size_t i = 0; i < state->nbackends; i++) {
        const PythiaStateBackend *b = &state->backends[i];
        if (b->backend.id != backend) continue;
        if (remembers(b) && !pythia_state_listed(b, point)) return 1;
        return b->nuntold &&
               bsearch(&point, b->untold, b->nuntold, sizeof *b->untold, number_order) != NULL;
    }
    return 0;
}

/* Numbers the told rows; those of trace points that nobody knows any more are left out. */
static int told_make(PythiaControlState *state) {
    int rc = SQLITE_OK;
    for (size_t i = 0; i < state->rules.n && !rc; i++) {
        PythiaText type = state->rules.rules[i].row->request_type;
        uint32_t id;
        if (type.n) rc = pythia_intern(&state->types, type, &id);
    }
    state->told = pythia_alloc_array(state->told_rows.n + 1, sizeof *state->told);
    if (!state->told) return SQLITE_NOMEM;
    for (size_t i = 0; i < state->told_rows.n && !rc; i++) {
        const PythiaToldRow *row = &state->told_rows.rows[i];
        PythiaTold *told = &state->told[state->ntold];
        *told = (PythiaTold){row->backend, 0, 0, row};
        if (!row->tracepoint.p || row->enabled < 0) continue;
        told->point = pythia_intern_find(&state->names, row->tracepoint);
        if (!told->point || told_forgotten(state, row->backend, told->point)) continue;
        if (row->request_type.n) rc = pythia_intern(&state->types, row->request_type, &told->type);
        state->ntold++;
    }
    if (!rc && state->ntold) qsort(state->told, state->ntold, sizeof *state->told, told_order);
    return rc;
}

int pythia_state_load_lists(PythiaControlState *state, sqlite3 *db, PythiaStore *store,
                            const PythiaControlCallback *callback, char **error) {
    memset(state, 0, sizeof *state);
    int rc = store ? pythia_store_backends(store, &state->backend_rows, error) : SQLITE_OK;
    return rc ? rc : backends_open(state, db, 0, callback, error);
}

int pythia_state_load(PythiaControlState *state, sqlite3 *db, PythiaStore *store,
                      const PythiaControlCallback *callback, const PythiaToldFix *fix,
                      int64_t now_ns, PythiaPoll *poll, char **error) {
    memset(state, 0, sizeof *state);
    state->now_ns = now_ns;
    int rc = SQLITE_OK;
    if (store) {
        rc = pythia_store_rules(store, &state->rule_rows, error);
        if (!rc) rc = pythia_store_backends(store, &state->backend_rows, error);
        if (!rc) rc = pythia_store_told(store, &state->told_rows, error);
        if (!rc && fix) rc = fix->fix(fix->context, &state->told_rows);
        if (!rc) rc = points_from_names(state, pythia_store_names(store));
    }
    if (!rc) rc = pythia_rules_compile(&state->rule_rows, &state->rules);
    if (!rc) rc = backends_open(state, db, 1, callback, error);
    if (!rc && state->takes) rc = points_from_rules(state);
    if (!rc) rc = matches_make(state, poll);
    if (!rc) rc = told_make(state);
    return rc;
}

/* ------------------------------------------------------------------ decisions */

/* The rule that decides at a time. */
static const PythiaRuleRow *decide_at(const PythiaControlState *state, uint32_t point,
                                      uint32_t type, int64_t now_ns) {
    const PythiaStatePoint *p = &state->points[point];
    PythiaText type_text = pythia_intern_text(&state->types, type);
    const PythiaRuleRow *best = NULL;
    int best_how = PYTHIA_NO_MATCH;
    for (uint32_t i = 0; i < p->nmatch; i++) {
        const PythiaPointMatch *match = &state->matches[p->first + i];
        const PythiaRuleRow *row = state->rules.rules[match->rule].row;
        if (pythia_rule_expired(row, now_ns) || (p->always_on && !row->enabled)) continue;
        if (row->request_type.p && (!type || !pythia_text_equal(row->request_type, type_text)))
            continue;
        if (!best || pythia_rule_before(row, match->how, best, best_how)) {
            best = row;
            best_how = match->how;
        }
    }
    return best;
}

const PythiaRuleRow *pythia_state_decide(const PythiaControlState *state, uint32_t point,
                                         uint32_t type) {
    return decide_at(state, point, type, state->now_ns);
}

/* Whether a trace point is on, for all hits, when the rule that decides about it has expired. A rule that comes
** after it with a reduction of its own counts as off: a program is told of that rule when it is its turn, and must
** not record more than that until then. */
static int state_then(const PythiaControlState *state, uint32_t point, uint32_t type,
                      const PythiaRuleRow *rule) {
    const PythiaRuleRow *next;
    if (!rule || !rule->expires_ns) return 0;
    next = decide_at(state, point, type, rule->expires_ns);
    if (!next) return state->points[point].enabled != 0;
    return next->enabled && !next->predicate.p && !next->aggregate.p && !(next->sample > 0);
}

int pythia_state_enabled(const PythiaControlState *state, uint32_t point, uint32_t type) {
    const PythiaRuleRow *rule = pythia_state_decide(state, point, type);
    return rule ? rule->enabled : state->points[point].enabled != 0;
}

/* ------------------------------------------------------------------ changes */

/* A walk over the trace points of one back end. */
typedef struct Walk {
    const PythiaControlState *state;
    PythiaChanges *changes;
    const PythiaStateBackend *of; /* NULL: nobody */
    int64_t backend;
    int all;
    const PythiaTold *told, *told_end; /* of this back end, from the present trace point on */
    unsigned char *marked;             /* types that concern the present trace point */
} Walk;

/* What a back end knows of a pair. */
typedef struct Known {
    int enabled; /* -1: not known */
    PythiaText parameters;
    int told; /* by a row of its own */
} Known;

/* Zero-terminated copy in the arena, NULL where there is no memory. */
static const char *copy_text(PythiaArena *arena, PythiaText text) {
    char *copy = pythia_arena_alloc(arena, text.n + 1);
    if (!copy) return NULL;
    if (text.n) memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    return copy;
}

static int changes_grow(PythiaChanges *changes) {
    size_t need = changes->n + 1;
    int rc =
        pythia_grow((void **)&changes->changes, &changes->capacity, need, sizeof *changes->changes);
    if (!rc)
        rc = pythia_grow((void **)&changes->before, &changes->before_capacity, need,
                         sizeof *changes->before);
    if (!rc)
        rc = pythia_grow((void **)&changes->after, &changes->after_capacity, need,
                         sizeof *changes->after);
    return rc;
}

static int change_add(Walk *walk, uint32_t point, uint32_t type, const Known *known, int enabled,
                      PythiaText parameters, const PythiaRuleRow *rule) {
    PythiaChanges *changes = walk->changes;
    PythiaArena *arena = &changes->arena;
    int rc = changes_grow(changes);
    if (rc) return rc;
    PythiaText type_text = pythia_intern_text(&walk->state->types, type);
    const char *name = copy_text(arena, walk->state->points[point].name);
    const char *type_copy = copy_text(arena, type_text);
    const char *new_copy = copy_text(arena, parameters);
    const char *old_copy = copy_text(arena, known->parameters);
    if (!name || !type_copy || !new_copy || !old_copy) return SQLITE_NOMEM;
    int64_t id = rule ? rule->id : 0;
    changes->changes[changes->n] =
        (PythiaControlChange){name, type ? type_copy : NULL, enabled, known->enabled, new_copy, id};
    PythiaToldRow row = {walk->backend, pythia_text(name),     pythia_text(type_copy),
                         enabled,       pythia_text(new_copy), id};
    changes->after[changes->n] = row;
    row.enabled = known->told ? known->enabled : -1;
    row.parameters = pythia_text(old_copy);
    row.rule_id = 0;
    changes->before[changes->n++] = row;
    return SQLITE_OK;
}

static Known known_of(const Walk *walk, uint32_t point, uint32_t type, Known otherwise) {
    for (const PythiaTold *t = walk->told; t < walk->told_end && t->point == point; t++)
        if (t->type == type) {
            PythiaText parameters = t->row->parameters.p ? t->row->parameters : PYTHIA_TEXT("{}");
            return (Known){t->row->enabled, parameters, 1};
        }
    otherwise.told = 0;
    return otherwise;
}

/* Tells one pair where it must be told. view: what the back end would know of it without being told;
** `before`: its state up to now. *now is set to what the back end knows in the end. */
static int walk_pair(Walk *walk, uint32_t point, uint32_t type, Known view, int before,
                     Known *now) {
    const PythiaRuleRow *rule = pythia_state_decide(walk->state, point, type);
    int enabled = rule ? rule->enabled : walk->state->points[point].enabled != 0;
    int due = walk->all && (rule || view.told);
    PythiaBuf buffer = {0};
    pythia_rule_parameters(rule, state_then(walk->state, point, type, rule), &buffer);
    PythiaText parameters = {(const char *)buffer.data, buffer.n};
    int rc = buffer.rc;
    if (rule || view.enabled >= 0) /* else nobody ever said anything about it */
        due |= view.enabled != enabled || !pythia_text_equal(view.parameters, parameters);
    *now = view;
    if (!rc && due) {
        Known known = view;
        if (!view.told) known.enabled = before;
        rc = change_add(walk, point, type, &known, enabled, parameters, rule);
        if (!rc) *now = (Known){enabled, walk->changes->after[walk->changes->n - 1].parameters, 1};
    }
    pythia_buf_clear(&buffer);
    return rc;
}

/* Marks the request types that rules or told rows name for a trace point; 1 when there are any. */
static int walk_mark(Walk *walk, uint32_t point) {
    const PythiaControlState *state = walk->state;
    const PythiaStatePoint *p = &state->points[point];
    int any = 0;
    memset(walk->marked, 0, (size_t)state->types.n + 1);
    for (uint32_t i = 0; i < p->nmatch; i++) {
        PythiaText type = state->rules.rules[state->matches[p->first + i].rule].row->request_type;
        if (type.n) any = walk->marked[pythia_intern_find(&state->types, type)] = 1;
    }
    for (const PythiaTold *t = walk->told; t < walk->told_end && t->point == point; t++)
        if (t->type) any = walk->marked[t->type] = 1;
    return any;
}

/* Moves the change at `first` behind those after it. */
static void changes_rotate(PythiaChanges *changes, size_t first) {
    PythiaControlChange change = changes->changes[first];
    PythiaToldRow before = changes->before[first], after = changes->after[first];
    size_t rest = changes->n - first - 1;
    memmove(&changes->changes[first], &changes->changes[first + 1], rest * sizeof change);
    memmove(&changes->before[first], &changes->before[first + 1], rest * sizeof before);
    memmove(&changes->after[first], &changes->after[first + 1], rest * sizeof after);
    changes->changes[changes->n - 1] = change;
    changes->before[changes->n - 1] = before;
    changes->after[changes->n - 1] = after;
}

static int walk_point(Walk *walk, uint32_t point) {
    PythiaChanges *changes = walk->changes;
    Known untold = {walk->state->points[point].enabled, PYTHIA_TEXT("{}"), 0};
    if (walk->of && remembers(walk->of) && !pythia_state_listed(walk->of, point))
        untold.enabled = -1;
    Known common = known_of(walk, point, 0, untold), after;
    size_t first = changes->n;
    int rc = walk_pair(walk, point, 0, common, common.enabled, &after);
    if (rc || !walk_mark(walk, point)) return rc;
    int changed = changes->n > first;
    const PythiaRuleRow *rule = pythia_state_decide(walk->state, point, 0);
    for (uint32_t type = 1; type <= walk->state->types.n && !rc; type++) {
        if (!walk->marked[type]) continue;
        Known view = known_of(walk, point, type, after), now;
        /* A type without a word of its own follows the change for all. */
        if (!view.told && pythia_state_decide(walk->state, point, type) == rule) continue;
        rc = walk_pair(walk, point, type, view, common.enabled, &now);
    }
    if (!rc && changed) changes_rotate(changes, first);
    return rc;
}

int pythia_state_changes(const PythiaControlState *state, size_t index, int all,
                         PythiaChanges *changes, PythiaPoll *poll) {
    const PythiaStateBackend *backend = index < state->nbackends ? &state->backends[index] : NULL;
    Walk walk = {.state = state, .changes = changes, .of = backend, .all = all};
    walk.backend = backend ? backend->backend.id : PYTHIA_BACKEND_NONE;
    walk.marked = pythia_alloc_zero((size_t)state->types.n + 1);
    if (!walk.marked) return SQLITE_NOMEM;
    walk.told = state->told;
    walk.told_end = state->told + state->ntold;
    while (walk.told < walk.told_end && walk.told->backend < walk.backend)
        walk.told++;
    const PythiaTold *end = walk.told;
    while (end < walk.told_end && end->backend == walk.backend)
        end++;
    walk.told_end = end;
    int rc = SQLITE_OK;
    for (uint32_t point = 1; point <= state->names.n && !rc; point++) {
        while (walk.told < walk.told_end && walk.told->point < point)
            walk.told++;
        int told = walk.told < walk.told_end && walk.told->point == point;
        if (!state->points[point].nmatch && !told) continue;
        if (backend && !pythia_state_has(state, backend, point)) continue;
        rc = walk_point(&walk, point);
        if (!rc) rc = pythia_poll(poll);
    }
    pythia_free(walk.marked);
    return rc;
}
