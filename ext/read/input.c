/* input.c - see input.h.
**
** A source of stored bytes (a descriptor, or memory) lies below at most one decompressor. Stored bytes
** pass through one buffer, `raw`. gzip puts text straight into the caller's buffer; Zstandard, which
** works in blocks, into one of its own (see zstd_step()). */
#define ZSTD_STATIC_LINKING_ONLY /* for contexts that allocate through SQLite */
#include "ext/read/input.h"

#include "ext/base/hash.h"
#include "ext/base/library.h"
#include "ext/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum {
    RAW_BYTES = 256 * 1024,  /* a compressed block of either kind fits, and its header */
    TEXT_BYTES = 128 * 1024, /* the largest block of Zstandard, decompressed */
    WINDOW_LOG = 27          /* frames that look back further than 128 MiB are refused */
};

typedef enum Coding { CODING_UNKNOWN = 0, CODING_PLAIN, CODING_GZIP, CODING_ZSTD } Coding;

struct PythiaInput {
    int fd;          /* -1: memory */
    int owned;       /* the descriptor is closed with the input */
    char *path;      /* for messages; NULL: memory */
    PythiaText rest; /* memory not yet taken */
    Coding coding;
    unsigned char *raw; /* RAW_BYTES; the bytes raw_start .. raw_end-1 wait */
    size_t raw_start, raw_end;
    int raw_eof;
    int64_t bytes, total;
    int follow;     /* nothing behind `total` is read */
    uint64_t inode; /* of a regular file */
    PythiaText all; /* memory from its beginning on */
    z_stream gzip;
    int gzip_open;   /* inflateInit2() was called */
    int gzip_member; /* inside a member: the end of the input would be premature */
    ZSTD_DCtx *zstd;
    unsigned char *text; /* TEXT_BYTES; the bytes text_start .. text_end-1 wait */
    size_t text_start, text_end;
    size_t zstd_next; /* stored bytes that the next block takes; 0: between frames */
    const char *damage, *damage_kind;
};

static int input_new(PythiaInput **input) {
    PythiaInput *in = pythia_alloc_zero(sizeof *in);
    *input = in;
    if (!in) return SQLITE_NOMEM;
    in->fd = -1;
    in->total = -1;
    in->raw = pythia_alloc(RAW_BYTES);
    return in->raw ? SQLITE_OK : SQLITE_NOMEM;
}

static int input_open_file(PythiaInput *in, const char *path, char **error) {
    in->path = sqlite3_mprintf("%s", path);
    if (!in->path) return SQLITE_NOMEM;
    if (strcmp(path, "-") == 0) {
        in->fd = STDIN_FILENO;
    } else {
        do
            in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        while (in->fd < 0 && errno == EINTR);
        in->owned = 1;
    }
    struct stat status;
    if (in->fd < 0 || fstat(in->fd, &status) != 0)
        return pythia_fail(error, SQLITE_CANTOPEN, "cannot open %s: %s", path, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return pythia_fail(error, SQLITE_CANTOPEN, "cannot open %s: %s", path, strerror(EISDIR));
    if (S_ISREG(status.st_mode)) {
        in->total = (int64_t)status.st_size;
        in->inode = (uint64_t)status.st_ino;
    }
    return SQLITE_OK;
}

int pythia_input_open(const char *path, PythiaInput **input, char **error) {
    int rc = input_new(input);
    if (rc == SQLITE_OK) rc = input_open_file(*input, path, error);
    if (rc != SQLITE_OK) {
        pythia_input_close(*input);
        *input = NULL;
    }
    return rc;
}

int pythia_input_open_text(PythiaText text, PythiaInput **input, char **error) {
    (void)error;
    int rc = input_new(input);
    if (rc != SQLITE_OK) {
        pythia_input_close(*input);
        *input = NULL;
        return rc;
    }
    (*input)->rest = (*input)->all = text;
    (*input)->total = (int64_t)text.n;
    return SQLITE_OK;
}

void pythia_input_close(PythiaInput *input) {
    if (!input) return;
    if (input->gzip_open) inflateEnd(&input->gzip);
    ZSTD_freeDCtx(input->zstd);
    pythia_free(input->text);
    if (input->owned && input->fd >= 0) close(input->fd);
    sqlite3_free(input->path);
    pythia_free(input->raw);
    pythia_free(input);
}

/* Stored bytes from the source itself. */
static int source_read(PythiaInput *in, unsigned char *out, size_t n, size_t *got, char **error) {
    *got = 0;
    if (in->follow && in->total - in->bytes < (int64_t)n) n = (size_t)(in->total - in->bytes);
    if (in->fd < 0) {
        *got = n < in->rest.n ? n : in->rest.n;
        if (*got) memcpy(out, in->rest.p, *got);
        in->rest.p += *got;
        in->rest.n -= *got;
    } else {
        ssize_t done;
        do
            done = read(in->fd, out, n);
        while (done < 0 && errno == EINTR);
        if (done < 0)
            return pythia_fail(error, SQLITE_IOERR, "cannot read %s: %s", in->path,
                               strerror(errno));
        *got = (size_t)done;
    }
    in->bytes += (int64_t)*got;
    return SQLITE_OK;
}

/* Makes `raw` hold at least `least` bytes, or all that there are. */
static int raw_fill(PythiaInput *in, size_t least, char **error) {
    while (in->raw_end - in->raw_start < least && !in->raw_eof) {
        if (in->raw_start) {
            memmove(in->raw, in->raw + in->raw_start, in->raw_end - in->raw_start);
            in->raw_end -= in->raw_start;
            in->raw_start = 0;
        }
        size_t got;
        int rc = source_read(in, in->raw + in->raw_end, RAW_BYTES - in->raw_end, &got, error);
        if (rc != SQLITE_OK) return rc;
        in->raw_end += got;
        in->raw_eof = got == 0;
    }
    return SQLITE_OK;
}

static int raw_is_gzip(const PythiaInput *in) {
    return in->raw_end - in->raw_start >= 2 && in->raw[in->raw_start] == 0x1f &&
           in->raw[in->raw_start + 1] == 0x8b;
}

/* A frame of Zstandard, or a skippable one, with which some programs begin. */
static int raw_is_zstd(const PythiaInput *in) {
    const unsigned char *p = in->raw + in->raw_start;
    if (in->raw_end - in->raw_start < 4) return 0;
    return memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0 ||
           ((p[0] & 0xf0) == 0x50 && memcmp(p + 1, "\x2a\x4d\x18", 3) == 0);
}

static int zstd_open(PythiaInput *in) {
    static const ZSTD_customMem memory = {pythia_library_alloc, pythia_library_free, NULL};
    in->zstd = ZSTD_createDCtx_advanced(memory);
    in->text = pythia_alloc(TEXT_BYTES);
    if (!in->zstd || !in->text) return SQLITE_NOMEM;
    ZSTD_DCtx_setParameter(in->zstd, ZSTD_d_windowLogMax, WINDOW_LOG);
    in->zstd_next = ZSTD_initDStream(in->zstd);
    return SQLITE_OK;
}

/* A further coding has its test here, its member in Coding, and its *_read(). */
static int input_detect(PythiaInput *in, char **error) {
    int rc = raw_fill(in, 4, error);
    if (rc != SQLITE_OK) return rc;
    in->coding = CODING_PLAIN;
    if (raw_is_gzip(in)) {
        in->gzip.zalloc = pythia_library_array;
        in->gzip.zfree = pythia_library_free;
        if (inflateInit2(&in->gzip, 16 + MAX_WBITS) != Z_OK) return SQLITE_NOMEM;
        in->gzip_open = in->gzip_member = 1;
        in->coding = CODING_GZIP;
    } else if (raw_is_zstd(in)) {
        in->coding = CODING_ZSTD;
        return zstd_open(in);
    }
    return SQLITE_OK;
}

static int plain_read(PythiaInput *in, unsigned char *out, size_t n, size_t *got, char **error) {
    size_t waiting = in->raw_end - in->raw_start;
    if (!waiting) return source_read(in, out, n, got, error);
    *got = n < waiting ? n : waiting;
    memcpy(out, in->raw + in->raw_start, *got);
    in->raw_start += *got;
    return SQLITE_OK;
}

static void input_damaged(PythiaInput *in, const char *kind, const char *damage) {
    in->damage_kind = kind;
    in->damage = damage;
}

/* Between members. Zeros that pad the file out (tapes, block devices) are passed over. Then `least`
** bytes wait, or all there are. */
static int raw_skip_zeros(PythiaInput *in, size_t least, char **error) {
    for (;;) {
        int rc = raw_fill(in, least, error);
        if (rc != SQLITE_OK || in->raw_start == in->raw_end || in->raw[in->raw_start]) return rc;
        in->raw_start++;
    }
}

static int gzip_next_member(PythiaInput *in, char **error) {
    int rc = raw_skip_zeros(in, 2, error);
    if (rc != SQLITE_OK || in->raw_start == in->raw_end) return rc;
    if (raw_is_gzip(in)) {
        inflateReset(&in->gzip);
        in->gzip_member = 1;
    } else {
        input_damaged(in, "syntax",
                      "Bytes behind the compressed data are not gzip and were left out.");
    }
    return SQLITE_OK;
}

/* One step: takes from `raw`, gives to out. The caller loops until something came out. */
static int gzip_step(PythiaInput *in, unsigned char *out, size_t n, size_t *got, char **error) {
    int rc = raw_fill(in, 1, error);
    if (rc != SQLITE_OK) return rc;
    if (in->raw_start == in->raw_end) {
        input_damaged(in, "truncated",
                      "The compressed data ends early; what came before was read.");
        return SQLITE_OK;
    }
    if (n > 1u << 30) n = 1u << 30; /* zlib counts in 32 bits */
    in->gzip.next_in = in->raw + in->raw_start;
    in->gzip.avail_in = (uInt)(in->raw_end - in->raw_start);
    in->gzip.next_out = out;
    in->gzip.avail_out = (uInt)n;
    int result = inflate(&in->gzip, Z_NO_FLUSH);
    in->raw_start = in->raw_end - in->gzip.avail_in;
    *got = n - in->gzip.avail_out;
    if (result == Z_STREAM_END) {
        in->gzip_member = 0;
        return gzip_next_member(in, error);
    }
    if (result == Z_MEM_ERROR) return SQLITE_NOMEM;
    if (result != Z_OK && result != Z_BUF_ERROR)
        input_damaged(in, "truncated",
                      "The compressed data is damaged; what came before was read.");
    return SQLITE_OK;
}

static int gzip_read(PythiaInput *in, unsigned char *out, size_t n, size_t *got, char **error) {
    *got = 0;
    while (*got == 0 && in->gzip_member && !in->damage) {
        int rc = gzip_step(in, out, n, got, error);
        if (rc != SQLITE_OK) return rc;
    }
    return SQLITE_OK;
}

static int zstd_next_frame(PythiaInput *in, char **error) {
    int rc = raw_skip_zeros(in, 4, error);
    if (rc != SQLITE_OK || in->raw_start == in->raw_end) return rc;
    if (raw_is_zstd(in))
        in->zstd_next = ZSTD_initDStream(in->zstd); /* does not allocate */
    else
        input_damaged(in, "syntax",
                      "Bytes behind the compressed data are not Zstandard and were left out.");
    return SQLITE_OK;
}

static void zstd_failed(PythiaInput *in, ZSTD_ErrorCode code) {
    if (code == ZSTD_error_frameParameter_windowTooLarge)
        input_damaged(in, "size",
                      "The compressed data needs a window of more than 128 MiB; it was not read.");
    else
        input_damaged(in, "truncated",
                      "The compressed data is damaged; what came before was read.");
}

/* One block: the decompressor is given just the bytes it asks for next. It then never goes through more
** than a block in one call, and damage costs that block and not what was decompressed with it; and what
** comes out does not depend on the size of the steps in which the caller reads. */
static int zstd_step(PythiaInput *in, char **error) {
    size_t want = in->zstd_next < RAW_BYTES ? in->zstd_next : RAW_BYTES;
    int rc = raw_fill(in, want, error);
    if (rc != SQLITE_OK) return rc;
    size_t there = in->raw_end - in->raw_start;
    ZSTD_inBuffer from = {in->raw + in->raw_start, there < want ? there : want, 0};
    ZSTD_outBuffer to = {in->text, TEXT_BYTES, 0};
    size_t left = ZSTD_decompressStream(in->zstd, &to, &from);
    in->raw_start += from.pos;
    in->text_start = 0;
    in->text_end = to.pos;
    if (ZSTD_isError(left)) {
        ZSTD_ErrorCode code = ZSTD_getErrorCode(left);
        if (code == ZSTD_error_memory_allocation) return SQLITE_NOMEM;
        in->text_end = 0;
        zstd_failed(in, code);
        return SQLITE_OK;
    }
    in->zstd_next = left;
    if (!left) return zstd_next_frame(in, error);
    if (!there && !to.pos)
        input_damaged(in, "truncated",
                      "The compressed data ends early; what came before was read.");
    return SQLITE_OK;
}

static int zstd_read(PythiaInput *in, unsigned char *out, size_t n, size_t *got, char **error) {
    while (in->text_start == in->text_end && in->zstd_next && !in->damage) {
        int rc = zstd_step(in, error);
        if (rc != SQLITE_OK) return rc;
    }
    size_t waiting = in->text_end - in->text_start;
    *got = n < waiting ? n : waiting;
    if (*got) memcpy(out, in->text + in->text_start, *got);
    in->text_start += *got;
    return SQLITE_OK;
}

/* ---- following ---- */

/* The first n bytes, whatever was read; *got are there. */
static int source_head(PythiaInput *in, unsigned char *out, size_t n, size_t *got, char **error) {
    *got = 0;
    if (in->fd < 0) {
        *got = n < in->all.n ? n : in->all.n;
        if (*got) memcpy(out, in->all.p, *got);
        return SQLITE_OK;
    }
    while (*got < n) {
        ssize_t done = pread(in->fd, out + *got, n - *got, (off_t)*got);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0)
            return pythia_fail(error, SQLITE_IOERR, "cannot read %s: %s", in->path,
                               strerror(errno));
        if (!done) break;
        *got += (size_t)done;
    }
    return SQLITE_OK;
}

static int head_hash(PythiaInput *in, int64_t offset, uint64_t *hash, char **error) {
    unsigned char head[PYTHIA_HEAD_BYTES];
    size_t n = offset < PYTHIA_HEAD_BYTES ? (size_t)offset : PYTHIA_HEAD_BYTES, got;
    int rc = source_head(in, head, n, &got, error);
    *hash = pythia_hash64(head, got);
    return rc;
}

int pythia_input_followed(PythiaInput *input, PythiaPlace *place, char **error) {
    place->inode = input->inode;
    return head_hash(input, place->offset, &place->head_hash, error);
}

int pythia_input_follow(PythiaInput *input, PythiaPlace *from, char **error) {
    const char *name = input->path ? input->path : "the text";
    if (input->total < 0 || (input->fd >= 0 && !input->owned))
        return pythia_fail(error, SQLITE_ERROR, "%s is no regular file and cannot be followed",
                           name);
    int rc = source_head(input, input->raw, 4, &input->raw_end, error);
    if (rc != SQLITE_OK) return rc;
    if (raw_is_gzip(input) || raw_is_zstd(input))
        return pythia_fail(error, SQLITE_ERROR, "%s is compressed and cannot be followed", name);
    input->raw_end = 0;
    uint64_t hash;
    rc = head_hash(input, from->offset > 0 ? from->offset : 0, &hash, error);
    if (rc != SQLITE_OK) return rc;
    if (from->offset <= 0 || from->offset > input->total || from->inode != input->inode ||
        from->head_hash != hash)
        memset(from, 0, sizeof *from);
    input->coding = CODING_PLAIN;
    input->follow = 1;
    input->bytes = from->offset;
    if (input->fd < 0)
        input->rest =
            (PythiaText){input->all.p + from->offset, input->all.n - (size_t)from->offset};
    else if (lseek(input->fd, (off_t)from->offset, SEEK_SET) < 0)
        return pythia_fail(error, SQLITE_IOERR, "cannot read %s: %s", name, strerror(errno));
    return SQLITE_OK;
}

int pythia_input_read(PythiaInput *input, unsigned char *out, size_t n, size_t *got, char **error) {
    *got = 0;
    if (input->coding == CODING_UNKNOWN) {
        int rc = input_detect(input, error);
        if (rc != SQLITE_OK) return rc;
    }
    if (input->coding == CODING_GZIP) return gzip_read(input, out, n, got, error);
    if (input->coding == CODING_ZSTD) return zstd_read(input, out, n, got, error);
    return plain_read(input, out, n, got, error);
}

const char *pythia_input_damage(const PythiaInput *input, const char **kind) {
    *kind = input->damage_kind;
    return input->damage;
}

int64_t pythia_input_bytes(const PythiaInput *input) {
    return input->bytes;
}

int64_t pythia_input_total(const PythiaInput *input) {
    return input->total;
}
