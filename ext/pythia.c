/* pythia.c - entry point and composition root: the only file that knows all the others.
**
** Loading makes one PythiaHost for the connection and registers, from static lists, the tables and the
** functions that share it. Every module holds a reference; the last one to go frees it, which is when the
** connection closes or, after a second load into the same connection, when the new modules have replaced the
** old. Loading twice is harmless. */
#ifndef SQLITE_CORE
#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT1
#endif

#include "ext/base/compat.h"
#include "ext/base/error.h"
#include "ext/base/mem.h"
#include "ext/capture/session.h"
#include "ext/collect/collect.h"
#include "ext/control/control.h"
#include "ext/loop/loop.h"
#include "ext/pythia.h"
#include "sql/fn_capture.h"
#include "sql/fn_control.h"
#include "sql/fn_listen.h"
#include "sql/fn_loop.h"
#include "sql/fn_order.h"
#include "sql/fn_pivot.h"
#include "sql/fn_stat.h"
#include "sql/fn_text.h"
#include "vtab/control.h"
#include "vtab/store.h"
#include "vtab/tables.h"

static void host_release(void *pointer) {
    PythiaHost *host = pointer;
    if (--host->references > 0) return;
    pythia_loop_close(host->loop);
    pythia_collect_close(host->collect);
    pythia_control_close(host->control);
    pythia_session_close(host->session);
    pythia_free(host);
}

static int host_open(sqlite3 *db, PythiaHost **host) {
    *host = pythia_alloc_zero(sizeof **host);
    if (!*host) return SQLITE_NOMEM;
    (*host)->db = db;
    (*host)->references = 1; /* of the caller, while it registers */
    int rc = pythia_session_open(db, &(*host)->session);
    if (!rc) rc = pythia_control_open(db, &(*host)->control);
    if (!rc) rc = pythia_loop_open(*host, &(*host)->loop);
    if (!rc) rc = pythia_collect_open(db, &(*host)->collect);
    if (rc) host_release(*host);
    return rc;
}

static const PythiaTable *const tables[] = {
    /* what was observed */
    &pythia_table_traces,
    &pythia_table_spans,
    &pythia_table_events,
    &pythia_table_edges,
    &pythia_table_related,
    &pythia_table_pairs,
    &pythia_table_attributes,
    &pythia_table_critical_path,
    &pythia_table_slack,
    &pythia_table_paths,
    &pythia_table_pivot_query,
    &pythia_table_pivot_explain,
    /* what it adds up to */
    &pythia_table_types,
    &pythia_table_groups,
    &pythia_table_group_members,
    &pythia_table_group_edges,
    &pythia_table_group_covariance,
    &pythia_table_group_variables,
    &pythia_table_cca,
    &pythia_table_context_tree,
    &pythia_table_what_if,
    &pythia_table_compare,
    &pythia_table_dependencies,
    &pythia_table_split,
    &pythia_table_violations,
    /* over any query */
    &pythia_table_cca_query,
    &pythia_table_cca_variables,
    /* how it came in, and how it is to be understood */
    &pythia_table_imports,
    &pythia_table_problems,
    &pythia_table_aggregates,
    &pythia_table_settings,
    &pythia_table_request_types,
    &pythia_table_name_rules,
    /* deciding where to look next */
    &pythia_table_search_space,
    &pythia_table_layers,
    &pythia_table_strategies,
    &pythia_table_candidates,
    &pythia_table_next,
    &pythia_table_decisions,
    &pythia_table_forest,
    &pythia_table_expectations,
    /* acting on programs */
    &pythia_table_control,
    &pythia_table_tracepoints,
    &pythia_table_backends,
    &pythia_table_control_log,
};

static int register_tables(PythiaHost *host, char **error) {
    host->references++;
    int rc = pythia_store_table_register(host, host_release);
    if (rc)
        return pythia_fail(error, rc, "could not register pythia: %s", sqlite3_errmsg(host->db));
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        host->references++; /* released by the module, also when its registration fails */
        rc = pythia_vtab_register(host, tables[i], host_release);
        if (rc)
            return pythia_fail(error, rc, "could not register %s: %s", tables[i]->name,
                               sqlite3_errmsg(host->db));
    }
    return SQLITE_OK;
}

__attribute__((visibility("default"))) int
sqlite3_pythia_init(sqlite3 *db, char **error, const struct sqlite3_api_routines *api) {
#ifndef SQLITE_CORE
    SQLITE_EXTENSION_INIT2(api);
#else
    (void)api;
#endif
    if (sqlite3_libversion_number() < PYTHIA_OLDEST_SQLITE)
        return pythia_fail(error, SQLITE_ERROR, "pythia needs SQLite 3.40 or later, this is %s",
                           sqlite3_libversion());
    PythiaHost *host;
    int rc = host_open(db, &host);
    if (rc) return rc;
    rc = register_tables(host, error);
    if (!rc) rc = pythia_fn_capture_register(host, error);
    if (!rc) rc = pythia_fn_order_register(host, error);
    if (!rc) rc = pythia_fn_control_register(host, error);
    if (!rc) rc = pythia_fn_listen_register(host, error);
    if (!rc) rc = pythia_fn_loop_register(host, error);
    if (!rc) rc = pythia_fn_pivot_register(db, error);
    if (!rc) rc = pythia_fn_stat_register(db, error);
    if (!rc) rc = pythia_fn_text_register(db, error);
    host_release(host);
    return rc;
}
