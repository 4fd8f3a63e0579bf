/* names.c - see names.h.
**
** The trace point table is open addressing with linear probing over ids, at most half full, like the
** intern table's. */
#include "ext/trace/names.h"

#include "ext/base/buf.h"
#include "ext/trace/record.h"

enum { NAMES_FIRST_SLOTS = 64, NAMES_COARSEST = 18 /* 10^18 still fits an int64 */ };

static uint64_t tracepoint_key(uint32_t service, uint32_t operation, uint32_t point) {
    return pythia_hash_mix((uint64_t)service << 32 | operation, point);
}

static uint32_t tracepoint_slot(const PythiaNames *names, uint32_t service, uint32_t operation,
                                uint32_t point) {
    uint32_t slot = (uint32_t)tracepoint_key(service, operation, point) & names->mask;
    for (;; slot = (slot + 1) & names->mask) {
        uint32_t id = names->slots[slot];
        if (!id) return slot;
        const PythiaTracepoint *t = &names->tracepoints[id];
        if (t->service == service && t->operation == operation && t->point == point) return slot;
    }
}

static int tracepoints_make_room(PythiaNames *names) {
    if (names->ntracepoints >= UINT32_MAX / 4) return SQLITE_FULL;
    if (names->slots && (names->ntracepoints + 1) * 2 <= names->mask + 1) return SQLITE_OK;
    uint32_t n = names->slots ? (names->mask + 1) * 2 : NAMES_FIRST_SLOTS;
    uint32_t *slots = pythia_alloc_zero((size_t)n * sizeof *slots);
    if (!slots) return SQLITE_NOMEM;
    for (uint32_t id = 1; id <= names->ntracepoints; id++) {
        const PythiaTracepoint *t = &names->tracepoints[id];
        uint32_t slot = (uint32_t)tracepoint_key(t->service, t->operation, t->point) & (n - 1);
        while (slots[slot])
            slot = (slot + 1) & (n - 1);
        slots[slot] = id;
    }
    pythia_free(names->slots);
    names->slots = slots;
    names->mask = n - 1;
    return SQLITE_OK;
}

int pythia_names_string(PythiaNames *names, PythiaText text, uint32_t *id) {
    return pythia_intern(&names->strings, text, id);
}

/* Interns `service/operation[/point]`, without the slash where the service has no name. */
static int tracepoint_text(PythiaNames *names, PythiaTracepoint *t) {
    PythiaBuf buf = {0};
    PythiaText service = pythia_names_text(names, t->service);
    pythia_buf_text(&buf, service);
    if (service.n) pythia_buf_byte(&buf, '/');
    pythia_buf_text(&buf, pythia_names_text(names, t->operation));
    if (t->point) {
        pythia_buf_byte(&buf, '/');
        pythia_buf_text(&buf, pythia_names_text(names, t->point));
    }
    int rc = buf.rc;
    PythiaText text = {(const char *)buf.data, buf.n};
    if (!rc) rc = pythia_intern(&names->strings, text, &t->text);
    if (!rc) {
        /* The length in front keeps sequences of names apart where hashes of hashes are taken. */
        unsigned char length[8];
        for (int i = 0; i < 8; i++)
            length[i] = (unsigned char)((uint64_t)text.n >> (8 * i));
        PythiaBuf prefixed = {0};
        pythia_buf_bytes(&prefixed, length, sizeof length);
        pythia_buf_text(&prefixed, text);
        rc = prefixed.rc;
        if (!rc) t->hash = pythia_hash128(prefixed.data, prefixed.n);
        pythia_buf_clear(&prefixed);
    }
    pythia_buf_clear(&buf);
    return rc;
}

int pythia_names_tracepoint(PythiaNames *names, uint32_t service, uint32_t operation,
                            uint32_t point, uint32_t *id) {
    *id = 0;
    int rc = tracepoints_make_room(names);
    if (rc) return rc;
    uint32_t slot = tracepoint_slot(names, service, operation, point);
    if (names->slots[slot]) {
        *id = names->slots[slot];
        return SQLITE_OK;
    }
    rc = pythia_grow((void **)&names->tracepoints, &names->tracepoints_capacity,
                     (size_t)names->ntracepoints + 2, sizeof *names->tracepoints);
    PythiaTracepoint t = {.service = service, .operation = operation, .point = point};
    if (!rc) rc = tracepoint_text(names, &t);
    if (rc) return rc;
    if (!names->ntracepoints) memset(names->tracepoints, 0, sizeof *names->tracepoints);
    *id = ++names->ntracepoints;
    names->tracepoints[*id] = t;
    names->slots[slot] = *id;
    return SQLITE_OK;
}

PythiaText pythia_names_tracepoint_text(const PythiaNames *names, uint32_t tracepoint) {
    if (!tracepoint || tracepoint > names->ntracepoints) return (PythiaText){"", 0};
    return pythia_names_text(names, names->tracepoints[tracepoint].text);
}

void pythia_names_clear(PythiaNames *names) {
    pythia_intern_clear(&names->strings);
    pythia_free(names->tracepoints);
    pythia_free(names->slots);
    pythia_free(names->resolution);
    memset(names, 0, sizeof *names);
}

/* ---- resolutions ------------------------------------------------------------------------------- */

static int64_t power_of_ten(unsigned exponent) {
    int64_t power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

int pythia_names_set_resolution(PythiaNames *names, uint32_t service, uint8_t exponent) {
    if (service >= names->nresolution) {
        int rc = pythia_grow((void **)&names->resolution, &names->resolution_capacity,
                             (size_t)service + 1, 1);
        if (rc) return rc;
        memset(names->resolution + names->nresolution, PYTHIA_NO_RESOLUTION,
               service + 1 - names->nresolution);
        names->nresolution = service + 1;
    }
    if (exponent <= NAMES_COARSEST && exponent < names->resolution[service])
        names->resolution[service] = exponent;
    return SQLITE_OK;
}

int pythia_names_observe(PythiaNames *names, uint32_t service, int64_t start_ns) {
    if (start_ns == 0) return SQLITE_OK;
    unsigned known =
        service < names->nresolution ? names->resolution[service] : PYTHIA_NO_RESOLUTION;
    if (known == 0) return SQLITE_OK;
    unsigned exponent = known == PYTHIA_NO_RESOLUTION ? NAMES_COARSEST : known;
    while (exponent && start_ns % power_of_ten(exponent))
        exponent--;
    return exponent == known ? SQLITE_OK
                             : pythia_names_set_resolution(names, service, (uint8_t)exponent);
}

int64_t pythia_names_resolution_ns(const PythiaNames *names, uint32_t service) {
    unsigned exponent =
        service < names->nresolution ? names->resolution[service] : PYTHIA_NO_RESOLUTION;
    return exponent == PYTHIA_NO_RESOLUTION ? 1 : power_of_ten(exponent);
}

/* ---- ids ---------------------------------------------------------------------------------------- */

int pythia_names_text_id(PythiaNames *names, PythiaText text, PythiaId *id) {
    uint32_t number;
    int rc = pythia_intern(&names->strings, text, &number);
    *id = (PythiaId){0, number, PYTHIA_ID_TEXT};
    return rc;
}

PythiaText pythia_names_id_text(const PythiaNames *names, PythiaId id, char *buffer) {
    if (id.form == PYTHIA_ID_TEXT)
        return id.lo <= UINT32_MAX ? pythia_names_text(names, (uint32_t)id.lo)
                                   : (PythiaText){"", 0};
    return (PythiaText){buffer, pythia_id_write(id, buffer)};
}

PythiaId pythia_names_find_id(const PythiaNames *names, PythiaText text) {
    PythiaId id = pythia_id_parse(text);
    if (id.form != PYTHIA_ID_NONE && id.form != PYTHIA_ID_TEXT) {
        /* Only the canonical spelling is equal to the text that the tables show. */
        char written[PYTHIA_ID_CHARS];
        PythiaText canonical = {written, pythia_id_write(id, written)};
        if (pythia_text_equal(canonical, text)) return id;
        return (PythiaId){0, 0, PYTHIA_ID_NONE};
    }
    uint32_t number = text.n ? pythia_intern_find(&names->strings, text) : 0;
    if (!number) return (PythiaId){0, 0, PYTHIA_ID_NONE};
    return (PythiaId){0, number, PYTHIA_ID_TEXT};
}
