/* manifest.c - see manifest.h. */
#include "ext/control/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    FOLDERS_DEEP = 64,
    NAME_BYTES = 1000,     /* the longest path below the directory */
    PART_BYTES = 255,      /* of a path between two '/' */
    POINTS_MOST = 1000000, /* more are no directory of switches */
    FILE_BYTES_MOST = 256 * 1024 * 1024,
    LOCK_TRIES = 100 /* a millisecond each */
};

enum { FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* ---- opening ------------------------------------------------------------------------------------------------ */

/* Opens the directory that a path's last part lies in. */
static int open_parent(PythiaManifest *manifest, const char *path) {
    const char *slash = strrchr(path, '/');
    char *parent =
        slash ? sqlite3_mprintf("%.*s", (int)(slash - path + 1), path) : sqlite3_mprintf(".");
    manifest->leaf = sqlite3_mprintf("%s", slash ? slash + 1 : path);
    if (!parent || !manifest->leaf) {
        sqlite3_free(parent);
        errno = ENOMEM;
        return -1;
    }
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int problem = errno;
    sqlite3_free(parent);
    errno = problem;
    return fd;
}

int pythia_manifest_open(PythiaManifest *manifest, const char *path) {
    struct stat status;
    memset(manifest, 0, sizeof *manifest);
    manifest->base = manifest->own = manifest->lock = -1;
    if (lstat(path, &status)) return errno;
    if (S_ISLNK(status.st_mode)) return ELOOP;
    manifest->is_list = S_ISREG(status.st_mode);
    if (!manifest->is_list && !S_ISDIR(status.st_mode)) return EINVAL;
    manifest->base = manifest->is_list ? open_parent(manifest, path) : open(path, FOLDER);
    if (manifest->base < 0) return errno;
    manifest->own_name = manifest->is_list ? sqlite3_mprintf("%s.pythia", manifest->leaf)
                                           : sqlite3_mprintf(".pythia");
    if (!manifest->own_name) return ENOMEM;
    if (faccessat(manifest->base, ".", W_OK | X_OK, 0)) return errno;
    manifest->own = openat(manifest->base, manifest->own_name, FOLDER);
    return manifest->own < 0 && errno != ENOENT ? errno : 0;
}

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

void pythia_manifest_close(PythiaManifest *manifest) {
    close_fd(&manifest->lock);
    close_fd(&manifest->own);
    close_fd(&manifest->base);
    sqlite3_free(manifest->own_name);
    sqlite3_free(manifest->leaf);
    pythia_intern_clear(&manifest->names);
    pythia_free(manifest->points);
    memset(manifest, 0, sizeof *manifest);
    manifest->base = manifest->own = manifest->lock = -1;
}

/* ---- names -------------------------------------------------------------------------------------------------- */

/* What is wrong with a path below the directory, or NULL. */
static const char *path_problem(const char *path, size_t n) {
    if (n > NAME_BYTES) return "is longer than 1000 bytes";
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f) return "has a control character";
    for (size_t at = 0, end; at <= n; at = end + 1) {
        const char *slash = memchr(path + at, '/', n - at);
        end = slash ? (size_t)(slash - path) : n;
        PythiaText part = {path + at, end - at};
        if (!part.n) return "begins or ends with a '/', or has two in a row";
        if (part.n > PART_BYTES) return "has a part of more than 255 bytes";
        if (pythia_text_equal(part, PYTHIA_TEXT(".")) || pythia_text_equal(part, PYTHIA_TEXT("..")))
            return "has a part that names a folder";
        if (!at && pythia_text_equal(part, PYTHIA_TEXT(".pythia")))
            return "is that of the folder in which Pythia keeps its notes";
    }
    return NULL;
}

/* The trace point that a file is a switch for requests of one type of; 0: it is a trace point's own. */
static uint32_t switch_of(const PythiaManifest *manifest, PythiaText name) {
    for (size_t i = name.n; i-- > 1;) {
        if (name.p[i] != ':' || i + 1 == name.n) continue;
        uint32_t point = pythia_intern_find(&manifest->names, (PythiaText){name.p, i});
        if (point && manifest->points[point].now >= 0) return point;
    }
    return 0;
}

int pythia_manifest_check(const PythiaManifest *manifest, const char *name, const char *type,
                          char **error) {
    if (manifest->is_list) {
        if (type)
            return pythia_fail(
                error, SQLITE_CONSTRAINT,
                "\"%s\" for requests of type \"%s\": a list switches for all requests", name, type);
        for (const char *p = name; *p; p++)
            if ((unsigned char)*p < 0x20)
                return pythia_fail(error, SQLITE_CONSTRAINT,
                                   "\"%s\" has a control character, and so is no line of a list",
                                   name);
        return SQLITE_OK;
    }
    char *path = type ? sqlite3_mprintf("%s:%s", name, type) : sqlite3_mprintf("%s", name);
    if (!path) return SQLITE_NOMEM;
    const char *problem = path_problem(path, strlen(path));
    int rc = SQLITE_OK;
    uint32_t other = type ? 0 : switch_of(manifest, pythia_text(path));
    if (problem)
        rc = pythia_fail(error, SQLITE_CONSTRAINT, "\"%s\" cannot be the name of a file: it %s",
                         path, problem);
    else if (other)
        rc = pythia_fail(error, SQLITE_CONSTRAINT,
                         "\"%s\" would be the file that switches \"%s\" for a request type", path,
                         pythia_intern_text(&manifest->names, other).p);
    sqlite3_free(path);
    return rc;
}

int pythia_manifest_point(PythiaManifest *manifest, PythiaText name, PythiaManifestPoint **point) {
    uint32_t before = manifest->names.n, id;
    int rc = pythia_intern(&manifest->names, name, &id);
    if (!rc && id > before) {
        rc = pythia_grow((void **)&manifest->points, &manifest->capacity, (size_t)id + 1,
                         sizeof *manifest->points);
        if (!rc) manifest->points[id] = (PythiaManifestPoint){-1, -1};
    }
    *point = rc ? NULL : &manifest->points[id];
    return rc;
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

static int system_fail(char **error, int problem, const char *what) {
    return problem == ENOMEM ? SQLITE_NOMEM
                             : pythia_fail(error, SQLITE_IOERR, "%s: %s", what, strerror(problem));
}

/* Reads a whole file; one that is not there is empty. */
static int file_read(int folder, const char *name, PythiaBuf *out, char **error) {
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? SQLITE_OK : system_fail(error, errno, name);
    int rc = SQLITE_OK;
    for (;;) {
        unsigned char bytes[8192];
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) rc = system_fail(error, errno, name);
        if (n <= 0) break;
        pythia_buf_bytes(out, bytes, (size_t)n);
        if (out->n > FILE_BYTES_MOST)
            rc = pythia_fail(error, SQLITE_TOOBIG, "%s: is larger than 256 MiB", name);
        if (rc || out->rc) break;
    }
    close(fd);
    return rc ? rc : out->rc;
}

typedef int (*EachLine)(PythiaManifest *manifest, PythiaText line);

static int lines_read(PythiaManifest *manifest, int folder, const char *name, EachLine each,
                      char **error) {
    PythiaBuf bytes = {0};
    int rc = file_read(folder, name, &bytes, error);
    const char *p = (const char *)bytes.data;
    for (size_t at = 0, end; !rc && at < bytes.n; at = end + 1) {
        const char *newline = memchr(p + at, '\n', bytes.n - at);
        end = newline ? (size_t)(newline - p) : bytes.n;
        PythiaText line = {p + at, end - at};
        if (line.n && line.p[line.n - 1] == '\r') line.n--;
        if (line.n && !memchr(line.p, 0, line.n)) rc = each(manifest, line);
    }
    pythia_buf_clear(&bytes);
    return rc;
}

static int list_line(PythiaManifest *manifest, PythiaText line) {
    PythiaManifestPoint *point;
    int rc = pythia_manifest_point(manifest, line, &point);
    if (!rc) point->now = 0;
    return rc;
}

static int defaults_line(PythiaManifest *manifest, PythiaText line) {
    PythiaManifestPoint *point;
    if (line.n < 3 || (line.p[0] != '0' && line.p[0] != '1') || line.p[1] != ' ') return SQLITE_OK;
    int rc = pythia_manifest_point(manifest, (PythiaText){line.p + 2, line.n - 2}, &point);
    if (!rc) point->first = line.p[0] == '1';
    return rc;
}

/* What a file says: an empty one, or one that cannot be read, is on. */
static int switch_read(int folder, const char *name) {
    char byte = '1';
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return 1;
    if (read(fd, &byte, 1) != 1) byte = '1';
    close(fd);
    return byte != '0';
}

static int walk(PythiaManifest *manifest, int folder, PythiaBuf *path, int depth, char **error);

/* Takes in one entry of a folder: a switch, or a folder of switches. Whatever else it is, is passed over. */
static int walk_entry(PythiaManifest *manifest, int folder, const char *name, PythiaBuf *path,
                      int depth, char **error) {
    struct stat status;
    size_t before = path->n;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW)) return SQLITE_OK;
    if (before) pythia_buf_byte(path, '/');
    pythia_buf_str(path, name);
    int rc = path->rc;
    PythiaText text = {(const char *)path->data, path->n};
    if (rc || path_problem(text.p, text.n)) {
        /* not a name that a trace point can have here */
    } else if (S_ISDIR(status.st_mode) && depth < FOLDERS_DEEP) {
        int fd = openat(folder, name, FOLDER);
        if (fd >= 0) rc = walk(manifest, fd, path, depth + 1, error);
    } else if (S_ISREG(status.st_mode)) {
        PythiaManifestPoint *point;
        rc = pythia_manifest_point(manifest, text, &point);
        if (!rc) point->now = (signed char)switch_read(folder, name);
        if (!rc && manifest->names.n > POINTS_MOST)
            rc = pythia_fail(error, SQLITE_TOOBIG, "the directory has more than a million files");
    }
    path->n = before;
    return rc;
}

/* Closes the folder. */
static int walk(PythiaManifest *manifest, int folder, PythiaBuf *path, int depth, char **error) {
    DIR *dir = fdopendir(folder);
    if (!dir) {
        int problem = errno;
        close(folder);
        return system_fail(error, problem, "the directory");
    }
    int rc = SQLITE_OK;
    for (struct dirent *entry; !rc && (entry = readdir(dir)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = walk_entry(manifest, folder, entry->d_name, path, depth, error);
    closedir(dir);
    return rc;
}

int pythia_manifest_read(PythiaManifest *manifest, char **error) {
    PythiaBuf path = {0};
    int rc = SQLITE_OK;
    pythia_intern_clear(&manifest->names);
    if (manifest->is_list) {
        rc = lines_read(manifest, manifest->base, manifest->leaf, list_line, error);
    } else {
        int fd = openat(manifest->base, ".", FOLDER);
        rc = fd < 0 ? system_fail(error, errno, "the directory")
                    : walk(manifest, fd, &path, 0, error);
    }
    if (!rc && manifest->own >= 0)
        rc = lines_read(manifest, manifest->own, "defaults", defaults_line, error);
    /* Files that switch another trace point for one type are not trace points. */
    for (uint32_t id = 1; !rc && !manifest->is_list && id <= manifest->names.n; id++)
        if (switch_of(manifest, pythia_intern_text(&manifest->names, id)))
            manifest->points[id].now = -1;
    pythia_buf_clear(&path);
    return rc;
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

/* Removes what was prepared. */
static void own_clean(const PythiaManifest *manifest) {
    int fd = openat(manifest->own, ".", FOLDER);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0) close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
            unlinkat(manifest->own, entry->d_name, 0);
    closedir(dir);
}

int pythia_manifest_lock(PythiaManifest *manifest, char **error) {
    struct timespec pause = {0, 1000000};
    if (mkdirat(manifest->base, manifest->own_name, 0700) && errno != EEXIST)
        return system_fail(error, errno, manifest->own_name);
    if (manifest->own < 0) manifest->own = openat(manifest->base, manifest->own_name, FOLDER);
    if (manifest->own < 0) return system_fail(error, errno, manifest->own_name);
    manifest->lock = openat(manifest->own, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (manifest->lock < 0) return system_fail(error, errno, "lock");
    for (int i = 0; flock(manifest->lock, LOCK_EX | LOCK_NB); i++) {
        if (i == LOCK_TRIES) {
            close_fd(&manifest->lock);
            return pythia_fail(error, SQLITE_BUSY, "another session is writing there");
        }
        nanosleep(&pause, NULL);
    }
    own_clean(manifest);
    return SQLITE_OK;
}

void pythia_manifest_unlock(PythiaManifest *manifest) {
    if (manifest->lock >= 0) own_clean(manifest);
    close_fd(&manifest->lock);
}

int pythia_manifest_write(PythiaManifest *manifest, const char *name, const void *bytes, size_t n,
                          char **error) {
    const char *p = bytes;
    int fd =
        openat(manifest->own, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) return system_fail(error, errno, name);
    int problem = fchmod(fd, 0644) ? errno : 0; /* programs of other users read it */
    while (n && !problem) {
        ssize_t done = write(fd, p, n);
        if (done >= 0) {
            p += done;
            n -= (size_t)done;
        } else if (errno != EINTR) {
            problem = errno;
        }
    }
    if (close(fd) && !problem) problem = errno;
    return problem ? system_fail(error, problem, name) : SQLITE_OK;
}

int pythia_manifest_folder(const PythiaManifest *manifest, const char *path, int make,
                           const char **leaf) {
    char part[PART_BYTES + 1];
    int folder = openat(manifest->base, ".", FOLDER);
    for (const char *slash; folder >= 0 && (slash = strchr(path, '/')) != NULL; path = slash + 1) {
        size_t n = (size_t)(slash - path);
        if (n > PART_BYTES) n = 0; /* was checked before */
        memcpy(part, path, n);
        part[n] = 0;
        if (make) mkdirat(folder, part, 0755);
        int next = openat(folder, part, FOLDER), problem = errno;
        close(folder);
        folder = next;
        errno = problem;
    }
    *leaf = path;
    return folder;
}
