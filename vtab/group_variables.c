/* group_variables.c - pythia_group_variables: what the members of a group differ in.
**
** One row per variable: every attribute of spans and points at one trace point, every attribute of a service's
** resource, and for every call path that does not occur equally often in all members its repeat count. See
** ext/group/variables.h for how they are named. levels: distinct values, 10001 where there are more; n: members
** that have the variable, missing: those that do not. All members are read. */
#include "ext/capture/capture.h"
#include "ext/group/variables.h"
#include "vtab/scan.h"
#include "vtab/subject.h"
#include "vtab/tables.h"

enum { COL_GROUP_ID, COL_KEY, COL_KIND, COL_LEVELS, COL_NUMBER, COL_MISSING, COL_N };

typedef struct Collect {
    PythiaCapture *capture;
    PythiaVariables *variables;
} Collect;

static int see_member(void *context, const PythiaTrace *trace, const PythiaAnalysis *analysis) {
    Collect *collect = context;
    return pythia_variables_add(collect->variables, trace, pythia_capture_names(collect->capture),
                                &analysis->paths, 0);
}

static void put_variables(PythiaRows *rows, uint64_t group, const PythiaVariables *variables) {
    char text[PYTHIA_ID_CHARS];
    PythiaId id = {0, group, PYTHIA_ID_HEX16};
    PythiaText group_id = {text, pythia_id_write(id, text)};
    uint32_t n;
    const PythiaVariable *list = pythia_variables_list(variables, &n);
    for (uint32_t i = 0; i < n; i++) {
        pythia_rows_text(rows, group_id);
        pythia_rows_text(rows, list[i].key);
        pythia_rows_str(rows, pythia_variable_kind_name(list[i].kind));
        pythia_rows_int(rows, list[i].levels);
        pythia_rows_int(rows, list[i].n);
        pythia_rows_int(rows, list[i].missing);
        pythia_rows_end(rows);
    }
}

static int put_group(PythiaCursor *cursor, PythiaGroup *group, void *unused) {
    (void)unused;
    Collect collect = {.capture = cursor->capture};
    int rc = pythia_variables_open(&cursor->poll, &collect.variables);
    if (!rc)
        rc = pythia_capture_each_trace(cursor->capture, group->id, 1, &cursor->poll, see_member,
                                       &collect, &cursor->vtab->base.zErrMsg);
    if (!rc)
        rc = pythia_variables_finish(collect.variables, pythia_capture_names(cursor->capture),
                                     pythia_capture_call_paths(cursor->capture));
    if (!rc) put_variables(&cursor->rows, group->id, collect.variables);
    pythia_variables_close(collect.variables);
    return rc ? rc : cursor->rows.rc;
}

static int variables_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    return pythia_each_group(cursor, pythia_bound(bounds, n, COL_GROUP_ID, PYTHIA_EQ), put_group,
                             NULL);
}

static const PythiaUse variables_uses[] = {{COL_GROUP_ID, PYTHIA_EQ, 0, 0.01}};

const PythiaTable pythia_table_group_variables = {
    .name = "pythia_group_variables",
    .columns = "group_id TEXT, key TEXT, kind TEXT, levels INTEGER, n INTEGER, missing INTEGER",
    .nvisible = COL_N,
    .uses = variables_uses,
    .nuses = 1,
    .rows = 5000,
    .fill = variables_fill,
};
