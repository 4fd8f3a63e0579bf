/* violations.c - pythia_violations: the groups that break an expectation.
**
** One row for each row of pythia_expectations (expectation: its rowid) and group that does not keep it, in the
** order of expectations, the worst group first: the metric's value and the threshold that it exceeds, and what it
** makes of the group (`variation` or `slow`). group_id is the group's id under the expectation's grouping; where
** that is the one set, it is the one of pythia_groups. NULL for the grouping `type`. */
#include "ext/capture/expectations.h"
#include "vtab/scan.h"
#include "vtab/tables.h"

#include <stdlib.h>

enum {
    COL_EXPECTATION,
    COL_TYPE,
    COL_GROUPING,
    COL_GROUP_ID,
    COL_TRACES,
    COL_METRIC,
    COL_VALUE,
    COL_THRESHOLD,
    COL_PROBLEM,
    COL_N
};

/* expectation lies in memory that goes before the rows are put. */
typedef struct Found {
    PythiaViolation violation;
    int64_t id;
    int metric;
} Found;

typedef struct Fill {
    Found *found;
    size_t n, capacity;
} Fill;

static int see_violation(void *context, const PythiaViolation *violation) {
    Fill *f = context;
    int rc = pythia_grow((void **)&f->found, &f->capacity, f->n + 1, sizeof *f->found);
    if (rc) return rc;
    f->found[f->n++] =
        (Found){*violation, violation->expectation->id, violation->expectation->metric};
    return SQLITE_OK;
}

static int found_compare(const void *a, const void *b) {
    const Found *x = a, *y = b;
    if (x->id != y->id) return x->id < y->id ? -1 : 1;
    if (x->violation.value != y->violation.value)
        return x->violation.value > y->violation.value ? -1 : 1;
    return x->violation.group < y->violation.group ? -1 : x->violation.group > y->violation.group;
}

static void put_violation(PythiaCursor *cursor, const Found *found) {
    const PythiaViolation *v = &found->violation;
    PythiaRows *rows = &cursor->rows;
    char text[PYTHIA_ID_CHARS];
    PythiaId id = {0, v->group, PYTHIA_ID_HEX16};
    pythia_rows_int(rows, found->id);
    pythia_rows_text(rows,
                     pythia_names_text(pythia_capture_names(cursor->capture), v->request_type));
    pythia_rows_str(rows, pythia_grouping_name(v->grouping));
    if (v->group)
        pythia_rows_text(rows, (PythiaText){text, pythia_id_write(id, text)});
    else
        pythia_rows_null(rows);
    pythia_rows_int(rows, (sqlite3_int64)v->traces);
    pythia_rows_str(rows, pythia_metric_name(found->metric));
    pythia_rows_double(rows, v->value);
    pythia_rows_double(rows, v->threshold);
    pythia_rows_str(rows, pythia_problem_name(pythia_metric_problem(found->metric)));
    pythia_rows_end(rows);
}

static int violations_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    Fill f = {0};
    (void)bounds;
    (void)n;
    if (!cursor->capture) return SQLITE_OK;
    int rc = pythia_capture_violations(cursor->capture, &cursor->poll, see_violation, &f,
                                       &cursor->vtab->base.zErrMsg);
    if (!rc && f.n) qsort(f.found, f.n, sizeof *f.found, found_compare);
    for (size_t i = 0; !rc && i < f.n; i++) {
        put_violation(cursor, &f.found[i]);
        rc = cursor->rows.rc;
    }
    pythia_free(f.found);
    return rc;
}

const PythiaTable pythia_table_violations = {
    .name = "pythia_violations",
    .columns = "expectation INTEGER, request_type TEXT, grouping TEXT, group_id TEXT,"
               " traces INTEGER, metric TEXT, value REAL, threshold REAL, problem TEXT",
    .nvisible = COL_N,
    .rows = 20,
    .fill = violations_fill,
};
