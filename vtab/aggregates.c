/* aggregates.c - pythia_aggregates: what rules with an aggregate have added up in programs.
**
** A row is a rule, a trace point, a request type, a key and a window; what threads and processes have for it, and
** what each of them has in several pieces, is put together here (Chan, Golub and LeVeque 1979, through
** ext/stat/moments.h), in any order. `aggregate` is the function that the rule asked for and `value` its result;
** the other statistics are there as well, but for a count, which has n alone. current: 1 for what the rule says now,
** 0 where it said something else then, or is gone. */
#include "ext/base/bytes.h"
#include "ext/capture/capture.h"
#include "ext/reduce/reduce.h"
#include "ext/stat/moments.h"
#include "ext/store/rules.h"
#include "vtab/stored.h"
#include "vtab/tables.h"

#include <math.h>

enum {
    FROM_RULE,
    FROM_TRACEPOINT,
    FROM_REQUEST_TYPE,
    FROM_AGGREGATE,
    FROM_KEY,
    FROM_WINDOW_START,
    FROM_WINDOW_NS,
    FROM_SAME, /* 1: of the group of the row before */
    FROM_N,
    FROM_MISSING,
    FROM_FIRST_NS,
    FROM_LAST_NS,
    FROM_SHIFT,
    FROM_SUM,
    FROM_SQUARES,
    FROM_LOW,
    FROM_HIGH,
    FROM_BUCKETS
};

/* What was put together of a group. */
typedef struct Merged {
    int64_t n, missing, first_ns, last_ns;
    PythiaMoments moments;
    double sum, low, high;
    uint64_t buckets[PYTHIA_CELL_BUCKETS];
} Merged;

static void merge_numbers(Merged *m, sqlite3_stmt *s, int64_t n) {
    double shift = sqlite3_column_double(s, FROM_SHIFT), sum = sqlite3_column_double(s, FROM_SUM);
    double low = sqlite3_column_double(s, FROM_LOW), high = sqlite3_column_double(s, FROM_HIGH);
    PythiaMoments part = {.n = (uint64_t)n, .shift_real = shift, .mean = sum / (double)n};
    part.m2 = sqlite3_column_double(s, FROM_SQUARES) - sum * part.mean;
    if (!(part.m2 > 0)) part.m2 = 0;
    if (!m->moments.n || low < m->low) m->low = low;
    if (!m->moments.n || high > m->high) m->high = high;
    pythia_moments_merge(&m->moments, &part);
    m->sum += shift * (double)n + sum;
    const unsigned char *blob = sqlite3_column_blob(s, FROM_BUCKETS);
    int bytes = blob ? sqlite3_column_bytes(s, FROM_BUCKETS) : 0;
    for (int i = 0; i < bytes / 4 && i < PYTHIA_CELL_BUCKETS; i++)
        m->buckets[i] += pythia_load32(blob + (size_t)i * 4);
}

static void merge_row(Merged *m, sqlite3_stmt *s) {
    int64_t n = sqlite3_column_int64(s, FROM_N);
    int64_t first = sqlite3_column_int64(s, FROM_FIRST_NS);
    int64_t last = sqlite3_column_int64(s, FROM_LAST_NS);
    if (!m->first_ns || first < m->first_ns) m->first_ns = first;
    if (last > m->last_ns) m->last_ns = last;
    m->n += n;
    m->missing += sqlite3_column_int64(s, FROM_MISSING);
    if (n > 0 && sqlite3_column_type(s, FROM_SHIFT) != SQLITE_NULL) merge_numbers(m, s, n);
}

/* ------------------------------------------------------------------ rows */

static void bucket_end(PythiaBuf *out, const char *name, double end) {
    pythia_buf_format(out, "\"%s\":", name);
    pythia_buf_json_double(out, end);
}

/* The buckets that are not empty; an end of null is open. */
static void histogram_json(const Merged *m, PythiaBuf *out) {
    pythia_buf_byte(out, '[');
    size_t start = out->n;
    for (int i = 0; i < PYTHIA_CELL_BUCKETS; i++) {
        if (!m->buckets[i]) continue;
        double low = i == 0 ? NAN : i <= 2 ? 0 : ldexp(1, i - 18);
        double high = i <= 1 ? 0 : i == PYTHIA_CELL_BUCKETS - 1 ? NAN : ldexp(1, i - 17);
        pythia_buf_str(out, out->n > start ? ",{" : "{");
        bucket_end(out, "low", low);
        pythia_buf_byte(out, ',');
        bucket_end(out, "high", high);
        pythia_buf_format(out, ",\"n\":%lld}", (sqlite3_int64)m->buckets[i]);
    }
    pythia_buf_byte(out, ']');
}

static void value_cell(PythiaRows *rows, const Merged *m, int aggregate, PythiaText histogram) {
    int known = m->moments.n > 0;
    double value = NAN;
    switch (aggregate) {
    case PYTHIA_AGGREGATE_COUNT:
        pythia_rows_int(rows, m->n);
        return;
    case PYTHIA_AGGREGATE_HISTOGRAM:
        pythia_rows_text(rows, known ? histogram : (PythiaText){NULL, 0});
        return;
    case PYTHIA_AGGREGATE_SUM:
        value = m->sum;
        break;
    case PYTHIA_AGGREGATE_AVG:
        value = pythia_moments_mean(&m->moments);
        break;
    case PYTHIA_AGGREGATE_MIN:
        value = m->low;
        break;
    case PYTHIA_AGGREGATE_MAX:
        value = m->high;
        break;
    default:
        value = pythia_moments_stddev_samp(&m->moments);
    }
    pythia_rows_double(rows, known ? value : NAN);
}

/* What the rules of the schema say now, as the rule ids of cells. */
typedef struct Current {
    PythiaRuleRows rows;
    int64_t *ids;
} Current;

static int current_load(PythiaStore *store, Current *current, char **error) {
    int rc = pythia_store_rules(store, &current->rows, error);
    if (rc) return rc;
    current->ids = pythia_alloc_zero((current->rows.n + 1) * sizeof *current->ids);
    for (size_t i = 0; i < current->rows.n && current->ids; i++) {
        const PythiaRuleRow *row = &current->rows.rows[i];
        PythiaReductionTexts texts = {row->predicate, row->aggregate, row->group_by,
                                      row->window_ms};
        current->ids[i] = (int64_t)pythia_reduction_rule(&texts, row->sample, row->id);
    }
    return current->ids ? SQLITE_OK : SQLITE_NOMEM;
}

static int current_has(const Current *current, int64_t id) {
    for (size_t i = 0; i < current->rows.n; i++)
        if (current->ids[i] == id) return 1;
    return 0;
}

/* The cells that name a group; s stands on a row of it. */
static void group_cells(PythiaRows *rows, sqlite3_stmt *s) {
    int64_t rule = sqlite3_column_int64(s, FROM_RULE);
    pythia_rows_int(rows, rule & (((int64_t)1 << PYTHIA_REDUCTION_RULE_BITS) - 1));
    pythia_rows_column(rows, s, FROM_TRACEPOINT);
    pythia_rows_column(rows, s, FROM_REQUEST_TYPE);
    pythia_rows_column(rows, s, FROM_KEY);
    pythia_rows_column(rows, s, FROM_WINDOW_START);
}

/* The other cells of a group. */
static void merged_cells(PythiaRows *rows, const Merged *m, int aggregate, int64_t window_ns,
                         int current) {
    int known = m->moments.n > 0;
    PythiaBuf json = {0};
    if (known) histogram_json(m, &json);
    if (json.rc && !rows->rc) rows->rc = json.rc;
    PythiaText histogram = {(const char *)json.data, json.n};
    pythia_rows_int(rows, m->n);
    pythia_rows_double(rows, known ? m->sum : NAN);
    pythia_rows_double(rows, pythia_moments_mean(&m->moments));
    pythia_rows_double(rows, pythia_moments_stddev_samp(&m->moments));
    pythia_rows_double(rows, known ? m->low : NAN);
    pythia_rows_double(rows, known ? m->high : NAN);
    pythia_rows_text(rows, histogram);
    pythia_rows_str(rows, pythia_aggregate_name((uint32_t)aggregate));
    value_cell(rows, m, aggregate, histogram);
    pythia_rows_int(rows, m->missing);
    if (window_ns)
        pythia_rows_int(rows, window_ns);
    else
        pythia_rows_null(rows);
    pythia_rows_int(rows, m->first_ns);
    pythia_rows_int(rows, m->last_ns);
    pythia_rows_int(rows, current);
    pythia_rows_end(rows);
    pythia_buf_clear(&json);
}

static int groups_fill(PythiaCursor *cursor, const Current *current, sqlite3_stmt *s) {
    Merged merged = {0};
    int rc = SQLITE_OK, open = 0, aggregate = 0, is_current = 0;
    int64_t window_ns = 0;
    while (!rc && sqlite3_step(s) == SQLITE_ROW) {
        if (!open || !sqlite3_column_int(s, FROM_SAME)) {
            if (open) merged_cells(&cursor->rows, &merged, aggregate, window_ns, is_current);
            memset(&merged, 0, sizeof merged);
            open = 1;
            aggregate = sqlite3_column_int(s, FROM_AGGREGATE);
            window_ns = sqlite3_column_int64(s, FROM_WINDOW_NS);
            is_current = current_has(current, sqlite3_column_int64(s, FROM_RULE));
            group_cells(&cursor->rows, s);
        }
        merge_row(&merged, s);
        rc = pythia_poll(&cursor->poll);
    }
    if (!rc && open) merged_cells(&cursor->rows, &merged, aggregate, window_ns, is_current);
    return rc;
}

/* Rows in the order of groups, each saying whether it is of the group before it. */
static const char query[] =
    "SELECT rule_id, tracepoint, request_type, aggregate, key, nullif(window_start, 0), window_ns,"
    " row_number() OVER (PARTITION BY rule_id, tracepoint, request_type, aggregate, window_ns,"
    " window_start, typeof(key), key ORDER BY id) > 1, n, missing, first_ns, last_ns, shift, sum,"
    " squares, low, high, buckets FROM \"%w\".pythia_xaggregate"
    " ORDER BY rule_id & 0xffffffffffff, rule_id, tracepoint, request_type, aggregate, window_ns, "
    "window_start, typeof(key),"
    " key, id";

static int aggregates_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    (void)bounds, (void)n;
    char **error = &cursor->vtab->base.zErrMsg;
    if (!cursor->capture) return SQLITE_OK;
    PythiaStore *store = pythia_capture_store(cursor->capture);
    Current current = {0};
    sqlite3_stmt *s = NULL;
    int rc = current_load(store, &current, error);
    if (!rc) rc = pythia_store_prepare(store, &s, query, error);
    if (!rc) rc = groups_fill(cursor, &current, s);
    if (!rc && sqlite3_reset(s))
        rc = pythia_vtab_fail(cursor->vtab, sqlite3_errcode(pythia_store_db(store)), "%s",
                              sqlite3_errmsg(pythia_store_db(store)));
    sqlite3_finalize(s);
    pythia_rule_rows_clear(&current.rows);
    pythia_free(current.ids);
    return rc;
}

const PythiaTable pythia_table_aggregates = {
    .name = "pythia_aggregates",
    .columns = "rule_id INTEGER, tracepoint TEXT, request_type TEXT, key, window_start_ns INTEGER,"
               " n INTEGER, sum REAL, mean REAL, stddev REAL, min REAL, max REAL, histogram TEXT,"
               " aggregate TEXT, value, missing INTEGER, window_ns INTEGER, first_ns INTEGER,"
               " last_ns INTEGER, current INTEGER",
    .nvisible = 19,
    .rows = 100,
    .fill = aggregates_fill,
};
