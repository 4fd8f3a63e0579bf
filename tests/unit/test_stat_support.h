/* test_stat_support.h - what the statistical tests share: samples, known answers, SQL. */
#ifndef PYTHIA_TEST_STAT_SUPPORT_H
#define PYTHIA_TEST_STAT_SUPPORT_H

#include "ext/base/sqlite.h"
#include "tests/unit/test.h"

/* Reproducible uniform numbers in (0, 1), and standard normal ones. */
typedef struct StatRandom {
    uint64_t state;
} StatRandom;
double stat_uniform(StatRandom *random);
double stat_normal(StatRandom *random);

/* |a - b| <= relative * |b|, or both NaN. */
int stat_near(double a, double b, double relative);
/* All n values equal. */
int stat_same(const double *a, const double *b, size_t n);

/* A table from a CSV file with a header line. */
typedef struct StatTable {
    char *text;  /* the file; cells point into it */
    char **cell; /* rows x columns */
    char **name; /* columns */
    size_t rows, columns;
} StatTable;

/* A file below golden/stats of the shared data; 0 when it is absent. */
int stat_table_open(const char *path, StatTable *table);
void stat_table_close(StatTable *table);
/* The column as numbers, NaN for NA and for empty cells; from malloc(). NULL: no such column. */
double *stat_table_column(const StatTable *table, const char *name);
/* The index of a column, or table->columns. */
size_t stat_table_find(const StatTable *table, const char *name);

/* The known answers: value of `field` in a case such as "cov|cov/mix1". NaN where it is empty or
** absent; *known tells which. */
int stat_golden_open(void); /* 0: absent; the test has been skipped */
double stat_golden(const char *name, const char *field, int *known);
/* The i-th case whose name begins so, or NULL. */
const char *stat_golden_case(const char *prefix, size_t i);

/* A connection with the statistical functions. */
sqlite3 *stat_db(void);
/* One value as text ("NULL" for NULL, "error: ..." for a failure), in a static buffer. */
const char *stat_sql(sqlite3 *db, const char *sql);
/* One value as a number; NaN for NULL; the test fails on an error. */
double stat_sql_number(sqlite3 *db, const char *sql);
/* Makes the table t(i, x) of a column of numbers. Cells without a point or exponent become
** integers. */
void stat_sql_load(sqlite3 *db, const StatTable *table, const char *column);

#endif
