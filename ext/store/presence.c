/* presence.c - see presence.h. */
#include "ext/store/presence.h"

#include "ext/store/filter.h"
#include "ext/store/internal.h"

enum {
    WORTH = 32, /* rows that are read in the time of one question */
/* Few in test builds, so that small inputs come by all of it. */
#ifdef PYTHIA_TEST
    PRESENCE_FIRST = 4,
    PRESENCE_MOST = 64
#else
    PRESENCE_FIRST = 1 << 16,
    PRESENCE_MOST = 1 << 24
#endif
};

/* The hashes of the index have 63 bits. */
static uint64_t presence_key(int64_t hash) {
    return (uint64_t)hash << 1;
}

void pythia_presence_clear(PythiaPresence *p) {
    pythia_free(p->filter);
    memset(p, 0, sizeof *p);
}

void pythia_presence_add(PythiaPresence *p, int64_t hash) {
    if (!p->filter) return;
    if (p->n == p->most)
        pythia_presence_clear(p); /* another is made, when it is worth it */
    else
        pythia_filter_add_hash(p->filter, p->bytes, presence_key(hash));
    p->n += p->filter != NULL;
}

void pythia_presence_carry(PythiaPresence *p, int64_t before, int64_t cookie) {
    if (p->cookie == before) p->cookie = cookie;
}

/* Reads the index into a filter. Where that is too large, or there is no memory, it is not tried again. */
static int presence_make(PythiaStore *store, uint64_t traces, char **error) {
    PythiaPresence *p = &store->presence;
    uint64_t most = traces + traces / 2 + PRESENCE_FIRST;
    p->worth = UINT32_MAX;
    if (most > PRESENCE_MOST) return SQLITE_OK;
    p->most = (uint32_t)most;
    p->bytes = pythia_filter_bytes(p->most);
    p->filter = pythia_alloc_zero(p->bytes);
    if (!p->filter) return SQLITE_OK;
    sqlite3_stmt *s;
    int rc = pythia_store_prepare(store, &s, "SELECT hash FROM \"%w\".pythia_xtrace", error);
    while (!rc && sqlite3_step(s) == SQLITE_ROW)
        pythia_presence_add(p, sqlite3_column_int64(s, 0));
    int done = sqlite3_finalize(s);
    if (!rc && done) rc = pythia_store_fail(store, done, "xtrace", error);
    if (rc) pythia_presence_clear(p);
    return rc;
}

/* Counts a question. Whether there were enough of them for a filter; there are that many traces then. */
static int presence_due(PythiaStore *store, uint64_t *traces) {
    PythiaPresence *p = &store->presence;
    if (p->asked++ < p->worth) return 0;
    *traces = 0;
    for (uint32_t i = 0; i < store->nentries; i++)
        *traces += store->entries[i].info.traces;
    p->worth = *traces / WORTH < UINT32_MAX ? (uint32_t)(*traces / WORTH) : UINT32_MAX;
    return p->asked > p->worth;
}

int pythia_store_may_hold(PythiaStore *store, PythiaId trace, int *may, char **error) {
    PythiaPresence *p = &store->presence;
    uint64_t traces;
    *may = 1;
    if (p->cookie != store->cookie) {
        pythia_presence_clear(p);
        p->cookie = store->cookie;
    }
    if (!p->filter && presence_due(store, &traces)) {
        int rc = presence_make(store, traces, error);
        if (rc) return rc;
    }
    if (p->filter)
        *may = pythia_filter_may_hold_hash(
            p->filter, p->bytes, presence_key(pythia_store_hash(pythia_store_names(store), trace)));
    return SQLITE_OK;
}

void pythia_store_forget_presence(PythiaStore *store) {
    pythia_presence_clear(&store->presence);
}
