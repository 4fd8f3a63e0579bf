/* capture.h - one store, and what it means: settings, groups, import, regrouping.
**
** The store keeps traces and forgets nothing; the trace room understands one trace; the group room adds
** many up. A capture is where they meet: it holds the settings of a schema, takes traces in (build,
** derive, store, add to groups), takes them out again, and rebuilds what is derived when a setting on
** which it depends changes.
**
** What is derived is stored, and kept true inside every transaction: a change of a model setting marks
** the capture stale (in pythia_xconfig, so that a rollback unmarks it); the first read that needs heads or
** groups inside the same transaction, or at the latest the commit, rebuilds. Reads outside a writing
** transaction therefore never write. */
#ifndef PYTHIA_CAPTURE_CAPTURE_H
#define PYTHIA_CAPTURE_CAPTURE_H

#include "ext/capture/session.h"
#include "ext/group/group.h"
#include "ext/store/store.h"
#include "ext/trace/before.h"
#include "ext/trace/context.h"
#include "ext/trace/signature.h"

/* ---- settings.c ---------------------------------------------------------------------------------- */

typedef struct PythiaSetting {
    const char *key, *default_value, *unit, *description;
    const char *values; /* "a|b|c" for a choice, NULL for a number or a list */
    double low, high;   /* bounds of a number; low > high: not a number */
    int model;          /* changing it makes what is derived stale */
} PythiaSetting;

/* All settings, in the order shown; *n of them. */
const PythiaSetting *pythia_settings(int *n);
const PythiaSetting *pythia_setting_find(PythiaText key);
/* Checks a value; SQLITE_CONSTRAINT with a message that says what would be right. */
int pythia_setting_check(const PythiaSetting *setting, PythiaText value, char **error);
/* The value in force, copied (sqlite3_free()). capture may be NULL: the default. */
int pythia_capture_setting(PythiaCapture *capture, const char *key, char **value, char **error);
/* The same of a numeric setting. */
int pythia_capture_setting_number(PythiaCapture *capture, const char *key, double *number,
                                  char **error);
/* value NULL: back to the default. Marks the capture stale where the setting belongs to the model. */
int pythia_capture_set(PythiaCapture *capture, const char *key, const char *value, char **error);
int pythia_capture_thresholds(PythiaCapture *capture, PythiaThresholds *thresholds, char **error);

/* ---- capture.c ----------------------------------------------------------------------------------- */

PythiaStore *pythia_capture_store(PythiaCapture *capture);
PythiaNames *pythia_capture_names(PythiaCapture *capture);
/* The model as the settings say, request type rules compiled; borrowed until the next refresh. */
int pythia_capture_model(PythiaCapture *capture, const PythiaModel **model, char **error);

/* Fills a store that was just made with what every store starts with: the default name rules. */
int pythia_capture_seed(sqlite3 *db, const char *schema, char **error);

/* Marks what is derived as stale: after a change of rules or settings. */
int pythia_capture_mark_stale(PythiaCapture *capture, int names_too, char **error);
/* Rebuilds what is stale, if anything is, inside a savepoint: for readers of heads and groups. */
int pythia_capture_settle(PythiaCapture *capture, PythiaPoll *poll, char **error);

/* Everything that is derived of one trace. The parts are reused from trace to trace. */
typedef struct PythiaAnalysis {
    PythiaRequest request;
    PythiaPath path;
    PythiaPathEdges edges;
    PythiaTracePaths paths;
    PythiaHash128 signature;
    PythiaHead head;
} PythiaAnalysis;
int pythia_capture_analyse(PythiaCapture *capture, const PythiaTrace *trace,
                           PythiaAnalysis *analysis, char **error);
/* Request and path alone; the other parts are left as they are. */
int pythia_capture_walk(PythiaCapture *capture, const PythiaTrace *trace, PythiaAnalysis *analysis,
                        char **error);
void pythia_analysis_clear(PythiaAnalysis *analysis);
const PythiaCallPaths *pythia_capture_call_paths(const PythiaCapture *capture);

/* The groups, settled and loaded (heads only; edges on demand). Borrowed until the next write. */
int pythia_capture_groups(PythiaCapture *capture, PythiaPoll *poll, PythiaGroups **groups,
                          char **error);
int pythia_capture_group_edges(PythiaCapture *capture, PythiaGroup *group, char **error);

/* Calls `each` for every live trace, or those of one group (group != 0), in order of the store. head is
** as stored. A non-zero return stops and is returned. */
typedef int (*PythiaEachHead)(void *context, PythiaSegment *segment, uint32_t ordinal,
                              const PythiaHead *head);
int pythia_capture_each_head(PythiaCapture *capture, uint64_t group, PythiaPoll *poll,
                             PythiaEachHead each, void *context, char **error);
/* The same with the whole trace read back (values: with attributes) and analysed. */
typedef int (*PythiaEachTrace)(void *context, const PythiaTrace *trace,
                               const PythiaAnalysis *analysis);
int pythia_capture_each_trace(PythiaCapture *capture, uint64_t group, int values, PythiaPoll *poll,
                              PythiaEachTrace each, void *context, char **error);

/* The durations of all members of groups, by group, then duration. *list: pythia_free(). Reads two or three
** columns of each segment and nothing else. */
typedef struct PythiaDuration {
    uint64_t group;
    int64_t duration_ns;
    uint32_t request_type;
} PythiaDuration;
/* In order of (group, duration), for qsort(). */
int pythia_duration_compare(const void *a, const void *b);
int pythia_capture_durations(PythiaCapture *capture, PythiaPoll *poll, PythiaDuration **list,
                             size_t *n, char **error);

/* ---- context.c ------------------------------------------------------------------------------------ */

/* Traces that are in groups: all of them, those of one group, or those of one request type. */
typedef struct PythiaMembers {
    uint64_t group;        /* 0: any */
    uint32_t request_type; /* string id, 0: any */
} PythiaMembers;

/* The calling context tree of their critical paths, or of all their spans; finished. `context` is empty before. */
int pythia_capture_context(PythiaCapture *capture, const PythiaMembers *members, int on_path,
                           PythiaPoll *poll, PythiaContext *context, char **error);

/* What each member of a group spends on each of its edges, 0 where its path does not have it: values[edge *
** members + member], edges as in group->edges (which are loaded), members in order of the store. *values:
** pythia_free(). Reads the members' traces. */
int pythia_capture_edge_values(PythiaCapture *capture, PythiaGroup *group, PythiaPoll *poll,
                               int64_t **values, char **error);

/* The id of the first segment behind `after` (0: of all); 0 when there is none. */
int64_t pythia_capture_next_segment(PythiaCapture *capture, int64_t after);

/* Whether a segment of that id is stored. */
int pythia_capture_has_segment(const PythiaCapture *capture, int64_t id);

/* Finds a trace by the text of its id. *found 0: no such trace. */
int pythia_capture_find(PythiaCapture *capture, PythiaText trace_id, int *found, int64_t *segment,
                        uint32_t *ordinal, char **error);

/* ---- held.c: traces in memory --------------------------------------------------------------------- */

/* Event ids: segment * PYTHIA_EVENT_IDS + number in the segment, where span i has 2i (start) and 2i + 1 (end),
** and point j has 2 * spans + j. */
#define PYTHIA_EVENT_IDS ((int64_t)1 << 32)

/* A stored trace, read back. Shared: whoever holds it only reads, but for what pythia_before_...() remember. */
typedef struct PythiaHeld {
    PythiaTrace trace;
    int values;             /* with attributes */
    int ordered;            /* before is built */
    PythiaBefore before;    /* see pythia_held_order() */
    PythiaSegment *segment; /* open: texts may lie in it */
    int64_t segment_id;
    uint32_t ordinal;
    int64_t first_event, first_point_event; /* event ids of event 0 and of point 0 */
    unsigned references;
    int detached; /* the stored contents have changed since */
    struct PythiaHeld *next;
} PythiaHeld;

/* Reads a live trace, or finds it among those read before. Release it when done. */
int pythia_capture_hold(PythiaCapture *capture, int64_t segment_id, uint32_t ordinal, int values,
                        PythiaHeld **out, char **error);
/* The trace of an event, and the event's number in it. *held NULL: there is no such event. */
int pythia_capture_hold_event(PythiaCapture *capture, int64_t event_id, int values,
                              PythiaHeld **held, uint32_t *event, char **error);
/* Safe with NULL. */
void pythia_held_release(PythiaHeld *held);
/* Builds the order under the present model, once. */
int pythia_held_order(PythiaCapture *capture, PythiaHeld *held, char **error);
/* Whether an event id belongs to the trace; *event is its number in it. */
int pythia_held_event(const PythiaHeld *held, int64_t event_id, uint32_t *event);
static inline int64_t pythia_held_event_id(const PythiaHeld *held, uint32_t event) {
    return event < 2 * held->trace.nspans
               ? held->first_event + event
               : held->first_point_event + event - 2 * held->trace.nspans;
}

/* ---- intake.c, settle.c: traces in and out ----------------------------------------------------------------- */

/* What an import counts. */
typedef struct PythiaImportStats {
    int64_t traces;        /* new ones */
    int64_t reopened;      /* stored ones that grew */
    int64_t spans, events; /* taken in: spans; and starts, ends and points of them */
    int64_t duplicates;    /* spans that were there already */
    int64_t rejected;      /* records that became problems */
} PythiaImportStats;

typedef struct PythiaIntake PythiaIntake;

/* Begins taking in: call inside a transaction or savepoint of the caller's. */
int pythia_intake_open(PythiaCapture *capture, PythiaPoll *poll, PythiaIntake **intake,
                       char **error);
/* One record; see record.h. Traces are finished and stored when memory asks for it and at the end. */
int pythia_intake_record(PythiaIntake *intake, const PythiaRecord *record, char **error);
/* Finishes all traces, writes names, groups and segments. */
int pythia_intake_finish(PythiaIntake *intake, PythiaImportStats *stats, char **error);
/* Frees; without finish before, what was taken in is forgotten (the caller rolls back). */
void pythia_intake_close(PythiaIntake *intake);

/* Deletes one stored trace: from its group, the index and the segment. The group's moments are written
** by pythia_session_commit(). */
int pythia_capture_delete(PythiaCapture *capture, int64_t segment, uint32_t ordinal, char **error);
/* The commands of the virtual table: optimize, merge N, rebuild, integrity-check, delete-all. */
int pythia_capture_command(PythiaCapture *capture, const char *command, PythiaPoll *poll,
                           char **error);

#endif
