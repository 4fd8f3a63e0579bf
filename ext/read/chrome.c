/* chrome.c - Chrome's trace event format, collecting events.
**
** "Trace Event Format" (Duca and Sinclair, the Catapult project). An array of events, whose closing bracket
** may be missing, or an object with that array under "traceEvents":
**
**   {"ph": "X", "name": "draw", "cat": "cc", "pid": 1, "tid": 2, "ts": <us>, "dur": <us>, "args": {...}}
**
** The phases that are read:
**   X            a slice of a thread                B E    its begin and end, as a stack for each thread
**   b e n        begin and end of a slice of an async group (category, id, scope), and an instant in it
**   S T p F      the same in older files; the group's name belongs to its key, T and p are steps
**   s t f        a flow: an arrow from slice to slice
**   i I R        an instant of a thread
**   M            names of processes and threads; "pythia_time_base", which Pythia writes: what all times
**                count from, in ns since 1970
** All others (counters, samples, objects, memory dumps) are left out and counted.
**
** Events come in any order and a span may need the last one, so that they are kept, in a short form, until the
** end. What becomes of them: chrome_nest.c. */
#include "ext/read/chrome.h"

#include "ext/read/format.h"

enum { US = 1000 };

/* ---- attributes ---- */

static void args_text(PythiaBuf *out, PythiaText text) {
    pythia_buf_u32(out, (uint32_t)text.n);
    pythia_buf_text(out, text);
}

/* Encodes the attributes that the draft holds; their offset. */
static uint64_t args_encode(PythiaChromeState *s, const PythiaAttributes *list) {
    PythiaBuf *out = &s->args;
    uint64_t at = out->n;
    pythia_buf_u32(out, (uint32_t)list->n);
    for (size_t i = 0; i < list->n; i++) {
        const PythiaAttribute *a = &list->items[i];
        args_text(out, a->key);
        pythia_buf_byte(out, (unsigned char)a->type);
        if (a->type >= PYTHIA_VALUE_TEXT) {
            args_text(out, a->text);
            continue;
        }
        uint64_t bits = (uint64_t)a->integer;
        if (a->type == PYTHIA_VALUE_DOUBLE) memcpy(&bits, &a->real, sizeof bits);
        pythia_buf_u64(out, bits);
    }
    return at;
}

static uint32_t args_u32(const unsigned char **p) {
    uint32_t value = (uint32_t)(*p)[0] | (uint32_t)(*p)[1] << 8 | (uint32_t)(*p)[2] << 16 |
                     (uint32_t)(*p)[3] << 24;
    *p += 4;
    return value;
}

static PythiaText args_take(const unsigned char **p) {
    PythiaText text;
    text.n = args_u32(p);
    text.p = (const char *)*p;
    *p += text.n;
    return text;
}

void pythia_chrome_attributes(PythiaReader *reader, const PythiaChromeState *state,
                              PythiaAttributes *list, uint64_t args) {
    const unsigned char *p = state->args.data + args;
    uint32_t n = args_u32(&p);
    for (uint32_t i = 0; i < n; i++) {
        PythiaAttribute *a = pythia_attributes_add(reader, list, args_take(&p));
        if (!a) return;
        a->type = *p++;
        if (a->type >= PYTHIA_VALUE_TEXT) {
            a->text = args_take(&p);
            continue;
        }
        uint64_t low = args_u32(&p), bits = low | (uint64_t)args_u32(&p) << 32;
        if (a->type == PYTHIA_VALUE_DOUBLE)
            memcpy(&a->real, &bits, sizeof bits);
        else
            a->integer = (int64_t)bits;
    }
}

/* ---- names ---- */

/* A value as text, numbers too; empty when there is none. */
static PythiaText value_text(PythiaReader *r, uint32_t at) {
    const PythiaJson *j = &r->json;
    if (!at || pythia_json_is_text(j, at)) return pythia_json_text(j, at);
    if (pythia_json_type(j, at) == 'n') return (PythiaText){"", 0};
    pythia_json_write(j, at, &r->scratch);
    return pythia_reader_scratch(r);
}

static PythiaText member_text(PythiaReader *r, uint32_t at, PythiaText key) {
    return value_text(r, pythia_json_find(&r->json, at, key));
}

static uint32_t string_number(PythiaReader *r, PythiaIntern *table, PythiaText text) {
    uint32_t number = 0;
    if (r->rc == SQLITE_OK) r->rc = pythia_intern(table, text, &number);
    return r->rc == SQLITE_OK ? number : 0;
}

/* The number of a pid, with its place for a name. */
static uint32_t process_number(PythiaReader *r, PythiaChromeState *s, PythiaText pid) {
    uint32_t number = string_number(r, &s->processes, pid);
    size_t had = s->process_capacity;
    if (r->rc != SQLITE_OK || number < had) return number;
    r->rc = pythia_grow((void **)&s->process_name, &s->process_capacity, number + 1,
                        sizeof *s->process_name);
    if (r->rc != SQLITE_OK) return 0;
    memset(s->process_name + had, 0, (s->process_capacity - had) * sizeof *s->process_name);
    return number;
}

/* The number of the event's thread. */
static uint32_t thread_number(PythiaReader *r, PythiaChromeState *s, uint32_t at) {
    PythiaText pid = member_text(r, at, PYTHIA_TEXT("pid"));
    PythiaText tid = member_text(r, at, PYTHIA_TEXT("tid"));
    pythia_buf_text(&r->scratch, pid);
    pythia_buf_byte(&r->scratch, 0);
    pythia_buf_text(&r->scratch, tid);
    uint32_t before = s->threads.n;
    uint32_t number = string_number(r, &s->threads, pythia_reader_scratch(r));
    if (r->rc != SQLITE_OK || number <= before) return number;
    r->rc = pythia_grow((void **)&s->thread, &s->thread_capacity, number + 1, sizeof *s->thread);
    if (r->rc != SQLITE_OK) return 0;
    PythiaText key = pythia_intern_text(&s->threads, number);
    s->thread[number] = (PythiaChromeThread){.pid = {key.p, pid.n},
                                             .tid = {key.p + pid.n + 1, tid.n},
                                             .process = process_number(r, s, pid)};
    return number;
}

/* What names the group or flow of an event: 'n' nestable, 'o' old, 'f' flow. Ids are the file's own, or the
** process's where the event says so. */
static uint32_t key_number(PythiaReader *r, PythiaChromeState *s, uint32_t at, char kind) {
    const PythiaJson *j = &r->json;
    uint32_t two = PYTHIA_JSON_FIND(j, at, "id2"), local = PYTHIA_JSON_FIND(j, two, "local");
    uint32_t id = local ? local : PYTHIA_JSON_FIND(j, two, "global");
    PythiaText parts[5] = {member_text(r, at, PYTHIA_TEXT("cat")),
                           kind == 'n' ? (PythiaText){"", 0}
                                       : member_text(r, at, PYTHIA_TEXT("name")),
                           value_text(r, id ? id : PYTHIA_JSON_FIND(j, at, "id")),
                           member_text(r, at, PYTHIA_TEXT("scope")),
                           local ? member_text(r, at, PYTHIA_TEXT("pid")) : (PythiaText){"", 0}};
    pythia_buf_byte(&r->scratch, (unsigned char)kind);
    for (size_t i = 0; i < 5; i++) {
        pythia_buf_byte(&r->scratch, 0);
        pythia_buf_text(&r->scratch, parts[i]);
    }
    return string_number(r, &s->keys, pythia_reader_scratch(r));
}

/* ---- events ---- */

/* process_name, thread_name and the base of times; 0 when it is none of them. */
static int chrome_metadata(PythiaReader *r, PythiaChromeState *s, uint32_t at) {
    const PythiaJson *j = &r->json;
    PythiaText what = pythia_json_text(j, PYTHIA_JSON_FIND(j, at, "name"));
    uint32_t args = PYTHIA_JSON_FIND(j, at, "args");
    PythiaText name = pythia_json_text(j, PYTHIA_JSON_FIND(j, args, "name"));
    if (PYTHIA_TEXT_IS(what, "pythia_time_base"))
        return pythia_json_time_ns(j, PYTHIA_JSON_FIND(j, args, "ns"), 1, &s->base_ns) ==
               PYTHIA_JSON_GOOD;
    int process = PYTHIA_TEXT_IS(what, "process_name");
    if (!process && !PYTHIA_TEXT_IS(what, "thread_name")) return 0;
    uint32_t string = name.n ? string_number(r, &s->strings, name) : 0;
    uint32_t number = process ? process_number(r, s, member_text(r, at, PYTHIA_TEXT("pid")))
                              : thread_number(r, s, at);
    if (r->rc != SQLITE_OK) return 1;
    if (process)
        s->process_name[number] = string;
    else
        s->thread[number].name = string;
    return 1;
}

/* The members of "args". */
static uint64_t event_args(PythiaReader *r, PythiaChromeState *s, uint32_t args) {
    const PythiaJson *j = &r->json;
    r->attributes.n = 0;
    if (pythia_json_is_object(j, args))
        for (uint32_t key = pythia_json_first(j, args); key && r->rc == SQLITE_OK;
             key = pythia_json_after(j, key + 1))
            pythia_attributes_json(r, j, &r->attributes, pythia_json_text(j, key), key + 1);
    uint64_t at = args_encode(s, &r->attributes);
    if (r->rc == SQLITE_OK) r->rc = s->args.rc;
    return at;
}

static char phase_of(const PythiaJson *j, uint32_t at) {
    PythiaText phase = pythia_json_text(j, PYTHIA_JSON_FIND(j, at, "ph"));
    return phase.n == 1 ? phase.p[0] : 0;
}

/* Whether the phase is read, and the kind of its key. */
static int phase_is_read(char phase, char *kind) {
    *kind = phase && strchr("ben", phase) ? 'n' : phase && strchr("STpF", phase) ? 'o' : 0;
    if (phase && strchr("stf", phase)) *kind = 'f';
    return *kind || (phase && strchr("XBEiIR", phase));
}

static void chrome_event(PythiaReader *r, PythiaChromeState *s, uint32_t at) {
    const PythiaJson *j = &r->json;
    char kind, phase = phase_of(j, at);
    if (!phase) {
        pythia_reader_reject(r, "span", "An event has no phase.");
        return;
    }
    if (phase == 'M' && chrome_metadata(r, s, at)) return;
    if (!phase_is_read(phase, &kind)) {
        r->stats->skipped++;
        return;
    }
    PythiaChromeEvent event = {.phase = phase, .position = r->position, .order = (uint32_t)s->n};
    int dur = pythia_json_time_ns(j, PYTHIA_JSON_FIND(j, at, "dur"), US, &event.dur_ns);
    if (pythia_json_time_ns(j, PYTHIA_JSON_FIND(j, at, "ts"), US, &event.ts_ns) !=
            PYTHIA_JSON_GOOD ||
        dur == PYTHIA_JSON_BAD) {
        pythia_reader_reject(r, "time", "An event of phase %c has no time.", phase);
        return;
    }
    if (s->n == UINT32_MAX / 2) {
        r->rc = SQLITE_TOOBIG;
        return;
    }
    event.has_dur = dur == PYTHIA_JSON_GOOD;
    event.enclosing = PYTHIA_TEXT_IS(pythia_json_text(j, PYTHIA_JSON_FIND(j, at, "bp")), "e");
    event.thread = thread_number(r, s, at);
    event.name = string_number(r, &s->strings, member_text(r, at, PYTHIA_TEXT("name")));
    event.category = string_number(r, &s->strings, member_text(r, at, PYTHIA_TEXT("cat")));
    if (kind) event.key = key_number(r, s, at, kind);
    event.args = event_args(r, s, PYTHIA_JSON_FIND(j, at, "args"));
    if (r->rc == SQLITE_OK)
        r->rc = pythia_grow((void **)&s->events, &s->capacity, s->n + 1, sizeof *s->events);
    if (r->rc == SQLITE_OK) s->events[s->n++] = event;
}

/* ---- the format ---- */

static int chrome_detect(const PythiaJson *json, uint32_t root) {
    if (pythia_json_is_array(json, PYTHIA_JSON_FIND(json, root, "traceEvents"))) return 1;
    return phase_of(json, root) &&
           (PYTHIA_JSON_FIND(json, root, "ts") || PYTHIA_JSON_FIND(json, root, "pid") ||
            PYTHIA_JSON_FIND(json, root, "name"));
}

static void chrome_document(PythiaReader *r) {
    const PythiaJson *j = &r->json;
    uint32_t events = PYTHIA_JSON_FIND(j, r->root, "traceEvents");
    if (!pythia_json_is_array(j, events)) {
        chrome_event(r, r->state, r->root);
        return;
    }
    for (uint32_t at = pythia_json_first(j, events); at && r->rc == SQLITE_OK;
         at = pythia_json_after(j, at))
        chrome_event(r, r->state, at);
}

static void chrome_finish(PythiaReader *r) {
    pythia_chrome_emit(r, r->state);
}

static void chrome_release(void *state) {
    PythiaChromeState *s = state;
    pythia_free(s->events);
    pythia_buf_clear(&s->args);
    pythia_intern_clear(&s->strings);
    pythia_intern_clear(&s->keys);
    pythia_intern_clear(&s->processes);
    pythia_intern_clear(&s->threads);
    pythia_free(s->thread);
    pythia_free(s->process_name);
}

const PythiaFormat pythia_format_chrome = {
    .name = "chrome",
    .detect = chrome_detect,
    .document = chrome_document,
    .finish = chrome_finish,
    .open_array = 1,
    .state_bytes = sizeof(PythiaChromeState),
    .release = chrome_release,
};
