/* internal.h - what the files of this room share; nobody else includes it.
**
**   session.c   the captures of a connection
**   capture.c   opening, refreshing, iterating, finding
**   members.c   the durations of members, and what they spend on each edge
**   settings.c  the settings and what they default to
**   rules.c     name rules and request type rules, compiled
**   model.c     from settings and rules to a PythiaModel
**   expectations.c, judge.c   rows of pythia_expectations, and what they and the settings say of groups
**   intake.c    records in: assembling traces, merging with stored ones
**   repairs.c   what was mended of a trace, as rows
**   held.c      traces kept in memory
**   pairs.c     happened-before without reading traces (pairs.h)
**   settle.c    groups in and out of the store, regrouping, rebuilding, commands */
#ifndef PYTHIA_CAPTURE_INTERNAL_H
#define PYTHIA_CAPTURE_INTERNAL_H

#include "ext/base/match.h"
#include "ext/capture/capture.h"
#include "ext/trace/learned.h"

/* A rule of pythia_request_types or pythia_name_rules. */
typedef struct PythiaPattern {
    PythiaMatch *match;
    char *text;            /* replacement, or request type */
    char *applies_to;      /* name rules: GLOB over services; NULL: all */
    uint32_t request_type; /* string id */
    int64_t rank;          /* smaller wins */
    int request_end;
} PythiaPattern;

typedef struct PythiaPatterns {
    PythiaPattern *rules;
    uint32_t n;
    size_t capacity;
} PythiaPatterns;

/* Memory of name normalisation: raw name and service -> operation. */
typedef struct PythiaRenames {
    PythiaPatterns rules;
    PythiaIntern raw;    /* raw names */
    PythiaIntern pairs;  /* 8 bytes each: service, raw name */
    uint32_t *operation; /* [pair]: string id, 0: not yet known */
    size_t capacity;
} PythiaRenames;

struct PythiaCapture {
    PythiaStore *store; /* owned */
    int64_t cookie;     /* of the store, for which the caches below are right; -1: none are */
    int model_loaded;
    PythiaModel model;
    PythiaLearned learned; /* model.learned */
    int learned_due;       /* what was deleted may have contradicted something */
    uint32_t *group_keys;  /* owned; model.group_keys */
    PythiaPatterns types;
    PythiaTypeRule *type_cache; /* [trace point]; request_type UINT32_MAX: not yet asked */
    size_t type_cache_capacity;
    uint32_t ntype_cache;
    int type_failed; /* a request type rule hit a limit or memory ran out; reported by analyse */
    char *type_error;
    int renames_loaded;
    PythiaRenames renames;
    int groups_loaded;
    PythiaGroups groups;
    PythiaCallPaths call_paths;
    PythiaIntern structures;             /* request type and distinct call path nodes, as bytes */
    PythiaHash128 *structure_signatures; /* [structure] */
    size_t structures_capacity;
    int stale;        /* PYTHIA_STALE_* as stored; -1: not read yet */
    PythiaHeld *held; /* the last used first */
    int64_t
        *tolerances; /* [trace point], see pythia_capture_tolerances(); forgotten with the traces */
    int tolerances_known;
    unsigned forgotten; /* rises when the held traces are forgotten: what views took may be gone */
};

enum { PYTHIA_STALE_NO = 0, PYTHIA_STALE_MODEL = 1, PYTHIA_STALE_NAMES = 2 };

/* capture.c */
int pythia_capture_open(PythiaStore *store, PythiaCapture **capture,
                        char **error); /* owns store, also on failure */
void pythia_capture_close(PythiaCapture *capture);
/* SQLITE_NOTFOUND when the store is gone. */
int pythia_capture_refresh(PythiaCapture *capture, char **error);
/* After a write of this connection: what is cached is right for the new cookie. */
void pythia_capture_adopt_cookie(PythiaCapture *capture);
void pythia_capture_drop_caches(PythiaCapture *capture);
/* Begins a write session of the store (pythia_store_begin()) with caches that are right under its lock. */
int pythia_capture_begin(PythiaCapture *capture, char **error);
/* pythia_capture_each_head() without settling first. */
int pythia_capture_each_head_as_is(PythiaCapture *capture, uint64_t group, PythiaPoll *poll,
                                   PythiaEachHead each, void *context, char **error);
int pythia_capture_stale(PythiaCapture *capture, int *stale, char **error);

/* held.c: those that somebody holds go with their last holder. */
void pythia_capture_forget_held(PythiaCapture *capture);

/* model.c: the tolerance of each trace point's clock, ns, for 0 .. ntracepoints; NULL: all are 0. Borrowed until
** the next refresh. */
int pythia_capture_tolerances(PythiaCapture *capture, const int64_t **tolerance_ns, char **error);

/* rules.c */
void pythia_patterns_clear(PythiaPatterns *rules);
int pythia_patterns_load_types(PythiaCapture *capture, char **error);
int pythia_renames_load(PythiaCapture *capture, char **error);
void pythia_renames_clear(PythiaRenames *renames);
/* The operation (string id) that a raw name of a service becomes. */
int pythia_renames_apply(PythiaCapture *capture, uint32_t service, PythiaText raw,
                         uint32_t *operation, char **error);
/* The operation of every span under the present name rules; raw names are kept as values. */
int pythia_trace_rename(PythiaCapture *capture, PythiaTrace *trace, char **error);
/* For PythiaModel.rule; context: the capture. */
const PythiaTypeRule *pythia_type_rule(void *context, uint32_t tracepoint);

/* settings.c: a whole text as a finite number; 0: it is none. */
int pythia_number_read(PythiaText value, double *number);

/* model.c */
int pythia_model_load(PythiaCapture *capture, char **error);
void pythia_model_clear(PythiaCapture *capture);

/* settle.c */
int pythia_groups_load(PythiaCapture *capture, char **error);
int pythia_groups_save(PythiaCapture *capture, char **error);
/* Adds (sign 1) or takes away (-1) an analysed trace. A head without group: nothing. */
int pythia_groups_count(PythiaCapture *capture, int sign, const PythiaAnalysis *analysis,
                        char **error);
/* Work of pythia_session_commit() for one capture. */
int pythia_capture_before_commit(PythiaCapture *capture, PythiaPoll *poll, char **error);
int pythia_capture_rebuild(PythiaCapture *capture, int names_too, PythiaPoll *poll, char **error);

/* repairs.c: insert is a statement with the parameters kind, trace id and detail. The model must be loaded. */
int pythia_repairs_put(PythiaCapture *capture, const PythiaTrace *trace, sqlite3_stmt *insert);
int pythia_repairs_forget(PythiaCapture *capture, const PythiaTrace *trace, char **error);

#endif
