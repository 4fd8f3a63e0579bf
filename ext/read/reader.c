/* reader.c - see reader.h. */
#include "ext/read/reader.h"

#include <stdarg.h>

enum { RESOURCES_MAX = 65536 };

void pythia_reader_clear(PythiaReader *reader) {
    pythia_json_clear(&reader->json);
    pythia_arena_clear(&reader->arena);
    pythia_free(reader->attributes.items);
    pythia_free(reader->nested.items);
    pythia_free(reader->shared.items);
    pythia_free(reader->resource.items);
    pythia_free(reader->points);
    pythia_free(reader->links);
    pythia_intern_clear(&reader->resources);
    pythia_buf_clear(&reader->resource_key);
    pythia_buf_clear(&reader->scratch);
}

/* ---- attributes ---- */

void pythia_attributes_text(PythiaReader *reader, PythiaAttributes *list, PythiaText key,
                            PythiaText value) {
    PythiaAttribute *attribute = pythia_attributes_add(reader, list, key);
    if (!attribute) return;
    attribute->type = PYTHIA_VALUE_TEXT;
    attribute->text = value;
}

void pythia_attributes_int(PythiaReader *reader, PythiaAttributes *list, PythiaText key,
                           int64_t value) {
    PythiaAttribute *attribute = pythia_attributes_add(reader, list, key);
    if (!attribute) return;
    attribute->type = PYTHIA_VALUE_INT;
    attribute->integer = value;
}

void pythia_attributes_json(PythiaReader *reader, const PythiaJson *json, PythiaAttributes *list,
                            PythiaText key, uint32_t at) {
    PythiaAttribute *attribute = pythia_attributes_add(reader, list, key);
    if (!attribute) return;
    switch (pythia_json_type(json, at)) {
    case '"':
        attribute->type = PYTHIA_VALUE_TEXT;
        attribute->text = pythia_json_text(json, at);
        break;
    case 'l':
        attribute->type = PYTHIA_VALUE_INT;
        pythia_json_int64(json, at, &attribute->integer);
        break;
    case 'u':
    case 'd':
        attribute->type = PYTHIA_VALUE_DOUBLE;
        pythia_json_double(json, at, &attribute->real);
        break;
    case 't':
    case 'f':
        attribute->type = PYTHIA_VALUE_BOOL;
        attribute->integer = pythia_json_type(json, at) == 't';
        break;
    default:
        attribute->type = PYTHIA_VALUE_JSON;
        pythia_json_write(json, at, &reader->scratch);
        attribute->text = pythia_reader_scratch(reader);
    }
}

PythiaText pythia_attributes_find(const PythiaAttributes *list, PythiaText key) {
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i].type == PYTHIA_VALUE_TEXT && pythia_text_equal(list->items[i].key, key))
            return list->items[i].text;
    return (PythiaText){"", 0};
}

PythiaText pythia_reader_copy(PythiaReader *reader, PythiaText text) {
    char *copy = reader->rc == SQLITE_OK ? pythia_arena_copy(&reader->arena, text.p, text.n) : NULL;
    if (copy) return (PythiaText){copy, text.n};
    if (reader->rc == SQLITE_OK) reader->rc = SQLITE_NOMEM;
    return (PythiaText){"", 0};
}

PythiaText pythia_reader_scratch(PythiaReader *reader) {
    PythiaText text = {"", 0};
    if (reader->rc == SQLITE_OK) reader->rc = reader->scratch.rc;
    if (reader->rc == SQLITE_OK && reader->scratch.n)
        text = pythia_reader_copy(reader,
                                  (PythiaText){(char *)reader->scratch.data, reader->scratch.n});
    reader->scratch.n = 0;
    return text;
}

/* ---- problems ---- */

static void reader_problem(PythiaReader *reader, const PythiaRecord *record, const char *kind,
                           const char *format, va_list arguments) {
    if (reader->rc != SQLITE_OK) return;
    char *detail = sqlite3_vmprintf(format, arguments);
    if (!detail) {
        reader->rc = SQLITE_NOMEM;
        return;
    }
    PythiaProblem problem = {.kind = kind, .position = reader->position, .detail = detail};
    if (record) {
        problem.trace = record->trace;
        problem.span = record->span;
    }
    reader->rc = reader->sink->problem(reader->sink->context, &problem);
    sqlite3_free(detail);
}

void pythia_reader_note(PythiaReader *reader, const char *kind, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    reader_problem(reader, NULL, kind, format, arguments);
    va_end(arguments);
}

void pythia_reader_reject(PythiaReader *reader, const char *kind, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    reader_problem(reader, NULL, kind, format, arguments);
    va_end(arguments);
    reader->stats->rejected++;
}

/* ---- the draft ---- */

void pythia_draft_begin(PythiaReader *reader) {
    PythiaRecord *record = &reader->record;
    record->trace = record->span = record->parent = (PythiaRef){{0, 0, PYTHIA_ID_NONE}, {NULL, 0}};
    record->resource = NULL;
    record->operation = (PythiaText){NULL, 0};
    record->operation_atom = 0;
    record->kind = record->status = record->flags = 0;
    record->start_ns = record->end_ns = 0;
    record->nattributes = record->npoints = record->nlinks = 0;
    reader->attributes.n = reader->nested.n = 0;
}

PythiaPointRecord *pythia_draft_point(PythiaReader *reader) {
    PythiaRecord *record = &reader->record;
    if (reader->rc != SQLITE_OK) return NULL;
    reader->rc = pythia_grow((void **)&reader->points, &reader->points_capacity,
                             record->npoints + 1, sizeof *reader->points);
    if (reader->rc != SQLITE_OK) return NULL;
    PythiaPointRecord *point = &reader->points[record->npoints++];
    memset(point, 0, sizeof *point);
    point->n = reader->nested.n; /* where its attributes begin, until emitted */
    return point;
}

PythiaLinkRecord *pythia_draft_link(PythiaReader *reader) {
    PythiaRecord *record = &reader->record;
    if (reader->rc != SQLITE_OK) return NULL;
    reader->rc = pythia_grow((void **)&reader->links, &reader->links_capacity, record->nlinks + 1,
                             sizeof *reader->links);
    if (reader->rc != SQLITE_OK) return NULL;
    PythiaLinkRecord *link = &reader->links[record->nlinks++];
    memset(link, 0, sizeof *link);
    link->n = reader->nested.n;
    return link;
}

void pythia_draft_reject(PythiaReader *reader, const char *kind, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    reader_problem(reader, &reader->record, kind, format, arguments);
    va_end(arguments);
    reader->stats->rejected++;
}

/* Turns the begins of the nested attributes into slices. */
static void draft_slices(PythiaReader *reader) {
    PythiaRecord *record = &reader->record;
    size_t end = reader->nested.n;
    if (!end) return;
    for (size_t i = record->nlinks; i-- > 0;) {
        PythiaLinkRecord *link = &reader->links[i];
        size_t begin = link->n;
        link->attributes = reader->nested.items + begin;
        link->n = end - begin;
        end = begin;
    }
    for (size_t i = record->npoints; i-- > 0;) {
        PythiaPointRecord *point = &reader->points[i];
        size_t begin = point->n;
        point->attributes = reader->nested.items + begin;
        point->n = end - begin;
        end = begin;
    }
}

static int time_fits(int64_t ns) {
    return ns >= 0 && ns <= PYTHIA_TIME_MAX;
}

void pythia_draft_note(PythiaReader *reader, const char *kind, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    reader_problem(reader, &reader->record, kind, format, arguments);
    va_end(arguments);
}

/* Leaves out the points whose time is no time. */
static void draft_points(PythiaReader *reader) {
    PythiaRecord *record = &reader->record;
    size_t kept = 0;
    for (size_t i = 0; i < record->npoints && reader->rc == SQLITE_OK; i++) {
        PythiaPointRecord *point = &reader->points[i];
        if (time_fits(point->time_ns)) {
            reader->points[kept++] = *point;
            continue;
        }
        pythia_draft_note(reader, "time",
                          "A point of the span lies at %lld ns, out of range; it was left out.",
                          (long long)point->time_ns);
    }
    record->npoints = kept;
}

/* The atom of a text. Spans of one kind come with the same keys in the same places, and often with the same values:
** then a comparison is enough. */
static uint32_t draft_atom(PythiaAtoms *atoms, PythiaText *text, uint32_t *last) {
    if (!*last || !pythia_atom_is(atoms, *last, *text)) return *last = pythia_atom(atoms, text);
    text->p = atoms->texts[*last].p;
    return *last;
}

void pythia_attributes_keep(PythiaReader *reader, PythiaAttributes *list) {
    for (size_t i = 0; reader->atoms && i < list->n; i++) {
        PythiaAttribute *a = &list->items[i];
        a->key_atom = pythia_atom(reader->atoms, &a->key);
        if (a->type >= PYTHIA_VALUE_TEXT) a->text_atom = pythia_atom(reader->atoms, &a->text);
    }
}

static void draft_atoms(PythiaAtoms *atoms, PythiaAttributes *list, PythiaReaderPlace *places) {
    for (size_t i = 0; i < list->n; i++) {
        PythiaAttribute *a = &list->items[i];
        if (a->key_atom) continue;
        PythiaReaderPlace none = {0, 0}, *place = i < PYTHIA_READER_PLACES ? &places[i] : &none;
        a->key_atom = draft_atom(atoms, &a->key, &place->key);
        if (a->type >= PYTHIA_VALUE_TEXT) a->text_atom = draft_atom(atoms, &a->text, &place->text);
    }
}

void pythia_draft_emit(PythiaReader *reader) {
    PythiaRecord *record = &reader->record;
    if (reader->rc != SQLITE_OK) return;
    if (!time_fits(record->start_ns) || !time_fits(record->end_ns)) {
        pythia_draft_reject(
            reader, "time", "The span's time %lld ns is out of range.",
            (long long)(time_fits(record->start_ns) ? record->end_ns : record->start_ns));
        return;
    }
    draft_slices(reader);
    draft_points(reader);
    if (reader->rc != SQLITE_OK) return;
    if (reader->atoms) {
        draft_atoms(reader->atoms, &reader->attributes, reader->places);
        draft_atoms(reader->atoms, &reader->nested, reader->nested_places);
        record->operation_atom = pythia_atom(reader->atoms, &record->operation);
    }
    record->attributes = reader->attributes.items;
    record->nattributes = reader->attributes.n;
    record->points = reader->points;
    record->links = reader->links;
    reader->rc = reader->sink->span(reader->sink->context, record);
    if (reader->rc != SQLITE_OK) return;
    reader->stats->spans++;
    reader->stats->points += (int64_t)record->npoints;
}

/* ---- resources ---- */

void pythia_resource_begin(PythiaReader *reader) {
    reader->resource.n = 0;
}

static void key_text(PythiaBuf *key, PythiaText text) {
    pythia_buf_varint(key, text.n);
    pythia_buf_text(key, text);
}

/* Equal contents in equal order give equal bytes, and different ones different bytes. */
static void resource_encode(PythiaBuf *key, const PythiaResource *resource) {
    key->n = 0;
    key_text(key, resource->service);
    key_text(key, resource->instance);
    for (size_t i = 0; i < resource->n; i++) {
        const PythiaAttribute *a = &resource->attributes[i];
        key_text(key, a->key);
        pythia_buf_byte(key, (unsigned char)a->type);
        if (a->type >= PYTHIA_VALUE_TEXT) {
            key_text(key, a->text);
            continue;
        }
        uint64_t bits = (uint64_t)a->integer;
        if (a->type == PYTHIA_VALUE_DOUBLE) memcpy(&bits, &a->real, sizeof bits);
        pythia_buf_u64(key, bits);
    }
}

void pythia_resource_end(PythiaReader *reader, PythiaText service, PythiaText instance,
                         PythiaResource *out) {
    memset(out, 0, sizeof *out);
    if (reader->rc != SQLITE_OK) return;
    out->service = service;
    out->instance = instance;
    out->attributes = reader->resource.items;
    out->n = reader->resource.n;
    resource_encode(&reader->resource_key, out);
    reader->rc = reader->resource_key.rc;
    if (reader->rc != SQLITE_OK) return;
    if (reader->resources.n == RESOURCES_MAX) {
        reader->first_serial += RESOURCES_MAX;
        pythia_intern_clear(&reader->resources);
    }
    uint32_t id;
    PythiaText key = {(const char *)reader->resource_key.data, reader->resource_key.n};
    reader->rc = pythia_intern(&reader->resources, key, &id);
    if (reader->rc != SQLITE_OK) return;
    out->serial = reader->first_serial + id - 1;
    reader->stats->next_serial = reader->first_serial + reader->resources.n;
}

void pythia_resource_keep(PythiaReader *reader, PythiaResource *resource) {
    if (reader->rc != SQLITE_OK || resource->n == 0) return;
    resource->attributes = pythia_arena_copy(&reader->arena, resource->attributes,
                                             resource->n * sizeof *resource->attributes);
    if (!resource->attributes) reader->rc = SQLITE_NOMEM;
}
