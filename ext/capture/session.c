/* session.c - see session.h. */
#include "ext/capture/session.h"

#include "ext/base/mem.h"
#include "ext/capture/internal.h"

#include <string.h>

struct PythiaSession {
    sqlite3 *db;
    PythiaCapture **captures; /* one per schema that was asked for and has a store */
    size_t n, capacity;
    unsigned connected; /* virtual tables */
    int readers;        /* tables being read */
    PythiaCapture
        *current; /* that of main, when it need not be looked at again; see session_note() */
    sqlite3_int64 changes; /* made by this connection when that was found */
};

int pythia_session_open(sqlite3 *db, PythiaSession **session) {
    *session = pythia_alloc_zero(sizeof **session);
    if (!*session) return SQLITE_NOMEM;
    (*session)->db = db;
    return SQLITE_OK;
}

void pythia_session_close(PythiaSession *session) {
    if (!session) return;
    for (size_t i = 0; i < session->n; i++)
        pythia_capture_close(session->captures[i]);
    pythia_free(session->captures);
    pythia_free(session);
}

void pythia_session_connected(PythiaSession *session, int change) {
    session->connected += (unsigned)change;
    for (size_t i = 0; i < session->n; i++)
        pythia_store_keep(session->captures[i]->store, session->connected != 0);
}

/* 1 when the connection has such a schema. */
static int schema_exists(sqlite3 *db, const char *schema) {
    const char *name;
    for (int i = 0; (name = sqlite3_db_name(db, i)) != NULL; i++)
        if (sqlite3_stricmp(name, schema) == 0) return 1;
    return 0;
}

static size_t session_find(const PythiaSession *session, const char *schema) {
    size_t i = 0;
    while (i < session->n &&
           sqlite3_stricmp(pythia_store_schema(session->captures[i]->store), schema))
        i++;
    return i;
}

void pythia_session_reading(PythiaSession *session, int more) {
    if (!session) return; /* a table that is tested by itself */
    session->readers += more;
    if (!session->readers) session->current = NULL;
}

static int session_is_reading(const PythiaSession *session) {
    return session->readers && sqlite3_txn_state(session->db, "main") == SQLITE_TXN_READ;
}

/* A capture was brought up to date. While this connection writes, a rollback could undo what was seen. Otherwise
** the statement that is reading keeps its read transaction, and with it what it sees, until its last table is closed
** or this connection changes something. */
static void session_note(PythiaSession *session, PythiaCapture *capture) {
    if (sqlite3_stricmp(pythia_store_schema(capture->store), "main") != 0) return;
    session->current = session_is_reading(session) ? capture : NULL;
    session->changes = sqlite3_total_changes64(session->db);
}

static void session_forget(PythiaSession *session, size_t i) {
    session->current = NULL;
    pythia_capture_close(session->captures[i]);
    session->captures[i] = session->captures[--session->n];
}

int pythia_session_capture(PythiaSession *session, const char *schema, int create,
                           PythiaCapture **capture, char **error) {
    if (session->current && session->changes == sqlite3_total_changes64(session->db) &&
        strcmp(schema, "main") == 0) {
        *capture = session->current;
        return SQLITE_OK;
    }
    *capture = NULL;
    if (!schema_exists(session->db, schema))
        return pythia_fail(error, SQLITE_ERROR, "no such schema: %s", schema);
    size_t i = session_find(session, schema);
    if (i < session->n) {
        int rc = pythia_capture_refresh(session->captures[i], error);
        if (rc == SQLITE_OK) {
            *capture = session->captures[i];
            session_note(session, *capture);
        }
        if (rc != SQLITE_NOTFOUND) return rc;
        /* The store was dropped, or another database was attached under this name. */
        session_forget(session, i);
    }
    int rc = pythia_grow((void **)&session->captures, &session->capacity, session->n + 1,
                         sizeof(PythiaCapture *));
    PythiaStore *store = NULL;
    if (!rc) rc = pythia_store_open(session->db, schema, create, &store, error);
    if (rc || !store) return rc;
    rc = pythia_capture_open(store, capture, error);
    if (rc) return rc;
    session->captures[session->n++] = *capture;
    pythia_store_keep(store, session->connected != 0);
    return SQLITE_OK;
}

int pythia_session_commit(PythiaSession *session, char **error) {
    PythiaPoll poll = {.db = session->db};
    int rc = SQLITE_OK;
    for (size_t i = 0; !rc && i < session->n; i++)
        rc = pythia_capture_before_commit(session->captures[i], &poll, error);
    pythia_poll_close(&poll);
    return rc;
}
