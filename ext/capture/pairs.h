/* pairs.h - happened-before over whole segments, without reading their traces.
**
** A view is what is kept of a segment for that, four bytes a span for its trace point and eight for its place in the
** order (ext/trace/outline.h). It is made once and belongs to the segment, as its decoded columns do: as much of all
** segments stays in memory as the setting cache_bytes allows. Of a trace that is not plain - links, several
** tolerances, an order that is not that of siblings, single events, or very many spans - its user reads the trace
** (pythia_capture_hold()).
**
** Events are numbered in the segment as event ids are (PYTHIA_EVENT_IDS). */
#ifndef PYTHIA_CAPTURE_PAIRS_H
#define PYTHIA_CAPTURE_PAIRS_H

#include "ext/capture/capture.h"
#include "ext/trace/outline.h"

/* A zeroed one is closed. */
typedef struct PythiaView {
    PythiaCapture *capture;
    PythiaSegment *segment; /* held while open */
    int64_t segment_id;
    unsigned forgotten; /* of the capture, when it was opened */
    uint32_t traces, spans, points;
    /* [trace] */
    const int64_t *first_span, *trace_spans, *first_point, *trace_points, *is_dag;
    const uint32_t *tracepoint, *point_tracepoint; /* [span], [point] */
    const struct PythiaViewOrder *order;           /* after pythia_view_order() */
    const int64_t *columns[PYTHIA_COL_COUNT];      /* those that were asked for */
} PythiaView;

/* Whether that segment is open, and as the store has it. */
int pythia_view_is(const PythiaView *view, const PythiaCapture *capture, int64_t segment_id);
/* Opens a segment; one that is open already stays so, unless the stored contents changed. SQLITE_OK or an error. */
int pythia_view_open(PythiaView *view, PythiaCapture *capture, int64_t segment_id, char **error);
/* Makes ready for pythia_view_outline() as long as nothing is written; does nothing where that is so. */
int pythia_view_order(PythiaView *view, char **error);
/* Whether that is done already of a segment, or else is work for all its spans. */
int pythia_view_is_ordered(PythiaCapture *capture, int64_t segment_id);
void pythia_view_close(PythiaView *view);

/* The trace, for pythia_outline_...(); *plain 0: it is not plain. points: they will be asked about. After
** pythia_view_order(). O(1). */
int pythia_view_outline(const PythiaView *view, uint32_t ordinal, int points,
                        PythiaOutline *outline, int *plain, char **error);

/* One value of a column of the segment, which is decoded for the first. */
static inline int pythia_view_value(PythiaView *view, int column, int64_t row, int64_t *value,
                                    char **error) {
    uint32_t n;
    int rc = view->columns[column]
                 ? SQLITE_OK
                 : pythia_segment_column(view->segment, column, &view->columns[column], &n, error);
    if (!rc) *value = view->columns[column][row];
    return rc;
}

/* The live trace that has the event of this number, looked for at `hint` and behind it first. 0: there is none. */
int pythia_view_find(const PythiaView *view, int64_t number, uint32_t hint, uint32_t *ordinal);

/* The event's number in its trace, and back. */
static inline uint32_t pythia_view_local(const PythiaView *view, uint32_t ordinal, int64_t number) {
    int64_t points = 2 * (int64_t)view->spans;
    return (uint32_t)(number < points ? number - 2 * view->first_span[ordinal]
                                      : number - points - view->first_point[ordinal] +
                                            2 * view->trace_spans[ordinal]);
}
static inline int64_t pythia_view_number(const PythiaView *view, uint32_t ordinal, uint32_t event) {
    int64_t spans = view->trace_spans[ordinal];
    return event < 2 * spans
               ? 2 * view->first_span[ordinal] + event
               : 2 * (int64_t)view->spans + view->first_point[ordinal] + event - 2 * spans;
}
/* The tracepoint and phase of a numbered event. */
static inline uint32_t pythia_view_tracepoint(const PythiaView *view, int64_t number) {
    int64_t points = 2 * (int64_t)view->spans;
    return number < points ? view->tracepoint[number / 2] : view->point_tracepoint[number - points];
}
static inline int pythia_view_phase(const PythiaView *view, uint32_t ordinal, int64_t number) {
    return number < 2 * (int64_t)view->spans && !view->is_dag[ordinal] ? (int)(number & 1)
                                                                       : PYTHIA_PHASE_POINT;
}

/* ---- pairs of two kinds of events --------------------------------------------------------------------- */

/* Which events are on which side: bit 0 of `sides` of their trace point says that they may happen before, bit 1
** that they may happen after; and bit sets of phases. */
typedef struct PythiaPairing {
    unsigned char *sides; /* [trace point], 0 .. n - 1; owned */
    uint32_t n;
    size_t capacity;
    unsigned phases[2];
} PythiaPairing;

typedef struct PythiaPair {
    int64_t before, after; /* numbers in the segment */
} PythiaPair;

/* The pairs of one trace, and what is reused from one to the next. A zeroed one is empty. */
typedef struct PythiaPairs {
    PythiaPair *pairs;
    size_t n, capacity;
    uint32_t *members[2]; /* events in the trace, by side: spans (starts and ends), then points */
    size_t members_capacity[2];
    PythiaEventSet set; /* of a trace that is read */
    PythiaEvents events;
} PythiaPairs;

/* Empties the list, and fills it with all pairs of a live trace, of which `before` happened before `after`. */
int pythia_view_pairs(PythiaView *view, uint32_t ordinal, const PythiaPairing *pairing,
                      PythiaPairs *pairs, PythiaPoll *poll, char **error);
void pythia_pairs_clear(PythiaPairs *pairs);

#endif
