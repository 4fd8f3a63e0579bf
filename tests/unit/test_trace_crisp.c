/* test_trace_crisp.c - the path by CRISP's rules: against a version that follows the published description word
** by word (recursive, with call paths as sets and divisions in floating point), in size, and the published
** fixtures where they are there. */
#include "ext/trace/crisp.h"
#include "tests/unit/trace_util.h"

#include <stdio.h>
#include <stdlib.h>

int sqlite3_pythia_init(sqlite3 *db, char **error, const sqlite3_api_routines *api);

/* ---- the slow version ----------------------------------------------------------------------------------- */

enum { SLOW_MOST = 64 };

typedef struct SlowSpan {
    int64_t start, end, duration, exclusive, drag, exclusive_drag, slack;
    int parent, children[SLOW_MOST], n, position, fate;
} SlowSpan;

typedef struct Slow {
    const PythiaTrace *trace;
    const PythiaNames *names;
    SlowSpan spans[SLOW_MOST];
    int path[SLOW_MOST], npath;
    uint64_t call_path[SLOW_MOST]; /* a number for each */
    char after[SLOW_MOST]
              [SLOW_MOST]; /* [call path of b][of a]: some a was seen to happen before some b */
} Slow;

static int slow_parent(const PythiaTrace *t, int i) {
    int parent = t->spans[i].parent;
    for (uint32_t l = 0; l < t->nlinks; l++) {
        const PythiaLinkTo *link = &t->links[l];
        if (link->from_span != (uint32_t)i) continue;
        if (link->kind == PYTHIA_LINK_FOLLOWS_FROM &&
            pythia_id_equal(link->span, t->spans[i].parent_id))
            parent = -1;
        if (link->kind != PYTHIA_LINK_PARENT) continue;
        parent = -1;
        for (uint32_t k = 0; k < t->nspans; k++)
            if (pythia_id_equal(t->spans[k].id, link->span)) parent = (int)k;
    }
    return parent;
}

static const char *slow_host(const Slow *s, int i) {
    const PythiaTrace *t = s->trace;
    if (t->spans[i].resource >= t->nresources) return "";
    const PythiaResourceSet *set = &t->resources[t->spans[i].resource];
    for (uint32_t v = 0; v < set->n; v++)
        if (pythia_text_equal(pythia_names_text(s->names, set->values[v].key),
                              PYTHIA_TEXT("hostname")))
            return set->values[v].n ? set->values[v].of.text : ""; /* of one letter, or none */
    return "";
}

static int slow_is_call(const Slow *s, int p, int c) {
    const SlowSpan *parent = &s->spans[p], *child = &s->spans[c];
    int server = s->trace->spans[c].kind == PYTHIA_KIND_SERVER;
    int parent_kind = s->trace->spans[p].kind;
    if (parent->n != 1 || (double)child->duration > 1.01 * (double)parent->duration) return 0;
    if (server && parent_kind == PYTHIA_KIND_CLIENT) return 1;
    if (server && parent_kind != PYTHIA_KIND_SERVER && parent->parent >= 0 &&
        s->trace->spans[parent->parent].kind == PYTHIA_KIND_SERVER)
        return 1;
    const char *a = slow_host(s, p), *b = slow_host(s, c);
    return *a && *b && *a != *b;
}

static void slow_drop(Slow *s, int i) {
    s->spans[i].fate = PYTHIA_CRISP_DROPPED;
    for (int k = 0; k < s->spans[i].n; k++)
        slow_drop(s, s->spans[i].children[k]);
}

static void slow_cut(Slow *s, int p) {
    SlowSpan *parent = &s->spans[p];
    int kept[SLOW_MOST], n = 0;
    for (int k = 0; k < parent->n; k++) {
        SlowSpan *c = &s->spans[parent->children[k]];
        c->fate = PYTHIA_CRISP_KEPT;
        if (slow_is_call(s, p, parent->children[k])) {
            c->fate = PYTHIA_CRISP_EXEMPT;
            if (c->duration > parent->duration) c->duration = parent->duration;
        } else if (c->start < parent->start && c->end <= parent->end && c->end > parent->start) {
            c->fate = PYTHIA_CRISP_CLIPPED;
            c->duration -= parent->start - c->start;
            c->start = parent->start;
        } else if (c->start >= parent->start && c->end > parent->end && c->start < parent->end) {
            c->fate = PYTHIA_CRISP_CLIPPED;
            c->duration -= c->end - parent->end;
            c->end = parent->end;
        } else if (c->start < parent->start || c->end > parent->end) {
            slow_drop(s, parent->children[k]);
            continue;
        }
        kept[n++] = parent->children[k];
    }
    for (int k = 0; k < n; k++)
        slow_cut(s, kept[k]);
    for (int k = 0; k < n; k++)
        parent->children[k] = kept[k];
    parent->n = n;
}

/* Children from the last end to the first; of equal ends the later comes first. */
static int slow_latest_first(const Slow *s, int p, int *out) {
    int n = s->spans[p].n;
    for (int k = 0; k < n; k++) {
        int child = s->spans[p].children[k], at = k;
        for (; at > 0 && s->spans[out[at - 1]].end <= s->spans[child].end; at--)
            out[at] = out[at - 1];
        out[at] = child;
    }
    return n;
}

static int slow_before_later(const Slow *s, int p, int before, int later) {
    const SlowSpan *b = &s->spans[before], *l = &s->spans[later];
    int inside = 0;
    if (b->end < l->start) return 1;
    if (b->end >= l->end || b->start >= l->start) return 0;
    if ((double)(b->end - l->start) / (double)s->spans[p].duration >= 0.01) return 0;
    for (int k = 0; k < s->spans[p].n; k++) {
        const SlowSpan *c = &s->spans[s->spans[p].children[k]];
        inside += c->start >= l->start && c->start <= b->end;
        inside += c->end >= l->start && c->end <= b->end;
    }
    return inside == 2;
}

static void slow_path(Slow *s, int i) {
    int children[SLOW_MOST], n = slow_latest_first(s, i, children), later = -1;
    s->path[s->npath++] = i;
    s->spans[i].position = s->npath;
    s->spans[i].exclusive += s->spans[i].duration;
    if (s->spans[i].parent >= 0) s->spans[s->spans[i].parent].exclusive -= s->spans[i].duration;
    for (int k = 0; k < n; k++)
        if (later < 0 || slow_before_later(s, i, children[k], later))
            slow_path(s, later = children[k]);
}

static int64_t slow_min(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static void slow_drag(Slow *s, int i) {
    SlowSpan *span = &s->spans[i];
    int siblings[SLOW_MOST], children[SLOW_MOST], at = 0;
    int n = span->parent < 0 ? 0 : slow_latest_first(s, span->parent, siblings);
    while (at < n && siblings[at] != i)
        at++;
    span->drag = span->duration;
    span->exclusive_drag = span->exclusive;
    if (at + 1 >= n) return;
    int64_t next = s->spans[siblings[at + 1]].end, value = span->end - next;
    span->drag = slow_min(span->duration, value) > 0 ? slow_min(span->duration, value) : 0;
    if (slow_latest_first(s, i, children)) {
        const SlowSpan *own = &s->spans[children[0]];
        value = span->end - (own->end > next ? own->end : next);
        if (own->start > next) value += own->start - next;
    }
    value = slow_min(span->exclusive, value);
    span->exclusive_drag = value > 0 ? value : 0;
}

/* Two spans have one call path when their trace points are the same up to the root. */
static void slow_call_paths(Slow *s) {
    for (uint32_t i = 0; i < s->trace->nspans; i++) {
        s->call_path[i] = i;
        for (uint32_t k = 0; k < i; k++) {
            int a = (int)i, b = (int)k;
            while (a >= 0 && b >= 0 &&
                   s->trace->spans[a].tracepoint == s->trace->spans[b].tracepoint) {
                a = s->spans[a].parent;
                b = s->spans[b].parent;
            }
            if (a >= 0 || b >= 0) continue;
            s->call_path[i] = s->call_path[k];
            break;
        }
    }
}

static void slow_order(Slow *s) {
    memset(s->after, 0, sizeof s->after);
    for (uint32_t p = 0; p < s->trace->nspans; p++) {
        int children[SLOW_MOST], n = slow_latest_first(s, (int)p, children);
        for (int l = 0; l < n; l++)
            for (int b = l + 1; b < n; b++)
                if (slow_before_later(s, (int)p, children[b], children[l]))
                    s->after[s->call_path[children[l]]][s->call_path[children[b]]] = 1;
    }
}

static void slow_slack(Slow *s, int i) {
    SlowSpan *span = &s->spans[i];
    if (span->position || span->parent < 0) return;
    const SlowSpan *parent = &s->spans[span->parent];
    int64_t latest = parent->end, earliest = INT64_MAX;
    int order[SLOW_MOST], n = parent->n, there = 0;
    for (int k = 0; k < s->npath; k++) { /* later ones overwrite */
        const SlowSpan *on = &s->spans[s->path[k]];
        if (on->parent == span->parent && span->end < on->end) latest = on->end;
    }
    for (int k = 0; k < n; k++) {
        int child = parent->children[k], at = k;
        there |= child == i;
        for (; at > 0 && s->spans[order[at - 1]].start > s->spans[child].start; at--)
            order[at] = order[at - 1];
        order[at] = child;
    }
    if (!there) return; /* dropped */
    earliest = s->spans[order[0]].start;
    for (int k = 0; k < n && order[k] != i; k++)
        if (s->after[s->call_path[i]][s->call_path[order[k]]] &&
            s->spans[order[k]].end < span->start)
            earliest = s->spans[order[k]].end;
    span->slack = latest - span->duration - earliest;
}

static void slow_walk(Slow *s, const PythiaTrace *trace, const PythiaNames *names, int root) {
    memset(s, 0, sizeof *s);
    s->trace = trace;
    s->names = names;
    int n = (int)trace->nspans;
    for (int i = 0; i < n; i++) {
        SlowSpan *span = &s->spans[i];
        span->start = trace->spans[i].start_ns;
        span->end = trace->spans[i].end_ns < span->start ? span->start : trace->spans[i].end_ns;
        span->duration = span->end - span->start;
        span->parent = slow_parent(trace, i);
        if (span->parent >= 0) s->spans[span->parent].children[s->spans[span->parent].n++] = i;
    }
    s->spans[root].parent = -1;
    s->spans[root].fate = PYTHIA_CRISP_KEPT;
    slow_cut(s, root);
    slow_path(s, root);
    slow_call_paths(s);
    slow_order(s);
    for (int i = 0; i < n; i++)
        if (s->spans[i].exclusive < 0) s->spans[i].exclusive = 0;
    for (int k = 0; k < s->npath; k++)
        slow_drag(s, s->path[k]);
    for (int i = 0; i < n; i++)
        slow_slack(s, i);
}

/* ---- random traces ---------------------------------------------------------------------------------------- */

static int wrong_crisp(const PythiaCrisp *crisp, const Slow *slow) {
    int wrong = crisp->npath != (uint32_t)slow->npath;
    for (uint32_t k = 0; !wrong && k < crisp->npath; k++)
        wrong += crisp->path[k] != (uint32_t)slow->path[k];
    for (uint32_t i = 0; i < slow->trace->nspans; i++) {
        const PythiaCrispSpan *a = &crisp->spans[i];
        const SlowSpan *b = &slow->spans[i];
        wrong += a->start_ns != b->start || a->end_ns != b->end || a->duration_ns != b->duration;
        wrong +=
            a->fate != b->fate || a->position != (uint32_t)b->position || a->parent != b->parent;
        wrong += a->exclusive_ns != (a->position ? b->exclusive : 0);
        wrong += a->drag_ns != b->drag || a->exclusive_drag_ns != b->exclusive_drag;
        wrong += a->slack_ns != b->slack;
    }
    return wrong;
}

/* Calls one after the other, which nearly touch, overlap a little, or run beside each other. */
static void make_calls(Sample *sample, SampleRandom *random, uint32_t most) {
    memset(sample, 0, sizeof *sample);
    uint64_t id = 1;
    sample_span(sample, id++, 0, 100000, 101000, 1, 1);
    for (uint32_t p = 0; p < sample->nspans && sample->nspans < most; p++) {
        SampleSpan parent = sample->spans[p];
        int64_t at = parent.start_ns + sample_below(random, 20),
                length = parent.end_ns - parent.start_ns;
        uint32_t children = sample_below(random, 5);
        for (uint32_t k = 0; k < children && sample->nspans < most; k++) {
            int64_t lasts = length / (2 + sample_below(random, 6));
            if (sample_chance(random, 10)) lasts = 0;
            int64_t start = at + (int64_t)sample_below(random, 25) - 12;
            uint32_t s = sample_span(sample, id++, parent.id, start, start + lasts,
                                     1 + sample_below(random, 3), 1 + sample_below(random, 3));
            sample->spans[s].kind = (uint8_t)sample_below(random, 3);
            if (!sample_chance(random, 25)) at = start + lasts;
            if (children == 1 && sample_chance(random, 50)) {
                sample->spans[s].start_ns =
                    parent.start_ns + (int64_t)sample_below(random, 30) - 15;
                sample->spans[s].end_ns =
                    sample->spans[s].start_ns + length + (int64_t)sample_below(random, 20) - 5;
            }
        }
    }
}

/* Processes with and without a host name. */
static void add_hosts(PythiaTrace *trace, PythiaNames *names, SampleRandom *random) {
    uint32_t key, index[4];
    CU_ASSERT_FATAL(!pythia_names_string(names, PYTHIA_TEXT("hostname"), &key));
    for (uint32_t r = 0; r < 4; r++) {
        static const char *const text[] = {"a", "b", "", ""};
        PythiaValue value = {.key = key, .type = PYTHIA_VALUE_TEXT, .n = r < 2, .of.text = text[r]};
        PythiaResourceSet set = {r < 3 ? &value : NULL, r < 3, 0};
        set.hash = pythia_resource_hash(set.values, set.n);
        CU_ASSERT_FATAL(!pythia_trace_add_resource(trace, &set, &index[r]));
    }
    for (uint32_t i = 0; i < trace->nspans; i++)
        trace->spans[i].resource = index[sample_below(random, 4)];
}

static void test_random(void) {
    SampleRandom random = {7001};
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    PythiaCrisp crisp = {0};
    static Sample sample;
    static Slow slow;
    int wrong = 0, fates[5] = {0};
    for (int round = 0; round < 6000 && !wrong; round++) {
        if (round % 3)
            make_calls(&sample, &random, 2 + (uint32_t)round % 40);
        else
            sample_make(&sample, &random,
                        SAMPLE_ROOTS | SAMPLE_ORPHANS | SAMPLE_LINKED |
                            (round % 2 ? SAMPLE_TIES : 0) |
                            (round % 5 ? 0 : SAMPLE_SHARED | SAMPLE_CONFLICTS),
                        1 + (uint32_t)round % 24);
        CU_ASSERT_EQUAL_FATAL(sample_build(&sample, &names, &trace), SQLITE_OK);
        if (trace.nspans > SLOW_MOST) continue;
        for (uint32_t l = 0; l < trace.nlinks; l++) {
            /* A further parent only upwards in time, as from a reader: references in a circle have no root. */
            trace.links[l].kind = sample_below(&random, 2);
            uint32_t up = sample_below(&random, trace.links[l].from_span + 1);
            if (sample_chance(&random, 40) && up < trace.links[l].from_span)
                trace.links[l].kind = PYTHIA_LINK_PARENT, trace.links[l].span = trace.spans[up].id;
            else if (sample_chance(&random, 30))
                trace.links[l].span = trace.spans[trace.links[l].from_span].parent_id;
        }
        if (round % 4 == 0) add_hosts(&trace, &names, &random);
        int root = round % 7 ? 0 : (int)sample_below(&random, trace.nspans);
        if (round % 5 == 0 && round % 3 == 0) { /* ids that are not unique can close a circle */
            for (uint32_t l = 0; l < trace.nlinks; l++)
                if (trace.links[l].kind == PYTHIA_LINK_PARENT) trace.links[l].kind = PYTHIA_LINK;
        }
        CU_ASSERT_EQUAL_FATAL(pythia_crisp_walk(&crisp, &trace, &names, (uint32_t)root), SQLITE_OK);
        slow_walk(&slow, &trace, &names, root);
        wrong += wrong_crisp(&crisp, &slow);
        for (uint32_t i = 0; i < trace.nspans; i++)
            fates[crisp.spans[i].fate]++;
        if (wrong) printf("round %d: %d\n", round, wrong);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    for (int f = 0; f < 5; f++) /* each of them was met */
        CU_ASSERT(fates[f] > 100);
    pythia_crisp_clear(&crisp);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

/* ---- size ------------------------------------------------------------------------------------------------- */

enum { MANY = 100000 };

/* A chain, and siblings that overlap by less than a hundredth, each with the next. A quadratic walk would take
** minutes, a recursive one the stack. */
static void test_size(void) {
    PythiaNames names = {0};
    PythiaTrace trace = {0};
    PythiaCrisp crisp = {0};
    for (uint64_t i = 0; i < MANY; i++)
        sample_bare_span(&trace, i + 1, i, (int64_t)i, 3 * MANY - (int64_t)i);
    CU_ASSERT_EQUAL_FATAL(pythia_trace_build(&trace, &names), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_crisp_walk(&crisp, &trace, &names, 0), SQLITE_OK);
    CU_ASSERT_EQUAL(crisp.npath, MANY);
    CU_ASSERT_EQUAL(crisp.spans[0].exclusive_ns, 2);
    CU_ASSERT_EQUAL(crisp.spans[MANY - 1].exclusive_ns, MANY + 2);
    pythia_trace_reset(&trace);
    sample_bare_span(&trace, 1, 0, 0, 10 * MANY);
    for (uint64_t i = 0; i < MANY; i++)
        sample_bare_span(&trace, i + 2, 1, 10 * (int64_t)i, 10 * (int64_t)i + 11);
    CU_ASSERT_EQUAL_FATAL(pythia_trace_build(&trace, &names), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(pythia_crisp_walk(&crisp, &trace, &names, 0), SQLITE_OK);
    CU_ASSERT_EQUAL(crisp.npath, MANY + 1);
    CU_ASSERT_EQUAL(crisp.spans[0].exclusive_ns, 0);
    CU_ASSERT_EQUAL(crisp.spans[1].drag_ns, 11);
    CU_ASSERT_EQUAL(crisp.spans[2].drag_ns, 10);
    pythia_crisp_clear(&crisp);
    pythia_trace_clear(&trace);
    pythia_names_clear(&names);
}

/* ---- the published fixtures ---------------------------------------------------------------------------------- */

/* The expected answers, in microseconds and with ids as written there, beside those of the tables. Each query
** counts the differences in one respect. */
static const char golden_check[] =
    "WITH want(j) AS (SELECT value FROM json_each(:golden) WHERE key = :name),"
    " t(id) AS (SELECT trace_id FROM pythia_traces),"
    " got AS (SELECT ltrim(upper(span_id), '0') AS id, s.* FROM t, pythia_slack AS s WHERE "
    "s.trace_id = t.id),"
    " spans AS (SELECT *, '[' || service || '] ' || operation AS name FROM t, pythia_spans AS s"
    "           WHERE s.trace_id = t.id),"
    " call(id, path) AS (SELECT span_id, name FROM spans WHERE parent_id IS NULL UNION ALL"
    "   SELECT s.span_id, call.path || '->' || s.name FROM call JOIN spans AS s ON s.parent_id = "
    "call.id),"
    " profile AS (SELECT path, sum(duration_ns) / 1000 AS inc, sum(exclusive_ns) / 1000 AS excl, "
    "count(*) AS freq"
    "   FROM got JOIN call ON call.id = got.span_id WHERE position > 0 GROUP BY path) "
    "SELECT (SELECT count(*) FROM want, json_each(want.j, '$.critical_path') AS p LEFT JOIN got"
    "        ON got.position = p.key + 1 AND got.id = p.value->>'span_id'"
    "        WHERE got.exclusive_ns IS NOT 1000 * (p.value->>'exclusive')"
    "        OR got.drag_ns IS NOT 1000 * (p.value->>'drag')"
    "        OR got.exclusive_drag_ns IS NOT 1000 * (p.value->>'exclusive_drag')"
    "        OR got.start_ns IS NOT 1000 * (p.value->>'start')"
    "        OR got.duration_ns IS NOT 1000 * (p.value->>'duration')) AS path,"
    " (SELECT json_array_length(j, '$.critical_path') FROM want) <>"
    "   (SELECT count(*) FROM t, pythia_critical_path AS p WHERE p.trace_id = t.id AND p.mode = "
    "'crisp') AS length,"
    " (SELECT count(*) FROM want, json_each(want.j, '$.critical_path') AS w"
    "   LEFT JOIN (SELECT p.position, p.span_id, p.duration_ns FROM t, pythia_critical_path AS p"
    "              WHERE p.trace_id = t.id AND p.mode = 'crisp') AS p ON p.position = w.key + 1"
    "   WHERE ltrim(upper(p.span_id), '0') IS NOT w.value->>'span_id'"
    "   OR p.duration_ns IS NOT 1000 * (w.value->>'exclusive')) AS rows,"
    " (SELECT count(*) FROM want, json_each(want.j, '$.slack') AS p LEFT JOIN got ON got.id = p.key"
    "        WHERE got.slack_ns IS NOT 1000 * p.value) AS slack,"
    " (SELECT json_group_array(id) FROM (SELECT id FROM got WHERE fate = 'dropped' ORDER BY id)) <>"
    "   (SELECT j->'dropped' FROM want) AS dropped,"
    " (SELECT count(*) FROM want, json_each(want.j, '$.clamped') AS p LEFT JOIN got ON got.id = "
    "p.key"
    "        WHERE got.fate IS NOT 'clipped' OR got.start_ns IS NOT 1000 * (p.value->>'start')"
    "        OR got.duration_ns IS NOT 1000 * (p.value->>'duration'))"
    "  + ((SELECT count(*) FROM got WHERE fate = 'clipped') <>"
    "     (SELECT count(*) FROM want, json_each(want.j, '$.clamped'))) AS clamped,"
    " (SELECT count(*) FROM want, json_each(want.j, '$.callpath_profile') AS p LEFT JOIN profile "
    "ON profile.path = p.key"
    "        WHERE inc IS NOT p.value->>'inc' OR excl IS NOT p.value->>'excl' OR freq IS NOT "
    "p.value->>'freq')"
    "  + ((SELECT count(*) FROM profile) <>"
    "     (SELECT count(*) FROM want, json_each(want.j, '$.callpath_profile'))) AS profile";

static char *read_all(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    long n = ftell(file);
    rewind(file);
    char *text = n >= 0 ? calloc(1, (size_t)n + 1) : NULL;
    if (text && fread(text, 1, (size_t)n, file) != (size_t)n) text[0] = 0;
    fclose(file);
    return text;
}

static int golden_differences(sqlite3 *db, const char *golden, const char *name) {
    char path[200];
    sqlite3_stmt *statement;
    int differences = 0;
    snprintf(path, sizeof path, "data/public/crisp/%s", name);
    const char *file = pythia_shared(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    sqlite3_exec(db, "INSERT INTO pythia(pythia) VALUES('delete-all')", NULL, NULL, NULL);
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, "SELECT pythia_import(?)", -1, &statement, NULL),
                          SQLITE_OK);
    sqlite3_bind_text(statement, 1, file, -1, SQLITE_STATIC);
    CU_ASSERT_EQUAL(sqlite3_step(statement), SQLITE_ROW);
    sqlite3_finalize(statement);
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, golden_check, -1, &statement, NULL), SQLITE_OK);
    sqlite3_bind_text(statement, 1, golden, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC);
    CU_ASSERT_EQUAL_FATAL(sqlite3_step(statement), SQLITE_ROW);
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
        int n = sqlite3_column_type(statement, i) == SQLITE_NULL ? -1
                                                                 : sqlite3_column_int(statement, i);
        if (n) printf("%s: %s: %d\n", name, sqlite3_column_name(statement, i), n);
        differences += n != 0;
    }
    sqlite3_finalize(statement);
    return differences;
}

static void test_golden(void) {
    const char *path = pythia_shared("golden/critical-path/crisp_expected.json");
    if (!path || !pythia_shared("data/public/crisp/1.json")) {
        pythia_skip("the published fixtures are not there");
        return;
    }
    char *golden = read_all(pythia_shared("golden/critical-path/crisp_expected.json"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(golden);
    sqlite3 *db;
    sqlite3_stmt *names;
    int cases = 0, differences = 0;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(":memory:", &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_pythia_init(db, NULL, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, "SELECT key FROM json_each(?)", -1, &names, NULL),
                          SQLITE_OK);
    sqlite3_bind_text(names, 1, golden, -1, SQLITE_STATIC);
    for (; sqlite3_step(names) == SQLITE_ROW; cases++)
        differences += golden_differences(db, golden, (const char *)sqlite3_column_text(names, 0));
    sqlite3_finalize(names);
    CU_ASSERT_EQUAL(cases, 33);
    CU_ASSERT_EQUAL(differences, 0);
    CU_ASSERT_EQUAL(sqlite3_close(db), SQLITE_OK);
    free(golden);
}

PYTHIA_SUITE(trace_crisp, {"random traces against the description", test_random},
             {"chain and siblings, 100,000 each", test_size},
             {"published fixtures, through SQL", test_golden})
