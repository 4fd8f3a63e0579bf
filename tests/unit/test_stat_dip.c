/* test_stat_dip.c - the dip against its properties and known answers; modes on shapes whose number
** of modes is known by construction. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ext/stat/dip.h"
#include "ext/stat/modes.h"
#include "ext/stat/order.h"
#include "tests/unit/test_stat_support.h"

enum { N = 20000 };

static PythiaDip dip_of(double *x, size_t n) {
    PythiaDip dip;
    pythia_sort(x, n, NULL);
    CU_ASSERT_EQUAL(pythia_dip(x, n, 0, &dip, NULL), SQLITE_OK);
    return dip;
}

/* D = 1/(2n) is the least; half and half at two points gives the most, 1/4; both exactly. */
static void test_known(void) {
    double one[] = {5}, two[] = {1, 3}, three[] = {1, 2, 4}, floor4[] = {0, 1, 3, 6};
    double most[] = {1, 1, 2, 2}, same[] = {7.25, 7.25, 7.25, 7.25, 7.25};
    double mirror[] = {0, 2, 4, 5, 6};
    CU_ASSERT_EQUAL(dip_of(one, 1).dip, 0.5);
    CU_ASSERT_EQUAL(dip_of(one, 1).p, 1);
    CU_ASSERT_EQUAL(dip_of(two, 2).dip, 0.25);
    CU_ASSERT_EQUAL(dip_of(two, 2).p, 1);
    CU_ASSERT_EQUAL(dip_of(three, 3).dip, 1.0 / 6);
    CU_ASSERT_EQUAL(dip_of(floor4, 4).dip, 0.125);
    CU_ASSERT_EQUAL(dip_of(floor4, 4).p, 1);
    CU_ASSERT_EQUAL(dip_of(most, 4).dip, 0.25);
    CU_ASSERT_EQUAL(dip_of(most, 4).p, pythia_dip_p_least());
    CU_ASSERT_EQUAL(dip_of(same, 5).dip, 0.1);
    CU_ASSERT_EQUAL(dip_of(same, 5).p, 1);
    CU_ASSERT_EQUAL(dip_of(mirror, 5).dip, 0.1);
    PythiaDip dip;
    CU_ASSERT_EQUAL(pythia_dip(one, 0, 0, &dip, NULL), SQLITE_OK);
    CU_ASSERT(isnan(dip.dip) && isnan(dip.p));
    CU_ASSERT_EQUAL(pythia_dip(one, 1, -1, &dip, NULL), SQLITE_RANGE);
}

/* The values of each half are scaled into sizes where plain differences would overflow. */
static void test_huge(void) {
    double x[] = {-1.7e308, -1.6e308, 1.6e308, 1.7e308}, y[] = {-1.7, -1.6, 1.6, 1.7};
    CU_ASSERT(stat_near(dip_of(x, 4).dip, dip_of(y, 4).dip, 1e-12));
}

/* Unchanged by shift and scale, by mirroring, and by a split of each value in two halves that stay
** together only where ties are kept: the floor falls, the dip of a clear mixture does not. */
static void test_invariance(void) {
    StatRandom random = {21};
    double x[200], y[200], z[200];
    for (int round = 0; round < 300; round++) {
        size_t n = 4 + (size_t)(stat_uniform(&random) * 196);
        for (size_t i = 0; i < n; i++) {
            x[i] = round % 3 ? stat_normal(&random) + (stat_uniform(&random) < 0.4) * 5
                             : floor(10 * stat_uniform(&random));
            y[i] = -x[i];
            z[i] = x[i] * 1024 + 4096;
        }
        double d = dip_of(x, n).dip;
        CU_ASSERT(d >= 1 / (2 * (double)n) && d <= 0.25 + 1e-12);
        CU_ASSERT(stat_near(dip_of(y, n).dip, d, 1e-12));
        CU_ASSERT(stat_near(dip_of(z, n).dip, d, 1e-9));
    }
}

static void test_p(void) {
    for (size_t n = 4; n < 300000; n += 1 + n / 7) {
        double last = 1, root = sqrt((double)n);
        for (int i = 0; i <= 400; i++) {
            double p = pythia_dip_p(0.5 / (double)n + i / 400.0 / root, n);
            CU_ASSERT(p <= last && p >= pythia_dip_p_least());
            CU_ASSERT(p > 0);
            last = p;
        }
        CU_ASSERT_EQUAL(last, pythia_dip_p_least());
    }
}

/* Under the null hypothesis p is uniform: its distribution must not stray. */
static void test_p_uniform(void) {
    StatRandom random = {22};
    double x[60];
    int below_half = 0, below_tenth = 0;
    enum { ROUNDS = 4000 };
    for (int round = 0; round < ROUNDS; round++) {
        size_t n = 33 + (size_t)round % 28; /* sizes between the rows of the table */
        for (size_t i = 0; i < n; i++)
            x[i] = stat_uniform(&random);
        double p = dip_of(x, n).p;
        below_half += p < 0.5;
        below_tenth += p < 0.1;
    }
    CU_ASSERT(fabs(below_half / (double)ROUNDS - 0.5) < 4 * sqrt(0.25 / ROUNDS));
    CU_ASSERT(fabs(below_tenth / (double)ROUNDS - 0.1) < 4 * sqrt(0.09 / ROUNDS));
}

static void test_dequantise(void) {
    double x[] = {1, 1, 1, 1, 3, 3, 4}, right[] = {0.625, 0.875, 1.125, 1.375, 2.75, 3.25, 4};
    pythia_dequantise(x, 7, 1, x);
    CU_ASSERT(stat_same(x, right, 7));
}

static double lognormal(StatRandom *random, double middle, double spread) {
    return middle * exp(spread * stat_normal(random));
}

/* One value of a shape; *modes receives how many modes it has. */
static double shape(StatRandom *random, int kind, int *modes) {
    double u = stat_uniform(random), z = stat_normal(random);
    *modes = 1;
    switch (kind) {
    case 0:
        return lognormal(random, 1e6, 0.8);
    case 1:
        return -1e6 * log(u); /* exponential */
    case 2:
        return 1e6 / sqrt(u); /* Pareto */
    case 3:
        return 100 + 15 * z;
    case 4:
        return 5 + u;
    case 5:
        return floor(lognormal(random, 12, 0.5)); /* a coarse clock */
    case 6:
        return floor(-3 * log(u)); /* counts, zeros among them */
    case 7:
        return z; /* negative values */
    case 8:
        *modes = 2;
        return u < 0.7 ? lognormal(random, 4e5, 0.15) : lognormal(random, 9e5, 0.15);
    case 9: /* rare and slow */
        *modes = 2;
        return u < 0.98 ? 100 + 3 * z : 400 + 12 * z;
    case 10: /* a zero-inflated edge */
        *modes = 2;
        return u < 0.4 ? 0 : floor(lognormal(random, 1e6, 0.3));
    case 11:
        *modes = 3;
        return lognormal(random, u < 0.5 ? 1e3 : u < 0.8 ? 1e4 : 2e5, 0.3);
    default: /* a time-out */
        *modes = 2;
        return u < 0.9 ? lognormal(random, 1e5, 0.5) : 30e6;
    }
}

/* Shapes from small samples to large: at most one draw in a hundred may be wrong. */
static void test_modes_shapes(void) {
    StatRandom random = {23};
    static double x[N];
    static const size_t sizes[] = {60, 300, 2000, 20000};
    for (int kind = 0; kind <= 12; kind++)
        for (int s = 0; s < 4; s++) {
            int wrong = 0, rounds = s < 2 ? 100 : s < 3 ? 30 : 4, right = 0;
            size_t n = sizes[s];
            /* Mixtures need more values than one shape: they must hold where they can be seen. */
            if (n < 2000 && kind == 9) continue;
            if (n < 300 && kind >= 8) continue;
            for (int round = 0; round < rounds; round++) {
                PythiaModes modes;
                for (size_t i = 0; i < n; i++)
                    x[i] = shape(&random, kind, &right);
                pythia_sort(x, n, NULL);
                CU_ASSERT_EQUAL(pythia_modes(x, n, &modes, NULL), SQLITE_OK);
                wrong += modes.n != right;
            }
            if (wrong * 50 > rounds)
                printf("\nshape %d, n = %zu: %d of %d", kind, n, wrong, rounds);
            CU_ASSERT(wrong * 50 <= rounds);
        }
}

/* What holds for any values: parts in order, bounds that occur, masses that add up. */
static void test_modes_parts(void) {
    StatRandom random = {24};
    static double x[N];
    int right;
    for (int round = 0; round < 200; round++) {
        size_t n = 1 + (size_t)(stat_uniform(&random) * 400), count = 0;
        for (size_t i = 0; i < n; i++)
            x[i] = shape(&random, round % 13, &right);
        pythia_sort(x, n, NULL);
        PythiaModes modes;
        CU_ASSERT_EQUAL(pythia_modes(x, n, &modes, NULL), SQLITE_OK);
        CU_ASSERT(modes.n >= 1 && modes.n <= PYTHIA_MODES_MAX);
        for (int i = 0; i < modes.n; i++) {
            const PythiaMode *mode = &modes.mode[i];
            CU_ASSERT_EQUAL(mode->low, x[count]);
            count += mode->count;
            CU_ASSERT_EQUAL(mode->high, x[count - 1]);
            CU_ASSERT(mode->location >= mode->low && mode->location <= mode->high);
            CU_ASSERT_EQUAL(mode->mass, (double)mode->count / (double)n);
        }
        CU_ASSERT_EQUAL(count, n);
    }
    double constant[] = {3, 3, 3, 3, 3, 3, 3, 3};
    PythiaModes modes;
    CU_ASSERT_EQUAL(pythia_modes(constant, 8, &modes, NULL), SQLITE_OK);
    CU_ASSERT(modes.n == 1 && modes.mode[0].location == 3);
    CU_ASSERT_EQUAL(pythia_modes(constant, 0, &modes, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(modes.n, 0);
    double wide[] = {-1.7e308, -1.7e308, 0, 1, 1.7e308, 1.7e308};
    CU_ASSERT_EQUAL(pythia_modes(wide, 6, &modes, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(modes.n, 1);
    double tiny[] = {5e-324, 5e-324, 1e-323, 1e308, 1e308, 1.7e308};
    CU_ASSERT_EQUAL(pythia_modes(tiny, 6, &modes, NULL), SQLITE_OK);
}

/* The location is where the values are densest: the known centres of a mixture, within a few per
** cent. */
static void test_modes_location(void) {
    StatRandom random = {25};
    static double x[N];
    for (size_t i = 0; i < N; i++)
        x[i] = lognormal(&random, stat_uniform(&random) < 0.7 ? 4e5 : 9e5, 0.1);
    pythia_sort(x, N, NULL);
    PythiaModes modes;
    CU_ASSERT_EQUAL(pythia_modes(x, N, &modes, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(modes.n, 2);
    CU_ASSERT(stat_near(modes.mode[0].location, 4e5, 0.02));
    CU_ASSERT(stat_near(modes.mode[1].location, 9e5, 0.02));
    CU_ASSERT(fabs(modes.mode[0].mass - 0.7) < 0.02);
}

static int always(void *unused) {
    (void)unused;
    return 1;
}

static void test_interrupt(void) {
    static double x[N], ranks[N];
    StatRandom random = {26};
    sqlite3 *db = NULL;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    PythiaPoll poll = {.db = db};
    PythiaDip dip;
    PythiaModes modes;
    for (size_t i = 0; i < N; i++)
        x[i] = stat_normal(&random);
    sqlite3_progress_handler(db, 1, always, NULL);
    CU_ASSERT_EQUAL(pythia_sort(x, N, &poll), SQLITE_INTERRUPT);
    CU_ASSERT_EQUAL(pythia_select(x, N, N / 2, &poll), SQLITE_INTERRUPT);
    CU_ASSERT_EQUAL(pythia_ranks(x, N, ranks, &poll), SQLITE_INTERRUPT);
    CU_ASSERT_EQUAL(pythia_sort(x, N, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(pythia_dip(x, N, 0, &dip, &poll), SQLITE_INTERRUPT);
    CU_ASSERT_EQUAL(pythia_modes(x, N, &modes, &poll), SQLITE_INTERRUPT);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    CU_ASSERT_EQUAL(pythia_modes(x, N, &modes, &poll), SQLITE_OK);
    pythia_poll_close(&poll);
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
}

static double *golden_values(const char *name, size_t *n) {
    StatTable table;
    char path[100];
    snprintf(path, sizeof path, "uni/%s.csv", name);
    CU_ASSERT_FATAL(stat_table_open(path, &table));
    double *x = stat_table_column(&table, "x");
    *n = table.rows;
    stat_table_close(&table);
    CU_ASSERT_PTR_NOT_NULL_FATAL(x);
    pythia_sort(x, *n, NULL);
    return x;
}

static void golden_dip(const char *name) {
    PythiaDip dip;
    int known;
    size_t n;
    double *x = golden_values(name + strlen("dip|dip/"), &n);
    CU_ASSERT_EQUAL(pythia_dip(x, n, 0, &dip, NULL), SQLITE_OK);
    CU_ASSERT(stat_near(dip.dip, stat_golden(name, "dip", NULL), 1e-12));
    /* In mirror5m distances are equal up to rounding, which then picks the interval. */
    if (!strstr(name, "mirror5m")) {
        CU_ASSERT_EQUAL((double)dip.low + 1, stat_golden(name, "modal_lo_index1", NULL));
        CU_ASSERT_EQUAL((double)dip.high + 1, stat_golden(name, "modal_hi_index1", NULL));
    }
    double simulated = stat_golden(name, "p_simulated", &known);
    if (known) CU_ASSERT(fabs(dip.p - simulated) <= 0.015);
    double table = stat_golden(name, "p_table", NULL);
    if (n >= 15 && dip.dip * 2 * (double)n > 1.001) {
        CU_ASSERT(fabs(dip.p - table) <= 0.015);
    }
    free(x);
}

static void test_golden_dip(void) {
    static const char *const ticks[] = {"lat_ms_ties", "lat_us_10k", "bim_us_ties", "pois_2000",
                                        "mix2_us"};
    const char *name;
    if (!stat_golden_open()) return;
    for (size_t i = 0; (name = stat_golden_case("dip|", i)) != NULL; i++)
        golden_dip(name);
    for (size_t i = 0; i < sizeof ticks / sizeof ticks[0]; i++) {
        char key[64];
        PythiaDip dip;
        size_t n;
        double *x = golden_values(ticks[i], &n);
        snprintf(key, sizeof key, "dip_resolution|dip_resolution/%s", ticks[i]);
        CU_ASSERT_EQUAL(pythia_dip(x, n, 1, &dip, NULL), SQLITE_OK);
        CU_ASSERT(stat_near(dip.dip, stat_golden(key, "dip_dequantised", NULL), 1e-9));
        free(x);
    }
}

static void test_golden_modes(void) {
    static const struct {
        const char *name;
        int modes;
    } cases[] = {{"statfaculty", 1}, {"gamma_500", 1},   {"mix1", 1},        {"mix2_clear", 2},
                 {"mix2_close", 1},  {"mix2_nested", 1}, {"mix2_rare", 2},   {"mix2_us", 2},
                 {"mix3_log", 3},    {"mix4", 4},        {"lat_ms_ties", 1}, {"lat_us_10k", 1},
                 {"bim_us_ties", 2}, {"bim_40", 2},      {"bim_160", 2},     {"bim_9000", 2},
                 {"pois_2000", 1},   {"expo_1000", 1},   {"norm_60000", 1},  {"unif_100000", 1},
                 {"big_offset", 1},  {"epoch_ns", 1},    {"wide_range", 1}};
    if (!stat_golden_open()) return;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        PythiaModes modes;
        size_t n;
        double *x = golden_values(cases[i].name, &n);
        CU_ASSERT_EQUAL(pythia_modes(x, n, &modes, NULL), SQLITE_OK);
        if (modes.n != cases[i].modes) printf("\n%s: %d modes", cases[i].name, modes.n);
        CU_ASSERT_EQUAL(modes.n, cases[i].modes);
        free(x);
    }
}

PYTHIA_SUITE(stat_dip, {"known dips", test_known}, {"values near the largest", test_huge},
             {"shift, scale, mirror", test_invariance}, {"p falls with the dip", test_p},
             {"p is uniform for uniform values", test_p_uniform},
             {"ties spread over a tick", test_dequantise}, {"modes of shapes", test_modes_shapes},
             {"parts of modes", test_modes_parts}, {"locations of modes", test_modes_location},
             {"interruption", test_interrupt}, {"golden dips", test_golden_dip},
             {"golden modes", test_golden_modes})
