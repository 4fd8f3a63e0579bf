/* column_encode.c - writing columns of integers (column_layout.h).
**
** Of a mini-block the smallest encoding is taken. What each would cost is found out by passes over its values. They
** go by BATCH values at a time where they can, because a loop whose number of rounds is known is one that compilers
** make vectors of; and a pass is left out where the choice is certain without it. The choice is the same as if all
** were made: the tests have an encoder that does make all of them, and compare bytes. */
#include "ext/store/column_layout.h"

#include "ext/base/bytes.h"

enum { WIDTH_RAW = 60, SCALE_WORTH = 64, DELTA_WORTH = 16, SAMPLE_STEP = 8, BATCH = 16 };

/* ---- passes over the values ------------------------------------------------------------------------ */

static unsigned bit_length(uint64_t v) {
    return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

static size_t varint_bytes(uint64_t v) {
    return v ? (bit_length(v) + 6) / 7 : 1;
}

static uint64_t zigzag(uint64_t v) {
    return (v << 1) ^ (uint64_t)((int64_t)v >> 63);
}

/* The difference of a value to the one before. */
static uint64_t step_to(const int64_t *v) {
    return (uint64_t)v[0] - (uint64_t)v[-1];
}

/* Whether each value is the one before and `step`. */
static int are_steps(const int64_t *v, size_t n, uint64_t step) {
    size_t i = 1;
    for (; i + BATCH <= n; i += BATCH) {
        uint64_t other = 0;
        for (const int64_t *p = v + i, *end = p + BATCH; p < end; p++)
            other |= step_to(p) ^ step;
        if (other) return 0;
    }
    while (i < n && step_to(v + i) == step)
        i++;
    return i >= n;
}

static inline void widen(int64_t v, int64_t *low, int64_t *high) {
    *low = v < *low ? v : *low;
    *high = v > *high ? v : *high;
}

/* The smallest and the largest of n >= 1 values. */
static void find_range(const int64_t *v, size_t n, int64_t *low, int64_t *high) {
    int64_t a = v[0], b = v[0], c = v[0],
            d = v[0]; /* two of each: they wait for one another less */
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        widen(v[i], &a, &b);
        widen(v[i + 1], &c, &d);
        widen(v[i + 2], &a, &b);
        widen(v[i + 3], &c, &d);
    }
    for (; i < n; i++)
        widen(v[i], &a, &b);
    *low = a < c ? a : c;
    *high = b > d ? b : d;
}

static void subtract(const int64_t *restrict v, size_t n, int64_t base, uint64_t *restrict u) {
    size_t i = 0;
    for (; i + BATCH <= n; i += BATCH)
        for (size_t k = 0; k < BATCH; k++)
            u[i + k] = (uint64_t)v[i + k] - (uint64_t)base;
    for (; i < n; i++)
        u[i] = (uint64_t)v[i] - (uint64_t)base;
}

/* steps[i]: from v[i] to v[i + 1], of n values. */
static void find_steps(const int64_t *restrict v, size_t n, int64_t *restrict steps) {
    size_t i = 1;
    for (; i + BATCH <= n; i += BATCH)
        for (size_t k = 0; k < BATCH; k++)
            steps[i - 1 + k] = (int64_t)step_to(v + i + k);
    for (; i < n; i++)
        steps[i - 1] = (int64_t)step_to(v + i);
}

/* The number of runs of equal values, or something above `most` when it is. */
static size_t count_runs(const int64_t *v, size_t n, size_t most) {
    size_t runs = 1, i = 1;
    for (; i + BATCH <= n && runs <= most; i += BATCH) {
        uint64_t more = 0;
        for (size_t k = 0; k < BATCH; k++) {
            uint64_t step = step_to(v + i + k);
            more +=
                (step | (0 - step)) >> 63; /* 1 for any but 0, without a comparison of 64 bits */
        }
        runs += more;
    }
    for (; i < n && runs <= most; i++)
        runs += v[i] != v[i - 1];
    return runs;
}

/* The difference, of less than 63 bits, which is counted by its length. */
static inline uint64_t counted(int64_t v, int64_t base, uint32_t lengths[64]) {
    uint64_t u = (uint64_t)v - (uint64_t)base;
    lengths[__builtin_clzll(2 * u + 1) ^ 63]++;
    return u;
}

/* u: the values less the base. Adds up how many have which length in bits. */
static void subtract_count(const int64_t *restrict v, size_t n, int64_t base, uint64_t *restrict u,
                           uint32_t lengths[restrict 64]) {
    uint32_t others[64] = {
        0}; /* equal lengths, one after the other, would wait for each other's count */
    size_t i = 0;
    for (; i + 4 <= n; i += 4) {
        u[i] = counted(v[i], base, lengths);
        u[i + 1] = counted(v[i + 1], base, others);
        u[i + 2] = counted(v[i + 2], base, lengths);
        u[i + 3] = counted(v[i + 3], base, others);
    }
    for (; i < n; i++)
        u[i] = counted(v[i], base, lengths);
    for (i = 0; i < 64; i++)
        lengths[i] += others[i];
}

/* ---- frames ---------------------------------------------------------------------------------------- */

/* How a frame would be written. */
typedef struct Frame {
    uint64_t base, scale;
    unsigned width;
    uint32_t exceptions;
    size_t bytes; /* estimate of the whole */
} Frame;

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

/* Divides by the scale, and counts lengths anew. */
static void scale_down(uint64_t *u, uint32_t n, uint64_t scale, uint32_t lengths[64]) {
    memset(lengths, 0, 64 * sizeof *lengths);
    for (uint32_t i = 0; i < n; i++)
        lengths[bit_length(u[i] /= scale)]++;
}

/* Chooses scale and width for values from `low` to `high`. u become the numbers of the frame. */
static Frame frame_plan(const int64_t *v, uint32_t n, int64_t low, int64_t high, uint64_t *u) {
    const uint64_t base = (uint64_t)low, largest = (uint64_t)high - base;
    Frame f = {.base = base, .scale = 1};
    unsigned top = bit_length(largest);
    if (top >= WIDTH_RAW) {
        subtract(v, n, low, u);
        f.width = 64;
        f.bytes = 13 + (size_t)n * 8;
        return f;
    }
    uint32_t lengths[64] = {0};
    subtract_count(v, n, low, u, lengths);
    if (largest >= SCALE_WORTH * 2) f.scale = common_divisor(u, n);
    if (f.scale > 1) {
        scale_down(u, n, f.scale, lengths);
        top = bit_length(largest / f.scale);
    }
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

/* Where bits are appended: below `p` all are written, and `have` < 8 in `word` are to come. */
typedef struct Bits {
    unsigned char *p;
    uint64_t word;
    unsigned have;
} Bits;

/* Appends the lowest `bits` <= 56 of v, which has no others. Eight bytes are stored at the place, whatever is new. */
static inline void append(Bits *b, uint64_t v, unsigned bits) {
    uint64_t word = b->word | v << b->have;
    unsigned have = b->have + bits;
    pythia_store64(b->p, word);
    b->p += have >> 3;
    b->word = word >> (have & ~7u);
    b->have = have & 7;
}

/* Two, four, eight values side by side. */
static inline uint64_t join2(const uint64_t *u, unsigned width) {
    return u[0] | u[1] << width;
}

static inline uint64_t join4(const uint64_t *u, unsigned width) {
    return join2(u, width) | join2(u + 2, width) << 2 * width;
}

static inline uint64_t join8(const uint64_t *u, unsigned width) {
    return join4(u, width) | join4(u + 4, width) << 4 * width;
}

/* Values of less than 64 bits, as many at once as have 56 bits together. */
static void pack_bits(Bits b, const uint64_t *u, uint32_t n, unsigned width) {
    uint32_t i = 0;
    if (width <= 7)
        for (; i + 8 <= n; i += 8)
            append(&b, join8(u + i, width), 8 * width);
    else if (width <= 14)
        for (; i + 4 <= n; i += 4)
            append(&b, join4(u + i, width), 4 * width);
    else if (width <= 28)
        for (; i + 2 <= n; i += 2)
            append(&b, join2(u + i, width), 2 * width);
    else if (width > 56)
        for (; i < n; i++) {
            append(&b, u[i] & 0xffff, 16);
            append(&b, u[i] >> 16, width - 16);
        }
    for (; i < n; i++)
        append(&b, u[i], width);
}

static void pack(PythiaBuf *out, const uint64_t *u, uint32_t n, unsigned width) {
    size_t bytes = ((size_t)n * width + 7) / 8;
    if (!width) return;
    unsigned char *p = pythia_buf_room(out, bytes + 8); /* whole words are stored */
    if (!p) return;
    out->n -= 8;
    if (width < 64)
        pack_bits((Bits){p, 0, 0}, u, n, width);
    else
        for (uint32_t i = 0; i < n; i++)
            pythia_store64(p + (size_t)i * 8, u[i]);
}

/* What exceptions have above the width, and their places. */
typedef struct Exceptions {
    uint32_t n;
    uint16_t places[MINI + 1];
    uint64_t high[MINI];
} Exceptions;

/* Takes the bits above the width away from u. */
static void take_exceptions(uint64_t *u, uint32_t n, unsigned width, Exceptions *e) {
    const uint64_t mask = ((uint64_t)1 << width) - 1;
    uint32_t k = 0;
    for (uint32_t i = 0; i < n;
         i++) { /* which values are exceptions is hard to predict: no branch */
        e->places[k] = (uint16_t)i;
        k += u[i] > mask;
    }
    e->n = k;
    for (uint32_t i = 0; i < k; i++) {
        e->high[i] = u[e->places[i]] >> width;
        u[e->places[i]] &= mask;
    }
}

static void write_exceptions(PythiaBuf *out, const Exceptions *e) {
    enum { MOST_BYTES = 2 + 10 }; /* of the varints of one */
    unsigned char *p = pythia_buf_room(out, (size_t)e->n * MOST_BYTES);
    if (!p) return;
    uint32_t before = 0;
    for (uint32_t i = 0; i < e->n; i++) {
        p = pythia_store_varint(p, e->places[i] - before);
        p = pythia_store_varint(p, e->high[i]);
        before = e->places[i];
    }
    out->n = (size_t)(p - out->data);
}

/* u: the numbers that the frame was planned for; they are as good as gone afterwards. */
static void frame_write(PythiaBuf *out, const Frame *f, uint64_t *u, uint32_t n) {
    Exceptions exceptions;
    exceptions.n = 0;
    pythia_buf_byte(out, (unsigned char)f->width);
    pythia_buf_zigzag(out, (int64_t)f->base);
    pythia_buf_varint(out, f->scale);
    pythia_buf_varint(out, f->exceptions);
    if (f->exceptions) take_exceptions(u, n, f->width, &exceptions);
    pack(out, u, n, f->width);
    write_exceptions(out, &exceptions);
}

/* ---- the choice ------------------------------------------------------------------------------------ */

/* The bytes that runs would take, or SIZE_MAX when they are too many to be worth counting, or to take less than `most`. */
static size_t runs_bytes(const int64_t *v, uint32_t n, size_t most, uint32_t *runs) {
    size_t limit = n / 4 < most / 2 ? n / 4 : most / 2; /* a run takes two bytes at least */
    *runs = (uint32_t)count_runs(v, n, limit);
    if (*runs > limit) return SIZE_MAX;
    size_t bytes = 1 + varint_bytes(*runs);
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

/* Equal steps, as the rows of what every span has. */
static void mini_steps(PythiaBuf *out, const int64_t *v, uint32_t n, uint64_t step) {
    const Frame steps = {.base = step, .scale = 1};
    pythia_buf_byte(out, ENCODING_DELTA);
    pythia_buf_zigzag(out, v[0]);
    frame_write(out, &steps, NULL, n - 1);
}

/* Some of the differences: every SAMPLE_STEP-th. */
typedef struct Sample {
    int64_t steps[MINI / SAMPLE_STEP + 1];
    uint32_t n;
} Sample;

static void take_sample(Sample *s, const int64_t *v, uint32_t n) {
    s->n = 0;
    for (uint32_t i = 1; i < n; i += SAMPLE_STEP)
        s->steps[s->n++] = (int64_t)step_to(v + i);
}

/* Whether differences are likely to take fewer bits than values of `width`, when `low` is the smallest of them. */
static int sample_promises(const Sample *s, int64_t low, unsigned width) {
    uint32_t bits = 0;
    for (uint32_t i = 0; i < s->n; i++)
        bits += bit_length((uint64_t)s->steps[i] - (uint64_t)low);
    return bits < s->n * width;
}

/* Plans a frame of the differences, which d becomes. Its bytes are SIZE_MAX where it is not worth a plan. */
static Frame delta_plan(const int64_t *v, uint32_t n, unsigned width, uint64_t *d) {
    const Frame none = {.bytes = SIZE_MAX};
    Sample sample;
    int64_t low, high, steps[MINI];
    if (width <= 1) return none;
    /* The range is that of the sample at least. What the sample does not promise with the smallest of its own it
    ** does not with a smaller one. */
    take_sample(&sample, v, n);
    find_range(sample.steps, sample.n, &low, &high);
    if (bit_length((uint64_t)high - (uint64_t)low) >= WIDTH_RAW ||
        !sample_promises(&sample, low, width))
        return none;
    find_steps(v, n, steps);
    find_range(steps, n - 1, &low, &high);
    if (bit_length((uint64_t)high - (uint64_t)low) >= WIDTH_RAW ||
        !sample_promises(&sample, low, width))
        return none;
    Frame delta = frame_plan(steps, n - 1, low, high, d);
    delta.bytes += varint_bytes(zigzag((uint64_t)v[0]));
    return delta;
}

static void mini_encode(PythiaBuf *out, const int64_t *v, uint32_t n) {
    uint64_t u[MINI], d[MINI], step = n > 1 ? step_to(v + 1) : 0;
    if ((!step || n >= DELTA_WORTH) && are_steps(v, n, step)) {
        if (step)
            mini_steps(out, v, n, step);
        else
            mini_constant(out, v[0]);
        return;
    }
    int64_t low, high;
    find_range(v, n, &low, &high);
    Frame plain = frame_plan(v, n, low, high, u);
    Frame delta = delta_plan(v, n, plain.width, d);
    size_t least = delta.bytes < plain.bytes ? delta.bytes : plain.bytes;
    uint32_t runs;
    if (runs_bytes(v, n, least, &runs) < least) {
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

void pythia_column_encode(PythiaBuf *out, const int64_t *values, uint32_t n) {
    if (n > PYTHIA_COLUMN_MOST && !out->rc) out->rc = SQLITE_TOOBIG;
    if (out->rc) return;
    /* Each is equal to the one behind it. */
    int constant = n > 0 && memcmp(values, values + 1, (size_t)(n - 1) * sizeof *values) == 0;
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
