/* journal.c - what a cycle writes: decisions, rules, and which rules are the loop's. See step.h. */
#include "ext/loop/step.h"

static int failed(PythiaCycle *step, int rc) {
    if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE) return SQLITE_OK;
    return pythia_fail(step->error, rc, "pythia_step: %s", sqlite3_errmsg(step->loop->host->db));
}

static int prepare(PythiaCycle *step, sqlite3_stmt **s, const char *sql) {
    return pythia_store_prepare(pythia_capture_store(step->capture), s, sql, step->error);
}

static int run(PythiaCycle *step, sqlite3_stmt *s) {
    sqlite3_step(s);
    return failed(step, sqlite3_finalize(s));
}

static void bind_text(sqlite3_stmt *s, int index, PythiaText text, int *rc) {
    if (*rc) return;
    *rc = text.p ? sqlite3_bind_text64(s, index, text.p, text.n, SQLITE_STATIC, SQLITE_UTF8)
                 : sqlite3_bind_null(s, index);
}

static PythiaText group_text(uint64_t group, char *buffer) {
    PythiaId id = {0, group, PYTHIA_ID_HEX16};
    if (!group) return (PythiaText){NULL, 0};
    return (PythiaText){buffer, pythia_id_write(id, buffer)};
}

int pythia_step_write(PythiaCycle *step, const PythiaDecision *d) {
    sqlite3_stmt *s = NULL;
    char buffer[PYTHIA_ID_CHARS];
    int rc = prepare(step, &s,
                     "INSERT INTO \"%w\".pythia_xdecision(cycle, at_ns, action, request_type,"
                     " group_id, source, destination, tracepoint, strategy, reason)"
                     " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)");
    if (rc) return rc;
    sqlite3_bind_int64(s, 1, step->cycle);
    sqlite3_bind_int64(s, 2, step->now_ns);
    bind_text(s, 3, pythia_text(d->action), &rc);
    bind_text(s, 4, d->request_type, &rc);
    bind_text(s, 5, group_text(d->group, buffer), &rc);
    bind_text(s, 6, d->source, &rc);
    bind_text(s, 7, d->destination, &rc);
    bind_text(s, 8, d->tracepoint, &rc);
    bind_text(s, 9, d->strategy, &rc);
    bind_text(s, 10, d->reason, &rc);
    if (rc) {
        sqlite3_finalize(s);
        return rc;
    }
    if (strcmp(d->action, "wait") != 0) step->decisions++;
    return run(step, s);
}

/* Writes a rule through the table, which checks it and brings it to the programs at the commit. */
static int rule_insert(PythiaCycle *step, const PythiaDecision *d, int enabled, int64_t *rule_id) {
    sqlite3 *db = step->loop->host->db;
    sqlite3_stmt *s = NULL;
    PythiaBuf reason = {0};
    pythia_buf_format(&reason, "pythia_step, cycle %lld: ", (sqlite3_int64)step->cycle);
    pythia_buf_text(&reason, d->reason);
    int rc = reason.rc;
    if (!rc)
        rc = failed(step, sqlite3_prepare_v2(db,
                                             "INSERT INTO pythia_control(tracepoint, request_type,"
                                             " enabled, reason) VALUES(?1, ?2, ?3, ?4)",
                                             -1, &s, NULL));
    bind_text(s, 1, d->tracepoint, &rc);
    bind_text(s, 2, d->request_type, &rc);
    bind_text(s, 4, (PythiaText){(const char *)reason.data, reason.n}, &rc);
    if (!rc) rc = sqlite3_bind_int(s, 3, enabled);
    if (!rc)
        rc = run(step, s);
    else
        sqlite3_finalize(s);
    if (!rc) *rule_id = sqlite3_last_insert_rowid(db);
    pythia_buf_clear(&reason);
    return rc;
}

int pythia_step_switch(PythiaCycle *step, const PythiaDecision *d, int enabled, uint64_t branch) {
    sqlite3_stmt *s = NULL;
    char buffer[PYTHIA_ID_CHARS];
    int64_t rule_id = 0;
    int rc = rule_insert(step, d, enabled, &rule_id);
    if (!rc)
        rc = prepare(step, &s,
                     "INSERT OR REPLACE INTO \"%w\".pythia_xloop(rule_id, tracepoint,"
                     " request_type, group_id, enabled, cycle, at_ns, idle)"
                     " VALUES(?1,?2,?3,?4,?5,?6,?7,0)");
    if (rc) return rc;
    sqlite3_bind_int64(s, 1, rule_id);
    bind_text(s, 2, d->tracepoint, &rc);
    bind_text(s, 3, d->request_type, &rc);
    bind_text(s, 4, group_text(branch, buffer), &rc);
    sqlite3_bind_int(s, 5, enabled);
    sqlite3_bind_int64(s, 6, step->cycle);
    sqlite3_bind_int64(s, 7, step->now_ns);
    if (rc) {
        sqlite3_finalize(s);
        return rc;
    }
    rc = run(step, s);
    if (!rc && enabled) rc = pythia_step_spent(step, d->tracepoint, d->request_type);
    return rc ? rc : pythia_step_write(step, d);
}

int pythia_step_withdraw(PythiaCycle *step, const PythiaOwned *owned, const PythiaDecision *d) {
    sqlite3_stmt *s = NULL;
    int rc = failed(step, sqlite3_prepare_v2(step->loop->host->db,
                                             "DELETE FROM pythia_control WHERE rule_id = ?1"
                                             " AND schema = 'main'",
                                             -1, &s, NULL));
    if (rc) return rc;
    sqlite3_bind_int64(s, 1, owned->rule_id);
    rc = run(step, s);
    if (!rc) rc = prepare(step, &s, "DELETE FROM \"%w\".pythia_xloop WHERE rule_id = ?1");
    if (rc) return rc;
    sqlite3_bind_int64(s, 1, owned->rule_id);
    rc = run(step, s);
    return rc ? rc : pythia_step_write(step, d);
}

int pythia_step_note(PythiaCycle *step) {
    sqlite3_stmt *s = NULL;
    int rc = prepare(step, &s,
                     "DELETE FROM \"%w\".pythia_xloop WHERE rule_id NOT IN"
                     " (SELECT id FROM \"%w\".pythia_xrule)");
    if (!rc) rc = run(step, s);
    for (size_t i = 0; !rc && i < step->switches.n; i++) {
        int judged = 0;
        for (uint32_t k = 0; k < step->judged.n; k++)
            if (pythia_text_equal(step->judged.list[k].name, step->switches.owned[i].request_type))
                judged = !step->judged.list[k].unsettled &&
                         step->judged.list[k].n >= (size_t)step->thresholds.min_samples;
        if (!judged || !step->switches.owned[i].enabled) continue;
        rc = prepare(step, &s,
                     step->helped[i]
                         ? "UPDATE \"%w\".pythia_xloop SET idle = 0 WHERE rule_id = ?1"
                         : "UPDATE \"%w\".pythia_xloop SET idle = idle + 1 WHERE rule_id = ?1");
        if (rc) break;
        sqlite3_bind_int64(s, 1, step->switches.owned[i].rule_id);
        step->switches.owned[i].idle = step->helped[i] ? 0 : step->switches.owned[i].idle + 1;
        rc = run(step, s);
    }
    return rc;
}

int pythia_step_localized(PythiaCycle *step, const PythiaDecision *d, int *known) {
    sqlite3_stmt *s = NULL;
    *known = 0;
    int rc = prepare(step, &s,
                     "SELECT 1 FROM \"%w\".pythia_xdecision WHERE action = 'localized'"
                     " AND request_type = ?1 AND source IS ?2 AND destination IS ?3"
                     " AND tracepoint IS ?4 AND id > coalesce((SELECT max(id) FROM"
                     " \"%w\".pythia_xdecision WHERE action = 'enable' AND request_type = ?1), 0)");
    if (rc) return rc;
    bind_text(s, 1, d->request_type, &rc);
    bind_text(s, 2, d->source, &rc);
    bind_text(s, 3, d->destination, &rc);
    bind_text(s, 4, d->tracepoint, &rc);
    if (!rc) *known = sqlite3_step(s) == SQLITE_ROW;
    int last = sqlite3_finalize(s);
    return rc ? rc : failed(step, last);
}
