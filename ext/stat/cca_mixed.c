/* cca_mixed.c - numbers and categories in one canonical correlation analysis.
**
** A category is its levels' columns together: loadings are multiple correlations with the span of
** those columns. A variable alone is the analysis of its columns against the other side's, from the
** same triangular factor; no row is read again. */
#include "ext/stat/cca_mixed.h"

#include <math.h>
#include <string.h>

#include "ext/base/error.h"
#include "ext/base/mem.h"
#include "ext/stat/cca_permute.h"

static int mixed_open(PythiaMixed *mixed, size_t y_variables, size_t variables) {
    mixed->n = variables;
    mixed->p_permutation = NAN;
    mixed->variable = pythia_alloc_zero(variables * sizeof *mixed->variable);
    if (!mixed->variable) return SQLITE_NOMEM;
    for (size_t v = 0; v < variables; v++) {
        mixed->variable[v].of_y = v < y_variables;
        mixed->variable[v].correlation = mixed->variable[v].p = NAN;
    }
    return SQLITE_OK;
}

void pythia_mixed_close(PythiaMixed *mixed) {
    for (size_t v = 0; mixed->variable && v < mixed->n; v++)
        pythia_levels_close(&mixed->variable[v].levels);
    pythia_free(mixed->variable);
    pythia_cca_close(mixed->cca);
    pythia_cca_result_free(mixed->result);
    pythia_free(mixed->numbers);
    memset(mixed, 0, sizeof *mixed);
}

/* ---- from rows to columns --------------------------------------------------------------------- */

static int variable_levels(PythiaMixedVariable *variable, const PythiaData *data, size_t v,
                           PythiaPoll *poll) {
    size_t rows = data->rows - data->front;
    int rc = pythia_data_levels(data, v, 0, &variable->levels, poll);
    if (rc) return rc;
    size_t levels = variable->levels.n;
    if (levels < 2)
        variable->note = "constant";
    else if (2 * levels > rows)
        variable->note = "identifier";
    else if (levels > PYTHIA_MIXED_LEVELS) {
        variable->note = "rare levels merged";
        pythia_levels_close(&variable->levels);
        rc = pythia_data_levels(data, v, PYTHIA_MIXED_LEVELS, &variable->levels, poll);
    }
    return rc;
}

/* Gives the variables their columns; columns[0] counts those of X, columns[1] those of Y. */
static int mixed_plan(PythiaMixed *mixed, const PythiaData *data, int columns[2], PythiaPoll *poll,
                      char **error) {
    columns[0] = columns[1] = 0;
    for (size_t v = 0; v < mixed->n; v++) {
        PythiaMixedVariable *variable = &mixed->variable[v];
        variable->category = pythia_data_is_category(data, v);
        variable->span.n = 1;
        if (variable->category) {
            int rc = variable_levels(variable, data, v, poll);
            if (rc) return rc;
            int left_out =
                variable->levels.n < 2 || 2 * (size_t)variable->levels.n > data->rows - data->front;
            variable->span.n = left_out ? 0 : (int)variable->levels.n - 1;
        }
        variable->span.first = columns[variable->of_y];
        columns[variable->of_y] += variable->span.n;
        if (columns[0] > PYTHIA_CCA_COLUMNS_MAX || columns[1] > PYTHIA_CCA_COLUMNS_MAX)
            return pythia_fail(error, SQLITE_ERROR, "more than %d columns, levels counted",
                               PYTHIA_CCA_COLUMNS_MAX);
    }
    return SQLITE_OK;
}

/* Row i of both sides. */
static void mixed_row(const PythiaMixed *mixed, const PythiaData *data, size_t i, double *x,
                      double *y) {
    const PythiaDatum *datum = &data->datum[(data->front + i) * data->width];
    for (size_t v = 0; v < mixed->n; v++) {
        const PythiaMixedVariable *variable = &mixed->variable[v];
        double *to = (variable->of_y ? y : x) + variable->span.first;
        if (variable->span.n == 0) continue;
        if (!variable->category) {
            *to = datum[v].number;
            continue;
        }
        memset(to, 0, (size_t)variable->span.n * sizeof *to);
        uint32_t level = variable->levels.of[i];
        if (level > 0) to[level - 1] = 1;
    }
}

static int mixed_feed(PythiaMixed *mixed, const PythiaData *data, const int columns[2],
                      PythiaPoll *poll, char **error) {
    size_t nx = (size_t)columns[0], ny = (size_t)columns[1];
    double *row = pythia_alloc_array(nx + ny, sizeof *row);
    int rc = row ? pythia_cca_open(columns[0], columns[1], &mixed->cca, error) : SQLITE_NOMEM;
    for (size_t i = 0; rc == SQLITE_OK && i < data->rows - data->front; i++) {
        mixed_row(mixed, data, i, row, row + nx);
        rc = pythia_cca_add(mixed->cca, row, row + nx, error);
        if (rc == SQLITE_OK) rc = pythia_poll(poll);
    }
    pythia_free(row);
    return rc;
}

static int mixed_permute(PythiaMixed *mixed, const PythiaData *data, const int columns[2],
                         int64_t permutations, uint64_t seed, PythiaPoll *poll, char **error) {
    size_t nx = (size_t)columns[0], ny = (size_t)columns[1], n = data->rows - data->front;
    double *x = pythia_alloc_array(n, nx * sizeof *x);
    double *y = pythia_alloc_array(n, ny * sizeof *y);
    double *row = pythia_alloc_array(nx + ny, sizeof *row);
    int rc = x && y && row ? SQLITE_OK : SQLITE_NOMEM;
    for (size_t i = 0; rc == SQLITE_OK && i < n; i++) {
        mixed_row(mixed, data, i, row, row + nx);
        for (size_t j = 0; j < nx; j++)
            x[i + j * n] = row[j];
        for (size_t j = 0; j < ny; j++)
            y[i + j * n] = row[nx + j];
        rc = pythia_poll(poll);
    }
    if (rc == SQLITE_OK)
        rc = pythia_cca_permute(x, nx, y, ny, n, permutations, seed, &mixed->p_permutation, poll);
    pythia_free(x);
    pythia_free(y);
    pythia_free(row);
    if (rc == SQLITE_RANGE)
        return pythia_fail(error, rc, "%lld rows are too many for permutations", (sqlite3_int64)n);
    return rc;
}

/* ---- results ---------------------------------------------------------------------------------- */

static void numbers_joint(const PythiaMixed *mixed, PythiaMixedVariable *variable) {
    const PythiaCcaResult *r = mixed->result;
    size_t d = (size_t)r->d, at = (size_t)variable->span.first;
    memcpy(variable->weight, (variable->of_y ? r->weight_y : r->weight_x) + at * d,
           d * sizeof(double));
    memcpy(variable->loading, (variable->of_y ? r->loading_y : r->loading_x) + at * d,
           d * sizeof(double));
    memcpy(variable->cross, (variable->of_y ? r->cross_y : r->cross_x) + at * d,
           d * sizeof(double));
    if (!(variable->of_y ? r->kept_y : r->kept_x)[at])
        variable->note = d > 0 && isnan(variable->loading[0]) ? "constant" : "depends on others";
}

static int variable_joint(PythiaMixed *mixed, size_t v, double *numbers, char **error) {
    PythiaMixedVariable *variable = &mixed->variable[v];
    size_t d = (size_t)mixed->result->d;
    variable->weight = numbers;
    variable->loading = numbers + d;
    variable->cross = numbers + 2 * d;
    for (size_t i = 0; i < 3 * d; i++)
        numbers[i] = NAN;
    if (variable->span.n == 0) return SQLITE_OK;
    if (variable->category)
        return pythia_cca_together(mixed->cca, mixed->result, variable->of_y, variable->span,
                                   variable->weight, variable->loading, variable->cross, error);
    numbers_joint(mixed, variable);
    return SQLITE_OK;
}

static int variable_alone(PythiaMixed *mixed, size_t v, char **error) {
    PythiaMixedVariable *variable = &mixed->variable[v];
    const PythiaCcaResult *all = mixed->result;
    PythiaCcaSpan other = {0, variable->of_y ? all->columns_x : all->columns_y};
    PythiaCcaResult *r;
    if (variable->span.n == 0) return SQLITE_OK;
    int rc = pythia_cca_finish_some(mixed->cca, variable->of_y ? other : variable->span,
                                    variable->of_y ? variable->span : other, &r, error);
    if (rc) return rc;
    if (r->d > 0) {
        variable->correlation = r->correlation[0];
        variable->p = r->p[0];
        /* Of a pair of numbers, r has a sign: that of the other's loading where its own is positive. */
        int single = !variable->category && other.n == 1;
        for (size_t u = 0; single && u < mixed->n; u++)
            if (mixed->variable[u].of_y != variable->of_y && mixed->variable[u].category &&
                mixed->variable[u].span.n > 0)
                single = 0;
        if (single && r->loading_y[0] * r->loading_x[0] < 0) variable->correlation *= -1;
    }
    pythia_cca_result_free(r);
    return SQLITE_OK;
}

/* Everything after the rows. */
static int mixed_results(PythiaMixed *mixed, int alone, char **error) {
    int rc = pythia_cca_finish(mixed->cca, &mixed->result, error);
    if (rc) return rc;
    size_t each = 3 * (size_t)mixed->result->d;
    mixed->numbers = pythia_alloc_array(mixed->n, (each + 1) * sizeof(double));
    if (!mixed->numbers) return SQLITE_NOMEM;
    for (size_t v = 0; rc == SQLITE_OK && v < mixed->n; v++) {
        rc = variable_joint(mixed, v, mixed->numbers + v * each, error);
        if (rc == SQLITE_OK && alone) rc = variable_alone(mixed, v, error);
    }
    return rc;
}

int pythia_mixed_run(PythiaMixed *mixed, const PythiaData *data, size_t y_variables, int alone,
                     int64_t permutations, uint64_t seed, PythiaPoll *poll, char **error) {
    int columns[2] = {0, 0};
    int rc = mixed_open(mixed, y_variables, data->width);
    if (rc == SQLITE_OK) rc = mixed_plan(mixed, data, columns, poll, error);
    if (rc || columns[0] == 0 || columns[1] == 0) return rc;
    rc = mixed_feed(mixed, data, columns, poll, error);
    if (rc == SQLITE_OK) rc = mixed_results(mixed, alone, error);
    if (rc == SQLITE_OK && permutations > 0)
        rc = mixed_permute(mixed, data, columns, permutations, seed, poll, error);
    return rc;
}

int pythia_mixed_numbers(PythiaMixed *mixed, PythiaCca *cca, size_t y_variables, size_t variables,
                         int alone, char **error) {
    int rc = mixed_open(mixed, y_variables, variables);
    mixed->cca = cca;
    for (size_t v = 0; rc == SQLITE_OK && v < variables; v++) {
        size_t first = v < y_variables ? v : v - y_variables;
        mixed->variable[v].span = (PythiaCcaSpan){(int)first, 1};
    }
    return rc ? rc : mixed_results(mixed, alone, error);
}
