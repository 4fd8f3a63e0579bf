/* files.c - which files a path names (read.h). */
#include "ext/read/read.h"

#include "ext/base/mem.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void pythia_files_clear(PythiaFiles *files) {
    for (size_t i = 0; i < files->n; i++)
        sqlite3_free(files->paths[i]);
    pythia_free(files->paths);
    memset(files, 0, sizeof *files);
}

static int files_add(PythiaFiles *files, const char *path) {
    int rc =
        pythia_grow((void **)&files->paths, &files->capacity, files->n + 1, sizeof *files->paths);
    if (rc != SQLITE_OK) return rc;
    char *copy = sqlite3_mprintf("%s", path);
    if (!copy) return SQLITE_NOMEM;
    files->paths[files->n++] = copy;
    return SQLITE_OK;
}

static int path_compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* glob() sorts by the locale's order; the order of bytes is the same everywhere. Its own memory is
** malloc()'s: the C library has no hook for that. */
static int files_match(PythiaFiles *files, const char *pattern, char **error) {
    glob_t found;
    memset(&found, 0, sizeof found);
    int rc = SQLITE_OK;
    int result = glob(pattern, GLOB_NOSORT, NULL, &found);
    if (result == GLOB_NOSPACE) {
        globfree(&found);
        return SQLITE_NOMEM;
    }
    if (result == GLOB_ABORTED)
        rc = pythia_fail(error, SQLITE_CANTOPEN, "cannot search for %s: %s", pattern,
                         strerror(errno));
    for (size_t i = 0; result == 0 && rc == SQLITE_OK && i < found.gl_pathc; i++) {
        struct stat status;
        if (stat(found.gl_pathv[i], &status) == 0 && S_ISDIR(status.st_mode)) continue;
        rc = files_add(files, found.gl_pathv[i]);
    }
    globfree(&found);
    if (files->n > 1) qsort(files->paths, files->n, sizeof *files->paths, path_compare);
    return rc;
}

int pythia_files_find(const char *path, PythiaFiles *files, char **error) {
    memset(files, 0, sizeof *files);
    if (strcmp(path, "-") == 0) return files_add(files, path);
    /* A file of just that name comes first: names may hold brackets. */
    struct stat status;
    int missing = stat(path, &status) != 0 ? errno : 0;
    if (!missing) return files_add(files, path);
    if (!strpbrk(path, "*?["))
        return pythia_fail(error, SQLITE_CANTOPEN, "cannot open %s: %s", path, strerror(missing));
    int rc = files_match(files, path, error);
    if (rc == SQLITE_OK && files->n == 0)
        rc = pythia_fail(error, SQLITE_CANTOPEN, "no file matches %s", path);
    return rc;
}
