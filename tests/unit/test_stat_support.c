/* test_stat_support.c - samples, known answers and SQL for the statistical tests. */
#include "tests/unit/test_stat_support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/fn_stat.h"

double stat_uniform(StatRandom *random) {
    uint64_t z = random->state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

double stat_normal(StatRandom *random) {
    double radius = sqrt(-2 * log(stat_uniform(random)));
    return radius * cos(6.28318530717958647693 * stat_uniform(random));
}

int stat_near(double a, double b, double relative) {
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    return a == b || fabs(a - b) <= relative * fabs(b);
}

int stat_same(const double *a, const double *b, size_t n) {
    size_t i = 0;
    while (i < n && a[i] == b[i])
        i++;
    return i == n;
}

static char *file_read(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    size_t n = 0, capacity = 1 << 16;
    char *text = malloc(capacity);
    for (size_t got; text && (got = fread(text + n, 1, capacity - n - 1, file)) > 0;) {
        n += got;
        if (capacity - n > 1) continue;
        char *more = realloc(text, capacity *= 2);
        if (!more) free(text);
        text = more;
    }
    fclose(file);
    if (text) text[n] = 0;
    return text;
}

/* Cuts a cell off at *at; the character that ended it is in *end. Quotes are not escaped in these
** files, only put around. */
static char *cell_cut(char **at, char *end) {
    char *start = *at, *stop;
    if (*start == '"') {
        start++;
        stop = start + strcspn(start, "\"");
        if (*stop) *stop++ = 0;
    } else {
        stop = start + strcspn(start, ",\r\n");
    }
    while (*stop == '\r')
        *stop++ = 0;
    *end = *stop;
    *at = *stop ? stop + 1 : stop;
    *stop = 0;
    return start;
}

static size_t count_of(const char *text, char c) {
    size_t n = 0;
    for (; *text; text++)
        n += *text == c;
    return n;
}

void stat_table_close(StatTable *table) {
    free(table->name);
    free(table->text);
    memset(table, 0, sizeof *table);
}

int stat_table_open(const char *path, StatTable *table) {
    char below[300];
    memset(table, 0, sizeof *table);
    snprintf(below, sizeof below, "golden/stats/%s", path);
    const char *full = pythia_shared(below);
    table->text = full ? file_read(full) : NULL;
    if (!table->text) return 0;
    size_t lines = count_of(table->text, '\n') + 2, cells = count_of(table->text, ',') + lines;
    table->cell = calloc(cells, sizeof *table->cell);
    table->name = table->cell;
    char *at = table->text, end = 0;
    size_t n = 0;
    if (!table->cell) return 0;
    while (*at) {
        table->cell[n++] = cell_cut(&at, &end);
        if (table->columns == 0 && end != ',') table->columns = n;
    }
    if (n == 0 || table->columns == 0) {
        stat_table_close(table);
        return 0;
    }
    table->rows = n / table->columns - 1;
    table->cell += table->columns;
    return 1;
}

size_t stat_table_find(const StatTable *table, const char *name) {
    size_t j = 0;
    while (j < table->columns && strcmp(table->name[j], name) != 0)
        j++;
    return j;
}

double *stat_table_column(const StatTable *table, const char *name) {
    size_t j = stat_table_find(table, name);
    double *x = j < table->columns ? malloc((table->rows + 1) * sizeof *x) : NULL;
    for (size_t i = 0; x && i < table->rows; i++) {
        const char *cell = table->cell[i * table->columns + j];
        x[i] = *cell && strcmp(cell, "NA") != 0 ? strtod(cell, NULL) : NAN;
    }
    return x;
}

/* The answers, sorted by case and field; loaded once and kept until the program ends. */
static StatTable golden;
static char ***golden_row;

static int row_compare(const void *a, const void *b) {
    char **x = *(char **const *)a, **y = *(char **const *)b;
    int order = strcmp(x[0], y[0]);
    return order ? order : strcmp(x[1], y[1]);
}

static void golden_close(void) {
    free(golden_row);
    stat_table_close(&golden);
}

int stat_golden_open(void) {
    if (golden_row) return 1;
    if (!stat_table_open("expected_flat.csv", &golden)) {
        pythia_skip("golden/stats is absent");
        return 0;
    }
    golden_row = calloc(golden.rows + 1, sizeof *golden_row);
    if (!golden_row) return 0;
    for (size_t i = 0; i < golden.rows; i++)
        golden_row[i] = golden.cell + i * golden.columns;
    qsort(golden_row, golden.rows, sizeof *golden_row, row_compare);
    atexit(golden_close);
    return 1;
}

double stat_golden(const char *name, const char *field, int *known) {
    char case_text[200], field_text[200];
    snprintf(case_text, sizeof case_text, "%s", name);
    snprintf(field_text, sizeof field_text, "%s", field);
    char *key[2] = {case_text, field_text}, **pointer = key;
    char ***row = bsearch(&pointer, golden_row, golden.rows, sizeof *golden_row, row_compare);
    if (known) *known = row != NULL;
    return row && *(*row)[2] ? strtod((*row)[2], NULL) : NAN;
}

const char *stat_golden_case(const char *prefix, size_t i) {
    size_t n = strlen(prefix);
    const char *last = NULL;
    for (size_t r = 0; r < golden.rows; r++) {
        const char *name = golden_row[r][0];
        if (strncmp(name, prefix, n) != 0 || (last && strcmp(last, name) == 0)) continue;
        last = name;
        if (i-- == 0) return name;
    }
    return NULL;
}

sqlite3 *stat_db(void) {
    sqlite3 *db = NULL;
    char *error = NULL;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_fn_stat_register(db, &error), SQLITE_OK);
    CU_ASSERT_PTR_NULL(error);
    return db;
}

const char *stat_sql(sqlite3 *db, const char *sql) {
    static char text[16384];
    sqlite3_stmt *statement = NULL;
    snprintf(text, sizeof text, "no row");
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        int null = sqlite3_column_type(statement, 0) == SQLITE_NULL;
        const char *value = (const char *)sqlite3_column_text(statement, 0);
        const char *none = null ? "NULL" : "error: out of memory";
        snprintf(text, sizeof text, "%s", value ? value : none);
    } else if (sqlite3_errcode(db) != SQLITE_DONE) {
        snprintf(text, sizeof text, "error: %s", sqlite3_errmsg(db));
    }
    sqlite3_finalize(statement);
    return text;
}

double stat_sql_number(sqlite3 *db, const char *sql) {
    sqlite3_stmt *statement = NULL;
    double value = NAN;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    CU_ASSERT_EQUAL(rc, SQLITE_OK);
    if (rc == SQLITE_OK) rc = sqlite3_step(statement);
    CU_ASSERT_EQUAL(rc, SQLITE_ROW);
    if (rc == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL)
        value = sqlite3_column_double(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

void stat_sql_load(sqlite3 *db, const StatTable *table, const char *column) {
    sqlite3_stmt *insert = NULL;
    size_t j = stat_table_find(table, column);
    sqlite3_exec(db, "DROP TABLE IF EXISTS t; CREATE TABLE t(i INTEGER PRIMARY KEY, x); BEGIN",
                 NULL, NULL, NULL);
    sqlite3_prepare_v2(db, "INSERT INTO t(x) VALUES (?)", -1, &insert, NULL);
    for (size_t i = 0; i < table->rows; i++) {
        const char *cell = table->cell[i * table->columns + j];
        if (strpbrk(cell, ".eEn"))
            sqlite3_bind_double(insert, 1, strtod(cell, NULL));
        else
            sqlite3_bind_int64(insert, 1, strtoll(cell, NULL, 10));
        sqlite3_step(insert);
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
}
