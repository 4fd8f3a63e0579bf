/* otlp.c - see otlp.h. */
#include "ext/read/otlp.h"

/* The first of the attributes that name a process, a host or a pod; a host with the process, where that
** is known. */
static PythiaText resource_instance(PythiaReader *r) {
    PythiaText instance = pythia_attributes_find(&r->resource, PYTHIA_TEXT("service.instance.id"));
    if (instance.n) return instance;
    PythiaText host = pythia_attributes_find(&r->resource, PYTHIA_TEXT("host.name"));
    if (!host.n) return pythia_attributes_find(&r->resource, PYTHIA_TEXT("k8s.pod.name"));
    for (size_t i = 0; i < r->resource.n; i++) {
        const PythiaAttribute *a = &r->resource.items[i];
        if (a->type != PYTHIA_VALUE_INT || !pythia_text_equal(a->key, PYTHIA_TEXT("process.pid")))
            continue;
        pythia_buf_text(&r->scratch, host);
        pythia_buf_format(&r->scratch, ":%lld", (long long)a->integer);
        return pythia_reader_scratch(r);
    }
    return host;
}

void pythia_otlp_resource(PythiaReader *r, PythiaResource *resource) {
    PythiaText service = pythia_attributes_find(&r->resource, PYTHIA_TEXT("service.name"));
    pythia_resource_end(r, service, resource_instance(r), resource);
}

void pythia_otlp_scope(PythiaReader *r, PythiaText name, PythiaText version) {
    r->shared.n = 0;
    if (name.n) pythia_attributes_text(r, &r->shared, PYTHIA_TEXT(PYTHIA_OTLP_SCOPE "name"), name);
    if (version.n)
        pythia_attributes_text(r, &r->shared, PYTHIA_TEXT(PYTHIA_OTLP_SCOPE "version"), version);
}

void pythia_otlp_shared(PythiaReader *r) {
    PythiaAttributes *list = &r->attributes;
    size_t n = r->shared.n;
    if (r->rc != SQLITE_OK || !n) return;
    r->rc = pythia_grow((void **)&list->items, &list->capacity, list->n + n, sizeof *list->items);
    if (r->rc != SQLITE_OK) return;
    for (size_t i = 0; i < n; i++) {
        const PythiaAttribute *a = &r->shared.items[i];
        if (PYTHIA_TEXT_IS(a->key, PYTHIA_OTLP_SCOPE PYTHIA_OTLP_SPANS) &&
            a->type == PYTHIA_VALUE_TEXT) {
            if (PYTHIA_TEXT_IS(a->text, PYTHIA_OTLP_ANCHORED))
                r->record.flags |= PYTHIA_SPAN_ANCHORED;
            if (PYTHIA_TEXT_IS(a->text, PYTHIA_OTLP_EVENT)) r->record.flags |= PYTHIA_SPAN_EVENT;
            continue;
        }
        list->items[list->n++] = *a;
    }
}

void pythia_otlp_link_kind(PythiaReader *r, PythiaLinkRecord *link, size_t begin) {
    for (size_t i = begin; i < r->nested.n; i++) {
        PythiaAttribute *a = &r->nested.items[i];
        if (a->type != PYTHIA_VALUE_TEXT || !PYTHIA_TEXT_IS(a->key, PYTHIA_OTLP_REF_TYPE)) continue;
        if (PYTHIA_TEXT_IS(a->text, PYTHIA_OTLP_CHILD_OF))
            link->kind = PYTHIA_LINK_PARENT;
        else if (PYTHIA_TEXT_IS(a->text, PYTHIA_OTLP_FOLLOWS_FROM))
            link->kind = PYTHIA_LINK_FOLLOWS_FROM;
        else
            continue;
        memmove(a, a + 1, (--r->nested.n - i) * sizeof *a);
        return;
    }
}

int pythia_otlp_kind(int64_t number) {
    static const int kinds[] = {PYTHIA_KIND_INTERNAL, PYTHIA_KIND_INTERNAL, PYTHIA_KIND_SERVER,
                                PYTHIA_KIND_CLIENT,   PYTHIA_KIND_PRODUCER, PYTHIA_KIND_CONSUMER};
    return number < 0 || number > 5 ? PYTHIA_KIND_INTERNAL : kinds[number];
}

void pythia_otlp_status(PythiaReader *r, int64_t number, PythiaText message) {
    /* The numbers are the same. */
    r->record.status = number < 0 || number > 2 ? PYTHIA_STATUS_UNSET : (int)number;
    if (message.n)
        pythia_attributes_text(r, &r->attributes, PYTHIA_TEXT("status.message"), message);
}

void pythia_otlp_trace_state(PythiaReader *r, PythiaAttributes *list, PythiaText state) {
    if (state.n) pythia_attributes_text(r, list, PYTHIA_TEXT("trace_state"), state);
}

int pythia_otlp_times(PythiaReader *r, int64_t start_ns, int64_t end_ns) {
    PythiaRecord *record = &r->record;
    if (!start_ns && !end_ns) {
        pythia_draft_reject(r, "time", "The span has neither a start nor an end.");
        return 0;
    }
    if (!start_ns) record->flags |= PYTHIA_SPAN_NO_START;
    if (!end_ns) record->flags |= PYTHIA_SPAN_NO_END;
    record->start_ns = start_ns ? start_ns : end_ns;
    record->end_ns = end_ns ? end_ns : start_ns;
    return 1;
}

void pythia_otlp_dropped(PythiaReader *r, PythiaAttributes *list, int what, int64_t count) {
    static const PythiaText keys[] = {{"otel.dropped_attributes_count", 29},
                                      {"otel.dropped_events_count", 25},
                                      {"otel.dropped_links_count", 24}};
    if (count > 0) pythia_attributes_int(r, list, keys[what], count);
}
