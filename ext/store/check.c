/* check.c - the integrity check.
**
** A store object of its own is opened, so that everything is read from the tables and nothing from
** memory. Then each segment is read in every way there is (whole columns, attribute columns, trace by
** trace), and what is stored twice is compared: counts, the range of times, the trace index, the
** blocks that the directory names and those that are there. */
#include "ext/base/buf.h"
#include "ext/store/filter.h"
#include "ext/store/internal.h"

enum { LINES = 100 /* of a report */ };

typedef struct Check {
    PythiaStore *store;
    PythiaPoll *poll;
    PythiaBuf report;
    int lines;
    int64_t live; /* traces */
    PythiaTrace trace;
} Check;

/* 1 when the report has that line already: one damaged block is met again and again. */
static int is_noted(const Check *c, PythiaText line) {
    PythiaText rest = {(const char *)c->report.data, c->report.n};
    while (rest.n) {
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        if (pythia_text_equal((PythiaText){rest.p, n}, line)) return 1;
        n += end != NULL;
        rest = (PythiaText){rest.p + n, rest.n - n};
    }
    return 0;
}

/* Notes a fault. */
static void note(Check *c, const char *line) {
    if (c->lines >= LINES || is_noted(c, pythia_text(line))) return;
    c->lines++;
    if (c->report.n) pythia_buf_byte(&c->report, '\n');
    pythia_buf_str(&c->report, c->lines == LINES ? "... and more" : line);
}

static void note_segment(Check *c, const PythiaSegment *segment, const char *what) {
    char *line =
        sqlite3_mprintf("pythia_xsegment row %lld: %s", (sqlite3_int64)segment->info.id, what);
    if (line)
        note(c, line);
    else if (!c->report.rc)
        c->report.rc = SQLITE_NOMEM;
    sqlite3_free(line);
}

/* Damage becomes a line, and the check goes on; everything else is returned. */
static int absorb(Check *c, int rc, char **message, char **error) {
    if (rc == PYTHIA_CORRUPT) {
        note(c, *message ? *message : "damaged");
        sqlite3_free(*message);
        *message = NULL;
        return SQLITE_OK;
    }
    if (*message && error && !*error)
        *error = *message;
    else
        sqlite3_free(*message);
    *message = NULL;
    return rc;
}

/* The number that a query gives. */
static int query_number(Check *c, const char *sql, int64_t argument, int64_t *number,
                        char **error) {
    sqlite3_stmt *s;
    *number = 0;
    int rc = pythia_store_prepare(c->store, &s, sql, error);
    if (!rc && sqlite3_bind_parameter_count(s)) rc = sqlite3_bind_int64(s, 1, argument);
    if (!rc && sqlite3_step(s) == SQLITE_ROW) *number = sqlite3_column_int64(s, 0);
    if (!rc) rc = sqlite3_reset(s);
    if (rc) rc = pythia_store_fail(c->store, rc, "x", error);
    sqlite3_finalize(s);
    return rc;
}

/* ---- segments -------------------------------------------------------------------------------------- */

static int check_columns(Check *c, PythiaSegment *segment, char **error) {
    char *message = NULL;
    int rc = SQLITE_OK;
    for (int column = 0; !rc && column < PYTHIA_COL_COUNT; column++) {
        const int64_t *values;
        uint32_t n;
        rc = pythia_segment_column(segment, column, &values, &n, &message);
        rc = absorb(c, rc, &message, error);
    }
    uint32_t n = 0;
    if (!rc) rc = absorb(c, pythia_segment_attribute_count(segment, &n, &message), &message, error);
    for (uint32_t i = 0; !rc && i < n; i++) {
        PythiaAttributeColumn attribute;
        rc = pythia_segment_attribute(segment, i, &attribute, &message);
        rc = absorb(c, rc, &message, error);
    }
    return rc;
}

/* The filter follows from the ids. */
static int check_filter(Check *c, PythiaSegment *segment, char **error) {
    const PythiaBlock *block;
    PythiaText stored;
    char *message = NULL;
    const int64_t *form = NULL, *hi = NULL, *lo = NULL;
    uint32_t n;
    int rc = pythia_segment_block(segment, PYTHIA_SLOT_FILTER, &block, &message);
    if (!rc && !block) return SQLITE_OK;
    if (!rc) rc = pythia_segment_filter(segment, block, &stored, &message);
    if (!rc) rc = pythia_segment_column(segment, PYTHIA_COL_SPAN_FORM, &form, &n, &message);
    if (!rc) rc = pythia_segment_column(segment, PYTHIA_COL_SPAN_HI, &hi, &n, &message);
    if (!rc) rc = pythia_segment_column(segment, PYTHIA_COL_SPAN_ID, &lo, &n, &message);
    if (rc) return absorb(c, rc, &message, error);
    unsigned char *filter = pythia_alloc(stored.n);
    if (!filter) return SQLITE_NOMEM;
    pythia_filter_make(filter, stored.n, hi, lo, form, n);
    if (memcmp(filter, stored.p, stored.n) != 0)
        note_segment(c, segment, "its filter is not that of the ids of its spans");
    pythia_free(filter);
    return SQLITE_OK;
}

/* As many blocks as the directory names. */
static int check_blocks(Check *c, PythiaSegment *segment, char **error) {
    char *message = NULL;
    int64_t blocks;
    int rc = pythia_segment_directory(segment, &message);
    if (rc) return absorb(c, rc, &message, error);
    rc = query_number(c,
                      "SELECT count(*) FROM \"%w\".pythia_xblock"
                      " WHERE id BETWEEN ?1 << 16 AND (?1 << 16) + 65535",
                      segment->info.id, &blocks, error);
    if (!rc && blocks != __builtin_popcount(segment->mask) + (int64_t)segment->nattributes)
        note_segment(c, segment, "its blocks are not those that its directory names");
    return rc;
}

static int check_index(Check *c, PythiaSegment *segment, uint32_t ordinal, char **error) {
    int found;
    int64_t id;
    uint32_t at;
    char *message = NULL;
    int rc = pythia_store_find(c->store, c->trace.id, &found, &id, &at, &message);
    if (!rc && (!found || id != segment->info.id || at != ordinal))
        note_segment(c, segment, "a trace is not in pythia_xtrace, or is stored twice");
    return absorb(c, rc, &message, error);
}

/* Reads each trace; *first and *last become the range of the times of its spans. */
static int check_trace(Check *c, PythiaSegment *segment, uint32_t ordinal, int64_t *first,
                       int64_t *last, char **error) {
    char *message = NULL;
    PythiaHead head;
    int rc = pythia_segment_trace(segment, ordinal, 1, &c->trace, &message);
    if (!rc) rc = pythia_segment_head(segment, ordinal, &head, &message);
    if (rc) return absorb(c, rc, &message, error);
    for (uint32_t i = 0; i < c->trace.nspans; i++) {
        const PythiaSpan *s = &c->trace.spans[i];
        int64_t low = s->start_ns < s->end_ns ? s->start_ns : s->end_ns;
        int64_t high = s->start_ns < s->end_ns ? s->end_ns : s->start_ns;
        *first = low < *first ? low : *first;
        *last = high > *last ? high : *last;
    }
    if (head.root >= c->trace.nspans && c->trace.nspans)
        note_segment(c, segment, "the head of a trace names a root that is not there");
    if (pythia_segment_dead(segment, ordinal)) return SQLITE_OK;
    c->live++;
    return check_index(c, segment, ordinal, error);
}

static int check_segment(Check *c, int64_t id, char **error) {
    PythiaSegment *segment;
    int64_t first = INT64_MAX, last = INT64_MIN;
    int rc = pythia_segment_open(c->store, id, &segment, error);
    if (rc) return rc;
    int before = c->lines;
    rc = check_columns(c, segment, error);
    if (!rc) rc = check_blocks(c, segment, error);
    if (!rc) rc = check_filter(c, segment, error);
    for (uint32_t t = 0; !rc && t < segment->info.traces; t++) {
        rc = c->poll ? pythia_poll_now(c->poll) : SQLITE_OK;
        if (!rc) rc = check_trace(c, segment, t, &first, &last, error);
    }
    if (!rc && c->lines == before && segment->info.spans &&
        (first != segment->info.first_ns || last != segment->info.last_ns))
        note_segment(c, segment, "first_ns and last_ns are not those of its spans");
    pythia_segment_release(segment);
    return rc;
}

/* ---- tables ---------------------------------------------------------------------------------------- */

static int check_count(Check *c, const char *sql, int64_t expected, const char *fault,
                       char **error) {
    int64_t number;
    int rc = query_number(c, sql, 0, &number, error);
    if (!rc && number != expected) note(c, fault);
    return rc;
}

static int check_tables(Check *c, char **error) {
    int rc = SQLITE_OK;
    if (!c->lines) /* else not all traces were seen */
        rc = check_count(c, "SELECT count(*) FROM \"%w\".pythia_xtrace", c->live,
                         "pythia_xtrace: not as many rows as there are traces", error);
    if (!rc)
        rc = check_count(c,
                         "SELECT count(*) FROM \"%w\".pythia_xblock WHERE id >> 16 NOT IN"
                         " (SELECT id FROM \"%w\".pythia_xsegment)",
                         0, "pythia_xblock: blocks of segments that are not there", error);
    if (!rc)
        rc = check_count(c,
                         "SELECT count(*) FROM \"%w\".pythia_xedge WHERE id NOT IN"
                         " (SELECT id FROM \"%w\".pythia_xgroup)",
                         0, "pythia_xedge: rows of groups that are not there", error);
    return rc;
}

int pythia_store_check(PythiaStore *store, PythiaPoll *poll, char **report, char **error) {
    *report = NULL;
    if (store->writing) return pythia_fail(error, SQLITE_MISUSE, "check within a write session");
    Check c = {.poll = poll};
    char *message = NULL;
    int rc = pythia_store_open(store->db, store->schema, 0, &c.store, &message);
    rc = absorb(&c, rc, &message, error);
    for (uint32_t i = 0; !rc && c.store && i < c.store->nentries; i++)
        rc = check_segment(&c, c.store->entries[i].info.id, error);
    if (!rc && c.store) rc = check_tables(&c, error);
    if (!rc) rc = c.report.rc;
    if (!rc && c.lines) {
        *report = pythia_buf_take(&c.report);
        if (!*report) rc = SQLITE_NOMEM;
    }
    pythia_buf_clear(&c.report);
    pythia_trace_clear(&c.trace);
    pythia_store_close(c.store);
    return rc;
}
