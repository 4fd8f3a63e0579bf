/* intake.c - taking records in: one open trace for each trace id, finished when nothing more is expected.
**
** A record is copied into its open trace: names become numbers, texts go to the trace's arena. Open traces
** form two lists by the time of their last record: those that have their root, and those that wait for it. A
** trace is finished when its root is there and a window of records of other traces has gone by since its last
** one, when unfinished traces hold half of `memory_limit_mb` (the one that was quiet longest first, with a root
** or without), and at the end. Finishing too early costs time, never correctness: a record that comes later
** reopens the stored trace. The window is small at first, because what is open for a short time stays in the
** processor's caches, and grows up to `assembly_window` when it turns out to be too small.
**
** Finishing: look the trace up in the store; if it is there, put the stored spans before the new ones and,
** unless all of the new ones were there already, replace it. Build, analyse, add to its group, append to
** the store. */
#include "ext/base/atoms.h"
#include "ext/capture/appended.h"
#include "ext/capture/internal.h"

typedef struct OpenTrace OpenTrace;
struct OpenTrace {
    PythiaTrace trace;
    OpenTrace *next;          /* in the hash chain, or in the free list */
    OpenTrace *older, *newer; /* in its list */
    int64_t last_record;      /* number of the last record */
    size_t bytes;             /* rough size */
    int has_root;
    int rooted; /* the list that it is in */
    int lately; /* there was such a trace since the last flush; -1: not asked yet */
};

/* Open traces by their last record. */
typedef struct OpenList {
    OpenTrace *oldest, *newest;
} OpenList;

/* A resource as last seen under a serial. */
typedef struct ResourceEntry {
    uint64_t serial;
    PythiaArena arena; /* of one that is not kept until the end */
    PythiaResourceSet set;
    uint32_t service, instance; /* strings */
    int lasting;                /* the values are kept until the end */
    const PythiaTrace *trace;   /* where it was added last, if it is lasting ... */
    uint32_t index;             /* ... and what it was there */
} ResourceEntry;

/* What the operation of a record with an atom was, last time: the trace point that it is of its service. */
typedef struct NameEntry {
    uint32_t service, atom; /* 0: none yet */
    uint32_t operation, tracepoint;
    int folded; /* the operation is not the raw name */
} NameEntry;

enum {
    RESOURCE_ENTRIES = 64,
    LASTING_BYTES = 4 * 1024 * 1024, /* resources that are kept until the end */
    NAME_ENTRIES = 4096,
    FIRST_WINDOW = 2048,
    WINDOW_GROWTH = 8,
    FIRST_BUCKETS = 1024,
    FREE_TRACES = 256,
    KEPT_BYTES = 64 * 1024
};

struct PythiaIntake {
    PythiaCapture *capture;
    PythiaNames *names;
    PythiaPoll *poll; /* borrowed */
    OpenTrace **buckets;
    uint32_t mask;
    uint32_t nopen;
    OpenList open[2]; /* without a root, with one */
    OpenTrace *free_list;
    uint32_t nfree;
    size_t open_bytes, bytes_limit;
    int64_t window, widest_window, records;
    ResourceEntry resources[RESOURCE_ENTRIES];
    PythiaArena lasting;   /* resources, until LASTING_BYTES */
    NameEntry *names_seen; /* NAME_ENTRIES, by service and atom */
    char *drop; /* setting drop_attributes, its commas made zeros; "": nothing is dropped */
    size_t drop_bytes;
    uint8_t *dropped; /* [string]: 0 not asked yet, 1 kept, 2 dropped */
    size_t dropped_capacity;
    uint32_t *atom_strings; /* [atom]: string, 0: not asked yet */
    PythiaTrace merged;     /* scratch: a stored trace with its late spans */
    PythiaAnalysis analysis;
    PythiaAppended appended; /* since the last flush */
    int store_was_empty;
    uint8_t *used_resolution; /* [service]: exponent with which traces were analysed */
    size_t used_capacity;
    uint32_t nused;
    int resolution_changed; /* a tolerance changed after it was used */
    uint32_t raw_key;       /* string: the attribute that keeps a folded name */
    sqlite3_stmt *problem;  /* INSERT */
    PythiaImportStats stats;
};

/* ---- opening and closing ------------------------------------------------------------------------------- */

enum { NOT_USED = 0xfe };

/* What is stored was analysed with the resolutions of now. */
static int use_resolutions(PythiaIntake *in) {
    int rc = pythia_grow((void **)&in->used_resolution, &in->used_capacity,
                         (size_t)in->names->nresolution + 1, 1);
    if (rc) return rc;
    for (uint32_t i = 0; i < in->names->nresolution; i++) {
        uint8_t now = in->names->resolution[i];
        in->used_resolution[i] = now == PYTHIA_NO_RESOLUTION ? NOT_USED : now;
    }
    in->nused = in->names->nresolution;
    in->resolution_changed = 0;
    return SQLITE_OK;
}

int pythia_intake_open(PythiaCapture *capture, PythiaPoll *poll, PythiaIntake **intake,
                       char **error) {
    double window = 0, megabytes = 0;
    *intake = NULL;
    int rc = pythia_capture_settle(capture, poll, error);
    if (!rc) rc = pythia_capture_begin(capture, error);
    if (!rc) rc = pythia_model_load(capture, error);
    if (!rc) rc = pythia_renames_load(capture, error);
    if (!rc) rc = pythia_groups_load(capture, error);
    if (!rc) rc = pythia_capture_setting_number(capture, "assembly_window", &window, error);
    if (!rc) rc = pythia_capture_setting_number(capture, "memory_limit_mb", &megabytes, error);
    char *drop = NULL;
    if (!rc) rc = pythia_capture_setting(capture, "drop_attributes", &drop, error);
    PythiaIntake *in = rc ? NULL : pythia_alloc_zero(sizeof *in);
    if (!in) {
        sqlite3_free(drop);
        pythia_store_discard(capture->store);
        return rc ? rc : SQLITE_NOMEM;
    }
    in->capture = capture;
    in->names = pythia_store_names(capture->store);
    in->poll = poll;
    in->drop = drop;
    in->drop_bytes = strlen(drop);
    for (char *comma = strchr(drop, ','); comma; comma = strchr(comma + 1, ','))
        *comma = 0;
    in->widest_window = (int64_t)window;
    in->window = window < FIRST_WINDOW ? (int64_t)window : FIRST_WINDOW;
    in->bytes_limit = (size_t)(megabytes * 1048576 / 2);
    in->store_was_empty = pythia_store_segment_count(capture->store) == 0;
    in->mask = FIRST_BUCKETS - 1;
    in->buckets = pythia_alloc_zero(FIRST_BUCKETS * sizeof(OpenTrace *));
    in->names_seen = pythia_alloc_zero(NAME_ENTRIES * sizeof *in->names_seen);
    in->atom_strings = pythia_alloc_zero((PYTHIA_ATOMS_MOST + 1) * sizeof *in->atom_strings);
    rc = in->buckets && in->names_seen && in->atom_strings ? SQLITE_OK : SQLITE_NOMEM;
    if (!rc) rc = use_resolutions(in);
    if (!rc) rc = pythia_names_string(in->names, PYTHIA_TEXT("raw_name"), &in->raw_key);
    if (!rc)
        rc = pythia_store_prepare(
            capture->store, &in->problem,
            "INSERT INTO \"%w\".pythia_xproblem(kind, trace_id, span_id, detail)"
            " VALUES(?1, ?2, NULL, ?3)",
            error);
    if (rc)
        pythia_intake_close(in);
    else
        *intake = in;
    return rc;
}

static void open_trace_free(OpenTrace *open) {
    pythia_trace_clear(&open->trace);
    pythia_free(open);
}

void pythia_intake_close(PythiaIntake *in) {
    if (!in) return;
    for (int rooted = 0; rooted < 2; rooted++)
        for (OpenTrace *open = in->open[rooted].oldest, *next; open; open = next) {
            next = open->newer;
            open_trace_free(open);
        }
    for (OpenTrace *open = in->free_list, *next; open; open = next) {
        next = open->next;
        open_trace_free(open);
    }
    for (int i = 0; i < RESOURCE_ENTRIES; i++)
        pythia_arena_clear(&in->resources[i].arena);
    pythia_store_discard(in->capture->store);
    pythia_store_forget_presence(in->capture->store);
    pythia_trace_clear(&in->merged);
    pythia_analysis_clear(&in->analysis);
    pythia_appended_clear(&in->appended);
    pythia_arena_clear(&in->lasting);
    sqlite3_free(in->drop);
    pythia_free(in->dropped);
    pythia_free(in->names_seen);
    pythia_free(in->atom_strings);
    pythia_free(in->used_resolution);
    pythia_free(in->buckets);
    sqlite3_finalize(in->problem);
    pythia_free(in);
}

/* ---- records into open traces ---------------------------------------------------------------------------- */

/* The string of a text that may have an atom. */
static int take_string(PythiaIntake *in, PythiaText text, uint32_t atom, uint32_t *id) {
    *id = in->atom_strings[atom];
    if (atom && *id) return SQLITE_OK;
    int rc = pythia_names_string(in->names, text, id);
    if (atom) in->atom_strings[atom] = *id;
    return rc;
}

/* Whether the setting says that attributes with this key are left out; asked of the patterns once a key. */
static int take_drops(PythiaIntake *in, uint32_t key, int *drops) {
    size_t had = in->dropped_capacity;
    int rc = pythia_grow((void **)&in->dropped, &in->dropped_capacity, (size_t)key + 1, 1);
    if (rc) return rc;
    if (in->dropped_capacity > had) memset(in->dropped + had, 0, in->dropped_capacity - had);
    uint8_t *known = &in->dropped[key];
    PythiaText text = pythia_names_text(in->names, key);
    const char *end = in->drop + in->drop_bytes;
    for (const char *p = in->drop; !*known && p < end; p += strlen(p) + 1)
        if (*p && sqlite3_strglob(p, text.p) == 0) *known = 2;
    if (!*known) *known = 1;
    *drops = *known == 2;
    return SQLITE_OK;
}

/* A text without an atom, copied to the arena. */
static int take_text(PythiaArena *arena, PythiaText text, PythiaValue *value) {
    if (text.n > INT32_MAX) return SQLITE_TOOBIG;
    value->of.text = pythia_arena_copy(arena, text.p, text.n);
    return value->of.text ? SQLITE_OK : SQLITE_NOMEM;
}

/* Turns an attribute into a value. */
static inline int take_value(PythiaIntake *in, PythiaArena *arena, const PythiaAttribute *a,
                             PythiaValue *value) {
    int text = a->type >= PYTHIA_VALUE_TEXT, rc = SQLITE_OK;
    value->type = (uint32_t)a->type;
    value->atom = a->text_atom;
    value->n = text ? (uint32_t)a->text.n : 0;
    value->of.integer = a->integer; /* or the double, or where the text is: unions are bits */
    value->key = in->atom_strings[a->key_atom];
    if (!value->key) rc = take_string(in, a->key, a->key_atom, &value->key);
    return rc || !text || a->text_atom ? rc : take_text(arena, a->text, value);
}

_Static_assert(offsetof(PythiaAttribute, integer) == offsetof(PythiaAttribute, text.p) &&
                   sizeof(const char *) <= sizeof(int64_t),
               "a value takes over the union of an attribute");

/* Turns n attributes into values, of which *count are kept. */
static int take_values(PythiaIntake *in, PythiaArena *arena, const PythiaAttribute *attributes,
                       size_t n, PythiaValue *values, uint32_t *count) {
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        int drops = 0, rc = take_value(in, arena, &attributes[i], &values[*count]);
        if (!rc && in->drop_bytes) rc = take_drops(in, values[*count].key, &drops);
        if (rc) return rc;
        *count += !drops;
    }
    return SQLITE_OK;
}

/* The same, to where the next values of the trace go. There is room for `extra` more. */
static int take_trace_values(PythiaIntake *in, PythiaTrace *trace,
                             const PythiaAttribute *attributes, size_t n, size_t extra,
                             PythiaValue **values, uint32_t *count) {
    int rc = pythia_trace_room(trace, n + extra, values);
    return rc ? rc : take_values(in, &trace->arena, attributes, n, *values, count);
}

/* The entry of a resource, filled anew when its serial is not the one there. */
static int take_resource(PythiaIntake *in, const PythiaResource *resource, ResourceEntry **entry) {
    ResourceEntry *e = &in->resources[resource->serial % RESOURCE_ENTRIES];
    *entry = e;
    if (e->serial == resource->serial && e->serial) return SQLITE_OK;
    e->serial = 0; /* until it is complete */
    pythia_arena_reset(&e->arena);
    e->lasting = in->lasting.total < LASTING_BYTES;
    e->trace = NULL;
    PythiaArena *arena = e->lasting ? &in->lasting : &e->arena;
    if (resource->n > UINT32_MAX / 2) return SQLITE_TOOBIG;
    PythiaValue *values = pythia_arena_alloc(arena, resource->n * sizeof *values);
    if (!values) return SQLITE_NOMEM;
    int rc = take_values(in, arena, resource->attributes, resource->n, values, &e->set.n);
    if (rc) return rc;
    e->set.values = values;
    e->set.hash = pythia_resource_hash(e->set.values, e->set.n);
    PythiaText service = resource->service.n  ? resource->service
                         : resource->nameless ? PYTHIA_TEXT("")
                                              : PYTHIA_TEXT("unknown");
    rc = pythia_names_string(in->names, service, &e->service);
    e->instance = 0;
    if (!rc && resource->instance.n)
        rc = pythia_names_string(in->names, resource->instance, &e->instance);
    if (!rc) e->serial = resource->serial;
    return rc;
}

static int buckets_grow(PythiaIntake *in) {
    if (in->nopen <= in->mask) return SQLITE_OK;
    uint32_t n = (in->mask + 1) * 2;
    OpenTrace **buckets = pythia_alloc_zero(n * sizeof(OpenTrace *));
    if (!buckets) return SQLITE_NOMEM;
    for (int rooted = 0; rooted < 2; rooted++)
        for (OpenTrace *open = in->open[rooted].oldest; open; open = open->newer) {
            OpenTrace **bucket = &buckets[pythia_id_hash(open->trace.id) & (n - 1)];
            open->next = *bucket;
            *bucket = open;
        }
    pythia_free(in->buckets);
    in->buckets = buckets;
    in->mask = n - 1;
    return SQLITE_OK;
}

static void list_remove(PythiaIntake *in, OpenTrace *open) {
    OpenList *list = &in->open[open->rooted];
    *(open->older ? &open->older->newer : &list->oldest) = open->newer;
    *(open->newer ? &open->newer->older : &list->newest) = open->older;
    open->older = open->newer = NULL;
}

static void list_append(PythiaIntake *in, OpenTrace *open) {
    open->rooted = open->has_root;
    OpenList *list = &in->open[open->rooted];
    open->older = list->newest;
    open->newer = NULL;
    *(list->newest ? &list->newest->newer : &list->oldest) = open;
    list->newest = open;
}

/* Takes note of a record: the trace becomes the newest. */
static void list_renew(PythiaIntake *in, OpenTrace *open) {
    open->last_record = ++in->records;
    if (open->rooted == open->has_root && !open->newer) return;
    list_remove(in, open);
    list_append(in, open);
}

/* The trace that was quiet longest, or NULL. */
static OpenTrace *list_oldest(const PythiaIntake *in) {
    OpenTrace *waiting = in->open[0].oldest, *rooted = in->open[1].oldest;
    return !waiting || (rooted && rooted->last_record < waiting->last_record) ? rooted : waiting;
}

/* The open trace with this id, made if there is none. */
static int open_trace_get(PythiaIntake *in, PythiaId id, OpenTrace **found) {
    uint64_t hash = pythia_id_hash(id);
    OpenTrace *open = in->buckets[hash & in->mask];
    while (open && !pythia_id_equal(open->trace.id, id))
        open = open->next;
    *found = open;
    if (open) return SQLITE_OK;
    int rc = buckets_grow(in);
    if (rc) return rc;
    if (in->free_list) {
        open = in->free_list;
        in->free_list = open->next;
        in->nfree--;
    } else {
        open = pythia_alloc_zero(sizeof *open);
        if (!open) return SQLITE_NOMEM;
    }
    pythia_appended_expect(&in->appended, id);
    open->lately = -1;
    open->trace.id = id;
    open->next = in->buckets[hash & in->mask];
    in->buckets[hash & in->mask] = open;
    list_append(in, open);
    in->nopen++;
    *found = open;
    return SQLITE_OK;
}

/* Whether this is more of a trace that was taken for finished since the last flush. Such traces are to stay open for
** longer. */
static int open_trace_is_late(PythiaIntake *in, OpenTrace *open) {
    if (open->lately >= 0) return open->lately;
    open->lately = pythia_appended_has(&in->appended, open->trace.id);
    if (open->lately && in->window < in->widest_window)
        in->window = in->window * WINDOW_GROWTH < in->widest_window ? in->window * WINDOW_GROWTH
                                                                    : in->widest_window;
    return open->lately;
}

/* Takes a trace off the table of open ones. */
static void open_trace_close(PythiaIntake *in, OpenTrace *open) {
    OpenTrace **link = &in->buckets[pythia_id_hash(open->trace.id) & in->mask];
    while (*link != open)
        link = &(*link)->next;
    *link = open->next;
    list_remove(in, open);
    in->nopen--;
    in->open_bytes -= open->bytes;
    if (open->bytes > KEPT_BYTES || in->nfree >= FREE_TRACES) {
        open_trace_free(open);
        return;
    }
    pythia_trace_reset(&open->trace);
    open->bytes = 0;
    open->has_root = 0;
    open->next = in->free_list;
    in->free_list = open;
    in->nfree++;
}

static int take_points(PythiaIntake *in, PythiaTrace *trace, const PythiaRecord *record,
                       uint32_t span, uint32_t service, uint32_t operation) {
    int rc = SQLITE_OK;
    for (size_t i = 0; !rc && i < record->npoints; i++) {
        const PythiaPointRecord *p = &record->points[i];
        PythiaPoint point = {.time_ns = p->time_ns, .span = span};
        PythiaValue *values = NULL;
        uint32_t name;
        rc = pythia_names_string(in->names, p->name, &name);
        if (!rc)
            rc = pythia_names_tracepoint(in->names, service, operation, name, &point.tracepoint);
        if (!rc) rc = take_trace_values(in, trace, p->attributes, p->n, 0, &values, &point.nvalues);
        if (!rc) rc = pythia_trace_add_point(trace, &point, values);
    }
    return rc;
}

static int take_links(PythiaIntake *in, PythiaTrace *trace, const PythiaRecord *record,
                      uint32_t span) {
    int rc = SQLITE_OK;
    for (size_t i = 0; !rc && i < record->nlinks; i++) {
        const PythiaLinkRecord *l = &record->links[i];
        PythiaLinkTo link = {.from_span = span, .kind = (uint32_t)l->kind};
        PythiaValue *values = NULL;
        rc = pythia_names_id(in->names, &l->trace, &link.trace);
        if (!rc) rc = pythia_names_id(in->names, &l->span, &link.span);
        if (!rc) rc = take_trace_values(in, trace, l->attributes, l->n, 0, &values, &link.nvalues);
        if (!rc) rc = pythia_trace_add_link(trace, &link, values);
    }
    return rc;
}

/* The trace point of a span, and whether its name was folded. */
static int take_name(PythiaIntake *in, uint32_t service, const PythiaRecord *record,
                     NameEntry *name, char **error) {
    uint32_t atom = record->operation_atom;
    NameEntry *known = &in->names_seen[(atom * 61 + service) % NAME_ENTRIES];
    if (atom && known->atom == atom && known->service == service) {
        *name = *known;
        return SQLITE_OK;
    }
    *name = (NameEntry){.service = service, .atom = atom};
    int rc = pythia_renames_apply(in->capture, service, record->operation, &name->operation, error);
    if (!rc)
        rc = pythia_names_tracepoint(in->names, service, name->operation, 0, &name->tracepoint);
    name->folded =
        !pythia_text_equal(pythia_names_text(in->names, name->operation), record->operation);
    if (!rc && atom) *known = *name;
    return rc;
}

/* The values of a span, and behind them its raw name where that was folded. */
static int take_span_values(PythiaIntake *in, PythiaTrace *trace, const PythiaRecord *record,
                            const NameEntry *name, PythiaValue **values, uint32_t *n) {
    int rc = take_trace_values(in, trace, record->attributes, record->nattributes, 1, values, n);
    if (rc) return rc;
    if (!name->folded) return SQLITE_OK;
    if (record->operation.n > INT32_MAX) return SQLITE_TOOBIG;
    PythiaValue *raw = &(*values)[(*n)++];
    *raw = (PythiaValue){
        .key = in->raw_key,
        .type = PYTHIA_VALUE_TEXT,
        .n = (uint32_t)record->operation.n,
        .of.text = pythia_arena_copy(&trace->arena, record->operation.p, record->operation.n)};
    return raw->of.text ? SQLITE_OK : SQLITE_NOMEM;
}

/* The index of the resource in the trace. A lasting one that was added there is known by where its values are. */
static int take_span_resource(PythiaTrace *trace, ResourceEntry *e, uint32_t *index) {
    if (!e->lasting) return pythia_trace_add_resource(trace, &e->set, index);
    *index = e->index;
    if (e->trace == trace && e->index < trace->nresources &&
        trace->resources[e->index].values == e->set.values)
        return SQLITE_OK;
    int rc = pythia_trace_share_resource(trace, &e->set, index);
    e->trace = trace;
    e->index = *index;
    return rc;
}

static int take_span(PythiaIntake *in, OpenTrace *open, const PythiaRecord *record, char **error) {
    PythiaTrace *trace = &open->trace;
    size_t before = trace->arena.total;
    ResourceEntry *resource;
    PythiaSpan span = {.start_ns = record->start_ns,
                       .end_ns = record->end_ns,
                       .kind = (uint8_t)record->kind,
                       .status = (uint8_t)record->status,
                       .flags = (uint8_t)record->flags};
    uint32_t index = trace->nspans;
    NameEntry name = {0};
    int rc = take_resource(in, record->resource, &resource);
    if (!rc) rc = pythia_names_id(in->names, &record->span, &span.id);
    if (!rc) rc = pythia_names_id(in->names, &record->parent, &span.parent_id);
    if (!rc) rc = take_name(in, resource->service, record, &name, error);
    if (!rc) rc = take_span_resource(trace, resource, &span.resource);
    if (!rc) rc = pythia_names_observe(in->names, resource->service, record->start_ns);
    if (rc) return rc;
    span.tracepoint = name.tracepoint;
    span.instance = resource->instance;
    PythiaValue *values;
    rc = take_span_values(in, trace, record, &name, &values, &span.nvalues);
    if (!rc) rc = pythia_trace_add_span(trace, &span, values);
    if (!rc && record->npoints)
        rc = take_points(in, trace, record, index, resource->service, name.operation);
    if (!rc && record->nlinks) rc = take_links(in, trace, record, index);
    if (span.parent_id.form == PYTHIA_ID_NONE &&
        (!span.flags || span.flags & (PYTHIA_SPAN_ANCHORED | PYTHIA_SPAN_EVENT)))
        open->has_root = 1;
    size_t bytes = trace->arena.total - before + 2 * sizeof span +
                   2 * sizeof(PythiaValue) * (span.nvalues + record->npoints + record->nlinks);
    open->bytes += bytes;
    in->open_bytes += bytes;
    return rc;
}

/* ---- finishing a trace --------------------------------------------------------------------------------------- */

/* Remembers with which resolution the services of a trace are being compared. */
static int note_resolutions(PythiaIntake *in, const PythiaTrace *trace) {
    for (uint32_t i = 0; i < trace->nspans; i++) {
        uint32_t service = in->names->tracepoints[trace->spans[i].tracepoint].service;
        uint8_t now = service < in->names->nresolution ? in->names->resolution[service]
                                                       : (uint8_t)PYTHIA_NO_RESOLUTION;
        if (service >= in->nused) {
            int rc = pythia_grow((void **)&in->used_resolution, &in->used_capacity,
                                 (size_t)service + 1, 1);
            if (rc) return rc;
            memset(in->used_resolution + in->nused, NOT_USED, service + 1 - in->nused);
            in->nused = service + 1;
        }
        uint8_t *used = &in->used_resolution[service];
        if (*used != NOT_USED && *used != now && *used > 3) in->resolution_changed = 1;
        *used = now;
    }
    return SQLITE_OK;
}

/* A trace can be taken away from its group only as it was added: where a resolution has become finer since, all
** that is stored is understood anew first. */
static int renew_if_finer(PythiaIntake *in, char **error) {
    int finer = in->resolution_changed;
    for (uint32_t i = 0; !finer && i < in->nused; i++) {
        uint8_t used = in->used_resolution[i];
        finer = used != NOT_USED && used > 3 && used != in->names->resolution[i];
    }
    if (!finer || in->capture->model.order_tolerance_ns >= 0) return SQLITE_OK;
    int rc = pythia_store_flush(in->capture->store, error);
    pythia_appended_clear(&in->appended);
    in->store_was_empty = 0;
    if (!rc) rc = pythia_capture_rebuild(in->capture, 0, in->poll, error);
    return rc ? rc : use_resolutions(in);
}

static int store_trace(PythiaIntake *in, PythiaTrace *trace, char **error) {
    int rc = note_resolutions(in, trace);
    if (!rc) rc = pythia_capture_analyse(in->capture, trace, &in->analysis, error);
    if (!rc) rc = pythia_groups_count(in->capture, 1, &in->analysis, error);
    if (!rc) rc = pythia_store_append(in->capture->store, trace, &in->analysis.head, error);
    if (!rc) rc = pythia_appended_add(&in->appended, trace->id);
    return rc;
}

/* Puts the new spans behind those of the stored trace in in->merged. */
static int merge_into_stored(PythiaIntake *in, const PythiaTrace *late) {
    PythiaTrace *merged = &in->merged;
    uint32_t base = merged->nspans;
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < late->nspans; i++) {
        PythiaSpan span = late->spans[i];
        rc = pythia_trace_add_resource(merged, &late->resources[span.resource], &span.resource);
        if (!rc) rc = pythia_trace_add_span(merged, &span, late->values + span.first_value);
    }
    for (uint32_t i = 0; !rc && i < late->npoints; i++) {
        PythiaPoint point = late->points[i];
        point.span += base;
        rc = pythia_trace_add_point(merged, &point, late->values + point.first_value);
    }
    for (uint32_t i = 0; !rc && i < late->nlinks; i++) {
        PythiaLinkTo link = late->links[i];
        link.from_span += base;
        rc = pythia_trace_add_link(merged, &link, late->values + link.first_value);
    }
    return rc;
}

/* A trace that is stored already: what is new in `late` is added to it. */
static int reopen_trace(PythiaIntake *in, const PythiaTrace *late, int64_t segment_id,
                        uint32_t ordinal, char **error) {
    PythiaSegment *segment;
    PythiaTrace *merged = &in->merged;
    int rc = pythia_segment_open(in->capture->store, segment_id, &segment, error);
    if (rc) return rc;
    rc = pythia_segment_trace(segment, ordinal, 1, merged, error);
    pythia_segment_release(segment);
    uint32_t stored = merged->nspans, points = merged->npoints;
    if (!rc) rc = merge_into_stored(in, late);
    if (!rc) rc = pythia_trace_build(merged, in->names);
    if (rc) return rc;
    uint32_t duplicates = merged->repairs.duplicates;
    if (duplicates == late->nspans) {
        in->stats.duplicates += duplicates;
        return SQLITE_OK;
    }
    merged->repairs.duplicates = 0; /* of another import: no fault of this trace */
    rc = pythia_capture_delete(in->capture, segment_id, ordinal, error);
    if (!rc) rc = store_trace(in, merged, error);
    if (!rc) rc = pythia_repairs_forget(in->capture, merged, error);
    if (!rc) rc = pythia_repairs_put(in->capture, merged, in->problem);
    in->stats.reopened++;
    in->stats.duplicates += duplicates;
    in->stats.spans += (int64_t)merged->nspans - stored;
    in->stats.events += 2 * ((int64_t)merged->nspans - stored) + merged->npoints - points;
    return rc;
}

static int finish_trace(PythiaIntake *in, OpenTrace *open, char **error) {
    PythiaTrace *trace = &open->trace;
    int found = 0, rc = SQLITE_OK;
    int64_t segment = 0;
    uint32_t ordinal = 0;
    if (in->appended.n >= PYTHIA_APPENDED_MOST || open_trace_is_late(in, open)) {
        /* What was appended must be in the index before it can be found. */
        rc = pythia_store_flush(in->capture->store, error);
        pythia_appended_clear(&in->appended);
        in->store_was_empty = 0;
    }
    if (!rc && !in->store_was_empty)
        rc = pythia_store_may_hold(in->capture->store, trace->id, &found, error);
    if (!rc && found)
        rc = pythia_store_find(in->capture->store, trace->id, &found, &segment, &ordinal, error);
    if (!rc && found) rc = renew_if_finer(in, error);
    if (!rc && found) {
        rc = reopen_trace(in, trace, segment, ordinal, error);
    } else if (!rc) {
        pythia_appended_expect(&in->appended, trace->id);
        rc = pythia_trace_build(trace, in->names);
        if (!rc) rc = store_trace(in, trace, error);
        if (!rc) rc = pythia_repairs_put(in->capture, trace, in->problem);
        in->stats.traces++;
        in->stats.duplicates += trace->repairs.duplicates;
        in->stats.spans += trace->nspans;
        in->stats.events += (trace->is_dag ? 1 : 2) * (int64_t)trace->nspans + trace->npoints;
    }
    open_trace_close(in, open);
    return rc;
}

/* The next trace to finish, or NULL. */
static OpenTrace *intake_due(const PythiaIntake *in) {
    OpenTrace *rooted = in->open[1].oldest;
    if (rooted && rooted->last_record + in->window < in->records) return rooted;
    return in->open_bytes > in->bytes_limit ? list_oldest(in) : NULL;
}

int pythia_intake_record(PythiaIntake *in, const PythiaRecord *record, char **error) {
    int rc = pythia_poll(in->poll);
    PythiaId id = {0, 0, PYTHIA_ID_NONE};
    OpenTrace *open, *due;
    if (!rc) rc = pythia_names_id(in->names, &record->trace, &id);
    if (!rc) rc = open_trace_get(in, id, &open);
    if (rc) return rc;
    if (open->trace.nspans == 1) open_trace_is_late(in, open);
    rc = take_span(in, open, record, error);
    list_renew(in, open);
    while (!rc && (due = intake_due(in)) != NULL && due != open)
        rc = finish_trace(in, due, error);
    return rc;
}

int pythia_intake_finish(PythiaIntake *in, PythiaImportStats *stats, char **error) {
    OpenTrace *open;
    int rc = SQLITE_OK;
    while (!rc && (open = list_oldest(in)) != NULL) {
        rc = finish_trace(in, open, error);
        if (!rc) rc = pythia_poll(in->poll);
    }
    if (!rc) rc = pythia_groups_save(in->capture, error);
    if (!rc) rc = pythia_store_flush(in->capture->store, error);
    if (!rc) pythia_capture_adopt_cookie(in->capture);
    int anew = in->resolution_changed && in->capture->model.order_tolerance_ns < 0;
    if (in->capture->model.causality == PYTHIA_CAUSALITY_LEARNED)
        anew |= in->stats.traces + in->stats.reopened > 0;
    if (!rc && anew) rc = pythia_capture_rebuild(in->capture, 0, in->poll, error);
    *stats = in->stats;
    return rc;
}
