/* split.h - cuts text into JSON documents, so that a broken one costs only itself.
**
** Known shapes, in any mixture: one document a line, one document over many lines, documents with
** nothing between them, and arrays (of arrays) of documents. Brackets and commas outside of documents
** are passed over, so that the elements of an array are documents of their own.
**
** An envelope is an object whose list of parts can be read without it: {"data": [...]}, for instance. It
** is a document like any other, until it is too large to be held, cut off, or broken: then it is
** entered, its other members are passed over, and the parts are documents.
**
** A document is an object. It may be offered on the guess that a line is one: then `certain` is 0, and
** a caller that cannot parse it asks again with pythia_split_retry().
**
** Of a file that is followed (PythiaReadOptions.follow) the end is no end: a document that is not closed
** there, and other text without its newline, is not handed out, and pythia_split_place() is before it. Nor
** are envelopes entered then before they are complete. */
#ifndef PYTHIA_READ_SPLIT_H
#define PYTHIA_READ_SPLIT_H

#include "ext/read/input.h"
#include "ext/trace/record.h"

enum {
    PYTHIA_SPLIT_END = 0,
    PYTHIA_SPLIT_DOCUMENT,
    PYTHIA_SPLIT_BROKEN /* text that holds no document; `kind` and `detail` say why */
};

typedef struct PythiaPiece {
    int what;                   /* PYTHIA_SPLIT_* */
    const unsigned char *bytes; /* the document; followed by PYTHIA_JSON_PADDING readable bytes */
    size_t n;
    int certain;        /* the braces were counted */
    int64_t position;   /* 1-based line when the piece is the first of its line, else byte offset */
    int mid_line;       /* position is a byte offset */
    const char *kind;   /* BROKEN: the problem's kind ... */
    const char *detail; /* ... and a static sentence without its stop */
    int open_array;     /* all that is broken is that an array of documents is not closed */
} PythiaPiece;

typedef struct PythiaSplit {
    PythiaInput *input;     /* borrowed */
    const PythiaSink *sink; /* borrowed; for progress() */
    size_t chunk;           /* bytes to read at a time */
    size_t large;           /* envelopes of more bytes are entered */
    unsigned char *data;    /* owned; bytes before `at` are done with */
    size_t capacity, at, end;
    int eof;
    int64_t discarded; /* bytes of text that lay before data[0] */
    int64_t line;      /* of data[at], 1-based */
    size_t column;     /* bytes between the line's start and data[at], separators not counted */
    int64_t brackets;  /* '[' passed over and not yet closed */
    int64_t envelopes; /* entered and not yet left */
    int64_t entered;   /* bytes counted of documents that were then entered */
    int lines;         /* a document was seen to be one line: a broken one ends with its line */
    int follow;        /* what is incomplete at the end is left */
    int stopped;       /* ... and was met */
    int counting;      /* no more guessing on this line */
    int guess_ended;   /* the guessed document ended with a newline */
    size_t piece;      /* bytes of the piece handed out last, from data[at] */
} PythiaSplit;

/* chunk_bytes and large_bytes 0: the defaults. */
void pythia_split_open(PythiaSplit *split, PythiaInput *input, const PythiaSink *sink,
                       size_t chunk_bytes, size_t large_bytes);
void pythia_split_close(PythiaSplit *split);
/* Before the first piece: the text begins at `from` of a file that is followed. */
void pythia_split_follow(PythiaSplit *split, const PythiaPlace *from);
/* After the last: where the text goes on that was not handed out. Only what the split knows is set. */
void pythia_split_place(const PythiaSplit *split, PythiaPlace *place);

/* The next piece, valid until the next call. SQLITE_OK, NOMEM, IOERR, or what progress() returned. */
int pythia_split_next(PythiaSplit *split, PythiaPiece *piece, char **error);

/* Cuts the uncertain document handed out last again, this time by counting braces. END: it is incomplete,
** and the file is followed; so is then the next piece. */
int pythia_split_retry(PythiaSplit *split, PythiaPiece *piece, char **error);

/* Enters the document handed out last, which is certain and cannot be parsed. 0 when it is no envelope:
** then nothing is changed. */
int pythia_split_enter(PythiaSplit *split);

/* ---- The text itself, for formats that are no JSON. Not after pythia_split_next(). ---- */

/* Makes at least n bytes wait, or all that are left; *window is all that wait, borrowed until the next
** call. SQLITE_OK, NOMEM, TOOBIG, IOERR, or what progress() returned. */
int pythia_split_window(PythiaSplit *split, size_t n, PythiaText *window, char **error);
/* Passes over n of the bytes that wait. */
void pythia_split_skip(PythiaSplit *split, size_t n);
/* The offset in the text of the first byte that waits. */
int64_t pythia_split_position(const PythiaSplit *split);

/* Where the text read so far ends. */
int64_t pythia_split_bytes(const PythiaSplit *split);

#endif
