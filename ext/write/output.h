/* output.h - a file that is there when it is whole, and not before.
**
** Text goes to a new file in the same directory, which takes the place of the one that was asked for when
** all of it is written and on the disk. Until then, and after any failure, the path is what it was. What
** is no regular file (a pipe, a device) cannot be replaced and is written as it comes, as is standard
** output, "-". A name that ends in .gz or .zst is compressed. */
#ifndef PYTHIA_WRITE_OUTPUT_H
#define PYTHIA_WRITE_OUTPUT_H

#include "ext/base/error.h"

typedef struct PythiaOutput PythiaOutput;

/* SQLITE_CANTOPEN with a message that names path and cause; SQLITE_NOMEM. */
int pythia_output_open(const char *path, PythiaOutput **output, char **error);
/* SQLITE_IOERR or SQLITE_FULL with a message. */
int pythia_output_write(PythiaOutput *output, const void *bytes, size_t n, char **error);
/* Puts the file in its place. */
int pythia_output_finish(PythiaOutput *output, char **error);
/* Frees; what was not finished is gone. NULL is fine. */
void pythia_output_close(PythiaOutput *output);

#endif
