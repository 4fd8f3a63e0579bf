/* strategy.c - strategies: SQL that says which trace points to try next; see loop.h.
**
** A strategy is text in a database, and a database may come from anybody. So whatever it is, it can only
** look: it must be one SELECT, and every function that its program calls must be one that SQLite brings or
** that is innocuous, and none that is for direct use only. What it calls is read off the program that
** SQLite makes of it (EXPLAIN), not off the text. */
#include "ext/loop/internal.h"

#include <ctype.h>

extern const char pythia_sql_strategy_flat[], pythia_sql_strategy_hierarchical[],
    pythia_sql_strategy_binary[], pythia_sql_strategy_skip[], pythia_sql_strategy_historic[],
    pythia_sql_strategy_cross_layer[], pythia_sql_strategy_covariance[];

const char *pythia_strategy_shipped(int index, const char **sql) {
    static const struct {
        const char *name, *sql;
    } shipped[] = {{"flat", pythia_sql_strategy_flat},
                   {"hierarchical", pythia_sql_strategy_hierarchical},
                   {"binary", pythia_sql_strategy_binary},
                   {"skip", pythia_sql_strategy_skip},
                   {"historic", pythia_sql_strategy_historic},
                   {"cross_layer", pythia_sql_strategy_cross_layer},
                   {"covariance", pythia_sql_strategy_covariance}};
    if (index < 0 || (size_t)index >= sizeof shipped / sizeof shipped[0]) return NULL;
    *sql = shipped[index].sql;
    return shipped[index].name;
}

/* ---- what a strategy may be ------------------------------------------------------------------------- */

static const char *const parameters[] = {
    ":group_id",    ":position",          ":request_type", ":source", ":source_phase",
    ":destination", ":destination_phase", ":budget",       ":schema"};
enum { PARAMETERS = sizeof parameters / sizeof parameters[0] };

static int refuse(const char *name, int rc, char **error, const char *format, const char *what) {
    char *message = sqlite3_mprintf(format, what);
    if (!message) return SQLITE_NOMEM;
    rc = pythia_fail(error, rc, "pythia_strategies: %s: %s", name, message);
    sqlite3_free(message);
    return rc;
}

/* Whether the first word is one that begins a query; comments before it are allowed. */
static int begins_query(const char *sql) {
    for (;;) {
        sql += strspn(sql, " \t\r\n\f;");
        if (sql[0] == '-' && sql[1] == '-') {
            sql += strcspn(sql, "\n");
        } else if (sql[0] == '/' && sql[1] == '*') {
            const char *end = strstr(sql + 2, "*/");
            if (!end) return 0;
            sql = end + 2;
        } else {
            break;
        }
    }
    return sqlite3_strnicmp(sql, "SELECT", 6) == 0 || sqlite3_strnicmp(sql, "WITH", 4) == 0 ||
           sqlite3_strnicmp(sql, "VALUES", 6) == 0;
}

/* Nothing but space and comments. */
static int is_empty(sqlite3 *db, const char *sql) {
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    sqlite3_finalize(s);
    return rc == SQLITE_OK && !s;
}

/* Whether a function, as a program names it ("round(2)"), is one that only computes. */
static int function_harmless(sqlite3_stmt *list, const char *p4, int *harmless) {
    const char *bracket = strrchr(p4, '(');
    *harmless = 1;
    if (!bracket) return SQLITE_OK;
    sqlite3_bind_text(list, 1, p4, (int)(bracket - p4), SQLITE_TRANSIENT);
    *harmless = 0;
    while (sqlite3_step(list) == SQLITE_ROW) {
        int flags = sqlite3_column_int(list, 1);
        *harmless = !(flags & SQLITE_DIRECTONLY) &&
                    (sqlite3_column_int(list, 0) || (flags & SQLITE_INNOCUOUS));
        if (!*harmless) break;
    }
    return sqlite3_reset(list);
}

static int calls_check(sqlite3 *db, const char *name, const char *sql, char **error) {
    sqlite3_stmt *program = NULL, *list = NULL;
    char *explain = sqlite3_mprintf("EXPLAIN %s", sql);
    if (!explain) return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v2(db, explain, -1, &program, NULL);
    sqlite3_free(explain);
    if (!rc)
        rc = sqlite3_prepare_v2(
            db, "SELECT builtin, flags FROM pragma_function_list WHERE name = ?1", -1, &list, NULL);
    if (rc) rc = refuse(name, rc, error, "%s", sqlite3_errmsg(db));
    while (!rc && (rc = sqlite3_step(program)) == SQLITE_ROW) {
        const char *opcode = (const char *)sqlite3_column_text(program, 1);
        const char *p4 = (const char *)sqlite3_column_text(program, 5);
        int harmless = 1;
        rc = SQLITE_OK;
        if (!opcode || !p4) continue;
        if (strstr(opcode, "Func") || strncmp(opcode, "Agg", 3) == 0)
            rc = function_harmless(list, p4, &harmless);
        if (!rc && !harmless)
            rc = refuse(name, SQLITE_CONSTRAINT, error,
                        "a strategy may only look: it cannot call %s", p4);
    }
    if (rc == SQLITE_DONE) rc = SQLITE_OK;
    sqlite3_finalize(program);
    sqlite3_finalize(list);
    return rc;
}

static int is_parameter(const char *name) {
    for (int i = 0; name && i < PARAMETERS; i++)
        if (strcmp(parameters[i], name) == 0) return 1;
    return 0;
}

/* Prepares and checks; *statement is NULL on failure. */
static int strategy_prepare(PythiaLoop *loop, const char *name, const char *sql,
                            sqlite3_stmt **statement, char **error) {
    sqlite3 *db = loop->host->db;
    const char *tail = NULL;
    *statement = NULL;
    if (!begins_query(sql))
        return refuse(name, SQLITE_CONSTRAINT, error, "%s", "a strategy must be a SELECT");
    int rc = sqlite3_prepare_v2(db, sql, -1, statement, &tail);
    if (rc == SQLITE_NOMEM) return rc;
    if (rc) return refuse(name, SQLITE_CONSTRAINT, error, "%s", sqlite3_errmsg(db));
    if (tail && !is_empty(db, tail))
        rc = refuse(name, SQLITE_CONSTRAINT, error, "%s", "there is more than one statement");
    else if (!sqlite3_stmt_readonly(*statement) || !sqlite3_column_count(*statement))
        rc = refuse(name, SQLITE_CONSTRAINT, error, "%s", "a strategy must be a SELECT");
    int n = sqlite3_bind_parameter_count(*statement);
    for (int i = 1; i <= n && !rc; i++) {
        const char *parameter = sqlite3_bind_parameter_name(*statement, i);
        if (!is_parameter(parameter))
            rc = refuse(name, SQLITE_CONSTRAINT, error,
                        "there is no parameter %s (there are :group_id, :position, :request_type, "
                        ":source, :source_phase, :destination, :destination_phase, :budget and "
                        ":schema)",
                        parameter ? parameter : "?");
    }
    if (!rc) rc = calls_check(db, name, sql, error);
    if (rc) {
        sqlite3_finalize(*statement);
        *statement = NULL;
    }
    return rc;
}

int pythia_strategy_check(PythiaLoop *loop, const char *name, const char *sql, char **error) {
    sqlite3_stmt *statement;
    int rc = strategy_prepare(loop, name, sql, &statement, error);
    sqlite3_finalize(statement);
    return rc;
}

int pythia_strategy_sql(PythiaCapture *capture, const char *name, char **sql, char **error) {
    sqlite3_stmt *s = NULL;
    *sql = NULL;
    int rc = SQLITE_OK;
    if (capture)
        rc = pythia_store_prepare(pythia_capture_store(capture), &s,
                                  "SELECT sql FROM \"%w\".pythia_xstrategy WHERE name = ?1", error);
    if (s) {
        rc = sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
        if (!rc && sqlite3_step(s) == SQLITE_ROW) {
            const char *text = (const char *)sqlite3_column_text(s, 0);
            *sql = sqlite3_mprintf("%s", text ? text : "");
            if (!*sql) rc = SQLITE_NOMEM;
        }
        int last = sqlite3_finalize(s);
        if (!rc && last)
            rc = pythia_fail(error, last, "pythia_xstrategy: %s", sqlite3_errstr(last));
    }
    const char *shipped, *text;
    for (int i = 0; !rc && !*sql && (shipped = pythia_strategy_shipped(i, &text)); i++)
        if (strcmp(shipped, name) == 0) {
            *sql = sqlite3_mprintf("%s", text);
            if (!*sql) rc = SQLITE_NOMEM;
        }
    if (!rc && !*sql)
        rc = pythia_fail(error, SQLITE_ERROR,
                         "there is no strategy '%s'; pythia_strategies has "
                         "those that there are",
                         name);
    return rc;
}

/* ---- asking ------------------------------------------------------------------------------------------- */

void pythia_choices_clear(PythiaChoices *choices) {
    pythia_free(choices->list);
    pythia_arena_clear(&choices->arena);
    memset(choices, 0, sizeof *choices);
}

static int bind_text(sqlite3_stmt *s, int index, PythiaText text) {
    return sqlite3_bind_text64(s, index, text.p ? text.p : "", text.n, SQLITE_TRANSIENT,
                               SQLITE_UTF8);
}

static int bind_question(sqlite3_stmt *s, const PythiaQuestion *q, int64_t budget,
                         const char *schema) {
    char group[PYTHIA_ID_CHARS];
    PythiaId id = {0, q->group, PYTHIA_ID_HEX16};
    PythiaText group_id = {group, pythia_id_write(id, group)};
    PythiaText texts[PARAMETERS] = {group_id,
                                    {NULL, 0},
                                    q->request_type,
                                    q->source,
                                    pythia_text(pythia_phase_name(q->source_phase)),
                                    q->destination,
                                    pythia_text(pythia_phase_name(q->destination_phase)),
                                    {NULL, 0},
                                    pythia_text(schema)};
    int rc = SQLITE_OK;
    for (int i = 0; !rc && i < PARAMETERS; i++) {
        int index = sqlite3_bind_parameter_index(s, parameters[i]);
        if (!index) continue;
        if (strcmp(parameters[i], ":position") == 0)
            rc = sqlite3_bind_int64(s, index, q->position);
        else if (strcmp(parameters[i], ":budget") == 0)
            rc = sqlite3_bind_int64(s, index, budget);
        else
            rc = bind_text(s, index, texts[i]);
    }
    return rc;
}

static int column_named(sqlite3_stmt *s, const char *name) {
    for (int i = 1; i < sqlite3_column_count(s); i++) {
        const char *column = sqlite3_column_name(s, i);
        if (column && sqlite3_stricmp(column, name) == 0) return i;
    }
    return -1;
}

static PythiaText kept(PythiaArena *arena, sqlite3_stmt *s, int column, int *rc) {
    const char *p = (const char *)sqlite3_column_text(s, column);
    size_t n = p ? (size_t)sqlite3_column_bytes(s, column) : 0;
    char *copy = pythia_arena_alloc(arena, n + 1);
    if (!copy) *rc = SQLITE_NOMEM;
    if (!copy) return (PythiaText){"", 0};
    if (n) memcpy(copy, p, n);
    copy[n] = 0;
    return (PythiaText){copy, n};
}

static int is_chosen(const PythiaChoices *choices, PythiaText tracepoint) {
    for (size_t i = 0; i < choices->n; i++)
        if (pythia_text_equal(choices->list[i].tracepoint, tracepoint)) return 1;
    return 0;
}

static int choose(PythiaChoices *choices, sqlite3_stmt *s, int reason, const char *name) {
    int rc = SQLITE_OK;
    PythiaChoice choice = {.reason = {NULL, 0}};
    choice.tracepoint = kept(&choices->arena, s, 0, &rc);
    if (reason >= 0 && sqlite3_column_type(s, reason) != SQLITE_NULL)
        choice.reason = kept(&choices->arena, s, reason, &rc);
    else
        choice.reason =
            (PythiaText){pythia_arena_copy(&choices->arena, name, strlen(name)), strlen(name)};
    if (!rc && !choice.reason.p) rc = SQLITE_NOMEM;
    if (!rc)
        rc = pythia_grow((void **)&choices->list, &choices->capacity, choices->n + 1,
                         sizeof *choices->list);
    if (!rc) choices->list[choices->n++] = choice;
    return rc;
}

int pythia_strategy_ask(PythiaLoop *loop, PythiaCapture *capture, const char *name,
                        const PythiaQuestion *q, const PythiaSwitches *switches,
                        const PythiaLayers *layers, int64_t budget, PythiaChoices *choices,
                        char **error) {
    sqlite3_stmt *s = NULL;
    char *sql = NULL;
    const char *schema = capture ? pythia_store_schema(pythia_capture_store(capture)) : "main";
    int rc = pythia_strategy_sql(capture, name, &sql, error);
    if (!rc) rc = strategy_prepare(loop, name, sql, &s, error);
    if (!rc) rc = bind_question(s, q, budget, schema);
    const PythiaQuestion *outer = loop->question;
    loop->question = q;
    int reason = s ? column_named(s, "reason") : -1;
    while (!rc && choices->n < (size_t)budget && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *p = (const char *)sqlite3_column_text(s, 0);
        PythiaText tracepoint = {p, p ? (size_t)sqlite3_column_bytes(s, 0) : 0};
        rc = SQLITE_OK;
        if (!p || is_chosen(choices, tracepoint) ||
            pythia_switch_of(switches, tracepoint, q->request_type) != PYTHIA_SWITCH_OPEN)
            continue;
        rc = choose(choices, s, reason, name);
        uint32_t text = rc ? 0 : pythia_intern_find(&loop->space.texts, tracepoint);
        if (text && layers && layers->of) choices->list[choices->n - 1].layer = layers->of[text];
    }
    if (rc == SQLITE_DONE) rc = SQLITE_OK;
    if (rc) rc = refuse(name, rc, error, "%s", sqlite3_errmsg(loop->host->db));
    loop->question = outer;
    sqlite3_finalize(s);
    sqlite3_free(sql);
    return rc;
}
