/* repairs.c - what had to be mended of a trace, as rows of pythia_problems.
**
** One row for each kind of repair and trace, with how often it was made. The rows of a trace are those without a
** file: when the trace is built anew they are taken away and written again. What the builder repaired is counted in
** the trace; links that are no part of its order are counted here, because that takes the model. */
#include "ext/capture/internal.h"
#include "ext/trace/graph.h"

typedef struct Problems {
    const PythiaNames *names;
    const PythiaTrace *trace;
    sqlite3_stmt *insert;
} Problems;

static int put_problem(const Problems *p, const char *kind, uint32_t n, const char *what) {
    if (!n) return SQLITE_OK;
    char id[PYTHIA_ID_CHARS], detail[160];
    PythiaText text = pythia_names_id_text(p->names, p->trace->id, id);
    sqlite3_snprintf(sizeof detail, detail, "%u %s", n, what);
    sqlite3_bind_text(p->insert, 1, kind, -1, SQLITE_STATIC);
    sqlite3_bind_text64(p->insert, 2, text.p, text.n, SQLITE_TRANSIENT, SQLITE_UTF8);
    sqlite3_bind_text(p->insert, 3, detail, -1, SQLITE_TRANSIENT);
    sqlite3_step(p->insert);
    return sqlite3_reset(p->insert);
}

int pythia_repairs_put(PythiaCapture *capture, const PythiaTrace *trace, sqlite3_stmt *insert) {
    const PythiaRepairs *r = &trace->repairs;
    uint32_t links = 0;
    int rc = SQLITE_OK;
    Problems p = {pythia_store_names(capture->store), trace, insert};
    if (trace->nlinks) rc = pythia_links_refused(trace, &capture->model, p.names, &links);
    const struct {
        const char *kind;
        uint32_t n;
        const char *what;
    } rows[] = {
        {"open", r->open_spans,
         "span(s) lost one half and were closed at the instant of the other"},
        {"duplicate", r->duplicates, "exact repetition(s) of a span dropped"},
        {"conflict", r->conflicts,
         "span(s) share id, kind and service with another but differ; both kept"},
        {"outside", r->outside_points, "point(s) outside the time of their span"},
        {"orphan", r->orphans,
         "span(s) name a parent that is not in the trace; kept as secondary roots"},
        {"cycle", r->cycles, "cycle(s) of parents cut at the earliest span"},
        {"negative", r->negative, "span(s) end before they start"},
        {"link", links,
         "link(s) to spans of the trace lead back in time or in a circle; no part of its order"},
    };
    for (size_t i = 0; !rc && i < sizeof rows / sizeof *rows; i++)
        rc = put_problem(&p, rows[i].kind, rows[i].n, rows[i].what);
    return rc;
}

int pythia_repairs_forget(PythiaCapture *capture, const PythiaTrace *trace, char **error) {
    char id[PYTHIA_ID_CHARS];
    sqlite3_stmt *statement;
    int rc = pythia_store_prepare(
        capture->store, &statement,
        "DELETE FROM \"%w\".pythia_xproblem WHERE trace_id = ?1 AND file IS NULL", error);
    if (rc) return rc;
    PythiaText text = pythia_names_id_text(pythia_store_names(capture->store), trace->id, id);
    sqlite3_bind_text64(statement, 1, text.p, text.n, SQLITE_TRANSIENT, SQLITE_UTF8);
    sqlite3_step(statement);
    return sqlite3_finalize(statement);
}
