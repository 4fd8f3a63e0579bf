/* pages.c - the source of records that are the control pages of a schema.
**
** The pages are those that rows of pythia_backends name. While records of a page are being taken in, until the
** transaction ends, the session holds the page's collect lock; a page that another session is collecting is left
** to it. How far each ring was read is a mark in the database, and becomes the ring's tail at the commit.
**
** Mapping. A span record is a span: its operation is the name of its trace point without the service, its
** resource the process. A point is an event of its span when its name begins with that span's ("build/queue" in
** "build"); elsewhere it is a span of no length, so that its trace point has the same name in the store as in
** the rules. Outside of any trace it is a trace of its own.
**
** What programs have added up (PythiaPageCell) comes as records, or is read where it lies: aggregates.h.
**
** Everything in a page is hostile: numbers are bounded, texts copied and made UTF-8. A record that makes no
** sense ends the reading of its ring, which is a problem row. */
#include "ext/base/bytes.h"
#include "ext/base/hash.h"
#include "ext/collect/aggregates.h"
#include "ext/collect/collect.h"
#include "ext/collect/waiting.h"
#include "ext/probe/page.h"
#include "ext/pythia_probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

enum { TEXTS = 1024, PROGRESS_EVERY = 4096, MOST_HELD = 1 << 17, END_TRIES = 1000 };
#define HOLD_NS  ((int64_t)600 * 1000000000)
#define HELD_KEY "points"

typedef struct OpenPage {
    char *path;
    PythiaPage page;
    uint64_t *from; /* [ring]: read up to here */
} OpenPage;

/* A process as resource of its spans. */
typedef struct Process {
    PythiaResource resource; /* serial 0: not yet looked at */
    PythiaText host;
    uint64_t pid;
    PythiaAttribute attributes[3];
} Process;

typedef struct CachedText {
    uint32_t ref;
    PythiaText text;
} CachedText;

/* The reading of one page. */
typedef struct Reading {
    const OpenPage *open;
    const PythiaSink *sink;
    uint64_t *serial;
    int64_t *records;
    PythiaWaiting *held;
    PythiaAggregates aggregates;
    char **error;
    PythiaArena arena;   /* of texts, as long as the page is read */
    PythiaArena scratch; /* of one record */
    Process *processes;  /* [process] */
    CachedText *texts;   /* direct mapped by offset */
    uint32_t ring;
    uint64_t at; /* position of the record in the ring */
} Reading;

typedef struct Pages {
    OpenPage *pages;
    size_t n, capacity;
} Pages;

static int64_t clock_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ------------------------------------------------------------------ texts and processes */

/* A copy in the arena, valid UTF-8. */
static int text_copy(PythiaArena *arena, PythiaText from, PythiaText *to) {
    char bytes[PYTHIA_PAGE_TEXT_BYTES];
    if (from.n > sizeof bytes) from.n = sizeof bytes;
    if (from.n) memcpy(bytes, from.p, from.n); /* first: it may change while it is looked at */
    PythiaText copy = {bytes, from.n};
    PythiaBuf clean = {0};
    if (!pythia_text_is_utf8(copy)) {
        pythia_buf_utf8(&clean, copy);
        copy = (PythiaText){(const char *)clean.data, clean.n};
    }
    char *p = clean.rc ? NULL : pythia_arena_copy(arena, copy.p, copy.n);
    *to = (PythiaText){p, copy.n};
    pythia_buf_clear(&clean);
    return p ? SQLITE_OK : SQLITE_NOMEM;
}

/* The text of an offset; "?" where there is none. */
static int text_of(Reading *r, uint32_t ref, PythiaText *text) {
    CachedText *cached = &r->texts[ref / 8 % TEXTS];
    const char *p;
    if (!cached->text.p || cached->ref != ref) {
        int n = pythia_page_text(&r->open->page, ref, &p);
        PythiaText found = n > 0 ? (PythiaText){p, (size_t)n} : PYTHIA_TEXT("?");
        int rc = text_copy(&r->arena, found, &cached->text);
        if (rc) {
            cached->text.p = NULL;
            return rc;
        }
        cached->ref = ref;
    }
    *text = cached->text;
    return SQLITE_OK;
}

static int slot_text(Reading *r, uint32_t slot, PythiaText *text) {
    const PythiaPage *page = &r->open->page;
    uint32_t ref =
        slot < page->geometry.nslots ? PYTHIA_GET(&pythia_page_slot(page, slot)->name) : 0;
    return text_of(r, ref, text);
}

/* Fills a resource from service, host and pid; the texts are borrowed. */
static int resource_make(PythiaArena *arena, PythiaText host, uint64_t pid, uint64_t serial,
                         Process *process) {
    char instance[PYTHIA_PAGE_TEXT_BYTES + 32];
    int n = snprintf(instance, sizeof instance, "%.*s%s%llu", (int)host.n, host.p ? host.p : "",
                     host.n ? "/" : "", (unsigned long long)pid);
    process->host = host;
    process->pid = pid;
    process->resource.instance =
        (PythiaText){pythia_arena_copy(arena, instance, (size_t)n), (size_t)n};
    if (!process->resource.instance.p) return SQLITE_NOMEM;
    process->attributes[0] = (PythiaAttribute){.key = PYTHIA_TEXT("service.name"),
                                               .type = PYTHIA_VALUE_TEXT,
                                               .text = process->resource.service};
    process->attributes[1] = (PythiaAttribute){
        .key = PYTHIA_TEXT("process.pid"), .type = PYTHIA_VALUE_INT, .integer = (int64_t)pid};
    process->attributes[2] =
        (PythiaAttribute){.key = PYTHIA_TEXT("host.name"), .type = PYTHIA_VALUE_TEXT, .text = host};
    process->resource.attributes = process->attributes;
    process->resource.n = host.n ? 3 : 2;
    process->resource.serial = serial;
    return SQLITE_OK;
}

static int process_of(Reading *r, uint32_t number, const Process **found) {
    const PythiaPage *page = &r->open->page;
    if (number >= page->geometry.nprocesses) number = 0;
    Process *process = &r->processes[number];
    *found = process;
    if (process->resource.serial) return SQLITE_OK;
    const PythiaPageProcess *from = pythia_page_process(page, number);
    PythiaText host = {NULL, 0};
    uint32_t ref = PYTHIA_GET(&from->host);
    int rc = text_of(r, PYTHIA_ACQUIRE(&from->service), &process->resource.service);
    if (!rc && ref) rc = text_of(r, ref, &host);
    return rc ? rc
              : resource_make(&r->arena, host, (uint32_t)PYTHIA_GET(&from->owner), (*r->serial)++,
                              process);
}

/* The name of a trace point without the service. */
static PythiaText without_service(PythiaText name, PythiaText service) {
    size_t n = service.n;
    if (name.n > n + 1 && name.p[n] == '/' && memcmp(name.p, service.p, n) == 0)
        return (PythiaText){name.p + n + 1, name.n - n - 1};
    return name;
}

/* ------------------------------------------------------------------ records */

static int problem(const Reading *r, const char *kind, const char *detail) {
    PythiaProblem row = {.kind = kind, .position = (int64_t)r->at, .detail = detail};
    return r->sink->problem(r->sink->context, &row);
}

static PythiaRef ref_of(uint64_t hi, uint64_t lo, uint32_t form) {
    return (PythiaRef){.id = {hi, lo, form}};
}

static uint64_t made_id(const Reading *r, uint64_t salt) {
    uint64_t id =
        pythia_hash_mix(r->open->page.geometry.id ^ salt, ((uint64_t)r->ring << 48) ^ r->at);
    return id ? id : 1;
}

/* Reads the values of a record into attributes that lie in the arena. Values that do not fit into the
** record are left out. */
static int values_read(Reading *r, PythiaArena *arena, const uint64_t *words, unsigned n,
                       PythiaAttribute **attributes, size_t *count) {
    unsigned values = words[PYTHIA_WORD_HEAD] >> 24 & 0xff, at = PYTHIA_RECORD_WORDS;
    int rc = SQLITE_OK;
    if (values > PYTHIA_PROBE_VALUES) values = PYTHIA_PROBE_VALUES;
    *count = 0;
    *attributes = pythia_arena_alloc(arena, (values + 1) * sizeof **attributes);
    if (!*attributes) return SQLITE_NOMEM;
    for (unsigned i = 0; i < values && at < n && !rc; i++) {
        uint64_t head = words[at++];
        unsigned type = head >> 32 & 0xff, bytes = head >> 40 & 0xff;
        unsigned need = type == PYTHIA_PROBE_TEXT ? (bytes + 7) / 8 : 1;
        if (need > n - at) break;
        PythiaAttribute *a = &(*attributes)[*count];
        memset(a, 0, sizeof *a);
        PythiaText key;
        rc = text_of(r, (uint32_t)head, &key);
        if (!rc) rc = text_copy(arena, key, &a->key); /* a held point outlives the page's texts */
        switch (type) {
        case PYTHIA_PROBE_INT:
        case PYTHIA_PROBE_BOOL:
            a->type = type == PYTHIA_PROBE_INT ? PYTHIA_VALUE_INT : PYTHIA_VALUE_BOOL;
            a->integer = type == PYTHIA_PROBE_INT ? (int64_t)words[at] : words[at] != 0;
            break;
        case PYTHIA_PROBE_REAL:
            a->type = PYTHIA_VALUE_DOUBLE;
            memcpy(&a->real, &words[at], sizeof a->real);
            break;
        case PYTHIA_PROBE_TEXT:
            a->type = PYTHIA_VALUE_TEXT;
            if (!rc) rc = text_copy(arena, (PythiaText){(const char *)&words[at], bytes}, &a->text);
            break;
        default:
            at += need;
            continue;
        }
        at += need;
        (*count)++;
    }
    return rc;
}

/* Gives the points of a span to its record. */
static int points_attach(PythiaArena *arena, PythiaWaitingPoint *points, PythiaRecord *record) {
    size_t n = 0;
    for (const PythiaWaitingPoint *p = points; p; p = p->next)
        n++;
    if (!n) return SQLITE_OK;
    PythiaPointRecord *list = pythia_arena_alloc(arena, n * sizeof *list);
    if (!list) return SQLITE_NOMEM;
    record->points = list;
    record->npoints = n;
    for (const PythiaWaitingPoint *p = points; p; p = p->next)
        *list++ = (PythiaPointRecord){
            .time_ns = p->time_ns, .name = p->name, .attributes = p->attributes, .n = p->n};
    return SQLITE_OK;
}

static int kind_of(uint32_t flags) {
    switch (flags & 0xf00) {
    case PYTHIA_PROBE_SERVER:
        return PYTHIA_KIND_SERVER;
    case PYTHIA_PROBE_CLIENT:
        return PYTHIA_KIND_CLIENT;
    case PYTHIA_PROBE_PRODUCER:
        return PYTHIA_KIND_PRODUCER;
    case PYTHIA_PROBE_CONSUMER:
        return PYTHIA_KIND_CONSUMER;
    default:
        return PYTHIA_KIND_INTERNAL;
    }
}

static int time_fits(uint64_t start, uint64_t duration) {
    return start <= (uint64_t)PYTHIA_TIME_MAX && duration <= (uint64_t)PYTHIA_TIME_MAX - start;
}

static int take_span(Reading *r, const uint64_t *words, unsigned n) {
    uint64_t hi = words[PYTHIA_WORD_TRACE_HI], lo = words[PYTHIA_WORD_TRACE_LO];
    uint64_t id = words[PYTHIA_WORD_SPAN], parent = words[PYTHIA_WORD_PARENT];
    uint32_t slot = (uint32_t)(words[PYTHIA_WORD_HEAD] >> 32);
    const Process *process;
    PythiaText name;
    PythiaAttribute *attributes;
    PythiaRecord record = {.start_ns = (int64_t)words[PYTHIA_WORD_TIME]};
    if (!time_fits(words[PYTHIA_WORD_TIME], words[PYTHIA_WORD_DURATION]))
        return problem(r, "time", "a span with a time that is none");
    if ((!hi && !lo) || !id) return problem(r, "span", "a span without ids");
    int rc = process_of(r, words[PYTHIA_WORD_ORIGIN] & 0xffff, &process);
    if (!rc) rc = slot_text(r, slot, &name);
    if (!rc) rc = values_read(r, &r->scratch, words, n, &attributes, &record.nattributes);
    if (!rc) rc = points_attach(&r->scratch, pythia_waiting_take(r->held, hi, lo, id), &record);
    if (rc) return rc;
    record.trace = ref_of(hi, lo, PYTHIA_ID_HEX32);
    record.span = ref_of(0, id, PYTHIA_ID_HEX16);
    record.parent = ref_of(0, parent, parent ? PYTHIA_ID_HEX16 : PYTHIA_ID_NONE);
    record.resource = &process->resource;
    record.operation = without_service(name, process->resource.service);
    if (slot < r->open->page.geometry.nslots)
        record.kind = kind_of(PYTHIA_GET(&pythia_page_slot(&r->open->page, slot)->flags));
    record.status =
        (words[PYTHIA_WORD_ORIGIN] >> 24 & 0xff) == 2 ? PYTHIA_STATUS_ERROR : PYTHIA_STATUS_UNSET;
    record.end_ns = record.start_ns + (int64_t)words[PYTHIA_WORD_DURATION];
    record.attributes = attributes;
    ++*r->records;
    return r->sink->span(r->sink->context, &record);
}

/* A point as a span of no length. */
static int point_as_span(const PythiaSink *sink, const PythiaWaitingPoint *p,
                         const PythiaResource *resource) {
    PythiaRecord record = {
        .trace = ref_of(p->trace_hi, p->trace_lo, PYTHIA_ID_HEX32),
        .span = ref_of(0, p->id, PYTHIA_ID_HEX16),
        .parent = ref_of(0, p->span, p->span ? PYTHIA_ID_HEX16 : PYTHIA_ID_NONE),
        .resource = resource,
        .operation = p->operation,
        .start_ns = p->time_ns,
        .end_ns = p->time_ns,
        .attributes = p->attributes,
        .nattributes = p->n,
    };
    return sink->span(sink->context, &record);
}

static int take_point(Reading *r, const uint64_t *words, unsigned n) {
    uint32_t parent = (uint32_t)(words[PYTHIA_WORD_ORIGIN] >> 32);
    const Process *process;
    PythiaText name = {NULL, 0}, span_name = {NULL, 0};
    PythiaArena *arena = &r->held->arena;
    PythiaWaitingPoint *p = pythia_arena_alloc(arena, sizeof *p);
    if (!p) return SQLITE_NOMEM;
    if (!time_fits(words[PYTHIA_WORD_TIME], 0))
        return problem(r, "time", "a point with a time that is none");
    memset(p, 0, sizeof *p);
    p->trace_hi = words[PYTHIA_WORD_TRACE_HI];
    p->trace_lo = words[PYTHIA_WORD_TRACE_LO];
    p->span = words[PYTHIA_WORD_SPAN];
    p->id = made_id(r, 0);
    p->time_ns = (int64_t)words[PYTHIA_WORD_TIME];
    int rc = process_of(r, words[PYTHIA_WORD_ORIGIN] & 0xffff, &process);
    if (!rc) rc = slot_text(r, (uint32_t)(words[PYTHIA_WORD_HEAD] >> 32), &name);
    if (!rc && parent != PYTHIA_NO_SLOT) rc = slot_text(r, parent, &span_name);
    if (!rc) rc = text_copy(arena, process->resource.service, &p->service);
    if (!rc) rc = text_copy(arena, process->host, &p->host);
    if (!rc) rc = text_copy(arena, without_service(name, p->service), &p->operation);
    if (!rc) rc = values_read(r, arena, words, n, &p->attributes, &p->n);
    if (rc) return rc;
    p->pid = process->pid;
    ++*r->records;
    if (!p->trace_hi && !p->trace_lo) { /* a trace of its own */
        p->trace_hi = r->open->page.geometry.id;
        p->trace_lo = made_id(r, 1);
        p->span = 0;
    }
    PythiaText rest = without_service(name, span_name);
    if (!p->span || !span_name.n || rest.n == name.n)
        return point_as_span(r->sink, p, &process->resource);
    rc = text_copy(arena, rest, &p->name);
    return rc ? rc : pythia_waiting_add(r->held, p);
}

/* ------------------------------------------------------------------ aggregates */

/* The name of a request type; p NULL: it is not known, or one of many. */
static int type_text(Reading *r, unsigned type, PythiaText *text) {
    *text = (PythiaText){NULL, 0};
    if (type == PYTHIA_TYPE_NONE || type >= PYTHIA_TYPE_OTHER) return SQLITE_OK;
    uint32_t ref = PYTHIA_GET(&pythia_page_types(&r->open->page, type)->name);
    return ref ? text_of(r, ref, text) : SQLITE_OK;
}

static int take_cell(Reading *r, const PythiaPageCell *cell) {
    PythiaText name = {NULL, 0}, type = {NULL, 0};
    int changed;
    if (!cell->serial || !(cell->n | cell->missing)) return SQLITE_OK;
    const char *wrong = pythia_cell_problem(cell);
    if (wrong) return problem(r, "aggregate", wrong);
    int rc = slot_text(r, cell->slot, &name);
    if (!rc) rc = type_text(r, cell->what >> 8 & 0xff, &type);
    if (!rc) rc = pythia_aggregates_put(&r->aggregates, cell, name, type, &changed, r->error);
    if (!rc && changed) ++*r->records;
    return rc;
}

static int take_aggregate(Reading *r, const uint64_t *words, unsigned n) {
    PythiaPageCell cell;
    if (n != PYTHIA_RECORD_WORDS + PYTHIA_CELL_WORDS)
        return problem(r, "record", "an aggregate of the wrong size");
    memcpy(&cell, words + PYTHIA_RECORD_WORDS, sizeof cell);
    return take_cell(r, &cell);
}

/* Whether nobody writes to a ring any more. */
static int ring_left(const PythiaPage *page, const PythiaPageRing *ring) {
    uint32_t number = (uint32_t)PYTHIA_GET(&ring->owner) - 1;
    if (number >= page->geometry.nprocesses) return 1;
    int32_t pid = (int32_t)PYTHIA_GET(&pythia_page_process(page, number)->owner);
    return pid <= 0 || (kill(pid, 0) && errno == ESRCH);
}

/* A copy of a cell of one moment; 0 when its writer does not come to an end. Of one that died in writing it is what
** it has left: all but the last hit, of which some may be there. */
static int cell_copy(const PythiaPage *page, const PythiaPageRing *ring, const PythiaPageCell *from,
                     PythiaPageCell *to) {
    const struct timespec pause = {0, 1000000};
    const uint64_t *source = (const uint64_t *)(const void *)from;
    uint64_t words[PYTHIA_CELL_WORDS];
    for (int i = 0; i < END_TRIES; i++) {
        uint64_t version = PYTHIA_ACQUIRE(&from->version);
        for (unsigned j = 0; j < PYTHIA_CELL_WORDS; j++)
            words[j] = PYTHIA_ACQUIRE(&source[j]);
        if (!(version & 1) && PYTHIA_GET(&from->version) == version) break;
        if (i < END_TRIES - 1) {
            if (i >= END_TRIES - 3) nanosleep(&pause, NULL);
        } else if (!ring_left(page, ring)) {
            return 0;
        }
    }
    memcpy(to, words, sizeof words);
    return 1;
}

/* The cells of a ring that are in use now. One that cannot be had is read the next time. */
static int cells_read(Reading *r, uint32_t number) {
    const PythiaPage *page = &r->open->page;
    const PythiaPageRing *ring = pythia_page_ring(page, number);
    const PythiaPageCell *cells = pythia_page_cells(page, ring);
    PythiaPageCell cell;
    int rc = SQLITE_OK;
    r->ring = number;
    r->at = 0;
    for (uint32_t i = 0; i < page->geometry.ncells && PYTHIA_GET(&ring->celled) && !rc; i++) {
        if (!PYTHIA_ACQUIRE(&cells[i].serial)) continue;
        if (cell_copy(page, ring, &cells[i], &cell))
            rc = take_cell(r, &cell);
        else
            rc =
                problem(r, "aggregate", "a cell is being written: what it has is not taken in yet");
    }
    return rc;
}

/* ------------------------------------------------------------------ rings */

static int take_record(Reading *r, const uint64_t *words, unsigned n) {
    int rc;
    pythia_arena_reset(&r->scratch);
    switch (words[PYTHIA_WORD_HEAD] >> 16 & 0xff) {
    case PYTHIA_RECORD_SPAN:
        rc = take_span(r, words, n);
        break;
    case PYTHIA_RECORD_POINT:
        rc = take_point(r, words, n);
        break;
    case PYTHIA_RECORD_AGGREGATE:
        rc = take_aggregate(r, words, n);
        break;
    default:
        rc = problem(r, "record", "a record of a kind that is not known");
        break;
    }
    if (!rc && *r->records % PROGRESS_EVERY == 0 && r->sink->progress)
        rc = r->sink->progress(r->sink->context, 0, -1);
    return rc;
}

/* Reads the records between two positions, as far as they are whole. *from is where it came to. */
static int ring_records(Reading *r, const PythiaPageRing *ring, uint64_t *from, uint64_t head) {
    const PythiaPage *page = &r->open->page;
    const uint64_t *data = pythia_page_words(page, ring);
    uint64_t mask = page->geometry.ring_bytes / 8 - 1, words[PYTHIA_RECORD_MAX_WORDS];
    int rc = SQLITE_OK;
    while (*from < head && !rc) {
        uint64_t at = *from / 8, n = PYTHIA_GET(&data[at & mask]) & 0xffff;
        r->at = *from;
        int whole =
            n >= PYTHIA_RECORD_WORDS && n <= PYTHIA_RECORD_MAX_WORDS && n * 8 <= head - *from;
        for (uint64_t i = 0; whole && i < n; i++)
            words[i] = PYTHIA_GET(&data[(at + i) & mask]);
        /* A writer that overwrites moves the tail before it writes. */
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        uint64_t tail = PYTHIA_GET(&ring->tail);
        if (tail > *from && tail % 8 == 0) {
            *from = tail < head ? tail : head;
            continue;
        }
        if (!whole || (words[0] & 0xffff) != n) {
            *from = head;
            return problem(r, "ring",
                           "a record that makes no sense: the rest of the ring is skipped");
        }
        rc = take_record(r, words, (unsigned)n);
        *from += n * 8;
    }
    return rc;
}

/* Head and tail of one moment, as far as a writer that moves both lets us have them. */
static void ends_read(const PythiaPageRing *ring, uint64_t *head, uint64_t *tail) {
    uint64_t before = PYTHIA_ACQUIRE(&ring->tail);
    for (int i = 0; i < END_TRIES; i++) {
        *head = PYTHIA_ACQUIRE(&ring->head);
        *tail = PYTHIA_ACQUIRE(&ring->tail);
        if (*tail == before) return;
        before = *tail;
    }
}

static int ring_read(Reading *r, uint32_t number, uint64_t *from) {
    const PythiaPage *page = &r->open->page;
    const PythiaPageRing *ring = pythia_page_ring(page, number);
    uint64_t head, tail;
    if (!PYTHIA_GET(&ring->used)) return SQLITE_OK;
    ends_read(ring, &head, &tail);
    r->ring = number;
    r->at = tail;
    if (head % 8 || tail % 8 || tail > head || head - tail > page->geometry.ring_bytes) {
        *from = head & ~(uint64_t)7;
        return problem(r, "ring", "head and tail of a ring contradict each other: it is skipped");
    }
    if (*from < tail || *from > head || *from % 8) *from = tail;
    return ring_records(r, ring, from, head);
}

static void page_key(const OpenPage *open, char key[32]) {
    snprintf(key, 32, "page.%016llx", (unsigned long long)open->page.geometry.id);
}

/* Reads how far the database has the rings; 0 for those of which it knows nothing. */
static int marks_read(PythiaStore *store, OpenPage *open, char **error) {
    char key[32];
    PythiaBuf mark = {0};
    page_key(open, key);
    int rc = pythia_collect_mark_read(store, key, &mark, error);
    for (uint32_t i = 0; i < open->page.geometry.nrings && !rc; i++)
        open->from[i] =
            (size_t)(i + 1) * 8 <= mark.n ? pythia_load64(mark.data + (size_t)i * 8) : 0;
    pythia_buf_clear(&mark);
    return rc;
}

static int marks_write(PythiaStore *store, const OpenPage *open, char **error) {
    char key[32];
    PythiaBuf mark = {0};
    page_key(open, key);
    for (uint32_t i = 0; i < open->page.geometry.nrings; i++)
        pythia_buf_u64(&mark, open->from[i]);
    int rc = mark.rc;
    if (!rc)
        rc = pythia_collect_mark_write(store, key, (PythiaText){(const char *)mark.data, mark.n},
                                       error);
    pythia_buf_clear(&mark);
    return rc;
}

static int page_read(PythiaStore *store, OpenPage *open, PythiaWaiting *held,
                     const PythiaSink *sink, uint64_t *serial, int64_t *records, char **error) {
    Reading r = {.open = open,
                 .sink = sink,
                 .serial = serial,
                 .records = records,
                 .held = held,
                 .aggregates = {.store = store},
                 .error = error};
    int rc = marks_read(store, open, error);
    r.processes = pythia_alloc_zero(open->page.geometry.nprocesses * sizeof *r.processes);
    r.texts = pythia_alloc_zero(TEXTS * sizeof *r.texts);
    if (!rc && (!r.processes || !r.texts)) rc = SQLITE_NOMEM;
    for (uint32_t i = 0; i < open->page.geometry.nrings && !rc; i++)
        rc = ring_read(&r, i, &open->from[i]);
    for (uint32_t i = 0; i < open->page.geometry.nrings && !rc; i++)
        rc = cells_read(&r, i);
    pythia_aggregates_end(&r.aggregates);
    if (!rc) rc = marks_write(store, open, error);
    pythia_free(r.processes);
    pythia_free(r.texts);
    pythia_arena_clear(&r.arena);
    pythia_arena_clear(&r.scratch);
    return rc;
}

/* ------------------------------------------------------------------ the source */

static void pages_release(Pages *pages) {
    for (size_t i = 0; i < pages->n; i++) {
        pythia_page_close(&pages->pages[i].page);
        pythia_free(pages->pages[i].from);
        sqlite3_free(pages->pages[i].path);
    }
    pages->n = 0;
}

/* Opens a page and takes its lock, unless that is done already; a page that cannot be had is left out. */
static int pages_take(Pages *pages, const char *path) {
    for (size_t i = 0; i < pages->n; i++)
        if (strcmp(pages->pages[i].path, path) == 0) return SQLITE_OK;
    int rc =
        pythia_grow((void **)&pages->pages, &pages->capacity, pages->n + 1, sizeof *pages->pages);
    if (rc) return rc;
    OpenPage *open = &pages->pages[pages->n];
    memset(open, 0, sizeof *open);
    if (pythia_page_open(&open->page, path, NULL)) return SQLITE_OK;
    for (size_t i = 0; i < pages->n; i++) /* the same under two names */
        if (pages->pages[i].page.geometry.id == open->page.geometry.id) rc = SQLITE_DONE;
    if (!rc && pythia_page_lock(&open->page, PYTHIA_LOCK_COLLECT)) rc = SQLITE_DONE;
    if (!rc) open->path = sqlite3_mprintf("%s", path);
    if (!rc) open->from = pythia_alloc_zero(open->page.geometry.nrings * sizeof *open->from + 1);
    if (!rc && open->path && open->from) {
        pages->n++;
        return SQLITE_OK;
    }
    pythia_page_close(&open->page);
    pythia_free(open->from);
    sqlite3_free(open->path);
    return rc == SQLITE_DONE ? SQLITE_OK : SQLITE_NOMEM;
}

static int pages_find(Pages *pages, PythiaStore *store, char **error) {
    PythiaBackendRows rows = {0};
    int rc = pythia_store_backends(store, &rows, error);
    for (size_t i = 0; i < rows.n && !rc; i++)
        if (pythia_text_equal(rows.rows[i].kind, PYTHIA_TEXT("page")) && rows.rows[i].target.p)
            rc = pages_take(pages, rows.rows[i].target.p);
    pythia_backend_rows_clear(&rows);
    return rc;
}

/* Points that have waited too long become spans. */
static int held_settle(PythiaWaiting *held, const PythiaSink *sink, uint64_t *serial) {
    PythiaWaitingPoint *point = pythia_waiting_overdue(held, clock_now() - HOLD_NS, MOST_HELD);
    int rc = SQLITE_OK;
    for (; point && !rc; point = point->next) {
        Process process = {.resource.service = point->service};
        rc = resource_make(&held->arena, point->host, point->pid, (*serial)++, &process);
        if (!rc) rc = point_as_span(sink, point, &process.resource);
    }
    return rc;
}

static int pages_drain(void *self, PythiaStore *store, const PythiaSink *sink, uint64_t *serial,
                       int64_t *records, char **error) {
    Pages *pages = self;
    PythiaWaiting held = {0};
    PythiaBuf mark = {0};
    int rc = pages_find(pages, store, error);
    if (!rc && pages->n) rc = pythia_collect_mark_read(store, HELD_KEY, &mark, error);
    size_t had = mark.n;
    if (!rc) rc = pythia_waiting_read(&held, (PythiaText){(const char *)mark.data, mark.n});
    for (size_t i = 0; i < pages->n && !rc; i++)
        rc = page_read(store, &pages->pages[i], &held, sink, serial, records, error);
    if (!rc) rc = held_settle(&held, sink, serial);
    mark.n = 0;
    pythia_waiting_write(&held, &mark);
    if (!rc) rc = mark.rc;
    if (!rc && (had || mark.n))
        rc = pythia_collect_mark_write(store, HELD_KEY,
                                       (PythiaText){(const char *)mark.data, mark.n}, error);
    pythia_buf_clear(&mark);
    pythia_waiting_clear(&held);
    return rc;
}

/* A savepoint may have been rolled back since: what the database says is what was taken. */
static int pages_sync(void *self, PythiaStore *store, char **error) {
    Pages *pages = self;
    int rc = SQLITE_OK;
    for (size_t i = 0; i < pages->n && !rc; i++)
        rc = marks_read(store, &pages->pages[i], error);
    return rc;
}

static void pages_commit(void *self) {
    Pages *pages = self;
    for (size_t i = 0; i < pages->n; i++) {
        const OpenPage *open = &pages->pages[i];
        for (uint32_t j = 0; j < open->page.geometry.nrings; j++) {
            if (!open->from[j]) continue;
            PythiaPageRing *ring = pythia_page_ring(&open->page, j);
            uint64_t tail = PYTHIA_GET(&ring->tail), head = PYTHIA_ACQUIRE(&ring->head);
            /* A writer that overwrites may have gone on meanwhile. */
            while ((tail < open->from[j] || tail > head) && open->from[j] <= head)
                if (PYTHIA_SWAP(&ring->tail, &tail, open->from[j])) break;
        }
    }
    pages_release(pages);
}

static void pages_rollback(void *self) {
    pages_release(self);
}

static void pages_close(void *self) {
    Pages *pages = self;
    pages_release(pages);
    pythia_free(pages->pages);
    pythia_free(pages);
}

int pythia_pages_source(PythiaSource *source) {
    Pages *pages = pythia_alloc_zero(sizeof *pages);
    if (!pages) return SQLITE_NOMEM;
    *source = (PythiaSource){pages,        "pages",        pages_drain, pages_sync,
                             pages_commit, pages_rollback, pages_close};
    return SQLITE_OK;
}
