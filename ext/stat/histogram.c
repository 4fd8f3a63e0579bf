/* histogram.c - counts in equal bins and the line that shows them. */
#include "ext/stat/histogram.h"

#include <string.h>

#include "ext/base/mem.h"

void pythia_histogram_count(const double *x, size_t n, double low, double high, int bins,
                            uint64_t *counts) {
    memset(counts, 0, (size_t)bins * sizeof *counts);
    /* Halves, because high - low may overflow where neither of them does. */
    double width = high / 2 - low / 2;
    for (size_t i = 0; i < n; i++) {
        if (!(x[i] >= low && x[i] <= high)) continue;
        int bin = width > 0 ? (int)((x[i] / 2 - low / 2) / width * bins) : 0;
        counts[bin < bins ? bin : bins - 1]++;
    }
}

void pythia_histogram_line(const uint64_t *counts, int bins, PythiaBuf *out) {
    uint64_t most = 0;
    for (int i = 0; i < bins; i++)
        if (counts[i] > most) most = counts[i];
    for (int i = 0; i < bins; i++) {
        if (counts[i] == 0) {
            pythia_buf_byte(out, ' ');
            continue;
        }
        /* ceil(8 count / most) without overflow for any count that memory can hold. */
        unsigned eighths = (unsigned)((counts[i] * 8 + most - 1) / most);
        const unsigned char block[3] = {0xe2, 0x96, (unsigned char)(0x80 + eighths)};
        pythia_buf_bytes(out, block, sizeof block);
    }
}

int pythia_histogram(const double *x, size_t n, int bins, PythiaBuf *out) {
    if (bins < 1 || bins > PYTHIA_HISTOGRAM_BINS_MAX) return SQLITE_RANGE;
    if (n == 0) return SQLITE_OK;
    double low = x[0], high = x[0];
    for (size_t i = 1; i < n; i++) {
        if (x[i] < low) low = x[i];
        if (x[i] > high) high = x[i];
    }
    uint64_t *counts = pythia_alloc_array((size_t)bins, sizeof *counts);
    if (!counts) return SQLITE_NOMEM;
    pythia_histogram_count(x, n, low, high, bins, counts);
    pythia_histogram_line(counts, bins, out);
    pythia_free(counts);
    return out->rc;
}
