/* read.h - reading trace files: the one entry to this room.
**
** A path names one file, several (a glob pattern) or standard input. Each file is read from its start
** to its end, decompressed where it is compressed, cut into JSON documents, and each document is
** taken apart by the reader of the file's format, which hands span records and problems to a sink
** (ext/trace/record.h). One file has one format.
**
** What cannot be used costs as little as possible: a document that is no JSON costs that document, a
** span without an id costs that span, a broken end costs what lies behind it. Each is a problem; the
** call itself succeeds. It fails only when the file cannot be opened or read, when memory runs out,
** or when the sink says stop.
**
** Nothing here touches a database; a file may be read on a thread of its own. */
#ifndef PYTHIA_READ_READ_H
#define PYTHIA_READ_READ_H

#include "ext/base/atoms.h"
#include "ext/base/error.h"
#include "ext/trace/record.h"

/* The files that a path names. */
typedef struct PythiaFiles {
    char **paths; /* zero-terminated, sorted by bytes; "-" is standard input */
    size_t n;
    size_t capacity;
} PythiaFiles;

/* Finds the files. `path` is "-", the name of an existing file, or a glob(7) pattern; directories that
** a pattern matches are left out. SQLITE_CANTOPEN with a message that names the path when it is
** no file and matches none; SQLITE_NOMEM. Whatever the result, pythia_files_clear() frees. */
int pythia_files_find(const char *path, PythiaFiles *files, char **error);
void pythia_files_clear(PythiaFiles *files);

/* How far a file was read that goes on growing, and by what it is known again. Zeroed: its beginning. */
typedef struct PythiaPlace {
    int64_t offset;   /* bytes done with; what follows was not complete */
    int64_t line;     /* 1-based, of that offset; 0 counts as 1 */
    int64_t brackets; /* arrays that are open there */
    int lines;        /* a document was seen to be one line */
    int stream;       /* the text is no JSON */
    uint64_t inode;   /* of the file */
    uint64_t
        head_hash; /* of its first PYTHIA_HEAD_BYTES, or of all before the offset where that is less */
} PythiaPlace;

enum { PYTHIA_HEAD_BYTES = 4096 };

typedef struct PythiaReadOptions {
    PythiaAtoms *
        atoms; /* where short texts of records are kept (borrowed; used by the reading thread alone), or NULL */
    const char *format;    /* a name as in pythia_format_names(), or NULL: told from the content */
    uint64_t first_serial; /* the first PythiaResource.serial to give out; 0 counts as 1 */
    size_t chunk_bytes;    /* text is read in steps of so many bytes; 0: 256 KiB */
    size_t
        large_bytes; /* objects of more bytes are read part by part where they are lists of parts;
                           ** 0: 16 MiB */
    /* The file may still be growing: it is read from a place on, and an incomplete document at its end is
    ** left for the next time. Where the file is not the one of the place - another inode, smaller, or
    ** another beginning - it is read from its beginning. */
    int follow;
    PythiaPlace from; /* stats.place of the last time */
    const char
        *from_format; /* stats.format of the last time, which holds as long as the place does */
    const char *from_memory; /* stats.memory, likewise */
} PythiaReadOptions;

/* What was read. Filled in also when the call fails, as far as it came. */
typedef struct PythiaReadStats {
    const char
        *format;   /* static name, as asked for or found; NULL when no document was recognised */
    int64_t bytes; /* read of the file as it is stored */
    int64_t text_bytes; /* the same after decompression */
    int64_t documents;  /* documents handed to the format's reader */
    int64_t spans;      /* records that the sink took */
    int64_t points;     /* points in them */
    int64_t rejected;   /* records or documents that could not be used; each was a problem */
    int64_t skipped;    /* parts that are no traces: metrics, logs; one problem for all of a file */
    uint64_t next_serial; /* for the next file's first_serial */
    int64_t from_offset; /* following: where reading began; bytes and text_bytes count from there */
    PythiaPlace place;   /* following: where to go on */
    char *
        memory; /* following: what the format must know then, or NULL. The caller's to sqlite3_free() */
} PythiaReadStats;

/* Reads one file (a path from pythia_files_find()). `stats` is zeroed first. options may be NULL.
**
** Serials of resources are dense: first_serial, first_serial + 1, ... in order of first sight, and
** resources with equal contents have the same serial (up to 65,536 distinct ones; then counting goes
** on with what was seen forgotten). A sink can keep an array.
**
** SQLITE_OK; SQLITE_CANTOPEN with a message of file and cause when the file cannot be opened;
** SQLITE_IOERR when reading fails midway; SQLITE_ERROR for an unknown format name; SQLITE_NOMEM;
** or whatever the sink returned. A file whose content is of no known format gives SQLITE_OK, a
** problem of kind "format", and stats->format NULL: the caller decides whether that is an error.
** When following, a file in which nothing is complete yet has no format and no problem; SQLITE_ERROR for
** what cannot be followed: pipes, compressed files, formats in which the parts of a file hang together. */
int pythia_read_file(const char *path, const PythiaReadOptions *options, const PythiaSink *sink,
                     PythiaReadStats *stats, char **error);

/* The same for bytes in memory, compressed or not. */
int pythia_read_text(PythiaText text, const PythiaReadOptions *options, const PythiaSink *sink,
                     PythiaReadStats *stats, char **error);

/* Whether a format of that name exists; all names, separated by ", ", for messages. */
int pythia_format_known(const char *name);
const char *pythia_format_names(void);

#endif
