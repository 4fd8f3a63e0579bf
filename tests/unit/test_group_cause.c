/* test_group_cause.c - pythia_cca and pythia_group_variables on a capture of which is known what explains the
** durations. */
#include <unistd.h>

#include "ext/base/sqlite.h"
#include "tests/unit/test.h"

int sqlite3_pythia_init(sqlite3 *db, char **error, const sqlite3_api_routines *api);

#define CAPTURE "fixtures/openstack/B_nosql.jsonl.gz"

/* The first column of the first row; NULL: no row, or an error, whose message is then the text. */
static void check_sql(sqlite3 *db, const char *sql, const char *expected) {
    sqlite3_stmt *statement = NULL;
    const char *got = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (!rc) rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        got = (const char *)sqlite3_column_text(statement, 0);
    else if (rc != SQLITE_DONE)
        got = sqlite3_errmsg(db);
    if (got != expected && (!got || !expected || strcmp(got, expected) != 0)) {
        CU_FAIL("unexpected result");
        fprintf(stderr, "%s\n  %s\n", sql, got ? got : "(none)");
    }
    sqlite3_finalize(statement);
}

/* What is known of this capture is in fixtures/openstack/README.md. */
static void test_capture(void) {
    sqlite3 *db;
    if (access(CAPTURE, R_OK)) {
        pythia_skip(CAPTURE " is not there");
        return;
    }
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_pythia_init(db, NULL, NULL), SQLITE_OK);
    check_sql(db, "SELECT count(*) FROM pythia_cca('0123456789abcdef')", "0");
    check_sql(db, "SELECT pythia_import('" CAPTURE "') > 0", "1");
    check_sql(db,
              "CREATE TEMP TABLE g AS SELECT group_id FROM pythia_groups WHERE traces = 80 AND "
              "request_type LIKE '%POST /v2.1/servers'",
              NULL);
    check_sql(db, "SELECT key FROM pythia_cca((SELECT group_id FROM g)) WHERE rank = 1",
              "semaphore.queue_length");
    check_sql(db,
              "SELECT round(correlation, 3) || (p_adjusted < 1e-10) || (loading = correlation)"
              " FROM pythia_cca c JOIN g USING (group_id) WHERE rank = 1",
              "0.95711");
    check_sql(db,
              "SELECT p_adjusted > 0.05 FROM pythia_cca c JOIN g USING (group_id) WHERE key = "
              "'spawn.planned_s'",
              "1");
    /* All 82, whatever their structure. */
    check_sql(db,
              "SELECT group_concat(key || ' ' || round(correlation, 2), ', ') FROM (SELECT * FROM "
              "pythia_cca WHERE request_type = 'nova-osapi_compute/POST /v2.1/servers' AND key "
              "IN ('semaphore.queue_length', 'semaphore.in_service') ORDER BY rank)",
              "semaphore.queue_length 0.96, semaphore.in_service 0.52");
    check_sql(db,
              "SELECT note FROM pythia_cca WHERE key = 'semaphore.in_service' AND request_type = "
              "'nova-osapi_compute/POST /v2.1/servers'",
              "proxy of semaphore.queue_length");
    check_sql(db,
              "SELECT round(p_value, 1) || ' ' || n FROM pythia_cca WHERE key = 'spawn.planned_s' "
              "AND request_type = 'nova-osapi_compute/POST /v2.1/servers'",
              "0.3 82");
    /* The wait itself, and the correlation again from attributes and durations. */
    check_sql(db,
              "SELECT key FROM g, pythia_group_edges e, pythia_cca c WHERE e.group_id = g.group_id "
              "AND e.variance_share > 0.9 AND c.group_id = g.group_id AND c.response = e.position "
              "AND c.rank = 1 AND c.correlation > 0.97",
              "semaphore.queue_length");
    check_sql(db,
              "SELECT abs(c.correlation - (SELECT corr(a.value, m.duration_ns) FROM "
              "pythia_group_members m JOIN pythia_attributes a USING (trace_id) WHERE m.group_id = "
              "g.group_id AND a.key = c.key)) < 1e-9 FROM g, pythia_cca(g.group_id) c WHERE c.key "
              "= 'spawn.planned_s'",
              "1");
    check_sql(db,
              "SELECT max(v.n + v.missing <> 80) || count(c.key) = '0' || count(*) FROM g JOIN "
              "pythia_group_variables v USING (group_id) LEFT JOIN pythia_cca c ON c.group_id = "
              "v.group_id AND c.key = v.key AND c.kind = v.kind AND c.levels = v.levels",
              "1");
    check_sql(db,
              "SELECT count(DISTINCT group_id) = (SELECT count(*) FROM pythia_groups) FROM "
              "pythia_group_variables",
              "1");
    check_sql(db, "SELECT count(*) FROM pythia_cca",
              "pythia_cca needs its argument \"group_id\" or \"request_type\": give a group in "
              "parentheses after the table's name, or either as WHERE ... = ...");
    check_sql(db, "SELECT count(*) FROM pythia_cca('a', 'duration', 'b')",
              "pythia_cca takes group_id or request_type, not both");
    check_sql(db, "SELECT count(*) FROM pythia_cca((SELECT group_id FROM g)) WHERE response = 0",
              "pythia_cca: the group has edges at positions 1 to 53, none at 0");
    check_sql(db, "SELECT count(*) FROM pythia_cca((SELECT group_id FROM g)) WHERE response = 'x'",
              "pythia_cca: response must be 'duration' or the position of an edge in "
              "pythia_group_edges");
    check_sql(db,
              "SELECT count(*) FROM pythia_cca WHERE response = 1 AND request_type "
              "= 'nova-osapi_compute/POST /v2.1/servers'",
              "pythia_cca: an edge is the response of a group: give group_id instead of "
              "request_type");
    check_sql(db, "SELECT count(*) FROM pythia_cca WHERE request_type = 'x'", "0");
    check_sql(db, "SELECT count(*) FROM pythia_cca WHERE group_id = NULL", "0");
    check_sql(db, "SELECT count(*) FROM pythia_cca('not a group')", "0");
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

PYTHIA_SUITE(group_cause, {"a capture of which the cause is known", test_capture})
