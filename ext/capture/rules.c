/* rules.c - the rules that users write as rows: names that are folded, and what a request is.
**
** Both kinds are PCRE2 patterns from shadow tables (pythia_xrename, pythia_xtype), compiled when first
** needed and kept until the store changes. What they say is remembered: per (service, raw name) for name
** rules, per trace point for request types, so a pattern runs once for each distinct name. */
#include "ext/capture/internal.h"

enum { RENAMES_REMEMBERED = 100000 }; /* distinct raw names; then the memory starts afresh */

void pythia_patterns_clear(PythiaPatterns *rules) {
    for (uint32_t i = 0; i < rules->n; i++) {
        pythia_match_free(rules->rules[i].match);
        sqlite3_free(rules->rules[i].text);
        sqlite3_free(rules->rules[i].applies_to);
    }
    pythia_free(rules->rules);
    memset(rules, 0, sizeof *rules);
}

static int column_copy(sqlite3_stmt *statement, int column, char **copy) {
    const char *text = (const char *)sqlite3_column_text(statement, column);
    *copy = text ? sqlite3_mprintf("%s", text) : NULL;
    return text && !*copy ? SQLITE_NOMEM : SQLITE_OK;
}

/* Compiles the rule on the statement's row: pattern, text, third column (applies_to or request_end). */
static int rule_read(PythiaPatterns *rules, sqlite3_stmt *statement, const char *table,
                     char **error) {
    int rc = pythia_grow((void **)&rules->rules, &rules->capacity, (size_t)rules->n + 1,
                         sizeof *rules->rules);
    if (rc) return rc;
    PythiaPattern *rule = &rules->rules[rules->n];
    memset(rule, 0, sizeof *rule);
    PythiaText pattern = {(const char *)sqlite3_column_text(statement, 1),
                          (size_t)sqlite3_column_bytes(statement, 1)};
    char *why = NULL;
    rc = pythia_match_compile(pattern, &rule->match, &why);
    if (rc == SQLITE_ERROR)
        pythia_fail(error, rc, "%s row %lld: %s", table, sqlite3_column_int64(statement, 0), why);
    sqlite3_free(why);
    if (rc) return rc;
    rules->n++; /* from here on clear frees it */
    rc = column_copy(statement, 2, &rule->text);
    if (!rc) rc = column_copy(statement, 3, &rule->applies_to);
    rule->rank = rules->n;
    return rc;
}

/* Reads rules in order of precedence: the statement gives id, pattern, text, and a third text. */
static int rules_read(PythiaStore *store, const char *sql, const char *table, PythiaPatterns *rules,
                      char **error) {
    sqlite3_stmt *statement;
    pythia_patterns_clear(rules);
    int rc = pythia_store_prepare(store, &statement, sql, error);
    while (!rc && (rc = sqlite3_step(statement)) == SQLITE_ROW)
        rc = rule_read(rules, statement, table, error);
    sqlite3_finalize(statement);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- request types ---------------------------------------------------------------------------------- */

int pythia_patterns_load_types(PythiaCapture *capture, char **error) {
    int rc = rules_read(capture->store,
                        "SELECT id, pattern, request_type, request_end FROM \"%w\".pythia_xtype"
                        " ORDER BY priority DESC, id",
                        "pythia_request_types", &capture->types, error);
    for (uint32_t i = 0; !rc && i < capture->types.n; i++) {
        PythiaPattern *rule = &capture->types.rules[i];
        const char *end = rule->applies_to;
        rule->request_end = end && !strcmp(end, "root")   ? PYTHIA_END_ROOT
                            : end && !strcmp(end, "last") ? PYTHIA_END_LAST
                                                          : PYTHIA_END_AUTO;
        rc = pythia_names_string(pythia_store_names(capture->store), pythia_text(rule->text),
                                 &rule->request_type);
    }
    return rc;
}

/* Asks the rules about a trace point. */
static int type_ask(PythiaCapture *capture, uint32_t tracepoint, PythiaTypeRule *answer) {
    PythiaText name = pythia_names_tracepoint_text(pythia_store_names(capture->store), tracepoint);
    memset(answer, 0, sizeof *answer);
    for (uint32_t i = 0; i < capture->types.n; i++) {
        const PythiaPattern *rule = &capture->types.rules[i];
        int matched = 0;
        int rc = pythia_match_test(rule->match, name, &matched, &capture->type_error);
        if (rc) return rc;
        if (!matched) continue;
        *answer = (PythiaTypeRule){rule->request_type, rule->rank, rule->request_end};
        break;
    }
    return SQLITE_OK;
}

const PythiaTypeRule *pythia_type_rule(void *context, uint32_t tracepoint) {
    PythiaCapture *capture = context;
    if (!capture->types.n || capture->type_failed) return NULL;
    if (tracepoint >= capture->ntype_cache) {
        uint32_t n = pythia_store_names(capture->store)->ntracepoints + 1;
        if (n <= tracepoint) return NULL;
        capture->type_failed =
            pythia_grow((void **)&capture->type_cache, &capture->type_cache_capacity, n,
                        sizeof *capture->type_cache);
        if (capture->type_failed) return NULL;
        for (uint32_t i = capture->ntype_cache; i < n; i++)
            capture->type_cache[i].request_type = UINT32_MAX;
        capture->ntype_cache = n;
    }
    PythiaTypeRule *known = &capture->type_cache[tracepoint];
    if (known->request_type == UINT32_MAX)
        capture->type_failed = type_ask(capture, tracepoint, known);
    return known->request_type && !capture->type_failed ? known : NULL;
}

/* ---- names ------------------------------------------------------------------------------------------- */

/* What every store starts with. Order matters: each rule sees what the one before it left. */
static const struct DefaultRename {
    const char *pattern, *replacement;
} default_renames[] = {
    /* SQL: verb and first table. */
    {"(?is)^\\s*SELECT\\b.*?\\bFROM\\s+[`\"\\[]?([A-Za-z_][\\w.$]*).*$", "SELECT $1"},
    {"(?is)^\\s*INSERT\\s+(?:IGNORE\\s+|OR\\s+\\w+\\s+)?INTO\\s+[`\"\\[]?([A-Za-z_][\\w.$]*).*$",
     "INSERT $1"},
    {"(?is)^\\s*UPDATE\\s+[`\"\\[]?([A-Za-z_][\\w.$]*)\\b.*\\bSET\\b.*$", "UPDATE $1"},
    {"(?is)^\\s*DELETE\\s+FROM\\s+[`\"\\[]?([A-Za-z_][\\w.$]*).*$", "DELETE $1"},
    /* The query of a URL. */
    {"^([A-Z]+ [^?\\s]*)\\?.*$", "$1"},
    /* UUIDs anywhere; hexadecimal and decimal ids that are a whole part of a path. */
    {"\\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\\b", "{id}"},
    {"(?<=/)(?=[0-9a-fA-F]*[0-9])[0-9a-fA-F]{16,}(?=[/?\\s]|$)", "{id}"},
    {"(?<=/)[0-9]+(?=[/?\\s]|$)", "{id}"},
};

static int renames_insert(PythiaStore *store, char **error) {
    sqlite3_stmt *statement;
    int rc = pythia_store_prepare(store, &statement,
                                  "INSERT INTO \"%w\".pythia_xrename"
                                  "(id, pattern, replacement, applies_to, priority)"
                                  " VALUES(?1, ?2, ?3, NULL, 0)",
                                  error);
    int n = (int)(sizeof default_renames / sizeof default_renames[0]);
    for (int i = 0; !rc && i < n; i++) {
        sqlite3_bind_int(statement, 1, i + 1);
        sqlite3_bind_text(statement, 2, default_renames[i].pattern, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 3, default_renames[i].replacement, -1, SQLITE_STATIC);
        sqlite3_step(statement);
        rc = sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    return rc;
}

int pythia_capture_seed(sqlite3 *db, const char *schema, char **error) {
    PythiaStore *store;
    int rc = pythia_store_open(db, schema, 0, &store, error);
    if (!rc && store) rc = renames_insert(store, error);
    pythia_store_close(store);
    return rc;
}

void pythia_renames_clear(PythiaRenames *renames) {
    pythia_patterns_clear(&renames->rules);
    pythia_intern_clear(&renames->raw);
    pythia_intern_clear(&renames->pairs);
    pythia_free(renames->operation);
    memset(renames, 0, sizeof *renames);
}

int pythia_renames_load(PythiaCapture *capture, char **error) {
    if (capture->renames_loaded) return SQLITE_OK;
    pythia_renames_clear(&capture->renames);
    int rc = rules_read(capture->store,
                        "SELECT id, pattern, replacement, applies_to FROM \"%w\".pythia_xrename"
                        " ORDER BY priority DESC, id",
                        "pythia_name_rules", &capture->renames.rules, error);
    capture->renames_loaded = rc == SQLITE_OK;
    return rc;
}

static int renames_run(PythiaCapture *capture, PythiaText service, PythiaText raw,
                       uint32_t *operation, char **error) {
    PythiaBuf name = {0}, next = {0};
    pythia_buf_text(&name, raw);
    int rc = name.rc;
    for (uint32_t i = 0; !rc && i < capture->renames.rules.n; i++) {
        const PythiaPattern *rule = &capture->renames.rules.rules[i];
        if (rule->applies_to && sqlite3_strglob(rule->applies_to, service.p)) continue;
        int replaced = 0;
        next.n = 0;
        rc = pythia_match_replace(rule->match, (PythiaText){(const char *)name.data, name.n},
                                  pythia_text(rule->text), &next, &replaced, error);
        if (!rc) rc = next.rc;
        if (rc || !replaced) continue;
        PythiaBuf swap = name;
        name = next;
        next = swap;
    }
    /* A name that a rule folds to nothing would be no name. */
    PythiaText folded = {(const char *)name.data, name.n};
    if (!rc)
        rc = pythia_names_string(pythia_store_names(capture->store), name.n ? folded : raw,
                                 operation);
    pythia_buf_clear(&name);
    pythia_buf_clear(&next);
    return rc;
}

int pythia_renames_apply(PythiaCapture *capture, uint32_t service, PythiaText raw,
                         uint32_t *operation, char **error) {
    PythiaRenames *renames = &capture->renames;
    if (renames->raw.n >= RENAMES_REMEMBERED) {
        pythia_intern_clear(&renames->raw);
        pythia_intern_clear(&renames->pairs);
    }
    uint32_t pair[2] = {service, 0}, id = 0;
    int rc = pythia_intern(&renames->raw, raw, &pair[1]);
    uint32_t before = renames->pairs.n;
    if (!rc)
        rc = pythia_intern(&renames->pairs, (PythiaText){(const char *)pair, sizeof pair}, &id);
    if (!rc)
        rc = pythia_grow((void **)&renames->operation, &renames->capacity, (size_t)id + 1,
                         sizeof *renames->operation);
    if (rc) return rc;
    if (id > before) renames->operation[id] = 0;
    if (!renames->operation[id])
        rc = renames_run(capture, pythia_names_text(pythia_store_names(capture->store), service),
                         raw, &renames->operation[id], error);
    *operation = renames->operation[id];
    return rc;
}

/* ---- names anew ---------------------------------------------------------------------------------------------------- */

static int rename_span(PythiaCapture *capture, PythiaTrace *trace, uint32_t index, uint32_t raw_key,
                       char **error) {
    PythiaNames *names = pythia_store_names(capture->store);
    PythiaSpan *span = &trace->spans[index];
    PythiaTracepoint old = names->tracepoints[span->tracepoint];
    PythiaText raw = pythia_names_text(names, old.operation);
    PythiaValue *kept = NULL;
    for (uint32_t v = 0; v < span->nvalues; v++) {
        PythiaValue *value = &trace->values[span->first_value + v];
        if (value->key == raw_key && value->type == PYTHIA_VALUE_TEXT) kept = value;
    }
    if (kept) raw = (PythiaText){kept->of.text, kept->n};
    uint32_t operation;
    int rc = pythia_renames_apply(capture, old.service, raw, &operation, error);
    if (!rc) rc = pythia_names_tracepoint(names, old.service, operation, 0, &span->tracepoint);
    if (rc) return rc;
    int folded = !pythia_text_equal(pythia_names_text(names, operation), raw);
    if (kept && !folded) { /* the raw name is the name again */
        *kept = trace->values[span->first_value + --span->nvalues];
    } else if (!kept && folded) {
        PythiaSpan whole = *span;
        uint32_t n = whole.nvalues;
        rc = pythia_grow((void **)&trace->values, &trace->values_capacity,
                         (size_t)trace->nvalues + n + 1, sizeof *trace->values);
        if (rc) return rc;
        PythiaValue *to = trace->values + trace->nvalues;
        if (n) memcpy(to, trace->values + whole.first_value, n * sizeof *to);
        to[n] = (PythiaValue){.key = raw_key,
                              .type = PYTHIA_VALUE_TEXT,
                              .n = (uint32_t)raw.n,
                              .of.text = pythia_arena_copy(&trace->arena, raw.p, raw.n)};
        if (!to[n].of.text) return SQLITE_NOMEM;
        span->first_value = trace->nvalues;
        span->nvalues = n + 1;
        trace->nvalues += n + 1;
    }
    return SQLITE_OK;
}

int pythia_trace_rename(PythiaCapture *capture, PythiaTrace *trace, char **error) {
    PythiaNames *names = pythia_store_names(capture->store);
    uint32_t raw_key;
    int rc = pythia_renames_load(capture, error);
    if (!rc) rc = pythia_names_string(names, PYTHIA_TEXT("raw_name"), &raw_key);
    for (uint32_t i = 0; !rc && i < trace->nspans; i++)
        rc = rename_span(capture, trace, i, raw_key, error);
    for (uint32_t i = 0; !rc && i < trace->npoints; i++) {
        PythiaPoint *point = &trace->points[i];
        const PythiaTracepoint span = names->tracepoints[trace->spans[point->span].tracepoint];
        uint32_t name = names->tracepoints[point->tracepoint].point;
        rc = pythia_names_tracepoint(names, span.service, span.operation, name, &point->tracepoint);
    }
    return rc;
}
