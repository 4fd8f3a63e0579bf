/* aggregates.c - cells into the database; see aggregates.h. */
#include "ext/collect/aggregates.h"

#include "ext/base/buf.h"
#include "ext/pythia_probe.h"

#include <math.h>

/* A program closes a cell after 2^31 hits. */
#define MOST_HITS ((uint64_t)1 << 32)

static int has_numbers(const PythiaPageCell *cell) {
    return (cell->what & 0xff) != PYTHIA_AGGREGATE_COUNT && cell->n;
}

const char *pythia_cell_problem(const PythiaPageCell *cell) {
    unsigned aggregate = cell->what & 0xff, type = cell->what >> 16 & 0xff;
    if (cell->n > MOST_HITS || cell->missing > MOST_HITS) return "an aggregate of too many hits";
    if (!aggregate || aggregate > PYTHIA_AGGREGATE_HISTOGRAM)
        return "an aggregate of no known kind";
    if (type > PYTHIA_PROBE_TEXT || type == PYTHIA_PROBE_BOOL ||
        (cell->what >> 24 & 0xff) > sizeof cell->key)
        return "an aggregate with a key that is none";
    if (cell->window_start > INT64_MAX || cell->window_ns > INT64_MAX ||
        cell->first_ns > INT64_MAX || cell->last_ns > INT64_MAX)
        return "an aggregate with a time that is none";
    if (has_numbers(cell) &&
        !(isfinite(cell->shift) && isfinite(cell->sum) && isfinite(cell->squares) &&
          isfinite(cell->low) && isfinite(cell->high) && cell->squares >= 0))
        return "an aggregate with a number that is none";
    return NULL;
}

static int put_open(PythiaAggregates *a, char **error) {
    if (a->put) return SQLITE_OK;
    return pythia_store_prepare(
        a->store, &a->put,
        "INSERT INTO \"%w\".pythia_xaggregate(id, rule_id, tracepoint, request_type, aggregate, "
        "key,"
        " window_start, window_ns, n, missing, first_ns, last_ns, shift, sum, squares, low, high,"
        " buckets) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18)"
        " ON CONFLICT(id) DO UPDATE SET n = excluded.n, missing = excluded.missing,"
        " last_ns = excluded.last_ns, shift = excluded.shift, sum = excluded.sum,"
        " squares = excluded.squares, low = excluded.low, high = excluded.high,"
        " buckets = excluded.buckets WHERE excluded.n + excluded.missing > n + missing",
        error);
}

static int bind_text(sqlite3_stmt *s, int index, PythiaText text) {
    return text.p ? sqlite3_bind_text64(s, index, text.p, text.n, SQLITE_STATIC, SQLITE_UTF8)
                  : sqlite3_bind_null(s, index);
}

/* The key; text is a buffer for one, made UTF-8. */
static int bind_key(sqlite3_stmt *s, const PythiaPageCell *cell, PythiaBuf *text) {
    double real;
    switch (cell->what >> 16 & 0xff) {
    case PYTHIA_PROBE_INT:
        return sqlite3_bind_int64(s, 6, (int64_t)cell->key[0]);
    case PYTHIA_PROBE_REAL:
        memcpy(&real, cell->key, sizeof real);
        return sqlite3_bind_double(s, 6, real);
    case PYTHIA_PROBE_TEXT:
        pythia_buf_utf8(text,
                        (PythiaText){(const char *)cell->key, (size_t)(cell->what >> 24 & 0xff)});
        if (text->rc) return text->rc;
        return bind_text(s, 6, (PythiaText){text->data ? (const char *)text->data : "", text->n});
    default:
        return sqlite3_bind_null(s, 6);
    }
}

/* The buckets up to the last that is not empty, 4 bytes each, little-endian. */
static void buckets_write(const PythiaPageCell *cell, PythiaBuf *out) {
    unsigned n = PYTHIA_CELL_BUCKETS;
    while (n && !cell->buckets[n - 1])
        n--;
    for (unsigned i = 0; i < n; i++)
        pythia_buf_u32(out, cell->buckets[i]);
}

static int bind_numbers(sqlite3_stmt *s, const PythiaPageCell *cell, PythiaBuf *buckets) {
    const double numbers[] = {cell->shift, cell->sum, cell->squares, cell->low, cell->high};
    int rc = SQLITE_OK;
    if (!has_numbers(cell)) return rc;
    for (int i = 0; i < 5 && !rc; i++)
        rc = sqlite3_bind_double(s, 13 + i, numbers[i]);
    buckets_write(cell, buckets);
    if (!rc) rc = buckets->rc;
    if (!rc && buckets->n)
        rc = sqlite3_bind_blob64(s, 18, buckets->data, buckets->n, SQLITE_STATIC);
    return rc;
}

int pythia_aggregates_put(PythiaAggregates *a, const PythiaPageCell *cell, PythiaText tracepoint,
                          PythiaText request_type, int *changed, char **error) {
    PythiaBuf key = {0}, buckets = {0};
    int rc = put_open(a, error);
    *changed = 0;
    if (rc) return rc;
    sqlite3_stmt *s = a->put;
    const int64_t integers[] = {
        (int64_t)cell->window_start, (int64_t)cell->window_ns, (int64_t)cell->n,
        (int64_t)cell->missing,      (int64_t)cell->first_ns,  (int64_t)cell->last_ns};
    sqlite3_clear_bindings(s);
    rc = sqlite3_bind_int64(s, 1, (int64_t)cell->serial);
    if (!rc) rc = sqlite3_bind_int64(s, 2, (int64_t)cell->rule_id);
    if (!rc) rc = bind_text(s, 3, tracepoint);
    if (!rc) rc = bind_text(s, 4, request_type);
    if (!rc) rc = sqlite3_bind_int(s, 5, cell->what & 0xff);
    if (!rc) rc = bind_key(s, cell, &key);
    for (int i = 0; i < 6 && !rc; i++)
        rc = sqlite3_bind_int64(s, 7 + i, integers[i]);
    if (!rc) rc = bind_numbers(s, cell, &buckets);
    if (!rc) {
        sqlite3_step(s);
        rc = sqlite3_reset(s);
        *changed = !rc && sqlite3_changes(pythia_store_db(a->store)) > 0;
    }
    if (rc && rc != SQLITE_NOMEM)
        rc = pythia_fail(error, rc, "pythia_xaggregate: %s",
                         sqlite3_errmsg(pythia_store_db(a->store)));
    sqlite3_clear_bindings(s);
    pythia_buf_clear(&key);
    pythia_buf_clear(&buckets);
    return rc;
}

void pythia_aggregates_end(PythiaAggregates *a) {
    sqlite3_finalize(a->put);
    a->put = NULL;
}
