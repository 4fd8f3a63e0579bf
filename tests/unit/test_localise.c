/* test_localise.c - captures whose causes are known, with the settings as they are: what is a problem, on which
** edge of it the time varies, and which variable goes along with it.
**
** Those in fixtures are always there, the larger ones lie beside the repository. The causes are described in
** fixtures/otel-shop/README.md; *.truth.json names the attributes that mean nothing. */
#include "ext/base/sqlite.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int sqlite3_pythia_init(sqlite3 *db, char **error, const sqlite3_api_routines *api);

typedef struct Case {
    const char *fixture, *shared; /* either of them; relative paths */
    const char *groups;           /* request types of all problem groups, in their order */
    const char *types;            /* likewise */
    const char *edge; /* "source phase destination phase" of the first group's first edge; GLOB */
    const char
        *variables; /* keys of which one is first for the group, or else the type; GLOB each */
} Case;

#define CHECKOUT    "frontend/POST /checkout"
#define POOL        "pool.queue_length|"
#define CACHE       "cache.hit|count(*pg*)|"
#define NPLUS1      "cart.items_count|count(*pg*)|"
#define HOST        "*host.name|*service.instance.id|"
#define POOL_EDGE   "checkout/pool.acquire start checkout/pool.acquire*"
#define NPLUS1_EDGE "cart/pg.query:SELECT postgres start cart/pg.query:SELECT postgres end"

static const Case cases[] = {
    {"pool.otlp.jsonl.gz", NULL, CHECKOUT, CHECKOUT, POOL_EDGE, POOL},
    {NULL, "pool/otlp.jsonl.gz", CHECKOUT, CHECKOUT, POOL_EDGE, POOL},
    {"cache.otlp.jsonl.gz", NULL, "", "frontend/GET /product/:id", NULL, CACHE},
    {NULL, "cache/otlp.jsonl.gz", "", "frontend/GET /product/:id", NULL, CACHE},
    {"nplus1.otlp.jsonl.gz", NULL, "frontend/POST /cart", "frontend/POST /cart", NPLUS1_EDGE,
     NPLUS1},
    {NULL, "nplus1/otlp.jsonl.gz", "frontend/POST /cart", "frontend/POST /cart", NPLUS1_EDGE,
     NPLUS1},
    {"none.otlp.jsonl.gz", NULL, "", "", NULL, NULL},
    {NULL, "none/otlp.jsonl.gz", "", "", NULL, NULL},
    {NULL, "none/otlp.pb.gz", "", "", NULL, NULL},
    {NULL, "host/small/otlp.jsonl.gz", CHECKOUT, CHECKOUT,
     "shipping/pg.query:SELECT postgres end shipping/shipping.quote end", HOST},
    {NULL, "cache-coarse/small/otlp.jsonl.gz", "frontend/GET", "frontend/GET",
     "catalog/catalog.lookup start catalog/catalog.lookup end", "cache.hit|"},
    /* The message outlives the request, which is not to be blamed. */
    {NULL, "async/small/otlp.jsonl.gz", "worker/receipts process", "worker/receipts process",
     "worker/receipts process start *", "message.size_kb|"},
};

/* The first column of all rows, separated by commas; sqlite3_free(). */
static char *ask(sqlite3 *db, const char *sql) {
    sqlite3_str *out = sqlite3_str_new(db);
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL), n = 0;
    while (!rc && sqlite3_step(statement) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        sqlite3_str_appendf(out, "%s%s", n++ ? "," : "", text ? text : "NULL");
    }
    rc = sqlite3_finalize(statement);
    if (rc) sqlite3_str_appendf(out, "error: %s", sqlite3_errmsg(db));
    char *text = sqlite3_str_finish(out);
    return text ? text : sqlite3_mprintf("");
}

static void expect(sqlite3 *db, const char *path, const char *sql, const char *wanted) {
    char *got = ask(db, sql);
    CU_ASSERT(strcmp(got, wanted) == 0);
    if (strcmp(got, wanted) != 0)
        fprintf(stderr, "%s: %s\n  have %s\n  want %s\n", path, sql, got, wanted);
    sqlite3_free(got);
}

/* Whether a text matches one of the patterns of "a|b|". */
static int matches(const char *patterns, const char *text) {
    for (const char *bar; (bar = strchr(patterns, '|')) != NULL; patterns = bar + 1) {
        char pattern[200];
        snprintf(pattern, sizeof pattern, "%.*s", (int)(bar - patterns), patterns);
        if (sqlite3_strglob(pattern, text) == 0) return 1;
    }
    return 0;
}

static void check_variables(sqlite3 *db, const char *path, const Case *c) {
    char *first = ask(db, "SELECT key FROM answer WHERE rank = 1");
    CU_ASSERT(matches(c->variables, first));
    if (!matches(c->variables, first)) fprintf(stderr, "%s: %s is first\n", path, first);
    sqlite3_free(first);
    expect(db, path, "SELECT p_adjusted < 1e-6 FROM answer WHERE rank = 1", "1");
    expect(db, path,
           "SELECT key FROM answer WHERE p_adjusted <= 0.05 AND key REGEXP "
           "'noise\\.|build\\.version|customer\\.tier|feature\\.|parcel\\.weight|payment\\.amount'",
           "");
    expect(db, path,
           "SELECT count(*) >= 3 FROM answer WHERE key REGEXP 'noise\\.' AND p_adjusted > 0.05",
           "1");
}

static void check(const Case *c, const char *path) {
    sqlite3 *db;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_pythia_init(db, NULL, NULL), SQLITE_OK);
    char *sql = sqlite3_mprintf("SELECT pythia_import(%Q) > 0", path);
    expect(db, path, sql, "1");
    sqlite3_free(sql);
    expect(db, path, "SELECT request_type FROM pythia_groups WHERE problem IS NOT NULL", c->groups);
    expect(db, path, "SELECT request_type FROM pythia_types WHERE problem IS NOT NULL", c->types);
    if (c->edge) {
        char *edge = ask(
            db, "SELECT source || ' ' || source_phase || ' ' || destination || ' ' || "
                "destination_phase FROM pythia_group_edges WHERE group_id = (SELECT group_id FROM "
                "pythia_groups WHERE problem = 'variation' LIMIT 1) ORDER BY variance_share DESC "
                "LIMIT 1");
        CU_ASSERT(sqlite3_strglob(c->edge, edge) == 0);
        if (sqlite3_strglob(c->edge, edge) != 0) fprintf(stderr, "%s: %s\n", path, edge);
        sqlite3_free(edge);
    }
    if (c->variables) {
        char *made = ask(
            db, c->edge ? "CREATE TEMP TABLE answer AS SELECT * FROM pythia_cca((SELECT group_id "
                          "FROM pythia_groups WHERE problem = 'variation' LIMIT 1))"
                        : "CREATE TEMP TABLE answer AS SELECT * FROM pythia_cca WHERE request_type "
                          "= (SELECT request_type FROM pythia_types WHERE problem = 'variation' "
                          "LIMIT 1)");
        CU_ASSERT(strcmp(made, "") == 0);
        sqlite3_free(made);
        check_variables(db, path, c);
    }
    if (c->types[0] && !c->groups[0]) {
        expect(db, path,
               "SELECT structure_share >= 0.9, modes FROM pythia_types WHERE problem = 'variation'",
               "1");
        expect(db, path,
               "SELECT group_concat(json_extract(value, '$.mass') BETWEEN 0.4 AND 0.6) FROM "
               "json_each((SELECT multimodality(duration_ns) FROM pythia_traces WHERE group_id IS "
               "NOT NULL AND request_type = 'frontend/GET /product/:id'), '$.modes')",
               "1,1");
    }
    sqlite3_close(db);
}

static void test_shop(void) {
    int absent = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[1000], below[200];
        const char *found = NULL;
        snprintf(path, sizeof path, "fixtures/otel-shop/%s",
                 cases[i].fixture ? cases[i].fixture : "");
        snprintf(below, sizeof below, "data/otel-shop/%s", cases[i].shared ? cases[i].shared : "");
        if (cases[i].shared && (found = pythia_shared(below)) != NULL)
            snprintf(path, sizeof path, "%s", found);
        if (cases[i].fixture || found)
            check(&cases[i], path);
        else
            absent++;
    }
    if (absent) pythia_skip("the larger captures of the shop are not beside the repository");
}

/* OpenStack: what fixtures/openstack/README.md says of each capture. */
static void test_openstack(void) {
    static const struct {
        const char *file, *first, *edge, *variables;
    } captures[] = {
        {"A_nosql", "nova-osapi_compute/POST /v2.1/servers",
         "*semaphore_wait start *semaphore_wait end", "semaphore.queue_length|"},
        {"B_nosql", "nova-osapi_compute/POST /v2.1/servers",
         "*semaphore_wait start *semaphore_wait end", "semaphore.queue_length|"},
        {"C3_wsgi_rpc_sem", "", "*semaphore_wait start *semaphore_wait end", NULL},
        {"C4_all", "", "*semaphore_wait start *semaphore_wait end", NULL},
        {"C1_wsgi", "", "*PUT /allocations/{id} end *GET /allocations/{id} start", NULL},
        {"C2_wsgi_rpc", "", "*build_and_run_instance end *GET /allocations/{id} start", NULL},
    };
    for (size_t i = 0; i < sizeof captures / sizeof captures[0]; i++) {
        sqlite3 *db;
        CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
        CU_ASSERT_EQUAL_FATAL(sqlite3_pythia_init(db, NULL, NULL), SQLITE_OK);
        char *sql = sqlite3_mprintf("SELECT pythia_import('fixtures/openstack/%s.jsonl.gz') > 0",
                                    captures[i].file);
        expect(db, captures[i].file, sql, "1");
        sqlite3_free(sql);
        expect(db, captures[i].file,
               "SELECT request_type FROM pythia_groups WHERE problem IS NOT NULL LIMIT 1",
               captures[i].first);
        char *edge = ask(db, "SELECT source || ' ' || source_phase || ' ' || destination || ' ' || "
                             "destination_phase FROM pythia_group_edges WHERE group_id = (SELECT "
                             "group_id FROM pythia_groups LIMIT 1) ORDER BY variance_share DESC "
                             "LIMIT 1");
        CU_ASSERT(sqlite3_strglob(captures[i].edge, edge) == 0);
        if (sqlite3_strglob(captures[i].edge, edge) != 0)
            fprintf(stderr, "%s: %s\n", captures[i].file, edge);
        sqlite3_free(edge);
        if (captures[i].variables) {
            char *key = ask(db, "SELECT key FROM pythia_cca((SELECT group_id FROM pythia_groups "
                                "LIMIT 1)) WHERE rank = 1 AND p_adjusted < 1e-6");
            CU_ASSERT(matches(captures[i].variables, key));
            if (!matches(captures[i].variables, key))
                fprintf(stderr, "%s: %s\n", captures[i].file, key);
            sqlite3_free(key);
        }
        sqlite3_close(db);
    }
}

PYTHIA_SUITE(localise, {"a shop", test_shop}, {"OpenStack", test_openstack})
