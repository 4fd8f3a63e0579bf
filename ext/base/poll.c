/* poll.c - see poll.h. */
#include "ext/base/poll.h"

int pythia_poll_now(PythiaPoll *poll) {
    if (!poll->db) return SQLITE_OK;
    if (!poll->statement) {
        int rc = sqlite3_prepare_v3(poll->db, "SELECT 1", -1, SQLITE_PREPARE_PERSISTENT,
                                    &poll->statement, NULL);
        if (rc) return rc;
    }
    sqlite3_step(poll->statement);
    return sqlite3_reset(poll->statement);
}

void pythia_poll_close(PythiaPoll *poll) {
    sqlite3_finalize(poll->statement);
    poll->statement = NULL;
}
