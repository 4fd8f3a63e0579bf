/* page.c - a mapped control page; see page.h and layout.h.
**
** A page is made under a name of its own and then linked to its path, so that nobody ever maps a page whose
** header is not complete, and of several programs that start at the same time one makes it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ext/probe/page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    DEFAULT_SLOTS = 4096,
    DEFAULT_RINGS = 128,
    DEFAULT_RING_BYTES = 512 * 1024,
    PROCESSES = 1024,
    LEAST_INDEX = 512, /* also for the 62 request types */
    DEFAULT_CELLS = 256,
    MOST_CELLS = 1024,
    MOST_SLOTS = 1 << 20,
    MOST_RINGS = 4096,
    LEAST_RING_BYTES = 8192,
    MOST_RING_BYTES = 1 << 26,
    MOST_PROBES = 128, /* places of a hash table that are looked at */
    PATH_BYTES = 512
};

/* ------------------------------------------------------------------ geometry */

static int is_power(uint32_t n) {
    return n && (n & (n - 1)) == 0;
}

static uint32_t power_at_least(uint32_t n, uint32_t least, uint32_t most) {
    uint32_t power = least;
    while (power < n && power < most)
        power *= 2;
    return power;
}

/* Whether `n` elements at `at` lie behind the header and inside the file. */
static int region_fits(const PythiaPageHeader *h, uint32_t at, uint64_t n, uint64_t bytes) {
    return at >= h->header_bytes && at % 8 == 0 && n * bytes <= h->page_bytes &&
           at <= h->page_bytes - n * bytes;
}

static int geometry_fits(const PythiaPageHeader *h, uint64_t file_bytes) {
    if (memcmp(h->magic, PYTHIA_PAGE_MAGIC, sizeof h->magic) != 0) return 0;
    if (h->version != PYTHIA_PAGE_VERSION || h->header_bytes != sizeof *h) return 0;
    if (h->page_bytes > file_bytes || h->page_bytes < sizeof *h) return 0;
    if (!is_power(h->nslots) || h->nslots > MOST_SLOTS || h->ncounters != h->nslots) return 0;
    if (h->ntypes != PYTHIA_PAGE_TYPES || h->nprocesses == 0 || h->nprocesses > 65535) return 0;
    if (h->nsettings > 4 * MOST_SLOTS || !is_power(h->nindex) || h->strings_bytes < 8) return 0;
    if (!is_power(h->ring_bytes) || h->ring_bytes < LEAST_RING_BYTES) return 0;
    if (h->nrings > MOST_RINGS || h->ring_bytes > MOST_RING_BYTES) return 0;
    if (!is_power(h->ncells) || h->ncells > MOST_CELLS || h->ring_stride % 64) return 0;
    if (h->cells_at != sizeof(PythiaPageRing)) return 0;
    if (h->ring_stride !=
        sizeof(PythiaPageRing) + h->ncells * sizeof(PythiaPageCell) + h->ring_bytes)
        return 0;
    return region_fits(h, h->slots_at, h->nslots, sizeof(PythiaPageSlot)) &&
           region_fits(h, h->counters_at, h->ncounters, sizeof(PythiaPageCounters)) &&
           region_fits(h, h->types_at, h->ntypes, sizeof(PythiaPageType)) &&
           region_fits(h, h->processes_at, h->nprocesses, sizeof(PythiaPageProcess)) &&
           region_fits(h, h->settings_at, h->nsettings, sizeof(PythiaPageSetting)) &&
           region_fits(h, h->index_at, h->nindex, sizeof(uint32_t)) &&
           region_fits(h, h->strings_at, h->strings_bytes, 1) &&
           region_fits(h, h->rings_at, h->nrings, h->ring_stride);
}

static uint32_t place(uint64_t *at, uint64_t n, uint64_t bytes) {
    uint64_t here = (*at + 63) & ~(uint64_t)63;
    *at = here + n * bytes;
    return (uint32_t)here;
}

static void geometry_make(PythiaPageHeader *h, const PythiaPageMake *make) {
    struct timespec now;
    uint64_t at = sizeof *h;
    memset(h, 0, sizeof *h);
    memcpy(h->magic, PYTHIA_PAGE_MAGIC, sizeof h->magic);
    h->version = PYTHIA_PAGE_VERSION;
    h->header_bytes = sizeof *h;
    h->nslots = power_at_least(make->slots ? make->slots : DEFAULT_SLOTS, 16, 1 << 16);
    h->nrings = power_at_least(make->rings ? make->rings : DEFAULT_RINGS, 1, 1024);
    h->ring_bytes = power_at_least(make->ring_bytes ? make->ring_bytes : DEFAULT_RING_BYTES,
                                   LEAST_RING_BYTES, 1 << 20);
    h->ncounters = h->nslots;
    h->ntypes = PYTHIA_PAGE_TYPES;
    h->nprocesses = PROCESSES;
    h->nsettings = h->nslots * 2;
    h->nindex = power_at_least(h->nslots * 4, LEAST_INDEX, 1u << 18);
    h->strings_bytes = h->nslots * 256;
    h->ncells = power_at_least(make->cells ? make->cells : DEFAULT_CELLS, 1, MOST_CELLS);
    h->cells_at = sizeof(PythiaPageRing);
    h->ring_stride =
        (uint32_t)(sizeof(PythiaPageRing) + h->ncells * sizeof(PythiaPageCell) + h->ring_bytes);
    h->flags = make->flags;
    h->slots_at = place(&at, h->nslots, sizeof(PythiaPageSlot));
    h->counters_at = place(&at, h->ncounters, sizeof(PythiaPageCounters));
    h->types_at = place(&at, h->ntypes, sizeof(PythiaPageType));
    h->processes_at = place(&at, h->nprocesses, sizeof(PythiaPageProcess));
    h->settings_at = place(&at, h->nsettings, sizeof(PythiaPageSetting));
    h->index_at = place(&at, h->nindex, sizeof(uint32_t));
    h->strings_at = place(&at, h->strings_bytes, 1);
    h->rings_at = place(&at, h->nrings, h->ring_stride);
    h->page_bytes = at;
    h->strings_used = 8; /* offset 0 stands for no text */
    clock_gettime(CLOCK_REALTIME, &now);
    h->created_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    if (getrandom(&h->id, sizeof h->id, GRND_NONBLOCK) != (ssize_t)sizeof h->id)
        h->id = h->created_ns ^ ((uint64_t)getpid() << 48);
}

/* ------------------------------------------------------------------ files */

/* Makes the file; EEXIST when somebody else was faster. */
static int page_make(const char *path, const PythiaPageMake *make) {
    char name[PATH_BYTES + 32];
    PythiaPageHeader header;
    int error = 0;
    geometry_make(&header, make);
    snprintf(name, sizeof name, "%s.%d.new", path, (int)getpid());
    unlink(name);
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return errno;
    if (fchmod(fd, 0600) || ftruncate(fd, (off_t)header.page_bytes) ||
        pwrite(fd, &header, sizeof header, 0) != (ssize_t)sizeof header || link(name, path))
        error = errno ? errno : EIO;
    unlink(name);
    close(fd);
    return error;
}

static int page_map(PythiaPage *page, const char *path) {
    struct stat info;
    page->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
    if (page->fd < 0) return errno;
    if (fstat(page->fd, &info)) return errno;
    if (!S_ISREG(info.st_mode)) return EBADMSG;
    if (info.st_uid != geteuid() || (info.st_mode & 022)) return EPERM;
    if (info.st_size < (off_t)sizeof(PythiaPageHeader)) return EBADMSG;
    if (pread(page->fd, &page->geometry, sizeof page->geometry, 0) !=
        (ssize_t)sizeof page->geometry)
        return EBADMSG;
    if (!geometry_fits(&page->geometry, (uint64_t)info.st_size)) return EBADMSG;
    void *base = mmap(NULL, (size_t)page->geometry.page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                      page->fd, 0);
    if (base == MAP_FAILED) return errno;
    page->base = base;
    page->bytes = (size_t)page->geometry.page_bytes;
    page->device = (uint64_t)info.st_dev;
    page->inode = (uint64_t)info.st_ino;
    return 0;
}

int pythia_page_open(PythiaPage *page, const char *path, const PythiaPageMake *make) {
    memset(page, 0, sizeof *page);
    page->fd = -1;
    if (strlen(path) >= PATH_BYTES) return ENAMETOOLONG;
    int error = page_map(page, path);
    if (error == ENOENT && make) {
        error = page_make(path, make);
        if (!error || error == EEXIST) error = page_map(page, path);
    }
    if (error) pythia_page_close(page);
    return error;
}

void pythia_page_close(PythiaPage *page) {
    if (page->base) munmap(page->base, page->bytes);
    if (page->fd >= 0) close(page->fd);
    page->base = NULL;
    page->fd = -1;
}

static int lock_set(const PythiaPage *page, int byte, short type) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    return fcntl(page->fd, F_OFD_SETLK, &lock) == 0 ? 0 : errno == EACCES ? EAGAIN : errno;
}

int pythia_page_lock(const PythiaPage *page, int byte) {
    return lock_set(page, byte, F_WRLCK);
}

void pythia_page_unlock(const PythiaPage *page, int byte) {
    lock_set(page, byte, F_UNLCK);
}

/* ------------------------------------------------------------------ texts */

uint64_t pythia_page_hash(const char *text, size_t n) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    return hash;
}

int pythia_page_text(const PythiaPage *page, uint32_t ref, const char **text) {
    uint32_t end = page->geometry.strings_bytes;
    if (ref < 8 || ref > end - 3 || ref % 8) return -1;
    const unsigned char *p = page->base + page->geometry.strings_at + ref;
    unsigned n = p[0] | (unsigned)p[1] << 8;
    if (n > PYTHIA_PAGE_TEXT_BYTES || n > end - 3 - ref) return -1;
    *text = (const char *)p + 2;
    return (int)n;
}

static int text_is(const PythiaPage *page, uint32_t ref, const char *text, size_t n) {
    const char *have;
    int length = pythia_page_text(page, ref, &have);
    return length >= 0 && (size_t)length == n && memcmp(have, text, n) == 0;
}

static uint32_t *index_at(const PythiaPage *page, uint64_t i) {
    uint32_t *table = (uint32_t *)(page->base + page->geometry.index_at);
    return &table[i & (page->geometry.nindex - 1)];
}

/* Writes a text that nobody knows of yet. */
static uint32_t text_add(const PythiaPage *page, const char *text, size_t n) {
    uint64_t *used = &pythia_page_header(page)->strings_used;
    uint64_t need = (2 + n + 1 + 7) & ~(uint64_t)7, at = PYTHIA_GET(used);
    do {
        if (at < 8 || at % 8 || need > page->geometry.strings_bytes ||
            at > page->geometry.strings_bytes - need)
            return 0;
    } while (!PYTHIA_SWAP(used, &at, at + need));
    unsigned char *p = page->base + page->geometry.strings_at + at;
    p[0] = (unsigned char)n;
    p[1] = (unsigned char)(n >> 8);
    memcpy(p + 2, text, n);
    p[2 + n] = 0;
    return (uint32_t)at;
}

static uint32_t text_ref(const PythiaPage *page, const char *text, size_t n, int add) {
    if (n > PYTHIA_PAGE_TEXT_BYTES) return 0;
    uint64_t hash = pythia_page_hash(text, n);
    uint32_t mine = 0;
    for (unsigned i = 0; i < MOST_PROBES; i++) {
        uint32_t *entry = index_at(page, hash + i);
        uint32_t ref = PYTHIA_ACQUIRE(entry);
        if (!ref) {
            if (!add) return 0;
            if (!mine) mine = text_add(page, text, n);
            if (!mine || PYTHIA_SWAP(entry, &ref, mine)) return mine;
        }
        /* Two that add the same text at the same time: the second finds the first one's, and what it
        ** wrote is lost. */
        if (text_is(page, ref, text, n)) return ref;
    }
    return 0;
}

uint32_t pythia_page_intern(const PythiaPage *page, const char *text, size_t n) {
    return text_ref(page, text, n, 1);
}

uint32_t pythia_page_find(const PythiaPage *page, const char *text, size_t n) {
    return text_ref(page, text, n, 0);
}

/* ------------------------------------------------------------------ slots and types */

/* name and hash of a slot or type as the one word by which it is claimed. */
static uint64_t *claim_word(uint32_t *name) {
    return (uint64_t *)(void *)name;
}

static uint64_t claim_value(uint32_t name, uint64_t hash) {
    uint32_t words[2] = {name, (uint32_t)hash};
    uint64_t value;
    memcpy(&value, words, sizeof value);
    return value;
}

uint32_t pythia_page_slot_claim(const PythiaPage *page, const char *name, size_t n, int *fresh) {
    uint64_t hash = pythia_page_hash(name, n);
    uint32_t ref = pythia_page_intern(page, name, n), mask = page->geometry.nslots - 1;
    if (fresh) *fresh = 0;
    for (uint32_t i = 0; ref && i < MOST_PROBES; i++) {
        uint32_t at = ((uint32_t)hash + i) & mask;
        uint64_t *word = claim_word(&pythia_page_slot(page, at)->name), have = PYTHIA_ACQUIRE(word);
        uint64_t mine = claim_value(ref, hash);
        if (!have && PYTHIA_SWAP(word, &have, mine)) {
            if (fresh) *fresh = 1;
            return at;
        }
        if (have == mine) return at;
    }
    return PYTHIA_NO_SLOT;
}

uint32_t pythia_page_slot_find(const PythiaPage *page, const char *name, size_t n) {
    uint64_t hash = pythia_page_hash(name, n);
    uint32_t ref = pythia_page_find(page, name, n), mask = page->geometry.nslots - 1;
    for (uint32_t i = 0; ref && i < MOST_PROBES; i++) {
        uint32_t at = ((uint32_t)hash + i) & mask;
        uint64_t have = PYTHIA_ACQUIRE(claim_word(&pythia_page_slot(page, at)->name));
        if (have == claim_value(ref, hash)) return at;
        if (!have) break;
    }
    return PYTHIA_NO_SLOT;
}

uint32_t pythia_page_type_claim(const PythiaPage *page, const char *name, size_t n) {
    uint64_t hash = pythia_page_hash(name, n);
    uint32_t ref = pythia_page_intern(page, name, n);
    if (!ref) return PYTHIA_TYPE_OTHER;
    for (uint32_t i = 1; i < PYTHIA_TYPE_OTHER; i++) {
        uint64_t *word = claim_word(&pythia_page_types(page, i)->name), have = PYTHIA_ACQUIRE(word);
        uint64_t mine = claim_value(ref, hash);
        if ((!have && PYTHIA_SWAP(word, &have, mine)) || have == mine) return i;
    }
    return PYTHIA_TYPE_OTHER;
}
