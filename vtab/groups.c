/* groups.c - pythia_groups: requests of the same structure, and whether they perform alike.
**
** mean, standard deviation, coefficient of variation and share come from the stored sums and cost nothing.
** robust_cov, the quantiles, modes and the dip need the members' durations: these are read, for all groups in
** one pass, only when a query names such a column. So does problem, which compares with the requests of the
** same type.
**
** problem: `variation` where traces >= min_samples, cov > cov_threshold, stddev_ns >= min_stddev_ns and
** variance_share >= share_threshold; else `slow` where traces >= min_samples and the mean lies above the
** slow_quantile of all requests of the type; else NULL. Settings: pythia_settings. */
#include "ext/capture/capture.h"
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
     BIT(COL_DIP) | BIT(COL_DIP_P) | BIT(COL_PROBLEM))

typedef struct TypeQuantile {
    uint32_t request_type;
    double quantile;
} TypeQuantile;

typedef struct Fill {
    PythiaCursor *cursor;
    PythiaNames *names;
    PythiaGroups *groups;
    PythiaThresholds thresholds;
    PythiaDuration *durations; /* by group, then duration; NULL when no column needs them */
    size_t n;
    double *values; /* scratch: the durations of one group or type */
    TypeQuantile *types;
    size_t ntypes, types_capacity;
    double total; /* sum of (traces - 1) * variance over all groups */
} Fill;

static double group_variance(const PythiaGroup *group) {
    return group->overflow ? NAN : pythia_sum_variance(group->sum, group->squares, group->n);
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

/* The slow_quantile of all requests of a type; found once for each type. */
static int type_quantile(Fill *f, uint32_t request_type, double *quantile) {
    for (size_t i = 0; i < f->ntypes; i++)
        if (f->types[i].request_type == request_type) {
            *quantile = f->types[i].quantile;
            return SQLITE_OK;
        }
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++)
        if (f->durations[i].request_type == request_type)
            f->values[n++] = (double)f->durations[i].duration_ns;
    *quantile = NAN;
    int rc = pythia_grow((void **)&f->types, &f->types_capacity, f->ntypes + 1, sizeof *f->types);
    if (!rc && n)
        rc = pythia_quantile(f->values, n, f->thresholds.slow_quantile, 7, quantile,
                             &f->cursor->poll);
    if (!rc) f->types[f->ntypes++] = (TypeQuantile){request_type, *quantile};
    return rc;
}

static int group_problem(Fill *f, const PythiaGroup *group, double mean, double variance,
                         const char **problem) {
    const PythiaThresholds *t = &f->thresholds;
    double stddev = sqrt(variance), share = (double)(group->n - 1) * variance / f->total;
    *problem = NULL;
    if (group->n < t->min_samples || !(variance >= 0)) return SQLITE_OK;
    if (stddev / mean > t->cov_threshold && stddev >= t->min_stddev_ns &&
        share >= t->share_threshold) {
        *problem = "variation";
        return SQLITE_OK;
    }
    double quantile;
    int rc = type_quantile(f, group->request_type, &quantile);
    if (!rc && mean > quantile) *problem = "slow";
    return rc;
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
    const char *problem = NULL;
    int rc = used & OF_MEMBERS & ~BIT(COL_PROBLEM)
                 ? put_shape(f, group, used, &robust, p, &modes, &dip)
                 : SQLITE_OK;
    if (!rc && used & BIT(COL_PROBLEM)) rc = group_problem(f, group, mean, variance, &problem);
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
    double own = group->n > 1 ? (double)(group->n - 1) * variance : 0; /* one trace does not vary */
    pythia_rows_double(rows, f->total > 0 ? own / f->total : NAN);
    pythia_rows_text(rows, pythia_text(problem));
    pythia_rows_end_id(rows, (sqlite3_int64)group->id);
    return rows->rc;
}

static int fill_open(Fill *f) {
    char **error = &f->cursor->vtab->base.zErrMsg;
    PythiaCapture *capture = f->cursor->capture;
    int rc = pythia_capture_groups(capture, &f->cursor->poll, &f->groups, error);
    if (!rc) rc = pythia_capture_thresholds(capture, &f->thresholds, error);
    if (!rc && f->cursor->used & OF_MEMBERS) {
        rc = pythia_capture_durations(capture, &f->cursor->poll, &f->durations, &f->n, error);
        if (!rc) f->values = pythia_alloc_array(f->n, sizeof *f->values);
        if (!rc && !f->values) rc = SQLITE_NOMEM;
    }
    for (uint32_t i = 0; !rc && i < f->groups->n; i++) {
        double variance = group_variance(&f->groups->groups[i]);
        if (variance >= 0) f->total += (double)(f->groups->groups[i].n - 1) * variance;
    }
    return rc;
}

static int groups_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    const PythiaBound *wanted = pythia_bound(bounds, n, COL_GROUP_ID, PYTHIA_EQ);
    const PythiaBound *type = pythia_bound(bounds, n, COL_TYPE, PYTHIA_EQ);
    Fill f = {.cursor = cursor};
    uint64_t only = 0;
    if (!cursor->capture) return SQLITE_OK;
    if (wanted && !pythia_group_of_text(pythia_value_text(wanted->value), &only)) return SQLITE_OK;
    f.names = pythia_capture_names(cursor->capture);
    int rc = fill_open(&f);
    for (uint32_t i = 0; !rc && i < f.groups->n; i++) {
        const PythiaGroup *group = &f.groups->groups[i];
        if (group->n < 1 || (wanted && group->id != only)) continue;
        if (type && !pythia_text_equal(pythia_names_text(f.names, group->request_type),
                                       pythia_value_text(type->value)))
            continue;
        rc = put_group(&f, group);
        if (!rc) rc = pythia_poll(&cursor->poll);
    }
    pythia_free(f.durations);
    pythia_free(f.values);
    pythia_free(f.types);
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
