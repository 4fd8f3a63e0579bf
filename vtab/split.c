/* split.c - pythia_split: a group cut by one variable, and how much that explains.
**
** Arguments: group_id, a group's id or the name of a request type (or that as request_type); key, as in
** pythia_group_variables; bins. Numbers and counts are cut into runs of values: as many as `bins` says where that is
** an integer; at the boundaries where it is a text such as '1,5' (below 1, from 1 on, from 5 on); found where it is
** not given, by the least variance of the durations (ext/stat/partition.c). Each level of a category is a part, of
** many the `bins` most frequent (20), the rest together as the part (other).
**
** Rows: numbers ascending, categories from the fastest to the slowest; last, with part NULL, the members without the
** key, if any. eta_squared is the part of the variance that lies between the parts, over the members that have
** the key; it is the same on every row. Histograms are over the range of all durations, so that they can be
** compared by eye. */
#include "ext/stat/histogram.h"
#include "ext/stat/moments.h"
#include "ext/stat/partition.h"
#include "vtab/subject.h"
#include "vtab/tables.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum {
    COL_PART,
    COL_LOW,
    COL_HIGH,
    COL_TRACES,
    COL_MEAN,
    COL_COV,
    COL_HISTOGRAM,
    COL_ETA,
    COL_GROUP_ID, /* visible ones end before it */
    COL_KEY,
    COL_BINS,
    COL_REQUEST_TYPE,
    COL_END
};

enum { PARTS_OF_CATEGORY = 20, BOUNDARIES_MAX = 100, KEYS_SHOWN = 5 };

typedef struct Pair {
    double value, response;
} Pair;

typedef struct Part {
    size_t first, end; /* of the pairs */
    PythiaText level;  /* of a category; p NULL: several */
    double mean;
} Part;

typedef struct Split {
    PythiaCursor *cursor;
    const PythiaVariables *variables;
    const PythiaVariable *variable;
    uint32_t index; /* of it */
    Pair *pairs;    /* members that have the key, sorted by value */
    uint32_t n;
    double *values;  /* scratch: the responses of a part */
    double *missing; /* the responses of the others */
    uint32_t nmissing;
    Part *parts;
    uint32_t nparts;
    double low, high; /* of all responses */
    double eta;
} Split;

static int fail(Split *s, const char *what) {
    return pythia_vtab_fail(s->cursor->vtab, SQLITE_ERROR, "pythia_split: %s", what);
}

/* ---- the variable ------------------------------------------------------------------------------------ */

/* No variable has the key: says which ones have it after a colon, if any. */
static int fail_key(Split *s, PythiaText key, const PythiaVariable *list, uint32_t n) {
    PythiaBuf where = {0};
    int shown = 0;
    for (uint32_t i = 0; i < n && shown < KEYS_SHOWN; i++) {
        PythiaText k = list[i].key;
        if (k.n <= key.n || k.p[k.n - key.n - 1] != ':' ||
            memcmp(k.p + k.n - key.n, key.p, key.n) != 0)
            continue;
        pythia_buf_format(&where, "%s'%.*s'", shown++ ? ", " : "", (int)k.n, k.p);
    }
    int rc = where.rc;
    if (!rc && shown)
        rc = pythia_vtab_fail(s->cursor->vtab, SQLITE_ERROR,
                              "pythia_split: several trace points have the key '%.*s': give one of "
                              "%.*s",
                              (int)key.n, key.p, (int)where.n, where.data);
    else if (!rc)
        rc = pythia_vtab_fail(s->cursor->vtab, SQLITE_ERROR,
                              "pythia_split: there is no variable '%.*s'; pythia_group_variables "
                              "lists those of a group",
                              (int)key.n, key.p ? key.p : "");
    pythia_buf_clear(&where);
    return rc;
}

static int pair_compare(const void *a, const void *b) {
    const Pair *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? -1 : 1;
    return x->response < y->response ? -1 : x->response > y->response;
}

/* Divides the responses into those of members with the key, sorted, and the others. */
static int read_pairs(Split *s) {
    uint32_t rows = pythia_variables_rows(s->variables), taken = 0;
    const double *response = pythia_variables_response(s->variables);
    uint32_t *row = pythia_alloc_array(rows, sizeof *row);
    double *value = pythia_alloc_array(rows, sizeof *value);
    int rc = row && value ? SQLITE_OK : SQLITE_NOMEM;
    s->pairs = pythia_alloc_array(rows, sizeof *s->pairs);
    s->missing = pythia_alloc_array(rows, sizeof *s->missing);
    s->values = pythia_alloc_array(rows, sizeof *s->values);
    if (!s->pairs || !s->missing || !s->values) rc = SQLITE_NOMEM;
    if (!rc) {
        s->n = s->variable->n;
        pythia_variable_read(s->variables, s->index, row, value);
        s->low = INFINITY;
        s->high = -INFINITY;
    }
    for (uint32_t i = 0; !rc && i < rows; i++) {
        s->low = fmin(s->low, response[i]);
        s->high = fmax(s->high, response[i]);
        if (taken < s->n && row[taken] == i)
            s->pairs[taken] = (Pair){value[taken], response[i]}, taken++;
        else
            s->missing[s->nmissing++] = response[i];
    }
    if (!rc) qsort(s->pairs, s->n, sizeof *s->pairs, pair_compare);
    pythia_free(row);
    pythia_free(value);
    return rc;
}

static int find_variable(Split *s, PythiaText key) {
    uint32_t n;
    const PythiaVariable *list = pythia_variables_list(s->variables, &n);
    for (uint32_t i = 0; i < n && !s->variable; i++)
        if (pythia_text_equal(list[i].key, key)) {
            s->variable = &list[i];
            s->index = i;
        }
    if (!s->variable) return fail_key(s, key, list, n);
    if (s->variable->levels > PYTHIA_LEVELS_MAX)
        return fail(s, "the key is an identifier: it has more than 10,000 values");
    return read_pairs(s);
}

/* ---- parts ------------------------------------------------------------------------------------------- */

static int part_add(Split *s, size_t first, size_t end, PythiaText level) {
    double mean = 0;
    if (first == end) return SQLITE_OK; /* between two boundaries there may be nothing */
    for (size_t i = first; i < end; i++)
        mean += (s->pairs[i].response - mean) / (double)(i - first + 1);
    s->parts[s->nparts++] = (Part){first, end, level, mean};
    return SQLITE_OK;
}

/* Cuts before the first value that is not below a boundary. */
static int cut_at(Split *s, PythiaText text) {
    double boundaries[BOUNDARIES_MAX];
    int n = 0;
    char *copy = sqlite3_mprintf("%.*s", (int)text.n, text.p), *p = copy, *end;
    if (!copy) return SQLITE_NOMEM;
    while (n < BOUNDARIES_MAX) {
        errno = 0;
        boundaries[n] = strtod(p, &end);
        if (end == p || errno || !isfinite(boundaries[n]) ||
            (n && !(boundaries[n] > boundaries[n - 1])))
            break;
        n++;
        while (*end == ' ')
            end++;
        p = end;
        if (*p != ',') break;
        p++;
    }
    int bad = *p != 0 || n == 0;
    sqlite3_free(copy);
    if (bad)
        return fail(s, "bins must be a number of parts from 1 to 20, or a text of at most 100 "
                       "ascending boundaries such as '1,5'");
    s->parts = pythia_alloc_array((size_t)n + 1, sizeof *s->parts);
    if (!s->parts) return SQLITE_NOMEM;
    size_t first = 0, at = 0;
    for (int k = 0; k <= n; k++, first = at) {
        while (at < s->n && (k == n || s->pairs[at].value < boundaries[k]))
            at++;
        part_add(s, first, at, (PythiaText){NULL, 0});
    }
    return SQLITE_OK;
}

static int cut_numbers(Split *s, int bins) {
    size_t ends[PYTHIA_PARTS_MAX], first = 0;
    int found;
    double *x = pythia_alloc_array(s->n, sizeof *x);
    s->parts = pythia_alloc_array(PYTHIA_PARTS_MAX, sizeof *s->parts);
    int rc = x && s->parts ? SQLITE_OK : SQLITE_NOMEM;
    for (uint32_t i = 0; !rc && i < s->n; i++) {
        x[i] = s->pairs[i].value;
        s->values[i] = s->pairs[i].response;
    }
    if (!rc) rc = pythia_partition(x, s->values, s->n, bins, ends, &found, &s->cursor->poll);
    for (int k = 0; !rc && k < found; first = ends[k++])
        part_add(s, first, ends[k], (PythiaText){NULL, 0});
    pythia_free(x);
    return rc;
}

static int by_size(const void *a, const void *b) {
    const Part *x = a, *y = b;
    size_t nx = x->end - x->first, ny = y->end - y->first;
    if (nx != ny) return nx > ny ? -1 : 1;
    return pythia_text_compare(x->level, y->level);
}

static int by_mean(const void *a, const void *b) {
    const Part *x = a, *y = b;
    if (x->mean != y->mean) return x->mean < y->mean ? -1 : 1;
    return pythia_text_compare(x->level, y->level);
}

/* The levels behind the first `most` become one part: their pairs are moved together to the end. */
static int join_rest(Split *s, uint32_t most) {
    Pair *moved = pythia_alloc_array(s->n, sizeof *moved);
    size_t n = 0, rest = 0;
    if (!moved) return SQLITE_NOMEM;
    for (uint32_t k = 0; k < s->nparts; k++) {
        Part *p = &s->parts[k];
        size_t count = p->end - p->first;
        memcpy(moved + n, s->pairs + p->first, count * sizeof *moved);
        if (k == most) rest = n;
        *p = (Part){n, n + count, p->level, p->mean};
        n += count;
    }
    pythia_free(s->pairs);
    s->pairs = moved;
    s->nparts = most;
    return part_add(s, rest, n, (PythiaText){NULL, 0});
}

static int cut_levels(Split *s, int bins) {
    uint32_t most = bins ? (uint32_t)bins : PARTS_OF_CATEGORY;
    s->parts = pythia_alloc_array((size_t)s->variable->levels + 1, sizeof *s->parts);
    if (!s->parts) return SQLITE_NOMEM;
    for (uint32_t first = 0, end; first < s->n; first = end) {
        for (end = first; end < s->n && s->pairs[end].value == s->pairs[first].value;)
            end++;
        part_add(s, first, end,
                 pythia_variable_level(s->variables, s->index, (uint32_t)s->pairs[first].value));
    }
    qsort(s->parts, s->nparts, sizeof *s->parts, by_size);
    int rc = s->nparts > most ? join_rest(s, most) : SQLITE_OK;
    if (!rc) qsort(s->parts, s->nparts, sizeof *s->parts, by_mean);
    return rc;
}

static int make_parts(Split *s, const PythiaBound *bins) {
    int is_category = s->variable->kind == PYTHIA_VARIABLE_CATEGORY, number = 0;
    if (bins && sqlite3_value_type(bins->value) == SQLITE_INTEGER) {
        sqlite3_int64 wanted = sqlite3_value_int64(bins->value);
        if (wanted < 1 || wanted > PYTHIA_PARTS_MAX)
            return fail(s, "bins must be from 1 to 20 where it is a number");
        number = (int)wanted;
    } else if (bins) {
        if (is_category) return fail(s, "a category has no boundaries: bins must be a number");
        return cut_at(s, pythia_value_text(bins->value));
    }
    return s->n == 0 ? SQLITE_OK : is_category ? cut_levels(s, number) : cut_numbers(s, number);
}

/* ---- rows -------------------------------------------------------------------------------------------- */

/* Between the parts, of the members that have the key. */
static double eta_squared(const Split *s) {
    double mean = 0, total = 0, within = 0;
    for (uint32_t i = 0; i < s->n; i++)
        mean += (s->pairs[i].response - mean) / (double)(i + 1);
    for (uint32_t k = 0; k < s->nparts; k++)
        for (size_t i = s->parts[k].first; i < s->parts[k].end; i++) {
            double d = s->pairs[i].response - mean, e = s->pairs[i].response - s->parts[k].mean;
            total += d * d;
            within += e * e;
        }
    if (!(total > 0)) return NAN;
    return within < total ? 1 - within / total : 0;
}

/* The columns from traces on. */
static int put_statistics(Split *s, const double *responses, size_t n, double eta) {
    PythiaRows *rows = &s->cursor->rows;
    PythiaMoments m = pythia_moments_of(responses, n);
    uint64_t counts[PYTHIA_HISTOGRAM_BINS];
    PythiaBuf line = {0};
    pythia_histogram_count(responses, n, s->low, s->high, PYTHIA_HISTOGRAM_BINS, counts);
    pythia_histogram_line(counts, PYTHIA_HISTOGRAM_BINS, &line);
    int rc = line.rc;
    pythia_rows_int(rows, (sqlite3_int64)n);
    pythia_rows_double(rows, pythia_moments_mean(&m));
    pythia_rows_double(rows, pythia_moments_cov(&m));
    pythia_rows_text(rows, (PythiaText){(const char *)line.data, line.n});
    pythia_rows_double(rows, eta);
    pythia_rows_end(rows);
    pythia_buf_clear(&line);
    return rc ? rc : rows->rc;
}

/* A whole number as an integer, as most were written. */
static void put_number(PythiaRows *rows, double x) {
    if (x == floor(x) && fabs(x) < 1e15)
        pythia_rows_int(rows, (sqlite3_int64)x);
    else
        pythia_rows_double(rows, x);
}

static int put_part(Split *s, const Part *part) {
    PythiaRows *rows = &s->cursor->rows;
    double low = s->pairs[part->first].value, high = s->pairs[part->end - 1].value;
    for (size_t i = part->first; i < part->end; i++)
        s->values[i - part->first] = s->pairs[i].response;
    if (s->variable->kind == PYTHIA_VARIABLE_CATEGORY) {
        pythia_rows_text(rows, part->level.p ? part->level : PYTHIA_TEXT("(other)"));
        pythia_rows_null(rows);
        pythia_rows_null(rows);
    } else {
        char *label = low == high ? sqlite3_mprintf("%.15g", low)
                                  : sqlite3_mprintf("%.15g..%.15g", low, high);
        if (!label) return SQLITE_NOMEM;
        pythia_rows_str(rows, label);
        sqlite3_free(label);
        put_number(rows, low);
        put_number(rows, high);
    }
    return put_statistics(s, s->values, part->end - part->first, s->eta);
}

static int put_parts(Split *s) {
    int rc = SQLITE_OK;
    s->eta = eta_squared(s);
    for (uint32_t k = 0; !rc && k < s->nparts; k++)
        rc = put_part(s, &s->parts[k]);
    if (rc || !s->nmissing) return rc;
    for (int i = COL_PART; i <= COL_HIGH; i++)
        pythia_rows_null(&s->cursor->rows);
    return put_statistics(s, s->missing, s->nmissing, NAN);
}

static int split_fill(PythiaCursor *cursor, const PythiaBound *bounds, int n) {
    const PythiaBound *group = pythia_bound(bounds, n, COL_GROUP_ID, PYTHIA_EQ);
    const PythiaBound *type = pythia_bound(bounds, n, COL_REQUEST_TYPE, PYTHIA_EQ);
    const PythiaBound *key = pythia_bound(bounds, n, COL_KEY, PYTHIA_EQ);
    PythiaVariables *variables = NULL;
    Split s = {.cursor = cursor};
    int found;
    int rc = pythia_subject_check(cursor, group, type);
    if (!rc && !key)
        rc = fail(&s, "the argument \"key\" is missing: a key of pythia_group_variables");
    if (rc || !key || !cursor->capture) return rc;
    rc = pythia_subject_read(cursor, group, type, NULL, &variables, &found);
    s.variables = variables;
    if (!rc && found) {
        rc = find_variable(&s, pythia_value_text(key->value));
        if (!rc && s.variable) rc = make_parts(&s, pythia_bound(bounds, n, COL_BINS, PYTHIA_EQ));
        if (!rc) rc = put_parts(&s);
    }
    pythia_free(s.pairs);
    pythia_free(s.missing);
    pythia_free(s.values);
    pythia_free(s.parts);
    pythia_variables_close(variables);
    return rc;
}

static int split_plan(PythiaVtab *vtab, sqlite3_index_info *info, int *order) {
    (void)vtab;
    (void)order;
    return pythia_subject_plan(info, COL_GROUP_ID, COL_REQUEST_TYPE);
}

static const PythiaUse split_uses[] = {{COL_GROUP_ID, PYTHIA_EQ, 0, 1},
                                       {COL_KEY, PYTHIA_EQ, 0, 1},
                                       {COL_BINS, PYTHIA_EQ, 0, 1},
                                       {COL_REQUEST_TYPE, PYTHIA_EQ, 0, 1}};

const PythiaTable pythia_table_split = {
    .name = "pythia_split",
    .columns = "part TEXT, low NUMERIC, high NUMERIC, traces INTEGER, mean_ns REAL, cov REAL,"
               " histogram TEXT, eta_squared REAL, group_id TEXT HIDDEN, key TEXT HIDDEN,"
               " bins HIDDEN, request_type TEXT HIDDEN",
    .nvisible = COL_GROUP_ID,
    .nhidden = COL_END - COL_GROUP_ID,
    .uses = split_uses,
    .nuses = 4,
    .rows = 5,
    .fill = split_fill,
    .plan = split_plan,
};
