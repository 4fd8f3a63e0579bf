/* fn_capture.h - SQL functions on captures: import, export, init, attribute, version. */
#ifndef PYTHIA_SQL_FN_CAPTURE_H
#define PYTHIA_SQL_FN_CAPTURE_H

#include "ext/host.h"

/* Registers on the host's connection:
**
**   pythia_import(path [, options])         reads traces; gives the number of spans and events taken in.
**                                           For direct use only
**   pythia_export(path, format [, query [, schema]])
**                                           writes traces; gives their number. For direct use only
**   pythia_init([schema])                   makes the store; gives 1 when there was none. For direct use only
**   pythia_attribute(trace_id, span_id, key) the value of an attribute of a span, or of its resource
**   pythia_version()                        version text
**
** The host must outlive the functions. On failure *error names the function. */
int pythia_fn_capture_register(PythiaHost *host, char **error);

#endif
