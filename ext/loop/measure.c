/* measure.c - see measure.h. */
#include "ext/loop/internal.h"

/* The longest that a record can take, ns. Programs time every 256th: when the thread was not running meanwhile that is
** somebody else's time, and 256 fold. */
enum { RECORD_MOST_NS = 10000 };

/* ---- trace points ----------------------------------------------------------------------------------------------- */

static int64_t sum_bounded(int64_t a, int64_t b) {
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* Makes room for a name, and for what is known of it. */
static int measure_room(PythiaMeasures *m, uint32_t id) {
    size_t need = (size_t)id + 1, old = m->known_capacity;
    int rc = pythia_grow((void **)&m->last, &m->last_capacity, need, sizeof *m->last);
    if (!rc) rc = pythia_grow((void **)&m->since, &m->since_capacity, need, sizeof *m->since);
    if (!rc) rc = pythia_grow((void **)&m->reading, &m->reading_capacity, need, sizeof *m->reading);
    if (!rc) rc = pythia_grow((void **)&m->known, &m->known_capacity, need, sizeof *m->known);
    if (!rc && m->known_capacity > old) memset(m->known + old, 0, m->known_capacity - old);
    return rc;
}

static int read_count(void *context, const PythiaBackendCount *count) {
    PythiaMeasures *m = context;
    uint32_t before = m->names.n, id;
    int rc = pythia_intern(&m->names, pythia_text(count->name), &id);
    if (!rc && id > before) rc = measure_room(m, id);
    if (rc) return rc;
    if (id > before) {
        m->last[id] = (PythiaReading){-1, 0, 0};
        m->since[id] = m->reading[id] = (PythiaReading){0, 0, 0};
    }
    PythiaReading *r = &m->reading[id];
    r->hits = sum_bounded(r->hits, count->hits);
    r->bytes = sum_bounded(r->bytes, count->bytes);
    r->cost_ns = sum_bounded(r->cost_ns, count->cost_ns);
    return SQLITE_OK;
}

/* Takes the reading over. Counters that went back belong to another page. */
static void measures_settle(PythiaMeasures *m) {
    m->all = (PythiaReading){0, 0, 0};
    for (uint32_t id = 1; id <= m->names.n; id++) {
        const PythiaReading *now = &m->reading[id], *last = &m->last[id];
        m->known[id] = last->hits >= 0 && now->hits >= last->hits && now->bytes >= last->bytes &&
                       now->cost_ns >= last->cost_ns;
        m->since[id] = m->known[id]
                           ? (PythiaReading){now->hits - last->hits, now->bytes - last->bytes,
                                             now->cost_ns - last->cost_ns}
                           : (PythiaReading){0, 0, 0};
        if (m->since[id].cost_ns / RECORD_MOST_NS > m->since[id].hits)
            m->since[id].cost_ns = m->since[id].hits * RECORD_MOST_NS;
        m->last[id] = *now;
        m->all.hits = sum_bounded(m->all.hits, m->since[id].hits);
        m->all.bytes = sum_bounded(m->all.bytes, m->since[id].bytes);
        m->all.cost_ns = sum_bounded(m->all.cost_ns, m->since[id].cost_ns);
    }
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

/* What a back end lost since the last reading; the first one has nothing to be compared with. */
static int read_loss(PythiaMeasures *m, int64_t backend, int64_t lost, int64_t *since) {
    for (size_t i = 0; i < m->nlosses; i++) {
        if (m->losses[i].backend != backend) continue;
        if (lost > m->losses[i].lost) *since = sum_bounded(*since, lost - m->losses[i].lost);
        m->losses[i].lost = lost;
        return SQLITE_OK;
    }
    int rc =
        pythia_grow((void **)&m->losses, &m->losses_capacity, m->nlosses + 1, sizeof *m->losses);
    if (!rc) m->losses[m->nlosses++] = (struct PythiaLoss){backend, lost};
    return rc;
}

/* ---- all -------------------------------------------------------------------------------------------------------- */

int pythia_measures_read(PythiaMeasures *m, PythiaControlState *state, sqlite3 *db, int64_t now_ns,
                         int64_t *lost, int64_t *turned_away, char **error) {
    int64_t refused;
    *lost = *turned_away = 0;
    /* Requests that the receiver answered with "later". */
    int rc = pythia_loop_ask(db, "pythia_listen", "SELECT pythia_listen() ->> 'refused'", &refused,
                             error);
    for (uint32_t id = 1; id <= m->names.n; id++)
        m->reading[id] = (PythiaReading){0, 0, 0};
    for (size_t i = 0; i < state->nbackends && !rc; i++) {
        PythiaBackend *backend = &state->backends[i].backend;
        if (!backend->kind || !backend->available) continue;
        if (backend->kind->count) rc = backend->kind->count(backend, read_count, m);
        if (!rc && backend->kind->lost)
            rc = read_loss(m, backend->id, backend->kind->lost(backend), lost);
    }
    if (rc) return rc;
    measures_settle(m);
    m->seconds = m->at_ns && now_ns > m->at_ns ? (double)(now_ns - m->at_ns) / 1e9 : 0;
    m->at_ns = now_ns;
    if (m->asked && refused > m->refused) *turned_away = refused - m->refused;
    m->refused = refused;
    m->asked = 1;
    if (*lost || *turned_away) m->congested_ns = now_ns;
    return SQLITE_OK;
}

const PythiaReading *pythia_measured(const PythiaMeasures *m, PythiaText tracepoint) {
    uint32_t id = m->seconds > 0 ? pythia_intern_find(&m->names, tracepoint) : 0;
    return id && m->known[id] ? &m->since[id] : NULL;
}

void pythia_measures_clear(PythiaMeasures *m) {
    pythia_intern_clear(&m->names);
    pythia_free(m->last);
    pythia_free(m->since);
    pythia_free(m->reading);
    pythia_free(m->known);
    pythia_free(m->losses);
    memset(m, 0, sizeof *m);
}
