/* expectations.c - see expectations.h: the rows of pythia_expectations, and the metrics that they name. */
#include "ext/capture/expectations.h"

#include <math.h>

#include "ext/capture/internal.h"
#include "ext/stat/modes.h"
#include "ext/stat/quantile.h"

enum {
    METRIC_COV,
    METRIC_ROBUST_COV,
    METRIC_STDDEV,
    METRIC_MODES,
    METRIC_MEAN,
    METRIC_P50,
    METRIC_P95,
    METRIC_P99,
    METRIC_MAX,
    METRICS
};

static const char *const metrics[METRICS] = {
    "cov", "robust_cov", "stddev_ns", "modes", "mean_ns", "p50_ns", "p95_ns", "p99_ns", "max_ns"};
static const char *const groupings[] = {"type", "services", "structure", "critical_path", "dag"};
enum { GROUPINGS = sizeof groupings / sizeof groupings[0] };

const char *pythia_metric_name(int metric) {
    return metrics[metric < 0 ? METRIC_COV : metric];
}

const char *pythia_grouping_name(int grouping) {
    return groupings[grouping];
}

int pythia_metric_problem(int metric) {
    return metric < METRIC_MEAN ? PYTHIA_PROBLEM_VARIATION : PYTHIA_PROBLEM_SLOW;
}

int pythia_metric_of(int metric, const PythiaSample *s, double *scratch, double *value,
                     PythiaPoll *poll) {
    PythiaModes modes;
    int rc = SQLITE_OK;
    *value = NAN;
    switch (metric) {
    case METRIC_ROBUST_COV:
        memcpy(scratch, s->sorted, s->n * sizeof *scratch);
        rc = pythia_robust_cov(scratch, s->n, value, poll);
        break;
    case METRIC_STDDEV:
        *value = s->stddev;
        break;
    case METRIC_MODES:
        rc = pythia_modes(s->sorted, s->n, &modes, poll);
        if (!rc) *value = modes.n;
        break;
    case METRIC_MEAN:
        *value = s->mean;
        break;
    case METRIC_P50:
        *value = pythia_quantile_sorted(s->sorted, s->n, 0.50, 7);
        break;
    case METRIC_P95:
        *value = pythia_quantile_sorted(s->sorted, s->n, 0.95, 7);
        break;
    case METRIC_P99:
        *value = pythia_quantile_sorted(s->sorted, s->n, 0.99, 7);
        break;
    case METRIC_MAX:
        if (s->n) *value = s->sorted[s->n - 1];
        break;
    default:
        if (s->mean > 0) *value = s->stddev / s->mean;
    }
    return rc;
}

/* ---- rows ------------------------------------------------------------------------------------------- */

/* The place of a name in a list, -1 for NULL. */
static int choose(const char *column, PythiaText text, const char *const *names, int n, int *choice,
                  char **error) {
    *choice = -1;
    if (!text.p) return SQLITE_OK;
    for (int i = 0; i < n; i++)
        if (pythia_text_equal(text, pythia_text(names[i]))) {
            *choice = i;
            return SQLITE_OK;
        }
    PythiaBuf words = {0};
    for (int i = 0; i < n; i++)
        pythia_buf_format(&words, "%s%s", i ? ", " : "", names[i]);
    int rc = words.rc;
    if (!rc)
        rc = pythia_fail(error, SQLITE_CONSTRAINT,
                         "pythia_expectations: %s must be NULL or one of %.*s, got '%.*s'", column,
                         (int)words.n, words.data, (int)text.n, text.p);
    pythia_buf_clear(&words);
    return rc;
}

static int compile(const char *column, PythiaText pattern, char **copy, PythiaMatch **match,
                   char **error) {
    char *why = NULL;
    if (!pattern.p) return SQLITE_OK;
    if (!pattern.n)
        return pythia_fail(error, SQLITE_CONSTRAINT,
                           "pythia_expectations: %s must be a pattern or NULL, not empty", column);
    *copy = sqlite3_mprintf("%.*s", (int)pattern.n, pattern.p);
    if (!*copy) return SQLITE_NOMEM;
    int rc = pythia_match_compile(pattern, match, &why);
    if (rc == SQLITE_ERROR)
        rc = pythia_fail(error, SQLITE_CONSTRAINT, "pythia_expectations: %s: %s", column, why);
    sqlite3_free(why);
    return rc;
}

static int read_threshold(PythiaExpectation *e, PythiaText text, char **error) {
    e->threshold = NAN;
    if (!text.p) {
        if (e->metric > METRIC_COV)
            return pythia_fail(error, SQLITE_CONSTRAINT,
                               "pythia_expectations: metric %s needs a threshold",
                               pythia_metric_name(e->metric));
        return SQLITE_OK;
    }
    if (!pythia_number_read(text, &e->threshold) || e->threshold < 0)
        return pythia_fail(error, SQLITE_CONSTRAINT,
                           "pythia_expectations: threshold must be a number from 0 on or NULL, got "
                           "'%.*s'",
                           (int)text.n, text.p);
    return SQLITE_OK;
}

int pythia_expectation_read(PythiaExpectation *e, const PythiaExpectationText *text, char **error) {
    *e = (PythiaExpectation){.id = e->id, .threshold = NAN};
    int rc = choose("grouping", text->grouping, groupings, GROUPINGS, &e->grouping, error);
    if (!rc) rc = choose("metric", text->metric, metrics, METRICS, &e->metric, error);
    if (!rc) rc = read_threshold(e, text->threshold, error);
    if (!rc) rc = compile("request_type", text->request_type, &e->type_pattern, &e->type, error);
    if (!rc)
        rc = compile("ignore_edge", text->ignore_edge, &e->ignored_pattern, &e->ignored, error);
    if (!rc && !text->threshold.p && !text->metric.p && !e->ignored)
        rc = pythia_fail(error, SQLITE_CONSTRAINT,
                         "pythia_expectations: there must be a threshold, or an ignore_edge");
    return rc;
}

void pythia_expectation_clear(PythiaExpectation *e) {
    pythia_match_free(e->type);
    pythia_match_free(e->ignored);
    sqlite3_free(e->type_pattern);
    sqlite3_free(e->ignored_pattern);
    *e = (PythiaExpectation){.threshold = NAN};
}

int pythia_expectation_covers(const PythiaExpectation *e, PythiaText request_type, int *covers,
                              char **error) {
    *covers = !e->type || pythia_text_equal(request_type, pythia_text(e->type_pattern));
    return *covers ? SQLITE_OK : pythia_match_test(e->type, request_type, covers, error);
}

static PythiaText column_text(sqlite3_stmt *statement, int column) {
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return (PythiaText){text, text ? (size_t)sqlite3_column_bytes(statement, column) : 0};
}

/* Reads the row of a statement: id and the five columns. */
static int row_read(sqlite3_stmt *statement, PythiaExpectation *e, char **error) {
    PythiaExpectationText text = {column_text(statement, 1), column_text(statement, 2),
                                  column_text(statement, 3), column_text(statement, 4),
                                  column_text(statement, 5)};
    char *why = NULL;
    e->id = sqlite3_column_int64(statement, 0);
    int rc = pythia_expectation_read(e, &text, &why);
    if (rc == SQLITE_CONSTRAINT) /* it was checked when it was written */
        rc = pythia_fail(error, PYTHIA_CORRUPT, "pythia_xexpect row %lld: %s", (sqlite3_int64)e->id,
                         why);
    sqlite3_free(why);
    return rc;
}

int pythia_expectations_load(PythiaCapture *capture, PythiaExpectation **list, uint32_t *n,
                             char **error) {
    sqlite3_stmt *statement;
    size_t capacity = 0;
    *list = NULL;
    *n = 0;
    int rc =
        pythia_store_prepare(capture->store, &statement,
                             "SELECT id, request_type, grouping, metric, threshold, ignore_edge"
                             " FROM \"%w\".pythia_xexpect ORDER BY id",
                             error);
    if (rc) return rc;
    while (!rc && sqlite3_step(statement) == SQLITE_ROW) {
        rc = pythia_grow((void **)list, &capacity, (size_t)*n + 1, sizeof **list);
        if (rc) break;
        (*list)[*n] = (PythiaExpectation){.threshold = NAN};
        rc = row_read(statement, &(*list)[(*n)++], error);
    }
    int done = sqlite3_finalize(statement);
    if (!rc && done) rc = done;
    if (rc) {
        pythia_expectations_free(*list, *n);
        *list = NULL;
        *n = 0;
    }
    return rc;
}

void pythia_expectations_free(PythiaExpectation *list, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        pythia_expectation_clear(&list[i]);
    pythia_free(list);
}
