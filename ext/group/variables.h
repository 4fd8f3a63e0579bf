/* variables.h - what the members of a group differ in, and which of it goes with their duration.
**
** A variable is a fact about a request that has one value per request: an attribute at one trace point, an
** attribute of a service's resource, the sum of a number over a trace point's repetitions, how often a call
** path occurs. Members (rows) are added one by one; a row need not have a value for every variable.
**
**   numeric   integers and doubles of one key, together; values that are not finite are missing
**   category  booleans and texts; arrays, objects and bytes by their text
**   count     occurrences of a call path, 0 where it is absent; only where members differ in it
**
** A key that occurs several times at one trace point within a trace counts with its first value in preorder,
** and where it is numeric (and not always the same number) there is a second variable, sum(key). A key is shown bare where only one trace
** point and no resource (or only one service's resource and no trace point) has it, else after the trace
** point or service and a colon. The attribute raw_name, which the folding of names leaves behind, is no
** variable. */
#ifndef PYTHIA_GROUP_VARIABLES_H
#define PYTHIA_GROUP_VARIABLES_H

#include "ext/base/poll.h"
#include "ext/group/group.h"
#include "ext/trace/signature.h"

enum { PYTHIA_VARIABLE_NUMERIC, PYTHIA_VARIABLE_CATEGORY, PYTHIA_VARIABLE_COUNT };

/* A category with more levels than this is an identifier; its values are not kept. */
enum { PYTHIA_LEVELS_MAX = 10000 };

typedef struct PythiaVariable {
    PythiaText key; /* as shown */
    int kind;       /* PYTHIA_VARIABLE_* */
    int is_sum;
    uint32_t levels;     /* distinct values; PYTHIA_LEVELS_MAX + 1: more than that */
    uint32_t n, missing; /* rows with a value, rows without */
    uint32_t column;     /* internal */
} PythiaVariable;

typedef struct PythiaVariables PythiaVariables;

/* poll may be NULL; borrowed until the close. */
int pythia_variables_open(PythiaPoll *poll, PythiaVariables **variables);

/* Adds a row: a trace with its values, its call paths, and the number that is to be explained. */
int pythia_variables_add(PythiaVariables *variables, const PythiaTrace *trace,
                         const PythiaNames *names, const PythiaTracePaths *paths, double response);

/* Ends adding: names the variables and counts their levels. call_paths is what the nodes of the paths
** given refer to. The list is in order of (key, kind, sums last), whatever the order of the rows. */
int pythia_variables_finish(PythiaVariables *variables, const PythiaNames *names,
                            const PythiaCallPaths *call_paths);
void pythia_variables_close(PythiaVariables *variables); /* NULL is fine */

/* After the finish. Borrowed. */
const PythiaVariable *pythia_variables_list(const PythiaVariables *variables, uint32_t *n);
uint32_t pythia_variables_rows(const PythiaVariables *variables);
const double *pythia_variables_response(const PythiaVariables *variables);

/* The values of a variable: for i < its n, row[i] (ascending) has value[i]: the number, or of a category
** the level, 0 .. levels - 1. Nothing for a category whose values were not kept. */
void pythia_variable_read(const PythiaVariables *variables, uint32_t variable, uint32_t *row,
                          double *value);

/* Of a count of a span's call path: the time that each row's spans of the path took, theirs and that of what they
** called, into time[rows]; 1. Of any other variable: 0. */
int pythia_variable_time(const PythiaVariables *variables, uint32_t variable, double *time);

/* The text of a category's level, its beginning where it is long; empty where values were not kept. Borrowed. */
PythiaText pythia_variable_level(const PythiaVariables *variables, uint32_t variable,
                                 uint32_t level);

const char *pythia_variable_kind_name(int kind);

/* ---- ranking.c ------------------------------------------------------------------------------------- */

enum {
    PYTHIA_NOTE_NONE,
    PYTHIA_NOTE_CONSTANT, /* one value where there is one */
    PYTHIA_NOTE_IDENTIFIER, /* a category with about as many levels as rows: it would explain anything */
    PYTHIA_NOTE_COPY,       /* says the same as another variable on every row, see ranking.c */
    PYTHIA_NOTE_MERGED, /* a category of many levels: the rare ones were taken together */
    PYTHIA_NOTE_PROXY   /* goes along with the response, but adds nothing to a better one */
};

typedef struct PythiaRanked {
    uint32_t variable;
    int note;           /* PYTHIA_NOTE_* */
    uint32_t of;        /* PYTHIA_NOTE_COPY, PROXY: the variable that stands for it */
    double correlation; /* Pearson's r with the response; of a category eta, never negative */
    double p;           /* of the F of regression or analysis of variance, of the variable alone */
    double partial;     /* what is left of correlation given the leaders before it, see ranking.c */
    double p_given;     /* the p that is adjusted, see ranking.c */
    double p_adjusted;  /* Benjamini-Hochberg of p_given over the variables that are ranked */
    uint32_t lead;      /* from 1 in the order in which leaders were chosen; 0: it is none */
    double weight; /* standardised coefficient in the joint canonical analysis, see ranking.c */
    uint32_t rank; /* from 1; 0: not ranked, because it has no p, or is a copy */
} PythiaRanked;

/* How each variable goes with the response, the best first, those without a rank last. NaN: undefined.
** *list has one entry per variable; pythia_free(). SQLITE_OK, NOMEM, INTERRUPT, or the error of the
** numerical library with a message. */
int pythia_variables_rank(const PythiaVariables *variables, PythiaPoll *poll, PythiaRanked **list,
                          char **error);

/* The edges of a group that members have, in the order of their positions: by mean offset from the
** request's start. edges[position - 1] is an index into group->edges; pythia_free(). */
int pythia_group_edge_order(const PythiaGroup *group, const PythiaNames *names, uint32_t **edges,
                            uint32_t *n);

#endif
