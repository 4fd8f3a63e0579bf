/* csv.c - tables of spans as text, one row a span.
**
** RFC 4180, with commas, semicolons or tabs; quoted fields may hold separators, quotes (doubled) and
** newlines. The first row names the columns; which is which is told by their names, in any case, with
** or without underscores:
**
**   trace, trace_id        span, span_id          parent, parent_id, parent_span, parent_span_id
**   service, service_name  instance, host         operation, operation_name, span_name, name
**   kind, span_kind        status, status_code
**   start, start_time, start_timestamp, timestamp    end, end_time, end_timestamp    duration
**
** trace, span and start must be there. A column of times may end in _ns, _us, _ms, _s or unix_nano: its unit.
** Without, it is that of the start's column, and the start's own is told by the magnitude of its first value
** (plain.h). Dates as in ISO 8601 are times, too; durations beside them are milliseconds where they do not
** say. End counts before duration; without both the end is lost. All other columns are attributes, as are
** kind and status; an empty field is none. A parent of -1 or "null" is none.
**
** A quote that is never closed would swallow what follows. It shows when the end of the input is met inside
** it, or when text stands behind the closing quote of a field of several lines. Then only the line is
** given up. What is scanned again is kept in proportion to the text passed; beyond that, fields end with
** their line. */
#include "ext/read/format.h"
#include "ext/read/plain.h"

enum { COLUMNS_MAX = 4096, NAME_MAX_BYTES = 40, ROW_BYTES = 64 * 1024 * 1024 };

enum { MS = 1000000 };

typedef enum Role {
    ROLE_NONE = 0,
    ROLE_TRACE,
    ROLE_SPAN,
    ROLE_PARENT,
    ROLE_SERVICE,
    ROLE_INSTANCE,
    ROLE_OPERATION,
    ROLE_KIND,
    ROLE_STATUS,
    ROLE_START,
    ROLE_END,
    ROLE_DURATION,
    ROLES
} Role;

static const unsigned roles_needed = 1u << ROLE_TRACE | 1u << ROLE_SPAN | 1u << ROLE_START;

typedef struct Csv {
    PythiaReader *r;
    PythiaSplit *split;
    char separator;
    int one_line;      /* quoted fields end with their line */
    int64_t rescanned; /* bytes looked at in vain for the end of a quote */
    int64_t line;      /* of the next row */
    size_t columns;
    PythiaText *names;      /* in `header` */
    PythiaText *fields;     /* of the current row */
    unsigned char *role;    /* of each column */
    size_t column[ROLES];   /* of each role, one more than its index; 0: absent */
    int64_t unit_ns[ROLES]; /* of times; 0: not known yet */
    PythiaArena header;
} Csv;

/* ---- rows ---- */

typedef enum ScanState { SCAN_BEGIN = 0, SCAN_PLAIN, SCAN_QUOTED, SCAN_QUOTE } ScanState;

typedef struct Scan {
    size_t i; /* the next byte */
    ScanState state;
    int newline; /* in the quoted field */
    int stray;   /* text behind the closing quote of a field of several lines */
} Scan;

/* Goes on to the newline that ends the row, or to the end of the text; 1 when there is one. */
static int scan_row(Scan *scan, PythiaText text, char separator, int one_line) {
    for (; scan->i < text.n; scan->i++) {
        char c = text.p[scan->i];
        if (c == '\n' && (scan->state != SCAN_QUOTED || one_line)) return 1;
        switch (scan->state) {
        case SCAN_BEGIN:
            scan->state = c == '"' ? SCAN_QUOTED : c == separator ? SCAN_BEGIN : SCAN_PLAIN;
            break;
        case SCAN_QUOTED:
            if (c == '"') scan->state = SCAN_QUOTE;
            scan->newline |= c == '\n';
            break;
        case SCAN_QUOTE:
            scan->state = c == '"' ? SCAN_QUOTED : c == separator ? SCAN_BEGIN : SCAN_PLAIN;
            if (scan->state == SCAN_QUOTED) break;
            scan->stray = scan->newline && c != separator && c != '\r';
            if (scan->stray) return 1;
            scan->newline = 0;
            break;
        case SCAN_PLAIN:
            if (c == separator) scan->state = SCAN_BEGIN;
            break;
        }
    }
    return 0;
}

/* One field of a row, from *at on; *at is then behind its separator, or beyond the row. *escaped: there
** are quotes in it that field_unescape() takes away. */
static PythiaText field_next(PythiaText row, char separator, size_t *at, int *escaped) {
    size_t begin = *at, i;
    Scan scan = {.i = begin};
    *escaped = 0;
    if (begin < row.n && row.p[begin] == '"') {
        PythiaText one = row;
        /* up to the separator behind the closing quote */
        for (; scan.i < row.n; scan.i = one.n) {
            if (scan.state != SCAN_QUOTED && scan.i > begin && row.p[scan.i] == separator) break;
            one.n = scan.i + 1;
            scan_row(&scan, one, separator, 0);
        }
        i = scan.i;
        *escaped = 1;
    } else {
        const char *found = memchr(row.p + begin, separator, row.n - begin);
        i = found ? (size_t)(found - row.p) : row.n;
    }
    *at = i + 1;
    return (PythiaText){row.p + begin, i - begin};
}

/* Without the quotes around it and with doubled ones single. */
static PythiaText field_unescape(PythiaReader *r, PythiaText field) {
    const char *end = field.p + field.n, *p = field.p + 1, *quote;
    while ((quote = p < end ? memchr(p, '"', (size_t)(end - p)) : NULL)) {
        int doubled = quote + 1 < end && quote[1] == '"';
        pythia_buf_bytes(&r->scratch, p, (size_t)(quote - p) + (size_t)doubled);
        p = quote + 1 + doubled;
        if (!doubled) break;
    }
    if (p < end) pythia_buf_bytes(&r->scratch, p, (size_t)(end - p));
    return pythia_reader_scratch(r);
}

static PythiaText text_trim(PythiaText text) {
    while (text.n && (text.p[0] == ' ' || text.p[0] == '\t'))
        text.p++, text.n--;
    while (text.n && (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\t'))
        text.n--;
    return text;
}

/* ---- the header ---- */

static const struct {
    const char *name;
    Role role;
    int rank; /* of two columns for one role the smaller counts, then the first */
} role_names[] = {
    {"trace", ROLE_TRACE, 1},
    {"traceid", ROLE_TRACE, 0},
    {"span", ROLE_SPAN, 1},
    {"spanid", ROLE_SPAN, 0},
    {"parent", ROLE_PARENT, 1},
    {"parentid", ROLE_PARENT, 0},
    {"parentspan", ROLE_PARENT, 1},
    {"parentspanid", ROLE_PARENT, 0},
    {"service", ROLE_SERVICE, 1},
    {"servicename", ROLE_SERVICE, 0},
    {"instance", ROLE_INSTANCE, 0},
    {"host", ROLE_INSTANCE, 1},
    {"operation", ROLE_OPERATION, 1},
    {"operationname", ROLE_OPERATION, 0},
    {"spanname", ROLE_OPERATION, 2},
    {"name", ROLE_OPERATION, 3},
    {"kind", ROLE_KIND, 1},
    {"spankind", ROLE_KIND, 0},
    {"status", ROLE_STATUS, 1},
    {"statuscode", ROLE_STATUS, 0},
    {"start", ROLE_START, 0},
    {"starttime", ROLE_START, 0},
    {"starttimestamp", ROLE_START, 0},
    {"timestamp", ROLE_START, 1},
    {"end", ROLE_END, 0},
    {"endtime", ROLE_END, 0},
    {"endtimestamp", ROLE_END, 0},
    {"duration", ROLE_DURATION, 0},
};

static const struct {
    const char *suffix;
    int64_t unit_ns;
} units[] = {{"", 0},          {"ns", 1},       {"us", 1000},       {"ms", MS},
             {"s", 1000 * MS}, {"unixnano", 1}, {"timeunixnano", 1}};

/* Lower-case letters and digits only; 0 when there are too many. *apart: a last 's' stands by itself, as
** in start_s but not in starts. */
static size_t name_fold(PythiaText name, char *out, int *apart) {
    size_t n = 0, last = 0;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) continue;
        if (n == NAME_MAX_BYTES) return 0;
        *apart = n && i > last + 1;
        last = i;
        out[n++] = c;
    }
    out[n] = 0;
    return n;
}

/* The role of a column by its name, with its rank and unit. */
static Role name_role(PythiaText name, int *rank, int64_t *unit_ns) {
    char folded[NAME_MAX_BYTES + 1];
    int apart = 0;
    size_t n = name_fold(name, folded, &apart);
    for (size_t i = 0; n && i < sizeof role_names / sizeof role_names[0]; i++) {
        size_t begin = strlen(role_names[i].name);
        if (n < begin || memcmp(folded, role_names[i].name, begin) != 0) continue;
        *rank = role_names[i].rank;
        *unit_ns = 0;
        if (n == begin) return role_names[i].role;
        if (role_names[i].role < ROLE_START) continue;
        for (size_t k = 1; k < sizeof units / sizeof units[0]; k++) {
            if (strcmp(folded + begin, units[k].suffix) != 0) continue;
            if (n - begin == 1 && !apart) continue;
            *unit_ns = units[k].unit_ns;
            return role_names[i].role;
        }
    }
    return ROLE_NONE;
}

static PythiaText name_bare(PythiaText field) {
    field = text_trim(field);
    if (field.n >= 2 && field.p[0] == '"' && field.p[field.n - 1] == '"')
        field = (PythiaText){field.p + 1, field.n - 2};
    return text_trim(field);
}

/* The roles that a header has under a separator. */
static unsigned header_roles(PythiaText row, char separator) {
    unsigned roles = 0;
    int rank, escaped;
    int64_t unit_ns;
    for (size_t at = 0; at <= row.n;)
        roles |=
            1u << name_role(name_bare(field_next(row, separator, &at, &escaped)), &rank, &unit_ns);
    return roles;
}

/* The first line without its end; and the separator, 0 when it is no header. */
static char header_separator(PythiaText start, PythiaText *row) {
    static const char separators[] = {',', ';', '\t'};
    const char *newline = start.n ? memchr(start.p, '\n', start.n) : NULL;
    if (newline) start.n = (size_t)(newline - start.p);
    if (start.n && start.p[start.n - 1] == '\r') start.n--;
    *row = start;
    for (size_t i = 0; i < sizeof separators; i++)
        if ((header_roles(start, separators[i]) & roles_needed) == roles_needed)
            return separators[i];
    return 0;
}

static int csv_sniff(PythiaText start) {
    PythiaText row;
    return header_separator(start, &row) != 0;
}

/* Keeps the names and finds the columns of the roles. */
static void csv_header(Csv *csv, PythiaText row) {
    int escaped, ranks[ROLES] = {0};
    size_t n = 0;
    for (size_t at = 0; at <= row.n && n <= COLUMNS_MAX; n++)
        field_next(row, csv->separator, &at, &escaped);
    if (n > COLUMNS_MAX) {
        pythia_reader_reject(csv->r, "format", "The table has more than %d columns.", COLUMNS_MAX);
        return;
    }
    csv->names = pythia_arena_alloc(&csv->header, n * sizeof *csv->names);
    csv->fields = pythia_arena_alloc(&csv->header, n * sizeof *csv->fields);
    csv->role = pythia_arena_alloc(&csv->header, n);
    if (!csv->names || !csv->fields || !csv->role) {
        csv->r->rc = SQLITE_NOMEM;
        return;
    }
    for (size_t i = 0, at = 0; i < n; i++) {
        int rank = 0;
        int64_t unit_ns = 0;
        PythiaText name = name_bare(field_next(row, csv->separator, &at, &escaped));
        Role role = name_role(name, &rank, &unit_ns);
        char *copy = pythia_arena_copy(&csv->header, name.p, name.n);
        if (!copy) {
            csv->r->rc = SQLITE_NOMEM;
            return;
        }
        csv->names[i] = (PythiaText){copy, name.n};
        csv->role[i] = ROLE_NONE;
        if (role == ROLE_NONE || (csv->column[role] && rank >= ranks[role])) continue;
        if (csv->column[role]) csv->role[csv->column[role] - 1] = ROLE_NONE;
        csv->column[role] = i + 1;
        csv->role[i] = (unsigned char)role;
        csv->unit_ns[role] = unit_ns;
        ranks[role] = rank;
    }
    csv->columns = n;
}

/* ---- fields ---- */

static PythiaText csv_field(const Csv *csv, Role role) {
    size_t column = csv->column[role];
    return column ? text_trim(csv->fields[column - 1]) : (PythiaText){"", 0};
}

static PythiaRef csv_ref(const Csv *csv, Role role) {
    PythiaText text = csv_field(csv, role);
    if (role == ROLE_PARENT && (PYTHIA_TEXT_IS(text, "-1") || PYTHIA_TEXT_IS(text, "null") ||
                                PYTHIA_TEXT_IS(text, "NULL") || PYTHIA_TEXT_IS(text, "None")))
        text.n = 0;
    PythiaRef ref = {pythia_id_parse(text), text};
    int numeric = ref.id.form != PYTHIA_ID_TEXT;
    if (role == ROLE_PARENT && numeric && !ref.id.hi && !ref.id.lo) ref.id.form = PYTHIA_ID_NONE;
    return ref;
}

static int text_is_date(PythiaText text) {
    return text.n > 4 && text.p[4] == '-';
}

/* A time; the first number among the starts decides the unit of columns that name none. */
static int csv_time(Csv *csv, Role role, int64_t *ns) {
    PythiaText text = csv_field(csv, role);
    double number;
    if (role != ROLE_DURATION && text_is_date(text)) return pythia_plain_date_ns(text, ns);
    if (!csv->unit_ns[role] && role == ROLE_START) {
        if (!pythia_text_double(text, &number)) return 0;
        csv->unit_ns[role] = pythia_plain_unit_ns(number);
    }
    int64_t unit_ns = csv->unit_ns[role] ? csv->unit_ns[role] : csv->unit_ns[ROLE_START];
    return pythia_text_time_ns(text, unit_ns ? unit_ns : MS, ns);
}

/* Start and end; 0 when the row was rejected. */
static int csv_times(Csv *csv) {
    PythiaRecord *record = &csv->r->record;
    int64_t duration_ns;
    if (!csv_time(csv, ROLE_START, &record->start_ns)) {
        pythia_draft_reject(csv->r, "time", "The start is no time (line %lld).",
                            (long long)csv->r->position);
        return 0;
    }
    record->end_ns = record->start_ns;
    if (csv_field(csv, ROLE_END).n) {
        if (csv_time(csv, ROLE_END, &record->end_ns)) return 1;
    } else if (csv_field(csv, ROLE_DURATION).n) {
        if (csv_time(csv, ROLE_DURATION, &duration_ns) &&
            !__builtin_add_overflow(record->start_ns, duration_ns, &record->end_ns))
            return 1;
    } else {
        record->flags |= PYTHIA_SPAN_NO_END;
        return 1;
    }
    pythia_draft_reject(csv->r, "time", "The end or duration is no time (line %lld).",
                        (long long)csv->r->position);
    return 0;
}

/* One of the words, without regard to case, perhaps behind a prefix (SPAN_KIND_, STATUS_CODE_); -1
** when it is none. */
static int csv_word(PythiaText text, const char *prefix, const char *const *words, int n) {
    size_t skip = strlen(prefix);
    if (text.n > skip && sqlite3_strnicmp(text.p, prefix, (int)skip) == 0)
        text = (PythiaText){text.p + skip, text.n - skip};
    for (int i = 0; i < n; i++)
        if (strlen(words[i]) == text.n && sqlite3_strnicmp(text.p, words[i], (int)text.n) == 0)
            return i;
    return -1;
}

static void csv_meaning(Csv *csv) {
    static const char *const kinds[] = {"internal", "server", "client", "producer", "consumer"};
    static const char *const statuses[] = {"unset", "ok", "error"};
    int kind = csv_word(csv_field(csv, ROLE_KIND), "SPAN_KIND_", kinds, 5);
    int status = csv_word(csv_field(csv, ROLE_STATUS), "STATUS_CODE_", statuses, 3);
    if (kind > 0) csv->r->record.kind = kind;
    if (status > 0) csv->r->record.status = status;
}

static void csv_attributes(Csv *csv) {
    for (size_t i = 0; i < csv->columns; i++) {
        Role role = csv->role[i];
        if (!csv->fields[i].n || (role != ROLE_NONE && role != ROLE_KIND && role != ROLE_STATUS &&
                                  !(role == ROLE_DURATION && csv->column[ROLE_END])))
            continue;
        pythia_plain_attribute(csv->r, &csv->r->attributes, csv->names[i], csv->fields[i]);
    }
}

/* A row whose fields are there. */
static void csv_span(Csv *csv) {
    PythiaReader *r = csv->r;
    PythiaResource resource;
    pythia_draft_begin(r);
    r->record.trace = csv_ref(csv, ROLE_TRACE);
    r->record.span = csv_ref(csv, ROLE_SPAN);
    r->record.parent = csv_ref(csv, ROLE_PARENT);
    if (r->record.trace.id.form == PYTHIA_ID_NONE || r->record.span.id.form == PYTHIA_ID_NONE) {
        pythia_draft_reject(r, "span", "The row has no %s id (line %lld).",
                            r->record.trace.id.form == PYTHIA_ID_NONE ? "trace" : "span",
                            (long long)r->position);
        return;
    }
    if (!csv_times(csv)) return;
    PythiaText service = csv_field(csv, ROLE_SERVICE);
    pythia_resource_begin(r);
    if (service.n) pythia_attributes_text(r, &r->resource, PYTHIA_TEXT("service.name"), service);
    pythia_resource_end(r, service, csv_field(csv, ROLE_INSTANCE), &resource);
    r->record.resource = &resource;
    r->record.operation = csv_field(csv, ROLE_OPERATION);
    csv_meaning(csv);
    csv_attributes(csv);
    pythia_draft_emit(r);
}

/* A row without its end of line. */
static void csv_row(Csv *csv, PythiaText row) {
    PythiaReader *r = csv->r;
    size_t n = 0;
    if (!text_trim(row).n) return;
    r->stats->documents++;
    if (!pythia_plain_is_utf8(row)) {
        pythia_reader_reject(r, "utf8", "The row is not UTF-8 (line %lld).",
                             (long long)r->position);
        return;
    }
    for (size_t at = 0; at <= row.n; n++) {
        int escaped;
        PythiaText field = field_next(row, csv->separator, &at, &escaped);
        if (n >= csv->columns) continue;
        csv->fields[n] = escaped ? field_unescape(r, field) : field;
    }
    if (n != csv->columns)
        pythia_reader_reject(r, "syntax", "The row has %lld fields instead of %lld (line %lld).",
                             (long long)n, (long long)csv->columns, (long long)r->position);
    else
        csv_span(csv);
    pythia_arena_reset(&r->arena);
}

/* ---- the table ---- */

static int64_t text_lines(PythiaText text) {
    int64_t lines = 0;
    const char *p = text.p, *end = text.p + text.n;
    while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
        lines++;
        p++;
    }
    return lines;
}

/* Finds the next row: its bytes in *row, without the end of line, and *n with it; *there is 0 at the end
** of the input. *open: a quote is not closed; the row is then one line. */
static int csv_next(Csv *csv, PythiaText *row, size_t *n, int *there, int *open, char **error) {
    Scan scan = {.i = 0};
    PythiaText window;
    size_t need = 1;
    *open = 0;
    for (;;) {
        int rc = pythia_split_window(csv->split, need, &window, error);
        if (rc != SQLITE_OK) return rc;
        int ended = window.n < need;
        *there = window.n > 0;
        if (!*there) return SQLITE_OK;
        int found = scan_row(&scan, window, csv->separator, csv->one_line);
        *open =
            scan.stray || (scan.state == SCAN_QUOTED && (found || ended || window.n > ROW_BYTES));
        if (found || ended || *open) break;
        need = window.n + 1;
    }
    if (*open && !csv->one_line) {
        const char *newline = memchr(window.p, '\n', window.n);
        csv->rescanned += (int64_t)scan.i;
        csv->one_line = csv->rescanned > ROW_BYTES + 4 * pythia_split_position(csv->split);
        scan.i = newline ? (size_t)(newline - window.p) : window.n;
    }
    *n = scan.i < window.n ? scan.i + 1 : scan.i;
    *row = (PythiaText){window.p, scan.i};
    if (row->n && row->p[row->n - 1] == '\r') row->n--;
    return SQLITE_OK;
}

static int csv_rows(Csv *csv, char **error) {
    for (;;) {
        PythiaText row = {"", 0};
        size_t n = 0;
        int there, open;
        int rc = csv_next(csv, &row, &n, &there, &open, error);
        if (rc != SQLITE_OK || !there) return rc;
        csv->r->position = csv->line;
        csv->line += text_lines((PythiaText){row.p, n});
        if (open)
            pythia_reader_reject(csv->r, "syntax", "A quote is not closed (line %lld).",
                                 (long long)csv->r->position);
        else if (!csv->columns)
            csv_header(csv, row);
        else
            csv_row(csv, row);
        pythia_split_skip(csv->split, n);
        if (csv->r->rc != SQLITE_OK || !csv->columns) return csv->r->rc;
    }
}

static int csv_stream(PythiaReader *reader, PythiaSplit *split, char **error) {
    PythiaText start, row;
    Csv csv = {.r = reader, .split = split, .line = 1};
    int rc = pythia_split_window(split, PYTHIA_SNIFF_BYTES, &start, error);
    if (rc != SQLITE_OK) return rc;
    csv.separator = header_separator(start, &row);
    reader->position = 1;
    if (!csv.separator)
        pythia_reader_reject(reader, "format",
                             "The first row does not name columns trace, span and start.");
    else
        rc = csv_rows(&csv, error);
    pythia_arena_clear(&csv.header);
    return rc == SQLITE_OK ? reader->rc : rc;
}

const PythiaFormat pythia_format_csv = {
    .name = "csv",
    .sniff = csv_sniff,
    .stream = csv_stream,
};
