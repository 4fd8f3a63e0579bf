/* settle.c - keeping what is derived true: group moments, staleness, rebuilding, deletion, commands.
**
** Invariant, at every commit: the heads of all live traces and the moments of all groups are what the
** settings and rules of the store say. Each path that could break it ends here:
**   - an import adds to groups and saves them (intake.c);
**   - a deletion takes away from its group; the group is saved before the commit;
**   - a change of a model setting or a rule sets "stale" in pythia_xconfig; whoever reads heads or groups
**     inside that transaction, or the commit, rebuilds and clears it.
** A rebuild of heads and groups leaves the segments alone. A rebuild of names writes all traces anew. */
#include "ext/capture/internal.h"
#include "ext/capture/savepoint.h"

#include <stdlib.h>

/* ---- groups in memory and in the store ------------------------------------------------------------------ */

static int group_load(void *context, uint64_t id, PythiaText head, char **error) {
    PythiaGroup *group;
    int rc = pythia_group_decode_head(context, id, head, &group);
    return rc == PYTHIA_CORRUPT
               ? pythia_fail(error, rc, "pythia_xgroup row %lld is damaged", (sqlite3_int64)id)
               : rc;
}

int pythia_groups_load(PythiaCapture *capture, char **error) {
    if (capture->groups_loaded) return SQLITE_OK;
    pythia_groups_clear(&capture->groups);
    int rc = pythia_store_group_each(capture->store, group_load, &capture->groups, error);
    capture->groups_loaded = rc == SQLITE_OK;
    return rc;
}

int pythia_capture_group_edges(PythiaCapture *capture, PythiaGroup *group, char **error) {
    if (group->edges_loaded) return SQLITE_OK;
    char *rest;
    size_t n;
    int rc = pythia_store_group_rest(capture->store, group->id, &rest, &n, error);
    if (!rc) rc = pythia_group_decode_edges(group, (PythiaText){rest, n});
    if (rc == PYTHIA_CORRUPT)
        pythia_fail(error, rc, "pythia_xedge row %lld is damaged", (sqlite3_int64)group->id);
    sqlite3_free(rest);
    return rc;
}

int pythia_groups_count(PythiaCapture *capture, int sign, const PythiaAnalysis *analysis,
                        char **error) {
    if (!analysis->head.group) return SQLITE_OK;
    PythiaGroup *group = NULL;
    int rc = pythia_groups_load(capture, error);
    if (!rc)
        rc = pythia_groups_get(&capture->groups, analysis->signature, analysis->request.type,
                               &group);
    if (!rc) rc = pythia_capture_group_edges(capture, group, error);
    if (!rc)
        rc = pythia_group_add(group, sign, analysis->head.duration_ns, &analysis->edges,
                              pythia_store_names(capture->store));
    if (rc == PYTHIA_CORRUPT && group)
        pythia_fail(error, rc, "pythia_xgroup row %lld has fewer members than the segments",
                    (sqlite3_int64)group->id);
    return rc;
}

static int group_save(PythiaCapture *capture, PythiaGroup *group, char **error) {
    PythiaBuf head = {0}, edges = {0};
    int rc = SQLITE_OK;
    if (group->n > 0) {
        pythia_group_encode_head(group, &head);
        pythia_group_encode_edges(group, &edges);
        rc = head.rc ? head.rc : edges.rc;
    }
    PythiaText none = {NULL, 0};
    if (!rc)
        rc = pythia_store_group_put(
            capture->store, group->id,
            group->n > 0 ? (PythiaText){(const char *)head.data, head.n} : none,
            group->n > 0 ? (PythiaText){(const char *)edges.data, edges.n} : none, error);
    if (!rc) group->dirty = 0;
    pythia_buf_clear(&head);
    pythia_buf_clear(&edges);
    return rc;
}

typedef struct Extremes {
    int64_t min_ns, max_ns;
} Extremes;

static int extremes_see(void *context, PythiaSegment *segment, uint32_t ordinal,
                        const PythiaHead *head) {
    Extremes *e = context;
    (void)segment;
    (void)ordinal;
    if (head->duration_ns < e->min_ns) e->min_ns = head->duration_ns;
    if (head->duration_ns > e->max_ns) e->max_ns = head->duration_ns;
    return SQLITE_OK;
}

typedef struct Describe {
    PythiaCapture *capture;
    PythiaGroup *group;
    PythiaTrace trace;
    PythiaAnalysis analysis;
    char **error;
} Describe;

static int describe_see(void *context, PythiaSegment *segment, uint32_t ordinal,
                        const PythiaHead *head) {
    Describe *d = context;
    (void)head;
    int rc = pythia_segment_trace(segment, ordinal, d->capture->model.ngroup_keys > 0, &d->trace,
                                  d->error);
    if (!rc) rc = pythia_capture_analyse(d->capture, &d->trace, &d->analysis, d->error);
    if (!rc)
        rc = pythia_group_describe(d->group, &d->analysis.edges,
                                   pythia_store_names(d->capture->store));
    if (rc == PYTHIA_CORRUPT)
        pythia_fail(d->error, rc, "pythia_xedge row %lld disagrees with the group's members",
                    (sqlite3_int64)d->group->id);
    return rc;
}

/* What sums do not tell when members leave - the extremes, and what kind an edge is - is found again from
** those that stay. What is pending must be in segments to be seen. */
static int group_refresh(PythiaCapture *capture, PythiaGroup *group, char **error) {
    int rc = SQLITE_OK;
    if (group->n == 0 || !(group->extremes_stale || group->descriptions_stale)) return rc;
    rc = pythia_store_flush(capture->store, error);
    if (!rc && group->extremes_stale) {
        Extremes e = {INT64_MAX, INT64_MIN};
        rc = pythia_capture_each_head_as_is(capture, group->id, NULL, extremes_see, &e, error);
        if (rc) return rc;
        group->min_ns = e.min_ns;
        group->max_ns = e.max_ns;
        group->extremes_stale = 0;
    }
    if (!rc && group->descriptions_stale) {
        Describe d = {.capture = capture, .group = group, .error = error};
        rc = pythia_model_load(capture, error);
        pythia_group_describe_begin(group);
        if (!rc)
            rc = pythia_capture_each_head_as_is(capture, group->id, NULL, describe_see, &d, error);
        group->descriptions_stale = rc != SQLITE_OK;
        pythia_trace_clear(&d.trace);
        pythia_analysis_clear(&d.analysis);
    }
    return rc;
}

int pythia_groups_save(PythiaCapture *capture, char **error) {
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && capture->groups_loaded && i < capture->groups.n; i++) {
        PythiaGroup *group = &capture->groups.groups[i];
        if (!group->dirty) continue;
        rc = group_refresh(capture, group, error);
        if (rc) break;
        rc = group_save(capture, group, error);
    }
    return rc;
}

int pythia_capture_groups(PythiaCapture *capture, PythiaPoll *poll, PythiaGroups **groups,
                          char **error) {
    int rc = pythia_capture_settle(capture, poll, error);
    if (!rc) rc = pythia_groups_load(capture, error);
    if (!rc) rc = pythia_groups_save(capture, error); /* only inside a transaction that deleted */
    *groups = &capture->groups;
    return rc;
}

/* ---- staleness --------------------------------------------------------------------------------------------- */

int pythia_capture_stale(PythiaCapture *capture, int *stale, char **error) {
    if (capture->stale < 0) {
        char *value;
        int rc = pythia_store_config_get(capture->store, "stale", &value, error);
        if (rc) return rc;
        capture->stale = value ? atoi(value) : PYTHIA_STALE_NO;
        sqlite3_free(value);
    }
    *stale = capture->stale;
    return SQLITE_OK;
}

int pythia_capture_mark_stale(PythiaCapture *capture, int names_too, char **error) {
    int stale, wanted = names_too ? PYTHIA_STALE_NAMES : PYTHIA_STALE_MODEL;
    int rc = pythia_capture_stale(capture, &stale, error);
    if (rc) return rc;
    if (stale < wanted)
        rc = pythia_store_config_set(capture->store, "stale", names_too ? "2" : "1", error);
    /* Rules and settings as they were must not be used again. */
    pythia_capture_drop_caches(capture);
    return rc;
}

static int stale_clear(PythiaCapture *capture, char **error) {
    int rc = pythia_store_config_set(capture->store, "stale", NULL, error);
    capture->stale = rc ? -1 : PYTHIA_STALE_NO;
    return rc;
}

int pythia_capture_settle(PythiaCapture *capture, PythiaPoll *poll, char **error) {
    int stale;
    int rc = pythia_capture_stale(capture, &stale, error);
    if (rc || stale == PYTHIA_STALE_NO) return rc;
    PythiaSavepoint savepoint;
    rc = pythia_savepoint_begin(&savepoint, pythia_store_db(capture->store), error);
    if (rc) return rc;
    rc = pythia_savepoint_arm(&savepoint, pythia_store_schema(capture->store), error);
    if (!rc) rc = pythia_capture_rebuild(capture, stale == PYTHIA_STALE_NAMES, poll, error);
    return pythia_savepoint_end(&savepoint, rc, error);
}

int pythia_capture_before_commit(PythiaCapture *capture, PythiaPoll *poll, char **error) {
    int stale;
    int rc = pythia_capture_refresh(capture, error);
    if (rc == SQLITE_NOTFOUND) return SQLITE_OK; /* dropped in this transaction */
    if (!rc) rc = pythia_capture_stale(capture, &stale, error);
    if (!rc && (stale != PYTHIA_STALE_NO || capture->learned_due))
        return pythia_capture_rebuild(capture, stale == PYTHIA_STALE_NAMES, poll, error);
    if (!rc) rc = pythia_groups_save(capture, error);
    return rc;
}

/* ---- rebuilding ----------------------------------------------------------------------------------------------- */

typedef struct Rebuild {
    PythiaCapture *capture;
    PythiaPoll *poll;
    PythiaTrace trace;
    PythiaAnalysis analysis;
    PythiaHead *heads;
    size_t heads_capacity;
} Rebuild;

/* Heads and groups of one segment, from its traces. */
static int rebuild_heads(Rebuild *r, PythiaSegment *segment, char **error) {
    PythiaCapture *capture = r->capture;
    const PythiaSegmentInfo info = *pythia_segment_info(segment);
    int values = capture->model.ngroup_keys > 0;
    int rc = pythia_grow((void **)&r->heads, &r->heads_capacity, info.traces, sizeof *r->heads);
    for (uint32_t i = 0; !rc && i < info.traces; i++) {
        rc = pythia_poll(r->poll);
        if (!rc && pythia_segment_dead(segment, i)) {
            rc = pythia_segment_head(segment, i, &r->heads[i], error);
            continue;
        }
        if (!rc) rc = pythia_segment_trace(segment, i, values, &r->trace, error);
        if (!rc) rc = pythia_capture_analyse(capture, &r->trace, &r->analysis, error);
        if (!rc) rc = pythia_groups_count(capture, 1, &r->analysis, error);
        r->heads[i] = r->analysis.head;
    }
    if (!rc) rc = pythia_store_put_heads(capture->store, info.id, r->heads, error);
    return rc;
}

/* All live traces of one segment under their names of today, into new segments. */
static int rebuild_names(Rebuild *r, PythiaSegment *segment, char **error) {
    PythiaCapture *capture = r->capture;
    const PythiaSegmentInfo info = *pythia_segment_info(segment);
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < info.traces; i++) {
        if (pythia_segment_dead(segment, i)) continue;
        rc = pythia_poll(r->poll);
        if (!rc) rc = pythia_segment_trace(segment, i, 1, &r->trace, error);
        if (!rc) rc = pythia_trace_rename(capture, &r->trace, error);
        if (!rc) rc = pythia_capture_analyse(capture, &r->trace, &r->analysis, error);
        if (!rc) rc = pythia_groups_count(capture, 1, &r->analysis, error);
        if (!rc) rc = pythia_store_append(capture->store, &r->trace, &r->analysis.head, error);
    }
    return rc;
}

/* Deletes the live traces of the segments first < id <= last, without looking at groups. */
static int drop_segments(PythiaCapture *capture, int64_t first, int64_t last, char **error) {
    int rc = SQLITE_OK;
    for (int64_t id = first;
         !rc && (id = pythia_capture_next_segment(capture, id)) != 0 && id <= last;) {
        PythiaSegment *segment;
        rc = pythia_segment_open(capture->store, id, &segment, error);
        if (rc) break;
        uint32_t n = pythia_segment_info(segment)->traces;
        for (uint32_t i = 0; !rc && i < n; i++)
            if (!pythia_segment_dead(segment, i))
                rc = pythia_store_delete(capture->store, id, i, error);
        pythia_segment_release(segment);
    }
    return rc;
}

/* Adds the siblings of a segment's traces that take part in groups. */
static int learn_segment(Rebuild *r, PythiaDependencies *found, PythiaCallPaths *call_paths,
                         PythiaSegment *segment, int names_too, char **error) {
    PythiaCapture *capture = r->capture;
    const PythiaNames *names = pythia_store_names(capture->store);
    uint32_t n = pythia_segment_info(segment)->traces;
    int rc = SQLITE_OK;
    for (uint32_t i = 0; !rc && i < n; i++) {
        if (pythia_segment_dead(segment, i)) continue;
        rc = pythia_segment_trace(segment, i, names_too, &r->trace, error);
        if (!rc && names_too) rc = pythia_trace_rename(capture, &r->trace, error);
        if (rc || (r->trace.status != PYTHIA_TRACE_COMPLETE && !capture->model.include_incomplete))
            continue;
        rc = pythia_trace_paths(&r->analysis.paths, call_paths, &r->trace, names);
        if (!rc)
            rc = pythia_dependencies_add(found, &r->trace, &capture->model, names, 0,
                                         &r->analysis.paths, r->poll);
    }
    return rc;
}

/* With causality 'learned' the relation is found anew, of all traces, before anything is derived by it. Only
** counts of names go into it, so that the order of imports does not matter. */
static int rebuild_learned(Rebuild *r, int names_too, char **error) {
    PythiaCapture *capture = r->capture;
    PythiaDependencies found = {0};
    PythiaCallPaths call_paths = {0};
    PythiaBuf text = {0};
    int rc = SQLITE_OK, is_learned = capture->model.causality == PYTHIA_CAUSALITY_LEARNED;
    for (int64_t id = 0;
         is_learned && !rc && (id = pythia_capture_next_segment(capture, id)) != 0;) {
        PythiaSegment *segment;
        rc = pythia_segment_open(capture->store, id, &segment, error);
        if (rc) break;
        rc = learn_segment(r, &found, &call_paths, segment, names_too, error);
        pythia_segment_release(segment);
    }
    if (!rc && is_learned)
        rc = pythia_learned_make(&capture->learned, &found, &call_paths,
                                 pythia_store_names(capture->store));
    if (!rc && is_learned) pythia_learned_write(&capture->learned, &text);
    pythia_buf_byte(&text, 0);
    if (!rc) rc = text.rc;
    if (!rc)
        rc = pythia_store_config_set(capture->store, "learned",
                                     is_learned ? (const char *)text.data : NULL, error);
    if (!rc) capture->learned_due = 0;
    pythia_buf_clear(&text);
    pythia_call_paths_clear(&call_paths);
    pythia_dependencies_clear(&found);
    return rc;
}

int pythia_capture_rebuild(PythiaCapture *capture, int names_too, PythiaPoll *poll, char **error) {
    Rebuild r = {.capture = capture, .poll = poll};
    int rc = pythia_capture_begin(capture, error);
    if (!rc) rc = pythia_store_group_delete_all(capture->store, error);
    capture->groups_loaded = rc == SQLITE_OK; /* empty, and truly so */
    if (!rc) rc = pythia_model_load(capture, error);
    if (!rc) rc = rebuild_learned(&r, names_too, error);
    /* Segments that are written on the way lie behind the last one of now. */
    uint32_t n = pythia_store_segment_count(capture->store);
    int64_t last = n ? pythia_store_segment_info(capture->store, n - 1)->id : 0;
    for (int64_t id = 0;
         !rc && (id = pythia_capture_next_segment(capture, id)) != 0 && id <= last;) {
        PythiaSegment *segment;
        rc = pythia_segment_open(capture->store, id, &segment, error);
        if (rc) break;
        rc = names_too ? rebuild_names(&r, segment, error) : rebuild_heads(&r, segment, error);
        pythia_segment_release(segment);
    }
    if (!rc) rc = pythia_store_flush(capture->store, error);
    /* Only now, when the new segments are written, may the old ones go; and if they could not be written,
    ** what there is of them goes. A statement that fails inside BEGIN keeps what it wrote so far. */
    if (!rc && names_too) rc = drop_segments(capture, 0, last, error);
    if (!rc) rc = pythia_groups_save(capture, error);
    if (!rc) rc = stale_clear(capture, error);
    if (rc) {
        pythia_store_discard(capture->store);
        if (names_too) drop_segments(capture, last, INT64_MAX, NULL);
        pythia_capture_drop_caches(capture);
    } else {
        pythia_capture_adopt_cookie(capture);
    }
    pythia_trace_clear(&r.trace);
    pythia_analysis_clear(&r.analysis);
    pythia_free(r.heads);
    return rc;
}

/* ---- deleting --------------------------------------------------------------------------------------------------- */

int pythia_capture_delete(PythiaCapture *capture, int64_t segment_id, uint32_t ordinal,
                          char **error) {
    PythiaTrace trace = {0};
    PythiaAnalysis analysis = {0};
    PythiaSegment *segment;
    int rc = pythia_model_load(capture, error);
    if (!rc) rc = pythia_segment_open(capture->store, segment_id, &segment, error);
    if (rc) return rc;
    rc = pythia_segment_trace(segment, ordinal, capture->model.ngroup_keys > 0, &trace, error);
    pythia_segment_release(segment);
    if (!rc) rc = pythia_capture_analyse(capture, &trace, &analysis, error);
    if (!rc) rc = pythia_groups_count(capture, -1, &analysis, error);
    if (!rc) rc = pythia_store_delete(capture->store, segment_id, ordinal, error);
    if (!rc) pythia_capture_adopt_cookie(capture);
    if (!rc) capture->learned_due = capture->model.causality == PYTHIA_CAUSALITY_LEARNED;
    pythia_trace_clear(&trace);
    pythia_analysis_clear(&analysis);
    return rc;
}

/* ---- commands ------------------------------------------------------------------------------------------------------ */

/* Recomputes the moments of all groups and compares them with the stored ones. */
typedef struct GroupCheck {
    PythiaGroups groups;
    const PythiaNames *names;
} GroupCheck;

static int check_count(void *context, const PythiaTrace *trace, const PythiaAnalysis *analysis) {
    GroupCheck *check = context;
    PythiaGroup *group;
    (void)trace;
    if (!analysis->head.group) return SQLITE_OK;
    int rc = pythia_groups_get(&check->groups, analysis->signature, analysis->request.type, &group);
    if (rc) return rc;
    group->edges_loaded = 1;
    return pythia_group_add(group, 1, analysis->head.duration_ns, &analysis->edges, check->names);
}

static int groups_check(PythiaCapture *capture, PythiaPoll *poll, PythiaBuf *report, char **error) {
    GroupCheck check = {.names = pythia_store_names(capture->store)};
    PythiaGroups *stored;
    uint32_t live = 0;
    int rc = pythia_capture_groups(capture, poll, &stored, error);
    if (!rc) rc = pythia_capture_each_trace(capture, 0, 0, poll, check_count, &check, error);
    for (uint32_t i = 0; !rc && i < stored->n; i++)
        live += stored->groups[i].n > 0;
    if (!rc && live != check.groups.n)
        pythia_buf_format(report, "pythia_xgroup: %u groups, the traces make %u\n", live,
                          check.groups.n);
    for (uint32_t i = 0; !rc && i < check.groups.n; i++) {
        const PythiaGroup *right = &check.groups.groups[i];
        PythiaGroup *have = pythia_groups_find(stored, right->id);
        if (have) rc = pythia_capture_group_edges(capture, have, error);
        if (!rc && (!have || !pythia_group_equal(have, right)))
            pythia_buf_format(report,
                              "pythia_xgroup row %lld: moments differ from those of its members\n",
                              (sqlite3_int64)right->id);
    }
    pythia_groups_clear(&check.groups);
    return rc ? rc : report->rc;
}

static int command_check(PythiaCapture *capture, PythiaPoll *poll, char **error) {
    char *faults = NULL;
    PythiaBuf report = {0};
    int rc = pythia_store_check(capture->store, poll, &faults, error);
    if (!rc && faults) pythia_buf_str(&report, faults);
    if (!rc && !faults) rc = groups_check(capture, poll, &report, error);
    sqlite3_free(faults);
    if (!rc && report.n)
        rc = pythia_fail(error, PYTHIA_CORRUPT, "integrity-check:\n%.*s", (int)report.n,
                         report.data);
    pythia_buf_clear(&report);
    return rc;
}

static int command_delete_all(PythiaCapture *capture, char **error) {
    int rc = pythia_store_delete_all(capture->store, error);
    if (!rc) rc = pythia_store_group_delete_all(capture->store, error);
    pythia_capture_drop_caches(capture);
    return rc;
}

/* The count of "merge N"; 0 when the command is another. */
static uint32_t merge_count(const char *command) {
    if (strncmp(command, "merge", 5) != 0) return 0;
    if (command[5] == 0) return 16;
    if (command[5] != ' ') return 0;
    char *end;
    unsigned long n = strtoul(command + 6, &end, 10);
    return *end || end == command + 6 || n > UINT32_MAX ? 0 : (uint32_t)n;
}

int pythia_capture_command(PythiaCapture *capture, const char *command, PythiaPoll *poll,
                           char **error) {
    uint32_t n = strcmp(command, "optimize") == 0 ? UINT32_MAX : merge_count(command);
    int rc;
    if (n)
        rc = pythia_store_merge(capture->store, n, poll, error);
    else if (strcmp(command, "rebuild") == 0)
        rc = pythia_capture_rebuild(capture, 1, poll, error);
    else if (strcmp(command, "integrity-check") == 0)
        rc = command_check(capture, poll, error);
    else if (strcmp(command, "delete-all") == 0)
        rc = command_delete_all(capture, error);
    else
        return pythia_fail(error, SQLITE_ERROR,
                           "pythia: no such command: '%s' (there are optimize, merge N, rebuild, "
                           "integrity-check and delete-all)",
                           command);
    return rc;
}
