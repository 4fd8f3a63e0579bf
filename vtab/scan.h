/* scan.h - going over the traces of a capture, for the tables that show what is inside traces.
**
** A scan visits live traces segment by segment, or the one trace whose id is bound. Two kinds of tables use
** it: those that read columns as they lie in the segment (pythia_traces, pythia_spans), and those whose rows
** are made trace by trace (pythia_edges, pythia_attributes, ...), for which PythiaTraceCursor does the walking. */
#ifndef PYTHIA_VTAB_SCAN_H
#define PYTHIA_VTAB_SCAN_H

#include "ext/capture/capture.h"
#include "vtab/vtab.h"

typedef struct PythiaScan {
    PythiaCapture *capture;
    PythiaSegment *segment; /* the current one, or NULL */
    int64_t segment_id;
    uint32_t ordinal; /* of the current trace */
    uint32_t traces;  /* of the segment */
    int single;       /* only the trace that was asked for */
    int eof;
    int64_t first_ns, last_ns; /* segments outside this span of time are skipped */
} PythiaScan;

/* A zeroed scan is empty. trace_id: the bound value or NULL. Positions before the first trace: call
** pythia_scan_next(). capture may be NULL: nothing to visit. */
int pythia_scan_begin(PythiaScan *scan, PythiaCapture *capture, const PythiaBound *trace_id,
                      char **error);
/* The next live trace; sets eof when there is none. */
int pythia_scan_next(PythiaScan *scan, PythiaPoll *poll, char **error);
void pythia_scan_end(PythiaScan *scan);

/* Narrows the segments to those that can hold a span whose start satisfies the bounds on a column. */
void pythia_scan_narrow(PythiaScan *scan, const PythiaBound *bounds, int n, int start_column);

/* Whether a number satisfies all bounds on a column (a hint: SQLite checks again). Bounds that are not
** numbers are taken as satisfied. */
int pythia_bounds_admit(const PythiaBound *bounds, int n, int column, int64_t value);

/* The group that a text names; 0 when it is no group id. */
int pythia_group_of_text(PythiaText text, uint64_t *group);

/* Results of a column. Names and ids end with a NUL that SQLite is told of, unless there is one in them:
** else it copies them once more for whoever asks for a C string. */
void pythia_result_id(sqlite3_context *context, const PythiaNames *names,
                      PythiaId id);                                 /* NONE: NULL */
void pythia_result_text(sqlite3_context *context, PythiaText text); /* copied */
void pythia_result_name(sqlite3_context *context,
                        PythiaText text); /* of the capture's names: not copied */
const char *pythia_kind_name(int kind);
const char *pythia_span_status_name(int status);
const char *pythia_trace_status_name(int status);

const char *pythia_value_type_name(uint32_t type);

/* Tables whose rows are made trace by trace. `emit` appends the rows of one trace to cursor->base.rows
** with an id each. */
typedef struct PythiaTraceCursor PythiaTraceCursor;
typedef struct PythiaTraceTable {
    int values;  /* emit needs attributes */
    int analyse; /* emit needs the analysis */
    int (*emit)(PythiaTraceCursor *cursor, PythiaRows *rows);
} PythiaTraceTable;

struct PythiaTraceCursor {
    PythiaCursor base; /* must be first */
    const PythiaTraceTable *table;
    PythiaScan scan;
    PythiaTrace trace;
    PythiaAnalysis analysis;
    unsigned char *on_path; /* [event], when analysed */
    size_t on_path_capacity;
    int64_t first_event, first_point_event; /* event ids of event 0 and of point 0 of the trace */
    char id_text[PYTHIA_ID_CHARS + 1];
    PythiaText trace_id; /* as text, with a NUL behind it */
    PythiaText key;      /* pythia_attributes: the bound key */
    int has_key;
};

/* The id of the current trace as a result. */
void pythia_result_trace_id(sqlite3_context *context, const PythiaTraceCursor *cursor);

int64_t pythia_trace_event_id(const PythiaTraceCursor *cursor, uint32_t event);

/* Reads the scan's current trace back, with what cursor->table says is needed of it. */
int pythia_trace_cursor_load(PythiaTraceCursor *cursor);

int pythia_trace_rows_filter(PythiaTraceCursor *cursor, const PythiaTraceTable *table,
                             const PythiaBound *trace_id);
int pythia_trace_rows_next(PythiaCursor *cursor);
int pythia_trace_rows_eof(PythiaCursor *cursor);
int pythia_trace_rows_column(PythiaCursor *cursor, sqlite3_context *context, int column);
int pythia_trace_rows_rowid(PythiaCursor *cursor, sqlite3_int64 *rowid);
void pythia_trace_rows_release(PythiaCursor *cursor);

#endif
