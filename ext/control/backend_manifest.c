/* backend_manifest.c - programs that read their switches from files; see manifest.h.
**
** prepare writes every file whole into our folder and sees that each can take its place; apply renames, so that a
** program finds the old switch or the new one. The notes of defaults take their place first: a session that dies in
** between has noted a default and changed nothing.
**
** A directory is told of the trace points that have a file, and of those that a rule names exactly, which get one. A
** list can have any. A session that is the first to tell a trace point something notes how it was before. */
#include "ext/control/backend.h"
#include "ext/control/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTES "00" /* what is prepared of the notes; "0" and so on are the changes */
#define LIST  "0"

typedef struct Files {
    PythiaManifest manifest;
    char **paths; /* of the changes that are prepared, so that apply needs no memory */
    int n;
} Files;

static const char *open_problem(int problem) {
    switch (problem) {
    case ENOENT:
        return "there is nothing yet: make a directory for a file per trace point, or an empty "
               "file for a "
               "list of those that are off";
    case ELOOP:
        return "the path is a symbolic link";
    case EINVAL:
        return "is neither a directory nor a file";
    default:
        return NULL;
    }
}

static int manifest_open(PythiaBackend *backend, char **error) {
    (void)error;
    Files *files = pythia_alloc_zero(sizeof *files);
    if (!files) return SQLITE_NOMEM;
    backend->data = files;
    int problem = pythia_manifest_open(&files->manifest, backend->target);
    if (problem == ENOMEM) return SQLITE_NOMEM;
    backend->available = problem == 0;
    const char *text = open_problem(problem);
    if (!problem)
        text = files->manifest.is_list ? "a list of trace points that are off"
                                       : "a directory with a file per trace point";
    backend->detail =
        text ? sqlite3_mprintf("%s", text)
             : sqlite3_mprintf("cannot be opened and written to: %s", strerror(problem));
    return backend->detail ? SQLITE_OK : SQLITE_NOMEM;
}

static void files_finish(Files *files) {
    for (int i = 0; i < files->n; i++)
        sqlite3_free(files->paths[i]);
    pythia_free(files->paths);
    files->paths = NULL;
    files->n = 0;
    pythia_manifest_unlock(&files->manifest);
}

static void manifest_close(PythiaBackend *backend) {
    Files *files = backend->data;
    backend->data = NULL;
    if (!files) return;
    files_finish(files);
    pythia_manifest_close(&files->manifest);
    pythia_free(files);
}

static int manifest_list(PythiaBackend *backend, int *lists, PythiaBackendEach each, void *context,
                         char **error) {
    PythiaManifest *manifest = &((Files *)backend->data)->manifest;
    *lists = manifest->is_list ? PYTHIA_LISTS_NOTHING : PYTHIA_LISTS_SOME;
    if (!backend->available) return SQLITE_OK;
    int rc = pythia_manifest_read(manifest, error);
    for (uint32_t id = 1; id <= manifest->names.n && !rc; id++) {
        const PythiaManifestPoint *known = &manifest->points[id];
        if (known->now < 0 && !(manifest->is_list && known->first >= 0)) continue;
        PythiaControlPoint point = {pythia_intern_text(&manifest->names, id).p,
                                    known->first >= 0 ? known->first : known->now, 0};
        rc = each(context, &point, known->first >= 0);
    }
    return rc;
}

/* ---- prepare ------------------------------------------------------------------------------------------------ */

/* Only switches, and expiry, which sessions see to. */
static int parameters_check(PythiaBackend *backend, const PythiaControlChange *change,
                            char **error) {
    sqlite3_stmt *s = NULL;
    if (!change->parameters || strcmp(change->parameters, "{}") == 0) return SQLITE_OK;
    int rc = sqlite3_prepare_v3(backend->db, "SELECT json_remove(?1, '$.expires_ns', '$.then')", -1,
                                SQLITE_PREPARE_NO_VTAB, &s, NULL);
    if (!rc) rc = sqlite3_bind_text(s, 1, change->parameters, -1, SQLITE_STATIC);
    if (!rc && sqlite3_step(s) == SQLITE_ROW) {
        const char *rest = (const char *)sqlite3_column_text(s, 0);
        if (!rest)
            rc = SQLITE_NOMEM;
        else if (strcmp(rest, "{}") != 0)
            rc = pythia_fail(error, SQLITE_CONSTRAINT,
                             "\"%s\": a file says on or off, and nothing of %s", change->tracepoint,
                             rest);
    }
    int last = sqlite3_finalize(s);
    return rc ? rc : last;
}

/* Whether the file of a change can be put in its place. */
static int place_check(const PythiaManifest *manifest, const char *path, char **error) {
    struct stat status;
    const char *leaf;
    int folder = pythia_manifest_folder(manifest, path, 1, &leaf);
    int problem = folder < 0 || faccessat(folder, ".", W_OK | X_OK, 0) ? errno : 0;
    const char *other = NULL;
    if (!problem && !fstatat(folder, leaf, &status, AT_SYMLINK_NOFOLLOW) &&
        !S_ISREG(status.st_mode))
        other = S_ISLNK(status.st_mode)   ? "is a symbolic link"
                : S_ISDIR(status.st_mode) ? "is a folder"
                                          : "is not a file";
    if (folder >= 0) close(folder);
    if (problem)
        return pythia_fail(error, SQLITE_CANTOPEN, "the file \"%s\" cannot be written: %s", path,
                           strerror(problem));
    return other ? pythia_fail(error, SQLITE_CANTOPEN, "\"%s\" %s", path, other) : SQLITE_OK;
}

static int prepare_file(Files *files, const PythiaControlChange *change, char **error) {
    char name[16];
    char *path = change->request_type
                     ? sqlite3_mprintf("%s:%s", change->tracepoint, change->request_type)
                     : sqlite3_mprintf("%s", change->tracepoint);
    if (!path) return SQLITE_NOMEM;
    snprintf(name, sizeof name, "%d", files->n);
    files->paths[files->n++] = path;
    int rc = place_check(&files->manifest, path, error);
    return rc ? rc
              : pythia_manifest_write(&files->manifest, name, change->enabled ? "1" : "0", 1,
                                      error);
}

static int prepare_files(Files *files, const PythiaControlChange *changes, int n, char **error) {
    files->paths = pythia_alloc_array((size_t)n, sizeof *files->paths);
    int rc = files->paths ? SQLITE_OK : SQLITE_NOMEM;
    for (int i = 0; i < n && !rc; i++)
        rc = prepare_file(files, &changes[i], error);
    return rc;
}

/* Notes how trace points were switched before; *noted is set where any is new. */
static int note_defaults(PythiaManifest *manifest, const PythiaControlChange *changes, int n,
                         int *noted) {
    int rc = SQLITE_OK;
    *noted = 0;
    for (int i = 0; i < n && !rc; i++) {
        PythiaManifestPoint *point;
        rc = pythia_manifest_point(manifest, pythia_text(changes[i].tracepoint), &point);
        if (rc || point->first >= 0) continue;
        point->first = point->now >= 0 ? point->now : (signed char)manifest->is_list;
        *noted = 1;
    }
    return rc;
}

static int write_defaults(PythiaManifest *manifest, char **error) {
    PythiaBuf lines = {0};
    for (uint32_t id = 1; id <= manifest->names.n; id++) {
        if (manifest->points[id].first < 0) continue;
        pythia_buf_str(&lines, manifest->points[id].first ? "1 " : "0 ");
        pythia_buf_text(&lines, pythia_intern_text(&manifest->names, id));
        pythia_buf_byte(&lines, '\n');
    }
    int rc = lines.rc;
    if (!rc) rc = pythia_manifest_write(manifest, NOTES, lines.data, lines.n, error);
    pythia_buf_clear(&lines);
    return rc;
}

static int text_order(const void *a, const void *b) {
    return pythia_text_compare(*(const PythiaText *)a, *(const PythiaText *)b);
}

/* Writes the list as it will be. */
static int prepare_list(PythiaManifest *manifest, const PythiaControlChange *changes, int n,
                        char **error) {
    PythiaBuf lines = {0};
    size_t noff = 0;
    for (int i = 0; i < n; i++) {
        uint32_t id = pythia_intern_find(&manifest->names, pythia_text(changes[i].tracepoint));
        manifest->points[id].now = changes[i].enabled ? -1 : 0;
    }
    PythiaText *off = pythia_alloc_array((size_t)manifest->names.n + 1, sizeof *off);
    if (!off) return SQLITE_NOMEM;
    for (uint32_t id = 1; id <= manifest->names.n; id++)
        if (manifest->points[id].now == 0) off[noff++] = pythia_intern_text(&manifest->names, id);
    qsort(off, noff, sizeof *off, text_order);
    for (size_t i = 0; i < noff; i++) {
        pythia_buf_text(&lines, off[i]);
        pythia_buf_byte(&lines, '\n');
    }
    int rc = lines.rc;
    if (!rc) rc = pythia_manifest_write(manifest, LIST, lines.data, lines.n, error);
    pythia_buf_clear(&lines);
    pythia_free(off);
    return rc;
}

static int manifest_prepare(PythiaBackend *backend, const PythiaControlChange *changes, int n,
                            char **error) {
    Files *files = backend->data;
    PythiaManifest *manifest = &files->manifest;
    int noted = 0;
    int rc = pythia_manifest_lock(manifest, error);
    if (!rc) rc = pythia_manifest_read(manifest, error);
    for (int i = 0; i < n && !rc; i++) {
        rc = pythia_manifest_check(manifest, changes[i].tracepoint, changes[i].request_type, error);
        if (!rc) rc = parameters_check(backend, &changes[i], error);
    }
    if (!rc) rc = note_defaults(manifest, changes, n, &noted);
    if (!rc && noted) rc = write_defaults(manifest, error);
    if (!rc)
        rc = manifest->is_list ? prepare_list(manifest, changes, n, error)
                               : prepare_files(files, changes, n, error);
    if (rc) files_finish(files);
    return rc;
}

/* ---- apply -------------------------------------------------------------------------------------------------- */

/* 0, or an errno. */
static int apply_file(const Files *files, int i) {
    char name[16];
    const char *leaf;
    snprintf(name, sizeof name, "%d", i);
    int folder = pythia_manifest_folder(&files->manifest, files->paths[i], 0, &leaf);
    int problem = folder < 0 || renameat(files->manifest.own, name, folder, leaf) ? errno : 0;
    if (folder >= 0) close(folder);
    return problem;
}

static void manifest_apply(PythiaBackend *backend, const PythiaControlChange *changes, int n,
                           unsigned char *failed, char **messages) {
    Files *files = backend->data;
    const PythiaManifest *manifest = &files->manifest;
    int problem = renameat(manifest->own, NOTES, manifest->own, "defaults") ? errno : 0;
    if (problem == ENOENT && !faccessat(manifest->own, "lock", F_OK, 0))
        problem = 0; /* there was nothing new to note */
    if (!problem && manifest->is_list)
        problem = renameat(manifest->own, LIST, manifest->base, manifest->leaf) ? errno : 0;
    for (int i = 0; i < n; i++) {
        int own = problem || manifest->is_list ? problem : apply_file(files, i);
        if (!own) continue;
        failed[i] = 1;
        messages[i] = sqlite3_mprintf("\"%s\" cannot be put in its place: %s",
                                      changes[i].tracepoint, strerror(own));
    }
    files_finish(files);
}

static void manifest_abandon(PythiaBackend *backend, const PythiaControlChange *changes, int n) {
    (void)changes, (void)n;
    files_finish(backend->data);
}

const PythiaBackendKind pythia_backend_manifest = {
    .name = "manifest",
    .target = "the path of a directory with a file per trace point, or of a file that lists those "
              "that are off",
    .switches_all = 1,
    .remembers = 1,
    .open = manifest_open,
    .list = manifest_list,
    .prepare = manifest_prepare,
    .apply = manifest_apply,
    .abandon = manifest_abandon,
    .close = manifest_close,
};
