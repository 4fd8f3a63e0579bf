/* select.c - see select.h. */
#include "ext/capture/select.h"

#include <stdlib.h>

static int place_compare(const void *a, const void *b) {
    const PythiaTracePlace *x = a, *y = b;
    if (x->segment != y->segment) return x->segment < y->segment ? -1 : 1;
    return x->ordinal < y->ordinal ? -1 : x->ordinal > y->ordinal;
}

/* Sorts, and keeps one of each. */
static void places_unite(PythiaSelection *list) {
    size_t kept = 0;
    if (list->n > 1) qsort(list->places, list->n, sizeof *list->places, place_compare);
    for (size_t i = 0; i < list->n; i++)
        if (!kept || place_compare(&list->places[kept - 1], &list->places[i]) != 0)
            list->places[kept++] = list->places[i];
    list->n = kept;
}

/* Before the array would grow, repetitions are taken out: then it is as long as there are traces. */
static int places_add(PythiaSelection *list, int64_t segment, uint32_t ordinal) {
    if (list->n == list->capacity && list->n) {
        places_unite(list);
        if (list->n > list->capacity / 2) {
            int rc = pythia_grow((void **)&list->places, &list->capacity, list->n * 2,
                                 sizeof *list->places);
            if (rc) return rc;
        }
    }
    int rc =
        pythia_grow((void **)&list->places, &list->capacity, list->n + 1, sizeof *list->places);
    if (!rc) list->places[list->n++] = (PythiaTracePlace){segment, ordinal};
    return rc;
}

/* ---- all traces ---- */

static int all_segment(PythiaSelection *list, PythiaSegment *segment, int64_t id) {
    const PythiaSegmentInfo *info = pythia_segment_info(segment);
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < info->traces; i++)
        if (!pythia_segment_dead(segment, i)) rc = places_add(list, id, i);
    return rc;
}

int pythia_selection_all(PythiaSelection *list, PythiaCapture *capture, PythiaPoll *poll,
                         char **error) {
    int rc = SQLITE_OK;
    for (int64_t id = 0; !rc && (id = pythia_capture_next_segment(capture, id)) != 0;) {
        PythiaSegment *segment;
        rc = pythia_segment_open(pythia_capture_store(capture), id, &segment, error);
        if (rc) break;
        rc = all_segment(list, segment, id);
        pythia_segment_release(segment);
        if (!rc) rc = pythia_poll(poll);
    }
    return rc;
}

/* ---- those of a query ---- */

static int query_open(sqlite3 *db, const char *who, const char *sql, sqlite3_stmt **statement,
                      char **error) {
    const char *tail = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, statement, &tail);
    if (rc) return pythia_fail(error, rc, "%s: %s", who, sqlite3_errmsg(db));
    while (tail && *tail && strchr(" \t\r\n;", *tail))
        tail++;
    if (!*statement || (tail && *tail))
        return pythia_fail(error, SQLITE_ERROR, "%s must be one SELECT", who);
    if (!sqlite3_stmt_readonly(*statement) || !sqlite3_column_count(*statement))
        return pythia_fail(error, SQLITE_ERROR, "%s must be a SELECT that only reads", who);
    return SQLITE_OK;
}

static int query_row(PythiaCapture *capture, const char *schema, const char *who,
                     sqlite3_stmt *statement, PythiaSelection *list, char **error) {
    if (sqlite3_column_type(statement, 0) == SQLITE_NULL) return SQLITE_OK;
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    if (!text) return SQLITE_NOMEM;
    PythiaText id = {text, (size_t)sqlite3_column_bytes(statement, 0)};
    int found = 0;
    int64_t segment = 0;
    uint32_t ordinal = 0;
    int rc =
        capture ? pythia_capture_find(capture, id, &found, &segment, &ordinal, error) : SQLITE_OK;
    if (!rc && !found)
        rc = pythia_fail(error, SQLITE_ERROR,
                         "%s gave '%.*s' in its first column (%s), which is no trace of schema %s",
                         who, id.n > 200 ? 200 : (int)id.n, text, sqlite3_column_name(statement, 0),
                         schema);
    return rc ? rc : places_add(list, segment, ordinal);
}

int pythia_selection_query(PythiaSelection *list, PythiaSession *session, sqlite3 *db,
                           const char *schema, const char *who, const char *sql, char **error) {
    sqlite3_stmt *statement = NULL;
    int rc = query_open(db, who, sql, &statement, error);
    while (!rc && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        /* Asked for anew: what the query calls may have changed the store. */
        PythiaCapture *capture;
        rc = pythia_session_capture(session, schema, 0, &capture, error);
        if (!rc) rc = query_row(capture, schema, who, statement, list, error);
    }
    if (rc == SQLITE_DONE)
        rc = SQLITE_OK;
    else if (rc && rc != SQLITE_NOMEM)
        pythia_fail(error, rc, "%s: %s", who, sqlite3_errmsg(db));
    sqlite3_finalize(statement);
    if (!rc) places_unite(list);
    return rc;
}

void pythia_selection_clear(PythiaSelection *list) {
    pythia_free(list->places);
    memset(list, 0, sizeof *list);
}
