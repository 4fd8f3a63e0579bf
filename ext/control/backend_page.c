/* backend_page.c - programs reached through a control page; see ext/probe/layout.h.
**
** target is the path of the page. Programs and sessions come and go: a page that is not there yet makes the
** back end unavailable, and what it must be told stays due; a slot that no session ever wrote says so (told 0),
** so that a page that was made anew is told everything again.
**
** prepare takes the page's control lock, finds the slot of every change and counts the settings that will be
** needed; it changes nothing that a program acts on. apply writes: a setting is complete before its slot
** names it, and is not used again for a while after it was taken out, because a program may be reading it.
**
** What holds for one request type, and what holds for all others, are settings of one chain. That for all
** others is the last, and covers all types but those that were named. */
#include "ext/control/backend.h"
#include "ext/control/control.h"
#include "ext/probe/page.h"
#include "ext/pythia_probe.h"
#include "ext/reduce/reduce.h"

#include <errno.h>
#include <time.h>

enum {
    LOCK_TRIES = 100,          /* a millisecond each */
    REST_TRIES = 100,          /* likewise; twice as long as a rest */
    REST_NS = 50 * 1000 * 1000 /* for which a setting that was taken out is not used again */
};

/* A change, ready to be written. */
typedef struct Planned {
    uint32_t slot, type; /* type PYTHIA_NO_SLOT: all that are not named */
    int enabled;
    unsigned has_setting;
    PythiaPageSetting setting;
} Planned;

typedef struct PageData {
    PythiaPage page;
    int locked;
    Planned *plan;
    unsigned char *used; /* [setting] */
    uint32_t next_free;
} PageData;

/* ------------------------------------------------------------------ opening and listing */

static const char *open_problem(int error) {
    switch (error) {
    case ENOENT:
        return "there is no such page: no program has made it yet";
    case EBADMSG:
        return "the file is not a control page of this version";
    case EPERM:
        return "the file belongs to another user, or others may write to it";
    case ELOOP:
        return "the path is a symbolic link";
    case ENAMETOOLONG:
        return "the path is too long";
    default:
        return NULL;
    }
}

static int page_describe(PythiaBackend *backend, const PythiaPage *page) {
    uint32_t processes = 0, points = 0;
    const PythiaPageHeader *header = pythia_page_header(page);
    for (uint32_t i = 0; i < page->geometry.nprocesses; i++)
        processes += PYTHIA_GET(&pythia_page_process(page, i)->owner) != 0;
    for (uint32_t i = 0; i < page->geometry.nslots; i++)
        points += PYTHIA_GET(&pythia_page_slot(page, i)->name) != 0;
    uint64_t lost = PYTHIA_GET(&header->lost_points);
    backend->detail =
        sqlite3_mprintf("control page, %u trace points, %u processes so far%s", points, processes,
                        lost ? "; it is full: some trace points found no slot" : "");
    return backend->detail ? SQLITE_OK : SQLITE_NOMEM;
}

static int page_open(PythiaBackend *backend, char **error) {
    (void)error;
    PageData *data = pythia_alloc_zero(sizeof *data);
    if (!data) return SQLITE_NOMEM;
    backend->data = data;
    int problem = pythia_page_open(&data->page, backend->target, NULL);
    backend->available = problem == 0;
    if (!problem) return page_describe(backend, &data->page);
    const char *text = open_problem(problem);
    backend->detail = text ? sqlite3_mprintf("%s", text)
                           : sqlite3_mprintf("cannot be opened: %s", strerror(problem));
    return backend->detail ? SQLITE_OK : SQLITE_NOMEM;
}

static void plan_clear(PageData *data) {
    if (data->locked) pythia_page_unlock(&data->page, PYTHIA_LOCK_CONTROL);
    data->locked = 0;
    pythia_free(data->plan);
    pythia_free(data->used);
    data->plan = NULL;
    data->used = NULL;
}

static void page_close(PythiaBackend *backend) {
    PageData *data = backend->data;
    backend->data = NULL;
    if (!data) return;
    plan_clear(data);
    if (data->page.base) pythia_page_close(&data->page);
    pythia_free(data);
}

/* Copies the name of a slot, which may change while we look; 0 when it has none. */
static int slot_name(const PythiaPage *page, uint32_t i, char name[PYTHIA_PAGE_TEXT_BYTES + 1]) {
    const char *text;
    int n = pythia_page_text(page, PYTHIA_GET(&pythia_page_slot(page, i)->name), &text);
    if (n <= 0) return 0;
    memcpy(name, text, (size_t)n);
    name[n] = 0;
    return strlen(name) == (size_t)n;
}

static int page_list(PythiaBackend *backend, int *lists, PythiaBackendEach each, void *context,
                     char **error) {
    (void)error;
    const PageData *data = backend->data;
    char name[PYTHIA_PAGE_TEXT_BYTES + 1];
    int rc = SQLITE_OK;
    *lists = 1;
    for (uint32_t i = 0; data->page.base && i < data->page.geometry.nslots && !rc; i++) {
        const PythiaPageSlot *slot = pythia_page_slot(&data->page, i);
        if (!PYTHIA_GET(&slot->name) || !slot_name(&data->page, i, name)) continue;
        uint32_t flags = PYTHIA_GET(&slot->flags);
        PythiaControlPoint point = {name, (flags & PYTHIA_PROBE_DEFAULT_ON) != 0,
                                    (flags & PYTHIA_PROBE_ALWAYS_ON) != 0};
        rc = each(context, &point, PYTHIA_GET(&slot->told) != 0);
    }
    return rc;
}

static int64_t bounded(uint64_t count) {
    return count > INT64_MAX ? INT64_MAX : (int64_t)count;
}

static int page_count(PythiaBackend *backend, PythiaBackendEachCount each, void *context) {
    const PageData *data = backend->data;
    char name[PYTHIA_PAGE_TEXT_BYTES + 1];
    int rc = SQLITE_OK;
    for (uint32_t i = 0; data->page.base && i < data->page.geometry.nslots && !rc; i++) {
        if (!PYTHIA_GET(&pythia_page_slot(&data->page, i)->name)) continue;
        if (!slot_name(&data->page, i, name)) continue;
        PythiaPageCounters *c = pythia_page_counters(&data->page, i);
        uint64_t filtered = PYTHIA_GET(&c->filtered);
        PythiaBackendCount count = {.name = name,
                                    .hits = bounded(PYTHIA_GET(&c->hits) + filtered),
                                    .bytes = bounded(PYTHIA_GET(&c->bytes)),
                                    .cost_ns = bounded(PYTHIA_GET(&c->cost_ns)),
                                    .last_ns = bounded(PYTHIA_GET(&c->last_ns)),
                                    .filtered = bounded(filtered),
                                    .dropped = bounded(PYTHIA_GET(&c->dropped))};
        rc = each(context, &count);
    }
    return rc;
}

/* Rings that were full, or gave up old records; no ring; signal handlers that came in between. */
static int64_t page_lost(PythiaBackend *backend) {
    const PythiaPage *page = &((const PageData *)backend->data)->page;
    if (!page->base) return 0;
    uint64_t sum = PYTHIA_GET(&pythia_page_header(page)->lost_nested);
    for (uint32_t i = 0; i < page->geometry.nslots; i++)
        sum += PYTHIA_GET(&pythia_page_counters(page, i)->dropped);
    for (uint32_t i = 0; i < page->geometry.nrings; i++)
        sum += PYTHIA_GET(&pythia_page_ring(page, i)->lost);
    return bounded(sum);
}

/* ------------------------------------------------------------------ settings */

/* The chain of a slot's settings, copied; returns how many. */
static int chain_read(const PythiaPage *page, const PythiaPageSlot *slot, uint32_t *numbers,
                      PythiaPageSetting *settings) {
    uint32_t at = PYTHIA_GET(&slot->setting);
    int n = 0;
    while (at && at <= page->geometry.nsettings && n < PYTHIA_PAGE_TYPES) {
        const PythiaPageSetting *setting = pythia_page_setting(page, at - 1);
        numbers[n] = at - 1;
        if (settings) settings[n] = *setting;
        n++;
        at = PYTHIA_GET(&setting->next);
    }
    return n;
}

/* Marks what must not be used: settings in use, and those that programs may still be reading, which are at rest.
** Returns how many are free. */
static uint32_t settings_mark(PageData *data, uint32_t *resting) {
    const PythiaPage *page = &data->page;
    uint32_t numbers[PYTHIA_PAGE_TYPES], nfree = 0;
    uint64_t now = (uint64_t)pythia_control_now();
    *resting = 0;
    memset(data->used, 0, (size_t)page->geometry.nsettings + 1);
    for (uint32_t i = 0; i < page->geometry.nslots; i++) {
        const PythiaPageSlot *slot = pythia_page_slot(page, i);
        if (!PYTHIA_GET(&slot->setting)) continue;
        for (int n = chain_read(page, slot, numbers, NULL); n-- > 0;)
            data->used[numbers[n]] = 1;
    }
    for (uint32_t i = 0; i < page->geometry.nsettings; i++) {
        uint64_t retired = PYTHIA_GET(&pythia_page_setting(page, i)->retired_ns);
        int rests = !data->used[i] && retired && retired <= now && now - retired < REST_NS;
        *resting += (uint32_t)rests;
        nfree += !data->used[i] && !rests;
        data->used[i] |= (unsigned char)rests;
    }
    return nfree;
}

/* Whether there are so many free settings; where those at rest would do, their rest is waited for. */
static int settings_are_free(PageData *data, uint64_t need) {
    struct timespec pause = {0, 1000000};
    uint32_t resting, nfree = settings_mark(data, &resting);
    for (int i = 0; i < REST_TRIES && need > nfree && need <= nfree + resting; i++) {
        nanosleep(&pause, NULL);
        nfree = settings_mark(data, &resting);
    }
    return need <= nfree;
}

/* Writes a setting to a free place; its number plus 1. prepare has seen to it that there is one. */
static uint32_t setting_write(PageData *data, const PythiaPageSetting *from) {
    const PythiaPage *page = &data->page;
    while (data->next_free < page->geometry.nsettings && data->used[data->next_free])
        data->next_free++;
    if (data->next_free >= page->geometry.nsettings) return 0;
    uint32_t number = data->next_free++;
    PythiaPageSetting *to = pythia_page_setting(page, number);
    uint64_t version = PYTHIA_GET(&to->version) | 1;
    PYTHIA_SET(&to->version, version);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    const uint64_t *source = (const uint64_t *)(const void *)from;
    uint64_t *words = (uint64_t *)(void *)to;
    for (size_t i = 0; i < sizeof *to / 8; i++)
        if (i != offsetof(PythiaPageSetting, version) / 8) PYTHIA_SET(&words[i], source[i]);
    PYTHIA_RELEASE(&to->version, version + 1);
    return number + 1;
}

/* ------------------------------------------------------------------ telling */

static uint64_t bit_of(uint32_t type) {
    return (uint64_t)1 << (type & 63);
}

static PythiaText column_text(sqlite3_stmt *statement, int column) {
    const char *p = (const char *)sqlite3_column_text(statement, column);
    return (PythiaText){p, p ? (size_t)sqlite3_column_bytes(statement, column) : 0};
}

/* Puts a program into a setting; its texts become texts of the page. */
static int plan_program(PageData *data, const PythiaReduction *from, PythiaPageSetting *setting,
                        char **error) {
    uint32_t n = from->npredicate + from->nvalue + from->ngroup;
    setting->nsteps = from->npredicate;
    setting->nvalue = from->nvalue;
    setting->ngroup = from->ngroup;
    setting->aggregate = from->aggregate;
    setting->window_ns = from->window_ns;
    for (uint32_t i = 0; i < n; i++) {
        const PythiaReductionStep *step = &from->steps[i];
        setting->steps[i] = (PythiaPageStep){.code = step->code, .bits = step->bits};
        if (!step->text.p) continue;
        setting->steps[i].text = pythia_page_intern(&data->page, step->text.p, step->text.n);
        if (!setting->steps[i].text)
            return pythia_fail(error, SQLITE_FULL, "the page has no room for more texts");
    }
    return SQLITE_OK;
}

/* What the present row of parameters says of a reduction. */
static int plan_reduction(PageData *data, sqlite3_stmt *statement, int64_t rule_id,
                          PythiaPageSetting *setting, char **error) {
    PythiaReduction reduction;
    PythiaReductionTexts texts = {column_text(statement, 3), column_text(statement, 4),
                                  column_text(statement, 5), sqlite3_column_int64(statement, 6)};
    setting->rule_id = pythia_reduction_rule(&texts, sqlite3_column_double(statement, 0), rule_id);
    if (!texts.predicate.p && !texts.aggregate.p) return SQLITE_OK;
    int rc = pythia_reduction_compile(&texts, &reduction, error);
    return rc ? rc : plan_program(data, &reduction, setting, error);
}

/* Reads the parameters of a change into a setting. */
static int plan_parameters(PythiaBackend *backend, sqlite3_stmt **statement,
                           const PythiaControlChange *change, Planned *planned, char **error) {
    const char *parameters = change->parameters;
    if (!parameters || strcmp(parameters, "{}") == 0) return SQLITE_OK;
    int rc = SQLITE_OK, problem = SQLITE_OK;
    if (!*statement)
        rc = sqlite3_prepare_v3(backend->db,
                                "SELECT ?1 ->> 'sample', ?1 ->> 'expires_ns', ?1 ->> 'then',"
                                " ?1 ->> 'predicate', ?1 ->> 'aggregate', ?1 ->> 'group_by',"
                                " ?1 ->> 'window_ms'",
                                -1, SQLITE_PREPARE_NO_VTAB, statement, NULL);
    if (!rc) rc = sqlite3_bind_text(*statement, 1, parameters, -1, SQLITE_STATIC);
    if (rc) return rc;
    if (sqlite3_step(*statement) == SQLITE_ROW) {
        double sample = sqlite3_column_double(*statement, 0);
        planned->has_setting = 1;
        planned->setting.sample = sample > 0 && sample < 1 ? (uint32_t)(sample * 4294967296.0) : 0;
        if (sample > 0 && sample < 1 && !planned->setting.sample) planned->setting.sample = 1;
        planned->setting.expires_ns = sqlite3_column_int64(*statement, 1);
        planned->setting.then_on = sqlite3_column_int(*statement, 2) != 0;
        problem =
            plan_reduction(backend->data, *statement, change->rule_id, &planned->setting, error);
    }
    rc = sqlite3_reset(*statement);
    sqlite3_clear_bindings(*statement);
    return rc ? rc : problem;
}

/* Finds what a change is about, and adds to *need the settings that telling it may take. */
static int plan_change(PythiaBackend *backend, sqlite3_stmt **statement,
                       const PythiaControlChange *change, Planned *planned, uint64_t *need,
                       char **error) {
    PageData *data = backend->data;
    uint32_t numbers[PYTHIA_PAGE_TYPES];
    planned->slot =
        pythia_page_slot_find(&data->page, change->tracepoint, strlen(change->tracepoint));
    planned->type = PYTHIA_NO_SLOT;
    planned->enabled = change->enabled;
    if (change->request_type)
        planned->type =
            pythia_page_type_claim(&data->page, change->request_type, strlen(change->request_type));
    int rc = plan_parameters(backend, statement, change, planned, error);
    if (planned->slot == PYTHIA_NO_SLOT) return rc;
    int n = chain_read(&data->page, pythia_page_slot(&data->page, planned->slot), numbers, NULL);
    *need += (uint64_t)n + planned->has_setting;
    return rc;
}

static int page_lock(PageData *data) {
    struct timespec pause = {0, 1000000};
    int problem = EAGAIN;
    for (int i = 0; i < LOCK_TRIES && problem == EAGAIN; i++) {
        problem = pythia_page_lock(&data->page, PYTHIA_LOCK_CONTROL);
        if (problem == EAGAIN) nanosleep(&pause, NULL);
    }
    data->locked = !problem;
    return problem;
}

static int page_prepare(PythiaBackend *backend, const PythiaControlChange *changes, int n,
                        char **error) {
    PageData *data = backend->data;
    sqlite3_stmt *statement = NULL;
    uint64_t need = 0;
    if (page_lock(data))
        return pythia_fail(error, SQLITE_BUSY, "another session is writing to the page");
    data->next_free = 0;
    data->plan = pythia_alloc_zero((size_t)n * sizeof *data->plan);
    data->used = pythia_alloc_zero((size_t)data->page.geometry.nsettings + 1);
    int rc = data->plan && data->used ? SQLITE_OK : SQLITE_NOMEM;
    for (int i = 0; i < n && !rc; i++) {
        rc = plan_change(backend, &statement, &changes[i], &data->plan[i], &need, error);
        need += data->plan[i]
                    .has_setting; /* two changes of one slot make its chain longer in between */
    }
    /* Most changes need none: then the settings, which are large, are not looked at. */
    if (!rc && need && !settings_are_free(data, need))
        rc = pythia_fail(error, SQLITE_FULL, "the page has no room for %lld settings more",
                         (sqlite3_int64)need);
    sqlite3_finalize(statement);
    if (rc) plan_clear(data);
    return rc;
}

/* Puts the settings of a slot in place of those it has. */
static void chain_write(PageData *data, PythiaPageSlot *slot, PythiaPageSetting *settings, int n) {
    const PythiaPage *page = &data->page;
    uint32_t numbers[PYTHIA_PAGE_TYPES], next = 0;
    int before = chain_read(page, slot, numbers, NULL);
    uint64_t now = (uint64_t)pythia_control_now();
    for (int i = n; i-- > 0;) {
        settings[i].next = next;
        next = setting_write(data, &settings[i]);
    }
    PYTHIA_RELEASE(&slot->setting, next);
    for (int i = 0; i < before; i++)
        PYTHIA_SET(&pythia_page_setting(page, numbers[i])->retired_ns, now);
}

/* The chain with a change made to it: without the setting that it had for this type, with the new one where
** there is one; what is for all stays the last. Returns whether it differs. */
static int chain_change(PythiaPageSetting *settings, int *n, const Planned *planned,
                        uint64_t named) {
    int all = planned->type == PYTHIA_NO_SLOT, kept = 0, changed = 0;
    for (int i = 0; i < *n; i++) {
        int mine = settings[i].for_all ? all : !all && settings[i].types == bit_of(planned->type);
        changed |= mine;
        if (!mine) settings[kept++] = settings[i];
    }
    if (planned->has_setting && kept <= PYTHIA_PAGE_TYPES) {
        int at = all ? kept : 0;
        memmove(&settings[at + 1], &settings[at], (size_t)(kept - at) * sizeof(PythiaPageSetting));
        settings[at] = planned->setting;
        settings[at].for_all = all ? 1 : 0;
        settings[at].types = all ? 0 : bit_of(planned->type);
        kept++;
        changed = 1;
    }
    for (int i = 0; i < kept; i++)
        if (settings[i].for_all && settings[i].types != ~named) {
            settings[i].types = ~named;
            changed = 1;
        }
    *n = kept;
    return changed;
}

static void change_apply(PageData *data, const Planned *planned) {
    PythiaPageSlot *slot = pythia_page_slot(&data->page, planned->slot);
    PythiaPageSetting settings[PYTHIA_PAGE_TYPES + 2];
    uint32_t numbers[PYTHIA_PAGE_TYPES];
    uint64_t mask = PYTHIA_GET(&slot->mask), named = PYTHIA_GET(&slot->named), bits;
    if (planned->type == PYTHIA_NO_SLOT) {
        bits = ~named;
    } else {
        bits = bit_of(planned->type);
        named |= bits;
    }
    mask = planned->enabled ? mask | bits : mask & ~bits;
    if (PYTHIA_GET(&slot->flags) & PYTHIA_PROBE_ALWAYS_ON) mask = ~(uint64_t)0;
    int n = chain_read(&data->page, slot, numbers, settings);
    int changed = chain_change(settings, &n, planned, named);
    PYTHIA_SET(&slot->named, named);
    if (!planned->enabled) PYTHIA_RELEASE(&slot->mask, mask);
    if (changed) chain_write(data, slot, settings, n);
    if (planned->enabled) PYTHIA_RELEASE(&slot->mask, mask);
    uint32_t told = PYTHIA_GET(&slot->told) + 1;
    PYTHIA_SET(&slot->told, told ? told : 1);
}

static void page_apply(PythiaBackend *backend, const PythiaControlChange *changes, int n,
                       unsigned char *failed, char **messages) {
    PageData *data = backend->data;
    (void)changes;
    for (int i = 0; i < n; i++) {
        if (data->plan[i].slot == PYTHIA_NO_SLOT) {
            failed[i] = 1;
            messages[i] = sqlite3_mprintf("the page has no such trace point");
        } else {
            change_apply(data, &data->plan[i]);
        }
    }
    plan_clear(data);
}

static void page_abandon(PythiaBackend *backend, const PythiaControlChange *changes, int n) {
    (void)changes, (void)n;
    plan_clear(backend->data);
}

const PythiaBackendKind pythia_backend_page = {
    .name = "page",
    .target = "the path of a control page",
    .open = page_open,
    .list = page_list,
    .prepare = page_prepare,
    .apply = page_apply,
    .abandon = page_abandon,
    .count = page_count,
    .lost = page_lost,
    .close = page_close,
};
