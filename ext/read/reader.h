/* reader.h - what the format readers share: the state of one file, and the draft of a record.
**
** A format reader is called with one parsed document after the other (format.h). It fills the draft -
** attributes, points and links appended one by one - and emits it; the draft becomes a PythiaRecord
** for the sink. All texts of a draft are borrowed from the document's tape or from the arena, which is
** reset after each document.
**
** The first failure stays in `rc`; every function below is then a no-op, so that a reader looks at
** `rc` in its loops only. */
#ifndef PYTHIA_READ_READER_H
#define PYTHIA_READ_READER_H

#include "ext/base/intern.h"
#include "ext/base/mem.h"
#include "ext/read/json.h"
#include "ext/read/read.h"

/* A growing array of attributes. */
typedef struct PythiaAttributes {
    PythiaAttribute *items;
    size_t n, capacity;
} PythiaAttributes;

enum { PYTHIA_READER_PLACES = 16 };

/* What stood at one place of a list of attributes the last time; most often it does again. Atoms, 0: none. */
typedef struct PythiaReaderPlace {
    uint32_t key, text;
} PythiaReaderPlace;

typedef struct PythiaReader {
    const PythiaSink *sink;
    PythiaReadStats *stats;
    int rc;

    PythiaJson json;  /* the current document */
    uint32_t root;    /* its value */
    PythiaText text;  /* its bytes */
    int64_t position; /* for problems */
    PythiaArena arena;

    /* the draft */
    PythiaRecord record;
    PythiaAttributes attributes;
    PythiaAttributes nested; /* of points, then of links, in their order */
    PythiaAttributes shared; /* for a reader whose spans have some in common; not looked at here */
    PythiaPointRecord *points;
    size_t points_capacity;
    PythiaLinkRecord *links;
    size_t links_capacity;

    /* the resource being described, and those seen */
    PythiaAttributes resource;
    PythiaIntern resources; /* contents, encoded; the id gives the serial */
    PythiaBuf resource_key;
    uint64_t first_serial;

    int follow;   /* the end of the input is none: what is incomplete there is left */
    int resumed;  /* ... and this is not its beginning */
    char **error; /* for who sets rc and has a sentence about it (pythia_fail) */

    PythiaBuf scratch; /* for whoever needs one; empty between uses */
    void *state;       /* of the format's reader */

    PythiaAtoms *atoms; /* borrowed, or NULL */
    PythiaReaderPlace places[PYTHIA_READER_PLACES], nested_places[PYTHIA_READER_PLACES];
} PythiaReader;

/* A zeroed reader with sink, stats and first_serial set is ready. */
void pythia_reader_clear(PythiaReader *reader);

/* ---- attributes. The slot is zeroed; NULL on failure, and rc is set. ---- */
static inline PythiaAttribute *pythia_attributes_add(PythiaReader *reader, PythiaAttributes *list,
                                                     PythiaText key) {
    if (reader->rc != SQLITE_OK) return NULL;
    reader->rc =
        pythia_grow((void **)&list->items, &list->capacity, list->n + 1, sizeof *list->items);
    if (reader->rc != SQLITE_OK) return NULL;
    PythiaAttribute *attribute = &list->items[list->n++];
    *attribute = (PythiaAttribute){.key = key};
    return attribute;
}
void pythia_attributes_text(PythiaReader *reader, PythiaAttributes *list, PythiaText key,
                            PythiaText value);
void pythia_attributes_int(PythiaReader *reader, PythiaAttributes *list, PythiaText key,
                           int64_t value);
/* A JSON value as it is: objects and arrays as JSON text, integers beyond int64 as doubles, null as
** the JSON text "null". */
void pythia_attributes_json(PythiaReader *reader, const PythiaJson *json, PythiaAttributes *list,
                            PythiaText key, uint32_t at);
/* Gives atoms to keys and texts ahead of the draft: for a list that goes into many drafts. */
void pythia_attributes_keep(PythiaReader *reader, PythiaAttributes *list);
/* The first text value of a key; empty when there is none. */
PythiaText pythia_attributes_find(const PythiaAttributes *list, PythiaText key);

/* Copies into the arena; empty on failure. */
PythiaText pythia_reader_copy(PythiaReader *reader, PythiaText text);
/* Hands the contents of `scratch` over to the arena and empties it. */
PythiaText pythia_reader_scratch(PythiaReader *reader);

/* ---- the draft ---- */
/* Forgets the last one; the resource stays. */
void pythia_draft_begin(PythiaReader *reader);
/* Appends a point or a link; its attributes are those added to `nested` until the next point or link,
** and all points come before all links. */
PythiaPointRecord *pythia_draft_point(PythiaReader *reader);
PythiaLinkRecord *pythia_draft_link(PythiaReader *reader);
/* Hands the record to the sink. A time out of range makes a problem of it. A point out of range is
** left out and a problem of its own. */
void pythia_draft_emit(PythiaReader *reader);
/* Makes a problem of the draft: it is counted as rejected. The detail is formatted as by
** sqlite3_mprintf(). */
void pythia_draft_reject(PythiaReader *reader, const char *kind, const char *format, ...);

/* A problem that the draft had but that does not cost it: not counted as rejected. */
void pythia_draft_note(PythiaReader *reader, const char *kind, const char *format, ...);

/* ---- resources ---- */
/* Forgets the list `resource`, which is then filled. */
void pythia_resource_begin(PythiaReader *reader);
/* Completes *out from the list, with its serial. The contents live as long as the list does; a reader
** that keeps several resources copies the list first (pythia_resource_keep). */
void pythia_resource_end(PythiaReader *reader, PythiaText service, PythiaText instance,
                         PythiaResource *out);
/* Copies the array of attributes (not the texts) into the arena. */
void pythia_resource_keep(PythiaReader *reader, PythiaResource *resource);

/* ---- problems ---- */
/* A problem of the current document; not counted as rejected. */
void pythia_reader_note(PythiaReader *reader, const char *kind, const char *format, ...);
/* One that costs a record or a document. */
void pythia_reader_reject(PythiaReader *reader, const char *kind, const char *format, ...);

#endif
