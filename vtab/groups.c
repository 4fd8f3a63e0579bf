/* groups.c - pythia_groups: requests of the same structure, and whether they perform alike.
**
** mean, standard deviation, coefficient of variation and share come from the stored sums and cost nothing.
** robust_cov, the quantiles, modes, the dip and problem need the members' durations: these are read, for all
** groups in one pass, only when a query names such a column. Rows come with the most variation first.
**
** problem: by the settings, ext/group/problem.h, and by the rows of pythia_expectations. */
#include "ext/capture/expectations.h"
#include "ext/stat/dip.h"
#include "ext/stat/modes.h"
#include "ext/stat/quantile.h"
#include "vtab/scan.h"
#include "vtab/tables.h"

#include <math.h>
#include <stdlib.h>

enum {
    COL_GROUP_ID,
    COL_TYPE,
    COL_SIGNATURE,
    COL_TRACES,
    COL_MEAN,
    COL_STDDEV,
    COL_COV,
    COL_ROBUST,
    COL_MIN,
    COL_P50,
    COL_P95,
    COL_P99,
    COL_MAX,
    COL_MODES,
    COL_DIP,
    COL_DIP_P,
    COL_SHARE,
    COL_PROBLEM,
    COL_N
};

#define BIT(column) ((uint64_t)1 << (column))
#define OF_MEMBERS                                                                                 \
    (BIT(COL_ROBUST) | BIT(COL_P50) | BIT(COL_P95) | BIT(COL_P99) | BIT(COL_MODES) |               \
     BIT(COL_DIP) | BIT(COL_DIP_P))

typedef struct Fill {
    PythiaCursor *cursor;
    PythiaNames *names;
    PythiaGroups *groups;
    PythiaDuration *durations; /* by group, then duration; NULL when no column needs them */
    size_t n;
    double *values; /* scratch: the durations of one group */
    PythiaVerdict *verdicts;
    size_t nverdicts;
    double total; /* sum of (traces - 1) * variance over all groups */
} Fill;

static double group_variance(const PythiaGroup *group) {
    return group->overflow ? NAN : pythia_sum_variance(group->sum, group->squares, group->n);
}

/* What the group adds to the variance of all: one trace does not vary. */
static double group_own(const PythiaGroup *group) {
    double variance = group_variance(group);
    return group->n > 1 && variance >= 0 ? (double)(group->n - 1) * variance : 0;
}

/* The members' durations, ascending, in f->values; how many. */
static size_t group_values(Fill *f, uint64_t group) {
    size_t low = 0, high = f->n, n = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->durations[middle].group < group)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < f->n && f->durations[low].group == group; low++)
        f->values[n++] = (double)f->durations[low].duration_ns;
    return n;
}

/* Columns robust_cov .. dip_p that come from the members' durations, in the order of the table: min and max
** are known from the sums. */
static int put_shape(Fill *f, const PythiaGroup *group, uint64_t used, double *robust, double p[3],
                     PythiaModes *modes, PythiaDip *dip) {
    static const double at[3] = {0.50, 0.95, 0.99};
    size_t n = group_values(f, group->id);
    int rc = SQLITE_OK;
    for (int i = 0; i < 3; i++)
        p[i] = pythia_quantile_sorted(f->values, n, at[i], 7);
    if (used & BIT(COL_MODES)) rc = pythia_modes(f->values, n, modes, &f->cursor->poll);
    if (!rc && used & (BIT(COL_DIP) | BIT(COL_DIP_P)))
        rc = pythia_dip(f->values, n, 0, dip, &f->cursor->poll);
    if (!rc && used & BIT(COL_ROBUST))
        rc = pythia_robust_cov(f->values, n, robust, &f->cursor->poll);
    return rc;
}

static void put_hex(PythiaRows *rows, uint64_t hi, uint64_t lo, uint32_t form) {
    char text[PYTHIA_ID_CHARS];
    PythiaId id = {hi, lo, form};
    pythia_rows_text(rows, (PythiaText){text, pythia_id_write(id, text)});
}

static int put_group(Fill *f, const PythiaGroup *group) {
    PythiaRows *rows = &f->cursor->rows;
    uint64_t used = f->cursor->used;
    double mean = group->overflow ? NAN : pythia_sum_mean(group->sum, group->n);
    double variance = group_variance(group), robust = NAN, p[3] = {NAN, NAN, NAN};
    PythiaModes modes = {0};
    PythiaDip dip = {.dip = NAN, .p = NAN};
    int rc = used & OF_MEMBERS ? put_shape(f, group, used, &robust, p, &modes, &dip) : SQLITE_OK;
    if (rc) return rc;
    put_hex(rows, 0, group->id, PYTHIA_ID_HEX16);
    pythia_rows_text(rows, pythia_names_text(f->names, group->request_type));
    put_hex(rows, group->signature.hi, group->signature.lo, PYTHIA_ID_HEX32);
    pythia_rows_int(rows, group->n);
    pythia_rows_double(rows, mean);
    pythia_rows_double(rows, sqrt(variance));
    pythia_rows_double(rows, mean > 0 ? sqrt(variance) / mean : NAN);
    pythia_rows_double(rows, robust);
    pythia_rows_int(rows, group->min_ns);
    for (int i = 0; i < 3; i++)
        pythia_rows_double(rows, p[i]);
    pythia_rows_int(rows, group->max_ns);
    if (modes.n)
        pythia_rows_int(rows, modes.n);
    else
        pythia_rows_null(rows);
    pythia_rows_double(rows, dip.dip);
    pythia_rows_double(rows, dip.p);
    pythia_rows_double(rows, f->total > 0 ? group_own(group) / f->total : NAN);
    pythia_rows_str(rows,
                    pythia_problem_name(pythia_verdict_of(f->verdicts, f->nverdicts, group->id)));
    pythia_rows_end_id(rows, (sqlite3_int64)group->id);
    return rows->rc;
}

static int fill_open(Fill *f) {
    char **error = &f->cursor->vtab->base.zErrMsg;
    PythiaCapture *capture = f->cursor->capture;
    int rc = pythia_capture_groups(capture, &f->cursor->poll, &f->groups, error);
    if (!rc && f->cursor->used & BIT(COL_PROBLEM))
        rc = pythia_capture_judge(capture, 0, &f->cursor->poll, &f->verdicts, &f->nverdicts, error);
    if (!rc && f->cursor->used & OF_MEMBERS) {
        rc = pythia_capture_durations(capture, &f->cursor->poll, &f->durations, &f->n, error);
        if (!rc) f->values = pythia_alloc_array(f->n, sizeof *f->values);
        if (!rc && !f->values) rc = SQLITE_NOMEM;
    }
    for (uint32_t i = 0; !rc && i < f->groups->n; i++)
        f->total += group_own(&f->groups->groups[i]);
    return rc;
}

typedef struct Place {
    double own;
    uint64_t id;
    uint32_t group; /* index */
} Place;

static int place_compare(const void *a, const void *b) {
    const Place *x = a, *y = b;
    if (x->own != y->own) return x->own > y->own ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* The groups that exist, those with the most variation first. */
static int places_make(const PythiaGroups *groups, Place **places, uint32_t *n) {
    *n = 0;
    *places = pythia_alloc_array(groups->n, sizeof **places);
    if (!*places) return SQLITE_NOMEM;
    for (uint32_t i = 0; i < groups->n; i++)
        if (groups->groups[i].n > 0)
            (*places)[(*n)++] = (Place){group_own(&groups->groups[i]), groups->groups[i].id, i};
    qsort(*places, *n, sizeof **places, place_compare);
    return SQLITE_OK;
}

static int groups_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    const PythiaBound *wanted = pythia_bound(bounds, n, COL_GROUP_ID, PYTHIA_EQ);
    const PythiaBound *type = pythia_bound(bounds, n, COL_TYPE, PYTHIA_EQ);
    Fill f = {.cursor = cursor};
    Place *places = NULL;
    uint64_t only = 0;
    uint32_t nplaces = 0;
    if (!cursor->capture) return SQLITE_OK;
    if (wanted && !pythia_group_of_text(pythia_value_text(wanted->value), &only)) return SQLITE_OK;
    f.names = pythia_capture_names(cursor->capture);
    int rc = fill_open(&f);
    if (!rc) rc = places_make(f.groups, &places, &nplaces);
    for (uint32_t i = 0; !rc && i < nplaces; i++) {
        const PythiaGroup *group = &f.groups->groups[places[i].group];
        if (wanted && group->id != only) continue;
        if (type && !pythia_text_equal(pythia_names_text(f.names, group->request_type),
                                       pythia_value_text(type->value)))
            continue;
        rc = put_group(&f, group);
        if (!rc) rc = pythia_poll(&cursor->poll);
    }
    pythia_free(places);
    pythia_free(f.durations);
    pythia_free(f.values);
    pythia_free(f.verdicts);
    return rc;
}

static const PythiaUse groups_uses[] = {{COL_GROUP_ID, PYTHIA_EQ, PYTHIA_USE_UNIQUE, 0.01},
                                        {COL_TYPE, PYTHIA_EQ, 0, 0.1}};

const PythiaTable pythia_table_groups = {
    .name = "pythia_groups",
    .columns =
        "group_id TEXT, request_type TEXT, signature TEXT, traces INTEGER, mean_ns REAL,"
        " stddev_ns REAL, cov REAL, robust_cov REAL, min_ns INTEGER, p50_ns REAL, p95_ns REAL,"
        " p99_ns REAL, max_ns INTEGER, modes INTEGER, dip REAL, dip_p REAL, variance_share REAL,"
        " problem TEXT",
    .nvisible = COL_N,
    .uses = groups_uses,
    .nuses = 2,
    .rows = 100,
    .fill = groups_fill,
};
