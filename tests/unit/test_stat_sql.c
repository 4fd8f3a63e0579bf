/* test_stat_sql.c - the statistical functions as SQL sees them: edge cases, window frames against
** the same function over the same rows, known answers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test_stat_support.h"

static void check(sqlite3 *db, const char *sql, const char *right) {
    const char *got = stat_sql(db, sql);
    if (strcmp(got, right) != 0) printf("\n%s\n  got   %s\n  right %s", sql, got, right);
    CU_ASSERT_STRING_EQUAL(got, right);
}

static void test_contract(void) {
    static const char *const cases[][2] = {
        {"SELECT cov(x) FROM (SELECT 1 x) WHERE 0", "NULL"},
        {"SELECT cov(column1) FROM (VALUES (NULL), (NULL))", "NULL"},
        {"SELECT cov(5)", "NULL"},
        {"SELECT cov_pop(5)", "0.0"},
        {"SELECT cov(column1) FROM (VALUES (7.25), (7.25), (7.25))", "0.0"},
        {"SELECT cov(column1) FROM (VALUES (-1), (1))", "NULL"},
        {"SELECT round(cov(column1), 15) FROM (VALUES (-2), (-4))", "0.471404520791032"},
        {"SELECT round(cov(column1), 15) FROM (VALUES (1), (NULL), (3))", "0.707106781186548"},
        {"SELECT cov(column1) FROM (VALUES (1), (9e999))", "NULL"},
        {"SELECT cov(column1) FROM (VALUES (1), ('abc'))", "error: cov: 'abc' is not a number"},
        {"SELECT cov(column1) FROM (VALUES (1), (x'00'))", "error: cov: a blob is not a number"},
        {"SELECT var_pop(column1) FROM (VALUES ('1'), ('3'))", "1.0"},
        {"SELECT percentile(x, 50) FROM (SELECT 1 x) WHERE 0", "NULL"},
        {"SELECT percentile(42, 99)", "42.0"},
        {"SELECT quantile(1, 1.5)", "error: quantile: the fraction must be a number from 0 to 1"},
        {"SELECT percentile(1, NULL)",
         "error: percentile: the fraction must be a number from 0 to 100"},
        {"SELECT percentile(column1, column1) FROM (VALUES (1), (2))",
         "error: percentile: fraction and type must be the same for all rows"},
        {"SELECT quantile(1, 0.5, 10)", "error: quantile: the type must be an integer from 1 to 9"},
        {"SELECT dip(x) FROM (SELECT 1 x) WHERE 0", "NULL"},
        {"SELECT dip(5)||' '||dip_p(5)", "0.5 1.0"},
        {"SELECT dip(column1)||' '||dip_p(column1) FROM (VALUES (1), (3))", "0.25 1.0"},
        {"SELECT dip(column1)||' '||dip_p(column1) FROM (VALUES (0), (1), (3), (6))", "0.125 1.0"},
        {"SELECT dip(column1) FROM (VALUES (1), (1), (2), (2))", "0.25"},
        {"SELECT dip(1, -1)", "error: dip: the resolution must be a number, not negative"},
        {"SELECT modes(x) FROM (SELECT 1 x) WHERE 0", "NULL"},
        {"SELECT modes(column1) FROM (VALUES (1), (1), (2), (2))", "1"},
        {"SELECT corr(column1, column2) FROM (VALUES (1, 4), (2, 4), (3, 4))", "NULL"},
        {"SELECT corr(1, 2)", "NULL"},
        {"SELECT corr(column1, column2) FROM (VALUES (1, 2), (3, 5))", "1.0"},
        {"SELECT corr(column1, column2) FROM (VALUES (1, 2), (NULL, 7), (3, 5), (4, NULL))", "1.0"},
        {"SELECT covar_pop(1, 2)||' '||coalesce(covar_samp(1, 2), 'none')", "0.0 none"},
        {"SELECT corr_spearman(column1, column2) FROM (VALUES (1, 1), (2, 8), (3, 27))", "1.0"},
        {"SELECT histogram(column1, 4) FROM (VALUES (0), (0), (1), (4))",
         "\xe2\x96\x88\xe2\x96\x84 \xe2\x96\x84"},
        {"SELECT histogram(7, 3)", "\xe2\x96\x88  "},
        {"SELECT histogram(x) FROM (SELECT 1 x) WHERE 0", "NULL"},
        {"SELECT histogram(1, 0)",
         "error: histogram: the number of bins must be an integer from 1 to 1000"},
        {"SELECT histogram_json(column1, 2) FROM (VALUES (0), (1), (4))",
         "{\"n\":3,\"low\":0.0,\"high\":4.0,\"bins\":[{\"low\":0.0,\"high\":2.0,\"n\":2},"
         "{\"low\":2.0,\"high\":4.0,\"n\":1}]}"},
        {"SELECT geometric_cov(column1) FROM (VALUES (1), (0))", "NULL"},
        {"SELECT skewness(column1) FROM (VALUES (1), (2))", "NULL"},
        {"SELECT kurtosis(column1) FROM (VALUES (1), (2), (3))", "NULL"},
        {"SELECT ks(column1, column2) FROM (VALUES (1, 'a'), (2, 'a'))", "NULL"},
        {"SELECT ks(column1, column2)||' '||ks_p(column1, column2) FROM (VALUES (1, 'a'), "
         "(1, 'b'), (2, 'a'), (2, 'b'), (3, NULL))",
         "0.0 1.0"},
        {"SELECT wasserstein(column1, column2) FROM (VALUES (1, 0), (3, 1), (2, 0), (4, 1))",
         "2.0"},
        {"SELECT cliffs_delta(column1, column2) FROM (VALUES (1, 10), (3, 9))", "1.0"},
        {"SELECT mann_whitney(column1, column2) FROM (VALUES (1, 'x'), (3, 1))", "1.0"},
        {"SELECT ks(column1, column2) FROM (VALUES (1, 'a'), (2, 'b'), (3, 'c'))",
         "error: ks: more than two sides"},
        {"SELECT cca(1)", "error: cca: needs y and at least one x"},
        {"SELECT cca('a', 1)", "error: cca: 'a' is not a number"},
        {"SELECT cca(x, x) FROM (SELECT 1 x) WHERE 0", "NULL"},
        {"SELECT p_adjust(0.5)",
         "error: p_adjust: needs OVER (... ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)"},
        {"SELECT brown_forsythe(column1, column2) FROM (VALUES (1, 'a'), (2, 'a'))", "NULL"},
        {"SELECT kruskal(column1, column2) FROM (VALUES (1, 'a'), (2, 'b'), (3, 'c'))", "2.0"},
        {"SELECT kruskal(column1, column2) FROM (VALUES (1, 'a'), (1, 'b'), (1, 'c'))", "NULL"},
        {"SELECT mutual_information(column1, column2) FROM (VALUES (1, 'a'), (NULL, 'b'))", "0.0"},
        {"SELECT mutual_information(1, 2, 1)",
         "error: mutual_information: the number of classes must be an integer from 2 to 1000"},
        {"SELECT mutual_information_p(1, 'a')", "NULL"},
        {"SELECT cramers_v(1, x'00')", "error: cramers_v: a blob is not a number"},
        {"SELECT mutual_information(1, 9e999)", "NULL"},
        {"SELECT folding_ratio(column1) FROM (VALUES (3), (3))", "NULL"},
        {"SELECT corr_p(column1, column2) FROM (VALUES (1, 2), (3, 5))", "NULL"},
        {"SELECT mixture(1, 'cubic')", "error: mixture: the scale must be 'log' or 'linear'"},
        {"SELECT mixture(x) FROM (SELECT 1 x) WHERE 0", "NULL"},
        {"SELECT json_array_length(mixture(7), '$.components')", "0"},
        {"SELECT energy_distance(column1, column2) FROM (VALUES (1, 0), (3, 1))", "2.0"},
        {"SELECT p_adjust(column1) FROM (VALUES (0.1), (0.2))",
         "error: p_adjust: needs OVER (... ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)"},
        {"SELECT p_adjust(2)", "error: p_adjust: a p-value must lie between 0 and 1"},
        {"SELECT p_adjust(0.5, 'x')", "error: p_adjust: the method must be one of none, "
                                      "bonferroni, holm, hochberg, hommel, BH, BY"}};
    sqlite3 *db = stat_db();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check(db, cases[i][0], cases[i][1]);
    sqlite3_close(db);
}

static void test_cca_json(void) {
    sqlite3 *db = stat_db();
    sqlite3_exec(db,
                 "CREATE TABLE s AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c "
                 "WHERE i < 40) SELECT 3.0*i + (i*7919 % 13) y, i q, iif(i % 4 < 2, 'a', 'b') g, "
                 "2*i + 1 twin, 'id' || i id, 5 five FROM c",
                 NULL, NULL, NULL);
    CU_ASSERT(stat_near(stat_sql_number(db, "SELECT cca(y, q)->>'correlation' FROM s"),
                        stat_sql_number(db, "SELECT corr(y, q) FROM s"), 1e-12));
    check(db, "SELECT cca(y, q, twin)->>'rank' FROM s", "1");
    check(db, "SELECT cca(y, q, g, twin, id, five)->>'rank' FROM s", "2");
    check(db,
          "SELECT group_concat(coalesce(value->>'note', '-')) "
          "FROM json_each((SELECT cca(y, q, g, id, five) FROM s), '$.variables')",
          "-,-,identifier,constant");
    check(db, "SELECT cca(y, g)->>'$.variables[0].levels' FROM s", "2");
    check(db, "SELECT cca(y, iif(i = 1, NULL, q))->>'dropped' FROM (SELECT rowid i, * FROM s)",
          "1");
    check(db, "SELECT cca(y, q)->>'p' IS NULL FROM s WHERE q < 3", "1");
    check(db, "SELECT cca(y, five)->>'correlation' FROM s", "NULL");
    check(db, "SELECT cca(y, 9e999) FROM s", "NULL");
    /* A category of numbers and texts: 1 and '1' are one level. */
    check(db,
          "SELECT cca(column1, column2)->>'$.variables[0].levels' "
          "FROM (VALUES (1, 1), (2, 'x'), (3, '1'), (5, 'x'), (8, 1), (9, 'x'))",
          "2");
    sqlite3_close(db);
}

/* Every window function over every kind of frame gives what the plain aggregate gives for the rows
** of the frame, to the last bit. */
static void test_windows(void) {
    static const char *const calls[] = {"var_samp(x)",
                                        "var_pop(x)",
                                        "stddev_samp(x)",
                                        "stddev_pop(x)",
                                        "cov(x)",
                                        "cov_pop(x)",
                                        "median(x)",
                                        "percentile(x,90)",
                                        "quantile(x,0.3,6)",
                                        "mad(x)",
                                        "iqr(x)",
                                        "robust_cov(x)",
                                        "dip(x)",
                                        "dip_p(x,0.5)",
                                        "modes(x)",
                                        "multimodality(x)",
                                        "histogram(x,5)",
                                        "histogram_json(x,3)",
                                        "covar_samp(x,y)",
                                        "covar_pop(x,y)",
                                        "corr(x,y)",
                                        "corr_spearman(x,y)",
                                        "corr_p(x,y)",
                                        "corr_spearman_p(x,y)",
                                        "folding_ratio(x)",
                                        "mixture(x,'linear')",
                                        "ks(x,y % 2)",
                                        "ks_p(x,y % 2)",
                                        "mann_whitney(x,y % 2)",
                                        "mann_whitney_p(x,y % 2)",
                                        "cliffs_delta(x,y % 2)",
                                        "wasserstein(x,y % 2)",
                                        "energy_distance(x,y % 2)",
                                        "brown_forsythe(x,y % 3)",
                                        "brown_forsythe_p(x,y % 3)",
                                        "kruskal(x,y % 3)",
                                        "kruskal_p(x,y % 3)",
                                        "mutual_information(x,y % 3)",
                                        "mutual_information_p(x, 'k'||(y % 3), 4)",
                                        "cramers_v(x,y)"};
    static const int frames[][2] = {{3, 0}, {0, 4}, {5, 5}, {100, 0}, {0, 100}, {-2, 6}};
    sqlite3 *db = stat_db();
    CU_ASSERT_EQUAL(
        sqlite3_exec(db,
                     "CREATE TABLE w(i INTEGER PRIMARY KEY, x, y, p);"
                     "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i < 60) "
                     "INSERT INTO w SELECT i, (i*7919 % 101)*1.25, i*i % 37, 1 + i*31 % 17 FROM c;"
                     "UPDATE w SET x = NULL WHERE i % 11 = 5; UPDATE w SET y = NULL WHERE i = 30;"
                     "UPDATE w SET x = 1e15 WHERE i = 20; UPDATE w SET x = 9e999 WHERE i = 41;"
                     "UPDATE w SET x = -1e300 WHERE i = 33;"
                     "UPDATE w SET x = 4611686018427387905 WHERE i = 50;"
                     "UPDATE w SET p = 0 WHERE i = 25; UPDATE w SET p = 1e18 WHERE i = 26",
                     NULL, NULL, NULL),
        SQLITE_OK);
    for (size_t c = 0; c < sizeof calls / sizeof calls[0]; c++)
        for (size_t f = 0; f < sizeof frames / sizeof frames[0]; f++) {
            char sql[600], start[40];
            int before = frames[f][0], after = frames[f][1];
            snprintf(start, sizeof start, "%d %s", abs(before),
                     before < 0 ? "FOLLOWING" : "PRECEDING");
            snprintf(sql, sizeof sql,
                     "SELECT count(*) FROM (SELECT i, %s OVER (ORDER BY i ROWS BETWEEN %s AND %d "
                     "FOLLOWING) v FROM w) o WHERE v IS NOT (SELECT %s FROM w WHERE w.i BETWEEN "
                     "o.i - (%d) AND o.i + %d)",
                     calls[c], start, after, calls[c], before, after);
            check(db, sql, "0");
        }
    /* Logarithms are taken relative to the first value ever seen, so here the last bits may differ. */
    check(db,
          "SELECT count(*) FROM (SELECT i, geometric_cov(p) OVER (ORDER BY i ROWS 4 PRECEDING) v "
          "FROM w) o WHERE round(v, 12) IS NOT (SELECT round(geometric_cov(p), 12) FROM w "
          "WHERE w.i BETWEEN o.i - 4 AND o.i) AND v < 1e6",
          "0");
    check(db, "SELECT skewness(x) OVER () FROM w",
          "error: skewness() may not be used as a window function");
    sqlite3_close(db);
}

static void test_p_adjust_window(void) {
    static const char *const frames[] = {
        "",
        "ORDER BY p",
        "ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
        "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
        "ROWS BETWEEN 2 FOLLOWING AND UNBOUNDED FOLLOWING",
        "ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING",
        "ROWS BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING",
        "ORDER BY p GROUPS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING",
        "ORDER BY p RANGE BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING"};
    sqlite3 *db = stat_db();
    check(db,
          "SELECT group_concat(coalesce(q, 'NULL')) FROM (SELECT p_adjust(column2, 'bh') OVER "
          "(ORDER BY column1 ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) q "
          "FROM (VALUES (1, 0.01), (2, NULL), (3, 0.04)))",
          "0.02,NULL,0.04");
    check(db,
          "SELECT group_concat(q) FROM (SELECT p_adjust(column2, 'holm') OVER (PARTITION BY "
          "column1 ORDER BY column2 DESC ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) q "
          "FROM (VALUES ('a', 0.01), ('b', 0.5), ('a', 0.25), ('b', 0.125), ('c', 1)))",
          "0.25,0.02,0.5,0.25,1.0");
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        char sql[300];
        snprintf(sql, sizeof sql,
                 "SELECT max(q) FROM (SELECT p_adjust(p) OVER (%s) q FROM (SELECT 0.01 p "
                 "UNION ALL VALUES (0.5), (0.5), (0.25)))",
                 frames[i]);
        check(db, sql,
              "error: p_adjust: needs OVER (... ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED "
              "FOLLOWING)");
    }
    sqlite3_close(db);
}

static void golden_sql(sqlite3 *db, const char *name, const char *call, const char *field,
                       double relative) {
    char sql[100];
    int known;
    double right = stat_golden(name, field, &known);
    if (!known) return;
    snprintf(sql, sizeof sql, "SELECT %s FROM t", call);
    double got = stat_sql_number(db, sql);
    int near = stat_near(got, right, relative) || (relative > 1e-10 && fabs(got - right) < 1e-10);
    if (!near) printf("\n%s %s: %.17g, known %.17g", name, call, got, right);
    CU_ASSERT(near);
}

static void test_golden(void) {
    const char *name;
    if (!stat_golden_open()) return;
    sqlite3 *db = stat_db();
    for (size_t i = 0; (name = stat_golden_case("cov|", i)) != NULL; i++) {
        StatTable table;
        char path[100], key[100];
        const char *file = name + strlen("cov|cov/");
        snprintf(path, sizeof path, "uni/%s.csv", file);
        CU_ASSERT_FATAL(stat_table_open(path, &table));
        stat_sql_load(db, &table, "x");
        golden_sql(db, name, "var_samp(x)", "var_samp", 4e-16);
        golden_sql(db, name, "stddev_pop(x)", "sd_pop", 4e-16);
        golden_sql(db, name, "cov(x)", "cv_samp", 4e-16);
        golden_sql(db, name, "cov_pop(x)", "cv_pop", 4e-16);
        golden_sql(db, name, "geometric_cov(x)", "geometric_cv", 1e-9);
        golden_sql(db, name, "median(x)", "median", 1e-14);
        golden_sql(db, name, "robust_cov(x)", "rcv_mad", 1e-12);
        golden_sql(db, name, "skewness(x)", "skew_G1", 1e-9);
        golden_sql(db, name, "kurtosis(x)", "kurt_excess_G2", 1e-9);
        snprintf(key, sizeof key, "percentiles|pct/%s", file);
        golden_sql(db, key, "iqr(x)", "iqr7", 1e-9);
        golden_sql(db, key, "percentile(x, 95)", "type7[9]", 1e-13);
        golden_sql(db, key, "quantile(x, 0.25, 3)", "type3[4]", 0);
        snprintf(key, sizeof key, "dip|dip/%s", file);
        golden_sql(db, key, "dip(x)", "dip", 1e-12);
        stat_table_close(&table);
    }
    sqlite3_close(db);
}

PYTHIA_SUITE(stat_sql, {"edge cases", test_contract}, {"cca", test_cca_json},
             {"windows equal their rows", test_windows}, {"p_adjust", test_p_adjust_window},
             {"golden values through SQL", test_golden})
