/* read.c - fuzzes ext/read: any bytes give spans and problems, never a crash, and the same ones however
** the text is cut into steps, and whether the reader may take shortcuts (a sink that takes back, atoms) or not. The bytes are read as they are, and once more as the second message of an
** OTLP protobuf file, where each of them is looked at.
**
** As a libFuzzer target (make fuzz), or, with PYTHIA_FUZZ_MAIN defined, a program that runs the files
** named as arguments once each. */
#include "ext/read/read.h"
#include "ext/base/hash.h"
#include "ext/read/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A digest of everything that the sink got; reading all of it lets the sanitizers see it. */
typedef struct Digest {
    uint64_t hash;
    int64_t spans, problems;
} Digest;

static void digest_bytes(Digest *d, const void *bytes, size_t n) {
    d->hash = pythia_hash_mix(d->hash, pythia_hash64(bytes ? bytes : "", n));
}

static void digest_ref(Digest *d, PythiaRef ref) {
    d->hash = pythia_hash_mix(d->hash, ref.id.hi ^ ref.id.form);
    d->hash = pythia_hash_mix(d->hash, ref.id.lo);
    if (ref.id.form == PYTHIA_ID_TEXT) digest_bytes(d, ref.text.p, ref.text.n);
}

static void digest_attributes(Digest *d, const PythiaAttribute *a, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (a[i].type < PYTHIA_VALUE_INT || a[i].type > PYTHIA_VALUE_BYTES) abort();
        digest_bytes(d, a[i].key.p, a[i].key.n);
        if (a[i].type >= PYTHIA_VALUE_TEXT)
            digest_bytes(d, a[i].text.p, a[i].text.n);
        else if (a[i].type == PYTHIA_VALUE_DOUBLE)
            digest_bytes(d, &a[i].real, sizeof a[i].real);
        else
            digest_bytes(d, &a[i].integer, sizeof a[i].integer);
    }
}

static int digest_span(void *context, const PythiaRecord *r) {
    Digest *d = context;
    d->spans++;
    if (r->start_ns < 0 || r->start_ns > PYTHIA_TIME_MAX || r->end_ns < 0 ||
        r->end_ns > PYTHIA_TIME_MAX)
        abort();
    if (r->trace.id.form == PYTHIA_ID_NONE || r->span.id.form == PYTHIA_ID_NONE || !r->resource ||
        !r->resource->serial)
        abort();
    digest_ref(d, r->trace);
    digest_ref(d, r->span);
    digest_ref(d, r->parent);
    digest_bytes(d, r->operation.p, r->operation.n);
    digest_bytes(d, r->resource->service.p, r->resource->service.n);
    digest_bytes(d, r->resource->instance.p, r->resource->instance.n);
    digest_attributes(d, r->resource->attributes, r->resource->n);
    digest_attributes(d, r->attributes, r->nattributes);
    for (size_t i = 0; i < r->npoints; i++) {
        digest_bytes(d, r->points[i].name.p, r->points[i].name.n);
        digest_attributes(d, r->points[i].attributes, r->points[i].n);
    }
    for (size_t i = 0; i < r->nlinks; i++) {
        digest_ref(d, r->links[i].trace);
        digest_ref(d, r->links[i].span);
        digest_attributes(d, r->links[i].attributes, r->links[i].n);
    }
    return SQLITE_OK;
}

static int digest_problem(void *context, const PythiaProblem *p) {
    Digest *d = context;
    d->problems++;
    digest_bytes(d, p->kind, strlen(p->kind));
    digest_bytes(d, p->detail, strlen(p->detail));
    digest_bytes(d, &p->position, sizeof p->position);
    digest_ref(d, p->trace);
    digest_ref(d, p->span);
    return SQLITE_OK;
}

static Digest digest_read(const uint8_t *data, size_t n, size_t chunk_bytes, size_t large_bytes) {
    Digest d = {0, 0, 0};
    PythiaSink sink = {&d, digest_span, digest_problem, NULL, NULL};
    PythiaReadOptions options = {.chunk_bytes = chunk_bytes, .large_bytes = large_bytes};
    PythiaReadStats stats;
    char *error = NULL;
    int rc = pythia_read_text((PythiaText){(const char *)data, n}, &options, &sink, &stats, &error);
    sqlite3_free(error);
    if (rc != SQLITE_OK || stats.spans != d.spans || stats.rejected > d.problems) abort();
    return d;
}

static int held_span(void *context, const PythiaRecord *record) {
    return pythia_batch_span(context, record);
}

static int held_problem(void *context, const PythiaProblem *problem) {
    return pythia_batch_problem(context, problem);
}

static void held_hold(void *context, int what) {
    pythia_batch_hold(context, what);
}

/* As an import reads: texts are remembered, and documents of the usual shape are read the quick way. */
static Digest digest_held(const uint8_t *data, size_t n) {
    Digest d = {0, 0, 0};
    PythiaBatch batch = {0};
    PythiaAtoms atoms = {0};
    PythiaSink sink = {&batch, held_span, held_problem, NULL, held_hold};
    PythiaSink to = {&d, digest_span, digest_problem, NULL, NULL};
    PythiaReadOptions options = {.atoms = &atoms};
    PythiaReadStats stats;
    char *error = NULL;
    int rc = pythia_read_text((PythiaText){(const char *)data, n}, &options, &sink, &stats, &error);
    sqlite3_free(error);
    if (rc != SQLITE_OK || pythia_batch_deliver(&batch, &to) != SQLITE_OK) abort();
    pythia_batch_clear(&batch);
    pythia_atoms_clear(&atoms);
    return d;
}

/* The bytes two times, so that what was remembered of them meets them again. */
static void digest_twice(const uint8_t *data, size_t n) {
    uint8_t *text = malloc(2 * n + 1);
    if (!text) return;
    if (n) memcpy(text, data, n);
    text[n] = '\n';
    if (n) memcpy(text + n + 1, data, n);
    if (digest_read(text, 2 * n + 1, 0, 0).hash != digest_held(text, 2 * n + 1).hash) abort();
    free(text);
}

/* The bytes as one message, two times, then as frames of their own, behind one that tells what the file is. */
static void digest_protobuf(const uint8_t *data, size_t n) {
    static const uint8_t first[] = {0, 0, 0, 4, 0x0a, 2, 0x12, 0};
    size_t frame = 4 + n, bytes = sizeof first + 2 * frame;
    uint8_t *text = malloc(bytes);
    if (!text) return;
    memcpy(text, first, sizeof first);
    for (uint8_t *p = text + sizeof first; p < text + bytes; p += frame) {
        for (unsigned i = 0; i < 4; i++)
            p[i] = (uint8_t)(n >> (24 - 8 * i));
        if (n) memcpy(p + 4, data, n);
    }
    Digest whole = digest_read(text, bytes, 0, 0);
    Digest steps = digest_read(text, bytes, n % 61 + 1, 0);
    if (whole.hash != steps.hash || whole.hash != digest_held(text, bytes).hash) abort();
    if (n) memcpy(text + sizeof first, data, n);
    whole = digest_read(text, sizeof first + n, 0, 0);
    steps = digest_read(text, sizeof first + n, n % 61 + 1, 0);
    if (whole.hash != steps.hash || whole.hash != digest_held(text, sizeof first + n).hash) abort();
    free(text);
}

/* The same bytes as a file that grows: places only go forward, whatever is in it. */
static void follow_read(const uint8_t *data, size_t n) {
    Digest d = {0, 0, 0};
    PythiaSink sink = {&d, digest_span, digest_problem, NULL, NULL};
    PythiaReadOptions options = {.follow = 1};
    size_t step = n / 5 + 1;
    char *memory = NULL;
    for (size_t end = step; end < n + step; end += step) {
        size_t there = end < n ? end : n;
        PythiaReadStats stats;
        char *error = NULL;
        PythiaText text = {(const char *)data, there};
        int rc = pythia_read_text(text, &options, &sink, &stats, &error);
        sqlite3_free(error);
        sqlite3_free(memory);
        memory = stats.memory;
        options.from_memory = memory;
        if (rc == SQLITE_ERROR) break; /* cannot be followed */
        if (rc != SQLITE_OK || stats.from_offset != options.from.offset ||
            stats.place.offset < stats.from_offset || (size_t)stats.place.offset > there)
            abort();
        options.from = stats.place;
        options.from_format = stats.format;
    }
    sqlite3_free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    Digest whole = digest_read(data, n, 0, 0);
    Digest steps = digest_read(data, n, n % 61 + 1, 0);
    if (whole.hash != steps.hash || whole.hash != digest_held(data, n).hash) abort();
    digest_read(data, n, n % 61 + 1, n % 101 + 1);
    digest_twice(data, n);
    digest_protobuf(data, n);
    follow_read(data, n);
    return 0;
}

#ifdef PYTHIA_FUZZ_MAIN
int main(int n, char **arguments) {
    for (int i = 1; i < n; i++) {
        FILE *file = fopen(arguments[i], "rb");
        if (!file || fseek(file, 0, SEEK_END) != 0) {
            perror(arguments[i]);
            return 1;
        }
        size_t bytes = (size_t)ftell(file);
        uint8_t *data = malloc(bytes ? bytes : 1);
        rewind(file);
        if (!data || fread(data, 1, bytes, file) != bytes) {
            perror(arguments[i]);
            return 1;
        }
        fclose(file);
        LLVMFuzzerTestOneInput(data, bytes);
        free(data);
    }
    return 0;
}
#endif
