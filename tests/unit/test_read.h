/* test_read.h - what the tests of ext/read share: a sink that writes down what it gets.
**
** One line for each thing:
**   S <trace> <span> <parent> <service>@<instance> <operation> k<kind> s<status> f<flags> <start>+<length>
**   a <key>=<value>        attributes of the span
**   r <key>=<value>        attributes of its resource, where the serial is new
**   p <time> <name>        a point, its attributes as "pa"
**   l<kind> <trace> <span> a link, its attributes as "la"
**   ! <kind> @<position> <trace> <span> <detail>
** Values: 1i (int), 1.5d (double), true, "text", j:<json>, b:<base64>. */
#ifndef PYTHIA_TEST_READ_H
#define PYTHIA_TEST_READ_H

#include "ext/base/buf.h"
#include "ext/read/batch.h"
#include "ext/read/read.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Seen {
    PythiaBuf text;
    PythiaReadStats stats;
    uint64_t serial;
    int rc;
    char *error;
} Seen;

static inline void seen_ref(PythiaBuf *out, PythiaRef ref) {
    char digits[PYTHIA_ID_CHARS];
    size_t n = pythia_id_write(ref.id, digits);
    if (n)
        pythia_buf_bytes(out, digits, n);
    else if (ref.id.form == PYTHIA_ID_TEXT)
        pythia_buf_text(out, ref.text);
    else
        pythia_buf_str(out, "-");
}

static inline void seen_attributes(PythiaBuf *out, const char *what, const PythiaAttribute *a,
                                   size_t n) {
    for (size_t i = 0; i < n; i++) {
        pythia_buf_format(out, "%s ", what);
        pythia_buf_text(out, a[i].key);
        pythia_buf_byte(out, '=');
        if (a[i].type == PYTHIA_VALUE_INT)
            pythia_buf_format(out, "%lldi", (long long)a[i].integer);
        else if (a[i].type == PYTHIA_VALUE_DOUBLE) {
            char digits[40];
            snprintf(digits, sizeof digits, "%.17g", a[i].real);
            pythia_buf_format(out, "%sd", a[i].real < 0 && digits[1] == 'n' ? "nan" : digits);
        } else if (a[i].type == PYTHIA_VALUE_BOOL)
            pythia_buf_str(out, a[i].integer ? "true" : "false");
        else if (a[i].type == PYTHIA_VALUE_TEXT)
            pythia_buf_json_text(out, a[i].text);
        else {
            pythia_buf_str(out, a[i].type == PYTHIA_VALUE_JSON ? "j:" : "b:");
            pythia_buf_text(out, a[i].text);
        }
        pythia_buf_byte(out, '\n');
    }
}

static inline int seen_span(void *context, const PythiaRecord *r) {
    Seen *seen = context;
    PythiaBuf *out = &seen->text;
    pythia_buf_str(out, "S ");
    seen_ref(out, r->trace);
    pythia_buf_byte(out, ' ');
    seen_ref(out, r->span);
    pythia_buf_byte(out, ' ');
    seen_ref(out, r->parent);
    pythia_buf_byte(out, ' ');
    pythia_buf_text(out, r->resource->service);
    pythia_buf_byte(out, '@');
    pythia_buf_text(out, r->resource->instance);
    pythia_buf_byte(out, ' ');
    pythia_buf_text(out, r->operation);
    pythia_buf_format(out, " k%d s%d f%d %lld+%lld\n", r->kind, r->status, r->flags,
                      (long long)r->start_ns, (long long)(r->end_ns - r->start_ns));
    if (r->resource->serial > seen->serial) {
        seen->serial = r->resource->serial;
        seen_attributes(out, "r", r->resource->attributes, r->resource->n);
    }
    seen_attributes(out, "a", r->attributes, r->nattributes);
    for (size_t i = 0; i < r->npoints; i++) {
        pythia_buf_format(out, "p %lld ", (long long)r->points[i].time_ns);
        pythia_buf_text(out, r->points[i].name);
        pythia_buf_byte(out, '\n');
        seen_attributes(out, "pa", r->points[i].attributes, r->points[i].n);
    }
    for (size_t i = 0; i < r->nlinks; i++) {
        pythia_buf_format(out, "l%d ", r->links[i].kind);
        seen_ref(out, r->links[i].trace);
        pythia_buf_byte(out, ' ');
        seen_ref(out, r->links[i].span);
        pythia_buf_byte(out, '\n');
        seen_attributes(out, "la", r->links[i].attributes, r->links[i].n);
    }
    return out->rc;
}

static inline int seen_problem(void *context, const PythiaProblem *p) {
    PythiaBuf *out = &((Seen *)context)->text;
    pythia_buf_format(out, "! %s @%lld ", p->kind, (long long)p->position);
    seen_ref(out, p->trace);
    pythia_buf_byte(out, ' ');
    seen_ref(out, p->span);
    pythia_buf_format(out, " %s\n", p->detail);
    return out->rc;
}

static inline Seen seen_read(const char *bytes, size_t n, const char *format, size_t chunk_bytes) {
    Seen seen;
    memset(&seen, 0, sizeof seen);
    PythiaSink sink = {&seen, seen_span, seen_problem, NULL, NULL};
    PythiaReadOptions options = {.format = format, .chunk_bytes = chunk_bytes};
    seen.rc = pythia_read_text((PythiaText){bytes, n}, &options, &sink, &seen.stats, &seen.error);
    pythia_buf_byte(&seen.text, 0);
    return seen;
}

static inline void seen_clear(Seen *seen) {
    pythia_buf_clear(&seen->text);
    sqlite3_free(seen->error);
}

static inline const char *seen_lines(const Seen *seen) {
    return (const char *)seen->text.data;
}

/* A sink that can take back, and counts what it kept. */
typedef struct Held {
    PythiaBatch batch;
    int kept, undone;
} Held;

static inline int held_span(void *context, const PythiaRecord *record) {
    return pythia_batch_span(&((Held *)context)->batch, record);
}

static inline int held_problem(void *context, const PythiaProblem *problem) {
    return pythia_batch_problem(&((Held *)context)->batch, problem);
}

static inline void held_hold(void *context, int what) {
    Held *held = context;
    pythia_batch_hold(&held->batch, what);
    held->kept += what == PYTHIA_KEEP;
    held->undone += what == PYTHIA_UNDO;
}

/* The same by way of a batch and with atoms, as an import reads. *kept: documents that were read the quick way. */
static inline Seen seen_held(const char *bytes, size_t n, const char *format, int *kept) {
    Seen seen;
    Held held;
    PythiaAtoms atoms = {0};
    memset(&seen, 0, sizeof seen);
    memset(&held, 0, sizeof held);
    PythiaSink sink = {&held, held_span, held_problem, NULL, held_hold};
    PythiaSink to = {&seen, seen_span, seen_problem, NULL, NULL};
    PythiaReadOptions options = {.format = format, .atoms = &atoms};
    seen.rc = pythia_read_text((PythiaText){bytes, n}, &options, &sink, &seen.stats, &seen.error);
    pythia_batch_deliver(&held.batch, &to);
    pythia_buf_byte(&seen.text, 0);
    pythia_batch_clear(&held.batch);
    pythia_atoms_clear(&atoms);
    *kept = held.kept;
    return seen;
}

/* Whether both ways of reading find the same; prints what they found when not. */
static inline int seen_alike(const char *bytes, size_t n, const char *format, int *kept) {
    Seen plain = seen_read(bytes, n, format, 0), held = seen_held(bytes, n, format, kept);
    int alike = plain.rc == held.rc && plain.text.n == held.text.n &&
                memcmp(plain.text.data, held.text.data, plain.text.n) == 0 &&
                plain.stats.spans == held.stats.spans && plain.stats.points == held.stats.points &&
                plain.stats.rejected == held.stats.rejected &&
                plain.stats.documents == held.stats.documents;
    if (!alike)
        printf("\nread: %.*s\nparsed:\n%s\nscanned:\n%s", (int)n, bytes, seen_lines(&plain),
               seen_lines(&held));
    seen_clear(&plain);
    seen_clear(&held);
    return alike;
}

/* Reads; what comes out must not depend on the size of the steps in which the text is read. */
static inline Seen seen_text(const char *bytes, size_t n) {
    static const size_t chunks[] = {1, 7, 64};
    Seen seen = seen_read(bytes, n, NULL, 0);
    CU_ASSERT_EQUAL(seen.rc, SQLITE_OK);
    for (size_t i = 0; i < 3; i++) {
        Seen again = seen_read(bytes, n, NULL, chunks[i]);
        CU_ASSERT_EQUAL(again.rc, SQLITE_OK);
        CU_ASSERT_EQUAL(again.text.n, seen.text.n);
        CU_ASSERT_STRING_EQUAL(again.text.data, seen.text.data);
        seen_clear(&again);
    }
    int kept;
    CU_ASSERT(seen_alike(bytes, n, NULL, &kept));
    if (seen.stats.format) CU_ASSERT(seen_alike(bytes, n, seen.stats.format, &kept));
    return seen;
}

static inline Seen seen_str(const char *text) {
    return seen_text(text, strlen(text));
}

/* Lines, each ended by a newline but the last. */
static inline Seen seen_joined(const char *const *lines, size_t n) {
    PythiaBuf text = {0};
    for (size_t i = 0; i < n; i++) {
        if (i) pythia_buf_byte(&text, '\n');
        pythia_buf_str(&text, lines[i]);
    }
    CU_ASSERT_EQUAL_FATAL(text.rc, SQLITE_OK);
    Seen seen = seen_text((char *)text.data, text.n);
    pythia_buf_clear(&text);
    return seen;
}

/* Whether the line (or lines) was seen; prints what was when not. */
static inline int seen_has(const Seen *seen, const char *line) {
    const char *at = seen_lines(seen);
    size_t n = strlen(line);
    while ((at = strstr(at, line))) {
        if ((at == seen_lines(seen) || at[-1] == '\n') && (at[n] == '\n' || at[n] == 0)) return 1;
        at++;
    }
    printf("\nmissing: %s\nseen:\n%s", line, seen_lines(seen));
    return 0;
}

/* How many lines begin so. */
static inline int seen_count(const Seen *seen, const char *begin) {
    int count = 0;
    size_t n = strlen(begin);
    for (const char *at = seen_lines(seen); *at; at = strchr(at, '\n') + 1)
        count += strncmp(at, begin, n) == 0;
    return count;
}

#endif
