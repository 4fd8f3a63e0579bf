/* settings.c - pythia_settings: what can be set, what it is set to, and what it means.
**
** UPDATE pythia_settings SET value = ... WHERE key = ... changes a setting, DELETE restores its default. A row
** is always there for every setting, so there is nothing to insert. Settings of the model (grouping,
** causality, ...) take effect at once: what follows from them is rebuilt when it is next read, or at the
** commit. */
#include "ext/capture/capture.h"
#include "vtab/tables.h"

enum { COL_KEY, COL_VALUE, COL_DEFAULT, COL_UNIT, COL_DESCRIPTION, COL_N };

static int settings_fill(PythiaCursor *cursor, const PythiaBound *bounds, int nbounds) {
    int n;
    const PythiaSetting *settings = pythia_settings(&n);
    PythiaRows *rows = &cursor->rows;
    (void)bounds;
    (void)nbounds;
    for (int i = 0; i < n; i++) {
        char *value;
        int rc = pythia_capture_setting(cursor->capture, settings[i].key, &value,
                                        &cursor->vtab->base.zErrMsg);
        if (rc) return rc;
        pythia_rows_str(rows, settings[i].key);
        pythia_rows_str(rows, value);
        pythia_rows_str(rows, settings[i].default_value);
        pythia_rows_text(rows, pythia_text(settings[i].unit));
        pythia_rows_str(rows, settings[i].description);
        pythia_rows_end_id(rows, i + 1);
        sqlite3_free(value);
    }
    return SQLITE_OK;
}

static int settings_update(PythiaVtab *vtab, const char *schema, int change, sqlite3_value **values,
                           sqlite3_int64 *rowid) {
    int n;
    const PythiaSetting *settings = pythia_settings(&n);
    char **error = &vtab->base.zErrMsg;
    const PythiaSetting *setting = NULL;
    if (change == SQLITE_INSERT)
        return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT,
                                "pythia_settings has a row for every setting there is: use UPDATE");
    if (*rowid >= 1 && *rowid <= n) setting = &settings[*rowid - 1];
    if (!setting) return SQLITE_OK;
    const char *value = NULL;
    if (change == SQLITE_UPDATE) {
        if (!pythia_text_equal(pythia_value_text(values[COL_KEY]), pythia_text(setting->key)))
            return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT,
                                    "pythia_settings: a key cannot be renamed");
        value = (const char *)sqlite3_value_text(values[COL_VALUE]);
        if (!value)
            return pythia_vtab_fail(vtab, SQLITE_CONSTRAINT,
                                    "setting %s cannot be NULL; DELETE restores its default '%s'",
                                    setting->key, setting->default_value);
        int rc = pythia_setting_check(setting, pythia_text(value), error);
        if (rc) return rc;
    }
    PythiaCapture *capture;
    int rc = pythia_session_capture(vtab->host->session, schema, 1, &capture, error);
    if (!rc) rc = pythia_capture_set(capture, setting->key, value, error);
    return rc;
}

static int settings_sync(PythiaVtab *vtab) {
    return pythia_session_commit(vtab->host->session, &vtab->base.zErrMsg);
}

const PythiaTable pythia_table_settings = {
    .name = "pythia_settings",
    .columns = "key TEXT, value TEXT, default_value TEXT, unit TEXT, description TEXT",
    .nvisible = COL_N,
    .rows = 15,
    .fill = settings_fill,
    .update = settings_update,
    .sync = settings_sync,
    .read_only = 1u << COL_DEFAULT | 1u << COL_UNIT | 1u << COL_DESCRIPTION,
};
