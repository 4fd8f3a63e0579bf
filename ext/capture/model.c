/* model.c - from settings and rules to the PythiaModel by which traces are understood. */
#include "ext/capture/internal.h"

#include <stdlib.h>

void pythia_model_clear(PythiaCapture *capture) {
    pythia_free(capture->group_keys);
    pythia_free(capture->type_cache);
    pythia_patterns_clear(&capture->types);
    pythia_learned_clear(&capture->learned);
    sqlite3_free(capture->type_error);
    capture->group_keys = NULL;
    capture->type_cache = NULL;
    capture->type_cache_capacity = 0;
    capture->ntype_cache = 0;
    capture->type_error = NULL;
    capture->type_failed = SQLITE_OK;
    capture->model_loaded = 0;
    memset(&capture->model, 0, sizeof capture->model);
}

/* The place of a value in "a|b|c". The stored value was checked when it was set; one that is not there is
** damage. */
static int setting_choice(PythiaCapture *capture, const char *key, int *choice, char **error) {
    char *value;
    int rc = pythia_capture_setting(capture, key, &value, error);
    const char *word = pythia_setting_find(pythia_text(key))->values;
    *choice = 0;
    while (!rc && word) {
        const char *bar = strchr(word, '|');
        size_t n = bar ? (size_t)(bar - word) : strlen(word);
        if (strlen(value) == n && memcmp(word, value, n) == 0) break;
        word = bar ? bar + 1 : NULL;
        ++*choice;
    }
    if (!rc && !word)
        rc = pythia_fail(error, PYTHIA_CORRUPT, "pythia_xconfig: setting %s is '%s'", key, value);
    sqlite3_free(value);
    return rc;
}

static int model_group_keys(PythiaCapture *capture, char **error) {
    char *value;
    int rc = pythia_capture_setting(capture, "group_keys", &value, error);
    if (rc) return rc;
    size_t n = 1;
    for (const char *p = value; *p; p++)
        n += *p == ',';
    capture->group_keys = pythia_alloc_array(n, sizeof *capture->group_keys);
    if (!capture->group_keys) rc = SQLITE_NOMEM;
    uint32_t count = 0;
    for (char *p = value; !rc && *p;) {
        size_t length = strcspn(p, ",");
        PythiaText key = {p, length};
        while (key.n && *key.p == ' ')
            key.p++, key.n--;
        while (key.n && key.p[key.n - 1] == ' ')
            key.n--;
        if (key.n)
            rc = pythia_names_string(pythia_store_names(capture->store), key,
                                     &capture->group_keys[count++]);
        p += length + (p[length] == ',');
    }
    sqlite3_free(value);
    capture->model.group_keys = capture->group_keys;
    capture->model.ngroup_keys = count;
    return rc;
}

static int model_tolerance(PythiaCapture *capture, char **error) {
    char *value;
    int rc = pythia_capture_setting(capture, "order_tolerance_ns", &value, error);
    if (!rc)
        capture->model.order_tolerance_ns =
            strcmp(value, "auto") == 0 ? -1 : (int64_t)strtod(value, NULL);
    sqlite3_free(value);
    return rc;
}

/* What was learned at the last rebuild; nothing before the first. */
static int model_learned(PythiaCapture *capture, char **error) {
    char *text;
    int rc = pythia_store_config_get(capture->store, "learned", &text, error);
    if (!rc && text) rc = pythia_learned_read(&capture->learned, pythia_text(text));
    if (rc == PYTHIA_CORRUPT) pythia_fail(error, rc, "pythia_xconfig: learned is damaged");
    sqlite3_free(text);
    capture->model.learned = &capture->learned;
    return rc;
}

int pythia_model_load(PythiaCapture *capture, char **error) {
    if (capture->model_loaded) return SQLITE_OK;
    pythia_model_clear(capture);
    PythiaModel *model = &capture->model;
    double include = 0;
    int rc = setting_choice(capture, "grouping", &model->grouping, error);
    if (!rc) rc = setting_choice(capture, "causality", &model->causality, error);
    if (!rc) rc = setting_choice(capture, "request_end", &model->request_end, error);
    if (!rc) rc = model_tolerance(capture, error);
    if (!rc) rc = model_group_keys(capture, error);
    if (!rc) rc = pythia_capture_setting_number(capture, "include_incomplete", &include, error);
    if (!rc && model->causality == PYTHIA_CAUSALITY_LEARNED) rc = model_learned(capture, error);
    if (!rc) rc = pythia_patterns_load_types(capture, error);
    model->include_incomplete = include != 0;
    model->rule = capture->types.n ? pythia_type_rule : NULL;
    model->rule_context = capture;
    capture->model_loaded = rc == SQLITE_OK;
    return rc;
}

int pythia_capture_model(PythiaCapture *capture, const PythiaModel **model, char **error) {
    int rc = pythia_model_load(capture, error);
    *model = &capture->model;
    return rc;
}

int pythia_capture_tolerances(PythiaCapture *capture, const int64_t **tolerance_ns, char **error) {
    const PythiaNames *names = pythia_store_names(capture->store);
    const PythiaModel *model;
    int rc = pythia_capture_model(capture, &model, error);
    for (uint32_t t = 1; !rc && !capture->tolerances_known && t <= names->ntracepoints; t++) {
        uint32_t service = names->tracepoints[t].service;
        int64_t ns = pythia_model_tolerance_ns(model, names, service, service);
        if (!ns) continue;
        if (!capture->tolerances)
            capture->tolerances = pythia_alloc_zero(((size_t)names->ntracepoints + 1) * sizeof ns);
        if (!capture->tolerances) rc = SQLITE_NOMEM;
        if (!rc) capture->tolerances[t] = ns;
    }
    if (!rc) capture->tolerances_known = 1;
    *tolerance_ns = capture->tolerances;
    return rc;
}
