/* test_base_poll.c - noticing interrupts, and keeping the first error message. */
#include "ext/base/error.h"
#include "ext/base/poll.h"
#include "tests/unit/test.h"

static int stop(void *context) {
    (void)context;
    return 1;
}

static void test_progress_handler(void) {
    sqlite3 *db;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    PythiaPoll poll = {0};
    poll.db = db;
    CU_ASSERT_EQUAL(pythia_poll_now(&poll), SQLITE_OK);
    sqlite3_progress_handler(db, 1, stop, NULL);
    CU_ASSERT_EQUAL(pythia_poll_now(&poll), SQLITE_INTERRUPT);
    CU_ASSERT_EQUAL(pythia_poll_now(&poll), SQLITE_INTERRUPT);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    CU_ASSERT_EQUAL(pythia_poll_now(&poll), SQLITE_OK);
    pythia_poll_close(&poll);
    pythia_poll_close(&poll);
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

/* sqlite3_interrupt() holds while a statement runs; here the poll is called from inside one. */
static int interrupted_rc;

static void fn_loop(sqlite3_context *context, int n, sqlite3_value **values) {
    (void)n;
    (void)values;
    PythiaPoll poll = {0};
    poll.db = sqlite3_context_db_handle(context);
    sqlite3_interrupt(poll.db);
    for (int i = 0; i < 2 * PYTHIA_POLL_EVERY && !interrupted_rc; i++)
        interrupted_rc = pythia_poll(&poll);
    pythia_poll_close(&poll);
}

static void test_interrupt(void) {
    sqlite3 *db;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    sqlite3_create_function(db, "loop", 0, SQLITE_UTF8, NULL, fn_loop, NULL, NULL);
    interrupted_rc = SQLITE_OK;
    sqlite3_exec(db, "SELECT loop()", NULL, NULL, NULL);
    CU_ASSERT_EQUAL(interrupted_rc, SQLITE_INTERRUPT);
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

static void test_no_connection(void) {
    PythiaPoll poll = {0};
    for (int i = 0; i < 3 * PYTHIA_POLL_EVERY; i++)
        CU_ASSERT_EQUAL(pythia_poll(&poll), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_poll(NULL), SQLITE_OK);
    pythia_poll_close(&poll);
}

static void test_first_message(void) {
    char *error = NULL;
    CU_ASSERT_EQUAL(pythia_fail(&error, SQLITE_ERROR, "first %d", 1), SQLITE_ERROR);
    CU_ASSERT_EQUAL(pythia_fail(&error, SQLITE_CONSTRAINT, "second"), SQLITE_CONSTRAINT);
    CU_ASSERT_STRING_EQUAL(error, "first 1");
    sqlite3_free(error);
    CU_ASSERT_EQUAL(pythia_fail(NULL, SQLITE_RANGE, "nobody reads this"), SQLITE_RANGE);
}

PYTHIA_SUITE(base_poll, {"the progress handler stops a loop", test_progress_handler},
             {"sqlite3_interrupt() stops a loop", test_interrupt},
             {"without a connection", test_no_connection},
             {"the first message is kept", test_first_message})
