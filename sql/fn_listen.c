/* fn_listen.c - see fn_listen.h.
**
** The receiver is opened with the first pythia_listen() and belongs to the list of sources (ext/collect), which
** closes it with the connection; the host only remembers it. Stopping leaves it there, with what it holds. */
#include "sql/fn_listen.h"

#include "ext/base/mem.h"
#include "ext/collect/collect.h"
#include "ext/read/read.h"
#include "ext/receive/receive.h"
#include "sql/result.h"

#include <stdlib.h>

/* ---- a receiver as a source -------------------------------------------------------------------------- */

static int source_drain(void *self, PythiaStore *store, const PythiaSink *sink, uint64_t *serial,
                        int64_t *records, char **error) {
    int rc = SQLITE_OK;
    (void)store;
    while (!rc) {
        PythiaReceived received;
        PythiaReadStats stats;
        pythia_receiver_take(self, &received);
        if (!received.body.n) return SQLITE_OK;
        PythiaReadOptions options = {.format = received.format, .first_serial = *serial};
        rc = pythia_read_text(received.body, &options, sink, &stats, error);
        if (stats.next_serial) *serial = stats.next_serial;
        *records += stats.spans;
        sqlite3_free(stats.memory);
    }
    return rc;
}

static void source_commit(void *self) {
    pythia_receiver_done(self, 1);
}

static void source_rollback(void *self) {
    pythia_receiver_done(self, 0);
}

static void source_close(void *self) {
    pythia_receiver_close(self);
}

static int receiver_add(PythiaHost *host, const char *schema, const PythiaReceiveOptions *options) {
    PythiaReceiver *receiver;
    int rc = pythia_receiver_open(options, &receiver);
    if (rc) return rc;
    PythiaSource source = {.self = receiver,
                           .name = "pythia_listen",
                           .drain = source_drain,
                           .commit = source_commit,
                           .rollback = source_rollback,
                           .close = source_close};
    rc = pythia_collect_add(host->collect, schema, &source);
    if (!rc) host->receiver = receiver;
    return rc;
}

/* ---- options ------------------------------------------------------------------------------------------- */

typedef struct ListenOptions {
    PythiaReceiveOptions receive;
    char *schema; /* owned */
} ListenOptions;

static int option_take(ListenOptions *options, sqlite3_stmt *s, char **error) {
    const char *key = (const char *)sqlite3_column_text(s, 0);
    const char *value = (const char *)sqlite3_column_text(s, 1);
    if (key && sqlite3_stricmp(key, "remote") == 0) {
        options->receive.remote = sqlite3_column_int(s, 1) != 0;
    } else if (key && sqlite3_stricmp(key, "queue_mb") == 0) {
        double mb = sqlite3_column_double(s, 1);
        if (!(mb >= 1 && mb <= 65536))
            return pythia_fail(error, SQLITE_ERROR,
                               "pythia_listen: queue_mb must be a number from 1 to 65536");
        options->receive.queue_bytes = (size_t)(mb * 1048576);
    } else if (key && value && sqlite3_stricmp(key, "schema") == 0) {
        sqlite3_free(options->schema);
        options->schema = sqlite3_mprintf("%s", value);
        if (!options->schema) return SQLITE_NOMEM;
    } else {
        return pythia_fail(
            error, SQLITE_ERROR,
            "pythia_listen: no such option: '%s'; there are queue_mb, remote and schema",
            key ? key : "");
    }
    return SQLITE_OK;
}

static int options_read(sqlite3 *db, sqlite3_value *json, ListenOptions *options, char **error) {
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(
        db, "SELECT key, value FROM json_each(?1) WHERE json_type(?1) = 'object'", -1, &s, NULL);
    if (rc) return pythia_fail(error, rc, "pythia_listen: %s", sqlite3_errmsg(db));
    sqlite3_bind_value(s, 1, json);
    int any = 0;
    while (!rc && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        any = 1;
        rc = option_take(options, s, error);
    }
    if (rc == SQLITE_ERROR)
        pythia_fail(error, rc, "pythia_listen: options are no JSON object: %s", sqlite3_errmsg(db));
    if (rc == SQLITE_DONE) rc = SQLITE_OK;
    sqlite3_finalize(s);
    const char *text = (const char *)sqlite3_value_text(json);
    if (!rc && !any && text && text[strspn(text, " \t\r\n")] != '{')
        rc = pythia_fail(error, SQLITE_ERROR, "pythia_listen: the options must be a JSON object");
    return rc;
}

/* ---- the function ---------------------------------------------------------------------------------------- */

/* Begins to listen; a receiver that was stopped goes on with what it holds, unless it is for other options. */
static int listen_begin(PythiaHost *host, const char *address, const ListenOptions *options,
                        char **error) {
    const char *now = host->receiver ? pythia_receiver_address(host->receiver) : NULL;
    if (now)
        return pythia_fail(error, SQLITE_ERROR,
                           "pythia_listen: already listening on %s; pythia_listen(NULL) stops that",
                           now);
    if (host->receiver) {
        PythiaReceiverCounts counts;
        pythia_receiver_counts(host->receiver, &counts);
        if (counts.queued)
            return pythia_fail(
                error, SQLITE_ERROR,
                "pythia_listen: %lld requests of the last time are not collected yet: call "
                "pythia_collect() first",
                (long long)counts.queued);
        pythia_collect_remove(host->collect, host->receiver);
        host->receiver = NULL;
    }
    int rc = receiver_add(host, options->schema ? options->schema : "main", &options->receive);
    char *why = NULL;
    if (!rc) rc = pythia_receiver_listen(host->receiver, address, &why);
    if (rc && why) pythia_fail(error, rc, "pythia_listen: %s", why);
    sqlite3_free(why);
    if (rc && host->receiver) {
        pythia_collect_remove(host->collect, host->receiver);
        host->receiver = NULL;
    }
    return rc;
}

static void fn_listen(sqlite3_context *context, int argc, sqlite3_value **argv) {
    PythiaHost *host = sqlite3_user_data(context);
    ListenOptions options = {0};
    char *error = NULL;
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL) {
        if (host->receiver) pythia_receiver_stop(host->receiver);
        return;
    }
    const char *address = (const char *)sqlite3_value_text(argv[0]);
    int rc = address ? SQLITE_OK : SQLITE_NOMEM;
    if (!rc && argc > 1 && sqlite3_value_type(argv[1]) != SQLITE_NULL)
        rc = options_read(host->db, argv[1], &options, &error);
    if (!rc) rc = listen_begin(host, address, &options, &error);
    sqlite3_free(options.schema);
    if (rc)
        pythia_result_failure(context, rc, error);
    else
        sqlite3_result_text(context, pythia_receiver_address(host->receiver), -1, SQLITE_TRANSIENT);
}

static void fn_status(sqlite3_context *context, int argc, sqlite3_value **argv) {
    PythiaHost *host = sqlite3_user_data(context);
    PythiaReceiverCounts c;
    (void)argc;
    (void)argv;
    if (!host->receiver) return;
    pythia_receiver_counts(host->receiver, &c);
    const char *address = pythia_receiver_address(host->receiver);
    char *json =
        sqlite3_mprintf("{\"address\":%s%s%s,\"requests\":%lld,\"accepted\":%lld,\"refused\":%lld,"
                        "\"queued\":%lld,\"queued_bytes\":%lld}",
                        address ? "\"" : "", address ? address : "null", address ? "\"" : "",
                        (long long)c.requests, (long long)c.accepted, (long long)c.refused,
                        (long long)c.queued, (long long)c.queued_bytes);
    if (json)
        sqlite3_result_text(context, json, -1, sqlite3_free);
    else
        sqlite3_result_error_nomem(context);
}

int pythia_fn_listen_register(PythiaHost *host, char **error) {
    static const struct {
        int arguments;
        void (*call)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {{0, fn_status}, {1, fn_listen}, {2, fn_listen}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        int rc = sqlite3_create_function_v2(host->db, "pythia_listen", functions[i].arguments,
                                            SQLITE_UTF8 | SQLITE_DIRECTONLY, host,
                                            functions[i].call, NULL, NULL, NULL);
        if (rc)
            return pythia_fail(error, rc, "could not register pythia_listen: %s",
                               sqlite3_errmsg(host->db));
    }
    return SQLITE_OK;
}
