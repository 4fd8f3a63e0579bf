/* pivot.h - Pivot Tracing's query language, compiled to SQL over pythia_events.
**
** Mace, Roelke, Fonseca: "Pivot Tracing: Dynamic Causal Monitoring for Distributed Systems", SOSP 2015. A
** query names trace points, joins their events where one happened before the other, and filters, groups and
** aggregates the joined tuples:
**
**     From incr In DataNodeMetrics.incrBytesRead
**     Join cl In First(ClientProtocols) On cl -> incr
**     GroupBy cl.procName
**     Select cl.procName, SUM(incr.delta)
**
** The grammar; keywords in any letter case, layout free, `--` begins a comment:
**
**     program := { name ':' query ';' } query [ ';' ]
**     query   := From var In source { Join var In source On var '->' var | Let name '=' expression
**              | Where expression } [ GroupBy expression {',' expression} ] [ Select item {',' item} ]
**     source  := point {',' point} | filter '(' [ N ',' ] point {',' point} ')'
**     filter  := First | FirstN | MostRecent | MostRecentN
**     point   := name of a trace point or GLOB, quoted where it has blanks, then [ '@' phase ]; or a query
**     phase   := start | end | point | any
**     item    := expression [ As name ]
**
** What a variable exports (var.name): the columns of pythia_events; time, host, procName, procId, threadId;
** any attribute. var."name" is the attribute even where a column has the name. A value that is a list
** gives a tuple for each element.
**
** Files: lex.c text to tokens; parse.c the clauses and their mistakes; expression.c expressions to SQL;
** compile.c a query to SQL; explain.c the same query as advice, with what it would carry. Nothing here runs a
** statement. All memory of a program lies in its arena. */
#ifndef PYTHIA_PIVOT_PIVOT_H
#define PYTHIA_PIVOT_PIVOT_H

#include "ext/base/buf.h"
#include "ext/base/mem.h"
#include "ext/base/text.h"

#include <stdint.h>

typedef struct PythiaPivot PythiaPivot;

/* Asked for every trace point that a query names: SQLITE_OK when events of it can exist, SQLITE_NOTFOUND
** when nothing is known of that name; *hint, where set, is a similar name, borrowed until the next call. */
typedef int (*PythiaPivotKnown)(void *context, PythiaText tracepoint, PythiaText *hint);

/* Reads a program. known may be NULL: every name will do. A mistake is SQLITE_ERROR with a message that says
** line and column. Free with pythia_pivot_free(), also after an error. */
int pythia_pivot_parse(PythiaText text, PythiaPivotKnown known, void *context, PythiaPivot **pivot,
                       char **error);
void pythia_pivot_free(PythiaPivot *pivot);
/* The schema whose traces are asked, main unless set. */
int pythia_pivot_set_schema(PythiaPivot *pivot, PythiaText schema);

/* Appends the SELECT that the program stands for. rewritten: with the aggregates of a joined trace point
** computed below the join (the paper's table 3) wherever that does not change the result; the plain form
** leaves the order of things to SQLite. */
int pythia_pivot_sql(PythiaPivot *pivot, int rewritten, PythiaBuf *sql, char **error);

/* One operation of the advice that a tracing system would weave. count: a SELECT of one row, the
** number of tuples at that place and the most of them at one event (or NULL). */
typedef struct PythiaPivotStep {
    int advice;            /* 1, 2, ... in the order in which a request meets them */
    PythiaText tracepoint; /* as written, several with commas */
    const char *operation; /* OBSERVE, UNPACK, LET, WHERE, PACK, PACK-FIRST, ..., EMIT */
    PythiaText detail;
    PythiaText count; /* n 0: not counted */
} PythiaPivotStep;

/* The advice of the program's last query, and of the queries it names before it. */
int pythia_pivot_explain(PythiaPivot *pivot, const PythiaPivotStep **steps, int *n, char **error);

#endif
