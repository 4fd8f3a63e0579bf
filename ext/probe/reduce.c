/* reduce.c - runs the program of a setting on a hit; see reduce.h.
**
** Async-signal-safe: no allocation, no system call, nothing of the C library but memcmp and strnlen. Every access
** to the page is bounded; a program that changes while it runs gives some value and no more, and is noticed by the
** setting's version. */
#include "ext/probe/reduce.h"

#include <string.h>

typedef PythiaReduceValue Value;

enum { NONE = 0, INTEGER = PYTHIA_PROBE_INT, REAL = PYTHIA_PROBE_REAL, TEXT = PYTHIA_PROBE_TEXT };

static void set_null(Value *v) {
    v->type = NONE;
    v->of.i = 0;
}

static void set_int(Value *v, int64_t i) {
    v->type = INTEGER;
    v->of.i = i;
}

static void set_real(Value *v, double r) {
    v->type = r != r ? NONE : REAL;
    v->of.r = r;
}

/* ------------------------------------------------------------------ values */

static inline void push_key(const PythiaReduceInput *in, uint32_t key, Value *v) {
    const PythiaProbeSite *site = in->site;
    uint32_t i = 0, n = key ? site->n : 0;
    while (i < n && PYTHIA_GET(&site->refs[i]) != key)
        i++;
    if (i >= n) {
        set_null(v);
        return;
    }
    const PythiaProbeValue *from = &in->values[i];
    if (from->type == PYTHIA_PROBE_REAL) {
        set_real(v, from->of.r);
    } else if (from->type == PYTHIA_PROBE_TEXT) {
        v->type = TEXT;
        v->of.text = from->of.text ? from->of.text : "";
        v->n = (uint32_t)strnlen(v->of.text, PYTHIA_PROBE_TEXT_BYTES);
    } else {
        set_int(v, from->of.i);
    }
}

/* The steps that push and are not done in place. */
static void push(const PythiaPage *page, const PythiaPageStep *step, uint32_t code,
                 const PythiaReduceInput *in, Value *v) {
    uint64_t bits = PYTHIA_ACQUIRE(&step->bits);
    uint32_t text = PYTHIA_ACQUIRE(&step->text);
    int n;
    double real;
    switch (code) {
    case PYTHIA_STEP_REAL:
        memcpy(&real, &bits, sizeof real);
        set_real(v, real);
        break;
    case PYTHIA_STEP_TEXT:
        n = pythia_page_text(page, text, &v->of.text);
        if (n < 0) {
            set_null(v);
            break;
        }
        v->type = TEXT;
        v->n = n < PYTHIA_PROBE_TEXT_BYTES ? (uint32_t)n : PYTHIA_PROBE_TEXT_BYTES;
        break;
    case PYTHIA_STEP_DURATION:
        set_null(v);
        if (in->duration_ns >= 0) set_int(v, in->duration_ns);
        break;
    default:
        set_null(v);
    }
}

/* 1 true, 0 false, -1 neither. */
static inline int truth(const Value *v) {
    if (v->type == INTEGER) return v->of.i != 0;
    if (v->type == REAL) return v->of.r != 0;
    return -1;
}

static inline void set_truth(Value *v, int truth) {
    if (truth < 0)
        set_null(v);
    else
        set_int(v, truth);
}

/* ------------------------------------------------------------------ comparing */

/* As SQLite's own comparison of an integer with a floating point number: exact. */
static int compare_int_real(int64_t i, double r) {
    if (r < -9223372036854775808.0) return 1;
    if (r >= 9223372036854775808.0) return -1;
    int64_t whole = (int64_t)r;
    if (i != whole) return i < whole ? -1 : 1;
    double back = (double)i;
    return back < r ? -1 : back > r;
}

static int compare_texts(const Value *a, const Value *b) {
    uint32_t n = a->n < b->n ? a->n : b->n;
    int order = n ? memcmp(a->of.text, b->of.text, n) : 0;
    if (order) return order;
    return a->n < b->n ? -1 : a->n > b->n;
}

/* Neither is NULL. */
static int compare(const Value *a, const Value *b) {
    if (a->type == TEXT || b->type == TEXT) {
        if (a->type != b->type) return a->type == TEXT ? 1 : -1;
        return compare_texts(a, b);
    }
    if (a->type == INTEGER && b->type == INTEGER) return a->of.i < b->of.i ? -1 : a->of.i > b->of.i;
    if (a->type == INTEGER) return compare_int_real(a->of.i, b->of.r);
    if (b->type == INTEGER) return -compare_int_real(b->of.i, a->of.r);
    return a->of.r < b->of.r ? -1 : a->of.r > b->of.r;
}

/* Whether a comparison holds for an order of -1, 0 or 1: bit 0, 1 or 2. */
static int compare_holds(uint32_t code, int order) {
    static const unsigned char holds[] = {2, 5, 1, 3, 4, 6}; /* EQ, NE, LT, LE, GT, GE */
    return holds[code - PYTHIA_STEP_EQ] >> (order + 1) & 1;
}

static int is_exact(int64_t i) {
    return i >= -((int64_t)1 << 53) && i <= (int64_t)1 << 53;
}

/* A number as a double that is it exactly; 0: it is none, or no double is. */
static inline int exact(const Value *v, double *x) {
    *x = v->type == INTEGER ? (double)v->of.i : v->of.r;
    return v->type == REAL || (v->type == INTEGER && is_exact(v->of.i));
}

static inline void do_compare(uint32_t code, Value *a, const Value *b) {
    double x, y;
    int order;
    if (a->type == INTEGER && b->type == INTEGER) {
        order = (a->of.i > b->of.i) - (a->of.i < b->of.i);
    } else if (exact(a, &x) && exact(b, &y)) {
        order = (x > y) - (x < y);
    } else if (!a->type || !b->type) {
        set_null(a);
        return;
    } else {
        order = compare(a, b);
        order = (order > 0) - (order < 0);
    }
    set_int(a, compare_holds(code, order));
}

/* ------------------------------------------------------------------ GLOB */

/* The character at p and its length; bytes that are no UTF-8 are characters of their own. */
static uint32_t character(const char *p, size_t n, size_t *length) {
    unsigned char c = (unsigned char)*p;
    size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
    uint32_t value = c < 0xc0 ? c : c & (0xffu >> (need + 1));
    *length = 1;
    if (need > n) return c;
    for (size_t i = 1; i < need; i++) {
        if (((unsigned char)p[i] & 0xc0) != 0x80) return c;
        value = value << 6 | ((unsigned char)p[i] & 0x3f);
    }
    *length = need;
    return value;
}

/* A [set] behind its '[' against a character: the place behind it, or 0. */
static size_t glob_set(const char *p, size_t n, size_t i, uint32_t c) {
    size_t length;
    uint32_t before = 0;
    int seen = 0, invert = 0;
    if (i < n && p[i] == '^') {
        invert = 1;
        i++;
    }
    if (i < n && p[i] == ']') {
        seen = c == ']';
        i++;
    }
    while (i < n && p[i] != ']') {
        uint32_t have = character(p + i, n - i, &length);
        i += length;
        if (have == '-' && i < n && p[i] != ']' && before) {
            have = character(p + i, n - i, &length);
            i += length;
            seen |= c >= before && c <= have;
            before = 0;
        } else {
            seen |= c == have;
            before = have;
        }
    }
    return i < n && seen != invert ? i + 1 : 0;
}

/* One element of a pattern, not '*', against a character: the place behind it, or 0. */
static size_t glob_one(const char *p, size_t n, size_t i, uint32_t c) {
    size_t length;
    if (p[i] == '?') return i + 1;
    if (p[i] == '[') return glob_set(p, n, i + 1, c);
    return character(p + i, n - i, &length) == c ? i + length : 0;
}

/* Goes back to the last '*' alone, which is enough, and takes at most n times m steps. */
static int glob(const char *p, size_t n, const char *text, size_t m) {
    size_t i = 0, j = 0, star = n, mark = 0, length, next;
    while (j < m) {
        if (i < n && p[i] == '*') {
            star = i++;
            mark = j;
            continue;
        }
        uint32_t c = character(text + j, m - j, &length);
        next = i < n ? glob_one(p, n, i, c) : 0;
        if (next) {
            i = next;
            j += length;
            continue;
        }
        if (star == n) return 0;
        i = star + 1;
        character(text + mark, m - mark, &length);
        j = mark += length;
    }
    while (i < n && p[i] == '*')
        i++;
    return i == n;
}

static void do_glob(Value *a, const Value *b) {
    if (a->type != TEXT || b->type != TEXT || b->n > PYTHIA_GLOB_BYTES)
        set_null(a);
    else
        set_int(a, glob(b->of.text, b->n, a->of.text, a->n));
}

/* ------------------------------------------------------------------ arithmetic */

static double as_real(const Value *v) {
    return v->type == INTEGER ? (double)v->of.i : v->of.r;
}

/* As SQLite converts: what does not fit is the end of the range. */
static int64_t as_int(const Value *v) {
    if (v->type == INTEGER) return v->of.i;
    if (v->of.r <= -9223372036854775808.0) return INT64_MIN;
    if (v->of.r >= 9223372036854775808.0) return INT64_MAX;
    return (int64_t)v->of.r;
}

/* 0: it has to be done with floating point numbers. */
static int integers(uint32_t code, Value *a, int64_t y) {
    int64_t x = a->of.i, result = 0;
    switch (code) {
    case PYTHIA_STEP_ADD:
        if (__builtin_add_overflow(x, y, &result)) return 0;
        break;
    case PYTHIA_STEP_SUBTRACT:
        if (__builtin_sub_overflow(x, y, &result)) return 0;
        break;
    case PYTHIA_STEP_MULTIPLY:
        if (__builtin_mul_overflow(x, y, &result)) return 0;
        break;
    default:
        if (y == -1 && x == INT64_MIN) return 0;
        if (y) result = x / y;
        break;
    }
    set_int(a, result);
    if (code == PYTHIA_STEP_DIVIDE && !y) set_null(a);
    return 1;
}

static void remainder_of(Value *a, const Value *b) {
    int64_t x = as_int(a), y = as_int(b);
    int whole = a->type == INTEGER && b->type == INTEGER;
    if (!y) {
        set_null(a);
        return;
    }
    int64_t result = y == -1 ? 0 : x % y;
    if (whole)
        set_int(a, result);
    else
        set_real(a, (double)result);
}

static void arithmetic(uint32_t code, Value *a, const Value *b) {
    if (!a->type || !b->type || a->type == TEXT || b->type == TEXT) {
        set_null(a);
        return;
    }
    if (code == PYTHIA_STEP_REMAINDER) {
        remainder_of(a, b);
        return;
    }
    if (a->type == INTEGER && b->type == INTEGER && integers(code, a, b->of.i)) return;
    double x = as_real(a), y = as_real(b);
    switch (code) {
    case PYTHIA_STEP_ADD:
        set_real(a, x + y);
        break;
    case PYTHIA_STEP_SUBTRACT:
        set_real(a, x - y);
        break;
    case PYTHIA_STEP_MULTIPLY:
        set_real(a, x * y);
        break;
    default:
        if (y == 0)
            set_null(a);
        else
            set_real(a, x / y);
    }
}

/* ------------------------------------------------------------------ steps */

static void unary(uint32_t code, Value *a) {
    int is;
    switch (code) {
    case PYTHIA_STEP_NOT:
        is = truth(a);
        set_truth(a, is < 0 ? -1 : !is);
        break;
    case PYTHIA_STEP_NEGATE:
        if (a->type == INTEGER && a->of.i != INT64_MIN)
            a->of.i = -a->of.i;
        else if (a->type == INTEGER)
            set_real(a, 9223372036854775808.0);
        else if (a->type == REAL)
            a->of.r = -a->of.r;
        else
            set_null(a);
        break;
    default:
        set_int(a, (a->type == NONE) == (code == PYTHIA_STEP_IS_NULL));
    }
}

static inline void logic(uint32_t code, Value *a, const Value *b) {
    int x = truth(a), y = truth(b);
    if (code == PYTHIA_STEP_AND)
        set_truth(a, x == 0 || y == 0 ? 0 : x < 0 || y < 0 ? -1 : 1);
    else
        set_truth(a, x > 0 || y > 0 ? 1 : x < 0 || y < 0 ? -1 : 0);
}

/* The steps of two values that are not done in place. */
static void binary(uint32_t code, Value *a, const Value *b) {
    if (code <= PYTHIA_STEP_IS_NOT) {
        int same = !a->type || !b->type ? a->type == b->type : compare(a, b) == 0;
        set_int(a, same == (code == PYTHIA_STEP_IS));
    } else if (code == PYTHIA_STEP_GLOB) {
        do_glob(a, b);
    } else {
        arithmetic(code, a, b);
    }
}

/* How many values a step takes, plus 1; 0: there is no such step. */
static const unsigned char takes_of[] = {
    [PYTHIA_STEP_NULL] = 1,      [PYTHIA_STEP_INT] = 1,      [PYTHIA_STEP_REAL] = 1,
    [PYTHIA_STEP_TEXT] = 1,      [PYTHIA_STEP_KEY] = 1,      [PYTHIA_STEP_DURATION] = 1,
    [PYTHIA_STEP_NOT] = 2,       [PYTHIA_STEP_NEGATE] = 2,   [PYTHIA_STEP_IS_NULL] = 2,
    [PYTHIA_STEP_NOT_NULL] = 2,  [PYTHIA_STEP_AND] = 3,      [PYTHIA_STEP_OR] = 3,
    [PYTHIA_STEP_EQ] = 3,        [PYTHIA_STEP_NE] = 3,       [PYTHIA_STEP_LT] = 3,
    [PYTHIA_STEP_LE] = 3,        [PYTHIA_STEP_GT] = 3,       [PYTHIA_STEP_GE] = 3,
    [PYTHIA_STEP_IS] = 3,        [PYTHIA_STEP_IS_NOT] = 3,   [PYTHIA_STEP_ADD] = 3,
    [PYTHIA_STEP_SUBTRACT] = 3,  [PYTHIA_STEP_MULTIPLY] = 3, [PYTHIA_STEP_DIVIDE] = 3,
    [PYTHIA_STEP_REMAINDER] = 3, [PYTHIA_STEP_GLOB] = 3,
};

/* Does a step that is seldom: the new top of the stack, or NULL where it cannot be done. */
static Value *seldom(const PythiaPage *page, const PythiaPageStep *step, uint32_t code,
                     const PythiaReduceInput *input, Value *stack, Value *top) {
    int takes = code < sizeof takes_of ? takes_of[code] - 1 : -1;
    Value *after = top + 1 - takes; /* the lowest value that it takes, and what it leaves */
    if (takes < 0 || top - stack < takes || after - stack > PYTHIA_REDUCE_STACK) return NULL;
    if (takes == 2)
        binary(code, after, top);
    else if (takes == 1)
        unary(code, after);
    else
        push(page, step, code, input, after);
    return after;
}

int pythia_reduce_run(const PythiaPage *page, const PythiaPageStep *steps, uint32_t n,
                      const PythiaReduceInput *input, PythiaReduceValue *value) {
    Value stack[PYTHIA_REDUCE_STACK + 1]; /* the first place lies below all values */
    Value *top = stack, *const last = stack + PYTHIA_REDUCE_STACK;
    for (const PythiaPageStep *step = steps, *end = steps + n; step < end; step++) {
        uint32_t code = PYTHIA_ACQUIRE(&step->code);
        if (code == PYTHIA_STEP_KEY) {
            if (top == last) return 0;
            push_key(input, PYTHIA_ACQUIRE(&step->text), ++top);
        } else if (code == PYTHIA_STEP_INT) {
            if (top == last) return 0;
            set_int(++top, (int64_t)PYTHIA_ACQUIRE(&step->bits));
        } else if (code - PYTHIA_STEP_AND <= PYTHIA_STEP_GE - PYTHIA_STEP_AND) {
            if (top - stack < 2) return 0;
            top--;
            if (code <= PYTHIA_STEP_OR)
                logic(code, top, top + 1);
            else
                do_compare(code, top, top + 1);
        } else {
            top = seldom(page, step, code, input, stack, top);
            if (!top) return 0;
        }
    }
    if (top != stack + 1) return 0;
    *value = *top;
    return 1;
}

/* ------------------------------------------------------------------ settings */

int pythia_reduce(const PythiaPage *page, uint32_t number, const PythiaReduceInput *input,
                  PythiaReduced *reduced) {
    const PythiaPageSetting *setting = pythia_page_setting(page, number);
    uint64_t version = PYTHIA_ACQUIRE(&setting->version);
    uint32_t npredicate = PYTHIA_ACQUIRE(&setting->nsteps);
    uint32_t aggregate = PYTHIA_ACQUIRE(&setting->aggregate);
    Value passes;
    if (version & 1 || npredicate > PYTHIA_PAGE_STEPS) return PYTHIA_REDUCE_DROP;
    if (npredicate && (!pythia_reduce_run(page, setting->steps, npredicate, input, &passes) ||
                       truth(&passes) <= 0))
        return PYTHIA_REDUCE_DROP;
    if (aggregate) {
        uint32_t nvalue = PYTHIA_ACQUIRE(&setting->nvalue);
        uint32_t ngroup = PYTHIA_ACQUIRE(&setting->ngroup);
        const PythiaPageStep *steps = setting->steps + npredicate;
        if (aggregate > PYTHIA_AGGREGATE_HISTOGRAM || nvalue > PYTHIA_PAGE_STEPS - npredicate ||
            ngroup > PYTHIA_PAGE_STEPS - npredicate - nvalue)
            return PYTHIA_REDUCE_DROP;
        reduced->setting = number;
        reduced->aggregate = aggregate;
        reduced->version = version;
        reduced->rule_id = PYTHIA_ACQUIRE(&setting->rule_id);
        reduced->window_ns = PYTHIA_ACQUIRE(&setting->window_ns);
        reduced->has_value = nvalue != 0;
        set_null(&reduced->value);
        set_null(&reduced->key);
        if (nvalue && !pythia_reduce_run(page, steps, nvalue, input, &reduced->value))
            return PYTHIA_REDUCE_DROP;
        if (ngroup && !pythia_reduce_run(page, steps + nvalue, ngroup, input, &reduced->key))
            return PYTHIA_REDUCE_DROP;
    }
    /* All reads above are ordered before this one. */
    if (PYTHIA_GET(&setting->version) != version) return PYTHIA_REDUCE_DROP;
    return aggregate ? PYTHIA_REDUCE_ADD : PYTHIA_REDUCE_RECORD;
}
