/* events_pick.c - which events of a trace are rows of pythia_events.
**
** Conditions on the event alone (trace point, phase, service and instance) make a set, once for a trace; a
** join then asks for its members before or after each event of its other side, at the cost of the answer. With
** hb_filter the set is that of the left events, which hb_tracepoint and hb_phase define, and what else was
** asked is applied to what the filter keeps.
**
** A cursor is filtered anew for every row of the other side of a join. What stays the same is recognised
** and kept: the answers for trace points, the trace and its sets. */
#include "vtab/events.h"

enum { PHASES_ALL = 7 };

/* ---- conditions ---------------------------------------------------------------------------------------- */

/* The phases that a text lists, separated by commas; 0: it names something else. */
static int phase_bits(PythiaText text, unsigned *bits) {
    *bits = 0;
    for (size_t at = 0; at <= text.n;) {
        size_t end = at;
        while (end < text.n && text.p[end] != ',')
            end++;
        PythiaText word = {text.p ? text.p + at : "", end - at};
        unsigned bit = 0;
        for (int phase = PYTHIA_PHASE_START; phase <= PYTHIA_PHASE_POINT; phase++)
            if (pythia_text_equal(word, pythia_text(pythia_phase_name(phase)))) bit = 1u << phase;
        if (!bit) return 0;
        *bits |= bit;
        at = end + 1;
    }
    return 1;
}

unsigned pythia_event_phases(const PythiaBound *bound) {
    unsigned bits = PHASES_ALL;
    if (bound && (!phase_bits(pythia_value_text(bound->value), &bits) || bits & (bits - 1)))
        return 0; /* no phase: no rows */
    return bits;
}

static int phases_set(PythiaCursor *cursor, const PythiaBound *equal, const PythiaBound *left,
                      PythiaEventPick *pick) {
    unsigned bits = pythia_event_phases(equal), left_bits = PHASES_ALL;
    if (left && !phase_bits(pythia_value_text(left->value), &left_bits))
        return pythia_vtab_fail(
            cursor->vtab, SQLITE_ERROR,
            "pythia_events: hb_phase is a list of start, end and point, not '%s'",
            sqlite3_value_text(left->value));
    if (bits != pick->phases || left_bits != pick->left_phases) pick->version++;
    pick->phases = bits;
    pick->left_phases = left_bits;
    return SQLITE_OK;
}

/* all, first, recent, first:N, recent:N. */
static int filter_parse(PythiaText text, PythiaFilter *filter) {
    static const struct {
        const char *name;
        int kind;
    } kinds[] = {{"first", PYTHIA_FILTER_FIRST}, {"recent", PYTHIA_FILTER_RECENT}};
    *filter = (PythiaFilter){.kind = PYTHIA_FILTER_ALL};
    if (pythia_text_equal(text, PYTHIA_TEXT("all"))) return 1;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t n = strlen(kinds[k].name);
        if (text.n < n || memcmp(text.p, kinds[k].name, n) != 0) continue;
        filter->kind = kinds[k].kind;
        if (text.n == n) return 1;
        uint64_t number = 0;
        if (text.p[n] != ':' || text.n == n + 1 || text.n > n + 10) return 0;
        for (size_t i = n + 1; i < text.n; i++) {
            if (text.p[i] < '0' || text.p[i] > '9') return 0;
            number = 10 * number + (uint64_t)(text.p[i] - '0');
        }
        filter->n = (uint32_t)number;
        return number > 0;
    }
    return 0;
}

static int filter_set(PythiaCursor *cursor, const PythiaBound *filter, const PythiaBound *ties,
                      PythiaEventPick *pick) {
    pick->filtered = filter != NULL;
    pick->filter = (PythiaFilter){.kind = PYTHIA_FILTER_ALL};
    if (filter && !filter_parse(pythia_value_text(filter->value), &pick->filter))
        return pythia_vtab_fail(
            cursor->vtab, SQLITE_ERROR,
            "pythia_events: hb_filter must be all, first, recent, first:N or recent:N, not '%s'",
            sqlite3_value_text(filter->value));
    if (!ties) return SQLITE_OK;
    PythiaText text = pythia_value_text(ties->value);
    pick->filter.one = pythia_text_equal(text, PYTHIA_TEXT("time"));
    if (pick->filter.one || pythia_text_equal(text, PYTHIA_TEXT("all"))) return SQLITE_OK;
    return pythia_vtab_fail(cursor->vtab, SQLITE_ERROR,
                            "pythia_events: hb_ties must be all or time, not '%s'",
                            sqlite3_value_text(ties->value));
}

/* A list of service and instance, separated by commas. */
static int same_set(PythiaCursor *cursor, const PythiaBound *same, PythiaEventPick *pick) {
    pick->same_service = pick->same_instance = 0;
    if (!same) return SQLITE_OK;
    PythiaText text = pythia_value_text(same->value);
    for (size_t at = 0; at <= text.n;) {
        size_t end = at;
        while (end < text.n && text.p[end] != ',')
            end++;
        while (at < end && text.p[at] == ' ')
            at++;
        size_t stop = end;
        while (stop > at && text.p[stop - 1] == ' ')
            stop--;
        PythiaText word = {text.p ? text.p + at : "", stop - at};
        if (pythia_text_equal(word, PYTHIA_TEXT("service")))
            pick->same_service = 1;
        else if (pythia_text_equal(word, PYTHIA_TEXT("instance")))
            pick->same_instance = 1;
        else
            return pythia_vtab_fail(
                cursor->vtab, SQLITE_ERROR,
                "pythia_events: hb_same is a list of service and instance, not '%s'",
                sqlite3_value_text(same->value));
        at = end + 1;
    }
    return SQLITE_OK;
}

int64_t pythia_event_id_of(sqlite3_value *value) {
    int type = sqlite3_value_type(value);
    if (type == SQLITE_TEXT) type = sqlite3_value_numeric_type(value);
    if (type == SQLITE_INTEGER) return sqlite3_value_int64(value);
    double number = type == SQLITE_FLOAT ? sqlite3_value_double(value) : -1;
    return number >= 0 && number < 9e15 && (double)(int64_t)number == number ? (int64_t)number : -1;
}

/* Conditions whose values the pick does not look at, or which change with every row of a join. */
static int is_place(int column) {
    return column == PYTHIA_EVENTS_ID || column == PYTHIA_EVENTS_TRACE_ID ||
           column == PYTHIA_EVENTS_AFTER || column == PYTHIA_EVENTS_BEFORE;
}

static void pick_place(PythiaEventPick *pick, const PythiaBound *bound) {
    if (bound->column == PYTHIA_EVENTS_AFTER) pick->after = pythia_event_id_of(bound->value);
    if (bound->column == PYTHIA_EVENTS_BEFORE) pick->before = pythia_event_id_of(bound->value);
}

/* Whether everything but the place is what it was at the last filter; if so the place is taken over. */
static int pick_is_same(PythiaEventPick *pick, const PythiaCursor *cursor, const PythiaNames *names,
                        const PythiaBound *bounds, int n) {
    const unsigned char *kept = pick->kept.data;
    if (!pick->plan || pick->plan != cursor->plan || pick->names != names || !names ||
        pick->ntracepoints != names->ntracepoints)
        return 0;
    for (int i = 0; i < n; i++) {
        if (is_place(bounds[i].column)) {
            pick_place(pick, &bounds[i]);
            continue;
        }
        if (sqlite3_value_type(bounds[i].value) != SQLITE_TEXT) return 0;
        PythiaText text = pythia_value_text(bounds[i].value);
        if (text.n != pick->kept_n[i] || !text.p || memcmp(text.p, kept, text.n) != 0) return 0;
        kept += text.n;
    }
    return 1;
}

/* Remembers the texts for pick_is_same(). */
static int pick_keep(PythiaEventPick *pick, const PythiaCursor *cursor, const PythiaNames *names,
                     const PythiaBound *bounds, int n) {
    pick->plan = NULL;
    pick->kept.n = 0;
    if (!names || n > PYTHIA_FEW_BOUNDS) return SQLITE_OK;
    for (int i = 0; i < n; i++) {
        if (is_place(bounds[i].column)) continue;
        if (sqlite3_value_type(bounds[i].value) != SQLITE_TEXT) return SQLITE_OK;
        PythiaText text = pythia_value_text(bounds[i].value);
        pick->kept_n[i] = text.n;
        pythia_buf_text(&pick->kept, text);
    }
    pythia_buf_byte(&pick->kept, 0); /* so that there is memory to compare with */
    if (pick->kept.rc) return pick->kept.rc;
    pick->plan = cursor->plan;
    pick->names = names;
    pick->ntracepoints = names->ntracepoints;
    return SQLITE_OK;
}

int pythia_event_pick_begin(PythiaEventPick *pick, PythiaCursor *cursor, const PythiaBound *bounds,
                            int n) {
    const PythiaNames *names = cursor->capture ? pythia_capture_names(cursor->capture) : NULL;
    if (pick_is_same(pick, cursor, names, bounds, n)) return SQLITE_OK;
    const PythiaBound *of[PYTHIA_EVENTS_ALL] = {NULL}, *glob = NULL;
    pick->id_at = pick->trace_at = -1;
    for (int i = 0; i < n; i++) {
        if (bounds[i].column == PYTHIA_EVENTS_ID) pick->id_at = i;
        if (bounds[i].column == PYTHIA_EVENTS_TRACE_ID) pick->trace_at = i;
        if (bounds[i].op == PYTHIA_GLOB)
            glob = &bounds[i]; /* of the trace point: no other column has one */
        else
            of[bounds[i].column] = &bounds[i];
    }
    const PythiaBound *after = of[PYTHIA_EVENTS_AFTER], *before = of[PYTHIA_EVENTS_BEFORE];
    pick->has_after = after != NULL;
    pick->has_before = before != NULL;
    pick->joins = after || before;
    if (after) pick->after = pythia_event_id_of(after->value);
    if (before) pick->before = pythia_event_id_of(before->value);
    int rc =
        pythia_points_set(&pick->equal, of[PYTHIA_EVENTS_TRACEPOINT], 1, 0, names, &pick->version);
    if (!rc) rc = pythia_points_set(&pick->glob, glob, 0, 1, names, &pick->version);
    if (!rc)
        rc = pythia_points_set(&pick->left, of[PYTHIA_EVENTS_HB_TRACEPOINT], 1, 1, names,
                               &pick->version);
    if (!rc) rc = phases_set(cursor, of[PYTHIA_EVENTS_PHASE], of[PYTHIA_EVENTS_HB_PHASE], pick);
    if (!rc) rc = filter_set(cursor, of[PYTHIA_EVENTS_HB_FILTER], of[PYTHIA_EVENTS_HB_TIES], pick);
    if (!rc) rc = same_set(cursor, of[PYTHIA_EVENTS_HB_SAME], pick);
    return rc ? rc : pick_keep(pick, cursor, names, bounds, n);
}

/* ---- sets ------------------------------------------------------------------------------------------------ */

static int right_admits(const PythiaEventPick *pick, uint32_t tracepoint) {
    return pythia_points_admit(&pick->equal, tracepoint) &&
           pythia_points_admit(&pick->glob, tracepoint);
}

/* Trace point and phase; left: as hb_tracepoint and hb_phase want them. */
static int event_admitted(const PythiaEventPick *pick, const PythiaTrace *trace, uint32_t event,
                          int left, int right) {
    uint32_t tracepoint = pythia_event_tracepoint(trace, event);
    int phase = pythia_event_phase(trace, event);
    if (left &&
        (!pythia_points_admit(&pick->left, tracepoint) || !(pick->left_phases >> phase & 1)))
        return 0;
    return !right || (right_admits(pick, tracepoint) && (pick->phases >> phase & 1));
}

static int span_is_same(const PythiaEventPick *pick, const PythiaNames *names,
                        const PythiaTrace *trace, uint32_t span, const PythiaPicked *picked) {
    const PythiaSpan *s = &trace->spans[span];
    if (pick->same_instance && s->instance != picked->instance) return 0;
    return !pick->same_service || names->tracepoints[s->tracepoint].service == picked->service;
}

static int set_fill(PythiaEventPick *pick, const PythiaNames *names, const PythiaTrace *trace,
                    PythiaPicked *picked) {
    int left = pick->joins, right = !pick->filtered,
        same = pick->same_service || pick->same_instance;
    PythiaEvents *list = &picked->set.list;
    int rc = SQLITE_OK;
    list->n = 0;
    pythia_event_set_begin(&picked->set);
    for (uint32_t e = 0; e < pythia_trace_events(trace) && !rc; e++) {
        if (!pythia_event_exists(trace, e) || !event_admitted(pick, trace, e, left, right))
            continue;
        if (same && !span_is_same(pick, names, trace, pythia_event_span(trace, e), picked))
            continue;
        rc = pythia_events_add(list, e);
    }
    return rc;
}

/* The set for an event q of the present trace, found or made. Sets of the last trace are forgotten when
** another trace, or another condition, comes. */
static int pick_set(PythiaEventPick *pick, const PythiaNames *names, const PythiaHeld *held,
                    uint32_t q, PythiaEventSet **set) {
    const PythiaTrace *trace = &held->trace;
    if (pick->held != held || pick->segment_id != held->segment_id ||
        pick->ordinal != held->ordinal || pick->picked_version != pick->version) {
        pick->npicked = 0;
        pick->held = held;
        pick->segment_id = held->segment_id;
        pick->ordinal = held->ordinal;
        pick->picked_version = pick->version;
    }
    const PythiaSpan *span = &trace->spans[pythia_event_span(trace, q)];
    PythiaPicked key = {.service =
                            pick->same_service ? names->tracepoints[span->tracepoint].service : 0,
                        .instance = pick->same_instance ? span->instance : 0};
    uint32_t i = 0;
    while (i < pick->npicked &&
           (pick->picked[i].service != key.service || pick->picked[i].instance != key.instance))
        i++;
    if (i == pick->npicked) {
        size_t had = pick->picked_capacity;
        int rc = pythia_grow((void **)&pick->picked, &pick->picked_capacity, (size_t)i + 1,
                             sizeof *pick->picked);
        if (rc) return rc;
        if (pick->picked_capacity > had)
            memset(pick->picked + had, 0, (pick->picked_capacity - had) * sizeof *pick->picked);
        pick->picked[i].service = key.service;
        pick->picked[i].instance = key.instance;
        rc = set_fill(pick, names, trace, &pick->picked[i]);
        if (rc) return rc;
        pick->npicked++;
    }
    *set = &pick->picked[i].set;
    return SQLITE_OK;
}

/* ---- in a view -------------------------------------------------------------------------------------------- */

enum {
    MEMBERS_MOST = 64, /* of a trace, that are compared with an event one by one */
    FILTERED_MOST = 16 /* of them with each other */
};

/* What every trace point may be, found once for every condition. */
static int pick_admits(PythiaEventPick *pick, const PythiaNames *names) {
    uint32_t n = names->ntracepoints + 1;
    if (pick->nadmits == n && pick->admits_version == pick->version) return SQLITE_OK;
    int rc = pythia_grow((void **)&pick->admits, &pick->admits_capacity, n, 1);
    if (rc) return rc;
    for (uint32_t t = 0; t < n; t++) {
        int right = right_admits(pick, t);
        int member = pythia_points_admit(&pick->left, t) && (right || pick->filtered);
        pick->admits[t] =
            (unsigned char)((right ? PYTHIA_PICK_ROW : 0) | (member ? PYTHIA_PICK_MEMBER : 0));
    }
    pick->nadmits = n;
    pick->admits_version = pick->version;
    return SQLITE_OK;
}

static int events_room(PythiaEvents *list, size_t more) {
    if (list->n + more <= list->capacity) return SQLITE_OK;
    return pythia_grow((void **)&list->events, &list->capacity, list->n + more,
                       sizeof *list->events);
}

int pythia_event_pick_trace(PythiaEventPick *pick, const PythiaNames *names, const PythiaView *view,
                            uint32_t ordinal, PythiaEvents *out) {
    uint32_t first = (uint32_t)view->first_span[ordinal];
    uint32_t n = (uint32_t)view->trace_spans[ordinal];
    uint32_t first_point = (uint32_t)view->first_point[ordinal];
    uint32_t npoints = (uint32_t)view->trace_points[ordinal];
    const uint32_t *tracepoint = view->tracepoint + first;
    int is_dag = view->is_dag[ordinal] != 0;
    unsigned start = pick->phases >> (is_dag ? PYTHIA_PHASE_POINT : PYTHIA_PHASE_START) & 1;
    unsigned end = is_dag ? 0 : pick->phases >> PYTHIA_PHASE_END & 1;
    unsigned point = pick->phases >> PYTHIA_PHASE_POINT & 1;
    int rc = pick_admits(pick, names);
    if (!rc) rc = events_room(out, 2 * (size_t)n + npoints + 1);
    if (rc) return rc;
    uint32_t *at = out->events + out->n;
    const unsigned char *admits = pick->admits;
    for (uint32_t i = 0; i < n; i++) { /* written whatever the answer, and kept if it is yes */
        unsigned yes = admits[tracepoint[i]] & PYTHIA_PICK_ROW;
        *at = 2 * (first + i);
        at += yes & start;
        *at = 2 * (first + i) + 1;
        at += yes & end;
    }
    tracepoint = view->point_tracepoint + first_point;
    for (uint32_t i = 0; i < npoints; i++) {
        *at = 2 * view->spans + first_point + i;
        at += admits[tracepoint[i]] & PYTHIA_PICK_ROW & point;
    }
    out->n = (uint32_t)(at - out->events);
    return SQLITE_OK;
}

/* Makes a trace of the view the one whose members are listed. */
static int viewed_members(PythiaEventPick *pick, const PythiaNames *names, const PythiaView *view,
                          uint32_t ordinal) {
    if (pick->viewed_segment == view->segment_id && pick->viewed_ordinal == ordinal &&
        pick->viewed_version == pick->version)
        return SQLITE_OK;
    const uint32_t n = (uint32_t)view->trace_spans[ordinal];
    const uint32_t points = (uint32_t)view->trace_points[ordinal];
    pick->viewed_segment = 0;
    int rc = pick_admits(pick, names);
    if (!rc && pick->members_capacity < (size_t)n + points + 1)
        rc = pythia_grow((void **)&pick->members, &pick->members_capacity, (size_t)n + points + 1,
                         sizeof *pick->members);
    if (rc) return rc;
    const uint32_t *tracepoint = view->tracepoint + view->first_span[ordinal];
    uint32_t *at = pick->members;
    for (uint32_t i = 0; i < n; i++) {
        *at = i;
        at += pick->admits[tracepoint[i]] >> 1 & 1;
    }
    pick->nspans = (uint32_t)(at - pick->members);
    tracepoint = view->point_tracepoint + view->first_point[ordinal];
    for (uint32_t i = 0; i < points; i++) {
        *at = 2 * n + i;
        at += pick->admits[tracepoint[i]] >> 1 & 1;
    }
    pick->npoints = (uint32_t)(at - pick->members) - pick->nspans;
    pick->viewed_segment = view->segment_id;
    pick->viewed_ordinal = ordinal;
    pick->viewed_version = pick->version;
    return SQLITE_OK;
}

/* The members before or after an event of the trace, as events of it. */
static int viewed_list(const PythiaEventPick *pick, const PythiaOutline *o, uint32_t event,
                       unsigned phases, PythiaEvents *out) {
    uint32_t points = 2 * o->nspans, phase = event & 1;
    int rc = events_room(out, 2 * (size_t)pick->nspans + pick->npoints + 1);
    if (rc) return rc;
    uint32_t *at = out->events + out->n;
    for (uint32_t i = 0; i < pick->nspans; i++) {
        uint32_t span = pick->members[i];
        unsigned start, end;
        if (event >= points) {
            start = (unsigned)(pick->has_before ? pythia_outline_test(o, 2 * span, event)
                                                : pythia_outline_test(o, event, 2 * span));
            end = (unsigned)(pick->has_before ? pythia_outline_test(o, 2 * span + 1, event)
                                              : pythia_outline_test(o, event, 2 * span + 1));
        } else if (pick->has_before) { /* see PYTHIA_PAIR_ */
            unsigned bits = pythia_outline_spans(o, span, event / 2);
            start = bits >> phase & 1;
            end = bits >> (2 + phase) & 1;
        } else {
            unsigned bits = pythia_outline_spans(o, event / 2, span);
            start = bits >> (2 * phase) & 1;
            end = bits >> (2 * phase + 1) & 1;
        }
        *at = 2 * span;
        at += start & phases >> PYTHIA_PHASE_START;
        *at = 2 * span + 1;
        at += end & phases >> PYTHIA_PHASE_END;
    }
    for (uint32_t i = 0; phases >> PYTHIA_PHASE_POINT & 1 && i < pick->npoints; i++) {
        uint32_t other = pick->members[pick->nspans + i];
        *at = other;
        at += pick->has_before ? pythia_outline_test(o, other, event)
                               : pythia_outline_test(o, event, other);
    }
    out->n = (uint32_t)(at - out->events);
    return SQLITE_OK;
}

/* Leaves what first or recent keeps, all ties of it. 0: too many to compare. */
static int viewed_keep(const PythiaEventPick *pick, const PythiaOutline *o, PythiaEvents *list) {
    uint32_t keep[FILTERED_MOST], n = 0;
    if (list->n > FILTERED_MOST) return 0;
    for (uint32_t i = 0; i < list->n; i++) {
        int other = 0;
        for (uint32_t k = 0; k < list->n && !other; k++)
            other = pick->filter.kind == PYTHIA_FILTER_FIRST
                        ? pythia_outline_test(o, list->events[k], list->events[i])
                        : pythia_outline_test(o, list->events[i], list->events[k]);
        if (!other) keep[n++] = list->events[i];
    }
    if (n > 1 && pick->filter.one) return 0; /* rank decides */
    memcpy(list->events, keep, n * sizeof *keep);
    list->n = n;
    return 1;
}

int pythia_event_pick_viewed(PythiaEventPick *pick, const PythiaNames *names,
                             const PythiaView *view, uint32_t ordinal, int64_t number,
                             PythiaEvents *out, int *done, char **error) {
    PythiaOutline outline;
    int plain;
    *done = 0;
    if ((pick->has_after && pick->has_before) || pick->same_service || pick->same_instance ||
        pick->filter.n)
        return SQLITE_OK;
    int rc = viewed_members(pick, names, view, ordinal);
    if (rc || pick->nspans + pick->npoints > MEMBERS_MOST) return rc;
    int points = pick->npoints || number >= 2 * (int64_t)view->spans;
    rc = pythia_view_outline(view, ordinal, points, &outline, &plain, error);
    if (rc || !plain) return rc;
    unsigned phases = pick->left_phases & (pick->filtered ? PHASES_ALL : pick->phases);
    rc = viewed_list(pick, &outline, pythia_view_local(view, ordinal, number), phases, out);
    if (rc) return rc;
    if (pick->filter.kind != PYTHIA_FILTER_ALL && !viewed_keep(pick, &outline, out)) {
        out->n = 0;
        return SQLITE_OK;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < out->n; i++) {
        uint32_t event = (uint32_t)pythia_view_number(view, ordinal, out->events[i]);
        int phase = pythia_view_phase(view, ordinal, event);
        if (pick->filtered && (!(pick->phases >> phase & 1) ||
                               !right_admits(pick, pythia_view_tracepoint(view, event))))
            continue;
        out->events[n++] = event;
    }
    out->n = n;
    *done = 1;
    return SQLITE_OK;
}

/* ---- rows ------------------------------------------------------------------------------------------------- */

static int pick_all(const PythiaEventPick *pick, const PythiaTrace *trace, PythiaEvents *out) {
    int rc = SQLITE_OK;
    for (uint32_t e = 0; e < pythia_trace_events(trace) && !rc; e++)
        if (pythia_event_exists(trace, e) && event_admitted(pick, trace, e, 0, 1))
            rc = pythia_events_add(out, e);
    return rc;
}

/* Leaves of the rows those that satisfy what concerns the right side alone, and lie after an event. */
static int pick_rest(const PythiaEventPick *pick, PythiaHeld *held, int has_after, uint32_t after,
                     PythiaEvents *out) {
    uint32_t left = 0;
    for (uint32_t k = 0; k < out->n; k++) {
        int yes = event_admitted(pick, &held->trace, out->events[k], 0, pick->filtered);
        int rc = yes && has_after ? pythia_before_test(&held->before, after, out->events[k], &yes)
                                  : SQLITE_OK;
        if (rc) return rc;
        if (yes) out->events[left++] = out->events[k];
    }
    out->n = left;
    return SQLITE_OK;
}

static int pick_is_narrow(const PythiaEventPick *pick) {
    return pick->equal.given || pick->glob.given || pick->left.given || pick->same_service ||
           pick->same_instance || pick->phases != PHASES_ALL || pick->left_phases != PHASES_ALL;
}

int pythia_event_pick_events(PythiaEventPick *pick, PythiaCursor *cursor, PythiaHeld *held,
                             uint32_t after, uint32_t before, PythiaEvents *out) {
    out->n = 0;
    if (!pick->joins) return pick_all(pick, &held->trace, out);
    const PythiaNames *names = pythia_capture_names(cursor->capture);
    PythiaEventSet *set = NULL;
    int rc = pythia_held_order(cursor->capture, held, &cursor->vtab->base.zErrMsg);
    if (!rc && pick_is_narrow(pick))
        rc = pick_set(pick, names, held, pick->has_before ? before : after, &set);
    if (rc) return rc;
    if (!pick->has_before)
        return pythia_before_list(&held->before, after, 1, set, out, &cursor->poll);
    rc = pick->filtered
             ? pythia_before_filter(&held->before, before, set, &pick->filter, out, &cursor->poll)
             : pythia_before_list(&held->before, before, 0, set, out, &cursor->poll);
    if (rc || (!pick->filtered && !pick->has_after)) return rc;
    return pick_rest(pick, held, pick->has_after, after, out);
}

int pythia_event_pick_admits(const PythiaEventPick *pick, const PythiaHeld *held, uint32_t event) {
    return event_admitted(pick, &held->trace, event, 0, 1);
}

void pythia_event_pick_clear(PythiaEventPick *pick) {
    pythia_points_clear(&pick->equal);
    pythia_points_clear(&pick->glob);
    pythia_points_clear(&pick->left);
    for (size_t i = 0; i < pick->picked_capacity; i++)
        pythia_event_set_clear(&pick->picked[i].set);
    pythia_free(pick->picked);
    pythia_free(pick->admits);
    pythia_buf_clear(&pick->kept);
    pythia_free(pick->members);
    memset(pick, 0, sizeof *pick);
}
