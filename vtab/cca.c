/* cca.c - pythia_cca: which attributes explain the duration of a group's members, or one edge of theirs.
**
** One row per variable of pythia_group_variables, the best first: correlation with the response (Pearson's r;
** eta for a category) and p_value of that alone; partial, what is left of the correlation given the variables that
** lead the ranking before it, p_adjusted of that over all that are ranked (Benjamini-Hochberg), rank. loading is
** the structure coefficient with respect to the response, which for one variable is its correlation; weight the
** standardised coefficient in the joint canonical correlation analysis of the best numbers, counts and categories of
** two levels. How variables come to lead, and what takes part: ext/group/ranking.c.
**
** note: `constant`, `identifier` and `copy of KEY` have no rank (NULL), so that each fact is ranked once;
** `proxy of KEY` goes along with the response but adds nothing to KEY; `rare levels merged` is a category of more
** than 100 levels. A missing value drops the row for that variable only; n is what remains.
**
** Arguments: group_id, a group's id or the name of a request type, for the members of all its groups together (or
** that as request_type); and response, 'duration' (the default) or, for a group, the position of one of its edges
** in pythia_group_edges: the time that members spend there, 0 where their path does not have it. */
#include "vtab/subject.h"
#include "vtab/tables.h"

#include <math.h>

enum {
    COL_KEY,
    COL_KIND,
    COL_LEVELS,
    COL_NUMBER,
    COL_MISSING,
    COL_CORRELATION,
    COL_LOADING,
    COL_WEIGHT,
    COL_P_VALUE,
    COL_P_ADJUSTED,
    COL_RANK,
    COL_NOTE,
    COL_PARTIAL,
    COL_GROUP_ID, /* visible ones end before it */
    COL_RESPONSE,
    COL_REQUEST_TYPE,
    COL_END
};

/* ---- rows -------------------------------------------------------------------------------------------- */

static void put_note(PythiaRows *rows, const PythiaRanked *ranked, const PythiaVariable *list) {
    if (ranked->note == PYTHIA_NOTE_CONSTANT) {
        pythia_rows_str(rows, "constant");
    } else if (ranked->note == PYTHIA_NOTE_IDENTIFIER) {
        pythia_rows_str(rows, "identifier");
    } else if (ranked->note == PYTHIA_NOTE_MERGED) {
        pythia_rows_str(rows, "rare levels merged");
    } else if (ranked->note == PYTHIA_NOTE_COPY || ranked->note == PYTHIA_NOTE_PROXY) {
        PythiaBuf note = {0};
        pythia_buf_str(&note, ranked->note == PYTHIA_NOTE_COPY ? "copy of " : "proxy of ");
        pythia_buf_text(&note, list[ranked->of].key);
        if (note.rc && !rows->rc) rows->rc = note.rc;
        pythia_rows_text(rows, (PythiaText){(const char *)note.data, note.n});
        pythia_buf_clear(&note);
    } else {
        pythia_rows_null(rows);
    }
}

static void put_row(PythiaRows *rows, const PythiaRanked *ranked, const PythiaVariable *list) {
    const PythiaVariable *v = &list[ranked->variable];
    pythia_rows_text(rows, v->key);
    pythia_rows_str(rows, pythia_variable_kind_name(v->kind));
    pythia_rows_int(rows, v->levels);
    pythia_rows_int(rows, v->n);
    pythia_rows_int(rows, v->missing);
    pythia_rows_double(rows, ranked->correlation);
    pythia_rows_double(rows, ranked->correlation);
    pythia_rows_double(rows, ranked->weight);
    pythia_rows_double(rows, ranked->p);
    pythia_rows_double(rows, ranked->p_adjusted);
    if (ranked->rank)
        pythia_rows_int(rows, ranked->rank);
    else
        pythia_rows_null(rows);
    put_note(rows, ranked, list);
    pythia_rows_double(rows, ranked->rank ? ranked->partial : NAN);
    pythia_rows_end(rows);
}

static int put_ranking(PythiaCursor *cursor, const PythiaVariables *variables) {
    PythiaRanked *ranked = NULL;
    uint32_t n;
    int rc = pythia_variables_rank(variables, &cursor->poll, &ranked, &cursor->vtab->base.zErrMsg);
    if (rc) return rc;
    const PythiaVariable *list = pythia_variables_list(variables, &n);
    for (uint32_t i = 0; i < n; i++)
        put_row(&cursor->rows, &ranked[i], list);
    pythia_free(ranked);
    return cursor->rows.rc;
}

static int cca_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    const PythiaBound *group = pythia_bound(bounds, n, COL_GROUP_ID, PYTHIA_EQ);
    const PythiaBound *type = pythia_bound(bounds, n, COL_REQUEST_TYPE, PYTHIA_EQ);
    const PythiaBound *response = pythia_bound(bounds, n, COL_RESPONSE, PYTHIA_EQ);
    PythiaVariables *variables;
    int found;
    int rc = pythia_subject_check(cursor, group, type);
    if (rc || !cursor->capture) return rc;
    rc = pythia_subject_read(cursor, group, type, response, &variables, &found);
    if (!rc && found) rc = put_ranking(cursor, variables);
    pythia_variables_close(variables);
    return rc;
}

static int cca_plan(PythiaVtab *vtab, sqlite3_index_info *info, int *order) {
    (void)vtab;
    (void)order;
    return pythia_subject_plan(info, COL_GROUP_ID, COL_REQUEST_TYPE);
}

static const PythiaUse cca_uses[] = {{COL_GROUP_ID, PYTHIA_EQ, 0, 1},
                                     {COL_RESPONSE, PYTHIA_EQ, 0, 1},
                                     {COL_REQUEST_TYPE, PYTHIA_EQ, 0, 1}};

const PythiaTable pythia_table_cca = {
    .name = "pythia_cca",
    .columns = "key TEXT, kind TEXT, levels INTEGER, n INTEGER, missing INTEGER, correlation REAL,"
               " loading REAL, weight REAL, p_value REAL, p_adjusted REAL, rank INTEGER, note TEXT,"
               " partial REAL,"
               " group_id TEXT HIDDEN, response HIDDEN, request_type TEXT HIDDEN",
    .nvisible = COL_GROUP_ID,
    .nhidden = COL_END - COL_GROUP_ID,
    .uses = cca_uses,
    .nuses = 3,
    .rows = 200,
    .fill = cca_fill,
    .plan = cca_plan,
};
