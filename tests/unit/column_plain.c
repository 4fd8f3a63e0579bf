/* column_plain.c - see column_plain.h. Whatever can be counted is counted, and what runs would take is found by
** writing them. */
#include "tests/unit/column_plain.h"

#include "ext/store/column_layout.h"

enum { WIDTH_RAW = 60, SCALE_WORTH = 64, DELTA_WORTH = 16, SAMPLE_STEP = 8 };

typedef struct Frame {
    uint64_t base, scale, u[MINI];
    unsigned width;
    uint32_t n, exceptions;
    size_t bytes; /* estimate of the whole */
} Frame;

static unsigned bits_of(uint64_t v) {
    unsigned bits = 0;
    for (; v; v >>= 1)
        bits++;
    return bits;
}

static size_t varint_bytes(uint64_t v) {
    size_t bytes = 1;
    for (; v > 0x7f; v >>= 7)
        bytes++;
    return bytes;
}

static size_t zigzag_bytes(int64_t v) {
    return varint_bytes((uint64_t)v << 1 ^ (v < 0 ? ~(uint64_t)0 : 0));
}

static uint64_t divisor(uint64_t a, uint64_t b) {
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The scale, and what it leaves of each number. */
static void frame_scale(Frame *f, uint64_t largest) {
    uint64_t scale = 0;
    f->scale = 1;
    if (largest < SCALE_WORTH * 2) return;
    for (uint32_t i = 0; i < f->n; i++)
        scale = divisor(f->u[i], scale);
    if (scale < SCALE_WORTH) return;
    f->scale = scale;
    for (uint32_t i = 0; i < f->n; i++)
        f->u[i] /= scale;
}

/* Fills the frame of n numbers, numbers[i] = base + what is kept. Of widths that take as much the largest is taken. */
static void frame_make(Frame *f, const int64_t *numbers, uint32_t n) {
    int64_t low = numbers[0];
    uint64_t largest = 0;
    for (uint32_t i = 0; i < n; i++)
        if (numbers[i] < low) low = numbers[i];
    for (uint32_t i = 0; i < n; i++) {
        f->u[i] = (uint64_t)numbers[i] - (uint64_t)low;
        if (f->u[i] > largest) largest = f->u[i];
    }
    f->base = (uint64_t)low;
    f->n = n;
    f->exceptions = 0;
    if (bits_of(largest) >= WIDTH_RAW) {
        f->scale = 1;
        f->width = 64;
        f->bytes = 13 + (size_t)n * 8;
        return;
    }
    frame_scale(f, largest);
    unsigned top = bits_of(largest / f->scale), bits[MINI];
    for (uint32_t i = 0; i < n; i++)
        bits[i] = bits_of(f->u[i]);
    f->bytes = SIZE_MAX;
    for (unsigned width = top + 1; width-- > 0;) {
        uint32_t above = 0;
        for (uint32_t i = 0; i < n; i++)
            above += bits[i] > width;
        size_t bytes = 3 + zigzag_bytes(low) + varint_bytes(f->scale) +
                       ((size_t)n * width + 7) / 8 + (size_t)above * (1 + (top - width + 6) / 7);
        if (bytes >= f->bytes) continue;
        f->bytes = bytes;
        f->width = width;
        f->exceptions = above;
    }
}

static void frame_put(PythiaBuf *out, const Frame *f) {
    unsigned byte = 0, have = 0;
    uint32_t place = 0;
    pythia_buf_byte(out, (unsigned char)f->width);
    pythia_buf_zigzag(out, (int64_t)f->base);
    pythia_buf_varint(out, f->scale);
    pythia_buf_varint(out, f->exceptions);
    for (uint32_t i = 0; i < f->n; i++)
        for (unsigned bit = 0; bit < f->width; bit++) {
            byte |= (unsigned)(f->u[i] >> bit & 1) << have++;
            if (have < 8) continue;
            pythia_buf_byte(out, (unsigned char)byte);
            byte = have = 0;
        }
    if (have) pythia_buf_byte(out, (unsigned char)byte);
    for (uint32_t i = 0; i < f->n && f->exceptions; i++) {
        if (bits_of(f->u[i]) <= f->width) continue;
        pythia_buf_varint(out, i - place);
        pythia_buf_varint(out, f->u[i] >> f->width);
        place = i;
    }
}

/* Whether the value begins a run. */
static int run_begins(const int64_t *v, uint32_t i) {
    return !i || v[i] != v[i - 1];
}

static void runs_put(PythiaBuf *out, const int64_t *v, uint32_t n) {
    uint32_t runs = 0, length = 1;
    int64_t before = 0;
    for (uint32_t i = 0; i < n; i++)
        runs += (uint32_t)run_begins(v, i);
    pythia_buf_byte(out, ENCODING_RUNS);
    pythia_buf_varint(out, runs);
    for (uint32_t i = 0; i < n; i += length) {
        for (length = 1; i + length < n && !run_begins(v, i + length);)
            length++;
        pythia_buf_varint(out, length);
        pythia_buf_zigzag(out, (int64_t)((uint64_t)v[i] - (uint64_t)before));
        before = v[i];
    }
    /* Many runs are not considered. */
    if (runs > n / 4) out->n = 0;
}

/* The differences as a frame. Returns whether they are considered: a sample of them takes fewer bits. */
static int steps_make(Frame *f, const int64_t *v, uint32_t n, const Frame *plain) {
    int64_t steps[MINI] = {0};
    uint32_t bits = 0, sampled = 0;
    for (uint32_t i = 1; i < n; i++)
        steps[i - 1] = (int64_t)((uint64_t)v[i] - (uint64_t)v[i - 1]);
    frame_make(f, steps, n - 1);
    for (uint32_t i = 1; i < n; i += SAMPLE_STEP, sampled++)
        bits += bits_of((uint64_t)steps[i - 1] - f->base);
    f->bytes += zigzag_bytes(v[0]);
    return plain->width > 1 && f->width < 64 && bits < sampled * plain->width;
}

static void steps_put(PythiaBuf *out, int64_t first, const Frame *steps) {
    pythia_buf_byte(out, ENCODING_DELTA);
    pythia_buf_zigzag(out, first);
    frame_put(out, steps);
}

static void mini_put(PythiaBuf *out, const int64_t *v, uint32_t n) {
    static Frame plain, steps;
    PythiaBuf runs = {0};
    frame_make(&plain, v, n);
    int equal = plain.scale == 1 && plain.width == 0 && !plain.exceptions;
    int delta = n > 1 && steps_make(&steps, v, n, &plain);
    int even = n >= DELTA_WORTH && steps.width == 0 && !steps.exceptions;
    runs_put(&runs, v, n);
    size_t least = delta && steps.bytes < plain.bytes ? steps.bytes : plain.bytes;
    int few = runs.n && runs.n < least;
    if (equal) {
        pythia_buf_byte(out, ENCODING_CONSTANT);
        pythia_buf_zigzag(out, v[0]);
    } else if (even || (!few && least < plain.bytes)) {
        steps_put(out, v[0], &steps);
    } else if (few) {
        pythia_buf_bytes(out, runs.data, runs.n);
    } else {
        pythia_buf_byte(out, ENCODING_PACKED);
        frame_put(out, &plain);
    }
    pythia_buf_clear(&runs);
}

void column_plain_encode(PythiaBuf *out, const int64_t *values, uint32_t n) {
    uint32_t same = 1, minis = (n + MINI - 1) / MINI;
    while (same < n && values[same] == values[0])
        same++;
    int constant = n && same == n;
    size_t start = out->n;
    pythia_buf_u32(out, n);
    pythia_buf_u32(out, constant ? CONSTANT_SHIFT : PYTHIA_COLUMN_MINI_SHIFT);
    if (constant) minis = 1;
    for (uint32_t m = 0; m < minis; m++)
        pythia_buf_u32(out, 0);
    for (uint32_t m = 0; m < minis; m++) {
        uint32_t offset = (uint32_t)(out->n - start), first = m * MINI;
        for (size_t i = 0; i < 4; i++)
            out->data[start + 8 + 4 * m + i] = (unsigned char)(offset >> 8 * i);
        mini_put(out, values + first, constant ? 1 : n - first < MINI ? n - first : MINI);
    }
}
