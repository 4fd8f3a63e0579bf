/* manifest.h - switches that are files, for the programs that read them there; used by backend_manifest.c.
**
** A target that is a directory has one small file per trace point. Its first byte is '0', off, or anything else, on;
** no file: off. A '/' in the name is a folder. NAME:TYPE is the switch of trace point NAME for requests of TYPE,
** and goes before NAME for them: a file is taken for one where the part before some ':' is a file too.
**
** A target that is a file is a list of the trace points that are off for all requests: sorted, one a line.
**
** Beside them lies a folder of ours, DIRECTORY/.pythia or FILE.pythia, with
**     lock        held (flock) while a session writes
**     defaults    a line "0 NAME" or "1 NAME" for each trace point that was ever told something: how it was
**                 switched before, which is what it goes back to
**     0, 1, ...   files that are prepared, until they are renamed to their places
** Nothing is followed that is a symbolic link, and every step is taken from a folder that is open.
**
** Nothing is synced to the disk: the switches are for programs that run now, and whatever a crash of the system left
** behind pythia_reconcile() puts right. */
#ifndef PYTHIA_CONTROL_MANIFEST_H
#define PYTHIA_CONTROL_MANIFEST_H

#include "ext/base/buf.h"
#include "ext/base/error.h"
#include "ext/base/intern.h"

/* What is known of a trace point; -1: nothing. */
typedef struct PythiaManifestPoint {
    signed char now;   /* its file, or whether the list has it (which is never on) */
    signed char first; /* before it was first told something */
} PythiaManifestPoint;

typedef struct PythiaManifest {
    int base; /* the directory, or the one that the list lies in; -1: not open */
    int own;  /* our folder; -1: there is none yet */
    int lock; /* -1: not held */
    int is_list;
    char *leaf;     /* the list's name in base */
    char *own_name; /* our folder's name in base */
    PythiaIntern names;
    PythiaManifestPoint *points; /* [1 .. names.n] */
    size_t capacity;
} PythiaManifest;

/* Opens what lies at a path. 0, or an errno: ENOENT there is nothing, ELOOP it is
** a symbolic link, EINVAL it is neither a directory nor a file, EACCES ... Close it in any case. */
int pythia_manifest_open(PythiaManifest *manifest, const char *path);
void pythia_manifest_close(PythiaManifest *manifest);

/* Whether a trace point can have a switch for a request type (NULL: all) here: SQLITE_CONSTRAINT and why not. */
int pythia_manifest_check(const PythiaManifest *manifest, const char *name, const char *type,
                          char **error);

/* Reads what is there: names and points. */
int pythia_manifest_read(PythiaManifest *manifest, char **error);
/* The point of a name, added with nothing known of it; pythia_grow() may move them all. */
int pythia_manifest_point(PythiaManifest *manifest, PythiaText name, PythiaManifestPoint **point);

/* Makes our folder where it is missing, takes the lock, and removes what a session that died left prepared.
** SQLITE_BUSY when another session holds it for too long. */
int pythia_manifest_lock(PythiaManifest *manifest, char **error);
void pythia_manifest_unlock(PythiaManifest *manifest);

/* Writes a file of our folder. */
int pythia_manifest_write(PythiaManifest *manifest, const char *name, const void *bytes, size_t n,
                          char **error);
/* Opens the folder that a file below base lies in, made where it is missing and `make`; *leaf is set to the last part
** of the path. A descriptor, or -1 and errno. */
int pythia_manifest_folder(const PythiaManifest *manifest, const char *path, int make,
                           const char **leaf);

#endif
