/* events.h - pythia_events: what its two files share.
**
**   events.c       the table: plan, rows, columns
**   events_pick.c  which events of a trace are rows: trace points, phases, happened-before */
#ifndef PYTHIA_VTAB_EVENTS_H
#define PYTHIA_VTAB_EVENTS_H

#include "vtab/points.h"
#include "vtab/scan.h"

enum {
    PYTHIA_EVENTS_ID,
    PYTHIA_EVENTS_TRACE_ID,
    PYTHIA_EVENTS_SPAN_ID,
    PYTHIA_EVENTS_TRACEPOINT,
    PYTHIA_EVENTS_PHASE,
    PYTHIA_EVENTS_SERVICE,
    PYTHIA_EVENTS_OPERATION,
    PYTHIA_EVENTS_INSTANCE,
    PYTHIA_EVENTS_TIME,
    PYTHIA_EVENTS_ON_PATH,
    PYTHIA_EVENTS_ATTRIBUTES,
    PYTHIA_EVENTS_N,
    PYTHIA_EVENTS_AFTER = PYTHIA_EVENTS_N,
    PYTHIA_EVENTS_BEFORE,
    PYTHIA_EVENTS_HB_TRACEPOINT,
    PYTHIA_EVENTS_HB_FILTER,
    PYTHIA_EVENTS_HB_TIES,
    PYTHIA_EVENTS_HB_SAME,
    PYTHIA_EVENTS_HB_PHASE,
    PYTHIA_EVENTS_ALL
};

/* Events of the present trace that satisfy the conditions, as far as they concern an event alone; with
** hb_same those of one service and instance. */
typedef struct PythiaPicked {
    PythiaEventSet set;
    uint32_t service, instance; /* string ids */
} PythiaPicked;

typedef struct PythiaEventPick {
    PythiaPoints equal, glob;     /* tracepoint = and GLOB */
    PythiaPoints left;            /* hb_tracepoint */
    unsigned phases, left_phases; /* bit sets of phases that may be */
    int joins;                    /* happens_after or happens_before is given */
    int has_after, has_before;
    int64_t after, before; /* event ids */
    PythiaFilter filter;
    int filtered; /* hb_filter is given: the set is that of the left events alone */
    int same_service, same_instance;
    unsigned version; /* rises when a condition changes */
    /* Sets for one trace; see pick_set() */
    PythiaPicked *picked;
    uint32_t npicked;
    size_t picked_capacity;
    const PythiaHeld *held; /* whose they are */
    int64_t segment_id;
    uint32_t ordinal;
    unsigned picked_version;
} PythiaEventPick;

/* The event id that a value stands for; -1, which no event has, for what is no whole number. */
int64_t pythia_event_id_of(sqlite3_value *value);
/* Takes the conditions over. Errors leave a message in the table. */
int pythia_event_pick_begin(PythiaEventPick *pick, PythiaCursor *cursor, const PythiaBound *bounds,
                            int n);
/* The rows of a trace, in `out`, which is emptied first. x, y: the numbers in the trace of the events
** happens_after and happens_before, where given. */
int pythia_event_pick_events(PythiaEventPick *pick, PythiaCursor *cursor, PythiaHeld *held,
                             uint32_t after, uint32_t before, PythiaEvents *out);
/* Whether the event satisfies the conditions on trace point and phase. */
int pythia_event_pick_admits(const PythiaEventPick *pick, const PythiaHeld *held, uint32_t event);
void pythia_event_pick_clear(PythiaEventPick *pick);

#endif
