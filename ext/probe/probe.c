/* probe.c - trace points of a program; see ext/pythia_probe.h.
**
** A site begins with the address of a slot that is on, so that it comes here when it is passed for the first
** time; here it finds its slot in the page by name and keeps the address, or that of a slot that is off for
** ever when there is no page or no room. The page of a process is opened once and never unmapped.
**
** Whatever is on decides in this order: is it on for the type of this request; has its setting expired; is
** this trace in the sample; does the predicate hold; is it added to an aggregate or recorded. A span decides the
** last two at its end, when its values and its duration are known; but one that begins under an aggregate is no
** parent to others, because it will not be recorded: it only gives them its trace. Trace points that are always on
** are recorded whatever the settings say. */
#include "ext/probe/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_BYTES = PYTHIA_PAGE_TEXT_BYTES, PATH_BYTES = 512, COST_EVERY = 256 };
enum { STATE_CLOSED = 0, STATE_OPENING, STATE_OPEN, STATE_FAILED };
enum { SPAN_ROOT = 1, SPAN_QUIET = 2 }; /* quiet: it is not going to be recorded */

const PythiaProbeSlot pythia_probe_unregistered = {~(uint64_t)0};
static const PythiaProbeSlot never = {0};

PythiaPage pythia_probe_mapped;
static int page_state;
static int default_on;
static char page_path[PATH_BYTES];
static char service_name[128];

/* ------------------------------------------------------------------ the page */

static void service_take(const char *given) {
    if (!given || !*given) given = getenv("PYTHIA_SERVICE");
    if (!given || !*given) given = program_invocation_short_name;
    if (!given || !*given) given = "unknown";
    snprintf(service_name, sizeof service_name, "%s", given);
}

/* 0, or ENOENT when the environment wants no page. */
static int path_take(const char *given) {
    if (!given) given = getenv("PYTHIA_PAGE");
    if (given && strcmp(given, "off") == 0) return ENOENT;
    if (given && *given) {
        int n = snprintf(page_path, sizeof page_path, "%s", given);
        return n < 0 || n >= (int)sizeof page_path ? ENAMETOOLONG : 0;
    }
    snprintf(page_path, sizeof page_path, "/dev/shm/pythia.%u.%s", (unsigned)geteuid(),
             service_name);
    for (char *p = page_path + sizeof "/dev/shm/" - 1; *p; p++)
        if (*p == '/') *p = '_';
    return 0;
}

static int page_start(const PythiaProbeOptions *options) {
    static const PythiaProbeOptions none;
    if (!options) options = &none;
    const char *wanted = getenv("PYTHIA_DEFAULT");
    service_take(options->service);
    int error = path_take(options->page);
    if (error) return error;
    default_on = options->default_on || (wanted && strcmp(wanted, "on") == 0);
    PythiaPageMake make = {options->slots, options->rings, options->ring_bytes,
                           options->overwrite ? PYTHIA_PAGE_OVERWRITE : 0, options->cells};
    PythiaPage page;
    error = pythia_page_open(&page, page_path, &make);
    if (error) return error;
    pythia_probe_mapped = page;
    pythia_process_forget(service_name);
    return 0;
}

int pythia_probe_start(const PythiaProbeOptions *options) {
    int state = STATE_CLOSED;
    if (!PYTHIA_SWAP(&page_state, &state, STATE_OPENING)) {
        if (state != STATE_FAILED) return EALREADY;
        if (!PYTHIA_SWAP(&page_state, &state, STATE_OPENING)) return EALREADY;
    }
    int error = page_start(options);
    PYTHIA_RELEASE(&page_state, error ? STATE_FAILED : STATE_OPEN);
    return error;
}

const char *pythia_probe_page(void) {
    return PYTHIA_ACQUIRE(&page_state) == STATE_OPEN ? page_path : NULL;
}

int pythia_probe_opened(void) {
    int state = PYTHIA_ACQUIRE(&page_state);
    if (__builtin_expect(state == STATE_CLOSED, 0)) {
        pythia_probe_start(NULL);
        state = PYTHIA_ACQUIRE(&page_state);
    }
    return state == STATE_OPEN;
}

/* ------------------------------------------------------------------ sites */

static void site_keys(PythiaProbeSite *site) {
    for (uint32_t i = 0; i < site->n; i++)
        PYTHIA_SET(&site->refs[i],
                   pythia_page_intern(&pythia_probe_mapped, site->keys[i], strlen(site->keys[i])));
}

static const PythiaProbeSlot *site_claim(PythiaProbeSite *site, uint32_t used_for) {
    const PythiaPage *page = &pythia_probe_mapped;
    char name[NAME_BYTES + 1];
    int fresh, n = snprintf(name, sizeof name, "%s/%s", service_name, site->name);
    uint32_t at = n > 0 && n < (int)sizeof name
                      ? pythia_page_slot_claim(page, name, (size_t)n, &fresh)
                      : PYTHIA_NO_SLOT;
    if (at == PYTHIA_NO_SLOT) {
        PYTHIA_ADD(&pythia_page_header(page)->lost_points, 1);
        return &never;
    }
    PythiaPageSlot *slot = pythia_page_slot(page, at);
    uint32_t flags =
        (site->flags & (PYTHIA_PROBE_ALWAYS_ON | PYTHIA_PROBE_DEFAULT_ON | 0xf00)) | used_for;
    if (default_on || page->geometry.flags & PYTHIA_PAGE_DEFAULT_ON)
        flags |= PYTHIA_PROBE_DEFAULT_ON;
    __atomic_fetch_or(&slot->flags, flags, __ATOMIC_RELAXED);
    if ((fresh && flags & PYTHIA_PROBE_DEFAULT_ON) || flags & PYTHIA_PROBE_ALWAYS_ON)
        PYTHIA_SET(&slot->mask, ~(uint64_t)0);
    return (const PythiaProbeSlot *)slot;
}

/* The slot of a site, or NULL when it is off for ever or there is no page yet. */
static PythiaPageSlot *site_slot(PythiaProbeSite *site, uint32_t used_for) {
    const PythiaProbeSlot *slot = PYTHIA_ACQUIRE(&site->slot);
    if (__builtin_expect(slot == &pythia_probe_unregistered, 0)) {
        if (!pythia_probe_opened()) {
            if (PYTHIA_ACQUIRE(&page_state) == STATE_FAILED) PYTHIA_RELEASE(&site->slot, &never);
            return NULL;
        }
        site_keys(site);
        slot = site_claim(site, used_for);
        PYTHIA_RELEASE(&site->slot, slot);
    }
    return slot == &never ? NULL : (PythiaPageSlot *)(uintptr_t)slot;
}

static uint32_t slot_number(const PythiaPageSlot *slot) {
    return (uint32_t)(slot - pythia_page_slot(&pythia_probe_mapped, 0));
}

/* ------------------------------------------------------------------ what the session says */

/* The setting that applies to a request type, or NULL. */
static const PythiaPageSetting *setting_of(const PythiaPageSlot *slot, uint32_t type) {
    const PythiaPage *page = &pythia_probe_mapped;
    uint32_t at = PYTHIA_ACQUIRE(&slot->setting);
    for (int i = 0; i < PYTHIA_PAGE_TYPES + 1 && at && at <= page->geometry.nsettings; i++) {
        const PythiaPageSetting *setting = pythia_page_setting(page, at - 1);
        if (PYTHIA_GET(&setting->types) >> type & 1) return setting;
        at = PYTHIA_GET(&setting->next);
    }
    return NULL;
}

/* Whether the setting, if there is one, lets a hit of this trace go on. One that has expired is as if there were
** none. */
static int setting_admits(PythiaThread *thread, const PythiaPageSetting **setting,
                          uint64_t trace_lo) {
    if (!*setting) return 1;
    int64_t expires = PYTHIA_GET(&(*setting)->expires_ns);
    if (expires && pythia_clock() >= expires) {
        int on = PYTHIA_GET(&(*setting)->then_on) != 0;
        *setting = NULL;
        return on;
    }
    uint32_t sample = PYTHIA_GET(&(*setting)->sample);
    if (!sample) return 1;
    if (!trace_lo) trace_lo = pythia_thread_random(thread);
    return (uint32_t)(trace_lo >> 16) < sample;
}

static void count_filtered(uint32_t slot) {
    PYTHIA_ADD(&pythia_page_counters(&pythia_probe_mapped, slot)->filtered, 1);
}

static void count_cost(PythiaPageCounters *counters, uint64_t hits, int64_t since) {
    if (__builtin_expect(hits % COST_EVERY != 0, 1)) return;
    int64_t took = pythia_clock() - since;
    if (took > 0) PYTHIA_ADD(&counters->cost_ns, (uint64_t)took * COST_EVERY);
}

/* Adds a hit to an aggregate. */
static void hit_add(PythiaThread *thread, const PythiaReduced *reduced, uint32_t slot,
                    uint32_t type, int64_t now) {
    PythiaPageCounters *counters = pythia_page_counters(&pythia_probe_mapped, slot);
    PYTHIA_SET(&counters->last_ns, (uint64_t)now);
    if (pythia_ring_get(thread) && pythia_cell_add(thread, reduced, slot, type, now)) {
        count_cost(counters, PYTHIA_ADD(&counters->filtered, 1), now);
    } else {
        PYTHIA_ADD(&counters->hits, 1);
        PYTHIA_ADD(&counters->dropped, 1);
    }
}

/* Runs the program of a setting. 1: the hit is to be recorded; 0: it was left out or added up, and counted.
** now 0: it is not known yet. */
static int setting_passes(PythiaThread *thread, const PythiaPageSetting *setting, uint32_t slot,
                          uint32_t type, const PythiaReduceInput *input, int64_t now) {
    PythiaReduced reduced;
    if (!PYTHIA_GET(&setting->nsteps) && !PYTHIA_GET(&setting->aggregate)) return 1;
    const PythiaPage *page = &pythia_probe_mapped;
    uint32_t number = (uint32_t)(setting - pythia_page_setting(page, 0));
    switch (pythia_reduce(page, number, input, &reduced)) {
    case PYTHIA_REDUCE_RECORD:
        return 1;
    case PYTHIA_REDUCE_ADD:
        hit_add(thread, &reduced, slot, type, now ? now : pythia_clock());
        return 0;
    default:
        count_filtered(slot);
        return 0;
    }
}

/* ------------------------------------------------------------------ records */

/* The words of a record with these values. *texts: 1 when one is a text; lengths: of those. */
static unsigned record_words(uint32_t n, const PythiaProbeValue *values, unsigned char *lengths,
                             int *texts) {
    unsigned words = PYTHIA_RECORD_WORDS + 2 * n;
    *texts = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (__builtin_expect(values[i].type != PYTHIA_PROBE_TEXT, 1)) continue;
        const char *text = values[i].of.text;
        *texts = 1;
        lengths[i] = text ? (unsigned char)strnlen(text, PYTHIA_PROBE_TEXT_BYTES) : 0;
        words += (lengths[i] + 7u) / 8 - 1;
    }
    return words;
}

/* Writes the values behind the words of a record. */
static void values_put(uint64_t *words, uint32_t n, const uint32_t *refs,
                       const PythiaProbeValue *values, const unsigned char *lengths) {
    for (uint32_t i = 0; i < n; i++) {
        uint64_t head = PYTHIA_GET(&refs[i]) | (uint64_t)(values[i].type & 0xff) << 32;
        if (values[i].type == PYTHIA_PROBE_TEXT) {
            unsigned length = lengths[i], whole = (length + 7) / 8;
            *words++ = head | (uint64_t)length << 40;
            if (whole) words[whole - 1] = 0;
            if (length) memcpy(words, values[i].of.text, length);
            words += whole;
        } else {
            *words++ = head;
            memcpy(words++, &values[i].of, sizeof(uint64_t));
        }
    }
}

/* The same where none is a text. */
static inline void numbers_put(uint64_t *words, uint32_t n, const uint32_t *refs,
                               const PythiaProbeValue *values) {
    for (uint32_t i = 0; i < n; i++) {
        words[2 * i] = PYTHIA_GET(&refs[i]) | (uint64_t)(values[i].type & 0xff) << 32;
        memcpy(&words[2 * i + 1], &values[i].of, sizeof(uint64_t));
    }
}

static uint64_t word_head(unsigned n, unsigned kind, unsigned values, uint32_t slot) {
    return n | (uint64_t)kind << 16 | (uint64_t)values << 24 | (uint64_t)slot << 32;
}

static uint64_t word_origin(const PythiaThread *thread, uint32_t type, uint32_t status,
                            uint32_t parent_slot) {
    return (thread->process & 0xffff) | (uint64_t)(type & 0xff) << 16 |
           (uint64_t)(status & 0xff) << 24 | (uint64_t)parent_slot << 32;
}

/* A record on its way. */
typedef struct Record {
    uint64_t *words; /* NULL: it is dropped */
    unsigned n;
    unsigned char lengths[PYTHIA_PROBE_VALUES];
    uint64_t spare[PYTHIA_RECORD_MAX_WORDS];
} Record;

/* Finds room for a record with these values, and writes them. The number of the process is known from here on. */
static void record_begin(PythiaThread *thread, Record *record, const PythiaProbeSite *site,
                         const PythiaProbeValue *values) {
    uint32_t n = site->n <= PYTHIA_PROBE_VALUES ? site->n : PYTHIA_PROBE_VALUES;
    record->words = NULL;
    if (!pythia_ring_get(thread)) {
        PYTHIA_ADD(&pythia_page_header(&pythia_probe_mapped)->lost_records, 1);
        return;
    }
    int texts;
    record->n = record_words(n, values, record->lengths, &texts);
    uint64_t *words = record->words = pythia_ring_room(thread, record->n, record->spare);
    if (!words) return;
    if (__builtin_expect(texts, 0))
        values_put(words + PYTHIA_RECORD_WORDS, n, site->refs, values, record->lengths);
    else
        numbers_put(words + PYTHIA_RECORD_WORDS, n, site->refs, values);
}

/* Publishes it, and counts the hit. */
static void record_end(PythiaThread *thread, const Record *record, uint32_t slot, int64_t now) {
    PythiaPageCounters *counters = pythia_page_counters(&pythia_probe_mapped, slot);
    uint64_t hits = PYTHIA_ADD(&counters->hits, 1);
    PYTHIA_SET(&counters->last_ns, (uint64_t)now);
    if (__builtin_expect(!record->words, 0)) {
        PYTHIA_ADD(&counters->dropped, 1);
    } else {
        pythia_ring_done(thread, record->words, record->n, record->spare);
        /* Not atomic: threads that pass at the same instant may count one of them. */
        PYTHIA_SET(&counters->bytes, PYTHIA_GET(&counters->bytes) + record->n * 8);
    }
    count_cost(counters, hits, now);
}

/* ------------------------------------------------------------------ points and spans */

static int thread_in(PythiaThread *thread) {
    if (__builtin_expect(thread->busy, 0)) {
        if (pythia_probe_mapped.base)
            PYTHIA_ADD(&pythia_page_header(&pythia_probe_mapped)->lost_nested, 1);
        return 0;
    }
    thread->busy = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return 1;
}

static void thread_out(PythiaThread *thread) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    thread->busy = 0;
}

static int slot_is_on(const PythiaPageSlot *slot, uint32_t type) {
    return (int)(PYTHIA_GET(&slot->mask) >> (type & 63) & 1);
}

static int always_on(const PythiaPageSlot *slot) {
    return (PYTHIA_GET(&slot->flags) & PYTHIA_PROBE_ALWAYS_ON) != 0;
}

static void point_record(PythiaThread *thread, const PythiaPageSlot *slot,
                         const PythiaProbeSite *site, const PythiaProbeValue *values) {
    Record record;
    uint32_t number = slot_number(slot);
    const PythiaPageSetting *setting = setting_of(slot, thread->type);
    if (__builtin_expect(setting != NULL, 0) && !always_on(slot)) {
        PythiaReduceInput input = {site, values, -1};
        if (!setting_admits(thread, &setting, thread->trace_lo)) {
            count_filtered(number);
            return;
        }
        if (setting && !setting_passes(thread, setting, number, thread->type, &input, 0)) return;
    }
    int64_t now = pythia_clock();
    record_begin(thread, &record, site, values);
    uint64_t *words = record.words;
    if (words) {
        words[PYTHIA_WORD_HEAD] = word_head(record.n, PYTHIA_RECORD_POINT, site->n, number);
        words[PYTHIA_WORD_ORIGIN] =
            word_origin(thread, thread->type, 0, thread->span ? thread->span_slot : PYTHIA_NO_SLOT);
        words[PYTHIA_WORD_TIME] = (uint64_t)now;
        words[PYTHIA_WORD_TRACE_HI] = thread->trace_hi;
        words[PYTHIA_WORD_TRACE_LO] = thread->trace_lo;
        words[PYTHIA_WORD_SPAN] = thread->span;
        words[PYTHIA_WORD_PARENT] = 0;
        words[PYTHIA_WORD_DURATION] = 0;
    }
    record_end(thread, &record, number, now);
}

void pythia_probe_point(PythiaProbeSite *site, const PythiaProbeValue *values) {
    PythiaThread *thread = &pythia_thread;
    if (!thread_in(thread)) return;
    PythiaPageSlot *slot = site_slot(site, PYTHIA_SLOT_POINT);
    if (slot && slot_is_on(slot, thread->type)) point_record(thread, slot, site, values);
    thread_out(thread);
}

/* The request type that a slot begins: its own name. */
static uint32_t slot_type(PythiaPageSlot *slot) {
    uint32_t type = PYTHIA_GET(&slot->type);
    const char *name;
    if (type) return type & 63;
    int n = pythia_page_text(&pythia_probe_mapped, PYTHIA_GET(&slot->name), &name);
    type =
        n > 0 ? pythia_page_type_claim(&pythia_probe_mapped, name, (size_t)n) : PYTHIA_TYPE_OTHER;
    PYTHIA_SET(&slot->type, type);
    return type;
}

static void span_start(PythiaThread *thread, PythiaProbeSite *site, PythiaProbeSpan *span,
                       PythiaPageSlot *slot) {
    int root = !thread->trace_hi && !thread->trace_lo;
    uint64_t trace_hi = thread->trace_hi, trace_lo = thread->trace_lo;
    uint32_t type = thread->type ? thread->type : root ? slot_type(slot) : 0;
    if (!slot_is_on(slot, type)) return;
    if (root) {
        trace_hi = pythia_thread_random(thread);
        trace_lo = pythia_thread_random(thread);
    }
    const PythiaPageSetting *setting = always_on(slot) ? NULL : setting_of(slot, type);
    if (!setting_admits(thread, &setting, trace_lo)) {
        count_filtered(slot_number(slot));
        return;
    }
    int quiet = setting && PYTHIA_GET(&setting->aggregate);
    span->id = quiet ? 0 : pythia_thread_random(thread);
    span->parent = thread->span;
    span->trace_hi = thread->trace_hi = trace_hi;
    span->trace_lo = thread->trace_lo = trace_lo;
    span->type = type;
    span->parent_slot = span->parent ? thread->span_slot : PYTHIA_NO_SLOT;
    span->status = 0;
    span->state = (root ? SPAN_ROOT : 0) | (quiet ? SPAN_QUIET : 0);
    thread->type = type;
    if (!quiet) {
        thread->span = span->id;
        thread->span_slot = slot_number(slot);
    }
    span->site = site;
    span->start_ns = pythia_clock();
}

void pythia_probe_begin(PythiaProbeSite *site, PythiaProbeSpan *span) {
    PythiaThread *thread = &pythia_thread;
    if (!thread_in(thread)) return;
    PythiaPageSlot *slot = site_slot(site, PYTHIA_SLOT_SPAN);
    if (slot) span_start(thread, site, span, slot);
    thread_out(thread);
}

static void span_record(PythiaThread *thread, const PythiaProbeSpan *span, uint32_t slot,
                        const PythiaProbeSite *site, const PythiaProbeValue *values,
                        int64_t duration, int64_t now) {
    Record record;
    record_begin(thread, &record, site, values);
    uint64_t *words = record.words;
    if (words) {
        words[PYTHIA_WORD_HEAD] = word_head(record.n, PYTHIA_RECORD_SPAN, site->n, slot);
        words[PYTHIA_WORD_ORIGIN] =
            word_origin(thread, span->type, span->status, span->parent_slot);
        words[PYTHIA_WORD_TIME] = (uint64_t)span->start_ns;
        words[PYTHIA_WORD_TRACE_HI] = span->trace_hi;
        words[PYTHIA_WORD_TRACE_LO] = span->trace_lo;
        words[PYTHIA_WORD_SPAN] = span->id;
        words[PYTHIA_WORD_PARENT] = span->parent;
        words[PYTHIA_WORD_DURATION] = (uint64_t)duration;
    }
    record_end(thread, &record, slot, now);
}

/* The end of a span: under the setting that holds now, but recorded only if it began as one that is. */
static void span_finish(PythiaThread *thread, const PythiaProbeSpan *span,
                        const PythiaProbeSite *site, const PythiaProbeValue *values) {
    const PythiaPageSlot *slot = (const PythiaPageSlot *)PYTHIA_GET(&span->site->slot);
    uint32_t number = slot_number(slot);
    int64_t now = pythia_clock();
    /* The clock may have been set back. */
    int64_t duration = now > span->start_ns ? now - span->start_ns : 0;
    const PythiaPageSetting *setting = setting_of(slot, span->type);
    if (__builtin_expect(setting != NULL, 0) && !always_on(slot)) {
        PythiaReduceInput input = {site, values, duration};
        int64_t expires = PYTHIA_GET(&setting->expires_ns);
        int holds = !expires || span->start_ns < expires;
        if (holds && !setting_passes(thread, setting, number, span->type, &input, now)) return;
    }
    if (span->state & SPAN_QUIET)
        count_filtered(number); /* the aggregate that it began under is gone */
    else
        span_record(thread, span, number, site, values, duration, now);
}

/* Gives the thread back what it had before a span. */
static void span_leave(PythiaThread *thread, const PythiaProbeSpan *span) {
    if (span->state & SPAN_QUIET) {
        if (thread->trace_hi != span->trace_hi || thread->trace_lo != span->trace_lo) return;
    } else {
        if (thread->span != span->id) return;
        thread->span = span->parent;
        thread->span_slot = span->parent_slot;
    }
    if (span->state & SPAN_ROOT) thread->trace_hi = thread->trace_lo = thread->type = 0;
}

void pythia_probe_end(PythiaProbeSpan *span, PythiaProbeSite *site,
                      const PythiaProbeValue *values) {
    PythiaThread *thread = &pythia_thread;
    if (!span->site || !thread_in(thread)) return;
    if (PYTHIA_ACQUIRE(&site->slot) == &pythia_probe_unregistered) {
        site_keys(site);
        PYTHIA_RELEASE(&site->slot, &never);
    }
    span_finish(thread, span, site, values);
    span_leave(thread, span);
    span->site = NULL;
    thread_out(thread);
}
