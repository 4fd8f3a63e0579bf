/* learning.c - the search space from stored traces; see loop.h. */
#include "ext/loop/internal.h"

#include "ext/capture/savepoint.h"

typedef struct Learn {
    PythiaCapture *capture;
    const PythiaModel *model;
    PythiaLearner *learner;
    int64_t traces;
} Learn;

static int see_trace(void *context, const PythiaTrace *trace, const PythiaAnalysis *analysis) {
    Learn *l = context;
    if (!analysis->head.group) return SQLITE_OK; /* not whole */
    l->traces++;
    return pythia_learner_add(l->learner, trace, l->model, pythia_capture_names(l->capture),
                              &analysis->request, &analysis->path);
}

static int see_id(Learn *l, PythiaText id, PythiaTrace *trace, PythiaAnalysis *analysis,
                  char **error) {
    int found;
    int64_t segment_id;
    uint32_t ordinal;
    int rc = pythia_capture_find(l->capture, id, &found, &segment_id, &ordinal, error);
    if (!rc && !found)
        rc = pythia_fail(error, SQLITE_ERROR, "pythia_learn: there is no trace '%.*s'", (int)id.n,
                         id.p ? id.p : "");
    if (rc) return rc;
    PythiaSegment *segment = NULL;
    rc = pythia_segment_open(pythia_capture_store(l->capture), segment_id, &segment, error);
    if (!rc) rc = pythia_segment_trace(segment, ordinal, 0, trace, error);
    if (!rc) rc = pythia_capture_analyse(l->capture, trace, analysis, error);
    if (!rc) rc = see_trace(l, trace, analysis);
    pythia_segment_release(segment);
    return rc;
}

/* Learns from the traces that a query names. */
static int see_query(Learn *l, sqlite3 *db, const char *query, char **error) {
    sqlite3_stmt *s = NULL;
    const char *tail = NULL;
    PythiaTrace trace = {0};
    PythiaAnalysis analysis = {0};
    int rc = sqlite3_prepare_v2(db, query, -1, &s, &tail);
    if (rc) return pythia_fail(error, rc, "pythia_learn: %s", sqlite3_errmsg(db));
    if (!s || !sqlite3_stmt_readonly(s) || !sqlite3_column_count(s) ||
        tail[strspn(tail, " \t\r\n;")])
        rc = pythia_fail(error, SQLITE_ERROR,
                         "pythia_learn: the argument must be one SELECT that gives trace ids");
    while (!rc && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const char *id = (const char *)sqlite3_column_text(s, 0);
        rc = see_id(l, (PythiaText){id, id ? (size_t)sqlite3_column_bytes(s, 0) : 0}, &trace,
                    &analysis, error);
    }
    if (rc == SQLITE_DONE) rc = SQLITE_OK;
    if (rc) rc = pythia_fail(error, rc, "pythia_learn: %s", sqlite3_errmsg(db));
    sqlite3_finalize(s);
    pythia_trace_clear(&trace);
    pythia_analysis_clear(&analysis);
    return rc;
}

static int learn(PythiaLoop *loop, Learn *l, const char *query, PythiaPoll *poll, char **error) {
    PythiaSpace space = {0};
    const PythiaSpace *old;
    int rc = pythia_capture_model(l->capture, &l->model, error);
    if (!rc && query) rc = pythia_capture_settle(l->capture, poll, error);
    if (!rc)
        rc = query ? see_query(l, loop->host->db, query, error)
                   : pythia_capture_each_trace(l->capture, 0, 0, poll, see_trace, l, error);
    if (!rc) rc = pythia_loop_space(loop, l->capture, poll, &old, error);
    if (!rc) rc = pythia_learner_keep(l->learner, old);
    if (!rc) rc = pythia_learner_finish(l->learner, poll, &space);
    if (!rc) rc = pythia_space_save(pythia_capture_store(l->capture), &space, error);
    pythia_space_clear(&space);
    return rc;
}

int pythia_loop_learn(PythiaLoop *loop, const char *query, int64_t *traces, char **error) {
    Learn l = {0};
    PythiaPoll poll = {.db = loop->host->db};
    PythiaSavepoint savepoint = {0};
    *traces = 0;
    int rc = pythia_session_capture(loop->host->session, "main", 0, &l.capture, error);
    if (!rc && !l.capture)
        rc = pythia_fail(error, SQLITE_ERROR, "pythia_learn: there are no traces to learn from");
    if (!rc) rc = pythia_savepoint_begin(&savepoint, loop->host->db, error);
    if (rc) return rc;
    rc = pythia_savepoint_arm(&savepoint, "main", error);
    if (!rc) rc = pythia_learner_open(&l.learner);
    if (!rc) rc = learn(loop, &l, query, &poll, error);
    pythia_learner_close(l.learner);
    rc = pythia_savepoint_end(&savepoint, rc, error);
    pythia_poll_close(&poll);
    if (!rc) *traces = l.traces;
    return rc;
}
