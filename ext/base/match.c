/* match.c - see match.h.
**
** PCRE2's 8-bit library with PCRE2_MATCH_INVALID_UTF, so that a subject needs no check beforehand: an
** invalid sequence is a character that nothing matches. Where JIT code runs out of its small stack the
** match is repeated by the interpreter, whose frames live on the heap and are bounded by heap_limit. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "ext/base/error.h"
#include "ext/base/match.h"
#include "ext/base/mem.h"

#include <stdlib.h>

/* What one search may cost. The match limit is some tens of milliseconds; PCRE2's own default is ten
** times that. */
enum {
    MATCH_STEPS = 1000000,
    MATCH_DEPTH = 100000,
    MATCH_HEAP_KIB = 32 * 1024,
    MATCH_MESSAGE_BYTES = 256
};

struct PythiaMatch {
    pcre2_general_context *memory;
    pcre2_code *code;
    pcre2_match_context *limits;
    pcre2_match_data *data; /* reused by every search: one thread at a time */
};

static void *match_malloc(PCRE2_SIZE bytes, void *context) {
    (void)context;
    return pythia_alloc(bytes);
}

static void match_release(void *memory, void *context) {
    (void)context;
    pythia_free(memory);
}

/* PCRE2's words for a code, or the number. */
static const char *match_words(int code, char *message) {
    if (pcre2_get_error_message(code, (PCRE2_UCHAR *)message, MATCH_MESSAGE_BYTES) < 0)
        sqlite3_snprintf(MATCH_MESSAGE_BYTES, message, "PCRE2 error %d", code);
    return message;
}

static PCRE2_SPTR match_pointer(PythiaText text) {
    return (PCRE2_SPTR)(text.n ? text.p : "");
}

static int match_wants_jit(void) {
#ifdef PYTHIA_TEST
    /* valgrind cannot judge JIT code, which reads whole vectors and masks what lies behind the end. */
    return !getenv("PYTHIA_NO_JIT");
#else
    return 1;
#endif
}

int pythia_match_compile(PythiaText pattern, PythiaMatch **match, char **error) {
    *match = NULL;
    PythiaMatch *m = pythia_alloc_zero(sizeof *m);
    if (!m) return SQLITE_NOMEM;
    int rc = SQLITE_NOMEM;
    pcre2_compile_context *compile = NULL;
    m->memory = pcre2_general_context_create(match_malloc, match_release, NULL);
    if (m->memory) compile = pcre2_compile_context_create(m->memory);
    if (compile) m->limits = pcre2_match_context_create(m->memory);
    if (!m->limits) goto done;
    pcre2_set_match_limit(m->limits, MATCH_STEPS);
    pcre2_set_depth_limit(m->limits, MATCH_DEPTH);
    pcre2_set_heap_limit(m->limits, MATCH_HEAP_KIB);

    int code;
    PCRE2_SIZE offset;
    m->code = pcre2_compile(match_pointer(pattern), pattern.n, PCRE2_UTF | PCRE2_MATCH_INVALID_UTF,
                            &code, &offset, compile);
    if (!m->code) {
        char message[MATCH_MESSAGE_BYTES];
        if (code != PCRE2_ERROR_HEAP_FAILED)
            rc = pythia_fail(error, SQLITE_ERROR, "malformed regular expression: %s at byte %lld",
                             match_words(code, message), (sqlite3_int64)offset);
        goto done;
    }
    /* A machine that forbids executable memory has the interpreter. */
    if (match_wants_jit()) (void)pcre2_jit_compile(m->code, PCRE2_JIT_COMPLETE);
    m->data = pcre2_match_data_create_from_pattern(m->code, m->memory);
    if (m->data) rc = SQLITE_OK;

done:
    pcre2_compile_context_free(compile);
    if (rc)
        pythia_match_free(m);
    else
        *match = m;
    return rc;
}

void pythia_match_free(PythiaMatch *match) {
    if (!match) return;
    pcre2_match_data_free(match->data);
    pcre2_match_context_free(match->limits);
    pcre2_code_free(match->code);
    pcre2_general_context_free(match->memory);
    pythia_free(match);
}

/* The result code for what a search returned; only for failures. */
static int match_failed(int code, char **error) {
    char message[MATCH_MESSAGE_BYTES];
    if (code == PCRE2_ERROR_NOMEMORY) return SQLITE_NOMEM;
    return pythia_fail(error, SQLITE_ERROR, "regular expression gave up: %s",
                       match_words(code, message));
}

/* Searches once; *found is 0 or 1, and the groups are in match->data. */
static int match_search(PythiaMatch *match, PythiaText subject, int *found, char **error) {
    PCRE2_SPTR p = match_pointer(subject);
    int code = pcre2_match(match->code, p, subject.n, 0, 0, match->data, match->limits);
    if (code == PCRE2_ERROR_JIT_STACKLIMIT)
        code = pcre2_match(match->code, p, subject.n, 0, PCRE2_NO_JIT, match->data, match->limits);
    *found = code >= 0;
    if (code >= 0 || code == PCRE2_ERROR_NOMATCH) return SQLITE_OK;
    return match_failed(code, error);
}

int pythia_match_test(PythiaMatch *match, PythiaText subject, int *matched, char **error) {
    return match_search(match, subject, matched, error);
}

int pythia_match_group(PythiaMatch *match, PythiaText subject, unsigned group, PythiaText *out,
                       int *found, char **error) {
    *out = (PythiaText){"", 0};
    *found = 0;
    uint32_t groups = pcre2_get_ovector_count(match->data);
    if (group >= groups)
        return pythia_fail(error, SQLITE_RANGE, "no group %u: the regular expression has %u", group,
                           groups - 1);
    int hit;
    int rc = match_search(match, subject, &hit, error);
    if (rc || !hit) return rc;
    const PCRE2_SIZE *bounds = pcre2_get_ovector_pointer(match->data) + 2 * (size_t)group;
    if (bounds[0] == PCRE2_UNSET) return SQLITE_OK;
    *found = 1;
    if (bounds[1] > bounds[0]) *out = (PythiaText){subject.p + bounds[0], bounds[1] - bounds[0]};
    return SQLITE_OK;
}

int pythia_match_replace(PythiaMatch *match, PythiaText subject, PythiaText replacement,
                         PythiaBuf *out, int *replaced, char **error) {
    uint32_t options = PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_EXTENDED |
                       PCRE2_SUBSTITUTE_UNSET_EMPTY | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH;
    const size_t start = out->n;
    size_t room = subject.n + replacement.n + 64; /* PCRE2 counts a NUL of its own */
    *replaced = 0;
    for (;;) {
        unsigned char *to = pythia_buf_room(out, room);
        if (!to) return out->rc;
        PCRE2_SIZE length = room;
        int code = pcre2_substitute(match->code, match_pointer(subject), subject.n, 0, options,
                                    match->data, match->limits, match_pointer(replacement),
                                    replacement.n, to, &length);
        out->n = start;
        if (code >= 0) {
            out->n += length;
            *replaced = code;
            return SQLITE_OK;
        }
        if (code == PCRE2_ERROR_JIT_STACKLIMIT && !(options & PCRE2_NO_JIT)) {
            options |= PCRE2_NO_JIT;
        } else if (code == PCRE2_ERROR_NOMEMORY && length != PCRE2_UNSET && length > room) {
            room = length; /* the result was longer than the guess: now its size is known */
        } else if (length != PCRE2_UNSET && code != PCRE2_ERROR_NOMEMORY) {
            char message[MATCH_MESSAGE_BYTES]; /* length is an offset into the replacement */
            return pythia_fail(error, SQLITE_ERROR, "malformed replacement: %s at byte %lld",
                               match_words(code, message), (sqlite3_int64)length);
        } else {
            return match_failed(code, error);
        }
    }
}
