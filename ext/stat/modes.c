/* modes.c - finding the peaks of a distribution.
**
** 1. Scale. Latencies are judged on a logarithmic scale, t = ln((x + c) / (least + c)): a peak is
**    as wide as its distance from zero, and tails are short. c is 0 for positive values; it keeps
**    zeros in sight where there are some, and keeps the ticks of a coarse clock from growing apart
**    at small values. Negative values make the scale linear. Ties on the lattice of a clock are
**    spread over its tick, as in dip.c.
** 2. Density. Values are counted in narrow bins and smoothed by three running means, a kernel close
**    to a Gaussian that is exactly zero outside its width. This is done at a ladder of widths, the
**    coarsest first, because no single one suits a sharp fast path and a wide slow one.
** 3. Cuts. At each width neighbouring peaks are merged until every valley is significantly lower
**    than both its peaks: z = (N_peak - N_valley) / sqrt(N_peak + N_valley), N the counts that the
**    kernel effectively covers, and at most nine tenths as high. The bound for z grows with the
**    number of places where chance could make a valley, and is higher where the dip test sees
**    nothing: the dip is blind for rare modes, but the rare modes that matter stand far apart. A
**    valley that survives becomes a cut unless a coarser width has already put one between the same
**    peaks.
**    Gaps are cuts by a test of their own, because a handful of equal time-outs is no match for
**    Poisson counts: if the mode lay below a gap, the density above it would fall, and k values
**    above it would all keep to the far part f of the way to the largest with probability f^(k-1)
**    at most; the same from the other side.
**    Where nothing is found and the dip test still says that there is more than one mode - a small
**    sample - the clearest valley is the cut.
** 4. Mass. Parts with too few values join the neighbour behind the weaker cut.
**
** The number of modes of a kernel estimate as a function of its width: Silverman 1981; valleys
** tested for significance at all widths: Chaudhuri & Marron 1999. */
#include "ext/stat/modes.h"

#include <math.h>
#include <string.h>

#include "ext/base/mem.h"
#include "ext/stat/dip.h"
#include "ext/stat/quantile.h"

enum { CUTS_MAX = 64, MASS_VALUES = 5, LEAST_VALUES = 4 };

#define MASS_SHARE      0.005 /* of a mode, at least */
#define VALLEY_HEIGHT   0.9   /* of its lower peak, at most */
#define KERNEL_COVERS   1.818 /* running-mean widths: 1 / integral of the squared kernel, 20/11 */
#define WIDTH_STEP      1.5   /* of the ladder */
#define DIP_SIGNIFICANT 0.05  /* the dip agrees that there are several modes */
#define DIP_CERTAIN     0.01  /* ... and is believed alone */
#define VALLEY_Z        2     /* least z of a valley then */
#define GAP_P           1e-3  /* of all gaps together */

typedef struct ModeScale {
    int linear;
    double least;  /* the smallest value */
    double offset; /* c */
    double tick;   /* of the clock, or 0 */
} ModeScale;

typedef struct ModeCut {
    double t; /* on the scale */
    double z;
} ModeCut;

typedef struct ModeWork {
    size_t n;
    double *t; /* values on the scale, ascending from 0 */
    double range;
    size_t bins;
    double *count;            /* bins */
    double *smooth, *scratch; /* bins */
    uint32_t *peak, *valley;  /* extrema of smooth: peak 0, valley 0, peak 1, ... */
    size_t n_peaks;
    double dip_p;
    int n_cuts;
    ModeCut cut[CUTS_MAX]; /* ascending */
    PythiaPoll *poll;
} ModeWork;

/* The tick of the clock that the values come from: the least difference, if there are many ties and
** all differences are multiples of it; else 0. */
static double lattice_tick(const double *x, size_t n) {
    double noise = 1e-9 * fmax(fabs(x[0]), fabs(x[n - 1])), tick = INFINITY;
    size_t distinct = 1;
    for (size_t i = 1; i < n; i++) {
        double step = x[i] - x[i - 1];
        if (!(step > noise)) continue;
        distinct++;
        if (step < tick) tick = step;
    }
    if ((double)distinct > 0.9 * (double)n || !isfinite(tick)) return 0;
    for (size_t i = 1; i < n; i++) {
        double steps = (x[i] - x[i - 1]) / tick;
        if (fabs(steps - nearbyint(steps)) > 0.01) return 0;
    }
    return tick;
}

static ModeScale scale_choose(const double *x, size_t n) {
    ModeScale scale = {.least = x[0], .tick = lattice_tick(x, n)};
    scale.linear = x[0] < 0;
    scale.offset = 8 * scale.tick;
    if (x[0] > 0 || scale.linear) return scale;
    size_t zeros = 0;
    while (zeros < n && x[zeros] <= 0)
        zeros++;
    double quarter = pythia_quantile_sorted(x + zeros, n - zeros, 0.25, 7);
    if (quarter > scale.offset) scale.offset = quarter;
    return scale;
}

static double scale_to(const ModeScale *s, double x) {
    double above = x > s->least ? x - s->least : 0;
    return s->linear ? above : log1p(above / (s->least + s->offset));
}

static double scale_from(const ModeScale *s, double t) {
    return s->least + (s->linear ? t : expm1(t) * (s->least + s->offset));
}

/* A tick in units of the scale, where it is widest. */
static double scale_tick(const ModeScale *s) {
    return s->linear ? s->tick : log1p(s->tick / (s->least + s->offset));
}

/* The values that a mode must have. */
static size_t mass_least(size_t n) {
    double share = ceil(MASS_SHARE * (double)n);
    return share > MASS_VALUES ? (size_t)share : MASS_VALUES;
}

static void work_free(ModeWork *w) {
    pythia_free(w->t);
    pythia_free(w->count);
    pythia_free(w->peak);
}

static int work_open(ModeWork *w, const double *sorted, const ModeScale *scale) {
    size_t n = w->n;
    w->bins = n < 300 ? 1024 : n < 3000 ? 2048 : 4096;
    w->t = pythia_alloc_array(n, sizeof *w->t);
    w->count = pythia_alloc_array(3 * w->bins, sizeof *w->count);
    w->peak = pythia_alloc_array(2 * w->bins, sizeof *w->peak);
    if (!w->t || !w->count || !w->peak) return SQLITE_NOMEM;
    w->smooth = w->count + w->bins;
    w->scratch = w->count + 2 * w->bins;
    w->valley = w->peak + w->bins;
    memset(w->count, 0, w->bins * sizeof *w->count);
    pythia_dequantise(sorted, n, scale->tick, w->t);
    for (size_t i = 0; i < n; i++)
        w->t[i] = scale_to(scale, w->t[i]);
    w->range = w->t[n - 1];
    if (!(w->range > 0) || !isfinite(w->range)) return SQLITE_OK;
    for (size_t i = 0; i < n; i++) {
        size_t bin = (size_t)(w->t[i] / w->range * (double)w->bins);
        w->count[bin < w->bins ? bin : w->bins - 1]++;
    }
    PythiaDip dip;
    int rc = pythia_dip(w->t, n, 0, &dip, w->poll);
    w->dip_p = dip.p;
    return rc;
}

/* Running mean over 2 half + 1 bins; beyond the ends there is nothing. */
static void smooth_once(const double *from, double *to, size_t bins, size_t half) {
    double sum = 0;
    for (size_t i = 0; i < half && i < bins; i++)
        sum += from[i];
    for (size_t i = 0; i < bins; i++) {
        if (i + half < bins) sum += from[i + half];
        to[i] = sum > 0 ? sum : 0;
        if (i >= half) sum -= from[i - half];
    }
}

/* smooth[i] = values that the kernel around bin i effectively covers. Sums of whole numbers stay
** exact, so that empty stretches are 0. */
static void work_smooth(ModeWork *w, size_t half) {
    double width = (double)(2 * half + 1);
    smooth_once(w->count, w->smooth, w->bins, half);
    smooth_once(w->smooth, w->scratch, w->bins, half);
    smooth_once(w->scratch, w->smooth, w->bins, half);
    for (size_t i = 0; i < w->bins; i++)
        w->smooth[i] *= KERNEL_COVERS / (width * width);
}

/* Peaks and the valleys between them, plateaus by their middle. */
static void work_extrema(ModeWork *w) {
    const double *y = w->smooth;
    int rising = 1;
    size_t start = 0; /* of the plateau that ends at i */
    w->n_peaks = 0;
    for (size_t i = 1; i < w->bins; i++) {
        if (y[i] == y[i - 1]) continue;
        int up = y[i] > y[i - 1];
        uint32_t middle = (uint32_t)((start + i - 1) / 2);
        if (up && !rising) w->valley[w->n_peaks - 1] = middle;
        if (!up && rising) w->peak[w->n_peaks++] = middle;
        rising = up;
        start = i;
    }
    if (rising) w->peak[w->n_peaks++] = (uint32_t)((start + w->bins - 1) / 2);
}

/* How sure it is that valley i is lower than both its peaks. 0 where it is hardly lower. */
static double valley_z(const ModeWork *w, size_t i) {
    double left = w->smooth[w->peak[i]], right = w->smooth[w->peak[i + 1]];
    double peak = left < right ? left : right, valley = w->smooth[w->valley[i]];
    return valley > VALLEY_HEIGHT * peak ? 0 : (peak - valley) / sqrt(peak + valley);
}

/* Removes valley i and the lower of its peaks. The valley on the other side of that peak now lies
** between the same peaks; the deeper one of the two stays. */
static void valley_merge(ModeWork *w, size_t i) {
    const double *y = w->smooth;
    size_t gone = y[w->peak[i]] < y[w->peak[i + 1]] ? i : i + 1;
    size_t other = gone == i ? i - 1 : i + 1; /* may not exist */
    if (other < w->n_peaks - 1 && y[w->valley[i]] < y[w->valley[other]])
        w->valley[other] = w->valley[i];
    memmove(w->peak + gone, w->peak + gone + 1, (w->n_peaks - 1 - gone) * sizeof *w->peak);
    memmove(w->valley + i, w->valley + i + 1, (w->n_peaks - 2 - i) * sizeof *w->valley);
    w->n_peaks--;
}

/* Merges until every valley has at least the given z. */
static int work_merge(ModeWork *w, double z_least) {
    while (w->n_peaks > 1) {
        size_t weakest = 0;
        double least = INFINITY;
        for (size_t i = 0; i + 1 < w->n_peaks; i++) {
            double z = valley_z(w, i);
            if (z >= least) continue;
            least = z;
            weakest = i;
        }
        if (least >= z_least) break;
        valley_merge(w, weakest);
        int rc = pythia_poll(w->poll);
        if (rc) return rc;
    }
    return SQLITE_OK;
}

/* The bound for z with `places` kernels side by side. */
static double z_bound(const ModeWork *w, double places) {
    double z = sqrt(9 + 2 * log(fmax(1, places / 4)));
    return w->dip_p <= DIP_SIGNIFICANT ? z : z + 1;
}

static void cut_add(ModeWork *w, double low, double high, double t, double z) {
    int at = 0;
    for (; at < w->n_cuts && w->cut[at].t < t; at++)
        ;
    int found = (at > 0 && w->cut[at - 1].t > low) || (at < w->n_cuts && w->cut[at].t < high);
    if (found || w->n_cuts == CUTS_MAX) return;
    memmove(w->cut + at + 1, w->cut + at, (size_t)(w->n_cuts - at) * sizeof w->cut[0]);
    w->cut[at] = (ModeCut){t, z};
    w->n_cuts++;
}

static double bin_middle(const ModeWork *w, size_t bin) {
    return ((double)bin + 0.5) * w->range / (double)w->bins;
}

/* The finest kernel worth trying: a quarter of the rule of thumb for n normal values, but never
** narrower than the clock's tick. In bins to each side. */
static size_t finest_half(const ModeWork *w, const ModeScale *scale) {
    double quarters =
        pythia_quantile_sorted(w->t, w->n, 0.75, 7) - pythia_quantile_sorted(w->t, w->n, 0.25, 7);
    double spread = quarters > 0 ? quarters / 1.349 : w->range / 4;
    double width = 2 * 0.9 * spread * pow((double)w->n, -0.2) / 4; /* three means: sd = width / 2 */
    double tick = scale_tick(scale);
    if (width < tick) width = tick;
    return (size_t)ceil(fmin(width / w->range, 0.25) * (double)w->bins / 2);
}

/* The cuts that appear down the ladder of widths. z_least: bound for z, or 0 for that of
** z_bound(). */
static int work_cut(ModeWork *w, const ModeScale *scale, double z_least) {
    size_t finest = finest_half(w, scale), now;
    double half = (double)w->bins / 8;
    while ((now = (size_t)half) >= finest && now > 0) {
        half = fmin(half / WIDTH_STEP, (double)now - 1); /* always another one */
        work_smooth(w, now);
        work_extrema(w);
        double places = (double)w->bins / ((double)(2 * now + 1) * KERNEL_COVERS);
        int rc = work_merge(w, z_least > 0 ? z_least : z_bound(w, places));
        if (rc) return rc;
        for (size_t i = 0; i + 1 < w->n_peaks; i++)
            cut_add(w, bin_middle(w, w->peak[i]), bin_middle(w, w->peak[i + 1]),
                    bin_middle(w, w->valley[i]), valley_z(w, i));
    }
    return SQLITE_OK;
}

/* The index of the first value above t. */
static size_t first_above(const ModeWork *w, double t) {
    size_t low = 0, high = w->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->t[middle] > t)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* The logarithm of the probability that k values keep to `near` of the way `far`. */
static double gap_log_p(double near, double far, size_t k) {
    return k < 2 ? 0 : (double)(k - 1) * log(fmax(near, 0x1p-50 * far) / far);
}

/* The clearest gap among values from .. to-1 that a unimodal distribution would not leave: the
** index behind it, or 0. log_p is lowered to its probability. */
static size_t gap_find(const ModeWork *w, size_t from, size_t to, double *log_p) {
    const double *t = w->t;
    size_t least = mass_least(w->n), found = 0;
    for (size_t i = from + least; i + least <= to; i++) {
        if (!(t[i] > t[i - 1])) continue;
        double below = gap_log_p(t[i - 1] - t[from], t[i] - t[from], i - from);
        if (below >= *log_p) continue;
        double above = gap_log_p(t[to - 1] - t[i], t[to - 1] - t[i - 1], to - i);
        if (above >= *log_p) continue;
        *log_p = fmax(below, above);
        found = i;
    }
    return found;
}

/* Cuts at such gaps, the clearest first, then within the parts. */
static int work_gaps(ModeWork *w) {
    size_t found;
    do {
        double log_p = log(GAP_P / (double)w->n);
        size_t from = 0;
        found = 0;
        for (int i = 0; i <= w->n_cuts; i++) {
            size_t to = i < w->n_cuts ? first_above(w, w->cut[i].t) : w->n;
            size_t here = gap_find(w, from, to, &log_p);
            if (here) found = here;
            from = to;
        }
        double low = found ? w->t[found - 1] : 0, high = w->t[found];
        if (found) cut_add(w, low, high, low + (high - low) / 2, sqrt(-2 * log_p));
        int rc = w->poll ? pythia_poll_now(w->poll) : SQLITE_OK;
        if (rc) return rc;
    } while (found && w->n_cuts < CUTS_MAX);
    return SQLITE_OK;
}

static void cut_drop(ModeWork *w, int i) {
    memmove(w->cut + i, w->cut + i + 1, (size_t)(w->n_cuts - 1 - i) * sizeof w->cut[0]);
    w->n_cuts--;
}

static void cut_drop_weakest(ModeWork *w) {
    int weakest = 0;
    for (int i = 1; i < w->n_cuts; i++)
        if (w->cut[i].z < w->cut[weakest].z) weakest = i;
    cut_drop(w, weakest);
}

/* Drops cuts until every part has its mass and there are not too many of them. */
static void work_filter(ModeWork *w, int cuts_max) {
    size_t least = mass_least(w->n);
    for (int i = 0; i <= w->n_cuts && w->n_cuts > 0;) {
        size_t from = i > 0 ? first_above(w, w->cut[i - 1].t) : 0;
        size_t to = i < w->n_cuts ? first_above(w, w->cut[i].t) : w->n;
        if (to - from >= least) {
            i++;
            continue;
        }
        int left = i == w->n_cuts || (i > 0 && w->cut[i - 1].z < w->cut[i].z);
        cut_drop(w, left ? i - 1 : i);
        i = 0;
    }
    while (w->n_cuts > cuts_max)
        cut_drop_weakest(w);
}

static int work_run(ModeWork *w, const ModeScale *scale) {
    if (!(w->range > 0) || !isfinite(w->range)) return SQLITE_OK;
    int rc = work_gaps(w);
    if (rc == SQLITE_OK) rc = work_cut(w, scale, 0);
    work_filter(w, PYTHIA_MODES_MAX - 1);
    if (rc || w->n_cuts > 0 || w->dip_p > DIP_CERTAIN) return rc;
    rc = work_cut(w, scale, VALLEY_Z);
    work_filter(w, 1);
    return rc;
}

/* Where the values from .. to-1 are densest: the middle of the window that holds most of them, as
** wide as the kernel that the rule of thumb would give them (three running means). */
static double part_peak(const ModeWork *w, size_t from, size_t to) {
    size_t n = to - from;
    const double *t = w->t + from;
    double quarters = pythia_quantile_sorted(t, n, 0.75, 7) - pythia_quantile_sorted(t, n, 0.25, 7);
    double width = 3 * 2 * 0.9 * quarters / 1.349 * pow((double)n, -0.2);
    double most = 0, location = pythia_quantile_sorted(t, n, 0.5, 1);
    for (size_t a = 0, b = 0; b < n; b++) {
        while (t[b] - t[a] > width)
            a++;
        double here = (double)(b - a + 1);
        if (here <= most) continue;
        most = here;
        location = (t[a] + t[b]) / 2;
    }
    return location;
}

static void work_result(ModeWork *w, const ModeScale *scale, const double *sorted,
                        PythiaModes *result) {
    size_t from = 0;
    for (int i = 0; i <= w->n_cuts; i++) {
        size_t to = i < w->n_cuts ? first_above(w, w->cut[i].t) : w->n;
        PythiaMode *mode = &result->mode[result->n++];
        mode->count = to - from;
        mode->mass = (double)(to - from) / (double)w->n;
        mode->low = sorted[from];
        mode->high = sorted[to - 1];
        double location = scale_from(scale, part_peak(w, from, to));
        mode->location = fmin(fmax(location, mode->low), mode->high);
        from = to;
    }
}

int pythia_modes(const double *sorted, size_t n, PythiaModes *result, PythiaPoll *poll) {
    *result = (PythiaModes){.n = 0};
    if (n == 0) return SQLITE_OK;
    ModeScale scale = {.linear = 1, .least = sorted[0]};
    ModeWork work = {.n = n, .poll = poll};
    int rc = SQLITE_OK;
    if (n >= LEAST_VALUES && sorted[0] < sorted[n - 1]) {
        scale = scale_choose(sorted, n);
        rc = work_open(&work, sorted, &scale);
        if (rc == SQLITE_OK) rc = work_run(&work, &scale);
        if (rc == SQLITE_OK) {
            result->log_scale = !scale.linear;
            work_result(&work, &scale, sorted, result);
        }
    } else {
        result->n = 1;
        result->mode[0] = (PythiaMode){sorted[(n - 1) / 2], sorted[0], sorted[n - 1], 1, n};
    }
    work_free(&work);
    return rc;
}
