/* lttng_event.h - the tracepoint of lttng_event.c, in the form that LTTng-UST's headers want. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER pythia_bench
#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "tests/bench/lttng_event.h"
#if !defined(PYTHIA_LTTNG_EVENT_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define PYTHIA_LTTNG_EVENT_H
#include <lttng/tracepoint.h>
LTTNG_UST_TRACEPOINT_EVENT(
    pythia_bench, event, LTTNG_UST_TP_ARGS(int, a, double, b),
    /* cppcheck-suppress unknownMacro ; the lint does without LTTng's headers */
    LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(int, a, a) lttng_ust_field_float(double, b, b)))
#endif
#include <lttng/tracepoint-event.h>
