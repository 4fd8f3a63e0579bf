/* internal.h - what the files of ext/pivot share: tokens, the parsed program, scopes.
**
** An expression is kept as a range of the text and read again whenever it is rendered: the same expression
** becomes different SQL in different scopes (a join's own SELECT, the query's, a rewritten one). */
#ifndef PYTHIA_PIVOT_INTERNAL_H
#define PYTHIA_PIVOT_INTERNAL_H

#include "ext/base/error.h"
#include "ext/pivot/pivot.h"

/* SQLite joins at most 64 tables; every variable is one, and so is every attribute that is used. */
enum { MAX_VARS = 24, MAX_ITEMS = 48, MAX_QUERIES = 32, MAX_POINTS = 32, MAX_SQL = 1000000 };

/* ---- lex.c ---------------------------------------------------------------------------------------- */

typedef enum PivotKind {
    PIVOT_END,
    PIVOT_WORD,   /* identifier or keyword */
    PIVOT_NUMBER, /* unsigned */
    PIVOT_STRING, /* '...' or "...", doubled quotes inside; text with its quotes */
    PIVOT_SIGN,   /* punctuation and operators, the longest that fits */
    PIVOT_BAD     /* a character that begins nothing, or a string that does not end */
} PivotKind;

typedef struct PivotToken {
    PivotKind kind;
    PythiaText text;
    size_t at; /* offset in the program */
} PivotToken;

/* The token at or behind offset *at, which moves behind it. */
PivotToken pivot_lex(PythiaText program, size_t *at);
/* The same without moving. */
PivotToken pivot_peek(PythiaText program, size_t at);
/* A name of a trace point: a quoted text, or all up to a blank, comma, bracket or semicolon. */
PivotToken pivot_lex_name(PythiaText program, size_t *at);
int pivot_is(PivotToken token, const char *word_or_sign); /* letter case does not matter */
/* The contents of a string token (or the text of another), in the arena. p NULL: no memory. */
PythiaText pivot_unquoted(PythiaArena *arena, PythiaText token);
/* Fails with the position in front: "line 2, column 7: ...". */
int pivot_fail(PythiaText program, size_t at, char **error, const char *format, ...);

/* ---- the parsed program ------------------------------------------------------------------------------ */

typedef struct PivotRange {
    size_t from, to; /* offsets in the program; the text between is the expression */
} PivotRange;

typedef enum PivotFilter { PIVOT_ALL, PIVOT_FIRST, PIVOT_RECENT } PivotFilter;
typedef enum PivotPhase {
    PIVOT_BEGIN,
    PIVOT_ONLY_START,
    PIVOT_ONLY_END,
    PIVOT_ONLY_POINT,
    PIVOT_ANY
} PivotPhase;

typedef struct PivotPoint {
    PythiaText name;
    size_t at;
    PivotPhase phase;
    int glob;
    int query; /* index of the query that it names, or -1 */
} PivotPoint;

typedef struct PivotVar {
    PythiaText name;
    size_t at;
    PivotPoint points[MAX_POINTS];
    int npoints;
    int of_query; /* the points are queries */
    PivotFilter filter;
    int n;       /* of FirstN and MostRecentN; 0: all first (most recent) ones */
    int towards; /* index of the variable that it happened before; -1: the From variable */
} PivotVar;

typedef struct PivotLet {
    PythiaText name;
    PivotRange expression;
    size_t at;
} PivotLet;

typedef struct PivotItem {
    PivotRange expression;
    PythiaText name; /* of the column */
    int aggregate;   /* has an aggregate in it */
} PivotItem;

typedef struct PivotQuery {
    PythiaText name; /* n 0: the last one */
    PivotVar vars[MAX_VARS];
    PivotLet lets[MAX_ITEMS];
    PivotRange wheres[MAX_ITEMS], groups[MAX_ITEMS];
    PivotItem items[MAX_ITEMS];
    int nvars, nlets, nwheres, ngroups, nitems;
    int aggregates; /* some item aggregates */
} PivotQuery;

struct PythiaPivot {
    PythiaArena arena;
    PythiaText text;
    PythiaText schema;                /* n 0: main */
    PivotQuery *queries[MAX_QUERIES]; /* each names only earlier ones */
    int nqueries;
    PythiaPivotStep *steps; /* explain.c */
    int nsteps;
};

/* ---- expression.c --------------------------------------------------------------------------------------- */

/* Which words an expression may have is decided once, when it is parsed. */
enum {
    PIVOT_IN_SELECT = 1, /* aggregates are allowed; As ends it */
    PIVOT_IN_LIST = 2    /* a comma ends it */
};
/* Reads an expression from *at and moves behind it; checks that operands and operators take turns, that
** brackets match, that functions are among those allowed. *aggregate: it has one. */
int pivot_expression(PythiaText program, size_t *at, int flags, PivotRange *range, int *aggregate,
                     char **error);
/* Whether a word begins a clause, so that no expression goes on there. */
int pivot_is_clause(PivotToken token);
/* Whether a word cannot be the name of a variable. */
int pivot_is_reserved(PivotToken token);

typedef struct PivotAttribute {
    int var;
    PythiaText key;
    PythiaText alias; /* of its json_each() */
} PivotAttribute;

/* One SELECT being written: which attributes of which variables it has unfolded so far. */
typedef struct PivotScope {
    PythiaPivot *pivot;
    const PivotQuery *query;
    PivotAttribute attributes[MAX_ITEMS];
    int nattributes;
    char **error;
} PivotScope;

/* The expression as SQL. *vars: bit set of the variables that it names (may be NULL). Attributes that it names are
** added to the scope. Errors are in sql->rc, mistakes also in *scope->error. */
void pivot_render(PivotScope *scope, PivotRange range, PythiaBuf *sql, uint32_t *vars);
/* The variables that an expression names, without rendering. */
int pivot_vars_of(PythiaPivot *pivot, const PivotQuery *query, PivotRange range, uint32_t *vars);
int pivot_find_var(const PivotQuery *query, PythiaText name); /* index or -1 */
int pivot_find_let(const PivotQuery *query, PythiaText name); /* index or -1 */
void pivot_identifier(PythiaBuf *sql, PythiaText name);       /* quoted where it must be */
void pivot_literal(PythiaBuf *sql, PythiaText text);          /* 'text' */
PythiaText pivot_range_text(const PythiaPivot *pivot, PivotRange range);
/* The aggregate and its argument where the expression is one call and nothing else. */
int pivot_single_call(const PythiaPivot *pivot, PivotRange range, PythiaText *function,
                      PivotRange *argument);

/* ---- source.c, for compile.c ---------------------------------------------------------------------------------- */

typedef struct PivotWriter {
    PythiaPivot *pivot;
    PythiaBuf *sql;
    char **error;
    int rewritten;
    uint32_t packed; /* variables of the query being written that are aggregated below the join */
} PivotWriter;

void pivot_put(PivotWriter *w, const char *text);
/* The first query of a variable that is of queries. */
const PivotQuery *pivot_query_of(const PivotWriter *w, const PivotVar *var);
/* The table that a variable's rows come from: pythia_events or queries. */
void pivot_put_table(PivotWriter *w, const PivotVar *var);
/* The condition on an alias of pythia_events: which events are those of a trace point variable. */
void pivot_put_points(PivotWriter *w, PythiaText alias, const PivotVar *var);
/* JOIN of a variable whose tuples are events; towards: the alias that it happened before. */
void pivot_put_event_join(PivotWriter *w, const PivotVar *var, PythiaText towards);

/* ---- compile.c, for explain.c ------------------------------------------------------------------------------- */

/* Bit set of the queries that the last one needs, itself included. */
uint32_t pivot_needed(const PythiaPivot *pivot);
/* `WITH ...`, the queries that others name; nothing when there are none. */
void pivot_write_with(PythiaPivot *pivot, int rewritten, PythiaBuf *sql, char **error);
/* Whether a variable's aggregates can be computed below its join. */
int pivot_can_pack(PythiaPivot *pivot, const PivotQuery *query, int which, int *can);
/* Behind FROM: the rows of one variable alone. */
void pivot_write_source(PythiaPivot *pivot, const PivotQuery *query, int which, PythiaBuf *sql);
/* FROM ...: a variable joined to the one that it happened before, whose event is "->".event_id. */
void pivot_write_pair(PythiaPivot *pivot, const PivotQuery *query, int which, PythiaBuf *sql,
                      char **error);
/* SELECT of all tuples that are joined: process of the From variable, key1, key2, ... */
void pivot_write_tuples(PythiaPivot *pivot, const PivotQuery *query, PythiaBuf *sql, char **error);

#endif
