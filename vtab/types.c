/* types.c - pythia_types: requests of one type together, and what structure explains of their variance.
**
** A cache hit and a miss are two structures that vary little each: it is the type that varies, and
** structure_share (eta squared: the part of the type's variance that lies between its groups) says that the
** structure is why. Where it is small the variance lies within groups, and pythia_groups goes on.
**
** Means, deviations and shares follow from the sums of the groups. modes and problem read the members'
** durations, when they are named. problem is `variation` as for a group, with the type in the place of it: the
** variance_share is that of all types. Rows come with the most variation first. */
#include "ext/capture/expectations.h"
#include "ext/stat/modes.h"
#include "ext/stat/order.h"
#include "vtab/scan.h"
#include "vtab/tables.h"

#include <math.h>
#include <stdlib.h>

enum {
    COL_TYPE,
    COL_TRACES,
    COL_GROUPS,
    COL_MEAN,
    COL_STDDEV,
    COL_COV,
    COL_MODES,
    COL_STRUCTURE,
    COL_PROBLEM,
    COL_SHARE,
    COL_N
};

#define BIT(column) ((uint64_t)1 << (column))

typedef struct Type {
    uint32_t request_type;
    int overflow;
    int64_t n, groups;
    PythiaSum sum, squares;
    double within; /* squares about the means of its groups */
    double total;  /* about its own mean; NaN: undefined */
} Type;

typedef struct Fill {
    PythiaCursor *cursor;
    Type *types;
    size_t n, capacity;
    double total; /* over all types */
    PythiaDuration *durations;
    size_t ndurations;
    double *values; /* scratch: the durations of one type */
    PythiaVerdict *verdicts;
    size_t nverdicts;
} Fill;

static int by_number(const void *a, const void *b) {
    const PythiaGroup *const *x = a, *const *y = b;
    if ((*x)->request_type != (*y)->request_type)
        return (*x)->request_type < (*y)->request_type ? -1 : 1;
    return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

static int by_variation(const void *a, const void *b) {
    const Type *x = a, *y = b;
    double tx = x->total >= 0 ? x->total : -1, ty = y->total >= 0 ? y->total : -1;
    if (tx != ty) return tx > ty ? -1 : 1;
    return x->request_type < y->request_type ? -1 : x->request_type > y->request_type;
}

static void type_add(Type *type, const PythiaGroup *group) {
    double variance = pythia_sum_variance(group->sum, group->squares, group->n);
    type->n += group->n;
    type->groups++;
    type->overflow |= group->overflow | __builtin_add_overflow(type->sum, group->sum, &type->sum) |
                      __builtin_add_overflow(type->squares, group->squares, &type->squares);
    if (group->n > 1) type->within += (double)(group->n - 1) * variance;
}

static int types_make(Fill *f, const PythiaGroups *groups) {
    const PythiaGroup **sorted = pythia_alloc_array(groups->n, sizeof(PythiaGroup *));
    uint32_t n = 0;
    int rc = sorted ? SQLITE_OK : SQLITE_NOMEM;
    for (uint32_t i = 0; !rc && i < groups->n; i++)
        if (groups->groups[i].n > 0) sorted[n++] = &groups->groups[i];
    if (!rc) qsort(sorted, n, sizeof(PythiaGroup *), by_number);
    for (uint32_t i = 0; !rc && i < n; i++) {
        if (!f->n || f->types[f->n - 1].request_type != sorted[i]->request_type) {
            rc = pythia_grow((void **)&f->types, &f->capacity, f->n + 1, sizeof *f->types);
            if (rc) break;
            f->types[f->n++] = (Type){.request_type = sorted[i]->request_type};
        }
        type_add(&f->types[f->n - 1], sorted[i]);
    }
    pythia_free(sorted);
    for (size_t i = 0; !rc && i < f->n; i++) {
        Type *type = &f->types[i];
        double variance =
            type->overflow ? NAN : pythia_sum_variance(type->sum, type->squares, type->n);
        type->total = (double)(type->n - 1) * variance;
        if (type->total >= 0) f->total += type->total;
    }
    if (!rc && f->n) qsort(f->types, f->n, sizeof *f->types, by_variation);
    return rc;
}

/* The number of modes of a type's durations. */
static int type_modes(Fill *f, const Type *type, int *modes) {
    PythiaModes found = {0};
    size_t n = 0;
    for (size_t i = 0; i < f->ndurations; i++)
        if (f->durations[i].request_type == type->request_type)
            f->values[n++] = (double)f->durations[i].duration_ns;
    int rc = pythia_sort(f->values, n, &f->cursor->poll);
    if (!rc) rc = pythia_modes(f->values, n, &found, &f->cursor->poll);
    *modes = found.n;
    return rc;
}

static int put_type(Fill *f, const Type *type) {
    PythiaRows *rows = &f->cursor->rows;
    double mean = type->overflow ? NAN : pythia_sum_mean(type->sum, type->n);
    double stddev = sqrt(type->total / (double)(type->n - 1)), structure = NAN;
    int modes = 0;
    int rc = f->cursor->used & BIT(COL_MODES) ? type_modes(f, type, &modes) : SQLITE_OK;
    if (rc) return rc;
    if (type->total > 0) structure = 1 - type->within / type->total;
    pythia_rows_text(
        rows, pythia_names_text(pythia_capture_names(f->cursor->capture), type->request_type));
    pythia_rows_int(rows, type->n);
    pythia_rows_int(rows, type->groups);
    pythia_rows_double(rows, mean);
    pythia_rows_double(rows, stddev);
    pythia_rows_double(rows, mean > 0 ? stddev / mean : NAN);
    if (modes)
        pythia_rows_int(rows, modes);
    else
        pythia_rows_null(rows);
    pythia_rows_double(rows, structure < 0 ? 0 : structure);
    pythia_rows_str(rows, pythia_problem_name(
                              pythia_verdict_of(f->verdicts, f->nverdicts, type->request_type)));
    double own = type->total >= 0 ? type->total : 0; /* one trace does not vary */
    pythia_rows_double(rows, f->total > 0 ? own / f->total : NAN);
    pythia_rows_end_id(rows, type->request_type);
    return rows->rc;
}

static int types_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    const PythiaBound *wanted = pythia_bound(bounds, n, COL_TYPE, PYTHIA_EQ);
    Fill f = {.cursor = cursor};
    PythiaGroups *groups;
    PythiaPoll *poll = &cursor->poll;
    char **error = &cursor->vtab->base.zErrMsg;
    if (!cursor->capture) return SQLITE_OK;
    const PythiaNames *names = pythia_capture_names(cursor->capture);
    int rc = pythia_capture_groups(cursor->capture, poll, &groups, error);
    if (!rc) rc = types_make(&f, groups);
    if (!rc && cursor->used & BIT(COL_MODES)) {
        rc = pythia_capture_durations(cursor->capture, poll, &f.durations, &f.ndurations, error);
        f.values = pythia_alloc_array(f.ndurations, sizeof *f.values);
        if (!rc && !f.values) rc = SQLITE_NOMEM;
    }
    if (!rc && cursor->used & BIT(COL_PROBLEM))
        rc = pythia_capture_judge(cursor->capture, 1, poll, &f.verdicts, &f.nverdicts, error);
    for (size_t i = 0; !rc && i < f.n; i++) {
        if (wanted && !pythia_text_equal(pythia_names_text(names, f.types[i].request_type),
                                         pythia_value_text(wanted->value)))
            continue;
        rc = put_type(&f, &f.types[i]);
        if (!rc) rc = pythia_poll(poll);
    }
    pythia_free(f.types);
    pythia_free(f.durations);
    pythia_free(f.values);
    pythia_free(f.verdicts);
    return rc;
}

static const PythiaUse types_uses[] = {{COL_TYPE, PYTHIA_EQ, PYTHIA_USE_UNIQUE, 0.01}};

const PythiaTable pythia_table_types = {
    .name = "pythia_types",
    .columns = "request_type TEXT, traces INTEGER, groups INTEGER, mean_ns REAL, stddev_ns REAL,"
               " cov REAL, modes INTEGER, structure_share REAL, problem TEXT, variance_share REAL",
    .nvisible = COL_N,
    .uses = types_uses,
    .nuses = 1,
    .rows = 50,
    .fill = types_fill,
};
