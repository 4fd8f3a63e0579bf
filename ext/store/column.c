/* column.c - reading columns of integers (column_layout.h). */
#include "ext/store/column_layout.h"

#include "ext/base/bytes.h"

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
        if (place < first) continue;
        if (place - first >= n) break;
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
