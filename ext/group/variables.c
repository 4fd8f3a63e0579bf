/* variables.c - see variables.h: collecting the variables of a group.
**
** One column per (scope, owner, key, kind), found by open addressing. Most attributes have a value on every
** row, and most are constant, so a column holds only what deviates from that: `rows` is written out when the
** first row is skipped, `values` when the first value differs. Levels of a category are interned per column,
** long texts by their beginning and a hash; a column with too many of them forgets its values.
**
** Numbers are put into their columns at the end of a row, when it is known whether the key occurred more than
** once there. The column of sums is made at the first such row, as a copy of the one of first values: up to
** then each sum was the first value. */
#include "ext/group/variables.h"

#include "ext/stat/order.h"

#include <math.h>
#include <stdlib.h>

enum { FIRST_SLOTS = 64, LONGEST_LEVEL = 256, LEVEL_START = LONGEST_LEVEL - 16 };
enum { SCOPE_TRACEPOINT, SCOPE_RESOURCE, SCOPE_PATH };

typedef struct Column {
    uint32_t owner;      /* trace point, service (string id), or call path */
    uint32_t key;        /* string id; 0 for a call path */
    uint8_t scope, kind; /* SCOPE_*, PYTHIA_VARIABLE_* */
    uint8_t is_sum;
    uint8_t dropped;       /* too many levels: no values are kept */
    uint8_t skips, varies; /* rows, values are written out */
    uint8_t mixed;         /* numeric: two occurrences differ, be it in one row */
    uint32_t
        sums;   /* column of the sums, 0: none (column 0 is never one); of sums: what they are of */
    uint32_t n; /* rows with a value */
    uint32_t *rows;
    size_t rows_capacity;
    double first; /* the value, while it is the only one */
    double *values;
    size_t values_capacity;
    PythiaIntern levels; /* category: value = id - 1 */
    double *times;       /* of a span's call path: of each row with a value, ns */
    size_t times_capacity;
    /* Of the row in work: */
    uint32_t seen; /* that row + 1 */
    uint32_t occurrences;
    double row_first, row_sum;
    double any; /* the first occurrence of all, once seen > 0 */
} Column;

struct PythiaVariables {
    PythiaPoll *poll;
    Column *columns;
    uint32_t ncolumns;
    size_t columns_capacity;
    uint32_t *slots; /* column + 1 */
    uint32_t mask;
    uint32_t *touched; /* numeric columns of the row in work */
    uint32_t ntouched;
    size_t touched_capacity;
    uint32_t *served; /* [resource of the trace in work]: the service it was last used with */
    size_t served_capacity;
    double *response;
    size_t response_capacity;
    uint32_t rows;
    PythiaVariable *list;
    uint32_t nlist;
    PythiaArena arena; /* keys as shown */
};

const char *pythia_variable_kind_name(int kind) {
    return kind == PYTHIA_VARIABLE_NUMERIC    ? "numeric"
           : kind == PYTHIA_VARIABLE_CATEGORY ? "category"
                                              : "count";
}

int pythia_variables_open(PythiaPoll *poll, PythiaVariables **variables) {
    *variables = pythia_alloc_zero(sizeof **variables);
    if (!*variables) return SQLITE_NOMEM;
    (*variables)->poll = poll;
    return SQLITE_OK;
}

static void column_forget_values(Column *c) {
    pythia_free(c->rows);
    pythia_free(c->values);
    pythia_free(c->times);
    pythia_intern_clear(&c->levels);
    c->rows = NULL;
    c->values = NULL;
    c->times = NULL;
    c->rows_capacity = c->values_capacity = c->times_capacity = 0;
}

void pythia_variables_close(PythiaVariables *v) {
    if (!v) return;
    for (uint32_t i = 0; i < v->ncolumns; i++)
        column_forget_values(&v->columns[i]);
    pythia_free(v->columns);
    pythia_free(v->slots);
    pythia_free(v->touched);
    pythia_free(v->served);
    pythia_free(v->response);
    pythia_free(v->list);
    pythia_arena_clear(&v->arena);
    pythia_free(v);
}

/* ---- columns --------------------------------------------------------------------------------------- */

static uint32_t column_hash(int scope, uint32_t owner, uint32_t key, int kind) {
    return (uint32_t)pythia_hash_mix((uint64_t)owner << 32 | key,
                                     (uint64_t)scope << 8 | (uint64_t)kind);
}

static int columns_make_room(PythiaVariables *v) {
    if (v->ncolumns >= UINT32_MAX / 4) return SQLITE_FULL;
    int rc = pythia_grow((void **)&v->columns, &v->columns_capacity, (size_t)v->ncolumns + 1,
                         sizeof *v->columns);
    if (rc || (v->slots && (v->ncolumns + 1) * 2 <= v->mask + 1)) return rc;
    uint32_t n = v->slots ? (v->mask + 1) * 2 : FIRST_SLOTS;
    uint32_t *slots = pythia_alloc_zero((size_t)n * sizeof *slots);
    if (!slots) return SQLITE_NOMEM;
    for (uint32_t i = 0; i < v->ncolumns; i++) {
        const Column *c = &v->columns[i];
        if (c->is_sum) continue;
        uint32_t slot = column_hash(c->scope, c->owner, c->key, c->kind) & (n - 1);
        while (slots[slot])
            slot = (slot + 1) & (n - 1);
        slots[slot] = i + 1;
    }
    pythia_free(v->slots);
    v->slots = slots;
    v->mask = n - 1;
    return SQLITE_OK;
}

/* Finds or makes a column; borrowed until the next call. */
static int column_get(PythiaVariables *v, int scope, uint32_t owner, uint32_t key, int kind,
                      Column **column) {
    int rc = columns_make_room(v);
    if (rc) return rc;
    uint32_t slot = column_hash(scope, owner, key, kind) & v->mask;
    for (; v->slots[slot]; slot = (slot + 1) & v->mask) {
        Column *c = &v->columns[v->slots[slot] - 1];
        if (c->owner != owner || c->key != key || c->scope != scope || c->kind != kind) continue;
        *column = c;
        return SQLITE_OK;
    }
    *column = &v->columns[v->ncolumns++];
    **column = (Column){.owner = owner, .key = key, .scope = (uint8_t)scope, .kind = (uint8_t)kind};
    v->slots[slot] = v->ncolumns;
    return SQLITE_OK;
}

/* Appends the value of a row; rows come in ascending order. */
static int column_put(Column *c, uint32_t row, double value) {
    size_t n = c->n;
    int rc = SQLITE_OK;
    if (c->dropped) {
        c->n++;
        return SQLITE_OK;
    }
    if (value == 0) value = 0; /* no -0 */
    if (c->skips || row != c->n) {
        rc = pythia_grow((void **)&c->rows, &c->rows_capacity, n + 1, sizeof *c->rows);
        if (rc) return rc;
        for (uint32_t i = 0; !c->skips && i < c->n; i++)
            c->rows[i] = i;
        c->skips = 1;
        c->rows[n] = row;
    }
    if (n == 0) c->first = value;
    if (c->varies || value != c->first) {
        rc = pythia_grow((void **)&c->values, &c->values_capacity, n + 1, sizeof *c->values);
        if (rc) return rc;
        for (size_t i = 0; !c->varies && i < n; i++)
            c->values[i] = c->first;
        c->varies = 1;
        c->values[n] = value;
    }
    c->n++;
    return SQLITE_OK;
}

static int column_put_level(Column *c, uint32_t row, PythiaText text) {
    char shorter[LONGEST_LEVEL];
    uint32_t id = 1;
    if (text.n > LONGEST_LEVEL) {
        PythiaHash128 hash = pythia_hash128(text.p, text.n);
        memcpy(shorter, text.p, LEVEL_START);
        memcpy(shorter + LEVEL_START, &hash, sizeof hash);
        text = (PythiaText){shorter, LONGEST_LEVEL};
    }
    if (!c->dropped) {
        int rc = pythia_intern(&c->levels, text, &id);
        if (rc) return rc;
        if (c->levels.n > PYTHIA_LEVELS_MAX) {
            column_forget_values(c);
            c->dropped = 1;
        }
    }
    return column_put(c, row, (double)(id - 1));
}

/* Makes the column of sums of column `of`, with what that holds so far. */
static int column_add_sums(PythiaVariables *v, uint32_t of) {
    int rc = columns_make_room(v);
    if (rc) return rc;
    Column *from = &v->columns[of], *to = &v->columns[v->ncolumns];
    *to = (Column){.owner = from->owner,
                   .key = from->key,
                   .scope = from->scope,
                   .kind = from->kind,
                   .is_sum = 1,
                   .sums = of};
    v->ncolumns++; /* from here on it is freed with the others */
    for (uint32_t i = 0; !rc && i < from->n; i++)
        rc = column_put(to, from->skips ? from->rows[i] : i,
                        from->varies ? from->values[i] : from->first);
    from->sums = v->ncolumns - 1;
    return rc;
}

/* ---- a row ------------------------------------------------------------------------------------------ */

static int see_number(PythiaVariables *v, int scope, uint32_t owner, uint32_t key, double number) {
    Column *c;
    if (!isfinite(number)) return SQLITE_OK;
    int rc = column_get(v, scope, owner, key, PYTHIA_VARIABLE_NUMERIC, &c);
    if (rc) return rc;
    if (!c->seen) c->any = number;
    c->mixed |= number != c->any;
    if (c->seen == v->rows + 1) {
        c->row_sum += number;
        c->occurrences++;
        return SQLITE_OK;
    }
    rc = pythia_grow((void **)&v->touched, &v->touched_capacity, (size_t)v->ntouched + 1,
                     sizeof *v->touched);
    if (rc) return rc;
    v->touched[v->ntouched++] = (uint32_t)(c - v->columns);
    c->seen = v->rows + 1;
    c->row_first = c->row_sum = number;
    c->occurrences = 1;
    return SQLITE_OK;
}

static int see_text(PythiaVariables *v, int scope, uint32_t owner, uint32_t key, PythiaText text) {
    Column *c;
    int rc = column_get(v, scope, owner, key, PYTHIA_VARIABLE_CATEGORY, &c);
    if (rc || c->seen == v->rows + 1) return rc;
    c->seen = v->rows + 1;
    return column_put_level(c, v->rows, text);
}

static int see_value(PythiaVariables *v, int scope, uint32_t owner, const PythiaValue *value) {
    switch (value->type) {
    case PYTHIA_VALUE_INT:
        return see_number(v, scope, owner, value->key, (double)value->of.integer);
    case PYTHIA_VALUE_DOUBLE:
        return see_number(v, scope, owner, value->key, value->of.real);
    case PYTHIA_VALUE_BOOL:
        return see_text(v, scope, owner, value->key,
                        value->of.integer ? PYTHIA_TEXT("true") : PYTHIA_TEXT("false"));
    default:
        return see_text(v, scope, owner, value->key, (PythiaText){value->of.text, value->n});
    }
}

static int see_values(PythiaVariables *v, const PythiaTrace *trace, uint32_t tracepoint,
                      uint32_t first, uint32_t n, uint32_t raw_name) {
    int rc = pythia_poll(v->poll);
    for (uint32_t i = first; !rc && i < first + n; i++)
        if (!raw_name || trace->values[i].key != raw_name)
            rc = see_value(v, SCOPE_TRACEPOINT, tracepoint, &trace->values[i]);
    return rc;
}

/* The resource of a span belongs to its service. Once per trace, resource and service. */
static int see_resource(PythiaVariables *v, const PythiaTrace *trace, const PythiaNames *names,
                        const PythiaSpan *span) {
    if (span->resource >= trace->nresources || !span->tracepoint ||
        span->tracepoint > names->ntracepoints)
        return SQLITE_OK;
    uint32_t service = names->tracepoints[span->tracepoint].service;
    if (v->served[span->resource] == service) return SQLITE_OK;
    v->served[span->resource] = service;
    const PythiaResourceSet *set = &trace->resources[span->resource];
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < set->n; i++)
        rc = see_value(v, SCOPE_RESOURCE, service, &set->values[i]);
    return rc;
}

/* Puts the numbers of the row into their columns. */
static int put_numbers(PythiaVariables *v) {
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < v->ntouched; i++) {
        uint32_t at = v->touched[i];
        const Column *c = &v->columns[at];
        if (c->occurrences > 1 && !c->sums && c->scope == SCOPE_TRACEPOINT)
            rc = column_add_sums(v, at);
        c = &v->columns[at]; /* it may have moved */
        if (!rc) rc = column_put(&v->columns[at], v->rows, c->row_first);
        if (!rc && c->sums && isfinite(c->row_sum))
            rc = column_put(&v->columns[c->sums], v->rows, c->row_sum);
    }
    v->ntouched = 0;
    return rc;
}

/* How often each call path occurs, and the time of its spans. */
static int see_paths(PythiaVariables *v, const PythiaTrace *trace, const PythiaTracePaths *paths) {
    Column *c;
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < paths->n; i++) {
        rc = column_get(v, SCOPE_PATH, paths->distinct[i], 0, PYTHIA_VARIABLE_COUNT, &c);
        if (!rc) rc = column_put(c, v->rows, (double)paths->counts[i]);
    }
    for (uint32_t i = 0; !rc && i < trace->nspans; i++) {
        const PythiaSpan *s = &trace->spans[i];
        rc = column_get(v, SCOPE_PATH, paths->nodes[i], 0, PYTHIA_VARIABLE_COUNT, &c);
        if (rc || !c->n) break;
        rc = pythia_grow((void **)&c->times, &c->times_capacity, c->n, sizeof *c->times);
        if (rc) break;
        if (c->seen != v->rows + 1) c->times[c->n - 1] = 0;
        c->seen = v->rows + 1;
        c->times[c->n - 1] += (double)(s->to_ns - s->from_ns);
    }
    return rc;
}

int pythia_variables_add(PythiaVariables *v, const PythiaTrace *trace, const PythiaNames *names,
                         const PythiaTracePaths *paths, double response) {
    if (v->rows == UINT32_MAX - 1) return SQLITE_FULL;
    uint32_t raw_name = pythia_intern_find(&names->strings, PYTHIA_TEXT("raw_name"));
    int rc = pythia_grow((void **)&v->response, &v->response_capacity, (size_t)v->rows + 1,
                         sizeof *v->response);
    if (!rc)
        rc = pythia_grow((void **)&v->served, &v->served_capacity, (size_t)trace->nresources + 1,
                         sizeof *v->served);
    if (rc) return rc;
    v->response[v->rows] = response;
    memset(v->served, 0, ((size_t)trace->nresources + 1) * sizeof *v->served);
    for (uint32_t i = 0; !rc && i < trace->nspans; i++) {
        const PythiaSpan *s = &trace->spans[i];
        rc = see_values(v, trace, s->tracepoint, s->first_value, s->nvalues, raw_name);
        if (!rc) rc = see_resource(v, trace, names, s);
    }
    for (uint32_t i = 0; !rc && i < trace->npoints; i++) {
        const PythiaPoint *p = &trace->points[i];
        rc = see_values(v, trace, p->tracepoint, p->first_value, p->nvalues, raw_name);
    }
    if (!rc) rc = see_paths(v, trace, paths);
    if (!rc) rc = put_numbers(v);
    v->rows++;
    return rc;
}

/* ---- the list --------------------------------------------------------------------------------------- */

/* A column under the name that decides how it is shown: its key, or the trace point that its path ends in. */
typedef struct Place {
    uint32_t name, owner, column;
    uint8_t is_path, scope;
} Place;

static int place_compare(const void *a, const void *b) {
    const Place *x = a, *y = b;
    if (x->is_path != y->is_path) return x->is_path - y->is_path;
    if (x->name != y->name) return x->name < y->name ? -1 : 1;
    if (x->scope != y->scope) return x->scope - y->scope;
    if (x->owner != y->owner) return x->owner < y->owner ? -1 : 1;
    return x->column < y->column ? -1 : x->column > y->column;
}

static int places_make(const PythiaVariables *v, const PythiaCallPaths *call_paths,
                       Place **places) {
    *places = pythia_alloc_array(v->ncolumns, sizeof **places);
    if (!*places) return SQLITE_NOMEM;
    for (uint32_t i = 0; i < v->ncolumns; i++) {
        const Column *c = &v->columns[i];
        int is_path = c->scope == SCOPE_PATH;
        if (is_path && (c->owner == 0 || c->owner > call_paths->n)) {
            pythia_free(*places);
            *places = NULL;
            return PYTHIA_CORRUPT;
        }
        (*places)[i] = (Place){is_path ? call_paths->nodes[c->owner].tracepoint : c->key, c->owner,
                               i, (uint8_t)is_path, c->scope};
    }
    qsort(*places, v->ncolumns, sizeof **places, place_compare);
    return SQLITE_OK;
}

/* The trace points from the root down to a call path. */
static void put_path(PythiaBuf *out, const PythiaNames *names, const PythiaCallPaths *call_paths,
                     uint32_t node) {
    uint32_t depth = 0;
    for (uint32_t i = node; i; i = call_paths->nodes[i].parent)
        depth++;
    uint32_t *nodes = pythia_alloc_array(depth, sizeof *nodes);
    if (!nodes) {
        if (!out->rc) out->rc = SQLITE_NOMEM;
        return;
    }
    for (uint32_t i = node, k = depth; i; i = call_paths->nodes[i].parent)
        nodes[--k] = i;
    for (uint32_t k = 0; k < depth; k++) {
        if (k) pythia_buf_str(out, " > ");
        pythia_buf_text(
            out, pythia_names_tracepoint_text(names, call_paths->nodes[nodes[k]].tracepoint));
    }
    pythia_free(nodes);
}

static int show_key(PythiaVariables *v, const Column *c, int alone, const PythiaNames *names,
                    const PythiaCallPaths *call_paths, PythiaText *key) {
    PythiaBuf text = {0};
    int rc = SQLITE_OK;
    if (c->scope == SCOPE_PATH) pythia_buf_str(&text, "count(");
    if (c->is_sum) pythia_buf_str(&text, "sum(");
    if (c->scope == SCOPE_PATH && alone)
        pythia_buf_text(
            &text, pythia_names_tracepoint_text(names, call_paths->nodes[c->owner].tracepoint));
    else if (c->scope == SCOPE_PATH)
        put_path(&text, names, call_paths, c->owner);
    if (c->scope != SCOPE_PATH && !alone) {
        pythia_buf_text(&text, c->scope == SCOPE_RESOURCE
                                   ? pythia_names_text(names, c->owner)
                                   : pythia_names_tracepoint_text(names, c->owner));
        pythia_buf_byte(&text, ':');
    }
    if (c->scope != SCOPE_PATH) pythia_buf_text(&text, pythia_names_text(names, c->key));
    if (c->scope == SCOPE_PATH || c->is_sum) pythia_buf_byte(&text, ')');
    rc = text.rc;
    if (!rc) {
        const char *copy =
            pythia_arena_copy(&v->arena, text.n ? (const char *)text.data : "", text.n);
        *key = (PythiaText){copy, text.n};
        if (!copy) rc = SQLITE_NOMEM;
    }
    pythia_buf_clear(&text);
    return rc;
}

/* Distinct values of a column. */
static int count_levels(const PythiaVariables *v, const Column *c, uint32_t *levels) {
    *levels = c->n > 0;
    if (c->dropped) *levels = PYTHIA_LEVELS_MAX + 1;
    if (c->kind == PYTHIA_VARIABLE_CATEGORY && !c->dropped) *levels = c->levels.n;
    if (c->kind != PYTHIA_VARIABLE_CATEGORY && c->varies) {
        double *sorted = pythia_alloc_array(c->n, sizeof *sorted);
        if (!sorted) return SQLITE_NOMEM;
        memcpy(sorted, c->values, c->n * sizeof *sorted);
        int rc = pythia_sort(sorted, c->n, v->poll);
        for (uint32_t i = 1; i < c->n; i++)
            *levels += sorted[i] != sorted[i - 1];
        pythia_free(sorted);
        if (rc) return rc;
    }
    /* A call path that a member does not have occurs 0 times there. */
    if (c->kind == PYTHIA_VARIABLE_COUNT && c->n < v->rows) ++*levels;
    return SQLITE_OK;
}

static int list_append(PythiaVariables *v, const Place *place, int alone, const PythiaNames *names,
                       const PythiaCallPaths *call_paths) {
    const Column *c = &v->columns[place->column];
    uint32_t levels;
    /* Sums of one and the same number say how often it occurs, which the counts say better. */
    if (c->is_sum && !v->columns[c->sums].mixed) return SQLITE_OK;
    int rc = pythia_poll(v->poll);
    if (!rc) rc = count_levels(v, c, &levels);
    if (rc || (c->kind == PYTHIA_VARIABLE_COUNT && levels < 2)) return rc;
    uint32_t n = c->kind == PYTHIA_VARIABLE_COUNT ? v->rows : c->n;
    PythiaVariable *variable = &v->list[v->nlist];
    *variable = (PythiaVariable){.kind = c->kind,
                                 .is_sum = c->is_sum,
                                 .levels = levels,
                                 .n = n,
                                 .missing = v->rows - n,
                                 .column = place->column};
    rc = show_key(v, c, alone, names, call_paths, &variable->key);
    if (!rc) v->nlist++;
    return rc;
}

static int variable_compare(const void *a, const void *b) {
    const PythiaVariable *x = a, *y = b;
    int order = pythia_text_compare(x->key, y->key);
    if (order) return order;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    return x->is_sum - y->is_sum;
}

int pythia_variables_finish(PythiaVariables *v, const PythiaNames *names,
                            const PythiaCallPaths *call_paths) {
    Place *places = NULL;
    int rc = places_make(v, call_paths, &places);
    if (!rc) {
        v->list = pythia_alloc_array(v->ncolumns, sizeof *v->list);
        if (!v->list) rc = SQLITE_NOMEM;
    }
    for (uint32_t i = 0, end; !rc && i < v->ncolumns; i = end) {
        int alone = 1;
        for (end = i; end < v->ncolumns && places[end].is_path == places[i].is_path &&
                      places[end].name == places[i].name;
             end++)
            alone &= places[end].scope == places[i].scope && places[end].owner == places[i].owner;
        for (uint32_t k = i; !rc && k < end; k++)
            rc = list_append(v, &places[k], alone, names, call_paths);
    }
    pythia_free(places);
    if (!rc) qsort(v->list, v->nlist, sizeof *v->list, variable_compare);
    return rc;
}

const PythiaVariable *pythia_variables_list(const PythiaVariables *v, uint32_t *n) {
    *n = v->nlist;
    return v->list;
}

uint32_t pythia_variables_rows(const PythiaVariables *v) {
    return v->rows;
}

const double *pythia_variables_response(const PythiaVariables *v) {
    return v->response;
}

void pythia_variable_read(const PythiaVariables *v, uint32_t variable, uint32_t *row,
                          double *value) {
    const Column *c = &v->columns[v->list[variable].column];
    if (c->dropped) return;
    if (c->kind == PYTHIA_VARIABLE_COUNT && c->n < v->rows) {
        for (uint32_t i = 0; i < v->rows; i++) {
            row[i] = i;
            value[i] = 0;
        }
        for (uint32_t i = 0; i < c->n; i++)
            value[c->skips ? c->rows[i] : i] = c->varies ? c->values[i] : c->first;
        return;
    }
    for (uint32_t i = 0; i < c->n; i++) {
        row[i] = c->skips ? c->rows[i] : i;
        value[i] = c->varies ? c->values[i] : c->first;
    }
}

int pythia_variable_time(const PythiaVariables *v, uint32_t variable, double *time) {
    const Column *c = &v->columns[v->list[variable].column];
    if (!c->times) return 0;
    memset(time, 0, v->rows * sizeof *time);
    for (uint32_t i = 0; i < c->n; i++)
        time[c->skips ? c->rows[i] : i] = c->times[i];
    return 1;
}

PythiaText pythia_variable_level(const PythiaVariables *v, uint32_t variable, uint32_t level) {
    const Column *c = &v->columns[v->list[variable].column];
    PythiaText text = pythia_intern_text(&c->levels, level + 1);
    /* What follows the beginning of a long one is a hash; and no character is shown in part. */
    if (text.n == LONGEST_LEVEL) {
        text.n = LEVEL_START;
        while (text.n > LEVEL_START - 4 && ((unsigned char)text.p[text.n] & 0xc0) == 0x80)
            text.n--;
    }
    return text;
}
