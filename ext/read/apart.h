/* apart.h - reading a file on a thread of its own.
**
** Taking text apart and making traces of it cost about the same, so that two threads take little more than half
** the time of one. The caller's sink is called on the caller's thread, in the same order as by
** pythia_read_file(); it may use a database, the reading thread never does. */
#ifndef PYTHIA_READ_APART_H
#define PYTHIA_READ_APART_H

#include "ext/read/read.h"

/* As pythia_read_file(), but what was read is given to the sink in batches; the reading may therefore guess and
** take back. threads > 1: on a thread of its own. `idle` (may be NULL) is called on the caller's thread at least
** ten times a second while it waits; a non-zero result stops the reading and is returned. Where no thread can be
** had the file is read on the caller's. The thread has ended when this returns. */
int pythia_read_file_apart(const char *path, const PythiaReadOptions *options,
                           const PythiaSink *sink, int threads, int (*idle)(void *context),
                           PythiaReadStats *stats, char **error);

#endif
