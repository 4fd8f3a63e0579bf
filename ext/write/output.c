/* output.c - see output.h.
**
** The new file is called `<path>.<16 hex digits>.part`. It is made with the rights that the user's mask
** gives, or those of the file that it replaces. A path that is a symbolic link keeps being one: what it
** leads to is replaced. */
#include "ext/write/output.h"

#include "ext/base/library.h"
#include "ext/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#define ZSTD_STATIC_LINKING_ONLY /* for contexts that allocate through SQLite */
#include <zstd.h>
#include <zstd_errors.h>

enum { PACKED_BYTES = 128 * 1024, ZSTD_LEVEL = 3 };

struct PythiaOutput {
    char *path;  /* as asked for, or what it leads to */
    char *part;  /* the file being written; NULL: the path itself */
    int fd;      /* -1: closed */
    int is_ours; /* to close */
    int gzip_open;
    z_stream gzip;
    ZSTD_CCtx *zstd;
    unsigned char *packed; /* compressed bytes on their way */
};

static int output_fail(const PythiaOutput *output, int rc, const char *what, char **error) {
    int cause = errno;
    if (cause == ENOSPC || cause == EDQUOT) rc = SQLITE_FULL;
    return pythia_fail(error, rc, "could not %s %s: %s", what, output->path, strerror(cause));
}

/* ---- compression ---- */

static int ends_in(const char *path, const char *suffix) {
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && strcmp(path + n - m, suffix) == 0;
}

static int open_packing(PythiaOutput *output, const char *path) {
    enum { GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 8 };
    static const ZSTD_customMem memory = {pythia_library_alloc, pythia_library_free, NULL};
    int gzip = ends_in(path, ".gz");
    if (!gzip && !ends_in(path, ".zst")) return SQLITE_OK;
    output->packed = pythia_alloc(PACKED_BYTES);
    if (!output->packed) return SQLITE_NOMEM;
    if (!gzip) {
        output->zstd = ZSTD_createCCtx_advanced(memory);
        if (!output->zstd) return SQLITE_NOMEM;
        ZSTD_CCtx_setParameter(output->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
        ZSTD_CCtx_setParameter(output->zstd, ZSTD_c_checksumFlag, 1);
        return SQLITE_OK;
    }
    output->gzip.zalloc = pythia_library_array;
    output->gzip.zfree = pythia_library_free;
    if (deflateInit2(&output->gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return SQLITE_NOMEM;
    output->gzip_open = 1;
    return SQLITE_OK;
}

static int write_all(PythiaOutput *output, const unsigned char *p, size_t n, char **error) {
    while (n) {
        ssize_t done = write(output->fd, p, n);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return output_fail(output, SQLITE_IOERR, "write", error);
        p += done;
        n -= (size_t)done;
    }
    return SQLITE_OK;
}

static int write_gzip(PythiaOutput *output, const void *bytes, size_t n, int last, char **error) {
    z_stream *z = &output->gzip;
    const unsigned char *p = bytes;
    do {
        uInt part = n > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uInt)n;
        z->next_in = (Bytef *)(uintptr_t)p;
        z->avail_in = part;
        p += part;
        n -= part;
        do {
            z->next_out = output->packed;
            z->avail_out = PACKED_BYTES;
            deflate(z, last && !n ? Z_FINISH : Z_NO_FLUSH);
            int rc = write_all(output, output->packed, PACKED_BYTES - z->avail_out, error);
            if (rc) return rc;
        } while (!z->avail_out);
    } while (n);
    return SQLITE_OK;
}

static int write_zstd(PythiaOutput *output, const void *bytes, size_t n, int last, char **error) {
    ZSTD_inBuffer in = {bytes, n, 0};
    for (;;) {
        ZSTD_outBuffer out = {output->packed, PACKED_BYTES, 0};
        size_t left =
            ZSTD_compressStream2(output->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation
                       ? SQLITE_NOMEM
                       : pythia_fail(error, SQLITE_ERROR, "could not compress %s: %s", output->path,
                                     ZSTD_getErrorName(left));
        int rc = write_all(output, output->packed, out.pos, error);
        if (rc || (last ? left == 0 : in.pos == in.size)) return rc;
    }
}

static int write_packed(PythiaOutput *output, const void *bytes, size_t n, int last, char **error) {
    if (output->gzip_open) return write_gzip(output, bytes, n, last, error);
    if (output->zstd) return write_zstd(output, bytes, n, last, error);
    return write_all(output, bytes, n, error);
}

int pythia_output_write(PythiaOutput *output, const void *bytes, size_t n, char **error) {
    return write_packed(output, bytes, n, 0, error);
}

/* ---- opening and closing ---- */

static int open_part(PythiaOutput *output, const struct stat *old, char **error) {
    uint64_t random;
    sqlite3_randomness((int)sizeof random, &random);
    output->part = sqlite3_mprintf("%s.%016llx.part", output->path, (unsigned long long)random);
    if (!output->part) return SQLITE_NOMEM;
    output->fd = open(output->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (output->fd < 0) {
        sqlite3_free(output->part);
        output->part = NULL;
        return output_fail(output, SQLITE_CANTOPEN, "write", error);
    }
    if (old && fchmod(output->fd, old->st_mode & 07777) != 0)
        return output_fail(output, SQLITE_CANTOPEN, "write", error);
    return SQLITE_OK;
}

static int open_path(PythiaOutput *output, const char *path, char **error) {
    struct stat info;
    output->path = sqlite3_mprintf("%s", path);
    if (!output->path) return SQLITE_NOMEM;
    output->is_ours = strcmp(path, "-") != 0;
    if (!output->is_ours) {
        output->fd = STDOUT_FILENO;
        return SQLITE_OK;
    }
    if (stat(path, &info) != 0) return open_part(output, NULL, error);
    if (!S_ISREG(info.st_mode)) {
        output->fd = open(path, O_WRONLY | O_CLOEXEC);
        return output->fd < 0 ? output_fail(output, SQLITE_CANTOPEN, "write", error) : SQLITE_OK;
    }
    char *target = realpath(path, NULL); /* the C library's memory */
    if (target) {
        sqlite3_free(output->path);
        output->path = sqlite3_mprintf("%s", target);
        free(target);
        if (!output->path) return SQLITE_NOMEM;
    }
    return open_part(output, &info, error);
}

int pythia_output_open(const char *path, PythiaOutput **output, char **error) {
    *output = pythia_alloc_zero(sizeof **output);
    if (!*output) return SQLITE_NOMEM;
    (*output)->fd = -1;
    int rc = open_packing(*output, path);
    if (!rc) rc = open_path(*output, path, error);
    if (rc) {
        pythia_output_close(*output);
        *output = NULL;
    }
    return rc;
}

int pythia_output_finish(PythiaOutput *output, char **error) {
    int rc = write_packed(output, "", 0, 1, error);
    if (rc || !output->is_ours) return rc;
    if (output->part && fsync(output->fd) != 0)
        return output_fail(output, SQLITE_IOERR, "write", error);
    int failed = close(output->fd) != 0;
    output->fd = -1;
    if (failed) return output_fail(output, SQLITE_IOERR, "write", error);
    if (output->part && rename(output->part, output->path) != 0)
        return output_fail(output, SQLITE_IOERR, "replace", error);
    sqlite3_free(output->part);
    output->part = NULL;
    return SQLITE_OK;
}

void pythia_output_close(PythiaOutput *output) {
    if (!output) return;
    if (output->gzip_open) deflateEnd(&output->gzip);
    ZSTD_freeCCtx(output->zstd);
    if (output->is_ours && output->fd >= 0) close(output->fd);
    if (output->part) unlink(output->part);
    sqlite3_free(output->part);
    sqlite3_free(output->path);
    pythia_free(output->packed);
    pythia_free(output);
}
