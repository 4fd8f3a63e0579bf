/* input.h - the bytes of a file, decompressed.
**
** An input gives out text in the order of the file. Compression is told by the first bytes, never by
** the name: gzip (RFC 1952, several members one after the other) and Zstandard (RFC 8878, several
** frames, skippable ones among them) are undone here. */
#ifndef PYTHIA_READ_INPUT_H
#define PYTHIA_READ_INPUT_H

#include "ext/base/error.h"
#include "ext/base/text.h"
#include "ext/read/read.h"

typedef struct PythiaInput PythiaInput;

/* Opens a file, or standard input for "-". SQLITE_CANTOPEN with a message that names the file and the
** system's reason; SQLITE_NOMEM. */
int pythia_input_open(const char *path, PythiaInput **input, char **error);
/* Bytes in memory, borrowed until the input is closed. */
int pythia_input_open_text(PythiaText text, PythiaInput **input, char **error);
/* NULL is fine. */
void pythia_input_close(PythiaInput *input);

/* For files that are read bit by bit as they grow; before the first read. What is in the file now is all
** there is: what is appended meanwhile is left for the next time. Reading begins at `from`, which is zeroed
** where the file is not the one of that place any more. SQLITE_ERROR when it is no regular file, or compressed; SQLITE_IOERR;
** SQLITE_NOMEM. */
int pythia_input_follow(PythiaInput *input, PythiaPlace *from, char **error);
/* Afterwards: what the file is known by when read up to place->offset. */
int pythia_input_followed(PythiaInput *input, PythiaPlace *place, char **error);

/* Fills up to n bytes; *got is 0 at the end only. SQLITE_IOERR with a message when the system refuses;
** SQLITE_NOMEM. Damaged or cut compressed data is no failure: what came before it is given out, then
** the input ends, and pythia_input_damage() says why. */
int pythia_input_read(PythiaInput *input, unsigned char *out, size_t n, size_t *got, char **error);

/* NULL, or one static sentence about why the input ended early; *kind is then the problem's kind. */
const char *pythia_input_damage(const PythiaInput *input, const char **kind);

/* Stored bytes up to where it was read, and in all (-1 where that is not known: a pipe). */
int64_t pythia_input_bytes(const PythiaInput *input);
int64_t pythia_input_total(const PythiaInput *input);

#endif
