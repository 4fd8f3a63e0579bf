/* osprofiler.h - parts of the OSProfiler reader. */
#ifndef PYTHIA_READ_OSPROFILER_H
#define PYTHIA_READ_OSPROFILER_H

#include "ext/read/reader.h"

/* One half of a span as OSProfiler wrote it, or a point without halves. */
typedef struct PythiaOspHalf {
    const PythiaJson *json;
    uint32_t
        payload; /* {"name", "base_id", "trace_id", "parent_id", "timestamp", "info", ...}; 0: lost */
} PythiaOspHalf;

/* A span, put together from its halves and from the node of a report, if it stood in one. */
typedef struct PythiaOspSpan {
    PythiaOspHalf start, stop;
    int point;                   /* `start` is a point, not a half */
    PythiaText trace;            /* base id, where the halves have none */
    PythiaText stub;             /* the method that the parent calls on another process, or empty */
    const PythiaJson *node_json; /* of the report's node */
    uint32_t node, node_info;    /* 0 in notifications */
    int64_t origin_ns;           /* of the report's offsets: used where both halves are lost */
} PythiaOspSpan;

/* What the reader keeps between documents. */
typedef struct PythiaOspPairs PythiaOspPairs;
typedef struct PythiaOspState {
    int approximate;       /* the problem of that kind was given out */
    PythiaOspPairs *pairs; /* owned; NULL until the first notification */
} PythiaOspState;

/* osprofiler.c: fills the draft from a span and emits it, or makes a problem of it. */
void pythia_osp_emit(PythiaReader *reader, const PythiaOspSpan *span);

/* osprofiler_name.c */
/* The operation of a span, from its name (without -start and -stop) and its attributes. */
PythiaText pythia_osp_operation(PythiaReader *reader, PythiaText name, PythiaText stub);
/* PYTHIA_KIND_*, from the same. */
int pythia_osp_kind(PythiaReader *reader, PythiaText name);
/* The method of a function that calls a method of the same name in another process; else empty. */
PythiaText pythia_osp_stub(PythiaText function_name);
/* Whether the function was defined inside another: then its own name says little. */
int pythia_osp_is_local(PythiaText function_name);

/* osprofiler_pair.c: single notifications, in any order. */
int pythia_osp_is_notification(const PythiaJson *json, uint32_t root);
/* Takes the reader's current document. */
void pythia_osp_notification(PythiaReader *reader, PythiaOspState *state);
/* Emits what is still without its other half. */
void pythia_osp_pairs_finish(PythiaReader *reader, PythiaOspState *state);
void pythia_osp_pairs_free(PythiaOspPairs *pairs);
/* The newest stubs, that functions in a later part of the file may need: lines of a span id, a space and a
** method. */
void pythia_osp_remember(PythiaReader *reader, PythiaBuf *out);
void pythia_osp_recall(PythiaReader *reader, PythiaText memory);

#endif
