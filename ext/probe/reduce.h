/* reduce.h - the programs that run at a trace point: a rule's predicate, and what its aggregate adds up.
**
** A program is a row of steps in postfix order. A step pushes a value, or takes one or two from the stack and
** pushes one; a program is valid when every step is known, never finds too few values or too many, and one value
** is left. There are no jumps, so that it ends after PYTHIA_PAGE_STEPS steps at most. ext/reduce makes programs
** from texts; what is read from a page may be anything, so each step is checked as it is run.
**
** Values are those of SQL: NULL, integers, floating point numbers, texts; a bool is 0 or 1, and NaN is NULL. What
** steps do with them is what SQLite does with columns without affinity:
**   - a comparison, and arithmetic, with NULL is NULL. Numbers go before texts, whatever they are; an integer and a
**     floating point number are compared exactly; texts byte by byte.
**   - AND, OR, NOT are three-valued; a number is true when it is not 0. A hit passes a predicate that is true: NULL
**     does not pass.
**   - integers are added, subtracted and multiplied as floating point numbers where they overflow; they are divided
**     as integers; division by zero is NULL.
** One thing differs: no number is read from a text. Arithmetic with a text is NULL, and so is a text as a condition.
** GLOB is SQLite's, of texts; a pattern of more than PYTHIA_GLOB_BYTES is NULL. */
#ifndef PYTHIA_PROBE_REDUCE_H
#define PYTHIA_PROBE_REDUCE_H

#include "ext/probe/page.h"
#include "ext/pythia_probe.h"

enum {
    PYTHIA_STEP_NULL = 1,
    PYTHIA_STEP_INT = 2,  /* bits */
    PYTHIA_STEP_REAL = 3, /* bits */
    PYTHIA_STEP_TEXT = 4, /* text */
    PYTHIA_STEP_KEY = 5,  /* the value of the key `text` at the trace point; NULL: it has none */
    PYTHIA_STEP_DURATION = 6, /* of a span, ns; of a point NULL */
    PYTHIA_STEP_NOT = 16,
    PYTHIA_STEP_NEGATE = 17,
    PYTHIA_STEP_IS_NULL = 18,
    PYTHIA_STEP_NOT_NULL = 19,
    PYTHIA_STEP_AND = 32,
    PYTHIA_STEP_OR = 33,
    PYTHIA_STEP_EQ = 34,
    PYTHIA_STEP_NE = 35,
    PYTHIA_STEP_LT = 36,
    PYTHIA_STEP_LE = 37,
    PYTHIA_STEP_GT = 38,
    PYTHIA_STEP_GE = 39,
    PYTHIA_STEP_IS = 40, /* equal, or both NULL */
    PYTHIA_STEP_IS_NOT = 41,
    PYTHIA_STEP_ADD = 42,
    PYTHIA_STEP_SUBTRACT = 43,
    PYTHIA_STEP_MULTIPLY = 44,
    PYTHIA_STEP_DIVIDE = 45,
    PYTHIA_STEP_REMAINDER = 46,
    PYTHIA_STEP_GLOB = 47 /* the text below, the pattern above */
};

enum {
    PYTHIA_REDUCE_STACK = (PYTHIA_PAGE_STEPS + 1) / 2, /* what a program can need */
    PYTHIA_GLOB_BYTES = 64
};

/* type: PYTHIA_PROBE_INT, REAL, TEXT, or 0: NULL. n: length of a text, which is borrowed. */
typedef struct PythiaReduceValue {
    uint32_t type, n;
    union {
        int64_t i;
        double r;
        const char *text;
    } of;
} PythiaReduceValue;

/* What a program sees of a hit. */
typedef struct PythiaReduceInput {
    const PythiaProbeSite *site; /* for the keys */
    const PythiaProbeValue *values;
    int64_t duration_ns; /* -1: of a point */
} PythiaReduceInput;

/* Runs n steps: 1 and the value, or 0 when they are no valid program. */
int pythia_reduce_run(const PythiaPage *page, const PythiaPageStep *steps, uint32_t n,
                      const PythiaReduceInput *input, PythiaReduceValue *value);

/* What a setting does with a hit. */
enum { PYTHIA_REDUCE_DROP, PYTHIA_REDUCE_RECORD, PYTHIA_REDUCE_ADD };
typedef struct PythiaReduced {
    uint32_t setting, aggregate;
    uint64_t version, rule_id, window_ns;
    int has_value; /* 0: hits are counted */
    PythiaReduceValue value, key;
} PythiaReduced;

/* Runs the predicate of setting `number`, and for an aggregate the rest; *reduced is set for PYTHIA_REDUCE_ADD. A setting that is being
** written, or whose steps are no valid programs, drops. */
int pythia_reduce(const PythiaPage *page, uint32_t number, const PythiaReduceInput *input,
                  PythiaReduced *reduced);

/* The bucket of a number in a cell. */
static inline unsigned pythia_cell_bucket(double x) {
    union {
        double real;
        uint64_t bits;
    } number = {x};
    if (!(x > 0)) return x < 0 ? 0 : 1;
    int i = (int)(number.bits >> 52 & 0x7ff) - 1023 + 18;
    return i < 2 ? 2 : i >= PYTHIA_CELL_BUCKETS ? PYTHIA_CELL_BUCKETS - 1 : (unsigned)i;
}

#endif
