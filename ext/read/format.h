/* format.h - the table of formats.
**
** A new format is one file with a PythiaFormat in it and one line in the table of format.c.
** A format is JSON documents, or text of its own kind, or (OTLP) comes as either. Text is offered to
** sniff() first; where no format takes it, it is cut into JSON documents, and detection looks at the
** keys of a document's outermost object. */
#ifndef PYTHIA_READ_FORMAT_H
#define PYTHIA_READ_FORMAT_H

#include "ext/read/reader.h"
#include "ext/read/split.h"

/* What sniff() is shown: so many bytes from the start of the text, fewer only where it is shorter. */
enum { PYTHIA_SNIFF_BYTES = 4096 };

typedef struct PythiaFormat {
    const char *name;
    /* Formats of JSON; NULL for others. Whether the document (an object) is of this format. */
    int (*detect)(const PythiaJson *json, uint32_t root);
    /* Formats of JSON: takes the reader's current document apart. */
    void (*document)(PythiaReader *reader);
    /* Optional, formats of JSON: the same for the document in reader->text, before it is parsed. 1: done; 0: it is to
    ** be parsed, and what the sink was given is taken back (PythiaSink.hold), or reader->rc is set. */
    int (*quick)(PythiaReader *reader);
    /* Formats of other text; NULL for others. Whether the text that begins so is of this format. */
    int (*sniff)(PythiaText start);
    /* Formats of other text: takes all of it apart by way of pythia_split_window(). Counts documents
    ** itself. Returns what stopped it; reader->rc counts too. */
    int (*stream)(PythiaReader *reader, PythiaSplit *split, char **error);
    /* Optional: after the last document: what was held back is emitted. Not called after a failure. */
    void (*finish)(PythiaReader *reader);
    /* Whether a file may end inside its outermost array. */
    int open_array;
    /* Whether files can be followed: every part of one can be read as if it were a file, and in the store it
    ** makes no difference. stream() then looks at reader->follow itself. */
    int follows;
    /* Optional, for files that are followed: what the next part must know of those before, as text (appended
    ** after finish()), and the taking of it. */
    void (*remember)(PythiaReader *reader, PythiaBuf *out);
    void (*recall)(PythiaReader *reader, PythiaText memory);
    /* Optional: bytes of reader->state, which starts zeroed, and its release. */
    size_t state_bytes;
    void (*release)(void *state);
} PythiaFormat;

/* The format of that name, or NULL. */
const PythiaFormat *pythia_format_named(const char *name);
/* The first format whose sniff() takes the text, or NULL. */
const PythiaFormat *pythia_format_sniff(PythiaText start);
/* The first format that recognises the document, or NULL. */
const PythiaFormat *pythia_format_detect(const PythiaJson *json, uint32_t root);

extern const PythiaFormat pythia_format_osprofiler;
extern const PythiaFormat pythia_format_otlp;
extern const PythiaFormat pythia_format_jaeger;
extern const PythiaFormat pythia_format_zipkin;
extern const PythiaFormat pythia_format_xtrace;
extern const PythiaFormat pythia_format_chrome;
extern const PythiaFormat pythia_format_csv;

#endif
