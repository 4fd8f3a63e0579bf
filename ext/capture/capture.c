/* capture.c - opening a capture, keeping its caches right, and going over its traces.
**
** Everything cached in a PythiaCapture is a function of the stored tables as of `cookie`. A refresh that
** finds another cookie drops all of it; a write by this connection that keeps the caches right itself
** (an import, a rebuild) adopts the new cookie instead. */
#include "ext/capture/internal.h"

#include <stdlib.h>

int pythia_capture_open(PythiaStore *store, PythiaCapture **capture, char **error) {
    *capture = pythia_alloc_zero(sizeof **capture);
    if (!*capture) {
        pythia_store_close(store);
        return SQLITE_NOMEM;
    }
    (*capture)->store = store;
    (*capture)->cookie = -1;
    (*capture)->stale = -1;
    int rc = pythia_capture_refresh(*capture, error);
    if (rc) {
        pythia_capture_close(*capture);
        *capture = NULL;
    }
    return rc;
}

void pythia_capture_drop_caches(PythiaCapture *capture) {
    pythia_model_clear(capture);
    pythia_renames_clear(&capture->renames);
    capture->renames_loaded = 0;
    pythia_groups_clear(&capture->groups);
    capture->groups_loaded = 0;
    pythia_call_paths_clear(&capture->call_paths);
    pythia_intern_clear(&capture->structures);
    pythia_capture_forget_held(capture);
    capture->stale = -1;
}

void pythia_capture_close(PythiaCapture *capture) {
    if (!capture) return;
    pythia_capture_drop_caches(capture);
    pythia_free(capture->structure_signatures);
    pythia_store_close(capture->store);
    pythia_free(capture);
}

void pythia_capture_adopt_cookie(PythiaCapture *capture) {
    if (capture->cookie != pythia_store_cookie(capture->store)) pythia_capture_forget_held(capture);
    capture->cookie = pythia_store_cookie(capture->store);
}

int pythia_capture_begin(PythiaCapture *capture, char **error) {
    int rc = pythia_store_begin(capture->store, error);
    pythia_capture_drop_caches(capture); /* what others wrote before the lock was had */
    if (!rc) pythia_capture_adopt_cookie(capture);
    return rc;
}

int pythia_capture_refresh(PythiaCapture *capture, char **error) {
    int changed = 0;
    char *why = NULL;
    int rc = pythia_store_refresh(capture->store, &changed, &why);
    if (rc == SQLITE_NOTFOUND || !error || *error)
        sqlite3_free(why); /* that the store is gone is not an error to everyone */
    else
        *error = why;
    if (rc) return rc;
    if (changed || capture->cookie != pythia_store_cookie(capture->store)) {
        pythia_capture_drop_caches(capture);
        pythia_capture_adopt_cookie(capture);
    }
    return SQLITE_OK;
}

PythiaStore *pythia_capture_store(PythiaCapture *capture) {
    return capture->store;
}

PythiaNames *pythia_capture_names(PythiaCapture *capture) {
    return pythia_store_names(capture->store);
}

const PythiaCallPaths *pythia_capture_call_paths(const PythiaCapture *capture) {
    return &capture->call_paths;
}

/* ---- analysis ----------------------------------------------------------------------------------------- */

static uint32_t count_services(const PythiaTrace *trace, const PythiaNames *names) {
    uint32_t seen[32], n = 0; /* a small set first; a trace rarely visits more */
    for (uint32_t i = 0; i < trace->nspans; i++) {
        uint32_t t = trace->spans[i].tracepoint;
        uint32_t service = t && t <= names->ntracepoints ? names->tracepoints[t].service : 0, k = 0;
        while (k < n && seen[k] != service)
            k++;
        if (k < n) continue;
        if (n == sizeof seen / sizeof *seen) return UINT32_MAX;
        seen[n++] = service;
    }
    return n;
}

static int number_compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* For traces that visit more services than the small set holds. */
static int count_many_services(const PythiaTrace *trace, const PythiaNames *names, uint32_t *n) {
    uint32_t *services = pythia_alloc_array(trace->nspans, sizeof *services);
    if (!services) return SQLITE_NOMEM;
    for (uint32_t i = 0; i < trace->nspans; i++) {
        uint32_t t = trace->spans[i].tracepoint;
        services[i] = t && t <= names->ntracepoints ? names->tracepoints[t].service : 0;
    }
    qsort(services, trace->nspans, sizeof *services, number_compare);
    *n = 0;
    for (uint32_t i = 0; i < trace->nspans; i++)
        *n += !i || services[i] != services[i - 1];
    pythia_free(services);
    return SQLITE_OK;
}

static int fill_head(PythiaHead *head, const PythiaTrace *trace, const PythiaNames *names,
                     const PythiaAnalysis *a, int in_group) {
    const PythiaRepairs *r = &trace->repairs;
    const PythiaSpan *root = &trace->spans[a->request.root];
    *head = (PythiaHead){.start_ns = a->request.start_ns,
                         .duration_ns = a->request.end_ns - a->request.start_ns,
                         .root_duration_ns = root->to_ns - root->from_ns,
                         .group = in_group ? a->signature.hi : 0,
                         .request_type = a->request.type,
                         .root = a->request.root,
                         .services = count_services(trace, names),
                         .repeat_max = a->paths.repeat_max,
                         .problems = r->open_spans + r->duplicates + r->conflicts +
                                     r->outside_points + r->orphans + r->cycles + r->negative,
                         .status = (uint32_t)trace->status};
    for (uint32_t i = 0; i < trace->nspans; i++)
        head->errors += trace->spans[i].status == PYTHIA_STATUS_ERROR;
    return head->services == UINT32_MAX ? count_many_services(trace, names, &head->services)
                                        : SQLITE_OK;
}

enum { STRUCTURES_REMEMBERED = 10000 };

static int signature_find(PythiaCapture *capture, const PythiaTrace *trace, PythiaAnalysis *a) {
    return pythia_signature(trace, &capture->model, pythia_store_names(capture->store), &a->request,
                            &a->path, &capture->call_paths, &a->paths, &a->signature);
}

/* The signature of a trace by its set of call paths, which most traces share with others: it is found once
** for each set. Node numbers stand for call paths as long as the tree of call paths lives. */
static int signature_remember(PythiaCapture *capture, const PythiaTrace *trace, PythiaAnalysis *a) {
    PythiaIntern *known = &capture->structures;
    if (known->n >= STRUCTURES_REMEMBERED) pythia_intern_clear(known);
    uint32_t before = known->n, id = 0;
    /* One number more than there are nodes, at the end: the request type. */
    int rc = pythia_grow((void **)&a->paths.distinct, &a->paths.distinct_capacity,
                         (size_t)a->paths.n + 1, sizeof *a->paths.distinct);
    if (rc) return rc;
    a->paths.distinct[a->paths.n] = a->request.type;
    PythiaText key = {(const char *)a->paths.distinct, ((size_t)a->paths.n + 1) * sizeof(uint32_t)};
    rc = pythia_grow((void **)&capture->structure_signatures, &capture->structures_capacity,
                     (size_t)before + 2, sizeof *capture->structure_signatures);
    if (!rc && (id = pythia_intern_find(known, key)) != 0) {
        a->signature = capture->structure_signatures[id];
        return SQLITE_OK;
    }
    if (!rc) rc = signature_find(capture, trace, a);
    if (!rc) rc = pythia_intern(known, key, &id);
    if (!rc) capture->structure_signatures[id] = a->signature;
    return rc;
}

int pythia_capture_walk(PythiaCapture *capture, const PythiaTrace *trace, PythiaAnalysis *a,
                        char **error) {
    int rc = pythia_model_load(capture, error);
    if (rc) return rc;
    PythiaNames *names = pythia_store_names(capture->store);
    rc = pythia_request_find(trace, &capture->model, names, &a->request);
    if (!rc && capture->type_failed)
        rc = pythia_fail(error, capture->type_failed, "pythia_request_types: %s",
                         capture->type_error ? capture->type_error : "out of memory");
    return rc ? rc : pythia_path_walk(&a->path, trace, &capture->model, names, &a->request);
}

int pythia_capture_analyse(PythiaCapture *capture, const PythiaTrace *trace, PythiaAnalysis *a,
                           char **error) {
    int rc = pythia_capture_walk(capture, trace, a, error);
    const PythiaModel *model = &capture->model;
    PythiaNames *names = pythia_store_names(capture->store);
    if (!rc) rc = pythia_path_edges(&a->edges, &a->path, trace);
    if (!rc) rc = pythia_trace_paths(&a->paths, &capture->call_paths, trace, names);
    int by_structure = model->grouping == PYTHIA_GROUPING_STRUCTURE && !model->ngroup_keys;
    if (!rc)
        rc = by_structure ? signature_remember(capture, trace, a)
                          : signature_find(capture, trace, a);
    int in_group = trace->status == PYTHIA_TRACE_COMPLETE || model->include_incomplete;
    if (!rc) rc = fill_head(&a->head, trace, names, a, in_group);
    return rc;
}

void pythia_analysis_clear(PythiaAnalysis *a) {
    pythia_path_clear(&a->path);
    pythia_path_edges_clear(&a->edges);
    pythia_trace_paths_clear(&a->paths);
    memset(a, 0, sizeof *a);
}

/* ---- going over traces ----------------------------------------------------------------------------------- */

static int each_in_segment(PythiaSegment *segment, uint64_t group, PythiaPoll *poll,
                           PythiaEachHead each, void *context, char **error) {
    const int64_t *groups;
    uint32_t n;
    int rc = pythia_segment_column(segment, PYTHIA_COL_HEAD_GROUP, &groups, &n, error);
    for (uint32_t i = 0; !rc && i < n; i++) {
        if (group && (uint64_t)groups[i] != group) continue;
        if (pythia_segment_dead(segment, i)) continue;
        PythiaHead head;
        rc = pythia_segment_head(segment, i, &head, error);
        if (!rc) rc = pythia_poll(poll);
        if (!rc) rc = each(context, segment, i, &head);
    }
    return rc;
}

int pythia_capture_each_head_as_is(PythiaCapture *capture, uint64_t group, PythiaPoll *poll,
                                   PythiaEachHead each, void *context, char **error) {
    int rc = SQLITE_OK;
    int64_t id = 0; /* by id, because `each` may delete and so move the list */
    while (!rc && (id = pythia_capture_next_segment(capture, id)) != 0) {
        PythiaSegment *segment;
        rc = pythia_segment_open(capture->store, id, &segment, error);
        if (rc) break;
        rc = each_in_segment(segment, group, poll, each, context, error);
        pythia_segment_release(segment);
    }
    return rc;
}

int pythia_capture_each_head(PythiaCapture *capture, uint64_t group, PythiaPoll *poll,
                             PythiaEachHead each, void *context, char **error) {
    int rc = pythia_capture_settle(capture, poll, error);
    if (!rc) rc = pythia_capture_each_head_as_is(capture, group, poll, each, context, error);
    return rc;
}

int64_t pythia_capture_next_segment(PythiaCapture *capture, int64_t after) {
    uint32_t low = 0, high = pythia_store_segment_count(capture->store);
    while (low < high) { /* the first segment whose id is larger */
        uint32_t middle = low + (high - low) / 2;
        if (pythia_store_segment_info(capture->store, middle)->id > after)
            high = middle;
        else
            low = middle + 1;
    }
    return low < pythia_store_segment_count(capture->store)
               ? pythia_store_segment_info(capture->store, low)->id
               : 0;
}

typedef struct EachTrace {
    PythiaCapture *capture;
    PythiaEachTrace each;
    void *context;
    PythiaTrace trace;
    PythiaAnalysis analysis;
    int values;
    char **error;
} EachTrace;

static int each_trace(void *context, PythiaSegment *segment, uint32_t ordinal,
                      const PythiaHead *head) {
    EachTrace *e = context;
    (void)head;
    int rc = pythia_segment_trace(segment, ordinal, e->values, &e->trace, e->error);
    if (!rc) rc = pythia_capture_analyse(e->capture, &e->trace, &e->analysis, e->error);
    if (!rc) rc = e->each(e->context, &e->trace, &e->analysis);
    return rc;
}

int pythia_capture_each_trace(PythiaCapture *capture, uint64_t group, int values, PythiaPoll *poll,
                              PythiaEachTrace each, void *context, char **error) {
    EachTrace e = {.capture = capture, .each = each, .context = context, .error = error};
    int rc = pythia_model_load(capture, error);
    e.values = values || capture->model.ngroup_keys;
    if (!rc) rc = pythia_capture_each_head(capture, group, poll, each_trace, &e, error);
    pythia_trace_clear(&e.trace);
    pythia_analysis_clear(&e.analysis);
    return rc;
}

int pythia_capture_find(PythiaCapture *capture, PythiaText trace_id, int *found, int64_t *segment,
                        uint32_t *ordinal, char **error) {
    *found = 0;
    PythiaId id = pythia_names_find_id(pythia_store_names(capture->store), trace_id);
    if (id.form == PYTHIA_ID_NONE) return SQLITE_OK;
    return pythia_store_find(capture->store, id, found, segment, ordinal, error);
}
