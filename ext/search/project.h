/* project.h - a trace as it would be without some of its trace points. */
#ifndef PYTHIA_SEARCH_PROJECT_H
#define PYTHIA_SEARCH_PROJECT_H

#include "ext/trace/trace.h"

/* Builds `out`, which is reset before, from the spans, points and links of `in` that are not dropped:
** drop[tracepoint] for trace points below ndrop. Children of a dropped span belong to the nearest ancestor
** that is kept; roots are always kept; points and links go with their span. Where events have no nesting
** (X-Trace) everything is kept. Texts are borrowed from `in`. SQLITE_OK or NOMEM. */
int pythia_trace_without(const PythiaTrace *in, const unsigned char *drop, uint32_t ndrop,
                         const PythiaNames *names, PythiaTrace *out);

#endif
