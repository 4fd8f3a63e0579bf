/* pythia_probe.h - trace points for programs, switched by rows of pythia_control.
**
** A program includes this header, links libpythia_probe (pkg-config pythia_probe; it needs nothing but the
** C library), and writes
**
**     PYTHIA_SPAN_ALWAYS(request, "POST /build");            // the skeleton: cannot be switched off
**     PYTHIA_SPAN(build, "build");                           // off until a rule switches it on
**     PYTHIA_POINT("build/queue", "queue_length", n);        // a moment, with up to 8 values
**     PYTHIA_SPAN_END(build, "image", image);                // values may go with the end
**     PYTHIA_SPAN_END(request);
**
** A trace point that is off costs the load of its slot, a test and a branch that the processor predicts.
** One that is on writes a record into the thread's ring in shared memory: no lock, no system call, no
** allocation; a full ring drops and counts. Everything lies in one file, the control page, which the
** database session maps as well (ext/probe/layout.h has it byte by byte, and so has the manual).
**
** Names. `service/name` is the trace point as rules and tables name it; the service is the program's
** (pythia_probe_start(), PYTHIA_SERVICE, or the name of the executable). A point belongs to the span that is
** open where it is passed; name it after that span, "build/queue" in "build". Names and keys are string
** literals. Values are integers, floating point numbers, bool, or zero-terminated UTF-8 text (the first 255
** bytes are kept; NULL is the empty text).
**
** Request types. A span that begins where no trace is open begins one, and its trace point names the type of
** the request, as pythia_traces.request_type does. The type travels with the trace, so that a rule for one
** request type works in every process. pythia_probe_request_type() names another one.
**
** Environment: PYTHIA_PAGE, the path of the page ("off": no page, all trace points stay off);
** PYTHIA_SERVICE; PYTHIA_DEFAULT=on, trace points that are new in the page begin switched on; PYTHIA_CLOCK=system,
** times are clock_gettime()'s and not told from the processor's counter (ext/probe/clock.h).
**
** Threads, signal handlers and forked children may pass trace points. What a signal handler does while the
** thread that it interrupted is writing a record is dropped and counted. */
#ifndef PYTHIA_PROBE_H
#define PYTHIA_PROBE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PYTHIA_PROBE_API __attribute__((visibility("default")))

/* ---- the page -------------------------------------------------------------------------------------- */

typedef struct PythiaProbeOptions {
    const char *page;    /* NULL: PYTHIA_PAGE, else /dev/shm/pythia.<user id>.<service> */
    const char *service; /* NULL: PYTHIA_SERVICE, else the name of the executable */
    int default_on;      /* trace points new in the page begin switched on */
    /* For a page that does not exist yet; 0: the default. Rounded up to powers of two. */
    int overwrite;       /* a full ring gives up its oldest records instead of the new one */
    uint32_t slots;      /* trace points: 4096 */
    uint32_t rings;      /* threads that write at the same time: 128 */
    uint32_t ring_bytes; /* 512 KiB */
    uint32_t cells;      /* of a thread, for what is aggregated: 256 */
} PythiaProbeOptions;

/* Opens the page, making it where there is none. 0, or an errno value: EALREADY when a page is open, EBADMSG
** when the file is not a page of this version, EPERM when it belongs to another user or others may write to
** it. Without this call the first trace point that is passed opens the default page; when that fails all
** stay off. */
PYTHIA_PROBE_API int pythia_probe_start(const PythiaProbeOptions *options);

/* The path of the open page, or NULL. */
PYTHIA_PROBE_API const char *pythia_probe_page(void);

/* ---- values ---------------------------------------------------------------------------------------- */

enum { PYTHIA_PROBE_INT = 1, PYTHIA_PROBE_REAL = 2, PYTHIA_PROBE_BOOL = 3, PYTHIA_PROBE_TEXT = 4 };
enum { PYTHIA_PROBE_VALUES = 8, PYTHIA_PROBE_TEXT_BYTES = 255 };

typedef struct PythiaProbeValue {
    int type;
    union {
        int64_t i;
        double r;
        const char *text;
    } of;
} PythiaProbeValue;

static inline PythiaProbeValue pythia_probe_int(long long i) {
    PythiaProbeValue v;
    v.type = PYTHIA_PROBE_INT;
    v.of.i = i;
    return v;
}
static inline PythiaProbeValue pythia_probe_unsigned(unsigned long long i) {
    return pythia_probe_int((long long)i);
}
static inline PythiaProbeValue pythia_probe_real(double r) {
    PythiaProbeValue v;
    v.type = PYTHIA_PROBE_REAL;
    v.of.r = r;
    return v;
}
static inline PythiaProbeValue pythia_probe_bool(int b) {
    PythiaProbeValue v = pythia_probe_int(b != 0);
    v.type = PYTHIA_PROBE_BOOL;
    return v;
}
static inline PythiaProbeValue pythia_probe_text(const char *text) {
    PythiaProbeValue v;
    v.type = PYTHIA_PROBE_TEXT;
    v.of.text = text;
    return v;
}

/* ---- what the macros are made of --------------------------------------------------------------------- */

typedef struct PythiaProbeSlot {
    uint64_t mask; /* the request types for which the trace point is on; the rest is in the page */
} PythiaProbeSlot;

/* A place in the program: a static of the macros. */
typedef struct PythiaProbeSite {
    const PythiaProbeSlot *slot;
    const char *name;
    uint32_t flags, n;
    const char *keys[PYTHIA_PROBE_VALUES];
    uint32_t refs[PYTHIA_PROBE_VALUES]; /* of the keys, in the page */
} PythiaProbeSite;

typedef struct PythiaProbeSpan {
    PythiaProbeSite *site; /* NULL: the span is off */
    uint64_t id, parent, trace_hi, trace_lo;
    int64_t start_ns;
    uint32_t type, parent_slot, status, state;
} PythiaProbeSpan;

enum {
    PYTHIA_PROBE_ALWAYS_ON = 1,  /* the skeleton of traces: no rule switches it off */
    PYTHIA_PROBE_DEFAULT_ON = 2, /* on as long as no rule says otherwise */
    PYTHIA_PROBE_SERVER = 0x100, /* the kind of a span; none of these: internal */
    PYTHIA_PROBE_CLIENT = 0x200,
    PYTHIA_PROBE_PRODUCER = 0x300,
    PYTHIA_PROBE_CONSUMER = 0x400
};

/* The slot of a site that was never passed: on, so that passing it goes and looks. */
extern PYTHIA_PROBE_API const PythiaProbeSlot pythia_probe_unregistered;

PYTHIA_PROBE_API void pythia_probe_point(PythiaProbeSite *site, const PythiaProbeValue *values);
PYTHIA_PROBE_API void pythia_probe_begin(PythiaProbeSite *site, PythiaProbeSpan *span);
/* site: that of the end, for its keys. */
PYTHIA_PROBE_API void pythia_probe_end(PythiaProbeSpan *span, PythiaProbeSite *site,
                                       const PythiaProbeValue *values);

static inline int pythia_probe_is_on(PythiaProbeSite *site) {
    const PythiaProbeSlot *slot = __atomic_load_n(&site->slot, __ATOMIC_ACQUIRE);
    return (int)__builtin_expect(__atomic_load_n(&slot->mask, __ATOMIC_RELAXED) != 0, 0);
}

#ifdef __cplusplus
} /* extern "C" */
static inline PythiaProbeValue pythia_probe_value(bool v) {
    return pythia_probe_bool(v);
}
static inline PythiaProbeValue pythia_probe_value(int v) {
    return pythia_probe_int(v);
}
static inline PythiaProbeValue pythia_probe_value(long v) {
    return pythia_probe_int(v);
}
static inline PythiaProbeValue pythia_probe_value(long long v) {
    return pythia_probe_int(v);
}
static inline PythiaProbeValue pythia_probe_value(unsigned v) {
    return pythia_probe_unsigned(v);
}
static inline PythiaProbeValue pythia_probe_value(unsigned long v) {
    return pythia_probe_unsigned(v);
}
static inline PythiaProbeValue pythia_probe_value(unsigned long long v) {
    return pythia_probe_unsigned(v);
}
static inline PythiaProbeValue pythia_probe_value(double v) {
    return pythia_probe_real(v);
}
static inline PythiaProbeValue pythia_probe_value(const char *v) {
    return pythia_probe_text(v);
}
extern "C" {
#else
/* clang-format off */
#define pythia_probe_value(v)                                                                      \
    _Generic((v), _Bool: pythia_probe_bool, float: pythia_probe_real, double: pythia_probe_real,   \
             char *: pythia_probe_text, const char *: pythia_probe_text,                           \
             unsigned char: pythia_probe_unsigned, unsigned short: pythia_probe_unsigned,          \
             unsigned: pythia_probe_unsigned, unsigned long: pythia_probe_unsigned,                \
             unsigned long long: pythia_probe_unsigned, char: pythia_probe_int,                    \
             signed char: pythia_probe_int, short: pythia_probe_int, int: pythia_probe_int,        \
             long: pythia_probe_int, long long: pythia_probe_int)(v)
/* clang-format on */
#endif

/* Counts arguments: a name, then pairs of key and value. */
#define PYTHIA_PROBE_NTH(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16,    \
                         _17, n, ...)                                                              \
    n
#define PYTHIA_PROBE_PAIRS(...)                                                                    \
    PYTHIA_PROBE_NTH(__VA_ARGS__, 8, x, 7, x, 6, x, 5, x, 4, x, 3, x, 2, x, 1, x, 0, x)
#define PYTHIA_PROBE_JOIN_(a, b) a##b
#define PYTHIA_PROBE_JOIN(a, b)  PYTHIA_PROBE_JOIN_(a, b)

/* clang-format off */
#define PYTHIA_PROBE_KEYS_0(s) NULL
#define PYTHIA_PROBE_KEYS_1(s, k, v) k
#define PYTHIA_PROBE_KEYS_2(s, k, v, ...) k, PYTHIA_PROBE_KEYS_1(s, __VA_ARGS__)
#define PYTHIA_PROBE_KEYS_3(s, k, v, ...) k, PYTHIA_PROBE_KEYS_2(s, __VA_ARGS__)
#define PYTHIA_PROBE_KEYS_4(s, k, v, ...) k, PYTHIA_PROBE_KEYS_3(s, __VA_ARGS__)
#define PYTHIA_PROBE_KEYS_5(s, k, v, ...) k, PYTHIA_PROBE_KEYS_4(s, __VA_ARGS__)
#define PYTHIA_PROBE_KEYS_6(s, k, v, ...) k, PYTHIA_PROBE_KEYS_5(s, __VA_ARGS__)
#define PYTHIA_PROBE_KEYS_7(s, k, v, ...) k, PYTHIA_PROBE_KEYS_6(s, __VA_ARGS__)
#define PYTHIA_PROBE_KEYS_8(s, k, v, ...) k, PYTHIA_PROBE_KEYS_7(s, __VA_ARGS__)
#define PYTHIA_PROBE_VALUES_0(s) pythia_probe_int(0)
#define PYTHIA_PROBE_VALUES_1(s, k, v) pythia_probe_value(v)
#define PYTHIA_PROBE_VALUES_2(s, k, v, ...) pythia_probe_value(v), PYTHIA_PROBE_VALUES_1(s, __VA_ARGS__)
#define PYTHIA_PROBE_VALUES_3(s, k, v, ...) pythia_probe_value(v), PYTHIA_PROBE_VALUES_2(s, __VA_ARGS__)
#define PYTHIA_PROBE_VALUES_4(s, k, v, ...) pythia_probe_value(v), PYTHIA_PROBE_VALUES_3(s, __VA_ARGS__)
#define PYTHIA_PROBE_VALUES_5(s, k, v, ...) pythia_probe_value(v), PYTHIA_PROBE_VALUES_4(s, __VA_ARGS__)
#define PYTHIA_PROBE_VALUES_6(s, k, v, ...) pythia_probe_value(v), PYTHIA_PROBE_VALUES_5(s, __VA_ARGS__)
#define PYTHIA_PROBE_VALUES_7(s, k, v, ...) pythia_probe_value(v), PYTHIA_PROBE_VALUES_6(s, __VA_ARGS__)
#define PYTHIA_PROBE_VALUES_8(s, k, v, ...) pythia_probe_value(v), PYTHIA_PROBE_VALUES_7(s, __VA_ARGS__)
#define PYTHIA_PROBE_FIRST(first, ...) first
/* The static of a place; ...: its name, then keys and values. */
#define PYTHIA_PROBE_SITE(name, flags, n, ...)                                                     \
    {&pythia_probe_unregistered, name, flags, n,                                                   \
     {PYTHIA_PROBE_JOIN(PYTHIA_PROBE_KEYS_, n)(__VA_ARGS__)}, {0}}
#define PYTHIA_PROBE_LIST(n, ...) {PYTHIA_PROBE_JOIN(PYTHIA_PROBE_VALUES_, n)(__VA_ARGS__)}
/* clang-format on */

#define PYTHIA_PROBE_POINT(flags, n, ...)                                                          \
    do {                                                                                           \
        static PythiaProbeSite pythia_site_ =                                                      \
            PYTHIA_PROBE_SITE(PYTHIA_PROBE_FIRST(__VA_ARGS__, 0), flags, n, __VA_ARGS__);          \
        if (pythia_probe_is_on(&pythia_site_)) {                                                   \
            const PythiaProbeValue pythia_values_[] = PYTHIA_PROBE_LIST(n, __VA_ARGS__);           \
            pythia_probe_point(&pythia_site_, pythia_values_);                                     \
        }                                                                                          \
    } while (0)

#define PYTHIA_PROBE_END(n, span, ...)                                                             \
    do {                                                                                           \
        static PythiaProbeSite pythia_site_ = PYTHIA_PROBE_SITE(NULL, 0, n, __VA_ARGS__);          \
        if (__builtin_expect((span).site != NULL, 0)) {                                            \
            const PythiaProbeValue pythia_values_[] = PYTHIA_PROBE_LIST(n, __VA_ARGS__);           \
            pythia_probe_end(&(span), &pythia_site_, pythia_values_);                              \
        }                                                                                          \
    } while (0)

/* ---- trace points ------------------------------------------------------------------------------------ */

/* A moment: PYTHIA_POINT(name [, key, value]...). Off until a rule switches it on. */
#define PYTHIA_POINT(...) PYTHIA_PROBE_POINT(0, PYTHIA_PROBE_PAIRS(__VA_ARGS__), __VA_ARGS__)
/* The same with PYTHIA_PROBE_ALWAYS_ON or PYTHIA_PROBE_DEFAULT_ON. */
#define PYTHIA_POINT_WITH(flags, ...)                                                              \
    PYTHIA_PROBE_POINT(flags, PYTHIA_PROBE_PAIRS(__VA_ARGS__), __VA_ARGS__)

/* An interval. Declares the variable `span` and begins, so it stands where a declaration can stand. Spans
** nest: end them in the reverse order, on every way out. flags: those of a point, and a kind. */
#define PYTHIA_SPAN_WITH(span, flags, name)                                                        \
    static PythiaProbeSite PYTHIA_PROBE_JOIN(span, _site_) =                                       \
        PYTHIA_PROBE_SITE(name, flags, 0, name);                                                   \
    PythiaProbeSpan span;                                                                          \
    (span).site = NULL;                                                                            \
    if (pythia_probe_is_on(&PYTHIA_PROBE_JOIN(span, _site_)))                                      \
    pythia_probe_begin(&PYTHIA_PROBE_JOIN(span, _site_), &(span))
#define PYTHIA_SPAN(span, name)        PYTHIA_SPAN_WITH(span, 0, name)
#define PYTHIA_SPAN_ALWAYS(span, name) PYTHIA_SPAN_WITH(span, PYTHIA_PROBE_ALWAYS_ON, name)

/* PYTHIA_SPAN_END(span [, key, value]...) */
#define PYTHIA_SPAN_END(...)                                                                       \
    PYTHIA_PROBE_END(PYTHIA_PROBE_PAIRS(__VA_ARGS__), PYTHIA_PROBE_FIRST(__VA_ARGS__, 0),          \
                     __VA_ARGS__)
/* Marks what the span stands for as failed, before its end. */
#define PYTHIA_SPAN_FAILED(span) ((void)((span).site && ((span).status = 2)))

/* ---- context ----------------------------------------------------------------------------------------- */

enum { PYTHIA_PROBE_STATE_BYTES = 256, PYTHIA_PROBE_BAGGAGE_BYTES = 1024 };

/* Which trace a thread works for. Plain data: copy it, hand it to another thread. */
typedef struct PythiaProbeContext {
    uint64_t trace_hi, trace_lo;          /* both 0: no trace */
    uint64_t span_id;                     /* the innermost span that is open and on */
    uint32_t type;                        /* of the request: a number of this page, 0: not known */
    uint32_t flags;                       /* of traceparent */
    char state[PYTHIA_PROBE_STATE_BYTES]; /* tracestate, as it came */
    char baggage[PYTHIA_PROBE_BAGGAGE_BYTES]; /* as it came, without what is the probe's own */
} PythiaProbeContext;

/* The context of the calling thread. */
PYTHIA_PROBE_API void pythia_probe_context(PythiaProbeContext *context);
/* Makes a context the calling thread's; spans that are begun from now on belong to its trace. NULL: none.
** The context before is put into *before (may be NULL), to be entered again when the work is done. */
PYTHIA_PROBE_API void pythia_probe_enter(const PythiaProbeContext *context,
                                         PythiaProbeContext *before);

/* Reads what came with a request, W3C Trace Context and Baggage; any may be NULL. 1, or 0 when traceparent
** is missing or malformed: then the context is empty but for the baggage. */
PYTHIA_PROBE_API int pythia_probe_read(PythiaProbeContext *context, const char *traceparent,
                                       const char *tracestate, const char *baggage);
/* Writes the calling thread's context, to go with a request. 1, or 0 with empty texts when no trace is open.
** The request type travels as the member pythia.type of the baggage. */
enum { PYTHIA_PROBE_TRACEPARENT_BYTES = 56, PYTHIA_PROBE_HEADER_BYTES = 2048 };
PYTHIA_PROBE_API int pythia_probe_write(char traceparent[PYTHIA_PROBE_TRACEPARENT_BYTES],
                                        char baggage[PYTHIA_PROBE_HEADER_BYTES]);

/* The same with tracestate, which is empty where none came: it goes on as it came, behind what other tracers wrote
** into it. */
PYTHIA_PROBE_API int pythia_probe_write_state(char traceparent[PYTHIA_PROBE_TRACEPARENT_BYTES],
                                              char tracestate[PYTHIA_PROBE_STATE_BYTES],
                                              char baggage[PYTHIA_PROBE_HEADER_BYTES]);

/* The value of a member of the calling thread's baggage, percent-decoded; its length, or -1. */
PYTHIA_PROBE_API int pythia_probe_baggage_get(const char *key, char *value, size_t bytes);
/* Sets one (value NULL: removes). 1, or 0 when the key is no token or there is no room. */
PYTHIA_PROBE_API int pythia_probe_baggage_set(const char *key, const char *value);

/* Names the type of the present request. */
PYTHIA_PROBE_API void pythia_probe_request_type(const char *type);

#ifdef __cplusplus
}
#endif

#endif
