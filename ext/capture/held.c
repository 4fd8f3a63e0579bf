/* held.c - traces kept in memory, with their order, for whoever comes back to the same ones.
**
** A join asks for the trace of every event on its other side, a scalar function for that of its arguments: as
** a rule again and again for the same. The most recent few are kept, the last used first in a list; a trace
** that is to be read takes over the memory of the one that was not used for longest. What others still hold is
** never taken over; when the stored contents change it leaves the list and goes with its last holder. */
#include "ext/capture/internal.h"

enum {
    HELD_MOST = 6,             /* traces, when nobody holds more */
    HELD_BYTES_MOST = 64 << 20 /* of those that nobody holds, but the last one */
};

static size_t held_bytes(const PythiaHeld *held) {
    const PythiaTrace *t = &held->trace;
    return sizeof *held + t->spans_capacity * sizeof *t->spans +
           t->points_capacity * sizeof *t->points + t->links_capacity * sizeof *t->links +
           t->values_capacity * sizeof *t->values + t->arena.total + held->before.arena.total;
}

static void held_free(PythiaHeld *held) {
    pythia_before_clear(&held->before);
    pythia_trace_clear(&held->trace);
    pythia_segment_release(held->segment);
    pythia_free(held);
}

/* Takes an entry out of the list. */
static void held_unlink(PythiaCapture *capture, PythiaHeld *held) {
    PythiaHeld **at = &capture->held;
    while (*at != held)
        at = &(*at)->next;
    *at = held->next;
    held->next = NULL;
}

static void held_to_front(PythiaCapture *capture, PythiaHeld *held) {
    held->next = capture->held;
    capture->held = held;
}

void pythia_capture_forget_held(PythiaCapture *capture) {
    pythia_free(capture->tolerances);
    capture->tolerances = NULL;
    capture->tolerances_known = 0;
    capture->forgotten++;
    while (capture->held) {
        PythiaHeld *held = capture->held;
        held_unlink(capture, held);
        held->detached = 1;
        if (!held->references) held_free(held);
    }
}

/* Frees what is too much; returns an entry to be written over, out of the list, or NULL. */
static PythiaHeld *held_make_room(PythiaCapture *capture) {
    PythiaHeld *spare = NULL;
    size_t n = 0, bytes = 0;
    for (PythiaHeld *held = capture->held, *next; held; held = next) {
        next = held->next;
        n++;
        bytes += held_bytes(held);
        if (held->references || (n < HELD_MOST && bytes <= HELD_BYTES_MOST)) continue;
        held_unlink(capture, held);
        if (spare) held_free(spare);
        spare = held;
    }
    if (spare && held_bytes(spare) > HELD_BYTES_MOST) {
        held_free(spare);
        spare = NULL;
    }
    return spare;
}

static int held_read(PythiaCapture *capture, PythiaHeld *held, char **error) {
    const int64_t *first_span, *first_point;
    uint32_t n;
    int rc = pythia_segment_open(capture->store, held->segment_id, &held->segment, error);
    if (!rc)
        rc = pythia_segment_trace(held->segment, held->ordinal, held->values, &held->trace, error);
    if (!rc)
        rc = pythia_segment_column(held->segment, PYTHIA_COL_TRACE_FIRST_SPAN, &first_span, &n,
                                   error);
    if (!rc)
        rc = pythia_segment_column(held->segment, PYTHIA_COL_TRACE_FIRST_POINT, &first_point, &n,
                                   error);
    if (rc) return rc;
    int64_t base = held->segment_id * PYTHIA_EVENT_IDS;
    held->first_event = base + 2 * first_span[held->ordinal];
    held->first_point_event =
        base + 2 * (int64_t)pythia_segment_info(held->segment)->spans + first_point[held->ordinal];
    return SQLITE_OK;
}

int pythia_capture_hold(PythiaCapture *capture, int64_t segment_id, uint32_t ordinal, int values,
                        PythiaHeld **out, char **error) {
    *out = NULL;
    for (PythiaHeld *held = capture->held; held; held = held->next) {
        if (held->segment_id != segment_id || held->ordinal != ordinal || held->values < values)
            continue;
        held_unlink(capture, held);
        held_to_front(capture, held);
        held->references++;
        *out = held;
        return SQLITE_OK;
    }
    PythiaHeld *held = held_make_room(capture);
    if (!held) held = pythia_alloc_zero(sizeof *held);
    if (!held) return SQLITE_NOMEM;
    pythia_segment_release(held->segment);
    held->segment = NULL;
    held->segment_id = segment_id;
    held->ordinal = ordinal;
    held->values = values;
    held->ordered = 0;
    int rc = held_read(capture, held, error);
    if (rc) {
        held_free(held);
        return rc;
    }
    held->references = 1;
    held_to_front(capture, held);
    *out = held;
    return SQLITE_OK;
}

void pythia_held_release(PythiaHeld *held) {
    if (held && !--held->references && held->detached) held_free(held);
}

int pythia_held_order(PythiaCapture *capture, PythiaHeld *held, char **error) {
    if (held->ordered) return SQLITE_OK;
    const PythiaModel *model;
    int rc = pythia_capture_model(capture, &model, error);
    if (!rc)
        rc = pythia_before_build(&held->before, &held->trace, model, pythia_capture_names(capture));
    held->ordered = !rc;
    return rc;
}

/* ---- events by id ------------------------------------------------------------------------------------- */

/* Finds the trace of an event in an open segment. */
static int find_ordinal(PythiaSegment *segment, int64_t number, int *found, uint32_t *ordinal,
                        char **error) {
    const PythiaSegmentInfo *info = pythia_segment_info(segment);
    const int64_t *first;
    uint32_t n;
    int is_point = number >= 2 * (int64_t)info->spans;
    *found = 0;
    if (number >= 2 * (int64_t)info->spans + info->points) return SQLITE_OK;
    int rc = pythia_segment_column(
        segment, is_point ? PYTHIA_COL_TRACE_FIRST_POINT : PYTHIA_COL_TRACE_FIRST_SPAN, &first, &n,
        error);
    if (rc || !n) return rc;
    *ordinal =
        pythia_ordinal_of(first, 0, n, is_point ? number - 2 * (int64_t)info->spans : number / 2);
    *found = *ordinal < n && !pythia_segment_dead(segment, *ordinal);
    return SQLITE_OK;
}

int pythia_held_event(const PythiaHeld *held, int64_t event_id, uint32_t *event) {
    int64_t at = event_id - held->first_event, n = 2 * (int64_t)held->trace.nspans;
    if (at < 0 || at >= n) {
        at = event_id - held->first_point_event;
        if (at < 0 || at >= held->trace.npoints) return 0;
        at += n;
    }
    *event = (uint32_t)at;
    return pythia_event_exists(&held->trace, *event);
}

int pythia_capture_has_segment(const PythiaCapture *capture, int64_t id) {
    uint32_t n = pythia_store_segment_count(capture->store), low = 0, high = n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (pythia_store_segment_info(capture->store, middle)->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && pythia_store_segment_info(capture->store, low)->id == id;
}

int pythia_capture_hold_event(PythiaCapture *capture, int64_t event_id, int values,
                              PythiaHeld **held, uint32_t *event, char **error) {
    for (PythiaHeld *known = capture->held; known; known = known->next)
        if (known->values >= values && pythia_held_event(known, event_id, event))
            return pythia_capture_hold(capture, known->segment_id, known->ordinal, values, held,
                                       error);
    *held = NULL;
    int64_t segment_id = event_id / PYTHIA_EVENT_IDS;
    uint32_t ordinal = 0;
    int found = 0;
    if (event_id <= 0 || !pythia_capture_has_segment(capture, segment_id)) return SQLITE_OK;
    PythiaSegment *segment;
    int rc = pythia_segment_open(capture->store, segment_id, &segment, error);
    if (rc) return rc;
    rc = find_ordinal(segment, event_id % PYTHIA_EVENT_IDS, &found, &ordinal, error);
    pythia_segment_release(segment);
    if (!rc && found) rc = pythia_capture_hold(capture, segment_id, ordinal, values, held, error);
    if (rc || !*held || pythia_held_event(*held, event_id, event)) return rc;
    pythia_held_release(*held);
    *held = NULL;
    return SQLITE_OK;
}
