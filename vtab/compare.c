/* compare.c - pythia_compare(before, after): what is different between two sets of traces
** (ext/group/compare.h).
**
** Each argument is the name of a schema, all of whose traces are meant, or else a predicate: an SQL expression
** over the columns of pythia_traces, of the schema that the hidden argument `schema` names. A row per change
** that is no chance, the one that matters most first. For direct use only, because predicates are SQL.
**
** A predicate is prepared inside SELECT trace_id FROM pythia_traces WHERE (...), by itself on its lines, so that
** it cannot end in a comment; the statement must be one, and only read. What it gives is looked up in the store:
** a table of the user's with the name of ours can choose among traces, no more. */
#include "ext/capture/compare.h"

#include "vtab/scan.h"
#include "vtab/tables.h"

enum {
    COL_WHAT,
    COL_REQUEST_TYPE,
    COL_GROUP_ID,
    COL_TRACEPOINT,
    COL_CHANGE,
    COL_N_BEFORE,
    COL_N_AFTER,
    COL_MEAN_BEFORE,
    COL_MEAN_AFTER,
    COL_EFFECT,
    COL_P_ADJUSTED,
    COL_PHASE,
    COL_DESTINATION,
    COL_DESTINATION_PHASE,
    COL_KEY,
    COL_DETAIL,
    COL_SCORE,
    COL_N, /* visible columns */
    ARG_BEFORE = COL_N,
    ARG_AFTER
};

/* ---- the sets --------------------------------------------------------------------------------------- */

static const char *side_name(int side) {
    return side ? "after" : "before";
}

/* The schema that a text means: its own, or that of the table. *predicate: the text is none of a schema. */
static const char *side_schema(PythiaCursor *cursor, const char *text, int *predicate) {
    *predicate = pythia_schema_index(cursor->vtab->host->db, text) < 0;
    return *predicate ? sqlite3_db_name(cursor->vtab->host->db, cursor->schema_index) : text;
}

static int side_find(PythiaCursor *cursor, int side, const char *text, PythiaSide *out) {
    PythiaHost *host = cursor->vtab->host;
    char **error = &cursor->vtab->base.zErrMsg;
    int predicate;
    const char *schema = side_schema(cursor, text, &predicate);
    int rc = pythia_session_capture(host->session, schema, 0, &out->capture, error);
    if (rc || !out->capture) return rc;
    if (!predicate) return pythia_selection_all(&out->places, out->capture, &cursor->poll, error);
    char *who = sqlite3_mprintf("pythia_compare: %s (no schema, so a predicate over pythia_traces)",
                                side_name(side));
    char *sql =
        sqlite3_mprintf("SELECT trace_id FROM pythia_traces(%Q) WHERE (\n%s\n)", schema, text);
    rc = who && sql ? pythia_selection_query(&out->places, host->session, host->db, schema, who,
                                             sql, error)
                    : SQLITE_NOMEM;
    sqlite3_free(who);
    sqlite3_free(sql);
    return rc;
}

/* Both are brought up to date first: a rebuild of the one would move what was found in the other. */
static int sides_find(PythiaCursor *cursor, const char *const texts[2], PythiaSide sides[2]) {
    char **error = &cursor->vtab->base.zErrMsg;
    int rc = SQLITE_OK;
    for (int side = 0; !rc && side < 2; side++) {
        int predicate;
        const char *schema = side_schema(cursor, texts[side], &predicate);
        PythiaCapture *capture;
        rc = pythia_session_capture(cursor->vtab->host->session, schema, 0, &capture, error);
        if (!rc && capture) rc = pythia_capture_settle(capture, &cursor->poll, error);
    }
    for (int side = 0; !rc && side < 2; side++)
        rc = side_find(cursor, side, texts[side], &sides[side]);
    /* A predicate may have called what closes and opens captures. */
    for (int side = 0; !rc && side < 2; side++) {
        int predicate;
        const char *schema = side_schema(cursor, texts[side], &predicate);
        rc = pythia_session_capture(cursor->vtab->host->session, schema, 0, &sides[side].capture,
                                    error);
    }
    return rc;
}

/* ---- rows ------------------------------------------------------------------------------------------- */

static void put_text(PythiaRows *rows, PythiaText text) {
    if (text.n)
        pythia_rows_text(rows, text);
    else
        pythia_rows_null(rows);
}

static void put_change(PythiaRows *rows, const PythiaNames *names, const PythiaChange *c) {
    static const char *const whats[] = {"type", "group", "edge", "attribute"};
    static const char *const changes[] = {"new", "gone", "slower", "faster", "shifted"};
    char text[PYTHIA_ID_CHARS];
    PythiaId id = {0, c->group, PYTHIA_ID_HEX16};
    int is_edge = c->what == PYTHIA_OF_EDGE;
    pythia_rows_str(rows, whats[c->what]);
    pythia_rows_text(rows, pythia_names_text(names, c->request_type));
    put_text(rows, (PythiaText){text, c->group ? pythia_id_write(id, text) : 0});
    put_text(rows, pythia_names_tracepoint_text(names, c->source));
    pythia_rows_str(rows, changes[c->change]);
    pythia_rows_int(rows, c->n[0]);
    pythia_rows_int(rows, c->n[1]);
    pythia_rows_double(rows, c->mean_ns[0]);
    pythia_rows_double(rows, c->mean_ns[1]);
    pythia_rows_double(rows, c->effect);
    pythia_rows_double(rows, c->p_adjusted);
    pythia_rows_str(rows, is_edge ? pythia_phase_name(c->source_phase) : NULL);
    put_text(rows, pythia_names_tracepoint_text(names, c->destination));
    pythia_rows_str(rows, is_edge ? pythia_phase_name(c->destination_phase) : NULL);
    put_text(rows, c->key);
    put_text(rows, c->detail);
    pythia_rows_double(rows, c->score);
    pythia_rows_end(rows);
}

static int compare_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    const char *texts[2];
    PythiaSide sides[2] = {{NULL, {NULL, 0, 0}}, {NULL, {NULL, 0, 0}}};
    PythiaComparison *comparison = NULL;
    const PythiaChange *changes = NULL;
    size_t nchanges = 0;
    for (int side = 0; side < 2; side++) {
        texts[side] = (const char *)sqlite3_value_text(
            pythia_bound(bounds, n, ARG_BEFORE + side, PYTHIA_EQ)->value);
        if (!texts[side]) return SQLITE_NOMEM;
    }
    int rc = sides_find(cursor, texts, sides);
    if (!rc) rc = pythia_comparison_open(&cursor->poll, &comparison);
    if (!rc)
        rc = pythia_compare_sides(sides, comparison, &cursor->poll, &cursor->vtab->base.zErrMsg);
    if (!rc) rc = pythia_comparison_finish(comparison, &changes, &nchanges);
    for (size_t i = 0; !rc && i < nchanges; i++) {
        put_change(&cursor->rows, pythia_comparison_names(comparison), &changes[i]);
        rc = cursor->rows.rc;
    }
    pythia_comparison_close(comparison);
    for (int side = 0; side < 2; side++)
        pythia_selection_clear(&sides[side].places);
    return rc;
}

static const PythiaUse compare_uses[] = {{ARG_BEFORE, PYTHIA_EQ, PYTHIA_USE_REQUIRED, 0},
                                         {ARG_AFTER, PYTHIA_EQ, PYTHIA_USE_REQUIRED, 0}};

const PythiaTable pythia_table_compare = {
    .name = "pythia_compare",
    .columns = "what TEXT, request_type TEXT, group_id TEXT, tracepoint TEXT, change TEXT,"
               " n_before INTEGER, n_after INTEGER, mean_before_ns REAL, mean_after_ns REAL,"
               " effect REAL, p_adjusted REAL, phase TEXT, destination TEXT,"
               " destination_phase TEXT, key TEXT, detail TEXT, score REAL,"
               " before TEXT HIDDEN, after TEXT HIDDEN",
    .nvisible = COL_N,
    .nhidden = 2,
    .uses = compare_uses,
    .nuses = 2,
    .direct_only = 1,
    .rows = 100,
    .fill = compare_fill,
};
