/* events.h - what the tables of events share.
**
**   events.c        pythia_events: plan, rows
**   events_pick.c   which events of a trace are its rows: trace points, phases, happened-before
**   events_cells.c  the columns of an event
**   pairs.c         pythia_pairs */
#ifndef PYTHIA_VTAB_EVENTS_H
#define PYTHIA_VTAB_EVENTS_H

#include "ext/base/buf.h"
#include "ext/capture/pairs.h"
#include "vtab/points.h"
#include "vtab/scan.h"
#include "vtab/values_json.h"

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
    int id_at, trace_at;   /* places of event_id = and trace_id = among the bounds, or -1 */
    PythiaFilter filter;
    int filtered; /* hb_filter is given: the set is that of the left events alone */
    int same_service, same_instance;
    unsigned version; /* rises when a condition changes */
    /* The conditions of the last filter, for the next one that has the same; NULL plan: none */
    const char *plan;
    const PythiaNames *names;
    uint32_t ntracepoints;
    PythiaBuf kept; /* their texts, one after the other */
    size_t kept_n[PYTHIA_FEW_BOUNDS];
    /* Sets for one trace; see pick_set() */
    PythiaPicked *picked;
    uint32_t npicked;
    size_t picked_capacity;
    const PythiaHeld *held; /* whose they are */
    int64_t segment_id;
    uint32_t ordinal;
    unsigned picked_version;
    /* Those of the trace that was last asked about in a view; see pythia_event_pick_viewed() */
    unsigned char *admits; /* [trace point]: PYTHIA_PICK_ bits */
    uint32_t nadmits;
    size_t admits_capacity;
    unsigned admits_version;
    uint32_t *members; /* spans, then points as events */
    uint32_t nspans, npoints;
    size_t members_capacity;
    uint32_t viewed_ordinal;
    int64_t viewed_segment; /* 0: none */
    unsigned viewed_version;
} PythiaEventPick;

/* What a trace point may be: in a row, and in the set that a join takes its rows from. */
enum { PYTHIA_PICK_ROW = 1, PYTHIA_PICK_MEMBER = 2 };

/* The columns of an event. A zeroed one is empty. */
typedef struct PythiaEventCells {
    int values;      /* attributes are wanted */
    PythiaView view; /* the segment that rows are numbered in, while it is open */
    PythiaHeld *
        held; /* the trace of the rows, or of the last row of which more was asked than a view has */
    PythiaAnalysis analysis;
    unsigned char *on_path; /* [event] */
    size_t on_path_capacity;
    int analysed; /* the two above are of `held` */
} PythiaEventCells;
/* Lets the trace go. */
void pythia_event_cells_drop(PythiaEventCells *cells);
void pythia_event_cells_clear(PythiaEventCells *cells);
/* One column (PYTHIA_EVENTS_ID .. _ATTRIBUTES) of an event of the trace that is held. */
int pythia_event_cell(PythiaEventCells *cells, PythiaCursor *cursor, sqlite3_context *context,
                      uint32_t event, int column);
/* The same of an event of the view, by its number and its trace. */
int pythia_event_cell_viewed(PythiaEventCells *cells, PythiaCursor *cursor,
                             sqlite3_context *context, uint32_t ordinal, int64_t number,
                             int column);
/* The recorded time of such an event. */
int pythia_event_viewed_ns(PythiaEventCells *cells, PythiaCursor *cursor, int64_t number,
                           int64_t *ns);

/* The event id that a value stands for; -1, which no event has, for what is no whole number. */
int64_t pythia_event_id_of(sqlite3_value *value);
/* The phases that `phase = value` leaves, a bit set; bound NULL: all. */
unsigned pythia_event_phases(const PythiaBound *bound);
/* Takes the conditions over. Errors leave a message in the table. */
int pythia_event_pick_begin(PythiaEventPick *pick, PythiaCursor *cursor, const PythiaBound *bounds,
                            int n);
/* The rows of a trace, in `out`, which is emptied first. x, y: the numbers in the trace of the events
** happens_after and happens_before, where given. */
int pythia_event_pick_events(PythiaEventPick *pick, PythiaCursor *cursor, PythiaHeld *held,
                             uint32_t after, uint32_t before, PythiaEvents *out);
/* The events of a trace of the view that are rows of a table without happens_..., appended to `out` as numbers in the
** segment. */
int pythia_event_pick_trace(PythiaEventPick *pick, const PythiaNames *names, const PythiaView *view,
                            uint32_t ordinal, PythiaEvents *out);
/* The rows of a join, as numbers in the segment, to an event of an ordered view. *done 0: ask
** pythia_event_pick_events(), the view does not know. */
int pythia_event_pick_viewed(PythiaEventPick *pick, const PythiaNames *names,
                             const PythiaView *view, uint32_t ordinal, int64_t number,
                             PythiaEvents *out, int *done, char **error);
/* Whether the event satisfies the conditions on trace point and phase. */
int pythia_event_pick_admits(const PythiaEventPick *pick, const PythiaHeld *held, uint32_t event);
void pythia_event_pick_clear(PythiaEventPick *pick);

#endif
