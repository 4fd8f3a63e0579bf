/* settings.c - the settings of a capture: one table, and the checks that go with it.
**
** A setting lives in pythia_xconfig under "setting." and its key, and only when it differs from its
** default. */
#include "ext/capture/internal.h"
#include "ext/stat/interval.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define NUMBER(low, high) NULL, (low), (high)
#define CHOICE(values)    (values), 1.0, 0.0

static const PythiaSetting all_settings[] = {
    {"grouping", "structure", NULL, "what two requests of one type must share to be in one group",
     CHOICE("type|services|structure|critical_path|dag"), 1},
    {"group_keys", "", NULL, "attribute keys, separated by commas, whose values also divide groups",
     CHOICE(NULL), 1},
    {"causality", "siblings", NULL,
     "siblings: children of a span that do not overlap happen in order; nesting: only calls and "
     "returns order events; learned: like siblings, where no trace contradicts the order",
     CHOICE("siblings|nesting|learned"), 1},
    {"request_end", "auto", NULL,
     "root: a request ends with its root span; last: with its last event; auto: last for "
     "OSProfiler, else root",
     CHOICE("auto|root|last"), 1},
    {"order_tolerance_ns", "auto", "ns",
     "by how much spans may overlap and still count as one after the other; auto: twice the "
     "resolution of their stamps where that is coarser than 1 us",
     "auto", 0, 1e15, 1},
    {"include_incomplete", "0", NULL,
     "1: traces that are not complete take part in groups and statistics", NUMBER(0, 1), 1},
    {"cov_threshold", "0.10", NULL,
     "a group whose coefficient of variation is above this is a problem of variation",
     NUMBER(0, 1e9), 0},
    {"min_stddev_ns", "5000000", "ns",
     "a group whose standard deviation is below this is no problem of variation", NUMBER(0, 1e18),
     0},
    {"share_threshold", "0.01", NULL,
     "a group with a smaller share of the variance of all groups is no problem of variation",
     NUMBER(0, 1), 0},
    {"slow_quantile", "0.95", NULL,
     "a group whose mean lies above this quantile of the requests of its type is slow",
     NUMBER(0, 1), 0},
    {"min_samples", "30", "traces", "a smaller group is not judged", NUMBER(1, 1e9), 0},
    {"confidence", "0.95", NULL,
     "a group is a problem when what is judged exceeds its threshold with this confidence; 0.5: "
     "the "
     "plain figures decide",
     NUMBER(0.5, 0.999999), 0},
    {"strategy", "binary", NULL, "how the loop chooses trace points: a name of pythia_strategies",
     CHOICE(NULL), 0},
    {"budget_points", "3", "trace points", "what the loop switches on in one cycle, at most",
     NUMBER(1, 1e6), 0},
    {"budget_bytes_per_s", "0", "bytes/s",
     "what the trace points that the loop switched on may record, by its estimate; 0: no limit",
     NUMBER(0, 1e15), 0},
    {"budget_cpu_share", "0.05", NULL,
     "the part of one processor that these trace points may take, by its estimate; 0: no limit",
     NUMBER(0, 1e6), 0},
    {"keep_cycles", "3", "cycles",
     "a trace point that the loop switched on and that has not helped for so long is switched off",
     NUMBER(1, 1e6), 0},
    {"localized_share", "0.5", NULL,
     "a group is localized when edges with nothing left to switch on hold this share of its "
     "variance",
     NUMBER(0.01, 1), 0},
    {"paused", "0", NULL, "1: the loop makes no decision", NUMBER(0, 1), 0},
    {"assembly_window", "50000", "spans",
     "an import finishes a trace when its root is there and so many spans of others have come "
     "since its last",
     NUMBER(1000, 1e9), 0},
    {"drop_attributes", "", NULL,
     "GLOB patterns, separated by commas, of attribute keys that an import leaves out",
     CHOICE(NULL), 0},
    {"memory_limit_mb", "512", "MB",
     "an import finishes traces early rather than hold more than half of this in unfinished ones",
     NUMBER(16, 1e6), 0},
    {"cache_bytes", "268435456", "bytes", "decoded columns that a connection keeps",
     NUMBER(1048576, 1e12), 0},
};

const PythiaSetting *pythia_settings(int *n) {
    *n = (int)(sizeof all_settings / sizeof all_settings[0]);
    return all_settings;
}

const PythiaSetting *pythia_setting_find(PythiaText key) {
    int n;
    const PythiaSetting *settings = pythia_settings(&n);
    for (int i = 0; i < n; i++)
        if (pythia_text_equal(pythia_text(settings[i].key), key)) return &settings[i];
    return NULL;
}

/* Whether `value` is one of the words of "a|b|c". */
static int choice_has(const char *values, PythiaText value) {
    while (values) {
        const char *bar = strchr(values, '|');
        size_t n = bar ? (size_t)(bar - values) : strlen(values);
        if (n == value.n && memcmp(values, value.p, n) == 0) return 1;
        values = bar ? bar + 1 : NULL;
    }
    return 0;
}

int pythia_number_read(PythiaText value, double *number) {
    char text[64], *end;
    if (value.n == 0 || value.n >= sizeof text) return 0;
    memcpy(text, value.p, value.n);
    text[value.n] = 0;
    errno = 0;
    *number = strtod(text, &end);
    return *end == 0 && errno == 0 && isfinite(*number);
}

int pythia_setting_check(const PythiaSetting *setting, PythiaText value, char **error) {
    int is_number = setting->low <= setting->high;
    if (!is_number && !setting->values) return SQLITE_OK;
    if (setting->values && choice_has(setting->values, value)) return SQLITE_OK;
    double number;
    if (is_number && pythia_number_read(value, &number) && number >= setting->low &&
        number <= setting->high)
        return SQLITE_OK;
    if (!is_number)
        return pythia_fail(error, SQLITE_CONSTRAINT, "setting %s must be one of %s, got '%.*s'",
                           setting->key, setting->values, (int)value.n, value.p ? value.p : "");
    return pythia_fail(error, SQLITE_CONSTRAINT,
                       "setting %s must be %s%sa number from %!.15g to %!.15g, got '%.*s'",
                       setting->key, setting->values ? setting->values : "",
                       setting->values ? " or " : "", setting->low, setting->high, (int)value.n,
                       value.p ? value.p : "");
}

static int setting_stored_key(const char *key, char **stored) {
    *stored = sqlite3_mprintf("setting.%s", key);
    return *stored ? SQLITE_OK : SQLITE_NOMEM;
}

int pythia_capture_setting(PythiaCapture *capture, const char *key, char **value, char **error) {
    *value = NULL;
    const PythiaSetting *setting = pythia_setting_find(pythia_text(key));
    if (!setting) return pythia_fail(error, SQLITE_ERROR, "no such setting: %s", key);
    int rc = SQLITE_OK;
    char *stored = NULL;
    if (capture) rc = setting_stored_key(key, &stored);
    if (!rc && capture) rc = pythia_store_config_get(capture->store, stored, value, error);
    sqlite3_free(stored);
    if (!rc && !*value) {
        *value = sqlite3_mprintf("%s", setting->default_value);
        if (!*value) rc = SQLITE_NOMEM;
    }
    return rc;
}

int pythia_capture_set(PythiaCapture *capture, const char *key, const char *value, char **error) {
    const PythiaSetting *setting = pythia_setting_find(pythia_text(key));
    if (!setting) return pythia_fail(error, SQLITE_CONSTRAINT, "no such setting: %s", key);
    int rc = value ? pythia_setting_check(setting, pythia_text(value), error) : SQLITE_OK;
    char *stored = NULL;
    if (!rc) rc = setting_stored_key(key, &stored);
    /* The default is not stored: where it changes in a later version, it changes for everyone. */
    if (value && strcmp(value, setting->default_value) == 0) value = NULL;
    if (!rc) rc = pythia_store_config_set(capture->store, stored, value, error);
    sqlite3_free(stored);
    if (!rc && setting->model) rc = pythia_capture_mark_stale(capture, 0, error);
    return rc;
}

int pythia_capture_setting_number(PythiaCapture *capture, const char *key, double *number,
                                  char **error) {
    char *value;
    int rc = pythia_capture_setting(capture, key, &value, error);
    if (!rc && !pythia_number_read(pythia_text(value), number))
        rc = pythia_fail(error, PYTHIA_CORRUPT, "pythia_xconfig: setting %s is '%s'", key, value);
    sqlite3_free(value);
    return rc;
}

int pythia_capture_thresholds(PythiaCapture *capture, PythiaThresholds *thresholds, char **error) {
    double samples = 0, confidence = 0.5;
    int rc =
        pythia_capture_setting_number(capture, "cov_threshold", &thresholds->cov_threshold, error);
    if (!rc)
        rc = pythia_capture_setting_number(capture, "min_stddev_ns", &thresholds->min_stddev_ns,
                                           error);
    if (!rc)
        rc = pythia_capture_setting_number(capture, "share_threshold", &thresholds->share_threshold,
                                           error);
    if (!rc)
        rc = pythia_capture_setting_number(capture, "slow_quantile", &thresholds->slow_quantile,
                                           error);
    if (!rc) rc = pythia_capture_setting_number(capture, "min_samples", &samples, error);
    if (!rc) rc = pythia_capture_setting_number(capture, "confidence", &confidence, error);
    thresholds->min_samples = (int64_t)samples;
    thresholds->z = pythia_normal_z(confidence);
    return rc;
}
