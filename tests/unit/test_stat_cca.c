/* test_stat_cca.c - canonical correlations against what they must equal in special cases, and
** against known answers; the single-variable relations likewise. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ext/stat/cca.h"
#include "ext/stat/distribution.h"
#include "ext/stat/linalg.h"
#include "ext/stat/moments.h"
#include "ext/stat/relation.h"
#include "tests/unit/test_stat_support.h"

enum { ROWS = 60 };

/* x and y by columns of n values each. */
static PythiaCcaResult *cca_of(const double *x, int nx, const double *y, int ny, size_t n) {
    PythiaCca *cca = NULL;
    PythiaCcaResult *result = NULL;
    char *error = NULL;
    double row_x[64], row_y[64];
    CU_ASSERT_EQUAL_FATAL(pythia_cca_open(nx, ny, &cca, &error), SQLITE_OK);
    for (size_t i = 0; i < n; i++) {
        for (int j = 0; j < nx; j++)
            row_x[j] = x[(size_t)j * n + i];
        for (int j = 0; j < ny; j++)
            row_y[j] = y[(size_t)j * n + i];
        CU_ASSERT_EQUAL(pythia_cca_add(cca, row_x, row_y, &error), SQLITE_OK);
    }
    CU_ASSERT_EQUAL(pythia_cca_finish(cca, &result, &error), SQLITE_OK);
    CU_ASSERT_PTR_NULL(error);
    pythia_cca_close(cca);
    CU_ASSERT_PTR_NOT_NULL_FATAL(result);
    return result;
}

static void fill(double *x, size_t n, StatRandom *random) {
    for (size_t i = 0; i < n; i++)
        x[i] = stat_normal(random);
}

/* One column a side: |Pearson's r|, p of its t. */
static void test_pearson(void) {
    StatRandom random = {41};
    double x[ROWS], y[ROWS];
    for (int round = 0; round < 30; round++) {
        fill(x, ROWS, &random);
        fill(y, ROWS, &random);
        for (size_t i = 0; i < ROWS; i++) {
            y[i] = 1e6 + y[i] - round % 5 * x[i];
            x[i] = x[i] * 1e-3 - 1e3;
        }
        PythiaRelation relation;
        pythia_relation_numeric(x, y, ROWS, &relation);
        PythiaCcaResult *cca = cca_of(x, 1, y, 1, ROWS);
        CU_ASSERT(stat_near(cca->correlation[0], fabs(relation.correlation), 1e-10));
        CU_ASSERT(stat_near(cca->p[0], relation.p, 1e-7));
        CU_ASSERT(stat_near(cca->f[0], relation.f, 1e-8));
        double r = relation.correlation, t = r * sqrt((ROWS - 2) / (1 - r * r));
        CU_ASSERT(stat_near(relation.p, pythia_t_two_sided(t, ROWS - 2), 1e-9));
        CU_ASSERT(stat_near(cca->weight_x[0], 1, 1e-12));
        CU_ASSERT(stat_near(cca->cross_x[0], cca->correlation[0], 1e-12));
        CU_ASSERT_EQUAL(cca->weight_y[0] < 0, r < 0);
        pythia_cca_result_free(cca);
    }
}

/* A category coded by columns: eta, and the F of the analysis of variance. */
static void test_category(void) {
    StatRandom random = {42};
    double x[3 * ROWS], y[ROWS];
    uint32_t level[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        level[i] = (uint32_t)(stat_uniform(&random) * 4);
        y[i] = 1e3 + 2 * (level[i] == 2) + stat_normal(&random);
        for (size_t j = 0; j < 3; j++)
            x[j * ROWS + i] = level[i] == j + 1;
    }
    PythiaRelation relation;
    CU_ASSERT_EQUAL(pythia_relation_category(level, 9, y, ROWS, &relation), SQLITE_OK);
    PythiaCcaResult *cca = cca_of(x, 3, y, 1, ROWS);
    CU_ASSERT_EQUAL(relation.levels, 4);
    CU_ASSERT(stat_near(relation.correlation, cca->correlation[0], 1e-11));
    CU_ASSERT(stat_near(relation.f, cca->f[0], 1e-9));
    CU_ASSERT(stat_near(relation.p, cca->p[0], 1e-8));
    pythia_cca_result_free(cca);
    level[7] = 9;
    CU_ASSERT_EQUAL(pythia_relation_category(level, 9, y, ROWS, &relation), SQLITE_RANGE);
}

/* Dependent, duplicate and constant columns change ranks, not correlations; nor does any invertible
** mixture of the columns. */
static void test_ranks_and_mixing(void) {
    StatRandom random = {43};
    double x[6 * ROWS], y[2 * ROWS], mixed[3 * ROWS];
    fill(x, 3 * ROWS, &random);
    fill(y, 2 * ROWS, &random);
    for (size_t i = 0; i < ROWS; i++) {
        y[i] += 2 * x[i] - x[ROWS + i];
        x[3 * ROWS + i] = x[i];
        x[4 * ROWS + i] = 0.1;
        x[5 * ROWS + i] = x[i] + 1e3 * x[ROWS + i];
        mixed[i] = 5 * x[i] + x[2 * ROWS + i];
        mixed[ROWS + i] = 1e5 * x[ROWS + i] + 1e7;
        mixed[2 * ROWS + i] = x[2 * ROWS + i] - x[i];
    }
    PythiaCcaResult *base = cca_of(x, 3, y, 2, ROWS), *more = cca_of(x, 6, y, 2, ROWS);
    PythiaCcaResult *turned = cca_of(mixed, 3, y, 2, ROWS);
    CU_ASSERT(base->rank_x == 3 && more->rank_x == 3 && more->columns_x == 6 && base->d == 2);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT(stat_near(more->correlation[i], base->correlation[i], 1e-11));
        CU_ASSERT(stat_near(turned->correlation[i], base->correlation[i], 1e-11));
        CU_ASSERT(stat_near(more->p[i], base->p[i], 1e-8));
    }
    CU_ASSERT_EQUAL(more->kept_x[4], 0);
    CU_ASSERT(isnan(more->loading_x[4 * 2]));
    int kept = 0;
    for (int j = 0; j < 6; j++)
        kept += more->kept_x[j];
    CU_ASSERT_EQUAL(kept, 3);
    pythia_cca_result_free(base);
    pythia_cca_result_free(more);
    pythia_cca_result_free(turned);
}

/* The weights make variates of unit variance whose correlations are those that are claimed, and
** loadings are correlations with them. */
static void test_weights(void) {
    StatRandom random = {44};
    double x[3 * ROWS], y[2 * ROWS], u[ROWS], v[ROWS];
    fill(x, 3 * ROWS, &random);
    fill(y, 2 * ROWS, &random);
    for (size_t i = 0; i < ROWS; i++)
        y[ROWS + i] = 1e9 + 1e4 * (y[ROWS + i] + x[i] - x[2 * ROWS + i]);
    PythiaCcaResult *cca = cca_of(x, 3, y, 2, ROWS);
    for (int k = 0; k < 2; k++) {
        memset(u, 0, sizeof u);
        memset(v, 0, sizeof v);
        for (int side = 0; side < 2; side++)
            for (size_t j = 0; j < (side ? 2u : 3u); j++) {
                const double *column = (side ? y : x) + j * ROWS;
                double weight = (side ? cca->weight_y : cca->weight_x)[j * 2 + (size_t)k];
                PythiaMoments m = pythia_moments_of(column, ROWS);
                double mean = pythia_moments_mean(&m), sd = pythia_moments_stddev_samp(&m);
                for (size_t i = 0; i < ROWS; i++)
                    (side ? v : u)[i] += weight * (column[i] - mean) / sd;
            }
        PythiaRelation relation;
        PythiaMoments m = pythia_moments_of(u, ROWS);
        CU_ASSERT(stat_near(pythia_moments_var_samp(&m), 1, 1e-10));
        pythia_relation_numeric(u, v, ROWS, &relation);
        CU_ASSERT(stat_near(relation.correlation, cca->correlation[k], 1e-9));
        double most = 0;
        for (size_t j = 0; j < 3; j++) {
            double loading = cca->loading_x[j * 2 + (size_t)k];
            pythia_relation_numeric(x + j * ROWS, u, ROWS, &relation);
            CU_ASSERT(fabs(relation.correlation - loading) < 1e-9);
            pythia_relation_numeric(x + j * ROWS, v, ROWS, &relation);
            CU_ASSERT(fabs(relation.correlation - cca->cross_x[j * 2 + (size_t)k]) < 1e-9);
            if (fabs(loading) > fabs(most)) most = loading;
        }
        CU_ASSERT(most > 0);
    }
    pythia_cca_result_free(cca);
}

static void test_edges(void) {
    StatRandom random = {45};
    double x[4 * 5], y[2 * 5], constant[5] = {2, 2, 2, 2, 2};
    fill(x, 20, &random);
    fill(y, 10, &random);
    PythiaCcaResult *few = cca_of(x, 4, y, 2, 5);
    CU_ASSERT(fabs(few->correlation[0] - 1) < 1e-9);
    CU_ASSERT(isnan(few->p[0]) && isnan(few->df2[0]));
    pythia_cca_result_free(few);
    PythiaCcaResult *flat = cca_of(constant, 1, y, 2, 5);
    CU_ASSERT(flat->d == 0 && flat->rank_x == 0 && flat->rank_y == 2);
    pythia_cca_result_free(flat);
    PythiaCcaResult *one = cca_of(x, 1, y, 1, 1), *none = cca_of(x, 1, y, 1, 0);
    CU_ASSERT(one->d == 0 && none->d == 0 && none->n == 0);
    pythia_cca_result_free(one);
    pythia_cca_result_free(none);
    PythiaCcaResult *perfect = cca_of(x, 1, x, 1, 5);
    CU_ASSERT(perfect->correlation[0] > 1 - 1e-14 && perfect->p[0] < 1e-20);
    pythia_cca_result_free(perfect);
    PythiaCca *cca = NULL;
    char *error = NULL;
    CU_ASSERT_EQUAL(pythia_cca_open(1000, 1, &cca, &error), SQLITE_RANGE);
    CU_ASSERT_PTR_NOT_NULL(error);
    sqlite3_free(error);
    error = NULL;
    CU_ASSERT_EQUAL(pythia_cca_open(1, 1, &cca, &error), SQLITE_OK);
    double huge[] = {1.7e308, -1.7e308}; /* their difference overflows */
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(pythia_cca_add(cca, &huge[i], &huge[i], &error), SQLITE_OK);
    PythiaCcaResult *result = NULL;
    CU_ASSERT_EQUAL(pythia_cca_finish(cca, &result, &error), SQLITE_ERROR);
    CU_ASSERT(result == NULL && error != NULL);
    sqlite3_free(error);
    pythia_cca_close(cca);
}

static void test_relation_edges(void) {
    double x[] = {1, 2, 3}, y[] = {4, 4, 4}, two_x[] = {1, 3}, two_y[] = {2, 5};
    PythiaRelation relation;
    pythia_relation_numeric(x, y, 3, &relation);
    CU_ASSERT(isnan(relation.correlation) && isnan(relation.p));
    pythia_relation_numeric(two_x, two_y, 2, &relation);
    CU_ASSERT(relation.correlation == 1 && isnan(relation.p));
    pythia_relation_numeric(x, x, 3, &relation);
    CU_ASSERT(relation.correlation > 1 - 1e-15 && relation.p < 1e-6);
    uint32_t level[] = {0, 0, 0};
    CU_ASSERT_EQUAL(pythia_relation_category(level, 1, x, 3, &relation), SQLITE_OK);
    CU_ASSERT(isnan(relation.correlation) && relation.levels == 1);
    CU_ASSERT_EQUAL(pythia_relation_category(level, 1, x, 0, &relation), SQLITE_OK);
    CU_ASSERT_EQUAL(relation.levels, 0);
    /* A strong relation of many observations: p far below what 1 - r^2 could give. */
    enum { MANY = 2000 };
    static double a[MANY], b[MANY];
    StatRandom random = {46};
    for (int i = 0; i < MANY; i++) {
        a[i] = stat_normal(&random);
        b[i] = a[i] + stat_normal(&random);
    }
    pythia_relation_numeric(a, b, MANY, &relation);
    CU_ASSERT(relation.p > 0 && relation.p < 1e-250);
    double cubed[] = {-8, 1, 27, -1, 64};
    double base[] = {-2, 1, 3, -1, 4};
    CU_ASSERT_EQUAL(pythia_relation_ranks(base, cubed, 5, &relation), SQLITE_OK);
    CU_ASSERT(stat_near(relation.correlation, 1, 1e-15));
}

static void test_linalg_limits(void) {
    double a[4] = {1, NAN, 2, 3}, s[2], u[4], vt[4];
    CU_ASSERT_EQUAL(pythia_linalg_r(a, 2, 2), SQLITE_ERROR);
    CU_ASSERT_EQUAL(pythia_linalg_svd(a, 2, 2, s, u, vt), SQLITE_ERROR);
    CU_ASSERT_EQUAL(pythia_linalg_r(a, (size_t)1 << 31, 2), SQLITE_RANGE);
    CU_ASSERT_EQUAL(pythia_linalg_svd(a, 1 << 20, 1 << 20, s, u, vt), SQLITE_RANGE);
    double singular[4] = {0, 0, 1, 1};
    CU_ASSERT_EQUAL(pythia_linalg_solve_upper(singular, 2, 2, u, 1), SQLITE_ERROR);
}

/* Columns of a golden case: names separated by commas; "name=level" is an indicator. */
static int golden_columns(const StatTable *table, const char *names, double *out, size_t n) {
    char list[300], *at = list, *name;
    int columns = 0;
    snprintf(list, sizeof list, "%s", names);
    while ((name = strsep(&at, ",")) != NULL) {
        char *level = strchr(name, '=');
        if (level) *level++ = 0;
        size_t j = stat_table_find(table, name);
        CU_ASSERT_FATAL(j < table->columns);
        for (size_t i = 0; i < n; i++) {
            const char *cell = table->cell[i * table->columns + j];
            double value = *cell && strcmp(cell, "NA") != 0 ? strtod(cell, NULL) : NAN;
            out[(size_t)columns * n + i] = level ? strcmp(cell, level) == 0 : value;
        }
        columns++;
    }
    return columns;
}

/* Drops rows in which anything is missing; returns how many stay. */
static size_t complete_rows(double *x, int nx, double *y, int ny, size_t n) {
    size_t stay = 0;
    for (size_t i = 0; i < n; i++) {
        int complete = 1;
        for (int j = 0; j < nx; j++)
            complete &= !isnan(x[(size_t)j * n + i]);
        for (int j = 0; j < ny; j++)
            complete &= !isnan(y[(size_t)j * n + i]);
        if (!complete) continue;
        for (int j = 0; j < nx; j++)
            x[(size_t)j * n + stay] = x[(size_t)j * n + i];
        for (int j = 0; j < ny; j++)
            y[(size_t)j * n + stay] = y[(size_t)j * n + i];
        stay++;
    }
    for (int j = 1; j < nx; j++)
        memmove(x + (size_t)j * stay, x + (size_t)j * n, stay * sizeof *x);
    for (int j = 1; j < ny; j++)
        memmove(y + (size_t)j * stay, y + (size_t)j * n, stay * sizeof *y);
    return stay;
}

static void golden_vector(const char *name, const char *field, const double *values, int d,
                          double relative, double absolute) {
    char key[64];
    for (int i = 0; i < d; i++) {
        int known;
        snprintf(key, sizeof key, "%s[%d]", field, i);
        double right = stat_golden(name, key, &known);
        if (!known) continue;
        int near = stat_near(values[i], right, relative) || fabs(values[i] - right) <= absolute;
        if (!near) printf("\n%s %s: %.17g, known %.17g", name, key, values[i], right);
        CU_ASSERT(near);
    }
}

static void golden_matrix(const char *name, const char *field, const double *values, int columns,
                          int d, double absolute) {
    for (int j = 0; j < columns; j++) {
        char key[64];
        snprintf(key, sizeof key, "%s[%d]", field, j);
        golden_vector(name, key, values + j * d, d, 0, absolute);
    }
}

static const char queue_hosts[] = "host=web-01,host=web-02,host=web-03,host=web-04,host=web-05,"
                                  "host=web-06,host=web-07";
static const char queue_all[] = "queue_len,cpu_util,payload_bytes,cache=miss,host=web-01,"
                                "host=web-02,host=web-03,host=web-04,host=web-05,host=web-06,"
                                "host=web-07,region=eu-west,region=us-east";

/* full: ranks are full, so weights can be compared; p: so can tests. */
static const struct {
    const char *name, *file, *y, *x;
    int full, p;
} golden_cases[] = {
    {"lifecycle", "LifeCycleSavings", "sr,dpi,ddpi", "pop15,pop75", 1, 1},
    {"iris_sepal_petal", "iris", "Petal.Length,Petal.Width", "Sepal.Length,Sepal.Width", 1, 1},
    {"iris_species", "iris", "Sepal.Length,Sepal.Width,Petal.Length,Petal.Width",
     "Species=versicolor,Species=virginica", 1, 1},
    {"linnerud", "linnerud", "Weight,Waist,Pulse", "Chins,Situps,Jumps", 1, 1},
    {"mtcars", "mtcars", "mpg,qsec", "disp,hp,wt,gear", 1, 1},
    {"airquality_listwise", "airquality", "Ozone,Solar.R", "Wind,Temp", 1, 1},
    {"queue_all", "queue", "duration_us,db_us", queue_all, 1, 1},
    {"queue_numeric", "queue", "duration_us,db_us", "queue_len,cpu_util,payload_bytes", 1, 1},
    {"queue_1x1_queue_len", "queue", "duration_us", "queue_len", 1, 1},
    {"queue_1x1_cpu_util", "queue", "duration_us", "cpu_util", 1, 1},
    {"queue_1x1_payload_bytes", "queue", "duration_us", "payload_bytes", 1, 1},
    {"queue_eta_host", "queue", "duration_us", queue_hosts, 1, 1},
    {"queue_eta_region", "queue", "duration_us", "region=eu-west,region=us-east", 1, 1},
    {"queue_eta_cache", "queue", "duration_us", "cache=miss", 1, 1},
    {"queue_small", "queue_small", "duration_us,db_us",
     "queue_len,cpu_util,host=web-01,host=web-02,host=web-03", 1, 1},
    {"rankdef_base", "rankdef", "y1,y2", "a,b,h_web_01,h_web_02,h_web_03,h_web_04", 1, 1},
    {"rankdef_dup", "rankdef", "y1,y2", "a,b,dup_a,c_sum,h_web_01,h_web_02,h_web_03,h_web_04", 0,
     1},
    {"rankdef_dummytrap", "rankdef", "y1,y2", "a,b,h_web_00,h_web_01,h_web_02,h_web_03,h_web_04", 0,
     1},
    {"rankdef_const", "rankdef", "y1,y2", "const_tenth,a,b,h_web_01,h_web_02,h_web_03,h_web_04", 0,
     1},
    {"rankdef_y", "rankdef", "y1,y2,y3_sum", "a,b,h_web_01,h_web_02,h_web_03,h_web_04", 0, 1},
    {"nearcol_x1x2", "nearcol", "y1,y2", "x1,x2,x3", 0, 1},
    {"nearcol_offset", "nearcol", "y1,y2", "x1,x3,x4", 0, 1},
    {"perfect_r1", "perfect", "y1,y2", "x1,x2,x3", 0, 0},
    {"n_lt_p", "n_lt_p", "y1,y2,y3", "x1,x2,x3,x4,x5,x6", 0, 0},
    {"large", "large", "y1,y2,y3,y4", "x1,x2,x3,x4,x5,x6,x7,x8,x9,x10,x11,x12", 1, 1},
    {"null_indep", "null_indep", "y1,y2,y3", "x1,x2,x3,x4,x5", 1, 1}};

static void golden_case(size_t k) {
    char name[64], path[64];
    StatTable table;
    snprintf(name, sizeof name, "cca|cca/%s", golden_cases[k].name);
    snprintf(path, sizeof path, "multi/%s.csv", golden_cases[k].file);
    CU_ASSERT_FATAL(stat_table_open(path, &table));
    double *x = malloc(16 * table.rows * sizeof *x), *y = malloc(8 * table.rows * sizeof *y);
    CU_ASSERT_FATAL(x && y);
    int nx = golden_columns(&table, golden_cases[k].x, x, table.rows);
    int ny = golden_columns(&table, golden_cases[k].y, y, table.rows);
    size_t n = complete_rows(x, nx, y, ny, table.rows);
    PythiaCcaResult *cca = cca_of(x, nx, y, ny, n);
    CU_ASSERT_EQUAL((double)n, stat_golden(name, "n", NULL));
    CU_ASSERT_EQUAL(cca->rank_x, stat_golden(name, "rank_x", NULL));
    CU_ASSERT_EQUAL(cca->rank_y, stat_golden(name, "rank_y", NULL));
    double absolute = strncmp(golden_cases[k].name, "nearcol", 7) == 0 ? 1e-8 : 1e-10;
    golden_vector(name, "cor_ref_longdouble", cca->correlation, cca->d, 0, absolute);
    if (golden_cases[k].p) {
        golden_vector(name, "wilks", cca->wilks, cca->d, 1e-8, 0);
        golden_vector(name, "rao_F", cca->f, cca->d, 1e-8, 0);
        golden_vector(name, "rao_df2", cca->df2, cca->d, 1e-12, 0);
        golden_vector(name, "rao_p", cca->p, cca->d, 1e-7, 0);
        golden_vector(name, "bartlett_chisq", cca->chi2, cca->d, 1e-8, 0);
        golden_vector(name, "bartlett_p", cca->p_chi2, cca->d, 1e-7, 0);
        CU_ASSERT(stat_near(cca->pillai, stat_golden(name, "pillai", NULL), 1e-8));
    } else if (strcmp(golden_cases[k].name, "perfect_r1") == 0) {
        CU_ASSERT(cca->f[0] > 1e8 && cca->p[0] < 1e-300);
    } else {
        CU_ASSERT(isnan(cca->p[0]));
    }
    if (golden_cases[k].full) {
        golden_matrix(name, "std_x", cca->weight_x, nx, cca->d, 1e-8);
        golden_matrix(name, "std_y", cca->weight_y, ny, cca->d, 1e-8);
        golden_matrix(name, "structure_x", cca->loading_x, nx, cca->d, 1e-9);
        golden_matrix(name, "structure_y", cca->loading_y, ny, cca->d, 1e-9);
    }
    pythia_cca_result_free(cca);
    free(x);
    free(y);
    stat_table_close(&table);
}

static void test_golden(void) {
    if (!stat_golden_open()) return;
    for (size_t k = 0; k < sizeof golden_cases / sizeof golden_cases[0]; k++)
        golden_case(k);
}

/* Names such as corr|corr/biv_lin/a/b. */
static void test_golden_corr(void) {
    const char *name;
    if (!stat_golden_open()) return;
    for (size_t i = 0; (name = stat_golden_case("corr|corr/", i)) != NULL; i++) {
        char file[40], a[8], b[8], path[64];
        StatTable table;
        CU_ASSERT_EQUAL_FATAL(sscanf(name, "corr|corr/%39[^/]/%7[^/]/%7s", file, a, b), 3);
        snprintf(path, sizeof path, "multi/%s.csv", file);
        CU_ASSERT_FATAL(stat_table_open(path, &table));
        double *x = stat_table_column(&table, a), *y = stat_table_column(&table, b);
        CU_ASSERT_FATAL(x && y);
        size_t n = complete_rows(x, 1, y, 1, table.rows);
        PythiaRelation relation;
        pythia_relation_numeric(x, y, n, &relation);
        double right = stat_golden(name, "pearson_r", NULL);
        CU_ASSERT(stat_near(relation.correlation, right, 1e-10));
        double p = stat_golden(name, "pearson_p", NULL);
        int exact = fabs(right) > 1 - 1e-14; /* then p is that of rounding errors */
        if (!exact) CU_ASSERT(stat_near(relation.p, p, 1e-9));
        CU_ASSERT_EQUAL(pythia_relation_ranks(x, y, n, &relation), SQLITE_OK);
        CU_ASSERT(stat_near(relation.correlation, stat_golden(name, "spearman_rho", NULL), 1e-10));
        free(x);
        free(y);
        stat_table_close(&table);
    }
}

PYTHIA_SUITE(stat_cca, {"one column a side", test_pearson}, {"a category", test_category},
             {"ranks and mixtures", test_ranks_and_mixing}, {"weights and loadings", test_weights},
             {"edges", test_edges}, {"edges of relations", test_relation_edges},
             {"limits of linear algebra", test_linalg_limits}, {"golden cca", test_golden},
             {"golden correlations", test_golden_corr})
