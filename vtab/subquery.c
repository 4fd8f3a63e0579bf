/* subquery.c - preparing the text of a query for a table that shows what is in its rows.
**
** sqlite3_stmt_readonly() alone is not enough: BEGIN and ATTACH, and pragmas that change the connection,
** count as read-only. Statements are told apart by their first word and by having columns. */
#include "vtab/subquery.h"

#include <string.h>

/* Behind white space and comments. */
static const char *first_word(const char *sql) {
    for (;;) {
        if (*sql && strchr(" \t\r\n\f", *sql)) {
            sql++;
        } else if (sql[0] == '-' && sql[1] == '-') {
            sql += strcspn(sql, "\n");
        } else if (sql[0] == '/' && sql[1] == '*') {
            const char *end = strstr(sql + 2, "*/");
            sql = end ? end + 2 : sql + strlen(sql);
        } else {
            return sql;
        }
    }
}

static int begins_with(const char *sql, const char *word) {
    size_t n = strlen(word);
    return sqlite3_strnicmp(sql, word, (int)n) == 0;
}

/* Whether nothing but space, comments and semicolons is left. */
static int is_rest_empty(const char *rest) {
    while (*(rest = first_word(rest)) == ';')
        rest++;
    return *rest == 0;
}

static int subquery_prepare(PythiaVtab *vtab, const char *sql, sqlite3_stmt **statement) {
    const char *table = vtab->table->name, *rest = NULL, *start = first_word(sql);
    if (!begins_with(start, "select") && !begins_with(start, "with") &&
        !begins_with(start, "values"))
        return pythia_vtab_fail(vtab, SQLITE_ERROR, "%s: the query must be a SELECT", table);
    sqlite3 *db = vtab->host->db;
    int rc = sqlite3_prepare_v2(db, sql, -1, statement, &rest);
    if (rc) return pythia_vtab_fail(vtab, rc, "%s: in the query: %s", table, sqlite3_errmsg(db));
    if (!sqlite3_stmt_readonly(*statement) || sqlite3_column_count(*statement) < 1)
        return pythia_vtab_fail(vtab, SQLITE_ERROR, "%s: the query must be a SELECT", table);
    if (!is_rest_empty(rest))
        return pythia_vtab_fail(vtab, SQLITE_ERROR, "%s: there is more than one statement", table);
    if (sqlite3_bind_parameter_count(*statement) > 0)
        return pythia_vtab_fail(vtab, SQLITE_ERROR, "%s: the query has a parameter without a value",
                                table);
    return SQLITE_OK;
}

int pythia_subquery_open(PythiaCursor *cursor, sqlite3_value *text, sqlite3_stmt **statement) {
    PythiaVtab *vtab = cursor->vtab;
    *statement = NULL;
    if (vtab->host->in_query)
        return pythia_vtab_fail(vtab, SQLITE_ERROR,
                                "%s: the query of a table over a query cannot use another one",
                                vtab->table->name);
    const char *sql = (const char *)sqlite3_value_text(text);
    if (!sql) return SQLITE_NOMEM;
    vtab->host->in_query = 1;
    int rc = subquery_prepare(vtab, sql, statement);
    if (rc) {
        pythia_subquery_close(cursor, *statement);
        *statement = NULL;
    }
    return rc;
}

void pythia_subquery_close(PythiaCursor *cursor, sqlite3_stmt *statement) {
    sqlite3_finalize(statement);
    cursor->vtab->host->in_query = 0;
}

int pythia_subquery_failed(PythiaCursor *cursor, sqlite3_stmt *statement) {
    sqlite3 *db = sqlite3_db_handle(statement);
    int rc = sqlite3_extended_errcode(db);
    return pythia_vtab_fail(cursor->vtab, rc, "%s: in the query: %s", cursor->vtab->table->name,
                            sqlite3_errmsg(db));
}
