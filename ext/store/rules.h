/* rules.h - trace point control on disk: rules, back ends, what programs were told, the journal.
**
** Rows in and out, nothing else; what they mean is the business of ext/control. Lists own their texts
** (an arena) and are filled in the order of the tables' keys. Reading replaces what a list held.
** Every function returns an SQLite result code, with a message that names the table. */
#ifndef PYTHIA_STORE_RULES_H
#define PYTHIA_STORE_RULES_H

#include "ext/store/store.h"

typedef struct PythiaRuleRow {
    int64_t id;
    PythiaText tracepoint;   /* exact name, GLOB or slash-enclosed regular expression */
    PythiaText request_type; /* p NULL: all */
    int enabled;
    double sample;                             /* 0: not given */
    PythiaText predicate, aggregate, group_by; /* p NULL: not given */
    int64_t window_ms;                         /* 0: not given */
    int64_t expires_ns;                        /* 0: never */
    PythiaText reason;                         /* p NULL: none */
    int64_t created_ns;
} PythiaRuleRow;

typedef struct PythiaRuleRows {
    PythiaRuleRow *rows;
    size_t n, capacity;
    PythiaArena arena;
} PythiaRuleRows;

int pythia_store_rules(PythiaStore *store, PythiaRuleRows *list, char **error);
void pythia_rule_rows_clear(PythiaRuleRows *list);
/* Inserts (id 0: the next free one, which is set), or replaces the rule with that id. */
int pythia_store_rule_put(PythiaStore *store, PythiaRuleRow *row, char **error);
int pythia_store_rule_delete(PythiaStore *store, int64_t id, char **error);

typedef struct PythiaBackendRow {
    int64_t id;
    PythiaText name, kind, target;
    PythiaText last_error; /* p NULL: none */
} PythiaBackendRow;

typedef struct PythiaBackendRows {
    PythiaBackendRow *rows;
    size_t n, capacity;
    PythiaArena arena;
} PythiaBackendRows;

int pythia_store_backends(PythiaStore *store, PythiaBackendRows *list, char **error);
void pythia_backend_rows_clear(PythiaBackendRows *list);
/* As for rules. A name that another back end has is SQLITE_CONSTRAINT. */
int pythia_store_backend_put(PythiaStore *store, PythiaBackendRow *row, char **error);
/* Notes (p NULL: forgets) what went wrong last. */
int pythia_store_backend_error(PythiaStore *store, int64_t id, PythiaText message, char **error);
/* Deletes a back end and what it was told. */
int pythia_store_backend_delete(PythiaStore *store, int64_t id, char **error);

/* What a back end was last told about a trace point and a request type. */
typedef struct PythiaToldRow {
    int64_t backend;
    PythiaText tracepoint;
    PythiaText request_type; /* empty: all that were not named */
    int enabled;             /* 0, 1; in a put, -1 stands for no row */
    PythiaText parameters;   /* JSON */
    int64_t rule_id;         /* 0: no rule, the trace point's default */
} PythiaToldRow;

typedef struct PythiaToldRows {
    PythiaToldRow *rows;
    size_t n, capacity;
    PythiaArena arena;
} PythiaToldRows;

int pythia_store_told(PythiaStore *store, PythiaToldRows *list, char **error);
void pythia_told_rows_clear(PythiaToldRows *list);
/* Inserts, replaces or (enabled -1) removes. */
int pythia_store_told_put(PythiaStore *store, const PythiaToldRow *rows, size_t n, char **error);
/* Forgets all that a back end was told. */
int pythia_store_told_forget(PythiaStore *store, int64_t backend, char **error);

typedef struct PythiaLogRow {
    int64_t id;
    int64_t at_ns, rule_id; /* rule_id 0: none */
    PythiaText tracepoint;
    PythiaText request_type; /* p NULL: all */
    int before;              /* 0, 1, -1: not known */
    int after;
    PythiaText source;  /* "rule" */
    PythiaText backend; /* p NULL: there was none */
    PythiaText result;
} PythiaLogRow;

typedef struct PythiaLogRows {
    PythiaLogRow *rows;
    size_t n, capacity;
    PythiaArena arena;
} PythiaLogRows;

int pythia_store_log(PythiaStore *store, PythiaLogRows *list, char **error);
void pythia_log_rows_clear(PythiaLogRows *list);
/* Appends; sets the rows' ids. */
int pythia_store_log_append(PythiaStore *store, PythiaLogRow *rows, size_t n, char **error);
int pythia_store_log_result(PythiaStore *store, int64_t id, PythiaText result, char **error);
int pythia_store_log_delete(PythiaStore *store, int64_t id, char **error);

#endif
