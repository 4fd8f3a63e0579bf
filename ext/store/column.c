/* column.c - the integer column codec; see column.h.
**
** Layout of a column (integers little-endian, varints as in buf.h):
**
**   u32      number of values
**   u8       shift: values of a mini-block = 1 << shift. 10, or 31 when the whole column is one constant
**   u8[3]    0
**   u32[m]   start of each mini-block, from the start of the column; m = ceil(values / 1 << shift)
**   m mini-blocks, each of a byte that names the encoding, and
**     CONSTANT  zigzag value
**     PACKED    a frame
**     DELTA     zigzag first value; a frame of the differences of the others to their predecessors
**     RUNS      varint runs; for each a varint length and a zigzag difference to the value before
**
** A frame of k values, value = base + scale * u with u >= 0:
**   u8       width w of u in bits, 0 .. 64
**   zigzag   base, the smallest value
**   varint   scale, the greatest common divisor of all u where that saves bits, else 1
**   varint   number of exceptions
**   the low w bits of each u, packed from the least significant bit of each byte up
**   for each exception: varint distance of its place from the one before, varint u >> w
**
** Exceptions are the few values that would need more bits than the others: the width is the one that
** makes the whole smallest (Zukowski, Heman, Nes, Boncz: Super-Scalar RAM-CPU Cache Compression, 2006,
** with the patches stored as Lemire and Boytsov do, 2015). All arithmetic is modulo 2^64, so that every
** int64 round-trips and damaged bytes give wrong numbers at worst, which checksums tell. */
#include "ext/store/column.h"

#include "ext/base/bytes.h"

enum { ENCODING_CONSTANT = 0, ENCODING_PACKED, ENCODING_DELTA, ENCODING_RUNS };
enum { HEADER_BYTES = 8, CONSTANT_SHIFT = 31, MINI = PYTHIA_COLUMN_MINI };
enum { WIDTH_RAW = 60, SCALE_WORTH = 64, DELTA_WORTH = 16, SAMPLE_STEP = 8 };

/* ---- encoding ------------------------------------------------------------------------------------ */

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

static void pack(PythiaBuf *out, const uint64_t *u, uint32_t n, unsigned width) {
    size_t bytes = ((size_t)n * width + 7) / 8;
    if (!width) return;
    unsigned char *p = pythia_buf_room(out, bytes + 8); /* whole words are stored */
    if (!p) return;
    out->n -= 8;
    uint64_t mask = width == 64 ? ~(uint64_t)0 : ((uint64_t)1 << width) - 1;
    uint64_t word = 0;
    unsigned have = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t v = u[i] & mask;
        word |= v << have;
        have += width;
        if (have >= 64) {
            pythia_store64(p, word);
            p += 8;
            have -= 64;
            word = have ? v >> (width - have) : 0;
        }
    }
    pythia_store64(p, word);
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

void pythia_column_encode(PythiaBuf *out, const int64_t *values, uint32_t n) {
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

/* ---- decoding ------------------------------------------------------------------------------------ */

int pythia_column_open(PythiaColumn *column, const void *data, size_t bytes) {
    memset(column, 0, sizeof *column);
    if (bytes < HEADER_BYTES) return PYTHIA_CORRUPT;
    const unsigned char *p = data;
    uint32_t n = pythia_load32(p), shift = pythia_load32(p + 4);
    if (n > PYTHIA_COLUMN_MOST) return PYTHIA_CORRUPT;
    if (shift != PYTHIA_COLUMN_MINI_SHIFT && shift != CONSTANT_SHIFT) return PYTHIA_CORRUPT;
    uint32_t minis = (uint32_t)(((uint64_t)n + (((uint64_t)1 << shift) - 1)) >> shift);
    if ((bytes - HEADER_BYTES) / 4 < minis) return PYTHIA_CORRUPT;
    *column = (PythiaColumn){p, bytes, n, shift};
    return SQLITE_OK;
}

/* Unpacks values first .. first + n - 1 and adds the base. May read 8 bytes behind the packed ones. */
static void unpack(const unsigned char *p, unsigned width, uint32_t first, uint32_t n,
                   uint64_t base, uint64_t scale, int64_t *out) {
    if (width == 0) {
        for (uint32_t i = 0; i < n; i++)
            out[i] = (int64_t)base;
    } else if (width == 64) {
        p += (size_t)first * 8;
        for (uint32_t i = 0; i < n; i++)
            out[i] = (int64_t)(base + pythia_load64(p + (size_t)i * 8));
        return; /* such a frame has scale 1 */
    } else if (width == 8) {
        for (uint32_t i = 0; i < n; i++)
            out[i] = (int64_t)(base + scale * p[(size_t)first + i]);
    } else if (width <= 56) {
        uint64_t mask = ((uint64_t)1 << width) - 1;
        size_t bit = (size_t)first * width;
        for (uint32_t i = 0; i < n; i++, bit += width)
            out[i] =
                (int64_t)(base + scale * ((pythia_load64(p + (bit >> 3)) >> (bit & 7)) & mask));
    } else {
        uint64_t mask = ((uint64_t)1 << width) - 1;
        size_t bit = (size_t)first * width;
        for (uint32_t i = 0; i < n; i++, bit += width) {
            uint64_t v = pythia_load64(p + (bit >> 3)) >> (bit & 7);
            if (bit & 7) v |= (uint64_t)p[(bit >> 3) + 8] << (64 - (bit & 7));
            out[i] = (int64_t)(base + scale * (v & mask));
        }
    }
}

/* Values first .. first + n - 1 of a frame of k values. */
static int frame_decode(PythiaBytes *b, uint32_t k, uint32_t first, uint32_t n, int64_t *out) {
    unsigned width = pythia_bytes_byte(b);
    uint64_t base = (uint64_t)pythia_bytes_zigzag(b);
    uint64_t scale = pythia_bytes_varint(b);
    uint64_t exceptions = pythia_bytes_varint(b);
    if (width > 64 || (width == 64 && (exceptions || scale != 1)) || exceptions > k)
        return PYTHIA_CORRUPT;
    const unsigned char *packed = pythia_bytes_take(b, ((uint64_t)k * width + 7) / 8);
    if (!packed) return PYTHIA_CORRUPT;
    unpack(packed, width, first, n, base, scale, out);
    uint64_t place = 0;
    for (; exceptions; exceptions--) {
        place += pythia_bytes_varint(b);
        uint64_t high = pythia_bytes_varint(b);
        if (b->bad || place >= k) return PYTHIA_CORRUPT;
        if (place < first || place - first >= n) continue;
        out[place - first] = (int64_t)((uint64_t)out[place - first] + scale * (high << width));
    }
    return SQLITE_OK;
}

/* Whether all differences are one: value = start + step * place. The bytes behind the encoding are not taken. */
static int delta_is_steps(PythiaBytes b, uint64_t *start, uint64_t *step) {
    *start = (uint64_t)pythia_bytes_zigzag(&b);
    unsigned width = pythia_bytes_byte(&b);
    *step = (uint64_t)pythia_bytes_zigzag(&b);
    pythia_bytes_varint(&b); /* the scale of nothing */
    return !width && !pythia_bytes_varint(&b) && !b.bad;
}

static int delta_decode(PythiaBytes *b, uint32_t k, uint32_t first, uint32_t n, int64_t *out) {
    uint64_t start, step;
    if (delta_is_steps(*b, &start, &step)) {
        for (uint32_t i = 0; i < n; i++)
            out[i] = (int64_t)(start + step * (first + i));
        return SQLITE_OK;
    }
    int64_t all[MINI];
    int64_t *to = first == 0 && n == k ? out : all;
    uint64_t sum = (uint64_t)pythia_bytes_zigzag(b);
    /* The whole frame is decoded: the sum needs all that come before. */
    int rc = b->bad ? PYTHIA_CORRUPT : frame_decode(b, k - 1, 0, k - 1, to + 1);
    if (rc) return rc;
    to[0] = (int64_t)sum;
    for (uint32_t i = 1; i < k; i++) {
        sum += (uint64_t)to[i];
        to[i] = (int64_t)sum;
    }
    if (to != out) memcpy(out, all + first, n * sizeof *out);
    return SQLITE_OK;
}

static int runs_decode(PythiaBytes *b, uint32_t k, uint32_t first, uint32_t n, int64_t *out) {
    uint64_t runs = pythia_bytes_varint(b);
    uint64_t value = 0;
    uint32_t at = 0, end = first + n;
    for (; runs && at < end; runs--) {
        uint64_t length = pythia_bytes_varint(b);
        value += (uint64_t)pythia_bytes_zigzag(b);
        if (b->bad || !length || length > k - at) return PYTHIA_CORRUPT;
        uint32_t stop = at + (uint32_t)length;
        for (uint32_t i = at < first ? first : at; i < stop && i < end; i++)
            out[i - first] = (int64_t)value;
        at = stop;
    }
    return at < end ? PYTHIA_CORRUPT : SQLITE_OK;
}

/* The bytes from the start of a mini-block on. */
static int mini_open(const PythiaColumn *column, uint32_t mini, PythiaBytes *b) {
    size_t offset = pythia_load32(column->data + HEADER_BYTES + (size_t)mini * 4);
    if (offset < HEADER_BYTES || offset >= column->bytes) return PYTHIA_CORRUPT;
    *b = pythia_bytes(column->data + offset, column->bytes - offset);
    return SQLITE_OK;
}

static int mini_decode(const PythiaColumn *column, uint32_t mini, uint32_t first, uint32_t n,
                       int64_t *out) {
    PythiaBytes b;
    int rc = mini_open(column, mini, &b);
    if (rc) return rc;
    uint32_t begin = column->shift == CONSTANT_SHIFT ? 0 : mini << column->shift;
    uint32_t k = column->n - begin;
    unsigned encoding = pythia_bytes_byte(&b);
    if (encoding == ENCODING_CONSTANT) {
        int64_t value = pythia_bytes_zigzag(&b);
        for (uint32_t i = 0; i < n; i++)
            out[i] = value;
        return b.bad ? PYTHIA_CORRUPT : SQLITE_OK;
    }
    if (column->shift == CONSTANT_SHIFT) return PYTHIA_CORRUPT;
    if (k > MINI) k = MINI;
    switch (encoding) {
    case ENCODING_PACKED:
        return frame_decode(&b, k, first, n, out);
    case ENCODING_DELTA:
        return delta_decode(&b, k, first, n, out);
    case ENCODING_RUNS:
        return runs_decode(&b, k, first, n, out);
    default:
        return PYTHIA_CORRUPT;
    }
}

int pythia_column_decode(const PythiaColumn *column, uint32_t first, uint32_t n, int64_t *values) {
    if (first > column->n || n > column->n - first) return PYTHIA_CORRUPT;
    while (n) {
        uint32_t mini = (uint32_t)((uint64_t)first >> column->shift);
        uint64_t end = ((uint64_t)mini + 1) << column->shift;
        uint32_t take = end - first < n ? (uint32_t)(end - first) : n;
        uint32_t begin = column->shift == CONSTANT_SHIFT ? 0 : mini << column->shift;
        int rc = mini_decode(column, mini, first - begin, take, values);
        if (rc) return rc;
        first += take;
        values += take;
        n -= take;
    }
    return SQLITE_OK;
}

/* The place of a value among n, or n. First all are compared without a branch, as vectors can be. */
static uint32_t place_of(const int64_t *values, uint32_t n, int64_t value) {
    unsigned any = 0;
    for (uint32_t i = 0; i < n; i++)
        any |= values[i] == value;
    for (uint32_t i = 0; any && i < n; i++)
        if (values[i] == value) return i;
    return n;
}

int pythia_column_find(const PythiaColumn *column, int64_t value, uint32_t first, uint32_t *index) {
    int64_t values[MINI];
    for (*index = first; *index < column->n;) {
        uint32_t n = MINI - (*index & (MINI - 1));
        if (n > column->n - *index) n = column->n - *index;
        int rc = pythia_column_decode(column, *index, n, values);
        if (rc) return rc;
        uint32_t at = place_of(values, n, value);
        *index += at;
        if (at < n) return SQLITE_OK;
    }
    *index = column->n;
    return SQLITE_OK;
}

/* The first value of a mini-block, without decoding the others where the encoding has it in front. */
static int mini_first(const PythiaColumn *column, uint32_t mini, int64_t *value) {
    PythiaBytes b;
    int rc = mini_open(column, mini, &b);
    if (rc) return rc;
    unsigned encoding = pythia_bytes_byte(&b);
    if (encoding != ENCODING_CONSTANT && encoding != ENCODING_DELTA)
        return mini_decode(column, mini, 0, 1, value);
    *value = pythia_bytes_zigzag(&b);
    return b.bad ? PYTHIA_CORRUPT : SQLITE_OK;
}

static int mini_is_steps(const PythiaColumn *column, uint32_t mini, uint64_t *start,
                         uint64_t *step) {
    PythiaBytes b;
    return !mini_open(column, mini, &b) && pythia_bytes_byte(&b) == ENCODING_DELTA &&
           delta_is_steps(b, start, step);
}

int pythia_column_lower_bound(const PythiaColumn *column, int64_t value, uint32_t *index) {
    *index = 0;
    if (!column->n) return SQLITE_OK;
    int64_t all[MINI], first;
    int rc;
    if (column->shift == CONSTANT_SHIFT) {
        rc = mini_first(column, 0, &first);
        if (!rc && first < value) *index = column->n;
        return rc;
    }
    uint32_t low = 0,
             high = (column->n + MINI - 1) / MINI; /* the last mini-block that begins below */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        rc = mini_first(column, middle, &first);
        if (rc) return rc;
        if (first < value)
            low = middle;
        else
            high = middle;
    }
    uint32_t begin = low * MINI, k = column->n - begin < MINI ? column->n - begin : MINI;
    uint64_t start, step;
    if (mini_is_steps(column, low, &start, &step) && step && step <= INT32_MAX) {
        /* The smallest place whose value is not below. */
        uint64_t away = (uint64_t)value - start;
        uint64_t place = value <= (int64_t)start ? 0 : (away + step - 1) / step;
        *index = begin + (place < k ? (uint32_t)place : k);
        return SQLITE_OK;
    }
    rc = pythia_column_decode(column, begin, k, all);
    if (rc) return rc;
    uint32_t a = 0, b = k;
    while (a < b) {
        uint32_t middle = a + (b - a) / 2;
        if (all[middle] < value)
            a = middle + 1;
        else
            b = middle;
    }
    *index = begin + a;
    return SQLITE_OK;
}
