/* column_plain.c - see column_plain.h. */
#include "tests/unit/column_plain.h"

#include "ext/store/column_layout.h"

enum { WIDTH_RAW = 60, SCALE_WORTH = 64, DELTA_WORTH = 16, SAMPLE_STEP = 8 };

/* How a frame would be written. */
typedef struct Frame {
    uint64_t base, scale;
    unsigned width;
    uint32_t exceptions;
    size_t bytes; /* estimate of the whole */
} Frame;

static unsigned bit_length(uint64_t v) {
    return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

static size_t varint_bytes(uint64_t v) {
    return v ? (bit_length(v) + 6) / 7 : 1;
}

static uint64_t zigzag(uint64_t v) {
    return (v << 1) ^ (uint64_t)((int64_t)v >> 63);
}

/* The greatest common divisor of all u, or 1 as soon as it is known to be too small to matter. */
static uint64_t common_divisor(const uint64_t *u, uint32_t n) {
    uint64_t g = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t a = u[i], b = g;
        if (b && a % b == 0) continue;
        while (b) {
            uint64_t r = a % b;
            a = b;
            b = r;
        }
        g = a;
        if (g && g < SCALE_WORTH) return 1;
    }
    return g ? g : 1;
}

/* Chooses the width: u[i] are the values less the base, and become those divided by the scale. */
static Frame frame_plan(uint64_t *u, uint32_t n, uint64_t base, uint64_t largest) {
    Frame f = {.base = base, .scale = 1};
    unsigned top = bit_length(largest);
    if (top >= WIDTH_RAW) {
        f.width = 64;
        f.bytes = 13 + (size_t)n * 8;
        return f;
    }
    if (largest >= SCALE_WORTH * 2) f.scale = common_divisor(u, n);
    if (f.scale > 1) {
        for (uint32_t i = 0; i < n; i++)
            u[i] /= f.scale;
        top = bit_length(largest / f.scale);
    }
    uint32_t lengths[65] = {0};
    for (uint32_t i = 0; i < n; i++)
        lengths[bit_length(u[i])]++;
    size_t overhead = 3 + varint_bytes(zigzag(base)) + varint_bytes(f.scale);
    f.width = top;
    f.bytes = overhead + ((size_t)n * top + 7) / 8;
    uint32_t above = 0;
    for (unsigned w = top; w-- > 0;) {
        above += lengths[w + 1];
        /* A place takes one byte, two in the worst case; it is an estimate. */
        size_t bytes = overhead + ((size_t)n * w + 7) / 8 + (size_t)above * (1 + (top - w + 6) / 7);
        if (bytes < f.bytes) {
            f.bytes = bytes;
            f.width = w;
            f.exceptions = above;
        }
    }
    return f;
}

/* Bit by bit. */
static void pack(PythiaBuf *out, const uint64_t *u, uint32_t n, unsigned width) {
    unsigned byte = 0, have = 0;
    for (uint32_t i = 0; i < n; i++)
        for (unsigned bit = 0; bit < width; bit++) {
            byte |= (unsigned)(u[i] >> bit & 1) << have++;
            if (have < 8) continue;
            pythia_buf_byte(out, (unsigned char)byte);
            byte = have = 0;
        }
    if (have) pythia_buf_byte(out, (unsigned char)byte);
}

static void frame_write(PythiaBuf *out, const Frame *f, const uint64_t *u, uint32_t n) {
    pythia_buf_byte(out, (unsigned char)f->width);
    pythia_buf_zigzag(out, (int64_t)f->base);
    pythia_buf_varint(out, f->scale);
    pythia_buf_varint(out, f->exceptions);
    pack(out, u, n, f->width);
    uint32_t before = 0;
    for (uint32_t i = 0, left = f->exceptions; left && i < n; i++) {
        if (!(u[i] >> f->width)) continue; /* with exceptions the width is less than 64 */
        pythia_buf_varint(out, i - before);
        pythia_buf_varint(out, u[i] >> f->width);
        before = i;
        left--;
    }
}

/* The bytes that runs would take, or SIZE_MAX when they are too many to be worth counting. */
static size_t runs_bytes(const int64_t *v, uint32_t n, uint32_t runs) {
    if (runs > n / 4) return SIZE_MAX;
    size_t bytes = 1 + varint_bytes(runs);
    uint64_t before = 0;
    for (uint32_t i = 0; i < n;) {
        uint32_t j = i + 1;
        while (j < n && v[j] == v[i])
            j++;
        bytes += varint_bytes(j - i) + varint_bytes(zigzag((uint64_t)v[i] - before));
        before = (uint64_t)v[i];
        i = j;
    }
    return bytes;
}

static void runs_write(PythiaBuf *out, const int64_t *v, uint32_t n, uint32_t runs) {
    pythia_buf_byte(out, ENCODING_RUNS);
    pythia_buf_varint(out, runs);
    uint64_t before = 0;
    for (uint32_t i = 0; i < n;) {
        uint32_t j = i + 1;
        while (j < n && v[j] == v[i])
            j++;
        pythia_buf_varint(out, j - i);
        pythia_buf_zigzag(out, (int64_t)((uint64_t)v[i] - before));
        before = (uint64_t)v[i];
        i = j;
    }
}

static void mini_constant(PythiaBuf *out, int64_t value) {
    pythia_buf_byte(out, ENCODING_CONSTANT);
    pythia_buf_zigzag(out, value);
}

/* Whether differences are likely to take fewer bits than the values: a sample of them is looked at. */
static int delta_promises(const int64_t *v, uint32_t n, int64_t dlow, unsigned width) {
    uint32_t bits = 0, sampled = 0;
    for (uint32_t i = 1; i < n; i += SAMPLE_STEP, sampled++)
        bits += bit_length((uint64_t)v[i] - (uint64_t)v[i - 1] - (uint64_t)dlow);
    return bits < sampled * width;
}

static void mini_encode(PythiaBuf *out, const int64_t *v, uint32_t n) {
    uint64_t u[MINI], d[MINI];
    int64_t low = v[0], high = v[0], dlow = INT64_MAX, dhigh = INT64_MIN;
    uint32_t runs = 1;
    for (uint32_t i = 1; i < n; i++) {
        if (v[i] < low) low = v[i];
        if (v[i] > high) high = v[i];
        int64_t step = (int64_t)((uint64_t)v[i] - (uint64_t)v[i - 1]);
        if (step < dlow) dlow = step;
        if (step > dhigh) dhigh = step;
        runs += step != 0;
    }
    if (low == high) {
        mini_constant(out, low);
        return;
    }
    if (dlow == dhigh && n >= DELTA_WORTH) { /* equal steps, as the rows of what every span has */
        Frame steps = {.base = (uint64_t)dlow, .scale = 1};
        pythia_buf_byte(out, ENCODING_DELTA);
        pythia_buf_zigzag(out, v[0]);
        frame_write(out, &steps, NULL, n - 1);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        u[i] = (uint64_t)v[i] - (uint64_t)low;
    Frame plain = frame_plan(u, n, (uint64_t)low, (uint64_t)high - (uint64_t)low);
    Frame delta = {.bytes = SIZE_MAX};
    uint64_t drange = (uint64_t)dhigh - (uint64_t)dlow;
    if (plain.width > 1 && bit_length(drange) < WIDTH_RAW &&
        delta_promises(v, n, dlow, plain.width)) {
        for (uint32_t i = 1; i < n; i++)
            d[i - 1] = (uint64_t)v[i] - (uint64_t)v[i - 1] - (uint64_t)dlow;
        delta = frame_plan(d, n - 1, (uint64_t)dlow, drange);
        delta.bytes += varint_bytes(zigzag((uint64_t)v[0]));
    }
    size_t run = runs_bytes(v, n, runs);
    if (run < plain.bytes && run < delta.bytes) {
        runs_write(out, v, n, runs);
    } else if (delta.bytes < plain.bytes) {
        pythia_buf_byte(out, ENCODING_DELTA);
        pythia_buf_zigzag(out, v[0]);
        frame_write(out, &delta, d, n - 1);
    } else {
        pythia_buf_byte(out, ENCODING_PACKED);
        frame_write(out, &plain, u, n);
    }
}

static int all_equal(const int64_t *v, uint32_t n) {
    for (uint32_t i = 1; i < n; i++)
        if (v[i] != v[0]) return 0;
    return 1;
}

void column_plain_encode(PythiaBuf *out, const int64_t *values, uint32_t n) {
    if (n > PYTHIA_COLUMN_MOST && !out->rc) out->rc = SQLITE_TOOBIG;
    if (out->rc) return;
    int constant = n > 0 && all_equal(values, n);
    unsigned shift = constant ? CONSTANT_SHIFT : PYTHIA_COLUMN_MINI_SHIFT;
    uint32_t minis = constant ? 1 : (n + MINI - 1) / MINI;
    size_t start = out->n;
    pythia_buf_u32(out, n);
    pythia_buf_u32(out, shift);
    size_t directory = out->n;
    pythia_buf_room(out, (size_t)minis * 4);
    for (uint32_t m = 0; m < minis && !out->rc; m++) {
        size_t offset = out->n - start;
        if (offset > UINT32_MAX) {
            out->rc = SQLITE_TOOBIG;
            return;
        }
        for (unsigned i = 0; i < 4; i++)
            out->data[directory + (size_t)m * 4 + i] = (unsigned char)(offset >> (8 * i));
        uint32_t first = m * MINI;
        if (constant)
            mini_constant(out, values[0]);
        else
            mini_encode(out, values + first, n - first < MINI ? n - first : MINI);
    }
}
