/* test_control_loaded.c - a C host that does not link with Pythia: it loads pythia.so and hands its
** callback over as a pointer value. The file's name comes from the environment variable SO. */
#include <sqlite3.h>

#include "ext/pythia.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char heard[1024];

static int on_control(void *context, int phase, const PythiaControlChange *changes, int n,
                      char **error) {
    (void)context, (void)error;
    for (int i = 0; i < n; i++)
        sqlite3_snprintf((int)(sizeof heard - strlen(heard)), heard + strlen(heard),
                         "%d %s=%d was %d %s; ", phase, changes[i].tracepoint, changes[i].enabled,
                         changes[i].before, changes[i].parameters);
    return SQLITE_OK;
}

static void test_loaded(void) {
    static const PythiaControlPoint points[] = {{"compute/queue", 0, 0}, {"compute/start", 1, 1}};
    PythiaControlHost host = {PYTHIA_CONTROL_VERSION, on_control, NULL, points, 2};
    const char *file = getenv("SO");
    char path[4096];
    sqlite3 *db;
    if (!file || !*file) file = "pythia.so";
    if (!realpath(file, path)) {
        pythia_skip("the extension is not built");
        return;
    }
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    /* Without the extension there is nobody to hand it to. */
    CU_ASSERT_EQUAL(pythia_set_control_host(db, &host), SQLITE_ERROR);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
    CU_ASSERT_EQUAL_FATAL(sqlite3_load_extension(db, path, NULL, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_set_control_host(db, &host), SQLITE_OK);
    heard[0] = 0;
    CU_ASSERT_EQUAL(sqlite3_exec(db,
                                 "INSERT INTO pythia_control(tracepoint, enabled, sample) "
                                 "VALUES('compute/*', 1, 0.5)",
                                 NULL, NULL, NULL),
                    SQLITE_OK);
    CU_ASSERT_STRING_EQUAL(heard,
                           "1 compute/queue=1 was 0 {\"sample\":0.5}; 1 compute/start=1 was 1 "
                           "{\"sample\":0.5}; 2 compute/queue=1 was 0 {\"sample\":0.5}; 2 "
                           "compute/start=1 was 1 {\"sample\":0.5}; ");
    CU_ASSERT_EQUAL(sqlite3_exec(db,
                                 "INSERT INTO pythia_control(tracepoint, enabled) "
                                 "VALUES('compute/start', 0)",
                                 NULL, NULL, NULL),
                    SQLITE_CONSTRAINT);
    CU_ASSERT_EQUAL(pythia_set_control_callback(db, NULL, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

PYTHIA_SUITE(control_loaded, {"a callback handed over as a pointer value", test_loaded})
