/* chrome.h - parts of the Chrome trace reader: chrome.c collects events, chrome_nest.c makes spans. */
#ifndef PYTHIA_READ_CHROME_H
#define PYTHIA_READ_CHROME_H

#include "ext/read/reader.h"

/* An event as collected. Numbers of strings, keys and threads begin with 1; 0 is none. */
typedef struct PythiaChromeEvent {
    int64_t ts_ns, dur_ns;
    int64_t position; /* for problems */
    uint64_t args;    /* offset of its attributes in `args` */
    uint32_t order;   /* in the file */
    uint32_t thread;
    uint32_t name, category;
    uint32_t key; /* of async events and flows */
    char phase;
    char has_dur;
    char enclosing; /* "bp": "e" of a flow's end */
} PythiaChromeEvent;

typedef struct PythiaChromeThread {
    PythiaText pid, tid; /* in `threads` */
    uint32_t process;
    uint32_t name; /* of `strings` */
} PythiaChromeThread;

typedef struct PythiaChromeState {
    PythiaChromeEvent *events;
    size_t n, capacity;
    PythiaBuf args;             /* attributes, encoded: count, then key, type, value of each */
    PythiaIntern strings;       /* names and categories */
    PythiaIntern keys;          /* kind, category, name, id, scope, process, with zeros between */
    PythiaIntern processes;     /* pids */
    PythiaIntern threads;       /* pid, a zero byte, tid */
    PythiaChromeThread *thread; /* by number */
    size_t thread_capacity;
    int64_t base_ns;        /* of all times */
    uint32_t *process_name; /* by number; of `strings` */
    size_t process_capacity;
} PythiaChromeState;

/* chrome.c: appends the attributes at an offset. */
void pythia_chrome_attributes(PythiaReader *reader, const PythiaChromeState *state,
                              PythiaAttributes *list, uint64_t args);

/* chrome_nest.c: makes spans of all events and emits them, trace after trace. */
void pythia_chrome_emit(PythiaReader *reader, PythiaChromeState *state);

#endif
