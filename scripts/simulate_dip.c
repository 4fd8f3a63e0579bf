/* simulate_dip.c - makes ext/stat/dip_table.h, the distribution of the dip under uniformity.
**
** For every sample size of a grid it draws uniform samples, computes their dips with the engine's
** own code and prints the upper quantiles of sqrt(n) * dip at the tail probabilities of the table,
** and the share of samples above the floor 1/(2n). The seed is fixed: the same program prints the
** same table. Sorted uniform values come straight from exponential spacings, without a sort.
**
** Large samples get fewer draws than the far tail needs; there the row takes the shape of the last
** row that has enough, scaled to agree where both are well known.
**
** To build and run (about ten minutes on one core), from the root of the repository:
**     cc -O2 -std=gnu11 -DSQLITE_CORE -I. scripts/simulate_dip.c ext/stat/dip.c ext/base/mem.c \
**        ext/base/poll.c -lsqlite3 -lm -o build/simulate_dip
**     build/simulate_dip > ext/stat/dip_table.h && clang-format -i ext/stat/dip_table.h */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ext/stat/dip.h"

typedef struct Row {
    size_t n, draws;
} Row;

static const Row rows[] = {{4, 4000000},   {5, 4000000},   {6, 4000000},   {7, 4000000},
                           {8, 4000000},   {9, 4000000},   {10, 4000000},  {12, 4000000},
                           {15, 4000000},  {20, 4000000},  {25, 2000000},  {30, 2000000},
                           {40, 2000000},  {50, 2000000},  {70, 2000000},  {100, 2000000},
                           {150, 1000000}, {200, 1000000}, {300, 1000000}, {500, 1000000},
                           {1000, 500000}, {2000, 400000}, {5000, 200000}, {20000, 100000}};
enum { N_ROWS = sizeof rows / sizeof rows[0] };

static const double tails[] = {
    0.9999, 0.999,  0.998, 0.995, 0.99, 0.98, 0.97, 0.95,  0.925, 0.9,   0.875, 0.85,  0.8,  0.75,
    0.7,    0.65,   0.6,   0.55,  0.5,  0.45, 0.4,  0.35,  0.3,   0.25,  0.2,   0.175, 0.15, 0.125,
    0.1,    0.085,  0.07,  0.06,  0.05, 0.04, 0.03, 0.025, 0.02,  0.015, 0.01,  7e-3,  5e-3, 3e-3,
    2e-3,   1.5e-3, 1e-3,  7e-4,  5e-4, 3e-4, 2e-4, 1e-4,  5e-5,  2e-5,  1e-5};
enum { N_TAILS = sizeof tails / sizeof tails[0] };

/* Fewer samples than this beyond a quantile, and it is not well known. */
enum { BEYOND = 100 };

static uint64_t random_state[4] = {0x5079746869612031u, 0x6469702073696d75u, 0x6c6174696f6e2073u,
                                   0x6565642031393835u};

static uint64_t rotate(uint64_t x, int by) {
    return (x << by) | (x >> (64 - by));
}

/* xoshiro256** (Blackman & Vigna 2018). */
static uint64_t random_next(void) {
    uint64_t *s = random_state;
    uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

static double random_exponential(void) {
    return -log(((double)(random_next() >> 11) + 0.5) * 0x1p-53);
}

static int descending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* Dips of all samples, descending, as sqrt(n) * dip; returns the share above the floor. */
static double simulate(Row row, double *dips) {
    double *x = malloc(row.n * sizeof *x);
    double root = sqrt((double)row.n), floor = 1 / (2 * (double)row.n);
    size_t above = 0;
    if (!x) exit(1);
    for (size_t i = 0; i < row.draws; i++) {
        double sum = 0;
        for (size_t j = 0; j < row.n; j++)
            x[j] = sum += random_exponential();
        PythiaDip dip;
        if (pythia_dip(x, row.n, 0, &dip, NULL) != SQLITE_OK) exit(1);
        dips[i] = dip.dip * root;
        above += dip.dip > floor * (1 + 1e-9);
    }
    free(x);
    qsort(dips, row.draws, sizeof *dips, descending);
    return (double)above / (double)row.draws;
}

int main(void) {
    static double quantile[N_ROWS][N_TAILS];
    static double above[N_ROWS];
    size_t tail_row = 0;
    for (size_t r = 0; r < N_ROWS; r++) {
        double *dips = malloc(rows[r].draws * sizeof *dips);
        if (!dips) return 1;
        above[r] = simulate(rows[r], dips);
        size_t known = 0;
        for (size_t t = 0; t < N_TAILS; t++) {
            double beyond = tails[t] * (double)rows[r].draws;
            size_t at = (size_t)(beyond + 0.5);
            quantile[r][t] = dips[at ? at - 1 : 0];
            if (beyond >= BEYOND || r == 0) known = t;
        }
        free(dips);
        if (rows[r].n <= 200) tail_row = r;
        for (size_t t = known + 1; t < N_TAILS && rows[r].n > 200; t++)
            quantile[r][t] = quantile[tail_row][t] * quantile[r][known] / quantile[tail_row][known];
        fprintf(stderr, "n = %zu\n", rows[r].n);
    }
    puts("/* dip_table.h - upper quantiles of sqrt(n) * dip for uniform samples; printed by\n"
         "** scripts/simulate_dip.c, not to be edited. Rows: sample sizes; columns: tail\n"
         "** probabilities. Standard error of a probability p: sqrt(p (1 - p) / draws), with 4e6\n"
         "** draws for n <= 20 down to 1e5 for the last row. */\n"
         "#ifndef PYTHIA_STAT_DIP_TABLE_H\n"
         "#define PYTHIA_STAT_DIP_TABLE_H\n");
    printf("enum { DIP_SIZES = %d, DIP_TAILS = %d };\n\n", (int)N_ROWS, (int)N_TAILS);
    printf("static const double dip_sizes[DIP_SIZES] = {");
    for (size_t r = 0; r < N_ROWS; r++)
        printf("%s%zu", r ? ", " : "", rows[r].n);
    printf("};\n\nstatic const double dip_tails[DIP_TAILS] = {");
    for (size_t t = 0; t < N_TAILS; t++)
        printf("%s%g", t ? ", " : "", tails[t]);
    printf("};\n\n/* P(dip > 1/(2n)). */\nstatic const double dip_above[DIP_SIZES] = {");
    for (size_t r = 0; r < N_ROWS; r++)
        printf("%s%.6g", r ? ", " : "", above[r]);
    printf("};\n\nstatic const double dip_quantiles[DIP_SIZES][DIP_TAILS] = {");
    for (size_t r = 0; r < N_ROWS; r++) {
        printf("%s\n    {", r ? "," : "");
        for (size_t t = 0; t < N_TAILS; t++)
            printf("%s%.5f", t ? ", " : "", quantile[r][t]);
        printf("}");
    }
    puts("};\n\n#endif");
    return 0;
}
